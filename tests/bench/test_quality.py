"""The data sets of `bench.quality`: each download is read as it is published, each figure is checked by hand."""

from __future__ import annotations

import json
import math
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from anomaly_lstm.evaluation import Raised, poisson_interval
from bench.quality import SETS, cmapss, frames, ims, measures, nab, show, skab, smap_msl, tep
from bench.quality.__main__ import main
from bench.quality.contract import Budget, DataSet, Float64, Judged, Measured, Series

SECOND = 1_000_000


def said(series: Series, *alerts: tuple[str, int, int | None], score: Float64 | None = None) -> Judged:
    """Made-up scores (all 1 unless given) and alerts (asset, raised, cleared) [µs]."""
    n_rows = len(series.test)
    score = np.ones(n_rows) if score is None else score
    raised = tuple(Raised(f"{a}@{r}", a, "warning", r, c) for a, r, c in sorted(alerts, key=lambda x: x[1]))
    return Judged(measures.time_us(series), score, score * 100, raised)


def at(series: Series, row: int) -> int:
    """When a row of a series with one asset was measured [µs]."""
    return int(measures.time_us(series)[row])


# ---------------------------------------------------------------- the room


@pytest.mark.parametrize("data", SETS.values(), ids=SETS)
def test_a_set_that_is_not_there_is_no_series(data: DataSet, tmp_path: Path) -> None:
    (tmp_path / "something else").mkdir()
    assert data.find(tmp_path) == []
    assert data.SOURCE
    assert data.WARNING_ROWS >= 100


def test_the_room_is_registered_by_the_names_of_its_modules() -> None:
    assert list(SETS) == ["skab", "tep", "nab", "smap_msl", "cmapss", "ims"]
    assert all(name == data.NAME for name, data in SETS.items())


# ---------------------------------------------------------------- SKAB


def write_skab(home: Path, name: str, n_rows: int, faults: Sequence[tuple[int, int]], seed: int = 0) -> None:
    """A file as the publisher writes it: semicolons, local times, labels last."""
    rng = np.random.default_rng(seed)
    load = np.sin(np.arange(n_rows) / 7)
    label = np.zeros(n_rows)
    for first, last in faults:
        label[first:last] = 1
    frame = pd.DataFrame(
        {
            "datetime": pd.date_range("2020-03-09 10:14:33", periods=n_rows, freq="s").strftime("%Y-%m-%d %H:%M:%S"),
            "Pressure": load + 0.1 * rng.standard_normal(n_rows) + 8 * label,
            "Volume Flow RateRMS": 32 - load + 0.1 * rng.standard_normal(n_rows),
            "anomaly": label,
            "changepoint": 0.0,
        }
    )
    (home / name).parent.mkdir(parents=True, exist_ok=True)
    frame.to_csv(home / name, sep=";", index=False, lineterminator="\r\n")


def test_skab_trains_on_the_first_400_rows_of_each_file_and_judges_the_rest(tmp_path: Path) -> None:
    home = tmp_path / "SKAB-master" / "data"
    write_skab(home, "valve1/0.csv", 500, [(450, 470), (480, 490)])
    write_skab(home, "other/3.csv", 450, [(430, 450)])
    write_skab(home, "valve2/1.csv", 500, [(390, 480)])  # faulty among the rows to train on
    write_skab(home, "anomaly-free/anomaly-free.csv", 500, [])
    other, valve = skab.find(tmp_path)
    assert (other.name, valve.name) == ("other-3", "valve1-0")
    assert (len(valve.train), len(valve.test), valve.judged_from_us) == (400, 500, at(valve, 400))
    assert list(valve.test.columns) == ["time", "asset", "Pressure", "Volume Flow RateRMS"]
    assert valve.test["time"].iloc[0] == pd.Timestamp("2020-03-09 10:14:33", tz="UTC")
    assert [(e.start_us, e.end_us) for e in valve.truth] == [
        (at(valve, 450), at(valve, 470)),
        (at(valve, 480), at(valve, 490)),
    ]


