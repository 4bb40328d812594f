"""What is said about the rows after an origin, by forecasters that know different things, from rows up to it alone.

The trained network is rolled forward: its state after the past goes on, its own expectation is the next input. The
level answers for the context ahead. The last value and the last days need no model at all.

The context ahead is what the user planned. Without a plan it is held, or, where that was nearer on the earlier half of
the history, repeated from the day before; past origins are given what the last one is given: as many rows of what was
to come as there are planned rows, and otherwise the same rule.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from anomaly_lstm.clock import DAY
from anomaly_lstm.deviations import as_series, held, measured
from anomaly_lstm.models import FORECASTERS
from anomaly_lstm.telemetry import Telemetry
from anomaly_lstm.trained import Trained
from anomaly_lstm.windows import CHUNK

Float32 = NDArray[np.float32]
Float64 = NDArray[np.float64]
Int64 = NDArray[np.int64]
Bool = NDArray[np.bool_]

MEMBERS = ("network", "level", "anchored", "last", "daily")
"""What is combined: the network rolled forward; the level for the context ahead; that level with the latest distance
from it; the last value; the mean of the last days at that time of day, where there is a season."""

LEAST_DAYS = 3
"""A history of so many days has a season: one day. From fewer nobody can tell a habit from a chance."""

DAYS = 7
"""At most so many days before tell what is usual at a time of day."""

ANCHOR = 64.0
"""Half-life [rows] of the mean distance from the level that is carried on: the slowest memory of the level itself."""

HELD, REPEATED, PLANNED = "held", "repeated", "planned"
"""What becomes of a context ahead."""


@dataclass(frozen=True)
class Plan:
    """Context told beforehand: ``time_us`` (n,) [µs UTC], rising; ``values`` (n, n_context), NaN where not told.

    A value counts from its time until the next, the last one for ever.
    """

    time_us: Int64
    values: Float64


@dataclass(frozen=True)
class Past:
    """One asset's history as forecasts look at it; arrays have a row per row of the telemetry."""

    trained: Trained
    asset: Telemetry
    normal: Bool

    @property
    def n_scored(self) -> int:
        return len(self.trained.roles.scored)

    @property
    def spread(self) -> Float64:
        return np.asarray(self.trained.learned.scaler.spread[: self.n_scored])

    @cached_property
    def season(self) -> int:
        """Rows in a day; 0 where days are no whole number of rows, or the history has not enough of them."""
        period = self.asset.grid.period_us
        enough = (self.asset.index[-1] - self.asset.index[0] + 1) * period >= LEAST_DAYS * DAY
        return DAY // period if enough and DAY % period == 0 and period < DAY else 0

    @cached_property
    def seen(self) -> Float64:
        """What was measured while the asset ran (n_rows, n_sensors), NaN elsewhere."""
        return measured((self.asset, slice(0, len(self.asset))))

    @property
    def scores(self) -> Float64:
        """Those of the scored sensors (n_rows, n_scored)."""
        return self.seen[:, : self.n_scored]

    @cached_property
    def begin(self) -> Int64:
        """The first row of the stretch that holds each row, −1 between stretches."""
        begin = np.full(len(self.asset), -1, np.int64)
        for rows in self.asset.stretches():
            begin[rows] = rows.start
        return begin

    @cached_property
    def scaled(self) -> Float32:
        """What a network is given (n_rows, n_sensors), held within stretches."""
        scaler, scaled = self.trained.learned.scaler, np.zeros(self.seen.shape, np.float32)
        for rows in self.asset.stretches():
            one = as_series(scaler, self.n_scored, (self.asset, rows))
            scaled[rows] = np.hstack([one.values, one.context])
        return scaled

    @cached_property
    def kept(self) -> Float64:
        """What was measured, held within stretches (n_rows, n_sensors); NaN before the first value."""
        kept = np.full(self.seen.shape, np.nan)
        for rows in self.asset.stretches():
            kept[rows] = held(self.seen[rows])
        return kept

    @property
    def last(self) -> Float64:
        """The last value of each scored sensor at each row (n_rows, n_scored)."""
        return self.kept[:, : self.n_scored]

    @cached_property
    def context(self) -> Float64:
        """The context (n_rows, n_context), the training centre before the first value."""
        centre = self.trained.learned.scaler.centre[self.n_scored :]
        context = self.kept[:, self.n_scored :]
        return np.where(np.isfinite(context), context, centre)

    @cached_property
    def outcomes(self) -> Float64:
        """What counts as an outcome (n_rows, n_scored): measured, running, and in no event."""
        return np.where(self.normal[:, None], self.scores, np.nan)

    def at(self, values: Float64, index: Int64) -> Float64:
        """The rows of ``values`` at grid indices of any shape (…, n_columns), NaN where there is none."""
        rows = np.minimum(np.searchsorted(self.asset.index, index), len(self.asset) - 1)
        there = self.asset.index[rows] == index
        return np.where(there[..., None], values[rows], np.nan)


