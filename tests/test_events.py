from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from anomaly_lstm.clock import parse_time
from anomaly_lstm.errors import DataError
from anomaly_lstm.events import BEFORE_FAILURE_US, NOT_NORMAL, Event, normal_rows, read_assets, read_events, touching
from anomaly_lstm.tables import EVENT_KINDS


def written(folder: Path, text: str) -> Path:
    path = folder / "events.csv"
    path.write_text(text, encoding="utf-8")
    return path


def event(kind: str, start: int, end: int, asset: str = "a") -> Event:
    return Event(asset, start, end, kind, None, None, "", 2)


HEADER = "asset,start,end,kind,sensor,failure_time,work_order,note,by\n"


def test_a_row_is_read_with_all_it_tells(tmp_path: Path) -> None:
    text = HEADER + 'pump-01,2026-03-01,2026-03-04T02:10:00Z,failure,temp,2026-03-04 02:00,WO-7,"hot, loud",me\n'
    (told,) = read_events(written(tmp_path, text))
    assert told == Event(
        asset="pump-01",
        start_us=parse_time("2026-03-01"),
        end_us=parse_time("2026-03-04T02:10:00Z"),
        kind="failure",
        sensor="temp",
        failure_us=parse_time("2026-03-04T02:00:00Z"),
        note="hot, loud",
        line=2,
    )


def test_times_without_offset_are_read_in_the_zone(tmp_path: Path) -> None:
    path = written(tmp_path, HEADER + "a,2026-01-01,2026-01-02T00:00:00Z,ignore,,,,,\n")
    (told,) = read_events(path, "America/Santiago")
    assert told.start_us == parse_time("2026-01-01T03:00:00Z")
    assert told.end_us == parse_time("2026-01-02T00:00:00Z")


def test_every_row_that_does_not_fit_is_named_with_its_line(tmp_path: Path) -> None:
    rows = [
        "a,2026-01-01,2026-01-02,maintenance,,,,,",
        "a,2026-01-01,2026-01-02,maintenence,,,,,",
        "a,,2026-01-02,anomaly,,,,,",
        "a,2026-01-03,2026-01-02,anomaly,,,,,",
        "a,yesterday,2026-01-02,anomaly,,,,,",
        "a,2026-01-01,,ignore,,,,,",
    ]
    with pytest.raises(DataError) as raised:
        read_events(written(tmp_path, HEADER + "\n".join(rows) + "\n"))
    said = str(raised.value)
    assert "5 rows do not fit" in said
    assert [f"line {n}:" in said for n in range(2, 8)] == [False, True, True, True, True, True]
    assert "Did you mean maintenance?" in said


def test_a_failure_told_without_its_start_began_a_week_before(tmp_path: Path) -> None:
    (told,) = read_events(written(tmp_path, HEADER + "a,,,failure,,2026-03-08,,,\n"))
    assert told.end_us == told.failure_us == parse_time("2026-03-08")
    assert told.start_us == told.end_us - BEFORE_FAILURE_US


def test_a_file_with_the_columns_of_a_spreadsheet_is_read(tmp_path: Path) -> None:
    path = written(tmp_path, "\ufeffkind; start; end\r\nnormal;2026-01-01;2026-01-02\r\n")
    (told,) = read_events(path)
    assert (told.asset, told.kind, told.sensor, told.note) == ("", "normal", None, "")


def test_a_file_without_the_kind_is_refused(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="column kind is missing"):
        read_events(written(tmp_path, "asset,start,end\n"))


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"none\.csv cannot be read"):
        read_events(tmp_path / "none.csv")


def test_a_file_that_is_not_utf8_is_named(tmp_path: Path) -> None:
    path = tmp_path / "events.csv"
    path.write_bytes(b"kind,note\nnormal,\xe9t\xe9\n")
    with pytest.raises(DataError, match="UTF-8"):
        read_events(path)


def test_events_of_one_asset_are_its_own_and_those_of_all() -> None:
    mine, others, everyones = event("ignore", 0, 1), event("ignore", 0, 1, "b"), event("ignore", 0, 1, "")
    assert touching([mine, others, everyones], "a") == [mine, everyones]


def test_spans_are_half_open() -> None:
    keep = normal_rows([event("maintenance", 2, 4)], "a", np.arange(6))
    assert keep.tolist() == [True, True, False, False, True, True]


@pytest.mark.parametrize("kind", EVENT_KINDS)
def test_rows_of_kinds_that_are_not_normal_are_left_out(kind: str) -> None:
    keep = normal_rows([event(kind, 1, 3)], "a", np.arange(4))
    assert keep.tolist() == [True, kind not in NOT_NORMAL, kind not in NOT_NORMAL, True]


def test_normal_overrules_in_whatever_order_it_is_told() -> None:
    told = [event("normal", 2, 3), event("failure", 1, 4)]
    expected = [True, False, True, False, True]
    assert normal_rows(told, "a", np.arange(5)).tolist() == expected
    assert normal_rows(told[::-1], "a", np.arange(5)).tolist() == expected


def test_another_assets_events_leave_the_rows_alone() -> None:
    assert normal_rows([event("failure", 0, 9, "b")], "a", np.arange(4)).all()


def test_assets_are_enabled_unless_they_say_no(tmp_path: Path) -> None:
    path = tmp_path / "assets.csv"
    path.write_text("asset,type,enabled\na,pump,\nb,pump,No\nc,pump,0\nd,pump,yes\n007,fan,false\n", encoding="utf-8")
    assets = read_assets(path)
    assert [a.asset for a in assets] == ["a", "b", "c", "d", "007"]
    assert [a.enabled for a in assets] == [True, False, False, True, False]
    assert assets[4].type == "fan"


def test_an_asset_neither_enabled_nor_not_is_named_with_its_line(tmp_path: Path) -> None:
    path = tmp_path / "assets.csv"
    path.write_text("asset,enabled\na,TRUE\nb,off\nc,1\nd,nein\n", encoding="utf-8")
    with pytest.raises(DataError) as raised:
        read_assets(path)
    said = str(raised.value)
    assert "2 rows do not fit" in said
    assert "line 3: enabled is 'off'" in said
    assert "line 5: enabled is 'nein'" in said


@pytest.mark.parametrize(
    ("row", "told"),
    [
        ("P1,,TRUE", "line 4: asset is 'P1', as in line 2; an asset has one row"),
        ("P3,sehr hoch,", "line 4: criticality is 'sehr hoch'; it must be high, medium or low"),
    ],
)
def test_an_asset_told_twice_or_of_an_unknown_criticality_is_named_with_its_line(
    row: str, told: str, tmp_path: Path
) -> None:
    path = tmp_path / "assets.csv"
    path.write_text(f"asset,criticality,enabled\nP1,High,false\nP2,c,\n{row}\n")
    with pytest.raises(DataError, match=r"assets\.csv: 1 row does not fit") as problem:
        read_assets(path)
    assert told in str(problem.value)


def test_a_name_that_holds_a_line_break_is_the_name_that_the_data_have(tmp_path: Path) -> None:
    path = tmp_path / "assets.csv"
    path.write_bytes(b'asset;site\r\n"new\nline";north\r\nP2;south\r\n')
    assert [(one.asset, one.site) for one in read_assets(path)] == [("new\nline", "north"), ("P2", "south")]
