"""What people told: events and assets, and which rows are normal in their light; `interventions` has what events do to
scores.
"""

from __future__ import annotations

import csv
import difflib
import io
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from anomaly_lstm.clock import parse_time, zone_name
from anomaly_lstm.errors import DataError, UsageError
from anomaly_lstm.tables import ASSET_COLUMNS, EVENT_COLUMNS, EVENT_KINDS
from anomaly_lstm.words import clean

NOT_NORMAL = frozenset({"failure", "anomaly", "maintenance", "sensor_change", "calibration", "ignore"})
"""Kinds whose rows are left out of training."""

BEFORE_FAILURE_US = 7 * 86_400_000_000
"""A failure told without its start is taken to have begun this long before."""


ENABLED = {"": True, "yes": True, "true": True, "1": True, "no": False, "false": False, "0": False}
"""What ``enabled`` may say."""

CRITICALITY = {
    "": "medium",
    **dict.fromkeys(("high", "a", "1"), "high"),
    **dict.fromkeys(("medium", "b", "2"), "medium"),
    **dict.fromkeys(("low", "c", "3"), "low"),
}
"""What ``criticality`` may say, in capitals or not, and what it means."""


@dataclass(frozen=True)
class Event:
    """A dated stretch told by a person: [start_us, end_us) on one asset, or on all where ``asset`` is empty."""

    asset: str
    start_us: int
    end_us: int
    kind: str
    sensor: str | None
    failure_us: int | None
    note: str
    line: int


@dataclass(frozen=True)
class Asset:
    """What people keep of one asset."""

    asset: str
    type: str
    site: str
    criticality: str
    enabled: bool
    zone: str = ""
    """Zone of its times without an offset; empty = that of the source."""
    owner: str = ""


def read_events(path: Path, zone: str | None = None) -> list[Event]:
    """The rows of an ``events.csv``, in file order; times without offset are read in ``zone``.

    Raises DataError listing every row that does not fit.
    """
    events, wrong = [], []
    for line, row in _rows(path, EVENT_COLUMNS, ("kind",)):
        try:
            events.append(_event(row, line, zone))
        except (DataError, UsageError) as problem:
            wrong.append(f"  line {line}: {problem}")
    _check(path, wrong)
    return events


def _check(path: Path, wrong: Sequence[str]) -> None:
    """Raise DataError listing the rows that do not fit, if there are any."""
    if wrong:
        raise DataError(
            f"{path}: {len(wrong)} row{'s do' if len(wrong) > 1 else ' does'} not fit:\n" + "\n".join(wrong[:20])
        )


def _event(row: dict[str, str], line: int, zone: str | None) -> Event:
    kind = row.get("kind", "")
    if kind not in EVENT_KINDS:
        near = difflib.get_close_matches(kind, EVENT_KINDS, n=1)
        raise DataError(
            f"kind is '{kind}'; it must be one of {', '.join(EVENT_KINDS)}."
            + (f" Did you mean {near[0]}?" if near else "")
        )
    moments = {
        name: parse_time(row[name], zone) if row.get(name) else None for name in ("start", "end", "failure_time")
    }
    failure = moments["failure_time"]
    end = moments["end"] if moments["end"] is not None else failure
    start = (
        moments["start"]
        if moments["start"] is not None
        else (end - BEFORE_FAILURE_US if kind == "failure" and end is not None else None)
    )
    if start is None or end is None:
        raise DataError(f"{'start' if start is None else 'end'} is empty; give a time such as 2026-03-04T02:10:00Z.")
    if end < start:
        raise DataError(
            f"end {row.get('end') or row.get('failure_time')} lies before start {row['start']}; spans are [start, end)."
        )
    return Event(row.get("asset", ""), start, end, kind, row.get("sensor") or None, failure, row.get("note", ""), line)


