"""``anomaly-lstm case``: what people do about alerts, and what stands."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from anomaly_lstm.cli import given, options, show
from anomaly_lstm.errors import UsageError

if TYPE_CHECKING:
    from anomaly_lstm.actions import Action
    from anomaly_lstm.pipeline.cases import Desk, Wish

app = typer.Typer(
    help="See the alerts of a run as cases; acknowledge, shelve, close and judge them.",
    no_args_is_help=True,
    context_settings={"help_option_names": ["-h", "--help"]},
)


class As(StrEnum):
    """What an alert turned out to be."""

    REAL = "real"
    FALSE = "false"
    KNOWN = "known"
    SENSOR = "sensor"
    PROCESS = "process"
    PLANNED = "planned"


Target = Annotated[Path, typer.Argument(metavar="TARGET", help="Pipeline file or run folder.")]
Ids = Annotated[list[str], typer.Argument(metavar="ID…", help="Alerts, by as much of their ids as is unique.")]
MaybeIds = Annotated[
    list[str] | None,
    typer.Argument(metavar="[ID…]", help="Alerts, by as much of their ids as is unique.", show_default=False),
]
Assets = Annotated[list[str], typer.Argument(metavar="ASSET…", help="Assets.")]
By = Annotated[
    str | None, typer.Option("--by", metavar="NAME", help="Who does it (default: your login).", show_default=False)
]
Why = Annotated[str | None, typer.Option("--why", metavar="TEXT", help="A reason or remark.", show_default=False)]
Reason = Annotated[str, typer.Option("--why", metavar="TEXT", help="The reason: others will ask.")]
Until = Annotated[str | None, typer.Option("--until", metavar="TIME", help="When it ends.", show_default=False)]
For = Annotated[
    str | None, typer.Option("--for", metavar="SPAN", help="How long from now, such as 8h.", show_default=False)
]
At = Annotated[
    str | None,
    typer.Option("--at", metavar="TIME", help="When it was done (default: now).", show_default=False),
]
OfAsset = Annotated[
    str | None,
    typer.Option("--asset", metavar="ASSET", help="Instead of alerts: what is raised on an asset.", show_default=False),
]
OfSensors = Annotated[
    str | None,
    typer.Option("--sensors", metavar="A,B", help="With --asset: only what these sensors lead.", show_default=False),
]


@dataclass(frozen=True)
class _Place:
    """A run folder as it is now, and the zone of times without an offset."""

    desk: Desk
    zone: str | None


def _place(target: Path, at: str | None = None) -> _Place:
    import time

    from anomaly_lstm.pipeline.cases import desk

    config = given.pipeline_file(target) if target.suffix.lower() == ".toml" else None
    zone = config.source.read.zone if config else None
    now_us = time.time_ns() // 1000
    at_us = given.moment_us("--at", at, zone)
    if at_us is not None and at_us > now_us:
        raise UsageError(f"--at {at} lies ahead; what is not done yet cannot be noted.")
    return _Place(desk(config.folder if config else target, now_us if at_us is None else at_us), zone)


def _login() -> str:
    import getpass

    try:
        return getpass.getuser()
    except (OSError, KeyError):  # a container without users
        raise UsageError("--by is missing: this machine knows no login name. Say who does it.") from None


def _end(place: _Place, until: str | None, span: str | None) -> int | None:
    if until is not None and span is not None:
        raise UsageError("--until and --for both say when it ends; keep one of the two.")
    span_us = given.span_us("--for", span)
    return given.moment_us("--until", until, place.zone) if span_us is None else place.desk.now_us + span_us


def _do(
    place: _Place,
    wish: Wish,
    screen: show.Screen,
    *,
    ids: Sequence[str] | None = None,
    assets: Sequence[str] = (),
    sensors: str | None = None,
) -> None:
    """Note a wish on alerts or assets, all or none, and say what was noted."""
    from anomaly_lstm.pipeline.cases import on_alert, on_asset

    if bool(ids) == bool(assets):
        raise UsageError("name alerts by their ids, or an asset with --asset; one of the two.")
    if sensors is not None and not assets:
        raise UsageError("--sensors goes with --asset: an alert has its own leading sensor.")
    group = given.names(sensors) or ()
    acts = [on_alert(place.desk, wish, one) for one in ids or ()]
    _note(place, [*acts, *(on_asset(place.desk, wish, one, group) for one in assets)], screen, wish.do)


def _note(place: _Place, acts: Sequence[Action], screen: show.Screen, command: str) -> None:
    from anomaly_lstm.actions import action_line
    from anomaly_lstm.pipeline.cases import note

    fresh = note(place.desk.folder, acts, place.desk.now_us)
    show.acted(screen, fresh, len(acts), place.desk.folder)
    show.document(screen, "case", {"do": command, "folder": place.desk.folder, "noted": list(map(action_line, fresh))})


def _wish(do: str, by: str | None, why: str | None, **more: Any) -> Wish:
    from anomaly_lstm.pipeline.cases import Wish

    return Wish(do, by or _login(), why, **more)


@app.command("list")
def list_(
    target: Target,
    *,
    all_: Annotated[bool, typer.Option("--all", help="Also those that are over.")] = False,
    precision: Annotated[
        bool, typer.Option("--precision", help="How many were real, per asset and month, by the verdicts.")
    ] = False,
    json: options.Json = False,
    quiet: options.Quiet = False,
) -> None:
    """Show the open cases: what stands, and what cleared without anybody saying anything of it."""
    from dataclasses import asdict

    from anomaly_lstm.actions import action_line
    from anomaly_lstm.verdicts import precision as precision_of

    screen = show.screen(json=json, quiet=quiet)
    now = _place(target).desk
    cases = [alert for alert in now.alerts if all_ or show.is_open(alert)]
    judged = precision_of(now.alerts)
    show.precision(screen, judged) if precision else show.cases(screen, now, cases, target)
    shares = [{**asdict(one), "precision": one.share, "interval": one.interval} for one in judged]
    holds = [action_line(hold) for hold in now.holds]
    content = {"folder": now.folder, "cases": cases, "holds": holds, "precision": shares}
    show.document(screen, "case", {"do": "list", **content})


@app.command()
def ack(
    target: Target,
    ids: Ids,
    *,
    by: By = None,
    at: At = None,
    why: Why = None,
    json: options.Json = False,
    quiet: options.Quiet = False,
) -> None:
    """Acknowledge alerts: you know of them. From then on only news is told."""
    _do(_place(target, at), _wish("acknowledge", by, why), show.screen(json=json, quiet=quiet), ids=ids)


@app.command()
def confirm(
    target: Target,
    ids: Ids,
    *,
    by: By = None,
    at: At = None,
    why: Why = None,
    json: options.Json = False,
    quiet: options.Quiet = False,
) -> None:
    """Confirm alerts: what they told of has been dealt with. That also acknowledges them."""
    _do(_place(target, at), _wish("confirm", by, why), show.screen(json=json, quiet=quiet), ids=ids)


@app.command()
def shelve(
    target: Target,
    ids: MaybeIds = None,
    *,
    why: Reason,
    until: Until = None,
    span: For = None,
    once: Annotated[bool, typer.Option("--once", help="Until the alert clears, 30 days at most.")] = False,
    asset: OfAsset = None,
    sensors: OfSensors = None,
    by: By = None,
    at: At = None,
    json: options.Json = False,
    quiet: options.Quiet = False,
) -> None:
    """Put alerts aside for a time; a higher severity or another leading sensor is told all the same."""
    from anomaly_lstm.pipeline.cases import ONCE_AT_MOST_US

    place = _place(target, at)
    end_us = _end(place, until, span)
    if end_us is None and not once:
        raise UsageError("a shelving needs an end: give --until, --for such as 8h, or --once.")
    if once and not ids:
        raise UsageError("--once ends as an alert clears, so it needs the alert's id; give --for with --asset.")
    latest_us = end_us if end_us is not None else place.desk.now_us + ONCE_AT_MOST_US
    wish = _wish("shelve", by, why, until_us=latest_us, one_shot=once)
    _do(place, wish, show.screen(json=json, quiet=quiet), ids=ids, assets=_named(asset), sensors=sensors)


def _named(asset: str | None) -> tuple[str, ...]:
    return () if asset is None else (asset,)


@app.command()
def unshelve(
    target: Target,
    ids: MaybeIds = None,
    *,
    asset: OfAsset = None,
    sensors: OfSensors = None,
    by: By = None,
    at: At = None,
    why: Why = None,
    json: options.Json = False,
    quiet: options.Quiet = False,
) -> None:
    """End a shelving before its time."""
    screen = show.screen(json=json, quiet=quiet)
    _do(_place(target, at), _wish("unshelve", by, why), screen, ids=ids, assets=_named(asset), sensors=sensors)


@app.command()
def suppress(
    target: Target,
    ids: MaybeIds = None,
    *,
    why: Reason,
    until: Until = None,
    span: For = None,
    asset: OfAsset = None,
    sensors: OfSensors = None,
    by: By = None,
    at: At = None,
    json: options.Json = False,
    quiet: options.Quiet = False,
) -> None:
    """Say nothing of what these sensors lead, whatever its severity, until `unsuppress` or an end: by design."""
    place = _place(target, at)
    wish = _wish("suppress", by, why, until_us=_end(place, until, span))
    _do(place, wish, show.screen(json=json, quiet=quiet), ids=ids, assets=_named(asset), sensors=sensors)


@app.command()
def unsuppress(
    target: Target,
    ids: MaybeIds = None,
    *,
    asset: OfAsset = None,
    sensors: OfSensors = None,
    by: By = None,
    at: At = None,
    why: Why = None,
    json: options.Json = False,
    quiet: options.Quiet = False,
) -> None:
    """Lift a suppression."""
    screen = show.screen(json=json, quiet=quiet)
    _do(_place(target, at), _wish("unsuppress", by, why), screen, ids=ids, assets=_named(asset), sensors=sensors)


@app.command("out-of-service")
def out_of_service(
    target: Target,
    assets: Assets,
    *,
    why: Reason,
    until: Until = None,
    span: For = None,
    by: By = None,
    at: At = None,
    json: options.Json = False,
    quiet: options.Quiet = False,
) -> None:
    """Say nothing at all of assets that maintenance has in hand, until `in-service` or an end."""
    place = _place(target, at)
    wish = _wish("out_of_service", by, why, until_us=_end(place, until, span))
    _do(place, wish, show.screen(json=json, quiet=quiet), assets=assets)


@app.command("in-service")
def in_service(
    target: Target,
    assets: Assets,
    *,
    by: By = None,
    at: At = None,
    why: Why = None,
    json: options.Json = False,
    quiet: options.Quiet = False,
) -> None:
    """Put assets back in service; what stands and nobody was told of is told."""
    _do(_place(target, at), _wish("in_service", by, why), show.screen(json=json, quiet=quiet), assets=assets)


@app.command()
def close(
    target: Target,
    ids: Ids,
    *,
    why: Reason,
    by: By = None,
    at: At = None,
    json: options.Json = False,
    quiet: options.Quiet = False,
) -> None:
    """Close alerts. While it stands, a higher severity or another leading sensor brings one back."""
    _do(_place(target, at), _wish("close", by, why), show.screen(json=json, quiet=quiet), ids=ids)


@app.command()
def verdict(
    target: Target,
    ids: Ids,
    *,
    as_: Annotated[As, typer.Option("--as", help="What it was.")],
    work_order: Annotated[
        str | None, typer.Option("--work-order", metavar="NUMBER", help="Its work order.", show_default=False)
    ] = None,
    note: Annotated[
        str | None, typer.Option("--note", metavar="TEXT", help="What was found.", show_default=False)
    ] = None,
    by: By = None,
    at: At = None,
    why: Why = None,
    json: options.Json = False,
    quiet: options.Quiet = False,
) -> None:
    """Say what alerts turned out to be. It moves no limit: it proposes events, for you to copy."""
    wish = _wish("verdict", by, why, verdict=as_.value, work_order=work_order, note=note)
    _do(_place(target, at), wish, show.screen(json=json, quiet=quiet), ids=ids)


@app.command("import")
def import_(
    target: Target,
    file: Annotated[Path, typer.Argument(metavar="FILE", help="CSV: alert_id,do,by,why,until,as,work_order,note.")],
    *,
    by: By = None,
    at: At = None,
    json: options.Json = False,
    quiet: options.Quiet = False,
) -> None:
    """Do what the rows of a table say, all or none; a row that was imported before is not done again."""
    from anomaly_lstm.pipeline.cases import read_import

    place = _place(target, at)
    acts = read_import(file, place.desk, lambda: by or _login(), place.zone)
    _note(place, acts, show.screen(json=json, quiet=quiet), "import")
