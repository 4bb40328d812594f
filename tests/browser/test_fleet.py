"""The page of a fleet in a real browser: it opens offline, sorts, filters, prints, and obeys no name."""

from __future__ import annotations

import base64
from collections.abc import Callable
from importlib.resources import files
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from anomaly_lstm.pages import fleet_page
from anomaly_lstm.pages.fleet import Fleet, Unwatched
from anomaly_lstm.pages.texts import Tongue
from anomaly_lstm.pipeline.reporting import page_name
from tests.browser.conftest import Open
from tests.browser.test_report import HOSTILE
from tests.fleets import fleet, mixed, shown
from tests.pages.test_fleet_page import named

pytestmark = pytest.mark.browser

SHOWN = "[...document.querySelectorAll('#assets tbody tr:not([hidden])')]"
NAMES = f"{SHOWN}.map(row => row.cells[0].textContent)"


@pytest.fixture
def opened(looked_at: Callable[..., Open]) -> Callable[..., Open]:
    """Draws the page of a fleet and opens it."""
    script = (files("anomaly_lstm.pages") / "fleet.js").read_text("utf-8")

    def open_(made: Fleet, language: str = "en", **how: Any) -> Open:
        return looked_at(fleet_page.draw(made, Tongue(language, ZoneInfo("UTC")), script), **how)

    return open_


Opened = Callable[..., Open]


def choose(page: Open, selector: str, value: str) -> None:
    """As a person who chooses from a list."""
    script = (
        "const s = document.querySelector(arguments[0]); s.value = arguments[1]; s.dispatchEvent(new Event('change'))"
    )
    page.browser.execute_script(script, selector, value)


def test_it_opens_from_the_disk_and_nothing_leaves_it(opened: Opened) -> None:
    page = opened(mixed(40))
    assert page.complaints() == []
    assert page.requests() == [page.path.as_uri()]
    assert page.run("document.querySelectorAll('link, iframe, img, [src]').length") == 0
    assert page.run(f"{NAMES}.length") == 40
    assert page.run("document.getElementById('count').textContent") == "40 of 40 assets"


def test_the_policy_of_the_page_refuses_a_request_of_a_script(opened: Opened) -> None:
    page = opened(mixed())
    refused = (
        "const done = arguments[arguments.length - 1];"
        "document.addEventListener('securitypolicyviolation', e => done(e.effectiveDirective));"
        "fetch('https://evil.example/').catch(() => 0)"
    )
    assert page.browser.execute_async_script(refused) == "connect-src"


def test_searching_finds_any_text_of_a_row_whatever_its_capitals_and_accents(opened: Opened) -> None:
    page = opened(fleet(shown("Bomba Ñuñoa"), shown("bomba-2"), shown("ventilador")))
    search = page.find("#tools input")
    search.send_keys("BOMBA nunoa")
    assert page.run(NAMES) == ["Bomba Ñuñoa"]
    assert page.run("document.getElementById('count').textContent") == "1 of 3 assets"
    search.send_keys("xyz")
    assert page.run(NAMES) == []
    assert page.run("document.getElementById('none').hidden") is False
    search.send_keys("\ue00c")  # escape
    assert len(page.run(NAMES)) == 3


def test_filters_go_together_and_the_address_keeps_them(opened: Opened) -> None:
    page = opened(mixed(40))
    choose(page, "select[data-by=severity]", "unwatched")
    assert set(page.run(NAMES)) == {"pump-05", "pump-06", "pump-09", "pump-10"}, "also one with an alert"
    choose(page, "select[data-by=site]", "east")
    assert page.run(NAMES) == ["pump-06", "pump-10"]
    page.find("#assets th[data-name=owner] button").click()
    address = page.run("location.hash")
    assert address == "#severity=unwatched&site=east&sort=owner"
    found = page.run(NAMES)
    again = opened(mixed(40), hash_=address)
    assert again.run(NAMES) == found
    again.find("#tools button").click()
    assert len(again.run(NAMES)) == 40
    assert again.run("location.hash") == ""


def test_a_click_on_a_head_sorts_up_then_down_and_what_is_empty_comes_last(opened: Opened) -> None:
    page = opened(mixed())
    head = page.find("#assets th[data-name='time left'] button")
    head.click()
    assert page.run(NAMES)[:3] == ["pump-03", "pump-07", "pump-08"]
    assert page.run("document.querySelector('th[data-name=\"time left\"]').ariaSort") == "ascending"
    head.click()
    assert page.run(NAMES)[:3] == ["pump-08", "pump-07", "pump-03"]
    page.find("#assets th[data-name=asset] button").click()
    names = page.run(NAMES)
    assert names == sorted(names)
    page.find("#assets th[data-name=severity] button").click()
    assert page.run(NAMES) == [one.name for one in mixed().assets]


def test_all_of_it_can_be_done_by_the_keyboard(opened: Opened) -> None:
    page = opened(mixed())
    page.find("body").send_keys("/")
    assert page.run("document.activeElement === document.querySelector('#tools input')")
    page.find("#assets th[data-name=asset] button").send_keys("\ue007")  # enter
    assert page.run(NAMES)[0] == "asset-0000"
    reached = (
        "[...document.querySelectorAll('#tools input, #tools select, button, a')]"
        ".filter(e => e.offsetParent !== null).every(e => e.tabIndex === 0)"
    )
    assert page.run(reached)


