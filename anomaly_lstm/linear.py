"""Ridge regression on lags: the challenger every network must beat, and the linear path inside the LSTM predictor.

    x̂_t = b + Σ_{l=1..L} (A_l x_{t−l} + B_l c_{t−l+1})

with x the scored sensors and c the context. The number of lags L and the ridge strength have the smallest generalised
cross-validation error (G. H. Golub, M. Heath, G. Wahba, Technometrics 21(2), 1979): the leave-one-out error of a
linear fit, without leaving anything out, so that few rows × many sensors get few lags and a strong ridge by themselves.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from anomaly_lstm.cells import times
from anomaly_lstm.windows import Bool, Float32, Series

Float64 = NDArray[np.float64]

MAX_LAGS = 4
"""More lags are the LSTM's business."""

MAX_FEATURES = 400
"""Lags stop before they make more features than this: the cost grows with its square, the gain does not."""

STRENGTHS = tuple(10.0**power for power in range(-6, 2))
"""Ridge strengths tried, relative to the mean variance of a feature."""

NOTHING = 1e-6
"""A mean squared error [scaled units²] below which a better fit means nothing: a thousandth of a sensor's spread."""

BLOCK = 8192
"""Rows whose features are held at a time [rows]."""


@dataclass(frozen=True)
class Line:
    """``kernel`` (n_features, n_scored) for the features of `lagged` with ``lags``, and ``bias`` (n_scored,)."""

    lags: int
    kernel: Float32
    bias: Float32


def lagged(values: Float32, context: Float32, lags: int) -> Float32:
    """What the line sees at each row: (n_chunks, n_rows, lags·(n_scored + n_context)), in blocks x_{t−l}, c_{t−l+1}, l
    = 1 … lags.

    Before row 0 the equipment is taken to have stood still at row 0; the features *of* row 0 therefore hold its own
    value, and nobody may use them as a forecast.
    """
    blocks = []
    for lag in range(1, lags + 1):
        blocks += [_back(values, lag), _back(context, lag - 1)]
    return np.concatenate(blocks, axis=-1)


def _back(rows: Float32, by: int) -> Float32:
    """Each row replaced by the one ``by`` rows before it, or by row 0."""
    return rows[:, np.maximum(np.arange(rows.shape[1]) - by, 0)] if by else rows


def has_past(present: Bool) -> Bool:
    """Rows (n_chunks, n_rows) with a present row before them: the only ones a forecast can be made for."""
    before = np.zeros_like(present)
    before[:, 1:] = present[:, :-1]
    return before & present


def predict(line: Line, values: Float32, context: Float32, present: Bool) -> Float32:
    """The line's forecast (n_chunks, n_rows, n_scored) of each row; NaN in a stretch's first row.

    Arguments as in `models.contract.Model.expected`. One chunk at a time, so its bits depend on nothing beside it.
    """
    result = np.full(values.shape, np.nan, np.float32)
    for chunk in np.flatnonzero(present.any(axis=1)):
        begin = int(present[chunk].argmax())
        rows = np.maximum(np.arange(values.shape[1]), begin)  # it stood still before it began
        features = lagged(values[chunk][rows][None], context[chunk][rows][None], line.lags)[0]
        result[chunk] = times(features, line.kernel) + line.bias
    result[~has_past(present)] = np.nan
    return result


def ahead(
    line: Line,
    values: Float32,
    context: Float32,
    future: Float32,
    within: tuple[Float32, Float32],
    rest: Callable[[Float32, Float32], Float32] | None = None,
) -> Float32:
    """The line rolled forward: each expectation is the last row of the next (n_chunks, n_ahead, n_scored).

    ``values`` and ``context`` (n_chunks, n_rows, …) hold at least one row of the past, ``future`` (n_chunks, n_ahead,
    n_context) the context to come. ``rest`` adds to each row what the line leaves over, from the row before it and its
    own context. Every row is held ``within`` a low and a high (n_scored,), so that no line can run away.
    """
    past, known = (list(_newest(rows, line.lags).swapaxes(0, 1)) for rows in (values, context))
    result = np.empty((len(future), future.shape[1], values.shape[2]), np.float32)
    for row, now in enumerate(future.swapaxes(0, 1)):
        known.append(now)
        seen = [rows for lag in range(1, line.lags + 1) for rows in (past[-lag], known[-lag])]
        expected = times(np.concatenate(seen, axis=1), line.kernel) + line.bias
        if rest is not None:
            expected += rest(past[-1], now)
        result[:, row] = np.clip(expected, *within)
        past = [*past[1:], result[:, row]]
        known = known[1:]
    return result


def _newest(rows: Float32, n_rows: int) -> Float32:
    """The last rows; the first stands in for those before it."""
    return rows[:, np.maximum(np.arange(rows.shape[1] - n_rows, rows.shape[1]), 0)]


