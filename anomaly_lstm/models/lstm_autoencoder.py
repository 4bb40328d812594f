"""The LSTM autoencoder: a window through a narrow code and back, newest row first; what does not come back is strange.

    (x, c) of `WINDOW` rows → LSTM, many to one → Dense → code → repeated, with c → LSTM, one to many → Dense → x̂

P. Malhotra et al., LSTM-based Encoder-Decoder for Multi-sensor Anomaly Detection, ICML workshop 2016; the decoder runs
backwards in time as there, so that scoring, which looks at a window's newest rows only, needs its first few steps only.
A predictor sees a slow drift in the past and predicts it; this one does not know the drifted level and cannot code it.

A window ends every `STRIDE` rows of the grid. Its error, the mean of x − x̂ over its newest `STRIDE` rows, is known at
its end and held until the next window ends: row t never hears of a row after t.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.random import Generator

from anomaly_lstm import cells
from anomaly_lstm.models import fitting
from anomaly_lstm.models.contract import Arrays, Effort, Fitted, Told
from anomaly_lstm.models.fitting import Examples
from anomaly_lstm.windows import Bool, Float32, Series

NAME = "lstm_autoencoder"
NEEDS_TENSORFLOW = True
FORECASTS = False

WINDOW = 32
"""Rows per window [rows]; fits into the shortest warm-up."""

STRIDE = 4
"""Rows between window ends [rows]; divides `windows.ALIGN`, so that every chunk has them on the same grid rows."""

WEIGHTS = (
    *(f"encoder.{part}" for part in ("kernel", "recurrent_kernel", "bias")),
    *(f"code.{part}" for part in ("kernel", "bias")),
    *(f"decoder.{part}" for part in ("kernel", "recurrent_kernel", "bias")),
    *(f"dense.{part}" for part in ("kernel", "bias")),
)
"""The trained arrays, in the order of the Keras model's weights."""

CODED = 0.9
"""Share of the sensors' variance the code is meant to carry."""

SHORTENED = 1 / 8
"""Share of training windows whose older rows are hidden, so that a stretch is understood from its first rows on."""


