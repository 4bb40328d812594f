"""Whether normal operation raises one alert per return period, as promised: `make bench-budget`.

Simulated pumps (`anomaly_lstm.simulation`: nothing here is a proof of field performance) run for two years without a
fault. The first year trains, the second is scored, pump by pump, and its alerts are counted by the product's own life
cycle with one limit on, at return periods from a day to a month. Stops that maintenance told of and gaps that were told
are excused, as in `evaluate`; unnoted stops and lost rows are not.

    python -m bench.budget [--assets 20] [--days 730] [--period 300] [--seeds 1,2,3] [--network lstm_predictor]
"""

from __future__ import annotations

import argparse
import json
import time as clock
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from anomaly_lstm import scoring, simulation, training
from anomaly_lstm.alerts import alerts_of
from anomaly_lstm.evaluation import poisson_interval
from anomaly_lstm.events import Event, normal_rows
from anomaly_lstm.learning import CHALLENGER, TrainOptions
from anomaly_lstm.models import MODELS
from anomaly_lstm.policy import DAY_US, Policy
from anomaly_lstm.scored_rows import rows_of
from anomaly_lstm.simulation import CONTEXT, START, UNITS, History
from anomaly_lstm.tables import State
from anomaly_lstm.telemetry import Grid, Telemetry, to_grid
from anomaly_lstm.trained import Roles, Trained

Bool = NDArray[np.bool_]

RESULTS = Path(__file__).parent / "results"
SCORED = tuple(name for name in UNITS if name not in CONTEXT)
LEVELS_DAYS = (1, 7, 30)
ACCEPTED = (0.7, 1.4)
"""Observed / expected alerts of a promise that is kept, clusters of simulated pumps being no exact Poisson process."""

ENOUGH = 100
"""Expected alerts from which on chance alone, a tenth of them, leaves the ratio well inside `ACCEPTED`."""


@dataclass(frozen=True)
class Size:
    """How much is simulated: pumps, days of which the first half trains, spacing of the rows [s]."""

    assets: int = 20
    days: float = 730.0
    period: float = 300.0


@dataclass(frozen=True)
class Count:
    """One limit over the scored half of one fleet; ``expected`` alerts are scored time over ``level_days``,
    ``in_alarm`` is the share of scored rows on which an alert stood.
    """

    seed: int
    level_days: int
    observed: int
    expected: float
    in_alarm: float


@dataclass(frozen=True)
class Run:
    """One fleet: its counts, what training says of itself, and how long it took [s]."""

    seed: int
    counts: tuple[Count, ...]
    calibration: dict[str, float]
    train_s: float
    score_s: float


def main() -> None:
    asked = argparse.ArgumentParser(prog="python -m bench.budget", description=(__doc__ or "").partition("\n")[0])
    asked.add_argument("--assets", type=int, default=Size.assets, help="pumps (default %(default)s)")
    asked.add_argument("--days", type=float, default=Size.days, help="half of them train (default %(default)s)")
    asked.add_argument("--period", type=float, default=Size.period, help="spacing of rows in s (default %(default)s)")
    asked.add_argument("--seeds", default="1,2,3", help="one fleet each (default %(default)s)")
    asked.add_argument("--network", choices=list(MODELS), default=CHALLENGER, help="default %(default)s")
    options = asked.parse_args()
    size = Size(options.assets, options.days, options.period)
    runs = []
    for seed in (int(text) for text in options.seeds.split(",")):
        runs.append(judge(size, seed, options.network))
        print(f"seed {seed}: train {runs[-1].train_s:.0f} s, score {runs[-1].score_s:.0f} s", flush=True)
    show(runs)
    RESULTS.mkdir(exist_ok=True)
    figures = {"network": options.network, **asdict(size), "runs": [asdict(run) for run in runs]}
    (RESULTS / "budget.json").write_text(json.dumps(figures, indent=1) + "\n")
    print(f"written to {RESULTS / 'budget.json'}")


# --- one fleet -----------------------------------------------------------------------------------------------------


def judge(size: Size, seed: int, network: str) -> Run:
    """Train on the first half of a healthy fleet, count the alerts of the second."""
    begun = clock.perf_counter()
    trained = learn(size, seed, network)
    learned = clock.perf_counter()
    counts = count(trained, size, seed)
    return Run(seed, counts, trained.report["calibration"], learned - begun, clock.perf_counter() - learned)


