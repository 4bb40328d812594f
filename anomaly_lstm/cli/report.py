"""``anomaly-lstm report``: one page of an asset or an alert, that opens offline."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from anomaly_lstm.cli import options, show
from anomaly_lstm.errors import UsageError


class Language(StrEnum):
    """The language of a page."""

    EN = "en"
    ES = "es"


Target = Annotated[Path, typer.Argument(metavar="TARGET", help="Pipeline file or run folder.")]
OfAsset = Annotated[
    str | None,
    typer.Option(
        "--asset", metavar="NAME", help="The asset (default: the one whose alert matters most).", show_default=False
    ),
]
OfAlert = Annotated[
    str | None,
    typer.Option("--alert", metavar="ID", help="An alert, by as much of its id as is unique.", show_default=False),
]
Out = Annotated[
    Path | None,
    typer.Option(
        "--out", metavar="FILE", help="Page to write (default: reports/ of the run folder).", show_default=False
    ),
]
Zone = Annotated[
    str | None,
    typer.Option(
        "--zone", metavar="ZONE", help="Time zone of the plant (default: that of the source).", show_default=False
    ),
]


def report(
    target: Target,
    *,
    asset: OfAsset = None,
    alert: OfAlert = None,
    out: Out = None,
    zone: Zone = None,
    language: Annotated[Language, typer.Option("--language", help="Language of the page.")] = Language.EN,
    json: options.Json = False,
    quiet: options.Quiet = False,
) -> None:
    """Write one page from which an asset or an alert can be judged: a single file that opens offline.

    Such as: anomaly-lstm report pipelines/pump.toml --asset pump-03
    """
    import time

    from anomaly_lstm import pipeline as verbs

    screen = show.screen(json=json, quiet=quiet)
    if out is not None and out.suffix.lower() not in (".html", ".htm"):
        raise UsageError(f"--out {out}: a page ends in .html. Give such a name.")
    config = options.pipeline_file(target) if target.suffix.lower() == ".toml" else None
    own_zone = config.source.read.zone if config else None
    made = verbs.report(
        config.folder if config else target,
        asset=asset,
        alert=alert,
        out=out,
        pipeline=config.path.stem if config else None,
        zone=zone or own_zone,
        language=language.value,
        now_us=time.time_ns() // 1000,
    )
    about = f"Alert {made.alert_id[:4]} of {made.asset}" if made.alert_id else made.asset
    show.say(screen, f"{about}: {made.out} ({made.size / 1e6:.1f} MB). It opens in any browser, offline.")
    content = {"asset": made.asset, "alert_id": made.alert_id, "out": made.out, "bytes": made.size}
    show.document(screen, "report", content)
