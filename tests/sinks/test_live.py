"""Sinks that show how things stand: metrics, a database, drafts for the maintenance system."""

from __future__ import annotations

import csv
import json
import sqlite3
import sys
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import psycopg
import pytest
from prometheus_client.parser import text_string_to_metric_families
from psycopg.rows import dict_row

from anomaly_lstm.changes import CLEARED, OUT_OF_SERVICE, RAISED, RETRACTED, SEVERITY_UP
from anomaly_lstm.clock import iso
from anomaly_lstm.errors import DataError, DeliveryError
from anomaly_lstm.sinks import LIVE_SINKS
from anomaly_lstm.sinks.contract import AlertReport, LiveSink, Seen, Standing
from anomaly_lstm.telling import HISTORY, Target, show
from tests.told import HOSTILE, MINUTE, NOON, alert_of, append, line_of

COLUMNS = {"No": "alert_id", "Functional location": "asset", "Short text": "reason", "Reported": "event_time"}


def standing_of(
    folder: Path, *alerts: dict[str, Any], assets: Mapping[str, Seen] | None = None, **more: Any
) -> Standing:
    run = {"budget": [{"severity": "warning", "return_period_s": 7776000.0, "expected_false": 1.5, "raised": 2}]}
    seen = {"pump-01": Seen(NOON - 2 * MINUTE, 86400.0), "pump-02": Seen(None)} if assets is None else assets
    return Standing("pump", folder / HISTORY, NOON, 500, 1.25, AlertReport(run, alerts), seen, **more)


def write(folder: Path, *lines: dict[str, Any]) -> None:
    append(folder / HISTORY, lines)


# ---------------------------------------------------------------- what all promise


@pytest.fixture(params=["prometheus", "cmms", "sqlite", "postgresql"])
def place(request: pytest.FixtureRequest, tmp_path: Path) -> tuple[LiveSink, str]:
    """Each live sink and a place of its own, the database twice."""
    match request.param:
        case "prometheus":
            return LIVE_SINKS["prometheus"], str(tmp_path / "out" / "pump.prom")
        case "cmms":
            return LIVE_SINKS["cmms"], str(tmp_path / "out" / "drafts.csv")
        case "sqlite":
            return LIVE_SINKS["sql"], f"sqlite:///{tmp_path / 'alerts.db'}"
        case _:
            url: str = request.getfixturevalue("postgres")
            return LIVE_SINKS["sql"], url


def content_of(place: str) -> Any:
    if place.startswith(("sqlite", "postgresql")):
        return rows_of(place)
    return Path(place).read_bytes() if Path(place).exists() else b""


def test_showing_twice_changes_nothing(place: tuple[LiveSink, str], tmp_path: Path) -> None:
    sink, where = place
    write(tmp_path, line_of("pump-01"), line_of("pump-02", tell=False))
    standing = standing_of(tmp_path, alert_of("id-pump-01", "pump-01"))
    sink.show(standing, where, {})
    once = content_of(where)
    sink.show(standing, where, {})
    assert once
    assert content_of(where) == once


def test_a_hostile_name_is_text_everywhere(place: tuple[LiveSink, str], tmp_path: Path) -> None:
    sink, where = place
    name = HOSTILE + "\0"
    write(tmp_path, line_of(name, alert_id="hostile"))
    sink.show(standing_of(tmp_path, alert_of("hostile", name), assets={name: Seen(NOON)}), where, {})
    assert b"HYPERLINK" in (
        json.dumps(content_of(where), default=str).encode() if sink.NAME == "sql" else content_of(where)
    )


def test_before_the_first_change_there_is_nothing_to_go_wrong(place: tuple[LiveSink, str], tmp_path: Path) -> None:
    sink, where = place
    sink.show(standing_of(tmp_path, assets={}), where, {})


# ---------------------------------------------------------------- Prometheus


