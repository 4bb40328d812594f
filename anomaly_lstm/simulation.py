"""A sample fleet of pumps: any number, any length, seeded, with faults whose dates are known.

One centrifugal pump with a variable-speed drive, as an engineer would sketch it:

    production plan → speed_setpoint → speed ─┬→ flow, discharge_pressure (pump curve meets system curve)
                                              ├→ motor_current            (hydraulic power over efficiency)
                                              ├→ vibration                (unbalance ~ speed², a resonance)
    weather → ambient_temp ───────────────────┴→ bearing_temp             (friction heats two masses in a row)

Two valves act on it and remember, and nobody records their position, as in most plants: a minimum-flow valve (opens
at low flow, shuts at a higher one) recirculates part of the flow, and a thermostat lets cooling water to the bearing
(opens when hot, shuts when cooler). Between their two points the same load has two healthy answers, and only what went
before tells which.

Episodes (frozen dataclasses) act on it where nature would: wear on friction and vibration, cavitation on the head,
a stop on the set-point, a stuck sensor on what is recorded. Each tells the events a person would have noted.
Everything is simulated and honest about it: good for examples, tests and benches, no proof of field performance.

    python -m anomaly_lstm.simulation --out sample_data

Sources: affinity laws, pump and system curve, minimum flow, Gülich, Centrifugal Pumps · vibration level, ISO 10816-7
(good up to 2.5 to 3.2 mm/s rms) · first-order thermal models, as in IEC 60255-149 for motors. The constants are
plausible for a 75 kW pump, and no maker's.
"""

import argparse
import csv
import io
import sys
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.parquet as pq

from anomaly_lstm.errors import AnomalyLstmError, UsageError

Times = npt.NDArray[np.datetime64]
Values = npt.NDArray[np.float64]
Flags = npt.NDArray[np.bool_]

UNITS = {
    "speed_setpoint": "%",  # of rated speed, 2950 rpm; context
    "ambient_temp": "°C",  # of the pump hall; context
    "motor_current": "A",
    "flow": "m3/h",
    "discharge_pressure": "bar",  # gauge
    "vibration": "mm/s",  # velocity, rms, at the drive-end bearing
    "bearing_temp": "°C",  # drive end
}
CONTEXT = ("speed_setpoint", "ambient_temp")
RESOLUTION = {  # what the transmitter can tell apart, in the unit above; it also keeps the files small
    "speed_setpoint": 0.5,
    "ambient_temp": 0.1,
    "motor_current": 0.1,
    "flow": 0.2,
    "discharge_pressure": 0.01,
    "vibration": 0.01,
    "bearing_temp": 0.1,
}
TAGS = {  # the same sensors as the historian of another plant names them
    "speed_setpoint": "SIC-3101A.SP",
    "ambient_temp": "TT-3000.PV",
    "motor_current": "IT-3101A.PV",
    "flow": "FIT-3101A.PV",
    "discharge_pressure": "PIT-3101A.PV",
    "vibration": "VT-3101A.DE.PV",
    "bearing_temp": "TT-3101A.DE.PV",
}

START = np.datetime64("2026-02-02T00:00", "us")  # a Monday, UTC
DAYS = 35.0
EXPORT_START = np.datetime64("2026-03-02T00:00", "us")
EXPORT_DAYS = 3.0
_HEALTHY_SHARE = 0.6  # no fault begins in this first part of the span


# --- what happens ----------------------------------------------------------------------------------------------------


class EventRow(NamedTuple):
    """One row of events.csv as text; `start` and `end` are half-open, ISO 8601 with Z."""

    asset: str
    start: str
    end: str
    kind: str
    sensor: str = ""
    failure_time: str = ""
    work_order: str = ""
    note: str = ""
    by: str = ""


class AssetRow(NamedTuple):
    """One row of assets.csv as text."""

    asset: str
    type: str
    site: str
    zone: str
    criticality: str
    owner: str
    twin_of: str
    enabled: str


@dataclass(frozen=True)
class BearingWear:
    """A bearing that wears from `start` to `failure`; no rows until `restart`, then a test run until `repaired`."""

    start: np.datetime64
    failure: np.datetime64
    restart: np.datetime64
    repaired: np.datetime64
    note = "drive-end bearing wears to failure"

    @property
    def end(self) -> np.datetime64:
        return self.repaired

    def level(self, time: Times) -> Values:
        """Wear from 0 (new) to 1 (failed), `(n_rows,)`: exponential growth, half of it in the last 14 % of life."""
        growth = 5.0
        life = (time - self.start) / (self.failure - self.start)
        worn = np.expm1(growth * np.clip(life, 0, 1)) / np.expm1(growth)
        return np.where(_within(time, self.start, self.failure), worn, 0.0)

    def events(self, asset: str) -> tuple[EventRow, ...]:
        begin, failed, done = _iso(self.start), _iso(self.failure), _iso(self.repaired)
        order = f"WO-{failed[5:7]}{failed[8:10]}-1"
        repair = f"bearing replaced, no rows until the test run from {_iso(self.restart)}"
        return (
            EventRow(asset, begin, failed, "failure", "", failed, order, self.note, "reliability"),
            EventRow(asset, failed, done, "maintenance", "", "", order, repair, "maintenance"),
        )


