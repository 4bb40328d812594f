"""What a log collector reads of a run."""

from __future__ import annotations

import io
import json
import logging
from collections.abc import Iterator
from pathlib import Path

import pytest

from anomaly_lstm.cli import logs
from anomaly_lstm.sinks.contract import AlertReport, Seen, Standing
from tests.cli.conftest import ROWS, anomaly_lstm, pipeline_text, row_time
from tests.told import HOSTILE, MINUTE, NOON, alert_of

STANDING = Standing(
    "pump",
    Path("history.jsonl"),
    NOON,
    12,
    0.51234,
    AlertReport({}, [alert_of("a", HOSTILE), alert_of("b", HOSTILE, active=False)]),
    {HOSTILE: Seen(NOON - MINUTE, 86400.0), "new": Seen(None)},
    failed={"pump-09": "no rows"},
    unwatched=["pump-08"],
    failing={"mail": "it cannot be reached"},
)


@pytest.fixture
def logging_restored() -> Iterator[None]:
    """Afterwards the log goes where it went before."""
    root = logging.getLogger()
    before, level = root.handlers[:], root.level
    yield
    root.handlers[:] = before
    root.setLevel(level)


@pytest.fixture
def stream(logging_restored: None) -> io.StringIO:
    """Where the log goes."""
    text = io.StringIO()
    logs.begin(text)
    return text


def test_each_asset_and_the_run_are_one_line_of_json(stream: io.StringIO) -> None:
    logs.ran(STANDING)
    lines = [json.loads(line) for line in stream.getvalue().splitlines()]
    assert [(line["event"], line.get("asset")) for line in lines] == [
        ("asset watched", HOSTILE),
        ("asset watched", "new"),
        ("asset failed", "pump-09"),
        ("asset unwatched", "pump-08"),
        ("channel failed", None),
        ("run ended", None),
    ]
    first, last = lines[0], lines[-1]
    assert (first["staleness_s"], first["return_period_s"], first["alerts"]) == (60, 86400, {"warning": 1})
    assert (last["rows"], last["seconds"], last["alerts_active"]) == (12, 0.512, 1)
    assert last["assets"] == {"watched": 2, "failed": 1, "unwatched": 1}
    assert {line["pipeline"] for line in lines} == {"pump"}
    assert [line["level"] for line in lines] == ["info", "info", "error", "info", "error", "info"]


def test_what_a_library_logs_is_json_too(stream: io.StringIO) -> None:
    try:
        raise ValueError("of\ntwo lines")
    except ValueError:
        logging.getLogger("apprise").exception("it %s", "failed")
    (line,) = (json.loads(line) for line in stream.getvalue().splitlines())
    assert (line["logger"], line["event"], line["level"]) == ("apprise", "it failed", "error")
    assert "two lines" in line["traceback"]


def test_a_run_logs_json_and_nothing_else(made: Path, tmp_path: Path, logging_restored: None) -> None:
    pipeline = tmp_path / "pump.toml"
    pipeline.write_text(pipeline_text(made))
    done = anomaly_lstm("run", pipeline, "--log-format", "json")
    assert (done.code, done.out) == (0, "")
    lines = [json.loads(line) for line in done.err.splitlines()]
    assert [(line["event"], line.get("asset")) for line in lines] == [
        ("asset watched", "P1"),
        ("asset watched", "P2"),
        ("run ended", None),
    ]
    assert lines[0]["newest_row"] == row_time(ROWS - 1)
    assert lines[0]["return_period_s"] > 0
    assert lines[-1]["rows"] == 2 * ROWS


def test_why_a_run_failed_is_a_line_of_the_log_too(tmp_path: Path, logging_restored: None) -> None:
    said = anomaly_lstm("run", tmp_path / "absent.toml", "--log-format", "json")
    (line,) = [json.loads(text) for text in said.err.splitlines()]
    assert (said.code, line["event"], line["level"], line["exit_code"]) == (2, "run failed", "error", 2)
    assert "absent.toml" in line["error"]


def test_a_defect_is_logged_with_its_traceback(
    tmp_path: Path, logging_restored: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(path: Path) -> None:
        raise ZeroDivisionError(path.name)

    monkeypatch.setattr("anomaly_lstm.config.read_pipeline", broken)
    said = anomaly_lstm("run", tmp_path / "any.toml", "--log-format", "json")
    (line,) = [json.loads(text) for text in said.err.splitlines()]
    assert (said.code, line["exit_code"]) == (3, 3)
    assert "ZeroDivisionError: any.toml" in line["traceback"]
