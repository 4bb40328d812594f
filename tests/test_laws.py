"""The laws of the design, each a property over every network and every threshold."""

from __future__ import annotations

import hashlib
import io
import json
import shutil
import subprocess
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields, is_dataclass, replace
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from anomaly_lstm import alerts, interventions, learning, pipeline, scoring, store, training
from anomaly_lstm.clock import iso
from anomaly_lstm.errors import ModelError
from anomaly_lstm.events import Event
from anomaly_lstm.folds import BLOCKS, STEPS
from anomaly_lstm.learning import CHALLENGER, TrainOptions
from anomaly_lstm.models import MODELS
from anomaly_lstm.policy import DAY_US, Policy
from anomaly_lstm.scored_rows import rows_of
from anomaly_lstm.sensor_rules import SensorRule, SensorRules
from anomaly_lstm.sources.contract import ReadOptions
from anomaly_lstm.tables import State
from anomaly_lstm.telemetry import Telemetry, to_grid
from anomaly_lstm.thresholds import THRESHOLDS
from anomaly_lstm.trained import Roles, Trained, from_folder, to_folder
from anomaly_lstm.training import train
from anomaly_lstm.windows import CHUNK
from tests.toys import GRID, MINUTE, START, files_of, healthy, minutes, names, write_history

Float64 = NDArray[np.float64]

EVERY = [(network, threshold) for network in MODELS for threshold in THRESHOLDS]
every_model_and_threshold = pytest.mark.parametrize(("network", "threshold"), EVERY)
every_model = pytest.mark.parametrize("network", MODELS)
slowly = settings(max_examples=8, deadline=None, suppress_health_check=[HealthCheck.too_slow])

ROLES = Roles(("s0", "s1", "s2"), ("c0",))
N_ROWS = 1400
TEACHERS = (1, 2)
IDLES = 3
"""The asset that stops as training never saw one stop."""
HOLE, LONG_GAP, STOP = range(300, 305), range(600, 650), range(900, 906)
"""Positions without a row, without a row for longer than a stretch lasts, and with the machine off."""


def options(network: str, threshold: str = "return_period") -> TrainOptions:
    return TrainOptions(network=network, threshold=threshold, max_steps=10, seed=5)


@dataclass(frozen=True)
class Raw:
    """Rows as a source gives them, with a hole, a gap, a stop and missing cells, over more than one chunk."""

    time_us: NDArray[np.int64]
    values: Float64
    running: NDArray[np.bool_]

    def telemetry(self, n: int | None = None, asset: str = "pump") -> Telemetry:
        rows = slice(n)
        return to_grid(asset, self.time_us[rows], names(), self.values[rows], GRID, running=self.running[rows])[0]


@cache
def raw(seed: int, n_rows: int = N_ROWS) -> Raw:
    values = healthy(n_rows, seed=seed)
    values[100:130, 0] = np.nan
    values[400:403, 3] = np.nan
    values[700:710, :3] = np.nan
    running = np.ones(n_rows, bool)
    running[list(STOP)] = False
    if seed == IDLES:
        values[list(STOP), 3] = 50.0
    keep = np.ones(n_rows, bool)
    keep[[*HOLE, *LONG_GAP]] = False
    return Raw(minutes(n_rows)[keep], values[keep], running[keep])


@cache
def trained_of(network: str, threshold: str) -> Trained:
    """Trained once, on two assets."""
    assets = [raw(seed).telemetry(asset=f"pump-{seed}") for seed in TEACHERS]
    normal = [np.ones(len(a), bool) for a in assets]
    return train(assets, normal, ROLES, options(network, threshold), max_hole=10, running=None, units={}, reading={})


def scores_of(trained: Trained, *assets: Telemetry) -> pa.Table:
    return pa.concat_tables([scoring.table(trained, s, "model") for s in scoring.score(trained, assets)])


