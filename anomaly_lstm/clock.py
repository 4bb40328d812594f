"""Times and durations between people and machines: text on one side, microseconds since 1970 UTC [µs] on the other."""

from __future__ import annotations

import difflib
import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta, timezone, tzinfo
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
_FIXED = re.compile(r"(?:UTC|GMT)?\s*(?P<sign>[+-])(?P<hours>\d{1,2})(?::?(?P<minutes>\d{2}))?", re.IGNORECASE)
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


def find_zone(name: str) -> tzinfo:
    """Return the IANA zone of that name, or a fixed offset such as ``UTC+01:00``.

    Raises `UsageError` with near names where there is none.
    """
    fixed = _FIXED.fullmatch(name.strip())
    if fixed:
        minutes = int(fixed["hours"]) * 60 + int(fixed["minutes"] or 0)
        if minutes <= 15 * 60 and int(fixed["minutes"] or 0) < 60:
            return timezone(timedelta(minutes=-minutes if fixed["sign"] == "-" else minutes))
    try:
        return ZoneInfo(name)
    except (LookupError, ValueError, OSError):
        near = difflib.get_close_matches(name, available_timezones(), n=3)
        hint = (
            f"Did you mean {', '.join(near)}?"
            if near
            else "Write it as Area/City, such as America/Santiago, or as UTC or UTC+01:00."
        )
        raise UsageError(f"{name!r} is no time zone that this machine knows. {hint}") from None


def zone_name(text: str) -> str:
    """The one way to write a zone: its IANA name, or ``UTC+01:00``. Raises `UsageError` as `find_zone` does."""
    zone = find_zone(text)
    return zone.key if isinstance(zone, ZoneInfo) else str(zone)


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


@dataclass(frozen=True)
class Fold:
    """An hour that local clocks showed twice: [``first_us``, ``last_us``) on the clock [µs since 1970 on that clock].

    In its first pass they are ``before_us`` ahead of UTC, in its second ``after_us``. Where they skip an hour, the
    last comes before the first.
    """

    first_us: int
    last_us: int
    before_us: int
    after_us: int

    @classmethod
    def of(cls, change_us: int, before_us: int, after_us: int) -> Fold:
        """What a change of the offset does to local clocks."""
        return cls(int(change_us + after_us), int(change_us + before_us), int(before_us), int(after_us))

    @property
    def length_us(self) -> int:
        return self.last_us - self.first_us


def folds(zone: str, start_us: int, end_us: int) -> list[Fold]:
    """What the changes of a zone's offset between two local times do to its clocks, in order."""
    changes, offsets = _offset_changes(find_zone(zone), start_us - DAY, end_us + DAY)
    return list(map(Fold.of, changes, offsets[:-1], offsets[1:]))


def wall_to_utc(
    wall_us: Int64,
    zone: str,
    series: NDArray[np.integer] | None = None,
    before: Mapping[int, tuple[int, int]] | None = None,
) -> Int64:
    """Convert local clock times to UTC, one for one: no row is lost and none is made up.

    ``wall_us`` (n_rows,) is the local clock [µs since 1970 on that clock], in the order of the file; ``series``
    (n_rows,) numbers independent series in it (assets, sensors of a long table), each with a clock of its own.
    ``before`` tells of a series the local and the true time of the row before its first, where there was one.

    - Clocks go forward: a local time that never was (a logger that did not follow) counts with the offset before.
    - Clocks go back: rows of the repeated hour belong to its first pass until the local time of their series steps back
      (or, when rows come so rarely that it cannot, repeats); from there on to the second pass. A row that only came
      late is no such step. Files that run from new to old are taken from their end; what was exported twice, one after
      the other, is followed each time anew; where rows come in no order, the first of two equal times is the first.
      A series that begins within the second pass is taken for the first, unless ``before`` tells.
    """
    if zone == "UTC" or not len(wall_us):
        return wall_us
    changes, offsets = _offset_changes(find_zone(zone), int(wall_us.min()) - DAY, int(wall_us.max()) + DAY)
    # Skipped times count with the offset before, repeated ones first with it: either way the later reading decides.
    entered = changes + np.maximum(offsets[:-1], offsets[1:])
    utc = wall_us - offsets[np.searchsorted(entered, wall_us, side="right")]
    twice = [
        fold
        for fold in map(Fold.of, changes, offsets[:-1], offsets[1:])
        if fold.length_us > 0 and ((wall_us >= fold.first_us) & (wall_us < fold.last_us)).any()
    ]
    if not twice:
        return utc
    groups = np.zeros(len(wall_us), dtype=np.int64) if series is None else series.astype(np.int64)
    order, runs, mixed, backwards = _runs(wall_us, groups, max(fold.length_us for fold in twice))
    step = np.abs(np.diff(wall_us[order])[np.diff(runs) == 0])
    usual = float(np.median(step[step > 0])) if (step > 0).any() else 0.0
    starts = order[np.r_[True, np.diff(groups[order]) != 0]]
    opening = set() if backwards else set(starts.tolist())
    for fold in twice:
        inside = (wall_us[order] >= fold.first_us) & (wall_us[order] < fold.last_us)
        rows, run = order[inside], runs[inside]
        for piece in np.split(np.arange(len(rows)), np.flatnonzero(np.diff(run)) + 1):
            mine = rows[piece]
            told = before.get(int(groups[mine[0]])) if before and int(mine[0]) in opening else None
            if mixed[mine[0]]:
                again = _come_twice(wall_us[mine])
            else:
                again = _second_pass(wall_us[mine], fold, told, repeat_counts=2 * usual > fold.length_us)
            utc[mine[again]] = wall_us[mine[again]] - fold.after_us
    return utc


