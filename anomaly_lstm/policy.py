"""When an alert is raised and cleared: limits, delays, engineering limits of sensors."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from itertools import pairwise

from anomaly_lstm.clock import format_duration
from anomaly_lstm.delays import DEADBAND, REOPENS
from anomaly_lstm.errors import UsageError
from anomaly_lstm.tables import SEVERITIES

DAY_US = 86_400_000_000


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


def opening_limit_us(policy: Policy) -> int:
    """The return period of the lowest severity that is on [µs]; with bounds alone that of an advisory."""
    return min({**Policy().limits, **policy.limits}[s] for s in policy.limits or SEVERITIES[:1])


def reopens_within_us(policy: Policy) -> float:
    """For how long after it was cleared an alert may open again [µs]."""
    opening = next((severity for severity in SEVERITIES if severity in policy.limits), "critical")
    return REOPENS * policy.limits.get(opening, 0)


def unit_words(policy: Policy, sensor: str) -> str:
    unit = policy.units.get(sensor)
    return f" {unit}" if unit else ""
