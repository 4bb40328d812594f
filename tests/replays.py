"""Replays of a year, as pages show them."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pyarrow as pa

from anomaly_lstm.clock import DAY, UNITS
from anomaly_lstm.events import Event
from anomaly_lstm.policy import Policy
from anomaly_lstm.replaying import History, Replay, Terms, replay
from anomaly_lstm.scored_rows import Rows, rows_of
from anomaly_lstm.tables import STATE_NAMES, State, scores_schema
from tests.toys import START

HOUR = UNITS["h"]
HOURS = 365 * 24
TERMS = Terms(Policy(limits={"advisory": 30 * DAY, "warning": 90 * DAY}, off_delay_us=0), "advisory")


def rows(asset: str, strange: dict[int, float], n: int = HOURS) -> Rows:
    """An asset's rows, one an hour, of a return period of a day but where ``strange`` says another [days]."""
    days = np.ones(n)
    days[list(strange)] = list(strange.values())
    times = START + np.arange(n) * HOUR
    columns: list[object] = [[asset] * n, times, [STATE_NAMES[State.SCORED]] * n, np.log(days), days * 86400]
    columns += [np.full(n, value) for value in (0.8, 0.2, 60.0, 40.0, 50.0, 50.0)] + [[False] * n, ["m"] * n]
    schema = scores_schema(("temp", "flow"), (), detail=True)
    arrays = [pa.array(column, field.type) for column, field in zip(columns, schema, strict=True)]
    (one,) = rows_of(pa.Table.from_arrays(arrays, schema=schema))
    return one


def at(hour: int) -> int:
    return START + hour * HOUR


def event(asset: str, start: int, end: int, kind: str = "failure", note: str = "") -> Event:
    return Event(asset, at(start), at(end), kind, None, at(end) if kind == "failure" else None, note, 2)


def stretch(start: int, end: int, days: float) -> dict[int, float]:
    return dict.fromkeys(range(start, end), days)


GRID = tuple(days * DAY for days in (7, 14, 30, 90, 365))


def of(
    assets: Sequence[Rows], *events: Event, grid: Sequence[int] = GRID, delays: Sequence[int] = (6 * HOUR, 24 * HOUR)
) -> Replay:
    history = History(events, START, at(HOURS), HOUR, "0432a3d81086", 200 * 86400.0, {})
    return replay(assets, history, TERMS, grid, delays)


def year(first: str = "pump-01") -> Replay:
    """Three failures far apart, one of them told in the last hours and one missed; an anomaly, maintenance, and some
    false alerts; and a pump without anything.
    """
    noise = np.random.default_rng(5)
    hours, days = noise.integers(0, HOURS, 60), noise.pareto(1.0, 60) * 5 + 2
    blips = dict(zip(hours.tolist(), days.tolist(), strict=True))
    assets = [
        rows(first, {**blips, **stretch(1180, 1240, 400.0)}),
        rows("pump-02", {**stretch(4000, 4400, 60.0), **stretch(4300, 4400, 200.0), **stretch(7990, 7999, 95.0)}),
        rows("pump-03", stretch(2500, 2530, 130.0)),
        rows("pump-04", {}),
    ]
    return of(
        assets,
        event(first, 1150, 1240, note="bearing seized"), event("pump-02", 3900, 4400), event("pump-02", 7950, 8000),
        event("pump-03", 6000, 6100), event("pump-03", 2480, 2530, "anomaly"),
        event("pump-01", 1241, 1400, "maintenance"),
    )  # fmt: skip


def fleet(n: int) -> Replay:
    """Many assets, each fifth of which fails."""
    assets = [rows(f"unit-{i:03}", stretch(300 + 30 * i % 8000, 340 + 30 * i % 8000, 45.0), HOURS) for i in range(n)]
    events = [event(f"unit-{i:03}", 310 + 30 * i % 8000, 345 + 30 * i % 8000) for i in range(0, n, 5)]
    return of(assets, *events)
