"""How the list of rising sensors reads in a terminal."""

from __future__ import annotations

from typing import Any

import pytest

from anomaly_lstm.cli import show

ONE: dict[str, Any] = {
    "asset": "pump-03",
    "sensor": "bearing_temp",
    "onset": "2026-03-02T04:00:00Z",
    "updated_at": "2026-03-03T00:00:00Z",
    "value": 71.2,
    "expected": 67.1,
    "return_period_s": 4e6,
    "level": 85.0,
    "unit": "°C",
    "state": "estimate",
    "reason": None,
    "p10_s": 172_800.0,
    "p50_s": 259_200.0,
    "p90_s": 432_000.0,
    "forecast": "…",
}
NOBODY = {"p10_s": None, "p50_s": None, "p90_s": None}


@pytest.fixture(autouse=True)
def _wide(monkeypatch: pytest.MonkeyPatch) -> None:
    """A terminal in which no cell is broken."""
    monkeypatch.setenv("COLUMNS", "160")


def said(found: list[dict[str, Any]], capsys: pytest.CaptureFixture[str]) -> str:
    show.rising(show.screen(json=False, quiet=False), found)
    return " ".join(capsys.readouterr().err.split())


def test_a_row_says_which_sensor_since_when_how_far_and_when(capsys: pytest.CaptureFixture[str]) -> None:
    text = said([ONE], capsys)
    assert "Rising, no alert yet; when they reach their bounds if load and trend stay:" in text
    for part in ("pump-03", "bearing_temp", "2026-03-02 04:00", "71.2 °C", "67.1 °C", "85 °C"):
        assert part in text
    assert "in 48 h to 5 days (median 3 days)" in text


@pytest.mark.parametrize(
    ("state", "reason", "words"),
    [
        ("pending", None, "too early to say"),
        ("beyond_range", None, "later than its trend can tell"),
        ("cannot_say", "interval too wide", "nobody can say: interval too wide"),
    ],
)
def test_without_a_time_it_says_why(
    state: str, reason: str | None, words: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert words in said([{**ONE, **NOBODY, "state": state, "reason": reason, "unit": None}], capsys)


def test_nothing_that_rises_is_nothing_to_say(capsys: pytest.CaptureFixture[str]) -> None:
    assert said([], capsys) == ""


def test_a_long_list_says_how_many_more_there_are(capsys: pytest.CaptureFixture[str]) -> None:
    assert "more come later or cannot be told" in said([ONE] * 60, capsys)
