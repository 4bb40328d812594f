from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from anomaly_lstm.alerts import Alert, alerts_of, as_document, changes_of, rarity_words
from anomaly_lstm.changes import Change
from anomaly_lstm.clock import iso
from anomaly_lstm.courses import Course, courses_of, rests_at
from anomaly_lstm.errors import DataError, UsageError
from anomaly_lstm.policy import DAY_US, Bound, Policy
from anomaly_lstm.scaling import Range
from anomaly_lstm.scored_rows import rows_of
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
    days = [1, 3, 20, 30, 500, 20, 1, 1, 600, 600, 1]
    whole = alerts(days, policy)
    assert len(whole) == 2
    for n in range(4, len(days)):
        for early, late in zip(alerts(days[:n], policy), whole, strict=False):
            assert (early.alert_id, early.raised_us, early.onset_us) == (late.alert_id, late.raised_us, late.onset_us)


def courses(table: pa.Table, policy: Policy = PLAIN) -> list[Course]:
    return [course for rows in rows_of(table) for course in courses_of(rows, policy, MINUTE)]


Known = tuple[str, int, dict[str, int], list[tuple[int, int | None]]]


def told(found: Sequence[Course], last_row: int) -> list[Known]:
    """What was known of the alerts after a row: id, when raised, which severity since when, and when it stood."""
    now = at(last_row)
    return [
        (
            a.alert_id,
            a.reached_us["advisory"],
            {severity: us for severity, us in a.reached_us.items() if us <= now},
            [(us, end if end is not None and end <= now else None) for us, end in a.stood_us if us <= now],
        )
        for a in found
        if a.reached_us["advisory"] <= now
    ]


@settings(max_examples=200)
@given(
    st.lists(
        st.tuples(
            st.sampled_from([1.0, 5.0, 20.0, 30.0, 150.0, 900.0]), st.booleans(), st.sampled_from([S, S, S, S, N, OFF])
        ),
        min_size=2,
        max_size=60,
    ),
    st.integers(0, 3),
    st.data(),
)
def test_scores_cut_anywhere_raise_the_same_alerts_up_to_the_cut(
    rows: list[tuple[float, bool, State]], on_delay: int, data: st.DataObject
) -> None:
    policy = replace(PLAIN, on_delay_us=on_delay * MINUTE, off_delay_us=2 * MINUTE)
    days, unseen, states = ([row[i] for row in rows] for i in range(3))
    table = scores(days, unseen=unseen, states=states)  # type: ignore[arg-type]  # zip loses the types
    last = data.draw(st.integers(0, len(rows) - 1))
    assert told(courses(table.slice(0, last + 1), policy), last) == told(courses(table, policy), last)


def test_an_alert_that_was_opened_again_did_not_stand_in_between() -> None:
    (again,) = courses(scores([1, 20, 20, 1, 1, 20, 1, 1]))
    assert again.stood_us == ((at(1), at(3)), (at(5), at(6)))
    grown, news = courses(scores([1, 20, 20, 1, 1, 20, 20, 30, 1]))
    assert (grown.stood_us, news.stood_us) == (((at(1), at(3)), (at(5), at(7))), ((at(7), at(8)),))
    (standing,) = courses(scores([1, 20]))
    assert standing.stood_us == ((at(1), None),)


def test_each_severity_is_dated_when_the_alert_came_to_it() -> None:
    policy = replace(PLAIN, on_delay_us=MINUTE, bounds={"temp": Bound(high=90)})
    (grown,) = courses(scores([1, 20, 20, 200, 200, 20, 1, 1]), policy)
    assert grown.reached_us == {"advisory": at(2), "warning": at(4)}
    (hot,) = courses(scores([1, 20, 20, 20, 1, 1], values={2: (95.0, 50.0), 3: (95.0, 50.0)}), policy)
    assert hot.reached_us == {"advisory": at(2), "warning": at(3), "critical": at(3)}


def test_alerts_of_other_assets_and_other_times_have_other_ids() -> None:
    found = of(pa.concat_tables([scores([20, 1, 30, 1]), scores([20, 1], asset="fan")]))
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


# ---------------------------------------------------------------- what comes again

LIMIT_ROWS = 10 * 24 * 60
"""Rows in the return period of PLAIN's lowest limit."""


