"""Centre, spread and range per sensor, learned on training rows."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Float64 = NDArray[np.float64]
Float32 = NDArray[np.float32]
Bool = NDArray[np.bool_]

UNSEEN_MARGIN = 0.05
"""A value this share of its training range beyond that range is unseen."""

STEP_MARGIN = 0.5
"""So is one this many of the sensor's smallest steps beyond it: the next ore after 1, 2 and 3 is another ore."""


@dataclass(frozen=True)
class Range:
    """What training saw of one sensor, in its unit: values beyond it by more than ``margin`` are unseen."""

    low: float
    high: float
    margin: float

    def unseen(self, values: Float64) -> Bool:
        """Values (n_rows,) clearly outside; NaN is not."""
        return np.asarray((values < self.low - self.margin) | (values > self.high + self.margin))

    def excess(self, values: Float64) -> Float64:
        """How far values (n_rows,) lie outside, in training ranges (margins for a sensor that was constant); 0 inside
        and for NaN.
        """
        outside = np.fmax(np.fmax(self.low - values, values - self.high), 0.0)
        return np.asarray(outside / max(self.high - self.low, self.margin))


@dataclass(frozen=True)
class Scaler:
    """Robust centre and spread of each sensor, all (n_sensors,) in sensor units.

    ``low`` and ``high`` are the range seen in training; ``resolution`` is the smallest change a sensor was seen to
    make, the least spread it can have.
    """

    centre: Float64
    spread: Float64
    low: Float64
    high: Float64
    resolution: Float64

    def scale(self, values: Float64) -> Float32:
        """(n_rows, n_sensors) in sensor units → scaled; held within one training range beyond the training range.

        A network is only trusted near what it saw: what lies further out is an error for the evidence, not an input
        to follow.
        """
        reach = self.high - self.low
        inside = np.clip(values, self.low - reach, self.high + reach)
        return ((inside - self.centre) / self.spread).astype(np.float32)

    def seen(self, sensor: int) -> Range | None:
        """What training saw of a sensor, by its number; None where it saw no value at all.

        It is the whole range of the rows that taught: one wild value widens it. The margin of a sensor that was
        constant is its resolution.
        """
        low, high, resolution = (float(a[sensor]) for a in (self.low, self.high, self.resolution))
        if (low, high, resolution) == _NO_VALUE:
            return None
        return Range(low, high, max(UNSEEN_MARGIN * (high - low), resolution * (STEP_MARGIN if high > low else 1.0)))

    def select(self, columns: Sequence[int]) -> Scaler:
        """The scaler of some of the sensors."""
        i = list(columns)
        return Scaler(self.centre[i], self.spread[i], self.low[i], self.high[i], self.resolution[i])


_NO_VALUE = (0.0, 0.0, 1.0)
"""Low, high and resolution of a sensor without any value; a constant zero has a resolution of a billionth."""


def fit_scaler(values: Float64) -> Scaler:
    """Learn from training rows (n_rows, n_sensors) in sensor units, NaN where missing.

    Centre is the median; spread the larger of the normal-consistent quartile range and a quarter of the standard
    deviation, so that a sensor that rests most of the time and jumps now and then keeps a finite scale. A sensor
    without any value gets centre 0, spread 1, and a range from 0 to 0 with resolution 1.
    """
    n_sensors = values.shape[1]
    centre, spread, low, high = (np.zeros(n_sensors) for _ in range(4))
    resolution = np.ones(n_sensors)
    for i in range(n_sensors):
        known = values[np.isfinite(values[:, i]), i]
        if not len(known):
            spread[i] = 1.0
            continue
        q25, centre[i], q75 = np.quantile(known, [0.25, 0.5, 0.75])
        low[i], high[i] = known.min(), known.max()
        resolution[i] = _resolution(known)
        spread[i] = max((q75 - q25) / 1.349, 0.25 * float(known.std()), resolution[i])
    return Scaler(centre, spread, low, high, resolution)


def _resolution(known: Float64) -> float:
    """The smallest step between distinct values that is no rounding noise; a hundredth of the value for a constant
    sensor: nobody knows its resolution, and a hundredth is what industrial instruments are accurate to.
    """
    distinct = np.unique(known)
    size = max(abs(float(distinct[0])), abs(float(distinct[-1])), 1e-6)
    steps = np.diff(distinct)
    steps = steps[steps > 1e-7 * size]
    return float(steps.min()) if len(steps) else 1e-2 * size