@dataclass(frozen=True)
class Cavitation:
    """Too little suction pressure: the head falls and flutters, the pump rattles."""

    start: np.datetime64
    end: np.datetime64
    note = "cavitation, suction strainer partly blocked, then cleaned"

    def level(self, time: Times) -> Values:
        """Intensity from 0 to 1, `(n_rows,)`, rising and falling within 20 minutes."""
        edge = np.timedelta64(20, "m")
        return np.clip(np.minimum((time - self.start) / edge, (self.end - time) / edge), 0, 1)

    def events(self, asset: str) -> tuple[EventRow, ...]:
        return (EventRow(asset, _iso(self.start), _iso(self.end), "anomaly", note=self.note, by="shift lead"),)


@dataclass(frozen=True)
class StuckSensor:
    """A transmitter that repeats its last value."""

    start: np.datetime64
    end: np.datetime64
    sensor: str
    note = "transmitter frozen at its last value"

    def events(self, asset: str) -> tuple[EventRow, ...]:
        span = _iso(self.start), _iso(self.end)
        return (EventRow(asset, *span, "anomaly", sensor=self.sensor, note=self.note, by="instrumentation"),)


@dataclass(frozen=True)
class Gap:
    """The historian stored nothing; the pump ran on."""

    start: np.datetime64
    end: np.datetime64
    note = "historian down, no rows"

    def events(self, asset: str) -> tuple[EventRow, ...]:
        return (EventRow(asset, _iso(self.start), _iso(self.end), "ignore", note=self.note, by="IT"),)


@dataclass(frozen=True)
class Maintenance:
    """A planned stop: the pump stands still, rows keep coming."""

    start: np.datetime64
    end: np.datetime64
    note = "planned stop, coupling and oil checked"

    def events(self, asset: str) -> tuple[EventRow, ...]:
        begin, done = _iso(self.start), _iso(self.end)
        order = f"WO-{begin[5:7]}{begin[8:10]}-0"
        return (EventRow(asset, begin, done, "maintenance", work_order=order, note=self.note, by="maintenance"),)


@dataclass(frozen=True)
class Standstill:
    """No demand: the pump stands still for a while. Nobody notes it; `motor_current > 5` finds it."""

    start: np.datetime64
    end: np.datetime64
    note = "no demand, pump stands still"

    def events(self, asset: str) -> tuple[EventRow, ...]:
        return ()


@dataclass(frozen=True)
class Campaign:
    """A benign change of the process: high load by day and night, within the range seen before."""

    start: np.datetime64
    end: np.datetime64
    note = "high-load campaign, nothing is wrong"

    def events(self, asset: str) -> tuple[EventRow, ...]:
        return (EventRow(asset, _iso(self.start), _iso(self.end), "process_change", note=self.note, by="production"),)


Fault = BearingWear | Cavitation | StuckSensor
Episode = Fault | Gap | Maintenance | Standstill | Campaign


def routine_episodes(number: int, start: np.datetime64, days: float) -> tuple[Episode, ...]:
    """What happens to healthy pump `number` (1, 2, …): every five weeks a stop, a gap, idle hours, a campaign.

    Four programmes take turns (pump 5 has that of pump 1). Episodes that would pass the end are left out.
    """

    def on(cycle: int, day: int, hour: float, hours: float) -> tuple[np.datetime64, np.datetime64]:
        begin = start + _hours((cycle * DAYS + day) * 24 + hour)
        return begin, begin + _hours(hours)

    def programme(cycle: int) -> tuple[Episode, ...]:
        match (number - 1) % 4:
            case 0:
                return Maintenance(*on(cycle, 10, 8, 3.5)), Campaign(*on(cycle, 31, 6, 36))
            case 1:
                return Gap(*on(cycle, 9, 2.5, 5.75)), Standstill(*on(cycle, 19, 2, 2))
            case 2:
                return (Standstill(*on(cycle, 13, 3, 1.5)),)
            case _:
                return Maintenance(*on(cycle, 16, 9, 2)), Standstill(*on(cycle, 34, 4, 1.5))

    finish = start + _hours(days * 24)
    cycles = range(int(np.ceil(days / DAYS)))
    return tuple(episode for cycle in cycles for episode in programme(cycle) if episode.end <= finish)


