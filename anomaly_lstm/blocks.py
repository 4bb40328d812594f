"""Arithmetic on rows in blocks of fixed shape: the same bits however a history is cut.

A matrix product may sum in another order when its shape changes, so a row's last bits would depend on how many rows
came after it. Here every product has one shape, padded with zeros.
"""

from __future__ import annotations

from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from anomaly_lstm.windows import CHUNK

Float64 = NDArray[np.float64]

BLOCK = 64


def decay(half_life: float) -> float:
    """The weight a row keeps from one row to the next, 0.5 after ``half_life`` rows; 0 for a half-life of 0."""
    return 0.5 ** (1.0 / half_life) if half_life > 0 else 0.0


def smooth(values: Float64, half_life: float, before: Float64) -> Float64:
    """Exponentially weighted mean y_t = a·y_{t−1} + (1−a)·x_t of finite ``values`` (n_rows, n_columns).

    ``before`` (n_columns,) is y before the first row; the last row of the result continues the recursion. A row's
    result depends on rows up to it only, bit for bit: each block of 64 rows is one matrix product of fixed shape.
    """
    if half_life <= 0 or not len(values):
        return values
    weights, carry = _block(half_life)
    n_blocks = -(-len(values) // BLOCK)
    padded = np.zeros((n_blocks * BLOCK, values.shape[1]))
    padded[: len(values)] = values
    out = np.matmul(weights, padded.reshape(n_blocks, BLOCK, -1))
    for block in out:
        block += carry * before
        before = block[-1]
    return np.asarray(out.reshape(n_blocks * BLOCK, -1)[: len(values)])


@lru_cache(maxsize=32)
def _block(half_life: float) -> tuple[Float64, Float64]:
    """The lower-triangular weights within a block (BLOCK, BLOCK), and the weight of what came before (BLOCK, 1)."""
    a = decay(half_life)
    age = np.arange(BLOCK)[:, None] - np.arange(BLOCK)[None, :]
    weights = np.where(age >= 0, (1 - a) * a ** np.maximum(age, 0), 0.0)
    return weights.astype(np.float64), np.power(a, np.arange(BLOCK)[:, None] + 1.0).astype(np.float64)


def fixed_product(rows: Float64, matrix: Float64) -> Float64:
    """rows @ matrix for at most one chunk of rows (n_rows, n) and (n, m)."""
    padded = np.zeros((CHUNK, rows.shape[1]))
    padded[: len(rows)] = rows
    return np.asarray((padded @ matrix)[: len(rows)])
