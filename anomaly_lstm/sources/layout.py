"""How a text table is laid out: separator, quotes, decimal marks, and where names, units and rows begin.

All of it is found in the first lines. A *record* is what stands between two line ends that no quotes enclose. Above the
names there may be a preamble; below them further rows of head: descriptions, units. The first record with a number or
a date in it is the first row.
"""

from __future__ import annotations

import csv
import re
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from anomaly_lstm.errors import DataError
from anomaly_lstm.sources.decimals import decimal_notes, find_decimal, other_decimal, thousands_notes
from anomaly_lstm.sources.decoding import lines_in
from anomaly_lstm.sources.names import TIME_NAMES, clean_names, key_of
from anomaly_lstm.sources.pairs import Pair, find_pairs, names_of_pairs, pair_notes
from anomaly_lstm.sources.units import split_unit, units_in_row
from anomaly_lstm.sources.vocabulary import MOMENT, NUMBER
from anomaly_lstm.sources.words import listed

csv.field_size_limit(1 << 30)  # of the whole process; the default refuses a line of names that is no table yet

SEPARATORS = (";", "\t", "|", ",", "^", "~")
"""Tried in this order: a comma may also be a decimal mark, so it is believed late."""
BLANKS = {"  ": rb"[ \t]{2,}|\t", " ": rb"[ \t]+"}
"""Columns set apart by two blanks or more, or by any: believed only where no mark separates."""
SAMPLE_BYTES = 500_000
SAMPLE_RECORDS = 200
PREAMBLE_MOST = 150
"""Records before the names; more of them are no preamble."""


@dataclass(frozen=True)
class Shape:
    """How a text is laid out: everything one must know to read its rows."""

    separator: str
    decimal: str
    names: tuple[str, ...]
    body: int
    """Offset of the first row in the UTF-8 text [bytes]."""
    lines_before: int
    quote: str = '"'
    units: Mapping[str, str] = field(default_factory=dict)
    """Name → unit, from a row below the names or from brackets in them."""
    other_decimal: tuple[str, ...] = ()
    """Columns whose numbers are written with the other decimal mark."""
    notes: tuple[str, ...] = ()
    pairs: tuple[Pair, ...] = ()
    """What all columns make up where each sensor has a column of times of its own."""
    first_rows: tuple[tuple[str, ...], ...] = ()
    """The first rows that have as many cells as there are names."""
    further_names: int = 0
    """Records below the names that are neither rows nor units: descriptions."""


@dataclass(frozen=True)
class Record:
    """One record of the sample: its cells, where it ends [bytes], and the line it begins and ends in."""

    cells: tuple[str, ...]
    end: int
    line: int
    last_line: int

    @property
    def width(self) -> int:
        return len(self.cells)


def find_shape(
    sample: bytes,
    name: Path,
    *,
    separator: str | None = None,
    decimal: str | None = None,
    whole: bool,
    in_pairs: bool = True,
) -> Shape:
    """Find out how a text is laid out by its first bytes, which are all of it where ``whole``.

    Pairs of times and values are looked for where they may be there (``in_pairs``).

    Raises `DataError` where no names stand above the rows, or two columns have the same name.
    """
    start, told = _announced(sample)
    lines = _lines(sample[start:], whole=whole)
    quote = _find_quote(lines)
    separator = separator or told or _find_separator(lines, quote)
    records = _records(lines, start, lines_in(sample[:start]), separator, quote)
    head, width = _find_names(records, name)
    names = _names_of(records[head], records[head + 1 :], width)
    above = _full_heads_above(records, head, width)
    names, said = _filled_from(above, names)
    _refuse_values(records[head], names, name)
    further = _further_head(records, head)
    heads = [
        *(record.cells for record in above if units_in_row(record.cells[1:])),
        *(records[n].cells for n in further),
    ]
    units, notes = _units_of(names, heads)
    last = records[further[-1] if further else head]
    body = [record for record in records if record.end > last.end and record.width >= 1]
    rows = [record.cells for record in body]
    mark, weak = (decimal, False) if decimal else find_decimal(rows, separator)
    other = () if decimal else other_decimal(rows, names, mark)
    pairs = find_pairs(names, [record.cells for record in above], rows) if in_pairs else ()
    cleaned = clean_names(names_of_pairs(names, pairs), name, records[head].last_line)
    notes = [
        *_preamble_note(records, head),
        *said,
        *notes,
        *decimal_notes(other, weak, mark, cleaned),
        *([] if decimal else thousands_notes([(record.line, record.cells) for record in body], cleaned)),
        *pair_notes(pairs, names),
    ]
    return Shape(
        separator,
        mark,
        tuple(cleaned),
        last.end,
        last.last_line,
        quote,
        {cleaned[number]: unit for number, unit in units.items()},
        tuple(cleaned[number] for number in other),
        tuple(notes),
        pairs,
        tuple(row for row in rows if len(row) == len(names)),
        sum(not units_in_row(records[number].cells) for number in further),
    )


