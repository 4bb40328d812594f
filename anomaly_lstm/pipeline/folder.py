"""The run folder on disk, and the state of a run in it.

``state.json`` is the one file that decides: what it does not speak of did not happen. Scores, checkpoints, the lists of
alerts and the lines of the history are written before it and are the same again when a killed run is repeated.
"""

from __future__ import annotations

import io
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any
from zipfile import BadZipFile

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from numpy.typing import NDArray

from anomaly_lstm import arrow, store
from anomaly_lstm.errors import DataError
from anomaly_lstm.events import Event
from anomaly_lstm.interventions import Shift
from anomaly_lstm.pipeline.scoring import read_scores
from anomaly_lstm.policy import Bound, Policy
from anomaly_lstm.scoring import Checkpoint, checkpoint_from
from anomaly_lstm.sinks import sink_for
from anomaly_lstm.sources.contract import Mark

Int64 = NDArray[np.int64]

STATE_FORMAT = 2


@dataclass(frozen=True)
class Seen:
    """A file of the source as it was when it was read: size [bytes], time of change [ns], SHA-256 sum, the span
    [µs UTC] of rows that was asked for, and what became of its rows.
    """

    size: int
    changed_ns: int
    sum: str
    span: tuple[int | None, int | None]
    quality: Mapping[str, Any]


@dataclass(frozen=True)
class Asked:
    """A database as far as its rows were asked for: up to which place in the order of its watermark (None = it held no
    rows), for which span [µs UTC], and what became of the rows.
    """

    mark: Mark | None
    span: tuple[int | None, int | None]
    quality: Mapping[str, Any]


@dataclass(frozen=True)
class Terms:
    """By which model and policy an asset is watched, from grid index ``since`` on; None = from its first row.

    ``n_scored`` rows had a score before.
    """

    model_id: str
    policy: Mapping[str, Any]
    since: int | None = None
    n_scored: int = 0


@dataclass(frozen=True)
class Watch:
    """How far one asset has come, as grid indices: rows ``first`` to before ``next`` have scores, ``n_scored`` of them
    in state SCORED, the last at ``scored``; those from ``pending`` on must be scored anew (None = none); the history
    tells up to before ``told``. ``shifts`` are the offsets of changed sensors that are final (`shift_document`),
    ``rising`` the indicators after the last row.
    """

    terms: Terms
    first: int | None = None
    next: int | None = None
    n_scored: int = 0
    pending: int | None = None
    told: int | None = None
    scored: int | None = None
    shifts: Sequence[Mapping[str, Any]] = ()
    rising: Sequence[Mapping[str, Any]] = ()


@dataclass(frozen=True)
class RunState:
    """All that a run folder knows: the number of the next run, the model in use, the files read, those that wait to be
    whole (size and time of change), how far databases were asked, how far each asset is, the length of the history
    [bytes], the events by which rows were scored, the alerts of the assets where they changed in the last run, which
    may not stand in ``alerts.json`` yet, the SHA-256 sums of what may stand there (by this run, and by the one before),
    the cases, the files and assets of which nothing became in the last run → why, and the assets that are switched off
    or of which no row ever had a value → which of both.
    """

    run: int = 0
    model_id: str | None = None
    files: Mapping[str, Seen] = field(default_factory=dict)
    waiting: Mapping[str, tuple[int, int]] = field(default_factory=dict)
    databases: Mapping[str, Asked] = field(default_factory=dict)
    assets: Mapping[str, Watch] = field(default_factory=dict)
    history_bytes: int = 0
    events: Sequence[Mapping[str, Any]] = ()
    alerts: Mapping[str, Sequence[Mapping[str, Any]]] = field(default_factory=dict)
    sums: Sequence[str] = ()
    cases: Mapping[str, Any] = field(default_factory=dict)
    failed: Mapping[str, str] = field(default_factory=dict)
    unwatched: Mapping[str, str] = field(default_factory=dict)

    def document(self) -> dict[str, Any]:
        """As in ``state.json``; nothing in it is copied."""
        files = {name: dict(vars(seen)) for name, seen in self.files.items()}
        assets = {name: {**vars(watch), "terms": vars(watch.terms)} for name, watch in self.assets.items()}
        databases = {name: {**vars(one), "mark": one.mark and vars(one.mark)} for name, one in self.databases.items()}
        more = {"databases": databases} if databases else {}
        plain = {name: value for name, value in vars(self).items() if name != "databases"}
        return {"format": STATE_FORMAT, **plain, "files": files, **more, "assets": assets}


