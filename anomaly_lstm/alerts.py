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

import hashlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import pairwise
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from anomaly_lstm import arrow
from anomaly_lstm.actions import NOTHING
from anomaly_lstm.blocks import smooth
from anomaly_lstm.changes import CHANGES, CLEARED, RAISED, RE_RAISED, SEVERITY_DOWN, SEVERITY_UP, Change
from anomaly_lstm.clock import format_duration, iso
from anomaly_lstm.delays import DEADBAND, OFF_ROWS, REOPENS, Standing, ran_out, standings
from anomaly_lstm.deviations import held
from anomaly_lstm.errors import DataError, UsageError
from anomaly_lstm.limits import BEYOND, CANNOT_SAY, PENDING, UNSEEN, Passage, healthy, passage
from anomaly_lstm.modes import Modes
from anomaly_lstm.scaling import Range
from anomaly_lstm.tables import SEVERITIES, STATE_NAMES, State, scored_sensors
from anomaly_lstm.telemetry import ModeTrack
from anomaly_lstm.words import span as span_words

Float64 = NDArray[np.float64]
Int64 = NDArray[np.int64]
Bool = NDArray[np.bool_]

DAY_US = 86_400_000_000
FORGETS, REMEMBERED = 128.0, 1 / 6
"""Half-life [rows] and share of a mean of unseen rows: above it, what follows them is held for a guess as they are."""

ONSET_ROWS = 2000
"""How far back the begin of a deviation is looked for [scored rows]."""

ONSET_DECADES = 1.0
"""How much rarer than usual [log10 of the return period] the rows of a deviation are at least."""


@dataclass(frozen=True)
class Bound:
    """An engineering limit of a sensor, in its unit; crossing it makes an alert critical whatever its rarity."""

    low: float | None = None
    high: float | None = None


@dataclass(frozen=True)
class Policy:
    """When an alert is raised and cleared.

    ``limits`` severity → return period [µs], only those that are on; delays [µs] of scored time, ``off_delay_us``
    None = 10 periods; ``deadband`` in log10 of the return period. A bound that is forecast to be crossed within
    ``respond_within_us`` makes an alert critical; 0 = only a bound that was crossed does.
    """

    limits: Mapping[str, int] = field(default_factory=lambda: {"advisory": 30 * DAY_US, "warning": 90 * DAY_US})
    on_delay_us: int = 0
    off_delay_us: int | None = None
    deadband: float = DEADBAND
    bounds: Mapping[str, Bound] = field(default_factory=dict)
    units: Mapping[str, str] = field(default_factory=dict)
    respond_within_us: int = 0

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


@dataclass(frozen=True)
class Nearing:
    """The row on which a bound of a ``sensor``, at ``level`` in its unit, was forecast within `respond_within`, and the
    median [rows].
    """

    row: int
    sensor: str
    level: float
    p50: float


@dataclass(frozen=True)
class Course:
    """An alert without its words: when it stood, and which severity it came to when."""

    alert_id: str
    asset: str
    severity: str
    capped: bool
    """An unseen regime kept it from a higher one."""
    stand: Standing
    reached_us: Mapping[str, int]
    """Severity → when it had come to at least that [µs UTC]: the lowest when it was raised."""
    stood_us: tuple[tuple[int, int | None], ...]
    """When it stood: from raised, or opened again, to cleared; None = still standing [µs UTC]."""
    levels_us: tuple[tuple[int, str], ...]
    """Which severity it had from when on while it stood [µs UTC]: it falls where its limit was passed for the
    off-delay."""
    nearing: Nearing | None = None


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

    def up_to(self, time_us: int) -> Rows:
        """The rows up to a time, as they were known then."""
        end = int(np.searchsorted(self.time_us, time_us, side="right"))
        return replace(
            self,
            time_us=self.time_us[:end],
            state=self.state[:end],
            score=self.score[:end],
            return_period_s=self.return_period_s[:end],
            unseen=self.unseen[:end],
            table=self.table.slice(0, end),
        )


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
    crossed = _bounds_crossed(rows, policy)
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
                alerts = alerts_of(known, policy, period_us, model_id, seen, mode, since)
                alert = next(one for one in alerts if one.alert_id == course.alert_id)
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


