"""`score`: a source and a model → a table of scores; and what reads such tables."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from anomaly_lstm import arrow, conditions, interventions, sources, store
from anomaly_lstm import scoring as scores_stage
from anomaly_lstm.clock import format_duration
from anomaly_lstm.errors import DataError, UsageError
from anomaly_lstm.events import Event, read_events
from anomaly_lstm.interventions import UnderEvents
from anomaly_lstm.pipeline.grids import (
    GridOptions,
    Quality,
    check_applied,
    check_not_an_input,
    on_grid,
    rules_applied,
    status_words,
)
from anomaly_lstm.scaling import Range
from anomaly_lstm.sources import Place
from anomaly_lstm.sources.contract import RawAsset, Reading, ReadOptions
from anomaly_lstm.tables import State, check_scores
from anomaly_lstm.telemetry import DEFAULT, Telemetry, estimate_period
from anomaly_lstm.trained import Trained, from_folder

LONG_SILENCE = 100
"""A sensor without a value in so many rows up to the last one is told [rows]."""


MANY_UNSEEN = 5
"""So many assets are named that met what training never saw; of more, the number."""


LEAST_FOR_PERIOD = 20
"""Distinct times from which on a period of their own is believed."""


def load(model: Path) -> tuple[Trained, str]:
    """A model folder and its id. Raises ModelError when it is missing, damaged or too new."""
    document, arrays, model_id = store.read_model(model)
    return from_folder(document, arrays, str(model)), model_id


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
    events: Path | None = None,
    detail: bool = True,
    told: Callable[[int], None] = lambda rows: None,
) -> ScoreResult:
    """Score every asset of a source with a model and write one scores table.

    What ``read`` leaves open is read as in training. ``events`` say which rows are not judged, where evidence starts
    anew and which sensors were changed (`interventions`). Assets that miss a sensor are named in ``failed``; when all
    do, DataError is raised and nothing is written.
    """
    trained, model_id = load(model)
    check_not_an_input(out, source)
    check_not_in_model(out, model)
    read = read or ReadOptions()
    assets, quality, failed = telemetry_for(trained, source, read)
    told_events = events_for(trained, events, read)
    acted = [interventions.under_events(trained, asset, told_events) for asset in assets]
    counts = np.zeros(len(State), np.int64)
    unseen: list[Unseen] = []
    with store.replacing(out) as side:
        schema = scores_stage.schema_of(trained.roles, detail=detail)
        with pq.ParquetWriter(side, schema, compression="zstd") as writer:
            for scored in interventions.score(trained, acted, told):
                counts += np.bincount(scored.state, minlength=len(State))
                unseen.append(Unseen.count(scored))
                writer.write_table(scores_stage.table(trained, scored, model_id, detail=detail))
    quality = replace(quality, notes=[*quality.notes, *notes_of(acted), *unseen_note(trained, unseen)])
    states = {state.name: int(counts[state]) for state in State}
    return ScoreResult(out, model_id, quality, [a.asset for a in assets], int(counts.sum()), states, failed)


def events_for(trained: Trained, events: Path | None, read: ReadOptions) -> list[Event]:
    """The events of a file, none without one; times without an offset are read in the zone of the data."""
    return read_events(events, read.zone or trained.reading.get("zone")) if events else []


def notes_of(acted: Sequence[UnderEvents]) -> list[str]:
    """What events did to the assets."""
    return [note for one in acted for note in one.notes]


def check_not_in_model(out: Path, model: Path) -> None:
    """Raise UsageError where a result would lie in the model folder, whose files are sealed."""
    if model.resolve() in out.resolve().parents:
        raise UsageError(f"--out {out} lies in the model folder {model}; it is left as it is. Give another --out.")


def telemetry_for(
    trained: Trained, source: Place, read: ReadOptions
) -> tuple[list[Telemetry], Quality, dict[str, str]]:
    """A source as the model wants it; assets without a sensor it needs are named with the reason.

    Raises DataError when no asset can be used.
    """
    applied = rules_applied(source)
    if applied is not None:
        check_applied(applied, trained.rules, "the model's")
        trained = replace(trained, rules=DEFAULT)
    reading = sources.read(source, as_in_training(trained, read))
    missing = {a.asset: missing_sensors(trained, a) for a in reading.assets}
    failed = {a.asset: missing_words(trained, a, missing[a.asset]) for a in reading.assets if missing[a.asset]}
    usable = [a for a in reading.assets if a.asset not in failed]
    if not usable:
        raise DataError(next(iter(failed.values())) if failed else "the source holds no rows.")
    assets, quality = as_the_model_wants(trained, replace(reading, assets=usable))
    notes = [*quality.notes, *(note for raw in usable for note in sparse(trained, raw))]
    return assets, replace(quality, notes=[*notes, *(note for a in assets for note in blind(a))]), failed


def as_the_model_wants(trained: Trained, reading: Reading, since: int | None = None) -> tuple[list[Telemetry], Quality]:
    """All assets of a reading on the model's grid, with its sensors in its order; rows before grid index ``since`` are
    only looked back at.
    """
    mode = trained.roles.mode
    sensor = mode.sensor if mode else None
    assets, quality = on_grid(reading, grid_options(trained), trained.grid, trained.roles.all, sensor, since)
    return [mode.on(a) for a in assets] if mode else assets, quality


def grid_options(trained: Trained) -> GridOptions:
    """How the model's rows became a grid."""
    return GridOptions(trained.grid.period_us, trained.max_hole, trained.running, trained.rules, trained.settle_us)


