"""`run`: everything a pipeline file asks for, in its run folder."""

from __future__ import annotations

import hashlib
import json
import os
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from anomaly_lstm import arrivals, following, store, telling
from anomaly_lstm import evaluation as evaluating
from anomaly_lstm.actions import NOTHING, Action
from anomaly_lstm.budgets import limits_of, split_budget
from anomaly_lstm.cases import Cases, advance, overlays, told_line
from anomaly_lstm.cases import Told as CaseTold
from anomaly_lstm.changes import BY_LATE_ROWS, BY_ROWS, CHANGES, RETRACTED, Change
from anomaly_lstm.clock import iso, parse_time
from anomaly_lstm.errors import DataError, ModelError, UsageError
from anomaly_lstm.events import Event
from anomaly_lstm.interventions import changed_from
from anomaly_lstm.pages.fleet import DISABLED, EMPTY, NEVER
from anomaly_lstm.pipeline.actions import read_actions
from anomaly_lstm.pipeline.alerting import run_document
from anomaly_lstm.pipeline.collecting import Collected, collect
from anomaly_lstm.pipeline.differing import changed_since, rules_from_now
from anomaly_lstm.pipeline.evaluation import evaluate
from anomaly_lstm.pipeline.folder import RunFolder, RunState, Terms, Watch, event_document, event_from, pending_from
from anomaly_lstm.pipeline.glancing import FEW, at_a_glance, why_unwatched
from anomaly_lstm.pipeline.grids import Quality, check_names, rules_applied
from anomaly_lstm.pipeline.missing import Patience, patience, tell_missing
from anomaly_lstm.pipeline.plans import RunPlan, RunResult
from anomaly_lstm.pipeline.retraining import train_before
from anomaly_lstm.pipeline.scoring import as_in_training, events_for, load, unseen_note
from anomaly_lstm.pipeline.standing import all_seen, standing
from anomaly_lstm.pipeline.training import TrainResult
from anomaly_lstm.pipeline.watching import (
    Fresh,
    Told,
    policy_document,
    policy_from,
    rising,
    score_new,
    tell,
    with_terms,
)
from anomaly_lstm.policy import Policy
from anomaly_lstm.rising import soonest_first
from anomaly_lstm.silence import Gap
from anomaly_lstm.sinks import sink_for
from anomaly_lstm.sinks.contract import AlertReport
from anomaly_lstm.sources.contract import ReadOptions
from anomaly_lstm.tables import State
from anomaly_lstm.trained import Trained
from anomaly_lstm.training import Stage
from anomaly_lstm.words import listed


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
        assets=result.seen,
        failed={name: why for name, why in result.failed.items() if name not in result.unread},
        unwatched=plan.disabled,
        judged=result.evaluation,
    )
    if not plan.notify and not plan.sinks and not plan.pages:
        return replace(result, standing=stands)
    said = telling.tell(
        plan.folder,
        plan.notify,
        plan.sinks,
        stands,
        sites=plan.sites,
        zone=plan.read.zone,
        environment=environment,
        last=lambda: _published(plan, now_us),
    )
    return replace(result, standing=said.standing, delivery=said.delivery, outages=said.notes)


def _published(plan: RunPlan, now_us: int) -> dict[str, str]:
    """Bring the pages up to date; what could not be drawn → why."""
    if plan.pages is None:
        return {}
    from anomaly_lstm.pipeline.publishing import publish  # what draws pages takes long to load

    return publish(
        plan.folder,
        plan.pages,
        table=plan.table,
        pipeline=plan.name,
        path=plan.path,
        zone=plan.read.zone,
        now_us=now_us,
    )


@dataclass(frozen=True)
class _Ground:
    """What a run stands on: the plan and its folder, the state so far, the model in use, the policy of each asset that
    is watched, and the events that people told.
    """

    plan: RunPlan
    folder: RunFolder
    state: RunState
    model_id: str
    trained: Trained
    policies: Mapping[str, Policy]
    events: Sequence[Event]
    reprocess: bool


