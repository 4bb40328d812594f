"""All assets of a fleet in one table that sorts and filters, each with a small picture of how rare its rows were."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence

import numpy as np

from anomaly_lstm.budgets import WEIGHTS, WORDS
from anomaly_lstm.pages.fleet import Fleet, Shown, is_aside
from anomaly_lstm.pages.fleet_words import STATUS, left_words, own, since_us, status_words, zone_of
from anomaly_lstm.pages.marks import mark
from anomaly_lstm.pages.page import Html, element, link
from anomaly_lstm.pages.texts import Tongue
from anomaly_lstm.tables import SEVERITIES

WIDTH, HEIGHT, EDGE = 120, 30, 1
"""Of a small picture [px], and what is left free above and below."""

DEPTH, ROOM = 1e-3, 30.0
"""A small picture reaches from this part of the lowest limit to so many times the highest."""

COLUMNS = ("asset", "severity", "what", "since", "time left", "return period", "last row")
OF_ASSETS = ("type", "site", "criticality", "owner")
"""Columns that are always there; and those that the table of assets may fill."""


def _columns(fleet: Fleet) -> list[str]:
    return [*COLUMNS, *(name for name in OF_ASSETS if any(getattr(one.asset, name) for one in fleet.assets))]


def labels(fleet: Fleet, tongue: Tongue) -> Iterator[str]:
    """On a narrow screen each cell says what it is."""
    for place, name in enumerate(_columns(fleet), 1):
        if name not in ("asset", "severity", "what"):
            label = f'#assets td:nth-child({place})::before {{ content: "{tongue.say(name)}"; }}'
            yield f"@media screen and (max-width: 700px) {{ {label} }}\n"


def all_assets(fleet: Fleet, tongue: Tongue) -> Iterator[Html]:
    """The table, with what searches it above and how to read it below."""
    say = tongue.say
    if not fleet.assets:
        yield element("p", say("The run has no asset yet, and there is no table of assets."))
        return
    columns = _columns(fleet)
    yield _tools(fleet, columns, tongue)
    yield element("p", "", id="count", role="status", data_words=say("{shown} of {all} assets"))
    head = [element("th", say(name), scope="col", data_name=name) for name in columns]
    scale = _scale(fleet)
    rows = [_row(fleet, shown, place, columns, scale, tongue) for place, shown in enumerate(fleet.assets)]
    table = element("table", element("thead", element("tr", *head)), element("tbody", *rows), id="assets")
    yield element("div", table, class_="wide")
    yield element("p", say("No asset fits."), id="none", hidden="")
    yield from _notes(fleet, tongue)


def _tools(fleet: Fleet, columns: Sequence[str], tongue: Tongue) -> Html:
    """What searches, filters and sorts; a script brings it to light."""
    say = tongue.say
    statuses = (*reversed(SEVERITIES), "closed", "quiet", "unwatched")
    severities = [(name, say(STATUS.get(name, name))) for name in statuses]
    choices = [_choice("severity", severities, tongue)]
    for name in ("site", "type"):
        found = sorted({str(getattr(one.asset, name)) for one in fleet.assets} - {""})
        if len(found) > 1:
            choices.append(_choice(name, [(value, value) for value in found], tongue))
    order = [element("option", say("By weight"), value="")]
    order += [
        element("option", say("By {column}", column=say(name)), value=name) for name in columns if name != "severity"
    ]
    return element(
        "div",
        element("input", type="search", placeholder=say("Search"), aria_label=say("Search"), autocomplete="off"),
        *choices,
        element("select", *order, data_order="", aria_label=say("Order")),
        element("button", say("Reset"), type="button"),
        id="tools", class_="tools", hidden="", role="search",
    )  # fmt: skip


def _choice(name: str, values: Sequence[tuple[str, str]], tongue: Tongue) -> Html:
    words = tongue.say(name)
    options = [element("option", tongue.say("{column}: all", column=words), value="")]
    options += [element("option", said, value=value) for value, said in values]
    return element("select", *options, data_by=name, aria_label=words)


def _row(
    fleet: Fleet, shown: Shown, place: int, columns: Sequence[str], scale: tuple[float, float], tongue: Tongue
) -> Html:
    mine, first, reach = own(tongue, shown), shown.first, shown.reach
    middle, interval = left_words(shown, tongue)
    left = [element("b", middle), " ", element("span", interval, class_="faint")] if middle else []
    zone = [" ", element("span", mine.zone_name, class_="faint")] if mine.zone_name != zone_of(fleet, tongue) else []
    since, last = since_us(shown), shown.last_us
    cells = [
        element("th", name_of(shown), scope="row"),
        _cell(place, mark(first, tongue) if first else tongue.say(STATUS.get(shown.status, shown.status))),
        _cell(None, status_words(shown, tongue)),
        _cell(since and since / 1e6, mine.short_moment(since) if since is not None else ""),
        _cell(float(reach["p50_s"]) if reach else None, *left),
        _cell(_rarest(shown), _picture(fleet, shown, scale, mine)),
        _cell(last and last / 1e6, mine.short_moment(last) if last is not None else "–", *zone),
    ]
    cells += [_cell(_cost(shown, name), str(getattr(shown.asset, name))) for name in columns[len(COLUMNS) :]]
    looks = dict.fromkeys([shown.status, *([] if shown.is_watched else ["unwatched"])])
    stands_back = first is None or is_aside(first)
    return element("tr", *cells, data_s=" ".join(looks), class_="aside" if stands_back else "stands")


def _cell(sorts_by: float | None, *inside: str | Html) -> Html:
    """A cell, with the number by which it is sorted where that is not its text."""
    return element("td", *inside, **({} if sorts_by is None else {"data_v": sorts_by}))


def _cost(shown: Shown, column: str) -> float | None:
    """What a failure costs, the dearest first."""
    word = shown.asset.criticality.lower() if column == "criticality" else ""
    return -WEIGHTS[WORDS[word]] if word and word in WORDS else None


def _notes(fleet: Fleet, tongue: Tongue) -> Iterator[Html]:
    """How to read the table, and how to come by what is not there."""
    say = tongue.say
    start, end = tongue.day(int(fleet.edges_us[0])), tongue.day(int(fleet.edges_us[-1]))
    yield element(
        "p",
        say(
            "Small pictures: the strangest row of each stretch, {start} to {end}; the higher, the rarer. Across: the "
            "limits of the severities. Time left: if load and trend stay.",
            start=start, end=end,
        ),
        class_="faint",
    )  # fmt: skip
    if any(one.page is None for one in fleet.assets):
        words = say("An asset without a link has no page here. This makes one:")
        yield element("p", words, " ", element("code", f"{fleet.command} --asset NAME"), class_="faint")


# ---------------------------------------------------------------- small pictures


def _scale(fleet: Fleet) -> tuple[float, float]:
    """The decades of seconds at the lower and upper edge, the same for all assets so that they compare."""
    limits = [limit for one in fleet.assets for limit in one.limits_s.values()] or [30 * 86_400.0]
    return math.log10(min(limits) * DEPTH), math.log10(max(limits) * ROOM)


def _rarest(shown: Shown) -> float | None:
    """The decade of the strangest row in the picture."""
    found = shown.once_s[np.isfinite(shown.once_s)]
    return float(np.log10(found.max())) if len(found) else None


def _picture(fleet: Fleet, shown: Shown, scale: tuple[float, float], tongue: Tongue) -> Html | str:
    """The return period over time, on a logarithmic scale."""
    known = np.flatnonzero(np.isfinite(shown.once_s))
    if not len(known):
        return ""
    top = int(known[np.argmax(shown.once_s[known])])
    title = tongue.say(
        "Strangest row: once in {time}, {when}",
        time=tongue.rarity(float(shown.once_s[top])), when=tongue.short_moment(int(fleet.edges_us[top])),
    )  # fmt: skip
    heights = [_height(float(one), scale) for one in shown.once_s]
    limits = [
        element("path", class_=f"limit {name}", d=f"M0 {_height(limit, scale)}H{WIDTH}")
        for name, limit in shown.limits_s.items()
    ]
    line = element("path", class_="line", d=_line_of(heights))
    box = f"0 0 {WIDTH} {HEIGHT}"
    return element("svg", element("title", title), *limits, line, viewBox=box, role="img")


def _height(once_s: float, scale: tuple[float, float]) -> int | None:
    """Whole pixels from the top, within the picture."""
    if not math.isfinite(once_s):
        return None
    part = (math.log10(once_s) - scale[0]) / (scale[1] - scale[0])
    return round(HEIGHT - EDGE - min(max(part, 0.0), 1.0) * (HEIGHT - 2 * EDGE))


def _line_of(heights: Sequence[int | None]) -> str:
    """One stretch after the other, each bin as a step; it breaks where nothing was scored."""
    width = WIDTH / len(heights)
    steps, before = [], None
    for place, height in enumerate(heights):
        if height is not None:
            x = round(place * width)
            end = round((place + 1) * width)
            if before is None:
                steps.append(f"M{x} {height}")
            elif height != before:
                steps.append(f"V{height}")
            steps.append(f"H{end}")
        before = height
    return "".join(steps)


def name_of(shown: Shown) -> str | Html:
    """An asset, with a link where it has a page."""
    return link(shown.page, shown.name) if shown.page else shown.name


STYLE = """
.tools { position: sticky; top: 0; z-index: 5; background: var(--paper); padding: 8px 0; display: flex; flex-wrap: wrap;
  gap: 6px; }
