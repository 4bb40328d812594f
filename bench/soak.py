"""Thousands of scheduled runs one after the other, on simulated time: time per run, memory and disk.

Every run finds one new row per pump, as a historian exports one small file every ten minutes and removes it after a
day. What must not grow with the number of runs is their time and the memory of the process; what grows on disk is set
beside the rows. Repeat with ``make bench-soak``, or fewer runs with ``RUNS=500``.
"""

from __future__ import annotations

import argparse
import json
import resource
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from anomaly_lstm import pipeline, simulation
from anomaly_lstm.learning import TrainOptions
from anomaly_lstm.policy import DAY_US, Policy

PERIOD_US = 600_000_000
KEPT_FILES = 144
"""A day of exports."""
TAUGHT = 4_320


def soak(runs: int, folder: Path, every: int) -> list[dict[str, float]]:
    """The figures of every so many runs."""
    source = folder / "source"
    source.mkdir()
    pumps = history(TAUGHT + runs)
    write(source / "begin.parquet", pumps, slice(0, TAUGHT))
    plan = pipeline.RunPlan(
        source=source,
        folder=folder / "run",
        context=["speed_setpoint", "ambient_temp"],
        train=TrainOptions(network="linear_predictor"),
        policy=Policy(limits={"advisory": 7 * DAY_US, "warning": 30 * DAY_US}),
    )
    pipeline.run(plan)
    figures: list[dict[str, float]] = []
    seconds, cpu = [], []
    for number in range(runs):
        write(source / f"{number:06d}.parquet", pumps, slice(TAUGHT + number, TAUGHT + number + 1))
        (source / f"{number - KEPT_FILES:06d}.parquet").unlink(missing_ok=True)
        begun, worked = time.perf_counter(), time.process_time()
        pipeline.run(plan)
        seconds.append(time.perf_counter() - begun)
        cpu.append(time.process_time() - worked)
        if (number + 1) % every == 0:
            figures.append(
                {
                    "runs": number + 1,
                    "median_s": round(float(np.median(seconds)), 4),
                    "median_cpu_s": round(float(np.median(cpu)), 4),
                    "worst_s": round(max(seconds), 4),
                    "resident_mb": round(_resident_mb(), 1),
                    "disk_mb": round(_disk_mb(folder / "run"), 2),
                    "files": sum(path.is_file() for path in (folder / "run").rglob("*")),
                    "alerts": len(json.loads((folder / "run" / "alerts.json").read_text())["alerts"]),
                }
            )
            seconds, cpu = [], []
            print(json.dumps(figures[-1]), flush=True)
    return figures


def history(n_rows: int) -> list[simulation.History]:
    """Two pumps without faults, one row every ten minutes."""
    return list(simulation.healthy_fleet(2, n_rows / 144, period=600.0, seed=3))


def write(path: Path, pumps: Sequence[simulation.History], rows: slice) -> None:
    """The rows of both pumps whose place on the clock is in a slice, as one export."""
    parts = []
    for pump in pumps:
        place = (pump.time - simulation.START) // np.timedelta64(PERIOD_US, "us")
        mine = (place >= rows.start) & (place < rows.stop)
        times = pa.array(pump.time[mine].astype(np.int64)).cast(pa.timestamp("us", "UTC"))
        cells = {name: values[mine] for name, values in pump.sensors.items()}
        parts.append(pa.table({"time": times, "asset": pa.array([pump.asset] * int(mine.sum()), pa.string()), **cells}))
    pq.write_table(pa.concat_tables(parts), path)


def _resident_mb() -> float:
    """What the process holds now [MB]."""
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * resource.getpagesize() / 1e6


def _disk_mb(folder: Path) -> float:
    return sum(path.stat().st_size for path in folder.rglob("*") if path.is_file()) / 1e6


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--runs", type=int, default=10_000)
    parser.add_argument("--every", type=int, default=500, help="runs between two lines")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as place:
        figures = soak(options.runs, Path(place), options.every)
    results = Path(__file__).parent / "results"
    results.mkdir(exist_ok=True)
    (results / "soak.json").write_text(json.dumps(figures, indent=1) + "\n")


if __name__ == "__main__":
    main()
