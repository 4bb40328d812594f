"""What a schedule would have told: dated when it was told, judged as `evaluate` judges, tried under other policies."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import pyarrow as pa
import pytest

from anomaly_lstm import replaying
from anomaly_lstm.alerts import alerts_of
from anomaly_lstm.budgets import limits_of, split_budget
from anomaly_lstm.clock import UNITS
from anomaly_lstm.evaluation import Raised, Watched, evaluate
from anomaly_lstm.events import Event
from anomaly_lstm.pages import replay_words
from anomaly_lstm.policy import DAY_US, Policy
from anomaly_lstm.replaying import History, Replay, Terms, Trial, replay, usual_on_delays
from anomaly_lstm.scored_rows import Rows, rows_of
from anomaly_lstm.tables import STATE_NAMES, State, scores_schema
from tests.toys import MINUTE, START, minutes

POLICY = Policy(limits={"advisory": 10 * DAY_US, "warning": 100 * DAY_US}, off_delay_us=0)
TERMS = Terms(POLICY, "advisory")
ROWS = 200
HOUR = 60 * MINUTE


def rows(strange: dict[int, float], *, asset: str = "pump", lead: str = "temp", n: int = ROWS) -> Rows:
    """An asset's rows, one minute apart, of a return period of a day but where ``strange`` says another [days]."""
    days = np.array([strange.get(row, 1.0) for row in range(n)])
    share = 0.8 if lead == "temp" else 0.2
    columns: list[Any] = [[asset] * n, minutes(n).tolist(), [STATE_NAMES[State.SCORED]] * n, np.log(days), days * 86400]
    columns += [[share] * n, [1 - share] * n, [60.0] * n, [40.0] * n, [50.0] * n, [50.0] * n, [False] * n, ["m"] * n]
    schema = scores_schema(("temp", "flow"), (), detail=True)
    arrays = [pa.array(c, f.type) for c, f in zip(columns, schema, strict=True)]
    (one,) = rows_of(pa.Table.from_arrays(arrays, schema=schema))
    return one


def at(row: int) -> int:
    return START + row * MINUTE


def event(start: int, end: int, kind: str = "failure", asset: str = "pump") -> Event:
    return Event(asset, at(start), at(end), kind, None, at(end) if kind == "failure" else None, "", 2)


def history(*events: Event, start: int = 0, end: int = ROWS) -> History:
    return History(events, at(start), at(end), MINUTE, "m", 30 * 86400.0, {})


def replayed(assets: Sequence[Rows], told: History, terms: Terms = TERMS, **more: Any) -> Replay:
    return replay(assets, told, terms, **{"return_periods_us": (DAY_US * 50,), "on_delays_us": (0,), **more})


GROWING = rows({100: 20.0, 101: 20.0, 102: 200.0, 103: 200.0})


# ---------------------------------------------------------------- as a schedule would have


def test_the_warning_runs_from_when_it_was_raised_and_not_from_its_onset() -> None:
    delayed = Terms(replace(POLICY, on_delay_us=2 * MINUTE), "advisory")
    result = replayed([GROWING], history(event(50, 162)), delayed)
    assert result.present.leads_us == [60 * MINUTE]


def test_a_warning_counts_from_when_the_alert_had_come_to_it() -> None:
    told = history(event(50, 162))
    assert replayed([GROWING], told).present.leads_us == [62 * MINUTE]
    assert replayed([GROWING], told, Terms(POLICY, "warning")).present.leads_us == [60 * MINUTE]


def test_an_alert_is_shown_as_it_stood_when_it_was_told() -> None:
    result = replayed([GROWING], history(event(50, 162)))
    (outcome,) = result.present.judged.outcomes
    assert outcome.alert is not None
    assert outcome.alert.severity == "warning"
    then = result.told[outcome.alert]
    assert (then.severity, then.peak_us, then.active) == ("advisory", at(100), True)
    assert then.sensors[0].sensor == "temp"


@pytest.mark.parametrize("last", range(95, 120, 3))
def test_a_history_cut_anywhere_has_raised_the_same_alerts_up_to_there(last: int) -> None:
    long = rows({100: 20.0, 101: 150.0, 105: 20.0, 110: 300.0, 111: 300.0})
    short = replace(
        long,
        table=long.table.slice(0, last),
        **{name: getattr(long, name)[:last] for name in ("time_us", "state", "score", "return_period_s", "unseen")},
    )
    for terms in (TERMS, Terms(POLICY, "warning")):
        whole, cut = (replayed([one], history(), terms).present.raised for one in (long, short))
        known = [(a.alert_id, a.raised_us) for a in whole if a.raised_us < at(last)]
        assert [(a.alert_id, a.raised_us) for a in cut] == known


# ---------------------------------------------------------------- judged as everywhere


