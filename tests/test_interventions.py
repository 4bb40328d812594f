"""What people did to an asset and its sensors, and what that does to scores."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from functools import cache

import numpy as np
import pyarrow as pa
import pytest
from numpy.typing import NDArray

from anomaly_lstm import interventions, scoring
from anomaly_lstm.alerts import Alert, alerts_of
from anomaly_lstm.events import Event
from anomaly_lstm.interventions import LOOKS, Shift, UnderEvents, changed_from, under_events
from anomaly_lstm.policy import DAY_US, Bound, Policy
from anomaly_lstm.scored_rows import rows_of
from anomaly_lstm.scoring import Scores
from anomaly_lstm.tables import State
from anomaly_lstm.telemetry import Grid, Telemetry, to_grid
from anomaly_lstm.trained import Trained
from tests.toys import MINUTE, START, healthy, learned_line, names, telemetry

Float64 = NDArray[np.float64]

N = 1500
CHANGE = 400
BACK = CHANGE + LOOKS[0] + 10
"""A row by which a sensor changed at `CHANGE` is watched again."""
POLICY = Policy(limits={"advisory": 3 * DAY_US})


@cache
def trained() -> Trained:
    return replace(learned_line(healthy(4000, seed=1)), units={"s1": "bar"})


def told(kind: str, start: float, end: float, sensor: str | None = None, asset: str = "mill") -> Event:
    """An event between two rows of the asset."""
    return Event(asset, START + int(start * MINUTE), START + int(end * MINUTE), kind, sensor, None, "", 2)


def mill(*steps: tuple[int, float], sensor: int = 1, left_out: Sequence[int] = ()) -> Telemetry:
    """A healthy asset that taught nothing, one sensor of which reads more from some rows on."""
    values = healthy(N, seed=9)
    for row, by in steps:
        values[row:, sensor] += by
    return telemetry(values, asset="mill", left_out=left_out)


def acted(asset: Telemetry, *events: Event) -> UnderEvents:
    return under_events(trained(), asset, events)


def scores_of(asset: Telemetry, *events: Event) -> Scores:
    (scores,) = interventions.score(trained(), [acted(asset, *events)])
    return scores


def table_of(asset: Telemetry, *events: Event) -> pa.Table:
    return scoring.table(trained(), scores_of(asset, *events), "model")


def alerts_in(table: pa.Table, policy: Policy = POLICY) -> list[Alert]:
    return [alert for rows in rows_of(table) for alert in alerts_of(rows, policy, MINUTE, "model")]


def states(scores: Scores, rows: slice) -> list[str]:
    return [State(code).name for code in scores.state[rows]]


# ---------------------------------------------------------------- rows that are not judged, evidence that starts anew


def test_after_maintenance_an_asset_is_scored_as_if_it_began_there() -> None:
    asset = mill((CHANGE - 50, 20.0), (CHANGE, -20.0))
    work = told("maintenance", CHANGE, CHANGE + 4.5)  # row CHANGE + 5 holds half a minute of it
    scores, end = scores_of(asset, work), CHANGE + 6
    assert states(scores, slice(CHANGE - 1, end + 3)) == [
        "SCORED",
        *["OUT_OF_STATE"] * 6,
        *["WARM_UP"] * 2,
        "SCORED",
    ]
    alone = next(scoring.score(trained(), [telemetry(asset.values[end:], asset="mill", first=end)]))
    np.testing.assert_array_equal(scores.score[end:], alone.score)
    np.testing.assert_array_equal(scores.expected[end:], alone.expected)
    assert alerts_in(table_of(asset)), "the trouble was strong enough to be remembered"


def test_maintenance_raises_nothing_and_holds_what_stands() -> None:
    wild = mill((CHANGE, 40.0), (CHANGE + 100, -40.0))
    assert alerts_in(table_of(wild))
    assert not alerts_in(table_of(wild, told("maintenance", CHANGE, CHANGE + 100)))

    failed = mill((CHANGE, 40.0))
    rest = told("maintenance", CHANGE + 50, N)
    (alert,) = alerts_in(table_of(failed, rest))
    assert alert.cleared_us is None
    assert alert.updated_us == START + (N - 1) * MINUTE


@pytest.mark.parametrize("left_out", [(), range(CHANGE + 5, CHANGE + 40)], ids=["measured", "in a gap"])
def test_maintenance_cancels_an_on_delay_that_still_counts(left_out: Sequence[int]) -> None:
    asset = mill((CHANGE, 40.0), left_out=left_out)
    work = told("maintenance", CHANGE + 20, CHANGE + 35)
    policy = replace(POLICY, on_delay_us=30 * MINUTE)
    (alert,) = alerts_in(table_of(asset, work), policy)
    assert alert.raised_us >= work.end_us + 30 * MINUTE
    (before,) = alerts_in(table_of(asset), policy)
    assert before.raised_us < alert.raised_us


def test_rows_that_are_ignored_are_no_evidence_and_the_evidence_goes_on() -> None:
    asset = mill((CHANGE, 40.0), (CHANGE + 8, -40.0))
    for kind in ("ignore", "calibration"):
        scores = scores_of(asset, told(kind, CHANGE, CHANGE + 7))
        assert states(scores, slice(CHANGE - 1, CHANGE + 9)) == ["SCORED", *["OUT_OF_STATE"] * 8, "SCORED"]
        stopped = asset.state.copy()
        stopped[CHANGE : CHANGE + 8] = State.OUT_OF_STATE
        as_a_stop = next(scoring.score(trained(), [replace(asset, state=stopped)]))
        np.testing.assert_array_equal(scores.score, as_a_stop.score)


def test_after_a_process_change_evidence_starts_anew_and_all_rows_are_judged() -> None:
    asset = mill()
    scores = scores_of(asset, told("process_change", CHANGE, CHANGE + 50))
    assert states(scores, slice(CHANGE, CHANGE + 54)) == [*["SCORED"] * 51, "WARM_UP", "WARM_UP", "SCORED"]
    before = next(scoring.score(trained(), [asset]))
    np.testing.assert_array_equal(scores.score[: CHANGE + 51], before.score[: CHANGE + 51])


@pytest.mark.parametrize("kind", ["failure", "anomaly", "normal"])
def test_what_is_no_work_on_the_machine_acts_on_no_score(kind: str) -> None:
    one = acted(mill(), told(kind, 100, 200), told("maintenance", 100, 200, asset="another"))
    assert one.telemetry is one.measured
    assert not one.notes


def test_a_grid_row_that_holds_any_part_of_an_event_is_inside() -> None:
    ten = Grid(10 * MINUTE)
    asset, _ = to_grid("mill", START + np.arange(0, 600) * MINUTE, names(), healthy(600, seed=2), ten)
    inside = [
        np.flatnonzero(interventions.anew(asset, [event], 10).state == State.OUT_OF_STATE).tolist()
        for event in (told("ignore", 63, 81), told("ignore", 65, 65), told("maintenance", -90, -20))
    ]
    assert inside == [[7, 8, 9], [7], []]


# ---------------------------------------------------------------- one sensor


def test_a_sensor_in_calibration_is_missing_and_its_value_is_kept() -> None:
    asset = mill((CHANGE, 40.0), (CHANGE + 20, -40.0))
    scores = scores_of(asset, told("calibration", CHANGE, CHANGE + 19, "s1"))
    during, after = slice(CHANGE, CHANGE + 20), slice(CHANGE + 22, None)
    assert states(scores, slice(CHANGE, N)) == ["SCORED"] * (N - CHANGE)
    assert (scores.shares[during, 1] == 0).all()
    assert np.isnan(scores.expected[during, 1]).all()
    assert np.isfinite(scores.expected[during, 0]).all()
    np.testing.assert_array_equal(scores.telemetry.values, asset.values)
    assert (scores.shares[after, 1] > 0).all()
    assert np.nanmax(scores.return_period_s) < 3 * 86_400
    assert abs(np.mean(asset.values[after, 1] - scores.expected[after, 1])) < 0.5, "nothing is taken off"


def test_a_sensor_that_comes_back_is_seen_by_the_network_before_it_is_judged() -> None:
    telemetry_ = acted(mill(left_out=[CHANGE + 21]), told("calibration", CHANGE, CHANGE + 19, "s1")).telemetry
    assert telemetry_.muted is not None
    assert np.argwhere(telemetry_.muted).tolist() == [[CHANGE + 20, 1], [CHANGE + 22, 1]]


def test_a_bound_does_not_count_while_its_sensor_is_worked_on() -> None:
    asset = mill((CHANGE, 40.0), (CHANGE + 20, -40.0))
    policy = replace(POLICY, bounds={"s1": Bound(high=45.0)})
    assert [a.severity for a in alerts_in(table_of(asset), policy)] == ["critical"]
    assert not alerts_in(table_of(asset, told("calibration", CHANGE, CHANGE + 19, "s1")), policy)


def test_a_bound_counts_on_a_new_sensor_that_waits_for_its_offset() -> None:
    asset = mill((CHANGE + 50, 40.0))
    policy = replace(POLICY, bounds={"s1": Bound(high=45.0)})
    change = told("sensor_change", CHANGE, CHANGE + 5, "s1")
    (alert,) = alerts_in(table_of(asset, change), policy)
    assert alert.severity == "critical"
    assert alert.raised_us == START + (CHANGE + 50) * MINUTE
    assert "s1 went beyond its bound of 45" in alert.reason


def test_a_new_sensor_raises_nothing_and_is_watched_again_once_its_offset_is_known() -> None:
    change = told("sensor_change", CHANGE - 5, CHANGE, "s1")
    asset = mill((CHANGE, 7.0))
    assert alerts_in(table_of(asset))
    assert not alerts_in(table_of(asset, change))
    scores = scores_of(asset, change)
    waits, back = slice(CHANGE - 5, BACK - 10), slice(BACK, None)
    np.testing.assert_array_equal(scores.telemetry.values, asset.values)
    assert (scores.shares[waits, 1] == 0).all()
    assert (scores.shares[back, 1] > 0).all()
    assert abs(np.mean(asset.values[back, 1] - scores.expected[back, 1])) < 0.5, "comparable with what was measured"

    (alert,) = alerts_in(table_of(mill((CHANGE, 7.0), (BACK + 300, 7.0)), change))
    assert alert.onset_us >= START + (BACK + 290) * MINUTE
    assert alert.sensors[0].sensor == "s1"
    assert alert.sensors[0].direction == "above"


def test_the_offset_is_taken_from_more_rows_as_they_come_and_then_stays() -> None:
    (shift,) = acted(mill((CHANGE, 7.0)), told("sensor_change", CHANGE, CHANGE, "s1")).shifts
    assert shift.final
    assert shift.rows == LOOKS[-1]
    since = [us for us, _ in shift.offsets]
    assert since == sorted(since)
    assert since[0] == START + (CHANGE + 1 + 2 + LOOKS[0]) * MINUTE  # the change, two rows of warm-up, its rows
    assert [offset for _, offset in shift.offsets] == pytest.approx([7.0] * 3, abs=0.5)
    wild = mill((CHANGE, 7.0), (BACK + LOOKS[-1], 50.0))
    assert acted(wild, told("sensor_change", CHANGE, CHANGE, "s1")).shifts == (shift,)


def test_what_a_sensor_measured_before_its_change_is_not_held_against_it() -> None:
    """The old sensor was far off for long; the slow evidence would remember that for many hundred rows."""
    asset = mill((100, 8.0), (CHANGE, -8.0))
    change = told("sensor_change", CHANGE - 2, CHANGE, "s1")
    after = slice(CHANGE, CHANGE + 200)
    assert np.nanmax(scores_of(asset, change).return_period_s[after]) < 3 * 86_400
    one = replace(acted(asset, change).telemetry, renewed=None)
    (remembering,) = scoring.score(trained(), [one])
    assert np.nanmin(remembering.return_period_s[after]) > 30 * 86_400


def test_maintenance_of_one_sensor_forgets_that_sensor_and_no_other() -> None:
    asset = mill((100, 30.0), sensor=2)
    scores = scores_of(asset, told("maintenance", CHANGE, CHANGE + 10, "s1"))
    assert "WARM_UP" not in states(scores, slice(CHANGE, N))
    assert np.nanmin(scores.return_period_s[CHANGE:]) > 3 * 86_400, "the other sensor's trouble goes on"


def test_a_second_change_takes_the_place_of_the_first() -> None:
    asset = mill((CHANGE, 7.0), (900, -3.0))
    one = acted(asset, told("sensor_change", 900, 901, "s1"), told("sensor_change", CHANGE, CHANGE + 1, "s1"))
    first, second = one.shifts
    assert first.offsets[-1][1] == pytest.approx(7.0, abs=0.5)
    assert second.offsets[-1][1] == pytest.approx(4.0, abs=0.5)
    assert one.offset is not None
    assert one.offset[-1, 1] == second.offsets[-1][1]
    assert one.offset[950, 1] == 0.0


def test_a_known_shift_is_not_found_again() -> None:
    change = told("sensor_change", CHANGE, CHANGE, "s1")
    (shift,) = acted(mill((CHANGE, 7.0)), change).shifts
    late = telemetry(healthy(50, seed=3), asset="mill", first=3000)
    one = under_events(trained(), late, [change], [shift])
    assert one.shifts == (shift,)
    assert one.offset is not None
    assert (one.offset[:, 1] == shift.offsets[-1][1]).all()
    unfinished = Shift(change, 300, shift.offsets[:1])
    assert under_events(trained(), mill((CHANGE, 7.0)), [change], [unfinished]).shifts == (shift,)


def test_the_offset_needs_no_row_before_the_change() -> None:
    """A run that scores from where it stopped gets the bits of one run if its rows reach back to the change."""
    change, whole = told("sensor_change", CHANGE, CHANGE + 3, "s1"), mill((CHANGE, 7.0))
    part = telemetry(whole.values[CHANGE:], asset="mill", first=CHANGE)
    assert acted(part, change).shifts == acted(whole, change).shifts


def test_rows_in_an_unseen_context_tell_no_offset() -> None:
    values = healthy(N, seed=9)
    values[CHANGE : CHANGE + 100, 3] = 50.0
    (shift,) = acted(telemetry(values, asset="mill"), told("sensor_change", CHANGE, CHANGE, "s1")).shifts
    assert shift.offsets[0][0] >= START + (CHANGE + 100 + LOOKS[0]) * MINUTE


def test_a_change_that_was_over_before_training_saw_the_asset_acts_on_nothing() -> None:
    early = told("sensor_change", -50, -10, "s1", "pump")
    assert trained().report["assets"] == {"pump": 4000}
    assert not acted(telemetry(healthy(300, seed=3)), early).shifts
    assert acted(telemetry(healthy(300, seed=3), asset="sister"), replace(early, asset="")).shifts


# ---------------------------------------------------------------- what is told


def test_what_was_done_is_told_with_sensor_offset_unit_and_since_when() -> None:
    events = [
        told("maintenance", 100, 110),
        told("calibration", 200, 210, "s0"),
        told("sensor_change", CHANGE, CHANGE, "s1"),
        told("sensor_change", N - 100, N - 100, "s2"),
        told("calibration", 300, 310, "s9"),
    ]
    notes = acted(mill((CHANGE, 7.0)), *events).notes
    assert notes[0].startswith("mill: 11 rows not judged: maintenance 2026-01-01T01:40:00Z to 2026-01-01T01:50:00Z.")
    assert "the evidence starts anew after maintenance" in notes[1]
    assert "'s0' left out on 11 rows: calibration" in notes[2]
    (offset,) = [note for note in notes if "taken off" in note]
    assert "'s1' was changed until 2026-01-01T06:40:00Z" in offset
    assert " bar above what was expected" in offset
    assert f"since {np.datetime64(START + (CHANGE + 3 + LOOKS[-1]) * MINUTE, 'us').astype('datetime64[s]')}Z" in offset
    (waits,) = [note for note in notes if "so far" in note]
    assert "'s2' was changed until" in waits
    assert "so far 97 do" in waits
    assert "the model has no sensor 's9'" in notes[-1]


def test_a_change_without_a_sensor_is_maintenance_and_says_so() -> None:
    asset = mill((CHANGE, 7.0))
    unnamed, work = (acted(asset, told(kind, CHANGE, CHANGE + 5)) for kind in ("sensor_change", "maintenance"))
    np.testing.assert_array_equal(unnamed.telemetry.state, work.telemetry.state)
    np.testing.assert_array_equal(unnamed.telemetry.stretch, work.telemetry.stretch)
    assert not unnamed.shifts
    assert any("Name the sensor" in note for note in unnamed.notes)


def test_a_context_that_was_changed_is_left_out_and_nothing_is_taken_off() -> None:
    one = acted(mill(), told("sensor_change", CHANGE, CHANGE + 5, "c0"))
    assert np.flatnonzero(np.isnan(one.telemetry.values[:, 3])).tolist() == list(range(CHANGE, CHANGE + 6))
    assert not one.shifts
    assert any("'c0' is a context" in note for note in one.notes)


def test_scores_may_differ_from_the_first_event_on_that_differs() -> None:
    one, other = told("maintenance", 100, 110), told("sensor_change", 200, 210, "s1")
    assert changed_from([one, other], [other, one], "mill") is None
    assert changed_from([one], [one, other], "mill") == other.start_us
    assert changed_from([one, other], [replace(one, end_us=one.end_us + 1), other], "mill") == one.start_us
    assert changed_from([one], [replace(one, note="oil checked", line=9)], "mill") is None
    assert changed_from([], [told("failure", 0, 50), told("maintenance", 0, 5, asset="another")], "mill") is None
    assert changed_from([], [replace(one, asset="")], "mill") == one.start_us


def test_no_score_before_a_changed_event_differs() -> None:
    asset = mill()
    old, new = [told("maintenance", 100, 110)], [told("maintenance", 100, 110), told("process_change", 700, 800)]
    before, after = scores_of(asset, *old), scores_of(asset, *new)
    start = changed_from(old, new, "mill")
    assert start is not None
    rows = asset.time_us < start
    np.testing.assert_array_equal(before.score[rows], after.score[rows])
    assert not np.array_equal(before.score, after.score, equal_nan=True)