def _runs(wall_us: Int64, groups: Int64, longest_us: int) -> tuple[NDArray[np.intp], Int64, NDArray[np.bool_], bool]:
    """Cut the rows where a series ends, or its clock falls back by more than a repeated hour: each run by itself.

    The order of the rows (n_rows,) by series, from old to new; the number of each one's run in that order (n_rows,);
    which rows (n_rows,) are of a series that is in no order at all, whose rows are one run; whether the file runs
    from new to old.
    """
    order = np.argsort(groups, kind="stable")
    same = np.diff(groups[order]) == 0
    step = np.diff(wall_us[order])
    backwards = bool((same & (step < 0)).sum() > max(1, (same & (step > 0)).sum()))
    if backwards:
        order = (len(groups) - 1 - np.argsort(groups[::-1], kind="stable")).astype(order.dtype)
        step = np.diff(wall_us[order])
    falls = same & (step < -longest_us)
    of_series = np.r_[0, np.cumsum(~same)]
    often = np.bincount(of_series[1:][falls], minlength=of_series[-1] + 1) > np.maximum(10, np.bincount(of_series) / 50)
    mixed = np.empty(len(wall_us), dtype=bool)
    mixed[order] = often[of_series]
    return order, np.r_[0, np.cumsum(~same | (falls & ~often[of_series[1:]]))], mixed, backwards


def _come_twice(wall_us: Int64) -> NDArray[np.bool_]:
    """Mark the times (n_rows,) that stood before already."""
    _, first = np.unique(wall_us, return_index=True)
    again = np.ones(len(wall_us), dtype=bool)
    again[first] = False
    return again


def _second_pass(
    wall_us: Int64, fold: Fold, before: tuple[int, int] | None, *, repeat_counts: bool
) -> NDArray[np.bool_]:
    """Say which rows (n_rows,) of one run in a repeated hour come after its clock went back.

    ``before`` tells the local and the true time of the row before them, if there was one.
    """
    if before is not None and fold.first_us <= before[0] < fold.last_us:
        if before[0] - before[1] == fold.after_us:
            return np.ones(len(wall_us), dtype=bool)
        return _second_pass(np.r_[before[0], wall_us], fold, None, repeat_counts=repeat_counts)[1:]
    after = np.zeros(len(wall_us), dtype=bool)
    step = np.diff(wall_us)
    back = np.flatnonzero(step <= 0 if repeat_counts else step < 0) + 1
    if not len(back):
        return after
    far = back[step[back - 1] * 2 <= -fold.length_us]
    if repeat_counts or len(far):
        after[back[0] if repeat_counts else far[0] :] = True
        return after
    if len(back) == 1:
        # One small step: the second pass if it goes over more than a row that came late.
        overlap = wall_us[back[0] :] <= wall_us[: back[0]].max()
        after[back[0] :] = overlap.sum() > 1 or wall_us[back[0]] in wall_us[: back[0]]
        return after
    return _come_twice(wall_us)


def _offset_changes(zone: tzinfo, start_us: int, end_us: int) -> tuple[Int64, Int64]:
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
