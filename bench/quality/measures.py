"""Alerts and scores against what happened: the measures that the data sets share.

Row masks are (n_rows,) over a series' ``test`` frame.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace

import numpy as np

from anomaly_lstm.evaluation import Raised
from anomaly_lstm.events import Event
from bench.quality import frames
from bench.quality.contract import Bool, Budget, Figures, Float64, Int64, Judged, Series


def time_us(series: Series) -> Int64:
    """When each test row was measured [µs UTC]."""
    return frames.us(series.test["time"])


def of_asset(series: Series, asset: str) -> Bool:
    """Which test rows are of an asset."""
    return np.asarray(series.test["asset"] == asset, dtype=bool)


def judged_rows(series: Series) -> Bool:
    """Which test rows are judged: all but the run-up."""
    return time_us(series) >= (series.judged_from_us or 0)


def alerts_of(series: Series, judged: Judged) -> list[Raised]:
    """The alerts that stood in the judged rows; one that stood as they began counts as raised there."""
    begin = series.judged_from_us or 0
    alerts = [a for a in judged.alerts if a.cleared_us is None or a.cleared_us > begin]
    return [replace(a, raised_us=max(a.raised_us, begin)) for a in alerts]


def in_alarm(series: Series, judged: Judged) -> Bool:
    """On which test rows an alert stood: from the row that raised it to the one that cleared it, that one not."""
    standing = np.zeros(len(series.test), bool)
    for alert in judged.alerts:
        cleared = np.inf if alert.cleared_us is None else alert.cleared_us
        standing |= of_asset(series, alert.asset) & (judged.grid_us >= alert.raised_us) & (judged.grid_us < cleared)
    return standing


def in_events(series: Series, before_us: int = 0) -> Bool:
    """Which test rows lie in an event, or in the stretch before one [µs] in which an alert may announce it."""
    inside, time = np.zeros(len(series.test), bool), time_us(series)
    for event in series.truth:
        inside |= of_asset(series, event.asset) & (time >= event.start_us - before_us) & (time < event.end_us)
    return inside


def before_events(series: Series) -> Bool:
    """Which test rows lie before their asset's first event."""
    before, time = np.ones(len(series.test), bool), time_us(series)
    for event in series.truth:
        before &= ~of_asset(series, event.asset) | (time < event.start_us)
    return before


def raised_in(alerts: Sequence[Raised], event: Event, before_us: int = 0) -> list[Raised]:
    """The alerts raised in an event, or at most ``before_us`` [µs] before it: a standing alarm announces nothing."""
    return [a for a in alerts if a.asset == event.asset and event.start_us - before_us <= a.raised_us < event.end_us]


def standing_in(alerts: Sequence[Raised], event: Event) -> list[Raised]:
    """The alerts raised in an event, or before it and still standing as it began, which counts as raised there."""
    return [
        replace(a, raised_us=max(a.raised_us, event.start_us))
        for a in alerts
        if a.asset == event.asset
        and a.raised_us < event.end_us
        and (a.cleared_us is None or a.cleared_us > event.start_us)
    ]


def lead_us(alerts: Sequence[Raised], failure: Event) -> int:
    """Failure − first alert in the stretch that leads to it [µs]; 0 where there is none."""
    found = standing_in(alerts, failure)
    until = failure.end_us if failure.failure_us is None else failure.failure_us
    return until - min(a.raised_us for a in found) if found else 0


def budget(series: Series, judged: Judged, healthy: Bool, warning_rows: int) -> Budget:
    """The alerts raised in healthy rows (n_rows,), against one per ``warning_rows`` of those that have a score."""
    row = [_row_of(series, judged, alert) for alert in alerts_of(series, judged)]
    return Budget(
        observed=sum(bool(healthy[r]) for r in row if r is not None),
        expected=int((healthy & np.isfinite(judged.return_period_s)).sum()) / warning_rows,
        healthy=int(healthy.sum()),
        in_alarm=int((healthy & in_alarm(series, judged)).sum()),
    )


def _row_of(series: Series, judged: Judged, alert: Raised) -> int | None:
    """The first row in grid order on which an alert stood; None where its asset has no such row."""
    rows = np.flatnonzero(of_asset(series, alert.asset) & (judged.grid_us >= alert.raised_us))
    return int(rows[np.argmin(judged.grid_us[rows])]) if len(rows) else None


def total(budgets: Sequence[Budget]) -> Budget:
    """Several budgets as one."""
    return Budget(
        sum(b.observed for b in budgets),
        sum(b.expected for b in budgets),
        sum(b.healthy for b in budgets),
        sum(b.in_alarm for b in budgets),
    )


def strangeness(judged: Sequence[Judged]) -> Int64:
    """One rank per row over all series (Σ n_rows,): by return period, then by score, equal ones sharing a rank.

    Rows without a score rank lowest.
    """
    keys = np.concatenate([np.column_stack([j.return_period_s, j.score]) for j in judged])
    return np.unique(np.nan_to_num(keys, nan=-np.inf), axis=0, return_inverse=True)[1].reshape(-1).astype(np.int64)


def roc_auc(label: Bool, rank: Int64) -> float:
    """Area under the curve of rank against label (n_rows,); NaN where there is one kind of row only."""
    from sklearn.metrics import roc_auc_score

    return float(roc_auc_score(label, rank)) if label.any() and not label.all() else float("nan")


def pointwise(label: Bool, alarm: Bool) -> Figures:
    """F1, false alarm rate and missed alarm rate [%] row by row (n_rows,), nothing adjusted by the labels."""
    hit, false, missed = int((label & alarm).sum()), int((~label & alarm).sum()), int((label & ~alarm).sum())
    return {
        "f1": share(2 * hit, 2 * hit + false + missed),
        "far_pct": 100 * share(false, int((~label).sum())),
        "mar_pct": 100 * share(missed, int(label.sum())),
    }


def always_on(label: Bool) -> Figures:
    """`pointwise` of an alarm that is never off: what an F1 must be read against."""
    return pointwise(label, np.ones(len(label), bool))


def share(part: float, whole: float) -> float:
    """part / whole; NaN of nothing."""
    return part / whole if whole else float("nan")


def median(values: Sequence[float] | Float64) -> float:
    """NaN of nothing."""
    return float(np.median(values)) if len(values) else float("nan")


def pairs(series: Sequence[Series], judged: Sequence[Judged]) -> Iterator[tuple[Series, Judged, list[Raised]]]:
    """Each series with what was said of it and its alerts in the judged rows."""
    return ((s, j, alerts_of(s, j)) for s, j in zip(series, judged, strict=True))
