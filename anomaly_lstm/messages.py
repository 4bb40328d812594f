"""Changes of alerts → messages for people: who is told what, in which words.

What is new in one run on one site is one message, so that a power dip that upsets twelve pumps is one mail and not
twelve. A message is plain text; names from the data are shown as they are, never obeyed.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from anomaly_lstm.changes import (
    CLEARED,
    CLOSED,
    RAISED,
    RE_ALARMED,
    RE_RAISED,
    RETRACTED,
    REVISED,
    SEVERITY_DOWN,
    SEVERITY_UP,
    STALE,
    UNSHELVED,
)
from anomaly_lstm.clock import DAY, EPOCH, find_zone, parse_time
from anomaly_lstm.tables import SEVERITIES
from anomaly_lstm.words import clean, counted, listed, moment

Line = Mapping[str, Any]
"""A line of ``history.jsonl``: a change as `changes.as_line` writes it, with ``tell`` and ``because``."""

TITLE = 80
"""Longest title [characters]."""

MOST = 20
"""So many alerts are told in full in one message, the others counted."""

NEWS_US = DAY
"""Whoever is new hears of what became known so shortly before [µs]: years do not flood it, and a first run that was
killed before telling has not run in vain.
"""

ENDS = frozenset({CLEARED, RETRACTED, CLOSED})
"""After these an alert no longer stands."""

_WORDS = {
    RAISED: "raised",
    RE_RAISED: "raised again",
    SEVERITY_UP: "by now, it was less",
    SEVERITY_DOWN: "by now, it was more",
    CLEARED: "cleared",
    REVISED: "revised after late data",
    RETRACTED: "withdrawn after late data",
    STALE: "stands, but nothing was scored for long",
    UNSHELVED: "stands, its shelving has run out",
    RE_ALARMED: "still not acknowledged",
}


@dataclass(frozen=True)
class Interest:
    """What one channel wants to hear: from the ``least`` severity on, and only of these kinds, assets and sites where
    any are named.
    """

    least: str = SEVERITIES[0]
    kinds: tuple[str, ...] = ()
    assets: tuple[str, ...] = ()
    sites: tuple[str, ...] = ()


@dataclass(frozen=True)
class Message:
    """One thing to tell one channel. ``lines`` are the changes in it, as the history has them, in its order.

    ``message_id`` is 16 hex digits and the same whenever the same changes go to the same channel, so that a receiver
    can tell a repetition.
    """

    message_id: str
    title: str
    body: str
    severity: str
    lines: tuple[Line, ...]

    @property
    def is_over(self) -> bool:
        """Does none of its alerts stand any longer?"""
        return all(has_ended(line) for line in latest(self.lines))


def wants(interest: Interest, line: Line, site: str) -> bool:
    """Is a change of interest? Its severity is the highest the alert has had, so whoever heard of it hears its end."""
    return (
        rank(highest(line)) >= rank(interest.least)
        and (not interest.kinds or line["kind"] in interest.kinds)
        and (not interest.assets or line["asset"] in interest.assets)
        and (not interest.sites or site in interest.sites)
    )


def by_site(lines: Iterable[Line], sites: Mapping[str, str]) -> list[list[Line]]:
    """The changes of each site, sites in name order; assets without one are together. ``sites`` asset → site."""
    groups: dict[str, list[Line]] = {}
    for line in lines:
        groups.setdefault(sites.get(line["asset"], ""), []).append(line)
    return [groups[site] for site in sorted(groups)]


def message_id(channel: str, lines: Iterable[Line]) -> str:
    """The id of the message that brings these changes to a channel."""
    parts = (channel, *sorted(line["change_id"] for line in lines))
    return hashlib.sha256("\x1f".join(parts).encode()).hexdigest()[:16]


def message(channel: str, lines: Sequence[Line], site: str, zone: str | None) -> Message:
    """The changes of one site in words; times in ``zone`` and UTC. ``lines`` must not be empty."""
    told = latest(lines)
    severity = max((highest(line) for line in told), key=rank)
    parts = [_paragraph(line, zone) for line in told[:MOST]]
    if len(told) > MOST:
        over = sum(has_ended(line) for line in told[MOST:])
        rest = f"{counted(len(told) - MOST, 'alert')} more, of which {over} no longer stand"
        parts.append(f"And {rest}: `anomaly-lstm inspect` shows them.")
    parts.append("This advises; it is no machine protection.")
    return Message(
        message_id(channel, lines), _title(told, severity, site), "\n\n".join(parts) + "\n", severity, tuple(lines)
    )


def trial(channel: str, pipeline: str) -> Message:
    """A message about nothing, by which people see that a channel reaches them."""
    title = _clipped(f"Test: anomaly-lstm reaches you for {pipeline}")
    body = (
        f"This is how alerts of {clean(pipeline)} will come, by the channel {clean(channel)}. Nothing has happened.\n"
    )
    return Message(message_id(channel, ()), title, body, SEVERITIES[0], ())


def latest(lines: Iterable[Line]) -> list[Line]:
    """The last change of each alert: those that stand first, then by severity, time and name."""
    last = {line["alert_id"]: line for line in lines}
    return sorted(
        last.values(),
        key=lambda line: (
            has_ended(line),
            -rank(highest(line)),
            parse_time(line["event_time"]),
            line["asset"],
            line["alert_id"],
        ),
    )


def has_ended(line: Line) -> bool:
    """Is the alert over after this change?"""
    return line["change"] in ENDS or not line["alert"].get("active", True)


def is_news(line: Line, now_us: int) -> bool:
    """Did it become known so shortly before [µs UTC] that somebody new is told of it?"""
    return parse_time(line["processing_time"]) >= now_us - NEWS_US


def highest(line: Line) -> str:
    """The highest severity a change knows of its alert."""
    known: tuple[str, str] = line["severity"], line["alert"].get("severity", line["severity"])
    return max(known, key=rank)


def severity_of(line: Line) -> str:
    """The severity of its alert after a change; an act of a person says nothing of it, the alert does."""
    severity: str = highest(line) if line.get("by") else line["severity"]
    return severity


def rank(severity: str) -> int:
    """The place of a severity, from low to high."""
    return SEVERITIES.index(severity) if severity in SEVERITIES else 0


def when(us: int, zone: str | None) -> str:
    """``2026-03-04 06:31 America/Santiago (2026-03-04 09:31 UTC)``."""
    moments = EPOCH + timedelta(microseconds=us)
    utc = f"{moment(moments.isoformat())} UTC"
    if zone in (None, "UTC"):
        return utc
    return f"{moment(moments.astimezone(find_zone(str(zone))).isoformat())} {zone} ({utc})"


# ---------------------------------------------------------------- words


def _title(told: Sequence[Line], severity: str, site: str) -> str:
    """What it is about, in 80 characters: ``Warning raised: pump-03 (bearing_temp)``."""
    if len(told) == 1:
        (line,) = told
        sensors = line["alert"].get("sensors") or ()
        about = f" ({sensors[0]['sensor']})" if sensors else ""
        return _clipped(f"{_headline(line)}: {line['asset']}{about}")
    assets = list(dict.fromkeys(line["asset"] for line in told))
    what = "Over" if all(map(has_ended, told)) else severity.capitalize()
    where = f" at {site}" if site else ""
    count = f" ({len(told)} alerts)"
    return _clipped(f"{what}{where}: {listed(assets, 3)}", TITLE - len(count)) + count


def _headline(line: Line) -> str:
    change = line["change"]
    return f"{severity_of(line).capitalize()} {_WORDS.get(change, change.replace('_', ' '))}"


def _clipped(text: str, most: int = TITLE) -> str:
    text = clean(text)
    return text if len(text) <= most else text[: most - 1] + "…"


def _paragraph(line: Line, zone: str | None) -> str:
    """One alert in sentences, each on a line of its own."""
    alert = line["alert"]
    raised = alert.get("raised_at")
    act = f"By {line['by']}" + (f": {line['why']}" if line.get("why") else "") if line.get("by") else None
    because = f"Told because: {line['because']}" if line.get("because") else None
    said = [
        f"{_headline(line)}: {line['asset']}, {when(parse_time(line['event_time']), zone)}",
        f"It was raised {when(parse_time(raised), zone)}" if raised and line["change"] != RAISED else None,
        alert.get("reason"),
        None if has_ended(line) else alert.get("forecast"),
        act,
        because,
        f"Alert {line['alert_id']}",
    ]
    return "\n".join(_sentence(clean(text)) for text in said if text)


def _sentence(text: str) -> str:
    return text if text.endswith((".", "!", "?")) else f"{text}."
