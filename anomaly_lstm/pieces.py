"""The rows of one asset, set aside in files while a source is read, and given back in order of time.

What is read in parts may come in any order: assets one after the other or row by row, files that overlap, a long table
sensor by sensor. Each part is one piece of its asset. `slices` gives the rows of all pieces back as slices that follow
each other in time, each small enough for memory; where pieces overlap too much for that, their rows are first
distributed to files by their time, as in an external sort.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from anomaly_lstm import arrow
from anomaly_lstm.sources.assembly import side_by_side
from anomaly_lstm.sources.contract import RawAsset
from anomaly_lstm.telemetry import Grid

Int64 = NDArray[np.int64]

_COMPRESSED = pa.ipc.IpcWriteOptions(compression="lz4")


@dataclass(frozen=True)
class Piece:
    """Rows of one asset in a file, as they came, one at least; ``first_us`` and ``last_us`` by their time.

    ``backwards`` counts rows that are earlier than the one before them; ``begun_us`` and ``ended_us`` are the times of
    the row that came first and of that which came last.
    """

    path: Path
    sensors: tuple[str, ...]
    n_rows: int
    first_us: int
    last_us: int
    backwards: int
    begun_us: int
    ended_us: int
    joined: int = 0
    """Rows of files that were put beside these."""

    def times(self) -> Int64:
        """When its rows were measured (n_rows,) [µs since 1970 UTC], as they came."""
        with pa.memory_map(str(self.path)) as file:
            table = pa.ipc.open_file(file).read_all()
            return np.array(arrow.to_numpy(table.column("time"), np.int64))

    def load(self) -> RawAsset:
        """Its rows as they came."""
        with pa.memory_map(str(self.path)) as file:
            table = pa.ipc.open_file(file).read_all()
            columns = [arrow.to_numpy(table.column(place + 1), np.float64) for place in range(len(self.sensors))]
            values = np.column_stack(columns) if columns else np.empty((self.n_rows, 0))
            return RawAsset("", np.array(arrow.to_numpy(table.column("time"), np.int64)), self.sensors, values)


def put(path: Path, raw: RawAsset) -> Piece:
    """Set the rows of one reading aside."""
    names = ["time", *map(str, range(len(raw.sensors)))]
    columns = [arrow.from_ints(raw.time_us), *(arrow.from_floats(column) for column in raw.values.T)]
    table = pa.Table.from_arrays(columns, names=names)
    with pa.ipc.new_file(str(path), table.schema, options=_COMPRESSED) as file:
        file.write_table(table)
    time_us = raw.time_us
    first, last = int(time_us.min()), int(time_us.max())
    backwards = int((np.diff(time_us) < 0).sum()) + raw.out_of_order
    return Piece(path, raw.sensors, len(time_us), first, last, backwards, int(time_us[0]), int(time_us[-1]), raw.joined)


def disorder(pieces: Sequence[Piece]) -> int:
    """How many rows were earlier than the one that came before them."""
    between = sum(later.begun_us < one.ended_us for one, later in pairwise(pieces))
    return between + sum(piece.backwards for piece in pieces)


def first_times(pieces: Sequence[Piece], n_rows: int) -> Int64:
    """When the first ``n_rows`` were measured, or all where there are not so many."""
    times: list[Int64] = []
    for piece in sorted(pieces, key=lambda piece: piece.first_us):
        if sum(map(len, times)) >= n_rows:
            break
        times.append(piece.times())
    return np.sort(np.concatenate(times))[:n_rows]


def slices(
    asset: str, pieces: Sequence[Piece], sensors: Sequence[str], grid: Grid, most: int, long: bool
) -> Iterator[RawAsset]:
    """The rows of all pieces in slices of about ``most`` rows that follow each other in time.

    No grid time is in two slices; within a slice rows stand in any order. ``sensors`` are those of the slices; in a
    ``long`` table the sensors of one time are brought side by side again.
    """
    pieces = _distributed(pieces, grid, most)
    waiting = sorted(pieces, key=lambda piece: piece.first_us)
    held: list[RawAsset] = []
    while waiting:
        piece = waiting.pop(0)
        held.append(_with_sensors(asset, piece.load(), sensors))
        if sum(len(raw.time_us) for raw in held) < most and waiting:
            continue
        before = grid.index_of(waiting[0].first_us) if waiting else None
        ready = [_rows(raw, grid.index(raw.time_us) < before) for raw in held] if before is not None else held
        if sum(len(raw.time_us) for raw in ready):
            yield _joined(asset, ready, long)
        held = [_rows(raw, grid.index(raw.time_us) >= before) for raw in held] if before is not None else []
        held = [raw for raw in held if len(raw.time_us)]


def _distributed(pieces: Sequence[Piece], grid: Grid, most: int) -> Sequence[Piece]:
    """The pieces, or, where too many rows of them overlap, new ones that do not, about ``most`` rows each."""
    in_order = sorted(pieces, key=lambda piece: piece.first_us)
    deepest = max(
        sum(other.n_rows for other in in_order if other.first_us <= piece.first_us <= other.last_us)
        for piece in in_order
    )
    if deepest <= 2 * most:
        return pieces
    total = sum(piece.n_rows for piece in pieces)
    every = max(1, total // 1_000_000)
    sample = np.sort(np.concatenate([piece.times()[::every] for piece in pieces]))
    inner = sample[np.linspace(0, len(sample) - 1, -(-total // most) + 1).astype(int)[1:-1]]
    edges = np.unique(grid.index(inner))
    made: list[Piece] = []
    for number, piece in enumerate(pieces):
        raw = piece.load()
        place = np.searchsorted(edges, grid.index(raw.time_us), side="left")
        for bucket in np.unique(place):
            path = piece.path.with_name(f"{bucket}-{number}.{piece.path.name}")
            made.append(put(path, _rows(raw, place == bucket)))
        piece.path.unlink()
    return made


def _rows(raw: RawAsset, keep: NDArray[np.bool_]) -> RawAsset:
    return raw if keep.all() else RawAsset(raw.asset, raw.time_us[keep], raw.sensors, raw.values[keep])


def _with_sensors(asset: str, raw: RawAsset, sensors: Sequence[str]) -> RawAsset:
    """The rows with these sensors, NaN where they have none."""
    values = np.full((len(raw.time_us), len(sensors)), np.nan)
    place = {name: number for number, name in enumerate(sensors)}
    values[:, [place[name] for name in raw.sensors]] = raw.values
    return RawAsset(asset, raw.time_us, tuple(sensors), values)


def _joined(asset: str, parts: Sequence[RawAsset], long: bool) -> RawAsset:
    time_us = np.concatenate([raw.time_us for raw in parts])
    values = np.concatenate([raw.values for raw in parts])
    if long:
        time_us, values = side_by_side(time_us, values)
    return RawAsset(asset, time_us, parts[0].sensors, values)
