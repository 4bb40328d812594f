from __future__ import annotations

import pytest

from bench import limits
from bench.limits import Figures


@pytest.mark.slow
def test_times_are_told_of_every_bound_and_counted() -> None:
    figures = limits.judge([11], 2, 3)
    assert {"vibration 3.5", "vibration 4.5", "bearing_temp 75", "bearing_temp 85"} <= {one.level for one in figures}
    for one in figures:
        assert one.met + one.censored == one.told["estimate"] <= sum(one.told.values())


def test_the_table_adds_up_to_all(capsys: pytest.CaptureFixture[str]) -> None:
    one, other = Figures("a", inside=4, early=1), Figures("b", inside=3, late=2)
    one.told["estimate"], other.told["no trend"] = 5, 2
    limits.show([one, other])
    assert "70 %" in capsys.readouterr().out.splitlines()[-2]
