"""At least once, to everyone, with the same id; and nothing is held up by a channel that fails."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from anomaly_lstm import following, telling
from anomaly_lstm.changes import CLEARED, RAISED, SHELVED
from anomaly_lstm.channels import CHANNELS
from anomaly_lstm.errors import DeliveryError
from anomaly_lstm.messages import Interest, Message
from anomaly_lstm.sinks.contract import AlertReport, Seen, Standing
from anomaly_lstm.telling import (
    HISTORY,
    OUTBOX,
    SUMMARY,
    Delivery,
    Recipient,
    Target,
    Telling,
    deliver,
    idle,
    outages,
)
from anomaly_lstm.telling import tell as tell_all
from tests.told import MINUTE, NOON, Heard, append, http_server, line_of

ONE = (Recipient("ops", "webhook", "OPS"),)
TWO = (*ONE, Recipient("lab", "webhook", "LAB"))


@pytest.fixture
def ops() -> Iterator[Heard]:
    with http_server() as heard:
        yield heard


@pytest.fixture
def lab() -> Iterator[Heard]:
    with http_server() as heard:
        yield heard


def tell(
    folder: Path,
    recipients: Sequence[Recipient] = ONE,
    *,
    now_us: int = NOON + MINUTE,
    sites: Mapping[str, str] | None = None,
    **addresses: Heard | str,
) -> Delivery:
    environment = {name: heard if isinstance(heard, str) else heard.address for name, heard in addresses.items()}
    return deliver(folder, recipients, now_us=now_us, sites=sites or {}, zone=None, environment=environment)


def write(folder: Path, *lines: dict[str, Any]) -> None:
    append(folder / HISTORY, lines)


def states(folder: Path, channel: str = "ops") -> list[str]:
    return [line["state"] for _, line in following.after(folder / OUTBOX) if line["channel"] == channel]


def changes_in(heard: Heard) -> list[list[str]]:
    return [[json.loads(line)["asset"] for line in content.decode().splitlines()] for _, _, content in heard.posts]


# ---------------------------------------------------------------- what is told


def test_a_change_is_told_once_and_the_outbox_says_so(tmp_path: Path, ops: Heard) -> None:
    write(tmp_path, line_of())
    assert tell(tmp_path, OPS=ops) == Delivery({"ops": 1}, {"ops": 0}, {})
    assert tell(tmp_path, OPS=ops) == Delivery({"ops": 0}, {"ops": 0}, {})
    assert changes_in(ops) == [["pump-01"]]
    queued, sent = (line for _, line in following.after(tmp_path / OUTBOX))
    assert (queued["state"], sent["state"], sent["error"]) == ("queued", "sent", None)
    assert sent["message_id"] == ops.keys[0]
    assert sent["change_ids"] == [line_of()["change_id"]]


def test_a_run_without_news_changes_no_byte(tmp_path: Path, ops: Heard) -> None:
    write(tmp_path, line_of(), line_of("pump-02", tell=False))
    tell(tmp_path, OPS=ops)
    before = {path: path.read_bytes() for path in tmp_path.iterdir()}
    tell(tmp_path, OPS=ops, now_us=NOON + 99 * MINUTE)
    assert {path: path.read_bytes() for path in tmp_path.iterdir()} == before


def test_without_a_history_nothing_is_told(tmp_path: Path, ops: Heard) -> None:
    assert tell(tmp_path, OPS=ops).sent == {"ops": 0}
    assert not ops.posts


def test_each_site_is_one_message(tmp_path: Path, ops: Heard) -> None:
    write(tmp_path, *(line_of(asset) for asset in ("p1", "f1", "p2")))
    tell(tmp_path, sites={"p1": "north", "p2": "north", "f1": "east"}, OPS=ops)
    assert changes_in(ops) == [["f1"], ["p1", "p2"]]


def test_what_people_are_not_told_is_not_sent(tmp_path: Path, ops: Heard) -> None:
    write(tmp_path, line_of("p1", tell=False), line_of("p2"))
    tell(tmp_path, OPS=ops)
    assert changes_in(ops) == [["p2"]]


def test_a_channel_gets_what_interests_it(tmp_path: Path, ops: Heard, lab: Heard) -> None:
    write(tmp_path, line_of("p1", severity="critical"), line_of("p2"))
    critical = Recipient("ops", "webhook", "OPS", Interest(least="critical"))
    tell(tmp_path, [critical, TWO[1]], OPS=ops, LAB=lab)
    assert (changes_in(ops), changes_in(lab)) == ([["p1"]], [["p1", "p2"]])


def test_alertmanager_hears_the_end_of_what_people_put_aside(tmp_path: Path, ops: Heard, lab: Heard) -> None:
    both = [Recipient("am", "alertmanager", "OPS"), TWO[1]]
    write(tmp_path, line_of(change=SHELVED, tell=False), line_of(change=CLEARED, tell=False), line_of("x", tell=False))
    tell(tmp_path, both, OPS=ops, LAB=lab)
    assert not lab.posts
    assert {a["labels"]["asset"] for a in json.loads(ops.posts[0][2])} == {"pump-01"}


def test_a_new_channel_hears_of_the_last_day_and_not_of_years(tmp_path: Path, ops: Heard) -> None:
    days = [0, 900, 999, 1000]
    write(tmp_path, *(line_of(f"p{day}", known_us=NOON + day * 1440 * MINUTE) for day in days))
    tell(tmp_path, now_us=NOON + 1000 * 1440 * MINUTE, OPS=ops)
    assert changes_in(ops) == [["p999", "p1000"]]


def test_a_known_channel_hears_of_all_however_long_no_run_came(tmp_path: Path, ops: Heard) -> None:
    write(tmp_path, line_of("p1"))
    tell(tmp_path, OPS=ops)
    write(tmp_path, line_of("p2"))
    tell(tmp_path, OPS=ops, now_us=NOON + 30 * 1440 * MINUTE)
    assert changes_in(ops) == [["p1"], ["p2"]]


# ---------------------------------------------------------------- what fails


def test_a_message_that_failed_keeps_its_id_and_its_changes(tmp_path: Path) -> None:
    with http_server([503, 503, 200]) as ops:
        write(tmp_path, line_of("p1"))
        failed = tell(tmp_path, OPS=ops)
        write(tmp_path, line_of("p2"))
        again = tell(tmp_path, OPS=ops, sites={"p1": "moved"})
        last = tell(tmp_path, OPS=ops)
    assert "503" in failed.failing["ops"]
    assert (failed.waiting, again.waiting, last.waiting) == ({"ops": 1}, {"ops": 1}, {"ops": 0})
    assert changes_in(ops) == [["p1"], ["p1"], ["p2"], ["p1"]]
    assert ops.keys[0] == ops.keys[1] == ops.keys[3] != ops.keys[2]
    assert states(tmp_path) == ["queued", "failed", "queued", "failed", "sent", "sent"]


def test_a_channel_that_fails_holds_up_no_other(tmp_path: Path, lab: Heard) -> None:
    write(tmp_path, line_of())
    with http_server([500]) as ops:
        done = tell(tmp_path, TWO, OPS=ops, LAB=lab)
    assert done.sent == {"ops": 0, "lab": 1}
    assert set(done.failing) == {"ops"}


def test_a_channel_that_is_down_costs_a_run_three_attempts(tmp_path: Path) -> None:
    write(tmp_path, *(line_of(f"p{n}") for n in range(9)))
    with http_server([500]) as ops:
        done = tell(tmp_path, sites={f"p{n}": f"site {n}" for n in range(9)}, OPS=ops)
    assert len(ops.posts) == telling.IN_A_ROW
    assert done.waiting == {"ops": 9}


def test_a_message_that_nobody_takes_does_not_stop_the_later_ones(tmp_path: Path) -> None:
    write(tmp_path, line_of("p1"), line_of("p2"))
    with http_server([400, 200]) as ops:
        done = tell(tmp_path, sites={"p1": "a", "p2": "b"}, OPS=ops)
    assert (done.sent, done.waiting) == ({"ops": 1}, {"ops": 1})


def test_a_channel_that_hangs_is_left_after_its_time(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(telling, "HARD_TIMEOUT_S", 0.1)
    monkeypatch.setitem(CHANNELS, "webhook", Hanging())  # no library hangs on demand
    write(tmp_path, line_of())
    begun = time.monotonic()
    done = tell(tmp_path, OPS="http://localhost")
    assert time.monotonic() - begun < 5
    assert "within" in done.failing["ops"]


class Hanging:
    NAME = "webhook"
    HEARS: frozenset[str] = frozenset()

    def send(self, *_: object) -> None:
        time.sleep(20)


def test_an_address_that_is_not_set_is_a_failure_that_names_the_variable(tmp_path: Path) -> None:
    write(tmp_path, line_of())
    assert "OPS is not set" in tell(tmp_path).failing["ops"]
    assert states(tmp_path) == ["queued", "failed"]


@pytest.mark.parametrize("address", ["http://ann:s3cr3t-w0rd@127.0.0.1:1/hook/T0PSECRETKEY", "webhook:s3cr3t-w0rd"])
@pytest.mark.parametrize("kind", CHANNELS)
def test_no_file_and_no_error_ever_holds_an_address(tmp_path: Path, kind: str, address: str) -> None:
    write(tmp_path, line_of())
    address = address.replace("http", "json", 1) if kind == "apprise" else address
    done = tell(tmp_path, [Recipient("ops", kind, "OPS")], OPS=address)
    notes = outages(tmp_path, done.failing, NOON)
    written = "".join(path.read_text() for path in tmp_path.iterdir()) + repr(done) + "".join(notes)
    assert done.failing
    assert not [part for part in ("s3cr3t-w0rd", "T0PSECRETKEY") if part in written]


def test_an_error_that_quotes_the_address_is_shown_without_it() -> None:
    address = "postgresql://ann:p%40ss-word@db.plant.example:5432/alarms?key=0123456789"
    said = f"cannot open {address}: p@ss-word, p%40ss-word and 0123456789 at db.plant.example"
    assert telling._without(said, address, "$DB") == "cannot open $DB: $DB, $DB and $DB at db.plant.example"


def test_an_outage_is_told_once_and_so_is_its_end(tmp_path: Path) -> None:
    assert len(outages(tmp_path, {"mail": "no"}, NOON)) == 1
    assert outages(tmp_path, {"mail": "still no"}, NOON + MINUTE) == []
    assert outages(tmp_path, {}, NOON + 180 * MINUTE) == ["mail: works again, after 3 h."]
    assert outages(tmp_path, {}, NOON + 181 * MINUTE) == []
    assert len(outages(tmp_path, {"mail": "no"}, NOON + 182 * MINUTE)) == 1


def test_a_misspelt_asset_or_site_is_told() -> None:
    asks = Recipient("mail", "apprise", "M", Interest(assets=("pump-1", "pump-01"), sites=("nroth",)))
    assert idle([asks], ["pump-01"], ["north"]) == [
        "mail: there is no asset pump-1 (there are: pump-01).",
        "mail: there is no site nroth (there are: north).",
    ]
    assert idle(ONE, [], []) == []


def test_all_that_comes_after_a_run(tmp_path: Path, lab: Heard) -> None:
    write(tmp_path, line_of())
    standing = Standing("pump", tmp_path / HISTORY, NOON, 5, 1.0, AlertReport({}, []), {"pump-01": Seen(NOON)})
    metrics = tmp_path / "pump.prom"
    targets = [Target("db", "sql", url_env="DB"), Target("metrics", "prometheus", metrics)]

    def after_a_run() -> Telling:
        environment = {"LAB": lab.address}
        return tell_all(tmp_path, TWO, targets, standing, sites={}, zone=None, environment=environment)

    first = after_a_run()
    assert [note.partition(":")[0] for note in first.notes] == ["ops", "db"]
    assert (first.delivery.sent, set(first.standing.failing)) == ({"ops": 0, "lab": 1}, {"ops", "db"})
    assert metrics.read_text().count("anomaly_lstm_channel_failing{") == 2
    assert after_a_run().notes == []


# ---------------------------------------------------------------- killed, torn, lost

KILLED = """
import os, signal, sys
from pathlib import Path
from anomaly_lstm import telling
from tests import test_telling