def sparse(trained: Trained, raw: RawAsset) -> list[str]:
    """A note where rows come much more seldom than the model's grid, and no value counts on until the next."""
    grid = trained.grid
    period = estimate_period([raw.time_us]) if len(np.unique(raw.time_us)) > LEAST_FOR_PERIOD else grid.period_us
    if period < 2 * grid.period_us or period <= trained.rules.holds_us(trained.roles.all)[1]:
        return []
    ours = format_duration(grid.period_us)
    return [
        f"{raw.asset}: rows come every {format_duration(period)}, the model was trained on one every {ours}: "
        "most of its grid is empty and its scores mean little. Train a model on data like these."
    ]


def blind(asset: Telemetry) -> list[str]:
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
class Unseen:
    """How many scored rows of an asset met what training never saw, by context, and last by mode."""

    asset: str
    scored: int
    rows: int
    by_context: tuple[int, ...]

    @classmethod
    def count(cls, scored: scores_stage.Scores, since: int = 0) -> Unseen:
        """Of an asset's rows from row ``since`` on."""
        by_context = tuple(int(n) for n in scored.outside[since:].sum(axis=0))
        n_scored = int((scored.state[since:] == State.SCORED).sum())
        return cls(scored.telemetry.asset, n_scored, int(scored.unseen[since:].sum()), by_context)


def unseen_note(trained: Trained, counted: Sequence[Unseen]) -> list[str]:
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
        else range_words(name, ranges[name], trained.units.get(name))
        for name in causes
    )
    return [
        f"Outside what training saw ({saw}): {'; '.join(told)}. By such rows alone an alert is told as advisory at "
        "most. Train anew once they are part of normal operation."
    ]


def range_words(name: str, seen: Range, unit: str | None) -> str:
    span = f"{seen.low:.4g}" if seen.low == seen.high else f"{seen.low:.4g} to {seen.high:.4g}"
    return f"'{name}' {span}{f' {unit}' if unit else ''}"


def as_in_training(trained: Trained, read: ReadOptions) -> ReadOptions:
    """What was left open is taken from the model; what was set wins. The model knows which columns are sensors."""
    blank = ReadOptions()
    remembered = {
        name: value
        for name, value in trained.reading.items()
        if value is not None and getattr(read, name) == getattr(blank, name)
    }
    if read.zone is not None:  # it is for all assets, whatever their table said in training
        remembered.pop("zones", None)
    mode = trained.roles.mode
    words = words_of(trained)
    remembered |= {"mode": mode.sensor} if mode else {}
    return replace(read, known=needed(trained), words=words, **remembered)


