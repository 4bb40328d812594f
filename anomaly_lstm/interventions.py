"""What people did to an asset and its sensors, and what that does to scoring.

`events` says which rows are left out of training; here dated events act on rows that are scored. Each kind does one
thing, and a score depends on telemetry up to its row only:

- **Not judged**: work on the machine (``maintenance``) and what people set aside (``calibration``, ``ignore``) is no
  evidence. Such rows are OUT_OF_STATE, as a stop is: nothing is raised by them, an on-delay that still counts is
  cancelled, and an alert that stands is held. With a ``sensor`` named, that sensor alone counts as missing.
- **Anew**: after ``maintenance`` the machine, or the sensor, is another one, and after a ``process_change`` what was
  strange was so under conditions that are gone. Evidence, network and level start as at the first row.
- **Shifted**: a new sensor (``sensor_change``) seldom reads exactly what the old one would. It counts as missing until
  its first rows have told how far it stands from what the level lets expect (`LOOKS`); from then on that offset is
  taken off before it is scored, and added again to what was expected of it.

A ``sensor_change`` that names no sensor is treated as ``maintenance``: to take an offset off all sensors would call
normal whatever the machine did just then. ``failure``, ``anomaly`` and ``normal`` do nothing here.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from anomaly_lstm import scoring
from anomaly_lstm.clock import iso
from anomaly_lstm.deviations import FIRST_ROWS, Part, from_level, row_states
from anomaly_lstm.events import Event, touching
from anomaly_lstm.evidence import MEMORIES, SHORT
from anomaly_lstm.scoring import Checkpoint, Scores
from anomaly_lstm.tables import State
from anomaly_lstm.telemetry import Telemetry, number_stretches
from anomaly_lstm.trained import Trained
from anomaly_lstm.words import counted, listed

Float64 = NDArray[np.float64]
Bool = NDArray[np.bool_]

NOT_JUDGED = frozenset({"maintenance", "sensor_change", "calibration", "ignore"})
"""Kinds whose rows, or whose sensor if one is named, are no evidence."""

ANEW = frozenset({"maintenance", "sensor_change", "process_change"})
"""Kinds after which the evidence starts anew."""

_FIRST_LOOK = int(MEMORIES * 3 * SHORT)
LOOKS = (_FIRST_LOOK, 2 * _FIRST_LOOK, 4 * _FIRST_LOOK)
"""The offset of a new sensor is taken from its first so many rows, and then better from more [rows]: ten memories, of
three half-lives each, of the longest half-life that is always used, as are asked before a mean over it is believed.
Slower statistics would see the error of an offset from so few for ever: healthy simulated assets then raised 1.5 to 1.6
times the alerts they raised without a change, and 1.1 to 1.2 times with all three looks."""

TOLD = 3
"""So many events of one sort are told one by one; of more, the number."""


@dataclass(frozen=True)
class Shift:
    """What is known of a sensor that was changed in an ``event``.

    ``offsets`` are pairs of a grid time and what is taken off from then on, measured − expected in the sensor's unit:
    none until as many ``rows`` are found that tell it as the first of `LOOKS`.
    """

    event: Event
    rows: int
    offsets: tuple[tuple[int, float], ...]

    @property
    def final(self) -> bool:
        """Will more rows change nothing?"""
        return len(self.offsets) == len(LOOKS)


@dataclass(frozen=True)
class UnderEvents:
    """An asset as it is to be scored, and the way back to what was measured.

    ``telemetry`` is what is scored, ``measured`` what was handed in; ``offset`` (n_rows, n_scored) was taken off;
    ``waiting`` (n_rows, n_scored) is what is expected of a new sensor before its offset is known, in the old one's
    readings, NaN elsewhere. Both are None for an asset none of whose sensors was worked on.
    """

    telemetry: Telemetry
    measured: Telemetry
    offset: Float64 | None = None
    waiting: Float64 | None = None
    shifts: tuple[Shift, ...] = ()
    notes: tuple[str, ...] = ()

    def as_measured(self, scores: Scores) -> Scores:
        """The scores of ``telemetry`` beside what was measured: values and expected values are the plant's numbers."""
        if self.offset is None or self.waiting is None:
            return scores
        waiting = np.where((scores.state == State.SCORED)[:, None], self.waiting, np.nan)
        expected = np.where(np.isfinite(scores.expected), scores.expected, waiting) + self.offset
        return replace(scores, telemetry=self.measured, expected=expected)


