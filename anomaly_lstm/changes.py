"""Changes of alerts: what the history keeps, line by line, and what people are told.

A change has an *event time*, on the data's clock, and is made once: the same rows and the same acts of people give the
same changes with the same ids, whatever the slices a history came in. When the program came to know of it, its
*processing time*, is written beside it and is no part of it.

The names of alarm states and acts are those of OPC UA Part 9 and ISA-18.2.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from anomaly_lstm.clock import iso

RAISED, RE_RAISED, SEVERITY_UP, SEVERITY_DOWN, CLEARED = (
    "raised",
    "re_raised",
    "severity_up",
    "severity_down",
    "cleared",
)
"""What the rows of an asset say."""

REVISED, RETRACTED = "revised", "retracted"
"""What late rows make of an alert that was told: another course, or none at all."""

STALE, UNSHELVED, RE_ALARMED = "stale", "unshelved", "re_alarmed"
"""What the clock says: no score for too long while it stands, a shelving that has run out, still unacknowledged."""

ACKNOWLEDGED, CONFIRMED, SHELVED, SUPPRESSED, UNSUPPRESSED = (
    "acknowledged",
    "confirmed",
    "shelved",
    "suppressed",
    "unsuppressed",
)
OUT_OF_SERVICE, IN_SERVICE, CLOSED, VERDICT = "out_of_service", "in_service", "closed", "verdict"
"""What people do."""

BY_ROWS = (RAISED, RE_RAISED, SEVERITY_UP, SEVERITY_DOWN, CLEARED)
BY_LATE_ROWS = (REVISED, RETRACTED)
BY_CLOCK = (STALE, UNSHELVED, RE_ALARMED)
BY_PEOPLE = (
    ACKNOWLEDGED,
    CONFIRMED,
    SHELVED,
    UNSHELVED,
    SUPPRESSED,
    UNSUPPRESSED,
    OUT_OF_SERVICE,
    IN_SERVICE,
    CLOSED,
    VERDICT,
)
CHANGES = tuple(dict.fromkeys((*BY_ROWS, *BY_LATE_ROWS, *BY_CLOCK, *BY_PEOPLE)))


@dataclass(frozen=True)
class Change:
    """One change of one alert.

    ``at_us`` its event time [µs UTC]; ``severity`` after it; ``alert`` the alert as a document of ``alerts.json``,
    as it was known at that row; ``by`` and ``why`` of a person's act; ``details`` what else belongs to it,
    such as ``until`` of a shelving or ``as`` of a verdict.
    """

    change: str
    alert_id: str
    asset: str
    kind: str
    severity: str
    at_us: int
    alert: Mapping[str, Any]
    by: str | None = None
    why: str | None = None
    details: Mapping[str, Any] = field(default_factory=dict)

    @property
    def change_id(self) -> str:
        """16 hex digits: the same change has the same id, in every run and on every machine."""
        own = (self.change, self.alert_id, self.severity, str(self.at_us), self.by or "", self.why or "")
        act = (self.asset, str(self.details["action_id"])) if "action_id" in self.details else ()
        parts = (*own, *act)
        return hashlib.sha256("\x1f".join(parts).encode()).hexdigest()[:16]


def as_line(change: Change, known_us: int) -> dict[str, Any]:
    """The change as a line of ``history.jsonl``; ``known_us`` is its processing time [µs UTC]."""
    return {
        "change_id": change.change_id,
        "change": change.change,
        "alert_id": change.alert_id,
        "asset": change.asset,
        "kind": change.kind,
        "severity": change.severity,
        "event_time": iso(change.at_us),
        "processing_time": iso(known_us),
        "by": change.by,
        "why": change.why,
        "details": dict(change.details),
        "alert": dict(change.alert),
    }
