"""Sensor history in text tables: any common separator, decimal mark, encoding and packing, found out and said.

Arrow reads all cells as text, and the text becomes numbers column by column: that costs little more than reading
numbers at once, keeps asset ``007`` what it is, and one "Bad" in the last row costs one column a second look, not the
whole file a second reading. The text goes through in blocks: unpacked, decoded, split; none of it is whole in memory
before it is a table.
"""

from __future__ import annotations

import codecs
import csv
import re
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray
from pyarrow import csv as arrow_csv

from anomaly_lstm import arrow
from anomaly_lstm.arrow import to_numpy
from anomaly_lstm.errors import DataError, UsageError
from anomaly_lstm.sources import packing, pairs
from anomaly_lstm.sources.contract import RawFile, ReadOptions
from anomaly_lstm.sources.decoding import as_utf8, lines_in
from anomaly_lstm.sources.layout import BLANKS, SAMPLE_BYTES, SEPARATORS, Shape, find_shape
from anomaly_lstm.sources.names import TIME_NAMES
from anomaly_lstm.sources.packing import Content
from anomaly_lstm.sources.strays import COMMENT, FURTHER_NAMES, HEAD_AGAIN, are_other_names, holds_rows, judge
from anomaly_lstm.sources.text import BLOCK, Place, Stream, Text, delimiter_of, line_of, rows_in
from anomaly_lstm.sources.words import listed

NAME = "csv"
SUFFIXES: tuple[str, ...] = (
    ".zip",
    *(
        ending + packed
        for ending in (".csv", ".tsv", ".txt", ".dat", ".asc")
        for packed in ("", ".gz", ".zst", ".bz2", ".xz", ".zip")
    ),
)

Int64 = NDArray[np.int64]

SAMPLE_LINES = 20
NAMELESS = re.compile(r"column \d+|Unnamed: \d+")
ANNOTATIONS = ("#group", "#datatype", "#default")
"""How the lines begin that an InfluxDB writes above each of its tables in a file."""
ROW_NUMBER = "#|RECORD"
"""What loggers call the column that numbers their rows."""


def parts(path: Path, options: ReadOptions, size: int | None) -> Iterator[RawFile]:
    """The rows of a file, of a zip those of every table in it; see `contract.Source`."""
    _check(options)
    for content in packing.contents(path):
        text = _look(content, options)
        yield from _parts_of(text, options, size) if text else [_nothing_in(content)]


def _check(options: ReadOptions) -> None:
    """Raise `UsageError` for marks that none can be read by."""
    for name, allowed in (("separator", (None, *SEPARATORS, *BLANKS)), ("decimal", (None, ".", ","))):
        if getattr(options, name) not in allowed:
            shown = " ".join(repr(mark) for mark in allowed if mark)
            raise UsageError(f"--{name} or [source] {name}: {getattr(options, name)!r} is none of {shown}.")
    if options.separator == "," and options.decimal == ",":
        raise UsageError(
            "separator and decimal mark cannot both be ',': set the other one too (--separator, --decimal)."
        )


def _look(content: Content, options: ReadOptions) -> Text | None:
    """Find out how a text is encoded and laid out, None where it is empty; raise `DataError` where it has no names."""
    encoding, blocks = as_utf8(packing.blocks(content), content.name)
    sample, whole = _sample(blocks)
    if not sample.strip():
        return None
    try:
        shape = find_shape(
            sample,
            content.name,
            separator=options.separator,
            decimal=options.decimal,
            whole=whole,
            in_pairs=options.layout != "wide" and options.time in (None, pairs.TIME),
        )
    except csv.Error as problem:
        raise DataError(f"{content.name}: cannot be read as CSV: {problem}. Export it again.") from problem
    return _read_on(Text(content, encoding, shape), options.after.get(str(content.path), 0))


def _nothing_in(content: Content) -> RawFile:
    return RawFile(content.name, pa.table({}), lambda row: f"line {row + 1}")


def _sample(blocks: Iterator[bytes]) -> tuple[bytes, bool]:
    """The beginning of a text, some lines of it at least, and whether that is all."""
    sample = b""
    for block in blocks:
        sample += block
        for size in (SAMPLE_BYTES, 8 * SAMPLE_BYTES, BLOCK):
            if len(sample) > size and lines_in(sample[:size]) >= SAMPLE_LINES:
                return sample[:size], False
        if len(sample) > 2 * BLOCK:
            return sample, False
    return sample, True


