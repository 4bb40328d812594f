"""Whether the time to a bound, and to the next severity, comes true where it is known: `make bench-limits`.

Each pump is simulated with a bearing that wears for 6 to 30 days (`anomaly_lstm.simulation`: nothing here is a proof of
field performance). The linear challenger learns the first 17 days of four healthy ones. With DATA=folder, turbofan
engines that ran to failure are judged as well (C-MAPSS, as `make bench-quality` finds and splits it): each sensor has a
bound four spreads above and below the mean of its healthy rows.

From when the warning is raised until a bound is first crossed, its time is told at evenly spaced moments, from the rows
up to each alone, as `alert` does, and compared with when it was crossed. So is the time from an advisory to a warning.

- inside: of the estimates whose bound was crossed, how many fell between p10 and p90: 80 % is promised;
- cannot say: moments without an estimate, by reason; of a bound that is not crossed before the failure none is counted;
- censored: estimates of such a bound, which are no hit and no miss; of them how many should have come by then;
- open alerts: at moments evenly spaced from the warning to the failure, of how many nothing at all could be told.

    python -m bench.limits [--seeds 11,12] [--pumps 4] [--moments 6] [--data folder]
"""

from __future__ import annotations

import argparse
import json
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
from numpy.typing import NDArray

import anomaly_lstm
from anomaly_lstm import scoring, simulation
from anomaly_lstm.bounds import Rise, rises_of
from anomaly_lstm.courses import courses_of
from anomaly_lstm.learning import CHALLENGER, TrainOptions
from anomaly_lstm.limits import BEYOND, ESTIMATE, Passage, healthy, passage
from anomaly_lstm.pipeline import GridOptions, read_scores
from anomaly_lstm.policy import DAY_US, Bound, Policy
from anomaly_lstm.scored_rows import Rows, loads_of, onset_of, rows_of
from anomaly_lstm.simulation import CONTEXT, START, BearingWear, History
from anomaly_lstm.telemetry import Grid, Telemetry, to_grid
from anomaly_lstm.trained import Trained
from bench import lstm
from bench.lstm import CONDITIONS, RESULTS, SCORED
from bench.quality import cmapss
from bench.quality.contract import Series
from bench.quality.verbs import READ

DAYS = 62
LIVES_DAYS = (6.0, 30.0)
BOUNDS = {"vibration": (3.5, 4.5), "bearing_temp": (75.0, 85.0)}
CONDITION = next(condition for condition in CONDITIONS if condition.name == "sample fleet")
PERIOD_US = round(CONDITION.period * 1e6)
POLICY = Policy(limits={"advisory": 30 * DAY_US, "warning": 90 * DAY_US})
SPREADS = 4.0
"""How far the bounds of an engine's sensor lie from its healthy mean [standard deviations]."""
Int64 = NDArray[np.int64]
Levels = Sequence[tuple[str, Rise]]


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


@dataclass
class Outcome:
    """What came of all that was told: by level, and ``alerts`` told or nothing → moments of an open alert."""

    levels: dict[str, Figures] = field(default_factory=dict)
    alerts: Counter[str] = field(default_factory=Counter)


def main() -> None:
    asked = argparse.ArgumentParser(prog="python -m bench.limits", description="Times to a bound that came true.")
    asked.add_argument("--seeds", default="11,12,13,14,15,16", help="of the fleets (default %(default)s)")
    asked.add_argument("--pumps", type=int, default=4, help="that wear, per fleet (default %(default)s)")
    asked.add_argument("--moments", type=int, default=6, help="at which is told, per bound (default %(default)s)")
    asked.add_argument("--data", type=Path, help="folder of the C-MAPSS data, to judge its engines too")
    options = asked.parse_args()
    outcomes = {"pumps": judge([int(seed) for seed in options.seeds.split(",")], options.pumps, options.moments)}
    outcomes |= {one.name: engines(one, options.moments) for one in (cmapss.find(options.data) if options.data else [])}
    for name, outcome in outcomes.items():
        show(name, outcome)
    RESULTS.mkdir(exist_ok=True)
    path = RESULTS / "limits.json"
    figures = {
        name: {"levels": [vars(one) for one in outcome.levels.values()], "alerts": outcome.alerts}
        for name, outcome in outcomes.items()
    }
    path.write_text(json.dumps({"seeds": options.seeds, **figures}, indent=1) + "\n")
    print(f"written to {path}")


def judge(seeds: Sequence[int], pumps: int, moments: int) -> Outcome:
    """Tell the times of every pump of every fleet, and count what came of them."""
    outcome = Outcome()
    for seed in seeds:
        healthy_fleet = [lstm.history(CONDITION, number, seed) for number in range(1, 5)]
        trained = lstm.learn(CONDITION, healthy_fleet, TrainOptions(network=CHALLENGER, seed=seed))
        chance = np.random.default_rng(seed)
        for number in range(pumps):
            history, failure_us = worn(1 + number % 4, seed, chance)
            rows = scored(trained, history)
            _judge(rows, failure_us, POLICY, list(_rises(rows)), PERIOD_US, moments, outcome)
    return outcome


