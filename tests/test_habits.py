from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray

from anomaly_lstm.habits import habit_of, hold_of, is_written_on_change, period_of, rest_of, steps_of

SECOND = 1_000_000
MINUTE = 60 * SECOND
DAY = 1440 * MINUTE


def steps(*seconds: float) -> NDArray[np.int64]:
    return np.array([round(s * SECOND) for s in seconds], np.int64)


def test_steps_are_between_the_values_of_a_sensor_not_between_rows() -> None:
    times = np.arange(6, dtype=np.int64) * SECOND
    assert steps_of(times[::-1], np.array([1, np.nan, 2, np.nan, np.nan, 3])).tolist() == steps(3, 2).tolist()


def test_sensors_that_come_with_every_row_leave_the_period_as_it_is() -> None:
    assert period_of({"a": steps(*[60] * 50), "b": steps(*[60] * 50)}, MINUTE) is None


def test_sensors_at_times_of_their_own_get_a_period_of_their_own_steps() -> None:
    own = {name: steps(*[60] * 50) for name in "abcdef"}
    assert period_of(own, 10 * SECOND) == MINUTE


def test_steps_of_no_common_length_give_a_round_period() -> None:
    rng = np.random.default_rng(0)
    own = {name: steps(*rng.exponential(100, 500)) for name in "ab"}
    assert period_of(own, SECOND) == MINUTE


def test_no_values_no_period() -> None:
    assert period_of({"a": steps()}, SECOND) is None
    assert habit_of(steps(), SECOND) is None


def hold(own: NDArray[np.int64], period_us: int = MINUTE, span_us: int = 30 * DAY) -> int | None:
    habit = habit_of(own, period_us)
    return hold_of(habit, period_us, span_us) if habit else None


def test_a_sensor_of_every_row_is_not_held_even_with_outages() -> None:
    assert hold(steps(*[60] * 500, 86_400, *[60] * 500)) is None


def test_a_slow_sensor_is_held_a_little_longer_than_its_step() -> None:
    assert hold(steps(*[3600] * 100)) == 120 * MINUTE


def test_a_sensor_that_is_written_when_it_changes_is_held_for_its_longest_usual_rest() -> None:
    rng = np.random.default_rng(0)
    found = hold(steps(*rng.exponential(300, 2000)))
    assert found is not None
    assert 20 * MINUTE <= found <= 60 * MINUTE


@pytest.mark.parametrize("span_us", [DAY, 2 * DAY])
def test_a_hold_that_the_record_is_too_short_for_is_none(span_us: int) -> None:
    assert hold(steps(*[4 * 3600] * 10), span_us=span_us) is None


def test_a_sensor_of_few_values_that_never_repeats_one_is_written_when_it_changes() -> None:
    rng = np.random.default_rng(0)
    polled = np.round(np.cumsum(rng.normal(0, 0.05, 2000)), 1).astype(np.float64)
    times = np.arange(2000, dtype=np.int64) * MINUTE
    changed = np.r_[True, np.diff(polled) != 0]
    assert is_written_on_change(times[changed], polled[changed])
    assert not is_written_on_change(times, polled)
    assert not is_written_on_change(times, rng.normal(size=2000))
    assert not is_written_on_change(times[:3], polled[:3])


def test_it_counts_on_for_its_longest_rest() -> None:
    assert rest_of(steps(60, 3000, 60)) == 60 * MINUTE
