"""A replay in words: for people in their language, for programs as a document."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC
from typing import Any

from anomaly_lstm import evaluation
from anomaly_lstm.alerts import as_document
from anomaly_lstm.clock import SECOND, iso
from anomaly_lstm.evaluation import HOUR_US, Outcome, Raised, failed_at
from anomaly_lstm.pages.texts import Tongue
from anomaly_lstm.replaying import Note, Replay, Terms, Trial, outcome_word, row_of
from anomaly_lstm.tables import SEVERITIES
from anomaly_lstm.words import beyond_record, expected

REPLAY_VERSION = 1

PLAIN = Tongue("en", UTC)
"""How the terminal and the document speak."""


def headline(result: Replay, tongue: Tongue = PLAIN) -> str:
    """The result in a sentence a manager reads."""
    now = result.present
    false = tongue.say(
        "{alerts} in {years} asset-years",
        alerts=tongue.counted(len(now.judged.false), "false alert", "false alerts"),
        years=rate(now.years, tongue),
    )
    promised = now.judged.expected_false
    more = tongue.say(", {count} promised", count=few(promised, tongue)) if promised else ""
    return f"{found_words(now, tongue)}; {false}{more}."


def found_words(trial: Trial, tongue: Tongue = PLAIN) -> str:
    """``3 of 3 failures warned, 41 h ahead in the middle``."""
    failures, anomalies = trial.failures, trial.anomalies
    if failures:
        of = tongue.counted(len(failures), "failure", "failures")
        said = tongue.say("{warned} of {failures} warned", warned=str(trial.warned), failures=of)
        if trial.median_lead_us is not None:
            ahead = ", {span} ahead in the middle" if trial.warned > 1 else ", {span} ahead"
            said += tongue.say(ahead, span=tongue.span(trial.median_lead_us / SECOND))
        return said + (tongue.say(", {count} told too late", count=str(trial.late)) if trial.late else "")
    if anomalies:
        found = sum(o.alert is not None for o in anomalies)
        of = tongue.counted(len(anomalies), "anomaly", "anomalies")
        return tongue.say("No failure noted, {found} of {anomalies} found", found=str(found), anomalies=of)
    return tongue.say("No failure noted")


def figure(number: float) -> str:
    """A rate or a number of years with as many digits as it is good for: ``0.13``, ``5.3``, ``1,204``."""
    return f"{number:,.0f}" if number >= 9.95 else f"{number:.1f}" if number >= 0.995 else f"{number:.2g}"


def rate(number: float, tongue: Tongue) -> str:
    """The same with the marks of a language."""
    return tongue.number(figure(number))


def few(count: float, tongue: Tongue) -> str:
    """An expected number of alerts; a small one is never told as none."""
    if 0 < count < 0.1:
        return tongue.say("fewer than {count}", count=tongue.number("0.1"))
    return tongue.number(expected(count))


def false_words(trial: Trial, tongue: Tongue = PLAIN) -> str:
    """False alerts per asset-year with the interval that so few can give, beside what was promised."""
    per_year, interval, promised = trial.false_per_year, trial.false_per_year_95, trial.promised_per_year
    if per_year is None or interval is None:
        return tongue.say("No healthy time was watched, so nothing can be said of false alerts.")
    said = tongue.say(
        "{rate} false alerts per asset-year (95 % interval {low} to {high})",
        rate=rate(per_year, tongue), low=rate(interval[0], tongue), high=rate(interval[1], tongue),
    )  # fmt: skip
    if promised is None:
        return said + tongue.say("; bounds alone raise alerts, so nothing was promised.")
    said += tongue.say(
        ", {rate} promised at a return period of {span}", rate=rate(promised, tongue), span=tongue.span(once_s(trial))
    )
    broken = interval[0] > promised
    return said + (tongue.say(": more than chance explains, the promise was not kept here.") if broken else ".")


def load_words(trial: Trial, tongue: Tongue = PLAIN) -> str:
    """What the alerts ask of people."""
    return tongue.say(
        "Alarm load: {share} of the time in alarm, {rate} alerts per asset and month.",
        share=percent(trial.alarm_share, tongue), rate=rate(trial.alerts_per_month, tongue),
    )  # fmt: skip


def percent(share: float, tongue: Tongue = PLAIN) -> str:
    return tongue.number(f"{100 * share:.2g} %" if share < 0.0995 else f"{100 * share:.0f} %")


def policy_words(terms: Terms, tongue: Tongue = PLAIN) -> str:
    """The policy in a sentence, beginning with the severity that counts."""
    say, policy = tongue.say, terms.policy
    on = [
        say("{severity} from once in {span}", severity=say(s), span=tongue.span(policy.limits[s] / SECOND))
        for s in SEVERITIES
        if s in policy.limits
    ]
    bounds = [say("bounds on {sensors}", sensors=", ".join(policy.bounds))] if policy.bounds else []
    delays = on_delay_words(terms, tongue)
    if policy.off_delay_us is not None:
        delays += ", " + say("off-delay {span}", span=tongue.span(policy.off_delay_us / SECOND))
    told = "; ".join([*on, *bounds, delays])
    return say(
        "Counted is what came to {severity} or more. Policy: {policy}.", severity=say(terms.severity), policy=told
    )


def trade_words(result: Replay, tongue: Tongue = PLAIN) -> list[str]:
    """What the grid shows and what it cannot, in plain sentences; it never says which policy is best."""
    say = tongue.say
    if not result.grid:
        return [say("No severity is on by its return period, so there is no other return period to try.")]
    now, later = result.present, row_of(result)
    column = next(i for i, trial in enumerate(later) if trial is now)
    rarer = [row[column] for row in result.grid]
    once = [say("once in {span}", span=tongue.span(once_s(trial))) for trial in rarer]
    said = [
        _change(say("A longer return period"), once, rarer, tongue),
        _change(say("A longer on-delay"), [delay_words(trial.terms, tongue) for trial in later], later, tongue),
    ]
    return [*(text for text in said if text), *_doubts(now, tongue)]


def _doubts(now: Trial, tongue: Tongue) -> list[str]:
    """How little a few failures prove, and who chooses."""
    said = []
    if now.failures:
        low, high = evaluation.share_interval(now.warned, len(now.failures))
        said = [
            tongue.say(
                "Few failures prove little: {warned} of {all} warned fits a policy that warns of anything between "
                "{low} and {high} of failures (95 % interval).",
                warned=str(now.warned), all=str(len(now.failures)),
                low=percent(low, tongue), high=percent(high, tongue),
            )
        ]  # fmt: skip
    choice = tongue.say(
        "No policy is marked as the best: one chosen because it does well on these events will do less well on the "
        "next ones. Choose how many false alerts your people can bear, then check it on failures yet to come."
    )
    return [*said, choice]


def _change(what: str, names: Sequence[str], trials: Sequence[Trial], tongue: Tongue) -> str:
    """What changes from the first to the last of some trials; empty where nothing can be said."""
    first, last = trials[0], trials[-1]
    if first is last or first.false_per_year is None or last.false_per_year is None:
        return ""
    said = tongue.say(
        "{what}, from {first} to {last}: {before} → {after} false alerts per asset-year",
        what=what, first=names[0], last=names[-1],
        before=rate(first.false_per_year, tongue), after=rate(last.false_per_year, tongue),
    )  # fmt: skip
    if first.failures:
        of = tongue.counted(len(first.failures), "failure", "failures")
        before, after = str(first.warned), str(last.warned)
        said += tongue.say("; {before} → {after} of {failures} warned", before=before, after=after, failures=of)
    if first.median_lead_us and last.median_lead_us:
        spans = [tongue.span(trial.median_lead_us / SECOND) for trial in (first, last) if trial.median_lead_us]
        said += tongue.say(", {before} → {after} ahead", before=spans[0], after=spans[1])
    return said + "."


def on_delay_words(terms: Terms, tongue: Tongue = PLAIN) -> str:
    """``on-delay 5 min``, ``no on-delay``."""
    if not terms.policy.on_delay_us:
        return tongue.say("no on-delay")
    return tongue.say("on-delay {span}", span=delay_words(terms, tongue))


def delay_words(terms: Terms, tongue: Tongue) -> str:
    """``5 min``, ``none``."""
    return tongue.span(terms.policy.on_delay_us / SECOND) if terms.policy.on_delay_us else tongue.say("none")


def once_s(trial: Trial) -> float:
    """The return period of the severity that counts [s]."""
    return trial.terms.return_period_us / SECOND


def warning_words(outcome: Outcome, tongue: Tongue = PLAIN) -> str:
    """``56 h before`` or ``2 h too late`` a failure, ``after 15 min`` of any other event, or ``missed``."""
    if outcome.alert is None:
        return tongue.say("missed")
    if outcome.lead_us is None:
        if not outcome.delay_us:
            return tongue.say("at once")
        return tongue.say("after {span}", span=tongue.span(outcome.delay_us / SECOND))
    lead = tongue.span(abs(outcome.lead_us) / SECOND)
    return tongue.say("{span} before" if outcome.lead_us > 0 else "{span} too late", span=lead)


def note_words(note: Note, tongue: Tongue = PLAIN) -> str:
    return tongue.say(note.text, **note.values)


# ---------------------------------------------------------------- as a document


def document(result: Replay) -> dict[str, Any]:
    """The replay for programs: times ISO 8601 with Z, null where nothing can be said."""
    history, now = result.history, result.present
    return {
        "schema_version": REPLAY_VERSION,
        "headline": headline(result),
        "notes": [note_words(note) for note in result.notes],
        "model_id": history.model_id,
        "start": iso(min((w.start_us for w in result.watched.values()), default=history.start_us)),
        "end": iso(max((w.end_us for w in result.watched.values()), default=history.end_us)),
        "assets": len(result.watched),
        "severity": now.terms.severity,
        "present": trial_document(now),
        "events": [_outcome_document(result, outcome) for outcome in now.judged.outcomes],
        "false_alerts": [_raised_document(alert) for alert in now.judged.false],
        "excused_alerts": [_raised_document(alert) for alert in now.judged.excused],
        "grid": [
            trial_document(trial)
            | {"present": trial is now, "beyond_record": beyond_record(history.normal_s, once_s(trial))}
            for row in result.grid
            for trial in row
        ],
    }


def trial_document(trial: Trial) -> dict[str, Any]:
    """One policy and what it would have told."""
    found = sum(o.alert is not None for o in trial.anomalies)
    lead_us = trial.median_lead_us
    return {
        "return_period_s": once_s(trial) or None,
        "on_delay_s": trial.terms.policy.on_delay_us / SECOND,
        "limits_s": {s: us / SECOND for s, us in trial.terms.policy.limits.items()},
        "failures": len(trial.failures),
        "warned": trial.warned,
        "late": trial.late,
        "missed": len(trial.failures) - trial.warned - trial.late,
        "median_warning_h": None if lead_us is None else lead_us / HOUR_US,
        "anomalies": len(trial.anomalies),
        "anomalies_found": found,
        "false_alerts": len(trial.judged.false),
        "expected_false": trial.judged.expected_false,
        "healthy_asset_years": trial.years,
        "false_per_asset_year": trial.false_per_year,
        "false_per_asset_year_95": None if trial.false_per_year_95 is None else list(trial.false_per_year_95),
        "promised_per_asset_year": trial.promised_per_year,
        "alerts": trial.alerts,
        "alarm_share": trial.alarm_share,
        "alerts_per_asset_month": trial.alerts_per_month,
    }


def _outcome_document(result: Replay, outcome: Outcome) -> dict[str, Any]:
    event, failed_us = outcome.event, failed_at(outcome.event)
    return {
        "asset": event.asset,
        "kind": event.kind,
        "start": iso(event.start_us),
        "end": iso(event.end_us),
        "failure_time": None if failed_us is None else iso(failed_us),
        "outcome": outcome_word(outcome),
        "warning_h": None if outcome.lead_us is None else outcome.lead_us / HOUR_US,
        "delay_h": None if outcome.delay_us is None else outcome.delay_us / HOUR_US,
        "told_at": None if outcome.alert is None else iso(outcome.alert.raised_us),
        "alert": None if outcome.alert is None else as_document(result.told[outcome.alert]),
    }


def _raised_document(alert: Raised) -> dict[str, Any]:
    return {
        "alert_id": alert.alert_id,
        "asset": alert.asset,
        "severity": alert.severity,
        "told_at": iso(alert.raised_us),
        "cleared_at": None if alert.cleared_us is None else iso(alert.cleared_us),
    }
