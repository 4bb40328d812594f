from __future__ import annotations

import math

import numpy as np
import pytest

from anomaly_lstm.cells import Lstm, run
from anomaly_lstm.windows import Float32


def layer(n_inputs: int, units: int, seed: int = 0) -> Lstm:
    rng = np.random.default_rng(seed)
    kernel, recurrent = rng.standard_normal((n_inputs, 4 * units)), rng.standard_normal((units, 4 * units))
    return Lstm(*(a.astype(np.float32) for a in (kernel, 0.5 * recurrent, rng.standard_normal(4 * units))))


def published(weights: Lstm, inputs: Float32) -> list[list[float]]:
    """The gate equations of one sequence (n_rows, n_inputs), unit by unit, as in Gers et al. 2000."""
    units = weights.units

    def sigma(z: float) -> float:
        return 1 / (1 + math.exp(-z))

    h, c, shown = [0.0] * units, [0.0] * units, []
    for x in inputs.astype(float):

        def z(gate: int, unit: int, x: Float32 = x, h: list[float] = h) -> float:
            column = gate * units + unit
            fed = sum(float(w) * float(v) for w, v in zip(weights.kernel[:, column], x, strict=True))
            back = sum(float(w) * v for w, v in zip(weights.recurrent[:, column], h, strict=True))
            return fed + back + float(weights.bias[column])

        i = [sigma(z(0, unit)) for unit in range(units)]
        f = [sigma(z(1, unit)) for unit in range(units)]
        candidate = [math.tanh(z(2, unit)) for unit in range(units)]
        o = [sigma(z(3, unit)) for unit in range(units)]
        c = [f[unit] * c[unit] + i[unit] * candidate[unit] for unit in range(units)]
        h = [o[unit] * math.tanh(c[unit]) for unit in range(units)]
        shown.append(h)
    return shown


def test_the_gates_are_the_published_equations() -> None:
    inputs = np.random.default_rng(1).standard_normal((2, 70, 3)).astype(np.float32)
    weights = layer(3, 4)
    for chunk, hidden in zip(inputs, run([weights], inputs), strict=True):
        np.testing.assert_allclose(hidden, published(weights, chunk), atol=1e-5)


def test_stacked_layers_equal_keras() -> None:
    pytest.importorskip("tensorflow", reason="parity with Keras needs it")
    import keras

    inputs = np.random.default_rng(1).standard_normal((3, 130, 5)).astype(np.float32)
    layers = [layer(5, 6, seed=1), layer(6, 4, seed=2)]
    tensor = inputs
    for weights in layers:
        lstm = keras.layers.LSTM(weights.units, return_sequences=True)
        lstm.build(tensor.shape)
        lstm.set_weights([weights.kernel, weights.recurrent, weights.bias])
        tensor = lstm(tensor)
    np.testing.assert_allclose(run(layers, inputs), np.asarray(tensor), atol=1e-5)


def test_rows_before_a_begin_leave_the_state_at_zero() -> None:
    inputs = np.random.default_rng(1).standard_normal((2, 200, 3)).astype(np.float32)
    present = np.ones((2, 200), np.bool_)
    present[0, :90] = False
    layers = [layer(3, 4), layer(4, 4)]
    late = run(layers, inputs, present)
    assert not late[0, :90].any()
    alone = run(layers, np.stack([inputs[0, 90:], inputs[1, 90:]]))
    np.testing.assert_allclose(late[0, 90:], alone[0], atol=1e-6)


def test_a_chunk_does_not_feel_its_neighbours() -> None:
    inputs = np.random.default_rng(1).standard_normal((32, 128, 3)).astype(np.float32)
    alone, present = np.zeros_like(inputs), np.zeros((32, 128), np.bool_)
    alone[7], present[7] = inputs[7], True
    layers = [layer(3, 16), layer(16, 16)]
    assert np.array_equal(run(layers, inputs)[7], run(layers, alone, present)[7])


def test_huge_inputs_saturate_and_never_overflow() -> None:
    with np.errstate(all="raise", under="ignore"):
        hidden = run([layer(3, 4)], np.full((1, 5, 3), 1e6, np.float32))
    assert np.abs(hidden).max() <= 1
