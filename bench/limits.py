"""Whether the time to a bound, and to the next severity, comes true on simulated pumps that wear: `make bench-limits`.

Each pump is simulated with a bearing that wears for 6 to 30 days (`anomaly_lstm.simulation`: nothing here is a proof of
field performance). The linear challenger learns the first 17 days of four healthy ones. From when the warning is raised
until a bound is first crossed, its time is told at evenly spaced moments, from the rows up to each alone, as `alert`
does, and compared with when it was crossed. So is the time from an advisory to a warning, once in 90 days.

- inside: of the estimates whose bound was crossed, how many fell between p10 and p90: 80 % is promised;
- cannot say: moments without an estimate, by reason; a load peak may cross a bound any day, so many intervals are wide;
- censored: estimates of a bound that was not crossed before the failure, of them how many should have come by then.

    python -m bench.limits [--seeds 11,12,13] [--pumps 8] [--moments 6]
"""

from __future__ import annotations

import argparse
import json
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from anomaly_lstm import scoring, simulation
from anomaly_lstm.alerts import DAY_US, Bound, Policy, Rise, Rows, courses_of, loads_of, onset_of, rises_of, rows_of
from anomaly_lstm.learning import CHALLENGER, TrainOptions
from anomaly_lstm.limits import ESTIMATE, Passage, healthy, passage
from anomaly_lstm.simulation import CONTEXT, START, BearingWear, History
from anomaly_lstm.telemetry import Grid, Telemetry, to_grid
from anomaly_lstm.trained import Trained
from bench import lstm
from bench.lstm import CONDITIONS, RESULTS, SCORED

DAYS = 62
LIVES_DAYS = (6.0, 30.0)
BOUNDS = {"vibration": (3.5, 4.5), "bearing_temp": (75.0, 85.0)}
CONDITION = next(condition for condition in CONDITIONS if condition.name == "sample fleet")
PERIOD_US = round(CONDITION.period * 1e6)
Int64 = NDArray[np.int64]


@dataclass
class Figures:
    """How the forecasts of one level fared; ``told`` state or reason → moments."""

    level: str
    told: Counter[str] = field(default_factory=Counter)
    inside: int = 0
    early: int = 0
    late: int = 0
    censored: int = 0
    censored_late: int = 0

    @property
    def met(self) -> int:
        """Estimates whose level was reached."""
        return self.inside + self.early + self.late


def main() -> None:
    asked = argparse.ArgumentParser(prog="python -m bench.limits", description="Times to a bound that came true.")
    asked.add_argument("--seeds", default="11,12,13", help="of the fleets (default %(default)s)")
    asked.add_argument("--pumps", type=int, default=8, help="that wear, per fleet (default %(default)s)")
    asked.add_argument("--moments", type=int, default=6, help="at which is told, per bound (default %(default)s)")
    options = asked.parse_args()
    figures = judge([int(seed) for seed in options.seeds.split(",")], options.pumps, options.moments)
    show(figures)
    RESULTS.mkdir(exist_ok=True)
    path = RESULTS / "limits.json"
    path.write_text(json.dumps({"seeds": options.seeds, "levels": [vars(one) for one in figures]}, indent=1) + "\n")
    print(f"written to {path}")


def judge(seeds: Sequence[int], pumps: int, moments: int) -> list[Figures]:
    """Tell the times of every pump of every fleet, and count what came of them."""
    found: dict[str, Figures] = {}
    for seed in seeds:
        healthy_fleet = [lstm.history(CONDITION, number, seed) for number in range(1, 5)]
        trained = lstm.learn(CONDITION, healthy_fleet, TrainOptions(network=CHALLENGER, seed=seed))
        chance = np.random.default_rng(seed)
        for number in range(pumps):
            history, failure_us = worn(1 + number % 4, seed, chance)
            _judge(scored(trained, history), failure_us, moments, found)
    return list(found.values())


def worn(number: int, seed: int, chance: np.random.Generator) -> tuple[History, int]:
    """A pump whose bearing wears to its failure [µs]."""
    life = np.exp(chance.uniform(*np.log(LIVES_DAYS)))
    start = START + np.timedelta64(round((18 + chance.uniform(0, 2)) * 1440), "m")
    failure = start + np.timedelta64(round(life * 1440), "m")
    hour = np.timedelta64(60, "m")
    wear = BearingWear(start, failure, failure + hour, failure + 2 * hour)
    pump, time = simulation.make_pump(number, seed), simulation.regular_times(START, DAYS, CONDITION.period)
    routine = simulation.routine_episodes(number, time[0], DAYS)
    history = simulation.simulate_pump(pump, time, seed=seed, episodes=[*routine, wear], plan=CONDITION.plan)
    return history, int(failure.astype("datetime64[us]").astype(np.int64))


