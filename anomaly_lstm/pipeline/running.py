"""`run`: everything a pipeline file asks for, in its run folder."""

from __future__ import annotations

import os
import shutil
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np

from anomaly_lstm import alerts as alerting
from anomaly_lstm import arrivals, store, telling
from anomaly_lstm import evaluation as evaluating
from anomaly_lstm.actions import NOTHING
from anomaly_lstm.alerts import Policy
from anomaly_lstm.budgets import split_budget
from anomaly_lstm.cases import Cases, Rules, advance, overlays, told_line
from anomaly_lstm.cases import Told as CaseTold
from anomaly_lstm.changes import CHANGES, Change
from anomaly_lstm.clock import iso, parse_time
from anomaly_lstm.events import Event
from anomaly_lstm.interventions import changed_from
from anomaly_lstm.learning import TrainOptions
from anomaly_lstm.pipeline.actions import read_actions
from anomaly_lstm.pipeline.alerting import limits_of, run_document
from anomaly_lstm.pipeline.collecting import Collected, collect
from anomaly_lstm.pipeline.evaluation import evaluate
from anomaly_lstm.pipeline.folder import RunFolder, RunState, Terms, Watch, event_document, event_from, pending_from
from anomaly_lstm.pipeline.grids import GridOptions, Quality, check_names
from anomaly_lstm.pipeline.missing import Patience, patience, tell_missing
from anomaly_lstm.pipeline.scoring import as_in_training, events_for, load, unseen_note
from anomaly_lstm.pipeline.standing import standing
from anomaly_lstm.pipeline.training import TrainResult, train
from anomaly_lstm.pipeline.watching import Fresh, Told, policy_document, policy_from, score_new, tell, with_terms
from anomaly_lstm.silence import Gap
from anomaly_lstm.sinks import sink_for
from anomaly_lstm.sinks.contract import AlertReport, Standing
from anomaly_lstm.sources import Place
from anomaly_lstm.sources.contract import ReadOptions
from anomaly_lstm.tables import State
from anomaly_lstm.telling import Delivery, Recipient, Target
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
    delay_us: int = 0
    """How long a row may take to arrive [µs], counted from the newest row of its asset."""
    budget_us: int | None = None
    """Mean time between false alerts of the whole pipeline; sets the limits of ``policy`` once the assets are known."""
    disabled: Sequence[str] = ()
    """Assets that are not watched."""
    criticality: Mapping[str, str] = field(default_factory=dict)
    """Asset → what its failure costs, by which it shares in the budget (`budgets`)."""
    rules: Rules = field(default_factory=Rules)
    no_data_after_us: int | None = None
    sensor_bad_after_us: int | None = None
    """How long an asset, or a sensor, may be silent before it is told [µs]; 0 = never, None = by what is usual."""
    name: str = "anomaly-lstm"
    """Under which name programs are told of it."""
    sites: Mapping[str, str] = field(default_factory=dict)
    notify: Sequence[Recipient] = ()
    sinks: Sequence[Target] = ()


@dataclass(frozen=True)
class RunResult:
    """Result of `run`. ``trained`` is None when a model stood already.

    ``report`` all alerts as they stand; ``changes`` what became of them in this run, ``told`` the
    same with whether people are told of it and why; ``states`` state → rows that were
    scored in it; ``new`` asset → rows that came in; ``waiting`` files that are still being written; ``failed`` file or
    asset → why nothing became of it; ``strangest`` the rarest new row: asset, time [µs UTC], return period [s].
    """

    folder: Path
    model: Path
    trained: TrainResult | None
    quality: Quality
    report: AlertReport
    changes: Sequence[Change]
    told: Sequence[CaseTold]
    states: Mapping[str, int]
    new: Mapping[str, int]
    waiting: Sequence[str]
    strangest: tuple[str, int, float] | None
    evaluation: evaluating.Evaluation | None
    failed: Mapping[str, str]
    seconds: float
    standing: Standing | None = None
    """How things stand after it; None after a dry run, which tells nobody."""
    delivery: Delivery | None = None
    outages: Sequence[str] = ()
    """Notes on channels and sinks that fail since this run, or work again."""


