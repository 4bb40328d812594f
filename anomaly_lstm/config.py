"""``pipelines/*.toml`` → the options of each stage.

A pipeline file is read whole before anything is said about it: every mistake is told at once, with its key path, what
came, what is needed, and the nearest name that would do. Relative paths count from the file's own folder.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from anomaly_lstm import conditions
from anomaly_lstm.cases import Rules
from anomaly_lstm.channels import CHANNELS
from anomaly_lstm.clock import parse_duration, zone_name
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
from anomaly_lstm.toml_tables import DURATION, Table, beside, load

LAYOUTS = ("wide", "long")
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
    top = Table("", load(path), path.parent, mistakes)
    pipeline = _pipeline(path, top)
    if mistakes:
        count = "1 mistake" if len(mistakes) == 1 else f"{len(mistakes)} mistakes"
        raise ConfigError(f"{path} has {count}:\n" + "\n".join(f"  {line}" for line in mistakes))
    return pipeline


# ---------------------------------------------------------------- the sections


def _pipeline(path: Path, top: Table) -> Pipeline:
    names = ("source", "run", "assets", "sensors", "train", "alarm", "report")
    source, run, assets, sensors, train, alarm, report = (top.inner(name) for name in names)
    read_sensors = sensors.texts("include"), sensors.texts("exclude")
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
        assets=assets.existing("table"),
        notify=tuple(_recipient(table) for table in top.inner_tables("notify")),
        sinks=tuple(_target(table) for table in top.inner_tables("sinks")),
        pages=_pages(report) if "report" in top.content else None,
    )
    _names_once(top, ("notify", "sinks"))
    for table in (top, source, run, assets, sensors, train, alarm, report):
        table.close()
    return built


def _run(table: Table) -> Path:
    folder = table.file("folder")
    if folder is None and "folder" not in table.content:
        table.missing("folder", 'where the run keeps its files, such as "../runs/pump".')
    return folder or table.folder


def _source(table: Table, include: tuple[str, ...] | None, exclude: tuple[str, ...] | None) -> Source:
    paths = table.texts("paths")
    kind = table.choice("kind", list(SOURCES))
    named = [key for key in ("url_env", "table", "query") if key in table.content]
    if named and "kind" not in table.content:
        table.missing("kind", f'"sql", for {named[0]} is of a database.')
    database = _database(table) if kind == "sql" or (named and kind is None) else None
    if database and paths:
        table.wrong("paths", 'kind = "sql" reads a database, no files; leave paths out, or kind.')
    if not database and not paths and not table.content.get("paths"):
        table.missing("paths", 'files, folders or globs to read, such as ["../data/pump/*.parquet"].')
    period_us = table.duration("period", least=1)
    delay_us = table.duration("delay")
    max_hole = table.whole("max_hole", 0)
    return Source(
        paths=tuple(place if is_remote(place) else beside(table.folder, place) for place in paths or ()),
        kind=kind,
        database=database,
        read=replace(_read(table, include, exclude), step_us=period_us),
        period_us=period_us,
        delay_us=delay_us or 0,
        max_hole=MAX_HOLE if max_hole is None else max_hole,
    )


def _database(table: Table) -> Database:
    """The keys of ``kind = "sql"``."""
    name, query = table.text("table", 'a table in quotes, such as "plant.readings"'), table.text("query")
    if name and query:
        table.wrong("query", "a table is given too; keep one of the two.")
    elif "table" not in table.content and "query" not in table.content:
        table.missing("table", 'the table to read, such as "plant.readings"; or query, a SELECT that gives the rows.')
    default = Database("")
    counts_rows = isinstance(table.content.get("overlap"), int)
    steps = table.whole("overlap", 0) if counts_rows else None
    overlap_us = None if counts_rows else table.duration("overlap")
    return Database(
        _url_env(table) or "",
        name,
        query,
        table.text("watermark", "a column in quotes"),
        default.overlap_us if overlap_us is None else overlap_us,
        default.overlap_steps if steps is None else steps,
    )


def _read(table: Table, include: tuple[str, ...] | None, exclude: tuple[str, ...] | None) -> ReadOptions:
    zone = table.parsed("zone", zone_name, "a time zone such as America/Santiago", why=True)
    return ReadOptions(
        time=table.text("time"),
        time_format=table.text("time_format"),
        zone=zone,
        asset=table.text("asset"),
        asset_from=table.choice("asset_from", PLACES),
        name=table.text("name"),
        sensor_prefix=table.choice("sensor_prefix", PREFIXES),
        layout=table.choice("layout", LAYOUTS),
        sensor=table.text("sensor"),
        value=table.text("value"),
        separator=table.text("separator"),
        decimal=table.text("decimal"),
        missing=table.texts("missing") or (),
        columns=_renames(table.inner("columns")),
        sensors=include,
        exclude=(*(table.texts("exclude") or ()), *(exclude or ())),
        start_us=table.moment("start", zone),
        end_us=table.moment("end", zone),
    )


def _renames(table: Table) -> dict[str, str]:
    """``[source.columns]``: column in the file → sensor."""
    named = {key: table.text(key, "the sensor's name in quotes") for key in table.entries()}
    return {key: name for key, name in named.items() if name is not None}


def _with_context(source: Source, context: tuple[str, ...]) -> Source:
    """Context sensors, the mode and status columns are read too where ``[sensors] include`` names what is kept."""
    if source.read.sensors is None:
        return replace(source, read=replace(source.read, asked=context))
    kept = tuple(dict.fromkeys((*source.read.sensors, *context)))
    return replace(source, read=replace(source.read, sensors=kept))


def _status_columns(running: str | None) -> tuple[str, ...]:
    """The columns that a condition compares with words."""
    return tuple(conditions.words_in(conditions.parse(running))) if running else ()


def _sensors(table: Table) -> Sensors:
    running = table.parsed("running", _condition, 'a condition such as "motor_current > 5"', why=True)
    settle_us = table.duration("settle") or 0
    if settle_us and "running" not in table.content:
        table.wrong("settle", 'it counts from a start, which only running = "…" can tell; give that too.')
    rules = _sensor_rules(table.inner("grid"))
    bounds: dict[str, Bound] = {}
    shown = rules.units(_units(table.inner("units")))
    inside = table.inner("bounds")
    for sensor in inside.entries():
        bound, unit = _bound(inside.inner(sensor))
        bounds |= {sensor: bound} if bound else {}
        shown |= {sensor: unit} if unit else {}
    mode = table.text("mode", 'one sensor in quotes, such as "fuel_code"')
    return Sensors(table.texts("context") or (), running, settle_us, rules, mode, bounds, shown)


def _sensor_rules(table: Table) -> SensorRules:
    """``[sensors.grid]``: ``valve = { aggregate = "last", hold = "10min" }``; ``"*"`` is for sensors not named."""
    rules = {sensor: _sensor_rule(table.inner(sensor)) for sensor in table.entries()}
    others = rules.pop(OTHERS, SensorRule())
    if others.type != "quantity":
        table.wrong(OTHERS, f"not all sensors can be of type {others.type}; name those that are.")
    return SensorRules(rules, others)


def _sensor_rule(table: Table) -> SensorRule:
    default = SensorRule()
    rule = SensorRule(
        aggregate=table.choice("aggregate", AGGREGATES) or default.aggregate,
        hold_us=table.duration("hold") or 0,
        interpolate=table.choice("interpolate", INTERPOLATIONS) or default.interpolate,
        type=table.choice("type", TYPES) or default.type,
        per=table.choice("per", list(PER_US)) or default.per,
        rolls_over_at=table.number("rolls_over_at", 1),
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


def _mode_alone(table: Table, sensors: Sensors, exclude: Sequence[str]) -> None:
    """Note where the mode is named as something else too."""
    for key, names in (("context", sensors.context), ("exclude", exclude)):
        if sensors.mode in names:
            table.wrong("mode", f"it stands in {key} too; leave it out of {key}.")


def _condition(text: str) -> str:
    conditions.parse(text)
    return text


def _units(table: Table) -> dict[str, str]:
    named = {key: table.text(key, 'a unit in quotes such as "mm/s"') for key in table.entries()}
    return {key: unit for key, unit in named.items() if unit is not None}


def _bound(table: Table) -> tuple[Bound | None, str | None]:
    """``{ low = 1, high = 85, unit = "°C" }``; either side may be left out, not both."""
    low, high = table.number("low"), table.number("high")
    unit = table.text("unit", 'a unit in quotes such as "°C"')
    table.close()
    if low is not None and high is not None and low >= high:
        table.mistakes.append(f"{table.where}: low ({low:g}) must be less than high ({high:g}).")
        return None, unit
    if "low" not in table.content and "high" not in table.content:
        table.mistakes.append(f'{table.where}: expected low, high or both, such as {{ high = 85, unit = "°C" }}.')
        return None, unit
    return Bound(low, high), unit


def _train(table: Table, zone: str | None) -> Train:
    default = TrainOptions()
    seed = table.whole("seed", 0)
    options = TrainOptions(
        network=table.choice("model", list(MODELS)) or default.network,
        threshold=table.choice("threshold", list(THRESHOLDS)) or default.threshold,
        seed=default.seed if seed is None else seed,
        max_steps=table.whole("max_steps", 1),
    )
    return Train(options, table.moment("until", zone), table.existing("events"), table.duration("time_budget", least=1))


# ---------------------------------------------------------------- telling


def _recipient(table: Table) -> Recipient:
    kind = _kind(table, list(CHANNELS))
    interest = Interest(
        least=table.choice("least", SEVERITIES) or SEVERITIES[0],
        kinds=table.choices("kinds", ALERT_KINDS),
        assets=table.texts("assets") or (),
        sites=table.texts("sites") or (),
    )
    recipient = Recipient(table.text("name") or kind, kind, _url_env(table) or "", interest)
    table.close()
    return recipient


def _target(table: Table) -> Target:
    kind = _kind(table, list(LIVE_SINKS))
    name = table.text("name") or kind
    sink = LIVE_SINKS.get(kind)
    if sink is None:  # told already; nothing is known of the other keys
        return Target(name, kind)
    path = _place(table, sink.check) if sink.IS_FILE else None
    url_env = None if sink.IS_FILE else _url_env(table)
    columns = _columns(table, sink.COLUMNS) if sink.COLUMNS else {}
    table.close()
    return Target(name, kind, path, url_env, columns)


def _pages(table: Table) -> Pages | None:
    folder = table.file("folder")
    if folder is None and "folder" not in table.content:
        table.missing("folder", 'where every run leaves its pages, such as "../web/pump".')
    assets, language = table.choice("pages", WHOSE_PAGES), table.choice("language", LANGUAGES)
    return Pages(folder, assets or WHOSE_PAGES[0], language or LANGUAGES[0]) if folder else None


def _kind(table: Table, names: Sequence[str]) -> str:
    if "kind" not in table.content:
        table.missing("kind", f"one of {', '.join(names)}.")
    return table.choice("kind", names) or ""


def _place(table: Table, check: Callable[[str], str | None]) -> Path | None:
    if "path" not in table.content:
        table.missing("path", "the file to write.")
    path = table.file("path")
    wrong = check(str(path)) if path else None
    if wrong:
        table.wrong("path", wrong)
    return path


def _url_env(table: Table) -> str | None:
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


def _columns(table: Table, fields: Sequence[str]) -> dict[str, str]:
    """``columns = { "Short text" = "reason" }``: column in the file → field."""
    inside = table.inner("columns")
    chosen = {column: inside.choice(column, fields) for column in inside.entries()}
    if chosen and "alert_id" not in chosen.values():
        table.wrong("columns", "one column must be alert_id, by which a row is known again.")
    return {column: name for column, name in chosen.items() if name}


def _names_once(top: Table, keys: Sequence[str]) -> None:
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


def _alarm(table: Table, sensors: Sensors) -> Alarm:
    budget_us = table.parsed("budget", parse_budget, BUDGET)
    given = {severity: _limit(table, severity) for severity in SEVERITIES}
    _budget_or_limits(table)
    on_us, off_us, deadband = (
        table.duration("on_delay"),
        table.duration("off_delay"),
        table.number("deadband", 0.0),
    )
    default = Policy()
    delays: dict[str, Any] = {"off_delay_us": off_us, "bounds": sensors.bounds, "units": sensors.units}
    delays |= {"respond_within_us": table.duration("respond_within") or 0}
    delays |= {"on_delay_us": on_us or 0, "deadband": default.deadband if deadband is None else deadband}
    try:
        policy = Policy(limits=limits({name: us for name, us in given.items() if us is not None}), **delays)
    except UsageError as problem:
        table.mistakes.append(f"{table.where}: {problem}".replace("--", ""))  # the options have the names of the keys
        policy = Policy(**delays)
    silent = {f"{key}_us": _limit(table, key) for key in ("no_data_after", "sensor_bad_after")}
    return Alarm(policy, budget_us, _rules(table), **silent)


def _rules(table: Table) -> Rules:
    """What the clock does with cases; ``off`` = never."""
    given = {f"{key}_us": _limit(table, key) for key in ("re_alarm", "stale_after", "close_after")}
    return Rules(**{name: us or None for name, us in given.items() if us is not None})


def _budget_or_limits(table: Table) -> None:
    """A budget sets the limits of all severities: a duration beside it is a mistake."""
    for severity in SEVERITIES:
        if "budget" in table.content and table.content.get(severity) not in (None, "off"):
            table.wrong(severity, "a budget is given too, and it sets every severity; keep one of the two.")


def _limit(table: Table, key: str) -> int | None:
    """The return period of a severity, or another span [µs]; 0 = off, None = not said or wrong."""
    return table.parsed(key, parse_limit, f'"off" or {DURATION}')


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
