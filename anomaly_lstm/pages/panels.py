"""The pictures of an asset's page, as the plotting library (Plotly) reads them.

A figure is plain values. Colours are names of the page's style (``var(--ink)``), so that they follow a light or dark
screen; ``{"$t": […]}`` are times in periods from the page's first, ``panels.js`` makes both into what the library
wants. Names from data stand as text: `text` writes out what the library would read as markup.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from html import escape
from typing import Any

import numpy as np
from numpy.typing import NDArray

from anomaly_lstm.clock import parse_time
from anomaly_lstm.evaluation import EXCUSED
from anomaly_lstm.pages.report import Alert, AssetReport, Course, weight
from anomaly_lstm.pages.sentences import with_unit
from anomaly_lstm.pages.texts import MONTHS, WEEKDAYS, Tongue
from anomaly_lstm.tables import SEVERITIES, STATE_NAMES
from anomaly_lstm.words import clean

Float64 = NDArray[np.float64]
Int64 = NDArray[np.int64]
Figure = dict[str, Any]

MOST_ALERTS = 60
"""So many alerts are drawn at most, the weightiest; the table has all of them."""

NAME_LENGTH, SHORT = 16, 8
"""Letters of a sensor's name beside the heat map, and on a narrow screen."""

YEAR_S = 365.25 * 86_400
RARITIES = {
    "1 s": 1, "1 min": 60, "1 h": 3600, "1 day": 86_400, "30 days": 30 * 86_400, "1 year": YEAR_S,
    "10 years": 10 * YEAR_S, "1,000 years": 1000 * YEAR_S,
}  # fmt: skip
"""Where the scale of return periods has its marks [s]."""

PLACES = {"advisory": "start", "warning": "end", "critical": "start"}
"""Where along its line each severity is named: at the edges, off the curve and its onset, neighbours apart."""

STATE_LOOKS = (
    ("var(--scored)", ""),
    ("var(--advisory)", "."),
    ("var(--ink)", "x"),
    ("var(--warning)", "/"),
    ("var(--quiet)", "-"),
)
"""Colour and pattern of each of `tables.State`: no state is told by its colour alone."""

MARKS = {"advisory": "circle", "warning": "diamond", "critical": "square"}
"""The mark of each severity, so that it is not told by its colour alone."""


def locale(tongue: Tongue) -> dict[str, Any]:
    """What the library must know of a language: names of months and days, decimal marks, how times are written."""
    months, days = MONTHS[tongue.language], WEEKDAYS[tongue.language]
    return {
        "language": tongue.language,
        "separators": ".," if tongue.language == "en" else ",.",
        "format": {
            "months": months, "shortMonths": [name[:3] for name in months], "days": days,
            "shortDays": [name[:3] for name in days], "date": "%Y-%m-%d", "time": "%H:%M:%S",
            "dateTime": "%Y-%m-%d %H:%M", "periods": ["AM", "PM"], "year": "%Y", "month": "%b %Y",
            "dayMonth": "%-d %b", "dayMonthYear": "%-d %b %Y",
        },
    }  # fmt: skip


def text(name: str) -> str:
    """A name from data as the library shows it: as it stands, never as markup."""
    return escape(clean(name), quote=False)


def states(report: AssetReport, tongue: Tongue) -> Figure:
    """Which share of the rows was scored, and why the others were not."""
    rows = report.states.rows
    share = 100 * rows / np.maximum(rows.sum(axis=0), 1)
    times = _times(report, report.states.edges_us, tongue)
    traces = []
    for place, name in enumerate(STATE_NAMES):
        if not rows[place].any():
            continue
        colour, pattern = STATE_LOOKS[place]
        traces.append({
            "type": "scatter", "mode": "lines", "stackgroup": "states", "name": tongue.say(name), "x": times,
            "y": np.round([*share[place], share[place, -1]], 1).tolist(),
            "line": {"width": 0, "shape": "hv"}, "fillcolor": colour,
            "fillpattern": {"shape": pattern, "fillmode": "replace", "size": 6, "fgcolor": colour,
                            "bgcolor": "var(--paper)"},
            "hovertemplate": "%{y:.0f} %",
        })  # fmt: skip
    axis = {"range": [0, 100], "tickvals": [0, 100], "ticksuffix": " %"}
    layout = _layout(report, tongue, axis, shapes=[*_event_shapes(report, tongue, named=True)])
    return {"data": traces, "layout": {**layout, "height": 165, "showlegend": True}}


