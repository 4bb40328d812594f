"""How rare is a value, judged from dependent samples of normal operation: empirical in the body, a Pareto tail beyond.

- *Marginal tail.* Excesses over a high value follow a generalised Pareto distribution (Pickands, 1975). Its shape has
  the prior N(0, 0.1²), because values come on a scale whose tail is near-exponential; the prior of its scale is what
  the body of the values lets expect of such a tail, log-normal with a spread of 0.5.
- *Clusters.* Strange rows come in clusters; the extremal index θ is one over their mean size (Ferro and Segers, 2003,
  intervals estimator, JRSS B 65:545). θ also says how much independent information the excesses carry: their
  likelihood counts with the power θ.
- *Predictive.* For a promise, the survival function is averaged over the posterior of shape and scale, so that what is
  not known is neither ignored nor turned into a safety margin that would never alarm. To bring statistics to one scale,
  which promises nothing, the expected exponential tail will do, and keeps growing where the other flattens.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Float64 = NDArray[np.float64]

SHAPE_SPREAD = 0.1
LEAST_EXCESSES = 10
LEAST_RUNS = 10
N_BODY, N_TAIL = 40, 60
LEAST_SCALE = 0.2
"""The scale of the tail of a mean of −log p is not finer than this: one statistic's is 1, that of few independent ones
0.2; rows that never deviated show no scale at all."""

_SHAPES = np.linspace(-0.35, 0.45, 33)
SCALE_SPREAD = 0.5
_SCALES = np.geomspace(0.05, 50.0, 111)


@dataclass(frozen=True)
class Rarity:
    """−log P(X > value) as a rising curve through (``value``, ``minus_log_p``), both (N_BODY + N_TAIL,), and the
    extremal index ``theta``.
    """

    value: Float64
    minus_log_p: Float64
    theta: float


Tail = Callable[[Float64, float, Float64, float], Float64]
"""(excesses, θ, at, scale expected) → −log P(excess > at)."""


def fit_rarity(stretches: Sequence[Float64], tail: Tail, least_scale: float = 0.0) -> Rarity:
    """Learn how rare values are from continuous stretches of them (n_rows,), NaN = none.

    ``tail`` is `predictive_tail` or `exponential_tail`; its scale is expected to be at least ``least_scale``.
    """
    values = np.concatenate([s[np.isfinite(s)] for s in stretches])
    n = len(values)
    n_excess = tail_size(n)
    base = float(np.partition(values, n - n_excess - 1)[n - n_excess - 1])
    excess = values[values > base] - base
    theta = extremal_index(stretches, values)
    survival_at_base = (len(excess) + 0.5) / (n + 1)
    body_survival = np.geomspace(1.0, survival_at_base, N_BODY)
    body = np.quantile(values, 1.0 - body_survival)
    scale = max(body_scale(values), least_scale)
    at = np.geomspace(1e-2, 1e3, N_TAIL) * max(float(excess.mean()) if len(excess) else 0.0, scale)
    beyond = tail(excess, theta, at, scale) - np.log(survival_at_base)
    return Rarity(np.concatenate([body, base + at]), np.concatenate([-np.log(body_survival), beyond]), theta)


def tail_size(n: int) -> int:
    """How many of n values are the tail: a tenth of few, a shrinking share of many."""
    return min(max(LEAST_EXCESSES, min(n // 10, int(4 * n**0.5))), n - 1)


def body_scale(values: Float64) -> float:
    """The scale of an exponential tail that goes on from the body: ln 5 of it lie between the median and the top tenth.

    A few clusters of excesses say little of their scale; the many rows below say more.
    """
    middle, high = np.quantile(values, [0.5, 0.9])
    return max(float(high - middle) / math.log(5.0), 1e-9 * max(abs(float(high)), 1.0))


def predictive_tail(excess: Float64, theta: float, at: Float64, scale_expected: float) -> Float64:
    """−log P(excess > at), the probability averaged over the posterior of shape and scale.

    ``excess`` (n_excesses,) and the extremal index ``theta`` make the likelihood, ``scale_expected`` is the centre of
    the scale's prior.
    """
    shape, scale = (a.ravel() for a in np.meshgrid(_SHAPES, scale_expected * _SCALES, indexing="ij"))
    prior = -0.5 * (shape / SHAPE_SPREAD) ** 2 - 0.5 * (np.log(scale / scale_expected) / SCALE_SPREAD) ** 2
    log_posterior = theta * _log_likelihood(excess, shape, scale) + prior
    weight = np.exp(log_posterior - log_posterior.max())
    keep = weight > 1e-9
    shape, scale, weight = shape[keep], scale[keep], weight[keep] / weight[keep].sum()
    survival = sum(w * _pareto_survival(at, k, s) for k, s, w in zip(shape, scale, weight, strict=True))
    return np.asarray(-np.log(np.maximum(survival, 1e-300)))


def exponential_tail(excess: Float64, theta: float, at: Float64, scale_expected: float) -> Float64:
    """−log P(excess > at) of an exponential tail at the posterior mean of its log scale."""
    scale = scale_expected * _SCALES
    prior = -0.5 * (np.log(_SCALES) / SCALE_SPREAD) ** 2
    log_posterior = theta * _log_likelihood(excess, np.zeros_like(scale), scale) + prior
    weight = np.exp(log_posterior - log_posterior.max())
    return np.asarray(at / np.exp(weight @ np.log(scale) / weight.sum()))


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
    estimates = [_intervals_estimate(values, level) for level in telling[-2:]]
    return float(np.exp(np.mean(np.log(estimates)))) if estimates else 1.0


def _runs(stretches: Sequence[Float64], level: float) -> int:
    """How often the values rise over a level, the stretches that begin above it included."""
    above = [s > level for s in stretches]
    return sum(int((a[1:] & ~a[:-1]).sum()) + int(a[0]) for a in above if len(a))


def _intervals_estimate(values: Float64, limit: float) -> float:
    """Ferro and Segers' estimator from the times between values over the limit, in rows that have one.

    A time that spans the end of a stretch counts as if the next one went on: between clusters it has no memory. Left
    out, those within clusters would remain, the shorter the stretches the more of them.
    """
    between = np.diff(np.flatnonzero(values > limit)).astype(np.float64)
    n = len(between)
    if n < 2:
        return 1.0
    if between.max() <= 2:
        theta = 2 * between.sum() ** 2 / (n * (between**2).sum())
    else:
        theta = 2 * (between - 1).sum() ** 2 / (n * ((between - 1) * (between - 2)).sum())
    return float(np.clip(theta, 1.0 / (n + 1), 1.0))
