from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from anomaly_lstm.delays import Standing, ran_out, standings
from anomaly_lstm.tables import State

S, N, B, OFF, W = State.SCORED, State.NO_DATA, State.SENSOR_BAD, State.OUT_OF_STATE, State.WARM_UP
HOLDING = [N, B, W]


def stand(levels: str, states: list[State] | None = None, on: int = 0, off: int = 0) -> list[Standing]:
    """Alarms over rows drawn as letters: H above the limit, d within the deadband, . below it."""
    above = np.array([letter == "H" for letter in levels], bool)
    below = np.array([letter == "." for letter in levels], bool)
    state = np.array(states if states is not None else [S] * len(levels), np.uint8)
    return standings(above, below, state, on, off)


def test_nothing_above_the_limit_raises_nothing() -> None:
    assert stand("..d..") == []
    assert stand("") == []


def test_without_delays_an_alarm_stands_exactly_while_the_score_is_high() -> None:
    assert stand("..HH..H.") == [Standing(2, 2, 4), Standing(6, 6, 7)]


def test_an_on_delay_is_the_scored_time_from_the_first_high_row() -> None:
    assert stand(".HHHH", on=2) == [Standing(1, 3, None)]
    assert stand(".HH.HH.", on=2) == []


def test_an_off_delay_is_the_scored_time_from_the_first_low_row() -> None:
    assert stand("H.....", off=3) == [Standing(0, 0, 4)]
    assert stand("H...H..", off=3) == [Standing(0, 0, None)]


def test_a_row_within_the_deadband_neither_raises_nor_clears() -> None:
    assert stand("dd") == []
    assert stand("Hdddd") == [Standing(0, 0, None)]
    assert stand("H.d.d.", off=1) == [Standing(0, 0, None)]


def test_a_row_within_the_deadband_ends_a_pending_on_delay() -> None:
    assert stand("HHdHHH", on=2) == [Standing(3, 5, None)]


@pytest.mark.parametrize("missing", HOLDING)
def test_time_without_a_score_does_not_count_towards_the_on_delay(missing: State) -> None:
    assert stand("HHHHH", [S, missing, missing, S, S], on=2) == [Standing(0, 4, None)]
    assert stand("HHHHH", [S, missing, missing, missing, S], on=2) == []


@pytest.mark.parametrize("missing", [*HOLDING, OFF])
def test_missing_data_never_clears_an_alarm(missing: State) -> None:
    assert stand("H.....", [S, *[missing] * 5], off=1) == [Standing(0, 0, None)]
    assert stand("H......", [S, S, *[missing] * 4, S], off=1) == [Standing(0, 0, 6)]


def test_a_stop_cancels_an_on_delay_that_is_still_counting() -> None:
    assert stand("HHHHH", [S, S, OFF, S, S], on=2) == []
    assert stand("HHHHHH", [S, S, OFF, S, S, S], on=2) == [Standing(3, 5, None)]


def test_a_stop_does_not_cancel_an_alarm_that_stands() -> None:
    assert stand("HHHH", [S, OFF, OFF, S], on=0) == [Standing(0, 0, None)]


def test_what_a_row_without_score_seems_to_say_is_not_read() -> None:
    assert stand("HHHHHH", [N, B, OFF, W, N, N]) == []


Rows = list[tuple[str, State]]
ROWS = st.lists(
    st.tuples(st.sampled_from("HHd.."), st.sampled_from([S, S, S, S, N, B, OFF, W])), min_size=0, max_size=60
)


def by_the_book(rows: Rows, on: int, off: int) -> list[Standing]:
    """ISA-18.2 as a person would do it with a stop-watch: one row after the other, everything written out."""
    alarms: list[Standing] = []
    standing_since: tuple[int, int] | None = None
    high: list[int] = []
    low: list[int] = []
    for now, (level, state) in enumerate(rows):
        if standing_since is None:
            if state == OFF:
                high = []
            elif state == S and level == "H":
                high.append(now)
                if len(high) - 1 >= on:
                    standing_since, high, low = (high[0], now), [], []
            elif state == S:
                high = []
        elif state == S:
            if level == ".":
                low.append(now)
                if len(low) - 1 >= off:
                    alarms.append(Standing(*standing_since, now))
                    standing_since, high = None, []
            else:
                low = []
    if standing_since is not None:
        alarms.append(Standing(*standing_since, None))
    return alarms


@given(ROWS, st.integers(0, 4), st.integers(0, 4))
@settings(max_examples=500, deadline=None)
def test_alarms_are_those_of_the_book(rows: Rows, on: int, off: int) -> None:
    assert stand("".join(level for level, _ in rows), [state for _, state in rows], on, off) == by_the_book(
        rows, on, off
    )


@given(ROWS, st.integers(0, 4), st.integers(0, 4), st.integers(0, 60))
@settings(max_examples=200, deadline=None)
def test_later_rows_change_no_alarm_but_when_it_clears(rows: Rows, on: int, off: int, n: int) -> None:
    levels, states = "".join(level for level, _ in rows), [state for _, state in rows]
    early, whole = stand(levels[:n], states[:n], on, off), stand(levels, states, on, off)
    assert [(a.begun, a.raised) for a in early] == [(a.begun, a.raised) for a in whole if a.raised < n]
    for before, after in zip(early, whole, strict=False):
        assert before.cleared == (after.cleared if after.cleared is not None and after.cleared < n else None)


def test_an_on_delay_has_run_out_on_every_row_from_where_it_would_raise() -> None:
    above = np.array([1, 1, 1, 1, 0, 1, 1, 1, 1], bool)
    states = np.array([S, S, N, S, S, S, OFF, S, S], np.uint8)
    assert np.flatnonzero(ran_out(above, states, 1)).tolist() == [1, 3, 8]
    assert not ran_out(above, np.full(9, N, np.uint8), 0).any()
    assert len(ran_out(above[:0], states[:0], 0)) == 0