def test_what_comes_again_soon_and_no_stranger_opens_its_alert_again() -> None:
    (alert,) = alerts([1, 50, 1, 1, 20, 30, 1])
    assert (alert.raised_us, alert.cleared_us, alert.peak_us) == (at(1), at(6), at(1))
    (standing,) = alerts([1, 50, 1, 1, 20, 30])
    assert (standing.alert_id, standing.active) == (alert.alert_id, True)


def test_what_comes_again_after_a_tenth_of_the_return_period_is_a_new_alert() -> None:
    apart = LIMIT_ROWS // 10
    assert len(alerts([50, *[1] * apart, 20, 1])) == 1
    assert len(alerts([50, *[1] * (apart + 1), 20, 1])) == 2


def test_from_where_it_is_stranger_than_before_it_is_news() -> None:
    first, second = alerts([1, 50, 1, 1, 20, 60, 30, 1])
    assert (first.raised_us, first.cleared_us) == (at(1), at(5))
    assert (second.raised_us, second.cleared_us, second.peak_us) == (at(5), at(7), at(5))


def test_another_leading_sensor_is_another_alert() -> None:
    table = scores([1, 50, 1, 1, 20, 1])
    shares = {"share.temp": [0.7, 0.7, 0.7, 0.7, 0.2, 0.2], "share.flow": [0.3, 0.3, 0.3, 0.3, 0.8, 0.8]}
    for name, share in shares.items():
        table = table.set_column(table.column_names.index(name), name, pa.array(share, pa.float32()))
    first, second = of(table)
    assert (first.sensors[0].sensor, second.sensors[0].sensor) == ("temp", "flow")


# ---------------------------------------------------------------- an unseen regime

SUMMER = {"ambient": Range(-5.0, 22.0, 1.35), "speed": Range(40.0, 90.0, 2.5)}
"""What training saw of two contexts."""


def with_context(table: pa.Table, **values: Sequence[float | None]) -> pa.Table:
    for name, column in values.items():
        table = table.append_column(f"value.{name}", pa.array(column, pa.float32()))
    return table


def in_summer(table: pa.Table, policy: Policy = PLAIN) -> list[Alert]:
    return [alert for rows in rows_of(table) for alert in alerts_of(rows, policy, MINUTE, "model", SUMMER)]


def test_an_alert_is_unseen_when_a_row_from_its_begin_to_its_peak_is() -> None:
    assert alerts([20, 30, 1, 1], unseen=[False, True, False, False])[0].unseen
    assert alerts([20, 30, 1, 1], unseen=[True, False, False, False])[0].unseen
    assert not alerts([20, 30, 20, 1], unseen=[False, False, True, False])[0].unseen
    assert not alerts([20, 30, 1, 1], unseen=[False, False, False, True])[0].unseen


def test_rarity_in_an_unseen_regime_is_told_as_advisory_at_most() -> None:
    (alert,) = alerts([1, 500, 1e6, 1], unseen=[True] * 4)
    assert (alert.severity, alert.unseen) == ("advisory", True)
    assert alert.reason.endswith(
        "; a context was outside what training saw: an unseen regime, told as advisory at most."
    )
    critical = replace(PLAIN, limits={**PLAIN.limits, "critical": 1000 * DAY_US})
    assert alerts([1e6], critical, unseen=[True])[0].severity == "advisory"


def test_seen_rows_of_the_same_alert_may_raise_a_warning() -> None:
    (alert,) = alerts([500, 500, 500, 1], unseen=[True, True, False, False])
    assert (alert.severity, alert.unseen, alert.raised_us) == ("warning", True, at(0))
    assert alert.reason.endswith("an unseen regime, but the other rows alone make it a warning.")


def test_the_on_delay_of_a_warning_counts_seen_rows_over_its_limit() -> None:
    policy = replace(PLAIN, on_delay_us=2 * MINUTE)

    def severity(days: Sequence[float], unseen: Sequence[bool]) -> str:
        (alert,) = alerts(days, policy, unseen=unseen)
        return alert.severity

    assert severity([500] * 5, [False, False, True, True, True]) == "advisory"
    assert severity([500] * 5, [False, True, False, True, False]) == "warning"  # an unseen row holds
    assert severity([500, 20, 500, 500], [False, True, False, False]) == "advisory"  # one below the limit breaks
    assert severity([500, 20, 500, 500, 500], [False, True, False, False, False]) == "warning"


def test_a_warning_is_not_raised_again_by_seen_rows_of_an_alert_that_was_cleared() -> None:
    policy = replace(PLAIN, on_delay_us=2 * MINUTE)
    days, unseen = [500, 500, 500, 1, 600, 600, 600], [False, False, True, True, False, True, True]
    assert [alert.severity for alert in alerts(days, policy, unseen=unseen)] == ["advisory", "advisory"]


