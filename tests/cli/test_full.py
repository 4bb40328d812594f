"""``evaluate --full``: the measures of the literature, out of the way until they are asked for."""

from __future__ import annotations

import json
from pathlib import Path

import pyarrow.parquet as pq
import pytest

from anomaly_lstm.measures import NAMES
from tests.cli.conftest import FAULT, ROWS, anomaly_lstm, pipeline_text, row_time


def test_full_prints_a_table_and_says_that_nothing_is_adjusted(made: Path) -> None:
    words = ("--events", made / "events.csv", "--full", "--scores", made / "scores.parquet")
    said = anomaly_lstm("evaluate", made / "alerts.json", *words, "--start", row_time(700))
    assert (said.code, said.out) == (0, ""), said.err
    for told in ("P2 warned", "no point adjustment", "always on", "VUS-PR", "NAB", "affiliation recall", "CARE"):
        assert told in said.err


def test_full_in_the_document_is_null_until_it_is_asked_for(made: Path) -> None:
    words = ("evaluate", made / "alerts.json", "--events", made / "events.csv", "--start", row_time(700), "--json")
    assert json.loads(anomaly_lstm(*words).out)["full"] is None
    full = json.loads(anomaly_lstm(*words, "--full", "--scores", made / "scores.parquet").out)["full"]
    assert (full["assets"], full["events"], full["rows"]) == (2, 1, 2 * (ROWS - 700))
    assert full["positive_rows"] == full["vus_buffer_rows"] == ROWS - FAULT
    assert tuple(full["figures"]) == NAMES
    assert all(set(figure) == {"value", "random", "always_on", "reason"} for figure in full["figures"].values())
    assert full["figures"]["roc_auc"]["value"] > 0.95
    assert full["figures"]["recall"]["value"] > 0.8


def test_what_is_not_defined_is_said_in_words(made: Path, tmp_path: Path) -> None:
    (tmp_path / "events.csv").write_text("asset,start,end,kind\n")
    words = ("--events", tmp_path / "events.csv", "--full", "--scores", made / "scores.parquet", "--start")
    said = anomaly_lstm("evaluate", made / "alerts.json", *words, row_time(700), "--json")
    figures = json.loads(said.out)["full"]["figures"]
    assert figures["vus_pr"]["value"] is None
    assert "no row lies in a failure or anomaly" in figures["vus_pr"]["reason"]
    assert "NaN" not in said.out
    assert "no row lies in a failure or anomaly" in said.err


def test_with_a_pipeline_file_the_run_folder_has_the_scores(made: Path, tmp_path: Path) -> None:
    pipeline = tmp_path / "pump.toml"
    pipeline.write_text(pipeline_text(made))
    assert anomaly_lstm("run", pipeline).code == 0
    said = anomaly_lstm("evaluate", "--pipeline", pipeline, "--full", "--json")
    assert said.code == 0, said.err
    assert json.loads(said.out)["full"]["assets"] == 2


@pytest.mark.parametrize(("words", "told"), [(("--full",), "--scores"), (("--scores", "s.parquet"), "--full")])
def test_full_and_scores_come_together(made: Path, words: tuple[str, ...], told: str) -> None:
    said = anomaly_lstm("evaluate", made / "alerts.json", "--events", made / "events.csv", *words)
    assert (said.code, said.out) == (2, "")
    assert said.err.startswith("Error: ")
    assert told in said.err
    assert "Traceback" not in said.err


def test_scores_of_other_assets_are_refused(made: Path, tmp_path: Path) -> None:
    table = pq.read_table(made / "scores.parquet")
    pq.write_table(table.slice(0, ROWS), tmp_path / "one.parquet")
    words = ("--events", made / "events.csv", "--full", "--scores", tmp_path / "one.parquet")
    said = anomaly_lstm("evaluate", made / "alerts.json", *words)
    assert said.code == 2
    assert "P2" in said.err
