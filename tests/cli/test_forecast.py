"""``anomaly-lstm forecast`` from the command line: what is said, written and refused."""

from __future__ import annotations

import csv
import json
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

import anomaly_lstm as al
from anomaly_lstm.tables import forecast_schema
from tests.cli.conftest import ROWS, Said, anomaly_lstm, pipeline_text, plant, row_time


def forecast(made: Path, *words: str | Path) -> Said:
    """The plant an hour ahead; its fault is told."""
    model = ("--model", made / "model", "--events", made / "events.csv")
    return anomaly_lstm("forecast", made / "plant.parquet", *model, "--horizon", "1h", *words)


def document(said: Said) -> dict[str, Any]:
    assert said.code == 0, said.err
    found = json.loads(said.out)
    assert isinstance(found, dict)
    return found


@pytest.fixture
def plan(tmp_path: Path) -> Path:
    path = tmp_path / "plan.csv"
    path.write_text(f"time,load\n{row_time(ROWS + 10)},55\n{row_time(ROWS + 70)},55\n")
    return path


def test_every_sensor_gets_a_line_with_what_it_reads_now_and_ahead_and_what_that_is_worth(made: Path) -> None:
    said = forecast(made)
    assert said.code == 0, said.err
    assert said.out == ""
    for words in ("in 15 min", "in 60 min", "p10…p90", "÷ last", "P1", "current", "below 1 the forecast is better"):
        assert words in said.err
    assert "Ahead, 'load' is held at its last value." in said.err
    assert "No season is used (P1, P2): that takes 3 days of history" in said.err


def test_the_parquet_table_has_every_row_ahead_of_every_asset_and_sensor(made: Path, tmp_path: Path) -> None:
    said = forecast(made, "--out", tmp_path / "ahead.parquet")
    assert said.code == 0, said.err
    table = pq.read_table(tmp_path / "ahead.parquet")
    assert table.schema.names == forecast_schema().names
    assert len(table) == 2 * 2 * 60
    assert str(table.column("time")[0]) == str(np.datetime64(row_time(ROWS)[:-1])).replace("T", " ") + "+00:00"
    low, mid, high = (np.array(table.column(name)) for name in ("p10", "p50", "p90"))
    assert ((low <= mid) & (mid <= high)).all()


def test_the_three_endings_hold_the_same_rows(made: Path, tmp_path: Path) -> None:
    for ending in ("parquet", "csv", "json"):
        assert forecast(made, "--out", tmp_path / f"ahead.{ending}").code == 0
    table = pq.read_table(tmp_path / "ahead.parquet")
    with (tmp_path / "ahead.csv").open() as file:
        rows = list(csv.DictReader(file))
    whole = json.loads((tmp_path / "ahead.json").read_text())
    assert [float(row["p50"]) for row in rows] == table.column("p50").to_pylist()
    assert [row["p50"] for row in whole["rows"]] == table.column("p50").to_pylist()
    assert rows[0]["time"] == whole["rows"][0]["time"] == row_time(ROWS)
    assert rows[0]["unit"] == ""
    assert whole["assets"] == json.loads(table.schema.metadata[b"anomaly_lstm.document"])["assets"]


def test_the_same_command_writes_the_same_bytes(made: Path, tmp_path: Path) -> None:
    for name in ("once.parquet", "twice.parquet"):
        forecast(made, "--out", tmp_path / name)
    assert (tmp_path / "once.parquet").read_bytes() == (tmp_path / "twice.parquet").read_bytes()


def test_programs_get_one_document_with_the_skill_and_the_rows_where_no_file_has_them(made: Path) -> None:
    found = document(forecast(made, "--json", "--quiet"))
    assert found["command"] == "forecast"
    assert len(found["rows"]) == 2 * 2 * 60
    assert found["failed"] == {}
    asset = found["assets"][0]
    sensor = asset["sensors"][0]
    assert (asset["asset"], asset["origin"], sensor["sensor"]) == ("P1", row_time(ROWS - 1), "current")
    assert [at["horizon"] for at in sensor["ahead"]] == [900.0, 3600.0]
    assert sensor["beats_persistence"] == (sensor["mase_persistence"] < 1)
    assert 0 <= sensor["coverage"] <= 1
    assert sum(sensor["weights"].values()) == pytest.approx(1)
    assert sensor["by_horizon"][-1]["horizon"] == 3600.0


