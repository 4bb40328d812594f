from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from scipy.stats import multivariate_normal

from anomaly_lstm.evidence import (
    Evidence,
    Float64,
    Judged,
    _strength,
    _surprise,
    _whitener,
    advance,
    chunks,
    enough_of_mode,
    evidence_from,
    fit_evidence,
    judge,
    start,
)
from anomaly_lstm.windows import CHUNK
from tests.toys import autoregressive

N_SENSORS = 4


def healthy_errors(n_rows: int, seed: int) -> Float64:
    """Deviations of a healthy machine in sensor units: every two sensors strongly coupled, units 100 times apart."""
    rng = np.random.default_rng(seed)
    view = rng.standard_normal((2, n_rows, N_SENSORS))
    view[1] = autoregressive(rng, n_rows, N_SENSORS, 0.7)
    shared = rng.standard_normal((2, n_rows, 2))
    view[..., :2] = shared[..., :1] + 0.2 * view[..., :2]
    view[..., 2:] = shared[..., 1:] + 0.2 * view[..., 2:]
    return np.asarray(view * [0.1, 1.0, 10.0, 10.0])


TAUGHT: Evidence = fit_evidence([healthy_errors(1500, seed) for seed in range(2)], np.full(N_SENSORS, 1e-3))


def judged(deviations: Float64, *, first: int = 0, live: NDArray[np.bool_] | None = None) -> Judged:
    return judge(TAUGHT, first, deviations, np.ones(deviations.shape[1], bool) if live is None else live)


def test_a_normal_row_is_seldom_called_rarer_than_it_is() -> None:
    score = judged(healthy_errors(3000, 9)).score
    for odds in (5, 20, 100):
        assert np.mean(score > np.log(odds)) < 2 / odds


def test_shares_and_the_weights_of_the_views_sum_to_one() -> None:
    result = judged(healthy_errors(300, 9))
    np.testing.assert_allclose(result.shares.sum(axis=1), 1.0)
    np.testing.assert_allclose(result.weights.sum(axis=1), 1.0)
    assert (result.shares >= 0).all()
    assert (result.weights >= 0).all()


@pytest.mark.parametrize("guilty", range(N_SENSORS))
def test_a_jump_raises_the_score_at_once_and_points_at_its_sensor(guilty: int) -> None:
    errors = healthy_errors(400, 9)
    errors[0, 300, guilty] += 8 * errors[0, :, guilty].std()
    result = judged(errors)
    assert np.argmax(result.score) == 300
    assert result.score[300] > np.delete(result.score, slice(300, 340)).max() + 2
    assert np.argmax(result.shares[300]) == guilty


def test_a_slow_drift_raises_the_score_long_before_a_single_row_would() -> None:
    errors = healthy_errors(600, 9)
    errors[1, 300:, 2] += np.linspace(0, 1.5, 300) * errors[1, :, 2].std()
    result = judged(errors)
    assert np.median(result.score[550:]) > np.log(1e3)
    assert np.argmax(result.shares[550:].mean(axis=0)) == 2
    assert np.argmax(result.weights[550:].mean(axis=0)) == 1


def test_a_small_offset_that_stays_is_seen_by_the_slow_evidence() -> None:
    errors = healthy_errors(600, 9)
    errors[0, 400:, 0] += 0.6 * errors[0, :, 0].std()
    result = judged(errors)
    assert np.median(result.score[500:]) > np.median(result.score[:400]) + 3


def test_an_oscillation_about_what_is_expected_raises_the_score() -> None:
    errors = healthy_errors(600, 9)
    errors[0, 400:, 3] += 4 * errors[0, :, 3].std() * np.where(np.arange(200) % 2, 1, -1)
    result = judged(errors)
    assert np.median(result.score[400:]) > np.quantile(result.score[:400], 0.99)
    assert np.argmax(result.shares[400:].mean(axis=0)) == 3


def test_a_lost_coupling_raises_the_score_though_each_sensor_keeps_its_range() -> None:
    errors = healthy_errors(600, 9)
    errors[0, 400:, 0] = np.random.default_rng(5).permutation(errors[0, 400:, 0])
    result = judged(errors)
    assert np.mean(result.score[400:]) > np.mean(result.score[:400]) + 1.5
    assert result.shares[400:, :2].mean(axis=0).sum() > 0.65


def test_a_wild_row_does_not_hold_the_evidence_for_long() -> None:
    errors = healthy_errors(600, 9)
    errors[:, 300, 1] = 1e9
    result = judged(errors)
    assert np.isfinite(result.score).all()
    assert result.score[300] == result.score.max()
    assert result.score[-40:].max() < np.log(1e4)


# ---------------------------------------------------------------- missing sensors and rows


