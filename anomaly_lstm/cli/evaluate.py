"""``anomaly-lstm evaluate``: alerts against what people noted."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from anomaly_lstm.cli import given, options, show
from anomaly_lstm.errors import UsageError

if TYPE_CHECKING:
    from anomaly_lstm.config import Pipeline


class Severity(StrEnum):
    """From low to high, as in ``tables.SEVERITIES``, which an import of this module must not load."""

    advisory = "advisory"
    warning = "warning"
    critical = "critical"


Alerts = Annotated[
    Path | None,
    typer.Argument(metavar="ALERTS", help="Alerts file; with --pipeline the run folder's.", show_default=False),
]
AtLeast = Annotated[
    Severity | None,
    typer.Option(
        "--severity",
        help="Count alerts of at least this severity (default: the lowest that was on).",
        show_default=False,
    ),
]
Full = Annotated[
    bool,
    typer.Option("--full", help="Also the measures of the literature, beside chance and an alarm always on."),
]
Scores = Annotated[
    Path | None,
    typer.Option(
        "--scores",
        metavar="FILE",
        help="Scores table the alerts were made from, for --full; with --pipeline the run folder's.",
        show_default=False,
    ),
]


def evaluate(
    alerts: Alerts = None,
    *,
    events: options.Events = None,
    pipeline: options.PipelineFile = None,
    severity: AtLeast = None,
    full: Full = False,
    scores: Scores = None,
    zone: options.Zone = None,
    start: options.Start = None,
    end: options.End = None,
    json: options.Json = False,
    quiet: options.Quiet = False,
) -> None:
    """Compare alerts with events: found, missed, hours of warning, false alerts against the budget."""
    from anomaly_lstm import pipeline as verbs

    screen = show.screen(json=json, quiet=quiet)
    config = given.pipeline_file(pipeline)
    zone = zone or (config.source.read.zone if config else None)
    start_us, end_us = given.moment_us("--start", start, zone), given.moment_us("--end", end, zone)
    if start_us is not None and end_us is not None and start_us >= end_us:
        raise UsageError("--start must lie before --end; the span is [start, end).")
    files = _alerts(alerts, config), given.events_file(events, config)
    table = _scores(scores, config, full=full)
    least = severity.value if severity else None
    judged = verbs.evaluate(*files, severity=least, start_us=start_us, end_us=end_us, zone=zone)
    show.evaluated(screen, judged)
    measured = (
        verbs.measure(*files, table, severity=least, start_us=start_us, end_us=end_us, zone=zone) if table else None
    )
    if measured:
        show.measured(screen, measured)
    figures = show.measured_document(measured) if measured else None
    show.document(screen, "evaluate", {**show.judged_document(judged), "full": figures})


def _alerts(given: Path | None, config: Pipeline | None) -> Path:
    if given is None and config is None:
        raise UsageError("ALERTS is missing: name the file that `anomaly-lstm alert … --out alerts.json` wrote.")
    return given or (config.folder / "alerts.json" if config else Path())


def _scores(given: Path | None, config: Pipeline | None, *, full: bool) -> Path | None:
    """The scores that --full reads; None without it."""
    if not full:
        if given is not None:
            raise UsageError("--scores is read by --full only: add --full, or leave --scores out.")
        return None
    if given is None and config is None:
        raise UsageError(
            "--full needs --scores: name the table that `anomaly-lstm score … --out scores.parquet` wrote and the "
            "alerts were made from."
        )
    return given or (config.folder / "scores" if config else None)
