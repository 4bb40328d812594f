from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from anomaly_lstm.conditions import Float64, judged, parse, running, sensors_in, words_in
from anomaly_lstm.errors import UsageError

COLUMNS: dict[str, Float64] = {
    "current": np.array([0.0, 5.0, 6.0, np.nan]),
    "PIT-3101A.PV": np.array([50.0, 40.0, 30.0, 30.0]),
    "speed": np.array([1.0, 1.0, 1.0, 1.0]),
}


@pytest.mark.parametrize(
    ("text", "rows"),
    [
        ("current > 5", [False, False, True]),
        ("current >= 5", [False, True, True]),
        ("5 <= current", [False, True, True]),
        ("current == 5", [False, True, False]),
        ("current != 5", [True, False, True]),
        ("current < -1", [False, False, False]),
        ("0 < current < 6", [False, True, False]),
        ("current > speed", [False, True, True]),
        ("current > 5 and 'PIT-3101A.PV' <= 40", [False, False, True]),
        ('current > 5 or "PIT-3101A.PV" > 45', [True, False, True]),
        ("not current > 5", [True, True, False]),
        ("not (current > 5 or current < 1)", [False, True, False]),
        ("current > 5e0", [False, False, True]),
    ],
)
def test_a_condition_is_read_as_it_is_said(text: str, rows: list[bool]) -> None:
    assert (judged(text, COLUMNS)[:3] == 1).tolist() == rows


@pytest.mark.parametrize(
    ("text", "rows"),
    [
        ("current * speed > 5", [False, False, True]),
        ("current + 1 >= 6", [False, True, True]),
        ("-current < -5", [False, False, True]),
        ("abs('PIT-3101A.PV' - 40) < 2", [False, True, False]),
        ("current / 'PIT-3101A.PV' > 0.1", [False, True, True]),
        ("max(current, speed) > 5", [False, False, True]),
        ("min(current, 5.5) == 5.5", [False, False, True]),
        ("between(current, 5, 6)", [False, True, True]),
        ("not between(current - 5, 0, 1)", [True, False, False]),
        ("current in (0, 6)", [True, False, True]),
        ("current not in [0, 6]", [False, True, False]),
    ],
)
def test_sensors_may_be_reckoned_with(text: str, rows: list[bool]) -> None:
    assert (judged(text, COLUMNS)[:3] == 1).tolist() == rows


def test_what_is_divided_by_nothing_is_not_known() -> None:
    assert judged("a / b > 2", {"a": np.array([0.0, 1.0]), "b": np.array([0.0, 0.0])}).tolist() == [-1, 1]


STATUS = {"machine_status": np.array([0.0, 1.0, 2.0, np.nan]), "current": np.array([1.0, 2.0, 3.0, 4.0])}
WORDS = {"machine_status": ("RUN", "STOP", "STARTUP")}


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("machine_status == 'RUN'", [1, 0, 0, -1]),
        ("machine_status != 'RUN'", [0, 1, 1, -1]),
        ("machine_status in ('RUN', 'STARTUP')", [1, 0, 1, -1]),
        ("machine_status in ('RUN')", [1, 0, 0, -1]),
        ("machine_status not in ['RUN', 'STARTUP']", [0, 1, 0, -1]),
        ("'machine_status' == 'RUN' or current > 2", [1, 0, 1, -1]),
        ("machine_status == 'NEVER SAID'", [0, 0, 0, -1]),
    ],
)
def test_a_status_column_is_compared_with_its_words(text: str, says: list[int]) -> None:
    assert judged(text, STATUS, WORDS).tolist() == says
    assert set(words_in(parse(text))) == {"machine_status"}


def test_the_words_of_a_condition_are_no_sensors() -> None:
    tree = parse("a == 'RUN' and 'b c' in ('ON', 'OFF') and a != 'IDLE' and d > 1 and 'e' == 2")
    assert sensors_in(tree) == ["a", "b c", "d", "e"]
    assert words_in(tree) == {"a": ("RUN", "IDLE"), "b c": ("ON", "OFF")}


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("current == 'RUN'", "'current' holds numbers, and 'RUN' in quotes is a word"),
        ("machine_status > 1", r"'machine_status' holds words \(RUN, STOP, STARTUP\)"),
    ],
)
def test_words_and_numbers_are_not_compared(text: str, why: str) -> None:
    with pytest.raises(UsageError, match=why):
        judged(text, STATUS, WORDS)


