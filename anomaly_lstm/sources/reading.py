"""From tables of any shape to assets in UTC: what CSV and Parquet share once their cells lie in Arrow columns.

The way of a file: `roles.find_roles` says which column is what, `formats.find_time_formats` how times are written,
`rows.rows_of` takes its rows and accounts for each one it drops, `assembly.assemble` puts the rows of an asset
together. `read_files` is all of them, `read_parts` the same for a file that does not fit into memory.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from anomaly_lstm.clock import find_zone, iso
from anomaly_lstm.errors import DataError, UsageError
from anomaly_lstm.sources.apart import watched
from anomaly_lstm.sources.assembly import assemble
from anomaly_lstm.sources.cells import holds_words, is_numeric, is_text, words_in
from anomaly_lstm.sources.clocks import Account, clock_words
from anomaly_lstm.sources.contract import (
    PLACES,
    PREFIXES,
    DateOrder,
    FileQuality,
    RawAsset,
    RawFile,
    Reading,
    ReadOptions,
    together,
)
from anomaly_lstm.sources.counts import is_made_up
from anomaly_lstm.sources.formats import Written, find_time_formats
from anomaly_lstm.sources.moments import check_readable
from anomaly_lstm.sources.origins import asset_names, sensor_names
from anomaly_lstm.sources.packing import inside
from anomaly_lstm.sources.remarks import Remarked, joined, remark_words
from anomaly_lstm.sources.roles import Roles, check_names, find_roles, names_in
from anomaly_lstm.sources.rows import Rows, lost_words, rows_of
from anomaly_lstm.sources.values import cells_of
from anomaly_lstm.sources.words import listed
from anomaly_lstm.sources.zones import zone_in_name

NOTHING_BELOW = "It has no rows below the names."
NOTHING_IN_IT = "The file is empty: passed over."
BEGINNING = 4096
"""Bytes of a file by which it is told whether it is empty."""


@dataclass(frozen=True)
class Plan:
    """What was found out about a file: what is needed to read more of its rows in the same way."""

    roles: Roles
    time_format: str | None
    asset: str
    """Its asset where no column names one."""
    columns: Mapping[str, str] = field(default_factory=dict)
    """Column → sensor, where the file's or folder's name is part of the sensor's."""
    without: tuple[str, ...] = ()
    """Columns that seem to name the asset, where it is named otherwise."""

    def of(self, file: RawFile) -> RawFile:
        """The file with its columns called as the sensors."""
        if not self.columns and not self.without:
            return file
        table = file.table.drop_columns(list(self.without)) if self.without else file.table
        units = {self.columns.get(name, name): unit for name, unit in file.units.items()}
        return replace(
            file, table=self._renamed(table), units=units, head=None if file.head is None else self._renamed(file.head)
        )

    def _renamed(self, table: Any) -> Any:
        return table.rename_columns([self.columns.get(name, name) for name in table.column_names])

    def names_in(self, file: RawFile) -> list[str]:
        """All columns of the file as the sensors are called, and the sensor names in a long table."""
        return names_in(self.of(file), self.roles)


def read_files(files: Sequence[RawFile], options: ReadOptions) -> Reading:
    """Find the roles of all columns, convert every file, and put the assets together.

    Raises DataError where no file has rows, unless a model knows the sensors; UsageError where the options name columns
    that no file has.
    """
    plans, written = _plans(files, options)
    if not plans and not options.known:
        raise no_rows(files[0].path)
    present = [name for file, plan in zip(_filled(files), plans, strict=True) for name in plan.names_in(file)]
    check_names(present, options, str(files[0].path) if len(files) == 1 else f"none of the {len(files)} files")
    reading = _all_of(files, plans, written, options)
    return replace(reading, notes=[*reading.notes, *([summary(reading.assets)] if plans else [])])


def read_some(files: Sequence[RawFile], options: ReadOptions) -> Reading:
    """The same for some files of many: none may have rows, or columns that the options name, and others do."""
    plans, written = _plans(files, options)
    return _all_of(files, plans, written, options)


def no_rows(path: Path) -> DataError:
    """Why a source without rows cannot be read."""
    if path.suffix.lower() == ".zip":
        held = listed([one.name for one in inside(path)])
        return DataError(f"{path}: holds no table with rows, only {held}. Pack a CSV with names and rows below them.")
    if path.is_file() and not _beginning(path).strip():
        return DataError(f"{path}: the file is empty. Give a file with a line of column names and rows below it.")
    return DataError(f"{path}: has column names but no rows. Give a file that holds measurements.")