def metrics_of(path: Path) -> dict[str, dict[tuple[str, ...], float]]:
    """Metric → label values, the pipeline's left out → value."""
    families = text_string_to_metric_families(path.read_text(encoding="utf-8"))
    return {
        family.name.removeprefix("anomaly_lstm_"): {
            tuple(value for name, value in sample.labels.items() if name != "pipeline"): sample.value
            for sample in family.samples
        }
        for family in families
    }


def test_the_metrics_say_how_things_stand(tmp_path: Path) -> None:
    path = tmp_path / "pump.prom"
    alerts = [alert_of("a", "pump-01"), alert_of("b", "pump-01"), alert_of("c", "pump-01", "critical", active=False)]
    standing = standing_of(
        tmp_path,
        *alerts,
        failed={"pump-09": "no rows"},
        unwatched=["pump-08"],
        failing={"mail": "no"},
        expected_false=1.6,
        observed_false=2,
    )
    LIVE_SINKS["prometheus"].show(standing, str(path), {})
    found = metrics_of(path)
    assert found["last_run_timestamp_seconds"] == {(): NOON / 1e6}
    assert (found["last_run_duration_seconds"], found["last_run_rows"]) == ({(): 1.25}, {(): 500})
    assert found["alerts_active"]["pump-01", "deviation", "warning"] == 2
    assert found["alerts_active"]["pump-01", "deviation", "critical"] == 0
    assert found["alerts_active"]["pump-02", "deviation", "warning"] == 0
    assert found["return_period_seconds"] == {("pump-01",): 86400}
    assert found["staleness_seconds"] == {("pump-01",): 120}
    assert found["newest_row_timestamp_seconds"] == {("pump-01",): NOON / 1e6 - 120}
    assert found["assets"] == {("watched",): 2, ("failed",): 1, ("unwatched",): 1}
    assert (found["asset_failed"], found["asset_unwatched"]) == ({("pump-09",): 1}, {("pump-08",): 1})
    assert found["channel_failing"] == {("mail",): 1}
    assert (found["false_alerts_expected"], found["false_alerts_observed"]) == ({(): 1.6}, {(): 2})
    assert (found["alerts_expected_false"], found["alerts_raised"]) == ({("warning",): 1.5}, {("warning",): 2})


def test_the_time_left_of_a_rising_sensor_is_a_metric(tmp_path: Path) -> None:
    plain = standing_of(tmp_path)
    rising: list[dict[str, Any]] = [
        {"asset": "pump-01", "sensor": "vibration", "p50_s": 3600.0},
        {**UNTOLD, "asset": "pump-02"},
    ]
    standing = replace(plain, report=replace(plain.report, indicators=rising))
    LIVE_SINKS["prometheus"].show(standing, str(tmp_path / "pump.prom"), {})
    assert metrics_of(tmp_path / "pump.prom")["indicator_seconds_to_bound"] == {("pump-01", "vibration"): 3600}


UNTOLD: dict[str, Any] = {"sensor": "vibration", "p50_s": None}


def test_a_label_holds_any_name(tmp_path: Path) -> None:
    path = tmp_path / "pump.prom"
    LIVE_SINKS["prometheus"].show(standing_of(tmp_path, assets={HOSTILE: Seen(NOON)}), str(path), {})
    assert metrics_of(path)["staleness_seconds"] == {(HOSTILE,): 0}


# ---------------------------------------------------------------- drafts for the maintenance system


def drafts(path: Path) -> list[dict[str, str]]:
    with path.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def test_a_draft_is_written_for_each_alert_that_people_are_told(tmp_path: Path) -> None:
    path = tmp_path / "drafts.csv"
    write(tmp_path, line_of("p1"), line_of("p2", tell=False), line_of("p1", SEVERITY_UP, "critical"))
    LIVE_SINKS["cmms"].show(standing_of(tmp_path), str(path), {**COLUMNS, "Priority": "severity"})
    (draft,) = drafts(path)
    assert draft == {
        "Priority": "critical",
        "No": "id-p1",
        "Functional location": "p1",
        "Short text": "p1: bearing_temp 81 °C is 12 °C above the expected 69 °C.",
        "Reported": "2026-03-04T12:00:00Z",
    }


