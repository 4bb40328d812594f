"""What a run folder tells of its assets at a glance, reading no more of the scores than that."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from anomaly_lstm import arrow
from anomaly_lstm.cases import Cases
from anomaly_lstm.clock import parse_time
from anomaly_lstm.errors import DataError
from anomaly_lstm.glances import LATELY_US, STRETCHES, Glance, Glances, ranked
from anomaly_lstm.pages import fleet as facts
from anomaly_lstm.pipeline.folder import RunFolder, RunState
from anomaly_lstm.policy import Policy
from anomaly_lstm.sinks.contract import AlertReport, Seen
from anomaly_lstm.stretches import equal_stretches, highest
from anomaly_lstm.tables import SEVERITIES, STATE_NAMES, State, scored_sensors

Float64 = NDArray[np.float64]

FEW = 10
"""So many assets are shown where not all of them are asked for."""

COLUMNS = ("asset", "time", "state", "score", "return_period_s")
"""Of a scores table: those that every one has."""

SENSORS = 5
"""So many sensors of an asset are shown."""


def why_unwatched(state: RunState, newest: Mapping[str, Seen], end_us: int) -> dict[str, str]:
    """The assets of which nothing would be told → why (`pages.fleet`), as a run left them; ``newest`` is how far each
    is, ``end_us`` [µs UTC] how far the fleet is.
    """
    holds = Cases.from_document(state.cases or None).holds
    held = {one.asset: one.do for one in holds if not one.sensors and not one.alert_id}
    late = {asset for asset, one in newest.items() if one.newest_us is None or end_us - one.newest_us > facts.LATE_US}
    why = {asset: facts.UNSCORED for asset, watch in state.assets.items() if not watch.n_scored and watch.next}
    why |= dict.fromkeys(late, facts.SILENT)
    why |= {asset: facts.HELD[do] for asset, do in held.items()}
    why |= {asset: facts.FAILED for asset in state.failed if asset in state.assets}
    return why | dict(state.unwatched)


def at_a_glance(
    folder: RunFolder,
    report: AlertReport,
    policies: Mapping[str, Policy],
    unwatched: Mapping[str, str],
    most: int | None = None,
) -> Glances | None:
    """The assets of ``policies`` that were scored, and those that are ``unwatched`` → why, over the last days up to the
    newest row of all; None where nothing was scored.

    Of a fleet with more than ``most`` assets only those of which there is something to tell, and no more than that.
    """
    limits_s = {
        asset: min((us / 1e6 for us in policies[asset].limits.values()), default=None)
        for asset in report.run["assets"]
        if asset in policies
    }
    if not report.run["start"]:
        return None
    limits_s = {**dict.fromkeys(unwatched), **limits_s}
    start_us, end_us = _lately(report)
    every = ranked(report.alerts, report.indicators, limits_s, unwatched)
    loud = [one for one in every if one.alert or one.indicator]
    if most is None or len(every) <= most:
        shown, others, off, quiet = every, 0, 0, 0
    else:
        shown, others = loud[:most], len(loud[most:])
        off = sum(one.unwatched is not None for one in every if not (one.alert or one.indicator))
        quiet = len(every) - len(loud) - off
    glances = [_looked_at(folder, one, start_us, end_us) for one in shown]
    return Glances(start_us, end_us, glances, others, quiet, off)


def _lately(report: AlertReport) -> tuple[int, int]:
    """The last days of what was watched [µs UTC]."""
    start_us, end_us = (parse_time(report.run[edge]) for edge in ("start", "end"))
    return max(start_us, end_us - LATELY_US), end_us


def _looked_at(folder: RunFolder, one: Glance, start_us: int, end_us: int) -> Glance:
    """With its rarest rows; none of a damaged file, which stops its asset in the next run and no other."""
    once_s = np.full(STRETCHES, np.nan)
    table = None
    with suppress(DataError):
        table = folder.stored(one.asset, start_us, COLUMNS)
    if table is not None:
        rare_s = arrow.to_numpy(table.column("return_period_s"), np.float64)
        places = highest(
            arrow.times_to_numpy(table.column("time")), rare_s, equal_stretches(start_us, end_us, STRETCHES)
        )
        once_s[places >= 0] = rare_s[places[places >= 0]]
    return replace(one, once_s=once_s)


# ---------------------------------------------------------------- one asset


def asset_document(
    folder: RunFolder, report: AlertReport, asset: str, policy: Policy, unwatched: Mapping[str, str]
) -> dict[str, Any]:
    """One asset of a run as a document: itself at a glance, its newest alerts, the states of its last rows, the sensors
    that say most, and the budget.
    """
    found = at_a_glance(folder, report, {asset: policy}, {asset: unwatched[asset]} if asset in unwatched else {})
    alerts = [one for one in report.alerts if one["asset"] == asset]
    content: dict[str, Any] = {"asset": asset, "alerts": alerts, "fleet": found.document() if found else None}
    if found is None:
        return {**content, "states": {}, "sensors": [], "budget": []}
    return {
        **content,
        "states": _states(folder, asset, found),
        "sensors": _sensors(folder, asset, found, alerts, policy.units),
        "budget": _budget(report, asset, policy, alerts),
    }


def _states(folder: RunFolder, asset: str, found: Glances) -> dict[str, int]:
    """State → rows of late, those without any row at all not counted."""
    table = folder.stored(asset, found.start_us, COLUMNS)
    if table is None:
        return {}
    time_us = arrow.times_to_numpy(table.column("time"))
    state = arrow.places_in(table.column("state"), STATE_NAMES)[(time_us >= found.start_us) & (time_us < found.end_us)]
    return {one.name: int((state == one).sum()) for one in State}


def _sensors(
    folder: RunFolder, asset: str, found: Glances, alerts: Sequence[Mapping[str, Any]], units: Mapping[str, str]
) -> list[dict[str, Any]]:
    """The sensors that say most, measured and expected in the row of each stretch in which they lay farthest apart."""
    names = _leading(folder, asset, found, alerts)
    wanted = [f"{what}.{name}" for name in names for what in ("value", "expected")]
    table = folder.stored(asset, found.start_us, [*COLUMNS, *wanted])
    if table is None:
        return []
    time_us = arrow.times_to_numpy(table.column("time"))
    edges_us = equal_stretches(found.start_us, found.end_us, STRETCHES)
    out = []
    for name in names:
        both = [arrow.to_numpy(table.column(f"{what}.{name}"), np.float64) for what in ("value", "expected")]
        places = highest(time_us, np.abs(both[0] - both[1]), edges_us)
        measured, expected = ([float(values[place]) if place >= 0 else None for place in places] for values in both)
        out.append({"sensor": name, "unit": units.get(name), "measured": measured, "expected": expected})
    return out


def _leading(folder: RunFolder, asset: str, found: Glances, alerts: Sequence[Mapping[str, Any]]) -> list[str]:
    """The sensors of the alert that stands, or stood last of late; without one, those of the rarest row."""
    standing = found.glances[0].alert
    late = [one for one in alerts if one["sensors"] and parse_time(one["updated_at"]) >= found.start_us]
    about = standing if standing and standing["sensors"] else late[-1] if late else None
    if about is not None:
        return [one["sensor"] for one in about["sensors"][:SENSORS]]
    table = folder.stored(asset, found.start_us)
    if table is None:
        return []
    rare_s = arrow.to_numpy(table.column("return_period_s"), np.float64)
    (place,) = highest(
        arrow.times_to_numpy(table.column("time")), rare_s, equal_stretches(found.start_us, found.end_us, 1)
    )
    if place < 0:
        return []
    row = table.slice(place, 1)
    share = {name: float(row.column(f"share.{name}")[0].as_py() or 0.0) for name in scored_sensors(table)}
    return sorted(share, key=lambda name: -share[name])[:SENSORS]


def _budget(
    report: AlertReport, asset: str, policy: Policy, alerts: Sequence[Mapping[str, Any]]
) -> list[dict[str, Any]]:
    """Of each severity: the limit, and how many alerts chance was expected to raise in the scored time and how many
    were raised.
    """
    scored_s = report.run["assets"][asset]["scored_s"]
    on = [(place, name) for place, name in enumerate(SEVERITIES) if name in policy.limits]
    deviations = [SEVERITIES.index(one["severity"]) for one in alerts if one["kind"] == "deviation"]
    return [
        {
            "severity": name,
            "return_period_s": policy.limits[name] / 1e6,
            "expected_false": scored_s * 1e6 / policy.limits[name],
            "raised": sum(one >= place for one in deviations),
        }
        for place, name in on
    ]
