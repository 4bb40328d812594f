"""Missing data as alerts of their own."""

from __future__ import annotations

import json
from collections.abc import Sequence
from importlib.resources import files
from typing import Any

import jsonschema
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from anomaly_lstm.clock import iso, parse_time
from anomaly_lstm.silence import Gap, Presence, changes_of, gaps, no_data_after, sensor_bad_after, silences
from anomaly_lstm.tables import State
from tests.toys import MINUTE, START

SCHEMA: dict[str, Any] = json.loads((files("anomaly_lstm") / "schemas" / "alerts.schema.json").read_text("utf-8"))
S, N, BAD, OFF = State.SCORED, State.NO_DATA, State.SENSOR_BAD, State.OUT_OF_STATE
AFTER = 3 * MINUTE


def at(row: float) -> int:
    return START + round(row * MINUTE)


def came(rows: Sequence[int], states: Sequence[State] | None = None, temp: Sequence[bool] | None = None) -> Presence:
    """Rows of a pump, by their place on a grid of minutes; the flow is always measured where anything is."""
    state = np.array(states if states is not None else [S] * len(rows), np.uint8)
    some = state != N
    measured = np.column_stack([some & (np.array(temp, bool) if temp is not None else some), some])
    return Presence("pump", np.array([at(row) for row in rows], np.int64), state, ("temp", "flow"), measured)


def told(presence: Presence, newest: float) -> list[dict[str, Any]]:
    return silences(presence, MINUTE, at(newest), no_data_after_us=AFTER, sensor_bad_after_us=AFTER, model_id="m")


def brief(found: Sequence[dict[str, Any]]) -> list[tuple[str, str | None, float, float | None]]:
    """Kind, sensor, minute of raising, minute of clearing."""

    def row(text: str | None) -> float | None:
        return None if text is None else (parse_time(text) - START) / MINUTE

    sensor = [one["sensors"][0]["sensor"] if one["sensors"] else None for one in found]
    return [
        (one["kind"], who, row(one["raised_at"]) or 0.0, row(one["cleared_at"]))
        for one, who in zip(found, sensor, strict=True)
    ]


def test_an_asset_that_stops_sending_is_told_by_the_clock_of_the_others() -> None:
    assert told(came([0, 1, 2]), 4) == []
    assert brief(told(came([0, 1, 2]), 5)) == [("no_data", None, 5, None)]


def test_it_is_over_with_the_next_row() -> None:
    assert brief(told(came([0, 1, 2, 9]), 9)) == [("no_data", None, 5, 9)]


def test_a_row_that_comes_in_time_is_no_silence() -> None:
    assert told(came([0, 3, 6]), 6) == []


def test_rows_of_the_grid_without_data_are_silence_as_missing_rows_are() -> None:
    rows = range(10)
    assert brief(told(came(rows, [S, S, N, N, N, N, N, N, S, S]), 9)) == [("no_data", None, 4, 8)]


def test_a_stopped_asset_is_not_silent() -> None:
    assert told(came(range(10), [S] * 2 + [OFF] * 8, [True] * 2 + [False] * 8), 9) == []


def test_a_sensor_without_values_is_told_and_the_others_are_not() -> None:
    found = told(came(range(10), temp=[True, True, *[False] * 6, True, True]), 9)
    assert brief(found) == [("sensor_bad", "temp", 5, 8)]
    assert found[0]["severity"] == "advisory"
    assert found[0]["onset"] == iso(at(2))


def test_a_stop_and_a_gap_neither_count_nor_end_a_bad_sensor() -> None:
    states = [S, S, OFF, OFF, OFF, N, N, S, S, S]
    found = told(came(range(10), states, [True, *[False] * 9]), 9)
    assert brief(found) == [("sensor_bad", "temp", 9, None)]


def test_too_few_sensors_for_a_score_are_a_warning_of_the_asset() -> None:
    found = told(came(range(8), [S, S, *[BAD] * 5, S]), 7)
    assert brief(found) == [("sensor_bad", None, 5, 7)]
    assert found[0]["severity"] == "warning"


