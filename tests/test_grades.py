from __future__ import annotations

import json
import time
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from anomaly_lstm import pipeline
from anomaly_lstm.errors import DataError
from anomaly_lstm.grades import HIGH, LOW, MEDIUM, Grade, all_low, as_option, grade_from, grade_sensors, not_high
from anomaly_lstm.learning import CHALLENGER, TrainOptions
from anomaly_lstm.pipeline import Quality
from anomaly_lstm.telemetry import Telemetry, to_grid
from tests.cli.conftest import anomaly_lstm
from tests.toys import GRID, autoregressive, minutes, write_history

Float64 = NDArray[np.float64]
ROWS = 4000


def history(asset: str = "pump", /, **sensors: Float64) -> Telemetry:
    """Sensors side by side, a row per minute."""
    values = np.column_stack(list(sensors.values()))
    return to_grid(asset, minutes(len(values)), list(sensors), values, GRID)[0]


def wander(seed: int, rows: int = ROWS) -> Float64:
    """What a healthy sensor reads: it remembers, and has some noise."""
    return autoregressive(np.random.default_rng(seed), rows, 1, 0.9)[:, 0]


def graded(name: str, column: Float64) -> Grade:
    """The grade of one sensor beside a healthy one."""
    return grade_sensors([history("pump", healthy=wander(0), **{name: column})])[1]


def test_healthy_sensors_are_high_and_nothing_is_said_of_them() -> None:
    grades = grade_sensors([history(a=wander(1), b=wander(2), c=0.7 * wander(1) + wander(3))])
    assert [g.grade for g in grades] == [HIGH] * 3
    assert not_high(grades) == []


def test_a_sensor_without_a_value_or_with_a_single_one_is_low_and_is_to_be_left_out() -> None:
    empty, constant = graded("x", np.full(ROWS, np.nan)), graded("x", np.full(ROWS, 4.2))
    assert (empty.grade, constant.grade) == (LOW, LOW)
    assert "no value" in empty.remarks[0].reason
    assert "4.2 all the time" in constant.remarks[0].reason
    assert constant.remarks[0].advice == "leave it out with --exclude x"


@pytest.mark.parametrize(("share", "grade"), [(0.02, HIGH), (0.2, MEDIUM), (0.7, LOW)])
def test_missing_values_lower_the_grade_by_how_many_they_are(share: float, grade: str) -> None:
    column = wander(1)
    column[np.random.default_rng(0).permutation(ROWS)[: int(share * ROWS)]] = np.nan
    found = graded("x", column)
    assert found.grade == grade
    assert found.coverage == pytest.approx(1 - share)


def test_gaps_of_one_sensor_are_counted_and_the_longest_is_told() -> None:
    column = wander(1)
    column[100:130] = column[1000:1300] = np.nan
    found = graded("x", column)
    assert (found.gaps, found.longest_gap_us) == (2, 300 * GRID.period_us)
    assert "the longest gap 5h" in found.remarks[0].reason


def test_a_sensor_that_hangs_is_medium_and_one_that_hangs_most_of_the_time_low() -> None:
    some, most = wander(1), wander(2)
    some[1000:1200] = some[1000]
    most[500:3500] = most[500]
    assert (graded("x", some).grade, graded("x", most).grade) == (MEDIUM, LOW)
    assert graded("x", some).stuck == pytest.approx(0.05, abs=0.001)


def test_wild_values_are_found_where_they_stand_alone_and_not_where_they_last() -> None:
    spiky, stepping = wander(1), wander(1)
    spiky[[500, 1500, 2500, 2501]] = 1e4
    stepping[3000:] += 100
    assert "far outside" in graded("x", spiky).remarks[0].reason
    assert graded("x", spiky).wild == pytest.approx(4 / ROWS)
    assert graded("x", stepping).wild == 0


def test_a_single_wild_value_is_no_habit() -> None:
    column = wander(1)
    column[500] = 1e4
    assert graded("x", column).grade == HIGH


