"""What a mover is: a module that knows what one closed service left with its users, and says what it means here."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol


@dataclass(frozen=True)
class Labelled:
    """A stretch [start_us, end_us) that people labelled there: it becomes an event of this ``kind``."""

    start_us: int
    end_us: int
    kind: str
    note: str


@dataclass(frozen=True)
class Flagged:
    """A stretch [start_us, end_us) in which the service itself saw an anomaly: for comparison, never a label.

    ``score`` its highest, if it gave one; ``sensor`` the one that it blamed most.
    """

    start_us: int
    end_us: int
    rows: int
    score: float | None = None
    sensor: str | None = None


@dataclass(frozen=True)
class OffCondition:
    """The asset is off while ``sensor`` is ``less`` than (or more than) ``limit``."""

    sensor: str
    less: bool
    limit: float


@dataclass(frozen=True)
class Moved:
    """What was found of one asset, and what it means; None and empty where nothing was found."""

    asset: str
    paths: tuple[Path, ...]
    """What is to be read."""
    source: Mapping[str, str] = field(default_factory=dict)
    """Keys of ``[source]`` by which its files are read."""
    zone: str | None = None
    period_us: int | None = None
    start_us: int | None = None
    until_us: int | None = None
    """The span that taught its model: [start_us, until_us)."""
    off: OffCondition | None = None
    delay_us: int | None = None
    every_us: int | None = None
    """How often it looked for new rows."""
    labels: tuple[Labelled, ...] = ()
    flagged: tuple[Flagged, ...] = ()
    told: tuple[str, ...] = ()
    """What was found, and each guess, in sentences."""
    unsure: tuple[str, ...] = ()
    """The guesses that a person should look at."""


class Mover(Protocol):
    """The shape of every module in this room."""

    NAME: str
    SERVICE: str
    """What its users call it."""

    def look(self, place: Path) -> Moved:
        """Say what is at a folder (or file) that users saved. Raises `errors.DataError` where nothing of theirs is."""
        ...