def state_from(document: Mapping[str, Any], path: Path) -> RunState:
    """The reverse of `RunState.document`. Raises DataError when it is newer than this program, or none of ours."""
    if not isinstance(document, dict):
        raise DataError(f"{path} is not what a run writes. Restore it from a copy, or remove it to begin anew.")
    if document.get("format", 1) > STATE_FORMAT:
        raise DataError(f"{path} was written by a newer version of anomaly-lstm. Update this one.")
    if "format" not in document:
        return RunState(model_id=document.get("model_id"))  # before 0.2 a run kept nothing but its model
    try:
        files = {name: Seen(**{**seen, "span": tuple(seen["span"])}) for name, seen in document["files"].items()}
        assets = {
            name: Watch(**{**watch, "terms": Terms(**watch["terms"])}) for name, watch in document["assets"].items()
        }
        waiting = {name: (size, changed) for name, (size, changed) in document["waiting"].items()}
        plain = {
            name: document[name] for name in ("run", "model_id", "history_bytes", "events", "alerts", "sums", "cases")
        }
        databases = {name: _asked_from(one) for name, one in document.get("databases", {}).items()}
        later = {name: document.get(name, {}) for name in ("failed", "unwatched")}
        return RunState(files=files, waiting=waiting, databases=databases, assets=assets, **later, **plain)
    except (KeyError, TypeError, ValueError) as problem:
        raise DataError(
            f"{path} is not what a run writes ({problem!r}). Restore it from a copy, or remove it to begin anew."
        ) from problem


def _asked_from(document: Mapping[str, Any]) -> Asked:
    mark, (start, end) = document["mark"], document["span"]
    return Asked(mark and Mark(**mark), (start, end), document["quality"])


@dataclass(frozen=True)
class RunFolder:
    """Where everything of a run lies."""

    path: Path

    @property
    def scores(self) -> Path:
        return self.path / "scores"

    @property
    def models(self) -> Path:
        return self.path / "models"

    @property
    def alerts(self) -> Path:
        return self.path / "alerts.json"

    @property
    def history(self) -> Path:
        return self.path / "history.jsonl"

    @property
    def _state(self) -> Path:
        return self.path / "state.json"

    def state(self) -> RunState:
        """The state as it stands; a blank one before the first run, which goes on with a history that is there."""
        if self._state.is_file():
            return state_from(store.read_json(self._state), self._state)
        kept = self.history.read_bytes() if self.history.is_file() else b""
        return RunState(history_bytes=kept.rfind(b"\n") + 1)

    def commit(self, state: RunState) -> RunState:
        """Make all that was written count."""
        store.write_text(self._state, json.dumps(state.document(), ensure_ascii=False, allow_nan=False) + "\n")
        return state

    def arrivals(self, asset: str) -> Path:
        """The folder of the rows of an asset as they came."""
        return self.path / "rows" / store.folder_name(asset)

    # ------------------------------------------------------------ scores

    def scores_of(self, asset: str) -> Path:
        return self.scores / store.folder_name(asset)

    def months_of(self, asset: str) -> list[Path]:
        """The files of an asset's stored scores, one a month, the oldest first."""
        return sorted(self.scores_of(asset).glob("*.parquet"))

    def begins_with(self, asset: str, time_us: int) -> bool:
        """Whether the month of a time is the first that is stored of an asset, or lies before it."""
        months = self.months_of(asset)
        return not months or month_of(time_us) <= months[0].stem

    def stored(self, asset: str, since_us: int | None = None, columns: Sequence[str] | None = None) -> pa.Table | None:
        """An asset's stored scores from the month of ``since_us`` on; None where there are none."""
        first = month_of(since_us) if since_us is not None else ""
        files = [path for path in self.months_of(asset) if path.stem >= first]
        return self.read(asset, files, columns) if files else None

    def read(self, asset: str, months: Sequence[Path], columns: Sequence[str] | None = None) -> pa.Table:
        """Some months of an asset's stored scores as one. Raises DataError, with what helps, for a damaged one."""
        try:
            return read_scores(months, columns)
        except DataError as problem:
            raise DataError(
                f"{str(problem).rpartition('. Write')[0] or problem}. Restore it from a copy, or remove "
                f"{self.scores_of(asset)}: the next run makes it anew."
            ) from problem

    def store_scores(self, asset: str, fresh: pa.Table, since_us: int | None) -> None:
        """Put fresh scores in the place of all that is stored from ``since_us`` on; None = all."""
        stored = self.stored(asset, since_us) if since_us is not None else None
        if stored is not None and since_us is not None:
            stays = arrow.times_to_numpy(stored.column("time")) < since_us
            fresh = pa.concat_tables([stored.filter(arrow.from_bools(stays)), fresh]).combine_chunks()
        months = arrow.times_to_numpy(fresh.column("time")).astype("datetime64[us]").astype("datetime64[M]")
        for month in np.unique(months):
            with store.replacing(self.scores_of(asset) / f"{month}.parquet") as side:
                pq.write_table(fresh.filter(arrow.from_bools(months == month)), side, compression="zstd")

    # ------------------------------------------------------------ checkpoints

    def _checkpoints(self, asset: str) -> list[tuple[int, str, Path]]:
        """(grid index, model id, file) of an asset's checkpoints."""
        home = self.path / "checkpoints" / store.folder_name(asset)
        found = []
        for path in home.glob("*.npz"):
            at, model_id = path.stem.split(".")
            found.append((int(at), model_id, path))
        return sorted(found)

    def checkpoint(self, asset: str, model_id: str, up_to: int) -> Checkpoint | None:
        """The last checkpoint of a model at or before a grid index."""
        mine = [path for at, whose, path in self._checkpoints(asset) if whose == model_id and at <= up_to]
        for path in reversed(mine):
            try:
                with np.load(path, allow_pickle=False) as arrays:
                    return checkpoint_from(arrays)
            except (OSError, ValueError, KeyError, EOFError, BadZipFile):
                continue  # damaged: an earlier one gives the same scores
        return None

    def keep_checkpoints(self, asset: str, model_id: str, made: Sequence[Checkpoint], after: int | None) -> None:
        """Keep checkpoints in the place of all after a grid index; None = all."""
        for at, _, path in self._checkpoints(asset):
            if after is None or at > after:
                path.unlink(missing_ok=True)
        for one in made:
            buffer = io.BytesIO()
            np.savez(buffer, **one.arrays())  # type: ignore[arg-type]  # the stub takes the arrays for its only option
            path = self.path / "checkpoints" / store.folder_name(asset) / f"{one.at}.{model_id}.npz"
            with store.replacing(path) as side:
                side.write_bytes(buffer.getvalue())


