"""Files that lie elsewhere: each is copied into a folder of its own, read there and removed.

What is told names the address of a file, without user, password and what stands behind a ``?``. ``${NAME}`` in an
address is an environment variable.
"""

from __future__ import annotations

import hashlib
import os
import re
import tempfile
import time
import urllib.error
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath
from urllib.parse import quote

from anomaly_lstm.errors import DataError
from anomaly_lstm.sources.stores import STORES, Remote, errors, has_marks, parts_of, said, shown

ATTEMPTS = 3
"""A copy that does not come whole is tried so often."""
PAUSE_S = 1.0
"""How long to wait before the second attempt [s]; twice as long before the third."""

_ADDRESS = re.compile(rf"(?:{'|'.join(STORES)})://", re.IGNORECASE)


def is_remote(place: object) -> bool:
    """Say whether a place is an address of a store."""
    return isinstance(place, str) and _ADDRESS.match(place) is not None


def listed(place: str) -> list[Remote]:
    """The files that an address stands for: itself, those of a folder, or those that match a pattern; by name.

    Raises DataError that says what the store said and what to check.
    """
    url = _filled_in(place)
    try:
        found = STORES[parts_of(url).scheme].listed(url)
    except errors() as problem:
        raise DataError(
            f"{shown(url)}: cannot be found: {said(problem, url)}. Check the address, the network, and who may read it."
        ) from None
    if not found:
        what = "no file matches" if has_marks(url) else "there is no such file or folder"
        raise DataError(f"{shown(url)}: {what}. Check the address.")
    return sorted(found, key=lambda file: file.address)


def fetch(file: Remote, to: Path, pause: Callable[[float], None] = time.sleep) -> None:
    """Copy a file; one that breaks off or comes shorter than it is told to be is tried again, a few times.

    Raises DataError when it does not come whole.
    """
    to.parent.mkdir(parents=True, exist_ok=True)
    why = ""
    for attempt in range(ATTEMPTS):
        if attempt:
            pause(PAUSE_S * 2 ** (attempt - 1))
        try:
            with to.open("wb") as copy:
                STORES[parts_of(file.url).scheme].copied(file.url, copy)
            size = to.stat().st_size
            if file.size is None or size == file.size:
                return
            why = f"{size:,} of {file.size:,} bytes came"
        except errors() as problem:
            why = said(problem, file.url)
            if isinstance(problem, urllib.error.HTTPError) and problem.code < 500:
                break
    to.unlink(missing_ok=True)
    raise DataError(f"{file.address}: cannot be fetched: {why}. Check the network and the file, and run again.")


def _filled_in(place: str) -> str:
    """The address with ``${NAME}`` replaced by environment variables."""
    start = place.index("://") + 3
    account = place.find("@", start, place.find("/", start)) if "/" in place[start:] else place.find("@", start)

    def value(found: re.Match[str]) -> str:
        name = found.group(1)
        if name not in os.environ:
            raise DataError(f"{shown(place)}: the environment variable {name} is not set. Set it, or mend the address.")
        inside = found.start() < account  # of user and password, where a mark such as / is written %2F
        return quote(os.environ[name], safe="") if inside else os.environ[name]

    return re.sub(r"\$\{(\w+)\}", value, place)


# ---------------------------------------------------------------- copies


@dataclass(frozen=True)
class Copies:
    """Where copies of remote files lie, or will lie once they are fetched. Any other file is its own copy."""

    of: Mapping[Path, Remote] = field(default_factory=dict)

    def fetch(self, path: Path) -> None:
        """Make sure that the file is there."""
        if path in self.of and not path.exists():
            fetch(self.of[path], path)

    def drop(self, path: Path) -> None:
        """Remove a copy."""
        if path in self.of:
            path.unlink(missing_ok=True)

    def size(self, path: Path) -> int:
        """The size of a file [bytes], 0 where its store does not say."""
        return self.of[path].size or 0 if path in self.of else path.stat().st_size

    def stat(self, path: Path) -> tuple[int, int] | None:
        """Size [bytes] and time of the last change [ns], or a number that changes with the file; None where its store
        does not say.
        """
        if path not in self.of:
            found = path.stat()
            return found.st_size, found.st_mtime_ns
        file = self.of[path]
        if file.version is None:
            return None
        whole = file.version.isdecimal() and len(file.version) < 20
        sum_ = hashlib.sha256(file.version.encode()).digest()
        return file.size or 0, int(file.version) if whole else int.from_bytes(sum_[:6], "big")

    def name(self, path: Path) -> str:
        """How a file is called in messages and ledgers."""
        return self.of[path].address if path in self.of else str(path)

    def told(self, text: str) -> str:
        """A text in which copies are called by their addresses."""
        for path in sorted(self.of, key=lambda path: -len(str(path))):  # no name is the beginning of one to come
            text = text.replace(str(path), self.of[path].address)
        return text


@contextmanager
def copies_of(files: Sequence[Remote]) -> Iterator[Copies]:
    """A folder for copies of files, which goes with what is in it; nothing is fetched yet."""
    if not files:
        yield Copies()
        return
    with tempfile.TemporaryDirectory(prefix="anomaly-lstm-") as folder:
        places: dict[Path, Remote] = {}
        for file in files:
            path = Path(folder) / _local_name(file)
            if path in places and places[path] != file:
                path = Path(folder) / str(len(places)) / _local_name(file)
            places[path] = file
        yield Copies(places)


def _local_name(file: Remote) -> PurePosixPath:
    """Where a copy lies below its folder: host and path, without what would lead out of it."""
    plain, _, asked = file.address.partition("?") if file.address.startswith("http") else (file.address, "", "")
    _, host, *own = (re.sub(r"[\x00\\:]", "_", part) for part in plain.split("/") if part not in ("", ".", ".."))
    return PurePosixPath(asked or "_", host, *(own or ["file"]))
