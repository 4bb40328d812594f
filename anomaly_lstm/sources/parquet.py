"""Sensor history in Parquet files, as historians, Spark, pandas and our own `ingest` write them."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from anomaly_lstm.errors import DataError
from anomaly_lstm.sources.contract import TOLD, UNIT, RawFile, ReadOptions
from anomaly_lstm.sources.names import clean_names, pandas_indexes, said_in

NAME = "parquet"
SUFFIXES: tuple[str, ...] = (".parquet", ".pq")

BYTES_PER_CELL = 8


def parts(path: Path, options: ReadOptions, size: int | None) -> Iterator[RawFile]:
    """The rows of a file, in parts of about ``size`` bytes in memory; see `contract.Source`.

    The file is opened by itself, not as a data set: folder names of the form ``key=value`` above it are no columns.
    """
    try:
        with pq.ParquetFile(path) as file:
            n_rows = file.metadata.num_rows
            if size is None or n_rows == 0:
                yield _part(path, file.read(), options, 0, 1.0)
                return
            rows = max(1, size // (BYTES_PER_CELL * max(1, len(file.schema_arrow))))
            done = 0
            for batch in file.iter_batches(batch_size=rows):
                part = pa.Table.from_batches([batch])
                yield _part(path, part, options, done, (done + len(part)) / n_rows)
                done += len(part)
    except (pa.ArrowException, OSError) as error:
        reason = "it is a folder" if path.is_dir() else str(error).splitlines()[0].rstrip(".")
        raise DataError(
            f"{path}: cannot be read as Parquet: {reason}. Copy or export the file again; it may be cut short."
        ) from error


def _part(path: Path, table: Any, options: ReadOptions, before: int, done: float) -> RawFile:
    """Some rows of the file, after ``before`` others; ``done`` is the share of it that is read then."""
    told = said_in(table, TOLD)
    told = told if {*told} == {"time", "asset"} and all(name in table.column_names for name in told.values()) else {}
    units = {
        field.name.strip(): field.metadata[UNIT].decode(errors="replace")
        for field in table.schema
        if UNIT in (field.metadata or {})
    }
    named = table.rename_columns(clean_names(table.column_names, path))
    indexes, decimal = pandas_indexes(table), options.decimal or "."
    return RawFile(
        path, named, lambda row: f"row {before + row + 1}", indexes, decimal, units=units, done=done, told=told
    )
