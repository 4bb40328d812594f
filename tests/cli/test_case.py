"""What people do about alerts, on the command line."""

from __future__ import annotations

import csv
import json
import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from anomaly_lstm.cli import show
from anomaly_lstm.clock import iso, parse_time
from anomaly_lstm.events import read_events
from anomaly_lstm.pipeline.actions import read_actions
from tests.cli.conftest import ROWS as ROWS_OF_PLANT
from tests.cli.conftest import Said, anomaly_lstm, pipeline_text, row_time

P1, OTHER = "11" + "0" * 14, "12" + "0" * 14


@pytest.fixture
def run(made: Path, tmp_path: Path) -> Path:
    """A run folder with the alert of P2 that `alert` raised, and two alerts of P1 made from it, one of them cleared."""
    folder = tmp_path / "run"
    folder.mkdir()
    report = json.loads((made / "alerts.json").read_text())
    (real,) = report["alerts"]
    over = {"active": False, "cleared_at": real["updated_at"]}
    more = [{**real, "alert_id": P1, "asset": "P1"}, {**real, "alert_id": OTHER, "asset": "P1", **over}]
    (folder / "alerts.json").write_text(json.dumps({**report, "alerts": [real, *more]}))
    (folder / "state.json").write_text(json.dumps({"model_id": real["model_id"]}))
    shutil.copytree(made / "model", folder / "models" / real["model_id"])
    return folder


def case(*words: str | Path, by: str | None = "anna") -> Said:
    named = () if by is None or words[0] == "list" else ("--by", by)
    return anomaly_lstm("case", *words, *named)


def shown(run: Path, *more: str) -> dict[str, Any]:
    said = case("list", run, "--json", *more)
    assert said.code == 0, said.err
    found: dict[str, Any] = json.loads(said.out)
    return found


def of(run: Path, alert_id: str) -> Mapping[str, Any]:
    return next(one for one in shown(run, "--all")["cases"] if one["alert_id"] == alert_id)


def test_the_list_fits_eighty_columns_and_says_what_stands(run: Path) -> None:
    said = case("list", run)
    assert said.code == 0
    lines = said.err.splitlines()
    assert max(map(len, lines[:4])) <= 80
    assert any("vibration" in line and line.startswith("1100 ") and "above the expected" in line for line in lines)
    assert lines[-1] == f"Next: anomaly-lstm case ack {run} 1100"
    assert lines[0].split() == ["id", "asset", "severity", "raised", "(UTC)", "state", "about"]
    assert [line.split()[0] for line in lines[:4] if "P1" in line] == ["1100", "1200"]
    assert any("P2" in line and "stands" in line and "vibration" in line for line in lines)


def test_long_names_are_folded_into_eighty_columns(run: Path) -> None:
    text = (run / "alerts.json").read_text().replace('"P1"', '"compressor-train-north-07B stage 2"')
    (run / "alerts.json").write_text(text.replace('"vibration"', '"\\\\\\\\srv\\\\Área 2:VT-3101A.DE.PV"'))
    lines = case("list", run).err.splitlines()
    table = lines[: next(i for i, line in enumerate(lines) if "above the expected" in line)]
    assert max(map(len, table)) <= 80


def test_an_acknowledged_alert_no_longer_asks_for_an_answer(run: Path) -> None:
    assert show.stands(shown(run)["cases"])
    mine = [one["alert_id"][:6] for one in shown(run)["cases"]]
    assert case("ack", run, *mine).code == 0
    assert not show.stands(shown(run)["cases"])
    assert OTHER not in [one["alert_id"] for one in shown(run)["cases"]], "cleared and acknowledged is over"
    assert {one["alert_id"] for one in shown(run, "--all")["cases"]} >= {P1, OTHER}


