"""The rows of all files → assets, side by side where a table was long."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from anomaly_lstm.sources.contract import RawAsset
from anomaly_lstm.sources.packing import PACKED_ENDINGS
from anomaly_lstm.sources.rows import Rows
from anomaly_lstm.sources.words import columns_named, listed

Int64 = NDArray[np.int64]
Floats = NDArray[np.float64]


def assemble(rows: Sequence[Rows], known: Sequence[str] = ()) -> tuple[list[RawAsset], list[str]]:
    """Put the rows of every asset together, all assets with the same sensors (NaN where a file has none); by name.

    A long table has the sensors that have kept rows; those a model knows (``known``) count without rows too.
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
    assets = [_one_asset(asset, parts[asset], sensors) for asset in sorted(parts)]
    lacking: dict[tuple[str, ...], list[str]] = defaultdict(list)
    for made in assets:
        if made.absent:
            lacking[made.absent].append(made.asset)
    return assets, [
        f"{columns_named(missing)} {'is' if len(missing) == 1 else 'are'} not in the files of {listed(who)}: "
        "missing there."
        for missing, who in lacking.items()
    ]


def _one_asset(asset: str, parts: Sequence[tuple[Rows, Any]], sensors: tuple[str, ...]) -> RawAsset:
    """Rows of one asset from all its files, in file order; rows of long tables are first brought side by side."""
    place = {name: number for number, name in enumerate(sensors)}
    times: list[Int64] = []
    values: list[Floats] = []
    for block, mine in parts:
        if block.sensor is None:
            wide = np.full((len(block.time_us[mine]), len(sensors)), np.nan)
            wide[:, [place[name] for name in block.sensors]] = block.values[mine]
            times.append(block.time_us[mine])
            values.append(wide)
    long = [(block, mine) for block, mine in parts if block.sensor is not None]
    if long:
        codes = [
            np.array([place.get(name, -1) for name in block.sensors])[block.sensor[mine]]
            for block, mine in long
            if block.sensor is not None
        ]
        stamps = np.concatenate([block.time_us[mine] for block, mine in long])
        cells = np.concatenate([block.values[mine][:, 0] for block, mine in long])
        time_us, wide = pivot(stamps, np.concatenate(codes), cells, len(sensors))
        times.append(time_us)
        values.append(wide)
    origins = tuple(dict.fromkeys(block.file for block, _ in parts))
    have = {name for block, _ in parts for name in block.sensors}
    absent = tuple(name for name in sensors if name not in have)
    left_out = tuple(dict.fromkeys(name for block, _ in parts for name in block.left_out))
    return RawAsset(asset, np.concatenate(times), sensors, np.concatenate(values), origins, absent, left_out)


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


def asset_names(paths: Sequence[Path]) -> list[str]:
    """Name each file's asset by its stem, with folders before it where that keeps them apart: ``valve1/0``."""
    stems = [Path(path.stem).stem if path.suffix.lower() in PACKED_ENDINGS else path.stem for path in paths]
    names = list(stems)
    for depth in range(1, max((len(path.parts) for path in paths), default=1)):
        count = Counter(names)
        names = [
            "/".join((*path.resolve().parent.parts[-depth:], stem)) if count[name] > 1 else name
            for path, stem, name in zip(paths, stems, names, strict=True)
        ]
    count = Counter(names)
    return [name if count[name] == 1 else name + path.suffix for path, name in zip(paths, names, strict=True)]
