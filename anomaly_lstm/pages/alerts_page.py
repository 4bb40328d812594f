"""Alerts as a page: what stands, what is over, what rises, and what was promised; the sink ``html`` writes it.

It has no pictures: those need the scores, and `report_page` draws them from a run folder.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from anomaly_lstm.clock import parse_time
from anomaly_lstm.pages.marks import SIGNS
from anomaly_lstm.pages.page import Html, content_policy, data_block, element, page, section, table
from anomaly_lstm.pages.report import Alert, weight
from anomaly_lstm.pages.sentences import reach_sentence, sentence, with_unit
from anomaly_lstm.pages.texts import Tongue
from anomaly_lstm.policy import Bound
from anomaly_lstm.words import beyond_record, counted, listed

BLOCK = "alerts"
"""Name of the data in the page from which the alerts can be read again."""

AT_MOST = 200
"""Alerts that are shown; the data have all."""


def draw(
    run: Mapping[str, Any],
    alerts: Sequence[Alert],
    indicators: Sequence[Mapping[str, Any]],
    tongue: Tongue,
    data: bytes,
) -> str:
    """The page, whole, of ``alerts`` and ``indicators`` as in ``alerts.json``; ``data`` are kept in it as they are."""
    ranked = sorted(alerts, key=weight, reverse=True)
    standing = [one for one in ranked if one["active"]]
    bounds = {name: Bound(**one) for name, one in run.get("policy", {}).get("bounds", {}).items()}
    title = _title(standing, alerts)
    shown = ranked[:AT_MOST]
    return page(
        title,
        element("p", _what(run, tongue), class_="over"),
        element("h1", title),
        section("Alerts", *(_alert(one, bounds, tongue) for one in shown), *_rest(len(ranked) - len(shown))),
        section("Rising, no alert yet", _rising(indicators, tongue)),
        section("The budget: promised and observed", _budget(run, tongue)),
        element("p", "It advises. It is no machine protection and must never be wired to a trip.", class_="faint"),
        element("p", f"anomaly-lstm {run.get('version', '')}", class_="faint"),
        data_block(BLOCK, data),
        head=content_policy(),
        style=STYLE,
    )


def _title(standing: Sequence[Alert], alerts: Sequence[Alert]) -> str:
    if not alerts:
        return "No alert was raised"
    over = len(alerts) - len(standing)
    if not standing:
        return f"No alert stands; {over:,} {'is' if over == 1 else 'are'} over"
    assets = listed(sorted({one["asset"] for one in standing}), 3)
    return f"{counted(len(standing), 'alert')} {'stands' if len(standing) == 1 else 'stand'}: {assets}"


def _what(run: Mapping[str, Any], tongue: Tongue) -> str:
    if not run.get("start"):
        return "no rows"
    start, end = (tongue.moment(parse_time(run[edge])) for edge in ("start", "end"))
    assets = counted(len(run["assets"]), "asset")
    return f"{assets} · {start} to {end} · model {run.get('model_id', '')} · times in {tongue.zone_name}"


def _alert(alert: Alert, bounds: Mapping[str, Bound], tongue: Tongue) -> Html:
    """What it comes to in a sentence, when it was told, and the sensors that say so."""
    severity = alert["severity_now"] or alert["severity"]
    mark = element("b", f"{SIGNS[severity]} {severity}", class_=f"{severity} whole")
    raised = tongue.moment(parse_time(alert["raised_at"]))
    cleared = "stands" if alert["active"] else f"cleared {tongue.moment(parse_time(alert['cleared_at']))}"
    ahead = [reach_sentence(one, tongue) for one in alert["reaches"]] if alert["active"] else []
    return element(
        "article",
        element("p", mark, " ", element("b", alert["asset"]), ": ", sentence(alert, bounds, tongue)),
        element("p", f"Told {raised}, {cleared}. Id {alert['alert_id']}.", class_="faint"),
        *([element("ul", *(element("li", words) for words in ahead))] if ahead else []),
        *_sensors(alert, tongue),
    )


def _sensors(alert: Alert, tongue: Tongue) -> Iterator[Html]:
    if not alert["sensors"]:
        return
    rows = [
        (
            one["sensor"], tongue.percent(one["share"]), one["direction"],
            with_unit(tongue.figure(one["value"]), one["unit"]),
            with_unit(tongue.figure(one["expected"]), one["unit"]),
        )
        for one in alert["sensors"]
    ]  # fmt: skip
    columns = ("sensor", "share", "direction", "measured", "expected")
    inside = table(columns, rows, ("share", "measured", "expected"))
    yield element("details", element("summary", "Sensors at the peak"), inside)


def _rest(more: int) -> Iterator[Html]:
    if more > 0:
        yield element("p", f"… and {more:,} more, less severe or older.", class_="faint")


def _rising(indicators: Sequence[Mapping[str, Any]], tongue: Tongue) -> Html:
    rows = [
        (
            one["asset"], one["sensor"], tongue.moment(parse_time(one["onset"])),
            with_unit(tongue.figure(one["value"]), one["unit"]), with_unit(tongue.figure(one["level"]), one["unit"]),
            one["forecast"],
        )
        for one in indicators
    ]  # fmt: skip
    columns = ("asset", "sensor", "since", "last value", "bound", "what is ahead")
    return table(columns, rows, ("last value", "bound"), "No sensor drifts towards its bounds without an alert.")


def _budget(run: Mapping[str, Any], tongue: Tongue) -> Html:
    rows = []
    for one in run.get("budget", ()):
        far = " (beyond record)" if beyond_record(run.get("normal_s", 0.0), one["return_period_s"]) else ""
        expected, raised = f"{one['expected_false']:.1f}", f"{one['raised']:,}"
        rows.append((one["severity"], tongue.span(one["return_period_s"]) + far, expected, raised))
    columns = ("severity", "once in", "expected by chance", "raised, true or false")
    return table(columns, rows, columns[2:], "No severity is on.")


STYLE = """
article { border-top: 1px solid var(--line); padding: 6px 0 8px; break-inside: avoid; }
article p { max-width: none; }
summary { font-size: 13px; color: var(--faint); cursor: pointer; }
h1 { overflow-wrap: anywhere; }
"""
