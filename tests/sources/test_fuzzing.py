"""Whatever comes in: a reading or one clear message, never a traceback, and every row is kept or counted."""

from __future__ import annotations

import bz2
import csv
import gzip
import io
import random
import zipfile
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from anomaly_lstm.errors import DataError, UsageError
from anomaly_lstm.sources import Reading, read, stream
from tests.sources.awkward import table, times

# ------------------------------------------------------------------------------------------- the law


def outcome(path: Path) -> Reading | str:
    """What comes of a file: a reading that accounts for every row, or the message of its error."""
    try:
        reading = read(path)
    except (DataError, UsageError) as problem:
        message = str(problem)
        assert path.name in message, f"which file? {message}"
        assert len(message) > len(str(path)) + 20
        return message
    for quality in reading.files:
        assert quality.rows_read == quality.rows_kept + sum(quality.dropped.values())
        assert min((quality.rows_kept, *quality.dropped.values())) >= 0
    if reading.how.layout == "wide":
        kept = sum(quality.rows_kept for quality in reading.files)
        assert kept == sum(len(asset.time_us) for asset in reading.assets)
    for asset in reading.assets:
        assert asset.values.shape == (len(asset.time_us), len(asset.sensors))
        assert not np.isinf(asset.values).any()
    return reading


# ------------------------------------------------------------------------------------------- texts with odd cells

STAMPS = st.one_of(
    st.datetimes().map(lambda t: t.isoformat(" ")),
    st.integers(0, 2_000).map(lambda n: f"2026-03-02T{n // 60 % 24:02}:{n % 60:02}:00Z"),
    st.integers(0, 2_000).map(lambda n: f"2026-03-02T{n // 60 % 24:02}:{n % 60:02}:00Z"),
    st.sampled_from(["", "soon", "0000-00-00", "99/99/9999", "2026-02-30", "1772445600", "NaN", "2026-03-02 25:61"]),
)
CELLS = st.one_of(
    st.floats().map(str),
    st.integers(-(10**30), 10**30).map(str),
    st.sampled_from(
        [
            *("", " ", "Bad", "#N/A", "NULL", "---", "1,5", "1.234,5", "1 234.5", "1'234", "12.3 bar", "5 %", "<0.5"),
            *(
                "true",
                "off",
                "'7",
                "-",
                "+",
                ".",
                ",",
                "1e",
                "e5",
                "--1",
                "٣",
                "½",
                "=1+1",
                "\ufeff1",
                "1\u00a0000",
                "\\",
            ),
            *('"', '""', '"x', "a;b", "a,b", "a\tb", "a|b", "a\nb", "a\r\nb", "a\rb", "#", "sep=;", "\x1b[0m", "\x7f"),
        ]
    ),
    st.text(st.characters(exclude_characters="\0", codec="utf-8"), max_size=8),
)
NAMES = st.lists(st.text(st.characters(exclude_characters="\0", codec="utf-8"), max_size=10), min_size=1, max_size=5)


@st.composite
def texts(draw: st.DrawFn) -> tuple[bytes, int | None]:
    """A well-formed table, and how many rows stand below its names (None: the names may not be found as such)."""
    separator = draw(st.sampled_from(",;\t|"))
    names = [name.strip() or "x" for name in draw(NAMES)]
    names = ["time", *(f"{name}{place}" for place, name in enumerate(names))]
    rows = draw(st.lists(st.tuples(STAMPS, *(CELLS for _ in names[1:])), max_size=12))
    out = io.StringIO()
    end = draw(st.sampled_from(["\n", "\r\n"]))
    plain = csv.writer(out, delimiter=separator, quoting=csv.QUOTE_MINIMAL, lineterminator=end)
    quoted = csv.writer(out, delimiter=separator, quoting=csv.QUOTE_ALL, lineterminator=end)
    draw(st.sampled_from([plain, quoted])).writerows([names, *rows])
    text = out.getvalue()
    encoding = draw(st.sampled_from(["utf-8", "utf-8", "utf-8-sig", "utf-16"]))
    records = list(csv.reader(io.StringIO(text, newline=""), delimiter=separator))
    rows_there = [record for record in records if len(record) > 1 or "".join(record).strip()]  # a blank line is none
    return text.encode(encoding), len(rows_there) - 1


def check_text(folder: Path, content: bytes, n_rows: int | None) -> None:
    path = folder / "pump.csv"
    path.write_bytes(content)
    found = outcome(path)
    if isinstance(found, Reading) and n_rows is not None and found.how.separator is not None:
        (quality,) = found.files
        assert quality.rows_read == n_rows


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large])
@given(texts())
def test_a_table_of_odd_cells_is_read_or_refused_and_no_row_is_lost(
    tmp_path_factory: pytest.TempPathFactory, text: tuple[bytes, int | None]
) -> None:
    check_text(tmp_path_factory.mktemp("text"), *text)


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.text(max_size=200), st.sampled_from(["utf-8", "utf-16", "latin-1"]))
def test_any_text_is_read_or_refused(tmp_path_factory: pytest.TempPathFactory, text: str, encoding: str) -> None:
    path = tmp_path_factory.mktemp("text") / "pump.csv"
    path.write_bytes(text.encode(encoding, errors="replace"))
    outcome(path)


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.binary(max_size=300))
def test_any_bytes_are_read_or_refused(tmp_path_factory: pytest.TempPathFactory, content: bytes) -> None:
    path = tmp_path_factory.mktemp("bytes") / "pump.csv"
    path.write_bytes(content)
    outcome(path)


# ------------------------------------------------------------------------------------------- good files, damaged


