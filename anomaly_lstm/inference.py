"""Many chunks in one padded batch through a model's ``expected``, and how long a warm-up a model needs.

The shape of a batch never changes, and a chunk's place in it hangs on the chunk's number alone: the last bits of a
matrix product depend on the shape and on the place, so this is what makes a row's result the same whatever else is
scored with it.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence

import numpy as np
from numpy.typing import NDArray

from anomaly_lstm.models.contract import Fitted, Model
from anomaly_lstm.windows import ALIGN, Chunk, Float32, Series, cut, fill, own_rows

PLACES = 32
"""Chunks per batch: half the speed is lost with 8, little is won with 64, and a lone chunk pays for all places."""

WARM_UPS = (64, 128, 192, 256, 384, 512, 768, 1024)
"""Warm-ups tried [rows]; all multiples of `ALIGN`."""

TOLERANCE = 1e-4
"""How far a chunk started cold may be from one that saw everything [scaled units]: a ten-thousandth of a sensor's
spread, far below any error worth a score."""

PROBES = 16
"""Places in the training stretches where the warm-up is measured."""


def expected(model: Model, fitted: Fitted, series: Sequence[Series], warm_up: int) -> list[Float32]:
    """What the model expects of each series, in scaled units: one (n_rows, n_scored) each, NaN where it has no opinion.

    ``warm_up`` [rows] is a multiple of `windows.ALIGN`, from `measure_warm_up`. Rows of a series that begins in the
    middle of a stretch agree with those of the whole stretch, bit for bit, from the first chunk with a full warm-up on.
    """
    results = [np.full(one.values.shape, np.nan, np.float32) for one in series]
    for chunks in batches(cut(series, warm_up)):
        batch = fill(series, chunks, warm_up)
        answer = model.expected(fitted, batch.values, batch.context, batch.present)
        for place, chunk in enumerate(chunks):
            if chunk is not None:
                here, there = own_rows(chunk, len(series[chunk.series]), warm_up)
                results[chunk.series][there] = answer[place, here]
    return results


def batches(chunks: Sequence[Chunk]) -> Iterator[list[Chunk | None]]:
    """The chunks in batches of `PLACES`, chunk number m always at place m mod `PLACES`; None where no chunk waits."""
    waiting: defaultdict[int, list[Chunk]] = defaultdict(list)
    for chunk in chunks:
        waiting[chunk.number % PLACES].append(chunk)
    for turn in range(max(map(len, waiting.values()), default=0)):
        yield [waiting[place][turn] if turn < len(waiting[place]) else None for place in range(PLACES)]


def measure_warm_up(model: Model, fitted: Fitted, series: Sequence[Series]) -> int:
    """The shortest warm-up [rows] after which a cold start agrees to `TOLERANCE` with one that saw all before.

    How long a network remembers depends on its trained weights, so it is measured on them, at `PROBES` places spread
    evenly over the rows of ``series``. The longest when none will do.
    """
    history = 2 * WARM_UPS[-1]
    values, context = _probes(series, history + ALIGN)
    present = np.ones(values.shape[:2], np.bool_)
    complete = model.expected(fitted, values, context, present)[:, history:]
    for warm_up in WARM_UPS:
        present[:, : history - warm_up] = False
        cold = model.expected(fitted, values, context, present)[:, history:]
        if np.abs(cold - complete).max() <= TOLERANCE:
            return warm_up
        present[:] = True
    return WARM_UPS[-1]


def _probes(series: Sequence[Series], n_rows: int) -> tuple[Float32, Float32]:
    """Values and context of `PROBES` stretches of ``n_rows``, ending evenly over all rows of ``series``.

    A series too short is walked to and fro: its own rows, in a plausible order.
    """
    ends = np.cumsum([len(one) for one in series])
    values, context = [], []
    for end in np.linspace(0, ends[-1] - 1, PROBES).astype(int):
        which = int(np.searchsorted(ends, end, side="right"))
        one = series[which]
        last = int(end - (ends[which] - len(one)))
        rows = _to_and_fro(np.arange(last - n_rows + 1, last + 1), len(one))
        values.append(one.values[rows])
        context.append(one.context[rows])
    return np.stack(values), np.stack(context)


def _to_and_fro(rows: NDArray[np.int_], length: int) -> NDArray[np.int_]:
    """Row numbers folded back into ``[0, length)`` as by mirrors at both ends."""
    around = rows % (2 * length)
    return np.minimum(around, 2 * length - 1 - around)
