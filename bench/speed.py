"""Speed and memory of scoring, side by side with Keras in one run: `make bench`.

Three ways to score the same rows with the same weights (25 sensors, 2 layers of 64 units): our chunks in NumPy, Keras
over the same chunks, and Keras on a sliding window for every row, the usual way. Then the whole process: the command
line scoring an hour of seconds, against a process that imports Keras and does the same. Ratios count; absolute times
are this machine's.
"""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from anomaly_lstm import inference
from anomaly_lstm.models import fitting, lstm_predictor
from anomaly_lstm.models.contract import Fitted
from anomaly_lstm.windows import CHUNK, Series
from bench.processes import cost

SENSORS, UNITS, WARM_UP, WINDOW = 25, 64, 128, 100
RESULTS = Path(__file__).parent / "results"


def main() -> None:
    rng = np.random.default_rng(0)
    fitted = _random_predictor(rng)
    figures = _rows_per_second(fitted, rng) | _whole_process()
    RESULTS.mkdir(exist_ok=True)
    (RESULTS / "speed.json").write_text(json.dumps(figures, indent=1) + "\n")
    for name, value in figures.items():
        print(f"{name:44s} {value:12,.3f}" if value < 100 else f"{name:44s} {value:12,.0f}")
    print(f"written to {RESULTS / 'speed.json'}")


def _random_predictor(rng: np.random.Generator) -> Fitted:
    first, second = fitting.initial_lstm(rng, SENSORS, UNITS), fitting.initial_lstm(rng, UNITS, UNITS)
    dense = [fitting.initial_dense(rng, UNITS, SENSORS), np.zeros(SENSORS, np.float32)]
    arrays = dict(zip(lstm_predictor.WEIGHTS, [*first, *second, *dense], strict=True))
    arrays |= {"line.kernel": np.zeros((SENSORS, SENSORS), np.float32), "line.bias": np.zeros(SENSORS, np.float32)}
    sizes = {"sensors": SENSORS, "context": 0, "lags": 1, "units": UNITS, "layers": 2}
    return Fitted(lstm_predictor.NAME, arrays, sizes)


def _rows_per_second(fitted: Fitted, rng: np.random.Generator) -> dict[str, float]:
    n_rows = 64 * CHUNK
    values = rng.standard_normal((n_rows, SENSORS)).astype(np.float32)
    series = Series(0, values, np.ones_like(values, bool), np.empty((n_rows, 0), np.float32))
    weights = [fitted.arrays[name] for name in lstm_predictor.WEIGHTS]

    def numpy_chunks() -> None:
        inference.expected(lstm_predictor, fitted, [series], WARM_UP)

    ours = n_rows / _timed(numpy_chunks, warm=True)
    fitting._tensorflow()
    rows = CHUNK + WARM_UP
    model = lstm_predictor.network(32, rows, SENSORS, 0, UNITS)
    model.set_weights(weights)
    batch = np.zeros((64, rows, SENSORS), np.float32)
    chunked = n_rows / _timed(lambda: model.predict(batch, batch_size=32, verbose=0), warm=True)
    sliding = lstm_predictor.network(32, WINDOW, SENSORS, 0, UNITS)
    sliding.set_weights(weights)
    windows = np.lib.stride_tricks.sliding_window_view(values[: 4096 + WINDOW], WINDOW, axis=0)[:4096].transpose(
        0, 2, 1
    )
    slid = 4096 / _timed(lambda: sliding.predict(np.ascontiguousarray(windows), batch_size=32, verbose=0), warm=True)
    return {
        "rows/s, NumPy over chunks": ours,
        "rows/s, Keras over the same chunks": chunked,
        "rows/s, Keras on a sliding window": slid,
        "ratio to Keras over chunks": ours / chunked,
        "ratio to Keras on a sliding window": ours / slid,
    }


def _timed(work: Callable[[], Any], *, warm: bool = False, runs: int = 3) -> float:
    """The median wall-clock time of a few runs [s]."""
    if warm:
        work()
    times = []
    for _ in range(runs):
        begun = time.perf_counter()
        work()
        times.append(time.perf_counter() - begun)
    return float(np.median(times))


_KERAS_PROCESS = """
import os; os.environ["TF_CPP_MIN_LOG_LEVEL"] = "3"
import keras, numpy as np, pandas as pd
frame = pd.read_parquet("data.parquet")
lstms = [keras.layers.LSTM(64, return_sequences=True) for _ in range(2)]
model = keras.Sequential([keras.Input((None, 25)), *lstms, keras.layers.Dense(25)])
model.predict(frame.drop(columns="time").to_numpy("float32")[None], verbose=0)
"""


def _whole_process() -> dict[str, float]:
    """CPU seconds and peak memory of scoring 3600 rows of 25 sensors from a cold start."""
    with tempfile.TemporaryDirectory() as place:
        folder = Path(place)
        rng = np.random.default_rng(1)
        values = rng.standard_normal((3600, SENSORS)).cumsum(axis=0) * 0.05 + rng.standard_normal((3600, SENSORS))
        time_us = 1_770_000_000_000_000 + np.arange(3600) * 1_000_000
        columns = {"time": pa.array(time_us).cast(pa.timestamp("us", "UTC"))}
        columns |= {f"sensor_{i:02d}": pa.array(values[:, i]) for i in range(SENSORS)}
        pq.write_table(pa.table(columns), folder / "data.parquet")
        command = [sys.executable, "-m", "anomaly_lstm"]
        subprocess.run(
            [*command, "train", "data.parquet", "--model", "model", "--max-steps", "50", "--quiet"],
            cwd=folder,
            check=True,
        )
        ours = cost(
            [*command, "score", "data.parquet", "--model", "model", "--out", "scores.parquet", "--quiet"], folder
        )
        theirs = cost([sys.executable, "-c", _KERAS_PROCESS], folder)
    return {
        "CPU s, anomaly-lstm score, 3600 rows": ours.cpu_s,
        "CPU s, a process with Keras": theirs.cpu_s,
        "peak MB, anomaly-lstm score": ours.peak_mb,
        "peak MB, a process with Keras": theirs.peak_mb,
        "ratio of CPU": theirs.cpu_s / ours.cpu_s,
        "ratio of memory": theirs.peak_mb / ours.peak_mb,
    }


if __name__ == "__main__":
    main()
