"""One text table as a stream of UTF-8 below its names, and the line in which a record of it stands."""

from __future__ import annotations

import csv
import io
import itertools
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from anomaly_lstm.sources import packing
from anomaly_lstm.sources.decoding import as_utf8, lines_in
from anomaly_lstm.sources.layout import BLANKS, Shape, spread_blanks
from anomaly_lstm.sources.packing import Content

BLOCK = 1 << 25
"""Bytes of text that become one table at a time; no record may be longer."""


@dataclass(frozen=True)
class Text:
    """One text table: where it lies, how it is encoded and laid out."""

    content: Content
    encoding: str
    shape: Shape
    skip: int = 0
    """Bytes of the file that were read before."""


@dataclass(frozen=True)
class Place:
    """Says in which line a row of a part stands; the file is read once more for it."""

    text: Text
    rows_before: int
    strays: Sequence[tuple[int, str]]

    def __call__(self, row: int) -> str:
        record = _record_of(self.rows_before + row, [number for number, _ in self.strays])
        return f"line {line_of(self.text, record)}"


class Stream(io.RawIOBase):
    """Blocks of bytes as a file that is read once, from its beginning."""

    def __init__(self, blocks: Iterator[bytes], quote: str = "") -> None:
        self._blocks = blocks
        self._rest = memoryview(b"")
        self._quote = quote.encode()
        self.has_quotes = False
        """Whether a quotation mark has come by."""

    def readable(self) -> bool:
        return True

    def has_more(self) -> bool:
        """Whether anything but blank lines is left; those before it are passed over."""
        while not self._rest.tobytes().strip():
            block = self._next()
            if block is None:
                return False
            self._rest = memoryview(block)
        return True

    def _next(self) -> bytes | None:
        block = next(self._blocks, None)
        self.has_quotes = self.has_quotes or (block is not None and self._quote in block)
        return block

    def read(self, size: int = -1) -> bytes:
        """As many bytes as asked for; fewer only at the end."""
        taken: list[memoryview] = []
        left = size if size >= 0 else sys.maxsize
        while left:
            if not self._rest:
                block = self._next()
                if block is None:
                    break
                self._rest = memoryview(block)
            taken.append(self._rest[:left])
            self._rest = self._rest[len(taken[-1]) :]
            left -= len(taken[-1])
        return b"".join(taken)

    def readinto(self, target: Any) -> int:
        data = self.read(len(target))
        target[: len(data)] = data
        return len(data)


def rows_in(text: Text) -> Iterator[bytes]:
    """What stands below the names, as UTF-8; columns set apart by blanks come with tabs."""
    _, blocks = as_utf8(packing.blocks(text.content, text.skip), text.content.name)
    below = blocks if text.skip else _after(blocks, text.shape.body)
    return _spread(below, text.shape.separator) if text.shape.separator in BLANKS else below


def _after(blocks: Iterator[bytes], offset: int) -> Iterator[bytes]:
    for block in blocks:
        if offset < len(block):
            yield block[offset:]
        offset = max(0, offset - len(block))


def _spread(blocks: Iterator[bytes], separator: str) -> Iterator[bytes]:
    """Whole lines with tabs for blanks."""
    rest = b""
    for block in itertools.chain(blocks, [None]):
        rest += block or b""
        end = len(rest) if block is None else rest.rfind(b"\n") + 1
        yield spread_blanks(rest[:end], separator)
        rest = rest[end:]


def _record_of(row: int, strays: Sequence[int]) -> int:
    """The number of the record that is row ``row`` (from 0) of the table."""
    record = row + 1
    for number in strays:
        if number > record:
            break
        record += 1
    return record


def line_of(text: Text, record: int) -> int:
    """The line in which a record begins, counted from 1; the file is read once more for it."""
    lines = _lines_before(text)
    begin = 0
    stream = io.TextIOWrapper(io.BufferedReader(Stream(rows_in(text)), BLOCK), "utf-8", newline="")
    reader = csv.reader(stream, delimiter=delimiter_of(text.shape), quotechar=text.shape.quote)
    try:
        for cells in reader:
            record -= bool(cells)
            if record == 0:
                break
            begin = reader.line_num
    except csv.Error:
        pass  # the line before the one that is beyond all measure
    return lines + begin + 1


def _lines_before(text: Text) -> int:
    if not text.skip:
        return text.shape.lines_before
    left, lines = text.skip, 0
    for block in packing.blocks(text.content):
        lines += lines_in(block[:left])
        left = max(0, left - len(block))
    return lines


def delimiter_of(shape: Shape) -> str:
    return "\t" if shape.separator in BLANKS else shape.separator
