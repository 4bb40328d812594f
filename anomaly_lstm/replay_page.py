"""A replay as a page to show: what would have been told, when, at which price in false alerts, and what else could be
chosen.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import UTC, datetime

from anomaly_lstm.clock import DAY, SECOND, iso
from anomaly_lstm.evaluation import EXCUSED, Outcome, Raised, failed_at
from anomaly_lstm.events import Event
from anomaly_lstm.page import Html, element, page, section, table, together
from anomaly_lstm.replaying import (
    Replay,
    Trial,
    false_words,
    figure,
    headline,
    load_words,
    on_delay_words,
    outcome_word,
    percent,
    policy_words,
    trade_words,
    warning_words,
)
from anomaly_lstm.words import beyond_record, clean, counted, expected, moment, span

AT_MOST = 40
"""Assets that get a timeline, and rows of a table; the JSON document has all of them."""

WIDTH, LABEL, ROW, BAR = 964.0, 150.0, 30.0, 14.0
"""Of a timeline: the whole, the room for the asset's name, the height of an asset and of a bar in it [px]."""

NAME_LENGTH = 20
"""Letters of an asset's name that its room holds; the whole name is shown when one points at it."""


def draw(result: Replay) -> str:
    """The page, whole: it needs nothing beside it."""
    title = headline(result)
    return page(
        title,
        element("p", "Replay of a stored history, as a schedule would have lived it", class_="over"),
        element("h1", title),
        element("p", _what(result), class_="faint"),
        _tiles(result.present),
        *(element("p", note, class_="faint") for note in result.notes),
        section("What happened, and what would have been told", _timeline(result)),
        section("Failure by failure", _outcomes(result)),
        section("False alerts and alarm load", *_false(result.present)),
        section("What if: other return periods, other on-delays", *_grid(result)),
        section("How this was counted", _how(result)),
    )


def _what(result: Replay) -> str:
    edges = result.history.start_us, result.history.end_us
    start, end = (_day(us) if edges[1] - edges[0] > 3 * DAY else moment(iso(us)) for us in edges)
    policy = policy_words(result.present.terms)
    return f"{counted(len(result.watched), 'asset')}, {start} to {end} UTC, model {result.history.model_id}. {policy}"


def _tiles(trial: Trial) -> Html:
    failures, lead_us = trial.failures, trial.median_lead_us
    ahead = "–" if lead_us is None else span(lead_us / SECOND)
    false = trial.judged
    promised = f"false alerts, {expected(false.expected_false)} promised" if false.expected_false else "false alerts"
    tiles = [
        (f"{trial.warned} of {len(failures)}" if failures else "–", f"failures warned{_anomalies(trial)}"),
        (ahead, "ahead of the failure, in the middle" if trial.warned > 1 else "ahead of the failure"),
        (f"{len(false.false):,}", f"{promised} in {figure(trial.years)} asset-years"),
        (percent(trial.alarm_share), f"of the time in alarm; {figure(trial.alerts_per_month)} alerts per asset-month"),
    ]
    return element(
        "div",
        *(element("div", element("b", big), element("span", small), class_="tile") for big, small in tiles),
        class_="tiles",
    )


def _anomalies(trial: Trial) -> str:
    found = sum(o.alert is not None for o in trial.anomalies)
    return f"; {found} of {len(trial.anomalies)} other events found" if trial.anomalies else ""


# ---------------------------------------------------------------- the timeline


def _timeline(result: Replay) -> Html:
    """One row per asset that has an event or an alert, those with a failure first, under one scale of time."""
    shown = _assets_to_show(result)
    if not shown:
        return element("p", "No event was noted and no alert was raised.")
    rest = len(result.watched) - len(shown)
    more = f"{counted(rest, 'more asset')} with less to show or nothing, not drawn." if rest else ""
    rows = [_asset_row(result, asset) for asset in shown]
    return together(_legend(), _scale(result), *rows, element("p", more, class_="faint") if more else "")


