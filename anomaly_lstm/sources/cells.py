"""Cells of text or of any Arrow type → numbers, codes and marks, column by column."""

from __future__ import annotations

import contextlib
import re
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from anomaly_lstm import arrow
from anomaly_lstm.arrow import Column, from_bools, from_ints, is_null, to_numpy
from anomaly_lstm.sources.units import KNOWN
from anomaly_lstm.sources.vocabulary import NO_VALUE_WORDS, STATE_PAIRS, STATE_WORDS
from anomaly_lstm.sources.words import WORDS_MOST, capped
from anomaly_lstm.words import clean

Int64 = NDArray[np.int64]
Floats = NDArray[np.float64]
Bool = NDArray[np.bool_]

NUMBER = r"^[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?$"
THOUSANDS = {",": r"^[+-]?\d{1,3}(\.\d{3})+(,\d+)?$", ".": r"^[+-]?\d{1,3}(,\d{3})+(\.\d+)?$"}
"""Numbers with marks between the thousands, by decimal mark."""
DOUBTFUL = {",": r"^[+-]?\d{1,3}\.\d{3}$", ".": r"^[+-]?\d{1,3},\d{3}$"}
"""Of these, those that would be a fraction under the other decimal mark: ``3,010`` may be 3.01."""
GROUPED = r"^[+-]?\d{1,3}([ \x{00a0}\x{2009}\x{202f}'’]\d{3})+([.,]\d+)?([eE][+-]?\d+)?$"
"""Numbers with a blank or an apostrophe between the thousands."""
WITH_UNIT = (
    r"^(?P<number>[+-]?[\d.,][\d.,'’ \x{00a0}\x{2009}\x{202f}]*(?:[eE][+-]?\d+)?)"
    r"[\s\x{00a0}\x{2009}\x{202f}]*(?P<unit>[^\d\s.,+'’-].*)$"
)
TRUE_FALSE = ("true", "false")
SIGN_BEHIND = r"^\d[\d.,]*-$"
ACCOUNTING = r"^\((\d[\d.,'’ \x{00a0}\x{2009}\x{202f}]*)\)$"
"""Negative numbers as accountants write them."""
SAMPLE = 1000
NOTHING = arrow.texts(("", "nan", "nat"))
"""Cells that hold nothing, however it is written; they are not counted."""
MISSING_TEXT = arrow.texts(("", "nan", "nat", "na", "null", "none"))
"""Cells that plainly say "no value" (any case), where words are wanted."""
NO_VALUE = arrow.texts(NO_VALUE_WORDS)
"""Words that stand for a missing value: counted, but they do not make a column one of text."""
ONE = arrow.texts(tuple(one for one, _ in STATE_PAIRS))
ONES, ZEROS = ("1", "1.0", "1,0"), ("0", "0.0", "0,0")
"""How a historian that writes states as words writes them now and then."""
ZERO = arrow.texts(tuple(zero for _, zero in STATE_PAIRS))
KNOWN_UNITS = arrow.texts(tuple(sorted(KNOWN - {"-", "none", "n/a"})))
BLANK = arrow.text("")
NO_TEXT = pa.nulls(1, pa.string())[0]
CELL_LENGTH = 60
"""So much of a cell is shown in a message."""
WORD_LENGTH = 40


@dataclass(frozen=True)
class Numbers:
    """What the cells of a column are as numbers.

    ``values`` (n,) NaN where missing; ``bad`` (n,) the cells that hold something, but no number, or ±inf or more than
    single precision holds: a filler such as 1.8e308, and nothing that a sensor measures. ``units`` are those that stood
    behind numbers, ``unit`` (n,) the place of each cell's among them, −1 for none; ``states`` the words that became one
    and zero. ``doubtful`` (n,) marks numbers whose mark between the thousands may be a decimal one.
    """

    values: Floats
    bad: Bool
    doubtful: Bool
    units: tuple[str, ...] = ()
    unit: Int64 | None = None
    states: tuple[str, str] | None = None


