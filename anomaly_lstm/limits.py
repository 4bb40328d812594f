"""When the next bound or severity is reached if load and trend stay: median and 80 % interval, or why nobody can say.

What a sensor reads is taken to be three things: where it stands when healthy at that load, what the deviation adds, and
the rest. The first is a ridge regression on the context before the onset. The second has grown since the onset on a
straight line or by an even share of itself (exponentially, as bearing wear and cracks do; N. Gebraeel et al., 2005),
at a rate that is weighed against all others by how well it fits (Bayesian model averaging over a fixed grid), and the
more the heavier the load, where the data say so. The third, and the load, are replayed from the same time of day in
the last week. Which comes first over the bound in each of a hundred such futures makes the quantiles: a first passage,
so a load peak counts. What follows each other errs alike, so the data count for as many rows as are independent.

Everything is a function of the rows up to the one it is told at, with a fixed seed: later rows never change it.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from anomaly_lstm.blocks import smooth
from anomaly_lstm.clock import DAY

Float64 = NDArray[np.float64]
Int64 = NDArray[np.int64]

LEAST_ROWS, LEAST_HEALTHY = 24, 200
"""Measured rows needed since the onset, and before it."""

RECORD = 20_000
"""Rows before the onset from which the healthy level is learned, at most."""

RANGE = 3
"""A trend is carried on for so many times as long as it has lasted."""

WIDEST = 4.0
"""An interval whose ends differ by a larger factor tells nothing."""

SURE = 0.9
"""Probability of a rise from which there is a trend."""

DOUBT = 1.25
"""How many times less than their autocorrelation says the data count for: no shape of growth is quite right. Chosen on
simulated pumps other than those of `make bench-limits`, which says how far that holds."""

_BINS, _STEPS, _FUTURES = 48, 1500, 100
_REPLAYED_DAYS = 7
_MEMORIES = (0.0, 8.0, 64.0)
_KNOTS = (0.1, 0.25, 0.4, 0.55, 0.7, 0.85)
_STRAIGHT = (True, False)
_RATES = np.linspace(-1.0, 8.0, 37)

PENDING, ESTIMATE, BEYOND, CANNOT_SAY = "pending", "estimate", "beyond_range", "cannot_say"
STATES = (PENDING, ESTIMATE, BEYOND, CANNOT_SAY)
NO_TREND, TOO_WIDE, TOO_LITTLE, UNSEEN = "no trend", "interval too wide", "too little data", "unseen regime"
REASONS = (NO_TREND, TOO_WIDE, TOO_LITTLE, UNSEEN)


@dataclass(frozen=True)
class Passage:
    """When a level is reached, counted from the row it is told at [rows]; no quantiles unless an ``estimate``.

    ``beyond_range``: with nine chances in ten not within `RANGE` times the time since the onset.
    """

    state: str
    reason: str | None = None
    p10: float | None = None
    p50: float | None = None
    p90: float | None = None


@dataclass(frozen=True)
class Healthy:
    """Where a sensor stands when nothing is wrong, from row ``first`` of its asset on.

    ``expected`` (n_rows − first,) in the sensor's unit, for the load of each row; ``load`` (n_rows − first,) how heavy
    that is, in spreads, 0 without context.
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
    features = _features(context[first:], onset - first)
    learned, seen = features[known], value[first:onset][known]
    penalty = 1e-3 * len(known) * np.eye(features.shape[1])
    penalty[0, 0] = 0.0
    weights = np.linalg.solve(learned.T @ learned + penalty, learned.T @ seen)
    expected = (features * weights).sum(axis=1)
    before = expected[: onset - first]
    spread = before.std()
    load = (expected - before.mean()) / spread if context.shape[1] and spread > 0 else np.zeros(len(expected))
    return Healthy(first, expected, np.clip(load, -3.0, 3.0))


def _features(context: Float64, onset: int) -> Float64:
    """1, and per context and memory the context with six bends in it: (n_rows, n_features)."""
    columns = [np.ones((len(context), 1))]
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
    known = np.flatnonzero(np.isfinite(value[onset : now + 1]))
    if len(known) < LEAST_ROWS:
        return Passage(PENDING)
    if usual is None:
        return Passage(CANNOT_SAY, TOO_LITTLE)
    rows = slice(usual.first, now + 1)
    lasted = now + 1 - onset
    deviation = value[rows] - usual.expected[: now + 1 - usual.first]
    load = usual.load[: now + 1 - usual.first]
    trends = _trends(deviation, load, onset - usual.first, known)
    if trends.rising < SURE:
        return Passage(CANNOT_SAY, NO_TREND)
    p10, p50, p90 = _first_passages(value[rows], load, trends, lasted, level, period_us)
    if not np.isfinite(p10):
        return Passage(BEYOND)
    if not np.isfinite(p90) or p90 > WIDEST * p10:
        return Passage(CANNOT_SAY, TOO_WIDE)
    return Passage(ESTIMATE, None, p10, p50, p90)


@dataclass(frozen=True)
class _Trends:
    """Ways in which a deviation may have grown since the onset, u = 0, until now, u = 1.

    Each is growth(u) · (a + b · load) + c, with (a, b, c) in ``fitted`` (n_ways, 3), their ``covariance`` (n_ways, 3,
    3) with ``freedom`` degrees, and how likely each way is, ``weight`` (n_ways,).
    """

    straight: NDArray[np.bool_]
    rate: Float64
    weight: Float64
    fitted: Float64
    covariance: Float64
    freedom: float

    @property
    def rising(self) -> float:
        """Probability that it grows."""
        return float(self.weight[(self.rate > 0) & (self.fitted[:, 0] > 0)].sum())


