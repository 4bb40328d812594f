"""`report --fleet`: all assets as one page, table or document, and pages of assets beside it; also after each run."""

from __future__ import annotations

import hashlib
import json
import shlex
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from importlib import resources
from pathlib import Path
from typing import Any

from anomaly_lstm import store
from anomaly_lstm.clock import DAY
from anomaly_lstm.config import Pages
from anomaly_lstm.errors import AnomalyLstmError
from anomaly_lstm.events import Asset
from anomaly_lstm.pages import fleet_page, fleet_table
from anomaly_lstm.pages.fleet import Fleet, Shown
from anomaly_lstm.pages.page import meta
from anomaly_lstm.pages.report_page import MARK
from anomaly_lstm.pages.texts import Tongue
from anomaly_lstm.pipeline.cases import Desk, desk
from anomaly_lstm.pipeline.fleet import fleet_facts
from anomaly_lstm.pipeline.reporting import FLEET, REPORTS, page_name, report
from anomaly_lstm.telling import PAGES
from anomaly_lstm.words import listed

YESTERDAY = "yesterday"

TICKING = frozenset({"peak", "updated_at", "sensors", "reason", "forecast", "reaches"})
"""What changes of an alert with every row; for these alone its page is drawn anew by the hour."""

HOUR_US = 3_600_000_000
HEAD_BYTES = 4096
"""So early in a page stands what it was drawn from."""


@dataclass(frozen=True)
class FleetReported:
    """Result of `fleet`: the file, its size [bytes], what it tells, the same as a document, the ``pages`` of assets
    that were written beside it, and those that could not be → why.
    """

    out: Path
    size: int
    fleet: Fleet
    document: Mapping[str, Any]
    pages: Sequence[Path]
    failed: Mapping[str, str]


def fleet(
    folder: Path,
    *,
    table: Sequence[Asset] = (),
    since: str = YESTERDAY,
    out: Path | None = None,
    pages: str = "standing",
    pipeline: str | None = None,
    command: str | None = None,
    zone: str | None = None,
    language: str = "en",
    now_us: int,
) -> FleetReported:
    """Write what became of all assets since a time: a page, or a table or document by the ending of ``out``.

    ``table`` are the assets that people keep, ``command`` makes the page of one, but for its name. With a page go the
    ``pages`` of assets (`fleet.WHOSE_PAGES`); one that cannot be drawn is in the result, and the fleet is told all the
    same. Raises UsageError for a time that is none, DataError where no run has written alerts yet.
    """
    place = out or folder / REPORTS / FLEET
    name, command = pipeline or folder.name, command or _command(folder)
    told = fleet_facts(folder, desk(folder, now_us), since, table, zone, name, command)
    if place.suffix.lower() not in fleet_page.SUFFIXES:
        return _written(place, told, language, [], {})
    made, failed = [], {}
    for shown in (one for one in told.assets if _is_wanted(one, pages)):
        try:
            made.append(_asset_page(folder, shown, place, told, language, now_us))
        except AnomalyLstmError as problem:
            failed[shown.name] = str(problem)
    return _written(place, _linked(told, place.parent), language, made, failed)


def _is_wanted(shown: Shown, pages: str) -> bool:
    """Is a page of the asset asked for, and is there something to show?"""
    return bool(shown.alerts) if pages == "standing" else pages == "all" and shown.last_us is not None


def _written(place: Path, told: Fleet, language: str, made: Sequence[Path], failed: Mapping[str, str]) -> FleetReported:
    tongue = Tongue(language, told.zone)
    document = fleet_table.document(told, tongue)
    if place.suffix.lower() == ".csv":
        store.write_text(place, fleet_table.as_csv(told, tongue))
    elif place.suffix.lower() == ".json":
        store.write_json(place, document)
    else:
        own = resources.files("anomaly_lstm.pages").joinpath("fleet.js").read_text(encoding="utf-8")
        store.write_text(place, fleet_page.draw(told, tongue, own))
    return FleetReported(place, place.stat().st_size, told, document, made, failed)