def spread_blanks(text: bytes, separator: str) -> bytes:
    """Text whose columns are set apart by blanks, with tabs between them instead; whole lines only."""
    text = re.sub(rb"(?m)^[ \t]+|[ \t]+(?=\r?$)", b"", text)
    return re.sub(BLANKS[separator], b"\t", text)


def _announced(sample: bytes) -> tuple[int, str | None]:
    """Where the text begins, and the separator that Excel's ``sep=;`` line tells."""
    start = len(sample) - len(sample.lstrip(b"\r\n"))
    announced = re.match(rb'"?sep=(.)"?[;,\t]*(\r\n|\n|\r)', sample[start : start + 30], re.IGNORECASE)
    if not announced:
        return start, None
    mark = announced.group(1).decode(errors="replace")
    return start + announced.end(), mark if mark in SEPARATORS else None


def _lines(text: bytes, *, whole: bool) -> list[str]:
    """The first lines with their ends, none of them cut off in its middle; of a text with lone CRs too."""
    lines = re.split(r"(?<=\n)|(?<=\r)(?!\n)", text.decode(errors="replace"))
    lines = [line for line in lines if line]
    if not whole and len(lines) > 1:
        lines = lines[:-1]
    return lines[: SAMPLE_RECORDS + PREAMBLE_MOST]


def _find_quote(lines: Sequence[str]) -> str:
    """The single quote where most lines begin with one and hold an even number of them, else the double one."""
    single = [
        line.startswith("'") and line.count("'") % 2 == 0 and line.count("'") > 1 for line in lines if line.strip()
    ]
    return "'" if single and sum(single) > len(single) / 2 else '"'


def _find_separator(lines: Sequence[str], quote: str) -> str:
    """The mark that parts most records into the same number of fields; of equals that which parts a line of names
    too, for a decimal comma parts numbers only; of equals the one that makes most fields.
    """
    best, best_score = "", (0.0, False, 0)
    for separator in SEPARATORS:
        records = [record for record in csv.reader(lines, delimiter=separator, quotechar=quote) if any(record)]
        width, times = _commonest_width([len(record) for record in records])
        names = any(len(record) == width and not any(map(_begins_a_number, record)) for record in records)
        score = (round(times / max(1, len(records)), 1), names, width)
        if width > 1 and score > best_score:
            best, best_score = separator, score
    if best:
        return best
    filled = [line.strip() for line in lines if line.strip()]
    for separator, pattern in BLANKS.items():
        counts = [len(re.split(pattern.decode(), line)) for line in filled]
        width, times = _commonest_width(counts)
        if width > 1 and times >= 0.8 * len(counts):
            return separator
    return ","


def _begins_a_number(cell: str) -> bool:
    return re.match(r"\s*[+-]?[\d.,]", cell) is not None


def _commonest_width(counts: Sequence[int]) -> tuple[int, int]:
    """The number of fields above one that most records have (of equals the larger), and how many have it."""
    wide = Counter(count for count in counts if count > 1)
    return max(wide.items(), key=lambda item: (item[1], item[0])) if wide else (1, 0)