def fit_ridge(series: Sequence[Series], max_lags: int = MAX_LAGS) -> Line:
    """The ridge regression of each row on its lags over all ``series``; all zero when no series has two rows.

    A cell that is not known is no target: each sensor's normal equations hold just the rows where it was measured.
    They are summed in float64.
    """
    n_scored, n_context = series[0].values.shape[1], series[0].context.shape[1]
    width = n_scored + n_context
    rows = sum(max(len(one) - 1, 0) for one in series)
    most = min(max_lags, MAX_FEATURES // width, rows // (5 * width))  # five rows per weight, or a lag less
    sums = _Sums.over(series, max(most, 1))
    lags, strength = _choose(sums, width)
    n_features = lags * width
    kernel, bias = np.zeros((n_features, n_scored)), np.zeros(n_scored)
    for sensors, gram in sums.by_group():
        solved = _solve(gram[: n_features + 1, : n_features + 1], sums.cross[: n_features + 1, sensors], strength)
        bias[sensors], kernel[:, sensors] = solved[0], solved[1:]
    return Line(lags, kernel.astype(np.float32), bias.astype(np.float32))


@dataclass(frozen=True)
class _Sums:
    """Sums over rows of products of features (a leading 1 among them) and targets.

    ``gram`` (1 + n_features, 1 + n_features) over all rows; ``cross`` (1 + n_features, n_scored), ``square`` and
    ``count`` (n_scored,) over the rows where a sensor is known. Sensors missing together form a group; ``lost`` is the
    gram of the rows a group lacks: summing just these costs little when little is missing.
    """

    gram: Float64
    cross: Float64
    square: Float64
    count: Float64
    groups: list[list[int]]
    lost: list[Float64]

    @staticmethod
    def over(series: Sequence[Series], lags: int) -> _Sums:
        groups = _missing_together(series)
        size = 1 + lags * (series[0].values.shape[1] + series[0].context.shape[1])
        n_scored = series[0].values.shape[1]
        gram, cross = np.zeros((size, size)), np.zeros((size, n_scored))
        square, count = np.zeros(n_scored), np.zeros(n_scored)
        lost = [np.zeros((size, size)) for _ in groups]
        for features, target, known in _blocks(series, lags):
            gram += features.T @ features
            cross += features.T @ (target * known)
            square += (target**2 * known).sum(axis=0)
            count += known.sum(axis=0)
            for group, missing in zip(groups, lost, strict=True):
                without = features[~known[:, group[0]]]
                if len(without):
                    missing += without.T @ without
        return _Sums(gram, cross, square, count, groups, lost)

    def by_group(self) -> Iterator[tuple[list[int], Float64]]:
        """Sensors known in the same rows, with the gram of these rows."""
        for sensors, missing in zip(self.groups, self.lost, strict=True):
            yield sensors, self.gram - missing


def _missing_together(series: Sequence[Series]) -> list[list[int]]:
    groups: dict[bytes, list[int]] = {}
    for sensor in range(series[0].values.shape[1]):
        pattern = b"".join(np.packbits(one.known[1:, sensor]).tobytes() for one in series)
        groups.setdefault(pattern, []).append(sensor)
    return list(groups.values())


def _blocks(series: Sequence[Series], lags: int) -> Iterator[tuple[Float64, Float64, Bool]]:
    """Features with a leading 1, targets and which of these are known, some rows at a time; first rows left out."""
    for one in series:
        for start in range(1, len(one), BLOCK):
            part = one.part(max(start - lags, 0), min(start + BLOCK, len(one)))
            skip = start - max(start - lags, 0)
            features = lagged(part.values[None], part.context[None], lags)[0, skip:].astype(np.float64)
            yield (
                np.hstack([np.ones((len(features), 1)), features]),
                part.values[skip:].astype(np.float64),
                part.known[skip:],
            )


def _choose(sums: _Sums, width: int) -> tuple[int, float]:
    """Number of lags and relative ridge strength with the smallest cross-validation error, each sensor counting alike.

    A sensor known in a part of the rows enters as if that part were like the rest.
    """
    rows = sums.gram[0, 0]
    seen = sums.count > 0
    if rows < 2 or not seen.any():
        return 1, 1.0
    blow_up = rows / sums.count[seen]
    cross, square = sums.cross[:, seen] * blow_up, sums.square[seen] * blow_up
    gram, cross, square = _centred(sums.gram, cross, square)
    best = (np.inf, 1, STRENGTHS[-1])
    for size in range(width, len(gram) + 1, width):
        values, vectors = np.linalg.eigh(gram[:size, :size])
        values, turned = np.maximum(values, 0), (vectors.T @ cross[:size]) ** 2
        for strength in STRENGTHS:
            damped = values + strength * values.mean() + 1e-9
            freedom = 1 + (values / damped).sum()
            if freedom > rows / 2:  # here the formula promises what it cannot keep
                continue
            left = square - ((2 * damped - values) / damped**2) @ turned
            error = np.maximum(left / rows, NOTHING) / (1 - freedom / rows) ** 2
            best = min(best, (float(np.log(error).mean()), size // width, strength))
    return best[1], best[2]


def _centred(gram: Float64, cross: Float64, square: Float64) -> tuple[Float64, Float64, Float64]:
    """The sums about the means, without the leading 1: the bias takes the means and is not shrunk."""
    rows, of_x, of_y = gram[0, 0], gram[0, 1:], cross[0]
    return (
        gram[1:, 1:] - np.outer(of_x, of_x) / rows,
        cross[1:] - np.outer(of_x, of_y) / rows,
        square - of_y**2 / rows,
    )


def _solve(gram: Float64, cross: Float64, strength: float) -> Float64:
    """Bias and weights (1 + n_features, n_targets) of one ridge regression from its sums; zero without rows."""
    rows = gram[0, 0]
    if rows < 1:
        return np.zeros_like(cross)
    about, cross_about, _ = _centred(gram, cross, np.zeros(cross.shape[1]))
    ridge = strength * np.trace(about) / len(about) + 1e-9
    weights = np.linalg.solve(about + ridge * np.eye(len(about)), cross_about)
    bias = (cross[0] - gram[0, 1:] @ weights) / rows
    return np.vstack([bias, weights])
