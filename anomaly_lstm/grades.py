"""What each sensor is worth to a model, before anything is learned from it: High, Medium or Low, why, and what helps.

Every measure is taken on the rows in which the asset ran and something was measured, and none of them knows what a
fault looks like: a grade says whether a sensor tells anything, not whether the machine is well. The limits below are
reasons, not fits.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from anomaly_lstm.clock import format_duration
from anomaly_lstm.tables import State
from anomaly_lstm.telemetry import MAX_HOLE, Telemetry, stuck_rows
from anomaly_lstm.words import counted, listed

Float64 = NDArray[np.float64]
Int64 = NDArray[np.int64]
Bool = NDArray[np.bool_]

HIGH, MEDIUM, LOW = "High", "Medium", "Low"
GRADES = (HIGH, MEDIUM, LOW)
"""From best to worst."""

SAMPLE = 50_000
"""Rows, spread evenly, from which distributions and likenesses are found: a quantile of so many is sure to 0.5 %."""

SELDOM, RARELY = 0.95, 0.5
"""A sensor with fewer values than this share of the rows is missing often enough to be told (`learning.SELDOM` says the
same of a context); below half, a row more often lacks it than has it."""

STUCK = 0.01
"""So large a share of stuck rows is a transmitter that hangs, not one long calm night in months."""

WILD_SPREADS = 12.0
"""A value so many spreads from the median and from its neighbours is wild: more than any sensor with a bell-shaped
noise reads in a lifetime, and heavier tails come in several rows."""

WILD = 1e-4
"""One wild value in 10,000 rows, one a week at a minute per row, is a habit of the sensor …"""

LEAST_WILD = 3
"""… if there are several: one may have any cause."""

ALL_NOISE = 0.9
"""Where the noise from row to row is this share of the spread, rows further apart differ no more than neighbours."""

COARSE = 1.0
"""A sensor whose smallest step is larger than its own spread mostly stands still: its steps are all one sees."""

DRIFT = 2.0
"""A level that moved by so many spreads within an eighth of the span, always one way: the rows at the end are then
outside of what the rows at the beginning show (95 % lie within 2 spreads)."""

DRIFT_STEPS, ONE_WAY = 8, 0.9
"""The level is followed over so many parts of the span (`folds.STEPS`), and must rise or fall with so high a rank
correlation: eight unrelated levels do so once in 200."""

ALIKE = 1e-4
"""Two sensors are the same but for scale where one leaves less than this share of the other's variance, a hundredth of
its spread, which is what industrial instruments are accurate to."""

MOST_COMPARED, COMPARED_CELLS = 1000, 2_000_000_000
"""Pairs of sensors are compared up to so many sensors, on as many rows as keep the product of rows and pairs below the
second; beyond, only equal ones are found."""

LEAST_ROWS = 60
"""Fewer rows show nothing but whether there are values."""


@dataclass(frozen=True)
class Remark:
    """One thing that lowers a grade: how far, why, and what helps."""

    grade: str
    reason: str
    advice: str


@dataclass(frozen=True)
class Grade:
    """One sensor of one asset. Shares are of its ``rows`` with something measured while it ran; spreads are robust.

    ``gaps`` stretches of more than `MAX_HOLE` rows without a value, the longest of them ``longest_gap_us`` [µs];
    ``noise`` from row to row and ``resolution`` (its smallest step) in spreads of the sensor; ``drift`` of its level
    over the span, in spreads within an eighth of it; ``values`` how many distinct ones a sample holds; ``twin`` a
    sensor before it that reads the same.
    """

    asset: str
    sensor: str
    rows: int
    coverage: float
    gaps: int = 0
    longest_gap_us: int = 0
    values: int = 0
    low: float | None = None
    median: float | None = None
    high: float | None = None
    stuck: float = 0.0
    wild: float = 0.0
    noise: float = 0.0
    resolution: float = 0.0
    drift: float = 0.0
    twin: str | None = None
    twin_is_equal: bool = False
    context: bool = False
    """It explains others and is not scored: that it moves in steps is no fault of it."""
    remarks: tuple[Remark, ...] = field(default=())

    @property
    def grade(self) -> str:
        """The worst of its remarks."""
        return max((r.grade for r in self.remarks), key=GRADES.index, default=HIGH)

    def document(self) -> dict[str, Any]:
        """As in ``quality.json``."""
        return {"asset": self.asset, "sensor": self.sensor, "grade": self.grade, **asdict(self)}


def grade_from(document: Mapping[str, Any]) -> Grade:
    """The reverse of `Grade.document`."""
    content = {name: value for name, value in document.items() if name != "grade"}
    return Grade(**{**content, "remarks": tuple(Remark(**remark) for remark in document["remarks"])})


def grade_sensors(assets: Sequence[Telemetry], keep: Sequence[Bool] = (), context: Sequence[str] = ()) -> list[Grade]:
    """Grade every sensor of every asset on its rows to be scored, or those of them that ``keep`` (one mask per asset)
    leaves; ``context`` names sensors that are not scored.
    """
    masks = keep or [np.ones(len(asset), bool) for asset in assets]
    return [grade for asset, mask in zip(assets, masks, strict=True) for grade in _of_asset(asset, mask, set(context))]


def _of_asset(asset: Telemetry, keep: Bool, context: set[str]) -> list[Grade]:
    rows = np.flatnonzero(keep & (asset.state == State.SCORED))
    index, some = asset.index[rows], rows[_spread_evenly(len(rows))]
    twins = _twins(asset.values[some], asset.sensors)
    grades = []
    for place, sensor in enumerate(asset.sensors):
        twin, equal = twins.get(place, (None, False))
        found = _measured(asset, sensor, index, asset.values[rows, place])
        found = replace(found, twin=twin, twin_is_equal=equal, context=sensor in context)
        grades.append(replace(found, remarks=tuple(_remarks(found))))
    return grades


def _measured(asset: Telemetry, sensor: str, index: Int64, column: Float64) -> Grade:
    """All that can be counted of one sensor: ``column`` (n_rows,) at grid ``index``."""
    known = np.isfinite(column)
    values, n_rows = (column if known.all() else column[known]), len(column)
    gaps, longest = _gaps(known, index)
    grade = Grade(asset.asset, sensor, n_rows, len(values) / max(1, n_rows), gaps, longest * asset.grid.period_us)
    if not len(values):
        return grade
    sample = np.sort(values[_spread_evenly(len(values))])
    distinct = sample[np.r_[True, np.diff(sample) > 0]]
    low, median, high = float(values.min()), float(sample[len(sample) // 2]), float(values.max())
    grade = replace(grade, values=len(distinct) if low < high else 1, low=low, median=median, high=high)
    spread = float(_spread(sample))
    if len(values) < LEAST_ROWS or low == high or not spread > 0:
        return grade
    return replace(
        grade,
        stuck=stuck_rows(values)[1] / len(values),
        wild=_wild(values, median, spread),
        noise=_noise(values) / spread,
        resolution=_smallest_step(distinct) / spread,
        drift=_drift(values, spread),
    )


def _spread_evenly(n_rows: int) -> Int64:
    """At most `SAMPLE` row numbers."""
    return np.linspace(0, n_rows - 1, min(n_rows, SAMPLE)).astype(np.int64)


def _spread(ordered: Float64) -> Float64:
    """The standard deviation of the bell curve with the quartiles of values in order (…, n_values), or a quarter of
    their own for one that mostly rests, as in `scaling`.
    """
    n_values = ordered.shape[-1]
    quartiles = ordered[..., 3 * n_values // 4] - ordered[..., n_values // 4]
    return np.asarray(np.maximum(quartiles / 1.349, 0.25 * ordered.std(axis=-1)))


def _gaps(known: Bool, index: Int64) -> tuple[int, int]:
    """How many stretches of more than `MAX_HOLE` rows have no value of the sensor though others have, and the longest
    [periods]. Where nothing at all was measured is a gap of the asset.
    """
    if known.all():
        return 0, 0
    edges = np.flatnonzero(np.diff(np.r_[True, known, True]))
    first, last = edges[::2], edges[1::2] - 1
    return int((last - first >= MAX_HOLE).sum()), int((index[last] - index[first] + 1).max())


def _wild(values: Float64, median: float, spread: float) -> float:
    """Share of values far from the median that stand alone or in pairs: a step, or an excursion that lasts, is none."""
    reach = WILD_SPREADS * spread
    if values.min() >= median - reach and values.max() <= median + reach:
        return 0.0
    far = np.abs(values - median) > reach
    around = np.pad(values, 2, mode="reflect")
    before, here, after = around[:-4], values, around[4:]
    usual = np.maximum(np.minimum(before, here), np.minimum(np.maximum(before, here), after))  # the middle of the three
    wild = far & (np.abs(here - usual) > reach)
    return float(wild.mean()) if wild.sum() >= LEAST_WILD else 0.0


def _noise(values: Float64) -> float:
    """The standard deviation of what one row does not share with its neighbours, from second differences: a slope or a
    slow wave has none (T. Gasser et al., 1986).
    """
    some = _spread_evenly(len(values) - 2)
    second = np.abs(values[some] - 2 * values[some + 1] + values[some + 2])
    return float(np.median(second)) / (0.6745 * math.sqrt(6))


def _smallest_step(distinct: Float64) -> float:
    """The smallest difference of sorted distinct values that is no rounding of floats."""
    steps = np.diff(distinct)
    steps = steps[steps > 1e-7 * max(abs(float(distinct[0])), abs(float(distinct[-1])))]
    return float(steps.min()) if len(steps) else 0.0


def _drift(values: Float64, spread: float) -> float:
    """How far the level went one way over the span, in spreads within an eighth of it, a hundredth of the whole
    ``spread`` at least; 0 where it went to and fro.
    """
    if len(values) < DRIFT_STEPS * LEAST_ROWS:
        return 0.0
    some = values[_spread_evenly(len(values))]
    parts = np.sort(some[: len(some) // DRIFT_STEPS * DRIFT_STEPS].reshape(DRIFT_STEPS, -1), axis=1)
    levels, within = parts[:, parts.shape[1] // 2], float(np.median(_spread(parts)))
    ranks = np.argsort(np.argsort(levels))
    if levels.max() == levels.min() or abs(np.corrcoef(ranks, np.arange(len(ranks)))[0, 1]) < ONE_WAY:
        return 0.0
    return float(abs(levels[-1] - levels[0])) / max(within, spread / 100)


def _twins(sample: Float64, sensors: Sequence[str]) -> dict[int, tuple[str, bool]]:
    """Place of a sensor → the first one before it that reads the same, and whether it is equal in every row; ``sample``
    (n_rows, n_sensors).
    """
    known = np.isfinite(sample)
    rows = sample[known[:, known.any(axis=0)].all(axis=1)]
    if len(rows) < LEAST_ROWS:
        return {}
    least, most = np.nan_to_num(rows.min(axis=0)), np.nan_to_num(rows.max(axis=0))
    moving = np.flatnonzero(most - least > 1e-9 * np.maximum(np.abs(least), np.abs(most)))
    found = {int(place): (sensors[first], False) for place, first in _alike(rows[:, moving], moving)}
    first_of: dict[bytes, int] = {}
    for place in moving.tolist():
        first = first_of.setdefault(rows[:, place].tobytes(), place)
        found |= {place: (sensors[first], True)} if first != place else {}
    return found


def _alike(rows: Float64, places: Int64) -> list[tuple[int, int]]:
    """Sensors that are the same but for scale, each with the first one it is like, by their ``places`` (n_sensors,);
    ``rows`` (n_rows, n_sensors).
    """
    n_sensors = rows.shape[1]
    if not 1 < n_sensors <= MOST_COMPARED:
        return []
    n_rows = max(LEAST_ROWS, COMPARED_CELLS // n_sensors**2)
    some = rows if len(rows) <= n_rows else rows[np.linspace(0, len(rows) - 1, n_rows).astype(np.int64)]
    spread = some.std(axis=0)
    scaled = (some - some.mean(axis=0)) / np.where(spread > 0, spread, 1.0)
    unlike = 1 - (scaled.T @ scaled / len(some)) ** 2
    pairs = ((later, np.flatnonzero(unlike[later, :later] < ALIKE)) for later in range(1, n_sensors))
    return [(int(places[later]), int(places[close[0]])) for later, close in pairs if len(close) and spread[later] > 0]


def _remarks(g: Grade) -> Iterable[Remark]:
    """What lowers a grade, the worst first."""
    leave_out = f"leave it out with --exclude {as_option(g.sensor)}"
    if g.rows and not g.coverage:
        yield Remark(LOW, "it has no value", leave_out)
        return
    if g.rows < LEAST_ROWS:
        yield Remark(LOW, f"there are only {counted(g.rows, 'row')} while the asset ran", "give a longer span")
        return
    if g.values == 1:
        yield Remark(LOW, f"it reads {g.low:g} all the time", leave_out)
        return
    explain = "" if g.context else f", or if it explains the others, declare it with --context {as_option(g.sensor)}"
    if g.twin and g.twin_is_equal:
        yield Remark(LOW, f"it equals '{g.twin}'", leave_out)
    if g.stuck > RARELY and not g.context:
        yield Remark(LOW, f"it is stuck in {_percent(g.stuck)} of the rows", leave_out)
    held = "if the historian stores changes only, give it a hold in [sensors.grid], else " + leave_out
    if g.coverage < RARELY:
        yield Remark(LOW, f"only {_percent(g.coverage)} of the rows have a value", held)
    elif g.coverage < SELDOM:
        longest = f", the longest gap {format_duration(g.longest_gap_us)}" if g.gaps else ""
        yield Remark(MEDIUM, f"{_percent(1 - g.coverage)} of the rows have no value{longest}", held)
    if g.twin and not g.twin_is_equal:
        yield Remark(MEDIUM, f"but for scale it is '{g.twin}'", leave_out + explain)
    if STUCK < g.stuck <= RARELY and not g.context:
        stuck = f"it is stuck at one value for long in {_percent(g.stuck)} of the rows"
        yield Remark(MEDIUM, stuck, "tell those times as an event of kind ignore, or have the transmitter looked at")
    if g.wild > WILD and g.values > 2:
        often = f"{_percent(g.wild)} of its values lie alone and far outside the others ({g.low:g} to {g.high:g})"
        yield Remark(MEDIUM, often, "look at the transmitter and its wiring, and whether a number stands for 'bad'")
    if g.values == 2 and not g.context:
        yield Remark(MEDIUM, f"it reads {g.low:g} or {g.high:g} and nothing else, like a switch", leave_out + explain)
    elif g.resolution > COARSE and not g.context:
        steps = f"its smallest step is {g.resolution:.1f} times its spread"
        yield Remark(MEDIUM, steps, f"have it stored with more digits{explain}")
    elif g.noise > ALL_NOISE and not g.context:
        yield Remark(MEDIUM, "it moves by chance from row to row and by nothing else", "a longer --period averages it")
    if g.drift > DRIFT:
        drifted = f"its level went one way over the span, by {g.drift:.1f} times what it varies by meanwhile"
        yield Remark(MEDIUM, drifted, f"begin later with --start if it is not so any more{explain}")


def _percent(share: float) -> str:
    text = f"{100 * share:.0f}" if share >= 0.095 else f"{100 * share:.1g}"
    return "nearly 100 %" if text == "100" and share < 1 else f"{text} %"


def as_option(sensor: str) -> str:
    """A sensor's name as it stands in a list of names of the command line."""
    return f"'\"{sensor}\"'" if "," in sensor else f"'{sensor}'" if not sensor.replace("_", "").isalnum() else sensor