@pytest.mark.parametrize("gone", range(N_SENSORS))
def test_a_missing_sensor_has_no_share_and_makes_nothing_stranger(gone: int) -> None:
    errors = healthy_errors(1500, 9)
    lacking = errors.copy()
    lacking[:, 200:, gone] = np.nan
    whole, result = judged(errors), judged(lacking)
    assert np.isfinite(result.score).all()
    np.testing.assert_array_equal(result.shares[200:, gone], 0.0)
    np.testing.assert_allclose(result.shares.sum(axis=1), 1.0)
    assert np.quantile(result.score[300:], 0.95) < np.quantile(whole.score[300:], 0.95) + 1
    assert result.score[200:].max() < whole.score[200:].max() + 3


def test_what_the_others_say_is_still_heard_while_a_sensor_is_missing() -> None:
    errors = healthy_errors(400, 9)
    errors[:, 200:, 0] = np.nan
    errors[0, 300, 3] += 8 * errors[0, :, 3].std()
    result = judged(errors)
    assert np.argmax(result.score) == 300
    assert np.argmax(result.shares[300]) == 3


def test_a_view_without_an_opinion_is_silent_and_the_other_speaks() -> None:
    errors = healthy_errors(300, 9)
    errors[0] = np.nan
    result = judged(errors)
    assert np.isfinite(result.score).all()
    np.testing.assert_array_equal(result.weights[:, 0], 0.0)
    assert (result.weights[:, 1] > 0).all()


def test_rows_that_are_not_live_have_no_score_and_leave_the_evidence_alone() -> None:
    errors = healthy_errors(300, 9)
    errors[1, :, 2] += errors[1, :, 2].std()
    live = np.ones(300, bool)
    live[100:150] = False
    wild = errors.copy()
    wild[:, 100:150] = 1e6
    result, untouched = judged(errors, live=live), judged(wild, live=live)
    assert np.isnan(result.score).tolist() == (~live).tolist()
    assert untouched.score.tobytes() == result.score.tobytes()


def test_after_a_hole_the_evidence_goes_on_where_it_stood() -> None:
    errors = healthy_errors(400, 9)
    errors[1, 100:, 2] += 1.2 * errors[1, :, 2].std()
    live = np.ones(410, bool)
    live[250:260] = False
    holed = np.insert(errors, [250] * 10, np.nan, axis=1)
    result = judged(holed, live=live)
    np.testing.assert_allclose(result.score[live], judged(errors).score, rtol=1e-5)
    afresh = judged(errors[:, 250:]).score
    assert result.score[260] > afresh[0] + 2


# ---------------------------------------------------------------- a fold

LONG = healthy_errors(2 * CHUNK + 300, 9)
LONG[:, 50:400, 1] = np.nan
LIVE = np.arange(LONG.shape[1]) % 37 != 5


@given(st.integers(1, LONG.shape[1]), st.sampled_from([0, 7, CHUNK - 1, 123_456_789]))
@settings(max_examples=25, deadline=None)
def test_a_score_depends_on_rows_up_to_it_only_bit_for_bit(n: int, first: int) -> None:
    whole, part = judged(LONG, first=first, live=LIVE), judged(LONG[:, :n], first=first, live=LIVE[:n])
    assert part.score.tobytes() == whole.score[:n].tobytes()
    assert part.shares.tobytes() == whole.shares[:n].tobytes()
    assert part.weights.tobytes() == whole.weights[:n].tobytes()


@given(st.integers(0, 3 * CHUNK), st.integers(0, 5 * CHUNK))
def test_chunks_cover_a_stretch_and_end_on_absolute_rows(n_rows: int, first: int) -> None:
    parts = list(chunks(first, n_rows))
    assert [row for part in parts for row in range(part.start, part.stop)] == list(range(n_rows))
    assert all((first + part.stop) % CHUNK == 0 for part in parts[:-1])


@pytest.mark.parametrize("first", [0, 700])
def test_the_state_at_a_chunk_end_is_all_that_is_needed_to_go_on(first: int) -> None:
    whole = judged(LONG, first=first)
    state = start(TAUGHT)
    for part in chunks(first, LONG.shape[1]):
        kept = state.copy()
        state, result = advance(TAUGHT, state, LONG[:, part])
        assert result.score.tobytes() == whole.score[part].tobytes()
        assert advance(TAUGHT, kept, LONG[:, part])[0].tobytes() == state.tobytes()


@given(st.integers(1, 399))
@settings(max_examples=20, deadline=None)
def test_split_anywhere_the_recursion_goes_on_with_the_same_scores(cut: int) -> None:
    errors = LONG[:, :400]
    state, first = advance(TAUGHT, start(TAUGHT), errors[:, :cut])
    _, second = advance(TAUGHT, state, errors[:, cut:])
    np.testing.assert_allclose(np.r_[first.score, second.score], judged(errors).score, rtol=1e-5, atol=1e-5)


def test_the_evidence_survives_its_arrays() -> None:
    again = evidence_from(TAUGHT.arrays())
    result = judge(again, 0, LONG, LIVE)
    assert result.score.tobytes() == judged(LONG, live=LIVE).score.tobytes()


# ---------------------------------------------------------------- odd sensors


