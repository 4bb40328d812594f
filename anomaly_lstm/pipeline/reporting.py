"""`report`: what a run folder keeps of one asset, as a page."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from importlib import metadata, resources
from pathlib import Path
from typing import Any

from anomaly_lstm import following, store
from anomaly_lstm.changes import RAISED
from anomaly_lstm.clock import DAY, find_zone, parse_time
from anomaly_lstm.errors import DataError, UsageError
from anomaly_lstm.pages.histories import STATE_BINS, Scene, calm_s, chosen, gathered, month_of
from anomaly_lstm.pages.report import (
    Alert,
    AssetReport,
    Knowledge,
    Promise,
    States,
    Stretch,
    around,
    weight,
)
from anomaly_lstm.pages.report_page import Beside, Drawing, draw
from anomaly_lstm.pages.texts import Tongue
from anomaly_lstm.pipeline.cases import Desk, desk
from anomaly_lstm.pipeline.folder import RunFolder, RunState, Watch, event_from
from anomaly_lstm.pipeline.scoring import read_scores
from anomaly_lstm.pipeline.watching import policy_from
from anomaly_lstm.policy import Policy
from anomaly_lstm.sinks import sink_for
from anomaly_lstm.sources.words import near
from anomaly_lstm.tables import SEVERITIES

SHOWN_US = 7 * DAY
"""What is shown first where there was no alert [µs]."""

REPORTS, FLEET = "reports", "fleet.html"
"""A folder of the run folder: its pages, unless --out says otherwise; and the page of all assets in it."""


@dataclass(frozen=True)
class Reported:
    """Result of `report`: the page, what it is about, and its size [bytes]."""

    out: Path
    asset: str
    alert_id: str | None
    size: int


def report(
    folder: Path,
    *,
    asset: str | None = None,
    alert: str | None = None,
    out: Path | None = None,
    pipeline: str | None = None,
    zone: str | None = None,
    zones: Mapping[str, str] | None = None,
    language: str = "en",
    fleet: str | None = None,
    mark: str = "",
    now_us: int,
) -> Reported:
    """Write the page of an asset, or of the alert whose id begins so; of neither, of what matters most.

    The zone is that of the asset in ``zones``, else ``zone``, else that of the source. The page leads to that of the
    ``fleet`` beside it, by default to the one that is there; ``mark`` says what it was drawn from. Raises UsageError
    for an asset or alert that the run does not know, DataError where the folder holds nothing to show.
    """
    stands = desk(folder, now_us)
    about = stands.alert(alert) if alert is not None else None
    name = _asset(stands, asset, about)
    if alert is None and asset is None:
        about = max((one for one in stands.alerts if one["asset"] == name), key=weight, default=None)
    facts = asset_report(folder, stands, name, about, pipeline or folder.name)
    place = out or folder / REPORTS / page_name(name, about["alert_id"][:8] if about is not None and alert else None)
    fleet = fleet or (FLEET if place.name != FLEET and (place.parent / FLEET).is_file() else None)
    tongue = Tongue(language, find_zone((zones or {}).get(name) or zone or source_zone(folder)))
    store.write_text(place, draw(facts, tongue, drawing(), Beside(fleet, mark)))
    return Reported(place, name, about["alert_id"] if about else None, place.stat().st_size)


def page_name(asset: str, alert: str | None = None) -> str:
    """The file of an asset's page, or of an alert's: no name leads out of its folder or takes the place of the fleet's
    page.
    """
    name = f"{store.folder_name(asset)}{f'-{alert}' if alert else ''}.html"
    return f"%{ord(name[0]):02X}{name[1:]}" if name.lower() == FLEET else name


def drawing() -> Drawing:
    """What draws in a page. Raises UsageError where the plotting library is not installed."""
    try:
        from plotly.offline import get_plotlyjs
    except ImportError:
        raise UsageError(
            "plotly, which draws in the page, is not installed. Install it with `pip install 'anomaly-lstm[report]'`."
        ) from None
    own = resources.files("anomaly_lstm.pages").joinpath("panels.js").read_text(encoding="utf-8")
    return Drawing(get_plotlyjs(), own)


def _asset(stands: Desk, asset: str | None, about: Alert | None) -> str:
    """The asset that is asked for, else the one whose alert matters most, else the first."""
    if about is not None:
        if asset not in (None, about["asset"]):
            raise UsageError(f"alert {about['alert_id']} is of {about['asset']}, not of {asset}. Leave --asset out.")
        return str(about["asset"])
    if asset is not None and asset not in stands.assets:
        raise UsageError(f"there is no asset '{asset}' in {stands.folder}.{near(asset, stands.assets)}")
    if asset is not None:
        return asset
    if not stands.assets:
        raise DataError(f"{stands.folder} watches no asset yet. Let a run read some rows first.")
    return str(max(stands.alerts, key=weight)["asset"]) if stands.alerts else stands.assets[0]


def source_zone(folder: Path) -> str:
    """The zone in which the source's times were read."""
    state = RunFolder(folder).state()
    model = RunFolder(folder).models / str(state.model_id)
    return str(_document(model).get("reading", {}).get("zone") or "UTC")


