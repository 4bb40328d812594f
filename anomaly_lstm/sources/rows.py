"""One file → its rows in UTC with numbers; each row is kept, or counted with the reason it was dropped."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from anomaly_lstm.arrow import Column, from_bools, is_null
from anomaly_lstm.errors import DataError, UsageError
from anomaly_lstm.sources.cells import coded, is_blank, is_measured, is_moment, is_text, numbers_in, places_of
from anomaly_lstm.sources.clocks import Account
from anomaly_lstm.sources.contract import FileQuality, RawFile, ReadOptions
from anomaly_lstm.sources.moments import OUTSIDE, moments_of
from anomaly_lstm.sources.roles import Roles
from anomaly_lstm.sources.words import columns_named, listed

Int64 = NDArray[np.int64]
Floats = NDArray[np.float64]
Bool = NDArray[np.bool_]

NO_ASSET = "asset missing"
NO_SENSOR = "sensor name missing"
LEFT_OUT = "sensor left out"


@dataclass(frozen=True)
class Rows:
    """The kept rows of one file, in UTC.

    ``asset`` (n_rows,) indexes ``assets``. Wide: ``values`` (n_rows, n_sensors). Long: ``values`` (n_rows, 1), and
    ``sensor`` (n_rows,) indexes ``sensors``.
    """

    file: str
    assets: tuple[str, ...]
    asset: Int64
    time_us: Int64
    sensors: tuple[str, ...]
    values: Floats
    sensor: Int64 | None = None
    notes: tuple[str, ...] = ()
    lost: tuple[str, ...] = ()
    """What to tell about rows and values that are not there."""
    quality: FileQuality = field(default_factory=lambda: FileQuality("", 0, 0))
    left_out: tuple[str, ...] = ()
    """What it measures that `ReadOptions.known` left out."""
    account: Account = field(default_factory=Account)
    """What the clocks of the file did, up to these rows."""


def rows_of(
    file: RawFile, roles: Roles, time_format: str | None, stem: str, options: ReadOptions, account: Account
) -> Rows:
    """Convert one file: times to UTC, cells to numbers; every row is kept or counted with the reason it was dropped.

    ``account`` is what the parts of the file before this one told of their clocks.
    """
    alone = ((stem,), np.zeros(file.table.num_rows, dtype=np.int64))
    assets, asset = coded(file.table[roles.asset]) if roles.asset else alone
    names, sensor = coded(file.table[roles.sensor]) if roles.sensor else ((), None)
    moments = moments_of(file, roles.time, time_format, (assets, asset), (names, sensor), options, account)
    keep, dropped, utc = moments.keep.copy(), dict(moments.dropped), moments.us
    nameless = {NO_ASSET: asset < 0} | ({} if sensor is None else {NO_SENSOR: sensor < 0})
    for reason, bad in nameless.items():
        if (keep & bad).any():
            dropped[reason] = int((keep & bad).sum())
            keep &= ~bad
    if sensor is None:
        sensors, values, bad_cells, more = _wide_values(file, roles, options, keep)
    else:
        sensors, sensor, values, bad_cells, keep = _long_values(file, roles, options, names, sensor, keep, dropped)
        more = []
    quality = FileQuality(str(file.path), file.table.num_rows, int(keep.sum()), dropped, bad_cells)
    kept_sensor = None if sensor is None else sensor[keep]
    left_out = tuple(name for name in names or file.table.column_names if _is_left_out(name, roles, options))
    return Rows(
        str(file.path),
        assets,
        asset[keep],
        utc[keep],
        sensors,
        values,
        kept_sensor,
        tuple(more),
        _without_values(sensors, values) if sensor is None else (),
        quality,
        left_out,
        moments.account,
    )


def lost_words(quality: FileQuality, options: ReadOptions) -> list[str]:
    """Tell which rows and cells of a file are not there, and why."""
    untold = (OUTSIDE, LEFT_OUT) if options.known else (OUTSIDE,)
    words = [
        f"'{sensor}': {bad} cell(s) without a number became missing."
        for sensor, bad in quality.cells_not_numeric.items()
    ]
    words += [f"{count} row(s) dropped: {reason}." for reason, count in quality.dropped.items() if reason not in untold]
    return words if quality.rows_kept else [*words, "No row lies between --start and --end."]


def _without_values(sensors: tuple[str, ...], values: Floats) -> tuple[str, ...]:
    empty = [sensor for place, sensor in enumerate(sensors) if np.isnan(values[:, place]).all()]
    return (f"Sensor without any value: {columns_named(empty)}.",) if empty and len(values) else ()


def _is_left_out(name: str, roles: Roles, options: ReadOptions) -> bool:
    """Say whether a column (in a long table, a sensor name) is none the model knows."""
    return bool(options.known) and name not in roles.taken() and options.columns.get(name, name) not in options.known


def _wide_values(
    file: RawFile, roles: Roles, options: ReadOptions, keep: Bool
) -> tuple[tuple[str, ...], Floats, dict[str, int], list[str]]:
    """Numbers of the kept rows (n_kept, n_sensors), their sensors, cells that held no number, and what to tell."""
    columns, notes = _sensor_columns(file, roles, options)
    bad_cells: dict[str, int] = {}
    values = np.empty((int(keep.sum()), len(columns)))
    for place, (sensor, column) in enumerate(columns.items()):
        if options.words.get(sensor):
            values[:, place] = places_of(column, options.words[sensor], keep)
            continue
        values[:, place], bad = numbers_in(column, file.decimal, keep)
        bad_cells |= {sensor: bad} if bad else {}
    return tuple(columns), values, bad_cells, notes


def _sensor_columns(file: RawFile, roles: Roles, options: ReadOptions) -> tuple[dict[str, Column], list[str]]:
    """The columns of a wide table that are sensors, by sensor, and what to tell about the others."""
    columns: dict[str, Column] = {}
    text: list[str] = []
    moments: list[str] = []
    numbering = [] if options.known else sorted(set(file.indexes) - roles.taken())
    for name in file.table.column_names:
        sensor, column = options.columns.get(name, name), file.table[name]
        if name in roles.taken() or name in numbering or not _is_wanted(name, sensor, options):
            continue
        if not options.known and is_moment(column):
            moments.append(name)
        elif not options.known and not is_measured(column, file.decimal, asked=_is_asked(sensor, options)):
            text.append(name)
        elif sensor in columns:
            raise UsageError(f"[source] columns gives two columns of {file.path} the same name '{sensor}'.")
        else:
            columns[sensor] = column
    if not columns and not options.known and not _is_left_out_whole(file, roles, options):
        raise DataError(
            f"{file.path}: no column holds numbers to learn from; besides time there are "
            f"{listed([name for name in file.table.column_names if name not in roles.taken()]) or 'no columns'}. "
            "Check the separator and decimal mark (--separator, --decimal), --sensors and --exclude; "
            "a file that holds no measurements is left out by naming the others, or a glob."
        )
    told = {"Text": text, "Further times": moments, "Only numbers the rows": numbering}
    return columns, [f"{what}, no sensor: {columns_named(names)}." for what, names in told.items() if names]


def _is_left_out_whole(file: RawFile, roles: Roles, options: ReadOptions) -> bool:
    """Say whether a file is one of several of an asset, and the options leave out all that it measures."""
    if not (options.name or options.asset_from == "folder" or options.sensor_prefix):
        return False
    free = [name for name in file.table.column_names if name not in roles.taken() and name not in file.indexes]
    return bool(free) and not any(_is_wanted(name, options.columns.get(name, name), options) for name in free)


def cells_of(file: RawFile, roles: Roles, sensor: str, options: ReadOptions) -> list[Column]:
    """The cells of a sensor, in one column for each name it has in the file."""
    if roles.sensor is None or roles.value is None:
        return [file.table[name] for name in file.table.column_names if options.columns.get(name, name) == sensor]
    names, code = coded(file.table[roles.sensor])
    mine = [place for place, name in enumerate(names) if options.columns.get(name, name) == sensor]
    return [file.table[roles.value].filter(from_bools(code == place)) for place in mine]


def _is_asked(sensor: str, options: ReadOptions) -> bool:
    """Say whether a column is to be a sensor whatever it holds."""
    return options.sensors is not None or sensor == options.mode or sensor in options.words


def _is_wanted(name: str, sensor: str, options: ReadOptions) -> bool:
    """Say whether the options let a column (in a long table, a sensor name) be a sensor."""
    known = not options.known or sensor in options.known
    chosen = options.sensors is None or sensor in options.sensors
    return known and chosen and not {name, sensor} & set(options.exclude)


def _long_values(
    file: RawFile,
    roles: Roles,
    options: ReadOptions,
    names: tuple[str, ...],
    sensor: Int64,
    keep: Bool,
    dropped: dict[str, int],
) -> tuple[tuple[str, ...], Int64, Floats, dict[str, int], Bool]:
    """The same for a long table: values (n_kept, 1), the sensor of every row; rows of unwanted sensors are counted."""
    final = [options.columns.get(name, name) for name in names]
    wanted = [_is_wanted(old, new, options) for old, new in zip(names, final, strict=True)]
    unwanted = keep & ~np.array([*wanted, False])[sensor]
    if unwanted.any():
        dropped[LEFT_OUT] = int(unwanted.sum())
    kept = keep & ~unwanted
    column = file.table[roles.value]
    if not is_measured(column, file.decimal, options.value is not None or bool(options.known)):
        raise DataError(
            f"{file.path}: value column '{roles.value}' holds no numbers. Name the one that does in [source] value."
        )
    values, _ = numbers_in(column, file.decimal)
    told = [number for number, name in enumerate(final) if options.words.get(name)]
    values = values.copy() if told else values
    for number in told:
        mine = sensor == number
        values[mine] = places_of(column, options.words[final[number]], mine)
    blank = is_null(column) if not is_text(column) else is_blank(column)
    bad = kept & np.isnan(values) & ~blank
    counts = np.bincount(sensor[bad], minlength=len(names))
    bad_cells: dict[str, int] = {}
    for new, count in zip(final, counts, strict=True):
        if count:
            bad_cells[new] = bad_cells.get(new, 0) + int(count)
    sensors = tuple(sorted({name for name, good in zip(final, wanted, strict=True) if good}))
    place = {name: number for number, name in enumerate(sensors)}
    code = np.array([*(place.get(name, -1) for name in final), -1], dtype=np.int64)
    return sensors, code[sensor], values[kept][:, None], bad_cells, kept