def rarity(report: AssetReport, tongue: Tongue) -> Figure:
    """The return period on a logarithmic scale, over the bands of the severities, with what became of the alerts."""
    once_s = report.rarity.return_period_s
    with np.errstate(invalid="ignore"):
        decades = np.log10(once_s)
    limits = [np.log10(limit) for limit in report.limits_s.values()]
    seen = decades[np.isfinite(decades)]
    low = float(np.log10(report.period_us / 1e6)) - 0.1
    top = max([*limits, float(seen.max()) if len(seen) else low + 1]) + 0.5
    line = {
        "type": "scatter", "mode": "lines", "x": _times(report, report.rarity.time_us, tongue), "y": _short(decades),
        "line": {"color": "var(--ink)", "width": 1.2}, "name": tongue.say("return period"), "connectgaps": False,
        "customdata": [tongue.rarity(s) if np.isfinite(s) else "" for s in once_s.tolist()],
        "hovertemplate": tongue.say("once in") + " %{customdata}<extra></extra>",
    }  # fmt: skip
    marks = {words: round(float(np.log10(s)), 4) for words, s in RARITIES.items() if low <= np.log10(s) <= top}
    words = [tongue.translated(one) for one in marks]
    axis = {"range": [low, top], "tickvals": list(marks.values()), "ticktext": words}
    bands = _severity_bands(report, top, tongue)
    layout = _layout(report, tongue, axis, shapes=[*bands, *_alert_shapes(report, tongue)])
    return {"data": [line, *_life(report, low, tongue)], "layout": {**layout, "height": 280}}


def _severity_bands(report: AssetReport, top: float, tongue: Tongue) -> Iterator[Figure]:
    on = [
        (severity, float(np.log10(report.limits_s[severity]))) for severity in SEVERITIES if severity in report.limits_s
    ]
    ends = [*(limit for _, limit in on[1:]), *([top] if on else [])]
    for (severity, begin), end in zip(on, ends, strict=True):
        yield {
            "type": "rect", "xref": "paper", "x0": 0, "x1": 1, "yref": "y", "y0": begin, "y1": end, "layer": "below",
            "fillcolor": f"var(--{severity})", "opacity": 0.16, "line": {"width": 0},
        }  # fmt: skip
        words = f"{tongue.say(severity)} ≥ {tongue.span(report.limits_s[severity])}"
        yield {
            "type": "line", "xref": "paper", "x0": 0, "x1": 1, "yref": "y", "y0": begin, "y1": begin, "layer": "below",
            "line": {"color": f"var(--{severity})", "width": 1},
            "label": {"text": words, "textposition": PLACES[severity], "yanchor": "bottom",
                      "font": {"size": 11, "color": f"var(--{severity})"}},
        }  # fmt: skip


def _life(report: AssetReport, low: float, tongue: Tongue) -> Iterator[Figure]:
    """Onset, raised and cleared of each alert as marks with words."""
    for key, what, symbol in (
        ("onset", "onset", "-open"),
        ("raised_at", "raised", ""),
        ("cleared_at", "cleared", "-open-dot"),
    ):
        shown = [one for one in _drawn(report) if one[key]]
        times = np.array([parse_time(one[key]) for one in shown], np.int64)
        if not len(times):
            continue
        yield {
            "type": "scatter", "mode": "markers", "x": _times(report, times, tongue),
            "y": [round(low + 0.22, 3)] * len(times), "name": tongue.say(what),
            "marker": {"symbol": [MARKS[one["severity"]] + symbol for one in shown], "size": 10,
                       "color": [f"var(--{one['severity']})" for one in shown], "line": {"width": 1.6}},
            "customdata": [f"{tongue.say(one['severity'])} {one['alert_id'][:4]}" for one in shown],
            "hovertemplate": "%{customdata}<extra>" + tongue.say(what) + "</extra>",
        }  # fmt: skip


