from __future__ import annotations

import numpy as np
import pytest

from anomaly_lstm.stretches import equal_stretches, highest


def test_the_highest_row_of_each_stretch_is_found_and_none_outside() -> None:
    time_us = np.array([-5, 0, 4, 9, 10, 25, 30])
    values = np.array([99.0, 1, 3, 2, np.nan, 7, 99])
    assert highest(time_us, values, equal_stretches(0, 30, 3)).tolist() == [2, -1, 5]


def test_of_equal_rows_it_is_the_last() -> None:
    assert highest(np.arange(4), np.array([1.0, 5.0, 5.0, 2.0]), np.array([0, 4])).tolist() == [2]


def test_without_rows_there_is_none() -> None:
    assert highest(np.empty(0, np.int64), np.empty(0), np.array([0, 5, 9])).tolist() == [-1, -1]


@pytest.mark.parametrize(("start", "end", "count"), [(0, 30, 3), (7, 107, 28), (1000, 1013, 5)])
def test_equal_stretches_take_each_moment_into_one(start: int, end: int, count: int) -> None:
    edges = equal_stretches(start, end, count)
    moments = np.arange(start, end)
    assert (edges[0], edges[-1]) == (start, end)
    assert (np.searchsorted(edges, moments, side="right") - 1 == (moments - start) * count // (end - start)).all()
