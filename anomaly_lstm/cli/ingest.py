"""``anomaly-lstm ingest``: any export → tidy Parquet on a regular grid."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Annotated

import typer

from anomaly_lstm.cli import given, options, show

Out = Annotated[
    Path, typer.Option("--out", metavar="DIR", help="Folder to write; an ingested folder there is replaced.")
]


def ingest(
    source: options.Sources = None,
    *,
    out: Out,
    pipeline: options.PipelineFile = None,
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
    mode: options.Mode = None,
    json: options.Json = False,
    quiet: options.Quiet = False,
) -> None:
    """Turn an export into tidy Parquet on a regular UTC grid, with a data-quality report."""
    from anomaly_lstm import pipeline as verbs

    screen = show.screen(json=json, quiet=quiet)
    config = given.pipeline_file(pipeline)
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
        context=(*((mode,) if mode else ()), *given.status_columns(config, None)),
    )
    grid = given.grid(config, period=period)
    place = given.source(source, config)
    with show.ingesting(screen) as told:
        result = verbs.ingest(place, out, read=replace(read, mode=mode), grid=grid, progress=told)
    show.ingested(screen, result)
    show.document(screen, "ingest", {"out": result.folder, "rows": result.rows, **result.quality.document()})
