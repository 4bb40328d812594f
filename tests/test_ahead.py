"""What is said at an origin rests on rows up to it, and the context ahead is what it is said to be."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray

from anomaly_lstm import ahead as saying
from anomaly_lstm.ahead import HELD, PLANNED, REPEATED, Ahead, Past, Plan, knots, widths
from anomaly_lstm.clock import DAY
from anomaly_lstm.deviations import deviations
from anomaly_lstm.telemetry import Grid, Telemetry, to_grid
from anomaly_lstm.trained import Trained
from tests import toys
from tests.toys import learned_line

Float64 = NDArray[np.float64]

ROWS = 1500


@pytest.fixture(scope="module")
def trained() -> Trained:
    return learned_line(toys.healthy(ROWS, seed=1))


def past_of(trained: Trained, values: Float64, left_out: tuple[int, ...] = ()) -> Past:
    asset = toys.telemetry(values, left_out=left_out)
    return Past(trained, asset, np.ones(len(asset), bool))


def held(n_ahead: int, n_context: int = 1) -> Ahead:
    return Ahead(n_ahead, np.zeros(n_context, np.int64), np.zeros(n_context, bool))


def daily(days: float, seed: int = 0) -> tuple[Telemetry, Trained]:
    """Ten minutes a row; the context is high from six to eighteen, the sensors follow it."""
    grid = Grid(10 * toys.MINUTE)
    n = int(days * 144)
    rng = np.random.default_rng(seed)
    load = np.where((np.arange(n) % 144 >= 36) & (np.arange(n) % 144 < 108), 5.0, 0.0)
    values = np.column_stack([load * gain + rng.normal(size=n) for gain in (1.0, 2.0, 3.0)] + [load])
    asset = to_grid("pump", toys.START + grid.period_us * np.arange(n), toys.names(), values, grid)[0]
    return asset, learned_line(values)


def test_the_network_one_row_ahead_says_what_scoring_expects_of_the_next_row(trained: Trained) -> None:
    past = past_of(trained, toys.healthy(400, seed=2))
    origins = np.array([3, 100, 398])
    coming = past.context[origins + 1]
    ahead = Ahead(1, np.ones(1, np.int64), np.zeros(1, bool))
    said = saying.said(past, origins, np.array([1]), ahead, None)[:, 0, :, 0]
    (apart,) = deviations(trained.learned, [(past.asset, slice(0, 400))])
    expected = past.scores[origins + 1] - apart[0][origins + 1]
    assert np.isfinite(coming).all()
    assert said == pytest.approx(expected, abs=1e-3)


@pytest.mark.parametrize("origin", [2, 63, 64, 700, 1203])
def test_nothing_after_an_origin_changes_what_is_said_there(trained: Trained, origin: int) -> None:
    values, steps = toys.healthy(ROWS, seed=3), np.array([1, 7, 40])
    changed = values.copy()
    changed[origin + 1 :] += 100.0
    whole, other, short = (past_of(trained, v) for v in (values, changed, values[: origin + 1]))
    said = [saying.said(p, np.array([origin]), steps, held(40), None) for p in (whole, other, short)]
    assert np.array_equal(said[0], said[1])
    assert np.array_equal(said[0], said[2])


def test_nothing_after_an_origin_changes_what_the_days_before_say() -> None:
    asset, trained = daily(5)
    origin, steps = 600, np.array([1, 30, 144, 200])
    changed = asset.values.copy()
    changed[origin + 1 :] = 99.0
    other = Telemetry(asset.asset, asset.sensors, asset.grid, asset.index, changed, asset.state, asset.stretch)
    repeated = Ahead(200, np.zeros(1, np.int64), np.ones(1, bool))
    said = [
        saying.said(Past(trained, one, np.ones(len(one), bool)), np.array([origin]), steps, repeated, None)
        for one in (asset, other)
    ]
    assert said[0].shape[-1] == len(saying.MEMBERS)
    assert np.array_equal(said[0], said[1])


def test_a_stretch_knows_nothing_of_the_one_before_it(trained: Trained) -> None:
    values = toys.healthy(600, seed=4)
    gap = tuple(range(300, 340))
    other = values.copy()
    other[:300] += 50
    one, two = (past_of(trained, v, left_out=gap) for v in (values, other))
    last, steps = np.array([len(one.asset) - 1]), np.array([1, 10])
    said = [saying.said(p, last, steps, held(10), None) for p in (one, two)]
    assert np.array_equal(said[0], said[1])


def test_a_context_is_held_until_its_plan_begins_and_after_it_ends(trained: Trained) -> None:
    past = past_of(trained, toys.healthy(200, seed=5))
    origin, minute = np.array([199]), toys.MINUTE
    now = int(past.asset.time_us[-1])
    plan = Plan(np.array([now - minute, now + 3 * minute, now + 5 * minute]), np.array([[7.0], [1.0], [2.0]]))
    ahead = Ahead(8, saying.reach_of(past, plan), np.zeros(1, bool))
    assert ahead.reach.tolist() == [5]
    future = saying._future(past, origin, ahead, plan)[0, :, 0]
    assert future.tolist() == [7.0, 7.0, 1.0, 1.0, 2.0, 2.0, 2.0, 2.0]


def test_past_origins_are_given_what_came_as_far_as_the_plan_reaches(trained: Trained) -> None:
    past = past_of(trained, toys.healthy(200, seed=6))
    future = saying._future(past, np.array([50]), Ahead(6, np.array([3]), np.zeros(1, bool)), None)[0, :, 0]
    assert future[:3] == pytest.approx(past.context[51:54, 0])
    assert future[3:] == pytest.approx(past.context[53, 0])


def test_a_context_with_a_habit_is_repeated_and_one_without_is_held() -> None:
    asset, trained = daily(6)
    past = Past(trained, asset, np.ones(len(asset), bool))
    origins, steps = np.arange(10, 800, 7), knots(144)
    assert saying.repeats(past, origins, steps).tolist() == [True]
    repeated = Ahead(144, np.zeros(1, np.int64), np.ones(1, bool))
    future = saying._future(past, origins[-1:], repeated, None)[0, :, 0]
    row = int(origins[-1])
    assert np.array_equal(future, past.context[row + 1 - 144 : row + 1, 0])

    wandering = asset.values.copy()
    wandering[:, -1] = np.cumsum(np.random.default_rng(1).normal(size=len(asset)))
    other = Telemetry(asset.asset, asset.sensors, asset.grid, asset.index, wandering, asset.state, asset.stretch)
    assert saying.repeats(Past(trained, other, past.normal), origins, steps).tolist() == [False]


def test_what_becomes_of_a_context_has_a_name(trained: Trained) -> None:
    for reach, repeated, word in ((3, True, PLANNED), (0, True, REPEATED), (0, False, HELD)):
        assert saying.ways(trained, Ahead(5, np.array([reach]), np.array([repeated]))) == {"c0": word}


@pytest.mark.parametrize(("days", "season"), [(2.9, 0), (3.0, 144), (9.0, 144)])
def test_there_is_a_season_of_a_day_from_three_days_on(days: float, season: int) -> None:
    asset, trained = daily(days)
    assert Past(trained, asset, np.ones(len(asset), bool)).season == season


def test_there_is_no_season_where_a_day_is_no_whole_number_of_rows(trained: Trained) -> None:
    grid = Grid(7 * 3600 * 1_000_000)
    values = toys.healthy(100, seed=8)
    asset = to_grid("pump", toys.START + grid.period_us * np.arange(100), toys.names(), values, grid)[0]
    assert DAY % grid.period_us
    assert Past(trained, asset, np.ones(100, bool)).season == 0


def test_the_value_of_a_day_before_is_never_from_after_the_origin() -> None:
    asset, trained = daily(6)
    past = Past(trained, asset, np.ones(len(asset), bool))
    steps = np.array([1, 143, 144, 145, 300])
    found = saying.days_before(past, np.arange(len(asset), dtype=float)[:, None], asset.index[[500]], steps, 2)
    assert found[0, :, 0, 0].tolist() == [500 + 1 - 144, 500 - 1, 500, 500 + 145 - 288, 500 + 300 - 432]
    assert (found <= 500).all()


@pytest.mark.parametrize("n_ahead", [1, 2, 3, 7, 48, 1440])
def test_the_judged_steps_hold_the_first_the_quarter_and_the_last_and_stand_for_all(n_ahead: int) -> None:
    steps = knots(n_ahead)
    assert {1, -(-n_ahead // 4), n_ahead} <= set(steps.tolist())
    assert (np.diff(steps) > 0).all()
    assert widths(steps).sum() == pytest.approx(n_ahead)
    assert len(steps) <= 2 * n_ahead.bit_length() + 2
