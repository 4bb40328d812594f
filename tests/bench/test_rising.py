"""The figures of `bench.rising`, from what was told and when it came."""

from __future__ import annotations

import pytest

from anomaly_lstm.bounds import Reach
from anomaly_lstm.limits import CANNOT_SAY, ESTIMATE, TOO_WIDE, Passage
from anomaly_lstm.policy import DAY_US
from anomaly_lstm.rising import Indicator
from bench import rising
from bench.budget import Size
from bench.rising import Healthy, Worn

HOUR = 3_600_000_000


def indicator(when: Passage) -> Indicator:
    return Indicator("pump", "vibration", 0, HOUR, 3.0, 2.0, 1e7, Reach("vibration", None, 4.5, "mm/s", when), HOUR)


def test_an_estimate_is_inside_sooner_later_or_of_a_bound_that_was_not_reached() -> None:
    broken, told = Worn(), indicator(Passage(ESTIMATE, None, 10.0, 20.0, 30.0))
    for came in (15, 5, 31, None):
        rising._judge(broken, told, 0, None if came is None else came * HOUR)
    rising._judge(broken, indicator(Passage(CANNOT_SAY, TOO_WIDE)), 0, HOUR)
    assert (broken.inside, broken.early, broken.late, broken.censored) == (1, 1, 1, 1)
    assert broken.states == {ESTIMATE: 4, TOO_WIDE: 1}


def test_a_bound_is_near_within_a_day() -> None:
    assert rising._is_near(indicator(Passage(ESTIMATE, None, 10.0, DAY_US / HOUR, 30.0)))
    assert not rising._is_near(indicator(Passage(ESTIMATE, None, 10.0, 25.0, 30.0)))
    assert not rising._is_near(indicator(Passage(CANNOT_SAY, TOO_WIDE)))


def test_both_are_shown(capsys: pytest.CaptureFixture[str]) -> None:
    healthy, broken = Healthy(years=4.0, allowed=48.0, told=6), Worn(inside=4, early=1, before_alert_h=[3.0])
    healthy.moments.update({"with": 1, "without": 99})
    healthy.all_alerts.update({0: 8, 24: 8})
    rising.show(healthy, broken)
    said = capsys.readouterr().out
    assert "1.5 indicators a year told" in said
    assert "80 % inside, 20 % sooner" in said
    assert "respond_within 24 h: 2.0 alerts a year, critical 0.00" in said


@pytest.mark.slow
def test_a_small_fleet_passes(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rising, "SIZE", Size(assets=1, days=120.0, period=1800.0))
    healthy, broken = rising.judge([11])
    assert 0.1 < healthy.years < 0.2
    assert healthy.moments.total() > 100
    assert broken.near in (0, 1)
