"""The page of a fleet as text: what it says first, what its sections and its table tell, and that no name is obeyed."""

from __future__ import annotations

import re
from dataclasses import replace
from html import unescape
from importlib.resources import files
from zoneinfo import ZoneInfo

import numpy as np
import pytest

from anomaly_lstm.actions import Action
from anomaly_lstm.clock import iso
from anomaly_lstm.events import Asset
from anomaly_lstm.pages import fleet as facts
from anomaly_lstm.pages.fleet import Changed, Dead, Fleet, Unwatched
from anomaly_lstm.pages.fleet_page import MOST, draw
from anomaly_lstm.pages.texts import Tongue
from tests.fleets import NEWEST, UTC, fleet, mixed, rising, shown, silent
from tests.pages.test_page import HOSTILE, read
from tests.pages.test_report_page import words
from tests.reports import alert
from tests.toys import START

ENGLISH, SPANISH = Tongue("en", UTC), Tongue("es", UTC)
SCRIPT = (files("anomaly_lstm.pages") / "fleet.js").read_text("utf-8")


def drawn(made: Fleet, tongue: Tongue = ENGLISH) -> str:
    return draw(made, tongue, SCRIPT)


def headline(made: Fleet, tongue: Tongue = ENGLISH) -> str:
    (title,) = re.findall(r"<h1>(.*?)</h1>", drawn(made, tongue))
    return str(title)


def section(page: str, name: str) -> str:
    (found,) = re.findall(rf'<section id="{name}">(.*?)</section>', page, re.DOTALL)
    return words(found)


@pytest.mark.parametrize(
    ("made", "english", "spanish"),
    [
        (mixed(), "3 of 12 assets need a look: pump-03, pump-07 and pump-05",
         "3 de 12 equipos piden una mirada: pump-03, pump-07 y pump-05"),
        (fleet(*[shown(f"p{n}", alerts=[silent()]) for n in range(6)]),
         "6 of 6 assets need a look: p0, p1, p2 and 3 more", "6 de 6 equipos piden una mirada: p0, p1, p2 y 3 más"),
        (fleet(shown("p", alerts=[silent()])), "1 of 1 asset needs a look: p", "1 de 1 equipo pide una mirada: p"),
        (fleet(shown("p", alerts=[alert(acked=True)])),
         "Nothing new to look at: what stands is acknowledged or put aside (1 asset)",
         "Nada nuevo que mirar: lo que está activo está reconocido o apartado (1 equipo)"),
        (fleet(shown("p"), shown("q")), "No alert stands on 2 assets", "Ninguna alerta activa en 2 equipos"),
        (fleet(shown("p", unwatched=[Unwatched("never")])),
         "None of 1 asset is watched", "Ninguno de 1 equipo está vigilado"),
        (fleet(), "No asset is watched yet", "Todavía no se vigila ningún equipo"),
    ],
)  # fmt: skip
def test_the_headline_says_how_many_need_a_look_and_which(made: Fleet, english: str, spanish: str) -> None:
    assert headline(made) == english
    assert headline(made, SPANISH) == spanish


def test_what_is_new_says_what_the_asset_is_worth_and_whose_it_is() -> None:
    assert "Criticality: high; owner: reliability." in section(drawn(fleet(shown("p", alerts=[alert()]))), "new")
    bare = shown("p", alerts=[alert()], asset=Asset("p", "", "", "", enabled=True))
    assert "Criticality" not in section(drawn(fleet(bare)), "new")


def test_an_asset_whose_alert_was_closed_while_it_deviates_is_not_quiet() -> None:
    act = Action("", START, "bo", "close", "p", why="known wear", alert_id=alert()["alert_id"])
    made = fleet(shown("p", closed=[alert(asset="p", closed=True)], acts=[act]), shown("q"))
    said = section(drawn(made), "all")
    assert "closed, still deviating Closed by bo, 1 January 2026 00:00 (known wear), though it still deviates." in said
    assert [one.status for one in made.assets] == ["closed", "quiet"]
    assert "cerrada, sigue desviada" in section(drawn(made, SPANISH), "all")


