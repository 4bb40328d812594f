"""``pipelines/*.toml`` → the options of each stage.

A pipeline file is read whole before anything is said about it: every mistake is told at once, with its key path, what
came, what is needed, and the nearest name that would do. Relative paths count from the file's own folder.
"""

from __future__ import annotations

import datetime
import difflib
import os
import re
import tomllib
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, TypeVar

from anomaly_lstm import conditions
from anomaly_lstm.cases import Rules
from anomaly_lstm.channels import CHANNELS
from anomaly_lstm.clock import parse_duration, parse_time, zone_name
from anomaly_lstm.errors import ConfigError, UsageError
from anomaly_lstm.learning import TrainOptions
from anomaly_lstm.messages import Interest
from anomaly_lstm.models import MODELS
from anomaly_lstm.pages.fleet import WHOSE_PAGES
from anomaly_lstm.pages.texts import LANGUAGES
from anomaly_lstm.policy import Bound, Policy
from anomaly_lstm.sensor_rules import AGGREGATES, INTERPOLATIONS, OTHERS, PER_US, TYPES, SensorRule, SensorRules
from anomaly_lstm.sinks import LIVE_SINKS
from anomaly_lstm.sources import SOURCES, is_remote
from anomaly_lstm.sources.contract import PLACES, PREFIXES, Database, ReadOptions
from anomaly_lstm.tables import ALERT_KINDS, SEVERITIES
from anomaly_lstm.telemetry import DEFAULT, MAX_HOLE
from anomaly_lstm.telling import Recipient, Target
from anomaly_lstm.thresholds import THRESHOLDS

T = TypeVar("T")

LAYOUTS = ("wide", "long")
DURATION = 'a duration such as "5min", "36h" or "90d"'
TIME = 'a time such as "2026-03-01" or "2026-03-01T06:00:00Z"'
BUDGET = 'a rate such as "1 per week" or "2 per 30d"'
_RATE = re.compile(r"\s*(\d+(?:\.\d+)?)\s*(?:per|/)\s*(.+)", re.IGNORECASE)


@dataclass(frozen=True)
class Source:
    """``[source]``: where the history is, and how it is read. ``period_us`` None = found from the rows."""

    paths: tuple[str | Path, ...]
    """Files, folders and globs here, and addresses elsewhere; none where ``database`` is asked."""
    kind: str | None = None
    database: Database | None = None
    read: ReadOptions = field(default_factory=ReadOptions)
    period_us: int | None = None
    delay_us: int = 0
    """How long a row may take to arrive [µs]; a scheduled run waits so long before it counts rows as missing."""
    max_hole: int = MAX_HOLE


@dataclass(frozen=True)
class Sensors:
    """``[sensors]``: what the sensors are. Which of them are read is in `Source.read`."""

    context: tuple[str, ...] = ()
    running: str | None = None
    settle_us: int = 0
    """How long after its start an asset has not settled [µs]."""
    rules: SensorRules = DEFAULT
    """``[sensors.grid]``: how the values of each sensor come to the grid."""
    mode: str | None = None
    bounds: Mapping[str, Bound] = field(default_factory=dict)
    units: Mapping[str, str] = field(default_factory=dict)

    def named(self) -> tuple[str, ...]:
        """The sensors that have a bound or a unit, or say whether the asset runs."""
        return (
            *self.bounds,
            *self.units,
            *(conditions.sensors_in(conditions.parse(self.running)) if self.running else ()),
        )


@dataclass(frozen=True)
class Train:
    """``[train]``: what is learned, from rows before ``until_us`` [µs UTC].

    ``time_budget_us`` None = no clock stops it.
    """

    options: TrainOptions = field(default_factory=TrainOptions)
    until_us: int | None = None
    events: Path | None = None
    time_budget_us: int | None = None


