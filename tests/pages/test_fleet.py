"""What became of alerts since a time, in which order assets are told, and who needs a look."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from anomaly_lstm.clock import DAY, iso, parse_time
from anomaly_lstm.errors import UsageError
from anomaly_lstm.pages import worsening
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
    since_from,
    strangest,
)
from anomaly_lstm.pages.worsening import Then, Worse, strangest_then, worse
from anomaly_lstm.policy import Bound
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
    told = [past_of(lines, minutes * MINUTE)["a"] for minutes in (15, 25, 35)]
    assert [(one.stood, one.severity, one.told_us // MINUTE) for one in told] == [
        (True, "advisory", 10), (True, "warning", 20), (False, "warning", 30)
    ]  # fmt: skip
    assert told[1].alert == {"active": True}


def test_a_person_who_closes_is_heeded_and_the_clock_is_not() -> None:
    assert past_of([line("closed", MINUTE, by="anna")], 5 * MINUTE)["a"].closed_us == MINUTE
    assert past_of([line("closed", MINUTE)], 5 * MINUTE) == {}


STOOD = Past(stood=True, severity="warning")
YEAR_S = 365.25 * 86_400


def becomes(one: dict[str, Any], since_us: int, past: Past, then: Then | None = None) -> str:
    found = change_of(one, past, since_us, then or Then(), {}, 0.2)
    return found.change if found else "nothing"


@pytest.mark.parametrize(
    ("one", "since_us", "past", "change"),
    [
        (alert(), START, Past(), NEW),
        (alert(), LATER, Past(), UNCHANGED),
        (alert(), LATER, STOOD, UNCHANGED),
        (critical(), LATER, STOOD, WORSE),
        (alert(), LATER, Past(stood=True, severity="critical"), UNCHANGED),
        (alert(), LATER, Past(stood=False, severity="warning"), NEW),
        (over(), START, Past(), OVER),
        (over(), LATER, STOOD, AWAITING),
        (over(verdict="real", verdict_by="anna"), LATER, Past(), "nothing"),
        (over(closed=True), LATER, Past(), "nothing"),
        (over(kind="sensor_bad"), LATER, Past(), "nothing"),
        (alert(closed=True), LATER, Past(True, "warning", LATER + MINUTE), OVER),
        (alert(closed=True), LATER, Past(True, "warning", LATER - MINUTE), "nothing"),
    ],
)
def test_what_became_of_an_alert_since_then(one: dict[str, Any], since_us: int, past: Past, change: str) -> None:
    assert becomes(one, since_us, past) == change


def test_the_severity_that_it_had_is_told_where_it_is_another() -> None:
    found = change_of(critical(), STOOD, LATER, Then(), {}, 0.2)
    assert found is not None
    assert found.was == "warning"
    same = change_of(alert(), STOOD, LATER, Then(), {}, 0.2)
    assert same is not None
    assert same.was is None


THEN_US = START + 600 * MINUTE
"""While the alert of `tests.reports` stood, before its strangest row."""


def grown(then: Then, bounds: dict[str, Bound] | None = None, **changes: Any) -> list[tuple[str, float, float]]:
    found = worse(alert(**changes), then, THEN_US, bounds or {}, 0.2)
    return [(one.what, round(one.then, 2), round(one.now, 2)) for one in found]


def test_a_leading_sensor_that_is_a_fifth_further_off_is_worse_though_nothing_rarer_can_be_told() -> None:
    always = {"once_s": 8_700 * YEAR_S, "since_s": 31_700 * YEAR_S}
    assert grown(Then(**always, values={"bearing_temp": (69.0, 65.0)})) == [("deviation", 4.0, 6.1)]
    assert grown(Then(**always, values={"bearing_temp": (70.9, 65.0)})) == []
    assert grown(Then(**always, values={"bearing_temp": (60.0, 65.0)})) == [("deviation", -5.0, 6.1)], "other side"


def test_what_is_no_stranger_than_then_is_not_worse_by_its_sensors() -> None:
    before = {**alert()["peak"], "time": iso(THEN_US - MINUTE)}
    assert grown(Then(values={"bearing_temp": (66.0, 65.0)}), peak=before) == []


def test_rarer_counts_up_to_what_is_told() -> None:
    assert grown(Then(86_400, 864_000)) == [("return_period", 86_400, 864_000)]
    assert grown(Then(900 * YEAR_S, 10_000 * YEAR_S)) == [], "within the deadband of 1,000 years"
    assert grown(Then(86_400, 100_000)) == []
    assert grown(Then(86_400, None)) == []


def test_a_bound_that_was_crossed_since_is_worse_and_one_that_was_crossed_then_is_not() -> None:
    bounds = {"bearing_temp": Bound(high=71.0)}
    assert ("bound_crossed", 70.5, 71.1) in grown(Then(values={"bearing_temp": (70.5, 65.0)}), bounds)
    assert grown(Then(values={"bearing_temp": (71.05, 65.0)}), bounds) == []


def test_less_time_left_to_a_bound_is_worse_and_counts_from_then() -> None:
    told = [{**alert()["reaches"][0], "p50_s": 60 * 3600.0}]
    assert grown(Then(reaches=told, told_us=THEN_US)) == [("time_left", 216_000, 111_600)]
    assert grown(Then(reaches=told, told_us=THEN_US - 24 * 60 * MINUTE)) == [], "36 h were left then, 31 h are now"
    unsure = [{**told[0], "state": "cannot_say", "p50_s": None}]
    assert grown(Then(reaches=unsure, told_us=THEN_US)) == []


def test_then_is_the_strangest_row_up_to_then_also_where_return_periods_are_all_alike() -> None:
    time_us = START + MINUTE * np.arange(6, dtype=np.int64)
    once_s = np.array([1e12, 1e9, 1e9, np.nan, 1e9, 1e9])
    score = np.array([99.0, 2.0, 3.0, np.nan, 9.0, 5.0])
    values = {"t": (np.arange(6.0), np.zeros(6))}
    found = strangest_then(time_us, once_s, score, values, (START + MINUTE, START + 3 * MINUTE))
    assert (found.once_s, found.since_s, found.values) == (1e9, 1e9, {"t": (2.0, 0.0)})
    none = np.empty(0)
    assert strangest_then(time_us[:0], none, none, {}, (START, START)) == Then()


def test_where_rows_keep_no_values_then_is_as_it_was_told() -> None:
    past = Past(True, "warning", None, {**alert(), "sensors": [{**alert()["sensors"][0], "value": 66.0}]}, THEN_US)
    found = change_of(alert(), past, THEN_US, Then(), {}, 0.2)
    assert found is not None
    assert found.worse == (Worse(worsening.DEVIATION, 1.0, pytest.approx(6.1), "bearing_temp", "°C", side="above"),)


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