def test_an_act_names_who_did_it_by_the_login(run: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LOGNAME", "berta")
    assert case("ack", run, P1, by=None).code == 0
    assert of(run, P1)["acked_by"] == "berta"


def test_a_pipeline_file_names_the_run_folder_and_the_zone(made: Path, run: Path) -> None:
    text = pipeline_text(made).replace("[source]", '[source]\nzone = "Asia/Tokyo"')
    (run.parent / "p.toml").write_text(text)
    said = case("shelve", run.parent / "p.toml", P1, "--why", "cleaning", "--until", "2100-01-01 09:00")
    assert said.code == 0, said.err
    assert of(run, P1)["shelved_until"] == "2100-01-01T00:00:00Z"


def test_every_verb_does_what_the_list_then_says(run: Path) -> None:
    for words, key, value in (
        (("shelve", run, P1, "--why", "w", "--for", "8h"), "shelved_because", "w"),
        (("unshelve", run, P1), "shelved_until", None),
        (("shelve", run, P1, "--why", "o", "--once"), "shelved_because", "o"),
        (("unshelve", run, P1), "shelved_until", None),
        (("suppress", run, P1, "--why", "w"), "suppressed", True),
        (("unsuppress", run, P1), "suppressed", False),
        (("out-of-service", run, "P1", "--why", "overhaul"), "out_of_service", True),
        (("in-service", run, "P1"), "out_of_service", False),
        (("confirm", run, P1), "confirmed", True),
        (("close", run, P1, "--why", "mended"), "closed_because", "mended"),
        (("verdict", run, P1, "--as", "real", "--work-order", "WO-7", "--note", "bearing"), "work_order", "WO-7"),
    ):
        said = case(*words)
        assert said.code == 0, said.err
        assert of(run, P1)[key] == value, words
    assert len(read_actions(run)) == 11


def test_what_was_done_yesterday_can_be_noted_today_and_ends_from_then(run: Path) -> None:
    words = ("--at", "2026-01-01 14:00", "--for", "8h", "--why", "by phone")
    assert case("shelve", run, P1, *words).code == 0
    (act,) = read_actions(run)
    assert (iso(act.at_us), iso(act.until_us or 0)) == ("2026-01-01T14:00:00Z", "2026-01-01T22:00:00Z")
    assert act.seen_us == parse_time(row_time(ROWS_OF_PLANT)), "the alerts reach to the end of the plant's rows"
    assert act.counts_us == act.at_us
    assert read_actions(run, act.at_us) == [act]
    assert read_actions(run, act.at_us - 1) == []


def test_a_group_of_sensors_of_an_asset_is_shelved_and_listed(run: Path) -> None:
    words = ("--asset", "P1", "--sensors", "vibration,current", "--why", "new mounts", "--for", "8h")
    assert case("shelve", run, *words).code == 0
    assert of(run, P1)["shelved_because"] == "new mounts"
    assert "P1: vibration, current shelved since" in case("list", run).err


def test_a_suppression_without_an_end_is_seen_in_every_list(run: Path) -> None:
    assert case("suppress", run, "--asset", "P2", "--why", "test stand").code == 0
    assert "without an end by anna: test stand" in " ".join(case("list", run).err.split())


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (("ack", "zz"), "no alert has an id that begins with 'zz'"),
        (("ack", "1"), "'1' begins the ids of 2 alerts"),
        (("ack", ""), "no alert has an id"),
        (("shelve", "11", "--why", "x"), "needs an end"),
        (("shelve", "11", "--why", " ", "--for", "8h"), "needs a reason"),
        (("shelve", "11", "--why", "x", "--for", "8h", "--until", "2100-01-01"), "keep one"),
        (("shelve", "11", "--why", "x", "--until", "2020-01-01"), "is not after its begin"),
        (("ack", "11", "--at", "2100-01-01"), "lies ahead"),
        (("shelve", "--asset", "P9", "--why", "x", "--for", "8h"), "no asset 'P9'"),
        (
            ("shelve", "--asset", "P1", "--sensors", "vibratoin", "--why", "x", "--for", "8h"),
            "Did you mean 'vibration'",
        ),
        (("shelve", "--asset", "P1", "--why", "x", "--once"), "needs the alert's id"),
        (("shelve", "--why", "x", "--for", "8h"), "name alerts by their ids"),
        (("shelve", "11", "--sensors", "vibration", "--why", "x", "--for", "8h"), "--sensors goes with --asset"),
        (("out-of-service", "P3", "--why", "x"), "no asset 'P3'"),
    ],
)
def test_an_act_that_cannot_be_done_says_why_and_notes_nothing(run: Path, words: tuple[str, ...], told: str) -> None:
    said = case(words[0], run, *words[1:])
    assert said.code == 2
    assert told in " ".join(said.err.split())
    assert not (run / "actions.jsonl").exists()


