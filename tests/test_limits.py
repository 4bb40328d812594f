from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray

from anomaly_lstm import limits
from anomaly_lstm.limits import BEYOND, CANNOT_SAY, ESTIMATE, NO_TREND, PENDING, TOO_LITTLE, Passage, healthy, passage

Float64 = NDArray[np.float64]

FIVE_MINUTES = 300_000_000
ONSET = 1500
NONE = np.empty((4000, 0))


def drifting(slope: float, *, seed: int = 0, noise: float = 0.3) -> Float64:
    """A sensor at 50 that drifts by ``slope`` per row from row `ONSET` on."""
    rng = np.random.default_rng(seed)
    value = 50 + noise * rng.standard_normal(len(NONE))
    value[ONSET:] += slope * np.arange(len(NONE) - ONSET)
    return value


def told(value: Float64, now: int, level: float, context: Float64 = NONE) -> Passage:
    return passage(value, healthy(value, context, ONSET), ONSET, now, level, FIVE_MINUTES)


def test_a_straight_drift_reaches_its_bound_within_the_interval() -> None:
    when = told(drifting(0.01), ONSET + 600, 60.0)
    assert when.state == ESTIMATE
    assert when.p10 is not None
    assert when.p50 is not None
    assert when.p90 is not None
    assert when.p10 <= when.p50 <= when.p90
    assert when.p50 == pytest.approx(400, rel=0.25)


def test_an_exponential_one_is_not_taken_for_a_straight_one() -> None:
    value = drifting(0.0)
    value[ONSET:] += np.exp(np.arange(len(value) - ONSET) / 200) * 0.1
    now = ONSET + 700  # 3.3 above, 10 is reached at 921
    when = told(value, now, 60.0)
    assert when.p50 == pytest.approx(221, rel=0.3)


def test_the_interval_holds_about_four_in_five() -> None:
    inside = []
    for seed in range(40):
        value = drifting(0.01, seed=seed, noise=0.8)
        reached = ONSET + int(np.argmax(value[ONSET:] >= 60.0))
        when = told(value, ONSET + 500, 60.0)
        if when.p10 is not None and when.p90 is not None:
            inside.append(when.p10 <= reached - (ONSET + 500) <= when.p90)
    assert len(inside) >= 30
    assert np.mean(inside) >= 0.65


def test_what_does_not_grow_has_no_trend() -> None:
    value = drifting(0.0)
    value[ONSET:] += 3
    assert told(value, ONSET + 600, 60.0) == Passage(CANNOT_SAY, NO_TREND)


def test_too_few_rows_are_pending_and_too_short_a_record_cannot_say() -> None:
    value = drifting(0.01)
    assert told(value, ONSET + 5, 60.0) == Passage(PENDING)
    assert passage(value, healthy(value, NONE, 40), 40, 600, 60.0, FIVE_MINUTES) == Passage(CANNOT_SAY, TOO_LITTLE)


def test_a_bound_far_away_is_beyond_the_range_of_a_trend() -> None:
    assert told(drifting(0.01), ONSET + 400, 1000.0) == Passage(BEYOND)


def test_what_jumped_and_fades_has_no_trend_either() -> None:
    value = drifting(0.0)
    value[ONSET:] += 3 * np.exp(-np.arange(len(value) - ONSET) / 500)
    assert told(value, ONSET + 400, 60.0) == Passage(CANNOT_SAY, NO_TREND)


def test_a_growth_that_began_before_the_onset_is_told_by_what_was_not_there_yet() -> None:
    value = drifting(0.0) + 0.3 * np.exp((np.arange(len(NONE)) - ONSET) / 150)
    when = told(value, ONSET + 250, 54.0)  # 1.6 above; a row reaches 4 at 375
    assert when.p10 is not None
    assert when.p90 is not None
    assert when.p10 <= 125 <= when.p90


def test_a_machine_with_a_hundred_healthy_rows_is_told_of_too() -> None:
    rng = np.random.default_rng(2)
    value = 50 + 0.3 * rng.standard_normal(400)
    value[100:] += 0.05 * np.arange(300)
    when = passage(value, healthy(value, np.empty((400, 0)), 100), 100, 180, 60.0, 3_600_000_000)
    assert when.p50 == pytest.approx(118, rel=0.3)


def test_a_context_that_explains_nothing_is_no_load() -> None:
    rng = np.random.default_rng(3)
    usual = healthy(drifting(0.0), rng.standard_normal((len(NONE), 2)), ONSET)
    assert usual is not None
    assert not usual.load.any()
    assert np.ptp(usual.expected) == 0


def test_healthy_rows_are_judged_by_weights_of_other_times() -> None:
    load = np.cumsum(np.random.default_rng(4).standard_normal((len(NONE), 1)), axis=0) / 10
    value = drifting(0.0) + load[:, 0]
    other = value.copy()
    other[:100] += 0.1 * (load[:100, 0] - load[:100, 0].mean())  # another slope there, the same mean
    first, second = healthy(value, load, ONSET), healthy(other, load, ONSET)
    assert first is not None
    assert second is not None
    assert first.expected[:100] == pytest.approx(second.expected[:100], abs=1e-9)
    assert np.abs(first.expected[400:1500] - second.expected[400:1500]).max() > 1e-4


def test_later_rows_change_no_forecast() -> None:
    rng = np.random.default_rng(1)
    load = np.cumsum(rng.standard_normal((len(NONE), 2)), axis=0) / 20
    value = drifting(0.01) + load[:, 0]
    now = ONSET + 500
    assert told(value, now, 60.0, load) == told(value[: now + 1], now, 60.0, load[: now + 1])


def test_load_is_no_trend() -> None:
    load = 5 * np.sin(np.arange(len(NONE)) / 50)[:, None]
    usual = healthy(drifting(0.0) + load[:, 0], load, ONSET)
    assert usual is not None
    assert usual.expected[2500:] == pytest.approx(50 + load[2500:, 0], abs=0.4)


def test_every_state_and_reason_is_one_of_the_schema() -> None:
    assert {PENDING, ESTIMATE, BEYOND, CANNOT_SAY} == set(limits.STATES)
    assert len(limits.REASONS) == 4
