"""What people do to alerts: the lines of ``actions.jsonl``, an input of the fold over cases.

The names are those of OPC UA Part 9 and ISA-18.2.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from anomaly_lstm import changes
from anomaly_lstm.clock import iso, parse_time

ACKNOWLEDGE, CONFIRM, SHELVE, UNSHELVE, SUPPRESS, UNSUPPRESS = (
    "acknowledge",
    "confirm",
    "shelve",
    "unshelve",
    "suppress",
    "unsuppress",
)
OUT_OF_SERVICE, IN_SERVICE, CLOSE, VERDICT = "out_of_service", "in_service", "close", "verdict"

MADE = {
    ACKNOWLEDGE: changes.ACKNOWLEDGED,
    CONFIRM: changes.CONFIRMED,
    SHELVE: changes.SHELVED,
    UNSHELVE: changes.UNSHELVED,
    SUPPRESS: changes.SUPPRESSED,
    UNSUPPRESS: changes.UNSUPPRESSED,
    OUT_OF_SERVICE: changes.OUT_OF_SERVICE,
    IN_SERVICE: changes.IN_SERVICE,
    CLOSE: changes.CLOSED,
    VERDICT: changes.VERDICT,
}
"""What a person does → the change it makes."""

HOLDS = (OUT_OF_SERVICE, SUPPRESS, SHELVE)
"""Acts that keep cases from being told, the weightiest first."""

LIFTS = {IN_SERVICE: OUT_OF_SERVICE, UNSUPPRESS: SUPPRESS, UNSHELVE: SHELVE}
"""Acts that end such a one."""

NEEDS_REASON = (SHELVE, SUPPRESS, OUT_OF_SERVICE, CLOSE)
"""Acts that ISA-18.2 wants a reason for: others will ask why nothing was told."""

VERDICTS = ("real", "false", "known", "sensor", "process", "planned")
"""What an alert turned out to be: a fault, nothing, a fault that was known, a bad sensor, a change of the process, or
planned work."""


NOTHING: Mapping[str, Any] = {
    "acked": False,
    "acked_by": None,
    "confirmed": False,
    "shelved_until": None,
    "shelved_because": None,
    "suppressed": False,
    "out_of_service": False,
    "stale": False,
    "closed": False,
    "closed_because": None,
    "verdict": None,
    "verdict_by": None,
    "work_order": None,
    "note": None,
}
"""The overlay of an alert that nobody has touched."""


HANDLED = {
    "closed": "closed",
    "out_of_service": "out of service",
    "suppressed": "suppressed",
    "shelved_until": "shelved",
    "acked": "acknowledged",
}
"""What people make of an alert → in words, the weightiest first."""


def handled(alert: Mapping[str, Any]) -> str | None:
    """What people made of an alert, in words; None where nobody touched it, or where its document does not tell."""
    return next((words for key, words in HANDLED.items() if alert.get(key)), None)


@dataclass(frozen=True)
class Action:
    """What a person did: one line of ``actions.jsonl``.

    The target is an alert, with what the person saw of it, ``kind``, ``severity`` and leading ``sensors``; or an
    ``asset``, where ``sensors`` name those meant and none means all. A shelving always has an end, ``until_us``;
    ``one_shot`` ends it when the alert clears, if that is sooner. ``verdict`` is one of `VERDICTS`. ``at_us`` is on the
    clock of the wall, ``seen_us`` the newest row that could be known then, on that of the data [µs UTC].
    """

    action_id: str
    at_us: int
    by: str
    do: str
    asset: str
    why: str | None = None
    alert_id: str | None = None
    kind: str | None = None
    severity: str | None = None
    sensors: tuple[str, ...] = ()
    until_us: int | None = None
    one_shot: bool = False
    verdict: str | None = None
    work_order: str | None = None
    note: str | None = None
    seen_us: int | None = None

    @property
    def counts_us(self) -> int:
        """From when it counts, on the clock of the data [µs UTC]."""
        return self.at_us if self.seen_us is None else min(self.at_us, self.seen_us)


def action_line(act: Action) -> dict[str, Any]:
    """An action as a line of ``actions.jsonl``: every key there, null where empty, times ISO 8601 with Z."""
    return {
        "action_id": act.action_id,
        "at": iso(act.at_us),
        "seen": None if act.seen_us is None else iso(act.seen_us),
        "by": act.by,
        "do": act.do,
        "asset": act.asset,
        "why": act.why,
        "alert_id": act.alert_id,
        "kind": act.kind,
        "severity": act.severity,
        "sensors": list(act.sensors),
        "until": None if act.until_us is None else iso(act.until_us),
        "one_shot": act.one_shot,
        "as": act.verdict,
        "work_order": act.work_order,
        "note": act.note,
    }


def action_of(line: Mapping[str, Any]) -> Action:
    """The reverse of `action_line`. Raises KeyError where a key is missing, ValueError where `do` is unknown."""
    if line["do"] not in MADE:
        raise ValueError(f"do is '{line['do']}'; it must be one of {', '.join(MADE)}")
    plain = {key: value for key, value in line.items() if key not in ("at", "seen", "until", "as", "sensors")}
    plain |= {f"{name}_us": None if line[name] is None else parse_time(line[name]) for name in ("seen", "until")}
    return Action(**plain, at_us=parse_time(line["at"]), verdict=line["as"], sensors=tuple(line["sensors"]))
