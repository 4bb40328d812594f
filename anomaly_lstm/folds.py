"""Which rows teach and which are held out, so that no row is calibrated by what learned from it.

One asset, or a few: *forward chaining*. The history is cut into quarters; what is learned on the first is judged on
the second, on the first two on the third, and so on. Many assets: groups of them are left out in turn.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from anomaly_lstm.tables import State
from anomaly_lstm.telemetry import Telemetry

Bool = NDArray[np.bool_]

MANY_ASSETS = 6
"""From this many assets on, whole assets are left out instead of chaining forward."""

GROUPS = 3
QUARTERS = 4


@dataclass(frozen=True)
class Fold:
    """Rows to learn from and rows held out, one mask (n_rows,) per asset; and the folds whose errors judge the held
    rows (none: it only supplies errors).
    """

    learn: tuple[Bool, ...]
    held: tuple[Bool, ...]
    judged_by: tuple[int, ...]


def plan(assets: Sequence[Telemetry], normal: Sequence[Bool]) -> list[Fold]:
    """Which rows teach and which rows are held out, fold by fold."""
    if len(assets) >= MANY_ASSETS:
        return _leave_assets_out(normal)
    return _chain_forward(assets, normal)


def _leave_assets_out(normal: Sequence[Bool]) -> list[Fold]:
    group = [i % GROUPS for i in range(len(normal))]
    return [
        Fold(
            learn=tuple(keep & (g != out) for keep, g in zip(normal, group, strict=True)),
            held=tuple(keep & (g == out) for keep, g in zip(normal, group, strict=True)),
            judged_by=tuple(other for other in range(GROUPS) if other != out),
        )
        for out in range(GROUPS)
    ]


def _chain_forward(assets: Sequence[Telemetry], normal: Sequence[Bool]) -> list[Fold]:
    """Quarters of the rows that teach, in time; a gap of a fiftieth of a quarter, 10 to 100 rows, lies between what
    teaches and what is held.
    """
    teaching = [a.index[keep & (a.state == State.SCORED)] for a, keep in zip(assets, normal, strict=True)]
    times = np.sort(np.concatenate(teaching))
    cuts = [int(times[len(times) * q // QUARTERS]) for q in range(1, QUARTERS)] + [int(times[-1]) + 1]
    gap = int(np.clip(len(times) // len(assets) // QUARTERS // 50, 10, 100))
    return [
        Fold(
            learn=tuple(keep & (a.index < cuts[q] - gap) for a, keep in zip(assets, normal, strict=True)),
            held=tuple(
                keep & (a.index >= cuts[q]) & (a.index < cuts[q + 1]) for a, keep in zip(assets, normal, strict=True)
            ),
            judged_by=tuple(range(q)),
        )
        for q in range(QUARTERS - 1)
    ]
