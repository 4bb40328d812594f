"""Azure AI Anomaly Detector, closed on 1 October 2026: the data of its multivariate models.

Either one CSV per variable, named after it, with the columns ``timestamp`` and ``value``, in a folder or a ZIP; or one
table with a column per variable. Saved answers of the service (a model's information, results of a detection) help.
"""

from __future__ import annotations

import zipfile
from collections.abc import Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from anomaly_lstm.clock import iso
from anomaly_lstm.errors import DataError
from anomaly_lstm.moving.contract import Moved
from anomaly_lstm.moving.leftovers import MOST_BYTES, Row, documents, files_below, moment_us, stretches
from anomaly_lstm.words import counted, listed

NAME = "azure"
SERVICE = "Azure AI Anomaly Detector"

COLUMNS = ("timestamp", "value")


def look(place: Path) -> Moved:
    """Say what is in a folder, a ZIP or a single table."""
    if not place.exists():
        raise DataError(f"{place}: there is no such file or folder. Name the ZIP or folder that the service read.")
    packed = place.is_file() and zipfile.is_zipfile(place)
    zips = files_below(place, ".zip") if place.is_dir() else []
    if len(zips) == 1 and not files_below(place, ".csv"):
        moved = look(zips[0])
        return _answered(replace(moved, asset=_asset(place, {}) if moved.asset == zips[0].stem else moved.asset), place)
    headers = dict(_headers(place, packed))
    if not headers:
        raise DataError(f"{place}: holds no CSV file. Name the ZIP or folder that the service read.")
    variables = [name for name, header in headers.items() if header == COLUMNS]
    if len(variables) == len(headers):
        told = f"{counted(len(variables), 'variable')}, a file each: {listed([Path(name).stem for name in variables])}."
    elif not variables and len(headers) == 1:
        told = f"One table with {counted(len(next(iter(headers.values()))) - 1, 'variable')}."
    else:
        other = next(name for name, header in headers.items() if header != COLUMNS)
        raise DataError(
            f"{place}, {other}: its columns are {listed(list(headers[other]))}, but every file of a variable has "
            "timestamp,value. Move away what is no data, and try again."
        )
    moved = Moved(
        _asset(place, {}),
        (place,),
        {"time": COLUMNS[0]},
        told=(told, "Times without an offset are read as UTC, as the service did."),
        zone="UTC",
    )
    return _answered(moved, place)


def _headers(place: Path, packed: bool) -> Iterator[tuple[str, tuple[str, ...]]]:
    """The CSV files and the names of their columns."""
    if packed:
        with zipfile.ZipFile(place) as archive:
            for member in sorted(archive.namelist()):
                if member.lower().endswith(".csv") and not Path(member).name.startswith((".", "_")):
                    with archive.open(member) as file:
                        yield member, _columns(file.readline(100_000))
        return
    for path in [place] if place.is_file() else files_below(place, ".csv"):
        with path.open("rb") as file:
            yield path.name, _columns(file.readline(100_000))


def _columns(line: bytes) -> tuple[str, ...]:
    return tuple(name.strip().strip('"') for name in line.decode("utf-8-sig", errors="replace").split(","))


def _asset(place: Path, info: Mapping[str, Any]) -> str:
    named = info.get("displayName")
    return named if isinstance(named, str) and named else (place.resolve().stem or "asset")


def _answered(moved: Moved, place: Path) -> Moved:
    """What saved answers of the service say."""
    folder = place if place.is_dir() else place.parent
    near = files_below(folder, ".json") if place.is_dir() else sorted(folder.glob("*.json"))
    saved = ((path.name, path.read_bytes()) for path in near if path.stat().st_size < MOST_BYTES)
    rows: list[Row] = []
    for name, content in documents(saved):
        info = content.get("modelInfo")
        if isinstance(info, dict):
            moved = _modelled(moved, name, info, place)
        rows += _results(content)
    if not rows:
        return moved
    found = stretches(rows)
    said = (
        f"Results: {counted(len(rows), 'row')}, {sum(row.anomaly for row in rows):,} anomalous in "
        f"{counted(len(found), 'stretch')}. They are for comparison and teach nothing."
    )
    return replace(moved, flagged=tuple(found), told=(*moved.told, said))


def _modelled(moved: Moved, name: str, info: Mapping[str, Any], place: Path) -> Moved:
    start_us, end_us = moment_us(info.get("startTime")), moment_us(info.get("endTime"))
    told = [f"{name}: the model was trained"]
    told[0] += f" from {iso(start_us)}" if start_us is not None else ""
    told[0] += f" to {iso(end_us)}." if end_us is not None else "."
    return replace(moved, asset=_asset(place, info), start_us=start_us, until_us=end_us, told=(*moved.told, *told))


def _results(content: Mapping[str, Any]) -> Iterator[Row]:
    inside = content.get("results")
    for one in (item for item in (inside if isinstance(inside, list) else []) if isinstance(item, dict)):
        value, time_us = one.get("value"), moment_us(one.get("timestamp"))
        if not isinstance(value, dict) or time_us is None:
            continue
        score, why = value.get("score"), value.get("interpretation")
        blamed = [
            (str(part.get("variable")), float(part["contributionScore"]))
            for part in (why if isinstance(why, list) else [])
            if isinstance(part, dict) and isinstance(part.get("contributionScore"), int | float)
        ]
        yield Row(
            time_us, bool(value.get("isAnomaly")), float(score) if isinstance(score, int | float) else None, blamed
        )
