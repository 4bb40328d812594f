"""Trained + Telemetry → the scores table.

Scoring is a fold over an asset's rows. Its state at the end of a chunk is a `Checkpoint`: scoring that goes on from one
gives the rows after it, bit for bit, that scoring from the very first row gives.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from anomaly_lstm import arrow
from anomaly_lstm.deviations import (
    FIRST_ROWS,
    Part,
    Resumed,
    context_of,
    deviations,
    held_in,
    level_ends,
    renewed,
    row_states,
)
from anomaly_lstm.drifts import Sums, sums_from
from anomaly_lstm.evidence import Judged, blended, judge_on, start
from anomaly_lstm.scaling import Range
from anomaly_lstm.tables import STATE_NAMES, State, scores_schema
from anomaly_lstm.telemetry import Telemetry
from anomaly_lstm.trained import Roles, Trained
from anomaly_lstm.windows import CHUNK

Float64 = NDArray[np.float64]

ROWS_AT_ONCE = 500_000
"""Assets are scored together until they have this many rows, which bounds memory."""


@dataclass(frozen=True)
class Checkpoint:
    """All that scoring remembers of an asset at grid index ``at``, the end of a chunk.

    To go on, it needs the rows from grid index ``anchor`` on: the network's warm-up. ``held`` (n_sensors,) are the last
    values measured up to the anchor, in sensor units; ``early`` how many of a stretch's first rows, which have no
    score, lie before ``at``; ``level`` (n_half_lives, n_context) and ``evidence`` (2, n_statistics, n_scored) the
    states of both, the evidence once of all rows and once of those that training knew; ``mode`` the mode at the anchor.
    For whoever keeps them, ``n_scored`` is how many rows before ``at`` have a score, and ``sums`` are those of the
    drifts there.
    """

    at: int
    anchor: int
    early: int
    held: Float64
    level: Float64
    evidence: Float64
    mode: str | None = None
    n_scored: int = 0
    sums: Sums | None = None

    def arrays(self) -> dict[str, NDArray[np.generic]]:
        """Plain arrays, for a file."""
        places = np.array([self.at, self.anchor, self.early, self.n_scored], np.int64)
        mode = {} if self.mode is None else {"mode": np.array(self.mode)}
        sums = {f"sums.{name}": array for name, array in self.sums.arrays().items()} if self.sums else {}
        return {"places": places, "held": self.held, "level": self.level, "evidence": self.evidence, **mode, **sums}


def checkpoint_from(arrays: Mapping[str, NDArray[Any]]) -> Checkpoint:
    """The reverse of `Checkpoint.arrays`."""
    at, anchor, early, n_scored = (int(place) for place in arrays["places"])
    mode = str(arrays["mode"]) if "mode" in arrays else None
    kept = {name.removeprefix("sums."): arrays[name] for name in arrays if name.startswith("sums.")}
    sums = sums_from(kept) if kept else None
    return Checkpoint(at, anchor, early, arrays["held"], arrays["level"], arrays["evidence"], mode, n_scored, sums)


@dataclass(frozen=True)
class Scores:
    """Scores of one asset, a row per grid row of its telemetry.

    ``score`` and ``return_period_s`` (n_rows,) NaN unless SCORED; ``shares`` and ``expected`` (n_rows, n_scored),
    ``expected`` in sensor units: what each view expected, weighted by how much it carries the score; ``outside``
    (n_rows, n_watched) which of `watched` lay outside what training saw, on SCORED rows. Where scoring went on from a
    checkpoint, rows before it mean nothing. ``checkpoints`` are those passed, in time order.
    """

    telemetry: Telemetry
    state: NDArray[np.uint8]
    score: NDArray[np.float32]
    return_period_s: Float64
    shares: Float64
    expected: Float64
    outside: NDArray[np.bool_]
    checkpoints: tuple[Checkpoint, ...] = ()

    @property
    def unseen(self) -> NDArray[np.bool_]:
        """Rows (n_rows,) on which some context or the mode was outside what training saw."""
        return np.asarray(self.outside.any(axis=1))


def score(
    trained: Trained,
    assets: Sequence[Telemetry],
    told: Callable[[int], None] = lambda rows: None,
    resumed: Mapping[str, Checkpoint] | None = None,
) -> Iterator[Scores]:
    """Score every asset, in order; their sensors must be those of ``trained.roles`` in that order.

    A telemetry without rows gives empty scores. Each asset starts afresh, as if there were no rows before its first,
    but for those in ``resumed`` (by name), which go on from a checkpoint: their first row must be its anchor's.
    """
    resumed = resumed or {}
    batch: list[Telemetry] = []
    for asset in assets:
        if batch and sum(map(len, batch)) + len(asset) > ROWS_AT_ONCE:
            yield from _score_batch(trained, batch, told, resumed)
            batch = []
        batch.append(asset)
    yield from _score_batch(trained, batch, told, resumed)


def _score_batch(
    trained: Trained, assets: Sequence[Telemetry], told: Callable[[int], None], resumed: Mapping[str, Checkpoint]
) -> Iterator[Scores]:
    assets = [_anchored(asset, resumed.get(asset.asset)) for asset in assets]
    parts = [[(asset, rows) for rows in asset.stretches()] for asset in assets]
    goes_on = [[_goes_on(part, resumed.get(part[0].asset)) for part in mine] for mine in parts]
    every = [part for mine in parts for part in mine]
    moved = iter(deviations(trained.learned, every, told, [one for mine in goes_on for one in mine]))
    for asset, mine, marks in zip(assets, parts, goes_on, strict=True):
        stretches = [(rows, next(moved), mark) for (_, rows), mark in zip(mine, marks, strict=True)]
        yield _score_asset(trained, asset, stretches, resumed.get(asset.asset))


def _anchored(asset: Telemetry, checkpoint: Checkpoint | None) -> Telemetry:
    """The asset with what its sensors last measured in its first row, where scoring goes on from there."""
    if checkpoint is None or not len(asset):
        return asset
    values = asset.values.copy()
    values[0] = checkpoint.held
    return replace(asset, values=values)


def _goes_on(part: Part, checkpoint: Checkpoint | None) -> Resumed | None:
    """Where a stretch goes on from a checkpoint; None for one that begins after it."""
    asset, rows = part
    if checkpoint is None or asset.index[rows.start] >= checkpoint.at:
        return None
    return Resumed(checkpoint.at - int(asset.index[rows.start]), checkpoint.level)


def _score_asset(
    trained: Trained,
    asset: Telemetry,
    stretches: Sequence[tuple[slice, Float64, Resumed | None]],
    before: Checkpoint | None,
) -> Scores:
    n_rows, n_scored = len(asset), len(trained.roles.scored)
    state = asset.state.copy()
    state[(state == State.SCORED) & (asset.stretch < 0)] = State.NO_DATA
    score = np.full(n_rows, np.nan, np.float32)
    shares, expected = np.full((n_rows, n_scored), np.nan), np.full((n_rows, n_scored), np.nan)
    outside = np.zeros((n_rows, len(watched(trained))), bool)
    ends: list[Checkpoint] = []
    for rows, moved, goes_on in stretches:
        part, since = (asset, rows), min(goes_on.since, rows.stop - rows.start) if goes_on else 0
        early = before.early if before and goes_on else 0
        state[rows] = row_states(trained.learned, part, since, early)
        live = state[rows] == State.SCORED
        live[:since] = False
        outside[rows] = live[:, None] & outside_seen(trained, part)
        folded = before.evidence if before and goes_on else np.stack([start(trained.evidence)] * 2)
        judged, states = _judged(trained, part, moved, live, np.asarray(outside[rows].any(axis=1)), since, folded)
        score[rows] = judged.score
        shares[rows] = np.where(live[:, None], judged.shares, np.nan)
        deviation = blended(judged.weights, moved)
        expected[rows] = np.where(live[:, None], asset.values[rows, :n_scored] - deviation, np.nan)
        ends += _ends(trained, part, goes_on, state[rows], early, states)
    return_period_s = trained.curves.return_period_s(score, asset.group)
    checkpoints = tuple({end.at: end for end in ends}.values())  # of two stretches in one chunk, the later goes on
    return Scores(asset, state, score, return_period_s, shares, expected, outside, checkpoints)


def _judged(
    trained: Trained,
    part: Part,
    moved: Float64,
    live: NDArray[np.bool_],
    unseen: NDArray[np.bool_],
    since: int,
    folded: Float64,
) -> tuple[Judged, dict[int, Float64]]:
    """What the evidence says of a stretch from row ``since`` on, and its states at the ends of chunks. Its seen rows
    are judged as if the ``unseen`` ones (n_rows,) had not been measured: what a strange regime did must not be held
    against the rows after it.
    """
    asset, rows = part
    first, group = int(asset.index[rows.start]) + since, asset.group[rows][since:]
    others = renewed(part, slice(moved.shape[2]))
    others = None if others is None else others[since:]

    def judging(state: Float64, keep: NDArray[np.bool_]) -> tuple[Judged, dict[int, Float64]]:
        return judge_on(trained.evidence, state, first, moved[:, since:], keep[since:], group, others)

    every, states = judging(folded[0], live)
    if not unseen.any() and (folded[0] == folded[1]).all():
        return _from_row(since, every), {at: np.stack([one, one]) for at, one in states.items()}
    seen, seen_states = judging(folded[1], live & ~unseen)
    foreign = unseen[since:]
    judged = Judged(
        np.where(foreign, every.score, seen.score),
        np.where(foreign[:, None], every.shares, seen.shares),
        np.where(foreign[:, None], every.weights, seen.weights),
    )
    return _from_row(since, judged), {at: np.stack([states[at], seen_states[at]]) for at in states}


def _from_row(since: int, judged: Judged) -> Judged:
    """The same with ``since`` rows before it that were not judged."""
    if not since:
        return judged
    blank = np.full(since, np.nan, np.float32)
    shares, weights = (np.zeros((since, part.shape[1])) for part in (judged.shares, judged.weights))
    return Judged(
        np.concatenate([blank, judged.score]),
        np.concatenate([shares, judged.shares]),
        np.concatenate([weights, judged.weights]),
    )


def _ends(
    trained: Trained,
    part: Part,
    goes_on: Resumed | None,
    state: NDArray[np.uint8],
    early: int,
    evidence: Mapping[int, Float64],
) -> Iterator[Checkpoint]:
    """A checkpoint at the end of every chunk within a stretch, and of the chunk it ends in once no row can join it."""
    asset, rows = part
    index = asset.index[rows]
    if not evidence:
        return
    values, levels = held_in(part), level_ends(trained.learned, part, goes_on)
    fit = np.flatnonzero(asset.state[rows] == State.SCORED)
    first = int(index[0])
    since = goes_on.since if goes_on else 0
    for end, folded in evidence.items():
        at = -(-end // CHUNK) * CHUNK
        over = rows.stop < len(asset) and asset.index[-1] - index[-1] > trained.max_hole
        if at > asset.index[-1] or (at > end and not over):
            return
        warmed = fit[fit <= at - trained.learned.warm_up - first]
        anchor = int(warmed[-1]) if len(warmed) else 0
        begun = early + int((state[since : at - first] == State.WARM_UP).sum())
        mode = _mode_on(asset, rows.start + anchor)
        yield Checkpoint(at, first + anchor, min(begun, FIRST_ROWS), values[anchor], levels[end], folded, mode)


def _mode_on(asset: Telemetry, row: int) -> str | None:
    """The mode an asset is in on a row; None before the first, and where there is none."""
    if asset.mode is None or asset.mode.code[row] < 0:
        return None
    return asset.mode.names[int(asset.mode.code[row])]


def watched(trained: Trained) -> tuple[str, ...]:
    """What may lie outside what training saw: the contexts, then the mode."""
    mode = trained.roles.mode
    return (*trained.roles.context, *((mode.sensor,) if mode else ()))


def seen(trained: Trained) -> dict[str, Range]:
    """Context → what training saw of it, in its unit; a context of which training saw no value is left out."""
    ranges = {c: trained.learned.scaler.seen(i) for i, c in enumerate(trained.roles.all) if c in trained.roles.context}
    return {context: known for context, known in ranges.items() if known is not None}


def outside_seen(trained: Trained, part: Part) -> NDArray[np.bool_]:
    """Which of `watched` (n_rows, n_watched), held from value to value, lie clearly outside what training saw; none of
    which it saw nothing.
    """
    context = context_of(trained.learned.scaler, len(trained.roles.scored), part)
    ranges = seen(trained)
    outside = np.zeros((len(context), len(watched(trained))), bool)
    for i, name in enumerate(trained.roles.context):
        if name in ranges:
            outside[:, i] = ranges[name].unseen(context[:, i])
    asset, rows = part
    if trained.roles.mode and asset.mode:
        outside[:, -1] = trained.roles.mode.unseen(asset.mode)[rows]
    return outside


def table(trained: Trained, scores: Scores, model_id: str, *, detail: bool = True) -> pa.Table:
    """The scores of one asset as the table of `tables.scores_schema`."""
    roles, asset = trained.roles, scores.telemetry
    columns: list[pa.Array] = [
        arrow.repeat_text(asset.asset, len(asset)),
        arrow.from_times(asset.time_us),
        arrow.from_codes(STATE_NAMES, scores.state),
        arrow.from_floats(scores.score, pa.float32()),
        arrow.from_floats(scores.return_period_s),
    ]
    if detail:
        columns += [arrow.from_floats(scores.shares[:, i], pa.float32()) for i in range(len(roles.scored))]
        columns += [arrow.from_floats(asset.values[:, i], pa.float32()) for i in range(len(roles.all))]
        columns += [mode_names(asset)] if roles.mode else []
        columns += [arrow.from_floats(scores.expected[:, i], pa.float32()) for i in range(len(roles.scored))]
    columns += [arrow.from_bools(scores.unseen), arrow.repeat_text(model_id, len(asset))]
    return pa.Table.from_arrays(columns, schema=schema_of(roles, detail=detail))


def schema_of(roles: Roles, *, detail: bool) -> pa.Schema:
    """The schema of the scores of a model with these roles."""
    return scores_schema(roles.scored, roles.context, roles.mode.sensor if roles.mode else None, detail=detail)


def mode_names(asset: Telemetry) -> pa.Array:
    """The name of each row's mode, as it is held; null before the first."""
    assert asset.mode is not None
    names: list[str | None] = [*asset.mode.names, None]
    return arrow.texts(names).take(arrow.from_ints(asset.mode.code % len(names)))
