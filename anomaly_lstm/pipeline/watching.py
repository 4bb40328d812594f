"""The assets of a run, each from where it stood: score what is new, and tell what became of its alerts.

Both are folds that go on from what is stored. Scoring goes on from the last checkpoint before the first new row. Alerts
go on from the last row on which nothing stood: rows before it are only looked back at.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any

import numpy as np
import pyarrow as pa

from anomaly_lstm import alerts as alerting
from anomaly_lstm import arrivals, arrow, interventions
from anomaly_lstm import scoring as scores_stage
from anomaly_lstm.arrivals import Words
from anomaly_lstm.changes import CHANGES, RETRACTED, REVISED, Change
from anomaly_lstm.clock import iso, parse_time
from anomaly_lstm.courses import rests_at
from anomaly_lstm.drifts import Sums, advance, at_rest
from anomaly_lstm.errors import DataError
from anomaly_lstm.events import Event
from anomaly_lstm.interventions import UnderEvents, begins_anew, rows_needed_from, under_events
from anomaly_lstm.limits import RECORD
from anomaly_lstm.modes import Modes
from anomaly_lstm.pipeline.folder import RunFolder, Terms, Watch, month_of, shift_document, shift_from
from anomaly_lstm.pipeline.scoring import (
    Unseen,
    as_the_model_wants,
    blind,
    grid_options,
    missing_sensors,
    missing_words,
    needed,
    sparse,
    words_of,
)
from anomaly_lstm.policy import DAY_US, Bound, Policy, reopens_within_us
from anomaly_lstm.rising import as_document, drifts_towards_bounds, indicators_of
from anomaly_lstm.scored_rows import ONSET_ROWS, Rows, rows_of
from anomaly_lstm.scoring import Checkpoint
from anomaly_lstm.silence import Gap, gaps
from anomaly_lstm.sources.contract import RawAsset, Reading, ReadOptions
from anomaly_lstm.tables import State
from anomaly_lstm.telemetry import AssetQuality, Grid
from anomaly_lstm.trained import Trained
from anomaly_lstm.windows import CHUNK

RUN_UP = 4 * CHUNK
"""Rows before the first one that a new model judges, for its evidence to come from [rows]: ten memories of the longest
half-life are 3,840."""

LOOKED_BACK_AT = (RECORD, ONSET_ROWS)
"""Rows, and scored rows after them, that an alert is told by and that lie before it."""

Models = Mapping[str, Trained]


@dataclass(frozen=True)
class Fresh:
    """What scoring made of one asset: its rows from grid index ``since`` on (None = all), of which those before ``due``
    are as they were, and what there is to say.

    ``states`` counts the rows that had to be scored, without those before them that were scored again.
    """

    watch: Watch
    trained: Trained
    since: int | None
    due: int | None
    states: np.ndarray[Any, np.dtype[np.int64]]
    unseen: Unseen | None
    strangest: tuple[str, int, float] | None
    quality: AssetQuality
    notes: Sequence[str]
    gaps: Sequence[Gap] = ()
    """Where these rows have no score for long."""
    sums: Sums | None = None
    """Of the drifts after the last row; None where the model knows none."""


# ---------------------------------------------------------------- scores


def score_new(
    folder: RunFolder,
    watches: Mapping[str, Watch],
    models: Models,
    delay_us: int,
    failed: dict[str, str],
    events: Sequence[Event] = (),
    told: Callable[[int], None] = lambda rows: None,
) -> Iterator[tuple[str, Fresh]]:
    """Score and store what is new of every asset that is given, under what people told of it.

    Rows younger than the asset's newest by less than ``delay_us`` wait. Assets that cannot be scored are named in
    ``failed``; their rows wait for a model that can.
    """
    for model_id, trained in models.items():
        mine = [name for name, watch in watches.items() if watch.terms.model_id == model_id]
        batch: list[_Due] = []
        for name in mine:
            try:
                due = _due(folder, name, watches[name], trained, delay_us, events)
            except DataError as problem:
                failed[name] = str(problem)
                continue
            batch += [due] if due else []
            if sum(len(one.acted.telemetry) for one in batch) > scores_stage.ROWS_AT_ONCE or name == mine[-1]:
                yield from _score(folder, batch, watches, trained, failed, told)
                batch = []
        yield from _score(folder, batch, watches, trained, failed, told)


@dataclass(frozen=True)
class _Due:
    """Rows of an asset that are due: with those before grid index ``since`` that scoring goes on from."""

    asset: str
    acted: UnderEvents
    anew: np.ndarray[Any, np.dtype[np.bool_]]
    """Rows from which on nothing is remembered of a sensor's drift (n_rows, n_scored)."""
    before: Checkpoint | None
    since: int | None
    waits: bool
    """Later rows are there and wait."""
    quality: AssetQuality
    notes: Sequence[str]


