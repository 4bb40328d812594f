"""Where the LSTM beats the linear challenger, and where it adds nothing: `make bench-lstm`.

Both networks learn the same simulated pumps (`anomaly_lstm.simulation`: nothing here is a proof of field performance)
under a few conditions, each of which takes one thing away that could make a memory worth its cost: the two valves with
hysteresis, the changing load, the context, the fine period. Then both meet later rows that neither learned from:

- healthy ones, for the mean squared error of the forecasts, sensor by sensor, and for false alerts;
- the same with one fault at a time: each pump cavitates, has a frozen pressure, loses a bearing.

A fault is found at two limits: at the return period that training promises, and at the lowest limit that is silent on
the healthy rows, which no user can know beforehand but which is the same number of false alerts, none, for both.

    python -m bench.lstm [--only "load changes often"] [--seed 7]
"""

from __future__ import annotations

import argparse
import json
import time as clock
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from anomaly_lstm import delays, scoring, simulation, training
from anomaly_lstm.deviations import deviations, live_rows
from anomaly_lstm.evaluation import poisson_interval
from anomaly_lstm.events import Event, normal_rows
from anomaly_lstm.learning import CHALLENGER, TrainOptions
from anomaly_lstm.models import lstm_predictor
from anomaly_lstm.simulation import CONTEXT, START, UNITS, BearingWear, Cavitation, Episode, History, StuckSensor
from anomaly_lstm.tables import State
from anomaly_lstm.telemetry import Grid, Telemetry, to_grid
from anomaly_lstm.trained import Roles, Trained

Float64 = NDArray[np.float64]
Int64 = NDArray[np.int64]

RESULTS = Path(__file__).parent / "results"
NETWORKS = (CHALLENGER, lstm_predictor.NAME)
SCORED = tuple(name for name in UNITS if name not in CONTEXT)
PUMPS, DAYS, LEARNED_DAYS = 4, 28, 17
WARNING_S = 28 * 86400.0
"""Return period of a warning, per asset: one a week for the four pumps."""
HOUR_US = 3_600_000_000


@dataclass(frozen=True)
class Condition:
    """What the pumps are like: spacing of the rows [s], valves with hysteresis, how the load goes, context recorded."""

    name: str
    period: float = 300.0
    valves: bool = True
    plan: simulation.Plan = simulation.production_plan
    context: bool = True


def often(pump: simulation.Pump, time: simulation.Times, seed: int) -> simulation.Values:
    """Every pump fills batch tanks, each at its own speed from tank to tank [% of rated]."""
    rng = np.random.default_rng([seed, pump.number])
    fills = simulation.filling(pump, time, seed)
    turn = np.cumsum(np.diff(fills, prepend=fills[:1]))
    high, low = rng.uniform(84, 104, turn[-1] + 1), rng.uniform(66, 84, turn[-1] + 1)
    return np.asarray(np.where(fills, high[turn], low[turn]), np.float64)


def steady(pump: simulation.Pump, time: simulation.Times, seed: int) -> simulation.Values:
    """One speed for ever, another for each pump [% of rated]."""
    return np.full(len(time), 74.0 + 6 * pump.number)


CONDITIONS = (
    Condition("sample fleet, every minute", period=60.0),
    Condition("sample fleet"),
    Condition("sample fleet, no valves", valves=False),
    Condition("sample fleet, no context", context=False),
    Condition("load changes often", plan=often),
    Condition("load changes often, no valves", plan=often, valves=False),
    Condition("load constant", plan=steady),
    Condition("load constant, no valves", plan=steady, valves=False),
)
"""`sample fleet`: two pumps with shifts and operators, two that fill batch tanks; every five minutes unless said."""


@dataclass(frozen=True)
class Found:
    """How one fault was met [h]: ``lead`` to the failure of a bearing, ``delay`` since the begin of any other fault;
    None where it was missed.
    """

    fault: str
    asset: str
    promised: float | None
    silent: float | None


@dataclass(frozen=True)
class Figures:
    """One network under one condition; ``mse`` in scaled units² on later healthy rows, also by sensor."""

    network: str
    seconds: float
    steps: int
    mse: float
    by_sensor: dict[str, float]
    false: int
    expected_false: float
    interval: tuple[float, float]
    found: list[Found] = field(default_factory=list)


def main() -> None:
    asked = argparse.ArgumentParser(prog="python -m bench.lstm", description="The LSTM beside the linear challenger.")
    asked.add_argument("--only", default="", help="conditions whose name holds this")
    asked.add_argument("--seed", type=int, default=7, help="of the fleet and of the training (default %(default)s)")
    options = asked.parse_args()
    results: dict[str, list[Figures]] = {}
    for condition in CONDITIONS:
        if options.only in condition.name:
            print(f"{condition.name} …", flush=True)
            results[condition.name] = [judge(condition, network, options.seed) for network in NETWORKS]
    show(results)
    RESULTS.mkdir(exist_ok=True)
    figures = {name: [asdict(one) for one in both] for name, both in results.items()}
    (RESULTS / "lstm.json").write_text(json.dumps({"seed": options.seed, "conditions": figures}, indent=1) + "\n")
    print(f"written to {RESULTS / 'lstm.json'}")


