"""How flags and a pipeline file become the options of the stages.

A flag that is given wins over the pipeline file; what neither says is found out by the stage itself.
"""

from __future__ import annotations

import csv
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from anomaly_lstm.errors import ConfigError, ModelError, UsageError

if TYPE_CHECKING:  # these load NumPy and Arrow, which --help must not
    from anomaly_lstm.config import Pipeline
    from anomaly_lstm.events import Asset as AssetRow
    from anomaly_lstm.learning import TrainOptions
    from anomaly_lstm.pipeline import GridOptions, RunPlan
    from anomaly_lstm.policy import Policy
    from anomaly_lstm.sources import Place
    from anomaly_lstm.sources.contract import ReadOptions

SEPARATORS = (",", ";", "|", "\t", "^", "~", " ", "  ")
"""What the columns of a CSV may be separated by; two blanks stand for two or more."""


# ---------------------------------------------------------------- texts


def names(text: str | None) -> tuple[str, ...] | None:
    """``a,b`` → names; one that holds a comma stands in double quotes. None where the flag is not given."""
    if text is None:
        return None
    found = tuple(name.strip() for name in next(csv.reader([text], skipinitialspace=True), []))
    if not found or not all(found):
        raise UsageError(
            f"{text!r} is no list of sensors: write names with commas between them, such as flow,pressure."
        )
    return found


def _place(text: str | None) -> str | None:
    """What assets are named after. Raises UsageError where it is neither their file nor their folder."""
    if text not in (None, "file", "folder"):
        raise UsageError(f"--asset-from: {text!r} is neither 'file' nor 'folder'.")
    return text


def separator_mark(text: str | None) -> str | None:
    """The mark between columns; a tab may be called ``tab``. Raises UsageError on anything a CSV is not read by."""
    mark = {"tab": "\t", "\\t": "\t", "blanks": " "}.get(text.lower(), text) if text is not None else None
    if mark is not None and mark not in SEPARATORS:
        raise UsageError(f"--separator: {text!r} is none of ',' ';' '|' '^' '~', tab and blanks.")
    return mark


def decimal_mark(text: str | None) -> str | None:
    """The decimal mark. Raises UsageError where it is none."""
    if text not in (None, ".", ","):
        raise UsageError(f"--decimal: {text!r} is neither '.' nor ','.")
    return text


def span_us(option: str, text: str | None) -> int | None:
    """A duration [µs], or None where the flag is not given. Raises UsageError naming the option."""
    from anomaly_lstm.clock import parse_duration

    if text is None:
        return None
    try:
        return parse_duration(text)
    except UsageError as problem:
        raise UsageError(f"{option}: {problem}") from problem


def spans_us(option: str, text: str | None, *, least_us: int = 0) -> tuple[int, ...] | None:
    """Durations with commas between them [µs], or None where the flag is not given. Raises UsageError naming it."""
    if text is None:
        return None
    found = tuple(us for part in text.split(",") if (us := span_us(option, part)) is not None)
    if min(found) < least_us:
        raise UsageError(f"{option}: {text!r} holds a span of nothing; give durations such as 7d,30d.")
    return found


def moment_us(option: str, text: str | None, zone: str | None) -> int | None:
    """A moment [µs UTC] read in ``zone``, or None where the flag is not given. Raises UsageError naming the option."""
    from anomaly_lstm.clock import parse_time

    if text is None:
        return None
    try:
        return parse_time(text, zone)
    except UsageError as problem:
        raise UsageError(f"{option}: {problem}") from problem


# ---------------------------------------------------------------- flags over file


def pipeline_file(path: Path | None) -> Pipeline | None:
    """The pipeline file of ``--pipeline``, if there is one."""
    from anomaly_lstm.config import read_pipeline

    return read_pipeline(path) if path else None


def source(given: Sequence[str] | None, config: Pipeline | None) -> Place:
    """What to read: the arguments, else the pipeline file's database, or its ``paths``, whose ``kind`` must fit."""
    if given:
        return given
    if config is None:
        raise UsageError("SOURCE is missing: name a CSV or Parquet file, a folder or a glob, or give --pipeline FILE.")
    if config.source.database:
        return config.source.database
    _check_kind(config)
    return config.source.paths


def _check_kind(config: Pipeline) -> None:
    from anomaly_lstm.sources import resolve

    wanted = config.source.kind
    found = resolve(config.source.paths)[0] if wanted else None
    if found != wanted:
        raise ConfigError(f'{config.path}: source.kind = "{wanted}", but what source.paths names is {found}.')


