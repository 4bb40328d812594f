from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from anomaly_lstm.windows import ALIGN, CHUNK, cut, fill, own_rows
from tests.models.toys import stretch

SPANS = st.lists(st.tuples(st.integers(-3 * CHUNK, 3 * CHUNK), st.integers(1, 3 * CHUNK)), min_size=1, max_size=4)


@given(SPANS, st.integers(1, 4))
def test_every_row_is_owned_exactly_once(spans: list[tuple[int, int]], warm_up: int) -> None:
    series = [stretch(length, 1, 0, first=first) for first, length in spans]
    seen = [np.zeros(len(one), int) for one in series]
    for chunk in cut(series, warm_up * ALIGN):
        here, there = own_rows(chunk, len(series[chunk.series]), warm_up * ALIGN)
        assert here.stop - here.start == there.stop - there.start > 0
        seen[chunk.series][there] += 1
    assert all((count == 1).all() for count in seen)


def test_a_chunk_hangs_on_the_grid_and_not_on_where_data_begin() -> None:
    early, late = stretch(3000, first=100), stretch(3000, first=100).part(500, 3000)
    assert {c.number for c in cut([late], ALIGN)} == {
        c.number for c in cut([early], ALIGN) if (c.number + 1) * CHUNK > 600
    }


def test_the_warm_up_is_the_rows_right_before_the_chunk() -> None:
    one = stretch(3000, first=0)
    chunk = cut([one], ALIGN)[1]
    batch = fill([one], [None, chunk], ALIGN)
    assert batch.values.shape == (2, ALIGN + CHUNK, 2)
    assert np.array_equal(batch.values[1], one.values[CHUNK - ALIGN : 2 * CHUNK])
    assert batch.present[1].all()


def test_rows_before_a_begin_and_after_an_end_are_absent_and_zero() -> None:
    one = stretch(100, first=10)
    batch = fill([one], cut([one], ALIGN), ALIGN)
    assert np.flatnonzero(batch.present[0]).tolist() == list(range(ALIGN + 10, ALIGN + 110))
    assert not batch.values[~batch.present].any()
    assert not batch.known[~batch.present].any()


def test_a_window_never_crosses_a_gap() -> None:
    before, after = stretch(200, first=0, seed=1), stretch(200, first=300, seed=2)
    chunks = cut([before, after], ALIGN)
    batch = fill([before, after], chunks, ALIGN)
    assert [chunk.series for chunk in chunks] == [0, 1]
    assert not batch.present[1, : ALIGN + 300].any()


def test_an_empty_place_stays_empty() -> None:
    one = stretch(50)
    assert not fill([one], [None, *cut([one], ALIGN)], ALIGN).present[0].any()
