"""Sensors ahead: what they will read while the asset runs on, how far that may be off, and what it is worth.

What the forecasters of `ahead` say is weighed by `combination`. Both weights and intervals are learned here and not in
training, from the history that comes with the forecast: every row before the origin has come true, so the newest rows
of this very asset can tell what is worth how much, while training pays nothing and the model folder needs nothing new.
Each past origin is forecast from the rows up to it, as the last one is.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from math import gcd
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from anomaly_lstm import ahead as saying
from anomaly_lstm import arrow
from anomaly_lstm.ahead import Ahead, Past, Plan, knots, widths
from anomaly_lstm.clock import DAY, format_duration, iso
from anomaly_lstm.combination import BLOCKS, JUDGED, Skill, Trials, backtest, between, mix
from anomaly_lstm.deviations import FIRST_ROWS
from anomaly_lstm.errors import DataError, ModelError
from anomaly_lstm.models import FORECASTERS
from anomaly_lstm.tables import State, forecast_schema
from anomaly_lstm.telemetry import Telemetry
from anomaly_lstm.trained import Trained

Float64 = NDArray[np.float64]
Int64 = NDArray[np.int64]
Bool = NDArray[np.bool_]
Rows = NDArray[np.intp]

PERSISTENCE, SEASONAL = "persistence", "seasonal"
"""What is to be beaten: the last value, and the value of a day before."""

LEAST_WINDOWS = 5
"""So many outcomes that do not overlap are needed at the horizon: fewer tell nothing about an interval."""

ORIGINS, LEAST_ORIGINS = 240, 60
"""Past origins that are forecast, at most; and at least, where the horizon has very many rows …"""

STEPS = 2_000_000
"""… so that about so many rows are forecast for an asset."""

AT_ONCE, CELLS = 64, 10_000_000
"""Origins forecast side by side, fewer where their rows ahead have more cells than this: it bounds memory."""


@dataclass(frozen=True)
class Forecast:
    """The sensors of one asset after its last row, ``origin_us`` [µs UTC].

    ``time_us`` (n_ahead,) grid times; ``p10``, ``p50``, ``p90`` (n_ahead, n_scored) in sensor units, NaN for a sensor
    that cannot be forecast; ``now`` (n_scored,) the last values. ``skill`` on ``origins`` past origins at ``steps``
    (n_steps,) rows ahead, ``judged_us`` being the first that was judged, and ``flattered`` where the network learned
    from what judges; ``season_us`` the season of the naive rule; ``context`` context → what it was taken to be ahead;
    ``weights`` (n_steps, n_scored, n_members) of `ahead.MEMBERS`.
    """

    asset: str
    origin_us: int
    time_us: Int64
    now: Float64
    p10: Float64
    p50: Float64
    p90: Float64
    steps: Int64
    skill: Skill
    origins: int
    judged_us: int
    flattered: bool
    season_us: int | None
    context: Mapping[str, str]
    weights: Float64

    @property
    def quarter(self) -> int:
        """A quarter of the horizon [rows]."""
        return -(-len(self.time_us) // 4)

    def mase(self, rule: str, step: int | None = None) -> Float64:
        """Mean absolute error over that of a naive rule, ahead by as much, on the same rows (n_scored,): the forecast
        is better below 1 (after R. J. Hyndman, A. B. Koehler, 2006).

        At one of ``steps``, or over all rows up to the horizon. NaN where there is no such rule or nothing came.
        """
        if rule not in self.skill.naive:
            return np.full(len(self.now), np.nan)
        mine, its = (self._over(figure, step) for figure in (self.skill.error, self.skill.naive[rule]))
        return np.asarray(np.divide(mine, its, out=np.full(len(self.now), np.nan), where=its > 0))

    def coverage(self, step: int | None = None) -> Float64:
        """Share of what came that lay between p10 and p90 (n_scored,)."""
        return self._over(self.skill.inside, step)

    def _over(self, figure: Float64, step: int | None) -> Float64:
        """A figure (n_steps, n_scored) at one step, or the mean over all rows that the steps stand for."""
        if step is not None:
            return np.asarray(figure[int(np.searchsorted(self.steps, step))])
        weight = np.where(np.isfinite(figure), widths(self.steps)[:, None], 0.0)
        total = weight.sum(axis=0)
        mean = (weight * np.nan_to_num(figure)).sum(axis=0)
        return np.asarray(np.divide(mean, total, out=np.full(len(total), np.nan), where=total > 0))


def forecast(
    trained: Trained, asset: Telemetry, n_ahead: int, *, normal: Bool | None = None, plan: Plan | None = None
) -> Forecast:
    """The ``n_ahead`` rows after the last one of ``asset``, should it run on; its sensors are those of ``trained``.

    ``normal`` (n_rows,) is False on rows of events: no past origin lies in them and no outcome counts there. Raises
    DataError when the history is too short for the horizon or the last stretch too short to go on from, ModelError for
    a network that does not forecast.
    """
    past = Past(trained, asset, np.ones(len(asset), bool) if normal is None else normal)
    _check(past)
    steps, stride = knots(n_ahead), _stride(past, n_ahead)
    origins = _origins(past, stride)
    _check_windows(past, origins, n_ahead)
    ahead = Ahead(n_ahead, saying.reach_of(past, plan), saying.repeats(past, origins, steps))
    fresh = _fresh(past, origins)
    blend, skill = backtest(_trials(past, origins, stride, steps, ahead, fresh), past.spread)
    every = np.arange(1, n_ahead + 1)
    said = saying.said(past, np.array([len(asset) - 1]), every, ahead, plan)[0]
    mean = mix(said, between(steps, blend.weights, every))
    p10, p50, p90 = (mean + between(steps, quantile, every) for quantile in blend.quantiles)
    return Forecast(
        asset=asset.asset,
        origin_us=int(asset.time_us[-1]),
        time_us=asset.grid.time_us(asset.index[-1] + every),
        now=past.last[-1],
        p10=p10,
        p50=p50,
        p90=p90,
        steps=steps,
        skill=skill,
        origins=len(origins),
        judged_us=int(asset.time_us[origins[_judged(origins)]][fresh[_judged(origins)]][0]),
        flattered=bool(fresh.all() and _learned_until(past) > asset.time_us[origins[-1]]),
        season_us=DAY if past.season else None,
        context=saying.ways(trained, ahead),
        weights=blend.weights,
    )


def _check(past: Past) -> None:
    """Raise where nothing can be rolled forward from the last row."""
    asset, network = past.asset, past.trained.learned.fitted.network
    if network not in FORECASTERS:
        raise ModelError(
            f"{network} gives back what it was shown and forecasts nothing. Train one of {', '.join(FORECASTERS)}, "
            "such as `anomaly-lstm train … --network lstm_predictor`."
        )
    if not len(asset):
        raise DataError(f"{asset.asset}: there is no row to forecast from. Give a span that holds data.")
    now = iso(int(asset.time_us[-1]))
    if asset.state[-1] == State.OUT_OF_STATE:
        running = np.flatnonzero(asset.state == State.SCORED)
        before = f" (it last ran at {iso(int(asset.time_us[running[-1]]))})" if len(running) else ""
        raise DataError(
            f"{asset.asset}: it does not run in its last row, {now}{before}; a forecast is of a machine that runs on. "
            "Give --end to forecast from an earlier row."
        )
    rows = len(asset) - int(past.begin[-1])
    if rows <= FIRST_ROWS:
        raise DataError(
            f"{asset.asset}: its last stretch is too short: {rows} row{'s' if rows > 1 else ''} up to {now} since a "
            f"gap or stop, {FIRST_ROWS + 1} are needed to go on from. Wait for more, or give --end before the gap."
        )


# ---------------------------------------------------------------- past origins


def _stride(past: Past, n_ahead: int) -> int:
    """Rows between past origins: few enough origins to be quick, and no divisor in common with a day, or all of them
    would lie at a few times of day.
    """
    most = int(np.clip(STEPS // n_ahead, LEAST_ORIGINS, ORIGINS))
    stride = max(1, -(-len(past.asset) // most))
    while past.season and gcd(stride, past.season) > 1:
        stride += 1
    return stride


def _origins(past: Past, stride: int) -> Rows:
    """The rows to forecast from again: on a lattice of grid rows, normal, running, and not the first of a stretch."""
    rows = np.arange(len(past.asset))
    fit = (past.asset.index % stride == 0) & (past.begin >= 0) & (rows - past.begin >= FIRST_ROWS)
    fit &= past.normal & (past.asset.state == State.SCORED)
    fit[-1:] = False  # nothing has come of it yet
    return np.flatnonzero(fit)


def _check_windows(past: Past, origins: Rows, n_ahead: int) -> None:
    """Raise DataError where too few outcomes at the horizon are independent."""
    came = np.isfinite(past.at(past.outcomes, past.asset.index[origins] + n_ahead)).any(axis=1)
    windows = len(np.unique(past.asset.index[origins][came] // n_ahead))
    if windows >= LEAST_WINDOWS and came.sum() >= BLOCKS:
        return
    period = past.asset.grid.period_us
    horizon, whole = (format_duration(int(rows * period)) for rows in (n_ahead, len(past.asset)))
    shorter = len(past.asset) // (2 * LEAST_WINDOWS)
    hint = f"--horizon {format_duration(int(shorter * period))}" if 0 < shorter < n_ahead else "a shorter --horizon"
    raise DataError(
        f"{past.asset.asset}: the history is too short for a horizon of {horizon}: in its {whole} of rows a forecast "
        f"can be compared with what came {windows} time{'' if windows == 1 else 's'} without overlap while the asset "
        f"ran normally, {LEAST_WINDOWS} are needed. Give more history, or {hint}."
    )


def _judged(origins: Rows) -> slice:
    """The origins in blocks that are judged."""
    return slice(len(np.concatenate(np.array_split(origins, BLOCKS)[:JUDGED])), None)


def _learned_until(past: Past) -> int:
    """The end of the rows the network learned from, if it learned from this asset [µs UTC]; 0 where it did not."""
    report = past.trained.report
    return int(report["end_us"]) if past.asset.asset in report.get("assets", {}) else 0


def _fresh(past: Past, origins: Rows) -> Bool:
    """The origins (n_origins,) that may judge: those the network did not learn from, or all where these are too few."""
    fresh = past.asset.time_us[origins] >= _learned_until(past)
    return fresh if fresh[_judged(origins)].sum() >= BLOCKS else np.ones(len(origins), bool)


def _trials(past: Past, origins: Rows, stride: int, steps: Int64, ahead: Ahead, fresh: Bool) -> Trials:
    """What would have been said at past origins, what the naive rules said, and what came."""
    at_once = int(np.clip(CELLS // (ahead.n_ahead * past.seen.shape[1]), 1, AT_ONCE))
    parts = [origins[i : i + at_once] for i in range(0, len(origins), at_once)]
    said = np.concatenate([saying.said(past, rows, steps, ahead, None) for rows in parts])
    at = past.asset.index[origins]
    came = past.at(past.outcomes, at[:, None] + steps)
    came = np.where(np.isfinite(said).all(axis=-1), came, np.nan)
    last = np.broadcast_to(past.last[origins][:, None], came.shape)
    naive = {PERSISTENCE: last}
    if past.season:
        naive[SEASONAL] = saying.nearest(saying.days_before(past, past.scores, at, steps, saying.DAYS), last)
    return Trials(at, stride, steps, said, came, naive, fresh)


# ---------------------------------------------------------------- told


def table(trained: Trained, said: Forecast) -> pa.Table:
    """A forecast as the table of `tables.forecast_schema`: sensor after sensor, those without a forecast left out."""
    some = np.flatnonzero(np.isfinite(said.p50[-1]))
    n_ahead = len(said.time_us)
    units = [trained.units.get(name) for name in trained.roles.scored]
    columns = [
        arrow.repeat_text(said.asset, n_ahead * len(some)),
        arrow.from_codes(trained.roles.scored, np.repeat(some, n_ahead)),
        arrow.from_times(np.tile(said.time_us, len(some))),
        arrow.from_floats(np.tile((said.time_us - said.origin_us) / 1e6, len(some))),
        *(arrow.from_floats(quantile[:, some].T.ravel()) for quantile in (said.p10, said.p50, said.p90)),
        arrow.texts([units[sensor] for sensor in np.repeat(some, n_ahead)]),
    ]
    return pa.Table.from_arrays(columns, schema=forecast_schema())


def as_document(trained: Trained, said: Forecast) -> dict[str, Any]:
    """A forecast in short: per sensor now, at a quarter of the horizon and at its end, and its skill; times ISO 8601,
    null where nothing is known.
    """
    return {
        "asset": said.asset,
        "origin": iso(said.origin_us),
        "season_s": None if said.season_us is None else said.season_us / 1e6,
        "context_ahead": dict(said.context),
        "past_origins": said.origins,
        "judged_from": iso(said.judged_us),
        "judged_on_training_rows": said.flattered,
        "sensors": [_sensor_document(trained, said, i) for i in range(len(said.now))],
    }


def _sensor_document(trained: Trained, said: Forecast, sensor: int) -> dict[str, Any]:
    name = trained.roles.scored[sensor]
    n_ahead = len(said.time_us)
    figures = [_skill_document(said, sensor, int(step)) for step in said.steps]
    whole = _skill_document(said, sensor, None)
    mase = whole["mase_persistence"]
    return {
        "sensor": name,
        "unit": trained.units.get(name),
        "now": _number(said.now[sensor]),
        "ahead": [
            {
                "time": iso(int(said.time_us[row])),
                "horizon": (int(said.time_us[row]) - said.origin_us) / 1e6,
                **{q: _number(getattr(said, q)[row, sensor]) for q in ("p10", "p50", "p90")},
            }
            for row in dict.fromkeys((said.quarter - 1, n_ahead - 1))
        ],
        "beats_persistence": None if mase is None else mase < 1,
        **whole,
        "by_horizon": figures,
        "weights": {
            member: _number(weight)
            for member, weight in zip(
                saying.MEMBERS, said.weights[-1, sensor], strict=False
            )  # daily only with a season
        },
    }


def _skill_document(said: Forecast, sensor: int, step: int | None) -> dict[str, Any]:
    """The skill of one sensor at a step, or over all rows."""
    where = {} if step is None else {"horizon": (int(said.time_us[step - 1]) - said.origin_us) / 1e6}
    return where | {
        "mase_persistence": _number(said.mase(PERSISTENCE, step)[sensor]),
        "mase_seasonal": _number(said.mase(SEASONAL, step)[sensor]),
        "coverage": _number(said.coverage(step)[sensor]),
    }


def _number(value: float) -> float | None:
    return float(value) if np.isfinite(value) else None