def reading(
    config: Pipeline | None,
    *,
    time: str | None,
    time_format: str | None,
    separator: str | None,
    decimal: str | None,
    asset: str | None,
    zone: str | None,
    start: str | None,
    end: str | None,
    sensors: str | None,
    exclude: str | None,
    asset_from: str | None = None,
    name: str | None = None,
    missing: str | None = None,
    context: Sequence[str] = (),
    period: str | None = None,
) -> ReadOptions:
    """How the source is read; context sensors are read too where ``--sensors`` names what is kept."""
    from dataclasses import replace

    from anomaly_lstm.sources.contract import ReadOptions

    base = config.source.read if config else ReadOptions()
    if config and not zone:  # a flag is for all assets
        base = replace(base, zones=zones(config))
    zone = zone or base.zone
    kept = names(sensors)
    given: dict[str, Any] = {
        "time": time,
        "time_format": time_format,
        "separator": separator_mark(separator),
        "decimal": decimal_mark(decimal),
        "missing": names(missing),
        "asset": asset,
        "asset_from": _place(asset_from),
        "name": name,
        "zone": zone,
        "start_us": moment_us("--start", start, zone),
        "end_us": moment_us("--end", end, zone),
        "sensors": None if kept is None else tuple(dict.fromkeys((*kept, *context))),
        "exclude": names(exclude),
        "asked": (*base.asked, *context),
        "step_us": span_us("--period", period),
    }
    if asset is not None or asset_from is not None or name is not None:  # one of them says whose the rows are
        base = replace(base, asset=None, asset_from=None, name=None)
    read = replace(base, **{name: value for name, value in given.items() if value is not None})
    if read.start_us is not None and read.end_us is not None and read.start_us >= read.end_us:
        raise UsageError("--start must lie before --end; the span is [start, end).")
    return read


def zones(config: Pipeline) -> dict[str, str]:
    """Asset → zone of its times without an offset, by the assets table of a pipeline file."""
    return {asset.asset: asset.zone for asset in assets_table(config) if asset.zone}


def assets_table(config: Pipeline | None) -> list[AssetRow]:
    """The assets table of a pipeline file; empty without one."""
    from anomaly_lstm.events import read_assets

    return read_assets(config.assets) if config and config.assets else []


def grid(config: Pipeline | None, *, period: str | None, running: str | None = None) -> GridOptions:
    """How rows become a grid."""
    from anomaly_lstm.conditions import parse
    from anomaly_lstm.pipeline import GridOptions
    from anomaly_lstm.telemetry import DEFAULT, MAX_HOLE

    period_us = span_us("--period", period)
    if period_us == 0:
        raise UsageError("--period: give a duration longer than nothing, such as 1min.")
    if running is not None:
        parse(running)  # a mistake in it is told before a long reading
    return GridOptions(
        period_us=period_us or (config.source.period_us if config else None),
        max_hole=config.source.max_hole if config else MAX_HOLE,
        running=running or (config.sensors.running if config else None),
        rules=config.sensors.rules if config else DEFAULT,
        settle_us=config.sensors.settle_us if config else 0,
    )


def status_columns(config: Pipeline | None, running: str | None) -> tuple[str, ...]:
    """The columns of words that tell when an asset runs: they are read too where ``--sensors`` names what is kept."""
    from anomaly_lstm.conditions import parse, words_in

    condition = running or (config.sensors.running if config else None)
    return tuple(words_in(parse(condition))) if condition else ()


def learning(
    config: Pipeline | None,
    *,
    network: str | None,
    threshold: str | None,
    seed: int | None,
    max_steps: int | None,
    time_budget: str | None,
) -> TrainOptions:
    """What is learned, and for how long at most; the clock of the time budget starts here."""
    from dataclasses import replace

    from anomaly_lstm.learning import TrainOptions

    base = config.train.options if config else TrainOptions()
    flags = {"network": network, "threshold": threshold, "seed": seed, "max_steps": max_steps}
    chosen = replace(base, **{name: value for name, value in flags.items() if value is not None})  # type: ignore[arg-type]  # each fits its field
    _check_known(chosen)
    budget_us = span_us("--time-budget", time_budget) or (config.train.time_budget_us if config else None)
    return chosen if budget_us is None else _until(chosen, budget_us)


def _until(chosen: TrainOptions, budget_us: int) -> TrainOptions:
    import time
    from dataclasses import replace

    deadline = time.monotonic() + budget_us / 1e6
    return replace(chosen, expired=lambda: time.monotonic() > deadline)


def _check_known(chosen: TrainOptions) -> None:
    """Refuse a name that does not exist before the data are read."""
    from anomaly_lstm.thresholds import THRESHOLDS

    check_network(chosen.network)
    _check_name("--threshold", chosen.threshold, THRESHOLDS)


