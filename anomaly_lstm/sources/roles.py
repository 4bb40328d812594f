"""Which column of a file is time, asset, and in a long table sensor and value."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import pyarrow as pa

from anomaly_lstm.errors import DataError, UsageError
from anomaly_lstm.sources.cells import is_moment, is_numeric, is_text, share_of, texts_of
from anomaly_lstm.sources.contract import RawFile, ReadOptions
from anomaly_lstm.sources.counts import is_number_format
from anomaly_lstm.sources.formats import likely_formats, number_format, what_numbers_may_be, what_text_may_be
from anomaly_lstm.sources.words import columns_named, listed, near

TIME_NAMES = (
    *("time", "timestamp", "datetime", "dateandtime", "timeutc", "timestamputc", "datetimeutc", "utc"),
    *("sampletime", "eventtime", "recordtime", "tstamp", "ts", "ds", "date", "zeit", "zeitstempel", "datumzeit"),
    *("datumuhrzeit", "datum", "fechahora", "fechayhora", "fecha", "horodatage", "dateheure", "datahora", "dataora"),
)
COUNTER_NAMES = (
    *("cycle", "cycles", "cyclenumber", "timeincycles", "timecycles", "sample", "sampleno", "samplenumber", "index"),
    *("step", "t", "seconds", "timesec", "times", "hours", "minutes", "elapsed", "elapsedtime", "runtime", "counter"),
)
ASSET_WORDS = ("asset", "machine", "equipment", "device", "turbine", "compressor", "engine", "pump", "motor")
SENSOR_NAMES = (
    *(
        "sensor",
        "sensorid",
        "sensorname",
        "tag",
        "tagid",
        "tagname",
        "variable",
        "variablename",
        "signal",
        "signalname",
    ),
    *("point", "pointname", "pointid", "parameter", "metric", "measurement", "channel", "item", "name"),
)
VALUE_NAMES = ("value", "val", "reading", "wert", "messwert", "valor", "valeur", "valore")


@dataclass(frozen=True)
class Roles:
    """Which column of a file is what; the rest are sensors, if they hold numbers."""

    time: str
    asset: str | None
    layout: str
    sensor: str | None = None
    value: str | None = None
    notes: tuple[str, ...] = ()

    def taken(self) -> set[str]:
        """The columns that are no sensors because they have a role."""
        named = (self.asset, self.sensor, self.value, *self.time.split(" + "), self.time)
        return {name for name in named if name is not None}


def find_roles(file: RawFile, options: ReadOptions) -> Roles:
    """Say which columns hold time, asset, and in a long table sensor and value; no time is a `DataError`."""
    time, notes = find_time(file, options)
    free = [name for name in file.table.column_names if name not in {time, *time.split(" + ")}]
    if options.layout != "long":
        free = [name for name in free if options.columns.get(name, name) not in options.known]
    asset, asset_notes = _find_asset(file, free, options.asset)
    notes += asset_notes
    free = [name for name in free if name != asset]
    sensor = _demand(file, options.sensor, "sensor") or _first(free, SENSOR_NAMES)
    value = _demand(file, options.value, "value") or _first(free, VALUE_NAMES)
    text = sensor is not None and (options.sensor is not None or not is_numeric(file.table[sensor], file.decimal))
    long = options.layout == "long" or (options.layout is None and text and value is not None)
    if not long:
        return Roles(time, asset, "wide", notes=tuple(notes))
    if sensor is None or value is None:
        raise DataError(
            f"{file.path}: a long table needs a column with sensor names and one with values; the columns are "
            f"{listed(file.table.column_names)}. Name them in [source] sensor and value, or set layout = 'wide'."
        )
    if options.layout is None:
        notes.append(f"Long table: column '{sensor}' names the sensor, '{value}' holds its value.")
    others = [name for name in free if name not in (asset, sensor, value) and name not in options.exclude]
    if others and not options.known:
        notes.append(f"Not used in a long table: {columns_named(others)}.")
    return Roles(time, asset, "long", sensor, value, tuple(notes))


def find_time(file: RawFile, options: ReadOptions) -> tuple[str, list[str]]:
    """Return the time column ("Date + Time" where two columns hold the halves) and what to tell about the choice."""
    if options.time is not None:
        if options.time not in file.table.column_names and not all(
            part in file.table.column_names for part in options.time.split(" + ")
        ):
            _demand(file, options.time, "time")
        return options.time, []
    found = _time_candidates(file, options.time_format)
    if not found:
        raise DataError(
            f"{file.path}: no column holds times; the columns are {listed(file.table.column_names)}."
            f"{_what_could_be_time(file)} Name the one that does with --time; if it counts seconds, also set "
            "--time-format or [source] time_format to epoch_s. "
            "A file that holds no measurements is left out by naming the others, or a glob."
        )
    time = found[0]
    label = "the index of the table" if time == "__index_level_0__" else f"column '{time}'"
    notes = [f"Time is {label}."]
    if len(found) > 1:
        notes = [f"Time is {label}; {columns_named(found[1:])} could be it too: choose with --time."]
    half = _time_of_day(file, time)
    return (f"{time} + {half}", [f"Time is columns '{time}' and '{half}' together."]) if half else (time, notes)


def _what_could_be_time(file: RawFile) -> str:
    """A sentence on the column that is named as time, or seems to count it."""
    plain = _first(file.table.column_names, TIME_NAMES)
    if plain is not None and is_numeric(file.table[plain], file.decimal):
        return f" Column '{plain}' holds no dates. {what_numbers_may_be(file.table[plain], file.decimal, plain)}"
    if plain is not None:
        return f" Column '{plain}' holds no dates.{what_text_may_be(file.table[plain], plain)}"
    counter = _first(file.table.column_names, COUNTER_NAMES)
    if counter is not None:
        return (
            f" Column '{counter}' seems to count: --time '{counter}' --time-format counter --period 1h (what one is "
            "worth) makes a clock of it."
        )
    clocks = (name for name in file.table.column_names if what_text_may_be(file.table[name], name))
    clock = next(clocks, None)
    return f" Column '{clock}':{what_text_may_be(file.table[clock], clock)}" if clock is not None else ""


def _time_candidates(file: RawFile, wanted: str | None) -> list[str]:
    """Columns that may hold time, best first: by name and content, by type, by content alone.

    ``wanted`` is the form that somebody told; numbers may be what it says.
    """
    told = wanted is not None and is_number_format(wanted)
    ranked: list[tuple[int, int, str]] = []
    for position, name in enumerate(file.table.column_names):
        column, key = file.table[name], _key(name)
        rank = TIME_NAMES.index(key) if key in TIME_NAMES else None
        if is_moment(column):
            ranked.append((rank if rank is not None else 100, position, name))
        elif is_numeric(column, file.decimal):
            if rank is not None and (told or number_format(column, file.decimal)):
                ranked.append((rank, position, name))
        elif is_text(column) and likely_formats(column):
            ranked.append((rank if rank is not None else 200, position, name))
    return [name for _, _, name in sorted(ranked)]


def _time_of_day(file: RawFile, time: str) -> str | None:
    """Find the column with the time of day when ``time`` holds dates alone (historians export both halves)."""
    column = file.table[time]
    if not is_text(column) or share_of(column, r"\d:\d|\dT\d|^\d{8,}$") > 0:
        return None
    clock = r"^\s*\d{1,2}[:.h]\d{2}([:.m]\d{2}([.,:]\d+)?)?s?(\s*[AaPp]\.?\s?[Mm]\.?)?\s*$"
    halves = (name for name in file.table.column_names if name != time and is_text(file.table[name]))
    return next((name for name in halves if share_of(file.table[name], clock) > 0.5), None)


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
    column, key = file.table[name], _key(name)
    if pa.types.is_floating(column.type) or is_moment(column):
        return False
    if key in {word + ending for ending in ("id", "name", "no", "nr", "number")}:
        return True
    surely = word in ("asset", "machine", "equipment", "device")
    return key == word and word != "unit" and (surely or not is_numeric(column, file.decimal))


def names_in(file: RawFile, roles: Roles) -> list[str]:
    """All columns of a file, and the sensor names in a long table."""
    sensors = [] if roles.sensor is None else texts_of(file.table[roles.sensor]).unique().drop_null().to_pylist()
    return [*file.table.column_names, *sensors]


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
    return _key(name) in VALUE_NAMES


def _key(name: str) -> str:
    """A name without case, blanks, marks and units in brackets: "Time [UTC]" and "time" are the same."""
    return re.sub(r"[\W_]", "", re.sub(r"[\[(].*?[\])]", "", name)).casefold()


def _first(names: Iterable[str], known: Sequence[str]) -> str | None:
    """The column whose name comes first in a list of known names."""
    found = sorted((known.index(_key(name)), name) for name in names if _key(name) in known)
    return found[0][1] if found else None


def _demand(file: RawFile, name: str | None, role: str) -> str | None:
    """Return the name if the file has such a column; raise `DataError` if not; None stays None."""
    if name is None or name in file.table.column_names:
        return name
    option = f"--{role}" if role in ("time", "asset") else f"[source] {role}"
    raise DataError(
        f"{file.path}: there is no {role} column '{name}'.{near(name, file.table.column_names)} "
        f"The columns are {listed(file.table.column_names)}. Choose one with {option}."
    )
