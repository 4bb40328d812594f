"""How rare is a value, judged from dependent samples of normal operation: empirical where there are many, a Pareto
tail beyond.

1. *Marginal tail.* Excesses over a high value follow a generalised Pareto distribution (Pickands, 1975). Its shape
has the prior
   N(0, 0.1²), because values come on a scale whose tail is near-exponential; its scale is free.
2. *Clusters.* Strange rows come in clusters; the extremal index θ is one over their mean size (Ferro and Segers,
2003, intervals
   estimator, JRSS B 65:545). θ also says how much independent information the excesses carry: their likelihood counts
   with the power θ.
3. *Predictive.* The survival function is averaged over the posterior of shape and scale, so that what is not known is
neither ignored
   nor turned into a safety margin that would never alarm.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Float64 = NDArray[np.float64]

SHAPE_SPREAD = 0.1
LEAST_EXCESSES = 10
LEAST_RUNS = 10
N_BODY, N_TAIL = 40, 60
_SHAPES = np.linspace(-0.35, 0.45, 33)
_SCALES = np.geomspace(0.1, 10.0, 81)


@dataclass(frozen=True)
class Rarity:
    """−log P(X > value) as a rising curve through (``value``, ``minus_log_p``), both (N_BODY + N_TAIL,), and the
    extremal index ``theta``.
    """

    value: Float64
    minus_log_p: Float64
    theta: float


def fit_rarity(stretches: Sequence[Float64]) -> Rarity:
    """Learn how rare values are from continuous stretches of them (n_rows,), NaN = none."""
    values = np.concatenate([s[np.isfinite(s)] for s in stretches])
    n = len(values)
    n_excess = tail_size(n)
    base = float(np.partition(values, n - n_excess - 1)[n - n_excess - 1])
    excess = values[values > base] - base
    theta = extremal_index(stretches, values)
    survival_at_base = (len(excess) + 0.5) / (n + 1)
    body_survival = np.geomspace(1.0, survival_at_base, N_BODY)
    body = np.quantile(values, 1.0 - body_survival)
    mean = max(float(excess.mean()) if len(excess) else 0.0, 1e-6 * max(abs(base), 1.0))
    tail = np.geomspace(1e-2, 1e3, N_TAIL) * mean
    tail_survival = survival_at_base * predictive_survival(excess, theta, tail)
    minus_log_p = -np.log(np.maximum(np.concatenate([body_survival, tail_survival]), 1e-300))
    return Rarity(np.concatenate([body, base + tail]), minus_log_p, theta)


def tail_size(n: int) -> int:
    """How many of n values are the tail: a tenth of few, a shrinking share of many."""
    return min(max(LEAST_EXCESSES, min(n // 10, int(4 * n**0.5))), n - 1)


def predictive_survival(excess: Float64, theta: float, at: Float64) -> Float64:
    """P(excess > at), averaged over the posterior of shape and scale given the excesses, whose likelihood has power
    θ.
    """
    mean = max(float(excess.mean()) if len(excess) else 1.0, 1e-12)
    shape, scale = (a.ravel() for a in np.meshgrid(_SHAPES, mean * _SCALES, indexing="ij"))
    log_posterior = theta * _log_likelihood(excess, shape, scale) - 0.5 * (shape / SHAPE_SPREAD) ** 2
    weight = np.exp(log_posterior - log_posterior.max())
    keep = weight > 1e-9
    shape, scale, weight = shape[keep], scale[keep], weight[keep] / weight[keep].sum()
    return np.asarray(sum(w * _pareto_survival(at, k, s) for k, s, w in zip(shape, scale, weight, strict=True)))


def _log_likelihood(excess: Float64, shape: Float64, scale: Float64) -> Float64:
    """Log density of all excesses for each (shape, scale); −inf where one lies beyond the end point."""
    out = np.empty(len(shape))
    for i, (k, s) in enumerate(zip(shape, scale, strict=True)):
        inner = 1.0 + k * excess / s
        if inner.size and inner.min() <= 0:
            out[i] = -np.inf
        elif abs(k) < 1e-9:
            out[i] = -len(excess) * np.log(s) - excess.sum() / s
        else:
            out[i] = -len(excess) * np.log(s) - (1.0 + 1.0 / k) * np.log(inner).sum()
    return out


def _pareto_survival(at: Float64, shape: float, scale: float) -> Float64:
    if abs(shape) < 1e-9:
        return np.asarray(np.exp(-at / scale))
    return np.asarray(np.maximum(1.0 + shape * at / scale, 0.0) ** (-1.0 / shape))


def extremal_index(stretches: Sequence[Float64], values: Float64) -> float:
    """One over the mean cluster size near the limit, from the highest values that still leave enough clusters.

    The mean of the logs at the two highest of a few levels with at least `LEAST_RUNS` separate runs over them; many
    rows over a level can be one long run, which tells nothing about how often runs come.
    """
    ordered = np.sort(values)
    counts = [len(values) // 2**halved for halved in range(1, 20)]
    levels = [float(ordered[-count - 1]) for count in counts if count >= LEAST_RUNS]
    telling = [level for level in levels if _runs(stretches, level) >= LEAST_RUNS] or levels[:1]
    estimates = [_intervals_estimate(stretches, level) for level in telling[-2:]]
    return float(np.exp(np.mean(np.log(estimates)))) if estimates else 1.0


def _runs(stretches: Sequence[Float64], level: float) -> int:
    """How often the values rise over a level, the stretches that begin above it included."""
    above = [s > level for s in stretches]
    return sum(int((a[1:] & ~a[:-1]).sum()) + int(a[0]) for a in above if len(a))


def _intervals_estimate(stretches: Sequence[Float64], limit: float) -> float:
    """Ferro and Segers' estimator from the times between rows over the limit, never across two stretches."""
    between = np.concatenate([np.diff(np.flatnonzero(s > limit)) for s in stretches]).astype(np.float64)
    n = len(between)
    if n < 2:
        return 1.0
    if between.max() <= 2:
        theta = 2 * between.sum() ** 2 / (n * (between**2).sum())
    else:
        theta = 2 * (between - 1).sum() ** 2 / (n * ((between - 1) * (between - 2)).sum())
    return float(np.clip(theta, 1.0 / (n + 1), 1.0))
