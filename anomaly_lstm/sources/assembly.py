"""The rows of all files → assets, side by side where a table was long."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from anomaly_lstm.errors import DataError
from anomaly_lstm.sources.contract import RawAsset
from anomaly_lstm.sources.rows import Rows
from anomaly_lstm.sources.units import same_unit, split_unit
from anomaly_lstm.sources.words import columns_named, listed

Int64 = NDArray[np.int64]
Floats = NDArray[np.float64]


def assemble(rows: Sequence[Rows], known: Sequence[str] = ()) -> tuple[list[RawAsset], list[str]]:
    """Put the rows of every asset together, all assets with the same sensors (NaN where a file has none); by name.

    A long table has the sensors that have kept rows; those a model knows (``known``) count without rows too. Raises
    `DataError` where files of one asset tell two units of a sensor.
    """
    parts: dict[str, list[tuple[Rows, Any]]] = defaultdict(list)
    for block in rows:
        for number, asset in enumerate(block.assets):
            mine = slice(None) if len(block.assets) == 1 else np.flatnonzero(block.asset == number)
            if len(block.asset[mine]):
                parts[asset].append((block, mine))
    long = any(block.sensor is not None for block in rows)
    seen = [
        sensor
        for block in rows
        for sensor in (
            block.sensors
            if block.sensor is None or known
            else (block.sensors[code] for code in np.unique(block.sensor))
        )
    ]
    sensors = tuple(sorted(set(seen)) if long else dict.fromkeys(seen))
    told = {asset: _units_of(asset, [block for block, _ in parts[asset]]) for asset in sorted(parts)}
    assets = [_one_asset(asset, parts[asset], sensors) for asset in sorted(parts)]
    lacking: dict[tuple[str, ...], list[str]] = defaultdict(list)
    for made in assets:
        if made.absent:
            lacking[made.absent].append(made.asset)
    return assets, [
        f"{columns_named(missing)} {'is' if len(missing) == 1 else 'are'} not in the files of {listed(who)}: "
        "missing there."
        for missing, who in lacking.items()
    ] + [*_names_alike(rows, sensors), *_units_apart(told)]


def _units_of(asset: str, blocks: Sequence[Rows]) -> dict[str, str]:
    """Sensor → unit, as the files of an asset tell; raise `DataError` where two differ."""
    found: dict[str, tuple[str, str]] = {}
    for block in blocks:
        for sensor, unit in block.units.items():
            before, file = found.setdefault(sensor, (unit, block.file))
            if not same_unit(unit, before):
                raise DataError(
                    f"{block.file}: sensor '{sensor}' of asset '{asset}' is in '{unit}' here and in '{before}' in "
                    f"{file}. A sensor has one unit: convert the values, or leave it out with --exclude."
                )
    return {sensor: unit for sensor, (unit, _) in found.items()}


def _units_apart(told: Mapping[str, Mapping[str, str]]) -> list[str]:
    """Tell of sensors that are in one unit at one asset and in another at another."""
    notes: dict[str, str] = {}
    first: dict[str, tuple[str, str]] = {}
    for asset, units in told.items():
        for sensor, unit in units.items():
            before, other = first.setdefault(sensor, (unit, asset))
            if not same_unit(unit, before):
                notes.setdefault(
                    sensor,
                    f"UNITS DIFFER: '{sensor}' is in '{before}' at asset '{other}' and in '{unit}' at '{asset}': "
                    "its values cannot be compared. Convert them, or leave it out with --exclude.",
                )
    return list(notes.values())


def _names_alike(rows: Sequence[Rows], sensors: Sequence[str]) -> list[str]:
    """Tell of names that differ in case or unit only and stand in no file together: one sensor, most likely."""
    alike: dict[str, list[str]] = defaultdict(list)
    for name in sensors if len(rows) > 1 else ():
        alike[split_unit(name)[0].casefold()].append(name)
    return [
        f"TWO SENSORS? {columns_named(names)} differ in case or unit only and stand in different files: if they are "
        "one sensor, give it one name with [source] columns, in one unit."
        for names in alike.values()
        if len(names) > 1 and not any(len({*names} & {*block.sensors}) > 1 for block in rows)
    ]


def _one_asset(asset: str, parts: Sequence[tuple[Rows, Any]], sensors: tuple[str, ...]) -> RawAsset:
    """Rows of one asset from all its files, in file order; what different files or rows of a long table hold of
    different sensors is first brought side by side.
    """
    place = {name: number for number, name in enumerate(sensors)}
    wide = [(block, mine) for block, mine in parts if block.sensor is None]
    tables = [_side_by_side(beside, place) for beside in _beside(wide)]
    long = [(block, mine) for block, mine in parts if block.sensor is not None]
    if long:
        codes = [
            np.array([place.get(name, -1) for name in block.sensors])[block.sensor[mine]]
            for block, mine in long
            if block.sensor is not None
        ]
        stamps = np.concatenate([block.time_us[mine] for block, mine in long])
        cells = np.concatenate([block.values[mine][:, 0] for block, mine in long])
        tables.append(pivot(stamps, np.concatenate(codes), cells, len(sensors)))
    origins = tuple(dict.fromkeys(block.file for block, _ in parts))
    have = {name for block, _ in parts for name in block.sensors}
    time_us = np.concatenate([times for times, _ in tables])
    several = [beside for beside in _beside(wide) if len(beside) > 1]
    return RawAsset(
        asset,
        time_us,
        sensors,
        np.concatenate([values for _, values in tables]),
        origins,
        absent=tuple(name for name in sensors if name not in have),
        left_out=tuple(dict.fromkeys(name for block, _ in parts for name in block.left_out)),
        joined=sum(len(block.time_us[mine]) for block, mine in parts) - len(time_us),
        out_of_order=sum(
            int((np.diff(block.time_us[mine]) < 0).sum())
            for beside in several
            for group in beside
            for block, mine in group
        ),
    )


Part = tuple[Rows, Any]


def _beside(parts: Sequence[Part]) -> list[list[list[Part]]]:
    """Parts of wide tables, those of the same sensors together, beside those that have none of these sensors."""
    groups: dict[tuple[str, ...], list[Part]] = defaultdict(list)
    for block, mine in parts:
        groups[block.sensors].append((block, mine))
    tables: list[tuple[set[str], list[list[Part]]]] = []
    for names, group in groups.items():
        there = next((table for table in tables if not table[0] & set(names)), None)
        if there is None:
            tables.append((set(names), [group]))
        else:
            there[0].update(names)
            there[1].append(group)
    return [beside for _, beside in tables]


def _side_by_side(groups: Sequence[Sequence[Part]], place: Mapping[str, int]) -> tuple[Int64, Floats]:
    """Rows of groups that have no sensor in common: those of one time become one row. A single group stays as it is.

    The second row of a group at the same time opens a second row of that time: nothing is overwritten.
    """
    times = [np.concatenate([block.time_us[mine] for block, mine in group]) for group in groups]
    if len(groups) == 1:
        time_us, row_of = times[0], [np.arange(len(times[0]))]
    else:
        time_us, row_of = _common_rows(times)
    values = np.full((len(time_us), len(place)), np.nan)
    for group, rows in zip(groups, row_of, strict=True):
        columns = [place[name] for name in group[0][0].sensors]
        values[rows[:, None], columns] = np.concatenate([block.values[mine] for block, mine in group])
    return time_us, values


def _common_rows(times: Sequence[Int64]) -> tuple[Int64, list[Int64]]:
    """The times of common rows, ascending, and the common row of each row of every group."""
    order = [np.argsort(one, kind="stable") for one in times]
    repeat = [_repeats(one[by]) for one, by in zip(times, order, strict=True)]
    time_us, nth = np.concatenate([one[by] for one, by in zip(times, order, strict=True)]), np.concatenate(repeat)
    together = np.lexsort((nth, time_us))
    time_us, nth = time_us[together], nth[together]
    opens = np.r_[True, (np.diff(time_us) > 0) | (np.diff(nth) != 0)][: len(time_us)]
    row_of = np.empty(len(time_us), np.int64)
    row_of[together] = np.cumsum(opens) - 1
    out: list[Int64] = []
    start = 0
    for by in order:
        mine = np.empty(len(by), np.int64)
        mine[by] = row_of[start : start + len(by)]
        out.append(mine)
        start += len(by)
    return time_us[opens], out


def _repeats(time_us: Int64) -> Int64:
    """How many rows of the same time stand before each row (n_rows,) in time order."""
    position = np.arange(len(time_us))
    fresh = np.r_[True, np.diff(time_us) > 0][: len(time_us)]
    return position - np.maximum.accumulate(np.where(fresh, position, 0))


def pivot(time_us: Int64, sensor: Int64, cells: Floats, n_sensors: int) -> tuple[Int64, Floats]:
    """Bring (time, sensor, value) side by side: times (n,) ascending, values (n, n_sensors), NaN where none came.

    The second value of a sensor at the same time opens a second row of that time: nothing is overwritten.
    """
    order = np.lexsort((sensor, time_us))
    time, code = time_us[order], sensor[order]
    position = np.arange(len(time))
    fresh = np.ones(len(time), dtype=bool)
    fresh[1:] = (time[1:] != time[:-1]) | (code[1:] != code[:-1])
    repeat = position - np.maximum.accumulate(np.where(fresh, position, 0))
    by_row = np.lexsort((repeat, time))
    time, code, repeat, cell = time[by_row], code[by_row], repeat[by_row], cells[order][by_row]
    opens = np.ones(len(time), dtype=bool)
    opens[1:] = (time[1:] != time[:-1]) | (repeat[1:] != repeat[:-1])
    values = np.full((int(opens.sum()), n_sensors), np.nan)
    values[np.cumsum(opens) - 1, code] = cell
    return time[opens], values


def side_by_side(time_us: Int64, values: Floats) -> tuple[Int64, Floats]:
    """Bring rows (n,) of one time (n, n_sensors) together that have different sensors, as `pivot` does.

    A time at which no sensor has a value stays one row.
    """
    row, code = np.nonzero(np.isfinite(values))
    times, cells = pivot(time_us[row], code, values[row, code], values.shape[1])
    empty = np.setdiff1d(time_us, times)
    times = np.concatenate([times, empty])
    cells = np.concatenate([cells, np.full((len(empty), values.shape[1]), np.nan)])
    order = np.argsort(times, kind="stable")
    return times[order], cells[order]
