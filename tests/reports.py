"""A small made-up page of an asset: half a day of a pump at 1 min, with one alert that stands."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from anomaly_lstm.clock import iso
from anomaly_lstm.pages.report import (
    Alert,
    AssetReport,
    Course,
    Kept,
    Knowledge,
    Parts,
    Promise,
    Rarity,
    States,
    Stretch,
    around,
)
from anomaly_lstm.policy import Bound
from tests.toys import MINUTE, START, minutes

ROWS = 720
ONSET = 500
DAY_S = 86_400.0


def alert(**changes: Any) -> dict[str, Any]:
    """A warning that stands: bearing_temp too high since row 500, and when it comes to its bound."""
    return {
        "alert_id": "ab12" + "0" * 12,
        "kind": "deviation",
        "asset": "pump-03",
        "severity": "warning",
        "severity_now": "warning",
        "active": True,
        "unseen": False,
        "acked": False,
        "acked_by": None,
        "confirmed": False,
        "shelved_until": None,
        "shelved_because": None,
        "suppressed": False,
        "out_of_service": False,
        "stale": False,
        "closed": False,
        "closed_because": None,
        "verdict": None,
        "verdict_by": None,
        "work_order": None,
        "note": None,
        "onset": iso(START + ONSET * MINUTE),
        "begun_at": iso(START + ONSET * MINUTE),
        "raised_at": iso(START + (ONSET + 10) * MINUTE),
        "updated_at": iso(START + (ROWS - 1) * MINUTE),
        "cleared_at": None,
        "peak": {"time": iso(START + 700 * MINUTE), "score": 9.0, "return_period_s": 400 * DAY_S},
        "sensors": [
            {
                "sensor": "bearing_temp",
                "share": 0.7,
                "direction": "above",
                "value": 71.1,
                "expected": 65.0,
                "unit": "°C",
            },
            {"sensor": "vibration", "share": 0.2, "direction": "above", "value": 3.0, "expected": 2.5, "unit": "mm/s"},
            {"sensor": "flow", "share": 0.1, "direction": "below", "value": 9.0, "expected": 9.5, "unit": None},
        ],
        "reason": "pump-03: bearing_temp 71.1 °C is 6.1 °C above the expected 65 °C.",
        "forecast": None,
        "reaches": [
            {
                "sensor": "bearing_temp",
                "severity": None,
                "level": 85.0,
                "unit": "°C",
                "state": "estimate",
                "reason": None,
                "p10_s": 18 * 3600.0,
                "p50_s": 31 * 3600.0,
                "p90_s": 60 * 3600.0,
            }
        ],
        "model_id": "m" * 12,
        **changes,
    }


def over(**changes: Any) -> dict[str, Any]:
    """The same alert, cleared at row 600."""
    end = iso(START + 600 * MINUTE)
    return alert(active=False, severity_now=None, cleared_at=end, updated_at=end, reaches=[], **changes)


def course(sensor: str, unit: str | None, *, level: float = 60.0, rise: float = 0.0, context: bool = False) -> Course:
    """A wave at a level that rises from row 500 on; a hole of two hours breaks it."""
    row = np.arange(ROWS)
    expected = level + np.sin(row / 40)
    measured = expected + rise * np.maximum(row - ONSET, 0) / 100
    measured[200:320] = np.nan
    bound = Bound(high=85.0) if sensor == "bearing_temp" else None
    return Course(
        sensor, unit, minutes(ROWS), measured, None if context else expected, None if context else (-0.5, 0.5), bound
    )


def asset_report(**changes: Any) -> AssetReport:
    """The page's facts; what a test asks for is changed."""
    edges = START + MINUTE * np.arange(0, ROWS + 1, 30, dtype=np.int64)
    n = len(edges) - 1
    rows = np.zeros((5, n), np.int64)
    rows[0], rows[2, 8:10], rows[0, 8:10] = 30, 30, 0
    once = np.full(ROWS, 3600.0)
    once[ONSET:] = np.geomspace(3600, 400 * DAY_S, ROWS - ONSET)
    once[200:320] = np.nan
    share = np.tile(np.array([[0.7], [0.2], [0.1]]), (1, n))
    end_us = START + ROWS * MINUTE
    stands = [alert()]
    courses = [
        course("bearing_temp", "°C", rise=4.0),
        course("vibration", "mm/s", level=2.0),
        course("speed_setpoint", "%", context=True),
    ]
    facts: dict[str, Any] = {
        "asset": "pump-03",
        "pipeline": "pump",
        "version": "0.1.0",
        "period_us": MINUTE,
        "start_us": START,
        "end_us": end_us,
        "alerts": stands,
        "about": None,
        "limits_s": {"advisory": 7 * DAY_S, "warning": 21 * DAY_S},
        "bounds": {"bearing_temp": Bound(high=85.0)},
        "rarity": Rarity(minutes(ROWS), once),
        "states": States(edges, rows),
        "courses": courses,
        "kept": [Kept(one.sensor, one.unit, 0.02, 1.0, 80.0, end_us - MINUTE) for one in courses],
        "parts": Parts(["bearing_temp", "vibration", "flow"], edges, share, np.full(n, 40 * DAY_S)),
        "stretches": [Stretch(START + 100 * MINUTE, START + 160 * MINUTE, "maintenance", None)],
        "promises": [Promise("advisory", 7 * DAY_S, 0.1, 1, 0.4, 1), Promise("warning", 21 * DAY_S, 0.02, 1, 0.1, 1)],
        "knowledge": knowledge(),
        "notes": ["pump-03: 3 rows not judged."],
        "told": "pump-03: bearing_temp 67.2 °C is 2.2 °C above the expected 65 °C.",
        **changes,
    }
    shown: Alert | None = facts["about"] or next(iter(facts["alerts"]), None)
    focus = around(shown, START, end_us) if shown else (START, end_us)
    return AssetReport(**{"focus_us": focus, **facts})


def knowledge(losses: Mapping[str, float] | None = None) -> Knowledge:
    return Knowledge(
        model_id="m" * 12,
        network="lstm_predictor",
        carried_by="lstm_predictor",
        losses=losses or {"linear_predictor": 0.0062, "lstm_predictor": 0.0057},
        scored=["bearing_temp", "vibration", "flow"],
        context=["speed_setpoint"],
        rows=119_314,
        assets=4,
        own_rows=29_959,
        start_us=START - 100_000 * MINUTE,
        end_us=START,
        memory_rows=128,
        expected=5.0,
        observed=5.0,
        at_s=12 * DAY_S,
        normal_s=62 * DAY_S,
    )


def hostile(name: str) -> AssetReport:
    """A page on which every name that comes from data is this one."""
    told = [{**one, "sensor": name, "unit": name} for one in alert()["sensors"]]
    reach = [{**one, "sensor": name, "unit": name} for one in alert()["reaches"]]
    named = alert(
        asset=name, sensors=told, reaches=reach, reason=name, acked=True, acked_by=name, work_order=name, note=name
    )
    courses = [
        Course(name, name, one.time_us, one.measured, one.expected, one.band, Bound(high=85.0))
        for one in asset_report().courses
    ]
    plain = asset_report()
    return asset_report(
        asset=name,
        pipeline=name,
        alerts=[named, over(asset=name, sensors=told, verdict="real", verdict_by=name, alert_id="f" * 16)],
        bounds={name: Bound(high=70.0)},
        courses=courses,
        kept=[Kept(name, name, 0.5, 0.0, 1.0, None)],
        parts=Parts([name, f"{name} 2", "flow"], plain.parts.edges_us, plain.parts.share, plain.parts.return_period_s),
        notes=[name],
        told=name,
    )
