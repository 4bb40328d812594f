"""What became of alerts since a time, in which order assets are told, and who needs a look."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from anomaly_lstm.clock import DAY, iso, parse_time
from anomaly_lstm.errors import UsageError
from anomaly_lstm.pages.fleet import (
    AWAITING,
    NEW,
    OVER,
    SHELVED,
    UNCHANGED,
    WORSE,
    Past,
    Unwatched,
    bin_edges,
    change_of,
    counts,
    past_of,
    rarer_since,
    since_from,
    strangest,
)
from tests.fleets import NEWEST, critical, fleet, mixed, rising, shown, silent
from tests.reports import alert, over
from tests.toys import MINUTE, START

LATER = START + 10 * DAY
"""After all that `tests.reports` tells."""


@pytest.mark.parametrize(
    ("text", "zone", "since"),
    [
        ("yesterday", "UTC", "2026-03-07T00:00:00Z"),
        ("Yesterday", "America/Santiago", "2026-03-06T03:00:00Z"),
        ("24h", "America/Santiago", "2026-03-07T01:30:00Z"),
        ("7d", "UTC", "2026-03-01T01:30:00Z"),
        ("2026-03-05", "America/Santiago", "2026-03-05T03:00:00Z"),
        ("2026-03-05T06:00:00Z", "America/Santiago", "2026-03-05T06:00:00Z"),
    ],
)
def test_since_counts_back_from_the_newest_row_on_the_plants_clock(text: str, zone: str, since: str) -> None:
    assert iso(since_from(text, parse_time("2026-03-08T01:30:00Z"), zone)) == since


def test_yesterday_begins_at_midnight_also_where_the_clocks_changed_since() -> None:
    newest = parse_time("2026-03-29T20:00:00Z")  # 22:00 in Berlin, on the day of 23 hours
    assert iso(since_from("yesterday", newest, "Europe/Berlin")) == "2026-03-27T23:00:00Z"


@pytest.mark.parametrize(("text", "told"), [("soon", "no time to count from"), ("2026-03-09", "after the newest row")])
def test_a_time_that_is_none_or_has_not_come_is_refused(text: str, told: str) -> None:
    with pytest.raises(UsageError, match=told):
        since_from(text, parse_time("2026-03-08T01:30:00Z"), "UTC")


def line(change: str, at_us: int, severity: str = "warning", **more: Any) -> dict[str, Any]:
    return {"change": change, "alert_id": "a", "event_time": iso(at_us), "severity": severity, "by": None,
            "alert": {"active": change != "cleared"}, **more}  # fmt: skip


def test_the_past_of_an_alert_is_what_rows_had_said_by_then() -> None:
    lines = [line("raised", 10 * MINUTE, "advisory"), line("severity_up", 20 * MINUTE), line("cleared", 30 * MINUTE)]
    assert past_of(lines, 5 * MINUTE) == {}
    assert past_of(lines, 15 * MINUTE)["a"] == Past(stood=True, severity="advisory")
    assert past_of(lines, 25 * MINUTE)["a"] == Past(stood=True, severity="warning")
    assert past_of(lines, 35 * MINUTE)["a"] == Past(stood=False, severity="warning")


def test_a_person_who_closes_is_heeded_and_the_clock_is_not() -> None:
    assert past_of([line("closed", MINUTE, by="anna")], 5 * MINUTE)["a"].closed_us == MINUTE
    assert past_of([line("closed", MINUTE)], 5 * MINUTE) == {}


def became(one: dict[str, Any], since_us: int = LATER, past: Past | None = None, rarer: float | None = None) -> str:
    found = change_of(one, past or Past(), since_us, rarer, 0.2)
    return found.change if found else "nothing"


STOOD = Past(stood=True, severity="warning")


@pytest.mark.parametrize(
    ("one", "since_us", "past", "rarer", "change"),
    [
        (alert(), START, None, None, NEW),
        (alert(), LATER, None, None, UNCHANGED),
        (alert(), LATER, STOOD, 0.1, UNCHANGED),
        (alert(), LATER, STOOD, 0.3, WORSE),
        (critical(), LATER, STOOD, None, WORSE),
        (alert(), LATER, Past(stood=True, severity="critical"), None, UNCHANGED),
        (alert(), LATER, Past(stood=False, severity="warning"), None, NEW),
        (over(), START, None, None, OVER),
        (over(), LATER, STOOD, None, AWAITING),
        (over(verdict="real", verdict_by="anna"), LATER, None, None, "nothing"),
        (over(closed=True), LATER, None, None, "nothing"),
        (over(kind="sensor_bad"), LATER, None, None, "nothing"),
        (alert(closed=True), LATER, Past(True, "warning", LATER + MINUTE), None, OVER),
        (alert(closed=True), LATER, Past(True, "warning", LATER - MINUTE), None, "nothing"),
    ],
)  # fmt: skip
def test_what_became_of_an_alert_since_then(
    one: dict[str, Any], since_us: int, past: Past | None, rarer: float | None, change: str
) -> None:
    assert became(one, since_us, past, rarer) == change


def test_the_severity_that_it_had_is_told_where_it_is_another() -> None:
    found = change_of(critical(), STOOD, LATER, None, 0.2)
    assert found is not None
    assert found.was == "warning"
    same = change_of(alert(), STOOD, LATER, None, 0.2)
    assert same is not None
    assert same.was is None


def test_how_much_rarer_is_told_by_the_scores_whatever_the_history_says() -> None:
    time_us = START + MINUTE * np.arange(6, dtype=np.int64)
    once_s = np.array([1e9, 10.0, 100.0, np.nan, 1000.0, 50.0])
    assert rarer_since(time_us, once_s, START + MINUTE, START + 2 * MINUTE) == pytest.approx(1.0)
    assert rarer_since(time_us, once_s, START + MINUTE, START + 5 * MINUTE) is None
    assert rarer_since(time_us[:0], once_s[:0], START, START) is None


def test_a_small_picture_keeps_the_strangest_row_of_each_stretch() -> None:
    edges = bin_edges(START, START + 6 * MINUTE, 2 * MINUTE)
    assert (np.diff(edges) == 2 * MINUTE).all()
    time_us = START + MINUTE * np.array([0, 1, 4, 5, 7])
    found = strangest(time_us, np.array([3.0, 9.0, np.nan, 2.0, 99.0]), edges)
    assert found.tolist() == [9.0, pytest.approx(np.nan, nan_ok=True), 2.0]
    assert np.isnan(strangest(time_us[:0], np.empty(0), edges)).all()


def test_assets_are_told_by_severity_then_time_left_then_rarity_and_the_unwatched_last() -> None:
    sooner = alert(reaches=[{**alert()["reaches"][0], "p50_s": 3600.0}])
    rarer = alert(reaches=[], peak={**alert()["peak"], "return_period_s": 1e10})
    aside = critical(shelved_until=iso(NEWEST + DAY))
    assets = [
        shown("g", unwatched=[Unwatched("disabled")]), shown("f"), shown("e", rising=[rising("e")]),
        shown("d", alerts=[aside]), shown("c", alerts=[rarer]), shown("b", alerts=[sooner]),
        shown("a", alerts=[critical()]), shown("cc", alerts=[alert(reaches=[])]),
    ]  # fmt: skip
    assert [one.name for one in fleet(*assets).assets] == ["a", "b", "c", "cc", "d", "e", "f", "g"]


def test_an_acknowledged_or_shelved_alert_needs_no_look() -> None:
    assert shown("a", alerts=[alert()]).needs_look
    assert shown("a", alerts=[silent()]).needs_look
    assert not shown("a", alerts=[alert(acked=True)]).needs_look
    assert not shown("a", alerts=[alert(out_of_service=True)]).needs_look
    assert shown("a", alerts=[alert(acked=True), critical()]).needs_look


def test_an_asset_of_which_only_some_sensors_are_put_aside_is_watched() -> None:
    assert shown("a", unwatched=[Unwatched(SHELVED, sensors=("flow",))]).is_watched
    assert not shown("a", unwatched=[Unwatched(SHELVED)]).is_watched


def test_the_counts_are_of_all_that_is_told() -> None:
    found = counts(mixed())
    assert found == {
        "assets": 12, "need_look": 3, "alerts": 5, "new": 2, "worse": 1, "unchanged": 2, "over": 1,
        "awaiting_verdict": 1, "rising": 1, "dead_sensors": 1, "not_watched": 4,
    }  # fmt: skip
