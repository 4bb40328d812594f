"""Names as plants and foes write them, from the export to the alerts."""

from __future__ import annotations

import csv
import json
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq

from tests.cli.conftest import anomaly_lstm

SENSORS = ["PIT-3101A.PV", r"\\srv\Área 2:TT%", "flow, total", "[red]time\x1b[31m"]
RUNNING = r"'PIT-3101A.PV' > 0 and '\\srv\Área 2:TT%' > 0"
N_ROWS, FAULT = 1500, 1450


def export(path: Path) -> Path:
    """Four sensors of a healthy asset, until all of them jump."""
    values = np.random.default_rng(0).normal(10, 1, (N_ROWS, len(SENSORS)))
    values[FAULT:] += 8
    times = np.datetime64("2026-01-01T00:00:00") + np.arange(N_ROWS) * np.timedelta64(600, "s")
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file, delimiter=";")
        writer.writerow(["time", *SENSORS])
        writer.writerows([f"{t}Z", *(f"{v:.4f}" for v in row)] for t, row in zip(times, values, strict=True))
    return path


def test_plant_names_go_through_every_step_and_come_back_the_same(tmp_path: Path) -> None:
    source, model, scores = export(tmp_path / "=cmd.csv"), tmp_path / "model", tmp_path / "scores.parquet"
    learn = ("--network", "linear_predictor", "--end", "2026-01-10", "--running", RUNNING, "--context", '"flow, total"')
    for words in (
        ("train", source, "--model", model, *learn),
        ("score", source, "--model", model, "--out", scores),
        ("alert", scores, "--model", model, "--out", tmp_path / "alerts.json", "--advisory", "7d"),
    ):
        said = anomaly_lstm(*words)
        assert said.code == 0, said.err
        assert not [c for c in said.err if not c.isprintable() and c != "\n"]
    assert {f"value.{name}" for name in SENSORS} <= set(pq.read_schema(scores).names)
    assert pq.ParquetFile(scores).read(["asset"]).column(0)[0].as_py() == "=cmd"
    alerts = json.loads((tmp_path / "alerts.json").read_text())["alerts"]
    told = {sensor["sensor"] for alert in alerts for sensor in alert["sensors"]}
    assert told
    assert told <= set(SENSORS)