@dataclass(frozen=True)
class Alarm:
    """``[alarm]``: when an alert is raised. ``budget_us`` is the time between false alerts of the whole pipeline [µs].

    With a budget the limits of ``policy`` are only known once the assets are. ``rules`` say what the clock does with
    cases; without ``no_data_after_us`` and ``sensor_bad_after_us`` [µs] `silence` knows what is usual; 0 = never told.
    """

    policy: Policy = field(default_factory=Policy)
    budget_us: int | None = None
    rules: Rules = field(default_factory=Rules)
    no_data_after_us: int | None = None
    sensor_bad_after_us: int | None = None


@dataclass(frozen=True)
class Pages:
    """``[report]``: the folder in which every run leaves the page of all assets and pages of ``assets``, and their
    language.
    """

    folder: Path
    assets: str = "standing"
    language: str = "en"


@dataclass(frozen=True)
class Pipeline:
    """One pipeline file."""

    path: Path
    source: Source
    folder: Path
    sensors: Sensors = field(default_factory=Sensors)
    train: Train = field(default_factory=Train)
    alarm: Alarm = field(default_factory=Alarm)
    assets: Path | None = None
    """``[assets] table``: an ``assets.csv``."""
    notify: tuple[Recipient, ...] = ()
    """``[[notify]]``: who is told."""
    sinks: tuple[Target, ...] = ()
    """``[[sinks]]``: where it is shown how things stand."""
    pages: Pages | None = None
    """``[report]``: None = no pages are written after a run."""


def read_pipeline(path: Path) -> Pipeline:
    """Read a pipeline file; raise `ConfigError` that lists every mistake in it."""
    mistakes: list[str] = []
    top = _Table("", _load(path), path.parent, mistakes)
    pipeline = _pipeline(path, top)
    if mistakes:
        count = "1 mistake" if len(mistakes) == 1 else f"{len(mistakes)} mistakes"
        raise ConfigError(f"{path} has {count}:\n" + "\n".join(f"  {line}" for line in mistakes))
    return pipeline


def _load(path: Path) -> dict[str, Any]:
    try:
        return tomllib.loads(path.read_text(encoding="utf-8"))
    except OSError as problem:
        raise ConfigError(
            f"{path} cannot be read: {problem.strerror}. Check the name of the pipeline file."
        ) from problem
    except UnicodeDecodeError as problem:
        raise ConfigError(
            f"{path} is not UTF-8 text (byte {problem.start}). Save the pipeline file as UTF-8."
        ) from problem
    except tomllib.TOMLDecodeError as problem:
        raise ConfigError(
            f"{path} is not TOML: {problem}. Text stands in quotes, lists in brackets, one key = value per line."
        ) from problem


# ---------------------------------------------------------------- reading a table key by key


@dataclass
class _Table:
    """One table of the file while it is read: what was asked for, and the mistakes so far (shared by all tables)."""

    where: str
    content: Mapping[str, Any]
    folder: Path
    mistakes: list[str]
    asked: dict[str, None] = field(default_factory=dict)

    def take(self, key: str) -> Any:
        """The raw value, or None; remembers that the key exists."""
        self.asked[key] = None
        return self.content.get(key)

    def path_of(self, key: str) -> str:
        quoted = key if re.fullmatch(r"[A-Za-z0-9_-]+", key) else f'"{key}"'
        return f"{self.where}.{quoted}" if self.where else quoted

    def wrong(self, key: str, text: str) -> None:
        """Note a mistake in the value of a key."""
        self.mistakes.append(f"{self.path_of(key)} = {_shown(self.content.get(key))}: {text}")

    def missing(self, key: str, text: str) -> None:
        """Note that a key is absent which must be there."""
        self.mistakes.append(f"{self.path_of(key)} is missing: {text}")

    def close(self) -> None:
        """Note every key that nobody asked for, with the nearest of those that exist."""
        for key in self.content:
            if key not in self.asked:
                what = "table" if isinstance(self.content[key], dict) else "key"
                place = f"in [{self.where}]" if self.where else "in a pipeline file"
                there = f"there is no such {what} {place}.{_nearest(key, self.asked)}"
                self.mistakes.append(f"{self.path_of(key)} = {_shown(self.content[key])}: {there}")


