"""Folders and files on disk: everything is written beside its place, flushed, and moved there in one step.

A model folder holds ``model.json`` (what a person may read), ``arrays/*.npy`` (plain arrays) and ``manifest.json``
(format version and a SHA-256 sum of every file). Reading one runs no code from it.
"""

from __future__ import annotations

import csv
import fcntl
import hashlib
import io
import json
import os
import shutil
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any
from urllib.parse import quote

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from numpy.typing import NDArray

from anomaly_lstm import arrow
from anomaly_lstm.clock import iso
from anomaly_lstm.errors import DataError, LockedError, ModelError, UsageError

MODEL_FORMAT = 1

ABANDONED_S = 86_400
"""No trial takes so long [s]: what is left of one is removed by the next."""

_MANIFEST, _DOCUMENT, _ARRAYS = "manifest.json", "model.json", "arrays"


@contextmanager
def replacing(path: Path) -> Iterator[Path]:
    """A side file to write; on leaving it is flushed to disk and takes the place of ``path``, or is removed "
    "on error."""
    if path.is_dir():
        raise UsageError(f"{path} is a folder; a file name is needed here.")
    side = path.with_name(f".{path.name}.{os.getpid()}.part")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        yield side
        _flush(side)
        side.replace(path)
        _flush(path.parent)
    except OSError as problem:
        raise DataError(f"{path} cannot be written: {problem.strerror or problem}. Nothing was changed.") from problem
    finally:
        with suppress(OSError):
            side.unlink(missing_ok=True)


def write_text(path: Path, text: str) -> None:
    """Replace a text file in one step."""
    with replacing(path) as side:
        side.write_text(text, encoding="utf-8")


def write_json(path: Path, document: Any) -> None:
    """Replace a JSON file in one step; keys keep their order, so the same content is the same bytes."""
    write_text(path, json.dumps(document, indent=1, ensure_ascii=False, allow_nan=False) + "\n")


def read_json(path: Path) -> Any:
    """A JSON document. Raises DataError naming the file when it is not one, or cannot be read."""
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except OSError as problem:
        raise DataError(f"{path} cannot be read: {problem.strerror}. Check who may read it.") from problem
    except ValueError as problem:
        raise DataError(
            f"{path} cannot be read as JSON ({problem}). Restore it from a copy, or remove it to begin anew."
        ) from problem


TABLE_SUFFIXES = (".parquet", ".csv", ".json")


def check_table_name(path: Path) -> None:
    """Raise UsageError unless the ending of a name says how `write_table` shall write."""
    if path.suffix.lower() not in TABLE_SUFFIXES:
        raise UsageError(
            f"{path}: write {', '.join(TABLE_SUFFIXES[:-1])} or {TABLE_SUFFIXES[-1]} at the end of the name."
        )


def write_table(path: Path, table: pa.Table, document: Mapping[str, Any]) -> None:
    """Replace a table in one step, by its ending: Parquet with ``document`` in the metadata, CSV without it, or JSON:
    the document with the ``rows``. Times are ISO 8601 in text.
    """
    suffix = path.suffix.lower()
    if suffix == ".json":
        write_json(path, {**document, "rows": rows_of(table)})
        return
    with replacing(path) as side:
        if suffix == ".parquet":
            told = {**(table.schema.metadata or {}), b"anomaly_lstm.document": json.dumps(document).encode()}
            pq.write_table(table.replace_schema_metadata(told), side, compression="zstd")
        else:
            with side.open("w", encoding="utf-8", newline="") as file:
                writer = csv.DictWriter(file, table.column_names)
                writer.writeheader()
                writer.writerows(rows_of(table))


def rows_of(table: pa.Table) -> list[dict[str, Any]]:
    """The rows of a table as plain values; times ISO 8601, None where null."""
    columns = [
        [iso(int(us)) for us in arrow.times_to_numpy(column)]
        if pa.types.is_timestamp(column.type)
        else column.to_pylist()
        for column in table.columns
    ]
    return [dict(zip(table.column_names, row, strict=True)) for row in zip(*columns, strict=True)]


