"""A fleet at a glance: who comes first, and what is told of each."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np

from anomaly_lstm.actions import NOTHING
from anomaly_lstm.glances import ranked


def alert(asset: str, severity: str, **more: Any) -> dict[str, Any]:
    peak = {"time": "2026-01-02T00:00:00Z", "score": 9.0, "return_period_s": 5e6}
    plain = {"alert_id": f"{asset}-{severity}", "kind": "deviation", "severity_now": None, "active": True}
    times = {"onset": "2026-01-01T00:00:00Z", "raised_at": "2026-01-02T00:00:00Z", "closed": False, "reaches": []}
    return {**NOTHING, **plain, **times, "asset": asset, "severity": severity, "peak": peak, **more}


def indicator(asset: str, p50_s: float) -> dict[str, Any]:
    return {
        "asset": asset, "sensor": "temp", "onset": "2026-01-01T00:00:00Z", "state": "estimate",
        "p10_s": p50_s / 2, "p50_s": p50_s, "p90_s": p50_s * 2,
    }  # fmt: skip


LIMITS: dict[str, float | None] = dict.fromkeys(["a", "b", "c", "d", "e"], 1e6)


def test_alerts_come_first_then_what_rises_then_the_quiet_by_name() -> None:
    alerts = [alert("d", "advisory"), alert("c", "critical"), alert("a", "warning", active=False)]
    found = ranked(alerts, [indicator("e", 9.0), indicator("d", 20.0)], LIMITS)
    assert [one.asset for one in found] == ["c", "d", "e", "a", "b"]
    assert [one.severity for one in found] == ["critical", "advisory", None, None, None]
    assert found[1].indicator is None, "an alert tells of all bounds"
    assert found[2].indicator is not None


def test_an_asset_shows_the_weightiest_of_its_alerts_and_none_that_was_closed() -> None:
    several = [alert("a", "advisory"), alert("a", "critical", closed=True), alert("a", "warning")]
    assert ranked(several, [], LIMITS)[0].severity == "warning"


def test_an_asset_that_is_not_watched_is_not_shown() -> None:
    assert [one.asset for one in ranked([alert("off", "critical")], [indicator("off", 1.0)], {"a": None})] == ["a"]


def test_what_people_put_aside_comes_after_what_they_did_not_and_who_is_unwatched_last() -> None:
    alerts = [alert("c", "critical", out_of_service=True), alert("d", "advisory"), alert("b", "warning", closed=True)]
    found = ranked(alerts, [], LIMITS, {"a": "never", "c": "disabled"})
    assert [one.asset for one in found] == ["d", "c", "b", "e", "a"]
    assert [one.document()["handled"] for one in found] == [None, "out of service", None, None, None]
    assert [one.unwatched for one in found] == [None, "disabled", None, None, "never"]
    assert [one.closed for one in found] == [False, False, True, False, False]


def test_of_a_quiet_asset_the_rarest_row_of_late_is_told_and_of_an_alert_its_peak() -> None:
    loud, quiet = ranked([alert("b", "warning")], [], {"a": 1e6, "b": 1e6})
    rows = np.array([np.nan, 300.0, 7000.0])
    assert replace(quiet, once_s=rows).once_in_s == 7000.0
    assert replace(quiet, once_s=np.array([np.nan])).once_in_s is None
    assert replace(loud, once_s=rows).once_in_s == 5e6


def test_what_is_reached_first_is_what_is_left() -> None:
    reaches = [
        {"sensor": "temp", "state": "estimate", "p10_s": 2.0, "p50_s": 8.0, "p90_s": 9.0},
        {"sensor": "flow", "state": "estimate", "p10_s": 1.0, "p50_s": 5.0, "p90_s": 9.0},
        {"sensor": "oil", "state": "cannot_say", "p10_s": None, "p50_s": None, "p90_s": None},
    ]
    told = ranked([alert("a", "warning", reaches=reaches)], [], LIMITS)[0].document()
    assert told["left"] == {"sensor": "flow", "p10_s": 1.0, "p50_s": 5.0, "p90_s": 9.0}
    assert ranked([alert("a", "warning")], [], LIMITS)[0].document()["left"] is None
