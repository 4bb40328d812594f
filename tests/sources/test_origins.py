from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from anomaly_lstm import pipeline, sources
from anomaly_lstm.errors import UsageError
from anomaly_lstm.pipeline.grids import GridOptions, on_grid
from anomaly_lstm.sources.contract import RawAsset, Reading, ReadOptions

MINUTE = 60_000_000
NAN = float("nan")


def write(path: Path, header: str, *rows: str) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("\n".join([header, *rows, ""]))
    return path


def at(minute: int) -> str:
    return f"2026-03-01T00:{minute:02d}:00Z"


def reading(folder: Path, **options: object) -> Reading:
    return sources.read(folder, ReadOptions(**options))  # type: ignore[arg-type]  # as named


def cells(asset: RawAsset) -> list[list[float]]:
    return [[float(cell) for cell in row] for row in asset.values]


# ---------------------------------------------------------------- whose rows they are


def test_without_a_word_each_file_is_an_asset(tmp_path: Path) -> None:
    for name in ("a", "b"):
        write(tmp_path / f"{name}.csv", "time,value", f"{at(0)},1", f"{at(1)},2")
    assert [asset.asset for asset in reading(tmp_path).assets] == ["a", "b"]


def test_the_files_of_a_folder_are_one_asset(tmp_path: Path) -> None:
    for pump in ("pump-1", "pump-2"):
        write(tmp_path / pump / "TT-3101.csv", "time,value", f"{at(0)},1", f"{at(1)},2")
        write(tmp_path / pump / "PT-3101.csv", "time,value", f"{at(0)},10", f"{at(1)},20")
    found = reading(tmp_path, asset_from="folder")
    assert [asset.asset for asset in found.assets] == ["pump-1", "pump-2"]
    assert found.assets[0].sensors == ("PT-3101", "TT-3101")
    assert cells(found.assets[0]) == [[10, 1], [20, 2]]
    assert any("files of a folder are one asset: 'pump-1', 'pump-2'" in note for note in found.notes)


def test_folders_of_the_same_name_are_told_apart_by_those_before_them(tmp_path: Path) -> None:
    for line in ("line-1", "line-2"):
        write(tmp_path / line / "pump" / "TT.csv", "time,value", f"{at(0)},1", f"{at(1)},2")
    assert [a.asset for a in reading(tmp_path, asset_from="folder").assets] == ["line-1/pump", "line-2/pump"]


def test_all_files_are_the_asset_that_is_named(tmp_path: Path) -> None:
    write(tmp_path / "x" / "TT.csv", "time,Value", f"{at(0)},1", f"{at(1)},2")
    write(tmp_path / "y" / "flows.csv", "time,flow,return_flow", f"{at(0)},5,6", f"{at(1)},7,8")
    (pump,) = reading(tmp_path, name="pump-07").assets
    assert pump.asset == "pump-07"
    assert dict(zip(pump.sensors, zip(*cells(pump), strict=True), strict=True)) == {
        "TT": (1, 2),
        "flow": (5, 7),
        "return_flow": (6, 8),
    }


def test_an_asset_that_is_named_is_not_taken_from_a_column(tmp_path: Path) -> None:
    write(tmp_path / "a.csv", "time,machine_id,flow", f"{at(0)},7,5", f"{at(1)},7,6")
    assert [a.asset for a in reading(tmp_path).assets] == ["7"]
    (pump,) = reading(tmp_path, name="pump-07").assets
    assert (pump.asset, pump.sensors) == ("pump-07", ("flow",))
    assert [a.asset for a in reading(tmp_path, name=None, asset="machine_id").assets] == ["7"]


@pytest.mark.parametrize(
    ("options", "why"),
    [
        ({"asset_from": "foldr"}, "asset_from = 'foldr' is neither"),
        ({"sensor_prefix": "x"}, "sensor_prefix = 'x' is neither"),
        ({"name": "p", "asset_from": "folder"}, "Keep one of the two"),
        ({"name": "p", "asset": "flow"}, "Keep one of the two"),
    ],
)
def test_what_cannot_be_is_refused(tmp_path: Path, options: dict[str, str], why: str) -> None:
    write(tmp_path / "a.csv", "time,flow", f"{at(0)},5", f"{at(1)},6")
    with pytest.raises(UsageError, match=why):
        reading(tmp_path, **options)


# ---------------------------------------------------------------- what its sensors are called


def test_the_files_of_one_sensor_follow_each_other_whatever_date_is_in_their_names(tmp_path: Path) -> None:
    for name, minutes in (("TT-3101_2026-01", (0, 1)), ("TT-3101_2026-02", (2, 3)), ("20260301_TT-3101", (4, 5))):
        write(tmp_path / f"{name}.csv", "time,value", *(f"{at(m)},{m}" for m in minutes))
    write(tmp_path / "PT-3101.csv", "time,value", *(f"{at(m)},{10 * m}" for m in range(6)))
    (pump,) = reading(tmp_path, name="pump").assets
    assert set(pump.sensors) == {"TT-3101", "PT-3101"}
    assert not np.isnan(pump.values).any()


