"""A forecast is honest: no row too early, no interval too narrow, and a rule that cannot be beaten is told."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from numpy.typing import NDArray

from anomaly_lstm import forecasts
from anomaly_lstm.ahead import Past, Plan
from anomaly_lstm.errors import DataError, ModelError
from anomaly_lstm.forecasts import PERSISTENCE, SEASONAL, as_document, forecast, table
from anomaly_lstm.models.contract import Fitted
from anomaly_lstm.tables import State, forecast_schema
from anomaly_lstm.telemetry import Grid, Telemetry, to_grid
from anomaly_lstm.trained import Trained
from tests import toys
from tests.toys import learned_line

Float64 = NDArray[np.float64]

MEMORY = 0.9
"""Of the AR(1) process whose forecasts are known: MEMORYʰ·x, with a variance of 1 − MEMORY²ʰ."""


def process(n_rows: int, seed: int, memory: float = MEMORY) -> Float64:
    """Two sensors of variance 1 that know nothing of each other, without context."""
    return toys.autoregressive(np.random.default_rng(seed), n_rows, 2, memory)


@pytest.fixture(scope="module")
def trained() -> Trained:
    return learned_line(process(4000, 1), n_context=0)


def asset(values: Float64, left_out: tuple[int, ...] = ()) -> Telemetry:
    return toys.telemetry(values, n_context=0, left_out=left_out)


def test_a_known_process_is_forecast_as_theory_says(trained: Trained) -> None:
    values = process(3000, 2)
    values[-1] = [2.5, -2.0]
    said = forecast(trained, asset(values), 16)
    for step in (1, 4, 16):
        known = MEMORY**step * values[-1]
        spread = np.sqrt(1 - MEMORY ** (2 * step))
        assert said.p50[step - 1] == pytest.approx(known, abs=0.3)
        assert (said.p90 - said.p10)[step - 1] == pytest.approx(2 * 1.2816 * spread, rel=0.25)
    assert (said.mase(PERSISTENCE) < 1).all()


def test_four_of_five_later_rows_lie_in_the_interval(trained: Trained) -> None:
    values, n_ahead = process(9000, 3), 12
    inside = []
    for end in range(1500, 9000 - n_ahead, 250):
        said = forecast(trained, asset(values[:end][-1500:]), n_ahead)
        came = values[end : end + n_ahead]
        inside.append((came >= said.p10) & (came <= said.p90))
    assert np.mean(inside) == pytest.approx(0.8, abs=0.05)


def test_what_is_said_of_its_own_record_holds_for_later_rows(trained: Trained) -> None:
    values, n_ahead = process(9000, 4), 12
    told, mine, rule = [], [], []
    for end in range(1500, 9000 - n_ahead, 250):
        said = forecast(trained, asset(values[:end][-1500:]), n_ahead)
        came = values[end : end + n_ahead]
        told.append(said.mase(PERSISTENCE))
        mine.append(np.abs(said.p50 - came).mean())
        rule.append(np.abs(values[end - 1] - came).mean())
    assert np.mean(told) == pytest.approx(np.mean(mine) / np.mean(rule), abs=0.1)


def test_a_random_walk_is_not_said_to_be_beaten(trained: Trained) -> None:
    walk = 0.05 * np.cumsum(np.random.default_rng(5).normal(size=(4000, 2)), axis=0)
    said = forecast(trained, asset(walk), 10)
    assert (said.mase(PERSISTENCE) > 0.97).all()


def test_intervals_never_cross(trained: Trained) -> None:
    said = forecast(trained, asset(process(700, 6)), 40)
    assert (said.p10 <= said.p50).all()
    assert (said.p50 <= said.p90).all()


def test_the_same_rows_give_the_same_bytes(trained: Trained) -> None:
    values = process(800, 7)
    once, twice = (table(trained, forecast(trained, asset(values), 20)) for _ in range(2))
    assert once.equals(twice)


def test_the_forecast_of_a_prefix_knows_nothing_of_the_rest(trained: Trained) -> None:
    values = process(1200, 8)
    other = values.copy()
    other[1000:] = 50.0
    said = [forecast(trained, asset(v[:1000]), 20) for v in (values, other)]
    assert np.array_equal(said[0].p50, said[1].p50)


def test_an_event_teaches_nothing(trained: Trained) -> None:
    values = process(1500, 9)
    wild = values.copy()
    wild[600:700] += 40
    normal = np.ones(1500, bool)
    normal[600:700] = False
    told, untold = (forecast(trained, asset(wild), 8, normal=keep) for keep in (normal, np.ones(1500, bool)))
    assert (told.p90 - told.p10).mean() < (untold.p90 - untold.p10).mean()
    assert np.nanmax(told.skill.error) < 3


def test_a_sensor_that_fell_silent_has_no_forecast_and_the_others_have(trained: Trained) -> None:
    values = process(900, 10)
    values[500:, 1] = np.nan
    gap = tuple(range(560, 600))
    said = forecast(trained, asset(values, left_out=gap), 5)
    assert np.isfinite(said.p50[:, 0]).all()
    assert np.isnan(said.p50[:, 1]).all()
    assert table(trained, said).column("sensor").unique().to_pylist() == ["s0"]
    assert as_document(trained, said)["sensors"][1]["ahead"][-1]["p50"] is None


def test_the_season_is_judged_beside_the_last_value() -> None:
    rng = np.random.default_rng(11)
    day = np.tile(5 * np.sin(np.arange(96) / 96 * 2 * np.pi), 12)
    values = np.column_stack([day + rng.normal(size=len(day)), rng.normal(size=len(day))])
    grid = Grid(15 * toys.MINUTE)
    times = toys.START + grid.period_us * np.arange(len(day))
    one = to_grid("pump", times, toys.names(2, 0), values, grid)[0]
    said = forecast(learned_line(values, n_context=0), one, 96)
    assert said.season_us == 86_400_000_000
    assert (said.mase(SEASONAL) < 0.95).all()
    assert said.mase(PERSISTENCE)[0] < 0.5
    assert abs(said.p50[47, 0] - day[48 - 1]) < 1.5


def test_without_a_season_there_is_no_seasonal_rule(trained: Trained) -> None:
    said = forecast(trained, asset(process(900, 12)), 10)
    assert said.season_us is None
    assert np.isnan(said.mase(SEASONAL)).all()
    assert as_document(trained, said)["sensors"][0]["mase_seasonal"] is None


def test_a_planned_step_of_the_context_moves_the_sensors_it_explains() -> None:
    values = toys.healthy(3000, seed=13)
    trained = learned_line(values)
    one = toys.telemetry(values)
    now = int(one.time_us[-1])
    plans = [
        Plan(now + toys.MINUTE * np.array([1, 30]), np.full((2, 1), level)) for level in (values[:, -1].max(), 0.0)
    ]
    high, low = (forecast(trained, one, 30, plan=plan) for plan in plans)
    assert high.context == {"c0": "planned"}
    assert (high.p50[-1] > low.p50[-1] + 0.5).all()
    free = forecast(trained, one, 30)
    assert free.context == {"c0": "held"}
    assert ((high.p90 - high.p10)[-1] < (free.p90 - free.p10)[-1]).all()


def test_rows_the_network_learned_from_do_not_judge_where_there_are_others() -> None:
    values = process(2000, 14)
    trained = learned_line(values[:1200], n_context=0)
    both, old = (forecast(trained, asset(values[:n]), 10) for n in (2000, 1200))
    learned_until = toys.START + 1200 * toys.MINUTE
    assert not both.flattered
    assert both.judged_us >= learned_until
    assert old.flattered


def test_past_origins_lie_at_all_times_of_day(trained: Trained) -> None:
    for days in (4, 30, 240):
        n = days * 96
        grid = Grid(15 * toys.MINUTE)
        one = to_grid("pump", toys.START + grid.period_us * np.arange(n), toys.names(2, 0), np.zeros((n, 2)), grid)[0]
        past = Past(trained, one, np.ones(n, bool))
        origins = forecasts._origins(past, forecasts._stride(past, 96))
        assert len(origins) <= forecasts.ORIGINS
        hours = np.unique(one.index[origins] % 96 // 4)
        assert len(hours) >= 20


def test_the_table_has_a_row_per_sensor_and_row_ahead(trained: Trained) -> None:
    said = forecast(trained, asset(process(700, 15)), 9)
    made = table(trained, said)
    assert made.schema.equals(forecast_schema())
    assert len(made) == 2 * 9
    assert made.column("horizon").to_pylist()[:9] == [60.0 * step for step in range(1, 10)]


# ---------------------------------------------------------------- what cannot be forecast


def test_a_short_history_is_told_with_a_horizon_that_fits(trained: Trained) -> None:
    with pytest.raises(DataError, match="too short for a horizon of 5h") as told:
        forecast(trained, asset(process(700, 16)), 300)
    assert str(told.value).endswith("--horizon 1h10min.")
    forecast(trained, asset(process(700, 16)), 70)


def test_a_last_stretch_that_just_began_is_told(trained: Trained) -> None:
    with pytest.raises(DataError, match="last stretch is too short: 2 rows"):
        forecast(trained, asset(process(700, 17), left_out=tuple(range(650, 698))), 10)


def test_a_machine_that_stands_still_is_not_forecast(trained: Trained) -> None:
    one = asset(process(700, 18))
    state = one.state.copy()
    state[-3:] = State.OUT_OF_STATE
    stopped = Telemetry(one.asset, one.sensors, one.grid, one.index, one.values, state, one.stretch)
    with pytest.raises(DataError, match=r"does not run in its last row.*last ran at 2026-01-01T11:36:00Z"):
        forecast(trained, stopped, 10)


def test_a_network_that_gives_back_is_no_forecaster(trained: Trained) -> None:
    coder = replace(trained, learned=replace(trained.learned, fitted=Fitted("lstm_autoencoder", {}, {})))
    with pytest.raises(ModelError, match=r"forecasts nothing.*lstm_predictor"):
        forecast(coder, asset(process(700, 19)), 10)


def test_no_rows_are_told(trained: Trained) -> None:
    with pytest.raises(DataError, match="no row to forecast from"):
        forecast(trained, asset(process(5, 20)[:0]), 10)
