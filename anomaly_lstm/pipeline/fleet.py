"""`report --fleet`: what a run folder keeps of all assets, as one page, table or document; and pages after each run."""

from __future__ import annotations

import hashlib
import json
import shlex
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from importlib import metadata, resources
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from numpy.typing import NDArray

from anomaly_lstm import arrow, fleet_page, fleet_table, following, store
from anomaly_lstm import fleet as facts
from anomaly_lstm.actions import HOLDS, Action
from anomaly_lstm.clock import DAY, find_zone, parse_time
from anomaly_lstm.config import Pages
from anomaly_lstm.errors import AnomalyLstmError, DataError
from anomaly_lstm.events import Asset
from anomaly_lstm.fleet import Changed, Dead, Fleet, Shown, Unwatched
from anomaly_lstm.page import meta
from anomaly_lstm.pipeline.cases import Desk, desk
from anomaly_lstm.pipeline.folder import RunFolder, RunState, Watch
from anomaly_lstm.pipeline.reporting import FLEET, REPORTS, page_name, report, source_zone
from anomaly_lstm.pipeline.scoring import read_scores
from anomaly_lstm.pipeline.standing import seen
from anomaly_lstm.pipeline.watching import policy_from
from anomaly_lstm.policy import Policy
from anomaly_lstm.report import Alert
from anomaly_lstm.report_page import MARK
from anomaly_lstm.sinks import sink_for
from anomaly_lstm.tables import SEVERITIES, STATE_NAMES, State
from anomaly_lstm.texts import Tongue

Float64 = NDArray[np.float64]
Int64 = NDArray[np.int64]

YESTERDAY = "yesterday"

LATE_US = DAY
"""An asset without a row for so long is not watched, though nobody wants to be alerted of it [µs]."""

COLUMNS = ("asset", "time", "state", "score", "return_period_s")


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
    for shown in told.assets if pages == "all" else [one for one in told.assets if one.alerts and pages != "none"]:
        try:
            made.append(_asset_page(folder, shown, place, told, language, now_us))
        except AnomalyLstmError as problem:
            failed[shown.name] = str(problem)
    return _written(place, _linked(told, place.parent), language, made, failed)


