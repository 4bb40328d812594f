"""A series as one line of text, a block per stretch: no peak is lost, and a gap is a gap."""

from __future__ import annotations

import itertools

import numpy as np
from numpy.typing import NDArray

Float64 = NDArray[np.float64]

BLOCKS = "▁▂▃▄▅▆▇█"
"""From lowest to highest; what is outside the scale has the block of its edge."""


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
