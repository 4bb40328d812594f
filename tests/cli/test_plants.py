"""Plants that write a file per sensor, on the command line."""

import json
from pathlib import Path
from typing import Any

import numpy as np

from tests.cli.conftest import Said, anomaly_lstm


def document(said: Said) -> Any:
    assert said.code == 0, said.err
    return json.loads(said.out)


def test_the_files_of_a_folder_are_one_asset_from_ingest_to_score(tmp_path: Path) -> None:
    random = np.random.default_rng(0)
    stamps = [f"2026-03-01T{m // 60:02d}:{m % 60:02d}:00Z" for m in range(600)]
    for pump in ("pump-1", "pump-2"):
        for tag in ("TT-3101", "PT-3101"):
            lines = [f"{stamp},{value:.4f}" for stamp, value in zip(stamps, random.normal(50, 1, 600), strict=True)]
            file = tmp_path / "plant" / pump / f"{tag}.csv"
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_text("\n".join(["time,value", *lines]) + "\n")
        states = [f"{stamp},{'STOP' if 90 < row < 121 else 'RUN'}" for row, stamp in enumerate(stamps)]
        (tmp_path / "plant" / pump / "status.csv").write_text("\n".join(["time,value_text", *states]) + "\n")
    plant = tmp_path / "plant"
    said = document(
        anomaly_lstm("ingest", plant / "*" / "*-3101.csv", "--asset-from", "folder", "--out", tmp_path / "in", "--json")
    )
    assert [asset["asset"] for asset in said["assets"]] == ["pump-1", "pump-2"]
    assert [sensor["sensor"] for sensor in said["assets"][0]["sensors"]] == ["PT-3101", "TT-3101"]
    trained = anomaly_lstm(
        *("train", plant, "--asset-from", "folder", "--running", "value_text == 'RUN'", "--model", tmp_path / "m"),
        *("--sensors", "PT-3101,TT-3101", "--network", "linear_predictor"),
    )
    assert trained.code == 0, trained.err
    assert "pump-1: 30 rows out of state, 5.0 %." in trained.err
    scored = document(
        anomaly_lstm("score", plant, "--model", tmp_path / "m", "--out", tmp_path / "s.parquet", "--json")
    )
    assert scored["assets"] == ["pump-1", "pump-2"]
    assert scored["states"]["OUT_OF_STATE"] == 60


def test_whose_rows_they_are_is_said_once(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text("time,flow\n2026-03-01T00:00:00Z,1\n2026-03-01T00:01:00Z,2\n")
    both = anomaly_lstm("ingest", tmp_path, "--asset-from", "folder", "--name", "p", "--out", tmp_path / "in")
    assert both.code == 2
    assert "Keep one of the two" in both.err
    wrong = anomaly_lstm("ingest", tmp_path, "--asset-from", "foldr", "--out", tmp_path / "in")
    assert wrong.code == 2
    assert "--asset-from: 'foldr' is neither 'file' nor 'folder'" in wrong.err
