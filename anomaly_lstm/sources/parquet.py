"""Sensor history in Parquet files, as historians, Spark, pandas and our own `ingest` write them."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from anomaly_lstm.errors import DataError
from anomaly_lstm.sources.contract import Reading, ReadOptions
from anomaly_lstm.sources.raw import RawFile, clean_names, pandas_indexes
from anomaly_lstm.sources.reading import read_files

NAME = "parquet"
SUFFIXES: tuple[str, ...] = (".parquet", ".pq")


def read(paths: Sequence[Path], options: ReadOptions) -> Reading:
    """Read every file of ``paths``; raise `DataError` naming file, column and next step where that fails."""
    return read_files([_load(path, options) for path in paths], options, options)


def _load(path: Path, options: ReadOptions) -> RawFile:
    """Take one file into memory.

    The file is opened by itself, not as a data set: folder names of the form ``key=value`` above it are no columns.
    """
    try:
        with pq.ParquetFile(path) as file:
            table = file.read()
    except (pa.ArrowException, OSError) as error:
        reason = "it is a folder" if path.is_dir() else str(error).splitlines()[0].rstrip(".")
        raise DataError(
            f"{path}: cannot be read as Parquet: {reason}. Copy or export the file again; it may be cut short."
        ) from error
    indexes = pandas_indexes(table)
    named = table.rename_columns(clean_names(table.column_names, path))
    return RawFile(path, named, lambda row: f"row {row + 1}", indexes, options.decimal or ".")
