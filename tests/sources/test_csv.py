"""CSV as plants export it: every peculiarity is found out and said, and no row or cell goes silently."""

import gzip
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from anomaly_lstm.clock import iso, parse_time
from anomaly_lstm.errors import DataError, UsageError
from anomaly_lstm.sources import Reading, ReadOptions, read, stream


def write(folder: Path, text: str | bytes, name: str = "pump.csv") -> Path:
    path = folder / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return path


def said(reading: Reading, *words: str) -> bool:
    """Whether one note holds all of the words."""
    return any(all(word in note for word in words) for note in reading.notes)


def times(reading: Reading, asset: int = 0) -> list[str]:
    return [iso(int(moment)) for moment in reading.assets[asset].time_us]


def failure(path: Path | str, options: ReadOptions | None = None) -> str:
    with pytest.raises(DataError) as caught:
        read(path, options)
    return str(caught.value)


PLAIN = "time,a,b\n2020-03-09 10:21:00,1.5,2\n2020-03-09 10:22:00,2.5,\n"


def test_a_plain_file_is_one_asset_named_by_its_stem(tmp_path: Path) -> None:
    reading = read(write(tmp_path, PLAIN, "pump-07.csv"))
    (asset,) = reading.assets
    assert (asset.asset, asset.sensors) == ("pump-07", ("a", "b"))
    assert times(reading) == ["2020-03-09T10:21:00Z", "2020-03-09T10:22:00Z"]
    np.testing.assert_array_equal(asset.values, [[1.5, 2], [2.5, np.nan]])
    assert (reading.files[0].rows_read, reading.files[0].rows_kept) == (2, 2)
    assert said(reading, "asset", "'pump-07'", "--asset")
    assert said(reading, "UTC", "--zone")


@pytest.mark.parametrize(
    ("separator", "decimal"), [(",", "."), (";", "."), (";", ","), ("\t", "."), ("\t", ","), ("|", "."), ("|", ",")]
)
def test_separator_and_decimal_mark_are_found_and_said(tmp_path: Path, separator: str, decimal: str) -> None:
    reading = read(write(tmp_path, PLAIN.replace(",", separator).replace(".", decimal)))
    assert reading.assets[0].values[:, 0].tolist() == [1.5, 2.5]
    assert (reading.how.separator, reading.how.decimal) == (separator, decimal)
    assert said(reading, "separated by", f"'{decimal}'")


def test_a_decimal_comma_in_quotes_is_no_separator(tmp_path: Path) -> None:
    reading = read(write(tmp_path, 'time,a\n2020-01-01 00:00,"1,5"\n2020-01-01 00:01,"2,25"\n'))
    assert reading.assets[0].values[:, 0].tolist() == [1.5, 2.25]


def test_thousands_are_read_under_either_mark(tmp_path: Path) -> None:
    german = read(write(tmp_path, "time;a\n2020-01-01;1.234,5\n2020-01-02;12.345.678\n2020-01-03;7,5\n"))
    english = read(write(tmp_path, 'time,a\n2020-01-01 00:00,"1,234.5"\n2020-01-01 00:01,"12,345,678"\n'))
    assert german.assets[0].values[:, 0].tolist() == [1234.5, 12345678, 7.5]
    assert english.assets[0].values[:, 0].tolist() == [1234.5, 12345678]


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-16-be", "latin-1"])
def test_the_encoding_is_found_and_names_keep_their_letters(tmp_path: Path, encoding: str) -> None:
    name = r"\\srv\Área 2:TT%"
    path = write(tmp_path, f"time,{name}\n2020-01-01 00:00,1\n2020-01-01 00:01,2\n".encode(encoding))
    assert read(path).assets[0].sensors == (name,)


def test_a_packed_file_is_read(tmp_path: Path) -> None:
    reading = read(write(tmp_path, gzip.compress(PLAIN.encode()), "pump-07.csv.gz"))
    assert reading.assets[0].asset == "pump-07"


