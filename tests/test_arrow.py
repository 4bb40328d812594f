"""Arrow ↔ NumPy: the plain pyarrow calls are the oracle."""

from __future__ import annotations

import subprocess
import sys
from datetime import UTC, datetime
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from anomaly_lstm import arrow

FLOATS = [1.5, None, -0.0, 3e300, float("inf"), 7.0, 8.0, 9.0, 10.0, None, 12.0]
INTS = [1, None, -3, 2**62, 5, 6, 7, 8, 9, None, 11]
BOOLS = [True, None, False, True, True, False, False, True, True, None, True]
TEXTS = ["a", None, "", "Öl °C", "a", "b", "a", "b", "", None, "c"]


def shapes(values: list[Any], kind: Any) -> dict[str, Any]:
    """The same type of column in all the forms in which Arrow hands it out."""
    plain = pa.array(values, kind)
    return {
        "plain": plain,
        "without nulls": plain.drop_null(),
        "sliced": plain.slice(3, 5),
        "sliced over a byte": plain.slice(7),
        "sliced away": plain.slice(4, 0),
        "one chunk": pa.chunked_array([plain]),
        "chunks": pa.chunked_array([plain.slice(0, 3), plain.slice(3, 0), plain.slice(3, 8)]),
        "sliced chunks": pa.chunked_array([plain, plain]).slice(9, 5),
        "no chunks": pa.chunked_array([], kind),
        "empty": pa.array([], kind),
        "all null": pa.nulls(9, kind),
    }


SHAPES = list(shapes([], pa.int64()))


def oracle(column: Any, fill: Any) -> Any:
    return [fill if value is None else value for value in column.to_pylist()]


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize(
    ("values", "kind", "dtype", "fill"),
    [
        (FLOATS, pa.float64(), np.float64, np.nan),
        (FLOATS, pa.float32(), np.float32, np.nan),
        (FLOATS, pa.float32(), np.float64, np.nan),
        (INTS, pa.int64(), np.int64, -7),
        (INTS[4:], pa.uint8(), np.int64, -7),
        (INTS[4:], pa.int16(), np.float64, np.nan),
        (BOOLS, pa.bool_(), np.bool_, False),
        (BOOLS, pa.bool_(), np.float64, np.nan),
    ],
)
def test_a_column_becomes_the_array_that_python_values_would(
    values: list[Any], kind: Any, dtype: type[Any], fill: Any, shape: str
) -> None:
    column = shapes(values, kind)[shape]

    found = arrow.to_numpy(column, dtype, empty=-7)

    assert found.dtype == dtype
    assert not found.flags.writeable
    np.testing.assert_array_equal(found, np.array(oracle(column, fill), dtype))
    np.testing.assert_array_equal(arrow.is_null(column), [value is None for value in column.to_pylist()])


@pytest.mark.parametrize("shape", SHAPES)
def test_texts_become_names_and_places(shape: str) -> None:
    column = shapes(TEXTS, pa.string())[shape]

    names, places = arrow.codes(column)

    assert list(names) == [text for text in dict.fromkeys(column.to_pylist()) if text is not None]
    assert [None if place < 0 else names[place] for place in places] == column.to_pylist()
    known = {"b": 0, "a": 1}
    np.testing.assert_array_equal(arrow.places_in(column, ("b", "a"), 9), [known.get(x, 9) for x in column.to_pylist()])


@pytest.mark.parametrize("unit", ["s", "ms", "us", "ns"])
@pytest.mark.parametrize("zone", ["UTC", "Europe/Berlin", None])
def test_times_of_any_unit_become_microseconds(unit: str, zone: str | None) -> None:
    us = np.array([0, 1_583_749_260_000_000, -1_000_000], np.int64)
    column = pa.chunked_array([pa.array(us).cast(pa.timestamp("us", zone)).cast(pa.timestamp(unit, zone))])

    np.testing.assert_array_equal(arrow.times_to_numpy(column), us)


def test_nan_becomes_null_and_comes_back() -> None:
    values = np.array([np.nan, 1.5, np.inf, -2.0, np.nan, 5.0, 6.0, 7.0, 8.0])
    for kind in (pa.float64(), pa.float32()):
        made = arrow.from_floats(values, kind)
        made.validate(full=True)
        assert made.equals(pa.array(values.astype(kind.to_pandas_dtype()), kind, from_pandas=True))
        np.testing.assert_array_equal(arrow.to_numpy(made, np.float64), values)


