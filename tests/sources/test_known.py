"""Reading with a model's memory: its sensors are known by name."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from anomaly_lstm.sources import Reading, ReadOptions, read

TIMES = [f"2020-03-09 10:0{minute}:00" for minute in range(4)]


def csv(path: Path, **cells: list[str]) -> Path:
    table = {"time": TIMES, **cells}
    path.write_text("\n".join(",".join(row) for row in [list(table), *zip(*table.values(), strict=True)]) + "\n")
    return path


def long_csv(path: Path, rows: Mapping[str, list[str]]) -> Path:
    lines = [f"{time},{name},{cell}" for name, cells in rows.items() for time, cell in zip(TIMES, cells, strict=True)]
    path.write_text("time,sensor,value\n" + "\n".join(lines) + "\n")
    return path


def only(reading: Reading) -> dict[str, list[float]]:
    (asset,) = reading.assets
    return {name: asset.values[:, i].tolist() for i, name in enumerate(asset.sensors)}


def test_known_sensors_are_read_whatever_they_hold_and_all_others_are_left_out_silently(tmp_path: Path) -> None:
    path = csv(tmp_path / "p.csv", a=list("1234"), b=["Bad"] * 4, c=list("5678"), remark=["x"] * 4, e=[""] * 4)

    reading = read(path, ReadOptions(known=["a", "b", "e"]))

    cells = only(reading)
    assert list(cells) == ["a", "b", "e"]
    assert cells["a"] == [1, 2, 3, 4]
    assert np.isnan(cells["b"] + cells["e"]).all()
    assert reading.files[0].cells_not_numeric == {"b": {"Bad": 4}}
    assert reading.assets[0].left_out == ("c", "remark")
    assert not any("remark" in note or "'c'" in note for note in reading.notes)


@pytest.mark.parametrize(
    "cells",
    [
        pa.array(["Bad"] * 4),
        pa.nulls(4),
        pa.array([True, False, None, True]),
        pa.array([1, 2, 3, 4], pa.timestamp("us")),
        pa.array([1, 2, 3, 4], pa.date32()),
        pa.array([1, 2, 3, 4], pa.time64("us")),
        pa.array([b"\xff", None, b"x", b""]),
        pa.array([[1.0], None, [], [2.0]]),
        pa.array([{"x": 1}] * 4),
        pa.array(["Bad", "1", "Bad", "Bad"]).dictionary_encode(),
    ],
    ids=lambda array: str(array.type)[:12],
)
def test_a_known_sensor_of_any_type_stays_a_sensor(tmp_path: Path, cells: Any) -> None:
    times = pa.array(np.arange(4) * 60_000_000).cast(pa.timestamp("us", "UTC"))
    pq.write_table(pa.table({"time": times, "a": np.arange(4.0), "b": cells}), tmp_path / "p.parquet")

    reading = read(tmp_path / "p.parquet", ReadOptions(time="time", known=["a", "b"]))

    assert list(only(reading)) == ["a", "b"]
    assert len(reading.assets[0].time_us) == 4


def test_renames_come_first(tmp_path: Path) -> None:
    path = csv(tmp_path / "p.csv", x=list("1234"), y=list("5678"))

    assert list(only(read(path, ReadOptions(columns={"x": "a"}, known=["a"])))) == ["a"]
    assert list(only(read(path, ReadOptions(columns={"x": "a"}, known=["x", "y"])))) == ["y"]


def test_absent_names_are_no_error(tmp_path: Path) -> None:
    path = csv(tmp_path / "p.csv", a=list("1234"))
    options = ReadOptions(known=["a", "zz"], columns={"old": "zz"}, exclude=["gone"], sensors=["a", "zz"])

    assert list(only(read(path, options))) == ["a"]
    assert only(read(path, ReadOptions(known=["zz"]))) == {}


def test_an_asset_says_which_sensors_none_of_its_files_has(tmp_path: Path) -> None:
    csv(tmp_path / "full.csv", a=list("1234"), b=["Bad"] * 4)
    csv(tmp_path / "poor.csv", a=list("1234"), B=list("5678"))

    full, poor = read(tmp_path, ReadOptions(known=["a", "b"])).assets

    assert (full.sensors, full.absent, full.left_out) == (("a", "b"), (), ())
    assert (poor.sensors, poor.absent, poor.left_out) == (("a", "b"), ("b",), ("B",))


def test_a_known_sensor_is_not_taken_for_the_asset(tmp_path: Path) -> None:
    path = csv(tmp_path / "p.csv", pump=["Bad"] * 4, a=list("1234"))

    assert read(path, ReadOptions()).how.asset == "pump"
    reading = read(path, ReadOptions(known=["pump", "a"]))
    assert reading.how.asset is None
    assert list(only(reading)) == ["pump", "a"]


def test_a_known_column_without_a_name_is_kept(tmp_path: Path) -> None:
    path = tmp_path / "p.csv"
    path.write_text("time,a,,\n" + "".join(f"{time},1,{row},\n" for row, time in enumerate(TIMES)))

    assert list(only(read(path, ReadOptions()))) == ["a"]
    assert list(only(read(path, ReadOptions(known=["a", "column 3", "column 4"])))) == ["a", "column 3", "column 4"]


def test_a_long_table_keeps_known_sensors_and_counts_the_rows_of_others(tmp_path: Path) -> None:
    path = long_csv(tmp_path / "p.csv", {"a": list("1234"), "b": ["Bad"] * 4, "c": list("5678")})

    reading = read(path, ReadOptions(known=["a", "b"], layout="long", sensor="sensor", value="value"))

    cells = only(reading)
    assert list(cells) == ["a", "b"]
    assert cells["a"] == [1, 2, 3, 4]
    assert np.isnan(cells["b"]).all()
    assert reading.files[0].dropped == {"sensor left out": 4}
    assert reading.assets[0].left_out == ("c",)
    assert not any("left out" in note for note in reading.notes)


def test_a_long_table_knows_a_sensor_that_has_no_row_in_the_span(tmp_path: Path) -> None:
    path = tmp_path / "p.csv"
    path.write_text("time,sensor,value\n2020-03-09 10:00,b,1\n2020-03-09 11:00,a,2\n2020-03-09 11:01,a,3\n")
    span = ReadOptions(known=["a", "b"], start_us=1_583_751_600_000_000)

    reading = read(path, span)

    assert list(only(reading)) == ["a", "b"]
    assert reading.assets[0].absent == ()