def test_an_alert_is_drafted_once_in_its_life_even_when_the_file_was_taken_away(tmp_path: Path) -> None:
    path = tmp_path / "drafts.csv"
    for n, lines in enumerate(([line_of("p1")], [line_of("p1", CLEARED)], [line_of("p1", SEVERITY_UP), line_of("p2")])):
        write(tmp_path, *lines)
        LIVE_SINKS["cmms"].show(standing_of(tmp_path), str(path), COLUMNS)
        taken = [draft["No"] for draft in drafts(path)] if path.exists() else []
        assert taken == [["id-p1"], [], ["id-p2"]][n]
        path.unlink(missing_ok=True)


def test_a_new_file_is_not_flooded_with_years_of_alerts(tmp_path: Path) -> None:
    path = tmp_path / "drafts.csv"
    write(tmp_path, *(line_of(f"p{days}", known_us=NOON - days * 1440 * MINUTE) for days in (900, 2, 1, 0)))
    for _ in range(2):
        LIVE_SINKS["cmms"].show(standing_of(tmp_path), str(path), COLUMNS)
        assert [draft["No"] for draft in drafts(path)] == ["id-p1", "id-p0"]


def test_a_history_begun_anew_drafts_no_alert_again(tmp_path: Path) -> None:
    path = tmp_path / "drafts.csv"
    write(tmp_path, line_of("p1"))
    LIVE_SINKS["cmms"].show(standing_of(tmp_path), str(path), COLUMNS)
    (tmp_path / HISTORY).unlink()
    write(tmp_path, line_of("p0"), line_of("p1"))
    LIVE_SINKS["cmms"].show(standing_of(tmp_path), str(path), COLUMNS)
    assert [draft["No"] for draft in drafts(path)] == ["id-p1", "id-p0"]


@pytest.mark.parametrize("cut", [1, 2, 20])
def test_a_run_killed_while_or_after_writing_leaves_each_draft_once(tmp_path: Path, cut: int) -> None:
    path = tmp_path / "drafts.csv"
    write(tmp_path, line_of("p1"), line_of("p2"))
    LIVE_SINKS["cmms"].show(standing_of(tmp_path), str(path), COLUMNS)
    for memory in tmp_path.glob("cmms-*.json"):
        memory.unlink()
    path.write_bytes(path.read_bytes()[:-cut])
    LIVE_SINKS["cmms"].show(standing_of(tmp_path), str(path), COLUMNS)
    assert [draft["No"] for draft in drafts(path)] == ["id-p1", "id-p2"]


@pytest.mark.parametrize("name", ["=1+1", "+1", "-1", "@SUM(A1)", " =1+1", "\t=1", "\r=1", "＝1", HOSTILE])
def test_no_cell_is_a_formula(tmp_path: Path, name: str) -> None:
    path = tmp_path / "drafts.csv"
    write(tmp_path, line_of(name))
    LIVE_SINKS["cmms"].show(standing_of(tmp_path), str(path), COLUMNS)
    (draft,) = drafts(path)
    assert draft["Functional location"][0] in "'\\"
    assert len(path.read_text(encoding="utf-8").splitlines()) == 2


def test_a_file_with_other_columns_is_left_as_it_is(tmp_path: Path) -> None:
    path = tmp_path / "drafts.csv"
    path.write_text("a,b\r\n1,2\r\n")
    write(tmp_path, line_of())
    with pytest.raises(DataError, match="a, b"):
        LIVE_SINKS["cmms"].show(standing_of(tmp_path), str(path), COLUMNS)
    assert path.read_text() == "a,b\n1,2\n"


