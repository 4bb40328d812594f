"""The soak bench in short: what must not grow with the number of runs."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from bench import soak


def test_many_runs_leave_no_more_behind_than_their_rows(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(soak, "TAUGHT", 1_440)
    monkeypatch.setattr(soak, "KEPT_FILES", 10)
    figures = soak.soak(90, tmp_path, 30)

    assert [one["runs"] for one in figures] == [30, 60, 90]
    assert figures[-1]["files"] <= figures[0]["files"] + 6, "checkpoints and joined rows"
    grown_kb = (figures[-1]["disk_mb"] - figures[0]["disk_mb"]) * 1e3
    assert grown_kb < 60 * 2, "two rows a run, each of some hundred bytes as row, score and sensor values"
    state = json.loads((tmp_path / "run" / "state.json").read_text())
    assert len(state["files"]) == 1 + 10, "the first one; those that the source removed are forgotten"
    assert state["run"] == 91