def is_numeric(column: Column, decimal: str, missing: Sequence[str] = ()) -> bool:
    """Say whether more than half of the cells that hold anything hold a number (or all of them one of two states).

    So it is too where they hold few words and many numbers: a sensor that was down for most of the time.
    """
    if is_text(column):
        sample = sample_of(_without(column, missing, decimal))
        good, bad, _ = _judged(sample, decimal)
        return good > bad or (good > 0 and _few_words_many_numbers(sample, decimal))
    kind = column.type
    return bool(
        pa.types.is_integer(kind)
        or pa.types.is_floating(kind)
        or pa.types.is_decimal(kind)
        or pa.types.is_boolean(kind)
        or pa.types.is_null(kind)
    )


def is_measured(column: Column, decimal: str, asked: bool, missing: Sequence[str] = ()) -> bool:
    """Say whether a column holds numbers; one asked for by name does: a slice full of "Bad" is a sensor down.

    ``missing`` is what somebody said stands for no value.
    """
    column = _without(column, missing, decimal)
    if not is_text(column):
        return is_numeric(column, decimal)
    if asked or is_numeric(column, decimal):
        return True
    good, bad, _ = _judged(column, decimal)  # the sample may have missed the numbers, or no cell has a value
    return good > bad or bad == 0


def stands_for_nothing(column: Column, missing: Sequence[str], decimal: str) -> Bool:
    """Mark the cells (n,) that hold what somebody said stands for no value: those words, or those numbers."""
    said = _none(column)
    if is_text(column):
        said = _is_in(_plain(texts_of(column)), arrow.texts([word.strip().casefold() for word in missing]))
    fillers = np.array([float(word) for word in missing if re.fullmatch(NUMBER, word.strip())])
    values = _numbers(column, decimal).values
    kind = np.float32 if pa.types.is_float32(column.type) else np.float64
    found: Bool = said | np.isin(values.astype(kind), fillers.astype(kind))
    return found


def _without(column: Column, missing: Sequence[str], decimal: str) -> Column:
    return column.filter(from_bools(~stands_for_nothing(column, missing, decimal))) if missing else column


def numbers_among_text(column: Column, decimal: str) -> tuple[int, int]:
    """How many cells of a column hold a number, and how many other text that stands for no missing value."""
    good, bad, _ = _judged(column, decimal)
    return good, bad


def _few_words_many_numbers(column: Column, decimal: str) -> bool:
    numbers = read_numbers(column, decimal)
    words = len(arrow.codes(_plain(texts_of(column)).filter(from_bools(numbers.bad)))[0])
    return words <= WORDS_MOST and len(np.unique(numbers.values[np.isfinite(numbers.values)])) > words


def _judged(column: Column, decimal: str) -> tuple[int, int, int]:
    """How many cells hold a number or a state, how many other text, how many a word for a missing value.

    One of two states alone is a word like any other: whether it is a state only the other one tells.
    """
    numbers = read_numbers(column, decimal)
    finite = np.isfinite(numbers.values)
    missing = int((numbers.bad & _is_in(_plain(texts_of(column)), NO_VALUE)).sum())
    if numbers.states not in (None, TRUE_FALSE) and len(np.unique(numbers.values[finite])) < 2:
        return 0, int(finite.sum()), missing
    return int(finite.sum()), int(numbers.bad.sum()) - missing, missing


def holds_words(column: Column, decimal: str) -> bool:
    """Say whether a column holds words where someone looks for them: also those that are two states."""
    if not is_measured(column, decimal, asked=False):
        return True
    return is_text(column) and read_numbers(column, decimal).states not in (None, TRUE_FALSE)


def numbers_in(column: Column, decimal: str, keep: Bool | None = None) -> tuple[Floats, int]:
    """Numbers of the (kept) cells, NaN where missing, and how many hold something that is none (see `Numbers`)."""
    found = read_numbers(column, decimal, keep)
    return found.values, int(found.bad.sum())