def under_events(
    trained: Trained, asset: Telemetry, events: Sequence[Event], known: Sequence[Shift] = ()
) -> UnderEvents:
    """What the events of one asset, told so far, make of its rows; its sensors are those of ``trained``.

    ``known`` are shifts found before; those that are final are not found again, if they were so before the first row
    that is wanted. Until it is final, rows must reach back to the change of the sensor: its offset is taken from those
    right after it.
    """
    mine = [e for e in touching(events, asset.asset) if _acts(e) and not _learned(trained, asset.asset, e)]
    mine = [e for e in mine if len(asset) and e.start_us <= asset.time_us[-1]]
    if not mine:
        return UnderEvents(asset, asset)
    of_asset = [e for e in mine if _of_asset(e)]
    of_sensor = [e for e in mine if not _of_asset(e) and e.sensor in asset.sensors]
    base = anew(asset, of_asset, trained.max_hole)
    if not of_sensor:
        return UnderEvents(base, asset, notes=tuple(_notes(trained, asset, base, mine, ())))
    masked, renewed = _masks(base, of_sensor)
    base = replace(base, values=np.where(masked, np.nan, base.values))
    shifts, waiting = _shifts(trained, base, of_sensor, known)
    offset, unknown = _taken_off(base, shifts)
    telemetry = replace(
        base,
        values=np.where(unknown, np.nan, base.values - offset),
        renewed=renewed,
        muted=_just_back(base, masked | unknown),
    )
    n_scored = len(trained.roles.scored)
    notes = _notes(trained, asset, base, mine, shifts)
    return UnderEvents(telemetry, asset, offset[:, :n_scored], waiting[:, :n_scored], tuple(shifts), tuple(notes))


def score(
    trained: Trained,
    assets: Sequence[UnderEvents],
    told: Callable[[int], None] = lambda rows: None,
    resumed: Mapping[str, Checkpoint] | None = None,
) -> Iterator[Scores]:
    """`scoring.score` of every asset as it is under its events, told in what was measured."""
    scored = scoring.score(trained, [one.telemetry for one in assets], told, resumed)
    for one, scores in zip(assets, scored, strict=True):
        yield one.as_measured(scores)


def changed_from(old: Sequence[Event], new: Sequence[Event], asset: str) -> int | None:
    """The earliest time [µs UTC] from which scores of an asset may differ under other events, None where none does.

    Rows before it are the same under both, bit for bit; what is said in a note does not count.
    """
    before, after = ({_key(e) for e in touching(events, asset) if _acts(e)} for events in (old, new))
    return min((start for start, *_ in before ^ after), default=None)


def rows_needed_from(
    trained: Trained, asset: str, events: Sequence[Event], known: Sequence[Shift], time_us: int, memory_us: int
) -> int | None:
    """The time [µs UTC] from which rows must be there so that those from ``time_us`` on are as if all were; None where
    events ask for no more than scoring does.

    A new sensor whose shift was not final at ``time_us`` needs the rows since it was changed; one that was masked,
    those since then until ``memory_us`` after it came back.
    """
    final = {_key(shift.event): shift.offsets[-1][0] for shift in known if shift.final}
    starts = []
    for event in touching(events, asset):
        if not _acts(event) or _of_asset(event) or event.start_us >= time_us or _learned(trained, asset, event):
            continue
        back_us = event.end_us + memory_us
        settled_us = final.get(_key(event), time_us + 1) if _shifts_sensor(trained, event) else back_us
        starts += [event.start_us] if settled_us > time_us else []
    return min(starts, default=None)


def _key(event: Event) -> tuple[int, int, str, str]:
    """What of an event acts on scores."""
    return event.start_us, event.end_us, event.kind, event.sensor or ""


def _acts(event: Event) -> bool:
    return event.kind in NOT_JUDGED | ANEW


def _of_asset(event: Event) -> bool:
    """Does it act on the whole asset? A process is the asset's, whatever sensor is named."""
    return event.sensor is None or event.kind not in NOT_JUDGED


def _learned(trained: Trained, asset: str, event: Event) -> bool:
    """Was the event over before training saw the asset? Then what it changed is what was learned."""
    report = trained.report
    return asset in report["assets"] and event.end_us <= report["start_us"]


# ---------------------------------------------------------------- rows


def _inside(asset: Telemetry, event: Event) -> Bool:
    """Grid rows (n_rows,) that may hold something measured in the event: row t holds (t − period, t].

    An event of no length touches the row that holds its moment.
    """
    return np.asarray((asset.time_us >= event.start_us) & ~_after(asset, event))


def _after(asset: Telemetry, event: Event) -> Bool:
    """Grid rows (n_rows,) that hold nothing measured before the event's end."""
    return np.asarray(asset.time_us - asset.grid.period_us >= event.end_us)


