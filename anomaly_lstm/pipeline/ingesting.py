"""Any export → tidy Parquet on a regular UTC grid, with a data-quality report, in bounded memory.

The source is read in parts. While it has but one, all is done in memory; else the rows of each asset are set aside in
files, and come back as slices in order of time, each of which is put on the grid by itself.
"""

from __future__ import annotations

import json
import math
import shutil
from collections.abc import Callable, Container, Iterable, Iterator, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from numpy.typing import NDArray

from anomaly_lstm import arrow, pieces, sources, store
from anomaly_lstm import scoring as scores_stage
from anomaly_lstm.errors import UsageError
from anomaly_lstm.grades import Grade, grade_sensors
from anomaly_lstm.pieces import Piece
from anomaly_lstm.pipeline.grids import (
    GridOptions,
    Quality,
    check_names,
    check_rules,
    falls,
    grid_for,
    place_on,
    status_words,
    with_mode,
    words_said,
)
from anomaly_lstm.sources import Place
from anomaly_lstm.sources.contract import TOLD, UNIT, FileQuality, RawAsset, Reading, ReadOptions, together
from anomaly_lstm.sources.reading import summary_words
from anomaly_lstm.tables import State
from anomaly_lstm.telemetry import AssetQuality, Grid, Telemetry, last_known, rows_for_period

Int64 = NDArray[np.int64]

GRADED_CELLS = 4_000_000
"""Sensors are graded on so many cells of an asset at most, in stretches spread over the whole of it."""

SLICE_CELLS = 4_000_000
"""So many cells of an asset are put on the grid at a time: 32 MB of them, and as much again for every step."""


@dataclass(frozen=True)
class Ingested:
    """Result of `ingest`."""

    folder: Path
    quality: Quality
    rows: int


@dataclass(frozen=True)
class Progress:
    """How far `ingest` is: what it is doing, the share of it that is done, and the rows of it so far."""

    stage: str
    done: float
    rows: int


Watcher = Callable[[Progress], None]


def ingest(
    source: Place,
    out: Path,
    *,
    read: ReadOptions | None = None,
    grid: GridOptions | None = None,
    progress: Watcher = lambda _: None,
    part_bytes: int = sources.PART_BYTES,
    slice_cells: int = SLICE_CELLS,
) -> Ingested:
    """Any export → ``out/data/<asset>/data.parquet`` on a regular UTC grid, and ``out/quality.json``.

    The mode that ``read`` names is kept as text, held from value to value, and so is a column of words that tells when
    an asset runs; other text is left out. An ingested folder that stands there is replaced; a folder with anything else
    in it is refused. ``part_bytes`` [bytes] of the source and ``slice_cells`` cells of an asset are in memory at a
    time.
    """
    options = grid or GridOptions()
    read = replace(read or ReadOptions(), words=status_words(options.running))
    if out.is_dir() and any(out.iterdir()) and not (out / "quality.json").is_file():
        raise UsageError(f"{out} exists and is not an ingested folder: it is left as it is. Give another --out.")
    with store.replacing_folder(out) as side:
        aside = side / "aside"
        found = _gathered(sources.stream(source, read, part_bytes), aside, progress)
        if read.mode:
            check_names([read.mode], found.sensors, "--mode")
        check_rules(options, found.sensors, found.said)
        times = [stock.first_times(rows_for_period(len(found.assets))) for stock in found.assets.values()]
        on = grid_for(times, options, list(found.files))
        qualities: list[AssetQuality] = []
        grades: list[Grade] = []
        rows = 0
        for name, stock in sorted(found.assets.items()):
            folder = side / "data" / store.folder_name(name)
            folder.mkdir(parents=True)
            placed = _placed(name, stock, found, on, options, read.mode, slice_cells)
            share = min(1.0, GRADED_CELLS / max(1, stock.n_rows * len(found.sensors)))
            form = _Form(read.mode, found.words, found.units)
            quality, some = _written(folder / "data.parquet", placed, form, on, options, share)
            grades += [grade for grade in grade_sensors([some]) if grade.sensor not in found.words]
            if stock.pieces and not found.long:  # a long table is brought side by side in order of time
                quality = replace(quality, out_of_order=pieces.disorder(stock.pieces))
            qualities.append(replace(quality, joined=stock.kept - quality.rows_in))
            rows += qualities[-1].rows + qualities[-1].held
            progress(Progress("putting rows on the grid", len(qualities) / len(found.assets), rows))
        notes = [
            *found.told(sum(quality.rows_in for quality in qualities)),
            *(note for quality in qualities for note in falls(quality)),
        ]
        report = Quality(list(found.files.values()), qualities, notes, on, options.rules, grades)
        store.write_json(side / "quality.json", report.document())
        shutil.rmtree(aside, ignore_errors=True)
    return Ingested(out, report, rows)


