"""ROOM: the places data come from, one module per kind; `SOURCES` is the list of them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from itertools import chain, groupby
from pathlib import Path, PurePath, PurePosixPath

from anomaly_lstm.errors import AnomalyLstmError, DataError
from anomaly_lstm.sources import csv, parquet, sql
from anomaly_lstm.sources.contract import (
    Database,
    FileQuality,
    Mark,
    RawAsset,
    RawFile,
    Reading,
    ReadOptions,
    Source,
)
from anomaly_lstm.sources.reading import no_rows, orders_in, read_files, read_parts, read_some
from anomaly_lstm.sources.remote import Copies, copies_of, is_remote, listed
from anomaly_lstm.sources.roles import check_names
from anomaly_lstm.sources.stores import Remote, has_marks, shown
from anomaly_lstm.sources.words import near

__all__ = [
    "SOURCES",
    "Database",
    "FileQuality",
    "Located",
    "Mark",
    "Place",
    "RawAsset",
    "ReadOptions",
    "Reading",
    "Remote",
    "Source",
    "ask",
    "is_remote",
    "located",
    "read",
    "resolve",
    "stream",
]

SOURCES: dict[str, Source] = {csv.NAME: csv, parquet.NAME: parquet, sql.NAME: sql}
"""Name in `[source] kind` → module."""

PART_BYTES = 1 << 25
"""How much `stream` takes at a time [bytes in the file]."""
PLAIN = (".csv", ".tsv", ".txt")
"""Endings of files that are not packed."""

Files = str | Path | Sequence[str | Path]
Place = Files | Database
"""Files, folders, globs, addresses such as ``s3://bucket/plant/*.parquet``, or a database."""


@dataclass(frozen=True)
class Located:
    """A source that was found: the kind of its files, and where they, or copies of them, lie."""

    kind: str
    files: Sequence[Path]
    copies: Copies = field(default_factory=Copies)
    database: Database | None = None

    def size(self, file: Path) -> int:
        """The size of a file [bytes]; 1 where nobody knows."""
        return 1 if self.database else self.copies.size(file)

    def parts(self, file: Path, options: ReadOptions, size: int | None) -> Iterator[RawFile]:
        """The rows of one file; a copy is there only while it is read."""
        self.copies.fetch(file)
        try:
            yield from SOURCES[self.kind].parts(file, options, size)
        finally:
            self.copies.drop(file)

    def called(self, reading: Reading) -> Reading:
        """A reading in which copies are called by the addresses of what they are copies of."""
        if not self.copies.of:
            return reading
        told = self.copies.told
        return replace(
            reading,
            assets=[replace(raw, origins=tuple(told(name) for name in raw.origins)) for raw in reading.assets],
            notes=[told(note) for note in reading.notes],
            files=[replace(one, file=told(one.file)) for one in reading.files],
        )


@contextmanager
def located(source: Place) -> Iterator[Located]:
    """Find the files of a source, in order of their names, and the kind they all are of; copies go in the end.

    Errors about a copy name its address.
    """
    if isinstance(source, Database):
        yield Located(sql.NAME, [sql.place_of(source)], database=source)
        return
    places = [source] if isinstance(source, str | Path) else list(source)
    if not places:
        raise DataError("No source was given. Name a CSV or Parquet file, a folder or a glob.")
    elsewhere = [file for place in places if is_remote(place) for file in _elsewhere(str(place))]
    with copies_of(list(dict.fromkeys(elsewhere))) as copies:
        here = [file for place in places if not is_remote(place) for file in _files(Path(place).expanduser())]
        files = list(dict.fromkeys([*here, *copies.of]))
        try:
            yield Located(_one_kind(files, copies, places), files, copies)
        except AnomalyLstmError as problem:
            if not copies.of:
                raise
            raise type(problem)(copies.told(str(problem))) from problem


