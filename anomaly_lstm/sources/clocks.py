"""What the clocks of one file did, counted part after part, and the sentences about it once all of it is read."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from anomaly_lstm.clock import DAY, UNITS, Fold, format_duration, iso
from anomaly_lstm.sources.words import listed

Int64 = NDArray[np.int64]
Bool = NDArray[np.bool_]
Where = Callable[[int], str]
"""Says where in the file a row stands."""

HOUR = UNITS["h"]
APART_US = 366 * DAY
"""No row for so long is worth a sentence."""
MONTH_US = 30 * DAY
SAY_ZONE = "--zone or [source] zone"


@dataclass(frozen=True)
class StepBack:
    """The first time that a clock stepped back."""

    where: str
    size_us: int
    series: str
    limit_us: int
    """The time it stepped back from."""
    again: int = 0
    """Rows of its series from there on that lie no later than that."""


@dataclass(frozen=True)
class Account:
    """What the clocks of a file did in all parts read so far."""

    given: int = 0
    readable: int = 0
    unreadable: str = ""
    """Where the first time that is none stands, and what it is."""
    first: Mapping[str, str] = field(default_factory=dict)
    """Kind of time that cannot be → where the first one stands, and what it is."""
    with_offset: int = 0
    without_offset: int = 0
    offsets: frozenset[str] = frozenset()
    """Those in samples of the parts."""
    zones: tuple[str, ...] = ()
    """In which times without an offset were read."""
    by_table: Mapping[str, str] = field(default_factory=dict)
    """Asset → its zone, where the table of assets told it."""
    why: tuple[str, ...] = ()
    """What else decided the zone, in sentences."""
    folds: Mapping[tuple[str, Fold], tuple[int, int]] = field(default_factory=dict)
    """Zone and change of its offset → rows in the hour that came twice or never, and how many in the second pass."""
    far: int = 0
    far_first: tuple[str, int] = ("", 0)
    """Rows years from all others, and where the first stands and its time [µs UTC]."""
    months: Mapping[int, tuple[int, int]] = field(default_factory=dict)
    """Number of a stretch of 30 days → the first and the last time in it [µs UTC]."""
    rows: int = 0
    forward: int = 0
    backward: int = 0
    """Steps of time from row to row of a series."""
    back: StepBack | None = None
    made_up: bool = False
    passes: Mapping[str, tuple[int, int]] = field(default_factory=dict)
    """Series → local and true time of its last row without an offset [µs since 1970]."""
    last_us: Mapping[str, int] = field(default_factory=dict)
    """Series → the time of its last row [µs UTC]."""


def with_steps(account: Account, time_us: Int64, series: Sequence[str], which: Int64, where: Where) -> Account:
    """The account with more rows: their steps in time, and between which times they lie.

    ``time_us`` (n,) [µs UTC] in the order of the file; ``which`` (n,) numbers the ``series`` they belong to.
    """
    if not len(time_us):
        return account
    order = np.argsort(which, kind="stable")
    time, its = time_us[order], which[order]
    step = np.r_[0, np.diff(time)]
    opens = np.flatnonzero(np.r_[True, its[1:] != its[:-1]])
    for place in opens:
        step[place] = time[place] - account.last_us.get(series[int(its[place])], int(time[place]))
    falls = np.flatnonzero(step < 0)
    back = account.back
    if back is None and len(falls):
        place = falls[np.argmin(order[falls])]
        row = int(order[place])
        back = StepBack(where(row), int(-step[place]), series[int(its[place])], int(time[place] - step[place]))
        back = _again(back, time_us[row:], series, which[row:])
    elif back is not None:
        back = _again(back, time_us, series, which)
    ends = np.r_[opens[1:], len(time)] - 1
    return replace(
        account,
        rows=account.rows + len(time_us),
        forward=account.forward + int((step > 0).sum()),
        backward=account.backward + len(falls),
        back=back,
        months=_months(account.months, time_us),
        last_us={**account.last_us, **{series[int(its[end])]: int(time[end]) for end in ends}},
    )


def _again(back: StepBack, time_us: Int64, series: Sequence[str], which: Int64) -> StepBack:
    """Count the rows that go over times which were there before."""
    mine = which == (series.index(back.series) if back.series in series else -1)
    return replace(back, again=back.again + int((time_us[mine] <= back.limit_us).sum()))


def _months(known: Mapping[int, tuple[int, int]], time_us: Int64) -> dict[int, tuple[int, int]]:
    months = dict(known)
    ordered = np.sort(time_us)
    number = ordered // MONTH_US
    opens = np.flatnonzero(np.r_[True, number[1:] != number[:-1]])
    for first, last in zip(opens, np.r_[opens[1:], len(ordered)] - 1, strict=True):
        low, high = months.get(int(number[first]), (int(ordered[first]), int(ordered[last])))
        months[int(number[first])] = min(low, int(ordered[first])), max(high, int(ordered[last]))
    return months


def clock_words(account: Account) -> list[str]:
    """All there is to say of the clocks of a file that has been read."""
    return [
        *(f"The first row with {kind} is in {place}." for kind, place in account.first.items()),
        *_about_offsets(account),
        *_about_zones(account),
        *(_about_fold(zone, fold, *rows) for (zone, fold), rows in account.folds.items()),
        *(_about_far(account) or _about_gaps(account)),
        *_about_steps_back(account),
    ]


def _about_offsets(account: Account) -> list[str]:
    """Say when offsets differ, or some rows carry one and others do not."""
    said = []
    named = sorted(offset for offset in account.offsets if offset[0].isalpha() and offset != "Z")
    if len(account.offsets) == 1 and named:
        said.append(f"Times say {named[0]}, and are read with its offset.")
    if len(account.offsets) > 1:
        offsets = ", ".join(sorted(account.offsets))
        said.append(f"Offsets differ from row to row ({offsets}): each time counts as it says.")
    if account.with_offset and account.without_offset:
        said.append(
            f"MIXED: {account.with_offset} of {account.with_offset + account.without_offset} times carry an offset and "
            f"count as they say; the other {account.without_offset} are read in {', '.join(account.zones)}. If they "
            f"are not local there, export the column anew, or set {SAY_ZONE}."
        )
    return said


def _about_zones(account: Account) -> list[str]:
    """Say in which zone times without an offset are read, and why."""
    said = []
    for zone in dict.fromkeys(account.by_table.values()):
        who = listed(sorted(asset for asset, its in account.by_table.items() if its == zone))
        said.append(f"Times carry no offset: those of {who} are read in {zone}, as the table of assets says.")
    return [*said, *account.why]


def _about_fold(zone: str, fold: Fold, rows: int, second: int) -> str:
    """Say what became of rows in an hour that local clocks skip or show twice."""
    first, last = sorted((fold.first_us, fold.last_us))
    span = f"{_on_the_wall(first)} to {_on_the_wall(last)[11:]} in {zone}"
    if fold.length_us < 0:
        return (
            f"{rows} row(s) lie in an hour that never was, {span}: the clock did not follow the change, and they count "
            f"with the offset before it. If they all do, the zone is wrong: {SAY_ZONE}."
        )
    if not second:
        return (
            f"{rows} row(s) lie in the hour that came twice, {span}, and nothing tells in which of the two: the first. "
            "An export with offsets, or in UTC, would tell."
        )
    return f"The hour that came twice, {span}: {rows - second} row(s) in its first pass, {second} in its second."


def _on_the_wall(us: int) -> str:
    return str(np.datetime64(us, "us").astype("datetime64[m]")).replace("T", " ")


def _about_far(account: Account) -> list[str]:
    if not account.far:
        return []
    where, first = account.far_first
    edges = [edge for months in account.months.values() for edge in months] or [first]
    return [
        f"CLOCK RESET: {account.far} row(s) lie years from all others, the first in {where} at {iso(first)}, the "
        f"others from {iso(min(edges))} to {iso(max(edges))}: left out. Where they are right, say from when to when "
        "rows count with --start and --end."
    ]


def _about_gaps(account: Account) -> list[str]:
    """Say when the rows lie in stretches years apart that are all kept; not where they come that rarely."""
    edges = [account.months[number] for number in sorted(account.months)]
    if len(edges) < 2 or account.made_up:
        return []
    widest, (before, after) = max((later[0] - earlier[1], (earlier[1], later[0])) for earlier, later in pairwise(edges))
    usual = (edges[-1][1] - edges[0][0] - widest) / account.rows
    if widest < max(APART_US, 20 * usual):
        return []
    return [
        f"No row lies between {iso(before)} and {iso(after)}. If a clock was wrong, leave its rows out with --start or "
        "--end."
    ]


def _about_steps_back(account: Account) -> list[str]:
    """Say where the clock of a series falls back, if it does so rarely; how often, where rows are in no order.

    A file that runs from new to old has nothing to tell.
    """
    back, times = account.back, account.backward
    if back is None or times > 0.9 * (times + account.forward):
        return []
    if times > max(3, account.rows / 100):
        return [f"Rows are not in the order of time: {times} times they step back, first in {back.where}: sorted."]
    others = f" (and {times - 1} more times)" if times > 1 else ""
    hint = ""
    if account.made_up:
        hint = " If it begins anew for each machine or run, name the column that tells them with --asset."
    elif account.zones == ("UTC",) and 0.5 * HOUR <= back.size_us <= HOUR:
        hint = f" It looks like the end of summer time: set {SAY_ZONE}."
    return [
        f"The clock steps back by {format_duration(back.size_us)} in {back.where}{others}; {back.again} row(s) from "
        f"there on lie no later than the rows before: sorted.{hint}"
    ]