def _assets_to_show(result: Replay) -> list[str]:
    """Assets with failures first, then those with other events, then those with most alerts."""
    outcomes, alerts = result.present.judged.outcomes, result.present.raised
    failed = {o.event.asset for o in outcomes if failed_at(o.event) is not None}
    wanted = {o.event.asset for o in outcomes}
    count: dict[str, int] = {}
    for alert in alerts:
        count[alert.asset] = count.get(alert.asset, 0) + 1
    known = [asset for asset in result.watched if asset in wanted or asset in count]
    known.sort(key=lambda asset: (asset not in failed, asset not in wanted, -count.get(asset, 0), asset))
    return known[:AT_MOST]


def _x(result: Replay, us: float) -> float:
    """Where a time stands [px], held within the timeline."""
    start, end = result.history.start_us, result.history.end_us
    return LABEL + (WIDTH - LABEL) * min(max((us - start) / (end - start), 0.0), 1.0)


def _scale(result: Replay) -> Html:
    marks = [
        together(
            element("line", x1=_x(result, us), x2=_x(result, us), y1=16, y2=20, stroke="var(--line)"),
            element("text", words, x=_x(result, us), y=12, class_="faint", text_anchor="middle"),
        )
        for us, words in _ticks(result.history.start_us, result.history.end_us)
    ]
    return element("svg", *marks, viewBox=f"0 0 {WIDTH:.0f} 20", role="presentation")


