"""The times of one file in UTC: each row has one, or is counted with the reason it has none."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from anomaly_lstm.arrow import Column
from anomaly_lstm.errors import DataError
from anomaly_lstm.sources.contract import RawFile, ReadOptions
from anomaly_lstm.sources.counts import is_made_up
from anomaly_lstm.sources.formats import first_of_other_order, time_column
from anomaly_lstm.sources.resets import about_far_off, about_gaps, about_steps_back, far_off
from anomaly_lstm.sources.times import Times, read_times
from anomaly_lstm.sources.zones import Pass, in_utc, offsets_in

Int64 = NDArray[np.int64]
Bool = NDArray[np.bool_]

NO_TIME = "time missing"
NOT_READABLE = "time not readable"
IMPOSSIBLE = "no such date or time"
BEYOND = "time outside 1900 to 2200"
_A = {
    NOT_READABLE: "a time that is not readable",
    IMPOSSIBLE: "no such date or time",
    BEYOND: "a time outside 1900 to 2200",
}
FAR_OFF = "years from all others: clock reset"
OUTSIDE = "outside --start/--end"
Named = tuple[tuple[str, ...], Int64]
"""Names, and each row's place among them (n,), -1 where it has none."""


@dataclass(frozen=True)
class Moments:
    """Times of n rows: ``us`` (n,) [µs since 1970 UTC] where ``keep`` (n,), and what became of the others."""

    us: Int64
    keep: Bool
    dropped: Mapping[str, int]
    notes: tuple[str, ...]
    last: Pass


def moments_of(
    file: RawFile,
    time: str,
    time_format: str | None,
    assets: Named,
    sensors: tuple[tuple[str, ...], Int64 | None],
    options: ReadOptions,
    before: Pass,
) -> Moments:
    """Read the times of a file, of which each asset (in a long table, each of its sensors) has a clock of its own.

    ``before`` is what the rows before these told of their clocks. Raises `DataError` where most times cannot be read.
    """
    column = time_column(file, time)
    times = read_times(column, time_format, file.decimal, options.step_us)
    _check_times(file, time, times, column, time_format)
    _check_order(file, times, column, None if options.time_format else time_format)
    keep = times.given & times.readable
    series, which = _series(file, assets, sensors)
    found = in_utc(times, time, keep & (which >= 0), assets, (series, which), options, before)
    outside = keep & (which >= 0) & _outside(found.us, options)
    far = np.zeros(len(keep), dtype=bool)
    sane = keep & ~outside & (which >= 0)
    notes = [*found.notes, *_offset_notes(column)]
    if sane.any() and not is_made_up(time_format):
        far[sane] = _far_off(found.us[sane], options)
        notes += about_far_off(found.us[sane], far[sane], _places(file, sane)) or about_gaps(found.us[sane])
    sane &= ~far
    no_zone = bool((sane & ~times.aware).any()) and not options.zone and not options.zones
    notes += about_steps_back(
        found.us[sane], which[sane], _places(file, sane), no_zone=no_zone, made_up=is_made_up(time_format)
    )
    reasons = {
        NO_TIME: ~times.given,
        BEYOND: times.given & _or_none(times.beyond, len(keep)),
        IMPOSSIBLE: times.given & _or_none(times.impossible, len(keep)),
    }
    reasons[NOT_READABLE] = times.given & ~times.readable & ~reasons[BEYOND] & ~reasons[IMPOSSIBLE]
    reasons |= {OUTSIDE: outside, FAR_OFF: far}
    notes += _first_of(file, column, reasons)
    dropped = {reason: int(bad.sum()) for reason, bad in reasons.items() if bad.any()}
    return Moments(found.us, keep & ~outside & ~far, dropped, tuple(notes), found.last)


def _series(file: RawFile, assets: Named, sensors: tuple[tuple[str, ...], Int64 | None]) -> tuple[list[str], Int64]:
    """What has a clock of its own, and each row's place among it (n,), -1 where it has no name.

    The names tell the same series of two files apart from others, by the asset and what is measured.
    """
    (names, asset), (measured, sensor) = assets, sensors
    if sensor is None:
        columns = "\0".join(file.table.column_names)
        return [f"{name}\0{columns}" for name in names], asset
    pairs = np.where((asset < 0) | (sensor < 0), -1, asset * len(measured) + sensor)
    used, which = np.unique(pairs, return_inverse=True)
    every = [f"{names[pair // len(measured)]}\0{measured[pair % len(measured)]}" for pair in used.tolist() if pair >= 0]
    return every, which.astype(np.int64) - int(used[:1].sum() < 0)


def _check_times(file: RawFile, time: str, times: Times, column: Column, time_format: str | None) -> None:
    """Raise `DataError` when more than half of the cells that hold anything are no readable times."""
    readable, given = int(times.readable.sum()), int(times.given.sum())
    if given and 2 * readable >= given:
        return
    if not given:
        raise DataError(f"{file.path}: time column '{time}' is empty. Name the column that holds times with --time.")
    row = int(np.flatnonzero(times.given & ~times.readable)[0])
    raise DataError(
        f"{file.path}, {file.where(row)}: column '{time}' holds '{column[row].as_py()}', but a time written as "
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


def _or_none(marked: Bool | None, n_rows: int) -> Bool:
    return np.zeros(n_rows, dtype=bool) if marked is None else marked


def _places(file: RawFile, keep: Bool) -> Callable[[int], str]:
    """Where in the file the n-th kept row stands."""
    return lambda row: file.where(int(np.flatnonzero(keep)[row]))


def _offset_notes(column: Column) -> list[str]:
    found = offsets_in(column)
    return [f"Offsets differ from row to row ({', '.join(found)}): each time counts as it says."] if found else []


def _first_of(file: RawFile, column: Column, reasons: Mapping[str, Bool]) -> list[str]:
    """Say where the first of the times that cannot be stands, by reason."""
    first = {reason: int(np.flatnonzero(reasons[reason])[0]) for reason in _A if reasons[reason].any()}
    return [
        f"The first row with {_A[reason]} is in {file.where(row)}: '{str(column[row].as_py()).strip()}'."
        for reason, row in first.items()
    ]
