from __future__ import annotations

import numpy as np
import pytest

from anomaly_lstm import conditions
from anomaly_lstm.guesses import (
    context_of,
    is_label,
    moves_in_steps,
    off_below,
    quantity_of,
    running_when,
    unit_of,
    words_of,
)

ROWS = 5000


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("bearing_temp", ["bearing", "temp"]),
        ("MotorSpeedRPM", ["motor", "speed", "rpm"]),
        ("TT-3101A.DE.PV", ["tt", "3101", "a", "de", "pv"]),
        (r"\\srv\Área 2:TT%", ["srv", "área", "2", "tt"]),
    ],
)
def test_a_name_falls_into_words_at_marks_and_capitals(name: str, words: list[str]) -> None:
    assert [w for w in words_of(name) if w] == words or "".join(words_of(name)) == "".join(words)


@pytest.mark.parametrize(
    ("name", "quantity"),
    [
        ("bearing_temp", "temperature"),
        ("TT-3101A.DE.PV", "temperature"),
        ("PDIT 204", "pressure"),
        ("Volume Flow RateRMS", "flow"),
        ("pressure pump current", "current"),
        ("Lagertemperatur", None),
        ("P-3101A", None),
        ("value", None),
    ],
)
def test_the_quantity_is_read_from_words_and_from_tags_of_instruments(name: str, quantity: str | None) -> None:
    assert quantity_of(name) == quantity


@pytest.mark.parametrize(
    ("name", "unit", "sure"),
    [
        ("temp_C", "°C", True),
        ("oil_temp_degF", "°F", True),
        ("flow_m3h", "m³/h", True),
        ("current_a", "A", True),
        ("bearing_temp", "°C", False),
        ("VT-3101A", "mm/s", False),
    ],
)
def test_a_unit_in_the_name_is_sure_and_one_of_the_quantity_a_guess(name: str, unit: str, sure: bool) -> None:
    found = unit_of(name)
    assert found is not None
    assert (found.value, found.sure) == (unit, sure)


@pytest.mark.parametrize("name", ["value", "s11", "a", "speed_setpoint"])
def test_where_nothing_is_said_no_unit_is_guessed(name: str) -> None:
    assert unit_of(name) is None


@pytest.mark.parametrize(
    ("name", "what"),
    [
        ("SIC-3101A.SP", "a set-point"),
        ("speed_setpoint", "a set-point"),
        ("Supply Air Temperature Set Point", "a set-point"),
        ("s18_Nf_dmd", "a set-point"),
        ("setting_1", "a set-point"),
        ("LIC101.OP", "a command"),
        ("Valve Control Signal", "a command"),
        ("ambient_temp", "the weather"),
        ("Outdoor Air Temperature", "the weather"),
        ("pump_load", "the load"),
        ("MotorSpeed", "the speed"),
        ("motor_current", None),
        ("vibration", None),
        ("spindle", None),
    ],
)
def test_context_is_known_by_its_name(name: str, what: str | None) -> None:
    assert context_of(name) == what


def test_a_sensor_that_rests_and_jumps_moves_in_steps() -> None:
    rng = np.random.default_rng(0)
    plan = np.repeat(rng.integers(50, 100, ROWS // 50), 50).astype(float)
    assert moves_in_steps(plan)


def test_a_slow_sensor_of_coarse_steps_and_a_switch_do_not_move_in_steps() -> None:
    slow = np.round(10 + 5 * np.sin(np.arange(ROWS) / 800))
    switch = (np.arange(ROWS) // 400 % 2).astype(float)
    assert not moves_in_steps(slow)
    assert not moves_in_steps(switch)
    assert not moves_in_steps(np.random.default_rng(0).normal(size=ROWS))
    assert not moves_in_steps(np.full(5, np.nan))


def current(off: int) -> np.ndarray:
    """A motor that is off for the first ``off`` rows."""
    load = 80 + 20 * np.sin(np.arange(ROWS) / 100) + np.random.default_rng(0).normal(0, 1, ROWS)
    load[:off] = 0.1
    return load


def test_two_states_of_a_load_show_when_the_asset_is_off() -> None:
    limit = off_below(current(300))
    assert limit is not None
    assert 0.1 < limit < 55


def test_a_load_that_is_never_off_and_one_that_ranges_to_zero_show_nothing() -> None:
    assert off_below(current(0)) is None
    assert off_below(np.random.default_rng(0).uniform(0, 100, ROWS)) is None
    assert off_below(np.random.default_rng(0).normal(0, 10, ROWS)) is None
    assert off_below(np.zeros(ROWS)) is None
    assert off_below(np.full(3, np.nan)) is None


def test_the_current_says_best_whether_an_asset_runs() -> None:
    found = running_when([("speed", current(300)), ("motor_current", current(300)), ("flow", current(300))])
    assert found is not None
    assert found.value.startswith("motor_current > ")
    assert "two states" in found.why


def test_a_status_of_0_and_1_says_it_where_no_load_does() -> None:
    status = (np.arange(ROWS) > 300).astype(float)
    found = running_when([("vibration", current(300)), ("Supply Fan Status", status)])
    assert found is not None
    assert found.value == "'Supply Fan Status' > 0.5"


@pytest.mark.parametrize("name", ["in current", "it's current", 'a "current"', r"\\srv\current"])
def test_the_condition_names_the_sensor_however_it_is_called(name: str) -> None:
    found = running_when([(name, current(300))])
    assert found is not None
    assert conditions.sensors_in(conditions.parse(found.value)) == [name]


def test_a_name_that_no_condition_can_hold_gives_none() -> None:
    assert running_when([("a 'current' of \"that\"", current(300)), ("current\n> 0", current(300))]) is None


def test_a_switch_of_something_else_does_not_say_it() -> None:
    assert running_when([("Occupancy load", (np.arange(ROWS) > 300).astype(float))]) is None


@pytest.mark.parametrize("name", ["anomaly", "Fault Detection Ground Truth", "is_failure", "Label"])
def test_a_label_is_known_by_its_name_where_it_has_few_values(name: str) -> None:
    assert is_label(name, 2)
    assert not is_label(name, 3000)


@pytest.mark.parametrize("name", ["default_speed", "flow", "machine_state"])
def test_other_columns_of_few_values_are_no_labels(name: str) -> None:
    assert not is_label(name, 2)
