"""The first ten minutes: `init` looks, writes a pipeline file, and `run` works on it as it stands."""

from __future__ import annotations

import importlib.util
import json
import os
import shutil
from collections.abc import Sequence
from datetime import timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from numpy.typing import NDArray

from anomaly_lstm.config import read_pipeline
from anomaly_lstm.events import read_events
from tests.cli.conftest import anomaly_lstm, plant
from tests.moving import left

ROOT = Path(__file__).parent.parent.parent
ROWS = 900


@pytest.fixture(autouse=True)
def without_tensorflow(monkeypatch: pytest.MonkeyPatch) -> None:
    """As on a machine without TensorFlow: the linear model, which trains in seconds, is what init writes."""
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)


def table(names: Sequence[str], rows: int = ROWS) -> pa.Table:
    """Sensors coupled by a load, a row per minute."""
    noise = np.random.default_rng(0)
    load = 50 + 10 * np.sin(np.arange(rows) / 40) + noise.normal(0, 0.5, rows)
    stamps = np.datetime64("2026-01-01", "us") + np.arange(rows) * np.timedelta64(60, "s")
    columns = {name: load * (i + 1) + noise.normal(0, 1, rows) for i, name in enumerate(names)}
    return pa.table({"time": pa.array(stamps).cast(pa.timestamp("us", "UTC")), **columns})


def begun(*words: str | Path) -> dict[str, Any]:
    said = anomaly_lstm("init", *words, "--json")
    assert said.code == 0, said.err
    found: dict[str, Any] = json.loads(said.out)
    return found


def test_init_on_the_sample_pumps_proposes_what_their_readme_says(tmp_path: Path) -> None:
    shutil.copytree(ROOT / "sample_data", tmp_path / "sample_data")
    found = begun(tmp_path / "sample_data" / "pump", "--out", tmp_path / "pipelines" / "pump.toml")
    assert set(found["context"]) == {"speed_setpoint", "ambient_temp"}
    assert found["running"].startswith("motor_current > ")
    assert found["promise"][0] == "4 assets at 90 d each: about 1.4 false warnings a month, and 4.1 advisories."
    config = read_pipeline(tmp_path / "pipelines" / "pump.toml")
    assert config.folder == tmp_path / "runs" / "pump"
    assert config.train.events == tmp_path / "sample_data" / "events.csv"
    assert config.assets == tmp_path / "sample_data" / "assets.csv"
    assert config.train.until_us is not None


def test_run_works_on_what_init_wrote_for_the_historian_export(tmp_path: Path) -> None:
    shutil.copy(ROOT / "sample_data" / "historian_export.csv", tmp_path)
    found = begun(tmp_path / "historian_export.csv", "--out", tmp_path / "export.toml")
    assert found["context"] == {"SIC-3101A.SP": "a set-point, by its name"}
    assert any(sentence.startswith("zone: ") for sentence in found["unsure"])
    said = anomaly_lstm("run", tmp_path / "export.toml")
    assert said.code == 0, said.err
    assert (tmp_path / "runs" / "export" / "alerts.json").is_file()


def test_the_default_is_a_file_in_pipelines_named_after_the_source(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "data").mkdir()
    pq.write_table(table(["a", "b"]), tmp_path / "data" / "unit 7.parquet")
    assert begun("data/unit 7.parquet")["pipeline"] == "pipelines/unit 7.toml"
    assert begun("data/*.parquet")["pipeline"] == "pipelines/data.toml"
    assert Path(read_pipeline(Path("pipelines/data.toml")).source.paths[0]).name == "*.parquet"
    assert anomaly_lstm("run", "pipelines/data.toml", "--dry-run").code == 0


def test_a_file_that_stands_there_is_never_overwritten(tmp_path: Path) -> None:
    pq.write_table(table(["a", "b"]), tmp_path / "p.parquet")
    (tmp_path / "p.toml").write_text("mine")
    said = anomaly_lstm("init", tmp_path / "p.parquet", "--out", tmp_path / "p.toml")
    assert (said.code, "left as it is" in said.err) == (2, True)
    assert (tmp_path / "p.toml").read_text() == "mine"


