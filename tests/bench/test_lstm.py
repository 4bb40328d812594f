"""The conditions and the figures of `bench.lstm`, with the line alone: it needs no TensorFlow and a second."""

from __future__ import annotations

import numpy as np
import pytest

from anomaly_lstm.learning import CHALLENGER
from anomaly_lstm.simulation import CONTEXT, START, BearingWear
from bench import lstm
from bench.lstm import CONDITIONS, DAYS, LEARNED_DAYS, PUMPS, SCORED, Condition, Figures, Found


@pytest.fixture(scope="module")
def figures() -> Figures:
    return lstm.judge(Condition("quarters of an hour", period=900.0), CHALLENGER, seed=7)


def test_the_conditions_have_names_of_their_own_and_each_differs_from_the_others() -> None:
    assert len({one.name for one in CONDITIONS}) == len(CONDITIONS)
    assert len({(one.period, one.valves, one.plan, one.context) for one in CONDITIONS}) == len(CONDITIONS)


def test_every_fault_lies_in_the_days_that_nothing_learned_from() -> None:
    for number in range(1, PUMPS + 1):
        for fault in lstm.faults(number):
            assert START + np.timedelta64(LEARNED_DAYS, "D") < fault.start
            assert fault.end <= START + np.timedelta64(DAYS, "D")


def test_a_fault_changes_no_row_that_is_learned_from() -> None:
    condition = CONDITIONS[1]
    for fault in lstm.faults(2):
        sound, faulty = (lstm.history(condition, 2, 7, each) for each in (None, fault))
        one, other = (lstm.telemetry(condition, each, later=False) for each in (sound, faulty))
        np.testing.assert_array_equal(one.values, other.values)


def test_learned_and_later_rows_share_none_and_leave_none_out() -> None:
    one = lstm.history(CONDITIONS[1], 1, 7)
    early, later = (lstm.telemetry(CONDITIONS[1], one, later=side).time_us for side in (False, True))
    assert early[-1] < later[0]
    assert np.isin(one.time.astype(np.int64), np.concatenate([early, later])).all()


def test_a_condition_without_context_shows_none_and_one_without_valves_has_none() -> None:
    bare = Condition("bare", valves=False, context=False)
    one = lstm.history(bare, 1, 7)
    assert lstm.telemetry(bare, one, later=True).sensors == SCORED
    assert lstm.telemetry(CONDITIONS[1], one, later=True).sensors == (*SCORED, *CONTEXT)
    assert (one.pump.recirculation, one.pump.cooling) == (0.0, 0.0)


def test_the_loads_of_the_conditions_are_what_their_names_say() -> None:
    def changes_per_day(name: str) -> float:
        (condition,) = (one for one in CONDITIONS if one.name == name)
        setpoint = lstm.history(condition, 1, 7).sensors["speed_setpoint"]
        return float(np.sum(np.abs(np.diff(setpoint)) > 5)) / DAYS

    assert changes_per_day("load changes often") > 20
    assert changes_per_day("load constant") < 0.2  # its stop


def test_every_pump_meets_every_fault_once_and_the_line_finds_them(figures: Figures) -> None:
    assert len({(one.fault, one.asset) for one in figures.found}) == len(figures.found) == 3 * PUMPS
    for one in figures.found:
        longest = 6 * 24 if one.fault == BearingWear.__name__ else 25
        assert all(hours is None or 0 <= hours <= longest for hours in (one.promised, one.silent))
    assert sum(one.silent is not None for one in figures.found) >= 10


def test_the_mean_squared_error_is_that_of_the_sensors_and_the_budget_that_of_the_days(figures: Figures) -> None:
    assert figures.mse == pytest.approx(np.mean(list(figures.by_sensor.values())))
    assert tuple(figures.by_sensor) == SCORED
    assert figures.expected_false == pytest.approx(PUMPS * (DAYS - LEARNED_DAYS) * 86400 / lstm.WARNING_S, rel=0.1)


def test_the_tables_show_both_networks_and_say_what_was_missed(
    figures: Figures, capsys: pytest.CaptureFixture[str]
) -> None:
    missed = [Found(one.fault, one.asset, None, 2.0) for one in figures.found]
    lstm.show({"quarters": [figures, Figures(**{**vars(figures), "network": "lstm_predictor", "found": missed})]})
    shown = capsys.readouterr().out
    assert "linear_predictor" in shown
    assert "0 |    4× 2.0" in shown
    assert " 1.00" in shown