def check_network(name: str) -> None:
    """Raise UsageError where there is no network of that name."""
    from anomaly_lstm.models import MODELS

    _check_name("--network", name, MODELS)


def _check_name(option: str, name: str, known: Iterable[str]) -> None:
    from anomaly_lstm.sources.words import near

    if name not in known:
        raise UsageError(f"{option}: there is no '{name}'; there are: {', '.join(known)}.{near(name, known)}")


def policy(
    config: Pipeline | None,
    *,
    advisory: str | None,
    warning: str | None,
    critical: str | None,
    on_delay: str | None,
    off_delay: str | None,
    deadband: float | None,
    respond_within: str | None = None,
    stored: Policy | None = None,
) -> tuple[Policy, int | None]:
    """When an alert is raised, and the budget of the pipeline [µs] where one sets the limits.

    A severity given as a flag puts the budget out of force. Without a pipeline file flags win over the ``stored``
    policy, if there is one.
    """
    from dataclasses import replace

    from anomaly_lstm.config import limits
    from anomaly_lstm.policy import Policy
    from anomaly_lstm.tables import SEVERITIES

    base = config.alarm.policy if config else stored or Policy()
    flags = {"on_delay_us": span_us("--on-delay", on_delay), "off_delay_us": span_us("--off-delay", off_delay)}
    flags["respond_within_us"] = span_us("--respond-within", respond_within)
    changed: dict[str, Any] = {name: us for name, us in flags.items() if us is not None}
    changed |= {} if deadband is None else {"deadband": deadband}
    severities = {"advisory": advisory, "warning": warning, "critical": critical}
    given = {name: _limit(name, text) for name, text in severities.items() if text is not None}
    budget_us = config.alarm.budget_us if config and not given else None
    if given:
        changed["limits"] = limits({**dict.fromkeys(SEVERITIES, 0), **base.limits, **given})
    return replace(base, **changed), budget_us


def _limit(severity: str, text: str) -> int:
    from anomaly_lstm.config import parse_limit

    try:
        return parse_limit(text)
    except UsageError as problem:
        raise UsageError(f"--{severity}: {problem}") from problem


# ---------------------------------------------------------------- what only a pipeline file says


def plan_from(config: Pipeline) -> RunPlan:
    """A pipeline file as the plan of a run."""
    from dataclasses import replace

    from anomaly_lstm.pipeline import RunPlan

    learn = learning(config, network=None, threshold=None, seed=None, max_steps=None, time_budget=None)
    assets = assets_table(config)
    return RunPlan(
        source=source(None, config),
        folder=config.folder,
        read=replace(config.source.read, zones=zones(config)),
        grid=grid(config, period=None),
        context=config.sensors.context,
        mode=config.sensors.mode,
        events=config.train.events,
        units=config.sensors.units,
        train_until_us=config.train.until_us,
        train=learn,
        policy=config.alarm.policy,
        delay_us=config.source.delay_us,
        budget_us=config.alarm.budget_us,
        disabled=[asset.asset for asset in assets if not asset.enabled],
        criticality={asset.asset: asset.criticality for asset in assets},
        rules=config.alarm.rules,
        no_data_after_us=config.alarm.no_data_after_us,
        sensor_bad_after_us=config.alarm.sensor_bad_after_us,
        name=config.path.stem,
        sites={asset.asset: asset.site for asset in assets if asset.site},
        notify=config.notify,
        sinks=config.sinks,
        pages=config.pages,
        table=assets,
        path=config.path,
    )


def criticality(config: Pipeline | None) -> dict[str, str]:
    """Asset → what its failure costs, by the assets table of a pipeline file."""
    return {asset.asset: asset.criticality for asset in assets_table(config)}


def model_folder(given: Path | None, config: Pipeline | None) -> Path:
    """``--model``, else the model the run folder works with."""
    from anomaly_lstm.pipeline import current_model

    if given is not None:
        return given
    if config is None:
        raise UsageError("--model is missing: name the folder that `anomaly-lstm train SOURCE --model DIR` wrote.")
    found = current_model(config.folder)
    if found is None:
        raise ModelError(f"{config.folder} has no model yet. Make one with `anomaly-lstm run {config.path}`.")
    return found


def events_file(given: Path | None, config: Pipeline | None) -> Path:
    """``--events``, else the events of the pipeline file."""
    found = given or (config.train.events if config else None)
    if found is None:
        raise UsageError("--events is missing: name an events.csv with the columns asset,start,end,kind.")
    return found