def anew(asset: Telemetry, events: Sequence[Event], max_hole: int) -> Telemetry:
    """The asset with rows in events OUT_OF_STATE and no stretch that goes on over one of `ANEW`.

    A stop of more than ``max_hole`` rows ends a stretch as ever. Where work lay in a gap without rows, the first row
    after it stands for it, so that it cancels what still counts.
    """
    off, era = np.zeros(len(asset), bool), np.zeros(len(asset), np.int64)
    for event in events:
        after = _after(asset, event)
        era += after & (event.kind in ANEW)
        if event.kind in NOT_JUDGED:
            inside = _inside(asset, event)
            if not inside.any():
                inside[np.flatnonzero(after)[:1]] = asset.time_us[:1] <= event.start_us
            off |= inside
    state = np.where(off, np.uint8(State.OUT_OF_STATE), asset.state)
    return replace(asset, state=state, stretch=number_stretches(asset.index, state, max_hole, era))


def begins_anew(asset: Telemetry, events: Sequence[Event], n_scored: int) -> Bool:
    """Where a scored sensor (n_rows, n_scored) is another one, or in another machine or process, from that row on: the
    first row after each event of `ANEW` that ended within the rows.
    """
    begins = np.zeros((len(asset), n_scored), bool)
    for event in touching(events, asset.asset):
        row = int(np.argmax(_after(asset, event))) if event.kind in ANEW and len(asset) else 0
        if row:
            begins[row] |= [_of_asset(event) or event.sensor == sensor for sensor in asset.sensors[:n_scored]]
    return begins


def _masks(asset: Telemetry, events: Sequence[Event]) -> tuple[Bool, Bool]:
    """Cells (n_rows, n_sensors) in events of a sensor, and those on which a sensor becomes another one."""
    masked, renewed = np.zeros(asset.values.shape, bool), np.zeros(asset.values.shape, bool)
    for event in events:
        column = asset.sensors.index(str(event.sensor))
        inside = _inside(asset, event)
        masked[inside, column] = True
        if event.kind in ANEW:
            renewed[inside & (asset.time_us - asset.grid.period_us < event.start_us), column] = True
    return masked, renewed


def _just_back(asset: Telemetry, missing: Bool) -> Bool:
    """Cells (n_rows, n_sensors) that are the first values after a sensor was masked: the network must see where it
    stands before it can be held to what it expects.
    """
    shown = np.isfinite(asset.values) & (asset.state == State.SCORED)[:, None] & ~missing
    count = np.cumsum(shown, axis=0)
    before = np.maximum.accumulate(np.where(missing, count, -FIRST_ROWS), axis=0)
    return np.asarray(shown & (count - before <= FIRST_ROWS))


# ---------------------------------------------------------------- the offset of a new sensor


def _shifts(
    trained: Trained, asset: Telemetry, events: Sequence[Event], known: Sequence[Shift]
) -> tuple[list[Shift], Float64]:
    """The shift of every change of a scored sensor in time order, and what was expected of it while it waited
    (n_rows, n_sensors), NaN elsewhere.
    """
    changes = sorted((e for e in events if _shifts_sensor(trained, e)), key=lambda e: (e.start_us, e.end_us))
    found = {_key(shift.event): shift for shift in known if shift.final}
    waiting = np.full(asset.values.shape, np.nan)
    out = []
    for number, event in enumerate(changes):
        sensor = asset.sensors.index(str(event.sensor))
        later = [e.start_us for e in changes[number + 1 :] if e.sensor == event.sensor]
        own = _after(asset, event) & (asset.time_us < min(later, default=np.inf))
        shift = found.get(_key(event))
        if shift is None:
            shift, expected = _shift(trained, asset, event, own)
            waiting[:, sensor] = np.where(np.isfinite(expected), expected, waiting[:, sensor])
        out.append(shift)
    return out, waiting


def _shifts_sensor(trained: Trained, event: Event) -> bool:
    """A context explains and is not expected: nothing tells its offset."""
    return event.kind == "sensor_change" and event.sensor in trained.roles.scored


def _shift(trained: Trained, asset: Telemetry, event: Event, own: Bool) -> tuple[Shift, Float64]:
    """The offset of a sensor from its ``own`` rows (n_rows,) after the event, and what was expected of it on those up
    to the last that tells it (n_rows,), NaN elsewhere.
    """
    sensor, expected = asset.sensors.index(str(event.sensor)), np.full(len(asset), np.nan)
    at, moved = np.empty(0, np.int64), np.empty(0)
    for stretch in asset.stretches(own):
        missing = LOOKS[-1] - len(at)
        used = np.flatnonzero(_tells(trained, (asset, stretch), sensor))[:missing]
        rows = slice(stretch.start, stretch.start + int(used[-1]) + 1) if len(used) == missing else stretch
        deviation = from_level(trained.learned, (asset, rows))[:, sensor]
        expected[rows] = asset.values[rows, sensor] - deviation
        at, moved = np.r_[at, asset.time_us[rows][used]], np.r_[moved, deviation[used]]
        if len(at) == LOOKS[-1]:
            break
    period_us = asset.grid.period_us
    offsets = [(int(at[n - 1]) + period_us, float(np.median(moved[:n]))) for n in LOOKS if n <= len(at)]
    return Shift(event, len(at), tuple(offsets)), expected


