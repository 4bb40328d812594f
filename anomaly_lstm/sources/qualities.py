"""How good a value is, as a column beside it says: OPC words and codes."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from anomaly_lstm import arrow
from anomaly_lstm.arrow import Column
from anomaly_lstm.sources.cells import TRUE_FALSE, coded, is_text, read_numbers, sample_of
from anomaly_lstm.sources.vocabulary import BAD, GOOD, UNCERTAIN

Bool = NDArray[np.bool_]
Floats = NDArray[np.float64]

CODE_MOST = 255
"""An OPC DA quality is a byte: 192 and above is good, 64 to 191 uncertain, below 64 bad."""
UA_BAD = 1 << 31
"""An OPC UA status code is 0 when good and has its highest bit set when bad."""


def holds_quality(column: Column) -> bool:
    """Say whether all cells that hold anything are words or codes of quality; 0 and 1 alone could be anything."""
    sample = sample_of(column)
    if not len(sample):
        return False
    if is_text(sample):
        words, _ = coded(sample)
        if words and all(GOOD.fullmatch(word) or BAD.fullmatch(word) or UNCERTAIN.fullmatch(word) for word in words):
            return any(len(word) > 1 or word.casefold() in "gb" for word in words)
    codes = _codes(sample)
    filled = codes[np.isfinite(codes)]
    return len(filled) == len(sample) and (_is_da(filled) or _is_ua(filled))


def is_yes_or_no(column: Column) -> bool:
    """Say whether all cells that hold anything hold true or false."""
    if pa.types.is_boolean(column.type):
        return True
    return is_text(column) and read_numbers(sample_of(column), ".").states == TRUE_FALSE


def bad_by(column: Column) -> Bool:
    """Mark the rows whose quality is bad (n,); an empty cell or a word nobody knows says nothing."""
    if is_yes_or_no(column):
        none: Bool = _codes(column) == 0
        return none
    if is_text(column):
        words, place = coded(column)
        if any(GOOD.fullmatch(word) or BAD.fullmatch(word) or UNCERTAIN.fullmatch(word) for word in words):
            bad = np.array([*(bool(BAD.fullmatch(word)) for word in words), False])
            marked: Bool = bad[place]
            return marked
    codes = _codes(column)
    filled = codes[np.isfinite(codes)]
    if (filled > CODE_MOST).any():
        return codes >= UA_BAD
    return codes < 64


def word_of(column: Column) -> Column:
    """What is told of a bad value: ``quality Bad``, ``quality 0``."""
    texts = column if is_text(column) else pa.compute.cast(pa.compute.cast(column, pa.int64(), safe=False), pa.string())
    words, place = coded(texts)
    return arrow.from_codes([*(f"quality {word}" for word in words), "quality"], np.where(place < 0, len(words), place))


def _codes(column: Column) -> Floats:
    return read_numbers(column, ".").values


def _is_da(codes: Floats) -> bool:
    whole = bool(len(codes)) and bool(((codes >= 0) & (codes <= CODE_MOST) & (codes == np.floor(codes))).all())
    return whole and bool((codes >= 192).any())


def _is_ua(codes: Floats) -> bool:
    return (
        bool(((codes == 0) | (codes >= 1 << 30)).all())
        and bool((codes >= 1 << 30).any())
        and bool((codes < 1 << 32).all())
    )
