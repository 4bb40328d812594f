"""How each sensor was written down, and so how its values come to the grid.

A historian may write a value only when it moves, count up for ever, or give an angle that jumps from 359 to 1. A rule
says so for one sensor. What it makes of a row depends on rows up to that one only, and on none further back than
`SensorRule.reach_us`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from anomaly_lstm.errors import UsageError

Int64 = NDArray[np.int64]
Float64 = NDArray[np.float64]
Bool = NDArray[np.bool_]

AGGREGATES = ("mean", "last", "max", "min", "sum")
INTERPOLATIONS = ("step", "linear")
TYPES = ("quantity", "counter", "angle")
PER_US = {"s": 1_000_000, "min": 60_000_000, "h": 3_600_000_000, "d": 86_400_000_000}
"""What the rate of a counter may be per [µs]."""

OTHERS = "*"
"""Names the rule of all sensors that have none of their own."""

FAR_PAST_US = -(2**62)


@dataclass(frozen=True)
class SensorRule:
    """How the values of one sensor come to the grid.

    ``aggregate`` what several values of one grid interval become. For ``hold_us`` [µs] the last value counts on where
    no new one comes. ``interpolate`` ``"linear"`` gives the value of ``hold_us`` earlier, between those before and
    after it: both are known by then. ``type`` ``"counter"`` is an ever-rising total, which becomes its rate ``per``
    unit of time; ``"angle"`` [°] becomes two sensors, its cosine and its sine. A counter that starts again from 0
    after ``rolls_over_at`` loses nothing.
    """

    aggregate: str = "mean"
    hold_us: int = 0
    interpolate: str = "step"
    type: str = "quantity"
    per: str = "h"
    rolls_over_at: float | None = None

    @property
    def span_us(self) -> int:
        """How long a value can still make rows [µs]."""
        return 2 * self.hold_us if self.interpolate == "linear" else self.hold_us

    def step_us(self, hole_us: int) -> int:
        """The longest step between two values of a counter that gives a rate [µs]."""
        return self.hold_us or hole_us

    def reach_us(self, hole_us: int) -> int:
        """How far before a grid row what it is made of may have been measured [µs], beyond its own interval."""
        return self.span_us + (self.step_us(hole_us) if self.type == "counter" else 0)


@dataclass(frozen=True)
class SensorRules:
    """The rules of all sensors of a source: those named, and one for the ``others``."""

    named: Mapping[str, SensorRule] = field(default_factory=dict)
    others: SensorRule = SensorRule()

    @property
    def are_default(self) -> bool:
        """Nothing is held, counted or turned: several values become their mean."""
        return all(rule == SensorRule() for rule in (*self.named.values(), self.others))

    def of(self, sensor: str) -> SensorRule:
        return self.named.get(sensor, self.others)

    def made_of(self, sensors: Sequence[str]) -> tuple[str, ...]:
        """The sensors on the grid that these measured ones become."""
        return tuple(name for sensor in sensors for name in _made(sensor, self.of(sensor)))

    def measured(self, sensors: Sequence[str]) -> tuple[str, ...]:
        """The reverse of `made_of`: what must be measured for these sensors on the grid, each once."""
        source = {name: sensor for sensor, rule in self.named.items() for name in _made(sensor, rule)}
        return tuple(dict.fromkeys(source.get(name, name) for name in sensors))

    def reach_us(self, hole_us: int) -> int:
        """How far before a grid row any sensor's rule looks [µs]."""
        return max(rule.reach_us(hole_us) for rule in (*self.named.values(), self.others))

    def holds_us(self, sensors: Sequence[str]) -> tuple[int, int]:
        """For how long the values of these sensors on the grid count on, at least and at most [µs]."""
        holds = [self.of(sensor).hold_us for sensor in self.measured(sensors)] or [0]
        return min(holds), max(holds)

    def units(self, units: Mapping[str, str]) -> dict[str, str]:
        """The units on the grid, by the units as they are measured: that of a rate for a counter."""
        rates = {name: unit for name, unit in units.items() if self.of(name).type == "counter"}
        plain = {name: unit for name, unit in units.items() if self.of(name).type == "quantity"}
        return plain | {name: f"{unit}/{self.of(name).per}" for name, unit in rates.items()}

    def document(self) -> dict[str, Any]:
        """For ``model.json`` and ``quality.json``: only what is not usual."""
        rules = {**self.named, OTHERS: self.others}
        usual = asdict(SensorRule())
        told = {
            name: {key: value for key, value in asdict(rule).items() if value != usual[key]}
            for name, rule in rules.items()
        }
        return {name: rule for name, rule in told.items() if rule or name in self.named}