@cache
def whole_scores(network: str, threshold: str) -> pa.Table:
    return scores_of(trained_of(network, threshold), raw(3).telemetry())


def alerts_in(table: pa.Table, days: float, **policy: Any) -> list[alerts.Alert]:
    one = Policy(limits={"advisory": round(days * DAY_US)}, **policy)
    return [alert for rows in rows_of(table) for alert in alerts.alerts_of(rows, one, MINUTE, "model")]


def numbers(table: pa.Table, name: str) -> Float64:
    return np.asarray(table.column(name).to_numpy(), np.float64)


# ---------------------------------------------------------------- 1 prefix


AFTER_A_HOLE = HOLE.start + 1
AFTER_A_GAP = LONG_GAP.start - len(HOLE) + 1
AT_A_STOP = STOP.start - len(HOLE) - len(LONG_GAP) + 1
AT_A_CHUNK_END = CHUNK - START // MINUTE % CHUNK - len(HOLE)


@every_model_and_threshold
@given(n=st.integers(1, N_ROWS - len(HOLE) - len(LONG_GAP)))
@example(n=1)
@example(n=3)
@example(n=AFTER_A_HOLE)
@example(n=AFTER_A_GAP)
@example(n=AFTER_A_GAP + 3)
@example(n=AT_A_STOP)
@example(n=AT_A_CHUNK_END)
@example(n=AT_A_CHUNK_END + 1)
@slowly
def test_law_1_a_row_is_scored_from_what_was_measured_up_to_it(network: str, threshold: str, n: int) -> None:
    whole = whole_scores(network, threshold)
    part = scores_of(trained_of(network, threshold), raw(3).telemetry(n))
    for name in whole.column_names:
        assert part.column(name).equals(whole.column(name).slice(0, len(part))), name


@every_model
def test_law_1_a_row_is_scored_the_same_whatever_other_assets_are_scored_with_it(network: str) -> None:
    trained = trained_of(network, "return_period")
    alone = whole_scores(network, "return_period")
    others = [raw(4).telemetry(500, asset="x"), raw(3).telemetry(), raw(5).telemetry(77, asset="y")]
    together = scores_of(trained, *others)
    mine = together.filter(pa.array(np.array(together.column("asset").to_pylist()) == "pump"))
    for name in alone.column_names:
        assert mine.column(name).equals(alone.column(name)), name


def event(kind: str, start: float, end: float, sensor: str | None = None) -> Event:
    """An event between two minutes of the history."""
    return Event("pump", START + int(start * MINUTE), START + int(end * MINUTE), kind, sensor, None, "", 2)


EVENTS = (
    event("maintenance", 150, 160.5),
    event("sensor_change", 200, 205, "s1"),
    event("maintenance", 302, 303),
    event("ignore", 420, 450),
    event("calibration", 560, 570, "s0"),
    event("maintenance", 610, 620),
    event("process_change", 660, 690),
    event("sensor_change", 800, 800, "s2"),
    event("maintenance", 950, 955, "s0"),
    event("sensor_change", 1000, 1010, "c0"),
    event("sensor_change", 1150, 1160, "s1"),
)
"""One of every kind that acts on scores: in a hole, in a gap, before a new sensor is known, and while one is not."""


def scores_under(trained: Trained, asset: Telemetry, events: Sequence[Event]) -> pa.Table:
    scored = interventions.score(trained, [interventions.under_events(trained, asset, events)])
    return pa.concat_tables([scoring.table(trained, s, "model") for s in scored])


@cache
def whole_under_events(network: str) -> pa.Table:
    return scores_under(trained_of(network, "return_period"), raw(3).telemetry(), EVENTS)


AT_THE_OFFSET, AT_THE_SECOND_LOOK = 486, 741
"""Rows measured before the offset of the first new sensor is known, and before it is taken from more rows."""


