"""A fleet for Excel and for programs: numbers, times, no formulas, and the published form."""

from __future__ import annotations

import csv
import io
import json
from dataclasses import replace
from datetime import datetime
from importlib.resources import files
from typing import Any
from zoneinfo import ZoneInfo

import jsonschema
import pytest

from anomaly_lstm.pages.fleet import Fleet
from anomaly_lstm.pages.fleet_table import as_csv, document
from anomaly_lstm.pages.texts import Tongue
from tests.fleets import UTC, fleet, mixed, shown
from tests.pages.test_fleet_page import named
from tests.pages.test_page import HOSTILE
from tests.reports import alert

ENGLISH, SPANISH = Tongue("en", UTC), Tongue("es", UTC)
SCHEMA: dict[str, Any] = json.loads((files("anomaly_lstm") / "schemas" / "fleet.schema.json").read_text("utf-8"))


def rows(made: Fleet, tongue: Tongue = ENGLISH) -> list[dict[str, str]]:
    text = as_csv(made, tongue)
    assert text.startswith("\ufeff"), "Excel reads UTF-8 by it"
    mark = ";" if tongue.language == "es" else ","
    return list(csv.DictReader(io.StringIO(text[1:], newline=""), delimiter=mark))


def test_there_is_one_row_an_asset_in_the_order_of_the_page() -> None:
    found = rows(mixed())
    assert [row["asset"] for row in found] == [one.name for one in mixed().assets]
    first = found[0]
    assert (first["severity"], first["hours left"], first["hours left, at most"]) == ("critical", "9", "15")
    assert (first["once in, days"], first["since"], first["last row"]) == (
        "400",
        "2026-01-01 08:20",
        "2026-01-01 11:59",
    )
    assert first["what"].startswith("bearing_temp 71.1 °C, 6.1 °C above expected")
    assert (first["type"], first["owner"]) == ("pump", "crew 0")
    (silent,) = [row for row in found if row["asset"] == "pump-06"]
    assert (silent["severity"], silent["not watched because"], silent["last row"]) == (
        "not watched", "switched off in the table of assets", "",
    )  # fmt: skip


def test_rarer_than_what_is_told_is_not_told_apart_in_figures_either() -> None:
    rarest = alert(peak={**alert()["peak"], "return_period_s": 1e12})
    made = fleet(shown("p", alerts=[rarest]))
    (row,) = rows(made)
    assert row["once in, days"] == "365250"
    assert document(made, ENGLISH)["assets"][0]["return_period_s"] == 365_250 * 86_400


def test_times_are_on_the_clock_of_the_plant_and_parse_as_times() -> None:
    (row,) = rows(fleet(shown("p", alerts=[alert()], zone=ZoneInfo("America/Santiago"))))
    assert row["zone"] == "America/Santiago"
    assert datetime.fromisoformat(row["since"]) == datetime(2026, 1, 1, 5, 20)
    assert datetime.fromisoformat(row["raised"]) == datetime(2026, 1, 1, 5, 30)


def test_spanish_has_semicolons_and_decimal_commas() -> None:
    reach = {**alert()["reaches"][0], "p50_s": 5400.0}
    (row,) = rows(fleet(shown("p", alerts=[alert(reaches=[reach])])), SPANISH)
    assert row["equipo"] == "p"
    assert row["horas restantes"] == "1,5"
    assert row["severidad"] == "advertencia"
    assert "6,1 °C por encima de lo esperado" in row["qué"]


@pytest.mark.parametrize("name", ["=1+2", "+1", "-1", "@x", " =1", "\t=1", "\r=1", HOSTILE, "=cmd|' /C calc'!A0"])
@pytest.mark.parametrize("tongue", [ENGLISH, SPANISH])
def test_no_text_from_data_is_a_formula_and_numbers_stay_numbers(name: str, tongue: Tongue) -> None:
    for row in rows(named(name), tongue):
        for cell in row.values():
            assert not cell.lstrip().startswith(("=", "+", "@", "\t", "\r"))
            assert not cell.startswith("-")
            assert not {"\x1b", "\u202e", "\t", "\r", "\n"} & set(cell)
    hours = "hours left" if tongue is ENGLISH else "horas restantes"
    assert rows(named(name), tongue)[0][hours] == "31"


def test_a_fleet_without_assets_is_a_head_alone() -> None:
    assert rows(fleet()) == []
    assert as_csv(fleet(), ENGLISH).count("\r\n") == 1


@pytest.mark.parametrize("tongue", [ENGLISH, SPANISH])
@pytest.mark.parametrize("made", [mixed(), mixed(1), fleet(), named(HOSTILE)])
def test_the_document_is_in_the_published_form(made: Fleet, tongue: Tongue) -> None:
    jsonschema.Draft202012Validator.check_schema(SCHEMA)
    jsonschema.validate(json.loads(json.dumps(document(made, tongue), allow_nan=False)), SCHEMA)


def test_the_document_tells_what_the_page_tells() -> None:
    told = document(replace(mixed(), unread={"x.csv": "no rows"}), ENGLISH)
    assert told["headline"] == "3 of 12 assets need a look: pump-03, pump-07 and pump-05"
    assert told["counts"]["not_watched"] == 4
    assert [one["asset"] for one in told["changed"]["worse"]] == ["pump-03"]
    assert told["changed"]["worse"][0]["was"] == "advisory"
    assert {one["asset"]: one["why"] for one in told["not_watched"]} == {
        "pump-04": "shelved", "pump-05": "silent", "pump-06": "disabled", "pump-09": "never", "pump-10": "failed",
    }  # fmt: skip
    assert told["assets"][0]["reach"]["p50_s"] == 9 * 3600
    assert told["assets"][0]["page"] == "pump-03.html"
    assert told["unread"] == {"x.csv": "no rows"}
    assert (told["since"], told["newest"]) == ("2025-12-31T00:00:00Z", "2026-01-01T11:59:00Z")
