"""Weights, intervals and the walk through time."""

from __future__ import annotations

from itertools import product

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from anomaly_lstm import combination
from anomaly_lstm.combination import Trials, backtest, between, quantiles, simplex, weigh

Float64 = NDArray[np.float64]
ONE = np.ones(1)


def trials(came: Float64, said: Float64, *, stride: int = 1, steps: tuple[int, ...] = (1,)) -> Trials:
    """Origins ``stride`` rows apart; ``came`` (n, n_steps), ``said`` (n, n_steps, n_members) of one sensor."""
    n = len(came)
    naive = {"persistence": said[:, :, None, 0]}
    at = np.arange(n) * stride
    return Trials(at, stride, np.array(steps), said[:, :, None], came[:, :, None], naive, np.ones(n, bool))


def noisy(rng: np.random.Generator, n: int, *noise: float) -> tuple[Float64, Float64]:
    """Outcomes, and members that miss them by so much."""
    came = rng.normal(size=(n, 1))
    return came, np.stack([came + size * rng.normal(size=came.shape) for size in noise], axis=-1)


def walk(rng: np.random.Generator, n: int, steps: tuple[int, ...]) -> Trials:
    """The last value of a random walk, and the same a tenth off, as forecasts of it."""
    path = np.cumsum(rng.normal(size=n + max(steps)))
    came = np.stack([path[step : step + n] for step in steps], axis=1)
    last = np.broadcast_to(path[:n, None], came.shape)
    return trials(came, np.stack([last, last + 0.1], axis=-1), steps=steps)


@given(st.integers(0, 10_000), st.integers(1, 5))
@settings(max_examples=40, deadline=None)
def test_the_weights_on_the_simplex_are_the_best_there(seed: int, n: int) -> None:
    rng = np.random.default_rng(seed)
    half = rng.normal(size=(n + 2, n))
    second = half.T @ half + 1e-6 * np.eye(n)
    best = simplex(second)
    assert (best >= 0).all()
    assert best.sum() == pytest.approx(1)
    for parts in product(range(5), repeat=n):
        if sum(parts):
            other = np.array(parts) / sum(parts)
            assert best @ second @ best <= other @ second @ other + 1e-9


def test_a_member_that_is_right_gets_nearly_all_the_weight() -> None:
    came, said = noisy(np.random.default_rng(0), 200, 0.01, 1.0, 2.0)
    (weights,) = weigh(trials(came, said), np.ones((200, 1), bool), ONE)[0]
    assert weights[0] > 0.95


def test_members_that_err_alike_but_apart_share_the_weight_and_err_less_together() -> None:
    came, said = noisy(np.random.default_rng(1), 2000, 1.0, 1.0)
    (weights,) = weigh(trials(came, said), np.ones((2000, 1), bool), ONE)[0]
    assert weights == pytest.approx([0.5, 0.5], abs=0.05)
    assert np.abs(came - said @ weights).mean() < 0.8 * np.abs(came - said[..., 0]).mean()


def test_without_an_outcome_all_members_weigh_alike() -> None:
    came, said = noisy(np.random.default_rng(2), 20, 0.1, 1.0)
    assert weigh(trials(came, said), np.zeros((20, 1), bool), ONE) == pytest.approx(0.5)


def test_a_rare_jump_does_not_move_the_weights_from_a_member_that_is_nearly_always_right() -> None:
    rng = np.random.default_rng(3)
    came, said = noisy(rng, 300, 0.01, 1.0)
    came[::30] += 40
    (weights,) = weigh(trials(came, said), np.ones((300, 1), bool), ONE)[0]
    assert weights[0] > 0.9


def test_outcomes_not_yet_known_change_no_weight_and_no_interval() -> None:
    some = walk(np.random.default_rng(4), 120, (1, 10))
    known = some.known_by(60)
    later = Trials(
        some.at, 1, some.steps, some.said, np.where(known[..., None], some.came, 1e6), some.naive, some.fresh
    )
    assert np.array_equal(weigh(some, known, ONE), weigh(later, known, ONE))
    errors = [one.came - one.said[..., 0] for one in (some, later)]
    assert np.array_equal(quantiles(some, errors[0], known), quantiles(later, errors[1], known))