# ---------------------------------------------------------------- the database


def rows_of(url: str) -> dict[str, list[dict[str, Any]]]:
    """The rows of each of our tables, read by another way than they were written."""
    names = ("alerts", "changes", "upto")
    if url.startswith("sqlite"):
        with sqlite3.connect(url.removeprefix("sqlite:///")) as database:
            database.row_factory = sqlite3.Row
            return {name: [dict(r) for r in database.execute(f"select * from anomaly_lstm_{name}")] for name in names}
    with psycopg.connect(url, row_factory=dict_row) as other:
        return {n: other.execute(f"select * from anomaly_lstm_{n} order by 1, 2".encode()).fetchall() for n in names}


@pytest.fixture(params=["sqlite", "postgresql"])
def database(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """The URL of an empty database."""
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path / 'alerts.db'}"
    url: str = request.getfixturevalue("postgres")
    with psycopg.connect(url) as fresh:
        fresh.execute("drop schema public cascade; create schema public")
    return url


def test_alerts_are_renewed_and_changes_added(database: str, tmp_path: Path) -> None:
    sink = LIVE_SINKS["sql"]
    write(tmp_path, line_of("p1"))
    sink.show(standing_of(tmp_path, alert_of("id-p1", "p1")), database, {})
    write(tmp_path, line_of("p1", SEVERITY_UP, "critical"), line_of("p2"))
    sink.show(
        standing_of(tmp_path, alert_of("id-p1", "p1", "critical"), alert_of("id-p2", "p2", active=False)), database, {}
    )
    rows = rows_of(database)
    assert [(row["alert_id"], row["severity"], bool(row["active"])) for row in rows["alerts"]] == [
        ("id-p1", "critical", True),
        ("id-p2", "warning", False),
    ]
    assert sorted(row["change"] for row in rows["changes"]) == [RAISED, RAISED, SEVERITY_UP]
    assert {bool(row["told"]) for row in rows["changes"]} == {True}
    document = rows["alerts"][0]["document"]
    assert (json.loads(document) if isinstance(document, str) else document) == alert_of("id-p1", "p1", "critical")


def test_a_retracted_alert_does_not_stand_in_the_database(database: str, tmp_path: Path) -> None:
    write(tmp_path, line_of("p1"))
    LIVE_SINKS["sql"].show(standing_of(tmp_path, alert_of("id-p1", "p1")), database, {})
    write(tmp_path, line_of("p1", RETRACTED))
    LIVE_SINKS["sql"].show(standing_of(tmp_path), database, {})
    (alert,) = rows_of(database)["alerts"]
    assert not alert["active"]


def test_an_act_on_a_whole_asset_is_a_change_of_no_alert(database: str, tmp_path: Path) -> None:
    write(tmp_path, line_of("p1", OUT_OF_SERVICE, alert_id="", has_alert=False, by="Ana", tell=False))
    LIVE_SINKS["sql"].show(standing_of(tmp_path), database, {})
    rows = rows_of(database)
    assert [(row["asset"], row["by"]) for row in rows["changes"]] == [("p1", "Ana")]
    assert rows["alerts"] == []


def test_a_run_that_fails_in_the_middle_leaves_nothing_half(database: str, tmp_path: Path) -> None:
    write(tmp_path, line_of("p1"))
    LIVE_SINKS["sql"].show(standing_of(tmp_path, alert_of("id-p1", "p1")), database, {})
    before = rows_of(database)
    write(tmp_path, line_of("p2"))
    broken = {**alert_of("id-p2", "p2"), "reason": object()}
    with pytest.raises(DeliveryError):
        LIVE_SINKS["sql"].show(standing_of(tmp_path, broken), database, {})
    assert rows_of(database) == before
    LIVE_SINKS["sql"].show(standing_of(tmp_path, alert_of("id-p2", "p2")), database, {})
    assert len(rows_of(database)["changes"]) == 2


