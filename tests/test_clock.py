"""Times and durations: what a person writes is what the program means."""

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from anomaly_lstm.clock import DAY, SECOND, format_duration, iso, parse_duration, parse_time, wall_to_utc
from anomaly_lstm.errors import UsageError

HOUR = 3600 * SECOND
BERLIN = "Europe/Berlin"


def us(text: str) -> int:
    """µs since 1970 on the clock that the text shows."""
    return (datetime.fromisoformat(text).replace(tzinfo=UTC) - datetime(1970, 1, 1, tzinfo=UTC)) // timedelta(
        microseconds=1
    )


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("500s", 500 * SECOND),
        ("1min", 60 * SECOND),
        ("5 min", 300 * SECOND),
        ("7d", 7 * DAY),
        ("1h30min", 90 * 60 * SECOND),
        ("1 h 30 min", 90 * 60 * SECOND),
        ("1w", 7 * DAY),
        ("250ms", 250_000),
        ("1.5h", 90 * 60 * SECOND),
        ("2 Days", 2 * DAY),
        ("0", 0),
    ],
)
def test_a_duration_is_read_as_written(text: str, expected: int) -> None:
    assert parse_duration(text) == expected


@pytest.mark.parametrize("text", ["", "5", "5m", "min", "-5min", "5min!", "5 parsecs", "1h-30min", "five min"])
def test_a_duration_without_a_known_unit_names_the_units(text: str) -> None:
    with pytest.raises(UsageError) as caught:
        parse_duration(text)
    assert repr(text) in str(caught.value)
    assert "w, d, h, min, s, ms, us" in str(caught.value)


@pytest.mark.parametrize(
    ("length", "text"),
    [
        (60 * SECOND, "1min"),
        (300 * SECOND, "5min"),
        (HOUR, "1h"),
        (7 * DAY, "7d"),
        (90 * 60 * SECOND, "1.5h"),
        (25 * HOUR, "1d1h"),
        (250_000, "250ms"),
        (0, "0s"),
        (-60 * SECOND, "-1min"),
    ],
)
def test_a_duration_is_written_shortly(length: int, text: str) -> None:
    assert format_duration(length) == text


@given(st.integers(0, 4000 * DAY))
def test_a_written_duration_is_read_back_exactly(length: int) -> None:
    assert parse_duration(format_duration(length)) == length


@pytest.mark.parametrize(
    ("text", "zone", "expected"),
    [
        ("2020-03-09 10:21", None, "2020-03-09T10:21:00Z"),
        ("2020-03-09", None, "2020-03-09T00:00:00Z"),
        ("2020-03-09T10:21:00Z", BERLIN, "2020-03-09T10:21:00Z"),
        ("2020-03-09T10:21:00+02:00", None, "2020-03-09T08:21:00Z"),
        ("2020-07-09 10:21", BERLIN, "2020-07-09T08:21:00Z"),
        ("2020-03-09T10:21:00.25Z", None, "2020-03-09T10:21:00.250Z"),
        ("2020-10-25 02:30", BERLIN, "2020-10-25T00:30:00Z"),
        ("2020-03-29 02:30", BERLIN, "2020-03-29T01:30:00Z"),
    ],
)
def test_a_time_is_read_in_its_zone_and_written_in_utc(text: str, zone: str | None, expected: str) -> None:
    assert iso(parse_time(text, zone)) == expected


@pytest.mark.parametrize("text", ["yesterday", "", "2020-13-01", "10:21", "2020-02-30"])
def test_a_time_that_is_none_shows_how_to_write_one(text: str) -> None:
    with pytest.raises(UsageError, match="2020-03-09 10:21"):
        parse_time(text)


def test_an_unknown_zone_names_the_nearest() -> None:
    with pytest.raises(UsageError, match="Europe/Berlin"):
        parse_time("2020-03-09", "Europe/Berlim")
    with pytest.raises(UsageError):
        parse_time("2020-03-09", "../etc/passwd")


@given(st.datetimes(datetime(1980, 1, 1), datetime(2035, 1, 1)), st.sampled_from([BERLIN, "America/Santiago", "UTC"]))
def test_local_times_agree_with_the_standard_library(moment: datetime, zone: str) -> None:
    expected = (moment.replace(tzinfo=ZoneInfo(zone)) - datetime(1970, 1, 1, tzinfo=UTC)) // timedelta(microseconds=1)
    assert wall_to_utc(np.array([us(moment.isoformat())]), zone).tolist() == [expected]


@pytest.mark.parametrize("minutes", [1, 7, 30, 60])
@pytest.mark.parametrize("backwards", [False, True])
def test_a_clock_that_goes_back_gives_back_the_true_times(minutes: int, backwards: bool) -> None:
    true = np.arange(us("2020-10-24T12:00:00"), us("2020-10-25T12:00:00"), minutes * 60 * SECOND)
    true = true[::-1] if backwards else true
    offset = np.where(true < us("2020-10-25T01:00:00"), 2 * HOUR, HOUR)
    assert (wall_to_utc(true + offset, BERLIN) == true).all()


def test_a_clock_that_goes_back_is_followed_in_each_series_by_itself() -> None:
    true = np.repeat(np.arange(us("2020-10-24T22:00:00"), us("2020-10-25T03:00:00"), 600 * SECOND), 2)
    series = np.tile([0, 1], len(true) // 2)
    true = true + 7 * SECOND * series
    by_series = np.concatenate([true[series == 1], true[series == 0]])
    offset = np.where(by_series < us("2020-10-25T01:00:00"), 2 * HOUR, HOUR)
    assert (wall_to_utc(by_series + offset, BERLIN, np.repeat([1, 0], len(true) // 2)) == by_series).all()


def test_a_skipped_hour_counts_with_the_offset_before_and_loses_no_row() -> None:
    wall = np.array([us("2020-03-29T01:59:00"), us("2020-03-29T02:30:00"), us("2020-03-29T03:00:00")])
    assert [iso(moment) for moment in wall_to_utc(wall, BERLIN)] == [
        "2020-03-29T00:59:00Z",
        "2020-03-29T01:30:00Z",
        "2020-03-29T01:00:00Z",
    ]