@contextmanager
def replacing_folder(folder: Path) -> Iterator[Path]:
    """A side folder to fill; on leaving, everything in it is flushed and it takes the place of ``folder``, or is
    removed on error.
    """
    folder = folder.absolute()
    side = folder.with_name(f".{folder.name}.{os.getpid()}.part")
    aside = folder.with_name(f".{folder.name}.{os.getpid()}.old")
    try:
        shutil.rmtree(side, ignore_errors=True)
        side.mkdir(parents=True)
        yield side
        for path in side.rglob("*"):
            if path.is_file():
                _flush(path)
        if folder.exists():
            folder.rename(aside)
        side.rename(folder)
    except OSError as problem:
        if aside.exists() and not folder.exists():
            aside.rename(folder)
        raise DataError(f"{folder} cannot be written: {problem.strerror or problem}. Nothing was changed.") from problem
    finally:
        shutil.rmtree(side, ignore_errors=True)
        shutil.rmtree(aside, ignore_errors=True)


@contextmanager
def locked(folder: Path) -> Iterator[None]:
    """Hold a run folder's lock; it is free again as soon as its owner is gone. Raises LockedError while another run
    holds it.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
        lock = (folder / "run.lock").open("a+")
    except OSError as problem:
        raise DataError(
            f"{folder} cannot be written: {problem.strerror}. Give a [run] folder you may write."
        ) from problem
    with lock as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as problem:
            file.seek(0)
            owner = file.read().strip() or "unknown"
            raise LockedError(f"{folder} is in use by another run (process {owner}). Wait for it to end.") from problem
        file.truncate(0)
        file.write(f"{os.getpid()}\n")
        file.flush()
        yield


@contextmanager
def shadow(folder: Path) -> Iterator[Path]:
    """A copy of a run folder to try something on, removed afterwards. What is replaced whole shares its bytes with the
    original; what is appended to is copied.
    """
    for left in folder.absolute().parent.glob(f".{folder.name}.*.part"):  # by one that was killed
        if time.time() - left.stat().st_mtime > ABANDONED_S:
            shutil.rmtree(left, ignore_errors=True)
    with tempfile.TemporaryDirectory(prefix=f".{folder.name}.", suffix=".part", dir=_parent(folder)) as place:
        copy = Path(place) / folder.name
        if folder.is_dir():
            shutil.copytree(folder, copy, copy_function=_link)
        else:
            copy.mkdir()
        yield copy


def _parent(folder: Path) -> Path | None:
    """Where a copy can share bytes with its original; None = where temporary files go."""
    parent = folder.absolute().parent
    return parent if os.access(parent, os.W_OK) else None


def _link(source: str, target: str) -> None:
    """A hard link, or a copy where files are appended to or links cannot be."""
    if not source.endswith((".jsonl", ".lock")):
        with suppress(OSError):
            os.link(source, target)
            return
    shutil.copy2(source, target)


LONGEST_NAME = 200
"""Of a folder [bytes]; file systems take 255."""


def folder_name(asset: str) -> str:
    """The name of an asset's folder: percent-encoded, so no asset name can leave its place, hide, or look like
    ``key=value``; one too long for a file system ends in its sum.
    """
    name = quote(asset, safe=" ()+,;@[]{}~^")
    if len(name) > LONGEST_NAME:
        name = f"{name[: LONGEST_NAME - 33]}~{hashlib.sha256(asset.encode()).hexdigest()[:32]}"
    return f"%{ord(name[0]):02X}{name[1:]}" if name.startswith((".", "_")) else name


def is_model(folder: Path) -> bool:
    """Does the folder look like one of our model folders?"""
    return (folder / _MANIFEST).is_file()


def write_model(folder: Path, document: Mapping[str, Any], arrays: Mapping[str, NDArray[Any]]) -> str:
    """Write a model folder in one step and return its id.

    An existing model folder is replaced; any other folder that is not empty is left alone and refused with UsageError.
    """
    check_model_place(folder)
    files = {_DOCUMENT: (json.dumps(document, indent=1, ensure_ascii=False, allow_nan=False) + "\n").encode()}
    files |= {f"{_ARRAYS}/{name}.npy": _npy(array) for name, array in arrays.items()}
    manifest = {
        "format": MODEL_FORMAT,
        "sha256": {name: hashlib.sha256(data).hexdigest() for name, data in sorted(files.items())},
    }
    text = json.dumps(manifest, indent=1) + "\n"
    with replacing_folder(folder) as side:
        (side / _ARRAYS).mkdir()
        for name, content in files.items():
            (side / name).write_bytes(content)
        (side / _MANIFEST).write_text(text)
    return _model_id(text)


def check_model_place(folder: Path) -> None:
    """Raise UsageError where a model folder may not be written: over anything that is not one. Asked before a long
    training.
    """
    if folder.is_file() or (folder.is_dir() and any(folder.iterdir()) and not is_model(folder)):
        raise UsageError(f"{folder} exists and is not a model folder: it is left as it is. Give another --model.")


def read_model(folder: Path) -> tuple[dict[str, Any], dict[str, NDArray[Any]], str]:
    """The document, the arrays and the id of a model folder.

    Raises ModelError when it is missing, of a newer format, or when any file differs from the sum in the manifest.
    """
    if not is_model(folder):
        what = "holds no model" if folder.is_dir() else "does not exist"
        raise ModelError(f"{folder} {what}. Make one with `anomaly-lstm train SOURCE --model {folder}`.")
    text = (folder / _MANIFEST).read_text(encoding="utf-8", errors="replace")
    try:
        manifest = json.loads(text)
        version, sums = int(manifest["format"]), dict(manifest["sha256"])
    except (ValueError, KeyError, TypeError) as problem:
        raise ModelError(
            f"{folder}/{_MANIFEST} is damaged ({problem}). Train again or restore the folder from a copy."
        ) from problem
    if version > MODEL_FORMAT:
        raise ModelError(
            f"{folder} has model format {version}; this program reads up to {MODEL_FORMAT}. Update "
            "anomaly-lstm, or train again with this version."
        )
    document: dict[str, Any] = {}
    arrays: dict[str, NDArray[Any]] = {}
    for name, wanted in sums.items():
        content = _checked(folder, name, wanted)
        try:
            if name == _DOCUMENT:
                document = json.loads(content)
            else:
                arrays[Path(name).stem] = np.lib.format.read_array(io.BytesIO(content), allow_pickle=False)
        except ValueError as problem:
            raise ModelError(
                f"{folder / name} is not what it should be ({problem}). Train again or restore the folder from a copy."
            ) from problem
    return document, arrays, _model_id(text)


def _checked(folder: Path, name: str, wanted: str) -> bytes:
    path = folder / name
    if ".." in Path(name).parts or Path(name).is_absolute():
        raise ModelError(
            f"{folder}/{_MANIFEST} names a file outside the folder ({name}); this folder is not one of ours."
        )
    try:
        content = path.read_bytes()
    except OSError as problem:
        raise ModelError(
            f"{path} cannot be read: {problem.strerror}. Train again or restore the folder from a copy."
        ) from problem
    if hashlib.sha256(content).hexdigest() != wanted:
        raise ModelError(
            f"{path} is damaged: its SHA-256 sum is not the one in {_MANIFEST}. Train again or restore the "
            "folder from a copy."
        )
    return content


def _model_id(manifest: str) -> str:
    """The first 12 hex digits of the manifest's sum: the same weights and settings have the same id."""
    return hashlib.sha256(manifest.encode()).hexdigest()[:12]


