"""`inspect`: what a folder or a file of ours holds."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from anomaly_lstm import following, store
from anomaly_lstm.alarm_load import AlarmLoad, alarm_load
from anomaly_lstm.clock import parse_time
from anomaly_lstm.errors import DataError, SomeAssetsFailed
from anomaly_lstm.pipeline.folder import RunFolder, current_model
from anomaly_lstm.pipeline.running import is_run
from anomaly_lstm.sinks import sink_for
from anomaly_lstm.sinks.contract import AlertReport


def inspect(target: Path) -> dict[str, Any]:
    """What a model folder, a run folder, an ingested folder or an alerts file holds, as a document."""
    if store.is_model(target):
        document, _, model_id = store.read_model(target)
        return {"kind": "model", "path": str(target), "model_id": model_id, **document}
    if is_run(target):
        model = current_model(target)
        report = (
            sink_for(Path("alerts.json")).read(target / "alerts.json") if (target / "alerts.json").is_file() else None
        )
        return {
            "kind": "run",
            "path": str(target),
            "model": inspect(model) if model and store.is_model(model) else None,
            "run": report.run if report else None,
            "alerts": list(report.alerts) if report else [],
            "indicators": list(report.indicators) if report else [],
            "load": _load(RunFolder(target), report).document() if report and report.run["end"] else None,
        }
    if (target / "quality.json").is_file():
        return {"kind": "ingested", "path": str(target), **store.read_json(target / "quality.json")}
    if target.is_file():
        report = sink_for(target).read(target)
        lists = {"alerts": list(report.alerts), "indicators": list(report.indicators)}
        return {"kind": "alerts", "path": str(target), "run": report.run, **lists}
    raise DataError(
        f"{target} is neither a model folder, a run folder, an ingested folder nor an alerts file. "
        "Train a model with `anomaly-lstm train SOURCE --model DIR`."
    )


def _load(folder: RunFolder, report: AlertReport) -> AlarmLoad:
    """What the alerts of a run ask of people."""
    lines = (line for _, line in following.after(folder.history))
    start_us, end_us = (parse_time(report.run[edge]) for edge in ("start", "end"))
    return alarm_load(lines, len(report.run["assets"]), start_us, end_us)


def failures(failed: Mapping[str, str]) -> None:
    """Raise SomeAssetsFailed, naming each, when some assets failed."""
    if failed:
        raise SomeAssetsFailed("\n".join(failed.values()))
