"""``anomaly-lstm train``: learn normal behaviour and calibrate the return periods."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from anomaly_lstm.cli import given, options, show
from anomaly_lstm.errors import UsageError

if TYPE_CHECKING:
    from anomaly_lstm.config import Pipeline
    from anomaly_lstm.pipeline import Quality, RunPlan, TrainResult
    from anomaly_lstm.sources.contract import ReadOptions
    from anomaly_lstm.training import Stage

Model = Annotated[
    Path | None,
    typer.Option(
        "--model", metavar="DIR", help="Model folder to write; with --pipeline it may be left out.", show_default=False
    ),
]


def train(
    source: options.Sources = None,
    *,
    model: Model = None,
    pipeline: options.PipelineFile = None,
    events: options.Events = None,
    time: options.Time = None,
    time_format: options.TimeFormat = None,
    separator: options.Separator = None,
    decimal: options.Decimal = None,
    missing: options.Missing = None,
    asset: options.Asset = None,
    asset_from: options.AssetFrom = None,
    name: options.AssetName = None,
    zone: options.Zone = None,
    period: options.Period = None,
    start: options.Start = None,
    end: options.End = None,
    sensors: options.SensorNames = None,
    exclude: options.Exclude = None,
    context: options.Context = None,
    mode: options.Mode = None,
    running: options.Running = None,
    network: options.Network = None,
    threshold: options.Threshold = None,
    seed: options.Seed = None,
    time_budget: options.TimeBudget = None,
    max_steps: options.MaxSteps = None,
    json: options.Json = False,
    quiet: options.Quiet = False,
) -> None:
    """Learn normal behaviour, calibrate the return periods, write a model folder."""
    from anomaly_lstm import pipeline as verbs

    screen = show.screen(json=json, quiet=quiet)
    config = given.pipeline_file(pipeline)
    if model is None and config is None:
        raise UsageError("--model is missing: name the folder to write the model to, such as --model model.")
    explaining = given.names(context) or (config.sensors.context if config else ())
    mode = mode or (config.sensors.mode if config else None)
    read = given.reading(
        config,
        time=time,
        time_format=time_format,
        separator=separator,
        decimal=decimal,
        missing=missing,
        asset=asset,
        asset_from=asset_from,
        name=name,
        zone=zone,
        start=start,
        end=end,
        sensors=sensors,
        exclude=exclude,
        period=period,
        context=(*explaining, *((mode,) if mode else ()), *given.status_columns(config, running)),
    )
    plan = verbs.RunPlan(
        source=given.source(source, config),
        folder=config.folder if config else Path(),
        read=_before_until(read, config, end),
        grid=given.grid(config, period=period, running=running),
        context=explaining,
        mode=mode,
        events=events or (config.train.events if config else None),
        units=config.sensors.units if config else {},
        train=given.learning(
            config, network=network, threshold=threshold, seed=seed, max_steps=max_steps, time_budget=time_budget
        ),
    )
    with show.learning(screen) as told:
        result = _learn(plan, model, lambda quality: show.looked(screen, quality), told)
    document = verbs.inspect(result.folder)
    where = ("--pipeline", pipeline) if config and pipeline and model is None else ("SOURCE", "--model", result.folder)
    show.trained(screen, result, document, show.command("score", *where, "--out", "scores.parquet"))
    show.promised(screen, _warnings(config, [asset.asset for asset in result.quality.assets]))
    extra = {"excluded_rows": result.excluded_rows, "quality": result.quality.document()}
    show.document(screen, "train", {**document, "notes": result.quality.notes, **extra})


def _warnings(config: Pipeline | None, assets: Sequence[str]) -> dict[str, int]:
    """Asset → return period of its warnings [µs], by a pipeline file; none without one, or where warnings are off."""
    from anomaly_lstm.budgets import split_budget

    if config is None:
        return {}
    if config.alarm.budget_us is not None:
        costs = given.criticality(config)
        return split_budget(config.alarm.budget_us, {asset: costs.get(asset, "") for asset in assets})
    warning_us = config.alarm.policy.limits.get("warning")
    return dict.fromkeys(assets, warning_us) if warning_us else {}


def _before_until(read: ReadOptions, config: Pipeline | None, end: str | None) -> ReadOptions:
    """``[train] until`` ends the training span, unless ``--end`` is given."""
    until_us = config.train.until_us if config else None
    if until_us is None or end is not None:
        return read
    return replace(read, end_us=until_us if read.end_us is None else min(until_us, read.end_us))


def _learn(
    plan: RunPlan, model: Path | None, looked: Callable[[Quality], None], told: Callable[[Stage], None]
) -> TrainResult:
    """Train into ``model``, or, without one, into the run folder as its model from now on."""
    from anomaly_lstm import pipeline as verbs

    if model is None:
        return verbs.train_into(plan, looked=looked, told=told)
    return verbs.train(
        plan.source,
        model,
        read=plan.read,
        grid=plan.grid,
        context=plan.context,
        mode=plan.mode,
        events=plan.events,
        units=plan.units,
        options=plan.train,
        looked=looked,
        told=told,
    )
