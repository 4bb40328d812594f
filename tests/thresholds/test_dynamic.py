"""Telemanom's threshold: epsilon by hand, and what the curve makes of it."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from anomaly_lstm.thresholds import dynamic
from anomaly_lstm.thresholds.contract import Float64
from anomaly_lstm.thresholds.dynamic import FEW, HISTORY, PRUNED, epsilon, record_of, sequences, typical

PERIOD_S = 60.0


def body(n: int, seed: int = 0) -> Float64:
    return np.random.default_rng(seed).exponential(size=n)


def with_rows(n_ones: int, **rows: float) -> Float64:
    """Ones, with other scores at the places ``r<row>``."""
    scores = np.ones(n_ones + len(rows))
    for place, score in rows.items():
        scores[int(place[1:])] = score
    return scores


def epsilon_of(*stretches: Float64) -> float:
    return epsilon(record_of(stretches))


# ---------------------------------------------------------------- epsilon


def test_epsilon_of_one_high_row_by_hand() -> None:
    """Nine ones and an 11: mean 2, variance (9·1² + 9²)/10 = 9, std 3, candidates 8, 9.5, 11 …

    8 and 9.5 leave out the 11: (1/2 + 3/3) / (1 row + 1²) = 0.75. Nothing is above 11. The higher of the equals: 9.5.
    """
    assert epsilon_of(with_rows(9, r4=11.0)) == pytest.approx(9.5)


def test_two_high_rows_beside_each_other_are_one_sequence() -> None:
    """18 ones, 9, 11: mean 1.9, std √(220/20 − 1.9²) = 2.718; candidates 7.34, 8.70, 10.06, 11.41 …

    Over 8.70 lie both rows: (0.9/1.9 + 1) / (2 + 1²) = 0.491. Over 10.06 lies the 11: what is left has mean 27/19 and
    std √(99/19 − (27/19)²) = 1.786, so (0.479/1.9 + 0.932/2.718) / (1 + 1²) = 0.297.
    """
    std = np.sqrt(11 - 1.9**2)
    assert epsilon_of(with_rows(18, r7=9.0, r8=11.0)) == pytest.approx(1.9 + 2.5 * std)


APART = with_rows(18, r7=9.0, r12=11.0)
"""As before, but two sequences: 1.474 / (2 + 2²) = 0.246 over 8.70, and again 0.297 over 10.06, which wins."""


def test_two_high_rows_apart_count_as_four() -> None:
    assert dynamic._explained(record_of([APART]), 8.70, 0.0) == pytest.approx(0.2456, abs=1e-4)
    assert dynamic._explained(record_of([APART]), 10.06, 0.0) == pytest.approx(0.2975, abs=1e-4)


def test_epsilon_is_raised_to_what_would_not_be_pruned() -> None:
    """The 11 stands out from the 9 by 2/11 = 0.18 and stays; the next must stand out from the 9 as well."""
    assert epsilon_of(APART) == pytest.approx(9.0 / (1 - PRUNED))
    assert epsilon_of(APART) < 11.0


def test_a_sequence_that_does_not_stand_out_is_pruned() -> None:
    """18 ones, 10 and 11 apart: the best limit, 10.5, lies between the two, but 1/11 = 0.09 is less than 0.13."""
    scores = with_rows(18, r7=10.0, r12=11.0)
    assert epsilon_of(scores) == pytest.approx(11.0 / (1 - PRUNED))


def test_pruning_ends_at_the_last_large_step_down() -> None:
    """Peaks 20, 19, 15, 14 over rows up to 13: 19 → 15 is the last step by more than 0.13, so 15 and 14 are pruned."""
    scores = np.array([1.0, 20, 1, 19, 1, 15, 1, 14, 13, 1])
    assert dynamic._highest_normal(record_of([scores]), 13.5, 0.0) == 15.0
    assert dynamic._highest_normal(record_of([scores]), 25.0, 0.0) == 20.0


def test_where_no_row_is_high_epsilon_is_two_standard_deviations_or_what_stands_out() -> None:
    assert epsilon_of(np.array([0.0, 1.0] * 50)) == pytest.approx(0.5 + 2 * 0.5)
    assert epsilon_of(np.array([4.0, 5.0] * 50)) == pytest.approx(5.0 / (1 - PRUNED))


def test_a_sequence_ends_with_its_stretch_and_not_at_a_missing_row() -> None:
    both = with_rows(18, r7=9.0, r8=11.0)
    assert epsilon_of(both[:8], both[8:]) == pytest.approx(epsilon_of(APART))
    assert epsilon_of(np.insert(both, 8, np.nan)) == epsilon_of(both)


def test_epsilon_is_the_typical_one_of_the_newest_histories() -> None:
    scores = body(3 * HISTORY)
    scores[:100] += 1000.0
    assert typical(record_of([scores]))[0] < 20.0
    assert typical(record_of([np.r_[np.full(50, 1e6), scores[-HISTORY:]]])) == typical(record_of([scores[-HISTORY:]]))


@pytest.mark.parametrize("n", [600, HISTORY, 5 * HISTORY])
def test_epsilon_lies_between_the_body_and_a_burst(n: int) -> None:
    rng = np.random.default_rng(3)
    calm = rng.uniform(0.5, 1.5, n)
    burst = slice(n - 200, n - 170)
    scores = calm.copy()
    scores[burst] = rng.uniform(9.0, 11.0, 30)
    limit, _ = typical(record_of([scores]))
    assert calm.max() < limit < scores[burst].min()
    curve = dynamic.fit([scores], PERIOD_S)
    assert (curve.return_period_s(scores[burst]) >= n * PERIOD_S * (1 - 1e-6)).all()
    assert (curve.return_period_s(calm) < n * PERIOD_S / (FEW - 1)).all()


# ---------------------------------------------------------------- the curve


def test_sequences_are_counted_and_pieces_of_one_are_one() -> None:
    scores = np.array([0.0, 3, 0, 3, 0, 3, 0, 5, 9, 5, 9, 5, 9, 5, 0, 3])
    level, count = sequences(record_of([scores]))
    assert level.tolist() == [3.0, 5.0, 9.0]
    assert count.tolist() == [5.0, 1.0, 1.0]
    assert sequences(record_of([scores[:2], scores[2:]]))[1].tolist() == [5.0, 1.0, 1.0]
    assert sequences(record_of([scores[:9], scores[9:]]))[1].tolist() == [6.0, 2.0, 2.0]


def test_where_the_record_has_a_few_sequences_they_are_counted() -> None:
    """Ten steps of three rows, ten higher by one, and so on: N over 10, 20 … sequences."""
    peaks = np.random.default_rng(0).permutation(np.repeat(np.arange(2.0, 8.0), 10))
    scores = np.concatenate([[1.0, peak, peak, peak] for peak in peaks])
    curve = dynamic.fit([scores], PERIOD_S)
    for peak, reach in zip(range(2, 8), range(60, 0, -10), strict=True):
        assert curve.return_period_s(np.array([float(peak)]))[0] == pytest.approx(len(scores) * PERIOD_S / reach)


@pytest.mark.parametrize("n", [200, 1000, HISTORY])
def test_epsilon_has_the_longest_return_period_that_the_record_can_show(n: int) -> None:
    scores = np.random.default_rng(1).uniform(1.0, 2.0, n)
    limit, spread = typical(record_of([scores]))
    assert limit > scores.max()
    at, above = dynamic.fit([scores], PERIOD_S).return_period_s(np.array([limit, limit + spread])) / (n * PERIOD_S)
    assert at == pytest.approx(1.0)
    assert 0.7 * np.e < above < np.e, "beyond the record every return period is doubted"


def test_an_epsilon_that_the_record_often_crosses_has_the_return_period_it_shows() -> None:
    scores = body(20 * HISTORY)
    limit, spread = typical(record_of([scores]))
    crossed = int((scores >= limit).sum())
    assert crossed > FEW, "nothing to see"
    curve = dynamic.fit([scores], PERIOD_S)
    assert curve.return_period_s(np.array([limit]))[0] == pytest.approx(len(scores) * PERIOD_S / crossed, rel=0.3)
    fifth = np.sort(scores)[-FEW]
    two = curve.return_period_s(np.array([fifth, fifth + spread])) / (len(scores) * PERIOD_S)
    assert two == pytest.approx([1 / FEW, np.e / FEW])


@pytest.mark.parametrize("n", [1000, 5000, 30000])
def test_limits_keep_to_what_they_promise_a_little_beyond_the_record(n: int) -> None:
    """Observed over promised, mean of 20 records of independent scores, whose tail is known."""
    for times in (0.2, 1.0, 3.0):
        limits = [dynamic.fit([body(n, seed)], 1.0).limit(times * n) for seed in range(20)]
        assert 0.4 < np.mean(np.exp(-np.array(limits))) * times * n < 2.0


@pytest.mark.parametrize("value", [0.0, 0.25, -3.0, 1e6])
def test_constant_scores_are_normal_and_the_next_higher_is_not(value: float) -> None:
    curve = dynamic.fit([np.full(100, value)], PERIOD_S)
    same, high = curve.return_period_s(np.array([value, 1.5 * abs(value) + 1.0]))
    assert same == pytest.approx(100 * PERIOD_S / FEW)
    assert high > 100 * PERIOD_S


def test_a_record_that_only_rises_has_one_sequence_and_a_curve() -> None:
    scores = np.arange(100.0)
    period = dynamic.fit([scores], PERIOD_S).return_period_s(np.linspace(-10, 300, 100))
    assert (np.diff(period) > 0).all()
    assert period[-1] > 100 * PERIOD_S


@given(
    st.lists(
        st.lists(st.sampled_from([0.0, 0.1, 0.5, 1.0, 1.0 + 1e-12, 7.0, np.nan]), max_size=30), min_size=1, max_size=20
    )
)
@settings(max_examples=60, deadline=None)
def test_short_stretches_ties_and_holes_give_a_strict_curve_and_twice_the_same(rows: list[list[float]]) -> None:
    stretches = [np.array(one, float) for one in [*rows, [0.2] * 40]]
    curve, again = (dynamic.fit(stretches, PERIOD_S) for _ in range(2))
    assert (np.diff(curve.score) > 0).all()
    assert (np.diff(curve.log_period) > 0).all()
    assert np.isfinite(curve.return_period_s(np.linspace(-10, 50, 200))).all()
    for name, array in curve.arrays().items():
        assert array.tobytes() == again.arrays()[name].tobytes()


def test_forty_stretches_of_one_row_are_enough() -> None:
    curve = dynamic.fit([np.array([score]) for score in body(40)], PERIOD_S)
    assert curve.normal_s == 40 * PERIOD_S
    assert curve.limit(40 * PERIOD_S) > np.sort(body(40))[-FEW]


def test_what_it_was_given_stays_as_it_was() -> None:
    scores = body(500)
    before = scores.copy()
    dynamic.fit([scores], PERIOD_S)
    assert scores.tobytes() == before.tobytes()