def knots(n_ahead: int) -> Int64:
    """The rows ahead at which a forecast is weighed and judged: two per octave, the quarter, and the horizon itself."""
    half_octaves = 2.0 ** (np.arange(2 * n_ahead.bit_length() + 1) / 2)
    whole = np.round(half_octaves[half_octaves <= n_ahead]).astype(np.int64)
    return np.unique(np.r_[whole, -(-n_ahead // 4), n_ahead])


def widths(steps: Int64) -> Float64:
    """How many rows ahead each of ``steps`` (n_steps,) stands for."""
    edges = np.r_[0.5, (steps[1:] + steps[:-1]) / 2, steps[-1] + 0.5]
    return np.asarray(np.diff(edges))


# ---------------------------------------------------------------- what is said at an origin


def said(past: Past, origins: NDArray[np.intp], steps: Int64, ahead: Ahead, plan: Plan | None) -> Float64:
    """What each member says (n_origins, n_steps, n_scored, n_members), from rows up to each origin alone.

    With a ``plan`` the context ahead is the plan's, else past origins are given what came as far as a plan reaches.
    """
    future = _future(past, origins, ahead, plan)
    level, offset = _levels(past, origins, steps, future)
    last = past.last[origins][:, None]
    members = [
        _rolled(past, origins, steps, future),
        level,
        level + offset[:, None],
        np.broadcast_to(last, level.shape),
    ]
    if past.season:
        days = days_before(past, past.scores, past.asset.index[origins], steps, DAYS)
        known = np.isfinite(days)
        count = known.sum(axis=2)
        mean = np.where(known, days, 0.0).sum(axis=2) / np.maximum(count, 1)
        members.append(np.where(count > 0, mean, last))
    return np.stack(members, axis=-1)


def _rolled(past: Past, origins: NDArray[np.intp], steps: Int64, future: Float64) -> Float64:
    """The network rolled forward over the context ahead, in sensor units (n_origins, n_steps, n_scored)."""
    learned, n_scored = past.trained.learned, past.n_scored
    rows, present = _window(past, origins, learned.warm_up)
    scaler = learned.scaler.select(range(n_scored))
    context = learned.scaler.select(range(n_scored, len(learned.scaler.centre)))
    within = scaler.scale(np.full(n_scored, -np.inf)), scaler.scale(np.full(n_scored, np.inf))
    given = past.scaled[rows]
    rolled = FORECASTERS[learned.fitted.network].ahead(
        learned.fitted,
        given[..., :n_scored],
        given[..., n_scored:],
        present,
        context.scale(future[:, : steps[-1]]),
        within,
    )
    return np.asarray(scaler.centre + scaler.spread * rolled[:, steps - 1])


def _levels(past: Past, origins: NDArray[np.intp], steps: Int64, future: Float64) -> tuple[Float64, Float64]:
    """The level ahead (n_origins, n_steps, n_scored), and how far from it the sensors stood lately (n_origins,
    n_scored), NaN for a sensor without a value.
    """
    level = past.trained.learned.level
    rows, present = _window(past, origins, CHUNK)
    age = np.arange(CHUNK)[::-1, None]
    ahead, offset = [], []
    for mine, here, coming in zip(rows, present, future, strict=True):
        expected, state = level.expected(past.context[mine], level.start(past.context[mine[0]]))
        apart = past.scores[mine] - expected
        weight = 0.5 ** (age / ANCHOR) * (here[:, None] & np.isfinite(apart))
        total = weight.sum(axis=0)
        sums = (weight * np.nan_to_num(apart)).sum(axis=0)
        offset.append(np.divide(sums, total, out=np.full(len(total), np.nan), where=total > 0))
        pieces = []
        for start in range(0, len(coming), CHUNK):
            piece, state = level.expected(coming[start : start + CHUNK], state)
            pieces.append(piece)
        ahead.append(np.concatenate(pieces)[steps - 1])
    return np.stack(ahead), np.stack(offset)


def _window(past: Past, origins: NDArray[np.intp], n_rows: int) -> tuple[NDArray[np.intp], Bool]:
    """The rows up to each origin (n_origins, n_rows), and which of them lie in its stretch: the first of it stands in
    for those before.
    """
    rows = origins[:, None] + np.arange(1 - n_rows, 1)
    begin = past.begin[origins][:, None]
    return np.maximum(rows, begin), rows >= begin


def days_before(past: Past, values: Float64, at: Int64, steps: Int64, days: int) -> Float64:
    """``values`` one, two … days before each step ahead (n_origins, n_steps, days, n_columns), none after an origin."""
    back = -(-steps // past.season)[:, None] + np.arange(days)
    return past.at(values, at[:, None, None] + steps[:, None] - back * past.season)


def nearest(days: Float64, otherwise: Float64) -> Float64:
    """The nearest day that has a value, else ``otherwise``."""
    result = otherwise
    for day in range(days.shape[2] - 1, -1, -1):
        result = np.where(np.isfinite(days[:, :, day]), days[:, :, day], result)
    return result


# ---------------------------------------------------------------- the context ahead


@dataclass(frozen=True)
class Ahead:
    """How the context goes on for ``n_ahead`` rows: ``reach`` (n_context,) rows of it that are planned, 0 where none
    is; ``repeated`` (n_context,) whether what is not planned comes back from the day before, else it is held.
    """

    n_ahead: int
    reach: Int64
    repeated: Bool


def reach_of(past: Past, plan: Plan | None) -> Int64:
    """How many rows ahead each context is planned (n_context,)."""
    reach = np.zeros(len(past.trained.roles.explaining), np.int64)
    if plan is not None:
        grid, now = past.asset.grid, int(past.asset.index[-1])
        for i, known in enumerate(np.isfinite(plan.values).T):
            told = plan.time_us[known]
            reach[i] = max(int(grid.index(told[-1:])[0]) - now, 0) if len(told) else 0
    return reach


def repeats(past: Past, origins: NDArray[np.intp], steps: Int64) -> Bool:
    """Where the context of the day before was nearer to what came than the last value, on the earlier half of the
    origins: no row that judges a forecast has chosen how it is made.
    """
    roles = past.trained.roles
    n_context = len(roles.explaining)
    if not past.season or not roles.context:
        return np.zeros(n_context, bool)
    at = past.asset.index[origins]
    half = at[: len(at) // 2]
    values = past.seen[:, past.n_scored :]
    came = past.at(values, half[:, None] + steps)
    came[half[:, None] + steps > at[len(at) // 2]] = np.nan
    last = np.broadcast_to(past.context[origins[: len(half)]][:, None], came.shape)
    day = nearest(days_before(past, values, half, steps, 1), last)
    weight = np.where(np.isfinite(came), widths(steps)[:, None], 0.0)
    apart = [(weight * np.nan_to_num(np.abs(came - guess))).sum(axis=(0, 1)) for guess in (day, last)]
    quantity = np.arange(n_context) < len(roles.context)  # a mode is held: two of its columns must never be 1
    return np.asarray((apart[0] < apart[1]) & quantity)


def _future(past: Past, origins: NDArray[np.intp], ahead: Ahead, plan: Plan | None) -> Float64:
    """The context ahead of each origin (n_origins, n_ahead, n_context): repeated or planned where it is, held from
    there on.
    """
    steps, at = np.arange(1, ahead.n_ahead + 1), past.asset.index[origins]
    values = past.seen[:, past.n_scored :]
    future = np.full((len(origins), ahead.n_ahead + 1, values.shape[1]), np.nan)
    future[:, 0] = past.context[origins]
    if past.season and ahead.repeated.any():
        day = days_before(past, values, at, steps, 1)[:, :, 0]
        future[:, 1:, ahead.repeated] = day[..., ahead.repeated]
    for i, reach in enumerate(ahead.reach):
        if reach:
            future[:, 1:, i] = np.nan
            coming = at[:, None] + steps[:reach]
            future[:, 1 : reach + 1, i] = (
                past.at(values[:, [i]], coming)[..., 0] if plan is None else _told(plan, i, past.asset, coming)
            )
    by_step = np.moveaxis(future, 1, 0).reshape(ahead.n_ahead + 1, -1)
    return np.moveaxis(held(by_step).reshape(ahead.n_ahead + 1, len(origins), -1), 0, 1)[:, 1:]


def _told(plan: Plan, context: int, asset: Telemetry, index: Int64) -> Float64:
    """What is planned for one context at grid indices of any shape, NaN before its first value."""
    known = np.isfinite(plan.values[:, context])
    index_of = asset.grid.index(plan.time_us[known])
    place = np.searchsorted(index_of, index, side="right") - 1
    return np.where(place >= 0, plan.values[known, context][np.maximum(place, 0)], np.nan)


def ways(trained: Trained, ahead: Ahead) -> dict[str, str]:
    """Context, and the mode → what it was taken to be ahead."""
    told = np.where(ahead.reach > 0, PLANNED, np.where(ahead.repeated, REPEATED, HELD)).tolist()
    mode = trained.roles.mode
    return dict(zip(trained.roles.context, told, strict=False)) | ({mode.sensor: HELD} if mode else {})
