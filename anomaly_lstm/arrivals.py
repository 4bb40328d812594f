"""Rows as they arrived, kept by a run folder: of each asset a set, so that rows may come late, twice, and in any order.

Of what contradicts each other at one time, that which came last counts; of what came in one run, the mean, and one of
several words. Every run that brings new rows adds one file per asset, named by the run, how many rows it holds and
from when to when. Small files are joined with the one before, as in a log-structured merge tree (O'Neil et al., 1996),
so that their number grows with the logarithm of the runs. What a killed run left is found by its number and removed;
files that were joined are removed once the run is done. Since a set is kept, a file too many changes nothing.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from numpy.typing import NDArray

from anomaly_lstm import arrow, store
from anomaly_lstm.errors import DataError
from anomaly_lstm.sources.contract import RawAsset

Int64 = NDArray[np.int64]
Float64 = NDArray[np.float64]
Bool = NDArray[np.bool_]

FULL = 50_000
"""A file with so many rows is not joined with others any more."""


Words = Mapping[str, Sequence[str]]
"""Sensor that holds words (a mode, a status) → its words, among which its values are places."""


@dataclass(frozen=True)
class Added:
    """What came of rows that were handed in.

    ``times_us`` (n_new,) of those not kept before, in order, and ``after_us`` the last time kept before the first of
    them, None without any; ``superseded`` files to remove once the run is done.
    """

    times_us: Int64
    after_us: int | None
    superseded: tuple[Path, ...] = ()


@dataclass(frozen=True)
class _File:
    path: Path
    run: int
    n_rows: int
    first_us: int
    last_us: int


def add(folder: Path, run: int, raw: RawAsset, words: Words | None = None) -> Added:
    """Keep those of an asset's rows that ``folder`` does not hold yet, in a file of this ``run``."""
    table = _distinct(_table(raw, words or {}, run))
    files = _files(folder)
    table = _without(table, files)
    if not len(table):
        return Added(np.empty(0, np.int64), None)
    time_us = arrow.to_numpy(table.column("time"), np.int64)
    first = int(time_us[0])
    before = _last_before(files, first)
    joined: list[_File] = []
    for file in sorted(files, key=lambda file: -file.run):
        if file.n_rows > 2 * len(table) or len(table) + file.n_rows > FULL:
            break
        table = _distinct(pa.concat_tables([_read(file.path), table], promote_options="default"))
        joined.append(file)
    everything = arrow.to_numpy(table.column("time"), np.int64)
    name = f"{run:010d}.{len(table)}.{int(everything[0])}.{int(everything[-1])}.parquet"
    with store.replacing(folder / name) as side:
        pq.write_table(table, side, compression="zstd")
    return Added(time_us, before, tuple(file.path for file in joined))


def load(
    folder: Path, asset: str, sensors: Sequence[str], since_us: int | None = None, known: Words | None = None
) -> tuple[RawAsset, Words]:
    """An asset's rows from ``since_us`` on, one per time, in time order; and the words of its sensors, those ``known``
    before first.

    Of what a sensor has several times at one time, the last run's counts: the mean of its distinct values. A sensor
    that no file holds is in ``absent``.
    """
    files = [file for file in _files(folder) if since_us is None or file.last_us >= since_us]
    tables = [_read(file.path) for file in files]
    table = _distinct(pa.concat_tables(tables, promote_options="default")) if tables else _empty()
    time_us = arrow.to_numpy(table.column("time"), np.int64)
    if since_us is not None:
        first = int(np.searchsorted(time_us, since_us))
        table, time_us = table.slice(first), time_us[first:]
    words = {sensor: _words(table, sensor, (known or {}).get(sensor, ())) for sensor in sensors}
    words = {sensor: own for sensor, own in words.items() if own}
    cells = [_values(table, sensor, words.get(sensor, ())) for sensor in sensors]
    times, values = _that_counts(table, cells, [sensor in words for sensor in sensors])
    absent = tuple(sensor for sensor in sensors if not _has(table, sensor))
    return RawAsset(asset, times, tuple(sensors), values, absent=absent), words


def newest(folder: Path) -> int | None:
    """The last time kept [µs UTC]; None without a row."""
    return max((file.last_us for file in _files(folder)), default=None)