def test_names_are_stripped_and_a_name_twice_is_an_error(tmp_path: Path) -> None:
    assert read(write(tmp_path, " time , PIT-3101A.PV  \n2020-01-01,1\n")).assets[0].sensors == ("PIT-3101A.PV",)
    assert "'a'" in failure(write(tmp_path, "time,a,a \n2020-01-01,1,2\n"))


@pytest.mark.parametrize("name", ["", "Unnamed: 0"])
def test_a_nameless_column_that_numbers_the_rows_is_no_sensor(tmp_path: Path, name: str) -> None:
    reading = read(write(tmp_path, f"{name},time,a\n5,2020-01-01 00:00,1.5\n6,2020-01-01 00:01,2.5\n"))
    assert reading.assets[0].sensors == ("a",)
    assert said(reading, "numbers the rows", name or "column 1")


def test_a_separator_at_the_end_of_every_line_makes_no_sensor(tmp_path: Path) -> None:
    assert read(write(tmp_path, "time;a;\n2020-01-01;1;\n2020-01-02;2;\n")).assets[0].sensors == ("a",)


def test_the_separator_line_of_excel_is_no_header(tmp_path: Path) -> None:
    assert read(write(tmp_path, "sep=;\r\ntime;a\r\n2020-01-01;1\r\n")).assets[0].sensors == ("a",)


@pytest.mark.parametrize("name", ["Zeit", "FECHA", "Date/Time", "ds", "timestamp (UTC)", "when it was"])
def test_the_time_column_is_found_by_name_or_content(tmp_path: Path, name: str) -> None:
    reading = read(write(tmp_path, f"a,{name}\n1,2020-01-01 00:00\n2,2020-01-01 00:01\n"))
    assert reading.how.time == name
    assert said(reading, f"'{name}'")


def test_of_several_time_columns_one_is_taken_and_the_choice_is_said(tmp_path: Path) -> None:
    path = write(tmp_path, "inserted,time,a\n2020-01-01 00:05,2020-01-01,1\n2020-01-01 00:05,2020-01-02,2\n")
    reading = read(path)
    assert reading.how.time == "time"
    assert said(reading, "'time'", "'inserted'", "--time")
    assert times(read(path, ReadOptions(time="inserted"))) == ["2020-01-01T00:05:00Z"] * 2


def test_date_and_time_of_day_in_two_columns_are_put_together(tmp_path: Path) -> None:
    path = write(tmp_path, "Date;Time;a\n09.03.2020;10:21:00;1\n09.03.2020;10:22:00;2\n")
    reading = read(path)
    assert times(reading) == ["2020-03-09T10:21:00Z", "2020-03-09T10:22:00Z"]
    assert reading.assets[0].sensors == ("a",)
    assert times(read(path, reading.how)) == times(reading)


def test_without_a_time_column_the_columns_are_listed(tmp_path: Path) -> None:
    message = failure(write(tmp_path, "sample,a\n0,1.5\n1,2.5\n"))
    assert "'sample', 'a'" in message
    assert "--time" in message


def test_a_time_column_that_is_not_there_names_the_nearest(tmp_path: Path) -> None:
    assert "'timestamp'" in failure(write(tmp_path, "timestamp,a\n2020-01-01,1\n"), ReadOptions(time="timestmap"))