def learn(size: Size, seed: int, network: str) -> Trained:
    """What `train` makes of the first half."""
    assets, normal = zip(*halves(size, seed, later=False), strict=True)
    options = TrainOptions(network=network, seed=seed)
    roles = Roles(SCORED, CONTEXT)
    return training.train(
        assets, normal, roles, options, max_hole=10, running="motor_current > 5", units=UNITS, reading={}
    )


def count(trained: Trained, size: Size, seed: int) -> tuple[Count, ...]:
    """Alerts raised in the normal rows of the second half, level by level; one pump in memory at a time."""
    period_us = trained.grid.period_us
    observed, standing, watched = dict.fromkeys(LEVELS_DAYS, 0), dict.fromkeys(LEVELS_DAYS, 0), 0
    for asset, normal in halves(size, seed, later=True):
        (scores,) = scoring.score(trained, [asset])
        (rows,) = rows_of(scoring.table(trained, scores, "model", detail=False))
        counted = normal & (rows.state == State.SCORED)
        watched += int(counted.sum())
        for level in LEVELS_DAYS:
            policy = Policy({"advisory": level * DAY_US})
            in_alarm = np.zeros(len(counted), bool)
            for alert in alerts_of(rows, policy, period_us, "model"):
                start, stop = np.searchsorted(rows.time_us, [alert.raised_us, alert.cleared_us or rows.time_us[-1] + 1])
                observed[level] += bool(normal[start])
                in_alarm[start:stop] = True
            standing[level] += int((in_alarm & counted).sum())
    return tuple(
        Count(seed, level, observed[level], watched * period_us / (level * DAY_US), standing[level] / max(watched, 1))
        for level in LEVELS_DAYS
    )


def halves(size: Size, seed: int, *, later: bool) -> Iterator[tuple[Telemetry, Bool]]:
    """The first or the ``later`` half of each pump's rows on the grid, and which of them are normal."""
    fleet = simulation.healthy_fleet(size.assets, size.days, period=size.period, seed=seed)
    return (half(history, size, later=later) for history in fleet)


def half(history: History, size: Size, *, later: bool) -> tuple[Telemetry, Bool]:
    """One pump's half on the grid, and which of its rows (n_rows,) are normal."""
    middle = START + np.timedelta64(round(size.days / 2 * DAY_US), "us")
    rows = (history.time >= middle) == later
    names = (*SCORED, *CONTEXT)
    values = np.column_stack([history.sensors[name][rows].astype(np.float64) for name in names])
    running = history.sensors["motor_current"][rows] > 5
    grid = Grid(round(size.period * 1e6))
    asset = to_grid(history.asset, history.time[rows].astype(np.int64), names, values, grid, running=running)[0]
    told = [Event(e.asset, _us(e.start), _us(e.end), e.kind, None, None, "", 0) for e in history.events]
    return asset, normal_rows(told, history.asset, asset.time_us)


def _us(iso: str) -> int:
    return int(np.datetime64(iso.removesuffix("Z"), "us").astype(np.int64))


# --- shown ---------------------------------------------------------------------------------------------------------


def show(runs: Sequence[Run]) -> None:
    """Observed and expected alerts by level, each fleet and all together."""
    print(f"\n{'once in':>8s}{'seed':>6s}{'observed':>10s}{'expected':>10s}{'ratio':>7s}{'95 %':>14s}{'in alarm':>10s}")
    for level in LEVELS_DAYS:
        mine = [one for run in runs for one in run.counts if one.level_days == level]
        for one in mine:
            print(_line(level, str(one.seed), [one]))
        print(_line(level, "all", mine), verdict(mine))
    print()


def _line(level: int, name: str, counts: Sequence[Count]) -> str:
    observed, expected = sum(one.observed for one in counts), sum(one.expected for one in counts)
    low, high = (bound / expected for bound in poisson_interval(observed))
    in_alarm = float(np.mean([one.in_alarm for one in counts]))
    interval = f"{low:.2f} to {high:.2f}"
    return (
        f"{level:>6d} d{name:>6s}{observed:>10d}{expected:>10.1f}{observed / expected:>7.2f}{interval:>14s}"
        f"{in_alarm:>10.3%}"
    )


def verdict(counts: Sequence[Count]) -> str:
    """Whether the promise was kept at one level, if there was enough time to tell."""
    expected = sum(one.expected for one in counts)
    if expected < ENOUGH:
        return "too short to tell"
    low, high = ACCEPTED
    return "kept" if low <= sum(one.observed for one in counts) / expected <= high else "NOT kept"


if __name__ == "__main__":
    main()
