from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from anomaly_lstm.errors import UsageError
from anomaly_lstm.sensor_rules import SensorRule, SensorRules, rules_from
from anomaly_lstm.tables import State
from anomaly_lstm.telemetry import MAX_HOLE, AssetQuality, Float64, Grid, Int64, Telemetry, reach_us, to_grid

SECOND = 1_000_000
EACH = Grid(SECOND)
NAN = float("nan")


def place(
    seconds: Sequence[float], values: Sequence[float], rule: SensorRule, **more: Any
) -> tuple[Telemetry, AssetQuality]:
    times = np.array([round(s * SECOND) for s in seconds], np.int64)
    return to_grid(
        "a", times, ("x",), np.array(values, np.float64)[:, None], EACH, rules=SensorRules({"x": rule}), **more
    )


def column(seconds: Sequence[float], values: Sequence[float], rule: SensorRule) -> list[float]:
    return [round(v, 9) for v in place(seconds, values, rule)[0].values[:, 0].tolist()]


# ---------------------------------------------------------------- several values in one interval


@pytest.mark.parametrize(
    ("aggregate", "becomes"), [("mean", 3.0), ("last", 1.0), ("max", 6.0), ("min", 1.0), ("sum", 9.0)]
)
def test_several_values_of_an_interval_become_what_the_rule_says(aggregate: str, becomes: float) -> None:
    rule = SensorRule(aggregate)
    assert column([0.5, 0.2, 0.9, 2], [6, 2, 1, 8], rule) == pytest.approx([becomes, 8])


@pytest.mark.parametrize("order", [[0, 1, 2], [2, 1, 0], [1, 2, 0]])
def test_the_last_value_does_not_depend_on_the_order_of_rows_of_one_time(order: list[int]) -> None:
    seconds, values = np.array([0.2, 0.9, 0.9])[order], np.array([9.0, 1.0, 3.0])[order]
    assert column(seconds.tolist(), values.tolist(), SensorRule("last")) == [2.0]
    assert column(seconds.tolist(), values.tolist(), SensorRule("sum")) == [11.0]


# ---------------------------------------------------------------- held values


def test_a_value_counts_on_for_so_long_and_then_is_missing() -> None:
    telemetry, quality = place([1, 8], [5, 7], SensorRule(hold_us=3 * SECOND))
    assert telemetry.values[:, 0].tolist() == pytest.approx([5, 5, 5, 5, NAN, NAN, NAN, 7], nan_ok=True)
    assert telemetry.state.tolist() == [State.SCORED] * 4 + [State.NO_DATA] * 3 + [State.SCORED]
    assert (quality.rows_in, quality.rows, quality.held, quality.holes) == (2, 2, 3, 3)


def test_no_value_counts_on_after_the_last_row_for_time_may_have_stopped_there() -> None:
    telemetry, _ = place([1, 3], [5, 7], SensorRule(hold_us=100 * SECOND))
    assert telemetry.values[:, 0].tolist() == [5, 5, 7]


def test_only_sensors_with_a_hold_count_on() -> None:
    rules = SensorRules({"valve": SensorRule(hold_us=60 * SECOND)})
    values = np.array([[1.0, 1.0], [NAN, 2.0], [NAN, 3.0]])
    times = np.array([1, 2, 5]) * SECOND
    telemetry, quality = to_grid("a", times, ("valve", "flow"), values, EACH, rules=rules)
    assert telemetry.values[:, 0].tolist() == [1, 1, 1, 1, 1]
    assert telemetry.values[:, 1].tolist() == pytest.approx([1, 2, NAN, NAN, 3], nan_ok=True)
    assert (quality.rows, quality.held, quality.holes) == (3, 2, 0)


def test_the_rule_of_all_others_holds_for_sensors_that_have_none() -> None:
    rules = SensorRules({"x": SensorRule()}, SensorRule(hold_us=60 * SECOND))
    values = np.array([[1.0, 1.0], [2.0, NAN]])
    telemetry, _ = to_grid("a", np.array([1, 3]) * SECOND, ("x", "y"), values, EACH, rules=rules)
    assert telemetry.values[:, 1].tolist() == [1, 1, 1]
    assert np.isnan(telemetry.values[1, 0])


def test_a_sensor_that_rests_because_it_is_held_is_not_stuck() -> None:
    seconds = [*range(1, 300), 2000, 2001]
    moving = np.random.default_rng(0).standard_normal(len(seconds)).tolist()
    _, quality = place(seconds, moving, SensorRule(hold_us=10_000 * SECOND))
    assert quality.sensors[0].stuck_rows == 0


# ---------------------------------------------------------------- lines


def test_a_line_gives_the_value_of_the_hold_ago_between_those_before_and_after_it() -> None:
    rule = SensorRule(hold_us=4 * SECOND, interpolate="linear")
    assert column([0, 4, 8, 12], [0, 4, 0, 8], rule)[4:] == [0, 1, 2, 3, 4, 3, 2, 1, 0][:9]


