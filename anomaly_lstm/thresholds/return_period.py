"""Return periods: alerts counted where the record shows enough of them, and beyond it the tail of the scores.

What is promised is a rate of *alerts*, so alerts are what is counted: over a score the record shows k of them, by the
same life cycle that will raise them (`delays`), and the return period is the record's length over k. Where fewer than
`FEW` reach, the rate is P(score > s)·θ: marginal Pareto tail × extremal index, at the predictive limit (see `tails`),
so that the rate averaged over what is not known about the tail equals what was promised.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from anomaly_lstm.delays import DEADBAND, OFF_ROWS, REOPENS, standings
from anomaly_lstm.tables import State
from anomaly_lstm.tails import LEAST_SCALE, body_scale, fit_rarity, predictive_tail
from anomaly_lstm.thresholds.contract import Curve, normal_rows, strictly_rising

Float64 = NDArray[np.float64]

NAME = "return_period"

FEW = 20
"""Alerts from which on the record itself says how often they come: to about a quarter either way."""

N_LEVELS = 40
"""Scores at which alerts are counted, down to the one that a quarter of the rows exceed."""

COMMON = 0.25

DOUBT = 0.5
"""Where few alerts reach, the rate is at least the mean that gives so many or more as likely as not: k − ⅓ for k."""


def fit(stretches: Sequence[Float64], period_s: float) -> Curve:
    """Learn the curve from score to return period; see `contract.Threshold`."""
    n = normal_rows(stretches)
    rarity = fit_rarity(stretches, predictive_tail, LEAST_SCALE)
    values = np.concatenate([s[np.isfinite(s)] for s in stretches])
    drop = DEADBAND * math.log(10.0) * max(body_scale(values), LEAST_SCALE)
    level, peaks = _counted(stretches, values, drop)
    value = np.unique(np.concatenate([rarity.value, level, peaks[-1]]))
    rare = np.interp(value, rarity.value, rarity.minus_log_p)
    log_rate = np.log(rarity.theta) - rare
    counted = np.log([len(p) for p in peaks]) - np.log(n)
    if len(peaks[0]) >= FEW:
        below = counted[0] + np.interp(level[0], value, rare) - rare
        beyond = np.minimum(log_rate, counted[-1])
        within = np.interp(value, level, counted)
        log_rate = np.where(value < level[0], below, np.where(value > level[-1], beyond, within))
    lost = np.maximum(_seen(value, peaks[-1], level[-1]) - np.log(n) - log_rate, 0.0)
    log_rate = np.minimum.accumulate(log_rate + np.maximum.accumulate(lost))
    return strictly_rising(value, np.log(period_s) - log_rate, n * period_s)


def _counted(stretches: Sequence[Float64], values: Float64, drop: float) -> tuple[Float64, list[Float64]]:
    """Rising scores (n_levels,) that at least `FEW` alerts reach, and the peaks of the alerts over each; that with the
    most alerts alone where fewer reach it. Below that one they merge.
    """
    survival = np.geomspace(COMMON, min(FEW / len(values), COMMON), N_LEVELS)
    levels = np.unique(np.quantile(values, 1.0 - survival))
    peaks = [alert_peaks(stretches, float(level), drop) for level in levels]
    count = np.array([len(p) for p in peaks])
    most = int(np.argmax(count))
    fewer = np.flatnonzero(count[most:] < FEW)
    stop = most + max(1, int(fewer[0]) if len(fewer) else len(count) - most)
    return levels[most:stop], peaks[most:stop]


def alert_peaks(stretches: Sequence[Float64], level: float, drop: float) -> Float64:
    """The highest score of each alert over a level, with the deadband as a ``drop`` in score.

    As in `alerts`, what comes again soon and is no stranger is the same alert.
    """
    raised = [_raised(scores, level, drop) for scores in stretches]
    within = REOPENS * sum(map(len, stretches)) / max(1, sum(map(len, raised)))
    peaks = []
    for alerts in raised:
        last_end, last_peak = -math.inf, -math.inf
        for begun, end, peak in alerts:
            if begun - last_end > within or peak > last_peak:
                peaks.append(peak)
                last_peak = peak
            last_end = end
    return np.array(peaks)


def _raised(scores: Float64, level: float, drop: float) -> list[tuple[int, int, float]]:
    """Begin, end and highest score of each alarm in one stretch."""
    state = np.where(np.isfinite(scores), State.SCORED, State.NO_DATA).astype(np.uint8)
    stands = standings(scores >= level, scores < level - drop, state, 0, OFF_ROWS)
    ends = [len(scores) if stand.cleared is None else stand.cleared + 1 for stand in stands]
    return [
        (stand.begun, end, float(np.nanmax(scores[stand.begun : end]))) for stand, end in zip(stands, ends, strict=True)
    ]


def _seen(value: Float64, peaks: Float64, level: float) -> Float64:
    """Log of the least number of alerts over each value that the peaks over a level let expect.

    Outbursts that come now and then are no part of the tail of the rows between them, and it does not see them. So the
    number is at least the mean whose Poisson law gives those seen or more with probability `DOUBT` (Garwood, 1936).
    What is added to the tail at a value is added beyond it too.
    """
    from scipy.stats import chi2  # half a second of import that only training needs

    above = len(peaks) - np.searchsorted(np.sort(peaks), value, side="left")
    least = chi2.ppf(DOUBT, 2 * np.maximum(above, 1)) / 2
    return np.where((above > 0) & (value >= level), np.log(least), -np.inf)