def read_numbers(column: Column, decimal: str, keep: Bool | None = None, missing: Sequence[str] = ()) -> Numbers:
    """What the (kept) cells of a column are as numbers; its places count kept cells only.

    What somebody said stands for no value (``missing``) is none, and bad.
    """
    if keep is not None and not keep.all():
        column = column.take(from_ints(np.flatnonzero(keep)))
    nothing = stands_for_nothing(column, missing, decimal) if missing else None
    if nothing is None or not nothing.any():
        return _numbers(column, decimal)
    left = pc.if_else(from_bools(nothing), pa.nulls(1, column.type)[0], column)
    found = _numbers(left, decimal)
    return replace(found, bad=found.bad | nothing)


def _numbers(column: Column, decimal: str) -> Numbers:
    if is_text(column):
        found = _from_text(texts_of(column), decimal)
    else:
        try:
            found = Numbers(to_numpy(pc.cast(column, pa.float64(), safe=False), np.float64), *2 * (_none(column),))
        except (pa.ArrowInvalid, pa.ArrowNotImplementedError):  # times, bytes, lists: no kind of number
            found = Numbers(np.full(len(column), np.nan), ~is_null(column), _none(column))
    infinite = np.abs(found.values) > np.finfo(np.float32).max
    if infinite.any():
        found = replace(found, values=np.where(infinite, np.nan, found.values), bad=found.bad | infinite)
    return found


def words_of(column: Column, marked: Bool) -> dict[str, int]:
    """What the marked cells hold: the commonest words, each with its count, the rest as ``other``."""
    if not marked.any():
        return {}
    cells = column.filter(from_bools(marked))
    try:
        texts = _clipped(texts_of(cells))
    except (pa.ArrowInvalid, pa.ArrowNotImplementedError):  # bytes, lists: no words to be told
        return {str(column.type): int(marked.sum())}
    names, place = arrow.codes(texts)
    return capped(dict(zip(names, np.bincount(place[place >= 0], minlength=len(names)).tolist(), strict=True)))


def _clipped(texts: Column) -> Column:
    return pc.utf8_slice_codeunits(pc.utf8_trim_whitespace(texts), 0, WORD_LENGTH)


def _none(column: Column) -> Bool:
    return np.zeros(len(column), dtype=bool)


def _plain(texts: Column) -> Column:
    return pc.utf8_lower(pc.utf8_trim_whitespace(texts))


def _is_in(texts: Column, words: Column) -> Bool:
    found: Bool = to_numpy(pc.is_in(texts, value_set=words), np.bool_)
    return found


def _from_text(texts: Column, decimal: str) -> Numbers:
    """Read numbers from text: at one stroke where every cell is plain, else cell by cell."""
    with contextlib.suppress(pa.ArrowInvalid):
        if decimal == "." or not pc.any(pc.match_substring(texts, ".")).as_py():
            plain = pc.replace_substring(texts, ",", ".") if decimal == "," else texts
            return Numbers(to_numpy(pc.cast(plain, pa.float64()), np.float64), *2 * (_none(texts),))
    texts = arrow.whole(pc.utf8_trim_whitespace(texts))
    nothing = is_null(texts) | _is_in(pc.utf8_lower(texts), NOTHING)
    states = _states_in(texts, nothing)
    if states:
        return _from_states(texts, nothing, states)
    values, doubtful = _plain_numbers(texts, decimal)
    odd = np.flatnonzero(np.isnan(values) & ~nothing)
    if not len(odd):
        return Numbers(values, _none(texts), doubtful)
    cells, behind = _without_unit(_bare(texts.take(from_ints(odd))))
    values, doubtful = values.copy(), doubtful.copy()
    values[odd], doubtful[odd] = _plain_numbers(cells, decimal)
    units, place = arrow.codes(behind)
    unit = np.full(len(texts), -1, dtype=np.int64)
    unit[odd] = np.where(np.isfinite(values[odd]), place, -1)
    return Numbers(values, np.isnan(values) & ~nothing, doubtful, units, unit if units else None)


