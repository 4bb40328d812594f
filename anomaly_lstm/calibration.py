"""Held-out rows: the errors and scores of rows by what never learned from them, and what they promise."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import Any

import numpy as np
from numpy.typing import NDArray

from anomaly_lstm import delays
from anomaly_lstm.deviations import Learned, deviations, live_rows
from anomaly_lstm.evidence import (
    LEAST_OF_MODE,
    LEVEL,
    PREDICTION,
    REACH,
    SLOWEST,
    Evidence,
    blended,
    fit_evidence,
    judge,
)
from anomaly_lstm.folds import Fold
from anomaly_lstm.tables import State
from anomaly_lstm.telemetry import Telemetry
from anomaly_lstm.thresholds.contract import Curve, Curves

Float64 = NDArray[np.float64]
Int64 = NDArray[np.int64]
Bool = NDArray[np.bool_]

SHOWN_SPAN = 5
"""The promise is checked at a return period of the normal time over this: a rate that those rows can show."""


@dataclass(frozen=True)
class Held:
    """Errors on rows that taught nothing to what made them, one entry per asset.

    ``errors`` (n_views, n_rows, n_scored) in sensor units, NaN on rows that no fold held out; ``live`` (n_rows,) are
    the rows with a network's error.
    """

    errors: tuple[Float64, ...]
    live: tuple[Bool, ...]


def hold_out(learned: Learned, assets: Sequence[Telemetry], fold: Fold) -> Held:
    """A fold's errors on its held rows.

    The network runs over the whole stretch before them, as it will when it scores.
    """
    errors = [np.full((2, len(a), learned.n_scored), np.nan) for a in assets]
    live = [np.zeros(len(a), bool) for a in assets]
    held = [(i, rows) for i, mask in enumerate(fold.held) for rows in assets[i].stretches(mask)]
    whole = [(assets[i], _from_start(assets[i], rows)) for i, rows in held]
    for (i, rows), part, moved in zip(held, whole, deviations(learned, whole), strict=True):
        own = slice(rows.start - part[1].start, None)
        errors[i][:, rows] = moved[:, own]
        live[i][rows] = live_rows(learned, part)[own]
    return Held(tuple(errors), tuple(live))


def together(network: Sequence[Held], level: Sequence[Held]) -> Held:
    """The network's errors of some folds, the level's of others; no row is held out twice by either."""
    errors = [np.full_like(e, np.nan) for e in network[0].errors]
    live = [np.zeros_like(rows) for rows in network[0].live]
    for view, some in ((PREDICTION, network), (LEVEL, level)):
        for held in some:
            for i, own in enumerate(held.errors):
                errors[i][view] = np.where(held.live[i][:, None], own[view], errors[i][view])
                if view == PREDICTION:
                    live[i] |= held.live[i]
    return Held(tuple(errors), tuple(live))


def _from_start(asset: Telemetry, rows: slice) -> slice:
    """The rows back to the true start of their stretch."""
    return slice(int(np.argmax(asset.stretch == asset.stretch[rows.start])), rows.stop)


def loss(learned: Learned, held: Held, assets: Sequence[Telemetry]) -> Float64:
    """Mean squared network error of each sensor (n_scored,) in spreads of the mode of its row, held to the evidence's
    reach; 0 where there is nothing.
    """
    rows = np.concatenate([e[PREDICTION][live] for e, live in zip(held.errors, held.live, strict=True)])
    group = np.concatenate([asset.group[live] for asset, live in zip(assets, held.live, strict=True)])
    scaled = np.clip(rows / learned.mode_spread[group], -REACH, REACH)
    known = np.isfinite(scaled)
    return np.asarray((np.where(known, scaled, 0.0) ** 2).sum(axis=0) / np.maximum(known.sum(axis=0), 1))


def evidence_of(
    held: Held, assets: Sequence[Telemetry], rows: Sequence[Bool], resolution: Float64, slowest: float = SLOWEST
) -> Evidence:
    """What the errors on ``rows`` teach about evidence; ``resolution`` (n_scored,) is the least a sensor shows,
    ``slowest`` the longest half-life [rows].
    """
    taught = [
        (errors[:, own][:, live[own]], asset.group[own][live[own]])
        for asset, mask, errors, live in zip(assets, rows, held.errors, held.live, strict=True)
        for own in asset.stretches(mask)
        if live[own].any()
    ]
    stretches, groups = [errors for errors, _ in taught], [group for _, group in taught]
    return fit_evidence(stretches, resolution, groups, assets[0].n_groups, slowest)


@dataclass(frozen=True)
class Sample:
    """Scores (n_rows,) of a stretch of normal rows by what never learned from them, NaN where there is none, and the
    group (n_rows,) of each row, as in `Telemetry.group`.

    ``deviation`` (n_rows, n_scored) is measured − expected in sensor units, as the scores table will hold both; the
    stretch is of the ``asset`` of that number and begins at grid index ``first``.
    """

    score: Float64
    group: Int64
    deviation: Float64
    asset: int
    first: int


def judged(fold: Fold, held: Held, assets: Sequence[Telemetry], resolution: Float64) -> list[Sample]:
    """Scores of a fold's held rows by the evidence of other rows' errors, stretch by stretch.

    The slow evidence first runs through the errors before, as it will have run when it scores. Rows of a mode whose
    level nobody had learned yet calibrate nothing.
    """
    evidence = evidence_of(held, assets, fold.learn, resolution)
    out = []
    for number, (asset, mask, errors, live) in enumerate(zip(assets, fold.held, held.errors, held.live, strict=True)):
        for rows in asset.stretches(mask):
            own = _from_start(asset, rows)
            group, moved = asset.group[own], errors[:, own]
            scores = judge(evidence, int(asset.index[own.start]), moved, live[own], group)
            unjudged = (group > 0) & ~np.isfinite(errors[LEVEL, own]).any(axis=1)
            told = np.where(unjudged, np.nan, scores.score.astype(np.float64))
            deviation = np.where(np.isfinite(told)[:, None], blended(scores.weights, moved), np.nan)
            late = slice(rows.start - own.start, None)
            out.append(Sample(told[late], group[late], deviation[late], number, int(asset.index[rows.start])))
    return [sample for sample in out if np.isfinite(sample.score).any()]


def records(samples: Sequence[Sample]) -> list[Float64]:
    """The deviations of each asset (n_rows, n_scored), its stretches one after the other in time."""
    in_time = sorted(samples, key=lambda sample: (sample.asset, sample.first))
    return [np.concatenate([one.deviation for one in mine]) for _, mine in groupby(in_time, lambda one: one.asset)]


def of_group(samples: Sequence[Sample], group: int) -> list[Float64]:
    """The scores of one group's rows, as if the asset had run in nothing else in between."""
    mine = [sample.score[sample.group == group] for sample in samples]
    return [scores for scores in mine if np.isfinite(scores).any()]


