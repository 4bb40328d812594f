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
from anomaly_lstm.sources.names import LABEL_NAMES, PARTS, PLACE_WORDS, STATE_NAMES, STATISTICS, key_of
from anomaly_lstm.sources.words import columns_named, listed

Bool = NDArray[np.bool_]
Floats = NDArray[np.float64]
Int64 = NDArray[np.int64]

RECUR, RECUR_IF_WORDS, RECUR_IF_CALLED_SO = 0.75, 0.9, 0.95
"""Times recur where no more than this share of the rows has a time of its own; machines of uneven rates, told apart by
words or a column called like one, share fewer."""
LEAST_TIMES = 3
"""Fewer times that recur show nothing."""
SAME = 0.01
"""So few rows may share time and value: copies."""
MOST_VALUES = 500
COVERED = 0.4
"""Each value comes at this share of all times, on average: a measurement of whole numbers does not."""
UNEXPLAINED = 0.1
"""So few of the rows that share a time may share the value of the column too."""
CHANGES, CHANGES_IF_CALLED_SO = 0.6, 0.3
"""Machines that are polled in turn change from row to row in this share of the rows; a status seldom does."""
MOST_IN_TURN = 50


@dataclass(frozen=True)
class Apart:
    """A column whose values come once at each time, and whether it plainly names the asset."""

    column: str | None
    """None where it is only told that one may do so."""
    note: str


def told_apart(
    file: RawFile, time: Column, free: Sequence[str], options: ReadOptions, series: Sequence[str] = ()
) -> Apart | None:
    """The column that tells machines apart, None where the times of each series do not recur, or nothing explains it.

    ``series`` are the columns that already name one: of a long table the sensor. Raises `DataError` where it cannot be
    known what a column tells apart.
    """
    base, n_base = _together([time, *(file.table[name] for name in series)])
    if len(base) - n_base < LEAST_TIMES or n_base > RECUR_IF_CALLED_SO * len(base):
        return _in_turn(file, time, free, options, series)
    found = list(dict.fromkeys(_telling(file, base, n_base, free, options)))
    words = [name for name in found if not is_numeric(file.table[name], file.decimal)]
    named = [name for name in found if _is_called_so(name)]
    if not found:
        return _in_turn(file, time, free, options, series)
    column = next(iter([*(name for name in words if name in named), *named, *words, *found]))
    values = coded(file.table[column])[0]
    if {key_of(value) for value in values} <= STATISTICS:
        raise DataError(_of_statistics(file, column, values))
    measured = [name for name in free if name not in found and is_numeric(file.table[name], file.decimal)]
    by_words = column in words and key_of(column) not in STATE_NAMES
    certain = column in named or (by_words and (bool(series) or len(measured) > 1))
    others = [name for name in found if name != column and not _same_parts(file.table[name], file.table[column])]
    if not certain or (others and column not in named):
        raise DataError(_asked(file, [column, *others], values, measured, long=bool(series)))
    note = (
        f"SEVERAL ASSETS: the same times come once for each value of column '{column}' ({listed(values, 4)}): it names "
        f"the asset{f'; {columns_named(others)} could be it too' if others else ''}. Else choose with --asset, or "
        "--exclude it."
    )
    return Apart(column, note)


def _in_turn(
    file: RawFile, time: Column, free: Sequence[str], options: ReadOptions, series: Sequence[str]
) -> Apart | None:
    """The column of words that tells apart machines that share no times: polled in turn, or one below the other."""
    found = [name for name in _free_of_options(file, free, options) if _takes_turns(file, name, time)]
    named = [name for name in found if _is_called_so(name) and key_of(name) not in PARTS]
    if named:
        values = coded(file.table[named[0]])[0]
        return Apart(
            named[0],
            f"SEVERAL ASSETS: rows of {listed(values, 4)} come in turn: column '{named[0]}' names the asset. Else "
            "choose with --asset, or --exclude it.",
        )
    if not found or series:
        return None
    values = coded(file.table[found[0]])[0]
    return Apart(
        None,
        f"SEVERAL ASSETS? Rows of {listed(values, 4)} come in turn in column '{found[0]}': if it tells machines "
        f"apart, set --asset '{found[0]}', else their values are mixed.",
    )


def _takes_turns(file: RawFile, name: str, time: Column) -> bool:
    """Whether a column holds few words that change from row to row, or with each of which the times begin again."""
    column = file.table[name]
    called_so = _is_called_so(name)
    if key_of(name) in STATE_NAMES | LABEL_NAMES:
        return False
    numbered = called_so and key_of(name) not in PLACE_WORDS
    if not numbered and is_numeric(column, file.decimal):
        return False
    if not _is_like_a_name(column, file.decimal):
        return False
    names, codes = coded(column)
    counts = np.bincount(codes[codes >= 0], minlength=len(names))
    if not 2 <= len(names) <= MOST_IN_TURN or (counts < LEAST_TIMES).any() or (codes < 0).any():
        return False
    if {key_of(one) for one in names} <= STATISTICS:
        return False
    changes = np.flatnonzero(np.diff(codes))
    if len(changes) >= (CHANGES_IF_CALLED_SO if called_so else CHANGES) * len(codes):
        return True
    return len(changes) == len(names) - 1 and _begins_again(time, changes)


