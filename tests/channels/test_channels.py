"""What every channel promises, and each of them against a real server."""

from __future__ import annotations

import html
import json
import socket
import sys
from collections.abc import Iterator
from email import message_from_bytes
from email.message import EmailMessage
from email.policy import default
from typing import Any

import pytest
from aiosmtpd.controller import Controller

from anomaly_lstm.changes import (
    CLEARED,
    OUT_OF_SERVICE,
    RAISED,
    RE_ALARMED,
    SEVERITY_DOWN,
    SEVERITY_UP,
    SHELVED,
    UNSHELVED,
)
from anomaly_lstm.channels import CHANNELS
from anomaly_lstm.channels.alertmanager import NEVER
from anomaly_lstm.channels.contract import Channel
from anomaly_lstm.errors import DeliveryError, MissingExtraError
from anomaly_lstm.messages import message
from tests.told import HOSTILE, MINUTE, NOON, Heard, http_server, line_of

every_channel = pytest.mark.parametrize("channel", CHANNELS.values(), ids=CHANNELS)
SAID = message("mail", [line_of("pump-01"), line_of("pump-02", severity="critical")], "north", None)
SECRET = "s3cr3t-t0ken"


def address_for(channel: Channel, heard: Heard, path: str = "") -> str:
    """The server's address as the channel takes it."""
    return (heard.address.replace("http", "json", 1) if channel.NAME == "apprise" else heard.address) + path


@every_channel
def test_a_message_that_is_taken_raises_nothing_and_comes_once(channel: Channel) -> None:
    with http_server() as heard:
        channel.send(SAID, address_for(channel, heard), 5)
    assert len(heard.posts) == 1


@every_channel
@pytest.mark.parametrize("status", [400, 404, 429, 500, 503])
def test_a_message_that_is_refused_is_an_error_that_says_the_answer(channel: Channel, status: int) -> None:
    with http_server([status]) as heard, pytest.raises(DeliveryError, match=str(status)):
        channel.send(SAID, address_for(channel, heard), 5)


@every_channel
def test_a_server_that_is_not_there_is_an_error(channel: Channel) -> None:
    with http_server() as heard:
        pass
    with pytest.raises(DeliveryError, match=r"reached|connection|Connection"):
        channel.send(SAID, address_for(channel, heard, f"/{SECRET}"), 5)


