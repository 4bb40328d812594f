"""The figures of `bench.budget`, with two small pumps and the line."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from anomaly_lstm.learning import CHALLENGER
from bench import budget
from bench.budget import LEVELS_DAYS, Count, Run, Size

SMALL = Size(assets=2, days=28, period=900.0)


@pytest.fixture(scope="module")
def run() -> Run:
    return budget.judge(SMALL, 7, CHALLENGER)


def test_what_is_expected_is_scored_time_over_the_return_period(run: Run) -> None:
    assert [one.level_days for one in run.counts] == list(LEVELS_DAYS)
    for one in run.counts:
        assert 0.9 * 28 < one.expected * one.level_days <= 28, (
            "two pumps for fourteen days, stops and lost rows left out"
        )
        assert 0 <= one.in_alarm <= 1
        assert (one.in_alarm > 0) <= (one.observed > 0)


def test_a_rarer_limit_is_no_more_often_reached(run: Run) -> None:
    standing = [one.in_alarm for one in run.counts]
    assert standing == sorted(standing, reverse=True)


def test_halves_share_no_row_and_stops_that_were_told_are_not_normal() -> None:
    early, later = (list(budget.halves(SMALL, 7, later=side)) for side in (False, True))
    for (one, normal), (other, _) in zip(early, later, strict=True):
        assert one.time_us[-1] < other.time_us[0]
        assert len(normal) == len(one)
    (_, maintained), _ = early
    assert np.mean(~maintained) == pytest.approx(3.5 / 24 / 14, rel=0.1), "the stop of pump 1 lasts 3.5 hours"


def test_a_promise_is_judged_where_there_was_time_enough() -> None:
    def told(observed: int, expected: float) -> str:
        return budget.verdict([Count(1, 7, observed, expected / 2, 0.0), Count(2, 7, 0, expected / 2, 0.0)])

    assert told(10, 20) == "too short to tell"
    assert told(200, 200) == "kept"
    assert {told(130, 200), told(300, 200)} == {"NOT kept"}


def test_the_figures_are_shown_and_written(
    run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(budget, "RESULTS", tmp_path / "results")
    monkeypatch.setattr(budget, "judge", lambda size, seed, network: run)
    monkeypatch.setattr("sys.argv", ["budget", "--assets", "2", "--seeds", "7,8"])
    budget.main()
    written = json.loads((tmp_path / "results" / "budget.json").read_text())
    assert (written["network"], written["assets"], len(written["runs"])) == (CHALLENGER, 2, 2)
    assert len(written["runs"][0]["counts"]) == len(LEVELS_DAYS)
    assert capsys.readouterr().out.count("too short to tell") == len(LEVELS_DAYS)
