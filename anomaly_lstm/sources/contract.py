"""What a source is: a module that reads sensor history from one kind of place.

It gives the rows as they stand there, in parts of bounded size; `reading` finds out what the columns are and brings all
kinds to the same form: rows as they were measured, in file order, in UTC. Grid, states and quality counts come after
it (`telemetry`).
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from anomaly_lstm.sources.words import OTHER, capped

TOLD = b"anomaly_lstm.ingested"
"""Key of the metadata in which a Parquet file of ours says which columns are its time and asset; see `RawFile.told`."""
UNIT = b"unit"
"""Key of the metadata of a Parquet column that tells its unit."""
PLACES = ("file", "folder")
"""What an asset or a sensor may be named after …"""
PREFIXES = (*PLACES, "component")
"""… and a sensor also after its component: the folder, or what stands before the moment in the name of the file."""


@dataclass(frozen=True)
class Mark:
    """A place in the order of a column: ``moment`` [µs since 1970 UTC], ``wall`` (the same on a clock without a zone),
    ``number`` or ``text``.
    """

    kind: str
    value: int | float | str


@dataclass(frozen=True)
class Database:
    """Rows of a database: a table of it, or the answer to a query. Its address stands in an environment variable."""

    url_env: str
    table: str | None = None
    query: str | None = None
    watermark: str | None = None
    """Column that rises with every row that comes, by which new rows are asked for; None = the time column."""
    overlap_us: int = 3_600_000_000
    """How far before the last row asked for new rows begin [µs]: rows may come late."""
    overlap_steps: int = 10_000
    """The same where the watermark counts rows and is no time."""
    since: Mark | None = None
    """Ask only for rows from here on; None = for all."""


@dataclass(frozen=True)
class DateOrder:
    """Whether the day or the month comes first in dates of numbers, and the date that tells, with its file."""

    day_first: bool
    file: str
    cell: str


@dataclass(frozen=True)
class ReadOptions:
    """How to read; None means: find out, and say what was found."""

    time: str | None = None
    time_format: str | None = None
    """``iso8601``, a strptime form such as ``%d/%m/%Y %H:%M``, or for numbers one of `counts.SCALES` such as
    ``epoch_s`` and ``excel``; ``counter`` and ``elapsed``, with ``:START`` after them or not, where no calendar is."""
    step_us: int | None = None
    """What one count of a ``counter`` is worth [µs]."""
    orders: Mapping[str, DateOrder] = field(default_factory=dict)
    """How dates of numbers are read that could be both ways round, by the first of the forms with the same marks: what
    other files of the source tell."""
    zone: str | None = None
    """IANA zone of times without an offset, or ``UTC+01:00``; None = what the name of their column says, or UTC."""
    zones: Mapping[str, str] = field(default_factory=dict)
    """Asset → the zone of its times without an offset, before ``zone``."""
    asset: str | None = None
    """Column that names the asset; None = one that plainly does, else as ``asset_from`` says."""
    asset_from: str | None = None
    """``file`` (an asset per file, named by its stem) or ``folder`` (all files of a folder are one asset of its name);
    None = ``file``, unless a column plainly names the asset."""
    name: str | None = None
    """All files are one asset of this name."""
    sensor_prefix: str | None = None
    """``file`` or ``folder``: sensors are named ``stem\\column`` or ``folder\\column``."""
    layout: str | None = None
    """``wide`` (a column per sensor) or ``long`` (asset, sensor, time, value)."""
    sensor: str | None = None
    value: str | None = None
    """Columns of a long table."""
    separator: str | None = None
    """``,`` ``;`` ``|`` ``^`` ``~``, a tab, a blank (any number of them) or two blanks (two and more)."""
    decimal: str | None = None
    missing: Sequence[str] = ()
    """Words and numbers that stand for no value, such as ``-9999``: cells that hold them become missing."""
    columns: Mapping[str, str] = field(default_factory=dict)
    """Renames: column in the file → sensor name."""
    sensors: Sequence[str] | None = None
    """Keep these sensors only."""
    exclude: Sequence[str] = ()
    """Leave these columns out."""
    asked: Sequence[str] = ()
    """Names that other options give (context, conditions, bounds): sensors even where they look like a label."""
    known: Sequence[str] = ()
    """Names known to be sensors, from a model: columns of these names (after ``columns``) are sensors whatever they
    hold, all other columns are left out without a word, and absent ones are no error here."""
    mode: str | None = None
    """A sensor that may hold words, as those in ``words`` do: they are read as places in `Reading.words`."""
    words: Mapping[str, Sequence[str]] = field(default_factory=dict)
    """Sensor that holds words → those that come first, known to a model or a condition; none where it is known to hold
    numbers."""
    among: Sequence[Path] = ()
    """All files of the source, where only some of them are read: assets are named after files so that all differ."""
    after: Mapping[str, int] = field(default_factory=dict)
    """File → how many of its bytes were read before, up to the end of a line: a source of text reads on from there.
    0 says that it is new."""
    last_us: Mapping[str, int] = field(default_factory=dict)
    """Asset → the time of its last row [µs since 1970 UTC] before those of the files in ``after``: in which pass of an
    hour that local clocks show twice they go on."""
    database: Database | None = None
    """What to ask for, where the source is a database."""
    start_us: int | None = None
    end_us: int | None = None
    """Half-open span of measuring times to keep [µs since 1970 UTC]."""


@dataclass(frozen=True)
class RawFile:
    """One file, or some of its rows in order, with its cells in Arrow columns, before anyone knows which is what.

    ``table`` has stripped, distinct names; ``where`` says in words where row *i* stands in the file ("line 17");
    ``indexes`` are columns that only number or index the rows: no sensors. ``decimal`` holds for its text cells.
    """

    path: Path
    table: Any
    where: Callable[[int], str]
    indexes: tuple[str, ...] = ()
    decimal: str = "."
    separator: str | None = None
    """None where the format has none."""
    notes: tuple[str, ...] = ()
    units: Mapping[str, str] = field(default_factory=dict)
    """Column → unit, as the file tells it."""
    dropped: Mapping[str, int] = field(default_factory=dict)
    """Reason → records among these that are no rows of the table: a footer, the names again."""
    done: float = 1.0
    """Share of the file that has been read after these rows."""
    head: Any = None
    """The first rows of the file, the same however the others are cut into parts; None where nobody looked."""
    sections: tuple[int, ...] = ()
    """The rows above which the names stand again."""
    told: Mapping[str, str] = field(default_factory=dict)
    """``time`` and ``asset`` → column, where the file says so itself, as an ingested one does: all else are sensors."""


@dataclass(frozen=True)
class RawAsset:
    """One asset's rows as read: unsorted, irregular, duplicates included.

    ``time_us`` (n_rows,) int64 [µs since 1970, UTC]; ``values`` (n_rows, n_sensors) float64, NaN where missing, in the
    sensor's own unit; ``origins`` the files they came from.
    """

    asset: str
    time_us: NDArray[np.int64]
    sensors: tuple[str, ...]
    values: NDArray[np.float64]
    origins: tuple[str, ...] = ()
    absent: tuple[str, ...] = ()
    """Those of ``sensors`` that none of its files has: another asset's do."""
    left_out: tuple[str, ...] = ()
    """What else its files measured that `ReadOptions.known` left out."""
    joined: int = 0
    """Rows of files, or cells of a long table, that were put beside others of the same time."""
    out_of_order: int = 0
    """Rows of these that stood after a later one of their file."""


