"""Long series thinned for the eye: as many points as a screen can show, no peak lost.

MinMaxLTTB (Van Der Donckt et al., 2023) keeps the lowest and the highest value of each stretch and chooses among them
those that change the picture most.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

Float64 = NDArray[np.float64]
Int64 = NDArray[np.int64]


def thinned(values: Float64, most: int) -> Int64:
    """The places (n,), in order, of at most ``most`` of the values that are numbers; all where there are no more."""
    from tsdownsample import MinMaxLTTBDownsampler

    finite = np.flatnonzero(np.isfinite(values))
    if len(finite) <= max(most, 3):
        return finite.astype(np.int64)
    sampler: Any = MinMaxLTTBDownsampler  # it ships without type hints
    kept = sampler().downsample(np.ascontiguousarray(values[finite]), n_out=max(most, 3))
    return np.unique(finite[kept.astype(np.int64)]).astype(np.int64)
