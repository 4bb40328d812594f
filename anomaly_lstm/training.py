"""Healthy history → `Trained`: split in time order, fit, stop early, calibrate on rows nothing learned from.

A fold's errors (`folds`) are out of sample for its network, scaler and level; its
evidence (covariances, scales) comes from the errors of other folds, earlier ones when chaining; and only then do its
scores calibrate the return periods. What scores tomorrow is learned from everything.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from anomaly_lstm import delays, inference
from anomaly_lstm.deviations import Learned, Part, as_series, context_of, deviations, live_rows
from anomaly_lstm.errors import DataError, UsageError
from anomaly_lstm.evidence import REACH, fit_evidence, judge
from anomaly_lstm.folds import MANY_ASSETS, Fold, plan
from anomaly_lstm.level import fit_level
from anomaly_lstm.models import MODELS
from anomaly_lstm.models.contract import Effort, Fitted, Progress
from anomaly_lstm.scaling import fit_scaler
from anomaly_lstm.tables import State
from anomaly_lstm.telemetry import Telemetry
from anomaly_lstm.thresholds import THRESHOLDS
from anomaly_lstm.thresholds.contract import Curve
from anomaly_lstm.trained import Roles, Trained

Float64 = NDArray[np.float64]
Bool = NDArray[np.bool_]

CHALLENGER = "linear_predictor"
VALIDATION = 0.2
"""The later share of every asset's rows that stops the training early."""
LEAST_ROWS = 60
FOLD_WARM_UP = 512
"""Warm-up of fold networks [rows]: generous, as theirs is not measured."""


@dataclass(frozen=True)
class TrainOptions:
    """What a user may set about training."""

    network: str = "lstm_predictor"
    threshold: str = "return_period"
    seed: int = 0
    max_steps: int | None = None
    """Optimiser steps at most, for the network and for each fold; None = chosen by the network."""
    expired: Callable[[], bool] = field(default=lambda: False)
    """True once ``--time-budget`` is used up."""


@dataclass(frozen=True)
class Stage:
    """One step of training, for a progress bar: which of how many, and the look at the validation rows."""

    name: str
    number: int
    of: int
    progress: Progress


Told = Callable[[Stage], None]


def train(
    assets: Sequence[Telemetry],
    normal: Sequence[Bool],
    roles: Roles,
    options: TrainOptions,
    *,
    told: Told = lambda stage: None,
    **setting: Any,
) -> Trained:
    """Learn normal behaviour from the ``normal`` rows (one mask per asset) and calibrate its return periods.

    Every Telemetry has the sensors of ``roles`` in that order and one grid. ``setting`` are the fields of `Trained`
    that training only passes on (max_hole, running, units, reading). Raises DataError when too little is left to
    learn from.
    """
    _check(assets, normal, roles, options)
    n_scored = len(roles.scored)
    folds = plan(assets, normal)
    held_errors: list[list[_Held]] = []
    fitted: Fitted | None = None
    steps: list[int] = []
    chaining = len(assets) < MANY_ASSETS
    for number, fold in enumerate(folds):
        report = _teller(told, "fold", number + 1, len(folds) + 1)
        learned = learn(assets, fold.learn, n_scored, options, start=fitted if chaining else None, told=report)
        steps.append(learned.fitted.steps - (fitted.steps if fitted and chaining else 0))
        fitted = learned.fitted
        held_errors.append(_held(learned, assets, fold, options))
    stretches = [_judged(number, fold, held_errors, assets) for number, fold in enumerate(folds) if fold.judged_by]
    samples = [scores for fold_scores in stretches for scores in fold_scores]
    period_s = assets[0].grid.period_us / 1e6
    curve = THRESHOLDS[options.threshold].fit(samples, period_s)
    final = learn(
        assets,
        tuple(normal),
        n_scored,
        options,
        start=fitted if chaining else None,
        steps=max(steps[-1] if chaining else int(np.median(steps)), 1),
        told=_teller(told, "all rows", len(folds) + 1, len(folds) + 1),
    )
    evidence = fit_evidence(
        [h.errors for fold_held in held_errors for h in fold_held], final.scaler.resolution[:n_scored]
    )
    return Trained(
        roles=roles,
        grid=assets[0].grid,
        learned=final,
        evidence=evidence,
        curve=curve,
        options={"network": options.network, "threshold": options.threshold, "seed": options.seed},
        report=_report(assets, normal, held_errors, samples, curve, final, options),
        **setting,
    )


def _check(assets: Sequence[Telemetry], normal: Sequence[Bool], roles: Roles, options: TrainOptions) -> None:
    for what, name, known in (("network", options.network, MODELS), ("threshold", options.threshold, THRESHOLDS)):
        if name not in known:
            raise UsageError(f"there is no {what} '{name}'; there are: {', '.join(known)}.")
    if not roles.scored:
        raise DataError("no sensor is left to score: all are context or excluded. Give fewer --context or --exclude.")
    rows = sum(_teaching_rows(a, keep) for a, keep in zip(assets, normal, strict=True))
    if rows < LEAST_ROWS:
        raise DataError(
            f"only {rows} normal rows to learn from; at least {LEAST_ROWS} are needed, and a week or more is "
            "sensible. Give a longer span (--start, --end), or fewer events."
        )


