"""Times as plain numbers: since 1970 or another day, in Excel's days, or counted on a clock of no calendar."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from anomaly_lstm.arrow import Column, is_null, to_numpy
from anomaly_lstm.clock import DAY, SECOND, parse_time
from anomaly_lstm.errors import UsageError
from anomaly_lstm.sources.cells import BLANK, NO_TEXT, is_text, numbers_in, texts_of

Int64 = NDArray[np.int64]
Bool = NDArray[np.bool_]


@dataclass(frozen=True)
class Scale:
    """What a number of 0 and a number of 1 mean: ``unit_ns`` [ns] after ``origin_us`` [µs since 1970].

    ``in_utc`` says whether it counts in UTC, or shows a local clock.
    """

    means: str
    origin_us: int
    unit_ns: int
    in_utc: bool = True


_YEAR_1, _YEAR_1601, _YEAR_1904 = (-days * DAY for days in (719_162, 134_774, 24_107))
_EXCEL_0, _MATLAB_0 = -25_569 * DAY, -719_529 * DAY

SCALES = {
    "epoch_s": Scale("seconds since 1970", 0, 10**9),
    "epoch_ms": Scale("milliseconds since 1970", 0, 10**6),
    "epoch_us": Scale("microseconds since 1970", 0, 1000),
    "epoch_ns": Scale("nanoseconds since 1970", 0, 1),
    "filetime": Scale("100 ns since 1601, as Windows counts", _YEAR_1601, 100),
    "dotnet": Scale("100 ns since the year 1, as .NET counts", _YEAR_1, 100, in_utc=False),
    "labview": Scale("seconds since 1904, as LabVIEW counts", _YEAR_1904, 10**9),
    "excel": Scale("days since 1899-12-30, as Excel counts", _EXCEL_0, 86_400 * 10**9, in_utc=False),
    "excel_1904": Scale("days since 1904, as Excel on old Macs counts", _YEAR_1904, 86_400 * 10**9, in_utc=False),
    "matlab": Scale("days since the year 0, as MATLAB counts", _MATLAB_0, 86_400 * 10**9, in_utc=False),
}
"""Numbers of a calendar. Excel's days before 1900-03-01 are one off (it knows a 29th of February 1900) and not read."""

NEVER_FOUND = ("excel", "excel_1904", "matlab")
"""Small numbers could be anything: they are read so only where somebody says it."""

ELAPSED = {
    "elapsed": SECOND,
    "elapsed_ms": 1000,
    "elapsed_min": 60 * SECOND,
    "elapsed_h": 3600 * SECOND,
    "elapsed_d": DAY,
}
"""Time since a start that no calendar knows, and what a number of 1 means [µs]; ``elapsed`` also reads 00:00:01."""

COUNTER = "counter"
"""Cycles, samples, an index: one is worth a period."""

_ELAPSED = (
    r"^\s*(?:(?P<days>\d{1,6})(?:\s*d(?:ays?)?,?\s*|[. ]\s*))?(?P<hours>\d{1,7}):(?P<minutes>\d{1,2})"
    r"(?::(?P<seconds>\d{1,2})(?:[.,](?P<fraction>\d+))?)?\s*$"
)


def is_made_up(time_format: str | None) -> bool:
    """Say whether a format has no calendar: its clock starts where somebody says, or in 1970."""
    return time_format is not None and time_format.partition(":")[0] in (COUNTER, *ELAPSED)


def is_number_format(time_format: str) -> bool:
    return time_format in SCALES or is_made_up(time_format)


def from_numbers(
    column: Column, time_format: str, decimal: str = ".", step_us: int | None = None
) -> tuple[Int64, bool, Bool]:
    """Read numbers as times: ``us`` (n,) [µs since 1970], whether that is UTC, and which cells are readable (n,).

    ``step_us`` is what a count is worth [µs]. Whole numbers are read exactly, finer than µs cut off; days are rounded
    to what their decimals can tell. Raises `UsageError` for a counter without a step and a start that is no time.
    """
    if time_format in SCALES:
        scale = SCALES[time_format]
        if scale.unit_ns >= 86_400 * 10**9:
            us, readable = _from_days(column, scale, decimal)
        else:
            us, readable = _scaled(column, scale.unit_ns, decimal)
            us = us + scale.origin_us
        return us, scale.in_utc, readable
    name, _, start = time_format.partition(":")
    origin = parse_time(start) if start else 0
    if name == COUNTER:
        if not step_us:
            raise UsageError(
                f"--time-format {time_format}: what is one count worth? Say it with --period or [source] period, such "
                "as --period 1h."
            )
        us, readable = _scaled(column, step_us * 1000, decimal)
    elif is_text(column) and pc.any(pc.match_substring(column, ":")).as_py():
        us, readable = _from_clock(column)
    else:
        us, readable = _scaled(column, ELAPSED[name] * 1000, decimal)
    return us + origin, True, readable


