"""What a model is: a module that learns healthy operation and says what it expects.

A model never sees files, times or assets, only scaled stretches (`windows.Series`). ``fit`` may import Keras;
``expected`` is array arithmetic and must not.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from anomaly_lstm.windows import Bool, Float32, Series

Arrays = Mapping[str, NDArray[np.float32]]


@dataclass(frozen=True)
class Fitted:
    """A network after training: plain arrays and whole numbers, nothing that runs.

    ``arrays`` by name (``lstm_1.kernel``), ``sizes`` (``units``, ``layers``, ``lags``, ``window``, ``stride`` …),
    ``steps`` optimiser steps that led to the kept weights (0 for a closed form).
    """

    network: str
    arrays: Arrays
    sizes: Mapping[str, int]
    steps: int = 0


@dataclass(frozen=True)
class Effort:
    """How hard to try. Steps bound the work, so results repeat; the deadline is only set by ``--time-budget``."""

    max_steps: int = 1500
    batch: int = 32
    rows: int = 100
    """Rows per training chunk."""
    patience: int = 6
    """Looks at the validation rows without improvement before stopping."""
    learning_rate: float = 3e-3
    expired: Callable[[], bool] = field(default=lambda: False)
    """True once the time budget is used up; asked between steps."""


@dataclass(frozen=True)
class Progress:
    """One look at the validation rows, for a progress bar."""

    step: int
    of: int
    loss: float
    """Mean squared error on the validation rows [scaled units²]; on training rows where there are none."""


Told = Callable[[Progress], None]


class Model(Protocol):
    """The shape of every module in this room."""

    NAME: str
    NEEDS_TENSORFLOW: bool
    FORECASTS: bool
    """Expects a row without having seen it, so that its error can be compared with the challenger's."""

    def fit(
        self,
        train: Sequence[Series],
        valid: Sequence[Series],
        *,
        effort: Effort,
        seed: int,
        start: Fitted | None,
        told: Told,
    ) -> Fitted:
        """Learn from ``train``; stop early on ``valid``, rows never trained on (empty: take ``effort.max_steps``).

        ``start`` is an earlier fit on earlier rows of the same assets to go on from, or None.
        Series may have any length ≥ 1. The same arguments give the same arrays on the same machine.
        """
        ...

    def expected(self, fitted: Fitted, values: Float32, context: Float32, present: Bool) -> Float32:
        """What the model expects, in scaled units: (n_chunks, n_rows, n_scored), NaN where it has no opinion yet.

        ``values`` (n_chunks, n_rows, n_scored) and ``context`` (n_chunks, n_rows, n_context) hold a batch of chunks;
        ``present`` (n_chunks, n_rows) is False on the rows before a stretch begins, where the state must stay zero,
        and on the padding after it ends. Row *t* of the result depends on rows up to *t* only. Row 0 of each chunk
        lies on a grid index that is a multiple of `windows.ALIGN`.
        """
        ...


class Forecaster(Model, Protocol):
    """A model with ``FORECASTS`` that can also run ahead of what was measured."""

    def ahead(
        self,
        fitted: Fitted,
        values: Float32,
        context: Float32,
        present: Bool,
        future: Float32,
        within: tuple[Float32, Float32],
    ) -> Float32:
        """The rows after the last one, in scaled units: (n_chunks, n_ahead, n_scored).

        ``values``, ``context`` and ``present`` as for ``expected``, the last row of every chunk present; rows before a
        stretch begins hold its first. ``future`` (n_chunks, n_ahead, n_context) is the context to come. The state after
        the past is carried on, and each expectation is the input of the next row, held ``within`` a low and a high
        (n_scored,). The first row is what ``expected`` expects of it.
        """
        ...
