"""Sensor history in Parquet files, as historians, Spark, pandas and our own `ingest` write them."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from anomaly_lstm.errors import DataError
from anomaly_lstm.sources.contract import RawFile, ReadOptions
from anomaly_lstm.sources.names import clean_names, pandas_indexes

NAME = "parquet"
SUFFIXES: tuple[str, ...] = (".parquet", ".pq")

BYTES_PER_CELL = 8


def parts(path: Path, options: ReadOptions, size: int | None) -> Iterator[RawFile]:
    """The rows of a file, in parts of about ``size`` bytes in memory; see `contract.Source`.

    The file is opened by itself, not as a data set: folder names of the form ``key=value`` above it are no columns.
    """
    try:
        with pq.ParquetFile(path) as file:
            if size is None or file.metadata.num_rows == 0:
                yield _part(path, file.read(), options, 0)
                return
            rows = max(1, size // (BYTES_PER_CELL * max(1, len(file.schema_arrow))))
            done = 0
            for batch in file.iter_batches(batch_size=rows):
                yield _part(path, pa.Table.from_batches([batch]), options, done)
                done += batch.num_rows
    except (pa.ArrowException, OSError) as error:
        reason = "it is a folder" if path.is_dir() else str(error).splitlines()[0].rstrip(".")
        raise DataError(
            f"{path}: cannot be read as Parquet: {reason}. Copy or export the file again; it may be cut short."
        ) from error


def _part(path: Path, table: Any, options: ReadOptions, done: int) -> RawFile:
    """Some rows of the file, after ``done`` others."""
    named = table.rename_columns(clean_names(table.column_names, path))
    return RawFile(path, named, lambda row: f"row {done + row + 1}", pandas_indexes(table), options.decimal or ".")
