from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from anomaly_lstm.scaling import Float64, fit_scaler


def test_centre_and_spread_of_a_normal_sensor_are_its_mean_and_standard_deviation() -> None:
    values = np.random.default_rng(0).normal(40.0, 3.0, (20_000, 1))
    scaler = fit_scaler(values)
    np.testing.assert_allclose(scaler.centre, 40.0, atol=0.1)
    np.testing.assert_allclose(scaler.spread, 3.0, rtol=0.03)


def test_a_few_wild_values_move_the_scale_little() -> None:
    values = np.random.default_rng(0).normal(40.0, 3.0, (2000, 1))
    wild = values.copy()
    wild[:20] = 100.0
    calm, shaken = fit_scaler(values), fit_scaler(wild)
    assert abs(float(shaken.centre[0] - calm.centre[0])) < 0.2
    assert shaken.spread[0] < 1.2 * calm.spread[0]


def test_a_sensor_that_rests_and_jumps_keeps_a_finite_scale() -> None:
    values = np.zeros((1000, 1))
    values[::50] = 10.0
    scaler = fit_scaler(values)
    assert scaler.spread[0] > 0.1
    assert np.abs(scaler.scale(values)).max() < 100


def test_a_constant_sensor_has_a_hundredth_of_its_value_as_its_spread() -> None:
    scaler = fit_scaler(np.full((100, 1), 250.0))
    np.testing.assert_allclose(scaler.spread, 2.5)
    assert scaler.scale(np.full((3, 1), 250.0)).tolist() == [[0.0]] * 3


def test_the_resolution_is_the_smallest_step_that_is_no_rounding_noise() -> None:
    values = np.round(np.random.default_rng(0).normal(20.0, 2.0, (500, 1)) / 0.5) * 0.5
    assert fit_scaler(values).resolution[0] == 0.5
    noisy = values + 1e-12 * np.random.default_rng(1).standard_normal(values.shape)
    np.testing.assert_allclose(fit_scaler(noisy).resolution, 0.5)


def test_a_sensor_without_any_value_has_a_scale_all_the_same() -> None:
    scaler = fit_scaler(np.full((5, 1), np.nan))
    assert (scaler.centre[0], scaler.spread[0]) == (0.0, 1.0)


def test_missing_values_are_left_out_of_the_scale() -> None:
    values = np.random.default_rng(0).normal(0.0, 1.0, (200, 1))
    holed = np.vstack([values, np.full((100, 1), np.nan)])
    assert fit_scaler(holed).spread[0] == fit_scaler(values).spread[0]


def test_what_lies_far_outside_training_is_held_and_missing_stays_missing() -> None:
    scaler = fit_scaler(np.linspace(0.0, 10.0, 101)[:, None])
    far, edge = scaler.scale(np.array([[1e9], [20.0]]))
    assert far == edge
    assert np.isnan(scaler.scale(np.array([[np.nan]]))[0, 0])


def test_the_scaler_of_some_sensors_scales_as_the_whole_does() -> None:
    values = np.random.default_rng(0).standard_normal((50, 3)) * [1.0, 10.0, 100.0]
    scaler = fit_scaler(values)
    np.testing.assert_array_equal(scaler.select([2, 0]).scale(values[:, [2, 0]]), scaler.scale(values)[:, [2, 0]])


@given(arrays(np.float64, (12, 2), elements=st.floats(-1e12, 1e12) | st.just(np.nan)))
def test_every_scale_is_finite_and_positive(values: Float64) -> None:
    scaler = fit_scaler(values)
    assert np.isfinite(scaler.centre).all()
    assert (scaler.spread > 0).all()
    assert (scaler.resolution > 0).all()
    assert np.isfinite(scaler.scale(np.nan_to_num(values))).all()


# ---------------------------------------------------------------- what training saw


def unseen(training: list[float], value: float) -> bool:
    known = fit_scaler(np.array(training)[:, None]).seen(0)
    return known is not None and bool(known.unseen(np.array([value]))[0])


def test_what_lies_clearly_beyond_the_training_range_is_unseen() -> None:
    winter = list(np.linspace(2.0, 22.0, 201))
    assert not any(unseen(winter, value) for value in (2.0, 22.0, 22.9, 1.1, np.nan))
    assert unseen(winter, 23.1)
    assert unseen(winter, 0.9)


def test_a_context_that_was_constant_and_changes_is_unseen() -> None:
    assert unseen([50.0] * 9, 51.0)
    assert not unseen([50.0] * 9, 50.04)
    assert unseen([0.0] * 9, 1.0)
    assert not unseen([0.0] * 9, 0.0)


def test_the_kinds_that_training_saw_are_seen_and_the_next_kind_is_not() -> None:
    assert not unseen([0.0, 1.0, 1.0], 0.0)
    assert not unseen([0.0, 1.0, 1.0], 1.0)
    assert unseen([0.0, 1.0, 1.0], 2.0)
    assert unseen([1.0, 2.0, 3.0], 4.0)
    assert not unseen([1.0, 2.0, 3.0], 1.5)  # the mean of a row's interval


def test_nothing_is_unseen_of_a_sensor_that_never_had_a_value() -> None:
    assert fit_scaler(np.full((9, 1), np.nan)).seen(0) is None
    assert fit_scaler(np.zeros((9, 1))).seen(0) is not None


def test_a_wild_value_that_taught_belongs_to_what_training_saw() -> None:
    assert not unseen([20.0, 21.0, 22.0, 200.0], 34.0)


def test_how_far_outside_is_told_in_training_ranges() -> None:
    known = fit_scaler(np.array([10.0, 15.0, 20.0])[:, None]).seen(0)
    assert known is not None
    assert known.excess(np.array([25.0, 15.0, 5.0, np.nan])).tolist() == [0.5, 0.0, 0.5, 0.0]
    constant = fit_scaler(np.full((9, 1), 50.0)).seen(0)
    assert constant is not None
    assert constant.excess(np.array([60.0]))[0] > 10
