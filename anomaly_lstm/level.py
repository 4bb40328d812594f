"""The healthy level of each sensor for its context: what a slow drift cannot hide from.

A predictor sees the drifted past and predicts the drifted present. The level view asks instead where a sensor stands
for the load, command or weather of now and of the last hours: a ridge regression on the context, its square, and both
smoothed. Without context the level is the training centre.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from anomaly_lstm.blocks import fixed_product, smooth
from anomaly_lstm.scaling import UNSEEN_MARGIN

Float64 = NDArray[np.float64]

HALF_LIVES = (0.0, 8.0, 64.0)
"""Memory of the context [rows]: now, and two lags of heat and inventory."""

_STRENGTHS = (1e-3, 1e-2, 1e-1, 1.0)
"""Ridge penalties tried, per training row in units of a feature's variance."""


@dataclass(frozen=True)
class Level:
    """Expected level = centre + features · weights, all in sensor units.

    ``centre`` (n_scored,); ``weights`` (n_features, n_scored); ``context_centre``, ``context_spread``,
    ``context_low``, ``context_high`` (n_context,) scale the context and hold it within what counts as seen.
    """

    centre: Float64
    weights: Float64
    context_centre: Float64
    context_spread: Float64
    context_low: Float64
    context_high: Float64

    def start(self, context: Float64) -> Float64:
        """The smoothing state before a stretch whose first context row is ``context`` (n_context,): at rest there."""
        return np.tile(self.scaled(context[None])[0], (len(HALF_LIVES), 1))

    def expected(self, context: Float64, state: Float64) -> tuple[Float64, Float64]:
        """Expected level (n_rows, n_scored) for at most one chunk of finite ``context`` (n_rows, n_context), and the
        state after it.
        """
        features, state = _features(self.scaled(context), state)
        return self.centre + fixed_product(features, self.weights), state

    def after(self, context: Float64, state: Float64) -> Float64:
        """The state after at most one chunk of finite ``context`` (n_rows, n_context)."""
        smoothed = (smooth(self.scaled(context), h, before) for h, before in zip(HALF_LIVES, state, strict=True))
        return np.stack([rows[-1] for rows in smoothed]) if len(context) else state

    def scaled(self, context: Float64) -> Float64:
        """Context (n_rows, n_context) in its own spreads, held within what training saw."""
        inside = np.clip(context, self.context_low, self.context_high)
        return (inside - self.context_centre) / self.context_spread

    def arrays(self) -> dict[str, Float64]:
        return {name: getattr(self, name) for name in self.__dataclass_fields__}


def level_from(arrays: Mapping[str, NDArray[np.float64]]) -> Level:
    return Level(**{name: arrays[name] for name in Level.__dataclass_fields__})


def _features(scaled: Float64, state: Float64) -> tuple[Float64, Float64]:
    """[c, c²] at every half-life: (n_rows, 2·n_half_lives·n_context); the state (n_half_lives, n_context) moves on."""
    smoothed = [smooth(scaled, h, before) for h, before in zip(HALF_LIVES, state, strict=True)]
    after = np.stack([s[-1] for s in smoothed]) if len(scaled) else state
    linear = np.concatenate(smoothed, axis=1)
    return np.concatenate([linear, linear**2 - 1.0], axis=1), after


def fit_level(stretches: Sequence[tuple[Float64, Float64]], centre: Float64, spread: Float64) -> Level:
    """Learn from continuous training stretches, each (values (n, n_scored) with NaN where missing, context (n,
    n_context) finite).

    The penalty is the one that does best on the later fifth of every stretch; where no regression beats the centre
    there, the centre stays. ``spread`` (n_scored,) brings the sensors to one scale for that comparison.
    """
    n_context = stretches[0][1].shape[1] if stretches else 0
    every = np.concatenate([c for _, c in stretches]) if n_context else np.empty((0, n_context))
    low, high = (every.min(axis=0), every.max(axis=0)) if len(every) else (np.zeros(n_context), np.zeros(n_context))
    low, high = low - UNSEEN_MARGIN * (high - low), high + UNSEEN_MARGIN * (high - low)  # that far, it counts as seen
    mid = every.mean(axis=0) if len(every) else np.zeros(n_context)
    sd = every.std(axis=0) if len(every) else np.ones(n_context)
    blank = Level(
        centre, np.zeros((2 * len(HALF_LIVES) * n_context, len(centre))), mid, np.where(sd > 0, sd, 1.0), low, high
    )
    if not n_context or len(every) < 4 * blank.weights.shape[0]:
        return blank
    early, late = [], []
    for values, context in stretches:
        features = _features_along(blank, context)
        cut = int(0.8 * len(values))
        early.append((features[:cut], (values[:cut] - centre) / spread))
        late.append((features[cut:], (values[cut:] - centre) / spread))
    loss = {0.0: _loss(late, blank.weights)} | {s: _loss(late, _ridge(early, s)) for s in _STRENGTHS}
    best = min(loss, key=lambda s: loss[s])
    return replace(blank, weights=_ridge(early + late, best) * spread) if best > 0.0 else blank


def _features_along(level: Level, context: Float64) -> Float64:
    """The features of a whole stretch."""
    return (
        _features(level.scaled(context), level.start(context[0]))[0]
        if len(context)
        else np.empty((0, len(level.weights)))
    )


def _ridge(parts: Sequence[tuple[Float64, Float64]], strength: float) -> Float64:
    """Weights (n_features, n_scored); a missing value counts as the centre, which shrinks a little towards it."""
    from sklearn.linear_model import Ridge  # a second of import that only training needs

    features, values = (np.concatenate(side) for side in zip(*parts, strict=True))
    ridge = Ridge(alpha=strength * max(1, len(features)), fit_intercept=False).fit(features, np.nan_to_num(values))
    return np.asarray(ridge.coef_.T.reshape(features.shape[1], values.shape[1]), dtype=np.float64)


def _loss(parts: Sequence[tuple[Float64, Float64]], weights: Float64) -> float:
    """Mean absolute error, held to 10 spreads so that one wild stretch cannot decide."""
    error = np.concatenate([np.abs(y - f @ weights).ravel() for f, y in parts])
    return float(np.nanmean(np.minimum(error, 10.0))) if np.isfinite(error).any() else 0.0