def test_what_the_evidence_still_remembers_of_a_long_unseen_regime_raises_no_warning() -> None:
    def tail(n_unseen: int, n_after: int, states: Sequence[State] | None = None) -> Alert:
        n = n_unseen + n_after
        return alerts([500] * n, unseen=[True] * n_unseen + [False] * n_after, states=states)[0]

    assert tail(300, 280).severity == "advisory"
    assert tail(300, 300).severity == "warning"
    assert tail(2, 1).severity == "warning"
    anew = [*[S] * 300, State.WARM_UP, S]
    assert tail(300, 2, anew).severity == "warning"


def test_an_alert_that_only_began_after_an_unseen_regime_names_its_context_too() -> None:
    days = [1.0] * 100 + [500.0] * 5
    table = scores(days, unseen=[True] * 100 + [False] * 5)
    table = with_context(table, ambient=[34.0] * 100 + [20.0] * 5, speed=[80.0] * 105)
    (alert,) = in_summer(table)
    assert (alert.severity, alert.unseen) == ("advisory", True)
    assert "; ambient 34, training saw at most 22: an unseen regime" in alert.reason


@pytest.mark.parametrize("limits", [{"warning": 100 * DAY_US}, {"critical": 100 * DAY_US}])
def test_with_advisory_off_an_unseen_regime_is_neither_lost_nor_a_warning(limits: dict[str, int]) -> None:
    policy = replace(PLAIN, limits=limits)
    (alert,) = alerts([1, 500, 500, 1], policy, unseen=[True] * 4)
    assert (alert.severity, alert.raised_us, alert.cleared_us) == ("advisory", at(1), at(3))
    assert alerts([20, 20], policy, unseen=[True] * 2) == []
    (alert,) = alerts([1, 500, 500, 1], policy, unseen=[False, True, False, False])
    assert alert.severity == next(iter(limits))


def test_a_crossed_bound_is_critical_in_an_unseen_regime_too() -> None:
    policy = replace(PLAIN, bounds={"temp": Bound(high=85)}, units={"temp": "°C"})
    (alert,) = alerts([500, 500, 500], policy, unseen=[True] * 3, values={1: (90.0, 40.0)})
    assert (alert.severity, alert.unseen) == ("critical", True)
    assert alert.reason.startswith("pump: temp went beyond its bound of 85 °C")
    assert alert.reason.endswith("an unseen regime, but the bound counts all the same.")


@pytest.mark.parametrize(
    ("ambient", "words"),
    [
        ([25.0, 34.0, 30.0], "ambient 34 °C, training saw at most 22 °C"),
        ([-6.0, -12.5, 0.0], "ambient -12.5 °C, training saw at least -5 °C"),
        ([34.0, None, None], "ambient 34 °C, training saw at most 22 °C"),
        ([22.0004, 22.0, 22.0], "ambient 22.0004 °C, training saw at most 22 °C"),
    ],
)
def test_the_reason_names_the_context_its_unit_and_what_training_saw(
    ambient: Sequence[float | None], words: str
) -> None:
    table = with_context(scores([20, 25, 30], unseen=[True] * 3), ambient=ambient, speed=[60.0] * 3)
    (alert,) = in_summer(table, replace(PLAIN, units={"ambient": "°C"}))
    assert alert.reason.endswith(f"once in 30 days; {words}: an unseen regime, told as advisory at most.")


def test_the_context_furthest_outside_in_its_own_range_is_named() -> None:
    table = with_context(scores([20], unseen=[True]), ambient=[34.0], speed=[100.0])
    assert "; ambient 34, " in in_summer(table)[0].reason  # 12 of 27 against 10 of 50
    table = with_context(scores([20], unseen=[True]), ambient=[24.0], speed=[100.0])
    assert "; speed 100, training saw at most 90: " in in_summer(table)[0].reason


def test_what_a_stopped_machine_measures_is_no_context_of_an_alert() -> None:
    table = scores([20, 1, 30], states=[S, OFF, S], unseen=[True, False, True])
    (alert,) = in_summer(with_context(table, ambient=[34.0, 99.0, None], speed=[60.0] * 3))
    assert "; ambient 34, " in alert.reason


def test_without_values_in_the_scores_an_unseen_regime_is_told_in_words_alone() -> None:
    (alert,) = in_summer(scores([500], unseen=[True], detail=False))
    assert alert.severity == "advisory"
    assert "a context was outside what training saw: an unseen regime" in alert.reason


