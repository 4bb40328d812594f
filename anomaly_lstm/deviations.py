"""What was learned from training rows, and how far other rows lie from it: the raw material of evidence.

Both training (on rows a fold never saw) and scoring come through here, so a row is treated alike when it calibrates
and when it counts.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from anomaly_lstm import inference
from anomaly_lstm.evidence import LEAST_SENSORS, LEVEL, PREDICTION
from anomaly_lstm.evidence import chunks as evidence_chunks
from anomaly_lstm.level import Level
from anomaly_lstm.models import MODELS
from anomaly_lstm.models.contract import Fitted
from anomaly_lstm.scaling import Scaler
from anomaly_lstm.tables import State
from anomaly_lstm.telemetry import Telemetry
from anomaly_lstm.windows import Series

Float64 = NDArray[np.float64]
Part = tuple[Telemetry, slice]
"""A continuous stretch of rows of one asset; its sensors are the scored ones first, then the context."""

FIRST_ROWS = 2
"""Rows at a stretch's start that are WARM_UP: a predictor has not seen enough to be held to its word."""


@dataclass(frozen=True)
class Learned:
    """All that comes from the training rows themselves. The scaler covers scored sensors, then context.

    ``needed`` (n_context,) is 1 for a context that was nearly always measured: a row without it has no score, because
    what it explains cannot be judged. A context that comes seldom (0) is held from one value to the next.
    """

    scaler: Scaler
    level: Level
    needed: NDArray[np.int64]
    fitted: Fitted
    warm_up: int
    mode_centre: Float64
    """(n_groups, n_scored) how far the centre of each mode lies from the common one [sensor units]: first the common
    one's zeros; NaN where the rows hold too little of a mode to tell, 0 for a sensor without a value in it."""
    mode_spread: Float64
    """(n_groups, n_scored) the spread of the sensors in each mode [sensor units], else the common one."""

    @property
    def n_scored(self) -> int:
        return len(self.level.centre)


def held(values: Float64) -> Float64:
    """(n_rows, n_columns) with every NaN replaced by the value before it; NaN stays where there is none before."""
    row = np.where(np.isfinite(values), np.arange(len(values))[:, None], 0)
    return np.asarray(np.take_along_axis(values, np.maximum.accumulate(row, axis=0), axis=0))


def measured(part: Part) -> Float64:
    """What was measured in a stretch while the asset ran (n_rows, n_sensors), NaN elsewhere.

    The rows of a short stop inside a stretch teach nothing and are no input: they are bridged like a hole.
    """
    telemetry, rows = part
    return np.asarray(np.where((telemetry.state[rows] == State.SCORED)[:, None], telemetry.values[rows], np.nan))


def as_series(scaler: Scaler, n_scored: int, part: Part) -> Series:
    """A stretch in scaled units for a network: missing cells held, the centre before the first value."""
    telemetry, rows = part
    values = measured(part)
    scaled = np.nan_to_num(scaler.scale(held(values)))
    return Series(
        int(telemetry.index[rows.start]), scaled[:, :n_scored], np.isfinite(values[:, :n_scored]), scaled[:, n_scored:]
    )


def context_of(scaler: Scaler, n_scored: int, part: Part) -> Float64:
    """The context of a stretch (n_rows, n_context) in sensor units, held, the training centre before the "
    "first value."""
    context = held(measured(part)[:, n_scored:])
    return np.asarray(np.where(np.isfinite(context), context, scaler.centre[n_scored:]))


def live_rows(learned: Learned, part: Part) -> NDArray[np.bool_]:
    """Which rows of a stretch get a score: fit to be scored, past the first rows, and enough sensors measured."""
    return np.asarray(row_states(learned, part) == State.SCORED)


def row_states(learned: Learned, part: Part, since: int = 0, early: int = 0) -> NDArray[np.uint8]:
    """The state of every row of a stretch (n_rows,), of one that goes on from its row ``since`` on; ``early`` of its
    first rows lie before that.
    """
    telemetry, rows = part
    state = telemetry.state[rows].copy()
    measured = np.isfinite(telemetry.values[rows])
    known = measured[:, : learned.n_scored].mean(axis=1)
    unexplained = (~measured[:, learned.n_scored :] & (learned.needed == 1)).any(axis=1)
    state[(state == State.SCORED) & ((known < LEAST_SENSORS) | (known == 0) | unexplained)] = State.SENSOR_BAD
    first = since + np.flatnonzero(state[since:] == State.SCORED)[: FIRST_ROWS - early]
    state[first] = State.WARM_UP
    return state


@dataclass(frozen=True)
class Resumed:
    """A stretch that goes on: its rows before ``since`` [row] are there for what is remembered of them, and the level's
    state there (n_half_lives, n_context).
    """

    since: int
    level: Float64


def deviations(
    learned: Learned,
    parts: Sequence[Part],
    told: Callable[[int], None] = lambda rows: None,
    resumed: Sequence[Resumed | None] | None = None,
) -> list[Float64]:
    """Measured − expected in sensor units, one (n_views, n_rows, n_scored) per stretch, NaN where not measured or
    without opinion.

    ``resumed`` says of each stretch whether it goes on; its rows before that mean nothing.
    """
    n_scored = learned.n_scored
    series = [as_series(learned.scaler, n_scored, part) for part in parts]
    network = inference.expected(MODELS[learned.fitted.network], learned.fitted, series, learned.warm_up)
    out = []
    for part, said, before in zip(parts, network, resumed or [None] * len(parts), strict=True):
        values = measured(part)[:, :n_scored]
        both = np.empty((2, *values.shape))
        both[PREDICTION] = values - (learned.scaler.centre[:n_scored] + learned.scaler.spread[:n_scored] * said)
        both[LEVEL] = values - learned.mode_centre[part[0].group[part[1]]] - level_along(learned, part, before)
        out.append(both)
        told(len(values))
    return out


def level_along(learned: Learned, part: Part, resumed: Resumed | None = None) -> Float64:
    """The expected level (n_rows, n_scored) of a stretch from its start, or from where it goes on, chunk by chunk on
    absolute time; NaN before.
    """
    context = context_of(learned.scaler, learned.n_scored, part)
    out = np.full((len(context), learned.n_scored), np.nan)
    if len(context):
        state = resumed.level if resumed else learned.level.start(context[0])
        for piece in _pieces(part, resumed):
            out[piece], state = learned.level.expected(context[piece], state)
    return out


def level_ends(learned: Learned, part: Part, resumed: Resumed | None = None) -> dict[int, Float64]:
    """The level's states at the ends of a stretch's chunks, by the grid index of the end; the last after its last
    row.
    """
    telemetry, rows = part
    context = context_of(learned.scaler, learned.n_scored, part)
    ends: dict[int, Float64] = {}
    state = resumed.level if resumed else learned.level.start(context[0])
    for piece in _pieces(part, resumed):
        state = learned.level.after(context[piece], state)
        ends[int(telemetry.index[rows.start]) + piece.stop] = state
    return ends


def _pieces(part: Part, resumed: Resumed | None) -> Iterator[slice]:
    """The rows of a stretch chunk by chunk, from where it goes on."""
    telemetry, rows = part
    since = resumed.since if resumed else 0
    for piece in evidence_chunks(int(telemetry.index[rows.start]) + since, rows.stop - rows.start - since):
        yield slice(since + piece.start, since + piece.stop)
