"""The page of a replay in a real browser: it opens offline, zooms, tells what one points at, and obeys no name."""

from __future__ import annotations

import base64
from collections.abc import Callable
from typing import Any

import pytest

from anomaly_lstm.replaying import Replay
from tests import replays
from tests.browser.conftest import Open, drag, hovered
from tests.browser.test_report import HOSTILE

pytestmark = pytest.mark.browser
Opened = Callable[..., Open]


@pytest.fixture(scope="module")
def year() -> Replay:
    return replays.year()


def test_it_opens_from_the_disk_and_nothing_leaves_it(replay_opened: Opened, year: Replay) -> None:
    page = replay_opened(year)
    assert page.complaints() == []
    assert page.requests() == [page.path.as_uri()]
    assert page.run("document.querySelectorAll('.picture > .plot-container').length") == 2
    assert page.run("document.querySelectorAll('a[href], link, iframe, img').length") == 0


def test_the_timeline_zooms_by_mouse_keys_and_buttons_and_the_trade_off_stays(
    replay_opened: Opened, year: Replay
) -> None:
    page = replay_opened(year)
    whole, costs = page.ranges_of("timeline"), page.ranges_of("trade-off")
    drag(page, "#timeline")
    zoomed = page.ranges_of("timeline")
    assert zoomed[1] - zoomed[0] < 0.5 * (whole[1] - whole[0])
    assert page.ranges_of("trade-off") == costs
    page.find("#timeline").send_keys("+")
    nearer = page.ranges_of("timeline")
    assert nearer[1] - nearer[0] == pytest.approx((zoomed[1] - zoomed[0]) / 2, rel=0.01)
    page.find("button[data-act=all]").click()
    assert page.ranges_of("timeline") == pytest.approx(whole, abs=1)


@pytest.mark.parametrize(("language", "words"), [("en", "17 days before"), ("es", "17 días antes")])
def test_pointing_at_a_failure_tells_when_it_was_and_how_early_it_was_told(
    replay_opened: Opened, year: Replay, language: str, words: str
) -> None:
    page = replay_opened(year, language=language, zone="America/Santiago")
    told = hovered(page, "#timeline", 4400 / (365 * 24), 0.5)
    assert "2026-07-03 04:00" in told, "08:00 UTC is 04:00 in Santiago in July"
    assert words in told


def test_pointing_at_a_policy_tells_what_it_is_worth_and_what_it_costs(replay_opened: Opened, year: Replay) -> None:
    page = replay_opened(year)
    ring = "document.querySelector('#trade-off .scatterlayer .trace:last-child path.point')"
    page.run("document.querySelector('#trade-off').scrollIntoView({block: 'center'})")
    box = page.run(f"{ring}.getBoundingClientRect().toJSON()")
    for dx in (-2, 0):
        x, y = box["x"] + box["width"] / 2 + dx, box["y"] + box["height"] / 2
        page.command("Input.dispatchMouseEvent", type="mouseMoved", x=x, y=y)
    page.wait("document.querySelector('#trade-off .hoverlayer').textContent.length > 5")
    told = page.run("document.querySelector('#trade-off .hoverlayer').textContent")
    assert "3 of 4 failures warned" in told
    assert "2.6 false alerts per asset-year (95 % interval 1.2 to 4.7)" in told


def test_a_dark_screen_gets_dark_pictures(replay_opened: Opened, year: Replay) -> None:
    page = replay_opened(year, dark=True)
    assert page.run("document.querySelector('#timeline .xtick text').style.fill") == "rgb(230, 234, 239)"
    assert page.run("document.querySelector('#trade-off .xtick text').style.fill") == "rgb(230, 234, 239)"


def test_a_page_in_spanish_says_so_in_pictures_too(replay_opened: Opened, year: Replay) -> None:
    page = replay_opened(year, language="es")
    assert "3 de 4 fallos con alerta previa, 60 h antes" in page.run("document.body.innerText")
    assert "ene" in page.run("document.querySelector('#timeline .xaxislayer-above').textContent")
    assert "antelación mediana" in page.run("document.querySelector('#trade-off').textContent")


def test_it_prints_on_a4_with_its_pictures(replay_opened: Opened, year: Replay) -> None:
    page = replay_opened(year)
    printed = base64.b64decode(page.command("Page.printToPDF", paperWidth=8.27, paperHeight=11.69)["data"])
    assert printed.startswith(b"%PDF")
    assert page.complaints() == []


def test_a_narrow_screen_needs_no_sideways_scrolling(replay_opened: Opened, year: Replay) -> None:
    page = replay_opened(year, width=390)
    assert page.run("document.documentElement.scrollWidth") <= 390


def test_no_name_from_data_runs_or_becomes_markup(replay_opened: Opened) -> None:
    page = replay_opened(replays.year(HOSTILE))
    assert page.run("window.hit") is None
    assert page.run("document.querySelectorAll('img, a, iframe, script[src]').length") == 0
    assert "<img" in page.run("document.querySelector('#timeline .yaxislayer-above').textContent")
    assert "<img src=x" in hovered(page, "#timeline", 1240 / (365 * 24), 0.24)
    assert page.requests() == [page.path.as_uri()]
    assert page.complaints() == []


@pytest.mark.parametrize("what", ["a fleet", "no failure", "no alert"])
def test_whatever_there_is_to_tell_it_draws(replay_opened: Opened, what: str) -> None:
    made: dict[str, Callable[[], Any]] = {
        "a fleet": lambda: replays.fleet(12),
        "no failure": lambda: replays.of([replays.rows("a", {100: 40.0, 4000: 200.0})]),
        "no alert": lambda: replays.of([replays.rows("a", {})], replays.event("a", 100, 200)),
    }
    page = replay_opened(made[what]())
    assert page.complaints() == []
    assert page.run("document.getElementById('undrawn').hidden")
