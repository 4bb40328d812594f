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
    both only read where ``state`` is SCORED. ``on_rows`` and ``off_rows`` are delays in grid rows of scored time; 0
    acts at once.
    """
    out: list[Standing] = []
    begun = raised = clearing = -1
    counted = 0
    for row in _interesting(above, below, state).tolist():
        kind = state[row]
        if raised < 0:
            if kind == State.OUT_OF_STATE or (kind == State.SCORED and not above[row]):
                begun = -1
            elif kind == State.SCORED:
                begun, counted = (row, 0) if begun < 0 else (begun, counted + 1)
                if counted >= on_rows:
                    raised, clearing = row, -1
        elif kind == State.SCORED:
            if not below[row]:
                clearing = -1
            else:
                clearing, counted = (row, 0) if clearing < 0 else (clearing, counted + 1)
                if counted >= off_rows:
                    out.append(Standing(begun, raised, row))
                    begun = raised = -1
    if raised >= 0:
        out.append(Standing(begun, raised, None))
    return out


def _interesting(above: Bool, below: Bool, state: NDArray[np.uint8]) -> NDArray[np.intp]:
    """All rows from the first one above the limit on: before it nothing can begin."""
    first = np.flatnonzero(above & (state == State.SCORED))
    return np.arange(first[0], len(state)) if len(first) else np.empty(0, np.intp)
