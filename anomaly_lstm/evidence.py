"""Errors → evidence → one score per row: an explicit fold over rows with a small state.

Two *views* of a row, each a vector of deviations (measured − expected, in sensor units): the network's prediction or
reconstruction, and the healthy level for the context. Each view is smoothed at several half-lives, because a one-step
error is blind to drift and a mean is blind to jumps. Every (view, half-life) gives Hotelling's T² of the whitened
vector. How rare it is on normal rows brings all of them to −log p: empirical in the body, exponential in the tail as
χ² has it, at a scale that frequent outbursts widen. The score is their mean
(Fisher's combination of p-values, 1932): many statistics that are a little strange count like one that is very
strange. They depend on each other, so the mean has no textbook distribution; the threshold learns how rare it is from
normal rows.

The whitening is symmetric (ZCA; Kessy, Lewin and Strimmer, 2018), so each whitened coordinate still belongs to one
sensor and the squares are that sensor's share of T².
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from anomaly_lstm.blocks import fixed_product, smooth
from anomaly_lstm.tails import exponential_tail, fit_rarity
from anomaly_lstm.windows import CHUNK

Float64 = NDArray[np.float64]

VIEWS = ("network", "level")
HALF_LIVES = (0.0, 2.0, 8.0, 32.0)
"""Memory of the evidence [rows]."""

REACH = 20.0
"""A single deviation counts at most this many spreads, so one wild row cannot hold the slow evidence for hours."""

LEAST_SENSORS = 0.5
"""A row is scored while at least this share of the scored sensors is measured."""


@dataclass(frozen=True)
class View:
    """How the deviations of one view are judged.

    ``spread`` (n_scored,) in sensor units; ``covariance`` (n_scored, n_scored) of one row's scaled deviations, for
    filling in missing sensors; ``whitener`` (n_half_lives, n_scored, n_scored); ``strength`` and ``minus_log_p``
    (n_half_lives, n_knots) say how rare a T² is on normal rows.
    """

    spread: Float64
    covariance: Float64
    whitener: Float64
    strength: Float64
    minus_log_p: Float64


@dataclass(frozen=True)
class Evidence:
    """The judged views, in the order of `VIEWS`."""

    views: tuple[View, ...]

    def arrays(self) -> dict[str, Float64]:
        return {
            f"{name}.{field}": getattr(view, field)
            for name, view in zip(VIEWS, self.views, strict=True)
            for field in View.__dataclass_fields__
        }


def evidence_from(arrays: Mapping[str, Float64]) -> Evidence:
    return Evidence(
        tuple(View(**{field: arrays[f"{name}.{field}"] for field in View.__dataclass_fields__}) for name in VIEWS)
    )


@dataclass(frozen=True)
class Judged:
    """What the evidence says of n rows.

    ``score`` (n,) float32; ``shares`` (n, n_scored) sum to 1; ``weights`` (n, n_views) how much each view carries the
    score, sum to 1.
    """

    score: NDArray[np.float32]
    shares: Float64
    weights: Float64


def start(n_scored: int) -> Float64:
    """The state before a stretch: nothing has deviated yet. (n_views, n_half_lives, n_scored)"""
    return np.zeros((len(VIEWS), len(HALF_LIVES), n_scored))


def advance(evidence: Evidence, state: Float64, deviations: Float64) -> tuple[Float64, Judged]:
    """Judge at most one chunk of rows that were measured, in time order.

    ``deviations`` (n_views, n_rows, n_scored) in sensor units, NaN where a sensor is missing or a view has no
    opinion. Missing sensors are filled with what the others let expect, so they add no evidence, and have share 0; a
    view without any opinion on a row does not speak there. Returns the state after the rows and their judgement.
    """
    n = deviations.shape[1]
    log_p, squares, after = [], [], []
    for view, before, deviation in zip(evidence.views, state, deviations, strict=True):
        scaled = _scaled(view, deviation)
        silent = ~np.isfinite(deviation).any(axis=1)
        moved = []
        for k, half_life in enumerate(HALF_LIVES):
            smoothed = smooth(scaled, half_life, before[k])
            moved.append(smoothed[-1] if n else before[k])
            square = fixed_product(smoothed, view.whitener[k]) ** 2
            rarity = _rarity(square.sum(axis=1), view.strength[k], view.minus_log_p[k])
            log_p.append(np.where(silent, np.nan, rarity))
            squares.append(square)
        after.append(np.stack(moved))
    measured = np.asarray(np.isfinite(deviations).any(axis=0))
    return np.stack(after), _fuse(np.stack(log_p), squares, measured)


def _fuse(log_p: Float64, squares: Sequence[Float64], measured: NDArray[np.bool_]) -> Judged:
    """The mean of −log p over the statistics that speak; shares and view weights in proportion to what each adds.

    ``log_p`` (n_views · n_half_lives, n_rows), NaN where silent; ``measured`` (n_rows, n_scored).
    """
    added = np.where(np.isfinite(log_p), log_p, 0.0)
    speaking = np.isfinite(log_p).sum(axis=0)
    total = _in_order(added)
    score = np.where(speaking > 0, total / np.maximum(speaking, 1), np.nan)
    weight = added / np.maximum(total, 1e-300)
    shares = np.zeros_like(squares[0])
    for w, square in zip(weight, squares, strict=True):
        shares += w[:, None] * square / np.maximum(square.sum(axis=1, keepdims=True), 1e-300)
    shares = np.where(measured, shares, 0.0)
    shares /= np.maximum(shares.sum(axis=1, keepdims=True), 1e-300)
    by_view = np.stack([_in_order(w) for w in weight.reshape(len(VIEWS), len(HALF_LIVES), -1)], axis=1)
    return Judged(score.astype(np.float32), shares, by_view)


def _in_order(parts: Float64) -> Float64:
    """The sum of (n_parts, n_rows) over the parts, one after the other; NumPy's own order differs for a single row."""
    total = np.zeros(parts.shape[1])
    for part in parts:
        total = total + part
    return total


