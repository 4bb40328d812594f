from __future__ import annotations

import numpy as np
import pytest

from anomaly_lstm import inference
from anomaly_lstm.models import lstm_autoencoder
from anomaly_lstm.models.contract import Effort, Fitted, Progress
from anomaly_lstm.models.lstm_autoencoder import STRIDE, WINDOW
from anomaly_lstm.windows import ALIGN, Float32, Series
from tests.models.toys import quick_fit, stretch

pytest.importorskip("tensorflow", reason="training an LSTM needs it")


@pytest.fixture(scope="module")
def fitted() -> Fitted:
    return quick_fit(lstm_autoencoder, [stretch(300)])


def errors(fitted: Fitted, one: Series) -> Float32:
    return one.values - inference.expected(lstm_autoencoder, fitted, [one], 64)[0]


def test_windows_end_on_the_same_grid_rows_in_every_chunk() -> None:
    assert ALIGN % STRIDE == 0
    assert WINDOW <= ALIGN


def test_an_error_is_held_from_its_windows_end_until_the_next(fitted: Fitted) -> None:
    held = errors(fitted, stretch(100, first=2))
    changes = np.flatnonzero(np.abs(np.diff(held[:, 0])) > 1e-5) + 1
    assert set((changes + 2) % STRIDE) == {STRIDE - 1}


def test_a_window_sees_what_it_covers_and_nothing_before(fitted: Fitted) -> None:
    one = stretch(200)
    values = one.values.copy()
    values[:100] += 5
    changed = errors(fitted, Series(0, values, one.known, one.context))
    end = 99 + WINDOW  # the first window without a changed row
    np.testing.assert_allclose(changed[end:], errors(fitted, one)[end:], atol=1e-6)
    assert np.abs(changed - errors(fitted, one))[100 : end - 1].max() > 1e-3


def test_a_row_before_a_stretch_begins_counts_nothing(fitted: Fitted) -> None:
    one = stretch(200)
    cold = errors(fitted, one.part(50, 200))
    np.testing.assert_allclose(cold[50:], errors(fitted, one)[100:], atol=1e-5)


def test_a_cell_that_was_held_is_no_target() -> None:
    one = stretch(WINDOW)
    known = one.known.copy()
    known[10, 1] = False
    examples = lstm_autoencoder._draw(np.random.default_rng(0), [Series(0, one.values, known, one.context)], 200)
    held = np.isclose(examples.targets, one.values[10, 1])
    assert held.any()
    assert not examples.weights[held].any()
    assert examples.weights[~held & (examples.targets != 0)].all()


def test_it_learns_to_give_healthy_windows_back_and_not_strange_ones() -> None:
    told: list[Progress] = []
    fit = lstm_autoencoder.fit(
        [stretch(1500, 6)],
        [stretch(400, 6, first=1500)],
        effort=Effort(max_steps=300, batch=16, rows=64),
        seed=1,
        start=None,
        told=told.append,
    )
    assert min(look.loss for look in told) < 0.3 * told[0].loss
    one = stretch(400, 6)
    values = one.values.copy()
    values[200:, 2] += 2  # one sensor leaves the others
    strange = errors(fit, Series(0, values, one.known, one.context))
    assert np.abs(strange[240:, 2]).mean() > 4 * np.abs(strange[40:200, 2]).mean()