def _nearest(name: str, known: Iterable[str]) -> str:
    """ " Did you mean …?", or what there is."""
    known = list(known)
    folded = {other.casefold(): other for other in known}
    near = difflib.get_close_matches(name.casefold(), folded, n=1, cutoff=0.6)
    return f" Did you mean {folded[near[0]]!r}?" if near else f" There are: {', '.join(known)}."


def _shown(value: Any) -> str:
    """A value as it stands in the file, shortened."""
    if isinstance(value, str):
        text = f'"{value}"'
    elif isinstance(value, bool):
        text = str(value).lower()
    elif isinstance(value, dict):
        text = "{ " + ", ".join(value) + " }"
    elif isinstance(value, list):
        text = "[" + ", ".join(map(_shown, value)) + "]"
    else:
        text = str(value)
    return text if len(text) <= 60 else text[:59] + "…"


def _parsed(table: _Table, key: str, parse: Callable[[str], T], need: str, *, why: bool = False) -> T | None:
    """A text value read by ``parse``; with ``why`` the parser's own words are told, else only what is needed."""
    value = table.take(key)
    if value is None:
        return None
    if isinstance(value, datetime.date | datetime.datetime):
        value = value.isoformat()  # TOML has dates of its own, without quotes
    if not isinstance(value, str):
        table.wrong(key, f"expected {need}.")
        return None
    try:
        return parse(value)
    except UsageError as problem:
        table.wrong(key, str(problem) if why else f"expected {need}.")
        return None


def _text(table: _Table, key: str, need: str = "text in quotes") -> str | None:
    value = table.take(key)
    if value is None or (isinstance(value, str) and value):
        return value
    table.wrong(key, f"expected {need}.")
    return None


def _texts(table: _Table, key: str) -> tuple[str, ...] | None:
    """A list of texts; a single text counts as a list of one."""
    value = table.take(key)
    if value is None:
        return None
    several = [value] if isinstance(value, str) else value
    if isinstance(several, list) and all(isinstance(item, str) and item for item in several):
        return tuple(several)
    table.wrong(key, 'expected a list of texts such as ["a", "b"].')
    return None


def _choice(table: _Table, key: str, names: Sequence[str]) -> str | None:
    value = table.take(key)
    if value is None or value in names:
        return value  # type: ignore[no-any-return]  # one of names
    hint = _nearest(value, names) if isinstance(value, str) else ""
    table.wrong(key, f"expected one of {', '.join(names)}." + (hint if "Did you mean" in hint else ""))
    return None


def _whole(table: _Table, key: str, least: int) -> int | None:
    value = table.take(key)
    if value is None or (isinstance(value, int) and not isinstance(value, bool) and value >= least):
        return value
    table.wrong(key, f"expected a whole number of at least {least}.")
    return None


def _number(table: _Table, key: str, least: float | None = None) -> float | None:
    value = table.take(key)
    if value is None:
        return None
    fits = isinstance(value, int | float) and not isinstance(value, bool) and abs(value) < float("inf")
    if fits and (least is None or value >= least):
        return float(value)
    table.wrong(key, "expected a number" + ("." if least is None else f" of at least {least:g}."))
    return None


def _file(table: _Table, key: str) -> Path | None:
    """A path that counts from the pipeline file's folder."""
    value = _text(table, key, "a path in quotes")
    return None if value is None else _beside(table.folder, value)


def _existing(table: _Table, key: str) -> Path | None:
    """A file that must be there already."""
    path = _file(table, key)
    if path is not None and not path.exists():
        table.wrong(key, f"there is no file {path}; a relative path counts from the pipeline file's folder.")
    elif path is not None and path.is_dir():
        table.wrong(key, f"{path} is a folder; a file is needed here.")
    return path


