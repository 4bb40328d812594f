"""`case`: the alerts of a run folder as people see them, and what they do about them.

People write ``actions.jsonl`` only, a file that grows, so they need not wait for a run that works, nor a run for them:
the next run folds the new lines in.
"""

from __future__ import annotations

import csv
import hashlib
import io
import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from anomaly_lstm import journal, store
from anomaly_lstm.actions import (
    HOLDS,
    LIFTS,
    MADE,
    NEEDS_REASON,
    OUT_OF_SERVICE,
    SHELVE,
    SUPPRESS,
    VERDICT,
    VERDICTS,
    Action,
    action_line,
    action_of,
)
from anomaly_lstm.cases import Cases, done, overlays
from anomaly_lstm.clock import iso, parse_duration, parse_time
from anomaly_lstm.errors import DataError, UsageError
from anomaly_lstm.pipeline.actions import ACTIONS, STATE_KEY, read_actions
from anomaly_lstm.pipeline.folder import current_model
from anomaly_lstm.sinks import sink_for
from anomaly_lstm.sources.words import near
from anomaly_lstm.tables import EVENT_COLUMNS
from anomaly_lstm.verdicts import proposed_events
from anomaly_lstm.words import counted, moment

PROPOSED = "proposed_events.csv"
"""A file of the run folder: what verdicts propose for ``events.csv``."""

ONCE_AT_MOST_US = 30 * 86_400_000_000
"""A one-shot shelving ends by then at the latest: no shelving is without an end (ISA-18.2)."""

SPELLINGS = {"ack": "acknowledge", "out-of-service": "out_of_service", "in-service": "in_service"}


@dataclass(frozen=True)
class Desk:
    """The cases of a run folder: alerts with their overlay, in the order they were raised, the ``holds`` in force, all
    ``acts`` so far in their order, and the names that acts may use.

    ``now_us`` is when somebody stands before it, ``seen_us`` the newest row that it knows [µs UTC].
    """

    folder: Path
    now_us: int
    seen_us: int
    alerts: Sequence[Mapping[str, Any]]
    holds: Sequence[Action]
    assets: Sequence[str]
    sensors: Sequence[str]
    period_us: int
    acts: Sequence[Action] = ()

    def alert(self, prefix: str) -> Mapping[str, Any]:
        """The alert whose id begins so. Raises UsageError unless there is exactly one."""
        found = [one for one in self.alerts if prefix and one["alert_id"].startswith(prefix.lower())]
        if not found:
            raise UsageError(f"no alert has an id that begins with '{prefix}'. `anomaly-lstm case list --all` has all.")
        if len(found) > 1:
            some = ", ".join(f"{one['alert_id']} ({one['asset']})" for one in found[:4])
            raise UsageError(f"'{prefix}' begins the ids of {counted(len(found), 'alert')}: {some}. Give more of it.")
        return found[0]


def desk(folder: Path, now_us: int) -> Desk:
    """Read a run folder. Raises DataError where no run has written alerts yet."""
    path = folder / "alerts.json"
    if not path.is_file():
        raise DataError(f"{folder} holds no alerts yet. Make them with `anomaly-lstm run PIPELINE`.")
    report = sink_for(path).read(path)
    cases = stored_cases(folder)
    acts = read_actions(folder)
    fresh = acts[cases.actions_read :]
    return Desk(
        folder=folder,
        now_us=now_us,
        seen_us=cases.clock_us or (parse_time(report.run["end"]) if report.run["end"] else now_us),
        alerts=overlays(report.alerts, cases, fresh),
        holds=done(cases, fresh).holds,
        assets=sorted(report.run["assets"]),
        sensors=_sensors(folder),
        period_us=round(report.run["period_s"] * 1e6),
        acts=acts,
    )


def stored_cases(folder: Path) -> Cases:
    """The cases as the last run left them."""
    state = store.read_json(folder / "state.json") if (folder / "state.json").is_file() else {}
    return Cases.from_document(state.get(STATE_KEY) or None)


def _sensors(folder: Path) -> list[str]:
    model = current_model(folder)
    return list(store.read_json(model / "model.json")["scored"]) if model and store.is_model(model) else []


def note(folder: Path, actions: Sequence[Action], now_us: int) -> list[Action]:
    """Append actions that are not there yet and return them; verdicts become proposed events."""
    fresh = journal.append(folder / ACTIONS, [action_line(act) for act in actions], "action_id")
    if any(line["do"] == VERDICT for line in fresh):
        propose(folder, now_us)
    return [action_of(line) for line in fresh]