def killed(self, line, note=telling._Outbox.note):
    if line["state"] == sys.argv[2]:
        os.kill(os.getpid(), signal.SIGKILL)
    note(self, line)

telling._Outbox.note = killed
test_telling.tell(Path(sys.argv[1]), OPS=sys.argv[3])
"""


@pytest.mark.parametrize(("at", "posts"), [("queued", 1), ("sent", 2)])
def test_a_run_killed_between_sending_and_noting_sends_again_with_the_same_id(
    tmp_path: Path, ops: Heard, at: str, posts: int
) -> None:
    write(tmp_path, line_of("p1"), line_of("p2"))
    root = Path(__file__).parent.parent
    command = [sys.executable, "-c", KILLED, str(tmp_path), at, ops.address]
    done = subprocess.run(command, cwd=root, env={**os.environ, "PYTHONPATH": str(root)}, check=False)
    assert done.returncode == -signal.SIGKILL
    write(tmp_path, line_of("p3", CLEARED))
    tell(tmp_path, OPS=ops)
    told = changes_in(ops)
    assert len(told) == (posts + 1 if at == "sent" else 1)
    assert {asset for message in told for asset in message} == {"p1", "p2", "p3"}
    if at == "sent":
        assert ops.keys[0] == ops.keys[1]
        assert told == [["p1", "p2"], ["p1", "p2"], ["p3"]]
    assert tell(tmp_path, OPS=ops).sent == {"ops": 0}


@pytest.mark.parametrize("lines", [0, 1, 2, 3])
def test_an_outbox_torn_anywhere_loses_no_message(tmp_path: Path, ops: Heard, lines: int) -> None:
    write(tmp_path, line_of("p1"), line_of("p2"))
    tell(tmp_path, sites={"p1": "a", "p2": "b"}, OPS=ops)
    outbox = tmp_path / OUTBOX
    kept = outbox.read_bytes().splitlines(keepends=True)
    outbox.write_bytes(b"".join(kept[:lines]) + b'{"at": "2026-03-0')
    tell(tmp_path, sites={"p1": "a", "p2": "b"}, OPS=ops)
    assert len(ops.posts) == 2 + min(2, 3 - lines)
    assert len(set(ops.keys)) == 2
    assert tell(tmp_path, OPS=ops).sent == {"ops": 0}


def test_without_its_summary_the_outbox_is_read_from_the_beginning(tmp_path: Path, ops: Heard) -> None:
    write(tmp_path, line_of())
    tell(tmp_path, OPS=ops)
    (tmp_path / SUMMARY).unlink()
    assert tell(tmp_path, OPS=ops).sent == {"ops": 0}


def test_a_run_folder_begun_anew_tells_anew_and_drops_what_waited(tmp_path: Path) -> None:
    write(tmp_path, line_of("p1"))
    with http_server([500, 200]) as ops:
        tell(tmp_path, OPS=ops)
        (tmp_path / HISTORY).unlink()
        write(tmp_path, line_of("p2"), line_of("p3"))
        done = tell(tmp_path, OPS=ops)
    assert changes_in(ops) == [["p1"], ["p2", "p3"]]
    assert done.waiting == {"ops": 0}
    assert "lost" in states(tmp_path)


def test_years_of_history_are_not_read_again(tmp_path: Path, ops: Heard) -> None:
    write(tmp_path, *(line_of(f"p{n}", RAISED) for n in range(50)))
    tell(tmp_path, OPS=ops)
    history, outbox = tmp_path / HISTORY, tmp_path / OUTBOX
    for path in (history, outbox):  # only the last line of each stays readable
        content = path.read_bytes()
        last = content.rstrip(b"\n").rfind(b"\n") + 1
        path.write_bytes(b"\0" * last + content[last:])
    write(tmp_path, line_of("new"))
    tell(tmp_path, OPS=ops)
    assert changes_in(ops)[-1] == ["new"]


class Killed(BaseException):
    """As a kill would: nothing after it runs."""


class Flaky:
    """A channel that takes, refuses, or is killed over a message, as it is told to."""

    NAME = "webhook"
    HEARS: frozenset[str] = frozenset()

    def __init__(self) -> None:
        self.outcomes: list[str] = []
        self.taken: list[tuple[str, tuple[str, ...]]] = []

    def send(self, message: Message, *_: object) -> None:
        outcome = self.outcomes.pop(0) if self.outcomes else "taken"
        if outcome == "refused":
            raise DeliveryError("not now")
        self.taken.append((message.message_id, tuple(line["change_id"] for line in message.lines)))
        if outcome == "killed":
            raise DeliveryError("killed")


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    runs=st.lists(
        st.tuples(st.integers(0, 4), st.lists(st.sampled_from(["taken", "refused", "killed"]), max_size=6)), max_size=6
    )
)
def test_whatever_fails_every_change_is_told_and_a_message_never_changes(
    monkeypatch: pytest.MonkeyPatch, tmp_path_factory: pytest.TempPathFactory, runs: list[tuple[int, list[str]]]
) -> None:
    folder, channel = tmp_path_factory.mktemp("runs"), Flaky()
    monkeypatch.setitem(CHANNELS, "webhook", channel)
    note = telling._Outbox.note

    def killed(outbox: telling._Outbox, line: Mapping[str, Any]) -> None:
        if line.get("error") == "killed":
            raise Killed
        note(outbox, line)

    monkeypatch.setattr(telling._Outbox, "note", killed)
    told: set[str] = set()
    for number, (count, channel.outcomes) in enumerate([*runs, (1, []), (0, [])]):
        lines = [line_of(f"p{number}-{n}", tell=n != 3) for n in range(count)]
        write(folder, *lines)
        told |= {line["change_id"] for line in lines if line["tell"]}
        with contextlib.suppress(Killed):
            tell(folder, sites={f"p{n}-0": "apart" for n in range(9)}, OPS="http://localhost")
    changes = dict(channel.taken)
    assert {change for group in changes.values() for change in group} == told
    assert all(changes[own_id] == group for own_id, group in channel.taken)
    sent = [line["message_id"] for _, line in following.after(folder / OUTBOX) if line["state"] == "sent"]
    assert sorted(sent) == sorted(changes)


def test_an_outage_is_told_in_whole_sentences_and_pages_as_what_they_are(tmp_path: Path) -> None:
    failing = {"hook": "nobody answers", "pages": "there is no room. Nothing was changed."}
    assert outages(tmp_path, failing, NOON) == [
        "hook: nobody answers. What it was to be told waits; every run tries again, and this is told once.",
        "pages: there is no room. Nothing was changed. It was not drawn; every run tries again, and this is told once.",
    ]
