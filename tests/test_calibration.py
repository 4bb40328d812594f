"""Is the promise kept where the truth is known? Many trainings on records of processes that are known, and the alerts,
by the product's own life cycle, in fresh records of the same process against one per return period.

A single training may err either way, so what is held to bounds is the sum of all alerts over the sum of those promised.

- *Within the record* a return period is counted more than extrapolated: 0.5 to 1.5. It lies a little below 1 by design:
  one alert in ten comes within a tenth of the return period of another and, if no stranger, opens that again; and the
  tail is averaged over shapes heavier than the exponential one.
- *Beyond it* the promise is doubted (`contract._doubted`), which at ten records takes a third off an exponential tail,
  and the average over shapes takes as much again: there only silence and far too many would be wrong.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pytest
from scipy.ndimage import maximum_filter1d
from scipy.signal import lfilter
from scipy.stats import norm

from anomaly_lstm import scoring
from anomaly_lstm.alerts import alerts_of
from anomaly_lstm.delays import OFF_ROWS
from anomaly_lstm.evaluation import poisson_interval
from anomaly_lstm.learning import TrainOptions
from anomaly_lstm.policy import Policy
from anomaly_lstm.scored_rows import Rows, rows_of
from anomaly_lstm.tables import State
from anomaly_lstm.tails import Float64
from anomaly_lstm.thresholds import THRESHOLDS
from anomaly_lstm.trained import Roles
from anomaly_lstm.training import train
from tests.toys import MINUTE, healthy, telemetry

Make = Callable[[np.random.Generator, int], Float64]

SECOND = 1_000_000
PROMISED, MOST_FRESH = 20, 30_000
"""Alerts promised in the fresh rows of one training, and the most of such rows."""

WITHIN, BEYOND = (0.1, 0.5, 1.0), (3.0, 10.0)
"""Return periods, in lengths of the record."""


@dataclass(frozen=True)
class Process:
    """A stationary process of scores with unit exponential tails: ``make`` n rows of it; a cluster lasts ``memory``."""

    name: str
    make: Make
    memory: int


def moving_maximum(k: int) -> Process:
    """The largest of k exponential values in a row: clusters of k rows, extremal index 1/k."""

    def make(rng: np.random.Generator, n: int) -> Float64:
        return np.asarray(maximum_filter1d(rng.exponential(size=n + k - 1), k)[k // 2 : k // 2 + n])

    return Process(f"maximum of {k}", make, k)


def autoregressive(memory: int) -> Process:
    """A Gaussian AR(1) as −log p: the higher, the shorter its clusters, and they flicker."""
    keep = 1 - 1 / memory

    def make(rng: np.random.Generator, n: int) -> Float64:
        noise = rng.standard_normal(n + 10 * memory) * np.sqrt(1 - keep**2)
        return np.asarray(-norm.logsf(lfilter([1.0], [1.0, -keep], noise)[10 * memory :]))

    return Process(f"memory of {memory}", make, memory)


@dataclass(frozen=True)
class Record:
    """What one training learns from: ``rows`` in all, in as many ``stretches``, and how many such ``trainings``."""

    process: Process
    rows: int
    stretches: int
    trainings: int

    def __str__(self) -> str:
        return f"{self.process.name}, {self.rows} rows in {self.stretches}"

    @property
    def clusters(self) -> float:
        """How many independent pieces of information the record holds, about."""
        return self.rows / self.process.memory


def alerts_in(score: Float64, return_period_s: Float64, level_s: float) -> int:
    """Alerts in one record of rows a second apart with scores (n_rows,), one limit on."""
    n = len(score)
    time_us = SECOND * np.arange(n, dtype=np.int64)
    state = np.full(n, State.SCORED, np.uint8)
    rows = Rows("a", time_us, state, score, return_period_s, np.zeros(n, bool), pa.table({}))
    return len(alerts_of(rows, Policy({"advisory": round(level_s * SECOND)}), SECOND, "model"))


@dataclass(frozen=True)
class Ratio:
    """Alerts ``observed`` against those ``promised`` in many trainings together, with the chance of a Poisson count."""

    observed: int
    promised: float

    def __str__(self) -> str:
        return f"{self.observed / self.promised:.2f}"

    def within(self, low: float, high: float) -> bool:
        """Whether it lies between two ratios, or chance alone (95 %) may have put it outside."""
        least, most = poisson_interval(self.observed)
        return least < high * self.promised and most > low * self.promised


def kept(record: Record, reaches: Sequence[float]) -> dict[float, Ratio]:
    """The alerts of all trainings together, by the return period in lengths of the record."""
    observed, promised = dict.fromkeys(reaches, 0), dict.fromkeys(reaches, 0.0)
    make, length = record.process.make, record.rows // record.stretches
    for seed in range(record.trainings):
        rng = np.random.default_rng([seed, record.rows, record.stretches, record.process.memory])
        curve = THRESHOLDS["return_period"].fit([make(rng, length) for _ in range(record.stretches)], 1.0)
        fresh = make(rng, min(PROMISED * round(max(reaches) * record.rows), MOST_FRESH))
        rarity = curve.return_period_s(fresh)
        for reach in reaches:
            some = slice(PROMISED * round(reach * record.rows))
            observed[reach] += alerts_in(fresh[some], rarity[some], reach * record.rows)
            promised[reach] += len(fresh[some]) / (reach * record.rows)
    return {reach: Ratio(observed[reach], promised[reach]) for reach in reaches}


# ---------------------------------------------------------------- simulated records

INDEPENDENT = moving_maximum(1)
FEW = [
    Record(INDEPENDENT, 1000, 1, 25),
    Record(moving_maximum(5), 1000, 4, 25),
    Record(autoregressive(5), 2000, 20, 25),
]


@pytest.mark.parametrize("record", FEW, ids=str)
def test_one_alert_per_return_period_within_a_record(record: Record) -> None:
    """25 trainings with 20 alerts promised in each: chance moves a ratio by less than 0.1."""
    for reach, ratio in kept(record, (0.1, 0.5)).items():
        assert ratio.within(0.5, 1.5), (reach, str(ratio))


def every_record() -> Iterator[Record]:
    for process in (INDEPENDENT, moving_maximum(5), moving_maximum(30), autoregressive(5), autoregressive(50)):
        for rows, stretches, trainings in (
            (500, 1, 100),
            (2000, 1, 100),
            (2000, 8, 100),
            (2000, 40, 100),
            (20000, 1, 40),
            (20000, 8, 40),
            (20000, 40, 40),
            (20000, 200, 40),
        ):
            if rows / stretches >= 3 * process.memory:
                yield Record(process, rows, stretches, trainings)


def bounds(record: Record, reach: float) -> tuple[float, float]:
    """Between what the ratio must lie at a return period of ``reach`` records.

    A record of fewer than a hundred clusters tells their size and tail to a factor only, and the mean over trainings is
    that of the unlucky ones. Return periods of a few clusters' length cannot be kept: there the alert stands all along.
    """
    high = 1.5 if record.clusters >= 100 else 2.5
    if reach * record.rows < 10 * max(record.process.memory, OFF_ROWS):
        return 0.0, high
    return (0.5 if reach in WITHIN else 0.2 if reach < 10 else 0.1), high


@pytest.mark.slow
@pytest.mark.parametrize("record", list(every_record()), ids=str)
def test_one_alert_per_return_period_over_memory_length_and_stretches(record: Record) -> None:
    for reach, ratio in kept(record, WITHIN + BEYOND).items():
        low, high = bounds(record, reach)
        assert ratio.within(low, high), (reach, str(ratio))


# ---------------------------------------------------------------- whole trainings

ROLES = Roles(("s0", "s1", "s2"), ("c0",))


@dataclass(frozen=True)
class Fleet:
    """What one whole training learns from: ``assets`` of ``rows`` each, and how many such ``trainings``."""

    assets: int
    rows: int
    trainings: int

    def __str__(self) -> str:
        return f"{self.assets} of {self.rows} rows"


def kept_by_training(fleet: Fleet, reaches: Sequence[float]) -> dict[float, Ratio]:
    """The alerts on later rows of the same assets, by the return period in lengths of what trains."""
    observed, promised = dict.fromkeys(reaches, 0), dict.fromkeys(reaches, 0.0)
    for number in range(fleet.trainings):
        seeds = [1000 * number + asset for asset in range(fleet.assets)]
        early = [telemetry(healthy(fleet.rows, seed=seed), asset=f"a{seed}") for seed in seeds]
        normal = [np.ones(fleet.rows, bool)] * fleet.assets
        options = TrainOptions(network="linear_predictor", seed=number)
        trained = train(early, normal, ROLES, options, max_hole=10, running=None, units={}, reading={})
        later = [telemetry(healthy(4 * fleet.rows, seed=seed + 500), asset=f"a{seed}") for seed in seeds]
        for scores in scoring.score(trained, later):
            (rows,) = rows_of(scoring.table(trained, scores, "model", detail=False))
            for reach in reaches:
                level_us = round(reach * fleet.rows * fleet.assets * MINUTE)
                observed[reach] += len(alerts_of(rows, Policy({"advisory": level_us}), MINUTE, "model"))
                promised[reach] += float((rows.state == State.SCORED).sum()) * MINUTE / level_us
    return {reach: Ratio(observed[reach], promised[reach]) for reach in reaches}


FLEETS = [Fleet(1, 1500, 25), Fleet(1, 6000, 15), Fleet(2, 1500, 20), Fleet(3, 1500, 20), Fleet(8, 1500, 12)]


@pytest.mark.slow
@pytest.mark.parametrize("fleet", FLEETS, ids=str)
def test_one_alert_per_return_period_after_whole_trainings(fleet: Fleet) -> None:
    """These assets are alike and nothing about them changes, so what holds of the records must hold of the whole."""
    for reach, ratio in kept_by_training(fleet, WITHIN).items():
        assert ratio.within(0.5, 1.5), (reach, str(ratio))
