"""What a run folder keeps of all assets, as the facts that the page of a fleet tells."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from importlib import metadata
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from numpy.typing import NDArray

from anomaly_lstm import arrow, following
from anomaly_lstm.actions import Action
from anomaly_lstm.clock import find_zone, parse_time
from anomaly_lstm.errors import DataError
from anomaly_lstm.events import Asset
from anomaly_lstm.pages import fleet as facts
from anomaly_lstm.pages.fleet import Changed, Dead, Fleet, Shown, Unwatched
from anomaly_lstm.pages.report import Alert
from anomaly_lstm.pages.worsening import Then, strangest_then
from anomaly_lstm.pipeline.cases import Desk
from anomaly_lstm.pipeline.folder import RunFolder, RunState, Watch
from anomaly_lstm.pipeline.reporting import source_zone
from anomaly_lstm.pipeline.scoring import read_scores
from anomaly_lstm.pipeline.standing import seen
from anomaly_lstm.pipeline.watching import policy_from
from anomaly_lstm.policy import Policy
from anomaly_lstm.sinks import sink_for
from anomaly_lstm.tables import SEVERITIES, STATE_NAMES, State

Float64 = NDArray[np.float64]
Int64 = NDArray[np.int64]

COLUMNS = ("asset", "time", "state", "score", "return_period_s")

MOST_SENSORS = 5
"""Sensors of an alert of which it is asked whether they got worse, those that add most."""


def fleet_facts(
    folder: Path, stands: Desk, since: str, table: Sequence[Asset], zone: str | None, pipeline: str, command: str
) -> Fleet:
    """All that the page of a fleet tells, from what the run folder keeps; one asset's scores are held at a time."""
    place = RunFolder(folder)
    state, stored = place.state(), sink_for(place.alerts).read(place.alerts)
    known = [*stored.run["assets"], *state.assets, *(one["asset"] for one in stands.alerts)]
    rows = {name: Asset(name, "", "", "", enabled=True) for name in known} | {asset.asset: asset for asset in table}
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
    for asset in rows.values():
        shown, became = _shown(look, asset, [one for one in stored.indicators if one["asset"] == asset.asset])
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
        rows = _scores(look, asset.asset, alerts)
        last_us = _last_us(look, asset.asset, rows)
    except DataError as problem:  # damaged, maybe long ago: it stops no other asset from being told
        failed, rows, last_us = str(problem), _Rows(), None
    time_us, state, once_s = rows.time_us, rows.state, rows.once_s
    changed = []
    for one in mine:
        span_us = (parse_time(one["onset"]), look.since_us)
        then = strangest_then(time_us, once_s, rows.score, rows.values, span_us) if one in alerts else Then()
        past = look.past.get(one["alert_id"], facts.Past())
        became = facts.change_of(one, past, look.since_us, then, policy.bounds, policy.deadband)
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
    shown = replace(
        shown,
        unwatched=list(_unwatched(look, shown, watch, failed)),
        closed=[one for one in mine if facts.is_closed(one)],
        acts=[act for act in look.stands.acts if act.asset == asset.asset],
    )
    return shown, changed


@dataclass(frozen=True)
class _Rows:
    """Rows of an asset in time order, (n_rows,) each: times [µs UTC], states, return periods [s], scores; and sensor →
    what was measured and expected, of those that a standing alert names.
    """

    time_us: Int64 = field(default_factory=lambda: np.empty(0, np.int64))
    state: Int64 = field(default_factory=lambda: np.empty(0, np.int64))
    once_s: Float64 = field(default_factory=lambda: np.empty(0))
    score: Float64 = field(default_factory=lambda: np.empty(0))
    values: Mapping[str, tuple[Float64, Float64]] = field(default_factory=dict)


def _scores(look: _Look, asset: str, alerts: Sequence[Alert]) -> _Rows:
    """The rows of an asset in its small picture, and since the onset of what stands."""
    start_us = min([int(look.edges_us[0]), *(parse_time(one["onset"]) for one in alerts)])
    named = dict.fromkeys(one["sensor"] for alert in alerts for one in alert["sensors"][:MOST_SENSORS])
    pairs = {name: (f"value.{name}", f"expected.{name}") for name in named}
    table = look.place.stored(asset, start_us, (*COLUMNS, *(column for pair in pairs.values() for column in pair)))
    if table is None:
        return _Rows()
    kept = set(table.column_names)  # fewer where the scores were written without the sensors

    def numbers(column: str) -> Float64:
        return arrow.to_numpy(table.column(column), np.float64)

    return _Rows(
        arrow.times_to_numpy(table.column("time")),
        arrow.places_in(table.column("state"), STATE_NAMES, int(State.NO_DATA)),
        numbers("return_period_s"),
        numbers("score"),
        {name: (numbers(pair[0]), numbers(pair[1])) for name, pair in pairs.items() if kept.issuperset(pair)},
    )


