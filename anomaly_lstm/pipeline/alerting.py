"""`alert`: a table of scores → alerts."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np

from anomaly_lstm import alerts as alerting
from anomaly_lstm import delays, rising
from anomaly_lstm import scoring as scores_stage
from anomaly_lstm.budgets import limits_of, promised_per_month
from anomaly_lstm.clock import iso, parse_time
from anomaly_lstm.drifts import advance, at_rest
from anomaly_lstm.errors import UsageError
from anomaly_lstm.pipeline.grids import check_names
from anomaly_lstm.pipeline.scoring import check_made_by, check_not_in_model, load, read_scores
from anomaly_lstm.policy import Policy
from anomaly_lstm.scored_rows import Rows, rows_of
from anomaly_lstm.sinks import sink_for
from anomaly_lstm.sinks.contract import AlertReport
from anomaly_lstm.tables import SEVERITIES, State, scored_sensors
from anomaly_lstm.trained import Trained

VERSION = version("anomaly-lstm")


@dataclass(frozen=True)
class AlertResult:
    """Result of `alert`; ``strangest`` is the rarest row: asset, time [µs UTC], return period [s]; None without any."""

    out: Path | None
    report: AlertReport
    alerts: Sequence[alerting.Alert]
    strangest: tuple[str, int, float] | None = None


def alert(scores: Path | Sequence[Path], model: Path, out: Path | None, *, policy: Policy | None = None) -> AlertResult:
    """Stored scores → alerts, written as JSON or Parquet by the ending of ``out``."""
    trained, model_id = load(model)
    sink = sink_for(out) if out else None
    policy = policy or Policy()
    policy = replace(policy, units={**trained.units, **policy.units})
    table = read_scores(scores)
    check_made_by(table, model_id, model)
    check_names(list(policy.bounds), trained.roles.all, "[sensors.bounds]")
    if out:
        check_not_in_model(out, model)
    if out and any(out.resolve() == path.resolve() for path in ([scores] if isinstance(scores, Path) else scores)):
        raise UsageError(f"--out {out} is the scores table that is read; it is left as it is. Give another --out.")
    seen = scores_stage.seen(trained)
    found: list[alerting.Alert] = []
    indicators: list[dict[str, Any]] = []
    watched: dict[str, dict[str, Any]] = {}
    strangest: tuple[str, int, float] | None = None
    for rows in rows_of(table):
        if np.isfinite(rows.return_period_s).any():
            top = int(np.nanargmax(rows.return_period_s))
            if strangest is None or rows.return_period_s[top] > strangest[2]:
                strangest = (rows.asset, int(rows.time_us[top]), float(rows.return_period_s[top]))
        mine = alerting.alerts_of(rows, policy, trained.grid.period_us, model_id, seen, trained.roles.mode)
        found += mine
        if not any(one.active for one in mine):  # an alert tells of all bounds
            indicators += _rising(rows, policy, trained)
        scored = int((rows.state == State.SCORED).sum())
        watched[rows.asset] = {
            "start": iso(int(rows.time_us[0])),
            "end": iso(int(rows.time_us[-1]) + trained.grid.period_us),
            "scored_s": scored * trained.grid.period_us / 1e6,
        }
    found.sort(key=lambda a: (a.raised_us, a.asset))
    report = AlertReport(
        run_document(trained, model_id, policy, watched, [a.severity for a in found]),
        [alerting.as_document(a) for a in found],
        rising.soonest_first(indicators),
    )
    if out and sink:
        sink.write(out, report)
    return AlertResult(out, report, found, strangest)


def _rising(rows: Rows, policy: Policy, trained: Trained) -> list[dict[str, Any]]:
    """The indicators of one asset, by the drifts of all its rows, as documents."""
    sensors = scored_sensors(rows.table)
    if trained.drifts is None or not policy.bounds or not sensors or not len(rows.time_us):
        return []
    grid = trained.grid
    index = (rows.time_us - grid.phase_us) // grid.period_us
    sums = advance(trained.drifts, at_rest(len(sensors)), index, rising.deviations_of(rows))[-1]
    found = rising.drifts_towards_bounds(trained.drifts, sums, sensors, policy)
    return [rising.as_document(one) for one in rising.indicators_of(rows, policy, found, grid)]


def run_document(
    trained: Trained,
    model_id: str,
    policy: Policy,
    watched: Mapping[str, Mapping[str, Any]],
    severities: Sequence[str],
    limits: Mapping[str, Mapping[str, int]] | None = None,
) -> dict[str, Any]:
    """What the alerts come from, with the ``severities`` of all of them beside what was promised.

    ``limits`` asset → severity → return period [µs], where assets have limits of their own.
    """
    scored_s = sum(w["scored_s"] for w in watched.values())
    budget = []
    for severity, limit_us in policy.limits.items():
        own = {asset: (limits or {}).get(asset, policy.limits).get(severity, limit_us) / 1e6 for asset in watched}
        expected = sum(watched[asset]["scored_s"] / limit_s for asset, limit_s in own.items())
        rank = SEVERITIES.index(severity)
        budget.append(
            {
                "severity": severity,
                "return_period_s": scored_s / expected if expected and len(set(own.values())) > 1 else limit_us / 1e6,
                "expected_false": expected,
                "per_month": promised_per_month({asset: round(limit_s * 1e6) for asset, limit_s in own.items()}),
                "raised": sum(SEVERITIES.index(one) >= rank for one in severities),
            }
        )
    period_s = trained.grid.period_us / 1e6
    return {
        "version": VERSION,
        "model_id": model_id,
        "start": min((w["start"] for w in watched.values()), key=parse_time, default=None),
        "end": max((w["end"] for w in watched.values()), key=parse_time, default=None),
        "period_s": period_s,
        "policy": {
            "on_delay_s": policy.on_delay_us / 1e6,
            "off_delay_s": policy.off_delay_us / 1e6 if policy.off_delay_us is not None else delays.OFF_ROWS * period_s,
            "deadband": policy.deadband,
            "respond_within_s": policy.respond_within_us / 1e6,
            "bounds": {name: asdict(bound) for name, bound in policy.bounds.items()},
        },
        "budget": budget,
        "normal_s": trained.curves.common.normal_s,
        "assets": {asset: dict(w) for asset, w in watched.items()},
    }


def limits_for_budget(budget_us: int, n_assets: int) -> dict[str, int]:
    """The return periods per asset with which all assets together raise one false warning per ``budget_us``.

    An advisory comes at a third of it.
    """
    return limits_of(budget_us * max(1, n_assets))
