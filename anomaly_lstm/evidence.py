"""Errors → evidence → one score per row: an explicit fold over rows with a small state.

Each *view* of a row is a vector of deviations (measured − expected, in sensor units): from the prediction (or the
reconstruction of an autoencoder), and from the healthy level for the context. Deviations are looked at in two ways and
at several half-lives, for each of them is blind to what another sees:

- their *mean*: at once for a jump or a lost coupling, smoothed for a small offset that lasts or a slow drift, to which
  one-step prediction is blind. Hotelling's T² of the whitened vector (Hotelling, 1947; smoothed: Lowry et al., 1992).
- their *power*: the smoothed square of each sensor's prediction error on a log scale, in both directions: an
  oscillation or growing noise makes it large, a stuck or damped sensor small (MacGregor and Harris, 1993).

How rare each T² is on normal rows that taught it nothing brings all of them to −log p: empirical in the body,
exponential in the tail as χ² has it, and never rarer than χ² itself would call it. The score is their mean (Fisher's
combination of p-values, 1932): many statistics that are a little strange count like one that is very strange. They
depend on each other, so the mean has no textbook distribution; the threshold learns how rare it is from normal rows.

The whitening is symmetric (ZCA; Kessy, Lewin and Strimmer, 2018), so each whitened coordinate still belongs to one
sensor and the squares are that sensor's share of T².
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from anomaly_lstm.blocks import decay, fixed_product, smooth
from anomaly_lstm.tails import Rarity, exponential_tail, fit_rarity
from anomaly_lstm.windows import CHUNK

Float64 = NDArray[np.float64]
Int64 = NDArray[np.int64]
Bool = NDArray[np.bool_]

PREDICTION, LEVEL = range(2)
"""The views, in the order of the first axis of deviations; an autoencoder's reconstruction stands for a prediction."""

MEAN, POWER = range(2)
"""What of the deviations a statistic looks at."""

HALF_LIVES = {
    (PREDICTION, MEAN): (0.0, 2.0, 8.0, 32.0, 128.0),
    (LEVEL, MEAN): (0.0, 8.0, 32.0, 128.0),
    (PREDICTION, POWER): (8.0, 32.0, 128.0),
}
"""Memory of each statistic [rows]. A level moves slowly and is not looked at twice within eight rows."""

SLOWEST = 128.0

SHORT = 8.0
"""Half-lives up to this [rows] are always used."""

MEMORIES = 10
"""A longer half-life is used where the normal rows hold this many of its memories, of three half-lives each: fewer
would not tell how a mean over so long varies."""

REACH = 20.0
"""A single deviation counts at most this many spreads at once …"""

SLOW_REACH = 6.0
"""… and this many in what is smoothed: a wild row, or a fault that is over, must not hold the slow evidence long."""

QUIET = 0.01
"""Added to a power before its logarithm [spreads²]: a sensor that predicts itself to a tenth of its spread is quiet."""

LEAST_SENSORS = 0.5
"""A row is scored while at least this share of the scored sensors is measured."""

WILD = 10.0
"""A row teaches the covariance at most this many spreads."""

LEAST_POWER = 0.03
"""The least variance of a log power: a sensor without noise has one that would make any noise an outburst."""

LEAST_OF_MODE = 10 * 3 * 8
"""Rows from which on a mode may stand on its own [rows]: ten memories of the first slow half-life."""

LEAST_VISITS = 2
"""Visits to a mode from which on it may: one has not shown how it begins, nor that it is the same the next time."""

JUDGES = 4
"""How rare a T² is, is learned from blocks of rows that are each judged by the others' covariance."""


@dataclass(frozen=True)
class Statistic:
    """One T²: of which view, what of it, and how fast it forgets.

    ``whitener`` (n_scored, n_scored); ``strength`` and ``minus_log_p`` (n_knots,) say how rare a T² is on normal rows.
    """

    view: int
    of: int
    half_life: float
    whitener: Float64
    strength: Float64
    minus_log_p: Float64