@pytest.mark.parametrize(
    ("cells", "expected"),
    [
        (["2020-03-09T10:21:00Z", "2020-03-09T10:22:00Z"], "2020-03-09T10:21:00Z"),
        (["2020-03-09T10:21:00+0200", "2020-03-09 10:22:00Z"], "2020-03-09T08:21:00Z"),
        (["2020-03-09 10:21:00.25", "2020-03-09 10:22"], "2020-03-09T10:21:00.250Z"),
        (["2020-03-09 10:21:00.123456789", "2020-03-09 10:22:00"], "2020-03-09T10:21:00.123456Z"),
        (["2020/3/9 10:21", "2020/3/9 10:22"], "2020-03-09T10:21:00Z"),
        (["3/9/2020 10:21", "3/13/2020 10:21"], "2020-03-09T10:21:00Z"),
        (["9/3/2020 10:21", "13/3/2020 10:21"], "2020-03-09T10:21:00Z"),
        (["09.03.2020 10:21", "09.03.2020 10:22"], "2020-03-09T10:21:00Z"),
        (["3/9/2020 10:21:30 PM", "3/13/2020 12:01:00 AM"], "2020-03-09T22:21:30Z"),
        (["09-Mar-20 10:21:00", "10-Mar-20 10:21:00"], "2020-03-09T10:21:00Z"),
        (["09-Mar-2020 10:21:00.5", "10-Mar-2020 10:21:00.5"], "2020-03-09T10:21:00.500Z"),
        (["1583749260", "1583749320"], "2020-03-09T10:21:00Z"),
        (["1583749260.25", "1583749320.25"], "2020-03-09T10:21:00.250Z"),
        (["1583749260000", "1583749320000"], "2020-03-09T10:21:00Z"),
        (["1583749260000000", "1583749320000000"], "2020-03-09T10:21:00Z"),
        (["1583749260000000123", "1583749320000000123"], "2020-03-09T10:21:00Z"),
        (["20200309102100", "20200309102200"], "2020-03-09T10:21:00Z"),
        (["20200309", "20200310"], "2020-03-09T00:00:00Z"),
        (["20200309T102100Z", "20200309T102200Z"], "2020-03-09T10:21:00Z"),
    ],
)
def test_times_are_read_in_every_common_form(tmp_path: Path, cells: list[str], expected: str) -> None:
    path = write(tmp_path, "time,a\n" + "".join(f"{cell},1.5\n" for cell in cells))
    reading = read(path)
    assert times(reading)[0] == expected
    assert reading.files[0].rows_kept == 2
    assert reading.how.time_format is not None
    assert times(read(path, reading.how)) == times(reading)


def test_one_impossible_date_settles_day_and_month_for_all_files(tmp_path: Path) -> None:
    write(tmp_path, "time,a\n01/02/2020 00:00,1\n", "a.csv")
    write(tmp_path, "time,a\n13/02/2020 00:00,1\n", "b.csv")
    reading = read(tmp_path)
    assert reading.how.time_format == "%d/%m/%Y %H:%M"
    assert times(reading, 0) == ["2020-02-01T00:00:00Z"]


def test_a_date_with_a_long_year_settles_those_with_short_years(tmp_path: Path) -> None:
    write(tmp_path, "time,a\n25/03/2026 00:00,1\n25/03/2026 00:01,1\n", "a.csv")
    write(tmp_path, "time,a\n05/03/26 00:00,1\n05/03/26 00:01,1\n", "b.csv")
    reading = read(tmp_path)
    assert times(reading, 1)[0] == "2026-03-05T00:00:00Z"
    assert said(reading, "either way round", "a.csv", "'25/03/2026 00:00' can only be that")


def test_one_mistyped_date_does_not_turn_all_others_round(tmp_path: Path) -> None:
    rows = [f"{day:02d}/03/2026 {hour:02d}:00,1" for day in range(1, 11) for hour in range(24)]
    good = read(write(tmp_path, "\n".join(["time,a", *rows, ""])))
    assert times(good)[-1] == "2026-03-10T23:00:00Z"
    rows[100] = "05/13/2026 04:00,1"
    error = failure(write(tmp_path, "\n".join(["time,a", *rows, ""])))
    assert "line 102: '05/13/2026 04:00' can only be month first" in error
    assert "--time-format" in error


def test_ambiguous_dates_are_read_the_way_time_runs_without_jumps(tmp_path: Path) -> None:
    rows = "".join(f"{day:02d}/04/2020 {hour:02d}:00,1\n" for day in range(3, 12) for hour in range(24))
    reading = read(write(tmp_path, "time,a\n" + rows))
    assert times(reading)[0] == "2020-04-03T00:00:00Z"
    assert said(reading, "either way round", "without jumps")


