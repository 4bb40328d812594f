"""Made-up copies of what the services left with their users, in the forms that their documentation describes."""

from __future__ import annotations

import json
import zipfile
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np

START = datetime(2026, 1, 1, tzinfo=UTC)
ROWS = 900
TAUGHT = 700
FAULT = (750, 780)


def sensors(rows: int = ROWS) -> dict[str, np.ndarray]:
    """A motor and a pump, a row per minute: the load explains all of it, off for an hour, odd in `FAULT`."""
    noise = np.random.default_rng(0)
    load = 50 + 10 * np.sin(np.arange(rows) / 40) + noise.normal(0, 0.5, rows)
    values = {
        "rpm": 20 * load + noise.normal(0, 2, rows),
        "current": 2 * load + noise.normal(0, 0.5, rows),
        "pressure": 0.1 * load + noise.normal(0, 0.05, rows),
    }
    values["pressure"][FAULT[0] : FAULT[1]] += 5
    for column in values.values():
        column[300:360] = 0
    return values


def stamp(row: int) -> str:
    return (START + timedelta(minutes=row)).strftime("%Y-%m-%d %H:%M:%S")


def write_table(path: Path, header: str, columns: Mapping[str, np.ndarray], rows: range) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    lines = [",".join([header, *columns])]
    lines += [",".join([stamp(row), *(f"{column[row]:.3f}" for column in columns.values())]) for row in rows]
    path.write_text("\n".join(lines) + "\n")


def write_json(path: Path, content: Any) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(content))


def lookout(place: Path, labels: Sequence[str] = ("1/1/2026 10:00,1/1/2026 10:30",)) -> Path:
    """A copy of the bucket of one dataset."""
    values = sensors()
    motor, pump = {name: values[name] for name in ("rpm", "current")}, {"pressure": values["pressure"]}
    write_table(place / "training-data" / "motor" / "motor.csv", "Timestamp", motor, range(TAUGHT))
    write_table(place / "training-data" / "pump" / "part1.csv", "Timestamp", pump, range(400))
    write_table(place / "training-data" / "pump" / "part2.csv", "Timestamp", pump, range(400, TAUGHT))
    for begin in range(TAUGHT, ROWS, 50):
        when = (START + timedelta(minutes=begin)).strftime("%Y%m%d%H%M%S")
        for name, columns in (("motor", motor), ("pump", pump)):
            path = place / "inference-data" / "input" / f"{name}_{when}.csv"
            write_table(path, "Timestamp", columns, range(begin, begin + 50))
    if labels:
        (place / "label-data").mkdir()
        (place / "label-data" / "labels.csv").write_text("\n".join(labels) + "\n")
    _lookout_results(place)
    return place


def _lookout_results(place: Path) -> None:
    for begin in range(TAUGHT, ROWS, 50):
        folder = place / "inference-data" / "output" / (START + timedelta(minutes=begin)).strftime("%Y%m%d%H%M%S")
        folder.mkdir(parents=True)
        lines = []
        for row in range(begin, begin + 50):
            time = (START + timedelta(minutes=row)).strftime("%Y-%m-%dT%H:%M:%S.%f")
            odd = FAULT[0] <= row < FAULT[1]
            why = [{"name": "pump\\pressure", "value": 0.8}, {"name": "motor\\rpm", "value": 0.2}]
            found = {"prediction_reason": "ANOMALY_DETECTED", "anomaly_score": 0.9, "diagnostics": why} if odd else {}
            lines.append(json.dumps({"timestamp": time, "prediction": int(odd), **found}))
        (folder / "results.jsonl").write_text("\n".join(lines) + "\n")


def lookout_answers(place: Path) -> None:
    """What somebody saved of Describe and List calls before the service closed."""
    model = {
        "ModelName": "pump-model",
        "DatasetName": "pump-7",
        "TrainingDataStartTime": "2026-01-01T00:00:00+00:00",
        "TrainingDataEndTime": (START + timedelta(minutes=TAUGHT)).timestamp(),
        "DataPreProcessingConfiguration": {"TargetSamplingRate": "PT1M"},
        "OffCondition": "motor\\rpm<100.0",
    }
    scheduler = {
        "InferenceSchedulerName": "pump-scheduler",
        "DataUploadFrequency": "PT5M",
        "DataDelayOffsetInMinutes": 2,
        "DataInputConfiguration": {"InputTimeZoneOffset": "+00:00"},
    }
    rated = {"StartTime": "2026-01-01T02:00:00+00:00", "EndTime": "2026-01-01T02:10:00+00:00"}
    labels = [{**rated, "Rating": "NO_ANOMALY"}, {**rated, "Rating": "ANOMALY", "FaultCode": "=SUM(A1)"}]
    write_json(place / "describe-model.json", model)
    write_json(place / "describe-scheduler.json", scheduler)
    write_json(place / "list-labels.json", {"LabelSummaries": labels})


def azure(place: Path, *, packed: bool = False) -> Path:
    """A file per variable, in a folder or a ZIP."""
    folder = place / "variables"
    for name, column in sensors().items():
        write_table(folder / f"{name}.csv", "timestamp", {"value": column}, range(ROWS))
    if not packed:
        return folder
    with zipfile.ZipFile(place / "variables.zip", "w") as archive:
        for path in sorted(folder.glob("*.csv")):
            archive.write(path, path.name)
    return place / "variables.zip"


def azure_answers(folder: Path) -> None:
    info = {
        "displayName": "pump-7",
        "startTime": "2026-01-01T00:00:00Z",
        "endTime": stamp(TAUGHT).replace(" ", "T") + "Z",
    }
    write_json(folder / "model.json", {"modelId": "x", "modelInfo": info})
    results = [
        {
            "timestamp": stamp(row).replace(" ", "T") + "Z",
            "value": {
                "isAnomaly": FAULT[0] <= row < FAULT[1],
                "score": 0.7,
                "interpretation": [{"variable": "pressure", "contributionScore": 0.9}],
            },
        }
        for row in range(TAUGHT, ROWS)
    ]
    write_json(folder / "result.json", {"resultId": "y", "results": results})
