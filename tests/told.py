"""Changes to tell in tests, and real servers that hear of them."""

from __future__ import annotations

import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

from anomaly_lstm.changes import CLEARED, RAISED, RETRACTED, Change, as_line
from anomaly_lstm.clock import iso, parse_time
from anomaly_lstm.store import append_lines

NOON = parse_time("2026-03-04T12:00:00Z")
MINUTE = 60_000_000

HOSTILE = '=HYPERLINK("http://evil")<script>alert(1)</script>"\n*pump* & \'x\',\\n{a}'
"""A name that is markup, a formula, quotes and a new line at once."""


def alert_of(alert_id: str, asset: str, severity: str = "warning", *, active: bool = True) -> dict[str, Any]:
    return {
        "alert_id": alert_id,
        "kind": "deviation",
        "asset": asset,
        "severity": severity,
        "active": active,
        "onset": iso(NOON - 60 * MINUTE),
        "raised_at": iso(NOON),
        "updated_at": iso(NOON + 5 * MINUTE),
        "cleared_at": None if active else iso(NOON + 5 * MINUTE),
        "peak": {"time": iso(NOON), "score": 4.5, "return_period_s": 1e7},
        "sensors": [{"sensor": "bearing_temp", "share": 0.9}],
        "reason": f"{asset}: bearing_temp 81 °C is 12 °C above the expected 69 °C.",
        "forecast": "bearing_temp reaches its bound of 85 °C in 9 h to 31 h (median 16 h) if load and trend stay.",
        "model_id": "abc",
    }


def line_of(
    asset: str = "pump-01",
    change: str = RAISED,
    severity: str = "warning",
    *,
    alert_id: str | None = None,
    at_us: int = NOON,
    known_us: int = NOON + MINUTE,
    tell: bool = True,
    highest: str | None = None,
    has_alert: bool = True,
    **more: Any,
) -> dict[str, Any]:
    """A line of the history; ``known_us`` is when a run wrote it."""
    own = alert_id or f"id-{asset}"
    alert = alert_of(own, asset, highest or severity, active=change not in (CLEARED, RETRACTED)) if has_alert else {}
    told = Change(change, own, asset, "deviation", severity, at_us, alert, **more)
    return {**as_line(told, known_us), "tell": tell, "because": "its severity is new"}


def append(path: Path, lines: Sequence[Any]) -> None:
    """Add lines to a file as a run does."""
    append_lines(path, lines, path.stat().st_size if path.exists() else 0)


@dataclass
class Heard:
    """What a server heard, and how it answers: the statuses in order, then the last for ever."""

    address: str
    statuses: list[int] = field(default_factory=lambda: [200])
    posts: list[tuple[str, dict[str, str], bytes]] = field(default_factory=list)

    @property
    def keys(self) -> list[str]:
        return [headers["Idempotency-Key"] for _, headers, _ in self.posts]


@contextmanager
def http_server(statuses: Sequence[int] = (200,)) -> Iterator[Heard]:
    """A real HTTP server on this machine."""

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            content = self.rfile.read(int(self.headers["Content-Length"]))
            heard.posts.append((self.path, dict(self.headers), content))
            status = heard.statuses.pop(0) if len(heard.statuses) > 1 else heard.statuses[0]
            self.send_response(status)
            if 300 <= status < 400:
                self.send_header("Location", heard.address)
            self.end_headers()
            self.wfile.write(b"so it is")

        def do_GET(self) -> None:
            heard.posts.append(("GET " + self.path, dict(self.headers), b""))
            self.send_response(200)
            self.end_headers()

        def log_message(self, *_: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    heard = Heard(f"http://127.0.0.1:{server.server_port}", list(statuses))
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
    thread.start()
    try:
        yield heard
    finally:
        server.shutdown()
        server.server_close()
