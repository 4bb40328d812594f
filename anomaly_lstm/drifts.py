"""Slow drifts: for each sensor how long, and how far, it has stood above or below what was expected.

A cumulative sum (E. S. Page, 1954) adds up by how much a deviation exceeds `ALLOWED` spreads, row by row, and starts
again wherever it falls to nothing; where it last did so the drift began (D. V. Hinkley, 1970). One sum looks up, one
down. It is an explicit fold: `Sums` is all it remembers, and rows without a deviation leave it alone.

How rare a sum is, is learned from rows that taught nothing to what expected them, as the return period of a score is.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise
from typing import Any

import numpy as np
from numpy.typing import NDArray

from anomaly_lstm.evidence import SLOW_REACH, robust_spread
from anomaly_lstm.thresholds.contract import LEAST_SCORES, LONGEST_S, Curve
from anomaly_lstm.windows import CHUNK

Float64 = NDArray[np.float64]
Int64 = NDArray[np.int64]
Bool = NDArray[np.bool_]

ALLOWED = 0.5
"""How far off a sensor may stand for ever [spreads]: half of the shift that a sum finds soonest."""

MOST_ROWS = 400_000
"""Rows of all assets together from which it is learned how rare sums are, the last ones: each sensor and side of so
many takes about half a second, and a return period of years is extrapolated from more of them too."""

NEVER = 1e12
"""A sum that none comes to: of a sensor of which normal rows could not tell."""

UP, DOWN = range(2)
WAYS = (1.0, -1.0)
"""The directions, in the order of the first axis of all sums, and their signs."""

RETURN_PERIODS_S = np.geomspace(1e2, LONGEST_S, 41)
"""Return periods at which the sums are kept [s]."""


@dataclass(frozen=True)
class Drifts:
    """``spread`` (n_scored,) of the deviations of normal rows [sensor units]; ``sum_at`` (2, n_scored, 41) [spreads ×
    rows] of which return period, `RETURN_PERIODS_S`, a sum is; `NEVER` where normal rows could not tell.
    """

    spread: Float64
    sum_at: Float64

    def limit(self, way: int, sensor: int, return_period_s: float) -> float:
        """The sum at which a return period is reached."""
        at = np.log(np.clip(return_period_s, RETURN_PERIODS_S[0], RETURN_PERIODS_S[-1]))
        return float(np.interp(at, np.log(RETURN_PERIODS_S), self.sum_at[way, sensor]))

    def return_period_s(self, way: int, sensor: int, sum_: float) -> float:
        """The return period of a sum [s]."""
        return float(np.exp(np.interp(sum_, self.sum_at[way, sensor], np.log(RETURN_PERIODS_S))))

    def arrays(self) -> dict[str, Float64]:
        return {"spread": self.spread, "sum_at": self.sum_at}


def drifts_from(arrays: Mapping[str, Float64]) -> Drifts | None:
    """The reverse of `Drifts.arrays`; None in a model that was trained before there were any."""
    return Drifts(arrays["spread"], arrays["sum_at"]) if arrays else None


# ---------------------------------------------------------------- the fold


@dataclass(frozen=True)
class Sums:
    """What is remembered of the drifts of an asset after the row at grid index ``at`` (−1 = there was none).

    Each (2, n_scored): the sums ``now`` [spreads × rows], the ``highest`` since they last were nothing, and their
    ``onset``, the grid index of the first row after that, −1 where they are nothing.
    """

    at: int
    now: Float64
    highest: Float64
    onset: Int64

    def arrays(self) -> dict[str, NDArray[Any]]:
        return {"at": np.array(self.at), "now": self.now, "highest": self.highest, "onset": self.onset}


def sums_from(arrays: Mapping[str, NDArray[Any]]) -> Sums:
    """The reverse of `Sums.arrays`."""
    return Sums(int(arrays["at"]), arrays["now"], arrays["highest"], arrays["onset"])


def at_rest(n_scored: int) -> Sums:
    """Before the first row."""
    return Sums(-1, np.zeros((2, n_scored)), np.zeros((2, n_scored)), np.full((2, n_scored), -1, np.int64))


def advance(drifts: Drifts, sums: Sums, index: Int64, deviation: Float64, anew: Bool | None = None) -> list[Sums]:
    """The sums after the rows of each chunk of absolute time, the last after all rows; none without rows.

    ``deviation`` (n_rows, n_scored) is measured − expected in sensor units at grid ``index`` (n_rows,), NaN where a row
    says nothing; ``sums`` are those before. From the rows on which a sensor begins ``anew`` (n_rows, n_scored), nothing
    is remembered of it. As a chunk begins no sum is more than that of the longest return period, so that a drift that
    is over is forgotten in good time.
    """
    scaled = np.clip(deviation / drifts.spread, -SLOW_REACH, SLOW_REACH)
    fresh = np.zeros(deviation.shape, bool) if anew is None else anew
    begins = np.diff(index // CHUNK, prepend=sums.at // CHUNK) != 0
    cuts = np.flatnonzero(begins | fresh.any(axis=1) | (np.arange(len(index)) == 0))
    ends: dict[int, Sums] = {}
    for start, stop in pairwise([*cuts.tolist(), len(index)]):
        if begins[start]:
            sums = replace(sums, now=np.minimum(sums.now, drifts.sum_at[..., -1]))
        sums = _after(_forgotten(sums, fresh[start]), index[start:stop], scaled[start:stop])
        ends[sums.at // CHUNK] = sums
    return list(ends.values())


def _forgotten(sums: Sums, anew: Bool) -> Sums:
    """The sums with nothing remembered of the sensors that begin ``anew`` (n_scored,)."""
    blank = at_rest(len(anew))
    return Sums(
        sums.at,
        np.where(anew, blank.now, sums.now),
        np.where(anew, blank.highest, sums.highest),
        np.where(anew, blank.onset, sums.onset),
    )


def _after(sums: Sums, index: Int64, scaled: Float64) -> Sums:
    """The sums after rows of scaled deviations (n_rows, n_scored) at grid ``index`` (n_rows,)."""
    along = sums_along(scaled, sums.now)
    row = np.arange(len(index))[:, None]
    nothing = np.where(along <= 0, row, -1).max(axis=1)
    highest = np.where(row > nothing[:, None], along, 0.0).max(axis=1)
    goes_on = (nothing < 0) & (sums.onset >= 0)
    onset = np.where(along[:, -1] > 0, index[np.minimum(nothing + 1, len(index) - 1)], -1)
    return Sums(
        int(index[-1]),
        along[:, -1],
        np.where(goes_on, np.maximum(sums.highest, highest), highest),
        np.where(goes_on, sums.onset, onset),
    )


def sums_along(scaled: Float64, before: Float64 | None = None) -> Float64:
    """The sums (2, n_rows, n_scored) on every row of scaled deviations (n_rows, n_scored), NaN where there is none."""
    added = np.stack([np.where(np.isfinite(scaled), way * scaled - ALLOWED, 0.0) for way in WAYS])
    if before is not None:
        added[:, 0] += before
    total = np.cumsum(added, axis=1)
    return np.asarray(total - np.minimum(np.minimum.accumulate(total, axis=1), 0.0))


# ---------------------------------------------------------------- learning it


def fit_drifts(
    records: Sequence[Float64],
    resolution: Float64,
    fit: Callable[[Sequence[Float64]], Curve],
    least: int = LEAST_SCORES,
) -> Drifts:
    """Learn how rare sums are from the deviations of normal rows that nothing learned from.

    ``records``, one per asset in time order, (n_rows, n_scored) in sensor units, NaN = none; ``resolution`` (n_scored,)
    is the least a sensor can show; ``fit`` learns a curve from sums to return periods.
    """
    most = MOST_ROWS // len(records)
    records = [record[-most:] for record in records]
    spread = robust_spread(np.concatenate(records), resolution)
    scaled = [np.clip(record / spread, -SLOW_REACH, SLOW_REACH) for record in records]
    along = [np.where(np.isfinite(record), sums_along(record), np.nan) for record in scaled]
    sum_at = np.full((2, len(spread), len(RETURN_PERIODS_S)), NEVER)
    for way, sensor in np.ndindex(sum_at.shape[:2]):
        sums = [one[way, :, sensor] for one in along]
        if sum(np.isfinite(one).sum() for one in sums) >= LEAST_SCORES:
            curve = fit(sums)
            sum_at[way, sensor] = [curve.limit(float(period_s)) for period_s in RETURN_PERIODS_S]
    return Drifts(spread, sum_at)