def test_a_sensor_that_never_erred_is_judged_by_its_resolution() -> None:
    errors = healthy_errors(800, 0)
    errors[..., 1] = 0.0
    evidence = fit_evidence([errors], np.array([1e-3, 0.5, 1e-3, 1e-3]))
    fresh = healthy_errors(200, 9)
    fresh[..., 1] = 0.0
    calm = judge(evidence, 0, fresh, np.ones(200, bool))
    fresh[0, 150, 1] = 50.0
    shaken = judge(evidence, 0, fresh, np.ones(200, bool))
    assert np.isfinite(calm.score).all()
    assert calm.score.max() < np.log(1e4)
    assert shaken.score[150] > calm.score[150] + 3
    assert np.argmax(shaken.shares[150]) == 1


def test_a_sensor_missing_all_through_the_calibration_breaks_nothing() -> None:
    errors = healthy_errors(800, 0)
    errors[..., 1] = np.nan
    evidence = fit_evidence([errors], np.ones(N_SENSORS))
    result = judge(evidence, 0, healthy_errors(200, 9)[:, :, :], np.ones(200, bool))
    assert np.isfinite(result.score).all()


def test_one_sensor_alone_can_be_judged() -> None:
    evidence = fit_evidence([healthy_errors(800, 0)[..., :1]], np.array([1e-3]))
    fresh = healthy_errors(200, 9)[..., :1]
    fresh[0, 100] += 1.0
    result = judge(evidence, 0, fresh, np.ones(200, bool))
    assert np.argmax(result.score) == 100
    np.testing.assert_allclose(result.shares, 1.0)


def test_a_stuck_sensor_is_strange_though_it_stays_where_it_was() -> None:
    errors = healthy_errors(900, 9)
    errors[:, 500:, 2] = 0.0
    result = judged(errors)
    assert np.median(result.score[600:]) > np.quantile(result.score[:500], 0.99)
    assert np.argmax(result.shares[600:].mean(axis=0)) in (2, 3)


def test_half_lives_that_the_history_cannot_tell_are_left_out() -> None:
    few = fit_evidence([healthy_errors(300, 0)], np.full(N_SENSORS, 1e-3))
    many = fit_evidence([healthy_errors(4000, 0)], np.full(N_SENSORS, 1e-3))
    assert max(s.half_life for s in few.statistics) == 8.0
    assert max(s.half_life for s in many.statistics) == 128.0


# ---------------------------------------------------------------- modes


def test_rows_of_a_mode_are_judged_by_its_own_spread() -> None:
    """A mode ten times as restless as the other is as strange as it."""
    group = np.arange(3000) // 300 % 2 + 1
    restless = np.where(group == 2, 10.0, 1.0)[:, None]
    learned = fit_evidence([healthy_errors(3000, 1) * restless], np.full(N_SENSORS, 1e-3), [group], 3)
    np.testing.assert_allclose(learned.own_spread[1] / learned.own_spread[0], 10.0, rtol=0.3)
    fresh, live = healthy_errors(3000, 2) * restless, np.ones(3000, bool)
    own = judge(learned, 0, fresh, live, group).score
    assert np.median(own[group == 1]) == pytest.approx(np.median(own[group == 2]), rel=0.2)


def test_rows_that_are_all_common_are_judged_as_without_modes() -> None:
    common = judge(TAUGHT, 0, LONG, LIVE, np.zeros(LONG.shape[1], np.int64))
    assert common.score.tobytes() == judged(LONG, live=LIVE).score.tobytes()


@pytest.mark.parametrize(
    ("visits", "enough"), [([240], False), ([120, 119], False), ([120, 120], True), ([1, 239], True)]
)
def test_a_mode_needs_rows_and_visits(visits: list[int], enough: bool) -> None:
    row = np.concatenate([np.r_[np.ones(n, bool), False] for n in visits])
    assert enough_of_mode([row]) is enough
    assert enough_of_mode(np.split(row, [visits[0]])) is enough


def test_the_surprise_of_rows_is_what_the_normal_law_says() -> None:
    rng = np.random.default_rng(5)
    rows, other = rng.normal(size=(60, 7)), rng.normal(size=(40, 7))
    moments, covariance = rows.T @ rows / 60, other.T @ other / 40
    told = multivariate_normal(np.zeros(7), covariance).logpdf(rows).mean()
    assert _surprise(moments, covariance) == pytest.approx(-2 * told - 7 * np.log(2 * np.pi), rel=1e-9)
    assert _surprise(moments, -covariance) == np.inf


def test_the_strength_of_rows_is_their_distance_after_whitening() -> None:
    rng = np.random.default_rng(6)
    rows, other = rng.normal(size=(60, 7)), rng.normal(size=(40, 7)) @ rng.normal(size=(7, 7))
    covariance = other.T @ other / 40
    whitened = ((rows @ _whitener(covariance)) ** 2).sum(axis=1)
    np.testing.assert_allclose(_strength(rows, covariance), whitened, rtol=1e-9)
