"""Columns of times, written in a known format → µs since 1970 on a local clock or in UTC."""

from __future__ import annotations

import re
from dataclasses import dataclass, replace

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from anomaly_lstm import arrow
from anomaly_lstm.arrow import Column, is_null, to_numpy
from anomaly_lstm.clock import SECOND
from anomaly_lstm.errors import UsageError
from anomaly_lstm.sources.cells import BLANK, NO_TEXT, is_moment, numbers_in, texts_of

Int64 = NDArray[np.int64]
Bool = NDArray[np.bool_]

EARLIEST_US, LATEST_US = -2_208_988_800 * SECOND, 7_258_118_400 * SECOND
"""1900 and 2200: times beyond are sentinels such as 9999-12-31, not measurements."""
ISO = "iso8601"
EPOCHS = {"epoch_s": 1e8, "epoch_ms": 1e11, "epoch_us": 1e14, "epoch_ns": 1e17}
"""Numbers since 1970 and the least size [their unit] taken for them, 1973; the greatest is 41 times that, 2100."""
TICKS_PER_SECOND = {"epoch_s": 1, "epoch_ms": 1000, "epoch_us": 1_000_000, "epoch_ns": 1_000_000_000}
_TAIL = (
    r"(?:[T ]\s*(?P<hour>\d{1,2})(?::(?P<minute>\d{2})(?::(?P<second>\d{2})(?:[.,](?P<fraction>\d+))?)?)?"
    r"\s*(?P<half>[AaPp]\.?[Mm]\.?)?)?\s*(?:(?P<zulu>Z|UTC|GMT)|(?P<sign>[+-])(?P<oh>\d{2}):?(?P<om>\d{2})?)?"
)
"""Time of day as people write it: all of it, its seconds, their fraction and the offset may be absent."""
_ISO_PATTERN = r"(?P<year>\d{4})[-/.](?P<month>\d{1,2})[-/.](?P<day>\d{1,2})" + _TAIL
_DIRECTIVES = {
    "%Y": r"(?P<year>\d{4})",
    "%y": r"(?P<short>\d{2})",
    "%m": r"(?P<month>\d{1,2})",
    "%d": r"(?P<day>\d{1,2})",
    "%b": r"(?P<name>[A-Za-z]{3,9})\.?",
    "%B": r"(?P<name>[A-Za-z]{3,9})\.?",
    "%H": r"(?P<hour>\d{1,2})",
    "%I": r"(?P<hour>\d{1,2})",
    "%M": r"(?P<minute>\d{2})",
    "%S": r"(?P<second>\d{2})",
    "%f": r"(?P<fraction>\d+)",
    "%p": r"(?P<half>[AaPp]\.?[Mm]\.?)",
    "%z": r"(?:(?P<zulu>Z|UTC|GMT)|(?P<sign>[+-])(?P<oh>\d{2}):?(?P<om>\d{2})?)",
    "%%": "%",
}
DATES = (
    *(f"%m{mark}%d{mark}{year}" for mark in "/-" for year in ("%Y", "%y")),
    *(f"%d{mark}%m{mark}{year}" for mark in "./-" for year in ("%Y", "%y")),
    *(f"%d{mark}%b{mark}{year}" for mark in "- " for year in ("%Y", "%y")),
    *("%b %d, %Y", "%b %d %Y", "%Y%m%d"),
)
MONTHS = arrow.texts(("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec"))
MINUS = arrow.text("-")


@dataclass(frozen=True)
class Times:
    """Times of n rows as written: ``us`` (n,) [µs since 1970] on a local clock, or in UTC where ``aware``."""

    us: Int64
    aware: Bool
    readable: Bool
    given: Bool

    def __len__(self) -> int:
        return len(self.us)


def read_times(column: Column, time_format: str | None) -> Times:
    """Read a column of times in a known format; typed timestamps need none."""
    given = ~is_null(column)
    if is_moment(column):
        zone = getattr(column.type, "tz", None)
        us = pc.cast(pc.cast(column, pa.timestamp("us", zone), safe=False), pa.int64())
        found = Times(to_numpy(us, np.int64), np.full(len(column), zone is not None), given, given)
    elif time_format in EPOCHS:
        found = _from_epoch(column, time_format)
    else:
        if not time_format:
            raise AssertionError("text needs a time format")
        found = parse_times(texts_of(column), time_format)
    sensible = (found.us >= EARLIEST_US) & (found.us < LATEST_US)
    return replace(found, readable=found.readable & sensible)


