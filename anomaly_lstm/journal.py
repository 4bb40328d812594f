"""Journals: files of JSON lines that only grow, such as ``history.jsonl`` and ``outbox.jsonl``.

A line is in a journal when its line end is on the disk. What stands after the last line end was torn by a kill: readers
pass over it, the next writer removes it. A reader remembers its `Place`, so that reading what is new costs the same
after years as on the first day.
"""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from anomaly_lstm.errors import DataError

_BLOCK = 65_536


@dataclass(frozen=True)
class Place:
    """Up to where a journal was read: [begin, end) is the last line taken [bytes], ``sha`` says which line it was."""

    begin: int = 0
    end: int = 0
    sha: str = ""

    @classmethod
    def of(cls, document: Mapping[str, Any]) -> Place:
        """The reverse of ``asdict``."""
        return cls(document["begin"], document["end"], document["sha"])


START = Place()


def append(path: Path, lines: Iterable[Mapping[str, Any]]) -> Place | None:
    """Add lines and flush them to the disk; a torn last line is removed first.

    Returns the place of the last one, None where there was none to add. Raises DataError.
    """
    encoded = [json.dumps(line, ensure_ascii=False, allow_nan=False).encode() + b"\n" for line in lines]
    if not encoded:
        return None
    try:
        is_new = not path.exists()
        mend(path)
        with path.open("ab") as file:
            file.write(b"".join(encoded))
            file.flush()
            os.fsync(file.fileno())
            end = file.tell()
        if is_new:
            _flush_folder(path.parent)
    except OSError as problem:
        raise DataError(f"{path} cannot be written: {problem.strerror or problem}.") from problem
    return Place(end - len(encoded[-1]), end, _sha(encoded[-1]))


def mend(path: Path) -> None:
    """Cut off what stands after the last line end: the line that a killed writer left torn."""
    if not path.exists():
        return
    with path.open("r+b") as file:
        size = end = file.seek(0, os.SEEK_END)
        while end:
            begin = max(0, end - _BLOCK)
            file.seek(begin)
            found = file.read(end - begin).rfind(b"\n")
            end = begin + found + 1 if found >= 0 else begin
            if found >= 0:
                break
        if end < size:
            file.truncate(end)


def after(path: Path, place: Place = START) -> Iterator[tuple[Place, dict[str, Any]]]:
    """The whole lines after a place, each with its own. Raises DataError where one is no JSON object."""
    if not path.exists():
        return
    with path.open("rb") as file:
        begin = file.seek(place.end)
        for line in file:
            if not line.endswith(b"\n"):
                return
            own = Place(begin, begin + len(line), _sha(line))
            yield own, _parsed(path, begin, line)
            begin = own.end


def line_at(path: Path, begin: int) -> dict[str, Any] | None:
    """The line that begins at a byte; None where no line stands there."""
    if not path.exists():
        return None
    with path.open("rb") as file:
        file.seek(begin)
        line = file.readline()
    try:
        found = json.loads(line) if line.endswith(b"\n") else None
    except ValueError:
        return None
    return found if isinstance(found, dict) else None


def holds(path: Path, place: Place) -> bool:
    """Is the line of a place still there? No where the journal was begun anew."""
    if place == START:
        return True
    if not path.exists():
        return False
    with path.open("rb") as file:
        file.seek(place.begin)
        return _sha(file.read(place.end - place.begin)) == place.sha


def as_document(place: Place) -> dict[str, Any]:
    """The place as JSON; `Place.of` reads it."""
    return asdict(place)


def _parsed(path: Path, begin: int, line: bytes) -> dict[str, Any]:
    try:
        found = json.loads(line)
    except ValueError:
        found = None
    if not isinstance(found, dict):
        raise DataError(
            f"{path} is damaged at byte {begin}: no JSON object stands there. Restore it from a copy, or remove it to "
            "begin anew."
        )
    return found


def _sha(line: bytes) -> str:
    return hashlib.sha256(line).hexdigest()[:16]


def _flush_folder(folder: Path) -> None:
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