@pytest.mark.parametrize("n", [0, 1, 8, 9])
def test_arrays_that_are_strided_or_empty_become_columns(n: int) -> None:
    numbers = np.arange(4.0 * n).reshape(n, 4)
    cases: list[tuple[Any, Any]] = [
        (arrow.from_floats(numbers[:, 1]), pa.array(numbers[:, 1])),
        (arrow.from_ints(np.arange(3 * n)[::3]), pa.array(np.arange(3 * n)[::3])),
        (arrow.from_ints(np.arange(n, dtype=np.uint8)), pa.array(np.arange(n))),
        (arrow.from_bools(np.arange(2 * n)[::2] % 3 == 0), pa.array(np.arange(2 * n)[::2] % 3 == 0)),
        (arrow.from_times(np.arange(n)), pa.array(np.arange(n)).cast(pa.timestamp("us", "UTC"))),
        (arrow.repeat_text("Öl", n), pa.array(["Öl"] * n, pa.string())),
        (arrow.from_codes(("x", "yy"), np.arange(n, dtype=np.uint8) % 2), pa.array((["x", "yy"] * n)[:n], pa.string())),
    ]
    for made, wanted in cases:
        made.validate(full=True)
        assert made.equals(wanted)


@settings(deadline=None)  # machines may be busy
@given(st.lists(st.none() | st.text()))
def test_any_texts_become_the_same_column(values: list[str | None]) -> None:
    try:
        wanted = pa.array(values, pa.string())
    except UnicodeEncodeError:
        return  # lone surrogates are no text
    made = arrow.texts(values)
    made.validate(full=True)
    assert made.equals(wanted)


@settings(deadline=None)  # machines may be busy
@given(st.lists(st.none() | st.booleans()), st.integers(0, 20), st.integers(0, 20))
def test_any_slice_of_truths_is_unpacked_right(values: list[bool | None], start: int, length: int) -> None:
    column = pa.array(values, pa.bool_()).slice(min(start, len(values)), length)

    assert arrow.to_numpy(column, np.bool_).tolist() == oracle(column, False)


def test_rows_with_lists_of_structs_become_a_table() -> None:
    inner = pa.struct([("sensor", pa.string()), ("share", pa.float64())])
    schema = pa.schema(
        [("id", pa.string()), ("on", pa.bool_()), ("at", pa.timestamp("us", "UTC")), ("sensors", pa.list_(inner))],
        metadata={b"run": b"{}"},
    )
    at = datetime(2020, 3, 9, 10, 21, tzinfo=UTC)
    rows: list[dict[str, Any]] = [
        {"id": "a", "on": True, "at": at, "sensors": [{"sensor": "x", "share": 0.5}, {"sensor": "y", "share": None}]},
        {"id": None, "on": None, "at": None, "sensors": []},
        {"id": "c", "sensors": None},
        {"id": "d", "sensors": [None, {"sensor": "z"}]},
    ]
    in_us = [row | {"at": round(at.timestamp() * 1e6) if row.get("at") else None} for row in rows]
    for n in (0, 1, 4):
        made = arrow.table_of(in_us[:n], schema)
        made.validate(full=True)
        assert made.equals(pa.Table.from_pylist(rows[:n], schema=schema), check_metadata=True)


EVERYTHING = """
import sys
import numpy as np
import pyarrow as pa
from anomaly_lstm import arrow

floats = arrow.from_floats(np.array([1.0, np.nan]))
chunks = pa.chunked_array([floats, floats])
arrow.to_numpy(chunks, np.float64), arrow.is_null(chunks), arrow.to_numpy(pa.chunked_array([], pa.int64()), np.int64)
arrow.codes(pa.chunked_array([arrow.texts(["a", None])])), arrow.codes(pa.chunked_array([], pa.string()))
arrow.places_in(arrow.texts(["a", None]), ("a", "b"))
arrow.times_to_numpy(arrow.from_times(np.arange(3)))
arrow.repeat_text("a", 3), arrow.from_codes(["a"], np.zeros(3, int)), arrow.from_bools(np.ones(3, bool))
inner = pa.list_(pa.struct([("b", pa.float64())]))
arrow.table_of([{"a": [{"b": None}, None]}, {"a": None}], pa.schema([("a", inner), ("c", pa.bool_())]))
print("pandas" in sys.modules)
"""


def test_nothing_here_imports_pandas() -> None:
    done = subprocess.run([sys.executable, "-c", EVERYTHING], capture_output=True, text=True, check=True)

    assert done.stdout.strip() == "False"
