"""What is new at the source of a run: every file is read once, when it is whole, and its rows are kept.

A file that has not changed since it was read (size and time of change, else its sum) is not read again; one that is
gone takes nothing with it. A file that ends in the middle of a line, or that cannot be read yet, waits until it has
stopped growing. A database is asked for what came after the rows known, and somewhat before; each row is kept once.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path

from anomaly_lstm import arrivals, sources
from anomaly_lstm.clock import iso
from anomaly_lstm.errors import DataError
from anomaly_lstm.pipeline.folder import Asked, RunFolder, RunState, Seen, Terms, Watch, pending_from
from anomaly_lstm.sources import Located, Place
from anomaly_lstm.sources.contract import Database, FileQuality, Reading, ReadOptions, together
from anomaly_lstm.sources.packing import is_packed
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
    if isinstance(source, Database):
        return _asked(folder, state, source, read, grid, terms, now_us)
    with sources.located(source) as at:
        return _from_files(folder, state, at, read, grid, terms, now_us)


@dataclass(frozen=True)
class _Look:
    """What a look at the files says: those ``known`` as they stand, those that are ``waiting`` to be whole, those that
    are ``due`` to be read, ``after`` how many of their bytes, and why others ``failed``.
    """

    known: dict[str, Seen]
    waiting: dict[str, Stat]
    due: dict[Path, Stat]
    after: dict[str, int]
    failed: dict[str, str]


def _looked_at(state: RunState, at: Located, span: Span, now_us: int) -> _Look:
    """Look at every file; those elsewhere that are new or changed are copied."""
    names = {path: at.copies.name(path) for path in at.files}
    look = _Look({name: state.files[name] for name in names.values() if name in state.files}, {}, {}, {}, {})
    for path, name in names.items():
        try:
            stat, before = at.copies.stat(path), look.known.get(name)
            if before and _covers(before.span, span) and stat == (before.size, before.changed_ns):
                continue
            at.copies.fetch(path)
            stat = stat or _stat(path)
            if before and before.span == span and stat[0] > before.size and _has_grown(path, before):
                look.after[str(path)] = before.size
            if before and _covers(before.span, span) and stat[0] == before.size and before.sum == _sum(path):
                look.known[name] = replace(before, changed_ns=stat[1])
            elif _is_torn(path) and not _is_settled(stat, state.waiting.get(name), now_us):
                look.waiting[name] = stat
            else:
                look.due[path] = stat
                continue
        except OSError as problem:
            look.failed[name] = f"{name}: cannot be read: {problem.strerror}. It is tried again in the next run."
        except DataError as problem:  # a copy that could not be fetched
            look.failed[name] = str(problem)
        at.copies.drop(path)
    return look


def _from_files(
    folder: RunFolder, state: RunState, at: Located, read: ReadOptions, grid: Grid, terms: Terms, now_us: int
) -> Collected:
    """Read the files that are new or changed."""
    span = (read.start_us, read.end_us)
    look = _looked_at(state, at, span, now_us)
    fresh = {str(path): 0 for path in look.due if at.copies.name(path) not in look.known}
    last_us = _last_rows(folder, state) if look.due else {}
    read = replace(read, among=at.files, after={**fresh, **look.after}, last_us=last_us)
    sums = {path: _sum(path) for path in look.due}
    readings = _readings(list(look.due), read, at, look.failed)
    grown = {path: now for path, stat in look.due.items() if (now := at.copies.stat(path) or stat) != stat}
    if grown:  # while they were read: their last rows may be torn
        look.waiting.update({at.copies.name(path): stat for path, stat in grown.items()})
        readings = _readings([path for path in look.due if path not in grown], read, at, look.failed)
    qualities = [quality for reading in readings for quality in reading.files]
    files = _by_place(qualities, [at.copies.name(path) for path in look.due])
    for path, stat in look.due.items():
        name = at.copies.name(path)
        if name in files:
            quality = files[name]
            if str(path) in look.after:
                quality = together(FileQuality(**look.known[name].quality), quality)
            look.known[name] = Seen(*stat, sums[path], span, asdict(quality))
    if look.failed and not look.known and not state.assets:
        raise DataError("\n".join(look.failed.values()))
    state = replace(state, files=look.known, waiting=look.waiting)
    return _kept(folder, state, readings, read, grid, terms, look.failed, now_us + FUTURE_US)


def _asked(
    folder: RunFolder, state: RunState, database: Database, read: ReadOptions, grid: Grid, terms: Terms, now_us: int
) -> Collected:
    """Ask a database for its new rows, part by part; each part is committed before the next, so that a connection that
    breaks takes nothing with it. Up to where rows are known is committed with the last part.
    """
    key, span = _key_of(database, read), (read.start_us, read.end_us)
    before = state.databases.get(key)
    before = before if before and _covers(before.span, span) else None
    done = Collected(state, [], {}, [], [], {})
    mark = before.mark if before else None
    for reading, now in sources.ask(database, mark, read, now_us + FUTURE_US):
        if done.new:
            folder.commit(replace(done.state, run=done.state.run + 1))
            for path in done.superseded:
                path.unlink(missing_ok=True)
            done = replace(done, state=replace(done.state, run=done.state.run + 1), superseded=[])
        part = _kept(folder, done.state, [reading], read, grid, terms, dict(done.failed), now_us + FUTURE_US)
        done = _both(done, part)
        mark = now
    if not done.failed:  # else all is asked for again
        counts = before.quality if before and not done.new else asdict(done.files[0])
        databases = {**done.state.databases, key: Asked(mark, span, counts)}
        done = replace(done, state=replace(done.state, databases=databases))
    return done if done.new or done.failed else replace(done, files=[], notes=[])


def _key_of(database: Database, read: ReadOptions) -> str:
    """What tells rows that are asked for from others: the place, and what is asked."""
    asked = "\n".join((database.table or "", database.query or "", database.watermark or read.time or ""))
    with sources.located(database) as at:
        return f"{at.files[0]} {hashlib.sha256(asked.encode()).hexdigest()[:8]}"


def _both(one: Collected, other: Collected) -> Collected:
    """What came in with two parts of one answer."""
    files = [file for part in (one, other) for file in part.files]
    if len(files) > 1:
        files = [together(*files)]
    new = {asset: one.new.get(asset, 0) + other.new.get(asset, 0) for asset in (*one.new, *other.new)}
    notes = list(dict.fromkeys([*one.notes, *other.notes]))
    return Collected(other.state, files, other.failed, notes, [*one.superseded, *other.superseded], new)


def _by_place(files: Sequence[FileQuality], places: Sequence[str]) -> dict[str, FileQuality]:
    """What became of each file's rows; the tables in a zip count together, as the zip."""
    found: dict[str, FileQuality] = {}
    for quality in files:
        name = _place_of(quality.file, places)
        found[name] = together(found[name], quality) if name in found else quality
    return found


def _place_of(name: str, places: Iterable[str]) -> str:
    """The file on disk that holds a table: itself, or the zip in which it lies."""
    return next((place for place in places if name == place or name.startswith(place + "/")), name)


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


def _readings(paths: Sequence[Path], read: ReadOptions, at: Located, failed: dict[str, str]) -> list[Reading]:
    """All files in one reading; one by one where one of them is bad, which then is named in ``failed``."""
    if not paths:
        return []
    try:
        return [at.called(sources.read(paths, read))]
    except DataError as problem:
        if len(paths) == 1:
            failed[at.copies.name(paths[0])] = at.copies.told(str(problem))
            return []
    return [reading for path in paths for reading in _readings([path], read, at, failed)]


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
    return not is_packed(path) and not end.endswith((b"\n", b"\r", b"\n\0"))


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
                unread |= {_place_of(name, state.files) for name in raw.origins}
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
