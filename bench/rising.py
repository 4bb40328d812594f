"""Whether the list of rising sensors is short on healthy pumps and right on wearing ones: `make bench-rising`.

Four simulated pumps a fleet (`anomaly_lstm.simulation`: nothing here is a proof of field performance). The linear
challenger learns a year of them. Each then runs on for a year without a fault; and each runs on with a bearing that
wears for 6 to 30 days. Twice a day the list is made from the rows up to then, as `run` does.

- healthy: how many indicators are told per asset-year, beside how many the policy allows before the trend is asked for;
  at what share of the moments there is one; critical alerts per asset-year without and with `respond_within`;
- worn: how long before the first alert, and before the bound, the first indicator of the sensor came; and of the
  estimates, also those beside an alert, how many held the time at which the bound was crossed (80 % is promised).

    python -m bench.rising [--seeds 11,12,13,14]
"""

from __future__ import annotations

import argparse
import json
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace

import numpy as np
from numpy.typing import NDArray

from anomaly_lstm import scoring, simulation
from anomaly_lstm.bounds import bounds_crossed
from anomaly_lstm.courses import Course, courses_of
from anomaly_lstm.drifts import advance, at_rest
from anomaly_lstm.learning import CHALLENGER
from anomaly_lstm.limits import ESTIMATE
from anomaly_lstm.policy import DAY_US, Bound
from anomaly_lstm.rising import Indicator, deviations_of, drifts_towards_bounds, indicators_of
from anomaly_lstm.scored_rows import Rows, judged_values, rows_of
from anomaly_lstm.simulation import START, BearingWear, History
from anomaly_lstm.telemetry import Telemetry
from anomaly_lstm.trained import Trained
from bench import budget
from bench.budget import RESULTS, Size
from bench.limits import LIVES_DAYS, POLICY

Bool = NDArray[np.bool_]

SIZE = Size(assets=4, days=730.0, period=600.0)
"""Pumps a fleet, days of which the first half is learned, spacing of the rows [s]."""
BOUNDED = replace(
    POLICY,
    bounds={
        "vibration": Bound(high=4.5),
        "bearing_temp": Bound(high=85.0),
        "motor_current": Bound(high=165.0),
        "discharge_pressure": Bound(low=3.5),
    },
)
"""Bounds as a plant would set them: no healthy pump crosses one."""
EVERY = DAY_US // 2
YEAR_US = round(365.25 * DAY_US)
RESPOND_WITHIN = (0, DAY_US)


@dataclass
class Healthy:
    """``told`` indicators in ``years`` of asset time, ``states`` of them by state or reason, ``near`` those whose bound
    was ever forecast within a day, ``moments`` with and without one, and ``critical`` alerts and ``all_alerts`` by the
    hours of `respond_within`.
    """

    years: float = 0.0
    allowed: float = 0.0
    told: int = 0
    near: int = 0
    states: Counter[str] = field(default_factory=Counter)
    moments: Counter[str] = field(default_factory=Counter)
    all_alerts: Counter[int] = field(default_factory=Counter)
    critical: Counter[int] = field(default_factory=Counter)


@dataclass
class Worn:
    """``states`` by state or reason, ``inside``, ``early`` and ``late`` estimates of bounds that were crossed,
    ``censored`` those of bounds that were not; hours from the first indicator to the first alert, to the bound;
    ``near`` pumps with an indicator, before any alert, whose bound was forecast within a day.
    """

    states: Counter[str] = field(default_factory=Counter)
    inside: int = 0
    early: int = 0
    late: int = 0
    censored: int = 0
    before_alert_h: list[float] = field(default_factory=list)
    before_bound_h: list[float] = field(default_factory=list)
    without: int = 0
    near: int = 0


def main() -> None:
    asked = argparse.ArgumentParser(prog="python -m bench.rising", description="Rising sensors told, and what came.")
    asked.add_argument("--seeds", default="11,12,13,14", help="of the fleets (default %(default)s)")
    options = asked.parse_args()
    healthy, broken = judge([int(seed) for seed in options.seeds.split(",")])
    show(healthy, broken)
    RESULTS.mkdir(exist_ok=True)
    path = RESULTS / "rising.json"
    figures = {"seeds": options.seeds, "healthy": vars(healthy), "worn": vars(broken)}
    path.write_text(json.dumps(figures, indent=1) + "\n")
    print(f"written to {path}")


