"""The page of an asset, as text: what it says first, what its tables tell, and that no name becomes markup."""

from __future__ import annotations

import base64
import gzip
import json
import re
from dataclasses import replace
from typing import Any
from zoneinfo import ZoneInfo

import numpy as np
import pytest

from anomaly_lstm.pages import panels
from anomaly_lstm.pages.report import AssetReport, Parts, around
from anomaly_lstm.pages.report_page import Drawing, draw
from anomaly_lstm.pages.texts import Tongue
from anomaly_lstm.policy import Bound
from tests.pages.test_page import HOSTILE, read
from tests.reports import alert, asset_report, course, hostile, over
from tests.toys import MINUTE, START

DRAWING = Drawing("/* library */", "/* ours */")
ENGLISH, SPANISH = (Tongue(one, ZoneInfo("UTC")) for one in ("en", "es"))


def drawn(report: AssetReport | None = None, tongue: Tongue = ENGLISH) -> str:
    return draw(report or asset_report(), tongue, DRAWING)


def words(page: str) -> str:
    """What a reader sees, without the markup."""
    seen = re.sub(r"<style>.*?</style>|<script.*?</script>|<[^>]+>", " ", page, flags=re.DOTALL)
    return " ".join(seen.split())


def figures(page: str) -> dict[str, Any]:
    (packed,) = re.findall(r'id="figures">([^<]*)<', page)
    found: dict[str, Any] = json.loads(gzip.decompress(base64.b64decode(packed)))
    return found


def test_the_page_opens_with_the_sentence_of_what_stands() -> None:
    page = drawn()
    (title,) = re.findall(r"<h1>(.*?)</h1>", page)
    assert words(title).startswith(
        "pump-03: bearing_temp 71.1 °C, 6.1 °C above expected (vibration too) since 1 January 2026 08:20;"
    )
    assert "bearing_temp 85 °C in about 31 h (18 h to 60 h) if load and trend stay." in words(page)
    assert "Nobody has acknowledged it." in words(page)


def test_what_was_told_is_what_was_known_when_it_was_raised() -> None:
    assert "As it was told: pump-03: bearing_temp 67.2 °C is 2.2 °C above the expected 65 °C." in words(drawn())
    assert "Tal como se avisó (en inglés): pump-03: bearing_temp 67.2 °C" in words(drawn(tongue=SPANISH))
    assert "As it was told" not in words(drawn(asset_report(told="")))


def test_without_an_alert_it_says_that_nothing_stands() -> None:
    assert "<h1>pump-03: no alert stands</h1>" in drawn(asset_report(alerts=[]))
    assert "No alert was raised in this time." in words(drawn(asset_report(alerts=[])))


def test_an_alert_that_is_over_awaits_a_verdict_or_has_one() -> None:
    assert "Awaits a verdict." in words(drawn(asset_report(alerts=[over()], about=over())))
    judged = over(verdict="real", verdict_by="anna", work_order="WO-7")
    assert "Verdict real by anna; work order WO-7." in words(drawn(asset_report(alerts=[judged], about=judged)))


def test_a_sensor_without_values_does_not_claim_that_nothing_is_scored() -> None:
    bad = alert(kind="sensor_bad", peak={**alert()["peak"], "return_period_s": None, "score": None}, reaches=[])
    said = words(drawn(asset_report(alerts=[bad], about=bad)))
    assert "no score while data are missing" not in said
    assert "bearing_temp without values" in said


def test_what_else_stands_is_said_too() -> None:
    other = alert(alert_id="cd" * 8, kind="sensor_bad", severity="advisory", severity_now="advisory")
    assert "Also stands:" in words(drawn(asset_report(alerts=[alert(), other])))


def test_every_picture_has_its_words_its_place_in_the_tab_order_and_a_table() -> None:
    page = drawn()
    places = re.findall(r'<div id="([\w-]+)" class="picture" role="img" tabindex="0" aria-label="[^"]{20,}"', page)
    assert places == ["rarity", "states", "parts", "sensor-0", "sensor-1", "sensor-2"]
    assert page.count("as a table</summary><div") == len(places)
    assert list(figures(page)["figures"]) == places


def test_the_tables_tell_what_the_pictures_show() -> None:
    said = words(drawn())
    assert "scored 660 91.7 % has a score" in said
    assert "bearing_temp °C 2.0 % 1 80 2026-01-01 11:59" in said
    assert "119,314 normal rows of 4 assets" in said
    assert "128 rows (2.1 h)" in said
    assert "warning 21 days 0.0 1 0.1 1" in said


def test_the_same_page_in_spanish_leaves_no_english_but_what_was_told_so() -> None:
    page = drawn(tongue=SPANISH)
    assert '<html lang="es">' in page
    said = words(page)
    assert "bearing_temp 71,1 °C, 6,1 °C por encima de lo esperado" in said
    assert "119.314 filas normales de 4 equipos" in said
    assert not re.search(
        r"\b(the|of|expected|raised|scored)\b", said.replace(asset_report().told, "").split("Anotado")[0]
    )


def test_nothing_may_leave_the_page_and_only_its_own_scripts_run() -> None:
    page = drawn()
    (policy,) = re.findall(r'http-equiv="Content-Security-Policy" content="([^"]*)"', page)
    assert policy.startswith("default-src 'none'; script-src 'sha256-")
    assert "unsafe-eval" not in policy
    assert "http" not in policy
    assert not re.search(r"(?:src|href)=|url\(|@import|<link|https?://", page)


