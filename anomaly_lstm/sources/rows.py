"""One file → its rows in UTC with numbers; each row is kept, or counted with the reason it was dropped."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from anomaly_lstm.arrow import Column, is_null
from anomaly_lstm.errors import DataError, UsageError
from anomaly_lstm.sources.cells import coded, is_blank, is_measured, is_moment, is_text, numbers_in, places_of
from anomaly_lstm.sources.contract import FileQuality, RawFile, ReadOptions
from anomaly_lstm.sources.counts import is_made_up
from anomaly_lstm.sources.formats import first_of_other_order, time_column
from anomaly_lstm.sources.resets import about_far_off, about_gaps, about_steps_back, far_off
from anomaly_lstm.sources.roles import Roles
from anomaly_lstm.sources.times import Times, read_times
from anomaly_lstm.sources.words import columns_named, listed
from anomaly_lstm.sources.zones import Pass, in_utc, offsets_in

Int64 = NDArray[np.int64]
Floats = NDArray[np.float64]
Bool = NDArray[np.bool_]

NOT_READABLE = "time not readable"
IMPOSSIBLE = "no such date or time"
BEYOND = "time outside 1900 to 2200"
FAR_OFF = "years from all others: clock reset"
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
    quality: FileQuality = field(default_factory=lambda: FileQuality("", 0, 0))
    left_out: tuple[str, ...] = ()
    """What it measures that `ReadOptions.known` left out."""
    last: Pass = field(default_factory=dict)
    """Where each series' clock was in its last row, for the file or part that goes on from there."""


def rows_of(
    file: RawFile, roles: Roles, time_format: str | None, stem: str, options: ReadOptions, before: Pass | None = None
) -> Rows:
    """Convert one file: times to UTC, cells to numbers; every row is kept or counted with the reason it was dropped.

    ``before`` is what the rows before these told of their clocks, where they are part of a longer file.
    """
    column = time_column(file, roles.time)
    times = read_times(column, time_format, file.decimal, options.step_us)
    _check_times(file, roles, times, column, time_format)
    _check_order(file, times, column, None if options.time_format else time_format)
    assets, asset = coded(file.table[roles.asset]) if roles.asset else ((stem,), np.zeros(len(times), dtype=np.int64))
    names, sensor = coded(file.table[roles.sensor]) if roles.sensor else ((), None)
    keep = np.ones(len(times), dtype=bool)
    dropped: dict[str, int] = {}
    first: dict[str, int] = {}

    def drop(reason: str, bad: Bool) -> None:
        if (keep & bad).any():
            dropped[reason] = int((keep & bad).sum())
            first[reason] = int(np.flatnonzero(keep & bad)[0])
        keep[bad] = False

    drop(NO_TIME, ~times.given)
    drop(BEYOND, _or_none(times.beyond, len(times)))
    drop(IMPOSSIBLE, _or_none(times.impossible, len(times)))
    drop(NOT_READABLE, ~times.readable)
    drop(NO_ASSET, asset < 0)
    if sensor is not None:
        drop(NO_SENSOR, sensor < 0)
    series, which = _series(file, assets, asset, names, sensor)
    moments = in_utc(times, roles.time, keep, (assets, asset), series, which, options, before or {})
    utc = moments.us
    drop(OUTSIDE, _outside(utc, options))
    notes = [*moments.notes, *_offset_notes(column)]
    made_up = is_made_up(time_format)
    if keep.any() and not made_up:
        off = np.zeros(len(utc), dtype=bool)
        off[keep] = _far_off(utc[keep], options)
        notes += about_far_off(utc[keep], off[keep], _places(file, keep)) or about_gaps(utc[keep])
        drop(FAR_OFF, off)
    notes += about_steps_back(
        utc[keep],
        which[keep],
        _places(file, keep),
        no_zone=bool((keep & ~times.aware).any()) and not options.zone and not options.zones,
        made_up=made_up,
    )
    if sensor is None:
        sensors, values, bad_cells, more = _wide_values(file, roles, options, keep)
    else:
        sensors, sensor, values, bad_cells, keep, more = _long_values(
            file, roles, options, names, sensor, keep, dropped
        )
    quality = FileQuality(str(file.path), len(times), int(keep.sum()), dropped, bad_cells)
    notes += more + _about_dropped(file, column, dropped, first, (OUTSIDE, LEFT_OUT) if options.known else (OUTSIDE,))
    if not keep.any():
        notes.append("No row lies between --start and --end.")
    kept_sensor = None if sensor is None else sensor[keep]
    left_out = tuple(name for name in names or file.table.column_names if _is_left_out(name, roles, options))
    return Rows(
        str(file.path),
        assets,
        asset[keep],
        utc[keep],
        sensors,
        values,
        kept_sensor,
        tuple(notes),
        quality,
        left_out,
        moments.last,
    )


