"""``anomaly-lstm inspect``: what does a folder or file hold?"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from anomaly_lstm.cli import options, show
from anomaly_lstm.errors import DataError

Target = Annotated[
    Path,
    typer.Argument(metavar="TARGET", help="Model folder, run folder, pipeline file, ingested folder or alerts file."),
]

Asset = Annotated[
    str | None, typer.Option("--asset", metavar="NAME", help="One asset of a run, more closely.", show_default=False)
]


def inspect(target: Target, *, asset: Asset = None, json: options.Json = False, quiet: options.Quiet = False) -> None:
    """Say what a model folder, run folder, pipeline file, ingested folder or alerts file holds."""
    from anomaly_lstm import pipeline as verbs

    screen = show.screen(json=json, quiet=quiet)
    found = verbs.inspect(_place(target), asset)
    show.inspected(screen, found)
    show.document(screen, "inspect", found)


def _place(target: Path) -> Path:
    """The target itself, or the run folder a pipeline file names."""
    from anomaly_lstm.config import read_pipeline

    if target.suffix.lower() != ".toml":
        return target
    folder = read_pipeline(target).folder
    if not (folder / "state.json").is_file():
        raise DataError(
            f"{target} has not run yet: {folder} holds nothing of it. Start it with `anomaly-lstm run {target}`."
        )
    return folder
