"""Changes in words for people."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from anomaly_lstm.changes import ACKNOWLEDGED, CHANGES, CLEARED, RAISED, SEVERITY_DOWN, SEVERITY_UP
from anomaly_lstm.messages import (
    MOST,
    TITLE,
    Interest,
    by_site,
    latest,
    message,
    message_id,
    wants,
    when,
)
from tests.told import HOSTILE, MINUTE, NOON, line_of


def test_assets_of_a_site_are_one_message_and_other_sites_have_their_own() -> None:
    lines = [line_of(asset) for asset in ("pump-01", "fan-01", "pump-02", "spare")]
    groups = by_site(lines, {"pump-01": "north", "pump-02": "north", "fan-01": "east"})
    assert [[line["asset"] for line in group] for group in groups] == [["spare"], ["fan-01"], ["pump-01", "pump-02"]]


def test_a_message_says_what_since_when_and_why() -> None:
    said = message("mail", [line_of("pump-03")], "north", "America/Santiago")
    assert said.title == "Warning raised: pump-03 (bearing_temp)"
    assert said.body.splitlines() == [
        "Warning raised: pump-03, 2026-03-04 09:00 America/Santiago (2026-03-04 12:00 UTC).",
        "pump-03: bearing_temp 81 °C is 12 °C above the expected 69 °C.",
        "bearing_temp reaches its bound of 85 °C in 9 h to 31 h (median 16 h) if load and trend stay.",
        "Told because: its severity is new.",
        "Alert id-pump-03.",
        "",
        "This advises; it is no machine protection.",
    ]
    assert [line["alert_id"] for line in said.lines] == ["id-pump-03"]


def test_a_cleared_alert_is_over_and_forecasts_nothing() -> None:
    said = message("mail", [line_of(change=CLEARED)], "", None)
    assert said.is_over
    assert said.title == "Warning cleared: pump-01 (bearing_temp)"
    assert "It was raised 2026-03-04 12:00 UTC." in said.body
    assert "reaches its bound" not in said.body


def test_an_alert_that_changed_often_in_one_run_is_told_once_as_it_is_now() -> None:
    lines = [line_of(severity="advisory"), line_of(change=SEVERITY_UP, severity="critical", at_us=NOON + MINUTE)]
    said = message("mail", lines, "", None)
    assert said.title == "Critical by now, it was less: pump-01 (bearing_temp)"
    assert said.body.count("Alert id-pump-01") == 1
    assert len(said.lines) == 2


def test_a_person_who_acted_is_named_with_the_reason() -> None:
    said = message("mail", [line_of(change=ACKNOWLEDGED, by="Ana", why="looked at it")], "", None)
    assert "By Ana: looked at it." in said.body


def test_what_stands_and_is_worse_comes_first() -> None:
    lines = [
        line_of("a", CLEARED, "critical"),
        line_of("b", severity="advisory"),
        line_of("c", at_us=NOON + MINUTE),
        line_of("d", severity="critical"),
        line_of("e"),
    ]
    assert [line["asset"] for line in latest(lines)] == ["d", "e", "c", "b", "a"]


def test_the_title_of_several_names_the_site_the_worst_and_some_assets() -> None:
    lines = [line_of(f"pump-0{n}", severity="critical" if n == 3 else "warning") for n in range(1, 6)]
    said = message("mail", lines, "north", None)
    assert said.title == "Critical at north: pump-03, pump-01, pump-02 and 2 more (5 alerts)"
    cleared = [line_of(asset, CLEARED) for asset in ("a", "b")]
    assert message("mail", cleared, "north", None).title == "Over at north: a, b (2 alerts)"


def test_a_first_run_over_years_is_a_message_that_can_be_read() -> None:
    lines = [line_of(f"pump-{n:03}", CLEARED if n >= 5 else RAISED) for n in range(300)]
    said = message("mail", lines, "", None)
    assert said.body.count("\nAlert id-") == MOST
    assert "And 280 alerts more, of which 280 no longer stand" in said.body
    assert [f"Alert id-pump-00{n}" in said.body for n in range(5)] == [True] * 5


def test_the_id_depends_on_the_channel_and_the_changes_and_on_nothing_else() -> None:
    lines = [line_of("a"), line_of("b")]
    again = [line_of("b", known_us=NOON + 99 * MINUTE), line_of("a", tell=False)]
    assert message_id("mail", lines) == message_id("mail", again) == message("mail", lines, "x", "UTC").message_id
    assert len({message_id("mail", lines), message_id("hook", lines), message_id("mail", lines[:1])}) == 3


def test_a_channel_hears_what_it_asked_for() -> None:
    line = line_of("pump-01", severity="warning")
    assert wants(Interest(), line, "north")
    assert not wants(Interest(least="critical"), line, "north")
    assert not wants(Interest(kinds=("no_data",)), line, "north")
    assert not wants(Interest(assets=("pump-02",)), line, "north")
    assert not wants(Interest(sites=("south",)), line, "north")
    assert wants(Interest("warning", ("deviation",), ("pump-01",), ("north",)), line, "north")


def test_whoever_heard_of_a_warning_hears_of_its_end() -> None:
    milder = line_of(change=SEVERITY_DOWN, severity="advisory", highest="warning")
    assert wants(Interest(least="warning"), milder, "")


def test_a_time_is_told_in_the_zone_and_in_utc() -> None:
    assert when(NOON, None) == when(NOON, "UTC") == "2026-03-04 12:00 UTC"
    assert when(NOON, "Asia/Kolkata") == "2026-03-04 17:30 Asia/Kolkata (2026-03-04 12:00 UTC)"


@given(st.lists(st.text(max_size=200), min_size=1, max_size=4, unique=True), st.sampled_from(CHANGES))
def test_no_name_makes_a_title_too_long_or_breaks_a_line(names: list[str], change: str) -> None:
    lines = [line_of(name, change, alert_id=f"{n:016x}") for n, name in enumerate(names)]
    said = message("mail", lines, names[0], None)
    assert 0 < len(said.title) <= TITLE
    assert said.title.isprintable()
    assert all(line.isprintable() for line in said.body.split("\n"))


def test_a_hostile_name_is_shown_as_text_on_one_line() -> None:
    said = message("mail", [line_of(HOSTILE)], HOSTILE, None)
    assert "\n*pump*" not in said.body
    assert "\\n*pump* & 'x'" in said.body
