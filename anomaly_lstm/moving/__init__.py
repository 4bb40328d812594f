"""ROOM: services that closed, one module per service; `MOVERS` is the list of them."""

from __future__ import annotations

from anomaly_lstm.moving import azure, lookout
from anomaly_lstm.moving.contract import Flagged, Labelled, Moved, Mover, OffCondition

__all__ = ["MOVERS", "Flagged", "Labelled", "Moved", "Mover", "OffCondition"]

MOVERS: dict[str, Mover] = {lookout.NAME: lookout, azure.NAME: azure}
"""Name in ``init --from`` → module."""
