"""Held-out rows: the errors and scores of rows by what never learned from them, and what they promise."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from anomaly_lstm import delays
from anomaly_lstm.deviations import Learned, deviations, live_rows
from anomaly_lstm.evidence import REACH, Evidence, fit_evidence, judge
from anomaly_lstm.folds import Fold
from anomaly_lstm.learning import CHALLENGER, with_challenger
from anomaly_lstm.tables import State
from anomaly_lstm.telemetry import Telemetry
from anomaly_lstm.thresholds.contract import Curve

Float64 = NDArray[np.float64]
Bool = NDArray[np.bool_]

SHOWN_SPAN = 5
"""The promise is checked at a return period of the normal time over this: a rate that those rows can show."""


@dataclass(frozen=True)
class Held:
    """One held-out stretch of one asset (``asset`` is its place in the list, ``rows`` its rows).

    ``errors`` (n_views, n_rows, n_scored) in sensor units and ``live`` (n_rows,) as when scoring; ``loss`` is the mean
    squared error of the network and of the challenger on its live rows, in scaled units.
    """

    asset: int
    rows: slice
    errors: Float64
    live: Bool
    loss: tuple[float, float]


def hold_out(learned: Learned, assets: Sequence[Telemetry], fold: Fold) -> list[Held]:
    """A fold's errors on its held rows, in time order per asset.

    The network runs over the whole stretch before them, as it will when it scores.
    """
    held = [(i, rows) for i, mask in enumerate(fold.held) for rows in assets[i].stretches(mask)]
    whole = [(assets[i], _from_start(assets[i], rows)) for i, rows in held]
    errors = deviations(learned, whole)
    rival = errors
    if learned.fitted.network != CHALLENGER:
        rival = deviations(with_challenger(learned, assets, fold.learn), whole)
    out = []
    for (i, rows), part, mine, other in zip(held, whole, errors, rival, strict=True):
        own = slice(rows.start - part[1].start, None)
        live = live_rows(learned, part)[own]
        loss = (_loss(learned, mine[0, own][live]), _loss(learned, other[0, own][live]))
        out.append(Held(i, rows, mine[:, own], live, loss))
    return out


def _from_start(asset: Telemetry, rows: slice) -> slice:
    """The rows back to the true start of their stretch."""
    return slice(int(np.argmax(asset.stretch == asset.stretch[rows.start])), rows.stop)


def _loss(learned: Learned, error: Float64) -> float:
    """Mean squared error in scaled units, held to the evidence's reach; 0 where there is nothing."""
    scaled = np.clip(error / learned.scaler.spread[: learned.n_scored], -REACH, REACH)
    return float(np.nanmean(scaled**2)) if np.isfinite(scaled).any() else 0.0


def evidence_of(held: Sequence[Held], resolution: Float64) -> Evidence:
    """What these errors teach about evidence; ``resolution`` (n_scored,) is the least spread of a sensor."""
    return fit_evidence([h.errors[:, h.live] for h in held if h.live.any()], resolution)


def judged(
    number: int, folds: Sequence[Fold], held: Sequence[Sequence[Held]], assets: Sequence[Telemetry], resolution: Float64
) -> list[Float64]:
    """Scores of a fold's held rows by the evidence of other folds' errors; one (n_rows,) per stretch, NaN elsewhere.

    The slow evidence first runs through the errors held just before, as it will have run when it scores.
    """
    fold = folds[number]
    evidence = evidence_of([h for other in fold.judged_by for h in held[other]], resolution)
    before = [h for other in fold.judged_by if other < number for h in held[other]]
    out = []
    for one in _joined([*before, *held[number]], assets):
        scores = judge(evidence, int(assets[one.asset].index[one.rows.start]), one.errors, one.live).score
        out.append(np.where(fold.held[one.asset][one.rows], scores.astype(np.float64), np.nan))
    return [s for s in out if np.isfinite(s).any()]


def _joined(held: Sequence[Held], assets: Sequence[Telemetry]) -> list[Held]:
    """Held stretches, those that follow each other within one stretch of one asset joined."""
    out: list[Held] = []
    for one in sorted(held, key=lambda h: (h.asset, h.rows.start)):
        last = out[-1] if out else None
        if last and _follows(one, last, assets[one.asset]):
            errors, live = np.concatenate([last.errors, one.errors], axis=1), np.concatenate([last.live, one.live])
            out[-1] = Held(one.asset, slice(last.rows.start, one.rows.stop), errors, live, one.loss)
        else:
            out.append(one)
    return out


def _follows(one: Held, last: Held, asset: Telemetry) -> bool:
    touch = (last.asset, last.rows.stop) == (one.asset, one.rows.start)
    return touch and bool(asset.stretch[one.rows.start] == asset.stretch[last.rows.start])


def promise(samples: Sequence[Float64], curve: Curve, period_s: float) -> dict[str, Any]:
    """Expected and observed alerts on the calibration rows, at a return period they can show.

    These rows shaped the curve, so this is a check of the arithmetic and of clustering, not a proof on new data.
    """
    level_s = curve.normal_s / SHOWN_SPAN
    limit, low = curve.limit(level_s), curve.limit(level_s * 10**-0.2)
    observed = 0
    for scores in samples:
        state = np.where(np.isfinite(scores), State.SCORED, State.NO_DATA).astype(np.uint8)
        observed += len(delays.standings(scores >= limit, scores < low, state, 0, 10))
    return {
        "normal_s": curve.normal_s,
        "at_s": level_s,
        "expected": curve.normal_s / level_s,
        "observed": observed,
        "period_s": period_s,
    }