def test_a_line_is_a_step_where_no_value_came_after() -> None:
    rule = SensorRule(hold_us=2 * SECOND, interpolate="linear")
    rules = SensorRules({"x": rule})
    values = np.array([[1.0, 0], [NAN, 0], [NAN, 0], [NAN, 0], [5.0, 0]])
    telemetry, _ = to_grid("a", np.arange(5) * SECOND, ("x", "clock"), values, EACH, rules=rules)
    assert telemetry.values[:, 0].tolist() == pytest.approx([NAN, NAN, 1, 1, 3], nan_ok=True)


# ---------------------------------------------------------------- counters


def test_a_counter_becomes_its_rate_per_hour() -> None:
    assert column([0, 1, 2, 4], [100, 101, 101, 107], SensorRule(type="counter")) == pytest.approx(
        [NAN, 3600, 0, NAN, 3 * 3600], nan_ok=True
    )
    assert column([0, 1], [100, 102], SensorRule(type="counter", per="s")) == pytest.approx([NAN, 2], nan_ok=True)


def test_a_rate_is_the_mean_over_time_not_over_values() -> None:
    rule = SensorRule(type="counter", per="s")
    assert column([0, 0.1, 1], [0, 1, 1], rule) == pytest.approx([NAN, 1], nan_ok=True)


def test_a_counter_that_falls_has_no_rate_there_and_is_counted() -> None:
    telemetry, quality = place([0, 1, 2, 3], [100, 110, 3, 5], SensorRule(type="counter", per="s"))
    assert telemetry.values[:, 0].tolist() == pytest.approx([NAN, 10, NAN, 2], nan_ok=True)
    assert quality.sensors[0].falls == 1


def test_a_counter_known_to_roll_over_loses_nothing() -> None:
    rule = SensorRule(type="counter", per="s", rolls_over_at=1000)
    telemetry, quality = place([0, 1, 2], [990, 997, 3], rule)
    assert telemetry.values[1:, 0].tolist() == [7, 6]
    assert quality.sensors[0].falls == 0


def test_a_counter_says_nothing_of_a_gap() -> None:
    gap = MAX_HOLE + 1
    rule = SensorRule(type="counter", per="s")
    assert column([0, gap], [0, gap], rule)[-1] == 1
    assert np.isnan(column([0, gap + 1], [0, gap + 1], rule)[-1])
    held = SensorRule(type="counter", per="s", hold_us=100 * SECOND)
    assert column([0, gap + 1, gap + 3], [0, gap + 1, gap + 3], held)[-3:] == [1, 1, 1]


# ---------------------------------------------------------------- angles


def test_an_angle_becomes_two_sensors_and_its_mean_is_that_of_the_vector() -> None:
    rules = SensorRules({"wind": SensorRule(type="angle")})
    values = np.array([[1.0, 359.0], [2.0, 1.0]])
    telemetry, _ = to_grid("a", np.array([1, 1]) * SECOND, ("load", "wind"), values, EACH, rules=rules)
    assert telemetry.sensors == ("load", "wind.cos", "wind.sin")
    assert telemetry.values[0].tolist() == pytest.approx([1.5, math.cos(math.radians(1)), 0], abs=1e-12)


def test_the_sensors_of_an_angle_are_known_both_ways() -> None:
    rules = SensorRules({"wind": SensorRule(type="angle")})
    assert rules.made_of(("load", "wind")) == ("load", "wind.cos", "wind.sin")
    assert rules.measured(("wind.sin", "load", "wind.cos")) == ("wind", "load")


def test_an_angle_may_not_take_the_name_of_a_sensor() -> None:
    rules = SensorRules({"wind": SensorRule(type="angle")})
    with pytest.raises(UsageError, match=r"'wind.cos'"):
        to_grid("a", np.array([1]), ("wind", "wind.cos"), np.ones((1, 2)), EACH, rules=rules)


# ---------------------------------------------------------------- rules as such


def test_a_unit_is_that_of_the_rate() -> None:
    rules = SensorRules({"total": SensorRule(type="counter", per="min"), "wind": SensorRule(type="angle")})
    assert rules.units({"total": "m³", "flow": "m³/h", "wind": "°"}) == {"flow": "m³/h", "total": "m³/min"}


def test_rules_come_back_from_their_document() -> None:
    rules = SensorRules(
        {"a": SensorRule("last", 60 * SECOND), "b": SensorRule(type="counter", rolls_over_at=1e6), "c": SensorRule()},
        SensorRule(hold_us=SECOND),
    )
    assert rules_from(rules.document()) == rules
    assert SensorRules().document() == {}


# ---------------------------------------------------------------- laws of all rules together

RULES = st.builds(
    SensorRule,
    aggregate=st.sampled_from(["mean", "last", "max", "min", "sum"]),
    hold_us=st.sampled_from([0, 1, 2_500_000, 7_000_000, 60_000_000]),
) | st.sampled_from(
    [
        SensorRule(hold_us=2_000_000, interpolate="linear"),
        SensorRule(hold_us=9_500_000, interpolate="linear"),
        SensorRule(type="counter"),
        SensorRule(type="counter", hold_us=5_000_000, rolls_over_at=50),
        SensorRule(type="angle"),
        SensorRule(type="angle", hold_us=4_000_000),
    ]
)
NAMES = ("x", "y")


