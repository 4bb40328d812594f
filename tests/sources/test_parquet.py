"""Parquet as pandas, Spark and historians write it."""

from datetime import UTC, date, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from anomaly_lstm.clock import iso
from anomaly_lstm.errors import DataError
from anomaly_lstm.sources import Reading, ReadOptions, read

HOURS = [datetime(2020, 1, 1, hour) for hour in range(3)]


def write(folder: Path, columns: dict[str, Any], name: str = "pump.parquet") -> Path:
    path = folder / name
    path.parent.mkdir(parents=True, exist_ok=True)
    pq.write_table(pa.table(columns), path)
    return path


def times(reading: Reading) -> list[str]:
    return [iso(int(moment)) for moment in reading.assets[0].time_us]


@pytest.mark.parametrize("unit", ["s", "ms", "us", "ns"])
@pytest.mark.parametrize("zone", [None, "UTC", "Europe/Berlin"])
def test_typed_times_of_any_unit_are_read(tmp_path: Path, unit: str, zone: str | None) -> None:
    moments = pa.array([moment.replace(tzinfo=UTC) if zone else moment for moment in HOURS], pa.timestamp(unit, zone))
    reading = read(write(tmp_path, {"t": moments, "a": [1.0, 2.0, 3.0]}))
    assert times(reading) == ["2020-01-01T00:00:00Z", "2020-01-01T01:00:00Z", "2020-01-01T02:00:00Z"]
    assert any("UTC" in note for note in reading.notes) == (zone is None)


def test_naive_times_are_read_in_the_zone(tmp_path: Path) -> None:
    path = write(tmp_path, {"t": HOURS, "a": [1.0, 2.0, 3.0]})
    assert times(read(path, ReadOptions(zone="Europe/Berlin")))[0] == "2019-12-31T23:00:00Z"


@pytest.mark.parametrize(
    ("cells", "expected"),
    [
        ([1583749260, 1583749320, 1583749380], "2020-03-09T10:21:00Z"),
        ([1583749260.5, 1583749320.5, 1583749380.5], "2020-03-09T10:21:00.500Z"),
        (["2020-03-09 10:21", "2020-03-09 10:22", "2020-03-09 10:23"], "2020-03-09T10:21:00Z"),
        ([date(2020, 3, 9), date(2020, 3, 10), date(2020, 3, 11)], "2020-03-09T00:00:00Z"),
    ],
)
def test_times_kept_as_numbers_text_or_dates_are_read(tmp_path: Path, cells: list[Any], expected: str) -> None:
    assert times(read(write(tmp_path, {"time": cells, "a": [1.0, 2.0, 3.0]})))[0] == expected


def test_a_plain_counter_is_a_time_only_when_told_so(tmp_path: Path) -> None:
    path = write(tmp_path, {"time": [0, 60, 120], "a": [1.0, 2.0, 3.0]})
    with pytest.raises(DataError, match="epoch_s"):
        read(path)
    assert times(read(path, ReadOptions(time="time", time_format="epoch_s")))[1] == "1970-01-01T00:01:00Z"


@pytest.mark.parametrize("name", [None, "when"])
def test_a_pandas_time_index_is_the_time(tmp_path: Path, name: str | None) -> None:
    path = tmp_path / "pump.parquet"
    pd.DataFrame({"a": [1.0, 2.0, 3.0]}, index=pd.DatetimeIndex(HOURS, name=name)).to_parquet(path)
    reading = read(path)
    assert times(reading)[2] == "2020-01-01T02:00:00Z"
    assert reading.assets[0].sensors == ("a",)


def test_a_pandas_running_index_is_no_sensor(tmp_path: Path) -> None:
    path = tmp_path / "pump.parquet"
    pd.DataFrame({"time": HOURS, "a": [1.0, 2.0, 3.0]}, index=[0, 1, 5]).to_parquet(path)
    reading = read(path)
    assert reading.assets[0].sensors == ("a",)
    assert any("__index_level_0__" in note for note in reading.notes)


