"""Cases, and what people do about them, in words."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rich.text import Text

from anomaly_lstm.cli.show.screen import AT_MOST, Screen, command, next_step, say, table
from anomaly_lstm.cli.show.told import REASONS, reason, severity, stands
from anomaly_lstm.words import brief, counted, listed, moment

if TYPE_CHECKING:  # these load NumPy and Arrow, which --help must not
    from anomaly_lstm.actions import Action
    from anomaly_lstm.pipeline.cases import Desk
    from anomaly_lstm.verdicts import Precision


def is_open(alert: Mapping[str, Any]) -> bool:
    """Does a case stand, or has it cleared without anybody saying anything of it?"""
    return not alert["closed"] and (alert["active"] or not (alert["acked"] or alert["verdict"]))


def cases(screen: Screen, now: Desk, found: Sequence[Mapping[str, Any]], target: Path) -> None:
    """The cases, newest last, the reasons of those that wait for an answer, and what keeps others from being told."""
    digits = _digits([alert["alert_id"] for alert in now.alerts])
    if found:
        rows = [_case_row(alert, digits) for alert in found[-AT_MOST:]]
        if len(found) > len(rows):
            say(screen, f"The newest {len(rows)} of {counted(len(found), 'case')}:")
        columns = ("id", "asset", "severity", "raised (UTC)", "state", "about")
        table(screen, columns, rows, whole=("id", *columns[2:5]), spare=("about", "raised (UTC)", "severity"))
    else:
        say(screen, "No open case.")
    for hold in now.holds:
        if not hold.alert_id:
            about = f"{brief(hold.asset)}{': ' + listed(hold.sensors) if hold.sensors else ''}"
            say(screen, f"{about} {_hold_words(hold)} by {hold.by}: {hold.why}", style="yellow")
    waiting = [alert for alert in found[-AT_MOST:] if stands([alert])]
    for alert in waiting[-REASONS:]:
        say(screen, f"{alert['alert_id'][:digits]} {alert['severity']}: {reason(alert)}")
    if len(found) < len(now.alerts):
        over = counted(len(now.alerts) - len(found), "case")
        say(screen, f"{over} more {'is' if len(now.alerts) - len(found) == 1 else 'are'} over: --all.")
    if waiting:
        next_step(screen, command("case", "ack", target, waiting[-1]["alert_id"][:digits]))


def _hold_words(hold: Action) -> str:
    from anomaly_lstm.clock import iso

    done = {"shelve": "shelved", "suppress": "suppressed"}.get(hold.do, "out of service")
    until = f"until {moment(iso(hold.until_us))} UTC" if hold.until_us is not None else "without an end"
    return f"{done} since {moment(iso(hold.at_us))} UTC {until}"


def _digits(ids: Sequence[str]) -> int:
    """How many digits of the ids tell them apart, four at least."""
    return next((n for n in range(4, 16) if len({one[:n] for one in ids}) == len(set(ids))), 16)


def _case_row(alert: Mapping[str, Any], digits: int) -> tuple[str | Text, ...]:
    leading = alert["sensors"][0]["sensor"] if alert["sensors"] else ""
    about = leading if alert["kind"] == "deviation" else f"{alert['kind'].replace('_', ' ')} {leading}".strip()
    when = moment(alert["raised_at"])
    return alert["alert_id"][:digits], alert["asset"], severity(alert["severity"]), when, _state(alert), about


def _state(alert: Mapping[str, Any]) -> str:
    """The state of a case in a few words, the one that matters most first."""
    from anomaly_lstm.actions import handled

    if alert["closed"]:
        state = "closed"
    elif not alert["active"]:
        state = "cleared"
    else:
        state = handled(alert) or "stands"
        state += f" to {moment(alert['shelved_until'])[5:]}" if state == "shelved" else ""
    more = ["stale"] if alert["stale"] else []
    more += [alert["verdict"]] if alert["verdict"] else []
    return ", ".join([state, *more])


def acted(screen: Screen, fresh: Sequence[Action], of: int, folder: Path) -> None:
    """What was noted, and when it counts."""
    for act in fresh[:AT_MOST]:
        about = f"alert {act.alert_id} of {act.asset}" if act.alert_id else act.asset
        sensors = f" ({listed(act.sensors)})" if act.sensors and not act.alert_id else ""
        say(screen, f"Noted: {act.do.replace('_', ' ')} {about}{sensors}{_as_words(act)}, by {act.by}.")
    if len(fresh) < of:
        say(screen, f"{counted(of - len(fresh), 'act')} had been noted before.")
    if any(act.verdict for act in fresh):
        say(screen, f"What the verdicts propose for your events.csv is in {folder / 'proposed_events.csv'}.")


def _as_words(act: Action) -> str:
    from anomaly_lstm.clock import iso

    until = f" until {moment(iso(act.until_us))} UTC" if act.until_us is not None else ""
    return f"{until}{' or until it clears' if act.one_shot else ''}{' as ' + act.verdict if act.verdict else ''}"


def precision(screen: Screen, judged: Sequence[Precision]) -> None:
    """How many alerts were real, by the verdicts of people."""
    if not judged:
        say(screen, "No alert was judged real or false yet: `anomaly-lstm case verdict TARGET ID --as real`.")
        return
    columns = ("asset", "month", "real", "false", "precision", "95 % interval")
    rows = [
        (
            one.asset,
            one.month,
            str(one.real),
            str(one.false),
            f"{100 * one.share:.0f} %",
            f"{100 * one.interval[0]:.0f}–{100 * one.interval[1]:.0f} %",
        )
        for one in judged
    ]
    table(screen, columns, rows, columns[2:])
