"""What a forecast of the sensors is worth beside naive rules on simulated pumps: `make bench-forecast`.

Both networks learn the first days of the pumps of `bench.lstm` (simulated: nothing here is a proof of field
performance). Then the sensors are forecast again and again at later moments, from the rows up to each moment alone, and
compared with the rows that followed, which no part of the forecast has seen:

- MASE: mean absolute error of the median over that of the last value, and of the value a day before, on the same rows;
- the share of what came that lay between p10 and p90: 80 % is promised;
- beside them the record: the same figures as the last forecast of each pump gives them out, from its walk through the
  days that nothing learned from, in time order. It counts over a hundred past moments per pump.

Each is also measured with the set-point planned: it is told as it came, as a production plan would.

    python -m bench.forecast [--only "load changes often"] [--seed 7] [--moments 3]
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass, replace

import numpy as np
from numpy.typing import NDArray

from anomaly_lstm.ahead import Plan
from anomaly_lstm.clock import DAY
from anomaly_lstm.errors import DataError
from anomaly_lstm.events import Event, normal_rows
from anomaly_lstm.forecasts import PERSISTENCE, SEASONAL, forecast
from anomaly_lstm.learning import TrainOptions
from anomaly_lstm.simulation import CONTEXT, History
from anomaly_lstm.tables import State
from anomaly_lstm.telemetry import Grid, Telemetry, to_grid
from anomaly_lstm.trained import Trained
from bench import lstm
from bench.lstm import CONDITIONS, HOUR_US, LEARNED_DAYS, NETWORKS, PUMPS, RESULTS, SCORED, Condition

Float64 = NDArray[np.float64]

HORIZONS_H = (1, 6, 24)
NAMES = ("sample fleet", "sample fleet, no context", "load changes often")
PLANNED = "speed_setpoint"


@dataclass(frozen=True)
class Met:
    """One forecast and what followed, all (n_scored,): mean absolute errors of the median and of the naive rules, the
    share of rows in the interval; and its record, MASE and share in the interval, that it gave out beforehand.
    """

    error: Float64
    last: Float64
    day: Float64
    inside: Float64
    record_last: Float64
    record_day: Float64
    record_inside: Float64


@dataclass(frozen=True)
class Figures:
    """A network at one horizon, MASE as geometric mean over the sensors; ``moments`` forecasts were compared."""

    network: str
    horizon_h: float
    planned: bool
    moments: int
    mase_persistence: float
    mase_seasonal: float
    coverage: float
    record_mase_persistence: float
    record_mase_seasonal: float
    record_coverage: float


def main() -> None:
    asked = argparse.ArgumentParser(prog="python -m bench.forecast", description="Forecasts beside naive rules.")
    asked.add_argument("--only", default="", help="conditions whose name holds this")
    asked.add_argument("--seed", type=int, default=7, help="of the fleet and of the training (default %(default)s)")
    asked.add_argument("--moments", type=int, default=3, help="moments forecast per pump (default %(default)s)")
    options = asked.parse_args()
    results: dict[str, list[Figures]] = {}
    conditions = [condition for condition in CONDITIONS if condition.name in NAMES]
    named = [condition for condition in conditions if condition.name == options.only]
    for condition in named or [condition for condition in conditions if options.only in condition.name]:
        print(f"{condition.name} …", flush=True)
        results[condition.name] = judge(condition, NETWORKS, HORIZONS_H, options.seed, options.moments)
    show(results)
    RESULTS.mkdir(exist_ok=True)
    path = RESULTS / "forecast.json"
    figures = {name: [asdict(one) for one in some] for name, some in results.items()}
    path.write_text(json.dumps({"seed": options.seed, "conditions": figures}, indent=1) + "\n")
    print(f"written to {path}")


def judge(
    condition: Condition, networks: Sequence[str], horizons_h: Sequence[float], seed: int, moments: int
) -> list[Figures]:
    """Learn the first `LEARNED_DAYS`, forecast at ``moments`` moments of the days after, compare with what came."""
    fleet = [lstm.history(condition, number, seed) for number in range(1, PUMPS + 1)]
    found = []
    for network in networks:
        trained = lstm.learn(condition, fleet, TrainOptions(network=network, seed=seed))
        for horizon_h in horizons_h:
            for planned in (False, True) if condition.context else (False,):
                horizon_us = round(horizon_h * HOUR_US)
                met = [list(meet(trained, condition, one, horizon_us, moments, planned=planned)) for one in fleet]
                found.append(_figures(network, horizon_h, planned, met))
    return found


def meet(
    trained: Trained, condition: Condition, one: History, horizon_us: int, moments: int, *, planned: bool
) -> Iterator[Met]:
    """Forecasts of one pump, spread evenly over the days after the learned ones; none while it stands still."""
    asset = whole(condition, one)
    told = [Event(e.asset, lstm._us(e.start), lstm._us(e.end), e.kind, None, None, "", 0) for e in one.events]
    normal = normal_rows(told, asset.asset, asset.time_us)
    n_ahead = horizon_us // asset.grid.period_us
    first = int(np.searchsorted(asset.time_us, asset.time_us[0] + LEARNED_DAYS * DAY))
    for end in np.linspace(first, len(asset) - n_ahead, moments).astype(int):
        plan = _plan(asset, end, n_ahead) if planned else None
        came = _outcomes(asset, end, n_ahead)
        try:
            said = forecast(trained, upto(asset, end), n_ahead, normal=normal[:end], plan=plan)
        except DataError:
            continue
        known = np.isfinite(came)
        if not known.any(axis=0).all():
            continue
        day = _outcomes(asset, end - DAY // asset.grid.period_us, n_ahead)
        day = np.where(np.isfinite(day), day, said.now)
        error, last, before = (
            np.nanmean(np.where(known, np.abs(guess - came), np.nan), axis=0) for guess in (said.p50, said.now, day)
        )
        inside = np.nanmean(np.where(known, (came >= said.p10) & (came <= said.p90), np.nan), axis=0)
        yield Met(error, last, before, inside, said.mase(PERSISTENCE), said.mase(SEASONAL), said.coverage())


def whole(condition: Condition, one: History) -> Telemetry:
    """All rows of a pump on the grid."""
    names = (*SCORED, *CONTEXT) if condition.context else SCORED
    values = np.column_stack([one.sensors[name].astype(np.float64) for name in names])
    grid = Grid(round(condition.period * 1e6))
    running = one.sensors["motor_current"] > 5
    return to_grid(one.asset, one.time.astype(np.int64), names, values, grid, running=running)[0]


def upto(asset: Telemetry, end: int) -> Telemetry:
    """The first rows of an asset."""
    rows = {name: getattr(asset, name)[:end] for name in ("index", "values", "state", "stretch")}
    return replace(asset, **rows)


def _outcomes(asset: Telemetry, start: int, n_rows: int) -> Float64:
    """The scored sensors of some rows (n_rows, n_scored) while the pump ran, NaN elsewhere."""
    index = asset.index[start - 1] + 1 + np.arange(n_rows)
    rows = np.minimum(np.searchsorted(asset.index, index), len(asset) - 1)
    ran = (asset.index[rows] == index) & (asset.state[rows] == State.SCORED)
    return np.where(ran[:, None], asset.values[rows, : len(SCORED)], np.nan)


def _plan(asset: Telemetry, end: int, n_ahead: int) -> Plan:
    """The set-point of the rows to come, as a production plan would have it."""
    rows = slice(end, end + n_ahead)
    values = np.full((len(asset.time_us[rows]), len(CONTEXT)), np.nan)
    column = CONTEXT.index(PLANNED)
    values[:, column] = asset.values[rows, len(SCORED) + column]
    return Plan(asset.time_us[rows], values)


def _figures(network: str, horizon_h: float, planned: bool, met: Sequence[Sequence[Met]]) -> Figures:
    """Over all forecasts of all pumps what followed, and over the last of each pump the record."""
    every = [one for mine in met for one in mine]
    latest = [mine[-1] for mine in met if mine]

    def over(some: Sequence[Met], name: str) -> Float64:
        return np.asarray(np.mean([getattr(one, name) for one in some], axis=0))

    def geometric(ratio: Float64) -> float:
        return float(np.exp(np.mean(np.log(ratio))))

    return Figures(
        network,
        horizon_h,
        planned,
        len(every),
        geometric(over(every, "error") / over(every, "last")),
        geometric(over(every, "error") / over(every, "day")),
        float(over(every, "inside").mean()),
        geometric(over(latest, "record_last")),
        geometric(over(latest, "record_day")),
        float(over(latest, "record_inside").mean()),
    )


def show(results: dict[str, list[Figures]]) -> None:
    """One table: what the forecasts were worth on rows that followed, and by their record."""
    print(
        "\nMASE below 1: the forecast is better than the last value, or the value a day before (geometric mean over "
        "sensors).\nInside: share of what came between p10 and p90. Left: rows that followed the forecasts; right: "
        "their own record.\n"
    )
    three = f"{'÷ last':>9s}{'÷ day':>8s}{'inside':>9s}"
    print(f"{'condition':28s}{'network':18s}{'set-point':10s}{'horizon':>8s}{three} |{three}{'forecasts':>11s}")
    for name, some in results.items():
        for one in some:
            followed = f"{one.mase_persistence:9.2f}{one.mase_seasonal:8.2f}{100 * one.coverage:7.0f} %"
            record = (
                f"{one.record_mase_persistence:9.2f}{one.record_mase_seasonal:8.2f}{100 * one.record_coverage:7.0f} %"
            )
            word = "planned" if one.planned else "unknown"
            print(f"{name:28s}{one.network:18s}{word:10s}{one.horizon_h:>6g} h{followed} |{record}{one.moments:11d}")
    print()


if __name__ == "__main__":
    main()
