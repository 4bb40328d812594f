"""The page of an asset in a real browser: it opens offline, zooms together, tells units, and obeys no name."""

from __future__ import annotations

import base64
import re
from collections.abc import Callable
from typing import Any

import pytest

from tests.browser.conftest import Open, drag, hovered
from tests.reports import asset_report, hostile, over

pytestmark = pytest.mark.browser
Opened = Callable[..., Open]

HOSTILE = (
    '<img src=x onerror="window.hit=1"></script><script>window.hit=1</script>\'"&amp; =cmd()|\' %{x} '
    '<a href="https://evil.example/">b</a>\x1b[2J\u202e'
)


def test_it_opens_from_the_disk_and_nothing_leaves_it(opened: Opened) -> None:
    page = opened(asset_report())
    assert page.complaints() == []
    assert page.requests() == [page.path.as_uri()]
    assert page.run("document.querySelectorAll('.picture .main-svg').length") >= 6
    assert page.run("document.querySelectorAll('a[href], link, iframe, img').length") == 0


def test_the_policy_of_the_page_refuses_a_request_of_a_script(opened: Opened) -> None:
    page = opened(asset_report())
    refused = (
        "const done = arguments[arguments.length - 1];"
        "document.addEventListener('securitypolicyviolation', e => done(e.effectiveDirective));"
        "fetch('https://evil.example/').catch(() => 0)"
    )
    assert page.browser.execute_async_script(refused) == "connect-src"


def test_all_pictures_show_the_same_time_whatever_zooms(opened: Opened) -> None:
    page = opened(asset_report())
    first = page.ranges()
    assert all(one == first[0] for one in first)
    page.find("button[data-act=all]").click()
    whole = page.ranges()
    assert all(one == whole[0] for one in whole)
    assert whole[0] != first[0]
    drag(page, "#rarity")
    zoomed = page.ranges()
    assert zoomed[0][1] - zoomed[0][0] < 0.7 * (whole[0][1] - whole[0][0])
    assert all(one == pytest.approx(zoomed[0], abs=1) for one in zoomed)


def test_the_keyboard_zooms_and_moves(opened: Opened) -> None:
    page = opened(asset_report())
    first = page.ranges()[0]
    picture = page.find("#sensor-0")
    picture.send_keys("+")
    nearer = page.ranges()[0]
    assert nearer[1] - nearer[0] == pytest.approx((first[1] - first[0]) / 2, rel=0.01)
    picture.send_keys("\ue012")  # arrow left
    assert page.ranges()[0][0] < nearer[0]
    picture.send_keys("\ue00c")  # escape
    assert page.ranges()[0] == pytest.approx(first, abs=1)
    assert page.run("[...document.querySelectorAll('.picture')].every(p => p.tabIndex === 0 && p.ariaLabel)")


@pytest.mark.parametrize(("language", "figure"), [("en", r"59\.\d* °C"), ("es", r"59,\d* °C")])
def test_hovering_tells_value_unit_and_local_time(opened: Opened, language: str, figure: str) -> None:
    page = opened(asset_report(alerts=[]), language=language, zone="America/Santiago")
    told = hovered(page, "#sensor-0", 180 / 720)
    assert "America/Santiago" in told
    assert re.search(r"(2025-12-31 23:5|2026-01-01 00:0)\d", told), "03:00 UTC is midnight in Santiago in January"
    assert re.search(figure, told)
    assert ("measured" if language == "en" else "medido") in told


def test_a_dark_screen_gets_dark_pictures_also_while_the_page_is_open(opened: Opened) -> None:
    ink = "document.querySelector('#rarity .xtick text').style.fill"
    page = opened(asset_report())
    light = page.run(ink)
    page.command("Emulation.setEmulatedMedia", features=[{"name": "prefers-color-scheme", "value": "dark"}])
    page.wait(f"{ink} !== '{light}'")
    assert page.run("getComputedStyle(document.body).backgroundColor") == "rgb(20, 24, 29)"
    assert page.run(ink) == opened(asset_report(), dark=True).run(ink)