def _plain_numbers(texts: Column, decimal: str) -> tuple[Floats, Bool]:
    """Numbers with or without marks between the thousands, NaN where a cell is none, and which are doubtful."""
    mark, other = (",", ".") if decimal == "," else (".", ",")
    doubtful = to_numpy(pc.match_substring_regex(texts, DOUBTFUL[decimal]), np.bool_)
    texts = pc.if_else(
        pc.match_substring_regex(texts, THOUSANDS[decimal]), pc.replace_substring(texts, other, ""), texts
    )
    if decimal == ",":
        texts = pc.if_else(pc.match_substring(texts, "."), NO_TEXT, pc.replace_substring(texts, mark, "."))
    plain = pc.match_substring_regex(texts, NUMBER)
    return to_numpy(pc.cast(pc.if_else(plain, texts, NO_TEXT), pa.float64()), np.float64), doubtful


def _bare(texts: Column) -> Column:
    """Numbers without what people and programs put around them: quotes, other minus signs, blanks in the thousands."""
    texts = pc.utf8_trim_whitespace(pc.utf8_trim(texts, characters="'\"’`"))
    texts = pc.replace_substring(texts, "\u2212", "-")
    texts = pc.replace_substring_regex(texts, ACCOUNTING, r"-\1")
    behind = pc.match_substring_regex(texts, SIGN_BEHIND)
    return pc.if_else(behind, pc.replace_substring_regex(texts, r"^(.*)-$", r"-\1"), texts)


def _without_unit(texts: Column) -> tuple[Column, Column]:
    """The cells without a unit behind the number and without blanks in it, and the units (null where there is none)."""
    parts = pc.extract_regex(texts, WITH_UNIT)
    unit = pc.utf8_trim_whitespace(pc.struct_field(parts, "unit"))
    known = pc.is_in(pc.utf8_lower(unit), value_set=KNOWN_UNITS)
    cells = pc.if_else(known, pc.utf8_trim_whitespace(pc.struct_field(parts, "number")), texts)
    grouped = pc.match_substring_regex(cells, GROUPED)
    cells = pc.if_else(grouped, pc.replace_substring_regex(cells, r"[ \x{00a0}\x{2009}\x{202f}'’]", ""), cells)
    return cells, pc.if_else(known, unit, NO_TEXT)


def _states_in(texts: Column, nothing: Bool) -> tuple[str, str] | None:
    """The two states that all cells hold, but those that stand for a missing value; None where there are others."""
    words = _plain(texts)
    first = next(iter(np.flatnonzero(~nothing & ~_is_in(words, NO_VALUE))), None)
    if first is None or words[int(first)].as_py() not in {*STATE_WORDS, *ONES, *ZEROS}:
        return None
    names = {name for name in arrow.codes(words.unique())[0] if name is not None}
    held = names - {"", "nan"}
    said = (held - set(NO_VALUE_WORDS) if not held <= STATE_WORDS else held) - {*ONES, *ZEROS}
    return next(((one, zero) for one, zero in STATE_PAIRS if said <= {one, zero}), None) if said else None


def _from_states(texts: Column, nothing: Bool, states: tuple[str, str]) -> Numbers:
    words = _plain(texts)
    one, zero = (
        _is_in(words, arrow.texts((state, *digits))) for state, digits in zip(states, (ONES, ZEROS), strict=True)
    )
    values = np.where(one, 1.0, np.where(zero, 0.0, np.nan))
    return Numbers(values, ~nothing & ~one & ~zero, _none(texts), states=states)


def is_blank(column: Column) -> Bool:
    """Mark cells that plainly say "no value" (n,)."""
    return _is_in(_plain(texts_of(column)), MISSING_TEXT) | is_null(column)


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


def as_written(column: Column, row: int) -> str:
    """A cell as a message shows it: without what a terminal would obey, whatever it holds."""
    try:
        return clean(str(column[row].as_py()).strip()[:CELL_LENGTH])
    except (ValueError, OverflowError):  # a moment beyond those of Python, bytes that are no text
        return f"a {column.type} that cannot be shown"


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
