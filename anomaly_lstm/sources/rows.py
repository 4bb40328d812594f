"""One file → its rows in UTC with numbers; each row is kept, or counted with the reason it was dropped."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from anomaly_lstm.clock import wall_to_utc
from anomaly_lstm.errors import DataError
from anomaly_lstm.sources.cells import coded, shown
from anomaly_lstm.sources.contract import FileQuality, RawFile, ReadOptions
from anomaly_lstm.sources.formats import time_column
from anomaly_lstm.sources.roles import Roles
from anomaly_lstm.sources.times import Times, read_times
from anomaly_lstm.sources.values import cells_lost, long_values, wide_values, without_values

Int64 = NDArray[np.int64]
Floats = NDArray[np.float64]
Bool = NDArray[np.bool_]

NOT_READABLE = "time not readable"
NO_TIME = "time missing"
NO_ASSET = "asset missing"
NO_SENSOR = "sensor name missing"
OUTSIDE = "outside --start/--end"
LEFT_OUT = "sensor left out"


@dataclass(frozen=True)
class Rows:
    """The kept rows of one file, in UTC.

    ``asset`` (n_rows,) indexes ``assets``. Wide: ``values`` (n_rows, n_sensors). Long: ``values`` (n_rows, 1), and
    ``sensor`` (n_rows,) indexes ``sensors``.
    """

    file: str
    assets: tuple[str, ...]
    asset: Int64
    time_us: Int64
    sensors: tuple[str, ...]
    values: Floats
    sensor: Int64 | None = None
    notes: tuple[str, ...] = ()
    lost: tuple[str, ...] = ()
    """What to tell about values that are not there."""
    quality: FileQuality = field(default_factory=lambda: FileQuality("", 0, 0))
    left_out: tuple[str, ...] = ()
    """What it measures that `ReadOptions.known` left out."""
    units: Mapping[str, str] = field(default_factory=dict)
    """Sensor → unit, where the file tells it."""


def rows_of(file: RawFile, roles: Roles, time_format: str | None, stem: str, options: ReadOptions) -> Rows:
    """Convert one file: times to UTC, cells to numbers; every row is kept or counted with the reason it was dropped."""
    times = read_times(time_column(file, roles.time), time_format)
    _check_times(file, roles, times, time_format)
    assets, asset = coded(file.table[roles.asset]) if roles.asset else ((stem,), np.zeros(len(times), dtype=np.int64))
    names, sensor = coded(file.table[roles.sensor]) if roles.sensor else ((), None)
    keep = np.ones(len(times), dtype=bool)
    dropped: dict[str, int] = {}

    def drop(reason: str, bad: Bool) -> None:
        if (keep & bad).any():
            dropped[reason] = int((keep & bad).sum())
        keep[bad] = False

    drop(NO_TIME, ~times.given)
    drop(NOT_READABLE, ~times.readable)
    drop(NO_ASSET, asset < 0)
    if sensor is not None:
        drop(NO_SENSOR, sensor < 0)
    naive = keep & ~times.aware
    series = asset if sensor is None else asset * (len(names) + 1) + sensor
    utc = times.us.copy()
    utc[naive] = wall_to_utc(utc[naive], options.zone or "UTC", series[naive])
    start, end = options.start_us, options.end_us
    outside = np.zeros(len(utc), dtype=bool)
    if start is not None:
        outside |= utc < start
    if end is not None:
        outside |= utc >= end
    drop(OUTSIDE, outside)
    notes = ["Times carry no offset: read as UTC; another zone: --zone."] if naive.any() and not options.zone else []
    found = wide_values(file, roles, options, keep) if sensor is None else long_values(file, roles, options, keep)
    if sensor is not None:
        drop(LEFT_OUT, found.left_out)
    dropped |= file.dropped
    read = len(times) + sum(file.dropped.values())
    quality = FileQuality(str(file.path), read, int(keep.sum()), dropped, found.lost)
    notes += found.notes
    kept_sensor = None if found.sensor is None else found.sensor[keep]
    left_out = tuple(name for name in names or file.table.column_names if _is_left_out(name, roles, options))
    values = found.values if sensor is None else found.values[keep]
    return Rows(
        str(file.path),
        assets,
        asset[keep],
        utc[keep],
        found.sensors,
        values,
        kept_sensor,
        tuple(notes),
        () if found.sensor is not None else without_values(found),
        quality,
        left_out,
        found.units,
    )


def lost_words(quality: FileQuality, options: ReadOptions) -> list[str]:
    """Tell which rows and cells of a file are not there, and why."""
    untold = (OUTSIDE, LEFT_OUT) if options.known else (OUTSIDE,)
    words = cells_lost(quality.cells_not_numeric)
    words += [f"{count} row(s) dropped: {reason}." for reason, count in quality.dropped.items() if reason not in untold]
    return words if quality.rows_kept else [*words, "No row lies between --start and --end."]


def _is_left_out(name: str, roles: Roles, options: ReadOptions) -> bool:
    """Say whether a column (in a long table, a sensor name) is none the model knows."""
    return bool(options.known) and name not in roles.taken() and options.columns.get(name, name) not in options.known


def _check_times(file: RawFile, roles: Roles, times: Times, time_format: str | None) -> None:
    """Raise `DataError` when more than half of the cells that hold anything are no readable times."""
    readable, given = int(times.readable.sum()), int(times.given.sum())
    if given and 2 * readable >= given:
        return
    if not given:
        raise DataError(
            f"{file.path}: time column '{roles.time}' is empty. Name the column that holds times with --time."
        )
    row = int(np.flatnonzero(times.given & ~times.readable)[0])
    cell = shown(time_column(file, roles.time), row)
    raise DataError(
        f"{file.path}, {file.where(row)}: column '{roles.time}' holds '{cell}', but a time written as "
        f"{time_format or 'a timestamp'} between 1900 and 2200 was expected ({given - readable} of {given} "
        "cells are not). Set --time-format or [source] time_format, or name another column with --time."
    )
