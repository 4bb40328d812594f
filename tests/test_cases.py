"""What people and the clock make of alerts, and who is told."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from anomaly_lstm import changes
from anomaly_lstm.actions import MADE, NOTHING, VERDICTS, Action, action_line, action_of
from anomaly_lstm.cases import Cases, Rules, Told, advance, overlay, overlays, told_line
from anomaly_lstm.changes import Change
from anomaly_lstm.clock import iso
from anomaly_lstm.silence import Gap

HOUR = 3_600_000_000
A, B = "a" * 16, "b" * 16
QUIET = Rules(stale_after_us=None, close_after_us=None)


def alert(alert_id: str = A, severity: str = "warning", leading: str = "temp", **more: Any) -> dict[str, Any]:
    """The keys of an alert document that matter to a case."""
    document = {"alert_id": alert_id, "asset": "pump", "kind": "deviation", "severity": severity, "active": True}
    return {**document, "sensors": [{"sensor": leading}, {"sensor": "flow"}], **more}


def change(
    what: str, hour: float, alert_id: str = A, severity: str = "warning", leading: str = "temp", kind: str = "deviation"
) -> Change:
    active = what not in (changes.CLEARED, changes.RETRACTED)
    document = alert(alert_id, severity, leading, kind=kind, active=active)
    return Change(what, alert_id, "pump", kind, severity, round(hour * HOUR), document)


def act(do: str, hour: float, alert_id: str | None = A, **more: Any) -> Action:
    """What anna did to an alert that she saw as a warning led by temp, or to the pump as a whole."""
    seen = {"kind": "deviation", "severity": "warning", "sensors": ("temp",)} if alert_id else {}
    known: dict[str, Any] = {"by": "anna", "asset": "pump", "why": "work on it", **seen, **more}
    return Action(f"{do}-{hour}-{alert_id}", round(hour * HOUR), do=do, alert_id=alert_id, **known)


def shelve(hour: float, hours: float, **more: Any) -> Action:
    return act("shelve", hour, until_us=round((hour + hours) * HOUR), **more)


def lived(
    by_rows: Sequence[Change],
    actions: Sequence[Action] = (),
    until: float = 1000,
    rules: Rules = QUIET,
    gaps: Sequence[Gap] = (),
) -> tuple[Cases, list[Told]]:
    return advance(Cases(), by_rows, actions, round(until * HOUR), rules, gaps)


def said(told: Sequence[Told]) -> list[str]:
    """What people were told."""
    return [one.change.change for one in told if one.tell]


def reason(told: Sequence[Told], what: str) -> str:
    return next(one.because for one in told if one.change.change == what)


RAISED, UP, CLEARED = change("raised", 1), change("severity_up", 5, severity="critical"), change("cleared", 9)


def test_an_alert_is_told_when_it_is_raised_grows_and_clears_but_not_when_it_shrinks() -> None:
    down = change("severity_down", 6, severity="advisory")
    cases, told = lived([RAISED, UP, down, CLEARED])
    assert said(told) == ["raised", "severity_up", "cleared"]
    assert reason(told, "severity_up") == "its severity rose from warning to critical"
    assert "no news" in reason(told, "severity_down")
    assert not cases.cases[A].active


def test_of_an_acknowledged_case_only_news_is_told() -> None:
    again = change("re_raised", 12)
    _, told = lived([RAISED, CLEARED, again, change("cleared", 15)], [act("acknowledge", 2)])
    assert said(told) == ["raised", "cleared"]
    assert reason(told, "re_raised") == "it came again, but anna acknowledged it and it is no stranger than it was"
    _, told = lived([RAISED, UP], [act("acknowledge", 2)])
    assert said(told) == ["raised", "severity_up"]


def test_what_came_again_unacknowledged_is_told_again() -> None:
    _, told = lived([RAISED, CLEARED, change("re_raised", 12)])
    assert said(told) == ["raised", "cleared", "re_raised"]


def test_an_unacknowledged_warning_is_told_again_until_somebody_acknowledges_it() -> None:
    rules = replace(QUIET, re_alarm_us=4 * HOUR)
    _, told = lived([RAISED], [act("acknowledge", 10)], rules=rules)
    assert [(one.change.change, one.change.at_us // HOUR) for one in told if one.tell] == [
        ("raised", 1),
        ("re_alarmed", 5),
        ("re_alarmed", 9),
    ]
    assert reason(told, "re_alarmed") == "told 4h ago, and nobody has acknowledged it"


def test_an_advisory_and_a_cleared_warning_are_not_told_again() -> None:
    rules = replace(QUIET, re_alarm_us=4 * HOUR)
    _, told = lived([change("raised", 1, severity="advisory")], rules=rules)
    assert said(told) == ["raised"]
    _, told = lived([RAISED, change("cleared", 2)], rules=rules)
    assert said(told) == ["raised", "cleared"]


def test_a_severity_above_the_acknowledged_one_must_be_acknowledged_anew() -> None:
    rules = replace(QUIET, re_alarm_us=4 * HOUR)
    _, told = lived([RAISED, UP], [act("acknowledge", 2)], until=10, rules=rules)
    assert said(told) == ["raised", "severity_up", "re_alarmed"]


def test_a_shelved_case_is_silent_and_told_when_the_shelving_has_run_out_and_it_still_stands() -> None:
    again = change("re_raised", 12)
    _, told = lived([RAISED, CLEARED, again], [shelve(2, 24)])
    assert said(told) == ["raised", "unshelved"]
    assert reason(told, "re_raised") == "shelved by anna until 1970-01-02 02:00 UTC: work on it"
    assert reason(told, "unshelved") == "no longer shelved, and it still stands"


def test_a_shelving_that_runs_out_on_a_cleared_case_is_not_told() -> None:
    _, told = lived([RAISED, CLEARED], [shelve(2, 24)])
    assert said(told) == ["raised"]
    assert reason(told, "unshelved") == "no longer shelved, and there is nothing to tell"


def test_a_higher_severity_breaks_through_a_shelving() -> None:
    _, told = lived([RAISED, UP], [shelve(2, 24)], until=20)
    assert said(told) == ["raised", "severity_up"]
    assert reason(told, "severity_up") == ("its severity is critical, above the warning at which anna had shelved it")


def test_another_leading_sensor_breaks_through_a_shelving_unless_it_is_in_the_group() -> None:
    other = change("re_raised", 12, leading="flow")
    _, told = lived([RAISED, CLEARED, other], [shelve(2, 24)], until=20)
    assert said(told) == ["raised", "re_raised"]
    _, told = lived([RAISED, CLEARED, other], [shelve(2, 24, sensors=("temp", "flow"))], until=20)
    assert said(told) == ["raised"]


def test_the_next_alert_of_a_shelved_case_is_shelved_too_and_closes_the_one_before() -> None:
    cases, told = lived([RAISED, CLEARED, change("raised", 12, B)], [shelve(2, 24)], until=20)
    assert said(told) == ["raised"]
    assert reason(told, "closed") == f"followed by alert {B}"
    assert [case.alert_id for case in cases.cases.values() if not case.closed] == [B]


def test_a_group_of_sensors_is_shelved_before_anything_is_raised() -> None:
    group = shelve(0, 24, alert_id=None, kind="deviation", severity="warning", sensors=("temp", "vibration"))
    _, told = lived([RAISED, CLEARED, change("raised", 12, B, leading="flow")], [group], until=20)
    assert said(told) == ["raised"]
    assert told[-1].because == "it was raised as warning; flow leads now, which anna had not shelved"


def test_a_one_shot_shelving_ends_when_the_alert_clears() -> None:
    once = shelve(2, 24 * 30, one_shot=True)
    _, told = lived([RAISED, CLEARED, change("re_raised", 12)], [once], until=20)
    assert said(told) == ["raised", "re_raised"]
    assert reason(told, "unshelved") == "one-shot, and it cleared"


def test_unshelving_brings_to_light_what_was_raised_in_silence() -> None:
    group = shelve(0, 24, alert_id=None, kind="deviation", severity="warning", sensors=("temp",))
    lift = act("unshelve", 3, None, sensors=("temp",))
    _, told = lived([RAISED], [group, lift])
    assert said(told) == ["re_alarmed"]
    assert "nobody was told" in reason(told, "re_alarmed")


def test_unshelving_the_next_alert_of_a_case_ends_what_keeps_it_silent() -> None:
    later = change("raised", 12, B)
    cases, told = lived([RAISED, CLEARED, later], [shelve(2, 48), act("unshelve", 13, B)], until=20)
    assert said(told) == ["raised", "re_alarmed"]
    assert not cases.holds
    other = act("unshelve", 13, B, kind="no_data", sensors=())
    assert lived([RAISED, CLEARED, later], [shelve(2, 48), other], until=20)[0].holds


def test_unshelving_does_not_repeat_what_people_know() -> None:
    _, told = lived([RAISED], [shelve(2, 24), act("unshelve", 3)])
    assert said(told) == ["raised"]


def test_nothing_breaks_through_a_suppression_but_another_leading_sensor() -> None:
    suppressed = act("suppress", 2)
    _, told = lived([RAISED, UP, CLEARED], [suppressed])
    assert said(told) == ["raised"]
    assert reason(told, "severity_up") == "suppressed by anna: work on it"
    _, told = lived([RAISED, CLEARED, change("raised", 12, B, leading="flow")], [suppressed])
    assert said(told) == ["raised", "raised"]


def test_an_asset_out_of_service_is_silent_in_every_kind_until_it_is_back() -> None:
    out, back = act("out_of_service", 0, None), act("in_service", 20, None)
    silent = change("raised", 3, B, kind="no_data")
    _, told = lived([RAISED, UP, silent], [out, back])
    assert said(told) == ["re_alarmed", "re_alarmed"]
    assert reason(told, "raised") == "out of service by anna: work on it"


def test_a_closed_case_stays_closed_until_it_clears() -> None:
    same = change("revised", 5)
    cases, told = lived([RAISED, same, CLEARED], [act("close", 2)])
    assert said(told) == ["raised"]
    assert reason(told, "cleared") == "closed by anna: work on it"
    _, told = lived([RAISED, CLEARED, change("raised", 12, B)], [act("close", 2)])
    assert said(told) == ["raised", "raised"]
    assert cases.cases[A].closed


def test_a_higher_severity_or_another_leading_sensor_brings_a_closed_case_back() -> None:
    for back in (UP, change("re_raised", 5, leading="flow")):
        cases, told = lived([RAISED, back], [act("close", 2)])
        assert said(told) == ["raised", back.change]
        assert "anna had" in told[-1].because
        assert "closed" in told[-1].because
        assert cases.cases[A].closed is None


def test_missing_data_is_told_once_as_stale_also_where_it_was_acknowledged() -> None:
    rules = replace(QUIET, stale_after_us=24 * HOUR)
    gap = Gap("pump", 3 * HOUR, None)
    cases, told = lived([RAISED], [act("acknowledge", 2)], until=40, rules=rules, gaps=[gap])
    assert said(told) == ["raised", "stale"]
    assert cases.cases[A].stale
    ended = replace(gap, until_us=50 * HOUR)
    cases, told = advance(cases, [], [], 60 * HOUR, rules, [ended])
    assert told == []
    assert not cases.cases[A].stale


def test_a_gap_shorter_than_the_maximum_hold_is_not_told() -> None:
    rules = replace(QUIET, stale_after_us=24 * HOUR)
    _, told = lived([RAISED], rules=rules, gaps=[Gap("pump", 3 * HOUR, 20 * HOUR)])
    assert said(told) == ["raised"]


def test_missing_data_of_an_asset_neither_closes_nor_silences_its_deviation() -> None:
    silent = change("raised", 3, B, kind="no_data")
    seen = {"kind": "no_data", "sensors": (), "severity": "warning"}
    acts = [act("acknowledge", 4, B, **seen), act("shelve", 4.5, B, until_us=99 * HOUR, **seen)]
    cases, told = lived([RAISED, silent, UP, CLEARED, change("cleared", 10, B, kind="no_data")], acts, until=20)
    assert said(told) == ["raised", "raised", "severity_up", "cleared"]
    assert not cases.cases[A].acked


def test_two_bad_sensors_of_an_asset_are_two_cases() -> None:
    one, other = (change("raised", 1, i, "advisory", s, "sensor_bad") for i, s in ((A, "temp"), (B, "flow")))
    cases, _ = lived([one, other])
    assert {case.alert_id for case in cases.cases.values() if not case.closed} == {A, B}


def test_a_cleared_case_is_closed_by_the_clock_and_forgotten_unless_people_said_something() -> None:
    rules = replace(QUIET, close_after_us=48 * HOUR)
    cases, told = lived([RAISED, CLEARED], rules=rules)
    assert reason(told, "closed") == "it cleared 2d ago"
    assert not cases.cases
    cases, _ = lived([RAISED, CLEARED], [act("verdict", 2, verdict="real")], rules=rules)
    assert overlay(alert(), cases)["verdict"] == "real"


def test_an_alert_that_late_rows_take_back_is_told_to_those_who_were_told() -> None:
    gone = change("retracted", 5)
    cases, told = lived([RAISED, gone])
    assert said(told) == ["raised", "retracted"]
    assert not cases.cases
    _, told = lived([RAISED, gone], [shelve(1, 2), act("out_of_service", 0, None), act("in_service", 4, None)])
    assert "retracted" not in [one.change.change for one in told if one.tell and one.because.startswith("it was")]


def test_late_rows_that_change_more_than_the_course_are_told() -> None:
    over = replace(change("revised", 5), alert=alert(active=False))
    cases, told = lived([RAISED, over])
    assert said(told) == ["raised", "revised"]
    assert told[-1].because == "late rows show that it has cleared"
    assert not cases.cases[A].active
    _, told = lived([RAISED, over, change("revised", 6)])
    assert told[-1].because == "late rows show that it stands"
    _, told = lived([RAISED, change("revised", 5, severity="critical")])
    assert told[-1].because == "its severity rose from warning to critical as late rows show"
    _, told = lived([RAISED, change("revised", 5)])
    assert not told[-1].tell


def test_what_is_over_before_anybody_knew_of_it_is_not_told() -> None:
    cases, told = lived([CLEARED, replace(change("revised", 5, B), alert=alert(B, active=False))])
    assert said(told) == []
    assert not cases.cases


def test_an_act_counts_from_what_was_known_and_what_came_in_later_is_measured_against_it() -> None:
    ack = act("acknowledge", 8, seen_us=2 * HOUR)
    cases, told = advance(Cases(), [RAISED], [ack], 2 * HOUR, QUIET)
    assert [one.change.change for one in told] == ["raised", "acknowledged"]
    again = [change("cleared", 3), change("re_raised", 4)]
    _, told = advance(cases, again, [], 10 * HOUR, QUIET)
    assert said(told) == ["cleared"], "at 4:00 it came again and was acknowledged, though at 8:00 by the wall"
    _, told = advance(cases, [UP], [], 10 * HOUR, QUIET)
    assert said(told) == ["severity_up"], "at 5:00 it rose, and what was acknowledged at 8:00 was less"


def test_an_act_on_old_data_counts_at_once() -> None:
    years_later = act("out_of_service", 50_000, None, seen_us=1 * HOUR)
    cases, _ = advance(Cases(), [RAISED], [years_later], 1 * HOUR, QUIET)
    _, told = advance(cases, [UP], [], 10 * HOUR, QUIET)
    assert said(told) == []
    by_hand = replace(years_later, seen_us=None)
    cases, _ = advance(Cases(), [RAISED], [by_hand], 1 * HOUR, QUIET)
    assert cases.holds == (by_hand,)


def test_an_alert_that_nobody_touched_has_every_key_of_the_overlay_empty() -> None:
    assert overlay(alert(), Cases()) == {**alert(), **NOTHING}


def test_the_overlay_shows_what_people_did_before_any_run_has_made_a_case() -> None:
    acts = [shelve(2, 24), act("acknowledge", 3), act("verdict", 4, verdict="false", work_order="WO-1", note="rain")]
    seen = overlay(alert(), Cases(), acts)
    assert seen["acked_by"] == "anna"
    assert (seen["shelved_until"], seen["shelved_because"]) == (iso(26 * HOUR), "work on it")
    assert (seen["verdict"], seen["work_order"], seen["note"]) == ("false", "WO-1", "rain")
    cases, _ = lived([RAISED], acts, until=30)
    assert overlay(alert(), cases)["shelved_until"] is None


def test_the_overlay_shows_a_case_that_came_back_as_open() -> None:
    closed = [act("close", 2)]
    assert overlay(alert(), Cases(), closed)["closed_because"] == "work on it"
    assert overlay(alert(severity="critical"), Cases(), closed)["closed"] is False


def test_out_of_service_shows_on_what_stands_and_not_on_what_was() -> None:
    standing, over = overlays([alert(), alert(B, active=False)], Cases(), [act("out_of_service", 2, None)])
    assert standing["out_of_service"] is True
    assert over["out_of_service"] is False


def test_what_is_told_is_a_line_of_the_history_with_its_reason() -> None:
    _, (told,) = lived([RAISED])
    line = json.loads(json.dumps(told_line(told, 2 * HOUR)))
    assert (line["tell"], line["because"]) == (True, "it was raised as warning")
    assert (line["change_id"], line["change"], line["asset"]) == (RAISED.change_id, RAISED.change, RAISED.asset)
    assert (line["event_time"], line["processing_time"]) == (iso(RAISED.at_us), iso(2 * HOUR))
    assert line["alert"].items() <= RAISED.alert.items()


def test_acts_on_two_assets_in_one_moment_are_two_changes() -> None:
    _, told = lived([], [replace(act("out_of_service", 1, None), asset=asset) for asset in ("p1", "p2")])
    assert len({one.change.change_id for one in told}) == 2


def test_an_unknown_act_is_refused() -> None:
    line = {**action_line(act("close", 1)), "do": "explode"}
    with pytest.raises(ValueError, match="explode"):
        action_of(line)


# ---------------------------------------------------------------- one step or many


@st.composite
def histories(draw: st.DrawFn) -> tuple[list[Change], list[Action], list[Gap]]:
    """Alerts of two assets as rows could make them, acts on alerts that stood before, gaps."""
    by_rows: list[Change] = []
    raised: list[Change] = []
    for asset in ("p1", "p2"):
        for kind in ("deviation", "no_data"):
            last: Change | None = None
            for hour in sorted(draw(st.sets(st.integers(1, 60), max_size=8))):
                last = draw(st.sampled_from(_nexts(asset, kind, hour, last)))
                by_rows.append(last)
                raised += [last] if last.change == "raised" else []
    acts = draw(st.lists(st.sampled_from(raised).flatmap(_acts) if raised else _asset_acts(), max_size=8))
    gaps = [Gap("p1", start * HOUR, end and (start + end) * HOUR) for start, end in draw(_GAPS)]
    return by_rows, sorted({one.action_id: one for one in acts}.values(), key=lambda one: one.at_us), gaps


_GAPS = st.lists(
    st.tuples(st.integers(1, 60), st.none() | st.integers(1, 20)), max_size=2, unique_by=lambda gap: gap[0]
)


def _nexts(asset: str, kind: str, hour: int, last: Change | None) -> list[Change]:
    """What may come after a change."""
    over = last is None or last.change in ("cleared", "retracted")
    whats = ["raised"] if over else ["severity_up", "severity_down", "cleared", "revised", "retracted"]
    whats += ["re_raised"] if last and last.change == "cleared" else []
    made = []
    for what in whats:
        own = f"{asset}-{kind}-{hour}" if what == "raised" or last is None else last.alert_id
        for severity in ("advisory", "warning", "critical"):
            for leading in ("temp", "flow"):
                made.append(replace(change(what, hour, own, severity, leading, kind), asset=asset))
    return made


def _acts(raised: Change) -> st.SearchStrategy[Action]:
    """Something that a person does to what was known some hours after an alert was raised, and later by the wall."""

    def built(do: str, after: int, late: int, hours: int, severity: str, once: bool) -> Action:
        seen = raised.at_us + after * HOUR
        until = seen + hours * HOUR if do == "shelve" or (do == "suppress" and once) else None
        alert_id = None if do in ("out_of_service", "in_service") else raised.alert_id
        known: dict[str, Any] = {"kind": raised.kind, "severity": severity, "sensors": ("temp",)} if alert_id else {}
        known |= {"by": "anna", "asset": raised.asset, "why": "so", "until_us": until, "alert_id": alert_id}
        known |= {"at_us": seen + late * HOUR, "seen_us": seen, "one_shot": once and do == "shelve"}
        return Action(f"{do}{seen}{late}{alert_id}{raised.asset}{hours}", do=do, **known)

    dos = tuple(MADE)
    severities = st.sampled_from(["advisory", "warning", "critical"])
    hours = st.integers(0, 40), st.integers(0, 30), st.integers(1, 30)
    return st.builds(built, st.sampled_from(dos), *hours, severities, st.booleans())


def _asset_acts() -> st.SearchStrategy[Action]:
    return st.builds(lambda hour: act("out_of_service", hour, None), st.integers(0, 80))


def _plain(told: Sequence[Told]) -> list[tuple[int, str, str, bool, str]]:
    return sorted((t.change.at_us, t.change.change, t.change.change_id, t.tell, t.because) for t in told)


@settings(max_examples=150, deadline=None)
@given(histories(), st.sets(st.integers(0, 80), max_size=6), st.booleans())
def test_one_step_or_many_give_the_same_cases_and_tell_the_same(
    history: tuple[list[Change], list[Action], list[Gap]], cuts: set[int], next_step: bool
) -> None:
    """An act is known to the step that made what the person saw, or, in a ``next_step``, to the one after."""
    by_rows, acts, gaps = history
    rules = Rules(re_alarm_us=5 * HOUR, stale_after_us=6 * HOUR, close_after_us=24 * HOUR)
    end = 110 * HOUR
    whole, told = advance(Cases(), by_rows, acts, end, rules, gaps)
    cases, step_by_step, before, given_acts = Cases(), list[Told](), -1, list[Action]()
    seen = {one.counts_us for one in acts if next_step}
    for until in sorted({*(cut * HOUR for cut in cuts), *seen, end}):
        rows = [one for one in by_rows if before < one.at_us <= until]
        now = [one for one in acts if one not in given_acts and one.counts_us <= (before if next_step else until)]
        known = [gap if gap.until_us and gap.until_us <= until else replace(gap, until_us=None) for gap in gaps]
        known = [gap for gap in known if gap.since_us <= until]
        cases, more = advance(cases, rows, now, until, rules, known)
        cases = Cases.from_document(json.loads(json.dumps(cases.to_document())))
        step_by_step += more
        given_acts += now
        before = until
    assert _plain(step_by_step) == _plain(told)
    assert cases == whole


@settings(max_examples=100, deadline=None)
@given(histories())
def test_every_decision_has_its_reason_and_nobody_is_told_of_what_a_person_did(
    history: tuple[list[Change], list[Action], list[Gap]],
) -> None:
    by_rows, acts, gaps = history
    _, told = advance(Cases(), by_rows, acts, 90 * HOUR, Rules(re_alarm_us=5 * HOUR), gaps)
    assert all(one.because for one in told)
    assert not [one for one in told if one.tell and one.change.by]
    assert len(told) >= len(by_rows) + len(acts)
    assert len({one.change.change_id for one in told}) == len(told)


@settings(max_examples=100, deadline=None)
@given(histories())
def test_what_is_told_of_a_deviation_does_not_depend_on_missing_data(
    history: tuple[list[Change], list[Action], list[Gap]],
) -> None:
    by_rows, acts, _ = history
    acts = [one for one in acts if one.kind]
    rules = Rules(re_alarm_us=5 * HOUR, close_after_us=24 * HOUR)
    _, both = advance(Cases(), by_rows, acts, 90 * HOUR, rules)
    own_rows = [one for one in by_rows if one.kind == "deviation"]
    own_acts = [one for one in acts if one.kind == "deviation"]
    _, alone = advance(Cases(), own_rows, own_acts, 90 * HOUR, rules)
    assert _plain(alone) == _plain([one for one in both if one.change.kind == "deviation"])


def test_the_verdicts_are_those_that_can_be_given() -> None:
    assert VERDICTS == ("real", "false", "known", "sensor", "process", "planned")
