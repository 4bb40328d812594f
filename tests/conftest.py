"""Servers that several tests share; each is started when the first of them asks."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.servers import Web, fresh_postgres, s3_server, sftp_server, stop, web_server


@pytest.fixture(scope="session")
def postgres() -> Iterator[str]:
    """The URL of a fresh PostgreSQL."""
    with fresh_postgres() as database:
        server = database.start()
        try:
            yield database.url
        finally:
            stop(server)


@pytest.fixture(scope="session")
def _s3() -> Iterator[str]:
    with s3_server() as url:
        yield url


@pytest.fixture
def s3(_s3: str, monkeypatch: pytest.MonkeyPatch) -> str:
    """The address of a store of buckets that the environment names, as its users do."""
    monkeypatch.setenv("AWS_ENDPOINT_URL", _s3)
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "plant")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "s3cr3t")
    return _s3


@pytest.fixture
def web(tmp_path: Path) -> Iterator[Web]:
    """A web server that shows a folder of this test."""
    (tmp_path / "web").mkdir()
    with web_server(tmp_path / "web") as server:
        yield server


@pytest.fixture
def sftp(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """The host of an SFTP server that shows ``tmp_path / "sftp"``; user ann, her password in SFTP_PASSWORD."""
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    monkeypatch.setenv("SFTP_PASSWORD", "s3/cr3t")
    (tmp_path / "sftp").mkdir()
    with sftp_server(tmp_path / "sftp", tmp_path / "home") as host:
        yield host