def words_of(trained: Trained) -> dict[str, tuple[str, ...]]:
    """The words that the model knows, by sensor: those of its mode, and of its condition for running; none for a mode
    of numbers.
    """
    mode = trained.roles.mode
    known = {mode.sensor: tuple(mode.rows) if mode.words else ()} if mode else {}
    return known | {name: words for name, words in status_words(trained.running).items() if name not in known}


def needed(trained: Trained) -> tuple[str, ...]:
    """The sensors an asset must have: those of the model, its mode's, and those of its condition for running."""
    running = conditions.sensors_in(conditions.parse(trained.running)) if trained.running else ()
    mode = (trained.roles.mode.sensor,) if trained.roles.mode else ()
    return trained.rules.measured((*trained.roles.all, *mode, *running))


def missing_sensors(trained: Trained, raw: RawAsset) -> list[str]:
    """Sensors that no file of an asset has; one that is there but holds no number is a sensor down, not missing."""
    return sorted(set(needed(trained)) - (set(raw.sensors) - set(raw.absent)))


def missing_words(trained: Trained, raw: RawAsset, missing: Sequence[str]) -> str:
    names = " and ".join(f"'{name}'" for name in missing[:3])
    names += f" and {len(missing) - 3} more" if len(missing) > 3 else ""
    have = [*(name for name in raw.sensors if name not in raw.absent), *raw.left_out]
    return (
        f"{raw.asset}: sensor {names} {'are' if len(missing) > 1 else 'is'} missing "
        f"(the model knows {len(trained.roles.all)} sensors, the file has {len(have)}: {', '.join(have[:8])}). "
        "Map the names in [source] columns of a pipeline file, or train a model without."
    )


def check_made_by(table: pa.Table, model_id: str, model: Path) -> None:
    """Raise UsageError when no score in the table is from this model: its limits would mean nothing."""
    made_by = arrow.codes(table.column("model_id"))[0] if "model_id" in table.column_names else ()
    if made_by and model_id not in made_by:
        raise UsageError(
            f"the scores are from model {', '.join(made_by)}; {model} is model {model_id}. Give the --model "
            "they were made with."
        )


def read_scores(scores: Path | Sequence[Path], columns: Sequence[str] | None = None) -> pa.Table:
    """One or several scores tables (files, or folders of them) as one, of all columns or some of those they have.

    Raises DataError when one is no such table.
    """
    paths = [scores] if isinstance(scores, Path) else list(scores)
    return pa.concat_tables([_read_scores(file, columns) for path in paths for file in _score_files(path)])


def _score_files(path: Path) -> list[Path]:
    if not path.is_dir():
        return [path]
    files = sorted(path.rglob("*.parquet"))
    if not files:
        raise DataError(f"{path} holds no scores. Make them with `anomaly-lstm score SOURCE --model DIR --out FILE`.")
    return files


def _read_scores(path: Path, columns: Sequence[str] | None) -> pa.Table:
    try:
        with pq.ParquetFile(path) as file:  # pq.read_table would import pandas
            table = file.read([name for name in columns if name in file.schema_arrow.names] if columns else None)
    except FileNotFoundError as problem:
        raise DataError(
            f"{path} does not exist. Make it with `anomaly-lstm score SOURCE --model DIR --out {path}`."
        ) from problem
    except (OSError, pa.ArrowException) as problem:
        raise DataError(
            f"{path} is not a readable Parquet file ({str(problem).splitlines()[0]}). "
            "Write the scores anew with `anomaly-lstm score`, or, in a run folder, remove the folder of the asset: the "
            "next run makes it anew."
        ) from problem
    check_scores(table, str(path))
    return table