def _tells(trained: Trained, part: Part, sensor: int) -> Bool:
    """Rows (n_rows,) of a stretch that are fit to be scored, with a value of the sensor, in a context that was seen."""
    asset, rows = part
    fit = row_states(trained.learned, part) == State.SCORED
    seen = ~scoring.outside_seen(trained, part).any(axis=1)
    return np.asarray(fit & seen & np.isfinite(asset.values[rows, sensor]))


def _taken_off(asset: Telemetry, shifts: Sequence[Shift]) -> tuple[Float64, Bool]:
    """What is taken off (n_rows, n_sensors), and where that is not known yet; a later shift takes the place of an
    earlier one.
    """
    offset, unknown = np.zeros(asset.values.shape), np.zeros(asset.values.shape, bool)
    for shift in shifts:
        column = asset.sensors.index(str(shift.event.sensor))
        changed = asset.time_us >= shift.event.start_us
        offset[changed, column], unknown[changed, column] = 0.0, True
        for since_us, taken in shift.offsets:
            known = changed & (asset.time_us >= since_us)
            offset[known, column], unknown[known, column] = taken, False
    return offset, unknown


# ---------------------------------------------------------------- told


def _notes(
    trained: Trained,
    asset: Telemetry,
    base: Telemetry,
    events: Sequence[Event],
    shifts: Sequence[Shift],
) -> Iterator[str]:
    """What the events did, a sentence each: rows, then sensors, then what did nothing and why."""
    name = asset.asset
    of_asset = [e for e in events if _of_asset(e)]
    off = int(((base.state == State.OUT_OF_STATE) & (asset.state != State.OUT_OF_STATE)).sum())
    if off:
        yield f"{name}: {counted(off, 'row')} not judged: {_listed(e for e in of_asset if e.kind in NOT_JUDGED)}."
    fresh = [e for e in of_asset if e.kind in ANEW and asset.time_us[0] <= e.end_us <= asset.time_us[-1]]
    if fresh:
        yield f"{name}: the evidence starts anew after {_listed(fresh)}."
    if any(e.kind == "sensor_change" for e in of_asset):
        yield f"{name}: a sensor_change names no sensor, so no offset is taken off. Name the sensor in its column."
    for sensor in asset.sensors:
        own = [e for e in events if e.sensor == sensor and not _of_asset(e) and not _shifts_sensor(trained, e)]
        rows = int(np.any([_inside(asset, e) for e in own], axis=0).sum())
        if rows:
            yield f"{name}: '{sensor}' left out on {counted(rows, 'row')}: {_listed(own)}."
        if any(e.kind == "sensor_change" for e in own):
            yield f"{name}: '{sensor}' is a context, and nothing tells the offset of a new one."
    yield from (_shift_words(trained, asset, shift) for shift in shifts)
    for event in events:
        if not _of_asset(event) and event.asset and event.sensor not in asset.sensors:
            yield f"{name}: {_words(event)} acts on no score: the model has no sensor '{event.sensor}'."


def _shift_words(trained: Trained, asset: Telemetry, shift: Shift) -> str:
    sensor, until = str(shift.event.sensor), iso(shift.event.end_us)
    start = f"{asset.asset}: '{sensor}' was changed until {until}"
    begins = int(asset.time_us[0])
    start += f" (the data begin later, at {iso(begins)})" if begins > shift.event.end_us else ""
    if not shift.offsets:
        return f"{start} and is left out until {LOOKS[0]} rows tell its new offset; so far {shift.rows} do."
    unit = f" {trained.units[sensor]}" if sensor in trained.units else ""
    since_us, offset = shift.offsets[-1]
    return (
        f"{start}. Its first {LOOKS[len(shift.offsets) - 1]} rows stood {abs(offset):.4g}{unit} "
        f"{'above' if offset >= 0 else 'below'} what was expected: this offset is taken off since {iso(since_us)}. "
        "A fault of the machine in those rows would pass for it."
    )


def _listed(events: Iterator[Event] | Sequence[Event]) -> str:
    return listed([_words(e) for e in events], most=TOLD)


def _words(event: Event) -> str:
    return f"{event.kind} {iso(event.start_us)} to {iso(event.end_us)}"
