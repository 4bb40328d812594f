from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from numpy.typing import NDArray

from anomaly_lstm.drifts import (
    DOWN,
    NEVER,
    RETURN_PERIODS_S,
    UP,
    Drifts,
    Sums,
    advance,
    at_rest,
    fit_drifts,
    sums_along,
    sums_from,
)
from anomaly_lstm.thresholds import THRESHOLDS
from anomaly_lstm.trained import from_folder, to_folder
from anomaly_lstm.windows import CHUNK
from tests.toys import autoregressive, healthy, learned_line

Float64 = NDArray[np.float64]

FIRST = 5 * CHUNK + 300
PLAIN = Drifts(np.ones(1), np.tile(np.linspace(1.0, 200.0, len(RETURN_PERIODS_S)), (2, 1, 1)))
"""One sensor whose spread is 1; a sum of 200 has the longest return period."""


def noise(n_rows: int, seed: int = 1) -> Float64:
    return np.random.default_rng(seed).standard_normal((n_rows, 1))


def at(n_rows: int, first: int = FIRST) -> NDArray[np.int64]:
    return first + np.arange(n_rows)


def same(one: Sums, other: Sums) -> bool:
    return all((a == b).all() for a, b in zip(one.arrays().values(), other.arrays().values(), strict=True))


def test_rows_cut_where_chunks_end_leave_the_same_sums_bit_for_bit() -> None:
    rows, drift = 3000, noise(3000) + np.linspace(0, 2, 3000)[:, None]
    whole = advance(PLAIN, at_rest(1), at(rows), drift)
    sums, start = at_rest(1), 0
    for end in (CHUNK - 300, 2 * CHUNK - 300, rows):
        sums = advance(PLAIN, sums, at(rows)[start:end], drift[start:end])[-1]
        assert any(same(sums, one) for one in whole)
        start = end
    assert same(sums, whole[-1])


def test_rows_cut_anywhere_leave_the_same_sums_but_for_rounding() -> None:
    drift = noise(2500) + 0.4
    whole = advance(PLAIN, at_rest(1), at(2500), drift)[-1]
    sums = at_rest(1)
    for part in np.array_split(np.arange(2500), 17):
        sums = advance(PLAIN, sums, at(2500)[part], drift[part])[-1]
    assert sums.now == pytest.approx(whole.now)
    assert sums.highest == pytest.approx(whole.highest)
    assert (sums.onset == whole.onset).all()


def test_rows_without_a_deviation_and_gaps_leave_the_sums_alone() -> None:
    drift = noise(400) + 1.0
    holes = np.insert(drift, 200, np.full((50, 1), np.nan), axis=0)
    apart = np.r_[at(200), at(200, FIRST + 250)]
    one = advance(PLAIN, at_rest(1), at(450), holes)[-1]
    other = advance(PLAIN, at_rest(1), apart, drift)[-1]
    assert one.now == pytest.approx(other.now)
    assert (one.onset == other.onset).all()


def test_a_drift_began_where_its_sum_last_was_nothing() -> None:
    drift = 0.5 * noise(600)
    drift[400:] -= 1.5
    sums = advance(PLAIN, at_rest(1), at(600), drift)[-1]
    assert abs(int(sums.onset[DOWN, 0]) - (FIRST + 400)) <= 5
    assert sums.now[DOWN, 0] == pytest.approx(200, rel=0.2)
    assert sums.now[UP, 0] == 0
    assert sums.onset[UP, 0] == -1


def test_nothing_is_remembered_of_a_sensor_that_begins_anew() -> None:
    drift, anew = np.full((300, 1), 2.0), np.zeros((300, 1), bool)
    anew[250] = True
    sums = advance(PLAIN, at_rest(1), at(300), drift, anew)[-1]
    assert sums.now[UP, 0] == pytest.approx(50 * 1.5)
    assert sums.highest[UP, 0] == sums.now[UP, 0]
    assert sums.onset[UP, 0] == FIRST + 250


def test_a_drift_that_is_over_is_forgotten_in_good_time() -> None:
    drift = np.r_[np.full((5 * CHUNK, 1), 6.0), np.zeros((2 * CHUNK, 1))]
    sums = advance(PLAIN, at_rest(1), at(len(drift), 0), drift)[-1]
    assert sums.now[UP, 0] == 0, "not the 28,000 it came to, which would take 56,000 rows"


def test_the_highest_sum_is_kept_until_the_sum_is_nothing() -> None:
    drift = np.r_[np.full((20, 1), 3.0), np.full((40, 1), -0.5)]
    sums = advance(PLAIN, at_rest(1), at(60), drift)[-1]
    assert sums.highest[UP, 0] == 50
    assert sums.now[UP, 0] == pytest.approx(10)


def test_sums_are_as_rare_on_normal_rows_as_was_learned() -> None:
    rng, n_rows, day = np.random.default_rng(3), 30_000, 144
    drifts = learned(autoregressive(rng, n_rows, 1))
    along = sums_along(autoregressive(rng, 10 * n_rows, 1) / drifts.spread)[UP, :, 0]
    limit = drifts.limit(UP, 0, 10 * 86_400.0)
    starts = np.flatnonzero((along > 0) & (np.r_[0.0, along[:-1]] <= 0))
    reached = int((np.maximum.reduceat(along, starts) >= limit).sum())
    assert 0.4 <= reached / (10 * n_rows / day / 10) <= 1.6


def learned(record: Float64) -> Drifts:
    resolution = np.full(record.shape[1], 1e-3)
    return fit_drifts([record], resolution, lambda sums: THRESHOLDS["return_period"].fit(sums, 600.0))


def test_a_longer_return_period_asks_for_a_higher_sum() -> None:
    drifts = learned(autoregressive(np.random.default_rng(4), 5_000, 2))
    limits = [drifts.limit(UP, 1, days * 86_400.0) for days in (1, 10, 100, 10_000)]
    assert limits == sorted(limits)
    assert drifts.return_period_s(UP, 1, limits[1]) == pytest.approx(10 * 86_400.0, rel=0.01)


def test_a_sensor_that_was_hardly_measured_never_drifts() -> None:
    record = autoregressive(np.random.default_rng(5), 2_000, 2)
    record[20:, 1] = np.nan
    drifts = learned(record)
    assert drifts.limit(UP, 0, 1e6) < NEVER
    assert drifts.limit(DOWN, 1, 1e6) == NEVER


def test_a_model_folder_keeps_drifts_and_an_older_one_has_none() -> None:
    trained = learned_line(healthy(1_500, seed=1))
    assert trained.drifts is not None
    back = from_folder(*to_folder(trained), "here").drifts
    assert back is not None
    assert all((a == b).all() for a, b in zip(vars(back).values(), vars(trained.drifts).values(), strict=True))
    assert from_folder(*to_folder(replace(trained, drifts=None)), "here").drifts is None


def test_sums_are_the_same_after_a_file() -> None:
    sums = advance(PLAIN, at_rest(1), at(100), noise(100))[-1]
    assert same(sums_from(sums.arrays()), sums)
