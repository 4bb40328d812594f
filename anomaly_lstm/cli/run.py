"""``anomaly-lstm run``: everything a pipeline file asks for."""

from __future__ import annotations

import os
import time
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from anomaly_lstm.cli import options, show
from anomaly_lstm.cli.alert import STANDING
from anomaly_lstm.errors import DeliveryError, UsageError

if TYPE_CHECKING:
    from anomaly_lstm.pipeline import RunPlan, RunResult
    from anomaly_lstm.sinks.contract import Standing
    from anomaly_lstm.telling import Recipient

PipelineFile = Annotated[Path, typer.Argument(metavar="PIPELINE", help="Pipeline file, such as pipelines/pump.toml.")]


def run(
    pipeline: PipelineFile,
    *,
    exit_code: options.ExitCode = False,
    test_channels: options.TestChannels = False,
    log_format: options.LogFormat = options.LogForm.text,
    json: options.Json = False,
    quiet: options.Quiet = False,
) -> None:
    """Do what a pipeline file asks for: train if there is no model, score, alert, evaluate. What cron calls."""
    from anomaly_lstm import pipeline as verbs
    from anomaly_lstm.cli import logs
    from anomaly_lstm.config import read_pipeline

    for_a_log = log_format is options.LogForm.json
    screen = show.screen(json=json, quiet=quiet or for_a_log)
    config = read_pipeline(pipeline)
    if test_channels:
        _try_out(screen, config.notify, pipeline)
        return
    plan = options.plan_from(config)
    if for_a_log:
        logs.begin()
    with show.learning(screen) as told:
        result = verbs.run(plan, told=told)
    model = verbs.inspect(result.model)
    show.ran(screen, result, model, pipeline)
    show.document(screen, "run", _content(result))
    if for_a_log:
        logs.ran(_standing(result, plan, pipeline.stem))
    verbs.failures(result.failed)
    if exit_code and show.stands(result.report.alerts):
        raise typer.Exit(STANDING)


def _try_out(screen: show.Screen, recipients: Sequence[Recipient], pipeline: Path) -> None:
    """Say which channels took a test message. Raises DeliveryError naming those that did not."""
    from anomaly_lstm.telling import try_out

    if not recipients:
        raise UsageError(f"{pipeline} has no [[notify]] table: there is no channel to test.")
    outcome = try_out(recipients, pipeline.stem, environment=os.environ)
    for name in (name for name, error in outcome.items() if error is None):
        show.say(screen, f"{name}: it took the test message.")
    failed = [f"{name}: {error}" for name, error in outcome.items() if error is not None]
    if failed:
        raise DeliveryError("a test message was not taken by\n" + "\n".join(f"  {line}." for line in failed))


def _standing(result: RunResult, plan: RunPlan, name: str) -> Standing:
    """How things stand, by what a run returns."""
    from anomaly_lstm.pipeline import standing
    from anomaly_lstm.pipeline.folder import RunFolder

    return standing(
        RunFolder(result.folder),
        name,
        result.report,
        now_us=time.time_ns() // 1000,
        rows=sum(result.new.values()),
        seconds=result.seconds,
        failed=result.failed,
        unwatched=plan.disabled,
        judged=result.evaluation,
    )


def _content(result: RunResult) -> dict[str, Any]:
    report = result.report
    return {
        "folder": result.folder,
        "model": result.model,
        "model_id": report.run["model_id"],
        "trained": result.trained is not None,
        "states": result.states,
        "failed": result.failed,
        "run": report.run,
        "alerts": report.alerts,
        "evaluation": show.judged_document(result.evaluation) if result.evaluation else None,
        "notes": result.quality.notes,
        "seconds": result.seconds,
    }
