"""How things stand in a run folder."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest

from anomaly_lstm.clock import iso, parse_time
from anomaly_lstm.pipeline import standing
from anomaly_lstm.pipeline.folder import RunFolder
from anomaly_lstm.pipeline.standing import seen
from anomaly_lstm.sinks.contract import AlertReport, Seen
from anomaly_lstm.tables import State, scores_schema

BEGIN = parse_time("2026-01-31T23:57:00Z")
MINUTE = 60_000_000


def stored(folder: Path, asset: str, states: list[State]) -> RunFolder:
    """Scores a minute apart from three minutes before February, each with a return period of its number [s]."""
    n = len(states)
    scored = np.array([state is State.SCORED for state in states])
    columns = {
        "asset": [asset] * n,
        "time": [BEGIN + MINUTE * row for row in range(n)],
        "state": [state.name for state in states],
        "score": [1.0] * n,
        "return_period_s": [float(row) if scored[row] else None for row in range(n)],
        "unseen": [False] * n,
        "model_id": ["m"] * n,
    }
    schema = scores_schema([], [], detail=False)
    run = RunFolder(folder)
    run.store_scores(asset, pa.table({f.name: pa.array(columns[f.name], f.type) for f in schema}, schema=schema), None)
    return run


@pytest.mark.parametrize(
    ("states", "row", "return_period_s"),
    [
        ([State.SCORED] * 5, 4, 4.0),
        ([State.SCORED] * 4 + [State.OUT_OF_STATE, State.NO_DATA], 4, 3.0),
        ([State.SCORED] * 3 + [State.WARM_UP], 3, None),
        ([State.SCORED] * 3 + [State.NO_DATA], 2, 2.0),
        ([State.NO_DATA] * 5, None, None),
    ],
)
def test_the_newest_row_is_a_measured_one_and_the_score_the_latest(
    tmp_path: Path, states: list[State], row: int | None, return_period_s: float | None
) -> None:
    newest = None if row is None else BEGIN + MINUTE * row
    assert seen(stored(tmp_path, "p1", states), "p1") == Seen(newest, return_period_s)


def test_an_asset_that_is_switched_off_is_not_shown_as_watched(tmp_path: Path) -> None:
    folder, far = stored(tmp_path, "p1", [State.SCORED]), {"p1": Seen(BEGIN, 0.0)}
    watched = {"start": iso(BEGIN), "end": iso(BEGIN + MINUTE), "scored_s": 60.0}
    report = AlertReport({"assets": {"p1": watched, "off": watched}}, [])
    found = standing(
        folder, "pump", report, now_us=BEGIN, rows=1, seconds=0.5, assets=far, failed={"x": "why"}, unwatched=["off"]
    )
    assert (found.assets, found.unwatched) == (far, ["off"])
    assert (found.history, found.expected_false) == (tmp_path / "history.jsonl", None)