.tools[hidden], select[data-order] { display: none; }
button, input, select { font: inherit; font-size: 14px; color: var(--ink); background: var(--wash);
  border: 1px solid var(--line); border-radius: 6px; padding: 5px 10px; min-height: 34px; }
button { cursor: pointer; } button:hover { border-color: var(--ink); } select { max-width: 200px; }
input[type=search] { flex: 1 1 220px; max-width: 360px; }
#count { color: var(--faint); font-size: 13px; min-height: 1.5em; margin: 2px 0; }
#assets { font-size: 13px; } #assets th { vertical-align: top; } #assets td, #assets th { padding: 6px 5px; }
#assets thead button { all: unset; cursor: pointer; font-weight: 600; }
#assets thead button:focus-visible { outline: 2px solid var(--advisory); outline-offset: 3px; border-radius: 2px; }
#assets thead button::after { content: "↕"; opacity: 0.3; padding-left: 3px; }
#assets th[aria-sort=ascending] button::after { content: "↑"; opacity: 1; }
#assets th[aria-sort=descending] button::after { content: "↓"; opacity: 1; }
#assets tbody th { color: var(--ink); overflow-wrap: anywhere; min-width: 12ch; max-width: 24ch; }
#assets tbody tr:hover { background: var(--wash); }
#assets tr.aside td:nth-child(-n+3) { color: var(--faint); }
#assets td:nth-child(2) { white-space: nowrap; } #assets td:nth-child(3) { min-width: 24ch; max-width: 60ch; }
#assets td:nth-child(4), #assets td:nth-child(7) { white-space: nowrap; font-variant-numeric: tabular-nums; }
#assets td:nth-child(5) b, #assets td span.faint { display: block; white-space: nowrap; }
#assets td:nth-child(n+8) { max-width: 18ch; }
#assets svg { width: 104px; height: 26px; shape-rendering: crispEdges; } .line, .limit { fill: none; }
.line { stroke: var(--ink); } .limit { stroke: currentColor; }
@media screen and (max-width: 700px) { .tools { position: static; } select[data-order] { display: block; }
  .tools > * { flex: 1 1 40%; max-width: none; min-width: 0; } .wide { overflow: visible; }
  #assets, #assets tbody { display: block; } #assets thead { display: none; }
  #assets tr { display: grid; grid-template-columns: 1fr auto; gap: 2px 10px; padding: 10px 0;
    border-bottom: 1px solid var(--line); } #assets tr[hidden] { display: none; }
  #assets td, #assets tbody th { display: block; border: 0; padding: 0; max-width: none; min-width: 0; }
  #assets td:nth-child(n+3) { grid-column: 1 / -1; max-width: none; } #assets td span.faint { grid-column: 2; }
  #assets td:nth-child(n+4) { display: grid; grid-template-columns: 110px 1fr; }
  #assets td:nth-child(n+4):empty { display: none; } #assets td:nth-child(n+4)::before { color: var(--faint); } }
@media print { #count, .tools { display: none; } #assets { font-size: 9px; }
  #assets thead { display: table-header-group; } #assets thead button::after { content: ""; }
  #assets td, #assets th { padding: 3px; overflow-wrap: break-word; white-space: normal; }
  #assets tbody th, #assets td:nth-child(3), #assets td:nth-child(n+8) { min-width: 0; max-width: none; }
  #assets td:nth-child(3) { min-width: 150px; } #assets svg { width: 60px; height: 16px; }
  #assets td:nth-child(4), #assets td:nth-child(7), #assets td span.faint { white-space: normal; } }
"""
