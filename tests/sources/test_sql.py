"""Databases: every kind of column, what is asked for, and what is said when one does not answer."""

from __future__ import annotations

import sqlite3
import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import duckdb
import numpy as np
import psycopg
import pyarrow as pa
import pytest

from anomaly_lstm.clock import DAY, SECOND, iso, parse_time
from anomaly_lstm.errors import DataError, MissingExtraError
from anomaly_lstm.sources import Reading, ask, read, sql
from anomaly_lstm.sources.contract import Database, Mark, RawFile, ReadOptions
from tests.sources.places import filled, more

HOUR = 3600 * SECOND
START = parse_time("2026-03-01T00:00:00Z")
NOW = parse_time("2026-04-01T00:00:00Z")


@pytest.fixture(params=["sqlite", "duckdb", "postgresql"])
def url(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """The URL of a database, which ``PLANT_DB`` holds."""
    found: str = (
        request.getfixturevalue("postgres")
        if request.param == "postgresql"
        else f"{request.param}:///{tmp_path}/plant.{request.param}"
    )
    monkeypatch.setenv("PLANT_DB", found)
    return found


def rows(minutes: Iterator[int] | range | list[int], flow: float = 0.0) -> pa.Table:
    """A row per minute from 2026-03-01 on, of pump P1."""
    minutes = list(minutes)
    us = np.array([START + minute * 60 * SECOND for minute in minutes], np.int64)
    return pa.table(
        {
            "time": pa.array(us).cast(pa.timestamp("us", "UTC")),
            "asset": ["P1"] * len(us),
            "flow": pa.array([flow + minute for minute in minutes], pa.float64()),
        }
    )


def minutes_of(reading: Reading) -> list[int]:
    return [int(us - START) // (60 * SECOND) for raw in reading.assets for us in raw.time_us]


def run_in(url: str, *statements: str) -> None:
    if url.startswith("postgresql"):
        with psycopg.connect(url) as server:
            for statement in statements:
                server.execute(statement.encode())
    elif url.startswith("sqlite"):
        with sqlite3.connect(url.removeprefix("sqlite:///")) as file:
            for statement in statements:
                file.execute(statement)
    else:
        with duckdb.connect(url.removeprefix("duckdb:///")) as base:
            for statement in statements:
                base.execute(statement)


# ---------------------------------------------------------------- what comes


def test_times_numbers_truths_and_gaps_come_as_they_are(url: str) -> None:
    run_in(
        url,
        "drop table if exists kinds",
        "create table kinds (time timestamp, asset text, level numeric(8, 2), n bigint, x double precision)",
        "insert into kinds values ('2026-03-01 00:00:00', 'P1', 1.25, 7, null)",
        "insert into kinds values ('2026-03-01 00:01:00', 'P1', null, 8, 2.5)",
    )
    reading = read(Database("PLANT_DB", table="kinds"))
    (pump,) = reading.assets
    assert pump.sensors == ("level", "n", "x")
    np.testing.assert_array_equal(pump.values, [[1.25, 7, np.nan], [np.nan, 8, 2.5]])
    assert [iso(int(us)) for us in pump.time_us] == ["2026-03-01T00:00:00Z", "2026-03-01T00:01:00Z"]


def test_a_long_table_is_brought_side_by_side(url: str) -> None:
    run_in(
        url,
        "drop table if exists long",
        "create table long (time timestamp, asset text, sensor text, value double precision)",
        "insert into long values ('2026-03-01 00:00:00', 'P1', 'PIT-3101A.PV', 1), "
        "('2026-03-01 00:00:00', 'P1', 'TT%', 2)",
    )
    (pump,) = read(Database("PLANT_DB", table="long")).assets
    assert (pump.sensors, pump.values.tolist()) == (("PIT-3101A.PV", "TT%"), [[1.0, 2.0]])


def test_a_table_without_asset_is_one_asset_named_after_it(url: str) -> None:
    (pump,) = read(replace(filled(url, "pump-07", rows(range(3)).drop_columns("asset")))).assets
    assert pump.asset == "pump-07"


def test_names_are_quoted_and_never_obeyed(url: str) -> None:
    name = 'odd" name; drop table kept --'
    run_in(url, "drop table if exists kept", "create table kept (a int)")
    quoted = name.replace('"', '""')
    run_in(
        url,
        f'drop table if exists "{quoted}"',
        f'create table "{quoted}" (time timestamp, "x"" y" double precision)',
        f"insert into \"{quoted}\" values ('2026-03-01 00:00:00', 1)",
    )
    database = Database("PLANT_DB", table=name)
    assert read(database).assets[0].sensors == ('x" y',)
    with pytest.raises(DataError):
        read(Database("PLANT_DB", table="kept; drop table kept"))
    run_in(url, "select a from kept")


@pytest.mark.parametrize(
    "query",
    [
        "select * from readings where flow >= 1;  ",
        "with all_rows as (select * from readings) select * from all_rows where flow >= 1 -- the first is cold",
        "select * from readings where flow >= 1 and asset like 'P%' and asset <> ':x' /* 50 % : y */",
        "select time, asset, flow from readings where flow between 1 and 2 union all "
        "select time, asset, flow from readings where flow > 2",
    ],
)
def test_a_query_is_asked_as_it_stands_and_within_a_span(url: str, query: str) -> None:
    filled(url, "readings", rows(range(4)))
    database = Database("PLANT_DB", query=query)
    assert minutes_of(read(database)) == [1, 2, 3]
    within = ReadOptions(time="time", start_us=START + 2 * 60 * SECOND, end_us=START + 3 * 60 * SECOND)
    assert minutes_of(read(database, within)) == [2]


def test_no_query_changes_anything(url: str) -> None:
    filled(url, "readings", rows(range(4)))
    for query in ("delete from readings", "drop table readings", "insert into readings select * from readings"):
        with pytest.raises(DataError, match="does not answer"):
            read(Database("PLANT_DB", query=query))
    assert len(minutes_of(read(Database("PLANT_DB", table="readings")))) == 4


def test_of_a_span_only_its_rows_are_asked_for_where_the_database_knows_times(url: str) -> None:
    database = filled(url, "readings", rows(range(100)))
    within = ReadOptions(time="time", start_us=START + 10 * 60 * SECOND, end_us=START + 20 * 60 * SECOND)
    reading = read(database, within)
    assert minutes_of(reading) == list(range(10, 20))
    assert reading.files[0].rows_read == (100 if url.startswith("sqlite") else 10)


def test_columns_that_hold_nothing_at_first_or_hold_words_in_between_lose_no_row(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PLANT_DB", f"sqlite:///{tmp_path}/plant.db")
    with sqlite3.connect(tmp_path / "plant.db") as file:
        file.execute("create table readings (time, flow, late, odd)")
        for minute in range(40_000):
            odd = "Bad" if minute == 20_000 else minute if minute % 2 else minute / 2
            late = None if minute < 30_000 else 0.5
            file.execute(
                "insert into readings values (?, ?, ?, ?)",
                (iso(START + minute * 60 * SECOND), minute, late, odd),
            )
    database = Database("PLANT_DB", table="readings")
    reading = read(database)
    (pump,) = reading.assets
    assert (pump.sensors, len(pump.time_us)) == (("flow", "late", "odd"), 40_000)
    assert np.isfinite(pump.values).sum(axis=0).tolist() == [40_000, 10_000, 39_999]


# ---------------------------------------------------------------- what is new


def new_rows(database: Database, known: Mark | None, how: ReadOptions, size: int = 1 << 20) -> tuple[list[int], Mark]:
    answer = list(ask(database, known, how, NOW, size))
    mark = answer[-1][1]
    assert mark is not None
    return sorted(minute for reading, _ in answer for minute in minutes_of(reading)), mark


def test_new_rows_are_asked_for_and_those_that_came_late_within_the_overlap(url: str) -> None:
    database = replace(filled(url, "readings", rows([*range(600), *range(605, 1000)])), overlap_us=10 * HOUR)
    how = read(database).how
    seen, mark = new_rows(database, None, how)
    assert len(seen) == 995
    more(url, "readings", rows([*range(1000, 1003), 600, 601]))
    seen, mark = new_rows(database, mark, how, size=100)
    assert seen[-3:] == [1000, 1001, 1002]
    assert {600, 601} <= set(seen)
    assert seen[0] >= 999 - 12 * 60  # an hour more where a clock carries no zone
    again, same = new_rows(database, mark, how)
    assert same == mark
    assert len(again) <= 12 * 60


def test_a_wrong_clock_moves_no_watermark(url: str) -> None:
    database = filled(url, "readings", rows(range(10)))
    how = read(database).how
    more(url, "readings", rows([60 * 24 * 365 * 20]))
    _, mark = new_rows(database, None, how)
    more(url, "readings", rows([10]))
    assert 10 in new_rows(database, mark, how)[0]


def test_a_watermark_that_counts_rows_finds_those_that_come_however_late(url: str) -> None:
    run_in(
        url,
        "drop table if exists numbered",
        "create table numbered (id bigint, time timestamp, flow double precision)",
        *(f"insert into numbered values ({n}, '2026-03-01 00:{n:02d}:00', {n})" for n in range(10, 20)),
    )
    database = Database("PLANT_DB", table="numbered", watermark="id", overlap_steps=2)
    how = replace(read(database).how, exclude=("id",))
    _, mark = new_rows(database, None, how)
    assert mark == Mark("number", 19)
    run_in(url, "insert into numbered values (20, '2026-03-01 00:01:00', 1)")
    assert new_rows(database, mark, how) == ([1, 17, 18, 19], Mark("number", 20))


@pytest.mark.parametrize(("unit", "ticks"), [("epoch_s", 1), ("epoch_ms", 1000), ("epoch_ns", 10**9)])
def test_times_as_numbers_since_1970_are_a_watermark(url: str, unit: str, ticks: int) -> None:
    run_in(
        url,
        "drop table if exists numbers",
        "create table numbers (time bigint, flow double precision)",
        *(f"insert into numbers values ({(START // SECOND + 60 * n) * ticks}, {n})" for n in range(200)),
    )
    database = Database("PLANT_DB", table="numbers")
    how = read(database).how
    assert how.time_format == unit
    _, mark = new_rows(database, None, how)
    assert new_rows(database, mark, how)[0] == list(range(139, 200))


def test_text_that_is_not_ordered_like_time_is_no_watermark(url: str) -> None:
    run_in(
        url,
        "drop table if exists texts",
        "create table texts (time text, flow double precision)",
        *(f"insert into texts values ('{day:02d}/03/2026 00:00', {day})" for day in range(1, 20)),
    )
    database = Database("PLANT_DB", table="texts")
    how = read(database).how
    with pytest.raises(DataError, match="watermark column 'time' is text whose order is not that of time"):
        list(ask(database, None, how, NOW))


def test_a_watermark_that_is_not_there_is_named(url: str) -> None:
    database = replace(filled(url, "readings", rows(range(3))), watermark="inserted")
    with pytest.raises(DataError, match=r"no watermark column 'inserted', only time, asset, flow"):
        list(ask(database, None, read(database).how, NOW))


@pytest.mark.parametrize(
    ("mark", "back"),
    [
        (Mark("moment", START), Mark("moment", START - HOUR)),
        (Mark("wall", START), Mark("wall", START - 2 * HOUR)),
        (Mark("text", "2026-03-01T00:00:00Z"), Mark("text", "2026-02-28T22:00:00")),
        (Mark("text", "2026-03-01 00:00:00.123+01:00"), Mark("text", "2026-02-28 22:00:00")),
        (Mark("text", "2026-03-01 00:00"), Mark("text", "2026-02-28 22:00")),
        (Mark("text", "2026-03-01"), Mark("text", "2026-02-28")),
    ],
)
def test_the_overlap_goes_back_in_the_form_of_the_column(mark: Mark, back: Mark) -> None:
    assert sql.lowered(mark, Database("PLANT_DB", table="x"), ReadOptions(time="time")) == back


def test_a_day_is_a_watermark() -> None:
    table = pa.table({"time": pa.array([20_000, 20_001, None], pa.int32()).cast(pa.date32())})
    part = RawFile(Path("x"), table, str)
    mark = sql.mark_in(part, Database("PLANT_DB", table="x"), ReadOptions(time="time"), NOW)
    assert mark == Mark("wall", 20_001 * DAY)


# ---------------------------------------------------------------- what is said


@pytest.mark.parametrize(
    ("address", "said"),
    [
        ("nonsense", "PLANT_DB: holds no address of a database"),
        ("postgresql://ann:s3%2Fcr3t@127.0.0.1:1/d", "127.0.0.1:1/d: the database cannot be reached: .*refused"),
        ("sqlite:////no/such/plant.db", "/no/such/plant.db: the database cannot be reached: unable to open"),
        ("duckdb:////no/such/plant.duckdb", "/no/such/plant.duckdb: the database cannot be reached: "),
        ("oracle+cx_oracle://ann:s3%2Fcr3t@host/d", "cx_oracle.* is not installed"),
        ("nosuch://ann:s3%2Fcr3t@host/d", "nosuch"),
    ],
)
def test_a_database_that_cannot_be_used_is_said_without_its_password(
    monkeypatch: pytest.MonkeyPatch, address: str, said: str
) -> None:
    monkeypatch.setenv("PLANT_DB", address)
    with pytest.raises((DataError, MissingExtraError), match=said) as caught:
        read(Database("PLANT_DB", table="readings"))
    assert "cr3t" not in str(caught.value)


def test_an_address_that_is_not_set_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("PLANT_DB", raising=False)
    with pytest.raises(DataError, match="environment variable PLANT_DB is not set"):
        read(Database("PLANT_DB", table="readings"))


def test_a_table_or_column_that_is_not_there_is_said_in_the_words_of_the_database(url: str) -> None:
    filled(url, "readings", rows(range(3)))
    with pytest.raises(DataError, match=r"\[source\] table = 'redings': .*redings"):
        read(Database("PLANT_DB", table="redings"))
    with pytest.raises(DataError, match=r"\[source\] query: .*nope"):
        read(Database("PLANT_DB", query="select nope from readings"))


def test_an_empty_table_is_no_success(url: str) -> None:
    with pytest.raises(DataError, match="no rows"):
        read(filled(url, "readings", rows([])))


@pytest.mark.parametrize(
    ("package", "address", "extra"),
    [
        ("sqlalchemy.engine", "sqlite://", "sql"),
        ("adbc_driver_postgresql", "postgresql://h/d", "sql"),
        ("duckdb", "duckdb:////d", "duckdb"),
    ],
)
def test_a_package_that_is_not_there_names_its_extra(
    monkeypatch: pytest.MonkeyPatch, package: str, address: str, extra: str
) -> None:
    monkeypatch.setenv("PLANT_DB", address)
    monkeypatch.setitem(sys.modules, package, None)
    with pytest.raises(MissingExtraError, match=rf"pip install 'anomaly-lstm\[{extra}\]'"):
        read(Database("PLANT_DB", table="readings"))