@dataclass(frozen=True)
class Evidence:
    """``spread`` (n_views, n_scored) in sensor units; ``covariance`` (n_views, n_scored, n_scored) of one row's scaled
    deviations, for filling in missing sensors; and the statistics. ``own_spread`` (n_modes, n_views, n_scored) takes
    the place of ``spread`` on rows of the modes that have their own.
    """

    spread: Float64
    covariance: Float64
    statistics: tuple[Statistic, ...]
    own_spread: Float64

    @property
    def n_views(self) -> int:
        return len(self.spread)

    def spread_of(self, group: Int64 | None) -> Float64:
        """The spread (n_views, n_rows or 1, n_scored) on rows of some groups (n_rows,): 0 the common one, 1 … own."""
        if group is None or not len(self.own_spread):
            return self.spread[:, None]
        return np.moveaxis(np.concatenate([self.spread[None], self.own_spread])[group], 0, 1)

    def arrays(self) -> dict[str, Float64]:
        kinds = [(s.view, s.of, s.half_life) for s in self.statistics]
        own = {"own_spread": self.own_spread} if len(self.own_spread) else {}
        return {
            **own,
            "spread": self.spread,
            "covariance": self.covariance,
            "statistics": np.array(kinds, np.float64),
            "whitener": np.stack([s.whitener for s in self.statistics]),
            "strength": np.stack([s.strength for s in self.statistics]),
            "minus_log_p": np.stack([s.minus_log_p for s in self.statistics]),
        }


def evidence_from(arrays: Mapping[str, Float64]) -> Evidence:
    kinds = [(int(view), int(of), float(half_life)) for view, of, half_life in arrays["statistics"]]
    learned = zip(kinds, arrays["whitener"], arrays["strength"], arrays["minus_log_p"], strict=True)
    statistics = tuple(Statistic(*kind, *fitted) for kind, *fitted in learned)
    own = arrays.get("own_spread", np.empty((0, *arrays["spread"].shape)))
    return Evidence(arrays["spread"], arrays["covariance"], statistics, own)


@dataclass(frozen=True)
class Judged:
    """What the evidence says of n rows.

    ``score`` (n,) float32; ``shares`` (n, n_scored) sum to 1; ``weights`` (n, n_views) how much each view carries the
    score, sum to 1.
    """

    score: NDArray[np.float32]
    shares: Float64
    weights: Float64


# ---------------------------------------------------------------- the fold


def start(evidence: Evidence) -> Float64:
    """The state before a stretch: nothing has deviated yet, and errors are as large as ever.
    (n_statistics, n_scored)
    """
    n_scored = evidence.spread.shape[1]
    return np.stack([np.full(n_scored, float(s.of == POWER)) for s in evidence.statistics])


def advance(
    evidence: Evidence, state: Float64, deviations: Float64, group: Int64 | None = None
) -> tuple[Float64, Judged]:
    """Judge at most one chunk of rows that were measured, in time order.

    ``deviations`` (n_views, n_rows, n_scored) in sensor units, NaN where a sensor is missing or a view has no
    opinion. Missing sensors are filled with what the others let expect, so they add no evidence, and have share 0; a
    view without any opinion on a row does not speak there. ``group`` (n_rows,) says whose spread a row has, None = the
    common one. Returns the state after the rows and their judgement.
    """
    missing = np.asarray(~np.isfinite(deviations))
    silent = np.asarray(missing.all(axis=2))
    scaled = [_scaled(*view) for view in zip(evidence.spread_of(group), evidence.covariance, deviations, strict=True)]
    log_p, squares, after = [], [], []
    for statistic, before in zip(evidence.statistics, state, strict=True):
        view = statistic.view
        smoothed, last = _smoothed(statistic.of, statistic.half_life, scaled[view], missing[view], before)
        after.append(last)
        square = fixed_product(_vector(statistic.of, smoothed), statistic.whitener) ** 2
        rarity = _rarity(square.sum(axis=1), statistic.strength, statistic.minus_log_p)
        log_p.append(np.where(silent[view], np.nan, rarity))
        squares.append(square)
    measured = np.asarray(~missing.all(axis=0))
    return np.stack(after), _fuse(evidence, np.stack(log_p), squares, measured)


