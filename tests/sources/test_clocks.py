"""Clocks of a plant: what is found out of them over the parts of a file, and what they are when they go wrong."""

from __future__ import annotations

import json
from collections import Counter
from datetime import UTC, datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from anomaly_lstm import pipeline as verbs
from anomaly_lstm import sources
from anomaly_lstm.clock import DAY, SECOND, parse_time
from anomaly_lstm.errors import DataError, UsageError
from anomaly_lstm.sources import ReadOptions
from anomaly_lstm.sources.calendar import MONTHS, month_numbers
from anomaly_lstm.sources.formats import likely_formats, number_format
from anomaly_lstm.sources.resets import far_off
from anomaly_lstm.sources.times import parse_times, read_times
from anomaly_lstm.sources.zones import zone_in_name

BERLIN = "Europe/Berlin"


def test_no_word_means_two_months() -> None:
    words = [(word, number) for number, names in enumerate(MONTHS, start=1) for word in names.split()]
    assert max(Counter(word for word, _ in words).values()) == 1
    assert month_numbers(pa.array([word.title() for word, _ in words])).tolist() == [number for _, number in words]
    assert month_numbers(pa.array(["", "decade", None])).tolist() == [0, 0, 0]


@pytest.mark.parametrize(
    ("column", "zone"),
    [
        ("Time (UTC+1)", "UTC+01:00"),
        ("Zeit [UTC-03:30]", "UTC-03:30"),
        ("Timestamp [America/Santiago]", "America/Santiago"),
        ("time_utc", "UTC"),
        ("DateTime UTC", "UTC"),
        ("TimestampGMT", "UTC"),
        ("Time (GMT+0530)", "UTC+05:30"),
        ("time", None),
        ("Time (s)", None),
        ("Time [local]", None),
        ("Time (Mars/Olympus)", None),
        ("outcut", None),
    ],
)
def test_the_name_of_a_column_may_tell_the_zone(column: str, zone: str | None) -> None:
    assert zone_in_name(column) == zone


def awkward_rows() -> list[str]:
    """Rows in local time around the hour that comes twice, some late, some without a time."""
    first = datetime(2026, 10, 24, 22, tzinfo=UTC)
    true = [first + timedelta(minutes=5 * place) for place in range(80)]
    cells = [f"{moment.astimezone(ZoneInfo(BERLIN)):%d.%m.%Y %H:%M}" for moment in true]
    cells[20], cells[50], cells[60] = "soon", "31.02.2026 10:00", "31.12.9999 00:00"
    cells[30], cells[31] = cells[31], cells[30]
    return [f"{cell},{place % 7}" for place, cell in enumerate(cells)]


@pytest.mark.parametrize("part_bytes", [60, 150, 400])
def test_what_clocks_did_is_the_same_however_a_file_is_cut(part_bytes: int, tmp_path: Path) -> None:
    source = tmp_path / "pump.csv"
    source.write_text("\n".join(["time,flow", *awkward_rows()]) + "\n")
    reports = []
    for name, size in (("once", 1 << 26), ("parts", part_bytes)):
        verbs.ingest(source, tmp_path / name, read=ReadOptions(zone=BERLIN), part_bytes=size)
        reports.append(json.loads((tmp_path / name / "quality.json").read_text()))
    once, parts = reports
    assert sorted(parts["notes"]) == sorted(once["notes"])
    assert parts["files"] == once["files"]
    assert parts["assets"] == once["assets"]
    assert once["files"][0]["dropped"] == {
        "no such date or time": 1,
        "time not readable": 1,
        "time outside 1900 to 2200": 1,
    }
    assert any("12 row(s) in its first pass, 12 in its second" in note for note in once["notes"])
    assert (once["assets"][0]["holes"], once["assets"][0]["gaps"]) == (3, 0)


def test_a_month_first_among_days_first_is_refused_however_late_it_comes(tmp_path: Path) -> None:
    rows = [f"{day:02d}/03/2026 10:{minute:02d},{minute}" for day in range(13, 28) for minute in range(60)]
    (tmp_path / "pump.csv").write_text("\n".join(["time,flow", *rows, "03/29/2026 10:00,1"]) + "\n")
    for size in (2000, 1 << 26):
        with pytest.raises(DataError, match="line 902: '03/29/2026 10:00'"):
            list(sources.stream(tmp_path / "pump.csv", size=size))
    told = ReadOptions(time_format="%d/%m/%Y %H:%M")
    (quality,) = sources.read(tmp_path / "pump.csv", told).files
    assert quality.dropped == {"no such date or time": 1}