def _teaching_rows(asset: Telemetry, keep: Bool) -> int:
    return int((keep & (asset.state == State.SCORED)).sum())


# ---------------------------------------------------------------- learning


def learn(
    assets: Sequence[Telemetry],
    keep: Sequence[Bool],
    n_scored: int,
    options: TrainOptions,
    *,
    start: Fitted | None = None,
    steps: int | None = None,
    told: Callable[[Progress], None] = lambda progress: None,
) -> Learned:
    """Learn scaler, level and network from the kept rows.

    Early stopping looks at each asset's later rows; with ``steps`` there is none: all rows teach, for so many steps.
    """
    parts = [(asset, rows) for asset, mask in zip(assets, keep, strict=True) for rows in asset.stretches(mask)]
    if not parts:
        raise DataError("a part of the training span holds no normal rows at all; give a longer span or fewer events.")
    scaler = fit_scaler(np.concatenate([a.values[rows] for a, rows in parts]))
    pairs = [(a.values[rows, :n_scored], context_of(scaler, n_scored, (a, rows))) for a, rows in parts]
    level = fit_level(pairs, scaler.centre[:n_scored], scaler.spread[:n_scored])
    early, late = (parts, []) if steps is not None else _split(parts)
    effort = _effort(options, steps)
    module = MODELS[options.network]
    fitted = module.fit(
        [as_series(scaler, n_scored, p) for p in early],
        [as_series(scaler, n_scored, p) for p in late],
        effort=effort,
        seed=options.seed,
        start=start,
        told=told,
    )
    warm_up = (
        FOLD_WARM_UP
        if steps is None
        else inference.measure_warm_up(module, fitted, [as_series(scaler, n_scored, p) for p in parts])
    )
    return Learned(scaler, level, fitted, warm_up)


def _effort(options: TrainOptions, steps: int | None) -> Effort:
    most = min(s for s in (options.max_steps, steps, Effort().max_steps) if s is not None)
    return replace(Effort(), max_steps=most, expired=options.expired)


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


# ---------------------------------------------------------------- held-out rows


@dataclass(frozen=True)
class _Held:
    """Errors of one held-out stretch: (n_views, n_live, n_scored) of its live rows, with what is needed to judge and
    report them.
    """

    part: Part
    errors: Float64
    live: Bool
    resolution: Float64
    network_loss: float
    challenger_loss: float


def _held(learned: Learned, assets: Sequence[Telemetry], fold: Fold, options: TrainOptions) -> list[_Held]:
    """A fold's errors on its held rows; the network runs over the whole stretch before them, as it will when it
    scores.
    """
    n_scored = learned.n_scored
    wanted = [
        (asset, rows, mask) for asset, mask in zip(assets, fold.held, strict=True) for rows in asset.stretches(mask)
    ]
    whole = [(asset, _from_start(asset, rows)) for asset, rows, _ in wanted]
    errors = deviations(learned, whole)
    spread = learned.scaler.spread[:n_scored]
    rival = errors if options.network == CHALLENGER else deviations(_challenger(learned, assets, fold, options), whole)
    out = []
    for (asset, rows, _), (_, full), error, other in zip(wanted, whole, errors, rival, strict=True):
        offset = rows.start - full.start
        live = live_rows((asset, full), n_scored)[offset:]
        out.append(
            _Held(
                part=(asset, rows),
                errors=error[:, offset:][:, live],
                live=live,
                resolution=learned.scaler.resolution[:n_scored],
                network_loss=_loss(error[0, offset:][live], spread),
                challenger_loss=_loss(other[0, offset:][live], spread),
            )
        )
    return out


def _from_start(asset: Telemetry, rows: slice) -> slice:
    """The rows back to the true start of their stretch."""
    return slice(int(np.argmax(asset.stretch == asset.stretch[rows.start])), rows.stop)


def _challenger(learned: Learned, assets: Sequence[Telemetry], fold: Fold, options: TrainOptions) -> Learned:
    parts = [(asset, rows) for asset, mask in zip(assets, fold.learn, strict=True) for rows in asset.stretches(mask)]
    early, late = _split(parts)
    series = [[as_series(learned.scaler, learned.n_scored, p) for p in some] for some in (early, late)]
    fitted = MODELS[CHALLENGER].fit(
        series[0], series[1], effort=Effort(), seed=options.seed, start=None, told=lambda progress: None
    )
    return replace(learned, fitted=fitted)


def _loss(error: Float64, spread: Float64) -> float:
    """Mean squared error in scaled units, held to the evidence's reach; 0 where there is nothing."""
    scaled = np.clip(error / spread, -REACH, REACH)
    return float(np.nanmean(scaled**2)) if np.isfinite(scaled).any() else 0.0