def run(
    plan: RunPlan,
    *,
    since_us: int | None = None,
    until_us: int | None = None,
    reprocess: bool = False,
    dry: bool = False,
    now_us: Callable[[], int] = lambda: time.time_ns() // 1000,
    environment: Mapping[str, str] = os.environ,
    told: Callable[[Stage], None] = lambda stage: None,
    clock: Callable[[], float] = time.monotonic,
) -> RunResult:
    """Do what is due, exactly once: train if there is no model, read what is new, score it, and tell what became of
    the alerts.

    Whatever the slices in which rows come, and wherever a run was killed, scores and alerts end as those of one run
    over everything. Rows that come late are scored in their place, and alerts told before are revised under their id.

    ``since_us``, ``until_us`` act as if nothing had been measured outside; ``reprocess`` judges all rows anew, by the
    model and policy of now; ``dry`` tells what would happen and leaves the folder as it is. ``environment`` holds the
    addresses of channels and sinks.
    """
    begun = clock()
    if dry:
        with store.shadow(plan.folder) as shadow:
            result = _run(replace(plan, folder=shadow), since_us, until_us, reprocess, now_us, told)
        model = RunFolder(plan.folder).models / result.model.name
        return replace(result, folder=plan.folder, model=model, trained=None, seconds=clock() - begun)
    with store.locked(plan.folder):
        result = _run(plan, since_us, until_us, reprocess, now_us, told)
        result = replace(result, seconds=clock() - begun)
        return _delivered(plan, result, now_us(), environment)


def _delivered(plan: RunPlan, result: RunResult, now_us: int, environment: Mapping[str, str]) -> RunResult:
    """Tell people and programs how things stand, now that it is committed."""
    stands = standing(
        RunFolder(plan.folder),
        plan.name,
        result.report,
        now_us=now_us,
        rows=sum(result.new.values()),
        seconds=result.seconds,
        failed=result.failed,
        unwatched=plan.disabled,
        judged=result.evaluation,
    )
    if not plan.notify and not plan.sinks:
        return replace(result, standing=stands)
    said = telling.tell(
        plan.folder,
        plan.notify,
        plan.sinks,
        stands,
        sites=plan.sites,
        zone=plan.read.zone,
        environment=environment,
    )
    return replace(result, standing=said.standing, delivery=said.delivery, outages=said.notes)


def _run(
    plan: RunPlan,
    since_us: int | None,
    until_us: int | None,
    reprocess: bool,
    now_us: Callable[[], int],
    told: Callable[[Stage], None],
) -> RunResult:
    folder = RunFolder(plan.folder)
    before = _repaired(folder)
    trained = None
    if before.model_id is None:
        trained = _train_into(plan, told)
        before = replace(before, model_id=trained.model_id)
    model_id = str(before.model_id)
    loaded, _ = load(folder.models / model_id)
    state = _forgotten(before) if reprocess else before
    collected = collect(
        folder,
        state,
        plan.source,
        _span(as_in_training(loaded, plan.read), since_us, until_us),
        loaded.grid,
        Terms(model_id, {}),
        now_us(),
    )
    state = replace(collected.state, run=before.run + 1) if collected.new else collected.state
    if state != before:
        folder.commit(state)
    for path in collected.superseded:
        path.unlink(missing_ok=True)
    return _watched(plan, folder, state, collected, trained, loaded, now_us(), reprocess=reprocess, until_us=until_us)


def _repaired(folder: RunFolder) -> RunState:
    """The state as it was committed; what a killed run left beside it is removed."""
    store.sweep(folder.path)
    state = folder.state()
    for home in (folder.path / "rows").glob("*"):
        arrivals.sweep(home, state.run)
    return state


def _forgotten(state: RunState) -> RunState:
    """A state in which every file is to be read and every row to be scored anew."""
    assets = {name: replace(watch, pending=watch.first) for name, watch in state.assets.items()}
    return replace(state, files={}, assets=assets)


def _span(read: ReadOptions, since_us: int | None, until_us: int | None) -> ReadOptions:
    """Reading within a span as well as within its own."""
    starts = [us for us in (read.start_us, since_us) if us is not None]
    ends = [us for us in (read.end_us, until_us) if us is not None]
    return replace(read, start_us=max(starts, default=None), end_us=min(ends, default=None))


