"""Telling people and programs what a run found: at least once, with an id that tells a repetition.

``outbox.jsonl`` says what became of every message: ``queued`` before it is first tried, then ``failed`` each time a
channel did not take it, and ``sent`` (or ``lost``, where the history it was about is gone). A run that was killed after
sending and before noting it sends the same message again, with the same id. ``outbox.json`` sums up what the outbox
says up to a place in it; without it, it is made anew from the outbox.

A channel or sink that cannot be reached never holds up another one, nor the run: it is told once per outage, and the
next run tries again.
"""

from __future__ import annotations

import queue
import re
import threading
import time
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any
from urllib.parse import unquote

from anomaly_lstm import following, store
from anomaly_lstm.channels import CHANNELS
from anomaly_lstm.channels.contract import Channel
from anomaly_lstm.clock import SECOND, iso, parse_time
from anomaly_lstm.errors import AnomalyLstmError, DeliveryError
from anomaly_lstm.messages import Interest, Line, Message, by_site, is_news, message, message_id, trial, wants
from anomaly_lstm.sinks import LIVE_SINKS
from anomaly_lstm.sinks.contract import Standing
from anomaly_lstm.words import clean, listed, span

HISTORY, OUTBOX, SUMMARY, OUTAGES = "history.jsonl", "outbox.jsonl", "outbox.json", "outages.json"

PAGES = "pages"
"""The name under which it is told that pages could not be drawn."""

QUEUED, SENT, FAILED, LOST = "queued", "sent", "failed", "lost"

TIMEOUT_S, HARD_TIMEOUT_S, CHANNEL_S = 10.0, 30.0, 60.0
"""How long a channel may be silent, take for a message, and for all messages of a run [s]."""

IN_A_ROW = 3
"""After so many messages in a row that were not taken, a channel is left alone until the next run."""


@dataclass(frozen=True)
class Recipient:
    """Whom to tell: a ``[[notify]]`` table. The address stands in the environment variable ``url_env``, and nowhere
    else.
    """

    name: str
    kind: str
    url_env: str
    interest: Interest = field(default_factory=Interest)


@dataclass(frozen=True)
class Target:
    """Where to show how things stand: a ``[[sinks]]`` table, with a ``path`` or the environment variable ``url_env``.

    ``columns`` column → field, where the sink lets one choose.
    """

    name: str
    kind: str
    path: Path | None = None
    url_env: str | None = None
    columns: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Delivery:
    """What `deliver` did: channel → messages taken, and still waiting; the channels that failed → why."""

    sent: Mapping[str, int]
    waiting: Mapping[str, int]
    failing: Mapping[str, str]


@dataclass(frozen=True)
class Telling:
    """What `tell` did; ``standing`` is how things stand with the channels and sinks that failed, ``notes`` are for
    people.
    """

    delivery: Delivery
    standing: Standing
    notes: Sequence[str]


def tell(
    folder: Path,
    recipients: Sequence[Recipient],
    targets: Sequence[Target],
    standing: Standing,
    *,
    sites: Mapping[str, str],
    zone: str | None,
    environment: Mapping[str, str],
    last: Callable[[], Mapping[str, str]] = dict,
) -> Telling:
    """All that comes after a run is committed: tell people, then show how things stand. Call it with the folder locked.

    ``sites`` asset → site, ``zone`` of the times in messages; ``last`` is what is brought up to date when all are told,
    and gives what failed → why. Raises DataError where the run folder itself cannot be
    read or written; a channel or sink that fails is a note, once per outage.
    """
    delivery = deliver(folder, recipients, now_us=standing.now_us, sites=sites, zone=zone, environment=environment)
    standing = _with_failing(standing, delivery.failing)
    standing = _with_failing(standing, show(standing, targets, environment=environment))
    standing = _with_failing(standing, last())
    known = {*standing.assets, *standing.failed, *standing.unwatched, *sites}
    notes = [*idle(recipients, known, set(sites.values())), *outages(folder, standing.failing, standing.now_us)]
    return Telling(delivery, standing, notes)


