"""What a threshold is: a module that learns from scores of normal rows how rare a score is.

A threshold never sees sensors or assets, only scores; what it learns is a curve from score to return period.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from anomaly_lstm.errors import DataError

Float64 = NDArray[np.float64]

LEAST_SCORES = 40
"""Scores of normal rows below which nothing can be said."""

UNLIKE = 0.5
"""How much the tail of rows nobody has seen may be unlike the record's: the spread of the log of its scale."""

LONGEST_S = 1e12
"""Return periods are capped here [s]."""


@dataclass(frozen=True)
class Curve:
    """A strictly growing curve from score to return period, by straight lines in (score, log return period).

    ``score`` and ``log_period`` (n_knots,), both strictly increasing, log of seconds. ``normal_s`` is the normal time
    it was learned from [s]; return periods far beyond it are extrapolated ("beyond record").
    """

    score: Float64
    log_period: Float64
    normal_s: float

    def arrays(self) -> dict[str, Float64]:
        return {"score": self.score, "log_period": self.log_period, "normal_s": np.array(self.normal_s)}

    def return_period_s(self, score: NDArray[np.floating]) -> Float64:
        """Return period [s] of each score, finite and positive, capped at `LONGEST_S`; NaN where the score is NaN.

        Beyond the last knot the last slope goes on, below the first one the first.
        """
        x = score.astype(np.float64)
        inner = np.interp(x, self.score, self.log_period)
        below = self.log_period[0] + (x - self.score[0]) * _slope(self.score[:2], self.log_period[:2])
        above = self.log_period[-1] + (x - self.score[-1]) * _slope(self.score[-2:], self.log_period[-2:])
        log_period = np.where(x < self.score[0], below, np.where(x > self.score[-1], above, inner))
        return np.asarray(np.exp(np.clip(log_period, -30.0, np.log(LONGEST_S))))

    def limit(self, return_period_s: float) -> float:
        """The score at which the return period is reached (at most the cap)."""
        wanted = np.log(min(return_period_s, LONGEST_S))
        if wanted > self.log_period[-1]:
            return float(
                self.score[-1] + (wanted - self.log_period[-1]) / _slope(self.score[-2:], self.log_period[-2:])
            )
        return float(np.interp(wanted, self.log_period, self.score))


@dataclass(frozen=True)
class Curves:
    """The common curve, and for some modes one of their own: group, as in `Telemetry.group`, → curve.

    A mode's return period is the mean time in that mode between rows this strange.
    """

    common: Curve
    own: Mapping[int, Curve] = field(default_factory=dict)

    def of(self, group: int) -> Curve:
        return self.own.get(group, self.common)

    def return_period_s(self, score: NDArray[np.floating], group: NDArray[np.int64]) -> Float64:
        """Return period [s] of each score (n_rows,) by the curve of its row's group (n_rows,)."""
        out = self.common.return_period_s(score)
        for mode, curve in self.own.items():
            out[group == mode] = curve.return_period_s(score[group == mode])
        return out

    def arrays(self) -> dict[str, Float64]:
        own = {f"{mode}.{name}": a for mode, curve in self.own.items() for name, a in curve.arrays().items()}
        return self.common.arrays() | own


def curves_from(arrays: Mapping[str, Float64]) -> Curves:
    own = sorted({int(name.split(".")[0]) for name in arrays if "." in name})
    parts = {mode: {n: arrays[f"{mode}.{n}"] for n in ("score", "log_period", "normal_s")} for mode in own}
    return Curves(curve_from(arrays), {mode: curve_from(part) for mode, part in parts.items()})


def curve_from(arrays: Mapping[str, Float64]) -> Curve:
    return Curve(arrays["score"], arrays["log_period"], float(arrays["normal_s"]))


def normal_rows(stretches: Sequence[Float64]) -> int:
    """How many scores there are. Raises DataError when they are too few to calibrate on."""
    n = sum(int(np.isfinite(s).sum()) for s in stretches)
    if n < LEAST_SCORES:
        raise DataError(
            f"Only {n} normal rows are left to calibrate on; at least {LEAST_SCORES} are needed. "
            "Train on a longer span."
        )
    return n


def strictly_rising(score: Float64, log_period: Float64, normal_s: float) -> Curve:
    """A curve through points that rise weakly, made strict; points are sorted, equal scores keep their longest
    period, and return periods beyond the record are doubted.
    """
    log_period = _doubted(log_period, math.log(normal_s))
    order = np.lexsort((log_period, score))
    score, log_period = score[order], np.maximum.accumulate(log_period[order])
    last = np.r_[np.diff(score) > 1e-9, True]
    score, log_period = score[last], log_period[last]
    log_period = log_period + 1e-9 * np.arange(len(log_period))
    if len(score) < 2:
        score, log_period = np.r_[score, score[-1] + 1.0], np.r_[log_period, log_period[-1] + 1.0]
    return Curve(score, log_period, normal_s)


def _doubted(log_period: Float64, log_record: float) -> Float64:
    """Log return periods, shorter beyond the record: there the scale of the tail is known to a factor only.

    Rows of other days, seasons and machines do not thin out exactly as those of the record do, so the rate of what is
    rarer than once in the record is averaged over a log-normal factor on the scale (three points of Gauss and
    Hermite).
    """
    beyond = np.maximum(log_period - log_record, 0.0)
    factor = np.exp(UNLIKE * math.sqrt(3.0) * np.array([-1.0, 0.0, 1.0]))
    rate = np.exp(-beyond[:, None] / factor) @ np.array([1.0, 4.0, 1.0]) / 6.0
    return np.asarray(np.minimum(log_period, log_record) - np.log(rate))


def _slope(x: Float64, y: Float64) -> float:
    return float((y[1] - y[0]) / (x[1] - x[0]))


class Threshold(Protocol):
    """The shape of every module in this room."""

    NAME: str

    def fit(self, stretches: Sequence[Float64], period_s: float) -> Curve:
        """Learn from scores of normal rows that nothing learned from: continuous stretches (n_rows,), NaN = no score.

        ``period_s`` is the grid period [s]. Raises `errors.DataError` when there are too few scores to say anything.
        """
        ...
