"""Small made-up fleets: as many assets as asked for, of which some have alerts and some are not watched."""

from __future__ import annotations

from dataclasses import replace
from typing import Any
from zoneinfo import ZoneInfo

import numpy as np

from anomaly_lstm.clock import DAY, iso
from anomaly_lstm.events import Asset
from anomaly_lstm.pages import fleet as facts
from anomaly_lstm.pages import worsening
from anomaly_lstm.pages.fleet import Changed, Dead, Fleet, Shown, Unwatched, bin_edges
from anomaly_lstm.pages.worsening import Worse
from anomaly_lstm.policy import Bound
from tests.reports import DAY_S, alert, over
from tests.toys import MINUTE, START

NEWEST = START + 719 * MINUTE
SINCE = START - DAY
UTC = ZoneInfo("UTC")
EDGES = bin_edges(NEWEST - 30 * DAY, NEWEST, MINUTE)


WORSE = (
    Worse(worsening.DEVIATION, 4.9, 6.1, "bearing_temp", "°C", side="above"),
    Worse(worsening.CROSSED, 69.9, 71.1, "bearing_temp", "°C", 71.0),
    Worse(worsening.LEFT, 63 * 3600.0, 9 * 3600.0, "bearing_temp", "°C", 85.0),
    Worse(worsening.RARITY, 8 * DAY_S, 400 * DAY_S),
)
"""All that may get worse."""


def critical(**changes: Any) -> dict[str, Any]:
    """A bound was crossed."""
    reach = {**alert()["reaches"][0], "p10_s": 4 * 3600.0, "p50_s": 9 * 3600.0, "p90_s": 15 * 3600.0}
    return alert(**{"severity": "critical", "severity_now": "critical", "reaches": [reach], **changes})


def silent(**changes: Any) -> dict[str, Any]:
    """Nothing comes any more."""
    nothing: dict[str, Any] = {
        "kind": "no_data",
        "sensors": [],
        "reaches": [],
        "peak": {"time": iso(START), "score": None, "return_period_s": None},
    }
    return alert(**{**nothing, **changes})


def shown(name: str, **changes: Any) -> Shown:
    """An asset that is quiet unless a test says otherwise; its picture is a restless line."""
    chance = np.random.default_rng(sum(map(ord, name)))
    once_s = 3600 * np.exp(chance.exponential(1.2, len(EDGES) - 1))
    alerts = [{**one, "asset": name, "alert_id": f"{sum(map(ord, name)):016x}"} for one in changes.pop("alerts", [])]
    if alerts:
        once_s[-6:] *= np.geomspace(10, 4000, 6)
    made = Shown(
        Asset(name, "pump", "north", "high", enabled=True, owner="reliability"),
        UTC,
        alerts,
        once_s=once_s,
        last_us=NEWEST,
        state="SCORED",
        limits_s={"advisory": 7 * DAY_S, "warning": 21 * DAY_S},
        bounds={"bearing_temp": Bound(high=85.0)},
    )
    return replace(made, **changes)


def fleet(*assets: Shown, **changes: Any) -> Fleet:
    """The fleet of these assets; what stands is new, unless ``changed`` says otherwise."""
    found = [Changed(facts.NEW, one) for asset in assets for one in asset.alerts]
    made = Fleet(
        "pump", "0.1.0", UTC, SINCE, NEWEST, EDGES, sorted(assets, key=lambda one: one.rank), found, {},
        "anomaly-lstm report pipelines/pump.toml",
    )  # fmt: skip
    return replace(made, **changes)


def rising(asset: str) -> dict[str, Any]:
    """An indicator."""
    return {
        "asset": asset,
        "sensor": "bearing_temp",
        "onset": iso(START - 3 * DAY),
        "updated_at": iso(NEWEST),
        "value": 71.0,
        "expected": 66.0,
        "return_period_s": 3e6,
        "level": 85.0,
        "unit": "°C",
        "state": "estimate",
        "reason": None,
        "p10_s": 3 * DAY_S,
        "p50_s": 5 * DAY_S,
        "p90_s": 9 * DAY_S,
        "forecast": None,
    }


def mixed(n: int = 12) -> Fleet:
    """Of everything one; the rest are quiet."""
    worse = critical()
    acked = alert(severity="advisory", severity_now="advisory", acked=True, acked_by="anna", reaches=[])
    shelved = alert(shelved_until=iso(NEWEST + 2 * DAY), shelved_because="spare ordered", reaches=[])
    cases = [
        shown("pump-03", alerts=[worse], page="pump-03.html"),
        shown("pump-07", alerts=[alert()], page="pump-07.html", dead=[Dead("flow", START)]),
        shown("pump-11", alerts=[acked]),
        shown("pump-04", alerts=[shelved], unwatched=[Unwatched(facts.SHELVED, START, NEWEST + 2 * DAY, "anna",
              "spare ordered", ("vibration",))]),
        shown("pump-05", alerts=[silent()], last_us=START, unwatched=[Unwatched(facts.SILENT, START)],
              once_s=np.full(len(EDGES) - 1, np.nan)),
        shown("pump-06", unwatched=[Unwatched(facts.DISABLED)], once_s=np.empty(0), last_us=None),
        shown("pump-08", rising=[rising("pump-08")]),
        shown("pump-09", unwatched=[Unwatched(facts.NEVER)], once_s=np.empty(0), last_us=None, state=None),
        shown("pump-10", unwatched=[Unwatched(facts.FAILED, told="sensor 'flow' is missing (the model knows 5).")]),
        shown("pump-12", state="OUT_OF_STATE"),
    ]  # fmt: skip
    sites = ("north", "south", "east")
    kinds = ("pump", "compressor", "gearbox")
    cases += [shown(f"asset-{place:04d}") for place in range(max(0, n - len(cases)))]
    cases = [
        replace(one, asset=replace(one.asset, site=sites[place % 3], type=kinds[place % 3], owner=f"crew {place % 5}"))
        for place, one in enumerate(cases)
    ][:n]
    gone = over(asset="pump-12", alert_id="e" * 16)
    waits = over(asset="pump-12", alert_id="d" * 16)
    became = {"pump-03": facts.WORSE, "pump-04": facts.UNCHANGED, "pump-11": facts.UNCHANGED}
    found = [
        Changed(became[one.name], each, "advisory", WORSE)
        if one.name == "pump-03"
        else Changed(became.get(one.name, facts.NEW), each)
        for one in cases
        for each in one.alerts
    ]
    if n >= len(cases) and n > 9:
        found += [Changed(facts.OVER, gone), Changed(facts.AWAITING, waits)]
    return fleet(*cases, changed=found)