def _run(
    plan: RunPlan,
    since_us: int | None,
    until_us: int | None,
    reprocess: bool,
    now_us: Callable[[], int],
    told: Callable[[Stage], None],
) -> RunResult:
    if rules_applied(plan.source) is not None:
        raise UsageError(
            "a run reads what the plant wrote, and [sensors.grid] was applied to this ingested folder already. Name "
            "the exports in [source] paths."
        )
    folder = RunFolder(plan.folder)
    before = _repaired(folder)
    new_model = None
    if before.model_id is None:
        new_model = train_before(plan, until_us, told)
        before = replace(before, model_id=new_model.model_id)
    model_id = str(before.model_id)
    try:
        trained, _ = load(folder.models / model_id)
    except ModelError as problem:
        why = str(problem).partition(". ")[0]
        raise ModelError(f"{why}. Train anew with `anomaly-lstm train --pipeline FILE`, or restore it.") from problem
    span = _span(as_in_training(trained, plan.read), since_us, until_us)
    first = _forgotten(before) if reprocess else before
    collected = collect(folder, first, plan.source, span, trained.grid, Terms(model_id, {}), now_us())
    state = replace(collected.state, run=collected.state.run + 1) if collected.new else collected.state
    if state != before:
        folder.commit(state)
    for path in collected.superseded:
        path.unlink(missing_ok=True)
    policies = _policies(plan, trained, [asset for asset in state.assets if asset not in plan.disabled])
    events = events_for(trained, plan.events, plan.read)
    ground = _Ground(plan, folder, state, model_id, trained, policies, events, reprocess)
    return _watched(ground, collected, new_model, read_actions(folder.path, until_us), now_us())


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
    return replace(state, files={}, databases={}, assets=assets)


def _span(read: ReadOptions, since_us: int | None, until_us: int | None) -> ReadOptions:
    """Reading within a span as well as within its own."""
    starts = [us for us in (read.start_us, since_us) if us is not None]
    ends = [us for us in (read.end_us, until_us) if us is not None]
    return replace(read, start_us=max(starts, default=None), end_us=min(ends, default=None))


def _watched(
    ground: _Ground, collected: Collected, new_model: TrainResult | None, actions: Sequence[Action], known_us: int
) -> RunResult:
    """Score what is new, tell what became of the alerts, and commit it; ``known_us`` is the wall clock [µs UTC]."""
    folder, state = ground.folder, ground.state
    stored, notes = _stored(ground)
    alerts = _known(stored, state)
    failed = dict(collected.failed)
    watches, made = _scored(ground, alerts, failed)
    before = Cases.from_document(state.cases or None)
    newest_us = _newest(ground, watches)
    told: dict[str, Told] = {}
    for asset in ground.policies:
        try:
            told[asset] = _told(
                ground, asset, watches[asset], made.get(asset), alerts[asset], before.clock_us, newest_us
            )
        except DataError as problem:
            failed[asset] = f"{asset}: {problem}"
            watches[asset] = state.assets[asset]  # what it could not be told of is due again
    changed = {asset: one.alerts for asset, one in told.items() if one.alerts != alerts[asset]}
    fine = [asset for asset in told if asset not in failed and watches[asset].next is not None]
    far, damaged = all_seen(folder, fine)
    failed |= damaged
    watches |= {
        asset: replace(watches[asset], told=watches[asset].next, rising=told[asset].indicators)
        for asset in made
        if asset in told
    }
    changes = [change for one in told.values() for change in one.changes]
    cases, lines = _folded(ground, before, changes, actions, newest_us, watches, made)
    if ground.reprocess:
        lines = _without_the_past(lines, before.clock_us, {**alerts, **changed})
    report = _report(ground, watches, {**alerts, **changed}, cases)
    own_sum = _sum(report)
    length = store.append_lines(folder.history, [told_line(one, known_us) for one in lines], state.history_bytes)
    never = [asset for asset in ground.policies if watches[asset].next is None and watches[asset].pending is None]
    after = replace(
        state,
        assets=watches,
        history_bytes=length,
        events=[event_document(one) for one in ground.events],
        alerts=changed or state.alerts,
        sums=state.sums if state.sums and state.sums[0] == own_sum else [own_sum, *state.sums[:1]],
        cases=cases.to_document() if cases.clock_us else {},
        failed=dict(failed),
        unwatched=_unwatched(ground.plan, watches),
    )
    if after != state:
        folder.commit(after)
    _write(folder, report, stored)
    result = _result(ground, collected, new_model, made, report, lines, failed)
    why = why_unwatched(after, far, parse_time(report.run["end"])) if report.run["end"] else {}
    glances = at_a_glance(folder, report, ground.policies, why, FEW)
    notes = [*notes, *result.quality.notes, *_without_values(never)]
    return replace(result, seen=far, glances=glances, quality=replace(result.quality, notes=notes))


def _unwatched(plan: RunPlan, watches: Mapping[str, Watch]) -> dict[str, str]:
    """The assets that are switched off, and those of which no row ever had a value, also where no row ever came."""
    never = [row.asset for row in plan.table if row.asset not in watches]
    empty = [asset for asset, watch in watches.items() if watch.next is None]
    return {**dict.fromkeys(never, NEVER), **dict.fromkeys(empty, EMPTY), **dict.fromkeys(plan.disabled, DISABLED)}


