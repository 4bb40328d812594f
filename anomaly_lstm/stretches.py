"""A long series, stretch by stretch."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Float64 = NDArray[np.float64]
Int64 = NDArray[np.int64]


def equal_stretches(start_us: int, end_us: int, count: int) -> Int64:
    """Edges of so many equal stretches of [``start_us``, ``end_us``), to the microsecond (count + 1,)."""
    return start_us - (start_us - end_us) * np.arange(count + 1) // count


def highest(time_us: Int64, values: Float64, edges_us: Int64) -> Int64:
    """The place of the highest value between two edges (n_edges − 1,), the last of equal ones; −1 where there is none.

    ``time_us`` (n,) in order, ``values`` (n,), NaN counting for nothing.
    """
    begins = np.searchsorted(time_us, edges_us)
    counts = np.diff(begins)
    filled = np.flatnonzero(counts > 0)
    places = np.full(len(counts), -1, np.int64)
    if len(filled):
        inside = values[begins[0] : begins[-1]]
        top = np.fmax.reduceat(inside, begins[filled] - begins[0])
        rows = np.flatnonzero(inside == np.repeat(top, counts[filled]))
        places[np.repeat(filled, counts[filled])[rows]] = begins[0] + rows
    return places