def _beginning(path: Path) -> bytes:
    with path.open("rb") as file:
        return file.read(BEGINNING)


def _why_none(file: RawFile) -> str:
    """What to tell of a file without rows."""
    return NOTHING_BELOW if file.table.num_columns else NOTHING_IN_IT


def _all_of(files: Sequence[RawFile], plans: Sequence[Plan], written: Written, options: ReadOptions) -> Reading:
    """Read whole files by the plans of those that hold rows."""
    if not plans:
        empty = [_without_rows(file) for file in files]
        return Reading([], options, _gather([(str(file.path), (_why_none(file),)) for file in files]), empty)
    reading, rows = _read(files, plans, written, options)
    lost = _gather(
        [(part.file, (*clock_words(part.account), *_lost(part.quality, part.remarked, options))) for part in rows]
    )
    return replace(reading, notes=[*reading.notes, *lost])


def read_parts(parts: Iterable[RawFile], options: ReadOptions, alone: bool) -> Iterator[Reading]:
    """Read one file part by part: the first tells how it is written, the others are read alike.

    Where the file is ``alone``, a slip in the names of columns is told at once, not after an hour of reading.

    The notes of the first reading tell what was found out, those of the others only what is new; a last one, without
    rows, tells which were lost.
    """
    rest = iter(parts)
    head = next(rest)
    plans, written = _plans([head], options)
    if not plans:
        yield _all_of([head], plans, written, options)
        return
    if alone and plans[0].roles.sensor is None:
        check_names(plans[0].names_in(head), options, str(head.path))
    first, (rows,) = _read([head], plans, written, options)
    yield replace(first, done=head.done)
    quality, remarked = rows.quality, rows.remarked
    named, roles = plans[0].of(head), plans[0].roles
    wanted = roles.asset is None and roles.sensor is None and not options.known
    free = [name for name in named.table.column_names if wanted and name not in roles.taken()]
    watch = watched(named, free, options, rows.time_us)
    plan, wide = plans[0], plans[0].roles.sensor is None
    known = tuple(first.assets[0].sensors) if wide and first.assets and not options.known else options.known
    options = replace(options, known=known, words={**options.words, **first.words})
    told: set[str] = set()
    for part in map(plan.of, rest):
        part = replace(part, units=_units_so_far(part, first.units, options))
        options = replace(options, words={**options.words, **_words([part], [plan.roles], options)})
        rows = rows_of(part, plan.roles, plan.time_format, plan.asset, options, rows.account)
        watch = watch.then(part, rows.time_us)
        assets, _ = assemble([rows], known)
        late = [name for name in _left_out(part, plan.roles, options) if name not in told]
        told |= set(late)
        notes = [
            f"{part.path}, {part.where(0)}: from about here on '{name}' holds numbers, before it held none: left out. "
            "Name it with --sensors, or the other columns to be left out with --exclude."
            for name in late
        ]
        columns = () if wide else names_in(part, plan.roles)
        words = {sensor: known for sensor, known in options.words.items() if known}
        found = Reading(assets, first.how, notes, [rows.quality], words=words, columns=columns)
        yield replace(found, done=part.done)
        quality, remarked = together(quality, rows.quality), joined(remarked, rows.remarked)
    check_readable(rows.account, head, plan.roles.time, plan.time_format)
    yield Reading([], first.how, [*clock_words(rows.account), *_lost(quality, remarked, options)], [])


def _lost(quality: FileQuality, remarked: Remarked, options: ReadOptions) -> list[str]:
    """What to tell of a file once all of its rows are read."""
    return [*(remark_words(remarked) if quality.rows_kept else []), *lost_words(quality, options)]


def _units_so_far(part: RawFile, units: Mapping[str, str], options: ReadOptions) -> dict[str, str]:
    """Column → unit of a part, with those that the first part told: in another the file may not go on."""
    sensors = {name: options.columns.get(name, name) for name in part.table.column_names}
    return {name: units[sensor] for name, sensor in sensors.items() if sensor in units} | dict(part.units)


def _left_out(part: RawFile, roles: Roles, options: ReadOptions) -> list[str]:
    """Columns of a wide table that hold numbers in this part, and were no sensors by the first."""
    if roles.sensor is not None or options.sensors is not None:
        return []
    free = [name for name in part.table.column_names if name not in roles.taken() and name not in part.indexes]
    return [
        name
        for name in free
        if options.columns.get(name, name) not in options.known
        and not {name, options.columns.get(name, name)} & set(options.exclude)
        and is_text(part.table[name])
        and is_numeric(part.table[name], part.decimal, options.missing)
    ]