def _beside(folder: Path, text: str) -> Path:
    """A path that counts from ``folder``, without needless dots unless a symbolic link gives them a meaning."""
    path = folder / Path(text).expanduser()
    tidy = Path(os.path.normpath(path))
    return tidy if tidy.resolve() == path.resolve() else path


def _table(table: _Table, key: str) -> _Table:
    """A table inside, empty where there is none."""
    value = table.take(key)
    if value is not None and not isinstance(value, dict):
        table.wrong(key, f"expected a table [{table.path_of(key)}].")
    content = value if isinstance(value, dict) else {}
    return _Table(table.path_of(key), content, table.folder, table.mistakes)


def _tables(table: _Table, key: str) -> list[_Table]:
    """The tables ``[[key]]``; in mistakes the first of them is ``key[1]``."""
    value = table.take(key)
    if value is not None and not (isinstance(value, list) and all(isinstance(item, dict) for item in value)):
        table.wrong(key, f"expected one table [[{key}]] or several.")
        return []
    return [
        _Table(f"{table.path_of(key)}[{place}]", item, table.folder, table.mistakes)
        for place, item in enumerate(value or (), 1)
    ]


def _entries(table: _Table) -> Iterator[str]:
    """The keys of a table whose keys the user chooses."""
    for key in table.content:
        table.asked[key] = None
        yield key


# ---------------------------------------------------------------- the sections


def _pipeline(path: Path, top: _Table) -> Pipeline:
    names = ("source", "run", "assets", "sensors", "train", "alarm", "report")
    source, run, assets, sensors, train, alarm, report = (_table(top, name) for name in names)
    read_sensors = _texts(sensors, "include"), _texts(sensors, "exclude")
    where = _source(source, *read_sensors)
    quantities = _sensors(sensors)
    status = _status_columns(quantities.running)
    where = _with_context(where, (*quantities.context, *((quantities.mode,) if quantities.mode else ()), *status))
    where = replace(where, read=replace(where.read, asked=(*where.read.asked, *quantities.named())))
    _mode_alone(sensors, quantities, where.read.exclude)
    built = Pipeline(
        path=path,
        source=where,
        folder=_run(run),
        sensors=quantities,
        train=_train(train, where.read.zone),
        alarm=_alarm(alarm, quantities),
        assets=_existing(assets, "table"),
        notify=tuple(_recipient(table) for table in _tables(top, "notify")),
        sinks=tuple(_target(table) for table in _tables(top, "sinks")),
        pages=_pages(report) if "report" in top.content else None,
    )
    _names_once(top, ("notify", "sinks"))
    for table in (top, source, run, assets, sensors, train, alarm, report):
        table.close()
    return built


def _run(table: _Table) -> Path:
    folder = _file(table, "folder")
    if folder is None and "folder" not in table.content:
        table.missing("folder", 'where the run keeps its files, such as "../runs/pump".')
    return folder or table.folder


def _source(table: _Table, include: tuple[str, ...] | None, exclude: tuple[str, ...] | None) -> Source:
    paths = _texts(table, "paths")
    kind = _choice(table, "kind", list(SOURCES))
    named = [key for key in ("url_env", "table", "query") if key in table.content]
    if named and "kind" not in table.content:
        table.missing("kind", f'"sql", for {named[0]} is of a database.')
    database = _database(table) if kind == "sql" or (named and kind is None) else None
    if database and paths:
        table.wrong("paths", 'kind = "sql" reads a database, no files; leave paths out, or kind.')
    if not database and not paths and not table.content.get("paths"):
        table.missing("paths", 'files, folders or globs to read, such as ["../data/pump/*.parquet"].')
    period_us = _duration(table, "period", least=1)
    delay_us = _duration(table, "delay")
    max_hole = _whole(table, "max_hole", 0)
    return Source(
        paths=tuple(place if is_remote(place) else _beside(table.folder, place) for place in paths or ()),
        kind=kind,
        database=database,
        read=replace(_read(table, include, exclude), step_us=period_us),
        period_us=period_us,
        delay_us=delay_us or 0,
        max_hole=MAX_HOLE if max_hole is None else max_hole,
    )