# ---------------------------------------------------------------- of all assets together


@dataclass(frozen=True)
class Told:
    """What is not High, of one sensor: on which assets, for which reason, and what helps."""

    sensor: str
    grade: str
    assets: tuple[str, ...]
    of: int
    """Assets that were graded."""
    reason: str
    advice: str

    @property
    def words(self) -> str:
        """One line."""
        where = "" if len(self.assets) == self.of else f" on {listed(self.assets, 3)}"
        return f"{self.grade}: '{self.sensor}'{where}: {self.reason}; {self.advice}."


def by_sensor(grades: Sequence[Grade]) -> dict[str, list[Grade]]:
    """Sensor → its grades on all assets."""
    found: dict[str, list[Grade]] = {}
    for grade in grades:
        found.setdefault(grade.sensor, []).append(grade)
    return found


def not_high(grades: Sequence[Grade]) -> list[Told]:
    """The sensors that are not High on some asset, a line each, the worst first: with the commonest of their worst
    remarks.
    """
    n_assets = len({g.asset for g in grades})
    told = []
    for sensor, own in by_sensor(grades).items():
        lowered = [g for g in own if g.remarks]
        if not lowered:
            continue
        worst = max((g.grade for g in lowered), key=GRADES.index)
        first = {g.asset: next(r for r in g.remarks if r.grade == worst) for g in lowered if g.grade == worst}
        advice = Counter(r.advice for r in first.values()).most_common(1)[0][0]
        reason = next(r.reason for r in first.values() if r.advice == advice)
        told.append(Told(sensor, worst, tuple(first), n_assets, reason, advice))
    return sorted(told, key=lambda t: -GRADES.index(t.grade))


def all_low(grades: Sequence[Grade]) -> bool:
    """Is there nothing to learn from: is every sensor that is to be scored Low on every asset?"""
    return all(g.grade == LOW for g in grades if not g.context)
