"""Whether a column tells machines apart, by what it does: the same times come once for each of its values.

Two pumps below each other in one table, with a column nobody would take for a name (``Pumpe``, ``line``,
``Tag group``), would else become one asset whose values are the means of both. What a column does is certain only
where it is text beside several measurements, or is called like a place or a machine; else the user is asked.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import pyarrow.compute as pc
from numpy.typing import NDArray

from anomaly_lstm.arrow import Column, to_numpy, whole
from anomaly_lstm.errors import DataError
from anomaly_lstm.sources.cells import coded, is_moment, is_numeric, is_text, numbers_in, read_numbers, sample_of
from anomaly_lstm.sources.contract import RawFile, ReadOptions
from anomaly_lstm.sources.names import PLACE_WORDS, key_of
from anomaly_lstm.sources.words import columns_named, listed

Int64 = NDArray[np.int64]

RECUR = 0.75
"""Times recur where no more than this share of the rows has a time of its own."""
LEAST_TIMES = 3
"""Fewer times that recur show nothing."""
SAME = 0.01
"""So few rows may share time and value: copies."""
MOST_VALUES = 500
COVERED = 0.4
"""Each value comes at this share of all times, on average: a measurement of whole numbers does not."""


@dataclass(frozen=True)
class Apart:
    """A column whose values come once at each time, and whether it plainly names the asset."""

    column: str
    certain: bool
    note: str


def told_apart(
    file: RawFile, time: Column, free: Sequence[str], options: ReadOptions, series: Sequence[str] = ()
) -> Apart | None:
    """The column that tells machines apart, None where the times of each series do not recur, or nothing explains it.

    ``series`` are the columns that already name one: of a long table the sensor. Raises `DataError` where it cannot be
    known what a column tells apart.
    """
    base, n_base = _together([time, *(file.table[name] for name in series)])
    if len(base) - n_base < LEAST_TIMES or n_base > RECUR * len(base):
        return None
    found = list(dict.fromkeys(_telling(file, base, n_base, free, options)))
    words = [name for name in found if not is_numeric(file.table[name], file.decimal)]
    named = [name for name in found if _is_called_so(name)]
    if not found:
        return None
    column = next(iter([*(name for name in words if name in named), *named, *words, *found]))
    values = coded(file.table[column])[0]
    measured = [name for name in free if name not in found and is_numeric(file.table[name], file.decimal)]
    certain = column in named or (column in words and (bool(series) or len(measured) > 1))
    others = [name for name in found if name != column and not _same_parts(file.table[name], file.table[column])]
    if not certain or (others and column not in named):
        raise DataError(_asked(file, [column, *others], values, measured, long=bool(series)))
    note = (
        f"SEVERAL ASSETS: the same times come once for each value of column '{column}' ({listed(values, 4)}): it names "
        f"the asset{f'; {columns_named(others)} could be it too' if others else ''}. Else choose with --asset, or "
        "--exclude it."
    )
    return Apart(column, certain, note)


def _asked(file: RawFile, columns: Sequence[str], values: Sequence[str], measured: Sequence[str], long: bool) -> str:
    """The words of the error about columns that may tell machines apart."""
    column = columns[0]
    sensor = (
        f" If it names what was measured: layout = 'long', sensor = '{column}', value = '{measured[0]}' in [source]."
        if len(measured) == 1 and not long
        else ""
    )
    others = f" (or {columns_named(columns[1:])})" if columns[1:] else ""
    return (
        f"{file.path}: the same times come once for each value of column '{column}'{others}, such as "
        f"{listed(values, 4)}: as one asset their values would be averaged. If it tells machines apart: --asset "
        f"'{column}'.{sensor} If it does not: --exclude '{column}'."
    )


def _telling(file: RawFile, base: Int64, n_base: int, free: Sequence[str], options: ReadOptions) -> Iterator[str]:
    """The columns of few values with which each row of a time is another."""
    kept = {*(options.sensors or ()), *options.asked, *options.exclude, *options.words, options.mode}
    for name in free:
        column = file.table[name]
        if {name, options.columns.get(name, name)} & kept or not _is_like_a_name(column, file.decimal):
            continue
        codes, n_values = _together([column])
        if not 2 <= n_values <= MOST_VALUES or len(base) < COVERED * n_base * n_values:
            continue
        pairs = len(np.unique(base * n_values + codes))
        if len(base) - pairs <= SAME * len(base):
            yield name


def _is_like_a_name(column: Column, decimal: str) -> bool:
    """Whether a column holds words that are no states, or small whole numbers."""
    if is_moment(column) or column.null_count == len(column):
        return False
    sample = sample_of(column)
    if is_text(column) and not is_numeric(sample, decimal):
        return read_numbers(sample, decimal).states is None
    numbers = numbers_in(sample, decimal)[0]
    held = numbers[np.isfinite(numbers)]
    return bool(len(held) and ((held == np.floor(held)) & (held >= 0) & (held < 1e5)).all())


def _is_called_so(name: str) -> bool:
    key = re.sub(r"(id|name|no|nr|num|number|nummer|numero|group)$", "", key_of(name))
    return key in PLACE_WORDS or key_of(name) in PLACE_WORDS


def _together(columns: Sequence[Column]) -> tuple[Int64, int]:
    """Each row's place among the distinct combinations of the cells of columns (n,), and how many there are."""
    codes, size = np.zeros(len(columns[0]), dtype=np.int64), 1
    for column in columns:
        encoded = whole(pc.dictionary_encode(column, null_encoding="encode"))
        place = to_numpy(encoded.indices, np.int64)
        codes, size = codes * len(encoded.dictionary) + place, size * len(encoded.dictionary)
        if len(columns) > 1:
            distinct, codes = np.unique(codes, return_inverse=True)
            size = len(distinct)
    return codes, size


