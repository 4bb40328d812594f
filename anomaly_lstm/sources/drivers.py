"""Answers of a database as a stream of Arrow tables, so that any number of rows needs little memory.

PostgreSQL answers by ADBC (binary `COPY`), DuckDB by itself, SQLite and every other
database by SQLAlchemy. All are asked to change nothing, and what bounds the rows is handed to them as values, never
written into the text of the query.
"""

from __future__ import annotations

import contextlib
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

import pyarrow as pa
import pyarrow.compute as pc

from anomaly_lstm import arrow
from anomaly_lstm.clock import EPOCH
from anomaly_lstm.errors import DataError, MissingExtraError
from anomaly_lstm.sources.contract import Mark

if TYPE_CHECKING:
    from sqlalchemy import URL

TIMEOUT_S = 10
"""How long a connection, or a lock, may take [s]."""

ROWS = 16_384
"""So many rows are taken from a driver at a time that gives them one by one [rows]."""

_BROKEN = (
    r"closed the connection|terminating connection|could not receive|lost connection|connection.*(reset|timed out)"
)
_UNREACHED = (
    r"(failed to|can't|cannot|could not) connect|connection (to server|refused)|translate host name"
    r"|open (the )?database|authentication|starting up|^database .* does not exist"
)
"""By what drivers say, whether a connection broke, or never came to be; all else is about the question."""

_MICROSECOND = timedelta(microseconds=1)
_WALL_EPOCH = EPOCH.replace(tzinfo=None)
_LIBPQ = {
    "connect_timeout": str(TIMEOUT_S),
    "keepalives_idle": "30",  # a server that is gone without a word is noticed after a minute, not after two hours
    "keepalives_interval": "10",
    "keepalives_count": "3",
}


@dataclass(frozen=True)
class Condition:
    """``column sign mark``, such as "time" >= 2026-03-01."""

    column: str
    sign: str
    mark: Mark


@dataclass(frozen=True)
class Question:
    """The rows of a table, or of a query, on which all conditions hold; ``blank`` asks for none, only for columns."""

    table: str | None = None
    query: str | None = None
    conditions: tuple[Condition, ...] = ()
    blank: bool = False


def url_of(address: str, name: str) -> URL:
    """The address of a database; ``name`` is the environment variable that it came from."""
    try:
        from sqlalchemy.engine import make_url
        from sqlalchemy.exc import ArgumentError
    except ImportError:
        raise _missing("SQLAlchemy", "sql") from None
    try:
        return make_url(address.strip())
    except (ArgumentError, ValueError):
        raise DataError(
            f"{name}: holds no address of a database. Set it to one such as postgresql://user@host/name, "
            "sqlite:////data/plant.db or duckdb:////data/plant.duckdb."
        ) from None


def place_of(url: URL) -> str:
    """Where a database is, without user and password: ``host/name``, or the path of a file."""
    host = url.host or url.query.get("host")
    if not host and url.get_backend_name() in ("sqlite", "duckdb"):
        return url.database or "memory"
    port = f":{url.port}" if url.port else ""
    own = "localhost" if not isinstance(host, str) or host.startswith("/") else host  # a folder is that of a socket
    return f"{own}{port}/{url.database or url.username or ''}"


def tables(url: URL, name: str, ask: Question) -> Iterator[Any]:
    """The answer in order, in small tables, at least one.

    Raises DataError that says where the database is, what it said and what to check, never its password.
    """
    driver = _DRIVERS.get(url.get_backend_name(), _by_sqlalchemy)
    came = 0
    asked = False
    try:
        for table in driver(url, ask):
            asked = True
            yield table
            came += len(table)
    except _errors() as problem:
        raise DataError(_sentence(url, name, ask, problem, came if asked else None)) from None


def _errors() -> tuple[type[Exception], ...]:
    """What the drivers that are installed raise: theirs, and those of Arrow when a stream breaks off."""
    found: list[type[Exception]] = [OSError, pa.ArrowException]
    with contextlib.suppress(ImportError):
        from sqlalchemy.exc import SQLAlchemyError

        found.append(SQLAlchemyError)
    with contextlib.suppress(ImportError):
        from adbc_driver_manager import Error

        found.append(Error)
    with contextlib.suppress(ImportError):
        import duckdb

        found.append(duckdb.Error)
    return tuple(found)


