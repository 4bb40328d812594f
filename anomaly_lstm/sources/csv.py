"""Sensor history in CSV files: any common separator, decimal mark and encoding, found out and said.

Arrow reads all cells as text, and the text becomes numbers column by column: that costs little more than reading
numbers at once, keeps asset ``007`` what it is, and one "Bad" in the last row costs one column a second look, not the
whole file a second reading.
"""

from __future__ import annotations

import codecs
import csv
import io
import re
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from pyarrow import csv as arrow_csv

from anomaly_lstm.arrow import to_numpy
from anomaly_lstm.errors import DataError, UsageError
from anomaly_lstm.sources.contract import RawFile, ReadOptions
from anomaly_lstm.sources.names import clean_names
from anomaly_lstm.sources.text import as_utf8, records, unpacked, unpacked_size

NAME = "csv"
SUFFIXES: tuple[str, ...] = (".csv", ".tsv", ".csv.gz", ".txt")

SEPARATORS = (";", "\t", "|", ",")
"""Tried in this order: a comma may also be a decimal mark, so it is believed last."""
SAMPLE_LINES = 200


@dataclass(frozen=True)
class Shape:
    """How a file is written: its encoding, separator, decimal mark, column names and where its rows begin."""

    encoding: str
    separator: str
    decimal: str
    names: tuple[str, ...]
    body: int
    """Offset of the first row in the UTF-8 text [bytes]."""
    lines_before: int


def parts(path: Path, options: ReadOptions, size: int | None) -> Iterator[RawFile]:
    """The rows of a file, cut at the ends of lines; see `contract.Source`."""
    _check(options)
    shape: Shape | None = None
    head = b""
    seen = 0
    blocks = unpacked(path, size)
    for block in blocks if size is None else records(blocks, path):
        text = head + block
        plain, encoding = as_utf8(text, path)
        if shape is None:
            shape = _read_on(_find_shape(plain, encoding, path, options), plain, text, options.after.get(str(path), 0))
            if size is not None and not plain[shape.body :].strip():
                shape, head = None, text  # rows are needed to tell what the columns are
                continue
        head = b""
        seen += len(text)
        yield replace(_part(path, plain, shape, options), done=min(1.0, seen / unpacked_size(path)))
        shape = replace(shape, body=0, lines_before=shape.lines_before + plain.count(b"\n", shape.body))
    if head:
        plain, encoding = as_utf8(head, path)
        yield _part(path, plain, _find_shape(plain, encoding, path, options), options)


def _check(options: ReadOptions) -> None:
    """Raise UsageError where separator and decimal mark are none, or the same."""
    for name, allowed in (("separator", (None, *SEPARATORS)), ("decimal", (None, ".", ","))):
        if getattr(options, name) not in allowed:
            shown = " ".join(repr(mark) for mark in allowed if mark)
            raise UsageError(f"--{name} or [source] {name}: {getattr(options, name)!r} is none of {shown}.")
    if options.separator == "," and options.decimal == ",":
        raise UsageError(
            "separator and decimal mark cannot both be ',': set the other one too (--separator, --decimal)."
        )


def _part(path: Path, text: bytes, shape: Shape, options: ReadOptions) -> RawFile:
    """Some rows of a file in columns of text."""
    body = text[shape.body :]
    columns = _parse(body, shape, path)
    table, indexes, notes = _without_nameless(pa.table(columns), options)

    def where(row: int) -> str:
        rows = _records(body, shape.separator)
        line = next((line for number, (line, _) in enumerate(rows) if number == row), 0)
        return f"line {line + shape.lines_before}"

    mark = {"\t": "tab"}.get(shape.separator, f"'{shape.separator}'")
    said = [f"Columns are separated by {mark}, the decimal mark is '{shape.decimal}'."]
    said = said if options.separator is None or options.decimal is None else []
    if shape.encoding != "utf-8":
        said.append(f"The text is encoded as {shape.encoding}.")
    return RawFile(path, table, where, indexes, shape.decimal, shape.separator, (*said, *notes))


def _read_on(shape: Shape, text: bytes, data: bytes, done: int) -> Shape:
    """The shape with the rows from byte ``done`` of the file on: those before were read. Only UTF-8 has its bytes."""
    mark = len(data) - len(text)  # a byte order mark
    if shape.encoding != "utf-8" or mark not in (0, len(codecs.BOM_UTF8)) or done - mark <= shape.body:
        return shape
    return replace(shape, body=done - mark, lines_before=text[: done - mark].count(b"\n"))


def _find_shape(text: bytes, encoding: str, path: Path, options: ReadOptions) -> Shape:
    """Find separator, decimal mark and column names from the first lines."""
    first = len(text) - len(text.lstrip(b"\r\n"))
    lines_before = text[:first].count(b"\n")
    announced = re.match(rb"sep=(.)\r?\n", text[first : first + 10])  # Excel's own way to tell the separator
    if announced:
        first, lines_before = first + announced.end(), lines_before + 1
    sample = text[first : first + 500_000].decode(errors="replace").splitlines(keepends=True)[:SAMPLE_LINES]
    told = announced.group(1).decode() if announced else None
    separator = options.separator or (told if told in SEPARATORS else _find_separator(sample))
    reader = csv.reader(sample, delimiter=separator)
    names = next(reader, [])
    rows = list(reader)
    if not any(names):
        raise DataError(f"{path}: the first line holds no column names. Put them above the rows.")
    header_lines = sample[: _lines_of_first_record(sample, separator)]
    _refuse_values_as_names(names, path)
    body = first + sum(len(line.encode()) for line in header_lines)
    decimal = options.decimal or _find_decimal(rows, separator)
    return Shape(encoding, separator, decimal, tuple(clean_names(names, path)), body, lines_before + len(header_lines))