def test_every_kind_of_number_is_a_sensor_and_the_rest_is_said(tmp_path: Path) -> None:
    reading = read(
        write(
            tmp_path,
            {
                "time": HOURS,
                "whole": pa.array([1, None, 3], pa.int16()),
                "half": pa.array([1, 2, 3], pa.float32()),
                "exact": [Decimal("1.50"), Decimal("2.50"), None],
                "on": [True, False, None],
                "infinite": [1.0, np.inf, -np.inf],
                "nothing": pa.nulls(3),
                "who": ["Ann", "Bob", None],
                "kind": pa.array(["x", "y", "x"]).dictionary_encode(),
                "made": HOURS,
                "spectrum": [[1.0], [2.0], [3.0]],
            },
        )
    )
    (asset,) = reading.assets
    assert asset.sensors == ("whole", "half", "exact", "on", "infinite", "nothing")
    np.testing.assert_array_equal(asset.values[1], [np.nan, 2, 2.5, 0, np.nan, np.nan])
    assert reading.files[0].cells_not_numeric == {"infinite": {"-inf": 1, "inf": 1}}
    text = " ".join(reading.notes)
    assert all(f"'{name}'" in text for name in ("who", "kind", "made", "spectrum", "nothing"))


@pytest.mark.parametrize("assets", [["007", "8", "007"], [7, 8, 7], [7.0, 8.0, 7.0]])
def test_the_asset_column_may_be_text_or_number(tmp_path: Path, assets: list[Any]) -> None:
    reading = read(write(tmp_path, {"asset": assets, "time": HOURS, "a": [1.0, 2.0, 3.0]}), ReadOptions(asset="asset"))
    assert [asset.asset for asset in reading.assets] in (["007", "8"], ["7", "8"])


def test_folders_of_the_form_key_value_are_no_columns(tmp_path: Path) -> None:
    write(tmp_path, {"asset": ["007"], "time": HOURS[:1], "a": [1.0]}, "asset=7/part.parquet")
    assert [asset.asset for asset in read(tmp_path).assets] == ["007"]


def test_an_ingested_folder_is_read_from_its_data(tmp_path: Path) -> None:
    write(tmp_path, {"asset": ["a/b"], "time": HOURS[:1], "x": [1.0]}, "data/a%2Fb/2020.parquet")
    (tmp_path / "quality.json").write_text("{}")
    (tmp_path / "notes.csv").write_text("no data")
    assert [asset.asset for asset in read(tmp_path).assets] == ["a/b"]


def test_a_long_table_over_several_files_becomes_wide(tmp_path: Path) -> None:
    for tag in ("T", "p"):
        columns = {"asset": ["P1"] * 3, "tag": [tag] * 3, "time": HOURS, "value": [1.0, 2.0, 3.0]}
        write(tmp_path, columns, f"{tag}.parquet")
    (asset,) = read(tmp_path).assets
    assert asset.sensors == ("T", "p")
    np.testing.assert_array_equal(asset.values, [[1, 1], [2, 2], [3, 3]])


def test_a_cut_file_says_so(tmp_path: Path) -> None:
    path = write(tmp_path, {"time": HOURS, "a": [1.0, 2.0, 3.0]})
    path.write_bytes(path.read_bytes()[:-20])
    with pytest.raises(DataError) as caught:
        read(path)
    assert str(path) in str(caught.value)


def test_a_parquet_file_without_rows_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="no rows"):
        read(write(tmp_path, {"time": pa.array([], pa.timestamp("us")), "a": pa.array([], pa.float64())}))


def test_a_moment_beyond_all_calendars_is_counted_and_named(tmp_path: Path) -> None:
    start = 1_772_445_600_000_000
    far = 700_000_000_000_000_000  # the year 24,000 or so, in µs
    times_us = pa.array([start, start + 60_000_000, far, start + 120_000_000], pa.timestamp("us", "UTC"))
    pq.write_table(pa.table({"time": times_us, "a": [1.0, 2.0, 3.0, 4.0]}), tmp_path / "pump.parquet")
    reading = read(tmp_path / "pump.parquet")
    assert reading.files[0].dropped == {"time outside 1900 to 2200": 1}
    assert any("is in row 3: 'a timestamp[us, tz=UTC] that cannot be shown'" in note for note in reading.notes)
