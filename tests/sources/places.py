"""Rows put into databases and stores, for tests that read them from there."""

from __future__ import annotations

import sqlite3
from pathlib import Path
from typing import Any

import duckdb
import psycopg
import pyarrow as pa
from psycopg import sql
from pyarrow import fs

from anomaly_lstm.sources.contract import Database


def filled(url: str, name: str, table: pa.Table) -> Database:
    """A table of a database with these rows and no others; ``PLANT_DB`` is to hold the URL."""
    if url.startswith("postgresql"):
        with psycopg.connect(url) as connection:
            kinds = {pa.string(): "text", pa.float64(): "float8"}
            columns = [
                sql.SQL("{} {}").format(sql.Identifier(field.name), sql.SQL(kinds.get(field.type, "timestamptz")))
                for field in table.schema
            ]
            connection.execute(sql.SQL("drop table if exists {}").format(sql.Identifier(name)))
            connection.execute(
                sql.SQL("create table {} ({})").format(sql.Identifier(name), sql.SQL(", ").join(columns))
            )
    elif url.startswith("sqlite"):
        with sqlite3.connect(url.removeprefix("sqlite:///")) as file:
            file.execute(f'drop table if exists "{name}"')
            file.execute(f'create table "{name}" ({", ".join(table.column_names)})')
    else:
        with duckdb.connect(url.removeprefix("duckdb:///")) as base:
            base.register("given", table)
            base.execute(f'create or replace table "{name}" as select * from given limit 0')
    more(url, name, table)
    return Database("PLANT_DB", table=name)


def more(url: str, name: str, table: pa.Table) -> None:
    """Further rows."""
    rows: list[tuple[Any, ...]] = list(zip(*(column.to_pylist() for column in table.columns), strict=True))
    if url.startswith("postgresql"):
        given = sql.SQL("copy {} from stdin").format(sql.Identifier(name))
        with psycopg.connect(url) as connection, connection.cursor() as cursor, cursor.copy(given) as copy:
            for row in rows:
                copy.write_row(row)
    elif url.startswith("sqlite"):
        with sqlite3.connect(url.removeprefix("sqlite:///")) as file:
            rows = [tuple(str(cell) if hasattr(cell, "isoformat") else cell for cell in row) for row in rows]
            file.executemany(f'insert into "{name}" values ({", ".join("?" for _ in table.column_names)})', rows)
    else:
        with duckdb.connect(url.removeprefix("duckdb:///")) as base:
            base.register("given", table)
            base.execute(f'insert into "{name}" select * from given')


def put(endpoint: str, key: str, file: Path) -> str:
    """A file put into a store of buckets; its address."""
    store = fs.S3FileSystem(
        access_key="plant",
        secret_key="s3cr3t",
        region="us-east-1",
        endpoint_override=endpoint,
        allow_bucket_creation=True,
    )
    store.create_dir(key.partition("/")[0])
    with store.open_output_stream(key) as stream:
        stream.write(file.read_bytes())
    return f"s3://{key}"
