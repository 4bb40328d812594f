"""The page of a year at 1 min of 25 sensors, and the page of a fleet of 1,000 assets: how long they take, how much
memory, how large they are, and how long a browser needs until all is drawn and answers.

The scores are made up, a run folder is laid around them, and nothing is trained. Repeat with ``make bench-report``.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from anomaly_lstm import arrow
from anomaly_lstm.clock import iso
from anomaly_lstm.tables import STATE_NAMES, State, scores_schema

START_US = 1_735_689_600_000_000
"""2025-01-01T00:00:00Z [µs]."""
MINUTE_US = 60_000_000
ROWS = 365 * 1440
SENSORS = 25
DAY_S = 86_400


FLEET, FLEET_ROWS, FLEET_SENSORS, ONE_IN = 1000, 40 * 1440, 2, 20
"""Assets of a fleet, their rows (40 days at 1 min), their sensors; and one in so many has an alert that stands."""


def lay(folder: Path, rows: int = ROWS, sensors: int = SENSORS, assets: int = 1) -> Path:
    """A run folder with scores of some pumps, and an alert that stands on the last three days of some of them."""
    names = [f"sensor_{n:02d}" for n in range(sensors)]
    pumps = ["pump", *(f"pump-{n:04d}" for n in range(1, assets))]
    time_us = START_US + MINUTE_US * np.arange(rows, dtype=np.int64)
    months = time_us.astype("datetime64[us]").astype("datetime64[M]")
    for month in np.unique(months):
        table = scores(names, time_us, np.flatnonzero(months == month), rows)
        for pump in pumps:
            own = table.set_column(0, table.schema.field(0), arrow.repeat_text(pump, len(table)))
            place = folder / "scores" / pump / f"{month}.parquet"
            place.parent.mkdir(parents=True, exist_ok=True)
            pq.write_table(own, place, compression="zstd")
    onset_us, end_us = START_US + (rows - 4320) * MINUTE_US, START_US + rows * MINUTE_US
    limits = {"advisory": 30 * DAY_S, "warning": 90 * DAY_S}
    (folder / "alerts.json").write_text(json.dumps(alerts(names, onset_us, end_us, limits, pumps)))
    policy = {
        "limits": {name: s * 1_000_000 for name, s in limits.items()}, "on_delay_us": 0, "off_delay_us": None,
        "deadband": 0.2, "bounds": {}, "units": dict.fromkeys(names, "bar"), "respond_within_us": 0,
    }  # fmt: skip
    terms = {"model_id": "gone", "policy": policy, "since": None, "n_scored": 0}
    watch = {"terms": terms, "first": 0, "next": rows, "n_scored": rows}
    state = {
        "format": 2, "run": 1, "model_id": "gone", "files": {}, "waiting": {}, "assets": dict.fromkeys(pumps, watch),
        "history_bytes": 0, "events": [], "alerts": {}, "sums": [], "cases": {},
    }  # fmt: skip
    (folder / "state.json").write_text(json.dumps(state))
    return folder


def scores(names: list[str], time_us: np.ndarray[Any, Any], rows: np.ndarray[Any, Any], n_rows: int) -> pa.Table:
    """The scores of some rows: waves with noise, and a drift of the first sensor over the last three days."""
    chance = np.random.default_rng(int(rows[0]))
    late = np.maximum(rows - (n_rows - 4320), 0) / 4320
    once = np.exp(chance.exponential(1.0, len(rows))) * 60 * 10 ** (6 * np.sqrt(late))
    share = chance.dirichlet(np.ones(len(names)), len(rows))
    share[late > 0] = [0.8, *[0.2 / (len(names) - 1)] * (len(names) - 1)]
    columns: dict[str, Any] = {
        "asset": arrow.repeat_text("pump", len(rows)),
        "time": arrow.from_times(time_us[rows]),
        "state": arrow.from_codes(STATE_NAMES, np.full(len(rows), int(State.SCORED))),
        "score": arrow.from_floats(np.log10(once), pa.float32()),
        "return_period_s": arrow.from_floats(once),
    }
    expected = [50 + 10 * np.sin(rows / (200 + 37 * n)) for n in range(len(names))]
    noise = chance.normal(0, 0.3, (len(names), len(rows)))
    columns |= {f"share.{name}": arrow.from_floats(share[:, n], pa.float32()) for n, name in enumerate(names)}
    columns |= {
        f"value.{name}": arrow.from_floats(expected[n] + noise[n] + (5 * late if n == 0 else 0.0), pa.float32())
        for n, name in enumerate(names)
    }
    columns |= {f"expected.{name}": arrow.from_floats(expected[n], pa.float32()) for n, name in enumerate(names)}
    columns |= {
        "unseen": arrow.from_bools(np.zeros(len(rows), bool)),
        "model_id": arrow.repeat_text("gone", len(rows)),
    }
    return pa.table(columns, schema=scores_schema(names, [], detail=True))


def alerts(names: list[str], onset_us: int, end_us: int, limits: dict[str, int], pumps: list[str]) -> dict[str, Any]:
    """``alerts.json`` with a warning that stands on one in `ONE_IN` pumps."""
    own = [
        {"sensor": name, "share": 0.8 if n == 0 else 0.01, "direction": "above", "value": 65.0, "expected": 60.0,
         "unit": "bar"}
        for n, name in enumerate(names)
    ]  # fmt: skip
    empty = dict.fromkeys(
        ("acked_by", "shelved_until", "shelved_because", "closed_because", "verdict", "verdict_by", "work_order",
         "note", "cleared_at", "forecast")
    )  # fmt: skip
    no = dict.fromkeys(("unseen", "acked", "confirmed", "suppressed", "out_of_service", "stale", "closed"), False)
    alert = {
        **empty, **no, "alert_id": "ab" * 8, "kind": "deviation", "asset": "pump", "severity": "warning",
        "severity_now": "warning", "active": True, "onset": iso(onset_us), "begun_at": iso(onset_us),
        "raised_at": iso(onset_us), "updated_at": iso(end_us - MINUTE_US), "sensors": own, "reaches": [],
        "peak": {"time": iso(end_us - MINUTE_US), "score": 9.0, "return_period_s": 4e7},
        "reason": "pump: sensor_00 65 bar is 5 bar above the expected 60 bar.", "model_id": "gone",
    }  # fmt: skip
    watched = {"start": iso(START_US), "end": iso(end_us), "scored_s": (end_us - START_US) / 1e6}
    budget = [
        {"severity": name, "return_period_s": s, "expected_false": 4.0, "per_month": 0.3, "raised": 1}
        for name, s in limits.items()
    ]
    run = {
        "version": "bench", "model_id": "gone", "start": iso(START_US), "end": iso(end_us), "period_s": 60.0,
        "policy": {"on_delay_s": 0, "off_delay_s": 600, "deadband": 0.2, "respond_within_s": 0, "bounds": {}},
        "budget": budget, "normal_s": 1e7, "assets": dict.fromkeys(pumps, watched),
    }  # fmt: skip
    found = [{**alert, "asset": pump, "alert_id": f"{n:016x}"} for n, pump in enumerate(pumps) if n % ONE_IN == 0]
    return {"schema_version": 1, "run": run, "alerts": found}


ZOOM = "document.querySelector('button[data-act=all]').click()"
SEARCH = (
    "const search = document.querySelector('#tools input'); search.value = '77';"
    "search.dispatchEvent(new Event('input')); document.body.offsetHeight"
)
SORT = "document.querySelector('#assets th[data-name=what] button').click(); document.body.offsetHeight"


def in_browser(page: Path, **acts: str) -> dict[str, float]:
    """When the page answers and when it is drawn [s], and how long some acts take; empty without Chromium."""
    browser, driver = shutil.which("chromium"), shutil.which("chromedriver")
    if not browser or not driver:
        return {}
    from selenium import webdriver

    options = webdriver.ChromeOptions()
    options.binary_location = browser
    for word in ("--headless=new", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage"):
        options.add_argument(word)
    running = webdriver.Chrome(options=options, service=webdriver.ChromeService(executable_path=driver))
    try:
        running.get(page.as_uri())
        while not running.execute_script("return document.documentElement.dataset.drawn"):
            time.sleep(0.05)
        drawn = float(running.execute_script("return document.documentElement.dataset.drawn")) / 1e3
        ready = "return performance.getEntriesByType('navigation')[0].domInteractive"
        took = {
            f"{name}_s": float(
                running.execute_script(f"const t = performance.now(); {act}; return performance.now() - t")
            )
            / 1e3
            for name, act in acts.items()
        }
        return {"answers_s": float(running.execute_script(ready)) / 1e3, "drawn_s": drawn, **took}
    finally:
        running.quit()


def measured(what: str, folder: Path, out: Path, *words: str, **acts: str) -> None:
    """Make a page as a command of its own, open it, and say what both took."""
    begun = time.perf_counter()
    command = [sys.executable, "-m", "anomaly_lstm", "report", str(folder), "--quiet", "--out", str(out), *words]
    process = subprocess.Popen(command)
    _, status, used = os.wait4(process.pid, 0)
    if status:
        raise SystemExit(f"the page of {what} failed")
    print(f"{what}: {time.perf_counter() - begun:.1f} s, CPU {used.ru_utime + used.ru_stime:.1f} s, "
          f"memory {used.ru_maxrss / 1024:.0f} MB, page {out.stat().st_size / 1e6:.2f} MB")  # fmt: skip
    if acts:
        seen = in_browser(out, **acts)
        print("browser: " + (", ".join(f"{name} {value:.2f}" for name, value in seen.items()) or "no Chromium here"))


def main() -> None:
    with tempfile.TemporaryDirectory() as place:
        folder = lay(Path(place) / "run")
        measured(f"{ROWS:,} rows of {SENSORS} sensors", folder, Path(place) / "pump.html", zoom=ZOOM)
        folder = lay(Path(place) / "fleet", FLEET_ROWS, FLEET_SENSORS, FLEET)
        fleet = (f"{FLEET:,} assets of {FLEET_ROWS:,} rows", folder)
        measured(*fleet, Path(place) / "fleet.html", "--fleet", "--pages", "none", search=SEARCH, sort=SORT)
        measured(*fleet, Path(place) / "fleet.csv", "--fleet")


if __name__ == "__main__":
    main()
