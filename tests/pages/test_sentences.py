from __future__ import annotations

from typing import Any
from zoneinfo import ZoneInfo

import pytest

from anomaly_lstm.actions import Action
from anomaly_lstm.clock import iso
from anomaly_lstm.pages.sentences import case_words, reach_sentence, sentence
from anomaly_lstm.pages.texts import Tongue
from anomaly_lstm.policy import Bound
from tests.reports import alert, over
from tests.toys import MINUTE, START

ENGLISH, SPANISH = (Tongue(one, ZoneInfo("UTC")) for one in ("en", "es"))


def test_a_sentence_says_which_sensor_how_far_since_when_and_how_rare() -> None:
    assert sentence(alert(), {}, ENGLISH) == (
        "bearing_temp 71.1 °C, 6.1 °C above expected (vibration too) since 1 January 2026 08:20; "
        "in normal operation this comes about once in 400 days."
    )


def test_two_sensors_that_follow_are_two_words() -> None:
    sensors = [{**one, "share": 0.3} for one in alert()["sensors"]]
    assert "(vibration and flow too)" in sentence(alert(sensors=sensors), {}, ENGLISH)
    assert "(también vibration y flow)" in sentence(alert(sensors=sensors), {}, SPANISH)


def test_a_bound_that_is_crossed_comes_first() -> None:
    said = sentence(alert(), {"bearing_temp": Bound(high=70.0)}, ENGLISH)
    assert said.startswith("bearing_temp beyond its bound of 70 °C; bearing_temp 71.1 °C, 6.1 °C above")
    assert "bound" not in sentence(alert(), {"bearing_temp": Bound(low=60.0, high=85.0)}, ENGLISH)
    assert "bound of 72 °C" in sentence(alert(), {"bearing_temp": Bound(low=72.0)}, ENGLISH)


def test_the_same_is_said_in_spanish() -> None:
    assert sentence(alert(), {"bearing_temp": Bound(high=70.5)}, SPANISH) == (
        "bearing_temp fuera de su límite de 70,5 °C; bearing_temp 71,1 °C, 6,1 °C por encima de lo esperado "
        "(también vibration) desde el 1 de enero de 2026, 08:20; en operación normal ocurre una vez cada 400 días."
    )


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"kind": "no_data", "sensors": []}, "no data since 1 January 2026 08:20."),
        ({"kind": "sensor_bad"}, "bearing_temp without values since 1 January 2026 08:20."),
        ({"sensors": []}, "unusual behaviour since 1 January 2026 08:20."),
    ],
)
def test_missing_data_and_alerts_without_sensors_are_said_as_such(changes: dict[str, Any], words: str) -> None:
    silent = {"time": alert()["onset"], "score": None, "return_period_s": None}
    assert sentence(alert(peak=silent, **changes), {}, ENGLISH) == words


def test_a_sensor_without_a_value_is_unusual() -> None:
    first = {**alert()["sensors"][0], "value": None, "direction": "unknown"}
    assert sentence(alert(sensors=[first]), {}, ENGLISH).startswith("bearing_temp is unusual since 1 January")


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({}, "bearing_temp 85 °C in about 31 h (18 h to 60 h) if load and trend stay."),
        ({"state": "cannot_say", "reason": "no trend"}, "When bearing_temp reaches 85 °C, nobody can say (no trend)."),
        (
            {"sensor": None, "severity": "warning", "state": "cannot_say", "reason": "no trend"},
            "When it reaches the limit of warning, nobody can say (no trend).",
        ),
        ({"state": "beyond_range"}, "bearing_temp 85 °C: not in the time that its trend can tell of."),
        ({"state": "pending"}, "bearing_temp 85 °C: too few rows since the onset to say when."),
        (
            {"sensor": None, "severity": "warning"},
            "the limit of warning in about 31 h (18 h to 60 h) if load and trend stay.",
        ),
    ],
)
def test_what_an_alert_comes_to_is_said_or_that_nobody_can(changes: dict[str, Any], words: str) -> None:
    (reach,) = alert()["reaches"]
    assert reach_sentence({**reach, **changes}, ENGLISH) == words
    assert reach_sentence({**reach, **changes}, SPANISH) != words


def act(do: str, by: str, minutes: int = 0, **more: Any) -> Action:
    return Action("", START + minutes * MINUTE, by, do, "pump-03", alert_id=alert()["alert_id"], **more)


SHELVED = {"shelved_until": iso(START + 720 * MINUTE)}


@pytest.mark.parametrize(
    ("one", "acts", "words"),
    [
        (alert(), [act("acknowledge", "anna")], "Nobody has acknowledged it."),
        (alert(acked=True, acked_by="anna"), [], "Acknowledged by anna."),
        (alert(acked=True, acked_by="anna"),
         [act("acknowledge", "bo"), act("acknowledge", "anna", 5, why="seen"), act("shelve", "cy", 9)],
         "Acknowledged by anna, 1 January 2026 00:05 (seen)."),
        (alert(**SHELVED), [act("shelve", "anna", why="spare ordered")],
         "Shelved until 1 January 2026 12:00 by anna, 1 January 2026 00:00 (spare ordered)."),
        (alert(closed=True), [act("close", "anna", why="known wear")],
         "Closed by anna, 1 January 2026 00:00 (known wear), though it still deviates."),
        (over(closed=True), [], "Closed."),
        (over(verdict="real", verdict_by="anna", closed=True), [act("verdict", "anna", note="seal gone")],
         "Verdict real by anna, 1 January 2026 00:00 (seal gone)."),
        (alert(out_of_service=True), [Action("", START, "bo", "out_of_service", "pump-03", why="overhaul")],
         "Out of service by bo, 1 January 2026 00:00 (overhaul)."),
        (alert(out_of_service=True), [Action("", START, "bo", "out_of_service", "pump-04")], "Out of service."),
    ],
)  # fmt: skip
def test_what_people_did_is_told_with_by_whom_when_and_why(one: dict[str, Any], acts: list[Action], words: str) -> None:
    assert case_words(one, ENGLISH, acts) == words
