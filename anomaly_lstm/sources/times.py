"""Columns of times, written in a known format → µs since 1970 on a local clock or in UTC."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cache

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from anomaly_lstm import arrow
from anomaly_lstm.arrow import Column, is_null, to_numpy
from anomaly_lstm.clock import SECOND
from anomaly_lstm.errors import UsageError
from anomaly_lstm.sources.calendar import month_numbers, without_words
from anomaly_lstm.sources.cells import BLANK, NO_TEXT, is_blank, is_moment, is_text, texts_of
from anomaly_lstm.sources.counts import COUNTER, ELAPSED, SCALES, from_numbers, is_number_format
from anomaly_lstm.sources.words import near

Int64 = NDArray[np.int64]
Bool = NDArray[np.bool_]

EARLIEST_US, LATEST_US = -2_208_988_800 * SECOND, 7_258_118_400 * SECOND
"""1900 and 2200: times beyond are sentinels such as 9999-12-31, not measurements."""
ISO = "iso8601"
HOURS_AHEAD = {
    "WET": 0,
    "WEST": 1,
    "CET": 1,
    "CEST": 2,
    "MEZ": 1,
    "MESZ": 2,
    "EET": 2,
    "EEST": 3,
    "MSK": 3,
    "SAST": 2,
    "EST": -5,
    "EDT": -4,
    "CDT": -5,
    "MST": -7,
    "MDT": -6,
    "PST": -8,
    "PDT": -7,
    "AKST": -9,
    "AKDT": -8,
    "HST": -10,
    "JST": 9,
    "AEST": 10,
    "AEDT": 11,
    "NZST": 12,
    "NZDT": 13,
}
"""Short names of zones that mean one offset [h]. CST, IST, BST and AST mean several and are not read."""
_CLOCK = (
    r"(?P<hour>\d{1,2})(?:[:.h](?P<minute>\d{2})(?:[:.m](?P<second>\d{2})(?:[.,:](?P<fraction>\d+))?)?)?s?"
    r"\s*(?P<half>[AaPp]\.?\s?[Mm]\.?)?"
)
_OFFSET = (
    r"\s*(?:(?P<zulu>Z|z|UTC|GMT)?\s*(?:(?P<sign>[+-])(?P<oh>\d{1,2})(?::?(?P<om>\d{2}))?)?)(?:\s*\[[\w/+-]+\])?"
    rf"(?:\s*(?P<named>{'|'.join(HOURS_AHEAD)}))?"
)
_TAIL = rf"(?:(?:[Tt_]|:|\s*,\s*|\s+-\s+|\s+){_CLOCK})?{_OFFSET}"
"""Time of day as people write it: all of it, its seconds, their fraction and the offset may be absent."""
_ISO_PATTERN = r"(?P<year>\d{4})[-/.](?P<month>\d{1,2})[-/.](?P<day>\d{1,2})" + _TAIL
_DIRECTIVES = {
    "%Y": r"(?P<year>\d{4})",
    "%y": r"(?P<short>\d{2})",
    "%m": r"(?P<month>\d{1,2})",
    "%d": r"(?P<day>\d{1,2})",
    "%b": r"(?P<name>\pL{3,10})\.?",
    "%B": r"(?P<name>\pL{3,10})\.?",
    "%H": r"(?P<hour>\d{1,2})",
    "%I": r"(?P<hour>\d{1,2})",
    "%M": r"(?P<minute>\d{2})",
    "%S": r"(?P<second>\d{2})",
    "%f": r"(?P<fraction>\d+)",
    "%p": r"(?P<half>[AaPp]\.?\s?[Mm]\.?)",
    "%z": r"(?:(?P<zulu>Z|UTC|GMT)|(?P<sign>[+-])(?P<oh>\d{2}):?(?P<om>\d{2})?)",
    "%%": "%",
}
COMPACT = ("%Y%m%d%H%M%S", "%Y%m%d%H%M", "%Y%m%d%H%M%S%f", "%Y%m%d", "%y%m%d%H%M%S")
"""Dates written as one whole number."""
BASIC = tuple(f"%Y%m%d{mark}%H%M{second}" for mark in "T _-" for second in ("%S", ""))
"""ISO's basic form, and what looks like it."""
NUMERIC_DATES = (
    *(f"%m{mark}%d{mark}{year}" for mark in "/-" for year in ("%Y", "%y")),
    *(f"%d{mark}%m{mark}{year}" for mark in "./-" for year in ("%Y", "%y")),
    *(f"%y{mark}%m{mark}%d" for mark in "/-"),
)
DATES = (
    *NUMERIC_DATES,
    *(f"%d{mark}%b{mark}{year}" for mark in ("-", " ", "/", ".", "") for year in ("%Y", "%y")),
    *("%b %d, %Y", "%b %d %Y", "%b-%d-%Y", "%Y-%b-%d", "%Y %b %d", "%Y/%b/%d", "%Y %m %d"),
    "%Y%m%d",
)
CLOCK_FIRST = "%H:%M "
"""Begins a form whose time of day, lenient as at the end, stands before the date."""
YEAR_LAST = "%b %d %H:%M:%S %Y"
MINUS = arrow.text("-")
_NAMES = arrow.texts(HOURS_AHEAD)
_AHEAD = np.array([*HOURS_AHEAD.values(), 0], dtype=np.int64)


