"""What names and numbers suggest about a sensor: its unit, whether it explains the others, and when the asset runs.

All of it is a guess that a person is to read over, so each comes with its reason. Names are read word by word, as
people and as control systems write them (`bearing_temp`, `TT-3101A.DE.PV`, `SIC-101.SP`).
"""

from __future__ import annotations

import itertools
import keyword
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from anomaly_lstm import conditions
from anomaly_lstm.errors import UsageError

Float64 = NDArray[np.float64]


@dataclass(frozen=True)
class Guess:
    """A guess and its reason; ``sure`` where the name says so itself."""

    value: str
    why: str
    sure: bool = False


# ---------------------------------------------------------------- names

_QUANTITIES: dict[str, tuple[str, str]] = {
    "temperature": ("°C", "temp temperature temperatures thermocouple temperatur temperatura température tc rtd"),
    "pressure": ("bar", "pressure press druck presion presión pression pressao pressione"),
    "flow": ("m³/h", "flow flowrate durchfluss durchfluß caudal debit débit vazao portata volumenstrom"),
    "vibration": ("mm/s", "vib vibration vibrations schwingung vibracion vibración vibrazione"),
    "current": ("A", "current amps ampere amperes strom corriente courant corrente"),
    "voltage": ("V", "voltage volt volts spannung voltaje"),
    "power": ("kW", "power leistung potencia puissance potenza"),
    "speed": ("rpm", "speed rpm drehzahl velocidad vitesse velocita"),
    "level": ("%", "level füllstand fuellstand nivel niveau livello"),
    "humidity": ("%", "humidity feuchte humedad humidité"),
    "position": ("%", "position opening damper"),
    "frequency": ("Hz", "frequency freq frequenz frecuencia"),
    "torque": ("N·m", "torque drehmoment"),
}
"""Quantity → its commonest unit in process plants, and words that name it."""

_OF_WORD = {word: quantity for quantity, (_, words) in _QUANTITIES.items() for word in words.split()}

_OF_LETTER = {
    "T": "temperature",
    "P": "pressure",
    "F": "flow",
    "L": "level",
    "S": "speed",
    "V": "vibration",
    "I": "current",
    "J": "power",
    "Z": "position",
    "E": "voltage",
}
"""The first letter of an instrument's tag (ISA-5.1) → what it measures."""

_TAG = re.compile(r"\b([A-Z])D?[ITCREYAS]{1,3}[HL]*[-_ ]?\d{2,}")

_UNITS = {
    "degc": "°C",
    "celsius": "°C",
    "degf": "°F",
    "fahrenheit": "°F",
    "kelvin": "K",
    **{name: name for name in ("bar", "barg", "mbar", "psi", "psig", "rpm", "ppm")},
    "kpa": "kPa",
    "mpa": "MPa",
    "kw": "kW",
    "mw": "MW",
    "kwh": "kWh",
    "hz": "Hz",
    "khz": "kHz",
    "pct": "%",
    "percent": "%",
    "mms": "mm/s",
    "m3h": "m³/h",
    "lpm": "l/min",
    "gpm": "gpm",
    "kgh": "kg/h",
    "amps": "A",
    "amperes": "A",
    "volts": "V",
}
"""A word of a name that is a unit."""

_SHORT_UNITS = {
    ("temperature", "c"): "°C",
    ("temperature", "f"): "°F",
    ("temperature", "k"): "K",
    ("current", "a"): "A",
    ("voltage", "v"): "V",
}
"""A last letter that is a unit where the name says of what: ``temp_c``."""


def words_of(name: str) -> list[str]:
    """The words of a name, in lower case: at blanks, marks, and where capitals begin."""
    parted = re.sub(r"(?<=[a-zß-ÿ])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])", " ", name)
    return [word.lower() for word in re.findall(r"[^\W_]+", parted)]


def quantity_of(name: str) -> str | None:
    """What a sensor measures, by a word of its name, or by the first letter of its tag."""
    found = [_OF_WORD[word] for word in words_of(name) if word in _OF_WORD]
    if found:
        return found[-1]  # a "pressure pump current" is a current
    tag = _TAG.search(name)
    return _OF_LETTER.get(tag.group(1)) if tag else None


def unit_of(name: str) -> Guess | None:
    """The unit of a sensor, sure where its name holds one."""
    words, quantity = words_of(name), quantity_of(name)
    held = next((_UNITS[word] for word in reversed(words) if word in _UNITS), None)
    held = held or (_SHORT_UNITS.get((quantity, words[-1])) if quantity and len(words) > 1 else None)
    if held:
        return Guess(held, "by its name", sure=True)
    if quantity is None or context_of(name) in _PER_CENT_OR_NOT:
        return None
    return Guess(_QUANTITIES[quantity][0], f"a {quantity}, by its name")


_CONTEXT: tuple[tuple[str, str], ...] = (
    ("a set-point", "sp spt setpoint setpoints sollwert soll consigna consigne dmd demanded target setting"),
    ("a command", "cmd command op co control stellgröße stellgroesse manipulated"),
    ("the weather", "ambient outdoor outside weather wind umgebung aussen außen ambiente extérieur exterieur"),
    ("the load", "load throughput production occupancy"),
    ("the speed", "speed rpm drehzahl velocidad vitesse"),
)
"""What explains the others, and words that name it; the clearest first."""


