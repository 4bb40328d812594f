"""Alerts against events: what was found, how early, and whether false alerts kept to the budget."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from anomaly_lstm.events import Event, touching

HOUR_US = 3_600_000_000
WANTED = ("failure", "anomaly")
"""Kinds of event an alert should announce."""

EXCUSED = ("maintenance", "sensor_change", "calibration", "ignore")
"""Kinds of event in which an alert is neither found nor false."""


@dataclass(frozen=True)
class Raised:
    """What matters of an alert here. ``cleared_us`` None = still standing [µs UTC].

    An alert that was opened again may be given once for each stretch in which it stood, under one id.
    """

    alert_id: str
    asset: str
    severity: str
    raised_us: int
    cleared_us: int | None


@dataclass(frozen=True)
class Watched:
    """How long an asset was watched: [start_us, end_us) on the clock, ``scored_us`` of it with a score."""

    start_us: int
    end_us: int
    scored_us: int


@dataclass(frozen=True)
class Outcome:
    """One event and the alert that announced it, if any.

    Only a failure, or an event that led to one, has a lead; any other has a delay. Both are None where it was missed.
    """

    event: Event
    alert: Raised | None
    lead_us: int | None = None
    """Failure (or end of the event) − raised."""
    delay_us: int | None = None
    """Raised − start of the event; 0 where the alert stood already."""


@dataclass(frozen=True)
class Evaluation:
    """The result: outcomes in time order; false alerts against what the budget allows on the healthy watched time."""

    outcomes: tuple[Outcome, ...]
    false: tuple[Raised, ...]
    excused: tuple[Raised, ...]
    healthy_us: int
    expected_false: float
    interval: tuple[float, float]
    """95 % interval of observed/expected, from the Poisson distribution of the observed count."""

    @property
    def found(self) -> int:
        return sum(o.alert is not None for o in self.outcomes)


def evaluate(
    alerts: Sequence[Raised], events: Sequence[Event], watched: Mapping[str, Watched], return_period_us: int
) -> Evaluation:
    """Compare alerts with events, asset by asset.

    A failure or anomaly is found by the first alert that was raised in it, or raised before and still standing when
    it began. Alerts that touch no such event are false, unless they were raised in an excused one (maintenance …); an
    alert with several stretches is false, or excused, once.
    ``return_period_us`` is the budget: the return period per asset of the lowest severity that opened alerts. Events
    outside the watched time are not counted.
    """
    outcomes: list[Outcome] = []
    false: list[Raised] = []
    excused: list[Raised] = []
    healthy_us = 0
    by_asset: dict[str, list[Raised]] = {}
    for alert in sorted(alerts, key=lambda a: a.raised_us):
        by_asset.setdefault(alert.asset, []).append(alert)
    for asset, span in watched.items():
        mine = by_asset.get(asset, [])
        theirs = [e for e in touching(events, asset) if e.end_us > span.start_us and e.start_us < span.end_us]
        wanted = [e for e in theirs if e.kind in WANTED]
        outcomes += [_outcome(e, mine) for e in wanted]
        others = [a for a in mine if not any(touches(a, e) for e in wanted)]
        allowed = [a for a in others if any(e.kind in EXCUSED and e.start_us <= a.raised_us < e.end_us for e in theirs)]
        excused += _once(allowed)
        false += _once([a for a in others if a not in allowed])
        healthy_us += _healthy(span, [e for e in theirs if e.kind in (*WANTED, *EXCUSED)])
    expected = healthy_us / return_period_us if return_period_us else 0.0
    low, high = poisson_interval(len(false))
    interval = (low / expected, high / expected) if expected else (0.0, 0.0)
    outcomes.sort(key=lambda o: (o.event.start_us, o.event.asset))
    return Evaluation(tuple(outcomes), tuple(false), tuple(excused), healthy_us, expected, interval)


def _once(alerts: Sequence[Raised]) -> list[Raised]:
    """The first stretch of each alert."""
    first: dict[str, Raised] = {}
    for alert in alerts:
        first.setdefault(alert.alert_id, alert)
    return list(first.values())


def touches(alert: Raised, event: Event) -> bool:
    """The alert was raised within the event, or before it and still stood as it began."""
    return alert.raised_us < event.end_us and (alert.cleared_us is None or alert.cleared_us > event.start_us)


def _outcome(event: Event, alerts: Sequence[Raised]) -> Outcome:
    first = next((a for a in alerts if touches(a, event)), None)
    if first is None:
        return Outcome(event, None)
    # an alert that stood before the event began announced nothing earlier than the event itself
    announced_us = max(first.raised_us, event.start_us)
    failed_us = failed_at(event)
    if failed_us is None:
        return Outcome(event, first, delay_us=announced_us - event.start_us)
    return Outcome(event, first, lead_us=failed_us - announced_us)


def failed_at(event: Event) -> int | None:
    """When the machine failed [µs UTC]: as told, else the end of a failure; None for an event that led to none."""
    return event.failure_us if event.failure_us is not None else event.end_us if event.kind == "failure" else None


def _healthy(span: Watched, events: Sequence[Event]) -> int:
    """Watched time outside the events, in proportion to the share of time that was scored."""
    covered, reach = 0, span.start_us
    for event in sorted(events, key=lambda e: e.start_us):
        start, end = max(event.start_us, reach), min(event.end_us, span.end_us)
        if end > start:
            covered += end - start
            reach = end
    length = span.end_us - span.start_us
    return round((length - covered) * span.scored_us / length) if length else 0


def poisson_interval(count: int, share: float = 0.95) -> tuple[float, float]:
    """Exact central interval of a Poisson mean given one count (Garwood, 1936)."""
    from scipy.stats import chi2  # half a second of import that only evaluating needs

    tail = (1 - share) / 2
    low = float(chi2.ppf(tail, 2 * count)) / 2 if count else 0.0
    return low, float(chi2.ppf(1 - tail, 2 * count + 2)) / 2


def share_interval(hits: int, of: int, share: float = 0.95) -> tuple[float, float]:
    """Exact central interval of a probability given hits among independent trials (Clopper and Pearson, 1934).

    Without a trial nothing is known: 0 to 1.
    """
    from scipy.stats import beta  # half a second of import that only evaluating needs

    tail = (1 - share) / 2
    low = float(beta.ppf(tail, hits, of - hits + 1)) if hits else 0.0
    return low, float(beta.ppf(1 - tail, hits + 1, of - hits)) if hits < of else 1.0
