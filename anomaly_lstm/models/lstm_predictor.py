"""The LSTM predictor: each row from all rows before it, many to many; a line in parallel, and the LSTM learns the rest.

    (x_{t−1}, c_t) → LSTM → LSTM → Dense ┐
    x_{t−1} … x_{t−L}, c_t …      → line ┴→ + → x̂_t

with x the scored sensors and c the context, which is input only. The line is the challenger's ridge regression and
stays as it is: a gradient step large enough for the LSTM would undo a closed form. The Dense kernel starts at zero, so
training starts exactly at the challenger, on targets in units of the challenger's own error: a sensor that is easy to
predict counts as much as one that is hard. The line in parallel is from G. Lai et al., LSTNet, SIGIR 2018.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.random import Generator

from anomaly_lstm import cells, linear
from anomaly_lstm.linear import Line
from anomaly_lstm.models import fitting
from anomaly_lstm.models.contract import Effort, Fitted, Told
from anomaly_lstm.models.fitting import Examples
from anomaly_lstm.windows import Bool, Float32, Series

NAME = "lstm_predictor"
NEEDS_TENSORFLOW = True
FORECASTS = True

LAYERS = ("lstm_1", "lstm_2")
WEIGHTS = (
    *(f"{layer}.{part}" for layer in LAYERS for part in ("kernel", "recurrent_kernel", "bias")),
    "dense.kernel",
    "dense.bias",
)
"""The trained arrays, in the order of the Keras model's weights."""

FINEST = 1e-3
"""Floor of the challenger's error [scaled units]: below a thousandth of its spread there is nothing to learn."""


def fit(
    train: Sequence[Series], valid: Sequence[Series], *, effort: Effort, seed: int, start: Fitted | None, told: Told
) -> Fitted:
    """Fit the line on ``train``, then let the LSTM learn what it leaves; never worse on ``valid`` than the line alone.

    With ``start`` the line is fitted anew (it costs nothing and has more rows) and the LSTM goes on from its earlier
    weights, with its Dense part only if that is better on ``valid`` than the line alone.
    """
    line = linear.fit_ridge(train)
    lessons = [_lesson(line, one) for one in train]
    spread = _spread(lessons)
    n_scored, n_context = train[0].values.shape[1], train[0].context.shape[1]
    units = start.sizes["units"] if start else fitting.units_for(train, lambda u: _n_weights(n_scored, n_context, u))
    rows = min(effort.rows, max(map(len, train)))
    before = start.steps if start else 0

    def as_fitted(weights: Sequence[Float32], steps: int) -> Fitted:
        arrays = dict(zip(WEIGHTS, weights, strict=True))
        arrays["dense.kernel"], arrays["dense.bias"] = arrays["dense.kernel"] * spread, arrays["dense.bias"] * spread
        arrays |= {"line.kernel": line.kernel, "line.bias": line.bias}
        sizes = {"sensors": n_scored, "context": n_context, "lags": line.lags, "units": units, "layers": len(LAYERS)}
        return Fitted(NAME, arrays, sizes, before + steps)

    judge = fitting.judge_on(expected, valid, spread)
    begin = _begin(start, spread, n_scored, n_context, units, seed)
    if start and judge and judge(as_fitted(_headless(begin), 0)) <= judge(as_fitted(begin, 0)):
        begin = _headless(begin)
    return fitting.train(
        network,
        (effort.batch, rows, n_scored, n_context, units),
        begin,
        lambda rng: _draw(rng, lessons, spread, effort.batch, rows),
        as_fitted,
        judge,
        spread=spread,
        effort=effort,
        seed=seed,
        told=told,
    )


def expected(fitted: Fitted, values: Float32, context: Float32, present: Bool) -> Float32:
    """The forecast of each row; NaN in a stretch's first. See `models.contract.Model.expected`."""
    result = linear.predict(_line(fitted), values, context, present)
    layers = [cells.named(fitted.arrays, name) for name in LAYERS]
    hidden = cells.run(layers, _inputs(values, context, present), present)
    result += cells.times(hidden.reshape(-1, hidden.shape[2]), fitted.arrays["dense.kernel"]).reshape(result.shape)
    result += fitted.arrays["dense.bias"]
    return result


def ahead(
    fitted: Fitted,
    values: Float32,
    context: Float32,
    present: Bool,
    future: Float32,
    within: tuple[Float32, Float32],
) -> Float32:
    """Many to one over the past, then one to many: the state runs on. See `models.contract.Forecaster.ahead`."""
    layers = [cells.packed(cells.named(fitted.arrays, name)) for name in LAYERS]
    states = cells.at_rest(layers, len(values))
    cells.carry(layers, states, _inputs(values, context, present), present)

    def rest(last: Float32, now: Float32) -> Float32:
        hidden = cells.carry(layers, states, np.concatenate([last, now], axis=1)[:, None])[:, 0]
        return cells.times(hidden, fitted.arrays["dense.kernel"]) + fitted.arrays["dense.bias"]

    return linear.ahead(_line(fitted), values, context, future, within, rest)