def context_of(name: str) -> str | None:
    """What a sensor is that explains the others, by its name; None where nothing says so."""
    words = words_of(name)
    pairs = {f"{a}{b}" for a, b in itertools.pairwise(words)}
    held = {*words, *(pairs & {"setpoint"}), *(word.rstrip("0123456789") for word in words)}
    return next((what for what, known in _CONTEXT if held & set(known.split())), None)


_PER_CENT_OR_NOT = ("a set-point", "a command")
"""What is as often given in per cent as in the unit of what it sets."""

_STATUS = frozenset(["run", "running", "status", "on", "state", "laeuft", "läuft", "marcha", "betrieb"])


def is_status(name: str) -> bool:
    """Does the name say that it tells whether something runs?"""
    return bool(_STATUS & set(words_of(name)))


_LABELS = frozenset(
    (
        *(
            "label",
            "labels",
            "anomaly",
            "anomalies",
            "anomalous",
            "changepoint",
            "outlier",
            "truth",
            "target",
            "attack",
        ),
        *("fault", "faults", "faulty", "failure", "failures", "broken", "rul"),
        *("störung", "stoerung", "fallo", "falla", "panne", "guasto"),
    )
)

MOST_CLASSES = 20
"""A label has few values; what has more and is called so may be measured."""


def is_label(name: str, n_values: int) -> bool:
    """Is a column what somebody knew afterwards: a label by its name, with few values? As a sensor it would tell a
    model what it is to find.
    """
    return n_values <= MOST_CLASSES and bool(_LABELS & set(words_of(name)))


# ---------------------------------------------------------------- numbers

RESTS = 0.95
"""A set-point is as it was in so many of the rows …"""

JUMPS = 3.0
"""… and when it moves, it moves by more than the few smallest steps by which a slow sensor of coarse steps creeps."""

LEAST_LEVELS = 3
"""Two levels are a switch, which its grade tells."""

IDLE, BUSY = 0.05, 0.15
"""An asset is off below 5 % of its full load, and even an unloaded motor draws more than 15 % of its full current."""

SELDOM_BETWEEN = 0.1
"""Between the two it only passes: rarely beside the rows in which it is off."""

LEAST_IDLE, LEAST_BUSY = 10, 0.05
"""So many rows are a stop and no glitch; and a load that is hardly ever there is none."""


def moves_in_steps(values: Float64) -> bool:
    """Does a sensor rest and jump as a set-point does? ``values`` (n_rows,) in time order, NaN where missing."""
    known = values[np.isfinite(values)]
    if len(known) < 2:
        return False
    change = np.abs(np.diff(known))
    jumps, levels = change[change > 0], np.unique(known)
    if len(levels) < LEAST_LEVELS or len(jumps) > (1 - RESTS) * len(change):
        return False
    return float(np.median(jumps)) >= JUMPS * float(np.diff(levels).min())


def off_below(values: Float64) -> float | None:
    """Below which value the asset is off, where its load (or speed, or current) shows two states; None where it does
    not. ``values`` (n_rows,), NaN where missing.
    """
    known = values[np.isfinite(values)]
    if not len(known):
        return None
    full = float(np.quantile(known, 0.99))
    if full <= 0 or float(np.quantile(known, 0.001)) < -IDLE * full:
        return None
    idle, busy = int((known <= IDLE * full).sum()), float((known >= BUSY * full).mean())
    between = len(known) - idle - round(busy * len(known))
    if idle < LEAST_IDLE or busy < LEAST_BUSY or between > SELDOM_BETWEEN * idle:
        return None
    return float(f"{(IDLE + BUSY) / 2 * full:.1g}")


LOADS = ("current", "power", "speed")
"""What shows best whether an asset runs, the best first."""


def running_when(sensors: Iterable[tuple[str, Float64]]) -> Guess | None:
    """A condition under which the asset runs; ``sensors`` are names and their values (n_rows,)."""
    found: list[tuple[int, Guess]] = []
    for name, values in sensors:
        quantity = quantity_of(name)
        known = np.unique(values[np.isfinite(values)][:: max(1, len(values) // 50_000)])
        if np.array_equal(known, [0.0, 1.0]):
            if not is_status(name):
                continue  # a switch may be of anything
            rank, limit, why = len(LOADS) + 1, 0.5, "it reads 0 or 1"
        elif quantity in LOADS or context_of(name) == "the load":
            limit_found = off_below(values)
            if limit_found is None:
                continue
            rank = LOADS.index(quantity) if quantity in LOADS else len(LOADS)
            share = float((values[np.isfinite(values)] <= limit_found).mean())
            limit, why = limit_found, f"it has two states, and is below that in {_percent(share)} of the rows"
        else:
            continue
        condition = comparison(name, ">", limit)
        if condition:
            found.append((rank, Guess(condition, why)))
    return min(found, key=lambda pair: pair[0])[1] if found else None


def _percent(share: float) -> str:
    return f"{100 * share:.2g} %"


def comparison(name: str, sign: str, limit: float | str) -> str | None:
    """A sensor compared with a limit or a word, as a condition is written; None where the name cannot stand in one."""
    shown = f"'{limit}'" if isinstance(limit, str) else f"{limit:g}"
    plain = name.isidentifier() and not keyword.iskeyword(name)
    ways: Sequence[str] = (name,) if plain else (f"'{name}'", f'"{name}"')
    for way in ways:
        text = f"{way} {sign} {shown}"
        try:
            if conditions.sensors_in(conditions.parse(text)) == [name]:
                return text
        except UsageError:
            continue
    return None