def test_dates_of_a_single_ambiguous_day_are_taken_month_first_and_this_is_said(tmp_path: Path) -> None:
    path = write(tmp_path, "time,a\n3/4/2020 00:00,1\n3/4/2020 00:01,2\n")
    assert times(read(path))[0] == "2020-03-04T00:00:00Z"
    assert said(read(path), "month first", "--time-format or [source] time_format")
    assert times(read(path, ReadOptions(time_format="%d/%m/%Y %H:%M")))[0] == "2020-04-03T00:00:00Z"


def test_rows_whose_time_is_unreadable_are_dropped_and_counted(tmp_path: Path) -> None:
    cells = ["2020-01-01 00:00", "soon", "2020-02-30 00:00", "", "9999-12-31 00:00", "2020-01-01 00:01"]
    cells += [f"2020-01-01 00:{minute:02d}" for minute in range(2, 9)]
    reading = read(write(tmp_path, "time,a\n" + "".join(f"{cell},1\n" for cell in cells)))
    (quality,) = reading.files
    assert (quality.rows_read, quality.rows_kept) == (13, 9)
    assert quality.dropped == {
        "time missing": 1,
        "time outside 1900 to 2200": 1,
        "no such date or time": 1,
        "time not readable": 1,
    }
    assert said(reading, "no such date or time is in line 4: '2020-02-30 00:00'")


def test_a_time_column_that_is_mostly_unreadable_is_an_error_with_its_line(tmp_path: Path) -> None:
    path = write(tmp_path, "time,a\n\n2020-01-01,1\nsoon,2\nlater,3\n")
    message = failure(path, ReadOptions(time="time", time_format="iso8601"))
    assert "line 4" in message
    assert "'soon'" in message
    assert "2 of 3" in message
    assert "--time-format or [source] time_format" in message


@pytest.mark.parametrize(
    ("text", "options"),
    [
        ("time,a\n12,1\n13,2\n", ReadOptions(time="time")),
        ("time,a\nsoon,1\nlater,2\n", ReadOptions(time="time")),
        ("sample,a\n0,1.5\n1,2.5\n", ReadOptions()),
    ],
)
def test_who_must_say_how_times_are_written_learns_of_the_option_and_of_the_key(
    tmp_path: Path, text: str, options: ReadOptions
) -> None:
    assert "--time-format or [source] time_format" in failure(write(tmp_path, text), options)


def test_naive_times_are_read_in_the_zone_and_aware_ones_are_not(tmp_path: Path) -> None:
    naive = write(tmp_path, "time,a\n2020-07-01 12:00,1\n", "naive.csv")
    aware = write(tmp_path, "time,a\n2020-07-01T12:00Z,1\n", "aware.csv")
    zone = ReadOptions(zone="America/Santiago")
    assert times(read(naive, zone)) == ["2020-07-01T16:00:00Z"]
    assert times(read(aware, zone)) == ["2020-07-01T12:00:00Z"]


def test_the_hour_that_comes_twice_loses_no_row(tmp_path: Path) -> None:
    cells = [f"2020-10-25 {hour:02d}:{minute:02d}" for hour in (1, 2, 2, 3) for minute in (0, 20, 40)]
    path = write(tmp_path, "time,a\n" + "".join(f"{cell},1\n" for cell in cells))
    moments = read(path, ReadOptions(zone="Europe/Berlin")).assets[0].time_us
    assert (np.diff(moments) == 1200 * 1_000_000).all()


def test_an_asset_column_splits_the_rows_and_keeps_its_zeros(tmp_path: Path) -> None:
    path = write(tmp_path, "machine_id,time,a\n007,2020-01-01,1\n8,2020-01-01,2\n007,2020-01-02,3\n,2020-01-03,4\n")
    reading = read(path)
    assert [(asset.asset, asset.values[:, 0].tolist()) for asset in reading.assets] == [("007", [1, 3]), ("8", [2])]
    assert reading.files[0].dropped == {"asset missing": 1}
    assert said(reading, "'machine_id'", "--asset")