def test_the_tiles_lead_to_their_sections_and_leave_the_filter_alone(opened: Opened) -> None:
    page = opened(mixed(40), hash_="#find=pump")
    before = page.run(NAMES)
    page.find("a.tile[href='#not_watched']").click()
    assert page.run("location.hash") == "#not_watched"
    assert page.run(NAMES) == before
    assert page.run("document.getElementById('not_watched').getBoundingClientRect().top") < 200


def test_without_scripts_all_assets_are_there_and_nothing_that_does_nothing(opened: Opened) -> None:
    page = opened(mixed(40), script=False)
    tree = page.command("DOMSnapshot.captureSnapshot", computedStyles=["display"])
    text = "\n".join(tree["strings"])
    assert all(one.name in text for one in mixed(40).assets)
    shot = page.command("DOM.getDocument", depth=-1)
    tools = page.command("DOM.querySelector", nodeId=shot["root"]["nodeId"], selector="#tools[hidden]")
    assert tools["nodeId"]
    assert not page.command("DOM.querySelector", nodeId=shot["root"]["nodeId"], selector="th button")["nodeId"]


def test_a_dark_screen_gets_a_dark_page(opened: Opened) -> None:
    page = opened(mixed(), dark=True)
    assert page.run("getComputedStyle(document.body).backgroundColor") == "rgb(20, 24, 29)"
    assert page.run("getComputedStyle(document.querySelector('.line')).stroke") == "rgb(230, 234, 239)"


def test_a_page_in_spanish_says_so(opened: Opened) -> None:
    page = opened(mixed(1000), language="es")
    assert page.run("document.documentElement.lang") == "es"
    assert page.run("document.querySelector('h1').textContent").startswith("3 de 1.000 equipos piden una mirada")
    assert page.run("document.getElementById('count').textContent") == "1.000 de 1.000 equipos"


def test_it_prints_on_a4_without_what_only_works_on_a_screen(opened: Opened) -> None:
    page = opened(mixed(40))
    page.command("Emulation.setEmulatedMedia", media="print")
    page.command("Emulation.setDeviceMetricsOverride", width=690, height=900, deviceScaleFactor=1, mobile=False)
    assert page.run("document.documentElement.scrollWidth") <= 690
    assert page.run("getComputedStyle(document.getElementById('tools')).display") == "none"
    assert page.run("getComputedStyle(document.querySelector('#assets thead')).display") == "table-header-group"
    page.command("Emulation.setEmulatedMedia", media="")
    printed = base64.b64decode(page.command("Page.printToPDF", paperWidth=8.27, paperHeight=11.69)["data"])
    assert printed.startswith(b"%PDF")


@pytest.mark.parametrize("width", [390, 1280])
def test_neither_a_phone_nor_a_laptop_needs_sideways_scrolling(opened: Opened, width: int) -> None:
    page = opened(mixed(40), width=width)
    assert page.run("document.documentElement.scrollWidth") <= width
    assert page.run("document.querySelector('.wide').scrollWidth") <= width


@pytest.mark.parametrize("language", ["en", "es"])
def test_no_name_from_data_runs_or_becomes_markup(opened: Opened, language: str) -> None:
    page = opened(named(HOSTILE), language=language)
    page.find("#tools input").send_keys("<img")
    assert page.run(f"{NAMES}.length") == 2
    choose(page, "select[data-by=site]", page.run("document.querySelectorAll('select[data-by=site] option')[1].value"))
    assert page.run(f"{NAMES}.length") == 1
    assert page.run("window.hit") is None
    assert page.run("document.querySelectorAll('img, iframe, script[src]').length") == 0
    assert page.run("document.querySelectorAll('script').length") == 1
    assert page.run("[...document.querySelectorAll('a')].every(a => a.getAttribute('href').startsWith('#'))")
    assert page.requests() == [page.path.as_uri()]
    assert page.complaints() == []


@pytest.mark.parametrize("name", [HOSTILE, "../../x", "=1+2 #a?b%41", "fleet", "C:\\x", "javascript:1"])
def test_a_link_leads_to_the_page_beside_it_whatever_the_assets_name(opened: Opened, tmp_path: Path, name: str) -> None:
    (tmp_path / page_name(name)).write_text("<title>the page of the asset</title>", encoding="utf-8")
    page = opened(fleet(shown(name, page=page_name(name))))
    page.find("#assets tbody a").click()
    page.wait("document.title === 'the page of the asset'")
    assert page.run("window.hit") is None


def test_a_hostile_address_is_a_text_to_search_for_and_nothing_else(opened: Opened) -> None:
    page = opened(mixed(), hash_="#find=%3Cimg%20src%3Dx%20onerror%3Dwindow.hit%3D1%3E&severity=nothing&sort=%5B")
    assert page.run("window.hit") is None
    assert page.run("document.querySelector('#tools input').value") == "<img src=x onerror=window.hit=1>"
    assert page.run("document.querySelector('select[data-by=severity]').value") == ""
    assert page.complaints() == []


@pytest.mark.parametrize(
    "made",
    [
        mixed(1),
        fleet(),
        fleet(shown("p"), shown("q")),
        fleet(*[shown(f"p{n}", unwatched=[Unwatched("never")]) for n in range(3)]),
    ],
    ids=["one", "none", "quiet", "unwatched"],
)
def test_whatever_there_is_to_tell_it_draws(opened: Opened, made: Fleet) -> None:
    page = opened(made, script=bool(made.assets))
    assert page.complaints() == []
