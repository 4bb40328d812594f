from __future__ import annotations

import numpy as np

from anomaly_lstm.linear import Line, fit_ridge, lagged, predict
from anomaly_lstm.windows import Float32, Series
from tests.models.toys import stretch


def forecast(line: Line, one: Series) -> Float32:
    result: Float32 = predict(line, one.values[None], one.context[None], np.ones((1, len(one)), np.bool_))[0]
    return result


def moving(n_rows: int, seed: int = 0, noise: float = 0.1) -> Series:
    """x_t = 0.6 x_{t−1} − 0.3 (the other)_{t−1} + 0.5 c_t + 1: a process the line can know exactly."""
    rng = np.random.default_rng(seed)
    values, context = np.zeros((n_rows, 2)), rng.standard_normal((n_rows, 1))
    for row in range(1, n_rows):
        before = values[row - 1]
        values[row] = 1 + 0.6 * before - 0.3 * before[::-1] + 0.5 * context[row] + noise * rng.standard_normal(2)
    return Series(0, values.astype(np.float32), np.ones((n_rows, 2), np.bool_), context.astype(np.float32))


def test_lags_look_back_and_context_starts_at_the_present() -> None:
    values = np.arange(5, dtype=np.float32).reshape(1, 5, 1)
    context = values + 10
    assert lagged(values, context, 2)[0, 3].tolist() == [2, 13, 1, 12]
    assert lagged(values, context, 2)[0, 1].tolist() == [0, 11, 0, 10]


def test_a_linear_process_is_found() -> None:
    line = fit_ridge([moving(4000), moving(3000, seed=1)])
    np.testing.assert_allclose(line.kernel[:3], [[0.6, -0.3], [-0.3, 0.6], [0.5, 0.5]], atol=0.05)
    error = (moving(2000, seed=2).values - forecast(line, moving(2000, seed=2)))[1:]
    assert np.sqrt((error**2).mean()) < 0.11


def test_a_cell_that_was_not_measured_is_no_target() -> None:
    one = moving(3000)
    known, values = one.known.copy(), one.values.copy()
    known[1000:1400, 1] = False
    spoilt = values.copy()
    spoilt[1399, 1] = 1e3  # a target of no row but 1399, a feature of the rows behind it
    known[1400:1410] = False
    kept, changed = (fit_ridge([Series(0, v, known, one.context)], max_lags=1) for v in (values, spoilt))
    assert np.abs(changed.kernel).max() < 10
    alone = fit_ridge([Series(0, values, one.known, one.context)], max_lags=1)
    np.testing.assert_allclose(kept.kernel, alone.kernel, atol=0.05)


def test_each_sensor_is_fitted_on_its_own_known_rows() -> None:
    one = moving(500)
    known = one.known.copy()
    known[200:, 1] = False
    both = fit_ridge([Series(0, one.values, known, one.context)], max_lags=1)
    x, y = lagged(one.values[None], one.context[None], 1)[0, 1:200], one.values[1:200, 1]
    exact = np.linalg.lstsq(np.column_stack([np.ones(199), x]), y, rcond=None)[0]
    np.testing.assert_allclose(np.append(both.bias[1], both.kernel[:, 1]), exact, atol=0.02)


def test_few_rows_with_many_sensors_get_one_lag_and_stay_tame() -> None:
    line = fit_ridge([stretch(60, 40)])
    assert line.lags == 1
    error = stretch(200, 40, seed=0).values[100:] - forecast(line, stretch(200, 40, seed=0))[100:]
    assert np.sqrt((error**2).mean()) < 1


def test_a_series_of_one_row_teaches_nothing_and_breaks_nothing() -> None:
    line = fit_ridge([stretch(1)])
    assert not line.kernel.any()
    assert not line.bias.any()


def test_the_first_row_of_a_stretch_has_no_forecast_and_the_second_has() -> None:
    one = stretch(50)
    line = fit_ridge([one])
    present = np.ones((1, 50), np.bool_)
    present[0, :7] = False
    result = predict(line, one.values[None], one.context[None], present)[0]
    assert np.isnan(result[:8]).all()
    assert np.isfinite(result[8:]).all()


def test_a_sensor_that_never_moves_is_forecast_where_it_stands() -> None:
    one = stretch(300)
    values = one.values.copy()
    values[:, 1] = 2.5
    line = fit_ridge([Series(0, values, one.known, one.context)])
    np.testing.assert_allclose(forecast(line, Series(0, values, one.known, one.context))[1:, 1], 2.5, atol=1e-4)
