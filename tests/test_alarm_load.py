"""How many alerts people get, how they crowd, which chatter and which stand for ever."""

from __future__ import annotations

from typing import Any

import pytest

from anomaly_lstm.alarm_load import alarm_load
from anomaly_lstm.changes import CLEARED, RAISED, RE_RAISED, SEVERITY_UP
from anomaly_lstm.clock import DAY, iso

NOON = 1_767_268_800_000_000
MINUTE = 60_000_000


def line(at_us: int, asset: str, alert_id: str, change: str = RAISED, *, tell: bool = True) -> dict[str, Any]:
    return {"event_time": iso(at_us), "asset": asset, "alert_id": alert_id, "change": change, "tell": tell}


def test_calls_are_counted_per_asset_and_day_over_the_time_that_was_watched() -> None:
    lines = [line(NOON + n * DAY, "a", f"a{n}") for n in range(4)] + [line(NOON, "b", "b0")]
    load = alarm_load(lines, 2, NOON, NOON + 10 * DAY)
    assert (load.calls, load.busiest) == (5, [("a", 4), ("b", 1)])
    assert load.per_asset_day == pytest.approx(5 / 20)


def test_what_nobody_was_told_and_what_is_long_ago_is_no_load() -> None:
    lines = [line(NOON, "a", "old"), line(NOON + 50 * DAY, "a", "silent", tell=False), line(NOON + 51 * DAY, "a", "x")]
    assert alarm_load(lines, 1, NOON - DAY, NOON + 52 * DAY).calls == 1


def test_more_than_ten_calls_in_ten_minutes_are_a_flood() -> None:
    calm = [line(NOON + n * MINUTE, f"p{n}", f"a{n}") for n in range(10)]
    assert not alarm_load(calm, 20, NOON, NOON + DAY).document()["flood"]
    flood = alarm_load([*calm, line(NOON + 9 * MINUTE, "p10", "a10")], 20, NOON, NOON + DAY).document()
    assert (flood["flood"], flood["most_in_ten_minutes"], flood["most_at"]) == (True, 11, iso(NOON))


def test_an_alert_that_comes_again_and_again_chatters() -> None:
    again = [line(NOON + n * 60 * MINUTE, "a", "x", RE_RAISED if n else RAISED) for n in range(3)]
    slow = [line(NOON + n * DAY, "b", "y", SEVERITY_UP if n else RAISED) for n in range(3)]
    assert alarm_load([*again, *slow], 2, NOON, NOON + 5 * DAY).chattering == [("x", "a", 3)]


def test_the_alert_that_stands_longest_is_named() -> None:
    lines = [
        line(NOON, "a", "gone"),
        line(NOON + DAY, "a", "gone", CLEARED),
        line(NOON + 2 * DAY, "b", "long"),
        line(NOON + 3 * DAY, "c", "short"),
    ]
    assert alarm_load(lines, 3, NOON, NOON + 5 * DAY).longest == ("long", "b", NOON + 2 * DAY)
    assert alarm_load(lines[:2], 3, NOON, NOON + 5 * DAY).longest is None
