"""Options that several verbs share."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:  # these load NumPy and Arrow, which --help must not
    pass

_READING, _LEARNING, _ALARM = "How the source is read", "What is learned", "When an alert is raised"

Sources = Annotated[
    list[str] | None,
    typer.Argument(
        metavar="SOURCE",
        help="CSV or Parquet: a file, a folder, a glob, an ingested folder, or an address such as s3://bucket/plant.",
        show_default=False,
    ),
]
PipelineFile = Annotated[
    Path | None,
    typer.Option("--pipeline", metavar="FILE", help="Pipeline file; flags win over it.", show_default=False),
]
Time = Annotated[
    str | None,
    typer.Option(
        "--time", metavar="COLUMN", help="Time column (default: found).", rich_help_panel=_READING, show_default=False
    ),
]
TimeFormat = Annotated[
    str | None,
    typer.Option(
        "--time-format",
        metavar="FORM",
        help="Such as %d/%m/%Y %H:%M, iso8601, epoch_s, excel; counter or elapsed without dates (default: found).",
        rich_help_panel=_READING,
        show_default=False,
    ),
]
Separator = Annotated[
    str | None,
    typer.Option(
        "--separator",
        metavar="MARK",
        help="Mark between the columns of a CSV: , ; | ^ ~ tab or blanks (default: found).",
        rich_help_panel=_READING,
        show_default=False,
    ),
]
Decimal = Annotated[
    str | None,
    typer.Option(
        "--decimal",
        metavar="MARK",
        help="Decimal mark: . or , (default: found).",
        rich_help_panel=_READING,
        show_default=False,
    ),
]
Missing = Annotated[
    str | None,
    typer.Option(
        "--missing",
        metavar="A,B",
        help="What stands for no value in a cell, such as -9999 (default: Bad, #N/A and the like).",
        rich_help_panel=_READING,
        show_default=False,
    ),
]
Asset = Annotated[
    str | None,
    typer.Option(
        "--asset",
        metavar="COLUMN",
        help="Column that names the asset (default: the file's name).",
        rich_help_panel=_READING,
        show_default=False,
    ),
]
AssetFrom = Annotated[
    str | None,
    typer.Option(
        "--asset-from",
        metavar="PLACE",
        help="file: each file is an asset; folder: the files of a folder are one (default: file).",
        rich_help_panel=_READING,
        show_default=False,
    ),
]
AssetName = Annotated[
    str | None,
    typer.Option(
        "--name",
        metavar="ASSET",
        help="All files are this one asset, joined on time.",
        rich_help_panel=_READING,
        show_default=False,
    ),
]
Zone = Annotated[
    str | None,
    typer.Option(
        "--zone",
        metavar="ZONE",
        help="Zone of times without an offset, such as America/Santiago or UTC+01:00 (default: UTC).",
        rich_help_panel=_READING,
        show_default=False,
    ),
]


class Language(StrEnum):
    """The language of a page."""

    EN = "en"
    ES = "es"


InLanguage = Annotated[Language, typer.Option("--language", help="Language of the page.")]
Period = Annotated[
    str | None,
    typer.Option(
        "--period",
        metavar="SPAN",
        help="Spacing of the grid, such as 1min (default: found).",
        rich_help_panel=_READING,
        show_default=False,
    ),
]
Start = Annotated[
    str | None,
    typer.Option(
        "--start",
        metavar="TIME",
        help="First time that counts, read in --zone.",
        rich_help_panel=_READING,
        show_default=False,
    ),
]
End = Annotated[
    str | None,
    typer.Option(
        "--end", metavar="TIME", help="First time that no longer counts.", rich_help_panel=_READING, show_default=False
    ),
]
SensorNames = Annotated[
    str | None,
    typer.Option(
        "--sensors", metavar="A,B", help="Keep these sensors only.", rich_help_panel=_READING, show_default=False
    ),
]
Exclude = Annotated[
    str | None,
    typer.Option(
        "--exclude", metavar="A,B", help="Leave these sensors out.", rich_help_panel=_READING, show_default=False
    ),
]
Context = Annotated[
    str | None,
    typer.Option(
        "--context",
        metavar="A,B",
        help="Sensors that explain the others and are never scored: set-point, load, weather.",
        rich_help_panel=_LEARNING,
        show_default=False,
    ),
]
Mode = Annotated[
    str | None,
    typer.Option(
        "--mode",
        metavar="SENSOR",
        help="Sensor that names the mode (fuel, product, grade): each gets its own centre, spread and calibration.",
        rich_help_panel=_LEARNING,
        show_default=False,
    ),
]
Running = Annotated[
    str | None,
    typer.Option(
        "--running",
        metavar="CONDITION",
        help="When the asset runs, such as 'motor_current > 5'; other rows are not scored.",
        rich_help_panel=_LEARNING,
        show_default=False,
    ),
]
Events = Annotated[
    Path | None,
    typer.Option(
        "--events", metavar="FILE", help="events.csv: failures, maintenance … as people noted them.", show_default=False
    ),
]
Network = Annotated[
    str | None,
    typer.Option(
        "--network",
        metavar="NAME",
        help="lstm_predictor, lstm_autoencoder or linear_predictor (default: lstm_predictor).",
        rich_help_panel=_LEARNING,
        show_default=False,
    ),
]
Threshold = Annotated[
    str | None,
    typer.Option(
        "--threshold",
        metavar="NAME",
        help="How limits are found: return_period, quantile or dynamic (default: return_period).",
        rich_help_panel=_LEARNING,
        show_default=False,
    ),
]
Seed = Annotated[
    int | None,
    typer.Option(
        "--seed",
        metavar="N",
        min=0,
        help="The same seed gives the same model (default: 0).",
        rich_help_panel=_LEARNING,
        show_default=False,
    ),
]
MaxSteps = Annotated[
    int | None,
    typer.Option(
        "--max-steps",
        metavar="N",
        min=1,
        help="Optimiser steps at most (default: chosen).",
        rich_help_panel=_LEARNING,
        show_default=False,
    ),
]
TimeBudget = Annotated[
    str | None,
    typer.Option(
        "--time-budget",
        metavar="SPAN",
        help="Stop learning after, such as 10min; the result then depends on the machine (default: none).",
        rich_help_panel=_LEARNING,
        show_default=False,
    ),
]
Advisory = Annotated[
    str | None,
    typer.Option(
        "--advisory",
        metavar="SPAN",
        help="Return period, or off (default: 30d).",
        rich_help_panel=_ALARM,
        show_default=False,
    ),
]
Warning_ = Annotated[
    str | None,
    typer.Option(
        "--warning",
        metavar="SPAN",
        help="Return period, or off (default: 90d).",
        rich_help_panel=_ALARM,
        show_default=False,
    ),
]
Critical = Annotated[
    str | None,
    typer.Option(
        "--critical",
        metavar="SPAN",
        help="Return period, or off (default: off).",
        rich_help_panel=_ALARM,
        show_default=False,
    ),
]
OnDelay = Annotated[
    str | None,
    typer.Option(
        "--on-delay",
        metavar="SPAN",
        help="How long it must last to be raised (default: 0).",
        rich_help_panel=_ALARM,
        show_default=False,
    ),
]
OffDelay = Annotated[
    str | None,
    typer.Option(
        "--off-delay",
        metavar="SPAN",
        help="How long it must be gone to be cleared (default: 10 periods).",
        rich_help_panel=_ALARM,
        show_default=False,
    ),
]
RespondWithin = Annotated[
    str | None,
    typer.Option(
        "--respond-within",
        metavar="SPAN",
        help="A bound forecast to be crossed so soon makes an alert critical (default: only a crossed one does).",
        rich_help_panel=_ALARM,
        show_default=False,
    ),
]
Deadband = Annotated[
    float | None,
    typer.Option(
        "--deadband",
        metavar="N",
        min=0.0,
        help="How far below its limit it must be to be gone, in log10 of the return period (default: 0.2).",
        rich_help_panel=_ALARM,
        show_default=False,
    ),
]
ExitCode = Annotated[
    bool, typer.Option("--exit-code", help="Leave with 10 when an unacknowledged warning or critical alert stands.")
]


class LogForm(StrEnum):
    """How a run speaks on standard error."""

    text = "text"
    json = "json"


LogFormat = Annotated[
    LogForm,
    typer.Option("--log-format", help="On standard error: text for people, or json: a line per asset and run."),
]
TestChannels = Annotated[
    bool, typer.Option("--test-channels", help="Send a test message to every [[notify]] channel, and do nothing else.")
]
Json = Annotated[bool, typer.Option("--json", help="One JSON document on standard output, for programs.")]
Quiet = Annotated[bool, typer.Option("--quiet", "-q", help="Say nothing but errors.")]
