"""Any source → telemetry of every asset on one regular UTC grid; `ingest` keeps it as a folder."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from anomaly_lstm import arrow, conditions, modes, sources, store
from anomaly_lstm import scoring as scores_stage
from anomaly_lstm.clock import iso
from anomaly_lstm.conditions import Int8
from anomaly_lstm.errors import UsageError
from anomaly_lstm.sensor_rules import SensorRules, series_of
from anomaly_lstm.sources import Place
from anomaly_lstm.sources.contract import FileQuality, RawAsset, Reading, ReadOptions
from anomaly_lstm.sources.words import near
from anomaly_lstm.tables import State
from anomaly_lstm.telemetry import (
    DEFAULT,
    MAX_HOLE,
    AssetQuality,
    Float64,
    Grid,
    Int64,
    Telemetry,
    estimate_period,
    estimate_phase,
    reach_us,
    to_grid,
)


@dataclass(frozen=True)
class GridOptions:
    """How rows become a grid. ``period_us`` None = found from the rows."""

    period_us: int | None = None
    max_hole: int = MAX_HOLE
    running: str | None = None
    """Condition over sensors; rows on which it does not hold are OUT_OF_STATE."""
    rules: SensorRules = DEFAULT
    """How the values of each sensor come to the grid."""
    settle_us: int = 0
    """Rows so long after one on which the condition did not hold [µs] are OUT_OF_STATE too."""

    def reach_us(self, grid: Grid) -> int:
        """How far before a grid row's own interval the rows may lie that it is made of [µs]."""
        return reach_us(grid, self.max_hole, self.rules, self.settle_us)


@dataclass(frozen=True)
class Quality:
    """What was read, dropped and changed, per file, asset and sensor."""

    files: Sequence[FileQuality]
    assets: Sequence[AssetQuality]
    notes: Sequence[str]
    grid: Grid

    def document(self) -> dict[str, Any]:
        """As in ``quality.json``; times as ISO 8601."""
        assets = [asdict(a) | {"start": iso(a.start_us), "end": iso(a.end_us)} for a in self.assets]
        return {
            "period_us": self.grid.period_us,
            "phase_us": self.grid.phase_us,
            "notes": list(self.notes),
            "files": [asdict(f) for f in self.files],
            "assets": assets,
        }


@dataclass(frozen=True)
class Ingested:
    """Result of `ingest`."""

    folder: Path
    quality: Quality
    rows: int


def ingest(source: Place, out: Path, *, read: ReadOptions | None = None, grid: GridOptions | None = None) -> Ingested:
    """Any export → ``out/data/<asset>/data.parquet`` on a regular UTC grid, and ``out/quality.json``.

    The mode that ``read`` names is kept as text, held from value to value; other text is left out. An ingested folder
    that stands there is replaced; a folder with anything else in it is refused.
    """
    read = read or ReadOptions()
    grid = grid or GridOptions()
    reading = sources.read(source, replace(read, words=status_words(grid.running)))
    if read.mode:
        check_names([read.mode], sensors_of(reading), "--mode")
    check_rules(reading, grid)
    telemetry, quality = on_grid(reading, grid, mode=read.mode)
    if out.is_dir() and any(out.iterdir()) and not (out / "quality.json").is_file():
        raise UsageError(f"{out} exists and is not an ingested folder: it is left as it is. Give another --out.")
    with store.replacing_folder(out) as side:
        for asset in telemetry:
            folder = side / "data" / store.folder_name(asset.asset)
            folder.mkdir(parents=True)
            pq.write_table(_ingested_table(asset, read.mode), folder / "data.parquet", compression="zstd")
        store.write_json(side / "quality.json", quality.document())
    return Ingested(out, quality, sum(int((t.state != State.NO_DATA).sum()) for t in telemetry))


def _ingested_table(asset: Telemetry, mode: str | None) -> pa.Table:
    rows = np.flatnonzero(asset.state != State.NO_DATA)
    columns = {"asset": arrow.repeat_text(asset.asset, len(rows)), "time": arrow.from_times(asset.time_us[rows])}
    columns |= {name: arrow.from_floats(asset.values[rows, i]) for i, name in enumerate(asset.sensors)}
    columns |= {mode: scores_stage.mode_names(asset).take(arrow.from_ints(rows))} if mode else {}
    return pa.table(columns)


def on_grid(
    reading: Reading,
    options: GridOptions,
    grid: Grid | None = None,
    sensors: Sequence[str] | None = None,
    mode: str | None = None,
    since: int | None = None,
) -> tuple[list[Telemetry], Quality]:
    """All assets of a reading on one grid, their sensors in the same order; ``mode`` and status columns are none.

    ``sensors`` are those on the grid, as `SensorRules.made_of` names them. Rows before grid index ``since`` are only
    looked back at.
    """
    if sensors is None:
        sensors = options.rules.made_of([s for s in sensors_of(reading) if s != mode and s not in reading.words])
    grid = grid or _grid_for(reading.assets, options)
    placed = [_place(raw, sensors, grid, options, reading.words, since) for raw in reading.assets]
    telemetry = [t for t, _ in placed]
    if mode is not None:
        words = reading.words.get(mode, ())
        telemetry = [_with_mode(t, raw, mode, words) for t, raw in zip(telemetry, reading.assets, strict=True)]
    notes = [*reading.notes, *(note for _, quality in placed for note in _falls(quality))]
    return telemetry, Quality(reading.files, [q for _, q in placed], notes, grid)