@every_model
@given(n=st.integers(1, N_ROWS - len(HOLE) - len(LONG_GAP)))
@example(n=155)
@example(n=AT_THE_OFFSET)
@example(n=AT_THE_OFFSET + 1)
@example(n=AT_THE_SECOND_LOOK)
@example(n=AFTER_A_GAP)
@example(n=AFTER_A_GAP + 1)
@example(n=1000)
@slowly
def test_law_1_a_row_is_scored_from_what_was_measured_and_told_up_to_it(network: str, n: int) -> None:
    whole = whole_under_events(network)
    asset = raw(3).telemetry(n)
    told = [event for event in EVENTS if event.start_us <= asset.time_us[-1]]
    part = scores_under(trained_of(network, "return_period"), asset, told)
    for name in whole.column_names:
        assert part.column(name).equals(whole.column(name).slice(0, len(part))), name


def test_law_1_is_asked_of_events_that_act() -> None:
    table, without = whole_under_events(CHALLENGER), whole_scores(CHALLENGER, "return_period")
    state, before = (np.array(t.column("state").to_pylist()) for t in (table, without))
    assert ((state == "OUT_OF_STATE") & (before != "OUT_OF_STATE")).sum() > 40
    assert ((state == "WARM_UP") & (before == "SCORED")).sum() >= 2 * 3
    shift = interventions.under_events(trained_of(CHALLENGER, "return_period"), raw(3).telemetry(), EVENTS).shifts[0]
    looks = np.searchsorted(raw(3).time_us, [since_us for since_us, _ in shift.offsets])
    assert looks.tolist() == [AT_THE_OFFSET, AT_THE_SECOND_LOOK]
    for name in names():
        np.testing.assert_array_equal(numbers(table, f"value.{name}"), numbers(without, f"value.{name}"))


# ---------------------------------------------------------------- 2 fold, 3 twice is once

UNTIL = 700
FIRST = 31 * 1440 - 1000
"""The history runs over the end of a month."""


@cache
def history_to_run() -> Float64:
    history = healthy(N_ROWS, seed=7)
    history[1100:1150, 1] += 25.0
    return history


def plan_for(
    source: Path, folder: Path, network: str, threshold: str = "return_period", events: Path | None = None
) -> pipeline.RunPlan:
    return pipeline.RunPlan(
        source=source,
        folder=folder,
        context=["c0"],
        events=events,
        train_until_us=START + (FIRST + UNTIL) * MINUTE,
        train=options(network, threshold),
        policy=Policy(limits={"advisory": DAY_US, "warning": 30 * DAY_US}),
    )


def run_to(
    n: int, folder: Path, network: str, threshold: str = "return_period", events: Path | None = None
) -> pipeline.RunResult:
    """A scheduled run when the first ``n`` minutes have been measured."""
    left_out = [row for row in (*HOLE, *LONG_GAP) if row < n]
    source = write_history(
        folder.parent / "source" / "pump=1.parquet", history_to_run()[:n], first=FIRST, left_out=left_out
    )
    return pipeline.run(plan_for(source, folder, network, threshold, events))


RUNS = [
    *((network, "return_period") for network in MODELS),
    *(("linear_predictor", threshold) for threshold in THRESHOLDS if threshold != "return_period"),
]


@pytest.mark.parametrize(("network", "threshold"), RUNS)
def test_laws_2_and_3_runs_in_slices_end_in_the_bytes_of_one_run_and_twice_is_once(
    network: str, threshold: str, tmp_path: Path
) -> None:
    at_once, sliced = tmp_path / "once" / "run", tmp_path / "sliced" / "run"
    result = run_to(N_ROWS, at_once, network, threshold)
    assert result.trained is not None
    assert result.report.alerts, "nothing to compare"
    one = files_of(at_once)
    assert sum(name.startswith("scores/") for name in one) == 2, "a file for each month"

    again = run_to(N_ROWS, at_once, network, threshold)
    assert again.trained is None
    assert files_of(at_once) == one

    for n in (UNTIL, UNTIL + 1, 1000, 1120, 1121, N_ROWS):
        run_to(n, sliced, network, threshold)
    assert files_of(sliced) == one


