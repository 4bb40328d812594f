"""ROOM: the places data come from, one module per kind; `SOURCES` is the list of them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import replace
from itertools import chain
from pathlib import Path

from anomaly_lstm.errors import DataError
from anomaly_lstm.sources import csv, parquet
from anomaly_lstm.sources.contract import FileQuality, RawAsset, Reading, ReadOptions, Source
from anomaly_lstm.sources.reading import day_first_in, no_rows, read_files, read_parts, read_some
from anomaly_lstm.sources.roles import check_names
from anomaly_lstm.sources.words import near

__all__ = ["SOURCES", "FileQuality", "RawAsset", "ReadOptions", "Reading", "Source", "read", "resolve", "stream"]

SOURCES: dict[str, Source] = {csv.NAME: csv, parquet.NAME: parquet}
"""Name in `[source] kind` → module."""

PART_BYTES = 1 << 25
"""How much `stream` takes at a time [bytes in the file]."""
PLAIN = (".csv", ".tsv", ".txt")
"""Endings of files that are not packed."""

Place = str | Path | Sequence[str | Path]


def read(source: Place, options: ReadOptions | None = None) -> Reading:
    """Read files, a folder, an ingested folder or a glob, whichever kind they are.

    Raises `DataError` when there is nothing there, kinds are mixed, or a file cannot be used; `UsageError` for options.
    """
    name, files = resolve(source)
    options = options or ReadOptions()
    return read_files([part for file in files for part in SOURCES[name].parts(file, options, None)], options)


def stream(source: Place, options: ReadOptions | None = None, size: int = PART_BYTES) -> Iterator[Reading]:
    """Read the same in parts of about ``size`` [bytes]: never all rows are in memory.

    Small files are read together, a big one in parts. Where the first of them leave open whether day or month comes
    first, what follows is looked at until some date tells.
    """
    name, files = resolve(source)
    options = options or ReadOptions()
    options = replace(options, among=options.among or files)
    groups = _groups(files, size)
    total = sum(file.stat().st_size for file in files)
    columns: set[str] = set()
    done, any_rows = 0, False
    for number, group in enumerate(groups):
        readings = _of_group(name, group, options, size)
        first = next(readings)
        if first.day_or_month and options.day_first is None:
            rest = (file for later in groups[number:] for file in later)
            order = day_first_in((part for file in rest for part in SOURCES[name].parts(file, options, size)), options)
            if order is not None:
                options = replace(options, day_first=order)
                readings = _of_group(name, group, options, size)
                first = next(readings)
        bytes_here = sum(file.stat().st_size for file in group)
        for reading in chain([first], readings):
            columns |= set(reading.columns)
            any_rows = any_rows or any(file.rows_read for file in reading.files)
            options = replace(options, words={**options.words, **reading.words})  # places among them stay the same
            yield replace(reading, done=(done + reading.done * bytes_here) / max(1, total))
        done += bytes_here
    if not any_rows and not options.known:
        raise no_rows(files[0])
    check_names(columns, options, str(files[0]) if len(files) == 1 else f"none of the {len(files)} files")


def _groups(files: Sequence[Path], size: int) -> list[list[Path]]:
    """Files in order, together as long as they come to no more than ``size`` [bytes]; packed ones count eightfold."""
    groups: list[list[Path]] = []
    room = 0
    for file in files:
        takes = file.stat().st_size * (1 if file.suffix in PLAIN else 8)
        if takes > room or not groups:
            groups.append([])
            room = size
        groups[-1].append(file)
        room -= takes
    return groups


def _of_group(name: str, group: Sequence[Path], options: ReadOptions, size: int) -> Iterator[Reading]:
    """Small files as one reading; a big one in parts."""
    parts = SOURCES[name].parts
    if len(group) == 1:
        return read_parts(parts(group[0], options, size), options, alone=len(options.among) == 1)
    return iter([read_some([part for file in group for part in parts(file, options, None)], options)])


def resolve(source: Place) -> tuple[str, list[Path]]:
    """Find the files of a source, in order of their names, and the kind they all are of."""
    places = [source] if isinstance(source, str | Path) else list(source)
    if not places:
        raise DataError("No source was given. Name a CSV or Parquet file, a folder or a glob.")
    files = list(dict.fromkeys(file for place in places for file in _files(Path(place).expanduser())))
    kinds: dict[str, list[Path]] = {}
    for file in files:
        kinds.setdefault(_kind(file), []).append(file)
    if len(kinds) > 1:
        most = max(kinds.values(), key=len)
        shown = " and ".join(f"{len(found)} {kind} file(s) such as {found[0]}" for kind, found in sorted(kinds.items()))
        raise DataError(
            f"{', '.join(str(place) for place in places)}: holds {shown}. Read one kind at a time: "
            f"name its files by a glob that ends in {most[0].suffix}."
        )
    return next(iter(kinds)), files


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
        endings = " ".join(suffix for source in SOURCES.values() for suffix in source.SUFFIXES)
        raise DataError(
            f"{folder}: holds no data files ({endings}), only: {others or 'nothing'}. "
            "Name the folder that does, or the files themselves."
        )
    return files


def _hidden(path: Path) -> bool:
    return any(part.startswith((".", "_")) for part in path.parts)


def _by_suffix(path: Path) -> str | None:
    """The source whose endings fit."""
    name = path.name.lower()
    return next((kind for kind, source in SOURCES.items() if name.endswith(source.SUFFIXES)), None)


def _kind(path: Path) -> str:
    """The source that reads a file: by its ending, else by its first bytes."""
    found = _by_suffix(path)
    if found:
        return found
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