def test_where_no_alert_was_opened_again_evaluate_says_the_same() -> None:
    assets = [rows({20: 30.0, 100: 50.0, 150: 500.0}), rows({60: 30.0}, asset="b")]
    events = (event(90, 120), event(140, 160, "maintenance"), event(10, 30, "anomaly", "b"))
    result = replayed(assets, history(*events))
    raised = [
        Raised(a.alert_id, a.asset, a.severity, a.raised_us, a.cleared_us)
        for one in assets
        for a in alerts_of(one, POLICY, MINUTE, "m")
    ]
    span = Watched(at(0), at(ROWS), ROWS * MINUTE)
    assert result.present.judged == evaluate(raised, events, {"pump": span, "b": span}, 10 * DAY_US)


def test_an_alert_that_was_cleared_and_opened_again_announced_nothing_in_between() -> None:
    result = replayed([rows({20: 30.0, 100: 30.0})], history(event(90, 120)))
    now = result.present
    assert now.leads_us == [20 * MINUTE]
    assert [a.raised_us for a in now.judged.false] == [at(20)]
    assert (now.alerts, now.alarm_us) == (1, 2 * MINUTE)
    twice = replayed([rows({20: 30.0, 100: 30.0})], history()).present
    assert len(twice.judged.false) == 1


def test_failures_are_warned_of_told_too_late_or_missed() -> None:
    events = (event(90, 120), event(20, 25), event(140, 160))
    late = replace(events[2], failure_us=at(141))
    result = replayed([rows({100: 30.0, 150: 500.0})], history(*events[:2], late))
    now = result.present
    assert (now.warned, now.late, len(now.failures)) == (1, 1, 3)
    assert [replaying.outcome_word(o) for o in now.failures] == ["missed", "warned", "too late"]
    assert [replay_words.warning_words(o) for o in now.failures] == ["missed", "20 min before", "9 min too late"]
    assert replay_words.found_words(now) == "1 of 3 failures warned, 20 min ahead, 1 told too late"


def test_an_event_of_all_assets_is_one_of_each() -> None:
    told = replaying.of_assets([event(10, 20, asset=""), event(10, 20, asset="b")], ["a", "b"])
    assert [e.asset for e in told] == ["a", "b", "b"]


def test_only_the_watched_time_counts_but_what_went_before_is_remembered() -> None:
    two = rows({50: 30.0, 100: 30.0})
    assert replayed([two], history()).present.alerts == 1  # the second opened the first again
    first, again = (replayed([two], history(start=start)).present for start in (0, 80))
    assert again.raised == first.raised[1:]
    assert again.scored_us == 120 * MINUTE
    assert replayed([two], history(end=40)).present.raised == ()


def test_the_alarm_load_is_a_share_of_scored_time_and_alerts_per_asset_and_month() -> None:
    held = rows(dict.fromkeys(range(100, 120), 30.0))
    now = replayed([held, rows({}, asset="b")], history()).present
    assert now.alarm_share == pytest.approx(20 / 400, abs=1 / 400)
    assert now.alerts_per_month == pytest.approx(replaying.MONTH_US / (400 * MINUTE))


def test_false_alerts_per_year_have_the_interval_of_their_count() -> None:
    now = replayed([rows({50: 30.0})], history()).present
    years = ROWS * MINUTE / replaying.YEAR_US
    assert now.false_per_year == pytest.approx(1 / years)
    assert now.false_per_year_95 == pytest.approx((0.02532 / years, 5.5716 / years), rel=1e-3)
    assert now.promised_per_year == pytest.approx(36.525)


# ---------------------------------------------------------------- other policies