def _due(
    folder: RunFolder, asset: str, watch: Watch, trained: Trained, delay_us: int, events: Sequence[Event]
) -> _Due | None:
    """None where all rows that are new still wait. Raises DataError for an asset that lacks a sensor."""
    grid, home = trained.grid, folder.arrivals(asset)
    newest = arrivals.newest(home)
    if watch.pending is None or newest is None:
        return None
    last = grid.index_of(newest)
    end = last if not delay_us else max((newest - delay_us - grid.phase_us) // grid.period_us, (watch.next or 0) - 1)
    if end < watch.pending:
        return None
    pending_us = grid.time_of(watch.pending)
    known = [shift_from(shift) for shift in watch.shifts]
    known = [shift for shift in known if shift.offsets[-1][0] <= pending_us]
    needed_us = rows_needed_from(trained, asset, events, known, pending_us, CHUNK * grid.period_us)
    back_to = watch.pending if needed_us is None else grid.index_of(needed_us)
    before = folder.checkpoint(asset, watch.terms.model_id, min(watch.pending, back_to))
    first = before.anchor if before else None if watch.terms.since is None else watch.terms.since - RUN_UP
    reach_us = grid.period_us - 1 + grid_options(trained).reach_us(grid)
    since_us = None if first is None else grid.time_of(first) - reach_us
    raw, words = arrivals.load(home, asset, needed(trained), since_us, words_of(trained))
    lacking = missing_sensors(trained, raw)
    if lacking:
        raw = replace(raw, absent=tuple(s for s in raw.sensors if s not in arrivals.columns(home)))
        lacking = missing_sensors(trained, raw)
    if lacking:
        raise DataError(missing_words(trained, raw, lacking))
    raw, words = _in_mode(raw, words, before, trained.roles.mode)
    due = raw.time_us <= grid.time_of(end)
    raw = replace(raw, time_us=raw.time_us[due], values=raw.values[due])
    (telemetry,), quality = as_the_model_wants(trained, Reading([raw], ReadOptions(), [], [], words=words), first)
    acted = under_events(trained, telemetry, events, known)
    if before and (not len(telemetry) or telemetry.index[0] != before.anchor):
        raise DataError(f"{asset}: rows that were read are gone from {home}. Restore the run folder from a copy.")
    since = before.at if before else watch.terms.since
    anew = begins_anew(telemetry, events, len(trained.roles.scored))
    notes = [*sparse(trained, raw), *acted.notes]
    return _Due(asset, acted, anew, before, since, end < last, quality.assets[0], notes)


def _in_mode(raw: RawAsset, words: Words, before: Checkpoint | None, mode: Modes | None) -> tuple[RawAsset, Words]:
    """The rows with the mode that was held at the first of them."""
    if before is None or before.mode is None or mode is None or not len(raw.time_us):
        return raw, words
    column = raw.sensors.index(mode.sensor)
    if np.isfinite(raw.values[0, column]):
        return raw, words
    values = raw.values.copy()
    if not mode.words:
        values[0, column] = float(before.mode)
        return replace(raw, values=values), words
    own = tuple(dict.fromkeys((*words.get(mode.sensor, ()), before.mode)))
    values[0, column] = own.index(before.mode)
    return replace(raw, values=values), {**words, mode.sensor: own}


def _score(
    folder: RunFolder,
    batch: Sequence[_Due],
    watches: Mapping[str, Watch],
    trained: Trained,
    failed: dict[str, str],
    told: Callable[[int], None],
) -> Iterator[tuple[str, Fresh]]:
    resumed = {one.asset: one.before for one in batch if one.before}
    scored = interventions.score(trained, [one.acted for one in batch], told, resumed)
    for due, scores in zip(batch, scored, strict=True):
        try:
            fresh = _store(folder, due, scores, watches[due.asset], trained)
        except DataError as problem:
            failed[due.asset] = f"{due.asset}: {problem}"
            continue
        yield due.asset, fresh


def _store(folder: RunFolder, due: _Due, scores: scores_stage.Scores, watch: Watch, trained: Trained) -> Fresh:
    """Store the rows of one asset from ``due.since`` on, and the checkpoints passed."""
    index = scores.telemetry.index
    first = int(np.searchsorted(index, due.since)) if due.since is not None else 0
    if first == len(index):  # not one of the new rows has a value
        idle, nothing = replace(watch, pending=None), np.zeros(len(State), int)
        return Fresh(idle, trained, due.since, watch.next, nothing, None, None, due.quality, ())
    table = scores_stage.table(trained, scores, watch.terms.model_id).slice(first)
    folder.store_scores(due.asset, table, None if due.since is None else trained.grid.time_of(due.since))
    scored = scores.state[first:] == State.SCORED
    n_scored = (due.before or watch.terms).n_scored + np.cumsum(np.r_[0, scored])
    after = due.before.at if due.before else watch.terms.since
    sums = _sums(due, scores, trained, first)
    made = [
        replace(one, n_scored=int(n_scored[np.searchsorted(index[first:], one.at)]), sums=_before(sums, one.at))
        for one in scores.checkpoints
        if after is None or one.at > after
    ]
    folder.keep_checkpoints(due.asset, watch.terms.model_id, made, after)
    begin, end = int(index[first]), int(index[-1]) + 1
    now = replace(
        watch,
        first=begin if watch.first is None else min(begin, watch.first),
        next=end,
        n_scored=int(n_scored[-1]),
        scored=int(index[first:][scored][-1]) if scored.any() else watch.scored,
        pending=end if due.waits else None,
        shifts=[shift_document(shift) for shift in due.acted.shifts if shift.final],
    )
    new = first if watch.pending is None else int(np.searchsorted(index, watch.pending))
    states = np.bincount(scores.state[new:], minlength=len(State))
    unseen, notes = Unseen.count(scores, first), [*due.notes, *blind(due.acted.measured)]
    holes, top = _gaps(due.asset, watch, scores, first, trained.grid), _strangest(due.asset, scores, first)
    last = sums[-1] if sums else None
    return Fresh(now, trained, due.since, watch.pending, states, unseen, top, due.quality, notes, holes, last)


def _sums(due: _Due, scores: scores_stage.Scores, trained: Trained, first: int) -> list[Sums]:
    """The sums of the drifts after each chunk, from row ``first`` on; none where the model knows no drifts."""
    if trained.drifts is None:
        return []
    n_scored = len(trained.roles.scored)
    judged = (scores.state == State.SCORED) & ~scores.unseen
    deviation = np.where(judged[:, None], scores.telemetry.values[:, :n_scored] - scores.expected, np.nan)
    if due.acted.waiting is not None:
        deviation[np.isfinite(due.acted.waiting)] = np.nan  # a new sensor whose offset nobody knows yet
    before = due.before.sums if due.before and due.before.sums else at_rest(n_scored)
    return advance(trained.drifts, before, scores.telemetry.index[first:], deviation[first:], due.anew[first:])


def _before(sums: Sequence[Sums], at: int) -> Sums | None:
    """The last sums before a grid index."""
    return next((one for one in reversed(sums) if one.at < at), None)


def _strangest(asset: str, scores: scores_stage.Scores, first: int) -> tuple[str, int, float] | None:
    """The rarest row from row ``first`` on: asset, time [µs UTC], return period [s]; None without a score."""
    own = scores.return_period_s[first:]
    if not np.isfinite(own).any():
        return None
    row = int(np.nanargmax(own))
    return asset, int(scores.telemetry.time_us[first + row]), float(own[row])


def _gaps(asset: str, before: Watch, scores: scores_stage.Scores, first: int, grid: Grid) -> list[Gap]:
    """Where an asset had no score for more than a row, since the last one before row ``first`` that had."""
    state, time_us = scores.state[first:], scores.telemetry.time_us[first:]
    if before.scored is not None and (first == len(scores.state) or before.scored < scores.telemetry.index[first]):
        state, time_us = np.r_[np.uint8(State.SCORED), state], np.r_[grid.time_of(before.scored), time_us]
    return gaps(asset, time_us, state, grid.period_us)


# ---------------------------------------------------------------- alerts


@dataclass(frozen=True)
class Told:
    """The alerts of an asset as documents, what became of them since the last run, and its indicators."""

    alerts: list[dict[str, Any]]
    changes: list[Change]
    indicators: Sequence[Mapping[str, Any]] = ()


def tell(
    folder: RunFolder,
    asset: str,
    watch: Watch,
    trained: Trained,
    policy: Policy,
    known: Sequence[Mapping[str, Any]],
    since: int | None,
    due: int | None,
) -> Told:
    """What rows from grid index ``since`` on (None = all), of which those before ``due`` are as they were, make of the
    alerts of an asset that were ``known``.
    """
    grid = trained.grid
    since_us = grid.time_of(since) if since is not None else None
    floor_us = grid.time_of(watch.terms.since) if watch.terms.since is not None else None
    rows, first = _window(folder, asset, policy, known, since_us, floor_us)
    if rows is None:
        return Told([dict(one) for one in known], [])
    anchor_us = int(rows.time_us[first]) if first < len(rows.time_us) else int(rows.time_us[-1]) + 1
    final = [dict(one) for one in known if parse_time(one["raised_at"]) < anchor_us]
    open_to_change = [one for one in known if parse_time(one["raised_at"]) >= anchor_us]
    told_us = grid.time_of(watch.told) - grid.period_us if watch.told is not None else None
    late = told_us is not None and (due is None or grid.time_of(due) <= told_us)
    over = (rows.state == State.SCORED) & ~rests_at(rows, policy)
    if not over[first:].any() and not open_to_change:
        return Told(final, [])
    rows, first = _looked_back_at(folder, rows, first)
    judging = (policy, grid.period_us, watch.terms.model_id, scores_stage.seen(trained), trained.roles.mode, first)
    now = [alerting.as_document(one) for one in alerting.alerts_of(rows, *judging)]
    changes = alerting.changes_of(rows, *judging, told_us)
    if late and told_us is not None:
        as_told = [alerting.as_document(one) for one in alerting.alerts_of(rows.up_to(told_us), *judging)]
        before = late_changes(open_to_change, as_told, told_us)
        unknown = {one["alert_id"] for one in as_told if same_alert(one, open_to_change) is None}
        before += [one for one in alerting.changes_of(rows.up_to(told_us), *judging) if one.alert_id in unknown]
        changes = before + changes
    ids = _kept_ids(now, open_to_change)
    changes.sort(key=lambda one: (one.at_us, one.alert_id, CHANGES.index(one.change)))
    return Told(final + [_named(one, ids) for one in now], [_named_change(one, ids) for one in changes])


def rising(folder: RunFolder, fresh: Fresh, policy: Policy, asset: str) -> Sequence[Mapping[str, Any]]:
    """The indicators of an asset after its new rows, as documents; those of before where none of these has a value."""
    trained = fresh.trained
    if trained.drifts is None or fresh.sums is None:
        return fresh.watch.rising
    found = drifts_towards_bounds(trained.drifts, fresh.sums, trained.roles.scored, policy)
    if not found:
        return []
    onset_us = trained.grid.time_of(min(drift.onset for drift in found))
    (rows,) = rows_of(_back_to(folder, asset, onset_us, RECORD))
    return [as_document(one) for one in indicators_of(rows, policy, found, trained.grid)]


def _back_to(folder: RunFolder, asset: str, time_us: int, n_rows: int) -> pa.Table:
    """An asset's stored rows from so many before a time on, or all there are; whole months."""
    files = folder.months_of(asset)
    start = next((i for i, path in enumerate(files) if path.stem >= month_of(time_us)), len(files) - 1)
    while True:
        table = folder.stored(asset, _month_start(files[start].stem))
        assert table is not None
        if start == 0 or int((arrow.times_to_numpy(table.column("time")) < time_us).sum()) >= n_rows:
            return table
        start = max(0, start - max(1, len(files) - start))


def _window(
    folder: RunFolder,
    asset: str,
    policy: Policy,
    known: Sequence[Mapping[str, Any]],
    since_us: int | None,
    floor_us: int | None,
) -> tuple[Rows | None, int]:
    """An asset's stored rows, without the sensors, from the last one on which nothing stood; and which row that is.

    No row is looked at before ``floor_us``, where the terms began.
    """
    bounded = [f"value.{sensor}" for sensor in policy.bounds]
    columns = ["asset", "time", "state", "score", "return_period_s", "unseen", "model_id", *bounded]
    anchor_us = None if since_us is None else _nothing_stood(known, since_us, reopens_within_us(policy))
    back_us = 0
    while True:
        start_us = None if anchor_us is None else anchor_us - back_us
        table = folder.stored(asset, start_us, columns)
        if table is None or not len(table):
            return None, 0
        (rows,) = rows_of(table)
        lowest = int(np.searchsorted(rows.time_us, floor_us)) if floor_us is not None else 0
        if anchor_us is None:
            return rows, lowest
        rests = np.flatnonzero(rests_at(rows, policy)[: np.searchsorted(rows.time_us, anchor_us, "right")])
        if len(rests):
            return rows, max(int(rests[-1]), lowest)
        if folder.begins_with(asset, anchor_us - back_us):
            return rows, lowest
        back_us = 2 * back_us + 31 * DAY_US


def _nothing_stood(known: Sequence[Mapping[str, Any]], time_us: int, reopens_us: float) -> int:
    """The last time up to ``time_us`` at which none of the alerts stood or could have opened again."""
    while True:
        standing = [
            parse_time(one["begun_at"])
            for one in known
            if parse_time(one["begun_at"]) <= time_us
            and (one["cleared_at"] is None or parse_time(one["cleared_at"]) + reopens_us >= time_us)
        ]
        if not standing:
            return time_us
        time_us = min(standing) - 1


def _looked_back_at(folder: RunFolder, rows: Rows, first: int) -> tuple[Rows, int]:
    """The rows with all their columns, and as many before row ``first`` as its alerts may be told by."""
    n_rows, n_scored = LOOKED_BACK_AT
    files = folder.months_of(rows.asset)
    start = next((i for i, path in enumerate(files) if path.stem >= month_of(int(rows.time_us[0]))), 0)
    first_us = int(rows.time_us[first]) if first < len(rows.time_us) else int(rows.time_us[-1]) + 1
    while True:
        table = folder.stored(rows.asset, _month_start(files[start].stem))
        assert table is not None
        (whole,) = rows_of(table)
        place = int(np.searchsorted(whole.time_us, first_us))
        scored = np.flatnonzero(whole.state[:place] == State.SCORED)
        if start == 0 or (len(scored) >= n_scored and scored[-n_scored] >= n_rows):
            return whole, place
        start = max(0, start - max(1, len(files) - start))


def _month_start(month: str) -> int:
    return int(np.datetime64(month, "us").astype(np.int64))


def same_alert(one: Mapping[str, Any], others: Sequence[Mapping[str, Any]]) -> Mapping[str, Any] | None:
    """The alert among others that is the same: by its id, else the first that stood at the same time."""
    for other in others:
        if other["alert_id"] == one["alert_id"]:
            return other
    for other in others:
        if (one["cleared_at"] is None or parse_time(other["begun_at"]) <= parse_time(one["cleared_at"])) and (
            other["cleared_at"] is None or parse_time(one["begun_at"]) <= parse_time(other["cleared_at"])
        ):
            return other
    return None


def _kept_ids(now: Sequence[Mapping[str, Any]], known: Sequence[Mapping[str, Any]]) -> dict[str, str]:
    """Own id → the id under which an alert is known. Each known alert is at most one of those now."""
    left = list(known)
    ids: dict[str, str] = {}
    for one in sorted(now, key=lambda one: (one["alert_id"] not in {k["alert_id"] for k in known}, one["raised_at"])):
        found = same_alert(one, left)
        if found is not None:
            ids[one["alert_id"]] = found["alert_id"]
            left = [other for other in left if other is not found]
    return ids


def late_changes(
    known: Sequence[Mapping[str, Any]], as_told: Sequence[Mapping[str, Any]], told_us: int
) -> list[Change]:
    """What late rows made of alerts that were told: another course, or none."""
    ids = _kept_ids(as_told, known)
    now = {ids[one["alert_id"]]: one for one in as_told if one["alert_id"] in ids}
    out = []
    for old in known:
        new = now.get(old["alert_id"])
        if new is None:
            gone = {**old, "active": False, "cleared_at": old["cleared_at"] or iso(told_us)}
            out.append(_late(RETRACTED, gone, told_us))
        elif any(new[key] != old[key] for key in ("severity", "raised_at", "cleared_at", "onset")):
            out.append(_late(REVISED, {**new, "alert_id": old["alert_id"]}, told_us))
    return out


def _late(what: str, alert: Mapping[str, Any], told_us: int) -> Change:
    why = "late rows" if what == REVISED else "late rows show nothing unusual"
    return Change(what, alert["alert_id"], alert["asset"], alert["kind"], alert["severity"], told_us, alert, why=why)


def _named(alert: Mapping[str, Any], ids: Mapping[str, str]) -> dict[str, Any]:
    return {**alert, "alert_id": ids.get(alert["alert_id"], alert["alert_id"])}


def _named_change(change: Change, ids: Mapping[str, str]) -> Change:
    name = ids.get(change.alert_id, change.alert_id)
    return replace(change, alert_id=name, alert={**change.alert, "alert_id": name})


# ---------------------------------------------------------------- terms


def policy_document(policy: Policy) -> dict[str, Any]:
    """A policy as plain values, for ``state.json``."""
    return asdict(policy)


def policy_from(document: Mapping[str, Any]) -> Policy:
    """The reverse of `policy_document`."""
    bounds = {sensor: Bound(**bound) for sensor, bound in document["bounds"].items()}
    return Policy(**{**document, "bounds": bounds})


def with_terms(watch: Watch, wanted: Terms, *, stands: bool) -> Watch:
    """An asset under new terms from its next row on; while an alert ``stands`` it keeps those it was raised by."""
    same = (watch.terms.model_id, watch.terms.policy) == (wanted.model_id, wanted.policy)
    if same or (stands and watch.terms.policy):
        return watch
    pending = watch.pending if watch.next is None or watch.pending is None else max(watch.pending, watch.next)
    return replace(watch, terms=replace(wanted, since=watch.next, n_scored=watch.n_scored), pending=pending)
