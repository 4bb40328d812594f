"""Files of JSON lines that only grow."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from anomaly_lstm import journal
from anomaly_lstm.errors import DataError


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "history.jsonl"


def numbers(path: Path, place: journal.Place = journal.START) -> list[int]:
    return [line["n"] for _, line in journal.after(path, place)]


def test_what_is_appended_is_read_in_order_and_only_once(path: Path) -> None:
    place = journal.append(path, [{"n": 1}, {"n": 2}])
    assert place is not None
    assert numbers(path) == [1, 2]
    assert numbers(path, place) == []
    journal.append(path, [{"n": 3}])
    assert numbers(path, place) == [3]


def test_a_place_read_is_the_place_written(path: Path) -> None:
    written = journal.append(path, [{"n": 1}, {"n": "ä\n"}])
    *_, (read, _) = journal.after(path)
    assert read == written == journal.Place.of(json.loads(json.dumps(journal.as_document(read))))


@pytest.mark.parametrize("cut", range(1, 9))
def test_a_torn_last_line_is_passed_over_and_removed_by_the_next_writer(path: Path, cut: int) -> None:
    journal.append(path, [{"n": 1}, {"n": 2}])
    whole = path.read_bytes()
    path.write_bytes(whole[:-cut])
    assert numbers(path) == [1]
    journal.append(path, [{"n": 3}])
    assert numbers(path) == [1, 3]
    assert path.read_bytes().endswith(b"\n")


def test_a_file_torn_in_its_first_line_begins_anew(path: Path) -> None:
    path.write_bytes(b'{"n": ' + b"1" * 200_000)
    journal.append(path, [{"n": 2}])
    assert path.read_bytes() == b'{"n": 2}\n'


def test_a_long_torn_line_is_cut_off_at_the_line_before(path: Path) -> None:
    journal.append(path, [{"n": 1}])
    with path.open("ab") as file:
        file.write(b'{"n": ' + b"1" * 200_000)
    journal.mend(path)
    assert path.read_bytes() == b'{"n": 1}\n'


def test_a_journal_begun_anew_does_not_hold_an_old_place(path: Path) -> None:
    journal.append(path, [{"n": 1}])
    place = journal.append(path, [{"n": 2}])
    assert place is not None
    assert journal.holds(path, place)
    path.unlink()
    assert not journal.holds(path, place)
    journal.append(path, [{"n": 7}, {"n": 8}, {"n": 9}])
    assert not journal.holds(path, place)
    assert journal.holds(path, journal.START)


def test_a_line_is_found_by_its_first_byte_only(path: Path) -> None:
    journal.append(path, [{"n": 1}, {"n": 2}])
    begins = [place.begin for place, _ in journal.after(path)]
    assert [journal.line_at(path, begin) for begin in begins] == [{"n": 1}, {"n": 2}]
    assert [journal.line_at(path, begins[1] + 1), journal.line_at(path, 999)] == [None, None]


def test_a_damaged_line_is_named_with_its_place(path: Path) -> None:
    path.write_bytes(b'{"n": 1}\nnonsense\n{"n": 3}\n')
    with pytest.raises(DataError, match=r"history\.jsonl is damaged at byte 9"):
        numbers(path)


def test_reading_what_is_new_does_not_read_what_is_old(path: Path) -> None:
    place = journal.append(path, [{"n": 1}])
    assert place is not None
    path.write_bytes(b"\0" * place.end + b'{"n": 2}\n')  # years of history that must not be looked at
    assert numbers(path, place) == [2]
