"""Numbers, spans and names as a person says them; the terminal and the pages share these words."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime

DAY_S = 86_400

BEYOND_RECORD = 3
"""A return period beyond so many times the normal time seen is extrapolated far."""


def clean(text: str) -> str:
    """The text with every character that a terminal would obey, or hide, written out."""
    return "".join(c if c.isprintable() or c == " " else "\\n" if c == "\n" else f"\\x{ord(c):02x}" for c in text)


def cell(text: str) -> str:
    """The text as a cell that no spreadsheet takes for a formula.

    Source: https://owasp.org/www-community/attacks/CSV_Injection
    """
    text = clean(text)
    return f"'{text}" if text.lstrip().startswith(("=", "+", "-", "@", "＝", "＋", "－", "＠")) else text


def brief(name: str, most: int = 30) -> str:
    """A cleaned name for a line of its own: a long one without its middle, ``pump-01 of the co…n side, bearing``."""
    name = clean(name)
    return name if len(name) <= most else f"{name[: most // 2]}…{name[len(name) - (most - 1) // 2 :]}"


def counted(count: int, what: str) -> str:
    """``1 alert``, ``1,204 rows``, ``2 anomalies``, ``3 stretches``."""
    several = f"{what[:-1]}ies" if what.endswith("y") and what[-2] not in "aeiou" else f"{what}s"
    several = f"{what}es" if what.endswith("ch") else several
    return f"{count:,} {what if count == 1 else several}"


def expected(count: float) -> str:
    """An expected number of alerts; a small one is never shown as none."""
    return "fewer than 0.1" if 0 < count < 0.1 else f"{count:.1f}" if count < 99.95 else f"{count:,.0f}"


def span(seconds: float) -> str:
    """A span as a person says it: ``41 h``, ``35 min``, ``5.2 days``."""
    for size, unit in ((DAY_S, "days"), (3600, "h"), (60, "min")):
        if seconds >= (3 if unit == "days" else 2) * size:
            return f"{_short(seconds / size)} {unit}"
    return f"{_short(seconds)} s"


def _short(number: float) -> str:
    return f"{number:,.0f}" if number >= 10 else f"{number:.1f}".removesuffix(".0")


def moment(text: str | None) -> str:
    """An ISO time as in the files, to the minute: ``2026-03-04 09:31``."""
    return "" if text is None else text[:16].replace("T", " ")


def day(us: int) -> str:
    """``4 March 2026``."""
    when = datetime.fromtimestamp(us / 1e6, UTC)
    return f"{when.day} {when:%B %Y}"


def listed(names: Sequence[str], most: int = 8) -> str:
    """``a, b, c and 4 more``."""
    return ", ".join(names[:most]) + (f" and {len(names) - most} more" if len(names) > most else "")


def beyond_record(normal_s: float, return_period_s: float) -> bool:
    """Is a return period [s] extrapolated far from the normal time [s] that calibrated it?"""
    return return_period_s > BEYOND_RECORD * normal_s
