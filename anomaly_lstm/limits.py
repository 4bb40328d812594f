"""When the next bound or severity is reached if load and trend stay: median and 80 % interval, or why nobody can say.

What a sensor reads is taken to be three things: where it stands when healthy at that load, what the deviation adds, and
the rest. The first is a ridge regression on the context before the onset; no row there is judged by weights that
learned from it. The second has grown on a straight line or by an even share of itself (exponentially, as bearing wear
and cracks do; N. Gebraeel et al., 2005), since some time before or after the onset, or it jumped at the onset and grows
no more. The rows since the onset and twice as many before it weigh all these ways against each other (Bayesian model
averaging over a fixed grid): what was not there yet says as much about a growth as what is there now. How much the
healthy rows vary, and for how long they err alike, says how much that is worth. The third, and the load, are replayed
from the same time of day in the last week. Which comes first over the bound in each of a hundred such futures makes the
quantiles: a first passage, so a load peak counts.

Everything is a function of the rows up to the one it is told at, with a fixed seed: later rows never change it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from anomaly_lstm.blocks import smooth
from anomaly_lstm.clock import DAY

Float64 = NDArray[np.float64]
Int64 = NDArray[np.int64]

LEAST_ROWS, LEAST_HEALTHY = 8, 48
"""Measured rows needed since the onset, and before it."""

RECORD = 20_000
"""Rows before the onset from which the healthy level is learned, at most."""

BEFORE, LEAST_SEEN = 2, 100
"""A trend is looked for in so many times as many rows before the onset as since, and in at least so many in all."""

RANGE = 3
"""A trend is carried on for so many times the rows it is looked for in."""

WIDEST = 4.0
"""An interval whose ends differ by a larger factor tells nothing."""

SURE = 0.9
"""Probability of a rise from which there is a trend."""

_BINS, _STEPS, _FUTURES = 48, 1500, 100
_REPLAYED_DAYS, _DAY_ROWS = 7, 48
"""Days that are replayed, and rows of a day from which on they tell a time of day."""
_MEMORIES = (0.0, 8.0, 64.0)
_KNOTS = (0.1, 0.25, 0.4, 0.55, 0.7, 0.85)
_STRENGTHS = (1e-3, 1e-2, 1e-1, 1.0, 10.0)
_BLOCKS, _EXPLAINED = 5, 0.1
"""The regression is judged on so many blocks in time, each left out once, and must explain this share of variance."""

_LINE, _EXPONENTIAL, _JUMP = 0, 1, 2
_RATES, _FADES = np.geomspace(0.7, 16.0, 19), np.array([0.0, -1.0, -2.0, -4.0])
_KIND = np.repeat([_LINE, _EXPONENTIAL, _JUMP], [len(_RATES), len(_RATES), len(_FADES)])
_RATE = np.concatenate([_RATES, _RATES, _FADES])
_PRIOR = np.array([0.25, 0.5, 0.25])[_KIND] / np.bincount(_KIND)[_KIND]
"""What is known before any row: damage that feeds on itself is as likely as the two others together."""

_OF_LOAD = np.diag([0.0, 1.0, 0.0])

PENDING, ESTIMATE, BEYOND, CANNOT_SAY = "pending", "estimate", "beyond_range", "cannot_say"
STATES = (PENDING, ESTIMATE, BEYOND, CANNOT_SAY)
NO_TREND, TOO_WIDE, TOO_LITTLE, UNSEEN = "no trend", "interval too wide", "too little data", "unseen regime"
REASONS = (NO_TREND, TOO_WIDE, TOO_LITTLE, UNSEEN)


@dataclass(frozen=True)
class Passage:
    """When a level is reached, counted from the row it is told at [rows]; no quantiles unless an ``estimate``.

    ``beyond_range``: with nine chances in ten not within `RANGE` times the rows that the trend is looked for in.
    """

    state: str
    reason: str | None = None
    p10: float | None = None
    p50: float | None = None
    p90: float | None = None


@dataclass(frozen=True)
class Healthy:
    """Where a sensor stands when nothing is wrong, from row ``first`` of its asset on.

    ``expected`` (n_rows − first,) in the sensor's unit, for the load of each row, before the onset from rows of other
    times; ``load`` (n_rows − first,) how heavy that is, in spreads of the sensor, 0 where no context explains it.
    """

    first: int
    expected: Float64
    load: Float64


def healthy(value: Float64, context: Float64, onset: int) -> Healthy | None:
    """Learn it from the rows before ``onset``: ``value`` (n_rows,) with NaN where nothing is known, ``context``
    (n_rows, n_context) finite.

    None where fewer than `LEAST_HEALTHY` of them are measured.
    """
    first = max(0, onset - RECORD)
    known = np.flatnonzero(np.isfinite(value[first:onset]))
    if len(known) < LEAST_HEALTHY:
        return None
    seen = value[first:onset][known]
    expected = _expected(_features(context[first:], onset - first), known, seen)
    spread = seen.std()
    load = (expected - seen.mean()) / spread if spread > 0 else np.zeros(len(expected))
    return Healthy(first, expected, np.clip(load, -3.0, 3.0))


def _expected(features: Float64, known: NDArray[np.intp], seen: Float64) -> Float64:
    """The level (n_rows,) by a ridge regression of what was ``seen`` on the ``known`` rows, each block of those from
    the others; the mean where that explains too little, or the record is too short to learn from.
    """
    level = np.full(len(features), seen.mean())
    n_features = features.shape[1]
    if not n_features or len(known) < 4 * n_features:
        return level
    spread = features[known].std(axis=0)
    scaled = (features - features[known].mean(axis=0)) / np.where(spread > 0, spread, 1.0)
    inputs, moved = scaled[known], seen - seen.mean()
    blocks = np.array_split(np.arange(len(known)), _BLOCKS)
    squares = np.array([inputs[block].T @ inputs[block] for block in blocks])
    products = np.array([inputs[block].T @ moved[block] for block in blocks])

    def weights(strength: float, without: int | None = None) -> Float64:
        used = np.arange(_BLOCKS) != without
        n_used = len(known) if without is None else len(known) - len(blocks[without])
        ridge = squares[used].sum(axis=0) + strength * n_used * np.eye(n_features)
        return np.asarray(np.linalg.solve(ridge, products[used].sum(axis=0)))

    def lack(each: Sequence[Float64]) -> float:
        left = [moved[block] - inputs[block] @ own for block, own in zip(blocks, each, strict=True)]
        return float(sum(np.square(one).sum() for one in left))

    tried = {strength: [weights(strength, block) for block in range(_BLOCKS)] for strength in _STRENGTHS}
    best = min(tried, key=lambda strength: lack(tried[strength]))
    if lack(tried[best]) > (1 - _EXPLAINED) * np.square(moved).sum():
        return level
    expected = level + scaled @ weights(best)
    for block, own in zip(blocks, tried[best], strict=True):
        rows = slice(known[block[0]], known[block[-1]] + 1)
        expected[rows] = level[rows] + scaled[rows] @ own
    return np.asarray(expected)


def _features(context: Float64, onset: int) -> Float64:
    """Per context and memory the context with six bends in it: (n_rows, n_features)."""
    columns = [np.empty((len(context), 0))]
    if context.shape[1]:
        spread = context[:onset].std(axis=0)
        scaled = (context - context[:onset].mean(axis=0)) / np.where(spread > 0, spread, 1.0)
        scaled = np.clip(scaled, scaled[:onset].min(axis=0), scaled[:onset].max(axis=0))
        for memory in _MEMORIES:
            lagged = smooth(scaled, memory, scaled[0])
            knots = np.quantile(lagged[:onset], _KNOTS, axis=0)
            columns += [lagged, *(np.maximum(lagged - knot, 0.0) for knot in knots)]
    return np.concatenate(columns, axis=1)


def passage(value: Float64, usual: Healthy | None, onset: int, now: int, level: float, period_us: int) -> Passage:
    """When ``value`` (n_rows,) rises to ``level`` [its unit], told at row ``now`` of a deviation since row ``onset``.

    For a fall, hand in both with the other sign.
    """
    if np.isfinite(value[onset : now + 1]).sum() < LEAST_ROWS:
        return Passage(PENDING)
    if usual is None:
        return Passage(CANNOT_SAY, TOO_LITTLE)
    deviation = value[usual.first : now + 1] - usual.expected[: now + 1 - usual.first]
    load = usual.load[: now + 1 - usual.first]
    since = now + 1 - onset
    lasted = min(len(deviation), max((1 + BEFORE) * since, LEAST_SEEN))
    begun = 1.0 - since / lasted
    trends = _trends(deviation[-lasted:], load[-lasted:], begun, deviation[:-since])
    if trends.rising < SURE:
        return Passage(CANNOT_SAY, NO_TREND)
    p10, p50, p90 = _first_passages(value[usual.first : now + 1], load, trends, lasted, level, period_us)
    if not np.isfinite(p10):
        return Passage(BEYOND)
    if not np.isfinite(p90) or p90 > WIDEST * p10:
        return Passage(CANNOT_SAY, TOO_WIDE)
    return Passage(ESTIMATE, None, p10, p50, p90)


@dataclass(frozen=True)
class _Trends:
    """Ways in which a deviation may have grown in the rows that are looked at, from u = 0 to now, u = 1, with its onset
    at ``begun``.

    Each is growth(u) · (a + b · load) + c, with (a, b, c) in ``fitted`` (n_ways, 3), their ``covariance`` (n_ways, 3,
    3), and how likely each way is, ``weight`` (n_ways,).
    """

    begun: float
    weight: Float64
    fitted: Float64
    covariance: Float64

    @property
    def rising(self) -> float:
        """Probability that it grows."""
        return float(self.weight[(_KIND != _JUMP) & (self.fitted[:, 0] > 0)].sum())


def _growth(ways: Int64, u: Float64, begun: float) -> Float64:
    """The deviation over that of now (n_ways, n): on a line from 0, exponential, or after a jump at ``begun``."""
    kind, moved = _KIND[ways][:, None], _RATE[ways][:, None] * (u - 1.0)
    exponential = np.where((kind == _JUMP) & (u < begun), 0.0, np.exp(np.minimum(moved, 50.0)))
    return np.asarray(np.where(kind == _LINE, np.maximum(1.0 + moved, 0.0), exponential))


def _trends(deviation: Float64, load: Float64, begun: float, healthy: Float64) -> _Trends:
    """Fit every way to the means of up to 48 parts of the deviation; ``healthy`` is the one of the rows before."""
    known = np.flatnonzero(np.isfinite(deviation))
    n_parts = min(_BINS, len(known) // 4)
    parts = np.array_split(known, n_parts)
    u = np.array([part.mean() for part in parts]) / len(deviation)
    moved, loaded = (np.array([one[part].mean() for part in parts]) for one in (deviation, load))
    growth = _growth(np.arange(len(_KIND)), u, begun)
    variance, alike = _noise(healthy[np.isfinite(healthy)], len(known) // n_parts)
    inputs = _whitened(np.stack([growth, growth * loaded, np.ones_like(growth)], axis=-1), alike)
    target = _whitened(moved[:, None], alike)[:, 0]
    squares = np.einsum("gni,gnj->gij", inputs, inputs)
    products = np.einsum("gni,n->gi", inputs, target)[..., None]
    squares += 1e-9 * np.eye(3) * (1.0 + squares[:, :1, :1])
    squares[:, 2, 2] += 1 - alike**2  # the healthy level is known as well as one part of the rows
    held = 0.04 * squares[:, 0, 0]  # how firmly b is held to 0
    lighter = np.linalg.solve(squares + held[:, None, None] * _OF_LOAD, products)[:, 1, 0] < 0
    held = np.where(lighter, 1e6 * held, held)  # no damage shows less under a heavier load
    squares += held[:, None, None] * _OF_LOAD
    fitted = np.linalg.solve(squares, products)[..., 0]
    lack = np.square(target - np.einsum("gni,gi->gn", inputs, fitted)).sum(axis=1)
    noise = max(variance * (1 - alike**2), lack.min() / max(n_parts - 3, 1)) + 1e-12 * (1.0 + np.square(moved).mean())
    likely = np.log(_PRIOR) - lack / (2 * noise) + (np.log(held) - np.linalg.slogdet(squares)[1]) / 2
    weight = np.exp(likely - likely.max())
    return _Trends(begun, weight / weight.sum(), fitted, noise * np.linalg.inv(squares))


def _noise(healthy: Float64, size: int) -> tuple[float, float]:
    """Variance of the means of ``size`` healthy rows, and how much each takes from the one before (AR(1)), by how much
    slower than independent ones the means of more and more of them come to rest.
    """
    means = healthy[len(healthy) % size :].reshape(-1, size).mean(axis=1)
    variance = float(means.var(ddof=1)) if len(means) > 1 else 0.0
    counts = [1.0]
    for together in (2, 4, 8, 12):
        if len(means) // together >= 8:
            longer = means[len(means) % together :].reshape(-1, together).mean(axis=1)
            counts.append(together * float(longer.var(ddof=1)) / max(variance, 1e-300))
    return variance, min((max(counts) - 1) / (max(counts) + 1), 0.98)


def _whitened(rows: Float64, alike: float) -> Float64:
    """Rows (…, n, n_columns) less what each takes from the one before: their noise is independent."""
    first = np.sqrt(1 - alike**2) * rows[..., :1, :]
    return np.concatenate([first, rows[..., 1:, :] - alike * rows[..., :-1, :]], axis=-2)


def _first_passages(
    value: Float64, load: Float64, trends: _Trends, lasted: int, level: float, period_us: int
) -> tuple[float, float, float]:
    """p10, p50 and p90 of when the first row reaches the level [rows from now]; inf where none does in range."""
    chance = np.random.default_rng(0)
    step = -(-RANGE * lasted // _STEPS)
    ahead = step * np.arange(1, RANGE * lasted // step + 1)
    rest, replayed = _replay(value, load, trends, lasted, step, period_us)
    row = _rows_ahead(len(rest), len(ahead), step, period_us, chance)
    ways = np.searchsorted(np.cumsum(trends.weight), (np.arange(_FUTURES) + 0.5) / _FUTURES * (1 - 1e-9))
    ways = chance.permutation(ways)
    noise = np.einsum("gij,gj->gi", np.linalg.cholesky(trends.covariance[ways]), chance.standard_normal((_FUTURES, 3)))
    a, b, c = (trends.fitted[ways] + noise).T
    growth = _growth(ways, 1.0 + ahead / lasted, trends.begun)
    over = growth * (a[:, None] + b[:, None] * replayed[row]) + c[:, None] + rest[row] >= level
    first = np.where(over.any(axis=1), ahead[over.argmax(axis=1)], np.inf)
    p10, p50, p90 = np.quantile(first, (0.1, 0.5, 0.9), method="inverted_cdf")
    return float(p10), float(p50), float(p90)


def _replay(
    value: Float64, load: Float64, trends: _Trends, lasted: int, step: int, period_us: int
) -> tuple[Float64, Float64]:
    """What the deviation does not explain of the last week, the highest in every ``step`` rows, and the load there."""
    likely = np.argsort(-trends.weight, kind="stable")[:10]
    share = trends.weight[likely] / trends.weight[likely].sum()
    growth = share[:, None] * _growth(likely, np.arange(lasted) / lasted, trends.begun)
    a, b, c = trends.fitted[likely].T
    rest = value.copy()
    rest[-lasted:] -= (growth * (a[:, None] + b[:, None] * load[-lasted:])).sum(axis=0) + (share * c).sum()
    rest, load = (one[-max(step, _REPLAYED_DAYS * DAY // period_us) :] for one in (rest, load))
    known = np.flatnonzero(np.isfinite(rest))
    rest = np.interp(np.arange(len(rest)), known, rest[known]) if len(known) else np.zeros(len(rest))
    rest, load = (one[len(one) % step :].reshape(-1, step) for one in (rest, load))
    return rest.max(axis=1), load.mean(axis=1)


def _rows_ahead(n: int, n_ahead: int, step: int, period_us: int, chance: np.random.Generator) -> Int64:
    """Which of ``n`` rows each replay shows (n_futures, n_ahead): from within an hour of this time of day on a day
    before to the last, over and over; in a short record, or one whose days have few rows, all of it from anywhere.
    """
    day = max(1, round(DAY / (period_us * step)))
    ahead = np.arange(n_ahead)
    if n < 2 * day or day * step < _DAY_ROWS or day < 4:
        return np.asarray((chance.integers(0, n, _FUTURES)[:, None] + ahead) % n)
    days = 1 + np.arange(_FUTURES) % (n // day)
    hour = max(1, day // 24)
    start = np.clip(n - days * day + chance.integers(-hour, hour + 1, _FUTURES), 0, n - day // 2)
    return np.asarray(start[:, None] + ahead % (n - start)[:, None])
