"""Scored rows → alerts with a life: raised, grown, held through missing data, cleared; each with its reason.

An alert depends on stored scores and on the policy only, row by row in time, so it can be recomputed from the scores
table at any time.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from anomaly_lstm import arrow
from anomaly_lstm.clock import format_duration, iso
from anomaly_lstm.delays import Standing, standings
from anomaly_lstm.errors import DataError, UsageError
from anomaly_lstm.tables import SEVERITIES, STATE_NAMES, State, scored_sensors

Float64 = NDArray[np.float64]
Int64 = NDArray[np.int64]
Bool = NDArray[np.bool_]

DAY_US = 86_400_000_000
OFF_DELAY_PERIODS = 10
ONSET_FRACTION = 0.1
"""A deviation has begun where its return period came to stay over this part of the limit."""


@dataclass(frozen=True)
class Bound:
    """An engineering limit of a sensor, in its unit; crossing it makes an alert critical whatever its rarity."""

    low: float | None = None
    high: float | None = None


@dataclass(frozen=True)
class Policy:
    """When an alert is raised and cleared.

    ``limits`` severity → return period [µs], only those that are on; delays [µs] of scored time, ``off_delay_us``
    None = 10 periods; ``deadband`` in log10 of the return period.
    """

    limits: Mapping[str, int] = field(default_factory=lambda: {"advisory": 30 * DAY_US, "warning": 90 * DAY_US})
    on_delay_us: int = 0
    off_delay_us: int | None = None
    deadband: float = 0.2
    bounds: Mapping[str, Bound] = field(default_factory=dict)
    units: Mapping[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        """Refuse limits that do not grow with severity: a warning must be rarer than an advisory."""
        on = [(s, self.limits[s]) for s in SEVERITIES if s in self.limits]
        for (low, a), (high, b) in pairwise(on):
            if b <= a:
                raise UsageError(
                    f"{high} ({format_duration(b)}) must be rarer than {low} ({format_duration(a)}): "
                    f"give --{high} a longer return period, or switch one off."
                )


@dataclass(frozen=True)
class Contribution:
    """One sensor's part in an alert at its peak, values in the sensor's unit."""

    sensor: str
    share: float
    direction: str
    value: float | None
    expected: float | None
    unit: str | None


@dataclass(frozen=True)
class Alert:
    """What is told to a person. Times [µs UTC] on the data's clock."""

    alert_id: str
    kind: str
    asset: str
    severity: str
    active: bool
    unseen: bool
    onset_us: int
    raised_us: int
    updated_us: int
    cleared_us: int | None
    peak_us: int
    peak_score: float
    peak_return_period_s: float
    sensors: tuple[Contribution, ...]
    reason: str
    model_id: str


@dataclass(frozen=True)
class Rows:
    """One asset's rows of a scores table as arrays; score columns NaN unless SCORED."""

    asset: str
    time_us: Int64
    state: NDArray[np.uint8]
    score: Float64
    return_period_s: Float64
    unseen: Bool
    table: pa.Table


def rows_of(table: pa.Table) -> Iterator[Rows]:
    """Split a scores table into its assets, in name order, each sorted by time. Times that repeat keep their last row.

    Raises DataError when a row names no asset.
    """
    names, asset = arrow.codes(table.column("asset"))
    if (asset < 0).any():
        raise DataError("the scores have rows without an asset. Write them anew with `anomaly-lstm score`.")
    time_us = arrow.times_to_numpy(table.column("time"))
    by_asset = np.lexsort((time_us, asset))
    ends = np.searchsorted(asset[by_asset], np.arange(len(names) + 1))
    for place in sorted(range(len(names)), key=names.__getitem__):
        rows = by_asset[ends[place] : ends[place + 1]]
        rows = rows[np.r_[np.diff(time_us[rows]) != 0, True]]
        yield _rows(names[place], time_us[rows], _pick(table, rows))


def _rows(asset: str, time_us: Int64, table: pa.Table) -> Rows:
    codes = arrow.places_in(table.column("state"), STATE_NAMES, empty=State.NO_DATA)
    has_unseen = "unseen" in table.column_names
    return Rows(
        asset=asset,
        time_us=time_us,
        state=codes.astype(np.uint8),
        score=arrow.to_numpy(table.column("score"), np.float64),
        return_period_s=arrow.to_numpy(table.column("return_period_s"), np.float64),
        unseen=arrow.to_numpy(table.column("unseen"), np.bool_) if has_unseen else np.zeros(len(time_us), bool),
        table=table,
    )


def _pick(table: pa.Table, rows: Int64) -> pa.Table:
    """Rows of a table by number; without a copy where they follow each other, as `score` writes them."""
    if (np.diff(rows) == 1).all():
        return table.slice(int(rows[0]), len(rows))
    return table.take(arrow.from_ints(rows))


