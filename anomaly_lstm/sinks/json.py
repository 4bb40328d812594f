"""Alerts as one JSON document."""

from __future__ import annotations

import json
from pathlib import Path

from anomaly_lstm.errors import DataError
from anomaly_lstm.sinks.contract import AlertReport
from anomaly_lstm.store import write_json
from anomaly_lstm.tables import ALERTS_VERSION

NAME = "json"
SUFFIX = ".json"


def write(path: Path, report: AlertReport) -> None:
    lists = {"alerts": [dict(a) for a in report.alerts], "indicators": [dict(one) for one in report.indicators]}
    write_json(path, {"schema_version": ALERTS_VERSION, "run": dict(report.run), **lists})


def read(path: Path) -> AlertReport:
    try:
        document = json.loads(path.read_text(encoding="utf-8"))
        return AlertReport(document["run"], document["alerts"], document.get("indicators", ()))
    except OSError as problem:
        raise DataError(
            f"{path} cannot be read: {problem.strerror}. Give the file that `anomaly-lstm alert` wrote."
        ) from problem
    except (ValueError, KeyError, TypeError) as problem:
        raise DataError(
            f"{path} is not an alerts file ({problem!r}). Give the file that `anomaly-lstm alert … --out "
            f"{path.name}` wrote."
        ) from problem
