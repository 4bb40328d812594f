"""A series as one line of text, a block per stretch: no peak is lost, and a gap is a gap."""

from __future__ import annotations

import itertools

import numpy as np
from numpy.typing import NDArray

Float64 = NDArray[np.float64]
Int64 = NDArray[np.int64]

BLOCKS = "▁▂▃▄▅▆▇█"
"""From lowest to highest; what is outside the scale has the block of its edge."""


def highest(time_us: Int64, values: Float64, start_us: int, end_us: int, bins: int) -> Int64:
    """In each of ``bins`` equal stretches of [``start_us``, ``end_us``) the place of its highest value (bins,); −1
    where there is none.
    """
    inside = (time_us >= start_us) & (time_us < end_us) & np.isfinite(values)
    rows = np.flatnonzero(inside)
    stretch = (time_us[rows] - start_us) * bins // max(1, end_us - start_us)
    order = np.lexsort((values[rows], stretch))
    last = order[np.flatnonzero(np.diff(stretch[order], append=bins))]
    places = np.full(bins, -1, np.int64)
    places[stretch[last]] = rows[last]
    return places


def sparkline(values: Float64, width: int, low: float, high: float) -> str:
    """``▁▂ ▅█``: values evenly spread in time on a scale from ``low`` to ``high``, in ``width`` letters, or as many as
    there are values where those are fewer. A letter shows the highest value of its bin, and is blank where all of them
    are NaN.
    """
    width = min(width, len(values))
    edges = np.arange(width + 1) * len(values) // max(1, width)
    bins = [values[begin:end] for begin, end in itertools.pairwise(edges)]
    return "".join(_block(part[np.isfinite(part)], low, high) for part in bins)


def _block(values: Float64, low: float, high: float) -> str:
    if not len(values):
        return " "
    step = int((values.max() - low) / (high - low) * len(BLOCKS)) if high > low else 0
    return BLOCKS[min(max(step, 0), len(BLOCKS) - 1)]