def test_skab_is_measured_row_by_row_beside_an_alarm_that_is_always_on(tmp_path: Path) -> None:
    write_skab(tmp_path, "valve1/0.csv", 500, [(450, 480)])
    (series,) = skab.find(tmp_path)
    score = np.where(measures.in_events(series), 2.0, 1.0)
    score[445] = 3.0
    # in alarm: rows 390–404 (five of them judged), 445–454 (five before the fault), 460–469
    judged = said(
        series,
        ("valve1-0", at(series, 390), at(series, 405)),
        ("valve1-0", at(series, 445), at(series, 455)),
        ("valve1-0", at(series, 460), at(series, 470)),
        score=score,
    )
    result = skab.measure([series], [judged])
    hit, false, missed = 15, 10, 15
    assert result.figures["f1"] == pytest.approx(2 * hit / (2 * hit + false + missed))
    assert result.figures["far_pct"] == pytest.approx(100 * 10 / 70)
    assert result.figures["mar_pct"] == pytest.approx(50)
    assert result.figures["roc_auc"] == pytest.approx(69 / 70)
    assert (result.figures["files_found"], result.figures["delay_rows"]) == (1, 10)
    assert result.always_on["f1"] == pytest.approx(2 * 0.3 / 1.3)
    assert result.budget == Budget(observed=2, expected=50 / 500, healthy=50, in_alarm=10)


# ---------------------------------------------------------------- TEP


def write_tep(home: Path, faults: Sequence[str], normal_rows: int = 500) -> None:
    rng = np.random.default_rng(0)
    home.mkdir(parents=True, exist_ok=True)
    np.savetxt(home / "d00.dat", np.arange(52)[:, None] + 0.001 * rng.standard_normal((52, normal_rows)))
    for name in ("d00", *faults):
        np.savetxt(home / f"{name}_te.dat", np.arange(52) + 0.001 * rng.standard_normal((960, 52)))