HOSTILE = [
    "PIT-3101A.PV",
    r"\\srv\Área 2:TT%",
    'the "old" one',
    "it's one",
    "a, b",
    "# comment",
    "x]\n[run]\nfolder = 1",
    "=cmd()",
    "[red]",
    "../../etc",
    "and",
]


def test_run_works_whatever_the_sensors_are_called(tmp_path: Path) -> None:
    pq.write_table(table(HOSTILE), tmp_path / "p.parquet")
    begun(tmp_path / "p.parquet", "--out", tmp_path / "p.toml")
    said = anomaly_lstm("run", tmp_path / "p.toml", "--json")
    assert said.code == 0, said.err
    (scores,) = (tmp_path / "runs" / "p" / "scores").rglob("*.parquet")
    assert {f"value.{name}" for name in HOSTILE} <= set(pq.read_schema(scores).names)


def test_what_is_off_constant_or_twice_there_is_noticed_and_left_out_with_the_reason(tmp_path: Path) -> None:
    rows = table(["motor_current", "vibration"])
    current, vibration = (rows[name].to_numpy().copy() for name in ("motor_current", "vibration"))
    current[200:260] = 0
    parts = {"motor_current": current, "vibration": vibration, "twin": vibration, "dead": np.full(ROWS, 7.0)}
    pq.write_table(pa.table({"time": rows["time"], **parts}), tmp_path / "p.parquet")
    found = begun(tmp_path / "p.parquet", "--out", tmp_path / "p.toml")
    assert found["exclude"] == {"twin": "it equals 'vibration'", "dead": "it reads 7 all the time"}
    assert found["running"].startswith("motor_current >")
    text = (tmp_path / "p.toml").read_text()
    assert '"dead",' in text
    assert "it reads 7 all the time" in text
    said = anomaly_lstm("run", tmp_path / "p.toml", "--json")
    assert json.loads(said.out)["states"]["OUT_OF_STATE"] >= 50


def test_a_status_that_says_when_it_runs_is_kept_for_that(tmp_path: Path) -> None:
    rows = table(["vibration", "pressure"])
    status = (np.arange(ROWS) % 300 > 30).astype(float)
    pq.write_table(rows.append_column("fan status", pa.array(status)), tmp_path / "p.parquet")
    found = begun(tmp_path / "p.parquet", "--out", tmp_path / "p.toml")
    assert (found["running"], found["exclude"]) == ("'fan status' > 0.5", {})
    assert found["context"] == {"fan status": "it says when the asset runs"}
    assert anomaly_lstm("run", tmp_path / "p.toml").code == 0


