"""The way of a user: a file in, alerts out; what is said, written and returned on the way."""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from anomaly_lstm import store
from anomaly_lstm.cli import show
from anomaly_lstm.evaluation import Outcome, Raised
from anomaly_lstm.events import Event
from tests.cli.conftest import FAULT, ROWS, Said, anomaly_lstm, pipeline_text, plant, row_time


def document(said: Said) -> dict[str, Any]:
    """The one JSON document on standard output."""
    assert said.code in (0, 10), said.err
    found = json.loads(said.out)
    assert isinstance(found, dict)
    return found


@pytest.fixture
def pipeline(made: Path, tmp_path: Path) -> Path:
    path = tmp_path / "pump.toml"
    path.write_text(pipeline_text(made))
    return path


def test_the_fault_is_alerted_with_its_asset_and_sensor(made: Path) -> None:
    alerts = json.loads((made / "alerts.json").read_text())["alerts"]
    assert alerts
    assert {(alert["asset"], alert["sensors"][0]["sensor"]) for alert in alerts if alert["active"]} == {
        ("P2", "vibration")
    }
    assert all(alert["reason"].split(":")[1].split()[0] == alert["sensors"][0]["sensor"] for alert in alerts)


def test_every_row_read_has_a_row_in_the_scores(made: Path) -> None:
    assert len(pq.read_table(made / "scores.parquet")) == 2 * ROWS


def test_evaluate_says_how_long_before_the_failure_the_warning_came(made: Path) -> None:
    said = anomaly_lstm("evaluate", made / "alerts.json", "--events", made / "events.csv", "--start", row_time(700))
    assert said.code == 0, said.err
    assert "P2 warned 99 min before its failure." in said.err
    assert "false alert" in said.err
    assert said.out == ""


def test_train_works_straight_on_a_csv_and_says_what_it_found_and_what_comes_next(made: Path, tmp_path: Path) -> None:
    said = anomaly_lstm("train", made / "plant.csv", "--model", tmp_path / "m", "--network", "linear_predictor")
    assert said.code == 0, said.err
    for words in (
        "column 'time'",
        "Scores 3 sensors",
        "mean squared error",
        "Calibration:",
        "Next: anomaly-lstm score",
    ):
        assert words in said.err
    assert store.is_model(tmp_path / "m")


def test_end_is_half_open_and_read_in_the_zone(made: Path, tmp_path: Path) -> None:
    words = ("--network", "linear_predictor", "--zone", "America/Santiago", "--end", "2026-01-01 03:00", "--json")
    said = document(anomaly_lstm("train", made / "plant.parquet", "--model", tmp_path / "m", *words))
    assert said["report"]["rows"] == 2 * 6 * 60  # 03:00 in Santiago is 06:00 UTC


def test_separator_and_decimal_mark_can_be_set(tmp_path: Path) -> None:
    """With one row of one column, `1|5,25` could mean many things."""
    (tmp_path / "in.csv").write_text("time|a;b|flow\n" + "".join(f"2026-01-01 00:0{n}|{n};5|1,{n}\n" for n in range(4)))
    words = ("ingest", tmp_path / "in.csv", "--separator", "|", "--decimal", ",", "--exclude", "a;b", "--json")
    said = document(anomaly_lstm(*words, "--out", tmp_path / "out"))
    assert (said["rows"], [sensor["sensor"] for sensor in said["assets"][0]["sensors"]]) == (4, ["flow"])
    (found,) = (tmp_path / "out" / "data").rglob("*.parquet")
    assert pq.ParquetFile(found).read().column("flow").to_pylist() == [1.0, 1.1, 1.2, 1.3]


def test_separator_and_decimal_mark_reach_train_and_score(made: Path, tmp_path: Path) -> None:
    plant = (made / "plant.csv").read_text().replace(",", "\t").replace(".", ",")
    (tmp_path / "plant.csv").write_text(plant)
    marks = ("--separator", "tab", "--decimal", ",")
    words = (tmp_path / "plant.csv", "--model", tmp_path / "m", *marks)
    trained = document(anomaly_lstm("train", *words, "--network", "linear_predictor", "--json"))
    assert (trained["reading"]["separator"], trained["reading"]["decimal"]) == ("\t", ",")
    scored = document(anomaly_lstm("score", *words, "--out", tmp_path / "s.parquet", "--json"))
    assert scored["rows"] == 2 * ROWS