def test_an_alert_on_what_training_saw_says_nothing_of_a_regime() -> None:
    table = with_context(scores([20, 1]), ambient=[34.0, 34.0], speed=[60.0] * 2)
    assert "regime" not in in_summer(table)[0].reason


@given(
    st.lists(st.tuples(st.floats(0.5, 1000), st.booleans(), st.sampled_from([S, S, S, N, OFF])), max_size=40),
    st.integers(0, 3),
    st.integers(0, 3),
    st.sampled_from([("advisory", "warning"), ("warning",), ("advisory", "warning", "critical")]),
)
@settings(max_examples=200, deadline=None)
def test_an_unseen_regime_changes_no_time_and_no_id_and_raises_no_severity(
    drawn: list[tuple[float, bool, State]], on: int, off: int, severities: tuple[str, ...]
) -> None:
    policy = Policy(
        {s: d * DAY_US for s, d in zip(severities, (10, 100, 300), strict=False)}, on * MINUTE, off * MINUTE
    )
    days, states = [d for d, _, _ in drawn], [s for _, _, s in drawn]
    seen = alerts(days, policy, states=states)
    unseen = alerts(days, policy, states=states, unseen=[u and s == S for _, u, s in drawn])
    same = [
        [replace(a, severity="", severity_now=None, unseen=False, reason="", reaches=()) for a in found]
        for found in (unseen, seen)
    ]
    assert same[0] == same[1]
    for capped, plain in zip(unseen, seen, strict=True):
        assert SEVERITIES.index(capped.severity) <= SEVERITIES.index(plain.severity)
        assert capped.severity == plain.severity or capped.unseen
    everywhere = alerts(days, policy, states=states, unseen=[s == S for s in states])
    assert {alert.severity for alert in everywhere} <= {"advisory"}


# ---------------------------------------------------------------- onset


def test_the_onset_of_a_jump_is_its_first_row() -> None:
    (alert,) = alerts([0.1, 0.2, 0.05] * 10 + [5, 4, 20, 1])
    assert (alert.onset_us, alert.raised_us) == (at(30), at(32))


