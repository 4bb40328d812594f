"""One asset's sensors on a regular UTC grid: states, holes, gaps, and what was done to get there.

Grid time *t* holds what was measured in (t − period, t], and what `sensor_rules` let count on until then. Holes of a
few periods are carried as NO_DATA rows inside a stretch; a longer gap ends the stretch and leaves a single NO_DATA row
behind, so no gap, however long, costs memory.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from anomaly_lstm.errors import DataError
from anomaly_lstm.sensor_rules import SensorRule, SensorRules, counts_until_us, on_rows, series_of
from anomaly_lstm.tables import State

Int64 = NDArray[np.int64]
Float64 = NDArray[np.float64]
Bool = NDArray[np.bool_]

DEFAULT = SensorRules()
"""Several values become their mean, and none counts on."""

PERIOD_ROWS = 2_000_000
"""So many rows of all assets together tell period and phase: the others need not be in memory."""
LEAST_PERIOD_ROWS = 10_000
"""But of each asset so many, where it has them."""

MAX_HOLE = 10
"""Missing grid rows that are carried inside a stretch [periods]."""


@dataclass(frozen=True)
class Grid:
    """Times ``phase_us + k·period_us`` for whole numbers k [µs since 1970 UTC]."""

    period_us: int
    phase_us: int = 0

    def index(self, time_us: Int64) -> Int64:
        """The grid index that holds each measuring time: the first grid time not before it."""
        return _ceil_div(time_us - self.phase_us, self.period_us)

    def time_us(self, index: Int64) -> Int64:
        return index * self.period_us + self.phase_us

    def index_of(self, time_us: int) -> int:
        """`index` of a single time."""
        return -(-(time_us - self.phase_us) // self.period_us)

    def time_of(self, index: int) -> int:
        """`time_us` of a single index."""
        return index * self.period_us + self.phase_us


def _ceil_div(a: Int64, b: int) -> Int64:
    return -(-a // b)


@dataclass(frozen=True)
class ModeTrack:
    """Which mode (fuel, product, grade, ore) an asset ran in, held from one value to the next.

    ``code`` (n_rows,) places in ``names``, −1 before the first value. The first ``own`` of the names have a centre, a
    spread and a calibration of their own; all others share the common ones.
    """

    names: tuple[str, ...]
    code: Int64
    own: int = 0


@dataclass(frozen=True)
class Telemetry:
    """Rows of one asset on the grid.

    ``index`` (n_rows,) grid indices, strictly increasing; ``values`` (n_rows, n_sensors) in sensor units, NaN where
    missing; ``state`` (n_rows,) of `tables.State`: SCORED here means "fit to be scored"; ``stretch`` (n_rows,)
    numbers the continuous stretches from 0, −1 on rows between them. Inside a stretch grid indices are consecutive.
    """

    asset: str
    sensors: tuple[str, ...]
    grid: Grid
    index: Int64
    values: Float64
    state: NDArray[np.uint8]
    stretch: NDArray[np.int32]
    mode: ModeTrack | None = None
    """None where no sensor was named as the mode."""
    renewed: Bool | None = None
    """(n_rows, n_sensors) True where a sensor is another one from that row on: what it measured before says nothing of
    it. None where none was changed."""
    muted: Bool | None = None
    """(n_rows, n_sensors) True where a value is shown to the network but is no evidence. None where all are."""

    def __len__(self) -> int:
        return len(self.index)

    @property
    def group(self) -> Int64:
        """Whose centre, spread and calibration each row (n_rows,) has: 0 the common ones, 1 … those of a mode."""
        if self.mode is None:
            return np.zeros(len(self), np.int64)
        return np.where(self.mode.code < self.mode.own, self.mode.code + 1, 0)

    @property
    def n_groups(self) -> int:
        return 1 if self.mode is None else 1 + self.mode.own

    @property
    def time_us(self) -> Int64:
        return self.grid.time_us(self.index)

    def stretches(self, keep: Bool | None = None) -> Iterator[slice]:
        """Row ranges of continuous stretches; with ``keep`` (n_rows,) only kept rows, cut where one is left out."""
        label = self.stretch if keep is None else np.where(keep, self.stretch, -1)
        edges = np.flatnonzero(np.diff(label)) + 1
        for start, stop in zip(np.r_[0, edges], np.r_[edges, len(label)], strict=True):
            if stop > start and label[start] >= 0:
                yield slice(int(start), int(stop))


@dataclass(frozen=True)
class SensorQuality:
    """What one sensor's history looks like, counted on grid rows with data."""

    sensor: str
    missing: int
    constant: bool
    stuck_stretches: int
    stuck_rows: int
    low: float | None
    high: float | None
    falls: int = 0
    """Of a counter: how often its total was less than before."""

    def then(self, later: SensorQuality) -> SensorQuality:
        """The quality of these rows and later ones."""
        lows = [part.low for part in (self, later) if part.low is not None]
        highs = [part.high for part in (self, later) if part.high is not None]
        return SensorQuality(
            sensor=self.sensor,
            missing=self.missing + later.missing,
            constant=(self.constant or later.constant) and len({*lows, *highs}) == 1,
            stuck_stretches=self.stuck_stretches + later.stuck_stretches,
            stuck_rows=self.stuck_rows + later.stuck_rows,
            low=min(lows, default=None),
            high=max(highs, default=None),
            falls=self.falls + later.falls,
        )


