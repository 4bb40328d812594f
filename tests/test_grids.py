"""Plants that write in their own ways, from their files to scores: the model keeps how, and nothing is done twice."""

from __future__ import annotations

import json
from dataclasses import replace
from functools import cache
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from anomaly_lstm import pipeline
from anomaly_lstm.errors import UsageError
from anomaly_lstm.learning import CHALLENGER, TrainOptions
from anomaly_lstm.pipeline import GridOptions
from anomaly_lstm.pipeline.missing import patience
from anomaly_lstm.sensor_rules import SensorRule, SensorRules
from anomaly_lstm.sources.contract import ReadOptions
from anomaly_lstm.trained import Trained
from tests.toys import MINUTE, healthy, minutes

N_ROWS = 900
LINE = TrainOptions(network=CHALLENGER)
RULES = SensorRules(
    {
        "energy": SensorRule(type="counter"),
        "wind": SensorRule(type="angle"),
        "valve": SensorRule("last", hold_us=30 * MINUTE),
    }
)
RUNS = "state in ('RUN', 'STARTUP')"


@cache
def plant_table() -> pa.Table:
    history, rng = healthy(N_ROWS, seed=3), np.random.default_rng(3)
    state = np.array(["RUN"] * N_ROWS, object)
    state[400:450] = "STOP"
    state[450:455] = "STARTUP"
    valve = np.where(rng.random(N_ROWS) < 0.1, history[:, 1], np.nan)
    return pa.table(
        {
            "time": pa.array(minutes(N_ROWS)).cast(pa.timestamp("us", "UTC")),
            "flow": history[:, 0],
            "energy": np.cumsum(20 + history[:, 2]),
            "wind": 20 * history[:, 1] % 360,
            "valve": pa.array(valve, from_pandas=True),
            "load": history[:, 3],
            "state": state,
        }
    )


def write(path: Path, table: pa.Table) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    pq.write_table(table, path)
    return path


def options(rules: SensorRules = RULES) -> GridOptions:
    return GridOptions(MINUTE, running=RUNS, rules=rules, settle_us=10 * MINUTE)


def learn(source: Path, folder: Path, grid: GridOptions, context: tuple[str, ...] = ("wind",)) -> Trained:
    return pipeline.train(source, folder, grid=grid, context=context, options=LINE).trained


def test_a_model_keeps_how_its_plant_writes(tmp_path: Path) -> None:
    source = write(tmp_path / "pump.parquet", plant_table())
    trained = learn(source, tmp_path / "m", options())
    assert trained.roles.scored == ("flow", "energy", "valve", "load")
    assert trained.roles.context == ("wind.cos", "wind.sin")
    kept, _ = pipeline.load(tmp_path / "m")
    assert (kept.rules, kept.settle_us, kept.running) == (RULES, 10 * MINUTE, RUNS)
    result = pipeline.score(source, tmp_path / "m", tmp_path / "s.parquet")
    assert result.failed == {}
    assert result.states["OUT_OF_STATE"] == 50 + 10
    assert result.quality.assets[0].out_of_state == 60
    assert result.quality.assets[0].settling == 10


def test_a_model_without_rules_is_kept_as_before(tmp_path: Path) -> None:
    source = write(tmp_path / "pump.parquet", plant_table())
    learn(source, tmp_path / "m", GridOptions(MINUTE), context=())
    document = json.loads((tmp_path / "m" / "model.json").read_text())
    assert not {"sensor_rules", "settle_us"} & set(document)


def test_the_status_column_must_be_there_to_score(tmp_path: Path) -> None:
    source = write(tmp_path / "pump.parquet", plant_table())
    learn(source, tmp_path / "m", options())
    other = write(tmp_path / "other.parquet", plant_table().drop_columns(["state", "wind"]))
    with pytest.raises(Exception, match="'state' and 'wind' are missing"):
        pipeline.score(other, tmp_path / "m", tmp_path / "s.parquet")