def engines(series: Series, moments: int) -> Outcome:
    """The same for the engines that the model did not learn from."""
    outcome, period_us = Outcome(), series.period_us
    warning_us = cmapss.WARNING_ROWS * period_us
    policy = Policy(limits={"advisory": warning_us // 3, "warning": warning_us})
    failed_us = {event.asset: event.failure_us for event in series.truth}
    normal = series.train.drop(columns=["time", "asset", *series.context])
    for rows in _scored_engines(series):
        levels = [
            (f"{name} {sign}", rise)
            for name in normal.columns[normal.std() > 1e-9]
            for sign, bound in (
                ("+", Bound(high=float(normal[name].mean() + SPREADS * normal[name].std()))),
                ("−", Bound(low=float(normal[name].mean() - SPREADS * normal[name].std()))),
            )
            for rise in rises_of(rows, Policy(bounds={name: bound}), "critical")
        ]
        levels += [("warning", rise) for rise in rises_of(rows, policy, "advisory")]
        _judge(rows, failed_us[rows.asset] or 0, policy, levels, period_us, moments, outcome)
    return outcome


def _scored_engines(series: Series) -> Iterator[Rows]:
    """Learn the healthy rows and score the others, as the commands do."""
    with TemporaryDirectory() as folder:
        place = Path(folder)
        train, test, scores = place / "train.parquet", place / "test.parquet", place / "scores.parquet"
        series.train.to_parquet(train, index=False)
        series.test.to_parquet(test, index=False)
        grid, options = GridOptions(period_us=series.period_us), TrainOptions(network=CHALLENGER, seed=7)
        anomaly_lstm.train(train, place / "model", read=READ, grid=grid, context=series.context, options=options)
        anomaly_lstm.score(test, place / "model", scores)
        yield from rows_of(read_scores(scores))


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


def _judge(
    rows: Rows, failure_us: int, policy: Policy, levels: Levels, period_us: int, moments: int, outcome: Outcome
) -> None:
    """The last warning that was raised before the failure, against every level."""
    failed = int(np.searchsorted(rows.time_us, failure_us))
    courses = [c for c in courses_of(rows, policy, period_us) if c.stand.raised < failed and c.severity == "warning"]
    if not courses:
        return
    raised, onset = courses[-1].stand.raised, onset_of(rows, courses[-1].stand.begun)
    loads = loads_of(rows)
    reached: list[int | None] = []
    usual = [healthy(rise.value, loads if rise.sensor else loads[:, :0], onset) for _, rise in levels]
    for (level, rise), own in zip(levels, usual, strict=True):
        crossed = np.flatnonzero(rise.value[raised:failed] >= rise.level)
        came = raised + int(crossed[0]) if len(crossed) else None
        reached.append(came)
        figures = outcome.levels.setdefault(level, Figures(level))
        for now in _moments(raised, failed if came is None else came, moments):
            _count(figures, passage(rise.value, own, onset, now, rise.level, period_us), now, came, failed)
    for now in _moments(raised, failed, moments):
        told = [
            passage(rise.value, own, onset, now, rise.level, period_us).state
            for (_, rise), own, came in zip(levels, usual, reached, strict=True)
            if came is None or now < came
        ]
        if told:
            outcome.alerts["told" if ESTIMATE in told or BEYOND in told else "nothing"] += 1


def _moments(raised: int, last: int, moments: int) -> list[int]:
    """Evenly spaced rows between the alert and what it came to, without both."""
    rows = np.linspace(raised, last, moments + 1, endpoint=False).astype(int)[1:]
    return [int(now) for now in rows if now > raised]


def _rises(rows: Rows) -> Iterator[tuple[str, Rise]]:
    """Every level of a pump that is judged, and its name."""
    for sensor, levels in BOUNDS.items():
        for level in levels:
            bounded = Policy(bounds={sensor: Bound(high=level)})
            yield from ((f"{sensor} {level:g}", rise) for rise in rises_of(rows, bounded, "critical"))
    yield from (("warning", rise) for rise in rises_of(rows, POLICY, "advisory"))


def _count(figures: Figures, told: Passage, now: int, came: int | None, failed: int) -> None:
    """One more moment; ``came`` is the row that reached the level."""
    if came is not None or told.state == ESTIMATE:
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


def show(name: str, outcome: Outcome) -> None:
    """One line per level, one for all, and one for the open alerts."""
    figures = [one for one in outcome.levels.values() if one.told]
    head = f"{name:20s}{'moments':>8s}{'estimates':>10s}{'inside':>8s}{'sooner':>8s}{'later':>8s}"
    print(f"\n{head}   what else was told")
    for one in (*figures, _together(figures)):
        share = [f"{100 * n / one.met:.0f} %" if one.met else "" for n in (one.inside, one.early, one.late)]
        rest = ", ".join(f"{n} {what}" for what, n in one.told.most_common() if what != ESTIMATE)
        rest += f"; {one.censored} censored, {one.censored_late} overdue" if one.censored else ""
        counts = f"{sum(one.told.values()):8d}{one.told[ESTIMATE]:10d}"
        print(f"{one.level:20s}{counts}{share[0]:>8s}{share[1]:>8s}{share[2]:>8s}   {rest}")
    print(f"open alerts: at {outcome.alerts['nothing']} of {outcome.alerts.total()} moments nothing could be told\n")


def _together(figures: Iterable[Figures]) -> Figures:
    counts = {
        name: sum(getattr(one, name) for one in figures)
        for name in ("inside", "early", "late", "censored", "censored_late")
    }
    return Figures("all", sum((one.told for one in figures), Counter()), **counts)


if __name__ == "__main__":
    main()