def parse_times(column: Column, time_format: str) -> Times:
    """Read times from text; cells that do not fit, and dates that never were, are not readable.

    ``time_format`` is ``iso8601`` or a strptime form; a time of day at its end is read leniently (seconds, their
    fraction, or all of it may be absent, an offset or Z may follow).
    """
    given = ~is_null(column)
    fast = _iso_at_once(column) if time_format == ISO else None
    if fast is not None:
        return Times(*fast, given, given)
    parts = pc.extract_regex(column, rf"^\s*{_pattern(time_format)}\s*$")
    fits = ~is_null(parts)
    names = {parts.type.field(number).name for number in range(parts.type.num_fields)}

    def whole(name: str) -> Int64:
        if name not in names:
            return np.zeros(len(column), dtype=np.int64)
        texts = pc.struct_field(parts, [name])
        return to_numpy(pc.cast(pc.if_else(pc.equal(texts, BLANK), NO_TEXT, texts), pa.int64()), np.int64)

    def text(name: str) -> Column:
        texts = (
            pc.struct_field(parts, [name]) if name in names else pa.chunked_array([pa.nulls(len(column), pa.string())])
        )
        return pc.fill_null(pc.utf8_lower(texts), BLANK)

    short = whole("short")
    year = whole("year") if "year" in names else short + np.where(short < 69, 2000, 1900)
    month = _month_numbers(text("name")) if "name" in names else whole("month")
    day, hour = whole("day"), whole("hour")
    afternoon = to_numpy(pc.starts_with(text("half"), "p"), np.bool_)
    morning = to_numpy(pc.starts_with(text("half"), "a"), np.bool_)
    clock_fits = np.where(afternoon | morning, (hour >= 1) & (hour <= 12), hour <= 24)
    hour = np.where(afternoon | morning, hour % 12 + 12 * afternoon, hour)
    minute, second = whole("minute"), whole("second")
    clock_fits &= (minute < 60) & (second < 60) & ((hour < 24) | (minute + second == 0))
    months = (np.clip(year, 1, 9998) - 1970) * 12 + np.clip(month, 1, 12) - 1
    first = months.astype("datetime64[M]").astype("datetime64[D]")
    date_fits = (
        (month >= 1) & (month <= 12) & (day >= 1) & ((first + (day - 1)).astype("datetime64[M]").astype(int) == months)
    )
    fraction = pc.utf8_slice_codeunits(pc.utf8_rpad(text("fraction"), 6, "0"), 0, 6)
    us = (first.astype(np.int64) + day - 1) * 86_400 + hour * 3600 + minute * 60 + second
    us = us * SECOND + to_numpy(pc.cast(fraction, pa.int64()), np.int64)
    west = to_numpy(pc.equal(text("sign"), MINUS), np.bool_)
    offset = (whole("oh") * 3600 + whole("om") * 60) * SECOND * np.where(west, -1, 1)
    aware = to_numpy(pc.or_(pc.not_equal(text("zulu"), BLANK), pc.not_equal(text("sign"), BLANK)), np.bool_)
    return Times(us - offset, aware, fits & date_fits & clock_fits, given)


def _iso_at_once(column: Column) -> tuple[Int64, Bool] | None:
    """Let Arrow read a column that is plain ISO 8601 throughout, ten times as fast; None when some cell is not."""
    for zone in (None, "UTC"):
        try:
            us = pc.cast(pc.cast(column, pa.timestamp("us", zone)), pa.int64())
        except pa.ArrowInvalid:
            continue
        return to_numpy(us, np.int64), np.full(len(column), zone is not None)
    return None


def _pattern(time_format: str) -> str:
    """Turn ``iso8601`` or a strptime form into a regular expression with a named group per part."""
    if time_format == ISO:
        return _ISO_PATTERN
    date, tail = re.fullmatch(
        r"(.*?)([T ](?:%H|%I)(?::%M(?::%S(?:[.,]%f)?)?)?(?:\s*%p)?(?:\s*%z|Z)?)?", time_format
    ).groups()  # type: ignore[union-attr]  # the date part matches anything
    pieces = re.split(r"(%.)", date)
    unknown = [piece for piece in pieces if piece.startswith("%") and piece not in _DIRECTIVES]
    if unknown or not any(piece in ("%Y", "%y") for piece in pieces):
        raise UsageError(
            f"--time-format or [source] time_format: {time_format!r} cannot be read: use iso8601, "
            f"{', '.join(EPOCHS)}, or a form such as "
            f"'%d/%m/%Y %H:%M' with a year, made of {' '.join(_DIRECTIVES)}."
        )
    dated = "".join(_DIRECTIVES.get(piece, re.escape(piece)) for piece in pieces)
    return dated + (_TAIL if tail or date in DATES else "" if "%z" in date else _DIRECTIVES["%z"] + "?")


def _month_numbers(names: Column) -> Int64:
    """Number English month names by their first three letters; 0 for others."""
    first = pc.utf8_slice_codeunits(names, 0, 3)
    return to_numpy(pc.index_in(first, value_set=MONTHS), np.int64, empty=-1) + 1


def _from_epoch(column: Column, unit: str) -> Times:
    """Convert numbers since 1970 to µs; whole numbers exactly, finer than µs cut off."""
    ticks = TICKS_PER_SECOND[unit]
    try:
        numbers = pc.cast(column, pa.int64())
    except (pa.ArrowInvalid, pa.ArrowNotImplementedError):
        numbers = None
    if numbers is not None:
        given = ~is_null(numbers)
        whole = to_numpy(numbers, np.int64)
        small = np.abs(whole) < 2**62 // max(SECOND // ticks, 1)
        us = np.where(small, whole, 0) * (SECOND // ticks) if ticks <= SECOND else whole // (ticks // SECOND)
        return Times(us, np.ones(len(us), dtype=bool), given & small, given)
    values, _ = numbers_in(column, ".")
    scaled = values * (SECOND / ticks)
    readable = np.abs(scaled) < 2.0**62
    us = np.where(readable, np.round(np.where(readable, scaled, 0)), 0).astype(np.int64)
    return Times(us, np.ones(len(us), dtype=bool), readable, ~is_null(column))
