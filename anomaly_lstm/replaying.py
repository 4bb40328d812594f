"""A stored history under the alert policy, as a schedule would have lived it, against what people noted.

No score and no alert looks ahead, so what was known at a row is what the rows up to it say. An alert counts from the
row on which it had come to the severity that is counted, never from its onset; one that was cleared and opened again
counts for what it was while it stood; its sensors, severity and reason are told as they were on that row. What is
found, missed or false is decided by `evaluation`, here as everywhere.

The **grid** asks what other policies would have told: other return periods of the severity that is counted, at other
on-delays. The limits of the other severities keep their distance, so the cell of the present policy is the present
policy.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace

import numpy as np
from numpy.typing import NDArray

from anomaly_lstm import evaluation
from anomaly_lstm.alerts import Alert, alerts_of
from anomaly_lstm.budgets import limits_of
from anomaly_lstm.clock import DAY, UNITS
from anomaly_lstm.courses import Course, courses_of
from anomaly_lstm.evaluation import Evaluation, Outcome, Raised, Watched, failed_at
from anomaly_lstm.events import Event, touching
from anomaly_lstm.modes import Modes
from anomaly_lstm.policy import Policy
from anomaly_lstm.scaling import Range
from anomaly_lstm.scored_rows import Rows
from anomaly_lstm.tables import State

YEAR_US = round(365.25 * DAY)
MONTH_US = YEAR_US // 12

RETURN_PERIODS_US = tuple(days * DAY for days in (7, 14, 30, 90, 365))
"""The return periods of the grid, beside the present one."""

Int64 = NDArray[np.int64]


def usual_on_delays(period_us: int) -> tuple[int, int, int]:
    """The on-delays of the grid [µs]: none, ten minutes and an hour where rows come every one to ten minutes, else as
    many rows as they are at the nearer of the two.
    """
    short = min(max(10 * UNITS["min"], period_us), 10 * period_us)
    return 0, short, 6 * short


@dataclass(frozen=True)
class Terms:
    """Under which policy a history is replayed, and the least severity that counts as told.

    ``own_us`` asset → return period of its warnings [µs], where assets share a budget unevenly.
    """

    policy: Policy
    severity: str
    own_us: Mapping[str, int] = field(default_factory=dict)

    @property
    def return_period_us(self) -> int:
        """What was promised per asset: the return period of that severity [µs]; 0 where bounds alone raise it."""
        return self.policy.limits.get(self.severity, 0)

    def at(self, return_period_us: int, on_delay_us: int) -> Terms:
        """The same with another return period of the severity that counts, the others in proportion."""
        scale = return_period_us / self.return_period_us
        limits = {s: round(us * scale) for s, us in self.policy.limits.items()} | {self.severity: return_period_us}
        own_us = {asset: round(us * scale) for asset, us in self.own_us.items()}
        return replace(self, policy=replace(self.policy, limits=limits, on_delay_us=on_delay_us), own_us=own_us)

    def of(self, asset: str) -> Policy:
        """The policy of one asset: with its share of the budget."""
        if asset not in self.own_us:
            return self.policy
        return replace(self.policy, limits=limits_of(self.own_us[asset]))


@dataclass(frozen=True)
class History:
    """What is replayed: events with an asset each, the watched time [start_us, end_us), and what the model says of
    itself. ``seen`` context → what training saw of it, ``mode`` the modes it saw.
    """

    events: Sequence[Event]
    start_us: int
    end_us: int
    period_us: int
    model_id: str
    normal_s: float
    seen: Mapping[str, Range]
    mode: Modes | None = None


@dataclass(frozen=True)
class Trial:
    """What one policy would have told in the watched time."""

    terms: Terms
    raised: tuple[Raised, ...]
    """The stretches in which an alert stood that had come to the severity that counts, in time order."""
    judged: Evaluation
    scored_us: int
    """Asset time with a score."""
    alarm_us: int
    """… of it with an alert standing."""

    @property
    def failures(self) -> list[Outcome]:
        return [o for o in self.judged.outcomes if failed_at(o.event) is not None]

    @property
    def anomalies(self) -> list[Outcome]:
        """Events that no failure followed."""
        return [o for o in self.judged.outcomes if failed_at(o.event) is None]

    @property
    def leads_us(self) -> list[int]:
        """The warning times of the failures that were told before they happened."""
        return [o.lead_us for o in self.failures if o.lead_us is not None and o.lead_us > 0]

    @property
    def warned(self) -> int:
        return len(self.leads_us)

    @property
    def late(self) -> int:
        """Failures that were told when it was too late."""
        return sum(o.alert is not None for o in self.failures) - self.warned

    @property
    def told_of(self) -> tuple[int, int]:
        """Failures warned of and all failures; where there are none, other events found and all of them."""
        if self.failures:
            return self.warned, len(self.failures)
        return sum(o.alert is not None for o in self.anomalies), len(self.anomalies)

    @property
    def median_lead_us(self) -> float | None:
        return float(np.median(self.leads_us)) if self.leads_us else None

    @property
    def years(self) -> float:
        """Healthy scored time [asset-years]: in it a false alert could come."""
        return self.judged.healthy_us / YEAR_US

    @property
    def false_per_year(self) -> float | None:
        """False alerts per asset-year; None where no healthy time was watched."""
        return len(self.judged.false) / self.years if self.years else None

    @property
    def false_per_year_95(self) -> tuple[float, float] | None:
        """Its 95 % interval, from the Poisson distribution of the count."""
        low, high = evaluation.poisson_interval(len(self.judged.false))
        return (low / self.years, high / self.years) if self.years else None

    @property
    def promised_per_year(self) -> float | None:
        """What the return period allows per asset-year; None where bounds alone raise alerts."""
        return YEAR_US / self.terms.return_period_us if self.terms.return_period_us else None

    @property
    def alerts(self) -> int:
        return len({raised.alert_id for raised in self.raised})

    @property
    def alarm_share(self) -> float:
        return self.alarm_us / self.scored_us if self.scored_us else 0.0

    @property
    def alerts_per_month(self) -> float:
        """Per asset and month of scored time."""
        return self.alerts * MONTH_US / self.scored_us if self.scored_us else 0.0


@dataclass(frozen=True)
class Note:
    """What a reader must know, in a text of `replay_texts` and its values."""

    text: str
    values: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Replay:
    """The present policy, event by event, and the grid of others.

    ``told`` what announced an event → the alert as it was known then; ``grid`` one row per return period, in it
    one trial per on-delay, both growing; empty where no severity is on.
    """

    history: History
    watched: Mapping[str, Watched]
    present: Trial
    told: Mapping[Raised, Alert]
    grid: Sequence[Sequence[Trial]]
    notes: Sequence[Note] = ()


def replay(
    assets: Iterable[Rows],
    history: History,
    terms: Terms,
    return_periods_us: Sequence[int] = RETURN_PERIODS_US,
    on_delays_us: Sequence[int] | None = None,
) -> Replay:
    """Let every asset's rows pass once under every policy of the grid and under the present one, and judge them all.

    The present return period and on-delay always have their place in the grid.
    """
    delays_us = usual_on_delays(history.period_us) if on_delays_us is None else on_delays_us
    asked = _asked(terms, return_periods_us, delays_us)
    counts = [_Count(one) for row in asked for one in row] or [_Count(terms)]
    present = next(count for count in counts if count.terms == terms)
    watched: dict[str, Watched] = {}
    told: dict[Raised, Alert] = {}
    for rows in assets:
        scored_us = _scored(rows, history)
        watched[rows.asset] = _watched(rows, scored_us, history)
        for count in counts:
            count.add(rows, scored_us, history)
        told |= _as_told(rows, watched[rows.asset], present, history)
    trials = [count.trial(history, watched) for count in counts]
    columns = len(asked[0]) if asked else 1
    grid = [trials[i : i + columns] for i in range(0, len(trials), columns)] if asked else []
    return Replay(history, watched, trials[counts.index(present)], told, grid)


def _asked(terms: Terms, return_periods_us: Sequence[int], on_delays_us: Sequence[int]) -> list[list[Terms]]:
    """The terms of the grid's cells; none where there is no return period to change."""
    if not terms.return_period_us:
        return []
    delays = sorted({*on_delays_us, terms.policy.on_delay_us})
    return [[terms.at(us, delay) for delay in delays] for us in sorted({*return_periods_us, terms.return_period_us})]