@dataclass(frozen=True)
class _Stock:
    """The rows of one asset as they were read: in memory while they all came at once, else in pieces."""

    raw: RawAsset | None
    pieces: Sequence[Piece] = ()

    @property
    def n_rows(self) -> int:
        return len(self.raw.time_us) if self.raw else sum(piece.n_rows for piece in self.pieces)

    @property
    def edges_us(self) -> tuple[int, int]:
        if self.raw:
            return int(self.raw.time_us.min()), int(self.raw.time_us.max())
        return min(piece.first_us for piece in self.pieces), max(piece.last_us for piece in self.pieces)

    @property
    def kept(self) -> int:
        """How many rows of files, or cells of long tables, they were before some were put side by side."""
        parts = [len(self.raw.time_us) + self.raw.joined] if self.raw else []
        return sum(parts) + sum(piece.n_rows + piece.joined for piece in self.pieces)

    def first_times(self, n_rows: int) -> Int64:
        return self.raw.time_us if self.raw else pieces.first_times(self.pieces, n_rows)


@dataclass(frozen=True)
class _Found:
    """All that was read."""

    assets: Mapping[str, _Stock]
    sensors: Sequence[str]
    files: Mapping[str, FileQuality]
    notes: Sequence[str]
    words: Mapping[str, Sequence[str]]
    said: Mapping[str, set[str]]
    """Sensor that holds words → those that some row says."""
    long: bool
    units: Mapping[str, str]

    def status(self, mode: str | None) -> list[str]:
        """The columns of words that are not the mode."""
        return [name for name in self.sensors if name in self.words and name != mode]

    def told(self, rows: int) -> list[str]:
        """The notes, and what came out: so many rows."""
        if not self.assets:
            return [*self.notes, "No rows are left."]
        edges = [stock.edges_us for stock in self.assets.values()]
        span = [min(first for first, _ in edges), max(last for _, last in edges)]
        return [*self.notes, summary_words(len(self.assets), rows, span, self.sensors)]


def _gathered(readings: Iterable[Reading], aside: Path, progress: Watcher) -> _Found:
    """Read everything; from the second reading on, rows go to files below ``aside``."""
    assets: dict[str, _Stock] = {}
    sensors: dict[str, None] = {}
    files: dict[str, FileQuality] = {}
    notes: dict[str, None] = {}
    words: Mapping[str, Sequence[str]] = {}
    said: dict[str, set[str]] = {}
    units: dict[str, str] = {}
    long, rows = False, 0
    for number, reading in enumerate(readings):
        if reading.assets and number:
            assets = {name: _set_aside(stock, aside, 0) for name, stock in assets.items()}
        for raw in reading.assets:
            assets[raw.asset] = _with(assets.get(raw.asset), raw, aside, number)
            sensors |= dict.fromkeys(raw.sensors)
            rows += len(raw.time_us)
        for file in reading.files:
            files[file.file] = together(files[file.file], file) if file.file in files else file
        notes |= dict.fromkeys(reading.notes)
        words = {**words, **reading.words}
        for sensor, spoken in words_said(reading).items():
            said[sensor] = said.get(sensor, set()) | spoken
        units = {**reading.units, **units}
        long = long or reading.how.layout == "long"
        progress(Progress("reading", reading.done, rows))
    names = sorted(sensors) if long else list(sensors)
    return _Found(assets, names, files, list(notes), words, said, long, units)


