"""Return periods from the tail of the scores: marginal Pareto tail × extremal index, at the predictive limit (see
`tails`).

A score's rate of clusters per row is P(score > s)·θ; its return period is one over that. The limit at a return period
is therefore the one at which the rate, averaged over what is not known about the tail, equals what was promised.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from anomaly_lstm.tails import LEAST_SCALE, fit_rarity, held_to_record, predictive_tail
from anomaly_lstm.thresholds.contract import Curve, normal_rows, strictly_rising

Float64 = NDArray[np.float64]

NAME = "return_period"


def fit(stretches: Sequence[Float64], period_s: float) -> Curve:
    """Learn the curve from score to return period; see `contract.Threshold`."""
    n = normal_rows(stretches)
    rarity = held_to_record(fit_rarity(stretches, predictive_tail, LEAST_SCALE), stretches)
    return strictly_rising(rarity.value, np.log(period_s / rarity.theta) + rarity.minus_log_p, n * period_s)
