"""Alerts as they stand and every change of them, in tables of an SQL database (extra ``sql``): PostgreSQL or SQLite.

The database itself remembers up to which line of the history it was told, in the transaction that told it: a run killed
anywhere leaves nothing half, a database restored from a copy catches up by itself, and doing it twice changes nothing.
``anomaly_lstm_alerts`` has one row per alert, ``anomaly_lstm_changes`` one per change.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import datetime, timedelta
from functools import cache
from typing import TYPE_CHECKING, Any

from anomaly_lstm import following
from anomaly_lstm.clock import EPOCH, parse_time
from anomaly_lstm.errors import DeliveryError, MissingExtraError
from anomaly_lstm.messages import has_ended
from anomaly_lstm.sinks.contract import Standing

if TYPE_CHECKING:
    from sqlalchemy import Connection, Engine, MetaData, Table

NAME = "sql"
COLUMNS: tuple[str, ...] = ()
IS_FILE = False

TIMEOUT_S = 10
"""How long a connection, a lock or a statement may take [s]."""

_BATCH = 500
_DRIVERS = {"postgresql": "postgresql+psycopg", "postgres": "postgresql+psycopg"}
_LIMITS: dict[str, dict[str, Any]] = {
    "postgresql": {
        "connect_timeout": TIMEOUT_S,
        "options": f"-c statement_timeout={TIMEOUT_S}s -c lock_timeout={TIMEOUT_S}s",
    },
    "sqlite": {"timeout": TIMEOUT_S},
}

_ALERT_TIMES = ("onset", "raised_at", "updated_at", "cleared_at")
_ALERT_TEXTS = ("asset", "kind", "severity", "reason", "forecast", "model_id")
_CHANGE_TEXTS = ("alert_id", "change", "asset", "kind", "severity", "by", "why", "because")
_CHANGE_TIMES = ("event_time", "processing_time")


def check(place: str) -> str | None:
    return None


def show(standing: Standing, place: str, columns: Mapping[str, str]) -> None:
    """Write the new changes and the alerts that stand or changed, in one transaction."""
    try:
        from sqlalchemy.exc import SQLAlchemyError
    except ImportError:
        raise MissingExtraError(
            "SQLAlchemy is not installed. Install it with `pip install 'anomaly-lstm[sql]'`."
        ) from None
    engine = _engine(place)
    try:
        with engine.begin() as database:
            tables().create_all(database)
            _catch_up(database, standing)
    except SQLAlchemyError as problem:
        said = str(getattr(problem, "orig", None) or problem).strip().partition("\n")[0]
        raise DeliveryError(f"the database did not take it: {said}") from None
    finally:
        engine.dispose()


def _engine(place: str) -> Engine:
    """A connection that ends by itself; psycopg is the driver of PostgreSQL."""
    from sqlalchemy import create_engine
    from sqlalchemy.engine import make_url
    from sqlalchemy.exc import ArgumentError
    from sqlalchemy.pool import NullPool

    try:
        url = make_url(place)
    except ArgumentError:
        raise DeliveryError("its address is no database URL such as postgresql://user@host/name") from None
    url = url.set(drivername=_DRIVERS.get(url.drivername, url.drivername))
    limits = _LIMITS.get(url.get_backend_name())
    if limits is None:
        raise DeliveryError(f"{url.get_backend_name()} is none of {', '.join(_LIMITS)}")
    try:
        return create_engine(url, poolclass=NullPool, connect_args=limits)
    except ImportError:
        raise MissingExtraError(
            "psycopg is not installed. Install it with `pip install 'anomaly-lstm[sql]'`."
        ) from None


@cache
def tables() -> MetaData:
    """The three tables; a schema's search path decides where they are made."""
    from sqlalchemy import JSON, BigInteger, Boolean, Column, DateTime, Float, MetaData, Table, Text

    def texts(names: Iterable[str]) -> list[Column[Any]]:
        return [Column(name, Text) for name in names]

    def times(names: Iterable[str]) -> list[Column[Any]]:
        return [Column(name, DateTime(timezone=True)) for name in names]

    found = MetaData()
    Table(
        "anomaly_lstm_alerts",
        found,
        Column("pipeline", Text, primary_key=True),
        Column("alert_id", Text, primary_key=True),
        *texts(_ALERT_TEXTS),
        Column("active", Boolean),
        *times(_ALERT_TIMES),
        Column("peak_return_period_s", Float(53)),
        Column("document", JSON),
    )
    Table(
        "anomaly_lstm_changes",
        found,
        Column("pipeline", Text, primary_key=True),
        Column("change_id", Text, primary_key=True),
        *texts(_CHANGE_TEXTS),
        *times(_CHANGE_TIMES),
        Column("told", Boolean),
        Column("document", JSON),
    )
    Table(
        "anomaly_lstm_upto",
        found,
        Column("pipeline", Text, primary_key=True),
        Column("begin", BigInteger),
        Column("end", BigInteger),
        Column("sha", Text),
    )
    return found


