"""Small made-up stretches for the tests of the models."""

from __future__ import annotations

import numpy as np

from anomaly_lstm.models.contract import Effort, Fitted, Model, Progress
from anomaly_lstm.windows import Series

QUICK = Effort(max_steps=6, batch=4, rows=40)


def stretch(n_rows: int, n_scored: int = 2, n_context: int = 1, *, first: int = 0, seed: int = 0) -> Series:
    """Sensors that follow a slow common load and a context, with noise; everything known."""
    rng = np.random.default_rng(seed)
    load = np.sin(np.arange(n_rows) / 9 + seed)
    lagging = [np.roll(load, shift) for shift in range(n_context)]
    context = np.array(lagging, np.float32).reshape(n_context, n_rows).T
    noise = 0.2 * rng.standard_normal((n_rows, n_scored))
    values = load[:, None] * np.linspace(0.5, 1.5, n_scored) + noise
    return Series(first, values.astype(np.float32), np.ones((n_rows, n_scored), np.bool_), context)


def quick_fit(model: Model, train: list[Series], valid: list[Series] | None = None, seed: int = 3) -> Fitted:
    """A fit of a few steps: enough that no weight is where it began."""
    return model.fit(train, valid or [], effort=QUICK, seed=seed, start=None, told=_nobody)


def _nobody(progress: Progress) -> None:
    pass
