"""The command line: parse, call, show, exit. One file per verb.

Nothing here imports NumPy, Arrow or TensorFlow before a verb needs it, so ``--help`` answers at once.
"""

from __future__ import annotations

import os
import sys
import traceback
from collections.abc import Callable, Sequence
from importlib import metadata
from typing import Annotated

import typer

from anomaly_lstm.cli import logs, show
from anomaly_lstm.cli.alert import alert
from anomaly_lstm.cli.case import app as case
from anomaly_lstm.cli.evaluate import evaluate
from anomaly_lstm.cli.forecast import forecast
from anomaly_lstm.cli.ingest import ingest
from anomaly_lstm.cli.init import init
from anomaly_lstm.cli.inspect import inspect
from anomaly_lstm.cli.replay import replay
from anomaly_lstm.cli.report import report
from anomaly_lstm.cli.run import run
from anomaly_lstm.cli.score import score
from anomaly_lstm.cli.train import train
from anomaly_lstm.errors import UNEXPECTED, AnomalyLstmError, DataError

INTERRUPTED = 130

app = typer.Typer(
    name="anomaly-lstm",
    help="Early warnings from sensor history: learns how equipment behaves when healthy, says how rare a deviation is."
    "\n\nIt advises. It is no machine protection and must not be wired to a trip.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)

_VERBS: dict[str, tuple[Callable[..., None], ...]] = {
    "Start here": (init, train, run, report),
    "One step at a time": (ingest, score, alert, evaluate, replay, forecast, inspect),
}
for panel, verbs in _VERBS.items():
    for verb in verbs:
        app.command(rich_help_panel=panel)(verb)
app.add_typer(case, name="case", rich_help_panel="Start here")


def _version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"anomaly-lstm {metadata.version('anomaly-lstm')}")
        raise typer.Exit


@app.callback()
def _options(
    version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Say the version.")
    ] = False,
) -> None:
    """Options of the program itself; its help text is that of ``app``."""


def main(argv: Sequence[str] | None = None) -> None:
    """Run the command line and leave with an exit code of ``errors``: the one boundary for all that goes wrong."""
    # Our products are small: threads cost more than they bring, and their number would reach the last bits of a sum.
    os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
    try:
        app(args=argv, prog_name="anomaly-lstm")  # leaves by SystemExit, also for wrong usage (2)
    except SystemExit as left:
        if left.code == INTERRUPTED:  # what typer makes of Ctrl-C
            show.interrupted()
        raise
    except AnomalyLstmError as problem:
        _leave(str(problem), problem.exit_code)
    except PermissionError as problem:
        _leave(f"{problem.filename}: {problem.strerror}. Check who may read and write it.", DataError.exit_code)
    except KeyboardInterrupt:
        show.interrupted()
        sys.exit(INTERRUPTED)
    except Exception:
        if not logs.begun():
            traceback.print_exc()
        _leave("this is a defect of anomaly-lstm, not of your data. Please report it with the traceback.", UNEXPECTED)


def _leave(why: str, exit_code: int) -> None:
    """Say why the command ends, in the log where there is one, and end it."""
    if logs.begun():
        logs.failed(why, exit_code)
    else:
        show.error(why)
    sys.exit(exit_code)
