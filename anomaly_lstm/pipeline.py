"""The verbs, and the only module that knows the order of the stages.

Every verb is a plain function: it reads files, calls the pure stages, writes files in one step, and returns a dataclass
that says what happened. The command line shows it; a notebook can use it as it is.
"""

from __future__ import annotations

import shutil
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from numpy.typing import NDArray

from anomaly_lstm import alerts as alerting
from anomaly_lstm import arrow, conditions, delays, modes, replay_page, replaying, sources, store
from anomaly_lstm import evaluation as evaluating
from anomaly_lstm import forecasts as forecasting
from anomaly_lstm import measures as measuring
from anomaly_lstm import scoring as scores_stage
from anomaly_lstm import training as training_stage
from anomaly_lstm.ahead import Plan
from anomaly_lstm.alerts import Policy
from anomaly_lstm.clock import DAY, format_duration, iso, parse_time
from anomaly_lstm.errors import DataError, SomeAssetsFailed, UsageError
from anomaly_lstm.events import Event, normal_rows, read_events, vouched_rows
from anomaly_lstm.learning import TrainOptions
from anomaly_lstm.scaling import Range
from anomaly_lstm.sinks import sink_for
from anomaly_lstm.sinks.contract import AlertReport
from anomaly_lstm.sources import Place
from anomaly_lstm.sources.contract import FileQuality, RawAsset, Reading, ReadOptions
from anomaly_lstm.sources.words import near
from anomaly_lstm.tables import SEVERITIES, State, check_scores, forecast_schema
from anomaly_lstm.telemetry import MAX_HOLE, AssetQuality, Grid, Telemetry, estimate_period, estimate_phase, to_grid
from anomaly_lstm.trained import Roles, Trained, from_folder, to_folder
from anomaly_lstm.training import Stage

VERSION = version("anomaly-lstm")
LONG_SILENCE = 100
"""A sensor without a value in so many rows up to the last one is told [rows]."""

MANY_UNSEEN = 5
"""So many assets are named that met what training never saw; of more, the number."""

LEAST_FOR_PERIOD = 20
"""Distinct times from which on a period of their own is believed."""

REMEMBERED = ("time", "time_format", "zone", "asset", "layout", "sensor", "value", "separator", "decimal", "columns")
"""How a source was read, as far as a model remembers it for data of the same shape."""


@dataclass(frozen=True)
class GridOptions:
    """How rows become a grid. ``period_us`` None = found from the rows."""

    period_us: int | None = None
    max_hole: int = MAX_HOLE
    running: str | None = None
    """Condition over sensors; rows on which it does not hold are OUT_OF_STATE."""


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


# ---------------------------------------------------------------- ingest


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
    reading = sources.read(source, read)
    if read.mode:
        _check_names([read.mode], _sensors_of(reading), "--mode")
    telemetry, quality = _on_grid(reading, grid or GridOptions(), mode=read.mode)
    if out.is_dir() and any(out.iterdir()) and not (out / "quality.json").is_file():
        raise UsageError(f"{out} exists and is not an ingested folder: it is left as it is. Give another --out.")
    with store.replacing_folder(out) as side:
        for asset in telemetry:
            folder = side / "data" / store.folder_name(asset.asset)
            folder.mkdir(parents=True)
            pq.write_table(_ingested_table(asset, read.mode), folder / "data.parquet", compression="zstd")
        store.write_json(side / "quality.json", quality.document())
    return Ingested(out, quality, sum(int((t.state != State.NO_DATA).sum()) for t in telemetry))


def _sensors_of(reading: Reading) -> list[str]:
    return list(dict.fromkeys(s for a in reading.assets for s in a.sensors))


def _ingested_table(asset: Telemetry, mode: str | None) -> pa.Table:
    rows = np.flatnonzero(asset.state != State.NO_DATA)
    columns = {"asset": arrow.repeat_text(asset.asset, len(rows)), "time": arrow.from_times(asset.time_us[rows])}
    columns |= {name: arrow.from_floats(asset.values[rows, i]) for i, name in enumerate(asset.sensors)}
    columns |= {mode: scores_stage.mode_names(asset).take(arrow.from_ints(rows))} if mode else {}
    return pa.table(columns)


def _on_grid(
    reading: Reading,
    options: GridOptions,
    grid: Grid | None = None,
    sensors: Sequence[str] | None = None,
    mode: str | None = None,
) -> tuple[list[Telemetry], Quality]:
    """All assets of a reading on one grid, their sensors in the same order; ``mode`` is none of them."""
    names = list(sensors) if sensors is not None else [s for s in _sensors_of(reading) if s != mode]
    grid = grid or _grid_for(reading.assets, options)
    if options.running and reading.words and mode in conditions.sensors_in(conditions.parse(options.running)):
        raise UsageError(
            f"condition {options.running!r}: '{mode}' holds words ({', '.join(reading.words[:5])}), and only numbers "
            "can be compared. Say by another sensor when the asset runs."
        )
    placed = [_place(raw, names, grid, options) for raw in reading.assets]
    telemetry = [t for t, _ in placed]
    if mode is not None:
        telemetry = [_with_mode(t, raw, mode, reading.words) for t, raw in zip(telemetry, reading.assets, strict=True)]
    return telemetry, Quality(reading.files, [q for _, q in placed], reading.notes, grid)


def _grid_for(assets: Sequence[RawAsset], options: GridOptions) -> Grid:
    times = [a.time_us for a in assets]
    period = options.period_us if options.period_us is not None else estimate_period(times)
    return Grid(period, estimate_phase(times, period))


def _with_mode(asset: Telemetry, raw: RawAsset, mode: str, words: Sequence[str]) -> Telemetry:
    measured = raw.values[:, raw.sensors.index(mode)]
    return replace(asset, mode=modes.track(raw.time_us, measured, words, asset.grid, asset.index))


def _place(raw: RawAsset, names: Sequence[str], grid: Grid, options: GridOptions) -> tuple[Telemetry, AssetQuality]:
    have = {name: raw.values[:, i] for i, name in enumerate(raw.sensors)}
    values = (
        np.column_stack([have.get(name, np.full(len(raw.time_us), np.nan)) for name in names])
        if names
        else np.empty((len(raw.time_us), 0))
    )
    running = conditions.holds(options.running, have) if options.running else None
    return to_grid(raw.asset, raw.time_us, names, values, grid, running=running, max_hole=options.max_hole)