def _growth(straight: NDArray[np.bool_], rate: Float64, u: Float64) -> Float64:
    """The deviation over that of now (n_ways, n): on a line that ends at 0, or exponential."""
    moved = rate[:, None] * (u - 1.0)
    return np.asarray(np.where(straight[:, None], np.maximum(1.0 + moved, 0.0), np.exp(np.minimum(moved, 50.0))))


def _trends(deviation: Float64, load: Float64, onset: int, known: NDArray[np.intp]) -> _Trends:
    """Fit every way to the means of up to 48 parts of the deviation since the onset."""
    n_parts = min(_BINS, len(known) // 4)
    parts = np.array_split(known, n_parts)
    size = len(deviation) - onset
    u = np.array([part.mean() for part in parts]) / size
    moved, loaded = (np.array([one[onset:][part].mean() for part in parts]) for one in (deviation, load))
    straight, rate = np.repeat(_STRAIGHT, len(_RATES)), np.tile(_RATES, len(_STRAIGHT))
    growth = _growth(straight, rate, u)
    inputs = np.stack([growth, growth * loaded, np.ones_like(growth)], axis=-1)
    squares = np.einsum("gni,gnj->gij", inputs, inputs)
    squares[:, 1, 1] += 0.04 * squares[:, 0, 0]
    squares[:, 2, 2] += _firmness(deviation[:onset], moved, max(1, size // n_parts))
    squares += 1e-9 * np.eye(3) * (1.0 + squares[:, :1, :1])
    fitted = np.linalg.solve(squares, np.einsum("gni,n->gi", inputs, moved)[..., None])[..., 0]
    left = moved - np.einsum("gni,gi->gn", inputs, fitted)
    lack = np.square(left).sum(axis=1) + 1e-12 * (1.0 + np.square(moved).sum())
    alike = _alike(left[np.argmin(lack)])
    counted = max(n_parts / alike, 4.0)
    freedom = max(counted - 3.0, 1.0)
    weight = (lack / lack.min()) ** (-counted / 2)
    covariance = np.linalg.inv(squares) * (lack / n_parts * counted / freedom * alike)[:, None, None]
    return _Trends(straight, rate, weight / weight.sum(), fitted, covariance, freedom)


def _firmness(before: Float64, moved: Float64, size: int) -> float:
    """How firmly the healthy level is known to be where it is, in parts of the data: parts of ``size`` rows of the
    deviation before the onset vary about 0 as its offset does after.
    """
    known = before[np.isfinite(before)]
    known = known[len(known) % size :] if len(known) >= 4 * size else known
    means = known.reshape(-1, size).mean(axis=1) if len(known) >= 4 * size else known
    early = moved[: max(4, len(moved) // 4)]
    return float(early.var() / max(means.var(), 1e-12))


def _alike(left: Float64) -> float:
    """How many parts in a row count as one, by the autocorrelation of what the best fit leaves (AR(1)), doubted."""
    rho = float(left[1:] @ left[:-1]) / max(float(left @ left), 1e-300) + 2 / len(left)
    rho = min(max(rho, 0.0), 0.95)
    return DOUBT * (1 + rho) / (1 - rho)


def _first_passages(
    value: Float64, load: Float64, trends: _Trends, lasted: int, level: float, period_us: int
) -> tuple[float, float, float]:
    """p10, p50 and p90 of when the first row reaches the level [rows from now]; inf where none does in range."""
    chance = np.random.default_rng(0)
    step = -(-RANGE * lasted // _STEPS)
    ahead = step * np.arange(1, RANGE * lasted // step + 1)
    rest, replayed = _replay(value, load, trends, lasted, step, period_us)
    start = _starts(len(rest), step, period_us, chance)
    row = start[:, None] + np.arange(len(ahead)) % (len(rest) - start)[:, None]
    ways = np.searchsorted(np.cumsum(trends.weight), (np.arange(_FUTURES) + 0.5) / _FUTURES * (1 - 1e-9))
    ways = chance.permutation(ways)
    noise = np.einsum("gij,gj->gi", np.linalg.cholesky(trends.covariance[ways]), chance.standard_normal((_FUTURES, 3)))
    a, b, c = (
        trends.fitted[ways] + noise / np.sqrt(chance.chisquare(trends.freedom, _FUTURES) / trends.freedom)[:, None]
    ).T
    growth = _growth(trends.straight[ways], trends.rate[ways], 1.0 + ahead / lasted)
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
    growth = share[:, None] * _growth(trends.straight[likely], trends.rate[likely], np.arange(lasted) / lasted)
    a, b, c = trends.fitted[likely].T
    rest = value.copy()
    rest[-lasted:] -= (growth * (a[:, None] + b[:, None] * load[-lasted:])).sum(axis=0) + (share * c).sum()
    rest, load = (one[-max(step, _REPLAYED_DAYS * DAY // period_us) :] for one in (rest, load))
    known = np.flatnonzero(np.isfinite(rest))
    rest = np.interp(np.arange(len(rest)), known, rest[known]) if len(known) else np.zeros(len(rest))
    rest, load = (one[len(one) % step :].reshape(-1, step) for one in (rest, load))
    return rest.max(axis=1), load.mean(axis=1)


def _starts(n: int, step: int, period_us: int, chance: np.random.Generator) -> Int64:
    """Where each replay begins: within an hour of this time of day, on a day before; anywhere in a short record."""
    day = max(1, round(DAY / (period_us * step)))
    if n < 2 * day or day < 4:
        return np.asarray(chance.integers(0, n, _FUTURES))
    days = 1 + np.arange(_FUTURES) % (n // day)
    hour = max(1, day // 24)
    return np.asarray(np.clip(n - days * day + chance.integers(-hour, hour + 1, _FUTURES), 0, n - day // 2))