def _or_none(marked: Bool | None, n_rows: int) -> Bool:
    return np.zeros(n_rows, dtype=bool) if marked is None else marked


def _series(
    file: RawFile, assets: tuple[str, ...], asset: Int64, names: tuple[str, ...], sensor: Int64 | None
) -> tuple[list[str], Int64]:
    """What has a clock of its own, asset by asset (in a long table sensor by sensor), and each row's place among it.

    The names tell the same series of two files apart from others, by the asset and what is measured.
    """
    if sensor is None:
        columns = "\0".join(file.table.column_names)
        return [f"{name}\0{columns}" for name in assets], asset
    which = np.where((asset < 0) | (sensor < 0), -1, asset * len(names) + sensor)
    used, which = np.unique(which, return_inverse=True)
    every = [f"{assets[code // len(names)]}\0{names[code % len(names)]}" if code >= 0 else "" for code in used.tolist()]
    return every, which.astype(np.int64)


def _outside(utc: Int64, options: ReadOptions) -> Bool:
    outside = np.zeros(len(utc), dtype=bool)
    if options.start_us is not None:
        outside |= utc < options.start_us
    if options.end_us is not None:
        outside |= utc >= options.end_us
    return outside


def _far_off(utc: Int64, options: ReadOptions) -> Bool:
    """`resets.far_off`, but on a side where somebody said from when or to when rows count, all of those do."""
    off = far_off(utc)
    if off.any():
        middle = np.median(utc[~off])
        if options.start_us is not None:
            off &= utc > middle
        if options.end_us is not None:
            off &= utc < middle
    return off


def _places(file: RawFile, keep: Bool) -> Callable[[int], str]:
    """Where in the file the n-th kept row stands."""
    return lambda row: file.where(int(np.flatnonzero(keep)[row]))


def _offset_notes(column: Column) -> list[str]:
    found = offsets_in(column)
    return [f"Offsets differ from row to row ({', '.join(found)}): each time counts as it says."] if found else []


def _about_dropped(
    file: RawFile, column: Column, dropped: Mapping[str, int], first: Mapping[str, int], untold: Sequence[str]
) -> list[str]:
    """Say which rows were dropped and why; of times that cannot be, the first."""
    notes = []
    for reason, count in dropped.items():
        if reason in (NOT_READABLE, IMPOSSIBLE, BEYOND):
            row = first[reason]
            cell = str(column[row].as_py()).strip()
            notes.append(f"{count} row(s) dropped: {reason}, the first in {file.where(row)}: '{cell}'.")
        elif reason not in untold:
            notes.append(f"{count} row(s) dropped: {reason}.")
    return notes


def _is_left_out(name: str, roles: Roles, options: ReadOptions) -> bool:
    """Say whether a column (in a long table, a sensor name) is none the model knows."""
    return bool(options.known) and name not in roles.taken() and options.columns.get(name, name) not in options.known


def _check_times(file: RawFile, roles: Roles, times: Times, column: Column, time_format: str | None) -> None:
    """Raise `DataError` when more than half of the cells that hold anything are no readable times."""
    readable, given = int(times.readable.sum()), int(times.given.sum())
    if given and 2 * readable >= given:
        return
    if not given:
        raise DataError(
            f"{file.path}: time column '{roles.time}' is empty. Name the column that holds times with --time."
        )
    row = int(np.flatnonzero(times.given & ~times.readable)[0])
    raise DataError(
        f"{file.path}, {file.where(row)}: column '{roles.time}' holds '{column[row].as_py()}', but a time written as "
        f"{time_format or 'a timestamp'} between 1900 and 2200 was expected ({given - readable} of {given} "
        "cells are not). Set --time-format or [source] time_format, or name another column with --time."
    )


def _check_order(file: RawFile, times: Times, column: Column, found: str | None) -> None:
    """Raise `DataError` where a time that fits no more than the other order of day and month comes after many others.

    ``found`` is the form that was found out; None where somebody told it, and what does not fit is only counted.
    """
    row = found and first_of_other_order(column, found, times.given & ~times.readable)
    if row is not None and found:
        raise DataError(
            f"{file.path}, {file.where(int(row))}: '{str(column[int(row)].as_py()).strip()}' does not fit {found}, as "
            "the times before it are read, but it fits with day and month exchanged: they are mixed up, and rows that "
            "fit both ways would be misread. Set --time-format or [source] time_format to the form that holds; rows "
            "that do not fit are then counted as not readable."
        )


