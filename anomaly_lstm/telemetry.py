"""One asset's sensors on a regular UTC grid: states, holes, gaps, and what was done to get there.

Grid time *t* holds what was measured in (t − period, t]. Holes of a few periods are carried as NO_DATA rows inside a
stretch; a longer gap ends the stretch and leaves a single NO_DATA row behind, so no gap, however long, costs memory.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from anomaly_lstm.errors import DataError
from anomaly_lstm.tables import State

Int64 = NDArray[np.int64]
Float64 = NDArray[np.float64]
Bool = NDArray[np.bool_]

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
        )


@dataclass(frozen=True)
class AssetQuality:
    """What was read of one asset and what became of it; ``rows_in = rows + merged + without_value``."""

    asset: str
    rows_in: int
    rows: int
    merged: int
    """Rows that shared a grid time with others and went into their mean."""
    without_value: int
    """Rows in which every sensor was missing."""
    duplicate_times: int
    out_of_order: int
    holes: int
    """Grid rows carried as NO_DATA."""
    gaps: int
    longest_gap_us: int
    start_us: int
    end_us: int
    sensors: tuple[SensorQuality, ...]

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


_COUNTS = ("rows_in", "rows", "merged", "without_value", "duplicate_times", "out_of_order")
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
    running: Bool | None = None,
    max_hole: int = MAX_HOLE,
) -> tuple[Telemetry, AssetQuality]:
    """Put rows on the grid.

    ``values`` (n_rows, n_sensors); ``running`` (n_rows,) is False where the asset was off. Rows may come in any
    order; several in one grid interval become their mean. An input without rows gives an empty Telemetry.
    """
    order = np.argsort(time_us, kind="stable")
    values = np.where(np.isfinite(values), values, np.nan)
    disorder = int((np.diff(time_us) < 0).sum())
    time_sorted, values_sorted = time_us[order], values[order]
    on = np.ones(len(order), bool) if running is None else running[order]
    useful = np.isfinite(values_sorted).any(axis=1)
    at, where = np.unique(grid.index(time_sorted[useful]), return_index=True)
    mean = _bin_mean(values_sorted[useful], where)
    off = ~np.logical_or.reduceat(on[useful], where) if len(where) else np.empty(0, bool)
    telemetry = _with_holes(asset, tuple(sensors), grid, at, mean, off, max_hole)
    step = np.diff(at)
    gaps = step > max_hole + 1
    quality = AssetQuality(
        asset=asset,
        rows_in=len(time_us),
        rows=len(at),
        merged=int(useful.sum()) - len(at),
        without_value=int((~useful).sum()),
        duplicate_times=len(time_us) - len(np.unique(time_us)),
        out_of_order=disorder,
        holes=int((step[~gaps] - 1).sum()),
        gaps=int(gaps.sum()),
        longest_gap_us=int((step[gaps].max() - 1) * grid.period_us) if gaps.any() else 0,
        start_us=int(grid.time_us(at[:1])[0]) if len(at) else 0,
        end_us=int(grid.time_us(at[-1:])[0]) if len(at) else 0,
        sensors=tuple(_sensor_quality(name, mean[:, i]) for i, name in enumerate(sensors)),
    )
    return telemetry, quality


def last_known(time_us: Int64, values: Float64, grid: Grid, index: Int64) -> Float64:
    """The last value measured up to each grid row (n_rows,), however long ago; NaN before the first.

    ``values`` (n_measured,) at ``time_us`` in any order, NaN where missing; ``index`` (n_rows,) grid indices.
    """
    known = np.flatnonzero(np.isfinite(values))
    known = known[np.argsort(time_us[known], kind="stable")]
    place = np.searchsorted(grid.index(time_us[known]), index, side="right")
    return np.asarray(np.r_[np.nan, values[known]][place])


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


def _sensor_quality(sensor: str, values: Float64) -> SensorQuality:
    known = values[np.isfinite(values)]
    stretches, rows = stuck_rows(known)
    return SensorQuality(
        sensor=sensor,
        missing=len(values) - len(known),
        constant=bool(len(known) > 1 and (known == known[0]).all()),
        stuck_stretches=stretches,
        stuck_rows=rows,
        low=float(known.min()) if len(known) else None,
        high=float(known.max()) if len(known) else None,
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
