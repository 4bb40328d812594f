"""Arrow ↔ NumPy without pandas.

Where pandas is installed, pyarrow (26) imports it behind `pa.array`, `pa.scalar`, `to_numpy`, `from_pylist`,
`pq.read_table` and every compute function that is given a plain Python value: half a second of CPU and 100 MB for
nothing. The functions here go by the buffers instead, so they are as fast and import nothing. Columns may be chunked
and sliced; missing is NaN in floats on one side, null on the other.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

Int64 = NDArray[np.int64]
Bool = NDArray[np.bool_]
Column = Any
"""A pyarrow.Array or ChunkedArray; pyarrow has no type hints that mypy could use."""

UTC_TIME = pa.timestamp("us", "UTC")
_DTYPES: Mapping[Any, type[Any]] = {
    pa.int64(): np.int64,
    pa.float32(): np.float32,
    pa.float64(): np.float64,
    pa.bool_(): np.bool_,
    UTC_TIME: np.int64,
}
_KINDS = {np.int64: pa.int64(), np.float32: pa.float32(), np.float64: pa.float64(), np.bool_: pa.bool_()}


# --- Arrow → NumPy ----------------------------------------------------------------------------------------------------


def to_numpy(column: Column, dtype: type[Any], empty: int = 0) -> NDArray[Any]:
    """Return a column of numbers, truths or times as a read-only array (n,), without a copy where that can be.

    ``dtype`` is np.int64, np.float32, np.float64 or np.bool_; the column is cast to it. Nulls become NaN in floats,
    ``empty`` in whole numbers, False in truths. Raises `pa.ArrowInvalid` when a cell does not fit.
    """
    array = pc.cast(whole(column), _KINDS[dtype])
    values = _cells(array, dtype)
    if array.null_count:
        fill = np.nan if issubclass(dtype, np.floating) else empty if dtype is np.int64 else False
        values = np.where(is_null(array), np.asarray(fill, dtype), values)
    values.flags.writeable = False
    return values


def times_to_numpy(column: Column) -> Int64:
    """Return a column of timestamps of any unit as [µs since 1970] (n,); 0 where null."""
    return to_numpy(pc.cast(pc.cast(column, pa.timestamp("us", column.type.tz), safe=False), pa.int64()), np.int64)


def is_null(column: Column) -> Bool:
    """Mark the cells that hold nothing (n,)."""
    return _cells(pc.is_null(whole(column)), np.bool_)


def codes(column: Column) -> tuple[tuple[str, ...], Int64]:
    """Distinct texts in order of appearance, and each row's place among them (n,), −1 where null."""
    coded = column.dictionary_encode()
    chunks = coded.unify_dictionaries().chunks if isinstance(coded, pa.ChunkedArray) else [coded]
    if not chunks:
        return (), np.empty(0, np.int64)
    places = [to_numpy(chunk.indices, np.int64, empty=-1) for chunk in chunks]
    return tuple(chunks[0].dictionary.to_pylist()), np.concatenate(places)


def places_in(column: Column, names: Sequence[str], empty: int = -1) -> Int64:
    """Return each row's place among known ``names`` (n,), ``empty`` where null or none of them."""
    return to_numpy(pc.index_in(column, value_set=texts(names)), np.int64, empty)


def whole(column: Column) -> Any:
    """Return the column as one array."""
    if not isinstance(column, pa.ChunkedArray):
        return column
    if column.num_chunks == 1:
        return column.chunk(0)
    return pa.concat_arrays(column.chunks) if column.num_chunks else pa.nulls(0, column.type)


