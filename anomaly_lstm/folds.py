"""Which rows teach and which are held out, so that no row is calibrated by what learned from it.

One asset, or a few: the network's errors come from blocks of rows held out in turn, with a gap on both sides, for a
one-step error hardly knows what came hours later. The level, which a slow drift would flatter, is always learned from
the rows before. The evidence of those errors is again learned from all blocks but the one it judges. Many assets with a
short record each: groups of them are left out in turn.
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
"""From this many assets on, whole assets are left out instead of stretches of time …"""

KNOWN_ROWS = 4000
"""… unless half of them have so many normal rows, ten memories of the slowest statistic: tomorrow's rows then come from
assets that are known, and calibrating as if they were strangers promised several times the alerts that came (`make
bench-budget`)."""

GROUPS = 3
BLOCKS = 4
"""Blocks of time the network is tested on."""

STEPS = 8
"""Steps in time in which the level is chained forward."""

FIRST_JUDGED = 2
"""The step from which on rows are judged: a level learned from less than a quarter of them errs more than it will."""


@dataclass(frozen=True)
class Fold:
    """Rows to learn from and rows held out, one mask (n_rows,) per asset."""

    learn: tuple[Bool, ...]
    held: tuple[Bool, ...]


@dataclass(frozen=True)
class Plan:
    """Folds for the network's errors (the newest rows first, of a few assets), for those of the level, and for the
    scores: there what is learned is the evidence, from the errors on the rows to learn from.
    """

    network: tuple[Fold, ...]
    level: tuple[Fold, ...]
    scores: tuple[Fold, ...]


def plan(assets: Sequence[Telemetry], normal: Sequence[Bool]) -> Plan:
    """Which rows teach and which rows are held out, fold by fold."""
    if len(assets) >= MANY_ASSETS and _rows_each(assets, normal) < KNOWN_ROWS:
        groups = _leave_assets_out(normal)
        return Plan(groups, groups, groups)
    teaching = [a.index[keep & (a.state == State.SCORED)] for a, keep in zip(assets, normal, strict=True)]
    times = np.sort(np.concatenate(teaching))
    gap = int(np.clip(len(times) // len(assets) // BLOCKS // 50, 10, 100))
    blocks, steps = _cuts(times, BLOCKS), _cuts(times, STEPS)
    ahead = [_before(assets, normal, steps[k] - gap, steps[k], steps[k + 1]) for k in range(1, STEPS)]
    around = [_around(assets, normal, blocks[k], blocks[k + 1], gap) for k in reversed(range(BLOCKS))]
    level = [fold for fold in ahead if any(rows.any() for rows in fold.learn)]
    scores = [_around(assets, normal, steps[k], steps[k + 1], gap) for k in range(FIRST_JUDGED, STEPS)]
    return Plan(tuple(around), tuple(level), tuple(fold for fold in scores if any(rows.any() for rows in fold.held)))


def _rows_each(assets: Sequence[Telemetry], normal: Sequence[Bool]) -> float:
    return float(np.median([(keep & (a.state == State.SCORED)).sum() for a, keep in zip(assets, normal, strict=True)]))


def _cuts(times: NDArray[np.int64], n: int) -> list[int]:
    """Grid indices that cut the rows into n parts of equal number, both ends included."""
    return [int(times[len(times) * k // n]) for k in range(n)] + [int(times[-1]) + 1]


def _before(assets: Sequence[Telemetry], normal: Sequence[Bool], until: int, start: int, stop: int) -> Fold:
    """Learn from all before ``until``, hold out [start, stop)."""
    pairs = list(zip(assets, normal, strict=True))
    return Fold(
        learn=tuple(keep & (a.index < until) for a, keep in pairs),
        held=tuple(keep & (a.index >= start) & (a.index < stop) for a, keep in pairs),
    )


def _around(assets: Sequence[Telemetry], normal: Sequence[Bool], start: int, stop: int, gap: int) -> Fold:
    """Hold out [start, stop), learn from all that lies further than ``gap`` from it."""
    pairs = list(zip(assets, normal, strict=True))
    return Fold(
        learn=tuple(keep & ((a.index < start - gap) | (a.index >= stop + gap)) for a, keep in pairs),
        held=tuple(keep & (a.index >= start) & (a.index < stop) for a, keep in pairs),
    )


def _leave_assets_out(normal: Sequence[Bool]) -> tuple[Fold, ...]:
    group = [i % GROUPS for i in range(len(normal))]
    return tuple(
        Fold(
            learn=tuple(keep & (g != out) for keep, g in zip(normal, group, strict=True)),
            held=tuple(keep & (g == out) for keep, g in zip(normal, group, strict=True)),
        )
        for out in range(GROUPS)
    )