def _written(place: Path, told: Fleet, language: str, made: Sequence[Path], failed: Mapping[str, str]) -> FleetReported:
    tongue = Tongue(language, told.zone)
    document = fleet_table.document(told, tongue)
    if place.suffix.lower() == ".csv":
        store.write_text(place, fleet_table.as_csv(told, tongue))
    elif place.suffix.lower() == ".json":
        store.write_json(place, document)
    else:
        own = resources.files("anomaly_lstm").joinpath("fleet.js").read_text(encoding="utf-8")
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

    Returns what could not be drawn → why, whatever it was, for what was scored and told is done; the next run tries
    again.
    """
    failed: dict[str, str] = {}
    try:
        stands = desk(folder, now_us)
        told = fleet_facts(folder, stands, YESTERDAY, table, zone, pipeline, _command(path or folder))
        for shown in told.assets:
            failed |= _brought(folder, pages, shown, told, stands)
        _written(pages.folder / FLEET, _linked(told, pages.folder), pages.language, [], {})
    except Exception as problem:  # a page must not end a run, nor hide what it found
        failed[PAGES] = _why(problem)
    return failed


def _brought(folder: Path, pages: Pages, shown: Shown, told: Fleet, stands: Desk) -> dict[str, str]:
    """Draw the page of an asset anew if it is due; why it could not be, under its name, if so."""
    path = pages.folder / page_name(shown.name)
    wanted = {"none": False, "standing": bool(shown.alerts) or path.is_file(), "all": shown.last_us is not None}
    mark = _mark(pages, shown, told, stands)
    if not wanted[pages.assets] or _is_drawn(path, mark):
        return {}
    try:
        _asset_page(folder, shown, path.with_name(FLEET), told, pages.language, stands.now_us, mark)
    except Exception as problem:  # the pages of the others are drawn all the same
        return {f"{PAGES}: {shown.name}": _why(problem)}
    return {}


def _why(problem: Exception) -> str:
    return str(problem) if isinstance(problem, AnomalyLstmError) else f"{type(problem).__name__}: {problem}"


PAGES = "pages"
"""The name under which a run tells that pages could not be drawn."""

TICKING = frozenset({"peak", "updated_at", "sensors", "reason", "forecast", "reaches"})
"""What changes of an alert with every row; for these alone its page is drawn anew by the hour."""


def _mark(pages: Pages, shown: Shown, told: Fleet, stands: Desk) -> str:
    """What the page of an asset was drawn from, in 16 hex digits: what its alerts are, and up to which hour while one
    stands; up to which day where the pages of all are kept.
    """
    mine = [one for one in stands.alerts if one["asset"] == shown.name]
    alerts = [{key: value for key, value in one.items() if key not in TICKING} for one in mine]
    step = HOUR_US if shown.alerts else DAY
    upto = (shown.last_us or 0) // step if shown.alerts or pages.assets == "all" else 0
    content = [told.version, pages.language, str(shown.zone), told.pipeline, alerts, upto]
    return hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()[:16]


def _is_drawn(path: Path, mark: str) -> bool:
    """Does a page say that it was drawn from this?"""
    if not path.is_file():
        return False
    with path.open("rb") as file:
        return str(meta(MARK, mark)).encode() in file.read(HEAD_BYTES)


HOUR_US = 3_600_000_000
HEAD_BYTES = 4096
"""So early in a page stands what it was drawn from."""


def _command(target: Path) -> str:
    """The command line that makes the page of an asset, but for its name."""
    return shlex.join(("anomaly-lstm", "report", str(target)))


# ---------------------------------------------------------------- facts


def fleet_facts(
    folder: Path, stands: Desk, since: str, table: Sequence[Asset], zone: str | None, pipeline: str, command: str
) -> Fleet:
    """All that the page of a fleet tells, from what the run folder keeps; one asset's scores are held at a time."""
    place = RunFolder(folder)
    state, stored = place.state(), sink_for(place.alerts).read(place.alerts)
    rows = {asset.asset: asset for asset in table}
    rows |= {name: Asset(name, "", "", "", True) for name in stored.run["assets"] if name not in rows}
    rows |= {name: Asset(name, "", "", "", True) for name in state.assets if name not in rows}
    plant = zone or source_zone(folder)
    own = {asset.zone or plant for asset in rows.values()}
    plant = own.pop() if len(own) == 1 else plant
    since_us = facts.since_from(since, stands.seen_us, plant)
    first_us = parse_time(stored.run["start"]) if stored.run["start"] else since_us
    start_us = max(min(since_us, stands.seen_us - facts.LOOK_BACK_US), first_us)
    look = _Look(
        place,
        state,
        stands,
        since_us,
        facts.bin_edges(start_us, stands.seen_us + stands.period_us, stands.period_us),
        facts.past_of((line for _, line in following.after(place.history)), since_us),
        plant,
    )
    assets, changed = [], []
    rising = stored.indicators
    for asset in rows.values():
        shown, became = _shown(look, asset, [one for one in rising if one["asset"] == asset.asset])
        assets.append(shown)
        changed += became
    return Fleet(
        pipeline=pipeline,
        version=metadata.version("anomaly-lstm"),
        zone=find_zone(plant),
        since_us=since_us,
        newest_us=stands.seen_us,
        edges_us=look.edges_us,
        assets=sorted(assets, key=lambda one: one.rank),
        changed=changed,
        unread={name: why for name, why in state.failed.items() if name not in rows},
        command=command,
    )


@dataclass(frozen=True)
class _Look:
    """What the assets of a fleet are looked at by: what changed counts from ``since_us`` on, ``past`` alert → how it
    was then, ``plant`` the zone of those that have none of their own.
    """

    place: RunFolder
    state: RunState
    stands: Desk
    since_us: int
    edges_us: Int64
    past: Mapping[str, facts.Past]
    plant: str


def _shown(look: _Look, asset: Asset, rising: Sequence[Mapping[str, Any]]) -> tuple[Shown, list[Changed]]:
    """An asset as it stands, and what became of its alerts."""
    watch = look.state.assets.get(asset.asset)
    policy = policy_from(watch.terms.policy) if watch and watch.terms.policy else Policy()
    mine = [one for one in look.stands.alerts if one["asset"] == asset.asset]
    alerts = [one for one in mine if facts.stands(one)]
    failed = look.state.failed.get(asset.asset)
    try:
        time_us, state, once_s = _scores(look, asset.asset, alerts)
    except DataError as problem:
        failed = str(problem)
        time_us, state, once_s = np.empty(0, np.int64), np.empty(0, np.int64), np.empty(0)
    measured = time_us[state != State.NO_DATA]
    last_us = int(measured[-1]) if len(measured) else seen(look.place, asset.asset).newest_us if not failed else None
    changed = []
    for one in mine:
        rarer = facts.rarer_since(time_us, once_s, parse_time(one["onset"]), look.since_us) if one in alerts else None
        became = facts.change_of(
            one, look.past.get(one["alert_id"], facts.Past()), look.since_us, rarer, policy.deadband
        )
        changed += [became] if became else []
    shown = Shown(
        asset,
        find_zone(asset.zone or look.plant),
        alerts,
        rising if not alerts else (),
        facts.strangest(time_us, once_s, look.edges_us),
        last_us,
        STATE_NAMES[state[-1]] if len(state) else None,
        {severity: policy.limits[severity] / 1e6 for severity in SEVERITIES if severity in policy.limits},
        policy.bounds,
        list(_dead(look, asset.asset, alerts)) if asset.enabled else (),
    )
    return replace(shown, unwatched=list(_unwatched(look, shown, watch, failed))), changed


