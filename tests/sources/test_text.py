"""Text in parts: what is found out at the beginning holds to the end, and every row keeps its place."""

from __future__ import annotations

import gzip
import os
from pathlib import Path

import pyarrow as pa
import pytest

from anomaly_lstm.errors import DataError
from anomaly_lstm.sources import ReadOptions, csv, read, resolve, stream
from tests.sources.awkward import table

HEAD, *ROWS = table(separator=";").splitlines()
LONG = [f"2026-03-02T{n // 60:02}:{n % 60:02}:00Z;{n};{n / 2:g}" for n in range(1200)]


def written(folder: Path, *records: str, name: str = "pump.csv", encoding: str = "utf-8") -> Path:
    path = folder / name
    path.write_bytes(("\n".join(records) + "\n").encode(encoding))
    return path


def with_strays() -> list[str]:
    """Rows with names, comments, footers and separators too many between them."""
    rows = [*LONG[:100], HEAD, *LONG[100:400], "# stopped", "", "   ", *LONG[400:600], LONG[600] + ";;", *LONG[601:]]
    return ["Report", HEAD, ";m3/h;°C", *rows, "Total rows: 1200"]


@pytest.mark.parametrize("size", [100, 2_000, 1 << 20])
def test_strays_are_counted_once_however_a_text_is_cut(size: int, tmp_path: Path) -> None:
    path = written(tmp_path, *with_strays())
    parts = list(csv.parts(path, ReadOptions(), size))
    (whole,) = csv.parts(path, ReadOptions(), None)
    assert pa.concat_tables([part.table for part in parts]).equals(whole.table)
    counted: dict[str, int] = {}
    for part in parts:
        for reason, count in part.dropped.items():
            counted[reason] = counted.get(reason, 0) + count
    assert counted == dict(whole.dropped) == {"the names again": 1, "a comment": 1, "no row of the table": 1}
    assert whole.units == {"flow": "m3/h", "temp": "°C"}


def test_a_row_knows_its_line_whatever_stands_before_it(tmp_path: Path) -> None:
    path = written(tmp_path, *with_strays())
    lines = path.read_text().splitlines()
    for size in (500, None):
        rows = 0
        for part in csv.parts(path, ReadOptions(), size):
            for row in {0, part.table.num_rows // 2, part.table.num_rows - 1} & set(range(part.table.num_rows)):
                line = int(part.where(row).removeprefix("line "))
                assert lines[line - 1].split(";")[1] == part.table.column("flow")[row].as_py()
            rows += part.table.num_rows
        assert rows == 1200


def test_a_byte_that_is_no_utf_8_may_come_late(tmp_path: Path) -> None:
    path = tmp_path / "pump.csv"
    filler = "\n".join([HEAD + ";remark", *(f"{row};{'x' * 80}" for row in LONG * 60)])
    path.write_bytes(filler.encode() + "\n2026-03-03T00:00:00Z;1;2;Öl\n".encode("cp1252"))
    (part,) = csv.parts(path, ReadOptions(), None)
    assert part.table.column("remark")[-1].as_py() == "Öl"


def test_line_breaks_in_quotes_are_no_ends_of_rows_wherever_a_block_ends(tmp_path: Path) -> None:
    path = written(tmp_path, HEAD + ";remark", *(f'{row};"a\nb;""c"""' for row in LONG))
    for size in (50, 3_000, None):
        parts = [part.table for part in csv.parts(path, ReadOptions(), size)]
        remarks = pa.concat_tables(parts).column("remark").to_pylist()
        assert remarks == ['a\nb;"c"'] * 1200


def test_a_line_of_names_may_be_longer_than_what_is_looked_at_first(tmp_path: Path) -> None:
    names = [f"sensor {n} {'x' * 900}" for n in range(1_000)]
    path = written(tmp_path, ";".join(["time", *names]), *(f"{row.split(';')[0]}{';1' * 1_000}" for row in LONG[:30]))
    assert read(path).assets[0].sensors == tuple(names)


def test_a_packed_text_streams(tmp_path: Path) -> None:
    path = tmp_path / "pump.csv.gz"
    path.write_bytes(gzip.compress("\n".join([HEAD, *LONG, ""]).encode()))
    rows = sum(len(asset.time_us) for reading in stream(path, size=1_000) for asset in reading.assets)
    assert rows == 1200


def test_an_error_late_in_a_text_names_its_line(tmp_path: Path) -> None:
    path = written(tmp_path, "Report", HEAD, *LONG[:900], "2026-03-02T15:00:00Z;1", *LONG[901:])
    for size in (1_000, None):
        with pytest.raises(DataError, match=r"pump\.csv, line 903: has 2 column"):
            list(csv.parts(path, ReadOptions(), size))


def test_two_units_are_an_error_also_where_the_other_comes_late(tmp_path: Path) -> None:
    rows = [f"{row.split(';')[0]};{n} {'bar' if n < 1000 else 'psi'};1" for n, row in enumerate(LONG)]
    path = written(tmp_path, HEAD, *rows)
    for size in (1_000, 1 << 20):
        with pytest.raises(DataError, match=r"line 1002: column 'flow' is in 'psi' here and in 'bar'"):
            list(stream(path, size=size))


def test_states_are_the_same_numbers_in_a_slice_that_holds_one_of_them(tmp_path: Path) -> None:
    rows = [f"{row};{'On' if n < 600 else 'Off'}" for n, row in enumerate(LONG)]
    whole = read(written(tmp_path, HEAD + ";valve", *rows)).assets[0]
    known = ReadOptions(known=whole.sensors)
    slice_ = read(written(tmp_path, HEAD + ";valve", *rows[700:], name="late.csv"), known).assets[0]
    assert whole.values[:, 2].tolist() == [1.0] * 600 + [0.0] * 600
    assert slice_.values[:, 2].tolist() == [0.0] * 500


def test_symlinks_that_go_round_are_no_trap(tmp_path: Path) -> None:
    written(tmp_path, HEAD, *ROWS)
    (tmp_path / "round").symlink_to(tmp_path, target_is_directory=True)
    (tmp_path / "self.csv").symlink_to(tmp_path / "self.csv")
    assert resolve(tmp_path)[1] == [tmp_path / "pump.csv"]
    with pytest.raises(DataError, match=r"self\.csv"):
        read(tmp_path / "self.csv")


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read everything")
def test_a_file_that_may_not_be_read_is_named(tmp_path: Path) -> None:
    path = written(tmp_path, HEAD, *ROWS)
    path.chmod(0)
    with pytest.raises(DataError, match=r"pump\.csv: cannot be read: Permission denied"):
        read(path)
