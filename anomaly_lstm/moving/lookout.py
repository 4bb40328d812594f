r"""Amazon Lookout for Equipment, closed on 7 October 2026: what its users still have in their bucket.

One dataset is one asset. Its components are folders of CSV files, joined on time, its sensors are named
``component\tag``. Labels are a CSV of starts and ends without a header; inference inputs are named
``component_stamp.csv``; results are lines of JSON. Answers of the Describe and List calls help, if somebody saved them.
"""

from __future__ import annotations

import csv
import io
import json
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from pathlib import Path
from typing import Any

from anomaly_lstm.clock import UNITS, format_duration, iso
from anomaly_lstm.errors import DataError
from anomaly_lstm.moving.contract import Labelled, Moved, OffCondition
from anomaly_lstm.moving.leftovers import (
    MOST_BYTES,
    Row,
    documents,
    duration_us,
    files_below,
    moment_us,
    stretches,
    us_of,
)
from anomaly_lstm.sources.origins import component_in_name
from anomaly_lstm.words import counted, listed

NAME = "lookout"
SERVICE = "Amazon Lookout for Equipment"

TRAINING = ("training-data", "training_data", "training", "train", "data")
"""How the folder of the history is called, by the service's own examples and by habit."""

KINDS = {"ANOMALY": "anomaly", "NO_ANOMALY": "normal", "NEUTRAL": "ignore"}
"""A label's rating → the kind of event."""

_OFF = re.compile(r"\s*(?P<sensor>.+?)\s*(?P<sign><=|>=|<|>)\s*(?P<limit>[-+]?\d+(?:\.\d+)?(?:[eE][-+]?\d+)?)\s*")
_DATES, _CLOCKS = ("%m/%d/%Y", "%m/%d/%y"), (" %H:%M:%S", " %H:%M", " %I:%M:%S %p", " %I:%M %p", "")
_MONTH_FIRST = tuple(date + clock for date in _DATES for clock in _CLOCKS)
_DAY_FIRST = tuple(form.replace("%m/%d", "%d/%m") for form in _MONTH_FIRST)


def look(place: Path) -> Moved:
    """Say what is in a copy of the bucket, or of the prefix of one dataset."""
    if not place.is_dir():
        raise DataError(f"{place}: is no folder. Copy the bucket (or the prefix of one dataset) and name that folder.")
    history = _history(place)
    tables = files_below(place, ".csv")
    labels = [path for path in tables if _is_labels(path)]
    training = [path for path in tables if path.is_relative_to(history) and path not in labels]
    if history == place:  # then inference inputs lie below it as well
        training = [path for path in training if component_in_name(path) in (None, path.parent.name)]
    if not training:
        raise DataError(
            f"{place}: holds no training data, which are CSV files in training-data/<component>/; found were "
            f"{counted(len(tables), 'CSV file')}. Name the folder that holds training-data."
        )
    components = _components(history, training)
    _check_stamps(history, training)
    inputs = [path for path in tables if path not in training and path not in labels and _of(path, components)]
    saved = _small(files_below(place, ".json"))
    found = dict(documents((path.relative_to(place).as_posix(), path.read_bytes()) for path in saved))
    _check_labels(labels, [*training, *inputs])
    paths = _paths(place, history, training, inputs)
    moved = Moved(_asset(place, found), paths, _reading(history, training))
    moved = _described(replace(moved, zone="UTC", labels=_labels(labels)), found)
    moved = _with_results(moved, files_below(place, ".jsonl"))
    unsure = [sentence for path in labels for sentence in _unsure(path)]
    told = (*_told(place, moved.asset, history, components, training, inputs, labels), *moved.told)
    return replace(moved, told=told, unsure=tuple(unsure))


# ---------------------------------------------------------------- the history


def _history(place: Path) -> Path:
    """The folder of the training data: one of the usual names, else the place itself."""
    named = next((place / name for name in TRAINING if (place / name).is_dir()), place)
    inside = [path for path in sorted(named.iterdir()) if path.is_dir() and files_below(path, ".csv")]
    deeper = [path for path in inside if not any(path.glob("*.csv"))]
    if not deeper or named == place:
        return named
    if len(inside) == 1:
        return inside[0]
    raise DataError(
        f"{named}: holds several datasets ({listed([path.name for path in deeper])}), and a pipeline of one asset is "
        f"made of one. Copy each into a folder of its own, with its labels, such as {deeper[0].name}/training-data, "
        "and run init on each."
    )


def _components(history: Path, training: Sequence[Path]) -> list[str]:
    """A component is a folder; of files that lie in the history itself each is one."""
    return sorted({path.stem if path.parent == history else path.parent.name for path in training})


