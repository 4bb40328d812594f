"""What is to be told of single cells of a sensor, the same however its file is cut into parts.

Two things are looked at. Fillers: numbers that loggers write for no value. And marks that may be one of the thousands
or the decimal one: ``3,010`` is 3010 or 3.01. The rule is that of the first lines of the file, which are the same for
every part of it: where they show marks between the thousands, or whole numbers up to them, it is 3010; where they show
fractions, and 3010 is more than ten times as large as all of them, it contradicts them, and is no number.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace

import numpy as np
import pyarrow.compute as pc
from numpy.typing import NDArray

from anomaly_lstm.arrow import Column, from_ints, to_numpy
from anomaly_lstm.sources.cells import Numbers, as_written, is_text, read_numbers, texts_of
from anomaly_lstm.sources.contract import RawFile
from anomaly_lstm.sources.words import columns_named

Int64 = NDArray[np.int64]
Floats = NDArray[np.float64]
Bool = NDArray[np.bool_]

NOTES_MOST = 20
"""Sensors of which each peculiarity is told one by one."""
FILLERS = frozenset(
    sign * filler
    for sign in (1, -1)
    for filler in (
        *(999, 999.9, 999.99, 999.25, 9999, 9999.9, 9999.99, 99999, 999999),
        *(32767, 32768, 65535, 1e10, 1e20, 1e30, 1e31),
    )
)
"""Numbers that loggers write for no value."""
FILLER_FACTOR = 3
"""A filler is told of where it lies so many times beyond all other values."""
BEYOND_FACTOR = 10
"""What a mark between the thousands makes so many times larger than all fractions beside it contradicts them."""


@dataclass(frozen=True)
class Doubt:
    """Cells that could be read in two ways: the first, where it stands, and how many."""

    where: str
    cell: str
    cells: int


@dataclass(frozen=True)
class Remarks:
    """What some rows show of one sensor: doubtful cells that were ``read`` or ``lost``, ``fillers`` (number → cells),
    and the range of all other values.
    """

    read: Doubt | None = None
    lost: Doubt | None = None
    small: Doubt | None = None
    """Fractions that would be as large as the whole numbers at the beginning of the file, were they thousands."""
    fillers: Mapping[float, int] = field(default_factory=dict)
    low: float = np.inf
    high: float = -np.inf

    def then(self, more: Remarks) -> Remarks:
        """With those of the rows that follow."""
        names = sorted({*self.fillers, *more.fillers})
        return Remarks(
            _both(self.read, more.read),
            _both(self.lost, more.lost),
            _both(self.small, more.small),
            {name: self.fillers.get(name, 0) + more.fillers.get(name, 0) for name in names},
            min(self.low, more.low),
            max(self.high, more.high),
        )


def _both(first: Doubt | None, more: Doubt | None) -> Doubt | None:
    if first is None or more is None:
        return first or more
    return replace(first, cells=first.cells + more.cells)


Remarked = Mapping[str, Remarks]
"""Sensor → what its cells show."""


def joined(first: Remarked, more: Remarked) -> dict[str, Remarks]:
    """Of rows and those that follow."""
    return {name: first.get(name, Remarks()).then(more.get(name, Remarks())) for name in {**first, **more}}


def remark_words(remarked: Remarked) -> list[str]:
    """The sentences about all sensors."""
    lost = [_lost_words(sensor, one.lost) for sensor, one in remarked.items() if one.lost]
    read = [_read_words(sensor, one.read) for sensor, one in remarked.items() if one.read]
    small = [_small_words(sensor, one.small) for sensor, one in remarked.items() if one.small]
    fillers = [note for sensor, one in remarked.items() for note in _filler_words(sensor, one)]
    empty = [name for name, one in remarked.items() if one == Remarks()]
    nothing = [f"Sensor without any value: {columns_named(empty)}."] if empty else []
    return [*nothing, *at_most(lost), *at_most(read), *at_most(small), *at_most(fillers)]


def _lost_words(sensor: str, doubt: Doubt) -> str:
    return (
        f"AMBIGUOUS: '{sensor}', {doubt.where}: '{doubt.cell}' has the mark between the thousands, which makes it more "
        f"than {BEYOND_FACTOR} times as large as the fractions at the beginning of the file: {doubt.cells} such "
        "cell(s) became missing. Write them as the others."
    )


def _read_words(sensor: str, doubt: Doubt) -> str:
    number = doubt.cell.replace(",", "").replace(".", "")
    return (
        f"AMBIGUOUS: '{sensor}', {doubt.where}: '{doubt.cell}' is read as {number}, with a mark between the thousands, "
        f"by the decimal mark of the other numbers; {doubt.cells} such cell(s). If it is a fraction, write it as the "
        "others."
    )


def _small_words(sensor: str, doubt: Doubt) -> str:
    mark = "," if "," in doubt.cell else "."
    return (
        f"AMBIGUOUS: '{sensor}', {doubt.where}: '{doubt.cell}' is read as a fraction, though the first numbers of the "
        f"file are whole ones from 100 to 999; {doubt.cells} such cell(s). If it is "
        f"{doubt.cell.replace(mark, '')}: --decimal '{'.' if mark == ',' else ','}'."
    )


def _filler_words(sensor: str, one: Remarks) -> list[str]:
    if one.low > one.high:
        return []
    return [
        f"'{sensor}' holds {filler:g} in {cells} cell(s), far from its other values ({one.low:g} to {one.high:g}), and "
        f"is read as a measurement. If it stands for no value: --missing {filler:g}, or missing in [source]."
        for filler, cells in one.fillers.items()
        if abs(filler) > FILLER_FACTOR * max(abs(one.low), abs(one.high))
    ]


def at_most(notes: Sequence[str]) -> list[str]:
    """The first notes of a kind, and how many more there are."""
    more = len(notes) - NOTES_MOST
    return [*notes[:NOTES_MOST], *([f"… and the same of {more} more sensors."] if more > 0 else [])]


# ---------------------------------------------------------------- fillers


def with_fillers(remarks: Remarks, values: Floats) -> Remarks:
    """The remarks with the fillers among the values (n,), and the range of the others."""
    held = values[np.isfinite(values)]
    if not len(held):
        return remarks
    low, high = float(held.min()), float(held.max())
    if not {low, high} & FILLERS:
        return remarks.then(Remarks(low=low, high=high))
    filled = np.isin(held, list(FILLERS))
    numbers, cells = np.unique(held[filled], return_counts=True)
    rest = held[~filled]
    found = dict(zip(numbers.tolist(), cells.tolist(), strict=True))
    ends = (float(rest.min()), float(rest.max())) if len(rest) else (np.inf, -np.inf)
    return remarks.then(Remarks(fillers=found, low=ends[0], high=ends[1]))


# ---------------------------------------------------------------- thousands


@dataclass(frozen=True)
class Habit:
    """How the first lines of a file write the numbers of a sensor.

    ``grouped``: thousands plainly have marks; ``fractions``: fractions outweigh what may have such marks, and
    ``largest`` is the largest of all numbers without doubt.
    """

    grouped: bool = False
    fractions: bool = False
    largest: float = np.inf

    def contradicts(self, values: Floats) -> Bool:
        """Mark the numbers (n,) that are no thousands, going by the fractions beside them."""
        beyond: Bool = np.abs(values) > BEYOND_FACTOR * self.largest
        return beyond if self.fractions else np.zeros(len(values), dtype=bool)


def habit_in(cells: Column, decimal: str) -> Habit:
    """The habit that the cells of one sensor show."""
    numbers = read_numbers(cells, decimal)
    known = np.isfinite(numbers.values)
    doubtful = numbers.doubtful
    sure = known & ~doubtful
    marked = sure & _hold(cells, "," if decimal == "." else ".")
    fractions = int((sure & _hold(cells, decimal)).sum())
    largest = float(np.abs(numbers.values[sure]).max(initial=0.0))
    whole = fractions == 0 and bool(doubtful.any()) and (100 <= largest < 1000 or not sure.any())
    return Habit(bool(marked.any()) or whole, fractions > int(doubtful.sum()), largest)


def _hold(cells: Column, mark: str) -> Bool:
    held: Bool = to_numpy(pc.match_substring(texts_of(cells), mark), np.bool_)
    return held


def settle_thousands(
    numbers: Numbers, habits: Iterable[tuple[Bool | None, str, Habit]], column: Column, rows: Int64, file: RawFile
) -> tuple[Numbers, dict[str, Remarks]]:
    """Take out the numbers that contradict the habit of their sensor, and say which cells are doubtful.

    ``habits`` gives the cells (n,) of each sensor, None = all of them, its name and habit; ``rows`` (n,) are the rows
    of the file in which the cells stand.
    """
    values, bad = numbers.values.copy(), numbers.bad.copy()
    remarked: dict[str, Remarks] = {}
    for mine, sensor, habit in habits:
        doubtful = numbers.doubtful if mine is None else numbers.doubtful & mine
        if habit.grouped or not doubtful.any():
            continue
        lost = doubtful & habit.contradicts(numbers.values)
        values[lost], bad[lost] = np.nan, True
        told = len(remarked) < NOTES_MOST  # a line is searched for by reading the file once more
        read, gone = (_doubt(marked, column, rows, file if told else None) for marked in (doubtful & ~lost, lost))
        remarked[sensor] = Remarks(read, gone)
    return replace(numbers, values=values, bad=bad), remarked


def perhaps_thousands(
    values: Floats, sensor: str, head: Column | None, column: Column, rows: Int64, file: RawFile
) -> dict[str, Remarks]:
    """Say which cells look like fractions, 1.001, where the first ones of the sensor (``head``) are whole numbers from
    100 to 999: they could be thousands. ``values`` (n,) are the numbers of the ``column``; ``rows`` as above.
    """
    if head is None or not is_text(column):
        return {}
    first = read_numbers(head, file.decimal)
    known = np.abs(first.values[np.isfinite(first.values)])
    whole = len(known) and not first.doubtful.any() and not _hold(head, file.decimal).any()
    if not whole or known.min() < 100 or known.max() >= 1000:
        return {}
    small = np.flatnonzero(np.abs(values) < known.min() / BEYOND_FACTOR)
    pattern = rf"^\s*[+-]?[1-9]\d{{0,2}}[{file.decimal}]\d{{3}}\s*$"
    marked = np.zeros(len(values), dtype=bool)
    cells = texts_of(column.take(from_ints(small)))
    marked[small] = to_numpy(pc.match_substring_regex(cells, pattern), np.bool_)
    doubt = _doubt(marked, column, rows, file)
    return {sensor: Remarks(small=doubt)} if doubt else {}


def _doubt(marked: Bool, column: Column, rows: Int64, file: RawFile | None) -> Doubt | None:
    first = next(iter(np.flatnonzero(marked)), None)
    if first is None:
        return None
    where = file.where(int(rows[first])) if file else ""
    return Doubt(where, as_written(column, int(first)), int(marked.sum()))
