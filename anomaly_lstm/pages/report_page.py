"""The page of an asset: sentences first, then pictures that zoom together, then tables; one file, in two languages."""

from __future__ import annotations

import gzip
import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cache

import numpy as np

from anomaly_lstm.clock import parse_time
from anomaly_lstm.pages import panels
from anomaly_lstm.pages.marks import SIGNS, mark
from anomaly_lstm.pages.page import (
    Html,
    content_policy,
    data_block,
    element,
    link,
    meta,
    page,
    script,
    section,
    together,
)
from anomaly_lstm.pages.report import Alert, AssetReport, Course
from anomaly_lstm.pages.report_tables import (
    alerts_table,
    budget_tables,
    course_table,
    knowledge_tables,
    parts_table,
    quality_tables,
    rarity_table,
    states_table,
)
from anomaly_lstm.pages.sentences import case_words, reach_sentence, sentence, with_unit
from anomaly_lstm.pages.texts import Tongue
from anomaly_lstm.words import clean

MARK = "drawn-from"
"""The name under which a page says what it was drawn from."""

PAPER = 690
"""Width of a picture on A4 [px of 1/96 inch]."""


@dataclass(frozen=True)
class Drawing:
    """What draws in the page: the plotting library and `panels.js`, as scripts."""

    library: str
    script: str


@dataclass(frozen=True)
class Beside:
    """What lies beside a page: the file of the page of all assets, if there is one. ``mark`` tells a program what the
    page was drawn from.
    """

    fleet: str | None = None
    mark: str = ""


ALONE = Beside()


@dataclass(frozen=True)
class _Picture:
    """A picture with its words, and the same as a table."""

    name: str
    title: str
    caption: str
    figure: panels.Figure
    table: Html


def draw(report: AssetReport, tongue: Tongue, drawing: Drawing, beside: Beside = ALONE) -> str:
    """The page, whole: it needs nothing beside it, and nothing leaves it."""
    about = report.about or next(iter(report.standing), None)
    title = f"{clean(report.asset)}: {sentence(about, report.bounds, tongue)}" if about else _quiet(report, tongue)
    pictures = list(_pictures(report, tongue))
    say = tongue.say
    sections = [section(one.title, *_caption(one), _place(one, tongue), _as_table(one, tongue)) for one in pictures]
    return page(
        title,
        *([element("p", link(beside.fleet, f"‹ {say('All assets')}"), class_="back")] if beside.fleet else []),
        element("p", _what(report, tongue), class_="over"),
        element("h1", title),
        _tiles(report, about, tongue),
        *_sentences(report, about, tongue),
        element("p", say("The pictures could not be drawn; the tables below tell the same."), id="undrawn", hidden=""),
        element(
            "noscript", element("p", say("Without scripts there are no pictures; the tables below tell the same."))
        ),
        _tools(report, tongue),
        *sections,
        section(say("Alerts"), alerts_table(report, tongue)),
        section(say("Data quality"), *quality_tables(report, tongue)),
        section(say("What the model knows"), *knowledge_tables(report, tongue)),
        section(say("The budget: promised and observed"), *budget_tables(report, tongue)),
        element("p", say("It advises. It is no machine protection and must never be wired to a trip."), class_="faint"),
        element("p", f"anomaly-lstm {report.version}", class_="faint"),
        data_block("library", _packed(drawing.library)),
        data_block("figures", gzip.compress(_figures(report, pictures, tongue).encode(), 9, mtime=0)),
        script(drawing.script),
        language=tongue.language,
        head=together(
            content_policy(drawing.library, drawing.script),
            meta(MARK, beside.mark) if beside.mark else "",
        ),
        style=STYLE,
    )


@cache
def _packed(text: str) -> bytes:
    """The same for all pages of a run, and large."""
    return gzip.compress(text.encode(), 9, mtime=0)


