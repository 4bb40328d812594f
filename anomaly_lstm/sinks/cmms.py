"""Draft maintenance notifications as CSV, for import into a maintenance system: one row per alert that people are told.

What was written is remembered beside the history, so the importer may take the file away. A run that was killed between
writing the rows and remembering them finds them in the file; only if the importer has taken it just then, they come
again, with the same ``alert_id``.
"""

from __future__ import annotations

import csv
import hashlib
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from anomaly_lstm import following, store
from anomaly_lstm.errors import DataError
from anomaly_lstm.messages import Line, is_news
from anomaly_lstm.sinks.contract import Standing
from anomaly_lstm.words import cell

NAME = "cmms"
IS_FILE = True

FIELDS: dict[str, tuple[str, ...]] = {
    "alert_id": ("alert_id",),
    "asset": ("asset",),
    "kind": ("kind",),
    "severity": ("severity",),
    "change": ("change",),
    "event_time": ("event_time",),
    "because": ("because",),
    "reason": ("alert", "reason"),
    "forecast": ("alert", "forecast"),
    "onset": ("alert", "onset"),
    "raised_at": ("alert", "raised_at"),
    "sensor": ("alert", "sensors", "0", "sensor"),
    "pipeline": (),
}
"""Field → where it stands in a line of the history."""

COLUMNS = tuple(FIELDS)
DEFAULT = {name: name for name in ("alert_id", "asset", "severity", "raised_at", "reason", "forecast")}


def check(place: str) -> str | None:
    return None if place.endswith(".csv") else "the name of a CSV file ends with .csv."


def show(standing: Standing, place: str, columns: Mapping[str, str]) -> None:
    """Add a row for every alert of which people were told for the first time; ``columns`` must name ``alert_id``.

    A new file begins with what became known in the day before.
    """
    columns = columns or DEFAULT
    path = Path(place)
    memory = _memory_file(standing.history, path)
    upto, known = _remembered(memory)
    is_known = memory.is_file() and following.holds(standing.history, upto)
    new = list(following.after(standing.history, upto if is_known else following.START))
    fresh: dict[str, Line] = {}
    for _, line in new:
        if line.get("tell") and line["alert_id"] not in known and (is_known or is_news(line, standing.now_us)):
            fresh[line["alert_id"]] = line  # as it is by now, in the order in which they began
    rows = [
        {column: cell(_field(line, name, standing.pipeline)) for column, name in columns.items()}
        for line in fresh.values()
    ]
    own = next(column for column, name in columns.items() if name == "alert_id")
    _add(path, list(columns), own, rows)
    if new:
        store.write_json(memory, {"upto": following.as_document(new[-1][0]), "ids": [*known, *fresh]})


def _remembered(memory: Path) -> tuple[following.Place, dict[str, None]]:
    """Up to where the history was taken, and the alerts that have a row, in their order."""
    if not memory.is_file():
        return following.START, {}
    document = store.read_json(memory)
    return following.Place.of(document["upto"]), dict.fromkeys(document["ids"])


def _memory_file(history: Path, path: Path) -> Path:
    """Beside the history, one for each file that is written."""
    name = hashlib.sha256(str(path.absolute()).encode()).hexdigest()[:8]
    return history.with_name(f"cmms-{name}.json")


def _field(line: Line, name: str, pipeline: str) -> str:
    if name == "pipeline":
        return pipeline
    value: Any = line
    for step in FIELDS[name]:
        if isinstance(value, list):
            value = value[int(step)] if int(step) < len(value) else None
        else:
            value = value.get(step) if isinstance(value, Mapping) else None
    return "" if value is None else str(value)


def _add(path: Path, columns: list[str], own: str, rows: list[dict[str, str]]) -> None:
    """Append what is not there yet, and flush it to the disk."""
    if not rows:
        return
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        _mend(path)
        known = _ids_in(path, columns, own)
        fresh = [row for row in rows if row[own] not in known]
        with path.open("a", encoding="utf-8", newline="") as file:
            writer = csv.DictWriter(file, columns, lineterminator="\r\n")
            if file.tell() == 0:
                writer.writeheader()
            writer.writerows(fresh)
            file.flush()
            os.fsync(file.fileno())
    except OSError as problem:
        raise DataError(f"{path} cannot be written: {problem.strerror or problem}.") from problem


def _mend(path: Path) -> None:
    """Cut off the row that a killed run left without its end."""
    if path.exists():
        content = path.read_bytes()
        whole = content[: content.rfind(b"\n") + 1]
        if whole != content:
            os.truncate(path, len(whole))


def _ids_in(path: Path, columns: list[str], own: str) -> set[str]:
    """The alerts in the file, which must have these columns; ``own`` is the one of the alert's id."""
    if not path.exists() or not path.stat().st_size:
        return set()
    with path.open(encoding="utf-8", newline="") as file:
        rows = csv.DictReader(file)
        if list(rows.fieldnames or ()) != columns:
            raise DataError(
                f"{path} has the columns {', '.join(rows.fieldnames or ())}, the pipeline file asks for "
                f"{', '.join(columns)}. Move the file away, or write to another one."
            )
        return {row[own] for row in rows}
