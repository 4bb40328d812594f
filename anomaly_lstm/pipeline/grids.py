"""Any source → telemetry of every asset on one regular UTC grid."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from anomaly_lstm import conditions, modes, sources, store
from anomaly_lstm.clock import iso
from anomaly_lstm.conditions import Int8
from anomaly_lstm.errors import DataError, UsageError
from anomaly_lstm.grades import Grade
from anomaly_lstm.sensor_rules import SensorRules, rules_from, series_of
from anomaly_lstm.sources import Place, is_remote
from anomaly_lstm.sources.contract import Database, FileQuality, RawAsset, Reading
from anomaly_lstm.sources.words import listed, near
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
    rules: SensorRules = DEFAULT
    """Those by which values came to the grid."""
    grades: Sequence[Grade] = ()
    """Of every asset and sensor, where they were graded: by `ingest`, `train` and `init`."""

    def document(self) -> dict[str, Any]:
        """As in ``quality.json``; times as ISO 8601."""
        assets = [asdict(a) | {"start": iso(a.start_us), "end": iso(a.end_us)} for a in self.assets]
        return {
            "period_us": self.grid.period_us,
            "phase_us": self.grid.phase_us,
            "sensor_rules": self.rules.document(),
            "notes": list(self.notes),
            "files": [asdict(f) for f in self.files],
            "assets": assets,
            "grades": [grade.document() for grade in self.grades],
        }


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
    grid = grid or grid_for([raw.time_us for raw in reading.assets], options, [file.file for file in reading.files])
    placed = [place_on(raw, sensors, grid, options, reading.words, since) for raw in reading.assets]
    telemetry = [t for t, _ in placed]
    if mode is not None:
        words = reading.words.get(mode, ())
        telemetry = [with_mode(t, raw, mode, words) for t, raw in zip(telemetry, reading.assets, strict=True)]
    notes = [*reading.notes, *(note for _, quality in placed for note in falls(quality))]
    return telemetry, Quality(reading.files, [q for _, q in placed], notes, grid, options.rules)


def falls(quality: AssetQuality) -> list[str]:
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


def words_said(reading: Reading) -> dict[str, set[str]]:
    """Sensor that holds words → those that some row says; another may be known to a condition or a model."""
    said: dict[str, set[str]] = {sensor: set() for sensor in reading.words}
    for raw in reading.assets:
        for sensor in set(said) & set(raw.sensors):
            places = np.unique(raw.values[:, raw.sensors.index(sensor)])
            said[sensor] |= {reading.words[sensor][int(place)] for place in places[np.isfinite(places)]}
    return said


def check_rules(options: GridOptions, sensors: Sequence[str], said: Mapping[str, set[str]]) -> None:
    """Raise UsageError where a rule is for a sensor that is not there, or a condition names words that no row says."""
    check_names(list(options.rules.named), sensors, "[sensors.grid]")
    for sensor, words in status_words(options.running).items():
        there = said.get(sensor, set())
        if there and not there & set(words):
            raise UsageError(
                f"condition {options.running!r}: no row of '{sensor}' says {' or '.join(map(repr, words))}."
                f"{near(words[0], there)} There are: {', '.join(sorted(there)[:12])}."
            )


def rules_applied(source: Place) -> SensorRules | None:
    """The rules by which an ingested folder was made, which must not be applied again; None where there are none."""
    for place in _here(source):
        homes = [place, *(home for home in place.parents if home / "data" in (place, *place.parents))]
        for home in homes:
            if (home / "quality.json").is_file() and (home / "data").is_dir():
                rules = rules_from(store.read_json(home / "quality.json").get("sensor_rules", {}))
                if not rules.are_default:
                    return rules
    return None


def check_applied(applied: SensorRules, wanted: SensorRules, whose: str) -> None:
    """Raise UsageError where an ingested folder was made by other rules than are wanted of it."""
    if applied != wanted:
        raise UsageError(
            f"the ingested folder was put on the grid by other rules than {whose}: {applied.document()} there, "
            f"{wanted.document()} here. Ingest the exports again, or give the exports themselves."
        )


def grid_for(times_us: Sequence[NDArray[np.int64]], options: GridOptions, files: Sequence[str] = ()) -> Grid:
    """The grid that the rows of some assets lie on, by when they were measured [µs since 1970 UTC]."""
    try:
        period = options.period_us if options.period_us is not None else estimate_period(times_us)
    except DataError as problem:
        if not files:
            raise
        raise DataError(f"{listed(files, 3)}: {problem}") from problem
    return Grid(period, estimate_phase(times_us, period))


def with_mode(asset: Telemetry, raw: RawAsset, mode: str, words: Sequence[str]) -> Telemetry:
    measured = raw.values[:, raw.sensors.index(mode)]
    return replace(asset, mode=modes.track(raw.time_us, measured, words, asset.grid, asset.index))


def place_on(
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
    places = _here(source)
    if out.exists() and places and any(out.resolve() == file.resolve() for file in sources.resolve(places)[1]):
        raise UsageError(f"--out {out} is one of the files that are read; it is left as it is. Give another --out.")


def _here(source: Place) -> list[Path]:
    """The places of a source that are on this machine."""
    places = [] if isinstance(source, Database) else [source] if isinstance(source, str | Path) else source
    return [Path(place) for place in places if not is_remote(place)]