def _document(model: Path) -> Mapping[str, Any]:
    """What a person may read of a model; nothing where it is gone."""
    found: Mapping[str, Any] = store.read_json(model / "model.json") if store.is_model(model) else {}
    return found


# ---------------------------------------------------------------- facts


def asset_report(folder: Path, stands: Desk, asset: str, about: Alert | None, pipeline: str) -> AssetReport:
    """All that the page of an asset tells, from what the run folder keeps; a month of scores is held at a time.

    Raises DataError where nothing of it was scored, or a file is damaged.
    """
    place = RunFolder(folder)
    state = place.state()
    run = sink_for(place.alerts).read(place.alerts).run
    watch = state.assets.get(asset)
    months = place.months_of(asset)
    if watch is None or not months or asset not in run["assets"]:
        raise DataError(f"{asset} has no scores in {folder} yet. Let `anomaly-lstm run` score some rows of it first.")
    start_us, end_us = (parse_time(run["assets"][asset][edge]) for edge in ("start", "end"))
    alerts = [one for one in stands.alerts if one["asset"] == asset]
    shown = about or max(alerts, key=weight, default=None)
    focus = around(shown, start_us, end_us) if shown else (max(start_us, end_us - SHOWN_US), end_us)
    policy = policy_from(watch.terms.policy)
    model = _document(place.models / watch.terms.model_id)
    scene = Scene(start_us, end_us, focus, stands.period_us, int(model.get("max_hole", 10)), calm_s(policy))
    history = gathered(scene, [month_of(scene, read_scores(month)) for month in months])
    standing = about or max((one for one in alerts if one["active"]), key=weight, default=None)
    drawn = chosen(history, shown, model.get("context", ()))
    units = {**model.get("units", {}), **policy.units}
    return AssetReport(
        asset=asset,
        pipeline=pipeline,
        version=metadata.version("anomaly-lstm"),
        period_us=stands.period_us,
        start_us=start_us,
        end_us=end_us,
        focus_us=focus,
        alerts=alerts,
        about=standing,
        limits_s={severity: policy.limits[severity] / 1e6 for severity in SEVERITIES if severity in policy.limits},
        bounds=policy.bounds,
        rarity=history.rarity,
        states=States(scene.edges(STATE_BINS), history.states),
        courses=[history.course(name, units.get(name), policy) for name in drawn],
        kept=[replace(one, unit=units.get(one.sensor)) for one in history.kept],
        parts=history.parts,
        stretches=_stretches(state, asset),
        promises=_promises(run, asset, policy, stands.alerts),
        knowledge=_knowledge(watch, model, asset),
        notes=_notes(folder, asset),
        told=_told(place.history, standing) if standing else "",
        acts=[act for act in stands.acts if act.asset == asset],
    )


def _told(history: Path, alert: Alert) -> str:
    """The reason with which an alert was raised, as the history keeps it; empty where it keeps none."""
    lines = (line for _, line in following.after(history) if line["alert_id"] == alert["alert_id"])
    return next((str(line["alert"]["reason"]) for line in lines if line["change"] == RAISED), "")


def _stretches(state: RunState, asset: str) -> list[Stretch]:
    events = [event_from(one) for one in state.events]
    return [Stretch(e.start_us, e.end_us, e.kind, e.sensor) for e in events if e.asset in ("", asset)]


def _promises(run: Mapping[str, Any], asset: str, policy: Policy, alerts: Sequence[Alert]) -> list[Promise]:
    """What was promised of each severity, of this asset and of all, and what came."""
    of_all = {line["severity"]: line for line in run["budget"]}
    scored_s = run["assets"][asset]["scored_s"]
    out = []
    for severity in (one for one in SEVERITIES if one in policy.limits and one in of_all):
        limit_s = policy.limits[severity] / 1e6
        higher = SEVERITIES[SEVERITIES.index(severity) :]
        raised = sum(a["asset"] == asset and a["kind"] == "deviation" and a["severity"] in higher for a in alerts)
        line = of_all[severity]
        out.append(Promise(severity, limit_s, scored_s / limit_s, raised, line["expected_false"], line["raised"]))
    return out


def _knowledge(watch: Watch, model: Mapping[str, Any], asset: str) -> Knowledge | None:
    if not model:
        return None
    told, calibration = model["report"], model["report"]["calibration"]
    return Knowledge(
        model_id=watch.terms.model_id,
        network=model["network"]["name"],
        carried_by=told["carried_by"],
        losses=told["loss"],
        scored=model["scored"],
        context=[*model["context"], *([model["mode"]["sensor"]] if model.get("mode") else [])],
        rows=told["rows"],
        assets=len(told["assets"]),
        own_rows=told["assets"].get(asset, 0),
        start_us=told["start_us"],
        end_us=told["end_us"],
        memory_rows=told["warm_up"],
        expected=calibration["expected"],
        observed=calibration["observed"],
        at_s=calibration["at_s"],
        normal_s=calibration["normal_s"],
    )


def _notes(folder: Path, asset: str) -> list[str]:
    """What the last run that read something noted on this asset."""
    path = folder / "quality.json"
    notes = store.read_json(path)["notes"] if path.is_file() else []
    return [note for note in notes if note.startswith(f"{asset}:")]
