"""The timeline of a replay: what happened and what was told. Plotly reads it; `panels` says how a figure is written."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from anomaly_lstm.clock import SECOND
from anomaly_lstm.evaluation import EXCUSED, Outcome, Raised, failed_at, touches
from anomaly_lstm.events import Event
from anomaly_lstm.pages.panels import MARKS, NAME_LENGTH, SHORT, Figure, clipped, text
from anomaly_lstm.pages.replay_words import warning_words
from anomaly_lstm.pages.texts import Tongue
from anomaly_lstm.replaying import Replay
from anomaly_lstm.tables import SEVERITIES

AT_MOST = 40
"""Assets that get a line of the timeline, and rows of a table; the JSON document has all of them."""

ROW = 30
"""Height of an asset in the timeline [px]."""

BANDS = (("failure", "var(--failure)"), ("anomaly", "var(--anomaly)"), ("maintenance", "var(--quiet)"))
"""The colours of events, all that excuses an alert under one; other kinds are not drawn."""


def shown_assets(result: Replay) -> list[str]:
    """Assets with failures first, then those with other events, then those with most alerts; of the others none."""
    outcomes, alerts = result.present.judged.outcomes, result.present.raised
    failed = {o.event.asset for o in outcomes if failed_at(o.event) is not None}
    wanted = {o.event.asset for o in outcomes}
    count: dict[str, int] = {}
    for alert in alerts:
        count[alert.asset] = count.get(alert.asset, 0) + 1
    known = [asset for asset in result.watched if asset in wanted or asset in count]
    known.sort(key=lambda asset: (asset not in failed, asset not in wanted, -count.get(asset, 0), asset))
    return known[:AT_MOST]


def timeline(result: Replay, assets: Sequence[str], tongue: Tongue) -> Figure:
    """A line per asset: its events as bands, its alerts as bars, its failures as marks, and how long before them it was
    warned.
    """
    rows = {asset: row for row, asset in enumerate(assets)}
    scene = _Scene(result, rows, tongue)
    data = [*_bands(scene), *_alerts(scene), *_warnings(scene), *_failures(scene)]
    axis = {
        "range": [len(assets) - 0.4, -0.75], "tickvals": list(rows.values()), "showgrid": False,
        "ticktext": [text(clipped(name, NAME_LENGTH)) for name in assets], "fixedrange": True, "zeroline": False,
    }  # fmt: skip
    start, end = scene.ms(result.history.start_us), scene.ms(result.history.end_us)
    layout = {
        "height": 60 + ROW * max(len(assets), 2), "margin": {"l": 118, "r": 14, "t": 8, "b": 42},
        "barmode": "overlay", "hovermode": "closest", "showlegend": False,
        "xaxis": {"type": "date", "range": [start, end], "gridcolor": "var(--line)", "linecolor": "var(--line)",
                  "zeroline": False},
        "yaxis": axis,
    }  # fmt: skip
    return {"data": data, "layout": layout, "short": [text(clipped(name, SHORT)) for name in assets]}


@dataclass(frozen=True)
class _Scene:
    """What a timeline shows: a replay, asset → row, and the language of its reader."""

    result: Replay
    rows: Mapping[str, int]
    tongue: Tongue

    def ms(self, us: int) -> int:
        """A time on the plant's clock, held within what was watched [ms]."""
        history = self.result.history
        return self.tongue.wall(min(max(us, history.start_us), history.end_us)) // 1000

    def told(self, us: int) -> str:
        return self.tongue.short_moment(us)

    def events(self) -> list[Event]:
        history = self.result.history
        return [
            e
            for e in history.events
            if e.asset in self.rows and e.end_us > history.start_us and e.start_us < history.end_us
        ]


