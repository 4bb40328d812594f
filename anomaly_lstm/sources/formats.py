"""How a file writes its times: ISO 8601, numbers since 1970, day or month first; found out over all files and said."""

from __future__ import annotations

import re
from collections.abc import Sequence

import numpy as np
import pyarrow.compute as pc
from numpy.typing import NDArray

from anomaly_lstm import arrow
from anomaly_lstm.arrow import Column, is_null
from anomaly_lstm.errors import DataError
from anomaly_lstm.sources.cells import is_moment, is_numeric, is_text, numbers_in, sample_of, share_of, texts_of
from anomaly_lstm.sources.contract import RawFile
from anomaly_lstm.sources.times import DATES, EPOCHS, ISO, parse_times

Floats = NDArray[np.float64]

COMPACT = ("%Y%m%d%H%M%S", "%Y%m%d%H%M", "%Y%m%dT%H%M%S")
SPACE = arrow.text(" ")


def time_column(file: RawFile, time: str) -> Column:
    """Return the time column; for "Date + Time" both halves joined by a blank."""
    if time in file.table.column_names or " + " not in time:
        return file.table[time]
    return pc.binary_join_element_wise(*(texts_of(file.table[half]) for half in time.split(" + ")), SPACE)


def find_time_formats(
    files: Sequence[RawFile], times: Sequence[str], wanted: str | None, day_first: bool | None = None
) -> tuple[list[str | None], list[tuple[str, tuple[str, ...]]]]:
    """Say how each file writes its times (None: typed) and what to tell; one file's 13/02 settles them all.

    ``day_first`` settles what the files leave open.
    """
    formats: list[str | None] = []
    columns = [time_column(file, time) for file, time in zip(files, times, strict=True)]
    notes: list[tuple[str, tuple[str, ...]]] = []
    shapes = [
        () if is_moment(column) else (wanted,) if wanted else _shapes(file, time, column)
        for file, time, column in zip(files, times, columns, strict=True)
    ]
    settled: dict[tuple[str, ...], tuple[int, str]] = {}
    for file, shape, column in zip(files, shapes, columns, strict=True):
        dates = _dates(shape)
        if len(shape) > 1 and dates not in settled:
            same = [other for other, its in zip(columns, shapes, strict=True) if _dates(its) == dates]
            settled[dates] = _day_or_month_first(dates, same, day_first)
        place, why = settled.get(dates, (0, ""))
        format_ = shape[place] if shape else None
        formats.append(format_)
        if format_ and not wanted:
            example = next((text for text in texts_of(sample_of(column)).to_pylist() if text), "")
            notes.append((str(file.path), (f"Times are written as {format_}, such as '{example.strip()}'{why}.",)))
    # The example differs from file to file: one note per format is enough.
    first = {note[0].split(", such as")[0]: (path, note) for path, note in reversed(notes)}
    return formats, [(path if len(first) > 1 else "", note) for path, note in reversed(list(first.values()))]


def _shapes(file: RawFile, name: str, column: Column) -> tuple[str, ...]:
    """The formats a column may be in, best first; raise `DataError` when its cells are no times."""
    if is_numeric(column, file.decimal):
        found = epoch_unit(column) or compact_dates(column)
        if found:
            return (found,)
        sample = numbers_in(sample_of(column), file.decimal)[0]
        raise DataError(
            f"{file.path}: column '{name}' holds plain numbers ({_first_number(sample)}), no dates. If they count "
            "from 1970, set --time-format or [source] time_format to epoch_s, epoch_ms, epoch_us or epoch_ns; else "
            "name another column with --time."
        )
    found_formats = likely_formats(column) if is_text(column) else ()
    if found_formats:
        return found_formats
    row, cell = _first_cell(column)
    raise DataError(
        f"{file.path}, {file.where(row)}: column '{name}' holds '{cell}', which is no time. Expected ISO 8601 such as "
        "2020-03-09 10:21:00, or dates such as 3/9/2020 10:21; set --time-format or [source] "
        "time_format, or name another column with --time."
    )


def epoch_unit(column: Column) -> str | None:
    """Say which unit since 1970 puts the middle of a column of numbers between 1973 and 2100, if any does."""
    values = numbers_in(sample_of(column), ".")[0]
    middle = float(np.median(values[np.isfinite(values)])) if np.isfinite(values).any() else 0.0
    return next((unit for unit, least in EPOCHS.items() if least <= middle < 41 * least), None)


def compact_dates(column: Column) -> str | None:
    """Recognise 20200309, 202003091021 and 20200309102100 in a column of whole numbers."""
    if not is_text(column):
        return None
    sample = texts_of(sample_of(column))
    fits = (
        format_ for format_ in ("%Y%m%d", *COMPACT) if 2 * parse_times(sample, format_).readable.sum() > len(sample)
    )
    return next(fits, None)