def test_the_present_policy_stands_in_the_grid_as_it_is() -> None:
    result = replayed([GROWING], history(event(50, 162)), return_periods_us=(DAY_US * 50, DAY_US * 5))
    periods = [row[0].terms.return_period_us // DAY_US for row in result.grid]
    assert periods == [5, 10, 50]
    assert result.grid[1][0] is result.present
    assert result.present.terms == TERMS


def test_the_other_severities_keep_their_distance() -> None:
    assert TERMS.at(5 * DAY_US, 0).policy.limits == {"advisory": 5 * DAY_US, "warning": 50 * DAY_US}


def test_a_cell_is_what_a_replay_under_that_policy_gives() -> None:
    assets = [rows({20: 6.0, 21: 6.0, 100: 30.0, 101: 30.0, 150: 500.0})]
    told = history(event(90, 120))
    grid = replayed(assets, told, return_periods_us=(5 * DAY_US,), on_delays_us=(0, MINUTE)).grid
    for trial in (trial for row in grid for trial in row):
        alone = replayed(assets, told, trial.terms).present
        assert alone == trial


def test_a_rarer_limit_and_a_longer_delay_tell_less() -> None:
    assets = [rows({20: 6.0, 21: 6.0, 100: 30.0, 150: 500.0, 151: 500.0})]
    grid = replayed(assets, history(), return_periods_us=(5 * DAY_US, 400 * DAY_US), on_delays_us=(0, MINUTE)).grid
    counts = [[len(trial.raised) for trial in row] for row in grid]
    assert all(np.diff(np.array(counts), axis=0).ravel() <= 0)
    assert all(np.diff(np.array(counts), axis=1).ravel() <= 0)


def test_scores_are_read_once_whatever_the_grid() -> None:
    passed = iter([GROWING])
    assert len(replayed(passed, history()).grid) == 2  # type: ignore[arg-type]  # an iterator is enough


def test_without_a_severity_on_there_is_no_grid() -> None:
    bounds_only = Terms(replace(POLICY, limits={}), "advisory")
    result = replayed([GROWING], history(event(50, 162)), bounds_only)
    assert (result.grid, result.present.promised_per_year) == ([], None)
    assert "no other return period" in replay_words.trade_words(result)[0]
    assert "nothing was promised" in replay_words.false_words(result.present)


@pytest.mark.parametrize(
    ("period", "short", "long"), [("s", 10, 60), ("min", 600, 3600), ("h", 3600, 6 * 3600), ("ms", 0.01, 0.06)]
)
def test_the_on_delays_tried_fit_the_period(period: str, short: float, long: float) -> None:
    assert usual_on_delays(UNITS[period]) == (0, short * 1e6, long * 1e6)


# ---------------------------------------------------------------- words


def trial(result: Replay) -> Trial:
    return result.present


def test_the_headline_is_one_sentence_for_a_manager() -> None:
    assets = [rows({20: 30.0, 100: 50.0, 150: 500.0}, n=100_000)]
    long = replace(history(event(90, 120), event(140, 170)), end_us=at(100_000))
    said = replay_words.headline(replayed(assets, long))
    assert (
        said == "2 of 2 failures warned, 20 min ahead in the middle; 1 false alert in 0.19 asset-years, 6.9 promised."
    )


@pytest.mark.parametrize(
    ("events", "said"),
    [
        ((), "No failure noted"),
        ((event(90, 120, "anomaly"),), "No failure noted, 1 of 1 anomaly found"),
        ((event(90, 120, "anomaly"), event(10, 12, "anomaly")), "No failure noted, 1 of 2 anomalies found"),
        ((event(90, 120), event(10, 12, "anomaly")), "1 of 1 failure warned, 20 min ahead"),
        ((event(10, 12),), "0 of 1 failure warned"),
    ],
)
def test_what_was_found_is_said_whatever_was_noted(events: tuple[Event, ...], said: str) -> None:
    assert replay_words.found_words(replayed([rows({100: 30.0})], history(*events)).present) == said


def test_that_few_failures_prove_little_is_said_with_the_interval() -> None:
    said = " ".join(replay_words.trade_words(replayed([GROWING], history(event(50, 162)))))
    assert "1 of 1 warned fits a policy that warns of anything between 2.5 % and 100 % of failures" in said
    assert "No policy is marked as the best" in said


def test_a_promise_that_was_not_kept_is_said() -> None:
    broken = [rows({20: 30.0}, asset=f"a{i}") for i in range(40)]
    assert "the promise was not kept here" in replay_words.false_words(replayed(broken, history()).present)


def test_the_document_says_it_all_with_null_where_nothing_can_be_said() -> None:
    result = replayed([GROWING], history(event(50, 162), event(10, 20)))
    told = replay_words.document(result)
    assert told["present"]["warned"] == told["present"]["missed"] == 1
    missed, warned = told["events"]
    assert (missed["outcome"], missed["alert"], missed["warning_h"]) == ("missed", None, None)
    assert (warned["outcome"], warned["warning_h"]) == ("warned", pytest.approx(62 / 60))
    assert warned["alert"]["raised_at"] == warned["told_at"] == "2026-01-01T01:40:00Z"
    assert [cell["present"] for cell in told["grid"]] == [True, False]
    assert [cell["beyond_record"] for cell in told["grid"]] == [False, False]
    assert replay_words.document(replayed([], history()))["present"]["false_per_asset_year"] is None


def test_assets_that_share_a_budget_unevenly_have_limits_of_their_own_in_every_cell() -> None:
    budget_us = 10 * DAY_US
    own = split_budget(budget_us, {"a": "high", "b": "low"})
    terms = Terms(Policy(limits_of(2 * budget_us)), "warning", own)
    assert terms.of("a").limits["warning"] == own["a"] < terms.of("b").limits["warning"] == own["b"]
    twice = terms.at(4 * budget_us, 0)
    assert twice.of("b").limits["warning"] == 2 * own["b"]
    assert twice.of("c").limits == twice.policy.limits
