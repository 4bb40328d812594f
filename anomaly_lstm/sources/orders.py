"""Whether the day or the month comes first in dates of numbers: by what a file tells, by others that write so, by rule.

Dates with the same marks and as many digits of the year are a *family*: one of ``13/02/2026`` tells how all of its
family are read. Where one can only be day first and another only month first, nothing is read.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from anomaly_lstm import arrow
from anomaly_lstm.arrow import Column
from anomaly_lstm.errors import DataError
from anomaly_lstm.sources.cells import as_written, sample_of, texts_of
from anomaly_lstm.sources.contract import DateOrder, RawFile
from anomaly_lstm.sources.times import CLOCK_FIRST, NUMERIC_DATES, parse_times

Bool = NDArray[np.bool_]

MISTYPED = 0.02
"""So few rows alone do not tell the order of all the others …"""
JUMPS = 10
"""… if time jumps so many times as far as under the other order."""
EXPORT = "set --time-format or [source] time_format"


@dataclass(frozen=True)
class Choice:
    """A form for the times of a file, and the end of the sentence that says why it was chosen."""

    form: str
    why: str = ""


@dataclass(frozen=True)
class Settled:
    """The order of a family of dates, and by which date it was ``told``; None where a rule chose."""

    choice: Choice
    told: DateOrder | None = None


def settle(
    family: tuple[str, ...],
    parts: Sequence[tuple[RawFile, Column, Sequence[Choice]]],
    known: Mapping[str, DateOrder],
) -> Settled:
    """Choose one order for all files that write dates with the same marks.

    ``known`` is what other files of the source told, by the first form of a family. Raises `DataError` where one date
    can only be day first and another only month first.
    """
    mine = [(file, column, its) for file, column, its in parts if its and without_clock(its[0].form) in family]
    found = {without_clock(choice.form) for _, _, its in mine for choice in its}
    orders = tuple(form for form in family if form in found)
    columns = [(file, column) for file, column, _ in mine]
    choice = Choice(orders[0]) if len(orders) == 1 else _day_or_month_first(orders, columns)
    before = known.get(family[0])
    told = None if choice.why or len(family) == 1 else _first_telling(choice.form, columns)
    if told and before and told.day_first != before.day_first:
        raise DataError(
            f"{told.file}: '{told.cell}' can only be {_order(choice.form)}, but {before.file}: '{before.cell}' can "
            f"only be {'day' if before.day_first else 'month'} first: days and months are mixed up, and files that "
            f"fit both ways would be misread. Read each kind by itself, naming its files, or {EXPORT}."
        )
    if choice.why and not before:
        before = _told_by_other_years(family, parts, known)
    if choice.why and before:
        chosen = next((form for form in orders if is_day_first(form) == before.day_first), choice.form)
        return Settled(Choice(chosen), before)
    return Settled(choice, told)


def _told_by_other_years(
    family: tuple[str, ...],
    parts: Sequence[tuple[RawFile, Column, Sequence[Choice]]],
    known: Mapping[str, DateOrder],
) -> DateOrder | None:
    """What dates with the same marks tell whose years have other digits: ``25/03/2026`` of ``05/03/26``."""
    long, short = family[0].replace("%y", "%Y"), family[0].replace("%Y", "%y")
    others = orders_of(short if family[0] == long else long)
    if not others or others[0] in known:
        return known.get(others[0]) if others else None
    mine = [(file, column) for file, column, its in parts if its and without_clock(its[0].form) in others]
    found = {without_clock(choice.form) for _, _, its in parts for choice in its}
    orders = tuple(form for form in others if form in found)
    choice = _day_or_month_first(orders, mine) if mine and len(orders) > 1 else Choice(orders[0] if mine else "")
    return _first_telling(choice.form, mine) if choice.form and not choice.why else None


def _first_telling(form: str, parts: Sequence[tuple[RawFile, Column]]) -> DateOrder | None:
    """A date that fits no other order, of the first file that has one among some of its rows."""
    other = _swapped(form)
    for file, column in parts if other else ():
        sample = texts_of(sample_of(column))
        rows = np.flatnonzero(parse_times(sample, form).readable & ~parse_times(sample, other).readable)
        if not len(rows) and not is_open(column, form):
            sample = texts_of(column)
            rows = np.flatnonzero(parse_times(sample, form).readable & ~parse_times(sample, other).readable)
        if len(rows):
            return DateOrder(is_day_first(form), str(file.path), as_written(sample, int(rows[0])))
    return None


def is_open(column: Column, form: str) -> bool:
    """Say whether day and month could be exchanged in all cells of a column, by what they tell."""
    other = _swapped(form)
    return bool(other) and all(  # of a sample first: it mostly tells
        parse_times(cells, form).readable.sum() == parse_times(cells, other).readable.sum()
        for cells in (texts_of(sample_of(column)), column)
    )


def by_others(told: DateOrder, form: str) -> str:
    """The end of the sentence on a file whose dates fit both ways, where another one tells."""
    return f"{UNSURE} Rule: {_order(form)}, as in {told.file}, where '{told.cell}' can only be that; else {EXPORT}"


UNSURE = "; AMBIGUOUS: every row has a day and a month that could be either way round."


def without_clock(form: str) -> str:
    return form if form.startswith(CLOCK_FIRST) else re.split(r" %[HI]", form)[0]


def orders_of(form: str) -> tuple[str, ...]:
    """All orders in which the same numbers with the same marks can be a date."""
    head = CLOCK_FIRST if form.startswith(CLOCK_FIRST) else ""
    date = form.removeprefix(head)
    if date not in NUMERIC_DATES:
        return ()
    return tuple(head + other for other in NUMERIC_DATES if other[2] == date[2] and ("%Y" in other) == ("%Y" in date))


def is_day_first(form: str) -> bool:
    """Say whether a date of numbers begins with the day."""
    return form.removeprefix(CLOCK_FIRST).startswith("%d")


def _swapped(form: str) -> str:
    """Exchange day and month in a date of numbers; nothing where there is no such form."""
    date = without_clock(form)
    marks = {"%d": "%m", "%m": "%d"}
    swapped = re.sub("%[dm]", lambda found: marks[found.group()], date)
    return swapped + form.removeprefix(date) if swapped in orders_of(date) and swapped != date else ""


def _day_or_month_first(formats: tuple[str, ...], parts: Sequence[tuple[RawFile, Column]]) -> Choice:
    """Choose between orders of day, month and year over all files, and say why.

    The order that reads most rows, if no row can only be read in another; else the one under which time makes no jumps
    from row to row (the smallest largest step); else month first with '/' (day first where the decimal mark is a
    comma: who writes month first writes a point), day first with '-' and '.'.
    """
    plain = _plainly_best(formats, [column for _, column in parts])
    if plain:
        return Choice(plain)
    times = {form: [parse_times(column, form) for _, column in parts] for form in formats}
    read = {form: sum(int(part.readable.sum()) for part in its) for form, its in times.items()}
    most = [form for form in formats if read[form] == max(read.values())]
    _refuse_contradiction(most[0], formats, {form: [one.readable for one in its] for form, its in times.items()}, parts)
    jump = {
        form: max((int(np.abs(np.diff(one.us[one.readable])).max(initial=0)) for one in its), default=0)
        for form, its in times.items()
    }
    if len(most) == 1:
        _refuse_mistyped(
            most[0], read, jump, {form: [one.readable for one in its] for form, its in times.items()}, parts
        )
        return Choice(most[0])
    smooth = [form for form in most if jump[form] == min(jump[form] for form in most)]
    if len(smooth) == 1:
        return Choice(smooth[0], f"{UNSURE} Rule: {_order(smooth[0])}, this way time runs without jumps; else {EXPORT}")
    comma = any(file.decimal == "," for file, _ in parts)
    first = "%d" if comma or "-" in smooth[0] else "%m"
    chosen = next((form for form in smooth if form.removeprefix(CLOCK_FIRST).startswith(first)), smooth[0])
    mark = chosen.removeprefix(CLOCK_FIRST)[2]
    why = (
        f"numbers with a decimal comma go with {_order(chosen)}" if comma else f"'{mark}' is taken for {_order(chosen)}"
    )
    return Choice(chosen, f"{UNSURE} Rule: {why}; else {EXPORT}")


def _plainly_best(formats: Sequence[str], columns: Sequence[Column]) -> str | None:
    """The order that reads every cell that any order reads, where samples already show that no other does.

    It spares reading millions of rows in every order.
    """
    samples = [texts_of(sample_of(column)) for column in columns]
    read = {form: sum(int(parse_times(sample, form).readable.sum()) for sample in samples) for form in formats}
    best = max(formats, key=lambda form: read[form])
    others = [form for form in formats if form != best]
    if any(read[other] >= (1 - MISTYPED) * read[best] for other in others):
        return None
    for column in columns:
        times = parse_times(column, best)
        rest = column.take(arrow.from_ints(np.flatnonzero(times.given & ~times.readable)))
        if len(rest) and any(parse_times(rest, other).readable.any() for other in others):
            return None
    return best


def _refuse_contradiction(
    chosen: str,
    formats: Sequence[str],
    readable: dict[str, list[Bool]],
    parts: Sequence[tuple[RawFile, Column]],
) -> None:
    """Raise `DataError` where some rows fit one order only and others another only, naming one of each."""
    for other in (form for form in formats if _order(form) != "year first" != _order(chosen)):
        mine = _first_place(readable[chosen], readable[other], parts)
        theirs = _first_place(readable[other], readable[chosen], parts)
        if mine and theirs:
            raise DataError(
                f"{theirs} can only be {_order(other)}, but {mine} can only be {_order(chosen)}: days and months are "
                "mixed up, and rows that fit both ways would be misread. Read each kind by itself, naming its files, "
                f"or {EXPORT} to the form that holds; rows that do not fit are then counted as not readable."
            )


def _refuse_mistyped(
    chosen: str,
    read: Mapping[str, int],
    jump: Mapping[str, int],
    readable: dict[str, list[Bool]],
    parts: Sequence[tuple[RawFile, Column]],
) -> None:
    """Raise `DataError` where a few rows alone tell an order under which time jumps as it does not under the other."""
    for other in (form for form in read if _order(form) not in ("year first", _order(chosen))):
        few = 0 < read[chosen] - read[other] <= MISTYPED * read[chosen]
        if few and 0 < JUMPS * jump[other] < jump[chosen]:
            raise DataError(
                f"{_first_place(readable[chosen], readable[other], parts)} can only be {_order(chosen)}, but nearly "
                f"all other dates run without jumps if they are {_order(other)}: days and months are mixed up, or it "
                f"is mistyped. Mend the row, or {EXPORT} to the form that holds; rows that do not fit are then counted "
                "as not readable."
            )


def _first_place(
    these: Sequence[Bool], not_those: Sequence[Bool], parts: Sequence[tuple[RawFile, Column]]
) -> str | None:
    """File, line and cell of the first row that one order reads and the other does not."""
    for good, bad, (file, column) in zip(these, not_those, parts, strict=True):
        rows = np.flatnonzero(good & ~bad)
        if len(rows):
            row = int(rows[0])
            return f"{file.path}, {file.where(row)}: '{as_written(column, row)}'"
    return None


def _order(form: str) -> str:
    """The order of a date in words."""
    return {"d": "day first", "m": "month first", "y": "year first"}[form.removeprefix(CLOCK_FIRST)[1]]


def first_of_other_order(column: Column, form: str, bad: Bool) -> int | None:
    """The first row among those that ``bad`` marks (n,) that is a date with day and month exchanged."""
    other = _swapped(form)
    if not other or not bad.any():
        return None
    rows = np.flatnonzero(bad)
    fits = np.flatnonzero(parse_times(texts_of(column.take(arrow.from_ints(rows))), other).readable)
    return int(rows[fits[0]]) if len(fits) else None