@pytest.mark.parametrize("verb", ["shelve", "suppress", "out-of-service", "close"])
def test_what_silences_needs_a_reason(run: Path, verb: str) -> None:
    assert case(verb, run, "P1" if verb == "out-of-service" else P1).code == 2


def test_of_several_alerts_all_are_acknowledged_or_none(run: Path) -> None:
    assert case("ack", run, "11", "zz").code == 2
    assert not (run / "actions.jsonl").exists()


def test_a_folder_without_alerts_says_how_to_make_them(tmp_path: Path) -> None:
    said = case("list", tmp_path)
    assert said.code == 1
    assert "anomaly-lstm run PIPELINE" in said.err


def test_acts_are_noted_while_a_run_holds_the_folder(run: Path) -> None:
    from anomaly_lstm.store import locked

    with locked(run):
        assert case("ack", run, P1).code == 0
    assert of(run, P1)["acked"]


def test_a_verdict_proposes_events_and_counts(run: Path) -> None:
    assert case("verdict", run, "11", "--as", "real", "--work-order", "WO-7").code == 0
    said = case("verdict", run, "12", "--as", "false", "--note", "rain")
    assert "proposed_events.csv" in said.err
    events = read_events(run / "proposed_events.csv")
    assert {(event.kind, event.asset) for event in events} == {("anomaly", "P1"), ("normal", "P1")}
    (share,) = shown(run)["precision"]
    assert (share["real"], share["false"], share["precision"]) == (1, 1, 0.5)
    assert "50 %" in case("list", run, "--precision").err


def test_a_verdict_that_is_none_is_refused(run: Path) -> None:
    assert case("verdict", run, P1, "--as", "maybe").code == 2


# ---------------------------------------------------------------- import

HEADER = ["alert_id", "do", "by", "why", "until", "as", "work_order", "note"]
ROWS = [
    [P1, "ack", "berta", "", "", "", "", ""],
    [P1, "shelve", "", "cleaning; twice, as ever", "8h", "", "", ""],
    ["", "", "", "", "", "", "", ""],
    [OTHER, "verdict", "", "", "", "real", "WO-9", "Lager, außen\nzweite Zeile"],
]


def write(path: Path, rows: list[list[str]], mark: str = ";", encoding: str = "utf-8-sig") -> Path:
    with path.open("w", newline="", encoding=encoding) as file:
        csv.writer(file, delimiter=mark).writerows([HEADER, *rows])
    return path


@pytest.mark.parametrize(("mark", "encoding"), [(",", "utf-8"), (";", "utf-8-sig"), ("\t", "utf-16")])
def test_a_table_from_a_spreadsheet_is_done_row_by_row(run: Path, tmp_path: Path, mark: str, encoding: str) -> None:
    said = case("import", run, write(tmp_path / "acts.csv", ROWS, mark, encoding))
    assert said.code == 0, said.err
    assert (of(run, P1)["acked_by"], of(run, P1)["shelved_because"]) == ("berta", "cleaning; twice, as ever")
    assert of(run, OTHER)["verdict"] == "real"
    assert [act.by for act in read_actions(run)] == ["berta", "anna", "anna"]


