"""A small plant, a model of it, and the command line in this process."""

import contextlib
import io
import shutil
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from anomaly_lstm.cli import main

ROWS = 900
FAULT = 800
"""Row at which P2's vibration begins to be 8 mm/s too high."""


@dataclass(frozen=True)
class Said:
    """What a command said and how it ended."""

    code: int
    out: str
    err: str


def anomaly_lstm(*words: str | Path) -> Said:
    """Run the command line in this process, through the same `main` as the console script."""
    out, err = io.StringIO(), io.StringIO()
    with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
        try:
            main([str(word) for word in words])
            code = 0
        except SystemExit as left:
            code = left.code if isinstance(left.code, int) else 0
    return Said(code, out.getvalue(), err.getvalue())


def plant(rows: int = ROWS, seed: int = 1) -> pa.Table:
    """Two pumps at 1 min from 2026-01-01: load explains current and vibration; P2 goes wrong at the end."""
    noise = np.random.default_rng(seed)
    parts = []
    for asset in ("P1", "P2"):
        load = 50 + 10 * np.sin(np.arange(rows) / 40) + noise.normal(0, 0.5, rows)
        vibration = 1 + 0.02 * load + noise.normal(0, 0.05, rows)
        vibration += 8.0 * ((np.arange(rows) >= FAULT) & (asset == "P2"))
        columns = {"load": load, "current": 2 * load + noise.normal(0, 0.5, rows), "vibration": vibration}
        stamps = np.datetime64("2026-01-01", "us") + np.arange(rows) * np.timedelta64(60, "s")
        parts.append(
            pa.table({"asset": [asset] * rows, "time": pa.array(stamps).cast(pa.timestamp("us", "UTC")), **columns})
        )
    return pa.concat_tables(parts)


def row_time(row: int) -> str:
    """The time of a row of the plant."""
    return str(np.datetime64("2026-01-01", "s") + row * np.timedelta64(60, "s")) + "Z"


def pipeline_text(folder: Path) -> str:
    """A pipeline file for the plant, its run folder beside it."""
    return f"""
[source]
paths = ["{folder}/plant.parquet"]
[run]
folder = "run"
[sensors]
context = ["load"]
[train]
until = "{row_time(700)}"
events = "{folder}/events.csv"
model = "linear_predictor"
[alarm]
advisory = "off"
warning = "10h"
"""


@pytest.fixture(scope="session")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with plant.parquet, plant.csv, events.csv, and what train, score and alert make of them.

    It is shared by all tests: not to be changed.
    """
    folder = tmp_path_factory.mktemp("plant")
    pq.write_table(plant(), folder / "plant.parquet")
    plant().to_pandas().to_csv(folder / "plant.csv", index=False)
    event = f"P2,{row_time(FAULT)},{row_time(ROWS)},failure,{row_time(ROWS - 1)}\n"
    (folder / "events.csv").write_text("asset,start,end,kind,failure_time\n" + event)
    model = ("--model", folder / "model")
    learn = ("--end", row_time(700), "--context", "load", "--network", "linear_predictor")
    warn = ("--out", folder / "alerts.json", "--advisory", "off", "--warning", "10h")
    commands: list[tuple[str | Path, ...]] = [
        ("train", folder / "plant.parquet", *model, *learn),
        ("score", folder / "plant.parquet", *model, "--out", folder / "scores.parquet"),
        ("alert", folder / "scores.parquet", *model, *warn),
    ]
    for words in commands:
        said = anomaly_lstm(*words)
        assert said.code == 0, said.err
    return folder


@pytest.fixture
def model(made: Path, tmp_path: Path) -> Path:
    """A model folder that a test may damage."""
    return Path(shutil.copytree(made / "model", tmp_path / "model"))