def test_a_column_called_pump_that_holds_numbers_is_a_sensor(tmp_path: Path) -> None:
    assert read(write(tmp_path, "time,pump,a\n2020-01-01,0,1\n")).assets[0].sensors == ("pump", "a")
    assert [asset.asset for asset in read(write(tmp_path, "time,pump,a\n2020-01-01,P-1,1\n")).assets] == ["P-1"]


def test_files_of_one_asset_are_put_together(tmp_path: Path) -> None:
    write(tmp_path, "asset,time,a\nP1,2020-01-01,1\n", "jan.csv")
    write(tmp_path, "asset,time,a\nP1,2020-02-01,2\n", "feb.csv")
    (asset,) = read(tmp_path).assets
    assert asset.asset == "P1"
    assert sorted(asset.values[:, 0].tolist()) == [1, 2]
    assert len(asset.origins) == 2


def test_files_of_one_name_in_two_folders_are_two_assets(tmp_path: Path) -> None:
    for name in ("valve1/0.csv", "valve2/0.csv", "valve2/1.csv"):
        write(tmp_path, PLAIN, name)
    assert [asset.asset for asset in read(tmp_path).assets] == ["1", "valve1/0", "valve2/0"]


def test_a_long_table_becomes_wide_and_asynchronous_sensors_stay_missing(tmp_path: Path) -> None:
    text = (
        "asset,tag,timestamp,value\nP1,T,2020-01-01 00:00,1\nP1,p,2020-01-01 00:00,2\nP1,T,2020-01-01 00:01,3\n"
        "P2,T,2020-01-01 00:00,4\nP1,T,2020-01-01 00:00,Bad\n"
    )
    reading = read(write(tmp_path, text))
    first, second = reading.assets
    assert first.sensors == second.sensors == ("T", "p")
    np.testing.assert_array_equal(first.values, [[1, 2], [np.nan, np.nan], [3, np.nan]])
    np.testing.assert_array_equal(second.values, [[4, np.nan]])
    assert (reading.files[0].rows_read, reading.files[0].rows_kept) == (5, 5)
    assert reading.files[0].cells_not_numeric == {"T": {"Bad": 1}}
    assert (reading.how.layout, reading.how.sensor, reading.how.value) == ("long", "tag", "value")
    assert said(reading, "Long table", "'tag'")


def test_rows_of_long_sensors_left_out_are_counted(tmp_path: Path) -> None:
    path = write(tmp_path, "sensor,time,value\nT,2020-01-01,1\np,2020-01-01,2\n,2020-01-01,3\n")
    reading = read(path, ReadOptions(sensors=["temperature"], columns={"T": "temperature"}))
    assert reading.assets[0].sensors == ("temperature",)
    assert reading.files[0].dropped == {"sensor name missing": 1, "sensor left out": 1}


def test_text_is_no_sensor_and_this_is_said(tmp_path: Path) -> None:
    reading = read(write(tmp_path, "time,a,operator\n2020-01-01,1,Ann\n2020-01-02,2,Bob\n"))
    assert reading.assets[0].sensors == ("a",)
    assert said(reading, "Text", "'operator'")


def test_text_among_numbers_becomes_missing_and_is_counted(tmp_path: Path) -> None:
    cells = ["1.5", "Bad", "2.5", "", "#N/A", " 3.5 ", "inf", "nan", "No Data", "4.5", "5.5"]
    rows = "".join(f"2020-01-{day:02d},{cell}\n" for day, cell in enumerate(cells, start=1))
    reading = read(write(tmp_path, "time,a\n" + rows))
    good = reading.assets[0].values[:, 0]
    np.testing.assert_array_equal(good[np.isfinite(good)], [1.5, 2.5, 3.5, 4.5, 5.5])
    assert reading.files[0].cells_not_numeric == {"a": {"#N/A": 1, "Bad": 1, "No Data": 1, "inf": 1}}
    assert reading.files[0].rows_kept == len(cells)


