from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import poisson

from anomaly_lstm.evaluation import HOUR_US, Evaluation, Raised, Watched, evaluate, poisson_interval, share_interval
from anomaly_lstm.events import Event

DAY = 24 * HOUR_US


def event(start: float, end: float, kind: str = "failure", asset: str = "a", failure: float | None = None) -> Event:
    moment = None if failure is None else round(failure * DAY)
    return Event(asset, round(start * DAY), round(end * DAY), kind, None, moment, "", 2)


def alert(raised: float, cleared: float | None, asset: str = "a", severity: str = "warning") -> Raised:
    until = None if cleared is None else round(cleared * DAY)
    return Raised(f"{asset}@{raised}", asset, severity, round(raised * DAY), until)


def judged(alerts: list[Raised], events: list[Event], days: float = 100, scored: float = 1.0) -> Evaluation:
    watched = {"a": Watched(0, round(days * DAY), round(scored * days * DAY))}
    return evaluate(alerts, events, watched, 10 * DAY)


def test_an_alert_within_a_failure_finds_it_and_the_lead_runs_to_the_failure() -> None:
    result = judged([alert(12, 13)], [event(10, 20, failure=20)])
    assert result.found == 1
    assert result.outcomes[0].lead_us == 8 * DAY
    assert result.false == ()


def test_without_a_failure_time_the_lead_runs_to_the_end_of_the_failure() -> None:
    assert judged([alert(12, None)], [event(10, 20)]).outcomes[0].lead_us == 8 * DAY


@pytest.mark.parametrize(("raised", "delay"), [(12, 2), (10, 0), (4, 0)])
def test_an_anomaly_without_a_failure_has_a_delay_and_no_lead(raised: float, delay: int) -> None:
    (outcome,) = judged([alert(raised, None)], [event(10, 20, "anomaly")]).outcomes
    assert (outcome.lead_us, outcome.delay_us) == (None, delay * DAY)


def test_an_anomaly_that_led_to_a_failure_has_a_lead_and_no_delay() -> None:
    (outcome,) = judged([alert(12, None)], [event(10, 20, "anomaly", failure=19)]).outcomes
    assert (outcome.lead_us, outcome.delay_us) == (7 * DAY, None)


def test_the_first_alert_counts_and_later_ones_are_not_false() -> None:
    result = judged([alert(15, 16), alert(12, 13), alert(18, None)], [event(10, 20)])
    assert result.outcomes[0].alert == alert(12, 13)
    assert result.false == ()


def test_an_alert_that_stood_before_the_event_has_announced_nothing_earlier_than_the_event() -> None:
    (outcome,) = judged([alert(2, None)], [event(10, 20)]).outcomes
    assert outcome.lead_us == 10 * DAY


@pytest.mark.parametrize("late", [alert(20, 21), alert(2, 10), alert(2, 3)])
def test_an_alert_outside_the_event_misses_it_and_is_false(late: Raised) -> None:
    result = judged([late], [event(10, 20)])
    assert result.found == 0
    assert result.outcomes[0].lead_us is None
    assert result.false == (late,)


def test_another_assets_alert_finds_nothing() -> None:
    other = Watched(0, 100 * DAY, 100 * DAY)
    result = evaluate([alert(12, 13, "b")], [event(10, 20)], {"a": other, "b": other}, 10 * DAY)
    assert result.found == 0
    assert len(result.false) == 1


def test_an_alert_raised_in_maintenance_is_neither_found_nor_false() -> None:
    excused, false = alert(12, 13), alert(9, 13)
    result = judged([excused, false], [event(10, 20, "maintenance")])
    assert result.excused == (excused,)
    assert result.false == (false,)
    assert result.outcomes == ()


def test_an_event_without_asset_is_everyones() -> None:
    assert judged([alert(12, 13)], [event(10, 20, asset="")]).found == 1


def test_events_outside_the_watched_time_are_not_counted() -> None:
    assert judged([], [event(100, 110), event(-5, 0)]).outcomes == ()


def test_the_budget_counts_healthy_watched_time_once() -> None:
    events = [event(10, 20), event(15, 30, "maintenance"), event(90, 200, "anomaly"), event(40, 50, "normal")]
    result = judged([], events)
    assert result.healthy_us == 70 * DAY
    assert result.expected_false == pytest.approx(7.0)


def test_time_without_a_score_is_not_watched() -> None:
    assert judged([], [], scored=0.5).healthy_us == 50 * DAY


def test_the_interval_is_about_observed_over_expected() -> None:
    result = judged([alert(day, day + 0.5) for day in (1, 2, 3)], [])
    low, high = result.interval
    assert low < 3 / 10 < high
    np.testing.assert_allclose((low, high), (0.0619, 0.8768), atol=1e-3)  # Garwood's 0.619 and 8.767 for a count of 3


def test_outcomes_are_in_time_order_over_all_assets() -> None:
    span = Watched(0, 100 * DAY, 100 * DAY)
    events = [event(30, 40), event(10, 20, asset="b"), event(50, 60, asset="b")]
    result = evaluate([], events, {"a": span, "b": span}, DAY)
    assert [o.event.start_us // DAY for o in result.outcomes] == [10, 30, 50]


def test_nothing_watched_gives_nothing() -> None:
    result = evaluate([], [event(10, 20)], {}, 0)
    assert (result.outcomes, result.healthy_us, result.expected_false, result.interval) == ((), 0, 0.0, (0.0, 0.0))


@given(st.integers(0, 200))
def test_the_poisson_interval_leaves_a_fortieth_on_either_side(count: int) -> None:
    low, high = poisson_interval(count)
    assert float(poisson.cdf(count, high)) == pytest.approx(0.025, abs=1e-6)
    if count:
        assert float(poisson.sf(count - 1, low)) == pytest.approx(0.025, abs=1e-6)
    else:
        assert low == 0.0


def test_few_trials_leave_a_share_wide_open() -> None:
    np.testing.assert_allclose(share_interval(3, 3), (0.2924, 1.0), atol=1e-4)
    np.testing.assert_allclose(share_interval(0, 1), (0.0, 0.975), atol=1e-4)
    np.testing.assert_allclose(share_interval(5, 10), (0.1871, 0.8129), atol=1e-4)
    assert share_interval(0, 0) == (0.0, 1.0)


def test_an_alert_given_in_stretches_is_false_or_excused_once_and_found_while_it_stood() -> None:
    first, again = alert(2, 3), replace(alert(12, 13), alert_id=alert(2, 3).alert_id)
    assert judged([first, again], []).false == (first,)
    assert judged([first, again], [event(0, 20, "maintenance")]).excused == (first,)
    both = judged([first, again], [event(10, 20)])
    assert (both.outcomes[0].lead_us, both.false) == (8 * DAY, (first,))