# ---------------------------------------------------------------- train


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
    told: Callable[[Stage], None] = lambda stage: None,
) -> TrainResult:
    """Learn normal behaviour from a source, calibrate the return periods, write the model folder.

    ``context`` names sensors that are given to the network but not scored, ``mode`` one that says in which mode (fuel,
    product, grade) an asset runs. Rows in events that are not normal are left out, and so are stretches unlike all
    others that no event of kind ``normal`` vouches for (`screening`).
    """
    read, grid, options = read or ReadOptions(), grid or GridOptions(), options or TrainOptions()
    store.check_model_place(model)
    _check_mode(mode, context, read)
    reading = sources.read(source, replace(read, mode=mode))
    if not sum(len(a.time_us) for a in reading.assets):
        outside = sum(f.dropped.get("outside --start/--end", 0) for f in reading.files)
        raise DataError(
            f"no row is left to learn from: {outside:,} rows lie outside --start/--end. Give a span that holds data."
        )
    known = _sensors_of(reading)
    _check_names(context, known, "--context")
    _check_names([mode] if mode else [], known, "--mode")
    _check_names(list(units or {}), known, "[sensors.units]")
    alive = [
        s
        for s in known
        if any(np.isfinite(a.values[:, a.sensors.index(s)]).any() for a in reading.assets if s in a.sensors)
    ]
    roles = Roles(tuple(s for s in alive if s not in (*context, mode)), tuple(c for c in context if c in alive))
    assets, quality = _on_grid(reading, grid, sensors=roles.all, mode=mode)
    quality = replace(
        quality,
        notes=[*quality.notes, *(f"'{s}' has no value at all and is left out." for s in known if s not in alive)],
    )
    told_events = read_events(events, read.zone) if events else []
    normal = [normal_rows(told_events, a.asset, a.time_us) for a in assets]
    if mode:
        found = modes.find(mode, assets, normal, words=bool(reading.words))
        roles, assets = replace(roles, mode=found), [found.on(a) for a in assets]
    trained = training_stage.train(
        assets,
        normal,
        roles,
        options,
        vouched=[vouched_rows(told_events, a.asset, a.time_us) for a in assets],
        told=told,
        max_hole=grid.max_hole,
        running=grid.running,
        units=dict(units or {}),
        reading={name: _plain(getattr(reading.how, name)) for name in REMEMBERED},
    )
    model_id = store.write_model(model, *to_folder(trained))
    return TrainResult(model, model_id, trained, quality, sum(int((~keep).sum()) for keep in normal))


def _check_mode(mode: str | None, context: Sequence[str], read: ReadOptions) -> None:
    """Raise UsageError where the mode is named as something else too."""
    for option, names in (("--context", context), ("--exclude", read.exclude)):
        if mode is not None and mode in names:
            why = "a mode explains the others as it is" if option == "--context" else "a mode must be read"
            raise UsageError(f"'{mode}' is named in --mode and in {option}: {why}. Leave it out of {option}.")


def _check_names(wanted: Sequence[str], known: Sequence[str], option: str) -> None:
    for name in wanted:
        if name not in known:
            raise UsageError(
                f"{option}: there is no sensor '{name}'."
                f"{near(name, known) or ' There are: ' + ', '.join(known[:12]) + '.'}"
            )


def _plain(value: Any) -> Any:
    return dict(value) if isinstance(value, Mapping) else list(value) if isinstance(value, list | tuple) else value


def load(model: Path) -> tuple[Trained, str]:
    """A model folder and its id. Raises ModelError when it is missing, damaged or too new."""
    document, arrays, model_id = store.read_model(model)
    return from_folder(document, arrays, str(model)), model_id


# ---------------------------------------------------------------- score


@dataclass(frozen=True)
class ScoreResult:
    """Result of `score`. ``states`` state → rows, over all assets."""

    out: Path
    model_id: str
    quality: Quality
    assets: Sequence[str]
    rows: int
    states: Mapping[str, int]
    failed: Mapping[str, str]
    """Asset → why it was not scored; the others are."""


def score(
    source: Place,
    model: Path,
    out: Path,
    *,
    read: ReadOptions | None = None,
    detail: bool = True,
    told: Callable[[int], None] = lambda rows: None,
) -> ScoreResult:
    """Score every asset of a source with a model and write one scores table.

    What ``read`` leaves open is read as in training. Assets that miss a sensor are named in ``failed``; when all do,
    DataError is raised and nothing is written.
    """
    trained, model_id = load(model)
    _check_not_an_input(out, source)
    _check_not_in_model(out, model)
    assets, quality, failed = telemetry_for(trained, source, read or ReadOptions())
    counts = np.zeros(len(State), np.int64)
    unseen: list[_Unseen] = []
    with store.replacing(out) as side:
        schema = scores_stage.schema_of(trained.roles, detail=detail)
        with pq.ParquetWriter(side, schema, compression="zstd") as writer:
            for scored in scores_stage.score(trained, assets, told):
                counts += np.bincount(scored.state, minlength=len(State))
                unseen.append(_Unseen.count(scored))
                writer.write_table(scores_stage.table(trained, scored, model_id, detail=detail))
    quality = replace(quality, notes=[*quality.notes, *_unseen_note(trained, unseen)])
    states = {state.name: int(counts[state]) for state in State}
    return ScoreResult(out, model_id, quality, [a.asset for a in assets], int(counts.sum()), states, failed)


def _check_not_in_model(out: Path, model: Path) -> None:
    """Raise UsageError where a result would lie in the model folder, whose files are sealed."""
    if model.resolve() in out.resolve().parents:
        raise UsageError(f"--out {out} lies in the model folder {model}; it is left as it is. Give another --out.")


def _check_not_an_input(out: Path, source: Place) -> None:
    """Raise UsageError where a result would take the place of what it is made from."""
    if out.exists() and any(out.resolve() == file.resolve() for file in sources.resolve(source)[1]):
        raise UsageError(f"--out {out} is one of the files that are read; it is left as it is. Give another --out.")


def telemetry_for(
    trained: Trained, source: Place, read: ReadOptions
) -> tuple[list[Telemetry], Quality, dict[str, str]]:
    """A source as the model wants it; assets without a sensor it needs are named with the reason.

    Raises DataError when no asset can be used.
    """
    reading = sources.read(source, _as_in_training(trained, read))
    missing = {a.asset: _missing_sensors(trained, a) for a in reading.assets}
    failed = {a.asset: _missing_words(trained, a, missing[a.asset]) for a in reading.assets if missing[a.asset]}
    usable = [a for a in reading.assets if a.asset not in failed]
    if not usable:
        raise DataError(next(iter(failed.values())) if failed else "the source holds no rows.")
    options = GridOptions(trained.grid.period_us, trained.max_hole, trained.running)
    mode = trained.roles.mode
    sensor = mode.sensor if mode else None
    assets, quality = _on_grid(replace(reading, assets=usable), options, trained.grid, trained.roles.all, sensor)
    notes = [*quality.notes, *(note for raw in usable for note in _sparse(raw, trained.grid))]
    quality = replace(quality, notes=[*notes, *(note for a in assets for note in _blind(a))])
    return [mode.on(a) for a in assets] if mode else assets, quality, failed