def parts(report: AssetReport, tongue: Tongue) -> Figure:
    """Which sensors make up what is strange: the darker, the more."""
    made = contributions(report)
    edges = _times(report, report.parts.edges_us, tongue)
    once = [f"{tongue.say('once in')} {tongue.rarity(s)}" if np.isfinite(s) else ""
            for s in report.parts.return_period_s.tolist()]  # fmt: skip
    told = [
        [
            f"{tongue.percent(share)}, {words}" if np.isfinite(share) else ""
            for share, words in zip(row, once, strict=True)
        ]
        for row in report.parts.share.tolist()
    ]
    names = list(report.parts.sensors)
    heat = {
        "type": "heatmap", "x": edges, "y": list(range(len(names))), "z": [_short(row) for row in made],
        "customdata": told, "zmin": 0, "zmax": round(_full(report, made), 3), "showscale": False, "hoverongaps": False,
        "colorscale": [[0, "var(--paper)"], [0.2, "var(--wash)"], [1, "var(--heat-full)"]],
        "hovertemplate": "%{customdata}<extra>%{y}</extra>",
    }  # fmt: skip
    axis = {
        "tickvals": list(range(len(names))),
        "ticktext": [text(clipped(name, NAME_LENGTH)) for name in names],
        "autorange": "reversed",
        "showgrid": False,
    }
    layout = _layout(report, tongue, axis, shapes=[])
    height = 70 + 18 * max(len(names), 3)
    return {
        "data": [heat],
        "layout": {**layout, "height": height, "hovermode": "closest"},
        "short": [text(clipped(name, SHORT)) for name in names],
    }


def _full(report: AssetReport, made: Float64) -> float:
    """How much has the full colour: what a sensor alone adds at the highest limit. Where something strange is spread
    over many sensors it is what the first of them adds, but never so little that what is normal is more than half as
    strong.
    """
    alone = float(_decades(report, max(report.limits_s.values(), default=90 * 86_400)))
    with np.errstate(invalid="ignore"):
        strange = report.parts.return_period_s >= min(report.limits_s.values(), default=np.inf)
    found, calm = made[:, strange], made[:, ~strange]
    if not np.isfinite(found).any():
        return alone
    usual = float(np.nanquantile(calm, 0.99)) if np.isfinite(calm).any() else 0.0
    return min(alone, max(float(np.nanmax(found)), 2 * usual))


def contributions(report: AssetReport) -> Float64:
    """How much each sensor adds to what is strange (n_sensors, n): its share times how many powers of ten the strangest
    row was rarer than a row in each period.
    """
    return np.asarray(report.parts.share * np.maximum(_decades(report, report.parts.return_period_s), 0))


def _decades(report: AssetReport, once_s: Any) -> Any:
    with np.errstate(invalid="ignore"):
        return np.log10(np.asarray(once_s, np.float64) / (report.period_us / 1e6))


def sensor(report: AssetReport, course: Course, tongue: Tongue) -> Figure:
    """Measured against expected, with the band of normal operation, its bounds, and what it comes to."""
    times = _times(report, course.time_us, tongue)
    unit = "%{meta[0]}"
    meta = [f" {text(course.unit)}" if course.unit else ""]
    data: list[Figure] = []
    if course.expected is not None:
        data += _band(report, course, tongue)
        data.append({
            "type": "scatter", "mode": "lines", "x": times, "y": _short(course.expected), "meta": meta,
            "name": tongue.say("expected"), "line": {"color": "var(--quiet)", "width": 1.4, "dash": "dot"},
            "hovertemplate": "%{y:.4~g}" + unit,
        })  # fmt: skip
    data.append({
        "type": "scatter", "mode": "lines", "x": times, "y": _short(course.measured), "meta": meta,
        "name": tongue.say("measured"), "line": {"color": "var(--measured)", "width": 1.5},
        "hovertemplate": "%{y:.4~g}" + unit,
    })  # fmt: skip
    data += _fans(report, course, tongue)
    sides = ((course.bound.high, "top"), (course.bound.low, "bottom")) if course.bound else ()
    lines = [_bound_line(level, side, course, tongue) for level, side in sides if level is not None]
    bounds = [line["y0"] for line in lines]
    shapes = [*_alert_shapes(report, tongue), *_event_shapes(report, tongue), *lines]
    layout = _layout(report, tongue, {"ticksuffix": ""}, shapes=shapes)
    return {"data": data, "layout": {**layout, "height": 200}, "fit": True, "levels": bounds}