def test_a_sensor_asked_for_by_name_stays_a_sensor_when_all_its_cells_are_bad(tmp_path: Path) -> None:
    reading = read(write(tmp_path, "time,a,b\n2020-01-01,Bad,1\n"), ReadOptions(sensors=["a", "b"]))
    assert reading.assets[0].sensors == ("a", "b")
    assert reading.files[0].cells_not_numeric == {"a": {"Bad": 1}}


def test_true_and_false_are_one_and_zero(tmp_path: Path) -> None:
    reading = read(write(tmp_path, "time,on\n2020-01-01,true\n2020-01-02,False\n2020-01-03,\n"))
    np.testing.assert_array_equal(reading.assets[0].values[:, 0], [1, 0, np.nan])


def test_sensors_are_renamed_then_chosen(tmp_path: Path) -> None:
    path = write(tmp_path, PLAIN)
    assert read(path, ReadOptions(columns={"a": "flow"}, sensors=["flow"])).assets[0].sensors == ("flow",)
    assert read(path, ReadOptions(exclude=["a"])).assets[0].sensors == ("b",)


@pytest.mark.parametrize(
    "options",
    [ReadOptions(sensors=["presure"]), ReadOptions(exclude=["presure"]), ReadOptions(columns={"presure": "p"})],
)
def test_a_sensor_that_is_not_there_names_the_nearest(tmp_path: Path, options: ReadOptions) -> None:
    with pytest.raises(UsageError, match="'pressure'"):
        read(write(tmp_path, "time,pressure\n2020-01-01,1\n"), options)


def test_a_span_is_half_open_and_rows_outside_are_counted(tmp_path: Path) -> None:
    path = write(tmp_path, "time,a\n" + "".join(f"2020-01-{day:02d},{day}\n" for day in range(1, 10)))
    options = ReadOptions(start_us=parse_time("2020-01-03"), end_us=parse_time("2020-01-05"))
    reading = read(path, options)
    assert reading.assets[0].values[:, 0].tolist() == [3, 4]
    assert reading.files[0].dropped == {"outside --start/--end": 7}
    assert len(read(path, reading.how).assets[0].time_us) == 9
    nothing = read(path, ReadOptions(start_us=parse_time("2021-01-01")))
    assert (list(nothing.assets), nothing.files[0].dropped) == ([], {"outside --start/--end": 9})


def test_a_sensor_that_only_some_files_have_is_missing_in_the_others(tmp_path: Path) -> None:
    write(tmp_path, "time,a,b\n2020-01-01,1,2\n", "x.csv")
    write(tmp_path, "time,a\n2020-01-01,3\n", "y.csv")
    reading = read(tmp_path)
    np.testing.assert_array_equal(reading.assets[1].values, [[3, np.nan]])
    assert said(reading, "'b'", "'y'")


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", ["empty"]),
        ("\n\n", ["empty"]),
        ("time,a\n", ["no rows"]),
        ("time,a\n2020-01-01,1\n2020-01-02,1,2\n", ["line 3", "3 column(s)", "2"]),
        ("time,a\n2020-01-01,1\n\n2020-01-0", ["line 4", "1 column(s)"]),
        ("2020-01-01 00:00,1.5\n2020-01-01 00:01,2.5\n", ["line 1", "names"]),
        ("time,who\n2020-01-01,Ann\n", ["no column holds numbers", "'who'"]),
        (b"PK\x03\x04\x00\x00\x00\x01\x02", ["cannot be unpacked"]),
    ],
)
def test_a_file_that_cannot_be_used_says_why(tmp_path: Path, text: str | bytes, words: list[str]) -> None:
    path = write(tmp_path, text)
    message = failure(path)
    for word in (str(path), *words):
        assert word in message


