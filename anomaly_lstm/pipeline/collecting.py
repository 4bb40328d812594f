"""What is new at the source of a run: every file is read once, when it is whole, and its rows are kept.

A file that has not changed since it was read (size and time of change, else its sum) is not read again; one that is
gone takes nothing with it. A file that ends in the middle of a line, or that cannot be read yet, waits until it has
stopped growing.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path

from anomaly_lstm import arrivals, sources
from anomaly_lstm.clock import iso
from anomaly_lstm.errors import DataError
from anomaly_lstm.pipeline.folder import RunFolder, RunState, Seen, Terms, Watch, pending_from
from anomaly_lstm.sources import Place
from anomaly_lstm.sources.contract import FileQuality, Reading, ReadOptions, together
from anomaly_lstm.telemetry import Grid

SETTLED_S = 60
"""A file that was last changed so long ago [s] is not being written any more, however it ends."""

FUTURE_US = 86_400_000_000
"""Rows so far ahead of the clock of this machine are no rows: a day covers every zone [µs]."""

Span = tuple[int | None, int | None]
Stat = tuple[int, int]
"""Size [bytes] and time of the last change [ns] of a file."""


@dataclass(frozen=True)
class Collected:
    """What came in: the state with it, the files that were read, why others were not, files of rows that were joined
    and are to be removed once the state is committed, and how many rows were new, per asset.
    """

    state: RunState
    files: Sequence[FileQuality]
    failed: Mapping[str, str]
    notes: Sequence[str]
    superseded: Sequence[Path]
    new: Mapping[str, int]


def collect(
    folder: RunFolder, state: RunState, source: Place, read: ReadOptions, grid: Grid, terms: Terms, now_us: int
) -> Collected:
    """Read what is new at the source and keep its rows; nothing counts before the state is committed.

    ``read`` is how the model reads, with the span that is asked for; assets that are new are watched by ``terms``. A
    file that cannot be read is named in ``failed`` and tried again in the next run. Raises DataError when the source is
    gone, or no file of it was ever read.
    """
    _, paths = sources.resolve(source)
    read = replace(read, among=paths)
    span = (read.start_us, read.end_us)
    known = {str(path): state.files[str(path)] for path in paths if str(path) in state.files}
    waiting: dict[str, Stat] = {}
    due: dict[str, Stat] = {}
    after: dict[str, int] = {}
    failed: dict[str, str] = {}
    for path in paths:
        try:
            stat, before = _stat(path), known.get(str(path))
            if before and _covers(before.span, span) and stat == (before.size, before.changed_ns):
                continue
            if before and before.span == span and stat[0] > before.size and _has_grown(path, before):
                after[str(path)] = before.size
            if before and _covers(before.span, span) and stat[0] == before.size and before.sum == _sum(path):
                known[str(path)] = replace(before, changed_ns=stat[1])
            elif _is_torn(path) and not _is_settled(stat, state.waiting.get(str(path)), now_us):
                waiting[str(path)] = stat
            else:
                due[str(path)] = stat
        except OSError as problem:
            failed[str(path)] = f"{path}: cannot be read: {problem.strerror}. It is tried again in the next run."
    fresh = dict.fromkeys((name for name in due if name not in known), 0)
    read = replace(read, after={**fresh, **after}, last_us=_last_rows(folder, state) if due else {})
    sums = {name: _sum(Path(name)) for name in due}
    readings = _readings(list(due), read, failed)
    grown = {name: _stat(Path(name)) for name, stat in due.items() if _stat(Path(name)) != stat}
    if grown:  # while they were read: their last rows may be torn
        waiting |= grown
        readings = _readings([name for name in due if name not in grown], read, failed)
    files = {quality.file: quality for reading in readings for quality in reading.files}
    for name, quality in files.items():
        whole = together(FileQuality(**known[name].quality), quality) if name in after else quality
        known[name] = Seen(*due[name], sums[name], span, asdict(whole))
    if failed and not known and not state.assets:
        raise DataError("\n".join(failed.values()))
    state = replace(state, files=known, waiting=waiting)
    return _kept(folder, state, readings, read, grid, terms, failed, now_us + FUTURE_US)


def _last_rows(folder: RunFolder, state: RunState) -> dict[str, int]:
    """The time of each asset's last row [µs UTC]: where a file goes on that is new or grew, if its clock went back."""
    last = {asset: arrivals.newest(folder.arrivals(asset)) for asset in state.assets}
    return {asset: us for asset, us in last.items() if us is not None}