def likely_formats(column: Column) -> tuple[str, ...]:
    """The formats that read more than half of a sample of cells, the ones that read most; several if they tie."""
    sample = texts_of(sample_of(column))
    if not len(sample) or share_of(sample, r"\d[-/. ]\s*(\d|[A-Za-z]{3})|[A-Za-z]{3}\.? \d|^\s*\d{8}") < 0.5:
        return ()
    if parse_times(sample, ISO).readable.all():  # the most common form, and no other reads it
        return (ISO,)
    counts = {format_: int(parse_times(sample, format_).readable.sum()) for format_ in (ISO, *DATES, *COMPACT)}
    best = max(counts.values())
    if 2 * best <= len(sample):
        return ()
    # A minority of impossible dates (13/02 read month first) must not hide the other order: it is settled on all rows.
    tied = [format_ for format_, count in counts.items() if count == best]
    other = {_swapped(format_) for format_ in tied} & set(DATES)
    chosen = sorted({*tied[:1], *other}, key=list(counts).index)
    return tuple(date + _time_of_day_format(sample, date) for date in chosen)


def _dates(formats: tuple[str, ...]) -> tuple[str, ...]:
    """The formats without their time of day, which may differ from file to file."""
    return tuple(re.split(r" %[HI]", format_)[0] for format_ in formats)


def _swapped(format_: str) -> str:
    """Exchange day and month in a date of numbers."""
    return format_.replace("%m", "%_").replace("%d", "%m").replace("%_", "%d") if format_[1] in "md" else ""


def _time_of_day_format(sample: Column, date: str) -> str:
    """Write the time of day of the first cell as strptime would, for people and for `ReadOptions.time_format`."""
    if date not in DATES:
        return ""
    text = next(text for text in sample.to_pylist() if text.strip())
    half = re.search(r"[AaPp]\.?[Mm]", text) is not None
    seconds = {0: "", 1: ":%M"}.get(text.count(":"), ":%M:%S")
    return f" {'%I' if half else '%H'}{seconds}{' %p' if half else ''}" if seconds else ""


def either_way_round(files: Sequence[RawFile], times: Sequence[str], formats: Sequence[str | None]) -> bool:
    """Say whether day and month could be exchanged in all times of numbers, by what the cells tell."""
    numbers = [
        (time_column(file, time), format_)
        for file, time, format_ in zip(files, times, formats, strict=True)
        if format_ and _swapped(format_)
    ]
    return bool(numbers) and all(
        parse_times(column, format_).readable.sum() == parse_times(column, _swapped(format_)).readable.sum()
        for column, format_ in numbers
    )


def _day_or_month_first(formats: tuple[str, ...], columns: Sequence[Column], day_first: bool | None) -> tuple[int, str]:
    """Choose between two orders of day and month over all files, and say why.

    The order that reads more rows; else the one under which time makes no jumps from row to row (the smaller largest
    step); else month first with '/', day first with '-' and '.'.
    """
    read: dict[str, int] = {}
    jump: dict[str, int] = {}
    for format_ in formats:
        times = [parse_times(column, format_) for column in columns]
        read[format_] = sum(int(part.readable.sum()) for part in times)
        steps = [np.abs(np.diff(part.us[part.readable])) for part in times]
        jump[format_] = max((int(step.max()) for step in steps if len(step)), default=0)
    most = [format_ for format_ in formats if read[format_] == max(read.values())]
    if len(most) == 1:
        return formats.index(most[0]), ""
    if day_first is not None:
        return next(place for place, format_ in enumerate(formats) if format_.startswith("%d") == day_first), ""
    smooth = [format_ for format_ in most if jump[format_] == min(jump.values())]
    if len(smooth) == 1:
        return formats.index(smooth[0]), "; day and month could be either way round, this way time runs without jumps"
    chosen = next((format_ for format_ in formats if format_.startswith("%m/")), None)
    chosen = chosen or next(format_ for format_ in formats if format_.startswith("%d"))
    order = "month" if chosen.startswith("%m") else "day"
    why = (
        f"; day and month could be either way round, {order} first is assumed: else set --time-format or [source] "
        "time_format"
    )
    return formats.index(chosen), why


def _first_cell(column: Column) -> tuple[int, str]:
    """Row and text of the first cell that holds anything."""
    rows = np.flatnonzero(~is_null(column))
    return (int(rows[0]), str(column[int(rows[0])].as_py())) if len(rows) else (0, "")


def _first_number(values: Floats) -> str:
    good = values[np.isfinite(values)]
    return f"{good[0]:g} …" if len(good) else "none"
