"""Early warnings from industrial sensor history.

The verbs of the command line as plain functions: `ingest`, `train`, `score`, `alert`, `evaluate`, `replay`, `forecast`,
`run`, `inspect`; and the options they take. They are loaded on first use, so that ``anomaly-lstm --help`` does not wait
for NumPy.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from anomaly_lstm.learning import TrainOptions
    from anomaly_lstm.pipeline import (
        GridOptions,
        RunPlan,
        alert,
        evaluate,
        forecast,
        ingest,
        inspect,
        load,
        replay,
        run,
        score,
        train,
    )
    from anomaly_lstm.policy import Bound, Policy
    from anomaly_lstm.sources.contract import ReadOptions

_HOMES = {
    **dict.fromkeys(
        (
            "GridOptions",
            "RunPlan",
            "alert",
            "evaluate",
            "forecast",
            "ingest",
            "inspect",
            "load",
            "replay",
            "run",
            "score",
            "train",
        ),
        "pipeline",
    ),
    **dict.fromkeys(("Bound", "Policy"), "policy"),
    "ReadOptions": "sources.contract",
    "TrainOptions": "learning",
}

__all__ = [
    "Bound",
    "GridOptions",
    "Policy",
    "ReadOptions",
    "RunPlan",
    "TrainOptions",
    "alert",
    "evaluate",
    "forecast",
    "ingest",
    "inspect",
    "load",
    "replay",
    "run",
    "score",
    "train",
]


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module 'anomaly_lstm' has no attribute '{name}'")
    return getattr(import_module(f"anomaly_lstm.{_HOMES[name]}"), name)
