"""The page of a replay: what a manager reads in it, and that no name can harm it."""

from __future__ import annotations

import html
import re
from dataclasses import replace
from zoneinfo import ZoneInfo

import pytest

from anomaly_lstm.events import Event
from anomaly_lstm.pages.replay_page import draw
from anomaly_lstm.pages.replay_texts import NO_SCORES
from anomaly_lstm.pages.replay_words import headline
from anomaly_lstm.pages.report_page import Drawing
from anomaly_lstm.pages.texts import Tongue
from anomaly_lstm.pages.timelines import AT_MOST
from anomaly_lstm.policy import DAY_US
from anomaly_lstm.replaying import Note, Replay
from tests.pages.test_page import HOSTILE, read
from tests.test_replaying import GROWING, at, event, history, replayed, rows
from tests.toys import MINUTE


@pytest.fixture(scope="module")
def result() -> Replay:
    """A failure warned of, one missed, an anomaly found, a false alert, maintenance; and a pump without anything."""
    events = (event(50, 162), event(180, 190), event(60, 80, "anomaly", "b"), event(10, 20, "maintenance", "b"))
    assets = [GROWING, rows({70: 30.0, 150: 900.0}, asset="b"), rows({}, asset="c")]
    return replayed(assets, history(*events), return_periods_us=(DAY_US * 5, DAY_US * 365), on_delays_us=(0, MINUTE))


def words(page: str) -> str:
    """What a reader sees, without the markup."""
    return " ".join(re.sub(r"<style>.*?</style>|<[^>]+>", " ", page, flags=re.DOTALL).split())


def test_the_page_opens_with_the_headline(result: Replay) -> None:
    drawn = draw(result)
    assert f"<h1>{headline(result)}</h1>" in drawn
    assert f"<title>{headline(result)}</title>" in drawn


def test_each_event_is_told_with_its_alert_as_it_was_then(result: Replay) -> None:
    said = words(draw(result))
    assert "pump failure 2026-01-01 02:42 2026-01-01 01:40 62 min before advisory temp" in said
    assert "pump failure 2026-01-01 03:10 – missed – –" in said
    assert "b anomaly – 2026-01-01 01:10 after 10 min advisory temp" in said
    assert "pump: temp 60 is 10 above the expected 50 (flow too), since" in said


def test_false_alerts_stand_beside_what_was_promised(result: Replay) -> None:
    said = words(draw(result))
    assert "b warning 2026-01-01 02:30 60 s" in said
    assert "promised at a return period of 10 days" in said
    assert "Alarm load:" in said


def test_the_grid_frames_the_present_policy_and_shades_false_alerts(result: Replay) -> None:
    drawn = draw(result)
    cells = re.findall(r'<td class="whole" style="background: rgba\(var\(--heat\), ([0-9.]+)\);([^"]*)">', drawn)
    assert len(cells) == 6
    assert sum("outline" in more for _, more in cells) == 1
    assert max(float(shade) for shade, _ in cells) == 0.55
    assert "no on-delay" in drawn
    assert "beyond record" in drawn
    assert "No policy is marked as the best" in drawn


def test_without_what_draws_the_page_has_its_tables_and_no_script(result: Replay) -> None:
    drawn = draw(result)
    assert "script" not in read(drawn).tags
    assert 'class="picture"' not in drawn
    assert "1 more asset with less to show or nothing, not drawn." in drawn


def test_what_draws_stands_in_the_page_and_nothing_else_may_run(result: Replay) -> None:
    drawn = draw(result, drawing=Drawing("library();", "panels();"))
    assert [part for part in ("timeline", "trade-off") if f'<div id="{part}" class="picture"' in drawn] == [
        "timeline",
        "trade-off",
    ]
    assert drawn.count("sha256-") == 2
    assert drawn.count("connect-src") == 0
    assert "default-src 'none'" in html.unescape(drawn)


def test_a_page_in_spanish_has_spanish_words_numbers_and_the_clock_of_the_plant(result: Replay) -> None:
    said = words(draw(result, Tongue("es", ZoneInfo("America/Santiago"))))
    assert "pump fallo 2025-12-31 23:42 2025-12-31 22:40 62 min antes aviso temp" in said
    assert "pump: temp 60, 10 por encima de lo esperado (también flow) desde el" in said
    assert "horas de America/Santiago" in said
    assert not re.search(r"\b(failure|warned|promised|false alert|once in)\b", said)


def test_no_name_from_data_becomes_markup() -> None:
    named = rows({100: 30.0}, asset=HOSTILE)
    evil = Event(HOSTILE, at(90), at(120), "failure", None, at(120), HOSTILE, 2)
    result = replayed([named, rows({20: 30.0}, asset=f"{HOSTILE}2")], history(evil))
    drawn = draw(replace(result, notes=(Note(NO_SCORES, {"assets": HOSTILE}),)))
    found = read(drawn)
    assert "script" not in found.tags
    assert not {name for name in found.attributes if name.startswith("on")}
    assert not {"\x1b", "\u202e"} & set(drawn)


def test_the_page_of_nothing_is_still_a_page() -> None:
    for empty in (replayed([rows({})], history()), replayed([], history())):
        said = words(draw(empty))
        assert "No failure noted; 0 false alerts" in said
        assert "nothing can be said of warning time" in said
        assert "No event was noted and no alert was raised." in said
        read(draw(empty))


def test_a_large_fleet_makes_no_large_page() -> None:
    many = [rows({100: 30.0}, asset=f"a{i:03}") for i in range(AT_MOST + 30)]
    drawn = draw(replayed(many, history()))
    assert drawn.count("<td") < 5 * AT_MOST
    assert "… and 30 more." in drawn


def test_the_same_replay_is_the_same_bytes(result: Replay) -> None:
    assert draw(result) == draw(result)