def scored(trained: Trained, history: History) -> Rows:
    """The whole history through the model, as `run` does."""
    one = next(scoring.score(trained, [_telemetry(history)]))
    return next(rows_of(scoring.table(trained, one, "bench")))


def _telemetry(history: History) -> Telemetry:
    names = (*SCORED, *CONTEXT)
    values = np.column_stack([history.sensors[name].astype(np.float64) for name in names])
    running = history.sensors["motor_current"] > 5
    return to_grid(history.asset, history.time.astype(np.int64), names, values, Grid(PERIOD_US), running=running)[0]


def _judge(rows: Rows, failure_us: int, moments: int, found: dict[str, Figures]) -> None:
    """The last alert that was raised before the failure, against every bound and from advisory to warning."""
    policy = Policy(limits={"advisory": 30 * DAY_US, "warning": 90 * DAY_US})
    failed = int(np.searchsorted(rows.time_us, failure_us))
    courses = [c for c in courses_of(rows, policy, PERIOD_US) if c.stand.raised < failed and c.severity == "warning"]
    if not courses:
        return
    stand = courses[-1].stand
    for level, rise in _rises(rows, policy):
        figures = found.setdefault(level, Figures(level))
        crossed = np.flatnonzero(rise.value[stand.raised : failed] >= rise.level)
        came = stand.raised + int(crossed[0]) if len(crossed) else None
        last = failed if came is None else came
        onset = onset_of(rows, stand.begun)
        usual = healthy(rise.value, loads_of(rows) if rise.sensor else np.empty((len(rows.time_us), 0)), onset)
        for now in np.linspace(stand.raised, last, moments + 1, endpoint=False).astype(int)[1:]:
            if now > stand.raised:
                _count(figures, passage(rise.value, usual, onset, int(now), rise.level, PERIOD_US), now, came, failed)


def _rises(rows: Rows, policy: Policy) -> Iterator[tuple[str, Rise]]:
    """Every level that is judged, and its name."""
    for sensor, levels in BOUNDS.items():
        for level in levels:
            bounded = Policy(bounds={sensor: Bound(high=level)})
            yield from ((f"{sensor} {level:g}", rise) for rise in rises_of(rows, bounded, "critical"))
    yield from (("warning", rise) for rise in rises_of(rows, policy, "advisory"))


def _count(figures: Figures, told: Passage, now: int, came: int | None, failed: int) -> None:
    """One more moment; ``came`` is the row that reached the level."""
    figures.told[told.reason or told.state] += 1
    if told.state != ESTIMATE or told.p10 is None or told.p90 is None:
        return
    if came is None:
        figures.censored += 1
        figures.censored_late += int(now + told.p90 < failed)
    elif came - now < told.p10:
        figures.early += 1
    elif came - now > told.p90:
        figures.late += 1
    else:
        figures.inside += 1


def show(figures: Sequence[Figures]) -> None:
    """One line per level, and one for all."""
    head = f"{'level':20s}{'moments':>8s}{'estimates':>10s}{'inside':>8s}{'sooner':>8s}{'later':>8s}"
    print(f"\n{head}   what else was told")
    for one in (*figures, _together(figures)):
        share = [f"{100 * n / one.met:.0f} %" if one.met else "" for n in (one.inside, one.early, one.late)]
        rest = ", ".join(f"{n} {what}" for what, n in one.told.most_common() if what != ESTIMATE)
        rest += f"; {one.censored} censored, {one.censored_late} overdue" if one.censored else ""
        counts = f"{sum(one.told.values()):8d}{one.told[ESTIMATE]:10d}"
        print(f"{one.level:20s}{counts}{share[0]:>8s}{share[1]:>8s}{share[2]:>8s}   {rest}")
    print()


def _together(figures: Sequence[Figures]) -> Figures:
    counts = {name: sum(getattr(one, name) for one in figures) for name in ("inside", "early", "late")}
    censored = {name: sum(getattr(one, name) for one in figures) for name in ("censored", "censored_late")}
    return Figures("all", sum((one.told for one in figures), Counter()), **counts, **censored)


if __name__ == "__main__":
    main()