def test_the_noise_of_a_slow_wave_is_its_noise() -> None:
    wave = 10 * np.sin(np.arange(ROWS) / 100) + np.random.default_rng(0).normal(0, 0.1, ROWS)
    found = graded("x", wave)
    assert found.noise * _spread(wave) == pytest.approx(0.1, rel=0.1)
    assert found.grade == HIGH


def _spread(values: Float64) -> float:
    return float(np.subtract(*np.quantile(values, [0.75, 0.25]))) / 1.349


def test_chance_alone_is_medium() -> None:
    found = graded("x", np.random.default_rng(0).normal(size=ROWS))
    assert found.noise == pytest.approx(1, abs=0.1)
    assert (found.grade, found.remarks[0].advice) == (MEDIUM, "a longer --period averages it")


def test_an_equal_sensor_is_low_a_scaled_one_medium_and_the_first_of_them_high() -> None:
    one = wander(1)
    first, equal, scaled, other = grade_sensors([history(a=one, b=one, c=3 * one + 7, d=one + 0.1 * wander(2))])
    assert [g.grade for g in (first, equal, scaled, other)] == [HIGH, LOW, MEDIUM, HIGH]
    assert (equal.twin, scaled.twin) == ("a", "a")
    assert "it equals 'a'" in equal.remarks[0].reason