def test_a_row_after_the_end_changes_nothing(made: Path, tmp_path: Path) -> None:
    short, rows = tmp_path / "short.parquet", np.tile(np.arange(ROWS) < 700, 2)
    pq.write_table(plant().filter(pa.array(rows)), short)
    model = ("--model", made / "model", "--horizon", "30min", "--json", "--quiet")
    whole = document(anomaly_lstm("forecast", made / "plant.parquet", *model, "--end", row_time(700)))
    alone = document(anomaly_lstm("forecast", short, *model))
    assert whole["rows"] == alone["rows"]


def test_a_plan_for_all_assets_moves_what_it_explains(made: Path, plan: Path) -> None:
    free, planned = (document(forecast(made, "--json", "--quiet", *more)) for more in ((), ("--context-ahead", plan)))
    assert planned["assets"][0]["context_ahead"] == {"load": "planned"}
    for asset in (0, 1):
        current = planned["assets"][asset]["sensors"][0]
        assert current["ahead"][-1]["p50"] == pytest.approx(2 * 55, abs=2)
        assert current["mase_persistence"] < free["assets"][asset]["sensors"][0]["mase_persistence"]


def test_a_plan_may_differ_by_asset_and_one_asset_may_have_none(made: Path, tmp_path: Path) -> None:
    plan = tmp_path / "plan.csv"
    plan.write_text(f"asset,time,load\nP1,{row_time(ROWS)},45\nP1,{row_time(ROWS + 70)},45\n")
    found = document(forecast(made, "--json", "--quiet", "--context-ahead", plan))
    assert [asset["context_ahead"]["load"] for asset in found["assets"]] == ["planned", "held"]
    assert found["notes"][0] == f"P2: nothing is planned after its last row, {row_time(ROWS - 1)}."


def test_a_plan_beyond_what_training_saw_is_told(made: Path, tmp_path: Path) -> None:
    plan = tmp_path / "plan.csv"
    plan.write_text(f"time,load\n{row_time(ROWS)},300\n{row_time(ROWS + 70)},300\n")
    assert "the plan goes outside what training saw ('load'" in forecast(made, "--context-ahead", plan).err


def test_a_forecast_that_does_not_beat_the_last_value_says_so(made: Path, tmp_path: Path) -> None:
    walk = np.cumsum(np.random.default_rng(2).normal(0, 0.1, ROWS))
    columns = {"load": walk, "current": 100 + walk[::-1], "vibration": 2 + np.roll(walk, 300) / 5}
    table = plant().slice(0, ROWS)
    for name, values in columns.items():
        table = table.set_column(table.schema.get_field_index(name), name, pa.array(values))
    pq.write_table(table, tmp_path / "walk.parquet")
    said = anomaly_lstm("forecast", tmp_path / "walk.parquet", "--model", made / "model", "--horizon", "30min")
    assert said.code == 0, said.err
    assert "Does not beat the last value: P1" in said.err


def test_a_sensor_that_reads_what_training_never_saw_is_told(made: Path) -> None:
    said = forecast(made)
    assert "P2: 'vibration' reads" in said.err
    assert "outside what training saw" in said.err
    assert "P1: 'vibration' reads" not in said.err


def test_rows_the_network_learned_from_are_told(made: Path) -> None:
    said = forecast(made, "--end", row_time(700))
    assert "The model learned from the rows that judge it (P1, P2)" in said.err


def test_a_pipeline_names_source_model_and_events(made: Path, tmp_path: Path) -> None:
    pipeline = tmp_path / "pump.toml"
    pipeline.write_text(pipeline_text(made))
    said = anomaly_lstm("forecast", "--pipeline", pipeline, "--model", made / "model", "--horizon", "1h", "--json")
    assert document(said)["rows"] == document(forecast(made, "--json"))["rows"]


