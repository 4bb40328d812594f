"""The page of a fleet, the morning report: sentences first, then what changed, then all assets in one table."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from itertools import groupby
from typing import Any

from anomaly_lstm.clock import parse_time
from anomaly_lstm.pages import fleet_list
from anomaly_lstm.pages.fleet import (
    AWAITING,
    NEW,
    OVER,
    UNCHANGED,
    WORSE,
    Changed,
    Fleet,
    Shown,
    counts,
    is_aside,
    rising,
)
from anomaly_lstm.pages.fleet_words import (
    alert_words,
    asset_words,
    dead_words,
    headline,
    own,
    rising_words,
    unwatched_words,
    worse_words,
    zone_of,
)
from anomaly_lstm.pages.marks import mark
from anomaly_lstm.pages.page import Html, content_policy, element, page, script, section
from anomaly_lstm.pages.sentences import case_words, reach_sentence
from anomaly_lstm.pages.texts import Tongue

SUFFIXES = (".html", ".htm")

MOST = 25
"""Entries of a section, at most; the table has all of them."""

NAMES = 12
"""Assets that are named of those of which the same is to be said."""


def draw(fleet: Fleet, tongue: Tongue, own_script: str) -> str:
    """The page, whole: it needs nothing beside it, and nothing leaves it. It leads to pages beside it only."""
    say = tongue.say
    return page(
        headline(fleet, tongue),
        element("p", _what(fleet, tongue), class_="over"),
        element("h1", headline(fleet, tongue)),
        _tiles(fleet, tongue),
        *_sections(fleet, tongue),
        section(say("All assets"), *fleet_list.all_assets(fleet, tongue), id="all"),
        element("p", say("It advises. It is no machine protection and must never be wired to a trip."), class_="faint"),
        element("p", f"anomaly-lstm {fleet.version}", class_="faint"),
        script(own_script),
        language=tongue.language,
        head=content_policy(own_script),
        style=STYLE + fleet_list.STYLE + "".join(fleet_list.labels(fleet, tongue)),
    )


def _what(fleet: Fleet, tongue: Tongue) -> str:
    text = (
        "{pipeline} · since {since} · newest row {newest} · times in {zone}"
        if zone_of(fleet, tongue)
        else "{pipeline} · since {since} · newest row {newest} ({zone}) · times of assets on their own clocks"
    )
    since, newest = tongue.moment(fleet.since_us), tongue.moment(fleet.newest_us)
    return tongue.say(text, pipeline=fleet.pipeline, since=since, newest=newest, zone=tongue.zone_name)


TILES = {
    NEW: "new", WORSE: "worse", UNCHANGED: "unchanged", OVER: "over since then", AWAITING: "over before, no verdict",
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
        (WORSE, say("Worse since then"), alerts[WORSE]),
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
    more = [worse_words(one, mine)]
    if alert["active"]:
        more += [reach_sentence(reach, mine) for reach in alert["reaches"] if reach["state"] == "estimate"]
    elif alert["cleared_at"]:
        more.append(mine.say("Cleared {cleared}.", cleared=mine.moment(parse_time(alert["cleared_at"]))))
    more += [case_words(alert, mine, shown.acts), asset_words(shown, mine)]
    about = " ".join(words for words in more if words)
    look = "aside" if is_aside(alert) or not alert["active"] else ""
    return _line([shown], alert_words(shown, alert, tongue), mark(alert, tongue), about, look)


def _rising(shown: Shown, sign: Mapping[str, Any], tongue: Tongue) -> Html:
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
        names.append(element("b", fleet_list.name_of(shown)))
    if more and len(assets) > NAMES:
        names.append(" " + more.say("and {count} more", count=more.number(f"{len(assets) - NAMES:,}")))
    told = element("span", *names, ": " if names else "", words, class_="words")
    lines = [told, element("span", below, class_="faint")] if below else [told]
    return element("li", *([sign] if sign else []), element("div", *lines), class_=look or "plain")


STYLE = """
main { max-width: 1480px; } h1 { font-size: 25px; max-width: none; } .over { max-width: none; }
a { color: inherit; text-decoration-color: var(--quiet); text-underline-offset: 3px; }
a:hover { text-decoration-color: currentColor; }
a:focus-visible, button:focus-visible, input:focus-visible, select:focus-visible { outline: 2px solid var(--advisory);
  outline-offset: 2px; border-radius: 3px; }
.tiles { grid-template-columns: repeat(auto-fit, minmax(130px, 1fr)); max-width: 1020px; }
a.tile { text-decoration: none; } a.tile:hover { outline: 1px solid var(--line); }
.tile.none b, .tile.none span { color: var(--faint); font-weight: 400; }
h2 { margin-top: 30px; scroll-margin-top: 60px; } .nothing { margin-top: 26px; } code { overflow-wrap: anywhere; }
.told { list-style: none; padding: 0; max-width: 1020px; }
.told li { display: grid; grid-template-columns: 122px 1fr; gap: 2px 12px; padding: 9px 0; margin: 0; max-width: none;
  border-top: 1px solid var(--line); break-inside: avoid; }
.told li:last-child { border-bottom: 1px solid var(--line); } .told li > div:first-child { grid-column: 1 / -1; }
.told .words, .told .faint { display: block; max-width: 88ch; } .told .faint { font-size: 14px; }
.aside > b.whole { font-weight: 400; }
@media screen and (max-width: 700px) { h1 { font-size: 20px; } .told li, .told b.whole { display: block; }
  .tiles { grid-template-columns: repeat(3, 1fr); gap: 8px; } .tile { padding: 8px 10px; } .tile b { font-size: 20px; }
  .tile span { font-size: 12px; } }
@media print { h1 { font-size: 19px; } .told li { padding: 5px 0; } .told .faint { font-size: 11px; }
  .tiles { grid-template-columns: repeat(6, 1fr); } .tile { border: 1px solid var(--line); padding: 4px 8px; }
  .tile b { font-size: 18px; } }
"""