def _records(lines: Sequence[str], start: int, line: int, separator: str, quote: str) -> list[Record]:
    """The records of the sample, with where they end; blank lines are none."""
    reader_lines = lines
    delimiter = separator
    if separator in BLANKS:
        reader_lines = [spread_blanks(one.encode(), separator).decode() for one in lines]
        delimiter = "\t"
    reader = csv.reader(reader_lines, delimiter=delimiter, quotechar=quote)
    ends = [start]
    for one in lines:
        ends.append(ends[-1] + len(one.encode()))
    found: list[Record] = []
    before = 0
    for cells in reader:
        if any(cell.strip() for cell in cells):
            found.append(Record(tuple(cells), ends[reader.line_num], line + before + 1, line + reader.line_num))
        before = reader.line_num
    return _with_blanks_apart(found) if separator == "  " else found


def _with_blanks_apart(records: Sequence[Record]) -> list[Record]:
    """Records with names that single blanks set apart, above rows that need two."""
    width, _ = _commonest_width([record.width for record in records])
    rows = next((n for n, record in enumerate(records) if record.width == width and _is_row(record)), 0)
    apart = [tuple(record.cells[0].split()) if record.width == 1 else record.cells for record in records[:rows]]
    fits = [cells if len(cells) == width else record.cells for cells, record in zip(apart, records, strict=False)]
    return [*(replace(record, cells=cells) for record, cells in zip(records, fits, strict=False)), *records[rows:]]


def _find_names(records: Sequence[Record], name: Path) -> tuple[int, int]:
    """Which record holds the names, and how many columns there are; raise `DataError` where there is none."""
    if not records:
        raise DataError(f"{name}: holds no column names. Give a file with a line of names and rows below it.")
    width, _ = _commonest_width([record.width for record in records])
    fits = [
        number
        for number, record in enumerate(records)
        if abs(_filled_width(record) - width) <= 1 or record.width == width
    ]
    named = [number for number in fits if _names_time(records[number])]
    named = named or [
        number for number in _before_rows(records) if records[number].width > 1 and _names_time(records[number])
    ]
    if named:
        return named[0], width
    rows = [number for number in fits if _is_row(records[number])]
    if not rows:
        return fits[0] if fits else 0, width
    head = rows[0]
    while head - 1 in fits and head > 0 and _may_be_head(records[head - 1], width):
        head -= 1
    filled = [sum(bool(cell.strip()) for cell in record.cells) for record in records[head : max(rows[0], head + 1)]]
    return head + filled.index(max(filled)), width  # a spreadsheet makes titles as wide as the table


def _before_rows(records: Sequence[Record]) -> range:
    return range(next((number for number, record in enumerate(records) if _is_row(record)), 0))


def _filled_width(record: Record) -> int:
    """The number of cells up to the last that holds anything."""
    return max((number for number, cell in enumerate(record.cells, start=1) if cell.strip()), default=0)


def _names_time(record: Record) -> bool:
    """Whether one cell is a name of the time column and none is a value of it."""
    keys = {key_of(cell.lstrip("#")) for cell in record.cells}
    return bool(keys & {*TIME_NAMES}) and not any(MOMENT.fullmatch(cell) for cell in record.cells)


def _is_row(record: Record) -> bool:
    """Whether a record holds values: a date, or a number."""
    return any(MOMENT.fullmatch(cell) or NUMBER.fullmatch(cell) for cell in record.cells)


def _may_be_head(record: Record, width: int) -> bool:
    """Whether a record above the rows may hold names; "#" alone above a column is the name of the one that counts."""
    counts = record.width == width and record.cells[0].strip() == "#"
    return not _is_row(record) and (counts or not _is_comment(record))


def _is_comment(record: Record) -> bool:
    return record.cells[0].lstrip().startswith("#")


