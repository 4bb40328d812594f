from __future__ import annotations

import tracemalloc

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from anomaly_lstm.errors import DataError
from anomaly_lstm.tables import State
from anomaly_lstm.telemetry import (
    MAX_HOLE,
    AssetQuality,
    Float64,
    Grid,
    Int64,
    Telemetry,
    estimate_period,
    estimate_phase,
    stuck_rows,
    to_grid,
)

SECOND = 1_000_000
EACH = Grid(SECOND)


def times(*seconds: float) -> Int64:
    return np.array([round(s * SECOND) for s in seconds], np.int64)


def place(seconds: list[float], values: list[float] | None = None) -> tuple[Telemetry, AssetQuality]:
    column = np.array(values if values is not None else list(range(len(seconds))), np.float64)[:, None]
    return to_grid("a", times(*seconds), ("x",), column, EACH)


# ---------------------------------------------------------------- grid, period, phase


def test_a_grid_time_holds_what_was_measured_in_the_period_before_it_its_own_time_included() -> None:
    grid = Grid(10 * SECOND, phase_us=3 * SECOND)
    index = grid.index(times(3, 3.000001, 12.9, 13, 13.000001))
    assert grid.time_us(index).tolist() == times(3, 13, 13, 13, 23).tolist()


def test_nothing_is_measured_after_the_grid_time_that_holds_it() -> None:
    telemetry, _ = place([0.2, 1.7, 2.0])
    assert telemetry.time_us.tolist() == times(1, 2).tolist()
    assert telemetry.values[:, 0].tolist() == [0.0, 1.5]


def test_times_before_1970_are_placed_like_any_other() -> None:
    assert EACH.index(times(-1.5, -1, -0.5)).tolist() == [-1, -1, 0]


def test_the_period_is_the_most_common_step_whatever_gaps_there_are() -> None:
    assert estimate_period([times(0, 60, 120, 180, 9000), times(5, 65, 125)]) == 60 * SECOND


def test_the_period_of_jittered_rows_is_a_round_number() -> None:
    rng = np.random.default_rng(0)
    jittered = np.cumsum(rng.normal(600 * SECOND, 2 * SECOND, 500)).astype(np.int64)
    assert estimate_period([jittered]) == 600 * SECOND


@pytest.mark.parametrize("given_times", [[], [times()], [times(5)], [times(5, 5, 5)]])
def test_no_two_distinct_times_give_no_period(given_times: list[Int64]) -> None:
    with pytest.raises(DataError, match="--period"):
        estimate_period(given_times)


def test_the_phase_is_where_the_rows_lie_in_a_period() -> None:
    assert estimate_phase([times(12, 72, 132, 192)], 60 * SECOND) == 12 * SECOND
    assert estimate_phase([times(0, 60, 120)], 60 * SECOND) == 0


def test_a_row_of_another_phase_does_not_move_the_phase() -> None:
    regular = np.arange(100, dtype=np.int64) * 60 * SECOND + 12 * SECOND
    assert estimate_phase([np.r_[regular, times(7050)]], 60 * SECOND) == 12 * SECOND


@pytest.mark.parametrize("spread", [0.5, 2.0, 5.0])
def test_jittered_rows_keep_one_row_per_grid_time(spread: float) -> None:
    rng = np.random.default_rng(1)
    jittered = (np.arange(400) * 60 * SECOND + rng.uniform(-spread, spread, 400) * SECOND).astype(np.int64)
    grid = Grid(60 * SECOND, estimate_phase([jittered], 60 * SECOND))
    assert (np.diff(grid.index(jittered)) == 1).mean() > 0.95


# ---------------------------------------------------------------- rows


def test_several_rows_of_one_period_become_the_mean_of_what_each_sensor_has() -> None:
    values = np.array([[1.0, np.nan], [3.0, 5.0], [8.0, 8.0]])
    telemetry, quality = to_grid("a", times(0.5, 1.0, 2.0), ("x", "y"), values, EACH)
    assert telemetry.values.tolist() == [[2.0, 5.0], [8.0, 8.0]]
    assert (quality.rows_in, quality.rows, quality.merged) == (3, 2, 1)


def test_rows_in_any_order_give_the_same_telemetry_and_are_counted() -> None:
    straight, _ = place([1, 2, 3, 4], [10, 20, 30, 40])
    mixed, quality = place([2, 1, 4, 3], [20, 10, 40, 30])
    assert mixed.values.tolist() == straight.values.tolist()
    assert quality.out_of_order == 2


def test_repeated_times_are_counted() -> None:
    _, quality = place([1, 1, 1, 2])
    assert quality.duplicate_times == 2


