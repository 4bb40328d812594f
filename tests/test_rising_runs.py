"""Scheduled runs tell the same rising sensors, whatever the slices in which rows come."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import replace
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from numpy.typing import NDArray

from anomaly_lstm import pipeline
from anomaly_lstm.clock import iso
from anomaly_lstm.learning import TrainOptions
from anomaly_lstm.policy import DAY_US, Bound, Policy
from tests.toys import MINUTE, START, files_of, healthy, names

PERIOD = 10 * MINUTE
TAUGHT, ONSET, N_ROWS = 3_000, 4_000, 4_800
BOUNDED = Policy(limits={}, bounds={"s1": Bound(high=60.0)}, units={"s1": "°C"})
"""Bounds alone raise alerts, and none is crossed."""


def plan(folder: Path, **changes: Any) -> pipeline.RunPlan:
    first = pipeline.RunPlan(
        source=folder / "source",
        folder=folder / "run",
        context=["c0"],
        train_until_us=START + TAUGHT * PERIOD,
        train=TrainOptions(network="linear_predictor", seed=5),
        policy=BOUNDED,
    )
    return replace(first, **changes)


def write(folder: Path, name: str, rows: NDArray[np.int64] | Sequence[int]) -> None:
    values = healthy(N_ROWS, seed=1)
    values[ONSET:, 1] += 0.01 * np.arange(N_ROWS - ONSET)
    index = np.asarray(rows, np.int64)
    times = pa.array(START + PERIOD * index).cast(pa.timestamp("us", "UTC"))
    columns = {sensor: values[index, i] for i, sensor in enumerate(names())}
    path = folder / "source" / name
    path.parent.mkdir(parents=True, exist_ok=True)
    pq.write_table(pa.table({"time": times, "asset": ["pump"] * len(index), **columns}), path)


def indicators(folder: Path) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = json.loads((folder / "run" / "alerts.json").read_text())["indicators"]
    return found


@pytest.fixture(scope="module")
def once(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder in which one run saw everything."""
    folder = tmp_path_factory.mktemp("once")
    write(folder, "all.parquet", range(N_ROWS))
    pipeline.run(plan(folder))
    return folder


def test_a_run_tells_a_rising_sensor(once: Path) -> None:
    (one,) = indicators(once)
    assert (one["asset"], one["sensor"], one["level"], one["unit"]) == ("pump", "s1", 60.0, "°C")
    assert iso(START + (ONSET - 300) * PERIOD) < one["onset"] < iso(START + (ONSET + 300) * PERIOD)
    assert one["updated_at"] == iso(START + (N_ROWS - 1) * PERIOD)


def test_runs_in_slices_end_in_the_same_files_as_one(once: Path, tmp_path: Path) -> None:
    write(tmp_path, "0000.parquet", range(TAUGHT))
    pipeline.run(plan(tmp_path))
    cuts = [TAUGHT, 3_001, 3_700, 4_095, 4_097, 4_500, 4_501, N_ROWS]
    for first, last in pairwise(cuts):
        write(tmp_path, f"{first}.parquet", range(first, last))
        pipeline.run(plan(tmp_path))
    ours, theirs = files_of(tmp_path / "run"), files_of(once / "run")
    assert {name for name in theirs if name.startswith("checkpoints")}
    assert {n: b for n, b in ours.items() if n != "history.jsonl"} == {
        n: b for n, b in theirs.items() if n != "history.jsonl"
    }


def test_rows_that_come_late_end_in_the_same_list(once: Path, tmp_path: Path) -> None:
    write(tmp_path, "0000.parquet", range(TAUGHT))
    pipeline.run(plan(tmp_path))
    late = range(ONSET + 50, ONSET + 200)
    write(tmp_path, "0001.parquet", [row for row in range(TAUGHT, N_ROWS) if row not in late])
    pipeline.run(plan(tmp_path))
    write(tmp_path, "0002.parquet", late)
    pipeline.run(plan(tmp_path))
    assert indicators(tmp_path) == indicators(once)


def test_a_run_without_news_and_one_over_all_rows_anew_change_nothing(once: Path) -> None:
    before = files_of(once / "run")
    for reprocess in (False, True):
        pipeline.run(plan(once), reprocess=reprocess)
        assert files_of(once / "run") == before


def test_alert_says_of_stored_scores_what_the_run_said(once: Path) -> None:
    scores = sorted((once / "run" / "scores" / "pump").glob("*.parquet"))
    model = next((once / "run" / "models").iterdir())
    assert pipeline.alert(scores, model, None, policy=BOUNDED).report.indicators == indicators(once)


def test_the_flat_table_keeps_them_too(once: Path) -> None:
    kept = pq.read_schema(once / "run" / "alerts.parquet").metadata[b"anomaly_lstm.indicators"]
    assert json.loads(kept) == indicators(once)


def test_an_asset_with_an_open_alert_has_no_indicator(once: Path, tmp_path: Path) -> None:
    write(tmp_path, "all.parquet", range(N_ROWS))
    policy = replace(BOUNDED, limits={"warning": 30 * DAY_US})
    result = pipeline.run(plan(tmp_path, policy=policy))
    assert any(one["active"] for one in result.report.alerts)
    assert not result.report.indicators


@pytest.mark.parametrize("kind", ["maintenance", "process_change"])
def test_after_work_on_the_machine_a_drift_begins_anew(kind: str, tmp_path: Path) -> None:
    write(tmp_path, "all.parquet", range(N_ROWS))
    start, end = (iso(START + row * PERIOD) for row in (N_ROWS - 120, N_ROWS - 110))
    events = tmp_path / "events.csv"
    events.write_text(f"asset,start,end,kind\npump,{start},{end},{kind}\n")
    result = pipeline.run(plan(tmp_path, events=events))
    assert all(one["onset"] >= end for one in result.report.indicators)


def test_an_asset_that_is_switched_off_is_not_in_the_list(tmp_path: Path) -> None:
    write(tmp_path, "all.parquet", range(N_ROWS))
    pipeline.run(plan(tmp_path))
    assert indicators(tmp_path)
    pipeline.run(plan(tmp_path, disabled=["pump"]))
    assert indicators(tmp_path) == []
