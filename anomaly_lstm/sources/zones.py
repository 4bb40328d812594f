"""In which zone the times of a file are that carry no offset, and what they are in UTC.

The zone of an asset (a table of assets tells it) comes first, then that of the source, then what the name of the time
column says (``Time (UTC+1)``), then UTC. Times with an offset are what they say.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import pyarrow.compute as pc
from numpy.typing import NDArray

from anomaly_lstm.arrow import Column
from anomaly_lstm.clock import folds, wall_to_utc, zone_name
from anomaly_lstm.errors import UsageError
from anomaly_lstm.sources.cells import is_text, sample_of
from anomaly_lstm.sources.contract import ReadOptions
from anomaly_lstm.sources.times import Times
from anomaly_lstm.sources.words import listed

Int64 = NDArray[np.int64]
Bool = NDArray[np.bool_]

Pass = Mapping[str, tuple[int, int]]
"""Series → local and true time of its last row [µs since 1970]: in which pass of a repeated hour it is."""

_NAMED = (
    r"[\[(]\s*(?P<inside>[^\])]+?)\s*[\])]\s*$",
    r"(?:^|[\s_])(?P<inside>(?:UTC|GMT)(?:\s*[+-]\d{1,2}(?::?\d{2})?)?)\s*$",
    r"(?<=[a-z])(?P<inside>UTC|GMT)\s*$",
)
_SAID = "--zone or [source] zone"


@dataclass(frozen=True)
class InUtc:
    """Times of n rows in UTC: ``us`` (n,) [µs since 1970]; what to tell; and where each series' clock was last."""

    us: Int64
    notes: tuple[str, ...]
    last: Pass


def zone_in_name(column: str) -> str | None:
    """The zone in the name of a time column: ``Time (UTC+1)``, ``Timestamp [America/Santiago]``, ``time_utc``."""
    for pattern in _NAMED:
        found = re.search(pattern, column, 0 if "<=" in pattern else re.IGNORECASE)
        inside = found["inside"] if found else ""
        if re.fullmatch(r"(?:UTC|GMT)?\s*[+-]\d{1,2}(?::?\d{2})?|UTC|GMT|Z|\w+(/[\w+-]+)+", inside, re.IGNORECASE):
            try:
                return "UTC" if inside.upper() in ("Z", "GMT", "UTC") else zone_name(inside)
            except UsageError:
                continue
    return None


def in_utc(
    times: Times,
    column: str,
    keep: Bool,
    assets: tuple[Sequence[str], Int64],
    clocks: tuple[Sequence[str], Int64],
    options: ReadOptions,
    before: Pass,
) -> InUtc:
    """Bring the kept rows of a file to UTC.

    ``assets`` are their names and each row's place among them (n,), ``clocks`` the names of what has a clock of its
    own and each row's place among those (n,); ``before`` what the rows before these told.
    """
    (names, asset), (series, which) = assets, clocks
    naive = keep & ~times.aware
    utc = times.us.copy()
    told = zone_in_name(column)
    zone_of = [options.zones.get(name) or options.zone or told or "UTC" for name in names]
    notes = _about_offsets(times, keep, naive, zone_of)
    if not naive.any():
        return InUtc(utc, notes, {})
    notes += _about_zones(column, told, names, options)
    known = {number: before[name] for number, name in enumerate(series) if name in before}
    for zone in dict.fromkeys(zone_of):
        mine = naive & np.array([*(zone == its for its in zone_of), False])[asset]
        if mine.any():
            utc[mine] = wall_to_utc(times.us[mine], zone, which[mine], known)
            notes += _about_changes(times.us[mine], utc[mine], zone)
    return InUtc(utc, notes, {**before, **_last(times.us, utc, naive, series, which)})


