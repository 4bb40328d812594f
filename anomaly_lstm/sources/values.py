"""The cells of a file's sensors as numbers: which columns are sensors, what became missing and why, in which unit."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from anomaly_lstm.arrow import Column, from_bools, texts
from anomaly_lstm.errors import DataError, UsageError
from anomaly_lstm.sources.cells import (
    Numbers,
    as_written,
    coded,
    is_measured,
    is_moment,
    is_numeric,
    is_text,
    numbers_among_text,
    places_of,
    read_numbers,
    sample_of,
    words_of,
)
from anomaly_lstm.sources.contract import RawFile, ReadOptions
from anomaly_lstm.sources.names import FOR_ANY_VALUES, LABEL_NAMES, key_of
from anomaly_lstm.sources.qualities import bad_by, word_of
from anomaly_lstm.sources.remarks import (
    Habit,
    Remarked,
    Remarks,
    at_most,
    habit_in,
    perhaps_thousands,
    settle_thousands,
    with_fillers,
)
from anomaly_lstm.sources.roles import Roles
from anomaly_lstm.sources.units import same_unit
from anomaly_lstm.sources.words import capped, columns_named, listed

Int64 = NDArray[np.int64]
Floats = NDArray[np.float64]
Bool = NDArray[np.bool_]
Lost = dict[str, int]
"""What cells held that became missing → cells."""

LABEL_VALUES_MOST = 20


@dataclass(frozen=True)
class Values:
    """The numbers of some rows.

    Wide: ``values`` (n_kept, n_sensors). Long: ``values`` (n_rows, 1), ``sensor`` (n_rows,) indexes ``sensors``, and
    ``left_out`` (n_rows,) marks rows of sensors that are not wanted.
    """

    sensors: tuple[str, ...]
    values: Floats
    lost: Mapping[str, Mapping[str, int]]
    notes: list[str]
    units: Mapping[str, str] = field(default_factory=dict)
    sensor: Int64 | None = None
    left_out: Bool = field(default_factory=lambda: np.zeros(0, dtype=bool))
    remarked: Remarked = field(default_factory=dict)


def wide_values(file: RawFile, roles: Roles, options: ReadOptions, keep: Bool) -> Values:
    """The numbers of the kept rows of a wide table; raise `DataError` where no column holds any."""
    columns, notes = _sensor_columns(file, roles, options)
    lost: dict[str, Lost] = {}
    units: dict[str, str] = {}
    states: list[str] = []
    remarked: dict[str, Remarks] = {}
    rows = np.flatnonzero(keep)
    values = np.empty((int(keep.sum()), len(columns)))
    for place, (sensor, name) in enumerate(columns.items()):
        column = file.table[name]
        if options.words.get(sensor):
            values[:, place] = places_of(column, options.words[sensor], keep)
            remarked[sensor] = with_fillers(Remarks(), values[:, place])
            continue
        numbers = read_numbers(column, file.decimal, keep, options.missing)
        unit = _unit_of(file, name, numbers, rows, file.units.get(name))
        units |= {sensor: unit} if unit else {}
        held = column.filter(from_bools(keep))
        if numbers.doubtful.any():
            habits = [(None, sensor, habit_in(file.head[name], file.decimal) if file.head is not None else Habit())]
            numbers, doubts = settle_thousands(numbers, habits, held, rows, file)
            remarked |= doubts
        else:
            head = file.head[name] if file.head is not None else None
            remarked |= perhaps_thousands(numbers.values, sensor, head, held, rows, file)
        words = words_of(held, numbers.bad)
        quality = roles.quality.get(name) or roles.quality.get("*")
        values[:, place], worse = _without_bad(numbers, file, quality, keep)
        lost |= {sensor: capped(Counter(words) + Counter(worse))} if words or worse else {}
        states += [_state_note(sensor, numbers)] if numbers.states else []
        remarked[sensor] = with_fillers(remarked.get(sensor, Remarks()), values[:, place])
    notes += [*_unit_notes(units), *at_most(states)]
    return Values(tuple(columns), values, lost, notes, units, remarked=remarked)


def cells_lost(lost: Mapping[str, Mapping[str, int]]) -> list[str]:
    """Tell which sensors lost cells, and what these held."""
    return at_most(
        [
            f"'{sensor}': {sum(words.values())} cell(s) without a number became missing: {said_of(words)}."
            for sensor, words in lost.items()
        ]
    )


def long_values(file: RawFile, roles: Roles, options: ReadOptions, keep: Bool) -> Values:
    """The numbers of all rows of a long table, their sensors, and which rows are of none that is wanted."""
    assert roles.sensor is not None  # a long table has both
    assert roles.value is not None
    names, sensor = coded(file.table[roles.sensor])
    final = [options.columns.get(name, name) for name in names]
    wanted = [_is_wanted(old, new, options) for old, new in zip(names, final, strict=True)]
    unwanted = ~np.array([*wanted, True])[sensor]
    column = file.table[roles.value]
    if not is_measured(column, file.decimal, options.value is not None or bool(options.known), options.missing):
        raise DataError(
            f"{file.path}: value column '{roles.value}' holds no numbers.{_example(file, [roles.value])} "
            "Name the one that does in [source] value."
        )
    kept = keep & ~unwanted
    numbers = read_numbers(column, file.decimal, missing=options.missing)
    numbers, remarked = _settled_in_long(file, roles, numbers, sensor, final)
    values, bad = numbers.values.copy(), numbers.bad.copy()
    states: list[str] = []
    told = [number for number, name in enumerate(final) if options.words.get(name)]
    for number in told:
        mine = sensor == number
        values[mine] = places_of(column, options.words[final[number]], mine)
        bad[mine] &= np.isnan(values[mine])
    for number in np.setdiff1d(np.unique(sensor[numbers.bad & kept]), told):
        mine = sensor == number
        alone = read_numbers(column, file.decimal, mine, options.missing)
        if alone.states:  # words that are states of this sensor, among the numbers of others
            values[mine], bad[mine] = alone.values, alone.bad
            states.append(_state_note(final[number], alone))
    quality = roles.quality.get(roles.value)
    poor = bad_by(file.table[quality]) & np.isfinite(values) if quality else np.zeros(len(keep), dtype=bool)
    values[poor] = np.nan
    lost: dict[str, Lost] = {}
    for number in np.unique(sensor[(bad | poor) & kept]):
        mine, new = (sensor == number) & kept, final[number]
        poorly = words_of(word_of(file.table[quality]), poor & mine) if quality else {}
        lost[new] = capped(Counter(lost.get(new, {})) + Counter(words_of(column, bad & mine)) + Counter(poorly))
    units = _units_in_long(file, roles, numbers, np.where(kept, sensor, -1), final)
    sensors = tuple(sorted({name for name, good in zip(final, wanted, strict=True) if good}))
    place = {name: number for number, name in enumerate(sensors)}
    code = np.array([*(place.get(name, -1) for name in final), -1], dtype=np.int64)
    notes = [*_unit_notes(units), *at_most(states)]
    return Values(sensors, values[:, None], lost, notes, units, code[sensor], unwanted, remarked)


def _settled_in_long(
    file: RawFile, roles: Roles, numbers: Numbers, sensor: Int64, names: Sequence[str]
) -> tuple[Numbers, dict[str, Remarks]]:
    """`settle_thousands` in a long table, for each of its sensors (n_rows,) by its own first cells."""
    if not numbers.doubtful.any():
        return numbers, {}
    assert roles.sensor is not None
    assert roles.value is not None
    there = (
        [] if file.head is None else [name for name in (roles.sensor, roles.value) if name in file.head.column_names]
    )
    first, whose = coded(file.head[roles.sensor]) if len(there) == 2 else ((), np.zeros(0, dtype=np.int64))
    raw = coded(file.table[roles.sensor])[0]
    habits = [
        (
            sensor == number,
            names[number],
            habit_in(file.head[roles.value].filter(from_bools(whose == first.index(raw[number]))), file.decimal)
            if raw[number] in first
            else Habit(),
        )
        for number in np.unique(sensor[numbers.doubtful]).tolist()
        if number >= 0
    ]
    return settle_thousands(numbers, habits, file.table[roles.value], np.arange(len(sensor)), file)


def _sensor_columns(file: RawFile, roles: Roles, options: ReadOptions) -> tuple[dict[str, str], list[str]]:
    """The columns of a wide table that are sensors, by sensor, and what to tell about the others."""
    columns: dict[str, str] = {}
    text: list[str] = []
    moments: list[str] = []
    labels: list[str] = []
    numbering = [] if options.known else sorted(set(file.indexes) - roles.taken())
    for name in file.table.column_names:
        sensor, column = options.columns.get(name, name), file.table[name]
        if name in roles.taken() or name in numbering or not _is_wanted(name, sensor, options):
            continue
        asked = _is_asked(sensor, options)
        if not options.known and is_moment(column):
            moments.append(name)
        elif not options.known and not asked and sensor not in options.asked and _is_label(file, name):
            labels.append(name)
        elif not options.known and not is_measured(column, file.decimal, asked, options.missing):
            text.append(name)
        elif sensor in columns:
            raise UsageError(f"[source] columns gives two columns of {file.path} the same name '{sensor}'.")
        else:
            columns[sensor] = name
    if not columns and not options.known and not _is_left_out_whole(file, roles, options):
        others = [name for name in file.table.column_names if name not in roles.taken()]
        raise DataError(
            f"{file.path}: no column holds numbers to learn from; besides time there are "
            f"{listed(others) or 'no columns'}.{_example(file, text)} "
            "Check the separator and decimal mark (--separator, --decimal), --sensors and --exclude; "
            "a file that holds no measurements is left out by naming the others, or a glob."
        )
    told = {"Text": text, "Further times": moments, "Only numbers the rows": numbering}
    notes = [f"{what}, no sensor: {columns_named(names)}." for what, names in told.items() if names]
    notes += at_most([note for name in text for note in _half_text(file, name)])
    if labels:
        notes.append(
            f"Looks like a label, no sensor: {columns_named(labels)}. What a model is to find out must not be told to "
            "it; if it is measured, name it with --sensors."
        )
    return columns, notes


def _half_text(file: RawFile, name: str) -> list[str]:
    """Tell of a column of text that holds numbers too, and where it begins to hold none."""
    if not is_text(file.table[name]):
        return []
    good, bad = numbers_among_text(file.table[name], file.decimal)
    row = next(iter(np.flatnonzero(read_numbers(file.table[name], file.decimal).bad)), None)
    if not good or row is None:
        return []
    cell, where = as_written(file.table[name], int(row)), file.where(int(row))
    other = "." if file.decimal == "," else ","
    mark = f", which has another decimal mark than '{file.decimal}'" if is_numeric(_only(cell), other) else ""
    return [
        f"'{name}' is no sensor for {bad} of its cells hold no number ({good} do), the first in {where}: '{cell}'"
        f"{mark}. Mend them; or name the column with --sensors, and they become missing."
    ]


def _only(cell: str) -> Column:
    return texts((cell,))


def _is_left_out_whole(file: RawFile, roles: Roles, options: ReadOptions) -> bool:
    """Say whether a file is one of several of an asset, and the options leave out all that it measures."""
    if not (options.name or options.asset_from == "folder" or options.sensor_prefix):
        return False
    free = [name for name in file.table.column_names if name not in roles.taken() and name not in file.indexes]
    return bool(free) and not any(_is_wanted(name, options.columns.get(name, name), options) for name in free)


def _example(file: RawFile, text: Sequence[str]) -> str:
    """Where the first cell stands that is no number."""
    for name in text:
        bad = np.flatnonzero(read_numbers(file.table[name], file.decimal).bad)
        if len(bad):
            cell = as_written(file.table[name], int(bad[0]))
            return f" {file.where(int(bad[0])).capitalize()}, column '{name}', holds '{cell}'."
    return ""


def _is_label(file: RawFile, name: str) -> bool:
    """Say whether a column is called like what one wants to find out, and holds few words or whole numbers (or counts
    down to it).
    """
    key = key_of(name)
    if file.told:
        return False
    if key not in LABEL_NAMES or key in FOR_ANY_VALUES:
        return key in FOR_ANY_VALUES
    sample = sample_of(file.table[name])
    numbers = read_numbers(sample, file.decimal).values
    held = numbers[np.isfinite(numbers)]
    few = len(coded(sample)[0]) <= min(LABEL_VALUES_MOST, max(2, len(sample) // 2))
    return few and bool((held == np.floor(held)).all())


def _is_asked(sensor: str, options: ReadOptions) -> bool:
    """Say whether a column is to be a sensor whatever it holds."""
    return options.sensors is not None or sensor == options.mode or sensor in options.words


def cells_of(file: RawFile, roles: Roles, sensor: str, options: ReadOptions) -> list[Column]:
    """The cells of a sensor, in one column for each name it has in the file."""
    if roles.sensor is None or roles.value is None:
        return [file.table[name] for name in file.table.column_names if options.columns.get(name, name) == sensor]
    names, code = coded(file.table[roles.sensor])
    mine = [place for place, name in enumerate(names) if options.columns.get(name, name) == sensor]
    return [file.table[roles.value].filter(from_bools(code == place)) for place in mine]


def _is_wanted(name: str, sensor: str, options: ReadOptions) -> bool:
    """Say whether the options let a column (in a long table, a sensor name) be a sensor."""
    known = not options.known or sensor in options.known
    chosen = options.sensors is None or sensor in options.sensors
    return known and chosen and not {name, sensor} & set(options.exclude)


def _without_bad(numbers: Numbers, file: RawFile, quality: str | None, keep: Bool) -> tuple[Floats, Lost]:
    """The numbers of the kept rows but those whose quality is bad, and how many these were, by the word for it."""
    if quality is None:
        return numbers.values, {}
    column = file.table[quality].filter(from_bools(keep))
    worse = bad_by(column) & np.isfinite(numbers.values)
    return np.where(worse, np.nan, numbers.values), words_of(word_of(column), worse)


def _unit_of(file: RawFile, name: str, numbers: Numbers, rows: Int64, told: str | None) -> str | None:
    """The unit of a column, by its head or by its cells; raise `DataError` where there are two."""
    if numbers.unit is None:
        return told
    first = {unit: int(np.flatnonzero(numbers.unit == place)[0]) for place, unit in enumerate(numbers.units)}
    unit = told or min(first, key=lambda unit: first[unit])
    for other, row in first.items():
        if not same_unit(unit, other):
            where = file.where(int(rows[first[unit]])) if told is None else "the head of the table"
            raise _two_units(file, f"column '{name}'", (other, int(rows[row])), unit, where)
    return unit


def _units_in_long(
    file: RawFile, roles: Roles, numbers: Numbers, sensor: Int64, names: Sequence[str]
) -> dict[str, str]:
    """The units of the sensors of a long table, by the column of units and by its cells; two of one are an error.

    ``sensor`` (n_rows,) is the place of each row's sensor among ``names``, −1 where the row does not count.
    """
    told = [coded(file.table[roles.unit])] if roles.unit is not None else []
    told += [(numbers.units, numbers.unit)] if numbers.unit is not None else []
    found: dict[str, tuple[str, int]] = {}
    for units, place in told:
        rows = np.flatnonzero((place >= 0) & (sensor >= 0))
        pairs, first = np.unique(sensor[rows] * len(units) + place[rows], return_index=True)
        for pair, at in sorted(zip(pairs.tolist(), rows[first].tolist(), strict=True), key=lambda item: item[1]):
            name, unit = names[pair // len(units)], units[pair % len(units)]
            before, row = found.setdefault(name, (unit, at))
            if not same_unit(unit, before):
                raise _two_units(file, f"sensor '{name}'", (unit, at), before, file.where(row))
    return {name: unit for name, (unit, _) in found.items()}


def _two_units(file: RawFile, what: str, here: tuple[str, int], there: str, where: str) -> DataError:
    unit, row = here
    return DataError(
        f"{file.path}, {file.where(row)}: {what} is in '{unit}' here and in '{there}' in {where}. A sensor has one "
        "unit: convert the values, or leave it out with --exclude."
    )


def _state_note(sensor: str, numbers: Numbers) -> str:
    one, zero = numbers.states or ("", "")
    return f"'{sensor}' holds two states: '{one}' is 1, '{zero}' is 0."


def said_of(words: Mapping[str, int]) -> str:
    """``'Bad' (3), '#N/A' (1)``."""
    return ", ".join(f"'{word}' ({count})" for word, count in words.items())


def _unit_notes(units: Mapping[str, str]) -> list[str]:
    shown = ", ".join(f"{sensor}: {unit}" for sensor, unit in list(units.items())[:12])
    more = f" and {len(units) - 12} more" if len(units) > 12 else ""
    return [f"Units as the file tells them: {shown}{more}."] if units else []