def read(source: Place, options: ReadOptions | None = None) -> Reading:
    """Read files, a folder, an ingested folder or a glob, whichever kind they are, or a database.

    Raises `DataError` when there is nothing there, kinds are mixed, or a file cannot be used; `UsageError` for options.
    """
    with located(source) as at:
        options = replace(options or ReadOptions(), database=at.database)
        return at.called(read_files([part for file in at.files for part in at.parts(file, options, None)], options))


def stream(source: Place, options: ReadOptions | None = None, size: int = PART_BYTES) -> Iterator[Reading]:
    """Read the same in parts of about ``size`` [bytes]: never all rows are in memory.

    Small files are read together, a big one in parts. Where the first of them leave open whether day or month comes
    first, what follows is looked at until some date tells.
    """
    with located(source) as at:
        options = replace(options or ReadOptions(), database=at.database)
        options = replace(options, among=options.among or at.files)
        groups = _groups(at, size)
        total = sum(at.size(file) for file in at.files)
        columns: set[str] = set()
        done, any_rows = 0, False
        for number, group in enumerate(groups):
            readings = _of_group(at, group, options, size)
            first = next(readings)
            if first.day_or_month:
                rest = (part for later in groups[number:] for file in later for part in at.parts(file, options, size))
                found = orders_in(rest, first.day_or_month, options)
                if found:
                    options = replace(options, orders={**found, **options.orders})
                    readings = _of_group(at, group, options, size)
                    first = next(readings)
            options = replace(options, orders={**first.orders, **options.orders})
            bytes_here = sum(at.size(file) for file in group)
            for reading in chain([first], readings):
                columns |= set(reading.columns)
                any_rows = any_rows or bool(reading.columns)
                options = replace(options, words={**options.words, **reading.words})  # places among them stay the same
                yield at.called(replace(reading, done=(done + reading.done * bytes_here) / max(1, total)))
            done += bytes_here
        if not any_rows and not options.known:
            raise no_rows(at.files[0])
        where = str(at.files[0]) if len(at.files) == 1 else f"none of the {len(at.files)} files"
        check_names(columns, options, where)


def ask(
    database: Database, known: Mark | None, options: ReadOptions, latest_us: int, size: int = PART_BYTES
) -> Iterator[tuple[Reading, Mark | None]]:
    """What came into a database after the mark ``known``, and what may have come late before it; None = all. In parts
    of about ``size`` [bytes], with the mark that is known once this part and those before are kept.

    ``options`` are those by which its rows were read before. Times after ``latest_us`` [µs UTC] make no mark. Raises
    `DataError`.
    """
    since = None if known is None else sql.lowered(known, database, options)
    options = replace(options, database=replace(database, since=since))
    mark = known

    def marked() -> Iterator[RawFile]:
        nonlocal mark
        for part in sql.parts(sql.place_of(database), options, size):
            mark = sql.later(mark, sql.mark_in(part, database, options, latest_us))
            yield part

    for reading in read_parts(marked(), options, alone=True):
        yield reading, mark


def _groups(at: Located, size: int) -> list[list[Path]]:
    """Files in order, together as long as they come to no more than ``size`` [bytes]; packed ones count eightfold."""
    groups: list[list[Path]] = []
    room = 0
    for file in at.files:
        takes = at.size(file) * (1 if file.suffix in PLAIN else 8)
        if takes > room or not groups:
            groups.append([])
            room = size
        groups[-1].append(file)
        room -= takes
    return groups


def _of_group(at: Located, group: Sequence[Path], options: ReadOptions, size: int) -> Iterator[Reading]:
    """Small files as one reading; a big one in parts."""
    if len(group) == 1:
        tables = groupby(at.parts(group[0], options, size), key=lambda part: part.path)  # a zip may hold several
        alone = len(options.among) == 1 and group[0].suffix.lower() != ".zip"
        return chain.from_iterable(read_parts(same, options, alone=alone) for _, same in tables)
    return iter([read_some([part for file in group for part in at.parts(file, options, None)], options)])


def resolve(source: Place) -> tuple[str, list[Path]]:
    """The kind of a source, and its files in order of their names; of those elsewhere only names that mean nothing."""
    with located(source) as at:
        return at.kind, list(at.files)