def _falls(quality: AssetQuality) -> list[str]:
    """Notes on counters that fell."""
    return [
        f"{quality.asset}: counter '{one.sensor}' fell {one.falls:,} time(s): it was reset or rolled over, and there "
        "it has no rate. Where it rolls over, say at what: rolls_over_at in [sensors.grid]."
        for one in quality.sensors
        if one.falls
    ]


def status_words(running: str | None) -> dict[str, tuple[str, ...]]:
    """The status columns of a condition, and the words it knows of each."""
    return conditions.words_in(conditions.parse(running)) if running else {}


def check_rules(reading: Reading, options: GridOptions) -> None:
    """Raise UsageError where a rule is for a sensor that is not there, or a condition names words that no row says."""
    check_names(list(options.rules.named), sensors_of(reading), "[sensors.grid]")
    for sensor, words in status_words(options.running).items():
        said = {
            reading.words[sensor][int(place)]
            for raw in reading.assets
            if sensor in raw.sensors and sensor in reading.words
            for place in np.unique(raw.values[:, raw.sensors.index(sensor)])
            if np.isfinite(place)
        }
        if said and not said & set(words):
            raise UsageError(
                f"condition {options.running!r}: no row of '{sensor}' says {' or '.join(map(repr, words))}."
                f"{near(words[0], said)} There are: {', '.join(sorted(said)[:12])}."
            )


def _grid_for(assets: Sequence[RawAsset], options: GridOptions) -> Grid:
    times = [a.time_us for a in assets]
    period = options.period_us if options.period_us is not None else estimate_period(times)
    return Grid(period, estimate_phase(times, period))


def _with_mode(asset: Telemetry, raw: RawAsset, mode: str, words: Sequence[str]) -> Telemetry:
    measured = raw.values[:, raw.sensors.index(mode)]
    return replace(asset, mode=modes.track(raw.time_us, measured, words, asset.grid, asset.index))


def _place(
    raw: RawAsset,
    sensors: Sequence[str],
    grid: Grid,
    options: GridOptions,
    words: Mapping[str, Sequence[str]],
    since: int | None,
) -> tuple[Telemetry, AssetQuality]:
    have = {name: raw.values[:, i] for i, name in enumerate(raw.sensors)}
    measured = options.rules.measured(sensors)
    values = (
        np.column_stack([have.get(name, np.full(len(raw.time_us), np.nan)) for name in measured])
        if measured
        else np.empty((len(raw.time_us), 0))
    )
    condition = options.running
    ran, until_us = _ran(condition, raw.time_us, have, grid, options, words) if condition else (None, None)
    telemetry, quality = to_grid(
        raw.asset,
        raw.time_us,
        measured,
        values,
        grid,
        running=ran,
        running_until_us=until_us,
        max_hole=options.max_hole,
        rules=options.rules,
        settle_us=options.settle_us,
        since=since,
    )
    disorder = quality.out_of_order + raw.out_of_order
    quality = replace(quality, joined=raw.joined, out_of_order=disorder)
    if telemetry.sensors == tuple(sensors):
        return telemetry, quality
    order = [telemetry.sensors.index(name) for name in sensors]
    chosen = replace(telemetry, sensors=tuple(sensors), values=telemetry.values[:, order])
    return chosen, replace(quality, sensors=tuple(quality.sensors[place] for place in order))


def _ran(
    condition: str,
    time_us: Int64,
    columns: Mapping[str, Float64],
    grid: Grid,
    options: GridOptions,
    words: Mapping[str, Sequence[str]],
) -> tuple[Int8, Int64]:
    """Where an asset ran on its rows (n_rows,) as they came, and until when that counts [µs]; a counter is its rate."""
    order, rules = np.argsort(time_us, kind="stable"), options.rules
    mentioned = conditions.sensors_in(conditions.parse(condition))
    needed = {name: columns[name][order] for name in rules.measured(mentioned) if name in columns}
    made = [
        one
        for name, column in needed.items()
        for one in series_of(rules, time_us[order], [name], column[:, None], (options.max_hole + 1) * grid.period_us)
    ]
    ran, until = conditions.running(
        condition,
        time_us[order],
        {**columns, **needed, **{one.sensor: one.values for one in made}},
        {name: rules.of(name).hold_us for name in needed} | {one.sensor: one.rule.hold_us for one in made},
        words,
    )
    back = np.argsort(order)
    return ran[back], until[back]


def sensors_of(reading: Reading) -> list[str]:
    return list(dict.fromkeys(s for a in reading.assets for s in a.sensors))


def check_names(wanted: Sequence[str], known: Sequence[str], option: str) -> None:
    for name in wanted:
        if name not in known:
            raise UsageError(
                f"{option}: there is no sensor '{name}'."
                f"{near(name, known) or ' There are: ' + ', '.join(known[:12]) + '.'}"
            )


def check_not_an_input(out: Path, source: Place) -> None:
    """Raise UsageError where a result would take the place of what it is made from."""
    if out.exists() and any(out.resolve() == file.resolve() for file in sources.resolve(source)[1]):
        raise UsageError(f"--out {out} is one of the files that are read; it is left as it is. Give another --out.")