def _without_values(assets: Sequence[str]) -> list[str]:
    """A note on assets that send rows and never a value: silence of theirs has no beginning, so no alert tells it."""
    if not assets:
        return []
    return [f"Not watched, for not one sensor of theirs ever had a value: {listed(assets)}."]


def _stored(ground: _Ground) -> tuple[AlertReport | None, list[str]]:
    """The alerts as the last run left them: those of ``alerts.json``, or of the history where it is not that of the
    last run; and a note on that.
    """
    path, state = ground.folder.alerts, ground.state
    if not state.sums:
        return (sink_for(path).read(path) if path.is_file() else None), []
    with suppress(DataError):
        stored = sink_for(path).read(path)
        if _sum(stored) in state.sums:
            return stored, []
    alerts: dict[str, Mapping[str, Any]] = {}
    for place, line in following.after(ground.folder.history):
        if place.end > state.history_bytes:
            break  # of a run that was killed before it counted
        if line["change"] == RETRACTED:
            alerts.pop(line["alert_id"], None)
        elif line["change"] in (*BY_ROWS, *BY_LATE_ROWS):
            alerts[line["alert_id"]] = {**NOTHING, **line["alert"]}
    note = f"{path} is not as the last run left it: it was made anew from the history."
    return AlertReport({}, list(alerts.values())), [note]


def _sum(report: AlertReport) -> str:
    """What tells whether alerts are those that a run left."""
    content = json.dumps([dict(report.run), [dict(alert) for alert in report.alerts]], sort_keys=True)
    return hashlib.sha256(content.encode()).hexdigest()


def _without_the_past(
    lines: Sequence[CaseTold], clock_us: int, alerts: Mapping[str, Sequence[Mapping[str, Any]]]
) -> list[CaseTold]:
    """What is told when all rows are judged anew: of what is past, only alerts that stand, and those that were told and
    are others now.
    """
    stands = {one["alert_id"] for mine in alerts.values() for one in mine if one["active"]}
    past = [
        one.tell
        and one.change.at_us <= clock_us
        and one.change.change not in BY_LATE_ROWS
        and one.change.alert_id not in stands
        for one in lines
    ]
    silent = "the past was judged anew, and it is over"
    return [replace(one, tell=False, because=silent) if old else one for one, old in zip(lines, past, strict=True)]


def _scored(
    ground: _Ground, alerts: Mapping[str, Sequence[Mapping[str, Any]]], failed: dict[str, str]
) -> tuple[dict[str, Watch], dict[str, Fresh]]:
    """How far each asset is, and what scoring made of those with something new; the ``failed`` are named."""
    watches = {asset: _ready(ground, asset, watch, alerts[asset]) for asset, watch in ground.state.assets.items()}
    due = {asset: watches[asset] for asset in ground.policies if watches[asset].pending is not None}
    others = {watch.terms.model_id for watch in due.values()} - {ground.model_id}
    models = {
        ground.model_id: ground.trained,
        **{name: load(ground.folder.models / name)[0] for name in sorted(others)},
    }
    made = dict(score_new(ground.folder, due, models, ground.plan.delay_us, failed, ground.events))
    return watches | {asset: fresh.watch for asset, fresh in made.items()}, made


def _ready(ground: _Ground, asset: str, watch: Watch, alerts: Sequence[Mapping[str, Any]]) -> Watch:
    """An asset under the model and the policy of now, unless one of its alerts keeps those it was raised by; with rows
    to be scored anew where people tell other events than those by which they were scored.
    """
    if asset not in ground.policies:
        return watch
    if watch.next is not None and not ground.folder.months_of(asset):
        watch = replace(watch, pending=watch.first)  # somebody removed its scores
    wanted = Terms(ground.model_id, policy_document(ground.policies[asset]))
    stands = any(one["active"] and one["kind"] == "deviation" for one in alerts)
    watch = replace(watch, terms=wanted) if ground.reprocess else with_terms(watch, wanted, stands=stands)
    changed_us = changed_from([event_from(one) for one in ground.state.events], ground.events, asset)
    if changed_us is None or watch.next is None:
        return watch
    index = ground.trained.grid.index_of(changed_us)
    return pending_from(watch, max(index, watch.first or index)) if index < watch.next else watch