def _scores(look: _Look, asset: str, alerts: Sequence[Alert]) -> tuple[Int64, Int64, Float64]:
    """Times [µs UTC], states and return periods [s] of an asset's rows in its small picture, and since the onset of
    what stands.
    """
    start_us = min([int(look.edges_us[0]), *(parse_time(one["onset"]) for one in alerts)])
    table = look.place.stored(asset, start_us, COLUMNS)
    if table is None:
        return np.empty(0, np.int64), np.empty(0, np.int64), np.empty(0)
    state = arrow.places_in(table.column("state"), STATE_NAMES, int(State.NO_DATA))
    once_s = arrow.to_numpy(table.column("return_period_s"), np.float64)
    return arrow.times_to_numpy(table.column("time")), state, once_s


def _dead(look: _Look, asset: str, alerts: Sequence[Alert]) -> Iterator[Dead]:
    """The sensors without values: those that an alert says so of, and those without one in the newest month."""
    said = [one for one in alerts if one["kind"] == "sensor_bad" and one["sensors"]]
    yield from (Dead(one["sensors"][0]["sensor"], parse_time(one["onset"])) for one in said)
    known = {one["sensors"][0]["sensor"] for one in said}
    months = look.place.months_of(asset)
    if months and not any(one["kind"] == "no_data" for one in alerts):
        yield from (Dead(sensor, None) for sensor in empty_sensors(months[-1]) if sensor not in known)


def empty_sensors(month: Path) -> list[str]:
    """The sensors without a single value in a month of scores, by what the file says of itself; none where it does not,
    where it is damaged, or where nothing at all was measured.
    """
    try:
        with pq.ParquetFile(month) as file:
            about, names = file.metadata, file.schema_arrow.names
            empty = [name for place, name in enumerate(names) if name.startswith("value.") and _is_empty(about, place)]
            values = [name for name in names if name.startswith("value.")]
    except (OSError, pa.ArrowException):
        return []
    return [name.removeprefix("value.") for name in empty] if len(empty) < len(values) else []


def _is_empty(about: Any, place: int) -> bool:
    groups = [about.row_group(group) for group in range(about.num_row_groups)]
    told = [(group.num_rows, group.column(place).statistics) for group in groups]
    return bool(told) and all(one is not None and one.has_null_count and one.null_count == rows for rows, one in told)


def _unwatched(look: _Look, shown: Shown, watch: Watch | None, failed: str | None) -> Iterator[Unwatched]:
    """Why an asset is not watched, all that applies."""
    if not shown.asset.enabled:
        yield Unwatched(facts.DISABLED)
        return
    if failed:
        yield Unwatched(facts.FAILED, told=failed.removeprefix(f"{shown.name}: "))
    yield from (_held(hold) for hold in look.stands.holds if hold.asset == shown.name)
    if watch is None or watch.next is None:
        if not failed:
            yield Unwatched(facts.NEVER)
        return
    silent = [parse_time(one["onset"]) for one in shown.alerts if one["kind"] == "no_data"]
    if shown.last_us is not None and look.stands.seen_us - shown.last_us > LATE_US:
        silent.append(shown.last_us)
    if silent:
        yield Unwatched(facts.SILENT, since_us=min(silent))
    if not watch.n_scored and not failed:
        yield Unwatched(_unscored(look.place, shown.name))


def _held(hold: Action) -> Unwatched:
    whys = dict(zip(HOLDS, (facts.OUT_OF_SERVICE, facts.SUPPRESSED, facts.SHELVED), strict=True))
    return Unwatched(whys[hold.do], hold.at_us, hold.until_us, hold.by, hold.why or "", hold.sensors)


def _unscored(place: RunFolder, asset: str) -> str:
    """Why none of an asset's rows ever had a score: what most of them lack."""
    counts = np.zeros(len(STATE_NAMES), np.int64)
    for month in place.months_of(asset):
        state = arrow.places_in(read_scores(month, COLUMNS).column("state"), STATE_NAMES, int(State.NO_DATA))
        counts += np.bincount(state, minlength=len(counts))
    whys = {State.OUT_OF_STATE: facts.OFF, State.WARM_UP: facts.WARM_UP, State.SENSOR_BAD: facts.SENSORS}
    lacking = max(whys, key=lambda one: int(counts[one]))
    return whys[lacking] if counts[lacking] else facts.UNSCORED
