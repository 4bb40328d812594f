"""Rows as they arrived: a set, whatever the order, the repeats and the runs that were killed."""

from __future__ import annotations

from itertools import pairwise
from pathlib import Path

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from anomaly_lstm import arrivals
from anomaly_lstm.sources.contract import RawAsset

NAN = float("nan")


def rows(times: list[int], values: list[list[float]], sensors: tuple[str, ...] = ("a", "b")) -> RawAsset:
    return RawAsset(
        "pump", np.array(times, np.int64), sensors, np.array(values, float).reshape(len(times), len(sensors))
    )


def kept(folder: Path, since: int | None = None) -> tuple[list[int], NDArray[np.float64]]:
    raw, _ = arrivals.load(folder, "pump", ("a", "b"), since)
    return raw.time_us.tolist(), raw.values


def test_a_row_that_comes_twice_is_kept_once(tmp_path: Path) -> None:
    arrivals.add(tmp_path, 1, rows([1, 2], [[1, NAN], [2, 5]]))

    again = arrivals.add(tmp_path, 2, rows([2, 1, 3, 3], [[2, 5], [1, NAN], [3, 3], [3, 3]]))

    assert again.times_us.tolist() == [3]
    assert kept(tmp_path)[0] == [1, 2, 3]


def test_of_what_contradicts_each_other_the_last_counts_and_in_one_run_the_mean(tmp_path: Path) -> None:
    arrivals.add(tmp_path, 1, rows([7, 7, 7], [[1.0, NAN], [4.0, NAN], [1.0, 8.0]]))
    assert kept(tmp_path)[1].tolist() == [[2.5, 8.0]]
    arrivals.add(tmp_path, 2, rows([7], [[3.0, NAN]]))
    assert kept(tmp_path)[1].tolist() == [[3.0, 8.0]]
    assert not len(arrivals.add(tmp_path, 3, rows([7], [[3.0, 8.0]])).times_us)
    arrivals.add(tmp_path, 4, rows([7], [[1.0, NAN]]))
    assert kept(tmp_path)[1].tolist() == [[1.0, 8.0]], "a value may be taken back"


def test_sensors_from_several_files_meet_in_one_row(tmp_path: Path) -> None:
    arrivals.add(tmp_path, 1, rows([1, 2], [[1], [2]], ("a",)))
    arrivals.add(tmp_path, 2, rows([1, 2], [[10], [20]], ("b",)))

    assert kept(tmp_path)[1].tolist() == [[1, 10], [2, 20]]
    assert arrivals.columns(tmp_path) == {"a", "b"}


def test_what_a_killed_run_left_is_removed_and_the_rest_stands(tmp_path: Path) -> None:
    arrivals.add(tmp_path, 1, rows([1], [[1, 1]]))
    joined = arrivals.add(tmp_path, 2, rows([2], [[2, 2]]))

    arrivals.sweep(tmp_path, 2)

    assert kept(tmp_path)[0] == [1]
    assert joined.superseded  # they are removed by the run once it is done, not before


def test_the_time_before_the_first_new_row_is_told(tmp_path: Path) -> None:
    assert arrivals.add(tmp_path, 1, rows([10, 20, 40], [[1, 1]] * 3)).after_us is None
    assert arrivals.add(tmp_path, 2, rows([60], [[1, 1]])).after_us == 40
    assert arrivals.add(tmp_path, 3, rows([30], [[1, 1]])).after_us == 20


def test_files_grow_in_number_with_the_logarithm_of_the_runs(tmp_path: Path) -> None:
    for run in range(200):
        for file in arrivals.add(tmp_path, run, rows([run], [[run, run]])).superseded:
            file.unlink()

    assert kept(tmp_path)[0] == list(range(200))
    assert len(list(tmp_path.iterdir())) <= 9


def test_words_of_a_mode_keep_their_names(tmp_path: Path) -> None:
    first = RawAsset("pump", np.array([1, 2]), ("a", "fuel"), np.array([[1.0, 0], [2, 1]]))
    later = RawAsset("pump", np.array([3, 4]), ("a", "fuel"), np.array([[1.0, 0], [2, NAN]]))
    arrivals.add(tmp_path, 1, first, {"fuel": ("gas", "oil")})
    arrivals.add(tmp_path, 2, later, {"fuel": ("wood",)})

    raw, words = arrivals.load(tmp_path, "pump", ("a", "fuel"), None, {"fuel": ("oil",)})

    assert [words["fuel"][int(v)] for v in raw.values[:3, 1]] == ["gas", "oil", "wood"]
    assert np.isnan(raw.values[3, 1])


def test_of_two_words_of_one_time_one_counts(tmp_path: Path) -> None:
    raw = RawAsset("pump", np.array([1, 1, 2]), ("a", "state"), np.array([[1.0, 0], [3, 2], [2, 1]]))
    arrivals.add(tmp_path, 1, raw, {"state": ("RUN", "STARTUP", "STOP")})
    back, words = arrivals.load(tmp_path, "pump", ("a", "state"), None, {"state": ("RUN",)})
    assert words == {"state": ("RUN", "STARTUP", "STOP")}
    assert back.values.tolist() == [[2.0, 2.0], [2.0, 1.0]]


@given(
    st.lists(st.tuples(st.integers(0, 30), st.booleans(), st.booleans()), max_size=40),
    st.lists(st.integers(0, 40), max_size=5),
    st.randoms(use_true_random=False),
)
@settings(max_examples=60, deadline=None)
def test_any_slices_in_any_order_with_repeats_are_the_same_rows(tmp_path_factory, cells, cuts, chance) -> None:  # type: ignore[no-untyped-def]  # hypothesis passes what the strategies say
    at_once, sliced = tmp_path_factory.mktemp("once"), tmp_path_factory.mktemp("sliced")
    cells = [(t, 1.5 * t if a else NAN, -t if b else NAN) for t, a, b in cells]
    table = rows([t for t, _, _ in cells], [[a, b] for _, a, b in cells])
    arrivals.add(at_once, 1, table)
    shuffled = cells + cells[: len(cells) // 2]
    chance.shuffle(shuffled)
    edges = sorted({0, len(shuffled), *(c for c in cuts if c < len(shuffled))})
    for run, (start, stop) in enumerate(pairwise(edges)):
        part = shuffled[start:stop]
        added = arrivals.add(sliced, run, rows([t for t, _, _ in part], [[a, b] for _, a, b in part]))
        for file in added.superseded:
            file.unlink()

    (times, values), (wanted_times, wanted) = kept(sliced), kept(at_once)
    assert times == wanted_times
    assert np.array_equal(values, wanted, equal_nan=True)