def propose(folder: Path, now_us: int) -> Path:
    """Replace ``proposed_events.csv`` by what all verdicts propose; alerts that grew since are taken as they are."""
    now = desk(folder, now_us)
    text = io.StringIO(newline="")
    writer = csv.DictWriter(text, EVENT_COLUMNS, lineterminator="\n")
    writer.writeheader()
    writer.writerows(proposed_events(now.alerts, now.period_us))
    store.write_text(folder / PROPOSED, text.getvalue())
    return folder / PROPOSED


# ---------------------------------------------------------------- acts


@dataclass(frozen=True)
class Wish:
    """What a person wants done, before it is known whether it can be."""

    do: str
    by: str
    why: str | None = None
    until_us: int | None = None
    one_shot: bool = False
    verdict: str | None = None
    work_order: str | None = None
    note: str | None = None


def on_alert(now: Desk, wish: Wish, prefix: str) -> Action:
    """The act on the alert whose id begins so, with what the person saw of it: severity and leading sensor.

    Raises UsageError when there is no such alert, or the wish lacks what its act needs.
    """
    _check(wish, now.now_us)
    alert = now.alert(prefix)
    sensors = tuple(one["sensor"] for one in alert["sensors"][:1])
    _check_held(now, wish, alert["asset"])
    seen = {"alert_id": alert["alert_id"], "kind": alert["kind"], "severity": alert["severity"], "sensors": sensors}
    return _identified(_action(now, wish, alert["asset"], **seen))


def on_asset(now: Desk, wish: Wish, asset: str, sensors: Sequence[str] = ()) -> Action:
    """The act on an asset, or on the deviations that some of its ``sensors`` lead.

    A group is shelved at the severity that stands on it, a warning at least: a critical one breaks through. Raises
    UsageError for an asset or sensor that nobody knows.
    """
    _check(wish, now.now_us)
    if asset not in now.assets:
        raise UsageError(f"there is no asset '{asset}' in {now.folder}.{near(asset, now.assets)}")
    for sensor in sensors:
        if now.sensors and sensor not in now.sensors:
            raise UsageError(f"the model scores no sensor '{sensor}'.{near(sensor, now.sensors)}")
    _check_held(now, wish, asset)
    kind = "deviation" if sensors or wish.do == SHELVE else None
    standing = {alert["severity"] for alert in now.alerts if alert["active"] and alert["asset"] == asset}
    severity = "critical" if "critical" in standing else "warning"
    return _identified(_action(now, wish, asset, kind=kind, severity=severity, sensors=tuple(sensors)))


def _check(wish: Wish, now_us: int) -> None:
    if wish.do in NEEDS_REASON and not (wish.why or "").strip():
        raise UsageError(f"{wish.do.replace('_', ' ')} needs a reason (why): others will ask why nothing was told.")
    if wish.do == SHELVE and wish.until_us is None:
        raise UsageError("a shelving needs an end: give until when or for how long, such as 8h.")
    if wish.until_us is not None and wish.do not in HOLDS:
        raise UsageError(f"{wish.do} takes no end (until).")
    if wish.until_us is not None and wish.until_us <= now_us:
        end, begin = (moment(iso(us)) for us in (wish.until_us, now_us))
        raise UsageError(f"it would end at {end} UTC, which is not after its begin, {begin} UTC.")
    if wish.do == VERDICT and wish.verdict not in VERDICTS:
        raise UsageError(f"a verdict is one of {', '.join(VERDICTS)}, not '{wish.verdict or ''}'.")
    if wish.do != VERDICT and wish.verdict:
        raise UsageError(f"{wish.do} takes no verdict (as '{wish.verdict}').")


_SHOWN = {SHELVE: "shelved_until", SUPPRESS: "suppressed", OUT_OF_SERVICE: "out_of_service"}


def _check_held(now: Desk, wish: Wish, asset: str) -> None:
    """Raise UsageError where there is nothing that the wish would end."""
    held = LIFTS.get(wish.do)
    if held is None or any(hold.do == held and hold.asset == asset for hold in now.holds):
        return
    if not any(alert["asset"] == asset and alert[_SHOWN[held]] for alert in now.alerts):
        done = {SHELVE: "shelved", SUPPRESS: "suppressed", OUT_OF_SERVICE: "out of service"}[held]
        raise UsageError(
            f"nothing of {asset} is {done}: there is nothing to end. `anomaly-lstm case list` shows what is."
        )