def courses_of(rows: Rows, policy: Policy, period_us: int, since: int = 0) -> list[Course]:
    """When the alerts of one asset stood, in time order, and how severe they were; see `alerts_of` for ``since``.

    The lowest severity that is on, or a crossed bound, opens an alert; every severity whose own on-delay runs out while
    it stands raises it, above advisory on seen rows only.
    """
    on_rows = -(-policy.on_delay_us // period_us)
    off_us = policy.off_delay_us if policy.off_delay_us is not None else OFF_ROWS * period_us
    crossed = _bounds_crossed(rows, policy)
    opening = next((severity for severity in SEVERITIES if severity in policy.limits), "critical")
    above = {s: _above(rows, policy, s) | (crossed & (s in {opening, "critical"})) for s in SEVERITIES}
    for rising in above.values():
        rising[:since] = False
    below = ~_above(rows, policy, opening, policy.deadband) & ~crossed
    foreign = rows.unseen | _remembering(rows)
    reached = {s: ran_out(above[s], rows.state, on_rows) for s in SEVERITIES}
    alone = {s: ran_out(above[s], _without(rows.state, foreign & above[s] & ~crossed), on_rows) for s in SEVERITIES}
    off_rows = -(-off_us // period_us)
    stands = standings(above[opening], below, rows.state, on_rows, off_rows)
    higher: dict[str, list[Standing]] = {}
    for severity in SEVERITIES[SEVERITIES.index(opening) + 1 :] if stands else ():
        state = _without(rows.state, foreign & above[severity] & ~crossed)
        under = ~_above(rows, policy, severity, policy.deadband) & ~(crossed & (severity == "critical"))
        higher[severity] = standings(above[severity], under, state, on_rows, off_rows)
    out = []
    for stand in _reopened(stands, rows, reopens_within_us(policy)):
        near = _bound_is_near(rows, policy, stand, off_rows, period_us)
        counted = _with_bound(alone, near)
        severity = _severity(counted, stand)
        own_id = alert_id(rows.asset, "deviation", int(rows.time_us[stand.begun]))
        capped = near is None and severity != _severity(reached, stand)
        reached_us, stood_us = _reached_us(rows, counted, stand), _stood_us(rows, stand, stands)
        levels_us = _levels_us(rows, higher, reached_us, stood_us, near)
        out.append(Course(own_id, rows.asset, severity, capped, stand, reached_us, stood_us, levels_us, near))
    return out


def _levels_us(
    rows: Rows,
    higher: Mapping[str, Sequence[Standing]],
    reached_us: Mapping[str, int],
    stood_us: Sequence[tuple[int, int | None]],
    near: Nearing | None,
) -> tuple[tuple[int, str], ...]:
    """Which severity an alert had from when on while it stood; one whose bound is near stays critical."""
    end = len(rows.time_us)
    raised_us = stood_us[0][0]
    lowest = max((s for s, at_us in reached_us.items() if at_us <= raised_us and s not in higher), key=SEVERITIES.index)
    spans = [(s, one.raised, end if one.cleared is None else one.cleared) for s in higher for one in higher[s]]
    spans += [("critical", near.row, end)] if near else []
    levels: list[tuple[int, str]] = []
    for begin_us, end_us in stood_us:
        begin = int(np.searchsorted(rows.time_us, begin_us))
        last = end if end_us is None else int(np.searchsorted(rows.time_us, end_us))
        edges = {begin, *(edge for _, start, stop in spans for edge in (start, stop) if begin < edge < last)}
        for row in sorted(edges):
            having = [s for s, start, stop in spans if start <= row < stop]
            severity = max([lowest, *having], key=SEVERITIES.index)
            if row == begin or severity != levels[-1][1]:
                levels.append((int(rows.time_us[row]), severity))
    return tuple(levels)


def _reached_us(rows: Rows, alone: Mapping[str, Bool], stand: Standing) -> dict[str, int]:
    """Severity → when the alert came to at least that [µs]; those it never came to are left out."""
    end = len(rows.time_us) if stand.cleared is None else stand.cleared + 1
    since = end
    reached: dict[str, int] = {}
    for severity in reversed(SEVERITIES):
        own = np.flatnonzero(alone[severity][stand.begun : end])
        first = stand.begun + int(own[0]) if len(own) else end
        since = min(since, max(stand.raised, first)) if severity != SEVERITIES[0] else stand.raised
        reached |= {severity: int(rows.time_us[since])} if since < end else {}
    return reached


def _stood_us(rows: Rows, alert: Standing, stands: Sequence[Standing]) -> tuple[tuple[int, int | None], ...]:
    """The stretches of an alert that was opened again: those parts of what stood that belong to it."""
    end = len(rows.time_us)
    ends = [(s.raised, end if s.cleared is None else s.cleared) for s in (alert, *stands)]
    (first, last), *others = ends
    parts = [(max(first, raised), min(last, cleared)) for raised, cleared in others]
    time_us = rows.time_us
    return tuple(
        (int(time_us[raised]), None if cleared == end else int(time_us[cleared]))
        for raised, cleared in parts
        if raised < cleared
    )


def _reopened(stands: Sequence[Standing], rows: Rows, within_us: float) -> list[Standing]:
    """A deviation of the same sensor that comes again soon and no stranger than it was told is the same alert, open
    once more.

    Of two alerts closer than a tenth of the limit's return period, the second is with nine chances in ten no new event
    (Poisson). From the row on which it is stranger than all before, it is news: the old alert ends, a new one begins.
    """
    out: list[Standing] = []
    for stand in stands:
        last = out[-1] if out else None
        if last is None or last.cleared is None or not _comes_again(rows, last, stand, within_us):
            out.append(stand)
            continue
        told = np.nanmax(rows.score[last.begun : last.cleared + 1])
        end = len(rows.score) if stand.cleared is None else stand.cleared + 1
        stranger = np.flatnonzero(rows.score[stand.begun : end] > told)
        news = int(stand.begun + stranger[0]) if len(stranger) else None
        if news is None:
            out[-1] = Standing(last.begun, last.raised, stand.cleared)
        elif news <= stand.raised:
            out.append(stand)
        else:
            out[-1] = Standing(last.begun, last.raised, news)
            out.append(Standing(news, news, stand.cleared))
    return out


def _comes_again(rows: Rows, last: Standing, stand: Standing, within_us: float) -> bool:
    """Soon, and led by the sensor that led before; judged by what was known when it was raised."""
    assert last.cleared is not None
    if rows.time_us[stand.raised] - rows.time_us[last.cleared] > within_us:
        return False
    return _leading(rows, last.begun, last.cleared) == _leading(rows, stand.begun, stand.raised)


def _leading(rows: Rows, first: int, last: int) -> str | None:
    """The sensor with the largest share of the evidence on some rows; None in a table without shares."""
    own = rows.table.slice(first, last - first + 1)
    share = {s: np.nansum(arrow.to_numpy(own.column(f"share.{s}"), np.float64)) for s in scored_sensors(own)}
    return max(share, key=lambda s: share[s], default=None)


def rests_at(rows: Rows, policy: Policy) -> Bool:
    """Scored rows (n_rows,) under the lowest limit and within all bounds: on them no alert begins, and one that stands
    counts towards its end.
    """
    opening = next((severity for severity in SEVERITIES if severity in policy.limits), "critical")
    over = _above(rows, policy, opening) | _bounds_crossed(rows, policy)
    return np.asarray((rows.state == State.SCORED) & ~over)


def reopens_within_us(policy: Policy) -> float:
    """For how long after it was cleared an alert may open again [µs]."""
    opening = next((severity for severity in SEVERITIES if severity in policy.limits), "critical")
    return REOPENS * policy.limits.get(opening, 0)


def _above(rows: Rows, policy: Policy, severity: str, deadband: float = 0.0) -> Bool:
    """Rows (n_rows,) over the limit of a severity, or not under it by the deadband; none where it is off."""
    limit_us = policy.limits.get(severity, np.inf)
    return np.asarray(np.nan_to_num(rows.return_period_s) >= limit_us / 1e6 * 10**-deadband)


def _severity(reached: Mapping[str, Bool], stand: Standing) -> str:
    """The highest severity whose own on-delay ran out while the alert stood; the least that is told, advisory."""
    end = None if stand.cleared is None else stand.cleared + 1
    return next((s for s in reversed(SEVERITIES) if reached[s][stand.begun : end].any()), SEVERITIES[0])


def _without(state: NDArray[np.uint8], rows: Bool) -> NDArray[np.uint8]:
    """States in which some rows hold what stands and count neither way, as rows without data do."""
    return np.where(rows, np.uint8(State.NO_DATA), state)


def _remembering(rows: Rows) -> Bool:
    """Rows (n_rows,) that follow an unseen regime so closely that the network may still expect it to go on: those with
    a share of unseen rows, in a mean that forgets, of more than `REMEMBERED`. That is up to 331 rows after a long
    regime, none after a few rows. A network starts anew at each stretch, which begins with WARM_UP.
    """
    share = np.zeros((len(rows.time_us), 1))
    if rows.unseen.any():
        scored = np.flatnonzero(rows.state == State.SCORED)
        starts = np.unique(np.searchsorted(scored, np.flatnonzero(rows.state == State.WARM_UP)))
        for part in np.split(scored, starts):
            share[part] = smooth(rows.unseen[part, None].astype(np.float64), FORGETS, np.zeros(1))
    return np.asarray(share[:, 0] > REMEMBERED)


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
    reaches = _reaches(rows, policy, severity, began, period_us) if stand.cleared is None else ()
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


def alert_id(asset: str, kind: str, begun_us: int) -> str:
    """A stable id from the asset, the kind and the time at which the on-delay first began to count."""
    return hashlib.sha256(f"{asset}\x1f{kind}\x1f{begun_us}".encode()).hexdigest()[:16]


def onset_of(rows: Rows, begun: int) -> int:
    """The row on which the deviation began, by a cumulative sum (E. S. Page, 1954; D. V. Hinkley, 1970).

    log10 of the return period is summed over up to `ONSET_ROWS` scored rows of the stretch up to ``begun``, less
    what is usual among them (their median) and one: rows ten times rarer than usual count for a deviation, all others
    against it. It began after the lowest sum. No row after ``begun`` is read, so an onset never changes.
    """
    first = int(np.flatnonzero(np.r_[True, rows.state[:begun] == State.WARM_UP])[-1])
    scored = first + np.flatnonzero(rows.state[first : begun + 1] == State.SCORED)[-ONSET_ROWS:]
    rarity = np.log10(rows.return_period_s[scored])
    summed = np.cumsum(rarity - np.median(rarity) - ONSET_DECADES)
    return int(scored[np.argmin(np.r_[0.0, summed[:-1]])])


def _bounds_crossed(rows: Rows, policy: Policy) -> Bool:
    """Scored rows (n_rows,) on which a sensor is beyond its bound."""
    crossed = np.zeros(len(rows.time_us), bool)
    for sensor, bound in policy.bounds.items():
        if f"value.{sensor}" in rows.table.column_names:
            crossed |= _outside(_judged_values(rows, sensor), bound)
    return crossed


def _judged_values(rows: Rows, sensor: str) -> Float64:
    """The values of a sensor (n_rows,) that count against its bounds: those of scored rows, but none of which nothing
    was expected, for it was being worked on (`interventions`).
    """
    value = arrow.to_numpy(rows.table.column(f"value.{sensor}"), np.float64)
    counts = rows.state == State.SCORED
    if f"expected.{sensor}" in rows.table.column_names:
        counts &= np.isfinite(arrow.to_numpy(rows.table.column(f"expected.{sensor}"), np.float64))
    return np.asarray(np.where(counts, value, np.nan))


def _outside(value: Float64, bound: Bound) -> Bool:
    high = np.inf if bound.high is None else bound.high
    low = -np.inf if bound.low is None else bound.low
    return np.asarray((value > high) | (value < low))


def _first_bound(rows: Rows, policy: Policy, row: int) -> str | None:
    for sensor, bound in policy.bounds.items():
        if f"value.{sensor}" in rows.table.column_names:
            value = float(_judged_values(rows, sensor)[row])
            if bool(_outside(np.array([value]), bound)[0]):
                edge = bound.high if bound.high is not None and value > bound.high else bound.low
                unit = _unit(policy, sensor)
                when = _when(int(rows.time_us[row]))
                return f"{sensor} went beyond its bound of {_number(edge)}{unit} at {when}"
    return None


def _nearing_words(rows: Rows, policy: Policy, near: Nearing, period_us: int) -> str:
    when = _when(int(rows.time_us[near.row]))
    edge = f"{_number(near.level)}{_unit(policy, near.sensor)}"
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


# ---------------------------------------------------------------- what it comes to


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
            value = _judged_values(rows, sensor)
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


def _reaches(rows: Rows, policy: Policy, severity: str, onset: int, period_us: int) -> tuple[Reach, ...]:
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


def loads_of(rows: Rows) -> Float64:
    """The contexts (n_rows, n_context) that are numbers, held from value to value; 0 before the first."""
    shares = set(scored_sensors(rows.table))
    names = [
        column
        for column in rows.table.column_names
        if column.startswith("value.")
        and column.removeprefix("value.") not in shares
        and pa.types.is_floating(rows.table.schema.field(column).type)
    ]
    if not names:
        return np.empty((len(rows.time_us), 0))
    values = np.column_stack([arrow.to_numpy(rows.table.column(name), np.float64) for name in names])
    values[rows.state == State.OUT_OF_STATE] = np.nan
    return np.nan_to_num(held(values))


def _with_bound(reached: Mapping[str, Bool], near: Nearing | None) -> Mapping[str, Bool]:
    """The rows on which each severity is reached, critical also where a bound is near."""
    if near is None:
        return reached
    critical = reached["critical"].copy()
    critical[near.row] = True
    return {**reached, "critical": critical}


def _bound_is_near(rows: Rows, policy: Policy, stand: Standing, off_rows: int, period_us: int) -> Nearing | None:
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


# ---------------------------------------------------------------- words


def forecast_words(reaches: Sequence[Reach], period_us: int) -> str | None:
    """What an alert comes to, in sentences; None where there is nothing to come to, or as yet to say."""
    said = [_reach_words(reach, period_us) for reach in reaches if reach.passage.state != PENDING]
    return " ".join(said) or None


def _reach_words(reach: Reach, period_us: int) -> str:
    when = reach.passage
    unit = f" {reach.unit}" if reach.unit else ""
    what = f"its bound of {_number(reach.level)}{unit}" if reach.sensor else f"the limit of {reach.severity}"
    who = reach.sensor or "The return period"
    if when.p10 is not None and when.p50 is not None and when.p90 is not None:
        low, middle, high = (span_words(rows * period_us / 1e6) for rows in (when.p10, when.p50, when.p90))
        return f"{who} reaches {what} in {low} to {high} (median {middle}) if load and trend stay."
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
    since = _when(onset_us)
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
        gap = _number(abs(first.value - first.expected))
        expected = f"the expected {_number(first.expected)}{unit}"
        what = f"{first.sensor} {_number(first.value)}{unit} is {gap}{unit} {first.direction} {expected}"
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
        unit = _unit(policy, name)
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


def _when(time_us: int) -> str:
    """A time to the second: ``2026-03-04 09:31:00 UTC``."""
    return iso(time_us).replace("T", " ").replace("Z", " UTC")


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
        "forecast": forecast_words(alert.reaches, alert.period_us),
        "reaches": [_reach_document(reach, alert.period_us) for reach in alert.reaches],
        "model_id": alert.model_id,
    }


def _reach_document(reach: Reach, period_us: int) -> dict[str, Any]:
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


def _tidy(value: float | None) -> float | None:
    """Seven significant digits, all that a 32-bit number of the scores table holds: 6.52, not 6.519999980926514."""
    return None if value is None else float(f"{value:.7g}")
