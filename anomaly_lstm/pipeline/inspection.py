"""`inspect`: what a folder or a file of ours holds."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from anomaly_lstm import following, store
from anomaly_lstm.alarm_load import AlarmLoad, alarm_load
from anomaly_lstm.clock import parse_time
from anomaly_lstm.errors import DataError, SomeAssetsFailed, UsageError
from anomaly_lstm.pipeline.folder import RunFolder, current_model, is_run
from anomaly_lstm.pipeline.glancing import asset_document, at_a_glance, why_unwatched
from anomaly_lstm.pipeline.standing import all_seen
from anomaly_lstm.pipeline.watching import policy_from
from anomaly_lstm.policy import Policy
from anomaly_lstm.sinks import sink_for
from anomaly_lstm.sinks.contract import AlertReport
from anomaly_lstm.sources.words import near


def inspect(target: Path, asset: str | None = None) -> dict[str, Any]:
    """What a model folder, a run folder, an ingested folder or an alerts file holds, as a document; of an ``asset`` of
    a run folder all that it tells of this one.
    """
    if asset is not None:
        return _inspect_asset(target, asset)
    if store.is_model(target):
        document, _, model_id = store.read_model(target)
        return {"kind": "model", "path": str(target), "model_id": model_id, **document}
    if is_run(target):
        return _inspect_run(target)
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


def _inspect_run(target: Path) -> dict[str, Any]:
    model, folder = current_model(target), RunFolder(target)
    report = _report(folder)
    watched = at_a_glance(folder, report, _policies(folder), _unwatched(folder, report)) if report else None
    return {
        "kind": "run",
        "path": str(target),
        "model": inspect(model) if model and store.is_model(model) else None,
        "run": report.run if report else None,
        "fleet": watched.document() if watched else None,
        "alerts": list(report.alerts) if report else [],
        "indicators": list(report.indicators) if report else [],
        "load": _load(folder, report).document() if report and report.run["end"] else None,
    }


def _inspect_asset(target: Path, asset: str) -> dict[str, Any]:
    """Raises UsageError where the target is no run folder or has no such asset."""
    if not is_run(target):
        raise UsageError(f"{target} is no run folder; --asset goes with one, or with its pipeline file.")
    folder = RunFolder(target)
    report, policies = _report(folder), _policies(folder)
    if report is None or asset not in policies:
        raise UsageError(f"there is no asset '{asset}' with scores in {target}.{near(asset, list(policies))}")
    found = asset_document(folder, report, asset, policies[asset], _unwatched(folder, report))
    return {"kind": "asset", "path": str(target), **found}


def _report(folder: RunFolder) -> AlertReport | None:
    return sink_for(folder.alerts).read(folder.alerts) if folder.alerts.is_file() else None


def _policies(folder: RunFolder) -> dict[str, Policy]:
    """The policy by which each asset is watched; none of those that have no scores yet."""
    watches = folder.state().assets
    return {
        asset: policy_from(watch.terms.policy)
        for asset, watch in watches.items()
        if watch.terms.policy and watch.next is not None
    }


def _unwatched(folder: RunFolder, report: AlertReport) -> dict[str, str]:
    """Why nothing would be told of some assets; one that is damaged is named in the next run."""
    far, _ = all_seen(folder, report.run["assets"])
    return why_unwatched(folder.state(), far, parse_time(report.run["end"])) if report.run["end"] else {}


def _load(folder: RunFolder, report: AlertReport) -> AlarmLoad:
    """What the alerts of a run ask of people."""
    lines = (line for _, line in following.after(folder.history))
    start_us, end_us = (parse_time(report.run[edge]) for edge in ("start", "end"))
    return alarm_load(lines, len(report.run["assets"]), start_us, end_us)


def failures(failed: Mapping[str, str]) -> None:
    """Raise SomeAssetsFailed, naming each, when some assets failed."""
    if failed:
        raise SomeAssetsFailed("\n".join(failed.values()))
