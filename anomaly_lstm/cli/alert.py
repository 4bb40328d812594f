"""``anomaly-lstm alert``: scores → alerts with a life."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from anomaly_lstm.cli import given, options, show
from anomaly_lstm.errors import DataError, UsageError

if TYPE_CHECKING:
    from anomaly_lstm.config import Pipeline

STANDING = 10
"""Exit code of ``--exit-code`` while a warning or critical alert waits for a person."""

Scores = Annotated[
    list[Path] | None,
    typer.Argument(metavar="SCORES", help="Scores table; with --pipeline the run folder's.", show_default=False),
]
Model = Annotated[
    Path | None,
    typer.Option("--model", metavar="DIR", help="Model folder; with --pipeline the run folder's.", show_default=False),
]
Out = Annotated[
    Path | None,
    typer.Option(
        "--out",
        metavar="FILE",
        help="Alerts to write, .json, .parquet or .html (a page); without it they are only shown.",
    ),
]


def alert(
    scores: Scores = None,
    *,
    model: Model = None,
    out: Out = None,
    pipeline: options.PipelineFile = None,
    advisory: options.Advisory = None,
    warning: options.Warning_ = None,
    critical: options.Critical = None,
    on_delay: options.OnDelay = None,
    off_delay: options.OffDelay = None,
    deadband: options.Deadband = None,
    respond_within: options.RespondWithin = None,
    exit_code: options.ExitCode = False,
    json: options.Json = False,
    quiet: options.Quiet = False,
) -> None:
    """Turn scores into alerts: which asset, which sensors, since when, how rare."""
    from anomaly_lstm import pipeline as verbs

    screen = show.screen(json=json, quiet=quiet)
    config = given.pipeline_file(pipeline)
    policy, budget_us = given.policy(
        config,
        advisory=advisory,
        warning=warning,
        critical=critical,
        on_delay=on_delay,
        off_delay=off_delay,
        deadband=deadband,
        respond_within=respond_within,
    )
    folder = given.model_folder(model, config)
    tables = _tables(scores, config)
    if budget_us is not None:
        policy = replace(policy, limits=verbs.limits_for_budget(budget_us, _count_assets(tables)))
    result = verbs.alert(tables, folder, out, policy=policy)
    report = result.report
    show.alerts(screen, report.run, report.alerts)
    show.rising(screen, report.indicators)
    show.strangest(screen, report.run, result)
    if result.out:
        show.say(screen, f"The alerts are in {result.out}.")
    show.document(screen, "alert", {"out": result.out, **vars(report)})
    if exit_code and show.stands(report.alerts):
        raise typer.Exit(STANDING)


def _tables(given: Sequence[Path] | None, config: Pipeline | None) -> list[Path]:
    """The scores tables named, else all of the run folder."""
    if given:
        return list(given)
    if config is None:
        raise UsageError("SCORES is missing: name the table that `anomaly-lstm score … --out scores.parquet` wrote.")
    found = sorted((config.folder / "scores").glob("*/*.parquet"))
    if not found:
        raise DataError(f"{config.folder} holds no scores yet. Make them with `anomaly-lstm run {config.path}`.")
    return found


def _count_assets(tables: Sequence[Path]) -> int:
    """How many assets share the budget of a pipeline."""
    import pyarrow.compute as pc

    from anomaly_lstm.pipeline import read_scores

    return len(pc.unique(read_scores(tables).column("asset")))
