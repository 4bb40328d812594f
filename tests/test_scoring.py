"""Scoring that goes on from a checkpoint gives the same bits as scoring from the first row."""

from __future__ import annotations

from functools import cache

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from anomaly_lstm import scoring
from anomaly_lstm.learning import TrainOptions
from anomaly_lstm.models import MODELS
from anomaly_lstm.scoring import Checkpoint
from anomaly_lstm.telemetry import Telemetry, to_grid
from anomaly_lstm.trained import Roles, Trained
from anomaly_lstm.training import train
from anomaly_lstm.windows import CHUNK
from tests.toys import GRID, MINUTE, START, healthy, minutes, names

N_ROWS = 5 * CHUNK
FIRST = START // MINUTE


@cache
def trained_of(network: str) -> Trained:
    assets = [telemetry(np.arange(1400), healthy(N_ROWS, seed=seed)) for seed in (1, 2)]
    options = TrainOptions(network=network, max_steps=10, seed=5)
    normal = [np.ones(len(a), bool) for a in assets]
    roles = Roles(("s0", "s1", "s2"), ("c0",))
    return train(assets, normal, roles, options, max_hole=10, running=None, units={}, reading={})


@cache
def cells() -> NDArray[np.float64]:
    """Values with missing cells, a sensor that is gone for longer than a chunk, and a context never seen."""
    values = healthy(N_ROWS, seed=3)
    rng = np.random.default_rng(3)
    values[rng.random(values.shape) < 0.02] = np.nan
    values[1500:4200, 1] = np.nan
    values[2000:2040, 3] = 90.0
    return values


@cache
def kept() -> NDArray[np.int64]:
    """Positions of the rows that came: holes and gaps, some across the end of a chunk."""
    keep = np.ones(N_ROWS, bool)
    ends = [CHUNK * (FIRST // CHUNK + k) - FIRST for k in range(1, 5)]
    keep[ends[0] - 3 : ends[0] + 4] = False  # a hole
    keep[ends[1] - 40 : ends[1] + 1] = False  # a gap that ends with the chunk
    keep[ends[2] - 5 : ends[2] + 60] = False
    keep[ends[3] + 7 : ends[3] + 30] = False
    rng = np.random.default_rng(103)
    keep[rng.integers(0, N_ROWS, 200)] = False
    return np.flatnonzero(keep)


@cache
def running() -> NDArray[np.bool_]:
    """Positions with the machine on: a long stop, and one across the end of a chunk."""
    on = np.ones(N_ROWS, bool)
    end = CHUNK * (FIRST // CHUNK + 4) - FIRST
    on[end - 4 : end + 3] = False
    on[700:730] = False
    return on


def telemetry(rows: NDArray[np.int64], values: NDArray[np.float64]) -> Telemetry:
    return to_grid("pump", minutes(N_ROWS)[rows], names(), values[rows], GRID, running=running()[rows])[0]


def table_of(trained: Trained, scores: scoring.Scores) -> pa.Table:
    return scoring.table(trained, scores, "model")


@cache
def whole(network: str) -> pa.Table:
    (scores,) = scoring.score(trained_of(network), [telemetry(kept(), cells())])
    return table_of(trained_of(network), scores)


def in_slices(network: str, cuts: list[int]) -> pa.Table:
    """As `whole`, one slice of rows after the other, each going on from the last checkpoint before it."""
    trained, stored = trained_of(network), None
    checkpoints: list[Checkpoint] = []
    for start, stop in zip([0, *cuts], [*cuts, len(kept())], strict=True):
        rows = kept()[:stop]
        if stop == start:
            continue
        before = max((c for c in checkpoints if c.at <= FIRST + kept()[start]), key=lambda c: c.at, default=None)
        rows = rows[rows + FIRST >= before.anchor] if before else rows
        asset = telemetry(rows, cells())
        (scores,) = scoring.score(trained, [asset], resumed={"pump": before} if before else None)
        fresh = table_of(trained, scores).slice(int((asset.index < before.at).sum()) if before else 0)
        if before:
            assert stored is not None
            old = stored.slice(0, int((np.asarray(stored.column("time").cast(pa.int64())) // MINUTE < before.at).sum()))
            fresh = pa.concat_tables([old, fresh])
        stored = fresh
        checkpoints = [c for c in checkpoints if before and c.at <= before.at] + list(scores.checkpoints)
    assert stored is not None
    return stored.combine_chunks()


@pytest.mark.parametrize("network", MODELS)
@given(cuts=st.lists(st.integers(1, N_ROWS - 800), max_size=6, unique=True).map(sorted))
@example(cuts=list(range(CHUNK - 20, CHUNK + 20, 3)))
@example(cuts=list(range(200, N_ROWS - 800, 97)))
@settings(max_examples=10, deadline=None, suppress_health_check=[HealthCheck.too_slow])
def test_scores_are_the_same_bits_in_any_slices(network: str, cuts: list[int]) -> None:
    assert in_slices(network, cuts).equals(whole(network).combine_chunks())


def test_there_are_checkpoints_to_go_on_from() -> None:
    (scores,) = scoring.score(trained_of("linear_predictor"), [telemetry(kept(), cells())])

    assert [c.at % CHUNK for c in scores.checkpoints] == [0] * len(scores.checkpoints)
    assert len(scores.checkpoints) >= 4
