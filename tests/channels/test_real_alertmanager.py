"""What a real Alertmanager makes of our alerts, where one is installed."""

from __future__ import annotations

import json
import shutil
import socket
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path
from urllib.request import urlopen

import pytest

from anomaly_lstm.changes import CLEARED, RAISED, SEVERITY_DOWN, SEVERITY_UP, SHELVED, UNSHELVED
from anomaly_lstm.channels import CHANNELS
from anomaly_lstm.messages import message, trial
from tests.told import HOSTILE, line_of

PROGRAM = shutil.which("prometheus-alertmanager") or shutil.which("alertmanager")
pytestmark = pytest.mark.skipif(
    PROGRAM is None, reason="Alertmanager is not installed: apt-get install prometheus-alertmanager"
)


@pytest.fixture(scope="module")
def alertmanager(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The address of a fresh Alertmanager."""
    folder: Path = tmp_path_factory.mktemp("am")
    with socket.create_server(("127.0.0.1", 0)) as free:
        place = f"127.0.0.1:{free.getsockname()[1]}"
    (folder / "am.yml").write_text("route: { receiver: nobody }\nreceivers: [{ name: nobody }]\n")
    options = {
        "config.file": folder / "am.yml",
        "storage.path": folder / "data",
        "web.listen-address": place,
        "cluster.listen-address": "",
        "log.level": "error",
    }
    server = subprocess.Popen([str(PROGRAM), *(f"--{name}={value}" for name, value in options.items())], cwd=folder)
    try:
        wait_for(f"http://{place}/-/ready", server)
        yield f"http://{place}"
    finally:
        server.terminate()
        server.wait(10)


def wait_for(address: str, server: subprocess.Popen[bytes]) -> None:
    """Return as soon as the server answers."""
    while server.poll() is None:
        try:
            urlopen(address, timeout=1).close()
        except OSError:
            time.sleep(0.05)
        else:
            return
    raise RuntimeError("Alertmanager ended before it answered")


def standing(address: str, alert_id: str) -> list[str]:
    """The severities with which an alert stands there."""
    with urlopen(f"{address}/api/v2/alerts", timeout=5) as answer:
        labels = [alert["labels"] for alert in json.loads(answer.read())]
    return [own["severity"] for own in labels if own["alert_id"] == alert_id]


def test_an_alert_stands_with_one_severity_until_it_ends(alertmanager: str) -> None:
    steps = [
        (line_of("p1"), ["warning"]),
        (line_of("p1", SEVERITY_UP, "critical"), ["critical"]),
        (line_of("p1", SEVERITY_DOWN, "advisory", highest="critical"), ["advisory"]),
        (line_of("p1", SEVERITY_UP, "critical"), ["critical"]),
        (line_of("p1", CLEARED, "critical"), []),
    ]
    for line, expected in steps:
        CHANNELS["alertmanager"].send(message("am", [line], "", None), alertmanager, 5)
        assert standing(alertmanager, "id-p1") == expected, line["change"]


def test_an_alert_does_not_stand_while_people_put_it_aside(alertmanager: str) -> None:
    for change, expected in ((RAISED, ["warning"]), (SHELVED, []), (UNSHELVED, ["warning"])):
        CHANNELS["alertmanager"].send(message("am", [line_of("p2", change)], "", None), alertmanager, 5)
        assert standing(alertmanager, "id-p2") == expected


def test_any_name_is_taken(alertmanager: str) -> None:
    line = line_of(HOSTILE + "\0\x07", alert_id="hostile")
    CHANNELS["alertmanager"].send(message("am", [line], HOSTILE, None), alertmanager, 5)
    assert standing(alertmanager, "hostile") == ["warning"]


def test_a_test_message_is_taken_and_raises_no_alert(alertmanager: str) -> None:
    CHANNELS["alertmanager"].send(trial("am", "pump"), alertmanager, 5)
    assert standing(alertmanager, "") == []
