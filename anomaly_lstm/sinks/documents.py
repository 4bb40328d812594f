"""Alerts as one document, and back: what the files for programs and the page for people have in common."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

from anomaly_lstm.errors import DataError
from anomaly_lstm.sinks.contract import AlertReport
from anomaly_lstm.tables import ALERTS_VERSION


def as_document(report: AlertReport) -> dict[str, Any]:
    """As ``schemas/alerts.schema.json`` describes it."""
    lists = {"alerts": [dict(a) for a in report.alerts], "indicators": [dict(one) for one in report.indicators]}
    return {"schema_version": ALERTS_VERSION, "run": dict(report.run), **lists}


def read_document(path: Path, taken_from: Callable[[str], str | bytes] = str) -> AlertReport:
    """The report in a text file, in which ``taken_from`` finds the document. Raises DataError where there is none."""
    try:
        document = json.loads(taken_from(path.read_text(encoding="utf-8")))
        return AlertReport(document["run"], document["alerts"], document.get("indicators", ()))
    except OSError as problem:
        raise DataError(
            f"{path} cannot be read: {problem.strerror}. Give the file that `anomaly-lstm alert` wrote."
        ) from problem
    except (ValueError, KeyError, TypeError, AttributeError) as problem:
        raise DataError(
            f"{path} is not an alerts file ({problem!r}). Give the file that `anomaly-lstm alert … --out "
            f"{path.name}` wrote."
        ) from problem