def _bound_line(level: float, side: str, course: Course, tongue: Tongue) -> Figure:
    """A bound, named on its inner side: where it is the edge of what is shown there is room for words there alone."""
    words = tongue.say("bound {level}", level=with_unit(tongue.figure(level), course.unit))
    return {
        "type": "line", "xref": "paper", "x0": 0, "x1": 1, "yref": "y", "y0": level, "y1": level,
        "line": {"color": "var(--critical)", "width": 1.4, "dash": "dash"},
        "label": {"text": text(words), "textposition": "start", "yanchor": side, "xanchor": "left",
                  "font": {"size": 11, "color": "var(--critical)"}},
    }  # fmt: skip


def _band(report: AssetReport, course: Course, tongue: Tongue) -> list[Figure]:
    """What normal operation lets expect, as one area per unbroken stretch."""
    if course.band is None or course.expected is None:
        return []
    low, high = course.band
    whole = np.isfinite(course.expected)
    edges = np.flatnonzero(np.diff(np.concatenate([[False], whole, [False]]).astype(np.int8)))
    places: list[Int64] = []
    values: list[Float64] = []
    for begin, end in edges.reshape(-1, 2):
        there = np.arange(begin, end)
        expected = course.expected[begin:end]
        places += [there, there[::-1], np.array([-1])]
        values += [expected + high, (expected + low)[::-1], np.array([np.nan])]
    if not places:
        return []
    at = np.concatenate(places)
    where = np.where(at < 0, course.time_us[0], course.time_us[at])
    return [{
        "type": "scatter", "mode": "lines", "x": _times(report, where, tongue), "y": _short(np.concatenate(values)),
        "fill": "toself", "fillcolor": "var(--band)", "line": {"width": 0}, "hoverinfo": "skip", "band": True,
    }]  # fmt: skip


def _fans(report: AssetReport, course: Course, tongue: Tongue) -> Iterator[Figure]:
    """When the sensor comes to its bound if load and trend stay: an interval of 80 %, and its middle."""
    for alert in report.alerts:
        now_us = parse_time(alert["updated_at"])
        for reach in alert["reaches"]:
            if not alert["active"] or reach["sensor"] != course.sensor or reach["state"] != "estimate":
                continue
            low, middle, high = (now_us + round(reach[name] * 1e6) for name in ("p10_s", "p50_s", "p90_s"))
            before = course.measured[(course.time_us <= now_us) & np.isfinite(course.measured)]
            now = float(before[-1]) if len(before) else reach["level"]
            corners = np.array([now_us, low, high, now_us], np.int64)
            level = float(reach["level"])
            yield {
                "type": "scatter", "mode": "lines", "x": _times(report, corners, tongue), "y": [now, level, level, now],
                "fill": "toself", "fillcolor": "var(--fan)", "line": {"width": 0}, "hoverinfo": "skip",
            }  # fmt: skip
            span = [tongue.span(reach[name]) for name in ("p10_s", "p90_s")]
            yield {
                "type": "scatter", "mode": "lines+markers", "y": [level] * 3,
                "x": _times(report, np.array([low, middle, high], np.int64), tongue),
                "line": {"color": "var(--critical)", "width": 4}, "name": tongue.say("comes to its bound"),
                "marker": {"symbol": ["line-ns-open", "diamond", "line-ns-open"], "size": 11},
                "customdata": [tongue.span(reach["p50_s"]) + f" ({span[0]} – {span[1]})"] * 3,
                "hovertemplate": "%{customdata}",
            }  # fmt: skip


