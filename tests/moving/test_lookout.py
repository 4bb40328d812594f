from __future__ import annotations

from pathlib import Path

import pytest

from anomaly_lstm.errors import DataError
from anomaly_lstm.moving import MOVERS, OffCondition
from anomaly_lstm.moving.leftovers import duration_us, moment_us
from tests.moving.left import FAULT, START, TAUGHT, lookout, lookout_answers, write_table

LOOKOUT = MOVERS["lookout"]
MINUTE = 60_000_000
START_US = round(START.timestamp() * 1e6)


def test_training_data_and_inference_inputs_are_read_and_labels_and_results_are_not(tmp_path: Path) -> None:
    moved = LOOKOUT.look(lookout(tmp_path / "pump-07"))
    read = sorted(path.relative_to(tmp_path / "pump-07").as_posix() for path in moved.paths)
    assert read == ["inference-data/input/*.csv", "training-data/*/*.csv"]
    assert moved.asset == "pump-07"
    assert moved.source["sensor_prefix"] == "component"
    assert moved.zone == "UTC"


def test_components_may_lie_in_the_folder_itself_beside_inputs_and_labels(tmp_path: Path) -> None:
    place = lookout(tmp_path / "pump-07")
    for component in ("motor", "pump"):
        (place / "training-data" / component).rename(place / component)
    (place / "training-data").rmdir()
    moved = LOOKOUT.look(place)
    read = sorted(path.relative_to(place).as_posix() for path in moved.paths)
    assert read == ["inference-data/input/*.csv", "motor/*.csv", "pump/*.csv"]
    assert len(moved.labels) == 1


def test_labels_become_anomalies_month_first(tmp_path: Path) -> None:
    moved = LOOKOUT.look(lookout(tmp_path, ["2/1/2026 10:00,2/1/2026 10:30", "02/13/2026 1:00 PM,02/13/2026 2:00 PM"]))
    day = 86_400_000_000
    assert [(label.start_us - START_US, label.kind) for label in moved.labels] == [
        (31 * day + 600 * MINUTE, "anomaly"),
        (43 * day + 780 * MINUTE, "anomaly"),
    ]
    assert any("month first, as the service did" in told for told in moved.told)


def test_labels_that_could_be_either_way_round_are_a_guess_to_look_at(tmp_path: Path) -> None:
    assert "month first" in LOOKOUT.look(lookout(tmp_path / "a", ["2/1/2026 10:00,2/1/2026 10:30"])).unsure[0]
    assert not LOOKOUT.look(lookout(tmp_path / "b", ["2/13/2026 10:00,2/13/2026 10:30"])).unsure


def test_a_moment_at_the_end_of_a_name_in_the_history_would_hide_its_component(tmp_path: Path) -> None:
    write_table(tmp_path / "training-data" / "pump" / "old_20250101000000.csv", "Timestamp", {}, range(3))
    with pytest.raises(DataError, match="another name"):
        LOOKOUT.look(tmp_path)


def test_labels_that_can_only_be_day_first_are_read_so_and_it_is_said(tmp_path: Path) -> None:
    moved = LOOKOUT.look(lookout(tmp_path, ["13/1/2026 10:00,13/1/2026 10:30", "2/1/2026 10:00,2/1/2026 10:30"]))
    assert [label.start_us - START_US for label in moved.labels] == [(12 * 1440 + 600) * MINUTE, (1440 + 600) * MINUTE]
    assert any("day first" in told for told in moved.told)


def test_labels_among_the_data_would_be_read_as_data(tmp_path: Path) -> None:
    place = lookout(tmp_path)
    (place / "label-data" / "labels.csv").rename(place / "training-data" / "pump" / "labels.csv")
    with pytest.raises(DataError, match="Move it to a folder"):
        LOOKOUT.look(place)


def test_iso_labels_are_plain(tmp_path: Path) -> None:
    moved = LOOKOUT.look(lookout(tmp_path, ["2026-01-01T10:00:00.000000,2026-01-01T10:30:00.000000"]))
    assert moved.labels[0].end_us - START_US == 630 * MINUTE


def test_a_label_that_ends_before_it_begins_is_named_with_its_line(tmp_path: Path) -> None:
    place = lookout(tmp_path, ["2026-01-01T10:00:00,2026-01-01T10:30:00", "2026-01-02T10:00:00,2026-01-01T10:30:00"])
    with pytest.raises(DataError, match=r"labels\.csv, line 2: .* is no label"):
        LOOKOUT.look(place)


def test_results_are_stretches_with_their_score_and_the_sensor_to_blame(tmp_path: Path) -> None:
    (found,) = LOOKOUT.look(lookout(tmp_path)).flagged
    assert (found.start_us - START_US, found.end_us - START_US) == (FAULT[0] * MINUTE, FAULT[1] * MINUTE)
    assert (found.rows, found.score, found.sensor) == (30, 0.9, "pump\\pressure")