def _database(table: _Table) -> Database:
    """The keys of ``kind = "sql"``."""
    name, query = _text(table, "table", 'a table in quotes, such as "plant.readings"'), _text(table, "query")
    if name and query:
        table.wrong("query", "a table is given too; keep one of the two.")
    elif "table" not in table.content and "query" not in table.content:
        table.missing("table", 'the table to read, such as "plant.readings"; or query, a SELECT that gives the rows.')
    default = Database("")
    counts_rows = isinstance(table.content.get("overlap"), int)
    steps = _whole(table, "overlap", 0) if counts_rows else None
    overlap_us = None if counts_rows else _duration(table, "overlap")
    return Database(
        _url_env(table) or "",
        name,
        query,
        _text(table, "watermark", "a column in quotes"),
        default.overlap_us if overlap_us is None else overlap_us,
        default.overlap_steps if steps is None else steps,
    )


def _read(table: _Table, include: tuple[str, ...] | None, exclude: tuple[str, ...] | None) -> ReadOptions:
    zone = _parsed(table, "zone", zone_name, "a time zone such as America/Santiago", why=True)
    return ReadOptions(
        time=_text(table, "time"),
        time_format=_text(table, "time_format"),
        zone=zone,
        asset=_text(table, "asset"),
        asset_from=_choice(table, "asset_from", PLACES),
        name=_text(table, "name"),
        sensor_prefix=_choice(table, "sensor_prefix", PREFIXES),
        layout=_choice(table, "layout", LAYOUTS),
        sensor=_text(table, "sensor"),
        value=_text(table, "value"),
        separator=_text(table, "separator"),
        decimal=_text(table, "decimal"),
        missing=_texts(table, "missing") or (),
        columns=_renames(_table(table, "columns")),
        sensors=include,
        exclude=(*(_texts(table, "exclude") or ()), *(exclude or ())),
        start_us=_moment(table, "start", zone),
        end_us=_moment(table, "end", zone),
    )


def _renames(table: _Table) -> dict[str, str]:
    """``[source.columns]``: column in the file → sensor."""
    named = {key: _text(table, key, "the sensor's name in quotes") for key in _entries(table)}
    return {key: name for key, name in named.items() if name is not None}


def _duration(table: _Table, key: str, least: int = 0) -> int | None:
    us = _parsed(table, key, parse_duration, DURATION)
    if us is not None and us < least:
        table.wrong(key, f"expected {DURATION}, longer than nothing.")
        return None
    return us


def _moment(table: _Table, key: str, zone: str | None) -> int | None:
    return _parsed(table, key, lambda text: parse_time(text, zone), TIME)


def _with_context(source: Source, context: tuple[str, ...]) -> Source:
    """Context sensors, the mode and status columns are read too where ``[sensors] include`` names what is kept."""
    if source.read.sensors is None:
        return replace(source, read=replace(source.read, asked=context))
    kept = tuple(dict.fromkeys((*source.read.sensors, *context)))
    return replace(source, read=replace(source.read, sensors=kept))


def _status_columns(running: str | None) -> tuple[str, ...]:
    """The columns that a condition compares with words."""
    return tuple(conditions.words_in(conditions.parse(running))) if running else ()