def _lines_of_first_record(sample: Sequence[str], separator: str) -> int:
    reader = csv.reader(sample, delimiter=separator)
    next(reader, None)
    return reader.line_num


def _find_separator(sample: Sequence[str]) -> str:
    """The separator by which most lines have as many fields as the first; of equals, the one that makes most fields."""
    best, best_score = ",", (0.0, 0)
    for separator in SEPARATORS:
        counts = [len(record) for record in csv.reader(sample, delimiter=separator) if record]
        if counts and counts[0] > 1:
            score = (counts.count(counts[0]) / len(counts), counts[0])
            if score > best_score:
                best, best_score = separator, score
    return best


def _find_decimal(rows: Sequence[Sequence[str]], separator: str) -> str:
    """The mark that most numbers with a fraction use, by the sample."""
    cells = Counter(
        "," if re.fullmatch(r"\s*[+-]?(\d+|\d{1,3}(\.\d{3})+),\d+(e[+-]?\d+)?\s*", cell, re.IGNORECASE) else "."
        for row in rows
        for cell in row
        if re.fullmatch(r"\s*[+-]?[\d.,]*[.,]\d+(e[+-]?\d+)?\s*", cell, re.IGNORECASE)
    )
    return "," if cells[","] > cells["."] else "."


def _refuse_values_as_names(names: Sequence[str], path: Path) -> None:
    """Raise `DataError` when the first line already holds values: its row would be lost as names."""
    number = re.compile(r"\s*[+-]?\d+([.,]\d+)?([eE][+-]?\d+)?\s*")
    moment = re.compile(r"\s*\d{1,4}[-/.]\d{1,2}[-/.]\d{1,4}[T ]\d.*")
    filled = [name for name in names if name.strip()]
    if any(moment.fullmatch(name) for name in filled) or all(number.fullmatch(name) for name in filled):
        raise DataError(
            f"{path}, line 1: holds values ('{filled[0]}' …), not column names. Put a line of names above the rows."
        )


def _parse(body: bytes, shape: Shape, path: Path) -> dict[str, Any]:
    """Split the rows into one column of text per name; empty cells are null."""
    names = list(shape.names)
    if not body or body.isspace():
        return {name: pa.chunked_array([], type=pa.string()) for name in names}
    try:
        table = arrow_csv.read_csv(
            pa.py_buffer(body),
            read_options=arrow_csv.ReadOptions(column_names=names),
            parse_options=arrow_csv.ParseOptions(delimiter=shape.separator, newlines_in_values=b'"' in body),
            convert_options=arrow_csv.ConvertOptions(
                column_types=dict.fromkeys(names, pa.string()),
                null_values=[""],
                strings_can_be_null=True,
                quoted_strings_can_be_null=True,
            ),
        )
    except pa.ArrowInvalid as error:
        for line, record in _records(body, shape.separator):
            if len(record) != len(names):
                raise DataError(
                    f"{path}, line {line + shape.lines_before}: has {len(record)} column(s) where the header has "
                    f"{len(names)}. Mend or remove the line; a cut last line comes from a file still being written."
                ) from error
        raise DataError(f"{path}: cannot be read as CSV: {str(error).splitlines()[0]}. Export it again.") from error
    return {name: table[name] for name in names}


def _records(body: bytes, separator: str) -> Any:
    """Yield every row with the number of its last line (rows may span lines in quotes; blank lines are no rows)."""
    reader = csv.reader(io.TextIOWrapper(io.BytesIO(body), "utf-8", newline=""), delimiter=separator)
    for record in reader:
        if record:
            yield reader.line_num, record


def _without_nameless(table: Any, options: ReadOptions) -> tuple[Any, tuple[str, ...], list[str]]:
    """Leave out empty columns without a name (lines that end in a separator) and find those that number the rows."""
    indexes: list[str] = []
    empty: list[str] = []
    for name in table.column_names:
        known = options.columns.get(name, name) in options.known
        if re.fullmatch(r"column \d+|Unnamed: \d+", name) and not known:
            if table[name].null_count == len(table):
                empty.append(name)
            elif _counts_up(table[name]):
                indexes.append(name)
    notes = [f"Empty column(s) without a name left out: {', '.join(empty)}."] if empty and len(table) else []
    return table.drop_columns(empty) if empty else table, tuple(indexes), notes


def _counts_up(column: Any) -> bool:
    """Say whether the cells are whole numbers, each one more than the last."""
    try:
        numbers = pc.cast(column, pa.int64())
    except pa.ArrowInvalid:
        return False
    return numbers.null_count == 0 and bool((np.diff(to_numpy(numbers, np.int64)) == 1).all())
