"""`run`: everything a pipeline file asks for, in its run folder."""

from __future__ import annotations

import shutil
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from numpy.typing import NDArray

from anomaly_lstm import alerts as alerting
from anomaly_lstm import arrow, interventions, store
from anomaly_lstm import evaluation as evaluating
from anomaly_lstm import scoring as scores_stage
from anomaly_lstm.alerts import Policy
from anomaly_lstm.interventions import UnderEvents
from anomaly_lstm.learning import TrainOptions
from anomaly_lstm.pipeline.alerting import AlertResult, alert, limits_for_budget
from anomaly_lstm.pipeline.evaluation import evaluate
from anomaly_lstm.pipeline.grids import GridOptions, Quality
from anomaly_lstm.pipeline.scoring import Unseen, events_for, load, notes_of, read_scores, telemetry_for, unseen_note
from anomaly_lstm.pipeline.training import TrainResult, train
from anomaly_lstm.sinks import sink_for
from anomaly_lstm.sources import Place
from anomaly_lstm.sources.contract import ReadOptions
from anomaly_lstm.tables import State
from anomaly_lstm.trained import Trained
from anomaly_lstm.training import Stage


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
        told_events = events_for(loaded, plan.events, plan.read)
        acted = [interventions.under_events(loaded, asset, told_events) for asset in assets]
        states, unseen = _store_scores(plan.folder / "scores", loaded, model_id, acted)
        quality = replace(quality, notes=[*quality.notes, *notes_of(acted), *unseen_note(loaded, unseen)])
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


def _n_stored(scores: Path) -> int:
    """How many assets have stored scores."""
    return len({path.parent for path in scores.glob("*/*.parquet")})


def _store_scores(
    folder: Path, trained: Trained, model_id: str, assets: Sequence[UnderEvents]
) -> tuple[dict[str, int], list[Unseen]]:
    """Replace ``<asset>/<YYYY-MM>.parquet`` for every asset and month with new rows.

    Returns state → rows read, and per asset how many of them were unseen.
    """
    counts = np.zeros(len(State), np.int64)
    unseen: list[Unseen] = []
    for scored in interventions.score(trained, assets):
        counts += np.bincount(scored.state, minlength=len(State))
        unseen.append(Unseen.count(scored))
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
