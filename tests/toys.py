"""Small made-up histories for the tests of the stages; `tests.models.toys` has those of the networks."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from numpy.typing import NDArray

from anomaly_lstm import training
from anomaly_lstm.learning import CHALLENGER, TrainOptions
from anomaly_lstm.telemetry import Grid, Telemetry, to_grid
from anomaly_lstm.trained import Roles, Trained

Float64 = NDArray[np.float64]
Int64 = NDArray[np.int64]

MINUTE = 60_000_000
START = 1_767_225_600_000_000
"""2026-01-01T00:00:00Z [µs]."""
GRID = Grid(MINUTE)


def autoregressive(rng: np.random.Generator, n_rows: int, n_columns: int, memory: float = 0.8) -> Float64:
    """AR(1) columns with variance 1."""
    noise = rng.standard_normal((n_rows, n_columns)) * np.sqrt(1 - memory**2)
    out = np.empty((n_rows, n_columns))
    last = rng.standard_normal(n_columns)
    for row in range(n_rows):
        last = memory * last + noise[row]
        out[row] = last
    return out


def healthy(n_rows: int, *, seed: int, n_scored: int = 3, n_context: int = 1) -> Float64:
    """Sensors coupled by a common load, the context last: (n_rows, n_scored + n_context)."""
    rng = np.random.default_rng(seed)
    load = autoregressive(rng, n_rows, max(1, n_context), 0.9)
    own = autoregressive(rng, n_rows, n_scored, 0.6)
    gains = np.linspace(1.0, 2.0, n_scored)
    sensors = 10 * np.arange(1, n_scored + 1) + gains * load[:, :1] + 0.5 * own
    return np.hstack([sensors, load[:, :n_context]])


def names(n_scored: int = 3, n_context: int = 1) -> tuple[str, ...]:
    return (*(f"s{i}" for i in range(n_scored)), *(f"c{i}" for i in range(n_context)))


def minutes(n_rows: int, first: int = 0) -> Int64:
    """Times one minute apart from minute ``first`` after START [µs]."""
    return START + MINUTE * (first + np.arange(n_rows, dtype=np.int64))


def telemetry(
    values: Float64, *, asset: str = "pump", first: int = 0, left_out: Sequence[int] = (), n_context: int = 1
) -> Telemetry:
    """Rows one minute apart on the grid, without those at the positions ``left_out``."""
    keep = np.ones(len(values), bool)
    keep[list(left_out)] = False
    sensors = names(values.shape[1] - n_context, n_context)
    return to_grid(asset, minutes(len(values), first)[keep], sensors, values[keep], GRID)[0]


def write_history(path: Path, values: Float64, *, first: int = 0, left_out: Sequence[int] = ()) -> Path:
    """Rows one minute apart as a Parquet file with a time and a column per sensor, without those ``left_out``."""
    keep = np.ones(len(values), bool)
    keep[list(left_out)] = False
    time = pa.array(minutes(len(values), first)[keep]).cast(pa.timestamp("us", "UTC"))
    columns = {name: pa.array(values[keep, i], from_pandas=True) for i, name in enumerate(names(values.shape[1] - 1))}
    path.parent.mkdir(parents=True, exist_ok=True)
    pq.write_table(pa.table({"time": time, **columns}), path)
    return path


def learned_line(values: Float64, n_context: int = 1) -> Trained:
    """What training with the linear model makes of rows one minute apart."""
    asset = telemetry(values, n_context=n_context)
    n_scored = values.shape[1] - n_context
    roles = Roles(asset.sensors[:n_scored], asset.sensors[n_scored:])
    return training.train(
        [asset],
        [np.ones(len(asset), bool)],
        roles,
        TrainOptions(network=CHALLENGER),
        max_hole=10,
        running=None,
        units={},
        reading={},
    )


def files_of(folder: Path) -> dict[str, bytes]:
    """What the laws speak of in a run folder: scores, checkpoints, alerts and models byte for byte, and the history
    but for the time at which each line was written.
    """
    kept = {
        str(path.relative_to(folder)): path.read_bytes()
        for path in sorted(folder.rglob("*"))
        if path.is_file() and (path.parent != folder or path.name.startswith("alerts."))
        if path.parts[len(folder.parts)] != "rows"
    }
    lines = [json.loads(line) for line in (folder / "history.jsonl").read_text(encoding="utf-8").splitlines()]
    history = json.dumps([{**line, "processing_time": None} for line in lines], indent=1)
    return kept | {"history.jsonl": history.encode()}
