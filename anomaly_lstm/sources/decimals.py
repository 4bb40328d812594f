"""Which mark the numbers of a text table have before their fraction, and which between their thousands.

It is found in the first rows. ``1,234`` may be either: other numbers tell, of the table or of the column.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence

from anomaly_lstm.sources.vocabulary import MOMENT, NUMBER
from anomaly_lstm.sources.words import listed

GROUPS = {
    ",": re.compile(r"\s*[+-]?\d{1,3}(,\d{3})+\s*"),
    ".": re.compile(r"\s*[+-]?\d{1,3}(\.\d{3})+\s*"),
}
COMMA = re.compile(r"\s*[+-]?(\d+|\d{1,3}([. \u00a0\u2009\u202f'’]\d{3})+)?,\d+([eE][+-]?\d+)?\s*(%|[^\d.,\s]\S*)?\s*")
POINT = re.compile(r"\s*[+-]?(\d+|\d{1,3}([, \u00a0\u2009\u202f'’]\d{3})+)?\.\d+([eE][+-]?\d+)?\s*(%|[^\d.,\s]\S*)?\s*")


def _mark_in(cell: str) -> str | None:
    """The decimal mark that a number with a fraction surely shows; None where it shows none."""
    if COMMA.fullmatch(cell) and not GROUPS[","].fullmatch(cell):
        return ","
    if POINT.fullmatch(cell) and not GROUPS["."].fullmatch(cell):
        return "."
    if re.fullmatch(r"\s*[+-]?\d{1,3}(\.\d{3}){2,}\s*", cell):
        return ","
    if re.fullmatch(r"\s*[+-]?\d{1,3}(,\d{3}){2,}\s*", cell):
        return "."
    return None


def find_decimal(rows: Sequence[Sequence[str]], separator: str) -> tuple[str, bool]:
    """The mark that most numbers with a fraction use, and whether that is a guess (``1,234`` may be either)."""
    sure = Counter(mark for row in rows for cell in row if (mark := _mark_in(cell)))
    if sure:
        return ("," if sure[","] > sure["."] else "."), False
    between = Counter(mark for cells in _columns_of(rows) if (mark := _mark_of_thousands(cells)))
    if between:
        return ("," if between["."] >= between[","] else "."), False
    unsure = Counter(mark for row in rows for cell in row for mark in GROUPS if GROUPS[mark].fullmatch(cell))
    if not unsure:
        return ".", False
    if unsure[","] > unsure["."]:
        return (("," if separator != "," else "."), True)
    return ".", True


def _columns_of(rows: Sequence[Sequence[str]]) -> list[list[str]]:
    """The cells of each column that hold anything."""
    widest = max(map(len, rows), default=0)
    return [[row[n] for row in rows if n < len(row) and row[n].strip()] for n in range(widest)]


def _mark_of_thousands(cells: Sequence[str]) -> str | None:
    """The mark between the thousands of a column whose other numbers are whole, from 100 to 999: 998, 999, 1.000."""
    whole = [int(cell) for cell in cells if re.fullmatch(r"\s*[+-]?\d{1,9}\s*", cell)]
    grouped = {mark: [cell for cell in cells if GROUPS[mark].fullmatch(cell)] for mark in GROUPS}
    marks = [mark for mark, its in grouped.items() if its]
    if len(marks) != 1 or not whole or not 100 <= max(map(abs, whole)) < 1000:
        return None
    others = [cell for cell in cells if NUMBER.fullmatch(cell) and not GROUPS[marks[0]].fullmatch(cell)]
    return marks[0] if len(others) == len(whole) else None


def thousands_notes(records: Sequence[tuple[int, Sequence[str]]], names: Sequence[str]) -> list[str]:
    """What to tell of numbers that whole numbers beside them make thousands; ``records`` are lines and their cells."""
    notes = []
    sure = {_mark_in(cell) for _, cells in records for cell in cells}
    for number, (name, cells) in enumerate(zip(names, _columns_of([cells for _, cells in records]), strict=False)):
        mark = _mark_of_thousands(cells)
        if mark and not sure & {*GROUPS} - {mark}:  # no fraction elsewhere has the other mark
            held = ((line, row[number].strip()) for line, row in records if number < len(row))
            line, cell = next((line, cell) for line, cell in held if GROUPS[mark].fullmatch(cell))
            notes.append(
                f"AMBIGUOUS: '{name}', line {line}: '{cell}' is read as {cell.replace(mark, '')}, with a mark between "
                "the thousands, since the numbers beside it are whole ones below 1000. If it is a fraction: "
                f"--decimal '{mark}'."
            )
    return notes


def other_decimal(rows: Sequence[Sequence[str]], names: Sequence[str], decimal: str) -> tuple[int, ...]:
    """The columns in which every number that shows a mark shows the other one, and one in two cells does."""
    found = []
    for number in range(len(names)):
        cells = [row[number] for row in rows if number < len(row) and row[number].strip()]
        marks = Counter(mark for cell in cells if (mark := _mark_in(cell)))
        if _mark_of_thousands(cells) == decimal or (
            marks and decimal not in marks and not any(MOMENT.fullmatch(cell) for cell in cells[:5])
        ):
            found.append(number)
    return tuple(found)


def decimal_notes(other: Sequence[int], weak: bool, mark: str, names: Sequence[str]) -> list[str]:
    notes = []
    if other:
        shown = listed([names[number] for number in other])
        notes.append(f"The decimal mark in column(s) {shown} is the other one, '{',' if mark == '.' else '.'}'.")
    if weak:
        notes.append(
            f"Numbers such as 1,234 or 1.234 may have a fraction or thousands: the decimal mark is taken as '{mark}'; "
            "else --decimal."
        )
    return notes
