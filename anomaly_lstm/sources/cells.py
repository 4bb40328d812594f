"""Cells of text or of any Arrow type → numbers, codes and marks, column by column."""

from __future__ import annotations

import contextlib
from collections.abc import Sequence

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from anomaly_lstm import arrow
from anomaly_lstm.arrow import Column, from_bools, from_ints, is_null, to_numpy

Int64 = NDArray[np.int64]
Floats = NDArray[np.float64]
Bool = NDArray[np.bool_]

NUMBER = r"^[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?$"
THOUSANDS = {",": r"^[+-]?\d{1,3}(\.\d{3})+(,\d+)?$", ".": r"^[+-]?\d{1,3}(,\d{3})+(\.\d+)?$"}
"""Numbers with marks between the thousands, by decimal mark."""
SAMPLE = 1000
MISSING_TEXT = arrow.texts(("", "nan", "nat", "na", "null", "none"))
"""Cells that plainly say "no value" (any case); other text in a number's place is counted as not numeric."""
TRUE_FALSE = arrow.texts(("true", "false"))
BLANK = arrow.text("")
NO_TEXT = pa.nulls(1, pa.string())[0]


def is_numeric(column: Column, decimal: str) -> bool:
    """Say whether more than half of the cells that hold anything hold a number (or all of them a yes or no)."""
    if is_text(column):
        sample = sample_of(column)
        values, bad = _numbers_from_text(sample, decimal)
        good = int(np.isfinite(values).sum())
        return good > bad or (good + bad > 0 and _all_yes_no(sample))
    kind = column.type
    return bool(
        pa.types.is_integer(kind)
        or pa.types.is_floating(kind)
        or pa.types.is_decimal(kind)
        or pa.types.is_boolean(kind)
        or pa.types.is_null(kind)
    )


def numbers_in(column: Column, decimal: str, keep: Bool | None = None) -> tuple[Floats, int]:
    """Numbers of the (kept) cells, NaN where missing, and how many held text, ±inf or more than single precision holds
    instead: a filler such as 1.8e308, and nothing that a sensor measures.
    """
    if keep is not None and not keep.all():
        column = column.take(from_ints(np.flatnonzero(keep)))
    if is_text(column):
        values, bad = _numbers_from_text(column, decimal)
    else:
        try:
            values, bad = to_numpy(pc.cast(column, pa.float64(), safe=False), np.float64), 0
        except (pa.ArrowInvalid, pa.ArrowNotImplementedError):  # times, bytes, lists: no kind of number
            values, bad = np.full(len(column), np.nan), len(column) - column.null_count
    infinite = np.abs(values) > np.finfo(np.float32).max
    if infinite.any():
        values = np.where(infinite, np.nan, values)
    return values, bad + int(infinite.sum())


def _numbers_from_text(column: Column, decimal: str) -> tuple[Floats, int]:
    """Read numbers from text: at one stroke where every cell is plain, else with blanks, thousands, true and false."""
    texts = texts_of(column)
    try:
        if decimal == "." or not pc.any(pc.match_substring(texts, ".")).as_py():
            return to_numpy(
                pc.cast(pc.replace_substring(texts, ",", ".") if decimal == "," else texts, pa.float64()), np.float64
            ), 0
    except pa.ArrowInvalid:
        pass
    texts = pc.utf8_trim_whitespace(texts)
    blank = is_blank(texts)
    if _all_yes_no(texts):
        truth = pc.if_else(pc.is_in(pc.utf8_lower(texts), value_set=MISSING_TEXT), NO_TEXT, pc.utf8_lower(texts))
        return to_numpy(pc.cast(pc.equal(truth, TRUE_FALSE[0]), pa.float64()), np.float64), 0
    mark, other = (",", ".") if decimal == "," else (".", ",")
    texts = pc.if_else(
        pc.match_substring_regex(texts, THOUSANDS[decimal]), pc.replace_substring(texts, other, ""), texts
    )
    if decimal == ",":
        texts = pc.if_else(pc.match_substring(texts, "."), NO_TEXT, pc.replace_substring(texts, mark, "."))
    plain = pc.match_substring_regex(texts, NUMBER)
    values = to_numpy(pc.cast(pc.if_else(plain, texts, NO_TEXT), pa.float64()), np.float64)
    return values, int((np.isnan(values) & ~blank).sum())


