"""The laws every source keeps, and how a source is found."""

import os
import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from pyarrow import csv as arrow_csv

from anomaly_lstm.errors import DataError, UsageError
from anomaly_lstm.sources import SOURCES, Place, Reading, ReadOptions, read, resolve, stream
from tests.sources.places import filled, put


def _table(shift: float) -> pa.Table:
    """Rows of two assets with a gap in time, a missing cell, a duplicate and a row without asset."""
    return pa.table(
        {
            "asset": ["P2", "P1", "P1", "P2", None, "P1"],
            "time": [f"2020-01-01T00:0{minute}:00Z" for minute in (0, 0, 3, 1, 2, 3)],
            "flow": [1.0 + shift, 2.0, None, 4.0, 5.0, 6.0],
            "state": ["auto", "auto", "hand", "auto", "auto", "auto"],
        }
    )


def _write(kind: str, folder: Path, name: str = "pump", shift: float = 0.0) -> Path:
    path = folder / f"{name}.{kind}"
    path.parent.mkdir(parents=True, exist_ok=True)
    if kind == "csv":
        arrow_csv.write_csv(_table(shift), path)
    else:
        pq.write_table(_table(shift), path)
    return path


WRITERS: dict[str, Callable[..., Path]] = {
    kind: lambda folder, name="pump", shift=0.0, kind=kind: _write(kind, folder, name, shift)
    for kind, source in SOURCES.items()
    if source.SUFFIXES
}
every_file = pytest.mark.parametrize("kind", sorted(WRITERS))
every_source = pytest.mark.parametrize("kind", sorted(SOURCES))


