"""The laws every model keeps, run over the whole room."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from anomaly_lstm import inference
from anomaly_lstm.models import FORECASTERS, MODELS, lstm_autoencoder, lstm_predictor
from anomaly_lstm.models.contract import Fitted, Forecaster, Model
from anomaly_lstm.windows import CHUNK, Series
from tests.models.toys import QUICK, quick_fit, stretch

WARM_UP = 64
BEGINS = 4
"""No model may need more rows than this before it has an opinion."""

FitOf = Callable[[str], Fitted]


@pytest.fixture(params=sorted(MODELS))
def model(request: pytest.FixtureRequest) -> Model:
    name: str = request.param
    if MODELS[name].NEEDS_TENSORFLOW:
        pytest.importorskip("tensorflow", reason="training an LSTM needs it")
    return MODELS[name]


FITS: dict[str, Fitted] = {}


@pytest.fixture
def fitted(model: Model) -> Fitted:
    if model.NAME not in FITS:
        FITS[model.NAME] = quick_fit(model, [stretch(300), stretch(20, seed=1)])
    return FITS[model.NAME]


def expected(model: Model, fitted: Fitted, *series: Series) -> list[Any]:
    return list(inference.expected(model, fitted, series, WARM_UP))


def test_the_name_in_the_dict_is_the_name_of_the_model() -> None:
    assert {name: module.NAME for name, module in MODELS.items()} == {name: name for name in MODELS}


@pytest.mark.parametrize("until", [1, 2, 3, 100, 1023, 1024, 1025, 2000])
def test_a_prefix_is_expected_bit_for_bit_as_the_whole(model: Model, fitted: Fitted, until: int) -> None:
    whole = stretch(2500, first=5)
    (all_rows,), (some,) = expected(model, fitted, whole), expected(model, fitted, whole.part(0, until))
    assert np.array_equal(some, all_rows[:until], equal_nan=True)


def test_what_else_is_in_the_batch_changes_no_bit(model: Model, fitted: Fitted) -> None:
    one = stretch(1500, first=40)
    others = [stretch(2000, first=first, seed=9) for first in (40, 1, 5000)]
    assert np.array_equal(
        expected(model, fitted, one)[0], expected(model, fitted, others[0], one, *others[1:])[1], equal_nan=True
    )


def test_a_history_that_begins_later_is_expected_bit_for_bit_alike(model: Model, fitted: Fitted) -> None:
    whole, offset = stretch(4000, first=7), CHUNK - WARM_UP - 7
    (all_rows,), (late,) = expected(model, fitted, whole), expected(model, fitted, whole.part(offset, 4000))
    assert np.array_equal(late[WARM_UP:], all_rows[offset + WARM_UP :])


@pytest.mark.parametrize("first", range(5))
def test_nothing_is_expected_at_a_begin_only(model: Model, fitted: Fitted, first: int) -> None:
    (rows,) = expected(model, fitted, stretch(1200, first=first))
    assert np.isfinite(rows[BEGINS:]).all()


def test_the_same_seed_gives_the_same_weights(model: Model) -> None:
    once, twice = (quick_fit(model, [stretch(120)], [stretch(60, seed=5)]) for _ in range(2))
    assert once.sizes == twice.sizes
    assert once.arrays.keys() == twice.arrays.keys()
    assert all(np.array_equal(once.arrays[name], twice.arrays[name]) for name in once.arrays)


@pytest.mark.parametrize("lengths", [(1,), (1, 1, 2)])
def test_stretches_of_any_length_can_be_learnt_and_scored(model: Model, lengths: tuple[int, ...]) -> None:
    train = [stretch(length, seed=at) for at, length in enumerate(lengths)]
    fit = quick_fit(model, train, [stretch(1)])
    for one, rows in zip(train, expected(model, fit, *train), strict=True):
        assert rows.shape == one.values.shape
        assert np.isfinite(rows[BEGINS:]).all()
    assert all(np.isfinite(array).all() for array in fit.arrays.values())


@pytest.mark.parametrize(("n_scored", "n_context"), [(1, 0), (30, 20)])
def test_context_is_input_and_never_expected(model: Model, n_scored: int, n_context: int) -> None:
    one = stretch(200, n_scored, n_context)
    fit = quick_fit(model, [one])
    (rows,) = expected(model, fit, one)
    assert rows.shape == (200, n_scored)
    assert rows.dtype == np.float32
    if n_context:
        other = Series(one.first, one.values, one.known, one.context + 3)
        assert not np.array_equal(expected(model, fit, other)[0], rows, equal_nan=True)


@pytest.mark.parametrize("model", sorted({*MODELS} - {"lstm_autoencoder"}), indirect=True)  # there it is input as well
def test_a_cell_that_was_held_is_no_target(model: Model) -> None:
    one = stretch(80, 2, 0)
    known, spoilt = one.known.copy(), one.values.copy()
    known[-1, 1], spoilt[-1, 1] = False, 50
    fits = [quick_fit(model, [Series(0, values, known, one.context)]) for values in (one.values, spoilt)]
    assert all(np.array_equal(fits[0].arrays[name], fits[1].arrays[name]) for name in fits[0].arrays)


def test_going_on_from_an_earlier_fit_counts_all_steps(model: Model, fitted: Fitted) -> None:
    more = model.fit([stretch(350)], [], effort=QUICK, seed=1, start=fitted, told=lambda _: None)
    assert more.steps == 2 * fitted.steps
    assert {name: a.shape for name, a in more.arrays.items()}.keys() == fitted.arrays.keys()


def test_every_array_is_float32_and_every_size_a_whole_number(fitted: Fitted) -> None:
    assert {array.dtype for array in fitted.arrays.values()} == {np.dtype(np.float32)}
    assert all(type(size) is int for size in fitted.sizes.values())


def test_the_predictor_equals_its_keras_model() -> None:
    pytest.importorskip("tensorflow", reason="parity with Keras needs it")
    one = stretch(150, 3, 2)
    fit = quick_fit(lstm_predictor, [one])
    network = lstm_predictor.network(1, 150, 3, 2, fit.sizes["units"])
    network.set_weights([fit.arrays[name] for name in lstm_predictor.WEIGHTS])
    shifted = np.vstack([np.zeros((1, 3), np.float32), one.values[:-1]])
    recurrent = np.asarray(network([np.hstack([shifted, one.context])[None]]))[0]
    line = MODELS["linear_predictor"].expected(fit, one.values[None], one.context[None], np.ones((1, 150), np.bool_))[0]
    (rows,) = expected(lstm_predictor, fit, one)
    np.testing.assert_allclose(rows[1:], (line + recurrent)[1:], atol=1e-5)
    assert np.abs(recurrent).max() > 1e-3


@pytest.mark.parametrize("n_context", [0, 2])
def test_the_autoencoder_equals_its_keras_model(n_context: int) -> None:
    pytest.importorskip("tensorflow", reason="parity with Keras needs it")
    one, window, stride = stretch(160, 3, n_context), lstm_autoencoder.WINDOW, lstm_autoencoder.STRIDE
    fit = quick_fit(lstm_autoencoder, [one])
    network = lstm_autoencoder.network(1, 3, n_context, fit.sizes["code"], fit.sizes["units"])
    network.set_weights([fit.arrays[name] for name in lstm_autoencoder.WEIGHTS])
    (rows,) = expected(lstm_autoencoder, fit, one)
    for end in (11, 31, 99):
        length = min(end + 1, window)
        inputs, present = np.zeros((1, window, 3 + n_context), np.float32), np.zeros((1, window), np.float32)
        inputs[0, -length:] = np.hstack([one.values, one.context])[end + 1 - length : end + 1]
        present[0, -length:] = 1
        beside = [inputs[:, ::-1, 3:]] if n_context else []
        decoded = np.asarray(network([inputs, present, *beside]))[0, :stride]
        error = (inputs[0, ::-1, :3][:stride] - decoded).mean(axis=0)
        np.testing.assert_allclose((one.values - rows)[end : end + stride], np.tile(error, (stride, 1)), atol=1e-5)


# ---------------------------------------------------------------- running ahead


WITHIN = (np.full(2, -9, np.float32), np.full(2, 9, np.float32))


@pytest.fixture(params=sorted(FORECASTERS))
def forecaster(request: pytest.FixtureRequest) -> Forecaster:
    name: str = request.param
    if FORECASTERS[name].NEEDS_TENSORFLOW:
        pytest.importorskip("tensorflow", reason="training an LSTM needs it")
    return FORECASTERS[name]


@pytest.fixture
def taught(forecaster: Forecaster) -> Fitted:
    if forecaster.NAME not in FITS:
        FITS[forecaster.NAME] = quick_fit(forecaster, [stretch(300), stretch(20, seed=1)])
    return FITS[forecaster.NAME]


def run_ahead(model: Forecaster, fitted: Fitted, past: Series, future: Any, within: Any = WITHIN) -> Any:
    present = np.ones((1, len(past)), np.bool_)
    return model.ahead(fitted, past.values[None], past.context[None], present, future[None], within)[0]


def test_those_that_run_ahead_are_those_that_forecast() -> None:
    assert set(FORECASTERS) == {name for name, model in MODELS.items() if model.FORECASTS}


@pytest.mark.parametrize("length", [1, 2, 3, 50, 200])
def test_the_first_row_ahead_is_the_expectation_of_the_next_row(
    forecaster: Forecaster, taught: Fitted, length: int
) -> None:
    whole = stretch(length + 1)
    (rows,) = expected(forecaster, taught, whole)
    ahead = run_ahead(forecaster, taught, whole.part(0, length), whole.context[length:])
    assert ahead[0] == pytest.approx(rows[length], abs=1e-5)


def test_an_expectation_fed_back_by_hand_gives_the_rows_ahead(forecaster: Forecaster, taught: Fitted) -> None:
    whole, n_ahead = stretch(90), 6
    past = whole.part(0, 90 - n_ahead)
    ahead = run_ahead(forecaster, taught, past, whole.context[90 - n_ahead :])
    for row in range(n_ahead):
        longer = Series(
            0,
            np.vstack([past.values, ahead[: row + 1]]),
            np.ones((len(past) + row + 1, 2), np.bool_),
            whole.context[: len(past) + row + 1],
        )
        assert expected(forecaster, taught, longer)[0][-1] == pytest.approx(ahead[row], abs=1e-5)


def test_rows_that_stand_in_before_a_stretch_change_nothing(forecaster: Forecaster, taught: Fitted) -> None:
    whole = stretch(12)
    future = whole.context[-4:]
    rows = np.maximum(np.arange(-20, 12), 0)
    present = (np.arange(-20, 12) >= 0)[None]
    padded = forecaster.ahead(
        taught, whole.values[rows][None], whole.context[rows][None], present, future[None], WITHIN
    )
    assert padded[0] == pytest.approx(run_ahead(forecaster, taught, whole, future), abs=1e-6)


def test_no_row_ahead_leaves_the_bounds(forecaster: Forecaster, taught: Fitted) -> None:
    narrow = (np.full(2, -0.1, np.float32), np.full(2, 0.1, np.float32))
    past = stretch(60)
    ahead = run_ahead(forecaster, taught, past, past.context, narrow)
    assert (np.abs(ahead) <= np.float32(0.1)).all()