def test_a_switch_is_told_but_not_where_it_is_context() -> None:
    switch = (np.arange(ROWS) // 100 % 2).astype(float)
    asset = history(a=wander(1), b=switch)
    assert "like a switch" in grade_sensors([asset])[1].remarks[0].reason
    assert grade_sensors([asset], context=["b"])[1].grade == HIGH


def test_a_step_as_large_as_all_it_does_is_medium() -> None:
    coarse = np.round(wander(1) / 4)
    found = graded("x", coarse)
    assert found.resolution > 1
    assert (found.grade, any("digits" in r.advice for r in found.remarks)) == (MEDIUM, True)


def test_a_level_that_goes_one_way_drifts_and_one_that_comes_back_does_not() -> None:
    ramp, there_and_back = np.arange(ROWS) / 200, np.sin(np.arange(ROWS) / ROWS * 2 * np.pi) * 20
    assert graded("x", wander(1) + ramp).drift > 5
    assert graded("x", wander(1) + there_and_back).drift == 0


def test_a_level_that_rises_without_any_noise_drifts_too_and_numbers_stay_finite() -> None:
    found = graded("x", np.floor(np.arange(ROWS) / (ROWS / 8)))
    assert np.isfinite(found.drift)
    assert found.drift > 2


def test_only_rows_that_are_to_teach_are_graded() -> None:
    column = wander(1)
    column[:2000] = 5.0
    asset = history(a=wander(2), x=column)
    later = np.arange(len(asset)) >= 2000
    assert [g.grade for g in grade_sensors([asset])] == [HIGH, MEDIUM]
    assert [g.grade for g in grade_sensors([asset], [later])] == [HIGH, HIGH]


def test_a_line_per_sensor_says_on_which_assets() -> None:
    fine, bad = history("P1", a=wander(1), b=wander(2)), history("P2", a=wander(3), b=np.zeros(ROWS))
    (told,) = not_high(grade_sensors([fine, bad]))
    assert told.words == "Low: 'b' on P2: it reads 0 all the time; leave it out with --exclude b."


def test_an_asset_with_hardly_a_row_says_that_and_nothing_else() -> None:
    short = history("P1", a=wander(1, 20))
    (told,) = not_high(grade_sensors([short]))
    assert "only 20 rows" in told.words


def test_no_rows_and_no_sensors_are_no_error() -> None:
    nothing = to_grid("P", np.empty(0, np.int64), ["a"], np.empty((0, 1)), GRID)[0]
    assert [g.grade for g in grade_sensors([nothing])] == [LOW]
    assert grade_sensors([]) == []


def test_a_name_is_written_as_the_command_line_reads_it() -> None:
    assert [as_option(name) for name in ("flow", "PIT-1.PV", "a, b")] == ["flow", "'PIT-1.PV'", "'\"a, b\"'"]


def test_grades_are_json_with_every_measure() -> None:
    grades = grade_sensors([history(a=wander(1), b=np.zeros(ROWS))])
    first, second = (json.loads(json.dumps(g.document())) for g in grades)
    assert (first["grade"], second["grade"]) == (HIGH, LOW)
    assert [grade_from(first), grade_from(second)] == grades
    assert {"coverage", "gaps", "stuck", "wild", "noise", "resolution", "drift", "twin", "remarks"} <= set(first)


def test_train_refuses_when_every_sensor_is_low_and_says_why(tmp_path: Path) -> None:
    values = np.column_stack([np.full(500, 3.0), np.zeros(500), wander(1, 500)])
    heard: list[Quality] = []
    with pytest.raises(DataError, match=r"all are graded Low(.|\n)*'s0': it reads 3 all the time"):
        pipeline.train(
            write_history(tmp_path / "pump.parquet", values),
            tmp_path / "model",
            context=["c0"],
            options=TrainOptions(network=CHALLENGER),
            looked=heard.append,
        )
    assert all_low(heard[0].grades)
    assert not (tmp_path / "model").exists()


def test_ingest_keeps_the_grades(tmp_path: Path) -> None:
    source = write_history(tmp_path / "pump.parquet", np.column_stack([wander(1, 500), np.zeros(500), wander(2, 500)]))
    pipeline.ingest(source, tmp_path / "in")
    kept = json.loads((tmp_path / "in" / "quality.json").read_text())["grades"]
    assert "Low: 's1': it reads 0 all the time" in anomaly_lstm("inspect", tmp_path / "in").err
    assert {g["sensor"]: g["grade"] for g in kept} == {"s0": HIGH, "s1": LOW, "c0": HIGH}


def test_an_export_that_is_read_in_slices_is_graded_alike(tmp_path: Path) -> None:
    values = np.column_stack([wander(1), np.zeros(ROWS), wander(2)])
    values[2000:2300, 0] = np.nan
    source = write_history(tmp_path / "pump.parquet", values)
    whole = pipeline.ingest(source, tmp_path / "a").quality.grades
    slices = pipeline.ingest(source, tmp_path / "b", part_bytes=20_000, slice_cells=1000).quality.grades
    assert [(g.grade, g.rows, g.gaps, g.low) for g in slices] == [(g.grade, g.rows, g.gaps, g.low) for g in whole]


def test_grades_cost_little() -> None:
    """25 sensors with 500,000 rows took 0.7 s; this is a tenth of the rows, with room for a busy machine."""
    rng = np.random.default_rng(0)
    asset = history("pump", **{f"s{i}": np.round(rng.normal(size=50_000), 2) for i in range(25)})
    begun = time.perf_counter()
    grade_sensors([asset])
    assert time.perf_counter() - begun < 10


def test_ten_thousand_sensors_are_graded_in_seconds_and_equal_ones_still_found() -> None:
    rng = np.random.default_rng(0)
    values = rng.normal(size=(100, 10_000))
    values[:, 9_999] = values[:, 3]
    asset = to_grid("P", minutes(100), [f"s{i}" for i in range(10_000)], values, GRID)[0]
    begun = time.perf_counter()
    grades = grade_sensors([asset])
    not_high(grades)
    assert time.perf_counter() - begun < 60
    assert grades[9_999].twin == "s3"


def test_train_tells_the_grades_before_it_tells_what_it_learned(tmp_path: Path) -> None:
    values = np.column_stack([wander(1, 900), np.zeros(900), wander(2, 900)])
    source = write_history(tmp_path / "pump.parquet", values)
    said = anomaly_lstm("train", source, "--model", tmp_path / "m", "--network", "linear_predictor", "--json")
    assert said.code == 0, said.err
    assert said.err.index("Low: 's1'") < said.err.index("Sensors graded High") < said.err.index("Scores 3 sensors")
    grades = json.loads(said.out)["quality"]["grades"]
    assert {grade["sensor"]: grade["grade"] for grade in grades} == {"s0": HIGH, "s1": LOW, "c0": HIGH}