def _scaled(spread: Float64, covariance: Float64, deviation: Float64) -> Float64:
    """Deviations in spreads, held within REACH, missing sensors filled with their conditional mean given the others."""
    scaled: Float64 = np.clip(deviation / spread, -REACH, REACH)
    missing = ~np.isfinite(scaled)
    if not missing.any():
        return scaled
    filled = np.asarray(np.where(missing, 0.0, scaled))
    for pattern in np.unique(missing[missing.any(axis=1)], axis=0):
        known, gone = np.flatnonzero(~pattern), np.flatnonzero(pattern)
        if len(known):
            gain = np.zeros_like(covariance)
            gain[np.ix_(known, gone)] = np.linalg.solve(
                covariance[np.ix_(known, known)], covariance[np.ix_(known, gone)]
            )
            rows = np.flatnonzero((missing == pattern).all(axis=1))
            filled[np.ix_(rows, gone)] = fixed_product(filled, gain)[np.ix_(rows, gone)]
    return filled


def _smoothed(of: int, half_life: float, scaled: Float64, missing: Bool, before: Float64) -> tuple[Float64, Float64]:
    """The mean or the mean square of scaled deviations (n_rows, n_scored) at a half-life, and the state after them.

    A missing sensor's square counts as 1, what is usual: it is neither loud nor quiet.
    """
    held = np.clip(scaled, -SLOW_REACH, SLOW_REACH) if half_life else scaled
    smoothed = smooth(np.where(missing, 1.0, held**2) if of == POWER else held, half_life, before)
    return smoothed, smoothed[-1] if len(smoothed) else before


def _vector(of: int, smoothed: Float64) -> Float64:
    """What T² is taken of."""
    return np.log(smoothed + QUIET) if of == POWER else smoothed


def _rarity(strength: Float64, knots: Float64, minus_log_p: Float64) -> Float64:
    """−log p of each value, by straight lines; beyond the last knot the last slope goes on."""
    slope = (minus_log_p[-1] - minus_log_p[-2]) / max(knots[-1] - knots[-2], 1e-12)
    beyond = np.maximum(strength - knots[-1], 0.0) * slope
    return np.asarray(np.interp(strength, knots, minus_log_p) + beyond)


def _fuse(evidence: Evidence, log_p: Float64, squares: Sequence[Float64], measured: Bool) -> Judged:
    """The mean of −log p over the statistics that speak; shares and view weights in proportion to what each adds.

    ``log_p`` (n_statistics, n_rows), NaN where silent; ``measured`` (n_rows, n_scored).
    """
    added = np.where(np.isfinite(log_p), log_p, 0.0)
    speaking = np.isfinite(log_p).sum(axis=0)
    total = _in_order(added)
    score = np.where(speaking > 0, total / np.maximum(speaking, 1), np.nan)
    weight = added / np.maximum(total, 1e-300)
    shares = np.zeros_like(squares[0])
    for w, square in zip(weight, squares, strict=True):
        shares += w[:, None] * square / np.maximum(square.sum(axis=1, keepdims=True), 1e-300)
    shares = np.where(measured, shares, 0.0)
    shares /= np.maximum(shares.sum(axis=1, keepdims=True), 1e-300)
    of_view = np.array([s.view for s in evidence.statistics])
    by_view = np.stack([_in_order(weight[of_view == view]) for view in range(evidence.n_views)], axis=1)
    return Judged(score.astype(np.float32), shares, by_view)


def blended(weights: Float64, deviations: Float64) -> Float64:
    """What each view says of each sensor's deviation, by how much it carries the score: (n_rows, n_scored) in sensor
    units, NaN where no view has an opinion.

    ``weights`` (n_rows, n_views) of `Judged`, ``deviations`` (n_views, n_rows, n_scored).
    """
    blend = np.einsum("rv,vrs->rs", weights, np.nan_to_num(deviations))
    return np.where(np.isfinite(deviations).any(axis=0), blend, np.nan)


def _in_order(parts: Float64) -> Float64:
    """The sum of (n_parts, n_rows) over the parts, one after the other; NumPy's own order differs for a single row."""
    total = np.zeros(parts.shape[1])
    for part in parts:
        total = total + part
    return total