def _sentence(url: URL, name: str, ask: Question, problem: Exception, came: int | None) -> str:
    """What went wrong, in the words of the database, and what to check."""
    place, said = place_of(url), _said(url, problem)
    if came or re.search(_BROKEN, said, re.IGNORECASE):
        return (
            f"{place}: the connection broke after {came or 0:,} rows: {said}. Check the database and the network, and "
            "run again: all rows are asked for once more, and each is kept once."
        )
    if re.search(_UNREACHED, said, re.IGNORECASE):
        return (
            f"{place}: the database cannot be reached: {said}. Check that it runs and lets this machine in, and "
            f"the address in {name}."
        )
    what = f"[source] table = {ask.table!r}" if ask.table else "[source] query"
    return f"{place}: the database does not answer {what}: {said}. Mend it in the pipeline file."


def _said(url: URL, problem: Exception) -> str:
    """The first line of what a driver says, without its own frame and without the password."""
    text = str(getattr(problem, "orig", None) or problem).strip()
    first = text.partition("ERROR:")[2] or text.partition("FATAL:")[2] or text
    line = re.sub(r"^([A-Z_]+: )?(\[\w+\] )?", "", first.strip().partition("\n")[0]).strip().rstrip(".")
    return line.replace(str(url.password), "***") if url.password else line


def _missing(package: str, extra: str) -> MissingExtraError:
    return MissingExtraError(f"{package} is not installed. Install it with `pip install 'anomaly-lstm[{extra}]'`.")


# ---------------------------------------------------------------- the text of a question


def _text(ask: Question, quoted: Callable[[str], str], bound: Callable[[str, Mark], str]) -> str:
    """A question in SQL. ``quoted`` writes a name, ``bound`` stands for a value that is handed over under a name."""
    table = ".".join(quoted(part) for part in ask.table.split(".")) if ask.table else ""
    # the line break ends a comment at the end of a query
    inside = f"SELECT * FROM {table}" if ask.table else re.sub(r"[;\s]+$", "", ask.query or "") + "\n"
    limits = ["1 = 0"] if ask.blank else []
    limits += [
        f"{quoted(one.column)} {one.sign} {bound(name, one.mark)}"
        for name, one in zip(_named(ask), ask.conditions, strict=True)
    ]
    return f"SELECT * FROM ({inside}) AS asked WHERE {' AND '.join(limits)}" if limits else inside


def _named(ask: Question) -> dict[str, Mark]:
    """The values of the conditions by the names under which they are handed over."""
    return {f"bound{place}": one.mark for place, one in enumerate(ask.conditions)}