def _bands(scene: _Scene) -> Iterator[Figure]:
    for kind, colour in BANDS:
        kinds = EXCUSED if kind == "maintenance" else (kind,)
        mine = [e for e in scene.events() if e.kind in kinds]
        name = {
            "failure": "failure, from its first sign",
            "maintenance": "maintenance and the like",
        }.get(kind, kind)
        words = [_event_words(scene, event) for event in mine]
        spans = [(event.start_us, event.end_us) for event in mine]
        look = {"color": colour, "opacity": 0.24, "line": {"width": 0}}
        if mine:
            yield _bars(scene, [e.asset for e in mine], spans, words, 0.86, look, scene.tongue.say(name))


def _event_words(scene: _Scene, event: Event) -> str:
    edges = f"{scene.told(event.start_us)} – {scene.told(event.end_us)}"
    note = f": {event.note}" if event.note else ""
    return text(f"{event.asset}: {scene.tongue.say(event.kind)}, {edges}{note}")


def _bars(
    scene: _Scene, assets: Sequence[str], spans: Sequence[tuple[int, int]], words: Sequence[str], width: float,
    look: Mapping[str, Any], name: str,
) -> Figure:  # fmt: skip
    """Stretches of time as bars; who points at one is told the words."""
    edges = [(scene.ms(start), scene.ms(end)) for start, end in spans]
    return {
        "type": "bar", "orientation": "h", "y": [scene.rows[asset] for asset in assets], "width": width, "name": name,
        "base": [start for start, _ in edges], "x": [end - start for start, end in edges], "marker": dict(look),
        "customdata": list(words), "hovertemplate": "%{customdata}<extra></extra>", "hoverlabel": {"align": "left"},
    }  # fmt: skip


def _alerts(scene: _Scene) -> Iterator[Figure]:
    """Of each severity the alerts as bars, with a mark where they were told that stays to be seen in a long time; false
    ones are hollow, in each stretch in which they stood.
    """
    say, judged = scene.tongue.say, scene.result.present.judged
    ids = {one.alert_id for one in judged.false}
    wanted = [outcome.event for outcome in judged.outcomes]
    false = {
        one
        for one in scene.result.present.raised
        if one.alert_id in ids and not any(event.asset == one.asset and touches(one, event) for event in wanted)
    }
    drawn = [one for one in scene.result.present.raised if one.asset in scene.rows]
    for severity in SEVERITIES:
        for hollow in (False, True):
            mine = [one for one in drawn if _severity(scene, one) == severity and (one in false) == hollow]
            if not mine:
                continue
            colour = f"var(--{severity})"
            name = say("false {severity}", severity=say(severity)) if hollow else say(severity)
            words = [_alert_words(scene, one, name) for one in mine]
            end_us = scene.result.history.end_us
            spans = [(one.raised_us, end_us if one.cleared_us is None else one.cleared_us) for one in mine]
            look = {"color": "var(--paper)" if hollow else colour, "line": {"width": 1.4, "color": colour}}
            bars = _bars(scene, [one.asset for one in mine], spans, words, 0.4, look, name)
            yield bars
            yield {
                "type": "scatter", "mode": "markers", "name": name, "x": [scene.ms(one.raised_us) for one in mine],
                "y": [scene.rows[one.asset] for one in mine], "customdata": words,
                "hovertemplate": "%{customdata}<extra></extra>",
                "marker": {"symbol": MARKS[severity] + ("-open" if hollow else ""), "size": 10, "color": colour,
                           "line": {"width": 1.8 if hollow else 0}},
            }  # fmt: skip


def _severity(scene: _Scene, alert: Raised) -> str:
    """That which it had when it was told, where a replay keeps it: of what announced an event."""
    return scene.result.told[alert].severity if alert in scene.result.told else alert.severity


def _alert_words(scene: _Scene, alert: Raised, name: str) -> str:
    say = scene.tongue.say
    lasted = say("standing") if alert.cleared_us is None else lasted_words(alert, scene.tongue)
    told = say("told {told}", told=scene.told(alert.raised_us))
    return text(f"{alert.asset}: {name}, {told}, {say('lasted {span}', span=lasted) if alert.cleared_us else lasted}")