def test_exclude_and_context_take_lists(made: Path, tmp_path: Path) -> None:
    words = ("--network", "linear_predictor", "--exclude", "current", "--context", "load", "--json", "--quiet")
    said = anomaly_lstm("train", made / "plant.parquet", "--model", tmp_path / "m", *words)
    assert (document(said)["scored"], document(said)["context"]) == (["vibration"], ["load"])
    assert said.err == ""


def test_context_is_read_even_where_sensors_names_only_what_is_kept(made: Path, tmp_path: Path) -> None:
    words = ("--network", "linear_predictor", "--sensors", "vibration", "--context", "load", "--json")
    said = document(anomaly_lstm("train", made / "plant.parquet", "--model", tmp_path / "m", *words))
    assert (said["scored"], said["context"]) == (["vibration"], ["load"])


def test_modes_are_told_with_their_rows_and_read_even_where_sensors_names_only_what_is_kept(tmp_path: Path) -> None:
    made = plant()
    fuel = ["gas" if row // 60 % 2 else "peat" if row % 300 < 3 else "oil" for row in range(len(made))]
    pq.write_table(made.append_column("fuel", pa.array(fuel)), tmp_path / "plant.parquet")
    words = ("--mode", "fuel", "--sensors", "current,vibration", "--network", "linear_predictor")
    said = anomaly_lstm("train", tmp_path / "plant.parquet", "--model", tmp_path / "m", *words, "--json")
    assert document(said)["mode"]["own"] == ["gas", "oil"]
    assert document(said)["scored"] == ["current", "vibration"]
    inspected = anomaly_lstm("inspect", tmp_path / "m")
    for told in (said.err, inspected.err):
        assert "modes with their own centre, spread and calibration: gas (900 rows), oil (891 rows)." in told
        assert "modes that share the common ones: peat (9 rows); 240 rows of a mode in 2 visits must be left" in told


def test_quiet_says_nothing(made: Path, tmp_path: Path) -> None:
    words = ("--model", made / "model", "--out", tmp_path / "s.parquet", "--quiet")
    assert anomaly_lstm("score", made / "plant.csv", *words) == Said(0, "", "")


def test_score_without_detail_leaves_the_sensors_out(made: Path, tmp_path: Path) -> None:
    out = tmp_path / "s.parquet"
    said = anomaly_lstm("score", made / "plant.parquet", "--model", made / "model", "--out", out, "--detail", "score")
    assert said.code == 0, said.err
    assert not [name for name in pq.read_table(out).column_names if "." in name]
    alerts = tmp_path / "a.json"
    said = anomaly_lstm(
        "alert", out, "--model", made / "model", "--out", alerts, "--advisory", "off", "--warning", "10h"
    )
    assert said.code == 0, said.err
    assert {str(alert["sensors"]) for alert in json.loads(alerts.read_text())["alerts"]} == {"[]"}


def test_score_takes_the_period_of_its_model_and_no_other(made: Path, tmp_path: Path) -> None:
    words = ("score", made / "plant.parquet", "--model", made / "model", "--out", tmp_path / "s.parquet", "--quiet")
    assert anomaly_lstm(*words, "--period", "60s").code == 0
    said = anomaly_lstm(*words, "--period", "5min")
    assert (said.code, "model's period is 1min" in said.err) == (2, True)


def test_the_same_command_twice_writes_the_same_bytes(made: Path, tmp_path: Path) -> None:
    for name in ("one", "two"):
        words = ("--model", made / "model", "--out", tmp_path / f"{name}.parquet", "--quiet")
        assert anomaly_lstm("score", made / "plant.parquet", *words).code == 0
    assert (tmp_path / "one.parquet").read_bytes() == (tmp_path / "two.parquet").read_bytes()


def test_some_assets_that_fail_are_named_and_the_others_are_written(made: Path, tmp_path: Path) -> None:
    table = pq.read_table(made / "plant.parquet")
    pq.write_table(table.slice(0, 300), tmp_path / "whole.parquet")
    pq.write_table(table.slice(ROWS, 300).drop_columns(["vibration"]), tmp_path / "lacking.parquet")
    out = tmp_path / "out" / "s.parquet"
    said = anomaly_lstm("score", tmp_path / "*.parquet", "--model", made / "model", "--out", out)
    assert said.code == 4
    assert "Error: P2: sensor 'vibration' is missing" in said.err
    assert set(pq.read_table(out).column("asset").to_pylist()) == {"P1"}


def test_exit_code_tells_of_a_standing_warning(made: Path) -> None:
    words = ("alert", made / "scores.parquet", "--model", made / "model", "--advisory", "off", "--warning", "10h")
    assert anomaly_lstm(*words).code == 0
    assert anomaly_lstm(*words, "--exit-code").code == 10
    assert anomaly_lstm(*words[:4], "--advisory", "10h", "--warning", "off", "--exit-code").code == 0


def test_alerts_are_the_same_in_json_and_in_parquet(made: Path, tmp_path: Path) -> None:
    words = ("--model", made / "model", "--advisory", "off", "--warning", "10h", "--json", "--quiet")
    one = document(anomaly_lstm("alert", made / "scores.parquet", *words, "--out", tmp_path / "a.json"))
    two = document(anomaly_lstm("alert", made / "scores.parquet", *words, "--out", tmp_path / "a.parquet"))
    assert one["alerts"] == two["alerts"] == json.loads((tmp_path / "a.json").read_text())["alerts"]


def test_ingest_writes_a_folder_that_train_reads(made: Path, tmp_path: Path) -> None:
    said = document(anomaly_lstm("ingest", made / "plant.csv", "--out", tmp_path / "in", "--json"))
    assert (said["rows"], said["period_us"]) == (2 * ROWS, 60_000_000)
    assert json.loads((tmp_path / "in" / "quality.json").read_text())["period_us"] == 60_000_000
    words = ("--model", tmp_path / "m", "--network", "linear_predictor")
    assert anomaly_lstm("train", tmp_path / "in", *words).code == 0
    assert document(anomaly_lstm("inspect", tmp_path / "in", "--json"))["kind"] == "ingested"


@pytest.mark.parametrize(("name", "kind"), [("model", "model"), ("alerts.json", "alerts")])
def test_inspect_says_what_a_place_holds(made: Path, name: str, kind: str) -> None:
    said = anomaly_lstm("inspect", made / name, "--json")
    assert document(said)["kind"] == kind
    assert str(made / name) in said.err.replace("\n", "")


# ---------------------------------------------------------------- pipeline file


def test_run_does_everything_and_a_second_run_changes_no_byte(pipeline: Path) -> None:
    first = anomaly_lstm("run", pipeline)
    assert first.code == 0, first.err
    assert "P2 warned" in first.err
    folder = pipeline.parent / "run"
    kept = {path: path.read_bytes() for path in sorted(folder.rglob("*")) if path.is_file() and path.name != "run.lock"}
    second = document(anomaly_lstm("run", pipeline, "--json", "--quiet", "--exit-code"))
    assert second["trained"] is False
    assert {path: path.read_bytes() for path in kept} == kept


def test_training_by_a_pipeline_file_says_how_many_false_warnings_its_policy_promises(pipeline: Path) -> None:
    said = anomaly_lstm("train", "--pipeline", pipeline).err
    assert "promises 146 false warnings a month on 2 assets" in " ".join(said.split())


def test_with_a_pipeline_file_source_model_and_events_may_be_left_out(pipeline: Path, tmp_path: Path) -> None:
    trained = document(anomaly_lstm("train", "--pipeline", pipeline, "--json"))
    assert Path(str(trained["path"])).parent == tmp_path / "run" / "models"
    assert (trained["context"], trained["report"]["rows"]) == (["load"], 2 * 700)  # until
    assert anomaly_lstm("score", "--pipeline", pipeline, "--out", tmp_path / "s.parquet").code == 0
    assert anomaly_lstm("run", pipeline).code == 0
    alerts = document(anomaly_lstm("alert", "--pipeline", pipeline, "--json"))
    assert [b["severity"] for b in alerts["run"]["budget"]] == ["warning"]
    assert document(anomaly_lstm("evaluate", "--pipeline", pipeline, "--json"))["found"] == 1
    assert document(anomaly_lstm("inspect", pipeline, "--json"))["kind"] == "run"


def test_flags_win_over_the_pipeline_file(pipeline: Path, tmp_path: Path) -> None:
    words = ("--pipeline", pipeline, "--model", tmp_path / "m", "--end", row_time(500), "--context", "current")
    said = document(anomaly_lstm("train", *words, "--json"))
    assert (said["context"], said["report"]["rows"]) == (["current"], 2 * 500)
    assert not (tmp_path / "run").exists()


def test_a_budget_is_shared_by_the_assets(pipeline: Path) -> None:
    pipeline.write_text(pipeline.read_text().replace('advisory = "off"\nwarning = "10h"', 'budget = "1 per 6h"'))
    assert anomaly_lstm("run", pipeline).code == 0
    for words in (("run", pipeline), ("alert", "--pipeline", pipeline)):
        limits = {
            b["severity"]: b["return_period_s"] for b in document(anomaly_lstm(*words, "--json"))["run"]["budget"]
        }
        assert limits == {"advisory": 4 * 3600.0, "warning": 12 * 3600.0}


# ---------------------------------------------------------------- the terminal


def console(*words: str | Path, **environment: str) -> "subprocess.CompletedProcess[str]":
    command = [sys.executable, "-m", "anomaly_lstm", *map(str, words)]
    return subprocess.run(command, capture_output=True, text=True, check=False, env={**os.environ, **environment})


def test_colours_are_left_out_where_nobody_wants_them(made: Path) -> None:
    forced = {"FORCE_COLOR": "1", "COLUMNS": "80"}
    assert "\x1b[" in console("inspect", made / "alerts.json", **forced, TERM="xterm").stderr
    plain = console("inspect", made / "alerts.json", **forced, NO_COLOR="1", TERM="xterm").stderr
    assert not any(f"\x1b[{code}m" in plain for code in ("33", "36", "1;31"))


def test_tables_fit_into_80_columns(made: Path) -> None:
    said = console("inspect", made / "alerts.json", FORCE_COLOR="1", NO_COLOR="1", COLUMNS="80", TERM="dumb")
    assert said.returncode == 0
    assert max(map(len, said.stderr.splitlines())) <= 80 + len("\x1b[1m\x1b[0m")


def test_a_reader_that_goes_away_is_no_error(made: Path) -> None:
    command = f"{sys.executable} -m anomaly_lstm inspect {made / 'alerts.json'} --json --quiet; echo code $? >&2"
    said = subprocess.run(["bash", "-c", f"({command}) | true"], capture_output=True, text=True, check=False)
    assert said.stderr.strip() == "code 0"


def test_whether_the_lstm_or_the_line_carries_the_evidence_is_said() -> None:
    loss = {"lstm_predictor": 0.56, "linear_predictor": 0.64}
    assert show.loss_words(loss, "lstm_predictor", "lstm_predictor") == (
        "lstm_predictor expects normal rows better than the linear challenger and carries the evidence "
        "(mean squared error 0.56 against 0.64 on normal rows it did not learn from; 1 is each sensor's own variance)."
    )
    assert show.loss_words(loss, "lstm_predictor", "linear_predictor").startswith(
        "lstm_predictor adds nothing here: it expects normal rows no better than the linear challenger, which carries "
    )


def test_what_an_autoencoder_gives_back_is_not_compared_with_a_prediction() -> None:
    said = show.loss_words({"lstm_autoencoder": 0.2, "linear_predictor": 0.6}, "lstm_autoencoder", "lstm_autoencoder")
    assert said == (
        "lstm_autoencoder gives back normal rows it did not learn from with a mean squared error of 0.2 "
        "(1 is each sensor's own variance)."
    )


def test_a_network_worse_than_the_average_of_its_sensors_is_said_to_be() -> None:
    assert show.unlike_words(0.99, 1) == ""
    assert "worse than each sensor's own average" in show.unlike_words(1.3, 1)
    assert "does not stand for the rows after it" in show.unlike_words(1.3, 1)
    assert "the assets it learned from do not stand for the others" in show.unlike_words(1.3, 6)


# ---------------------------------------------------------------- which alerts are shown, and how events are told


def an_alert(number: int, severity: str = "advisory", *, active: bool = False, days: float = 40.0) -> dict[str, Any]:
    """An alert as in alerts.json; the greater its number, the later it was raised."""
    raised = row_time(60 * number)
    return {
        "asset": f"P{number}",
        "severity": severity,
        "active": active,
        "raised_at": raised,
        "cleared_at": None if active else row_time(60 * number + 30),
        "peak": {"return_period_s": days * 86400},
        "sensors": [],
        "reason": f"P{number}: unusual.",
    }


def shown_assets(found: list[dict[str, Any]], capsys: pytest.CaptureFixture[str]) -> list[str]:
    """The first column of the table of alerts."""
    show.alerts(show.screen(), {"assets": {}, "budget": [], "normal_s": 1.0}, found)
    lines = capsys.readouterr().err.splitlines()
    return [line.split()[0] for line in lines if line.startswith("P")]


def test_severe_then_standing_then_rare_alerts_matter_most_and_stand_in_time_order(
    capsys: pytest.CaptureFixture[str],
) -> None:
    common = [an_alert(number, "warning") for number in range(16)]
    late = [an_alert(number) for number in range(30, 40)]
    rare, standing, critical = (
        an_alert(20, days=900),
        an_alert(41, active=True),
        an_alert(43, "critical", days=1),
    )
    not_so_rare = an_alert(21, days=800)
    found = [*late, rare, *common, not_so_rare, standing, critical]
    expected = [*(f"P{number}" for number in range(16)), "P20", "P21", "P41", "P43"]
    assert shown_assets(found, capsys) == expected


def test_a_critical_alert_that_is_over_matters_more_than_an_advisory_that_stands(
    capsys: pytest.CaptureFixture[str],
) -> None:
    standing = [an_alert(number, active=True) for number in range(1, 25)]
    assert "P0" in shown_assets([an_alert(0, "critical"), *standing], capsys)


def test_an_event_is_told_without_the_severity_its_alert_came_to() -> None:
    hour = 3_600_000_000
    alert = Raised("x", "P1", "critical", 2 * hour, None)
    failure = Event("P1", 0, 58 * hour, "failure", None, 58 * hour, "", 2)
    anomaly = Event("P1", 0, 58 * hour, "anomaly", None, None, "", 3)
    assert show.outcome_words(Outcome(failure, alert, lead_us=56 * hour)) == "P1 warned 56 h before its failure."
    assert (
        show.outcome_words(Outcome(anomaly, alert, delay_us=2 * hour))
        == "P1: anomaly of 1 January 1970 found 2 h after it began."
    )


def test_the_document_gives_failures_a_lead_and_anomalies_a_delay(made: Path, tmp_path: Path) -> None:
    events = tmp_path / "events.csv"
    rows = [f"P2,{row_time(FAULT)},{row_time(ROWS)},failure", f"P2,{row_time(FAULT)},{row_time(ROWS)},anomaly"]
    events.write_text("asset,start,end,kind\n" + "\n".join(rows) + f"\nP1,{row_time(10)},{row_time(20)},anomaly\n")
    said = document(anomaly_lstm("evaluate", made / "alerts.json", "--events", events, "--json"))
    told = {(event["asset"], event["kind"]): (event["lead_h"], event["delay_h"]) for event in said["events"]}
    lead, no_delay = told["P2", "failure"]
    no_lead, delay = told["P2", "anomaly"]
    assert (no_delay, no_lead) == (None, None)
    assert lead + delay == pytest.approx((ROWS - FAULT) / 60)
    assert told["P1", "anomaly"] == (None, None)  # missed


def test_a_calibration_that_broke_its_promise_is_said_to() -> None:
    calibration = {"normal_s": 4e6, "at_s": 8e5, "expected": 5.0, "observed": 22.0}
    assert "More than chance explains" in show.calibration_words(calibration)
    assert "More than" not in show.calibration_words({**calibration, "observed": 6.0})


def test_a_load_that_training_never_saw_is_told_and_warns_nobody_even_with_advisory_off(
    made: Path, tmp_path: Path
) -> None:
    table = pq.read_table(made / "plant.parquet")
    load = table.column("load").to_numpy() + 60.0
    table = table.set_column(table.column_names.index("load"), "load", [load])
    pq.write_table(table, tmp_path / "plant.parquet")
    model = ("--model", made / "model")
    said = anomaly_lstm("score", tmp_path / "plant.parquet", *model, "--out", tmp_path / "s.parquet")
    assert said.code == 0, said.err
    told = " ".join(said.err.split())
    assert "P1 898 of 898 scored rows by 'load'; P2 898 of 898 scored rows by 'load'." in told
    warn = ("--advisory", "off", "--warning", "10h", "--exit-code", "--json")
    found = anomaly_lstm("alert", tmp_path / "s.parquet", *model, *warn)
    assert found.code == 0, found.err
    alerts = document(found)["alerts"]
    assert alerts
    assert {(alert["severity"], alert["unseen"]) for alert in alerts} == {("advisory", True)}
    assert all("load 1" in alert["reason"] and "training saw at most 6" in alert["reason"] for alert in alerts)
    assert document(found)["run"]["budget"][0]["raised"] == 0


# ---------------------------------------------------------------- dated events act on scores


def test_a_sensor_told_as_changed_is_shifted_and_told_and_alerts_nobody(made: Path, tmp_path: Path) -> None:
    pq.write_table(plant(rows=1400), tmp_path / "plant.parquet")
    changed = f"P2,{row_time(FAULT - 5)},{row_time(FAULT)},sensor_change,vibration\n"
    (tmp_path / "events.csv").write_text(
        f"asset,start,end,kind,sensor\n{changed}P1,{row_time(100)},{row_time(130)},maintenance,\n"
    )
    words = (tmp_path / "plant.parquet", "--model", made / "model", "--json", "--out")
    document(anomaly_lstm("score", *words, tmp_path / "without.parquet"))
    said = document(anomaly_lstm("score", *words, tmp_path / "scores.parquet", "--events", tmp_path / "events.csv"))
    assert said["states"]["OUT_OF_STATE"] == 31
    notes = [note for note in said["notes"] if note.startswith(("P1", "P2"))]
    assert [note.split(":")[0] for note in notes] == ["P1", "P1", "P2"]
    assert (
        "'vibration' was changed until 2026-01-01T13:20:00Z. Its first 480 rows stood 7.998 above what was" in notes[2]
    )

    def alerts(scores: str) -> set[tuple[str, str]]:
        warn = ("--model", made / "model", "--advisory", "off", "--warning", "10d", "--json")
        found = document(anomaly_lstm("alert", tmp_path / scores, *warn))["alerts"]
        return {(alert["asset"], alert["sensors"][0]["sensor"]) for alert in found}

    assert alerts("without.parquet") == {("P2", "vibration")}
    assert alerts("scores.parquet") == set()
    table = pq.read_table(tmp_path / "scores.parquet")
    assert table.column("value.vibration") == pq.read_table(tmp_path / "without.parquet").column("value.vibration")
    value, expected = (table.column(f"{what}.vibration").to_numpy()[-100:] for what in ("value", "expected"))
    assert abs((value - expected).mean()) < 0.1
    assert expected.mean() > 8


def test_a_run_and_score_with_a_pipeline_file_heed_its_events(made: Path, tmp_path: Path) -> None:
    (tmp_path / "events.csv").write_text(f"asset,start,end,kind\nP2,{row_time(FAULT)},{row_time(ROWS)},maintenance\n")
    text = pipeline_text(made).replace(f"{made}/events.csv", "events.csv")
    (tmp_path / "pump.toml").write_text(text)
    ran = document(anomaly_lstm("run", tmp_path / "pump.toml", "--json"))
    assert ran["states"]["OUT_OF_STATE"] == ROWS - FAULT
    assert ran["alerts"] == []
    assert any(f"P2: {ROWS - FAULT} rows not judged: maintenance" in note for note in ran["notes"])
    words = ("score", "--pipeline", tmp_path / "pump.toml", "--out", tmp_path / "s.parquet", "--json")
    assert document(anomaly_lstm(*words))["states"] == ran["states"]