# --- one network under one condition -----------------------------------------------------------------------------


def judge(condition: Condition, network: str, seed: int) -> Figures:
    """Learn the first `LEARNED_DAYS` of the healthy fleet, then meet the rest of it, and every fault in it."""
    fleet = [history(condition, number, seed) for number in range(1, PUMPS + 1)]
    begun = clock.perf_counter()
    trained = learn(condition, fleet, TrainOptions(network=network, seed=seed))
    seconds = clock.perf_counter() - begun
    later = [telemetry(condition, one, later=True) for one in fleet]
    squares = _squares(trained, fleet, later)
    healthy = list(scoring.score(trained, later))
    normal = [_normal(one, asset) for one, asset in zip(fleet, later, strict=True)]
    false = sum(
        bool(keep[raised]) for one, keep in zip(healthy, normal, strict=True) for raised in _raised(one, WARNING_S)
    )
    watched = sum(int((keep & (one.state == State.SCORED)).sum()) for one, keep in zip(healthy, normal, strict=True))
    expected = watched * condition.period / WARNING_S
    silent = max(float(np.nanmax(one.score[keep])) for one, keep in zip(healthy, normal, strict=True))
    low, high = poisson_interval(false)
    return Figures(
        network,
        seconds,
        trained.learned.fitted.steps,
        float(np.mean(squares)),
        dict(zip(SCORED, squares.tolist(), strict=True)),
        false,
        expected,
        (low / expected, high / expected),
        [
            _found(trained, condition, episode, number, seed, silent)
            for number in range(1, PUMPS + 1)
            for episode in faults(number)
        ],
    )


def history(condition: Condition, number: int, seed: int, fault: Episode | None = None) -> History:
    """Pump ``number`` of the condition's fleet, with its routine and at most one fault."""
    pump = simulation.make_pump(number, seed)
    if not condition.valves:
        pump = replace(pump, recirculation=0.0, cooling=0.0)
    time = simulation.regular_times(START, DAYS, condition.period)
    episodes = [*simulation.routine_episodes(number, time[0], DAYS), *([fault] if fault else [])]
    return simulation.simulate_pump(pump, time, seed=seed, episodes=episodes, plan=condition.plan)


def faults(number: int) -> tuple[BearingWear | Cavitation | StuckSensor, ...]:
    """One of each kind, at another hour for each pump, all after what was learned."""

    def at(days: float) -> np.datetime64:
        return START + np.timedelta64(round((days * 24 + 7 * number) * 60), "m")

    def hours(n: float) -> np.timedelta64:
        return np.timedelta64(round(n * 60), "m")

    failure = at(25)
    return (
        Cavitation(at(20), at(20) + hours(5.25)),
        StuckSensor(at(21), at(21) + hours(25), "discharge_pressure"),
        BearingWear(failure - hours(6 * 24), failure, failure + hours(36), failure + hours(42)),
    )


def telemetry(condition: Condition, one: History, *, later: bool) -> Telemetry:
    """The rows of a pump before (or, ``later``, after) the end of what is learned, on the grid."""
    names = (*SCORED, *CONTEXT) if condition.context else SCORED
    rows = (one.time >= START + np.timedelta64(LEARNED_DAYS, "D")) == later
    values = np.column_stack([one.sensors[name][rows].astype(np.float64) for name in names])
    grid = Grid(round(condition.period * 1e6))
    running = one.sensors["motor_current"][rows] > 5
    return to_grid(one.asset, one.time[rows].astype(np.int64), names, values, grid, running=running)[0]


def learn(condition: Condition, fleet: Sequence[History], options: TrainOptions) -> Trained:
    """What `train` makes of the first days of a fleet."""
    assets = [telemetry(condition, one, later=False) for one in fleet]
    return training.train(
        assets,
        [_normal(one, asset) for one, asset in zip(fleet, assets, strict=True)],
        Roles(SCORED, CONTEXT if condition.context else ()),
        options,
        max_hole=10,
        running="motor_current > 5",
        units={},
        reading={},
    )


def _normal(one: History, asset: Telemetry) -> NDArray[np.bool_]:
    told = [Event(row.asset, _us(row.start), _us(row.end), row.kind, None, None, "", 0) for row in one.events]
    return normal_rows(told, asset.asset, asset.time_us)


