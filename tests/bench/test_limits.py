from __future__ import annotations

from collections import Counter

import pytest

from anomaly_lstm.limits import CANNOT_SAY, ESTIMATE, TOO_WIDE, Passage
from bench import limits
from bench.limits import Figures, Outcome


@pytest.mark.slow
def test_times_are_told_of_every_bound_and_counted() -> None:
    outcome = limits.judge([11], 2, 3)
    assert {"vibration 3.5", "vibration 4.5", "bearing_temp 75", "bearing_temp 85"} <= set(outcome.levels)
    for one in outcome.levels.values():
        assert one.met + one.censored == one.told["estimate"] <= one.told.total()
    assert 0 < outcome.alerts.total() <= 6


def test_a_bound_that_is_not_reached_is_neither_hit_nor_miss() -> None:
    figures = Figures("a")
    told = Passage(ESTIMATE, None, 10.0, 20.0, 30.0)
    limits._count(figures, told, now=0, came=None, failed=25)
    limits._count(figures, told, now=0, came=None, failed=35)
    limits._count(figures, Passage(CANNOT_SAY, TOO_WIDE), now=0, came=None, failed=35)
    assert (figures.met, figures.censored, figures.censored_late) == (0, 2, 1)
    assert figures.told == {ESTIMATE: 2}


def test_the_table_adds_up_to_all(capsys: pytest.CaptureFixture[str]) -> None:
    one, other = Figures("a", inside=4, early=1), Figures("b", inside=3, late=2)
    one.told["estimate"], other.told["no trend"] = 5, 2
    outcome = Outcome({"a": one, "b": other}, Counter(told=3, nothing=1))
    limits.show("pumps", outcome)
    lines = capsys.readouterr().out.splitlines()
    assert any(line.startswith("all") and "70 %" in line for line in lines)
    assert "open alerts: at 1 of 4 moments nothing could be told" in lines