def _watched(
    plan: RunPlan,
    folder: RunFolder,
    state: RunState,
    collected: Collected,
    trained: TrainResult | None,
    loaded: Trained,
    known_us: int,
    *,
    reprocess: bool,
    until_us: int | None,
) -> RunResult:
    """Score what is new, tell what became of the alerts, and commit it."""
    model_id = str(state.model_id)
    policies = _policies(plan, loaded, [asset for asset in state.assets if asset not in plan.disabled])
    stored = sink_for(folder.alerts).read(folder.alerts) if folder.alerts.is_file() else None
    alerts = _known(stored, state)
    events = events_for(loaded, plan.events, plan.read)
    watches = {
        asset: _under(
            _with_terms(watch, policies, model_id, alerts[asset], reprocess, asset), asset, state, events, loaded
        )
        for asset, watch in state.assets.items()
    }
    due = {a: w for a, w in watches.items() if w.pending is not None and a not in plan.disabled}
    models = {name: loaded if name == model_id else load(folder.models / name)[0] for name in _models_of(due)}
    failed = dict(collected.failed)
    made = dict(score_new(folder, due, models, plan.delay_us, failed, events))
    watches |= {asset: fresh.watch for asset, fresh in made.items()}
    before = Cases.from_document(state.cases or None)
    newest_us = _newest(watches, loaded, plan.disabled)
    now: dict[str, list[Mapping[str, Any]]] = {}
    changes: list[Change] = []
    for asset in watches:
        if asset in plan.disabled:
            continue
        told = _told(
            plan,
            folder,
            asset,
            watches[asset],
            made.get(asset),
            models,
            loaded,
            alerts[asset],
            reprocess,
            before.clock_us,
            newest_us,
        )
        now |= {} if told.alerts == alerts[asset] else {asset: list(told.alerts)}
        changes += told.changes
        if asset in made:
            watches[asset] = replace(watches[asset], told=watches[asset].next)
    changes.sort(key=lambda one: (one.at_us, one.asset, one.alert_id, CHANGES.index(one.change)))
    acts = read_actions(folder.path, until_us)[before.actions_read :]
    cases, lines = before, list[CaseTold]()
    if newest_us and (changes or acts or newest_us > before.clock_us):
        gaps = [gap for asset in watches for gap in _gaps(watches[asset], made.get(asset), asset, loaded)]
        cases, lines = advance(before, changes, acts, newest_us, plan.rules, gaps)
    report = _report(loaded, model_id, policies, watches, alerts | now, cases)
    length = store.append_lines(folder.history, [told_line(one, known_us) for one in lines], state.history_bytes)
    after = replace(
        state,
        assets=watches,
        history_bytes=length,
        events=[event_document(one) for one in events],
        alerts=now or state.alerts,
        cases=cases.to_document() if cases.clock_us else {},
    )
    if after != state:
        folder.commit(after)
    _write(folder, report, stored)
    quality = _quality(plan, folder, collected, made, loaded, trained, reprocess, state, policies)
    counts = sum((fresh.states for fresh in made.values()), np.zeros(len(State), np.int64))
    tops = [fresh.strangest for fresh in made.values() if fresh.strangest]
    return RunResult(
        folder=plan.folder,
        model=folder.models / model_id,
        trained=trained,
        quality=quality,
        report=report,
        changes=[one.change for one in lines],
        told=lines,
        states={one.name: int(counts[one]) for one in State},
        new=collected.new,
        waiting=sorted(state.waiting),
        strangest=max(tops, key=lambda top: top[2], default=None),
        evaluation=_judged(plan, report, loaded),
        failed=failed,
        seconds=0.0,
    )


def _known(stored: AlertReport | None, state: RunState) -> dict[str, list[Mapping[str, Any]]]:
    """Asset → its alerts as rows left them in the last run, without what people made of them."""
    alerts: dict[str, list[Mapping[str, Any]]] = {asset: [] for asset in state.assets}
    for one in stored.alerts if stored and state.assets else ():  # without a state, all is anew
        alerts.setdefault(one["asset"], []).append({**one, **NOTHING})
    return alerts | {asset: list(mine) for asset, mine in state.alerts.items()}