def _npy(array: NDArray[Any]) -> bytes:
    buffer = io.BytesIO()
    np.save(buffer, np.asarray(array, order="C"), allow_pickle=False)
    return buffer.getvalue()


def append_lines(path: Path, documents: Sequence[Any], length: int) -> int:
    """Write documents as lines of JSON after the first ``length`` [bytes] of a file, in place of whatever follows them
    there: lines of a run that was killed before it was done. Returns the new length.
    """
    lines = "".join(json.dumps(one, ensure_ascii=False, allow_nan=False) + "\n" for one in documents).encode()
    if not lines and path.is_file() and path.stat().st_size == length:
        return length
    try:
        with path.open("r+b" if path.is_file() else "x+b") as file:
            length = min(length, file.seek(0, os.SEEK_END))  # shorter where somebody put its lines elsewhere
            file.truncate(length)
            file.seek(length)
            file.write(lines)
            file.flush()
            os.fsync(file.fileno())
    except OSError as problem:
        raise DataError(f"{path} cannot be written: {problem.strerror or problem}.") from problem
    return length + len(lines)


def sweep(folder: Path) -> None:
    """Remove the side files and folders that killed processes left anywhere in a folder whose lock is held."""
    for left in [*folder.rglob(".*.part"), *folder.rglob(".*.old")]:
        if left.is_dir():
            shutil.rmtree(left, ignore_errors=True)
        else:
            left.unlink(missing_ok=True)


def _flush(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
