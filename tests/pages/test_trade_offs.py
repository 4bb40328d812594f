"""What policies are worth over what they cost, as a picture."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from anomaly_lstm.clock import DAY
from anomaly_lstm.pages.panels import Figure
from anomaly_lstm.pages.replay_words import PLAIN
from anomaly_lstm.pages.trade_offs import trade_off
from anomaly_lstm.replaying import Replay
from tests import replays
from tests.replays import event, of, rows, stretch


@pytest.fixture(scope="module")
def year() -> Replay:
    return replays.year()


def traces(figure: Figure, name: str) -> list[dict[str, Any]]:
    return [trace for trace in figure["data"] if trace["name"] == name]


def test_every_policy_has_a_mark_and_those_of_an_on_delay_are_joined(year: Replay) -> None:
    figure = trade_off(year, PLAIN)
    assert figure is not None
    upper = [trace for trace in figure["data"] if trace.get("yaxis") == "y"]
    assert [trace["name"] for trace in upper[:3]] == ["no on-delay", "on-delay 6 h", "on-delay 24 h"]
    assert [len(trace["x"]) for trace in upper[:3]] == [5, 5, 5]
    assert len({(trace["line"]["dash"], trace["marker"]["symbol"]) for trace in upper[:3]}) == 3
    row = [trial.median_lead_us for trial, *_ in year.grid]
    assert upper[0]["y"] == pytest.approx([us / 3.6e9 if us else None for us in row])


def test_below_the_hours_stands_how_many_failures_they_are_of(year: Replay) -> None:
    figure = trade_off(year, PLAIN)
    assert figure is not None
    lower = [trace for trace in figure["data"] if trace.get("yaxis") == "y2"]
    assert lower[0]["y"] == [trial.warned for trial, *_ in year.grid]
    assert figure["layout"]["yaxis2"]["title"]["text"] == "failures warned"


def test_the_present_policy_and_what_it_promised_are_marked(year: Replay) -> None:
    figure = trade_off(year, PLAIN)
    assert figure is not None
    (ring, _) = traces(figure, "present policy, 95 % interval")
    now, promised = year.present, year.present.promised_per_year
    assert promised is not None
    assert ring["x"] == pytest.approx([np.log10(now.false_per_year or 0.0)], abs=1e-3)
    (line,) = figure["layout"]["shapes"]
    assert line["x0"] == pytest.approx(np.log10(promised), abs=1e-3)
    assert line["label"]["text"] == "promised: 12 a year"
    interval = now.false_per_year_95
    assert interval is not None
    assert ring["x"][0] + ring["error_x"]["array"][0] == pytest.approx(np.log10(interval[1]), abs=1e-3)
    assert "30 days" in ring["customdata"][0]


def test_no_false_alert_at_all_stands_left_of_the_scale_and_is_called_none(year: Replay) -> None:
    figure = trade_off(year, PLAIN)
    assert figure is not None
    axis = figure["layout"]["xaxis"]
    assert axis["ticktext"][0] == "0"
    assert axis["range"][0] < axis["tickvals"][0] < axis["tickvals"][1]


def test_marks_in_one_place_share_a_name() -> None:
    result = of([rows("a", {100: 40.0, 4000: 200.0})])
    figure = trade_off(result, PLAIN)
    assert figure is not None
    assert figure["data"][0]["text"] == ["", "", "7 days – 30 days", "90 days", "365 days"]
    assert figure["layout"]["yaxis"]["title"]["text"] == "time in alarm"


def test_where_all_policies_come_to_the_same_there_is_no_picture() -> None:
    assert trade_off(of([rows("a", {})]), PLAIN) is None
    assert trade_off(of([]), PLAIN) is None


def test_rates_near_each_other_stand_on_a_plain_scale() -> None:
    often = [rows("a", dict.fromkeys(range(0, 8000, 700), 60.0) | dict.fromkeys(range(350, 8000, 700), 20.0))]
    figure = trade_off(of(often, grid=(14 * DAY, 30 * DAY), delays=()), PLAIN)
    assert figure is not None
    assert "tickvals" not in figure["layout"]["xaxis"]
    assert figure["layout"]["xaxis"]["range"][0] <= 0


def test_a_policy_that_warns_of_nothing_has_no_hours_and_its_interval_stands_with_the_count() -> None:
    late = of([rows("a", {**stretch(100, 110, 20.0), 5000: 60.0})], event("a", 90, 130))
    figure = trade_off(late, PLAIN)
    assert figure is not None
    above, below = traces(figure, "present policy, 95 % interval")
    assert (above["y"], below["y"]) == ([None], [0.0])
    assert "error_x" in below
    assert "error_x" not in above
    assert figure["data"][0]["y"][:2] == [30.0, 30.0]