def test_lines_of_results_that_are_none_are_counted(tmp_path: Path) -> None:
    place = lookout(tmp_path)
    (place / "inference-data" / "output" / "more.jsonl").write_text('{"timestamp": "x"}\nnot json\n[1]\n')
    assert any("3 lines not readable" in told for told in LOOKOUT.look(place).told)


def test_saved_answers_give_span_period_off_condition_and_schedule(tmp_path: Path) -> None:
    lookout_answers(lookout(tmp_path))
    moved = LOOKOUT.look(tmp_path)
    assert (moved.asset, moved.period_us) == ("pump-7", MINUTE)
    assert (moved.start_us, moved.until_us) == (START_US, START_US + TAUGHT * MINUTE)
    assert moved.off == OffCondition("motor\\rpm", less=True, limit=100.0)
    assert (moved.every_us, moved.delay_us) == (5 * MINUTE, 2 * MINUTE)
    assert [label.kind for label in moved.labels] == ["anomaly", "normal", "anomaly"]


def test_ranges_kept_with_a_model_are_labels_where_no_others_are_left(tmp_path: Path) -> None:
    place = lookout(tmp_path, [])
    metrics = '{\\"labeled_ranges\\": [{\\"start\\": \\"2026-01-01T10:00:00\\", \\"end\\": \\"2026-01-01T11:00:00\\"}]}'
    (place / "model.json").write_text(f'{{"TrainingDataEndTime": 1767225600.0, "ModelMetrics": "{metrics}"}}')
    moved = LOOKOUT.look(place)
    assert [label.end_us - label.start_us for label in moved.labels] == [60 * MINUTE]


@pytest.mark.parametrize("offset", ["+02:00", "-03:00"])
def test_an_offset_of_whole_hours_becomes_a_zone(tmp_path: Path, offset: str) -> None:
    place = lookout(tmp_path)
    inputs = f'{{"InputTimeZoneOffset": "{offset}"}}'
    (place / "s.json").write_text(f'{{"DataUploadFrequency": "PT1H", "DataInputConfiguration": {inputs}}}')
    assert LOOKOUT.look(place).zone == {"+02:00": "Etc/GMT-2", "-03:00": "Etc/GMT+3"}[offset]


def test_files_without_folders_are_components_themselves(tmp_path: Path) -> None:
    write_table(tmp_path / "training-data" / "all.csv", "Timestamp", {}, range(3))
    moved = LOOKOUT.look(tmp_path)
    assert moved.source["sensor_prefix"] == "file"
    assert [path.name for path in moved.paths] == ["*.csv"]


def test_several_datasets_are_refused_with_the_way_out(tmp_path: Path) -> None:
    for asset in ("a", "b"):
        write_table(tmp_path / "training-data" / asset / "motor" / "x.csv", "Timestamp", {}, range(3))
    with pytest.raises(DataError, match="several datasets"):
        LOOKOUT.look(tmp_path)


def test_a_single_dataset_below_may_have_a_folder_of_its_own(tmp_path: Path) -> None:
    write_table(tmp_path / "training-data" / "a" / "motor" / "x.csv", "Timestamp", {}, range(3))
    assert LOOKOUT.look(tmp_path).paths == (tmp_path / "training-data" / "a" / "*" / "*.csv",)


@pytest.mark.parametrize("name", ["x.json", "deep.json", "list.json"])
def test_other_json_is_passed_over(tmp_path: Path, name: str) -> None:
    place = lookout(tmp_path)
    text = {"x.json": "{", "deep.json": "[" * 100_000, "list.json": '{"LabelSummaries": [1, null, {"StartTime": []}]}'}
    (place / name).write_text(text[name])
    LOOKOUT.look(place)


@pytest.mark.parametrize("files", [[], ["readme.txt"], ["labels.csv"]])
def test_a_folder_without_training_data_is_an_error_that_says_what_is_needed(tmp_path: Path, files: list[str]) -> None:
    for name in files:
        (tmp_path / name).write_text("2026-01-01T10:00:00,2026-01-01T10:30:00\n")
    with pytest.raises(DataError, match="training-data"):
        LOOKOUT.look(tmp_path)


def test_a_link_to_itself_is_no_endless_way(tmp_path: Path) -> None:
    place = lookout(tmp_path / "bucket")
    (place / "again").symlink_to(place)
    assert len(LOOKOUT.look(place).flagged) == 1


@pytest.mark.parametrize(("text", "us"), [("PT5M", 5 * MINUTE), ("PT1H", 60 * MINUTE), ("PT30S", MINUTE // 2)])
def test_durations_of_the_service(text: str, us: int) -> None:
    assert duration_us(text) == us


@pytest.mark.parametrize("text", ["PT", "5 min", None, 7, "P1D"])
def test_what_is_no_duration(text: object) -> None:
    assert duration_us(text) is None


@pytest.mark.parametrize("value", [True, None, "soon", [], float("nan"), float("inf"), {}])
def test_what_is_no_moment(value: object) -> None:
    assert moment_us(value) is None
