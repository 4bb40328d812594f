"""Alerts against what happened, in words."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rich.text import Text

from anomaly_lstm.cli.show.screen import AT_MOST, Screen, say, table
from anomaly_lstm.cli.show.told import severity
from anomaly_lstm.words import counted, day, expected, listed, moment, span

if TYPE_CHECKING:  # these load NumPy and Arrow, which --help must not
    from anomaly_lstm.evaluation import Evaluation, Outcome
    from anomaly_lstm.measures import Measures
    from anomaly_lstm.replaying import Replay, Trial


def evaluated(screen: Screen, judged: Evaluation) -> None:
    """Event by event what was found; then the false alerts against the budget."""
    for outcome in judged.outcomes[:AT_MOST]:
        say(screen, outcome_words(outcome), style="green" if outcome.alert else "red")
    if len(judged.outcomes) > AT_MOST:
        say(screen, f"… and {len(judged.outcomes) - AT_MOST:,} more events.")
    if not judged.outcomes:
        say(screen, "No failure or anomaly lies in the watched time.")
    for alert in judged.false[:AT_MOST]:
        say(screen, f"{alert.asset}: false {alert.severity} of {day(alert.raised_us)}.")
    if judged.excused:
        say(screen, f"{counted(len(judged.excused), 'alert')} during maintenance or alike count neither way.")
    say(screen, false_words(judged), style="bold")


def outcome_words(outcome: Outcome) -> str:
    """One event in a sentence. Without the severity: what the alert came to is not what it was when it was raised."""
    event, alert = outcome.event, outcome.alert
    asset = alert.asset if alert else event.asset or "all assets"
    if alert is None:
        return f"{asset}: {event.kind} of {day(event.failure_us or event.start_us)} missed."
    if event.kind == "failure" and outcome.lead_us is not None:
        side = "before" if outcome.lead_us >= 0 else "after"
        return f"{asset} warned {span(abs(outcome.lead_us) / 1e6)} {side} its failure."
    late_s = (alert.raised_us - event.start_us) / 1e6
    when = f"found {span(late_s)} after it began" if late_s > 0 else "found at once" if late_s == 0 else "already told"
    return f"{asset}: {event.kind} of {day(event.start_us)} {when}."


def false_words(judged: Evaluation) -> str:
    """``1 false alert, budget 1.4``, with the interval that so few can give."""
    false = f"{counted(len(judged.false), 'false alert')}, budget {expected(judged.expected_false)}"
    healthy = f"in {span(judged.healthy_us / 1e6)} of healthy time"
    if not judged.expected_false:
        return f"{false} {healthy}."
    ratio = len(judged.false) / judged.expected_false
    low, high = judged.interval
    return f"{false} {healthy} (observed/expected {ratio:.2g}, 95 % interval {low:.2g} to {high:.2g})."


def judged_document(judged: Evaluation) -> dict[str, Any]:
    """An evaluation as a document; times ISO 8601. ``lead_h`` is a failure's, ``delay_h`` any other event's."""
    from anomaly_lstm.clock import iso

    def told(alert: Any) -> dict[str, Any]:
        return {
            "alert_id": alert.alert_id,
            "asset": alert.asset,
            "severity": alert.severity,
            "raised_at": iso(alert.raised_us),
        }

    events = [
        {
            "asset": o.event.asset,
            "kind": o.event.kind,
            "start": iso(o.event.start_us),
            "end": iso(o.event.end_us),
            "failure_time": None if o.event.failure_us is None else iso(o.event.failure_us),
            "found": o.alert is not None,
            "alert": told(o.alert) if o.alert else None,
            "lead_h": None if o.lead_us is None else o.lead_us / 3.6e9,
            "delay_h": None if o.delay_us is None else o.delay_us / 3.6e9,
        }
        for o in judged.outcomes
    ]
    return {
        "found": judged.found,
        "missed": len(judged.outcomes) - judged.found,
        "events": events,
        "false_alerts": [told(alert) for alert in judged.false],
        "excused_alerts": [told(alert) for alert in judged.excused],
        "expected_false": judged.expected_false,
        "observed_over_expected_95": list(judged.interval),
        "healthy_h": judged.healthy_us / 3.6e9,
    }


MEASURES = {
    "precision": "precision of rows in alarm",
    "recall": "recall",
    "f1": "F1",
    "far_pct": "FAR, normal rows in alarm [%]",
    "mar_pct": "MAR, event rows out of alarm [%]",
    "roc_auc": "ROC-AUC of the return period",
    "vus_pr": "VUS-PR",
    "nab": "NAB, standard (0 silent, 100 perfect)",
    "affiliation_precision": "affiliation precision",
    "affiliation_recall": "affiliation recall",
    "affiliation_f1": "affiliation F1",
    "care": "CARE",
}
"""What a table calls the measures."""


def measured(screen: Screen, full: Measures) -> None:
    """The measures of the literature as a table, what they were counted on, and why one is missing."""
    say(
        screen,
        f"On {counted(full.rows, 'scored row')} of {counted(full.assets, 'asset')}, {full.positive_rows:,} of them in "
        f"{counted(full.events, 'event')}, {full.alarm_rows:,} in alarm; no point adjustment:",
    )
    columns = ("measure", "here", "random", "always on")
    rows = [
        (MEASURES[name], *("–" if value is None else f"{value:.3f}" for value in (f.value, f.random, f.always_on)))
        for name, f in full.figures.items()
    ]
    table(screen, columns, rows, columns[1:])
    if full.vus_buffer_rows:
        say(screen, f"VUS-PR over buffers up to {counted(full.vus_buffer_rows, 'row')}.")
    why: dict[str, list[str]] = {}
    for name, figure in full.figures.items():
        if figure.reason:
            why.setdefault(figure.reason, []).append(MEASURES[name].partition(",")[0])
    for reason, names in why.items():
        say(screen, f"No {listed(names, len(names))}: {reason}.")


def measured_document(full: Measures) -> dict[str, Any]:
    """The measures as a document: shares in [0, 1], ``…_pct`` in percent; null where not defined, with a reason."""
    return asdict(full)


def replayed(screen: Screen, result: Replay, out: Sequence[Path]) -> None:
    """The headline, event by event what was told, what it cost, and what other policies would have told."""
    from anomaly_lstm.pages import replay_words as words

    now = result.present
    for note in result.notes:
        say(screen, words.note_words(note), style="yellow")
    say(screen, words.policy_words(now.terms))
    events = [*now.failures, *now.anomalies]
    if events:
        columns = ("asset", "failed (UTC)", "told (UTC)", "warning", "severity", "led by")
        table(screen, columns, [_replayed_row(result, outcome) for outcome in events], whole=columns[1:5])
    say(screen, words.headline(result), style="bold")
    say(screen, words.false_words(now))
    say(screen, words.load_words(now))
    if result.grid:
        say(
            screen,
            "What if it were once in … with an on-delay of …: warned, how early, false alerts per asset-year "
            "(* is the present policy):",
        )
        _what_if(screen, result)
    for text in words.trade_words(result):
        say(screen, text)
    if out:
        say(screen, f"The replay is in {listed([str(path) for path in out])}.")


def _replayed_row(result: Replay, outcome: Outcome) -> tuple[str | Text, ...]:
    from anomaly_lstm.clock import iso
    from anomaly_lstm.evaluation import failed_at
    from anomaly_lstm.pages.replay_words import warning_words
    from anomaly_lstm.replaying import outcome_word

    failed_us = failed_at(outcome.event)
    failed = outcome.event.kind if failed_us is None else moment(iso(failed_us))
    good = outcome_word(outcome) in ("warned", "found")
    words = Text(warning_words(outcome), style="green" if good else "red")
    if outcome.alert is None:
        return (outcome.event.asset, failed, "", words, "", "")
    alert = result.told[outcome.alert]
    led = alert.sensors[0].sensor if alert.sensors else ""
    when = moment(iso(outcome.alert.raised_us))
    return (outcome.event.asset, failed, when, words, severity(alert.severity), led)


def _what_if(screen: Screen, result: Replay) -> None:
    """The grid: a line per return period, a column per on-delay."""
    from anomaly_lstm.clock import format_duration
    from anomaly_lstm.pages.replay_words import figure

    delays = [format_duration(trial.terms.policy.on_delay_us) for trial in result.grid[0]]
    rows: list[tuple[str | Text, ...]] = [
        (
            format_duration(row[0].terms.return_period_us),
            f"{figure(row[0].promised_per_year or 0.0)}/y",
            *(_what_if_cell(trial, now=trial is result.present) for trial in row),
        )
        for row in result.grid
    ]
    table(screen, ("once in", "promised", *delays), rows, ("promised",))


def _what_if_cell(trial: Trial, *, now: bool) -> Text:
    """``3/3 41 h 2.1/y``."""
    from anomaly_lstm.pages.replay_words import figure

    (found, total), lead_us, rate = trial.told_of, trial.median_lead_us, trial.false_per_year
    parts = (
        f"{found}/{total}" if total else "",
        "" if lead_us is None else span(lead_us / 1e6).replace(" ", " "),
        "" if rate is None else f"{figure(rate)}/y",
    )
    return Text(" ".join(part for part in parts if part) + (" *" if now else ""), style="bold" if now else "")