def _judged(number: int, fold: Fold, held: Sequence[Sequence[_Held]], assets: Sequence[Telemetry]) -> list[Float64]:
    """Scores of a fold's held rows, judged by evidence from other folds' errors.

    When chaining forward the slow evidence has run through the errors of the folds before, as it will have run when
    it scores.
    """
    mine = held[number]
    if not mine:
        return []
    teachers = [h.errors for other in fold.judged_by for h in held[other]]
    evidence = fit_evidence(teachers, mine[0].resolution)
    chain = (
        [h for other in sorted({*fold.judged_by, number}) if other <= number for h in held[other]]
        if len(assets) < MANY_ASSETS
        else list(mine)
    )
    out = []
    for stretch in _joined(chain):
        part, errors, live = stretch
        full = np.full((errors.shape[0], len(live), errors.shape[2]), np.nan)
        full[:, live] = errors
        scores = judge(evidence, int(part[0].index[part[1].start]), full, live).score.astype(np.float64)
        keep = fold.held[_position(assets, part[0])][part[1]]
        out.append(np.where(keep, scores, np.nan))
    return [s for s in out if np.isfinite(s).any()]


def _position(assets: Sequence[Telemetry], asset: Telemetry) -> int:
    return next(i for i, a in enumerate(assets) if a is asset)


def _joined(chain: Sequence[_Held]) -> list[tuple[Part, Float64, Bool]]:
    """Held stretches that follow each other without a break in one asset, joined."""
    out: list[tuple[Part, Float64, Bool]] = []
    for h in sorted(chain, key=lambda h: (id(h.part[0]), h.part[1].start)):
        asset, rows = h.part
        if (
            out
            and out[-1][0][0] is asset
            and out[-1][0][1].stop == rows.start
            and asset.stretch[rows.start] == asset.stretch[rows.start - 1]
        ):
            (_, before), errors, live = out.pop()
            out.append(
                (
                    (asset, slice(before.start, rows.stop)),
                    np.concatenate([errors, h.errors], axis=1),
                    np.concatenate([live, h.live]),
                )
            )
        else:
            out.append((h.part, h.errors, h.live))
    return out


# ---------------------------------------------------------------- what training has to say


def _teller(told: Told, name: str, number: int, of: int) -> Callable[[Progress], None]:
    return lambda progress: told(Stage(name, number, of, progress))


def _report(
    assets: Sequence[Telemetry],
    normal: Sequence[Bool],
    held: Sequence[Sequence[_Held]],
    samples: Sequence[Float64],
    curve: Curve,
    final: Learned,
    options: TrainOptions,
) -> dict[str, Any]:
    rows = [_teaching_rows(a, keep) for a, keep in zip(assets, normal, strict=True)]
    live = sum(int(h.live.sum()) for fold in held for h in fold)
    every = sum(len(h.live) for fold in held for h in fold)
    grid = assets[0].grid
    kept = [a.index[keep] for a, keep in zip(assets, normal, strict=True) if keep.any()]
    weights = [(h.live.sum(), h.network_loss, h.challenger_loss) for fold in held for h in fold]
    total = max(1, sum(int(w) for w, _, _ in weights))
    return {
        "assets": {a.asset: n for a, n in zip(assets, rows, strict=True)},
        "rows": sum(rows),
        "start_us": int(grid.time_us(min(i[0] for i in kept))),
        "end_us": int(grid.time_us(max(i[-1] for i in kept))) + grid.period_us,
        "scored_share": live / max(1, every),
        "short_stretches": sum(
            1 for a, keep in zip(assets, normal, strict=True) for r in a.stretches(keep) if r.stop - r.start <= 2
        ),
        "loss": {
            options.network: float(sum(w * a for w, a, _ in weights) / total),
            CHALLENGER: float(sum(w * b for w, _, b in weights) / total),
        },
        "steps": final.fitted.steps,
        "warm_up": final.warm_up,
        "calibration": promise(samples, curve, grid.period_us / 1e6),
    }


def promise(samples: Sequence[Float64], curve: Curve, period_s: float) -> dict[str, Any]:
    """Expected and observed alerts on the calibration rows, at a fifth of the normal span: the rate these rows can
    show.

    These rows shaped the curve, so this is a check of the arithmetic and of clustering, not a proof on new data.
    """
    level_s = curve.normal_s / 5
    limit, low = curve.limit(level_s), curve.limit(level_s * 10**-0.2)
    observed = 0
    for scores in samples:
        state = np.where(np.isfinite(scores), 0, 2).astype(np.uint8)
        observed += len(delays.standings(scores >= limit, scores < low, state, 0, 10))
    return {
        "normal_s": curve.normal_s,
        "at_s": level_s,
        "expected": curve.normal_s / level_s,
        "observed": observed,
        "period_s": period_s,
    }
