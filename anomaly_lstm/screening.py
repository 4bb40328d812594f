"""Normal rows that are unlike all others: trouble nobody dated, found to be set aside before anything is learned.

A few per cent of trouble in the training rows would teach that trouble is normal: it widens the spreads, and the return
periods are then those of trouble. So the rows are first judged by the challenger's errors on held-out rows and by
evidence of the calmer rows. Outbursts that the body of the scores makes all but impossible, and that do not recur, are
set aside and named. A person overrules with an event of kind ``normal``.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from anomaly_lstm.calibration import Held, evidence_of
from anomaly_lstm.delays import OFF_ROWS
from anomaly_lstm.evidence import SHORT, judge
from anomaly_lstm.tails import body_scale
from anomaly_lstm.telemetry import Telemetry

Float64 = NDArray[np.float64]
Bool = NDArray[np.bool_]

TRIMMED = 0.05
"""The strangest share of rows does not teach the evidence that looks for trouble."""

SURE = 1e4
"""An outburst is trouble if the body of the scores lets expect it once in so many records; the body is a crude guide
that far out."""

LEAST_ROWS = 1000
"""Fewer rows do not show what is exceptional."""

MOST = 3
"""What breaks out more often than this in the rows of one asset is how that asset runs."""

LARGEST = 0.1
"""No more than this share of the rows is set aside: what is so frequent is no exception."""

PASSES = 3
"""Trouble hides lesser trouble: after some is found, the rest is looked at again."""


@dataclass(frozen=True)
class Stretch:
    """Rows of the asset at a position in the list that are unlike the rest; ``sensor`` is the place of the scored
    sensor that leads, ``score`` the highest evidence.
    """

    asset: int
    rows: slice
    sensor: int
    score: float

    def __len__(self) -> int:
        return int(self.rows.stop - self.rows.start)


def unlike_the_rest(
    assets: Sequence[Telemetry], normal: Sequence[Bool], held: Held, resolution: Float64
) -> list[Stretch]:
    """The stretches of ``normal`` rows to set aside, in time order of each asset; ``held`` are errors on all of them.

    ``resolution`` (n_scored,) in sensor units.
    """
    found: list[Stretch] = []
    n_rows = sum(int(live.sum()) for live in held.live)
    if n_rows < LEAST_ROWS:
        return found
    calm = _calm(assets, normal, held, resolution)
    for _ in range(PASSES):
        rest = without(normal, found)
        more = _outbursts(_judged(assets, rest, held, _without(calm, found), resolution))
        if not more:
            break
        found += more
    return sorted(_exceptions(found, n_rows), key=lambda s: (s.asset, s.rows.start))


def without(normal: Sequence[Bool], found: Sequence[Stretch]) -> list[Bool]:
    """The normal rows but for those set aside."""
    kept = [mask.copy() for mask in normal]
    for stretch in found:
        kept[stretch.asset][stretch.rows] = False
    return kept


def _without(held: Held, found: Sequence[Stretch]) -> Held:
    return replace(held, live=tuple(without(held.live, found)))


def _calm(assets: Sequence[Telemetry], normal: Sequence[Bool], held: Held, resolution: Float64) -> Held:
    """The errors without the strangest rows."""
    scores = [score for score, _ in _judged(assets, normal, held, held, resolution)]
    cut = np.nanquantile(np.concatenate(scores), 1.0 - TRIMMED)
    return replace(held, live=tuple(live & ~(s > cut) for live, s in zip(held.live, scores, strict=True)))


def _outbursts(judged: Sequence[tuple[Float64, Float64]]) -> list[Stretch]:
    """Runs of high scores with a peak out of all proportion to the body of the scores, an exponential tail from its
    median and top tenth.
    """
    known = np.concatenate([score[np.isfinite(score)] for score, _ in judged])
    high = float(np.quantile(known, 0.9))
    limit = high + body_scale(known) * math.log(len(known) / 10 * SURE)
    found = []
    for number, (score, shares) in enumerate(judged):
        above = np.flatnonzero(score > high)
        for run in np.split(above, np.flatnonzero(np.diff(above) > OFF_ROWS) + 1):
            if len(run) and score[run].max() > limit:
                rows = slice(int(run[0]), int(run[-1]) + 1)
                found.append(Stretch(number, rows, int(np.argmax(shares[run].sum(axis=0))), float(score[run].max())))
    return found


def _judged(
    assets: Sequence[Telemetry], normal: Sequence[Bool], held: Held, calm: Held, resolution: Float64
) -> list[tuple[Float64, Float64]]:
    """Scores (n_rows,), NaN where there is none, and shares (n_rows, n_scored) of each asset's rows, by the evidence
    of the calm rows. Slow evidence would go on for long after the trouble, and is left out.
    """
    evidence = evidence_of(calm, assets, normal, resolution, SHORT)
    out = []
    for asset, mask, errors, live in zip(assets, normal, held.errors, held.live, strict=True):
        score, shares = np.full(len(asset), np.nan), np.zeros((len(asset), errors.shape[2]))
        for rows in asset.stretches(mask):
            judged = judge(evidence, int(asset.index[rows.start]), errors[:, rows], live[rows], asset.group[rows])
            score[rows], shares[rows] = judged.score, judged.shares
        out.append((score, shares))
    return out


def _exceptions(found: Sequence[Stretch], n_rows: int) -> list[Stretch]:
    """Those that do not recur, the strangest first, as long as they stay few rows."""
    often = [s.asset for s in found]
    kept: list[Stretch] = []
    for stretch in sorted(found, key=lambda s: -s.score):
        if often.count(stretch.asset) <= MOST and sum(map(len, [*kept, stretch])) <= LARGEST * n_rows:
            kept.append(stretch)
    return kept
