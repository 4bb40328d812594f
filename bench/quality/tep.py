"""Tennessee Eastman: a simulated chemical plant, trained on 500 normal rows, judged on runs with one fault each.

The share of faulty rows above the limit that gives 1 % false alarms on the normal test run, and the delay by the rule
of six: the first of six consecutive rows above the limit. Downs and Vogel, Comput. Chem. Eng. 17 (1993) 245; Russell,
Chiang and Braatz, Chemom. Intell. Lab. Syst. 51 (2000) 81. Faults 3, 9 and 15 are known to be hardly visible.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pandas as pd

from bench.quality import frames, measures
from bench.quality.contract import Bool, Judged, Measured, Series

NAME = "tep"
SOURCE = "the Tennessee Eastman process data (d00.dat, d00_te.dat …), published by the group of R. D. Braatz"
WARNING_ROWS = 500
PERIOD_US = 3 * frames.MINUTE_US
ONSET = 160
"""Row of a test run on which its fault comes on."""

IN_A_ROW = 6
FALSE_ALARMS = 0.01
NORMAL = "d00_te"
HARD = ("d03_te", "d09_te", "d15_te")
SENSORS = [*(f"XMEAS_{i:02d}" for i in range(1, 42)), *(f"XMV_{i:02d}" for i in range(1, 12))]


def find(folder: Path) -> list[Series]:
    """One series: the plant to train on, and every test run as an asset of its own."""
    train = frames.shallowest(folder, "d00.dat", "train/d00.parquet")
    normal = frames.shallowest(folder, f"{NORMAL}.dat", f"test/{NORMAL}.parquet")
    if train is None or normal is None:
        return []
    runs = {file.stem: _read(file) for file in sorted(normal.parent.glob(f"d*_te{normal.suffix}"))}
    test = pd.concat([frames.counted(run, asset, PERIOD_US) for asset, run in runs.items()], ignore_index=True)
    truth = tuple(
        frames.event(asset, *frames.row_time(np.array([ONSET, len(run)]), PERIOD_US).tolist())
        for asset, run in runs.items()
        if asset != NORMAL
    )
    return [Series("plant", frames.counted(_read(train), "plant", PERIOD_US), test, PERIOD_US, truth=truth)]


def _read(file: Path) -> pd.DataFrame:
    """(n_rows, 52) in the order of the publisher; d00.dat is stored with one line per sensor."""
    if file.suffix == ".parquet":
        return pd.read_parquet(file).drop(columns="sample")
    values = np.loadtxt(file)
    if values.shape[0] == len(SENSORS) != values.shape[1]:
        values = values.T
    return pd.DataFrame(values, columns=pd.Index(SENSORS))


def measure(series: Sequence[Series], judged: Sequence[Judged]) -> Measured:
    """Means over the faults; a fault without six rows in a row above the limit has the whole run as its delay.

    ``…_without_3_9_15`` leave out the faults known to be hardly visible, the delay being their median.
    ``faults_alerted`` counts those in which a warning was raised. Healthy: the normal test run, and every run before
    its fault.
    """
    (plant,), (said,) = series, judged
    rank = measures.strangeness(judged)
    limit = np.quantile(rank[measures.of_asset(plant, NORMAL)], 1 - FALSE_ALARMS)
    alerts = measures.alerts_of(plant, said)
    each = {}
    for event in plant.truth:
        faulty = measures.of_asset(plant, event.asset) & measures.in_events(plant)
        raised = [a.raised_us for a in measures.raised_in(alerts, event)]
        each[event.asset] = {
            "detection_pct": 100 * float((rank[faulty] > limit).mean()),
            "delay_rows": float(delay(rank[faulty] > limit)),
            "alert_delay_rows": (min(raised) - event.start_us) / PERIOD_US if raised else float("nan"),
        }
    seen = [f for asset, f in each.items() if asset not in HARD]
    figures = {
        "faults": len(each),
        "detection_at_1_percent_false_pct": _mean([f["detection_pct"] for f in each.values()]),
        "detection_without_3_9_15_pct": _mean([f["detection_pct"] for f in seen]),
        "delay_rows_without_3_9_15": measures.median([f["delay_rows"] for f in seen]),
        "faults_alerted": sum(np.isfinite(f["alert_delay_rows"]) for f in each.values()),
    }
    kept = measures.budget(plant, said, measures.before_events(plant), WARNING_ROWS)
    return Measured(figures, kept, each=each)


def delay(above: Bool) -> int:
    """First row of the first six in a row that lie above the limit (n_rows,); all of them where there are no six."""
    if len(above) < IN_A_ROW:
        return len(above)
    six = np.lib.stride_tricks.sliding_window_view(above, IN_A_ROW).all(axis=1)
    return int(np.argmax(six)) if six.any() else len(above)


def _mean(values: Sequence[float]) -> float:
    return float(np.mean(values)) if values else float("nan")
