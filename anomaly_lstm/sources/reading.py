"""From tables of any shape to assets in UTC: what CSV and Parquet share once their cells lie in Arrow columns.

The way of a file: `roles.find_roles` says which column is what, `formats.find_time_formats` how times are written,
`rows.rows_of` takes its rows and accounts for each one it drops, `assembly.assemble` puts the rows of an asset
together. `read_files` is all of them.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import replace

from anomaly_lstm.clock import find_zone, iso
from anomaly_lstm.errors import DataError, UsageError
from anomaly_lstm.sources.assembly import assemble, asset_names
from anomaly_lstm.sources.cells import is_measured, words_in
from anomaly_lstm.sources.contract import FileQuality, RawAsset, Reading, ReadOptions
from anomaly_lstm.sources.formats import find_time_formats
from anomaly_lstm.sources.raw import RawFile
from anomaly_lstm.sources.roles import Roles, check_names, find_roles
from anomaly_lstm.sources.rows import rows_of
from anomaly_lstm.sources.words import listed


def read_files(files: Sequence[RawFile], options: ReadOptions, found: ReadOptions) -> Reading:
    """Find the roles of all columns, convert every file, and put the assets together.

    ``found`` is ``options`` with what the format itself has resolved (separator, decimal mark).
    """
    if options.layout not in (None, "wide", "long"):
        raise UsageError(f"[source] layout = {options.layout!r} is neither 'wide' nor 'long'.")
    find_zone(options.zone or "UTC")
    filled = [file for file in files if file.table.num_rows]
    if not filled and options.known:
        empty = [FileQuality(str(file.path), 0, 0) for file in files]
        return Reading([], found, _gather([(str(file.path), ("No rows.",)) for file in files]), empty)
    if not filled:
        raise DataError(f"{files[0].path}: has column names but no rows. Give a file that holds measurements.")
    roles = [find_roles(file, options) for file in filled]
    check_names(filled, roles, options)
    formats, time_notes = find_time_formats(filled, [role.time for role in roles], options.time_format)
    named = asset_names(options.among or [file.path for file in filled])
    by_path = dict(zip(options.among or [file.path for file in filled], named, strict=True))
    names = [by_path[file.path] for file in filled]
    words = _words_of_mode(filled, options)
    rows = [
        rows_of(file, role, format_, name, replace(options, words=words))
        for file, role, format_, name in zip(filled, roles, formats, names, strict=True)
    ]
    assets, join_notes = assemble(rows, options.known)
    notes = _gather(
        [(str(file.path), (*file.notes, *(() if file.table.num_rows else ("No rows.",)))) for file in files],
        [(str(file.path), role.notes) for file, role in zip(filled, roles, strict=True)],
        time_notes,
        [(part.file, part.notes) for part in rows],
        [("", (*_stem_notes(filled, roles, names), *join_notes, *_summary(assets)))],
    )
    how = replace(
        found,
        time=_common(role.time for role in roles),
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
    told = [quality.get(str(file.path), FileQuality(str(file.path), 0, 0)) for file in files]
    return Reading(assets, how, notes, told, words)


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


def _stem_notes(files: Sequence[RawFile], roles: Sequence[Roles], names: Sequence[str]) -> list[str]:
    """Tell when files are taken for assets."""
    alone = [name for name, role in zip(names, roles, strict=True) if role.asset is None]
    if not alone:
        return []
    if len(files) == 1:
        return [f"No column names the asset: the file is asset '{alone[0]}'; else --asset."]
    return [f"No column names the asset: each file is one, named after it ({listed(alone)}); else --asset."]


def _summary(assets: Sequence[RawAsset]) -> list[str]:
    """Tell what came out."""
    if not assets:
        return ["No rows are left."]
    rows = sum(len(asset.time_us) for asset in assets)
    first, last = (int(edge(edge(asset.time_us) for asset in assets)) for edge in (min, max))
    sensors = assets[0].sensors
    return [
        f"{len(assets)} asset(s), {rows} rows from {iso(first)} to {iso(last)}, "
        f"{len(sensors)} sensor(s): {listed(sensors)}."
    ]


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
