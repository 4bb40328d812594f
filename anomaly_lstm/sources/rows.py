"""One file → its rows in UTC with numbers; each row is kept, or counted with the reason it was dropped."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from anomaly_lstm.sources.apart import refuse_sections
from anomaly_lstm.sources.cells import coded
from anomaly_lstm.sources.clocks import Account
from anomaly_lstm.sources.contract import FileQuality, RawFile, ReadOptions
from anomaly_lstm.sources.moments import OUTSIDE, moments_of
from anomaly_lstm.sources.remarks import Remarked
from anomaly_lstm.sources.roles import Roles
from anomaly_lstm.sources.values import cells_lost, long_values, wide_values

Int64 = NDArray[np.int64]
Floats = NDArray[np.float64]

NO_ASSET = "asset missing"
NO_SENSOR = "sensor name missing"
LEFT_OUT = "sensor left out"
RECORDER = "a mark of the recorder, no value"
MARKS = ("$RT_OFF$", "$RT_COUNT$", "$RT_DIS$", "$RT_ERR$")
"""What stands for a sensor where a panel writes that it went off, how many rows it wrote, or lost."""


@dataclass(frozen=True)
class Rows:
    """The kept rows of one file, in UTC.

    ``asset`` (n_rows,) indexes ``assets``. Wide: ``values`` (n_rows, n_sensors). Long: ``values`` (n_rows, 1), and
    ``sensor`` (n_rows,) indexes ``sensors``.
    """

    file: str
    assets: tuple[str, ...]
    asset: Int64
    time_us: Int64
    sensors: tuple[str, ...]
    values: Floats
    sensor: Int64 | None = None
    notes: tuple[str, ...] = ()
    quality: FileQuality = field(default_factory=lambda: FileQuality("", 0, 0))
    left_out: tuple[str, ...] = ()
    """What it measures that `ReadOptions.known` left out."""
    account: Account = field(default_factory=Account)
    """What the clocks of the file did, up to these rows."""
    remarked: Remarked = field(default_factory=dict)
    units: Mapping[str, str] = field(default_factory=dict)
    """Sensor → unit, where the file tells it."""


def rows_of(
    file: RawFile, roles: Roles, time_format: str | None, stem: str, options: ReadOptions, account: Account
) -> Rows:
    """Convert one file: times to UTC, cells to numbers; every row is kept or counted with the reason it was dropped.

    ``account`` is what the parts of the file before this one told of their clocks.
    """
    alone = ((stem,), np.zeros(file.table.num_rows, dtype=np.int64))
    assets, asset = coded(file.table[roles.asset]) if roles.asset else alone
    names, sensor = coded(file.table[roles.sensor]) if roles.sensor else ((), None)
    moments = moments_of(file, roles.time, time_format, (assets, asset), (names, sensor), options, account)
    keep, dropped, utc = moments.keep.copy(), dict(moments.dropped), moments.us
    nameless = {NO_ASSET: asset < 0}
    if sensor is not None:
        marks = [place for place, name in enumerate(names) if name in MARKS]
        nameless |= {NO_SENSOR: sensor < 0, RECORDER: np.isin(sensor, marks)}
    for reason, bad in nameless.items():
        if (keep & bad).any():
            dropped[reason] = int((keep & bad).sum())
            keep &= ~bad
    found = wide_values(file, roles, options, keep) if sensor is None else long_values(file, roles, options, keep)
    if sensor is None and roles.asset is None:
        refuse_sections(file, utc[keep], keep, found.values)
    if sensor is not None and (keep & found.left_out).any():
        dropped[LEFT_OUT] = int((keep & found.left_out).sum())
        keep &= ~found.left_out
    dropped |= file.dropped
    read = file.table.num_rows + sum(file.dropped.values())
    quality = FileQuality(str(file.path), read, int(keep.sum()), dropped, found.lost)
    left_out = tuple(name for name in names or file.table.column_names if _is_left_out(name, roles, options))
    return Rows(
        str(file.path),
        assets,
        asset[keep],
        utc[keep],
        found.sensors,
        found.values if found.sensor is None else found.values[keep],
        None if found.sensor is None else found.sensor[keep],
        tuple(found.notes),
        quality,
        left_out,
        moments.account,
        found.remarked,
        found.units,
    )


def lost_words(quality: FileQuality, options: ReadOptions) -> list[str]:
    """Tell which rows and cells of a file are not there, and why."""
    untold = (OUTSIDE, LEFT_OUT) if options.known else (OUTSIDE,)
    words = cells_lost(quality.cells_not_numeric)
    words += [f"{count} row(s) dropped: {reason}." for reason, count in quality.dropped.items() if reason not in untold]
    return words if quality.rows_kept else [*words, "No row lies between --start and --end."]


def _is_left_out(name: str, roles: Roles, options: ReadOptions) -> bool:
    """Say whether a column (in a long table, a sensor name) is none the model knows."""
    return bool(options.known) and name not in roles.taken() and options.columns.get(name, name) not in options.known
