"""Clocks that go wrong: a logger that wakes up in 1970 or 2000, one that jumps years ahead, one that is set back."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from anomaly_lstm.clock import DAY, UNITS, format_duration, iso, parse_time

Int64 = NDArray[np.int64]
Bool = NDArray[np.bool_]

HOUR = UNITS["h"]
APART_US = 366 * DAY
"""No row for so long, on either side, makes a stretch of rows doubtful."""
FEW = 0.05
"""A doubtful stretch with fewer of all rows is taken for a fault of the clock; so are one or two rows in eight."""
_WAKES = (
    *("1900-01-01", "1904-01-01", "1970-01-01", "1980-01-01", "1980-01-06", "1999-11-30", "2000-01-01", "2001-01-01"),
    "2010-01-01",
)
WAKES = np.array([parse_time(text) for text in _WAKES])
"""Where clocks start that have lost their battery [µs since 1970 UTC]."""


def far_off(time_us: Int64) -> Bool:
    """Mark rows (n,) that no clock in order can have written.

    They lie in a stretch of time more than a year (and a thousand steps between rows) from all others, and are few; or
    the stretch begins where clocks start that have lost their battery, after the clock fell back, and most rows are
    elsewhere. ``time_us`` (n,) in the order of the file [µs since 1970 UTC].
    """
    off = np.zeros(len(time_us), dtype=bool)
    if len(time_us) < 4:
        return off
    order = np.argsort(time_us, kind="stable")
    step = np.diff(time_us[order])
    usual = float(np.median(step[step > 0])) if (step > 0).any() else 0.0
    ends = np.flatnonzero(step > max(APART_US, 1000 * usual)) + 1
    if not len(ends):
        return off
    stretches = np.split(order, ends)
    most = max(stretches, key=len)
    if 2 * len(most) <= len(time_us):
        return off
    for rows in stretches:
        few = len(rows) <= max(FEW * len(time_us), min(2, len(time_us) // 4))
        if rows is not most and (few or _woke_up(rows, time_us)):
            off[rows] = True
    return off


def _woke_up(rows: NDArray[np.intp], time_us: Int64) -> bool:
    """Say whether a stretch begins where clocks start, and its first row in the file comes after a later time."""
    first = int(rows.min())
    begins = int(time_us[rows].min())
    return first > 0 and time_us[first - 1] > time_us[first] and bool((np.abs(WAKES - begins) < 2 * DAY).any())


def about_far_off(time_us: Int64, off: Bool, where: Callable[[int], str]) -> list[str]:
    """Say where the clock went wrong; nothing where it did not."""
    if not off.any():
        return []
    rows, good = np.flatnonzero(off), time_us[~off]
    return [
        f"CLOCK RESET: {len(rows)} row(s) lie years from all others, the first in {where(int(rows[0]))} at "
        f"{iso(int(time_us[rows[0]]))}, the others from {iso(int(good.min()))} to {iso(int(good.max()))}: left out. "
        "Where they are right, say from when to when rows count with --start and --end."
    ]


def about_gaps(time_us: Int64) -> list[str]:
    """Say when the rows lie in stretches years apart that are all kept."""
    if len(time_us) < 4:
        return []
    ordered = np.sort(time_us)
    step = np.diff(ordered)
    usual = float(np.median(step[step > 0])) if (step > 0).any() else 0.0
    place = int(np.argmax(step))
    if step[place] <= max(APART_US, 1000 * usual):
        return []
    return [
        f"No row lies between {iso(int(ordered[place]))} and {iso(int(ordered[place + 1]))}. If a clock was wrong, "
        "leave its rows out with --start or --end."
    ]


def about_steps_back(
    time_us: Int64, which: Int64, where: Callable[[int], str], *, no_zone: bool, made_up: bool
) -> list[str]:
    """Say where the clock of a series falls back, if it does so rarely; how often, where rows are in no order.

    ``which`` (n,) numbers the series; ``no_zone`` says that nobody told in which zone the times are, ``made_up`` that
    they are counts. A file that runs from new to old has nothing to tell.
    """
    order = np.argsort(which, kind="stable")
    same = np.diff(which[order]) == 0
    step = np.diff(time_us[order])
    falls = np.flatnonzero(same & (step < 0))
    if not len(falls) or len(falls) > 0.9 * (same & (step != 0)).sum():
        return []
    rows = order[falls + 1]
    first = int(np.argmin(rows))
    row, size = int(rows[first]), int(-step[falls[first]])
    usual = float(np.median(step[same & (step > 0)])) if (same & (step > 0)).any() else 0.0
    if len(rows) > max(3, len(time_us) / 100):
        return [f"Rows are not in the order of time: {len(rows)} times they step back, first in {where(row)}: sorted."]
    again = _run_again(time_us, which, row, size)
    others = f" (and {len(rows) - 1} more times)" if len(rows) > 1 else ""
    hint = ""
    if made_up:
        hint = " If it begins anew for each machine or run, name the column that tells them with --asset."
    elif no_zone and abs(size + usual - HOUR) <= usual:
        hint = " It looks like the end of summer time: set --zone or [source] zone."
    return [
        f"The clock steps back by {format_duration(size)} in {where(row)}{others}; {again} row(s) from there on lie no "
        f"later than the rows before: sorted.{hint}"
    ]


def _run_again(time_us: Int64, which: Int64, row: int, size_us: int) -> int:
    """How many rows of a series from ``row`` on have a time not after that of the row before the step."""
    mine = np.flatnonzero(which == which[row])
    after = mine[mine >= row]
    return int((time_us[after] <= time_us[row] + size_us).sum())
