"""What alerts ask of people: how many there are, how they crowd, which come again and again, which stand for ever.

The figures are those of ISA-18.2 and EEMUA 191 for alarm systems: an average per day, floods of more than ten in ten
minutes, chattering and standing alarms. They are counted on what people were told, on the data's clock.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from anomaly_lstm.changes import CLEARED, RAISED, RE_ALARMED, RE_RAISED, RETRACTED, SEVERITY_UP
from anomaly_lstm.clock import DAY, iso, parse_time

CALLS = frozenset({RAISED, RE_RAISED, SEVERITY_UP, RE_ALARMED})
"""Changes that ask somebody to look."""

FLOOD, FLOOD_US = 10, 600_000_000
"""More calls than this in ten minutes are a flood (EEMUA 191)."""

CHATTERS, CHATTER_US = 3, DAY
"""An alert that calls so often in a day chatters. ISA-18.2 says a minute, for alarms that are judged by the second."""

SPAN_US = 30 * DAY
"""Counted back from the newest row."""


@dataclass(frozen=True)
class AlarmLoad:
    """Calls in the last days up to ``end_us`` [µs UTC]: how many in all, the average per asset and day, the busiest
    assets, the most in ten minutes and when, the alerts that chatter, and what stands longest (alert, asset, since).
    """

    start_us: int
    end_us: int
    calls: int
    per_asset_day: float
    busiest: Sequence[tuple[str, int]]
    most_in_ten_minutes: int
    most_at_us: int | None
    chattering: Sequence[tuple[str, str, int]]
    longest: tuple[str, str, int] | None

    def document(self) -> dict[str, Any]:
        """As JSON; times ISO 8601."""
        return {
            "start": iso(self.start_us),
            "end": iso(self.end_us),
            "calls": self.calls,
            "per_asset_day": round(self.per_asset_day, 4),
            "busiest": [{"asset": asset, "calls": calls} for asset, calls in self.busiest],
            "most_in_ten_minutes": self.most_in_ten_minutes,
            "most_at": None if self.most_at_us is None else iso(self.most_at_us),
            "flood": self.most_in_ten_minutes > FLOOD,
            "chattering": [{"alert_id": i, "asset": a, "calls": n} for i, a, n in self.chattering],
            "longest_standing": None
            if self.longest is None
            else {"alert_id": self.longest[0], "asset": self.longest[1], "since": iso(self.longest[2])},
        }


def alarm_load(lines: Iterable[Mapping[str, Any]], n_assets: int, begun_us: int, end_us: int) -> AlarmLoad:
    """The load by the lines of a history, over the last `SPAN_US` before ``end_us`` but not before ``begun_us``."""
    start_us = max(begun_us, end_us - SPAN_US)
    calls: list[tuple[int, str, str]] = []
    standing: dict[str, tuple[str, int]] = {}
    for line in lines:
        at_us = parse_time(line["event_time"])
        if line["change"] in (CLEARED, RETRACTED):
            standing.pop(line["alert_id"], None)
        elif line["change"] in (RAISED, RE_RAISED):
            standing[line["alert_id"]] = (line["asset"], at_us)
        if line["change"] in CALLS and line.get("tell") and start_us <= at_us <= end_us:
            calls.append((at_us, line["alert_id"], line["asset"]))
    calls.sort()
    most, most_at = _most_within([at_us for at_us, *_ in calls], FLOOD_US)
    longest = min(standing.items(), key=lambda one: one[1][1], default=None)
    return AlarmLoad(
        start_us=start_us,
        end_us=end_us,
        calls=len(calls),
        per_asset_day=len(calls) / max(n_assets, 1) / max((end_us - start_us) / DAY, 1e-9),
        busiest=Counter(asset for *_, asset in calls).most_common(3),
        most_in_ten_minutes=most,
        most_at_us=most_at,
        chattering=_chattering(calls),
        longest=None if longest is None else (longest[0], *longest[1]),
    )


def _most_within(times_us: Sequence[int], span_us: int) -> tuple[int, int | None]:
    """The most of some sorted times within a span, and when that begins."""
    most, at, first = 0, None, 0
    for last, time_us in enumerate(times_us):
        while time_us - times_us[first] >= span_us:
            first += 1
        if last - first + 1 > most:
            most, at = last - first + 1, times_us[first]
    return most, at


def _chattering(calls: Sequence[tuple[int, str, str]]) -> list[tuple[str, str, int]]:
    """The alerts that call too often within a day: id, asset, calls; the worst first."""
    mine: dict[tuple[str, str], list[int]] = {}
    for at_us, alert_id, asset in calls:
        mine.setdefault((alert_id, asset), []).append(at_us)
    counts = [(*key, _most_within(times, CHATTER_US)[0]) for key, times in mine.items()]
    return sorted((one for one in counts if one[2] >= CHATTERS), key=lambda one: -one[2])
