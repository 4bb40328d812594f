"""A replay as a page to show: what would have been told, when, at which price in false alerts, and what else could be
chosen.
"""

from __future__ import annotations

import gzip
import json
from collections.abc import Iterator, Mapping, Sequence

from anomaly_lstm.alerts import as_document
from anomaly_lstm.clock import DAY, SECOND
from anomaly_lstm.evaluation import Outcome, failed_at
from anomaly_lstm.pages import panels, timelines, trade_offs
from anomaly_lstm.pages.page import (
    Html,
    content_policy,
    data_block,
    element,
    page,
    script,
    section,
    table,
    together,
    whole,
)
from anomaly_lstm.pages.panels import Figure
from anomaly_lstm.pages.replay_words import (
    PLAIN,
    false_words,
    few,
    headline,
    load_words,
    note_words,
    on_delay_words,
    once_s,
    percent,
    policy_words,
    rate,
    trade_words,
    warning_words,
)
from anomaly_lstm.pages.report_page import PAPER, Drawing
from anomaly_lstm.pages.report_page import STYLE as DRAWN_STYLE
from anomaly_lstm.pages.sentences import sentence
from anomaly_lstm.pages.texts import Tongue
from anomaly_lstm.pages.timelines import AT_MOST, lasted_words, shown_assets
from anomaly_lstm.replaying import Replay, Trial, outcome_word
from anomaly_lstm.words import beyond_record

TIMELINE, TRADE_OFF = "timeline", "trade-off"
"""The pictures of the page, by name."""


def draw(result: Replay, tongue: Tongue = PLAIN, drawing: Drawing | None = None) -> str:
    """The page, whole: it needs nothing beside it, and nothing leaves it. Without ``drawing`` its tables tell all."""
    title, say = headline(result, tongue), tongue.say
    figures = _figures(result, tongue) if drawing else {}
    happened = "What happened, and what would have been told"
    return page(
        title,
        element("p", say("Replay of a stored history, as a schedule would have lived it"), class_="over"),
        element("h1", title),
        element("p", _what(result, tongue), class_="faint"),
        _tiles(result.present, tongue),
        *(element("p", note_words(note, tongue), class_="faint") for note in result.notes),
        *(_undrawn(tongue) if figures else ()),
        section(say(happened), *_timeline(result, figures, tongue)),
        section(say("Failure by failure"), _outcomes(result, tongue)),
        section(say("False alerts and alarm load"), *_false(result.present, tongue)),
        section(say("What if: other return periods, other on-delays"), *_grid(result, figures, tongue)),
        section(say("How this was counted"), _how(tongue)),
        *(_drawn(result, figures, drawing, tongue) if drawing and figures else ()),
        language=tongue.language,
        head=content_policy(drawing.library, drawing.script) if drawing and figures else "",
        style=DRAWN_STYLE + STYLE,
    )


def _undrawn(tongue: Tongue) -> Iterator[Html]:
    """What a reader is told where no picture comes."""
    say = tongue.say
    yield element("p", say("The pictures could not be drawn; the tables below tell the same."), id="undrawn", hidden="")
    yield element(
        "noscript", element("p", say("Without scripts there are no pictures; the tables below tell the same."))
    )


def _drawn(result: Replay, figures: Mapping[str, Figure], drawing: Drawing, tongue: Tongue) -> list[Html]:
    """What draws the pictures."""
    document = json.dumps(_document(result, figures, tongue), ensure_ascii=False, allow_nan=False)
    return [
        data_block("library", gzip.compress(drawing.library.encode(), 9, mtime=0)),
        data_block("figures", gzip.compress(document.encode(), 9, mtime=0)),
        script(drawing.script),
    ]


def _figures(result: Replay, tongue: Tongue) -> dict[str, Figure]:
    assets = shown_assets(result)
    trade_off = trade_offs.trade_off(result, tongue)
    drawn = {TIMELINE: timelines.timeline(result, assets, tongue)} if assets else {}
    return drawn | ({TRADE_OFF: trade_off} if trade_off else {})


