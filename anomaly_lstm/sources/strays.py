"""Records that have not as many cells as there are names: blank, comment, footer, a separator too many, or an error."""

from __future__ import annotations

import csv
import re
from collections.abc import Sequence
from dataclasses import dataclass

from anomaly_lstm.sources.layout import Shape
from anomaly_lstm.sources.vocabulary import CLOCK, MOMENT, NO_VALUE_WORDS, NUMBER, STATE_WORDS, TOTALS

COMMENT = "a comment"
FOOTER = "no row of the table"
HEAD_AGAIN = "the names again"
FURTHER_NAMES = "a second line of names"


@dataclass(frozen=True)
class Stray:
    """What a record of another width is: ``cells`` where it is a row after all, else why it is none.

    ``reason`` is empty for a blank line; both are None where it is neither: an error.
    """

    cells: tuple[str, ...] | None = None
    reason: str | None = None


def judge(text: str, shape: Shape, separator: str, known: Sequence[str]) -> Stray:
    """Say what a record is that has more or fewer cells than there are names.

    ``known`` are the first cells of good rows: a record that begins like one of them is a row that was cut.
    """
    if not text.strip():
        return Stray(reason="")
    try:
        cells = next(csv.reader(text.splitlines(keepends=True), delimiter=separator, quotechar=shape.quote), [])
    except csv.Error:
        return Stray()
    width = len(shape.names)
    if holds_rows(text, separator, width):
        return Stray()
    if text.lstrip().startswith("#"):
        return Stray(reason=COMMENT)
    if len(cells) > width and not any(cell.strip() for cell in cells[width:]):
        return Stray(cells=tuple(cells[:width]))
    if tuple(cell.strip() for cell in cells[: len(shape.names)]) == shape.names[: len(cells)] and len(cells) > 1:
        return Stray(reason=HEAD_AGAIN)
    return Stray(reason=FOOTER) if _is_footer(cells, width, known) else Stray()


def are_other_names(cells: Sequence[str], names: Sequence[str]) -> bool:
    """Whether a record is the line of names of another table: words without any value, and not the names of this one.

    A line with a state or a word for no value in it is a row whose time is not readable.
    """
    words = [cell for cell in cells[1:] if cell]
    if not words or len(words) < min(2, len(names) - 1) or len(set(cells)) < len(cells):
        return False
    if any(_is_value(word) or word.casefold() in STATE_WORDS or word.casefold() in NO_VALUE_WORDS for word in cells):
        return False
    return {word.casefold() for word in words} != {name.casefold() for name in names[1:]}


def holds_rows(text: str, separator: str, width: int) -> bool:
    """Whether a line of a cell or record, but the first, looks like a row of its own: a quotation mark took it in."""
    return any(line.count(separator) >= width - 1 for line in text.splitlines()[1:]) if width > 1 else False


def _is_footer(cells: Sequence[str], width: int, known: Sequence[str]) -> bool:
    """Whether a short record is told by its words to be no row: a total, or words without any value."""
    first = cells[0].strip() if cells else ""
    if len(cells) >= width or not first or _is_value(first) or not re.match(r"\W*[^\W\d_]{2}|[-=*_]{3}", first):
        return False
    if re.fullmatch(TOTALS, first):
        return True
    begins = first.casefold()
    if any(one.strip().casefold().startswith(begins) for one in known):
        return False
    return not any(_is_value(cell) for cell in cells[1:])


def _is_value(cell: str) -> bool:
    return bool(NUMBER.fullmatch(cell) or MOMENT.fullmatch(cell) or CLOCK.fullmatch(cell))