def test_files_named_by_a_date_alone_go_on_with_the_same_sensor(tmp_path: Path) -> None:
    for name, minutes in (("2026-01", (0, 1)), ("2026-02", (2, 3))):
        write(tmp_path / f"{name}.csv", "time,value", *(f"{at(m)},{m}" for m in minutes))
    (pump,) = reading(tmp_path, name="pump").assets
    assert pump.sensors == ("value",)
    assert cells(pump) == [[0], [1], [2], [3]]


@pytest.mark.parametrize(
    ("prefix", "sensors"),
    [
        ("folder", {r"drive\current", r"drive\speed", r"pump\current"}),
        ("file", {r"part1\current", r"part1\speed", r"part2\current"}),
    ],
)
def test_a_prefix_is_part_of_the_sensor_s_name(tmp_path: Path, prefix: str, sensors: set[str]) -> None:
    write(tmp_path / "drive" / "part1.csv", "Timestamp,current,speed", f"{at(0)},1,2", f"{at(1)},1,2")
    write(tmp_path / "pump" / "part2.csv", "Timestamp,current", f"{at(0)},3", f"{at(1)},4")
    (asset,) = reading(tmp_path, name="unit", sensor_prefix=prefix).assets
    assert set(asset.sensors) == sensors
    assert not np.isnan(asset.values).any()


def test_a_long_table_has_no_prefix(tmp_path: Path) -> None:
    write(tmp_path / "a.csv", "time,tag,value", f"{at(0)},TT,5", f"{at(1)},TT,6")
    with pytest.raises(UsageError, match=r"column 'tag' names the sensors"):
        reading(tmp_path, sensor_prefix="file")


def test_sensors_with_a_prefix_are_renamed_left_out_and_known_by_their_whole_name(tmp_path: Path) -> None:
    write(tmp_path / "drive" / "a.csv", "time,current,speed", f"{at(0)},1,2", f"{at(1)},1,2")
    more = {"name": "unit", "sensor_prefix": "folder"}
    renamed = reading(tmp_path, columns={r"drive\current": "motor_current"}, exclude=[r"drive\speed"], **more)
    assert renamed.assets[0].sensors == ("motor_current",)
    known = reading(tmp_path, known=[r"drive\speed"], **more)
    assert known.assets[0].sensors == (r"drive\speed",)


# ---------------------------------------------------------------- joined on time, and nothing lost


def test_values_of_one_time_from_several_files_are_one_row_and_no_duplicate(tmp_path: Path) -> None:
    write(tmp_path / "TT.csv", "time,value", f"{at(0)},1", f"{at(1)},2", f"{at(1)},4", f"{at(5)},6")
    write(tmp_path / "PT.csv", "time,value", f"{at(2)},30", f"{at(0)},10", f"{at(1)},20")
    found = reading(tmp_path, name="pump")
    (pump,) = found.assets
    assert pump.sensors == ("PT", "TT")
    np.testing.assert_array_equal(pump.values, [[10, 1], [20, 2], [NAN, 4], [30, NAN], [NAN, 6]])
    kept = sum(file.rows_kept for file in found.files)
    (telemetry,), quality = on_grid(found, GridOptions(period_us=MINUTE))
    (told,) = quality.assets
    assert kept == told.rows_in + told.joined == 7
    assert told.rows_in == told.rows + told.merged + told.without_value
    assert (told.duplicate_times, told.out_of_order, told.merged) == (1, 1, 1)
    assert telemetry.values[1].tolist() == [20, 3]


def test_files_that_have_a_sensor_in_common_are_not_put_side_by_side(tmp_path: Path) -> None:
    write(tmp_path / "a.csv", "time,flow,temp", f"{at(0)},1,2", f"{at(1)},3,4")
    write(tmp_path / "b.csv", "time,temp,load", f"{at(0)},5,6", f"{at(2)},7,8")
    write(tmp_path / "c.csv", "time,wear", f"{at(0)},9", f"{at(1)},9")
    found = reading(tmp_path, name="pump")
    (pump,) = found.assets
    assert pump.sensors == ("flow", "temp", "load", "wear")
    np.testing.assert_array_equal(pump.values, [[1, 2, NAN, 9], [3, 4, NAN, 9], [NAN, 5, 6, NAN], [NAN, 7, 8, NAN]])
    assert pump.joined == 2


def test_a_model_remembers_how_files_make_an_asset(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    stamps = [f"2026-03-{1 + m // 1440:02d}T{m // 60 % 24:02d}:{m % 60:02d}:00Z" for m in range(600)]
    for tag in ("TT", "PT"):
        rows = [f"{stamp},{value:.4f}" for stamp, value in zip(stamps, rng.standard_normal(600), strict=True)]
        write(tmp_path / "pump-1" / f"{tag}.csv", "time,value", *rows)
    from anomaly_lstm.learning import TrainOptions

    read = ReadOptions(asset_from="folder")
    source = tmp_path / "pump-1"
    pipeline.train(source, tmp_path / "m", read=read, options=TrainOptions(network="linear_predictor"))
    result = pipeline.score(source, tmp_path / "m", tmp_path / "scores.parquet")
    assert (result.assets, result.failed) == (["pump-1"], {})