def chunks(first: int, n_rows: int) -> Iterator[slice]:
    """Row ranges of a stretch that begins at grid index ``first``, cut where the time-anchored chunks end."""
    start_row = 0
    while start_row < n_rows:
        stop = min(n_rows, start_row + CHUNK - (first + start_row) % CHUNK)
        yield slice(start_row, stop)
        start_row = stop


def judge(
    evidence: Evidence,
    first: int,
    deviations: Float64,
    live: Bool,
    group: Int64 | None = None,
    renewed: Bool | None = None,
) -> Judged:
    """Judge a whole stretch from its start: rows that are not ``live`` (n_rows,) have score NaN and leave the state
    alone.

    ``deviations`` (n_views, n_rows, n_scored) in sensor units; ``first`` is the grid index of row 0; ``group``
    (n_rows,) says whose spread a row has, None = the common one. From the rows on which a sensor is ``renewed``
    (n_rows, n_scored), nothing is known of it any more.
    """
    return judge_on(evidence, start(evidence), first, deviations, live, group, renewed)[0]


def judge_on(
    evidence: Evidence,
    state: Float64,
    first: int,
    deviations: Float64,
    live: Bool,
    group: Int64 | None = None,
    renewed: Bool | None = None,
) -> tuple[Judged, dict[int, Float64]]:
    """As `judge`, of a stretch that goes on from a ``state`` at its row 0; and the states at the ends of its chunks.

    The states are named by the grid index at which a chunk ends; the last is that after the last row.
    """
    n_views, n_rows, n_scored = deviations.shape
    score = np.full(n_rows, np.nan, np.float32)
    shares, weights = np.zeros((n_rows, n_scored)), np.zeros((n_rows, n_views))
    renewed = np.zeros((n_rows, n_scored), bool) if renewed is None else renewed
    states: dict[int, Float64] = {}
    for part in _cut(chunks(first, n_rows), np.flatnonzero(renewed.any(axis=1))):
        state = np.where(renewed[part.start], start(evidence), state)
        rows = part.start + np.flatnonzero(live[part])
        if len(rows):
            state, judged = advance(evidence, state, deviations[:, rows], None if group is None else group[rows])
            score[rows], shares[rows], weights[rows] = judged.score, judged.shares, judged.weights
        if part.stop == n_rows or (first + part.stop) % CHUNK == 0:
            states[first + part.stop] = state
    return Judged(score, shares, weights), states


def _cut(parts: Iterable[slice], at: NDArray[np.intp]) -> Iterator[slice]:
    """The same rows, cut before some of them too."""
    for part in parts:
        inside = at[(at > part.start) & (at < part.stop)]
        yield from (slice(a, b) for a, b in pairwise([part.start, *inside.tolist(), part.stop]))


# ---------------------------------------------------------------- learning it


def fit_evidence(
    stretches: Sequence[Float64],
    resolution: Float64,
    groups: Sequence[Int64] | None = None,
    n_groups: int = 1,
    slowest: float = SLOWEST,
) -> Evidence:
    """Learn spreads, covariances and scales from deviations on rows the network never learned from.

    ``stretches`` are continuous and hold measured rows only, each (n_views, n_rows, n_scored) in sensor units;
    ``resolution`` (n_scored,) is the least a sensor can show; ``groups``, one (n_rows,) per stretch, says whose spread
    its rows have: 0 the common one, 1 … ``n_groups`` − 1 that of a mode. The common one is that of all rows.
    Half-lives beyond ``slowest`` [rows] are left out.
    """
    n_views, n_rows = len(stretches[0]), sum(s.shape[1] for s in stretches)
    groups = [np.zeros(s.shape[1], np.int64) for s in stretches] if groups is None else groups
    spoken = [[np.isfinite(s[view]).any(axis=1) for s in stretches] for view in range(n_views)]
    views = [[s[v][rows] for s, rows in zip(stretches, spoken[v], strict=True)] for v in range(n_views)]
    group = [[g[rows] for g, rows in zip(groups, spoken[v], strict=True)] for v in range(n_views)]
    spread = np.stack([_spreads(*view, resolution, n_groups) for view in zip(views, group, strict=True)])
    scaled = [
        [
            np.clip(s / spread[v, g if n_groups > 1 else 0], -REACH, REACH)
            for s, g in zip(views[v], group[v], strict=True)
        ]
        for v in range(n_views)
    ]
    # rounding alone makes a deviation vary by so much [spreads²]
    floor = np.stack([_shares(group[v], n_groups) @ (resolution**2 / 12.0 / spread[v] ** 2) for v in range(n_views)])
    statistics = tuple(
        _fit_statistic(view, of, half_life, scaled[view], floor[view])
        for (view, of), half_lives in HALF_LIVES.items()
        for half_life in half_lives
        if half_life <= slowest and (half_life <= SHORT or 3 * half_life * MEMORIES <= n_rows)
    )
    at_once = [np.nan_to_num(np.concatenate(view)) for view in scaled]
    moments = [_moments_of(rows) for rows in at_once]
    covariance = np.stack([_shrunk(own.mean(axis=0), _shrinkage(own)) for own in moments])
    return Evidence(spread[:, 0], covariance, statistics, np.moveaxis(spread[:, 1:], 1, 0))


