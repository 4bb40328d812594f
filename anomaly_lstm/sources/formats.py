"""How a file writes its times: ISO 8601, numbers since 1970, day or month first; found out over all files and said."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from anomaly_lstm import arrow
from anomaly_lstm.arrow import Column, is_null
from anomaly_lstm.clock import SECOND, format_duration, parse_time
from anomaly_lstm.errors import DataError
from anomaly_lstm.sources.calendar import without_words
from anomaly_lstm.sources.cells import (
    as_written,
    is_moment,
    is_numeric,
    is_text,
    numbers_in,
    sample_of,
    share_of,
    texts_of,
)
from anomaly_lstm.sources.contract import DateOrder, RawFile
from anomaly_lstm.sources.counts import NEVER_FOUND, SCALES, is_made_up, lost_digits
from anomaly_lstm.sources.halves import joined_halves
from anomaly_lstm.sources.orders import EXPORT, Choice, Settled, by_others, is_open, orders_of, settle, without_clock
from anomaly_lstm.sources.times import (
    BASIC,
    CLOCK_FIRST,
    COMPACT,
    DATES,
    ISO,
    NUMERIC_DATES,
    YEAR_LAST,
    may_fit,
    parse_times,
    read_times,
)
from anomaly_lstm.words import clean

Bool = NDArray[np.bool_]
Floats = NDArray[np.float64]

FORMATS = (ISO, *DATES, *BASIC, *COMPACT, *(CLOCK_FIRST + date for date in (*NUMERIC_DATES, *DATES[-7:])), YEAR_LAST)
"""All forms of text that are tried, those that are believed first before the others."""
LIKELY_US, WIDE_US = (tuple(parse_time(f"{year}-01-01") for year in years) for years in ((1991, 2060), (1973, 2100)))
"""When numbers were most likely measured, where they could be several things, and when at all [µs since 1970]."""
MIXED_SHARE = 0.02
"""So many cells on another scale are no slips."""
LIKE_A_DATE = (
    r"^\s*\d{8}|\d\s*[-/.]\s*\d{1,2}\s*[-/.]\s*\d|\d[\s./-]*(?:de )?\pL{3,10}[\s.,/-]*(?:de )?\d"
    r"|\pL{3,10}[\s.-]*\d.*\d{4}|\d{4} \d{2} \d{2}"
)
"""A quick look that spares columns of other text the long one."""


def time_column(file: RawFile, time: str) -> Column:
    """Return the time column; for "Date + Time" both halves joined by a blank."""
    if time in file.table.column_names or " + " not in time:
        return file.table[time]
    return joined_halves(file, time.split(" + "))


@dataclass(frozen=True)
class Written:
    """How each file writes its times (None: typed), and what to tell of them.

    ``told`` are the orders of day and month that some date tells, by the first form of its family; ``open`` the
    families of which none does.
    """

    formats: Sequence[str | None]
    notes: Sequence[tuple[str, tuple[str, ...]]]
    told: Mapping[str, DateOrder]
    open: tuple[str, ...]


def find_time_formats(
    files: Sequence[RawFile], times: Sequence[str], wanted: str | None, known: Mapping[str, DateOrder] | None = None
) -> Written:
    """Say how each file writes its times; one file's 13/02 settles all that write dates with the same marks.

    ``known`` is what other files told, which settles what these leave open.
    Raises `DataError` where nobody writes times so, and where one date can only be day first, another only month first.
    """
    formats: list[str | None] = []
    columns = [time_column(file, time) for file, time in zip(files, times, strict=True)]
    notes: list[tuple[tuple[str, str], str, str]] = []
    shapes = [
        () if is_moment(column) else (Choice(wanted),) if wanted else _shapes(file, time, column)
        for file, time, column in zip(files, times, columns, strict=True)
    ]
    settled: dict[tuple[str, ...], Settled] = {}
    for file, shape, column in zip(files, shapes, columns, strict=True):
        choice = shape[0] if shape else None
        family = orders_of(without_clock(choice.form)) if choice and not wanted else ()
        if choice and family:
            if family not in settled:
                settled[family] = settle(family, list(zip(files, columns, shapes, strict=True)), known or {})
            date, told = settled[family].choice, settled[family].told
            by_other = told is not None and told.file != str(file.path) and is_open(column, date.form)
            why = by_others(told, date.form) if told and by_other else date.why
            choice = Choice(date.form + choice.form.removeprefix(without_clock(choice.form)), why)
        formats.append(choice.form if choice else None)
        if choice and (not wanted or is_made_up(wanted)):
            notes.append(((choice.form, choice.why), str(file.path), _told(column, choice)))
    # The example differs from file to file: one note per format is enough.
    first = {kind: (path, note) for kind, path, note in reversed(notes)}
    return Written(
        formats,
        [(path if len(first) > 1 else "", (note,)) for path, note in reversed(list(first.values()))],
        {family[0]: one.told for family, one in settled.items() if one.told},
        tuple(family[0] for family, one in settled.items() if one.choice.why),
    )


def _told(column: Column, choice: Choice) -> str:
    """The sentence that says how times are written."""
    example = clean(next((text for text in texts_of(sample_of(column)).to_pylist() if text.strip()), "").strip())
    if is_made_up(choice.form):
        return (
            f"THE CLOCK IS MADE UP ({choice.form}): the times are counts, such as '{example}', and no calendar is "
            "known; dates and hours of the day mean nothing, spans between them do."
        )
    means = f" ({SCALES[choice.form].means})" if choice.form in SCALES else ""
    return f"Times are written as {choice.form}{means}, such as '{example}'{choice.why}."


def _shapes(file: RawFile, name: str, column: Column) -> tuple[Choice, ...]:
    """The formats a column may be in, best first; raise `DataError` when its cells are no times."""
    if is_numeric(column, file.decimal):
        found = number_format(column, file.decimal)
        if found is None:
            raise DataError(
                f"{file.path}: column '{name}' holds plain numbers ({_first_number(column, file.decimal)}), no dates. "
                f"{what_numbers_may_be(column, file.decimal, name)} Else name another column with --time."
            )
        _refuse_two_scales(file, name, column, found.form)
        return (_exact_enough(file, name, column, found),)
    found_formats = likely_formats(column) if is_text(column) else ()
    if not found_formats:
        row, cell = _first_cell(column)
        raise DataError(
            f"{file.path}, {file.where(row)}: column '{name}' holds '{cell}', which is no time in any known form."
            f"{what_text_may_be(column, name)} Name another column with --time, or {EXPORT}, e.g. "
            "'%d/%m/%Y %H:%M'."
        )
    return tuple(map(Choice, found_formats))


def number_format(column: Column, decimal: str) -> Choice | None:
    """How a column of numbers may be read as times; None where only somebody who knows can say.

    Of several readings that one counts under which the numbers lie between 1991 and 2060; what else they could be is
    said. Where none does, they count from 1970 if that is between 1973 and 2100.
    """
    sample = sample_of(column)
    middle: dict[str, int] = {}
    for form in (*SCALES, *COMPACT):
        if form in NEVER_FOUND or (form in COMPACT and not _are_whole(sample)):
            continue
        times = read_times(sample if form in SCALES else texts_of(sample), form, decimal)
        if 2 * int(times.readable.sum()) > len(sample):
            middle[form] = int(np.median(times.us[times.readable]))
    likely = [form for form, us in middle.items() if LIKELY_US[0] <= us < LIKELY_US[1]]
    if likely:
        form = likely[0]
        others = [other for other, us in middle.items() if other != form and WIDE_US[0] <= us < WIDE_US[1]]
        return Choice(form, f"; as {others[0]} they would lie in {_year(middle[others[0]])}" if others else "")
    possible = [form for form, us in middle.items() if form.startswith("epoch") and WIDE_US[0] <= us < WIDE_US[1]]
    return Choice(possible[0]) if possible else None


def _refuse_two_scales(file: RawFile, name: str, column: Column, form: str) -> None:
    """Raise `DataError` where some cells count seconds since 1970 and others milliseconds, or the like."""
    mine = _likely(column, form, file.decimal)
    if not form.startswith("epoch") or mine.all():
        return
    for other in (scale for scale in SCALES if scale.startswith("epoch") and scale != form):
        its = _likely(column, other, file.decimal) & ~mine
        if mine.any() and its.sum() >= MIXED_SHARE * len(column):
            one, two = (int(np.flatnonzero(rows)[0]) for rows in (mine, its))
            raise DataError(
                f"{file.path}: MIXED: column '{name}' holds {SCALES[form].means}, such as '{as_written(column, one)}' "
                f"({file.where(one)}), and {SCALES[other].means}, such as '{as_written(column, two)}' "
                f"({file.where(two)}). Write all of them in one, or split the file."
            )


def _likely(column: Column, form: str, decimal: str) -> Bool:
    """Which cells (n,) would be times of our days in a form."""
    times = read_times(column, form, decimal)
    likely: Bool = times.readable & (times.us >= LIKELY_US[0]) & (times.us < LIKELY_US[1])
    return likely


def _year(us: int) -> int:
    return int(np.datetime64(us, "us").astype("datetime64[Y]").astype(int)) + 1970


def _are_whole(sample: Column) -> bool:
    return share_of(sample, r"^\s*\d+\s*$") > 0.5


def _exact_enough(file: RawFile, name: str, column: Column, choice: Choice) -> Choice:
    """Say how much an exponent form has cost; raise `DataError` where rows have lost their own time by it."""
    step_us = lost_digits(column, choice.form, file.decimal)
    if step_us <= SECOND:
        return choice
    times = read_times(column, choice.form, file.decimal)
    same = np.flatnonzero(np.diff(times.us) == 0)
    if len(same):
        row = int(same[0]) + 1
        raise DataError(
            f"{file.path}, {file.where(row)}: column '{name}' holds '{as_written(column, row)}' like the row before: "
            f"as a spreadsheet shortens large numbers, times {format_duration(step_us)} apart look the same. Export "
            "the column anew as whole numbers (cell format 0), or as dates."
        )
    return Choice(
        choice.form, f"{choice.why}; the exponent form tells times {format_duration(step_us)} apart, no finer"
    )


def what_numbers_may_be(column: Column, decimal: str, name: str) -> str:
    """What somebody can say of a column of plain numbers that are no dates by themselves."""
    values = numbers_in(sample_of(column), decimal)[0]
    known = values[np.isfinite(values)]
    middle = float(np.median(known)) if len(known) else 0.0
    start = f"{EXPORT} to"
    if 20_000 <= middle < 80_000:
        guess = f"If they are Excel's serial days, {start} excel (or excel_1904); "
    elif 693_000 <= middle < 767_000:
        guess = f"If they are MATLAB's datenum, {start} matlab; "
    else:
        guess = ""
    return (
        f"{guess}{'if' if guess else 'If'} they count from 1970, {start} epoch_s, epoch_ms, epoch_us or epoch_ns; if "
        f"they are cycles or samples, give --time '{name}' --time-format counter --period 1h (what one is worth); if "
        "they are seconds since a start, elapsed (elapsed_min, elapsed_h, elapsed_d)."
    )


def what_text_may_be(column: Column, name: str) -> str:
    """What can be said of text in a time column that no form reads."""
    if not is_text(column):
        return ""
    if share_of(column, r"\d:\d.*\s[A-Z]{3,5}\s*$") > 0.5:
        return (
            " It ends in the short name of a zone that several share: export offsets such as +01:00, or times without "
            "a zone, to be read with --zone."
        )
    if share_of(column, r"^\s*\d{4}-?W\d{2}") > 0.5:
        return " Dates of ISO weeks are not read: export calendar dates such as 2026-03-02."
    if share_of(column, r"^\s*\d{4}-?\d{3}([T ].*)?\s*$") > 0.5:
        return " Dates that number the days of a year are not read: export calendar dates such as 2026-03-02."
    if share_of(column, r"^\s*(\d+ days? )?\d{1,3}:\d{2}(:\d{2}([.,]\d+)?)?\s*$") > 0.5:
        return (
            " It has a time of day and no date. If it is time since a start, give "
            f"--time '{name}' --time-format elapsed (or elapsed:2026-03-02, where the start is known); if the date "
            "stands in another column, --time 'DATE + TIME' takes both."
        )
    if share_of(column, r"^\s*(Q[1-4][- ]\d{4}|\d{4}[- ]?Q[1-4]|\d{4}-\d{2})\s*$") > 0.5:
        return " Months and quarters are no moments: export calendar dates such as 2026-03-02."
    return ""


def likely_formats(column: Column) -> tuple[str, ...]:
    """The formats that read more than half of a sample of cells, the ones that read most; several if they tie."""
    sample = texts_of(sample_of(column))
    if not len(sample) or share_of(sample, LIKE_A_DATE) < 0.5:
        return ()
    if parse_times(sample, ISO).readable.all():  # the most common form, and no other reads it
        return (ISO,)
    words = without_words(sample)
    few = words.take(arrow.from_ints(np.unique(np.linspace(0, len(words) - 1, 50).astype(np.int64)))).to_pylist()
    counts = {form: int(parse_times(words, form).readable.sum()) for form in FORMATS if may_fit(few, form)}
    if not counts:
        return ()
    best = max(counts.values())
    if 2 * best <= len(sample):
        return ()
    # A minority of impossible dates (13/02 read month first) must not hide the other order: it is settled on all rows.
    chosen = next(form for form, count in counts.items() if count == best)
    orders = [form for form in counts if form == chosen or form in orders_of(chosen)]
    return tuple(date + _time_of_day_format(sample, date) for date in orders)


def two_forms(file: RawFile, column: Column) -> str:
    """The words on a column that holds dates in two forms, each in about one half, and where the first of each stands;
    none where it does not.
    """
    if not is_text(column):
        return ""
    texts = texts_of(column)
    sample = sample_of(texts)
    read = {form: parse_times(sample, form).readable for form in FORMATS}
    one = max(read, key=lambda form: int(read[form].sum()))
    other = max(read, key=lambda form: int((read[form] & ~read[one]).sum()))
    both = int((read[one] | read[other]).sum())
    if 2 * both <= len(sample) or not (read[other] & ~read[one]).any():
        return ""
    first, more = parse_times(texts, one).readable, parse_times(texts, other).readable
    rows = [int(np.flatnonzero(marked)[0]) for marked in (first, more & ~first)]
    shown = " and ".join(f"'{as_written(column, row)}' ({file.where(row)})" for row in rows)
    return f"holds times in two forms, {shown}: write all of them in one, or split the file."


def _time_of_day_format(sample: Column, date: str) -> str:
    """Write the time of day of the first cell as strptime would, for people and for `ReadOptions.time_format`."""
    if date not in DATES:
        return ""
    text = next(text for text in sample.to_pylist() if text.strip())
    half = re.search(r"[AaPp]\.?\s?[Mm]\.?\s*$", text) is not None
    seconds = {0: "", 1: ":%M"}.get(text.count(":"), ":%M:%S")
    return f" {'%I' if half else '%H'}{seconds}{' %p' if half else ''}" if seconds else ""


def _first_cell(column: Column) -> tuple[int, str]:
    """Row and text of the first cell that holds anything."""
    rows = np.flatnonzero(~is_null(column))
    return (int(rows[0]), as_written(column, int(rows[0]))) if len(rows) else (0, "")


def _first_number(column: Column, decimal: str) -> str:
    values = numbers_in(sample_of(column), decimal)[0]
    good = values[np.isfinite(values)]
    return f"{good[0]:g} …" if len(good) else "none"
