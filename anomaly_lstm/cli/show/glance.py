"""A fleet at a glance, and one asset more closely."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from rich.text import Text

from anomaly_lstm.cli.show.screen import Screen, say, table
from anomaly_lstm.cli.show.told import rare, reason, seconds, severity
from anomaly_lstm.words import expected, moment, span

DECADES = 4
"""A line of blocks shows so many powers of ten below the lowest limit, and as many above: one a step."""

WHYS = {
    "disabled": "switched off",
    "never": "no row yet",
    "empty": "no value yet",
    "out_of_service": "out of service",
    "suppressed": "suppressed",
    "shelved": "shelved",
    "failed": "failed",
    "silent": "no data",
    "unscored": "no score yet",
}
"""Why an asset is not watched (`pipeline.glancing.why_unwatched`), in words."""

ROOMY = 110
"""Columns of a terminal from which on every stretch has a block of its own; below, two share one."""


def assets(screen: Screen, found: Mapping[str, Any]) -> None:
    """The assets of a fleet (`glances.Glances.document`), a line each, the worst first."""
    assets = found["assets"]
    width = _width(screen, [one["rarest_s"] for one in assets])
    lately = f"last {span(seconds(found['start'], found['end']))}"
    if assets:
        columns = ("asset", "stands", lately, "once in", "since (UTC)", "left")
        whole = (lately, "stands") if screen.console.width >= ROOMY else (lately,)
        table(screen, columns, [_row(one, width) for one in assets], whole=whole, most=len(assets))
    rest = [f"{found['others']:,} more with something to tell"] if found["others"] else []
    rest += [f"{found['quiet']:,} {'more ' if assets else ''}quiet"] if found["quiet"] else []
    rest += [f"{found['unwatched']:,} {'more ' if assets else ''}not watched"] if found["unwatched"] else []
    if rest:
        told = " and ".join(filter(None, (", ".join(rest[:-1]), rest[-1])))
        say(screen, f"… and {told}." if assets else f"{told.capitalize()}.")
    if width:
        each = span(seconds(found["start"], found["end"]) / width)
        say(screen, f"A block is {each}, a step ten times rarer, ▅ and higher beyond the lowest limit.", style="dim")


def _width(screen: Screen, lines: Sequence[Sequence[float | None]]) -> int:
    longest = max(map(len, lines), default=0)
    return longest if screen.console.width >= ROOMY else longest // 2


def _row(one: Mapping[str, Any], width: int) -> tuple[str | Text, ...]:
    once_s, left = one["once_in_s"], one["left"]
    once = rare(once_s) if once_s is not None else (one["kind"] or "").replace("_", " ")
    if one["unwatched"] and not one["severity"]:
        once = WHYS[one["unwatched"]]
    return (
        one["asset"],
        _stands(one),
        rarity_line(one["rarest_s"], one["limit_s"], width),
        once,
        moment(one["onset"]),
        span(left["p50_s"]) if left else "",
    )


def _stands(one: Mapping[str, Any]) -> Text:
    """What stands and what people made of it; dim where nobody need look."""
    if one["severity"]:
        off = one["unwatched"] in ("disabled", "failed")
        handled = WHYS[one["unwatched"]] if off else one["handled"]
        return Text.assemble(severity(one["severity"]), (f", {handled}" if handled else "", "dim"))
    if one["unwatched"]:
        return Text("  not watched", style="dim")
    if one["rising"]:
        return Text("△ rising")
    return Text("  closed" if one["closed"] else "  quiet", style="dim")


def rarity_line(rarest_s: Sequence[float | None], limit_s: float | None, width: int) -> Text:
    """Return periods [s] in blocks around the limit; what is beyond it is painted too."""
    import numpy as np

    from anomaly_lstm.sparklines import BLOCKS, sparkline

    decades = np.log10(np.array([np.nan if one is None else one for one in rarest_s], float))
    middle = np.log10(30 * 86_400 if limit_s is None else limit_s)
    line = Text(sparkline(decades, width, middle - DECADES, middle + DECADES))
    beyond = [] if limit_s is None else [at for at, letter in enumerate(line.plain) if letter in BLOCKS[DECADES:]]
    for at in beyond:
        line.stylize("yellow", at, at + 1)
    return line


# ---------------------------------------------------------------- one asset


def asset(screen: Screen, found: Mapping[str, Any]) -> None:
    """One asset (`pipeline.glancing.asset_document`): what stands, what was strange of late, by which sensors."""
    watched = found["fleet"]
    if watched is None:
        return
    assets(screen, watched)
    (one,) = watched["assets"]
    told = [alert for alert in found["alerts"] if alert["alert_id"] == one["alert_id"]] or found["alerts"][-1:]
    for alert in told:
        say(screen, reason(alert) if alert["active"] else f"The last alert, which is over: {reason(alert)}")
        say(screen, alert["forecast"] or "")
    _sensors(screen, found["sensors"], f"last {span(seconds(watched['start'], watched['end']))}")
    _strip(screen, found["states"])
    for line in found["budget"]:
        say(
            screen,
            f"{line['severity'].capitalize()}, once in {span(line['return_period_s'])}: {line['raised']} raised, "
            f"{expected(line['expected_false'])} expected by chance.",
        )


def _sensors(screen: Screen, found: Sequence[Mapping[str, Any]], lately: str) -> None:
    """Measured over expected on one scale, in the rows in which they lay farthest apart."""
    if not found:
        return
    rows: list[tuple[str | Text, ...]] = []
    for one in found:
        for what in ("measured", "expected"):
            name = one["sensor"] if what == "measured" else ""
            unit = f" {one['unit']}" if one["unit"] else ""
            last = next((value for value in reversed(one[what]) if value is not None), None)
            line, style = _course_line(one, what), "" if what == "measured" else "dim"
            rows.append((name, what, Text(line, style=style), "" if last is None else f"{last:.4g}{unit}"))
    table(screen, ("sensor", "", lately, "last"), rows, whole=("", lately), most=len(rows))
    say(screen, "Of each block the row in which measured and expected lay farthest apart.", style="dim")


def _course_line(one: Mapping[str, Any], what: str) -> str:
    import numpy as np

    from anomaly_lstm.sparklines import sparkline

    both = np.array([[np.nan if v is None else v for v in one[name]] for name in ("measured", "expected")], float)
    if not np.isfinite(both).any():
        return ""
    values = both[0 if what == "measured" else 1]
    return sparkline(values, len(values), float(np.nanmin(both)), float(np.nanmax(both)))


LETTERS = {"SCORED": "█", "WARM_UP": "▒", "NO_DATA": "·", "SENSOR_BAD": "×", "OUT_OF_STATE": "░"}
"""What each state is in a strip."""

STRIP = 40
"""So many letters share out the rows; what is there has one at least."""


def _strip(screen: Screen, rows: Mapping[str, int]) -> None:
    """The share of each state as one line, and what its letters mean."""
    total = sum(rows.values())
    if not total:
        return
    there = {name: n for name, n in rows.items() if n}
    widths = {name: max(1, round(STRIP * n / total)) for name, n in there.items()}
    widest = max(widths, key=lambda name: widths[name])
    widths[widest] += STRIP - sum(widths.values())
    say(screen, "".join(LETTERS[name] * width for name, width in widths.items()))
    say(screen, "  ".join(f"{LETTERS[name]} {name} {100 * n / total:.1f} %" for name, n in there.items()))
