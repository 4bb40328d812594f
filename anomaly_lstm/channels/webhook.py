"""The changes as they stand in the history, one JSON object per line, in an HTTP POST."""

from __future__ import annotations

import json

from anomaly_lstm.channels.posting import post
from anomaly_lstm.messages import Message

NAME = "webhook"
HEARS: frozenset[str] = frozenset()


def send(message: Message, address: str, timeout_s: float) -> None:
    """POST the lines; ``Idempotency-Key`` is the message id, the same when a message comes twice."""
    lines = "".join(json.dumps(dict(line), ensure_ascii=False) + "\n" for line in message.lines)
    headers = {"Content-Type": "application/x-ndjson; charset=utf-8", "Idempotency-Key": message.message_id}
    post(address, lines.encode(), headers, timeout_s)
