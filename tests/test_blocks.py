from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from anomaly_lstm.blocks import BLOCK, Float64, decay, fixed_product, smooth
from anomaly_lstm.windows import CHUNK


def plain_recursion(values: Float64, half_life: float, before: Float64) -> Float64:
    """The exponentially weighted mean as its formula is written, row after row."""
    a = 0.5 ** (1 / half_life) if half_life > 0 else 0.0
    rows = []
    for value in values:
        before = a * before + (1 - a) * value
        rows.append(before)
    return np.array(rows).reshape(values.shape)


def some(n_rows: int, n_columns: int = 3, seed: int = 0) -> Float64:
    return np.random.default_rng(seed).standard_normal((n_rows, n_columns))


def test_a_row_loses_half_its_weight_in_a_half_life() -> None:
    assert decay(8.0) ** 8 == pytest.approx(0.5)
    assert decay(0.0) == 0.0


@given(st.integers(0, 4 * BLOCK), st.sampled_from([0.0, 0.5, 2.0, 8.0, 32.0, 500.0]))
@settings(max_examples=60, deadline=None)
def test_smoothing_is_the_plain_recursion(n_rows: int, half_life: float) -> None:
    values, before = some(n_rows), some(1)[0]
    np.testing.assert_allclose(
        smooth(values, half_life, before), plain_recursion(values, half_life, before), atol=1e-12
    )


@given(st.integers(1, 4 * BLOCK), st.integers(1, 6), st.sampled_from([2.0, 8.0, 32.0]))
@settings(max_examples=60, deadline=None)
def test_a_smoothed_row_has_the_same_bits_whatever_comes_after_it(n: int, n_columns: int, half_life: float) -> None:
    values, before = some(4 * BLOCK + 7, n_columns), some(1, n_columns, 1)[0]
    whole = smooth(values, half_life, before)
    assert smooth(values[:n], half_life, before).tobytes() == whole[:n].tobytes()


@given(st.integers(0, 4), st.sampled_from([2.0, 8.0, 32.0]))
@settings(max_examples=30, deadline=None)
def test_smoothing_goes_on_from_a_block_end_with_the_same_bits(n_blocks: int, half_life: float) -> None:
    values, before = some(4 * BLOCK + 7), np.zeros(3)
    whole = smooth(values, half_life, before)
    cut = n_blocks * BLOCK
    first = smooth(values[:cut], half_life, before)
    second = smooth(values[cut:], half_life, first[-1] if cut else before)
    assert np.vstack([first, second]).tobytes() == whole.tobytes()


@given(st.integers(1, 4 * BLOCK))
@settings(max_examples=30, deadline=None)
def test_smoothing_goes_on_from_anywhere_with_the_same_values(cut: int) -> None:
    values = some(4 * BLOCK + 7)
    first = smooth(values[:cut], 8.0, np.zeros(3))
    second = smooth(values[cut:], 8.0, first[-1])
    np.testing.assert_allclose(np.vstack([first, second]), smooth(values, 8.0, np.zeros(3)), atol=1e-13)


@given(st.integers(1, CHUNK), st.integers(1, 9))
@settings(max_examples=40, deadline=None)
def test_a_product_has_the_same_bits_however_many_rows_it_has(n: int, width: int) -> None:
    rows, matrix = some(CHUNK, width), some(width, width, 1)
    whole = fixed_product(rows, matrix)
    assert fixed_product(rows[:n], matrix).tobytes() == whole[:n].tobytes()
    np.testing.assert_allclose(whole, rows @ matrix, atol=1e-12)


def test_nothing_given_is_changed() -> None:
    values, before = some(100), some(1)[0]
    kept = values.copy(), before.copy()
    smooth(values, 8.0, before)
    fixed_product(values, some(3))
    assert values.tobytes() == kept[0].tobytes()
    assert before.tobytes() == kept[1].tobytes()
