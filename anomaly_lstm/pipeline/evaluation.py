"""`evaluate`: alerts against what people told."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from anomaly_lstm import arrow
from anomaly_lstm import evaluation as evaluating
from anomaly_lstm import measures as measuring
from anomaly_lstm.clock import parse_time
from anomaly_lstm.errors import UsageError
from anomaly_lstm.events import Event, read_events
from anomaly_lstm.pipeline.scoring import read_scores
from anomaly_lstm.scored_rows import rows_of
from anomaly_lstm.sinks import sink_for
from anomaly_lstm.sinks.contract import AlertReport
from anomaly_lstm.tables import SEVERITIES


def evaluate(
    alerts: Path | AlertReport,
    events: Path | Sequence[Event],
    *,
    severity: str | None = None,
    start_us: int | None = None,
    end_us: int | None = None,
    zone: str | None = None,
) -> evaluating.Evaluation:
    """Compare an alerts file with people's events: found, missed, how early, false alerts against the budget.

    ``severity`` counts alerts of at least that severity against its own budget (default: the lowest that was on);
    ``start_us``, ``end_us`` narrow the watched time, for example to what comes after training.
    """
    report = sink_for(alerts).read(alerts) if isinstance(alerts, Path) else alerts
    told = read_events(events, zone) if isinstance(events, Path) else list(events)
    raised, return_period_us = _counted(report, severity)
    watched = {asset: _watched(w, start_us, end_us) for asset, w in report.run["assets"].items()}
    inside = [a for a in raised if watched[a.asset].start_us <= a.raised_us < watched[a.asset].end_us]
    return evaluating.evaluate(inside, told, watched, return_period_us)


def measure(
    alerts: Path,
    events: Path,
    scores: Path | Sequence[Path],
    *,
    severity: str | None = None,
    start_us: int | None = None,
    end_us: int | None = None,
    zone: str | None = None,
    seed: int = 0,
) -> measuring.Measures:
    """The literature's measures of alerts and of the return periods they were made from, on the rows of `evaluate`.

    ``seed`` draws the random detectors beside them. Raises UsageError when the alerts were not made from ``scores``.
    """
    report = sink_for(alerts).read(alerts)
    told = read_events(events, zone)
    raised, _ = _counted(report, severity)
    table = read_scores(scores)
    made_by = arrow.codes(table.column("model_id"))[0] if "model_id" in table.column_names else ()
    rows = {r.asset: r for r in rows_of(table)}
    missing = sorted(set(report.run["assets"]) - set(rows))
    if missing or (made_by and report.run["model_id"] not in made_by):
        whose = f"of {missing[0]}" if missing else f"by model {report.run['model_id']}"
        raise UsageError(f"the scores have no rows {whose}. Give the --scores that {alerts} was made from.")
    tracks = []
    for asset, document in report.run["assets"].items():
        span, mine = _watched(document, start_us, end_us), rows[asset]
        keep = np.isfinite(mine.return_period_s) & (mine.time_us >= span.start_us) & (mine.time_us < span.end_us)
        tracks.append(measuring.track_of(asset, mine.time_us[keep], mine.return_period_s[keep], raised, told))
    return measuring.measure(tracks, seed)


def _counted(report: AlertReport, severity: str | None) -> tuple[list[evaluating.Raised], int]:
    """The alerts of at least a severity (None: the lowest that was on), and its return period [µs], 0 if none was."""
    on = {b["severity"]: b["return_period_s"] for b in report.run["budget"]}
    if severity is not None and severity not in on:
        raise UsageError(
            f"--severity {severity} was not on when these alerts were made; on were: {', '.join(on) or 'none'}."
        )
    severity = severity or next((s for s in SEVERITIES if s in on), None)
    least = SEVERITIES.index(severity) if severity else 0
    raised = [
        _raised(a) for a in report.alerts if a["kind"] == "deviation" and SEVERITIES.index(a["severity"]) >= least
    ]
    return raised, round(on[severity] * 1e6) if severity else 0


def _watched(document: Mapping[str, Any], start_us: int | None, end_us: int | None) -> evaluating.Watched:
    start, end = parse_time(document["start"]), parse_time(document["end"])
    from_us = start if start_us is None else min(max(start, start_us), end)
    to_us = end if end_us is None else max(min(end, end_us), from_us)
    share = (to_us - from_us) / (end - start) if end > start else 0.0
    return evaluating.Watched(from_us, to_us, round(document["scored_s"] * 1e6 * share))


def _raised(document: Mapping[str, Any]) -> evaluating.Raised:
    cleared = document["cleared_at"]
    return evaluating.Raised(
        document["alert_id"],
        document["asset"],
        document["severity"],
        parse_time(document["raised_at"]),
        None if cleared is None else parse_time(cleared),
    )
