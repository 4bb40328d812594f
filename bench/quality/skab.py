"""SKAB: a water pump loop with valves closed and other faults; each file alone, trained on its first 400 rows.

The board's protocol: all judged rows pooled, F1 with the false and missed alarm rate, row by row. An alarm that is
always on has F1 0.70 there. Katser and Kozitsin, Skoltech Anomaly Benchmark (2020), DOI 10.34740/KAGGLE/DSV/1693952.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pandas as pd

from bench.quality import frames, measures
from bench.quality.contract import Judged, Measured, Series

NAME = "skab"
SOURCE = "SKAB, the Skoltech Anomaly Benchmark, published by I. Katser and V. Kozitsin (Skoltech)"
WARNING_ROWS = 500
TRAIN_ROWS = 400
FOLDERS = ("valve1", "valve2", "other")
PERIOD_US = 1_000_000


def find(folder: Path) -> list[Series]:
    """One series per file with faults; the file without any is another operating point and trains nothing here.

    Files with a fault in the rows to train on, or with no row beyond them, are left out.
    """
    first = frames.shallowest(folder, *(f"{name}/*.csv" for name in FOLDERS))
    files = sorted(f for name in FOLDERS for f in first.parent.parent.glob(f"{name}/*.csv")) if first else []
    return [series for file in files if (series := _read(file)) is not None]


def _read(file: Path) -> Series | None:
    raw = pd.read_csv(file, sep=";")
    time_us = frames.read_times(raw["datetime"])
    order = np.argsort(time_us, kind="stable")
    raw, time_us = raw.iloc[order], time_us[order]
    label = raw["anomaly"].to_numpy(float) > 0.5
    if len(raw) <= TRAIN_ROWS or label[:TRAIN_ROWS].any():
        return None
    asset = f"{file.parent.name}-{file.stem}"
    frame = frames.placed(raw.drop(columns=["datetime", "anomaly", "changepoint"], errors="ignore"), asset, time_us)
    truth = frames.events_of(asset, time_us, label, PERIOD_US)
    begin = int(time_us[TRAIN_ROWS])
    return Series(asset, frame.iloc[:TRAIN_ROWS], frame, PERIOD_US, truth=truth, judged_from_us=begin)


def measure(series: Sequence[Series], judged: Sequence[Judged]) -> Measured:
    """Pooled over the judged rows of all files; healthy are those before a file's first fault.

    ``roc_auc`` is that of the return period (ties by score); ``delay_rows`` the median, in rows, from the start of a
    fault to the first alert raised in it.
    """
    judging = [measures.judged_rows(s) for s in series]
    label = np.concatenate([measures.in_events(s)[rows] for s, rows in zip(series, judging, strict=True)])
    alarm = np.concatenate([measures.in_alarm(s, j)[rows] for s, j, rows in zip(series, judged, judging, strict=True)])
    rank = measures.strangeness(judged)[np.concatenate(judging)]
    each = {s.name: _delays(s, j) for s, j in zip(series, judged, strict=True)}
    delays = [d["delay_rows"] for d in each.values() if d["found"]]
    figures = {
        "files": len(series),
        **measures.pointwise(label, alarm),
        "roc_auc": measures.roc_auc(label, rank),
        "files_found": len(delays),
        "delay_rows": measures.median(delays),
    }
    budgets = [
        measures.budget(s, j, rows & measures.before_events(s), WARNING_ROWS)
        for s, j, rows in zip(series, judged, judging, strict=True)
    ]
    return Measured(figures, measures.total(budgets), {**measures.always_on(label), "roc_auc": 0.5}, each)


def _delays(series: Series, judged: Judged) -> dict[str, float]:
    """Whether a fault was found by an alert raised in it, and how long the first that was took [rows]."""
    alerts = measures.alerts_of(series, judged)
    delays = [
        (min(a.raised_us for a in found) - event.start_us) / PERIOD_US
        for event in series.truth
        if (found := measures.raised_in(alerts, event))
    ]
    return {"found": float(bool(delays)), "delay_rows": delays[0] if delays else float("nan")}
