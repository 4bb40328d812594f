"""The languages of a page: every text in both, numbers, spans and dates to match."""

from __future__ import annotations

import ast
import re
from pathlib import Path
from zoneinfo import ZoneInfo

import numpy as np
import pytest

from anomaly_lstm import pages
from anomaly_lstm.clock import find_zone, parse_time
from anomaly_lstm.pages import fleet_list, fleet_page, fleet_words
from anomaly_lstm.pages.texts import SPANISH, Tongue, round_step
from anomaly_lstm.tables import ALERT_KINDS, EVENT_KINDS, SEVERITIES, STATE_NAMES

SAYS = (
    "sentences", "panels", "marks", "report_tables", "report_page", "fleet_words", "fleet_list", "fleet_page",
    "fleet_table",
    "replay_words", "timelines", "trade_offs", "replay_page",
)  # fmt: skip
ENGLISH, SPANISH_ONE = (Tongue(one, ZoneInfo("America/Santiago")) for one in ("en", "es"))


def said_texts() -> set[str]:
    """Every text that is said as it stands in the modules that say something."""
    found = set()
    for module in SAYS:
        tree = ast.parse((Path(pages.__file__).parent / f"{module}.py").read_text(encoding="utf-8"))
        for node in ast.walk(tree):
            if isinstance(node, ast.Call) and node.args and isinstance(node.args[0], ast.Constant):
                name = node.func.attr if isinstance(node.func, ast.Attribute) else getattr(node.func, "id", "")
                if name == "say":
                    found.add(str(node.args[0].value))
    return found


def test_every_text_of_the_pages_is_there_in_spanish() -> None:
    said = said_texts()
    assert len(said) > 60
    assert said <= set(SPANISH)


def test_what_a_fleet_says_of_its_assets_is_there_in_spanish() -> None:
    named = {*fleet_list.COLUMNS, *fleet_list.OF_ASSETS, *fleet_page.TILES.values()}
    assert {*named, *fleet_words.WHYS.values(), *fleet_words.PUT_ASIDE.values(), "unwatched", "quiet"} <= set(SPANISH)


def test_every_word_of_the_data_is_there_in_spanish() -> None:
    assert {*STATE_NAMES, *(f"why {name}" for name in STATE_NAMES), *SEVERITIES, *EVENT_KINDS, *ALERT_KINDS} <= set(
        SPANISH
    )


def test_a_text_has_the_same_values_in_both_languages() -> None:
    for english, spanish in SPANISH.items():
        assert sorted(re.findall(r"{\w+}", english)) == sorted(re.findall(r"{\w+}", spanish)), english


@pytest.mark.parametrize(
    ("words", "english", "spanish"),
    [
        ("span", "5.2 days", "5,2 días"),
        ("rarity", "1,000 years or more", "1.000 años o más"),
        ("figure", "1,235", "1.235"),
        ("percent", "98.9 %", "98,9 %"),
    ],
)
def test_numbers_have_the_mark_of_their_language(words: str, english: str, spanish: str) -> None:
    value = {"span": 5.2 * 86_400, "rarity": 1e12, "figure": 1234.6, "percent": 0.989}[words]
    assert getattr(ENGLISH, words)(value) == english
    assert getattr(SPANISH_ONE, words)(value) == spanish


def test_what_is_missing_is_a_dash_and_what_is_there_is_never_none() -> None:
    assert ENGLISH.figure(float("nan")) == ENGLISH.figure(None) == "–"
    assert SPANISH_ONE.percent(1e-5) == "< 0,1 %"


def test_times_are_those_of_the_plant_on_both_sides_of_a_change_of_clocks() -> None:
    summer, winter = parse_time("2026-03-04T05:10:00Z"), parse_time("2026-06-04T06:10:00Z")
    assert ENGLISH.moment(summer) == "4 March 2026 02:10"
    assert SPANISH_ONE.moment(winter) == "4 de junio de 2026, 02:10"
    walls = ENGLISH.wall_us(np.array([summer, winter]))
    assert walls.tolist() == [ENGLISH.wall(summer), ENGLISH.wall(winter)]
    assert [summer - walls[0], winter - walls[1]] == [3 * 3_600_000_000, 4 * 3_600_000_000]
    assert ENGLISH.wall_us(np.empty(0, np.int64)).tolist() == []


def test_a_fixed_offset_is_a_zone_too() -> None:
    fixed = Tongue("en", find_zone("UTC+01:00"))
    assert fixed.moment(parse_time("2026-03-04T05:10:00Z")) == "4 March 2026 06:10"
    assert "01:00" in fixed.zone_name


def test_a_name_in_a_text_is_shown_and_not_obeyed() -> None:
    assert ENGLISH.say("{sensor} is unusual", sensor="\x1b[2J{x}") == "\\x1b[2J{x} is unusual"


@pytest.mark.parametrize("hours", [0.001, 1, 30, 24 * 30, 24 * 4000])
def test_a_table_has_round_steps_and_no_more_rows_than_asked_for(hours: float) -> None:
    span_us = round(hours * 3_600_000_000)
    assert span_us / round_step(span_us, 40) <= 40