def _us(iso: str) -> int:
    return int(np.datetime64(iso.removesuffix("Z"), "us").astype(np.int64))


def _squares(trained: Trained, fleet: Sequence[History], assets: Sequence[Telemetry]) -> Float64:
    """Mean squared error of the forecasts by sensor (n_scored,) in scaled units².

    A stop and the hour after it are left out: a handful of rows that would outweigh all others.
    """
    learned = trained.learned
    errors = []
    for one, asset in zip(fleet, assets, strict=True):
        parts = [(asset, rows) for rows in asset.stretches()]
        for part, moved in zip(parts, deviations(learned, parts), strict=True):
            counts = live_rows(learned, part) & ~_after_stop(one, asset.time_us[part[1]])
            errors.append(moved[0, counts] / learned.scaler.spread[: learned.n_scored])
    return np.asarray(np.nanmean(np.square(np.concatenate(errors)), axis=0))


def _after_stop(one: History, time_us: Int64) -> NDArray[np.bool_]:
    """Rows (n_rows,) at which the pump was told to stand still, then or within the hour before."""
    stops = one.time[one.sensors["speed_setpoint"] < 50].astype(np.int64)
    return np.asarray(np.searchsorted(stops, time_us, "right") > np.searchsorted(stops, time_us - HOUR_US, "left"))


def _raised(one: scoring.Scores, return_period_s: float) -> list[int]:
    """Rows on which a warning is raised, on-delay 5 min, off-delay 15 min."""
    period_s = one.telemetry.grid.period_us / 1e6
    above = one.return_period_s >= return_period_s
    below = one.return_period_s < return_period_s * 10**-delays.DEADBAND
    stood = delays.standings(above, below, one.state, round(300 / period_s), round(900 / period_s))
    return [standing.raised for standing in stood]


def _found(
    trained: Trained,
    condition: Condition,
    fault: BearingWear | Cavitation | StuckSensor,
    number: int,
    seed: int,
    silent: float,
) -> Found:
    one = history(condition, number, seed, fault)
    (scores,) = scoring.score(trained, [telemetry(condition, one, later=True)])
    time_us = scores.telemetry.time_us
    until = fault.failure if isinstance(fault, BearingWear) else fault.end
    start_us, until_us = (int(t.astype("datetime64[us]").astype(np.int64)) for t in (fault.start, until))

    def hours(rows: Sequence[int] | Int64) -> float | None:
        inside = [int(time_us[row]) for row in rows if start_us <= time_us[row] < until_us]
        if not inside:
            return None
        return ((until_us - inside[0]) if isinstance(fault, BearingWear) else (inside[0] - start_us)) / HOUR_US

    above = np.flatnonzero(scores.score > silent)
    return Found(type(fault).__name__, one.asset, hours(_raised(scores, WARNING_S)), hours(above))


# --- shown ---------------------------------------------------------------------------------------------------------


def show(results: dict[str, list[Figures]]) -> None:
    """Two tables: how well both forecast, and how both warn."""
    print("\nMean squared error on later healthy rows, LSTM ÷ line: below 1 the LSTM is better; all: geometric mean.\n")
    sensors = "".join(f"{name.split('_')[-1]:>11s}" for name in SCORED)
    print(f"{'condition':32s}{'all':>7s}{sensors}{'steps':>7s}")
    for name, (line, lstm) in results.items():
        ratios = [lstm.by_sensor[s] / line.by_sensor[s] for s in SCORED]
        mean = float(np.exp(np.mean(np.log(ratios))))
        print(f"{name:32s}{mean:7.2f}" + "".join(f"{ratio:11.2f}" for ratio in ratios) + f"{lstm.steps:7d}")
    print(
        "\nWarnings: false ones / those promised. For each fault, how many of four were found and the median hours of"
        "\ndelay (bearing: of lead) at the promised limit | at the lowest limit that is silent on the healthy rows.\n"
    )
    kinds = [kind.__name__ for kind in (Cavitation, StuckSensor, BearingWear)]
    heads = "".join(f"{kind:>25s}" for kind in kinds)
    print(f"{'condition':32s}{'network':18s}{'false':>9s}{heads}{'train':>8s}")
    for name, both in results.items():
        for one in both:
            alarms = f"{one.false}/{one.expected_false:.1f}"
            met = "".join(
                f"{_told([f.promised for f in one.found if f.fault == kind]):>13s} |"
                f"{_told([f.silent for f in one.found if f.fault == kind]):>10s}"
                for kind in kinds
            )
            print(f"{name:32s}{one.network:18s}{alarms:>9s}{met}{one.seconds:7.0f}s")
    print()


def _told(hours: Sequence[float | None]) -> str:
    known = [h for h in hours if h is not None]
    return f"{len(known)}× {np.median(known):.1f}" if known else "0"


if __name__ == "__main__":
    main()