def _scaled(view: View, deviation: Float64) -> Float64:
    """Deviations in spreads, held within REACH, missing sensors filled with their conditional mean given the others."""
    scaled: Float64 = np.clip(deviation / view.spread, -REACH, REACH)
    missing = ~np.isfinite(scaled)
    if not missing.any():
        return scaled
    filled = np.asarray(np.where(missing, 0.0, scaled))
    for pattern in np.unique(missing[missing.any(axis=1)], axis=0):
        known, gone = np.flatnonzero(~pattern), np.flatnonzero(pattern)
        if len(known):
            gain = np.zeros_like(view.covariance)
            gain[np.ix_(known, gone)] = np.linalg.solve(
                view.covariance[np.ix_(known, known)], view.covariance[np.ix_(known, gone)]
            )
            rows = np.flatnonzero((missing == pattern).all(axis=1))
            filled[np.ix_(rows, gone)] = fixed_product(filled, gain)[np.ix_(rows, gone)]
    return filled


def _rarity(strength: Float64, knots: Float64, minus_log_p: Float64) -> Float64:
    """−log p of each value, by straight lines; beyond the last knot the last slope goes on."""
    slope = (minus_log_p[-1] - minus_log_p[-2]) / max(knots[-1] - knots[-2], 1e-12)
    beyond = np.maximum(strength - knots[-1], 0.0) * slope
    return np.asarray(np.interp(strength, knots, minus_log_p) + beyond)


def chunks(first: int, n_rows: int) -> Iterator[slice]:
    """Row ranges of a stretch that begins at grid index ``first``, cut where the time-anchored chunks end."""
    start_row = 0
    while start_row < n_rows:
        stop = min(n_rows, start_row + CHUNK - (first + start_row) % CHUNK)
        yield slice(start_row, stop)
        start_row = stop


def judge(evidence: Evidence, first: int, deviations: Float64, live: NDArray[np.bool_]) -> Judged:
    """Judge a whole stretch from its start: rows that are not ``live`` (n_rows,) have score NaN and leave the state
    alone.

    ``deviations`` (n_views, n_rows, n_scored) in sensor units; ``first`` is the grid index of row 0.
    """
    n_rows, n_scored = deviations.shape[1:]
    score = np.full(n_rows, np.nan, np.float32)
    shares, weights = np.zeros((n_rows, n_scored)), np.zeros((n_rows, len(VIEWS)))
    state = start(n_scored)
    for part in chunks(first, n_rows):
        rows = part.start + np.flatnonzero(live[part])
        if len(rows):
            state, judged = advance(evidence, state, deviations[:, rows])
            score[rows], shares[rows], weights[rows] = judged.score, judged.shares, judged.weights
    return Judged(score, shares, weights)


def fit_evidence(stretches: Sequence[Float64], resolution: Float64) -> Evidence:
    """Learn spreads, covariances and scales from deviations on rows the network never learned from.

    Each stretch is (n_views, n_rows, n_scored) in sensor units, of live rows in time order; ``resolution``
    (n_scored,) is the least spread of a sensor.
    """
    return Evidence(tuple(_fit_view([s[v] for s in stretches], resolution) for v in range(len(VIEWS))))


