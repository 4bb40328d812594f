"""The published description of every table is what is written, and what is read."""

from __future__ import annotations

import csv
import json
import sqlite3
from collections.abc import Iterable, Mapping
from importlib import resources
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from anomaly_lstm.pipeline.cases import IMPORTED
from anomaly_lstm.sinks import cmms, sql
from anomaly_lstm.tables import ASSET_COLUMNS, EVENT_COLUMNS
from tests.cli.conftest import anomaly_lstm, made, pipeline_text
from tests.tables_page import PAGE, described, page

__all__ = ["made"]  # the plant of the tests of the command line

TABLES: Mapping[str, Mapping[str, Any]] = {one["name"]: one for one in described()}
SCORED, CONTEXT = ("current", "vibration"), ("load",)

LIVE = """
[[notify]]
kind = "webhook"
name = "deaf"
url_env = "NOWHERE"
[[sinks]]
kind = "sql"
url_env = "ALARM_DB"
[[sinks]]
kind = "cmms"
path = "{folder}/notifications.csv"
columns = {{ {columns} }}
"""


def types(name: str) -> dict[str, str]:
    """Column → type, as described."""
    return {field["name"]: field["type"] for field in TABLES[name]["schema"]["fields"]}


def of_arrow(kind: pa.DataType) -> str:
    """The word of the description for a type of Arrow."""
    tests = {
        "string": pa.types.is_string, "boolean": pa.types.is_boolean, "number": pa.types.is_floating,
        "array": pa.types.is_list, "datetime": lambda one: one == pa.timestamp("us", "UTC"),
    }  # fmt: skip
    return next(word for word, fits in tests.items() if fits(kind))


def widened(name: str, **sensors: Iterable[str]) -> dict[str, str]:
    """The description with a column for each sensor, by what stands before its name."""
    out: dict[str, str] = {}
    for column, kind in types(name).items():
        front, is_family, _ = column.partition("<sensor>")
        names = sensors.get(front.rstrip(".") or "plain", ()) if is_family else ()
        out |= {f"{front}{sensor}": kind for sensor in names} if is_family else {column: kind}
    return out


def check_parquet(path: Path, expected: Mapping[str, str]) -> None:
    schema = pq.read_schema(path)
    assert {field.name: of_arrow(field.type) for field in schema} == dict(expected), path


def check_lines(path: Path, name: str) -> set[str]:
    """Every line has described keys and values of their types; returns the keys that occur."""
    lines = [json.loads(line) for line in path.read_text("utf-8").splitlines()]
    assert lines, f"{path.name}: nothing to check"
    expected = types(name)
    python = {"string": str, "datetime": str, "boolean": bool, "array": list, "object": dict}
    for line in lines:
        for key, value in line.items():
            assert value is None or isinstance(value, python[expected[key]]), (name, key, value)
            assert expected[key] != "datetime" or value is None or str(value).endswith("Z"), (name, key, value)
    return {key for line in lines for key in line}


