"""Times and durations between people and machines: text on one side, microseconds since 1970 UTC [µs] on the other."""

from __future__ import annotations

import difflib
import re
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo, available_timezones

import numpy as np
from numpy.typing import NDArray

from anomaly_lstm.errors import UsageError

Int64 = NDArray[np.int64]

SECOND = 1_000_000
DAY = 86_400 * SECOND
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)

UNITS = {"d": DAY, "h": 3600 * SECOND, "min": 60 * SECOND, "s": SECOND, "ms": 1000, "us": 1}
"""Units that `format_duration` writes, largest first [µs]."""

_SPELLINGS = {
    **UNITS,
    **dict.fromkeys(("w", "week", "weeks"), 7 * DAY),
    **dict.fromkeys(("day", "days"), DAY),
    **dict.fromkeys(("µs", "μs"), 1),  # micro sign and Greek letter
    **dict.fromkeys(("hr", "hour", "hours"), UNITS["h"]),
    **dict.fromkeys(("mins", "minute", "minutes"), UNITS["min"]),
    **dict.fromkeys(("sec", "secs", "second", "seconds"), SECOND),
}
_PART = re.compile(r"\s*(\d+(?:\.\d+)?)\s*([a-zµμ]+)\s*")


def parse_duration(text: str) -> int:
    """Read a duration such as ``500s``, ``5 min``, ``1h30min``, ``90d``, ``1w`` or ``250ms`` [µs]; ``0`` needs no unit.

    Raises `UsageError` on anything else: a number without a unit, an unknown unit, a negative one. A month has no fixed
    length and ``m`` could mean that or a minute, so neither is a unit.
    """
    lowered = text.strip().lower()
    if lowered == "0":
        return 0
    parts = list(_PART.finditer(lowered))
    whole = bool(parts) and "".join(part.group(0) for part in parts) == lowered
    if not whole or any(part.group(2) not in _SPELLINGS for part in parts):
        units = "w, d, h, min, s, ms, us"
        raise UsageError(f"{text!r} is no duration: write a number and a unit ({units}), such as 5min, 1h30min or 90d.")
    return sum(round(float(part.group(1)) * _SPELLINGS[part.group(2)]) for part in parts)


def format_duration(us: int) -> str:
    """Write a duration [µs] shortly and exactly: ``5min``, ``1.5h``, ``7d``, ``1d1h``; `parse_duration` reads it."""
    if us == 0:
        return "0s"
    if us < 0:
        return "-" + format_duration(-us)
    for name, size in UNITS.items():
        if us >= size and us * 10 % size == 0:
            return f"{us // size}{name}" if us % size == 0 else f"{us // size}.{us * 10 // size % 10}{name}"
        if us >= size:  # no round number of this unit: whole ones, then the rest in smaller units
            return f"{us // size}{name}{format_duration(us % size)}"
    raise AssertionError("the smallest unit divides every duration")


def iso(us: int) -> str:
    """Write a time [µs since 1970 UTC] as ``2020-03-09T10:21:00Z``, with a fraction only where there is one."""
    exactness = "seconds" if us % SECOND == 0 else "milliseconds" if us % 1000 == 0 else "microseconds"
    moment = (EPOCH + timedelta(microseconds=int(us))).replace(tzinfo=None)
    return moment.isoformat(timespec=exactness) + "Z"


def find_zone(name: str) -> ZoneInfo:
    """Return the IANA zone of that name; raise `UsageError` with near names where there is none."""
    try:
        return ZoneInfo(name)
    except (LookupError, ValueError, OSError):
        near = difflib.get_close_matches(name, available_timezones(), n=3)
        hint = (
            f"Did you mean {', '.join(near)}?" if near else "Write it as Area/City, such as America/Santiago, or UTC."
        )
        raise UsageError(f"{name!r} is no time zone that this machine knows. {hint}") from None