@dataclass(frozen=True)
class Times:
    """Times of n rows as written: ``us`` (n,) [µs since 1970] on a local clock, or in UTC where ``aware``.

    A cell that is ``given`` and not ``readable`` is no time, or one that never was where ``impossible`` (30 February,
    25:61), or one that ``beyond`` 1900 to 2200 nothing was measured at.
    """

    us: Int64
    aware: Bool
    readable: Bool
    given: Bool
    impossible: Bool | None = None
    beyond: Bool | None = None

    def __len__(self) -> int:
        return len(self.us)


def read_times(column: Column, time_format: str | None, decimal: str = ".", step_us: int | None = None) -> Times:
    """Read a column of times in a known format; typed timestamps need none.

    ``decimal`` is the mark of numbers in text, ``step_us`` what a count is worth [µs] where the format is a counter.
    """
    if is_moment(column):
        given = ~is_null(column)
        zone = getattr(column.type, "tz", None)
        us = pc.cast(pc.cast(column, pa.timestamp("us", zone), safe=False), pa.int64())
        found = Times(to_numpy(us, np.int64), np.full(len(column), zone is not None), given, given)
    elif time_format is None:
        raise AssertionError("text needs a time format")
    elif is_number_format(time_format):
        numbers, in_utc, readable = from_numbers(column, time_format, decimal, step_us)
        given = ~(is_blank(column) if is_text(column) else is_null(column))
        found = Times(numbers, np.full(len(column), in_utc), readable & given, given)
    else:
        found = parse_times(texts_of(column), time_format)
    beyond = found.readable & ((found.us < EARLIEST_US) | (found.us >= LATEST_US))
    return replace(found, readable=found.readable & ~beyond, beyond=beyond)


