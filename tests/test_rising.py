"""Sensors that drift towards their bounds, from a model that learned ten days to what a technician reads."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from functools import cache
from typing import Any

import numpy as np
import pytest

from anomaly_lstm import scoring
from anomaly_lstm.bounds import Reach
from anomaly_lstm.drifts import advance, at_rest
from anomaly_lstm.limits import BEYOND, CANNOT_SAY, ESTIMATE, PENDING, TOO_WIDE, Passage
from anomaly_lstm.policy import Bound, Policy
from anomaly_lstm.rising import (
    Indicator,
    as_document,
    deviations_of,
    drifts_towards_bounds,
    indicators_of,
    soonest_first,
)
from anomaly_lstm.scored_rows import Rows, rows_of
from anomaly_lstm.trained import Trained
from tests.toys import GRID, MINUTE, START, healthy, learned_line, names, telemetry

TAUGHT, ONSET, N_ROWS = 6_000, 8_000, 8_800
SEVERAL = Policy(bounds={"s1": Bound(high=40.0), "s2": Bound(low=15.0)}, units={"s1": "°C"})


@cache
def model() -> Trained:
    return learned_line(healthy(TAUGHT, seed=1))


@cache
def rows(slope: float = 0.0, sensor: int = 1, jump: float = 0.0) -> Rows:
    """Rows of which one sensor drifts from `ONSET` on."""
    values = healthy(N_ROWS, seed=1)
    values[ONSET:, sensor] += jump + slope * np.arange(N_ROWS - ONSET)
    (scores,) = scoring.score(model(), [telemetry(values)])
    return next(rows_of(scoring.table(model(), scores, "model")))


def told(of: Rows, policy: Policy = SEVERAL) -> list[Indicator]:
    drifts = model().drifts
    assert drifts is not None
    index = np.array([GRID.index_of(int(at)) for at in of.time_us])
    sums = advance(drifts, at_rest(3), index, deviations_of(of))[-1]
    return indicators_of(of, policy, drifts_towards_bounds(drifts, sums, names()[:3], policy), GRID)


def test_a_sensor_that_rises_towards_its_bound_is_told_since_when_and_when() -> None:
    (one,) = told(rows(slope=0.01))
    assert (one.asset, one.sensor, one.reach.level, one.reach.unit) == ("pump", "s1", 40.0, "°C")
    assert abs(one.onset_us - (START + ONSET * MINUTE)) <= 250 * MINUTE
    assert one.reach.passage.state in (ESTIMATE, BEYOND)
    assert one.return_period_s > 60 * 86_400, "two bounds share what one advisory a month allows"


def test_a_sensor_that_falls_towards_a_low_bound_is_told_too() -> None:
    (one,) = told(rows(slope=-0.01, sensor=2))
    assert (one.sensor, one.reach.level) == ("s2", 15.0)


@pytest.mark.parametrize(("slope", "sensor"), [(0.0, 1), (-0.01, 1), (0.01, 2), (0.01, 0)])
def test_what_is_normal_or_drifts_away_from_its_bound_or_has_none_is_not_told(slope: float, sensor: int) -> None:
    assert told(rows(slope=slope, sensor=sensor)) == []


def test_what_jumped_and_stays_there_does_not_rise() -> None:
    assert told(rows(jump=4.0)) == []


def test_the_more_bounds_an_asset_has_the_rarer_each_drift_must_be() -> None:
    drifts = model().drifts
    assert drifts is not None
    sums = at_rest(3)
    reached = drifts.limit(0, 1, 45 * 86_400.0)
    sums = replace(sums, now=np.full((2, 3), reached), highest=np.full((2, 3), reached))
    one = Policy(bounds={"s1": Bound(high=40.0)})
    both = Policy(bounds={"s1": Bound(low=0.0, high=40.0)})
    assert [d.sensor for d in drifts_towards_bounds(drifts, sums, names()[:3], one)] == ["s1"]
    assert not [d for d in drifts_towards_bounds(drifts, sums, names()[:3], both) if d.way == 0]


def test_with_bounds_alone_drifts_are_as_rare_as_an_advisory_is_by_default() -> None:
    assert len(told(rows(slope=0.01), replace(SEVERAL, limits={}))) == 1


def test_later_rows_change_nothing_of_what_was_told() -> None:
    whole = rows(slope=0.01)
    now = int(whole.time_us[ONSET + 500])
    assert told(whole.up_to(now)) == told(whole.part(slice(0, ONSET + 501)))


def test_rows_in_a_regime_that_training_never_saw_count_for_nothing() -> None:
    drifting = rows(slope=0.01)
    foreign = replace(drifting, unseen=np.arange(N_ROWS) >= ONSET - 500)
    assert np.isnan(deviations_of(foreign)[ONSET:]).all()
    assert told(foreign) == []


# ---------------------------------------------------------------- words


def document(when: Passage, **changes: Any) -> Mapping[str, Any]:
    reach = Reach("bearing_temp", None, 85.0, "°C", when)
    plain = Indicator("pump-03", "bearing_temp", START, START + 60 * MINUTE, 71.2, 67.1, 4e6, reach, MINUTE)
    return as_document(replace(plain, **changes))


def test_a_technician_reads_which_sensor_since_when_how_far_and_when() -> None:
    one = document(Passage(ESTIMATE, None, 2880.0, 4320.0, 7200.0))
    assert one["forecast"] == (
        "bearing_temp has been moving towards its bound since 2026-01-01 00:00:00 UTC: 71.2 °C, 4.1 °C above what is "
        "expected. bearing_temp reaches its bound of 85 °C in 48 h to 5 days (median 3 days) if load and trend stay."
    )
    assert (one["onset"], one["updated_at"], one["p50_s"]) == ("2026-01-01T00:00:00Z", "2026-01-01T01:00:00Z", 259200.0)


@pytest.mark.parametrize(
    ("when", "words"),
    [
        (
            Passage(CANNOT_SAY, TOO_WIDE),
            "When bearing_temp reaches its bound of 85 °C, nobody can say: interval too wide.",
        ),
        (Passage(PENDING), "When bearing_temp reaches its bound of 85 °C, it is too early to say."),
        (Passage(BEYOND), "bearing_temp does not reach its bound of 85 °C in the time that its trend can tell of."),
    ],
)
def test_without_an_estimate_it_is_said_why(when: Passage, words: str) -> None:
    assert str(document(when)["forecast"]).endswith(words)
    assert document(when)["p10_s"] is None


def test_the_soonest_come_first_and_those_without_a_time_last() -> None:
    soon = document(Passage(ESTIMATE, None, 1.0, 2.0, 3.0))
    late = document(Passage(ESTIMATE, None, 10.0, 20.0, 30.0))
    never = document(Passage(BEYOND), asset="a")
    assert soonest_first([never, late, soon]) == [soon, late, never]
