"""Reading on in a file of JSON lines that only grows, such as ``history.jsonl`` and ``outbox.jsonl``.

A reader remembers its `Place`, so that what is new costs the same after years as on the first day. A last line without
its end was torn by a kill: it is passed over, and `store.append_lines` writes over it.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from anomaly_lstm.errors import DataError


@dataclass(frozen=True)
class Place:
    """Up to where a file was read: [begin, end) is the last line taken [bytes], ``sha`` says which line it was."""

    begin: int = 0
    end: int = 0
    sha: str = ""

    @classmethod
    def of(cls, document: Mapping[str, Any]) -> Place:
        """The reverse of ``asdict``."""
        return cls(document["begin"], document["end"], document["sha"])


START = Place()


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
    """Is the line of a place still there? No where the file was begun anew."""
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
