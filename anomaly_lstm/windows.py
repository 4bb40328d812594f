"""Continuous stretches of scaled rows, and the time-anchored chunks they are cut into.

A chunk covers the grid indices ``[m·CHUNK, (m+1)·CHUNK)`` for a whole number ``m``, preceded by a model's warm-up.
Because chunks hang on absolute time and not on where the data happen to begin, scoring a history in any slices does
the same arithmetic: that is how the prefix and fold laws hold by construction.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Float32 = NDArray[np.float32]
Bool = NDArray[np.bool_]

CHUNK = 1024
"""Rows per chunk [grid rows]: long against any warm-up, small against a history."""

ALIGN = 64
"""Warm-ups and chunks are multiples of this, so that windows with a stride dividing it end on the same grid rows."""


@dataclass(frozen=True)
class Series:
    """One continuous stretch of one asset in scaled units: no long gap inside, holes held.

    ``values`` (n_rows, n_scored) are the scored sensors with missing values held from the row before (0 at the very
    start); ``known`` (n_rows, n_scored) is False where a value was held: such a cell is input but neither target nor
    error; ``context`` (n_rows, n_context) likewise scaled and held; ``first`` is the grid index of row 0.
    """

    first: int
    values: Float32
    known: Bool
    context: Float32

    def __len__(self) -> int:
        return len(self.values)

    def part(self, start: int, stop: int) -> Series:
        """The rows ``start:stop`` (positions, not grid indices) as a series of its own."""
        return Series(self.first + start, self.values[start:stop], self.known[start:stop], self.context[start:stop])


@dataclass(frozen=True)
class Chunk:
    """Grid rows ``[number·CHUNK, (number+1)·CHUNK)`` of the series at position ``series`` of a list.

    ``begin`` is the position in that series of the first row of the warm-up; negative where the series begins later.
    """

    series: int
    number: int
    begin: int


@dataclass(frozen=True)
class Batch:
    """Chunks side by side.

    ``values``, ``known`` (n_chunks, n_rows, n_scored); ``context`` (n_chunks, n_rows, n_context);
    ``present`` (n_chunks, n_rows) is False before a series begins, after it ends and in empty places; all else is 0
    there.
    """

    values: Float32
    known: Bool
    context: Float32
    present: Bool


def cut(series: Sequence[Series], warm_up: int) -> list[Chunk]:
    """Every chunk that owns at least one row of the series, each row in exactly one; a chunk never crosses a gap.

    ``warm_up`` [grid rows] is a multiple of `ALIGN`.
    """
    chunks = []
    for index, one in enumerate(series):
        for number in range(one.first // CHUNK, (one.first + len(one) - 1) // CHUNK + 1):
            chunks.append(Chunk(index, number, number * CHUNK - warm_up - one.first))
    return chunks


def fill(series: Sequence[Series], chunks: Sequence[Chunk | None], warm_up: int) -> Batch:
    """The chunks' rows as one batch (len(chunks), warm_up + CHUNK, …); a None leaves its place empty."""
    n_rows = warm_up + CHUNK
    shape = (len(chunks), n_rows)
    batch = Batch(
        np.zeros((*shape, series[0].values.shape[1]), np.float32),
        np.zeros((*shape, series[0].values.shape[1]), np.bool_),
        np.zeros((*shape, series[0].context.shape[1]), np.float32),
        np.zeros(shape, np.bool_),
    )
    for place, chunk in enumerate(chunks):
        if chunk is None:
            continue
        one = series[chunk.series]
        start, stop = max(chunk.begin, 0), min(chunk.begin + n_rows, len(one))
        here = slice(start - chunk.begin, stop - chunk.begin)
        batch.values[place, here] = one.values[start:stop]
        batch.known[place, here] = one.known[start:stop]
        batch.context[place, here] = one.context[start:stop]
        batch.present[place, here] = True
    return batch


def own_rows(chunk: Chunk, length: int, warm_up: int) -> tuple[slice, slice]:
    """The rows a chunk answers for: where they are in the chunk, and where in its series of ``length`` rows.

    This is the one map from chunk rows back to series rows, and so to times.
    """
    start, stop = max(chunk.begin + warm_up, 0), min(chunk.begin + warm_up + CHUNK, length)
    return slice(start - chunk.begin, stop - chunk.begin), slice(start, stop)
