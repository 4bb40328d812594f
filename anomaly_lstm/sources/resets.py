"""Clocks that go wrong: a logger that wakes up in 1970 or 2000, one that jumps years ahead."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from anomaly_lstm.clock import DAY, parse_time

Int64 = NDArray[np.int64]
Bool = NDArray[np.bool_]

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