def _check_stamps(history: Path, training: Sequence[Path]) -> None:
    """A moment at the end of a file's name means that the component stands before it, also in the history."""
    for path in training:
        component = component_in_name(path)
        if path.parent != history and component not in (None, path.parent.name):
            raise DataError(
                f"{path}: ends with a moment, as inference inputs do, and so would be of the component '{component}', "
                f"not of '{path.parent.name}'. Give the file another name."
            )


def _of(path: Path, components: Sequence[str]) -> str | None:
    """The component of an inference input, by its name: ``component_20260301120000.csv``."""
    component = component_in_name(path)
    return component if component in components else None


def _check_labels(labels: Sequence[Path], read: Sequence[Path]) -> None:
    """Labels among the data would be read as data."""
    among = [path for path in labels if path.parent in {other.parent for other in read}]
    if among:
        raise DataError(f"{among[0]}: is a file of labels among data. Move it to a folder such as label-data.")


def _paths(place: Path, history: Path, training: Sequence[Path], inputs: Sequence[Path]) -> tuple[Path, ...]:
    """Globs that take in what the plant writes tomorrow, too: of all components in a folder of their own."""
    folders = {path.parent for path in training}
    if history != place and all(folder.parent == history for folder in folders):
        folders = {history / "*"}
    return tuple(folder / "*.csv" for folder in (*sorted(folders), *sorted({path.parent for path in inputs})))


def _reading(history: Path, training: Sequence[Path]) -> dict[str, str]:
    prefix = "file" if all(path.parent == history for path in training) else "component"
    return {"sensor_prefix": prefix}


def _asset(place: Path, found: Mapping[str, Mapping[str, Any]]) -> str:
    named = (content.get("DatasetName") for content in found.values())
    return next((name for name in named if isinstance(name, str) and name), place.resolve().name) or "asset"


# ---------------------------------------------------------------- labels


def _is_labels(path: Path) -> bool:
    """Two moments in the first line, and nothing else: a label file has no header."""
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            first = next(csv.reader(io.StringIO(file.readline(1000))), [])
    except (OSError, UnicodeDecodeError, csv.Error):
        return False
    return len(first) == 2 and all(_moment(cell, _MONTH_FIRST) or _moment(cell, _DAY_FIRST) for cell in first)


def _labels(paths: Sequence[Path]) -> tuple[Labelled, ...]:
    return tuple(label for path in paths for label in _labels_of(path))


def _labels_of(path: Path) -> Iterator[Labelled]:
    rows = list(_rows(path))
    forms = _MONTH_FIRST if not _is_day_first(rows) else _DAY_FIRST
    for line, cells in rows:
        start, end = (_moment(cell, forms) for cell in cells)
        if start is None or end is None or end < start:
            raise DataError(
                f"{path}, line {line}: '{','.join(cells)}' is no label: a start and an end are expected, such as "
                "2026-03-01T06:00:00,2026-03-01T09:30:00. Correct the line, or move the file away."
            )
        yield Labelled(us_of(start), us_of(end), "anomaly", f"label in line {line} of {path.name}")


def _rows(path: Path) -> Iterator[tuple[int, list[str]]]:
    reader = csv.reader(io.StringIO(path.read_text(encoding="utf-8-sig"), newline=""))
    for cells in reader:
        if any(cell.strip() for cell in cells):
            yield reader.line_num, [*(cell.strip() for cell in cells), "", ""][:2]


def _is_day_first(rows: Sequence[tuple[int, list[str]]]) -> bool:
    """Does some date have no such month, and every one such a day?"""
    cells = [cell for _, both in rows for cell in both]
    return not all(_moment(cell, _MONTH_FIRST) for cell in cells) and all(_moment(cell, _DAY_FIRST) for cell in cells)


def _moment(cell: str, forms: Sequence[str]) -> datetime | None:
    for read in (datetime.fromisoformat, *((lambda text, form=form: datetime.strptime(text, form)) for form in forms)):
        try:
            return read(cell.strip())
        except ValueError:
            continue
    return None


# ---------------------------------------------------------------- what the service answered


def _small(paths: Sequence[Path]) -> list[Path]:
    return [path for path in paths if path.stat().st_size < MOST_BYTES]


