"""IMS bearings, second test: four bearings run until the outer race of the first failed, a snapshot every 10 minutes.

Trained on the first quarter; alerts in the second quarter are false; the lead counts from the first alert of the
second half, since nobody knows when the wear began. J. Lee, H. Qiu, G. Yu, J. Lin, Rexnord Technical Services, Bearing
Data Set (2007).
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from pathlib import Path

import numpy as np
import pandas as pd

from anomaly_lstm.telemetry import estimate_period
from bench.quality import frames, measures
from bench.quality.contract import Float64, Judged, Measured, Series

NAME = "ims"
SOURCE = (
    "the IMS Bearing Data Set (folder 2nd_test), published by the University of Cincinnati through NASA Prognostics"
)
WARNING_ROWS = 500
SNAPSHOTS = "2004.02.*.*.*.*"
"""Names of the second test's snapshots: none of the other tests ran in that month."""

BEARINGS = 4
STOPPED = 0.1
"""A rig whose vibration is below this part of its median on every bearing has stopped."""


def find(folder: Path) -> list[Series]:
    """One series; each snapshot (one second at 20 kHz) becomes the mean absolute acceleration of every bearing [g].

    The failure is the last snapshot with the rig still running; what comes after it is left out.
    """
    first = frames.shallowest(folder, SNAPSHOTS, "test2.parquet")
    if first is None:
        return []
    raw = _stored(first) if first.suffix == ".parquet" else _snapshots(sorted(first.parent.glob(SNAPSHOTS)))
    values = raw.drop(columns="timestamp")
    running = (values > STOPPED * values.median()).any(axis=1).to_numpy()
    n_rows = int(np.flatnonzero(running)[-1]) + 1
    time_us = frames.us(raw["timestamp"])[:n_rows]
    frame = frames.placed(values.iloc[:n_rows], "rig", time_us)
    period_us = estimate_period([time_us])
    quarter, half = n_rows // 4, n_rows // 2
    failure = int(time_us[-1])
    truth = (frames.event("rig", int(time_us[half]), failure + period_us, "failure", failure),)
    begin = int(time_us[quarter])
    return [Series("2nd_test", frame.iloc[:quarter], frame, period_us, truth=truth, judged_from_us=begin)]


def _stored(file: Path) -> pd.DataFrame:
    return pd.read_parquet(file).sort_values("timestamp", ignore_index=True)


def _snapshots(files: Sequence[Path]) -> pd.DataFrame:
    time = [datetime.strptime(file.name, "%Y.%m.%d.%H.%M.%S") for file in files]
    values = np.stack([_feature(file) for file in files])
    frame = pd.DataFrame(values, columns=pd.Index([f"bearing_{i}" for i in range(1, BEARINGS + 1)]))
    frame.insert(0, "timestamp", pd.Series(time))
    return frame


def _feature(file: Path) -> Float64:
    """Mean absolute acceleration per bearing (4,) [g] of the tab-separated samples (n_samples, 4)."""
    samples = pd.read_csv(file, sep="\t", header=None).to_numpy(float)
    return np.asarray(np.abs(samples).mean(axis=0))


def measure(series: Sequence[Series], judged: Sequence[Judged]) -> Measured:
    """Hours from the first alert of the second half to the failure, 0 where there is none; one that stood as the half
    began counts from there. Healthy: the second quarter.
    """
    (rig,), (said,) = series, judged
    alerts = measures.alerts_of(rig, said)
    lead = measures.lead_us(alerts, rig.truth[0]) / frames.HOUR_US
    at_most = (rig.truth[0].end_us - rig.truth[0].start_us) / frames.HOUR_US
    healthy = measures.judged_rows(rig) & measures.before_events(rig)
    always_on = {"lead_hours": at_most, "missed": 0}
    kept = measures.budget(rig, said, healthy, WARNING_ROWS)
    return Measured({"lead_hours": lead, "missed": int(lead <= 0)}, kept, always_on)
