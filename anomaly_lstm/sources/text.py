"""Files of text as bytes: unpacked, cut at the ends of records, brought to UTF-8. Big ones come block by block."""

from __future__ import annotations

import codecs
import gzip
import zlib
from collections.abc import Iterator
from io import BufferedReader
from pathlib import Path

from anomaly_lstm.errors import DataError

LONGEST_RECORD = 1 << 26
"""No record is longer than that [bytes]."""
_MARKS = {codecs.BOM_UTF8: "utf-8", codecs.BOM_UTF16_LE: "utf-16", codecs.BOM_UTF16_BE: "utf-16"}


def unpacked(path: Path, size: int | None) -> Iterator[bytes]:
    """The bytes of a file, unpacked, in blocks of ``size`` [bytes]; None = all in one. An empty file is a DataError.

    Text in UTF-16 comes as UTF-16 in one block, whatever the size: its lines cannot be told by single bytes.
    """
    try:
        with _open(path) as file:
            block = file.read(size or -1)
            if not block.strip():
                raise DataError(
                    f"{path}: the file is empty. Give a file with a line of column names and rows below it."
                )
            if encoding_of(block).startswith("utf-16"):
                yield block + file.read()
                return
            while block:
                yield block
                block = file.read(size or -1)
    except (OSError, EOFError, zlib.error) as error:
        reason = "it is a folder" if path.is_dir() else str(error)
        raise DataError(f"{path}: cannot be read: {reason}. Check the file and its permissions.") from error


def _open(path: Path) -> gzip.GzipFile | BufferedReader:
    return gzip.open(path) if path.suffix == ".gz" else path.open("rb")


def unpacked_size(path: Path) -> int:
    """About how many bytes a file has when it is unpacked; texts of numbers are commonly packed to an eighth."""
    return max(1, path.stat().st_size * (8 if path.suffix == ".gz" else 1))


def records(blocks: Iterator[bytes], path: Path) -> Iterator[bytes]:
    """The same bytes in blocks that end where a record does; a line break within quotes ends none."""
    rest = b""
    for block in blocks:
        if not rest and encoding_of(block).startswith("utf-16"):
            yield block
            continue
        rest += block
        end = _end_of_last_record(rest)
        if end:
            yield rest[:end]
            rest = rest[end:]
        elif len(rest) > LONGEST_RECORD:  # a quote that nobody closed, such as that of 5" pipes: no record is so long
            end = rest.rfind(b"\n") + 1
            if not end:
                raise DataError(
                    f"{path}: a line is longer than {LONGEST_RECORD >> 20} MB: this is no table. Export it as CSV or "
                    "Parquet."
                )
            yield rest[:end]
            rest = rest[end:]
    if rest:
        yield rest


def _end_of_last_record(data: bytes) -> int:
    """Where the last record that surely ended ends; 0 if none did. ``data`` begins with a record."""
    if b'"' not in data:
        return 1 + (data.rfind(b"\n") if b"\n" in data else data.rfind(b"\r", 0, -1))
    end = data.rfind(b"\n")
    quotes = data.count(b'"', 0, max(end, 0))
    while end >= 0 and quotes % 2:  # a line break within quotes
        before = data.rfind(b"\n", 0, end)
        quotes -= data.count(b'"', max(before, 0), end)
        end = before
    return end + 1


def encoding_of(data: bytes) -> str:
    """The encoding that the first bytes of a text tell: by its byte order mark, else by its zeros."""
    for mark, name in _MARKS.items():
        if data.startswith(mark):
            return name
    head = data[:2000]
    high, low = head[0::2].count(0), head[1::2].count(0)  # Latin text in UTF-16 has a zero in every second byte
    return "utf-16-le" if low > len(head) / 4 else "utf-16-be" if high > len(head) / 4 else "utf-8"


def as_utf8(data: bytes, path: Path) -> tuple[bytes, str]:
    """Return text as UTF-8 without byte order mark, and the encoding it came in."""
    encoding = encoding_of(data)
    try:
        text = data.decode(encoding)
    except UnicodeDecodeError:
        encoding = "latin-1"
        text = data.decode("cp1252", errors="replace") if encoding == "utf-8" else data.decode("latin-1")
    if "\0" in text[:100_000]:
        raise DataError(f"{path}: is not text (it holds zero bytes). Export it as CSV or Parquet.")
    plain = data.removeprefix(codecs.BOM_UTF8) if encoding == "utf-8" else text.removeprefix("\ufeff").encode()
    return plain, encoding
