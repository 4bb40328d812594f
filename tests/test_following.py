"""Reading on in files of JSON lines that only grow."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from anomaly_lstm.errors import DataError
from anomaly_lstm.following import START, Place, after, as_document, holds, line_at
from anomaly_lstm.store import append_lines
from tests.told import append


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "history.jsonl"


def numbers(path: Path, place: Place = START) -> list[int]:
    return [line["n"] for _, line in after(path, place)]


def end_of(path: Path) -> Place:
    *_, (place, _) = after(path)
    return place


def test_what_is_new_is_read_in_order_and_only_once(path: Path) -> None:
    assert numbers(path) == []
    append(path, [{"n": 1}, {"n": 2}])
    assert numbers(path) == [1, 2]
    place = end_of(path)
    assert numbers(path, place) == []
    append(path, [{"n": 3}])
    assert numbers(path, place) == [3]


def test_a_place_can_be_kept_as_json(path: Path) -> None:
    append(path, [{"n": 1}, {"n": "ä\n"}])
    assert Place.of(json.loads(json.dumps(as_document(end_of(path))))) == end_of(path)


@pytest.mark.parametrize("cut", range(1, 9))
def test_a_torn_last_line_is_passed_over_and_the_next_writer_takes_its_place(path: Path, cut: int) -> None:
    append(path, [{"n": 1}, {"n": 2}])
    path.write_bytes(path.read_bytes()[:-cut])
    assert numbers(path) == [1]
    append_lines(path, [{"n": 3}], end_of(path).end)
    assert numbers(path) == [1, 3]
    assert path.read_bytes().endswith(b"\n")


def test_a_file_begun_anew_does_not_hold_an_old_place(path: Path) -> None:
    append(path, [{"n": 1}, {"n": 2}])
    place = end_of(path)
    assert holds(path, place)
    path.unlink()
    assert not holds(path, place)
    append(path, [{"n": 7}, {"n": 8}, {"n": 9}])
    assert not holds(path, place)
    assert holds(path, START)


def test_a_line_is_found_by_its_first_byte_only(path: Path) -> None:
    append(path, [{"n": 1}, {"n": 2}])
    begins = [place.begin for place, _ in after(path)]
    assert [line_at(path, begin) for begin in begins] == [{"n": 1}, {"n": 2}]
    assert [line_at(path, begins[1] + 1), line_at(path, 999)] == [None, None]


def test_a_damaged_line_is_named_with_its_place(path: Path) -> None:
    path.write_bytes(b'{"n": 1}\nnonsense\n{"n": 3}\n')
    with pytest.raises(DataError, match=r"history\.jsonl is damaged at byte 9"):
        numbers(path)


def test_reading_what_is_new_does_not_read_what_is_old(path: Path) -> None:
    append(path, [{"n": 1}])
    place = end_of(path)
    path.write_bytes(b"\0" * place.end + b'{"n": 2}\n')  # years of history that must not be looked at
    assert numbers(path, place) == [2]