class _Count:
    """What has been raised under some terms so far."""

    def __init__(self, terms: Terms) -> None:
        self.terms = terms
        self.raised: list[Raised] = []
        self.alarm_rows = 0

    def add(self, rows: Rows, scored_us: Int64, history: History) -> None:
        """Let one more asset pass."""
        courses = courses_of(rows, self.terms.of(rows.asset), history.period_us)
        mine = list(_counted(courses, self.terms.severity, history))
        self.raised += mine
        ends = [history.end_us if a.cleared_us is None else a.cleared_us for a in mine]
        begun = np.searchsorted(scored_us, [a.raised_us for a in mine])
        self.alarm_rows += int((np.searchsorted(scored_us, ends) - begun).sum())

    def trial(self, history: History, watched: Mapping[str, Watched]) -> Trial:
        judged = evaluation.evaluate(self.raised, history.events, watched, self.terms.return_period_us)
        in_time = tuple(sorted(self.raised, key=lambda a: (a.raised_us, a.asset)))
        scored_us = sum(span.scored_us for span in watched.values())
        return Trial(self.terms, in_time, judged, scored_us, self.alarm_rows * history.period_us)


def _counted(found: Iterable[Course], severity: str, history: History) -> Iterator[Raised]:
    """The stretches in which alerts stood that had come to a severity, those that began within the watched time."""
    for course in found:
        reached_us = course.reached_us.get(severity)
        if reached_us is None:
            continue
        for raised_us, cleared_us in course.stood_us:
            at_us = max(raised_us, reached_us)
            if history.start_us <= at_us < history.end_us and (cleared_us is None or at_us < cleared_us):
                yield Raised(course.alert_id, course.asset, course.severity, at_us, cleared_us)