def _action(now: Desk, wish: Wish, asset: str, **target: Any) -> Action:
    own: dict[str, Any] = {name: getattr(wish, name) or None for name in ("why", "verdict", "work_order", "note")}
    return Action(
        "",
        now.now_us,
        wish.by,
        wish.do,
        asset,
        until_us=wish.until_us,
        one_shot=wish.one_shot,
        seen_us=now.seen_us,
        **own,
        **target,
    )


def _identified(act: Action) -> Action:
    return replace(act, action_id=_hash(action_line(act)))


def _hash(content: Any) -> str:
    return hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()[:16]


# ---------------------------------------------------------------- a table of acts

IMPORTED = ("alert_id", "do", "by", "why", "until", "as", "work_order", "note")
"""Columns of a table of acts; others are left out."""


def read_import(path: Path, now: Desk, by: Callable[[], str], zone: str | None = None) -> list[Action]:
    """The acts of a CSV as a spreadsheet writes it (separated by comma, semicolon or tab), those noted before included.

    An act's id comes from the text of its row, so the same row is one act however often it is read. ``by`` names who
    did what has no name, ``zone`` is that of times without an offset. Raises DataError naming every row that does not
    fit.
    """
    noted = {act.action_id: act for act in read_actions(now.folder)}
    acts, wrong = [], []
    for line, row in _import_rows(path):
        own_id = _hash({name: row.get(name, "") for name in IMPORTED})
        try:
            acts.append(noted.get(own_id) or replace(_imported(row, now, by, zone), action_id=own_id))
        except UsageError as problem:
            wrong.append(f"  line {line}: {problem}")
    if wrong:
        raise DataError(
            f"{path}: {counted(len(wrong), 'row')} {'does' if len(wrong) == 1 else 'do'} not fit, and nothing was "
            "noted:\n" + "\n".join(wrong)
        )
    return acts


def _imported(row: Mapping[str, str], now: Desk, by: Callable[[], str], zone: str | None) -> Action:
    do = SPELLINGS.get(row["do"].lower(), row["do"].lower())
    if do not in MADE:
        raise UsageError(f"do is '{row['do']}'; it must be one of {', '.join(MADE)}.{near(do, (*MADE, *SPELLINGS))}")
    if "+" in row["alert_id"] or "." in row["alert_id"]:
        raise UsageError(
            f"'{row['alert_id']}' is a number that a spreadsheet made of an id; format the column as text."
        )
    until_us = _until(row["until"], now.now_us, zone) if row.get("until") else None
    told: dict[str, Any] = {"why": row.get("why"), "verdict": row.get("as"), "work_order": row.get("work_order")}
    wish = Wish(do, row.get("by") or by(), until_us=until_us, note=row.get("note"), **told)
    if do in ("out_of_service", "in_service"):
        return on_asset(now, wish, now.alert(row["alert_id"])["asset"])
    return on_alert(now, wish, row["alert_id"])


def _until(text: str, now_us: int, zone: str | None) -> int:
    """An end: a time, or a span from now such as 8h."""
    try:
        return now_us + parse_duration(text)
    except UsageError:
        return parse_time(text, zone)


def _import_rows(path: Path) -> Iterator[tuple[int, dict[str, str]]]:
    """(line, column → text) of every row that is not empty; raises DataError where a column is missing."""
    text = _text(path)
    first = text.partition("\n")[0]
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=max(",;\t", key=first.count))
    if first.startswith("sep="):  # how a spreadsheet is told the separator
        next(reader)
    header = [name.strip().lower() for name in next(reader, [])]
    missing = [name for name in IMPORTED[:2] if name not in header]
    if missing:
        raise DataError(
            f"{path}: column {', '.join(missing)} is missing; the columns are {','.join(IMPORTED)} (there are: "
            f"{','.join(header) or 'none'})."
        )
    for cells in reader:
        if any(cell.strip() for cell in cells):
            padded = [cell.strip() for cell in cells] + [""] * (len(header) - len(cells))
            yield reader.line_num, dict(zip(header, padded, strict=False))


def _text(path: Path) -> str:
    try:
        raw = path.read_bytes()
        return raw.decode("utf-16" if raw[:2] in (b"\xff\xfe", b"\xfe\xff") else "utf-8-sig")
    except OSError as problem:
        raise DataError(f"{path} cannot be read: {problem.strerror}. Check the path.") from problem
    except UnicodeDecodeError as problem:
        raise DataError(f"{path} is not UTF-8 text (byte {problem.start}). Save it as CSV UTF-8.") from problem
