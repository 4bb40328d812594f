"""Several forecasts → one with an interval: weights and quantiles from a backtest in time order.

No forecaster is best at every horizon: the network knows the next minutes, the level where a set-point leads in the
end, yesterday what an operator will do at six. Their weighted mean errs less than the best of them alone (J. M. Bates,
C. W. J. Granger, The Combination of Forecasts, 1969). The weights are those of the smallest mean absolute error that
are not negative and sum to one, for each sensor and horizon: a combination is never more extreme than its members, and
a few independent stretches of history suffice to learn it.

The interval comes from errors of combinations that did not know the outcome (split conformal prediction: V. Vovk et
al., 2005; J. Lei et al., 2018). Errors of forecasts that share rows count as often as they are independent.

The history is walked through in blocks (A. P. Dawid, prequential, 1984): each block is forecast with what was known
when it began, the later half of them is judged, and what forecasts tomorrow is learned from all in the same way.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from itertools import chain, combinations

import numpy as np
from numpy.typing import NDArray

Float64 = NDArray[np.float64]
Int64 = NDArray[np.int64]
Bool = NDArray[np.bool_]

BLOCKS = 6
"""Parts of the history, in time order: the first teaches only weights, the next two intervals too …"""

JUDGED = 3
"""… and from this one on forecasts are judged as well."""

INSIDE = 0.8
"""Share of what comes that the interval is to hold: from p10 to p90."""

ROUNDS = 6
"""Rounds to the least absolute error; more make it smaller by less than a hundredth."""

FINEST = 0.05
"""Errors below this share of the mean one weigh alike."""


@dataclass(frozen=True)
class Trials:
    """What was said at past origins, and what came.

    ``at`` (n_origins,) grid indices, rising; ``stride`` their usual distance [rows]; ``steps`` (n_steps,) rows ahead;
    ``said`` (n_origins, n_steps, n_sensors, n_members); ``came`` (n_origins, n_steps, n_sensors), NaN where it is not
    known; ``naive`` name → what a rule said that is to be beaten, shaped as ``came``; ``fresh`` (n_origins,) which may
    judge.
    """

    at: Int64
    stride: int
    steps: Int64
    said: Float64
    came: Float64
    naive: Mapping[str, Float64]
    fresh: Bool

    def known_by(self, index: int) -> Bool:
        """Which outcomes (n_origins, n_steps) a forecast made at grid row ``index`` may know."""
        return np.asarray(self.at[:, None] + self.steps <= index)

    def independent(self, cells: Bool) -> Float64:
        """How many stretches (n_steps, n_sensors) that do not overlap the ``cells``, shaped as ``came``, are worth."""
        return np.asarray(cells.sum(axis=0) / np.maximum(1.0, self.steps / self.stride)[:, None])


@dataclass(frozen=True)
class Blend:
    """``weights`` (n_steps, n_sensors, n_members); ``quantiles`` (3, n_steps, n_sensors) is what is added to the
    weighted mean for p10, p50 and p90 in sensor units, NaN where no error is known.
    """

    weights: Float64
    quantiles: Float64


@dataclass(frozen=True)
class Skill:
    """How forecasts did on the judged blocks, by step and sensor (n_steps, n_sensors), NaN where nothing came.

    ``error`` and each of ``naive`` are mean absolute errors in sensor units, on the same cells; ``inside`` the share of
    what came that lay in the interval.
    """

    error: Float64
    naive: Mapping[str, Float64]
    inside: Float64


def backtest(trials: Trials, spread: Float64) -> tuple[Blend, Skill]:
    """The combination to forecast with, and how such combinations did on blocks later than all they learned from.

    ``spread`` (n_sensors,) is the size of a sensor's usual deviations, in its unit. At least `BLOCKS` origins.
    """
    blocks = np.array_split(np.arange(len(trials.at)), BLOCKS)
    errors, judged, inside = (np.full(trials.came.shape, np.nan) for _ in range(3))
    for number, block in enumerate(blocks[1:], start=1):
        known = trials.known_by(int(trials.at[block[0]]))
        mean = mix(trials.said[block], weigh(trials, known, spread))
        errors[block] = trials.came[block] - mean
        if number >= JUDGED:
            low, middle, high = quantiles(trials, errors, known)
            judged[block] = errors[block] - middle
            held = (errors[block] >= low) & (errors[block] <= high)
            inside[block] = held
    everything = np.ones((len(trials.at), len(trials.steps)), bool)
    blend = Blend(weigh(trials, everything, spread), quantiles(trials, errors, everything))
    cells = np.isfinite(judged) & trials.fresh[:, None, None]
    naive = {name: _mean(np.abs(trials.came - said), cells) for name, said in trials.naive.items()}
    return blend, Skill(_mean(np.abs(judged), cells), naive, _mean(inside, cells))


def weigh(trials: Trials, known: Bool, spread: Float64) -> Float64:
    """The weights (n_steps, n_sensors, n_members) of the smallest mean absolute error over the ``known`` outcomes.

    It is the median that is forecast, so a set-point that seldom jumps is best left where it is. The least absolute
    error is found by squares weighed anew with one over the error of the round before (E. J. Schlossmacher, 1973). The
    weights are shrunk towards equal ones, by as much as one independent stretch of the best member weighs: without any
    they are equal.
    """
    counts = known[:, :, None] & np.isfinite(trials.came)
    apart = np.where(counts[..., None], (trials.came[..., None] - trials.said) / spread[:, None], 0.0)
    shrink = 1.0 / np.maximum(trials.independent(counts), 1.0)
    emphasis = counts.astype(np.float64)
    weights = np.full(apart.shape[1:], 1.0 / apart.shape[-1])
    for _ in range(ROUNDS):
        weights = simplex(_second(apart, emphasis, shrink))
        error = np.abs(mix(apart, weights))
        usual = error.sum(axis=0) / np.maximum(counts.sum(axis=0), 1)
        emphasis = counts / np.maximum(error, FINEST * usual + 1e-9)
    return weights


def _second(apart: Float64, emphasis: Float64, shrink: Float64) -> Float64:
    """Second moments of the members' errors (n_steps, n_sensors, n_members, n_members), ``shrink`` (n_steps, n_sensors)
    of the best one's added to the diagonal.
    """
    total = np.maximum(emphasis.sum(axis=0), 1e-12)
    second = np.einsum("ots,otsk,otsl->tskl", emphasis, apart, apart) / total[..., None, None]
    best = np.einsum("tskk->tsk", second).min(axis=-1)
    return np.asarray(second + (shrink * best + 1e-12)[..., None, None] * np.eye(second.shape[-1]))


def simplex(second: Float64) -> Float64:
    """The w ≥ 0 with Σw = 1 that make wᵀ S w smallest, for a stack of positive definite S (…, n, n): (…, n).

    The best point of every face of the simplex has a closed form; the best of those that lie on their face is the
    minimum. There are 2ⁿ − 1 faces, so n must be small.
    """
    n = second.shape[-1]
    best = np.full(second.shape[:-2], np.inf)
    weights = np.zeros(second.shape[:-1])
    for face in chain.from_iterable(combinations(range(n), size) for size in range(1, n + 1)):
        on = list(face)
        solved = np.linalg.solve(second[..., on, :][..., on], np.ones((*second.shape[:-2], len(on), 1)))[..., 0]
        value = 1.0 / solved.sum(axis=-1)
        better = (solved >= 0).all(axis=-1) & (value < best)
        best = np.where(better, value, best)
        spot = np.zeros(second.shape[:-1])
        spot[..., on] = solved * value[..., None]
        weights = np.where(better[..., None], spot, weights)
    return weights


def mix(said: Float64, weights: Float64) -> Float64:
    """The weighted mean (…, n_steps, n_sensors) of what the members said (…, n_steps, n_sensors, n_members)."""
    return np.asarray((said * weights).sum(axis=-1))


def quantiles(trials: Trials, errors: Float64, known: Bool) -> Float64:
    """p10, p50 and p90 (3, n_steps, n_sensors) of the known ``errors``, at the levels that hold `INSIDE` of what comes.

    Of n independent values and a new one, the new one lies beyond the k-th with probability 1 − k/(n+1), and the k-th
    is the quantile (k − ½)/n (A. Hazen, 1914).
    """
    some = np.where(known[:, :, None], errors, np.nan)
    enough = np.isfinite(some).sum(axis=0) / _dependence(trials, some)[:, None]
    enough = np.maximum(enough, 1.0)
    high = np.minimum(((1 + INSIDE) / 2 * (enough + 1) - 0.5) / enough, 1.0)
    rising = np.sort(some, axis=0)  # NaN last
    count = np.isfinite(rising).sum(axis=0)
    return np.stack([_at(rising, count, level) for level in (1 - high, np.full_like(high, 0.5), high)])


def _dependence(trials: Trials, errors: Float64) -> Float64:
    """How many neighbouring ``errors`` at each step are worth one that depends on none (n_steps,), over all sensors.

    1 + 2 Σ ρ over the lags at which two forecasts share rows ahead (M. S. Bartlett, 1946), about zero, where errors
    should lie: about the mean of a short history they would look less alike than they are.
    """
    dependence = np.ones(len(trials.steps))
    size = np.sqrt(_mean(np.square(errors), np.isfinite(errors)))
    alike = np.divide(errors, size, out=np.zeros(errors.shape), where=np.isfinite(errors) & (size > 0))
    for at, step in enumerate(trials.steps):
        here = alike[np.isfinite(errors[:, at]).any(axis=1), at]
        for lag in range(1, min(int(step / trials.stride), len(here) - 1) + 1):
            product = float((here[lag:] * here[:-lag]).mean()) / max(float(np.square(here).mean()), 1e-12)
            dependence[at] += 2 * max(product, 0.0)
    return dependence


def _at(rising: Float64, count: NDArray[np.intp], level: Float64) -> Float64:
    """The quantile ``level`` (n_steps, n_sensors) of values sorted along the first axis, ``count`` of them finite."""
    place = np.clip(level * count - 0.5, 0, np.maximum(count - 1, 0))
    below = np.floor(place).astype(np.int64)
    above = np.minimum(below + 1, np.maximum(count - 1, 0))
    low, high = (np.take_along_axis(rising, at[None], axis=0)[0] for at in (below, above))
    return np.asarray(low + (place - below) * (high - low))


def _mean(values: Float64, cells: Bool) -> Float64:
    """The mean over origins of the ``cells`` (n_steps, n_sensors), NaN where there are none."""
    count = cells.sum(axis=0)
    total = np.where(cells, values, 0.0).sum(axis=0)
    return np.asarray(np.divide(total, count, out=np.full(total.shape, np.nan), where=count > 0))


def between(steps: Int64, values: Float64, wanted: Int64) -> Float64:
    """``values`` known at ``steps`` (n_steps, …) for every wanted step, on a straight line over log steps between."""
    place = np.interp(np.log(wanted), np.log(steps), np.arange(len(steps)))
    below = np.minimum(place.astype(np.int64), len(steps) - 1)
    above = np.minimum(below + 1, len(steps) - 1)
    share = (place - below).reshape(-1, *[1] * (values.ndim - 1))
    return np.asarray(values[below] * (1 - share) + values[above] * share)
