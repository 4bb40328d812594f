"""On-delay, off-delay and deadband over a series of rows with states, as in OPC UA Part 9 and ISA-18.2.

Delays count SCORED time only: rows without a score hold whatever stands, and a stop of the asset (OUT_OF_STATE)
cancels an on-delay that is still counting.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from anomaly_lstm.tables import State

Bool = NDArray[np.bool_]

OFF_ROWS = 10
"""Off-delay [grid rows] unless told otherwise."""

DEADBAND = 0.2
"""Deadband [log10 of the return period] unless told otherwise."""

REOPENS = 0.1
"""A deviation that comes again within this part of its limit's return period, and is no stranger, opens its alert
again: of two independent events (Poisson) one in ten comes so soon."""


@dataclass(frozen=True)
class Standing:
    """One alarm from its beginning to its end, as row positions.

    ``begun`` is the row on which the on-delay first began to count, ``raised`` the row on which it ran out,
    ``cleared`` the row on which the off-delay ran out, or None while it stands.
    """

    begun: int
    raised: int
    cleared: int | None


def standings(above: Bool, below: Bool, state: NDArray[np.uint8], on_rows: int, off_rows: int) -> list[Standing]:
    """Every alarm of one asset, in time order.

    ``above`` (n_rows,) rows at or over the limit, ``below`` (n_rows,) rows under the limit by more than the deadband,
    never both, and only read where ``state`` is SCORED. ``on_rows`` and ``off_rows`` are delays in grid rows of scored
    time; 0 acts at once.
    """
    scored = np.flatnonzero(state == State.SCORED)
    if not len(scored):
        return []
    rising = _rising(above, state, scored)
    falling = _run_length(below[scored], np.zeros(len(scored), bool))
    raising, clearing = np.flatnonzero(rising > on_rows), np.flatnonzero(falling > off_rows)
    out: list[Standing] = []
    at = 0
    while (i := int(np.searchsorted(raising, at))) < len(raising):
        raised = int(raising[i])
        begun = raised - int(rising[raised]) + 1
        j = int(np.searchsorted(clearing, raised))
        cleared = int(clearing[j]) if j < len(clearing) else None
        out.append(Standing(int(scored[begun]), int(scored[raised]), None if cleared is None else int(scored[cleared])))
        if cleared is None:
            break
        at = cleared + 1
    return out


def ran_out(above: Bool, state: NDArray[np.uint8], on_rows: int) -> Bool:
    """Rows (n_rows,) on which an on-delay of ``on_rows`` has run out; the arguments are those of `standings`."""
    scored = np.flatnonzero(state == State.SCORED)
    out = np.zeros(len(state), bool)
    out[scored[_rising(above, state, scored) > on_rows]] = True
    return out


def _rising(above: Bool, state: NDArray[np.uint8], scored: NDArray[np.intp]) -> NDArray[np.int64]:
    """How many scored rows in a row, up to and with each, are above without a stop of the asset in between."""
    stops = np.cumsum(state == State.OUT_OF_STATE)[scored]
    return _run_length(above[scored], np.diff(stops, prepend=stops[:1]) > 0)


def _run_length(holds: Bool, broken: Bool) -> NDArray[np.int64]:
    """How many rows in a row, up to and with each, a condition holds; ``broken`` rows begin a new run."""
    row = np.arange(len(holds))
    before = np.maximum.accumulate(np.where(~holds, row, np.where(broken, row - 1, -1)))
    return np.where(holds, row - before, 0)
