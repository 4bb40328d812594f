"""The gates of an LSTM in NumPy: one step, and a whole batch of chunks.

    i = σ(W_i x + U_i h + b_i)      how much of the candidate enters          (input gate)
    f = σ(W_f x + U_f h + b_f)      how much of the cell state stays          (forget gate)
    g = tanh(W_c x + U_c h + b_c)   the candidate
    o = σ(W_o x + U_o h + b_o)      how much of the cell state is shown       (output gate)
    c ← f·c + i·g
    h ← o·tanh(c)

S. Hochreiter, J. Schmidhuber, Long Short-Term Memory, Neural Computation 9(8), 1997; the forget gate is from
F. A. Gers, J. Schmidhuber, F. Cummins, Learning to Forget, Neural Computation 12(10), 2000.
Weights come as Keras keeps them, gates side by side in the order i, f, c, o.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from anomaly_lstm.windows import Bool, Float32

BLOCK = 64
"""Rows projected at a time [rows]: large for a matrix product, small enough to stay in the processor's cache."""

ALONE = 2**18
"""Multiplications in one matrix product up to which OpenBLAS, NumPy's usual library, leaves them to one thread."""


@dataclass(frozen=True)
class Lstm:
    """Weights of a layer: ``kernel`` (n_inputs, 4·units), ``recurrent`` (units, 4·units), ``bias`` (4·units,)."""

    kernel: Float32
    recurrent: Float32
    bias: Float32

    @property
    def units(self) -> int:
        return len(self.recurrent)


def named(arrays: Mapping[str, Float32], name: str) -> Lstm:
    """The layer kept in a `models.contract.Fitted` under ``name``."""
    return Lstm(arrays[f"{name}.kernel"], arrays[f"{name}.recurrent_kernel"], arrays[f"{name}.bias"])


def packed(layer: Lstm) -> Lstm:
    """The same layer in the form `step` wants: gates i, f, o, c, the first three halved.

    σ(z) = ½·tanh(½z) + ½ never overflows, and with the half already in the weights (exact: a power of two) one tanh
    over all four gates does the work of four.
    """
    i, f, c, o = (np.arange(layer.units) + gate * layer.units for gate in range(4))
    order = np.concatenate([i, f, o, c])
    half = np.repeat(np.array([0.5, 0.5, 0.5, 1], np.float32), layer.units)
    return Lstm(layer.kernel[:, order] * half, layer.recurrent[:, order] * half, layer.bias[order] * half)


def times(rows: Float32, kernel: Float32, out: Float32 | None = None) -> Float32:
    """The matrix product (n, k) × (k, m), some rows at a time, so that it stays in the calling thread.

    Threads that wait for each other thousands of times a second gain little on an idle machine, crawl on a busy one (a
    hundredfold was measured), and would let the number of cores into the last bits.
    """
    if out is None:
        out = np.empty((len(rows), kernel.shape[1]), np.float32)
    at_once = max(ALONE // max(kernel.size, 1), 4)
    for start in range(0, len(rows), at_once):
        np.matmul(rows[start : start + at_once], kernel, out=out[start : start + at_once])
    return out


def step(layer: Lstm, projected: Float32, hidden: Float32, cell: Float32, shown: Float32, work: Float32) -> None:
    """One step of n sequences: the new hidden state into ``shown``, the cell state in place.

    ``layer`` is `packed`; ``projected`` (n, 4·units) is W x + b in its order; ``hidden``, ``cell``, ``shown`` are (n,
    units) and ``shown`` may be ``hidden``; ``work`` (n, 4·units) is room for the gates, so that a long loop allocates
    nothing.
    """
    units = layer.units
    times(hidden, layer.recurrent, out=work)
    work += projected
    np.tanh(work, out=work)
    gates = work[:, : 3 * units]
    gates *= 0.5
    gates += 0.5
    candidate = work[:, 3 * units :]
    candidate *= work[:, :units]
    cell *= work[:, units : 2 * units]
    cell += candidate
    np.tanh(cell, out=shown)
    shown *= work[:, 2 * units : 3 * units]


def run(layers: Sequence[Lstm], inputs: Float32, present: Bool | None = None) -> Float32:
    """The last of stacked layers: (n_chunks, n_rows, n_inputs) → hidden states (n_chunks, n_rows, units).

    Where ``present`` (n_chunks, n_rows) is False the states are zero: rows before a stretch begins and padding after
    its end. A block of rows in which no chunk is present costs nothing. The bits of a chunk's result depend on its
    place in the batch (BLAS treats the rows of a matrix differently), never on what the other places hold.
    """
    layers = [packed(layer) for layer in layers]
    return carry(layers, at_rest(layers, len(inputs)), inputs, present)


def at_rest(layers: Sequence[Lstm], n_chunks: int) -> list[Float32]:
    """The states of stacked layers before the first row: hidden and cell (2, n_chunks, units) each, all zero."""
    return [np.zeros((2, n_chunks, layer.units), np.float32) for layer in layers]


def carry(layers: Sequence[Lstm], states: Sequence[Float32], inputs: Float32, present: Bool | None = None) -> Float32:
    """As `run`, for `packed` layers, from ``states`` on, which move: what comes next goes on from there."""
    n_chunks, n_rows, _ = inputs.shape
    here = np.ones((n_chunks, n_rows), np.bool_) if present is None else present
    result = np.zeros((n_rows, n_chunks, layers[-1].units), np.float32)
    for start in range(0, n_rows, BLOCK):
        rows = slice(start, min(start + BLOCK, n_rows))
        if not here[:, rows].any():
            for state in states:
                state[:] = 0
            continue
        below = np.ascontiguousarray(inputs[:, rows].swapaxes(0, 1))
        for layer, state in zip(layers, states, strict=True):
            below = _block(layer, below, state, here[:, rows])
        result[rows] = below
    return result.swapaxes(0, 1)


def _block(layer: Lstm, inputs: Float32, state: Float32, present: Bool) -> Float32:
    """Some rows of a layer, rows first: (n_rows, n_chunks, n_inputs) → (n_rows, n_chunks, units); ``state`` moves."""
    n_rows, n_chunks, n_inputs = inputs.shape
    projected = times(inputs.reshape(-1, n_inputs), layer.kernel)
    projected += layer.bias
    projected = projected.reshape(n_rows, n_chunks, -1)
    hidden, cell = state
    shown = np.empty((n_rows, n_chunks, layer.units), np.float32)
    work = np.empty((n_chunks, 4 * layer.units), np.float32)
    keep = present.T[:, :, None].astype(np.float32)
    some_absent: Bool = np.logical_not(present.all(axis=0))
    for row in range(n_rows):
        step(layer, projected[row], hidden, cell, shown[row], work)
        hidden = shown[row]
        if some_absent[row]:  # only at a stretch's begin and end
            hidden *= keep[row]
            cell *= keep[row]
    state[0] = hidden
    return shown
