"""``anomaly-lstm run``: everything a pipeline file asks for."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from anomaly_lstm.cli import given, options, show
from anomaly_lstm.cli.alert import STANDING
from anomaly_lstm.errors import DeliveryError, UsageError

if TYPE_CHECKING:
    from anomaly_lstm.changes import Change
    from anomaly_lstm.pipeline import RunResult
    from anomaly_lstm.telling import Recipient

PipelineFile = Annotated[Path, typer.Argument(metavar="PIPELINE", help="Pipeline file, such as pipelines/pump.toml.")]
Since = Annotated[
    str | None,
    typer.Option("--since", metavar="TIME", help="As if nothing had been measured before.", show_default=False),
]
Until = Annotated[
    str | None, typer.Option("--until", metavar="TIME", help="As if it were this time.", show_default=False)
]
Reprocess = Annotated[
    bool, typer.Option("--reprocess", help="Judge all rows anew, by the model and the policy of now.")
]
DryRun = Annotated[bool, typer.Option("--dry-run", help="Say what would happen; the run folder stays as it is.")]


def run(
    pipeline: PipelineFile,
    *,
    since: Since = None,
    until: Until = None,
    reprocess: Reprocess = False,
    dry_run: DryRun = False,
    exit_code: options.ExitCode = False,
    test_channels: options.TestChannels = False,
    log_format: options.LogFormat = options.LogForm.text,
    json: options.Json = False,
    quiet: options.Quiet = False,
) -> None:
    """Do what is due, exactly once: train if there is no model, score what is new, alert. What cron calls."""
    from anomaly_lstm import pipeline as verbs
    from anomaly_lstm.cli import logs
    from anomaly_lstm.clock import parse_time
    from anomaly_lstm.config import read_pipeline

    for_a_log = log_format is options.LogForm.json
    if for_a_log:
        logs.begin()
    screen = show.screen(json=json, quiet=quiet or for_a_log)
    config = read_pipeline(pipeline)
    if test_channels:
        _try_out(screen, config.notify, pipeline)
        return
    plan = given.plan_from(config)
    edges = [None if text is None else parse_time(text, plan.read.zone) for text in (since, until)]
    with show.learning(screen) as told:
        result = verbs.run(plan, since_us=edges[0], until_us=edges[1], reprocess=reprocess, dry=dry_run, told=told)
    show.ran(screen, result, verbs.inspect(result.model) if result.trained else {}, pipeline)
    show.document(screen, "run", _content(result))
    if for_a_log and result.standing:
        logs.ran(result.standing)
    for note in () if for_a_log else result.outages:
        show.warn(note)
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


def _content(result: RunResult) -> dict[str, Any]:
    return {
        "folder": result.folder,
        "model": result.model,
        "model_id": result.report.run["model_id"],
        "trained": result.trained is not None,
        "new": dict(result.new),
        "states": result.states,
        "waiting": list(result.waiting),
        "failed": result.failed,
        "run": result.report.run,
        "changes": [{**_change(one.change), "tell": one.tell, "because": one.because} for one in result.told],
        "delivery": _delivery(result),
        "alerts": result.report.alerts,
        "indicators": result.report.indicators,
        "fleet": result.glances.document() if result.glances else None,
        "evaluation": show.judged_document(result.evaluation) if result.evaluation else None,
        "notes": result.quality.notes,
        "seconds": result.seconds,
    }


def _change(change: Change) -> dict[str, Any]:
    """A change without the alert, which stands beside it in the document."""
    from anomaly_lstm.clock import iso

    names = ("change_id", "change", "alert_id", "asset", "kind", "severity", "by", "why")
    return {name: getattr(change, name) for name in names} | {"event_time": iso(change.at_us)}


def _delivery(result: RunResult) -> dict[str, Any] | None:
    """Channel → messages taken and waiting, and why one failed; None without a channel."""
    if result.delivery is None:
        return None
    return {name: dict(getattr(result.delivery, name)) for name in ("sent", "waiting", "failing")}
