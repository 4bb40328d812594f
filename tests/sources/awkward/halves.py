"""Dates and times of day in columns of their own, and measurements that look like a time of day."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime

from tests.sources.awkward import START_US, Case, Rows, reference, times
from tests.sources.awkward.clocks import HOUR_US, every, moment, written

DAYS = every(24 * HOUR_US, START_US - 10 * HOUR_US)
PH = [f"7.{5 + n:02d}" for n in range(len(DAYS))]


def measured(form: str | Callable[[datetime], str], name: str = "ph", head: str = "date", step: str = "day") -> bytes:
    """A table whose only other column looks like a time of day: 7.05, 7.06 …"""
    at = DAYS if step == "day" else times()
    stamps = [f"{moment(int(us)):{form}}" if isinstance(form, str) else form(moment(int(us))) for us in at]
    return "\n".join([f"{head},{name}", *(f"{t},{v}" for t, v in zip(stamps, PH, strict=True)), ""]).encode()


def of_ph(name: str = "ph", step: str = "day") -> Rows:
    at = DAYS if step == "day" else times()
    return {int(us): {name: float(value)} for us, value in zip(at, PH, strict=True)}


def seconds_since(first: datetime, end: str = "") -> Callable[[datetime], str]:
    return lambda t: f"{(t.replace(tzinfo=None) - first).total_seconds():.0f}{end}"


def days_since(first: datetime) -> Callable[[datetime], str]:
    return lambda t: f"{(t.replace(tzinfo=None) - first).total_seconds() / 86_400:.8f}"


def with_ph(data: bytes) -> bytes:
    """The table of dates and times of day, with a measurement that looks like one before the time."""
    head, *rows = data.decode().splitlines()
    pairs = zip(rows, PH, strict=True)
    lines = [row.replace(";", f";{value};", 1) for row, value in pairs]
    return "\n".join([head.replace(";", ";pH;", 1), *lines, ""]).encode()


CASES = (
    Case("daily values that look like a time of day", {"pump.csv": measured("%Y-%m-%d")}, "accepted", rows=of_ph()),
    Case(
        "daily values that look like a time of day, asked for",
        {"pump.csv": measured("%Y-%m-%d")},
        "accepted",
        options=("--sensors", "ph"),
        rows=of_ph(),
    ),
    Case(
        "daily values beyond any time of day",
        {"pump.csv": measured("%m/%d/%Y", "kWh")},
        "warned",
        ("AMBIG",),
        rows=of_ph("kWh"),
    ),
    Case(
        "seconds since 1970 with a fraction beside what looks like a time of day",
        {"pump.csv": measured(seconds_since(datetime(1970, 1, 1), ".00"), head="time", step="minute")},
        "accepted",
        rows=of_ph(step="minute"),
    ),
    Case(
        "seconds since 1904 beside what looks like a time of day",
        {"pump.csv": measured(seconds_since(datetime(1904, 1, 1)), head="time", step="minute")},
        "accepted",
        rows=of_ph(step="minute"),
    ),
    Case(
        "days of Excel beside what looks like a time of day",
        {"pump.csv": measured(days_since(datetime(1899, 12, 30)), head="time", step="minute")},
        "accepted",
        options=("--time-format", "excel"),
        rows=of_ph(step="minute"),
    ),
    Case(
        "a measurement that looks like a time of day before the time of day",
        {"pump.csv": with_ph(written("%Y-%m-%d;%H:%M", header="Date;Time;flow;temp"))},
        "accepted",
        ("'Date' and 'Time' together",),
        rows={t: row | {"pH": float(value)} for (t, row), value in zip(reference().items(), PH, strict=True)},
    ),
    *(
        Case(
            f"{dates} and {clocks} in columns called {first} and {second}",
            {"pump.csv": written(f"{dates};{clocks}", header=f"{first};{second};flow;temp")},
            "accepted",
            (f"'{first}' and '{second}' together",),
        )
        for dates, clocks, first, second in (
            ("%Y%m%d", "%H%M%S", "Datum", "Uhrzeit"),
            ("%d.%m.%Y", "%H%M%S", "Datum", "Uhrzeit"),
            ("%Y-%m-%d", "%H%M", "Date", "Time HHMM"),
            ("%d.%m.%Y", "%H.%M", "Data", "Ora"),
            ("%Y-%m-%d", "%Hh%M", "Date", "Heure"),
        )
    ),
)