def parse_time(text: str, zone: str | None = None) -> int:
    """Read a moment such as ``2020-03-09 10:21``, ``2020-03-09`` or ``2020-03-09T10:21:00Z`` [µs since 1970 UTC].

    Without an offset it is read in ``zone``, or UTC. A local time that came twice is the first of the two; one that the
    clocks skipped counts with the offset before the change. Raises `UsageError` on anything else.
    """
    try:
        moment = datetime.fromisoformat(text.strip())
    except ValueError:
        raise UsageError(
            f"{text!r} is no time: write it as 2020-03-09, '2020-03-09 10:21' or 2020-03-09T10:21:00Z."
        ) from None
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=find_zone(zone or "UTC"))
    return (moment.astimezone(UTC) - EPOCH) // timedelta(microseconds=1)


def wall_to_utc(wall_us: Int64, zone: str, series: NDArray[np.integer] | None = None) -> Int64:
    """Convert local clock times to UTC, one for one: no row is lost and none is made up.

    ``wall_us`` (n_rows,) is the local clock [µs since 1970 on that clock], in the order of the file; ``series``
    (n_rows,) numbers independent series in it (assets, sensors of a long table), each with a clock of its own.

    - Clocks go forward: a local time that never was (a logger that did not follow) counts with the offset before.
    - Clocks go back: rows of the repeated hour belong to its first pass until the local time of their series steps back
      (or, when rows come so rarely that it cannot, repeats); from there on to the second pass. Files that run
      from new to old are taken from their end. A series that begins within the second pass is taken for the first.
    """
    if zone == "UTC" or not len(wall_us):
        return wall_us
    changes, offsets = _offset_changes(find_zone(zone), int(wall_us.min()) - DAY, int(wall_us.max()) + DAY)
    # Skipped times count with the offset before, repeated ones first with it: either way the later reading decides.
    entered = changes + np.maximum(offsets[:-1], offsets[1:])
    utc = wall_us - offsets[np.searchsorted(entered, wall_us, side="right")]
    groups = np.zeros(len(wall_us), dtype=np.int64) if series is None else series
    steps = np.diff(wall_us)
    steps = steps[steps != 0]
    backwards = np.median(steps) < 0 if len(steps) else False
    for change, before, after in zip(changes, offsets[:-1], offsets[1:], strict=True):
        inside = np.flatnonzero((wall_us >= change + after) & (wall_us < change + before))
        if not len(inside):
            continue
        inside = inside[::-1] if backwards else inside
        rare = len(steps) > 0 and 2 * np.median(np.abs(steps)) > before - after
        again = inside[_second_pass(wall_us[inside], groups[inside], bool(rare))]
        utc[again] = wall_us[again] - after
    return utc


def _offset_changes(zone: ZoneInfo, start_us: int, end_us: int) -> tuple[Int64, Int64]:
    """Find when the offset from UTC changes: moments (n,), and offsets before, between and after (n + 1,) [µs]."""

    def offset(second: int) -> int:
        found = (EPOCH + timedelta(seconds=second)).astimezone(zone).utcoffset()
        return 0 if found is None else found // timedelta(microseconds=1)

    first, last = start_us // SECOND, end_us // SECOND
    changes: list[int] = []
    offsets = [offset(first)]
    while first < last:
        low, high = first, min(first + 86_400, last)
        if offset(high) != offsets[-1]:
            while high - low > 1:
                middle = (low + high) // 2
                low, high = (middle, high) if offset(middle) == offsets[-1] else (low, middle)
            changes.append(high * SECOND)
            offsets.append(offset(high))
        first = high
    return np.array(changes, dtype=np.int64), np.array(offsets, dtype=np.int64)


def _second_pass(wall_us: Int64, series: NDArray[np.integer], repeat_counts: bool) -> NDArray[np.bool_]:
    """Say which rows of a repeated hour come after their series' clock went back (n_rows,)."""
    order = np.argsort(series, kind="stable")
    wall, group = wall_us[order], series[order]
    step = np.diff(wall)
    back = np.zeros(len(wall), dtype=bool)
    back[1:] = (group[1:] == group[:-1]) & ((step <= 0) if repeat_counts else (step < 0))
    count = np.cumsum(back)
    second = np.empty(len(wall), dtype=bool)
    second[order] = count > count[np.searchsorted(group, group)]
    return second
