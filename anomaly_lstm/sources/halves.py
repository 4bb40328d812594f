"""Dates in one column and times of day in another: which two belong together, and how they become one.

A time of day with colons shows what it is. One with a point or an ``h`` (``7.05``), or without any mark (``070500``),
could be a measurement: there the name of its column has to say that it is a time.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

import pyarrow.compute as pc

from anomaly_lstm import arrow
from anomaly_lstm.arrow import Column
from anomaly_lstm.sources.cells import is_numeric, is_text, share_of, texts_of
from anomaly_lstm.sources.contract import RawFile

NEARLY_ALL = 0.9
"""So many of the cells of a column of times of day are one."""
HALF_DAY = r"(\s*[AaPp]\.?\s?[Mm]\.?)?"
CLOCK = rf"^\s*\d{{1,2}}:\d{{2}}(:\d{{2}}([.,:]\d+)?)?{HALF_DAY}\s*$"
CLOCK_IF_NAMED = rf"^\s*([01]?\d|2[0-4])[:.h][0-5]\d([:.m][0-5]\d([.,:]\d+)?)?s?{HALF_DAY}\s*$"
DIGITS = r"^\s*([01]\d|2[0-4])([0-5]\d)([0-5]\d)?\s*$"
"""``HHMMSS`` and ``HHMM``, as SAP and controllers write them: believed where all cells are written so."""
DATE_DIGITS = r"^\s*(19|20)\d{2}(0[1-9]|1[0-2])(0[1-9]|[12]\d|3[01])\s*$"
CLOCK_WORDS = frozenset("time clock hour uhrzeit uhr zeit hora horario heure ora ore orario tijd tid".split())  # noqa: SIM905
BESIDE_CLOCK = frozenset("of day local utc gmt reading sample event record hh mm ss hhmm hhmmss".split())  # noqa: SIM905
"""What else such a column may be called: ``Sample time``, ``Time (HH:MM)``; not ``Run time``."""
SPACE = arrow.text(" ")


def time_of_day(file: RawFile, time: str, kept: Sequence[str]) -> str | None:
    """The column with the time of day when ``time`` holds dates alone (historians export both halves); None if none.

    What is wanted as a sensor (``kept``) is none.
    """
    if not _holds_dates_alone(file.table[time], file.decimal):
        return None
    free = [name for name in file.table.column_names if name not in {time, *kept} and is_text(file.table[name])]
    named = [name for name in free if is_called_clock(name)]
    surely = (name for name in (*named, *free) if share_of(file.table[name], CLOCK) > NEARLY_ALL)
    likely = (name for name in named if _is_clock_by_name(file.table[name]))
    return next(surely, None) or next(likely, None)


def joined_halves(file: RawFile, halves: Sequence[str]) -> Column:
    """Date and time of day as one text, ``20260302 01:00:00``."""
    date, clock = (texts_of(file.table[half]) for half in halves)
    return pc.binary_join_element_wise(date, _with_colons(clock), SPACE)


def is_called_clock(name: str) -> bool:
    """Whether the name of a column says that it holds times of day."""
    words = {word.casefold() for word in re.findall(r"[^\W\d_]+", name)}
    return bool(words & CLOCK_WORDS) and words <= CLOCK_WORDS | BESIDE_CLOCK


def _holds_dates_alone(column: Column, decimal: str) -> bool:
    if not is_text(column) or share_of(column, r"\d:\d|\dT\d|^\d{9,}$") > 0:
        return False
    return not is_numeric(column, decimal) or share_of(column, DATE_DIGITS) > NEARLY_ALL


def _is_clock_by_name(column: Column) -> bool:
    return share_of(column, CLOCK_IF_NAMED) > NEARLY_ALL or share_of(column, DIGITS) == 1


def _with_colons(clock: Column) -> Column:
    digits = pc.match_substring_regex(clock, DIGITS)
    spread = pc.replace_substring_regex(clock, r"^\s*(\d{2})(\d{2})(\d{2})?\s*$", r"\1:\2:\3")
    return pc.if_else(digits, pc.utf8_rtrim(spread, ":"), clock)
