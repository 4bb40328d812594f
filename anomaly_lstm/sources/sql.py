"""Sensor history in a database (extra ``sql``): a table or a query of PostgreSQL, SQLite, DuckDB, or what else
SQLAlchemy knows. The address is a secret and stands in an environment variable.

New rows are asked for by a watermark, a column that rises with every row that comes: those from somewhat before the
last one known, since rows may come late and a transaction may end after a later one. Whoever asks keeps each row once.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from anomaly_lstm import arrow
from anomaly_lstm.clock import DAY, EPOCH, SECOND, parse_time
from anomaly_lstm.errors import DataError
from anomaly_lstm.sources import drivers
from anomaly_lstm.sources.contract import Database, Mark, RawFile, ReadOptions
from anomaly_lstm.sources.counts import SCALES, Scale
from anomaly_lstm.sources.drivers import Condition, Question
from anomaly_lstm.sources.names import clean_names
from anomaly_lstm.sources.times import ISO

NAME = "sql"
SUFFIXES: tuple[str, ...] = ()

HOUR = 3600 * SECOND
"""What a change of the clocks takes back: on a clock without zone new rows may be written so much before the last."""

_ISO_TEXT = r"^\d{4}-\d{2}-\d{2}([T ]\d{2}:\d{2}(:\d{2})?)?"


def place_of(database: Database) -> Path:
    """The name of the rows in messages and ledgers, without any secret: host, database and table."""
    url = _url(database)
    return Path(drivers.place_of(url)) / (database.table or "query")


def parts(path: Path, options: ReadOptions, size: int | None) -> Iterator[RawFile]:
    """The rows of a database in the order of its answer, in parts of about ``size`` bytes; see `contract.Source`.

    ``options`` say what to ask; ``path`` is how it is called.
    """
    database = options.database
    if database is None:
        raise DataError(f"{path}: a database is no file. Name it in a pipeline file: [source] url_env, table or query.")
    url = _url(database)
    ask = Question(database.table, database.query)
    ask = replace(ask, conditions=_conditions(database, options, ask))
    done = 0
    for table, is_last in _gathered(drivers.tables(url, database.url_env, ask), size):
        named = table.rename_columns(clean_names(table.column_names, path))
        # how many rows are to come nobody knows
        yield RawFile(path, named, _row_after(done), decimal=options.decimal or ".", done=float(is_last))
        done += len(named)


def _row_after(done: int) -> Callable[[int], str]:
    return lambda row: f"row {done + row + 1}"


def _url(database: Database) -> Any:
    address = os.environ.get(database.url_env)
    if not address:
        raise DataError(
            f"[source] url_env: the environment variable {database.url_env} is not set. Set it to the address of the "
            "database, such as postgresql://user@host/name, sqlite:////data/plant.db or duckdb:////data/plant.duckdb."
        )
    return drivers.url_of(address, database.url_env)


# ---------------------------------------------------------------- what is asked for


def _conditions(database: Database, options: ReadOptions, ask: Question) -> tuple[Condition, ...]:
    """Which rows: those from the mark on, within the span of times where the database can tell."""
    found = []
    column = database.watermark or options.time
    if database.since is not None and column is not None:
        found.append(Condition(column, ">=", database.since))
    if options.time is None or (options.start_us is None and options.end_us is None):
        return tuple(found)
    blank = replace(ask, blank=True)
    schema = next(drivers.tables(_url(database), database.url_env, blank)).schema
    kind = schema.field(options.time).type if options.time in schema.names else pa.null()
    for sign, us in ((">=", options.start_us), ("<", options.end_us)):
        mark = None if us is None else _bound(kind, us, -DAY if sign == ">=" else DAY, options.time_format)
        if mark is not None:
            found.append(Condition(options.time, sign, mark))
    return tuple(found)


def _bound(kind: Any, us: int, slack_us: int, time_format: str | None) -> Mark | None:
    """An edge of the span of times as a column of a type holds it; on a clock without zone a day further out."""
    if pa.types.is_timestamp(kind):
        return Mark("moment", us) if kind.tz else Mark("wall", us + slack_us)
    scale = SCALES.get(time_format or "")
    if pa.types.is_integer(kind) and scale and scale.in_utc:
        return Mark("number", _steps(us - scale.origin_us, scale))
    return None


def _scale_of(database: Database, options: ReadOptions) -> Scale | None:
    """How the watermark counts time in numbers; None where it is no time."""
    return SCALES.get(options.time_format or "") if _is_time(database, options) else None


def _steps(us: int, scale: Scale) -> int:
    """A span [µs] in whole steps of a scale, no less than it."""
    return -(-us * 1000 // scale.unit_ns)


def lowered(mark: Mark, database: Database, options: ReadOptions) -> Mark:
    """The mark from which on new rows are asked for: before the last one known by the overlap."""
    if mark.kind == "number":
        scale = _scale_of(database, options)
        slack_us = 0 if scale is None or scale.in_utc else HOUR
        back = database.overlap_steps if scale is None else _steps(database.overlap_us + slack_us, scale)
        return Mark("number", _number(mark) - back)
    if mark.kind == "text":
        us = parse_time(str(mark.value)[:19]) - database.overlap_us - HOUR  # offsets beside the text may change
        return Mark("text", _as_written(us, str(mark.value)))
    return Mark(mark.kind, int(mark.value) - database.overlap_us - (HOUR if mark.kind == "wall" else 0))


def _is_time(database: Database, options: ReadOptions) -> bool:
    return database.watermark is None or database.watermark == options.time


def _number(mark: Mark) -> int | float:
    if isinstance(mark.value, str):
        raise AssertionError("a mark of kind number holds a number")
    return mark.value


def _as_written(us: int, like: str) -> str:
    """A time as the beginning of a text in the form of another: no text of that time precedes it in order."""
    written = (EPOCH + timedelta(microseconds=us)).replace(tzinfo=None, microsecond=0).isoformat()
    return written.replace("T", like[10:11] or "T")[: min(19, len(like))]


# ---------------------------------------------------------------- up to where rows came


def mark_in(part: RawFile, database: Database, how: ReadOptions, latest_us: int) -> Mark | None:
    """The last mark among the rows of a part; None without any. Times after ``latest_us`` [µs UTC] are those of a wrong
    clock, and count for nothing.

    Raises DataError where the order of the watermark column is not that in which rows come.
    """
    name = database.watermark or how.time
    if name is None or name not in part.table.column_names:
        there = ", ".join(part.table.column_names[:12])
        raise DataError(f"{part.path}: there is no watermark column '{name}', only {there}. Mend [source] watermark.")
    column = part.table[name]
    if pa.types.is_date(column.type):
        column = pc.cast(column, pa.timestamp("us"))
    if pa.types.is_timestamp(column.type):
        us = pc.cast(pc.cast(column, pa.timestamp("us", column.type.tz), safe=False), pa.int64())
        latest = latest_us if column.type.tz else latest_us + DAY
        return _last("moment" if column.type.tz else "wall", us, latest)
    if pa.types.is_integer(column.type) or pa.types.is_floating(column.type):
        scale = _scale_of(database, how)
        return _last("number", column, None if scale is None else _steps(latest_us + DAY - scale.origin_us, scale))
    if len(part.table) == column.null_count:
        return None
    texts = pc.cast(column, pa.string())
    if (_is_time(database, how) and how.time_format != ISO) or not _mostly(texts, _ISO_TEXT):
        raise DataError(
            f"{part.path}: the watermark column '{name}' is text whose order is not that of time. Make it a time in a "
            "[source] query, or name a column that rises with every row in [source] watermark."
        )
    texts = texts.filter(pc.match_substring_regex(texts, _ISO_TEXT))
    return _last("text", texts, _as_written(latest_us + DAY, "2026-01-01T00:00:00"))


def _mostly(texts: Any, pattern: str) -> bool:
    fits = pc.sum(pc.match_substring_regex(texts, pattern)).as_py() or 0
    return bool(2 * fits > len(texts) - texts.null_count)


def _last(kind: str, column: Any, latest: Any) -> Mark | None:
    """The greatest value of a column that is not beyond ``latest``."""
    if latest is not None:
        edge = arrow.text(latest) if kind == "text" else arrow.from_ints(np.array([latest]))[0]
        column = column.filter(pc.less_equal(column, edge))
    value = pc.max(column).as_py() if len(column) > column.null_count else None
    return None if value is None else Mark(kind, value)


def later(one: Mark | None, other: Mark | None) -> Mark | None:
    """The later of two marks of one column; where its type has changed, the second."""
    if one is None or other is None or one.kind != other.kind:
        return other or one
    return max(one, other, key=lambda mark: mark.value)


# ---------------------------------------------------------------- parts


def _gathered(tables: Iterator[Any], size: int | None) -> Iterator[tuple[Any, bool]]:
    """Small tables joined to parts of about ``size`` bytes, None = to one; and whether a part is the last."""
    joined: list[Any] = []
    have = 0
    for table in tables:
        if size is not None and joined and have + table.nbytes > size:
            yield _joined(joined), False
            joined, have = [], 0
        joined.append(table)
        have += table.nbytes
    yield _joined(joined), True


def _joined(tables: Sequence[Any]) -> Any:
    """Tables of the same columns as one; where a column comes in several types, it becomes numbers or text."""
    columns = [_one_type([table.column(place) for table in tables]) for place in range(len(tables[0].column_names))]
    return pa.Table.from_arrays(columns, names=tables[0].column_names)


def _one_type(columns: Sequence[Any]) -> Any:
    kinds = {column.type for column in columns if not pa.types.is_null(column.type)}
    if len(kinds) < 2:
        kind = kinds.pop() if kinds else pa.null()
    elif all(pa.types.is_integer(kind) or pa.types.is_floating(kind) for kind in kinds):
        kind = pa.float64()
    else:
        kind = pa.string()
    chunks = [chunk for column in columns for chunk in pc.cast(column, kind, safe=False).chunks]
    return pa.chunked_array(chunks, kind)