def rules_from(document: Mapping[str, Mapping[str, Any]]) -> SensorRules:
    """The reverse of `SensorRules.document`."""
    rules = {name: SensorRule(**rule) for name, rule in document.items()}
    others = rules.pop(OTHERS, SensorRule())
    return SensorRules(rules, others)


def _made(sensor: str, rule: SensorRule) -> tuple[str, ...]:
    return (f"{sensor}.cos", f"{sensor}.sin") if rule.type == "angle" else (sensor,)


# ---------------------------------------------------------------- what is measured → what the grid shows


@dataclass(frozen=True)
class Series:
    """One sensor of the grid, before it is there: ``values`` (n_rows,) on the rows of an asset in time order, NaN where
    none came.

    Of a counter they are rates, ``lasted_us`` (n_rows,) how long each of them lasted [µs], and ``fell`` (n_rows,) says
    where the total was less than before.
    """

    sensor: str
    rule: SensorRule
    values: Float64
    lasted_us: Float64 | None = None
    fell: Bool | None = None


def series_of(
    rules: SensorRules, time_us: Int64, sensors: Sequence[str], values: Float64, hole_us: int
) -> list[Series]:
    """The sensors of the grid, from rows in time order: ``values`` (n_rows, n_sensors), NaN where missing.

    A counter gives no rate over a step longer than ``hole_us`` [µs], unless it is held longer. Raises UsageError where
    two sensors would have one name.
    """
    made = rules.made_of(sensors)
    twice = next((name for name in made if made.count(name) > 1), None)
    if twice is not None:
        raise UsageError(
            f"[sensors.grid]: the angle '{twice[:-4]}' becomes '{twice}', and there is a sensor of that name already. "
            "Rename one of them in [source.columns]."
        )
    return [one for i, sensor in enumerate(sensors) for one in _series(sensor, rules, time_us, values[:, i], hole_us)]


def _series(sensor: str, rules: SensorRules, time_us: Int64, values: Float64, hole_us: int) -> list[Series]:
    rule = rules.of(sensor)
    if rule.type == "angle":
        turned = np.deg2rad(values)
        return [
            Series(name, rule, part)
            for name, part in zip(_made(sensor, rule), (np.cos(turned), np.sin(turned)), strict=True)
        ]
    if rule.type == "counter":
        return [_rate(Series(sensor, rule, values), time_us, hole_us)]
    return [Series(sensor, rule, values)]


def _rate(total: Series, time_us: Int64, hole_us: int) -> Series:
    """The rate of an ever-rising total since its value before, on the row of the later value.

    A fall is the start of another total, of which nothing is known: no rate, unless the counter is known to roll over.
    """
    rule = total.rule
    rows, at, level = _known(time_us, total.values)
    rise, step = np.diff(level), np.diff(at)
    fell = rise < 0
    if rule.rolls_over_at is not None:
        rolled = fell & (level[:-1] <= rule.rolls_over_at)
        rise, fell = np.where(rolled, rise + rule.rolls_over_at, rise), fell & ~rolled
    good = ~fell & (step <= rule.step_us(hole_us))
    rate = np.full(len(time_us), np.nan)
    rate[rows[1:][good]] = rise[good] * (PER_US[rule.per] / step[good])
    lasted = np.zeros(len(time_us))
    lasted[rows[1:][good]] = step[good]
    falls = np.zeros(len(time_us), bool)
    falls[rows[1:][fell]] = True
    return replace(total, values=rate, lasted_us=lasted, fell=falls)


def _known(time_us: Int64, values: Float64) -> tuple[NDArray[np.intp], Int64, Float64]:
    """What is known of a sensor, in time order: rows, times, values; several of one time are their mean, on the first
    row of that time.
    """
    rows = np.flatnonzero(np.isfinite(values))
    at, first, count = np.unique(time_us[rows], return_index=True, return_counts=True)
    if len(at) == len(rows):
        return rows, at, values[rows]
    ordered = values[rows][np.lexsort((values[rows], time_us[rows]))]  # a sum depends on the order of its terms
    return rows[first], at, np.add.reduceat(ordered, first) / count