def _last_us(look: _Look, asset: str, rows: _Rows) -> int | None:
    """The newest row of an asset in which anything was measured [µs UTC], if need be before these."""
    measured = rows.time_us[rows.state != State.NO_DATA]
    return int(measured[-1]) if len(measured) else seen(look.place, asset).newest_us


def _dead(look: _Look, asset: str, alerts: Sequence[Alert]) -> Iterator[Dead]:
    """The sensors without values: those that an alert says so of, and those without one in the newest two months."""
    said = [one for one in alerts if one["kind"] == "sensor_bad" and one["sensors"]]
    yield from (Dead(one["sensors"][0]["sensor"], parse_time(one["onset"])) for one in said)
    known = {one["sensors"][0]["sensor"] for one in said}
    months = look.place.months_of(asset)[-2:]
    if months and not any(one["kind"] == "no_data" for one in alerts):
        since_us = parse_time(f"{months[0].stem}-01")
        empty = empty_sensors(months, facts.LATE_US // look.stands.period_us)
        yield from (Dead(sensor, since_us, at_least=True) for sensor in empty if sensor not in known)


def empty_sensors(months: Sequence[Path], least: int) -> list[str]:
    """The sensors without a single value in months of scores, by what the files say of themselves; none where there are
    fewer rows than ``least``, where nothing at all was measured, or where a file is damaged.
    """
    rows, values = 0, dict[str, int]()
    try:
        for month in months:
            with pq.ParquetFile(month) as file:
                rows += file.metadata.num_rows
                for place, name in enumerate(file.schema_arrow.names):
                    if name.startswith("value."):
                        values[name] = values.get(name, 0) + _values(file.metadata, place)
    except (OSError, pa.ArrowException):
        return []
    if rows < least or not any(values.values()):
        return []
    return [name.removeprefix("value.") for name, count in values.items() if not count]


def _values(about: Any, place: int) -> int:
    """How many cells of a column hold a value; all where the file does not tell."""
    groups = [about.row_group(group) for group in range(about.num_row_groups)]
    told = [(group.num_rows, group.column(place).statistics) for group in groups]
    return sum(rows - (one.null_count if one is not None and one.has_null_count else 0) for rows, one in told)


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
            yield Unwatched(facts.NEVER if watch is None else facts.EMPTY)
        return
    silent = [parse_time(one["onset"]) for one in shown.alerts if one["kind"] == "no_data"]
    if shown.last_us is not None and look.stands.seen_us - shown.last_us > facts.LATE_US:
        silent.append(shown.last_us + look.stands.period_us)  # as an alert tells it: from the end of the last row on
    if silent:
        yield Unwatched(facts.SILENT, since_us=min(silent))
    if not watch.n_scored and not failed:
        try:
            yield Unwatched(_unscored(look.place, shown.name))
        except DataError as problem:
            yield Unwatched(facts.FAILED, told=str(problem))


def _held(hold: Action) -> Unwatched:
    return Unwatched(facts.HELD[hold.do], hold.at_us, hold.until_us, hold.by, hold.why or "", hold.sensors)


def _unscored(place: RunFolder, asset: str) -> str:
    """Why none of an asset's rows ever had a score: what most of them lack."""
    counts = np.zeros(len(STATE_NAMES), np.int64)
    for month in place.months_of(asset):
        state = arrow.places_in(read_scores(month, COLUMNS).column("state"), STATE_NAMES, int(State.NO_DATA))
        counts += np.bincount(state, minlength=len(counts))
    whys = {State.OUT_OF_STATE: facts.OFF, State.WARM_UP: facts.WARM_UP, State.SENSOR_BAD: facts.SENSORS}
    lacking = max(whys, key=lambda one: int(counts[one]))
    return whys[lacking] if counts[lacking] else facts.UNSCORED