def _asset_page(
    folder: Path, shown: Shown, place: Path, told: Fleet, language: str, now_us: int, mark: str = ""
) -> Path:
    """Write the page of an asset beside that of the fleet."""
    return report(
        folder,
        asset=shown.name,
        out=place.parent / page_name(shown.name),
        pipeline=told.pipeline,
        zone=str(shown.zone),
        language=language,
        fleet=place.name,
        mark=mark,
        now_us=now_us,
    ).out


def _linked(told: Fleet, folder: Path) -> Fleet:
    """With links to those pages that are there."""
    assets = [
        replace(one, page=page_name(one.name)) if (folder / page_name(one.name)).is_file() else one
        for one in told.assets
    ]
    return replace(told, assets=assets)


# ---------------------------------------------------------------- after a run


def publish(
    folder: Path,
    pages: Pages,
    *,
    table: Sequence[Asset],
    pipeline: str,
    path: Path | None,
    zone: str | None,
    now_us: int,
) -> dict[str, str]:
    """Bring a folder of pages up to date: the fleet, and the assets whose alerts changed since their page was drawn.

    Returns, under one name, what could not be drawn and why, whatever it was, for what was scored and told is done; the
    next run tries again.
    """
    try:
        stands = desk(folder, now_us)
        told = fleet_facts(folder, stands, YESTERDAY, table, zone, pipeline, _command(path or folder))
        failed = {one.name: why for one in told.assets if (why := _brought(folder, pages, one, told, stands))}
        _written(pages.folder / FLEET, _linked(told, pages.folder), pages.language, [], {})
    except Exception as problem:  # a page must not end a run, nor hide what it found
        return {PAGES: _why(problem)}
    return {PAGES: f"{listed(list(failed))}: {next(iter(failed.values()))}"} if failed else {}


def _brought(folder: Path, pages: Pages, shown: Shown, told: Fleet, stands: Desk) -> str | None:
    """Draw the page of an asset anew if it is due; why it could not be."""
    path = pages.folder / page_name(shown.name)
    mark = _mark(pages, shown, told, stands)
    is_kept = path.is_file() and pages.assets != "none"  # also of an alert that is over
    if not (is_kept or _is_wanted(shown, pages.assets)) or _is_drawn(path, mark):
        return None
    try:
        _asset_page(folder, shown, path.with_name(FLEET), told, pages.language, stands.now_us, mark)
    except Exception as problem:  # the pages of the others are drawn all the same
        return _why(problem)
    return None


def _why(problem: Exception) -> str:
    return str(problem) if isinstance(problem, AnomalyLstmError) else f"{type(problem).__name__}: {problem}"


def _mark(pages: Pages, shown: Shown, told: Fleet, stands: Desk) -> str:
    """What the page of an asset was drawn from, in 16 hex digits: what its alerts are, and up to which hour while one
    stands; up to which day where the pages of all are kept.
    """
    mine = [one for one in stands.alerts if one["asset"] == shown.name]
    alerts = [{key: value for key, value in one.items() if key not in TICKING} for one in mine]
    step = HOUR_US if shown.alerts else DAY
    upto = (shown.last_us or 0) // step if shown.alerts or pages.assets == "all" else 0
    acts = [act.action_id for act in shown.acts]
    content = [told.version, pages.language, str(shown.zone), told.pipeline, alerts, acts, upto]
    return hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()[:16]


def _is_drawn(path: Path, mark: str) -> bool:
    """Does a page say that it was drawn from this?"""
    if not path.is_file():
        return False
    with path.open("rb") as file:
        return str(meta(MARK, mark)).encode() in file.read(HEAD_BYTES)


def _command(target: Path) -> str:
    """The command line that makes the page of an asset, but for its name."""
    return shlex.join(("anomaly-lstm", "report", str(target)))