def alerts_of(rows: Rows, policy: Policy, period_us: int, model_id: str) -> list[Alert]:
    """The alerts of one asset in time order, as they stand after its last row.

    The lowest severity that is on, or a crossed bound, opens an alert; every severity whose own on-delay runs out while
    it stands raises it.
    """
    on_rows = -(-policy.on_delay_us // period_us)
    off_us = policy.off_delay_us if policy.off_delay_us is not None else OFF_DELAY_PERIODS * period_us
    off_rows = -(-off_us // period_us)
    crossed = _bounds_crossed(rows, policy) & (rows.state == State.SCORED)
    rarity = np.nan_to_num(rows.return_period_s, nan=0.0)
    stands: dict[str, list[Standing]] = {}
    lowest_s = min(policy.limits.values(), default=None)
    for severity in SEVERITIES:
        limit_us = policy.limits.get(severity)
        above = rarity >= limit_us / 1e6 if limit_us is not None else np.zeros(len(rarity), bool)
        if severity == "critical" or limit_us == lowest_s:
            above = above | crossed
        below = (
            rarity < limit_us / 1e6 * 10**-policy.deadband if limit_us is not None else np.ones(len(rarity), bool)
        ) & ~crossed
        stands[severity] = standings(above, below, rows.state, on_rows, off_rows)
    opening = next((s for s in SEVERITIES if policy.limits.get(s) == lowest_s and lowest_s is not None), "critical")
    return [
        _alert(rows, policy, stand, _severity(stand, stands, opening), crossed, lowest_s, model_id)
        for stand in stands[opening]
    ]


def _severity(stand: Standing, stands: Mapping[str, Sequence[Standing]], opening: str) -> str:
    """The highest severity whose own on-delay ran out while the alert stood."""
    end = np.inf if stand.cleared is None else stand.cleared
    reached = [s for s in SEVERITIES if s == opening or any(stand.begun <= other.raised <= end for other in stands[s])]
    return reached[-1]


def _alert(
    rows: Rows, policy: Policy, stand: Standing, severity: str, crossed: Bool, lowest_us: int | None, model_id: str
) -> Alert:
    end = len(rows.time_us) - 1 if stand.cleared is None else stand.cleared
    span = slice(stand.begun, end + 1)
    peak = stand.begun + int(np.nanargmax(rows.score[span]))
    begun_us, raised_us = int(rows.time_us[stand.begun]), int(rows.time_us[stand.raised])
    onset = _onset(rows, stand.begun, lowest_us)
    sensors = _contributions(rows, stand.begun, peak, policy)
    bound = _first_bound(rows, policy, stand.begun + int(np.argmax(crossed[span]))) if crossed[span].any() else None
    period_s = float(rows.return_period_s[peak])
    return Alert(
        alert_id=alert_id(rows.asset, "deviation", begun_us),
        kind="deviation",
        asset=rows.asset,
        severity=severity,
        active=stand.cleared is None,
        unseen=bool(rows.unseen[span].any()),
        onset_us=onset,
        raised_us=raised_us,
        updated_us=int(rows.time_us[end]),
        cleared_us=None if stand.cleared is None else int(rows.time_us[stand.cleared]),
        peak_us=int(rows.time_us[peak]),
        peak_score=float(rows.score[peak]),
        peak_return_period_s=period_s,
        sensors=sensors,
        reason=reason(rows.asset, sensors, onset, period_s, bound),
        model_id=model_id,
    )


def alert_id(asset: str, kind: str, begun_us: int) -> str:
    """A stable id from the asset, the kind and the time at which the on-delay first began to count."""
    return hashlib.sha256(f"{asset}\x1f{kind}\x1f{begun_us}".encode()).hexdigest()[:16]


def _onset(rows: Rows, begun: int, limit_us: int | None) -> int:
    """The first row since which the return period stayed over a tenth of the limit; the row itself without a limit."""
    if limit_us is None:
        return int(rows.time_us[begun])
    scored = np.flatnonzero(rows.state[: begun + 1] == State.SCORED)
    quiet = np.flatnonzero(rows.return_period_s[scored] < ONSET_FRACTION * limit_us / 1e6)
    first = quiet[-1] + 1 if len(quiet) else 0
    return int(rows.time_us[scored[min(first, len(scored) - 1)]])


def _bounds_crossed(rows: Rows, policy: Policy) -> Bool:
    crossed = np.zeros(len(rows.time_us), bool)
    for sensor, bound in policy.bounds.items():
        if f"value.{sensor}" in rows.table.column_names:
            crossed |= _outside(arrow.to_numpy(rows.table.column(f"value.{sensor}"), np.float64), bound)
    return crossed


def _outside(value: Float64, bound: Bound) -> Bool:
    high = np.inf if bound.high is None else bound.high
    low = -np.inf if bound.low is None else bound.low
    return np.asarray((value > high) | (value < low))


def _first_bound(rows: Rows, policy: Policy, row: int) -> str | None:
    for sensor, bound in policy.bounds.items():
        if f"value.{sensor}" in rows.table.column_names:
            value = rows.table.column(f"value.{sensor}")[row].as_py()
            if value is not None and bool(_outside(np.array([value]), bound)[0]):
                edge = bound.high if bound.high is not None and value > bound.high else bound.low
                unit = _unit(policy, sensor)
                when = iso(int(rows.time_us[row])).replace("T", " ").replace("Z", " UTC")
                return f"{sensor} went beyond its bound of {_number(edge)}{unit} at {when}"
    return None


def _contributions(rows: Rows, begun: int, peak: int, policy: Policy) -> tuple[Contribution, ...]:
    """All scored sensors, largest share first: the share is the mean from the alert's begin to its peak, where several
    may be out of range alike; value and expected are those of the peak.
    """
    out = []
    for sensor in scored_sensors(rows.table):
        shares = arrow.to_numpy(rows.table.column(f"share.{sensor}").slice(begun, peak - begun + 1), np.float64)
        value, expected = (rows.table.column(f"{part}.{sensor}")[peak].as_py() for part in ("value", "expected"))
        above = value is not None and expected is not None and value >= expected
        direction = "unknown" if value is None or expected is None else "above" if above else "below"
        share = float(np.nanmean(shares)) if np.isfinite(shares).any() else 0.0
        out.append(Contribution(sensor, share, direction, value, expected, policy.units.get(sensor)))
    return tuple(sorted(out, key=lambda c: -c.share))


# ---------------------------------------------------------------- words


def reason(
    asset: str, sensors: Sequence[Contribution], onset_us: int, return_period_s: float, bound: str | None
) -> str:
    """One sentence a technician can act on: which sensor, how far in which direction, since when, how rare."""
    since = iso(onset_us).replace("T", " ").replace("Z", " UTC")
    rare = f"in normal operation this comes about once in {rarity_words(return_period_s)}"
    start = f"{asset}: {bound}; " if bound else f"{asset}: "
    if not sensors:
        return f"{start}unusual behaviour since {since}; {rare}."
    first = sensors[0]
    follows = [s.sensor for s in sensors[1:3] if s.share >= 0.15]
    also = f" ({' and '.join(follows)} too)" if follows else ""
    unit = f" {first.unit}" if first.unit else ""
    if first.value is None or first.expected is None:
        what = f"{first.sensor} is unusual"
    else:
        gap = _number(abs(first.value - first.expected))
        expected = f"the expected {_number(first.expected)}{unit}"
        what = f"{first.sensor} {_number(first.value)}{unit} is {gap}{unit} {first.direction} {expected}"
    return f"{start}{what}{also}, since {since}; {rare}."


def rarity_words(return_period_s: float) -> str:
    """A return period in words a person uses."""
    for size, name in ((365.25 * 86400, "year"), (86400, "day"), (3600, "hour"), (60, "minute"), (1, "second")):
        if return_period_s >= 1.5 * size:
            count = return_period_s / size
            return "more than 1,000 years" if name == "year" and count > 1000 else f"{count:,.0f} {name}s"
    return "a second"


def _unit(policy: Policy, sensor: str) -> str:
    unit = policy.units.get(sensor)
    return f" {unit}" if unit else ""


def _number(value: float | None) -> str:
    return "?" if value is None else f"{value:.4g}"


# ---------------------------------------------------------------- as documents


def as_document(alert: Alert) -> dict[str, Any]:
    """The alert as in ``alerts.json``: every key there, null where empty, times ISO 8601 with Z."""
    return {
        "alert_id": alert.alert_id,
        "kind": alert.kind,
        "asset": alert.asset,
        "severity": alert.severity,
        "active": alert.active,
        "unseen": alert.unseen,
        "acked": False,
        "shelved_until": None,
        "onset": iso(alert.onset_us),
        "raised_at": iso(alert.raised_us),
        "updated_at": iso(alert.updated_us),
        "cleared_at": None if alert.cleared_us is None else iso(alert.cleared_us),
        "peak": {
            "time": iso(alert.peak_us),
            "score": _tidy(alert.peak_score),
            "return_period_s": _tidy(alert.peak_return_period_s),
        },
        "sensors": [
            {
                "sensor": s.sensor,
                "share": round(s.share, 4),
                "direction": s.direction,
                "value": _tidy(s.value),
                "expected": _tidy(s.expected),
                "unit": s.unit,
            }
            for s in alert.sensors
        ],
        "reason": alert.reason,
        "forecast": None,
        "model_id": alert.model_id,
    }


def _tidy(value: float | None) -> float | None:
    """Seven significant digits, all that a 32-bit number of the scores table holds: 6.52, not 6.519999980926514."""
    return None if value is None else float(f"{value:.7g}")