def _double_quoted(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'


def _as_python(mark: Mark) -> Any:
    """A value as drivers take it."""
    if mark.kind == "moment":
        return EPOCH + int(mark.value) * _MICROSECOND
    return _WALL_EPOCH + int(mark.value) * _MICROSECOND if mark.kind == "wall" else mark.value


# ---------------------------------------------------------------- the drivers


def _postgresql(url: URL, ask: Question) -> Iterator[Any]:
    """By ADBC. `COPY`, which streams, takes no values: they are handed over as settings of the transaction."""
    try:
        from adbc_driver_postgresql import dbapi
    except ImportError:
        raise _missing("adbc-driver-postgresql", "sql") from None
    own = url.set(drivername="postgresql", query={**_LIBPQ, **url.query})
    casts = {"moment": "timestamptz", "wall": "timestamp", "text": "text"}

    def bound(name: str, mark: Mark) -> str:
        number = "bigint" if isinstance(mark.value, int) else "double precision"
        return f"current_setting('anomaly_lstm.{name}')::{casts.get(mark.kind, number)}"

    with dbapi.connect(own.render_as_string(hide_password=False)) as connection, connection.cursor() as cursor:
        cursor.execute("SET TRANSACTION READ ONLY")
        cursor.execute(f"SET LOCAL lock_timeout = '{TIMEOUT_S}s'")
        for name, mark in _named(ask).items():
            shown = _as_python(mark).isoformat() if mark.kind in ("moment", "wall") else str(mark.value)
            cursor.execute("SELECT set_config($1, $2, true)", [f"anomaly_lstm.{name}", shown])
            cursor.fetchall()
        cursor.execute(_text(ask, _double_quoted, bound))
        yield from _in_parts(cursor.fetch_record_batch())


def _duckdb(url: URL, ask: Question) -> Iterator[Any]:
    try:
        import duckdb
    except ImportError:
        raise _missing("duckdb", "duckdb") from None
    values = {name: _as_python(mark) for name, mark in _named(ask).items()}
    with duckdb.connect(url.database or "", read_only=True) as connection:
        answer = connection.sql(_text(ask, _double_quoted, lambda name, _: f"${name}"), params=values or None)
        yield from _in_parts(answer.to_arrow_reader(ROWS))


def _by_sqlalchemy(url: URL, ask: Question) -> Iterator[Any]:
    """By the database's own driver: rows come as Python values, some at a time where the driver can."""
    from sqlalchemy import create_engine, text
    from sqlalchemy.pool import NullPool

    limits: dict[str, Any] = {}
    if url.get_backend_name() == "sqlite":
        readable = f"file:{quote(url.database or '')}"
        url = url.set(database=readable, query={**url.query, "mode": "ro", "uri": "true"})
        limits = {"timeout": TIMEOUT_S}
    try:
        engine = create_engine(url, poolclass=NullPool, connect_args=limits)
    except ImportError as problem:
        raise MissingExtraError(f"the driver of {url.drivername} is not installed ({problem}). Install it.") from None
    quoted = engine.dialect.identifier_preparer.quote_identifier
    safe = replace(ask, query=(ask.query or "").replace(":", "\\:"))  # a colon is no value's name
    query = text(_text(safe, quoted, lambda name, _: f":{name}"))
    try:
        with engine.connect() as connection:
            stream = connection.execution_options(stream_results=True)
            answer = stream.execute(query, {name: _as_python(mark) for name, mark in _named(ask).items()})
            names = list(answer.keys())
            part = answer.fetchmany(ROWS)
            yield _table(names, part)
            while part := answer.fetchmany(ROWS):
                yield _table(names, part)
    finally:
        engine.dispose()


_DRIVERS: Mapping[str, Callable[[URL, Question], Iterator[Any]]] = {
    "postgresql": _postgresql,
    "postgres": _postgresql,
    "duckdb": _duckdb,
}


# ---------------------------------------------------------------- the tables


def _in_parts(reader: Any) -> Iterator[Any]:
    """The record batches of a reader as tables, at least one."""
    empty = True
    for batch in reader:
        empty = False
        yield _plain(pa.Table.from_batches([batch]))
    if empty:
        yield _plain(reader.schema.empty_table())


def _plain(table: Any) -> Any:
    """A table without types that only one database knows: PostgreSQL's numeric comes as text in a type of its own."""
    columns = []
    for column in table.columns:
        if isinstance(column.type, pa.BaseExtensionType):
            column = pa.chunked_array([chunk.storage for chunk in column.chunks], column.type.storage_type)
            with contextlib.suppress(pa.ArrowInvalid):
                column = pc.cast(column, pa.float64())
        columns.append(column)
    return pa.Table.from_arrays(columns, names=table.column_names)


def _table(names: Sequence[str], rows: Sequence[Any]) -> Any:
    """Rows of Python values as a table; `zip(*rows)` would take ten times as long."""
    return pa.Table.from_arrays(
        [_column([row[place] for row in rows]) for place in range(len(names))], names=[str(name) for name in names]
    )


def _column(values: Sequence[Any]) -> Any:
    """Python values as a column; of several kinds, as text, which the reading of cells sorts out."""
    kinds = {type(value) for value in values} - {type(None)}
    if not kinds:
        return pa.nulls(len(values))
    if kinds == {bool}:
        return arrow.from_objects(values, pa.bool_())
    if kinds == {int} and all(value is None or abs(value) < 2**63 for value in values):
        return arrow.from_objects(values, pa.int64())
    if kinds <= {int, float, Decimal, bool}:
        return arrow.from_objects([None if value is None else float(value) for value in values], pa.float64())
    if kinds == {date}:
        values = [None if day is None else datetime(day.year, day.month, day.day) for day in values]
        kinds = {datetime}
    if kinds == {datetime}:
        aware = {value.tzinfo is not None for value in values if value is not None}
        if len(aware) == 1:
            start = EPOCH if aware.pop() else _WALL_EPOCH
            us = [None if value is None else (value - start) // _MICROSECOND for value in values]
            return pc.cast(arrow.from_objects(us, pa.int64()), pa.timestamp("us", "UTC" if start is EPOCH else None))
    return arrow.texts(None if value is None else _shown(value) for value in values)


def _shown(value: Any) -> str:
    return value.decode(errors="replace") if isinstance(value, bytes) else str(value)
