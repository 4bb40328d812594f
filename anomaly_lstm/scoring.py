"""Trained + Telemetry → the scores table."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from anomaly_lstm import arrow
from anomaly_lstm.deviations import Part, context_of, deviations, renewed, row_states
from anomaly_lstm.evidence import Judged, judge
from anomaly_lstm.scaling import Range
from anomaly_lstm.tables import STATE_NAMES, State, scores_schema
from anomaly_lstm.telemetry import Telemetry
from anomaly_lstm.trained import Roles, Trained

Float64 = NDArray[np.float64]

ROWS_AT_ONCE = 500_000
"""Assets are scored together until they have this many rows, which bounds memory."""


@dataclass(frozen=True)
class Scores:
    """Scores of one asset, a row per grid row of its telemetry.

    ``score`` and ``return_period_s`` (n_rows,) NaN unless SCORED; ``shares`` and ``expected`` (n_rows, n_scored),
    ``expected`` in sensor units: what each view expected, weighted by how much it carries the score; ``outside``
    (n_rows, n_watched) which of `watched` lay outside what training saw, on SCORED rows.
    """

    telemetry: Telemetry
    state: NDArray[np.uint8]
    score: NDArray[np.float32]
    return_period_s: Float64
    shares: Float64
    expected: Float64
    outside: NDArray[np.bool_]

    @property
    def unseen(self) -> NDArray[np.bool_]:
        """Rows (n_rows,) on which some context or the mode was outside what training saw."""
        return np.asarray(self.outside.any(axis=1))


def score(
    trained: Trained, assets: Sequence[Telemetry], told: Callable[[int], None] = lambda rows: None
) -> Iterator[Scores]:
    """Score every asset, in order; their sensors must be those of ``trained.roles`` in that order.

    A telemetry without rows gives empty scores. Each asset starts afresh: nothing is known of rows before its first.
    """
    batch: list[Telemetry] = []
    for asset in assets:
        if batch and sum(map(len, batch)) + len(asset) > ROWS_AT_ONCE:
            yield from _score_batch(trained, batch, told)
            batch = []
        batch.append(asset)
    yield from _score_batch(trained, batch, told)


def _score_batch(trained: Trained, assets: Sequence[Telemetry], told: Callable[[int], None]) -> Iterator[Scores]:
    parts = [[(asset, rows) for rows in asset.stretches()] for asset in assets]
    moved = iter(deviations(trained.learned, [p for mine in parts for p in mine], told))
    for asset, mine in zip(assets, parts, strict=True):
        yield _score_asset(trained, asset, [(rows, next(moved)) for _, rows in mine])


def _score_asset(trained: Trained, asset: Telemetry, stretches: Sequence[tuple[slice, Float64]]) -> Scores:
    n_rows, n_scored = len(asset), len(trained.roles.scored)
    state = asset.state.copy()
    state[(state == State.SCORED) & (asset.stretch < 0)] = State.NO_DATA
    score = np.full(n_rows, np.nan, np.float32)
    shares, expected = np.full((n_rows, n_scored), np.nan), np.full((n_rows, n_scored), np.nan)
    outside = np.zeros((n_rows, len(watched(trained))), bool)
    for rows, moved in stretches:
        part = (asset, rows)
        state[rows] = row_states(trained.learned, part)
        live = state[rows] == State.SCORED
        outside[rows] = live[:, None] & outside_seen(trained, part)
        judged = _judged(trained, part, moved, live, np.asarray(outside[rows].any(axis=1)))
        score[rows] = judged.score
        shares[rows] = np.where(live[:, None], judged.shares, np.nan)
        blend = np.einsum("rv,vrs->rs", judged.weights, np.nan_to_num(moved))
        known = live[:, None] & np.isfinite(moved).any(axis=0)
        expected[rows] = np.where(known, asset.values[rows, :n_scored] - blend, np.nan)
    return_period_s = trained.curves.return_period_s(score, asset.group)
    return Scores(asset, state, score, return_period_s, shares, expected, outside)


def _judged(trained: Trained, part: Part, moved: Float64, live: NDArray[np.bool_], unseen: NDArray[np.bool_]) -> Judged:
    """What the evidence says of a stretch. Its seen rows are judged as if the ``unseen`` ones (n_rows,) had not been
    measured: what a strange regime did must not be held against the rows after it.
    """
    asset, rows = part
    judging = partial(
        judge,
        trained.evidence,
        int(asset.index[rows.start]),
        moved,
        group=asset.group[rows],
        renewed=renewed(part, slice(moved.shape[2])),
    )
    every = judging(live)
    if not unseen.any():
        return every
    seen = judging(live & ~unseen)
    return Judged(
        np.where(unseen, every.score, seen.score),
        np.where(unseen[:, None], every.shares, seen.shares),
        np.where(unseen[:, None], every.weights, seen.weights),
    )


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
