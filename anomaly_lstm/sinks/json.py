"""Alerts as one JSON document."""

from __future__ import annotations

from pathlib import Path

from anomaly_lstm.sinks.contract import AlertReport
from anomaly_lstm.sinks.documents import as_document, read_document
from anomaly_lstm.store import write_json

NAME = "json"
SUFFIX = ".json"


def write(path: Path, report: AlertReport) -> None:
    write_json(path, as_document(report))


def read(path: Path) -> AlertReport:
    return read_document(path)
