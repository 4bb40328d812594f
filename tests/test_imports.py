"""What scoring and alerting drag in: a process that cron starts every minute must be light."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from anomaly_lstm import pipeline
from anomaly_lstm.learning import TrainOptions

HEAVY = ("pandas", "scipy", "sklearn", "tensorflow", "keras")

SCRIPT = """
import json, sys
from pathlib import Path
from anomaly_lstm import pipeline
from anomaly_lstm.policy import Bound, Policy

{call}
heavy = sys.argv[1].split(",")
print(json.dumps([name for name in sys.modules if name.split(".")[0] in heavy]))
"""


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with pump.parquet (the last rows are strange), its model and its scores."""
    folder = tmp_path_factory.mktemp("imports")
    rng = np.random.default_rng(7)
    n = 1200
    values = rng.normal(size=(n, 3)).cumsum(axis=0) * 0.05 + rng.normal(size=(n, 3))
    values[rng.random(values.shape) < 0.01] = np.nan
    times = pa.array(1_583_712_000_000_000 + 60_000_000 * np.arange(n)).cast(pa.timestamp("us", "UTC"))
    table = pa.table(
        {"time": times, **{name: pa.array(values[:, i], from_pandas=True) for i, name in enumerate("abc")}}
    )
    pq.write_table(table, folder / "train.parquet")
    values[-30:] += 40
    table = pa.table({"time": times, **{name: values[:, i] for i, name in enumerate("abc")}})
    pq.write_table(table, folder / "pump.parquet")
    pipeline.train(folder / "train.parquet", folder / "model", options=TrainOptions(network="linear_predictor"))
    pipeline.score(folder / "pump.parquet", folder / "model", folder / "scores.parquet")
    return folder


def heavy_imports(folder: Path, call: str) -> list[str]:
    command = [sys.executable, "-c", SCRIPT.format(call=call), ",".join(HEAVY)]
    done = subprocess.run(command, capture_output=True, text=True, cwd=folder, check=False)
    assert done.returncode == 0, done.stderr
    found: list[str] = json.loads(done.stdout.splitlines()[-1])
    return found


def test_scoring_parquet_imports_nothing_heavy(folder: Path) -> None:
    call = 'pipeline.score("pump.parquet", Path("model"), Path("again.parquet"))'

    assert heavy_imports(folder, call) == []
    assert (folder / "again.parquet").read_bytes() == (folder / "scores.parquet").read_bytes()


@pytest.mark.parametrize("name", ["alerts.json", "alerts.parquet"])
def test_alerting_imports_nothing_heavy(folder: Path, name: str) -> None:
    call = f"""
policy = Policy(limits={{"advisory": 3_600_000_000}}, bounds={{"a": Bound(high=20.0)}}, units={{"a": "bar"}})
result = pipeline.alert(Path("scores.parquet"), Path("model"), Path("{name}"), policy=policy)
assert any(alert.sensors for alert in result.alerts)
"""
    assert heavy_imports(folder, call) == []
    assert (folder / name).is_file()


@pytest.mark.parametrize("name", ["ahead.parquet", "ahead.csv", "ahead.json"])
def test_forecasting_imports_nothing_heavy(folder: Path, name: str) -> None:
    call = f'pipeline.forecast("train.parquet", Path("model"), Path("{name}"), horizon_us=3_600_000_000)'

    assert heavy_imports(folder, call) == []
    assert (folder / name).is_file()


def test_ingesting_parquet_imports_nothing_heavy(folder: Path) -> None:
    assert heavy_imports(folder, 'pipeline.ingest("pump.parquet", Path("ingested"))') == []


def test_a_run_that_has_its_model_imports_nothing_heavy(folder: Path) -> None:
    plan = 'pipeline.RunPlan("train.parquet", Path("run"), train=TrainOptions(network="linear_predictor"))'
    call = f"from anomaly_lstm.learning import TrainOptions\npipeline.run({plan})"
    heavy_imports(folder, call)

    assert heavy_imports(folder, call) == []