def _one_kind(files: Sequence[Path], copies: Copies, places: Sequence[str | Path]) -> str:
    """The kind that all files are of; `DataError` when there are several."""
    kinds: dict[str, list[Path]] = {}
    for file in files:
        kinds.setdefault(_kind(file, copies), []).append(file)
    if len(kinds) > 1:
        most = max(kinds.values(), key=len)
        shown = " and ".join(f"{len(found)} {kind} file(s) such as {found[0]}" for kind, found in sorted(kinds.items()))
        raise DataError(
            f"{', '.join(_shown(place) for place in places)}: holds {shown}. Read one kind at a time: "
            f"name its files by a glob that ends in {most[0].suffix}."
        )
    return next(iter(kinds))


def _shown(place: str | Path) -> str:
    return shown(str(place)) if is_remote(place) else str(place)


def _elsewhere(place: str) -> list[Remote]:
    """The files at an address; of a folder those that some source reads."""
    found = listed(place)
    folder = shown(place).rstrip("/") + "/"
    if has_marks(place) or any(not file.address.startswith(folder) for file in found):
        return found
    inside = [(file, PurePosixPath(file.address.removeprefix(folder))) for file in found]
    files = [file for file, path in inside if not _hidden(path) and _by_suffix(path)]
    if not files:
        raise DataError(
            f"{folder}: holds no data files ({_endings()}) among its {len(found)}. Name the folder that does."
        )
    return files


def _files(place: Path) -> list[Path]:
    """The files a single path, folder or glob stands for; raise `DataError` if there are none."""
    if place.is_dir():
        return _in_folder(place)
    if place.exists():
        return [place]
    if any(mark in str(place) for mark in "*?["):
        root = Path(place.anchor)
        files = sorted(path for path in root.glob(str(place.relative_to(place.anchor))) if path.is_file())
        if not files:
            raise DataError(f"{place}: no file matches. Check the pattern{_beside(place)}")
        return files
    raise DataError(f"{place}: there is no such file or folder{_beside(place)}")


def _in_folder(folder: Path) -> list[Path]:
    """All files below a folder that some source reads; of an ingested folder those below its `data`."""
    if (folder / "quality.json").is_file() and (folder / "data").is_dir():
        folder = folder / "data"
    inside = sorted(path for path in folder.rglob("*") if path.is_file() and not _hidden(path.relative_to(folder)))
    files = [path for path in inside if _by_suffix(path)]
    if not files:
        others = ", ".join(
            f"{count} {suffix or 'without ending'}" for suffix, count in Counter(p.suffix for p in inside).items()
        )
        raise DataError(
            f"{folder}: holds no data files ({_endings()}), only: {others or 'nothing'}. "
            "Name the folder that does, or the files themselves."
        )
    return files


def _endings() -> str:
    return " ".join(suffix for source in SOURCES.values() for suffix in source.SUFFIXES)


def _hidden(path: PurePath) -> bool:
    return any(part.startswith((".", "_")) for part in path.parts)


def _by_suffix(path: PurePath) -> str | None:
    """The source whose endings fit."""
    name = path.name.lower()
    return next((kind for kind, source in SOURCES.items() if source.SUFFIXES and name.endswith(source.SUFFIXES)), None)


def _kind(path: Path, copies: Copies) -> str:
    """The source that reads a file: by its ending, else by its first bytes."""
    found = _by_suffix(path)
    if found:
        return found
    copies.fetch(path)
    with path.open("rb") as file:
        return parquet.NAME if file.read(4) == b"PAR1" else csv.NAME


def _beside(place: Path) -> str:
    """End a sentence with what is there instead: the folder that is missing, or names near the one that is."""
    parent = place.parent
    if any(mark in str(parent) for mark in "*?["):
        return "."
    if not parent.is_dir():
        return f": {parent} is no folder. Check the path."
    hint = near(place.name, (path.name for path in parent.iterdir()))
    return f" in {parent.resolve()}.{hint or ' Check the name.'}"
