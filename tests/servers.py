"""Real servers, started for the tests that need one: PostgreSQL, a store of buckets, the web, SFTP."""

from __future__ import annotations

import asyncio
import os
import pwd
import shutil
import socket
import subprocess
import sys
import tempfile
import threading
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import asyncssh
import psycopg
import pytest

# ---------------------------------------------------------------- PostgreSQL


def programs() -> Path | None:
    """The folder of the newest PostgreSQL on this machine; Debian keeps its programs out of the path."""
    homes = sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"), key=lambda p: float(p.parts[-3]))
    found = shutil.which("initdb") or (str(homes[-1]) if homes else None)
    return Path(found).resolve().parent if found else None


def unprivileged() -> str | None:
    """PostgreSQL refuses to run as root: the user to become then."""
    if os.geteuid() != 0:
        return None
    there = {user.pw_name for user in pwd.getpwall()}
    return next((name for name in ("postgres", "nobody") if name in there), None)


@dataclass(frozen=True)
class Postgres:
    """A server of its own: its programs, its folder, who runs it, and its URL."""

    home: Path
    folder: Path
    user: str | None
    url: str

    def start(self) -> subprocess.Popen[bytes]:
        """Start the server; return as soon as it answers."""
        options = ("fsync=off", "listen_addresses=", f"unix_socket_directories={self.folder}")
        command = [str(self.home / "postgres"), "-D", f"{self.folder}/data"]
        command += [part for option in options for part in ("-c", option)]
        server = subprocess.Popen(command, user=self.user, cwd="/", stderr=subprocess.DEVNULL)
        wait_for(self.url, server)
        return server


@contextmanager
def fresh_postgres() -> Iterator[Postgres]:
    """A fresh server that listens on a socket only, not started yet; the test is skipped where there is none."""
    home = programs()
    if home is None:
        pytest.skip("PostgreSQL is not installed: apt-get install postgresql")
    user = unprivileged()
    if os.geteuid() == 0 and user is None:
        pytest.skip("PostgreSQL does not run as root, and there is no other user to run it")
    with tempfile.TemporaryDirectory(prefix="pg-", dir="/tmp") as folder:  # a socket's path is at most 107 bytes
        if user:
            shutil.chown(folder, user)
        made = [str(home / "initdb"), "-D", f"{folder}/data", "-U", "plant", "-A", "trust", "-E", "UTF8", "--no-sync"]
        subprocess.run(made, check=True, user=user, cwd="/", stdout=subprocess.DEVNULL)
        yield Postgres(home, Path(folder), user, f"postgresql://plant@/postgres?host={folder}")


def stop(server: subprocess.Popen[bytes]) -> None:
    """End a server, at once if it does not end by itself."""
    server.terminate()
    try:
        server.wait(30)
    except subprocess.TimeoutExpired:
        server.kill()
        server.wait()


def wait_for(url: str, server: subprocess.Popen[bytes]) -> None:
    """Return as soon as the server answers."""
    while server.poll() is None:
        try:
            psycopg.connect(url).close()
        except psycopg.OperationalError:
            time.sleep(0.05)
        else:
            return
    raise RuntimeError("PostgreSQL ended before it answered")


# ---------------------------------------------------------------- stores of files


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@contextmanager
def s3_server() -> Iterator[str]:
    """The address of a store of buckets, in a process of its own."""
    url = f"http://127.0.0.1:{(port := free_port())}"
    command = [sys.executable, "-m", "moto.server", "-H", "127.0.0.1", "-p", str(port)]
    server = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        for _ in range(600):
            with suppress(OSError), urllib.request.urlopen(f"{url}/moto-api/", timeout=5):
                break
            time.sleep(0.05)
        yield url
    finally:
        stop(server)


class _Files(SimpleHTTPRequestHandler):
    """The files of a folder. ``truncated`` counts answers that shall break off in the middle."""

    truncated = 0

    def log_message(self, *_: Any) -> None:
        """Say nothing."""

    def copyfile(self, source: Any, outputfile: Any) -> None:
        content = source.read()
        if type(self).truncated:
            type(self).truncated -= 1
            content = content[: len(content) // 2]
            self.close_connection = True
        outputfile.write(content)


@dataclass(frozen=True)
class Web:
    """A web server: its address, the folder it shows, and how it answers."""

    url: str
    folder: Path
    handler: type[_Files]


@contextmanager
def web_server(folder: Path) -> Iterator[Web]:
    handler = type("Files", (_Files,), {})
    server = ThreadingHTTPServer(("127.0.0.1", 0), partial(handler, directory=str(folder)))
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield Web(f"http://127.0.0.1:{server.server_port}", folder, handler)
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


class _Password(asyncssh.SSHServer):
    """Lets in whoever knows the password."""

    def password_auth_supported(self) -> bool:
        return True

    def validate_password(self, username: str, password: str) -> bool:
        return (username, password) == ("ann", "s3/cr3t")


@contextmanager
def sftp_server(folder: Path, home: Path) -> Iterator[str]:
    """The host of an SFTP server that shows a folder; the ``home`` of a user who knows its key."""
    key = asyncssh.generate_private_key("ssh-ed25519")
    loop = asyncio.new_event_loop()
    served = loop.run_until_complete(
        asyncssh.listen(
            "127.0.0.1",
            0,
            server_factory=_Password,
            server_host_keys=[key],
            sftp_factory=lambda channel: asyncssh.SFTPServer(channel, chroot=str(folder).encode()),
        )
    )
    host = f"127.0.0.1:{served.get_port()}"
    (home / ".ssh").mkdir(parents=True, exist_ok=True)
    known = f"[127.0.0.1]:{served.get_port()} {key.export_public_key().decode()}"
    (home / ".ssh" / "known_hosts").write_text(known)
    thread = threading.Thread(target=loop.run_forever, daemon=True)
    thread.start()
    try:
        yield host
    finally:
        loop.call_soon_threadsafe(loop.stop)
        thread.join()
        served.close()
        loop.run_until_complete(asyncio.sleep(0))
        loop.close()
