"""`train`: a source of healthy operation → a model folder."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from anomaly_lstm import modes, sources, store
from anomaly_lstm import training as training_stage
from anomaly_lstm.errors import DataError, UsageError
from anomaly_lstm.events import normal_rows, read_events, vouched_rows
from anomaly_lstm.grades import grade_sensors
from anomaly_lstm.learning import TrainOptions
from anomaly_lstm.pipeline.grids import (
    GridOptions,
    Quality,
    check_applied,
    check_names,
    check_rules,
    on_grid,
    rules_applied,
    sensors_of,
    status_words,
    words_said,
)
from anomaly_lstm.silence import sensor_bad_after
from anomaly_lstm.sources import Place
from anomaly_lstm.sources.contract import ReadOptions
from anomaly_lstm.telemetry import DEFAULT, Telemetry
from anomaly_lstm.trained import Roles, Trained, to_folder
from anomaly_lstm.training import Stage

REMEMBERED = (
    *("time", "time_format", "step_us", "zone", "zones", "asset", "asset_from", "name", "sensor_prefix", "layout"),
    *("sensor", "value", "separator", "decimal", "missing", "columns"),
)
"""How a source was read, as far as a model remembers it for data of the same shape."""


@dataclass(frozen=True)
class TrainResult:
    """Result of `train`."""

    folder: Path
    model_id: str
    trained: Trained
    quality: Quality
    excluded_rows: int
    """Rows left out because of events."""


def train(
    source: Place,
    model: Path,
    *,
    read: ReadOptions | None = None,
    grid: GridOptions | None = None,
    context: Sequence[str] = (),
    mode: str | None = None,
    events: Path | None = None,
    units: Mapping[str, str] | None = None,
    options: TrainOptions | None = None,
    looked: Callable[[Quality], None] = lambda quality: None,
    told: Callable[[Stage], None] = lambda stage: None,
) -> TrainResult:
    """Learn normal behaviour from a source, calibrate the return periods, write the model folder.

    ``context`` names sensors that are given to the network but not scored, ``mode`` one that says in which mode (fuel,
    product, grade) an asset runs. Rows in events that are not normal are left out, and so are stretches unlike all
    others that no event of kind ``normal`` vouches for (`screening`). ``looked`` hears what was read, with the grade of
    each sensor on the rows to learn from, before it is clear whether anything can be learned.
    """
    read, grid, options = read or ReadOptions(), grid or GridOptions(), options or TrainOptions()
    store.check_model_place(model)
    _check_mode(mode, context, read)
    words, rules = status_words(grid.running), grid.rules
    applied = rules_applied(source)
    if applied is not None:
        check_applied(applied, rules if not rules.are_default else applied, "[sensors.grid]")
        rules, grid = applied, replace(grid, rules=DEFAULT)
    reading = sources.read(source, replace(read, mode=mode, words=words))
    if not sum(len(a.time_us) for a in reading.assets):
        outside = sum(f.dropped.get("outside --start/--end", 0) for f in reading.files)
        raise DataError(
            f"no row is left to learn from: {outside:,} rows lie outside --start/--end. Give a span that holds data."
        )
    known = sensors_of(reading)
    context = rules.made_of(context)
    check_names(context, grid.rules.made_of(known), "--context")
    check_names([mode] if mode else [], known, "--mode")
    check_names(list(units or {}), [*known, *grid.rules.made_of(known)], "[sensors.units] and [sensors.bounds]")
    check_rules(grid, known, words_said(reading))
    alive = [
        s
        for s in known
        if any(np.isfinite(a.values[:, a.sensors.index(s)]).any() for a in reading.assets if s in a.sensors)
    ]
    there = grid.rules.made_of([s for s in alive if s not in (mode, *words)])
    roles = Roles(tuple(s for s in there if s not in context), tuple(c for c in context if c in there))
    assets, quality = on_grid(reading, grid, sensors=roles.all, mode=mode)
    quality = replace(
        quality,
        notes=[*quality.notes, *(f"'{s}' has no value at all and is left out." for s in known if s not in alive)],
    )
    told_events = read_events(events, read.zone) if events else []
    normal = [normal_rows(told_events, a.asset, a.time_us) for a in assets]
    quality = replace(quality, grades=grade_sensors(assets, normal, roles.context))
    looked(quality)
    if mode:
        found = modes.find(mode, assets, normal, words=bool(reading.words.get(mode)))
        roles, assets = replace(roles, mode=found), [found.on(a) for a in assets]
    trained = training_stage.train(
        assets,
        normal,
        roles,
        options,
        vouched=[vouched_rows(told_events, a.asset, a.time_us) for a in assets],
        grades=quality.grades,
        told=told,
        max_hole=grid.max_hole,
        running=grid.running,
        rules=rules,
        settle_us=grid.settle_us,
        units=dict(units or {}),
        reading={name: _plain(getattr(reading.how, name)) for name in REMEMBERED},
    )
    trained = replace(trained, report={**trained.report, "sensor_bad_after_us": _patience(assets, roles.all)})
    model_id = store.write_model(model, *to_folder(trained))
    return TrainResult(model, model_id, trained, quality, sum(int((~keep).sum()) for keep in normal))


def _patience(assets: Sequence[Telemetry], sensors: Sequence[str]) -> dict[str, int]:
    """Sensor → how long it may be without a value before that is told [µs], by the asset that measures it least."""
    measured = [np.isfinite(asset.values[:, : len(sensors)]) for asset in assets]
    own = [
        sensor_bad_after(asset.grid.period_us, asset.time_us, came)
        for asset, came in zip(assets, measured, strict=True)
        if len(asset)
    ]
    return {sensor: max(after) for sensor, after in zip(sensors, zip(*own, strict=True), strict=True)}


def _check_mode(mode: str | None, context: Sequence[str], read: ReadOptions) -> None:
    """Raise UsageError where the mode is named as something else too."""
    for option, names in (("--context", context), ("--exclude", read.exclude)):
        if mode is not None and mode in names:
            why = "a mode explains the others as it is" if option == "--context" else "a mode must be read"
            raise UsageError(f"'{mode}' is named in --mode and in {option}: {why}. Leave it out of {option}.")


def _plain(value: Any) -> Any:
    return dict(value) if isinstance(value, Mapping) else list(value) if isinstance(value, list | tuple) else value
