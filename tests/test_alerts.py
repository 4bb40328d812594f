from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from anomaly_lstm.alerts import DAY_US, Alert, Bound, Policy, alerts_of, as_document, rarity_words, rows_of
from anomaly_lstm.clock import iso
from anomaly_lstm.errors import DataError, UsageError
from anomaly_lstm.tables import SEVERITIES, STATE_NAMES, UTC_TIME, State, scores_schema
from tests.toys import MINUTE, minutes

S, N, OFF = State.SCORED, State.NO_DATA, State.OUT_OF_STATE
DAY_S = 86_400.0
SENSORS = ("temp", "flow")
PLAIN = Policy(limits={"advisory": 10 * DAY_US, "warning": 100 * DAY_US}, off_delay_us=0)


def scores(
    days: Sequence[float],
    *,
    asset: str = "pump",
    states: Sequence[State] | None = None,
    shares: tuple[float, float] = (0.7, 0.3),
    values: Mapping[int, tuple[float | None, float | None]] | None = None,
    unseen: Sequence[bool] | None = None,
    detail: bool = True,
) -> pa.Table:
    """Scores one minute apart of these return periods [days]; both sensors are expected at 50."""
    n = len(days)
    state = list(states) if states is not None else [S] * n
    scored = [s == S for s in state]
    measured = [(values or {}).get(row, (60.0, 40.0)) if s != N else (None, None) for row, s in enumerate(state)]
    columns = [
        [asset] * n,
        minutes(n).tolist(),
        [STATE_NAMES[s] for s in state],
        [float(np.log(d)) if on else None for d, on in zip(days, scored, strict=True)],
        [d * DAY_S if on else None for d, on in zip(days, scored, strict=True)],
    ]
    if detail:
        columns += [[share if on else None for on in scored] for share in shares]
        columns += [[pair[i] for pair in measured] for i in range(2)]
        columns += [[50.0 if on else None for on in scored]] * 2
    columns += [list(unseen) if unseen is not None else [False] * n, ["model"] * n]
    schema = scores_schema(SENSORS, (), detail=detail)
    return pa.Table.from_arrays([pa.array(c, f.type) for c, f in zip(columns, schema, strict=True)], schema=schema)


def alerts(days: Sequence[float], policy: Policy = PLAIN, **more: object) -> list[Alert]:
    return of(scores(days, **more), policy)  # type: ignore[arg-type]  # handed on as they come


def of(table: pa.Table, policy: Policy = PLAIN) -> list[Alert]:
    return [alert for rows in rows_of(table) for alert in alerts_of(rows, policy, MINUTE, "model")]


def at(row: int) -> int:
    return int(minutes(1, row)[0])


# ---------------------------------------------------------------- policy


@pytest.mark.parametrize(
    "limits",
    [{"advisory": 90, "warning": 30}, {"advisory": 30, "warning": 30}, {"warning": 9, "critical": 8, "advisory": 1}],
)
def test_limits_that_do_not_grow_with_severity_are_refused(limits: dict[str, int]) -> None:
    with pytest.raises(UsageError, match="must be rarer than"):
        Policy(limits={severity: days * DAY_US for severity, days in limits.items()})


def test_the_limits_may_be_given_in_any_order_and_in_part() -> None:
    Policy(limits={"critical": 300, "advisory": 100})
    Policy(limits={})


# ---------------------------------------------------------------- raising and clearing


def test_a_rare_row_raises_an_alert_and_normal_rows_clear_it() -> None:
    (alert,) = alerts([1, 1, 20, 1, 1])
    assert (alert.severity, alert.active) == ("advisory", False)
    assert (alert.raised_us, alert.cleared_us) == (at(2), at(3))
    assert alert.updated_us == at(3)


def test_the_limit_itself_is_over_the_limit() -> None:
    assert len(alerts([1, 10, 1])) == 1
    assert alerts([1, 9.999, 1]) == []


def test_raised_and_cleared_are_the_rows_on_which_the_delays_run_out() -> None:
    policy = replace(PLAIN, on_delay_us=2 * MINUTE, off_delay_us=3 * MINUTE)
    (alert,) = alerts([1, 20, 20, 20, 1, 1, 1, 1, 1, 1], policy)
    assert (alert.raised_us, alert.cleared_us) == (at(3), at(7))


def test_a_delay_of_part_of_a_period_is_a_whole_one() -> None:
    (alert,) = alerts([1, 20, 20, 1], replace(PLAIN, on_delay_us=1))
    assert alert.raised_us == at(2)


def test_without_an_off_delay_ten_periods_count() -> None:
    (alert,) = alerts([20] + [1] * 20, replace(PLAIN, off_delay_us=None))
    assert alert.cleared_us == at(11)