def _last(wall_us: Int64, utc_us: Int64, naive: Bool, series: Sequence[str], which: Int64) -> Pass:
    """Local and true time of the last row of each series."""
    rows = np.flatnonzero(naive)[::-1]
    numbers, first = np.unique(which[rows], return_index=True)
    return {
        series[number]: (int(wall_us[rows[place]]), int(utc_us[rows[place]]))
        for number, place in zip(numbers.tolist(), first.tolist(), strict=True)
        if number >= 0
    }


def _about_offsets(times: Times, keep: Bool, naive: Bool, zones: Sequence[str]) -> tuple[str, ...]:
    """Say when some rows carry an offset and others do not."""
    bare, all_ = int(naive.sum()), int(keep.sum())
    if not 0 < bare < all_:
        return ()
    return (
        f"MIXED: {all_ - bare} of {all_} times carry an offset and count as they say; the other {bare} are read in "
        f"{', '.join(dict.fromkeys(zones))}. If they are not local there, export the column anew, or set {_SAID}.",
    )


def _about_zones(column: str, told: str | None, names: Sequence[str], options: ReadOptions) -> tuple[str, ...]:
    """Say in which zone times without an offset are read, and why."""
    by_table = {name: options.zones[name] for name in names if name in options.zones}
    notes: list[str] = []
    for zone in dict.fromkeys(by_table.values()):
        who = [name for name, its in by_table.items() if its == zone]
        notes.append(f"Times carry no offset: those of {listed(who)} are read in {zone}, as the table of assets says.")
    if len(by_table) == len(names):
        return tuple(notes)
    if options.zone:
        if told and told != options.zone:
            notes.append(
                f"The name of column '{column}' says {told}, but {_SAID} says {options.zone}: that counts. If it is "
                "wrong, leave it out."
            )
    elif told:
        notes.append(f"Times carry no offset; the name of column '{column}' says {told}, and they are read so.")
    else:
        notes.append(
            "NO ZONE: times carry no offset and nobody told their zone: read as UTC. If the clock was a local one, all "
            "times are off by its offset; another zone: --zone or [source] zone, such as --zone America/Santiago."
        )
    return tuple(notes)


def _about_changes(wall_us: Int64, utc_us: Int64, zone: str) -> tuple[str, ...]:
    """Say when rows fall into an hour that local clocks skip or show twice."""
    if zone == "UTC":
        return ()
    notes: list[str] = []
    for fold in folds(zone, int(wall_us.min()), int(wall_us.max())):
        first, last = sorted((fold.first_us, fold.last_us))
        inside = (wall_us >= first) & (wall_us < last)
        if not inside.any():
            continue
        span = f"{_clock(first)} to {_clock(last)[11:]} in {zone}"
        second = int((wall_us - utc_us == fold.after_us)[inside].sum())
        if fold.length_us < 0:
            notes.append(
                f"{int(inside.sum())} row(s) lie in an hour that never was, {span}: the clock did not follow the "
                f"change, and they count with the offset before it. If they all do, the zone is wrong: {_SAID}."
            )
        elif not second:
            notes.append(
                f"{int(inside.sum())} row(s) lie in the hour that came twice, {span}, and nothing tells in which of "
                "the two: the first. An export with offsets, or in UTC, would tell."
            )
        else:
            notes.append(
                f"The hour that came twice, {span}: {int(inside.sum()) - second} row(s) in its first pass, {second} in "
                "its second."
            )
    return tuple(notes)


def _clock(us: int) -> str:
    return str(np.datetime64(us, "us").astype("datetime64[m]")).replace("T", " ")


def offsets_in(column: Column) -> list[str]:
    """The offsets that a sample of cells carries, where they differ; none where all carry the same."""
    if not is_text(column):
        return []
    parts = pc.extract_regex(sample_of(column), r"\d:\d\d.*?(?P<offset>Z|[+-]\d{2}:?\d{2})$")
    found = pc.unique(pc.struct_field(parts, ["offset"])).drop_null().to_pylist()
    return sorted(found) if len(found) > 1 else []