def _catch_up(database: Connection, standing: Standing) -> None:
    """Changes after the place the database remembers, then the alerts they are about and those that stand."""
    changed: dict[str, Mapping[str, Any]] = {}
    upto = start = _upto(database, standing)
    for lines in _batches(following.after(standing.history, start)):
        upto = lines[-1][0]
        about = [line for _, line in lines if line["alert"]]  # but for acts on a whole asset
        changed |= {line["alert_id"]: {**line["alert"], "active": not has_ended(line)} for line in about}
        rows = [_change_row(standing.pipeline, line) for _, line in lines]
        _insert(database, tables().tables["anomaly_lstm_changes"], rows, renew=False)
    reported = {a["alert_id"]: a for a in standing.report.alerts if a["active"] or a["alert_id"] in changed}
    rows = [_alert_row(standing.pipeline, alert) for alert in (changed | reported).values()]
    for begin in range(0, len(rows), _BATCH):
        _insert(database, tables().tables["anomaly_lstm_alerts"], rows[begin : begin + _BATCH], renew=True)
    if upto != start:
        row = {"pipeline": standing.pipeline, **following.as_document(upto)}
        _insert(database, tables().tables["anomaly_lstm_upto"], [row], renew=True)


def _upto(database: Connection, standing: Standing) -> following.Place:
    """The place in the history up to which this database was told; the start where the history is another one."""
    from sqlalchemy import select

    table = tables().tables["anomaly_lstm_upto"]
    wanted = select(table).where(table.c.pipeline == standing.pipeline)
    row = database.execute(wanted.with_for_update()).mappings().one_or_none()
    place = following.START if row is None else following.Place(row["begin"], row["end"], row["sha"])
    return place if following.holds(standing.history, place) else following.START


def _batches(
    lines: Iterator[tuple[following.Place, dict[str, Any]]],
) -> Iterator[list[tuple[following.Place, dict[str, Any]]]]:
    """Some lines at a time, so that years of history need no memory."""
    batch = []
    for item in lines:
        batch.append(item)
        if len(batch) == _BATCH:
            yield batch
            batch = []
    if batch:
        yield batch


def _insert(database: Connection, table: Table, rows: Sequence[Mapping[str, Any]], *, renew: bool) -> None:
    """Rows that are there already are left as they are, or renewed."""
    if not rows:
        return
    if database.dialect.name == "postgresql":
        from sqlalchemy.dialects.postgresql import insert
    else:
        from sqlalchemy.dialects.sqlite import insert  # type: ignore[assignment]  # the same words in another dialect
    keys = [column.name for column in table.primary_key]
    put = insert(table)
    rest = {column.name: put.excluded[column.name] for column in table.columns if column.name not in keys}
    database.execute(
        put.on_conflict_do_update(index_elements=keys, set_=rest) if renew else put.on_conflict_do_nothing(),
        [_storable(row) for row in rows],
    )


def _alert_row(pipeline: str, alert: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "pipeline": pipeline,
        "alert_id": alert["alert_id"],
        **{name: alert.get(name) for name in _ALERT_TEXTS},
        "active": alert["active"],
        **{name: _moment(alert.get(name)) for name in _ALERT_TIMES},
        "peak_return_period_s": (alert.get("peak") or {}).get("return_period_s"),
        "document": dict(alert),
    }


def _change_row(pipeline: str, line: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "pipeline": pipeline,
        "change_id": line["change_id"],
        **{name: line.get(name) for name in _CHANGE_TEXTS},
        **{name: _moment(line.get(name)) for name in _CHANGE_TIMES},
        "told": bool(line.get("tell")),
        "document": dict(line),
    }


def _storable(value: Any) -> Any:
    """The value without NUL bytes, which PostgreSQL stores in no text: they are written out."""
    if isinstance(value, str):
        return value.replace("\0", "\\x00")
    if isinstance(value, Mapping):
        return {str(_storable(name)): _storable(inner) for name, inner in value.items()}
    return [_storable(inner) for inner in value] if isinstance(value, list | tuple) else value


def _moment(text: str | None) -> datetime | None:
    return None if text is None else EPOCH + timedelta(microseconds=parse_time(text))