def _folded(
    ground: _Ground,
    before: Cases,
    changes: list[Change],
    actions: Sequence[Action],
    newest_us: int,
    watches: Mapping[str, Watch],
    made: Mapping[str, Fresh],
) -> tuple[Cases, list[CaseTold]]:
    """What rows, people and the clock make of the cases."""
    changes.sort(key=lambda one: (one.at_us, one.asset, one.alert_id, CHANGES.index(one.change)))
    acts = actions[before.actions_read :]
    if not newest_us or not (changes or acts or newest_us > before.clock_us):
        return before, []
    gaps = [gap for asset in ground.policies for gap in _gaps(watches[asset], made.get(asset), asset, ground.trained)]
    return advance(before, changes, acts, newest_us, ground.plan.rules, gaps)


def _result(
    ground: _Ground,
    collected: Collected,
    new_model: TrainResult | None,
    made: Mapping[str, Fresh],
    report: AlertReport,
    lines: Sequence[CaseTold],
    failed: Mapping[str, str],
) -> RunResult:
    counts = sum((fresh.states for fresh in made.values()), np.zeros(len(State), np.int64))
    tops = [fresh.strangest for fresh in made.values() if fresh.strangest]
    return RunResult(
        folder=ground.plan.folder,
        model=ground.folder.models / ground.model_id,
        trained=new_model,
        quality=_quality(ground, collected, made, is_new=new_model is not None),
        report=report,
        changes=[one.change for one in lines],
        told=lines,
        states={one.name: int(counts[one]) for one in State},
        new=collected.new,
        waiting=sorted(ground.state.waiting),
        strangest=max(tops, key=lambda top: top[2], default=None),
        evaluation=_judged(ground.plan, report, ground.trained),
        failed=failed,
        unread=[name for name in collected.failed if name not in ground.state.assets],
        seconds=0.0,
    )


def _known(stored: AlertReport | None, state: RunState) -> dict[str, list[Mapping[str, Any]]]:
    """Asset → its alerts as rows left them in the last run, without what people made of them."""
    alerts: dict[str, list[Mapping[str, Any]]] = {asset: [] for asset in state.assets}
    for one in stored.alerts if stored and state.assets else ():  # without a state, all is anew
        alerts.setdefault(one["asset"], []).append({**one, **NOTHING})
    return alerts | {asset: list(mine) for asset, mine in state.alerts.items()}


def _newest(ground: _Ground, watches: Mapping[str, Watch]) -> int:
    """The newest row of any asset that is watched [µs UTC]; 0 without one."""
    last = [index - 1 for asset in ground.policies if (index := watches[asset].next) is not None]
    return ground.trained.grid.time_of(max(last)) if last else 0


def _told(
    ground: _Ground,
    asset: str,
    watch: Watch,
    fresh: Fresh | None,
    known: Sequence[Mapping[str, Any]],
    clock_us: int,
    newest_us: int,
) -> Told:
    """What became of all alerts of an asset, by its new rows and by the time since the last."""
    if watch.next is None:
        return Told([dict(one) for one in known], [])
    trained = fresh.trained if fresh else ground.trained
    deviations = [dict(one) for one in known if one["kind"] == "deviation"]
    silences = [dict(one) for one in known if one["kind"] != "deviation"]
    since, due = (None, None) if ground.reprocess or fresh is None else (fresh.since, fresh.due)
    told = Told(deviations, [], watch.rising)
    if fresh is not None:
        own = policy_from(watch.terms.policy)
        told = tell(ground.folder, asset, watch, trained, own, deviations, since, due)
        stands = any(one["active"] for one in told.alerts)  # an alert tells of all bounds
        told = replace(told, indicators=() if stands else rising(ground.folder, fresh, own, asset))
    patient = patience(trained, ground.plan.no_data_after_us, ground.plan.sensor_bad_after_us)
    if fresh is None and not _may_be_silent(watch, trained, patient, silences, newest_us):
        return Told([*told.alerts, *silences], told.changes, told.indicators)
    begin = watch.next if fresh is None else since
    missing = tell_missing(
        ground.folder,
        asset,
        watch,
        trained,
        patient,
        silences,
        since_us=None if begin is None else trained.grid.time_of(begin),
        clock_us=clock_us,
        newest_us=newest_us,
        events=ground.events,
    )
    return Told([*told.alerts, *missing.alerts], [*told.changes, *missing.changes], told.indicators)


def _may_be_silent(
    watch: Watch, trained: Trained, patient: Patience, known: Sequence[Mapping[str, Any]], newest_us: int
) -> bool:
    """Whether an asset without new rows can have a silence that begins, or goes on."""
    last_us = trained.grid.time_of((watch.next or 1) - 1)
    late = bool(patient.no_data_us) and newest_us >= last_us + patient.no_data_us
    return late or any(one["active"] for one in known)


