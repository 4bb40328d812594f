"""Return periods from the tail of the scores: marginal Pareto tail × extremal index, at the predictive limit (see
`tails`).

A score's rate of clusters per row is P(score > s)·θ; its return period is one over that. The limit at a return period
is therefore the one at which the rate, averaged over what is not known about the tail, equals what was promised.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from anomaly_lstm.errors import DataError
from anomaly_lstm.tails import fit_rarity
from anomaly_lstm.thresholds.contract import LONGEST_S, Curve, strictly_rising

Float64 = NDArray[np.float64]

NAME = "return_period"
LEAST_SCORES = 40


def fit(stretches: Sequence[Float64], period_s: float) -> Curve:
    """Learn the curve from score to return period; see `contract.Threshold`."""
    n = sum(int(np.isfinite(s).sum()) for s in stretches)
    if n < LEAST_SCORES:
        raise DataError(
            f"Only {n} normal rows are left to calibrate the return periods; at least {LEAST_SCORES} are "
            "needed. Train on a longer span."
        )
    rarity = fit_rarity(stretches)
    log_period = np.log(period_s / rarity.theta) + rarity.minus_log_p
    inside = log_period < np.log(LONGEST_S) + 1.0
    return strictly_rising(rarity.value[inside], log_period[inside], n * period_s)