def deliver(
    folder: Path,
    recipients: Sequence[Recipient],
    *,
    now_us: int,
    sites: Mapping[str, str],
    zone: str | None,
    environment: Mapping[str, str],
    clock: Callable[[], float] = time.monotonic,
) -> Delivery:
    """Tell what the history of a run folder holds and people were not told yet. Call it with the folder locked.

    ``sites`` asset → site. Raises DataError where the run folder itself cannot be read or written, and nothing else:
    a channel that fails is in the result.
    """
    if not recipients:
        return Delivery({}, {}, {})
    outbox = _Outbox.open(folder)
    for recipient in recipients:
        _queue(outbox, folder / HISTORY, recipient, now_us, sites)
    sent: dict[str, int] = {}
    failing: dict[str, str] = {}
    for recipient in recipients:
        sent[recipient.name], error = _send_waiting(
            outbox,
            folder / HISTORY,
            recipient,
            now_us=now_us,
            sites=sites,
            zone=zone,
            environment=environment,
            clock=clock,
        )
        failing |= {} if error is None else {recipient.name: error}
    outbox.close()
    waiting = {recipient.name: len(outbox.boxes[recipient.name].waiting) for recipient in recipients}
    return Delivery(sent, waiting, failing)


def try_out(recipients: Sequence[Recipient], pipeline: str, *, environment: Mapping[str, str]) -> dict[str, str | None]:
    """Send a message about nothing to each channel; channel → why it was not taken, None where it was."""
    return {
        recipient.name: _attempt(
            _sending(recipient, trial(recipient.name, pipeline)), None, recipient.url_env, environment
        )
        for recipient in recipients
    }


def show(standing: Standing, targets: Sequence[Target], *, environment: Mapping[str, str]) -> dict[str, str]:
    """Bring every sink up to date, in the order given; return those that failed → why.

    A sink after others shows which of them failed too.
    """
    failing: dict[str, str] = {}
    for target in targets:
        known = _with_failing(standing, failing)
        place = str(target.path) if target.path else None

        def bring(address: str, target: Target = target, known: Standing = known) -> None:
            LIVE_SINKS[target.kind].show(known, address, target.columns)

        error = _attempt(bring, place, target.url_env, environment)
        failing |= {} if error is None else {target.name: error}
    return failing


def outages(folder: Path, failing: Mapping[str, str], now_us: int) -> list[str]:
    """Notes on the channels and sinks that fail since this run, and on those that work again.

    What failed before already, and still does, is known: it is told once per outage.
    """
    path = folder / OUTAGES
    before: dict[str, str] = store.read_json(path) if path.is_file() else {}
    after = {name: before.get(name, iso(now_us)) for name in failing}
    notes = [_outage(name, error) for name, error in failing.items() if name not in before]
    notes += [
        f"{name}: works again, after {span(max(0, now_us - parse_time(since)) / SECOND)}."
        for name, since in before.items()
        if name not in after
    ]
    if after != before:
        store.write_json(path, after)
    return notes


def _outage(name: str, error: str) -> str:
    """That a channel or sink failed, or what else was to be brought up to date, and what becomes of it."""
    waits = "It was not drawn" if name == PAGES else "What it was to be told waits"
    return f"{name}: {clean(error).rstrip('.')}. {waits}; every run tries again, and this is told once."


# ---------------------------------------------------------------- the outbox


@dataclass
class _Box:
    """What one channel was told of: all up to a place of the history, but for the messages that wait."""

    upto: following.Place
    waiting: dict[str, list[list[Any]]] = field(default_factory=dict)
    """Message id → its changes as [first byte in the history, change id]."""


