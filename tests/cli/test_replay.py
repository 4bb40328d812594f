"""`replay` on the command line: from scores, a run folder or a pipeline file; what it says, writes and refuses."""

import json
import sys
from importlib.resources import files
from pathlib import Path
from typing import Any

import jsonschema
import pyarrow.parquet as pq
import pytest

import anomaly_lstm as al
from tests.cli.conftest import FAULT, ROWS, anomaly_lstm, pipeline_text, row_time
from tests.cli.test_bad_input import nothing_left, refused
from tests.cli.test_verbs import document

WARN = ("--advisory", "off", "--warning", "10h")


def scores(made: Path) -> tuple[str | Path, ...]:
    """Scores, their model, the events, and the policy of the plant's pipeline file."""
    return (made / "scores.parquet", "--model", made / "model", "--events", made / "events.csv", *WARN)


def told(*words: str | Path) -> dict[str, Any]:
    """The document of a replay, without where it was written and what only a run knows."""
    return document(anomaly_lstm("replay", *words, "--json", "--quiet"))


@pytest.fixture(scope="module")
def ran(made: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A pipeline file that has run, its run folder beside it: not to be changed."""
    path = tmp_path_factory.mktemp("ran") / "pump.toml"
    path.write_text(pipeline_text(made))
    assert anomaly_lstm("run", path, "--quiet").code == 0
    return path


def test_a_replay_says_what_was_warned_how_early_and_at_which_price(made: Path) -> None:
    said = anomaly_lstm("replay", *scores(made))
    assert said.code == 0, said.err
    text = " ".join(said.err.split())
    assert "1 of 1 failure warned, 99 min ahead; " in text
    assert "P2 2026-01-01 14:59 2026-01-01 13:20 99 min before ◆ warning vibration" in text
    for words in ("95 % interval", "Alarm load", "What if", " *", "Few failures prove little", "No policy is marked"):
        assert words in text


def test_scores_a_run_folder_and_a_pipeline_file_give_the_same_replay(made: Path, ran: Path) -> None:
    from_file = told(ran)
    assert from_file["present"]["warned"] == 1
    assert told("--pipeline", ran) == from_file
    assert told(ran.parent / "run", "--events", made / "events.csv") == from_file
    model = next((ran.parent / "run" / "models").iterdir())
    words = (ran.parent / "run" / "scores", "--model", model, "--events", made / "events.csv")
    assert told(*words, *WARN) == from_file


def test_what_programs_get_is_as_the_published_schema_says(made: Path, ran: Path, tmp_path: Path) -> None:
    schema = json.loads((files("anomaly_lstm") / "schemas" / "replay.schema.json").read_text("utf-8"))
    jsonschema.Draft202012Validator.check_schema(schema)
    check = jsonschema.Draft202012Validator(schema)
    out = tmp_path / "replay.json"
    printed = document(anomaly_lstm("replay", ran, "--out", out, "--json", "--quiet"))
    for told_ in (json.loads(out.read_text()), printed):
        assert told_["events"]
        assert told_["grid"]
        check.validate(told_)
    nothing = document(anomaly_lstm("replay", *scores(made)[:5], "--advisory", "off", "--warning", "off", "--json"))
    check.validate(nothing)
    assert not check.is_valid(printed | {"events": [printed["events"][0] | {"outcome": "perhaps"}]})


def test_a_replay_agrees_with_what_the_run_evaluated(ran: Path) -> None:
    run = document(anomaly_lstm("run", ran, "--json", "--quiet"))["evaluation"]
    replay = told(ran)
    assert [e["lead_h"] for e in run["events"]] == [e["warning_h"] for e in replay["events"]]
    assert [a["alert_id"] for a in run["false_alerts"]] == [a["alert_id"] for a in replay["false_alerts"]]
    assert run["expected_false"] == pytest.approx(replay["present"]["expected_false"], rel=1e-2)


def test_by_default_only_what_came_after_the_training_is_judged(made: Path) -> None:
    assert told(*scores(made))["start"] == row_time(700)
    early = told(*scores(made), "--start", row_time(100))
    assert early["start"] == row_time(100)
    assert "The model learned from rows up to" in early["notes"][0]


def test_the_page_and_the_document_are_written_by_their_endings(made: Path, tmp_path: Path) -> None:
    page, data = tmp_path / "sub" / "replay.html", tmp_path / "replay.json"
    said = anomaly_lstm("replay", *scores(made), "--out", page, "--out", data, "--json")
    printed = document(said)
    assert json.loads(data.read_text()) == {k: v for k, v in printed.items() if k not in ("command", "out")}
    assert printed["headline"] in page.read_text()
    assert printed["out"] == [str(page), str(data)]


def test_a_page_speaks_the_language_and_tells_the_time_of_the_plant(made: Path, tmp_path: Path) -> None:
    words = ("--language", "es", "--zone", "America/Santiago")
    said = anomaly_lstm("replay", *scores(made), "--out", tmp_path / "r.html", *words)
    assert said.code == 0, said.err
    page = (tmp_path / "r.html").read_text()
    assert "1 de 1 fallo con alerta previa" in page
    assert "2026-01-01 11:59" in page, "14:59 UTC is 11:59 in Santiago in January"
    assert "warned" in said.err, "the terminal speaks English"


def test_without_the_plotting_library_there_is_a_page_of_tables_and_it_is_said(
    made: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "plotly.offline", None)
    said = anomaly_lstm("replay", *scores(made), "--out", tmp_path / "r.html")
    assert said.code == 0
    assert "pip install 'anomaly-lstm[report]'" in " ".join(said.err.split())
    page = (tmp_path / "r.html").read_text()
    assert "<script" not in page
    assert "99 min before" in page
    alone = anomaly_lstm("replay", *scores(made), "--out", tmp_path / "r.json")
    assert "plotly" not in alone.err


def test_flags_choose_the_policy_and_the_grid(made: Path) -> None:
    grid = ("--return-periods", "5h,20h", "--on-delays", "0,3min,1h", "--on-delay", "3min")
    cells = told(*scores(made), *grid)["grid"]
    assert [(cell["return_period_s"] / 3600, cell["on_delay_s"]) for cell in cells] == [
        (hours, delay) for hours in (5, 10, 20) for delay in (0, 180, 3600)
    ]
    assert [cell["present"] for cell in cells].index(True) == 4


def test_a_budget_counts_warnings_and_is_shared_by_all_assets(made: Path, tmp_path: Path) -> None:
    path = tmp_path / "pump.toml"
    path.write_text(pipeline_text(made).split("[alarm]")[0] + '[alarm]\nbudget = "1 per 6h"\n')
    assert anomaly_lstm("run", path, "--quiet").code == 0
    replay = told(path)
    assert replay["severity"] == "warning"
    assert replay["present"]["limits_s"] == {"advisory": 4 * 3600.0, "warning": 12 * 3600.0}
    assert told(path, "--severity", "advisory")["present"]["return_period_s"] == 4 * 3600.0


def test_replay_is_a_function_of_the_package(made: Path, tmp_path: Path) -> None:
    policy = al.Policy(limits={"warning": 36_000_000_000})
    out = tmp_path / "r.html"
    result = al.replay(made / "scores.parquet", made / "model", made / "events.csv", [out], policy=policy)
    assert result.present.warned == 1
    assert out.read_text().startswith("<!DOCTYPE html>")


def test_help_has_an_example() -> None:
    said = anomaly_lstm("replay", "--help")
    assert "anomaly-lstm replay pipelines/pump.toml --out replay.html" in " ".join(said.out.split())


# ---------------------------------------------------------------- bad input


def events_file(folder: Path, *rows: str) -> Path:
    path = folder / "events.csv"
    path.write_text("asset,start,end,kind\n" + "".join(f"{row}\n" for row in rows))
    return path


def test_events_without_a_failure_are_still_useful_and_it_is_said(made: Path, tmp_path: Path) -> None:
    for rows in ((), (f"P2,{row_time(FAULT)},{row_time(ROWS)},maintenance",)):
        words = (*scores(made)[:3], "--events", events_file(tmp_path, *rows), *WARN)
        said = anomaly_lstm("replay", *words)
        assert said.code == 0, said.err
        assert "The events name no failure here" in " ".join(said.err.split())
        assert "No failure noted; " in said.err


def test_without_events_it_is_said_that_every_alert_counts_as_false(made: Path, tmp_path: Path) -> None:
    said = anomaly_lstm("replay", *scores(made)[:3], *WARN, "--out", tmp_path / "r.html")
    assert said.code == 0, said.err
    assert "every alert counts as false" in " ".join(said.err.split())
    header_only = told(*scores(made)[:3], *WARN, "--events", events_file(tmp_path))
    assert told(*scores(made)[:3], *WARN) == header_only
    assert "time in alarm" in (tmp_path / "r.html").read_text(encoding="utf-8")


def test_events_of_another_time_are_refused_with_both_spans(made: Path, tmp_path: Path) -> None:
    old = events_file(tmp_path, "P2,2020-01-01,2020-01-02,failure")
    said = anomaly_lstm("replay", *scores(made)[:3], "--events", old, "--out", tmp_path / "r.html")
    refused(said, 1, "none of the 1 events", "2020-01-01", "2026-01-01", "nothing but its header")
    nothing_left(tmp_path, but=("events.csv",))


def test_events_that_are_not_judged_are_named(made: Path, tmp_path: Path) -> None:
    rows = (
        f"P2,{row_time(FAULT)},{row_time(ROWS)},failure",
        f"P9,{row_time(FAULT)},{row_time(ROWS)},failure",
        f"P1,{row_time(10)},{row_time(20)},anomaly",
    )
    notes = told(*scores(made)[:3], "--events", events_file(tmp_path, *rows))["notes"]
    assert any("no scores: events of P9" in note for note in notes)
    assert any("1 failure or anomaly event lies outside" in note for note in notes)


def test_scores_of_another_model_are_refused(made: Path, tmp_path: Path) -> None:
    table = pq.read_table(made / "scores.parquet")
    other = table.set_column(table.column_names.index("model_id"), "model_id", [["ffff"] * len(table)])
    pq.write_table(other, tmp_path / "s.parquet")
    words = (tmp_path / "s.parquet", *scores(made)[1:])
    refused(anomaly_lstm("replay", *words), 2, "the scores are from model ffff", "--model")


@pytest.mark.parametrize(
    ("more", "code", "words"),
    [
        (("--out", "r.pdf"), 2, ("r.pdf", ".html or .json")),
        (("--severity", "advisory"), 2, ("--severity advisory", "warning")),
        (("--start", "2030-01-01"), 2, ("no scores lie between", "--start")),
        (("--start", "2026-01-02", "--end", "2026-01-01"), 2, ("--start must lie before",)),
        (("--return-periods", "0"), 2, ("--return-periods", "7d,30d")),
        (("--return-periods", "7"), 2, ("--return-periods",)),
        (("--on-delays", "soon"), 2, ("--on-delays", "soon")),
    ],
)
def test_a_wrong_option_is_refused_by_name(
    made: Path, more: tuple[str, ...], code: int, words: tuple[str, ...]
) -> None:
    refused(anomaly_lstm("replay", *scores(made), *more), code, *words)


def test_what_is_missing_is_named(made: Path, ran: Path, tmp_path: Path) -> None:
    refused(anomaly_lstm("replay"), 2, "TARGET is missing")
    refused(anomaly_lstm("replay", *scores(made)[:1], "--events", made / "events.csv"), 2, "--model is missing")
    refused(anomaly_lstm("replay", ran, made / "scores.parquet"), 2, "stands alone")
    fresh = tmp_path / "fresh.toml"
    fresh.write_text(pipeline_text(made))
    refused(anomaly_lstm("replay", fresh), 1, "holds no scores yet", f"anomaly-lstm run {fresh}")


def test_a_file_of_the_run_is_never_overwritten(ran: Path) -> None:
    alerts = ran.parent / "run" / "alerts.json"
    before = alerts.read_bytes()
    refused(anomaly_lstm("replay", ran, "--out", alerts), 2, "left as it is")
    assert alerts.read_bytes() == before