def lasted_words(alert: Raised, tongue: Tongue) -> str:
    if alert.cleared_us is None:
        return tongue.say("standing")
    return tongue.span((alert.cleared_us - alert.raised_us) / SECOND)


def _warnings(scene: _Scene) -> Iterator[Figure]:
    """From when a failure was told to when it came."""
    warned = [o for o in scene.result.present.failures if o.lead_us and o.lead_us > 0 and o.event.asset in scene.rows]
    if not warned:
        return
    times: list[int | None] = []
    rows: list[float | None] = []
    for outcome in warned:
        raised_us, failed_us = outcome.alert.raised_us if outcome.alert else 0, failed_at(outcome.event) or 0
        times += [scene.ms(raised_us), scene.ms(failed_us), None]
        rows += [scene.rows[outcome.event.asset] - 0.46] * 2 + [None]
    words = [part for o in warned for part in (_outcome_words(scene, o), _outcome_words(scene, o), "")]
    spans = [part for o in warned for part in ("", scene.tongue.span((o.lead_us or 0) / SECOND), "")]
    yield {
        "type": "scatter", "mode": "lines+text", "name": scene.tongue.say("warned ahead"), "x": times, "y": rows,
        "line": {"color": "var(--good)", "width": 3}, "text": spans, "textposition": "middle right",
        "textfont": {"size": 11, "color": "var(--good)"}, "customdata": words, "cliponaxis": False,
        "hovertemplate": "%{customdata}<extra></extra>", "connectgaps": False,
    }  # fmt: skip


def _failures(scene: _Scene) -> Iterator[Figure]:
    history = scene.result.history
    failed = [
        (o, us)
        for o in scene.result.present.failures
        if o.event.asset in scene.rows
        and (us := failed_at(o.event)) is not None
        and history.start_us <= us <= history.end_us
    ]
    if failed:
        silent = ["" if (o.lead_us or 0) > 0 else warning_words(o, scene.tongue) for o, _ in failed]
        yield {
            "type": "scatter", "mode": "markers+text", "name": scene.tongue.say("failed"), "text": silent,
            "textposition": "middle right", "textfont": {"size": 11, "color": "var(--bad)"}, "cliponaxis": False,
            "x": [scene.ms(us) for _, us in failed], "y": [scene.rows[o.event.asset] for o, _ in failed],
            "customdata": [_outcome_words(scene, o) for o, _ in failed],
            "hovertemplate": "%{customdata}<extra></extra>",
            "marker": {"symbol": "x", "size": 12, "color": "var(--failure)",
                       "line": {"width": 1, "color": "var(--paper)"}},
        }  # fmt: skip


def _outcome_words(scene: _Scene, outcome: Outcome) -> str:
    failed_us = failed_at(outcome.event) or outcome.event.end_us
    failed = scene.tongue.say("failed {failed}", failed=scene.told(failed_us))
    return text(f"{outcome.event.asset}: {failed}, {warning_words(outcome, scene.tongue)}")


SIGNS = {"circle": "●", "circle-open": "○", "diamond": "◆", "diamond-open": "◇", "square": "■", "square-open": "□",
         "x": "✖"}  # fmt: skip
"""The marks of a timeline as letters."""


def legend(figure: Figure) -> list[tuple[str, str, str]]:
    """What a timeline shows, each with a sign and its colour: (sign, colour, words)."""
    found: dict[str, tuple[str, str, str]] = {}
    for trace in figure["data"]:
        if trace["type"] == "bar":
            sign, colour = "█", trace["marker"]["color"]
        elif "marker" in trace:
            sign, colour = SIGNS[trace["marker"]["symbol"]], trace["marker"]["color"]
        else:
            sign, colour = "━", trace["line"]["color"]
        found[trace["name"]] = (sign, colour, trace["name"])  # a bar of alerts comes before its mark, which counts
    return list(found.values())
