"""``anomaly-lstm init``: look at the data, write a commented pipeline file."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from anomaly_lstm.cli import given, options, show
from anomaly_lstm.errors import UsageError


class Service(StrEnum):
    """Services that closed, and whose users move in."""

    lookout = "lookout"
    azure = "azure"


Out = Annotated[
    Path | None,
    typer.Option(
        "--out",
        metavar="FILE",
        help="Pipeline file to write, never over another (default: pipelines/NAME.toml).",
        show_default=False,
    ),
]

From = Annotated[
    Service | None,
    typer.Option(
        "--from",
        help="SOURCE is what a service that closed left: a copy of the bucket (lookout), a folder or ZIP (azure).",
        show_default=False,
    ),
]


def init(
    source: options.Sources = None,
    *,
    from_: From = None,
    out: Out = None,
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
    network: options.Network = None,
    json: options.Json = False,
    quiet: options.Quiet = False,
) -> None:
    """Look at the data and write a commented pipeline file that runs as it is: the first step with new data."""
    from anomaly_lstm import pipeline as verbs

    screen = show.screen(json=json, quiet=quiet)
    if not source:
        raise UsageError("SOURCE is missing: name a CSV or Parquet file, a folder or a glob.")
    read = given.reading(
        None,
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
    )
    out = out or Path("pipelines") / f"{_stem(source[0])}.toml"
    if network is not None:
        given.check_network(network)
    known = verbs.Known(period_us=given.grid(None, period=period).period_us, network=network, events=events)
    if from_ is not None and (len(source) > 1 or events or period):
        raise UsageError("--from takes one folder (or file), and period and events from what is there.")
    with show.ingesting(screen) as told:
        if from_ is None:
            result = verbs.init(source, out, read=read, known=known, progress=told)
        else:
            place = Path(source[0]).expanduser()
            result = verbs.move_in(from_.value, place, out, read=read, network=network, progress=told)
    show.begun(screen, result)
    show.document(screen, "init", show.begun_document(result))


def _stem(source: str) -> str:
    """A name for the pipeline, from that of its source: ``pump`` of ``data/pump/*.parquet`` and of ``pump.csv.gz``."""
    parts = [part for part in Path(source).absolute().parts[1:] if not set(part) & set("*?[")]
    name = parts[-1].split(".")[0] if parts else ""
    return "".join(c if c.isalnum() or c in "-_ " else "-" for c in name).strip() or "pipeline"