@dataclass(frozen=True)
class AssetQuality:
    """What was read of one asset and what became of it; ``rows_in = rows + merged + without_value``."""

    asset: str
    rows_in: int
    rows: int
    """Grid rows in which something was measured."""
    merged: int
    """Rows that share a grid row with others."""
    without_value: int
    """Rows in which every sensor was missing."""
    duplicate_times: int
    """Rows with a sensor that has another value of the very same time."""
    out_of_order: int
    holes: int
    """Grid rows carried as NO_DATA."""
    gaps: int
    longest_gap_us: int
    start_us: int
    end_us: int
    sensors: tuple[SensorQuality, ...]
    held: int = 0
    """Grid rows in which nothing was measured and values still counted."""
    out_of_state: int = 0
    """Grid rows on which the asset did not run, or had not settled since it started."""
    settling: int = 0
    """Those of them on which it ran, but not for long enough."""
    joined: int = 0
    """Rows of files, or cells of a long table, that were put beside others of the same time before all this."""
    conflicting: int = 0
    """Times at which some sensor has several values that differ: repeats that are no mere copies."""

    def then(self, later: AssetQuality, grid: Grid, max_hole: int) -> AssetQuality:
        """The quality of these rows and later ones of the same sensors; no grid time is in both.

        A stretch in which a sensor is stuck counts as two where it goes on from these rows to the later ones.
        """
        if not self.rows or not later.rows:
            one, other = (self, later) if self.rows else (later, self)
            step = 1
        else:
            one, other = self, later
            step = (later.start_us - self.end_us) // grid.period_us
        gap = step > max_hole + 1
        return AssetQuality(
            asset=self.asset,
            **{name: getattr(self, name) + getattr(later, name) for name in _COUNTS},
            holes=self.holes + later.holes + (0 if gap else step - 1),
            gaps=self.gaps + later.gaps + gap,
            longest_gap_us=max(self.longest_gap_us, later.longest_gap_us, (step - 1) * grid.period_us if gap else 0),
            start_us=one.start_us,
            end_us=(other if other.rows else one).end_us,
            sensors=tuple(a.then(b) for a, b in zip(self.sensors, later.sensors, strict=True)),
        )


_COUNTS = (
    *("rows_in", "rows", "merged", "without_value", "duplicate_times", "conflicting", "out_of_order"),
    *("held", "out_of_state", "settling", "joined"),
)
"""What two parts of an asset add up to."""


def estimate_period(times_us: Sequence[Int64]) -> int:
    """The spacing of the rows [µs]: the most common step between distinct times, or the median where no step is common.

    Raises DataError when there are not two distinct times in any asset.
    """
    most = rows_for_period(len(times_us))
    steps = np.concatenate([np.diff(np.unique(_first(t, most))) for t in times_us] or [np.empty(0, np.int64)])
    if not len(steps):
        raise DataError(
            "At least two rows at different times are needed to find the period. Give --period, e.g. --period 1min."
        )
    values, counts = np.unique(steps, return_counts=True)
    best = int(values[np.argmax(counts)])
    if counts.max() >= 0.3 * len(steps):
        return best
    return _round_step(float(np.median(steps)))


