"""Alerts as a page that opens offline, in English and UTC; the document stands in it, so that it can be read again."""

from __future__ import annotations

import base64
import json
import re
from datetime import UTC
from pathlib import Path

from anomaly_lstm.errors import DataError
from anomaly_lstm.sinks.contract import AlertReport
from anomaly_lstm.store import write_text
from anomaly_lstm.tables import ALERTS_VERSION

NAME = "html"
SUFFIX = ".html"


def write(path: Path, report: AlertReport) -> None:
    from anomaly_lstm.pages.alerts_page import draw  # whoever writes no page need not load it
    from anomaly_lstm.pages.texts import Tongue

    run, alerts, indicators = dict(report.run), [dict(a) for a in report.alerts], [dict(i) for i in report.indicators]
    document = {"schema_version": ALERTS_VERSION, "run": run, "alerts": alerts, "indicators": indicators}
    data = json.dumps(document, ensure_ascii=False).encode()
    write_text(path, draw(run, alerts, indicators, Tongue("en", UTC), data))


def read(path: Path) -> AlertReport:
    try:
        found = re.search(r'id="alerts">([A-Za-z0-9+/=]+)<', path.read_text(encoding="utf-8"))
        document = json.loads(base64.b64decode(found[1])) if found else {}
        return AlertReport(document["run"], document["alerts"], document["indicators"])
    except OSError as problem:
        raise DataError(
            f"{path} cannot be read: {problem.strerror}. Give the file that `anomaly-lstm alert` wrote."
        ) from problem
    except (ValueError, KeyError, TypeError) as problem:
        raise DataError(
            f"{path} is not a page of alerts ({problem!r}). Give the file that `anomaly-lstm alert … --out "
            f"{path.name}` wrote."
        ) from problem