def test_a_file_that_is_mostly_no_times_is_refused_however_it_is_cut(tmp_path: Path) -> None:
    rows = [f"2026-03-02 10:{minute:02d},1" for minute in range(20)] + ["soon,1"] * 30
    (tmp_path / "pump.csv").write_text("\n".join(["time,flow", *rows]) + "\n")
    for size in (100, 1 << 26):
        with pytest.raises(DataError, match=r"line 22: column 'time' holds 'soon'.*30 of 50"):
            list(sources.stream(tmp_path / "pump.csv", ReadOptions(time="time", time_format="iso8601"), size))


@given(st.lists(st.integers(parse_time("1970-01-01") // SECOND, parse_time("2100-01-01") // SECOND), max_size=40))
def test_most_rows_are_never_left_out(seconds: list[int]) -> None:
    off = far_off(np.array(seconds, dtype=np.int64) * SECOND)
    assert off.sum() * 2 <= len(seconds)


def test_years_of_rest_are_no_fault_of_a_clock() -> None:
    before = parse_time("2015-03-01") + np.arange(400) * 60 * SECOND
    after = parse_time("2021-06-01") + np.arange(900) * 60 * SECOND
    assert not far_off(np.r_[before, after]).any()
    yearly = parse_time("2000-01-01") + np.arange(12) * 365 * DAY
    assert not far_off(yearly).any()


def test_a_logger_that_wakes_up_long_ago_is_left_out_until_it_knows_the_time_again() -> None:
    right = parse_time("2026-03-01") + np.arange(1000) * 60 * SECOND
    lost = parse_time("2000-01-01") + np.arange(300) * 60 * SECOND
    off = far_off(np.r_[right[:500], lost, right[500:]])
    assert off.tolist() == [False] * 500 + [True] * 300 + [False] * 500


@settings(deadline=None)
@given(st.lists(st.text(st.characters(codec="utf-8"), max_size=24), min_size=1, max_size=12))
def test_no_text_breaks_the_search_for_times(texts: list[str]) -> None:
    column = pa.chunked_array([pa.array(texts)])
    for form in likely_formats(column):
        assert len(parse_times(column, form)) == len(texts)
    number_format(column, ".")


MARKS = st.sampled_from([*"0123456789:-/., TZ+eEº", "am", "Mar", "mar."])


@settings(deadline=None)
@given(st.lists(st.lists(MARKS, max_size=22).map("".join), min_size=1, max_size=12))
def test_no_likeness_of_a_time_breaks_the_search_for_times(texts: list[str]) -> None:
    column = pa.chunked_array([pa.array(texts)])
    for form in likely_formats(column):
        times = read_times(column, form)
        assert (times.us[times.readable] >= parse_time("1900-01-01")).all()
    for form in ("epoch_s", "epoch_ns", "filetime", "excel", "matlab", "elapsed", "elapsed_d", "counter:2026-03-01"):
        assert len(read_times(column, form, ",", 3600 * SECOND)) == len(texts)


@pytest.mark.parametrize("form", ["unix", "%d/%m", "counter:soon", "epoch", "%Q"])
def test_a_form_that_is_none_says_which_there_are(form: str, tmp_path: Path) -> None:
    (tmp_path / "pump.csv").write_text("time,flow\n1,2\n2,3\n")
    with pytest.raises(UsageError, match=r"time|period"):
        sources.read(tmp_path / "pump.csv", ReadOptions(time="time", time_format=form, step_us=SECOND))


@pytest.mark.parametrize("size", [1, 10_000])
@pytest.mark.parametrize(("other", "month"), [("25.03.2026", 3), ("2026-03-25", 3), ("25/03/2026", 2)])
def test_a_date_that_fits_both_ways_goes_by_files_that_write_so_and_by_no_others(
    other: str, month: int, size: int, tmp_path: Path
) -> None:
    for name, date in (("a", "03/02/2026"), ("b", other), ("c", "03/02/2026")):
        (tmp_path / f"{name}.csv").write_text(f"time,flow\n{date} 10:00,1\n{date} 10:01,2\n")
    readings = list(sources.stream(tmp_path, size=size))
    found: dict[str, int] = {}
    for raw in (raw for reading in readings for raw in reading.assets):
        found.setdefault(raw.asset, int(raw.time_us[0]))
    there = parse_time(f"2026-{month:02}-{5 - month:02}T10:00:00Z")
    assert found == {"a": there, "b": parse_time("2026-03-25T10:00:00Z"), "c": there}
    assert any("AMBIGUOUS" in note for reading in readings for note in reading.notes)


@pytest.mark.parametrize("size", [1, 10_000])
def test_files_that_contradict_each_other_in_day_and_month_are_an_error_however_they_are_read(
    size: int, tmp_path: Path
) -> None:
    for name, date in (("a", "03/02/2026"), ("b", "25/03/2026"), ("c", "03/25/2026")):
        (tmp_path / f"{name}.csv").write_text(f"time,flow\n{date} 10:00,1\n{date} 10:01,2\n")
    with pytest.raises(DataError, match=r"can only be (day|month) first, but .* can only be"):
        list(sources.stream(tmp_path, size=size))