def _begins_again(time: Column, changes: Int64) -> bool:
    """Whether times, in the order in which they can be sorted, run on within each block of rows and turn back between.

    ``changes`` are the last rows of the blocks.
    """
    steps = np.diff(to_numpy(pc.rank(whole(time), tiebreaker="dense"), np.int64))
    within = np.delete(steps, changes)
    return bool(
        ((within >= 0).all() and (steps[changes] < 0).all()) or ((within <= 0).all() and (steps[changes] > 0).all())
    )


def _of_statistics(file: RawFile, column: str, values: Sequence[str]) -> str:
    """The words of the error about rows that are means, least and largest values of the same times."""
    return (
        f"{file.path}: column '{column}' holds statistics ({listed(values, 4)}) of the same times: as one asset they "
        f"would be averaged. Keep the rows of one of them, or give each a column of its own; --asset '{column}' would "
        "take each for a machine."
    )


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
    for name in _free_of_options(file, free, options):
        column = file.table[name]
        if not _is_like_a_name(column, file.decimal):
            continue
        codes, n_values = _together([column])
        called_so, words = _is_called_so(name), not is_numeric(column, file.decimal)
        recur = RECUR_IF_CALLED_SO if called_so else RECUR_IF_WORDS if words else RECUR
        times_each = LEAST_TIMES * n_values if called_so else COVERED * n_base * n_values
        if not 2 <= n_values <= MOST_VALUES or len(base) < times_each or n_base > recur * len(base):
            continue
        copies = len(base) - len(np.unique(base * n_values + codes))
        if copies <= min(SAME * len(base), UNEXPLAINED * (len(base) - n_base)):
            yield name


def _free_of_options(file: RawFile, free: Sequence[str], options: ReadOptions) -> list[str]:
    """The columns that no option says something of."""
    kept = {*(options.sensors or ()), *options.asked, *options.exclude, *options.words, options.mode}
    return [name for name in free if not {name, options.columns.get(name, name)} & kept]


def _is_like_a_name(column: Column, decimal: str) -> bool:
    """Whether a column holds words that are no states, or whole numbers."""
    if is_moment(column) or column.null_count == len(column):
        return False
    sample = sample_of(column)
    if is_text(column) and not is_numeric(sample, decimal):
        return read_numbers(sample, decimal).states is None
    numbers = numbers_in(sample, decimal)[0]
    held = numbers[np.isfinite(numbers)]
    return bool(len(held) and ((held == np.floor(held)) & (held >= 0)).all())


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


def refuse_sections(file: RawFile, time_us: Int64, keep: Bool, values: Floats) -> None:
    """Raise `DataError` where names stand again, and below them the times above begin again with other values: another
    machine. ``keep`` (n_rows,) marks the rows with these times (n_kept,) and values (n_kept, n_sensors).
    """
    kept = np.flatnonzero(keep)
    for start in file.sections:
        above, below = np.flatnonzero(kept < start), np.flatnonzero(kept >= start)
        both, first, second = np.intersect1d(time_us[above], time_us[below], return_indices=True)
        if len(both) < LEAST_TIMES or 2 * len(both) < min(len(above), len(below)):
            continue
        one, other = values[above[first]], values[below[second]]
        differ = ((one != other) & np.isfinite(one) & np.isfinite(other)).any(axis=1)
        if 2 * differ.sum() > len(both):
            raise DataError(
                f"{file.path}, {file.where(start)}: above this row the names stand again, and below them the same "
                "times come again with other values: as one asset the values of several machines would be averaged. "
                "Split the file here: one table per file."
            )


@dataclass(frozen=True)
class Watched:
    """Columns of words that had one value so far, and the first and last of all times [µs UTC]: a table may go on with
    another machine, from its first time on again, long after its beginning.
    """

    values: Mapping[str, str]
    first_us: int
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
            if time_us.min() < self.last_us and time_us.max() > self.first_us:
                row = int(np.flatnonzero((code >= 0) & (code != (names.index(value) if value in names else -1)))[0])
                raise DataError(
                    f"{part.path}, {part.where(row)}: column '{name}' changes from '{value}' to '{names[code[row]]}' "
                    "here, and times begin again: as one asset the values of both would be averaged. If it tells "
                    f"machines apart: --asset '{name}'. If it does not: --exclude '{name}'."
                )
            del still[name]  # it changes as time goes on, as a status does
        return Watched(still, min(self.first_us, int(time_us.min())), max(self.last_us, int(time_us.max())))


def watched(file: RawFile, free: Sequence[str], options: ReadOptions, time_us: Int64) -> Watched:
    """What is to be watched from the first part of a file on, whose kept rows have these times (n_kept,)."""
    values = {
        name: names[0]
        for name in _free_of_options(file, free, options)
        if is_text(file.table[name])
        and not is_numeric(file.table[name], file.decimal)
        and len(names := coded(file.table[name])[0]) == 1
    }
    return Watched(values, int(time_us.min(initial=2**62)), int(time_us.max(initial=-(2**62))))