def _has_grown(path: Path, before: Seen) -> bool:
    """Whether a text begins with all that was read of it, whole lines: only what follows is new."""
    if path.suffix.lower() not in (".csv", ".tsv", ".txt"):
        return False
    with path.open("rb") as file:
        head = file.read(before.size)
    return head.endswith(b"\n") and hashlib.sha256(head).hexdigest() == before.sum


def _readings(names: Sequence[str], read: ReadOptions, failed: dict[str, str]) -> list[Reading]:
    """All files in one reading; one by one where one of them is bad, which then is named in ``failed``."""
    if not names:
        return []
    try:
        return [sources.read(names, read)]
    except DataError as problem:
        if len(names) == 1:
            failed[names[0]] = str(problem)
            return []
    return [reading for name in names for reading in _readings([name], read, failed)]


def _is_settled(stat: Stat, before: Stat | None, now_us: int) -> bool:
    """Whether a file is written no more: it waits unchanged since the last run, or was changed long ago."""
    return stat == before or abs(now_us / 1e6 - stat[1] / 1e9) > SETTLED_S


def _stat(path: Path) -> Stat:
    found = path.stat()
    return found.st_size, found.st_mtime_ns


def _covers(have: Span, want: Span) -> bool:
    """Whether one span [start, end) of rows holds another; None is open."""
    after = have[0] is None or (want[0] is not None and have[0] <= want[0])
    before = have[1] is None or (want[1] is not None and have[1] >= want[1])
    return after and before


def _sum(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _is_torn(path: Path) -> bool:
    """Whether a file ends as one that is still being written: a text within a line, a Parquet file without its end."""
    with path.open("rb") as file:
        start = file.read(4)
        file.seek(0, 2)
        if file.tell() < 1:
            return True
        file.seek(-min(4, file.tell()), 2)
        end = file.read()
    if start == b"PAR1":
        return end != b"PAR1"
    return not start.startswith(b"\x1f\x8b") and not end.endswith((b"\n", b"\r", b"\n\0"))


def _kept(
    folder: RunFolder,
    state: RunState,
    readings: Sequence[Reading],
    read: ReadOptions,
    grid: Grid,
    terms: Terms,
    failed: dict[str, str],
    latest_us: int,
) -> Collected:
    """Keep the rows of some readings, but for those after ``latest_us``: a clock that is wrong must not move that of
    all assets.
    """
    notes = [note for reading in readings for note in reading.notes]
    assets = dict(state.assets)
    unread: set[str] = set()
    superseded: list[Path] = []
    new: dict[str, int] = {}
    for reading in readings:
        for raw in reading.assets:
            ahead = raw.time_us > latest_us
            if ahead.any() and (state.assets or ahead.mean() < 0.5):  # else the clock of this machine is wrong
                last = iso(int(raw.time_us.max()))
                notes.append(
                    f"{raw.asset}: {ahead.sum():,} row(s) lie in the future, up to {last}: set aside. Mend the clock."
                )
                raw = replace(raw, time_us=raw.time_us[~ahead], values=raw.values[~ahead])
            try:
                added = arrivals.add(folder.arrivals(raw.asset), state.run, raw, reading.words)
            except DataError as problem:
                failed[raw.asset] = f"{raw.asset}: {problem}"
                unread |= set(raw.origins)
                continue
            superseded += added.superseded
            if len(added.times_us):
                assets[raw.asset] = _with_new(assets.get(raw.asset, Watch(terms)), added, grid)
                new[raw.asset] = new.get(raw.asset, 0) + len(added.times_us)
    return Collected(
        replace(
            state,
            assets=dict(sorted(assets.items())),
            files={name: seen for name, seen in state.files.items() if name not in unread},
        ),
        [one for reading in readings for one in reading.files],
        failed,
        list(dict.fromkeys(notes)),
        superseded,
        new,
    )


def _with_new(watch: Watch, added: arrivals.Added, grid: Grid) -> Watch:
    """An asset with new rows: what follows the row before the first of them must be scored anew."""
    first = grid.index_of(int(added.times_us[0]))
    after = first if added.after_us is None else grid.index_of(added.after_us) + 1
    return pending_from(watch, min(first, after))