def _with_terms(
    watch: Watch,
    policies: Mapping[str, Policy],
    model_id: str,
    alerts: Sequence[Mapping[str, Any]],
    reprocess: bool,
    asset: str,
) -> Watch:
    """An asset under the model and the policy of now, unless one of its alerts keeps those it was raised by."""
    if asset not in policies:
        return watch
    wanted = Terms(model_id, policy_document(policies[asset]))
    if reprocess:
        return replace(watch, terms=wanted)
    return with_terms(watch, wanted, stands=any(one["active"] and one["kind"] == "deviation" for one in alerts))


def _newest(watches: Mapping[str, Watch], trained: Trained, disabled: Sequence[str]) -> int:
    """The newest row of any asset that is watched [µs UTC]; 0 without one."""
    last = [watch.next - 1 for asset, watch in watches.items() if watch.next is not None and asset not in disabled]
    return int(trained.grid.time_us(np.array([max(last)]))[0]) if last else 0


def _told(
    plan: RunPlan,
    folder: RunFolder,
    asset: str,
    watch: Watch,
    fresh: Fresh | None,
    models: Mapping[str, Trained],
    loaded: Trained,
    known: Sequence[Mapping[str, Any]],
    reprocess: bool,
    clock_us: int,
    newest_us: int,
) -> Told:
    """What became of all alerts of an asset, by its new rows and by the time since the last."""
    if watch.next is None:
        return Told([dict(one) for one in known], [])
    trained = models.get(watch.terms.model_id, loaded)
    deviations = [one for one in known if one["kind"] == "deviation"]
    silences = [one for one in known if one["kind"] != "deviation"]
    since = None if reprocess or fresh is None else fresh.since
    told = Told([dict(one) for one in deviations], [])
    if fresh is not None:
        told = tell(folder, asset, watch, trained, policy_from(watch.terms.policy), deviations, since)
    patient = patience(trained, plan.no_data_after_us, plan.sensor_bad_after_us)
    if fresh is None and not _may_be_silent(watch, trained, patient, silences, newest_us):
        return Told([*told.alerts, *(dict(one) for one in silences)], told.changes)
    begin = watch.next if fresh is None else since
    missing = tell_missing(
        folder,
        asset,
        watch,
        trained,
        patient,
        silences,
        since_us=None if begin is None else int(trained.grid.time_us(np.array([begin]))[0]),
        clock_us=clock_us,
        newest_us=newest_us,
    )
    return Told([*told.alerts, *missing.alerts], [*told.changes, *missing.changes])


def _may_be_silent(
    watch: Watch, trained: Trained, patient: Patience, known: Sequence[Mapping[str, Any]], newest_us: int
) -> bool:
    """Whether an asset without new rows can have a silence that begins, or goes on."""
    last_us = int(trained.grid.time_us(np.array([(watch.next or 1) - 1]))[0])
    late = bool(patient.no_data_us) and newest_us >= last_us + patient.no_data_us
    return late or any(one["active"] for one in known)


def _gaps(watch: Watch, fresh: Fresh | None, asset: str, trained: Trained) -> Sequence[Gap]:
    """Where an asset has no score: in its new rows, or since its last."""
    if fresh is not None:
        return fresh.gaps
    if watch.scored is None:
        return ()
    return [Gap(asset, int(trained.grid.time_us(np.array([watch.scored]))[0]), None)]


def _under(watch: Watch, asset: str, state: RunState, events: Sequence[Event], trained: Trained) -> Watch:
    """An asset with rows to be scored anew where people tell other events than those by which they were scored."""
    changed_us = changed_from([event_from(one) for one in state.events], events, asset)
    if changed_us is None or watch.next is None:
        return watch
    index = int(trained.grid.index(np.array([changed_us]))[0])
    return pending_from(watch, max(index, watch.first or index)) if index < watch.next else watch


def _policies(plan: RunPlan, trained: Trained, assets: Sequence[str]) -> dict[str, Policy]:
    """The policy in force for each asset: with its share of the budget, and the units the model knows."""
    check_names(list(plan.policy.bounds), trained.roles.all, "[sensors.bounds]")
    policy = replace(plan.policy, units={**trained.units, **plan.policy.units})
    if plan.budget_us is None or not assets:
        return dict.fromkeys(assets, policy)
    shares = split_budget(plan.budget_us, {asset: plan.criticality.get(asset, "") for asset in assets})
    return {asset: replace(policy, limits=limits_of(warning_us)) for asset, warning_us in shares.items()}


