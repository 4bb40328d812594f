"""Indicators: sensors that drift towards their bounds before there is an alert, and when they come to them.

An indicator is no alarm and calls nobody. A sensor has one while the cumulative sum of its deviation (`drifts`) rises
on the side of a bound as it seldom does in normal operation, and its trend goes on: the same sum says since when, and
the time to the bound is told as that of an alert is (`limits`). How seldom: all bounds of an asset together have as
many false ones as the lowest severity that is on has false alerts. One ends when its sum is nothing again.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from anomaly_lstm import arrow
from anomaly_lstm.alerts import number_words, reach_document, reach_words, tidy, when_words
from anomaly_lstm.bounds import Reach
from anomaly_lstm.clock import iso
from anomaly_lstm.drifts import DOWN, UP, WAYS, Drifts, Sums
from anomaly_lstm.limits import CANNOT_SAY, NO_TREND, RECORD, UNSEEN, Passage, healthy, passage
from anomaly_lstm.policy import Policy, opening_limit_us
from anomaly_lstm.scored_rows import Rows, judged_values, loads_of
from anomaly_lstm.tables import State, scored_sensors
from anomaly_lstm.telemetry import Grid

Float64 = NDArray[np.float64]


@dataclass(frozen=True)
class Drift:
    """A sensor that drifts up or down, its way, towards a bound at ``level`` [its unit], since a grid index; the
    highest sum of it has a return period [s].
    """

    sensor: str
    way: int
    level: float
    onset: int
    return_period_s: float


@dataclass(frozen=True)
class Indicator:
    """What is told of a drift after the last row. Times [µs UTC]; ``value`` and ``expected`` of the last row that was
    judged, in the sensor's unit.
    """

    asset: str
    sensor: str
    onset_us: int
    updated_us: int
    value: float | None
    expected: float | None
    return_period_s: float
    reach: Reach
    period_us: int


def drifts_towards_bounds(drifts: Drifts, sums: Sums, sensors: Sequence[str], policy: Policy) -> list[Drift]:
    """The drifts that stand; ``sensors`` are those of the sums, in their order."""
    sides = [(sensors.index(sensor), way, level) for sensor, way, level in _sides(policy) if sensor in sensors]
    rare_s = opening_limit_us(policy) * len(sides) / 1e6
    found = []
    for place, way, level in sides:
        if sums.now[way, place] > 0 and sums.highest[way, place] >= drifts.limit(way, place, rare_s):
            period_s = drifts.return_period_s(way, place, float(sums.highest[way, place]))
            found.append(Drift(sensors[place], way, level, int(sums.onset[way, place]), period_s))
    return found


def _sides(policy: Policy) -> Iterator[tuple[str, int, float]]:
    """Every bound: of which sensor, on which side, where."""
    for sensor, bound in policy.bounds.items():
        if bound.high is not None:
            yield sensor, UP, bound.high
        if bound.low is not None:
            yield sensor, DOWN, bound.low


def indicators_of(rows: Rows, policy: Policy, found: Sequence[Drift], grid: Grid) -> list[Indicator]:
    """What is told of some drifts of an asset after its last row; those whose trend does not go on are left out.

    ``rows`` begin as far before the onsets as the healthy level is learned from (`limits.RECORD`), or with the asset.
    """
    out = []
    for drift in found:
        onset_us = grid.time_of(drift.onset)
        when = _passage(rows, drift, int(np.searchsorted(rows.time_us, onset_us)), grid.period_us)
        if when.reason == NO_TREND:
            continue
        value, expected = _last_judged(rows, drift.sensor)
        out.append(
            Indicator(
                asset=rows.asset,
                sensor=drift.sensor,
                onset_us=onset_us,
                updated_us=int(rows.time_us[-1]),
                value=value,
                expected=expected,
                return_period_s=drift.return_period_s,
                reach=Reach(drift.sensor, None, drift.level, policy.units.get(drift.sensor), when),
                period_us=grid.period_us,
            )
        )
    return out


def _passage(rows: Rows, drift: Drift, onset: int, period_us: int) -> Passage:
    """When the bound is reached, told after the last row."""
    first = max(0, onset - RECORD)
    rows, onset, sign = rows.part(slice(first, None)), onset - first, WAYS[drift.way]
    value = sign * judged_values(rows, drift.sensor)
    usual = healthy(value, loads_of(rows), onset)
    when = passage(value, usual, onset, len(value) - 1, sign * drift.level, period_us)
    return Passage(CANNOT_SAY, UNSEEN) if rows.unseen[-1] and when.reason != NO_TREND else when


def _last_judged(rows: Rows, sensor: str) -> tuple[float | None, float | None]:
    """The last value that was judged, and what was expected of it."""
    known = np.flatnonzero(np.isfinite(judged_values(rows, sensor)))
    if not len(known):
        return None, None
    value, expected = (rows.table.column(f"{part}.{sensor}")[int(known[-1])].as_py() for part in ("value", "expected"))
    return value, expected


def deviations_of(rows: Rows) -> Float64:
    """Measured − expected (n_rows, n_scored) of stored scores in sensor units; NaN where a row was not judged, or in a
    regime that training never saw, where what is expected is a guess.
    """
    names = scored_sensors(rows.table)
    both = [
        np.column_stack([arrow.to_numpy(rows.table.column(f"{part}.{name}"), np.float64) for name in names])
        for part in ("value", "expected")
    ]
    judged = (rows.state == State.SCORED) & ~rows.unseen
    return np.where(judged[:, None], both[0] - both[1], np.nan)


# ---------------------------------------------------------------- words


def as_document(indicator: Indicator) -> dict[str, Any]:
    """The indicator as in ``alerts.json``: every key there, null where empty, times ISO 8601 with Z."""
    reach = reach_document(indicator.reach, indicator.period_us)
    return {
        "asset": indicator.asset,
        "sensor": indicator.sensor,
        "onset": iso(indicator.onset_us),
        "updated_at": iso(indicator.updated_us),
        "value": tidy(indicator.value),
        "expected": tidy(indicator.expected),
        "return_period_s": tidy(indicator.return_period_s),
        **{key: reach[key] for key in ("level", "unit", "state", "reason", "p10_s", "p50_s", "p90_s")},
        "forecast": _words(indicator),
    }


def soonest_first(documents: Sequence[Mapping[str, Any]]) -> list[Mapping[str, Any]]:
    """Indicators as documents, those that come to their bound first before the others."""
    return sorted(documents, key=lambda one: (one["p50_s"] is None, one["p50_s"] or 0.0, one["asset"], one["sensor"]))


def _words(indicator: Indicator) -> str:
    """What a technician reads: which sensor, since when, how far, and when it reaches its bound."""
    reach = indicator.reach
    unit = f" {reach.unit}" if reach.unit else ""
    start = f"{indicator.sensor} has been moving towards its bound since {when_words(indicator.onset_us)}"
    if indicator.value is not None and indicator.expected is not None:
        gap, side = (
            abs(indicator.value - indicator.expected),
            "above" if indicator.value >= indicator.expected else "below",
        )
        start += f": {number_words(indicator.value)}{unit}, {number_words(gap)}{unit} {side} what is expected"
    return f"{start}. {reach_words(reach, indicator.period_us)}"