def is_measured(column: Column, decimal: str, asked: bool) -> bool:
    """Say whether a column holds numbers; one asked for by name does: a slice full of "Bad" is a sensor down."""
    if not is_text(column):
        return is_numeric(column, decimal)
    if asked or is_numeric(column, decimal):
        return True
    values, bad = _numbers_from_text(column, decimal)  # the sample may have missed the numbers, or all cells are empty
    return int(np.isfinite(values).sum()) > bad or bad == 0


def _all_yes_no(texts: Column) -> bool:
    """Say whether every cell that holds anything is true or false."""
    lower = pc.utf8_lower(pc.utf8_trim_whitespace(texts_of(texts)))
    truth = to_numpy(pc.is_in(lower, value_set=TRUE_FALSE), np.bool_)
    return bool(truth.any() and (truth | is_blank(lower)).all())


def is_blank(column: Column) -> Bool:
    """Mark cells that plainly say "no value" (n,)."""
    lower = pc.utf8_lower(pc.utf8_trim_whitespace(texts_of(column)))
    known: Bool = to_numpy(pc.is_in(lower, value_set=MISSING_TEXT), np.bool_)
    return known | is_null(column)


def coded(column: Column) -> tuple[tuple[str, ...], Int64]:
    """Distinct names in a column, in order of appearance, and each row's place among them (−1 where empty)."""
    if pa.types.is_floating(column.type):  # whole numbers with gaps come as floats: 7.0 means asset 7
        with contextlib.suppress(pa.ArrowInvalid):
            column = pc.cast(column, pa.int64())
    texts = pc.utf8_trim_whitespace(texts_of(column))
    return arrow.codes(pc.if_else(pc.equal(texts, BLANK), NO_TEXT, texts))


def words_in(column: Column) -> list[str]:
    """The distinct words in a column; cells that plainly say "no value" hold none."""
    return list(coded(column.filter(from_bools(~is_blank(column))))[0])


def places_of(column: Column, words: Sequence[str], keep: Bool) -> Floats:
    """Each kept cell's place among ``words`` (n_kept,), NaN where it holds none."""
    names, code = coded(column)
    place = {word: float(number) for number, word in enumerate(words)}
    return np.array([*(place.get(name, np.nan) for name in names), np.nan])[code][keep]


def texts_of(column: Column) -> Column:
    """The column as plain strings."""
    if pa.types.is_dictionary(column.type):
        column = pc.cast(column, column.type.value_type)
    return column if pa.types.is_string(column.type) else pc.cast(column, pa.string())


def is_text(column: Column) -> bool:
    kind = column.type.value_type if pa.types.is_dictionary(column.type) else column.type
    return bool(pa.types.is_string(kind) or pa.types.is_large_string(kind) or pa.types.is_string_view(kind))


def is_moment(column: Column) -> bool:
    return bool(pa.types.is_timestamp(column.type) or pa.types.is_date(column.type))


def sample_of(column: Column) -> Column:
    """At most `SAMPLE` cells spread over the column that are not empty."""
    filled = column.drop_null() if column.null_count else column
    if len(filled) <= SAMPLE:
        return filled
    return filled.take(from_ints(np.linspace(0, len(filled) - 1, SAMPLE).astype(np.int64)))


def share_of(column: Column, pattern: str) -> float:
    """Share of sampled cells in which a pattern is found."""
    sample = sample_of(texts_of(column))
    return (
        float(pc.mean(pc.cast(pc.match_substring_regex(sample, pattern), pa.float64())).as_py() or 0.0)
        if len(sample)
        else 0.0
    )
