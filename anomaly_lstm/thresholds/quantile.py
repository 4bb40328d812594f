"""Plain quantiles of the scores, for users who know their limit as a percentage of rows.

The return period of a row is one over its share of normal rows, without regard to clusters: the score that 1 % of
normal rows exceed comes "once in 100 rows". Beyond the rows there are, the share follows the same predictive tail as
`return_period` (see `tails`).
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from anomaly_lstm.tails import fit_rarity, predictive_tail
from anomaly_lstm.thresholds.contract import Curve, normal_rows, strictly_rising

Float64 = NDArray[np.float64]

NAME = "quantile"


def fit(stretches: Sequence[Float64], period_s: float) -> Curve:
    """Learn the curve from score to return period; see `contract.Threshold`."""
    n = normal_rows(stretches)
    rarity = fit_rarity(stretches, predictive_tail)
    return strictly_rising(rarity.value, np.log(period_s) + rarity.minus_log_p, n * period_s)
