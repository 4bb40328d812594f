"""Alerts and budgets, in words."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import TYPE_CHECKING, Any

from rich.text import Text

from anomaly_lstm.cli.show.screen import AT_MOST, Screen, say, table
from anomaly_lstm.words import beyond_record, brief, counted, expected, moment, span

if TYPE_CHECKING:  # these load NumPy and Arrow, which --help must not
    from anomaly_lstm.pipeline import AlertResult

REASONS = 10
"""Alerts whose reason a terminal gets."""


STYLES = {"advisory": "cyan", "warning": "yellow", "critical": "bold red"}

SIGNS = {"advisory": "●", "warning": "◆", "critical": "■"}
"""Beside its colour a severity has a sign: who sees no colours sees as much."""


def severity(name: str) -> Text:
    """``■ critical``."""
    return Text(f"{SIGNS.get(name, ' ')} {name}", style=STYLES.get(name, ""))


def rare(return_period_s: float) -> str:
    """A return period in few letters: ``30 days``, ``1,000+ years``."""
    from anomaly_lstm.alerts import rarity_words

    return rarity_words(return_period_s).replace(" years or more", "+ years")


def alerts(screen: Screen, run: Mapping[str, Any], found: Sequence[Mapping[str, Any]]) -> None:
    """The alerts of ``alerts.json`` that matter most (newest last, after those that people handled), the reasons of
    those that nobody did (weightiest last), and the budget.
    """
    if found:
        shown = sorted(
            sorted(found, key=_weight)[-AT_MOST:],
            key=lambda alert: (not _is_handled(alert), str(alert["raised_at"])),
        )
        if len(found) > len(shown):
            say(screen, f"The {len(shown)} that matter most of {len(found):,} alerts:")
        columns = ("asset", "severity", "raised (UTC)", "lasted", "once in", "led by")
        table(screen, columns, [_alert_row(alert) for alert in shown], whole=columns[1:5])
        for alert in sorted((one for one in shown if not _is_handled(one)), key=_weight)[-REASONS:]:
            say(screen, f"{alert['severity']}: {reason(alert)}")
            if alert.get("forecast"):
                say(screen, f"  {alert['forecast']}")
    else:
        say(screen, "No alert.")
    budget(screen, run, found)


def rising(screen: Screen, found: Sequence[Mapping[str, Any]]) -> None:
    """The indicators of ``alerts.json``, those that come to their bound first before the others."""
    if not found:
        return
    say(screen, "Rising, no alert yet; when they reach their bounds if load and trend stay:", style="bold")
    columns = ("asset", "sensor", "since (UTC)", "now", "expected", "bound", "reached")
    table(screen, columns, [_rising_row(one) for one in found[:AT_MOST]])
    if len(found) > AT_MOST:
        say(screen, f"{len(found) - AT_MOST:,} more come later or cannot be told.")


def _rising_row(one: Mapping[str, Any]) -> tuple[str, ...]:
    unit = f" {one['unit']}" if one["unit"] else ""
    now, usual, bound = (
        "?" if value is None else f"{value:.4g}{unit}" for value in (one["value"], one["expected"], one["level"])
    )
    return one["asset"], one["sensor"], moment(one["onset"]), now, usual, bound, _reached_words(one)


def _reached_words(one: Mapping[str, Any]) -> str:
    """``in 2 to 5 days (median 3 days)``, or why there is no such time."""
    if one["state"] == "estimate":
        low, middle, high = (span(one[f"{name}_s"]) for name in ("p10", "p50", "p90"))
        return f"in {low} to {high} (median {middle})"
    return {
        "pending": "too early to say",
        "beyond_range": "later than its trend can tell",
        "cannot_say": f"nobody can say: {one['reason']}",
    }[str(one["state"])]


def strangest(screen: Screen, run: Mapping[str, Any], result: AlertResult) -> None:
    """Without an alert: the rarest row, and limits that the record can show, where those that are on lie beyond it."""
    from anomaly_lstm.alerts import rarity_words
    from anomaly_lstm.clock import format_duration, iso

    if result.alerts or result.strangest is None:
        return
    asset, time_us, rarity_s = result.strangest
    say(screen, f"The strangest row is {asset} at {moment(iso(time_us))} UTC: once in {rarity_words(rarity_s)}.")
    lowest_s = min((budget["return_period_s"] for budget in run["budget"]), default=0.0)
    record_s = 10 ** math.floor(math.log10(run["normal_s"]))
    if beyond_record(run["normal_s"], lowest_s):
        advisory, warning = (format_duration(round(record_s * factor * 1e6)) for factor in (1, 3))
        say(
            screen,
            f"The limits lie far beyond the {span(run['normal_s'])} of normal rows that calibrated them. Train on a "
            f"longer span, or ask for what these rows can show: --advisory {advisory} --warning {warning}.",
        )


def reason(alert: Mapping[str, Any]) -> str:
    """What an alert says, a long name of its asset without its middle."""
    told = str(alert["reason"])
    head = f"{alert['asset']}: "
    return f"{brief(alert['asset'])}: {told.removeprefix(head)}" if told.startswith(head) else told


def _weight(alert: Mapping[str, Any]) -> tuple[int, bool, float, str]:
    """What a person should see first has the greatest weight: severe, then standing, then rare, then new."""
    severity = list(STYLES).index(alert["severity"])
    return severity, is_standing(alert), alert["peak"]["return_period_s"] or 0.0, alert["raised_at"]


def _alert_row(alert: Mapping[str, Any]) -> tuple[str | Text, ...]:
    from anomaly_lstm.actions import handled

    over = None if alert["active"] else span(seconds(alert["raised_at"], alert["cleared_at"]))
    lasted = over or handled(alert) or "standing"
    leading = alert["sensors"][0]["sensor"] if alert["sensors"] else ""  # the reason names the others
    rarity_s = alert["peak"]["return_period_s"]
    once = alert["kind"].replace("_", " ") if rarity_s is None else rare(rarity_s)
    return alert["asset"], severity(alert["severity"]), moment(alert["raised_at"]), lasted, once, leading


def seconds(start: str, end: str) -> float:
    return (datetime.fromisoformat(end) - datetime.fromisoformat(start)).total_seconds()


def budget(screen: Screen, run: Mapping[str, Any], found: Sequence[Mapping[str, Any]]) -> None:
    """What was promised against what was raised."""
    scored_s = sum(asset["scored_s"] for asset in run["assets"].values())
    for line in run["budget"]:
        once = span(line["return_period_s"])
        far = " (beyond record)" if beyond_record(run["normal_s"], line["return_period_s"]) else ""
        say(
            screen,
            f"{line['severity'].capitalize()}, once in {once}{far}: {line['raised']} raised, "
            f"{expected(line['expected_false'])} expected by chance in {span(scored_s)} of scored time "
            f"({expected(line.get('per_month', 0.0))} a month on {counted(len(run['assets']), 'asset')}).",
        )
    standing = sum(is_standing(alert) for alert in found)
    if standing:
        handled = sum(is_standing(alert) and _is_handled(alert) for alert in found)
        those = f", {handled} of them acknowledged or put aside" if handled else ""
        say(
            screen, f"{counted(standing, 'alert')} still {'stands' if standing == 1 else 'stand'}{those}.", style="bold"
        )


def _is_handled(alert: Mapping[str, Any]) -> bool:
    """Did people say something of an alert that stands, or put it aside?"""
    from anomaly_lstm.actions import handled

    return bool(alert["active"]) and handled(alert) is not None


def is_standing(alert: Mapping[str, Any]) -> bool:
    """Does it stand, and has nobody closed it?"""
    return bool(alert["active"] and not alert.get("closed"))


def stands(found: Sequence[Mapping[str, Any]]) -> bool:
    """Does a warning or critical alert stand that nobody acknowledged, closed or keeps from being told?"""
    handled = ("acked", "shelved_until", "suppressed", "out_of_service", "closed")
    return any(
        a["active"] and a["severity"] in ("warning", "critical") and not any(a.get(key) for key in handled)
        for a in found
    )