def test_a_row_within_the_deadband_does_not_clear() -> None:
    (alert,) = alerts([20, 7, 7, 7])
    assert alert.active
    (alert,) = alerts([20, 6.2, 7])
    assert alert.cleared_us == at(1)


def test_the_highest_severity_reached_is_the_alerts() -> None:
    (alert,) = alerts([20, 500, 20, 1])
    assert alert.severity == "warning"
    assert alert.peak_us == at(1)
    assert alert.peak_return_period_s == 500 * DAY_S


def test_each_severity_has_its_own_on_delay() -> None:
    policy = replace(PLAIN, on_delay_us=2 * MINUTE)
    assert alerts([20, 20, 500, 20, 20], policy)[0].severity == "advisory"
    assert alerts([20, 500, 500, 500, 20], policy)[0].severity == "warning"


def test_rarity_alone_is_never_critical_unless_a_user_says_so() -> None:
    assert alerts([1e6])[0].severity == "warning"
    policy = Policy(limits={"critical": 1000 * DAY_US})
    assert [a.severity for a in alerts([500, 2000, 500], policy)] == ["critical"]


def test_nothing_on_raises_nothing() -> None:
    assert alerts([1e6, 1e6], Policy(limits={})) == []


# ---------------------------------------------------------------- bounds


@pytest.mark.parametrize("limits", [PLAIN.limits, {}, {"warning": 100 * DAY_US}])
def test_a_crossed_bound_is_critical_however_normal_the_row(limits: dict[str, int]) -> None:
    policy = replace(PLAIN, limits=limits, bounds={"temp": Bound(high=85)}, units={"temp": "°C"})
    (alert,) = alerts([1, 1, 1, 1], policy, values={2: (90.0, 40.0)})
    assert (alert.severity, alert.raised_us, alert.cleared_us) == ("critical", at(2), at(3))
    assert "temp went beyond its bound of 85 °C at 2026-01-01 00:02:00 UTC" in alert.reason


def test_a_low_bound_counts_downwards() -> None:
    policy = replace(PLAIN, bounds={"flow": Bound(low=10)})
    (alert,) = alerts([1, 1, 1], policy, values={1: (60.0, 5.0)})
    assert alert.severity == "critical"
    assert "flow went beyond its bound of 10 at 2026-01-01 00:01:00 UTC" in alert.reason


def test_a_value_on_its_bound_has_not_crossed_it() -> None:
    assert alerts([1], replace(PLAIN, bounds={"temp": Bound(low=60, high=60)})) == []


def test_what_a_stopped_machine_measures_crosses_no_bound() -> None:
    policy = replace(PLAIN, bounds={"temp": Bound(high=85)})
    assert alerts([1, 1, 1], policy, states=[S, OFF, S], values={1: (90.0, 40.0)}) == []
    (alert,) = alerts([20, 1, 20], policy, states=[S, OFF, S], values={1: (90.0, 40.0)})
    assert alert.severity == "advisory"
    assert "bound" not in alert.reason


def test_a_bound_of_a_sensor_that_is_not_there_crosses_nothing() -> None:
    assert alerts([1], replace(PLAIN, bounds={"level": Bound(high=0)})) == []
    assert alerts([1], replace(PLAIN, bounds={"temp": Bound(high=0)}), detail=False) == []


# ---------------------------------------------------------------- missing data


@pytest.mark.parametrize("missing", [s for s in State if s != S])
def test_missing_data_never_clears_an_alert(missing: State) -> None:
    (alert,) = alerts([20] + [1] * 50, states=[S] + [missing] * 50)
    assert alert.active
    assert alert.cleared_us is None
    assert alert.updated_us == at(50)


def test_a_stop_cancels_a_pending_alert() -> None:
    policy = replace(PLAIN, on_delay_us=2 * MINUTE)
    assert alerts([20] * 4, policy, states=[S, S, OFF, S]) == []


# ---------------------------------------------------------------- identity


def test_later_rows_change_neither_id_nor_beginning() -> None:
    policy = replace(PLAIN, on_delay_us=MINUTE)
    days = [1, 3, 20, 30, 500, 20, 1, 1, 20, 20, 1]
    whole = alerts(days, policy)
    assert len(whole) == 2
    for n in range(4, len(days)):
        for early, late in zip(alerts(days[:n], policy), whole, strict=False):
            assert (early.alert_id, early.raised_us, early.onset_us) == (late.alert_id, late.raised_us, late.onset_us)


def test_alerts_of_other_assets_and_other_times_have_other_ids() -> None:
    found = of(pa.concat_tables([scores([20, 1, 20, 1]), scores([20, 1], asset="fan")]))
    assert len({alert.alert_id for alert in found}) == 3