def test_each_section_tells_the_sentence_of_its_alerts_and_what_people_made_of_them() -> None:
    page = drawn(mixed())
    assert "◆ warning pump-07 : bearing_temp 71.1 °C, 6.1 °C above expected (vibration too) since 1 January" in section(
        page, "new"
    )
    worse = section(page, "worse")
    assert "■ critical pump-03 :" in worse
    assert (
        "Since then: severity advisory → critical; bearing_temp 4.9 → 6.1 °C above expected; bearing_temp 69.9 → 71.1 "
        "°C, beyond its bound of 71 °C; bearing_temp 85 °C in 63 h → 9 h; once in 8 days → 400 days."
    ) in worse
    assert "bearing_temp 85 °C in about 9 h (4 h to 15 h) if load and trend stay." in worse
    assert "Acknowledged by anna." in section(page, "unchanged")
    assert "pump-08 : no alert yet; bearing_temp moves towards its bound of 85 °C since" in section(page, "rising")
    assert "Cleared 1 January 2026 10:00. Awaits a verdict." in section(page, "over")
    assert section(page, "dead_sensors").endswith("pump-07 : flow without values since 1 January 2026 00:00.")


def test_assets_that_are_not_watched_are_told_with_the_reason() -> None:
    told = unescape(section(drawn(mixed()), "not_watched"))
    for words_ in (
        "pump-06 : switched off in the table of assets.",
        "pump-09 : no row of it ever came.",
        "pump-05 : no data since 1 January 2026 00:00.",
        "pump-04 : shelved (what vibration leads) until 3 January 2026 11:59 by anna: spare ordered.",
        "pump-10 : the last run failed on it: sensor 'flow' is missing (the model knows 5).",
    ):
        assert words_ in told


def test_assets_of_which_the_same_is_to_be_said_are_told_together() -> None:
    made = fleet(
        *[shown(f"p{n:02d}", unwatched=[Unwatched("off")]) for n in range(14)], unread={"x.csv": "x.csv: no rows"}
    )
    told = section(drawn(made), "not_watched")
    assert "p10 , p11 and 2 more: its running condition was never fulfilled." in told
    assert "x.csv could not be read: no rows" in told


def test_what_there_is_nothing_of_is_told_in_one_line() -> None:
    page = drawn(fleet(shown("p")))
    assert "Nothing to tell: New since then · Worse since then · Unchanged" in words(page)
    assert len(re.findall("<section", page)) == 1


def test_a_long_section_is_cut_and_says_so() -> None:
    made = fleet(*[shown(f"p{n:03d}", alerts=[alert()]) for n in range(MOST + 4)])
    told = section(drawn(made), "new")
    assert told.count("bearing_temp 71.1") == MOST
    assert "And 4 more: the table has all of them." in told


def test_the_table_has_all_assets_ranked_with_what_is_known_of_them() -> None:
    page = drawn(mixed())
    rows = re.findall(r"<tr data-s=.*?</tr>", page, re.DOTALL)
    assert len(rows) == 12
    assert words(rows[0]).startswith("pump-03 ■ critical bearing_temp 71.1 °C, 6.1 °C above expected")
    assert "2026-01-01 08:20 9 h 4 h to 15 h Strangest row: once in" in words(rows[0])
    assert words(rows[0]).endswith("2026-01-01 11:59 pump north high crew 0")
    assert [re.findall(r'data-s="([^"]*)"', row)[0] for row in rows] == [
        "critical", "warning", "warning unwatched", "advisory", "warning", "quiet", "quiet", "quiet", "quiet",
        "unwatched", "unwatched", "unwatched",
    ]  # fmt: skip


def test_columns_that_nobody_filled_are_left_out() -> None:
    bare = [replace(one, asset=replace(one.asset, type="", site="", owner="")) for one in mixed().assets]
    page = drawn(replace(mixed(), assets=bare))
    heads = re.findall(r'<th scope="col" data-name="([^"]*)"', page)
    assert heads == ["asset", "severity", "what", "since", "time left", "return period", "last row", "criticality"]


def test_times_are_on_each_assets_own_clock_and_the_zone_is_told_where_there_are_several() -> None:
    tokyo = shown("p", alerts=[alert()], zone=ZoneInfo("Asia/Tokyo"))
    page = drawn(fleet(tokyo, shown("q")))
    assert "since 1 January 2026 17:20" in section(page, "new")
    assert "2026-01-01 17:20" in page
    assert "times of assets on their own clocks" in words(page)
    assert "2026-01-01 20:59 Asia/Tokyo" in words(page)
    assert "11:59 UTC" not in words(drawn(fleet(shown("q"))).split("All assets")[-1])


