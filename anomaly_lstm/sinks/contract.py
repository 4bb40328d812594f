"""What a sink is: a module that puts alerts in one kind of place."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol


@dataclass(frozen=True)
class AlertReport:
    """What `alert` has to tell: the run it comes from, and the alerts as documents (see
    ``schemas/alerts.schema.json``).
    """

    run: Mapping[str, Any]
    alerts: Sequence[Mapping[str, Any]]


class Sink(Protocol):
    """The shape of every module in this room."""

    NAME: str
    SUFFIX: str

    def write(self, path: Path, report: AlertReport) -> None:
        """Replace the file at ``path`` in one step. Raises DataError when it cannot be written."""
        ...

    def read(self, path: Path) -> AlertReport:
        """What `write` wrote. Raises DataError when the file is not one of ours."""
        ...
