"""The times of one file in UTC: each row has one, or is counted with the reason it has none."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
import pyarrow.compute as pc
from numpy.typing import NDArray

from anomaly_lstm.arrow import Column, from_ints, to_numpy
from anomaly_lstm.errors import DataError
from anomaly_lstm.sources.cells import as_written, is_text, texts_of
from anomaly_lstm.sources.clocks import Account, with_steps
from anomaly_lstm.sources.contract import RawFile, ReadOptions
from anomaly_lstm.sources.counts import is_made_up
from anomaly_lstm.sources.formats import time_column
from anomaly_lstm.sources.orders import first_of_other_order
from anomaly_lstm.sources.resets import far_off
from anomaly_lstm.sources.times import Times, read_times
from anomaly_lstm.sources.vocabulary import TOTALS
from anomaly_lstm.sources.zones import in_utc, known_at, offsets_in, zones_of

Int64 = NDArray[np.int64]
Bool = NDArray[np.bool_]

NO_TIME = "time missing"
NOT_READABLE = "time not readable"
IMPOSSIBLE = "no such date or time"
BEYOND = "time outside 1900 to 2200"
TOTAL = "time not readable: a total or mean"
_A = {
    TOTAL: "a total or mean instead of a time",
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
    """Times of n rows: ``us`` (n,) [µs since 1970 UTC] where ``keep`` (n,), what became of the others, and what the
    clocks of the file did so far.
    """

    us: Int64
    keep: Bool
    dropped: Mapping[str, int]
    account: Account


def moments_of(
    file: RawFile,
    time: str,
    time_format: str | None,
    assets: Named,
    sensors: tuple[tuple[str, ...], Int64 | None],
    options: ReadOptions,
    account: Account,
) -> Moments:
    """Read the times of a file, of which each asset (in a long table, each of its sensors) has a clock of its own.

    ``account`` is what the parts of the file before this one told. Raises `DataError` where times contradict each
    other; `check_readable` does where most cannot be read.
    """
    column = time_column(file, time)
    times = read_times(column, time_format, file.decimal, options.step_us)
    account = _with_unreadable(account, file, times, column)
    if not account.rows:
        check_readable(account, file, time, time_format)
    _check_order(file, times, column, None if options.time_format else time_format)
    keep = times.given & times.readable
    series, which = _series(file, assets, sensors)
    named = keep & (which >= 0)
    account = _goes_on(account, file, series, assets[0], time, options) if sensors[1] is None else account
    utc, account = in_utc(times, time, named, assets, (series, which), options, account)
    outside = named & _outside(utc, options)
    sane = named & ~outside
    far = np.zeros(len(keep), dtype=bool)
    judged = not is_made_up(time_format) and not file.told  # what was ingested was judged then
    if judged and not options.known:  # slices of what a model reads must end as the whole
        far[sane] = _far_off(utc[sane], options)
    if far.any():
        row = int(np.flatnonzero(far)[0])
        first = account.far_first if account.far else (file.where(row), int(utc[row]))
        account = replace(account, far=account.far + int(far.sum()), far_first=first)
    sane &= ~far
    rows = np.flatnonzero(sane)
    account = with_steps(account, utc[rows], series, which[rows], lambda row: file.where(int(rows[row])))
    account = replace(account, made_up=is_made_up(time_format), offsets=account.offsets | offsets_in(column))
    reasons = {**_why_not(times, column), OUTSIDE: outside, FAR_OFF: far}
    dropped = {reason: int(bad.sum()) for reason, bad in reasons.items() if bad.any()}
    return Moments(utc, keep & ~outside & ~far, dropped, account)


def _why_not(times: Times, column: Column) -> dict[str, Bool]:
    """Which rows (n,) have no time that can be read, by the reason."""
    none = np.zeros(len(times), dtype=bool)
    beyond = times.given & (none if times.beyond is None else times.beyond)
    impossible = times.given & (none if times.impossible is None else times.impossible)
    other = times.given & ~times.readable & ~beyond & ~impossible
    total = none.copy()
    if other.any() and is_text(column):
        rows = np.flatnonzero(other)
        cells = texts_of(column.take(from_ints(rows)))
        total[rows] = to_numpy(pc.match_substring_regex(cells, f"^{TOTALS}$"), np.bool_)
    return {
        NO_TIME: ~times.given,
        BEYOND: beyond,
        IMPOSSIBLE: impossible,
        TOTAL: total,
        NOT_READABLE: other & ~total,
    }


def _with_unreadable(account: Account, file: RawFile, times: Times, column: Column) -> Account:
    """The account with the times that cannot be read, and where the first of each kind stands."""

    def place(bad: Bool) -> str:
        row = int(np.flatnonzero(bad)[0])
        return f"{file.where(row)}: '{as_written(column, row)}'"

    kinds = {reason: bad for reason, bad in _why_not(times, column).items() if reason in _A and bad.any()}
    first = {_A[reason]: place(bad) for reason, bad in kinds.items() if _A[reason] not in account.first}
    bad = times.given & ~times.readable
    return replace(
        account,
        given=account.given + int(times.given.sum()),
        readable=account.readable + int((times.given & times.readable).sum()),
        unreadable=account.unreadable or (place(bad) if bad.any() else ""),
        first={**account.first, **first},
    )


def check_readable(account: Account, file: RawFile, time: str, time_format: str | None) -> None:
    """Raise `DataError` when more than half of the cells that hold anything are no readable times."""
    bad = account.given - account.readable
    if not account.given:
        raise DataError(f"{file.path}: time column '{time}' is empty. Name the column that holds times with --time.")
    if bad <= account.readable:
        return
    where, _, cell = account.unreadable.partition(": ")
    raise DataError(
        f"{file.path}, {where}: column '{time}' holds {cell}, but a time written as "
        f"{time_format or 'a timestamp'} between 1900 and 2200 was expected ({bad} of {account.given} cells are not). "
        "Set --time-format or [source] time_format, or name another column with --time."
    )


def _goes_on(
    account: Account, file: RawFile, series: Sequence[str], assets: Sequence[str], time: str, options: ReadOptions
) -> Account:
    """The account of a file that is read on from where it ended before, by the last rows known then."""
    if str(file.path) not in options.after or account.rows:
        return account
    known = zip(series, assets, zones_of(assets, time, options), strict=True)
    passes = {one: known_at(options.last_us[name], zone) for one, name, zone in known if name in options.last_us}
    return replace(account, passes={**passes, **account.passes})


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


def _check_order(file: RawFile, times: Times, column: Column, found: str | None) -> None:
    """Raise `DataError` where a time that fits no more than the other order of day and month comes after many others.

    ``found`` is the form that was found out; None where somebody told it, and what does not fit is only counted.
    """
    row = found and first_of_other_order(column, found, times.given & ~times.readable)
    if row is not None and found:
        raise DataError(
            f"{file.path}, {file.where(int(row))}: '{as_written(column, int(row))}' does not fit {found}, as "
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