def _with(stock: _Stock | None, raw: RawAsset, aside: Path, number: int) -> _Stock:
    """An asset with more rows, by the reading of that number; those of the first stay in memory for now."""
    if number == 0:
        return _Stock(raw)
    more = _set_aside(_Stock(raw), aside, number)
    return more if stock is None else _Stock(None, (*stock.pieces, *more.pieces))


def _set_aside(stock: _Stock, aside: Path, number: int) -> _Stock:
    """The rows that are in memory, in a file."""
    if stock.raw is None:
        return stock
    folder = aside / store.folder_name(stock.raw.asset)
    folder.mkdir(parents=True, exist_ok=True)
    return _Stock(None, (pieces.put(folder / f"{number}.arrow", stock.raw),))


def _placed(
    name: str, stock: _Stock, found: _Found, grid: Grid, options: GridOptions, mode: str | None, cells: int
) -> Iterator[tuple[Telemetry, AssetQuality]]:
    """An asset on the grid, slice by slice in order of time."""
    status = found.status(mode)
    names = [sensor for sensor in found.sensors if sensor != mode and sensor not in status]
    sensors = options.rules.made_of(names)
    if stock.raw:
        parts: Iterable[RawAsset] = [stock.raw]
    else:
        most = max(1, cells // max(1, len(found.sensors)))
        parts = pieces.slices(name, stock.pieces, found.sensors, grid, most, found.long)
    before: RawAsset | None = None
    seen: RawAsset | None = None
    since: int | None = None
    for raw in parts:
        near = raw if seen is None or since is None else _with_reach(seen, raw, grid.time_of(since), grid, options)
        telemetry, quality = place_on(near, sensors, grid, options, found.words, since)
        again = quality.rows_in - len(raw.time_us)  # rows without a value since the last grid row
        quality = replace(quality, rows_in=len(raw.time_us), without_value=quality.without_value - again)
        if mode is not None:
            lit = raw if before is None else _after_last(before, raw, mode)
            telemetry = with_mode(telemetry, lit, mode, found.words.get(mode, ()))
            before = lit
        yield _with_words(telemetry, near, status, options), quality
        seen, since = near, int(telemetry.index[-1]) + 1 if len(telemetry) else since


def _with_words(asset: Telemetry, raw: RawAsset, status: Sequence[str], options: GridOptions) -> Telemetry:
    """The rows with columns of words, after the sensors: what was said last up to a row, while it counts."""
    if not status:
        return asset
    said = [
        last_known(raw.time_us, raw.values[:, raw.sensors.index(name)], asset.grid, asset.index, options.rules.of(name))
        for name in status
    ]
    return replace(asset, sensors=(*asset.sensors, *status), values=np.column_stack([asset.values, *said]))


def _with_reach(seen: RawAsset, raw: RawAsset, since_us: int, grid: Grid, options: GridOptions) -> RawAsset:
    """A slice with those rows before it that its grid rows, from ``since_us`` on, still look back at."""
    near = seen.time_us > since_us - grid.period_us - options.reach_us(grid)
    times = np.concatenate([seen.time_us[near], raw.time_us])
    return replace(raw, time_us=times, values=np.concatenate([seen.values[near], raw.values]))


def _after_last(before: RawAsset, raw: RawAsset, mode: str) -> RawAsset:
    """A slice with the row before it that told the mode, which holds until the next."""
    known = np.flatnonzero(np.isfinite(before.values[:, before.sensors.index(mode)]))
    last = known[np.argmax(before.time_us[known])] if len(known) else None
    if last is None:
        return raw
    times = np.concatenate([before.time_us[last : last + 1], raw.time_us])
    return replace(raw, time_us=times, values=np.concatenate([before.values[last : last + 1], raw.values]))


@dataclass(frozen=True)
class _Form:
    """What the columns of a file hold beside numbers: the mode, sensors of words, and units."""

    mode: str | None
    words: Mapping[str, Sequence[str]]
    units: Mapping[str, str]


def _written(
    path: Path,
    placed: Iterable[tuple[Telemetry, AssetQuality]],
    form: _Form,
    grid: Grid,
    options: GridOptions,
    share: float,
) -> tuple[AssetQuality, Telemetry]:
    """Write the rows of an asset; say what became of them, and keep this ``share`` of each slice to grade."""
    whole: AssetQuality | None = None
    kept: list[Telemetry] = []
    with ExitStack() as stack:
        writer: pq.ParquetWriter | None = None
        for telemetry, quality in placed:
            table = _ingested_table(telemetry, form)
            if writer is None:
                writer = stack.enter_context(pq.ParquetWriter(path, table.schema, compression="zstd"))
            writer.write_table(table)
            whole = quality if whole is None else whole.then(quality, grid, options.max_hole)
            kept.append(_first_rows(telemetry, math.ceil(share * len(telemetry))))
    if whole is None:
        raise AssertionError("an asset has rows")
    return whole, _one_after_another(kept)


def _first_rows(asset: Telemetry, n_rows: int) -> Telemetry:
    """Rows that follow each other, for a grade hears the noise between neighbours."""
    rows = slice(0, n_rows)
    copied = asset.values[rows] if n_rows == len(asset) else asset.values[rows].copy()
    return Telemetry(
        asset.asset, asset.sensors, asset.grid, asset.index[rows], copied, asset.state[rows], asset.stretch[rows]
    )


def _one_after_another(parts: Sequence[Telemetry]) -> Telemetry:
    if len(parts) == 1:
        return parts[0]
    return replace(
        parts[0],
        index=np.concatenate([part.index for part in parts]),
        values=np.concatenate([part.values for part in parts]),
        state=np.concatenate([part.state for part in parts]),
        stretch=np.concatenate([part.stretch for part in parts]),
    )


def _ingested_table(asset: Telemetry, form: _Form) -> pa.Table:
    """The rows of an asset; its metadata say which columns are time and asset, those of a column its unit."""
    rows = np.flatnonzero(asset.state != State.NO_DATA)
    sensors = {
        name: _as_text(values, form.words[name]) if name in form.words else arrow.from_floats(values)
        for name, values in zip(asset.sensors, asset.values[rows].T, strict=True)
    }
    sensors |= {form.mode: scores_stage.mode_names(asset).take(arrow.from_ints(rows))} if form.mode else {}
    told = {role: _free_name(role, sensors) for role in ("asset", "time")}
    named, times = arrow.repeat_text(asset.asset, len(rows)), arrow.from_times(asset.time_us[rows])
    units = {name: {UNIT: unit.encode()} for name, unit in form.units.items()}
    fields = [
        *(pa.field(told[role], column.type) for role, column in (("asset", named), ("time", times))),
        *(pa.field(name, column.type, metadata=units.get(name)) for name, column in sensors.items()),
    ]
    schema = pa.schema(fields, metadata={TOLD: json.dumps(told).encode()})
    return pa.Table.from_arrays([named, times, *sensors.values()], schema=schema)


def _free_name(role: str, sensors: Container[str]) -> str:
    """The name of a column, with a line behind it where a sensor is called so."""
    return _free_name(f"{role}_", sensors) if role in sensors else role


def _as_text(places: NDArray[np.float64], words: Sequence[str]) -> pa.Array:
    """The words of rows (n_rows,) that are places among them."""
    place = np.where(np.isfinite(places), places, len(words)).astype(np.int64)
    return arrow.texts([*words, None]).take(arrow.from_ints(place))