def _same_parts(one: Column, other: Column) -> bool:
    """Whether two columns part the rows alike: a number and a name of the same machine."""
    first, second = _together([one]), _together([other])
    both = len(np.unique(first[0] * second[1] + second[0]))
    return both == first[1] == second[1]


@dataclass(frozen=True)
class Watched:
    """Columns of words that had one value so far, and the time of the last row [µs UTC]: a table may go on with another
    machine, from its first time on again, long after its beginning.
    """

    values: Mapping[str, str]
    last_us: int

    def then(self, part: RawFile, time_us: Int64) -> Watched:
        """With the rows (n_kept,) of the part that follows; raise `DataError` where another machine begins in it."""
        if not len(time_us):
            return self
        still = dict(self.values)
        for name, value in self.values.items():
            names, code = coded(part.table[name])
            if set(names) <= {value}:
                continue
            if time_us.min() <= self.last_us:
                row = int(np.flatnonzero((code >= 0) & (code != (names.index(value) if value in names else -1)))[0])
                raise DataError(
                    f"{part.path}, {part.where(row)}: column '{name}' changes from '{value}' to '{names[code[row]]}' "
                    "here, and times begin again: as one asset the values of both would be averaged. If it tells "
                    f"machines apart: --asset '{name}'. If it does not: --exclude '{name}'."
                )
            del still[name]  # it changes as time goes on, as a status does
        return Watched(still, max(self.last_us, int(time_us.max())))


def watched(file: RawFile, free: Sequence[str], options: ReadOptions, time_us: Int64) -> Watched:
    """What is to be watched from the first part of a file on, whose kept rows have these times (n_kept,)."""
    left_out = {*(options.sensors or ()), *options.asked, *options.exclude, *options.words, options.mode}
    values = {
        name: names[0]
        for name in free
        if is_text(file.table[name])
        and not {name, options.columns.get(name, name)} & left_out
        and not is_numeric(file.table[name], file.decimal)
        and len(names := coded(file.table[name])[0]) == 1
    }
    return Watched(values, int(time_us.max()) if len(time_us) else -(2**62))