def _filled(files: Sequence[RawFile]) -> list[RawFile]:
    return [file for file in files if file.table.num_rows]


def _plans(files: Sequence[RawFile], options: ReadOptions) -> tuple[list[Plan], Written]:
    """Find out how each file that holds rows is to be read, and what to tell about its times."""
    _check_choices(options)
    for zone in {options.zone or "UTC", *options.zones.values()}:
        find_zone(zone)
    filled = _filled(files)
    guessed = [find_roles(file, options) for file in filled]
    roles = [replace(role, asset=None) if _named_otherwise(options) else role for role in guessed]
    written = find_time_formats(filled, [role.time for role in roles], options.time_format, options.orders)
    among = _tables_among(options.among, [file.path for file in filled])
    by_path = dict(zip(among, asset_names(among, options.asset_from), strict=True))
    columns = [sensor_names(file, guess, options) for file, guess in zip(filled, guessed, strict=True)]
    plans = [
        Plan(
            replace(role, quality={called.get(name, name): beside for name, beside in role.quality.items()}),
            format_,
            options.name or by_path[file.path],
            called,
            (guess.asset,) if guess.asset is not None and role.asset is None else (),
        )
        for file, guess, role, format_, called in zip(filled, guessed, roles, written.formats, columns, strict=True)
    ]
    return plans, written


def _tables_among(files: Sequence[Path], present: Sequence[Path]) -> list[Path]:
    """What tables all files of the source hold: a zip may hold several. Which are zips is told by name where it can."""
    zipped = {".zip"} if {*present} <= {*files} else {path.suffix.lower() for path in files}
    found = [name for path in files for name in (inside(path) if path.suffix.lower() in zipped else [path])]
    return list(dict.fromkeys([*found, *(path for path in present if path not in found)])) if found else [*present]


def _named_otherwise(options: ReadOptions) -> bool:
    """Say whether the user said where the name of an asset comes from, and it is no column."""
    return options.asset is None and bool(options.name or options.asset_from)


def _check_choices(options: ReadOptions) -> None:
    """Raise `UsageError` where an option is none of those there are, or two contradict each other."""
    for key, choices in (("layout", ("wide", "long")), ("asset_from", PLACES), ("sensor_prefix", PREFIXES)):
        value = getattr(options, key)
        if value not in (None, *choices):
            raise UsageError(f"[source] {key} = {value!r} is neither {choices[0]!r} nor {choices[1]!r}.")
    if options.name is not None and (options.asset is not None or options.asset_from is not None):
        other = "asset" if options.asset is not None else "asset_from"
        raise UsageError(
            f"[source] name = {options.name!r} says that all files are one asset, and [source] {other} says otherwise. "
            "Keep one of the two."
        )


def _read(
    files: Sequence[RawFile],
    plans: Sequence[Plan],
    written: Written,
    options: ReadOptions,
) -> tuple[Reading, list[Rows]]:
    """Read whole files, or the first part of one, by the plans of those that hold rows."""
    filled = _filled(files)
    own = [plan.of(file) for file, plan in zip(filled, plans, strict=True)]
    roles, formats = [plan.roles for plan in plans], [plan.time_format for plan in plans]
    times = [role.time for role in roles]
    words = _words(own, roles, options)
    rows: list[Rows] = []
    account = Account()
    for file, plan in zip(own, plans, strict=True):
        its = replace(options, words={**options.words, **words})
        rows.append(rows_of(file, plan.roles, plan.time_format, plan.asset, its, account))
        account = Account(passes=rows[-1].account.passes)  # a file may go on where another ended
    assets, join_notes = assemble(rows, options.known)
    notes = _gather(
        [(str(file.path), (*file.notes, *(() if file.table.num_rows else (_why_none(file),)))) for file in files],
        [(str(file.path), role.notes) for file, role in zip(filled, roles, strict=True)],
        written.notes,
        [(part.file, part.notes) for part in rows],
        [("", (*_stem_notes(plans, options), *join_notes))],
    )
    how = replace(
        options,
        separator=options.separator or _common(file.separator for file in files),
        decimal=options.decimal or _common(file.decimal for file in files if file.separator),
        time=_common(times),
        time_format=_common(formats),
        zone=options.zone or (None if any(map(zone_in_name, times)) else "UTC"),
        step_us=options.step_us if any(map(is_made_up, formats)) else None,
        asset=_common(role.asset for role in roles),
        layout=_common(role.layout for role in roles),
        sensor=_common(role.sensor for role in roles),
        value=_common(role.value for role in roles),
        among=(),
        after={},
        last_us={},
        orders={},
        start_us=None,  # the span belongs to this reading, not to the shape of the data
        end_us=None,
    )
    quality = {part.file: part.quality for part in rows}
    told = [quality.get(str(file.path), _without_rows(file)) for file in files]
    units = {sensor: unit for part in reversed(rows) for sensor, unit in part.units.items()}
    columns = [name for file, role in zip(own, roles, strict=True) for name in names_in(file, role)]
    names = tuple(dict.fromkeys(columns))
    return Reading(assets, how, notes, told, written.told, written.open, words, columns=names, units=units), rows