def parse_times(column: Column, time_format: str) -> Times:
    """Read times from text; cells that do not fit, and dates that never were, are not readable.

    ``time_format`` is ``iso8601`` or a strptime form; a time of day at its end is read leniently (seconds, their
    fraction, or all of it may be absent, an offset or Z may follow).
    """
    fast = _iso_at_once(column) if time_format == ISO else None
    if fast is not None:
        given = ~is_null(column)
        return Times(*fast, given, given)
    given = ~is_blank(column)
    parts = pc.extract_regex(without_words(column), rf"^\s*{_pattern(time_format)}\s*$")
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
    month = month_numbers(text("name")) if "name" in names else whole("month")
    day, hour = whole("day"), whole("hour")
    afternoon = to_numpy(pc.starts_with(text("half"), "p"), np.bool_)
    morning = to_numpy(pc.starts_with(text("half"), "a"), np.bool_)
    clock_fits = np.where(afternoon | morning, (hour >= 1) & (hour <= 12), hour <= 24)
    hour = np.where(afternoon | morning, hour % 12 + 12 * afternoon, hour)
    minute, second = whole("minute"), whole("second")
    leap = (minute == 59) & (second == 60)  # a leap second is the first of the next minute
    clock_fits &= (minute < 60) & ((second < 60) | leap) & ((hour < 24) | (minute + second == 0))
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
    named = text("named")
    ahead = _AHEAD[to_numpy(pc.index_in(pc.utf8_upper(named), value_set=_NAMES), np.int64, empty=-1)]
    offset = offset + ahead * 3600 * SECOND
    clock_fits &= (np.abs(offset) <= 15 * 3600 * SECOND) & (whole("om") < 60)
    aware = np.zeros(len(column), dtype=bool)
    for part in ("zulu", "sign", "named"):
        aware |= to_numpy(pc.not_equal(text(part), BLANK), np.bool_)
    beyond = fits & (year > 9998)  # 9999-12-31 is "never"
    impossible = fits & ~(date_fits & clock_fits) & (month_numbers(text("name")) > 0 if "name" in names else True)
    return Times(
        np.where(beyond, LATEST_US, us - offset), aware, fits & ~impossible | beyond, given, impossible & ~beyond
    )


def may_fit(texts: Sequence[str], time_format: str) -> bool:
    """Say quickly whether some text is written so; the date may still be one that never was."""
    pattern = _compiled(time_format)
    return any(pattern.fullmatch(text) for text in texts)


@cache
def _compiled(time_format: str) -> re.Pattern[str]:
    letter = r"[^\W\d_]"  # what Arrow's expressions call \pL
    return re.compile(rf"\s*{_pattern(time_format)}\s*".replace(r"\pL", letter))


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
    if time_format.startswith(CLOCK_FIRST):
        date = time_format.removeprefix(CLOCK_FIRST)
        return rf"{_CLOCK}\s*,?\s+{_dated(date)}{_OFFSET}"
    date, tail = re.fullmatch(
        r"(.*?)([T ](?:%H|%I)(?::%M(?::%S(?:[.,]%f)?)?)?(?:\s*%p)?(?:\s*%z|Z)?)?", time_format
    ).groups()  # type: ignore[union-attr]  # the date part matches anything
    dated = _dated(date)
    if date in (*COMPACT[:2], *BASIC):
        return dated + r"(?:[.,](?P<fraction>\d+))?" + _OFFSET
    return dated + (_TAIL if tail or date in DATES else "" if "%z" in date else _OFFSET)


def _dated(date: str) -> str:
    """The same for the part that holds the date; raise `UsageError` where it holds none."""
    pieces = re.split(r"(%.)", date)
    unknown = [piece for piece in pieces if piece.startswith("%") and piece not in _DIRECTIVES]
    if unknown or not any(piece in ("%Y", "%y") for piece in pieces):
        known = (ISO, *SCALES, COUNTER, *ELAPSED)
        raise UsageError(
            f"--time-format or [source] time_format: {date!r} cannot be read.{near(date, known)} Use "
            f"{', '.join(known)}, or a form such as "
            f"'%d/%m/%Y %H:%M' with a year, made of {' '.join(_DIRECTIVES)}."
        )
    close = re.search(r"%[YymdHMS]%[YymdHMS]", date) is not None
    digits = {piece: pattern.replace(r"\d{1,2}", r"\d{2}") for piece, pattern in _DIRECTIVES.items()} if close else {}
    return "".join(
        {**_DIRECTIVES, **digits}.get(piece, r"\s+".join(map(re.escape, piece.split(" ")))) for piece in pieces
    )