@st.composite
def plants(draw: st.DrawFn) -> tuple[Int64, Float64, Any, dict[str, Any]]:
    """Rows in any order, whether the asset ran on them, and rules."""
    steps = draw(st.lists(st.sampled_from([0, 300_000, 700_000, 1_000_000, 5_000_000, 40_000_000]), max_size=40))
    order = list(draw(st.permutations(range(len(steps)))))
    time_us = np.cumsum(np.array(steps, np.int64))[order] - 20_000_000
    cells = draw(
        st.lists(st.sampled_from([NAN, 1.0, 2.0, 50.0, 359.0]), min_size=2 * len(steps), max_size=2 * len(steps))
    )
    values = np.array(cells, np.float64).reshape(len(steps), 2)
    ran = draw(st.lists(st.sampled_from([-1, 0, 1]), min_size=len(steps), max_size=len(steps)))
    until = draw(st.sampled_from([0, 3_000_000, 30_000_000]))
    rules = SensorRules({name: draw(RULES) for name in NAMES})
    settle_us = draw(st.sampled_from([0, 2_000_000, 15_000_000]))
    max_hole = draw(st.integers(0, 12))
    return (
        time_us,
        values,
        (np.array(ran, np.int8), until),
        {
            "rules": rules,
            "settle_us": settle_us,
            "max_hole": max_hole,
        },
    )


def gridded(rows: Any, plant: Any, since: int | None = None) -> tuple[Telemetry, AssetQuality]:
    time_us, values, (ran, until), setting = plant
    return to_grid(
        "a",
        time_us[rows],
        NAMES,
        values[rows],
        EACH,
        running=ran[rows],
        running_until_us=time_us[rows] + until,
        since=since,
        **setting,
    )


@given(plants())
@settings(max_examples=300, deadline=None)
def test_every_row_is_on_the_grid_or_counted_by_whatever_rules(plant: Any) -> None:
    telemetry, quality = gridded(slice(None), plant)
    assert quality.rows_in == len(plant[0])
    assert quality.rows_in == quality.rows + quality.merged + quality.without_value
    assert quality.rows + quality.held == (telemetry.state != State.NO_DATA).sum()
    assert (telemetry.state == State.NO_DATA).sum() == quality.holes + quality.gaps
    assert quality.out_of_state == (telemetry.state == State.OUT_OF_STATE).sum() >= quality.settling
    assert (np.diff(telemetry.index) > 0).all()
    useful = np.isfinite(plant[1]).any(axis=1)
    assert set(EACH.index(plant[0][useful]).tolist()) <= set(telemetry.index.tolist())


@given(plants(), st.integers(-30, 200))
@settings(max_examples=300, deadline=None)
def test_a_grid_row_depends_on_nothing_that_was_measured_after_it(plant: Any, end: int) -> None:
    whole, _ = gridded(slice(None), plant)
    part, _ = gridded(EACH.index(plant[0]) <= end, plant)
    np.testing.assert_array_equal(part.index, whole.index[: len(part)])
    np.testing.assert_array_equal(part.values, whole.values[: len(part)])
    np.testing.assert_array_equal(part.state, whole.state[: len(part)])


@given(plants(), st.integers(-30, 200))
@settings(max_examples=300, deadline=None)
def test_the_rows_of_a_slice_need_only_those_within_reach_before_it(plant: Any, since: int) -> None:
    whole, all_counted = gridded(slice(None), plant)
    rules, settle_us, max_hole = (plant[3][name] for name in ("rules", "settle_us", "max_hole"))
    reach = max(reach_us(EACH, max_hole, rules, settle_us), plant[2][1] + settle_us)
    near = plant[0] > EACH.time_of(since) - EACH.period_us - reach
    part, counted = gridded(near, plant, since)
    rest = np.flatnonzero(whole.index >= since)
    rest = rest[np.flatnonzero(whole.state[rest] != State.NO_DATA)[:1].sum() :]
    np.testing.assert_array_equal(part.index, whole.index[rest])
    np.testing.assert_array_equal(part.values, whole.values[rest])
    np.testing.assert_array_equal(part.state, whole.state[rest])
    before, _ = gridded(slice(None), plant)
    first, earlier = gridded(EACH.index(plant[0]) < since, plant)
    assert len(first) <= len(before)
    assert earlier.rows_in + counted.rows_in == all_counted.rows_in
    assert earlier.rows + counted.rows == all_counted.rows
    assert earlier.merged + counted.merged == all_counted.merged


@given(plants(), st.randoms(use_true_random=False))
@settings(max_examples=100, deadline=None)
def test_the_order_of_rows_changes_nothing(plant: Any, random: Any) -> None:
    order = list(range(len(plant[0])))
    random.shuffle(order)
    one, other = gridded(slice(None), plant)[0], gridded(order, plant)[0]
    np.testing.assert_array_equal(one.index, other.index)
    np.testing.assert_allclose(one.values, other.values, atol=1e-9)
    np.testing.assert_array_equal(one.state, other.state)
