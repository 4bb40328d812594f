"""The timeline of a replay: what stands where, what is told of it, and that no name can harm it."""

from __future__ import annotations

from typing import Any

import pytest

from anomaly_lstm.pages.panels import Figure
from anomaly_lstm.pages.replay_words import PLAIN
from anomaly_lstm.pages.timelines import AT_MOST, legend, shown_assets, timeline
from anomaly_lstm.replaying import Replay
from tests import replays
from tests.replays import at, event, of, rows, stretch


@pytest.fixture(scope="module")
def year() -> Replay:
    return replays.year()


@pytest.fixture(scope="module")
def drawn(year: Replay) -> Figure:
    return timeline(year, shown_assets(year), PLAIN)


def traces(figure: Figure, name: str) -> list[dict[str, Any]]:
    return [trace for trace in figure["data"] if trace["name"] == name]


def test_assets_with_failures_come_first_and_those_with_nothing_are_left_out(year: Replay) -> None:
    assert shown_assets(year) == ["pump-01", "pump-02", "pump-03"]


def test_every_failure_has_a_mark_where_it_happened_and_words_where_nothing_was_told(drawn: Figure) -> None:
    (failed,) = traces(drawn, "failed")
    assert failed["x"] == [at(hour) // 1000 for hour in (1240, 4400, 6100, 8000)]
    assert failed["y"] == [0, 1, 2, 1]
    assert failed["text"] == ["", "", "missed", ""]
    assert failed["customdata"][0] == "pump-01: failed 2026-02-21 16:00, 60 h before"


def test_the_time_of_warning_reaches_from_the_alert_to_the_failure(drawn: Figure) -> None:
    (ahead,) = traces(drawn, "warned ahead")
    assert ahead["x"][:3] == [at(1180) // 1000, at(1240) // 1000, None]
    assert [words for words in ahead["text"] if words] == ["60 h", "17 days", "10 h"]


def test_false_alerts_are_hollow_and_keep_a_mark_however_short_they_are(year: Replay, drawn: Figure) -> None:
    false = [t for name in ("false advisory", "false warning") for t in traces(drawn, name) if t["type"] == "scatter"]
    assert all(trace["marker"]["symbol"].endswith("-open") for trace in false)
    ids = {one.alert_id for one in year.present.judged.false}
    assert sum(len(trace["x"]) for trace in false) == sum(one.alert_id in ids for one in year.present.raised) > 5
    assert "lasted 60 min" in false[0]["customdata"][0]


def test_a_false_alert_that_was_opened_again_is_hollow_both_times() -> None:
    made = of([rows("p", stretch(100, 110, 40.0) | stretch(112, 130, 40.0), 300)])
    assert (len(made.present.raised), len(made.present.judged.false)) == (2, 1)
    figure = timeline(made, ["p"], PLAIN)
    assert not traces(figure, "advisory")
    bars, marks = traces(figure, "false advisory")
    assert len(bars["x"]) == len(marks["x"]) == 2


def test_an_alert_that_announced_is_drawn_with_the_severity_it_had_when_it_was_told() -> None:
    made = of([rows("p", stretch(100, 110, 40.0) | stretch(110, 130, 400.0), 300)], event("p", 90, 150))
    assert [one.severity for one in made.present.raised] == ["warning"], "it came to it later"
    figure = timeline(made, ["p"], PLAIN)
    assert traces(figure, "advisory")
    assert not traces(figure, "warning")


def test_what_was_noted_is_told_where_one_points_at_its_band(drawn: Figure) -> None:
    (band,) = traces(drawn, "failure, from its first sign")
    assert band["customdata"][0] == "pump-01: failure, 2026-02-17 22:00 – 2026-02-21 16:00: bearing seized"
    assert band["x"][0] == 90 * 3_600_000


def test_the_legend_names_every_sign_once(drawn: Figure) -> None:
    words = [words for _, _, words in legend(drawn)]
    assert len(words) == len(set(words))
    assert ("✖", "var(--failure)", "failed") in legend(drawn)
    assert ("◇", "var(--warning)", "false warning") in legend(drawn)


def test_of_many_assets_some_are_drawn() -> None:
    many = of([rows(f"a{i:03}", {100: 40.0}, 200) for i in range(AT_MOST + 5)])
    assert len(shown_assets(many)) == AT_MOST


def test_a_name_from_data_is_text_in_a_picture() -> None:
    evil = "<b>%{x}</b>\x1b"
    result = of([rows(evil, stretch(100, 110, 40.0), 200)], event(evil, 90, 120, note="<i>"))
    told = str(timeline(result, [evil], PLAIN))
    assert "<b>" not in told
    assert "<i>" not in told
    assert "\x1b" not in told
