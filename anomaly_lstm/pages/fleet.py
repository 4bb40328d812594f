"""What the page of a fleet is drawn from: every asset as it stands, what changed since a time, who is not watched."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import timedelta, tzinfo
from typing import Any

import numpy as np
from numpy.typing import NDArray

from anomaly_lstm.actions import HOLDS, Action
from anomaly_lstm.changes import BY_LATE_ROWS, BY_ROWS, CLEARED, CLOSED, RETRACTED
from anomaly_lstm.clock import DAY, EPOCH, find_zone, iso, parse_duration, parse_time
from anomaly_lstm.errors import UsageError
from anomaly_lstm.events import Asset
from anomaly_lstm.pages.report import Alert, weight
from anomaly_lstm.pages.worsening import Then, Worse, worse
from anomaly_lstm.policy import Bound
from anomaly_lstm.stretches import highest
from anomaly_lstm.tables import SEVERITIES
from anomaly_lstm.words import moment

Float64 = NDArray[np.float64]
Int64 = NDArray[np.int64]

NEW, WORSE, UNCHANGED, OVER, AWAITING = "new", "worse", "unchanged", "over", "awaiting_verdict"
CHANGES = (NEW, WORSE, UNCHANGED, OVER, AWAITING)
"""What became of an alert since a time, in the order in which it is told."""

DISABLED, NEVER, EMPTY, OUT_OF_SERVICE, SUPPRESSED, SHELVED, FAILED, SILENT, OFF, WARM_UP, SENSORS, UNSCORED = (
    "disabled",
    "never",
    "empty",
    "out_of_service",
    "suppressed",
    "shelved",
    "failed",
    "silent",
    "off",
    "warm_up",
    "sensors",
    "unscored",
)
"""Why an asset is not watched: switched off in the table of assets; in it, but nothing ever came; rows came, but no
sensor had a value; put aside by a person; failed in the last run; stopped sending; never a row in which it ran, long
enough a stretch, enough sensors, any score.
"""

HELD = dict(zip(HOLDS, (OUT_OF_SERVICE, SUPPRESSED, SHELVED), strict=True))
"""What a person does → why the asset is not watched then."""

LATE_US = DAY
"""An asset without a row for so long is not watched, though nobody wants to be alerted of it [µs]."""

WHOSE_PAGES = ("standing", "all", "none")
"""Whose pages are written beside that of the fleet: those with an alert that stands, all, none."""

LOOK_BACK_US = 30 * DAY
"""So far back a small picture reaches at least [µs]."""

BINS = 60
"""Points of a small picture, at most."""


@dataclass(frozen=True)
class Unwatched:
    """Why an asset, or what the ``sensors`` lead where some are named, is not watched, or not told.

    ``since_us``, ``until_us`` where they are known [µs UTC]; ``by`` whom, and ``told`` the reason that a person or a
    run gave, as it was given.
    """

    why: str
    since_us: int | None = None
    until_us: int | None = None
    by: str = ""
    told: str = ""
    sensors: Sequence[str] = ()


@dataclass(frozen=True)
class Dead:
    """A sensor without values since a time [µs UTC], or since before it."""

    sensor: str
    since_us: int
    at_least: bool = False


@dataclass(frozen=True)
class Shown:
    """An asset as a fleet shows it.

    ``alerts`` are those that stand, ``closed`` those that a person closed while they still do, ``acts`` what people
    did, ``rising`` its indicators; ``once_s`` the return period [s] of the strangest row in each bin of the fleet
    (n_bins,), NaN where nothing was scored; ``last_us`` its newest measured row [µs UTC] and the
    ``state`` of its newest row, None without one. ``page`` leads to its own page, None where there is none.
    """

    asset: Asset
    zone: tzinfo
    alerts: Sequence[Alert] = ()
    rising: Sequence[Mapping[str, Any]] = ()
    once_s: Float64 = field(default_factory=lambda: np.empty(0))
    last_us: int | None = None
    state: str | None = None
    limits_s: Mapping[str, float] = field(default_factory=dict)
    bounds: Mapping[str, Bound] = field(default_factory=dict)
    dead: Sequence[Dead] = ()
    unwatched: Sequence[Unwatched] = ()
    page: str | None = None
    closed: Sequence[Alert] = ()
    acts: Sequence[Action] = ()

    @property
    def name(self) -> str:
        return self.asset.asset

    @property
    def first(self) -> Alert | None:
        """The alert that stands and weighs most; those that people put aside weigh less than any other."""
        return max(self.alerts, key=lambda one: (not is_aside(one), weight(one)), default=None)

    @property
    def reach(self) -> Mapping[str, Any] | None:
        """The bound that is reached first, by an alert or by a sensor that rises without one; None without."""
        found = [one for alert in self.alerts for one in alert["reaches"] if one["sensor"]] + list(self.rising)
        found = [one for one in found if one["state"] == "estimate"]
        return min(found, key=lambda one: float(one["p50_s"]), default=None)

    @property
    def is_watched(self) -> bool:
        """Would it be told if something happened? Yes also where only what some sensors lead is put aside."""
        return not any(not one.sensors for one in self.unwatched)

    @property
    def needs_look(self) -> bool:
        """Does an alert stand that nobody has acknowledged or put aside?"""
        return any(not is_aside(one) and not one["acked"] for one in self.alerts)

    @property
    def status(self) -> str:
        """A severity, ``unwatched``, ``closed`` where what still deviates was closed, or ``quiet``."""
        first = self.first
        if first is not None:
            return severity_of(first)
        if not self.is_watched:
            return "unwatched"
        return "closed" if self.closed else "quiet"

    @property
    def rank(self) -> tuple[int, int, float, float, str]:
        """Where it stands in the list: by severity, time to its first bound, rarity, name; lowest first."""
        first, reach = self.first, self.reach
        left_s = float(reach["p50_s"]) if reach else math.inf
        once_s = (first["peak"]["return_period_s"] or 0.0) if first else 0.0
        if first is None:
            place = (2, 0 if self.closed else 1) if self.is_watched else (3, 0)
        else:
            place = (int(is_aside(first)), -SEVERITIES.index(severity_of(first)))
        return *place, left_s, -float(once_s), self.name


@dataclass(frozen=True)
class Changed:
    """An alert and what became of it; ``was`` is the severity it had, where it had another; ``worse`` what of it got
    worse.
    """

    change: str
    alert: Alert
    was: str | None = None
    worse: Sequence[Worse] = ()


@dataclass(frozen=True)
class Fleet:
    """All that the page of a fleet tells, ``assets`` in the order in which they are told.

    What changed is counted from ``since_us`` on; ``newest_us`` is the newest row that the run knows, by which all is
    told. ``edges_us`` (n_bins + 1,) are those of the small pictures [µs UTC]. ``unread`` are files that the last run
    could not read → why. ``zone`` is that of the plant; assets may have others. ``command`` makes the page of an asset,
    but for its name.
    """

    pipeline: str
    version: str
    zone: tzinfo
    since_us: int
    newest_us: int
    edges_us: Int64
    assets: Sequence[Shown]
    changed: Sequence[Changed]
    unread: Mapping[str, str]
    command: str

    def of(self, change: str) -> list[Changed]:
        """What became so, the weightiest first."""
        return sorted((one for one in self.changed if one.change == change), key=_weight, reverse=True)

    def shown(self, asset: str) -> Shown:
        return next(one for one in self.assets if one.name == asset)


def _weight(one: Changed) -> tuple[bool, tuple[bool, int, float, str]]:
    return not is_aside(one.alert), weight(one.alert)


def severity_of(alert: Alert) -> str:
    return str(alert["severity_now"] or alert["severity"])


def stands(alert: Alert) -> bool:
    """Does it stand, and has nobody closed it?"""
    return bool(alert["active"] and not alert["closed"])


def is_closed(alert: Alert) -> bool:
    """Did a person close it, and does it still deviate?"""
    return bool(alert["active"] and alert["closed"])


def is_aside(alert: Alert) -> bool:
    """Did a person put it aside, so that nothing is told of it?"""
    return bool(alert["shelved_until"] or alert["suppressed"] or alert["out_of_service"])


# ---------------------------------------------------------------- since when


def since_from(text: str, newest_us: int, zone: str) -> int:
    """``yesterday`` (its midnight on the plant's clock), a span such as ``24h`` or ``7d``, or a time [µs UTC].

    All count back from the newest row and not from the clock of the wall, so that the same data tell the same. Raises
    UsageError on anything else, and on a time after the newest row.
    """
    if text.strip().lower() == "yesterday":
        local = (EPOCH + timedelta(microseconds=newest_us)).astimezone(find_zone(zone))
        return parse_time(f"{local.date() - timedelta(days=1)}", zone)
    try:
        return newest_us - parse_duration(text)
    except UsageError:
        pass  # then it is a time, or nothing that counts
    try:
        since_us = parse_time(text, zone)
    except UsageError:
        raise UsageError(
            f"{text!r} is no time to count from: write yesterday, a span such as 24h or 7d, or a day such as "
            "2026-03-04."
        ) from None
    if since_us > newest_us:
        raise UsageError(
            f"{text!r} lies after the newest row, {moment(iso(newest_us))} UTC: nothing can have changed since. Give "
            "an earlier time."
        )
    return since_us


def bin_edges(start_us: int, end_us: int, period_us: int) -> Int64:
    """Edges of so many bins as a small picture has points, none shorter than a period [µs] (n_bins + 1,)."""
    count = int(min(BINS, max(1, (end_us - start_us) // period_us)))
    return np.linspace(start_us, end_us, count + 1).astype(np.int64)


def strangest(time_us: Int64, once_s: Float64, edges_us: Int64) -> Float64:
    """The longest return period [s] between edges (n_bins,), NaN where nothing was scored; times in order."""
    places = highest(time_us, once_s, edges_us)
    out = np.full(len(places), np.nan)
    out[places >= 0] = once_s[places[places >= 0]]
    return out


# ---------------------------------------------------------------- what changed


@dataclass(frozen=True)
class Past:
    """An alert as it was at a time: did it stand, and how severe it was, None where rows had said nothing yet; when a
    person closed it [µs UTC]; and how it was told last, at ``told_us`` [µs UTC].
    """

    stood: bool = False
    severity: str | None = None
    closed_us: int | None = None
    alert: Alert = field(default_factory=dict)
    told_us: int = 0


def past_of(lines: Iterable[Mapping[str, Any]], since_us: int) -> dict[str, Past]:
    """Alert → what the lines of the history say of it at a time."""
    found: dict[str, Past] = {}
    for line in lines:
        before, at_us = found.get(line["alert_id"], Past()), parse_time(line["event_time"])
        if line["change"] == CLOSED and line["by"]:
            found[line["alert_id"]] = replace(before, closed_us=at_us)
        elif line["change"] in (*BY_ROWS, *BY_LATE_ROWS) and at_us <= since_us:
            ended = line["change"] in (CLEARED, RETRACTED) or not line["alert"].get("active", True)
            found[line["alert_id"]] = Past(not ended, line["severity"], before.closed_us, line["alert"], at_us)
    return found


def change_of(
    alert: Alert, past: Past, since_us: int, then: Then, bounds: Mapping[str, Bound], deadband: float
) -> Changed | None:
    """What became of an alert since a time; None where it was over before and nothing is awaited.

    It is worse where its severity rose or `worsening.worse` finds something; ``then`` is what rows say of that time.
    """
    cleared_us = parse_time(alert["cleared_at"]) if alert["cleared_at"] else None
    if stands(alert):
        stood = past.stood if past.severity else parse_time(alert["raised_at"]) <= since_us
        if not stood:
            return Changed(NEW, alert)
        was = past.severity if past.severity != severity_of(alert) else None
        rose = was is not None and SEVERITIES.index(severity_of(alert)) > SEVERITIES.index(was)
        grew = tuple(worse(alert, _known(then, past), since_us, bounds, deadband))
        return Changed(WORSE if rose or grew else UNCHANGED, alert, was, grew)
    ends = [us for us in (cleared_us, past.closed_us) if us is not None]
    if not ends or max(ends) > since_us:
        return Changed(OVER, alert)
    awaits = alert["kind"] == "deviation" and not alert["verdict"] and not alert["closed"]
    return Changed(AWAITING, alert) if awaits else None


def _known(then: Then, past: Past) -> Then:
    """With what was told then; where rows keep no values, also those that were told."""
    told = {
        one["sensor"]: (one["value"], one["expected"])
        for one in past.alert.get("sensors", ())
        if one["value"] is not None and one["expected"] is not None
    }
    return replace(then, values=then.values or told, reaches=past.alert.get("reaches", ()), told_us=past.told_us)


# ---------------------------------------------------------------- how many


def counts(fleet: Fleet) -> dict[str, int]:
    """What the head of the page counts."""
    sizes = {change: len(fleet.of(change)) for change in CHANGES}
    return {
        "assets": len(fleet.assets),
        "need_look": sum(one.needs_look for one in fleet.assets),
        "alerts": sum(len(one.alerts) for one in fleet.assets),
        **sizes,
        "rising": len(list(rising(fleet))),
        "dead_sensors": sum(len(one.dead) for one in fleet.assets),
        "not_watched": sum(not one.is_watched for one in fleet.assets),
    }


def rising(fleet: Fleet) -> Iterator[tuple[Shown, Mapping[str, Any]]]:
    """The indicators, those that come to their bound first before the others."""
    found = [(one, sign) for one in fleet.assets for sign in one.rising]
    return iter(sorted(found, key=lambda pair: (pair[1]["p50_s"] is None, pair[1]["p50_s"] or 0.0, pair[0].name)))
