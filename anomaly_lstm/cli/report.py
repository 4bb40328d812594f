"""``anomaly-lstm report``: one page of an asset or an alert, or of all assets, that opens offline."""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from anomaly_lstm.cli import given, options, show
from anomaly_lstm.errors import UsageError

if TYPE_CHECKING:
    from anomaly_lstm.config import Pipeline


class Pages(StrEnum):
    """Whose pages are written beside that of the fleet."""

    STANDING = "standing"
    ALL = "all"
    NONE = "none"


_FLEET = "All assets"

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
OfAll = Annotated[
    bool, typer.Option("--fleet", help="All assets: what changed, then all of them.", rich_help_panel=_FLEET)
]
Since = Annotated[
    str | None,
    typer.Option(
        "--since",
        metavar="TIME",
        help="What changed since: yesterday, 24h, 7d or a day, counted back from the newest row (default: yesterday "
        "00:00). It means --fleet.",
        rich_help_panel=_FLEET,
        show_default=False,
    ),
]
Beside = Annotated[
    Pages | None,
    typer.Option(
        "--pages",
        help="Pages of assets to write beside: with an alert that stands, all, none (default: standing).",
        rich_help_panel=_FLEET,
        show_default=False,
    ),
]
Out = Annotated[
    Path | None,
    typer.Option(
        "--out",
        metavar="FILE",
        help="Page to write (default: reports/ of the run folder). Of all assets also .csv for Excel, or .json.",
        show_default=False,
    ),
]
Zone = Annotated[
    str | None,
    typer.Option(
        "--zone",
        metavar="ZONE",
        help="Time zone of the page; with --fleet of assets without one of their own (default: that of the table of "
        "assets, else of the source).",
        show_default=False,
    ),
]
InLanguage = Annotated[
    options.Language | None, typer.Option("--language", help="Language of the page (default: en).", show_default=False)
]


def report(
    target: Target,
    *,
    asset: OfAsset = None,
    alert: OfAlert = None,
    fleet: OfAll = False,
    since: Since = None,
    pages: Beside = None,
    out: Out = None,
    zone: Zone = None,
    language: InLanguage = None,
    json: options.Json = False,
    quiet: options.Quiet = False,
) -> None:
    """Write one page from which an asset, an alert or all assets can be judged: a single file that opens offline.

    Such as: anomaly-lstm report pipelines/pump.toml --asset pump-03, or --since yesterday for what changed on all.
    """
    screen = show.screen(json=json, quiet=quiet)
    config = given.pipeline_file(target) if target.suffix.lower() == ".toml" else None
    chosen = (language.value if language else None) or (config.pages.language if config and config.pages else "en")
    if not fleet and since is None:
        if pages is not None:
            raise UsageError(
                "--pages goes with --fleet: it names the pages that are written beside that of all assets."
            )
        _of_one(screen, target, config, asset, alert, out, zone, chosen)
        return
    if asset is not None or alert is not None:
        raise UsageError("--fleet and --since tell of all assets. Leave --asset and --alert out.")
    _of_all(screen, target, config, since or "yesterday", pages or Pages.STANDING, out, zone, chosen)


def _of_one(
    screen: show.Screen,
    target: Path,
    config: Pipeline | None,
    asset: str | None,
    alert: str | None,
    out: Path | None,
    zone: str | None,
    language: str,
) -> None:
    """The page of an asset or an alert."""
    import time

    from anomaly_lstm import pipeline as verbs

    if out is not None and out.suffix.lower() not in (".html", ".htm"):
        raise UsageError(f"--out {out}: a page ends in .html. Give such a name.")
    made = verbs.report(
        config.folder if config else target,
        asset=asset,
        alert=alert,
        out=out,
        pipeline=config.path.stem if config else None,
        zone=zone or _source_zone(config),
        zones=given.zones(config) if config and zone is None else {},
        language=language,
        now_us=time.time_ns() // 1000,
    )
    about = f"Alert {made.alert_id[:4]} of {made.asset}" if made.alert_id else made.asset
    show.say(screen, f"{about}: {made.out} ({_size(made.size)}). It opens in any browser, offline.")
    content = {"asset": made.asset, "alert_id": made.alert_id, "out": made.out, "bytes": made.size}
    show.document(screen, "report", content)


def _of_all(
    screen: show.Screen,
    target: Path,
    config: Pipeline | None,
    since: str,
    pages: Pages,
    out: Path | None,
    zone: str | None,
    language: str,
) -> None:
    """The page of all assets, or the same as a table or a document."""
    import time

    from anomaly_lstm import pipeline as verbs
    from anomaly_lstm.clock import find_zone
    from anomaly_lstm.pages.fleet_words import headline
    from anomaly_lstm.pages.texts import Tongue

    if out is not None and out.suffix.lower() not in (".html", ".htm", ".csv", ".json"):
        raise UsageError(f"--out {out}: all assets are written as .html, .csv or .json. Give such a name.")
    if zone is not None:
        find_zone(zone)  # also where every asset has its own
    made = verbs.fleet(
        config.folder if config else target,
        table=given.assets_table(config),
        since=since,
        out=out,
        pages=pages.value,
        pipeline=config.path.stem if config else None,
        command=show.command("report", target),
        zone=zone or _source_zone(config),
        language=language,
        now_us=time.time_ns() // 1000,
    )
    if zone is not None and made.fleet.assets and all(one.asset.zone for one in made.fleet.assets):
        show.say(
            screen, f"Every asset has its own zone in the table of assets: --zone {zone} changes no time of theirs."
        )
    show.say(screen, f"{headline(made.fleet, Tongue('en', made.fleet.zone))}.")
    more = {0: "", 1: " Beside it: the page of 1 asset."}.get(
        len(made.pages), f" Beside it: the pages of {len(made.pages):,} assets."
    )
    show.say(screen, f"{made.out} ({_size(made.size)}).{more}")
    beside: Mapping[str, object] = {"out": made.out, "bytes": made.size, "pages": made.pages, "failed": made.failed}
    show.document(screen, "report", {**made.document, **beside})
    verbs.failures({name: f"{name}: {why}" for name, why in made.failed.items()})


def _size(size: int) -> str:
    """Of a file, in words."""
    return f"{size / 1e6:.1f} MB" if size >= 100_000 else f"{size / 1e3:.1f} kB"


def _source_zone(config: Pipeline | None) -> str | None:
    return config.source.read.zone if config else None
