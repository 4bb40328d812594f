"""Return periods: alerts are counted where there are enough, and outbursts are not forgotten beyond."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray

from anomaly_lstm.thresholds import return_period
from anomaly_lstm.thresholds.return_period import FEW, alert_peaks

Float64 = NDArray[np.float64]
PERIOD_S = 60.0
N_ROWS = 40_000


def with_bursts(every: int, length: int, height: float = 8.0) -> Float64:
    """Calm rows, and a burst of known height each ``every`` rows, each a little stranger than the one before."""
    scores = np.random.default_rng(0).uniform(0.0, 1.0, N_ROWS)
    for number, row in enumerate(range(every // 2, N_ROWS - length, every)):
        scores[row : row + length] = height + 1e-3 * number
    return scores


@pytest.mark.parametrize("length", [1, 30, 200])
@pytest.mark.parametrize("height", [3.0, 8.0])
def test_what_the_record_shows_often_enough_is_counted_however_long_it_lasts(length: int, height: float) -> None:
    every = N_ROWS // (2 * FEW)
    curve = return_period.fit([with_bursts(every, length, height)], PERIOD_S)
    once_in = curve.return_period_s(np.array([height - 0.1]))[0] / PERIOD_S
    assert once_in == pytest.approx(every, rel=0.1)


def test_an_alert_is_over_after_the_off_delay_below_the_deadband() -> None:
    scores = np.zeros(300)
    scores[[50, 55, 100, 120]] = [5.0, 5.5, 6.0, 7.0]
    scores[101:120] = 4.6
    assert alert_peaks([scores], 5.0, drop=0.5).tolist() == [5.5, 7.0]
    assert alert_peaks([scores], 5.0, drop=0.1).tolist() == [5.5, 6.0, 7.0]


def test_what_comes_again_soon_and_no_stranger_is_one_alert() -> None:
    scores = np.zeros(4000)
    scores[[100, 150, 200, 2000]] = [6.0, 5.5, 7.0, 5.0]
    assert alert_peaks([scores], 5.0, drop=0.1).tolist() == [6.0, 7.0, 5.0]


def test_outbursts_that_the_rows_between_know_nothing_of_are_not_forgotten() -> None:
    values = np.random.default_rng(0).exponential(size=4000)
    calm = return_period.fit([values.copy()], PERIOD_S)
    for row in range(500, 4000, 500):
        values[row : row + 3] = 40.0
    curve = return_period.fit([values], PERIOD_S)
    assert 4000 / 7 / 3 < curve.return_period_s(np.array([40.0]))[0] / PERIOD_S < 4000
    assert calm.return_period_s(np.array([40.0]))[0] / PERIOD_S > 1e6, "without outbursts the tail is steep"
    assert (np.diff(curve.log_period) > 0).all()
