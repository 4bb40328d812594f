"""Files of lines that only grow: ``actions.jsonl`` and its like, one JSON object per line.

Lines are appended in one write under a lock on the file itself, flushed to disk, and never changed. What a killed
process left half written has no end of line: readers leave it out, and the next writer mends it.
"""

from __future__ import annotations

import fcntl
import json
import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from anomaly_lstm.errors import DataError


def read(path: Path, key: str) -> list[dict[str, Any]]:
    """The whole lines of a file, in order, of those with the same ``key`` the first; none where there is no file.

    Needs no lock. Raises DataError naming the line that is no JSON object with that key.
    """
    try:
        text = path.read_bytes()
    except FileNotFoundError:
        return []
    except OSError as problem:
        raise DataError(f"{path} cannot be read: {problem.strerror}. Check who may read it.") from problem
    found: dict[str, dict[str, Any]] = {}
    for number, line in enumerate(text.split(b"\n")[:-1], 1):
        if line.strip():
            one = _object(path, number, line)
            if key not in one:
                raise DataError(f"{path}, line {number} has no {key}. Restore the line from a copy, or remove it.")
            found.setdefault(str(one[key]), one)
    return list(found.values())


def append(path: Path, lines: Sequence[Mapping[str, Any]], key: str) -> list[Mapping[str, Any]]:
    """Append the lines whose ``key`` is not in the file, in one step, and return them once they are on the disk.

    Waits for another writer to end. Raises DataError when the file cannot be written, or a line in it is no JSON.
    """
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with path.open("a+b") as file:
            fcntl.flock(file, fcntl.LOCK_EX)  # given back as the file is closed, also by a kill
            _mend(path)
            known = {str(one[key]) for one in read(path, key)}
            fresh = list({str(line[key]): line for line in lines if str(line[key]) not in known}.values())
            file.write(b"".join(json.dumps(line, ensure_ascii=False).encode() + b"\n" for line in fresh))
            file.flush()
            os.fsync(file.fileno())
    except OSError as problem:
        raise DataError(f"{path} cannot be written: {problem.strerror}. Nothing was noted.") from problem
    return fresh


def _object(path: Path, number: int, line: bytes) -> dict[str, Any]:
    try:
        one = json.loads(line)
        if not isinstance(one, dict):
            raise ValueError("no JSON object")
    except ValueError as problem:
        raise DataError(
            f"{path}, line {number} cannot be read ({problem}). Restore the line from a copy, or remove it."
        ) from problem
    return one


def _mend(path: Path) -> None:
    """End the last line if it is whole, as an editor may leave it; else cut it off, for nobody was told that it was
    noted.
    """
    with path.open("r+b") as file:
        text = file.read()
        torn = text.rpartition(b"\n")[2]
        if not torn:
            return
        try:
            json.loads(torn)
        except ValueError:
            file.truncate(len(text) - len(torn))
        else:
            file.write(b"\n")