@dataclass
class _Outbox:
    """The state that the lines of an outbox add up to, while it is written."""

    folder: Path
    place: following.Place
    boxes: dict[str, _Box]
    now_summed: Any = None

    @classmethod
    def open(cls, folder: Path) -> _Outbox:
        """What the summary says, if it fits the outbox, and the lines after it."""
        path, summary = folder / OUTBOX, folder / SUMMARY
        outbox = cls(folder, following.START, {})
        if summary.is_file():
            document = store.read_json(summary)
            place = following.Place.of(document["outbox"])
            if following.holds(path, place):
                outbox.place, outbox.now_summed = place, document
                outbox.boxes = {
                    name: _Box(following.Place.of(box["upto"]), box["waiting"])
                    for name, box in document["boxes"].items()
                }
        for place, line in following.after(path, outbox.place):
            outbox._take(line)
            outbox.place = place
        return outbox

    def note(self, line: Mapping[str, Any]) -> None:
        """Add a line to the outbox, flushed to the disk, and to the state."""
        path = self.folder / OUTBOX
        store.append_lines(path, [line], self.place.end)
        [(self.place, _)] = following.after(path, self.place)
        self._take(line)

    def close(self) -> None:
        """Sum up, so that the next run need not read the outbox from its beginning."""
        document = {
            "outbox": following.as_document(self.place),
            "boxes": {
                name: {"upto": following.as_document(box.upto), "waiting": box.waiting}
                for name, box in self.boxes.items()
            },
        }
        if document != self.now_summed:
            store.write_json(self.folder / SUMMARY, document)

    def _take(self, line: Mapping[str, Any]) -> None:
        box = self.boxes.setdefault(line["channel"], _Box(following.START))
        if line["state"] == QUEUED:
            box.upto = following.Place.of(line["upto"])
            box.waiting |= line["messages"]
        elif line["state"] != FAILED:
            box.waiting.pop(line["message_id"], None)


def _queue(outbox: _Outbox, history: Path, recipient: Recipient, now_us: int, sites: Mapping[str, str]) -> None:
    """Group what is new for one channel into messages and note them, before any is sent."""
    box = outbox.boxes.get(recipient.name)
    fresh = box is None or not following.holds(history, box.upto)
    if box is None or fresh:
        box = outbox.boxes[recipient.name] = _Box(following.START, {} if box is None else box.waiting)
    channel = CHANNELS[recipient.kind]
    upto, begins, lines = box.upto, {}, []
    for upto, line in following.after(history, box.upto):
        if (not fresh or is_news(line, now_us)) and _concerns(channel, recipient.interest, line, sites):
            begins[line["change_id"]] = upto.begin
            lines.append(line)
    if lines:
        messages = {
            message_id(recipient.name, group): [[begins[line["change_id"]], line["change_id"]] for line in group]
            for group in by_site(lines, sites)
        }
        told = {"at": iso(now_us), "channel": recipient.name, "state": QUEUED, "messages": messages}
        outbox.note({**told, "upto": following.as_document(upto)})  # one line: a kill leaves all of them or none
    box.upto = upto


def _concerns(channel: Channel, interest: Interest, line: Line, sites: Mapping[str, str]) -> bool:
    told = bool(line.get("tell")) or line["change"] in channel.HEARS
    return told and wants(interest, line, sites.get(line["asset"], ""))


def _send_waiting(
    outbox: _Outbox,
    history: Path,
    recipient: Recipient,
    *,
    now_us: int,
    sites: Mapping[str, str],
    zone: str | None,
    environment: Mapping[str, str],
    clock: Callable[[], float],
) -> tuple[int, str | None]:
    """Try what waits for one channel, oldest first; return how many it took, and why it did not take the last it was
    tried with, if any.
    """
    waiting = dict(outbox.boxes[recipient.name].waiting)

    def note(own_id: str, state: str, error: str | None) -> None:
        change_ids = [change_id for _, change_id in waiting[own_id]]
        told = {"at": iso(now_us), "channel": recipient.name, "state": state, "message_id": own_id}
        outbox.note({**told, "change_ids": change_ids, "error": error})

    sent, in_a_row, error = 0, 0, None
    until = clock() + CHANNEL_S
    for own_id, changes in waiting.items():
        if in_a_row == IN_A_ROW or clock() > until:
            break
        lines = _lines_of(history, changes)
        if not lines:
            note(own_id, LOST, f"{HISTORY} no longer holds its changes")
            continue
        text = message(recipient.name, lines, sites.get(lines[0]["asset"], ""), zone)
        failed = _attempt(_sending(recipient, text), None, recipient.url_env, environment)
        note(own_id, FAILED if failed else SENT, failed)
        error = failed or error
        in_a_row = in_a_row + 1 if failed else 0
        sent += failed is None
    return sent, error


