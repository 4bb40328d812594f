"""``anomaly-lstm score``: how rare is each row?"""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from anomaly_lstm.cli import given, options, show
from anomaly_lstm.errors import UsageError


class Detail(StrEnum):
    """How much is written per row."""

    full = "full"
    score = "score"


Model = Annotated[
    Path | None,
    typer.Option("--model", metavar="DIR", help="Model folder; with --pipeline the run folder's.", show_default=False),
]
Out = Annotated[Path, typer.Option("--out", metavar="FILE", help="Scores table to write, Parquet.")]
Detailed = Annotated[
    Detail, typer.Option("--detail", help="full: shares, values, expected values; score: none of them.")
]


def score(
    source: options.Sources = None,
    *,
    out: Out,
    model: Model = None,
    pipeline: options.PipelineFile = None,
    time: options.Time = None,
    time_format: options.TimeFormat = None,
    separator: options.Separator = None,
    decimal: options.Decimal = None,
    missing: options.Missing = None,
    asset: options.Asset = None,
    zone: options.Zone = None,
    period: options.Period = None,
    start: options.Start = None,
    end: options.End = None,
    sensors: options.SensorNames = None,
    exclude: options.Exclude = None,
    events: options.Events = None,
    detail: Detailed = Detail.full,
    json: options.Json = False,
    quiet: options.Quiet = False,
) -> None:
    """Score every row: how rare is it in normal operation, and which sensors say so?"""
    from anomaly_lstm import pipeline as verbs

    screen = show.screen(json=json, quiet=quiet)
    config = given.pipeline_file(pipeline)
    folder = given.model_folder(model, config)
    if out.suffix.lower() != ".parquet":
        raise UsageError(f"--out {out}: scores are written as Parquet; end the name in .parquet.")
    _check_period(period, folder)
    read = given.reading(
        config,
        time=time,
        time_format=time_format,
        separator=separator,
        decimal=decimal,
        missing=missing,
        asset=asset,
        zone=zone,
        start=start,
        end=end,
        sensors=sensors,
        exclude=exclude,
        period=period,
    )
    place = given.source(source, config)
    with show.scoring(screen) as told:
        result = verbs.score(
            place,
            folder,
            out,
            read=read,
            events=events or (config.train.events if config else None),
            detail=detail == Detail.full,
            told=told,
        )
    hint = show.command("alert", result.out, "--model", folder, "--out", "alerts.json")
    show.scored(screen, result, hint)
    content = {"out": result.out, "model_id": result.model_id, "assets": result.assets, "rows": result.rows}
    content |= {"states": result.states, "failed": result.failed, "notes": result.quality.notes}
    show.document(screen, "score", content | {"quality": result.quality.document()})
    verbs.failures(result.failed)


def _check_period(period: str | None, folder: Path) -> None:
    """The grid is the model's: another period needs another model."""
    from anomaly_lstm.clock import format_duration
    from anomaly_lstm.pipeline import load

    period_us = given.span_us("--period", period)
    if period_us is None:
        return
    known_us = load(folder)[0].grid.period_us
    if period_us != known_us:
        known = format_duration(known_us)
        raise UsageError(
            f"--period {period}: the model's period is {known}. Leave --period out, or train for {period}."
        )
