"""C-MAPSS: simulated turbofan engines run to failure, one cycle told as one hour.

Healthy is a cycle with more than 125 to go, as the literature caps the remaining life. Trained on the healthy rows of
engines 1–50; judged on engines 51–100, which the model never saw. Saxena et al., "Damage Propagation Modeling for
Aircraft Engine Run-to-Failure Simulation", PHM 2008.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pandas as pd

from anomaly_lstm.events import Event
from bench.quality import frames, measures
from bench.quality.contract import Judged, Measured, Series

NAME = "cmapss"
SOURCE = "C-MAPSS, the Turbofan Engine Degradation Simulation Data Set, published by the NASA Prognostics Center"
WARNING_ROWS = 500
PERIOD_US = frames.HOUR_US
LIFE_LEFT = 125
LAST_TRAINED, LAST_JUDGED = 50, 100
SETTINGS = ("setting_1", "setting_2", "setting_3")
COLUMNS = ["unit", "cycle", *SETTINGS, *(f"s{i:02d}" for i in range(1, 22))]


def find(folder: Path) -> list[Series]:
    """One series per training file of the publisher (FD001 … FD004), the flight settings as context."""
    first = frames.shallowest(folder, "train_FD*.txt", "train_FD*.parquet")
    return [_read(file) for file in sorted(first.parent.glob(f"train_FD*{first.suffix}"))] if first else []


def _read(file: Path) -> Series:
    raw = _values(file)
    unit, cycle = raw["unit"].to_numpy(), raw["cycle"].to_numpy()
    last = raw.groupby("unit")["cycle"].max()
    left = last.loc[unit].to_numpy() - cycle
    frame = raw.drop(columns=["unit", "cycle"])
    frame.insert(0, "time", frames.times(frames.row_time(cycle, PERIOD_US)))
    frame.insert(1, "asset", [_engine(u) for u in unit])
    judged = (unit > LAST_TRAINED) & (unit <= LAST_JUDGED)
    train = frame[(unit <= LAST_TRAINED) & (left > LIFE_LEFT)].reset_index(drop=True)
    truth = tuple(_failure(u, int(last.loc[u])) for u in np.unique(unit[judged]))
    return Series(file.stem, train, frame[judged].reset_index(drop=True), PERIOD_US, SETTINGS, truth)


def _values(file: Path) -> pd.DataFrame:
    """(n_rows, 26): unit, cycle, three settings, 21 sensors."""
    if file.suffix == ".parquet":
        return pd.read_parquet(file)
    return pd.DataFrame(np.loadtxt(file, ndmin=2), columns=pd.Index(COLUMNS)).astype({"unit": int, "cycle": int})


def _engine(unit: int) -> str:
    return f"engine-{unit:03d}"


def _failure(unit: int, last: int) -> Event:
    """From 125 cycles to go on, to the failure in the last cycle."""
    begin, failure = frames.row_time(np.array([last - LIFE_LEFT, last]), PERIOD_US).tolist()
    return frames.event(_engine(unit), begin, failure + PERIOD_US, "failure", failure)


def measure(series: Sequence[Series], judged: Sequence[Judged]) -> Measured:
    """Lead times in cycles over all judged engines; a missed one has lead 0, and one warned earlier than 125 cycles
    before its failure has no more than 125. Healthy: the rows with more than 125 cycles to go.
    """
    leads: dict[str, float] = {}
    budgets = []
    for s, said, alerts in measures.pairs(series, judged):
        leads |= {f"{s.name}/{e.asset}": measures.lead_us(alerts, e) / PERIOD_US for e in s.truth}
        budgets.append(measures.budget(s, said, measures.before_events(s), WARNING_ROWS))
    lead = np.array(list(leads.values()))
    figures = {
        "engines": len(lead),
        "missed": int((lead <= 0).sum()),
        "lead_cycles_median": measures.median(lead),
        "lead_cycles_p10": float(np.percentile(lead, 10)) if len(lead) else float("nan"),
    }
    always_on = {"missed": 0, "lead_cycles_median": LIFE_LEFT, "lead_cycles_p10": LIFE_LEFT}
    each = {name: {"lead_cycles": lead} for name, lead in leads.items()}
    return Measured(figures, measures.total(budgets), always_on, each)