def _read_on(text: Text, done: int) -> Text:
    """The text with the rows from byte ``done`` of the file on: those before were read. Only UTF-8 has its bytes."""
    if text.encoding != "utf-8" or not done or packing.is_packed(text.content.path):
        return text
    with text.content.path.open("rb") as file:
        mark = len(codecs.BOM_UTF8) if file.read(3) == codecs.BOM_UTF8 else 0
    return replace(text, skip=done) if done - mark > text.shape.body else text


def _parts_of(text: Text, options: ReadOptions, size: int | None) -> Iterator[RawFile]:
    """The rows of one text in parts of about ``size`` bytes, None = in one; the first tells what was found out."""
    found = _found(text.shape, text.encoding, options)
    parts = [_together(list(_parts(text, BLOCK)))] if size is None else _sliced(_parts(text, max(size, BLOCK)), size)
    indexes: tuple[str, ...] | None = None
    strays: list[tuple[int, str]] = []
    rows = taken = 0
    head = _head(text.shape)
    size_there = packing.size_of(text.content) - text.skip
    for part in parts:
        table, numbering, notes = _without_nameless(part.table, options)
        notes = [*found, *notes] if indexes is None else notes
        indexes = numbering if indexes is None else indexes
        strays += part.strays
        dropped = dict(Counter(reason for _, reason in part.strays if reason))
        if text.shape.further_names and not rows and not text.skip:
            dropped[FURTHER_NAMES] = text.shape.further_names
        where: Callable[[int], str] = Place(text, rows, strays)
        before = len(strays) - len(part.strays)
        sections = tuple(
            number - 1 - place - before - rows
            for place, (number, reason) in enumerate(part.strays)
            if reason == HEAD_AGAIN
        )
        rows += table.num_rows
        taken += part.table.nbytes
        units = text.shape.units
        if text.shape.pairs:
            table, lines = pairs.below_each_other(table, text.shape.pairs, text.shape.names, units)
            where, units = pairs.OfPair(where, lines), {}
        yield RawFile(
            text.content.name,
            table,
            where,
            indexes,
            text.shape.decimal,
            text.shape.separator,
            tuple(notes),
            units,
            dropped,
            min(1.0, taken / max(1, size_there)),
            head,
            sections=() if text.shape.pairs else sections,
        )


def mark_name(separator: str) -> str:
    """A separator in words."""
    return {"\t": "tab", "  ": "two blanks or more", " ": "blanks"}.get(separator, f"'{separator}'")


def _found(shape: Shape, encoding: str, options: ReadOptions) -> list[str]:
    """What to tell about how a text is written."""
    said = [f"Columns are separated by {mark_name(shape.separator)}, the decimal mark is '{shape.decimal}'."]
    said = said if options.separator is None or options.decimal is None else []
    said += [f"The text is encoded as {encoding}."] if encoding != "utf-8" else []
    return [*said, *shape.notes]


@dataclass(frozen=True)
class Part:
    """Some rows of a text as columns of text, and the records among them that are no rows, with the reason."""

    table: Any
    strays: tuple[tuple[int, str], ...] = ()
    """Records are numbered from 1 below the names; lines without anything have no number."""


def _together(parts: Sequence[Part]) -> Part:
    tables = [part.table for part in parts]
    return Part(pa.concat_tables(tables), tuple(stray for part in parts for stray in part.strays))


def _sliced(parts: Iterator[Part], size: int) -> Iterator[Part]:
    """The same in parts of about ``size`` bytes; none is without rows, unless there is no row at all."""
    waiting: list[Part] = []
    given = False
    for part in parts:
        waiting.append(part)
        whole = _together(waiting)
        if not whole.table.num_rows:
            continue
        rows = max(1, int(size * whole.table.num_rows / max(1, whole.table.nbytes)))
        for first in range(0, whole.table.num_rows, rows):
            given = True
            yield Part(whole.table.slice(first, rows), whole.strays if first == 0 else ())
        waiting = []
    if waiting and (not given or any(part.strays for part in waiting)):
        yield _together(waiting)


def _parts(text: Text, block: int) -> Iterator[Part]:
    """The rows of a text, ``block`` bytes at a time; at least one part, which may be empty."""
    names = text.shape.names
    stream = Stream(rows_in(text), text.shape.quote)
    ragged: list[Any] = []

    def skip(row: Any) -> str:
        ragged.append(row)
        return "skip"

    done = 0
    known: list[str] = []
    if stream.has_more():
        try:
            for batch in _reader(stream, text.shape, skip, block):
                table = _with_one_decimal(pa.Table.from_batches([batch]), text.shape)
                known = known or [cell for cell in table.column(0)[:100].to_pylist() if cell]
                part, done = _joined(table, ragged, done, text, known)
                if stream.has_quotes:
                    _refuse_swallowed(part, done, text)
                yield _without_heads(part, done, text)
        except pa.ArrowInvalid as problem:
            if ragged:
                _joined(_no_rows(names), ragged, done, text, known)  # a record before it may tell more
            raise _unreadable(text, done + 1, problem) from problem
    part, _ = _joined(_no_rows(names), ragged, done, text, known)
    yield part