def _line(fitted: Fitted) -> Line:
    return Line(fitted.sizes["lags"], fitted.arrays["line.kernel"], fitted.arrays["line.bias"])


def network(batch: int, rows: int, n_scored: int, n_context: int, units: int) -> Any:
    """The Keras model of the recurrent path; its weights are `WEIGHTS`."""
    import keras

    inputs = keras.Input((rows, n_scored + n_context), batch_size=batch)
    hidden = inputs
    for name in LAYERS:
        hidden = keras.layers.LSTM(units, return_sequences=True, name=name)(hidden)
    return keras.Model([inputs], keras.layers.Dense(n_scored, kernel_initializer="zeros", name="dense")(hidden))


def _inputs(values: Float32, context: Float32, present: Bool) -> Float32:
    """(x_{t−1}, c_t) of each row (n_chunks, n_rows, n_scored + n_context); zero where the row before is not there."""
    n_scored = values.shape[2]
    inputs = np.empty((*values.shape[:2], n_scored + context.shape[2]), np.float32)
    inputs[:, 0, :n_scored] = 0
    inputs[:, 1:, :n_scored] = np.where(present[:, :-1, None], values[:, :-1], np.float32(0))
    inputs[:, :, n_scored:] = context
    return inputs


@dataclass(frozen=True)
class _Lesson:
    """One series as the network meets it: ``inputs``, what the line leaves over (``rest``), and which cells count."""

    inputs: Float32
    rest: Float32
    counts: Bool


def _lesson(line: Line, one: Series) -> _Lesson:
    present = np.ones((1, len(one)), np.bool_)
    values, context = one.values[None], one.context[None]
    rest = one.values - linear.predict(line, values, context, present)[0]
    return _Lesson(_inputs(values, context, present)[0], np.nan_to_num(rest), one.known & np.isfinite(rest))


def _spread(lessons: Sequence[_Lesson]) -> Float32:
    """Root mean square of what the line leaves over, per sensor (n_scored,) [scaled units]."""
    squares = sum(
        np.square(lesson.rest, dtype=np.float64, where=lesson.counts, out=np.zeros(lesson.rest.shape)).sum(axis=0)
        for lesson in lessons
    )
    count = sum(lesson.counts.sum(axis=0) for lesson in lessons)
    spread: Float32 = np.maximum(np.sqrt(squares / np.maximum(count, 1)), FINEST).astype(np.float32)
    return spread


def _draw(rng: Generator, lessons: Sequence[_Lesson], spread: Float32, batch: int, rows: int) -> Examples:
    """``batch`` pieces of ``rows`` rows from anywhere, long series more often; a short one is padded at its end."""
    lengths = np.array([len(lesson.rest) for lesson in lessons])
    n_scored, n_inputs = lessons[0].rest.shape[1], lessons[0].inputs.shape[1]
    inputs = np.zeros((batch, rows, n_inputs), np.float32)
    targets, weights = np.zeros((2, batch, rows, n_scored), np.float32)
    for place, which in enumerate(rng.choice(len(lessons), batch, p=lengths / lengths.sum())):
        lesson, length = lessons[which], min(rows, lengths[which])
        start = rng.integers(lengths[which] - length + 1)
        inputs[place, :length] = lesson.inputs[start : start + length]
        targets[place, :length] = lesson.rest[start : start + length]
        weights[place, :length] = lesson.counts[start : start + length]
    return Examples((inputs,), targets / spread, weights)


def _begin(
    start: Fitted | None, spread: Float32, n_scored: int, n_context: int, units: int, seed: int
) -> list[Float32]:
    """The weights training begins at: those of ``start``, or drawn from ``seed`` with a Dense part of zero."""
    if start:
        weights = [start.arrays[name] for name in WEIGHTS]
        return [*weights[:-2], weights[-2] / spread, weights[-1] / spread]
    rng = np.random.default_rng(seed)
    first = fitting.initial_lstm(rng, n_scored + n_context, units)
    return [
        *first,
        *fitting.initial_lstm(rng, units, units),
        np.zeros((units, n_scored), np.float32),
        np.zeros(n_scored, np.float32),
    ]


def _headless(weights: Sequence[Float32]) -> list[Float32]:
    """The same weights with a Dense part of zero: what they expect is the line."""
    return [*weights[:-2], np.zeros_like(weights[-2]), np.zeros_like(weights[-1])]


def _n_weights(n_scored: int, n_context: int, units: int) -> int:
    return fitting.lstm_size(n_scored + n_context, units) + fitting.lstm_size(units, units) + (units + 1) * n_scored
