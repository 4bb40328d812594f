"""Engineering limits: where they are crossed, and when they, or the next severity, are reached."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from anomaly_lstm.delays import Standing
from anomaly_lstm.limits import CANNOT_SAY, UNSEEN, Passage, healthy, passage
from anomaly_lstm.policy import Bound, Policy
from anomaly_lstm.scored_rows import Rows, judged_values, loads_of, onset_of
from anomaly_lstm.tables import SEVERITIES

Float64 = NDArray[np.float64]
Bool = NDArray[np.bool_]


@dataclass(frozen=True)
class Reach:
    """When an alert comes to a bound of a ``sensor`` or to the next ``severity`` if load and trend stay.

    ``level`` in the sensor's unit, or the severity's return period [s]; the passage counts rows from the alert's last.
    """

    sensor: str | None
    severity: str | None
    level: float
    unit: str | None
    passage: Passage


@dataclass(frozen=True)
class Nearing:
    """The row on which a bound of a ``sensor``, at ``level`` in its unit, was forecast within `respond_within`, and the
    median [rows].
    """

    row: int
    sensor: str
    level: float
    p50: float


def bounds_crossed(rows: Rows, policy: Policy) -> Bool:
    """Scored rows (n_rows,) on which a sensor is beyond its bound."""
    crossed = np.zeros(len(rows.time_us), bool)
    for sensor, bound in policy.bounds.items():
        if f"value.{sensor}" in rows.table.column_names:
            crossed |= is_outside(judged_values(rows, sensor), bound)
    return crossed


def is_outside(value: Float64, bound: Bound) -> Bool:
    high = np.inf if bound.high is None else bound.high
    low = -np.inf if bound.low is None else bound.low
    return np.asarray((value > high) | (value < low))


@dataclass(frozen=True)
class Rise:
    """What rises to a level, as `limits.passage` takes it: all with the other sign where it falls."""

    sensor: str | None
    severity: str | None
    value: Float64
    level: float
    told: float


def _to_bounds(rows: Rows, policy: Policy) -> Iterator[Rise]:
    """Every bound of a sensor that the scores hold."""
    for sensor, bound in policy.bounds.items():
        if f"value.{sensor}" in rows.table.column_names:
            value = judged_values(rows, sensor)
            if bound.high is not None:
                yield Rise(sensor, None, value, bound.high, bound.high)
            if bound.low is not None:
                yield Rise(sensor, None, -value, -bound.low, bound.low)


def _to_severity(rows: Rows, policy: Policy, severity: str) -> Iterator[Rise]:
    """A warning, where that is on and next. When rarity comes to a critical limit is not told: its logarithm flattens,
    and of such estimates one in three came true.
    """
    after = "warning"
    if severity == SEVERITIES[0] and after in policy.limits:
        limit_s = policy.limits[after] / 1e6
        yield Rise(None, after, np.log10(rows.return_period_s), float(np.log10(limit_s)), limit_s)


def rises_of(rows: Rows, policy: Policy, severity: str) -> Iterator[Rise]:
    """All that an alert of a severity may come to."""
    yield from _to_bounds(rows, policy)
    yield from _to_severity(rows, policy, severity)


def reaches_of(rows: Rows, policy: Policy, severity: str, onset: int, period_us: int) -> tuple[Reach, ...]:
    """What an alert that stands after the last row comes to, but for bounds that are crossed there."""
    now = len(rows.time_us) - 1
    loads = loads_of(rows)
    out = []
    for rise in rises_of(rows, policy, severity):
        if not rise.value[now] > rise.level:
            context = loads if rise.sensor else loads[:, :0]
            usual = healthy(rise.value, context, onset)
            when = passage(rise.value, usual, onset, now, rise.level, period_us)
            when = Passage(CANNOT_SAY, UNSEEN) if rise.sensor and rows.unseen[now] else when
            unit = policy.units.get(rise.sensor) if rise.sensor else "s"
            out.append(Reach(rise.sensor, rise.severity, rise.told, unit, when))
    return tuple(out)


def bound_is_near(rows: Rows, policy: Policy, stand: Standing, off_rows: int, period_us: int) -> Nearing | None:
    """The first row on which a bound is forecast to be crossed within the time that people need; None without any.

    Looked at when the alert is raised, and again whenever the off-delay, or a twentieth of the time since the onset,
    has gone by: what is told at a row does not depend on how many come after.
    """
    if not policy.respond_within_us:
        return None
    onset, loads = onset_of(rows, stand.begun), loads_of(rows)
    usual = [(rise, healthy(rise.value, loads, onset)) for rise in _to_bounds(rows, policy)]
    now, end = stand.raised, len(rows.time_us) if stand.cleared is None else stand.cleared + 1
    while now < end and usual:
        for rise, normal in usual:
            if rows.unseen[now] or not rise.value[now] <= rise.level:
                continue
            when = passage(rise.value, normal, onset, now, rise.level, period_us)
            if when.p50 is not None and when.p50 * period_us <= policy.respond_within_us:
                return Nearing(now, str(rise.sensor), rise.told, when.p50)
        now += max(1, off_rows, (now - onset) // 20)
    return None