def test_the_order_of_the_rows_in_the_table_is_of_no_account() -> None:
    table = pa.concat_tables([scores([1, 20, 1, 500]), scores([1, 20, 1], asset="fan")])
    mixed = table.take([5, 2, 0, 6, 3, 1, 4])
    assert of(mixed) == of(table)


def test_of_a_time_that_repeats_the_last_row_counts() -> None:
    table = scores([1, 20, 1])
    assert of(pa.concat_tables([table, scores([1, 1, 1])])) == []
    assert of(pa.concat_tables([scores([1, 1, 1]), table])) == of(table)


def test_rows_without_an_asset_are_refused() -> None:
    table = scores([1, 20])
    with pytest.raises(DataError, match="without an asset"):
        of(table.set_column(0, "asset", pa.array(["pump", None])))


def test_an_empty_table_has_no_alerts() -> None:
    assert of(scores([])) == []


# ---------------------------------------------------------------- onset


def test_the_onset_is_where_the_return_period_came_to_stay_over_a_tenth_of_the_limit() -> None:
    (alert,) = alerts([5, 0.1, 2, 1.5, 20, 1])
    assert (alert.onset_us, alert.raised_us) == (at(2), at(4))


@given(st.lists(st.floats(0.01, 1000), min_size=1, max_size=40), st.integers(0, 3))
@settings(max_examples=100, deadline=None)
def test_times_of_an_alert_are_in_order(days: list[float], on_delay: int) -> None:
    policy = replace(PLAIN, on_delay_us=on_delay * MINUTE, bounds={"temp": Bound(high=0)} if on_delay == 3 else {})
    for alert in alerts(days, policy):
        assert alert.onset_us <= alert.raised_us <= alert.updated_us
        assert alert.onset_us <= alert.peak_us <= alert.updated_us
        assert alert.cleared_us is None or alert.raised_us <= alert.cleared_us == alert.updated_us
        assert alert.active == (alert.cleared_us is None)
        assert alert.severity in SEVERITIES


# ---------------------------------------------------------------- reason and sensors


def test_the_reason_names_the_first_sensor_its_direction_and_unit_since_when_and_how_rare() -> None:
    (alert,) = alerts([1, 0.5, 20], replace(PLAIN, units={"temp": "°C"}))
    assert alert.reason.startswith("pump: temp 60 °C is 10 °C above the expected 50 °C (flow too), since ")
    assert "2026-01-01 00:02:00 UTC" in alert.reason
    assert alert.reason.endswith("in normal operation this comes about once in 20 days.")


def test_sensors_have_the_largest_share_first_and_their_directions() -> None:
    (alert,) = alerts([20], shares=(0.25, 0.75))
    assert [(s.sensor, s.share, s.direction) for s in alert.sensors] == [
        ("flow", 0.75, "below"),
        ("temp", 0.25, "above"),
    ]
    assert alert.reason.startswith("pump: flow 40 is 10 below the expected 50")


def test_a_sensor_without_a_value_has_no_direction() -> None:
    (alert,) = alerts([20], values={0: (None, 40.0)})
    assert alert.sensors[0].direction == "unknown"
    assert alert.reason.startswith("pump: temp is unusual")


def test_scores_without_detail_give_no_sensors_and_still_a_reason() -> None:
    (alert,) = alerts([20], detail=False)
    assert alert.sensors == ()
    assert "unusual behaviour since" in alert.reason


def test_an_alert_that_meets_a_context_training_never_saw_says_so() -> None:
    assert not alerts([20, 20, 1, 1], unseen=[False, False, False, True])[0].unseen
    assert alerts([20, 20, 1, 1], unseen=[False, True, False, False])[0].unseen


@pytest.mark.parametrize(
    ("seconds", "words"),
    [
        (0.5, "a second"),
        (90, "2 minutes"),
        (7200, "2 hours"),
        (86_400 * 30, "30 days"),
        (1e12, "more than 1,000 years"),
    ],
)
def test_a_return_period_is_said_in_words(seconds: float, words: str) -> None:
    assert rarity_words(seconds) == words


def test_a_document_has_every_key_with_null_where_there_is_nothing() -> None:
    (standing,) = alerts([1, 20])
    document = as_document(standing)
    assert document["cleared_at"] is document["shelved_until"] is document["forecast"] is None
    assert document["raised_at"] == iso(at(1)) == "2026-01-01T00:01:00Z"
    assert document["peak"] == {"time": iso(at(1)), "score": pytest.approx(np.log(20)), "return_period_s": 20 * DAY_S}


def test_the_scores_made_here_are_a_scores_table() -> None:
    table = scores([1, 20])
    assert table.schema.field("time").type == UTC_TIME
    assert "share.temp" in table.column_names