def test_an_empty_file_among_others_is_told_and_stops_nothing(tmp_path: Path) -> None:
    write(tmp_path, "time,a\n", "a.csv")
    write(tmp_path, PLAIN, "b.csv")
    reading = read(tmp_path)
    assert [(quality.rows_read, quality.rows_kept) for quality in reading.files] == [(0, 0), (2, 2)]
    assert said(reading, "a.csv", "no rows below")


CELLS = st.sampled_from(["2020-01-01 00:00", "2020-01-02", "2020-01-03T01:02:03Z", "", "?", "2020-02-30"])


@settings(deadline=None)  # machines may be busy
@given(
    st.lists(st.tuples(CELLS, st.sampled_from(["P1", "P2", ""]), st.sampled_from(["1", "-2.5", "Bad", ""])), min_size=1)
)
def test_every_row_is_kept_or_counted(
    tmp_path_factory: pytest.TempPathFactory, rows: list[tuple[str, str, str]]
) -> None:
    good = [("2020-01-01 00:00", "P1", "1")] * (len(rows) + 1)
    text = "time,asset,a\n" + "".join(",".join(row) + "\n" for row in good + rows)
    reading = read(write(tmp_path_factory.mktemp("csv"), text))
    (quality,) = reading.files
    assert quality.rows_read == 2 * len(rows) + 1
    assert quality.rows_read == quality.rows_kept + sum(quality.dropped.values())
    assert quality.rows_kept == sum(len(asset.time_us) for asset in reading.assets)
    usable = {"2020-01-01 00:00", "2020-01-02", "2020-01-03T01:02:03Z"}
    assert quality.rows_kept == len(good) + sum(time in usable and asset != "" for time, asset, _ in rows)


@settings(deadline=None)  # machines may be busy
@given(st.lists(st.floats(-1e6, 1e6).map(lambda value: round(value, 3)), min_size=1, max_size=30))
def test_numbers_survive_a_decimal_comma(tmp_path_factory: pytest.TempPathFactory, values: list[float]) -> None:
    rows = "".join(f"2020-01-01 00:00:{second:02d};{value:.3f}\n" for second, value in enumerate(values))
    path = write(tmp_path_factory.mktemp("csv"), "time;a\n" + rows.replace(".", ","))
    assert read(path).assets[0].values[:, 0].tolist() == values


def test_a_file_that_goes_on_in_the_second_pass_of_an_hour_is_read_on_there(tmp_path: Path) -> None:
    cells = [f"2020-10-25 {hour:02d}:{minute:02d}" for hour in (2, 2, 3) for minute in (0, 20, 40)]
    text = "time,a\n" + "".join(f"{cell},1\n" for cell in cells)
    path = write(tmp_path, text)
    whole = read(path, ReadOptions(zone="Europe/Berlin")).assets[0].time_us
    for done in range(1, len(cells)):
        head = "".join(text.splitlines(keepends=True)[: done + 1])
        options = ReadOptions(
            zone="Europe/Berlin", after={str(path): len(head)}, last_us={"pump": int(whole[done - 1])}, known=("a",)
        )
        assert read(path, options).assets[0].time_us.tolist() == whole[done:].tolist()


def test_a_new_file_that_begins_in_the_second_pass_of_an_hour_goes_on_from_the_last_row_known(tmp_path: Path) -> None:
    first = "time,a\n2020-10-25 02:00,1\n2020-10-25 02:20,1\n2020-10-25 02:40,1\n"
    known = read(write(tmp_path, first, "pump.csv"), ReadOptions(zone="Europe/Berlin")).assets[0].time_us
    path = write(tmp_path, first, "again.csv")
    options = ReadOptions(zone="Europe/Berlin", after={str(path): 0}, last_us={"again": int(known[-1])}, known=("a",))
    assert (read(path, options).assets[0].time_us - known == 3600 * 1_000_000).all()


