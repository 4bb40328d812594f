"""A fleet as a table for Excel, and as a document for programs: what its page tells, asset by asset."""

from __future__ import annotations

import csv
import io
from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

from anomaly_lstm.clock import iso, parse_time
from anomaly_lstm.events import Asset
from anomaly_lstm.pages.fleet import CHANGES, Changed, Fleet, Shown, counts, is_aside, rising, severity_of
from anomaly_lstm.pages.fleet_words import (
    STATUS,
    alert_words,
    headline,
    own,
    rising_words,
    since_us,
    status_words,
    unwatched_words,
    worse_words,
)
from anomaly_lstm.pages.sentences import case_words
from anomaly_lstm.pages.texts import Tongue
from anomaly_lstm.pages.worsening import TOLD_S
from anomaly_lstm.words import cell

FLEET_VERSION = 1
"""Of the form of the document; it grows when a reader would have to change."""

DAY_S, HOUR_S = 86_400, 3600


def as_csv(fleet: Fleet, tongue: Tongue) -> str:
    """One row an asset, in the order of the page: with a byte order mark, so that Excel reads it as UTF-8, times as it
    takes them for times, and no text that it would take for a formula. In Spanish the separator is ``;`` and the
    decimal mark a comma.
    """
    out = io.StringIO(newline="")
    writer = csv.writer(out, delimiter=";" if tongue.language == "es" else ",", lineterminator="\r\n")
    writer.writerow(_row(Shown(Asset("", "", "", "", enabled=True), fleet.zone), tongue))
    writer.writerows([_cell(value, tongue) for value in _row(shown, tongue).values()] for shown in fleet.assets)
    return f"\ufeff{out.getvalue()}"


def _row(shown: Shown, tongue: Tongue) -> dict[str, str | float | None]:
    """Column → value of an asset; times are on its own clock."""
    say, first, reach = tongue.say, shown.first, shown.reach
    seconds: Mapping[str, Any] = reach or {}
    left = {name: seconds[name] / HOUR_S if name in seconds else None for name in ("p50_s", "p10_s", "p90_s")}
    once_s = first["peak"]["return_period_s"] if first else None
    return {
        say("asset"): shown.name,
        say("severity"): say(STATUS.get(shown.status, shown.status)),
        say("what"): status_words(shown, tongue),
        say("since"): _time(since_us(shown), shown, tongue),
        say("hours left"): left["p50_s"],
        say("hours left, at least"): left["p10_s"],
        say("hours left, at most"): left["p90_s"],
        say("once in, days"): None if once_s is None else min(once_s, TOLD_S) / DAY_S,
        say("raised"): _time(parse_time(first["raised_at"]) if first else None, shown, tongue),
        say("case"): case_words(first, own(tongue, shown), shown.acts) if first else "",
        say("last row"): _time(shown.last_us, shown, tongue),
        say("zone"): own(tongue, shown).zone_name,
        say("type"): shown.asset.type,
        say("site"): shown.asset.site,
        say("criticality"): shown.asset.criticality,
        say("owner"): shown.asset.owner,
        say("not watched because"): "; ".join(unwatched_words(shown, one, tongue) for one in shown.unwatched),
        say("alert"): first["alert_id"] if first else "",
    }


def _time(us: int | None, shown: Shown, tongue: Tongue) -> str:
    return "" if us is None else own(tongue, shown).short_moment(us)


def _cell(value: str | float | None, tongue: Tongue) -> str:
    if value is None:
        return ""
    if isinstance(value, str):
        return cell(value)
    text = f"{value:.4g}" if abs(value) < 1e4 else f"{value:.0f}"
    return text.replace(".", ",") if tongue.language == "es" else text


# ---------------------------------------------------------------- as a document


def document(fleet: Fleet, tongue: Tongue) -> dict[str, Any]:
    """All that the page tells, as in ``schemas/fleet.schema.json``: every key there, null where nothing is known, times
    ISO 8601 in UTC with Z. Sentences are in the language, on the clock of their asset.
    """
    return {
        "schema_version": FLEET_VERSION,
        "headline": headline(fleet, tongue),
        "pipeline": fleet.pipeline,
        "version": fleet.version,
        "language": tongue.language,
        "zone": tongue.zone_name,
        "since": iso(fleet.since_us),
        "newest": iso(fleet.newest_us),
        "counts": counts(fleet),
        "changed": {name: [_changed(fleet, one, tongue) for one in fleet.of(name)] for name in CHANGES},
        "rising": [
            {
                "asset": shown.name,
                **{key: sign[key] for key in ("sensor", "onset", "level", "unit", "state", "p10_s", "p50_s", "p90_s")},
                "sentence": rising_words(shown, sign, tongue),
            }
            for shown, sign in rising(fleet)
        ],
        "dead_sensors": [
            {"asset": shown.name, "sensor": one.sensor, "since": iso(one.since_us), "at_least": one.at_least}
            for shown in fleet.assets
            for one in shown.dead
        ],
        "not_watched": [
            {
                "asset": shown.name,
                "why": one.why,
                "since": _iso(one.since_us),
                "until": _iso(one.until_us),
                "by": one.by or None,
                "told": one.told or None,
                "sensors": list(one.sensors),
                "sentence": unwatched_words(shown, one, tongue),
            }
            for shown in fleet.assets
            for one in shown.unwatched
        ],
        "unread": dict(fleet.unread),
        "assets": [_asset(shown, tongue) for shown in fleet.assets],
    }


def _changed(fleet: Fleet, one: Changed, tongue: Tongue) -> dict[str, Any]:
    alert, shown = one.alert, fleet.shown(one.alert["asset"])
    own_keys = ("asset", "alert_id", "kind", "onset", "raised_at", "cleared_at", "acked", "verdict")
    return {
        **{key: alert[key] for key in own_keys},
        "severity": severity_of(alert),
        "was": one.was,
        "worse": [asdict(grown) for grown in one.worse],
        "since_then": worse_words(one, own(tongue, shown)) or None,
        "aside": is_aside(alert),
        "sentence": alert_words(shown, alert, tongue),
        "case": case_words(alert, own(tongue, shown), shown.acts) or None,
    }


def _asset(shown: Shown, tongue: Tongue) -> dict[str, Any]:
    first, reach = shown.first, shown.reach
    once_s = first["peak"]["return_period_s"] if first else None
    soonest = ("sensor", "level", "unit", "p10_s", "p50_s", "p90_s")
    return {
        "asset": shown.name,
        "status": shown.status,
        "watched": shown.is_watched,
        "needs_look": shown.needs_look,
        "sentence": status_words(shown, tongue),
        "alert_id": first["alert_id"] if first else None,
        "since": _iso(since_us(shown)),
        "reach": {key: reach[key] for key in soonest} if reach else None,
        "return_period_s": min(once_s, TOLD_S) if once_s is not None else None,
        "last_row": _iso(shown.last_us),
        "state": shown.state,
        "zone": own(tongue, shown).zone_name,
        "type": shown.asset.type,
        "site": shown.asset.site,
        "criticality": shown.asset.criticality,
        "owner": shown.asset.owner,
        "page": shown.page,
    }


def _iso(us: int | None) -> str | None:
    return None if us is None else iso(us)