def test_the_onset_of_a_drift_lies_before_its_return_period_stayed_over_a_tenth_of_the_limit() -> None:
    rng = np.random.default_rng(3)
    rarity = 0.3 * rng.standard_normal(900) - 1.0
    rarity[600:] += np.arange(300) / 120
    (alert, *_) = alerts((10**rarity).tolist())
    stayed = np.flatnonzero(10 ** rarity[: (alert.raised_us - at(0)) // MINUTE] < 1.0)[-1] + 1
    assert at(600) <= alert.onset_us < at(int(stayed))


def test_a_deviation_that_is_over_is_not_the_onset_of_the_next_one() -> None:
    quiet, strange = [0.1, 0.2, 0.05] * 500, [5e8, 4e8, 6e8] * 140
    first, second = alerts([*quiet, *strange, *quiet, *strange])
    assert first.onset_us == at(1500)
    assert second.onset_us == at(3420)


def test_an_onset_lies_in_the_stretch_of_its_alert_and_no_later_row_moves_it() -> None:
    days = [0.1] * 5 + [3.0] * 5 + [3.0, 3.0, 20.0, 0.1, 500.0, 0.1]
    states = [S] * 9 + [State.WARM_UP] + [S] * 6
    (whole, *_) = alerts(days, states=states)
    (then,) = alerts(days[:13], states=states[:13])
    assert whole.onset_us == then.onset_us >= at(10)


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


# ---------------------------------------------------------------- what it comes to

MINUTES_OF_DRIFT = 400
BOUNDED = replace(PLAIN, bounds={"temp": Bound(high=85)}, units={"temp": "°C"})


def worn(n: int) -> pa.Table:
    """Rows of a sensor that drifts by 0.05 °C a minute from row 600 on, and alarms from row 700 on."""
    noise = 0.2 * np.random.default_rng(5).standard_normal(600 + MINUTES_OF_DRIFT)
    temp = 60 + noise + 0.05 * np.maximum(np.arange(len(noise)) - 600, 0)
    days = [0.1] * 600 + [3.0] * 100 + [20.0] * (MINUTES_OF_DRIFT - 100)
    return scores(days, values={row: (float(t), 40.0) for row, t in enumerate(temp)}).slice(0, n)


def test_an_alert_that_stands_tells_when_its_sensor_comes_to_its_bound() -> None:
    (alert,) = of(worn(1000), BOUNDED)
    bound, severity = alert.reaches
    assert (bound.sensor, bound.level, bound.unit, bound.passage.state) == ("temp", 85, "°C", "estimate")
    assert bound.passage.p50 == pytest.approx(100, abs=15)  # 5 °C at 0.05 °C a minute, less what noise brings
    assert (severity.severity, severity.passage.reason) == ("warning", "no trend")
    words = as_document(alert)["forecast"]
    assert words.startswith("temp reaches its bound of 85 °C in ")
    assert "if load and trend stay. When the return period reaches the limit of warning, nobody can say" in words
    assert "fail" not in words


def test_a_bound_forecast_within_the_time_to_respond_makes_the_alert_critical() -> None:
    policy = replace(BOUNDED, respond_within_us=180 * MINUTE)
    (course,) = courses(worn(1000), policy)
    assert course.severity == "critical"
    assert course.nearing is not None
    assert at(800) < course.reached_us["critical"] < at(980)
    (alert,) = of(worn(1000), policy)
    assert "from its bound of 85 °C if load and trend stay; temp" in alert.reason
    assert courses(worn(1000), BOUNDED)[0].severity == "advisory"


@pytest.mark.parametrize("n", [720, 800, 860, 900, 950])
def test_what_was_forecast_at_a_row_does_not_depend_on_later_rows(n: int) -> None:
    policy = replace(BOUNDED, respond_within_us=180 * MINUTE)
    (whole,), (then,) = courses(worn(1000), policy), courses(worn(n), policy)
    known = {s: us for s, us in whole.reached_us.items() if us < at(n)}
    assert then.reached_us == known


def test_a_cleared_alert_comes_to_nothing() -> None:
    (alert,) = alerts([1, 20, 1], BOUNDED)
    assert alert.reaches == ()
    assert as_document(alert)["reaches"] == []


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


@pytest.mark.parametrize(
    ("seconds", "words"),
    [
        (0.5, "a second"),
        (90, "2 minutes"),
        (7200, "2 hours"),
        (86_400 * 30, "30 days"),
        (1e12, "1,000 years or more"),
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


# ---------------------------------------------------------------- what becomes of an alert


THREE = Policy({"advisory": 10 * DAY_US, "warning": 100 * DAY_US}, 0, 2 * MINUTE)
FALLS = [1.0] * 5 + [20.0, 200.0, 200.0] + [20.0] * 6 + [300.0] + [1.0] * 6


def changes(days: Sequence[float], policy: Policy = THREE, after_us: int | None = None) -> list[Change]:
    return [c for rows in rows_of(scores(days)) for c in changes_of(rows, policy, MINUTE, "model", after_us=after_us)]


def test_a_severity_falls_once_its_limit_was_passed_for_the_off_delay_and_rises_again() -> None:
    told = [(c.change, c.severity, c.at_us) for c in changes(FALLS)]
    assert told == [
        ("raised", "advisory", at(5)),
        ("severity_up", "warning", at(6)),
        ("severity_down", "advisory", at(10)),
        ("severity_up", "warning", at(14)),
        ("cleared", "warning", at(17)),
    ]


def test_the_severity_an_alert_came_to_stays_and_the_one_it_has_is_told_beside_it() -> None:
    (alert,) = alerts(FALLS[:12], THREE)
    assert (alert.severity, alert.severity_now) == ("warning", "advisory")
    (over,) = alerts(FALLS, THREE)
    assert (over.severity, over.severity_now) == ("warning", None)


@given(st.lists(st.sampled_from([1.0, 20.0, 200.0]), min_size=1, max_size=40), st.integers(1, 40))
@settings(max_examples=200, deadline=None)
def test_changes_are_the_same_whatever_comes_later(days: list[float], known: int) -> None:
    every, early = changes(days), changes(days[:known])
    assert early == [c for c in every if c.at_us < at(known)]
    assert [*early, *changes(days, after_us=at(known - 1))] == every


def test_a_stretch_on_which_nothing_stood_may_be_left_out() -> None:
    days = [20.0, 1.0, 1.0, 1.0, 1.0, *([1.0] * 2000), *FALLS]
    (rows,) = rows_of(scores(days))
    rests = np.flatnonzero(rests_at(rows, THREE))
    late = alerts_of(rows, THREE, MINUTE, "model", since=int(rests[-30]))
    assert late
    assert late == alerts(days, THREE)[-len(late) :]
