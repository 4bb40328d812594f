"""What lies in a file on disk: text as it is, packed (gzip, zstd, bzip2, xz), or a zip with files of its own.

Told by the first bytes, not by the name. Every function gives or takes a stream: a large file is never whole in memory.
"""

from __future__ import annotations

import bz2
import gzip
import lzma
import re
import struct
import zipfile
import zlib
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pyarrow as pa

from anomaly_lstm.errors import DataError
from anomaly_lstm.sources.words import listed

BLOCK = 1 << 22
"""Bytes that are read at one stroke."""

TEXT_ENDINGS = (".csv", ".tsv", ".txt", ".dat", ".asc", ".tab")

PACKED_ENDINGS = (".gz", ".zst", ".bz2", ".xz")
UNPACKED: dict[bytes, Callable[[Path], Any]] = {
    b"\x1f\x8b": gzip.open,
    b"\x28\xb5\x2f\xfd": lambda path: pa.CompressedInputStream(pa.OSFile(str(path)), "zstd"),
    b"BZh": bz2.open,
    b"\xfd7zXZ\x00": lzma.open,
}
"""First bytes → how the file is opened."""

FOREIGN: dict[bytes, str] = {
    b"\xd0\xcf\x11\xe0": "an old Excel or Office file",
    b"PAR1": "a Parquet file",
    b"\x89HDF": "an HDF5 or MATLAB file",
    b"MATLAB 5": "a MATLAB file",
    b"SQLite format 3": "an SQLite database",
    b"%PDF": "a PDF",
    b"<!doctype": "a web page",
    b"<html": "a web page",
    b"<table": "a web page",
    b"<?xml": "XML",
    b"{": "JSON",
    b"[{": "JSON",
    b"7z\xbc\xaf": "a 7z archive",
    b"Rar!": "a RAR archive",
    b"OBJ\x01": "an Avro file",
    b"ARROW1": "an Arrow file",
}
"""First bytes → what a file is that is no text table."""

FAILURES = (
    *(OSError, EOFError, RuntimeError, ValueError, IndexError, OverflowError, MemoryError, struct.error, zlib.error),
    *(lzma.LZMAError, zipfile.BadZipFile, pa.ArrowException),
)
"""What the libraries raise on packed files that are cut, damaged, encrypted, or packed in ways they do not know."""


@dataclass(frozen=True)
class Content:
    """One text in a file: the file itself, or a member of a zip.

    ``name`` is how messages call it (``export.zip/pump.csv``): for show and for the asset's name, never opened.
    """

    path: Path
    name: Path
    member: zipfile.ZipInfo | None = None


def contents(path: Path) -> list[Content]:
    """The texts in a file, a zip's in the order of their names; raise `DataError` where there is none."""
    first = _first_bytes(path)
    if first.startswith((b"PK\x03\x04", b"PK\x05\x06")):
        return _members(path)
    _refuse_foreign(first, path)
    return [Content(path, path)]


def inside(path: Path) -> list[Path]:
    """How the contents of a file are called; of a zip that cannot be read, as of any other file, its own name."""
    try:
        return [content.name for content in contents(path)]
    except DataError:
        return [path]


def blocks(content: Content, skip: int = 0) -> Iterator[bytes]:
    """The unpacked bytes of a text from byte ``skip`` on, block by block; raise `DataError` where it is damaged."""
    try:
        with ExitStack() as stack:
            stream = _opened(content, stack)
            if skip:
                stream.seek(skip)
            while block := stream.read(BLOCK):
                yield bytes(block)
    except FAILURES as problem:
        raise _damaged(content.name, problem) from problem


def size_of(content: Content) -> int:
    """About how many bytes a text has when it is unpacked; texts of numbers are commonly packed to an eighth."""
    if content.member is not None:
        return content.member.file_size
    return content.path.stat().st_size * (8 if is_packed(content.path) else 1)


def is_packed(path: Path) -> bool:
    """Whether what is read of a file are not its own bytes."""
    return _first_bytes(path).startswith((*UNPACKED, b"PK\x03\x04", b"PK\x05\x06"))


def _opened(content: Content, stack: ExitStack) -> Any:
    """The stream of a text, which the stack closes."""
    if content.member is not None:
        archive = stack.enter_context(zipfile.ZipFile(content.path))
        return stack.enter_context(archive.open(content.member))
    first = _first_bytes(content.path)
    packed = next((opened for magic, opened in UNPACKED.items() if first.startswith(magic)), None)
    return stack.enter_context(packed(content.path) if packed else content.path.open("rb"))


def _first_bytes(path: Path) -> bytes:
    try:
        with path.open("rb") as file:
            return file.read(64)
    except OSError as problem:
        raise _damaged(path, problem) from problem


def _members(path: Path) -> list[Content]:
    """The data files of a zip: what has a text's ending, else all; folders, hidden files and copies apart."""
    try:
        with zipfile.ZipFile(path) as archive:
            inside = [info for info in archive.infolist() if not info.is_dir() and not _is_hidden(info.filename)]
    except FAILURES as problem:
        raise _damaged(path, problem) from problem
    if any(info.filename in ("[Content_Types].xml", "mimetype") for info in inside):
        raise DataError(f"{path}: is an Excel or Office workbook. Save its sheet as CSV and give that file.")
    texts = [info for info in inside if info.filename.lower().endswith(TEXT_ENDINGS)]
    if not texts:
        held = listed([info.filename for info in inside]) or "nothing"
        raise DataError(
            f"{path}: the zip holds no text table ({' '.join(TEXT_ENDINGS)}), only: {held}. Unpack it and name the "
            "files."
        )
    told: Counter[str] = Counter()
    found = []
    for info in sorted(texts, key=lambda info: info.filename):
        parts = [part for part in re.split(r"[/\\]", info.filename) if part not in ("", ".", "..")]
        name = "/".join(parts)
        told[name] += 1
        again = f"{path}/{name}" if told[name] == 1 else f"{path}/{told[name]}/{name}"  # a zip may hold a name twice
        found.append(Content(path, Path(again), info))
    return found


def _is_hidden(name: str) -> bool:
    parts = [part for part in re.split(r"[/\\]", name) if part not in ("", ".", "..")]
    return any(part.startswith((".", "__MACOSX")) for part in parts)


def _refuse_foreign(first: bytes, path: Path) -> None:
    """Raise `DataError` where the first bytes are those of another kind of file."""
    begins = first.lstrip(b"\xef\xbb\xbf \r\n")
    begins = begins.lower() if begins.startswith(b"<") else begins
    kind = next((kind for magic, kind in FOREIGN.items() if begins.startswith(magic)), None)
    if kind == "a Parquet file":
        raise DataError(f"{path}: is a Parquet file, whatever its ending says. Rename it so that it ends in .parquet.")
    if kind:
        raise DataError(f"{path}: is {kind}, not a text table. Export it as CSV or Parquet.")


def _damaged(name: Path, problem: Exception) -> DataError:
    """The one sentence about a file that cannot be read or unpacked."""
    said = str(problem).splitlines()[0].rstrip(".") if str(problem) else type(problem).__name__
    if isinstance(problem, OSError) and problem.errno is not None and problem.strerror:
        reason = "it is a folder" if name.is_dir() else problem.strerror
        return DataError(f"{name}: cannot be read: {reason}. Check the file and its permissions.")
    if "encrypted" in said or "password" in said:
        return DataError(f"{name}: is encrypted. Unpack it with its password and give the files inside.")
    return DataError(f"{name}: cannot be unpacked: {said}. It is cut short or damaged: copy or export it again.")
