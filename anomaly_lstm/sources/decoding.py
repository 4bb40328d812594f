"""Bytes of any encoding → UTF-8, block by block.

Text without a mark is taken for UTF-8; a byte that cannot be is read as cp1252 (Latin-1 with the letters of Windows),
so a file in either is read without a choice to be made, however late its first umlaut comes.
"""

from __future__ import annotations

import codecs
import itertools
from collections.abc import Iterator
from pathlib import Path

from anomaly_lstm.errors import DataError

MARKS = {
    codecs.BOM_UTF32_LE: "utf-32",
    codecs.BOM_UTF32_BE: "utf-32",
    codecs.BOM_UTF8: "utf-8",
    codecs.BOM_UTF16_LE: "utf-16",
    codecs.BOM_UTF16_BE: "utf-16",
}
STRAY = "stray bytes as cp1252"


def _as_cp1252(problem: UnicodeError) -> tuple[str, int]:
    assert isinstance(problem, UnicodeDecodeError)  # codecs gives no other while decoding
    bad = problem.object[problem.start : problem.end]
    text = "".join(bytes([byte]).decode("cp1252", errors="ignore") or bytes([byte]).decode("latin-1") for byte in bad)
    return text, problem.end


codecs.register_error(STRAY, _as_cp1252)


def encoding_of(head: bytes) -> str:
    """The encoding of a text by its first bytes: a byte order mark, or the zeros that Latin text in UTF-16 has."""
    marked = next((name for mark, name in MARKS.items() if head.startswith(mark)), None)
    if marked:
        return marked
    head = head[:2000]
    high, low = head[0::2].count(0), head[1::2].count(0)
    if low > len(head) / 4:
        return "utf-16-le"
    if high > len(head) / 4:
        return "utf-16-be"
    try:
        codecs.getincrementaldecoder("utf-8")().decode(head)
    except UnicodeDecodeError:
        return "cp1252"
    return "utf-8"


def as_utf8(blocks: Iterator[bytes], name: Path) -> tuple[str, Iterator[bytes]]:
    """The encoding, and the text as UTF-8 without its mark; raise `DataError` at a zero byte, with its line."""
    first = next(blocks, b"")
    encoding = encoding_of(first)
    if encoding == "utf-8":
        try:  # a later byte of the first block may be no UTF-8
            codecs.getincrementaldecoder("utf-8")().decode(first)
        except UnicodeDecodeError:
            encoding = "cp1252"
    plain = encoding in ("utf-8", "cp1252")
    decoder = codecs.getincrementaldecoder("utf-8" if plain else encoding)(errors=STRAY if plain else "replace")
    mark = next((mark for mark, called in MARKS.items() if called == encoding and first.startswith(mark)), b"")
    first = first[len(mark) :] if encoding == "utf-8" else first  # the other decoders take their marks themselves
    return encoding, _decoded(itertools.chain([first], blocks), decoder, name)


def _decoded(blocks: Iterator[bytes], decoder: codecs.IncrementalDecoder, name: Path) -> Iterator[bytes]:
    lines = 1
    for block in itertools.chain(blocks, [b""]):
        text = decoder.decode(block, final=not block).encode(errors="replace")
        zero = text.find(b"\0")
        if zero >= 0:
            line = lines + lines_in(text[:zero])
            raise DataError(
                f"{name}, line {line}: holds a zero byte: it is no text, or damaged. Export it as CSV or Parquet."
            )
        lines += lines_in(text)
        yield text


def lines_in(text: bytes) -> int:
    """How many line ends there are: LF, CRLF or a lone CR."""
    return text.count(b"\n") + text.count(b"\r") - text.count(b"\r\n")
