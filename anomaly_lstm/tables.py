"""Every table that is read or written: columns, types, units, and what is wrong with one that does not fit.

Times are UTC microseconds since 1970 inside the program and ``timestamp[us, UTC]`` in files.
"""

from __future__ import annotations

from collections.abc import Sequence
from enum import IntEnum

import pyarrow as pa

from anomaly_lstm.errors import DataError

SCORES_VERSION = 1
ALERTS_VERSION = 1
FORECAST_VERSION = 1

UTC_TIME = pa.timestamp("us", tz="UTC")


class State(IntEnum):
    """Why a row has or lacks a score."""

    SCORED = 0
    WARM_UP = 1
    """Too early in a stretch to say anything."""
    NO_DATA = 2
    """Nothing was measured."""
    SENSOR_BAD = 3
    """Too few sensors were measured."""
    OUT_OF_STATE = 4
    """The asset was not running, or people told that such rows are not to be judged."""


STATE_NAMES = tuple(state.name for state in State)

EVENT_COLUMNS = ("asset", "start", "end", "kind", "sensor", "failure_time", "work_order", "note", "by")
EVENT_KINDS = (
    "failure",
    "anomaly",
    "maintenance",
    "sensor_change",
    "calibration",
    "process_change",
    "normal",
    "ignore",
)
ASSET_COLUMNS = ("asset", "type", "site", "zone", "criticality", "owner", "twin_of", "enabled")

ALERT_KINDS = ("deviation", "no_data", "sensor_bad")

SEVERITIES = ("advisory", "warning", "critical")
"""From low to high."""

_SCORES_FIXED = (
    ("asset", pa.string()),
    ("time", UTC_TIME),
    ("state", pa.string()),
    ("score", pa.float32()),
    ("return_period_s", pa.float64()),
)


def scores_schema(scored: Sequence[str], context: Sequence[str], mode: str | None = None, *, detail: bool) -> pa.Schema:
    """The scores table: one row per asset and grid time.

    ``score`` is null unless SCORED; ``return_period_s`` [s] grows strictly with it; ``share.<sensor>`` sums to 1 over
    the scored sensors; ``value.<sensor>`` and ``expected.<sensor>`` are in the sensor's unit, the value of a ``mode``
    is its name. Without ``detail`` the sensor columns are left out.
    """
    fields = [pa.field(name, kind) for name, kind in _SCORES_FIXED]
    if detail:
        fields += [pa.field(f"share.{name}", pa.float32()) for name in scored]
        fields += [pa.field(f"value.{name}", pa.float32()) for name in (*scored, *context)]
        fields += [pa.field(f"value.{mode}", pa.string())] if mode else []
        fields += [pa.field(f"expected.{name}", pa.float32()) for name in scored]
    fields += [pa.field("unseen", pa.bool_()), pa.field("model_id", pa.string())]
    return pa.schema(fields, metadata={"anomaly_lstm.scores": str(SCORES_VERSION)})


def check_scores(table: pa.Table, where: str) -> None:
    """Raise DataError unless ``table`` is a scores table."""
    names = [name for name, _ in _SCORES_FIXED]
    missing = [name for name in names if name not in table.column_names]
    if missing:
        raise DataError(
            f"{where}: not a scores table: column{'s' if len(missing) > 1 else ''} {', '.join(missing)} missing "
            f"(it has {', '.join(table.column_names[:8])}{' …' if len(table.column_names) > 8 else ''}). "
            "Give the file that `anomaly-lstm score … --out scores.parquet` wrote."
        )
    for name, kind in _SCORES_FIXED:
        have = table.schema.field(name).type
        if have != kind and not (name == "time" and pa.types.is_timestamp(have) and have.tz):
            raise DataError(
                f"{where}: column '{name}' must be {kind}, it is {have}. Write the scores anew with "
                "`anomaly-lstm score`."
            )


def scored_sensors(table: pa.Table) -> list[str]:
    """The sensors that carry shares, in column order; empty for a table written with ``--detail score``."""
    return [name.removeprefix("share.") for name in table.column_names if name.startswith("share.")]


def forecast_schema() -> pa.Schema:
    """Sensors ahead: one row per asset, sensor and grid time.

    ``horizon`` [s] from the last row to ``time``; ``p10``, ``p50`` and ``p90`` in the sensor's ``unit``, which is null
    where nobody told it. What comes lies below ``p10`` once in ten times, and above ``p90`` as often.
    """
    fields = [
        ("asset", pa.string()),
        ("sensor", pa.string()),
        ("time", UTC_TIME),
        *((name, pa.float64()) for name in ("horizon", "p10", "p50", "p90")),
        ("unit", pa.string()),
    ]
    return pa.schema(fields, metadata={"anomaly_lstm.forecast": str(FORECAST_VERSION)})


def flat_alerts_schema() -> pa.Schema:
    """Alerts as a flat table: nested fields joined by dots, sensors as a list of structs; ``run`` is in the "
    "metadata."""
    sensor = pa.struct(
        [
            ("sensor", pa.string()),
            ("share", pa.float64()),
            ("direction", pa.string()),
            ("value", pa.float64()),
            ("expected", pa.float64()),
            ("unit", pa.string()),
        ]
    )
    reach = pa.struct(
        [
            ("sensor", pa.string()),
            ("severity", pa.string()),
            ("level", pa.float64()),
            ("unit", pa.string()),
            ("state", pa.string()),
            ("reason", pa.string()),
            *((f"{name}_s", pa.float64()) for name in ("p10", "p50", "p90")),
        ]
    )
    return pa.schema(
        [
            ("alert_id", pa.string()),
            ("kind", pa.string()),
            ("asset", pa.string()),
            ("severity", pa.string()),
            ("severity_now", pa.string()),
            ("active", pa.bool_()),
            ("unseen", pa.bool_()),
            ("acked", pa.bool_()),
            ("acked_by", pa.string()),
            ("confirmed", pa.bool_()),
            ("shelved_until", UTC_TIME),
            ("shelved_because", pa.string()),
            *((name, pa.bool_()) for name in ("suppressed", "out_of_service", "stale", "closed")),
            *((name, pa.string()) for name in ("closed_because", "verdict", "verdict_by", "work_order", "note")),
            ("onset", UTC_TIME),
            ("begun_at", UTC_TIME),
            ("raised_at", UTC_TIME),
            ("updated_at", UTC_TIME),
            ("cleared_at", UTC_TIME),
            ("peak.time", UTC_TIME),
            ("peak.score", pa.float64()),
            ("peak.return_period_s", pa.float64()),
            ("sensors", pa.list_(sensor)),
            ("reason", pa.string()),
            ("forecast", pa.string()),
            ("reaches", pa.list_(reach)),
            ("model_id", pa.string()),
        ]
    )