@given(st.lists(st.integers(UNTIL, N_ROWS), max_size=4))
@settings(max_examples=4, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_law_2_the_slices_may_be_any(tmp_path: Path, ends: list[int]) -> None:
    for name in ("once", "sliced"):
        shutil.rmtree(tmp_path / name, ignore_errors=True)
    run_to(N_ROWS, tmp_path / "once" / "run", "linear_predictor")
    for n in [*sorted(ends), N_ROWS]:
        run_to(n, tmp_path / "sliced" / "run", "linear_predictor")
    one, many = (files_of(tmp_path / name / "run") for name in ("once", "sliced"))
    assert many == one


def test_law_2_events_act_alike_whatever_the_slices(tmp_path: Path) -> None:
    """A new sensor waits for its offset over the ends of slices, then the machine is worked on."""
    events = tmp_path / "events.csv"
    moments = [iso(START + (FIRST + row) * MINUTE) for row in (720, 725, 1200, 1230)]
    lines = [f",{moments[0]},{moments[1]},sensor_change,s1", f",{moments[2]},{moments[3]},maintenance,"]
    events.write_text("\n".join(["asset,start,end,kind,sensor", *lines]))
    result = run_to(N_ROWS, tmp_path / "once" / "run", CHALLENGER, events=events)
    assert any("this offset is taken off" in note for note in result.quality.notes)
    assert result.states["OUT_OF_STATE"] == 31
    for n in (UNTIL, 722, 800, 1000, 1210, N_ROWS):
        run_to(n, tmp_path / "sliced" / "run", CHALLENGER, events=events)
    one, many = (files_of(tmp_path / name / "run") for name in ("once", "sliced"))
    assert many == one


PLANT_RULES = SensorRules(
    {
        "s1": SensorRule("last", hold_us=15 * MINUTE),
        "valve": SensorRule(hold_us=600 * MINUTE),
        "s2": SensorRule(hold_us=6 * MINUTE, interpolate="linear"),
        "total": SensorRule(type="counter", hold_us=9 * MINUTE),
        "wind": SensorRule(type="angle", hold_us=3 * MINUTE),
        "machine_status": SensorRule(hold_us=2 * DAY_US),
    }
)
LATE = range(1020, 1040)


@cache
def plant_to_run() -> pa.Table:
    """What a historian writes that keeps changes only: each sensor at its own times, a status where it changes."""
    rng, history = np.random.default_rng(11), history_to_run()
    wind, total = 10 * history[:, 0] % 360, np.cumsum(1 + history[:, 1] / 30)
    total[1000:] -= total[1000]  # somebody put in a new meter
    shares = {"s0": 0.5, "s1": 0.15, "s2": 0.3, "total": 0.3, "wind": 0.5, "valve": 0.008, "c0": 0.4}
    columns = dict(zip(shares, (*history[:, :3].T, total, wind, history[:, 0], history[:, 3]), strict=True))
    cells = {name: np.where(rng.random(N_ROWS) < shares[name], values, np.nan) for name, values in columns.items()}
    status = [{0: "RUN", 880: "STOP", 930: "STARTUP", 940: "RUN"}.get(row) for row in range(N_ROWS)]
    time = pa.array(minutes(N_ROWS, FIRST)).cast(pa.timestamp("us", "UTC"))
    table = pa.table(
        {"time": time, "machine_status": pa.array(status)}
        | {name: pa.array(values, from_pandas=True) for name, values in cells.items()}
    )
    empty = ~np.isfinite(np.column_stack([*cells.values()])).any(axis=1) & np.array([word is None for word in status])
    empty[[*LONG_GAP]] = True
    return table.append_column("row", pa.array(np.arange(N_ROWS))).filter(pa.array(~empty))


def run_plant(n: int, folder: Path, late: Sequence[int] = ()) -> pipeline.RunResult:
    """A scheduled run when the first ``n`` minutes have been measured but for those that come ``late``."""
    table = plant_to_run()
    row = table.column("row").to_numpy()
    source = folder.parent / "source" / "pump.parquet"
    source.parent.mkdir(parents=True, exist_ok=True)
    pq.write_table(table.filter(pa.array((row < n) & ~np.isin(row, late))).drop_columns(["row"]), source)
    grid = pipeline.GridOptions(
        MINUTE, rules=PLANT_RULES, running="machine_status in ('RUN', 'STARTUP')", settle_us=20 * MINUTE
    )
    return pipeline.run(replace(plan_for(source, folder, CHALLENGER), grid=grid))


def test_laws_2_and_3_hold_for_a_plant_that_writes_changes_only(tmp_path: Path) -> None:
    at_once, sliced = tmp_path / "once" / "run", tmp_path / "sliced" / "run"
    result = run_plant(N_ROWS, at_once)
    assert result.trained is not None
    assert result.trained.trained.roles.scored == ("s0", "s1", "s2", "total", "wind.cos", "wind.sin", "valve")
    (asset,) = result.quality.assets
    assert asset.rows_in == asset.rows + asset.merged + asset.without_value
    assert asset.held > 50
    assert asset.settling == 20
    assert result.states["OUT_OF_STATE"] == asset.out_of_state == 50 + 20
    one = files_of(at_once)
    run_plant(N_ROWS, at_once)
    assert files_of(at_once) == one
    for n, late in (
        (UNTIL, ()),
        (UNTIL + 3, ()),
        (905, ()),
        (935, ()),
        (1045, LATE),
        (1100, ()),
        (1101, ()),
        (N_ROWS, ()),
    ):
        run_plant(n, sliced, late)
    assert files_of(sliced) == one


def run_folder(ends: Mapping[str, int], folder: Path) -> pipeline.RunResult:
    """A scheduled run when so many minutes of each sensor are in its own file."""
    history, home = history_to_run(), folder.parent / "source" / "pump"
    home.mkdir(parents=True, exist_ok=True)
    for place, (name, end) in enumerate(ends.items()):
        times = minutes(end, FIRST)
        lines = [f"{iso(int(us))},{value!r}" for us, value in zip(times, history[:end, place].tolist(), strict=True)]
        (home / f"{name}.csv").write_text("\n".join(["time,value", *lines]) + "\n")
    plan = plan_for(home.parent, folder, CHALLENGER)
    return pipeline.run(replace(plan, read=ReadOptions(asset_from="folder"), grid=pipeline.GridOptions(MINUTE)))


def test_laws_2_and_3_hold_for_a_file_per_sensor_that_grow_each_at_its_own_pace(tmp_path: Path) -> None:
    at_once, sliced = tmp_path / "once" / "run", tmp_path / "sliced" / "run"
    run_folder(dict.fromkeys(names(), N_ROWS), at_once)
    one = files_of(at_once)
    for ends in ((UNTIL, UNTIL, UNTIL, UNTIL), (900, 800, 900, 900), (1120, 1121, 1100, 1120), (N_ROWS,) * 4):
        run_folder(dict(zip(names(), ends, strict=True)), sliced)
    many = files_of(sliced)
    del one["history.jsonl"], many["history.jsonl"]  # late rows have changed what was told on the way
    assert many == one


def test_a_run_scores_what_score_scores_by_whatever_rules(tmp_path: Path) -> None:
    result = run_plant(N_ROWS, tmp_path / "once" / "run")
    source = tmp_path / "once" / "source"
    pipeline.score(source, result.model, tmp_path / "scores.parquet")
    alone = pq.read_table(tmp_path / "scores.parquet")
    stored = pa.concat_tables(
        [pq.ParquetFile(path).read() for path in sorted((tmp_path / "once" / "run" / "scores").rglob("*.parquet"))]
    )
    assert stored.column("time").equals(alone.column("time"))
    for name in ("state", "score", "value.s1", "value.s2", "value.total", "value.wind.cos"):
        assert stored.column(name).to_pylist() == alone.column(name).to_pylist(), name


# ---------------------------------------------------------------- 4 no silent loss


@pytest.fixture(scope="module")
def line_model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("line")
    source = write_history(folder / "pump.parquet", healthy(300, seed=1))
    pipeline.train(source, folder / "m", context=["c0"], options=options("linear_predictor"))
    return folder / "m"


ODD_ROW = st.tuples(
    st.integers(0, 200) | st.none(), st.integers(0, 59_999_999), st.lists(st.booleans(), min_size=4, max_size=4)
)


@given(rows=st.lists(ODD_ROW, min_size=1, max_size=30))
@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_law_4_every_input_row_is_in_the_output_or_counted(
    line_model: Path, tmp_path: Path, rows: Sequence[tuple[int | None, int, list[bool]]]
) -> None:
    rows = [(0, 0, [True] * 4), *rows]
    time = [None if minute is None else START + minute * MINUTE + within for minute, within, _ in rows]
    columns = {
        name: pa.array([1.0 if known[i] else None for _, _, known in rows], pa.float64())
        for i, name in enumerate(names())
    }
    source = tmp_path / "odd.parquet"
    pq.write_table(pa.table({"time": pa.array(time, pa.timestamp("us", "UTC")), **columns}), source)
    result = pipeline.score(source, line_model, tmp_path / "scores.parquet")
    (file,), (asset,) = result.quality.files, result.quality.assets
    assert file.rows_read == len(rows)
    assert file.rows_read == file.rows_kept + sum(file.dropped.values())
    assert file.rows_kept == asset.rows_in == asset.rows + asset.merged + asset.without_value
    table = pq.read_table(tmp_path / "scores.parquet")
    states = table.column("state").to_pylist()
    assert result.rows == len(table) == sum(result.states.values())
    assert sum(state == "NO_DATA" for state in states) == asset.holes + asset.gaps
    assert len(states) == asset.rows + asset.holes + asset.gaps


@every_model_and_threshold
def test_law_4_a_gap_is_a_state_and_never_a_number(network: str, threshold: str) -> None:
    table = whole_scores(network, threshold)
    state = np.array(table.column("state").to_pylist())
    assert {"SCORED", "WARM_UP", "NO_DATA", "SENSOR_BAD", "OUT_OF_STATE"} == set(state)
    for name in ("score", "return_period_s", "share.s0", "share.s1", "share.s2"):
        assert np.isfinite(numbers(table, name)).tolist() == (state == "SCORED").tolist(), name
    shares = np.array([numbers(table, f"share.s{i}") for i in range(3)])[:, state == "SCORED"]
    np.testing.assert_allclose(shares.sum(axis=0), 1.0, atol=1e-6)
    assert not np.array(table.column("unseen").to_pylist())[state == "OUT_OF_STATE"].any()


# ---------------------------------------------------------------- 5 missing is not well


def with_fault(at: int, *, then: str) -> Telemetry:
    """A machine that fails at row ``at`` and 20 rows later falls silent, or stops, or loses its sensors."""
    one = raw(3)
    values, running = one.values.copy(), one.running.copy()
    values[at:, 1] += 40.0
    end = at + 20
    if then == "silent":
        values[end : end + 300] = np.nan
    elif then == "sensors lost":
        values[end : end + 300, :3] = np.nan
    elif then == "stopped":
        running[end : end + 300] = False
    rows = slice(end + 300)
    return to_grid("pump", one.time_us[rows], names(), values[rows], GRID, running=running[rows])[0]


@every_model_and_threshold
@pytest.mark.parametrize("then", ["silent", "sensors lost", "stopped"])
def test_law_5_missing_data_never_clears_an_alert(network: str, threshold: str, then: str) -> None:
    table = scores_of(trained_of(network, threshold), with_fault(800, then=then))
    standing = [alert for alert in alerts_in(table, 10) if alert.active]
    assert len(standing) == 1
    assert standing[0].cleared_us is None
    assert standing[0].sensors[0].sensor == "s1"


@every_model_and_threshold
@given(sensor=st.integers(0, 2), start=st.integers(0, 1200), length=st.integers(1, 100))
@slowly
def test_law_5_a_row_without_one_sensor_is_scored_on_the_others(
    network: str, threshold: str, sensor: int, start: int, length: int
) -> None:
    one = raw(3)
    values = one.values.copy()
    values[start : start + length, sensor] = np.nan
    lacking = replace(one, values=values).telemetry()
    known = np.isfinite(lacking.values[:, :3]).sum(axis=1)
    table = scores_of(trained_of(network, threshold), lacking)
    before = np.array(whole_scores(network, threshold).column("state").to_pylist())
    state = np.array(table.column("state").to_pylist())
    enough = known >= 2
    assert (state[enough] == before[enough]).all()
    gone = (state == "SCORED") & ~np.isfinite(lacking.values[:, sensor])
    assert np.abs(numbers(table, f"share.s{sensor}")[gone]).max(initial=0.0) < 1e-6
    assert np.isfinite(numbers(table, "score")[gone]).all()


# ---------------------------------------------------------------- 6 no fixed share is flagged


@every_model_and_threshold
def test_law_6_normal_operation_much_shorter_than_the_return_period_is_silent(network: str, threshold: str) -> None:
    """Five fresh days at a return period of a year: one alert in 70 such tests is promised."""
    fresh = [raw(seed).telemetry(asset=f"p{seed}") for seed in range(20, 25)]
    assert alerts_in(scores_of(trained_of(network, threshold), *fresh), 365) == []


@every_model_and_threshold
def test_law_6_on_normal_data_alerts_keep_to_the_budget(network: str, threshold: str) -> None:
    """15 fresh days at a return period of 12 hours of scored time: about 28 alerts are promised."""
    fresh = [raw(seed).telemetry(asset=f"p{seed}") for seed in range(30, 45)]
    table = scores_of(trained_of(network, threshold), *fresh)
    scored_days = sum(state == "SCORED" for state in table.column("state").to_pylist()) / 1440
    assert len(alerts_in(table, 0.5)) < 2.5 * scored_days / 0.5


# ---------------------------------------------------------------- 7 time order


def bytes_of(what: Any) -> bytes:
    """Every number in a dataclass of arrays."""
    if is_dataclass(what):
        return b"".join(bytes_of(getattr(what, field.name)) for field in fields(what))
    if isinstance(what, Mapping):
        return b"".join(bytes_of(value) for value in what.values())
    return np.asarray(what).tobytes()


@every_model
@pytest.mark.parametrize("quarter", [0, 1, 2, 3])
def test_law_7_what_judges_a_row_never_learned_from_it(
    network: str, quarter: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A poisoned quarter of the history reaches neither the network that judges it nor a level that comes before it."""
    n_rows = 400
    calm = healthy(n_rows, seed=1)
    poisoned = calm.copy()
    held = slice(max(quarter * n_rows // 4 - 5, 0), (quarter + 1) * n_rows // 4)
    poisoned[held] += 1000.0 * np.random.default_rng(0).standard_normal(poisoned[held].shape)
    honest = learning.learn
    learned: list[tuple[str, bytes]] = []

    def recording(assets: Any, keep: Any, n_scored: int, options: TrainOptions, **more: Any) -> Any:
        result = honest(assets, keep, n_scored, options, **more)
        learned.append((options.network, bytes_of(result)))
        return result

    monkeypatch.setattr(training, "learn", recording)
    monkeypatch.setattr(training, "WORTH", -np.inf)  # every network carries the evidence, whatever one step taught it
    runs = []
    for history in (calm, poisoned):
        learned.clear()
        asset, _ = to_grid("a", minutes(n_rows), names(), history, GRID)
        few = replace(options(network), max_steps=1)
        train([asset], [np.ones(n_rows, bool)], ROLES, few, max_hole=10, running=None, units={}, reading={})
        runs.append([*learned])
    same = [one == other for one, other in zip(*runs, strict=True)]
    names_of = [name for name, _ in runs[0]]
    *folds, everything = [i for i, name in enumerate(names_of) if name == network]
    lines = [i for i, name in enumerate(names_of[:-1]) if name == CHALLENGER]
    assert [same[i] for i in folds[:BLOCKS]] == [BLOCKS - 1 - number == quarter for number in range(BLOCKS)]
    assert [same[i] for i in lines[BLOCKS:]] == [step <= 2 * quarter for step in range(1, STEPS)]
    assert not same[everything]


# ---------------------------------------------------------------- 8 nothing unpickles


@pytest.fixture(scope="module", params=list(MODELS))
def model_folder(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("model") / str(request.param)
    store.write_model(folder, *to_folder(trained_of(request.param, "return_period")))
    return folder


def test_law_8_a_model_folder_is_json_and_plain_arrays_with_their_sums(model_folder: Path) -> None:
    files = {str(p.relative_to(model_folder)): p.read_bytes() for p in model_folder.rglob("*") if p.is_file()}
    sums = json.loads(files.pop("manifest.json"))["sha256"]
    assert {name: hashlib.sha256(content).hexdigest() for name, content in files.items()} == sums
    for name, content in files.items():
        if name.endswith(".npy"):
            assert np.load(io.BytesIO(content), allow_pickle=False).dtype.kind in "fiu", name
        else:
            json.loads(content)


def test_law_8_a_model_scores_alike_after_it_was_stored(model_folder: Path) -> None:
    document, arrays, _ = store.read_model(model_folder)
    again = from_folder(document, arrays, "here")
    for name in (whole := whole_scores(model_folder.name, "return_period")).column_names:
        assert scores_of(again, raw(3).telemetry()).column(name).equals(whole.column(name)), name


def test_law_8_loading_and_scoring_run_no_keras_and_no_pickle(model_folder: Path) -> None:
    code = f"""
import sys
for name in ("tensorflow", "keras"):
    sys.modules[name] = None
import pickle
def never(*_, **__): raise AssertionError("something unpickles")
pickle.load = pickle.loads = pickle.Unpickler = never
from pathlib import Path
from anomaly_lstm import pipeline, scoring
from tests.test_laws import raw
trained, _ = pipeline.load(Path({str(model_folder)!r}))
(scores,) = scoring.score(trained, [raw(3).telemetry(100)])
assert (scores.score > 0).sum() > 50
"""
    subprocess.run([sys.executable, "-c", code], check=True)


def test_law_8_an_array_of_objects_is_refused(model_folder: Path, tmp_path: Path) -> None:
    folder = tmp_path / "m"
    shutil.copytree(model_folder, folder)
    name = next(p.name for p in (folder / "arrays").iterdir())
    np.save(folder / "arrays" / name, np.array([{}], dtype=object), allow_pickle=True)
    manifest = json.loads((folder / "manifest.json").read_text())
    manifest["sha256"][f"arrays/{name}"] = hashlib.sha256((folder / "arrays" / name).read_bytes()).hexdigest()
    (folder / "manifest.json").write_text(json.dumps(manifest))
    with pytest.raises(ModelError, match=name):
        pipeline.load(folder)


def test_every_state_is_met_by_these_laws() -> None:
    assert set(whole_scores("linear_predictor", "return_period").column("state").to_pylist()) == {s.name for s in State}