def fit(
    train: Sequence[Series], valid: Sequence[Series], *, effort: Effort, seed: int, start: Fitted | None, told: Told
) -> Fitted:
    """Learn to give healthy windows back; with ``start``, go on from its weights."""
    n_scored, n_context = train[0].values.shape[1], train[0].context.shape[1]
    code = start.sizes["code"] if start else _code_width(train)
    units = (
        start.sizes["units"] if start else fitting.units_for(train, lambda u: _n_weights(n_scored, n_context, code, u))
    )
    windows = max(effort.batch * effort.rows // WINDOW, 1)  # as many rows per step as the predictor
    before = start.steps if start else 0

    def as_fitted(weights: Sequence[Float32], steps: int) -> Fitted:
        sizes = {
            "sensors": n_scored,
            "context": n_context,
            "window": WINDOW,
            "stride": STRIDE,
            "code": code,
            "units": units,
        }
        return Fitted(NAME, dict(zip(WEIGHTS, weights, strict=True)), sizes, before + steps)

    return fitting.train(
        network,
        (windows, n_scored, n_context, code, units),
        [start.arrays[name] for name in WEIGHTS] if start else _begin(n_scored, n_context, code, units, seed),
        lambda rng: _draw(rng, train, windows),
        as_fitted,
        fitting.judge_on(expected, valid),
        spread=np.ones(n_scored, np.float32),
        effort=effort,
        seed=seed,
        told=told,
    )


def expected(fitted: Fitted, values: Float32, context: Float32, present: Bool) -> Float32:
    """``values`` less the error of the newest complete window; NaN before the first window end of a stretch.

    A window that reaches before a stretch's begin starts with it. See `models.contract.Model.expected`.
    One chunk at a time, all its windows side by side, so its bits depend on nothing beside it.
    """
    result = np.full(values.shape, np.nan, np.float32)
    n_windows = values.shape[1] // STRIDE
    if not n_windows:
        return result
    rows = np.arange(STRIDE - 1, values.shape[1])
    for chunk in np.flatnonzero(present.any(axis=1)):
        errors = _window_errors(fitted.arrays, values[chunk], context[chunk], present[chunk], n_windows)
        result[chunk, rows] = values[chunk, rows] - errors[(rows + 1) // STRIDE - 1]
    result[~present] = np.nan
    return result


def network(windows: int, n_scored: int, n_context: int, code: int, units: int) -> Any:
    """The Keras model; its weights are `WEIGHTS`. It gives a window back newest row first.

    Inputs: the window (windows, WINDOW, n_scored + n_context), 1 where its rows are present (windows, WINDOW), and
    with context the window's context newest row first (windows, WINDOW, n_context).
    """
    import keras

    window = keras.Input((WINDOW, n_scored + n_context), batch_size=windows)
    present = keras.Input((WINDOW,), batch_size=windows)
    hidden = keras.layers.LSTM(units, name="encoder")(window, mask=keras.ops.cast(present, "bool"))
    repeated = keras.layers.RepeatVector(WINDOW)(keras.layers.Dense(code, name="code")(hidden))
    inputs = [window, present]
    if n_context:
        inputs.append(keras.Input((WINDOW, n_context), batch_size=windows))
        repeated = keras.layers.Concatenate()([repeated, inputs[-1]])
    decoded = keras.layers.LSTM(units, return_sequences=True, name="decoder")(repeated)
    return keras.Model(inputs, keras.layers.Dense(n_scored, name="dense")(decoded))


def _window_errors(arrays: Arrays, values: Float32, context: Float32, present: Bool, n_windows: int) -> Float32:
    """The error of each window of a chunk (n_windows, n_scored), mean over its newest present rows, NaN without."""
    code = _encode(arrays, np.concatenate([values, context], axis=1), present, n_windows)
    total = np.zeros((n_windows, values.shape[1]), np.float32)
    count = np.zeros((n_windows, 1), np.float32)
    for back, decoded in enumerate(_decode(arrays, code, context, n_windows)):
        newest = slice(STRIDE - 1 - back, n_windows * STRIDE, STRIDE)
        here = present[newest, None].astype(np.float32)
        total += (values[newest] - decoded) * here
        count += here
    return np.where(count > 0, total / np.maximum(count, 1), np.float32(np.nan))


def _encode(arrays: Arrays, inputs: Float32, present: Bool, n_windows: int) -> Float32:
    """The code of each window (n_windows, n_code) of one chunk's ``inputs`` (n_rows, n_inputs).

    Each row is projected once, however many windows it is in.
    """
    layer = cells.packed(cells.named(arrays, "encoder"))
    before = WINDOW - STRIDE  # the first window reaches this many rows before the chunk
    projected = np.zeros((before + len(inputs), 4 * layer.units), np.float32)
    projected[before:] = cells.times(inputs, layer.kernel) + layer.bias
    keep = np.zeros((before + len(inputs), 1), np.float32)
    keep[before:, 0] = present
    hidden, cell = np.zeros((2, n_windows, layer.units), np.float32)
    work = np.empty((n_windows, 4 * layer.units), np.float32)
    for row in range(WINDOW):
        here = slice(row, row + n_windows * STRIDE, STRIDE)
        cells.step(layer, projected[here], hidden, cell, hidden, work)
        if not keep[here].all():
            hidden *= keep[here]
            cell *= keep[here]
    return cells.times(hidden, arrays["code.kernel"]) + arrays["code.bias"]


def _decode(arrays: Arrays, code: Float32, context: Float32, n_windows: int) -> list[Float32]:
    """The newest `STRIDE` rows of each window, given back newest first: each (n_windows, n_scored)."""
    layer = cells.packed(cells.named(arrays, "decoder"))
    n_code = code.shape[1]
    repeated = cells.times(code, layer.kernel[:n_code]) + layer.bias
    beside = cells.times(context, layer.kernel[n_code:])
    hidden, cell = np.zeros((2, n_windows, layer.units), np.float32)
    work = np.empty((n_windows, 4 * layer.units), np.float32)
    decoded = []
    for back in range(STRIDE):
        cells.step(
            layer, repeated + beside[STRIDE - 1 - back : n_windows * STRIDE : STRIDE], hidden, cell, hidden, work
        )
        decoded.append(cells.times(hidden, arrays["dense.kernel"]) + arrays["dense.bias"])
    return decoded


def _draw(rng: Generator, train: Sequence[Series], windows: int) -> Examples:
    """Windows ending at any row of any series, long ones more often; absent rows count nothing."""
    n_scored, n_context = train[0].values.shape[1], train[0].context.shape[1]
    lengths = np.array([len(one) for one in train])
    inputs = np.zeros((windows, WINDOW, n_scored + n_context), np.float32)
    present = np.zeros((windows, WINDOW), np.float32)
    weights = np.zeros((windows, WINDOW, n_scored), np.float32)
    for place, which in enumerate(rng.choice(len(train), windows, p=lengths / lengths.sum())):
        one, end = train[which], int(rng.integers(1, lengths[which] + 1))
        length = min(end, WINDOW)
        if rng.random() < SHORTENED:
            length = int(rng.integers(1, length + 1))
        inputs[place, -length:, :n_scored] = one.values[end - length : end]
        inputs[place, -length:, n_scored:] = one.context[end - length : end]
        weights[place, -length:] = one.known[end - length : end]
        present[place, -length:] = 1
    newest_first = inputs[:, ::-1]
    beside = (newest_first[:, :, n_scored:],) if n_context else ()
    return Examples((inputs, present, *beside), newest_first[:, :, :n_scored], weights[:, ::-1])


def _begin(n_scored: int, n_context: int, code: int, units: int, seed: int) -> list[Float32]:
    """Untrained weights; the last Dense part is zero, so training starts where the error is the plain level."""
    rng = np.random.default_rng(seed)
    return [
        *fitting.initial_lstm(rng, n_scored + n_context, units),
        fitting.initial_dense(rng, units, code),
        np.zeros(code, np.float32),
        *fitting.initial_lstm(rng, code + n_context, units),
        np.zeros((units, n_scored), np.float32),
        np.zeros(n_scored, np.float32),
    ]


def _code_width(train: Sequence[Series]) -> int:
    """How many principal components carry `CODED` of the variance: at least 2, at most half the sensors.

    Wider, and the code would carry strange rows as well as healthy ones.
    """
    rows = np.concatenate([one.values for one in train])
    variances = np.linalg.eigvalsh(np.atleast_2d(np.cov(rows, rowvar=False, bias=True)))[::-1]
    share = np.cumsum(variances) / max(float(variances.sum()), 1e-9)
    needed = int(np.searchsorted(share, CODED)) + 1
    return int(np.clip(needed, 2, max(2, len(variances) // 2)))


def _n_weights(n_scored: int, n_context: int, code: int, units: int) -> int:
    encoder, decoder = fitting.lstm_size(n_scored + n_context, units), fitting.lstm_size(code + n_context, units)
    return encoder + (units + 1) * code + decoder + (units + 1) * n_scored