def test_an_outcome_changes_no_error_of_a_block_that_began_before_it_came() -> None:
    some = walk(np.random.default_rng(5), 120, (4,))
    came = some.came.copy()
    came[-1] += 1000.0
    (_, before), (_, after) = (
        backtest(Trials(some.at, 1, some.steps, some.said, c, some.naive, some.fresh), ONE) for c in (some.came, came)
    )
    judged = 60
    assert (after.error - before.error) * judged == pytest.approx(1000, rel=0.02)  # its own error alone


@pytest.mark.parametrize("steps", [(1,), (1, 20)])
def test_the_interval_of_a_random_walk_holds_four_of_five(steps: tuple[int, ...]) -> None:
    inside = [backtest(walk(np.random.default_rng(seed), 600, steps), ONE)[1].inside for seed in range(30)]
    assert np.mean(inside, axis=0) == pytest.approx(combination.INSIDE, abs=0.05)


def test_the_interval_has_the_width_that_is_known() -> None:
    blend, _ = backtest(walk(np.random.default_rng(6), 4000, (1,)), ONE)
    low, middle, high = blend.quantiles[:, 0, 0]
    assert high - low == pytest.approx(2 * 1.2816, rel=0.08)
    assert abs(middle) < 0.1


@given(st.integers(0, 10_000))
@settings(max_examples=30, deadline=None)
def test_intervals_never_cross_at_any_step(seed: int) -> None:
    rng = np.random.default_rng(seed)
    steps = (1, 3, 8)
    some = walk(rng, int(rng.integers(12, 60)), steps)
    some.came[rng.random(some.came.shape) < 0.3] = np.nan
    blend, _ = backtest(some, ONE)
    low, middle, high = (between(some.steps, quantile, np.arange(1, 9)) for quantile in blend.quantiles)
    known = np.isfinite(low)
    assert (low[known] <= middle[known]).all()
    assert (middle[known] <= high[known]).all()


def test_few_independent_errors_widen_the_interval() -> None:
    rng = np.random.default_rng(7)
    came, said = noisy(rng, 30, 1.0)
    few = trials(came, said)
    errors = few.came - few.said[..., 0]
    low, _, high = quantiles(few, errors, np.ones((30, 1), bool))
    plain = np.quantile(errors, [0.1, 0.9])
    assert low[0, 0] < plain[0]
    assert high[0, 0] > plain[1]


def test_errors_that_share_rows_count_less_than_those_that_do_not() -> None:
    rng = np.random.default_rng(8)
    shared = walk(rng, 400, (25,))
    apart = trials(*noisy(rng, 400, 1.0), steps=(25,))
    (overlapping,), (own,) = (combination._dependence(one, one.came - one.said[..., 0]) for one in (shared, apart))
    assert own < 4
    assert 12 < overlapping < 50


def test_only_fresh_origins_judge() -> None:
    some = walk(np.random.default_rng(9), 120, (1,))
    fresh = np.arange(120) >= 100
    said = some.said.copy()
    said[60:100] += 50
    part = Trials(some.at, 1, some.steps, said, some.came, some.naive, fresh)
    _, skill = backtest(part, ONE)
    wrong = np.abs(some.came[100:] - some.naive["persistence"][100:]).mean()
    assert skill.naive["persistence"][0, 0] == pytest.approx(wrong)


def test_between_two_steps_a_figure_moves_on_a_line_over_their_logs() -> None:
    values = np.array([[0.0], [1.0], [3.0]])
    found = between(np.array([1, 4, 16]), values, np.array([1, 2, 4, 8, 16]))
    assert found[:, 0] == pytest.approx([0, 0.5, 1, 2, 3])
