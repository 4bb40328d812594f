"""What verdicts teach: how often alerts were right, and events that people may want to keep.

A verdict moves no limit. It becomes a proposal, and an engineer copies what is right into ``events.csv``.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from anomaly_lstm.clock import iso, parse_time

EVENT_OF = {
    "real": "anomaly",
    "known": "anomaly",
    "false": "normal",
    "sensor": "ignore",
    "process": "process_change",
    "planned": "maintenance",
}
"""Verdict → kind of the proposed event. ``anomaly``, ``ignore`` and ``maintenance`` are kept out of training, an
``anomaly`` is one that replays should find, and ``normal`` is a stretch to learn from."""


@dataclass(frozen=True)
class Precision:
    """How many alerts of an asset, raised in one month such as ``2026-03``, were real; of those that somebody judged
    real or false.
    """

    asset: str
    month: str
    real: int
    false: int

    @property
    def share(self) -> float:
        return self.real / (self.real + self.false)

    @property
    def interval(self) -> tuple[float, float]:
        """95 % interval of the share."""
        return wilson_interval(self.real, self.real + self.false)


def precision(alerts: Sequence[Mapping[str, Any]]) -> list[Precision]:
    """Per asset and month of raising, in that order, by alerts with their overlay (`cases.overlays`).

    Missing data, and other verdicts than ``real`` and ``false``, say nothing about the limits and are not counted.
    """
    counts: dict[tuple[str, str], list[int]] = {}
    for alert in alerts:
        if alert["kind"] == "deviation" and alert["verdict"] in ("real", "false"):
            pair = counts.setdefault((alert["asset"], alert["raised_at"][:7]), [0, 0])
            pair[alert["verdict"] == "false"] += 1
    return [Precision(*key, *pair) for key, pair in sorted(counts.items())]


def wilson_interval(hits: int, of: int) -> tuple[float, float]:
    """95 % interval of a probability given hits among independent trials (E. B. Wilson, 1927); 0 to 1 without any."""
    if not of:
        return 0.0, 1.0
    z = 1.959963984540054
    centre, spread = hits + z**2 / 2, z * math.sqrt(hits * (of - hits) / of + z**2 / 4)
    low, high = (centre - spread) / (of + z**2), (centre + spread) / (of + z**2)
    return (low if hits else 0.0), (high if hits < of else 1.0)


def proposed_events(alerts: Sequence[Mapping[str, Any]], period_us: int = 0) -> list[dict[str, str]]:
    """An event per deviation with a verdict, in the columns of ``events.csv``, in order of time; by alerts with their
    overlay.

    It reaches from the onset to the row on which the alert cleared or, while it stands, one ``period_us`` after the
    last row that was looked at [µs]; whoever copies it should look at both.
    """
    out = []
    for alert in sorted(alerts, key=lambda alert: (alert["onset"], alert["asset"])):
        verdict = alert["verdict"]
        if verdict and alert["kind"] == "deviation":
            last = parse_time(alert["updated_at"]) + period_us
            stands = "" if alert["cleared_at"] else "still standing; "
            note = f"proposed: alert {alert['alert_id']} was judged {verdict}; {stands}{alert['note'] or ''}"
            leading = next((one["sensor"] for one in alert["sensors"]), "")
            event = {"asset": alert["asset"], "start": alert["onset"], "end": alert["cleared_at"] or iso(last)}
            event |= {"kind": EVENT_OF[verdict], "sensor": leading if verdict == "sensor" else "", "failure_time": ""}
            event |= {"work_order": alert["work_order"] or "", "note": note.rstrip("; "), "by": alert["verdict_by"]}
            out.append(event)
    return out