def _names_of(record: Record, below: Sequence[Record], width: int) -> list[str]:
    """The names, without the mark of a comment before the first; as many empty ones at the end as most rows have."""
    counts = record.cells[0].strip() == "#" and record.width == width
    mark = _is_comment(record) and not counts
    names = [record.cells[0].lstrip().removeprefix("#"), *record.cells[1:]] if mark else [*record.cells]
    while len(names) > max(width, 1) and not names[-1].strip():
        names.pop()
    wide = [row for row in below if row.width == width]
    surplus = width - len(names)
    if surplus > 0 and all(_filled_width(row) <= len(names) for row in wide):
        names += [""] * surplus
    return names


def _full_heads_above(records: Sequence[Record], head: int, width: int) -> list[Record]:
    """The records right above the names that are as wide as they and hold no value, top to bottom."""
    first = head
    while first and records[first - 1].width == width > 1 and not _is_row(records[first - 1]):
        first -= 1
    return list(records[first:head])


def _filled_from(above: Sequence[Record], names: Sequence[str]) -> tuple[list[str], list[str]]:
    """The names, those that are empty taken from a record above them that has them all, and what to tell."""
    empty = [number for number, name in enumerate(names) if not name.strip()]
    for record in above if len(empty) > 1 or 2 * len(empty) >= len(names) else ():
        if empty and all(record.cells[number].strip() for number in empty) and not units_in_row(record.cells[1:]):
            filled = [name if name.strip() else record.cells[number] for number, name in enumerate(names)]
            return filled, [f"Names that the line of the time's name lacks are those of line {record.line}."]
    return [*names], []


def _refuse_values(record: Record, names: Sequence[str], name: Path) -> None:
    """Raise `DataError` where the first record already holds values: its row would be lost as names."""
    filled = [cell for cell in names if cell.strip()]
    values = [cell for cell in filled if MOMENT.fullmatch(cell)]
    if values or (filled and all(NUMBER.fullmatch(cell) for cell in filled)):
        shown = (values or filled)[0].strip()
        raise DataError(
            f"{name}, line {record.line}: holds values ('{shown}' …), not column names, and no line above it holds "
            "names. Put a line of names above the rows, such as time,flow,pressure."
        )


def _further_head(records: Sequence[Record], head: int) -> list[int]:
    """The records below the names that hold neither number nor date, while a row comes after them."""
    further: list[int] = []
    for number in range(head + 1, min(head + 4, len(records))):
        record = records[number]
        words = [cell.strip() for cell in record.cells if cell.strip()]
        if _is_row(record) or record.width < 2 or not words or _is_comment(record):
            break
        further.append(number)
    beyond = (further[-1] if further else head) + 1
    return further if beyond < len(records) and _is_row(records[beyond]) else []


def _units_of(names: Sequence[str], further: Sequence[Sequence[str]]) -> tuple[dict[int, str], list[str]]:
    """Column number → unit, from the rows of head below the names or from brackets in a name; and what to tell."""
    units: dict[int, str] = {}
    notes: list[str] = []
    logger = next((cells for cells in further if _is_of_logger(cells)), None)
    for cells in [logger] if logger else further:
        found = units_in_row(cells)
        if logger:
            units |= {number: cell.strip() for number, cell in enumerate(cells) if number > 1 and cell.strip()}
            notes.append("The line below the names holds units, the one below it how values were taken.")
        elif found:
            units |= {number: unit for number, unit in found.items() if number < len(names)}
            notes.append("The line below the names holds units.")
        else:
            shown = listed([cell.strip() for cell in cells if cell.strip()], 3)
            notes.append(f"A second line of names or descriptions is not used: {shown}.")
    for number, name in enumerate(names):
        unit = split_unit(name)[1]
        if unit and number not in units:
            units[number] = unit
    return units, notes


def _is_of_logger(cells: Sequence[str]) -> bool:
    """Whether a line of head is that of a Campbell logger with the units: ``TS,RN,Volts,Deg C`` (TOA5, TOACI1)."""
    return [cell.strip() for cell in cells[:2]] == ["TS", "RN"]


def _preamble_note(records: Sequence[Record], head: int) -> list[str]:
    return [f"The names stand in line {records[head].line}; the lines above them are not used."] if head else []