def _cells(array: Any, dtype: type[Any]) -> NDArray[Any]:
    """What lies in the buffer of an array, nulls being anything; truths are unpacked from bits."""
    buffer = array.buffers()[1]
    if not len(array) or buffer is None:
        return np.zeros(len(array), dtype)
    if dtype is np.bool_:
        first = array.offset // 8
        packed = np.frombuffer(buffer, np.uint8, count=-(-(array.offset + len(array)) // 8) - first, offset=first)
        bits = np.unpackbits(packed, bitorder="little").view(np.bool_)
        return bits[array.offset % 8 :][: len(array)]
    return np.frombuffer(buffer, dtype, count=len(array), offset=array.offset * np.dtype(dtype).itemsize)


# --- NumPy → Arrow ----------------------------------------------------------------------------------------------------


def from_floats(values: NDArray[np.floating], kind: Any = None) -> Any:
    """Make an array of ``kind`` (float64, or float32) from numbers (n,); NaN becomes null."""
    kind = kind or pa.float64()
    numbers = np.asarray(values, _DTYPES[kind])
    return _array(kind, numbers, np.isnan(numbers))


def from_ints(values: NDArray[np.integer]) -> Any:
    """Make an int64 array from whole numbers (n,)."""
    return _array(pa.int64(), np.asarray(values, np.int64))


def from_bools(values: Bool) -> Any:
    """Make an array of truths from (n,)."""
    return _array(pa.bool_(), values)


def from_times(us: Int64) -> Any:
    """Make a timestamp[us, UTC] array from [µs since 1970 UTC] (n,)."""
    return _array(UTC_TIME, np.asarray(us, np.int64))


def texts(values: Iterable[str | None]) -> Any:
    """Make an array of strings; None becomes null."""
    words = [None if text is None else text.encode() for text in values]
    ends = np.cumsum([0, *(len(word or b"") for word in words)]).astype(np.int32)
    valid = _valid(np.array([word is None for word in words], np.bool_))
    data = pa.py_buffer(b"".join(word or b"" for word in words))
    return pa.StringArray.from_buffers(len(words), pa.py_buffer(ends), data, valid)


def text(value: str) -> Any:
    """Make a string scalar, as compute functions take beside a column."""
    return texts([value])[0]


def repeat_text(value: str, n: int) -> Any:
    """Make a column of n times the same text."""
    return pa.repeat(text(value), n)


def from_codes(names: Sequence[str], places: NDArray[np.integer]) -> Any:
    """Make an array of strings from the place of each row's text among ``names`` (n,): the reverse of `codes`."""
    return texts(names).take(from_ints(places))


def from_objects(values: Sequence[Any], kind: Any) -> Any:
    """Make an array from Python values: texts, floats, bools, times [µs], lists and mappings of them; None is null.

    A mapping may lack a field of its struct: null.
    """
    if pa.types.is_string(kind):
        return texts(values)
    missing = np.array([value is None for value in values], np.bool_)
    if pa.types.is_struct(kind):
        parts = [from_objects([(value or {}).get(field.name) for value in values], field.type) for field in kind]
        return pa.StructArray.from_arrays(parts, fields=list(kind), mask=_mask(missing))
    if pa.types.is_list(kind):
        ends = np.cumsum([0, *(len(value or ()) for value in values)]).astype(np.int32)
        offsets = pa.Array.from_buffers(pa.int32(), len(ends), [None, pa.py_buffer(ends)])
        inside = from_objects([item for value in values for item in value or ()], kind.value_type)
        return pa.ListArray.from_arrays(offsets, inside, type=kind, mask=_mask(missing))
    return _array(kind, np.array([0 if value is None else value for value in values], _DTYPES[kind]), missing)


def table_of(rows: Sequence[Mapping[str, Any]], schema: Any) -> Any:
    """Make a table from rows as Python mappings (see `from_objects`)."""
    columns = [from_objects([row.get(field.name) for row in rows], field.type) for field in schema]
    return pa.Table.from_arrays(columns, schema=schema)


def _array(kind: Any, values: NDArray[Any], missing: Bool | None = None) -> Any:
    data = np.packbits(values, bitorder="little") if values.dtype == np.bool_ else np.ascontiguousarray(values)
    valid = None if missing is None else _valid(missing)
    return pa.Array.from_buffers(kind, len(values), [valid, pa.py_buffer(data)])


def _valid(missing: Bool) -> Any:
    """The bits that say which cells hold something; None where all do."""
    return pa.py_buffer(np.packbits(~missing, bitorder="little")) if missing.any() else None


def _mask(missing: Bool) -> Any:
    return from_bools(missing) if missing.any() else None
