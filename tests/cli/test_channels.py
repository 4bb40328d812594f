"""Trying out the channels of a pipeline file."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.cli.conftest import anomaly_lstm
from tests.told import http_server

PIPELINE = """
[source]
paths = ["none.csv"]
[run]
folder = "run"
"""


@pytest.fixture
def pipeline(tmp_path: Path) -> Path:
    channels = [("hook", "webhook"), ("am", "alertmanager"), ("chat", "apprise")]
    tables = [f'[[notify]]\nname = "{name}"\nkind = "{kind}"\nurl_env = "{name.upper()}"\n' for name, kind in channels]
    path = tmp_path / "pump.toml"
    path.write_text(PIPELINE + "".join(tables))
    return path


def test_every_channel_gets_a_test_message_and_nothing_else_is_done(
    pipeline: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with http_server() as heard:
        for name in ("HOOK", "AM"):
            monkeypatch.setenv(name, heard.address)
        monkeypatch.setenv("CHAT", heard.address.replace("http", "json", 1))
        done = anomaly_lstm("run", pipeline, "--test-channels")
    assert done.code == 0, done.err
    assert [line.partition(":")[0] for line in done.err.splitlines()] == ["hook", "am", "chat"]
    assert len(heard.posts) == 3
    assert b"Test: anomaly-lstm reaches you for pump" in heard.posts[2][2]
    assert [path.name for path in pipeline.parent.iterdir()] == ["pump.toml"]


def test_a_channel_that_does_not_take_it_is_named_and_the_others_are_tried(
    pipeline: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with http_server() as heard:
        monkeypatch.setenv("CHAT", heard.address.replace("http", "json", 1))
        done = anomaly_lstm("run", pipeline, "--test-channels")
    assert done.code == 1
    assert "chat: it took the test message." in done.err
    assert "hook: the environment variable HOOK is not set" in done.err


def test_without_channels_there_is_nothing_to_test(tmp_path: Path) -> None:
    (tmp_path / "p.toml").write_text(PIPELINE)
    done = anomaly_lstm("run", tmp_path / "p.toml", "--test-channels")
    assert (done.code, "no [[notify]] table" in done.err) == (2, True)