def _scaled(column: Column, unit_ns: int, decimal: str) -> tuple[Int64, Bool]:
    """Numbers times a unit [µs] (n,), 0 where not readable."""
    try:
        whole = pc.cast(column, pa.int64())
    except (pa.ArrowInvalid, pa.ArrowNotImplementedError):
        values, _ = numbers_in(column, decimal)
        scaled = values * (unit_ns / 1000)
        readable = np.abs(scaled) < 2.0**61
        return np.round(np.where(readable, scaled, 0)).astype(np.int64), readable
    numbers = to_numpy(whole, np.int64)
    if unit_ns < 1000:
        return numbers // (1000 // unit_ns), ~is_null(whole)
    small = np.abs(numbers) < 2**61 // (unit_ns // 1000)
    return np.where(small, numbers, 0) * (unit_ns // 1000), ~is_null(whole) & small


def _from_days(column: Column, scale: Scale, decimal: str) -> tuple[Int64, Bool]:
    """Days with a fraction: rounded to whole seconds where five decimals or fewer are written, else to milliseconds."""
    values, _ = numbers_in(column, decimal)
    written = pc.replace_substring(texts_of(column), decimal, ".") if is_text(column) else None
    fraction = 6 if written is None else _most_decimals(written)
    step = 1 if fraction <= 5 else 1000
    seconds = values * 86_400 * step
    readable = np.abs(seconds) < 2.0**52
    if scale.origin_us == _EXCEL_0:
        readable &= ~(values < 61)
    return np.round(np.where(readable, seconds, 0)).astype(np.int64) * (SECOND // step) + scale.origin_us, readable


def _most_decimals(texts: Column) -> int:
    lengths = pc.utf8_length(pc.struct_field(pc.extract_regex(texts, r"\.(?P<decimals>\d*)"), ["decimals"]))
    return int(pc.max(lengths).as_py() or 0)


def _from_clock(column: Column) -> tuple[Int64, Bool]:
    """Read ``00:00:01``, ``1 days 02:03:04.5`` and ``26:15:00`` [µs since the start] (n,)."""
    parts = pc.extract_regex(texts_of(column), _ELAPSED)
    readable = ~is_null(parts)

    def number(name: str, digits: int = 0) -> Int64:
        text = pc.struct_field(parts, [name])
        text = pc.utf8_slice_codeunits(pc.utf8_rpad(text, digits, "0"), 0, digits) if digits else text
        return to_numpy(pc.cast(pc.if_else(pc.equal(text, BLANK), NO_TEXT, text), pa.int64()), np.int64)

    seconds = ((number("days") * 24 + number("hours")) * 60 + number("minutes")) * 60 + number("seconds")
    sound = (number("minutes") < 60) & (number("seconds") < 60)
    return seconds * SECOND + number("fraction", 6), readable & sound


def lost_digits(column: Column, time_format: str, decimal: str) -> int:
    """How far apart numbers in exponent form must lie to differ [µs], by the most digits any has; 0 where exact."""
    if time_format not in SCALES or not is_text(column):
        return 0
    texts = pc.replace_substring(texts_of(column), ",", ".") if decimal == "," else texts_of(column)
    parts = pc.extract_regex(texts, r"^\s*\d+(?:\.(?P<digits>\d*))?[eE]\+?(?P<power>\d+)\s*$")
    if is_null(parts).all():
        return 0
    power = int(pc.max(pc.cast(pc.struct_field(parts, ["power"]), pa.int64())).as_py())
    digits = int(pc.max(pc.utf8_length(pc.struct_field(parts, ["digits"]))).as_py() or 0)
    step_ns = SCALES[time_format].unit_ns * 10 ** max(0, power - digits)
    return step_ns // 1000 if power > digits else 0