def judge(seeds: Sequence[int]) -> tuple[Healthy, Worn]:
    """Let every pump of every fleet pass, healthy and worn."""
    healthy, broken = Healthy(), Worn()
    for seed in seeds:
        trained = budget.learn(SIZE, seed, CHALLENGER)
        for asset, normal in budget.halves(SIZE, seed, later=True):
            count_healthy(healthy, trained, _scored(trained, asset), normal)
        chance = np.random.default_rng(seed)
        for number in range(1, SIZE.assets + 1):
            history, wear = worn(number, seed, chance)
            asset, _ = budget.half(history, SIZE, later=True)
            count_worn(broken, trained, _scored(trained, asset), wear)
        print(f"seed {seed}: {healthy.told} told in {healthy.years:.1f} healthy asset-years", flush=True)
    return healthy, broken


def worn(number: int, seed: int, chance: np.random.Generator) -> tuple[History, BearingWear]:
    """A pump in the year after what was learned, and how its bearing wears to its failure."""
    begin, days = START + np.timedelta64(round(SIZE.days / 2), "D"), 104
    wears = begin + np.timedelta64(round((60 + chance.uniform(0, 2)) * 1440), "m")
    failure = wears + np.timedelta64(round(np.exp(chance.uniform(*np.log(LIVES_DAYS))) * 1440), "m")
    hour = np.timedelta64(60, "m")
    time = simulation.regular_times(begin, days, SIZE.period)
    wear = BearingWear(wears, failure, failure + hour, failure + 2 * hour)
    episodes = [*simulation.routine_episodes(number, time[0], days), wear]
    history = simulation.simulate_pump(simulation.make_pump(number, seed), time, seed=seed, episodes=episodes)
    return history, wear


def _scored(trained: Trained, asset: Telemetry) -> Rows:
    (scores,) = scoring.score(trained, [asset])
    return next(rows_of(scoring.table(trained, scores, "bench")))


def lists(trained: Trained, rows: Rows, until_us: int) -> Iterator[tuple[int, list[Indicator]]]:
    """The time, and the list made from the rows up to then, again and again after what was learned."""
    assert trained.drifts is not None
    sums, deviation = at_rest(len(trained.roles.scored)), deviations_of(rows)
    index = np.array([trained.grid.index_of(int(at)) for at in rows.time_us])
    first = 0
    for now_us in range(int(rows.time_us[0]) + EVERY, until_us, EVERY):
        last = int(np.searchsorted(rows.time_us, now_us, side="right"))
        if last > first:
            sums = advance(trained.drifts, sums, index[first:last], deviation[first:last])[-1]
            first = last
        found = drifts_towards_bounds(trained.drifts, sums, trained.roles.scored, BOUNDED)
        yield now_us, indicators_of(rows.up_to(now_us), BOUNDED, found, trained.grid) if found else []


def _stood(courses: Sequence[Course], at_us: int) -> bool:
    """Did an alert stand at a time?"""
    return any(a <= at_us and (b is None or at_us < b) for course in courses for a, b in course.stood_us)