def _sensors(table: _Table) -> Sensors:
    running = _parsed(table, "running", _condition, 'a condition such as "motor_current > 5"', why=True)
    settle_us = _duration(table, "settle") or 0
    if settle_us and "running" not in table.content:
        table.wrong("settle", 'it counts from a start, which only running = "…" can tell; give that too.')
    rules = _sensor_rules(_table(table, "grid"))
    bounds: dict[str, Bound] = {}
    shown = rules.units(_units(_table(table, "units")))
    inside = _table(table, "bounds")
    for sensor in _entries(inside):
        bound, unit = _bound(_table(inside, sensor))
        bounds |= {sensor: bound} if bound else {}
        shown |= {sensor: unit} if unit else {}
    mode = _text(table, "mode", 'one sensor in quotes, such as "fuel_code"')
    return Sensors(_texts(table, "context") or (), running, settle_us, rules, mode, bounds, shown)


def _sensor_rules(table: _Table) -> SensorRules:
    """``[sensors.grid]``: ``valve = { aggregate = "last", hold = "10min" }``; ``"*"`` is for sensors not named."""
    rules = {sensor: _sensor_rule(_table(table, sensor)) for sensor in _entries(table)}
    others = rules.pop(OTHERS, SensorRule())
    if others.type != "quantity":
        table.wrong(OTHERS, f"not all sensors can be of type {others.type}; name those that are.")
    return SensorRules(rules, others)


def _sensor_rule(table: _Table) -> SensorRule:
    default = SensorRule()
    rule = SensorRule(
        aggregate=_choice(table, "aggregate", AGGREGATES) or default.aggregate,
        hold_us=_duration(table, "hold") or 0,
        interpolate=_choice(table, "interpolate", INTERPOLATIONS) or default.interpolate,
        type=_choice(table, "type", TYPES) or default.type,
        per=_choice(table, "per", list(PER_US)) or default.per,
        rolls_over_at=_number(table, "rolls_over_at", 1),
    )
    if rule.interpolate == "linear" and not rule.hold_us:
        table.wrong("interpolate", 'a line needs a hold, such as hold = "10min": how long to wait for the next value.')
    for key, wrong, why in (
        ("aggregate", rule.type != "quantity", f"several values of a sensor of type {rule.type} have a mean only."),
        ("aggregate", rule.interpolate == "linear", "a line takes the value of one moment; leave it out."),
        ("interpolate", rule.type == "counter" and rule.interpolate == "linear", "a rate is the mean of a step."),
        ("per", rule.type != "counter", 'it is for a counter: type = "counter".'),
        ("rolls_over_at", rule.type != "counter", 'it is for a counter: type = "counter".'),
    ):
        if wrong and key in table.content:
            table.wrong(key, why)
    table.close()
    return rule


def _mode_alone(table: _Table, sensors: Sensors, exclude: Sequence[str]) -> None:
    """Note where the mode is named as something else too."""
    for key, names in (("context", sensors.context), ("exclude", exclude)):
        if sensors.mode in names:
            table.wrong("mode", f"it stands in {key} too; leave it out of {key}.")


def _condition(text: str) -> str:
    conditions.parse(text)
    return text


def _units(table: _Table) -> dict[str, str]:
    named = {key: _text(table, key, 'a unit in quotes such as "mm/s"') for key in _entries(table)}
    return {key: unit for key, unit in named.items() if unit is not None}


def _bound(table: _Table) -> tuple[Bound | None, str | None]:
    """``{ low = 1, high = 85, unit = "°C" }``; either side may be left out, not both."""
    low, high = _number(table, "low"), _number(table, "high")
    unit = _text(table, "unit", 'a unit in quotes such as "°C"')
    table.close()
    if low is not None and high is not None and low >= high:
        table.mistakes.append(f"{table.where}: low ({low:g}) must be less than high ({high:g}).")
        return None, unit
    if "low" not in table.content and "high" not in table.content:
        table.mistakes.append(f'{table.where}: expected low, high or both, such as {{ high = 85, unit = "°C" }}.')
        return None, unit
    return Bound(low, high), unit