def _sending(recipient: Recipient, text: Message) -> Callable[[str], None]:
    channel = CHANNELS[recipient.kind]
    return lambda address: _within(HARD_TIMEOUT_S, lambda: channel.send(text, address, TIMEOUT_S))


def _lines_of(history: Path, changes: list[list[Any]]) -> list[Line]:
    """The changes of a message, read where they stand; none where the history is another one."""
    lines: list[Line] = []
    for begin, change_id in changes:
        line = following.line_at(history, begin)
        if line is None or line.get("change_id") != change_id:
            return []
        lines.append(line)
    return lines


# ---------------------------------------------------------------- one attempt


def _attempt(
    call: Callable[[str], None], place: str | None, url_env: str | None, environment: Mapping[str, str]
) -> str | None:
    """Call with a place, or the address in the environment; what went wrong in words, the address never in them."""
    address = place or environment.get(url_env or "", "")
    if not address:
        return f"the environment variable {url_env} is not set; it holds the address"
    try:
        call(address)
    except AnomalyLstmError as problem:
        said = str(problem)
    except Exception as problem:  # whatever the library of a channel raises must not end the run
        said = f"{type(problem).__name__}: {problem}"
    else:
        return None
    return clean(said if place else _without(said, address, f"${url_env}")).rstrip(".")


def _without(text: str, address: str, name: str) -> str:
    """The text with an address, and all parts of it that may be secret, replaced by its name; its host may stay."""
    user = address.partition("://")[2].rpartition("@")[0]
    host = address.partition("://")[2].removeprefix(f"{user}@").partition("/")[0].partition(":")[0]
    rest = [part for part in re.split(r"[/?&=,\s]+", address) if len(part) >= 8 and host not in part]
    secrets = {address, *rest, *(part for part in (user, *user.split(":")) if len(part) >= 4)}
    for secret in sorted({*secrets, *map(unquote, secrets)}, key=len, reverse=True):
        text = text.replace(secret, name)
    return text


def _within(seconds: float, call: Callable[[], None]) -> None:
    """Wait so long [s] and no longer, whatever a library does; then raise DeliveryError."""
    outcome: queue.SimpleQueue[Exception | None] = queue.SimpleQueue()

    def work() -> None:
        try:
            call()
            outcome.put(None)
        except Exception as problem:  # handed to the caller as it is
            outcome.put(problem)

    threading.Thread(target=work, daemon=True).start()
    try:
        problem = outcome.get(timeout=seconds)
    except queue.Empty:
        raise DeliveryError(f"it did not take the message within {seconds:.0f} s") from None
    if problem is not None:
        raise problem


def _with_failing(standing: Standing, failing: Mapping[str, str]) -> Standing:
    return replace(standing, failing={**standing.failing, **failing})


def idle(recipients: Sequence[Recipient], assets: Collection[str], sites: Collection[str]) -> list[str]:
    """Notes on channels that wait for an asset or site that does not exist: a misspelt name must not silence one."""
    notes = []
    for recipient in recipients:
        for what, wanted, there in (
            ("asset", recipient.interest.assets, assets),
            ("site", recipient.interest.sites, sites),
        ):
            unknown = [name for name in wanted if name not in there]
            if unknown:
                known = listed(sorted(there)) or "none"
                notes.append(f"{recipient.name}: there is no {what} {listed(unknown)} (there are: {known}).")
    return notes
