from __future__ import annotations

import subprocess
import sys

import numpy as np
import pytest

from anomaly_lstm.inference import PLACES, WARM_UPS, batches, expected, measure_warm_up
from anomaly_lstm.models import linear_predictor, lstm_predictor
from anomaly_lstm.models.contract import Fitted
from anomaly_lstm.windows import ALIGN, CHUNK, cut
from tests.models.toys import quick_fit, stretch


def remembering(forget_bias: float) -> Fitted:
    """An untrained predictor whose forget gates stand at σ(forget_bias): the higher, the longer it remembers."""
    rng = np.random.default_rng(0)
    arrays = {"line.kernel": np.zeros((3, 2), np.float32), "line.bias": np.zeros(2, np.float32)}
    for name, n_inputs in (("lstm_1", 3), ("lstm_2", 4)):
        arrays[f"{name}.kernel"] = (0.3 * rng.standard_normal((n_inputs, 16))).astype(np.float32)
        arrays[f"{name}.recurrent_kernel"] = (0.1 * rng.standard_normal((4, 16))).astype(np.float32)
        arrays[f"{name}.bias"] = np.repeat(np.array([0, forget_bias, 0, 0], np.float32), 4)
    arrays["dense.kernel"] = rng.standard_normal((4, 2)).astype(np.float32)
    arrays["dense.bias"] = np.zeros(2, np.float32)
    return Fitted("lstm_predictor", arrays, {"lags": 1, "units": 4})


def test_the_line_needs_the_shortest_warm_up() -> None:
    one = stretch(3000)
    assert measure_warm_up(linear_predictor, quick_fit(linear_predictor, [one]), [one]) == ALIGN


def test_a_longer_memory_needs_a_longer_warm_up() -> None:
    series = [stretch(5000), stretch(30, seed=1)]
    short, long = (measure_warm_up(lstm_predictor, remembering(bias), series) for bias in (0, 4))
    assert short == ALIGN
    assert long > short
    assert long in WARM_UPS


@pytest.mark.parametrize("length", [1, 2, 70])
def test_the_warm_up_can_be_measured_on_short_stretches(length: int) -> None:
    assert measure_warm_up(lstm_predictor, remembering(1), [stretch(length)]) in WARM_UPS


def test_after_the_warm_up_chunks_agree_with_one_long_run() -> None:
    one, fitted = stretch(3 * CHUNK), remembering(3)
    warm_up = measure_warm_up(lstm_predictor, fitted, [one])
    (chunked,) = expected(lstm_predictor, fitted, [one], warm_up)
    long_run = lstm_predictor.expected(fitted, one.values[None], one.context[None], np.ones((1, len(one)), np.bool_))[0]
    np.testing.assert_allclose(chunked[1:], long_run[1:], atol=2e-4)


def test_a_chunk_always_has_the_place_of_its_number() -> None:
    series = [stretch(40 * CHUNK, 1, 0, first=-500), stretch(3000, 1, 0)]
    packed = list(batches(cut(series, ALIGN)))
    assert all(len(batch) == PLACES for batch in packed)
    placed = [(place, chunk) for batch in packed for place, chunk in enumerate(batch) if chunk is not None]
    assert len(placed) == len(cut(series, ALIGN))
    assert all(chunk.number % PLACES == place for place, chunk in placed)


def test_no_series_gives_no_result() -> None:
    assert expected(linear_predictor, quick_fit(linear_predictor, [stretch(50)]), [], ALIGN) == []


def test_scoring_imports_neither_keras_nor_tensorflow() -> None:
    code = (
        "import sys; from tests.test_inference import *; expected(lstm_predictor, remembering(1), [stretch(99)], 64);"
        "assert not {'keras', 'tensorflow'} & set(sys.modules)"
    )
    subprocess.run([sys.executable, "-c", code], check=True)
