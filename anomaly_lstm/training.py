"""Healthy history → `Trained`: learn, calibrate on rows nothing learned from, learn again from everything.

A fold's errors (`folds`) are out of sample for its network, scaler and level; its evidence (covariances, scales) comes
from the errors of other folds, earlier ones when chaining; and only then do its scores calibrate the return periods.
What scores tomorrow is learned from everything.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from anomaly_lstm.calibration import Held, evidence_of, hold_out, judged, promise
from anomaly_lstm.deviations import FIRST_ROWS, Learned
from anomaly_lstm.errors import DataError, UsageError
from anomaly_lstm.folds import MANY_ASSETS, plan
from anomaly_lstm.learning import CHALLENGER, TrainOptions, learn, with_warm_up
from anomaly_lstm.models import MODELS
from anomaly_lstm.models.contract import Fitted, Progress
from anomaly_lstm.tables import State
from anomaly_lstm.telemetry import Telemetry
from anomaly_lstm.thresholds import THRESHOLDS
from anomaly_lstm.trained import Roles, Trained

Float64 = NDArray[np.float64]
Bool = NDArray[np.bool_]

LEAST_ROWS = 60


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
    chaining = len(assets) < MANY_ASSETS
    start: Fitted | None = None
    held: list[list[Held]] = []
    for number, fold in enumerate(folds):
        telling = _teller(told, "fold", number, len(folds))
        learned = learn(assets, fold.learn, n_scored, options, start=start, told=telling)
        start = learned.fitted if chaining else None
        held.append(hold_out(learned, assets, fold))
    _check_held(held)
    telling = _teller(told, "all rows", len(folds), len(folds))
    final = with_warm_up(learn(assets, normal, n_scored, options, start=start, told=telling), assets, normal)
    resolution = final.scaler.resolution[:n_scored]
    tested = [number for number, fold in enumerate(folds) if fold.judged_by]
    samples = [scores for number in tested for scores in judged(number, folds, held, assets, resolution)]
    period_s = assets[0].grid.period_us / 1e6
    curve = THRESHOLDS[options.threshold].fit(samples, period_s)
    everything = [one for some in held for one in some]
    return Trained(
        roles=roles,
        grid=assets[0].grid,
        learned=final,
        evidence=evidence_of(everything, resolution),
        curve=curve,
        options={"network": options.network, "threshold": options.threshold, "seed": options.seed},
        report=_report(assets, normal, everything, final) | {"calibration": promise(samples, curve, period_s)},
        **setting,
    )


def _check(assets: Sequence[Telemetry], normal: Sequence[Bool], roles: Roles, options: TrainOptions) -> None:
    for what, name, known in (
        ("network", options.network, MODELS),
        ("threshold", options.threshold, THRESHOLDS),
    ):
        if name not in known:
            raise UsageError(f"there is no {what} '{name}'; there are: {', '.join(known)}.")
    if not roles.scored:
        raise DataError("no sensor is left to score: all are context or excluded. Give fewer --context or --exclude.")
    rows = sum(_teaching_rows(assets, normal))
    if rows < LEAST_ROWS:
        raise DataError(
            f"only {rows} normal rows to learn from; at least {LEAST_ROWS} are needed, and a week or more is sensible. "
            "Give a longer span (--start, --end), or fewer events."
        )


def _check_held(held: Sequence[Sequence[Held]]) -> None:
    """The first fold teaches evidence and the last is judged by it: both need a scored row."""
    for some in (held[0], held[-1]):
        if not any(one.live.any() for one in some):
            raise DataError(
                "the stretches of training data are too short to calibrate on: hardly any lasts three rows without a "
                "gap. Give a longer span, or a longer --period if rows are sparse."
            )


def _teaching_rows(assets: Sequence[Telemetry], normal: Sequence[Bool]) -> list[int]:
    return [int((keep & (a.state == State.SCORED)).sum()) for a, keep in zip(assets, normal, strict=True)]


def _teller(told: Told, name: str, number: int, folds: int) -> Callable[[Progress], None]:
    return lambda progress: told(Stage(name, number + 1, folds + 1, progress))


def _report(
    assets: Sequence[Telemetry], normal: Sequence[Bool], held: Sequence[Held], final: Learned
) -> dict[str, Any]:
    """What training has to say, in plain numbers."""
    rows = _teaching_rows(assets, normal)
    kept = [a.time_us[keep] for a, keep in zip(assets, normal, strict=True) if keep.any()]
    live = np.array([one.live.sum() for one in held], float)
    loss = live @ np.array([one.loss for one in held]) / max(live.sum(), 1.0)
    return {
        "assets": {a.asset: n for a, n in zip(assets, rows, strict=True)},
        "rows": sum(rows),
        "start_us": int(min(t[0] for t in kept)),
        "end_us": int(max(t[-1] for t in kept)) + assets[0].grid.period_us,
        "scored_share": float(live.sum()) / max(1, sum(len(one.live) for one in held)),
        "short_stretches": sum(
            rows.stop - rows.start <= FIRST_ROWS
            for asset, keep in zip(assets, normal, strict=True)
            for rows in asset.stretches(keep)
        ),
        "loss": {final.fitted.network: float(loss[0]), CHALLENGER: float(loss[1])},
        "steps": final.fitted.steps,
        "warm_up": final.warm_up,
    }
