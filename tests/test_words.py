from __future__ import annotations

import pytest

from anomaly_lstm import words


def test_names_from_data_are_neither_markup_nor_orders_to_the_terminal() -> None:
    assert words.clean("[red]\x1b[2J\nÅrea 2:TT%\u202e") == "[red]\\x1b[2J\\nÅrea 2:TT%\\x202e"


@pytest.mark.parametrize(
    ("seconds", "said"),
    [
        (0.25, "0.2 s"),
        (45, "45 s"),
        (100, "100 s"),
        (99 * 60, "99 min"),
        (41 * 3600, "41 h"),
        (5.25 * 86400, "5.2 days"),
        (90 * 86400, "90 days"),
    ],
)
def test_spans_are_said_as_a_person_says_them(seconds: float, said: str) -> None:
    assert words.span(seconds) == said


@pytest.mark.parametrize(
    ("count", "what", "said"),
    [(1, "alert", "1 alert"), (1204, "row", "1,204 rows"), (2, "anomaly", "2 anomalies"), (0, "day", "0 days")],
)
def test_things_are_counted_as_a_person_counts_them(count: int, what: str, said: str) -> None:
    assert words.counted(count, what) == said