def _scored(rows: Rows, history: History) -> Int64:
    """The watched times that have a score [µs]."""
    inside = (rows.time_us >= history.start_us) & (rows.time_us < history.end_us)
    return np.asarray(rows.time_us[inside & (rows.state == State.SCORED)])


def _watched(rows: Rows, scored_us: Int64, history: History) -> Watched:
    start = min(max(int(rows.time_us[0]), history.start_us), history.end_us)
    end = max(min(int(rows.time_us[-1]) + history.period_us, history.end_us), start)
    return Watched(start, end, len(scored_us) * history.period_us)


def _as_told(rows: Rows, span: Watched, count: _Count, history: History) -> dict[Raised, Alert]:
    """The alerts of one asset that announced an event, as they stood when they counted: by the rows up to then."""
    mine = [a for a in count.raised if a.asset == rows.asset]
    judged = evaluation.evaluate(mine, history.events, {rows.asset: span}, count.terms.return_period_us)
    told: dict[Raised, Alert] = {}
    for raised in {o.alert for o in judged.outcomes if o.alert}:
        then = rows.up_to(raised.raised_us)
        known = alerts_of(
            then, count.terms.of(rows.asset), history.period_us, history.model_id, history.seen, history.mode
        )
        told[raised] = next(alert for alert in known if alert.alert_id == raised.alert_id)
    return told


def of_assets(events: Sequence[Event], assets: Iterable[str]) -> list[Event]:
    """The events of some assets; one that names no asset becomes one of each."""
    return [replace(event, asset=asset) for asset in assets for event in touching(events, asset)]


def row_of(result: Replay) -> Sequence[Trial]:
    """The grid's row of the present return period."""
    return next(row for row in result.grid if any(trial is result.present for trial in row))


def outcome_word(outcome: Outcome) -> str:
    """``warned``, ``too late`` or ``missed`` of a failure; ``found`` or ``missed`` of any other event."""
    if outcome.alert is None:
        return "missed"
    if outcome.lead_us is None:
        return "found"
    return "warned" if outcome.lead_us > 0 else "too late"