def _sparse(raw: RawAsset, grid: Grid) -> list[str]:
    """A note where rows come much more seldom than the model's grid."""
    period = estimate_period([raw.time_us]) if len(np.unique(raw.time_us)) > LEAST_FOR_PERIOD else grid.period_us
    if period < 2 * grid.period_us:
        return []
    ours = format_duration(grid.period_us)
    return [
        f"{raw.asset}: rows come every {format_duration(period)}, the model was trained on one every {ours}: "
        "most of its grid is empty and its scores mean little. Train a model on data like these."
    ]


def _blind(asset: Telemetry) -> list[str]:
    """Notes on sensors that have had no value for long up to the asset's last row: nothing watches what they
    measured.
    """
    measured = np.isfinite(asset.values)
    gone = [
        (name, int(np.argmax(m[::-1])) if m.any() else len(m))
        for name, m in zip(asset.sensors, measured.T, strict=True)
    ]
    return [
        f"{asset.asset}: '{name}' has had no value in its last {rows:,} rows"
        f" ({format_duration(rows * asset.grid.period_us)}): the asset is watched without it."
        for name, rows in gone
        if rows > LONG_SILENCE
    ]


@dataclass(frozen=True)
class _Unseen:
    """How many scored rows of an asset met what training never saw, by context, and last by mode."""

    asset: str
    scored: int
    rows: int
    by_context: tuple[int, ...]

    @classmethod
    def count(cls, scored: scores_stage.Scores) -> _Unseen:
        by_context = tuple(int(n) for n in scored.outside.sum(axis=0))
        n_scored = int((scored.state == State.SCORED).sum())
        return cls(scored.telemetry.asset, n_scored, int(scored.unseen.sum()), by_context)


def _unseen_note(trained: Trained, counted: Sequence[_Unseen]) -> list[str]:
    """One note on all assets that met what training never saw, those with the most rows first; none without any."""
    met = sorted((one for one in counted if one.rows), key=lambda one: -one.rows)
    if not met:
        return []
    names = scores_stage.watched(trained)
    told = [
        f"{one.asset} {one.rows:,} of {one.scored:,} scored rows by "
        + " and ".join(f"'{name}'" for name, rows in zip(names, one.by_context, strict=True) if rows)
        for one in met[:MANY_UNSEEN]
    ]
    more = len(met) - MANY_UNSEEN
    told += [f"{more:,} more asset{'s' if more > 1 else ''}"] if more > 0 else []
    causes = [name for i, name in enumerate(names) if any(one.by_context[i] for one in met)]
    ranges, mode = scores_stage.seen(trained), trained.roles.mode
    saw = ", ".join(
        f"'{name}' {mode.listed}"
        if mode and name == mode.sensor
        else _range_words(name, ranges[name], trained.units.get(name))
        for name in causes
    )
    return [
        f"Outside what training saw ({saw}): {'; '.join(told)}. By such rows alone an alert is told as advisory at "
        "most. Train anew once they are part of normal operation."
    ]


def _range_words(name: str, seen: Range, unit: str | None) -> str:
    span = f"{seen.low:.4g}" if seen.low == seen.high else f"{seen.low:.4g} to {seen.high:.4g}"
    return f"'{name}' {span}{f' {unit}' if unit else ''}"


def _as_in_training(trained: Trained, read: ReadOptions) -> ReadOptions:
    """What was left open is taken from the model; what was set wins. The model knows which columns are sensors."""
    blank = ReadOptions()
    remembered = {
        name: value
        for name, value in trained.reading.items()
        if value is not None and getattr(read, name) == getattr(blank, name)
    }
    mode = trained.roles.mode
    if mode:
        remembered |= {"mode": mode.sensor, "words": tuple(mode.rows) if mode.words else ()}
    return replace(read, known=_needed(trained), **remembered)


def _needed(trained: Trained) -> tuple[str, ...]:
    """The sensors an asset must have: those of the model, its mode's, and those of its condition for running."""
    running = conditions.sensors_in(conditions.parse(trained.running)) if trained.running else ()
    mode = (trained.roles.mode.sensor,) if trained.roles.mode else ()
    return tuple(dict.fromkeys((*trained.roles.all, *mode, *running)))


def _missing_sensors(trained: Trained, raw: RawAsset) -> list[str]:
    """Sensors that no file of an asset has; one that is there but holds no number is a sensor down, not missing."""
    return sorted(set(_needed(trained)) - (set(raw.sensors) - set(raw.absent)))


def _missing_words(trained: Trained, raw: RawAsset, missing: Sequence[str]) -> str:
    names = " and ".join(f"'{name}'" for name in missing[:3])
    names += f" and {len(missing) - 3} more" if len(missing) > 3 else ""
    have = [*(name for name in raw.sensors if name not in raw.absent), *raw.left_out]
    return (
        f"{raw.asset}: sensor {names} {'are' if len(missing) > 1 else 'is'} missing "
        f"(the model knows {len(trained.roles.all)} sensors, the file has {len(have)}: {', '.join(have[:8])}). "
        "Map the names in [source] columns of a pipeline file, or train a model without."
    )


# ---------------------------------------------------------------- forecast


@dataclass(frozen=True)
class ForecastResult:
    """Result of `forecast`; ``failed`` asset → why it was not forecast, ``notes`` what to mind about the others."""

    out: Path | None
    model_id: str
    trained: Trained
    quality: Quality
    horizon_us: int
    forecasts: Sequence[forecasting.Forecast]
    failed: Mapping[str, str]
    notes: Sequence[str]

    def table(self) -> pa.Table:
        """All forecasts as one table, see `tables.forecast_schema`."""
        tables = [forecasting.table(self.trained, one) for one in self.forecasts]
        return pa.concat_tables(tables) if tables else forecast_schema().empty_table()

    def document(self) -> dict[str, Any]:
        """What was forecast in short, and how such forecasts did on the history."""
        return {
            "model_id": self.model_id,
            "period_s": self.trained.grid.period_us / 1e6,
            "horizon_s": self.horizon_us / 1e6,
            "assets": [forecasting.as_document(self.trained, one) for one in self.forecasts],
            "failed": dict(self.failed),
            "notes": list(self.notes),
        }