def _head(shape: Shape) -> Any:
    """The first rows as a table; what reads it asks for few cells of it."""
    columns = zip(*shape.first_rows, strict=True) if shape.first_rows else [()] * len(shape.names)
    table = pa.table({name: arrow.texts(cells) for name, cells in zip(shape.names, columns, strict=True)})
    table = _with_one_decimal(table, shape)
    return pairs.below_each_other(table, shape.pairs, shape.names, {})[0] if shape.pairs else table


def _with_one_decimal(table: Any, shape: Shape) -> Any:
    """The table with one decimal mark in all its columns."""
    for name in shape.other_decimal:
        place = table.column_names.index(name)
        table = table.set_column(place, name, _swapped(table.column(place)))
    return table


def _swapped(column: Any) -> Any:
    """Points for commas and commas for points."""
    held = pc.replace_substring(column, ",", "\0")
    return pc.replace_substring(pc.replace_substring(held, ".", ","), "\0", ".")


def _no_rows(names: Sequence[str]) -> Any:
    return pa.table({name: arrow.texts(()) for name in names})


def _reader(stream: Stream, shape: Shape, skip: Any, block: int) -> Any:
    return arrow_csv.open_csv(
        stream,
        read_options=arrow_csv.ReadOptions(column_names=list(shape.names), block_size=block, use_threads=False),
        parse_options=arrow_csv.ParseOptions(
            delimiter=delimiter_of(shape), quote_char=shape.quote, newlines_in_values=True, invalid_row_handler=skip
        ),
        convert_options=arrow_csv.ConvertOptions(
            column_types=dict.fromkeys(shape.names, pa.string()),
            null_values=[""],
            strings_can_be_null=True,
            quoted_strings_can_be_null=True,
        ),
    )


