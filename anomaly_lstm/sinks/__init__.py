"""One place alerts go per file; these dicts are the whole registration."""

from pathlib import Path

from anomaly_lstm.errors import UsageError
from anomaly_lstm.sinks import cmms, html, json, parquet, prometheus, sql
from anomaly_lstm.sinks.contract import LiveSink, Sink

SINKS: dict[str, Sink] = {json.NAME: json, parquet.NAME: parquet, html.NAME: html}
LIVE_SINKS: dict[str, LiveSink] = {prometheus.NAME: prometheus, sql.NAME: sql, cmms.NAME: cmms}


def sink_for(path: Path) -> Sink:
    """The sink that a file's ending names. Raises UsageError when there is none."""
    for sink in SINKS.values():
        if path.suffix.lower() == sink.SUFFIX:
            return sink
    raise UsageError(
        f"{path}: alerts are written as {' or '.join(s.SUFFIX for s in SINKS.values())}; give the file one of "
        "these endings."
    )
