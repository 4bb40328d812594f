"""Which column of a file is time, asset, and in a long table sensor and value."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from anomaly_lstm.arrow import Column
from anomaly_lstm.errors import DataError, UsageError
from anomaly_lstm.sources.apart import told_apart
from anomaly_lstm.sources.cells import coded, is_moment, is_numeric, is_text, numbers_in, sample_of, texts_of
from anomaly_lstm.sources.contract import RawFile, ReadOptions
from anomaly_lstm.sources.counts import is_number_format
from anomaly_lstm.sources.formats import (
    likely_formats,
    number_format,
    time_column,
    two_forms,
    what_numbers_may_be,
    what_text_may_be,
)
from anomaly_lstm.sources.halves import time_of_day
from anomaly_lstm.sources.names import (
    ASSET_WORDS,
    COUNTER_NAMES,
    GOOD_FLAGS,
    KEPT_FLAGS,
    NUMBERED_SENSORS,
    PLACE_WORDS,
    QUALITY_NAMES,
    SENSOR_NAMES,
    TIME_NAMES,
    UNIT_NAMES,
    VALUE_NAMES,
    key_of,
    quality_base,
)
from anomaly_lstm.sources.qualities import holds_quality, is_yes_or_no
from anomaly_lstm.sources.units import is_unit
from anomaly_lstm.sources.words import columns_named, listed, near

NOT_MEASURED = frozenset({*QUALITY_NAMES, *GOOD_FLAGS, *UNIT_NAMES, *ASSET_WORDS, *TIME_NAMES})
LOOSE_NAMES = frozenset({"item", "channel", "parameter", "name", "measurement", "metric"})
"""Names of columns that may hold names of sensors, or of products, lines and recipes beside measurements."""
BY_ROW = 0.9
"""So many of the rows of one series have a time of their own."""


@dataclass(frozen=True)
class Roles:
    """Which column of a file is what; the rest are sensors, if they hold numbers."""

    time: str
    asset: str | None
    layout: str
    sensor: str | None = None
    value: str | None = None
    quality: Mapping[str, str] = field(default_factory=dict)
    """Column of values → the column that says how good they are; of a wide table ``*`` stands for all others."""
    unit: str | None = None
    """Of a long table, the column that holds the unit."""
    flags: tuple[str, ...] = ()
    """Columns that say of values what does not make them bad: questionable, substituted, annotated."""
    notes: tuple[str, ...] = ()

    def taken(self) -> set[str]:
        """The columns that are no sensors because they have a role."""
        named = (
            self.asset,
            self.sensor,
            self.value,
            self.unit,
            *self.quality.values(),
            *self.flags,
            *self.time.split(" + "),
            self.time,
        )
        return {name for name in named if name is not None}


def find_roles(file: RawFile, options: ReadOptions) -> Roles:
    """Say which columns hold time, asset, and in a long table sensor and value; no time is a `DataError`."""
    if file.told and not {options.time, options.asset} - {None, *file.told.values()} and options.layout != "long":
        note = f"Time is column '{file.told['time']}', column '{file.told['asset']}' names the asset."
        return Roles(file.told["time"], file.told["asset"], "wide", notes=(note,))
    time, notes = find_time(file, options)
    free = [name for name in file.table.column_names if name not in {time, *time.split(" + ")}]
    if options.layout != "long":
        free = [name for name in free if options.columns.get(name, name) not in options.known]
    asset, asset_notes = _find_asset(file, free, options.asset)
    notes += asset_notes
    free = [name for name in free if name != asset]
    sensor = _demand(file, options.sensor, "sensor") or _first(free, SENSOR_NAMES)
    value = _demand(file, options.value, "value") or _first(free, VALUE_NAMES)
    text = sensor is not None and (
        options.sensor is not None
        or key_of(sensor) in NUMBERED_SENSORS
        or not is_numeric(file.table[sensor], file.decimal)
    )
    guessed = options.layout is None and text and value is not None
    told = options.sensor is not None or options.value is not None
    long = options.layout == "long" or (guessed and (told or not _is_wide_all_the_same(file, time, sensor, free)))
    if not long:
        quality, quality_notes = _find_qualities(file, free, options)
        flags = [name for name in free if _is_flag(file, name, options)]
        others = [name for name in free if name not in {*quality.values(), *flags}]
        asset, apart_notes = _by_times(file, asset, time, others, options)
        if flags and not options.known:
            quality_notes.append(f"Flags of values that count all the same, no sensor: {columns_named(flags)}.")
        notes += [*apart_notes, *quality_notes]
        return Roles(time, asset, "wide", quality=quality, flags=tuple(flags), notes=tuple(notes))
    if sensor is None or value is None:
        raise DataError(
            f"{file.path}: a long table needs a column with sensor names and one with values; the columns are "
            f"{listed(file.table.column_names)}. Name them in [source] sensor and value, or set layout = 'wide'."
        )
    if options.layout is None:
        notes.append(f"Long table: column '{sensor}' names the sensor, '{value}' holds its value.")
    beside = next((name for name in free if _tells_quality(file, name, options)), None)
    if beside is not None and not options.known:
        notes.append(f"Column '{beside}' says how good the value is: bad ones become missing.")
    unit = next((name for name in _all_of(free, UNIT_NAMES) if holds_units(file.table[name])), None)
    others = [name for name in free if name not in (sensor, value, beside, unit)]
    asset, apart_notes = _by_times(file, asset, time, others, options, (sensor,))
    notes += apart_notes
    others = [name for name in others if name not in (asset, *options.exclude)]
    if others and not options.known:
        notes.append(f"Not used in a long table: {columns_named(others)}.")
    return Roles(time, asset, "long", sensor, value, {value: beside} if beside else {}, unit, notes=tuple(notes))


def _is_wide_all_the_same(file: RawFile, time: str, sensor: str | None, free: Sequence[str]) -> bool:
    """Whether ``item`` and ``value`` stand in a wide table: each row has its own time and further measurements."""
    if sensor is None or key_of(sensor) not in LOOSE_NAMES:
        return False
    by_row = _distinct(time_column(file, time)) >= BY_ROW * file.table.num_rows
    others = [name for name in free if key_of(name) not in {*NOT_MEASURED, *VALUE_NAMES}]
    return by_row and any(_has_fractions(file.table[name], file.decimal) for name in others)


def _by_times(
    file: RawFile, asset: str | None, time: str, free: Sequence[str], options: ReadOptions, series: Sequence[str] = ()
) -> tuple[str | None, list[str]]:
    """The column that names the asset, by what it does where none is called so; and what to tell."""
    if asset is not None or options.asset is not None or options.known or file.told:
        return asset, []
    found = told_apart(file, time_column(file, time), free, options, series)
    return (found.column, [found.note]) if found else (None, [])


def _find_qualities(file: RawFile, free: Sequence[str], options: ReadOptions) -> tuple[dict[str, str], list[str]]:
    """Which columns say how good the values of another are (``TT1_status``), or of the whole row (``quality``)."""
    found: dict[str, str] = {}
    free_names = set(free)
    for name in free:
        base = quality_base(name)
        base = base if base in free_names else None
        if base is not None and _is_free(name, options) and holds_quality(file.table[name]):
            found[base] = name
        elif base is None and _tells_quality(file, name, options):
            found.setdefault("*", name)
    notes = [] if options.known else [_quality_note(value, name) for value, name in found.items()]
    return found, notes


def _is_flag(file: RawFile, name: str, options: ReadOptions) -> bool:
    """Whether a column says yes or no to what a historian remarks about values."""
    if not key_of(name).endswith(KEPT_FLAGS) or not _is_free(name, options):
        return False
    column = file.table[name]
    return column.null_count == len(column) or is_yes_or_no(column) or holds_quality(column)


def _quality_note(value: str, name: str) -> str:
    whose = "all values of its row are" if value == "*" else f"the values of '{value}' are"
    return f"Column '{name}' says how good {whose}: bad ones become missing."


def _tells_quality(file: RawFile, name: str, options: ReadOptions) -> bool:
    if not _is_free(name, options):
        return False
    if key_of(name) in GOOD_FLAGS and is_yes_or_no(file.table[name]):
        return True
    return key_of(name) in QUALITY_NAMES and holds_quality(file.table[name])


def _is_free(name: str, options: ReadOptions) -> bool:
    """Whether no option says that a column is a sensor, or is left out."""
    sensor = options.columns.get(name, name)
    return not {name, sensor} & {*(options.sensors or ()), *options.exclude, *options.asked, options.mode}


def find_time(file: RawFile, options: ReadOptions) -> tuple[str, list[str]]:
    """Return the time column ("Date + Time" where two columns hold the halves) and what to tell about the choice."""
    if options.time is not None:
        if options.time not in file.table.column_names and not all(
            part in file.table.column_names for part in options.time.split(" + ")
        ):
            _demand(file, options.time, "time")
        return options.time, []
    told = options.time_format is not None and is_number_format(options.time_format)
    found = _time_candidates(file, told)
    if not found:
        raise DataError(
            f"{file.path}: no column holds times; the columns are {listed(file.table.column_names)}."
            f"{_what_could_be_time(file)}{_one_column(file)} Name the one that does with --time; if it counts seconds, "
            "also set --time-format or [source] time_format to epoch_s. "
            "A file that holds no measurements is left out by naming the others, or a glob."
        )
    time, better = _which_moves(file, found, options)
    found = [time, *(name for name in found if name != time)]
    label = "the index of the table" if time == "__index_level_0__" else f"column '{time}'"
    notes = [f"Time is {label}."]
    if len(found) > 1:
        notes = [f"Time is {label}; {columns_named(found[1:])} could be it too: choose with --time."]
    notes = [*better, *notes] if better else notes
    half = None if told else _half_of(file, time, options)
    return (f"{time} + {half}", [f"Time is columns '{time}' and '{half}' together."]) if half else (time, notes)


def _half_of(file: RawFile, time: str, options: ReadOptions) -> str | None:
    return time_of_day(file, time, [*(options.sensors or ()), *options.asked])


def _which_moves(file: RawFile, found: Sequence[str], options: ReadOptions) -> tuple[str, list[str]]:
    """Of the columns that may hold time the first that changes from row to row, and what to tell where it is not the
    first: the date of an export, or of what was installed, is the same in all rows; the time of a delivery in many.
    """
    first = found[0]
    if len(found) < 2 or file.table.num_rows < 2:
        return first, []
    half = _half_of(file, first, options)
    wanted = time_column(file, f"{first} + {half}" if half else first)
    free = [name for name in file.table.column_names if name not in {*found, half}]
    series = [file.table[name] for name in free if _may_name_a_series(file, name)]
    alone = all(_has_fractions(file.table[name], file.decimal) for name in free)
    rows, n_series, moments = file.table.num_rows, _distinct(*series), _distinct(wanted)
    # A single moment of many machines or tags has one row of each.
    still = 2 * n_series <= rows and _distinct(*series, wanted) == n_series
    for name in found[1:]:
        each = _distinct(*series, file.table[name])
        batched = alone and 2 * moments <= each and each >= BY_ROW * rows
        if (still and each > n_series) or batched:
            held = f"{moments} time(s) in {rows} rows"
            return name, [f"Column '{first}' could be the time by its name, but holds {held}: '{name}' is taken."]
    return first, []


def _may_name_a_series(file: RawFile, name: str) -> bool:
    key, column = key_of(name), file.table[name]
    named = key in {*SENSOR_NAMES, *PLACE_WORDS} or key.startswith(ASSET_WORDS)
    number = is_numeric(column, file.decimal)
    return (number and named) or (not number and is_text(column))


def _distinct(*columns: Column) -> int:
    """How many different rows the columns make; 1 where there is none."""
    texts = [pc.fill_null(texts_of(column), "") for column in columns]
    return int(pc.count_distinct(pc.binary_join_element_wise(*texts, "\0")).as_py()) if texts else 1


def _one_column(file: RawFile) -> str:
    return " If that should be several, set --separator." if len(file.table.column_names) == 1 else ""


def _what_could_be_time(file: RawFile) -> str:
    """A sentence on the column that is named as time, or seems to count it."""
    plain = _first(file.table.column_names, TIME_NAMES)
    if plain is not None and is_numeric(file.table[plain], file.decimal):
        return f" Column '{plain}' holds no dates. {what_numbers_may_be(file.table[plain], file.decimal, plain)}"
    if plain is not None:
        mixed = two_forms(file, file.table[plain])
        return f" Column '{plain}' {mixed or 'holds no dates.'}{what_text_may_be(file.table[plain], plain)}"
    counter = _first(file.table.column_names, COUNTER_NAMES)
    if counter is not None:
        return (
            f" Column '{counter}' seems to count: --time '{counter}' --time-format counter --period 1h (what one is "
            "worth) makes a clock of it."
        )
    clocks = (name for name in file.table.column_names if what_text_may_be(file.table[name], name))
    clock = next(clocks, None)
    return f" Column '{clock}':{what_text_may_be(file.table[clock], clock)}" if clock is not None else ""


def _time_candidates(file: RawFile, told: bool) -> list[str]:
    """Columns that may hold time, best first: by name and content, by type, by content alone.

    ``told`` is whether somebody said that times are numbers: then any may be.
    """
    ranked: list[tuple[int, int, str]] = []
    for position, name in enumerate(file.table.column_names):
        column, key = file.table[name], key_of(name)
        rank = TIME_NAMES.index(key) if key in TIME_NAMES else None
        if is_moment(column):
            ranked.append((rank if rank is not None else 100, position, name))
        elif is_numeric(column, file.decimal):
            if rank is not None and (told or number_format(column, file.decimal)):
                ranked.append((rank, position, name))
        elif is_text(column) and likely_formats(column):
            ranked.append((rank if rank is not None else 200, position, name))
    return [name for _, _, name in sorted(ranked)]


def _find_asset(file: RawFile, free: Sequence[str], wanted: str | None) -> tuple[str | None, list[str]]:
    """Return the column that names the asset, if one plainly does."""
    if wanted is not None:
        return _demand(file, wanted, "asset"), []
    plain = [name for word in (*ASSET_WORDS, "unit") for name in free if _names_asset(file, name, word)]
    if not plain:
        return None, []
    others = f"; {columns_named(plain[1:])} could be it too" if len(plain) > 1 else ""
    return plain[0], [f"Column '{plain[0]}' names the asset{others}: choose with --asset."]


def _names_asset(file: RawFile, name: str, word: str) -> bool:
    """`machine_id` may be a number; a bare `pump` with numbers is a status, and a bare `unit` is that of a quantity."""
    column, key = file.table[name], key_of(name)
    numbered = key in {word + ending for ending in ("id", "name", "no", "nr", "number")}
    if not numbered and (key != word or word == "unit"):
        return False
    if pa.types.is_floating(column.type) or is_moment(column) or _has_fractions(column, file.decimal):
        return False
    surely = word in ("asset", "machine", "equipment", "device")
    return numbered or surely or not is_numeric(column, file.decimal)


def holds_units(column: Column) -> bool:
    """Whether most words of a column are units of measurement, or could be: none looks like ``U1`` or ``Unit 2``."""
    if not is_text(column):
        return False
    words = coded(sample_of(column))[0]
    plants = [word for word in words if not is_unit(word) and PLANT_UNIT.fullmatch(word)]
    return 2 * len(plants) < len(words)


PLANT_UNIT = re.compile(
    r"(unit|line|linie|block|train|area|plant|anlage|werk|u|l)?[\s_.-]*([a-z]|[a-z]?\d{1,4}[a-z]?)", re.I
)


def names_in(file: RawFile, roles: Roles) -> list[str]:
    """All columns of a file, and the sensor names in a long table."""
    sensors = [] if roles.sensor is None else texts_of(file.table[roles.sensor]).unique().drop_null().to_pylist()
    return [*file.table.column_names, *sensors]


def _has_fractions(column: Column, decimal: str) -> bool:
    """Whether a column holds measurements: numbers, and not only whole ones."""
    if not is_numeric(column, decimal):
        return False
    numbers = numbers_in(sample_of(column), decimal)[0]
    held = numbers[np.isfinite(numbers)]
    return bool((held != np.floor(held)).any())


def check_names(present: Iterable[str], options: ReadOptions, where: str) -> None:
    """Raise `UsageError` when ``columns``, ``sensors`` or ``exclude`` name what is not there and no model knows."""
    if options.known:
        return
    names = set(present)
    renamed = {options.columns.get(name, name) for name in names}
    for option, asked, known in (
        ("[source] columns", options.columns, names),
        ("--sensors", options.sensors or (), renamed),
        ("--exclude", options.exclude, names | renamed),
    ):
        unknown = [name for name in asked if name not in known]
        if unknown:
            raise UsageError(
                f"{option} names {columns_named(unknown)}, which {where} does not have."
                f"{near(unknown[0], known)} The columns are {listed(sorted(known))}."
            )


def is_called_value(name: str) -> bool:
    """Say whether a column's name says only that it holds values."""
    return key_of(name) in VALUE_NAMES


def _first(names: Iterable[str], known: Sequence[str]) -> str | None:
    """The column whose name comes first in a list of known names."""
    return next(iter(_all_of(names, known)), None)


def _all_of(names: Iterable[str], known: Sequence[str]) -> list[str]:
    """The columns whose names are in a list of known names, in its order."""
    return [name for _, name in sorted((known.index(key_of(name)), name) for name in names if key_of(name) in known)]


def _demand(file: RawFile, name: str | None, role: str) -> str | None:
    """Return the name if the file has such a column; raise `DataError` if not; None stays None."""
    if name is None or name in file.table.column_names:
        return name
    option = f"--{role}" if role in ("time", "asset") else f"[source] {role}"
    raise DataError(
        f"{file.path}: there is no {role} column '{name}'.{near(name, file.table.column_names)} "
        f"The columns are {listed(file.table.column_names)}. Choose one with {option}."
    )