def test_a_page_in_spanish_says_so_and_keeps_spanish_numbers(opened: Opened) -> None:
    page = opened(asset_report(), language="es")
    assert page.run("document.documentElement.lang") == "es"
    said = page.run("document.body.innerText")
    assert (
        "bearing_temp 71,1 °C, 6,1 °C por encima de lo esperado (también vibration) desde el 1 de enero de 2026, 08:20"
        in said
    )
    assert "ene" in page.run("document.querySelector('#rarity .xaxislayer-above').textContent")


def test_it_prints_on_a4_with_all_pictures(opened: Opened) -> None:
    page = opened(asset_report())
    printed = base64.b64decode(page.command("Page.printToPDF", paperWidth=8.27, paperHeight=11.69)["data"])
    assert printed.startswith(b"%PDF")
    assert page.complaints() == []
    page.wait("!document.documentElement.classList.contains('on-paper')")


def test_paper_has_no_buttons(opened: Opened) -> None:
    page = opened(asset_report())
    tools = "getComputedStyle(document.querySelector('.tools')).display"
    assert page.run(tools) == "flex"
    page.command("Emulation.setEmulatedMedia", media="print")
    assert page.run(tools) == "none"
    page.command("Emulation.setEmulatedMedia", media="")


def test_a_narrow_screen_needs_no_sideways_scrolling(opened: Opened) -> None:
    page = opened(asset_report(), width=390)
    assert page.run("document.documentElement.scrollWidth") <= 390
    widths = page.run("[...document.querySelectorAll('.picture .main-svg')].map(s => s.getBoundingClientRect().right)")
    assert max(widths) <= 390


@pytest.mark.parametrize("language", ["en", "es"])
def test_no_name_from_data_runs_or_becomes_markup(opened: Opened, language: str) -> None:
    page = opened(hostile(HOSTILE), language=language)
    assert page.run("window.hit") is None
    assert page.run("document.querySelectorAll('img, a, iframe, script[src]').length") == 0
    assert page.run("document.querySelectorAll('script:not([type]):not([id])').length") == 2, "the library and ours"
    assert "<img src=x onerror" in page.run("document.querySelector('h1').textContent")
    told = hovered(page, "#sensor-0", 0.12)
    assert '<a href="https' in told
    assert "<img" in page.run("document.querySelector('#parts .yaxislayer-above').textContent")
    assert page.requests() == [page.path.as_uri()]
    assert page.complaints() == []


@pytest.mark.parametrize("what", ["only gaps", "no alert", "no sensors", "one that is over"])
def test_whatever_there_is_to_tell_it_draws(opened: Opened, what: str) -> None:
    plain = asset_report()
    changes: dict[str, dict[str, Any]] = {
        "no alert": {"alerts": []},
        "one that is over": {"alerts": [over()], "about": over()},
        "no sensors": {"alerts": [], "courses": [], "kept": [], "parts": _parts_of_nothing(plain)},
        "only gaps": _only_gaps(plain),
    }
    page = opened(asset_report(**changes[what]))
    assert page.complaints() == []
    assert page.run("document.getElementById('undrawn').hidden")


def _parts_of_nothing(plain: Any) -> Any:
    from dataclasses import replace

    return replace(plain.parts, sensors=[], share=plain.parts.share[:0])


def _only_gaps(plain: Any) -> dict[str, Any]:
    from dataclasses import replace

    import numpy as np

    rows = np.zeros_like(plain.states.rows)
    rows[2] = 30
    nothing = np.full_like(plain.rarity.return_period_s, np.nan)
    return {
        "alerts": [],
        "states": replace(plain.states, rows=rows),
        "rarity": replace(plain.rarity, return_period_s=nothing),
        "parts": replace(
            plain.parts, share=plain.parts.share * np.nan, return_period_s=plain.parts.return_period_s * np.nan
        ),
        "courses": [replace(one, measured=one.measured * np.nan, band=None) for one in plain.courses],
    }
