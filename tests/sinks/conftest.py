"""A real PostgreSQL, started for the tests that need one."""

from __future__ import annotations

import os
import pwd
import shutil
import subprocess
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest


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


@pytest.fixture(scope="session")
def postgres() -> Iterator[str]:
    """The URL of a fresh server that listens on a socket only."""
    home = programs()
    if home is None:
        pytest.skip("PostgreSQL is not installed: apt-get install postgresql")
    user = unprivileged()
    if os.geteuid() == 0 and user is None:
        pytest.skip("PostgreSQL does not run as root, and there is no other user to run it")
    with tempfile.TemporaryDirectory(prefix="pg-", dir="/tmp") as folder:  # a socket's path is at most 107 bytes
        if user:
            shutil.chown(folder, user)
        data, url = f"{folder}/data", f"postgresql://plant@/postgres?host={folder}"
        made = [str(home / "initdb"), "-D", data, "-U", "plant", "-A", "trust", "-E", "UTF8", "--no-sync"]
        subprocess.run(made, check=True, user=user, cwd="/", stdout=subprocess.DEVNULL)
        options = ("fsync=off", "listen_addresses=", f"unix_socket_directories={folder}")
        command = [str(home / "postgres"), "-D", data, *(part for option in options for part in ("-c", option))]
        server = subprocess.Popen(command, user=user, cwd="/", stderr=subprocess.DEVNULL)
        try:
            wait_for(url, server)
            yield url
        finally:
            server.terminate()
            server.wait(30)


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