def test_nothing_read_gives_empty_telemetry() -> None:
    telemetry, quality = to_grid("a", times(), ("x", "y"), np.empty((0, 2)), EACH)
    assert len(telemetry) == 0
    assert telemetry.values.shape == (0, 2)
    assert list(telemetry.stretches()) == []
    assert quality.rows_in == quality.rows == 0


def test_a_row_without_any_value_is_as_good_as_not_there() -> None:
    telemetry, quality = place([1, 2, 3], [1.0, np.nan, 3.0])
    assert telemetry.state.tolist() == [State.SCORED, State.NO_DATA, State.SCORED]
    assert quality.without_value == 1


def test_what_is_given_is_not_changed() -> None:
    time_us, values = times(3, 1, 2), np.array([[1.0], [np.nan], [2.0]])
    kept = time_us.copy(), values.copy()
    to_grid("a", time_us, ("x",), values, EACH)
    np.testing.assert_array_equal(time_us, kept[0])
    np.testing.assert_array_equal(values, kept[1])


# ---------------------------------------------------------------- holes and gaps


def test_a_hole_is_carried_row_by_row_inside_its_stretch() -> None:
    telemetry, quality = place([0, 1, 2 + MAX_HOLE, 3 + MAX_HOLE])
    assert telemetry.index.tolist() == list(range(4 + MAX_HOLE))
    assert telemetry.state[2 : 2 + MAX_HOLE].tolist() == [State.NO_DATA] * MAX_HOLE
    assert set(telemetry.stretch.tolist()) == {0}
    assert (quality.holes, quality.gaps) == (MAX_HOLE, 0)


def test_a_longer_gap_ends_the_stretch_and_leaves_one_row() -> None:
    telemetry, quality = place([0, 1, 3 + MAX_HOLE, 4 + MAX_HOLE])
    assert telemetry.index.tolist() == [0, 1, 2, 3 + MAX_HOLE, 4 + MAX_HOLE]
    assert telemetry.state.tolist() == [State.SCORED, State.SCORED, State.NO_DATA, State.SCORED, State.SCORED]
    assert telemetry.stretch.tolist() == [0, 0, -1, 1, 1]
    assert (quality.holes, quality.gaps, quality.longest_gap_us) == (0, 1, (MAX_HOLE + 1) * SECOND)


def test_a_gap_of_a_year_at_one_second_costs_no_memory() -> None:
    year = 365 * 86_400
    tracemalloc.start()
    telemetry, quality = place([0, 1, year, year + 1, 2 * year, 2 * year + 1])
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert len(telemetry) == 8
    assert quality.gaps == 2
    assert peak < 1_000_000


def test_stretches_are_the_continuous_rows() -> None:
    telemetry, _ = place([0, 1, 2, 100, 101])
    assert [(s.start, s.stop) for s in telemetry.stretches()] == [(0, 3), (4, 6)]


def test_leaving_rows_out_cuts_a_stretch() -> None:
    telemetry, _ = place([0, 1, 2, 3, 4])
    keep = np.array([True, True, False, True, True])
    assert [(s.start, s.stop) for s in telemetry.stretches(keep)] == [(0, 2), (3, 5)]


# ---------------------------------------------------------------- running or not


def test_rows_while_the_asset_is_off_are_out_of_state_and_keep_their_values() -> None:
    running = np.array([True, False, True])
    telemetry, _ = to_grid("a", times(1, 2, 3), ("x",), np.array([[1.0], [2.0], [3.0]]), EACH, running=running)
    assert telemetry.state.tolist() == [State.SCORED, State.OUT_OF_STATE, State.SCORED]
    assert telemetry.values[:, 0].tolist() == [1.0, 2.0, 3.0]
    assert telemetry.stretch.tolist() == [0, 0, 0]


def test_a_long_stop_ends_the_stretch() -> None:
    n = 2 * MAX_HOLE + 5
    running = np.ones(n, bool)
    running[2:-2] = False
    telemetry, _ = to_grid("a", times(*range(n)), ("x",), np.ones((n, 1)), EACH, running=running)
    assert telemetry.stretch.tolist() == [0, 0, *[-1] * (n - 4), 1, 1]


def test_a_period_in_which_the_asset_ran_at_all_counts_as_running() -> None:
    running = np.array([False, True])
    telemetry, _ = to_grid("a", times(0.5, 1.0), ("x",), np.ones((2, 1)), EACH, running=running)
    assert telemetry.state.tolist() == [State.SCORED]


# ---------------------------------------------------------------- laws of the grid