def _figures(report: AssetReport, pictures: Sequence[_Picture], tongue: Tongue) -> str:
    """What `panels.js` draws, as JSON."""
    start, end, *focus = (tongue.wall(us) // 1000 for us in (report.start_us, report.end_us, *report.focus_us))
    document = {
        **panels.locale(tongue),
        "origin": panels.origin_us(report, tongue) / 1000,
        "period": report.period_us / 1000,
        "paper": PAPER,
        "views": {"all": [start, end], "focus": focus, "end": end,
                  "limits": [min(start, focus[0]), max(end, focus[1])]},
        "figures": {one.name: one.figure for one in pictures},
    }  # fmt: skip
    return json.dumps(document, ensure_ascii=False, allow_nan=False, separators=(",", ":"))


# ---------------------------------------------------------------- words


def _quiet(report: AssetReport, tongue: Tongue) -> str:
    if not report.states.rows[0].any():
        return tongue.say("{asset}: nothing could be scored", asset=report.asset)
    return tongue.say("{asset}: no alert stands", asset=report.asset)


def _what(report: AssetReport, tongue: Tongue) -> str:
    start, end = tongue.moment(report.start_us), tongue.moment(report.end_us)
    return tongue.say(
        "{pipeline} · {start} to {end} · times in {zone}",
        pipeline=report.pipeline, start=start, end=end, zone=tongue.zone_name,
    )  # fmt: skip


def _tiles(report: AssetReport, about: Alert | None, tongue: Tongue) -> Html:
    say = tongue.say
    counts = report.states.rows.sum(axis=1)
    scored = tongue.percent(counts[0] / max(int(counts.sum()), 1))
    tiles: list[tuple[str, str]] = []
    if about:
        severity = about["severity_now"] or about["severity"]
        onset_us, raised_us = parse_time(about["onset"]), parse_time(about["raised_at"])
        tiles.append((f"{SIGNS[severity]} {say(severity)}", say("stands") if about["active"] else say("is over")))
        last_us = parse_time(about["cleared_at"] or about["updated_at"])
        since = (
            say("since {since}", since=tongue.moment(onset_us))
            + ", "
            + say("told {told}", told=tongue.moment(raised_us))
        )
        tiles.append((tongue.span((last_us - onset_us) / 1e6), since))
        tiles.append(_left(about, tongue))
    else:
        stood = len(report.alerts)
        tiles.append((say("no alert"), say("stands")))
        tiles.append((tongue.number(f"{stood:,}"), say("alerts before, all over")))
        last = report.rarity.return_period_s[np.isfinite(report.rarity.return_period_s)]
        once = tongue.rarity(float(last[-1])) if len(last) else "–"
        tiles.append((once, say("return period of the last scored row")))
    tiles.append((scored, say("of the rows have a score")))
    looks = [severity, *[""] * 3] if about else [""] * 4
    drawn = [
        element("div", element("b", big, class_=look), element("span", small), class_="tile")
        for (big, small), look in zip(tiles, looks, strict=True)
    ]
    return element("div", *drawn, class_="tiles")


def _left(alert: Alert, tongue: Tongue) -> tuple[str, str]:
    """How long until the first bound, else which sensor is without values, or how rare it was."""
    say = tongue.say
    estimates = [one for one in alert["reaches"] if one["state"] == "estimate" and one["sensor"]]
    if alert["active"] and estimates:
        first = min(estimates, key=lambda one: float(one["p50_s"]))
        level = with_unit(tongue.figure(first["level"]), first["unit"])
        low, high = tongue.span(first["p10_s"]), tongue.span(first["p90_s"])
        words = say("to {level} of {sensor} ({low} to {high})", level=level, sensor=first["sensor"], low=low, high=high)
        return tongue.span(first["p50_s"]), words
    once_s = alert["peak"]["return_period_s"]
    if alert["kind"] == "sensor_bad":
        return clean(", ".join(one["sensor"] for one in alert["sensors"][:1]) or "–"), say("without values")
    if once_s is None:
        return "–", say("no score while data are missing")
    return tongue.rarity(once_s), say("in normal operation comes about once in")


def _sentences(report: AssetReport, about: Alert | None, tongue: Tongue) -> Iterator[Html]:
    """What the alert comes to, how it was told, and what else stands."""
    say = tongue.say
    if about:
        ahead = [reach_sentence(one, tongue) for one in about["reaches"]] if about["active"] else []
        case = case_words(about, tongue, report.acts)
        lines = [element("li", words) for words in (*ahead, *([case] if case else []))]
        if report.told:
            lines.append(element("li", say("As it was told:"), " ", element("span", clean(report.told), lang="en")))
        yield element("ul", *lines)
    others = [one for one in report.standing if about is None or one["alert_id"] != about["alert_id"]]
    if others:
        yield element("p", say("Also stands:"))
        yield element(
            "ul", *(element("li", mark(one, tongue), " ", sentence(one, report.bounds, tongue)) for one in others[:5])
        )


def _tools(report: AssetReport, tongue: Tongue) -> Html:
    """What zooms all pictures at once."""
    say = tongue.say
    acts = [("focus", say("Around the alert") if report.alerts else say("Reset")), ("day", say("Last day")),
            ("week", say("Last 7 days")), ("all", say("All"))]  # fmt: skip
    moves = [("earlier", "◀", say("Earlier")), ("later", "▶", say("Later")), ("nearer", "+", say("Nearer")),
             ("wider", "−", say("Wider"))]  # fmt: skip
    buttons = [element("button", words, type="button", data_act=act) for act, words in acts]
    signs = [
        element("button", sign, type="button", data_act=act, aria_label=words, title=words)
        for act, sign, words in moves
    ]
    return element("nav", *buttons, *signs, class_="tools", aria_label=say("What the pictures show"))


# ---------------------------------------------------------------- pictures


def _pictures(report: AssetReport, tongue: Tongue) -> Iterator[_Picture]:
    say = tongue.say
    yield _Picture(
        "rarity",
        say("How rare"),
        say(
            "In normal operation a row this strange comes about once in that time. Shaded from the top: the "
            "severities. Shaded upright: while an alert stood; dotted: its onset."
        ),
        panels.rarity(report, tongue),
        rarity_table(report, tongue),
    )
    yield _Picture(
        "states",
        say("What was scored"),
        say("Which share of the rows has a score, and why the others have none. Framed: events that people noted."),
        panels.states(report, tongue),
        states_table(report, tongue),
    )
    if len(report.parts.sensors):
        yield _Picture(
            "parts",
            say("Which sensors"),
            _parts_words(report, tongue),
            panels.parts(report, tongue),
            parts_table(report, tongue),
        )
    for place, course in enumerate(report.courses):
        yield _Picture(
            f"sensor-{place}",
            with_unit(clean(course.sensor), f"[{clean(course.unit)}]" if course.unit else None),
            _course_words(course, tongue, is_first=place == 0),
            panels.sensor(report, course, tongue),
            course_table(course, report, tongue),
        )


def _parts_words(report: AssetReport, tongue: Tongue) -> str:
    """How to read the heat map, and which sensors it shows where there are more."""
    words = tongue.say(
        "The stronger the colour, the more a sensor adds to what is strange: its share, times how many powers of ten "
        "the row is rare."
    )
    shown, count = len(report.parts.sensors), report.parts.scored
    if count <= shown:
        return words
    more = tongue.say(
        "{shown} of {all} sensors, those that add most.",
        shown=tongue.number(f"{shown:,}"), all=tongue.number(f"{count:,}"),
    )  # fmt: skip
    return f"{words} {more}"


def _course_words(course: Course, tongue: Tongue, *, is_first: bool) -> str:
    """How to read a line; once is enough."""
    say = tongue.say
    if course.expected is None:
        return say("A context: it explains the others and is never scored.")
    if not is_first:
        return ""
    if course.band is None:
        return say("Line: measured. Dotted: expected.")
    return say("Line: measured. Dotted: expected, with the band in which nine in ten normal rows lie.")


def _caption(one: _Picture) -> list[Html]:
    return [element("p", one.caption, class_="faint")] if one.caption else []


def _place(one: _Picture, tongue: Tongue) -> Html:
    """Where a picture is drawn; it takes the keyboard."""
    label = f"{one.title}. {one.caption} " + tongue.say(
        "Arrow keys move, + and − zoom, Home shows all, Escape goes back."
    )
    height = f"min-height: {one.figure['layout']['height']}px"
    return element("div", id=one.name, class_="picture", role="img", tabindex="0", aria_label=label, style=height)


def _as_table(one: _Picture, tongue: Tongue) -> Html:
    title = tongue.say("{picture} as a table", picture=one.title)
    return element("details", element("summary", title), one.table)


STYLE = """
@media print { details { display: none; }
  section { break-inside: avoid; } h1 { font-size: 20px; } }
h1 { font-size: 23px; max-width: 62ch; } .back a { color: var(--faint); }
.tile b { font-size: 20px; }
.picture { width: 100%; margin: 4px 0 2px; }
.picture:focus-visible, button:focus-visible, summary:focus-visible { outline: 2px solid var(--measured);
  outline-offset: 2px; }
.tools { position: sticky; top: 0; z-index: 5; background: var(--paper); padding: 8px 0; display: flex; flex-wrap: wrap;
  gap: 6px; border-bottom: 1px solid var(--line); margin-top: 18px; }
@media print { .tools { display: none; } }
button { font: inherit; font-size: 13px; color: var(--ink); background: var(--wash); border: 1px solid var(--line);
  border-radius: 6px; padding: 5px 10px; min-width: 34px; cursor: pointer; }
button:hover { border-color: var(--ink); }
summary { font-size: 13px; color: var(--faint); cursor: pointer; }
h2 { margin-top: 26px; overflow-wrap: anywhere; }
@media (max-width: 700px) { h1 { font-size: 19px; } .tile b { font-size: 17px; } }
"""
