"""``anomaly-lstm forecast``: what will the sensors read?"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from anomaly_lstm.cli import given, options, show
from anomaly_lstm.errors import UsageError

Model = Annotated[
    Path | None,
    typer.Option("--model", metavar="DIR", help="Model folder; with --pipeline the run folder's.", show_default=False),
]
Horizon = Annotated[str, typer.Option("--horizon", metavar="SPAN", help="How far ahead, such as 24h.")]
Out = Annotated[
    Path | None,
    typer.Option(
        "--out",
        metavar="FILE",
        help="Every row ahead, as .parquet, .csv or .json; without it the forecast is only shown.",
    ),
]
ContextAhead = Annotated[
    Path | None,
    typer.Option(
        "--context-ahead",
        metavar="PLAN",
        help="Planned context, such as set-points: a file like SOURCE. A value counts from its time until the next "
        "(default: held, or as the day before where that was nearer).",
        show_default=False,
    ),
]


def forecast(
    source: options.Sources = None,
    *,
    model: Model = None,
    horizon: Horizon = "24h",
    context_ahead: ContextAhead = None,
    out: Out = None,
    pipeline: options.PipelineFile = None,
    events: options.Events = None,
    time: options.Time = None,
    time_format: options.TimeFormat = None,
    separator: options.Separator = None,
    decimal: options.Decimal = None,
    missing: options.Missing = None,
    asset: options.Asset = None,
    zone: options.Zone = None,
    start: options.Start = None,
    end: options.End = None,
    json: options.Json = False,
    quiet: options.Quiet = False,
) -> None:
    """Forecast the sensors from the last row on, with 80 % intervals and their record on SOURCE.

    Example: anomaly-lstm forecast data/pump.csv --model model --horizon 24h --out forecast.parquet
    """
    from anomaly_lstm import pipeline as verbs
    from anomaly_lstm.store import rows_of

    screen = show.screen(json=json, quiet=quiet)
    config = given.pipeline_file(pipeline)
    folder = given.model_folder(model, config)
    horizon_us = given.span_us("--horizon", horizon)
    if not horizon_us:
        raise UsageError("--horizon: give a duration longer than nothing, such as 24h.")
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
        sensors=None,
        exclude=None,
    )
    with show.forecasting(screen) as told:
        result = verbs.forecast(
            given.source(source, config),
            folder,
            out,
            horizon_us=horizon_us,
            read=read,
            context_ahead=context_ahead,
            events=events or (config.train.events if config else None),
            told=told,
        )
    document = result.document()
    show.forecast(screen, result, document)
    rows = None if out else rows_of(result.table())
    show.document(screen, "forecast", {"out": out, **document, "rows": rows})
    verbs.failures(result.failed)
