"""What the page of an asset is drawn from: its history thinned for the eye, its alerts, and what was promised."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from anomaly_lstm.actions import Action
from anomaly_lstm.clock import DAY, SECOND, parse_time
from anomaly_lstm.policy import Bound
from anomaly_lstm.tables import SEVERITIES

Float64 = NDArray[np.float64]
Int64 = NDArray[np.int64]

Alert = Mapping[str, Any]
"""An alert as in ``alerts.json``."""

LEAST_AROUND = 6 * 3600 * SECOND
"""So much is shown before and after an alert at least [µs]."""


@dataclass(frozen=True)
class Course:
    """A sensor's measured and expected values at some times (n,), in its unit; NaN breaks the line.

    In rows without an alert nine in ten of the errors (measured − expected) lay in ``band``; None where too few were
    seen. A context has no ``expected``.
    """

    sensor: str
    unit: str | None
    time_us: Int64
    measured: Float64
    expected: Float64 | None
    band: tuple[float, float] | None
    bound: Bound | None


@dataclass(frozen=True)
class Kept:
    """What came of a sensor, in its unit: the share of the rows in which something was measured but not this, its
    extremes (NaN without any value), and when it had its last value [µs UTC].
    """

    sensor: str
    unit: str | None
    missing: float
    lowest: float
    highest: float
    last_us: int | None


@dataclass(frozen=True)
class Rarity:
    """The return period [s] of scored rows at some times (n,); NaN breaks the line."""

    time_us: Int64
    return_period_s: Float64


@dataclass(frozen=True)
class States:
    """How many rows of each state lie between two edges: ``edges_us`` (n + 1,), ``rows`` (n_states, n) in the order of
    `tables.State`.
    """

    edges_us: Int64
    rows: Int64


@dataclass(frozen=True)
class Parts:
    """Each sensor's share of the evidence in the strangest row between two edges: ``edges_us`` (n + 1,), ``share``
    (n_sensors, n), ``return_period_s`` (n,) of that row [s]; NaN where nothing was scored. They are those that add most
    of the ``scored`` ones.
    """

    sensors: Sequence[str]
    edges_us: Int64
    share: Float64
    return_period_s: Float64
    scored: int = 0


@dataclass(frozen=True)
class Stretch:
    """What people told of a time: an event, [start, end)."""

    start_us: int
    end_us: int
    kind: str
    sensor: str | None


@dataclass(frozen=True)
class Promise:
    """A severity's limit [s]; how many alerts of it or a higher one chance was expected to raise in the scored time,
    and how many were raised: of this asset, and of the whole run.
    """

    severity: str
    return_period_s: float
    expected: float
    raised: int
    expected_of_all: float
    raised_of_all: int


@dataclass(frozen=True)
class Knowledge:
    """What the model of the asset knows; losses are mean squared errors on rows it did not learn from, where 1 is each
    sensor's own variance.

    ``memory_rows`` is how far back its gates remember; at a return period of ``at_s`` [s] calibration expected so many
    false alerts and observed so many, in ``normal_s`` [s] of normal rows.
    """

    model_id: str
    network: str
    carried_by: str
    losses: Mapping[str, float]
    scored: Sequence[str]
    context: Sequence[str]
    rows: int
    assets: int
    own_rows: int
    start_us: int
    end_us: int
    memory_rows: int
    expected: float
    observed: float
    at_s: float
    normal_s: float


@dataclass(frozen=True)
class AssetReport:
    """All that the page of one asset tells.

    [``start_us``, ``end_us``) is what was watched, ``focus_us`` what is shown first [µs UTC]. ``alerts`` are in the
    order in which they were raised; ``about`` is the one that the page is about, None = the asset. ``courses`` are the
    sensors that are drawn, those that say most first; ``kept`` has all. ``notes`` on its data are as the run told them,
    in English, and ``told`` is the reason that what stands first was raised with, as it was told then. ``acts`` are
    what people did.
    """

    asset: str
    pipeline: str
    version: str
    period_us: int
    start_us: int
    end_us: int
    focus_us: tuple[int, int]
    alerts: Sequence[Alert]
    about: Alert | None
    limits_s: Mapping[str, float]
    bounds: Mapping[str, Bound]
    rarity: Rarity
    states: States
    courses: Sequence[Course]
    kept: Sequence[Kept]
    parts: Parts
    stretches: Sequence[Stretch]
    promises: Sequence[Promise]
    knowledge: Knowledge | None
    notes: Sequence[str]
    told: str = ""
    acts: Sequence[Action] = ()

    @property
    def standing(self) -> list[Alert]:
        """The alerts that stand, the weightiest first."""
        return sorted((one for one in self.alerts if one["active"]), key=weight, reverse=True)


def weight(alert: Alert) -> tuple[bool, int, float, str]:
    """What is told first: what stands, what is more severe, what is rarer, what is newer."""
    rarity_s = alert["peak"]["return_period_s"] or 0.0
    severity = alert["severity_now"] or alert["severity"]
    return alert["active"], SEVERITIES.index(severity), rarity_s, alert["raised_at"]


def around(alert: Alert, start_us: int, end_us: int) -> tuple[int, int]:
    """The span in which an alert can be judged [µs UTC]: as long before its onset as it lasted, a little after its end,
    and as far ahead as its forecast reaches, but no further than it lasted. Without what was not watched before.
    """
    onset_us = parse_time(alert["onset"])
    last_us = parse_time(alert["cleared_at"] or alert["updated_at"])
    lasted_us = max(last_us - onset_us, LEAST_AROUND)
    ahead_us = max((last_us + round(one["p90_s"] * 1e6) for one in alert["reaches"] if one["p90_s"]), default=0)
    end = min(max(last_us + lasted_us // 4, ahead_us), last_us + max(lasted_us, DAY))
    return max(start_us, onset_us - lasted_us), end if ahead_us else max(min(end, end_us), last_us)
