"""Downloads → frames of the form that `contract.Series` asks for."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path

import numpy as np
import pandas as pd

from anomaly_lstm.events import Event
from bench.quality.contract import Bool, Int64

MINUTE_US = 60_000_000
HOUR_US = 60 * MINUTE_US
BEGIN_US = 1_577_836_800_000_000
"""2020-01-01T00:00:00Z [µs]: where series begin that only count their rows."""


def shallowest(folder: Path, *patterns: str) -> Path | None:
    """The match of the first pattern that has any below ``folder``, nearest to it; None without a match.

    Folders right below ``folder`` may be symbolic links.
    """
    for pattern in patterns:
        matches = sorted(folder.rglob(pattern)) or [
            match for child in sorted(folder.iterdir()) if child.is_dir() for match in sorted(child.rglob(pattern))
        ]
        if matches:
            return min(matches, key=lambda path: len(path.parts))
    return None


def times(us: Int64) -> pd.Series[pd.Timestamp]:
    """Times [µs UTC] as a column."""
    return pd.Series(us.astype("datetime64[us]")).dt.tz_localize("UTC")


def us(time: pd.Series[pd.Timestamp]) -> Int64:
    """A column of times, with a zone or without one (taken for UTC) [µs UTC]."""
    naive = time.dt.tz_convert("UTC").dt.tz_localize(None) if time.dt.tz is not None else time
    return np.asarray(naive.to_numpy("datetime64[us]"), dtype="datetime64[us]").astype(np.int64)


def read_times(text: Iterable[object]) -> Int64:
    """Local times without a zone, taken for UTC [µs]."""
    return us(pd.to_datetime(pd.Series(text), format="ISO8601"))


def placed(values: pd.DataFrame, asset: str, time_us: Int64) -> pd.DataFrame:
    """Sensor columns (n_rows, n_sensors) with ``time`` and ``asset`` before them, sorted by time, order kept among
    equal ones.
    """
    frame = values.reset_index(drop=True)
    frame.insert(0, "time", times(time_us))
    frame.insert(1, "asset", asset)
    return frame.sort_values("time", kind="stable", ignore_index=True)


def counted(values: pd.DataFrame, asset: str, period_us: int) -> pd.DataFrame:
    """Rows without times, placed one per period [µs] from `BEGIN_US` on."""
    return placed(values, asset, row_time(np.arange(len(values)), period_us))


def row_time(row: Int64, period_us: int) -> Int64:
    """When a counted row is placed [µs UTC]."""
    return BEGIN_US + row.astype(np.int64) * period_us


def event(asset: str, start_us: int, end_us: int, kind: str = "anomaly", failure_us: int | None = None) -> Event:
    """What a label says: [start_us, end_us) of one asset [µs UTC]."""
    return Event(asset, int(start_us), int(end_us), kind, None, failure_us, "", 0)


def events_of(asset: str, time_us: Int64, label: Bool, period_us: int) -> tuple[Event, ...]:
    """A label per row → one event per run of labelled rows, ending where the next row without the label lies.

    ``time_us`` and ``label`` (n_rows,) in time order.
    """
    after = np.append(time_us, time_us[-1] + period_us)
    return tuple(event(asset, time_us[first], after[last]) for first, last in _runs(label))


def _runs(label: Bool) -> Iterator[tuple[int, int]]:
    """First row and row after the last of each run of True."""
    edges = np.flatnonzero(np.diff(np.concatenate([[False], label, [False]]).astype(int)))
    return zip(edges[::2].tolist(), edges[1::2].tolist(), strict=True)
