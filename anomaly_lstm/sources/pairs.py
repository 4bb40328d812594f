"""Tables of pairs, ``A time, A value, B time, B value``, as trends and spreadsheet add-ins give: each on its own clock.

The columns are brought below each other as a long table; a pair without any cell in a line is no row of it.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from anomaly_lstm import arrow
from anomaly_lstm.sources.names import QUALITY_ENDINGS
from anomaly_lstm.sources.vocabulary import MOMENT, NUMBER
from anomaly_lstm.sources.words import columns_named, listed

Int64 = NDArray[np.int64]

TIME, SENSOR, VALUE, UNIT, QUALITY = "time", "sensor", "value", "unit", "quality"
"""The columns of the long table."""
LEAST = 0.8
"""So many of the cells of a column of times are times."""
TIME_WORDS = (
    r"(date[ _]?(and[ _]?)?time|time[ _]?stamp|datum[ _/]?uhrzeit|zeit(stempel)?|time|date|datum|fecha([ _]?hora)?"
    r"|horodatage|ts|t)"
)
VALUE_WORDS = r"(value|val|reading|wert|messwert|valor|valeur|valore|y|pv)"
WORDS = {"t": TIME_WORDS, "v": VALUE_WORDS, "q": QUALITY_ENDINGS}


@dataclass(frozen=True)
class Pair:
    """Two columns, by number, of which one holds the times of the other, what they measure, and how good it is."""

    tag: str
    time: int
    value: int
    quality: int | None = None


def find_pairs(names: Sequence[str], above: Sequence[Sequence[str]], rows: Sequence[Sequence[str]]) -> tuple[Pair, ...]:
    """The pairs that all columns of a table make, by the names and the cells below them; none where one does not fit.

    ``above`` are the lines of words right above the names: they may hold the tags.
    """
    cells = [[row[n].strip() for row in rows if n < len(row) and row[n].strip()] for n in range(len(names))]
    used = [n for n, name in enumerate(names) if name.strip() or cells[n]]
    if len(used) >= 4 and len(used) % 2 == 0:
        couples = list(zip(used[::2], used[1::2], strict=True))
        tags = _tags([(names[time].strip(), names[value].strip()) for time, value in couples])
        for record in [] if tags else reversed(above):
            told = ["".join(record[n].strip() for n in pair[:1] if n < len(record)) for pair in couples]
            tags = tags or (told if all(told) and len(set(told)) == len(told) else [])
        found = [Pair(tag, time, value) for tag, (time, value) in zip(tags, couples, strict=False)]
        if found and _all_hold(found, cells):
            return tuple(found)
    return _other_pairs(names, cells, used)


def _other_pairs(names: Sequence[str], cells: Sequence[Sequence[str]], used: Sequence[int]) -> tuple[Pair, ...]:
    """Pairs with the value first, with its quality as a third, or with a column of remarks at the end of them: where
    the names of all tell the same tags.
    """
    remarks = used and not any(NUMBER.fullmatch(cell) or MOMENT.fullmatch(cell) for cell in cells[used[-1]])
    for columns in (used, used[:-1]) if remarks else (used,):
        for order in ("tv", "vt", "tvq"):
            size = len(order)
            groups = [columns[n : n + size] for n in range(0, len(columns), size)]
            if len(groups) < 2 or len(groups[-1]) != size:
                continue
            tags = [_common_tag(order, [names[n].strip() for n in its]) for its in groups]
            if not all(tags) or len(set(tags)) < len(tags):
                continue
            places = [dict(zip(order, its, strict=True)) for its in groups]
            found = [Pair(tag, its["t"], its["v"], its.get("q")) for tag, its in zip(tags, places, strict=True)]
            if _all_hold(found, cells):
                return tuple(found)
    return ()


def _common_tag(order: str, names: Sequence[str]) -> str:
    """The tag that all names of a pair tell, those of times and qualities by saying so; empty where they do not."""
    bare = [_without(WORDS[kind], name) for kind, name in zip(order, names, strict=True)]
    told = all(tag != name or kind == "v" for kind, tag, name in zip(order, bare, names, strict=True))
    return bare[0] if told and len(set(bare)) == 1 else ""


def _all_hold(pairs: Sequence[Pair], cells: Sequence[Sequence[str]]) -> bool:
    """Whether the columns of times hold times, and those of values something else."""
    return all(
        _holds_times(cells[pair.time]) and cells[pair.value] and not _holds_times(cells[pair.value]) for pair in pairs
    )


def _holds_times(cells: Sequence[str]) -> bool:
    return bool(cells) and sum(bool(MOMENT.fullmatch(cell)) for cell in cells) >= LEAST * len(cells)


def _tags(names: Sequence[tuple[str, str]]) -> list[str]:
    """The tag of each pair by its two names; none where they do not say that they belong together."""
    times = [_without(TIME_WORDS, time) for time, _ in names]
    values = [_without(VALUE_WORDS, value) for _, value in names]
    if times == values or not any(times):
        tags = values
    elif not any(values):
        tags = times  # a tag above the times, and nothing above the values
    else:
        return []
    return tags if all(tags) and len(set(tags)) == len(tags) else []


def _without(words: str, name: str) -> str:
    """A name without what says that it holds times, or values, at one of its ends, and a number that counts copies."""
    name = re.sub(r"\s*[\[(][^\[\]()]*[\])]$", "", name)
    bare = re.sub(rf"(?i)(^|[\s_.:/\\-]+){words}([\s_.]?\d+)?$", "", name)
    return bare if bare != name else re.sub(rf"(?i)^{words}[\s_.:/\\-]+(?=\D)", "", name)


@dataclass(frozen=True)
class OfPair:
    """Says where row *i* of the long table stands."""

    where: Callable[[int], str]
    rows: Int64

    def __call__(self, row: int) -> str:
        return self.where(int(self.rows[row]))


def names_of_pairs(names: Sequence[str], pairs: Sequence[Pair]) -> list[str]:
    """The names of all columns, those of pairs by their tags: columns of times are often all called alike."""
    called = dict(enumerate(names))
    for pair in pairs:
        called |= {pair.time: f"{pair.tag} ({TIME})", pair.value: f"{pair.tag} ({VALUE})"}
        called |= {} if pair.quality is None else {pair.quality: f"{pair.tag} ({QUALITY})"}
    return list(called.values())


def pair_notes(pairs: Sequence[Pair], names: Sequence[str]) -> list[str]:
    if not pairs:
        return []
    taken = {n for pair in pairs for n in (pair.time, pair.value, pair.quality)}
    beside = [name for n, name in enumerate(names) if n not in taken and name.strip()]
    return [
        *([f"Not used beside the pairs: {columns_named(beside)}."] if beside else []),
        "PAIRS: each sensor has a column of times of its own, and is read by it: "
        f"{listed([pair.tag for pair in pairs])}. Else name one column with --time.",
    ]


def below_each_other(
    table: Any, pairs: Sequence[Pair], names: Sequence[str], units: Mapping[str, str]
) -> tuple[Any, Int64]:
    """The pairs of a table as time, sensor, value and unit below each other, and the row (n,) each came from."""
    pieces: list[Any] = []
    rows: list[Int64] = []
    for pair in pairs:
        time, value = (table.column(names[n]) for n in (pair.time, pair.value))
        held = np.flatnonzero(~(arrow.is_null(time) & arrow.is_null(value)))
        mine = arrow.from_ints(held)
        tag = arrow.repeat_text(pair.tag, len(held))
        columns = {TIME: time.take(mine), SENSOR: tag, VALUE: value.take(mine)}
        if pair.quality is not None:
            columns[QUALITY] = table.column(names[pair.quality]).take(mine)
        if units:
            columns[UNIT] = arrow.texts([units.get(names[pair.value])] * len(held))
        pieces.append(pa.table(columns))
        rows.append(held)
    return pa.concat_tables(pieces), np.concatenate(rows)
