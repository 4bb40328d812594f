"""What every threshold promises, run over the whole room."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from anomaly_lstm.errors import DataError
from anomaly_lstm.thresholds import THRESHOLDS
from anomaly_lstm.thresholds.contract import LONGEST_S, Curve, Float64, Threshold, curve_from, strictly_rising

PERIOD_S = 60.0
every_threshold = pytest.mark.parametrize("threshold", THRESHOLDS.values(), ids=THRESHOLDS)


def normal_scores(n: int, seed: int = 0) -> Float64:
    """Scores as evidence gives them: near-exponential, in clusters of three."""
    fresh = np.random.default_rng(seed).exponential(size=n + 2)
    return np.maximum(np.maximum(fresh[:-2], fresh[1:-1]), fresh[2:])


SAMPLES = {
    "usual": [normal_scores(2000)],
    "few": [normal_scores(40)],
    "many stretches": [normal_scores(7, seed) for seed in range(50)],
    "with holes": [np.where(np.arange(500) % 7 == 0, np.nan, normal_scores(500))],
    "all equal": [np.full(100, 0.25)],
    "coarse": [np.round(normal_scores(500))],
    "negative": [normal_scores(500) - 5],
    "one wild row": [np.r_[normal_scores(500), 400.0]],
    "tiny spread": [1.0 + 1e-9 * normal_scores(500)],
}


@every_threshold
@pytest.mark.parametrize("sample", SAMPLES)
def test_a_return_period_is_finite_positive_and_grows_with_the_score(threshold: Threshold, sample: str) -> None:
    scores = SAMPLES[sample]
    curve = threshold.fit(scores, PERIOD_S)
    known = np.concatenate(scores)
    known = known[np.isfinite(known)]
    width = max(np.ptp(known), 1.0)
    grid = np.unique(np.linspace(known.min() - width, known.max() + 10 * width, 3000).astype(np.float32))
    period = curve.return_period_s(grid)
    assert np.isfinite(period).all()
    assert (period > 0).all()
    assert (period <= LONGEST_S * (1 + 1e-9)).all()
    rising = (period[1:] < LONGEST_S * (1 - 1e-9)) & (period[:-1] > np.exp(-29.9))
    assert (np.diff(period)[rising] > 0).all()
    assert (np.diff(period) >= 0).all()


@every_threshold
def test_neighbouring_scores_as_stored_have_different_return_periods(threshold: Threshold) -> None:
    curve = threshold.fit(SAMPLES["usual"], PERIOD_S)
    for base in np.linspace(0.05, 12.0, 200, dtype=np.float32):
        steps = base + np.spacing(base) * np.arange(4, dtype=np.float32)
        period = curve.return_period_s(steps)
        assert (np.diff(period)[period[1:] < 0.99 * LONGEST_S] > 0).all()


@every_threshold
def test_the_rarest_score_is_capped(threshold: Threshold) -> None:
    curve = threshold.fit(SAMPLES["usual"], PERIOD_S)
    assert curve.return_period_s(np.array([1e6, 1e30, np.inf])) == pytest.approx(LONGEST_S)


@every_threshold
def test_no_score_has_no_return_period(threshold: Threshold) -> None:
    curve = threshold.fit(SAMPLES["usual"], PERIOD_S)
    assert np.isnan(curve.return_period_s(np.array([np.nan, 1.0], np.float32))).tolist() == [True, False]


@every_threshold
def test_nothing_to_rate_gives_nothing(threshold: Threshold) -> None:
    assert threshold.fit(SAMPLES["usual"], PERIOD_S).return_period_s(np.empty(0)).shape == (0,)


@every_threshold
def test_a_curve_survives_its_arrays(threshold: Threshold) -> None:
    curve = threshold.fit(SAMPLES["usual"], PERIOD_S)
    scores = np.linspace(-1, 30, 500)
    again = curve_from(curve.arrays())
    assert again.return_period_s(scores).tobytes() == curve.return_period_s(scores).tobytes()
    assert again.normal_s == curve.normal_s


@every_threshold
@given(st.floats(PERIOD_S, LONGEST_S))
@settings(max_examples=50, deadline=None)
def test_the_limit_of_a_return_period_has_that_return_period(threshold: Threshold, wanted: float) -> None:
    curve = CURVES[threshold.NAME]
    if np.log(wanted) < curve.log_period[0]:
        return
    assert curve.return_period_s(np.array([curve.limit(wanted)]))[0] == pytest.approx(wanted, rel=1e-6)


@every_threshold
def test_the_normal_time_is_told(threshold: Threshold) -> None:
    assert threshold.fit(SAMPLES["with holes"], PERIOD_S).normal_s == np.isfinite(SAMPLES["with holes"][0]).sum() * 60


@every_threshold
def test_the_same_scores_at_half_the_period_are_twice_as_frequent(threshold: Threshold) -> None:
    slow, fast = (threshold.fit(SAMPLES["usual"], period) for period in (60.0, 30.0))
    scores = np.linspace(0.5, 8, 50)
    np.testing.assert_allclose(slow.return_period_s(scores) / fast.return_period_s(scores), 2.0, rtol=1e-3)


@every_threshold
@pytest.mark.parametrize("n", [0, 1, 39])
def test_too_few_normal_rows_are_refused_with_both_numbers(threshold: Threshold, n: int) -> None:
    with pytest.raises(DataError, match=rf"Only {n} normal rows.*at least 40"):
        threshold.fit([normal_scores(n), np.full(100, np.nan)], PERIOD_S)


@every_threshold
def test_no_stretch_at_all_is_refused(threshold: Threshold) -> None:
    with pytest.raises(DataError, match="Only 0 normal rows"):
        threshold.fit([], PERIOD_S)


@every_threshold
def test_a_stretch_much_shorter_than_the_return_period_is_silent(threshold: Threshold) -> None:
    """A hundredth of the return period of normal rows, 50 times: the budget allows half an alert in all of them."""
    n = 2000
    raised = 0
    for seed in range(50):
        limit = threshold.fit([normal_scores(n, seed)], 1.0).limit(n)
        raised += bool((normal_scores(n // 100, 1000 + seed) >= limit).any())
    assert raised <= 3


def test_return_periods_count_clusters_where_quantiles_count_rows() -> None:
    rng = np.random.default_rng(1)
    lasting = np.repeat(rng.exponential(size=500), 4)
    by_name = {name: threshold.fit([lasting], 1.0) for name, threshold in THRESHOLDS.items()}
    score = np.array([np.quantile(lasting, 0.98)])
    ratio = by_name["return_period"].return_period_s(score) / by_name["quantile"].return_period_s(score)
    assert 2 < ratio[0] < 8


@given(st.lists(st.tuples(st.floats(-100, 100), st.floats(0, 25)), min_size=1, max_size=20))
@settings(deadline=None)
def test_points_that_rise_weakly_make_a_curve_that_rises_strictly(points: list[tuple[float, float]]) -> None:
    score, log_period = np.array(points).T
    curve = strictly_rising(score, log_period, 1.0)
    assert (np.diff(curve.score) > 0).all()
    assert (np.diff(curve.log_period) > 0).all()
    assert np.isfinite(curve.return_period_s(np.linspace(-200, 200, 50))).all()


CURVES: dict[str, Curve] = {name: threshold.fit(SAMPLES["usual"], PERIOD_S) for name, threshold in THRESHOLDS.items()}
