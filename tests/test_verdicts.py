"""What verdicts teach."""

from __future__ import annotations

import csv
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from anomaly_lstm.actions import NOTHING, VERDICTS
from anomaly_lstm.events import normal_rows, read_events, vouched_rows
from anomaly_lstm.tables import EVENT_COLUMNS, EVENT_KINDS
from anomaly_lstm.verdicts import EVENT_OF, Precision, precision, proposed_events, wilson_interval

MINUTE = 60_000_000


def judged(verdict: str | None, month: str = "2026-03", asset: str = "pump", **more: Any) -> dict[str, Any]:
    times = {
        "onset": f"{month}-01T00:00:00Z",
        "raised_at": f"{month}-01T01:00:00Z",
        "updated_at": f"{month}-02T00:00:00Z",
    }
    alert = {"alert_id": "a" * 16, "kind": "deviation", "asset": asset, **times, "cleared_at": f"{month}-02T00:00:00Z"}
    return {**NOTHING, **alert, "sensors": [{"sensor": "temp"}], "verdict": verdict, "verdict_by": "anna", **more}


def test_precision_counts_real_and_false_per_asset_and_month_and_nothing_else() -> None:
    said = ["real", "real", "false", "known", "sensor", "process", "planned", None]
    found = precision([*map(judged, said), judged("false", "2026-04"), judged("real", asset="fan")])
    assert found == [
        Precision("fan", "2026-03", 1, 0),
        Precision("pump", "2026-03", 2, 1),
        Precision("pump", "2026-04", 0, 1),
    ]
    assert found[1].share == pytest.approx(2 / 3)


def test_the_interval_is_the_one_of_wilson() -> None:
    assert wilson_interval(8, 10) == pytest.approx((0.4902, 0.9433), abs=1e-4)  # Newcombe (1998), method 3
    assert wilson_interval(0, 0) == (0.0, 1.0)
    assert wilson_interval(0, 5)[0] == 0.0
    assert wilson_interval(5, 5)[1] == 1.0


def test_wilson_covers_the_truth_about_as_often_as_it_says() -> None:
    chance = np.random.default_rng(0)
    intervals = np.array([wilson_interval(hits, 40) for hits in range(41)])[chance.binomial(40, 0.7, 4000)]
    covered = ((intervals[:, 0] <= 0.7) & (intervals[:, 1] >= 0.7)).mean()
    assert 0.93 < covered < 0.97


def test_every_verdict_proposes_an_event_that_events_csv_knows() -> None:
    assert set(EVENT_OF) == set(VERDICTS)
    assert set(EVENT_OF.values()) <= set(EVENT_KINDS)


def test_proposed_events_can_be_copied_into_events_csv_and_do_what_they_say(tmp_path: Path) -> None:
    alerts = [judged("real"), judged("false", "2026-04", note="rain"), judged(None, "2026-05")]
    with (tmp_path / "events.csv").open("w", newline="") as file:
        writer = csv.DictWriter(file, EVENT_COLUMNS)
        writer.writeheader()
        writer.writerows(proposed_events(alerts))
    events = read_events(tmp_path / "events.csv")
    days = np.array(["2026-03-01T12", "2026-04-01T12", "2026-05-01T12"], "datetime64[us]").astype(np.int64)
    assert normal_rows(events, "pump", days).tolist() == [False, True, True]
    assert vouched_rows(events, "pump", days).tolist() == [False, True, False]
    assert [event.kind for event in events] == ["anomaly", "normal"]
    assert events[1].note == f"proposed: alert {'a' * 16} was judged false; rain"


def test_missing_data_that_was_judged_says_nothing_about_limits() -> None:
    silent = [judged("real", kind="no_data"), judged("sensor", kind="sensor_bad")]
    assert precision(silent) == []
    assert proposed_events(silent) == []


def test_an_event_of_a_standing_alert_ends_after_its_last_row_and_says_so() -> None:
    (event,) = proposed_events([judged("real", cleared_at=None)], period_us=MINUTE)
    assert event["end"] == "2026-03-02T00:01:00Z"
    assert event["note"].endswith("judged real; still standing")


def test_a_bad_sensor_is_named() -> None:
    (event,) = proposed_events([judged("sensor")])
    assert (event["kind"], event["sensor"]) == ("ignore", "temp")
