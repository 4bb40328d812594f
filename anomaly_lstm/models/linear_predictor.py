"""The linear predictor: each row from the few before it by ridge regression; needs no TensorFlow.

It is the challenger: trained beside every network in a fraction of a second, and a network that does not beat it is
not worth its cost.
"""

from __future__ import annotations

from collections.abc import Sequence

from anomaly_lstm import linear
from anomaly_lstm.linear import Line
from anomaly_lstm.models import fitting
from anomaly_lstm.models.contract import Effort, Fitted, Progress, Told
from anomaly_lstm.windows import Bool, Float32, Series

NAME = "linear_predictor"
NEEDS_TENSORFLOW = False
FORECASTS = True


def fit(
    train: Sequence[Series], valid: Sequence[Series], *, effort: Effort, seed: int, start: Fitted | None, told: Told
) -> Fitted:
    """The closed form over all of ``train``; ``effort``, ``seed`` and ``start`` have nothing to add to it.

    ``told`` hears of the loss on ``valid`` once, where there is one.
    """
    line = linear.fit_ridge(train)
    sizes = {"sensors": train[0].values.shape[1], "context": train[0].context.shape[1], "lags": line.lags}
    fitted = Fitted(NAME, {"line.kernel": line.kernel, "line.bias": line.bias}, sizes)
    judge = fitting.judge_on(expected, valid)
    if judge is not None:
        told(Progress(1, 1, judge(fitted)))
    return fitted


def expected(fitted: Fitted, values: Float32, context: Float32, present: Bool) -> Float32:
    """The line's forecast of each row; NaN in a stretch's first row. See `models.contract.Model.expected`."""
    return linear.predict(_line(fitted), values, context, present)


def ahead(
    fitted: Fitted,
    values: Float32,
    context: Float32,
    present: Bool,
    future: Float32,
    within: tuple[Float32, Float32],
) -> Float32:
    """The line rolled forward. See `models.contract.Forecaster.ahead`."""
    return linear.ahead(_line(fitted), values, context, future, within)


def _line(fitted: Fitted) -> Line:
    return Line(fitted.sizes["lags"], fitted.arrays["line.kernel"], fitted.arrays["line.bias"])