@every_channel
@pytest.mark.parametrize(
    "address", ["", "no address", "file:///etc/passwd", "ftp://localhost/x", "http://", "http://[x"]
)
def test_what_is_no_address_is_an_error_that_does_not_show_it(
    channel: Channel, address: str, capfd: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(DeliveryError, match="its address is no") as caught:
        channel.send(SAID, address, 5)
    assert address in ("", "http://") or address not in str(caught.value)
    assert capfd.readouterr() == ("", "")


@every_channel
def test_a_refusal_is_said_by_the_error_and_nowhere_else(
    channel: Channel, capfd: pytest.CaptureFixture[str], caplog: pytest.LogCaptureFixture
) -> None:
    with http_server([500]) as heard, pytest.raises(DeliveryError):
        channel.send(SAID, address_for(channel, heard, f"/{SECRET}"), 5)
    assert capfd.readouterr() == ("", "")
    assert caplog.text == ""


@pytest.mark.parametrize("name", ["webhook", "alertmanager"])
@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_a_redirect_is_not_followed_for_it_would_lose_the_content(name: str, status: int) -> None:
    with http_server([status]) as heard, pytest.raises(DeliveryError, match=str(status)):
        CHANNELS[name].send(SAID, heard.address, 5)
    assert len(heard.posts) == 1


@pytest.mark.parametrize("name", ["webhook", "alertmanager"])
def test_a_server_that_says_nothing_is_given_up(name: str) -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent, pytest.raises(DeliveryError, match="timed out"):
        CHANNELS[name].send(SAID, f"http://127.0.0.1:{silent.getsockname()[1]}", 0.1)


# ---------------------------------------------------------------- webhook


def test_a_webhook_gets_the_lines_of_the_history_and_the_id_of_the_message() -> None:
    with http_server([201]) as heard:
        CHANNELS["webhook"].send(SAID, f"{heard.address}/hook?x=1#part", 5)
    ((path, headers, content),) = heard.posts
    assert path == "/hook?x=1"
    assert headers["Idempotency-Key"] == SAID.message_id
    assert headers["Content-Type"].startswith("application/x-ndjson")
    assert [json.loads(line) for line in content.decode().splitlines()] == list(SAID.lines)


def test_a_hostile_name_stays_one_line_of_json() -> None:
    said = message("hook", [line_of(HOSTILE)], "", None)
    with http_server() as heard:
        CHANNELS["webhook"].send(said, heard.address, 5)
    (line,) = heard.posts[0][2].decode().splitlines()
    assert json.loads(line)["asset"] == HOSTILE


def test_a_user_in_the_address_becomes_basic_authentication() -> None:
    with http_server() as heard:
        CHANNELS["webhook"].send(SAID, heard.address.replace("//", "//ann:p%40ss@"), 5)
    assert heard.posts[0][1]["Authorization"] == "Basic YW5uOnBAc3M="


# ---------------------------------------------------------------- Alertmanager


def alerts_for(*lines: dict[str, Any]) -> list[dict[str, Any]]:
    with http_server() as heard:
        CHANNELS["alertmanager"].send(message("am", lines, "", None), heard.address + "/", 5)
    ((path, _, content),) = heard.posts
    assert path == "/api/v2/alerts"
    found: list[dict[str, Any]] = json.loads(content)
    assert all(alert["startsAt"] <= alert["endsAt"] for alert in found)
    return found


def test_an_alert_that_stands_never_ends_by_itself() -> None:
    (alert,) = alerts_for(line_of("pump-01"))
    assert alert["labels"] == {
        "alertname": "anomaly_lstm",
        "asset": "pump-01",
        "kind": "deviation",
        "severity": "warning",
        "alert_id": "id-pump-01",
    }
    assert (alert["startsAt"], alert["endsAt"]) == ("2026-03-04T12:00:00Z", NEVER)
    assert "bearing_temp 81 °C" in alert["annotations"]["reason"]


@pytest.mark.parametrize("change", [CLEARED, SHELVED])
def test_an_alert_that_cleared_or_was_put_aside_ends_with_every_severity_it_may_have_had(change: str) -> None:
    alerts = alerts_for(line_of(change=change, at_us=NOON + 5 * MINUTE))
    assert {a["labels"]["severity"]: a["endsAt"] for a in alerts} == dict.fromkeys(
        ("advisory", "warning"), "2026-03-04T12:05:00Z"
    )


def test_an_act_of_a_person_leaves_the_severity_as_it_is() -> None:
    (alert,) = alerts_for(line_of(change=UNSHELVED, severity="advisory", highest="critical", by="Ana"))
    assert (alert["labels"]["severity"], alert["endsAt"]) == ("critical", NEVER)


def test_an_act_on_a_whole_asset_is_no_alert() -> None:
    assert alerts_for(line_of(change=OUT_OF_SERVICE, alert_id="", has_alert=False, by="Ana")) == []


def test_of_two_severities_only_the_present_one_stands() -> None:
    up = alerts_for(line_of(change=SEVERITY_UP, severity="critical", at_us=NOON + MINUTE))
    assert {a["labels"]["severity"]: a["endsAt"] == NEVER for a in up} == {
        "advisory": False,
        "warning": False,
        "critical": True,
    }
    down = alerts_for(line_of(change=SEVERITY_DOWN, severity="advisory", highest="warning"))
    assert {a["labels"]["severity"]: a["endsAt"] == NEVER for a in down} == {"advisory": True, "warning": False}
    assert len(alerts_for(line_of(change=RE_ALARMED, severity="advisory", highest="critical"))) == 1


def test_a_name_is_a_label_as_it_stands() -> None:
    assert alerts_for(line_of(HOSTILE, RAISED))[0]["labels"]["asset"] == HOSTILE


# ---------------------------------------------------------------- mail, by Apprise


def test_without_apprise_its_extra_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "apprise", None)
    with pytest.raises(MissingExtraError, match=r"anomaly-lstm\[notify\]"):
        CHANNELS["apprise"].send(SAID, "json://localhost", 5)


class Postbox:
    """Keeps what a real SMTP server took."""

    def __init__(self) -> None:
        self.mails: list[EmailMessage] = []

    async def handle_DATA(self, server: object, session: object, envelope: Any) -> str:
        self.mails.append(message_from_bytes(envelope.content, policy=default))
        return "250 taken"


@pytest.fixture
def postbox() -> Iterator[tuple[str, Postbox]]:
    box = Postbox()
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    server = Controller(box, hostname="127.0.0.1", port=port)
    server.start()
    try:
        yield f"mailto://127.0.0.1:{port}/?from=alarms@plant.example&to=ann@plant.example&mode=insecure", box
    finally:
        server.stop()


def text_of(mail: EmailMessage, kind: str) -> str:
    parts = [part for part in mail.walk() if part.get_content_type() == f"text/{kind}"]
    return "\n".join(part.get_content() for part in parts)


@pytest.mark.parametrize("form", ["text", "html"])
def test_a_mail_arrives_with_title_and_body(postbox: tuple[str, Postbox], form: str) -> None:
    address, box = postbox
    CHANNELS["apprise"].send(SAID, f"{address}&format={form}", 5)
    (mail,) = box.mails
    assert mail["Subject"] == SAID.title
    shown = html.unescape(text_of(mail, "html") or text_of(mail, "plain")).replace("\xa0", " ")
    assert "pump-02: bearing_temp 81 °C is 12 °C above" in shown


@pytest.mark.parametrize("form", ["text", "html"])
def test_markup_in_a_name_is_text_in_a_mail(postbox: tuple[str, Postbox], form: str) -> None:
    address, box = postbox
    CHANNELS["apprise"].send(message("mail", [line_of(HOSTILE)], HOSTILE, None), f"{address}&format={form}", 5)
    (mail,) = box.mails
    marked_up, plain = text_of(mail, "html"), text_of(mail, "plain")
    assert "<script" not in marked_up
    assert "&lt;script&gt;" in marked_up or form == "text"
    assert "<script>" in plain or form == "html"
    assert "\n" not in str(mail["Subject"])
    assert "<script>" in str(mail["Subject"])
