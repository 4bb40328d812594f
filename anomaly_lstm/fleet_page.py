"""The page of a fleet, the morning report: sentences first, then what changed, then all assets in one table."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from itertools import groupby

import numpy as np

from anomaly_lstm.budgets import WEIGHTS, WORDS
from anomaly_lstm.clock import parse_time
from anomaly_lstm.fleet import AWAITING, NEW, OVER, UNCHANGED, WORSE, Changed, Fleet, Shown, counts, is_aside, rising
from anomaly_lstm.fleet_words import (
    alert_words,
    dead_words,
    headline,
    left_words,
    own,
    rising_words,
    since_us,
    status_words,
    unwatched_words,
)
from anomaly_lstm.page import Html, content_policy, element, link, page, script, section
from anomaly_lstm.report_page import mark
from anomaly_lstm.sentences import case_words, reach_sentence
from anomaly_lstm.tables import SEVERITIES
from anomaly_lstm.texts import Tongue

SUFFIXES = (".html", ".htm")

MOST = 25
"""Entries of a section, at most; the table has all of them."""

NAMES = 12
"""Assets that are named of those of which the same is to be said."""

WIDTH, HEIGHT, EDGE = 120, 30, 1
"""Of a small picture [px], and what is left free above and below."""

DEPTH, ROOM = 1e-3, 30.0
"""A small picture reaches from this part of the lowest limit to so many times the highest."""


def draw(fleet: Fleet, tongue: Tongue, own_script: str) -> str:
    """The page, whole: it needs nothing beside it, and nothing leaves it. It leads to pages beside it only."""
    say = tongue.say
    return page(
        headline(fleet, tongue),
        element("p", _what(fleet, tongue), class_="over"),
        element("h1", headline(fleet, tongue)),
        _tiles(fleet, tongue),
        *_sections(fleet, tongue),
        section(say("All assets"), *_all(fleet, tongue), id="all"),
        element("p", say("It advises. It is no machine protection and must never be wired to a trip."), class_="faint"),
        element("p", f"anomaly-lstm {fleet.version}", class_="faint"),
        script(own_script),
        language=tongue.language,
        head=content_policy(own_script),
        style=STYLE + "".join(_labels(fleet, tongue)),
    )


def _what(fleet: Fleet, tongue: Tongue) -> str:
    zones = {own(tongue, one).zone_name for one in fleet.assets}
    text = (
        "{pipeline} · since {since} · newest row {newest} · times in {zone}"
        if zones <= {tongue.zone_name}
        else "{pipeline} · since {since} · newest row {newest} ({zone}) · times of assets on their own clocks"
    )
    since, newest = tongue.moment(fleet.since_us), tongue.moment(fleet.newest_us)
    return tongue.say(text, pipeline=fleet.pipeline, since=since, newest=newest, zone=tongue.zone_name)


TILES = {
    NEW: "new", WORSE: "worse", UNCHANGED: "unchanged", OVER: "over since then", AWAITING: "await a verdict",
    "not_watched": "not watched",
}  # fmt: skip


def _tiles(fleet: Fleet, tongue: Tongue) -> Html:
    of = counts(fleet)
    drawn = []
    for name, words in TILES.items():
        inside = (element("b", tongue.number(f"{of[name]:,}")), element("span", tongue.say(words)))
        leads = {"href": f"#{name}"} if of[name] else {}
        drawn.append(element("a" if of[name] else "div", *inside, class_="tile" if of[name] else "tile none", **leads))
    return element("nav", *drawn, class_="tiles", aria_label=tongue.say("What changed"))


# ---------------------------------------------------------------- what changed


def _sections(fleet: Fleet, tongue: Tongue) -> Iterator[Html]:
    """What there is to say of each, and in one sentence of which there is nothing."""
    say = tongue.say
    alerts = {name: [_told(fleet, one, tongue) for one in fleet.of(name)] for name in (NEW, WORSE, UNCHANGED, OVER)}
    awaiting = [_told(fleet, one, tongue) for one in fleet.of(AWAITING)]
    parts = (
        (NEW, say("New since then"), alerts[NEW]),
        (WORSE, say("Worse than then"), alerts[WORSE]),
        (UNCHANGED, say("Unchanged"), alerts[UNCHANGED]),
        ("rising", say("Rising, no alert yet"), [_rising(*pair, tongue) for pair in rising(fleet)]),
        (OVER, say("Over since then"), alerts[OVER]),
        (AWAITING, say("Over before, and awaiting a verdict"), awaiting),
        ("dead_sensors", say("Sensors without values"), [_line([one], why) for one, why in dead_words(fleet, tongue)]),
        ("not_watched", say("Not watched, and why"), list(_unwatched(fleet, tongue))),
    )  # fmt: skip
    for name, title, entries in parts:
        if entries:
            more = len(entries) - MOST
            rest = say("And {count} more: the table has all of them.", count=tongue.number(f"{more:,}"))
            yield section(
                title,
                element("ul", *entries[:MOST], class_="told"),
                *([element("p", rest, class_="faint")] if more > 0 else []),
                id=name,
            )
    nothing = [title for _, title, entries in parts if not entries]
    if nothing:
        yield element("p", say("Nothing to tell: {titles}.", titles=" · ".join(nothing)), class_="faint nothing")


def _told(fleet: Fleet, one: Changed, tongue: Tongue) -> Html:
    """An alert: its severity, its asset, its sentence; below it what it comes to and what people made of it."""
    shown, alert = fleet.shown(one.alert["asset"]), one.alert
    mine = own(tongue, shown)
    more = [mine.say("It was {severity}.", severity=mine.say(one.was))] if one.was else []
    if alert["active"]:
        more += [reach_sentence(reach, mine) for reach in alert["reaches"] if reach["state"] == "estimate"]
    elif alert["cleared_at"]:
        more.append(mine.say("Cleared {cleared}.", cleared=mine.moment(parse_time(alert["cleared_at"]))))
    more.append(case_words(alert, mine))
    about = " ".join(words for words in more if words)
    look = "aside" if is_aside(alert) or not alert["active"] else ""
    return _line([shown], alert_words(shown, alert, tongue), mark(alert, tongue), about, look)


def _rising(shown: Shown, sign: dict[str, object], tongue: Tongue) -> Html:
    ahead = reach_sentence({**sign, "severity": None}, own(tongue, shown))
    return _line([shown], rising_words(shown, sign, tongue), below=ahead)


def _unwatched(fleet: Fleet, tongue: Tongue) -> Iterator[Html]:
    """Why assets are not watched; those of which the same is to be said, together. Files that were not read, last."""
    found = [(unwatched_words(shown, one, tongue), shown) for shown in fleet.assets for one in shown.unwatched]
    found.sort(key=lambda pair: pair[0])
    for words, group in groupby(found, key=lambda pair: pair[0]):
        yield _line([shown for _, shown in group], f"{words}.", more=tongue)
    for name, why in fleet.unread.items():
        told = tongue.say("{file} could not be read: {message}", file=name, message=why.removeprefix(f"{name}: "))
        yield _line([], told)


def _line(
    assets: Sequence[Shown],
    words: str,
    sign: str | Html = "",
    below: str = "",
    look: str = "",
    more: Tongue | None = None,
) -> Html:
    names: list[str | Html] = []
    for place, shown in enumerate(assets[:NAMES]):
        names += [", "] if place else []
        names.append(element("b", _name(shown)))
    if more and len(assets) > NAMES:
        names.append(" " + more.say("and {count} more", count=more.number(f"{len(assets) - NAMES:,}")))
    told = element("span", *names, ": " if names else "", words, class_="words")
    lines = [told, element("span", below, class_="faint")] if below else [told]
    return element("li", *([sign] if sign else []), element("div", *lines), class_=look or "plain")


def _name(shown: Shown) -> str | Html:
    return link(shown.page, shown.name) if shown.page else shown.name


# ---------------------------------------------------------------- the table


COLUMNS = ("asset", "severity", "what", "since", "time left", "return period", "last row")
"""Columns that are always there; others where the table of assets says something."""


def _columns(fleet: Fleet, tongue: Tongue) -> list[str]:
    zones = {own(tongue, one).zone_name for one in fleet.assets}
    about = [name for name in OF_ASSETS if any(getattr(one.asset, name) for one in fleet.assets)]
    return [*COLUMNS, *(["zone"] if len(zones) > 1 else []), *about]


OF_ASSETS = ("type", "site", "criticality", "owner")


def _labels(fleet: Fleet, tongue: Tongue) -> Iterator[str]:
    """On a narrow screen each cell says what it is."""
    for place, name in enumerate(_columns(fleet, tongue), 1):
        if name not in ("asset", "severity", "what"):
            label = f'#assets td:nth-child({place})::before {{ content: "{tongue.say(name)}"; }}'
            yield f"@media screen and (max-width: 700px) {{ {label} }}\n"


def _all(fleet: Fleet, tongue: Tongue) -> Iterator[Html]:
    say = tongue.say
    if not fleet.assets:
        yield element("p", say("The run has no asset yet, and there is no table of assets."))
        return
    columns = _columns(fleet, tongue)
    yield _tools(fleet, columns, tongue)
    yield element(
        "p", "", id="count", role="status", data_words=say("{shown} of {all} assets", shown="{shown}", all="{all}")
    )
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
    severities = [(name, say(name)) for name in (*reversed(SEVERITIES), "quiet", "unwatched")]
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
        element("button", say("As at first"), type="button"),
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
    mine, first = own(tongue, shown), shown.first
    middle, interval = left_words(shown, tongue)
    reach, since = shown.reach, since_us(shown)
    severity = mark(first, tongue) if first else tongue.say(shown.status)
    left = {"data_v": f"{float(reach['p50_s']):.0f}"} if reach else {}
    rarest = _rarest(shown)
    cells = [
        element("th", _name(shown), scope="row"),
        element("td", severity, data_v=str(place)),
        element("td", status_words(shown, tongue)),
        element("td", mine.short_moment(since) if since is not None else ""),
        element(
            "td", *([element("b", middle), " ", element("span", interval, class_="faint")] if middle else []), **left
        ),
        element(
            "td", _picture(fleet, shown, scale, mine), **({"data_v": f"{rarest:.2f}"} if rarest is not None else {})
        ),
        element("td", mine.short_moment(shown.last_us) if shown.last_us is not None else "–"),
    ]
    of_asset = {"zone": mine.zone_name, **{name: str(getattr(shown.asset, name)) for name in OF_ASSETS}}
    costs = {"criticality": WEIGHTS[WORDS[word]]} if (word := shown.asset.criticality.lower()) in WORDS and word else {}
    cells += [
        element("td", of_asset[name], **({"data_v": str(-costs[name])} if name in costs else {}))
        for name in columns[len(COLUMNS) :]
    ]
    looks = [shown.status, *(["unwatched"] if not shown.is_watched and shown.status != "unwatched" else [])]
    aside = {"class_": "aside"} if (first and is_aside(first)) or shown.status in ("quiet", "unwatched") else {}
    return element("tr", *cells, data_s=" ".join(looks), **aside)


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


STYLE = """
main { max-width: 1480px; }
h1 { font-size: 25px; max-width: none; } .over { max-width: none; }
a { color: inherit; text-decoration-color: var(--quiet); text-underline-offset: 3px; }
a:hover { text-decoration-color: currentColor; }
.tiles { grid-template-columns: repeat(auto-fit, minmax(130px, 1fr)); max-width: 1020px; }
a.tile { text-decoration: none; } a.tile:hover { outline: 1px solid var(--line); }
.tile.none b, .tile.none span { color: var(--quiet); font-weight: 400; }
a:focus-visible, button:focus-visible, input:focus-visible, select:focus-visible { outline: 2px solid var(--advisory);
  outline-offset: 2px; border-radius: 3px; }