def read_assets(path: Path) -> list[Asset]:
    """The rows of an ``assets.csv``, one an asset; an asset whose ``enabled`` is empty is enabled.

    Raises DataError listing every row that does not fit.
    """
    assets: dict[str, Asset] = {}
    lines: dict[str, int] = {}
    wrong = []
    for line, row in _rows(path, ASSET_COLUMNS, ("asset",)):
        name = row["asset"]
        try:
            if name in lines:
                raise DataError(f"asset is '{clean(name)}', as in line {lines[name]}; an asset has one row.")
            lines[name] = line
            assets[name] = _asset(row)
        except (DataError, UsageError) as problem:
            wrong.append(f"  line {line}: {problem}")
    _check(path, wrong)
    return list(assets.values())


def _asset(row: Mapping[str, str]) -> Asset:
    said, cost = row.get("enabled", ""), row.get("criticality", "")
    if said.lower() not in ENABLED:
        raise DataError(f"enabled is '{clean(said)}'; it must be yes, true, 1, no, false, 0 or empty.")
    if cost.lower() not in CRITICALITY:
        raise DataError(
            f"criticality is '{clean(cost)}'; it must be high, medium or low (or A, B, C, or 1, 2, 3), or empty."
        )
    try:
        zone = zone_name(row["zone"]) if row.get("zone") else ""
    except UsageError as problem:
        raise DataError(f"zone: {problem}") from problem
    told = {name: row.get(name, "") for name in ("asset", "type", "site", "criticality", "owner")}
    return Asset(**told, enabled=ENABLED[said.lower()], zone=zone)


def _rows(path: Path, columns: Sequence[str], needed: Sequence[str]) -> Iterator[tuple[int, dict[str, str]]]:
    try:
        text = path.read_text(encoding="utf-8-sig")
    except OSError as problem:
        raise DataError(f"{path} cannot be read: {problem.strerror}. Check the path.") from problem
    except UnicodeDecodeError as problem:
        raise DataError(f"{path} is not UTF-8 text (byte {problem.start}). Save it as CSV UTF-8.") from problem
    reader = csv.DictReader(
        io.StringIO(text, newline=""),  # a name may hold a line break, in quotes
        delimiter=";" if text.partition("\n")[0].count(";") > text.partition("\n")[0].count(",") else ",",
    )
    header = [name.strip() for name in reader.fieldnames or []]
    missing = [name for name in needed if name not in header]
    if missing:
        raise DataError(
            f"{path}: column {', '.join(missing)} is missing; the columns are {','.join(columns)} (there are: "
            f"{','.join(header) or 'none'})."
        )
    reader.fieldnames = header
    for row in reader:
        yield (
            reader.line_num,
            {
                key: (value or "").strip()
                for key, value in row.items()
                if isinstance(key, str) and not isinstance(value, list)
            },
        )


def touching(events: Sequence[Event], asset: str) -> list[Event]:
    """The events of one asset and those that name none."""
    return [e for e in events if e.asset in ("", asset)]


def normal_rows(events: Sequence[Event], asset: str, time_us: NDArray[np.int64]) -> NDArray[np.bool_]:
    """Which grid times (n_rows,) may be learned from: those in no event of a kind that is not normal; ``normal``
    overrules.
    """
    keep = np.ones(len(time_us), bool)
    mine = touching(events, asset)
    for event in sorted(mine, key=lambda e: e.kind == "normal"):
        if event.kind == "normal" or event.kind in NOT_NORMAL:
            keep[(time_us >= event.start_us) & (time_us < event.end_us)] = event.kind == "normal"
    return keep


def vouched_rows(events: Sequence[Event], asset: str, time_us: NDArray[np.int64]) -> NDArray[np.bool_]:
    """Grid times (n_rows,) that somebody says are normal, in an event of kind ``normal``."""
    vouched = np.zeros(len(time_us), bool)
    for event in touching(events, asset):
        if event.kind == "normal":
            vouched |= (time_us >= event.start_us) & (time_us < event.end_us)
    return vouched