def test_a_link_leads_to_a_page_beside_it_and_only_where_there_is_one() -> None:
    hostile = "javascript:alert(1)//../../x?y#z.html"
    page = drawn(fleet(shown("p", page=hostile, alerts=[alert()]), shown("q")))
    leads = set(re.findall(r'href="([^"]*)"', page))
    assert leads == {"#new", "javascript%3Aalert%281%29%2F%2F..%2F..%2Fx%3Fy%23z.html"}
    assert "anomaly-lstm report pipelines/pump.toml --asset NAME" in words(page)


def test_nothing_may_leave_the_page_and_only_its_own_script_runs() -> None:
    page = drawn(mixed())
    (policy,) = re.findall(r'http-equiv="Content-Security-Policy" content="([^"]*)"', page)
    assert policy.startswith("default-src 'none'; script-src 'sha256-")
    assert page.count("<script") == 1
    assert not re.search(r"src=|url\(|@import|<link|https?://", page)


def named(name: str) -> Fleet:
    """A fleet in which every text from data is this one."""
    own = alert(
        sensors=[{**one, "sensor": name, "unit": name} for one in alert()["sensors"]], acked=True, acked_by=name
    )
    asset = replace(shown(name).asset, type=name, site=name, criticality=name, owner=name)
    sign = {**rising(name), "sensor": name, "unit": name}
    put = Unwatched("shelved", by=name, told=name, sensors=(name,))
    made = [
        shown(
            name,
            asset=asset,
            alerts=[own],
            dead=[Dead(name, START, at_least=True)],
            unwatched=[put, Unwatched("failed", told=name)],
        ),
        shown(f"{name} 2", asset=replace(asset, asset=f"{name} 2", site="x", type="x"), rising=[sign]),
    ]
    return fleet(*made, pipeline=name, unread={name: name}, command=f"anomaly-lstm report '{name}'")


@pytest.mark.parametrize("tongue", [ENGLISH, SPANISH])
def test_no_name_becomes_markup_nor_an_order(tongue: Tongue) -> None:
    page = drawn(named(HOSTILE), tongue)
    found = read(page)
    assert not {name for name in found.attributes if name.startswith("on")}
    assert not {"\x1b", "\u202e"} & set(page)
    assert page.count("<script") == 1
    assert "<script>alert" not in page


def test_the_same_page_in_spanish_leaves_no_english() -> None:
    page = drawn(mixed(), SPANISH)
    assert '<html lang="es">' in page
    said = unescape(words(page)).replace("sensor 'flow' is missing (the model knows 5)", "")
    said = re.sub(r"anomaly-lstm report .* NAME", "", said)
    assert not re.search(r"\b(the|of|expected|raised|since|quiet|assets|row|watched|severity)\b", said), said
    assert "4 h a 15 h" in said
    assert "■ crítica" in said


def test_the_small_picture_breaks_where_nothing_was_scored_and_names_the_strangest_row() -> None:
    once_s = np.full(len(mixed().edges_us) - 1, 3600.0)
    once_s[10:20] = np.nan
    once_s[40] = 90 * 86_400.0
    page = drawn(fleet(shown("p", once_s=once_s)))
    (line,) = re.findall(r'class="line" d="([^"]*)"', page)
    assert line.count("M") == 2
    assert re.fullmatch(r"M0 (\d+)(H\d+)+M40 \1(H\d+)+V\d+H82V\1(H\d+)+", line)
    assert "Strangest row: once in 90 days, 2025-12-22" in page
    assert page.count('class="limit') == 2


def test_an_alert_that_is_put_aside_says_until_when() -> None:
    aside = alert(shelved_until=iso(NEWEST))
    page = drawn(fleet(shown("p", alerts=[aside]), changed=[Changed(facts.UNCHANGED, {**aside, "asset": "p"})]))
    assert "Shelved until 1 January 2026 11:59." in section(page, "unchanged")


def test_the_same_facts_are_the_same_bytes() -> None:
    assert drawn(mixed()) == drawn(mixed())
