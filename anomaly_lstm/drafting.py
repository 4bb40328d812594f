"""A pipeline file as text: what was found and guessed about a source, each with its reason as a comment.

The file runs as it is. Names and paths come from data: they stand in strings that TOML cannot misread, and in comments
control characters are written out.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from anomaly_lstm.words import clean, counted

MOST_FOUND = 30
"""So many sentences on the reading are kept; `init` says all of them."""

MOST_SENSORS = 200
"""So many sensors are listed one by one; a person reads no more."""


@dataclass(frozen=True)
class Sensor:
    """One sensor that is read. ``unit_why`` says how a unit that is only guessed was; ``seen`` what it read, in words;
    ``grade`` what lowers it, in words, empty where it is High.
    """

    name: str
    unit: str | None = None
    unit_why: str = ""
    seen: str = ""
    grade: str = ""


@dataclass(frozen=True)
class Draft:
    """Everything that stands in the file; a ``why`` is a comment beside what it explains."""

    title: str
    command: str
    """How it is run, for the first line …"""
    every: str = ""
    """… and a line of a crontab, where it is known how often."""
    folder: str = "run"
    """The run folder, from the file's own."""
    paths: Sequence[str] = ()
    source: Mapping[str, str | Sequence[str]] = field(default_factory=dict)
    """Keys of ``[source]`` that were found, such as time, period, zone …"""
    source_why: Mapping[str, str] = field(default_factory=dict)
    """Key → comment; a key without a value stands there as a comment alone."""
    sensors: Sequence[Sensor] = ()
    include: Sequence[str] = ()
    """The only sensors that are read, if somebody said so."""
    context: Mapping[str, str] = field(default_factory=dict)
    """Sensor → why it explains the others."""
    maybe_context: Mapping[str, str] = field(default_factory=dict)
    """Sensor → why it may do so, which a person has to say."""
    exclude: Mapping[str, str] = field(default_factory=dict)
    """Sensor → why it is left out."""
    running: str | None = None
    running_why: str = ""
    holds: Mapping[str, tuple[str, str]] = field(default_factory=dict)
    """Sensor → for how long its last value counts on, and why."""
    assets: str | None = None
    """The table of assets that lies beside the data."""
    until: str | None = None
    until_why: str = ""
    events: str | None = None
    events_why: str = ""
    model: str = "lstm_predictor"
    model_why: str = ""
    budget: str | None = None
    """A budget of the whole pipeline; without one every asset warns once in 90 days."""
    promise: Sequence[str] = ()
    """What the policy promises, in sentences."""
    found: Sequence[str] = ()
    """What was found out while reading."""
    unsure: Sequence[str] = ()
    """What a person should look at first."""


def text_of(draft: Draft) -> str:
    """The file, its sections in the order of the stages."""
    sections = (
        _head(draft),
        _source(draft),
        ["[run]", _line("folder", draft.folder, "model, scores, alerts; safe to delete, then it all begins anew")],
        _assets(draft),
        _sensors(draft),
        _grid(draft),
        _units(draft),
        _bounds(draft),
        _train(draft),
        _alarm(draft),
        _TELLING,
    )
    return "\n\n".join("\n".join(section) for section in sections if section) + "\n"


def string(text: str) -> str:
    """A TOML string that holds exactly this text: quotes, backslashes and all that a terminal would obey or hide are
    written out.
    """
    return f'"{"".join(map(_written, text))}"'


def _written(c: str) -> str:
    if c in '"\\':
        return f"\\{c}"
    return c if c.isprintable() else f"\\U{ord(c):08x}"


def key(name: str) -> str:
    """A TOML key that holds exactly this name."""
    return name if re.fullmatch(r"[A-Za-z0-9_-]+", name) else string(name)


_COMMENTS_AT = 44
_WIDTH = 116


def _line(name: str, value: str | Sequence[str], why: str = "") -> str:
    """``name = value``, with a comment."""
    shown = string(value) if isinstance(value, str) else f"[{', '.join(map(string, value))}]"
    return _beside(f"{key(name)} = {shown}", why)


def _beside(code: str, why: str) -> str:
    """Code, and a comment to the right of it, or above where there is no room; no name can end the comment."""
    line = f"{code:{_COMMENTS_AT - 1}} # {clean(why)}" if why else code
    if why and len(line) > _WIDTH + 4:
        indent = code[: len(code) - len(code.lstrip())]
        return "\n".join([*(indent + text for text in _comment(why)), code])
    return line


def _comment(text: str) -> list[str]:
    """A sentence as comment lines."""
    lines, line = [], "#"
    for word in clean(text).split(" "):
        if len(line) + 1 + len(word) > _WIDTH and line != "#":
            lines.append(line)
            line = "#  "
        line += f" {word}"
    return [*lines, line]


def _head(draft: Draft) -> list[str]:
    """What this is, how to run it, and what to look at first."""
    lines = [*_comment(draft.title), f"# Run it:   {clean(draft.command)}"]
    lines += [f"# By cron:  {clean(draft.every)}"] if draft.every else []
    lines += ["# Relative paths count from this file's folder. Durations: 250ms, 90s, 5min, 36h, 7d, 4w."]
    if draft.unsure:
        lines += ["#", "# Look at these first, for they are guesses:"]
        lines += [line for sentence in draft.unsure for line in _comment(f"- {sentence}")]
    if draft.found:
        lines += ["#", "# Found while reading:"]
        lines += [line for sentence in draft.found[:MOST_FOUND] for line in _comment(f"- {sentence}")]
        more = len(draft.found) - MOST_FOUND
        lines += [f"# … and {counted(more, 'more thing')} that init says."] if more > 0 else []
    return lines