def _fit_view(stretches: Sequence[Float64], resolution: Float64) -> View:
    spoken = [s[np.isfinite(s).any(axis=1)] for s in stretches]
    spread = _spread(np.concatenate(spoken), resolution)
    scaled = [np.nan_to_num(np.clip(s / spread, -REACH, REACH)) for s in spoken]
    whitener, rarities = [], []
    for half_life in HALF_LIVES:
        smoothed = [smooth(s, half_life, np.zeros(s.shape[1])) for s in scaled]
        rows = np.concatenate(smoothed)
        shrinkage = _shrinkage(rows)
        whitener.append(_whitener(_shrunk(_moments(rows), shrinkage)))
        rarities.append(fit_rarity(_unseen_strengths(smoothed, shrinkage), exponential_tail))
    at_once = np.concatenate(scaled)
    covariance = _shrunk(_moments(at_once), _shrinkage(at_once))
    return View(
        spread,
        covariance,
        np.stack(whitener),
        np.stack([r.value for r in rarities]),
        np.stack([r.minus_log_p for r in rarities]),
    )


def _spread(rows: Float64, resolution: Float64) -> Float64:
    """Root mean square about zero of each column, held to 10 robust spreads; at least the sensor's resolution."""
    known = np.where(np.isfinite(rows).any(axis=0), rows, 0.0)
    robust = np.maximum(1.4826 * np.nanmedian(np.abs(known), axis=0), 0.1 * np.sqrt(np.nanmean(known**2, axis=0)))
    robust = np.maximum(robust, resolution / math.sqrt(12))
    return np.asarray(
        np.maximum(np.sqrt(np.nanmean(np.clip(known, -10 * robust, 10 * robust) ** 2, axis=0)), robust / 10)
    )


def _moments(rows: Float64) -> Float64:
    """Second moments about zero (n_scored, n_scored): normal rows deviate around nothing."""
    return np.asarray(rows.T @ rows / max(1, len(rows)))


def _shrunk(moments: Float64, shrinkage: float) -> Float64:
    """Second moments shrunk to their diagonal."""
    diagonal = np.diag(np.maximum(np.diag(moments), 1e-6))
    return np.asarray((1 - shrinkage) * moments + shrinkage * diagonal + 1e-9 * np.eye(len(moments)))


def _shrinkage(rows: Float64) -> float:
    """How far to shrink: what makes each half of the rows likeliest under the other half's covariance.

    Shrinking hides lost couplings (directions that hardly vary), not shrinking calls them certain from too few rows;
    the rows themselves say where between the two to stand.
    """
    one, other = (_moments(half) for half in _halves(rows))
    cost = {s: _surprise(one, _shrunk(other, s)) + _surprise(other, _shrunk(one, s)) for s in _SHRINKAGES}
    return min(cost, key=lambda s: cost[s])


_SHRINKAGES = (0.0005, 0.002, 0.005, 0.01, 0.03, 0.1, 0.3, 0.6, 0.9)


def _surprise(moments: Float64, covariance: Float64) -> float:
    """Twice the mean minus log likelihood, but for a constant, of rows with these moments under a centred normal."""
    return float(np.linalg.slogdet(covariance)[1] + np.trace(np.linalg.solve(covariance, moments)))


def _halves(rows: Float64) -> tuple[Float64, Float64]:
    """The earlier and the later half."""
    return rows[: len(rows) // 2], rows[len(rows) // 2 :]


def _whitener(covariance: Float64) -> Float64:
    """The symmetric inverse square root."""
    values, vectors = np.linalg.eigh(covariance)
    return np.asarray((vectors / np.sqrt(np.maximum(values, 1e-12))) @ vectors.T)


def _unseen_strengths(stretches: Sequence[Float64], shrinkage: float) -> list[Float64]:
    """T² of every row under a covariance that never saw it: each half judged by the other."""
    earlier, later = _halves(np.concatenate(stretches))
    by_later, by_earlier = (_whitener(_shrunk(_moments(seen), shrinkage)) for seen in (later, earlier))
    out, row = [], 0
    for rows in stretches:
        own = (row + np.arange(len(rows)) < len(earlier))[:, None]
        squares = np.where(own, rows @ by_later, rows @ by_earlier) ** 2
        out.append(squares.sum(axis=1))
        row += len(rows)
    return out
