"""The life of a case: what people and the clock make of an alert, and who is told of it, each time with the reason.

A case is the open alert of an asset and kind (for ``sensor_bad``: and sensor). Its states and acts are those of OPC UA
Part 9 and ISA-18.2.

- *acknowledged*: only news is told, that is a higher severity, a clearing, missing data. A severity above the one that
  was acknowledged is unacknowledged again.
- *shelved*, by an operator, always with an end, one-shot at the latest when it clears: nothing is told, but for a
  severity above the one it was shelved at, or another leading sensor.
- *suppressed*, by design: nothing is told of what these sensors lead, whatever its severity, until it is lifted; an end
  may be given. *Out of service*, an asset in the hands of maintenance: nothing at all is told of it.
- *closed*: over, with a reason. Closed while its deviation stands it stays closed until that clears, but for a higher
  severity or another leading sensor. A case that cleared is also closed by the clock, or by the next of its kind.

**Order.** `advance` is a fold in order of time on the clock of the data. What a person does counts from the newest row
that could be known then, ``seen_us``: an acknowledgement answers what was there to see, and all that comes later, late
or old as it may be, is measured against it.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, TypeVar

from anomaly_lstm import changes
from anomaly_lstm.actions import (
    ACKNOWLEDGE,
    CLOSE,
    CONFIRM,
    HOLDS,
    LIFTS,
    MADE,
    NOTHING,
    OUT_OF_SERVICE,
    SHELVE,
    SUPPRESS,
    Action,
    action_line,
    action_of,
)
from anomaly_lstm.changes import Change, as_line
from anomaly_lstm.clock import format_duration, iso, parse_time
from anomaly_lstm.silence import Gap
from anomaly_lstm.tables import SEVERITIES
from anomaly_lstm.words import moment

DAY_US = 86_400_000_000

OVER = "it cleared, and nobody had said anything of it"
"""Why a case is closed that is no longer kept."""

_ENDED = {SHELVE: changes.UNSHELVED, SUPPRESS: changes.UNSUPPRESSED, OUT_OF_SERVICE: changes.IN_SERVICE}
_SILENCED = {SHELVE: "shelved", SUPPRESS: "suppressed", OUT_OF_SERVICE: "out of service"}


@dataclass(frozen=True)
class Rules:
    """What the clock does, from ``[alarm]`` [µs]; None = never.

    A warning or critical case that nobody acknowledged is told again every ``re_alarm_us``. A case that stands without
    a score for ``stale_after_us`` is told as stale: nobody should trust what was last seen a day ago. A case that
    cleared is closed after ``close_after_us``.
    """

    re_alarm_us: int | None = None
    stale_after_us: int | None = DAY_US
    close_after_us: int | None = 30 * DAY_US


@dataclass(frozen=True)
class Case:
    """An alert and what became of it.

    ``known``: do people believe that it stands? ``told_us`` when its timer for telling it again was set, ``changed_us``
    when rows last said something [µs UTC].
    """

    alert_id: str
    asset: str
    kind: str
    severity: str
    leading: str | None
    active: bool
    changed_us: int
    known: bool = False
    told_us: int | None = None
    stale: bool = False
    acknowledged: Action | None = None
    confirmed: Action | None = None
    closed: Action | None = None
    verdict: Action | None = None
    document: Mapping[str, Any] = field(default_factory=dict)

    @property
    def acked(self) -> bool:
        """Has a person acknowledged it at the severity it has?"""
        return self.acknowledged is not None and _rank(self.severity) <= _rank(self.acknowledged.severity)

    @property
    def touched(self) -> bool:
        """Did a person say anything that must be kept?"""
        marks = (self.acknowledged, self.confirmed, self.verdict, self.closed)
        return any(mark is not None and mark.by for mark in marks)


@dataclass(frozen=True)
class Cases:
    """All cases that are open, or that people said something of; what keeps cases from being told; the clock.

    ``holds`` are acts that shelve, suppress or take out of service; ``clock_us`` is the newest row up to which all is
    folded in; ``actions_read`` counts the actions that were given so far.
    """

    cases: Mapping[str, Case] = field(default_factory=dict)
    holds: tuple[Action, ...] = ()
    clock_us: int = 0
    actions_read: int = 0

    def to_document(self) -> dict[str, Any]:
        """As JSON, for ``state.json``."""
        return {
            "clock": iso(self.clock_us),
            "actions_read": self.actions_read,
            "holds": [action_line(act) for act in self.holds],
            "cases": [_case_document(case) for case in self.cases.values()],
        }

    @staticmethod
    def from_document(document: Mapping[str, Any] | None) -> Cases:
        """The reverse of `to_document`; no cases from None."""
        if document is None:
            return Cases()
        return Cases(
            cases={one["alert_id"]: _case(one) for one in document["cases"]},
            holds=tuple(map(action_of, document["holds"])),
            clock_us=parse_time(document["clock"]),
            actions_read=document["actions_read"],
        )


@dataclass(frozen=True)
class Told:
    """A change, whether people are told of it, and why or why not."""

    change: Change
    tell: bool
    because: str


def told_line(told: Told, known_us: int) -> dict[str, Any]:
    """A line of ``history.jsonl``; ``known_us`` is its processing time [µs UTC]."""
    line = as_line(told.change, known_us)
    alert = {key: value for key, value in line["alert"].items() if key not in NOTHING}  # people's acts are lines
    return {**line, "alert": alert, "tell": told.tell, "because": told.because}


# ---------------------------------------------------------------- the fold

_Own = TypeVar("_Own", Case, Action, Change, Gap)


def advance(
    cases: Cases,
    by_rows: Sequence[Change],
    actions: Sequence[Action],
    until_us: int,
    rules: Rules,
    gaps: Iterable[Gap] = (),
) -> tuple[Cases, list[Told]]:
    """Fold in what happened up to ``until_us``, the newest row of any asset [µs UTC].

    ``by_rows`` are changes that rows, or late rows, made; ``actions`` those that were not given before, in the order of
    their file. ``gaps`` are the stretches without a score, all of an asset each time or only new ones: what lies before
    the clock was said. One step or many give the same cases and the same `Told`, as long as a change comes in the first
    step whose ``until_us`` reaches it, and an act before the clock goes beyond what was seen.
    """
    open_, holds = _by_asset(cases.cases.values()), _by_asset(cases.holds)
    rows, acts, holes = _by_asset(by_rows), _by_asset(actions), _by_asset(gaps)
    parts: list[Cases] = []
    told: list[Told] = []
    for asset in sorted({*open_, *holds, *rows, *acts, *holes}):  # no asset knows of another
        own = replace(
            cases,
            cases={case.alert_id: case for case in open_.get(asset, [])},
            holds=tuple(holds.get(asset, [])),
        )
        own, more = _advance_one(own, until_us, rules, rows.get(asset, []), acts.get(asset, []), holes.get(asset, []))
        parts.append(own)
        told += more
    together = Cases(
        cases={key: case for part in parts for key, case in part.cases.items()},
        holds=tuple(hold for part in parts for hold in part.holds),
        clock_us=max(cases.clock_us, until_us),
        actions_read=cases.actions_read + len(actions),
    )
    return together, sorted(told, key=lambda one: one.change.at_us)


def _advance_one(
    cases: Cases, until_us: int, rules: Rules, by_rows: Sequence[Change], actions: Sequence[Action], gaps: Sequence[Gap]
) -> tuple[Cases, list[Told]]:
    """`advance` for one asset."""
    moments = [(at_us, gap) for gap in gaps for at_us in _moments(gap, rules)]
    items: list[tuple[int, int, int, Change | Action | Gap]] = []
    items += [(one.at_us, _ends(one), 0, one) for one in by_rows]
    items += [(at_us, 2, 0, gap) for at_us, gap in moments if cases.clock_us < at_us <= until_us]
    items += [(min(act.counts_us, until_us), 3, act.at_us, act) for act in actions]
    told: list[Told] = []
    for at_us, *_, item in sorted(items, key=lambda one: one[:3]):
        cases, more = _by_clock(cases, at_us, rules)
        told += more
        if isinstance(item, Change):
            cases, more = _by_rows(cases, item)
        elif isinstance(item, Gap):
            cases, more = _by_gap(cases, item, at_us)
        else:
            told.append(_noted(cases, item))
            cases, more = _by_person(cases, item, at_us)
        told += more
    cases, more = _by_clock(cases, until_us, rules)
    return cases, [*told, *more]


def _by_asset(group: Iterable[_Own]) -> dict[str, list[_Own]]:
    out: dict[str, list[_Own]] = {}
    for one in group:
        out.setdefault(one.asset, []).append(one)
    return out


def _ends(change: Change) -> int:
    """0 for a change that ends an alert, which comes before the next alert of the same row; else 1."""
    return int(change.change not in (changes.CLEARED, changes.RETRACTED))


def _moments(gap: Gap, rules: Rules) -> list[int]:
    """When what stands in a gap becomes stale, and when that is over [µs UTC]."""
    if rules.stale_after_us is None:
        return []
    stale = gap.since_us + rules.stale_after_us
    if gap.until_us is None:
        return [stale]
    return [stale, gap.until_us] if stale < gap.until_us else []


def _put(cases: Cases, *changed: Case) -> Cases:
    return replace(cases, cases={**cases.cases, **{case.alert_id: case for case in changed}})


def _telling(case: Case, change: str, at_us: int, tell: bool, because: str, act: Action | None = None) -> Told:
    """What is said of a case at a moment, by an act where there is one."""
    details = {"action_id": act.action_id} if act else {}
    own = Change(change, case.alert_id, case.asset, case.kind, case.severity, at_us, case.document, details=details)
    return Told(own, tell, because)


# ---------------------------------------------------------------- rows


def _by_rows(cases: Cases, change: Change) -> tuple[Cases, list[Told]]:
    """What a change by rows makes of its case."""
    before = cases.cases.get(change.alert_id)
    case = _after(before, change)
    if before is None and not case.active:
        return cases, [Told(change, False, "it is over, and nobody was told that it stood")]
    told: list[Told] = []
    if before is None:
        cases, told = _followed(cases, case, change.at_us)
    if case.closed and _breaks(case.closed, case, before):
        case = replace(case, closed=None)
    tell, because = _decide(cases, before, case, change)
    known = case.active if tell else case.known and case.active
    case = replace(case, known=known, told_us=change.at_us if tell else case.told_us)
    told.append(Told(change, tell, because))
    cases = _put(cases, case)
    if not case.active:
        cases, more = _end_one_shots(cases, case, change.at_us)
        told += more
    if change.change == changes.RETRACTED:
        gone = _synthetic(case, change.at_us, "late rows show that it never was")
        return _archive(cases, replace(case, closed=case.closed or gone)), told
    return (_archive(cases, case) if case.closed and not case.active else cases), told


def _after(before: Case | None, change: Change) -> Case:
    """The case as the rows now say it is."""
    alert = change.alert
    ended = change.change in (changes.CLEARED, changes.RETRACTED)
    active = not ended and (change.change != changes.REVISED or bool(alert.get("active", True)))
    leading = next((one["sensor"] for one in alert.get("sensors", ())), None)
    now = before or Case(change.alert_id, change.asset, change.kind, change.severity, leading, active, change.at_us)
    return replace(
        now,
        severity=change.severity,
        leading=leading,
        active=active,
        changed_us=change.at_us,
        stale=False,
        document=alert,
    )


def _followed(cases: Cases, case: Case, at_us: int) -> tuple[Cases, list[Told]]:
    """One open case per asset and kind: an older one is closed by the next; not a newer one by what late rows find."""
    told = []
    for old in list(cases.cases.values()):
        if _key(old) == _key(case) and not old.closed and old.changed_us <= at_us:
            why = f"followed by alert {case.alert_id}"
            told.append(_telling(old, changes.CLOSED, at_us, False, why))
            cases = _archive(cases, replace(old, active=False, closed=_synthetic(old, at_us, why)))
    return cases, told


def _key(case: Case) -> tuple[str, str, str | None]:
    return case.asset, case.kind, case.leading if case.kind == "sensor_bad" else None


def _synthetic(case: Case, at_us: int, why: str) -> Action:
    """An act that nobody did."""
    return Action("", at_us, "", CLOSE, case.asset, why, case.alert_id, case.kind, case.severity)


def _archive(cases: Cases, case: Case) -> Cases:
    """A case that is over is kept without its document if a person said anything of it, else forgotten."""
    if case.touched:
        return _put(cases, replace(case, known=False, document={}))
    return replace(cases, cases={key: one for key, one in cases.cases.items() if key != case.alert_id})


def _breaks(closed: Action, case: Case, before: Case | None) -> bool:
    """Does what rows say open a closed case again?"""
    return case.active and not (_covers(closed, case) and before is not None and before.active)


def _decide(cases: Cases, before: Case | None, case: Case, change: Change) -> tuple[bool, str]:
    """Whether people are told of a change by rows, and why or why not."""
    hold = _holding(cases, case)
    if hold:
        return False, _held_words(hold)
    if case.closed:
        return False, f"closed by {_who(case.closed)}: {case.closed.why}"
    if change.change == changes.CLEARED:
        return (True, "it cleared") if case.known else (False, "it cleared, nobody was told that it stood")
    if change.change == changes.RETRACTED:
        gone = "late rows show that it never was"
        return (True, gone) if case.known else (False, f"{gone}, and nobody was told of it")
    broken = _silencing(cases, before) if before and before.active else None
    if broken and case.active:
        return True, _broken_words(broken, case)
    if before and before.closed and not case.closed:
        back = _broken_words(before.closed, case) if before.active else f"it came back after {_who(before.closed)} had"
        return True, back if before.active else f"{back} closed it"
    return _decide_plainly(cases, before, case, change)


def _decide_plainly(cases: Cases, before: Case | None, case: Case, change: Change) -> tuple[bool, str]:
    """The decision where no act of a person forbids the telling."""
    was = before.severity if before else case.severity
    rose = _rank(case.severity) > _rank(was)
    if before is None:
        near = next((hold for hold in cases.holds if hold.do == SHELVE and _aims_at(hold, case)), None)
        more = f"; {_broken_words(near, case)}" if near else ""
        return True, f"it was raised as {case.severity}{more}"
    if rose and case.active:
        late = " as late rows show" if change.change == changes.REVISED else ""
        return True, f"its severity rose from {was} to {case.severity}{late}"
    if change.change == changes.RE_RAISED and case.acked and case.acknowledged:
        return False, f"it came again, but {_who(case.acknowledged)} acknowledged it and it is no stranger than it was"
    if change.change in (changes.RAISED, changes.RE_RAISED):
        return True, "it came again and nobody has acknowledged it"
    if change.change == changes.REVISED and before.active != case.active:
        news = not case.acked if case.active else case.known
        return news, f"late rows show that it {'stands' if case.active else 'has cleared'}"
    if change.change == changes.REVISED:
        return False, "late rows changed its course and not its severity"
    return False, f"its severity fell to {case.severity}, which is no news"


# ---------------------------------------------------------------- what keeps a case from being told


def _rank(severity: str | None) -> int:
    return SEVERITIES.index(severity) if severity in SEVERITIES else len(SEVERITIES)


def _aims_at(hold: Action, case: Case) -> bool:
    return hold.asset == case.asset and hold.kind in (None, case.kind)


def _covers(act: Action, case: Case) -> bool:
    """Is a case no more severe than the act knew it, and led by a sensor it knew?"""
    return _rank(case.severity) <= _rank(act.severity) and _knows(act, case)


def _knows(act: Action, case: Case) -> bool:
    return not act.sensors or case.leading in act.sensors


def _holds(hold: Action, case: Case) -> bool:
    """Does a hold keep a case from being told? More severe than it was only breaks through a shelving."""
    return _aims_at(hold, case) and (_covers(hold, case) if hold.do == SHELVE else _knows(hold, case))


def _holding(cases: Cases, case: Case) -> Action | None:
    """The weightiest hold that keeps a case from being told."""
    mine = (hold for hold in cases.holds if _holds(hold, case))
    return min(mine, key=lambda hold: HOLDS.index(hold.do), default=None)


def _silencing(cases: Cases, case: Case) -> Action | None:
    """The act that kept a case from being told, closing included."""
    return _holding(cases, case) or case.closed


def _who(act: Action) -> str:
    return act.by or "the program"


def _held_words(hold: Action) -> str:
    until = f" until {moment(iso(hold.until_us))} UTC" if hold.until_us is not None else ""
    once = " or until it clears" if hold.one_shot else ""
    return f"{_SILENCED[hold.do]} by {_who(hold)}{until}{once}: {hold.why}"


def _broken_words(act: Action, case: Case) -> str:
    done = "closed" if act.do == CLOSE else _SILENCED[act.do]
    if not _knows(act, case):
        return f"{case.leading or 'no sensor'} leads now, which {_who(act)} had not {done}"
    return f"its severity is {case.severity}, above the {act.severity} at which {_who(act)} had {done} it"


def _end_one_shots(cases: Cases, case: Case, at_us: int) -> tuple[Cases, list[Told]]:
    ended = [hold for hold in cases.holds if hold.one_shot and hold.alert_id == case.alert_id]
    left = tuple(hold for hold in cases.holds if hold not in ended)
    told = [_telling(case, _ENDED[hold.do], at_us, False, "one-shot, and it cleared", hold) for hold in ended]
    return replace(cases, holds=left), told


# ---------------------------------------------------------------- missing data and the clock


def _by_gap(cases: Cases, gap: Gap, at_us: int) -> tuple[Cases, list[Told]]:
    """What stands without a score for too long is stale; no longer, once there are scores."""
    told = []
    for case in list(cases.cases.values()):
        if case.asset != gap.asset or case.kind != "deviation" or not case.active:
            continue
        stale = at_us != gap.until_us
        cases = _put(cases, replace(case, stale=stale))
        if stale and not case.stale:
            held = _holding(cases, case)
            why = f"no score since {moment(iso(gap.since_us))} UTC: nobody knows whether it still stands"
            why = _held_words(held) if held else f"closed by {_who(case.closed)}" if case.closed else why
            told.append(_telling(case, changes.STALE, at_us, not (held or case.closed), why))
    return cases, told


def _by_clock(cases: Cases, until_us: int, rules: Rules) -> tuple[Cases, list[Told]]:
    """All that the clock does up to a moment, in order."""
    told: list[Told] = []
    while due := min(_dues(cases, rules), default=None):
        at_us, order, what = due
        if at_us > until_us:
            break
        if order == 0:
            cases, more = _end_hold(cases, next(h for h in cases.holds if h.action_id == what), at_us)
        elif cases.cases[what].active:
            cases, more = _re_alarm(cases, cases.cases[what], at_us)
        else:
            cases, more = _close_cleared(cases, cases.cases[what], at_us)
        told += more
    return cases, told


def _dues(cases: Cases, rules: Rules) -> Iterable[tuple[int, int, str]]:
    """What the clock will do and when [µs UTC]: (when, in which order, to which hold or case)."""
    for hold in cases.holds:
        if hold.until_us is not None:
            yield max(hold.until_us, cases.clock_us), 0, hold.action_id
    for case in cases.cases.values():
        if not case.active and not case.closed and rules.close_after_us is not None:
            yield max(case.changed_us + rules.close_after_us, cases.clock_us), 1, case.alert_id
        waits = case.active and case.told_us is not None and not case.acked and not case.closed
        if waits and rules.re_alarm_us and _rank(case.severity) >= _rank("warning") and not _holding(cases, case):
            yield max((case.told_us or 0) + rules.re_alarm_us, cases.clock_us), 2, case.alert_id


def _re_alarm(cases: Cases, case: Case, at_us: int) -> tuple[Cases, list[Told]]:
    since = format_duration(at_us - (case.told_us or at_us))
    told = _telling(case, changes.RE_ALARMED, at_us, True, f"told {since} ago, and nobody has acknowledged it")
    return _put(cases, replace(case, told_us=at_us)), [told]


def _close_cleared(cases: Cases, case: Case, at_us: int) -> tuple[Cases, list[Told]]:
    why = f"it cleared {format_duration(at_us - case.changed_us)} ago"
    told = [_telling(case, changes.CLOSED, at_us, False, why)]
    return _archive(cases, replace(case, closed=_synthetic(case, at_us, why))), told


def _end_hold(cases: Cases, hold: Action, at_us: int) -> tuple[Cases, list[Told]]:
    """A hold has run out: what still stands is told."""
    cases, freed = _without(cases, (hold,), at_us)
    change, done = _ENDED[hold.do], _SILENCED[hold.do]
    told = []
    for case in freed:
        if case.acked and case.acknowledged:
            tell, why = False, f"no longer {done}; acknowledged by {_who(case.acknowledged)}"
        else:
            tell, why = True, f"no longer {done}, and it still stands"
        cases = _put(cases, replace(case, known=case.known or tell))
        told.append(_telling(case, change, at_us, tell, why, hold))
    if not freed:
        about = _target(cases, hold)
        told.append(_telling(about, change, at_us, False, f"no longer {done}, and there is nothing to tell", hold))
    return cases, told


def _without(cases: Cases, ending: Sequence[Action], at_us: int) -> tuple[Cases, list[Case]]:
    """Cases without some holds, and those that stand and are free to be told now; their timers begin anew."""
    left = replace(cases, holds=tuple(hold for hold in cases.holds if hold not in ending))
    freed = [
        replace(case, told_us=at_us)
        for case in cases.cases.values()
        if case.active and not case.closed and _holding(cases, case) and not _holding(left, case)
    ]
    return _put(left, *freed), freed


# ---------------------------------------------------------------- people


def _target(cases: Cases, act: Action) -> Case:
    """The case an act is about; one made of what the act says where there is none, or where it is about an asset."""
    own = act.alert_id or ""
    severity, leading = act.severity or SEVERITIES[0], next(iter(act.sensors), None)
    made = Case(own, act.asset, act.kind or "deviation", severity, leading, False, act.at_us)
    return cases.cases.get(own, made)


def _noted(cases: Cases, act: Action) -> Told:
    """An act as a line of the history: nobody is told, for a person did it."""
    case = _target(cases, act)
    details = {"action_id": act.action_id, "sensors": list(act.sensors), "one_shot": act.one_shot}
    details |= {"until": None if act.until_us is None else iso(act.until_us)}
    details |= {"as": act.verdict, "work_order": act.work_order, "note": act.note}
    severity = act.severity or SEVERITIES[0]
    change = Change(
        MADE[act.do], case.alert_id, act.asset, case.kind, severity, act.at_us, case.document, act.by, act.why, details
    )
    return Told(change, False, f"{_who(act)} did it")


def _by_person(cases: Cases, act: Action, at_us: int) -> tuple[Cases, list[Told]]:
    """What an act makes of the cases, and what it brings to light."""
    if act.one_shot and not _target(cases, act).active:
        return cases, []  # it has cleared meanwhile
    if act.do in HOLDS:
        return replace(cases, holds=(*cases.holds, act)), []
    if act.do in LIFTS:
        ending = [hold for hold in cases.holds if hold.do == LIFTS[act.do] and _lifts(act, hold)]
        cases, freed = _without(cases, ending, at_us)
        return _bring_to_light(cases, freed, act, at_us)
    case = _target(cases, act)
    if case.alert_id not in cases.cases:
        case = replace(case, closed=_synthetic(case, at_us, OVER))
    if act.do == ACKNOWLEDGE:
        case = replace(case, acknowledged=_wider(case, act))
    elif act.do == CONFIRM:
        case = replace(case, acknowledged=_wider(case, act), confirmed=act)
    elif act.do == CLOSE:
        case = replace(case, closed=act, known=False)
    else:
        case = replace(case, verdict=act)
    return (_put(cases, case) if case.active or not case.closed else _archive(cases, case)), []


def _wider(case: Case, act: Action) -> Action:
    """The acknowledgement of the higher severity: none is taken back by another."""
    given = case.acknowledged
    return given if given and _rank(given.severity) > _rank(act.severity) else act


def _lifts(act: Action, hold: Action) -> bool:
    """Does an act end a hold: on the same asset and, where both name some, the same kind and one of the sensors?

    Not by the alert: a shelving holds for the next alert of its case too.
    """
    same_kind = act.kind is None or hold.kind in (None, act.kind)
    same_sensor = not act.sensors or not hold.sensors or bool({*act.sensors} & {*hold.sensors})
    return act.asset == hold.asset and same_kind and same_sensor


def _bring_to_light(cases: Cases, freed: Sequence[Case], act: Action, at_us: int) -> tuple[Cases, list[Told]]:
    """What was raised in silence, and stands, is told when a person ends the silence; what was told before is not."""
    told = []
    for case in freed:
        if not case.known and not case.acked:
            cases = _put(cases, replace(case, known=True))
            why = f"{_who(act)} ended that it was {_SILENCED[LIFTS[act.do]]}; it stands and nobody was told"
            told.append(_telling(case, changes.RE_ALARMED, at_us, True, why, act))
    return cases, told


# ---------------------------------------------------------------- what is shown


def done(cases: Cases, actions: Sequence[Action]) -> Cases:
    """Cases as they will be once actions that no run has folded in are; for showing, never for `advance`."""
    for act in actions:
        cases, _ = _by_person(cases, act, cases.clock_us)
    return cases


def overlay(document: Mapping[str, Any], cases: Cases, actions: Sequence[Action] = ()) -> dict[str, Any]:
    """An alert of ``alerts.json`` with what people made of it; every key of `NOTHING` is there."""
    return overlays([document], cases, actions)[0]


def overlays(
    documents: Sequence[Mapping[str, Any]], cases: Cases, actions: Sequence[Action] = ()
) -> list[dict[str, Any]]:
    """Alerts as people see them; ``actions`` are those that no run has folded in yet.

    An alert that no run has made a case of is one all the same.
    """
    left = [document for document in documents if document["alert_id"] not in cases.cases]
    unknown = [_document_case(document, over=bool(cases.clock_us) and not document["active"]) for document in left]
    seen = done(_put(cases, *unknown), actions)
    seen = _put(seen, *(case for case in unknown if case.alert_id not in seen.cases))
    return [_overlaid(document, seen) for document in documents]


def _document_case(document: Mapping[str, Any], over: bool = False) -> Case:
    leading = next((one["sensor"] for one in document["sensors"]), None)
    own = (document["alert_id"], document["asset"], document["kind"], document["severity"], leading)
    case = Case(*own, document["active"], 0)
    return replace(case, closed=_synthetic(case, 0, OVER)) if over else case


def _overlaid(document: Mapping[str, Any], cases: Cases) -> dict[str, Any]:
    now = _document_case(document)
    case = replace(cases.cases[now.alert_id], severity=now.severity, leading=now.leading, active=now.active)
    closed = case.closed if case.closed and (not case.active or _covers(case.closed, case)) else None
    holds = {hold.do: hold for hold in cases.holds if case.active and _holds(hold, case)}
    shelf, verdict = holds.get(SHELVE), case.verdict
    return {
        **document,
        "acked": case.acked,
        "acked_by": case.acknowledged.by if case.acknowledged and case.acked else None,
        "confirmed": case.confirmed is not None,
        "shelved_until": iso(shelf.until_us) if shelf and shelf.until_us is not None else None,
        "shelved_because": shelf.why if shelf else None,
        "suppressed": SUPPRESS in holds,
        "out_of_service": OUT_OF_SERVICE in holds,
        "stale": case.stale,
        "closed": closed is not None,
        "closed_because": closed.why if closed else None,
        "verdict": verdict.verdict if verdict else None,
        "verdict_by": verdict.by if verdict else None,
        "work_order": verdict.work_order if verdict else None,
        "note": verdict.note if verdict else None,
    }


# ---------------------------------------------------------------- as lines and documents


_MARKS = ("acknowledged", "confirmed", "closed", "verdict")


def _case_document(case: Case) -> dict[str, Any]:
    plain = {name: getattr(case, name) for name in ("alert_id", "asset", "kind", "severity", "leading", "active")}
    plain |= {"changed": iso(case.changed_us), "known": case.known, "stale": case.stale}
    plain |= {"told": None if case.told_us is None else iso(case.told_us)}
    marks = {name: getattr(case, name) for name in _MARKS}
    return {
        **plain,
        **{name: action_line(mark) if mark else None for name, mark in marks.items()},
        "document": dict(case.document),
    }


def _case(document: Mapping[str, Any]) -> Case:
    plain = {key: value for key, value in document.items() if key not in ("changed", "told", *_MARKS)}
    plain |= {name: action_of(document[name]) if document[name] else None for name in _MARKS}
    plain["told_us"] = None if document["told"] is None else parse_time(document["told"])
    return Case(**plain, changed_us=parse_time(document["changed"]))