def test_no_name_becomes_markup_nor_an_order() -> None:
    for tongue in (ENGLISH, SPANISH):
        page = drawn(hostile(HOSTILE), tongue)
        found = read(page)
        assert not {name for name in found.attributes if name.startswith("on")}
        assert not {"\x1b", "\u202e"} & set(page)
        assert "<script>alert" not in page
        assert "<" not in json.dumps(figures(page)).replace("<extra>", "").replace("</extra>", "")


def test_the_same_facts_are_the_same_bytes() -> None:
    assert drawn() == drawn()


def test_a_line_breaks_where_nothing_was_measured() -> None:
    figure = panels.sensor(asset_report(), asset_report().courses[0], ENGLISH)
    (measured,) = [trace for trace in figure["data"] if trace.get("name") == "measured"]
    assert measured["y"][250] is None
    assert measured["x"]["$t"][:3] == [0, 1, 2]


def test_a_forecast_is_drawn_from_the_last_value_to_the_bound() -> None:
    figure = panels.sensor(asset_report(), asset_report().courses[0], ENGLISH)
    fan, interval = figure["data"][-2:]
    assert fan["y"][1:3] == [85.0, 85.0]
    assert interval["customdata"][0] == "31 h (18 h – 60 h)"
    last = (START + 719 * MINUTE - START) / MINUTE
    assert interval["x"]["$t"] == [last + 18 * 60, last + 31 * 60, last + 60 * 60]


def test_the_scale_of_rarity_holds_every_limit_and_names_it() -> None:
    figure = panels.rarity(asset_report(), ENGLISH)
    low, top = figure["layout"]["yaxis"]["range"]
    assert low < np.log10(7 * 86_400) < top
    labels = [shape["label"]["text"] for shape in figure["layout"]["shapes"] if "label" in shape]
    assert labels == ["advisory ≥ 7 days", "warning ≥ 21 days"]


def test_what_is_shown_first_has_room_around_the_alert() -> None:
    start, end = around(over(), START, START + 720 * MINUTE)
    assert start == START + 140 * MINUTE, "six hours before the onset"
    assert START + 600 * MINUTE < end <= START + 720 * MINUTE
    assert around(alert(), START, START + 720 * MINUTE)[1] > START + 720 * MINUTE, "as far as the forecast reaches"


@pytest.mark.parametrize("language", ["en", "es"])
def test_a_page_of_nothing_is_still_a_page(language: str) -> None:
    plain = asset_report()
    nothing = asset_report(
        alerts=[], courses=[], kept=[], promises=[], knowledge=None, notes=[], stretches=[], limits_s={},
        parts=type(plain.parts)([], plain.parts.edges_us, plain.parts.share[:0], plain.parts.return_period_s * np.nan),
        rarity=type(plain.rarity)(plain.rarity.time_us[:0], plain.rarity.return_period_s[:0]),
    )  # fmt: skip
    read(drawn(nothing, Tongue(language, ZoneInfo("Asia/Tokyo"))))


def spread(n_sensors: int, once_s: float) -> AssetReport:
    """Many sensors that all add alike in the last half of the time, in rows so rare; before, chance."""
    edges = asset_report().parts.edges_us
    n = len(edges) - 1
    share = np.full((n_sensors, n), 1 / n_sensors)
    once = np.where(np.arange(n) < n // 2, 3600.0, once_s)
    names = [f"s{place:02} bearing temperature, drive end, phase {place % 3}" for place in range(n_sensors)]
    return asset_report(parts=Parts(names, edges, share, once, 2 * n_sensors))


def heat(report: AssetReport) -> tuple[float, float]:
    """How strong the strongest colour of rows that are strange is, and of those that are not, of 1."""
    (drawn_,) = figures(drawn(report))["figures"]["parts"]["data"]
    cells = np.array(drawn_["z"]) / drawn_["zmax"]
    half = cells.shape[1] // 2
    return float(cells[:, half:].max()), float(cells[:, :half].max())


def test_what_is_spread_over_many_sensors_is_seen_and_what_is_normal_stays_pale() -> None:
    strange, normal = heat(spread(20, 1e10))
    assert strange == pytest.approx(1.0, abs=0.01)
    assert normal <= 0.51
    strange, normal = heat(spread(20, 7200.0))
    assert max(strange, normal) < 0.2, "nothing is strange"


def test_a_bound_is_named_on_its_inner_side_and_limits_at_the_edges() -> None:
    both = replace(course("bearing_temp", "°C"), bound=Bound(high=85.0, low=20.0))
    made = figures(drawn(asset_report(courses=[both])))["figures"]
    named = [one["label"] for one in made["sensor-0"]["layout"]["shapes"] if "label" in one]
    assert [(one["text"], one["yanchor"]) for one in named] == [("bound 85 °C", "top"), ("bound 20 °C", "bottom")]
    limits = [one["label"]["textposition"] for one in made["rarity"]["layout"]["shapes"] if "label" in one]
    assert limits == ["start", "end"]


def test_names_keep_the_end_that_tells_them_apart_and_it_is_said_how_many_sensors_are_shown() -> None:
    page = drawn(spread(20, 1e10))
    axis = figures(page)["figures"]["parts"]["layout"]["yaxis"]["ticktext"]
    assert axis[:2] == ["s00 bear…phase 0", "s01 bear…phase 1"]
    assert len(set(axis)) == 20
    assert "20 of 40 sensors, those that add most." in words(page)
    assert "sensors, those that add most" not in words(drawn())
