"""Times and durations: what a person writes is what the program means."""

from datetime import UTC, datetime, timedelta
from random import Random
from zoneinfo import ZoneInfo

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from anomaly_lstm.clock import (
    DAY,
    EPOCH,
    SECOND,
    Int64,
    folds,
    format_duration,
    iso,
    parse_duration,
    parse_time,
    wall_to_utc,
    zone_name,
)
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


ZONES = [BERLIN, "America/Santiago", "Australia/Lord_Howe", "Asia/Kolkata", "America/St_Johns", "Africa/Casablanca"]
FOLDS = {
    zone: [fold for fold in folds(zone, us("2018-01-01T00:00:00"), us("2026-01-01T00:00:00")) if fold.length_us > 0]
    for zone in ZONES
}


def on_the_wall(true: Int64, zone: str) -> Int64:
    """What a local clock shows at true times."""
    offsets = [(EPOCH + timedelta(microseconds=int(t))).astimezone(ZoneInfo(zone)).utcoffset() for t in true]
    return np.asarray(
        true + np.array([offset // timedelta(microseconds=1) for offset in offsets if offset is not None])
    )


@st.composite
def around_a_fold(draw: st.DrawFn) -> tuple[str, Int64]:
    """A zone, and true times around one of the hours that came twice there: regular, with some rows missing."""
    zone = draw(st.sampled_from([zone for zone in ZONES if FOLDS[zone]]))
    fold = draw(st.sampled_from(FOLDS[zone]))
    period = draw(st.sampled_from([7, 60, 300, 420, 600, 900, 1200])) * SECOND
    begin = fold.first_us - fold.before_us - draw(st.integers(1, 90)) * 60 * SECOND
    true = np.arange(begin, fold.last_us - fold.after_us + draw(st.integers(0, 90)) * 60 * SECOND, period)
    return zone, true


@given(around_a_fold(), st.booleans())
def test_no_hour_is_lost_and_none_comes_twice_where_clocks_go_back(place: tuple[str, Int64], backwards: bool) -> None:
    zone, true = place
    true = true[::-1] if backwards else true
    assert (wall_to_utc(on_the_wall(true, zone), zone) == true).all()


@given(around_a_fold(), st.integers(2, 4), st.booleans())
def test_assets_in_one_file_have_clocks_of_their_own(place: tuple[str, Int64], n_assets: int, in_turn: bool) -> None:
    zone, true = place
    parts = [true + 11 * SECOND * asset for asset in range(n_assets)]
    rows = np.stack(parts, axis=1).ravel() if in_turn else np.concatenate(parts)
    series = np.tile(np.arange(n_assets), len(true)) if in_turn else np.repeat(np.arange(n_assets), len(true))
    assert (wall_to_utc(on_the_wall(rows, zone), zone, series) == rows).all()


@given(around_a_fold(), st.data())
def test_a_file_that_is_read_in_parts_keeps_its_place_in_the_hour(
    place: tuple[str, Int64], data: st.DataObject
) -> None:
    zone, true = place
    # With fewer rows in the hour, a part of one row does not tell that they come so rarely.
    assume(len(true) > 1 and 4 * (true[1] - true[0]) <= min(fold.length_us for fold in FOLDS[zone]))
    cuts = sorted(data.draw(st.lists(st.integers(0, len(true)), max_size=4)))
    wall = on_the_wall(true, zone)
    before: dict[int, tuple[int, int]] = {}
    found: list[int] = []
    for part in np.split(np.arange(len(true)), cuts):
        utc = wall_to_utc(wall[part], zone, None, before)
        found += utc.tolist()
        before = {0: (int(wall[part[-1]]), int(utc[-1]))} if len(part) else before
    assert found == true.tolist()


@given(around_a_fold(), st.data())
def test_a_row_that_comes_late_moves_no_other_row(place: tuple[str, Int64], data: st.DataObject) -> None:
    zone, true = place
    # With a handful of rows in the hour, one that is late and an hour that begins anew look the same.
    assume(len(true) > 1 and 8 * (true[1] - true[0]) <= min(fold.length_us for fold in FOLDS[zone]))
    late = data.draw(st.integers(0, len(true) - 1))
    behind = data.draw(st.integers(1, 3))
    order = np.argsort(np.where(np.arange(len(true)) == late, late + behind + 0.5, np.arange(len(true))), kind="stable")
    rows = true[order]
    others = order != late
    assert (wall_to_utc(on_the_wall(rows, zone), zone)[others] == rows[others]).all()


@given(around_a_fold())
def test_what_was_exported_twice_is_followed_each_time_anew(place: tuple[str, Int64]) -> None:
    zone, true = place
    assume(len(true) > 1)
    period = int(true[1] - true[0])
    hours = -(-8 * HOUR // period)  # before, so that the second export is seen to begin
    begin = true[0] - np.arange(hours, 0, -1) * period
    once = np.concatenate([begin, true])
    rows = np.concatenate([once, once])
    assert (wall_to_utc(on_the_wall(rows, zone), zone) == rows).all()


@given(around_a_fold(), st.randoms(use_true_random=False))
def test_rows_in_no_order_fill_both_passes_of_the_hour(place: tuple[str, Int64], random: Random) -> None:
    zone, true = place
    begin = true[0] - np.arange(100, 0, -1) * 3600 * SECOND
    rows = np.concatenate([begin, true]).tolist()
    random.shuffle(rows)
    found = wall_to_utc(on_the_wall(np.array(rows), zone), zone)
    assert len(found) == len(rows)
    length = FOLDS[zone][0].length_us
    if len(true) > 1 and length % (true[1] - true[0]) == 0:  # else no two times of the two passes are equal
        assert sorted(found.tolist()) == sorted(rows)


@pytest.mark.parametrize(
    ("name", "same"),
    [("UTC+1", "UTC+01:00"), ("+01:00", "UTC+01:00"), ("utc-0330", "UTC-03:30"), ("Europe/Berlin", "Europe/Berlin")],
)
def test_a_fixed_offset_is_a_zone(name: str, same: str) -> None:
    assert zone_name(name) == same
    assert zone_name(same) == same
    assert wall_to_utc(np.array([us("2020-01-01T12:00:00")]), "UTC+05:30").tolist() == [us("2020-01-01T06:30:00")]