def test_sensors_that_are_written_at_times_of_their_own_get_a_grid_on_which_they_run(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    lines = []
    for number, name in enumerate(("TT-1", "PT-2", "FT-3")):
        rows = np.arange(ROWS) * 60 + 20 * number
        load = 50 + 10 * np.sin(rows / 2400) + rng.normal(0, 0.5, ROWS)
        written = rows if number else rows[np.sort(rng.choice(ROWS, ROWS // 4, replace=False))]
        lines += [(second, f"{name},{load[np.searchsorted(rows, second)]:.3f}") for second in written]
    text = "".join(f"{np.datetime64('2026-01-01') + np.timedelta64(s, 's')},{rest}\n" for s, rest in sorted(lines))
    (tmp_path / "long.csv").write_text("time,tag,value\n" + text)
    found = begun(tmp_path / "long.csv", "--out", tmp_path / "p.toml")
    assert found["source"]["period"] == "1min"
    assert any(sentence.startswith("grid: TT-1 ") for sentence in found["unsure"])
    config = read_pipeline(tmp_path / "p.toml")
    assert list(config.sensors.rules.named) == ["TT-1"]
    said = anomaly_lstm("run", tmp_path / "p.toml", "--json")
    assert said.code == 0, said.err
    states = json.loads(said.out)["states"]
    assert states["SCORED"] > 0.9 * ROWS


def test_a_status_in_words_is_named_with_the_condition_to_write(tmp_path: Path) -> None:
    rows = table(["vibration", "pressure"])
    rows = rows.append_column("machine_status", pa.array(["RUN", "STARTUP", "STOP"] * (ROWS // 3)))
    pq.write_table(rows, tmp_path / "p.parquet")
    found = begun(tmp_path / "p.parquet", "--out", tmp_path / "p.toml")
    assert any("machine_status == 'RUN'" in sentence for sentence in found["unsure"])
    text = (tmp_path / "p.toml").read_text()
    proposed = next(line for line in text.splitlines() if line.startswith("# running ="))
    (tmp_path / "p.toml").write_text(text.replace(proposed, "running = \"machine_status == 'RUN'\""))
    said = anomaly_lstm("run", tmp_path / "p.toml", "--json")
    assert json.loads(said.out)["states"]["OUT_OF_STATE"] == 2 * ROWS // 3


def test_a_plant_that_writes_changes_only_a_file_per_sensor_is_watched_at_once(tmp_path: Path) -> None:
    noise = np.random.default_rng(0)
    minutes = np.arange(8 * 1440)
    load = np.where(minutes % 2500 < 200, 0.0, 60 + 20 * np.sin(minutes / 700) + noise.normal(0, 0.5, len(minutes)))
    sensors: dict[str, NDArray[np.float64]] = {
        "IT-101.PV": np.round(load, 0).astype(np.float64),
        "TT-101.PV": np.round(40 + 0.3 * load, 1),
        "PIC-101.SP": load // 30,
    }
    (tmp_path / "plant" / "P-101").mkdir(parents=True)
    for name, values in sensors.items():
        changed = np.flatnonzero(np.r_[True, np.diff(values) != 0])
        stamps = (np.datetime64("2026-01-01T00:00") + row.astype("timedelta64[m]") for row in minutes[changed])
        rows = "".join(f"{stamp};{value}\n" for stamp, value in zip(stamps, values[changed], strict=True))
        (tmp_path / "plant" / "P-101" / f"{name}.csv").write_text("Zeit;Wert\n" + rows.replace(".", ","))
    found = begun(tmp_path / "plant", "--asset-from", "folder", "--out", tmp_path / "p.toml")
    assert found["running"].startswith("'IT-101.PV' > ")
    assert set(read_pipeline(tmp_path / "p.toml").sensors.rules.named) >= {"IT-101.PV", "PIC-101.SP"}
    said = anomaly_lstm("run", tmp_path / "p.toml", "--json")
    assert said.code == 0, said.err
    states = json.loads(said.out)["states"]
    assert states["SCORED"] > 0.95 * (len(minutes) - states["OUT_OF_STATE"])
    assert states["OUT_OF_STATE"] >= 900


def test_flags_win_and_stand_in_the_file(tmp_path: Path) -> None:
    plant().to_pandas().to_csv(tmp_path / "plant.csv", index=False)
    (tmp_path / "ours.csv").write_text("asset,start,end,kind\nP2,2026-01-01T02:00Z,2026-01-01T03:00Z,anomaly\n")
    flags = (
        "--network",
        "lstm_autoencoder",
        "--period",
        "2min",
        "--exclude",
        "current",
        "--events",
        tmp_path / "ours.csv",
        "--asset",
        "asset",
    )
    begun(tmp_path / "plant.csv", "--out", tmp_path / "p.toml", *flags)
    config = read_pipeline(tmp_path / "p.toml")
    assert config.source.period_us == 120_000_000
    assert config.train.options.network == "lstm_autoencoder"
    assert config.source.read.exclude == ("current",)
    assert config.train.events == tmp_path / "ours.csv"
    assert config.source.read.asset == "asset"


def test_files_that_are_sensors_of_one_asset_are_noticed_and_joined_when_told(tmp_path: Path) -> None:
    rows = table(["TT-1", "PT-2", "FT-3"]).to_pandas()
    (tmp_path / "plant").mkdir()
    for name in ("TT-1", "PT-2", "FT-3"):
        part = rows[["time", name]].rename(columns={name: "value"})
        part.to_csv(tmp_path / "plant" / f"{name}.csv", index=False)
    found = begun(tmp_path / "plant", "--out", tmp_path / "a.toml")
    assert "--name pump-07" in found["unsure"][0]
    found = begun(tmp_path / "plant", "--out", tmp_path / "b.toml", "--name", "pump-07", "--sensors", "TT-1,PT-2")
    assert found["assets"] == ["pump-07"]
    assert read_pipeline(tmp_path / "b.toml").source.read.sensors == ("TT-1", "PT-2")
    assert anomaly_lstm("run", tmp_path / "b.toml").code == 0


def test_units_that_the_file_tells_stand_there_and_are_told(tmp_path: Path) -> None:
    plain = table(["flow", "oil_temp"]).to_pandas().to_csv(index=False)
    _, rows = plain.split("\n", 1)
    (tmp_path / "p.csv").write_text("time,flow [l/min],oil_temp\n" + rows)
    begun(tmp_path / "p.csv", "--out", tmp_path / "p.toml")
    assert read_pipeline(tmp_path / "p.toml").sensors.units == {"flow [l/min]": "l/min"}
    assert '# oil_temp = "°C"' in (tmp_path / "p.toml").read_text()


def test_a_fleet_gets_a_budget_for_all_of_it_and_the_reason(tmp_path: Path) -> None:
    (tmp_path / "fleet").mkdir()
    for n in range(20):
        pq.write_table(table(["a", "b"], 200), tmp_path / "fleet" / f"unit-{n:02}.parquet")
    found = begun(tmp_path / "fleet", "--out", tmp_path / "p.toml")
    assert found["promise"][0].startswith("20 assets at 90 d each: about 6.8 false warnings a month, more than")
    assert read_pipeline(tmp_path / "p.toml").alarm.budget_us == 7 * 86_400_000_000


def test_of_a_few_rows_init_says_that_they_are_too_few(tmp_path: Path) -> None:
    pq.write_table(table(["a", "b"], 20), tmp_path / "p.parquet")
    found = begun(tmp_path / "p.parquet", "--out", tmp_path / "p.toml")
    assert found["until"] is None
    assert "only 20 rows" in (tmp_path / "p.toml").read_text()
    said = anomaly_lstm("run", tmp_path / "p.toml")
    assert (said.code, "only 20 normal rows" in said.err) == (1, True)


def test_what_people_should_look_at_is_said_and_the_next_step(tmp_path: Path) -> None:
    pq.write_table(table(["bearing_temp", "load"]), tmp_path / "p.parquet")
    said = anomaly_lstm("init", tmp_path / "p.parquet", "--out", tmp_path / "p.toml")
    for words in ("Look at until", "Look at context: load explains", "bearing_temp are guessed", "run", "Next: "):
        assert words in said.err


def test_with_tensorflow_the_file_asks_for_the_lstm(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: object())
    pq.write_table(table(["a", "b"]), tmp_path / "p.parquet")
    assert begun(tmp_path / "p.parquet", "--out", tmp_path / "p.toml")["model"] == "lstm_predictor"


def moved_in(service: str, place: Path, out: Path) -> dict[str, Any]:
    return begun(place, "--from", service, "--out", out)


def test_who_comes_from_lookout_runs_on_history_and_inputs_with_labels_left_out(tmp_path: Path) -> None:
    place = left.lookout(tmp_path / "pump-07")
    left.lookout_answers(place)
    found = moved_in("lookout", place, tmp_path / "pump.toml")
    assert found["assets"] == ["pump-7"]
    assert found["running"] == "'motor\\rpm' >= 100"
    assert found["quality"]["assets"][0]["rows"] == left.ROWS
    config = read_pipeline(tmp_path / "pump.toml")
    assert config.source.delay_us == 120_000_000
    assert config.train.until_us == round((left.START + timedelta(minutes=left.TAUGHT)).timestamp() * 1e6)
    assert config.train.events == tmp_path / "pump-events.csv"
    text = (tmp_path / "pump.toml").read_text()
    assert f"*/5 * * * *   anomaly-lstm run {tmp_path / 'pump.toml'}" in text
    said = anomaly_lstm("run", tmp_path / "pump.toml", "--json")
    assert said.code == 0, said.err
    states = json.loads(said.out)["states"]
    assert sum(states.values()) == left.ROWS - 2  # the scheduler waited two minutes for late rows
    assert states["OUT_OF_STATE"] == 60


def test_what_lookout_found_is_kept_to_compare_with_and_teaches_nothing(tmp_path: Path) -> None:
    place = left.lookout(tmp_path / "pump-07")
    found = moved_in("lookout", place, tmp_path / "pump.toml")
    findings = tmp_path / "pump-lookout-results.csv"
    assert found["also"] == [str(tmp_path / "pump-events.csv"), str(findings)]
    (one,) = read_events(findings)
    assert (one.asset, one.kind, one.sensor) == ("pump-07", "anomaly", "pump\\pressure")
    assert "results" not in str(read_pipeline(tmp_path / "pump.toml").train.events)
    assert anomaly_lstm("run", tmp_path / "pump.toml").code == 0
    said = anomaly_lstm("evaluate", tmp_path / "runs" / "pump" / "alerts.json", "--events", findings)
    assert said.code == 0, said.err


def test_rows_that_come_later_in_the_old_way_are_read_too(tmp_path: Path) -> None:
    place = left.lookout(tmp_path / "pump-07")
    moved_in("lookout", place, tmp_path / "pump.toml")
    assert anomaly_lstm("run", tmp_path / "pump.toml").code == 0
    inputs = place / "inference-data" / "input"
    more = left.sensors(left.ROWS + 50)
    when = (left.START + timedelta(minutes=left.ROWS)).strftime("%Y%m%d%H%M%S")
    rows = range(left.ROWS, left.ROWS + 50)
    left.write_table(inputs / f"motor_{when}.csv", "Timestamp", {k: more[k] for k in ("rpm", "current")}, rows)
    left.write_table(inputs / f"pump_{when}.csv", "Timestamp", {"pressure": more["pressure"]}, rows)
    said = anomaly_lstm("run", tmp_path / "pump.toml", "--json")
    assert sum(json.loads(said.out)["states"].values()) >= 50, said.err
    assert json.loads(said.out)["failed"] == {}


@pytest.mark.parametrize("packed", [False, True])
def test_who_comes_from_azure_runs_on_its_variables(tmp_path: Path, packed: bool) -> None:
    place = left.azure(tmp_path, packed=packed)
    left.azure_answers(tmp_path if packed else place)
    found = moved_in("azure", place, tmp_path / "pump.toml")
    assert found["assets"] == ["pump-7"]
    assert {grade["sensor"] for grade in found["quality"]["grades"]} == {"rpm", "current", "pressure"}
    said = anomaly_lstm("run", tmp_path / "pump.toml", "--json")
    assert said.code == 0, said.err
    assert sum(json.loads(said.out)["states"].values()) == left.ROWS


def test_a_move_that_fails_leaves_nothing_in_its_way(tmp_path: Path) -> None:
    place = left.lookout(tmp_path / "pump-07")
    (place / "training-data" / "pump" / "part1.csv").write_text("Timestamp,pressure\nsoon,1\nlater,2\n")
    said = anomaly_lstm("init", place, "--from", "lookout", "--out", tmp_path / "pump.toml")
    assert said.code == 1
    assert not list(tmp_path.glob("pump*.*"))


@pytest.mark.parametrize(
    ("words", "text"),
    [
        ((), "SOURCE is missing"),
        (("nowhere.csv",), "no such file"),
        (("x", "--period", "0"), "--period"),
        (("a", "b", "--from", "azure"), "one folder"),
        (("x", "--network", "lstm_predict"), "Did you mean"),
        (("nowhere", "--from", "azure"), "no such file"),
        (("nowhere", "--from", "lookout"), "is no folder"),
    ],
)
def test_a_mistake_is_one_sentence(words: tuple[str, ...], text: str) -> None:
    said = anomaly_lstm("init", *words)
    assert said.code in (1, 2)
    assert text in said.err
    assert "Traceback" not in said.err


def test_events_with_a_mistake_and_names_that_are_no_text_are_told(tmp_path: Path) -> None:
    pq.write_table(table(["a", "b"]), tmp_path / "p.parquet")
    (tmp_path / "e.csv").write_text("asset,start,end,kind\nP,soon,later,failure\n")
    said = anomaly_lstm("init", tmp_path / "p.parquet", "--out", tmp_path / "p.toml", "--events", tmp_path / "e.csv")
    assert (said.code, "line 2" in said.err) == (1, True)
    odd = os.fsdecode(os.fsencode(tmp_path) + b"/\xff.parquet")
    shutil.copy(tmp_path / "p.parquet", odd)
    said = anomaly_lstm("init", odd, "--out", tmp_path / "p.toml")
    assert (said.code, "no UTF-8 text" in said.err) == (1, True)
