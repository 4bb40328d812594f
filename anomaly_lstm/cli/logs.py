"""What a run did as lines for a log collector: one JSON object per line on standard error."""

from __future__ import annotations

import json
import logging
import sys
from collections import Counter
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, TextIO

from anomaly_lstm.errors import UNEXPECTED

if TYPE_CHECKING:  # it loads Arrow, which --help must not
    from anomaly_lstm.sinks.contract import Standing

Entry = tuple[int, str, dict[str, Any]]
"""A level of `logging`, what happened in one or two words, and the rest by name."""


class JsonLines(logging.Formatter):
    """A record as one line of JSON; what a library logs becomes one too."""

    def format(self, record: logging.LogRecord) -> str:
        at = datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
        line = {"time": at, "level": record.levelname.lower(), "event": record.getMessage()}
        line |= getattr(record, "fields", {"logger": record.name})
        line |= {"traceback": self.formatException(record.exc_info)} if record.exc_info else {}
        return json.dumps(line, ensure_ascii=False, default=str)


def begin(stream: TextIO | None = None) -> None:
    """From now on all that is logged is a line of JSON on standard error."""
    handler = logging.StreamHandler(stream or sys.stderr)
    handler.setFormatter(JsonLines())
    logging.basicConfig(handlers=[handler], level=logging.INFO, force=True)


def begun() -> bool:
    """Whether `begin` was called and all that is said to people belongs into the log."""
    return any(isinstance(handler.formatter, JsonLines) for handler in logging.getLogger().handlers)


def failed(why: str, exit_code: int) -> None:
    """Log why the command ends, with the traceback where it is a defect."""
    fields = {"error": why, "exit_code": exit_code}
    defect = sys.exc_info() if exit_code == UNEXPECTED else None
    logging.getLogger("anomaly_lstm").error("run failed", extra={"fields": fields}, exc_info=defect)


def ran(standing: Standing) -> None:
    """Log how each asset and the run ended."""
    logger = logging.getLogger("anomaly_lstm")
    for level, event, fields in entries(standing):
        logger.log(level, event, extra={"fields": {"pipeline": standing.pipeline, **fields}})


def entries(standing: Standing) -> Iterator[Entry]:
    """One entry per asset, watched or not, one per channel or sink that failed, and one for the run."""
    from anomaly_lstm.clock import iso  # loads NumPy, as tables load Arrow, which --help must not
    from anomaly_lstm.tables import SEVERITIES

    alerts = [alert for alert in standing.report.alerts if alert["active"]]
    count = Counter((alert["asset"], alert["severity"]) for alert in alerts)
    for asset, seen in standing.assets.items():
        newest = seen.newest_us
        yield (
            logging.INFO,
            "asset watched",
            {
                "asset": asset,
                "newest_row": None if newest is None else iso(newest),
                "staleness_s": None if newest is None else (standing.now_us - newest) / 1e6,
                "return_period_s": seen.return_period_s,
                "alerts": {severity: count[asset, severity] for severity in SEVERITIES if count[asset, severity]},
            },
        )
    for asset, why in standing.failed.items():
        yield logging.ERROR, "asset failed", {"asset": asset, "error": why}
    for asset in standing.unwatched:
        yield logging.INFO, "asset unwatched", {"asset": asset}
    for name, why in standing.failing.items():
        yield logging.ERROR, "channel failed", {"channel": name, "error": why}
    fields = {"rows": standing.rows, "seconds": round(standing.seconds, 3), "alerts_active": len(alerts)}
    counts = {"watched": len(standing.assets), "failed": len(standing.failed), "unwatched": len(standing.unwatched)}
    yield logging.INFO, "run ended", {**fields, "assets": counts}
