"""What a data set is here: a module that finds its series in a download and measures what the package said of them.

Public data are judged by the measures their field uses, always with the budget beside them: alerts raised in healthy
rows against those that the promised return period allows.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from anomaly_lstm.evaluation import Raised, poisson_interval
from anomaly_lstm.events import Event

Float64 = NDArray[np.float64]
Int64 = NDArray[np.int64]
Bool = NDArray[np.bool_]


@dataclass(frozen=True, eq=False)
class Series:
    """A model's worth of data: frames with ``time`` [UTC], ``asset`` and one column per sensor, sorted by time within
    each asset; ``period_us`` the spacing of their rows [µs].

    ``context`` names columns that are given to the network and not scored. ``truth`` holds what happened in ``test``,
    half-open; labels are used for nothing but judging.
    """

    name: str
    train: pd.DataFrame
    test: pd.DataFrame
    period_us: int
    context: tuple[str, ...] = ()
    truth: tuple[Event, ...] = ()
    judged_from_us: int | None = None
    """Rows of ``test`` before it [µs UTC] are run-up, scored and not judged; None = all are judged."""


@dataclass(frozen=True, eq=False)
class Judged:
    """What `anomaly_lstm.score` and `anomaly_lstm.alert` said of a series, row by row of its ``test`` (n_rows,).

    ``grid_us`` is the grid time [µs UTC] that holds the row; ``score`` and ``return_period_s`` [s] are NaN where the
    row has none; ``alerts`` in order of time raised.
    """

    grid_us: Int64
    score: Float64
    return_period_s: Float64
    alerts: tuple[Raised, ...]


@dataclass(frozen=True)
class Budget:
    """Alerts raised in healthy rows beside those that the return period allows.

    ``expected`` = healthy rows with a score / rows of the return period; ``in_alarm`` counts healthy rows on which an
    alert stood.
    """

    observed: int
    expected: float
    healthy: int
    in_alarm: int

    @property
    def interval(self) -> tuple[float, float]:
        """95 % interval of observed/expected, from the Poisson distribution of the observed count."""
        low, high = poisson_interval(self.observed)
        return (low / self.expected, high / self.expected) if self.expected else (0.0, float("inf"))

    @property
    def share_in_alarm(self) -> float:
        """Part of the healthy rows on which an alert stood; 0 without any."""
        return self.in_alarm / self.healthy if self.healthy else 0.0


Figures = Mapping[str, float]
"""Name with unit → figure; NaN where there is nothing to measure."""


@dataclass(frozen=True)
class Measured:
    """Result of `DataSet.measure`: pooled figures, the same of an alarm that is always on where it has any, the budget,
    and figures of each series (or asset) by name.
    """

    figures: Figures
    budget: Budget
    always_on: Figures = field(default_factory=dict)
    each: Mapping[str, Figures] = field(default_factory=dict)


class DataSet(Protocol):
    """The shape of every module in this room that is named after a data set."""

    NAME: str
    SOURCE: str
    """Name of the data set and who publishes it, in words."""
    WARNING_ROWS: int
    """Return period of a warning [rows]: short enough that the set can show whether the budget is kept."""

    def find(self, folder: Path) -> list[Series]:
        """Read the set wherever below ``folder`` it lies, as it is downloaded; empty where it is not there."""
        ...

    def measure(self, series: Sequence[Series], judged: Sequence[Judged]) -> Measured:
        """Compare what was said of each series with what happened, without adjusting anything by the labels."""
        ...
