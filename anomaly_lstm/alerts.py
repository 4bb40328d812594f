"""Scored rows → alerts with a life: raised, grown, held through missing data, cleared; each with its reason.

An alert depends on stored scores and on the policy only, row by row in time, so it can be recomputed from the scores
table at any time.

**An unseen regime.** A row marked ``unseen`` has a context (weather, set-point) or a mode (ore, fuel) that training
never saw, so what was expected there is a guess. It is scored, and it opens and holds alerts like any row, but its
rarity raises none above advisory: a severity above that is reached by the on-delay running out on seen rows alone,
unseen rows over the limit counting neither way. The same goes for the rows right after, while the network may still
expect the regime to go on. With advisory switched off, an alert that reaches the lowest limit that is on by such rows
is told as an advisory all the same: it is neither lost nor a warning. A crossed bound is critical whatever training
saw.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import numpy as np
from numpy.typing import NDArray

from anomaly_lstm import arrow
from anomaly_lstm.actions import NOTHING
from anomaly_lstm.bounds import Nearing, Reach, bounds_crossed, is_outside, reaches_of
from anomaly_lstm.changes import CHANGES, CLEARED, RAISED, RE_RAISED, SEVERITY_DOWN, SEVERITY_UP, Change
from anomaly_lstm.clock import iso
from anomaly_lstm.courses import Course, courses_of
from anomaly_lstm.deviations import held
from anomaly_lstm.limits import BEYOND, PENDING
from anomaly_lstm.modes import Modes
from anomaly_lstm.policy import Policy, unit_words
from anomaly_lstm.scaling import Range
from anomaly_lstm.scored_rows import Rows, judged_values, onset_of
from anomaly_lstm.tables import SEVERITIES, State, scored_sensors
from anomaly_lstm.telemetry import ModeTrack
from anomaly_lstm.words import span as span_words

Float64 = NDArray[np.float64]
Int64 = NDArray[np.int64]
Bool = NDArray[np.bool_]


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
    begun_us: int
    """When the on-delay first began to count."""
    raised_us: int
    updated_us: int
    cleared_us: int | None
    peak_us: int
    peak_score: float
    peak_return_period_s: float
    sensors: tuple[Contribution, ...]
    reason: str
    model_id: str
    severity_now: str | None = None
    """The severity it has after its last row, at most that which it came to; None once it is cleared."""
    reaches: tuple[Reach, ...] = ()
    """What it may come to, while it stands; empty once it is cleared."""
    period_us: int = 0


def alerts_of(
    rows: Rows,
    policy: Policy,
    period_us: int,
    model_id: str,
    seen: Mapping[str, Range] | None = None,
    mode: Modes | None = None,
    since: int = 0,
) -> list[Alert]:
    """The alerts of one asset in time order, as they stand after its last row.

    ``seen`` context → what training saw of it, and the modes it saw: the words for an unseen regime. Rows before
    ``since`` [row], on which nothing may stand nor begin (`rests_at`), raise none: they are there to be looked back at.
    """
    crossed = bounds_crossed(rows, policy)
    regime = _regime(rows, seen or {}, mode)
    return [
        _alert(rows, policy, course, crossed, regime, model_id, period_us)
        for course in courses_of(rows, policy, period_us, since)
    ]


def changes_of(
    rows: Rows,
    policy: Policy,
    period_us: int,
    model_id: str,
    seen: Mapping[str, Range] | None = None,
    mode: Modes | None = None,
    since: int = 0,
    after_us: int | None = None,
) -> list[Change]:
    """What became of the alerts of one asset, in time order: each as it was known at the row it happened on.

    Only what happened after ``after_us`` is told; the other arguments are those of `alerts_of`.
    """
    out: dict[str, Change] = {}
    for course in courses_of(rows, policy, period_us, since):
        for what, at_us in _moments(course):
            if after_us is None or at_us > after_us:
                known = rows.up_to(at_us)
                then = next(c for c in courses_of(known, policy, period_us, since) if c.alert_id == course.alert_id)
                regime = _regime(known, seen or {}, mode)
                alert = _alert(known, policy, then, bounds_crossed(known, policy), regime, model_id, period_us)
                severity = alert.severity_now or alert.severity
                change = Change(what, alert.alert_id, rows.asset, alert.kind, severity, at_us, as_document(alert))
                out[change.change_id] = change
    return sorted(out.values(), key=lambda change: (change.at_us, change.alert_id, CHANGES.index(change.change)))


def _moments(course: Course) -> Iterator[tuple[str, int]]:
    """When an alert was raised, rose, was cleared and came again."""
    for number, (raised, cleared) in enumerate(course.stood_us):
        yield RE_RAISED if number else RAISED, raised
        if cleared is not None:
            yield CLEARED, cleared
    for (_, before), (at_us, severity) in pairwise(course.levels_us):
        rose = SEVERITIES.index(severity) > SEVERITIES.index(before)
        if all(at_us not in stretch for stretch in course.stood_us):
            yield SEVERITY_UP if rose else SEVERITY_DOWN, at_us


@dataclass(frozen=True)
class _Regime:
    """Where an asset met what training never saw.

    ``unseen`` (n_rows,); ``seen`` context → what training saw; ``values`` (n_rows, n_context) its contexts in that
    order, in sensor units, held from value to value. Without ``seen`` or values in the table there are no columns.
    ``mode`` says which modes training saw, ``ran`` (n_rows,) in which one each row was, where there is one.
    """

    unseen: Bool
    seen: Mapping[str, Range]
    values: Float64
    mode: Modes | None = None
    ran: ModeTrack | None = None

    def rows_of(self, begun: int, peak: int, end: int, *, capped: bool) -> Int64:
        """The rows that make an alert an unseen one: those from its begin to its peak, else, if its severity was
        capped, the last one that capped it; empty for an alert on what training saw.
        """
        own = begun + np.flatnonzero(self.unseen[begun : peak + 1])
        return own if len(own) or not capped else np.flatnonzero(self.unseen[: end + 1])[-1:]

    def foreign_mode(self, rows: Int64) -> tuple[str, Modes] | None:
        """The first mode on any of some rows that training never saw, beside those it saw."""
        if self.mode is None or self.ran is None:
            return None
        strange = rows[self.mode.unseen(self.ran)[rows]]
        return (self.ran.names[self.ran.code[strange[0]]], self.mode) if len(strange) else None

    def furthest(self, rows: Int64) -> tuple[str, float] | None:
        """The context furthest outside on any of some rows, in training ranges, and its value there."""
        if not self.values.shape[1]:
            return None
        values = self.values[rows]
        excess = np.column_stack([known.excess(values[:, i]) for i, known in enumerate(self.seen.values())])
        row, context = np.unravel_index(np.argmax(excess), excess.shape)
        return (list(self.seen)[context], float(values[row, context])) if excess[row, context] > 0 else None


def _regime(rows: Rows, seen: Mapping[str, Range], mode: Modes | None) -> _Regime:
    """What a stopped asset measures is no input of the scores, so it is held over as there."""
    known = {name: of for name, of in seen.items() if f"value.{name}" in rows.table.column_names}
    if not rows.unseen.any():
        return _Regime(rows.unseen, {}, np.empty((len(rows.time_us), 0)))
    ran = None
    if mode and f"value.{mode.sensor}" in rows.table.column_names:
        ran = ModeTrack(*arrow.codes(rows.table.column(f"value.{mode.sensor}")))
    if not known:
        return _Regime(rows.unseen, {}, np.empty((len(rows.time_us), 0)), mode, ran)
    values = np.column_stack([arrow.to_numpy(rows.table.column(f"value.{name}"), np.float64) for name in known])
    values[rows.state == State.OUT_OF_STATE] = np.nan
    return _Regime(rows.unseen, known, held(values), mode, ran)


def _alert(
    rows: Rows, policy: Policy, course: Course, crossed: Bool, regime: _Regime, model_id: str, period_us: int
) -> Alert:
    stand, severity = course.stand, course.severity
    end = len(rows.time_us) - 1 if stand.cleared is None else stand.cleared
    span = slice(stand.begun, end + 1)
    peak = stand.begun + int(np.nanargmax(rows.score[span]))
    began = onset_of(rows, stand.begun)
    onset = int(rows.time_us[began])
    reaches = reaches_of(rows, policy, severity, began, period_us) if stand.cleared is None else ()
    sensors = _contributions(rows, stand.begun, peak, policy)
    bound = _first_bound(rows, policy, stand.begun + int(np.argmax(crossed[span]))) if crossed[span].any() else None
    near = course.nearing
    told = bound or (_nearing_words(rows, policy, near, period_us) if near else None)
    period_s = float(rows.return_period_s[peak])
    strange = regime.rows_of(stand.begun, peak, end, capped=course.capped)
    unseen = _unseen_words(regime, strange, policy, severity, told) if len(strange) else None
    return Alert(
        alert_id=course.alert_id,
        kind="deviation",
        asset=rows.asset,
        severity=severity,
        active=stand.cleared is None,
        unseen=len(strange) > 0,
        onset_us=onset,
        begun_us=int(rows.time_us[stand.begun]),
        raised_us=int(rows.time_us[stand.raised]),
        updated_us=int(rows.time_us[end]),
        cleared_us=None if stand.cleared is None else int(rows.time_us[stand.cleared]),
        peak_us=int(rows.time_us[peak]),
        peak_score=float(rows.score[peak]),
        peak_return_period_s=period_s,
        sensors=sensors,
        reason=reason(rows.asset, sensors, onset, period_s, told, unseen),
        model_id=model_id,
        severity_now=course.levels_us[-1][1] if stand.cleared is None else None,
        reaches=reaches,
        period_us=period_us,
    )


def _first_bound(rows: Rows, policy: Policy, row: int) -> str | None:
    for sensor, bound in policy.bounds.items():
        if f"value.{sensor}" in rows.table.column_names:
            value = float(judged_values(rows, sensor)[row])
            if bool(is_outside(np.array([value]), bound)[0]):
                edge = bound.high if bound.high is not None and value > bound.high else bound.low
                unit = unit_words(policy, sensor)
                when = when_words(int(rows.time_us[row]))
                return f"{sensor} went beyond its bound of {number_words(edge)}{unit} at {when}"
    return None


def _nearing_words(rows: Rows, policy: Policy, near: Nearing, period_us: int) -> str:
    when = when_words(int(rows.time_us[near.row]))
    edge = f"{number_words(near.level)}{unit_words(policy, near.sensor)}"
    ahead = span_words(near.p50 * period_us / 1e6)
    return f"at {when} {near.sensor} was {ahead} from its bound of {edge} if load and trend stay"


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


def forecast_words(reaches: Sequence[Reach], period_us: int) -> str | None:
    """What an alert comes to, in sentences; None where there is nothing to come to, or as yet to say."""
    said = [reach_words(reach, period_us) for reach in reaches if reach.passage.state != PENDING]
    return " ".join(said) or None


def reach_words(reach: Reach, period_us: int) -> str:
    when = reach.passage
    unit = f" {reach.unit}" if reach.unit else ""
    what = f"its bound of {number_words(reach.level)}{unit}" if reach.sensor else f"the limit of {reach.severity}"
    who = reach.sensor or "The return period"
    if when.p10 is not None and when.p50 is not None and when.p90 is not None:
        low, middle, high = (span_words(rows * period_us / 1e6) for rows in (when.p10, when.p50, when.p90))
        return f"{who} reaches {what} in {low} to {high} (median {middle}) if load and trend stay."
    if when.state == PENDING:
        return f"When {reach.sensor or 'the return period'} reaches {what}, it is too early to say."
    if when.state == BEYOND:
        return f"{who} does not reach {what} in the time that its trend can tell of."
    subject = reach.sensor or "the return period"
    return f"When {subject} reaches {what}, nobody can say: {when.reason}."


def reason(
    asset: str,
    sensors: Sequence[Contribution],
    onset_us: int,
    return_period_s: float,
    bound: str | None,
    unseen: str | None = None,
) -> str:
    """One sentence a technician can act on: which sensor, how far in which direction, since when, how rare; first the
    ``bound`` that was crossed or near, last in which context training never saw it (``unseen``).
    """
    since = when_words(onset_us)
    rare = f"in normal operation this comes about once in {rarity_words(return_period_s)}"
    rare += f"; {unseen}" if unseen else ""
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
        gap = number_words(abs(first.value - first.expected))
        expected = f"the expected {number_words(first.expected)}{unit}"
        what = f"{first.sensor} {number_words(first.value)}{unit} is {gap}{unit} {first.direction} {expected}"
    return f"{start}{what}{also}, since {since}; {rare}."


def _unseen_words(regime: _Regime, rows: Int64, policy: Policy, severity: str, bound: str | None) -> str:
    """Which mode or context training never saw, and what that does to the severity."""
    foreign, where = regime.foreign_mode(rows), regime.furthest(rows)
    if foreign is not None:
        name, mode = foreign
        start = f"{mode.sensor} {name}, training saw {mode.listed}"
    elif where is None:
        start = "a context was outside what training saw"
    else:
        name, value = where
        known = regime.seen[name]
        word, edge = ("at most", known.high) if value > known.high else ("at least", known.low)
        said, extreme = _apart(value, edge)
        unit = unit_words(policy, name)
        start = f"{name} {said}{unit}, training saw {word} {extreme}{unit}"
    if severity == SEVERITIES[0]:
        return f"{start}: an unseen regime, told as advisory at most"
    if bound and severity == "critical":
        return f"{start}: an unseen regime, but the bound counts all the same"
    reached = "a warning" if severity == "warning" else severity
    return f"{start}: an unseen regime, but the other rows alone make it {reached}"


def _apart(one: float, other: float) -> tuple[str, str]:
    """Two unlike numbers with as many significant digits, four at least, as tell them apart."""
    digits = next((n for n in range(4, 10) if f"{one:.{n}g}" != f"{other:.{n}g}"), 10)
    return f"{one:.{digits}g}", f"{other:.{digits}g}"


def rarity_words(return_period_s: float) -> str:
    """A return period in words a person uses."""
    for size, name in ((365.25 * 86400, "year"), (86400, "day"), (3600, "hour"), (60, "minute"), (1, "second")):
        if return_period_s >= 1.5 * size:
            count = return_period_s / size
            return "1,000 years or more" if name == "year" and count > 1000 else f"{count:,.0f} {name}s"
    return "a second"


def when_words(time_us: int) -> str:
    """A time to the second: ``2026-03-04 09:31:00 UTC``."""
    return iso(time_us).replace("T", " ").replace("Z", " UTC")


def number_words(value: float | None) -> str:
    return "?" if value is None else f"{value:.4g}"


def as_document(alert: Alert) -> dict[str, Any]:
    """The alert as in ``alerts.json``: every key there, null where empty, times ISO 8601 with Z."""
    return {
        "alert_id": alert.alert_id,
        "kind": alert.kind,
        "asset": alert.asset,
        "severity": alert.severity,
        "severity_now": alert.severity_now,
        "active": alert.active,
        "unseen": alert.unseen,
        **NOTHING,
        "onset": iso(alert.onset_us),
        "begun_at": iso(alert.begun_us),
        "raised_at": iso(alert.raised_us),
        "updated_at": iso(alert.updated_us),
        "cleared_at": None if alert.cleared_us is None else iso(alert.cleared_us),
        "peak": {
            "time": iso(alert.peak_us),
            "score": tidy(alert.peak_score),
            "return_period_s": tidy(alert.peak_return_period_s),
        },
        "sensors": [
            {
                "sensor": s.sensor,
                "share": round(s.share, 4),
                "direction": s.direction,
                "value": tidy(s.value),
                "expected": tidy(s.expected),
                "unit": s.unit,
            }
            for s in alert.sensors
        ],
        "reason": alert.reason,
        "forecast": forecast_words(alert.reaches, alert.period_us),
        "reaches": [reach_document(reach, alert.period_us) for reach in alert.reaches],
        "model_id": alert.model_id,
    }


def reach_document(reach: Reach, period_us: int) -> dict[str, Any]:
    """One bound or severity an alert comes to, in seconds from ``updated_at``."""
    when = reach.passage
    quantiles = {name: getattr(when, name) for name in ("p10", "p50", "p90")}
    return {
        "sensor": reach.sensor,
        "severity": reach.severity,
        "level": reach.level,
        "unit": reach.unit,
        "state": when.state,
        "reason": when.reason,
        **{f"{name}_s": None if rows is None else rows * period_us / 1e6 for name, rows in quantiles.items()},
    }


def tidy(value: float | None) -> float | None:
    """Seven significant digits, all that a 32-bit number of the scores table holds: 6.52, not 6.519999980926514."""
    return None if value is None else float(f"{value:.7g}")