def test_a_status_column_without_any_value_is_not_known() -> None:
    assert judged("s == 'RUN'", {"s": np.full(2, np.nan)}).tolist() == [-1, -1]


@pytest.mark.parametrize(
    ("text", "place"),
    [("current > 5 and speed", 17), (r"'\\srv\a' > 1 and current + sqrt(speed) > 2", 29), ("'Área' > 1 or 2 < 3", 15)],
)
def test_a_mistake_is_told_with_its_place(text: str, place: int) -> None:
    with pytest.raises(UsageError, match=f"character {place}:"):
        parse(text)


def test_a_condition_nested_too_deeply_is_refused() -> None:
    with pytest.raises(UsageError, match="condition"):
        parse("not " * 50_000 + "a > 1")


def test_a_value_counts_until_it_is_too_old() -> None:
    columns = {"a": np.array([1.0, np.nan, np.nan, np.nan]), "b": np.array([np.nan, 5.0, np.nan, np.nan])}
    time_us = np.array([0, 10, 20, 30])
    ran, until = running("a < 3 and b > 3", time_us, columns, {"a": 20, "b": 15})
    assert ran.tolist() == [-1, 1, 1, -1]
    assert until[1:3].tolist() == [20, 20]


@pytest.mark.parametrize("text", ["current > 5", "current < 5", "not current > 5", "current > 5 and speed > 9"])
def test_a_row_that_misses_a_sensor_it_needs_counts_as_holding(text: str) -> None:
    assert judged(text, COLUMNS)[3]


def test_a_row_that_misses_another_sensor_is_judged() -> None:
    assert not judged("speed > 9", COLUMNS)[3]


@pytest.mark.parametrize("name", ["PIT-3101A.PV", r"\\srv\Área 2:TT%", r"C:\new\table", "0,9 % flow", "class"])
def test_whatever_the_plant_calls_a_sensor_can_stand_in_quotes(name: str) -> None:
    columns = {name: np.array([1.0, 9.0])}
    assert sensors_in(parse(f"'{name}' > 5")) == [name]
    assert judged(f'"{name}" > 5', columns).tolist() == [0, 1]


def test_every_sensor_is_mentioned_once() -> None:
    assert sensors_in(parse("a > 1 and (b < a or 'c d' == 2)")) == ["a", "b", "c d"]


def test_an_unknown_sensor_is_named_with_the_nearest_ones() -> None:
    with pytest.raises(UsageError, match=r"no sensor 'curent'.*Did you mean current"):
        judged("curent > 5", COLUMNS)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "current >",
        "current",
        "current + 1",
        "abs(current)",
        "abs(current, speed) > 5",
        "sqrt(current) > 5",
        "between(1, 2, 3)",
        "between(current, 1)",
        "current ** 2 > 5",
        "current % 2 > 0",
        "current in ('RUN', 2)",
        "current in ()",
        "1 in (1, 2)",
        "current between 2 and 5",
        "current > 5 and",
        "1 < 2",
        "True",
        "current > True",
        "current in speed",
        "current is speed",
        "__import__('os').system('true') > 1",
        "current.real > 5",
        "current[0] > 5",
        "(lambda: 1)() > current",
        "[current > 5 for current in speed]",
        "current := 5",
        "current > 5\nspeed > 5",
        "current > 1j",
        "current > 5\0",
    ],
)
def test_anything_but_comparisons_of_sensors_is_refused(text: str) -> None:
    with pytest.raises(UsageError, match="condition"):
        parse(text)


@given(st.text(max_size=30))
def test_no_text_leads_to_anything_but_a_condition_or_a_usage_error(text: str) -> None:
    try:
        tree = parse(text)
    except UsageError:
        return
    assert sensors_in(tree)


@given(st.floats(allow_nan=False, allow_infinity=False), st.floats(allow_nan=False, allow_infinity=False))
def test_a_comparison_holds_or_its_opposite_does(value: float, limit: float) -> None:
    column = {"x": np.array([value])}
    assert judged(f"x > {limit!r}", column)[0] != judged(f"x <= {limit!r}", column)[0]
