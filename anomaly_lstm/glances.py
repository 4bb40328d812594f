"""A fleet at a glance: of each asset what stands, how rare its rows were of late, and how long is left."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from anomaly_lstm.actions import handled
from anomaly_lstm.clock import DAY, iso
from anomaly_lstm.pages.fleet import is_aside, stands
from anomaly_lstm.pages.report import Alert, weight

Float64 = NDArray[np.float64]

LATELY_US = 7 * DAY
"""How far back a glance looks, from the newest row of the fleet [µs]."""

STRETCHES = 28
"""So many stretches of that time are told apart."""

NOBODY: Mapping[str, str] = {}
"""Not one asset is unwatched."""


@dataclass(frozen=True)
class Glance:
    """An asset at a glance.

    ``alert`` is the weightiest of its alerts that stand, ``indicator`` the first of its sensors to come to a bound
    without an alert, None where there is none. ``limit_s`` is where its lowest severity begins [s], None where all are
    off. ``once_s`` (n,) the return period [s] of the rarest row of each stretch, NaN where nothing was scored, empty
    where nobody looked. ``unwatched`` is why nothing would be told of it, None where it is watched; ``closed`` whether
    a person closed what it deviates by.
    """

    asset: str
    alert: Alert | None
    indicator: Mapping[str, Any] | None
    limit_s: float | None
    once_s: Float64
    unwatched: str | None = None
    closed: bool = False

    @property
    def severity(self) -> str | None:
        return None if self.alert is None else str(self.alert["severity_now"] or self.alert["severity"])

    @property
    def once_in_s(self) -> float | None:
        """How rare: the peak of the alert that stands, else the rarest row of late [s]; None where there is none."""
        if self.alert is not None:
            peak_s: float | None = self.alert["peak"]["return_period_s"]
            return peak_s
        scored = self.once_s[np.isfinite(self.once_s)]
        return float(scored.max()) if len(scored) else None

    @property
    def onset(self) -> str | None:
        """Since when, ISO 8601."""
        about = self.alert or self.indicator
        return None if about is None else str(about["onset"])

    @property
    def reach(self) -> Mapping[str, Any] | None:
        """What is reached first if load and trend stay; None where nobody can say."""
        reaches = [self.indicator] if self.indicator else self.alert["reaches"] if self.alert else ()
        told = [one for one in reaches if one["state"] == "estimate"]
        return min(told, key=lambda one: float(one["p50_s"]), default=None)

    def document(self) -> dict[str, Any]:
        """The same for programs."""
        reach = self.reach
        return {
            "asset": self.asset,
            "severity": self.severity,
            "kind": self.alert["kind"] if self.alert else None,
            "handled": handled(self.alert) if self.alert else None,
            "unwatched": self.unwatched,
            "closed": self.closed,
            "alert_id": self.alert["alert_id"] if self.alert else None,
            "rising": self.indicator["sensor"] if self.indicator else None,
            "once_in_s": self.once_in_s,
            "onset": self.onset,
            "left": {name: reach[name] for name in ("sensor", "p10_s", "p50_s", "p90_s")} if reach else None,
            "limit_s": self.limit_s,
            "rarest_s": [float(once_s) if np.isfinite(once_s) else None for once_s in self.once_s],
        }


@dataclass(frozen=True)
class Glances:
    """Assets at a glance, the worst first, over [``start_us``, ``end_us``) [µs UTC]; of the others so many have an
    alert or an indicator too, so many are quiet, and so many not watched.
    """

    start_us: int
    end_us: int
    glances: Sequence[Glance]
    others: int = 0
    quiet: int = 0
    unwatched: int = 0

    def document(self) -> dict[str, Any]:
        """The same for programs."""
        edges = {"start": iso(self.start_us), "end": iso(self.end_us)}
        assets = [one.document() for one in self.glances]
        return {**edges, "assets": assets, "others": self.others, "quiet": self.quiet, "unwatched": self.unwatched}


def ranked(
    alerts: Sequence[Alert],
    indicators: Sequence[Mapping[str, Any]],
    limits_s: Mapping[str, float | None],
    unwatched: Mapping[str, str] = NOBODY,
) -> list[Glance]:
    """The assets of ``limits_s``, nobody having looked at their scores yet: those with alerts first, the weightiest
    before the others and what people put aside last, then those with indicators, the soonest before the others, then
    the quiet ones by name, then those that are ``unwatched`` → why.

    ``indicators`` are in the order in which they come to their bounds.
    """
    worst: dict[str, Alert] = {}
    for alert in alerts:
        if stands(alert):
            worst[alert["asset"]] = max(worst.get(alert["asset"], alert), alert, key=_rank)
    closed = {one["asset"] for one in alerts if one["active"] and one["closed"]}
    soonest = {one["asset"]: one for one in reversed(indicators) if one["asset"] not in unwatched}
    standing = sorted((name for name in worst if name in limits_s), key=lambda name: _rank(worst[name]), reverse=True)
    rising = [name for name in (one["asset"] for one in indicators) if name in limits_s and name in soonest]
    quiet = sorted(limits_s, key=lambda name: (name in unwatched, name))
    none = np.empty(0)
    return [
        Glance(
            name,
            worst.get(name),
            None if name in worst else soonest.get(name),
            limits_s[name],
            none,
            unwatched.get(name),
            closed=name in closed,
        )
        for name in dict.fromkeys([*standing, *rising, *quiet])
    ]


def _rank(alert: Alert) -> tuple[bool, tuple[bool, int, float, str]]:
    return not is_aside(alert), weight(alert)