def columns(folder: Path) -> set[str]:
    """The sensors that any file holds."""
    found: set[str] = set()
    for file in _files(folder):
        found |= {name.partition(".")[2] for name in pq.read_schema(file.path).names if "." in name}
    return found


def sweep(folder: Path, run: int) -> None:
    """Remove the files of runs from number ``run`` on: they were killed before they were done."""
    for file in _files(folder):
        if file.run >= run:
            file.path.unlink(missing_ok=True)


def _files(folder: Path) -> list[_File]:
    """The files of an asset, old ones first."""
    found = []
    for path in sorted(folder.glob("*.parquet")):
        run, n_rows, first, last = (int(part) for part in path.stem.split("."))
        found.append(_File(path, run, n_rows, first, last))
    return found


def _read(path: Path) -> pa.Table:
    try:
        with pq.ParquetFile(path) as file:
            return file.read()
    except (OSError, pa.ArrowException) as problem:
        raise DataError(
            f"{path} is damaged ({str(problem).splitlines()[0]}). Restore it from a copy; or remove it, and read "
            "what it held again with `anomaly-lstm run PIPELINE --reprocess` if the source still has it."
        ) from problem


def _empty() -> pa.Table:
    return pa.table({"time": pa.array([], pa.int64()), "run": pa.array([], pa.int64())})


def _table(raw: RawAsset, words: Words, run: int) -> pa.Table:
    """The rows as they are kept, in time order, with the run they came in: `value.<sensor>` for numbers,
    `word.<sensor>` for words; without the sensors that the asset's files do not have.
    """
    order = np.argsort(raw.time_us, kind="stable")
    table = {"time": arrow.from_ints(raw.time_us[order]), "run": arrow.from_ints(np.full(len(order), run))}
    for place, sensor in enumerate(raw.sensors):
        if sensor in raw.absent:
            continue
        values = raw.values[order, place]
        own = words.get(sensor)
        if own:
            places = np.where(np.isfinite(values), values, len(own)).astype(np.int64)
            table[f"word.{sensor}"] = arrow.texts([*own, None]).take(arrow.from_ints(places))
        else:
            table[f"value.{sensor}"] = arrow.from_floats(values)
    return pa.table(table)


def _distinct(table: pa.Table) -> pa.Table:
    """The rows in time order, each once."""
    time_us = arrow.to_numpy(table.column("time"), np.int64)
    if not (np.diff(time_us) >= 0).all():
        order = np.argsort(time_us, kind="stable")
        table, time_us = table.take(arrow.from_ints(order)), time_us[order]
    again = np.flatnonzero(np.diff(time_us) == 0)
    if not len(again):
        return table
    doubtful = np.unique(np.r_[again, again + 1])
    keep = np.ones(len(time_us), bool)
    seen: set[tuple[object, ...]] = set()
    for row, key in zip(doubtful, _keys(table, doubtful), strict=True):
        keep[row] = key not in seen
        seen.add(key)
    return table.filter(arrow.from_bools(keep))


def _without(table: pa.Table, files: Sequence[_File]) -> pa.Table:
    """The rows that say something else than what counts at their time, and those that came with them."""
    if not len(table):
        return table
    time_us = arrow.to_numpy(table.column("time"), np.int64)
    near = [_read(file.path) for file in files if file.last_us >= time_us[0] and file.first_us <= time_us[-1]]
    if not near:
        return table
    kept = pa.concat_tables(near, promote_options="default")
    kept = kept.filter(arrow.from_bools(np.isin(arrow.to_numpy(kept.column("time"), np.int64), time_us)))
    if not len(kept):
        return table
    names = [name for name in table.column_names if "." in name]
    words = sorted({word for one in (table, kept) for name in names for word in _unique(one, name)})
    of_words = [name.startswith("word.") for name in names]
    times, counts = _that_counts(kept, [_cells(kept, name, words) for name in names], of_words)
    cells = np.column_stack([_cells(table, name, words) for name in names]) if names else np.empty((len(table), 0))
    place = np.minimum(np.searchsorted(times, time_us), len(times) - 1)
    said = ((cells == counts[place]) | np.isnan(cells)).all(axis=1)
    new = time_us[~(said & (times[place] == time_us))]
    return table.filter(arrow.from_bools(np.isin(time_us, new)))