def _joined(table: Any, ragged: list[Any], done: int, text: Text, known: Sequence[str]) -> tuple[Part, int]:
    """The rows of a table with the ragged records among them judged, and the number of the last record.

    What is judged is taken out of ``ragged``. Raises `DataError` with the line of one that is neither row nor footer.
    """
    pieces: list[Any] = []
    strays: list[tuple[int, str]] = []
    taken = 0
    while ragged and (place := ragged[0].number - done - 1 - len(strays) - len(pieces) // 2) <= table.num_rows:
        row = ragged.pop(0)
        stray = judge(row.text, text.shape, delimiter_of(text.shape), known)
        if stray.cells is not None:
            cells = [cell or None for cell in stray.cells]
            mended = pa.table({name: arrow.texts([cell]) for name, cell in zip(text.shape.names, cells, strict=True)})
            pieces += [table.slice(taken, place - taken), mended]
            taken = place
        elif stray.reason is not None:
            strays.append((row.number, stray.reason))
        else:
            raise _ragged(text, row)
    upto = done + table.num_rows + len(strays) + len(pieces) // 2
    whole = pa.concat_tables([*pieces, table.slice(taken)]) if pieces else table
    return Part(whole, tuple(strays)), upto


def _ragged(text: Text, row: Any) -> DataError:
    """The error of a record with more or fewer cells than there are names."""
    line = line_of(text, row.number)
    quote = text.shape.quote
    if row.text.count(quote) % 2 and len(row.text.splitlines()) > 1:
        return DataError(
            f"{text.content.name}, line {line}: a quotation mark {quote} opens a cell and never closes. Mend the line."
        )
    cells = [cell.strip() for cell in row.text.split(delimiter_of(text.shape))]
    if are_other_names(cells, text.shape.names) and cells[0].casefold() == text.shape.names[0].casefold():
        return DataError(
            f"{text.content.name}, line {line}: a second table begins here, with other names ({listed(cells, 4)}). "
            "Split the file here: one table per file."
        )
    other = next((mark for mark in SEPARATORS if _parts_alike(row, mark, text.shape)), None)
    if other:
        return DataError(
            f"{text.content.name}, line {line}: from here on columns are separated by {mark_name(other)}, before by "
            f"{mark_name(text.shape.separator)}. Split the file here: one table per file."
        )
    more = row.actual_columns > row.expected_columns and text.shape.separator == ","
    hint = "a decimal comma between commas needs quotes, or another separator" if more else "a cut last line comes from"
    hint += "" if more else " a file still being written"
    return DataError(
        f"{text.content.name}, line {line}: has {row.actual_columns} column(s) where the header has "
        f"{row.expected_columns}. Mend or remove the line; {hint}."
    )


def _parts_alike(row: Any, mark: str, shape: Shape) -> bool:
    """Whether another separator parts a record into as many cells as there are names."""
    return mark != shape.separator and 0 < row.text.count(mark) == row.expected_columns - 1


def _unreadable(text: Text, record: int, problem: Exception) -> DataError:
    """The error of a text that Arrow cannot split."""
    line = line_of(text, record)
    said = str(problem).splitlines()[0].rstrip(".")
    if "straddling" in said or "out of sync" in said or "truncated" in said.lower():
        return DataError(
            f"{text.content.name}, line {line}: from here on no record ends within {BLOCK >> 20} MB: a quotation mark "
            f"{text.shape.quote} that never closes, or no text table. Mend the line, or export the file again."
        )
    return DataError(f"{text.content.name}, line {line}: cannot be read as CSV: {said}. Export it again.")


def _without_heads(part: Part, upto: int, text: Text) -> Part:
    """The part without the names that stand again between the rows; raise `DataError` where others stand there."""
    names = tuple("" if NAMELESS.fullmatch(name) else name.casefold() for name in text.shape.names)
    begin = next((place for place, name in enumerate(names) if name), 0)
    names = names[begin:]
    first = pc.utf8_lower(pc.utf8_trim_whitespace(part.table.column(begin)))
    again = arrow.places_in(first, tuple(dict.fromkeys((*names, *TIME_NAMES)))) >= 0
    notes = arrow.places_in(part.table.column(0), ANNOTATIONS) >= 0
    rows = [int(row) for row in np.flatnonzero(again & ~notes)]
    if not rows and not notes.any():
        return part
    cells = {row: _cells(part.table, row)[begin:] for row in rows}
    heads = [row for row in rows if tuple(map(str.casefold, cells[row])) == names]
    numbers, own = _numbers(part, upto), text.shape.names[begin:]
    for row in set(rows) - set(heads):
        begins = "the names stand here again, in another order" if set(cells[row]) == set(own) else None
        if begins is None and are_other_names(cells[row], own):
            begins = f"a second table begins here, with other names ({listed(cells[row], 4)})"
        if begins:
            line = line_of(text, int(numbers[row]))
            raise DataError(f"{text.content.name}, line {line}: {begins}. Split the file here: one table per file.")
    keep = np.ones(part.table.num_rows, dtype=bool)
    keep[heads] = False
    keep[notes] = False
    more = [(int(numbers[row]), HEAD_AGAIN) for row in heads]
    more += [(int(numbers[row]), COMMENT) for row in np.flatnonzero(notes)]
    return Part(part.table.filter(arrow.from_bools(keep)), tuple(sorted((*part.strays, *more))))


def _numbers(part: Part, upto: int) -> Int64:
    """The number of the record that each row is, where ``upto`` is that of the last record (n_rows,)."""
    begin = upto - part.table.num_rows - len(part.strays)
    return np.setdiff1d(np.arange(begin + 1, upto + 1), [number for number, _ in part.strays])


def _refuse_swallowed(part: Part, upto: int, text: Text) -> None:
    """Raise `DataError` where a cell holds whole rows: a quotation mark opened it and was not closed in its line."""
    for column in part.table.columns:
        if not any(_has_line_break(chunk) for chunk in column.chunks):
            continue
        for row in np.flatnonzero(to_numpy(pc.match_substring(column, "\n"), np.bool_)):
            if holds_rows(column[int(row)].as_py(), delimiter_of(text.shape), len(text.shape.names)):
                line = line_of(text, int(_numbers(part, upto)[row]))
                raise DataError(
                    f"{text.content.name}, line {line}: a quotation mark {text.shape.quote} opens a cell that holds "
                    "the rows below it too: it never closes, or lines later. Mend the line."
                )


def _has_line_break(chunk: Any) -> bool:
    data = chunk.buffers()[2]
    return data is not None and bool((np.frombuffer(data, np.uint8) == ord("\n")).any())


def _cells(table: Any, row: int) -> tuple[str, ...]:
    return tuple((table.column(number)[row].as_py() or "").strip() for number in range(table.num_columns))


def _without_nameless(table: Any, options: ReadOptions) -> tuple[Any, tuple[str, ...], list[str]]:
    """Leave out empty columns without a name (lines that end in a separator) and find those that number the rows."""
    indexes: list[str] = []
    empty: list[str] = []
    for name in table.column_names:
        known = options.columns.get(name, name) in options.known
        if re.fullmatch(rf"{NAMELESS.pattern}|{ROW_NUMBER}", name) and not known:
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
