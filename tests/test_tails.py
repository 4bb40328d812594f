from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from scipy.signal import lfilter
from scipy.stats import norm

from anomaly_lstm.tails import (
    Float64,
    Rarity,
    Tail,
    exponential_tail,
    extremal_index,
    fit_rarity,
    predictive_tail,
)
from anomaly_lstm.thresholds import return_period

Make = Callable[[np.random.Generator, int], Float64]


def independent(rng: np.random.Generator, n: int) -> Float64:
    """Exponential, each row on its own: extremal index 1."""
    return rng.exponential(size=n)


def moving_maximum(rng: np.random.Generator, n: int) -> Float64:
    """The largest of the last five exponential values: high rows come in fives, extremal index 1/5."""
    return np.asarray(np.lib.stride_tricks.sliding_window_view(rng.exponential(size=n + 4), 5).max(axis=1))


def slow_noise(rng: np.random.Generator, n: int) -> Float64:
    """A Gaussian AR(1) as −log p: rows lean on each other, and the less the higher they are."""
    noise = rng.standard_normal(n + 100) * np.sqrt(1 - 0.8**2)
    return np.asarray(-norm.logsf(lfilter([1.0], [1.0, -0.8], noise)[100:]))


def at(rarity: Rarity, value: float) -> float:
    return float(np.interp(value, rarity.value, rarity.minus_log_p))


@pytest.mark.parametrize("n", [500, 5000])
def test_how_rare_an_exponential_value_is_comes_out_far_beyond_the_sample(n: int) -> None:
    found = [fit_rarity([independent(np.random.default_rng(seed), n)], predictive_tail) for seed in range(10)]
    for value in (2.0, np.log(n), np.log(n) + 3):
        assert np.mean([at(r, float(value)) for r in found]) == pytest.approx(value, rel=0.15)


def test_a_heavy_tail_is_seen_as_heavier() -> None:
    rng = np.random.default_rng(0)
    heavy = [fit_rarity([np.expm1(0.2 * rng.exponential(size=4000)) / 0.2], predictive_tail) for _ in range(10)]
    light = [fit_rarity([rng.exponential(size=4000)], predictive_tail) for _ in range(10)]
    beyond = 20.0  # −log p is 8.0 for the Pareto tail of shape 0.2, and 20 for the exponential one
    assert np.mean([at(r, beyond) for r in heavy]) == pytest.approx(5 * np.log1p(0.2 * beyond), rel=0.2)
    assert np.mean([at(r, beyond) for r in light]) > 14


@pytest.mark.parametrize(("make", "truth"), [(independent, 1.0), (moving_maximum, 0.2)])
def test_the_extremal_index_is_one_over_the_mean_cluster_size(make: Make, truth: float) -> None:
    samples = [make(np.random.default_rng(seed), 4000) for seed in range(10)]
    assert np.mean([extremal_index([s], s) for s in samples]) == pytest.approx(truth, rel=0.3)


@pytest.mark.parametrize("stretches", [1, 8, 40])
def test_the_extremal_index_is_the_same_however_many_stretches_there_are(stretches: int) -> None:
    """Most times between clusters end in another stretch than they began."""
    found = []
    for seed in range(10):
        rng = np.random.default_rng(seed)
        some = [moving_maximum(rng, 4000 // stretches) for _ in range(stretches)]
        found.append(extremal_index(some, np.concatenate(some)))
    assert np.exp(np.mean(np.log(found))) == pytest.approx(0.2, rel=0.3)


def test_no_cluster_spans_two_stretches() -> None:
    rng = np.random.default_rng(0)
    whole = moving_maximum(rng, 4000)
    alone = [whole[[row]] for row in range(0, 4000, 5)]
    assert extremal_index(alone, np.concatenate(alone)) == 1.0


@pytest.mark.parametrize("trainings", [50, pytest.param(200, marks=pytest.mark.slow)])
@pytest.mark.parametrize("make", [independent, moving_maximum, slow_noise])
def test_the_budget_is_kept_on_average_over_many_trainings(make: Make, trainings: int) -> None:
    """Trainings on 500 normal rows each; one cluster is promised in as long a time, and in three times as long."""
    n, longer = 500, 15
    observed = {1: 0, 3: 0}
    for seed in range(trainings):
        rng = np.random.default_rng(seed)
        curve = return_period.fit([make(rng, n)], 1.0)
        fresh = make(rng, longer * n)
        for reach in observed:
            high = np.flatnonzero(fresh >= curve.limit(reach * n))
            observed[reach] += int((np.diff(high) > 20).sum()) + (len(high) > 0)
    for reach, count in observed.items():
        assert 0.5 < count / (trainings * longer / reach) < 2


@given(
    stretches=st.lists(
        arrays(np.float64, st.integers(1, 60), elements=st.floats(-50, 1e4) | st.just(np.nan)), min_size=1, max_size=4
    )
)
@settings(max_examples=100, deadline=None)
@pytest.mark.parametrize("tail", [predictive_tail, exponential_tail])
def test_the_rarer_the_higher_whatever_the_sample(tail: Tail, stretches: list[Float64]) -> None:
    if sum(int(np.isfinite(s).sum()) for s in stretches) < 20:
        return
    rarity = fit_rarity(stretches, tail)
    assert np.isfinite(rarity.minus_log_p).all()
    assert (np.diff(rarity.minus_log_p) >= -1e-12).all()
    assert 0 < rarity.theta <= 1


def test_stretches_may_come_in_any_order() -> None:
    rng = np.random.default_rng(0)
    stretches = [moving_maximum(rng, n) for n in (400, 30, 700)]
    one, other = fit_rarity(stretches, predictive_tail), fit_rarity(stretches[::-1], predictive_tail)
    assert one.theta == pytest.approx(other.theta, rel=0.1), "only the times over the ends of stretches differ"
    np.testing.assert_allclose(one.minus_log_p, other.minus_log_p, rtol=0.02)