def test_an_empty_database_catches_up_with_all_of_the_history(database: str, tmp_path: Path) -> None:
    write(tmp_path, *(line_of(f"p{n}") for n in range(1201)))
    LIVE_SINKS["sql"].show(standing_of(tmp_path), database, {})
    assert [len(rows) for rows in rows_of(database).values()] == [1201, 1201, 1]


def test_a_history_begun_anew_is_told_from_its_beginning(database: str, tmp_path: Path) -> None:
    write(tmp_path, line_of("p1"))
    LIVE_SINKS["sql"].show(standing_of(tmp_path), database, {})
    (tmp_path / HISTORY).unlink()
    write(tmp_path, line_of("p1"), line_of("p2"))
    LIVE_SINKS["sql"].show(standing_of(tmp_path), database, {})
    assert sorted(row["asset"] for row in rows_of(database)["changes"]) == ["p1", "p2"]


def test_pipelines_share_a_database(database: str, tmp_path: Path) -> None:
    write(tmp_path, line_of("p1"))
    for name in ("north", "south"):
        LIVE_SINKS["sql"].show(replace(standing_of(tmp_path), pipeline=name), database, {})
    assert sorted(row["pipeline"] for row in rows_of(database)["changes"]) == ["north", "south"]


def test_times_are_moments_in_postgresql(postgres: str, tmp_path: Path) -> None:
    write(tmp_path, line_of("moment"))
    LIVE_SINKS["sql"].show(replace(standing_of(tmp_path), pipeline="moment"), postgres, {})
    (row,) = (row for row in rows_of(postgres)["changes"] if row["pipeline"] == "moment")
    assert iso(int(row["event_time"].timestamp() * 1e6)) == "2026-03-04T12:00:00Z"


@pytest.mark.parametrize(
    "url",
    ["nonsense", "mysql://ann:s3cr3t@h/d", "oracle://h", "postgresql://ann:s3cr3t@127.0.0.1:1/d", "sqlite:////no/f"],
)
def test_a_database_that_cannot_be_used_is_said_without_its_password(tmp_path: Path, url: str) -> None:
    failing = show(standing_of(tmp_path), [Target("db", "sql", url_env="DB")], environment={"DB": url})
    assert failing["db"]
    assert "s3cr3t" not in failing["db"]
    assert "Error:" not in failing["db"]


@pytest.mark.parametrize(
    ("kind", "package", "extra"), [("sql", "sqlalchemy.exc", "sql"), ("prometheus", "prometheus_client", "prometheus")]
)
def test_a_sink_without_its_package_names_the_extra(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, kind: str, package: str, extra: str
) -> None:
    monkeypatch.setitem(sys.modules, package, None)
    targets = [Target("it", kind, None if kind == "sql" else tmp_path / "m.prom", "DB")]
    failing = show(standing_of(tmp_path), targets, environment={"DB": "sqlite://"})
    assert f"pip install 'anomaly-lstm[{extra}]'" in failing["it"]


# ---------------------------------------------------------------- several


def test_a_sink_that_fails_holds_up_no_other_and_is_shown_as_failing(tmp_path: Path) -> None:
    targets = [Target("db", "sql", url_env="DB"), Target("metrics", "prometheus", tmp_path / "m.prom")]
    failing = show(standing_of(tmp_path, failing={"mail": "no"}), targets, environment={})
    assert "DB is not set" in failing["db"]
    assert metrics_of(tmp_path / "m.prom")["channel_failing"] == {("mail",): 1, ("db",): 1}


def test_a_file_that_cannot_be_written_is_named(tmp_path: Path) -> None:
    (tmp_path / "no").write_text("a file, where a folder is needed")
    place = tmp_path / "no" / "m.prom"
    failing = show(standing_of(tmp_path), [Target("metrics", "prometheus", place)], environment={})
    assert str(place) in failing["metrics"]
