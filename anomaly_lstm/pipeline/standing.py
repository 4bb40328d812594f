"""How things stand in a run folder: what sinks show and logs tell after a run."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

import numpy as np

from anomaly_lstm import arrow
from anomaly_lstm.errors import DataError
from anomaly_lstm.evaluation import Evaluation
from anomaly_lstm.pipeline.folder import RunFolder
from anomaly_lstm.sinks.contract import AlertReport, Seen, Standing
from anomaly_lstm.tables import State


def standing(
    folder: RunFolder,
    pipeline: str,
    report: AlertReport,
    *,
    now_us: int,
    rows: int,
    seconds: float,
    assets: Mapping[str, Seen],
    failed: Mapping[str, str],
    unwatched: Sequence[str] = (),
    judged: Evaluation | None = None,
) -> Standing:
    """How things stand after a run of ``seconds`` [s] that ended at ``now_us`` [µs UTC] and read ``rows`` new rows.

    ``pipeline`` is the name under which it is shown, ``assets`` how far each is that was watched and did not fail.
    """
    return Standing(
        pipeline=pipeline,
        history=folder.history,
        now_us=now_us,
        rows=rows,
        seconds=seconds,
        report=report,
        assets=assets,
        failed=failed,
        unwatched=unwatched,
        expected_false=judged.expected_false if judged else None,
        observed_false=len(judged.false) if judged else None,
    )


def all_seen(folder: RunFolder, assets: Iterable[str]) -> tuple[dict[str, Seen], dict[str, str]]:
    """How far each asset is, and those whose stored scores are damaged → why: these stop none of the others."""
    far, damaged = {}, {}
    for asset in assets:
        try:
            far[asset] = seen(folder, asset)
        except DataError as problem:
            damaged[asset] = f"{asset}: {problem}"
    return far, damaged


def seen(folder: RunFolder, asset: str) -> Seen:
    """The newest measured row of an asset and, in the same month, its latest score. Raises DataError where a month up
    to that is damaged.
    """
    for month in reversed(folder.months_of(asset)):
        table = folder.read(asset, [month], ["asset", "time", "state", "score", "return_period_s"])
        measured = arrow.places_in(table.column("state"), (State.NO_DATA.name,)) != 0
        if measured.any():
            times = arrow.times_to_numpy(table.column("time"))[measured]
            scored = arrow.to_numpy(table.column("return_period_s"), np.float64)
            scored = scored[np.isfinite(scored)]
            return Seen(int(times[-1]), float(scored[-1]) if len(scored) else None)
    return Seen(None)
