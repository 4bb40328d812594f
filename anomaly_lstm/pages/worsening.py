"""What of an alert got worse since a time: as it would have been told then, against as it is told now.

Both are told of the strangest row: then of the strangest up to that time, now of the strangest of all. So what the page
calls worse is what its sentences show, and no alert is worse by what nobody can read in them.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from anomaly_lstm.clock import parse_time
from anomaly_lstm.policy import Bound

Float64 = NDArray[np.float64]
Int64 = NDArray[np.int64]

DEVIATION, CROSSED, LEFT, RARITY = "deviation", "bound_crossed", "time_left", "return_period"
"""What may get worse: how far the leading sensor is off, a bound that was not crossed, the time left to one, how rare
it is.
"""

BY = 0.2
"""By this part a deviation must have grown, or a time left have shrunk: less is what single rows differ by."""

TOLD_S = 1000 * 365.25 * 86_400
"""Rarer than once in so long nothing is told, and so nothing is rarer [s]."""


@dataclass(frozen=True)
class Worse:
    """One thing that got worse: ``then`` → ``now``, in the ``unit`` of the sensor or in seconds. ``level`` is that of a
    bound, ``side`` that of a deviation, above or below.
    """

    what: str
    then: float
    now: float
    sensor: str | None = None
    unit: str | None = None
    level: float | None = None
    side: str | None = None


@dataclass(frozen=True)
class Then:
    """How an alert was at a time: the longest return period [s] up to then, and since; what each sensor measured in the
    strangest row up to then, and what was expected; and the estimates of when bounds are reached that were told last,
    at ``told_us`` [µs UTC].
    """

    once_s: float | None = None
    since_s: float | None = None
    values: Mapping[str, tuple[float, float]] = field(default_factory=dict)
    reaches: Sequence[Mapping[str, Any]] = ()
    told_us: int = 0


def strangest_then(
    time_us: Int64,
    once_s: Float64,
    score: Float64,
    values: Mapping[str, tuple[Float64, Float64]],
    span_us: tuple[int, int],
) -> Then:
    """What rows say of an alert with its onset at the first of ``span_us``, at the second of them [µs UTC].

    ``values`` sensor → what was measured and expected, (n_rows,) as all others.
    """
    onset_us, since_us = span_us
    before, after = (time_us >= onset_us) & (time_us <= since_us), time_us > since_us
    known = np.flatnonzero(before & np.isfinite(score))
    if not len(known):
        return Then(since_s=_longest(once_s[after]))
    top = int(known[np.argmax(score[known])])
    pairs = {name: (float(value[top]), float(expected[top])) for name, (value, expected) in values.items()}
    return Then(
        _longest(once_s[before]),
        _longest(once_s[after]),
        {name: pair for name, pair in pairs.items() if np.isfinite(pair).all()},
    )


def _longest(once_s: Float64) -> float | None:
    found = once_s[np.isfinite(once_s)]
    return float(found.max()) if len(found) else None


def worse(
    alert: Mapping[str, Any], then: Then, since_us: int, bounds: Mapping[str, Bound], deadband: float
) -> Iterator[Worse]:
    """What got worse of an alert since a time [µs UTC]; ``deadband`` in powers of ten of the return period."""
    if parse_time(alert["peak"]["time"]) > since_us:
        yield from _crossed(alert, then, bounds)
        yield from _further(alert, then)
    yield from _sooner(alert, then, since_us)
    if then.once_s is not None and then.since_s is not None:
        was, now = (min(one, TOLD_S) for one in (then.once_s, then.since_s))
        if now > was * 10**deadband:
            yield Worse(RARITY, was, now)


def _crossed(alert: Mapping[str, Any], then: Then, bounds: Mapping[str, Bound]) -> Iterator[Worse]:
    """The bounds that a sensor is beyond, and was not in the strangest row then."""
    for one in alert["sensors"]:
        bound, value, was = bounds.get(one["sensor"]), one["value"], then.values.get(one["sensor"])
        if bound is None or value is None or was is None:
            continue
        if bound.high is not None and value > bound.high >= was[0]:
            yield Worse(CROSSED, was[0], value, one["sensor"], one["unit"], bound.high)
        if bound.low is not None and value < bound.low <= was[0]:
            yield Worse(CROSSED, was[0], value, one["sensor"], one["unit"], bound.low)


def _further(alert: Mapping[str, Any], then: Then) -> Iterator[Worse]:
    """Is the leading sensor further from what was expected, on the same side?"""
    first = next(iter(alert["sensors"]), None)
    if first is None or first["value"] is None or first["expected"] is None or first["sensor"] not in then.values:
        return
    value, expected = then.values[first["sensor"]]
    gap = first["value"] - first["expected"]
    now, was = abs(gap), (value - expected) * (1 if gap >= 0 else -1)
    if now >= (1 + BY) * max(was, 0.0) and now > 0:
        side = "above" if gap >= 0 else "below"
        yield Worse(DEVIATION, was, now, first["sensor"], first["unit"], side=side)


def _sooner(alert: Mapping[str, Any], then: Then, since_us: int) -> Iterator[Worse]:
    """The bounds to which less time is left than was told then, counted from then and from now."""
    told = {(one["sensor"], one["level"]): one for one in then.reaches if one["state"] == "estimate"}
    for one in alert["reaches"]:
        was = told.get((one["sensor"], one["level"]))
        if was is None or not one["sensor"] or one["state"] != "estimate":
            continue
        left_s = was["p50_s"] - (since_us - then.told_us) / 1e6
        if 0 < one["p50_s"] < (1 - BY) * left_s:
            yield Worse(LEFT, left_s, one["p50_s"], one["sensor"], one["unit"], one["level"])