def test_an_ingested_folder_is_scored_as_the_export_it_was_made_from(tmp_path: Path) -> None:
    source = write(tmp_path / "pump.parquet", plant_table())
    learn(source, tmp_path / "m", options())
    pipeline.ingest(source, tmp_path / "clean", grid=options())
    for place, out in ((source, "a.parquet"), (tmp_path / "clean", "b.parquet")):
        pipeline.score(place, tmp_path / "m", tmp_path / out)
    raw, clean = (pq.read_table(tmp_path / name) for name in ("a.parquet", "b.parquet"))
    assert raw.num_rows == clean.num_rows == N_ROWS
    for name in raw.column_names:
        assert raw.column(name).equals(clean.column(name)), name


def test_a_model_of_an_ingested_folder_scores_the_export(tmp_path: Path) -> None:
    source = write(tmp_path / "pump.parquet", plant_table())
    pipeline.ingest(source, tmp_path / "clean", grid=options())
    plain = replace(options(), rules=SensorRules())
    assert learn(tmp_path / "clean", tmp_path / "m", plain).rules == RULES
    assert learn(tmp_path / "clean", tmp_path / "same", options()).rules == RULES
    named = plant_table().append_column("asset", pa.array(["pump"] * N_ROWS))
    result = pipeline.score(write(source, named), tmp_path / "m", tmp_path / "s.parquet")
    assert result.quality.rules == RULES


def test_rules_are_not_applied_twice(tmp_path: Path) -> None:
    source = write(tmp_path / "pump.parquet", plant_table())
    pipeline.ingest(source, tmp_path / "clean", grid=options())
    others = options(SensorRules({"energy": SensorRule(type="counter", per="d")}))
    for place in (tmp_path / "clean", tmp_path / "clean" / "data" / "pump"):
        with pytest.raises(UsageError, match=r"other rules than \[sensors\.grid\]"):
            learn(place, tmp_path / "m", others)
    learn(source, tmp_path / "m", others, context=())
    with pytest.raises(UsageError, match="other rules than the model's"):
        pipeline.score(tmp_path / "clean", tmp_path / "m", tmp_path / "s.parquet")
    with pytest.raises(UsageError, match="a run reads what the plant wrote"):
        pipeline.run(pipeline.RunPlan(source=tmp_path / "clean", folder=tmp_path / "run", grid=options()))


def test_a_rule_for_a_sensor_that_is_not_there_is_told(tmp_path: Path) -> None:
    source = write(tmp_path / "pump.parquet", plant_table())
    with pytest.raises(UsageError, match=r"\[sensors\.grid\]: there is no sensor 'enrgy'\. Did you mean 'energy'"):
        learn(source, tmp_path / "m", options(SensorRules({"enrgy": SensorRule()})))


def test_words_that_no_row_says_are_told(tmp_path: Path) -> None:
    source = write(tmp_path / "pump.parquet", plant_table())
    grid = replace(options(), running="state == 'RUNNING'")
    for verb in (
        lambda: learn(source, tmp_path / "m", grid),
        lambda: pipeline.ingest(source, tmp_path / "clean", grid=grid),
    ):
        with pytest.raises(UsageError, match=r"no row of 'state' says 'RUNNING'.*There are: RUN, STARTUP, STOP"):
            verb()


def test_a_counter_that_falls_is_told_and_counted(tmp_path: Path) -> None:
    table = plant_table()
    energy = table.column("energy").to_numpy().copy()
    energy[500:] -= energy[500]
    fallen = table.set_column(table.column_names.index("energy"), "energy", pa.array(energy))
    source = write(tmp_path / "pump.parquet", fallen)
    result = pipeline.ingest(source, tmp_path / "clean", grid=options())
    assert [one.falls for one in result.quality.assets[0].sensors if one.sensor == "energy"] == [1]
    assert any("counter 'energy' fell 1 time(s)" in note for note in result.quality.notes)


