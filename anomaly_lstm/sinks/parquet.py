"""Alerts as a flat Parquet table; the run and the indicators are kept in the file's metadata."""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from anomaly_lstm import arrow
from anomaly_lstm.clock import EPOCH, iso, parse_time
from anomaly_lstm.errors import DataError
from anomaly_lstm.sinks.contract import AlertReport
from anomaly_lstm.store import replacing
from anomaly_lstm.tables import ALERTS_VERSION, flat_alerts_schema

NAME = "parquet"
SUFFIX = ".parquet"
_RUN = b"anomaly_lstm.run"
_INDICATORS = b"anomaly_lstm.indicators"
_VERSION = b"anomaly_lstm.alerts"


def write(path: Path, report: AlertReport) -> None:
    metadata = {
        _RUN: json.dumps(dict(report.run)).encode(),
        _INDICATORS: json.dumps([dict(one) for one in report.indicators]).encode(),
        _VERSION: str(ALERTS_VERSION).encode(),
    }
    table = arrow.table_of([_flat(alert) for alert in report.alerts], flat_alerts_schema().with_metadata(metadata))
    with replacing(path) as side:
        pq.write_table(table, side, compression="zstd")


def read(path: Path) -> AlertReport:
    try:
        with pq.ParquetFile(path) as file:
            table = file.read()
        kept = table.schema.metadata or {}
        run, indicators = json.loads(kept[_RUN]), json.loads(kept.get(_INDICATORS, b"[]"))
        return AlertReport(run, [_nested(row) for row in table.to_pylist()], indicators)
    except (OSError, pa.ArrowException, KeyError, ValueError) as problem:
        raise DataError(
            f"{path} is not an alerts table ({problem}). "
            f"Give the file that `anomaly-lstm alert … --out {path.name}` wrote."
        ) from problem


def _flat(alert: Mapping[str, Any]) -> dict[str, Any]:
    row = {key: value for key, value in alert.items() if key != "peak"}
    row |= {f"peak.{key}": value for key, value in alert["peak"].items()}
    return {key: _moment(value) if key in _TIMES else value for key, value in row.items()}


def _nested(row: Mapping[str, Any]) -> dict[str, Any]:
    plain = {key: _text(value) if key in _TIMES else value for key, value in row.items()}
    peak = {key.removeprefix("peak."): plain.pop(key) for key in list(plain) if key.startswith("peak.")}
    return plain | {"peak": peak}


_TIMES = frozenset(field.name for field in flat_alerts_schema() if pa.types.is_timestamp(field.type))


def _moment(text: str | None) -> int | None:
    return None if text is None else parse_time(text)


def _text(moment: datetime | None) -> str | None:
    return None if moment is None else iso((moment - EPOCH) // timedelta(microseconds=1))