def _spreads(stretches: Sequence[Float64], groups: Sequence[Int64], resolution: Float64, n_groups: int) -> Float64:
    """The spread of one view on all rows, then on those of each mode (n_groups, n_scored); where there is too little
    of a mode, or a sensor no value in it, the common one.
    """
    rows, group = np.concatenate(stretches), np.concatenate(groups)
    common = robust_spread(rows, resolution)
    out = np.tile(common, (n_groups, 1))
    for mode in range(1, n_groups):
        own = rows[group == mode]
        if enough_of_mode([g == mode for g in groups]):
            out[mode] = np.where(np.isfinite(own).any(axis=0), robust_spread(own, resolution), common)
    return out


def enough_of_mode(own: Sequence[Bool]) -> bool:
    """Do stretches of rows, each (n_rows,) True in a mode, hold enough of it to tell its centre and spread?"""
    visits = sum(int((np.diff(mine.astype(np.int8), prepend=0) > 0).sum()) for mine in own)
    return visits >= LEAST_VISITS and sum(int(mine.sum()) for mine in own) >= LEAST_OF_MODE


def _shares(groups: Sequence[Int64], n_groups: int) -> Float64:
    """The share of the rows in each group (n_groups,)."""
    count = np.bincount(np.concatenate(groups), minlength=n_groups)
    return np.asarray(count / max(1, count.sum()))


def _fit_statistic(view: int, of: int, half_life: float, scaled: Sequence[Float64], floor: Float64) -> Statistic:
    """``scaled`` stretches (n_rows, n_scored) of one view; ``floor`` (n_scored,) is the least variance of a row."""
    before = np.full(len(floor), float(of == POWER))
    vectors = [
        _vector(of, _smoothed(of, half_life, np.nan_to_num(s), ~np.isfinite(s), before)[0]) for s in scaled if len(s)
    ]
    rows = np.concatenate(vectors)
    still = decay(half_life)
    least = floor * (1 - still) / (1 + still)  # what smoothing leaves of the variance of independent errors
    least = np.full(len(floor), LEAST_POWER) if of == POWER else least
    blocks = _blocks(len(rows))
    moments = _moments_of(np.clip(rows, -WILD, WILD))
    shrinkage = 1.0 if of == POWER else _shrinkage(moments)

    def covariance(taught: Float64) -> Float64:
        return np.asarray(_shrunk(taught, shrinkage) + np.diag(least))

    unseen = [_strength(rows[b], covariance(others)) for b, others in zip(blocks, _others(moments), strict=True)]
    strength = np.split(np.concatenate(unseen), np.cumsum([len(v) for v in vectors])[:-1])
    learned = _capped(fit_rarity(strength, exponential_tail), len(floor))
    return Statistic(view, of, half_life, _whitener(covariance(np.mean(moments, axis=0))), *learned)


def _capped(rarity: Rarity, n_scored: int) -> tuple[Float64, Float64]:
    """Strengths and −log p, never rarer than T² of a normal law with this covariance would be: χ² of ``n_scored``.

    A sensor that hardly moved in training would otherwise make one step of it once in an eternity.
    """
    from scipy.stats import chi2  # half a second of import that only training needs

    return rarity.value, np.minimum(rarity.minus_log_p, -chi2.logsf(rarity.value, n_scored))


