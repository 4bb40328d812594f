"""What is missing of the assets of a run: data, or the values of a sensor, as alerts that go on from those known."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from anomaly_lstm import arrow, silence
from anomaly_lstm.clock import iso, parse_time
from anomaly_lstm.events import Event, touching
from anomaly_lstm.interventions import NOT_JUDGED
from anomaly_lstm.pipeline.folder import RunFolder, Watch
from anomaly_lstm.pipeline.watching import Told, late_changes, same_alert
from anomaly_lstm.scored_rows import rows_of
from anomaly_lstm.silence import Presence, silences
from anomaly_lstm.tables import State
from anomaly_lstm.trained import Trained

Documents = Sequence[Mapping[str, Any]]

MONTH_US = 31 * 86_400_000_000
NEVER_US = 10**18
"""Longer than any record [µs]: 31,000 years."""


@dataclass(frozen=True)
class Patience:
    """How long an asset, and each of its sensors, may be silent before that is told [µs]; 0 = it never is."""

    no_data_us: int
    sensor_us: Mapping[str, int]


def patience(trained: Trained, no_data_after_us: int | None, sensor_bad_after_us: int | None) -> Patience:
    """As a pipeline file says, else by what was usual in training; where all is written only when it moves, an asset
    may rest as long as values count on.
    """
    period_us, sensors = trained.grid.period_us, trained.roles.all
    usual: Mapping[str, int] = trained.report.get("sensor_bad_after_us", {})
    own = {sensor: usual.get(sensor, silence.no_data_after(period_us)) for sensor in sensors}
    return Patience(
        max(silence.no_data_after(period_us), trained.rules.holds_us(sensors)[0])
        if no_data_after_us is None
        else no_data_after_us,
        own if sensor_bad_after_us is None else dict.fromkeys(sensors, sensor_bad_after_us),
    )


def tell_missing(
    folder: RunFolder,
    asset: str,
    watch: Watch,
    trained: Trained,
    patience: Patience,
    known: Documents,
    *,
    since_us: int | None,
    clock_us: int,
    newest_us: int,
    events: Sequence[Event] = (),
) -> Told:
    """What rows from ``since_us`` on (None = all), and the time since the last, make of the silences that were
    ``known``. In ``events`` in which an asset is not judged, such as maintenance, it may be silent.

    ``clock_us`` is the newest row of any asset in the last run, ``newest_us`` in this one [µs UTC].
    """
    came, begins = _window(folder, asset, trained, patience, since_us)
    if came is None:
        return Told([dict(one) for one in known], [])
    start_us = int(came.time_us[0])
    came = _excused(
        came, [e for e in touching(events, asset) if e.sensor is None], max(patience.no_data_us, trained.grid.period_us)
    )
    bad_after = {sensor: after or NEVER_US for sensor, after in patience.sensor_us.items()}

    def found(up_to_us: int) -> list[dict[str, Any]]:
        told = silences(
            came,
            trained.grid.period_us,
            up_to_us,
            no_data_after_us=patience.no_data_us or NEVER_US,
            sensor_bad_after_us=bad_after,
            model_id=watch.terms.model_id,
            units=trained.units,
        )
        cut = [] if begins else [one for one in told if parse_time(one["begun_at"]) <= start_us]
        return [one for one in told if one not in cut]

    before = [one for one in known if parse_time(one["begun_at"]) <= start_us and not begins]
    final = [_carried(one, came, newest_us) for one in before]
    in_window = [one for one in known if one not in before]
    now, as_told = found(newest_us), found(clock_us)
    changes = silence.changes_of([*final, *now], clock_us, newest_us)
    changes += late_changes(in_window, as_told, clock_us)
    unknown = [one for one in as_told if same_alert(one, in_window) is None]
    changes += silence.changes_of(unknown, -1, clock_us)
    changes.sort(key=lambda one: (one.at_us, one.alert_id))
    return Told([*final, *now], changes)


def _excused(came: Presence, events: Sequence[Event], step_us: int) -> Presence:
    """The rows with a stop of the asset in every event that excuses its silence: there is one in every ``step_us``."""
    first = int(came.time_us[0])
    stops = [np.arange(max(e.start_us, first), e.end_us, step_us) for e in events if e.kind in NOT_JUDGED]
    stops += [np.array([e.end_us]) for e in events if e.kind in NOT_JUDGED and e.end_us > first]
    times = np.setdiff1d(np.concatenate([np.empty(0, np.int64), *stops]), came.time_us)
    order = np.argsort(np.r_[came.time_us, times], kind="stable")
    state = np.r_[came.state, np.full(len(times), State.OUT_OF_STATE, np.uint8)]
    measured = np.concatenate([came.measured, np.zeros((len(times), len(came.sensors)), bool)])
    return Presence(came.asset, np.r_[came.time_us, times][order], state[order], came.sensors, measured[order])


def _carried(alert: Mapping[str, Any], came: Presence, newest_us: int) -> dict[str, Any]:
    """A silence that began before the rows in hand, as they leave it."""
    if not alert["active"]:
        return dict(alert)
    sensor = next((one["sensor"] for one in alert["sensors"]), None)
    if alert["kind"] == "no_data":
        back = came.state != State.NO_DATA
    elif sensor is not None and sensor in came.sensors:
        back = came.measured[:, list(came.sensors).index(sensor)] & (came.state != State.NO_DATA)
    else:
        back = (came.state != State.SENSOR_BAD) & (came.state != State.NO_DATA)
    rows = came.time_us[back & (came.time_us > parse_time(alert["raised_at"]))]
    cleared = None if not len(rows) else iso(int(rows[0]))
    now = alert["severity"] if cleared is None else None
    ended = {"active": cleared is None, "severity_now": now, "cleared_at": cleared}
    return {**alert, **ended, "updated_at": cleared or iso(newest_us)}


def _window(
    folder: RunFolder,
    asset: str,
    trained: Trained,
    patience: Patience,
    since_us: int | None,
) -> tuple[Presence | None, bool]:
    """Who was measured from so long before ``since_us`` on that every silence that may be raised begins within; and
    whether the rows begin there with the first that is stored.
    """
    sensors = trained.roles.all
    columns = ["asset", "time", "state", "score", "return_period_s", "model_id", *(f"value.{s}" for s in sensors)]
    longest = max([patience.no_data_us, *patience.sensor_us.values()])
    rows_needed = -(-longest // trained.grid.period_us)
    back_us = longest
    while True:
        table = folder.stored(asset, None if since_us is None else since_us - back_us, columns)
        if table is None or not len(table):
            return None, True
        (rows,) = rows_of(table)
        begins = since_us is None or folder.begins_with(asset, int(rows.time_us[0]))
        values = [_measured(rows.table, sensor) for sensor in sensors]
        came = Presence(asset, rows.time_us, rows.state, sensors, np.column_stack(values))
        counted = (rows.state != State.NO_DATA) & (rows.state != State.OUT_OF_STATE)
        if begins or (counted & (rows.time_us < (since_us or 0))).sum() > rows_needed:
            return came, begins
        back_us = 2 * back_us + MONTH_US


def _measured(table: Any, sensor: str) -> NDArray[np.bool_]:
    name = f"value.{sensor}"
    if name not in table.column_names:
        return np.zeros(len(table), bool)
    return np.asarray(np.isfinite(arrow.to_numpy(table.column(name), np.float64)))
