"""What the page of a fleet says of an asset in words, the same in the page, the table and the document."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any

from anomaly_lstm.clock import parse_time
from anomaly_lstm.pages import fleet as facts
from anomaly_lstm.pages.fleet import Changed, Fleet, Shown, Unwatched, counts
from anomaly_lstm.pages.report import Alert
from anomaly_lstm.pages.sentences import case_words, sentence, with_unit
from anomaly_lstm.pages.texts import Tongue
from anomaly_lstm.pages.worsening import CROSSED, DEVIATION, LEFT, Worse
from anomaly_lstm.tables import State
from anomaly_lstm.words import clean

STATUS = {"closed": "closed, still deviating"}
"""What a status is called, where it is not by its own name."""

NAMED = 3
"""So many assets are named in the headline."""


def own(tongue: Tongue, shown: Shown) -> Tongue:
    """The language, on the clock of an asset."""
    return replace(tongue, zone=shown.zone)


def zone_of(fleet: Fleet, tongue: Tongue) -> str:
    """The zone of all times, where assets share the plant's; empty where each has to be told."""
    return tongue.zone_name if all(own(tongue, one).zone_name == tongue.zone_name for one in fleet.assets) else ""


def headline(fleet: Fleet, tongue: Tongue) -> str:
    """How many assets need a look, and which; what stands although none does."""
    say, of = tongue.say, counts(fleet)
    count = tongue.counted(of["assets"], "asset", "assets")
    if not of["assets"]:
        return say("No asset is watched yet")
    if of["need_look"]:
        names = [clean(one.name) for one in fleet.assets if one.needs_look]
        told = names[:NAMED]
        if len(names) > NAMED:
            told = [*told, say("{count} more", count=tongue.number(f"{len(names) - NAMED:,}"))]
        text = "1 of {all} needs a look: {names}" if len(names) == 1 else "{count} of {all} need a look: {names}"
        return say(text, count=tongue.number(f"{len(names):,}"), all=count, names=joined(told, tongue))
    if of["alerts"]:
        return say("Nothing new to look at: what stands is acknowledged or put aside ({all})", all=count)
    if of["not_watched"] == of["assets"]:
        return say("None of {all} is watched", all=count)
    return say("No alert stands on {all}", all=count)


def joined(names: Sequence[str], tongue: Tongue) -> str:
    """``a, b and c``."""
    if len(names) < 2:
        return "".join(names)
    return f"{', '.join(names[:-1])} {tongue.say('and')} {names[-1]}"


def asset_words(shown: Shown, tongue: Tongue) -> str:
    """What the table of assets says of an asset: what a failure costs and whose it is; empty where it says neither."""
    known = [(name, getattr(shown.asset, name)) for name in ("criticality", "owner")]
    said = "; ".join(f"{tongue.say(name)}: {clean(value)}" for name, value in known if value)
    return f"{said[:1].upper()}{said[1:]}." if said else ""


def alert_words(shown: Shown, alert: Alert, tongue: Tongue) -> str:
    """The sentence of an alert, on the clock of its asset."""
    return sentence(alert, shown.bounds, own(tongue, shown))


def worse_words(one: Changed, tongue: Tongue) -> str:
    """What of an alert got worse, then → now; empty where nothing did."""
    said = []
    if one.was:
        now = facts.severity_of(one.alert)
        said.append(tongue.say("severity {then} → {now}", then=tongue.say(one.was), now=tongue.say(now)))
    said += [_grew(grown, tongue) for grown in one.worse]
    return tongue.say("Since then: {changes}.", changes="; ".join(said)) if said else ""


def _grew(one: Worse, tongue: Tongue) -> str:
    """``bearing_temp 4.9 → 9.1 °C above expected``."""
    if one.what in (DEVIATION, CROSSED):
        told = with_unit(f"{tongue.figure(one.then)} → {tongue.figure(one.now)}", one.unit)
        if one.what == CROSSED:
            level = with_unit(tongue.figure(one.level), one.unit)
            return tongue.say("{sensor} {told}, beyond its bound of {level}",
                              sensor=one.sensor or "", told=told, level=level)  # fmt: skip
        text = "{sensor} {told} above expected" if one.side == "above" else "{sensor} {told} below expected"
        return tongue.say(text, sensor=one.sensor or "", told=told)
    if one.what == LEFT:
        what = f"{one.sensor} {with_unit(tongue.figure(one.level), one.unit)}"
        return tongue.say("{what} in {then} → {now}", what=what, then=tongue.span(one.then), now=tongue.span(one.now))
    return tongue.say("once in {then} → {now}", then=tongue.rarity(one.then), now=tongue.rarity(one.now))