def _ticks(start_us: int, end_us: int) -> Iterator[tuple[int, str]]:
    """Five to ten round times in a span, well within it, and their words."""
    sizes = [SECOND * s for s in (60, 300, 900, 3600, 4 * 3600, 12 * 3600)] + [
        DAY * d for d in (1, 2, 7, 14, 30, 60, 91, 182, 365, 730, 3650)
    ]
    step = next((size for size in sizes if (end_us - start_us) / size <= 9), sizes[-1])
    margin = (end_us - start_us) // 25
    for us in range(-(-(start_us + margin) // step) * step, end_us - margin, step):
        yield us, _tick(us, step)


def _tick(us: int, step: int) -> str:
    text = moment(iso(us))
    if step < DAY:
        return text[11:] if us % DAY else _day(us)
    return _day(us)


def _day(us: int) -> str:
    """``23 Feb 2026``."""
    when = datetime.fromtimestamp(us / 1e6, UTC)
    return f"{when.day} {when:%b %Y}"


def _asset_row(result: Replay, asset: str) -> Html:
    """An asset's events as bands, its alerts as bars, its failures as marks."""
    events = [e for e in result.history.events if e.asset == asset]
    alerts = [a for a in result.present.raised if a.asset == asset]
    false = set(result.present.judged.false)
    short = clean(asset)
    label = element(
        "text",
        element("title", asset),
        short if len(short) <= NAME_LENGTH else f"{short[: NAME_LENGTH - 1]}…",
        x=LABEL - 10,
        y=ROW / 2 + 4,
        text_anchor="end",
    )
    ground = element("rect", x=LABEL, y=ROW / 2 - BAR / 2, width=WIDTH - LABEL, height=BAR, fill="var(--wash)")
    inside = [e for e in events if e.end_us > result.history.start_us and e.start_us < result.history.end_us]
    return element(
        "svg", label, ground,
        *(_band(result, e) for e in inside),
        *(_bar(result, a, hollow=a in false) for a in alerts),
        *(_failure(result, e) for e in inside),
        viewBox=f"0 0 {WIDTH:.0f} {ROW:.0f}", role="img", aria_label=f"{asset}: events and alerts",
    )  # fmt: skip


BANDS = {"failure": "var(--failure)", "anomaly": "var(--anomaly)", **dict.fromkeys(EXCUSED, "var(--quiet)")}
"""The colours of events; other kinds are not drawn."""


def _band(result: Replay, event: Event) -> Html:
    if event.kind not in BANDS:
        return Html("")
    x = _x(result, event.start_us)
    width = max(_x(result, event.end_us) - x, 1.5)
    words = f"{event.kind}, {moment(iso(event.start_us))} to {moment(iso(event.end_us))} UTC"
    return element(
        "rect", element("title", f"{words}: {event.note}" if event.note else words),
        x=x, y=ROW / 2 - BAR / 2 - 5, width=width, height=BAR + 10, fill=BANDS[event.kind], fill_opacity=0.22,
    )  # fmt: skip


def _bar(result: Replay, alert: Raised, *, hollow: bool) -> Html:
    end_us = result.history.end_us if alert.cleared_us is None else alert.cleared_us
    x, colour = _x(result, alert.raised_us), f"var(--{alert.severity})"
    width = max(_x(result, end_us) - x, 5.0 if hollow else 2.5)
    words = f"{'false ' if hollow else ''}{alert.severity}, told {moment(iso(alert.raised_us))} UTC"
    return element(
        "rect", element("title", words),
        x=x, y=ROW / 2 - BAR / 2 + 1, width=width, height=BAR - 2, stroke=colour,
        stroke_width=1.2, fill="var(--paper)" if hollow else colour,
    )  # fmt: skip


def _failure(result: Replay, event: Event) -> Html:
    """A mark where the machine failed, if it did and in what was watched."""
    failed_us = failed_at(event)
    if failed_us is None or not result.history.start_us <= failed_us <= result.history.end_us:
        return Html("")
    x, low, high = _x(result, failed_us), 2.0, ROW - 2
    title = element("title", f"failed, {moment(iso(failed_us))} UTC")
    line = element("line", x1=x, x2=x, y1=low, y2=high, stroke="var(--failure)", stroke_width=2.2)
    head = element(
        "path", d=f"M{x - 5:.1f} {low:.1f} L{x + 5:.1f} {low:.1f} L{x:.1f} {low + 8:.1f} Z", fill="var(--failure)"
    )
    return element("g", title, line, head)


def _legend() -> Html:
    """What the colours mean."""
    entries = [
        ("advisory", "var(--advisory)", 1.0), ("warning", "var(--warning)", 1.0), ("critical", "var(--critical)", 1.0),
        ("false alert", "", 0.0), ("failure, from its first sign", "var(--failure)", 0.25),
        ("anomaly", "var(--anomaly)", 0.25), ("maintenance and the like", "var(--quiet)", 0.25),
    ]  # fmt: skip
    drawn, x = [], LABEL
    for words, colour, opacity in entries:
        fill = {"fill": colour, "fill_opacity": opacity} if colour else {"fill": "none", "stroke": "var(--warning)"}
        drawn.append(element("rect", x=x, y=4, width=14, height=10, **fill))
        drawn.append(element("text", words, x=x + 19, y=13, class_="faint"))
        x += 34 + 6.0 * len(words)
    return element("svg", *drawn, viewBox=f"0 0 {WIDTH:.0f} 26", role="presentation")


# ---------------------------------------------------------------- events and false alerts


def _outcomes(result: Replay) -> Html:
    """Every failure, then every other event that should have been told: by what and how early, and in which words."""
    now = result.present
    events = [*now.failures, *now.anomalies]
    shown = events[:AT_MOST]
    columns = ("asset", "what", "failed (UTC)", "told (UTC)", "warning", "severity then", "led by")
    none = "No failure or anomaly lies in what was watched, so nothing can be said of warning time."
    drawn = table(columns, [_outcome_row(result, outcome) for outcome in shown], ("warning",), none)
    words = [element("li", result.told[o.alert].reason) for o in shown if o.alert]
    told = [element("p", "What was told at that time:"), element("ul", *words, class_="faint")] if words else []
    more = len(events) - len(shown)
    return together(drawn, element("p", f"… and {more:,} more.", class_="faint") if more else "", *told)


def _outcome_row(result: Replay, outcome: Outcome) -> list[str | Html]:
    event, failed_us = outcome.event, failed_at(outcome.event)
    failed = _whole(moment(iso(failed_us))) if failed_us is not None else "–"
    if outcome.alert is None:
        return [event.asset, event.kind, failed, "–", _warning(outcome), "–", "–"]
    alert = result.told[outcome.alert]
    led = alert.sensors[0].sensor if alert.sensors else "–"
    severity = element("span", alert.severity, class_=alert.severity)
    told = _whole(moment(iso(outcome.alert.raised_us)))
    return [event.asset, event.kind, failed, told, _warning(outcome), severity, led]


def _whole(text: str) -> Html:
    """Words that stay on one line."""
    return element("span", text, class_="whole")


def _warning(outcome: Outcome) -> Html:
    good = outcome_word(outcome) in ("warned", "found")
    return element("span", warning_words(outcome), class_="good" if good else "bad")


def _false(trial: Trial) -> list[Html]:
    rows = [
        (a.asset, element("span", a.severity, class_=a.severity), moment(iso(a.raised_us)), _lasted(a))
        for a in sorted(trial.judged.false, key=lambda a: a.raised_us)[:AT_MOST]
    ]
    more = len(trial.judged.false) - len(rows)
    excused = len(trial.judged.excused)
    words = [
        false_words(trial),
        load_words(trial),
        f"Counted neither way: {counted(excused, 'alert')} during maintenance or alike." if excused else "",
    ]
    listed = [table(("asset", "severity", "told (UTC)", "lasted"), rows, ("lasted",))] if rows else []
    rest = [element("p", f"… and {more:,} more.", class_="faint")] if more else []
    return [*(element("p", text) for text in words if text), *listed, *rest]


def _lasted(alert: Raised) -> str:
    return "standing" if alert.cleared_us is None else span((alert.cleared_us - alert.raised_us) / SECOND)


# ---------------------------------------------------------------- the grid


def _grid(result: Replay) -> list[Html]:
    sentences = element("ul", *(element("li", text) for text in trade_words(result)))
    if not result.grid:
        return [sentences]
    most = max((trial.false_per_year or 0.0 for row in result.grid for trial in row), default=0.0)
    columns = ("return period", "promised", *(on_delay_words(trial.terms) for trial in result.grid[0]))
    head = element("tr", *(element("th", name) for name in columns))
    rows = [_grid_row(result, row, most) for row in result.grid]
    drawn = element("table", element("thead", head), element("tbody", *rows))
    what = "failures warned" if result.present.failures else "events found"
    key = (
        f"In each cell {what} and the warning time in the middle; below it false alerts per asset-year, to be compared "
        "with those promised: the darker, the more. The framed cell is the present policy."
    )
    return [element("p", key, class_="faint"), element("div", drawn, class_="wide"), sentences]


def _grid_row(result: Replay, row: Sequence[Trial], most: float) -> Html:
    once_s = row[0].terms.return_period_us / SECOND
    far = beyond_record(result.history.normal_s, once_s)
    name = together(_whole(span(once_s)), element("div", "beyond record", class_="faint whole") if far else "")
    promised = _whole(f"{figure(row[0].promised_per_year or 0.0)} a year")
    cells = [_cell(trial, most, now=trial is result.present) for trial in row]
    return element("tr", element("td", name), element("td", promised), *cells)


def _cell(trial: Trial, most: float, *, now: bool) -> Html:
    """One policy: what it would have told, and a shade for its false alerts."""
    (found, total), rate, lead_us = trial.told_of, trial.false_per_year, trial.median_lead_us
    top = element("b", f"{found} of {total}" if total else "", class_="bad" if found < total else "")
    ahead = f" · {span(lead_us / SECOND)}" if lead_us is not None else ""
    low = "" if rate is None else f"{figure(rate)} false a year"
    shade = 0.55 * (rate or 0.0) / most if most else 0.0
    frame = " outline: 2px solid var(--ink); outline-offset: -2px;" if now else ""
    present = element("div", "present", class_="over") if now else ""
    style = f"background: rgba(var(--heat), {shade:.2f});{frame}"
    return element("td", present, top, ahead, element("div", low), class_="whole", style=style)


def _how(result: Replay) -> Html:
    words = [
        "No score and no alert looks ahead: each alert is told as it stood at that time, by what was known then.",
        "Warning time runs from the moment an alert had come to the severity that is counted to the failure, never "
        "from an earlier onset; an alert that stood before the event began is counted from the event's beginning.",
        "False are alerts that touch no failure or anomaly and were not raised in maintenance, a calibration or alike. "
        "They are counted on scored time outside the events.",
        "Promised is that time divided by the return period; an on-delay only lowers what comes.",
        "Beyond record: such a return period is extrapolated from less than a third as much normal time.",
        "It advises. It is no machine protection and must never be wired to a trip.",
    ]
    return element("ul", *(element("li", text) for text in words), class_="faint")
