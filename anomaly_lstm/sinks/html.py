"""Alerts as a page that opens offline, in English and UTC; the document stands in it, so that it can be read again."""

from __future__ import annotations

import base64
import json
import re
from datetime import UTC
from pathlib import Path

from anomaly_lstm.sinks.contract import AlertReport
from anomaly_lstm.sinks.documents import as_document, read_document
from anomaly_lstm.store import write_text

NAME = "html"
SUFFIX = ".html"


def write(path: Path, report: AlertReport) -> None:
    from anomaly_lstm.pages.alerts_page import draw  # whoever writes no page need not load it
    from anomaly_lstm.pages.texts import Tongue

    data = json.dumps(as_document(report), ensure_ascii=False).encode()
    write_text(path, draw(report.run, report.alerts, report.indicators, Tongue("en", UTC), data))


def read(path: Path) -> AlertReport:
    return read_document(path, _embedded)


def _embedded(page: str) -> bytes:
    """The document in a page. Raises ValueError where there is none."""
    found = re.search(r'id="alerts">([A-Za-z0-9+/=]+)<', page)
    if found is None:
        raise ValueError("it holds no document")
    return base64.b64decode(found[1])
