"""`forecast`: a source and a model → its sensors ahead."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa

from anomaly_lstm import forecasts as forecasting
from anomaly_lstm import scoring as scores_stage
from anomaly_lstm import sources, store
from anomaly_lstm.ahead import Plan
from anomaly_lstm.clock import DAY, iso
from anomaly_lstm.errors import DataError, UsageError
from anomaly_lstm.events import normal_rows, touching
from anomaly_lstm.interventions import anew
from anomaly_lstm.pipeline.grids import Quality, check_not_an_input
from anomaly_lstm.pipeline.scoring import check_not_in_model, events_for, load, range_words, telemetry_for
from anomaly_lstm.sensor_rules import SensorRules, series_of
from anomaly_lstm.sources import Place
from anomaly_lstm.sources.contract import RawAsset, ReadOptions
from anomaly_lstm.tables import forecast_schema
from anomaly_lstm.telemetry import Telemetry
from anomaly_lstm.trained import Trained


@dataclass(frozen=True)
class ForecastResult:
    """Result of `forecast`; ``failed`` asset → why it was not forecast, ``notes`` what to mind about the others."""

    out: Path | None
    model_id: str
    trained: Trained
    quality: Quality
    horizon_us: int
    forecasts: Sequence[forecasting.Forecast]
    failed: Mapping[str, str]
    notes: Sequence[str]

    def table(self) -> pa.Table:
        """All forecasts as one table, see `tables.forecast_schema`."""
        tables = [forecasting.table(self.trained, one) for one in self.forecasts]
        return pa.concat_tables(tables) if tables else forecast_schema().empty_table()

    def document(self) -> dict[str, Any]:
        """What was forecast in short, and how such forecasts did on the history."""
        return {
            "model_id": self.model_id,
            "period_s": self.trained.grid.period_us / 1e6,
            "horizon_s": self.horizon_us / 1e6,
            "assets": [forecasting.as_document(self.trained, one) for one in self.forecasts],
            "failed": dict(self.failed),
            "notes": list(self.notes),
        }


def forecast(
    source: Place,
    model: Path,
    out: Path | None = None,
    *,
    horizon_us: int = DAY,
    read: ReadOptions | None = None,
    context_ahead: Place | None = None,
    events: Path | None = None,
    told: Callable[[int, int], None] = lambda done, of: None,
) -> ForecastResult:
    """Forecast the sensors of every asset from its last row on, for ``horizon_us`` [µs], should it run on.

    The rows before the last one tell how good such forecasts are and how wide the interval must be; rows in ``events``
    that are not normal tell nothing, and the network starts anew after maintenance of the machine. ``context_ahead`` is
    a source with the planned context: a value counts from its time until the next. ``out`` is written as Parquet, CSV
    or JSON by its ending. Assets that cannot be forecast are named in ``failed``; when all are, DataError is raised and
    nothing is written.
    """
    trained, model_id = load(model)
    if out:
        store.check_table_name(out)
        check_not_an_input(out, source)
        check_not_in_model(out, model)
    n_ahead = -(-horizon_us // trained.grid.period_us)
    if n_ahead < 1:
        raise UsageError("--horizon: give a duration longer than nothing, such as 24h.")
    read = read or ReadOptions()
    assets, quality, failed = telemetry_for(trained, source, read)
    plans, notes = _plans(trained, assets, context_ahead, read) if context_ahead is not None else ({}, [])
    told_events = events_for(trained, events, read)
    forecasts: list[forecasting.Forecast] = []
    for number, asset in enumerate(assets):
        normal = normal_rows(told_events, asset.asset, asset.time_us)
        worked_on = [e for e in touching(told_events, asset.asset) if e.kind == "maintenance" and not e.sensor]
        past = anew(asset, worked_on, trained.max_hole)
        try:
            forecasts.append(forecasting.forecast(trained, past, n_ahead, normal=normal, plan=plans.get(asset.asset)))
        except DataError as problem:
            failed[asset.asset] = str(problem)
        told(number + 1, len(assets))
    if not forecasts:
        raise DataError(next(iter(failed.values())))
    horizon_us = n_ahead * trained.grid.period_us
    notes += [note for one in forecasts for note in _starts_unseen(trained, one)]
    result = ForecastResult(out, model_id, trained, quality, horizon_us, forecasts, failed, notes)
    if out:
        store.write_table(out, result.table(), result.document())
    return result


def _plans(
    trained: Trained, assets: Sequence[Telemetry], place: Place, read: ReadOptions
) -> tuple[dict[str, Plan], list[str]]:
    """The planned context of each asset, and what there is to say about it.

    A plan without the name of one of the assets is for all of them. Raises UsageError when it plans nothing.
    """
    names = trained.roles.context
    if not names:
        raise UsageError("--context-ahead: the model has no context. Train one with --context, or leave the plan out.")
    known = tuple(dict.fromkeys((*names, *trained.rules.measured(names))))
    options = ReadOptions(zone=read.zone or trained.reading.get("zone"), columns=read.columns, known=known)
    read_plans = sources.read(place, options)
    planned = {raw.asset: _plan(raw, names, trained.rules) for raw in read_plans.assets}
    if len(planned) == 1 and not set(planned) & {asset.asset for asset in assets}:
        planned = dict.fromkeys((asset.asset for asset in assets), next(iter(planned.values())))
    mine = {asset.asset: planned[asset.asset] for asset in assets if asset.asset in planned}
    ahead = {
        asset.asset: int(np.isfinite(mine[asset.asset].values[mine[asset.asset].time_us > asset.time_us[-1]]).sum())
        for asset in assets
        if asset.asset in mine and len(asset)
    }
    if not sum(ahead.values()):
        last = max(int(asset.time_us[-1]) for asset in assets if len(asset))
        raise UsageError(
            f"--context-ahead plans no {' or '.join(names)} of these assets after their last row, {iso(last)}. Give a "
            "time column, one column per context, and an asset column where plans differ."
        )
    mode = trained.roles.mode
    if mode and any(mode.sensor in raw.sensors for raw in read_plans.assets):
        raise UsageError(
            f"--context-ahead: '{mode.sensor}' is the mode, which cannot be planned; it is held at its last value. "
            "Leave the column out."
        )
    notes = [
        f"{asset.asset}: nothing is planned after its last row, {iso(int(asset.time_us[-1]))}."
        for asset in assets
        if len(asset) and not ahead.get(asset.asset)
    ]
    return mine, notes + [note for asset, plan in mine.items() for note in _planned_unseen(trained, asset, plan)]


def _plan(raw: RawAsset, names: Sequence[str], rules: SensorRules) -> Plan:
    """What is planned for one asset, in the order of its times; NaN for a context that is not planned.

    Of a counter its rate is planned, as it stands.
    """
    order = np.argsort(raw.time_us, kind="stable")
    angles = SensorRules({name: rule for name, rule in rules.named.items() if rule.type == "angle"})
    made = series_of(angles, raw.time_us[order], raw.sensors, raw.values[order], 0)
    have = {one.sensor: one.values for one in made}
    return Plan(raw.time_us[order], np.column_stack([have.get(name, np.full(len(order), np.nan)) for name in names]))


def _planned_unseen(trained: Trained, asset: str, plan: Plan) -> list[str]:
    """A note for each planned context that lies outside what training saw."""
    ranges = scores_stage.seen(trained)
    return [
        f"{asset}: the plan goes outside what training saw ({range_words(name, ranges[name], trained.units.get(name))}"
        "): what is forecast there is a guess."
        for i, name in enumerate(trained.roles.context)
        if name in ranges and ranges[name].unseen(plan.values[:, i]).any()
    ]


def _starts_unseen(trained: Trained, said: forecasting.Forecast) -> list[str]:
    """A note where a sensor reads now what training never saw: members of the forecast expect it to come back."""
    out = [
        (name, seen, now)
        for i, (name, now) in enumerate(zip(trained.roles.scored, said.now, strict=True))
        if (seen := trained.learned.scaler.seen(i)) is not None and seen.unseen(np.array([now]))[0]
    ]
    return [
        f"{said.asset}: '{name}' reads {now:.4g} now, outside what training saw "
        f"({range_words(name, seen, trained.units.get(name))}). Its forecast leans on normal operation and may expect "
        "a return that will not come."
        for name, seen, now in out
    ]
