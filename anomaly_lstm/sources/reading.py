"""From tables of any shape to assets in UTC: what CSV and Parquet share once their cells lie in Arrow columns.

The way of a file: `roles.find_roles` says which column is what, `formats.find_time_formats` how times are written,
`rows.rows_of` takes its rows and accounts for each one it drops, `assembly.assemble` puts the rows of an asset
together. `read_files` is all of them, `read_parts` the same for a file that does not fit into memory.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from anomaly_lstm.clock import find_zone, iso
from anomaly_lstm.errors import DataError, UsageError
from anomaly_lstm.sources.assembly import assemble, asset_names
from anomaly_lstm.sources.cells import is_measured, is_numeric, is_text, words_in
from anomaly_lstm.sources.contract import FileQuality, RawAsset, RawFile, Reading, ReadOptions, together
from anomaly_lstm.sources.formats import either_way_round, find_time_formats
from anomaly_lstm.sources.packing import inside
from anomaly_lstm.sources.roles import Roles, check_names, find_roles, names_in
from anomaly_lstm.sources.rows import Rows, lost_words, rows_of
from anomaly_lstm.sources.words import listed

TimeNote = tuple[str, tuple[str, ...]]
"""A file, or nothing for all of them, and what to tell of its times."""


@dataclass(frozen=True)
class Plan:
    """What was found out about a file: what is needed to read more of its rows in the same way."""

    roles: Roles
    time_format: str | None
    asset: str
    """Its asset where no column names one."""


def read_files(files: Sequence[RawFile], options: ReadOptions) -> Reading:
    """Find the roles of all columns, convert every file, and put the assets together.

    Raises DataError where no file has rows, unless a model knows the sensors; UsageError where the options name columns
    that no file has.
    """
    plans, time_notes = _plans(files, options)
    if not plans and not options.known:
        raise no_rows(files[0].path)
    present = [name for file, plan in zip(_filled(files), plans, strict=True) for name in names_in(file, plan.roles)]
    check_names(present, options, str(files[0].path) if len(files) == 1 else f"none of the {len(files)} files")
    reading = _all_of(files, plans, time_notes, options)
    return replace(reading, notes=[*reading.notes, *([summary(reading.assets)] if plans else [])])


def read_some(files: Sequence[RawFile], options: ReadOptions) -> Reading:
    """The same for some files of many: none may have rows, or columns that the options name, and others do."""
    plans, time_notes = _plans(files, options)
    return _all_of(files, plans, time_notes, options)


def no_rows(path: Path) -> DataError:
    """Why a source without rows cannot be read."""
    return DataError(f"{path}: has column names but no rows. Give a file that holds measurements.")


def _all_of(
    files: Sequence[RawFile], plans: Sequence[Plan], time_notes: Sequence[TimeNote], options: ReadOptions
) -> Reading:
    """Read whole files by the plans of those that hold rows."""
    if not plans:
        empty = [_without_rows(file) for file in files]
        return Reading([], options, _gather([(str(file.path), ("No rows.",)) for file in files]), empty)
    reading, rows = _read(files, plans, time_notes, options)
    lost = _gather([(part.file, (*lost_words(part.quality, options), *part.lost)) for part in rows])
    return replace(reading, notes=[*reading.notes, *lost])


def read_parts(parts: Iterable[RawFile], options: ReadOptions, alone: bool) -> Iterator[Reading]:
    """Read one file part by part: the first tells how it is written, the others are read alike.

    Where the file is ``alone``, a slip in the names of columns is told at once, not after an hour of reading.

    The notes of the first reading tell what was found out, those of the others only what is new; a last one, without
    rows, tells which were lost.
    """
    rest = iter(parts)
    head = next(rest)
    plans, time_notes = _plans([head], options)
    if not plans:
        yield _all_of([head], plans, time_notes, options)
        return
    if alone and plans[0].roles.sensor is None:
        check_names(names_in(head, plans[0].roles), options, str(head.path))
    first, (rows,) = _read([head], plans, time_notes, options)
    yield replace(first, done=head.done)
    quality = rows.quality
    plan, wide = plans[0], plans[0].roles.sensor is None
    known = tuple(first.assets[0].sensors) if wide and first.assets and not options.known else options.known
    options = replace(options, known=known, words=first.words or options.words)
    told: set[str] = set()
    for part in rest:
        part = replace(part, units=_units_so_far(part, first.units, options))
        options = replace(options, words=_words_of_mode([part], options) or options.words)
        rows = rows_of(part, plan.roles, plan.time_format, plan.asset, options)
        assets, _ = assemble([rows], known)
        late = [name for name in _left_out(part, plan.roles, options) if name not in told]
        told |= set(late)
        notes = [
            f"{part.path}, {part.where(0)}: from about here on '{name}' holds numbers, before it held none: left out. "
            "Name it with --sensors, or the other columns to be left out with --exclude."
            for name in late
        ]
        columns = () if wide else names_in(part, plan.roles)
        found = Reading(assets, first.how, notes, [rows.quality], words=options.words or (), columns=columns)
        yield replace(found, done=part.done)
        quality = together(quality, rows.quality)
    yield Reading([], first.how, lost_words(quality, options), [])


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
        and is_numeric(part.table[name], part.decimal)
    ]


def _filled(files: Sequence[RawFile]) -> list[RawFile]:
    return [file for file in files if file.table.num_rows]


def _plans(files: Sequence[RawFile], options: ReadOptions) -> tuple[list[Plan], list[TimeNote]]:
    """Find out how each file that holds rows is to be read, and what to tell about its times."""
    if options.layout not in (None, "wide", "long"):
        raise UsageError(f"[source] layout = {options.layout!r} is neither 'wide' nor 'long'.")
    find_zone(options.zone or "UTC")
    filled = _filled(files)
    roles = [find_roles(file, options) for file in filled]
    formats, time_notes = find_time_formats(
        filled, [role.time for role in roles], options.time_format, options.day_first
    )
    among = _tables_among(options.among, [file.path for file in filled])
    by_path = dict(zip(among, asset_names(among), strict=True))
    plans = [
        Plan(role, format_, by_path[file.path]) for file, role, format_ in zip(filled, roles, formats, strict=True)
    ]
    return plans, time_notes


def _tables_among(files: Sequence[Path], present: Sequence[Path]) -> list[Path]:
    """What tables all files of the source hold: a zip may hold several. Which are zips is told by name where it can."""
    zipped = {".zip"} if {*present} <= {*files} else {path.suffix.lower() for path in files}
    found = [name for path in files for name in (inside(path) if path.suffix.lower() in zipped else [path])]
    return list(dict.fromkeys([*found, *(path for path in present if path not in found)])) if found else [*present]


def _read(
    files: Sequence[RawFile],
    plans: Sequence[Plan],
    time_notes: Sequence[TimeNote],
    options: ReadOptions,
) -> tuple[Reading, list[Rows]]:
    """Read whole files, or the first part of one, by the plans of those that hold rows."""
    filled = _filled(files)
    roles, formats = [plan.roles for plan in plans], [plan.time_format for plan in plans]
    times = [role.time for role in roles]
    words = _words_of_mode(filled, options)
    rows = [
        rows_of(file, plan.roles, plan.time_format, plan.asset, replace(options, words=words))
        for file, plan in zip(filled, plans, strict=True)
    ]
    assets, join_notes = assemble(rows, options.known)
    notes = _gather(
        [(str(file.path), (*file.notes, *(() if file.table.num_rows else ("No rows.",)))) for file in files],
        [(str(file.path), role.notes) for file, role in zip(filled, roles, strict=True)],
        time_notes,
        [(part.file, part.notes) for part in rows],
        [("", (*_stem_notes(plans), *join_notes))],
    )
    how = replace(
        options,
        separator=options.separator or _common(file.separator for file in files),
        decimal=options.decimal or _common(file.decimal for file in files if file.separator),
        time=_common(times),
        time_format=_common(formats),
        zone=options.zone or "UTC",
        asset=_common(role.asset for role in roles),
        layout=_common(role.layout for role in roles),
        sensor=_common(role.sensor for role in roles),
        value=_common(role.value for role in roles),
        among=(),
        after={},
        start_us=None,  # the span belongs to this reading, not to the shape of the data
        end_us=None,
    )
    quality = {part.file: part.quality for part in rows}
    told = [quality.get(str(file.path), _without_rows(file)) for file in files]
    open_ = options.time_format is None and options.day_first is None and either_way_round(filled, times, formats)
    units = {sensor: unit for part in reversed(rows) for sensor, unit in part.units.items()}
    columns = [name for file, role in zip(filled, roles, strict=True) for name in names_in(file, role)]
    names = tuple(dict.fromkeys(columns))
    return Reading(assets, how, notes, told, open_, words, columns=names, units=units), rows


def _without_rows(file: RawFile) -> FileQuality:
    return FileQuality(str(file.path), sum(file.dropped.values()), 0, file.dropped)


def day_first_in(parts: Iterable[RawFile], options: ReadOptions) -> bool | None:
    """Which comes first in the dates of numbers, by the first part that tells; None where none does."""
    for part in parts:
        if part.table.num_rows:
            time = find_roles(part, options).time
            formats, _ = find_time_formats([part], [time], None)
            if not either_way_round([part], [time], formats):
                return str(formats[0]).startswith("%d")
    return None


def _words_of_mode(files: Sequence[RawFile], options: ReadOptions) -> tuple[str, ...]:
    """The words in the mode's columns, those a model knows first; none where it holds numbers."""
    if options.mode is None or (options.words is not None and not options.words):
        return ()
    columns = [
        (file.table[name], file.decimal)
        for file in files
        for name in file.table.column_names
        if options.columns.get(name, name) == options.mode
    ]
    if not options.words and all(is_measured(column, decimal, asked=False) for column, decimal in columns):
        return ()
    known = tuple(options.words or ())
    found = {word for column, _ in columns for word in words_in(column)}
    return (*known, *sorted(found - set(known)))


def _stem_notes(plans: Sequence[Plan]) -> list[str]:
    """Tell when files are taken for assets."""
    alone = [plan.asset for plan in plans if plan.roles.asset is None]
    if not alone:
        return []
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
