"""An alert in a sentence, in the language of the reader: which sensor, how far from what was expected, since when, how
rare, and what it comes to.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from anomaly_lstm.actions import ACKNOWLEDGE, CLOSE, OUT_OF_SERVICE, SHELVE, SUPPRESS, VERDICT, Action
from anomaly_lstm.clock import parse_time
from anomaly_lstm.pages.texts import Tongue
from anomaly_lstm.policy import Bound
from anomaly_lstm.words import clean

FOLLOWS = 0.15
"""The share of the evidence from which on a sensor is said to follow."""


def sentence(alert: Mapping[str, Any], bounds: Mapping[str, Bound], tongue: Tongue) -> str:
    """``bearing_temp 61.2 °C, 6.1 °C above expected (vibration too) since 4 March 2026 02:10; …``."""
    parts = [*_beyond(alert, bounds, tongue), _what(alert, tongue)]
    rarity_s = alert["peak"]["return_period_s"]
    if rarity_s is not None:
        parts.append(tongue.say("in normal operation this comes about once in {time}", time=tongue.rarity(rarity_s)))
    return "; ".join(parts) + "."


def _beyond(alert: Mapping[str, Any], bounds: Mapping[str, Bound], tongue: Tongue) -> Iterator[str]:
    """Which sensors were beyond their bounds when the alert was at its strangest."""
    for one in alert["sensors"]:
        bound, value = bounds.get(one["sensor"]), one["value"]
        if bound is None or value is None:
            continue
        for edge, outside in ((bound.high, bound.high is not None and value > bound.high),
                              (bound.low, bound.low is not None and value < bound.low)):  # fmt: skip
            if outside:
                level = with_unit(tongue.figure(edge), one["unit"])
                yield tongue.say("{sensor} beyond its bound of {level}", sensor=one["sensor"], level=level)


def _what(alert: Mapping[str, Any], tongue: Tongue) -> str:
    since = tongue.moment(parse_time(alert["onset"]))
    if alert["kind"] == "no_data":
        return tongue.say("no data since {since}", since=since)
    if not alert["sensors"]:
        return tongue.say("unusual behaviour since {since}", since=since)
    first = alert["sensors"][0]
    name = first["sensor"]
    if alert["kind"] == "sensor_bad":
        return tongue.say("{sensor} without values since {since}", sensor=name, since=since)
    follows = [one["sensor"] for one in alert["sensors"][1:3] if one["share"] >= FOLLOWS]
    too = f" {tongue.say('and')} ".join(follows)
    also = tongue.say(" ({sensors} too)", sensors=too) if follows else ""
    if first["value"] is None or first["expected"] is None:
        return tongue.say("{sensor} is unusual", sensor=name) + also + tongue.say(" since {since}", since=since)
    gap = with_unit(tongue.figure(abs(first["value"] - first["expected"])), first["unit"])
    value = with_unit(tongue.figure(first["value"]), first["unit"])
    above = first["direction"] == "above"
    side = "{sensor} {value}, {gap} above expected" if above else "{sensor} {value}, {gap} below expected"
    return tongue.say(side, sensor=name, value=value, gap=gap) + also + tongue.say(" since {since}", since=since)


def reach_sentence(reach: Mapping[str, Any], tongue: Tongue) -> str:
    """``bearing_temp 85 °C in about 31 h (18 h to 60 h) if load and trend stay.``, or that nobody can say."""
    if reach["sensor"]:
        what = f"{reach['sensor']} {with_unit(tongue.figure(reach['level']), reach['unit'])}"
    else:
        what = tongue.say(f"the limit of {reach['severity']}")
    if reach["state"] == "estimate":
        low, middle, high = (tongue.span(reach[name]) for name in ("p10_s", "p50_s", "p90_s"))
        return tongue.say(
            "{what} in about {middle} ({low} to {high}) if load and trend stay.",
            what=what, low=low, middle=middle, high=high,
        )  # fmt: skip
    if reach["state"] == "cannot_say":
        why = tongue.say(reach["reason"])
        if not reach["sensor"]:
            return tongue.say("When it reaches {what}, nobody can say ({why}).", what=what, why=why)
        level = with_unit(tongue.figure(reach["level"]), reach["unit"])
        text = "When {sensor} reaches {level}, nobody can say ({why})."
        return tongue.say(text, sensor=reach["sensor"], level=level, why=why)
    if reach["state"] == "beyond_range":
        return tongue.say("{what}: not in the time that its trend can tell of.", what=what)
    return tongue.say("{what}: too few rows since the onset to say when.", what=what)


def case_words(alert: Mapping[str, Any], tongue: Tongue, acts: Sequence[Action] = ()) -> str:
    """What people made of an alert, by whom, when and why, as far as their ``acts`` tell; nothing where there is
    nothing to say.
    """
    said = list(_case(alert, tongue, acts))
    words = "; ".join(said)
    return f"{words[:1].upper()}{words[1:]}." if words else ""


def _case(alert: Mapping[str, Any], tongue: Tongue, acts: Sequence[Action]) -> Iterator[str]:
    say = tongue.say
    closed = _act(alert, CLOSE, acts) if alert["closed"] else None
    handled = any(alert[key] for key in ("acked", "shelved_until", "suppressed", "out_of_service", "stale"))
    if alert["acked"]:
        yield say("acknowledged by {name}", name=alert["acked_by"] or "?") + _when(alert, ACKNOWLEDGE, acts, tongue)
    if alert["shelved_until"]:
        until = tongue.moment(parse_time(alert["shelved_until"]))
        yield say("shelved until {time}", time=until) + _whose(alert, SHELVE, acts, tongue)
    for key, do in (("suppressed", SUPPRESS), ("out_of_service", OUT_OF_SERVICE)):
        if alert[key]:
            yield say(key.replace("_", " ")) + _whose(alert, do, acts, tongue)
    if alert["stale"]:
        yield say("stale")
    if alert["verdict"]:
        words = say("verdict {verdict} by {name}", verdict=say(alert["verdict"]), name=alert["verdict_by"] or "?")
        yield words + _when(alert, VERDICT, acts, tongue)
    if alert["closed"] and (closed or alert["active"] or not alert["verdict"]):
        still = say(", though it still deviates") if alert["active"] else ""
        yield say("closed") + _whose(alert, CLOSE, acts, tongue) + still
    elif not alert["active"] and not alert["verdict"]:
        yield say("awaits a verdict")
    elif not handled and not alert["verdict"]:
        yield say("nobody has acknowledged it")
    if alert["work_order"]:
        yield say("work order {order}", order=alert["work_order"])


def _act(alert: Mapping[str, Any], do: str, acts: Sequence[Action]) -> Action | None:
    """The newest such act on an alert, or on its asset."""
    mine = [one for one in acts if one.do == do and one.asset == alert["asset"]
            and one.alert_id in (None, alert["alert_id"])]  # fmt: skip
    return max(mine, key=lambda one: one.at_us, default=None)


def _whose(alert: Mapping[str, Any], do: str, acts: Sequence[Action], tongue: Tongue) -> str:
    """Who did so, when and why; nothing where no act says so."""
    act = _act(alert, do, acts)
    return tongue.say(" by {name}", name=act.by) + _when(alert, do, acts, tongue) if act else ""


def _when(alert: Mapping[str, Any], do: str, acts: Sequence[Action], tongue: Tongue) -> str:
    act = _act(alert, do, acts)
    why = (act.why or act.note) if act else None
    return (f", {tongue.moment(act.at_us)}" if act else "") + (f" ({clean(why)})" if why else "")


def with_unit(figure: str, unit: str | None) -> str:
    return f"{figure} {unit}" if unit else figure