def test_the_same_table_twice_changes_nothing(run: Path, tmp_path: Path) -> None:
    table = write(tmp_path / "acts.csv", ROWS)
    assert case("import", run, table).code == 0
    before = (run / "actions.jsonl").read_bytes()
    said = case("import", run, write(tmp_path / "again.csv", ROWS, ","))
    assert "3 acts had been noted before" in said.err
    assert (run / "actions.jsonl").read_bytes() == before
    assert case("import", run, write(tmp_path / "more.csv", [*ROWS, [OTHER, "confirm", *[""] * 6]])).code == 0
    assert len(read_actions(run)) == 4


def test_a_row_that_was_imported_may_have_run_out_since(run: Path, tmp_path: Path) -> None:
    table = write(tmp_path / "acts.csv", ROWS)
    assert case("import", run, table).code == 0
    lines = (run / "actions.jsonl").read_text().splitlines()
    old = [json.dumps({**json.loads(line), "until": "2020-01-01T00:00:00Z"}) for line in lines]
    (run / "actions.jsonl").write_text("\n".join(old) + "\n")
    assert case("import", run, table).code == 0


def test_every_bad_row_is_named_with_its_line_and_nothing_is_noted(run: Path, tmp_path: Path) -> None:
    bad = [
        ["zz", "ack"],
        [P1, "akc"],
        [P1, "shelve", "", "x", "soon"],
        [P1, "verdict", "", "", "", "maybe"],
        [P1, "close"],
        [P1, "shelve", "", "x"],
        ["1.1E+15", "ack"],
        [P1, "ack", "", "", "", "real"],
    ]
    said = case("import", run, write(tmp_path / "acts.csv", [*ROWS, *bad]))
    assert said.code == 1
    assert "8 rows do not fit, and nothing was noted" in said.err
    for line in range(7, 15):  # the row before has two lines in a cell
        assert f"line {line}:" in said.err
    assert "Did you mean 'ack" in said.err
    assert "format the column as text" in " ".join(said.err.split())
    assert not (run / "actions.jsonl").exists()


def test_a_line_that_tells_a_spreadsheet_its_separator_is_no_row(run: Path, tmp_path: Path) -> None:
    table = write(tmp_path / "acts.csv", [[P1, "akc"]])
    table.write_text("sep=;\n" + table.read_text("utf-8-sig"))
    assert "line 3: do is 'akc'" in case("import", run, table).err


def test_a_damaged_line_of_the_journal_is_named(run: Path) -> None:
    assert case("ack", run, P1).code == 0
    for wrong in ('{"action_id": "1", "do": "ack"}', "no json"):
        with (run / "actions.jsonl").open("a") as file:
            file.write(wrong + "\n")
        said = case("list", run)
        assert said.code == 1
        assert "actions.jsonl" in said.err
        assert "Restore" in said.err


def test_a_folder_that_cannot_be_written_is_told(run: Path) -> None:
    (run / "actions.jsonl").mkdir()
    said = case("ack", run, P1)
    assert said.code == 1
    assert "actions.jsonl" in said.err


def test_a_table_without_its_columns_names_them(run: Path, tmp_path: Path) -> None:
    (tmp_path / "acts.csv").write_text("id;action\n1;ack\n")
    said = case("import", run, tmp_path / "acts.csv")
    assert said.code == 1
    assert "column alert_id, do is missing" in " ".join(said.err.split())
    assert case("import", run, tmp_path / "none.csv").code == 1


def test_what_is_not_held_cannot_be_let_go(run: Path) -> None:
    for words in (("unshelve", run, P1), ("unsuppress", run, P1), ("in-service", run, "P1")):
        said = case(*words)
        assert said.code == 2
        assert "there is nothing to end" in said.err
    assert not (run / "actions.jsonl").exists()
