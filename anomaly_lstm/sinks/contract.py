"""What a sink is: a module that puts alerts in one kind of place; a live sink shows how things stand after a run."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol


@dataclass(frozen=True)
class AlertReport:
    """What `alert` has to tell: the run it comes from, and the alerts and the indicators as documents (see
    ``schemas/alerts.schema.json``).
    """

    run: Mapping[str, Any]
    alerts: Sequence[Mapping[str, Any]]
    indicators: Sequence[Mapping[str, Any]] = ()


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


@dataclass(frozen=True)
class Seen:
    """A watched asset after a run: its newest row [µs UTC], the return period of its latest score [s]. None = none."""

    newest_us: int | None
    return_period_s: float | None = None


@dataclass(frozen=True)
class Standing:
    """How things stand after a run: what a live sink shows.

    ``pipeline`` is the name of the pipeline, ``history`` its file of changes, ``now_us`` the wall clock [µs UTC],
    ``rows`` how many were new; ``unwatched`` assets are switched off, ``failed`` asset → why, ``failing`` channel or
    sink → why; ``expected_false`` and ``observed_false`` alerts in healthy time, None without events to judge by.
    """

    pipeline: str
    history: Path
    now_us: int
    rows: int
    seconds: float
    report: AlertReport
    assets: Mapping[str, Seen]
    failed: Mapping[str, str] = field(default_factory=dict)
    unwatched: Sequence[str] = ()
    failing: Mapping[str, str] = field(default_factory=dict)
    expected_false: float | None = None
    observed_false: int | None = None


class LiveSink(Protocol):
    """The shape of the modules that keep another program informed of how things stand.

    They are no `Sink`: nothing reads them back, and they show more than alerts.
    """

    NAME: str
    COLUMNS: tuple[str, ...]
    """The fields that ``columns`` may name; empty where it has none to choose."""
    IS_FILE: bool
    """Is its place a path, or an address from the environment?"""

    def check(self, place: str) -> str | None:
        """What is wrong with a place, in words; None where nothing is."""
        ...

    def show(self, standing: Standing, place: str, columns: Mapping[str, str]) -> None:
        """Bring the place up to date; doing it twice changes nothing.

        ``columns`` column → field. An address is a secret: it stands in no error. Raises DeliveryError or DataError
        where the place does not take it, then the next run catches up.
        """
        ...