def count_healthy(healthy: Healthy, trained: Trained, rows: Rows, normal: Bool) -> None:
    """What was told of a pump that was well; alerts count where they were raised on its ``normal`` rows (n_rows,)."""
    begin_us, end_us = int(rows.time_us[0]), int(rows.time_us[-1])
    assert not bounds_crossed(rows, BOUNDED).any(), "a bound that a healthy pump crosses is none"
    for within_us in RESPOND_WITHIN:
        courses = courses_of(rows, replace(BOUNDED, respond_within_us=within_us), trained.grid.period_us)
        mine = [one for one in courses if normal[one.stand.raised]]
        healthy.all_alerts[within_us // 3_600_000_000] += len(mine)
        healthy.critical[within_us // 3_600_000_000] += sum(one.severity == "critical" for one in mine)
    courses = courses_of(rows, BOUNDED, trained.grid.period_us)
    known: set[tuple[str, float, int]] = set()
    near: set[tuple[str, float, int]] = set()
    for now_us, told in lists(trained, rows, end_us):
        told = [] if _stood(courses, now_us) else told
        healthy.moments["with" if told else "without"] += 1
        for one in told:
            drift = (one.sensor, one.reach.level, one.onset_us)
            if drift not in known:
                healthy.states[one.reach.passage.reason or one.reach.passage.state] += 1
            known.add(drift)
            near |= {drift} if _is_near(one) else set()
    healthy.told += len(known)
    healthy.near += len(near)
    healthy.years += (end_us - begin_us) / YEAR_US
    healthy.allowed += (end_us - begin_us) / BOUNDED.limits["advisory"]


def _is_near(one: Indicator) -> bool:
    """Is its bound forecast within a day?"""
    p50 = one.reach.passage.p50
    return p50 is not None and p50 * one.period_us <= DAY_US


def count_worn(broken: Worn, trained: Trained, rows: Rows, wear: BearingWear) -> None:
    """What was told of a pump whose bearing wore, and what came; what was first counts from when it began to wear."""
    wears_us, failure_us = (int(at.astype("datetime64[us]").astype(np.int64)) for at in (wear.start, wear.failure))
    courses = courses_of(rows, BOUNDED, trained.grid.period_us)
    first_alert = min(
        (c.stood_us[0][0] for c in courses if wears_us <= c.stood_us[0][0] < failure_us), default=failure_us
    )
    crossed = {sensor: _crossed_us(rows, sensor, failure_us) for sensor in ("vibration", "bearing_temp")}
    first: dict[str, int] = {}
    near = False
    for now_us, told in lists(trained, rows, failure_us):
        for one in told:
            came_us = crossed.get(one.sensor)
            if came_us is None or now_us < came_us:
                _judge(broken, one, now_us, came_us)
                if now_us >= wears_us and not _stood(courses, now_us):
                    first.setdefault(one.sensor, now_us)
                    near = near or _is_near(one)
    broken.near += near
    hour = 3_600_000_000
    if not first:
        broken.without += 1
        return
    broken.before_alert_h.append((first_alert - min(first.values())) / hour)
    came = {sensor: at for sensor, at in crossed.items() if at is not None}
    broken.before_bound_h += [(came[sensor] - at) / hour for sensor, at in first.items() if sensor in came]


def _judge(broken: Worn, one: Indicator, now_us: int, came_us: int | None) -> None:
    """One more time told; ``came_us`` is when the bound was crossed."""
    when = one.reach.passage
    broken.states[when.reason or when.state] += 1
    if when.state != ESTIMATE or when.p10 is None or when.p90 is None:
        return
    if came_us is None:
        broken.censored += 1
    elif came_us - now_us < when.p10 * one.period_us:
        broken.early += 1
    elif came_us - now_us > when.p90 * one.period_us:
        broken.late += 1
    else:
        broken.inside += 1


def _crossed_us(rows: Rows, sensor: str, failure_us: int) -> int | None:
    over = np.flatnonzero(judged_values(rows, sensor) > float(BOUNDED.bounds[sensor].high or np.inf))
    over = over[rows.time_us[over] < failure_us]
    return int(rows.time_us[over[0]]) if len(over) else None


def show(healthy: Healthy, broken: Worn) -> None:
    """Both in a few lines."""
    years = healthy.years
    print(f"\nhealthy, {years:.1f} asset-years: {healthy.told / years:.1f} indicators a year told")
    print(f"  before the trend is asked for, the policy allows {healthy.allowed / years:.1f} a year")
    print(f"  first told as: {_listed(healthy.states)}")
    print(f"  with a bound within a day: {healthy.near / years:.2f} a year")
    share = healthy.moments["with"] / max(1, healthy.moments.total())
    print(f"  there was one at {100 * share:.1f} % of the moments of an asset")
    for hours, n in healthy.all_alerts.items():
        critical = healthy.critical[hours] / years
        print(f"  respond_within {hours} h: {n / years:.1f} alerts a year, critical {critical:.2f}")
    print(f"  {broken.near} pumps had one with a bound within a day before any alert")
    met = broken.inside + broken.early + broken.late
    print(f"worn: told {_listed(broken.states)}; {broken.without} pumps had none before the alert")
    if met:
        shares = [100 * n / met for n in (broken.inside, broken.early, broken.late)]
        print("  of the estimates {:.0f} % inside, {:.0f} % sooner, {:.0f} % later".format(*shares))
        print(f"  {met} met, {broken.censored} censored")
    for name, hours_ in (("alert", broken.before_alert_h), ("bound", broken.before_bound_h)):
        if hours_:
            low, middle, high = np.quantile(hours_, (0.1, 0.5, 0.9))
            print(f"  first indicator before the {name}: {middle:.0f} h in the middle, {low:.0f} to {high:.0f} h")
    print()


def _listed(counts: Counter[str]) -> str:
    return ", ".join(f"{n} {what}" for what, n in counts.most_common()) or "nothing"


if __name__ == "__main__":
    main()