def calibrated(samples: Sequence[Sample], n_groups: int, fit: Callable[[Sequence[Float64]], Curve]) -> Curves:
    """Fit the common curve to all scores, and one to the scores of each mode that has enough of them."""
    mine = {mode: of_group(samples, mode) for mode in range(1, n_groups)}
    enough = {mode: some for mode, some in mine.items() if sum(np.isfinite(s).sum() for s in some) >= LEAST_OF_MODE}
    return Curves(fit([sample.score for sample in samples]), {mode: fit(some) for mode, some in enough.items()})


def promise(samples: Sequence[Sample], n_groups: int, curves: Curves, period_s: float) -> dict[str, Any]:
    """Expected and observed alerts on the calibration rows, at a return period they can show.

    These rows shaped the curves, so this is a check of the arithmetic and of clustering, not a proof on new data.
    """
    curve = curves.common
    level_s = curve.normal_s / SHOWN_SPAN
    observed = 0
    for group in range(n_groups):
        limit, low = curves.of(group).limit(level_s), curves.of(group).limit(level_s * 10**-delays.DEADBAND)
        for scores in of_group(samples, group):
            state = np.where(np.isfinite(scores), State.SCORED, State.NO_DATA).astype(np.uint8)
            observed += len(delays.standings(scores >= limit, scores < low, state, 0, delays.OFF_ROWS))
    return {
        "normal_s": curve.normal_s,
        "at_s": level_s,
        "expected": curve.normal_s / level_s,
        "observed": observed,
        "period_s": period_s,
    }