@dataclass(frozen=True)
class FileQuality:
    """What happened to the rows of one file; ``rows_read = rows_kept + Σ dropped`` (of a long table too)."""

    file: str
    rows_read: int
    rows_kept: int
    dropped: Mapping[str, int] = field(default_factory=dict)
    """Reason → rows, e.g. ``{"time not readable": 3, "outside --start/--end": 120}``."""
    cells_not_numeric: Mapping[str, Mapping[str, int]] = field(default_factory=dict)
    """Sensor → what its cells held where a number was expected (``Bad``, ``inf``, ``quality 0``) → cells; they became
    missing. The commonest words, the rest as ``other``."""


def together(one: FileQuality, more: FileQuality) -> FileQuality:
    """What became of the rows of a file that was read in two parts."""

    def added(before: Mapping[str, int], after: Mapping[str, int]) -> dict[str, int]:
        return {key: before.get(key, 0) + after.get(key, 0) for key in sorted({*before, *after})}

    return FileQuality(
        one.file,
        one.rows_read + more.rows_read,
        one.rows_kept + more.rows_kept,
        added(one.dropped, more.dropped),
        {
            sensor: capped(Counter(_words(one, sensor)) + Counter(_words(more, sensor)))
            for sensor in sorted({*one.cells_not_numeric, *more.cells_not_numeric})
        },
    )


def _words(quality: FileQuality, sensor: str) -> Mapping[str, int]:
    """What the cells of a sensor held; states of older versions know the number only."""
    held: Mapping[str, int] | int = quality.cells_not_numeric.get(sensor, {})
    return {OTHER: held} if isinstance(held, int) else held


@dataclass(frozen=True)
class Reading:
    """All that a source gave: assets in name order, how they were read, what was found out on the way."""

    assets: Sequence[RawAsset]
    how: ReadOptions
    """The options with every None that matters filled in: reading data of the same shape needs no detection.

    Without ``start_us`` and ``end_us``, which belong to one reading, not to the shape of the data.
    """
    notes: Sequence[str]
    """Sentences about what was detected, for people."""
    files: Sequence[FileQuality]
    orders: Mapping[str, DateOrder] = field(default_factory=dict)
    """What its dates tell of the order of day and month, as in `ReadOptions.orders`."""
    day_or_month: tuple[str, ...] = ()
    """The first of the forms of which day and month could be either way round: the choice is a guess."""
    words: Mapping[str, Sequence[str]] = field(default_factory=dict)
    """Sensor that holds words → its words, among which its values are places; a mode of numbers is not in it."""
    columns: Sequence[str] = ()
    """All columns, in a long table all sensor names too, as the files name them."""
    done: float = 1.0
    """Share of the source that has been read after it."""
    units: Mapping[str, str] = field(default_factory=dict)
    """Sensor → its unit, where the files tell it: in a row below the names, in brackets, or behind the numbers."""


class Source(Protocol):
    """The shape of every module in this room."""

    NAME: str
    SUFFIXES: tuple[str, ...]

    def parts(self, path: Path, options: ReadOptions, size: int | None) -> Iterator[RawFile]:
        """The rows of one file in order: at least one part, all with the same columns.

        A part takes about ``size`` bytes in the file [bytes], unpacked; None = all rows are one part. Raises
        `errors.DataError` naming file, line and next step where the file cannot be read, `errors.UsageError` where the
        options contradict each other.
        """
        ...
