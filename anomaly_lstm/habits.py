"""How a plant writes its sensors down: how often each comes, so the period of a grid, and for how long a value holds.

Many historians store a value only when it moves, or each sensor at times of its own. A grid as fine as the mixture of
their times would be all but empty.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from anomaly_lstm.clock import DAY, UNITS
from anomaly_lstm.telemetry import estimate_period

Int64 = NDArray[np.int64]
Float64 = NDArray[np.float64]

SPARSE = 1.5
"""Sensors that come so many times more seldom than rows do are written at times of their own."""

SELDOM = 0.1
"""Where more than this share of the steps of a sensor is longer than the period, gaps are its habit and no outage."""

USUAL = 0.99
"""A value holds for as long as all but one step in a hundred last: what is longer is an outage again …"""

LONGEST = 0.05
"""… but for no more than this share of the record: of a longer hold it shows too little."""

REPEATS, FINE = 0.01, 0.5
"""Of a sensor of few values (fewer than half as many as rows), one in a hundred at least repeats the one before it, if
it is asked for. Where none does, it is written when it changes only, and a rest of any length is none of an outage."""

LEAST_CHANGES = 10
"""Fewer values show no habit."""

_ROUND = (
    *(count * 1000 for count in (1, 2, 5, 10, 20, 50, 100, 200, 500)),
    *(count * UNITS[unit] for unit in ("s", "min") for count in (1, 2, 5, 10, 15, 20, 30)),
    *(count * UNITS["h"] for count in (1, 2, 3, 4, 6, 8, 12)),
    *(count * DAY for count in (1, 2, 7, 14, 30)),
)
"""Spans that people use [µs]."""


@dataclass(frozen=True)
class Habit:
    """The steps between the values of one sensor [µs]: the median one, and one that all but a hundredth stay below."""

    usual_us: int
    longest_us: int
    seldom: bool
    """More than a tenth of the steps is longer than the period of the grid."""


def steps_of(time_us: Int64, values: Float64) -> Int64:
    """The steps between the distinct times (n_rows,) at which a sensor has a value [µs]."""
    return np.asarray(np.diff(np.unique(time_us[np.isfinite(values)])), np.int64)


def is_written_on_change(time_us: Int64, values: Float64) -> bool:
    """Does a sensor of few values never repeat one? ``time_us``, ``values`` (n_rows,) in any order, NaN where none."""
    order = np.argsort(time_us, kind="stable")
    known = values[order][np.isfinite(values[order])]
    if len(known) < LEAST_CHANGES or len(np.unique(known)) > FINE * len(known):
        return False
    return bool((np.diff(known) == 0).mean() < REPEATS)


def rest_of(steps: Int64) -> int:
    """For how long a value counts on that is written when it changes only: for its longest rest [µs]."""
    longest = int(steps.max())
    return min((us for us in _ROUND if us >= longest), default=longest)


def period_of(steps: Mapping[str, Int64], rows_us: int) -> int | None:
    """The period of a grid on which sensors are not sparse; None where that of the rows is good for them.

    ``steps`` between the values of each sensor, ``rows_us`` the period of the rows [µs].
    """
    medians = [float(np.median(own)) for own in steps.values() if len(own)]
    if not medians or float(np.median(medians)) <= SPARSE * rows_us:
        return None
    common = estimate_period([np.r_[0, np.cumsum(own)] for own in steps.values() if len(own)])
    return common if any(common == us for us in _ROUND) else max([us for us in _ROUND if us <= common], default=common)


def habit_of(steps: Int64, period_us: int) -> Habit | None:
    """How a sensor comes; None for one with hardly any value."""
    if len(steps) < 2:
        return None
    usual, longest = (int(np.quantile(steps, share)) for share in (0.5, USUAL))
    return Habit(usual, longest, bool((steps > SPARSE * period_us).mean() > SELDOM))


def hold_of(habit: Habit, period_us: int, span_us: int) -> int | None:
    """For how long the last value of a sensor counts on [µs]; None where it comes as often as the grid asks, or too
    seldom to tell. ``span_us`` is the length of the record.
    """
    if not habit.seldom:
        return None
    least = max(habit.longest_us, round(SPARSE * habit.usual_us), 2 * period_us)
    hold = min((us for us in _ROUND if us >= least), default=least)
    return hold if hold <= LONGEST * span_us else None


def together(parts: Sequence[Int64]) -> Int64:
    """The steps of one sensor on several assets."""
    return np.concatenate(parts) if parts else np.empty(0, np.int64)
