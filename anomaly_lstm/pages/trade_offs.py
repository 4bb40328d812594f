"""What policies are worth over what they cost, as Plotly reads it; `panels` says how a figure is written."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from anomaly_lstm.clock import SECOND
from anomaly_lstm.evaluation import HOUR_US
from anomaly_lstm.pages.panels import Figure, text
from anomaly_lstm.pages.replay_words import on_delay_words, once_s, rate
from anomaly_lstm.pages.texts import Tongue
from anomaly_lstm.replaying import Replay, Trial

LOG_FROM = 8
"""Rates that lie so many times apart are drawn on a logarithmic scale."""

LOOKS = (("var(--measured)", "circle", "solid"), ("var(--anomaly)", "square", "dash"),
         ("var(--warning)", "diamond", "dot"), ("var(--good)", "triangle-up", "dashdot"),
         ("var(--ink)", "star", "longdash"))  # fmt: skip
"""Colour, mark and line of each on-delay: none is told by its colour alone."""


@dataclass(frozen=True)
class _Scale:
    """Where rates stand: their logarithm where they lie far apart, with none at all left of the lowest."""

    logarithmic: bool
    none: float
    marks: Mapping[str, float]
    range: tuple[float, float]

    def at(self, per_year: float) -> float:
        if not self.logarithmic:
            return per_year
        return round(float(np.log10(per_year)), 4) if per_year > 0 else self.none


@dataclass(frozen=True)
class _Height:
    """What a policy is worth: its words on an axis, a unit, and how much it is of a trial, None where there is none."""

    title: str
    suffix: str
    of: Callable[[Trial], float | None]
    whole: bool = False
    """Does it count?"""


def trade_off(result: Replay, tongue: Tongue) -> Figure | None:
    """What a policy is worth over what it costs: a mark per policy, joined per on-delay; None where no healthy time was
    watched, there is no grid, or all policies come to the same.
    """
    trials = [trial for row in result.grid for trial in row]
    if not trials or trials[0].false_per_year is None:
        return None
    if len({(one.false_per_year, one.told_of, one.median_lead_us, one.alarm_us) for one in trials}) == 1:
        return None
    now = result.present
    scale = _scale([*(trial.false_per_year or 0.0 for trial in trials), now.promised_per_year or 0.0], tongue)
    heights = _heights(trials, tongue)
    shows = next(axis for axis, height in enumerate(heights) if height.of(now) is not None)
    columns = list(zip(*result.grid, strict=True))
    data = [
        trace
        for axis, height in enumerate(heights)
        for trace in (
            *(_joined(column, scale, height, place, axis, tongue) for place, column in enumerate(columns)),
            _present(now, scale, height, axis, tongue, shows=shows),
        )
    ]
    marks = {"tickvals": list(scale.marks.values()), "ticktext": list(scale.marks)} if scale.logarithmic else {}
    title = {"text": tongue.say("false alerts per asset-year"), "font": {"size": 12}, "standoff": 8}
    layout = {
        "height": 400 + 100 * (len(heights) - 1), "margin": {"l": 72, "r": 20, "t": 8, "b": 52},
        "hovermode": "closest", "showlegend": True,
        "legend": {"orientation": "h", "x": 0, "y": 1.02, "yanchor": "bottom"},
        "shapes": [_budget_line(now, scale, tongue)],
        "xaxis": {**PLAIN, "title": title, "range": list(scale.range), "anchor": "free", "position": 0, **marks},
        **_axes(heights, trials[0]),
    }  # fmt: skip
    return {"data": data, "layout": layout, "still": True}


PLAIN = {"gridcolor": "var(--line)", "linecolor": "var(--line)", "zeroline": False, "fixedrange": True}
"""What every axis of the trade-off looks like."""


def _axes(heights: Sequence[_Height], trial: Trial) -> Figure:
    """The axis of each height, the first above the others."""
    places = [[0.0, 1.0]] if len(heights) == 1 else [[0.36, 1.0], [0.0, 0.26]]
    axes = {}
    for number, (height, place) in enumerate(zip(heights, places, strict=True), 1):
        found = {"range": [-0.15 * trial.told_of[1], 1.15 * trial.told_of[1]], "dtick": _whole_step(trial.told_of[1])}
        axes[f"yaxis{number if number > 1 else ''}"] = {
            **PLAIN, "title": {"text": height.title, "font": {"size": 12}}, "ticksuffix": height.suffix,
            "domain": place, **(found if height.whole else {"rangemode": "tozero"}),
        }  # fmt: skip
    return axes


def _whole_step(most: int) -> int:
    """A round step of a count, of which it holds four at most."""
    return next((step for step in (1, 2, 5, 10, 20, 50, 100, 200, 500) if most <= 4 * step), most)


def _budget_line(now: Trial, scale: _Scale, tongue: Tongue) -> Figure:
    """What the present policy promised; its words stand where there is room for them."""
    promised = now.promised_per_year or 0.0
    at = scale.at(promised)
    right = at > sum(scale.range) / 2
    return {
        "type": "line", "x0": at, "x1": at, "yref": "paper", "y0": 0, "y1": 1, "layer": "below",
        "line": {"color": "var(--critical)", "width": 1.4, "dash": "dash"},
        "label": {"text": tongue.say("promised: {rate} a year", rate=rate(promised, tongue)), "textposition": "end",
                  "textangle": 0, "xanchor": "right" if right else "left", "yanchor": "top",
                  "font": {"size": 11, "color": "var(--critical)"}},
    }  # fmt: skip


def _scale(rates: Sequence[float], tongue: Tongue) -> _Scale:
    some = [one for one in rates if one > 0]
    most = max(some, default=1.0)
    if not some or most < LOG_FROM * min(some):
        return _Scale(False, 0.0, {}, (-0.04 * most, 1.08 * most))
    low, high = float(np.log10(min(some))), float(np.log10(most))
    steps = (1, 2, 5) if high - low < 2.5 else (1,)
    powers = range(int(np.floor(low)), int(np.ceil(high)) + 1)
    marks = {rate(step * 10.0**power, tongue): power + float(np.log10(step)) for power in powers for step in steps}
    marks = {words: round(at, 4) for words, at in marks.items() if low - 0.2 <= at <= high + 0.2}
    none = round(low - 0.5, 4)
    if len(some) == len(rates):
        return _Scale(True, none, marks, (low - 0.2, high + 0.2))
    return _Scale(True, none, {"0": none, **marks}, (none - 0.15, high + 0.2))


def _heights(trials: Sequence[Trial], tongue: Tongue) -> list[_Height]:
    """Hours of warning where a failure was warned of, and how many events were told; without events the time in alarm.

    The hours are those of the failures that were warned of, so both belong together: fewer may be warned of earlier.
    """
    if not trials[0].told_of[1]:
        return [_Height(tongue.say("time in alarm"), " %", lambda trial: round(100 * trial.alarm_share, 4))]
    what = tongue.say("failures warned" if trials[0].failures else "events found")
    found = _Height(what, "", lambda trial: float(trial.told_of[0]), whole=True)
    if not any(trial.leads_us for trial in trials):
        return [found]
    hours = tongue.say("warning time in the middle [h]")
    return [_Height(hours, "", _hours), found]


def _hours(trial: Trial) -> float | None:
    return None if trial.median_lead_us is None else round(trial.median_lead_us / HOUR_US, 2)


def _joined(trials: Sequence[Trial], scale: _Scale, height: _Height, place: int, axis: int, tongue: Tongue) -> Figure:
    """The policies of one on-delay."""
    colour, symbol, dash = LOOKS[place % len(LOOKS)]
    at = [(scale.at(trial.false_per_year or 0.0), height.of(trial)) for trial in trials]
    return {
        "type": "scatter", "mode": "lines+markers+text" if place == axis == 0 else "lines+markers",
        "name": on_delay_words(trials[0].terms, tongue), "legendgroup": str(place), "showlegend": axis == 0,
        "yaxis": f"y{axis + 1}" if axis else "y",
        "x": [x for x, _ in at], "y": [y for _, y in at],
        "text": _names(at, [tongue.span(once_s(trial)) for trial in trials]), "textposition": "bottom center",
        "textfont": {"size": 10, "color": "var(--faint)"}, "cliponaxis": False,
        "line": {"color": colour, "width": 1.4, "dash": dash},
        "marker": {"symbol": symbol, "size": 9, "color": colour},
        "customdata": [trial_words(trial, tongue) for trial in trials],
        "hovertemplate": "%{customdata}<extra></extra>", "hoverlabel": {"align": "left"},
    }  # fmt: skip


def _names(at: Sequence[tuple[float, float | None]], names: Sequence[str]) -> list[str]:
    """A name for each mark; marks in one place that follow each other share one: ``7 days – 30 days``."""
    out = []
    for place, name in enumerate(names):
        first = place
        while first and at[first - 1] == at[place]:
            first -= 1
        is_last = place + 1 == len(names) or at[place + 1] != at[place]
        out.append((name if first == place else f"{names[first]} – {name}") if is_last else "")
    return out


def _present(now: Trial, scale: _Scale, height: _Height, axis: int, tongue: Tongue, *, shows: int) -> Figure:
    """A ring around the present policy; the axis that ``shows`` it has the interval in which its rate may lie."""
    at = scale.at(now.false_per_year or 0.0)
    low, high = now.false_per_year_95 or (0.0, 0.0)
    interval = {
        "type": "data", "symmetric": False, "array": [round(scale.at(high) - at, 4)],
        "arrayminus": [round(max(at - scale.at(low), 0.0), 4)], "color": "var(--ink)", "thickness": 1.2, "width": 5,
    }  # fmt: skip
    return {
        "type": "scatter", "mode": "markers", "name": tongue.say("present policy, 95 % interval"), "x": [at],
        "y": [height.of(now)], "cliponaxis": False, "yaxis": f"y{axis + 1}" if axis else "y",
        "legendgroup": "present", "showlegend": axis == 0,
        "marker": {"symbol": "circle-open", "size": 18, "color": "var(--ink)", "line": {"width": 2.2}},
        "customdata": [trial_words(now, tongue)], "hovertemplate": "%{customdata}<extra></extra>",
        "hoverlabel": {"align": "left"}, **({"error_x": interval} if axis == shows else {}),
    }  # fmt: skip


def trial_words(trial: Trial, tongue: Tongue) -> str:
    """A policy and what it would have told, a fact a line."""
    say = tongue.say
    once = say("once in {span}", span=tongue.span(once_s(trial)))
    lines = [f"{once}, {on_delay_words(trial.terms, tongue)}"]
    found, total = trial.told_of
    if total:
        what = "{found} of {all} failures warned" if trial.failures else "{found} of {all} other events found"
        lines.append(say(what, found=str(found), all=str(total)))
    if trial.median_lead_us is not None:
        lines.append(say("{span} ahead of the failure, in the middle", span=tongue.span(trial.median_lead_us / SECOND)))
    per_year, interval = trial.false_per_year, trial.false_per_year_95
    if per_year is not None and interval is not None:
        lines.append(
            say(
                "{rate} false alerts per asset-year (95 % interval {low} to {high})",
                rate=rate(per_year, tongue), low=rate(interval[0], tongue), high=rate(interval[1], tongue),
            )
        )  # fmt: skip
    lines.append(say("promised: {rate} a year", rate=rate(trial.promised_per_year or 0.0, tongue)))
    return "<br>".join(map(text, lines))