def test_each_bad_sensor_has_an_alert_of_its_own() -> None:
    presence = came(range(10))
    nothing = Presence("pump", presence.time_us, presence.state, ("temp", "flow"), np.zeros((10, 2), bool))
    found = told(nothing, 9)
    assert {one["sensors"][0]["sensor"] for one in found} == {"temp", "flow"}
    assert len({one["alert_id"] for one in found}) == 2


def test_the_documents_are_alerts_of_the_schema() -> None:
    states = [S, S, *[BAD] * 5, S, N, N, N, N]
    found = told(came(range(12), states, [True, *[False] * 11]), 14)
    assert {one["kind"] for one in found} == {"no_data", "sensor_bad"}
    alert = {"$ref": "#/$defs/alert", "$defs": SCHEMA["$defs"]}
    for one in found:
        jsonschema.validate(one, alert)


def test_a_sensor_that_is_measured_seldom_is_given_more_time() -> None:
    time_us = np.arange(5000) * MINUTE
    measured = np.ones((5000, 3), bool)
    measured[:, 1] = np.arange(5000) % 240 == 0
    measured[:, 2] = False
    assert sensor_bad_after(MINUTE, time_us, measured) == [60 * MINUTE, 2400 * MINUTE, 60 * MINUTE]
    assert no_data_after(60 * MINUTE) == 600 * MINUTE


def test_patience_may_differ_by_sensor() -> None:
    presence = came(range(10), temp=[True, *[False] * 9])
    patience = {"temp": 100 * MINUTE, "flow": AFTER}
    assert silences(presence, MINUTE, at(9), no_data_after_us=AFTER, sensor_bad_after_us=patience) == []


@settings(max_examples=200, deadline=None)
@given(
    st.sets(st.integers(0, 60), min_size=1),
    st.lists(st.sampled_from([S, N, BAD, OFF]), min_size=61, max_size=61),
    st.lists(st.booleans(), min_size=61, max_size=61),
    st.integers(0, 60),
)
def test_what_is_said_of_a_silence_never_changes_when_more_rows_come(
    rows: set[int], states: list[State], temp: list[bool], cut: int
) -> None:
    kept = sorted(rows)
    whole = came(kept, [states[row] for row in kept], [temp[row] for row in kept])
    early = [row for row in kept if row <= cut]
    part = came(early, [states[row] for row in early], [temp[row] for row in early])
    later = told(whole, 60)
    for before in told(part, cut):
        (after,) = [one for one in later if one["alert_id"] == before["alert_id"]]
        same = ("kind", "severity", "onset", "raised_at", "reason", "sensors", "peak")
        assert {key: before[key] for key in same} == {key: after[key] for key in same}
        if not before["active"]:
            assert before == after
    raised = {one["alert_id"] for one in later if parse_time(one["raised_at"]) <= at(cut)}
    assert raised == {one["alert_id"] for one in told(part, cut)}


def test_rows_after_the_newest_are_not_known_yet() -> None:
    assert told(came([0, 1, 2, 9]), 5) == told(came([0, 1, 2]), 5)


def test_a_silence_is_told_as_it_was_known_in_one_step_or_in_many() -> None:
    whole = told(came([0, 1, 2, 9]), 20)
    raised, cleared, again = changes_of(whole, at(0), at(20))
    assert [one.change for one in (raised, cleared, again)] == ["raised", "cleared", "raised"]
    early = changes_of(told(came([0, 1, 2]), 6), at(0), at(6))
    assert early == [raised]
    assert raised.alert["active"] is True
    assert changes_of(whole, at(6), at(9)) == [cleared]


def test_gaps_are_the_long_stretches_between_scores_and_the_one_after_the_last() -> None:
    presence = came(range(10), [N, S, S, N, N, N, N, S, N, S])
    found = gaps("pump", presence.time_us, presence.state, 2 * MINUTE)
    assert found == [Gap("pump", at(2), at(7)), Gap("pump", at(9), None)]
    assert gaps("pump", presence.time_us[:1], presence.state[:1], MINUTE) == []


@pytest.mark.parametrize("newest", [0, 5])
def test_an_asset_that_never_sent_anything_is_not_known(newest: int) -> None:
    assert told(came([0, 1], [N, N]), newest) == []