def test_a_comma_in_every_time_does_not_part_the_columns(tmp_path: Path) -> None:
    rows = [f"02.03.2026 10:{n // 60:02d}:{n % 60:02d},000;1.208,44;1.453,78" for n in range(100)]
    path = tmp_path / "pump.csv"
    path.write_text("\n".join(["time;flow;temp", *rows]) + "\n")
    (asset,) = read(path).assets
    assert (asset.sensors, len(asset.time_us)) == (("flow", "temp"), 100)
    assert (asset.values == [1208.44, 1453.78]).all()


def test_a_mark_between_thousands_and_fillers_are_judged_alike_however_the_file_is_cut(tmp_path: Path) -> None:
    times = np.datetime_as_string(np.arange(2000) * 60 + np.datetime64("2026-03-02T10:00:00"))
    lines = [f"{t};{1.001 + n / 1e3:.3f};{n % 7}.5;{n + 1:,}" for n, t in enumerate(times)]
    lines[1500] = f"{times[1500]};3,010;-9999;1,501"
    path = tmp_path / "pump.csv"
    path.write_text("\n".join(["time;small;level;total", *lines, ""]))
    whole = read(path)
    cut = list(stream(path, size=20_000))
    assert len(cut) > 3
    told = [note for reading in cut for note in reading.notes]
    for said in (
        "AMBIGUOUS: 'small', line 1502: '3,010' has the mark between",
        "'level' holds -9999 in 1 cell(s), far from its other values (0.5 to 6.5)",
        "AMBIGUOUS: 'total', line 1001: '1,000' is read as 1000, with a mark between the thousands, by the decimal "
        "mark of the other numbers; 1001 such cell(s)",
    ):
        assert sum(said in note for note in whole.notes) == 1
        assert sum(said in note for note in told) == 1
    values = np.concatenate([reading.assets[0].values for reading in cut if reading.assets])
    np.testing.assert_array_equal(values, whole.assets[0].values)
    assert np.isnan(values[1500, 0])
    assert values[1500, 2] == 1501.0


def test_a_mark_between_thousands_in_a_long_table_goes_by_the_first_values_of_its_sensor(tmp_path: Path) -> None:
    lines = [f"2026-03-02 10:{n:02}:00,{tag},{cell}" for n in range(9) for tag, cell in (("a", f"1.00{n}"), ("b", n))]
    lines += ['2026-03-02 10:10:00,a,"3,010"', '2026-03-02 10:10:00,b,"3,010"']
    path = tmp_path / "pump.csv"
    path.write_text("\n".join(["time,tag,value", *lines, ""]))
    found = read(path)
    assert np.isnan(found.assets[0].values[-1, 0])
    assert found.assets[0].values[-1, 1] == 3010.0
    assert [note.partition(" ha")[0].partition(" is")[0] for note in found.notes if "AMBIG" in note] == [
        "AMBIGUOUS: 'a', line 20: '3,010'",
        "AMBIGUOUS: 'b', line 21: '3,010'",
    ]


def test_a_second_machine_that_begins_far_down_in_a_file_is_an_error_that_names_its_line(tmp_path: Path) -> None:
    times = np.datetime_as_string(np.arange(2000) * 60 + np.datetime64("2026-03-02T10:00:00"))
    path = tmp_path / "pumps.csv"
    path.write_text("\n".join(["time;who;flow", *(f"{t};{who};1.5" for who in "ab" for t in times), ""]))
    with pytest.raises(DataError, match=r"line 2002: column 'who' changes from 'a' to 'b'.*--asset 'who'"):
        list(stream(path, size=20_000))
    status = "\n".join(["time;who;flow", *(f"{t};{'ab'[n // 1500]};1.5" for n, t in enumerate(times)), ""])
    path.write_text(status)
    assert sum(len(raw.time_us) for reading in stream(path, size=20_000) for raw in reading.assets) == 2000

    head, *rows = status.splitlines()
    path.write_text("\n".join([head, *reversed(rows), ""]))
    assert sum(len(raw.time_us) for reading in stream(path, size=20_000) for raw in reading.assets) == 2000