def _that_counts(table: pa.Table, columns: Sequence[Float64], of_words: Sequence[bool]) -> tuple[Int64, Float64]:
    """Each time (n_times,) once, and what counts there of some columns (n_times, n_columns), some ``of_words``."""
    time_us, run = (arrow.to_numpy(table.column(name), np.int64) for name in ("time", "run"))
    values = np.column_stack(columns) if columns else np.empty((len(time_us), 0))
    order = np.lexsort((run, time_us))
    time_us, run, values = time_us[order], run[order], values[order]
    times, where = np.unique(time_us, return_index=True)
    if len(times) == len(time_us):
        return times, values
    out = values[where]
    for place in np.flatnonzero(np.diff(np.r_[where, len(time_us)]) > 1):
        rows = slice(where[place], where[place + 1] if place + 1 < len(where) else len(time_us))
        out[place] = _of_one_time(run[rows], values[rows], of_words)
    return times, out


def _of_one_time(run: Int64, values: Float64, of_words: Sequence[bool]) -> Float64:
    """What counts (n_columns,) of several rows (n_rows, n_columns) of one time: of each column what came last; the
    mean of several numbers, the last of several words.
    """
    out = np.full(values.shape[1], np.nan)
    for place, column in enumerate(values.T):
        known = np.isfinite(column)
        if known.any():
            last = np.unique(column[known & (run == run[known].max())])
            out[place] = last[-1] if of_words[place] else last.mean()
    return out


def _cells(table: pa.Table, name: str, words: Sequence[str]) -> Float64:
    """A column as it is kept (n_rows,), words as places among ``words``."""
    if name.startswith("word."):
        return _places(table, name, words)
    return _values(table, name.partition(".")[2], ())


def _unique(table: pa.Table, name: str) -> set[str]:
    if name not in table.column_names or not name.startswith("word."):
        return set()
    return {word for word in table.column(name).unique().to_pylist() if word is not None}


def _places(table: pa.Table, name: str, words: Sequence[str]) -> Float64:
    """A column of words (n_rows,) as places among ``words``, NaN where there is none."""
    if name not in table.column_names:
        return np.full(len(table), np.nan)
    places = arrow.places_in(table.column(name), words).astype(np.float64)
    return np.asarray(np.where(places < 0, np.nan, places))


def _keys(table: pa.Table, rows: Int64) -> list[tuple[object, ...]]:
    """What makes each of some rows the same as another: its time, and every sensor with its value."""
    some = table.take(arrow.from_ints(rows))
    names = some.column_names
    return [
        tuple((name, value) for name, value in zip(names, row, strict=True) if value is not None)
        for row in zip(*(some.column(name).to_pylist() for name in names), strict=True)
    ]


def _last_before(files: Sequence[_File], time_us: int) -> int | None:
    """The last time before another that any file holds."""
    found = [file.last_us for file in files if file.last_us < time_us]
    for file in files:
        if file.first_us < time_us <= file.last_us:
            times = arrow.to_numpy(_read(file.path).column("time"), np.int64)
            found.append(int(times[times < time_us][-1]))
    return max(found, default=None)


def _has(table: pa.Table, sensor: str) -> bool:
    return f"value.{sensor}" in table.column_names or f"word.{sensor}" in table.column_names


def _words(table: pa.Table, sensor: str, known: Sequence[str]) -> tuple[str, ...]:
    """The words of a sensor: those known, then others that came, in order; none where it holds numbers."""
    return (*known, *sorted(_unique(table, f"word.{sensor}") - set(known)))


def _values(table: pa.Table, sensor: str, words: Sequence[str]) -> Float64:
    """One sensor's values (n_rows,), NaN where missing; words as places among those it has."""
    if f"value.{sensor}" in table.column_names:
        return np.asarray(arrow.to_numpy(table.column(f"value.{sensor}"), np.float64))
    if words and f"word.{sensor}" in table.column_names:
        return _places(table, f"word.{sensor}", words)
    return np.full(len(table), np.nan)
