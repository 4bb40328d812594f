from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from anomaly_lstm import inference
from anomaly_lstm.models import linear_predictor, lstm_predictor
from anomaly_lstm.models.contract import Effort, Fitted, Progress
from anomaly_lstm.windows import Series
from tests.models.toys import QUICK, stretch

pytest.importorskip("tensorflow", reason="training an LSTM needs it")


def latched(n_rows: int, seed: int) -> Series:
    """A sensor at the sign of the last pulse of its context, however long ago: no line on a few lags knows it.

    The sensor is told nothing of itself: its noise hides the level of the row before.
    """
    rng = np.random.default_rng(seed)
    pulses = np.where(rng.random(n_rows) < 0.05, rng.choice([-1.0, 1.0], n_rows), 0.0)
    last = np.maximum.accumulate(np.where(pulses != 0, np.arange(n_rows), 0))
    values = pulses[last] + 1.0 * rng.standard_normal(n_rows)
    return Series(
        0, values[:, None].astype(np.float32), np.ones((n_rows, 1), np.bool_), pulses[:, None].astype(np.float32)
    )


def mean_squared_error(fitted: Fitted, one: Series) -> float:
    (rows,) = inference.expected(lstm_predictor, fitted, [one], 256)
    return float(np.nanmean((one.values - rows) ** 2))


def fit(
    train: Series, valid: list[Series], effort: Effort, start: Fitted | None = None
) -> tuple[Fitted, list[Progress]]:
    told: list[Progress] = []
    fitted = lstm_predictor.fit([train], valid, effort=effort, seed=2, start=start, told=told.append)
    return fitted, told


def test_it_starts_exactly_at_the_challenger() -> None:
    one = stretch(200)
    untrained, _ = fit(one, [], replace(QUICK, max_steps=0))
    line = linear_predictor.fit([one], [], effort=QUICK, seed=0, start=None, told=lambda _: None)
    assert np.array_equal(
        inference.expected(lstm_predictor, untrained, [one], 64)[0],
        inference.expected(linear_predictor, line, [one], 64)[0],
        equal_nan=True,
    )


def test_it_learns_what_the_line_cannot() -> None:
    valid, test = latched(800, 1), latched(2000, 2)
    fitted, told = fit(latched(4000, 0), [valid], Effort(max_steps=400, batch=16, rows=60, patience=9))
    line = told[0].loss
    assert fitted.steps > 0
    assert mean_squared_error(fitted, test) < 0.9 * line


def test_the_kept_weights_are_never_worse_on_valid_than_the_line() -> None:
    noise = np.random.default_rng(0).standard_normal((120, 2)).astype(np.float32)
    train = Series(0, noise[:60], np.ones((60, 2), np.bool_), np.zeros((60, 0), np.float32))
    valid = Series(60, noise[60:], train.known, train.context)
    fitted, told = fit(train, [valid], replace(QUICK, max_steps=100, learning_rate=0.05))
    assert mean_squared_error(fitted, valid) <= told[0].loss * (1 + 1e-6)


def test_a_spent_time_budget_leaves_the_challenger() -> None:
    fitted, _ = fit(stretch(200), [stretch(80, seed=1)], replace(QUICK, expired=lambda: True))
    assert fitted.steps == 0
    assert not fitted.arrays["dense.kernel"].any()


def test_going_on_starts_where_the_earlier_fit_ended() -> None:
    one, valid = latched(1500, 0), latched(600, 1)
    earlier, told = fit(one, [valid], Effort(max_steps=150, batch=16, rows=60))
    _, later = fit(one, [valid], replace(QUICK, max_steps=1), earlier)
    assert later[0].loss == pytest.approx(min(look.loss for look in told), rel=1e-3)