def _document(result: Replay, figures: Mapping[str, Figure], tongue: Tongue) -> dict[str, object]:
    """What `panels.js` draws."""
    history = result.history
    edges = [tongue.wall(us) // 1000 for us in (history.start_us, history.end_us)]
    return {
        **panels.locale(tongue),
        "origin": edges[0],
        "period": history.period_us / 1000,
        "paper": PAPER,
        "views": {"all": edges, "focus": edges, "end": edges[1], "limits": edges},
        "figures": figures,
    }


def _picture(name: str, title: str) -> Html:
    return element("div", id=name, class_="picture", tabindex="0", role="img", aria_label=title)


# ---------------------------------------------------------------- the head


def _what(result: Replay, tongue: Tongue) -> str:
    edges = result.history.start_us, result.history.end_us
    tell = tongue.day if edges[1] - edges[0] > 3 * DAY else tongue.moment
    start, end = map(tell, edges)
    assets = tongue.counted(len(result.watched), "asset", "assets")
    said = tongue.say(
        "{assets}, {start} to {end}, times in {zone}; model {model}.",
        assets=assets, start=start, end=end, zone=tongue.zone_name, model=result.history.model_id,
    )  # fmt: skip
    return f"{said} {policy_words(result.present.terms, tongue)}"


def _tiles(trial: Trial, tongue: Tongue) -> Html:
    say, lead_us, false = tongue.say, trial.median_lead_us, trial.judged
    years = rate(trial.years, tongue)
    if false.expected_false:
        cost = say(
            "false alerts, {count} promised, in {years} asset-years",
            count=few(false.expected_false, tongue), years=years,
        )  # fmt: skip
    else:
        cost = say("false alerts in {years} asset-years", years=years)
    warned = say("{found} of {all}", found=str(trial.warned), all=str(len(trial.failures)))
    load = say("of the time in alarm; {rate} alerts per asset-month", rate=rate(trial.alerts_per_month, tongue))
    ahead = say("ahead of the failure, in the middle" if trial.warned > 1 else "ahead of the failure")
    tiles = [
        (warned if trial.failures else "–", say("failures warned") + _anomalies(trial, tongue)),
        ("–" if lead_us is None else tongue.span(lead_us / SECOND), ahead),
        (tongue.number(f"{len(false.false):,}"), cost),
        (percent(trial.alarm_share, tongue), load),
    ]
    return element(
        "div",
        *(element("div", element("b", big), element("span", small), class_="tile") for big, small in tiles),
        class_="tiles",
    )


def _anomalies(trial: Trial, tongue: Tongue) -> str:
    if not trial.anomalies:
        return ""
    found = sum(o.alert is not None for o in trial.anomalies)
    return tongue.say("; {found} of {all} other events found", found=str(found), all=str(len(trial.anomalies)))


# ---------------------------------------------------------------- what happened


def _timeline(result: Replay, figures: Mapping[str, Figure], tongue: Tongue) -> Iterator[Html]:
    """The picture, with what zooms it."""
    say, shown = tongue.say, shown_assets(result)
    if not shown:
        yield element("p", say("No event was noted and no alert was raised."))
        return
    if TIMELINE in figures:
        caption = (
            "A line per asset. Bars are alerts from when they were told, hollow ones false; crosses are failures; "
            "green is how long before them they were told."
        )
        yield element("p", say(caption), class_="faint")
        yield _tools(tongue)
        yield _legend(figures[TIMELINE])
        yield _picture(TIMELINE, say("What happened, and what would have been told"))
    rest = len(result.watched) - len(shown)
    if rest:
        assets = tongue.counted(rest, "more asset", "more assets")
        yield element("p", say("{assets} with less to show or nothing, not drawn.", assets=assets), class_="faint")


def _legend(figure: Figure) -> Html:
    entries = [
        element("span", element("span", sign, style=f"color: {colour}", class_="sign"), words)
        for sign, colour, words in timelines.legend(figure)
    ]
    return element("div", *entries, class_="legend")


def _tools(tongue: Tongue) -> Html:
    say = tongue.say
    moves = [("earlier", "◀", say("Earlier")), ("later", "▶", say("Later")), ("nearer", "+", say("Nearer")),
             ("wider", "−", say("Wider"))]  # fmt: skip
    buttons = [
        element("button", say("All"), type="button", data_act="all"),
        *(
            element("button", sign, type="button", data_act=act, aria_label=words, title=words)
            for act, sign, words in moves
        ),
    ]
    keys = say("Arrow keys move, + and − zoom, Home shows all, Escape goes back.")
    return element(
        "nav", *buttons, element("span", keys, class_="faint keys"), class_="tools",
        aria_label=say("What the pictures show"),
    )  # fmt: skip


def _outcomes(result: Replay, tongue: Tongue) -> Html:
    """Every failure, then every other event that should have been told: by what and how early, and in which words."""
    say, now = tongue.say, result.present
    events = [*now.failures, *now.anomalies]
    shown = events[:AT_MOST]
    columns = tuple(map(say, ("asset", "what", "failed", "told", "lead", "severity then", "led by")))
    none = say("No failure or anomaly lies in what was watched, so nothing can be said of warning time.")
    drawn = table(columns, [_outcome_row(result, outcome, tongue) for outcome in shown], columns[4:5], none)
    words = [element("li", _told_words(result, o, tongue)) for o in shown if o.alert]
    told = [element("p", say("What was told at that time:")), element("ul", *words, class_="faint")] if words else []
    return together(drawn, _more(len(events) - len(shown), tongue), *told)


def _told_words(result: Replay, outcome: Outcome, tongue: Tongue) -> str:
    """What an alert said then: its own reason, or the same in the language of the reader."""
    alert = result.told[outcome.alert] if outcome.alert else None
    if alert is None or tongue.language == "en":
        return alert.reason if alert else ""
    return f"{alert.asset}: {sentence(as_document(alert), result.present.terms.policy.bounds, tongue)}"


def _more(count: int, tongue: Tongue) -> Html:
    if not count:
        return Html("")
    return element("p", tongue.say("… and {count} more.", count=tongue.number(f"{count:,}")), class_="faint")


def _outcome_row(result: Replay, outcome: Outcome, tongue: Tongue) -> list[str | Html]:
    event, failed_us = outcome.event, failed_at(outcome.event)
    failed = whole(tongue.short_moment(failed_us)) if failed_us is not None else "–"
    start: list[str | Html] = [event.asset, tongue.say(event.kind), failed]
    if outcome.alert is None:
        return [*start, "–", _warning(outcome, tongue), "–", "–"]
    alert = result.told[outcome.alert]
    led = alert.sensors[0].sensor if alert.sensors else "–"
    told = whole(tongue.short_moment(outcome.alert.raised_us))
    return [*start, told, _warning(outcome, tongue), _severity(alert.severity, tongue), led]


def _severity(name: str, tongue: Tongue) -> Html:
    return element("span", tongue.say(name), class_=name)


def _warning(outcome: Outcome, tongue: Tongue) -> Html:
    good = outcome_word(outcome) in ("warned", "found")
    return element("span", warning_words(outcome, tongue), class_="good" if good else "bad")


def _false(trial: Trial, tongue: Tongue) -> Iterator[Html]:
    say = tongue.say
    yield element("p", false_words(trial, tongue))
    yield element("p", load_words(trial, tongue))
    if trial.judged.excused:
        alerts = tongue.counted(len(trial.judged.excused), "alert", "alerts")
        yield element("p", say("Counted neither way: {alerts} during maintenance or alike.", alerts=alerts))
    false = sorted(trial.judged.false, key=lambda a: a.raised_us)
    rows = [
        (a.asset, _severity(a.severity, tongue), tongue.short_moment(a.raised_us), lasted_words(a, tongue))
        for a in false[:AT_MOST]
    ]
    if rows:
        columns = tuple(map(say, ("asset", "severity", "told", "lasted")))
        yield table(columns, rows, columns[3:])
        yield _more(len(false) - len(rows), tongue)


# ---------------------------------------------------------------- the grid


def _grid(result: Replay, figures: Mapping[str, Figure], tongue: Tongue) -> Iterator[Html]:
    """The trade-off as a picture, and the same as a table."""
    say = tongue.say
    if TRADE_OFF in figures:
        yield element("p", say(_caption(result)), class_="faint")
        yield _picture(TRADE_OFF, say("What if: other return periods, other on-delays"))
    if result.grid:
        yield from _grid_table(result, tongue)
    yield element("ul", *(element("li", text) for text in trade_words(result, tongue)))


def _caption(result: Replay) -> str:
    if result.present.told_of[1]:
        return (
            "Each mark is a policy: to the left it costs less, higher up it warns earlier, or of more. Lines join the "
            "return periods of an on-delay. The dashed line is what the present policy promised."
        )
    return (
        "Each mark is a policy: to the left it costs fewer false alerts. Lines join the return periods of an on-delay. "
        "The dashed line is what the present policy promised."
    )


def _grid_table(result: Replay, tongue: Tongue) -> Iterator[Html]:
    say = tongue.say
    most = max((trial.false_per_year or 0.0 for row in result.grid for trial in row), default=0.0)
    delays = [on_delay_words(trial.terms, tongue) for trial in result.grid[0]]
    head = element("tr", *(element("th", name) for name in (say("return period"), say("promised"), *delays)))
    rows = [_grid_row(result, row, most, tongue) for row in result.grid]
    key = (
        "In each cell failures warned and the warning time in the middle; below it false alerts per asset-year, to be "
        "compared with those promised: the darker, the more. The framed cell is the present policy."
        if result.present.failures
        else "In each cell events found; below it false alerts per asset-year, to be compared with those promised: the "
        "darker, the more. The framed cell is the present policy."
    )
    yield element("p", say(key), class_="faint")
    yield element(
        "div", element("table", element("thead", head), element("tbody", *rows), class_="grid"), class_="wide"
    )


def _grid_row(result: Replay, row: Sequence[Trial], most: float, tongue: Tongue) -> Html:
    say, once = tongue.say, once_s(row[0])
    far = beyond_record(result.history.normal_s, once)
    beyond = element("div", say("beyond record"), class_="faint whole") if far else ""
    name = together(whole(tongue.span(once)), beyond)
    promised = whole(say("{rate} a year", rate=rate(row[0].promised_per_year or 0.0, tongue)))
    cells = [_cell(trial, most, tongue, now=trial is result.present) for trial in row]
    return element("tr", element("td", name), element("td", promised), *cells)


def _cell(trial: Trial, most: float, tongue: Tongue, *, now: bool) -> Html:
    """One policy: what it would have told, and a shade for its false alerts."""
    say = tongue.say
    (found, total), per_year, lead_us = trial.told_of, trial.false_per_year, trial.median_lead_us
    words = say("{found} of {all}", found=str(found), all=str(total)) if total else ""
    top = element("b", words, class_="bad" if found < total else "")
    ahead = f" · {tongue.span(lead_us / SECOND)}" if lead_us is not None else ""
    low = "" if per_year is None else say("{rate} false a year", rate=rate(per_year, tongue))
    shade = 0.55 * (per_year or 0.0) / most if most else 0.0
    frame = " outline: 2px solid var(--ink); outline-offset: -2px;" if now else ""
    present = element("div", say("present"), class_="over") if now else ""
    style = f"background: rgba(var(--heat), {shade:.2f});{frame}"
    return element("td", present, top, ahead, element("div", low), class_="whole", style=style)


def _how(tongue: Tongue) -> Html:
    return element("ul", *(element("li", tongue.say(text)) for text in HOW), class_="faint")


HOW = (
    "No score and no alert looks ahead: each alert is told as it stood at that time, by what was known then.",
    "Warning time runs from the moment an alert had come to the severity that is counted to the failure, never "
    "from an earlier onset; an alert that stood before the event began is counted from the event's beginning.",
    "False are alerts that touch no failure or anomaly and were not raised in maintenance, a calibration or alike. "
    "They are counted on scored time outside the events.",
    "Promised is that time divided by the return period; an on-delay only lowers what comes.",
    "Beyond record: such a return period is extrapolated from less than a third as much normal time.",
    "It advises. It is no machine protection and must never be wired to a trip.",
)

STYLE = """
.keys { font-size: 12px; align-self: center; }
.legend { display: flex; flex-wrap: wrap; gap: 2px 18px; font-size: 12px; padding: 8px 0 0; }
.legend .sign { display: inline-block; width: 20px; }
@media (max-width: 700px) { .keys { display: none; } }
"""