def fault_episodes(number: int, start: np.datetime64, days: float) -> tuple[Fault, ...]:
    """The one fault of pump `number` in the whole span, at the same relative place whatever the span.

    Of every four pumps the first has none, the second cavitates, the third loses a bearing, the fourth has a stuck
    sensor; each further four have theirs 2 % of the span earlier. Durations are fixed. A fault that does not fit, or
    would begin in the first 60 % of the span, is left out: less than about 18 days have no bearing failure.
    """
    earlier = 0.02 * ((number - 1) // 4 % 6) * days * 24

    def at(day: int, hour: float) -> np.datetime64:
        return start + _hours((day * 24 + hour) * days / DAYS - earlier)

    fault: Fault
    match (number - 1) % 4:
        case 0:
            return ()
        case 1:
            begin = at(30, 9.5)
            fault = Cavitation(begin, begin + _hours(5.25))
        case 2:
            failure = at(31, 14)
            fault = BearingWear(failure - _hours(6 * 24), failure, failure + _hours(36), failure + _hours(42))
        case _:
            begin = at(29, 6)
            fault = StuckSensor(begin, begin + _hours(25), "discharge_pressure")
    fits = start + _hours(_HEALTHY_SHARE * days * 24) <= fault.start and fault.end <= start + _hours(days * 24)
    return (fault,) if fits else ()


# --- one pump --------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Pump:
    """What makes one pump differ from its sisters; rated values at 100 % speed."""

    number: int
    asset: str
    head: float = 13.0  # at closed valve [bar]
    drop: float = 3.0  # of the pump curve from closed valve to rated flow [bar]
    rated_flow: float = 200.0  # [m3/h]
    efficiency: float = 0.78  # at rated flow
    idle_current: float = 5.0  # [A]
    unbalance: float = 2.1  # vibration at 100 % speed [mm/s]
    resonance: float = 0.835  # speed at which the base plate answers, share of rated
    friction: float = 1.0  # of the bearing, relative
    recirculation: float = 0.12  # share of the flow that the open minimum-flow valve takes; 0: there is none
    cooling: float = 1.0  # by how much open cooling water raises the bearing's heat transfer; 0: there is none


@dataclass(frozen=True)
class History:
    """What the historian holds of one pump.

    `time` is `(n_rows,)` datetime64[us] in UTC, ascending, without the rows that were lost; each array of `sensors`
    (order and units of `UNITS`) is `(n_rows,)` float32.
    """

    pump: Pump
    time: Times
    sensors: dict[str, npt.NDArray[np.float32]]
    episodes: tuple[Episode, ...]

    @property
    def asset(self) -> str:
        return self.pump.asset

    @property
    def events(self) -> tuple[EventRow, ...]:
        return tuple(event for episode in self.episodes for event in episode.events(self.asset))


Plan = Callable[[Pump, Times, int], Values]
"""(pump, time, seed) → speed set-point [% of rated], `(n_rows,)`."""


def make_pump(number: int, seed: int, asset: str | None = None) -> Pump:
    """Pump `number` as built: 1.5 % (one standard deviation) of manufacturing difference, 5 % in unbalance."""
    luck = _rng(seed, number, "built").standard_normal(6)
    like = Pump(number, asset or f"pump-{number:02d}")
    return Pump(
        number=like.number,
        asset=like.asset,
        head=like.head * (1 + 0.01 * luck[0]),
        drop=like.drop * (1 + 0.015 * luck[1]),
        efficiency=like.efficiency * (1 + 0.01 * luck[2]),
        unbalance=like.unbalance * (1 + 0.05 * luck[3]),
        resonance=like.resonance * (1 + 0.005 * luck[4]),
        friction=like.friction * (1 + 0.015 * luck[5]),
    )


def simulate_pump(
    pump: Pump, time: Times, *, seed: int, episodes: Sequence[Episode] = (), plan: Plan | None = None
) -> History:
    """The history of one pump over the regular times `(n_rows,)`, with what `episodes` do to it.

    `plan` gives the speed set-point [% of rated] that the episodes then change; `production_plan` when left out.

    Each cause draws from its own stream, so a fault changes only what it touches: with and without it, the rows
    before it are equal, and those after it once the bearing has forgotten the heat and both valves are back in step.
    """
    ambient = weather(time, seed)
    setpoint = (plan or production_plan)(pump, time, seed)
    for episode in episodes:
        setpoint = _operate(episode, time, setpoint)
    wear = sum((e.level(time) for e in episodes if isinstance(e, BearingWear)), np.zeros(len(time)))
    cavitation = sum((e.level(time) for e in episodes if isinstance(e, Cavitation)), np.zeros(len(time)))
    truth = behave(pump, time, setpoint, ambient, wear=wear, cavitation=cavitation, seed=seed)
    shown = measure(pump, time, truth, seed)
    for episode in episodes:
        if isinstance(episode, StuckSensor):
            shown[episode.sensor] = _frozen(shown[episode.sensor], _within(time, episode.start, episode.end))
    kept = recorded(pump, time, episodes, seed)
    return History(pump, time[kept], {name: shown[name][kept].astype(np.float32) for name in UNITS}, tuple(episodes))


def weather(time: Times, seed: int) -> Values:
    """Air temperature in the pump hall [°C], `(n_rows,)`: year, day, and weather of some days; one hall for all."""
    day = (time - np.datetime64("1970-01-01T00:00", "us")) / np.timedelta64(1, "D")
    year = -3.0 * np.cos(2 * np.pi * (day / 365.2425 - 0.05))
    hour_angle = 2 * np.pi * (day - 15 / 24)  # warmest at 15:00
    return 22 + year + 2.2 * np.cos(hour_angle) + wander(time, 36 * 3600, 1.3, _rng(seed, 0, "ambient"))


def production_plan(pump: Pump, time: Times, seed: int) -> Values:
    """Speed set-point [% of rated], `(n_rows,)`, 66 to 104: three shifts, week-ends, operators, small campaigns.

    Every second pump fills batch tanks (`filling`), so its load changes often; the others feed a steady line.
    """
    rng = _rng(seed, pump.number, "work")
    hour = (time - np.datetime64("1970-01-01T06:00", "us")) / np.timedelta64(1, "h")
    shift = np.floor(hour / 8).astype(np.int64)  # morning from 06:00, afternoon, night
    weekend = (shift // 3 + 3) % 7 >= 5  # 1970-01-01 was a Thursday
    usual = np.where(weekend, np.array([80.0, 78, 70])[shift % 3], np.array([94.0, 90, 76])[shift % 3])
    by_shift = 3.0 * rng.standard_normal(shift[-1] - shift[0] + 1)[shift - shift[0]]

    elapsed = hour - hour[0]
    touches = np.cumsum(0.3 + rng.exponential(1.5, int(elapsed[-1] / 0.3) + 1))  # an operator trims the speed
    by_operator = 2.0 * rng.standard_normal(len(touches) + 1)[np.searchsorted(touches, elapsed)]

    campaign = np.zeros(len(time))
    for day in np.flatnonzero(rng.random(int(elapsed[-1] / 24) + 1) < 0.15):
        campaign[(elapsed >= 24 * day + 6) & (elapsed < 24 * day + 6 + rng.uniform(8, 34))] = 7.0
    by_batch = np.where(filling(pump, time, seed), 5.0, -11.0) if pump.number % 2 == 0 else 0.0
    plan: Values = np.clip(usual + by_shift + by_operator + campaign + by_batch, 66, 104)
    return plan


def filling(pump: Pump, time: Times, seed: int) -> Flags:
    """Whether a batch tank is being filled, `(n_rows,)`: for 20 to 60 minutes, then the pump waits 10 to 30."""
    rng = _rng(seed, pump.number, "batches")
    elapsed = (time - time[0]) / np.timedelta64(1, "h")
    batches = 2 * int(elapsed[-1]) + 1  # each takes half an hour at least
    ends = np.cumsum(np.column_stack([rng.uniform(20, 60, batches), rng.uniform(10, 30, batches)]).ravel() / 60)
    return np.asarray(np.searchsorted(ends, elapsed, side="right") % 2 == 0)


def behave(
    pump: Pump, time: Times, setpoint: Values, ambient: Values, *, wear: Values, cavitation: Values, seed: int
) -> dict[str, Values]:
    """The true sensor values of a pump, each `(n_rows,)` in its unit, before any transmitter sees them.

    `setpoint` [%], `ambient` [°C], `wear` and `cavitation` (0 to 1) are `(n_rows,)`.
    """
    speed = follow(time, setpoint / 100, tau=90.0)  # inertia and ramp of the drive
    flutter = wander(time, 120, 1.0, _rng(seed, pump.number, "flutter"))
    demand = wander(time, 2 * 3600, 0.03, _rng(seed, pump.number, "demand"))
    lost = cavitation * (0.14 + 0.05 * flutter)
    bypassed = recirculated(pump, time, speed, demand, lost)
    flow, pressure = operating_point(pump, speed, demand, lost, bypassed)
    heat = friction_power(pump, speed, pressure, wear)
    rattle = cavitation * np.exp(0.35 * flutter)
    return {
        "speed_setpoint": setpoint,
        "ambient_temp": ambient,
        "motor_current": motor_current(pump, speed, flow, pressure, heat),
        "flow": flow,
        "discharge_pressure": pressure,
        "vibration": vibration_level(pump, speed) + speed**1.5 * (5.0 * wear + 1.3 * rattle),
        "bearing_temp": bearing_temperature(time, speed, heat, ambient, pump.cooling),
    }


def operating_point(
    pump: Pump, speed: Values, demand: Values, lost: Values, bypassed: Values | float = 0.0
) -> tuple[Values, Values]:
    """Flow [m3/h] and discharge pressure [bar] of the pump where its curve meets the system curve, each `(n_rows,)`.

    Pump: head·speed² − k·flow² (affinity laws). System: static + r·flow², r opening and closing with `demand`
    (relative). `lost` is the share of head that cavitation takes, `bypassed` the share of the flow that goes back to
    the suction tank and not through the system. Below the static head the check valve holds.
    """
    static = 0.6  # [bar]
    k = pump.drop / pump.rated_flow**2
    r = (10.0 - static) / pump.rated_flow**2 * (1 + demand) * (1 - bypassed) ** 2
    flow = np.sqrt(np.maximum(pump.head * (1 - lost) * speed**2 - static, 0) / (k + r))
    return flow, static + r * flow**2


MINIMUM_FLOW = 0.71, 0.84
"""The minimum-flow valve opens below the first and shuts above the second; flow of the pump, share of rated."""


def recirculated(pump: Pump, time: Times, speed: Values, demand: Values, lost: Values) -> Values:
    """Share of the pump's flow that the minimum-flow valve sends back, `(n_rows,)`; it takes about a minute to move.

    Open, it lets the pump deliver a tenth more, so it must shut at a flow well above the one that opened it; between
    the two, its position is what it was.
    """
    opens, shuts = MINIMUM_FLOW
    flow_shut, _ = operating_point(pump, speed, demand, lost)
    flow_open, _ = operating_point(pump, speed, demand, lost, pump.recirculation)
    is_open = latch(flow_shut < opens * pump.rated_flow, flow_open > shuts * pump.rated_flow)
    return pump.recirculation * follow(time, is_open.astype(np.float64), tau=30.0)


def motor_current(pump: Pump, speed: Values, flow: Values, pressure: Values, heat: Values) -> Values:
    """Current of the drive [A], `(n_rows,)`: hydraulic power over efficiency, disc and bearing friction, idle part."""
    relative = flow / np.maximum(pump.rated_flow * speed, 1.0)
    efficiency = pump.efficiency * np.clip(1 - 0.9 * (relative - 1) ** 2, 0.4, 1)
    shaft = pressure * flow / 36 / efficiency + 2.0 * speed**3 + 1.2 * heat  # [kW]; bar·m3/h / 36 = kW
    volts, power_factor, motor_efficiency = 400, 0.88, 0.94
    amperes_per_kw = 1000 / (np.sqrt(3) * volts * power_factor * motor_efficiency)
    current: Values = pump.idle_current * np.minimum(1, speed / 0.1) + amperes_per_kw * shaft
    return current


def vibration_level(pump: Pump, speed: Values) -> Values:
    """Healthy vibration [mm/s rms], `(n_rows,)`: unbalance ~ speed², more where the base plate resonates."""
    return 0.12 + pump.unbalance * speed**2 * (1 + 0.35 * np.exp(-(((speed - pump.resonance) / 0.03) ** 2)))


def friction_power(pump: Pump, speed: Values, pressure: Values, wear: Values) -> Values:
    """Heat of the bearing, relative to a healthy one at rated load, `(n_rows,)`.

    Grows with speed and with the load on the shaft; wear is seen here later than in vibration (its square).
    """
    return pump.friction * speed**1.5 * (0.4 + 0.06 * pressure) * (1 + 1.7 * wear**2)


THERMOSTAT = 62.0, 55.0
"""The cooling water of the bearing opens above the first and shuts below the second [°C]."""


def bearing_temperature(time: Times, speed: Values, heat: Values, ambient: Values, cooling: float = 0.0) -> Values:
    """Bearing temperature [°C], `(n_rows,)`: two thermal masses in a row, cooled better at higher speed.

    The housing (time constant 5 h at full speed, longer when slow: the fan is on the shaft) stands above ambient, the
    bearing (40 min) above the housing. Time constants that depend on load make the temperature remember hours of
    load, and not linearly. Cooling water that raises the bearing's heat transfer by the share `cooling` comes and goes
    with a thermostat (`THERMOSTAT`), which acts once a period: at high load it stays open, at medium load the
    temperature swings between the two points, rising or falling by where the water stands.
    """
    fan, oil = 0.4 + 0.6 * speed, 0.7 + 0.3 * speed  # heat transfer, relative to full speed
    housing = follow(time, ambient + 26 * heat / fan, tau=5 * 3600 / fan)
    dry, wet = ((24 * heat / by, np.exp(-_period(time) * by / (40 * 60))) for by in (oil, oil * (1 + cooling)))
    opens, shuts = THERMOSTAT
    rise = np.empty(len(time))
    is_open = bool(housing[0] + dry[0][0] > opens)
    last = float((wet if is_open else dry)[0][0])  # in balance at the first row
    rows = (v.tolist() for v in (housing, *dry, *wet))  # floats of Python: the loop is ten times faster
    for row, (base, dry_rise, dry_decay, wet_rise, wet_decay) in enumerate(zip(*rows, strict=True)):
        target, decay = (wet_rise, wet_decay) if is_open else (dry_rise, dry_decay)
        last = rise[row] = target + decay * (last - target)
        is_open = base + last > (shuts if is_open else opens)
    return housing + rise


# --- transmitters and historian --------------------------------------------------------------------------------------

_NOISE = {  # standard deviation of the slow part (5 min) and of the white part, in the unit; vibration: relative
    "speed_setpoint": (0.0, 0.0),
    "ambient_temp": (0.03, 0.03),
    "motor_current": (0.4, 0.3),
    "flow": (0.6, 0.5),
    "discharge_pressure": (0.015, 0.015),
    "vibration": (0.025, 0.03),
    "bearing_temp": (0.08, 0.06),
}


def measure(pump: Pump, time: Times, truth: dict[str, Values], seed: int) -> dict[str, Values]:
    """What the transmitters show of `truth`: noise with a memory of five minutes, never negative, in steps."""
    return {name: _shown(name, value, time, _rng(seed, pump.number, name)) for name, value in truth.items()}


def _shown(name: str, value: Values, time: Times, rng: np.random.Generator) -> Values:
    slow, white = _NOISE[name]
    noise = wander(time, 300, slow, rng) + white * rng.standard_normal(len(time))
    noisy = value * np.exp(noise) if name == "vibration" else value + noise
    steps = np.rint(np.maximum(noisy, 0) / RESOLUTION[name])
    return np.round(steps * RESOLUTION[name], 6)


def recorded(pump: Pump, time: Times, episodes: Sequence[Episode], seed: int) -> Flags:
    """Which rows the historian kept, `(n_rows,)`: 0.5 % are lost one by one, some in runs of 2 to 8, gaps whole."""
    rng = _rng(seed, pump.number, "holes")
    kept = rng.random(len(time)) >= 0.005
    for first in rng.integers(0, len(time), len(time) // 5000 + 1):
        kept[first : first + rng.integers(2, 9)] = False
    for episode in episodes:
        if isinstance(episode, Gap):
            kept &= ~_within(time, episode.start, episode.end)
        elif isinstance(episode, BearingWear):
            kept &= ~_within(time, episode.failure, episode.restart)
    return kept


def _operate(episode: Episode, time: Times, setpoint: Values) -> Values:
    during = _within(time, episode.start, episode.end)
    match episode:
        case Maintenance() | Standstill():
            return np.where(during, 0.0, setpoint)
        case BearingWear():
            return np.where(_within(time, episode.failure, episode.restart), 0.0, setpoint)
        case Campaign():
            return np.where(during, np.clip(0.3 * setpoint + 68, 90, 99), setpoint)
        case _:
            return setpoint


def _frozen(value: Values, during: Flags) -> Values:
    if not during.any():
        return value
    first = int(np.argmax(during))
    return np.where(during, value[max(first - 1, 0)], value)


# --- memory and chance -----------------------------------------------------------------------------------------------


def follow(time: Times, target: Values, tau: float | Values) -> Values:
    """First-order lag of `target` (any unit) with time constant `tau` [s], `(n_rows,)`, in balance at the first row.

    Exact for a target that is constant over each period, whatever the period.
    """
    decay = np.exp(-_period(time) / np.broadcast_to(tau, target.shape))
    return recur(decay, (1 - decay) * target, float(target[0]))


def latch(sets: Flags, resets: Flags) -> Flags:
    """On since the last row that `sets`, off since the last that `resets`, `(n_rows,)`; off before either comes."""
    row = np.maximum.accumulate(np.where(sets | resets, np.arange(len(sets)), -1))
    return np.asarray((row >= 0) & sets[row])


def wander(time: Times, tau: float, spread: float, rng: np.random.Generator) -> Values:
    """Correlated noise (AR(1)) with memory `tau` [s] and standard deviation `spread`, `(n_rows,)`."""
    decay = np.exp(-_period(time) / tau)
    shocks = rng.standard_normal(len(time))
    return spread * recur(np.full(len(time), decay), np.sqrt(1 - decay**2) * shocks, float(rng.standard_normal()))


def recur(decay: Values, drive: Values, start: float) -> Values:
    """y[t] = decay[t]·y[t−1] + drive[t] from y[−1] = `start`, `(n_rows,)`.

    Blocks of √n rows run side by side from zero, then each is told where the one before it ended: 2·√n array steps
    instead of n Python ones.
    """
    n_rows = len(drive)
    width = int(np.ceil(np.sqrt(n_rows)))
    pad = (0, -n_rows % width)
    reach = np.pad(decay, pad).reshape(-1, width)
    alone = np.pad(drive, pad).reshape(-1, width)
    for i in range(1, width):
        alone[:, i] += reach[:, i] * alone[:, i - 1]
        reach[:, i] *= reach[:, i - 1]
    before = np.empty(len(alone))
    for block in range(len(alone)):
        before[block] = start
        start = alone[block, -1] + reach[block, -1] * start
    together: Values = (alone + reach * before[:, None]).ravel()[:n_rows]
    return together


def _rng(seed: int, number: int, cause: str) -> np.random.Generator:
    return np.random.default_rng([seed, number, *cause.encode()])


def _period(time: Times) -> float:
    return float((time[1] - time[0]) / np.timedelta64(1, "s")) if len(time) > 1 else 60.0


def _within(time: Times, start: np.datetime64, end: np.datetime64) -> Flags:
    inside: Flags = (time >= start) & (time < end)
    return inside


def _hours(hours: float) -> np.timedelta64:
    return np.timedelta64(round(hours * 60) * 60_000_000, "us")


def _iso(time: np.datetime64) -> str:
    return f"{np.datetime_as_string(time, unit='s')}Z"


# --- a fleet ---------------------------------------------------------------------------------------------------------


def simulate_fleet(
    assets: int = 4,
    days: float = DAYS,
    *,
    period: float = 60.0,
    start: np.datetime64 = START,
    seed: int = 7,
    faults: bool = True,
) -> Iterator[History]:
    """The histories of pump-01, pump-02, … one after the other, so memory is that of one pump.

    `period` [s]. The plan of each pump: `routine_episodes`, and `fault_episodes` unless `faults` is off; the span
    is half-open, `days` from `start` (UTC). The default is the fleet of `sample_data`.

    Raises UsageError when a number makes no fleet.
    """
    time = regular_times(start, days, period)
    if assets < 1 or seed < 0:
        raise UsageError(
            f"A fleet needs at least 1 asset and a seed of 0 or more, not {assets} assets and seed {seed}."
        )

    def one(number: int) -> History:
        planned: tuple[Episode, ...] = routine_episodes(number, time[0], days)
        if faults:
            planned += fault_episodes(number, time[0], days)
        in_order = sorted(planned, key=lambda episode: episode.start)
        return simulate_pump(make_pump(number, seed), time, seed=seed, episodes=in_order)

    return (one(number) for number in range(1, assets + 1))


def healthy_fleet(
    assets: int = 4, days: float = DAYS, *, period: float = 60.0, start: np.datetime64 = START, seed: int = 7
) -> Iterator[History]:
    """The same fleet without faults: whatever alarms here is a false alert. Stops, holes and gaps remain."""
    return simulate_fleet(assets, days, period=period, start=start, seed=seed, faults=False)


def regular_times(start: np.datetime64, days: float, period: float) -> Times:
    """`start`, `start` + `period` [s], … before `start` + `days`, as datetime64[us], `(n_rows,)`; at least one row."""
    if not (0 < period < np.inf and period / 86400 <= days < np.inf):
        raise UsageError(
            f"A history needs a period above 0 s and at least one period of days, not {period} s, {days} d."
        )
    rows = np.arange(int(np.ceil(round(days * 86400 / period, 6))))
    times: Times = start.astype("datetime64[us]") + np.rint(rows * period * 1e6).astype("timedelta64[us]")
    return times


# --- writing ---------------------------------------------------------------------------------------------------------


def write_fleet(folder: Path, fleet: Iterable[History]) -> list[History]:
    """Write `pump/<asset>.parquet`, `events.csv` and `assets.csv` into `folder`; one pump in memory at a time.

    Parquet (zstd): `timestamp` timestamp[us, UTC], then the sensors of `UNITS` as float32.
    Returns the histories without their rows: pumps and episodes, for who wants to tell about them.
    """
    pumps = folder / "pump"
    pumps.mkdir(parents=True, exist_ok=True)
    written: list[History] = []
    for history in fleet:
        _replace(pumps / f"{history.asset}.parquet", partial(_write_parquet, history))
        written.append(History(history.pump, history.time[:0], {}, history.episodes))
    _replace_text(folder / "events.csv", _csv_text(EventRow._fields, (e for h in written for e in h.events)))
    _replace_text(folder / "assets.csv", _csv_text(AssetRow._fields, (_asset_row(h.pump) for h in written)))
    return written


def write_export(path: Path, *, seed: int = 7) -> None:
    """Write three days of a further pump as a plant historian exports them, with all that makes it awkward.

    `;` between columns, decimal comma, day-first dates, tag names, empty cells (1 %), five rows twice, one row late.
    Times are UTC; columns and order are those of `TAGS`.
    """
    time = regular_times(EXPORT_START, EXPORT_DAYS, 60.0)
    history = simulate_pump(make_pump(3101, seed, "P-3101A"), time, seed=seed)
    _replace_text(path, export_text(history, _rng(seed, 3101, "export")))


def export_text(history: History, rng: np.random.Generator) -> str:
    """The rows of `history` in the form that `write_export` describes."""
    columns = [_decimal_comma(name, history.sensors[name]) for name in TAGS]
    empty = rng.random((len(history.time), len(columns))) < 0.01
    rows = [
        ";".join([_day_first(time), *("" if gone else cell for gone, cell in zip(lost, cells, strict=True))])
        for time, lost, cells in zip(history.time, empty, zip(*columns, strict=True), strict=True)
    ]
    for twice in sorted(rng.choice(len(rows) - 1, 5, replace=False), reverse=True):
        rows.insert(twice, rows[twice])
    late = len(rows) // 3
    rows.insert(late + 20, rows.pop(late))
    return "\n".join([";".join(["Date/Time", *TAGS.values()]), *rows, ""])


def write_sample(
    folder: Path,
    *,
    assets: int = 4,
    days: float = DAYS,
    period: float = 60.0,
    start: np.datetime64 = START,
    seed: int = 7,
    faults: bool = True,
) -> None:
    """Write all of `sample_data`: the fleet, a historian export, and a README that says what is in it.

    Raises UsageError when `folder/pump` holds Parquet files of another fleet: a reader would take them for this one.
    """
    strangers = {path.stem for path in (folder / "pump").glob("*.parquet")} - {
        f"pump-{n + 1:02d}" for n in range(assets)
    }
    if strangers:
        raise UsageError(
            f"{folder / 'pump'} holds {min(strangers)}.parquet ({len(strangers)} such files), not of this fleet. "
            "Remove them or choose another --out."
        )
    fleet = simulate_fleet(assets, days, period=period, start=start, seed=seed, faults=faults)
    written = write_fleet(folder, fleet)
    write_export(folder / "historian_export.csv", seed=seed)
    again = (
        f"python -m anomaly_lstm.simulation --out {folder.name} --assets {assets} --days {days:g} "
        f"--period {period:g} --start {np.datetime_as_string(start, unit='auto')} --seed {seed}"
        f"{'' if faults else ' --healthy'}"
    )
    _replace_text(folder / "README.md", readme_text(written, again))


def readme_text(fleet: Sequence[History], again: str) -> str:
    """The README of a sample folder: what the files are, what happens when, the command that makes them `again`."""
    sensors = [
        f"| `{name}` | {unit} | {RESOLUTION[name]:g} | {'context' if name in CONTEXT else 'scored'} | `{TAGS[name]}` |"
        for name, unit in UNITS.items()
    ]
    return _README.format(
        again=again,
        sensors="\n".join(sensors),
        opens_flow=MINIMUM_FLOW[0],
        shuts_flow=MINIMUM_FLOW[1],
        opens_temp=THERMOSTAT[0],
        shuts_temp=THERMOSTAT[1],
        story="\n".join(f"| {history.asset} | {_story(history.episodes)} |" for history in fleet),
    )


def _story(episodes: Sequence[Episode]) -> str:
    return "<br>".join(_told(episode) for episode in episodes) or "nothing"


def _told(episode: Episode) -> str:
    if isinstance(episode, BearingWear):
        repair = f"rows again from {_minute(episode.restart)}, repaired by {_minute(episode.repaired)}"
        return f"{_minute(episode.start)} – {_minute(episode.failure)}: {episode.note}; {repair}"
    about = f" (`{episode.sensor}`)" if isinstance(episode, StuckSensor) else ""
    return f"{_minute(episode.start)} – {_minute(episode.end)}: {episode.note}{about}"


def _minute(time: np.datetime64) -> str:
    return _iso(time)[:16].replace("T", " ")


def _asset_row(pump: Pump) -> AssetRow:
    first_of_pair = "" if pump.number % 2 else f"pump-{pump.number - 1:02d}"
    criticality = "high" if pump.number % 4 in (1, 3) else "medium"
    return AssetRow(pump.asset, "pump", "north", "UTC", criticality, "reliability", first_of_pair, "true")


def _write_parquet(history: History, path: Path) -> None:
    fields = [pa.field("timestamp", pa.timestamp("us", tz="UTC"))]
    fields += [pa.field(name, pa.float32(), metadata={"unit": unit}) for name, unit in UNITS.items()]
    columns = [pa.array(history.time, fields[0].type), *(pa.array(history.sensors[name]) for name in UNITS)]
    pq.write_table(
        pa.table(columns, schema=pa.schema(fields)),
        path,
        compression="zstd",
        compression_level=9,
        use_dictionary=list(UNITS),
        column_encoding={"timestamp": "DELTA_BINARY_PACKED"},
    )


def _csv_text(header: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    text = io.StringIO()
    csv.writer(text, lineterminator="\n").writerows([header, *rows])
    return text.getvalue()


def _decimal_comma(name: str, values: npt.NDArray[np.float32]) -> list[str]:
    digits = 2 if RESOLUTION[name] < 0.1 else 1
    return [f"{value:.{digits}f}".replace(".", ",") for value in values]


def _day_first(time: np.datetime64) -> str:
    iso = str(np.datetime_as_string(time, unit="m"))
    return f"{iso[8:10]}.{iso[5:7]}.{iso[:4]} {iso[11:]}"


def _replace_text(path: Path, text: str) -> None:
    _replace(path, lambda unfinished: unfinished.write_text(text, encoding="utf-8", newline="\n"))


def _replace(path: Path, write: Callable[[Path], object]) -> None:
    unfinished = path.with_name(f".{path.name}.partial")
    write(unfinished)
    unfinished.replace(path)


_README = """\
# Sample data: a small fleet of pumps

Simulated. No real plant, no real failure: a seeded generator (`anomaly_lstm/simulation.py`) made every number here, so
that examples, tests and a first look need no download and every answer is known. What a method does on these data
shows that it works, not how well it works in your plant.

Made, and made again with the same values, by

    {again}

## Files

- `pump/<asset>.parquet`: one pump each, regular rows (`timestamp`, UTC) with some missing, sensors as float32.
- `events.csv`: what people would have noted, spans half-open [start, end). A failure's span goes from the first wear
  to the failure.
- `assets.csv`: the pumps.
- `historian_export.csv`: three days of a further, healthy pump (P-3101A), in the form in which a plant historian gives
  it: `;`, decimal comma, day-first dates (UTC), tag names, empty cells, rows that come twice, one that comes late.

## Sensors

| sensor | unit | step | role | tag in the export |
|---|---|---|---|---|
{sensors}

The set-point (share of 2950 rpm) comes from a production plan: shifts, week-ends, operators, short campaigns. The
pumps with even numbers fill batch tanks: 20 to 60 minutes at higher speed, then 10 to 30 at lower. Speed follows the
set-point, flow and pressure follow from pump and system curve, current from hydraulic power and efficiency, vibration
from speed and a resonance of the base plate. The bearing temperature remembers: 40 minutes in the bearing, about five
hours in its housing, both slower at low speed. The air temperature is that of the hall, one for all pumps.

Two valves remember too, and nobody records where they stand. A minimum-flow valve opens when the flow of the pump falls
below {opens_flow:.0%} of the rated 200 m³/h and shuts above {shuts_flow:.0%}: open, the pump delivers a tenth more at
a lower pressure. A thermostat lets cooling water to the bearing above {opens_temp:.0f} °C and shuts it below
{shuts_temp:.0f} °C; at medium load the temperature swings between the two, and the water hides the first heat of a worn
bearing. Between its two points a valve may be open or shut at the same load, and only what went before tells which.
What that and the changing load are worth to a network with a memory is measured: `make bench-lstm`.

The pumps differ by 1 to 2 %. In all of them 0.5 % of the rows are missing one by one, and a few runs of 2 to 8.

## What happens

All times UTC. No fault begins in the first 60 % of the span. As made by default (seed 7, five weeks), the load and the
weather of the last two weeks have been seen in the first three.

| asset | when, what |
|---|---|
{story}

Wear grows like an exponential: hardly there for the first days, plain in vibration on the last two, in temperature on
the last. An idle pump (`motor_current` below 5 A) is no event: nobody notes it. Gaps are, as `ignore`.
"""


# --- command ---------------------------------------------------------------------------------------------------------


def main(arguments: Sequence[str] | None = None) -> int:
    """Write the sample data; exit code 0, or 1 and 2 with one clear message."""
    parser = argparse.ArgumentParser(prog="python -m anomaly_lstm.simulation", description=write_sample.__doc__)
    parser.add_argument("--out", type=Path, required=True, help="folder to write into")
    parser.add_argument("--assets", type=int, default=4, help="number of pumps (default %(default)s)")
    parser.add_argument("--days", type=float, default=DAYS, help="length of the history (default %(default)s)")
    parser.add_argument("--period", type=float, default=60.0, help="spacing of the rows in s (default %(default)s)")
    parser.add_argument("--start", type=_date, default=START, help="first day, UTC (default 2026-02-02, a Monday)")
    parser.add_argument("--seed", type=int, default=7, help="same seed, same values (default %(default)s)")
    parser.add_argument("--healthy", action="store_true", help="no faults: for counting false alerts")
    options = vars(parser.parse_args(arguments))
    folder, healthy = options.pop("out"), options.pop("healthy")
    try:
        write_sample(folder, faults=not healthy, **options)
    except AnomalyLstmError as error:
        print(error, file=sys.stderr)
        return error.exit_code
    print(f"Wrote {options['assets']} pumps over {options['days']:g} days to {folder}.", file=sys.stderr)
    return 0


def _date(text: str) -> np.datetime64:
    return np.datetime64(text, "us")


if __name__ == "__main__":
    sys.exit(main())