def _parquet() -> bytes:
    out = io.BytesIO()
    columns = {"time": pa.array(times()).cast(pa.timestamp("us", "UTC")), "flow": pa.array(np.arange(8.0))}
    columns |= {"mode": pa.array(["on", None, "off"] * 2 + ["on", "x"]), "count": pa.array(range(8))}
    pq.write_table(pa.table(columns), out)
    return out.getvalue()


def _zip(content: bytes) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("a/pump.csv", content)
        archive.writestr("b/pump.csv", content)
    return out.getvalue()


def _zstd(content: bytes) -> bytes:
    out = pa.BufferOutputStream()
    with pa.CompressedOutputStream(out, "zstd") as packed:
        packed.write(content)
    return bytes(out.getvalue())


LONG = "asset;time;tag;value;quality\n" + "".join(
    f"P{n % 2};2026-03-02 10:{n:02}:00;T{n % 3};{n},5;{'Good' if n % 5 else 'Bad'}\n" for n in range(12)
)
HEADED = "Report\nFrom;x\n\ntime;flow;temp\n;m3/h;°C\n" + table(separator=";", header="")[:-1] + "\nTotal;8\n"
GOOD: dict[str, bytes] = {
    "plain.csv": table().encode(),
    "german.csv": table(separator=";").replace(".", ",").encode("cp1252"),
    "quoted.csv": table(row='"{time}"{s}"{flow}"{s}"{temp}"', end="\r\n").encode("utf-8-sig"),
    "long.csv": LONG.encode(),
    "headed.csv": HEADED.encode(),
    "wide.txt": table(separator="   ").encode(),
    "sixteen.csv": table().encode("utf-16"),
    "packed.csv.gz": gzip.compress(table().encode()),
    "packed.csv.bz2": bz2.compress(table().encode()),
    "packed.csv.zst": _zstd(table().encode()),
    "packed.zip": _zip(table().encode()),
    "table.parquet": _parquet(),
}
SPICE = (
    b'"',
    b"'",
    b";",
    b",",
    b"\t",
    b"\n",
    b"\r",
    b"\0",
    b"#",
    b"\xff",
    b"\xfe",
    b"\xef\xbb\xbf",
    b" ",
    b"-",
    b"e",
    b"%",
)


def _damages(content: bytes, chance: random.Random) -> bytes:
    """The content with one to four wounds."""
    wounds: tuple[Callable[[bytes, int, int], bytes], ...] = (
        lambda data, at, n: data[:at] + bytes([data[at] ^ (1 << n % 8)]) + data[at + 1 :] if data else data,
        lambda data, at, n: data[:at] + bytes(chance.randrange(256) for _ in range(n % 9)) + data[at + n % 9 :],
        lambda data, at, n: data[:at] + SPICE[n % len(SPICE)] * (1 + n % 3) + data[at:],
        lambda data, at, n: data[:at] + data[at + n :],
        lambda data, at, n: data[: at + n] + data[at:],
        lambda data, at, n: data[:at],
        lambda data, at, n: data[at:],
        lambda data, at, n: data[:at] + data[at : at + n][::-1] + data[at + n :],
    )
    for _ in range(chance.randint(1, 4)):
        if content:
            content = chance.choice(wounds)(content, chance.randrange(len(content)), chance.randint(1, 40))
    return content


def damaged(seed: int, count: int) -> Iterator[tuple[str, bytes]]:
    """Damaged files: name and content; the same for the same seed."""
    for number in range(count):
        chance = random.Random(f"{seed}-{number}")
        name = chance.choice(list(GOOD))
        yield name, _damages(GOOD[name], chance)


def read_damaged(folder: Path, seed: int, count: int) -> tuple[int, int]:
    """How many of so many damaged files are read, and how many refused."""
    taken = refused = 0
    for number, (name, content) in enumerate(damaged(seed, count)):
        path = folder / name
        path.write_bytes(content)
        try:
            found = outcome(path)
            if number % 10 == 0 and isinstance(found, Reading):
                _same_in_parts(path, found)
        except Exception as problem:
            raise AssertionError(f"input {number} of seed {seed} ({name}): {content!r}") from problem
        taken, refused = taken + isinstance(found, Reading), refused + isinstance(found, str)
        path.unlink()
    return taken, refused


def _same_in_parts(path: Path, whole: Reading) -> None:
    """Read part by part, the same rows are kept or counted, or the file is refused."""
    try:
        readings = list(stream(path, size=120))
    except (DataError, UsageError):
        return
    files = [file for reading in readings for file in reading.files]
    assert sum(file.rows_read for file in files) == sum(file.rows_read for file in whole.files)
    for file in files:
        assert file.rows_read == file.rows_kept + sum(file.dropped.values())


def test_the_good_files_are_read(tmp_path: Path) -> None:
    for name, content in GOOD.items():
        (tmp_path / name).write_bytes(content)
        assert isinstance(outcome(tmp_path / name), Reading), outcome(tmp_path / name)


def test_a_damaged_file_is_read_or_refused_and_no_row_is_lost(tmp_path: Path) -> None:
    taken, refused = read_damaged(tmp_path, seed=0, count=400)
    assert taken > 50
    assert refused > 50


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(1, 9))
def test_many_damaged_files_are_read_or_refused_and_no_row_is_lost(tmp_path: Path, seed: int) -> None:
    read_damaged(tmp_path, seed, count=2_000)


@pytest.mark.slow
@settings(max_examples=5_000, deadline=None, suppress_health_check=list(HealthCheck))
@given(texts())
def test_many_tables_of_odd_cells_are_read_or_refused_and_no_row_is_lost(
    tmp_path_factory: pytest.TempPathFactory, text: tuple[bytes, int | None]
) -> None:
    check_text(tmp_path_factory.mktemp("text"), *text)
