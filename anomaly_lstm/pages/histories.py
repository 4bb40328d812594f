"""A long history of scores, month by month, as little of it as a page can show: lines thinned for the eye, states
counted, and which sensors made up the strangest rows.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from anomaly_lstm import arrow
from anomaly_lstm.clock import DAY
from anomaly_lstm.pages.report import Alert, Course, Kept, Parts, Rarity
from anomaly_lstm.pages.thinning import thinned
from anomaly_lstm.policy import Policy
from anomaly_lstm.stretches import highest
from anomaly_lstm.tables import STATE_NAMES, State, scored_sensors

Float64 = NDArray[np.float64]
Int64 = NDArray[np.int64]
Bool = NDArray[np.bool_]

POINTS = 1200
"""Of a line: so many over all that was watched, and as many again in what is shown first."""

STATE_BINS, PART_BINS = 600, 240
"""Of the strip of states and of the heat map, as for `POINTS`."""

MOST_SENSORS, MOST_CONTEXTS, MOST_PARTS = 12, 2, 30
"""So many sensors are drawn, contexts among them, and rows of the heat map; the tables have all."""

CALM, CALM_ROWS, LEAST_CALM = 0.1, 1000, 200
"""A row is calm below this part of the lowest limit; so many of a month, evenly spread, tell how errors usually lie,
and so many are needed.
"""


def calm_s(policy: Policy) -> float:
    """Below which return period a row is calm [s]."""
    return CALM * min(policy.limits.values(), default=30 * DAY) / 1e6


@dataclass(frozen=True)
class Scene:
    """What is looked at: [``start_us``, ``end_us``) in all, ``focus_us`` more closely [µs UTC].

    So many missing rows as ``max_hole`` break no line; rows below a return period of ``calm_s`` [s] are calm.
    """

    start_us: int
    end_us: int
    focus_us: tuple[int, int]
    period_us: int
    max_hole: int
    calm_s: float

    def edges(self, most: int) -> Int64:
        """Edges of so many bins over all, and as many again in the focus, none shorter than a period [µs] (n + 1,)."""
        spans = (
            (self.start_us, self.end_us),
            (max(self.focus_us[0], self.start_us), min(self.focus_us[1], self.end_us)),
        )
        grids = []
        for start, end in spans:
            rows = (end - start) // self.period_us
            if rows > 0:
                steps = np.unique(np.linspace(0, rows, min(most, rows) + 1).astype(np.int64))
                grids.append(start - start % self.period_us + steps * self.period_us)
        edges = np.unique(np.concatenate([np.array([self.start_us, self.end_us], np.int64), *grids]))
        return edges[(edges >= self.start_us) & (edges <= self.end_us)]

    def inside(self, time_us: Int64) -> Bool:
        return np.asarray((time_us >= self.focus_us[0]) & (time_us <= self.focus_us[1]))

    def shares(self, time_us: Int64) -> Iterator[tuple[slice, int]]:
        """The parts of some rows in and out of the focus, and how many points of a line each may have."""
        inside = self.inside(time_us)
        edges = np.flatnonzero(np.diff(inside.astype(np.int8))) + 1
        near_us = min(self.focus_us[1], self.end_us) - max(self.focus_us[0], self.start_us)
        far_us = self.end_us - self.start_us - near_us
        for begin, end in zip([0, *edges], [*edges, len(time_us)], strict=True):
            span_us = near_us if len(inside) and inside[begin] else far_us
            rows = max(span_us // self.period_us, 1)
            yield slice(int(begin), int(end)), max(4, round(POINTS * (end - begin) / rows))


@dataclass(frozen=True)
class Seen:
    """A sensor in a month: what is kept of its line, errors of calm rows, its rows, and where lines break."""

    time_us: Int64
    measured: Float64
    expected: Float64
    errors: Float64
    rows: int
    missing: int
    lowest: float
    highest: float
    first_us: int | None
    last_us: int | None
    spacing_us: int


@dataclass(frozen=True)
class Month:
    rarity: Seen
    states: Int64
    once_s: Float64
    share: Float64
    sensors: Mapping[str, Seen]
    scored: Sequence[str]


def month_of(scene: Scene, table: pa.Table) -> Month:
    """What is kept of a month of scores."""
    time_us = arrow.times_to_numpy(table.column("time"))
    state = arrow.places_in(table.column("state"), STATE_NAMES)
    once_s = arrow.to_numpy(table.column("return_period_s"), np.float64)
    scored = scored_sensors(table)
    numbers = [
        field.name for field in table.schema if field.name.startswith("value.") and pa.types.is_floating(field.type)
    ]
    there = (state != State.NO_DATA) & (state >= 0)
    calm = (state == State.SCORED) & (once_s < scene.calm_s)
    none = np.full(len(time_us), np.nan)
    sensors = {}
    for column in numbers:
        name = column.removeprefix("value.")
        measured = arrow.to_numpy(table.column(column), np.float64)
        expected = arrow.to_numpy(table.column(f"expected.{name}"), np.float64) if name in scored else none
        sensors[name] = _seen(scene, time_us, measured, expected, there, calm)
    with np.errstate(divide="ignore"):
        decades = np.log10(once_s)
    rarity = _seen(scene, time_us, decades, none, there, calm)
    strangest_s, share = _strangest(scene, table, time_us, once_s, scored)
    return Month(rarity, _counted(scene, time_us, state), strangest_s, share, sensors, scored)


def _seen(scene: Scene, time_us: Int64, measured: Float64, expected: Float64, there: Bool, calm: Bool) -> Seen:
    finite = np.flatnonzero(np.isfinite(measured))
    steps = np.diff(time_us[finite])
    spacing_us = int(np.median(steps)) if len(steps) else scene.period_us
    kept = [
        part.start + thinned(values[part], most)
        for part, most in scene.shares(time_us)
        for values in (measured, expected)
    ]
    rows = np.unique(np.concatenate(kept)) if kept else np.empty(0, np.int64)
    gaps = finite[:-1][steps > max(scene.max_hole * scene.period_us, 3 * spacing_us) + scene.period_us]
    times = np.concatenate([time_us[rows], time_us[gaps] + scene.period_us])
    order = np.argsort(times, kind="stable")
    broken = np.full(len(gaps), np.nan)
    usual = np.flatnonzero(calm & np.isfinite(measured) & np.isfinite(expected))
    usual = usual[:: max(1, len(usual) // CALM_ROWS)]
    return Seen(
        time_us=times[order],
        measured=np.concatenate([measured[rows], broken])[order],
        expected=np.concatenate([expected[rows], broken])[order],
        errors=measured[usual] - expected[usual],
        rows=int(there.sum()),
        missing=int((there & ~np.isfinite(measured)).sum()),
        lowest=float(measured[finite].min()) if len(finite) else np.nan,
        highest=float(measured[finite].max()) if len(finite) else np.nan,
        first_us=int(time_us[finite[0]]) if len(finite) else None,
        last_us=int(time_us[finite[-1]]) if len(finite) else None,
        spacing_us=spacing_us,
    )


def _counted(scene: Scene, time_us: Int64, state: Int64) -> Int64:
    """Rows of each state in each bin of the strip (n_states, n_bins)."""
    edges = scene.edges(STATE_BINS)
    counts = np.zeros((len(STATE_NAMES), len(edges) - 1), np.int64)
    bins = np.searchsorted(edges, time_us, side="right") - 1
    known = (state >= 0) & (bins >= 0) & (bins < counts.shape[1])
    np.add.at(counts, (state[known], bins[known]), 1)
    return counts


def _strangest(
    scene: Scene, table: pa.Table, time_us: Int64, once_s: Float64, scored: Sequence[str]
) -> tuple[Float64, Float64]:
    """The return period of the strangest row in each bin of the heat map (n_bins,), and the shares in it (n_sensors,
    n_bins); NaN where nothing was scored.
    """
    places = highest(time_us, once_s, scene.edges(PART_BINS))
    filled = places >= 0
    strangest_s, share = np.full(len(places), np.nan), np.full((len(scored), len(places)), np.nan)
    strangest_s[filled] = once_s[places[filled]]
    picked = table.select([f"share.{name}" for name in scored]).take(arrow.from_ints(places[filled]))
    for place, name in enumerate(scored):
        share[place, filled] = arrow.to_numpy(picked.column(f"share.{name}"), np.float64)
    return strangest_s, share


@dataclass(frozen=True)
class History:
    """All months together."""

    rarity: Rarity
    states: Int64
    parts: Parts
    lines: Mapping[str, tuple[Int64, Float64, Float64]]
    bands: Mapping[str, tuple[float, float] | None]
    kept: Sequence[Kept]
    scored: Sequence[str]
    ranked: Sequence[str]

    def course(self, sensor: str, unit: str | None, policy: Policy) -> Course:
        time_us, measured, expected = self.lines[sensor]
        said = expected if sensor in self.scored else None
        return Course(sensor, unit, time_us, measured, said, self.bands[sensor], policy.bounds.get(sensor))


def gathered(scene: Scene, months: Sequence[Month]) -> History:
    scored = list(dict.fromkeys(name for month in months for name in month.scored))
    names = list(dict.fromkeys([*scored, *(name for month in months for name in month.sensors)]))
    seen = {name: [month.sensors[name] for month in months if name in month.sensors] for name in names}
    rarity_us, decades, _ = _joined(scene, [month.rarity for month in months])
    edges = scene.edges(PART_BINS)
    once_s, share = _strangest_of_all(months, scored, len(edges) - 1)
    with np.errstate(invalid="ignore", divide="ignore"):
        decade = np.log10(once_s / (scene.period_us / 1e6))
    middle = (edges[:-1] + edges[1:]) // 2
    weights = np.nan_to_num(share * np.maximum(decade, 0))[:, scene.inside(middle)].sum(axis=1)
    ranked = [scored[place] for place in np.argsort(-weights, kind="stable")]
    top = [scored.index(name) for name in ranked[:MOST_PARTS]]
    return History(
        rarity=Rarity(rarity_us, 10**decades),
        states=np.sum([month.states for month in months], axis=0),
        parts=Parts([scored[place] for place in top], edges, share[top], once_s, len(scored)),
        lines={name: _joined(scene, parts) for name, parts in seen.items()},
        bands={name: _band([part.errors for part in parts]) for name, parts in seen.items()},
        kept=[_kept(name, parts) for name, parts in seen.items()],
        scored=scored,
        ranked=ranked,
    )


def _strangest_of_all(months: Sequence[Month], scored: Sequence[str], n_bins: int) -> tuple[Float64, Float64]:
    """A bin may lie in two months: its strangest row counts."""
    once_s, share = np.full(n_bins, np.nan), np.full((len(scored), n_bins), np.nan)
    for month in months:
        stranger = np.isfinite(month.once_s) & ~(month.once_s <= once_s)
        once_s = np.where(stranger, month.once_s, once_s)
        for place, name in enumerate(month.scored):
            share[scored.index(name), stranger] = month.share[place, stranger]
    return once_s, share


def _joined(scene: Scene, parts: Sequence[Seen]) -> tuple[Int64, Float64, Float64]:
    """One line of several months; it breaks between two where nothing was measured for long."""
    times, measured, expected = [], [], []
    before_us: int | None = None
    for part in parts:
        hole_us = max(scene.max_hole * scene.period_us, 3 * part.spacing_us) + scene.period_us
        if before_us is not None and part.first_us is not None and part.first_us - before_us > hole_us:
            times.append(np.array([before_us + scene.period_us], np.int64))
            measured.append(np.array([np.nan]))
            expected.append(np.array([np.nan]))
        times.append(part.time_us)
        measured.append(part.measured)
        expected.append(part.expected)
        before_us = part.last_us if part.last_us is not None else before_us
    return np.concatenate(times), np.concatenate(measured), np.concatenate(expected)


def _band(errors: Sequence[Float64]) -> tuple[float, float] | None:
    """Where nine in ten errors of calm rows lie; None where there are too few."""
    found = np.concatenate(errors)
    if len(found) < LEAST_CALM:
        return None
    low, high = np.quantile(found, [0.05, 0.95])
    return float(low), float(high)


def _kept(sensor: str, parts: Sequence[Seen]) -> Kept:
    rows = sum(part.rows for part in parts)
    missing = sum(part.missing for part in parts) / rows if rows else 1.0
    lows = [part.lowest for part in parts if np.isfinite(part.lowest)]
    highs = [part.highest for part in parts if np.isfinite(part.highest)]
    last = [part.last_us for part in parts if part.last_us is not None]
    return Kept(sensor, None, missing, min(lows, default=np.nan), max(highs, default=np.nan), max(last, default=None))


def chosen(history: History, alert: Alert | None, context: Sequence[str]) -> list[str]:
    """The sensors that are drawn: those that an alert names, the largest share first, then those that add most to what
    is strange, then some of the context.
    """
    explaining = [name for name in context if name in history.lines][:MOST_CONTEXTS]
    named = [one["sensor"] for one in alert["sensors"]] if alert else []
    comes = [one["sensor"] for one in alert["reaches"] if one["sensor"]] if alert else []
    wanted = [name for name in dict.fromkeys([*named[:3], *comes, *named, *history.ranked]) if name in history.scored]
    return [*wanted[: MOST_SENSORS - len(explaining)], *explaining]
