"""What people get wrong: one clear message, the right exit code, no traceback, nothing half written."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pyarrow.parquet as pq
import pytest

from anomaly_lstm import pipeline as verbs
from anomaly_lstm import store
from tests.cli.conftest import Said, anomaly_lstm, pipeline_text, plant

LINEAR = ("--network", "linear_predictor")


def refused(said: Said, code: int, *words: str) -> None:
    """The command ended with that code and one message that holds the words."""
    assert said.code == code, said.err
    assert said.err.count("Error: ") == 1
    assert "Traceback" not in said.err
    assert said.out == ""
    for word in words:
        assert word in said.err


def nothing_left(folder: Path, *, but: tuple[str, ...] = ()) -> None:
    """No output, and no half-written file or folder, is in the folder."""
    assert sorted(path.name for path in folder.iterdir()) == sorted(but)


@pytest.mark.parametrize(
    ("name", "text", "words"),
    [
        ("absent.csv", None, ("absent.csv", "no such file")),
        ("empty.csv", "", ("empty.csv",)),
        ("header.csv", "time,flow\n", ("header.csv",)),
        ("words.csv", "time,state\n2026-01-01,red\n2026-01-02,green\n", ("words.csv", "number")),
        ("notime.csv", "name,flow\na,1\nb,2\nc,3\n", ("notime.csv", "--time")),
        ("few.csv", "time,flow\n2026-01-01,1\n2026-01-02,2\n2026-01-03,3\n", ("only 3 normal rows",)),
        ("one.csv", "time,flow\n2026-01-01,1\n", ("--period",)),
    ],
)
def test_a_file_that_cannot_teach_is_refused(
    tmp_path: Path, name: str, text: str | None, words: tuple[str, ...]
) -> None:
    if text is not None:
        (tmp_path / name).write_text(text)
    said = anomaly_lstm("train", tmp_path / name, "--model", tmp_path / "m", *LINEAR)
    refused(said, 1, *words)
    nothing_left(tmp_path, but=() if text is None else (name,))


def test_a_time_column_that_is_none_is_refused(made: Path, tmp_path: Path) -> None:
    said = anomaly_lstm("train", made / "plant.csv", "--model", tmp_path / "m", "--time", "asset", *LINEAR)
    refused(said, 1, "asset", "time")
    nothing_left(tmp_path)


def test_a_column_that_does_not_exist_is_named_with_the_nearest(made: Path, tmp_path: Path) -> None:
    for option, name in (("--time", "tme"), ("--context", "lod"), ("--sensors", "vibratoin")):
        said = anomaly_lstm("train", made / "plant.csv", "--model", tmp_path / "m", option, name, *LINEAR)
        assert said.code in (1, 2)
        assert name in said.err
        assert "Did you mean" in said.err
    nothing_left(tmp_path)


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (("--mode", "fuel"), ("--mode", "there is no sensor 'fuel'")),
        (("--mode", "load"), ("'load' holds", "--context load")),
        (("--mode", "load", "--context", "load"), ("--mode and in --context",)),
        (("--mode", "load", "--exclude", "load"), ("--mode and in --exclude",)),
    ],
)
def test_a_mode_that_is_none_is_refused(
    made: Path, tmp_path: Path, words: tuple[str, ...], told: tuple[str, ...]
) -> None:
    said = anomaly_lstm("train", made / "plant.csv", "--model", tmp_path / "m", *words, *LINEAR)
    refused(said, 2, *told)
    nothing_left(tmp_path)


def test_a_mode_of_a_pipeline_file_that_is_a_context_too_is_a_mistake(made: Path, tmp_path: Path) -> None:
    text = pipeline_text(made).replace('context = ["load"]', 'context = ["load"]\nmode = "load"')
    (tmp_path / "p.toml").write_text(text)
    refused(anomaly_lstm("run", tmp_path / "p.toml"), 2, "sensors.mode", "context too")


def test_a_sensor_missing_at_scoring_is_named(made: Path, tmp_path: Path) -> None:
    pq.write_table(plant(200).drop_columns(["vibration"]), tmp_path / "p.parquet")
    said = anomaly_lstm("score", tmp_path / "p.parquet", "--model", made / "model", "--out", tmp_path / "s.parquet")
    refused(said, 1, "'vibration' is missing", "knows 3 sensors")
    nothing_left(tmp_path, but=("p.parquet",))


def test_a_failed_score_leaves_the_old_table_as_it_was(made: Path, tmp_path: Path) -> None:
    pq.write_table(plant(200).drop_columns(["vibration"]), tmp_path / "p.parquet")
    (tmp_path / "s.parquet").write_bytes(b"old")
    anomaly_lstm("score", tmp_path / "p.parquet", "--model", made / "model", "--out", tmp_path / "s.parquet")
    assert (tmp_path / "s.parquet").read_bytes() == b"old"


# ---------------------------------------------------------------- models


def score(made: Path, model: Path) -> Said:
    return anomaly_lstm("score", made / "plant.parquet", "--model", model, "--out", model.parent / "out" / "s.parquet")


def test_a_folder_without_a_model_is_refused(made: Path, tmp_path: Path) -> None:
    refused(score(made, tmp_path), 1, "holds no model", "anomaly-lstm train")
    refused(score(made, tmp_path / "absent"), 1, "does not exist")


def test_a_damaged_model_is_refused(made: Path, model: Path) -> None:
    array = next((model / "arrays").iterdir())
    array.write_bytes(array.read_bytes()[:-1] + b"x")
    refused(score(made, model), 1, array.name, "damaged")
    (model / "manifest.json").write_text("{")
    refused(score(made, model), 1, "manifest.json", "damaged")
    nothing_left(model.parent, but=("model",))


def test_a_model_of_a_newer_version_is_refused(made: Path, model: Path) -> None:
    manifest = json.loads((model / "manifest.json").read_text())
    (model / "manifest.json").write_text(json.dumps({**manifest, "format": 99}))
    refused(score(made, model), 1, "format 99", "Update anomaly-lstm")


def test_train_never_replaces_a_folder_that_is_no_model(made: Path, tmp_path: Path) -> None:
    (tmp_path / "thesis").mkdir()
    (tmp_path / "thesis" / "chapter.txt").write_text("years of work")
    said = anomaly_lstm("train", made / "plant.parquet", "--model", tmp_path / "thesis", *LINEAR)
    refused(said, 2, "not a model folder")
    nothing_left(tmp_path / "thesis", but=("chapter.txt",))


def test_ingest_never_replaces_a_folder_that_is_not_ingested(made: Path, tmp_path: Path) -> None:
    (tmp_path / "notes.txt").write_text("years of work")
    refused(anomaly_lstm("ingest", made / "plant.parquet", "--out", tmp_path), 2, "not an ingested folder")
    nothing_left(tmp_path, but=("notes.txt",))


def test_an_lstm_without_tensorflow_names_the_extra(made: Path, tmp_path: Path) -> None:
    """In a process of its own, in which neither TensorFlow nor Keras can be imported."""
    blocker = "import sys\nfor name in ('tensorflow', 'keras'):\n    sys.modules[name] = None\n"
    (tmp_path / "sitecustomize.py").write_text(blocker)
    command = [
        sys.executable,
        "-m",
        "anomaly_lstm",
        "train",
        str(made / "plant.parquet"),
        "--model",
        str(tmp_path / "m"),
    ]
    environment = {**os.environ, "PYTHONPATH": f"{tmp_path}{os.pathsep}{Path.cwd()}"}
    found = subprocess.run(command, capture_output=True, text=True, check=False, env=environment)
    refused(Said(found.returncode, found.stdout, found.stderr), 1, "anomaly-lstm[train]", "--network linear_predictor")
    assert not (tmp_path / "m").exists()


# ---------------------------------------------------------------- options


@pytest.mark.parametrize(
    "words",
    [
        ("--warning", "7d"),
        ("--advisory", "90d", "--warning", "30d"),
        ("--critical", "60d"),
        ("--warning", "soon"),
        ("--warning", "0"),
        ("--on-delay", "5"),
    ],
)
def test_limits_that_do_not_grow_and_spans_that_are_none_are_wrong_usage(made: Path, words: tuple[str, ...]) -> None:
    option = words[0] if len(words) == 2 and words[1] not in ("7d", "60d") else ""
    refused(anomaly_lstm("alert", made / "scores.parquet", "--model", made / "model", *words), 2, option)


@pytest.mark.parametrize(
    "words",
    [
        ("train", "x.csv", "--model", "m", "--network", "lstm_predicter"),
        ("train", "x.csv", "--model", "m", "--threshold", "quantle"),
        ("train", "x.csv", "--model", "m", "--start", "2026-02-01", "--end", "2026-01-01"),
        ("train", "x.csv", "--model", "m", "--running", "motor current > 5"),
        ("train", "x.csv", "--model", "m", "--period", "0"),
        ("train", "x.csv", "--model", "m", "--end", "yesterday"),
        ("train", "x.csv", "--model", "m", "--zone", "America/Santigo", "--end", "2026-01-01"),
        ("train", "x.csv", "--model", "m", "--exclude", "a,,b"),
        ("train", "x.csv", "--model", "m", "--decimal", "x"),
        ("ingest", "x.csv", "--out", "m", "--separator", "comma"),
        ("train", "x.csv"),
        ("train", "--model", "m"),
        ("score", "--model", "m", "--out", "s.parquet"),
        ("score", "x.csv", "--model", "m", "--out", "s.csv"),
        ("alert", "--model", "m"),
        ("evaluate",),
    ],
)
def test_wrong_options_are_told_before_anything_is_read(words: tuple[str, ...]) -> None:
    refused(anomaly_lstm(*words), 2)


@pytest.mark.parametrize("words", [("trian",), ("score", "x.csv"), ("train", "--seed", "-1"), ("train", "--nonsense")])
def test_wrong_usage_leaves_with_2(words: tuple[str, ...]) -> None:
    said = anomaly_lstm(*words)
    assert (said.code, said.out, "Traceback" in said.err) == (2, "", False)


def test_alerts_and_events_that_are_none_are_refused(made: Path, tmp_path: Path) -> None:
    (tmp_path / "a.json").write_text("[]")
    (tmp_path / "e.csv").write_text(
        "asset,start,end,kind\nP1,2026-01-01,2026-01-02,failing\nP1,never,2026-01-02,failure\n"
    )
    refused(anomaly_lstm("evaluate", tmp_path / "a.json", "--events", made / "events.csv"), 1, "a.json")
    refused(anomaly_lstm("evaluate", made / "alerts.json", "--events", tmp_path / "e.csv"), 1, "line 2", "line 3")
    refused(anomaly_lstm("evaluate", tmp_path / "none.json", "--events", made / "events.csv"), 1, "none.json")
    refused(anomaly_lstm("alert", made / "plant.parquet", "--model", made / "model"), 1, "not a scores table")
    refused(anomaly_lstm("inspect", tmp_path), 1, "neither")


# ---------------------------------------------------------------- pipeline files


def test_every_mistake_of_a_pipeline_file_is_told_at_once(made: Path, tmp_path: Path) -> None:
    text = pipeline_text(made).replace("linear_predictor", "linear_predicter").replace("until", "untill")
    (tmp_path / "p.toml").write_text(text)
    for words in (
        ("run", tmp_path / "p.toml"),
        ("train", "--pipeline", tmp_path / "p.toml"),
        ("inspect", tmp_path / "p.toml"),
    ):
        refused(anomaly_lstm(*words), 2, "2 mistakes", "train.model", "train.untill", "Did you mean 'until'")
    nothing_left(tmp_path, but=("p.toml",))


def test_an_asset_that_is_neither_enabled_nor_not_stops_a_run(made: Path, tmp_path: Path) -> None:
    (tmp_path / "assets.csv").write_text("asset,enabled\nP1,yes\nP2,perhaps\n")
    (tmp_path / "p.toml").write_text(pipeline_text(made) + '[assets]\ntable = "assets.csv"\n')
    refused(anomaly_lstm("run", tmp_path / "p.toml"), 1, "line 3", "'perhaps'")
    nothing_left(tmp_path, but=("assets.csv", "p.toml"))


def test_a_pipeline_that_has_not_run_says_what_to_do(made: Path, tmp_path: Path) -> None:
    (tmp_path / "p.toml").write_text(pipeline_text(made))
    file = tmp_path / "p.toml"
    refused(anomaly_lstm("inspect", file), 1, f"anomaly-lstm run {file}")
    refused(anomaly_lstm("score", "--pipeline", file, "--out", tmp_path / "s.parquet"), 1, f"anomaly-lstm run {file}")
    refused(anomaly_lstm("run", tmp_path / "absent.toml"), 2, "absent.toml")


def test_a_kind_that_the_files_are_not_is_told(made: Path, tmp_path: Path) -> None:
    (tmp_path / "p.toml").write_text(pipeline_text(made).replace("[source]", '[source]\nkind = "csv"'))
    refused(anomaly_lstm("run", tmp_path / "p.toml"), 2, "source.kind", "parquet")


def test_a_run_that_fails_leaves_no_half_model(made: Path, tmp_path: Path) -> None:
    (tmp_path / "p.toml").write_text(pipeline_text(made).replace('context = ["load"]', 'context = ["lood"]'))
    refused(anomaly_lstm("run", tmp_path / "p.toml"), 2, "lood", "Did you mean")
    assert not [path for path in (tmp_path / "run").rglob("*") if path.name not in ("run.lock", "models")]


def test_a_run_folder_in_use_leaves_with_75(made: Path, tmp_path: Path) -> None:
    (tmp_path / "p.toml").write_text(pipeline_text(made))
    with store.locked(tmp_path / "run"):
        refused(anomaly_lstm("run", tmp_path / "p.toml"), 75, "in use by another run")


# ---------------------------------------------------------------- the boundary


@pytest.mark.parametrize(("problem", "code"), [(RuntimeError("bug"), 3), (KeyboardInterrupt(), 130)])
def test_what_nobody_expected_leaves_with_its_own_code(
    made: Path, monkeypatch: pytest.MonkeyPatch, problem: BaseException, code: int
) -> None:
    def fail(target: Path, asset: str | None) -> dict[str, object]:
        raise problem

    monkeypatch.setattr(verbs, "inspect", fail)
    said = anomaly_lstm("inspect", made / "model")
    assert said.code == code
    assert ("Traceback" in said.err) == (code == 3)


@pytest.mark.parametrize("words", [(), ("--quiet",), ("--json",)])
def test_who_interrupts_a_command_is_told_in_one_line_that_nothing_is_half_written(
    made: Path, monkeypatch: pytest.MonkeyPatch, words: tuple[str, ...]
) -> None:
    def interrupt(target: Path, asset: str | None) -> dict[str, object]:
        raise KeyboardInterrupt

    monkeypatch.setattr(verbs, "inspect", interrupt)
    said = anomaly_lstm("inspect", made / "model", *words)
    assert said == Said(130, "", "Interrupted: nothing was written half.\n")
