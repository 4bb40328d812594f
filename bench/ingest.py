"""Reading a large CSV to a regular grid, side by side with pandas, Polars and DuckDB: `make bench-ingest [ROWS=…]`.

One file, ten sensors, a row a minute, many assets (or, in a second round, one). Every contestant is a process of its
own that reads it, takes the mean of each minute per asset and writes Parquet; ours also finds out separator, times,
assets and period, counts every row it drops and writes a data-quality report. Ratios count; absolute times are this
machine's.
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
from pathlib import Path

import numpy as np
import pyarrow as pa
from pyarrow import csv as arrow_csv

from bench.processes import cost

SENSORS, BLOCK = 10, 500_000
RESULTS = Path(__file__).parent / "results"

_PANDAS = """
import sys, pandas as pd
frame = pd.read_csv(sys.argv[1], parse_dates=["time"])
grid = frame.set_index("time").groupby("asset").resample("1min").mean()
grid.reset_index().to_parquet(sys.argv[2])
"""
_POLARS = """
import sys, polars as pl
rows = pl.scan_csv(sys.argv[1], try_parse_dates=True).sort("asset", "time")
grid = rows.group_by_dynamic("time", every="1m", group_by="asset").agg(pl.exclude("time", "asset").mean())
grid.sink_parquet(sys.argv[2])
"""
_DUCKDB = """
import sys, duckdb
duckdb.sql(f'''copy (select asset, time_bucket(interval '1 minute', time) as time, avg(columns(* exclude (asset, time)))
from read_csv('{sys.argv[1]}') group by all order by all) to '{sys.argv[2]}' (format parquet)''')
"""
PEERS = {"pandas": _PANDAS, "Polars": _POLARS, "DuckDB": _DUCKDB}


def write(path: Path, rows: int, assets: int) -> None:
    """A CSV of ``rows`` rows in all, asset after asset, a row a minute."""
    noise = np.random.default_rng(0)
    writer: arrow_csv.CSVWriter | None = None
    for asset in range(assets):
        for first in range(0, rows // assets, BLOCK):
            n = min(BLOCK, rows // assets - first)
            times = np.datetime64("2026-01-01", "s") + np.arange(first, first + n) * np.timedelta64(60, "s")
            columns = {"time": pa.array(times), "asset": pa.array([f"P{asset:03d}"] * n)}
            columns |= {f"s{i:02d}": pa.array(np.round(noise.normal(50, 5, n), 3)) for i in range(SENSORS)}
            table = pa.table(columns)
            writer = writer or arrow_csv.CSVWriter(path, table.schema)
            writer.write_table(table)
    if writer:
        writer.close()


def main() -> None:
    """Measure, print, keep."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rows", type=int, default=4_000_000)
    parser.add_argument("--alone", action="store_true", help="without the others, which need more memory")
    parser.add_argument("--folder", type=Path, help="where the file is made (default: a temporary folder)")
    given = parser.parse_args()
    figures: dict[str, float] = {"rows": given.rows}
    for assets in (100, 1):
        with tempfile.TemporaryDirectory(dir=given.folder) as place:
            folder = Path(place)
            write(folder / "plant.csv", given.rows, assets)
            figures[f"MB of CSV, {assets} asset(s)"] = (folder / "plant.csv").stat().st_size / 1e6
            command = [sys.executable, "-m", "anomaly_lstm", "ingest", "plant.csv", "--out", "grid", "--quiet"]
            contestants = {"anomaly-lstm ingest": command}
            if not given.alone:
                contestants |= {
                    name: [sys.executable, "-c", code, "plant.csv", f"{name}.parquet"] for name, code in PEERS.items()
                }
            for name, words in contestants.items():
                spent = cost(words, folder)
                figures[f"rows/s, {name}, {assets} asset(s)"] = given.rows / spent.wall_s
                figures[f"CPU s, {name}, {assets} asset(s)"] = spent.cpu_s
                figures[f"peak MB, {name}, {assets} asset(s)"] = spent.peak_mb
    RESULTS.mkdir(exist_ok=True)
    (RESULTS / "ingest.json").write_text(json.dumps(figures, indent=1) + "\n")
    for label, value in figures.items():
        print(f"{label:50s} {value:14,.0f}")
    print(f"written to {RESULTS / 'ingest.json'}")


if __name__ == "__main__":
    main()