def _described(moved: Moved, found: Mapping[str, Mapping[str, Any]]) -> Moved:
    """What saved answers of the Describe and List calls say."""
    for name, content in found.items():
        for scheduler in (content, *_list(content, "InferenceSchedulerSummaries")):
            if "DataUploadFrequency" in scheduler:
                moved = _scheduled(moved, name, scheduler)
        if "TrainingDataStartTime" in content or "TrainingDataEndTime" in content:
            moved = _modelled(moved, name, content)
        moved = _labelled(moved, name, _list(content, "LabelSummaries"))
    return moved


def _list(content: Mapping[str, Any], key: str) -> list[dict[str, Any]]:
    inside = content.get(key)
    return [item for item in inside if isinstance(item, dict)] if isinstance(inside, list) else []


def _modelled(moved: Moved, name: str, content: Mapping[str, Any]) -> Moved:
    """A model: what it was trained on, at which rate, and when the asset was off."""
    settings = content.get("DataPreProcessingConfiguration")
    period_us = duration_us(settings.get("TargetSamplingRate")) if isinstance(settings, dict) else None
    off = _off(content.get("OffCondition"))
    start_us, until_us = (moment_us(content.get(f"TrainingData{edge}Time")) for edge in ("Start", "End"))
    told = [f"{name}: the model {content.get('ModelName', 'there')} was trained"]
    told[0] += f" from {iso(start_us)}" if start_us is not None else ""
    told[0] += f" to {iso(until_us)}" if until_us is not None else ""
    told[0] += f" on rows every {format_duration(period_us)}." if period_us else "."
    if off:
        told.append(
            f"{name}: OffCondition '{content['OffCondition']}' is taken to say when the asset is off, so it runs while "
            "that does not hold."
        )
    elif content.get("OffCondition"):
        told.append(
            f"{name}: OffCondition '{content['OffCondition']}' is not understood: write it as [sensors] running."
        )
    moved = replace(
        moved,
        period_us=period_us or moved.period_us,
        start_us=moved.start_us if start_us is None else start_us,
        until_us=moved.until_us if until_us is None else until_us,
        off=off or moved.off,
        told=(*moved.told, *told),
    )
    return _measured(moved, name, content)


def _off(text: Any) -> OffCondition | None:
    found = _OFF.fullmatch(text) if isinstance(text, str) else None
    if not found:
        return None
    return OffCondition(found["sensor"].replace("\\\\", "\\"), found["sign"].startswith("<"), float(found["limit"]))


def _measured(moved: Moved, name: str, content: Mapping[str, Any]) -> Moved:
    """The ranges that the service kept with a model: labels it was given, where no file of them is left."""
    try:
        metrics = json.loads(content.get("ModelMetrics") or "{}")
    except (TypeError, ValueError):
        return moved
    ranges = _list(metrics, "labeled_ranges") if isinstance(metrics, dict) and not moved.labels else []
    spans = [(moment_us(one.get("start")), moment_us(one.get("end"))) for one in ranges]
    labels = tuple(
        Labelled(a, b, "anomaly", f"labelled range in {name}") for a, b in spans if a is not None and b is not None
    )
    told = [f"{name}: {counted(len(labels), 'labelled range')} of the model taken as labels."] if labels else []
    return replace(moved, labels=(*moved.labels, *labels), told=(*moved.told, *told))


def _labelled(moved: Moved, name: str, summaries: Sequence[Mapping[str, Any]]) -> Moved:
    labels = []
    for one in summaries:
        start, end = moment_us(one.get("StartTime")), moment_us(one.get("EndTime"))
        if start is not None and end is not None and start <= end:
            kind = KINDS.get(str(one.get("Rating")), "anomaly")
            said = "; ".join(str(one[key]) for key in ("Equipment", "FaultCode", "Notes") if one.get(key))
            labels.append(Labelled(start, end, kind, f"label in {name}" + (f": {said}" if said else "")))
    told = [f"{name}: {counted(len(labels), 'label')}."] if labels else []
    return replace(moved, labels=(*moved.labels, *labels), told=(*moved.told, *told))


def _scheduled(moved: Moved, name: str, content: Mapping[str, Any]) -> Moved:
    """An inference scheduler: how often it looked, and for how long it waited."""
    every_us, minutes = duration_us(content.get("DataUploadFrequency")), content.get("DataDelayOffsetInMinutes")
    delay_us = round(minutes * UNITS["min"]) if isinstance(minutes, int | float) and minutes > 0 else None
    told = f"{name}: the scheduler looked every {format_duration(every_us)}" if every_us else f"{name}: a scheduler"
    told += f" and waited {format_duration(delay_us)} for late rows." if delay_us else "."
    inputs = content.get("DataInputConfiguration")
    offset = inputs.get("InputTimeZoneOffset") if isinstance(inputs, dict) else None
    zone, said = _zone(offset)
    return replace(
        moved,
        every_us=every_us or moved.every_us,
        delay_us=delay_us or moved.delay_us,
        zone=zone or moved.zone,
        told=(*moved.told, told, *([f"{name}: {said}"] if said else [])),
    )


