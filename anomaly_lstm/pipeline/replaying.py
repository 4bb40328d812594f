"""`replay`: a stored history through an alert policy, against what people told."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import replace
from pathlib import Path

import pyarrow as pa

from anomaly_lstm import arrow, replaying, store
from anomaly_lstm import evaluation as evaluating
from anomaly_lstm import scoring as scores_stage
from anomaly_lstm.budgets import split_budget
from anomaly_lstm.clock import find_zone, iso
from anomaly_lstm.errors import DataError, UsageError
from anomaly_lstm.events import Event, read_events
from anomaly_lstm.pages import replay_page, replay_words
from anomaly_lstm.pages.replay_texts import LEARNED_FROM, NO_FAILURE, NO_PICTURES, NO_SCORES, ONE_OUTSIDE, OUTSIDE
from anomaly_lstm.pages.report_page import Drawing
from anomaly_lstm.pages.texts import Tongue
from anomaly_lstm.pipeline.alerting import limits_for_budget
from anomaly_lstm.pipeline.grids import check_names
from anomaly_lstm.pipeline.reporting import drawing
from anomaly_lstm.pipeline.scoring import check_made_by, check_not_in_model, load, read_scores
from anomaly_lstm.policy import Policy
from anomaly_lstm.scored_rows import rows_of
from anomaly_lstm.tables import SEVERITIES
from anomaly_lstm.trained import Trained

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
    criticality: Mapping[str, str] | None = None,
    severity: str | None = None,
    start_us: int | None = None,
    end_us: int | None = None,
    zone: str | None = None,
    language: str = "en",
    return_periods_us: Sequence[int] = replaying.RETURN_PERIODS_US,
    on_delays_us: Sequence[int] | None = None,
) -> replaying.Replay:
    """Stored scores through an alert policy as a schedule would have run it, against people's events, and what other
    policies would have told; written to each of ``out``, a page or a document by its ending.

    ``budget_us`` is the mean time between false warnings of all assets together, in place of the policy's limits; they
    share in it by their ``criticality`` (`budgets`), evenly without.
    ``zone`` is that of events without an offset, and the page's clock; the page speaks ``language``.
    ``severity`` counts alerts from when they came to it (default: the lowest that is on; with a budget, warning). What
    the model learned from is left out unless ``start_us`` says otherwise. Raises DataError when no event touches the
    scores, UsageError when they are another model's.
    """
    _check_endings(out)
    for path in out:
        check_not_in_model(path, model)
    trained, model_id = load(model)
    told = read_events(events, zone) if isinstance(events, Path) else list(events)
    table = read_scores(scores)
    check_made_by(table, model_id, model)
    spans = _stored_spans(table, trained.grid.period_us)
    _check_touched(told, spans)
    costs = {asset: (criticality or {}).get(asset, "") for asset in spans}
    terms = _terms(policy or Policy(), budget_us, severity, costs)
    check_names(list(terms.policy.bounds), trained.roles.all, "[sensors.bounds]")
    units = {**trained.units, **terms.policy.units}
    history = _history(trained, model_id, spans, told, start_us, end_us)
    terms = replace(terms, policy=replace(terms.policy, units=units))
    result = replaying.replay(rows_of(table), history, terms, return_periods_us, on_delays_us)
    pictures = _drawing()
    lost = (
        [replaying.Note(NO_PICTURES)]
        if pictures is None and any(path.suffix.lower() != ".json" for path in out)
        else []
    )
    result = replace(result, notes=[*_replay_notes(trained, history, told, spans), *lost])
    tongue = Tongue(language, find_zone(zone or "UTC"))
    for path in out:
        if path.suffix.lower() == ".json":
            store.write_json(path, replay_words.document(result))
        else:
            store.write_text(path, replay_page.draw(result, tongue, pictures))
    return result


def _check_endings(out: Sequence[Path]) -> None:
    for path in out:
        if path.suffix.lower() not in REPLAYS:
            raise UsageError(
                f"{path}: a replay is written as {' or '.join(REPLAYS)}; give the file one of these endings."
            )


def _drawing() -> Drawing | None:
    """What draws in the page; None where the plotting library is not installed: its tables tell the same."""
    with suppress(UsageError):
        return drawing()
    return None


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


def _terms(
    policy: Policy, budget_us: int | None, severity: str | None, criticality: Mapping[str, str]
) -> replaying.Terms:
    own_us: dict[str, int] = {}
    if budget_us is not None:
        policy = replace(policy, limits=limits_for_budget(budget_us, len(criticality)))
        own_us = split_budget(budget_us, criticality)
    on = [s for s in SEVERITIES if s in policy.limits]
    if severity is not None and severity not in on:
        raise UsageError(f"--severity {severity} is not on; on are: {', '.join(on) or 'none'}.")
    promised = "warning" if budget_us is not None else next(iter(on), SEVERITIES[0])  # a budget promises warnings
    return replaying.Terms(policy, severity or promised, own_us)


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
) -> list[replaying.Note]:
    """What a reader must know: rows the model learned from, events that were not judged."""
    learned_us = _learned_until(trained, spans)
    notes = []
    if history.start_us < learned_us:
        notes.append(replaying.Note(LEARNED_FROM, {"until": iso(learned_us)}))
    wanted = [e for e in told if e.kind in evaluating.WANTED]
    strange = [e for e in wanted if e.asset and e.asset not in spans]
    if strange:
        notes.append(replaying.Note(NO_SCORES, {"assets": _few(e.asset for e in strange)}))
    outside = [e for e in wanted if e not in strange and (e.end_us <= history.start_us or e.start_us >= history.end_us)]
    if outside:
        edges = {"start": iso(history.start_us), "end": iso(history.end_us)}
        text = OUTSIDE if len(outside) > 1 else ONE_OUTSIDE
        notes.append(replaying.Note(text, {"count": str(len(outside)), **edges}))
    if not any(evaluating.failed_at(e) is not None for e in wanted if e not in strange and e not in outside):
        notes.append(replaying.Note(NO_FAILURE))
    return notes