@pytest.fixture(params=["csv", "parquet", "sqlite", "duckdb", "postgresql", "s3", "http", "sftp"])
def place(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Place:
    """The same rows wherever rows come from."""
    where: str = request.param
    if where in WRITERS:
        return WRITERS[where](tmp_path)
    if where in ("sqlite", "duckdb", "postgresql"):
        url = request.getfixturevalue("postgres") if where == "postgresql" else f"{where}:///{tmp_path}/plant.{where}"
        monkeypatch.setenv("PLANT_DB", url)
        return filled(url, "pump", _table(0.0))
    server = request.getfixturevalue({"http": "web"}.get(where, where))
    if where == "s3":
        return put(server, "contract/pump.parquet", _write("parquet", tmp_path))
    _write("csv", tmp_path / {"http": "web"}.get(where, where))
    return f"{server.url}/pump.csv" if where == "http" else f"sftp://ann:${{SFTP_PASSWORD}}@{server}/pump.csv"


def same(one: Reading, other: Reading) -> bool:
    return len(one.assets) == len(other.assets) and all(
        (a.asset, a.sensors) == (b.asset, b.sensors)
        and np.array_equal(a.time_us, b.time_us)
        and np.array_equal(a.values, b.values, equal_nan=True)
        for a, b in zip(one.assets, other.assets, strict=True)
    )


@every_source
def test_the_name_in_the_dict_is_the_name_of_the_module(kind: str) -> None:
    assert kind == SOURCES[kind].NAME
    assert all(suffix.startswith(".") for suffix in SOURCES[kind].SUFFIXES)


def test_shapes_and_types_are_those_of_the_contract(place: Place) -> None:
    reading = read(place)
    assert [asset.asset for asset in reading.assets] == ["P1", "P2"]
    for asset in reading.assets:
        assert (str(asset.time_us.dtype), str(asset.values.dtype)) == ("int64", "float64")
        assert asset.values.shape == (len(asset.time_us), len(asset.sensors))
        assert asset.sensors == ("flow",)


def test_rows_keep_the_order_and_the_duplicates_of_the_file(place: Place) -> None:
    first = read(place).assets[0]
    np.testing.assert_array_equal(first.values[:, 0], [2, np.nan, 6])
    assert first.time_us[1] == first.time_us[2]


def test_every_row_is_kept_or_counted(place: Place) -> None:
    (quality,) = read(place).files
    assert quality.rows_read == quality.rows_kept + sum(quality.dropped.values()) == 6


def test_reading_again_with_what_was_found_out_gives_the_same(place: Place) -> None:
    first = read(place)
    again = read(place, first.how)
    assert same(first, again)
    assert again.how == first.how
    assert not any("--time" in note for note in again.notes)


@every_file
def test_reading_does_not_depend_on_the_order_of_files(kind: str, tmp_path: Path) -> None:
    paths = [WRITERS[kind](tmp_path, name, shift) for name, shift in (("a", 0.0), ("b", 10.0))]
    forward, backward = read(paths), read(paths[::-1])
    assert [asset.asset for asset in forward.assets] == [asset.asset for asset in backward.assets]
    assert forward.how == backward.how
    for one, other in zip(forward.assets, backward.assets, strict=True):
        np.testing.assert_array_equal(np.sort(one.time_us), np.sort(other.time_us))


def test_options_that_were_set_are_kept_and_sensors_are_not_invented(place: Place) -> None:
    options = ReadOptions(exclude=("state",), columns={"flow": "Q"})
    reading = read(place, options)
    assert (reading.how.exclude, reading.how.columns, reading.how.sensors) == (("state",), {"flow": "Q"}, None)
    assert reading.assets[0].sensors == ("Q",)
    assert replace(reading.how, zone=None).zone is None


@every_source
def test_a_folder_or_an_unreadable_file_is_a_data_error(kind: str, tmp_path: Path) -> None:
    broken = tmp_path / f"broken.{kind}"
    broken.write_bytes(bytes(64))
    for path in (tmp_path, broken, tmp_path / "absent"):
        with pytest.raises(DataError) as caught:
            list(SOURCES[kind].parts(path, ReadOptions(), None))
        assert str(path) in str(caught.value)


def test_an_empty_text_holds_no_rows_and_only_alone_it_is_an_error(tmp_path: Path) -> None:
    empty = tmp_path / "empty.csv"
    empty.write_bytes(b"")
    assert [part.table.num_rows for part in SOURCES["csv"].parts(empty, ReadOptions(), None)] == [0]
    with pytest.raises(DataError, match=r"empty\.csv: the file is empty"):
        read(empty)


@every_file
def test_a_file_a_folder_and_a_glob_are_found(kind: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = WRITERS[kind](tmp_path / "site")
    hidden = WRITERS[kind](tmp_path / "site", ".partial")
    assert hidden.exists()
    for source in (path, str(path), tmp_path, tmp_path / "*" / "*.*", f"{tmp_path}/**/p*", [path, tmp_path]):
        assert resolve(source)[0] == kind
        assert path in resolve(source)[1]
    assert resolve(tmp_path)[1] == [path]
    monkeypatch.chdir(tmp_path / "site")
    assert resolve(f"../site/*.{kind}")[1]


def test_a_folder_with_two_kinds_is_an_error_that_names_both(tmp_path: Path) -> None:
    for write in WRITERS.values():
        write(tmp_path)
    with pytest.raises(DataError, match=r"1 csv file.* and 1 parquet file"):
        resolve(tmp_path)


def test_a_file_that_is_not_there_names_the_nearest(tmp_path: Path) -> None:
    _write("csv", tmp_path, "pump-07")
    with pytest.raises(DataError, match=r"Did you mean 'pump-07.csv'\?"):
        resolve(tmp_path / "pump-7.csv")
    with pytest.raises(DataError, match="no folder"):
        resolve(tmp_path / "nowhere" / "pump.csv")


def test_an_empty_folder_and_a_glob_without_a_match_are_errors(tmp_path: Path) -> None:
    (tmp_path / "report.xlsx").write_bytes(b"PK")
    with pytest.raises(DataError, match=r"1 \.xlsx"):
        resolve(tmp_path)
    with pytest.raises(DataError, match="no file matches"):
        resolve(tmp_path / "*.csv")
    with pytest.raises(DataError):
        resolve([])


def test_reading_imports_neither_pandas_nor_anything_else_that_is_slow(tmp_path: Path) -> None:
    paths = [_write(kind, tmp_path / kind) for kind in WRITERS]
    code = (
        "import sys; from anomaly_lstm.sources import read; [read(path) for path in sys.argv[1:]]; "
        "print([name for name in ('pandas', 'scipy', 'sklearn', 'tensorflow') if name in sys.modules])"
    )
    root = str(Path(__file__).parents[2])
    done = subprocess.run(
        [sys.executable, "-c", code, *map(str, paths)],
        capture_output=True,
        text=True,
        check=True,
        env={**os.environ, "PYTHONPATH": root},
    )
    assert done.stdout.strip() == "[]"


@every_file
@pytest.mark.parametrize("size", [1, 40, 150, 10_000])
def test_parts_of_any_size_hold_the_rows_of_the_whole_file(kind: str, size: int, tmp_path: Path) -> None:
    path = WRITERS[kind](tmp_path)
    whole = pa.concat_tables([part.table for part in SOURCES[kind].parts(path, ReadOptions(), None)])
    parts = list(SOURCES[kind].parts(path, ReadOptions(), size))
    assert pa.concat_tables([part.table for part in parts]).equals(whole)
    assert len(parts) > 1 or size > 40
    wheres = [part.where(row) for part in parts for row in range(len(part.table))]
    assert wheres == [f"{'line' if kind == 'csv' else 'row'} {row + (2 if kind == 'csv' else 1)}" for row in range(6)]


@every_file
@pytest.mark.parametrize("size", [40, 150, 10_000])
def test_a_stream_brings_the_rows_of_one_reading(kind: str, size: int, tmp_path: Path) -> None:
    WRITERS[kind](tmp_path, "a")
    WRITERS[kind](tmp_path, "b", 10.0)
    whole, readings = read(tmp_path), list(stream(tmp_path, size=size))
    for asset in whole.assets:
        mine = [raw for reading in readings for raw in reading.assets if raw.asset == asset.asset]
        assert np.array_equal(np.concatenate([raw.time_us for raw in mine]), asset.time_us)
        assert np.array_equal(np.concatenate([raw.values for raw in mine]), asset.values, equal_nan=True)
    counted = [(file.rows_read, file.rows_kept) for reading in readings for file in reading.files]
    assert np.sum(counted, axis=0).tolist() == [12, 10]


def test_a_stream_of_small_parts_brings_the_rows_of_one_reading_from_wherever_they_come(place: Place) -> None:
    whole, readings = read(place), list(stream(place, size=40))
    for asset in whole.assets:
        mine = [raw for reading in readings for raw in reading.assets if raw.asset == asset.asset]
        assert np.array_equal(np.concatenate([raw.values for raw in mine]), asset.values, equal_nan=True)
    assert sum(file.rows_read for reading in readings for file in reading.files) == 6


def test_what_is_told_of_a_place_holds_no_secret_and_no_copy(place: Place) -> None:
    reading = read(place)
    said = [
        *reading.notes,
        *(file.file for file in reading.files),
        *(name for a in reading.assets for name in a.origins),
    ]
    assert not [text for text in said if "s3cr3t" in text or "cr3t" in text or "anomaly-lstm-" in text]
    with pytest.raises((DataError, UsageError)) as caught:
        read(place, ReadOptions(time="nothing such"))
    assert "nothing such" in str(caught.value)
    assert "cr3t" not in str(caught.value)
    assert "anomaly-lstm-" not in str(caught.value)