def _train(table: _Table, zone: str | None) -> Train:
    default = TrainOptions()
    seed = _whole(table, "seed", 0)
    options = TrainOptions(
        network=_choice(table, "model", list(MODELS)) or default.network,
        threshold=_choice(table, "threshold", list(THRESHOLDS)) or default.threshold,
        seed=default.seed if seed is None else seed,
        max_steps=_whole(table, "max_steps", 1),
    )
    return Train(
        options, _moment(table, "until", zone), _existing(table, "events"), _duration(table, "time_budget", least=1)
    )


# ---------------------------------------------------------------- telling


def _recipient(table: _Table) -> Recipient:
    kind = _kind(table, list(CHANNELS))
    interest = Interest(
        least=_choice(table, "least", SEVERITIES) or SEVERITIES[0],
        kinds=_choices(table, "kinds", ALERT_KINDS),
        assets=_texts(table, "assets") or (),
        sites=_texts(table, "sites") or (),
    )
    recipient = Recipient(_text(table, "name") or kind, kind, _url_env(table) or "", interest)
    table.close()
    return recipient


def _target(table: _Table) -> Target:
    kind = _kind(table, list(LIVE_SINKS))
    name = _text(table, "name") or kind
    sink = LIVE_SINKS.get(kind)
    if sink is None:  # told already; nothing is known of the other keys
        return Target(name, kind)
    path = _place(table, sink.check) if sink.IS_FILE else None
    url_env = None if sink.IS_FILE else _url_env(table)
    columns = _columns(table, sink.COLUMNS) if sink.COLUMNS else {}
    table.close()
    return Target(name, kind, path, url_env, columns)


def _pages(table: _Table) -> Pages | None:
    folder = _file(table, "folder")
    if folder is None and "folder" not in table.content:
        table.missing("folder", 'where every run leaves its pages, such as "../web/pump".')
    assets, language = _choice(table, "pages", WHOSE_PAGES), _choice(table, "language", LANGUAGES)
    return Pages(folder, assets or WHOSE_PAGES[0], language or LANGUAGES[0]) if folder else None


def _kind(table: _Table, names: Sequence[str]) -> str:
    if "kind" not in table.content:
        table.missing("kind", f"one of {', '.join(names)}.")
    return _choice(table, "kind", names) or ""


def _place(table: _Table, check: Callable[[str], str | None]) -> Path | None:
    if "path" not in table.content:
        table.missing("path", "the file to write.")
    path = _file(table, "path")
    wrong = check(str(path)) if path else None
    if wrong:
        table.wrong("path", wrong)
    return path


def _url_env(table: _Table) -> str | None:
    """The name of an environment variable. An address is a secret: one that stands here is not shown in the mistake."""
    name, address = table.take("url_env"), table.take("url")
    need = 'the name of the environment variable that holds the address, such as url_env = "NOTIFY_URL"'
    if address is not None:
        table.mistakes.append(
            f"{table.path_of('url')}: a pipeline file holds no addresses, for they are secret; give {need}."
        )
    elif name is None:
        table.missing("url_env", f"{need}.")
    elif not isinstance(name, str) or not re.fullmatch(r"[A-Za-z_][A-Za-z0-9_]*", name):
        table.mistakes.append(f"{table.path_of('url_env')}: expected {need}, not the address itself.")
    else:
        return name
    return None


def _columns(table: _Table, fields: Sequence[str]) -> dict[str, str]:
    """``columns = { "Short text" = "reason" }``: column in the file → field."""
    inside = _table(table, "columns")
    chosen = {column: _choice(inside, column, fields) for column in _entries(inside)}
    if chosen and "alert_id" not in chosen.values():
        table.wrong("columns", "one column must be alert_id, by which a row is known again.")
    return {column: name for column, name in chosen.items() if name}


def _choices(table: _Table, key: str, names: Sequence[str]) -> tuple[str, ...]:
    found = _texts(table, key) or ()
    for name in found:
        if name not in names:
            table.wrong(key, f"there is no {name!r}.{_nearest(name, names)}")
    return found


