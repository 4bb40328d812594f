"""NAB, the real series with known causes: one sensor each, trained on the first 15 %, trouble included.

A window is caught by an alert raised in it or in the quarter of its width before. The NAB score is that of its
standard profile over alerts as they are raised: earlier in a window earns more, any alert outside costs up to a ninth
of a window, 0 is silence and 100 all windows at their start. NAB's own probation ends after 750 rows at the latest;
here it is 15 % of every series. Lavin and Ahmad, "Evaluating Real-time Anomaly Detection Algorithms", ICMLA 2015.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
import pandas as pd

from anomaly_lstm.evaluation import Raised
from anomaly_lstm.events import Event
from anomaly_lstm.store import read_json
from anomaly_lstm.telemetry import estimate_period
from bench.quality import frames, measures
from bench.quality.contract import Bool, Judged, Measured, Series

NAME = "nab"
SOURCE = "NAB, the Numenta Anomaly Benchmark, published by Numenta (folders data/realKnownCause and labels)"
WARNING_ROWS = 4000
TRAIN_SHARE = 0.15
FALSE_COST = 0.11
"""What an alert far from any window costs, in windows (standard profile)."""

FAR = 3.0
"""So many widths past a window an alert costs in full."""

EARLY = 4
"""An alert up to a quarter of a window before it catches it; only the NAB score has nothing for it."""

Windows = Mapping[str, Sequence[tuple[str, str]]]


def find(folder: Path) -> list[Series]:
    """One series per file of realKnownCause; of windows only the part after the training rows counts."""
    first = frames.shallowest(folder, "realKnownCause/*.csv", "machine_temperature_system_failure.csv")
    labels = frames.shallowest(folder, "combined_windows.json")
    if first is None or (labels is None and not (first.parent / "labels.csv").is_file()):
        return []
    windows = _combined(labels) if labels else _listed(first.parent / "labels.csv")
    files = sorted(file for file in first.parent.glob("*.csv") if file.name != "labels.csv")
    return [_read(file, windows.get(file.stem, ())) for file in files]


def _combined(labels: Path) -> Windows:
    return {Path(name).stem: windows for name, windows in read_json(labels).items() if "realKnownCause" in name}


def _listed(labels: Path) -> Windows:
    rows = pd.read_csv(labels)
    return {
        str(name): list(zip(mine["start"].astype(str), mine["end"].astype(str), strict=True))
        for name, mine in rows.groupby("series")
    }


def _read(file: Path, windows: Sequence[tuple[str, str]]) -> Series:
    raw = pd.read_csv(file)
    time_us = frames.read_times(raw["timestamp"])
    frame = frames.placed(raw[["value"]], file.stem, time_us)
    time_us = np.sort(time_us)
    period_us = estimate_period([time_us])
    n_train = int(TRAIN_SHARE * len(frame))
    begin = int(time_us[n_train])
    spans = [frames.read_times(window) for window in windows]
    truth = tuple(
        frames.event(file.stem, max(int(start), begin), int(end) + period_us) for start, end in spans if end >= begin
    )
    return Series(file.stem, frame.iloc[:n_train], frame, period_us, truth=truth, judged_from_us=begin)


def measure(series: Sequence[Series], judged: Sequence[Judged]) -> Measured:
    """Pooled over the windows of all series.

    ``lead_share`` is the part of a caught window that was left when its first alert came, the median over the caught.
    Healthy: judged rows outside the windows and the quarter of a window before each.
    """
    each, budgets, points, windows = {}, [], 0.0, 0
    leads: list[float] = []
    for s, said, alerts in measures.pairs(series, judged):
        mine = [_left(measures.raised_in(alerts, window, _early_us(window)), window) for window in s.truth]
        earned = nab_points(alerts, s.truth)
        caught = [lead for lead in mine if lead > 0]
        each[s.name] = {"windows": len(mine), "caught": len(caught), "nab_score": _scaled(earned, len(mine))}
        leads, points, windows = leads + caught, points + earned, windows + len(mine)
        healthy = measures.judged_rows(s) & ~_announced(s)
        budgets.append(measures.budget(s, said, healthy, WARNING_ROWS))
    figures = {
        "series": len(series),
        "windows": windows,
        "caught": len(leads),
        "lead_share": measures.median(leads),
        "nab_score": _scaled(points, windows),
    }
    return Measured(figures, measures.total(budgets), each=each)


def _early_us(window: Event) -> int:
    return (window.end_us - window.start_us) // EARLY


def _announced(series: Series) -> Bool:
    """Which rows lie in a window or the quarter of one before it."""
    inside, time = np.zeros(len(series.test), bool), measures.time_us(series)
    for window in series.truth:
        inside |= (time >= window.start_us - _early_us(window)) & (time < window.end_us)
    return inside


def _left(alerts: Sequence[Raised], window: Event) -> float:
    """Part of a window left at the first of its alerts, at most 1; 0 where there are none."""
    if not alerts:
        return 0.0
    first = max(window.start_us, min(a.raised_us for a in alerts))
    return (window.end_us - first) / (window.end_us - window.start_us)


def nab_points(alerts: Sequence[Raised], windows: Sequence[Event]) -> float:
    """The sum of the standard profile: a window earns what its earliest alert does, or −1; others cost."""
    points = 0.0
    for window in windows:
        left = _left(measures.raised_in(alerts, window), window)
        points += _credit(-left) / _credit(-1) if left > 0 else -1.0
    outside = [a for a in alerts if not any(measures.raised_in([a], window) for window in windows)]
    return points + FALSE_COST * sum(_credit(_past(a, windows)) for a in outside)


def _credit(position: float) -> float:
    """Worth of an alert: position −1 is the start of a window, 0 its end, 1 a window's width past it."""
    return 2 / (1 + math.exp(5 * position)) - 1 if position < FAR else -1.0


def _past(alert: Raised, windows: Sequence[Event]) -> float:
    """How far an alert lies past the last window before it, in widths of that window; `FAR` where there is none."""
    ended = [w for w in windows if w.end_us <= alert.raised_us]
    if not ended:
        return FAR
    last = max(ended, key=lambda w: w.end_us)
    return (alert.raised_us - last.end_us) / (last.end_us - last.start_us)


def _scaled(points: float, windows: int) -> float:
    """0 = nothing said, 100 = every window at its start, nothing else; NaN without a window."""
    return 100 * (points + windows) / (2 * windows) if windows else float("nan")
