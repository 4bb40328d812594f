"""Trouble nobody dated is set aside before anything is learned, and only that."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
import pytest

from anomaly_lstm import pipeline
from anomaly_lstm.cli import show
from anomaly_lstm.learning import TrainOptions
from anomaly_lstm.policy import Policy
from anomaly_lstm.screening import MOST
from anomaly_lstm.telemetry import Telemetry
from anomaly_lstm.trained import Roles, Trained
from anomaly_lstm.training import Float64, train
from tests.toys import MINUTE, START, autoregressive, healthy, telemetry, write_history

LINE = TrainOptions(network="linear_predictor")
ROLES = Roles(("s0", "s1", "s2"), ("c0",))
N_ROWS = 2000
TROUBLE = slice(1200, 1240)


def history(*troubles: slice, seed: int = 1) -> Float64:
    """Healthy rows, and some with the coupling between two sensors lost."""
    values = healthy(N_ROWS, seed=seed)
    for rows in troubles:
        values[rows, 1] += 12.0
    return values


def trained_on(*assets: Telemetry, vouched: bool = False) -> Trained:
    masks = [np.ones(len(a), bool) for a in assets]
    return train(
        assets, masks, ROLES, LINE, vouched=masks if vouched else (), max_hole=10, running=None, units={}, reading={}
    )


@pytest.mark.parametrize("seed", range(8))
def test_of_normal_operation_nothing_is_set_aside(seed: int) -> None:
    assert trained_on(telemetry(history(seed=seed))).report["set_aside"] == []


def test_a_stretch_unlike_the_rest_is_set_aside_with_its_name_times_and_leading_sensor() -> None:
    trained = trained_on(telemetry(history(TROUBLE)), telemetry(history(seed=2), asset="fan"))
    (stretch,) = trained.report["set_aside"]
    assert (stretch["asset"], stretch["sensor"]) == ("pump", "s1")
    assert abs(stretch["start_us"] - (START + TROUBLE.start * MINUTE)) <= 3 * MINUTE
    assert START + TROUBLE.stop * MINUTE <= stretch["end_us"] <= START + (TROUBLE.stop + 150) * MINUTE
    assert stretch["rows"] == (stretch["end_us"] - stretch["start_us"]) // MINUTE
    assert trained.report["rows"] == 2 * N_ROWS - stretch["rows"]


@pytest.mark.parametrize("seed", [0, *(pytest.param(seed, marks=pytest.mark.slow) for seed in (1, 2))])
def test_of_many_sensors_at_the_edge_of_their_load_nothing_is_set_aside(seed: int) -> None:
    """The highest load is new to the fold that must judge it: what all sensors do there together is no trouble."""
    rng = np.random.default_rng(seed)
    load = 70 + 10 * np.sin(np.arange(4000) / 144 * 2 * np.pi) + 2 * autoregressive(rng, 4000, 1, 0.95)[:, 0]
    values = np.column_stack([*(load * (1 + k / 30) + 0.6 * rng.standard_normal(4000) for k in range(30)), load])
    scored = Roles(tuple(f"s{i}" for i in range(30)), ("c0",))
    asset = telemetry(values)
    trained = train([asset], [np.ones(len(asset), bool)], scored, LINE, max_hole=10, running=None, units={}, reading={})
    assert trained.report["set_aside"] == []


def test_what_was_set_aside_ruins_no_limit() -> None:
    """Contamination of 3 %: the limit comes close to the one of a clean history, and the same trouble raises it."""
    clean = trained_on(telemetry(history()))
    dirty = trained_on(telemetry(history(slice(1200, 1260))))
    ruined = trained_on(telemetry(history(slice(1200, 1260))), vouched=True)
    limits = [trained.curves.common.limit(30 * 86400.0) for trained in (clean, dirty, ruined)]
    assert abs(limits[1] - limits[0]) < 0.4 * limits[0]
    assert limits[2] > 1.5 * limits[1]


def test_trouble_that_hides_lesser_trouble_is_found_with_it() -> None:
    values = history(slice(1500, 1530))
    values[600:640, 1] += 80.0
    found = trained_on(telemetry(values)).report["set_aside"]
    assert [
        abs(s["start_us"] - (START + row * MINUTE)) <= 5 * MINUTE for s, row in zip(found, (600, 1500), strict=True)
    ]


def test_what_recurs_is_how_the_asset_runs() -> None:
    often = [slice(200 + 350 * k, 215 + 350 * k) for k in range(MOST + 1)]
    assert trained_on(telemetry(history(*often))).report["set_aside"] == []


def test_a_person_who_vouches_for_a_stretch_overrules(tmp_path: Path) -> None:
    source = write_history(tmp_path / "pump.parquet", history(TROUBLE))
    found = pipeline.train(source, tmp_path / "m", context=["c0"], options=LINE).trained.report["set_aside"]
    said = show.set_aside_words(found[0])
    assert said.startswith("Set aside: pump from 2026-01-01 20:00 to ")
    row = said.rpartition("events: ")[2].rstrip(".")
    events = tmp_path / "events.csv"
    events.write_text(f"asset,start,end,kind\n{row}\n", encoding="utf-8")
    again = pipeline.train(source, tmp_path / "m2", context=["c0"], events=events, options=LINE)
    assert again.trained.report["set_aside"] == []


def test_the_same_trouble_is_told_when_it_comes_again(tmp_path: Path) -> None:
    source = write_history(tmp_path / "pump.parquet", history(TROUBLE))
    pipeline.train(source, tmp_path / "m", context=["c0"], options=LINE)
    fresh = write_history(tmp_path / "fresh" / "pump.parquet", history(slice(900, 940), seed=7))
    pipeline.score(fresh, tmp_path / "m", tmp_path / "scores.parquet")
    assert pq.read_table(tmp_path / "scores.parquet").num_rows == N_ROWS
    result = pipeline.alert(
        tmp_path / "scores.parquet", tmp_path / "m", None, policy=Policy(limits={"warning": 30 * 86_400_000_000})
    )
    assert [a.sensors[0].sensor for a in result.alerts] == ["s1"]