@st.composite
def raw_rows(draw: st.DrawFn) -> tuple[Int64, Float64]:
    steps = draw(st.lists(st.sampled_from([0, 300_000, 700_000, 1_000_000, 5_000_000, 40_000_000]), max_size=40))
    order = draw(st.permutations(range(len(steps))))
    time_us = np.cumsum(np.array(steps, np.int64))[list(order)] - 20_000_000
    known = draw(st.lists(st.booleans(), min_size=2 * len(steps), max_size=2 * len(steps)))
    values = np.where(np.array(known, bool), np.arange(2.0 * len(steps)), np.nan).reshape(len(steps), 2)
    return time_us, values


@given(raw_rows(), st.integers(0, 12))
@settings(max_examples=200, deadline=None)
def test_every_row_is_on_the_grid_or_counted(rows: tuple[Int64, Float64], max_hole: int) -> None:
    telemetry, quality = to_grid("a", rows[0], ("x", "y"), rows[1], EACH, max_hole=max_hole)
    assert quality.rows_in == len(rows[0])
    assert quality.rows_in == quality.rows + quality.merged + quality.without_value
    assert quality.rows == (telemetry.state != State.NO_DATA).sum()
    assert (telemetry.state == State.NO_DATA).sum() == quality.holes + quality.gaps


@given(raw_rows(), st.integers(0, 12))
@settings(max_examples=200, deadline=None)
def test_the_grid_is_never_larger_than_the_holes_around_the_rows_read(
    rows: tuple[Int64, Float64], max_hole: int
) -> None:
    telemetry, _ = to_grid("a", rows[0], ("x", "y"), rows[1], EACH, max_hole=max_hole)
    assert len(telemetry) <= max(1 + max_hole, 2) * len(rows[0])
    assert (np.diff(telemetry.index) > 0).all()


@given(raw_rows(), st.integers(0, 12))
@settings(max_examples=200, deadline=None)
def test_inside_a_stretch_grid_times_follow_each_other_without_a_break(
    rows: tuple[Int64, Float64], max_hole: int
) -> None:
    telemetry, _ = to_grid("a", rows[0], ("x", "y"), rows[1], EACH, max_hole=max_hole)
    for stretch in telemetry.stretches():
        assert (np.diff(telemetry.index[stretch]) == 1).all()
        assert telemetry.state[stretch.start] == telemetry.state[stretch.stop - 1] == State.SCORED


# ---------------------------------------------------------------- sensors that do not move


def test_a_sensor_that_never_changes_is_constant_and_not_stuck() -> None:
    _, quality = place(list(range(100)), [7.0] * 100)
    assert quality.sensors[0].constant
    assert (quality.sensors[0].stuck_stretches, quality.sensors[0].stuck_rows) == (0, 0)


def test_a_moving_sensor_that_stops_is_stuck_for_as_long_as_it_repeats() -> None:
    moving = np.random.default_rng(0).standard_normal(500)
    moving[100:250] = moving[100]
    assert stuck_rows(moving) == (1, 150)


def test_a_sensor_that_often_rests_is_not_stuck() -> None:
    resting = np.repeat(np.random.default_rng(0).standard_normal(30), 40)
    assert stuck_rows(resting) == (0, 0)


def test_missing_cells_and_the_range_of_each_sensor_are_counted() -> None:
    values = np.array([[1.0, np.nan], [5.0, np.nan], [np.nan, 2.0]])
    _, quality = to_grid("a", times(1, 2, 3), ("x", "y"), values, EACH)
    x, y = quality.sensors
    assert (x.missing, x.low, x.high) == (1, 1.0, 5.0)
    assert (y.missing, y.low, y.high) == (2, 2.0, 2.0)


def test_a_sensor_without_any_value_has_no_range() -> None:
    _, quality = to_grid("a", times(1, 2), ("x", "y"), np.array([[1.0, np.nan], [2.0, np.nan]]), EACH)
    assert (quality.sensors[1].missing, quality.sensors[1].low) == (2, None)


def test_a_time_with_several_values_is_told_apart_from_a_copy_of_a_row() -> None:
    time_us = np.array([0, 60, 60, 120, 120, 180, 180]) * 1_000_000
    nan = np.nan
    values = np.array([[1, 1], [2, nan], [2, 5], [3, nan], [4, nan], [nan, 1], [5, nan]])
    _, quality = to_grid("P1", time_us, ["a", "b"], values, Grid(60_000_000))
    assert quality.duplicate_times == 2  # the last two rows only measure different sensors
    assert quality.conflicting == 1