def _without_rows(file: RawFile) -> FileQuality:
    return FileQuality(str(file.path), sum(file.dropped.values()), 0, file.dropped)


def orders_in(parts: Iterable[RawFile], wanted: Sequence[str], options: ReadOptions) -> dict[str, DateOrder]:
    """Which comes first in the wanted dates of numbers, by the first part that tells; none where none does."""
    found: dict[str, DateOrder] = {}
    for part in parts:
        if not set(wanted) - set(found):
            break
        if part.table.num_rows:
            written = find_time_formats([part], [find_roles(part, options).time], None)
            found = {**written.told, **found}
    return {family: order for family, order in found.items() if family in wanted}


def _words(files: Sequence[RawFile], roles: Sequence[Roles], options: ReadOptions) -> dict[str, tuple[str, ...]]:
    """The words of the sensors that hold some, those known before first; a mode of numbers is not in it."""
    found: dict[str, tuple[str, ...]] = {}
    for sensor in dict.fromkeys((*options.words, *([options.mode] if options.mode else []))):
        known = tuple(options.words.get(sensor, ()))
        if sensor in options.words and not known:
            continue  # it is known to hold numbers
        columns = [
            (column, file.decimal)
            for file, role in zip(files, roles, strict=True)
            for column in cells_of(file, role, sensor, options)
        ]
        if known or any(holds_words(column, decimal) for column, decimal in columns):
            new = {word for column, _ in columns for word in words_in(column)} - set(known)
            found[sensor] = (*known, *sorted(new))
    return found


def _stem_notes(plans: Sequence[Plan], options: ReadOptions) -> list[str]:
    """Tell when files are taken for assets, and when they are not."""
    alone = [plan.asset for plan in plans if plan.roles.asset is None]
    if not alone or options.name is not None:
        return []
    if options.asset_from == "folder":
        return [f"The files of a folder are one asset: {listed(sorted(set(alone)))}."]
    if len(plans) == 1:
        return [f"No column names the asset: the file is asset '{alone[0]}'; else --asset."]
    return [f"No column names the asset: each file is one, named after it ({listed(alone)}); else --asset."]


def summary(assets: Sequence[RawAsset]) -> str:
    """Tell what came out."""
    if not assets:
        return "No rows are left."
    edges = [int(edge(edge(asset.time_us) for asset in assets)) for edge in (min, max)]
    return summary_words(len(assets), sum(len(asset.time_us) for asset in assets), edges, assets[0].sensors)


def summary_words(n_assets: int, n_rows: int, edges_us: Sequence[int], sensors: Sequence[str]) -> str:
    """The same from the numbers: how many, between when and when, of what."""
    first, last = map(iso, edges_us)
    return f"{n_assets} asset(s), {n_rows} rows from {first} to {last}, {len(sensors)} sensor(s): {listed(sensors)}."


def _gather(*groups: Sequence[tuple[str, Sequence[str]]]) -> list[str]:
    """Say every sentence once; when it holds for some files only, name the first of them and how many more."""
    said: list[str] = []
    for group in groups:
        files: dict[str, list[str]] = defaultdict(list)
        for file, notes in group:
            for note in notes:
                files[note].append(file)
        for note, where in files.items():
            more = f" and {len(where) - 1} more" if len(where) > 1 else ""
            said.append(note if len(where) == len(group) or not where[0] else f"{where[0]}{more}: {note}")
    return said


def _common(values: Iterable[str | None]) -> str | None:
    """The value all files share, else None: then each is found out for itself."""
    distinct = set(values)
    return distinct.pop() if len(distinct) == 1 else None