def _alert_shapes(report: AssetReport, tongue: Tongue) -> Iterator[Figure]:
    """From when to when alerts stood, and their onsets."""
    for alert in _drawn(report):
        end_us = parse_time(alert["cleared_at"]) if alert["cleared_at"] else report.end_us
        colour = f"var(--{alert['severity']})"
        yield {
            "type": "rect", "x0": _ms(parse_time(alert["raised_at"]), tongue), "x1": _ms(end_us, tongue),
            "yref": "paper", "y0": 0, "y1": 1, "fillcolor": colour, "opacity": 0.12, "line": {"width": 0},
            "layer": "below",
        }  # fmt: skip
        onset = _ms(parse_time(alert["onset"]), tongue)
        yield {
            "type": "line", "x0": onset, "x1": onset, "yref": "paper", "y0": 0, "y1": 1, "layer": "below",
            "line": {"color": colour, "width": 1.2, "dash": "dot"},
        }  # fmt: skip


def _event_shapes(report: AssetReport, tongue: Tongue, *, named: bool = False) -> Iterator[Figure]:
    """What people told of the time: framed with its name, or as a grey ground where the rows were not to be judged."""
    for told in report.stretches[:MOST_ALERTS]:
        label = {"text": tongue.say(told.kind), "textposition": "top left", "font": {"size": 10, "color": "var(--ink)"}}
        look = {"fillcolor": "rgba(0,0,0,0)", "line": {"width": 1.2, "color": "var(--ink)"}, "label": label}
        ground = {"fillcolor": "var(--quiet)", "opacity": 0.16, "line": {"width": 0}, "layer": "below"}
        if named or told.kind in EXCUSED:
            yield {
                "type": "rect", "x0": _ms(told.start_us, tongue), "x1": _ms(told.end_us, tongue), "yref": "paper",
                "y0": 0, "y1": 1, **(look if named else ground),
            }  # fmt: skip


def _drawn(report: AssetReport) -> list[Alert]:
    kept = sorted(report.alerts, key=weight)[-MOST_ALERTS:]
    return sorted(kept, key=lambda one: str(one["raised_at"]))


def _layout(report: AssetReport, tongue: Tongue, axis: Mapping[str, Any], *, shapes: Sequence[Figure]) -> Figure:
    """What all pictures share: one scale of time, room for the marks of the other, and hover with the time."""
    start_us, end_us = report.focus_us
    header = "%{x|%Y-%m-%d %H:%M} " + text(tongue.zone_name)
    return {
        "margin": {"l": 118, "r": 14, "t": 8, "b": 42},
        "hovermode": "x unified",
        "showlegend": False,
        "legend": {"orientation": "h", "y": -0.42, "x": 0, "traceorder": "normal"},
        "xaxis": {
            "type": "date", "range": [_ms(start_us, tongue), _ms(end_us, tongue)], "gridcolor": "var(--line)",
            "linecolor": "var(--line)", "zeroline": False, "unifiedhovertitle": {"text": header},
            "hoverformat": "%Y-%m-%d %H:%M",
        },
        "yaxis": {"gridcolor": "var(--line)", "zeroline": False, "fixedrange": True, **axis},
        "shapes": list(shapes),
    }  # fmt: skip


def origin_us(report: AssetReport, tongue: Tongue) -> int:
    """From where times are counted: the page's first on the plant's clock [µs]."""
    return tongue.wall(report.start_us)


def _times(report: AssetReport, time_us: Int64, tongue: Tongue) -> dict[str, Any]:
    """Times in periods from the page's first, on the plant's clock."""
    periods = (tongue.wall_us(time_us) - origin_us(report, tongue)) / report.period_us
    return {"$t": [int(p) if p == int(p) else round(p, 3) for p in periods.tolist()]}


def _ms(us: int, tongue: Tongue) -> int:
    """A time on the plant's clock as the library wants it [ms]."""
    return tongue.wall(us) // 1000


def _short(values: Float64) -> list[float | None]:
    """Five digits, which is finer than a pixel; None where there is no number."""
    return [float(f"{v:.5g}") if v - v == 0 else None for v in np.asarray(values, np.float64).tolist()]


def clipped(name: str, most: int) -> str:
    """A name in so many letters: its begin and its end, for tags often differ there only."""
    name = clean(name)
    tail = (most - 1) // 2
    return name if len(name) <= most else f"{name[: most - 1 - tail]}…{name[-tail:]}"
