"""What every mover needs: files and JSON below a folder, moments however written, rows that become stretches."""

from __future__ import annotations

import json
import re
import statistics
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from pathlib import Path
from typing import Any

from anomaly_lstm.clock import EPOCH, UNITS
from anomaly_lstm.moving.contract import Flagged

MOST_BYTES = 100_000_000
"""A larger JSON is no description of a model."""

_DURATION = re.compile(r"PT(?:(\d+)H)?(?:(\d+)M)?(?:(\d+)S)?")


@dataclass(frozen=True)
class Row:
    """One result: when, whether it was an anomaly, its score, and the sensors with their contributions."""

    time_us: int
    anomaly: bool
    score: float | None
    blamed: Sequence[tuple[str, float]]


def files_below(folder: Path, *suffixes: str) -> list[Path]:
    """Files with one of the endings, in order of their names; hidden ones, and what links lead to, are left out."""
    found = (path for path in folder.rglob("*") if path.suffix.lower() in suffixes and path.is_file())
    return sorted(p for p in found if not any(part.startswith(".") for part in p.relative_to(folder).parts))


def documents(texts: Iterable[tuple[str, bytes]]) -> Iterator[tuple[str, dict[str, Any]]]:
    """The JSON objects among texts, with their names."""
    for name, text in texts:
        try:
            content = json.loads(text.decode("utf-8-sig"))
        except (ValueError, RecursionError):
            continue  # not JSON, or nothing that a service wrote
        if isinstance(content, dict):
            yield name, content


def moment_us(value: Any) -> int | None:
    """A moment [µs UTC] as services write it: ISO 8601 (UTC without an offset) or seconds since 1970, else None."""
    try:
        if isinstance(value, int | float) and not isinstance(value, bool):
            return round(float(value) * 1e6)
        when = datetime.fromisoformat(value)
    except (TypeError, ValueError, OverflowError):
        return None
    return us_of(when)


def us_of(when: datetime) -> int:
    """A moment [µs UTC]; without an offset it is UTC."""
    aware = when if when.tzinfo else when.replace(tzinfo=UTC)
    return (aware - EPOCH) // timedelta(microseconds=1)


def duration_us(text: Any) -> int | None:
    """``PT5M`` → [µs]; None for anything else."""
    found = _DURATION.fullmatch(text) if isinstance(text, str) else None
    if not found or not any(found.groups()):
        return None
    return sum(int(n or 0) * UNITS[unit] for n, unit in zip(found.groups(), ("h", "min", "s"), strict=True))


def stretches(rows: Iterable[Row]) -> list[Flagged]:
    """Anomalous rows that follow each other as one stretch each; a row lasts as long as rows usually lie apart."""
    ordered = sorted({row.time_us: row for row in rows}.values(), key=lambda row: row.time_us)
    steps = [b.time_us - a.time_us for a, b in pairwise(ordered)]
    step = int(statistics.median_low(steps)) if steps else UNITS["min"]
    found: list[list[Row]] = []
    last: Row | None = None
    for row in ordered:
        if row.anomaly:
            if last is None or not last.anomaly or row.time_us - last.time_us > 2 * step:
                found.append([])
            found[-1].append(row)
        last = row
    return [_stretch(part, step) for part in found]


def _stretch(rows: Sequence[Row], step_us: int) -> Flagged:
    blamed: Counter[str] = Counter()
    for row in rows:
        for name, share in row.blamed:
            blamed[name] += share  # type: ignore[assignment]  # a Counter counts floats as well
    sensor = max(blamed, key=lambda name: blamed[name]) if blamed else None
    score = max((row.score for row in rows if row.score is not None), default=None)
    return Flagged(rows[0].time_us, rows[-1].time_us + step_us, len(rows), score, sensor)