def counts_until_us(series: Sequence[Series], time_us: Int64) -> Int64:
    """Until when each row (n_rows,) makes rows of the grid where no new ones come [µs]; the far past where it makes
    none.
    """
    until = np.full(len(time_us), FAR_PAST_US, np.int64)
    for one in series:
        if one.rule.span_us:
            until = np.maximum(until, np.where(np.isfinite(one.values), time_us + one.rule.span_us, FAR_PAST_US))
    return until


def on_rows(one: Series, time_us: Int64, row_of: Int64, row_us: Int64) -> Float64:
    """A sensor's values (n_grid,) on grid rows at ``row_us`` (n_grid,) in order, NaN where it has none.

    ``row_of`` (n_rows,) is the place of the grid row that holds each measured row, −1 where none does.
    """
    if one.rule.interpolate == "linear":
        return _between(one, time_us, row_us)
    rows = np.flatnonzero(np.isfinite(one.values) & (row_of >= 0))
    came = _aggregated(one, time_us, rows, row_of[rows], len(row_us))
    if not one.rule.hold_us:
        return came
    _, at, value = _known(time_us, one.values)
    last = np.searchsorted(at, row_us, side="right") - 1
    held = (last >= 0) & (row_us - at[last] <= one.rule.hold_us) if len(at) else np.zeros(len(row_us), bool)
    fill = np.isnan(came) & held
    came[fill] = value[last[fill]]
    return came


def _aggregated(one: Series, time_us: Int64, rows: NDArray[np.intp], row_of: Int64, n_grid: int) -> Float64:
    """What the values of ``rows`` become on the grid rows that hold them (n_grid,)."""
    out = np.full(n_grid, np.nan)
    if not len(rows):
        return out
    values, aggregate = one.values[rows], one.rule.aggregate
    if aggregate in ("last", "sum"):  # of one time there is one value, whatever the order of the files
        kept, _, values = _known(time_us[rows], values)
        row_of = row_of[kept]
    at, first = np.unique(row_of, return_index=True)
    if aggregate == "last":
        out[at] = values[np.r_[first[1:], len(values)] - 1]
    elif one.lasted_us is not None:
        lasted = one.lasted_us[rows]
        out[at] = np.add.reduceat(values * lasted, first) / np.add.reduceat(lasted, first)
    elif aggregate == "mean":
        out[at] = np.add.reduceat(values, first) / np.diff(np.r_[first, len(values)])
    else:
        out[at] = {"max": np.maximum, "min": np.minimum, "sum": np.add}[aggregate].reduceat(values, first)
    return out


def _between(one: Series, time_us: Int64, row_us: Int64) -> Float64:
    """The value ``hold_us`` before each row, on the line between the values before and after it; that before it where
    none had come after it up to the row.
    """
    _, at, value = _known(time_us, one.values)
    if not len(at):
        return np.full(len(row_us), np.nan)
    moment = row_us - one.rule.hold_us
    before = np.searchsorted(at, moment, side="right") - 1
    after = np.minimum(before + 1, len(at) - 1)
    held = (before >= 0) & (moment - at[before] <= one.rule.hold_us)
    line = (after > before) & (at[after] <= row_us)
    share = np.where(line, (moment - at[before]) / np.maximum(at[after] - at[before], 1), 0.0)
    return np.where(held, value[before] + share * (value[after] - value[before]), np.nan)


def carried_on(time_us: Int64, values: Float64, hold_us: int) -> tuple[Float64, Int64]:
    """The value that counts on each row (n_rows,) in time order, and until when it does [µs]: its own, else the last
    one not older than ``hold_us``, the greatest of several of one time; NaN and the far past where there is none.
    """
    rows = np.flatnonzero(np.isfinite(values))
    if not len(rows):
        return np.full(len(values), np.nan), np.full(len(values), FAR_PAST_US, np.int64)
    rows = rows[np.lexsort((values[rows], time_us[rows]))]
    at, value = time_us[rows], values[rows]
    last = np.searchsorted(at, time_us, side="right") - 1
    there = (last >= 0) & (time_us - at[last] <= hold_us)
    held = np.where(there, value[last], np.nan)
    return np.where(np.isfinite(values), values, held), np.where(there, at[last] + hold_us, FAR_PAST_US)
