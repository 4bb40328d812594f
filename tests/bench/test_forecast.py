"""The figures of `bench.forecast`, with the line alone and rows a quarter of an hour apart."""

from __future__ import annotations

import numpy as np
import pytest

from anomaly_lstm.learning import CHALLENGER, TrainOptions
from anomaly_lstm.simulation import CONTEXT
from bench import forecast, lstm
from bench.forecast import Figures
from bench.lstm import CONDITIONS, PUMPS, SCORED, Condition

CONDITION = Condition("quarters of an hour", period=900.0)


@pytest.fixture(scope="module")
def figures() -> list[Figures]:
    return forecast.judge(CONDITION, [CHALLENGER], [6], seed=7, moments=2)


def test_the_conditions_named_are_conditions_of_the_other_bench() -> None:
    assert set(forecast.NAMES) <= {one.name for one in CONDITIONS}


def test_each_network_and_horizon_is_met_without_and_with_a_plan(figures: list[Figures]) -> None:
    assert [(one.network, one.horizon_h, one.planned) for one in figures] == [
        (CHALLENGER, 6, False),
        (CHALLENGER, 6, True),
    ]
    assert all(PUMPS <= one.moments <= 2 * PUMPS for one in figures)


def test_forecasts_beat_both_rules_and_a_plan_helps(figures: list[Figures]) -> None:
    free, planned = figures
    assert free.mase_persistence < 1
    assert free.mase_seasonal < 1
    assert planned.mase_persistence < 0.7 * free.mase_persistence
    assert 0.5 < free.coverage <= 1


def test_the_record_is_that_of_the_last_forecasts_and_keeps_its_promise(figures: list[Figures]) -> None:
    for one in figures:
        assert one.record_mase_persistence < 1
        assert one.record_mase_seasonal < 1
        assert 0.7 < one.record_coverage < 0.9


def test_the_forecast_of_a_moment_is_given_no_row_after_it() -> None:
    one = lstm.history(CONDITION, 1, 7)
    asset = forecast.whole(CONDITION, one)
    part = forecast.upto(asset, 500)
    assert len(part) == 500
    assert np.array_equal(part.values, asset.values[:500], equal_nan=True)
    plan = forecast._plan(asset, 500, 10)
    assert np.isfinite(plan.values).any(axis=0).tolist() == [name == forecast.PLANNED for name in CONTEXT]
    assert plan.time_us[0] > part.time_us[-1]


def test_what_came_is_what_was_measured_while_the_pump_ran() -> None:
    one = lstm.history(CONDITION, 1, 7)
    asset = forecast.whole(CONDITION, one)
    came = forecast._outcomes(asset, 500, 20)
    assert came[0] == pytest.approx(asset.values[500, : len(SCORED)])
    trained = lstm.learn(CONDITION, [lstm.history(CONDITION, n, 7) for n in (1, 2)], TrainOptions(network=CHALLENGER))
    (met,) = forecast.meet(trained, CONDITION, one, 6 * lstm.HOUR_US, 1, planned=False)
    assert met.error.shape == met.last.shape == met.inside.shape == (len(SCORED),)


def test_the_table_shows_every_figure(figures: list[Figures], capsys: pytest.CaptureFixture[str]) -> None:
    forecast.show({"quarters": figures})
    shown = capsys.readouterr().out
    assert "planned" in shown
    assert f"{figures[0].mase_persistence:.2f}" in shown
