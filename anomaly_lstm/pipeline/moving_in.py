"""`init --from`: what users of a closed service still have → a pipeline file, events, and findings to compare with."""

from __future__ import annotations

import csv
import io
import shlex
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

from anomaly_lstm import store
from anomaly_lstm.clock import UNITS, format_duration, iso
from anomaly_lstm.guesses import comparison
from anomaly_lstm.moving import MOVERS, Flagged, Moved, OffCondition
from anomaly_lstm.pipeline.beginning import Begun, Known, check_free, init, make_room
from anomaly_lstm.pipeline.ingesting import Progress
from anomaly_lstm.sources.contract import ReadOptions
from anomaly_lstm.tables import EVENT_COLUMNS


def move_in(
    service: str,
    place: Path,
    out: Path,
    *,
    read: ReadOptions | None = None,
    network: str | None = None,
    progress: Callable[[Progress], None] = lambda _: None,
) -> Begun:
    """Do as `init` for what users of a closed service still have: its labels become events beside the pipeline file,
    its own findings a file to compare with.
    """
    mover = MOVERS[service]
    events, findings = out.with_name(f"{out.stem}-events.csv"), out.with_name(f"{out.stem}-{service}-results.csv")
    for path in (out, events, findings):
        check_free(path)
    moved = mover.look(place)
    known = replace(_known(moved, out, events), network=network)
    if moved.flagged:
        said = (
            f"{findings.name} has what {mover.SERVICE} found, to compare with by evaluate --events. It teaches nothing."
        )
        known = replace(known, told=(*known.told, said))
    tables: dict[Path, list[Row]] = {}
    tables |= {events: [(x.start_us, x.end_us, x.kind, "", x.note) for x in moved.labels]} if moved.labels else {}
    tables |= {findings: [_found(x, mover.SERVICE) for x in moved.flagged]} if moved.flagged else {}
    for path, rows in tables.items():
        _write_events(path, moved.asset, rows)
    try:
        begun = init(
            list(moved.paths), out, read=_as_there(read or ReadOptions(), moved), known=known, progress=progress
        )
    except BaseException:
        for path in tables:  # the mistake is mended, and init run again, which would find them in its way
            path.unlink(missing_ok=True)
        raise
    return replace(begun, also=tuple(tables))


Row = tuple[int, int, str, str, str]
"""Start, end [µs UTC], kind, sensor, note."""


def _found(flagged: Flagged, service: str) -> Row:
    score = "" if flagged.score is None else f", highest score {flagged.score:g}"
    return flagged.start_us, flagged.end_us, "anomaly", flagged.sensor or "", f"found by {service}{score}"


def _known(moved: Moved, out: Path, events: Path) -> Known:
    return Known(
        period_us=moved.period_us,
        events=events if moved.labels else None,
        until_us=moved.until_us,
        running=_runs(moved.off) if moved.off else None,
        source={"delay": format_duration(moved.delay_us)} if moved.delay_us else {},
        source_why={
            "start": "the first row that taught there",
            "period": "spacing of the grid, as there"
            if moved.period_us
            else "spacing of the grid, found from the rows",
            "delay": "how long it waited for late rows there",
        },
        every=_cron(moved.every_us, out) if moved.every_us else "",
        told=moved.told,
        unsure=moved.unsure,
    )


def _as_there(read: ReadOptions, moved: Moved) -> ReadOptions:
    """Reading as the service did, where no flag says otherwise."""
    return replace(
        read,
        zone=read.zone or moved.zone,
        start_us=moved.start_us if read.start_us is None else read.start_us,
        time=read.time or moved.source.get("time"),
        name=moved.asset,
        sensor_prefix=moved.source.get("sensor_prefix"),
    )


def _runs(off: OffCondition) -> str | None:
    """The asset runs while the condition by which it is off does not hold."""
    return comparison(off.sensor, ">=" if off.less else "<=", off.limit)


def _cron(every_us: int, out: Path) -> str:
    """A line of a crontab that runs the pipeline every few minutes."""
    minutes = max(1, every_us // UNITS["min"])
    when = f"*/{minutes} * * * *" if minutes < 60 else "0 * * * *"
    command = f"anomaly-lstm run {shlex.quote(str(out.absolute()))}".replace("%", r"\%")  # a % ends a line of a crontab
    return f"{when}   {command}"


def _write_events(path: Path, asset: str, rows: Sequence[Row]) -> None:
    """Stretches as an ``events.csv``."""
    text = io.StringIO(newline="")
    writer = csv.DictWriter(text, EVENT_COLUMNS, lineterminator="\n")
    writer.writeheader()
    for start_us, end_us, kind, sensor, note in rows:
        row = {"asset": asset, "start": iso(start_us), "end": iso(end_us), "kind": kind}
        writer.writerow(row | {"sensor": sensor, "note": note, "by": "init"})
    store.write_text(make_room(path), text.getvalue())
