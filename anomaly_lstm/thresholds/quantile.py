"""Plain empirical quantiles of the scores, for users who know their limit as a percentage of rows.

The return period of a row is one over its share of normal rows, without regard to clusters; beyond the highest score
seen the tail is taken as exponential with the mean excess of the highest tenth.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from anomaly_lstm.errors import DataError
from anomaly_lstm.thresholds.contract import LONGEST_S, Curve, strictly_rising

Float64 = NDArray[np.float64]

NAME = "quantile"
LEAST_SCORES = 40


def fit(stretches: Sequence[Float64], period_s: float) -> Curve:
    """Learn the curve from score to return period; see `contract.Threshold`."""
    scores = np.sort(np.concatenate([s[np.isfinite(s)] for s in stretches] or [np.empty(0)]))
    n = len(scores)
    if n < LEAST_SCORES:
        raise DataError(
            f"Only {n} normal rows are left to calibrate the quantiles; at least {LEAST_SCORES} are needed. "
            "Train on a longer span."
        )
    share = np.linspace(1.0, 1.0 / n, min(n, 400))
    body = np.quantile(scores, 1.0 - share)
    top = scores[-max(4, n // 10) :]
    mean_excess = max(float((top - top[0]).mean()), 1e-6)
    end = scores[-1] + mean_excess * max(np.log(LONGEST_S / (n * period_s)), 1.0)
    log_period = np.log(period_s) - np.log(share)
    return strictly_rising(
        np.r_[body, end], np.r_[log_period, log_period[-1] + (end - scores[-1]) / mean_excess], n * period_s
    )
