"""``anomaly-lstm replay``: would it have warned us, and how often for nothing?"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from anomaly_lstm.cli import given, options, show
from anomaly_lstm.cli.evaluate import Severity
from anomaly_lstm.errors import DataError, UsageError

if TYPE_CHECKING:
    from anomaly_lstm.config import Pipeline
    from anomaly_lstm.policy import Policy

Target = Annotated[
    list[Path] | None,
    typer.Argument(
        metavar="TARGET",
        help="Pipeline file, run folder, or scores: a table or a folder of them.",
        show_default=False,
    ),
]
Model = Annotated[
    Path | None,
    typer.Option("--model", metavar="DIR", help="Model folder; a run folder has its own.", show_default=False),
]
Out = Annotated[
    list[Path] | None,
    typer.Option(
        "--out", metavar="FILE", help="Page (.html) or document (.json) to write; may be repeated.", show_default=False
    ),
]
AtLeast = Annotated[
    Severity | None,
    typer.Option(
        "--severity",
        help="Count alerts from when they came to this severity (default: the lowest on; with a budget warning).",
        show_default=False,
    ),
]
InZone = Annotated[
    str | None,
    typer.Option(
        "--zone",
        metavar="ZONE",
        help="Time zone of the plant: of times without an offset, and of the page (default: that of the pipeline file, "
        "else UTC).",
        show_default=False,
    ),
]
RUN_FILES = ("alerts.json", "quality.json", "state.json")
"""What `run` keeps in its folder as JSON."""

_GRID = "What else is tried"
ReturnPeriods = Annotated[
    str | None,
    typer.Option(
        "--return-periods",
        metavar="A,B",
        help="Return periods of the grid (default: 7d,14d,30d,90d,365d).",
        rich_help_panel=_GRID,
        show_default=False,
    ),
]
OnDelays = Annotated[
    str | None,
    typer.Option(
        "--on-delays",
        metavar="A,B",
        help="On-delays of the grid (default: 0, 10 min and 1 h, or what fits the period).",
        rich_help_panel=_GRID,
        show_default=False,
    ),
]


@dataclass(frozen=True)
class _Stored:
    """What is replayed, and the policy it was run by where a run folder knows it."""

    scores: Sequence[Path]
    folder: Path | None
    config: Pipeline | None
    policy: Policy | None


def replay(
    target: Target = None,
    *,
    events: options.Events = None,
    out: Out = None,
    model: Model = None,
    pipeline: options.PipelineFile = None,
    severity: AtLeast = None,
    zone: InZone = None,
    language: options.InLanguage = options.Language.EN,
    start: options.Start = None,
    end: options.End = None,
    advisory: options.Advisory = None,
    warning: options.Warning_ = None,
    critical: options.Critical = None,
    on_delay: options.OnDelay = None,
    off_delay: options.OffDelay = None,
    deadband: options.Deadband = None,
    respond_within: options.RespondWithin = None,
    return_periods: ReturnPeriods = None,
    on_delays: OnDelays = None,
    json: options.Json = False,
    quiet: options.Quiet = False,
) -> None:
    """Run stored scores through the alert policy as cron would have: hours of warning, false alerts, what if.

    Such as: anomaly-lstm replay pipelines/pump.toml --out replay.html
    """
    from anomaly_lstm import pipeline as verbs
    from anomaly_lstm import replaying
    from anomaly_lstm.pages import replay_words

    screen = show.screen(json=json, quiet=quiet)
    stored = _stored(target or [], pipeline)
    config = stored.config
    policy, budget_us = given.policy(
        config,
        advisory=advisory,
        warning=warning,
        critical=critical,
        on_delay=on_delay,
        off_delay=off_delay,
        deadband=deadband,
        respond_within=respond_within,
        stored=stored.policy,
    )
    zone = zone or (config.source.read.zone if config else None)
    start_us, end_us = given.moment_us("--start", start, zone), given.moment_us("--end", end, zone)
    if start_us is not None and end_us is not None and start_us >= end_us:
        raise UsageError("--start must lie before --end; the span is [start, end).")
    known = events or (config.train.events if config else None)
    result = verbs.replay(
        stored.scores,
        _model(model, stored),
        known or (),
        _outputs(out or [], stored),
        policy=policy,
        budget_us=budget_us,
        criticality=given.criticality(config),
        severity=severity.value if severity else None,
        start_us=start_us,
        end_us=end_us,
        zone=zone,
        language=language.value,
        return_periods_us=given.spans_us("--return-periods", return_periods, least_us=1) or replaying.RETURN_PERIODS_US,
        on_delays_us=given.spans_us("--on-delays", on_delays),
    )
    if known is None:
        show.say(screen, "No events are named (--events): every alert counts as false.")
    show.replayed(screen, result, out or [])
    show.document(screen, "replay", {"out": out or [], **replay_words.document(result)})


def _stored(target: Sequence[Path], pipeline: Path | None) -> _Stored:
    """What the target means: a pipeline file, a run folder, or scores."""
    from anomaly_lstm.pipeline import is_run, policy_of

    named = [path for path in target if path.suffix.lower() == ".toml"]
    if named and (len(target) > 1 or pipeline):
        raise UsageError(f"{named[0]} is a pipeline file and stands alone; give it, or scores with --pipeline.")
    config = given.pipeline_file(named[0] if named else pipeline)
    if len(target) == 1 and is_run(target[0]):
        return _Stored([_run_scores(target[0])], target[0], config, policy_of(target[0]))
    if target and not named:
        return _Stored(target, None, config, None)
    if config is None:
        raise UsageError(
            "TARGET is missing: name a pipeline file, a run folder, or the table that `anomaly-lstm score … --out "
            "scores.parquet` wrote."
        )
    return _Stored([_run_scores(config.folder, config.path)], config.folder, config, None)


def _run_scores(folder: Path, pipeline: Path | None = None) -> Path:
    if not (folder / "scores").is_dir():
        raise DataError(
            f"{folder} holds no scores yet. Make them with `anomaly-lstm run {pipeline or 'PIPELINE.toml'}`."
        )
    return folder / "scores"


def _model(model: Path | None, stored: _Stored) -> Path:
    """``--model``, else that of the run folder."""
    from anomaly_lstm.pipeline import current_model

    own = current_model(stored.folder) if model is None and stored.folder else None
    return own or given.model_folder(model, stored.config)


def _outputs(out: Sequence[Path], stored: _Stored) -> Sequence[Path]:
    """Where the replay is written; a run folder's own files are left as they are."""
    for path in out:
        if stored.folder and path.name in RUN_FILES and path.resolve().parent == stored.folder.resolve():
            raise UsageError(f"--out {path} is a file of the run; it is left as it is. Give another --out.")
    return out