h2 { margin-top: 30px; scroll-margin-top: 60px; }
.told { list-style: none; padding: 0; max-width: 1020px; }
.told li { display: grid; grid-template-columns: 122px 1fr; gap: 2px 12px; padding: 9px 0; margin: 0; max-width: none;
  border-top: 1px solid var(--line); break-inside: avoid; }
.told li:last-child { border-bottom: 1px solid var(--line); }
.told li > div:first-child { grid-column: 1 / -1; }
.told .words, .told .faint { display: block; max-width: 88ch; } .told .faint { font-size: 14px; }
.aside > b.whole { opacity: 0.65; }
.nothing { margin-top: 26px; }
.tools { position: sticky; top: 0; z-index: 5; background: var(--paper); padding: 8px 0; display: flex; flex-wrap: wrap;
  gap: 6px; }
.tools[hidden] { display: none; }
button, input, select { font: inherit; font-size: 14px; color: var(--ink); background: var(--wash);
  border: 1px solid var(--line); border-radius: 6px; padding: 5px 10px; min-height: 34px; }
input[type=search] { flex: 1 1 220px; max-width: 360px; } select { max-width: 200px; }
select[data-order] { display: none; }
button { cursor: pointer; } button:hover { border-color: var(--ink); }
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
#assets td:nth-child(2) { white-space: nowrap; } #assets td:nth-child(3) { min-width: 27ch; max-width: 60ch; }
#assets td:nth-child(4), #assets td:nth-child(7) { white-space: nowrap; font-variant-numeric: tabular-nums; }
#assets td:nth-child(5) b, #assets td:nth-child(5) span { display: block; white-space: nowrap; }
#assets td:nth-child(n+8) { max-width: 18ch; }
#assets svg { width: 104px; height: 26px; shape-rendering: crispEdges; } .line, .limit { fill: none; }
.line { stroke: var(--ink); opacity: 0.8; } .limit { stroke: currentColor; opacity: 0.55; }
code { overflow-wrap: anywhere; }
@media screen and (max-width: 700px) { h1 { font-size: 20px; } .tiles { grid-template-columns: repeat(3, 1fr); gap: 8px; }
  .tile { padding: 8px 10px; } .tile b { font-size: 20px; } .tile span { font-size: 12px; }
  .told li { display: block; } .told b.whole { display: block; }
  select[data-order] { display: block; } .tools { position: static; } .tools > * { flex: 1 1 40%; max-width: none; min-width: 0; }
  .wide { overflow: visible; } #assets, #assets tbody { display: block; } #assets thead { display: none; }
  #assets tr { display: grid; grid-template-columns: 1fr auto; gap: 2px 10px; padding: 10px 0;
    border-bottom: 1px solid var(--line); } #assets tr[hidden] { display: none; }
  #assets td, #assets tbody th { display: block; border: 0; padding: 0; max-width: none; min-width: 0; }
  #assets td:nth-child(n+3) { grid-column: 1 / -1; max-width: none; } #assets td:nth-child(5) span { grid-column: 2; }
  #assets td:nth-child(n+4) { display: grid;
    grid-template-columns: 110px 1fr; } #assets td:nth-child(n+4):empty { display: none; }
  #assets td:nth-child(n+4)::before { color: var(--faint); } }
@media print { #count, .tools { display: none; } #assets { font-size: 9px; } #assets thead { display: table-header-group; }
  #assets td, #assets th { padding: 3px; overflow-wrap: break-word; white-space: normal; }
  #assets thead button::after { content: ""; } #assets svg { width: 60px; height: 16px; }
  #assets tbody th, #assets td:nth-child(3), #assets td:nth-child(n+8) { min-width: 0; max-width: none; }
  #assets td:nth-child(3) { min-width: 150px; } #assets td:nth-child(4), #assets td:nth-child(7) { white-space: normal; }
  #assets td:nth-child(5) span { white-space: normal; } h1 { font-size: 19px; } .told li { padding: 5px 0; }
  .tiles { grid-template-columns: repeat(6, 1fr); } .told .faint { font-size: 11px; }
  .tile { border: 1px solid var(--line); padding: 4px 8px; } .tile b { font-size: 18px; } }
"""