def _names_once(top: _Table, keys: Sequence[str]) -> None:
    """Note names that two tables share: the outbox and the notes know them by name."""
    tables = [(f"{key}[{place}]", item) for key in keys for place, item in enumerate(_listed(top.content.get(key)), 1)]
    first: dict[str, str] = {}
    for where, item in tables:
        name = str(item.get("name") or item.get("kind"))
        if name in first:
            top.mistakes.append(f'{where}.name = "{name}": {first[name]} has this name too; give each its own.')
        first.setdefault(name, where)


def _listed(value: Any) -> list[dict[str, Any]]:
    return [item for item in value if isinstance(item, dict)] if isinstance(value, list) else []


# ---------------------------------------------------------------- alarms


def _alarm(table: _Table, sensors: Sensors) -> Alarm:
    budget_us = _parsed(table, "budget", parse_budget, BUDGET)
    given = {severity: _limit(table, severity) for severity in SEVERITIES}
    _budget_or_limits(table)
    on_us, off_us, deadband = (
        _duration(table, "on_delay"),
        _duration(table, "off_delay"),
        _number(table, "deadband", 0.0),
    )
    default = Policy()
    delays: dict[str, Any] = {"off_delay_us": off_us, "bounds": sensors.bounds, "units": sensors.units}
    delays |= {"respond_within_us": _duration(table, "respond_within") or 0}
    delays |= {"on_delay_us": on_us or 0, "deadband": default.deadband if deadband is None else deadband}
    try:
        policy = Policy(limits=limits({name: us for name, us in given.items() if us is not None}), **delays)
    except UsageError as problem:
        table.mistakes.append(f"{table.where}: {problem}".replace("--", ""))  # the options have the names of the keys
        policy = Policy(**delays)
    silent = {f"{key}_us": _limit(table, key) for key in ("no_data_after", "sensor_bad_after")}
    return Alarm(policy, budget_us, _rules(table), **silent)


def _rules(table: _Table) -> Rules:
    """What the clock does with cases; ``off`` = never."""
    given = {f"{key}_us": _limit(table, key) for key in ("re_alarm", "stale_after", "close_after")}
    return Rules(**{name: us or None for name, us in given.items() if us is not None})


def _budget_or_limits(table: _Table) -> None:
    """A budget sets the limits of all severities: a duration beside it is a mistake."""
    for severity in SEVERITIES:
        if "budget" in table.content and table.content.get(severity) not in (None, "off"):
            table.wrong(severity, "a budget is given too, and it sets every severity; keep one of the two.")


def _limit(table: _Table, key: str) -> int | None:
    """The return period of a severity, or another span [µs]; 0 = off, None = not said or wrong."""
    return _parsed(table, key, parse_limit, f'"off" or {DURATION}')


def parse_limit(text: str) -> int:
    """The return period at which a severity begins [µs]; 0 = ``off``. Raises `UsageError` on anything else."""
    if text.strip().lower() == "off":
        return 0
    us = parse_duration(text)
    if us == 0:
        raise UsageError(f"{text!r} would alert all the time: give a duration such as 30d, or off.")
    return us


def limits(given: Mapping[str, int]) -> dict[str, int]:
    """The severities that are on and their return periods [µs]: the defaults, overruled by ``given`` (0 = off)."""
    together = {**Policy().limits, **given}
    return {severity: together[severity] for severity in SEVERITIES if together.get(severity)}


def parse_budget(text: str) -> int:
    """``1 per week``, ``2 per 30d``: the mean time between false alerts [µs]. Raises `UsageError` on anything else."""
    found = _RATE.fullmatch(text)
    if not found or float(found.group(1)) == 0:
        raise UsageError(f"{text!r} is no budget: write {BUDGET}.")
    span = found.group(2)
    span_us = parse_duration(span if span[0].isdigit() else f"1 {span}")
    if span_us == 0:
        raise UsageError(f"{text!r} is no budget: write {BUDGET}.")
    return round(span_us / float(found.group(1)))