def test_the_function_does_what_the_command_does(made: Path) -> None:
    result = al.forecast(made / "plant.parquet", made / "model", horizon_us=3_600_000_000, events=made / "events.csv")
    assert result.document()["assets"] == document(forecast(made, "--json"))["assets"]


def test_the_help_has_an_example() -> None:
    assert "anomaly-lstm forecast data/pump.csv" in " ".join(anomaly_lstm("forecast", "--help").out.split())


# ---------------------------------------------------------------- refused


def refused(said: Said, code: int, *words: str) -> None:
    assert said.code == code, said.err
    assert "Traceback" not in said.err
    for text in words:
        assert text in " ".join(said.err.split()), said.err


def test_a_horizon_beyond_the_history_is_told_with_one_that_fits(made: Path) -> None:
    refused(forecast(made, "--horizon", "24h"), 1, "P1: the history is too short for a horizon of 1d", "--horizon 1.5h")


@pytest.mark.parametrize("horizon", ["0", "soon", "24"])
def test_a_horizon_is_a_duration(made: Path, horizon: str) -> None:
    refused(forecast(made, "--horizon", horizon), 2, "--horizon")


def test_another_ending_is_refused_before_any_work(made: Path, tmp_path: Path) -> None:
    refused(forecast(made, "--out", tmp_path / "ahead.xlsx"), 2, ".parquet, .csv or .json")


def test_what_is_read_is_never_written_over(made: Path) -> None:
    refused(forecast(made, "--out", made / "plant.parquet"), 2, "is one of the files that are read")


def test_a_missing_sensor_is_named(made: Path, tmp_path: Path) -> None:
    pq.write_table(plant().drop_columns(["current"]), tmp_path / "less.parquet")
    said = anomaly_lstm("forecast", tmp_path / "less.parquet", "--model", made / "model", "--horizon", "1h")
    refused(said, 1, "sensor 'current' is missing")


def test_an_asset_whose_last_stretch_just_began_fails_alone(made: Path, tmp_path: Path) -> None:
    rows = np.ones(2 * ROWS, bool)
    rows[2 * ROWS - 40 : 2 * ROWS - 1] = False
    pq.write_table(plant().filter(pa.array(rows)), tmp_path / "gap.parquet")
    words = ("--model", made / "model", "--horizon", "1h", "--out", tmp_path / "ahead.parquet")
    refused(anomaly_lstm("forecast", tmp_path / "gap.parquet", *words), 4, "P2: its last stretch is too short: 1 row")
    assert pq.read_table(tmp_path / "ahead.parquet").column("asset").unique().to_pylist() == ["P1"]


def test_a_plan_that_is_over_is_refused(made: Path, tmp_path: Path) -> None:
    plan = tmp_path / "plan.csv"
    plan.write_text(f"time,load\n{row_time(10)},55\n{row_time(20)},56\n")
    refused(forecast(made, "--context-ahead", plan), 2, "plans no load of these assets after their last row")


def test_a_plan_without_the_context_is_refused(made: Path, tmp_path: Path) -> None:
    plan = tmp_path / "plan.csv"
    plan.write_text(f"time,speed\n{row_time(ROWS + 5)},55\n{row_time(ROWS + 9)},56\n")
    refused(forecast(made, "--context-ahead", plan), 2, "plans no load")


@pytest.mark.parametrize(
    ("end", "why"), [(ROWS + 9, "does not run in its last row"), (ROWS - 3, "last stretch is too short: 2 rows")]
)
def test_a_machine_under_maintenance_is_not_forecast_and_begins_anew_after_it(
    made: Path, tmp_path: Path, end: int, why: str
) -> None:
    events = tmp_path / "events.csv"
    events.write_text(f"asset,start,end,kind\nP2,{row_time(ROWS - 9)},{row_time(end)},maintenance\n")
    result = al.forecast(made / "plant.parquet", made / "model", horizon_us=3_600_000_000, events=events)
    assert list(result.failed) == ["P2"]
    assert why in result.failed["P2"]
