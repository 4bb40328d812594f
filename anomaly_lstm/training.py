"""Healthy history → `Trained`: learn, calibrate on rows nothing learned from, learn again from everything.

A fold's errors (`folds`) are out of sample for its network, scaler and level; its evidence (covariances, scales) comes
from the errors of other folds, earlier ones when chaining; and only then do its scores calibrate the return periods.
What scores tomorrow is learned from everything.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from anomaly_lstm.calibration import Held, calibrated, evidence_of, hold_out, judged, loss, promise, records, together
from anomaly_lstm.deviations import FIRST_ROWS, Learned
from anomaly_lstm.drifts import fit_drifts
from anomaly_lstm.errors import DataError, UsageError
from anomaly_lstm.folds import Fold, plan
from anomaly_lstm.grades import Grade, all_low, not_high
from anomaly_lstm.learning import CHALLENGER, TrainOptions, learn, with_warm_up
from anomaly_lstm.linear import NOTHING
from anomaly_lstm.models import MODELS
from anomaly_lstm.models.contract import Progress
from anomaly_lstm.screening import Stretch, unlike_the_rest, without
from anomaly_lstm.tables import State
from anomaly_lstm.telemetry import Telemetry
from anomaly_lstm.thresholds import THRESHOLDS
from anomaly_lstm.trained import Roles, Trained

Float64 = NDArray[np.float64]
Bool = NDArray[np.bool_]

LEAST_ROWS = 60

RARITY = "return_period"
"""The threshold that tells how rare a drift is: the others know scores only."""

WORTH = 0.02
"""A network must expect normal rows better than the line by this share of the squared error to carry the evidence."""


@dataclass(frozen=True)
class Stage:
    """One step of training, for a progress bar: which of how many (0 of 0 between them), and the look at the validation
    rows.
    """

    name: str
    number: int
    of: int
    progress: Progress
    sensors: int = 0
    """So many are scored."""


Told = Callable[[Stage], None]


def _silent(stage: Stage) -> None:
    """Tells nobody."""


def train(
    assets: Sequence[Telemetry],
    normal: Sequence[Bool],
    roles: Roles,
    options: TrainOptions,
    *,
    vouched: Sequence[Bool] = (),
    grades: Sequence[Grade] = (),
    told: Told = _silent,
    **setting: Any,
) -> Trained:
    """Learn normal behaviour from the ``normal`` rows (one mask per asset) and calibrate its return periods.

    Of these, stretches that are unlike all others are set aside (`screening`), but none with a ``vouched`` row (one
    mask per asset; none at all if empty). Every Telemetry has the sensors of ``roles`` in that order and one grid.
    ``grades`` say what the sensors are worth, as far as somebody looked. ``setting`` are the fields of `Trained` that
    training only passes on (max_hole, running, rules, settle_us, units, reading). Raises DataError when what is left
    cannot be learned from.
    """
    _check(assets, normal, roles, options)
    _check_sensors(grades)
    n_scored = len(roles.scored)
    _on_to(told, "lines", n_scored)
    lines = _lines(assets, plan(assets, normal).network, n_scored, options, told)
    _on_to(told, "which rows are unlike the rest", n_scored)
    aside = _unlike(assets, normal, lines, vouched)
    if aside:
        normal = without(normal, aside)
        _check(assets, normal, roles, options)
        lines = _lines(assets, plan(assets, normal).network, n_scored, options)
    folds = plan(assets, normal)
    tested = _contest(assets, folds.network, lines, n_scored, options, told)
    _on_to(told, "how rare errors are", n_scored)
    level = [held for _, held in _lines(assets, folds.level, n_scored, options)]
    held = together(tested.held, level)
    _check_held(held, folds.scores)
    telling = _teller(told, "all rows", len(folds.network), len(folds.network))
    chosen = replace(options, network=tested.carried_by)
    final = with_warm_up(learn(assets, normal, n_scored, chosen, told=telling), assets, normal)
    resolution = final.scaler.resolution[:n_scored]
    samples = [sample for fold in folds.scores for sample in judged(fold, held, assets, resolution)]
    period_s, n_groups = assets[0].grid.period_us / 1e6, assets[0].n_groups
    curves = calibrated(samples, n_groups, lambda scores: THRESHOLDS[options.threshold].fit(scores, period_s))
    return Trained(
        roles=roles,
        grid=assets[0].grid,
        learned=final,
        evidence=evidence_of(held, assets, normal, resolution),
        curves=curves,
        drifts=fit_drifts(records(samples), resolution, lambda sums: THRESHOLDS[RARITY].fit(sums, period_s)),
        options={"network": options.network, "threshold": options.threshold, "seed": options.seed},
        report=_report(assets, normal, held, final)
        | {"loss": tested.loss, "carried_by": tested.carried_by}
        | {"calibration": promise(samples, n_groups, curves, period_s)}
        | {"set_aside": [_told(assets[s.asset], s, roles) for s in aside]},
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
        stopped = sum(
            int((keep & (a.state == State.OUT_OF_STATE)).sum()) for a, keep in zip(assets, normal, strict=True)
        )
        stops = f" {stopped:,} more do not count, for the asset was not running: look at --running." if stopped else ""
        raise DataError(
            f"only {rows} normal rows to learn from; at least {LEAST_ROWS} are needed, and a week or more is sensible. "
            f"Give a longer span (--start, --end), or fewer events.{stops}"
        )


def _check_sensors(grades: Sequence[Grade]) -> None:
    """Where every sensor to be scored is Low on every asset, there is nothing to learn."""
    if grades and all_low(grades):
        why = "\n".join(f"  {told.words}" for told in not_high(grades)[:20])
        raise DataError(f"no sensor tells enough to learn from: all are graded Low.\n{why}")


def _check_held(held: Held, scores: Sequence[Fold]) -> None:
    """What teaches evidence and what is judged by it both need a scored row."""
    for fold in (scores[0], scores[-1]):
        for rows in (fold.learn, fold.held):
            if not any((live & own).any() for live, own in zip(held.live, rows, strict=True)):
                raise DataError(
                    "the stretches of training data are too short to calibrate on: hardly any lasts three rows without "
                    "a gap. Give a longer span, or a longer --period if rows are sparse."
                )


Tested = tuple[Learned, Held]


@dataclass(frozen=True)
class Contest:
    """The network's errors on held-out rows, by the network that is to carry the evidence, and the mean squared error
    [scaled units²] there of the one that was asked for and of the challenger.
    """

    held: tuple[Held, ...]
    carried_by: str
    loss: Mapping[str, float]


def _contest(
    assets: Sequence[Telemetry],
    folds: Sequence[Fold],
    lines: Sequence[Tested],
    n_scored: int,
    options: TrainOptions,
    told: Told,
) -> Contest:
    """Test the network on rows it never saw, beside the challenger, which takes its place when it adds nothing.

    Normal rows alone decide, fold by fold: a predictor that does not expect them better than the line by `WORTH`, as
    the mean over sensors of the log of their mean squared errors, is not trained again. An autoencoder carries the
    evidence whenever it is asked for, since what it gives back is no forecast and cannot be compared with one.
    """
    line_losses = [loss(learned, held, assets) for learned, held in lines]
    carried_by, mine, losses = options.network, [], []
    for number, fold in enumerate(folds if options.network != CHALLENGER else ()):
        learned = learn(assets, fold.learn, n_scored, options, told=_teller(told, "fold", number, len(folds)))
        mine.append(hold_out(learned, assets, fold))
        losses.append(loss(learned, mine[-1], assets))
        if MODELS[options.network].FORECASTS and not _adds(losses, line_losses):
            carried_by = CHALLENGER
            break
    told_loss = {CHALLENGER: float(np.mean(line_losses[: len(losses) or None]))}
    if losses:
        told_loss[options.network] = float(np.mean(losses))
    by_line = [held for _, held in lines]
    return Contest(tuple(by_line if carried_by == CHALLENGER else mine), carried_by, told_loss)


def _adds(network: Sequence[Float64], line: Sequence[Float64]) -> bool:
    """Does a network expect held-out normal rows better than the line, so far?"""
    ratio = (np.mean(network, axis=0) + NOTHING) / (np.mean(line[: len(network)], axis=0) + NOTHING)
    return bool(np.mean(np.log(ratio)) < -WORTH)


def _lines(
    assets: Sequence[Telemetry], folds: Sequence[Fold], n_scored: int, options: TrainOptions, told: Told = _silent
) -> list[Tested]:
    """The challenger of each fold, and its errors on the fold's held rows; tells of it only where it is what was asked
    for.
    """
    line = replace(options, network=CHALLENGER)
    out = []
    for number, fold in enumerate(folds):
        telling = _teller(told if options.network == CHALLENGER else _silent, "fold", number, len(folds))
        learned = learn(assets, fold.learn, n_scored, line, told=telling)
        out.append((learned, hold_out(learned, assets, fold)))
    return out


def _unlike(
    assets: Sequence[Telemetry], normal: Sequence[Bool], lines: Sequence[Tested], vouched: Sequence[Bool]
) -> list[Stretch]:
    """Stretches of normal rows that are unlike the rest, but for those that somebody vouches for."""
    tested = [held for _, held in lines]
    learned = lines[0][0]
    found = unlike_the_rest(assets, normal, together(tested, tested), learned.scaler.resolution[: learned.n_scored])
    return [s for s in found if not vouched or not vouched[s.asset][s.rows].any()]


def _told(asset: Telemetry, stretch: Stretch, roles: Roles) -> dict[str, Any]:
    """A stretch that was set aside, in plain words and numbers; its end is where the next row would begin."""
    times = asset.time_us[stretch.rows]
    return {
        "asset": asset.asset,
        "start_us": int(times[0]),
        "end_us": int(times[-1]) + asset.grid.period_us,
        "rows": len(stretch),
        "sensor": roles.scored[stretch.sensor],
    }


def _teaching_rows(assets: Sequence[Telemetry], normal: Sequence[Bool]) -> list[int]:
    return [int((keep & (a.state == State.SCORED)).sum()) for a, keep in zip(assets, normal, strict=True)]


def _teller(told: Told, name: str, number: int, folds: int) -> Callable[[Progress], None]:
    return lambda progress: told(Stage(name, number + 1, folds + 1, progress))


def _on_to(told: Told, name: str, n_sensors: int) -> None:
    """Tell what is done between the looks at validation rows."""
    told(Stage(name, 0, 0, Progress(0, 0, 0.0), n_sensors))


def _report(assets: Sequence[Telemetry], normal: Sequence[Bool], held: Held, final: Learned) -> dict[str, Any]:
    """What training has to say, in plain numbers."""
    rows = _teaching_rows(assets, normal)
    kept = [a.time_us[keep] for a, keep in zip(assets, normal, strict=True) if keep.any()]
    live = sum(int((own & keep).sum()) for own, keep in zip(held.live, normal, strict=True))
    return {
        "assets": {a.asset: n for a, n in zip(assets, rows, strict=True)},
        "rows": sum(rows),
        "start_us": int(min(t[0] for t in kept)),
        "end_us": int(max(t[-1] for t in kept)) + assets[0].grid.period_us,
        "scored_share": live / max(1, sum(rows)),
        "short_stretches": sum(
            rows.stop - rows.start <= FIRST_ROWS
            for asset, keep in zip(assets, normal, strict=True)
            for rows in asset.stretches(keep)
        ),
        "steps": final.fitted.steps,
        "warm_up": final.warm_up,
    }
