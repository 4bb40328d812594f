"""One asset's rows of a scores table, and what they say by themselves: its loads, when a deviation began."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from anomaly_lstm import arrow
from anomaly_lstm.deviations import held
from anomaly_lstm.errors import DataError
from anomaly_lstm.tables import STATE_NAMES, State, scored_sensors

Float64 = NDArray[np.float64]
Int64 = NDArray[np.int64]
Bool = NDArray[np.bool_]

ONSET_ROWS = 2000
"""How far back the begin of a deviation is looked for [scored rows]."""


ONSET_DECADES = 1.0
"""How much rarer than usual [log10 of the return period] the rows of a deviation are at least."""


@dataclass(frozen=True)
class Rows:
    """One asset's rows of a scores table as arrays; score columns NaN unless SCORED."""

    asset: str
    time_us: Int64
    state: NDArray[np.uint8]
    score: Float64
    return_period_s: Float64
    unseen: Bool
    table: pa.Table

    def up_to(self, time_us: int) -> Rows:
        """The rows up to a time, as they were known then."""
        return self.part(slice(0, int(np.searchsorted(self.time_us, time_us, side="right"))))

    def part(self, rows: slice) -> Rows:
        """Some consecutive rows."""
        table = self.table.slice(rows.start or 0)
        return replace(
            self,
            time_us=self.time_us[rows],
            state=self.state[rows],
            score=self.score[rows],
            return_period_s=self.return_period_s[rows],
            unseen=self.unseen[rows],
            table=table.slice(0, len(self.time_us[rows])),
        )


def rows_of(table: pa.Table) -> Iterator[Rows]:
    """Split a scores table into its assets, in name order, each sorted by time. Times that repeat keep their last row.

    Raises DataError when a row names no asset.
    """
    names, asset = arrow.codes(table.column("asset"))
    if (asset < 0).any():
        raise DataError("the scores have rows without an asset. Write them anew with `anomaly-lstm score`.")
    time_us = arrow.times_to_numpy(table.column("time"))
    by_asset = np.lexsort((time_us, asset))
    ends = np.searchsorted(asset[by_asset], np.arange(len(names) + 1))
    for place in sorted(range(len(names)), key=names.__getitem__):
        rows = by_asset[ends[place] : ends[place + 1]]
        rows = rows[np.r_[np.diff(time_us[rows]) != 0, True]]
        yield _rows(names[place], time_us[rows], _pick(table, rows))


def _rows(asset: str, time_us: Int64, table: pa.Table) -> Rows:
    codes = arrow.places_in(table.column("state"), STATE_NAMES, empty=State.NO_DATA)
    has_unseen = "unseen" in table.column_names
    return Rows(
        asset=asset,
        time_us=time_us,
        state=codes.astype(np.uint8),
        score=arrow.to_numpy(table.column("score"), np.float64),
        return_period_s=arrow.to_numpy(table.column("return_period_s"), np.float64),
        unseen=arrow.to_numpy(table.column("unseen"), np.bool_) if has_unseen else np.zeros(len(time_us), bool),
        table=table,
    )


def _pick(table: pa.Table, rows: Int64) -> pa.Table:
    """Rows of a table by number; without a copy where they follow each other, as `score` writes them."""
    if (np.diff(rows) == 1).all():
        return table.slice(int(rows[0]), len(rows))
    return table.take(arrow.from_ints(rows))


def onset_of(rows: Rows, begun: int) -> int:
    """The row on which the deviation began, by a cumulative sum (E. S. Page, 1954; D. V. Hinkley, 1970).

    log10 of the return period is summed over up to `ONSET_ROWS` scored rows of the stretch up to ``begun``, less
    what is usual among them (their median) and one: rows ten times rarer than usual count for a deviation, all others
    against it, none by more than one, so that an earlier deviation is forgotten once as many rows were usual as it
    had. It began after the lowest sum. No row after ``begun`` is read, so an onset never changes.
    """
    first = int(np.flatnonzero(np.r_[True, rows.state[:begun] == State.WARM_UP])[-1])
    scored = first + np.flatnonzero(rows.state[first : begun + 1] == State.SCORED)[-ONSET_ROWS:]
    rarity = np.log10(rows.return_period_s[scored])
    summed = np.cumsum(np.clip(rarity - np.median(rarity) - ONSET_DECADES, -1.0, 1.0))
    return int(scored[np.argmin(np.r_[0.0, summed[:-1]])])


def judged_values(rows: Rows, sensor: str) -> Float64:
    """The values of a sensor (n_rows,) that count against its bounds: those of scored rows, but none of which nothing
    was expected, for it was being worked on (`interventions`).
    """
    value = arrow.to_numpy(rows.table.column(f"value.{sensor}"), np.float64)
    counts = rows.state == State.SCORED
    if f"expected.{sensor}" in rows.table.column_names:
        counts &= np.isfinite(arrow.to_numpy(rows.table.column(f"expected.{sensor}"), np.float64))
    return np.asarray(np.where(counts, value, np.nan))


def loads_of(rows: Rows) -> Float64:
    """The contexts (n_rows, n_context) that are numbers, held from value to value; 0 before the first."""
    shares = set(scored_sensors(rows.table))
    names = [
        column
        for column in rows.table.column_names
        if column.startswith("value.")
        and column.removeprefix("value.") not in shares
        and pa.types.is_floating(rows.table.schema.field(column).type)
    ]
    if not names:
        return np.empty((len(rows.time_us), 0))
    values = np.column_stack([arrow.to_numpy(rows.table.column(name), np.float64) for name in names])
    values[rows.state == State.OUT_OF_STATE] = np.nan
    return np.nan_to_num(held(values))