def _zone(offset: Any) -> tuple[str | None, str]:
    """The zone of an offset of whole hours (``Etc/GMT-2`` is two hours ahead), and what to say."""
    found = re.fullmatch(r"([+-])(\d{2}):(\d{2})", offset) if isinstance(offset, str) else None
    if not found or int(found[2]) + int(found[3]) == 0:
        return None, ""
    if found[3] != "00":
        return None, f"its inputs were {offset} from UTC: write the plant's zone as [source] zone."
    sign = "-" if found[1] == "+" else "+"
    return f"Etc/GMT{sign}{int(found[2])}", f"its inputs were {offset} from UTC, all year round; so the zone is that."


# ---------------------------------------------------------------- results


def _with_results(moved: Moved, paths: Sequence[Path]) -> Moved:
    """What the service itself found, as stretches."""
    rows: list[Row] = []
    off = unreadable = 0
    for path in paths:
        for line in path.read_text(encoding="utf-8", errors="replace").splitlines():
            row, is_off = _result(line)
            off += is_off
            unreadable += row is None and bool(line.strip())
            rows += [row] if row else []
    if not rows:
        return moved
    found = stretches(rows)
    first, last = (iso(edge(row.time_us for row in rows)) for edge in (min, max))
    said = (
        f"{counted(len(paths), 'file')} of results: {counted(len(rows), 'row')} from {first} to {last}, "
        f"{sum(row.anomaly for row in rows):,} anomalous in {counted(len(found), 'stretch')}"
    )
    said += f", {off:,} while the machine was off" if off else ""
    said += f"; {counted(unreadable, 'line')} not readable" if unreadable else ""
    return replace(
        moved, flagged=tuple(found), told=(*moved.told, f"{said}. They are for comparison and teach nothing.")
    )


def _result(line: str) -> tuple[Row | None, bool]:
    """One line of results, and whether the machine was off."""
    try:
        content = json.loads(line)
        time_us = moment_us(content.get("timestamp"))
    except (ValueError, AttributeError, RecursionError):
        return None, False
    if time_us is None:
        return None, False
    score = content.get("anomaly_score")
    blamed = [
        (str(one.get("name")), float(one["value"]))
        for one in _list(content, "diagnostics")
        if isinstance(one.get("value"), int | float)
    ]
    number = float(score) if isinstance(score, int | float) else None
    return Row(time_us, content.get("prediction") == 1, number, blamed), content.get(
        "prediction_reason"
    ) == "MACHINE_OFF"


# ---------------------------------------------------------------- what is said


def _told(
    place: Path,
    asset: str,
    history: Path,
    components: Sequence[str],
    training: Sequence[Path],
    inputs: Sequence[Path],
    labels: Sequence[Path],
) -> list[str]:
    where = history.relative_to(place).as_posix()
    said = [
        f"{counted(len(training), 'file')} of {counted(len(components), 'component')} in {where}: "
        f"{listed(components)}. "
        r"They are one asset, joined on time; sensors are named component\tag, as there.",
        f"The asset is called '{asset}', by {'the dataset' if asset != place.resolve().name else 'the folder'}.",
        "Times without an offset are read as UTC, as the service did.",
    ]
    if inputs:
        said.append(f"{counted(len(inputs), 'inference input')} such as {inputs[0].name} are read as later rows.")
    for path in labels:
        rows = list(_rows(path))
        how = _label_words(rows)
        said.append(f"{path.name}: {counted(len(rows), 'label')}, each an event of kind anomaly{how}.")
    if not labels:
        said.append("No label file (two columns, start and end, no header) was found.")
    return said


def _label_words(rows: Sequence[tuple[int, list[str]]]) -> str:
    cells = [cell for _, both in rows for cell in both]
    if not any("/" in cell for cell in cells):
        return ""
    if _is_day_first(rows):
        return "; dates are day first, for as month first some would not exist"
    return "; dates are taken month first, as the service did"


def _unsure(path: Path) -> list[str]:
    """Say where month and day of all labels could be either way round."""
    cells = [cell for _, both in _rows(path) for cell in both]
    if not any("/" in cell for cell in cells) or not all(
        _moment(cell, _DAY_FIRST) and _moment(cell, _MONTH_FIRST) for cell in cells
    ):
        return []
    return [f"events: the labels of {path.name} are read month first; all of them could be day first as well."]