def _source(draft: Draft) -> list[str]:
    lines = ["[source]", _line("paths", draft.paths, "files, folders, globs")]
    lines += [_line(name, value, draft.source_why.get(name, "")) for name, value in draft.source.items()]
    if "delay" not in draft.source:
        lines += [_beside('# delay = "5min"', "how long a row may take to arrive, counted from the newest")]
    return [*lines, _beside("# max_hole = 10", "missing rows that are bridged; a longer gap starts afresh")]


def _assets(draft: Draft) -> list[str]:
    table = draft.assets
    if table:
        return ["[assets]", _line("table", table, "what each asset is and what its failure costs")]
    return []


def _sensors(draft: Draft) -> list[str]:
    lines = ["[sensors]"]
    lines += [_line("include", draft.include, "only these are read")] if draft.include else []
    lines += _listed("context", draft.context, "explain the others, are never scored: set-point, load, weather")
    lines += [
        line for name, why in draft.maybe_context.items() for line in _comment(f"context, too? {string(name)}: {why}")
    ]
    lines += _listed("exclude", draft.exclude, "left out")
    if draft.running:
        lines += [_line("running", draft.running, draft.running_why)]
    else:
        lines += [_beside('# running = "motor_current > 5"', "when the asset runs; other rows are not judged")]
    return [*lines, _beside('# mode = "fuel_code"', "fuel, product, grade: each its own centre, spread, calibration")]


def _listed(name: str, sensors: Mapping[str, str], what: str) -> list[str]:
    """A list with a line and a reason for each sensor; commented out where it is empty."""
    if not sensors:
        return [_beside(f"# {name} = []", what)]
    inside = [_beside(f"    {string(sensor)},", why) for sensor, why in sensors.items()]
    return [_beside(f"{name} = [", what), *inside, "]"]


def _grid(draft: Draft) -> list[str]:
    if not draft.holds:
        return []
    lines = [_beside("[sensors.grid]", "how values come to the grid: hold = the last one counts on for so long")]
    held = draft.holds.items()
    return [*lines, *(_beside(f"{key(name)} = {{ hold = {string(hold)} }}", why) for name, (hold, why) in held)]


def _read(draft: Draft) -> list[Sensor]:
    return [sensor for sensor in draft.sensors if sensor.name not in draft.exclude]


def _units(draft: Draft) -> list[str]:
    """Every sensor that is read with its unit, what it read, and what lowers its grade."""
    read = _read(draft)
    if not read:
        return []
    lines = [_beside("[sensors.units]", "for the sentences in alerts; a guess is told once its # is taken away")]
    for sensor in read[:MOST_SENSORS]:
        said = "; ".join(part for part in (sensor.unit_why, sensor.seen, sensor.grade) if part)
        if sensor.unit and not sensor.unit_why:
            lines.append(_line(sensor.name, sensor.unit, said))
        else:  # a guess would be told as a fact by every alert
            lines.append(_beside(f"# {key(sensor.name)} = {string(sensor.unit or '?')}", said))
    if len(read) > MOST_SENSORS:
        lines += [f"# … and {counted(len(read) - MOST_SENSORS, 'more sensor')} that are read"]
    return lines


def _bounds(draft: Draft) -> list[str]:
    scored = [sensor for sensor in _read(draft) if sensor.name not in draft.context]
    lines = [_beside("# [sensors.bounds]", "engineering limits: crossing one is critical, however rare it is")]
    for sensor in sorted(scored, key=lambda s: s.unit not in _BOUNDED)[:1]:
        unit = f", unit = {string(sensor.unit)}" if sensor.unit and not sensor.unit_why else ""
        seen = f"low, high or both; it read {sensor.seen}" if sensor.seen else "low, high or both"
        lines += [_beside(f"# {key(sensor.name)} = {{ high = ?{unit} }}", seen)]
    return lines


_BOUNDED = ("°C", "°F", "mm/s")
"""Units of what most often has a limit in a manual."""


def _train(draft: Draft) -> list[str]:
    lines = ["[train]"]
    if draft.until:
        lines += [_line("until", draft.until, draft.until_why)]
    elif draft.until_why:
        lines += _comment(draft.until_why)
    if draft.events:
        lines += [_line("events", draft.events, draft.events_why or "left out of normal; work on machines is heeded")]
    else:
        columns = "asset,start,end,kind: failures, maintenance … known trouble is left out of normal"
        lines += [_beside('# events = "events.csv"', columns)]
    lines += [_line("model", draft.model, draft.model_why)]
    return [*lines, _beside("seed = 0", "the same seed gives the same model on the same machine")]


def _alarm(draft: Draft) -> list[str]:
    lines = ["[alarm]", *(line for sentence in draft.promise for line in _comment(sentence))]
    if draft.budget:
        lines += [_line("budget", draft.budget, "false warnings of all assets together; or, per asset:")]
        lines += ['# advisory = "30d"', '# warning = "90d"']
    else:
        lines += [_line("advisory", "30d", "a deviation that comes about once in so long in normal operation")]
        lines += [_line("warning", "90d", 'or, for all assets together: budget = "1 per week"')]
    return [
        *lines,
        _beside('# on_delay = "5min"', "how long a deviation must last to be told"),
        _beside('# off_delay = "15min"', "how long it must be gone to be cleared; left out, 10 periods"),
        _beside('# respond_within = "8h"', "a bound forecast so soon makes an alert critical"),
    ]


_TELLING = [
    _beside("# [[notify]]", "who is told"),
    _beside('# kind = "apprise"', 'mail, Teams, Slack …; or "webhook", "alertmanager"'),
    _beside('# url_env = "ALERTS_URL"', "the environment variable with the address, which is a secret"),
]