def current_model(folder: Path) -> Path | None:
    """The model a run folder works with, or None before its first training."""
    model_id = RunFolder(folder).state().model_id
    return None if model_id is None else RunFolder(folder).models / model_id


def policy_of(folder: Path) -> Policy | None:
    """The policy a run folder's alerts were raised by, or None before its first run."""
    path = folder / "alerts.json"
    if not path.is_file():
        return None
    run = sink_for(path).read(path).run
    delays = run["policy"]
    return Policy(
        {line["severity"]: round(line["return_period_s"] * 1e6) for line in run["budget"]},
        round(delays["on_delay_s"] * 1e6),
        round(delays["off_delay_s"] * 1e6),
        delays["deadband"],
        {sensor: Bound(**bound) for sensor, bound in delays["bounds"].items()},
        respond_within_us=round(delays.get("respond_within_s", 0) * 1e6),
    )


def is_run(folder: Path) -> bool:
    """Does the folder look like a run folder?"""
    return (folder / "state.json").is_file()


def event_document(event: Event) -> dict[str, Any]:
    """An event as plain values."""
    return {name: getattr(event, name) for name in ("asset", "start_us", "end_us", "kind", "sensor")}


def event_from(document: Mapping[str, Any]) -> Event:
    """The reverse of `event_document`."""
    return Event(failure_us=None, note="", line=0, **document)


def shift_document(shift: Shift) -> dict[str, Any]:
    """What is known of a changed sensor as plain values."""
    return {"event": event_document(shift.event), "rows": shift.rows, "offsets": [list(one) for one in shift.offsets]}


def shift_from(document: Mapping[str, Any]) -> Shift:
    """The reverse of `shift_document`."""
    offsets = tuple((int(since), float(taken)) for since, taken in document["offsets"])
    return Shift(event_from(document["event"]), document["rows"], offsets)


def month_of(time_us: int) -> str:
    """The month of a time, as its file is named."""
    return str(np.datetime64(time_us, "us").astype("datetime64[M]"))


def pending_from(watch: Watch, index: int) -> Watch:
    """The same asset with rows to be scored anew from a grid index on, but not before its terms began."""
    since = watch.terms.since
    index = index if since is None else max(index, since)
    return replace(watch, pending=index if watch.pending is None else min(watch.pending, index))
