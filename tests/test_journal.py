"""Files of lines that only grow."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from anomaly_lstm.errors import DataError
from anomaly_lstm.journal import append, read


def line(number: int) -> dict[str, object]:
    return {"id": f"{number}", "note": "Übergabe\nzweite Zeile"}


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "run" / "actions.jsonl"


def test_lines_come_back_in_order_and_no_file_is_no_line(path: Path) -> None:
    assert read(path, "id") == []
    append(path, [line(1)], "id")
    append(path, [line(2), line(3)], "id")
    assert read(path, "id") == [line(1), line(2), line(3)]


def test_a_line_that_is_there_is_not_written_again(path: Path) -> None:
    append(path, [line(1), line(1)], "id")
    before = path.read_bytes()
    assert append(path, [line(1)], "id") == []
    assert path.read_bytes() == before
    assert append(path, [line(1), line(2)], "id") == [line(2)]


@pytest.mark.parametrize("kept", range(1, 12))
def test_a_line_torn_anywhere_is_left_out_and_cut_off_by_the_next_writer(path: Path, kept: int) -> None:
    append(path, [line(1)], "id")
    with path.open("ab") as file:
        file.write(json.dumps(line(2)).encode()[:kept])
    assert read(path, "id") == [line(1)]
    append(path, [line(3)], "id")
    assert read(path, "id") == [line(1), line(3)]


def test_a_whole_last_line_without_its_end_is_kept(path: Path) -> None:
    append(path, [line(1)], "id")
    path.write_bytes(path.read_bytes() + json.dumps(line(2)).encode())
    append(path, [line(3)], "id")
    assert read(path, "id") == [line(1), line(2), line(3)]


@pytest.mark.parametrize("wrong", ["no json", "[1]", '{"other": 1}'])
def test_a_damaged_line_is_named(path: Path, wrong: str) -> None:
    append(path, [line(1)], "id")
    path.write_text(path.read_text() + wrong + "\n")
    with pytest.raises(DataError, match="line 2"):
        read(path, "id")


def test_many_writers_at_once_lose_no_line(path: Path) -> None:
    program = (
        "import sys; from pathlib import Path; from anomaly_lstm.journal import append\n"
        "for i in range(20): append(Path(sys.argv[1]), [{'id': f'{sys.argv[2]}-{i}'}], 'id')"
    )
    writers = [subprocess.Popen([sys.executable, "-c", program, str(path), str(who)]) for who in range(3)]
    assert [writer.wait() for writer in writers] == [0, 0, 0]
    assert len(read(path, "id")) == 60
