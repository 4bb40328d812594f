"""In which zone the times of a file are that carry no offset, and what they are in UTC.

The zone of an asset (a table of assets tells it) comes first, then that of the source, then what the name of the time
column says (``Time (UTC+1)``), then UTC. Times with an offset are what they say.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import timedelta

import numpy as np
import pyarrow.compute as pc
from numpy.typing import NDArray

from anomaly_lstm.arrow import Column
from anomaly_lstm.clock import EPOCH, Fold, find_zone, folds, wall_to_utc, zone_name
from anomaly_lstm.errors import UsageError
from anomaly_lstm.sources.cells import is_text, sample_of
from anomaly_lstm.sources.clocks import SAY_ZONE, Account
from anomaly_lstm.sources.contract import ReadOptions
from anomaly_lstm.sources.times import HOURS_AHEAD, Times

Int64 = NDArray[np.int64]
Bool = NDArray[np.bool_]

Pass = Mapping[str, tuple[int, int]]
"""Series → local and true time of its last row [µs since 1970]: in which pass of a repeated hour it is."""

_NAMED = (
    r"[\[(]\s*(?P<inside>[^\])]+?)\s*[\])]\s*$",
    r"(?:^|[\s_])(?P<inside>(?:UTC|GMT)(?:\s*[+-]\d{1,2}(?::?\d{2})?)?)\s*$",
    r"(?<=[a-z])(?P<inside>UTC|GMT)\s*$",
)


def zone_in_name(column: str) -> str | None:
    """The zone in the name of a time column: ``Time (UTC+1)``, ``Timestamp [America/Santiago]``, ``time_utc``."""
    for pattern in _NAMED:
        found = re.search(pattern, column, 0 if "<=" in pattern else re.IGNORECASE)
        inside = found["inside"] if found else ""
        if inside in HOURS_AHEAD:  # in capitals: (est) may mean "estimated"
            return zone_name(f"{HOURS_AHEAD[inside]:+03d}:00")
        if re.fullmatch(r"(?:UTC|GMT)?\s*[+-]\d{1,2}(?::?\d{2})?|UTC|GMT|Z|\w+(/[\w+-]+)+", inside, re.IGNORECASE):
            try:
                return "UTC" if inside.upper() in ("Z", "GMT", "UTC") else zone_name(inside)
            except UsageError:
                continue
    return None


def zones_of(assets: Sequence[str], column: str, options: ReadOptions) -> list[str]:
    """The zone of each asset's times without an offset."""
    told = zone_in_name(column)
    return [options.zones.get(asset) or options.zone or told or "UTC" for asset in assets]


def known_at(true_us: int, zone: str) -> tuple[int, int]:
    """What a local clock shows at a true time, and that time."""
    offset = (EPOCH + timedelta(microseconds=true_us)).astimezone(find_zone(zone)).utcoffset() or timedelta()
    return true_us + offset // timedelta(microseconds=1), true_us


def in_utc(
    times: Times,
    column: str,
    keep: Bool,
    assets: tuple[Sequence[str], Int64],
    clocks: tuple[Sequence[str], Int64],
    options: ReadOptions,
    account: Account,
) -> tuple[Int64, Account]:
    """Bring the kept rows of a file to UTC [µs since 1970] (n,), and say in which zones they were.

    ``assets`` are their names and each row's place among them (n,), ``clocks`` the names of what has a clock of its
    own and each row's place among those (n,); ``account`` is what the rows before these told.
    """
    (names, asset), (series, which) = assets, clocks
    naive = keep & ~times.aware
    n_naive = int(naive.sum())
    account = replace(
        account,
        with_offset=account.with_offset + int(keep.sum()) - n_naive,
        without_offset=account.without_offset + n_naive,
    )
    utc = times.us.copy()
    if not n_naive:
        return utc, account
    zone_of = zones_of(names, column, options)
    known = {number: account.passes[name] for number, name in enumerate(series) if name in account.passes}
    hours = dict(account.folds)
    for zone in dict.fromkeys(zone_of):
        mine = naive & np.array([*(zone == its for its in zone_of), False])[asset]
        if mine.any():
            utc[mine] = wall_to_utc(times.us[mine], zone, which[mine], known)
            for fold, (rows, second) in _in_folds(times.us[mine], utc[mine], zone).items():
                before = hours.get((zone, fold), (0, 0))
                hours[zone, fold] = before[0] + rows, before[1] + second
    return utc, replace(
        account,
        zones=tuple(dict.fromkeys((*account.zones, *zone_of))),
        by_table={**account.by_table, **{name: options.zones[name] for name in names if name in options.zones}},
        why=account.why or _why(column, names, options),
        folds=hours,
        passes={**account.passes, **_last(times.us, utc, naive, series, which)},
    )


def _last(wall_us: Int64, utc_us: Int64, naive: Bool, series: Sequence[str], which: Int64) -> Pass:
    """Local and true time of the last row of each series."""
    rows = np.flatnonzero(naive)[::-1]
    numbers, first = np.unique(which[rows], return_index=True)
    return {
        series[number]: (int(wall_us[rows[place]]), int(utc_us[rows[place]]))
        for number, place in zip(numbers.tolist(), first.tolist(), strict=True)
        if number >= 0
    }


def _why(column: str, assets: Sequence[str], options: ReadOptions) -> tuple[str, ...]:
    """Why times without an offset are read in the zone they are, where no table of assets tells it."""
    told = zone_in_name(column)
    if all(asset in options.zones for asset in assets):
        return ()
    if options.zone and told and told != options.zone:
        return (
            f"The name of column '{column}' says {told}, but {SAY_ZONE} says {options.zone}: that counts. If it is "
            "wrong, leave it out.",
        )
    if options.zone:
        return ()
    if told:
        return (f"Times carry no offset; the name of column '{column}' says {told}, and they are read so.",)
    return (
        "NO ZONE: times carry no offset and nobody told their zone: read as UTC. If the clock was a local one, all "
        f"times are off by its offset; another zone: {SAY_ZONE}, such as --zone America/Santiago.",
    )


def _in_folds(wall_us: Int64, utc_us: Int64, zone: str) -> dict[Fold, tuple[int, int]]:
    """Rows in hours that local clocks skip or show twice, and how many in the second pass."""
    if zone == "UTC":
        return {}
    found: dict[Fold, tuple[int, int]] = {}
    for fold in folds(zone, int(wall_us.min()), int(wall_us.max())):
        first, last = sorted((fold.first_us, fold.last_us))
        inside = (wall_us >= first) & (wall_us < last)
        if inside.any():
            found[fold] = int(inside.sum()), int((wall_us - utc_us == fold.after_us)[inside].sum())
    return found


def offsets_in(column: Column) -> frozenset[str]:
    """The offsets that a sample of cells carries."""
    if not is_text(column):
        return frozenset()
    parts = pc.extract_regex(
        sample_of(column), rf"\d:\d\d.*?(?P<offset>Z|[+-]\d{{2}}:?\d{{2}}|{'|'.join(HOURS_AHEAD)})$"
    )
    return frozenset(pc.unique(pc.struct_field(parts, ["offset"])).drop_null().to_pylist())