def robust_spread(rows: Float64, resolution: Float64) -> Float64:
    """Root mean square about zero of each column, held to 10 robust spreads; at least the sensor's resolution."""
    known = np.where(np.isfinite(rows).any(axis=0), rows, 0.0)
    least = resolution / math.sqrt(12)
    robust = np.maximum(1.4826 * np.nanmedian(np.abs(known), axis=0), 0.1 * np.sqrt(np.nanmean(known**2, axis=0)))
    held = np.clip(known, -10 * np.maximum(robust, least), 10 * np.maximum(robust, least))
    return np.asarray(np.maximum.reduce([np.sqrt(np.nanmean(held**2, axis=0)), robust / 10, least]))


def _moments_of(rows: Float64) -> Float64:
    """Second moments about zero of each block (n_blocks, n_scored, n_scored): normal rows deviate around nothing."""
    return np.stack([rows[b].T @ rows[b] / max(1, b.stop - b.start) for b in _blocks(len(rows))])


def _others(moments: Float64) -> Float64:
    """Of each block, the moments of all others (n_blocks, n_scored, n_scored)."""
    return np.asarray((moments.sum(axis=0) - moments) / (len(moments) - 1))


def _shrunk(moments: Float64, shrinkage: float) -> Float64:
    """Second moments shrunk to their diagonal."""
    diagonal = np.diag(np.maximum(np.diag(moments), 1e-6))
    return np.asarray((1 - shrinkage) * moments + shrinkage * diagonal + 1e-9 * np.eye(len(moments)))


def _shrinkage(moments: Float64) -> float:
    """How far to shrink: what makes each block of rows likeliest under the covariance of the others.

    Shrinking hides lost couplings (directions that hardly vary), not shrinking calls them certain from too few rows;
    the rows themselves say where between the two to stand.
    """
    others = _others(moments)
    cost = {
        s: sum(_surprise(own, _shrunk(other, s)) for own, other in zip(moments, others, strict=True))
        for s in _SHRINKAGES
    }
    return min(cost, key=lambda s: cost[s])


_SHRINKAGES = (0.0005, 0.002, 0.005, 0.01, 0.03, 0.1, 0.3, 0.6, 0.9)


def _surprise(moments: Float64, covariance: Float64) -> float:
    """Twice the mean minus log likelihood, but for a constant, of rows with these moments under a centred normal; +inf
    where the covariance is none.

    By its Cholesky factor, which costs half of what solving does: of 2,000 sensors that is minutes of a training.
    """
    from scipy.linalg import lapack  # a part of half a second of import that only training needs

    factor, failed = lapack.dpotrf(covariance, lower=1)
    if failed:
        return math.inf
    inverse, _ = lapack.dpotri(factor, lower=1)  # its lower half
    apart = 2 * np.vdot(np.tril(inverse, -1), moments) + np.vdot(np.diag(inverse), np.diag(moments))
    return float(2 * np.log(np.diag(factor)).sum() + apart)


def _blocks(n_rows: int) -> list[slice]:
    """`JUDGES` blocks of rows, one after the other."""
    cuts = [n_rows * k // JUDGES for k in range(JUDGES + 1)]
    return [slice(a, b) for a, b in pairwise(cuts)]


def _strength(rows: Float64, covariance: Float64) -> Float64:
    """T² of rows (n_rows, n_scored) → (n_rows,): what whitening gives too, for a tenth of the cost where sensors are
    many.
    """
    from scipy.linalg import lapack, solve_triangular

    factor, failed = lapack.dpotrf(covariance, lower=1)
    white = rows @ _whitener(covariance) if failed else solve_triangular(factor, rows.T, lower=True).T
    return np.asarray((white**2).sum(axis=1))


def _whitener(covariance: Float64) -> Float64:
    """The symmetric inverse square root."""
    values, vectors = np.linalg.eigh(covariance)
    return np.asarray((vectors / np.sqrt(np.maximum(values, 1e-12))) @ vectors.T)