def test_tep_turns_the_training_file_that_is_stored_on_its_side(tmp_path: Path) -> None:
    write_tep(tmp_path / "braatz", ["d01", "d03"])
    (plant,) = tep.find(tmp_path)
    assert plant.train.shape == (500, 54)
    assert plant.train["XMEAS_41"].mean() == pytest.approx(40, abs=0.01)
    assert plant.train["XMV_11"].mean() == pytest.approx(51, abs=0.01)
    assert plant.test.groupby("asset").size().to_dict() == {"d00_te": 960, "d01_te": 960, "d03_te": 960}
    assert [(e.asset, (e.start_us - frames.BEGIN_US) // tep.PERIOD_US) for e in plant.truth] == [
        ("d01_te", 160),
        ("d03_te", 160),
    ]
    assert (plant.truth[0].end_us - plant.truth[0].start_us) // tep.PERIOD_US == 800


def test_tep_detects_at_one_percent_false_alarms_on_the_normal_run(tmp_path: Path) -> None:
    write_tep(tmp_path, ["d01", "d03"])
    (plant,) = tep.find(tmp_path)
    score = np.tile(np.linspace(0, 1, 960), 3)
    fault = slice(960 + 160, 960 + 960)
    score[fault] = 0
    score[960 + 160 + 3] = 2  # a single row is no delay by the rule of six
    score[960 + 160 + 400 : 960 + 960] = 2
    score[2 * 960 + 160 :] = 0  # fault 3 is not seen
    raised = frames.BEGIN_US + (160 + 404) * tep.PERIOD_US
    early = frames.BEGIN_US + 20 * tep.PERIOD_US
    judged = said(plant, ("d01_te", raised, None), ("d03_te", early, early + 5 * tep.PERIOD_US), score=score)
    result = tep.measure([plant], [judged])
    assert result.each["d01_te"] == {
        "detection_pct": pytest.approx(100 * 401 / 800),
        "delay_rows": 400,
        "alert_delay_rows": 404,
    }
    assert result.figures["detection_at_1_percent_false_pct"] == pytest.approx(50 * 401 / 800)
    assert result.figures["detection_without_3_9_15_pct"] == pytest.approx(100 * 401 / 800)
    assert (result.figures["delay_rows_without_3_9_15"], result.figures["faults_alerted"]) == (400, 1)
    assert result.each["d03_te"]["delay_rows"] == 800
    healthy = 960 + 2 * 160
    assert result.budget == Budget(observed=1, expected=healthy / 500, healthy=healthy, in_alarm=5)


@pytest.mark.parametrize(("above", "wanted"), [([0, 1, 1, 1, 1, 1, 1], 1), ([1, 1, 1, 1, 1, 0, 1], 7), ([1], 1)])
def test_a_fault_is_seen_from_the_first_of_six_rows_in_a_row(above: list[int], wanted: int) -> None:
    assert tep.delay(np.array(above, bool)) == wanted


# ---------------------------------------------------------------- NAB


def write_nab(home: Path, n_rows: int, windows: Sequence[tuple[int, int]]) -> None:
    time = pd.date_range("2013-12-02 21:15:00", periods=n_rows, freq="5min")
    folder = home / "data" / "realKnownCause"
    folder.mkdir(parents=True)
    rows = pd.DataFrame({"timestamp": time.strftime("%Y-%m-%d %H:%M:%S"), "value": np.arange(n_rows) % 7})
    rows.to_csv(folder / "machine.csv", index=False)
    spans = [[f"{time[a]}.000000", f"{time[b]}.000000"] for a, b in windows]
    (home / "labels").mkdir()
    document = {"realKnownCause/machine.csv": spans, "artificial/other.csv": []}
    (home / "labels" / "combined_windows.json").write_text(json.dumps(document))


def test_nab_trains_on_the_first_15_percent_and_judges_what_is_left_of_the_windows(tmp_path: Path) -> None:
    write_nab(tmp_path / "NAB", 400, [(10, 20), (50, 99), (200, 299)])
    (series,) = nab.find(tmp_path)
    assert (series.name, len(series.train), series.period_us) == ("machine", 60, 300 * SECOND)
    assert series.judged_from_us == at(series, 60)
    assert [(e.start_us, e.end_us) for e in series.truth] == [
        (at(series, 60), at(series, 100)),
        (at(series, 200), at(series, 300)),
    ]


def test_nab_counts_windows_caught_and_the_points_of_the_standard_profile(tmp_path: Path) -> None:
    write_nab(tmp_path, 600, [(200, 299), (400, 499)])
    (series,) = nab.find(tmp_path)
    alerts = [
        ("machine", at(series, 120), at(series, 130)),  # false, before any window
        ("machine", at(series, 250), at(series, 260)),  # half of the first window is left
        ("machine", at(series, 350), at(series, 352)),  # false, half a window past the first
        ("machine", at(series, 390), at(series, 395)),  # announces the second
    ]
    result = nab.measure([series], [said(series, *alerts)])
    assert (result.figures["windows"], result.figures["caught"]) == (2, 2)
    assert result.figures["lead_share"] == pytest.approx(0.75)

    def credit(position: float) -> float:
        return 2 / (1 + math.exp(5 * position)) - 1

    points = credit(-0.5) / credit(-1) - 1 + 0.11 * (-1 + credit(0.5) + credit(0.9))
    assert result.figures["nab_score"] == pytest.approx(100 * (points + 2) / 4)
    healthy = 600 - 90 - 2 * 125
    assert result.budget == Budget(observed=2, expected=healthy / 4000, healthy=healthy, in_alarm=12)


def test_nab_silence_scores_0_and_every_window_at_its_start_100(tmp_path: Path) -> None:
    write_nab(tmp_path, 600, [(200, 299), (400, 499)])
    (series,) = nab.find(tmp_path)
    assert nab.measure([series], [said(series)]).figures["nab_score"] == 0
    perfect = said(series, *(("machine", at(series, row), at(series, row + 5)) for row in (200, 400)))
    assert nab.measure([series], [perfect]).figures["nab_score"] == pytest.approx(100)


# ---------------------------------------------------------------- SMAP/MSL


def write_telemanom(home: Path) -> None:
    for part, n_rows in (("train", 50), ("test", 400)):
        (home / "data" / part).mkdir(parents=True)
        for channel, n_columns in (("A-1", 3), ("T-9", 2), ("X-0", 2)):
            np.save(home / "data" / part / f"{channel}.npy", np.full((n_rows, n_columns), 0.5))
    (home / "labeled_anomalies.csv").write_text(
        "chan_id,spacecraft,anomaly_sequences,class,num_values\n"
        'A-1,SMAP,"[[150, 199], [300, 309]]","[point, contextual]",400\n'
        'T-9,MSL,"[[20, 29]]",[point],400\n'
        'A-1,SMAP,"[[350, 359]]",[point],400\n'
    )


def test_smap_and_msl_give_the_commands_as_context_and_their_labels_by_row(tmp_path: Path) -> None:
    write_telemanom(tmp_path / "telemanom")
    first, second = smap_msl.find(tmp_path)  # X-0 has no label and is left out
    assert (first.name, second.name) == ("A-1", "T-9")
    assert list(first.test.columns) == ["time", "asset", "telemetry", "cmd_01", "cmd_02"]
    assert first.context == ("cmd_01", "cmd_02")
    assert (len(first.train), len(first.test)) == (50, 400)
    rows = [((e.start_us - frames.BEGIN_US) // smap_msl.PERIOD_US, e.end_us) for e in first.truth]
    assert [row for row, _ in rows] == [150, 300, 350]
    assert rows[0][1] == at(first, 200)


def test_smap_and_msl_find_a_sequence_by_an_alert_raised_in_it_or_shortly_before(tmp_path: Path) -> None:
    write_telemanom(tmp_path)
    first, second = smap_msl.find(tmp_path)
    judged = said(
        first,
        ("A-1", at(first, 10), at(first, 20)),  # false
        ("A-1", at(first, 140), at(first, 360)),  # announces the first; only stands in the others
    )
    result = smap_msl.measure([first, second], [judged, said(second)])
    assert (result.figures["sequences"], result.figures["found"]) == (4, 1)
    assert (result.figures["precision"], result.figures["recall"]) == (0.5, 0.25)
    assert result.figures["f1_sequences"] == pytest.approx(1 / 3)
    labelled, hit, false = 80, 70, 10 + 10 + 100 + 40
    assert result.figures["f1"] == pytest.approx(2 * hit / (2 * hit + false + labelled - hit))
    assert result.always_on["f1"] == pytest.approx(2 * 80 / (80 + 800))
    healthy_first = 400 - (200 - 50) - (310 - 200) - (360 - 310)
    assert result.budget.healthy == healthy_first + 400 - 30
    assert (result.budget.observed, result.budget.in_alarm) == (1, 10)
    silent = smap_msl.measure([first], [said(first)]).figures
    assert (silent["f1_sequences"], silent["recall"], silent["f1"]) == (0, 0, 0)
    assert math.isnan(silent["precision"])


# ---------------------------------------------------------------- C-MAPSS


def write_cmapss(home: Path, lives: dict[int, int]) -> None:
    home.mkdir(parents=True, exist_ok=True)
    rows = [[unit, cycle, *([0.5] * 24)] for unit, life in lives.items() for cycle in range(1, life + 1)]
    lines = (" ".join(f"{value:g}" for value in row) + "  " for row in rows)
    (home / "train_FD001.txt").write_text("\n".join(lines) + "\n")


def test_cmapss_trains_on_healthy_rows_of_the_first_50_engines_and_judges_the_next_50(tmp_path: Path) -> None:
    write_cmapss(tmp_path / "CMAPSSData", {1: 130, 50: 127, 51: 200, 100: 128, 101: 150})
    (series,) = cmapss.find(tmp_path)
    assert series.train.groupby("asset").size().to_dict() == {"engine-001": 4, "engine-050": 1}
    assert series.test.groupby("asset").size().to_dict() == {"engine-051": 200, "engine-100": 128}
    assert series.context == ("setting_1", "setting_2", "setting_3")
    assert list(series.test.columns[5:7]) == ["s01", "s02"]
    failure = series.truth[0]
    assert failure.failure_us == frames.BEGIN_US + 200 * cmapss.PERIOD_US
    assert failure.failure_us - failure.start_us == 125 * cmapss.PERIOD_US


def test_cmapss_counts_missed_engines_with_a_lead_of_nothing(tmp_path: Path) -> None:
    write_cmapss(tmp_path, {1: 130, 51: 200, 52: 200, 53: 200})
    (series,) = cmapss.find(tmp_path)
    cycle = [frames.BEGIN_US + i * cmapss.PERIOD_US for i in range(201)]
    judged = said(
        series,
        ("engine-051", cycle[140], None),  # 60 cycles before
        ("engine-052", cycle[70], None),  # false, and still stands at 125 to go
        ("engine-053", cycle[20], cycle[30]),  # false; the failure is missed
    )
    result = cmapss.measure([series], [judged])
    assert result.figures["missed"] == 1
    assert result.figures["lead_cycles_median"] == 60
    assert result.figures["lead_cycles_p10"] == pytest.approx(12)
    assert result.budget == Budget(observed=2, expected=3 * 74 / 500, healthy=3 * 74, in_alarm=5 + 10)


# ---------------------------------------------------------------- IMS


def write_ims(home: Path, n_snapshots: int) -> None:
    """The rig stands still in the last two snapshots."""
    home.mkdir(parents=True)
    for i, time in enumerate(pd.date_range("2004-02-12 10:32:39", periods=n_snapshots, freq="10min")):
        size = 0.0001 if i >= n_snapshots - 2 else 0.1
        samples = np.tile([[size, -2 * size, 3 * size, 0.0], [-size, 2 * size, -size, 0.0]], (4, 1))
        np.savetxt(home / time.strftime("%Y.%m.%d.%H.%M.%S"), samples, delimiter="\t", fmt="%.4f")


def test_ims_makes_a_mean_absolute_value_of_every_snapshot_up_to_the_stop_of_the_rig(tmp_path: Path) -> None:
    write_ims(tmp_path / "IMS" / "2nd_test", 42)
    (rig,) = ims.find(tmp_path)
    assert (len(rig.train), len(rig.test), rig.period_us) == (10, 40, 600 * SECOND)
    assert rig.test.iloc[0, 2:].tolist() == pytest.approx([0.1, 0.2, 0.2, 0.0])
    assert rig.test["time"].iloc[0] == pd.Timestamp("2004-02-12 10:32:39", tz="UTC")
    assert (rig.truth[0].start_us, rig.truth[0].failure_us) == (at(rig, 20), at(rig, 39))


def test_ims_counts_the_lead_from_the_second_half_and_false_alerts_in_the_second_quarter(tmp_path: Path) -> None:
    write_ims(tmp_path / "2nd_test", 42)
    (rig,) = ims.find(tmp_path)
    judged = said(rig, ("rig", at(rig, 12), at(rig, 15)), ("rig", at(rig, 27), None))
    result = ims.measure([rig], [judged])
    assert result.figures == {"lead_hours": 2.0, "missed": 0}
    assert result.always_on["lead_hours"] == pytest.approx(20 / 6)
    assert result.budget == Budget(observed=1, expected=10 / 500, healthy=10, in_alarm=3)
    assert ims.measure([rig], [said(rig)]).figures == {"lead_hours": 0.0, "missed": 1}


# ---------------------------------------------------------------- measures and tables


def test_rows_without_a_score_are_the_least_strange_and_equal_ones_share_a_rank() -> None:
    score = np.array([1.0, np.nan, 2.0, 2.0, 3.0])
    period = np.array([10.0, np.nan, 20.0, 20.0, 20.0])
    judged = Judged(np.arange(5), score, period, ())
    assert measures.strangeness([judged]).tolist() == [1, 0, 2, 2, 3]


def test_rows_without_a_score_expect_no_false_alerts(tmp_path: Path) -> None:
    write_skab(tmp_path, "valve1/0.csv", 500, [])
    (series,) = skab.find(tmp_path)
    score = np.where(np.arange(500) < 450, 1.0, np.nan)
    result = skab.measure([series], [said(series, score=score)])
    assert (result.budget.expected, result.budget.healthy) == (50 / 500, 100)
    assert math.isnan(result.figures["mar_pct"])


def test_the_interval_of_the_budget_is_the_poisson_one() -> None:
    low, high = poisson_interval(3)
    assert Budget(3, 2.0, 1000, 10).interval == (low / 2, high / 2)


def test_a_table_has_a_column_per_network_and_one_for_always_on() -> None:
    measured = Measured({"f1": 0.5, "far_pct": 12.34, "gone": math.nan}, Budget(1, 2, 100, 3), {"f1": 0.7})
    table = show.table(skab, 2, {"one": measured, "two": measured})
    assert [c.header for c in table.columns] == ["", "one", "two", "always on"]
    assert list(table.columns[0].cells)[:3] == ["f1", "far [%]", "gone"]
    assert list(table.columns[1].cells)[:4] == ["0.500", "12.3", "–", "1 / 2.0"]
    assert next(iter(table.columns[3].cells)) == "0.700"
    assert show.document(measured)["figures"]["gone"] is None


# ---------------------------------------------------------------- all of it


def test_a_folder_like_skab_is_measured_from_end_to_end(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    home = tmp_path / "data" / "SKAB"
    write_skab(home, "valve1/0.csv", 600, [(500, 560)])
    write_skab(home, "valve1/1.csv", 600, [(500, 560)], seed=1)
    out = tmp_path / "results" / "quality.json"
    arguments = [str(tmp_path / "data"), "--only", "skab,tep", "--networks", "linear_predictor"]
    assert main(arguments, out) == 0
    document = json.loads(out.read_text())
    linear = document["sets"]["skab"]["linear_predictor"]
    assert document["sets"]["skab"]["series"] == 2
    assert linear["figures"]["files_found"] == 2
    assert linear["figures"]["f1"] > linear["always_on"]["f1"]
    assert linear["figures"]["roc_auc"] > 0.9
    assert linear["false_alerts"]["healthy_rows"] == 200
    assert document["all"]["linear_predictor"]["expected"] == pytest.approx(0.4)
    shown = capsys.readouterr().out
    assert "tep: not below" in shown
    assert "R. D. Braatz" in shown
    assert "false alerts / expected" in shown


def test_a_set_that_fails_does_not_hide_the_others(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    write_skab(tmp_path, "valve1/0.csv", 600, [(500, 560)])
    (tmp_path / "d00.dat").write_text("this is no number\n")
    (tmp_path / "d00_te.dat").write_text("nor is this\n")
    out = tmp_path / "quality.json"
    assert main([str(tmp_path), "--only", "tep,skab", "--networks", "no_such_net,linear_predictor"], out) == 1
    sets = json.loads(out.read_text())["sets"]
    assert "ValueError" in sets["tep"]["failed"]
    assert "failed" in sets["skab"]["no_such_net"]
    assert "f1" in sets["skab"]["linear_predictor"]["figures"]
    assert "tep: failed." in capsys.readouterr().out


def test_where_there_is_nothing_to_measure_the_exit_code_says_so(tmp_path: Path) -> None:
    assert main([str(tmp_path)], tmp_path / "quality.json") == 1