def test_a_status_may_come_in_a_long_table(tmp_path: Path) -> None:
    table = plant_table()
    lines = ["time,tag,value"]
    for row in table.select(["time", "flow", "state"]).to_pylist():
        stamp = row["time"].strftime("%Y-%m-%dT%H:%M:%SZ")
        lines += [f"{stamp},flow,{row['flow']:.5f}", f"{stamp},load,1.5", f"{stamp},state,{row['state']}"]
    source = tmp_path / "pump.csv"
    source.write_text("\n".join(lines) + "\n")
    result = pipeline.ingest(source, tmp_path / "clean", grid=GridOptions(MINUTE, running=RUNS))
    (asset,) = result.quality.assets
    assert (asset.rows, asset.out_of_state) == (N_ROWS, 50)
    assert asset.rows_in + asset.joined == result.quality.files[0].rows_kept == 3 * N_ROWS


def test_a_planned_angle_is_given_in_degrees(tmp_path: Path) -> None:
    source = write(tmp_path / "pump.parquet", plant_table())
    learn(source, tmp_path / "m", options())
    ahead = pa.array(minutes(60, N_ROWS)).cast(pa.timestamp("us", "UTC"))
    plan = write(tmp_path / "plan.parquet", pa.table({"time": ahead, "wind": np.full(60, 90.0)}))
    result = pipeline.forecast(source, tmp_path / "m", horizon_us=30 * MINUTE, context_ahead=plan)
    assert result.forecasts[0].context == {"wind.cos": "planned", "wind.sin": "planned"}


def test_the_order_of_an_angle_s_sensors_is_the_model_s(tmp_path: Path) -> None:
    source = write(tmp_path / "pump.parquet", plant_table())
    trained = learn(source, tmp_path / "m", options(), context=("wind.sin",))
    assert trained.roles.scored == ("flow", "energy", "wind.cos", "valve", "load")
    result = pipeline.score(source, tmp_path / "m", tmp_path / "s.parquet")
    table, wind = pq.read_table(result.out), np.deg2rad(plant_table().column("wind").to_numpy())
    np.testing.assert_allclose(table.column("value.wind.sin").to_numpy(), np.sin(wind), atol=1e-6)
    np.testing.assert_allclose(table.column("value.wind.cos").to_numpy(), np.cos(wind), atol=1e-6)


def test_reading_and_the_grid_lose_nothing_of_files_joined_by_folder(tmp_path: Path) -> None:
    table = plant_table()
    for name in ("flow", "energy", "valve"):
        cells = table.select(["time", name]).rename_columns(["time", "value"])
        write(tmp_path / "plant" / "pump" / f"{name}.parquet", cells.filter(cells.column("value").is_valid()))
    result = pipeline.ingest(
        tmp_path / "plant", tmp_path / "clean", read=ReadOptions(asset_from="folder"), grid=GridOptions(MINUTE)
    )
    (asset,) = result.quality.assets
    assert sum(file.rows_kept for file in result.quality.files) == asset.rows_in + asset.joined
    assert asset.rows_in == asset.rows == N_ROWS
    assert (asset.merged, asset.duplicate_times, asset.out_of_order) == (0, 0, 0)


def test_an_asset_whose_sensors_are_all_held_may_rest_as_long_as_the_shortest_hold(tmp_path: Path) -> None:
    source = write(tmp_path / "pump.parquet", plant_table().select(["time", "flow", "energy", "load"]))
    grid = GridOptions(MINUTE, rules=SensorRules({"flow": SensorRule(hold_us=300 * MINUTE)}))
    one_held = learn(source, tmp_path / "one", grid, context=())
    assert patience(one_held, None, None).no_data_us == 60 * MINUTE
    everything = replace(one_held, rules=replace(grid.rules, others=SensorRule(hold_us=240 * MINUTE)))
    assert patience(everything, None, None).no_data_us == 240 * MINUTE
    assert patience(everything, 7 * MINUTE, None).no_data_us == 7 * MINUTE
