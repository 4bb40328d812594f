"""What the place of a file says of its rows: the name of the asset, and of its sensors where no column tells them."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

from anomaly_lstm.errors import UsageError
from anomaly_lstm.sources.contract import RawFile, ReadOptions
from anomaly_lstm.sources.roles import Roles, is_called_value

PACKED = (".gz", ".zip", ".zst")

_STAMP = r"(19|20)\d\d[-_.]?[01]\d([-_.]?[0-3]\d)?([-_. T]?[0-2]\d[-_.:]?[0-5]\d([-_.:]?[0-5]\d)?)?Z?"
"""A month, a day or a moment in the name of a file."""

_SECOND = r"((19|20)\d{12}|(19|20)\d\d(-\d\d){5}|1\d{9}|1\d{12})"
"""A moment to the second, or seconds or milliseconds since 1970."""


def asset_names(paths: Sequence[Path], asset_from: str | None = None) -> list[str]:
    """Name each file's asset by its stem, or by its folder, with folders before it where that keeps them apart:
    ``valve1/0``.
    """
    if asset_from == "folder":
        folders = list(dict.fromkeys(path.resolve().parent for path in paths))
        named = dict(zip(folders, _apart([folder.name for folder in folders], folders), strict=True))
        return [named[path.resolve().parent] for path in paths]
    names = _apart([stem_of(path) for path in paths], paths)
    count = Counter(names)
    return [name if count[name] == 1 else name + path.suffix for path, name in zip(paths, names, strict=True)]


def stem_of(path: Path) -> str:
    """A file's name without its ending, and without that of its packing."""
    return re.sub(r"\.(csv|tsv|txt)\.(gz|zip|zst)$", "", path.name) if path.suffix in PACKED else path.stem


def _apart(stems: Sequence[str], paths: Sequence[Path]) -> list[str]:
    """Names of paths: their stems, with so many folders before those that are the same that they differ."""
    names = list(stems)
    for depth in range(1, max((len(path.parts) for path in paths), default=1)):
        count = Counter(names)
        names = [
            "/".join((*path.resolve().parent.parts[-depth:], stem)) if count[name] > 1 else name
            for path, stem, name in zip(paths, stems, names, strict=True)
        ]
    return names


def component_in_name(path: Path) -> str | None:
    """The component in the name of a file that ends with a moment to the second: ``motor_20260301120000.csv``."""
    found = re.fullmatch(rf"(.+?)[-_ ]?{_SECOND}", stem_of(path))
    return found[1] if found else None


def sensor_names(file: RawFile, roles: Roles, options: ReadOptions) -> dict[str, str]:
    """Column → sensor, where the name of a file or folder is part of the sensor's; only of those columns.

    Where files are parts of one asset, one that holds nothing but a column called "value" is named after the file,
    without the date that tells apart the files of one sensor. Raises UsageError for the prefix of a long table.
    """
    if roles.sensor is not None and options.sensor_prefix:
        raise UsageError(
            f"[source] sensor_prefix: {file.path} is a long table, whose column '{roles.sensor}' names the sensors. "
            "Leave sensor_prefix out."
        )
    if roles.sensor is not None or not (options.asset_from == "folder" or options.name or options.sensor_prefix):
        return {}
    stem = re.sub(rf"^{_STAMP}[-_. ]+|[-_. ]+{_STAMP}$|^{_STAMP}$", "", stem_of(file.path))
    free = [name for name in file.table.column_names if name not in roles.taken() and name not in file.indexes]
    alone = len(free) == 1 and is_called_value(free[0]) and stem not in ("", *file.table.column_names)
    own = {free[0]: stem} if alone else {}
    prefixes = {"file": "" if alone else stem, "folder": file.path.resolve().parent.name}
    prefixes["component"] = component_in_name(file.path) or prefixes["folder"]
    prefix = prefixes.get(options.sensor_prefix or "")
    return {name: f"{prefix}\\{own.get(name, name)}" for name in free} if prefix else own
