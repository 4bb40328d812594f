"""Prometheus Alertmanager, API v2: it groups, routes, silences and repeats by its own rules.

Alertmanager tells alerts apart by their labels, and the severity is one of them: when it changes, the alert with the
old one is ended. It would take an alert without ``endsAt`` for resolved after its ``resolve_timeout``, so one that
stands is given an end that never comes. Its real end is sent even where people are not told of it, and so is that
somebody put it aside, or no longer does.

Source: https://prometheus.io/docs/alerting/latest/alerts_api/
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

from anomaly_lstm.changes import (
    IN_SERVICE,
    OUT_OF_SERVICE,
    SEVERITY_DOWN,
    SEVERITY_UP,
    SHELVED,
    SUPPRESSED,
    UNSHELVED,
    UNSUPPRESSED,
)
from anomaly_lstm.channels.posting import post
from anomaly_lstm.clock import iso, parse_time
from anomaly_lstm.messages import ENDS, Line, Message, has_ended, highest, rank, severity_of
from anomaly_lstm.tables import SEVERITIES

NAME = "alertmanager"
PUT_ASIDE = frozenset({SHELVED, SUPPRESSED, OUT_OF_SERVICE})
HEARS = ENDS | PUT_ASIDE | {UNSHELVED, UNSUPPRESSED, IN_SERVICE}
PATH = "/api/v2/alerts"
NEVER = "2999-12-31T23:59:59Z"


def send(message: Message, address: str, timeout_s: float) -> None:
    """POST the alerts, those that stand and those that ended; the message id goes along as ``Idempotency-Key``."""
    place = address.rstrip("/")
    content = json.dumps([alert for line in message.lines for alert in _alerts(line, message)]).encode()
    headers = {"Content-Type": "application/json", "Idempotency-Key": message.message_id}
    post(place if place.endswith(PATH) else place + PATH, content, headers, timeout_s)


def _alerts(line: Line, message: Message) -> Iterator[dict[str, Any]]:
    """The alert as it is after a change, and as it no longer is: with other severities it may have had."""
    if not line["alert"]:
        return  # an act on a whole asset: what becomes of its alerts comes with their own changes
    ended = has_ended(line) or line["change"] in PUT_ASIDE
    now = severity_of(line)
    if ended or line["change"] in (SEVERITY_UP, SEVERITY_DOWN):
        others = SEVERITIES[: rank(highest(line)) + 1]
        yield from (_alert(line, message, other, ended=True) for other in others if other != now)
    yield _alert(line, message, now, ended=ended)


def _alert(line: Line, message: Message, severity: str, *, ended: bool) -> dict[str, Any]:
    alert = line["alert"]
    begin_us, change_us = parse_time(alert.get("raised_at") or line["event_time"]), parse_time(line["event_time"])
    begin_us = min(begin_us, change_us)
    labels = {
        "alertname": "anomaly_lstm",
        "asset": line["asset"],
        "kind": line["kind"],
        "severity": severity,
        "alert_id": line["alert_id"],
    }
    told = {"summary": message.title, "reason": alert.get("reason"), "forecast": alert.get("forecast")}
    return {
        "labels": labels,
        "annotations": {name: text for name, text in told.items() if text},
        "startsAt": iso(begin_us),
        "endsAt": iso(change_us) if ended else NEVER,
    }