def status_words(shown: Shown, tongue: Tongue) -> str:
    """What stands, else why nobody watches, else what was closed and still deviates, else what it comes to, or that it
    does not run; empty where it is quiet.
    """
    first = shown.first
    if first is not None:
        return alert_words(shown, first, tongue)
    if not shown.is_watched:
        return "; ".join(unwatched_words(shown, one, tongue) for one in shown.unwatched) + "."
    if shown.closed:
        mine = own(tongue, shown)
        return " ".join(
            f"{case_words(one, mine, shown.acts)} {alert_words(shown, one, tongue)}" for one in shown.closed
        )
    if shown.rising:
        return rising_words(shown, shown.rising[0], tongue)
    return tongue.say("not running") if shown.state == State.OUT_OF_STATE.name else ""


def rising_words(shown: Shown, sign: Mapping[str, Any], tongue: Tongue) -> str:
    """What a sensor that rises without an alert comes to."""
    level = with_unit(tongue.figure(sign["level"]), sign["unit"])
    since = own(tongue, shown).moment(parse_time(sign["onset"]))
    return tongue.say(
        "no alert yet; {sensor} moves towards its bound of {level} since {since}.",
        sensor=sign["sensor"], level=level, since=since,
    )  # fmt: skip


def unwatched_words(shown: Shown, one: Unwatched, tongue: Tongue) -> str:
    """Why an asset is not watched, with what is known of it."""
    mine = own(tongue, shown)
    since = mine.moment(one.since_us) if one.since_us is not None else ""
    if one.why in PUT_ASIDE:
        until = mine.say(" until {until}", until=mine.moment(one.until_us)) if one.until_us is not None else ""
        by = mine.say(" by {name}", name=one.by) if one.by else ""
        about = mine.say(" (what {sensors} leads)", sensors=joined(list(one.sensors), mine)) if one.sensors else ""
        return mine.say(PUT_ASIDE[one.why]) + about + until + by + (f": {clean(one.told)}" if one.told else "")
    if one.why == facts.FAILED:
        return mine.say("the last run failed on it: {message}", message=one.told.rstrip("."))
    if one.why == facts.SILENT:
        return mine.say("no data since {since}", since=since)
    return mine.say(WHYS[one.why])


PUT_ASIDE = {facts.OUT_OF_SERVICE: "out of service", facts.SUPPRESSED: "suppressed", facts.SHELVED: "shelved"}

WHYS = {
    facts.DISABLED: "switched off in the table of assets",
    facts.NEVER: "no row of it ever came",
    facts.EMPTY: "rows came, but no sensor had a value in them",
    facts.OFF: "its running condition was never fulfilled",
    facts.WARM_UP: "too few rows so far to say anything",
    facts.SENSORS: "too few of its sensors were ever measured",
    facts.UNSCORED: "none of its rows has a score",
}


def left_words(shown: Shown, tongue: Tongue) -> tuple[str, str]:
    """How long until its first bound: the middle and the interval; empty where nobody knows of one."""
    reach = shown.reach
    if reach is None:
        return "", ""
    low, high = (tongue.span(float(reach[edge])) for edge in ("p10_s", "p90_s"))
    return tongue.span(float(reach["p50_s"])), tongue.say("{low} to {high}", low=low, high=high)


def since_us(shown: Shown) -> int | None:
    """Since when it is as it is, where that is known [µs UTC]: the onset of what stands, or of what rises, else since
    when nobody watches.
    """
    first = shown.first
    if first is not None:
        return parse_time(first["onset"])
    known = [one.since_us for one in shown.unwatched if not one.sensors and one.since_us is not None]
    if known:
        return min(known)
    return parse_time(shown.rising[0]["onset"]) if shown.rising and shown.is_watched else None


def dead_words(fleet: Fleet, tongue: Tongue) -> Iterator[tuple[Shown, str]]:
    """The sensors without values, one sentence an asset."""
    for shown in fleet.assets:
        if not shown.dead:
            continue
        said = []
        for one in shown.dead:
            mine = own(tongue, shown)
            if one.at_least:
                since = mine.day(one.since_us)
                said.append(mine.say("{sensor} without values since {since} at least", sensor=one.sensor, since=since))
            else:
                since = mine.moment(one.since_us)
                said.append(mine.say("{sensor} without values since {since}", sensor=one.sensor, since=since))
        yield shown, "; ".join(said) + "."
