"""Training rows → `deviations.Learned`: scaler, level and network, fitted together on the same rows."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace

import numpy as np
from numpy.typing import NDArray

from anomaly_lstm import inference
from anomaly_lstm.deviations import Learned, Part, as_series, context_of, measured
from anomaly_lstm.errors import DataError
from anomaly_lstm.evidence import enough_of_mode
from anomaly_lstm.level import fit_level
from anomaly_lstm.models import MODELS
from anomaly_lstm.models.contract import Effort, Fitted, Progress
from anomaly_lstm.scaling import Scaler, fit_scaler
from anomaly_lstm.telemetry import Telemetry
from anomaly_lstm.windows import Series

Float64 = NDArray[np.float64]
Int64 = NDArray[np.int64]
Bool = NDArray[np.bool_]

CHALLENGER = "linear_predictor"
"""What every network is compared with."""

VALIDATION = 0.2
"""The later share of every asset's rows that stops the training early."""

SELDOM = 0.05
"""A context missing in more than this share of the training rows comes seldom, and is held between its values."""

FOLD_WARM_UP = 512
"""Warm-up of networks whose own is not measured [rows]: generous."""


@dataclass(frozen=True)
class TrainOptions:
    """What a user may set about training."""

    network: str = "lstm_predictor"
    threshold: str = "return_period"
    seed: int = 0
    max_steps: int | None = None
    """Optimiser steps at most, for the network and for each fold; None = `Effort`'s."""
    expired: Callable[[], bool] = field(default=lambda: False)
    """True once ``--time-budget`` is used up."""


def learn(
    assets: Sequence[Telemetry],
    keep: Sequence[Bool],
    n_scored: int,
    options: TrainOptions,
    *,
    start: Fitted | None = None,
    told: Callable[[Progress], None] = lambda progress: None,
) -> Learned:
    """Learn from the kept rows (one mask per asset); each asset's later rows stop the network early.

    The networks that calibrate and the one that scores are made alike, so what was measured on the former holds for the
    latter. ``start`` is a network of earlier rows to go on from. Raises DataError when no row is kept.
    """
    parts = _parts(assets, keep)
    if not parts:
        raise DataError("a part of the training span holds no normal rows at all; give a longer span or fewer events.")
    values = [measured(part) for part in parts]
    scaler = fit_scaler(np.concatenate(values))
    group = [asset.group[rows] for asset, rows in parts]
    mode_centre, mode_spread = _of_modes([v[:, :n_scored] for v in values], group, assets[0].n_groups, scaler)
    pairs = [
        (v[:, :n_scored] - mode_centre[g], context_of(scaler, n_scored, part))
        for v, g, part in zip(values, group, parts, strict=True)
    ]
    level = fit_level(pairs, scaler.centre[:n_scored], scaler.spread[:n_scored])
    early, late = ([as_series(scaler, n_scored, p) for p in some] for some in _split(parts))
    steps = Effort().max_steps if options.max_steps is None else options.max_steps
    effort = replace(Effort(), max_steps=steps, expired=options.expired)
    fitted = MODELS[options.network].fit(early, late, effort=effort, seed=options.seed, start=start, told=told)
    return Learned(scaler, level, _needed(values, n_scored), fitted, FOLD_WARM_UP, mode_centre, mode_spread)


def _of_modes(
    values: Sequence[Float64], groups: Sequence[Int64], n_groups: int, scaler: Scaler
) -> tuple[Float64, Float64]:
    """`Learned.mode_centre` and ``mode_spread`` from stretches of rows, each (n_rows, n_scored)."""
    some = [np.isfinite(v).any(axis=1) for v in values]
    of_row = [group[rows] for group, rows in zip(groups, some, strict=True)]
    measured, code = np.concatenate([v[rows] for v, rows in zip(values, some, strict=True)]), np.concatenate(of_row)
    n_scored = measured.shape[1]
    centre, spread = np.zeros((n_groups, n_scored)), np.tile(scaler.spread[:n_scored], (n_groups, 1))
    for mode in range(1, n_groups):
        if not enough_of_mode([group == mode for group in of_row]):
            centre[mode] = np.nan
            continue
        own, known = fit_scaler(measured[code == mode]), np.isfinite(measured[code == mode]).any(axis=0)
        centre[mode] = np.where(known, own.centre - scaler.centre[:n_scored], 0.0)
        spread[mode] = np.where(known, np.maximum(own.spread, scaler.resolution[:n_scored]), spread[mode])
    return centre, spread


def _needed(values: Sequence[NDArray[np.float64]], n_scored: int) -> NDArray[np.int64]:
    """1 for each context that is missing in at most `SELDOM` of the rows in which anything was measured, else 0."""
    measured = np.isfinite(np.concatenate(values))
    some = measured[measured.any(axis=1)][:, n_scored:]
    return np.asarray((~some).mean(axis=0) <= SELDOM).astype(np.int64)


def with_warm_up(learned: Learned, assets: Sequence[Telemetry], keep: Sequence[Bool]) -> Learned:
    """The same with the warm-up measured on its network."""
    series = _series(learned, _parts(assets, keep))
    return replace(learned, warm_up=inference.measure_warm_up(MODELS[learned.fitted.network], learned.fitted, series))


def _parts(assets: Sequence[Telemetry], keep: Sequence[Bool]) -> list[Part]:
    return [(asset, rows) for asset, mask in zip(assets, keep, strict=True) for rows in asset.stretches(mask)]


def _series(learned: Learned, parts: Sequence[Part]) -> list[Series]:
    return [as_series(learned.scaler, learned.n_scored, part) for part in parts]


def _split(parts: Sequence[Part]) -> tuple[list[Part], list[Part]]:
    """The earlier rows of every asset to learn from, the later ones to stop by."""
    early: list[Part] = []
    late: list[Part] = []
    for asset in {id(a): a for a, _ in parts}.values():
        mine = [rows for a, rows in parts if a is asset]
        left = int((1 - VALIDATION) * sum(r.stop - r.start for r in mine))
        for rows in mine:
            cut = min(rows.stop, rows.start + max(left, 0))
            left -= rows.stop - rows.start
            early += [(asset, slice(rows.start, cut))] if cut > rows.start else []
            late += [(asset, slice(cut, rows.stop))] if rows.stop > cut else []
    return early, late