def rows_for_period(n_assets: int) -> int:
    """How many of its first rows of each asset tell period and phase."""
    return max(LEAST_PERIOD_ROWS, PERIOD_ROWS // max(1, n_assets))


def _first(times_us: Int64, most: int) -> Int64:
    """The first ``most`` of times in any order."""
    return times_us if len(times_us) <= most else np.partition(times_us, most)[:most]


def _round_step(step: float) -> int:
    """A jittered step rounded to two significant digits: 599.7 s is 600 s."""
    unit = 10 ** max(0, int(np.floor(np.log10(step))) - 1)
    return int(round(step / unit) * unit)


def estimate_phase(times_us: Sequence[Int64], period_us: int) -> int:
    """Where in a period the rows lie [µs in 0 … period): the mode to a twentieth of a period, moved on over its own
    jitter.

    A bin's right edge is taken, and further bins while they hold one row in twenty (to a quarter period), so that
    rows which come a little late stay on their grid time.
    """
    bins = 20
    most = rows_for_period(len(times_us))
    offset = np.concatenate([_first(t, most) % period_us for t in times_us])
    bin_of = _ceil_div(offset * bins, period_us) % bins
    counts = np.bincount(bin_of, minlength=bins)
    mode = int(np.argmax(counts))
    for _ in range(bins // 4):
        if counts[(mode + 1) % bins] < len(offset) / 20:
            break
        mode = (mode + 1) % bins
    return mode * period_us // bins


def to_grid(
    asset: str,
    time_us: Int64,
    sensors: Sequence[str],
    values: Float64,
    grid: Grid,
    *,
    running: NDArray[np.int8] | Bool | None = None,
    running_until_us: Int64 | None = None,
    max_hole: int = MAX_HOLE,
    rules: SensorRules = DEFAULT,
    settle_us: int = 0,
    since: int | None = None,
) -> tuple[Telemetry, AssetQuality]:
    """Put rows on the grid.

    ``values`` (n_rows, n_sensors) as measured; ``rules`` say what comes of them. ``running`` (n_rows,) is 0 where the
    asset was off, 1 where it ran, −1 where that is not known, and so it counts until ``running_until_us`` (n_rows,)
    where no row says otherwise; for ``settle_us`` after a row on which it was off it has not settled. Rows may come in
    any order; several in one grid interval become one. An input without rows gives an empty Telemetry.

    Rows before grid index ``since`` are only looked back at: with those of `reach_us` before it at hand, the rest comes
    out as it does of all rows.
    """
    rows = _in_order(time_us, values, grid, since)
    placed = _placed(rows, sensors, grid, rules, (max_hole + 1) * grid.period_us)
    off = _off(rows, placed, grid, running, running_until_us)
    settling = _settling(placed.index, off, settle_us // grid.period_us)
    mine = placed.index >= rows.since
    at, off, settling, held = placed.index[mine], off[mine], settling[mine], placed.held[mine]
    shown = placed.values[mine]
    telemetry = _with_holes(asset, placed.sensors, grid, at, shown, off | settling, max_hole)
    step = np.diff(at)
    gaps = step > max_hole + 1
    n_useful = int((rows.useful & rows.mine).sum())
    quality = AssetQuality(
        asset=asset,
        rows_in=int(rows.mine.sum()),
        rows=int((~held).sum()),
        merged=n_useful - int((~held).sum()),
        without_value=int(rows.mine.sum()) - n_useful,
        duplicate_times=_duplicates(rows.time_us[rows.mine], rows.values[rows.mine]),
        out_of_order=rows.disorder,
        holes=int((step[~gaps] - 1).sum()),
        gaps=int(gaps.sum()),
        longest_gap_us=int((step[gaps].max() - 1) * grid.period_us) if gaps.any() else 0,
        start_us=int(grid.time_us(at[:1])[0]) if len(at) else 0,
        end_us=int(grid.time_us(at[-1:])[0]) if len(at) else 0,
        sensors=tuple(
            _sensor_quality(name, shown[:, i], placed.falls.get(name, 0), may_rest=name in placed.resting)
            for i, name in enumerate(placed.sensors)
        ),
        held=int(held.sum()),
        out_of_state=int((off | settling).sum()),
        settling=int(settling.sum()),
        conflicting=conflicting_times(rows.time_us[rows.mine], rows.values[rows.mine]),
    )
    return telemetry, quality


def conflicting_times(time_us: Int64, values: Float64) -> int:
    """At how many times some sensor has several values that differ; ``time_us`` (n_rows,) ascending, ``values``
    (n_rows, n_sensors) NaN where missing.
    """
    same = np.flatnonzero(np.diff(time_us) == 0)
    if not len(same) or not values.shape[1]:
        return 0
    rows = np.union1d(same, same + 1)
    starts = np.flatnonzero(np.r_[True, np.diff(time_us[rows]) != 0])
    low, high = (bound.reduceat(values[rows], starts, axis=0) for bound in (np.fmin, np.fmax))
    return int((low < high).any(axis=1).sum())


def reach_us(grid: Grid, max_hole: int, rules: SensorRules, settle_us: int) -> int:
    """How far before a grid row's own interval the rows may lie that it is made of [µs]."""
    return rules.reach_us((max_hole + 1) * grid.period_us) + settle_us


@dataclass(frozen=True)
class _Measured:
    """Rows as they were measured, in time order: ``order`` (n_rows,) their places as they came; ``index`` the grid
    rows that hold them, ``useful`` those with any value, ``mine`` those that are not only looked back at.
    """

    order: NDArray[np.intp]
    time_us: Int64
    values: Float64
    index: Int64
    useful: Bool
    mine: Bool
    since: int
    disorder: int


def _in_order(time_us: Int64, values: Float64, grid: Grid, since: int | None) -> _Measured:
    order = np.argsort(time_us, kind="stable")
    values = np.where(np.isfinite(values), values, np.nan)[order]
    index = grid.index(time_us[order])
    least = int(index[0]) if since is None and len(index) else since or 0
    backward = (np.diff(time_us) < 0) & (grid.index(time_us[1:]) >= least)
    useful = np.asarray(np.isfinite(values).any(axis=1))
    return _Measured(order, time_us[order], values, index, useful, index >= least, least, int(backward.sum()))


@dataclass(frozen=True)
class _Placed:
    """Grid rows that have a value: ``index`` (n,) and ``values`` (n, n_sensors); ``held`` (n,) says where nothing was
    measured; ``falls`` of the counters; ``resting`` the sensors whose values are held.
    """

    sensors: tuple[str, ...]
    index: Int64
    values: Float64
    held: Bool
    falls: Mapping[str, int] = field(default_factory=dict)
    resting: frozenset[str] = frozenset()


def _placed(rows: _Measured, sensors: Sequence[str], grid: Grid, rules: SensorRules, hole_us: int) -> _Placed:
    at, where = np.unique(rows.index[rows.useful], return_index=True)
    if rules.are_default:
        return _Placed(tuple(sensors), at, _bin_mean(rows.values[rows.useful], where), np.zeros(len(at), bool))
    series = series_of(rules, rows.time_us, sensors, rows.values, hole_us)
    index = _with_held(at, rows, counts_until_us(series, rows.time_us), grid)
    place = np.minimum(np.searchsorted(index, rows.index), max(len(index) - 1, 0))
    row_of = np.where(index[place] == rows.index, place, -1) if len(index) else np.full(len(place), -1)
    columns = [on_rows(one, rows.time_us, row_of, grid.time_us(index)) for one in series]
    values = np.column_stack(columns) if columns else np.empty((len(index), 0))
    held = ~np.isin(index, at)
    keep = ~held | np.isfinite(values).any(axis=1)
    falls = {one.sensor: int((one.fell & rows.mine).sum()) for one in series if one.fell is not None}
    resting = frozenset(one.sensor for one in series if one.rule.hold_us)
    return _Placed(tuple(one.sensor for one in series), index[keep], values[keep], held[keep], falls, resting)


def _with_held(at: Int64, rows: _Measured, until_us: Int64, grid: Grid) -> Int64:
    """The grid rows ``at`` (n,) with those between them up to which something that was measured still counts.

    None comes after the last: whether time went on that far is not known before something is measured there.
    """
    if not len(at):
        return at
    last = np.searchsorted(rows.time_us, grid.time_us(at), side="right") - 1
    until = np.maximum.accumulate(until_us)[last]
    extra = np.clip((until - grid.phase_us) // grid.period_us - at, 0, np.r_[np.diff(at) - 1, 0])
    first = np.repeat(np.cumsum(extra + 1) - (extra + 1), extra + 1)
    return np.repeat(at, extra + 1) + np.arange(int((extra + 1).sum())) - first


def _off(
    rows: _Measured,
    placed: _Placed,
    grid: Grid,
    running: NDArray[np.int8] | Bool | None,
    running_until_us: Int64 | None,
) -> Bool:
    """Grid rows (n,) on which the asset did not run: no measured row says it did, and one says it did not. Where no row
    says either, what was said last counts on as long as it may.
    """
    off = np.zeros(len(placed.index), bool)
    if running is None or not len(off):
        return off
    ran = np.asarray(running, np.int8)[rows.order]
    place = np.minimum(np.searchsorted(placed.index, rows.index), len(off) - 1)
    here = placed.index[place] == rows.index
    on = off.copy()
    off[place[here & (ran == 0)]] = True
    on[place[here & (ran == 1)]] = True
    off &= ~on
    quiet = np.flatnonzero(placed.held & ~on & ~off)
    if running_until_us is not None and len(quiet):
        row_us = grid.time_us(placed.index[quiet])
        until = running_until_us[rows.order]
        place = np.lexsort((until, ran, rows.time_us))[np.searchsorted(rows.time_us, row_us, side="right") - 1]
        off[quiet] = (ran[place] == 0) & (until[place] >= row_us)
    return off


def _settling(index: Int64, off: Bool, n_settle: int) -> Bool:
    """Rows (n,) on which an asset runs, at most ``n_settle`` periods after one on which it was off."""
    if not n_settle or not off.any():
        return np.zeros(len(off), bool)
    last_off = np.maximum.accumulate(np.where(off, index, np.iinfo(np.int64).min // 2))
    return np.asarray(~off & (index - last_off <= n_settle))


def _duplicates(time_us: Int64, values: Float64) -> int:
    """Rows in time order that repeat a time, but for those that only give other sensors' values of it."""
    first = np.flatnonzero(np.r_[True, np.diff(time_us) > 0]) if len(time_us) else np.empty(0, np.intp)
    count = np.diff(np.r_[first, len(time_us)])
    if not (count > 1).any() or not values.shape[1]:
        return 0
    several = np.repeat(count > 1, count)
    known = np.isfinite(values[several]).astype(np.int64)
    start = np.r_[0, np.cumsum(count[count > 1])[:-1]]
    return int(np.maximum(np.add.reduceat(known, start, axis=0).max(axis=1) - 1, 0).sum())


def last_known(time_us: Int64, values: Float64, grid: Grid, index: Int64, rule: SensorRule | None = None) -> Float64:
    """The last value measured up to each grid row (n_rows,), however long ago, or as long as a ``rule`` lets it count
    on; NaN before the first.

    ``values`` (n_measured,) at ``time_us`` in any order, NaN where missing; ``index`` (n_rows,) grid indices.
    """
    known = np.flatnonzero(np.isfinite(values))
    known = known[np.argsort(time_us[known], kind="stable")]
    place = np.searchsorted(grid.index(time_us[known]), index, side="right")
    last = np.asarray(np.r_[np.nan, values[known]][place])
    if rule is None:
        return last
    age = grid.time_us(index) - np.r_[0, time_us[known]][place]
    return np.where(age <= max(rule.hold_us, grid.period_us - 1), last, np.nan)


def _bin_mean(values: Float64, where: NDArray[np.intp]) -> Float64:
    if not len(where):
        return np.empty((0, values.shape[1]))
    if len(where) == len(values):
        return values
    known = np.isfinite(values)
    total = np.add.reduceat(np.where(known, values, 0.0), where, axis=0)
    count = np.add.reduceat(known.astype(np.int64), where, axis=0)
    return np.divide(total, count, out=np.full_like(total, np.nan), where=count > 0)


def _with_holes(
    asset: str, sensors: tuple[str, ...], grid: Grid, at: Int64, values: Float64, off: Bool, max_hole: int
) -> Telemetry:
    """Add a NO_DATA row for every missing grid row of a hole, one for the first missing row of a gap, and number the
    stretches.
    """
    step = np.diff(at)
    extra = np.where(step > max_hole + 1, 1, step - 1)
    position = np.arange(len(at)) + np.r_[0, np.cumsum(extra)][: len(at)]
    n = int(position[-1]) + 1 if len(at) else 0
    measured = np.zeros(n, bool)
    measured[position] = True
    row_before = np.maximum.accumulate(np.where(measured, np.arange(n), 0))
    index = np.zeros(n, np.int64)
    index[position] = at
    index = index[row_before] + (np.arange(n) - row_before)
    state = np.full(n, State.NO_DATA, np.uint8)
    state[position] = np.where(off, State.OUT_OF_STATE, State.SCORED)
    filled = np.full((n, len(sensors)), np.nan)
    filled[position] = values
    return Telemetry(asset, sensors, grid, index, filled, state, number_stretches(index, state, max_hole))


def number_stretches(
    index: Int64, state: NDArray[np.uint8], max_hole: int, era: Int64 | None = None
) -> NDArray[np.int32]:
    """Runs of rows to be scored, holes and stops of at most ``max_hole`` rows included; −1 elsewhere.

    ``era`` (n_rows,) never falls, and no stretch goes on where it rises.
    """
    stretch = np.full(len(index), -1, np.int32)
    live = np.flatnonzero(state == State.SCORED)
    if not len(live):
        return stretch
    ends = np.diff(index[live]) > max_hole + 1
    ends |= False if era is None else np.diff(era[live]) > 0
    number = np.r_[0, np.cumsum(ends)].astype(np.int32)
    stretch[live] = number
    before = np.maximum.accumulate(np.where(stretch >= 0, np.arange(len(index)), -1))
    after = np.minimum.accumulate(np.where(stretch >= 0, np.arange(len(index)), len(index))[::-1])[::-1]
    inside = (before >= 0) & (after < len(index)) & (stretch < 0)
    same = inside & (stretch[np.maximum(before, 0)] == stretch[np.minimum(after, len(index) - 1)])
    stretch[same] = stretch[before[same]]
    return stretch


def _sensor_quality(sensor: str, values: Float64, falls: int, *, may_rest: bool) -> SensorQuality:
    known = values[np.isfinite(values)]
    stretches, rows = (0, 0) if may_rest else stuck_rows(known)
    return SensorQuality(
        sensor=sensor,
        missing=len(values) - len(known),
        constant=bool(len(known) > 1 and (known == known[0]).all()),
        stuck_stretches=stretches,
        stuck_rows=rows,
        low=float(known.min()) if len(known) else None,
        high=float(known.max()) if len(known) else None,
        falls=falls,
    )


def stuck_rows(values: Float64) -> tuple[int, int]:
    """Stretches, and rows in them, where a sensor that otherwise moves repeats one value far longer than it usually
    does.

    A stretch counts from 30 equal rows on that are also ten times as long as 99 of 100 of the sensor's runs of equal
    values. A sensor that never changes is constant, not stuck: (0, 0).
    """
    if len(values) < 2 or (values == values[0]).all():
        return 0, 0
    edges = np.flatnonzero(np.diff(values) != 0) + 1
    runs = np.diff(np.r_[0, edges, len(values)])
    stuck = runs > max(30.0, 10 * float(np.quantile(runs, 0.99)))
    return int(stuck.sum()), int(runs[stuck].sum())
