"""Missing data as alerts of their own: an asset that sends nothing, a sensor without values; and how long a score is
missing.

They stand beside the deviations of an asset and never close or silence one: missing is not well. All is on the data's
clock, that of the whole source: the newest row of any asset says how late it is. A source that stops as a whole
therefore raises nothing here; whoever schedules the program must watch that.

**Severity.** An asset without data, or with too few sensors for a score, is watched by nobody: a warning. A sensor
without values is missed, but the rest is still scored: an advisory. Neither is ever critical: nothing is known of the
machine.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from anomaly_lstm.actions import NOTHING
from anomaly_lstm.changes import CLEARED, RAISED, Change
from anomaly_lstm.clock import iso, parse_time
from anomaly_lstm.courses import alert_id
from anomaly_lstm.delays import standings
from anomaly_lstm.tables import State

Int64 = NDArray[np.int64]
Bool = NDArray[np.bool_]

HOUR_US = 3_600_000_000
LATE_ROWS = 10
"""So many missing rows in a row are no accident of a single transfer."""

LATE_VALUES = 10
"""So many times its usual spacing may a sensor be without a value."""


@dataclass(frozen=True)
class Presence:
    """What came from one asset: grid times (n_rows,), in order, states (n_rows,) and who was ``measured``
    (n_rows, n_sensors).
    """

    asset: str
    time_us: Int64
    state: NDArray[np.uint8]
    sensors: Sequence[str]
    measured: Bool


@dataclass(frozen=True)
class Gap:
    """A stretch of an asset without a score: after the scored row ``since_us``, up to the next, ``until_us``, or None
    while there is none [µs UTC].
    """

    asset: str
    since_us: int
    until_us: int | None


def no_data_after(period_us: int) -> int:
    """How long an asset may be silent before that is told, unless a user says otherwise [µs].

    Ten rows, so that no single late transfer is told; an hour at least, for transfers often come by the hour and
    people cannot do anything about less.
    """
    return max(LATE_ROWS * period_us, HOUR_US)


def sensor_bad_after(period_us: int, time_us: Int64, measured: Bool) -> list[int]:
    """How long each sensor may be without a value before that is told [µs], by rows that are known to be usual, such
    as those of the training: ``time_us`` (n_rows,), ``measured`` (n_rows, n_sensors).

    As for a whole asset, but a sensor that is measured once in four hours is given ten times that.
    """
    spacings = [np.diff(time_us[measured[:, i]]) for i in range(measured.shape[1])]
    return [
        max(no_data_after(period_us), LATE_VALUES * int(np.median(spacing)) if len(spacing) else 0)
        for spacing in spacings
    ]


def gaps(asset: str, time_us: Int64, state: NDArray[np.uint8], longer_than_us: int) -> list[Gap]:
    """Where an asset had no score for long, between its scored rows and after the last; none before the first.

    ``time_us`` and ``state`` (n_rows,). The stretch after the last row is always given: how long it is, the clock says.
    """
    scored = time_us[state == State.SCORED]
    if not len(scored):
        return []
    wide = np.flatnonzero(np.diff(scored) > longer_than_us)
    inner = [Gap(asset, int(scored[i]), int(scored[i + 1])) for i in wide]
    return [*inner, Gap(asset, int(scored[-1]), None)]


def silences(
    came: Presence,
    period_us: int,
    newest_us: int,
    *,
    no_data_after_us: int,
    sensor_bad_after_us: int | Mapping[str, int],
    model_id: str = "",
    units: Mapping[str, str] | None = None,
) -> list[dict[str, Any]]:
    """The no_data and sensor_bad alerts of one asset in the order they were raised, as documents of ``alerts.json``.

    ``newest_us`` is the newest row of any asset; rows after it do not count. An alert that is raised keeps its id,
    begin, and time of raising however many rows follow in order. A row that is OUT_OF_STATE is not missing: a stop
    neither counts as time without values nor ends it, and any value ends it. Rows without data hold what is said of a
    sensor: they are the asset's silence.
    """
    known = came.time_us <= newest_us
    came = Presence(came.asset, came.time_us[known], came.state[known], came.sensors, came.measured[known])
    told = [*_no_data(came, period_us, newest_us, no_data_after_us)]
    after = sensor_bad_after_us
    for place, sensor in enumerate(came.sensors):
        patience = after[sensor] if isinstance(after, Mapping) else after
        told += _bad(came, period_us, sensor, ~came.measured[:, place], patience)
    told += _bad(came, period_us, None, came.state == State.SENSOR_BAD, no_data_after_us)
    told.sort(key=lambda one: (one.raised_us, one.sensor or ""))
    return [_document(came.asset, one, newest_us, model_id, units or {}) for one in told]


def changes_of(found: Sequence[Mapping[str, Any]], after_us: int, until_us: int) -> list[Change]:
    """The changes of silences with event times in (after_us, until_us] [µs UTC], in order of time; each with the alert
    as it was known then.
    """
    out = []
    for alert in found:
        standing = {**alert, "active": True, "severity_now": alert["severity"], "cleared_at": None}
        standing["updated_at"] = alert["raised_at"]
        own = {name: alert[name] for name in ("alert_id", "asset", "kind", "severity")}
        out.append(Change(RAISED, at_us=parse_time(alert["raised_at"]), alert=standing, **own))
        if alert["cleared_at"]:
            out.append(Change(CLEARED, at_us=parse_time(alert["cleared_at"]), alert=alert, **own))
    return sorted((one for one in out if after_us < one.at_us <= until_us), key=lambda one: one.at_us)


@dataclass(frozen=True)
class _Silence:
    kind: str
    sensor: str | None
    begun_us: int
    raised_us: int
    cleared_us: int | None


def _no_data(came: Presence, period_us: int, newest_us: int, after_us: int) -> Iterator[_Silence]:
    rows = came.time_us[came.state != State.NO_DATA]
    patience_us = max(after_us, period_us)
    ends = np.r_[rows, np.iinfo(np.int64).max]  # the row after the last is yet to come
    for place in np.flatnonzero(np.diff(ends) > patience_us):
        last, back = int(ends[place]), int(ends[place + 1])
        if last + patience_us <= newest_us:
            cleared = back if back <= newest_us else None
            yield _Silence("no_data", None, last + period_us, last + patience_us, cleared)


def _bad(came: Presence, period_us: int, sensor: str | None, bad: Bool, after_us: int) -> Iterator[_Silence]:
    """Stretches of rows that are ``bad`` (n_rows,), counted in rows that came while the asset ran."""
    held = (came.state == State.NO_DATA) | (bad & (came.state == State.OUT_OF_STATE))
    counted = np.where(held, np.uint8(State.NO_DATA), np.uint8(State.SCORED))
    for stand in standings(bad & ~held, ~bad, counted, -(-after_us // period_us), 0):
        begun, raised = int(came.time_us[stand.begun]), int(came.time_us[stand.raised])
        cleared = None if stand.cleared is None else int(came.time_us[stand.cleared])
        yield _Silence("sensor_bad", sensor, begun, raised, cleared)


def _document(asset: str, one: _Silence, newest_us: int, model_id: str, units: Mapping[str, str]) -> dict[str, Any]:
    """As `alerts.as_document`; a silence has no score, so its peak has none."""
    about = asset if one.sensor is None else f"{asset}\x1f{one.sensor}"
    severity = "advisory" if one.sensor else "warning"
    sensor = {"sensor": one.sensor, "share": 1.0, "direction": "unknown", "value": None, "expected": None}
    return {
        "alert_id": alert_id(about, one.kind, one.begun_us),
        "kind": one.kind,
        "asset": asset,
        "severity": severity,
        "severity_now": severity if one.cleared_us is None else None,
        "active": one.cleared_us is None,
        "unseen": False,
        **NOTHING,
        "onset": iso(one.begun_us),
        "begun_at": iso(one.begun_us),
        "raised_at": iso(one.raised_us),
        "updated_at": iso(newest_us if one.cleared_us is None else one.cleared_us),
        "cleared_at": None if one.cleared_us is None else iso(one.cleared_us),
        "peak": {"time": iso(one.raised_us), "score": None, "return_period_s": None},
        "sensors": [{**sensor, "unit": units.get(one.sensor)}] if one.sensor else [],
        "reason": _reason(asset, one),
        "forecast": None,
        "reaches": [],
        "model_id": model_id,
    }


def _reason(asset: str, one: _Silence) -> str:
    """The same at every length of the silence, so that an alert is not told anew as it goes on."""
    since = iso(one.begun_us).replace("T", " ").replace("Z", " UTC")
    if one.kind == "no_data":
        return f"{asset}: no data since {since}. Nobody watches it meanwhile."
    if one.sensor is None:
        return f"{asset}: too few sensors for a score since {since}. Nobody watches it meanwhile."
    return f"{asset}: {one.sensor} has had no value since {since}. The other sensors are watched."
