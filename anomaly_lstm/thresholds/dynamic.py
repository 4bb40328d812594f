"""Telemanom's nonparametric dynamic threshold, made static and causal, for users who come from there.

Source: K. Hundman et al., "Detecting Spacecraft Anomalies Using LSTMs and Nonparametric Dynamic Thresholding", KDD
2018 (arXiv:1802.04431), section 3; z from 2 to 10, h = 2100 and p = 0.13 are theirs. Over a history of smoothed errors,
epsilon = mean + z·std, with the z that maximises

    (Δmean/mean + Δstd/std) / (rows above + sequences²)

where Δ is what leaving out the rows above takes away, and a *sequence* is a contiguous run of rows above. Sequences
that do not stand out by the share p from the next lower one, and at last from the highest score up to epsilon, are
pruned: called normal again.

**What is different from the paper.** There epsilon moves with every batch and is found on the very rows it judges. Here
it is found once, in training, on trailing histories of the normal record, and stays. A row judged later is never looked
at, so its return period does not depend on what comes after it or on how the data is cut. What the paper would prune on
arrival is what does not stand out from the record, so epsilon is raised to the score that does (`epsilon`). Scores
already come from smoothed errors and are not smoothed again, and a low score is nothing strange: errors turned upside
down, as in the paper's program, have no counterpart.

**From epsilon to return periods**, with a record of N seconds of normal rows:

1. Where the record has at least `FEW` sequences they are counted: return period = N / sequences. A burst that falls to
   pieces at a higher score is still one. Below the score with the most sequences they merge; there rows are counted,
   and a sequence is taken to be as long as at that score.
2. Epsilon is the median over the histories. Where fewer sequences than `FEW` reach it, its return period is N /
   sequences, and N where there is none: the longest that a record can show. So rows above epsilon are rarer than
   anything the record shows, and rows below are not.
3. Beyond, the return period grows by the factor e per standard deviation of the scores, as with an exponential tail of
   that spread, and is then doubted as every return period beyond a record is (`contract`). Of what is not known about
   the shape of the tail it takes less care than `return_period` does.

A record of many histories can itself cross the paper's epsilon in `FEW` sequences or more. Then epsilon is no rarity:
its return period is the one counted, the false alarms it would have given, and 3. goes on from the highest score that
`FEW` sequences reach.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from anomaly_lstm.thresholds.contract import Curve, normal_rows, strictly_rising

Float64 = NDArray[np.float64]
Bool = NDArray[np.bool_]

NAME = "dynamic"

Z = np.arange(2.0, 10.5, 0.5)
"""Standard deviations from the mean to epsilon: the candidates."""

HISTORY = 2100
"""Scores in a history [rows], the paper's h."""

STEP = 700
"""Rows from one history to the next; the paper's 70 would only repeat nearly the same rows in the median."""

PRUNED = 0.13
"""A sequence whose peak lies by less than this share over the next lower one does not stand out, the paper's p."""

FEW = 5
"""Sequences from which on the record itself says how often they come."""

N_KNOTS = 60
"""Points of the curve below the score with the most sequences, and as many above."""

BEYOND = np.geomspace(0.1, 40.0, 40)
"""Knots beyond the record, in powers of e of the return period."""

_RESOLUTION = 1e-6
"""Scores are kept as float32: a smaller spread, relative to a score of at least 1, is none."""


@dataclass(frozen=True)
class Record:
    """Scores of normal rows laid end to end (n_rows,), and whether the next row goes on in the same stretch
    (n_rows − 1,).
    """

    score: Float64
    joined: Bool

    def newest(self, stop: int, n_rows: int) -> Record:
        """The last ``n_rows`` of the first ``stop`` rows; all of these where they are fewer."""
        start = max(stop - n_rows, 0)
        return Record(self.score[start:stop], self.joined[start : stop - 1])


def fit(stretches: Sequence[Float64], period_s: float) -> Curve:
    """Learn the curve from score to return period; see `contract.Threshold`.

    Histories are cut from the record laid end to end, so that machines with short runs have them too; a sequence ends
    with its stretch. Rows without a score neither end nor lengthen a sequence.
    """
    normal_s = normal_rows(stretches) * period_s
    record = record_of(stretches)
    level, count = sequences(record)
    limit, spread = typical(record)
    spread = max(spread, _RESOLUTION * max(float(np.abs(record.score).max()), 1.0))
    score, often = _counted(record, level, count)
    if limit > score[-1]:
        above = count[np.searchsorted(level, limit) :]
        score, often = np.r_[score, limit], np.r_[often, max(1.0, above[0] if len(above) else 0.0)]
    log_period = math.log(normal_s) - np.log(often)
    return strictly_rising(
        np.r_[score, score[-1] + spread * BEYOND], np.r_[log_period, log_period[-1] + BEYOND], normal_s
    )


