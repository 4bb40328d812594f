from __future__ import annotations

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from anomaly_lstm.level import Float64, Level, fit_level, level_from
from tests.toys import autoregressive


def driven(n_rows: int, seed: int = 0) -> tuple[Float64, Float64]:
    """Sensors that follow the context, its square, and nothing; and the context."""
    rng = np.random.default_rng(seed)
    context = autoregressive(rng, n_rows, 1, 0.97)
    sensors = np.hstack([10 + 3 * context, 20 + context**2, np.full_like(context, 30.0)])
    return sensors + 0.1 * rng.standard_normal(sensors.shape), context


def taught(n_rows: int = 2000) -> Level:
    values, context = driven(n_rows)
    return fit_level([(values, context)], np.median(values, axis=0), values.std(axis=0))


def along(level: Level, context: Float64) -> Float64:
    return level.expected(context, level.start(context[0]))[0]


def test_the_level_follows_what_depends_on_the_context() -> None:
    values, context = driven(800, seed=1)
    left = values - along(taught(), context)
    assert (left.std(axis=0) < [0.5, 0.6, 0.2]).all()
    assert (values.std(axis=0)[:2] > [2.0, 0.8]).all()


def test_a_slow_drift_of_a_sensor_cannot_hide_from_the_level() -> None:
    values, context = driven(800, seed=1)
    drift = np.linspace(0, 5, 800)
    left = values[:, 0] + drift - along(taught(), context)[:, 0]
    assert left[-100:].mean() > 3.5


def test_without_context_the_level_is_the_training_centre() -> None:
    values = driven(300)[0]
    level = fit_level([(values, np.empty((300, 0)))], np.array([1.0, 2.0, 3.0]), np.ones(3))
    assert along(level, np.empty((5, 0))).tolist() == [[1.0, 2.0, 3.0]] * 5


def test_a_context_that_explains_nothing_leaves_the_centre_nearly_alone() -> None:
    rng = np.random.default_rng(3)
    values, context = rng.standard_normal((1500, 2)), autoregressive(rng, 1500, 1, 0.97)
    level = fit_level([(values, context)], np.zeros(2), np.ones(2))
    assert np.abs(along(level, context[:1000])).max() < 0.5


def test_few_rows_give_the_centre() -> None:
    values, context = driven(10)
    level = fit_level([(values, context)], np.array([10.0, 20.0, 30.0]), np.ones(3))
    assert along(level, context).tolist() == [[10.0, 20.0, 30.0]] * 10


def test_no_rows_at_all_give_a_level() -> None:
    assert along(fit_level([], np.array([1.0]), np.ones(1)), np.empty((2, 0))).tolist() == [[1.0], [1.0]]


def test_a_constant_context_gives_finite_levels() -> None:
    values = driven(500)[0]
    level = fit_level([(values, np.full((500, 1), 7.0))], values.mean(axis=0), values.std(axis=0))
    assert np.isfinite(along(level, np.array([[7.0], [9.0]]))).all()


def test_a_context_beyond_training_counts_as_the_edge_of_it() -> None:
    level = taught()
    far = np.full((1, 1), 1e6)
    np.testing.assert_array_equal(along(level, far), along(level, level.context_high[None]))


def test_missing_values_teach_nothing_and_break_nothing() -> None:
    values, context = driven(1500)
    values[100:200, 0] = np.nan
    level = fit_level([(values, context)], np.nanmedian(values, axis=0), np.nanstd(values, axis=0))
    fresh, driver = driven(500, seed=2)
    assert (fresh - along(level, driver)).std(axis=0)[0] < 0.7


@given(st.integers(1, 999))
@settings(max_examples=20, deadline=None)
def test_a_level_depends_on_rows_up_to_it_only(n: int) -> None:
    level, context = LEVEL, CONTEXT
    assert along(level, context[:n]).tobytes() == along(level, context)[:n].tobytes()


def test_the_level_goes_on_from_its_state() -> None:
    first, state = LEVEL.expected(CONTEXT[:512], LEVEL.start(CONTEXT[0]))
    second, _ = LEVEL.expected(CONTEXT[512:], state)
    np.testing.assert_allclose(np.vstack([first, second]), along(LEVEL, CONTEXT), atol=1e-12)


def test_a_level_survives_its_arrays() -> None:
    again = level_from(LEVEL.arrays())
    assert along(again, CONTEXT).tobytes() == along(LEVEL, CONTEXT).tobytes()


LEVEL, CONTEXT = taught(), driven(1000, seed=4)[1]
