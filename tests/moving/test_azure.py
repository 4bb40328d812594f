from __future__ import annotations

import zipfile
from pathlib import Path

import pytest

from anomaly_lstm.errors import DataError
from anomaly_lstm.moving import MOVERS
from tests.moving.left import FAULT, START, TAUGHT, azure, azure_answers, sensors, write_table

AZURE = MOVERS["azure"]
MINUTE = 60_000_000
START_US = round(START.timestamp() * 1e6)


@pytest.mark.parametrize("packed", [False, True])
def test_a_file_per_variable_is_one_asset(tmp_path: Path, packed: bool) -> None:
    place = azure(tmp_path, packed=packed)
    moved = AZURE.look(place)
    assert (moved.asset, moved.paths, moved.source["time"]) == ("variables", (place,), "timestamp")
    assert "3 variables" in moved.told[0]


def test_a_folder_that_holds_the_zip_alone_is_as_good_as_the_zip(tmp_path: Path) -> None:
    place = azure(tmp_path, packed=True)
    home = tmp_path / "download"
    home.mkdir()
    moved = AZURE.look(place.rename(home / place.name).parent)
    assert (moved.asset, moved.paths) == ("download", (home / "variables.zip",))


def test_one_table_with_a_column_per_variable_is_read_as_it_is(tmp_path: Path) -> None:
    write_table(tmp_path / "all.csv", "timestamp", sensors(), range(10))
    moved = AZURE.look(tmp_path / "all.csv")
    assert (moved.asset, moved.told[0]) == ("all", "One table with 3 variables.")


def test_saved_answers_give_name_span_and_findings(tmp_path: Path) -> None:
    place = azure(tmp_path)
    azure_answers(place)
    moved = AZURE.look(place)
    assert (moved.asset, moved.start_us, moved.until_us) == ("pump-7", START_US, START_US + TAUGHT * MINUTE)
    (found,) = moved.flagged
    assert (found.start_us - START_US) // MINUTE == FAULT[0]
    assert (found.sensor, found.score) == ("pressure", 0.7)
    assert not moved.labels


def test_a_file_of_another_kind_between_them_is_named(tmp_path: Path) -> None:
    place = azure(tmp_path)
    (place / "notes.csv").write_text("who,what\n")
    with pytest.raises(DataError, match=r"notes\.csv: its columns are who, what"):
        AZURE.look(place)


def test_nothing_and_nowhere_are_errors_with_the_next_step(tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "empty.zip", "w"):
        pass
    for place in (tmp_path / "empty.zip", tmp_path / "nowhere"):
        with pytest.raises(DataError, match="Name the ZIP or folder"):
            AZURE.look(place)