@pytest.fixture(scope="module")
def run(made: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder in which everything was written: a run that tells nobody but tries, what people did, and files."""
    folder = tmp_path_factory.mktemp("written")
    columns = ", ".join(f'"{name}" = "{name}"' for name in types("notifications"))
    text = pipeline_text(made) + LIVE.format(folder=folder, columns=columns)
    (folder / "plant.toml").write_text(text, encoding="utf-8")
    with pytest.MonkeyPatch.context() as environment:
        environment.setenv("NOWHERE", "http://127.0.0.1:9/")
        environment.setenv("ALARM_DB", f"sqlite:///{folder}/alarms.db")
        first = anomaly_lstm("run", folder / "plant.toml", "--json")
        alert_id = json.loads((folder / "run" / "alerts.json").read_text())["alerts"][0]["alert_id"]
        words: list[tuple[str | Path, ...]] = [
            ("case", "ack", folder / "plant.toml", alert_id, "--by", "anna"),
            ("case", "verdict", folder / "plant.toml", alert_id, "--as", "real", "--by", "anna"),
            ("run", folder / "plant.toml"),
            ("forecast", made / "plant.parquet", "--model", made / "model", "--horizon", "2h",
             "--out", folder / "forecast.parquet"),
            ("ingest", made / "plant.csv", "--out", folder / "ingested"),
            ("report", folder / "plant.toml", "--fleet", "--out", folder / "fleet.csv"),
        ]  # fmt: skip
        for said in (first, *(anomaly_lstm(*command) for command in words)):
            assert said.code == 0, said.err
    return folder


def test_the_page_is_made_from_the_description() -> None:
    assert PAGE.read_text(encoding="utf-8") == page(), "write it anew: python -m tests.tables_page"


def test_scores_are_as_described(run: Path, made: Path) -> None:
    expected = widened("scores", share=SCORED, value=(*SCORED, *CONTEXT), expected=SCORED)
    files = sorted((run / "run" / "scores").rglob("*.parquet"))
    assert len(files) >= 2
    for path in (*files, made / "scores.parquet"):
        check_parquet(path, expected)


def test_flat_alerts_are_as_described(run: Path) -> None:
    check_parquet(run / "run" / "alerts.parquet", types("alerts"))


def test_a_forecast_is_as_described(run: Path) -> None:
    check_parquet(run / "forecast.parquet", types("forecast"))


def test_ingested_data_are_as_described(run: Path) -> None:
    files = sorted((run / "ingested" / "data").rglob("*.parquet"))
    assert files
    for path in files:
        check_parquet(path, widened("ingested", plain=(*SCORED, *CONTEXT)))


@pytest.mark.parametrize("name", ["history", "actions", "outbox"])
def test_lines_are_as_described(run: Path, name: str) -> None:
    assert check_lines(run / "run" / TABLES[name]["path"], name) == set(types(name))


def test_tables_for_spreadsheets_have_the_described_columns(run: Path) -> None:
    for name, path in (
        ("proposed_events", run / "run" / "proposed_events.csv"),
        ("notifications", run / "notifications.csv"),
        ("fleet", run / "fleet.csv"),
    ):
        with path.open(encoding="utf-8-sig", newline="") as file:
            rows = list(csv.DictReader(file))
        assert rows, path
        assert list(rows[0]) == list(types(name))
    assert set(cmms.COLUMNS) == set(types("notifications"))


@pytest.mark.parametrize("name", ["sql_alerts", "sql_changes"])
def test_tables_of_a_database_are_as_described(run: Path, name: str) -> None:
    table = TABLES[name]
    made_of = sql.tables().tables[table["path"]]
    words = {"TEXT": "string", "BOOLEAN": "boolean", "DATETIME": "datetime", "FLOAT": "number", "JSON": "object"}
    assert {column.name: words[str(column.type).split("(")[0]] for column in made_of.columns} == types(name)
    assert [column.name for column in made_of.primary_key] == table["schema"]["primaryKey"]
    database = sqlite3.connect(run / "alarms.db")
    try:
        found = database.execute(f"select * from {table['path']}")
        assert {column[0] for column in found.description} == set(types(name))
        assert found.fetchone(), "the run wrote a row"
    finally:
        database.close()


def test_tables_that_people_keep_have_the_columns_that_are_read() -> None:
    assert tuple(types("events")) == tuple(types("proposed_events")) == EVENT_COLUMNS
    assert tuple(types("assets")) == ASSET_COLUMNS
    assert tuple(types("acts")) == IMPORTED


def test_every_table_says_whether_it_is_written_or_read_and_every_key_is_a_column() -> None:
    assert len(TABLES) == len(described())
    for name, table in TABLES.items():
        assert table["access"] in ("written", "read")
        assert set(table["schema"].get("primaryKey", ())) <= set(types(name))
        assert all(field["description"].endswith((".", "?")) for field in table["schema"]["fields"]), name


def test_an_alert_means_the_same_in_both_forms() -> None:
    """The flat table describes a key in the words of the JSON Schema where that has words of its own."""
    text = (resources.files("anomaly_lstm") / "schemas" / "alerts.schema.json").read_text("utf-8")
    nested = json.loads(text)["$defs"]["alert"]["properties"]
    for field in TABLES["alerts"]["schema"]["fields"]:
        name, _, inner = field["name"].partition(".")
        said = (nested[name]["properties"][inner] if inner else nested[name]).get("description")
        assert field["description"] == said or said is None or name == "kind", field["name"]