def _gaps(watch: Watch, fresh: Fresh | None, asset: str, trained: Trained) -> Sequence[Gap]:
    """Where an asset has no score: in its new rows, or since its last."""
    if fresh is not None:
        return fresh.gaps
    if watch.scored is None:
        return ()
    return [Gap(asset, trained.grid.time_of(watch.scored), None)]


def _policies(plan: RunPlan, trained: Trained, assets: Sequence[str]) -> dict[str, Policy]:
    """The policy in force for each asset: with its share of the budget, and the units the model knows."""
    check_names(list(plan.policy.bounds), trained.roles.all, "[sensors.bounds]")
    policy = replace(plan.policy, units={**trained.units, **plan.policy.units})
    if plan.budget_us is None or not assets:
        return dict.fromkeys(assets, policy)
    shares = split_budget(plan.budget_us, {asset: plan.criticality.get(asset, "") for asset in assets})
    return {asset: replace(policy, limits=limits_of(warning_us)) for asset, warning_us in shares.items()}


def _report(
    ground: _Ground,
    watches: Mapping[str, Watch],
    alerts: Mapping[str, Sequence[Mapping[str, Any]]],
    cases: Cases,
) -> AlertReport:
    """All alerts as they stand and as people see them, and what was watched."""
    every = [one for mine in alerts.values() for one in mine]
    every.sort(key=lambda one: (parse_time(one["raised_at"]), one["asset"]))
    grid, period_s = ground.trained.grid, ground.trained.grid.period_us / 1e6
    watched = {
        asset: {
            "start": iso(grid.time_of(watch.first)),
            "end": iso(grid.time_of(watch.next)),
            "scored_s": watch.n_scored * period_s,
        }
        for asset, watch in watches.items()
        if watch.first is not None and watch.next is not None
    }
    severities = [one["severity"] for one in every if one["kind"] == "deviation"]
    common = next(iter(ground.policies.values()), Policy())
    limits = {asset: policy.limits for asset, policy in ground.policies.items()}
    document = run_document(ground.trained, ground.model_id, common, watched, severities, limits)
    seen = overlays(every, cases)
    off = {"out_of_service": True}
    seen = [{**one, **off} if one["active"] and one["asset"] in ground.plan.disabled else one for one in seen]
    indicators = [one for asset in ground.policies for one in watches[asset].rising]
    return AlertReport(document, seen, soonest_first(indicators))


def _write(folder: RunFolder, report: AlertReport, stored: AlertReport | None) -> None:
    """Write the alerts where they are others than those stored."""
    flat = folder.alerts.with_suffix(".parquet")
    if stored is None or stored != report or not flat.is_file():
        for path in (folder.alerts, flat):
            sink_for(path).write(path, report)


def _judged(plan: RunPlan, report: AlertReport, trained: Trained) -> evaluating.Evaluation | None:
    """The alerts after the training against the events that people told; None without any."""
    if not plan.events or report.run["end"] is None:
        return None
    newest_us = parse_time(report.run["end"])
    told = events_for(trained, plan.events, plan.read)
    return evaluate(
        report,
        [one for one in told if (one.end_us if one.failure_us is None else one.failure_us) <= newest_us],
        severity="warning" if plan.budget_us is not None else None,  # a budget promises warnings
        start_us=trained.report["end_us"],
        zone=plan.read.zone,
    )


def _quality(ground: _Ground, collected: Collected, made: Mapping[str, Fresh], *, is_new: bool) -> Quality:
    """What was read and scored in this run, which is also kept in ``quality.json``, and what to mind."""
    notes = [*collected.notes]
    if not is_new and not ground.reprocess:
        notes += changed_since(ground.plan, ground.trained)
        shared = ("limits",) if ground.plan.budget_us is not None and len(ground.state.assets) else ()
        notes += rules_from_now(ground.state, ground.policies, shared)
    notes += unseen_note(ground.trained, [fresh.unseen for fresh in made.values() if fresh.unseen])
    notes += [note for fresh in made.values() for note in fresh.notes]
    notes += [f"{name} is still being written: it is read in the next run." for name in sorted(ground.state.waiting)]
    counted = [fresh.quality for fresh in made.values()]
    quality = Quality(collected.files, counted, notes, ground.trained.grid, ground.trained.rules)
    if made or collected.files:
        store.write_json(ground.folder.path / "quality.json", quality.document())
    return quality
