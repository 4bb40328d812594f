"""Words in dates: months and days of the week in six languages, and what people write around them."""

from __future__ import annotations

import numpy as np
import pyarrow.compute as pc
from numpy.typing import NDArray

from anomaly_lstm import arrow
from anomaly_lstm.arrow import Column, to_numpy

Int64 = NDArray[np.int64]

MONTHS: tuple[str, ...] = (
    "jan january januar jänner jaenner ene enero janv janvier gen gennaio janeiro",
    "feb february februar febrero fév fev févr fevr février fevrier febbraio fevereiro",
    "mar march mär mrz märz maerz marzo mars março marco",
    "apr april abr abril avr avril aprile",
    "may mai mayo mag maggio maio",
    "jun june juni junio juin giu giugno junho",
    "jul july juli julio juil juillet lug luglio julho",
    "aug august ago agosto août aout",
    "sep sept september septiembre setiembre septembre set settembre setembro",
    "oct october okt oktober octubre octobre ott ottobre out outubro",
    "nov november noviembre novembre novembro",
    "dec december dez dezember dic diciembre déc décembre decembre dicembre dezembro",
)
"""English, German, Spanish, French, Italian, Portuguese; no word means two months."""

_WEEKDAYS = (
    *("mon tue tues wed thu thur thurs fri sat sun monday tuesday wednesday thursday friday saturday sunday",),
    *("mo di mi do fr sa so montag dienstag mittwoch donnerstag freitag samstag sonnabend sonntag",),
    *("lun mié mie jue vie sáb sab dom lunes martes miércoles miercoles jueves viernes sábado sabado domingo",),
    *("mer jeu ven sam dim lundi mardi mercredi jeudi vendredi samedi dimanche",),
    *("gio lunedì martedì mercoledì giovedì venerdì sabato domenica",),
    *("seg ter qua qui sex segunda terça quarta quinta sexta segunda-feira terça-feira quarta-feira",),
    *("quinta-feira sexta-feira",),
)
_WEEKDAY = "|".join(sorted((word for line in _WEEKDAYS for word in line.split()), key=len, reverse=True))
_REPLACED = (
    ("[\u00a0\u2007\u2009\u202f]", " "),  # blanks that do not break a line
    ("\u2212", "-"),
    (rf"(?i)^\s*(?:{_WEEKDAY})\.?,?\s+", ""),
    (r"(?i)^\s*mar\.?,?\s+(\d{1,2}(?:[./-]\d|\.?\s+\pL))", r"\1"),  # martes, mardi: no March, a date follows
    (r"(?i)^(\s*\d{1,2})(?:\.|st|nd|rd|th|er|º)?(?:\s+de)?\s+(\pL{3,10})", r"\1 \2"),
    (r"(?i)(\pL{3,10}\.?)(?:\s+del?)\s+(\d)", r"\1 \2"),
    (r"(?i)(\pL{3,10}\.?\s+\d{1,2})(?:st|nd|rd|th)\b", r"\1"),
    (r"(?i)(\d),?\s+(?:um|at|a las|à|às|alle|alle ore)\s+(\d)", r"\1 \2"),
)
_NUMBERS = {name: number for number, names in enumerate(MONTHS, start=1) for name in names.split()}
_NAMES = arrow.texts(_NUMBERS)
_MONTH_OF = np.array([*_NUMBERS.values(), 0], dtype=np.int64)


def month_numbers(names: Column) -> Int64:
    """Number the names of months (n,), in any of the languages, whole or short; 0 for other words."""
    places: Int64 = to_numpy(pc.index_in(pc.utf8_lower(names), value_set=_NAMES), np.int64, empty=-1)
    return np.asarray(_MONTH_OF[places])


def without_words(column: Column) -> Column:
    """Dates without what only people need: the day of the week, ``2nd``, ``de``, ``um``, and blanks that are none."""
    if not pc.any(pc.match_substring_regex(column, r"[^\x00-\x7f]|\pL{2,}")).as_py():
        return column
    for pattern, replacement in _REPLACED:
        column = pc.replace_substring_regex(column, pattern, replacement)
    return column