def forecast(
    source: Place,
    model: Path,
    out: Path | None = None,
    *,
    horizon_us: int = DAY,
    read: ReadOptions | None = None,
    context_ahead: Place | None = None,
    events: Path | None = None,
    told: Callable[[int, int], None] = lambda done, of: None,
) -> ForecastResult:
    """Forecast the sensors of every asset from its last row on, for ``horizon_us`` [µs], should it run on.

    The rows before the last one tell how good such forecasts are and how wide the interval must be; rows in ``events``
    that are not normal tell nothing. ``context_ahead`` is a source with the planned context: a value counts from its
    time until the next. ``out`` is written as Parquet, CSV or JSON by its ending. Assets that cannot be forecast are
    named in ``failed``; when all are, DataError is raised and nothing is written.
    """
    trained, model_id = load(model)
    if out:
        store.check_table_name(out)
        _check_not_an_input(out, source)
        _check_not_in_model(out, model)
    n_ahead = -(-horizon_us // trained.grid.period_us)
    if n_ahead < 1:
        raise UsageError("--horizon: give a duration longer than nothing, such as 24h.")
    read = read or ReadOptions()
    assets, quality, failed = telemetry_for(trained, source, read)
    plans, notes = _plans(trained, assets, context_ahead, read) if context_ahead is not None else ({}, [])
    told_events = read_events(events, read.zone) if events else []
    forecasts: list[forecasting.Forecast] = []
    for number, asset in enumerate(assets):
        normal = normal_rows(told_events, asset.asset, asset.time_us)
        try:
            forecasts.append(forecasting.forecast(trained, asset, n_ahead, normal=normal, plan=plans.get(asset.asset)))
        except DataError as problem:
            failed[asset.asset] = str(problem)
        told(number + 1, len(assets))
    if not forecasts:
        raise DataError(next(iter(failed.values())))
    horizon_us = n_ahead * trained.grid.period_us
    notes += [note for one in forecasts for note in _starts_unseen(trained, one)]
    result = ForecastResult(out, model_id, trained, quality, horizon_us, forecasts, failed, notes)
    if out:
        store.write_table(out, result.table(), result.document())
    return result


def _plans(
    trained: Trained, assets: Sequence[Telemetry], place: Place, read: ReadOptions
) -> tuple[dict[str, Plan], list[str]]:
    """The planned context of each asset, and what there is to say about it.

    A plan without the name of one of the assets is for all of them. Raises UsageError when it plans nothing.
    """
    names = trained.roles.context
    if not names:
        raise UsageError("--context-ahead: the model has no context. Train one with --context, or leave the plan out.")
    options = ReadOptions(zone=read.zone or trained.reading.get("zone"), columns=read.columns, known=names)
    read_plans = sources.read(place, options)
    planned = {raw.asset: _plan(raw, names) for raw in read_plans.assets}
    if len(planned) == 1 and not set(planned) & {asset.asset for asset in assets}:
        planned = dict.fromkeys((asset.asset for asset in assets), next(iter(planned.values())))
    mine = {asset.asset: planned[asset.asset] for asset in assets if asset.asset in planned}
    ahead = {
        asset.asset: int(np.isfinite(mine[asset.asset].values[mine[asset.asset].time_us > asset.time_us[-1]]).sum())
        for asset in assets
        if asset.asset in mine and len(asset)
    }
    if not sum(ahead.values()):
        last = max(int(asset.time_us[-1]) for asset in assets if len(asset))
        raise UsageError(
            f"--context-ahead plans no {' or '.join(names)} of these assets after their last row, {iso(last)}. Give a "
            "time column, one column per context, and an asset column where plans differ."
        )
    mode = trained.roles.mode
    if mode and any(mode.sensor in raw.sensors for raw in read_plans.assets):
        raise UsageError(
            f"--context-ahead: '{mode.sensor}' is the mode, which cannot be planned; it is held at its last value. "
            "Leave the column out."
        )
    notes = [
        f"{asset.asset}: nothing is planned after its last row, {iso(int(asset.time_us[-1]))}."
        for asset in assets
        if len(asset) and not ahead.get(asset.asset)
    ]
    return mine, notes + [note for asset, plan in mine.items() for note in _planned_unseen(trained, asset, plan)]


def _plan(raw: RawAsset, names: Sequence[str]) -> Plan:
    """What is planned for one asset, in the order of its times; NaN for a context that is not planned."""
    order = np.argsort(raw.time_us, kind="stable")
    have = {name: raw.values[order, i] for i, name in enumerate(raw.sensors)}
    return Plan(raw.time_us[order], np.column_stack([have.get(name, np.full(len(order), np.nan)) for name in names]))


def _planned_unseen(trained: Trained, asset: str, plan: Plan) -> list[str]:
    """A note for each planned context that lies outside what training saw."""
    ranges = scores_stage.seen(trained)
    return [
        f"{asset}: the plan goes outside what training saw ({_range_words(name, ranges[name], trained.units.get(name))}"
        "): what is forecast there is a guess."
        for i, name in enumerate(trained.roles.context)
        if name in ranges and ranges[name].unseen(plan.values[:, i]).any()
    ]


def _starts_unseen(trained: Trained, said: forecasting.Forecast) -> list[str]:
    """A note where a sensor reads now what training never saw: members of the forecast expect it to come back."""
    out = [
        (name, seen, now)
        for i, (name, now) in enumerate(zip(trained.roles.scored, said.now, strict=True))
        if (seen := trained.learned.scaler.seen(i)) is not None and seen.unseen(np.array([now]))[0]
    ]
    return [
        f"{said.asset}: '{name}' reads {now:.4g} now, outside what training saw "
        f"({_range_words(name, seen, trained.units.get(name))}). Its forecast leans on normal operation and may expect "
        "a return that will not come."
        for name, seen, now in out
    ]


# ---------------------------------------------------------------- alert


@dataclass(frozen=True)
class AlertResult:
    """Result of `alert`; ``strangest`` is the rarest row: asset, time [µs UTC], return period [s]; None without any."""

    out: Path | None
    report: AlertReport
    alerts: Sequence[alerting.Alert]
    strangest: tuple[str, int, float] | None = None


def alert(scores: Path | Sequence[Path], model: Path, out: Path | None, *, policy: Policy | None = None) -> AlertResult:
    """Stored scores → alerts, written as JSON or Parquet by the ending of ``out``."""
    trained, model_id = load(model)
    sink = sink_for(out) if out else None
    policy = policy or Policy()
    policy = replace(policy, units={**trained.units, **policy.units})
    table = read_scores(scores)
    _check_made_by(table, model_id, model)
    _check_names(list(policy.bounds), trained.roles.all, "[sensors.bounds]")
    if out:
        _check_not_in_model(out, model)
    if out and any(out.resolve() == path.resolve() for path in ([scores] if isinstance(scores, Path) else scores)):
        raise UsageError(f"--out {out} is the scores table that is read; it is left as it is. Give another --out.")
    seen = scores_stage.seen(trained)
    found: list[alerting.Alert] = []
    watched: dict[str, dict[str, Any]] = {}
    strangest: tuple[str, int, float] | None = None
    for rows in alerting.rows_of(table):
        if np.isfinite(rows.return_period_s).any():
            top = int(np.nanargmax(rows.return_period_s))
            if strangest is None or rows.return_period_s[top] > strangest[2]:
                strangest = (rows.asset, int(rows.time_us[top]), float(rows.return_period_s[top]))
        found += alerting.alerts_of(rows, policy, trained.grid.period_us, model_id, seen, trained.roles.mode)
        scored = int((rows.state == State.SCORED).sum())
        watched[rows.asset] = {
            "start": iso(int(rows.time_us[0])),
            "end": iso(int(rows.time_us[-1]) + trained.grid.period_us),
            "scored_s": scored * trained.grid.period_us / 1e6,
        }
    found.sort(key=lambda a: (a.raised_us, a.asset))
    report = AlertReport(
        _run_document(trained, model_id, policy, watched, found), [alerting.as_document(a) for a in found]
    )
    if out and sink:
        sink.write(out, report)
    return AlertResult(out, report, found, strangest)


def _check_made_by(table: pa.Table, model_id: str, model: Path) -> None:
    """Raise UsageError when no score in the table is from this model: its limits would mean nothing."""
    made_by = arrow.codes(table.column("model_id"))[0] if "model_id" in table.column_names else ()
    if made_by and model_id not in made_by:
        raise UsageError(
            f"the scores are from model {', '.join(made_by)}; {model} is model {model_id}. Give the --model "
            "they were made with."
        )


def read_scores(scores: Path | Sequence[Path]) -> pa.Table:
    """One or several scores tables (files, or folders of them) as one. Raises DataError when one is no such table."""
    paths = [scores] if isinstance(scores, Path) else list(scores)
    return pa.concat_tables([_read_scores(file) for path in paths for file in _score_files(path)])


def _score_files(path: Path) -> list[Path]:
    if not path.is_dir():
        return [path]
    files = sorted(path.rglob("*.parquet"))
    if not files:
        raise DataError(f"{path} holds no scores. Make them with `anomaly-lstm score SOURCE --model DIR --out FILE`.")
    return files


def _read_scores(path: Path) -> pa.Table:
    try:
        with pq.ParquetFile(path) as file:  # pq.read_table would import pandas
            table = file.read()
    except FileNotFoundError as problem:
        raise DataError(
            f"{path} does not exist. Make it with `anomaly-lstm score SOURCE --model DIR --out {path}`."
        ) from problem
    except (OSError, pa.ArrowException) as problem:
        raise DataError(
            f"{path} is not a readable Parquet file ({str(problem).splitlines()[0]}). "
            "Write the scores anew with `anomaly-lstm score`."
        ) from problem
    check_scores(table, str(path))
    return table


def _run_document(
    trained: Trained,
    model_id: str,
    policy: Policy,
    watched: Mapping[str, Mapping[str, Any]],
    found: Sequence[alerting.Alert],
) -> dict[str, Any]:
    scored_s = sum(w["scored_s"] for w in watched.values())
    budget = []
    for severity, limit_us in policy.limits.items():
        rank = SEVERITIES.index(severity)
        raised = sum(SEVERITIES.index(a.severity) >= rank for a in found)
        budget.append(
            {
                "severity": severity,
                "return_period_s": limit_us / 1e6,
                "expected_false": scored_s / (limit_us / 1e6),
                "raised": raised,
            }
        )
    period_s = trained.grid.period_us / 1e6
    return {
        "version": VERSION,
        "model_id": model_id,
        "start": min((w["start"] for w in watched.values()), key=parse_time, default=None),
        "end": max((w["end"] for w in watched.values()), key=parse_time, default=None),
        "period_s": period_s,
        "policy": {
            "on_delay_s": policy.on_delay_us / 1e6,
            "off_delay_s": policy.off_delay_us / 1e6 if policy.off_delay_us is not None else delays.OFF_ROWS * period_s,
            "deadband": policy.deadband,
            "respond_within_s": policy.respond_within_us / 1e6,
            "bounds": {name: asdict(bound) for name, bound in policy.bounds.items()},
        },
        "budget": budget,
        "normal_s": trained.curves.common.normal_s,
        "assets": {asset: dict(w) for asset, w in watched.items()},
    }


# ---------------------------------------------------------------- evaluate


def evaluate(
    alerts: Path | AlertReport,
    events: Path | Sequence[Event],
    *,
    severity: str | None = None,
    start_us: int | None = None,
    end_us: int | None = None,
    zone: str | None = None,
) -> evaluating.Evaluation:
    """Compare an alerts file with people's events: found, missed, how early, false alerts against the budget.

    ``severity`` counts alerts of at least that severity against its own budget (default: the lowest that was on);
    ``start_us``, ``end_us`` narrow the watched time, for example to what comes after training.
    """
    report = sink_for(alerts).read(alerts) if isinstance(alerts, Path) else alerts
    told = read_events(events, zone) if isinstance(events, Path) else list(events)
    raised, return_period_us = _counted(report, severity)
    watched = {asset: _watched(w, start_us, end_us) for asset, w in report.run["assets"].items()}
    inside = [a for a in raised if watched[a.asset].start_us <= a.raised_us < watched[a.asset].end_us]
    return evaluating.evaluate(inside, told, watched, return_period_us)


def measure(
    alerts: Path,
    events: Path,
    scores: Path | Sequence[Path],
    *,
    severity: str | None = None,
    start_us: int | None = None,
    end_us: int | None = None,
    zone: str | None = None,
    seed: int = 0,
) -> measuring.Measures:
    """The literature's measures of alerts and of the return periods they were made from, on the rows of `evaluate`.

    ``seed`` draws the random detectors beside them. Raises UsageError when the alerts were not made from ``scores``.
    """
    report = sink_for(alerts).read(alerts)
    told = read_events(events, zone)
    raised, _ = _counted(report, severity)
    table = read_scores(scores)
    made_by = arrow.codes(table.column("model_id"))[0] if "model_id" in table.column_names else ()
    rows = {r.asset: r for r in alerting.rows_of(table)}
    missing = sorted(set(report.run["assets"]) - set(rows))
    if missing or (made_by and report.run["model_id"] not in made_by):
        whose = f"of {missing[0]}" if missing else f"by model {report.run['model_id']}"
        raise UsageError(f"the scores have no rows {whose}. Give the --scores that {alerts} was made from.")
    tracks = []
    for asset, document in report.run["assets"].items():
        span, mine = _watched(document, start_us, end_us), rows[asset]
        keep = np.isfinite(mine.return_period_s) & (mine.time_us >= span.start_us) & (mine.time_us < span.end_us)
        tracks.append(measuring.track_of(asset, mine.time_us[keep], mine.return_period_s[keep], raised, told))
    return measuring.measure(tracks, seed)


def _counted(report: AlertReport, severity: str | None) -> tuple[list[evaluating.Raised], int]:
    """The alerts of at least a severity (None: the lowest that was on), and its return period [µs], 0 if none was."""
    on = {b["severity"]: b["return_period_s"] for b in report.run["budget"]}
    if severity is not None and severity not in on:
        raise UsageError(
            f"--severity {severity} was not on when these alerts were made; on were: {', '.join(on) or 'none'}."
        )
    severity = severity or next((s for s in SEVERITIES if s in on), None)
    least = SEVERITIES.index(severity) if severity else 0
    raised = [
        _raised(a) for a in report.alerts if a["kind"] == "deviation" and SEVERITIES.index(a["severity"]) >= least
    ]
    return raised, round(on[severity] * 1e6) if severity else 0


def _watched(document: Mapping[str, Any], start_us: int | None, end_us: int | None) -> evaluating.Watched:
    start, end = parse_time(document["start"]), parse_time(document["end"])
    from_us = start if start_us is None else min(max(start, start_us), end)
    to_us = end if end_us is None else max(min(end, end_us), from_us)
    share = (to_us - from_us) / (end - start) if end > start else 0.0
    return evaluating.Watched(from_us, to_us, round(document["scored_s"] * 1e6 * share))


def _raised(document: Mapping[str, Any]) -> evaluating.Raised:
    cleared = document["cleared_at"]
    return evaluating.Raised(
        document["alert_id"],
        document["asset"],
        document["severity"],
        parse_time(document["raised_at"]),
        None if cleared is None else parse_time(cleared),
    )


# ---------------------------------------------------------------- replay

REPLAYS = (".html", ".json")
"""The endings of files that a replay is written as: a page for people, a document for programs."""


def replay(
    scores: Path | Sequence[Path],
    model: Path,
    events: Path | Sequence[Event],
    out: Sequence[Path] = (),
    *,
    policy: Policy | None = None,
    budget_us: int | None = None,
    severity: str | None = None,
    start_us: int | None = None,
    end_us: int | None = None,
    zone: str | None = None,
    return_periods_us: Sequence[int] = replaying.RETURN_PERIODS_US,
    on_delays_us: Sequence[int] | None = None,
) -> replaying.Replay:
    """Stored scores through an alert policy as a schedule would have run it, against people's events, and what other
    policies would have told; written to each of ``out``, a page or a document by its ending.

    ``budget_us`` is the mean time between false warnings of all assets together, in place of the policy's limits.
    ``severity`` counts alerts from when they came to it (default: the lowest that is on; with a budget, warning). What
    the model learned from is left out unless ``start_us`` says otherwise. Raises DataError when no event touches the
    scores, UsageError when they are another model's.
    """
    _check_endings(out)
    for path in out:
        _check_not_in_model(path, model)
    trained, model_id = load(model)
    told = read_events(events, zone) if isinstance(events, Path) else list(events)
    table = read_scores(scores)
    _check_made_by(table, model_id, model)
    spans = _stored_spans(table, trained.grid.period_us)
    _check_touched(told, spans)
    terms = _terms(policy or Policy(), budget_us, severity, len(spans))
    _check_names(list(terms.policy.bounds), trained.roles.all, "[sensors.bounds]")
    units = {**trained.units, **terms.policy.units}
    history = _history(trained, model_id, spans, told, start_us, end_us)
    terms = replace(terms, policy=replace(terms.policy, units=units))
    result = replaying.replay(alerting.rows_of(table), history, terms, return_periods_us, on_delays_us)
    result = replace(result, notes=_replay_notes(trained, history, told, spans))
    for path in out:
        _write_replay(path, result)
    return result


def _check_endings(out: Sequence[Path]) -> None:
    for path in out:
        if path.suffix.lower() not in REPLAYS:
            raise UsageError(
                f"{path}: a replay is written as {' or '.join(REPLAYS)}; give the file one of these endings."
            )


def _write_replay(path: Path, result: replaying.Replay) -> None:
    if path.suffix.lower() == ".json":
        store.write_json(path, replaying.document(result))
    else:
        store.write_text(path, replay_page.draw(result))


def _stored_spans(table: pa.Table, period_us: int) -> dict[str, tuple[int, int]]:
    """Asset → its stored rows [start, end) [µs UTC]. Raises DataError when there is no row."""
    ends = table.select(["asset", "time"]).group_by("asset").aggregate([("time", "min"), ("time", "max")])
    first, last = (arrow.times_to_numpy(ends.column(name)) for name in ("time_min", "time_max"))
    if not len(ends):
        raise DataError("the scores hold no row. Make them with `anomaly-lstm score SOURCE --model DIR --out FILE`.")
    names = ends.column("asset").to_pylist()
    return {str(name): (int(a), int(b) + period_us) for name, a, b in zip(names, first, last, strict=True)}


def _check_touched(told: Sequence[Event], spans: Mapping[str, tuple[int, int]]) -> None:
    """Raise DataError when there are events and none of them touches the scores: the two do not belong together."""
    if not told or any(
        e.end_us > start and e.start_us < end
        for asset, (start, end) in spans.items()
        for e in told
        if e.asset in ("", asset)
    ):
        return
    start, end = (iso(edge) for edge in (min(s for s, _ in spans.values()), max(e for _, e in spans.values())))
    between = f"{iso(min(e.start_us for e in told))} to {iso(max(e.end_us for e in told))}"
    theirs = _few(e.asset or "all assets" for e in told)
    raise DataError(
        f"none of the {len(told)} events touches the scores: they tell of {theirs}, {between}; the scores are of "
        f"{_few(spans)}, {start} to {end}. Score the history around the events, or give an events.csv of this span; "
        "one with nothing but its header is enough to count false alerts."
    )


def _few(names: Iterable[str]) -> str:
    """The first of some names, without repeats."""
    known = list(dict.fromkeys(names))
    return ", ".join(known[:3]) + (f" and {len(known) - 3} more" if len(known) > 3 else "")


def _terms(policy: Policy, budget_us: int | None, severity: str | None, n_assets: int) -> replaying.Terms:
    if budget_us is not None:
        policy = replace(policy, limits=limits_for_budget(budget_us, n_assets))
    on = [s for s in SEVERITIES if s in policy.limits]
    if severity is not None and severity not in on:
        raise UsageError(f"--severity {severity} is not on; on are: {', '.join(on) or 'none'}.")
    promised = "warning" if budget_us is not None else next(iter(on), SEVERITIES[0])  # a budget promises warnings
    return replaying.Terms(policy, severity or promised)


def _history(
    trained: Trained,
    model_id: str,
    spans: Mapping[str, tuple[int, int]],
    told: Sequence[Event],
    start_us: int | None,
    end_us: int | None,
) -> replaying.History:
    """What is watched: from ``start_us``, else from the end of the training where the scores reach beyond it."""
    learned_us = _learned_until(trained, spans)
    first, last = min(start for start, _ in spans.values()), max(end for _, end in spans.values())
    begin = start_us if start_us is not None else max(first, learned_us) if last > learned_us else first
    end = last if end_us is None else min(end_us, last)
    if begin >= end:
        raise UsageError(
            f"no scores lie between {iso(begin)} and {iso(end)}; they reach from {iso(first)} to {iso(last)}. "
            "Give --start and --end within."
        )
    events = replaying.of_assets(told, spans)
    seen = scores_stage.seen(trained)
    normal_s = trained.curves.common.normal_s
    return replaying.History(events, begin, end, trained.grid.period_us, model_id, normal_s, seen, trained.roles.mode)


def _learned_until(trained: Trained, assets: Iterable[str]) -> int:
    """The end of what the model learned from any of these assets [µs UTC]; the beginning of time where it did not."""
    return int(trained.report["end_us"]) if set(trained.report["assets"]) & set(assets) else 0


def _replay_notes(
    trained: Trained, history: replaying.History, told: Sequence[Event], spans: Mapping[str, tuple[int, int]]
) -> list[str]:
    """What a reader must know: rows the model learned from, events that were not judged."""
    learned_us = _learned_until(trained, spans)
    notes = []
    if history.start_us < learned_us:
        notes.append(
            f"The model learned from rows up to {iso(learned_us)}; the replay begins before, and on rows it learned "
            "from false alerts come more seldom than in days to come."
        )
    wanted = [e for e in told if e.kind in evaluating.WANTED]
    strange = [e for e in wanted if e.asset and e.asset not in spans]
    if strange:
        notes.append(f"Not judged, for they have no scores: events of {_few(e.asset for e in strange)}.")
    outside = [e for e in wanted if e not in strange and (e.end_us <= history.start_us or e.start_us >= history.end_us)]
    if outside:
        plural = "s lie" if len(outside) > 1 else " lies"
        notes.append(
            f"Not judged: {len(outside)} failure or anomaly event{plural} outside {iso(history.start_us)} to "
            f"{iso(history.end_us)}."
        )
    if not any(evaluating.failed_at(e) is not None for e in wanted if e not in strange and e not in outside):
        notes.append(
            "The events name no failure here: the replay shows false alerts and alarm load, and no warning time."
        )
    return notes


# ---------------------------------------------------------------- run


@dataclass(frozen=True)
class RunPlan:
    """All that a scheduled run needs, as a pipeline file says it."""

    source: Place
    folder: Path
    read: ReadOptions = field(default_factory=ReadOptions)
    grid: GridOptions = field(default_factory=GridOptions)
    context: Sequence[str] = ()
    mode: str | None = None
    events: Path | None = None
    units: Mapping[str, str] = field(default_factory=dict)
    train_until_us: int | None = None
    train: TrainOptions = field(default_factory=TrainOptions)
    policy: Policy = field(default_factory=Policy)
    budget_us: int | None = None
    """Mean time between false alerts of the whole pipeline; sets the limits of ``policy`` once the assets are known."""
    disabled: Sequence[str] = ()
    """Assets that are not watched."""


@dataclass(frozen=True)
class RunResult:
    """Result of `run`. ``trained`` is None when a model stood already."""

    folder: Path
    model: Path
    trained: TrainResult | None
    quality: Quality
    alerts: AlertResult
    states: Mapping[str, int]
    evaluation: evaluating.Evaluation | None
    failed: Mapping[str, str]
    seconds: float


def run(
    plan: RunPlan, *, told: Callable[[Stage], None] = lambda stage: None, clock: Callable[[], float] = time.monotonic
) -> RunResult:
    """Train if the run folder has no model, then score, alert, and evaluate where there are events.

    All that the source holds is computed anew and replaced in one step per file, so a second run on the same data
    changes no byte. Where the source no longer reaches back to the first stored row, stored rows are kept and only
    later ones are added.
    """
    begun = clock()
    with store.locked(plan.folder):
        trained = None
        model = current_model(plan.folder)
        if model is None:
            trained = _train_into(plan, told)
            model = trained.folder
        loaded, model_id = load(model)
        assets, quality, failed = telemetry_for(loaded, plan.source, plan.read)
        assets = [a for a in assets if a.asset not in plan.disabled]
        if trained is None:
            quality = replace(quality, notes=[*quality.notes, *_changed_since(plan, loaded)])
        states, unseen = _store_scores(plan.folder / "scores", loaded, model_id, assets)
        quality = replace(quality, notes=[*quality.notes, *_unseen_note(loaded, unseen)])
        policy = (
            plan.policy
            if plan.budget_us is None
            else replace(plan.policy, limits=limits_for_budget(plan.budget_us, _n_stored(plan.folder / "scores")))
        )
        written = sorted((plan.folder / "scores").glob("*/*.parquet"))
        result = alert(written, model, plan.folder / "alerts.json", policy=policy)
        sink_for(Path("alerts.parquet")).write(plan.folder / "alerts.parquet", result.report)
        store.write_json(plan.folder / "quality.json", quality.document())
        judged = (
            evaluate(
                result.report,
                plan.events,
                severity="warning" if plan.budget_us is not None else None,  # a budget promises warnings
                start_us=loaded.report["end_us"],
                zone=plan.read.zone,
            )
            if plan.events
            else None
        )
    return RunResult(plan.folder, model, trained, quality, result, states, judged, failed, clock() - begun)


def _changed_since(plan: RunPlan, trained: Trained) -> list[str]:
    """Notes on what the pipeline file asks of training that the model in use was not trained with."""
    asked = {
        "[train] model": (plan.train.network, trained.options["network"]),
        "[train] threshold": (plan.train.threshold, trained.options["threshold"]),
        "[train] seed": (plan.train.seed, trained.options["seed"]),
        "[sensors] context": (list(plan.context), list(trained.roles.context)),
        "[sensors] mode": (plan.mode, trained.roles.mode.sensor if trained.roles.mode else None),
        "[sensors] running": (plan.grid.running, trained.running),
        "[source] period": (plan.grid.period_us or trained.grid.period_us, trained.grid.period_us),
    }
    return [
        f"{key} is {wanted} in the pipeline file, but the model in use was trained with {have}; it stays in use. "
        "Train anew with `anomaly-lstm train --pipeline FILE`."
        for key, (wanted, have) in asked.items()
        if wanted != have
    ]


def train_into(plan: RunPlan, *, told: Callable[[Stage], None] = lambda stage: None) -> TrainResult:
    """Train anew into the run folder: the model is the run's from now on."""
    with store.locked(plan.folder):
        return _train_into(plan, told)


def _train_into(plan: RunPlan, told: Callable[[Stage], None]) -> TrainResult:
    read = (
        plan.read
        if plan.train_until_us is None
        else replace(plan.read, end_us=min(plan.train_until_us, plan.read.end_us or plan.train_until_us))
    )
    new = plan.folder / "models" / "new"
    shutil.rmtree(new, ignore_errors=True)  # left by a run that was killed
    result = train(
        plan.source,
        new,
        read=read,
        grid=plan.grid,
        context=plan.context,
        mode=plan.mode,
        events=plan.events,
        units=plan.units,
        options=plan.train,
        told=told,
    )
    home = new.with_name(result.model_id)
    shutil.rmtree(home, ignore_errors=True)
    new.rename(home)
    store.write_json(plan.folder / "state.json", {"model_id": result.model_id})
    return replace(result, folder=home)


def current_model(folder: Path) -> Path | None:
    """The model a run folder works with, or None before its first training."""
    state = store.read_json(folder / "state.json") if (folder / "state.json").is_file() else {}
    return folder / "models" / state["model_id"] if "model_id" in state else None


def policy_of(folder: Path) -> Policy | None:
    """The policy a run folder's alerts were raised by, or None before its first run."""
    path = folder / "alerts.json"
    if not path.is_file():
        return None
    run = sink_for(path).read(path).run
    delays = run["policy"]
    return Policy(
        {line["severity"]: round(line["return_period_s"] * 1e6) for line in run["budget"]},
        round(delays["on_delay_s"] * 1e6),
        round(delays["off_delay_s"] * 1e6),
        delays["deadband"],
        {sensor: alerting.Bound(**bound) for sensor, bound in delays["bounds"].items()},
        respond_within_us=round(delays.get("respond_within_s", 0) * 1e6),
    )


def is_run(folder: Path) -> bool:
    """Does the folder look like a run folder?"""
    return (folder / "state.json").is_file()


def limits_for_budget(budget_us: int, n_assets: int) -> dict[str, int]:
    """The return periods per asset with which all assets together raise one false warning per ``budget_us``.

    An advisory comes at a third of it.
    """
    warning = budget_us * max(1, n_assets)
    return {"advisory": min(30 * alerting.DAY_US, warning // 3), "warning": warning}


def _n_stored(scores: Path) -> int:
    """How many assets have stored scores."""
    return len({path.parent for path in scores.glob("*/*.parquet")})


def _store_scores(
    folder: Path, trained: Trained, model_id: str, assets: Sequence[Telemetry]
) -> tuple[dict[str, int], list[_Unseen]]:
    """Replace ``<asset>/<YYYY-MM>.parquet`` for every asset and month with new rows.

    Returns state → rows read, and per asset how many of them were unseen.
    """
    counts = np.zeros(len(State), np.int64)
    unseen: list[_Unseen] = []
    for scored in scores_stage.score(trained, assets):
        counts += np.bincount(scored.state, minlength=len(State))
        unseen.append(_Unseen.count(scored))
        home = folder / store.folder_name(scored.telemetry.asset)
        fresh = scores_stage.table(trained, scored, model_id)
        table = _with_history(read_scores(home), fresh) if any(home.glob("*.parquet")) else fresh
        months = _months(table)
        for month in np.unique(_months(fresh)):
            with store.replacing(home / f"{month}.parquet") as side:
                pq.write_table(table.filter(arrow.from_bools(months == month)), side, compression="zstd")
    return {state.name: int(counts[state]) for state in State}, unseen


def _months(scores: pa.Table) -> NDArray[np.datetime64]:
    """The month of each row."""
    return arrow.times_to_numpy(scores.column("time")).astype("datetime64[us]").astype("datetime64[M]")


def _with_history(stored: pa.Table, fresh: pa.Table) -> pa.Table:
    """Fresh rows and the stored rows they do not replace, in time order.

    Where the fresh rows reach back to the first stored one they replace all up to their last; where they begin later
    (an export that only holds the last days) they began cold, so stored rows stand and only later ones are added.
    """
    old, new = (arrow.times_to_numpy(t.column("time")) for t in (stored, fresh))
    if not len(new):
        return stored
    if new[0] <= old.min():
        return pa.concat_tables([fresh, stored.filter(arrow.from_bools(old > new[-1]))]).combine_chunks()
    return pa.concat_tables([stored, fresh.filter(arrow.from_bools(new > old.max()))]).combine_chunks()


# ---------------------------------------------------------------- inspect


def inspect(target: Path) -> dict[str, Any]:
    """What a model folder, a run folder, an ingested folder or an alerts file holds, as a document."""
    if store.is_model(target):
        document, _, model_id = store.read_model(target)
        return {"kind": "model", "path": str(target), "model_id": model_id, **document}
    if is_run(target):
        model = current_model(target)
        report = (
            sink_for(Path("alerts.json")).read(target / "alerts.json") if (target / "alerts.json").is_file() else None
        )
        return {
            "kind": "run",
            "path": str(target),
            "model": inspect(model) if model and store.is_model(model) else None,
            "run": report.run if report else None,
            "alerts": list(report.alerts) if report else [],
        }
    if (target / "quality.json").is_file():
        return {"kind": "ingested", "path": str(target), **store.read_json(target / "quality.json")}
    if target.is_file():
        report = sink_for(target).read(target)
        return {"kind": "alerts", "path": str(target), "run": report.run, "alerts": list(report.alerts)}
    raise DataError(
        f"{target} is neither a model folder, a run folder, an ingested folder nor an alerts file. "
        "Train a model with `anomaly-lstm train SOURCE --model DIR`."
    )


def failures(failed: Mapping[str, str]) -> None:
    """Raise SomeAssetsFailed, naming each, when some assets failed."""
    if failed:
        raise SomeAssetsFailed("\n".join(failed.values()))