def _wide_values(
    file: RawFile, roles: Roles, options: ReadOptions, keep: Bool
) -> tuple[tuple[str, ...], Floats, dict[str, int], list[str]]:
    """Numbers of the kept rows (n_kept, n_sensors), their sensors, cells that held no number, and what to tell."""
    columns, notes = _sensor_columns(file, roles, options)
    bad_cells: dict[str, int] = {}
    values = np.empty((int(keep.sum()), len(columns)))
    for place, (sensor, column) in enumerate(columns.items()):
        if sensor == options.mode and options.words:
            values[:, place] = places_of(column, options.words, keep)
            continue
        values[:, place], bad = numbers_in(column, file.decimal, keep)
        bad_cells |= {sensor: bad} if bad else {}
    empty = [sensor for place, sensor in enumerate(columns) if np.isnan(values[:, place]).all()]
    notes += [f"Sensor without any value: {columns_named(empty)}."] if empty and keep.any() else []
    notes += [f"'{sensor}': {bad} cell(s) without a number became missing." for sensor, bad in bad_cells.items()]
    return tuple(columns), values, bad_cells, notes


def _sensor_columns(file: RawFile, roles: Roles, options: ReadOptions) -> tuple[dict[str, Column], list[str]]:
    """The columns of a wide table that are sensors, by sensor, and what to tell about the others."""
    columns: dict[str, Column] = {}
    text: list[str] = []
    moments: list[str] = []
    numbering = [] if options.known else sorted(set(file.indexes) - roles.taken())
    for name in file.table.column_names:
        sensor, column = options.columns.get(name, name), file.table[name]
        if name in roles.taken() or name in numbering or not _is_wanted(name, sensor, options):
            continue
        if not options.known and is_moment(column):
            moments.append(name)
        elif not options.known and not is_measured(column, file.decimal, asked=_is_asked(sensor, options)):
            text.append(name)
        elif sensor in columns:
            raise UsageError(f"[source] columns gives two columns of {file.path} the same name '{sensor}'.")
        else:
            columns[sensor] = column
    if not columns and not options.known:
        raise DataError(
            f"{file.path}: no column holds numbers to learn from; besides time there are "
            f"{listed([name for name in file.table.column_names if name not in roles.taken()]) or 'no columns'}. "
            "Check the separator and decimal mark (--separator, --decimal), --sensors and --exclude; "
            "a file that holds no measurements is left out by naming the others, or a glob."
        )
    told = {"Text": text, "Further times": moments, "Only numbers the rows": numbering}
    return columns, [f"{what}, no sensor: {columns_named(names)}." for what, names in told.items() if names]


def _is_asked(sensor: str, options: ReadOptions) -> bool:
    """Say whether a column is to be a sensor whatever it holds."""
    return options.sensors is not None or sensor == options.mode


def _is_wanted(name: str, sensor: str, options: ReadOptions) -> bool:
    """Say whether the options let a column (in a long table, a sensor name) be a sensor."""
    known = not options.known or sensor in options.known
    chosen = options.sensors is None or sensor in options.sensors
    return known and chosen and not {name, sensor} & set(options.exclude)


def _long_values(
    file: RawFile,
    roles: Roles,
    options: ReadOptions,
    names: tuple[str, ...],
    sensor: Int64,
    keep: Bool,
    dropped: dict[str, int],
) -> tuple[tuple[str, ...], Int64, Floats, dict[str, int], Bool, list[str]]:
    """The same for a long table: values (n_kept, 1), the sensor of every row; rows of unwanted sensors are counted."""
    final = [options.columns.get(name, name) for name in names]
    wanted = [_is_wanted(old, new, options) for old, new in zip(names, final, strict=True)]
    unwanted = keep & ~np.array([*wanted, False])[sensor]
    if unwanted.any():
        dropped[LEFT_OUT] = int(unwanted.sum())
    kept = keep & ~unwanted
    column = file.table[roles.value]
    if not is_measured(column, file.decimal, options.value is not None or bool(options.known)):
        raise DataError(
            f"{file.path}: value column '{roles.value}' holds no numbers. Name the one that does in [source] value."
        )
    values, _ = numbers_in(column, file.decimal)
    blank = is_null(column) if not is_text(column) else is_blank(column)
    bad = kept & np.isnan(values) & ~blank
    counts = np.bincount(sensor[bad], minlength=len(names))
    bad_cells: dict[str, int] = {}
    for new, count in zip(final, counts, strict=True):
        if count:
            bad_cells[new] = bad_cells.get(new, 0) + int(count)
    sensors = tuple(sorted({name for name, good in zip(final, wanted, strict=True) if good}))
    place = {name: number for number, name in enumerate(sensors)}
    code = np.array([*(place.get(name, -1) for name in final), -1], dtype=np.int64)
    notes = [f"'{name}': {count} cell(s) without a number became missing." for name, count in bad_cells.items()]
    return sensors, code[sensor], values[kept][:, None], bad_cells, kept, notes