def _models_of(watches: Mapping[str, Watch]) -> list[str]:
    return list(dict.fromkeys(watch.terms.model_id for watch in watches.values()))


def _report(
    trained: Trained,
    model_id: str,
    policies: Mapping[str, Policy],
    watches: Mapping[str, Watch],
    alerts: Mapping[str, Sequence[Mapping[str, Any]]],
    cases: Cases,
) -> AlertReport:
    """All alerts as they stand and as people see them, and what was watched."""
    every = [one for mine in alerts.values() for one in mine]
    every.sort(key=lambda one: (parse_time(one["raised_at"]), one["asset"]))
    grid, period_s = trained.grid, trained.grid.period_us / 1e6
    watched = {
        asset: {
            "start": iso(watch.first * grid.period_us + grid.phase_us),
            "end": iso(watch.next * grid.period_us + grid.phase_us),
            "scored_s": watch.n_scored * period_s,
        }
        for asset, watch in watches.items()
        if watch.first is not None and watch.next is not None
    }
    severities = [one["severity"] for one in every if one["kind"] == "deviation"]
    common = next(iter(policies.values()), Policy())
    limits = {asset: policy.limits for asset, policy in policies.items()}
    document = run_document(trained, model_id, common, watched, severities, limits)
    return AlertReport(document, overlays(every, cases))


def _write(folder: RunFolder, report: AlertReport, stored: AlertReport | None) -> None:
    """Write the alerts where they are others than those stored."""
    flat = folder.alerts.with_suffix(".parquet")
    if stored is None or stored.run != report.run or list(stored.alerts) != list(report.alerts) or not flat.is_file():
        for path in (folder.alerts, flat):
            sink_for(path).write(path, report)


def _judged(plan: RunPlan, report: AlertReport, trained: Trained) -> evaluating.Evaluation | None:
    """The alerts after the training against the events that people told; None without any."""
    if not plan.events:
        return None
    return evaluate(
        report,
        plan.events,
        severity="warning" if plan.budget_us is not None else None,  # a budget promises warnings
        start_us=trained.report["end_us"],
        zone=plan.read.zone,
    )


def _quality(
    plan: RunPlan,
    folder: RunFolder,
    collected: Collected,
    made: Mapping[str, Fresh],
    loaded: Trained,
    trained: TrainResult | None,
    reprocess: bool,
    state: RunState,
    policies: Mapping[str, Policy],
) -> Quality:
    """What was read and scored in this run, which is also kept in ``quality.json``, and what to mind."""
    notes = [*collected.notes]
    if trained is None and not reprocess:
        notes += _changed_since(plan, loaded)
        notes += _rules_from_now(state, policies)
    notes += unseen_note(loaded, [fresh.unseen for fresh in made.values() if fresh.unseen])
    notes += [note for fresh in made.values() for note in fresh.notes]
    notes += [f"{name} is still being written: it is read in the next run." for name in sorted(state.waiting)]
    quality = Quality(collected.files, [fresh.quality for fresh in made.values()], notes, loaded.grid)
    if made or collected.files:
        store.write_json(folder.path / "quality.json", quality.document())
    return quality


def _rules_from_now(state: RunState, policies: Mapping[str, Policy]) -> list[str]:
    """A note where the policy is another than the one by which alerts were raised."""
    wanted = {asset: policy_document(policy) for asset, policy in policies.items()}
    others = [
        asset
        for asset, watch in state.assets.items()
        if watch.terms.policy and asset in wanted and watch.terms.policy != wanted[asset]
    ]
    if not others:
        return []
    return [
        "The alarm policy has changed: it rules rows from now on, and open alerts keep the one they were raised by. "
        "Judge all stored rows by it with --reprocess, or try it first with `anomaly-lstm replay`."
    ]


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
    folder = RunFolder(plan.folder)
    folder.commit(replace(folder.state(), model_id=result.model_id))
    return replace(result, folder=home)


def current_model(folder: Path) -> Path | None:
    """The model a run folder works with, or None before its first training."""
    model_id = RunFolder(folder).state().model_id
    return None if model_id is None else RunFolder(folder).models / model_id


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
