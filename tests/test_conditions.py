from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from anomaly_lstm.conditions import Float64, holds, parse, sensors_in
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
    assert holds(text, COLUMNS)[:3].tolist() == rows


@pytest.mark.parametrize("text", ["current > 5", "current < 5", "not current > 5", "current > 5 and speed > 9"])
def test_a_row_that_misses_a_sensor_it_needs_counts_as_holding(text: str) -> None:
    assert holds(text, COLUMNS)[3]


def test_a_row_that_misses_another_sensor_is_judged() -> None:
    assert not holds("speed > 9", COLUMNS)[3]


@pytest.mark.parametrize("name", ["PIT-3101A.PV", r"\\srv\Área 2:TT%", r"C:\new\table", "0,9 % flow", "class"])
def test_whatever_the_plant_calls_a_sensor_can_stand_in_quotes(name: str) -> None:
    columns = {name: np.array([1.0, 9.0])}
    assert sensors_in(parse(f"'{name}' > 5")) == [name]
    assert holds(f'"{name}" > 5', columns).tolist() == [False, True]


def test_every_sensor_is_mentioned_once() -> None:
    assert sensors_in(parse("a > 1 and (b < a or 'c d' == 2)")) == ["a", "b", "c d"]


def test_an_unknown_sensor_is_named_with_the_nearest_ones() -> None:
    with pytest.raises(UsageError, match=r"no sensor 'curent'.*Did you mean current"):
        holds("curent > 5", COLUMNS)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "current >",
        "current",
        "current + 1 > 5",
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
    assert holds(f"x > {limit!r}", column)[0] != holds(f"x <= {limit!r}", column)[0]