def record_of(stretches: Sequence[Float64]) -> Record:
    """The rows with a score of continuous stretches (n_rows,), NaN = no score; at least one row."""
    known = [s[np.isfinite(s)] for s in stretches]
    last = np.cumsum([len(s) for s in known if len(s)]) - 1
    score = np.concatenate(known)
    joined = np.ones(len(score), bool)
    joined[last] = False
    return Record(score, joined[:-1])


def typical(record: Record) -> tuple[float, float]:
    """Medians over the histories of `epsilon` and of the standard deviation, in units of the score."""
    n = len(record.score)
    stops = range(n, min(HISTORY, n) - 1, -STEP)
    histories = [record.newest(stop, HISTORY) for stop in stops]
    return (
        float(np.median([epsilon(history) for history in histories])),
        float(np.median([history.score.std() for history in histories])),
    )


def epsilon(history: Record) -> float:
    """The score from which on the paper would tell a sequence that followed this history: epsilon after pruning.

    The z that explains most is the highest of equals. Where no row lies over the lowest, nothing tells them apart and
    that is z. A sequence to come stands out when its peak lies by the share `PRUNED` of it over the highest score
    called normal; epsilon is raised to that. Shares count from zero, or from the lowest score where that is below.
    """
    score = history.score
    zero = min(float(score.min()), 0.0)
    mean, std = float(score.mean()), float(score.std())
    limits = mean + Z * std
    best = int(np.argmax([_explained(history, limit, zero) for limit in limits][::-1]))
    limit = float(limits[::-1][best])
    if not (score > limit).any():
        limit = float(limits[0])
    return max(limit, zero + (_highest_normal(history, limit, zero) - zero) / (1.0 - PRUNED))


def _explained(history: Record, limit: float, zero: float) -> float:
    """The paper's criterion for a limit; 0 where no row, or every row, lies above."""
    score = history.score
    above = score > limit
    if not above.any() or above.all():
        return 0.0
    normal = score[~above]
    d_mean = (score.mean() - normal.mean()) / (score.mean() - zero)
    d_std = 1.0 - normal.std() / score.std()
    return float((d_mean + d_std) / (above.sum() + _begins(history, above).sum() ** 2))


def _highest_normal(history: Record, limit: float, zero: float) -> float:
    """The highest score called normal: that of the rows up to the limit, or the peak of the highest pruned sequence.

    Peaks are walked from the highest down; the last step by more than the share `PRUNED` parts what stays from what
    is pruned.
    """
    above = history.score > limit
    below = float(history.score[~above].max())
    if not above.any():
        return below
    peaks = np.maximum.reduceat(history.score[above], np.flatnonzero(_begins(history, above)[above]))
    heights = np.r_[np.sort(peaks)[::-1], below] - zero
    large = np.flatnonzero(1.0 - heights[1:] / heights[:-1] > PRUNED)
    return float(heights[large[-1] + 1 if len(large) else 0] + zero)


def _begins(history: Record, above: Bool) -> Bool:
    """Rows (n_rows,) on which a sequence begins."""
    begins = above.copy()
    begins[1:] &= ~(above[:-1] & history.joined)
    return begins


def sequences(record: Record) -> tuple[Float64, Float64]:
    """How often the record is at or over a score: (``level``, ``count``), both (n_levels,), level rising.

    Levels are the distinct scores from the one with the most sequences on. The count never rises: sequences over a
    score lie in sequences over a lower one, and pieces of one are one.
    """
    level = np.unique(record.score)
    pair = np.minimum(record.score[1:], record.score[:-1])[record.joined]
    runs = _at_least(record.score, level) - _at_least(pair, level)  # every row begins one, but where the last was above
    most = int(np.argmax(runs))
    return level[most:], np.minimum.accumulate(runs[most:])


def _at_least(values: Float64, level: Float64) -> Float64:
    """How many values reach each level."""
    return (len(values) - np.searchsorted(np.sort(values), level)).astype(np.float64)


def _counted(record: Record, level: Float64, count: Float64) -> tuple[Float64, Float64]:
    """Knots (score, how often in the record), up to the highest score that `FEW` sequences reach.

    Below the first level rows are counted; a record with fewer sequences than `FEW` at any level counts as if it had
    that many at the first, and no level above it is counted.
    """
    count = np.r_[max(count[0], FEW), count[1:]]
    wanted = np.unique(np.round(np.geomspace(FEW, count[0], N_KNOTS)))
    last = np.unique(np.searchsorted(-count, -wanted, side="right") - 1)
    n, n_first = len(record.score), float(_at_least(record.score, level[:1])[0])
    ranks = np.unique(np.round(np.geomspace(n_first, n, N_KNOTS)).astype(int))[::-1]
    body = np.unique(np.sort(record.score)[n - ranks])
    body = body[body < level[0]]
    often = count[0] / n_first * _at_least(record.score, body)
    return np.r_[body, level[last]], np.r_[often, count[last]]
