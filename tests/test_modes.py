from __future__ import annotations

import json
from dataclasses import replace
from functools import cache
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from anomaly_lstm import modes, pipeline, scoring, store
from anomaly_lstm.alerts import Alert
from anomaly_lstm.errors import DataError, UsageError
from anomaly_lstm.evidence import LEAST_OF_MODE
from anomaly_lstm.folds import MANY_ASSETS
from anomaly_lstm.learning import TrainOptions
from anomaly_lstm.models import MODELS
from anomaly_lstm.policy import DAY_US, Policy
from anomaly_lstm.sources.contract import ReadOptions
from anomaly_lstm.telemetry import Telemetry, last_known, to_grid
from anomaly_lstm.trained import Roles, Trained, from_folder, to_folder
from anomaly_lstm.training import train
from tests.toys import GRID, MINUTE, START, autoregressive, files_of, minutes

Float64 = NDArray[np.float64]
Int64 = NDArray[np.int64]
Named = tuple[str | int | float | None, ...]

LINE = TrainOptions(network="linear_predictor")
SENSORS = ("s0", "s1", "s2", "load")
GAS, OIL, TAR = range(3)
FUELS = ("gas", "oil", "tar")


def fuels(n_rows: int, seed: int, visit: int = 150) -> Int64:
    """Gas and oil in turn, for a visit or so each."""
    lengths = np.random.default_rng(seed).integers(visit // 2, visit * 3 // 2, 2 * n_rows // visit + 2)
    return np.repeat(np.arange(len(lengths)) % 2, lengths)[:n_rows]


def burner(fuel: Int64, seed: int) -> Float64:
    """Three sensors and a load (n_rows, 4): on gas they are calm, on oil elsewhere and twenty times as restless."""
    rng = np.random.default_rng(seed)
    load, own = autoregressive(rng, len(fuel), 1, 0.95), autoregressive(rng, len(fuel), 3, 0.6)
    oil = (fuel == OIL)[:, None]
    sensors = np.array([10.0, 20.0, 30.0]) + oil * np.array([15.0, -8.0, 0.0]) + 0.2 * load
    return np.hstack([sensors + own * np.where(oil, 2.0, 0.1), load])


def on_grid(values: Float64, fuel: Float64, asset: str = "burner", first: int = 0) -> Telemetry:
    """Rows one minute apart with their mode, NaN where it was not measured."""
    time_us = minutes(len(values), first)
    telemetry, _ = to_grid(asset, time_us, SENSORS, values, GRID)
    return replace(telemetry, mode=modes.track(time_us, fuel, FUELS, GRID, telemetry.index))


def write(path: Path, values: Float64, fuel: Int64, *, first: int = 0, named: Named = FUELS) -> Path:
    """The same as a Parquet file; ``named`` are the values of gas, oil and tar."""
    time = pa.array(minutes(len(values), first)).cast(pa.timestamp("us", "UTC"))
    columns = {name: pa.array(values[:, i], from_pandas=True) for i, name in enumerate(SENSORS)}
    path.parent.mkdir(parents=True, exist_ok=True)
    pq.write_table(pa.table({"time": time, "fuel": pa.array([named[k] for k in fuel]), **columns}), path)
    return path


# ---------------------------------------------------------------- the mode of a row


def test_a_mode_is_the_last_one_measured_however_long_ago_and_never_a_mean() -> None:
    time_us = START + MINUTE * np.array([0, 1, 1, 500, 3]) + np.array([0, -20, -10, 0, 0])
    held = last_known(
        time_us, np.array([1.0, 1.0, 2.0, 3.0, np.nan]), GRID, GRID.index(START + MINUTE * np.arange(502))
    )
    assert held[:3].tolist() == [1, 2, 2]
    assert (held[3:500] == 2).all()
    assert held[500:].tolist() == [3, 3]


def test_before_the_first_mode_there_is_none() -> None:
    track = modes.track(minutes(3), np.array([np.nan, 7.0, 2.5]), (), GRID, GRID.index(minutes(3)))
    assert track.names == ("2.5", "7")
    assert track.code.tolist() == [-1, 1, 0]


def seen_in(fuel: Float64, **more: bool) -> modes.Modes:
    asset = on_grid(np.zeros((len(fuel), 4)), fuel)
    return modes.find("fuel", [asset], [np.ones(len(fuel), bool)], words=more.get("words", True))


def test_a_mode_with_too_little_data_shares_the_common_calibration_and_is_told_with_its_rows() -> None:
    fuel = fuels(3000, 1).astype(float)
    fuel[500:700] = TAR
    found = seen_in(fuel)
    assert set(found.own) == {"gas", "oil"}
    assert found.few == ("tar",)
    assert found.rows["tar"] == 200
    assert sum(found.rows.values()) == 3000


def test_a_mode_that_came_in_one_part_of_the_history_only_shares_too() -> None:
    fuel = fuels(4000, 1).astype(float)
    fuel[50:900] = TAR
    assert seen_in(fuel).few == ("tar",)
    fuel[2500 : 2500 + LEAST_OF_MODE] = TAR
    assert seen_in(fuel).few == ("tar",), "of one visit nobody knows whether the next is like it"
    fuel[3500:3600] = TAR
    assert seen_in(fuel).few == ()


def test_a_mode_is_a_column_of_0_and_1_and_one_without_its_own_has_none() -> None:
    known = modes.Modes("fuel", True, {"oil": 9, "gas": 5, "tar": 1}, ("oil", "gas"))
    asset = known.on(on_grid(np.zeros((5, 4)), np.array([np.nan, GAS, TAR, OIL, np.nan])))
    assert asset.sensors == (*SENSORS, "fuel=oil", "fuel=gas")
    assert asset.values[:, 4:].tolist() == [[0, 0], [0, 1], [0, 0], [1, 0], [1, 0]]
    assert asset.group.tolist() == [0, 2, 0, 1, 1]
    assert asset.mode is not None
    assert not known.unseen(asset.mode).any()
    lacking = replace(known, rows={"oil": 9, "gas": 5})
    assert lacking.unseen(asset.mode).tolist() == [False, False, True, False, False]


# ---------------------------------------------------------------- laws

N_ROWS = 1500
NEVER_SEEN = range(1000, 1060)
UNTOLD = range(300, 340)


@cache
def history(seed: int) -> tuple[Float64, Float64]:
    """With a hole, missing cells, rows without a mode, and tar."""
    fuel = fuels(N_ROWS, seed).astype(float)
    values = burner(fuel.astype(int), seed)
    values[100:120, 0] = np.nan
    fuel[list(UNTOLD)] = np.nan
    if seed > 2:
        fuel[list(NEVER_SEEN)] = TAR
    return values, fuel


@cache
def trained_of(network: str) -> Trained:
    assets = [on_grid(*history(seed), asset=f"burner-{seed}") for seed in (1, 2)]
    normal = [np.ones(len(a), bool) for a in assets]
    found = modes.find("fuel", assets, normal, words=True)
    assert len(found.own) == 2
    roles = Roles(("s0", "s1", "s2"), ("load",), found)
    few = TrainOptions(network=network, max_steps=10, seed=5)
    return train([found.on(a) for a in assets], normal, roles, few, max_hole=10, running=None, units={}, reading={})


def scores_of(trained: Trained, n: int | None = None) -> pa.Table:
    values, fuel = history(3)
    assert trained.roles.mode is not None
    asset = trained.roles.mode.on(on_grid(values[:n], fuel[:n]))
    return pa.concat_tables([scoring.table(trained, s, "model") for s in scoring.score(trained, [asset])])


@cache
def whole_scores(network: str) -> pa.Table:
    return scores_of(trained_of(network))


@pytest.mark.parametrize("network", MODELS)
@given(n=st.integers(1, N_ROWS))
@example(n=1)
@example(n=UNTOLD.start + 1)
@example(n=NEVER_SEEN.start + 1)
@settings(max_examples=6, deadline=None)
def test_law_1_a_row_is_scored_from_what_was_measured_up_to_it(network: str, n: int) -> None:
    whole = whole_scores(network)
    part = scores_of(trained_of(network), n)
    for name in whole.column_names:
        assert part.column(name).equals(whole.column(name).slice(0, len(part))), name


@pytest.mark.parametrize("network", MODELS)
def test_law_8_a_model_with_modes_scores_alike_after_it_was_stored(network: str, tmp_path: Path) -> None:
    store.write_model(tmp_path / "m", *to_folder(trained_of(network)))
    document, arrays, _ = store.read_model(tmp_path / "m")
    assert document["mode"]["rows"].keys() == {"gas", "oil"}
    assert all(np.isfinite(array).all() for array in arrays.values())
    assert scores_of(from_folder(document, arrays, "here")).equals(whole_scores(network))


def test_a_row_without_a_mode_is_scored_in_the_last_and_one_never_seen_is_scored_and_marked() -> None:
    table = whole_scores("linear_predictor")
    names, unseen = table.column("value.fuel").to_pylist(), np.array(table.column("unseen").to_pylist())
    assert len(set(names[UNTOLD.start - 1 : UNTOLD.stop])) == 1
    assert set(names[UNTOLD.start - 1 : UNTOLD.stop]) <= {"gas", "oil"}
    assert {names[row] for row in NEVER_SEEN} == {"tar"}
    assert np.flatnonzero(unseen).tolist() == list(NEVER_SEEN)
    assert set(table.column("state").to_pylist()[10:]) == {"SCORED"}


def test_laws_2_and_3_runs_in_slices_end_in_the_bytes_of_one_run(tmp_path: Path) -> None:
    fuel = fuels(2600, 7)
    values = burner(fuel, 7)
    values[2200:2260, 1] += 5.0
    fuel[2400:2420] = TAR

    def run_to(n: int, folder: Path) -> None:
        plan = pipeline.RunPlan(
            source=write(folder.parent / "source" / "burner.parquet", values[:n], fuel[:n]),
            folder=folder,
            context=["load"],
            mode="fuel",
            train_until_us=START + 1800 * MINUTE,
            train=LINE,
            policy=Policy(limits={"advisory": DAY_US}),
        )
        pipeline.run(plan)

    run_to(2600, tmp_path / "once" / "run")
    for n in (1800, 2210, 2410, 2600, 2600):
        run_to(n, tmp_path / "sliced" / "run")
    one, many = (files_of(tmp_path / name / "run") for name in ("once", "sliced"))
    assert one == many
    assert json.loads(one["alerts.json"])["alerts"]


def test_training_until_a_time_looks_at_no_mode_after_it(tmp_path: Path) -> None:
    fuel = fuels(2000, 1)
    values, later = burner(fuel, 1), fuel.copy()
    later[1500:] = TAR
    read = ReadOptions(end_us=START + 1500 * MINUTE)
    ids = [
        pipeline.train(
            write(tmp_path / f"{i}" / "burner.parquet", values, some, named=("gas", "oil", "alcohol")),
            tmp_path / f"m{i}",
            read=read,
            mode="fuel",
            options=LINE,
        ).model_id
        for i, some in enumerate((fuel, later))
    ]
    assert ids[0] == ids[1]


# ---------------------------------------------------------------- what a mode is good for

WEEK = 7 * 1440


def alerts_of(folder: Path, source: Path, model: str, days: float) -> list[Alert]:
    pipeline.score(source, folder / model, folder / "scores.parquet")
    policy = Policy(limits={"advisory": round(days * DAY_US)})
    return list(pipeline.alert(folder / "scores.parquet", folder / model, None, policy=policy).alerts)


@pytest.fixture(scope="module")
def plant(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two weeks of a burner, and a model of it with its fuel as the mode and one without."""
    folder = tmp_path_factory.mktemp("burner")
    fuel = fuels(2 * WEEK, 1, visit=300)
    source = write(folder / "burner.parquet", burner(fuel, 1), fuel)
    plain = ReadOptions(exclude=["fuel"])
    pipeline.train(source, folder / "with", context=["load"], mode="fuel", options=LINE)
    pipeline.train(source, folder / "without", context=["load"], read=plain, options=LINE)
    return folder


def test_a_fault_that_the_loud_mode_would_hide_is_found_in_the_quiet_one(plant: Path) -> None:
    """A small offset on gas: six times what gas varies by, a third of what oil does."""
    fuel = fuels(2880, 11, visit=300)
    values, fault = burner(fuel, 11), 1440
    values[fault:, 1] += np.where(fuel[fault:] == GAS, 0.6, 0.0)
    source = write(plant / "fault.parquet", values, fuel, first=2 * WEEK)
    found = {
        model: [(a.raised_us - START) // MINUTE - 2 * WEEK for a in alerts_of(plant, source, model, 10)]
        for model in ("with", "without")
    }
    first_gas = fault + int(np.argmax(fuel[fault:] == GAS))
    assert [row for row in found["with"] if first_gas <= row < first_gas + 60]
    assert not [row for row in found["without"] if first_gas <= row < first_gas + 300]


def test_false_alerts_keep_to_the_budget_in_both_modes(plant: Path) -> None:
    """Two fresh weeks, one alert promised per 12 hours: 28, in equal parts. Each part has its own factor of 2."""
    fuel = fuels(2 * WEEK, 21, visit=300)
    source = write(plant / "fresh.parquet", burner(fuel, 21), fuel, first=2 * WEEK)
    raised = {}
    for model in ("with", "without"):
        rows = [(a.raised_us - START) // MINUTE - 2 * WEEK for a in alerts_of(plant, source, model, 0.5)]
        raised[model] = [sum(fuel[row] == kind for row in rows) for kind in (GAS, OIL)]
    promised = [(fuel == kind).sum() / 720 for kind in (GAS, OIL)]
    assert all(n < 2 * of for n, of in zip(raised["with"], promised, strict=True))
    assert min(raised["with"]) >= 4
    assert raised["without"][OIL] > 3 * raised["without"][GAS]


def test_a_mode_never_seen_is_capped_at_advisory_with_the_reason_in_words(plant: Path) -> None:
    fuel = fuels(600, 31)
    values = burner(fuel, 31)
    fuel[400:] = TAR
    values[450:500, 1] += 50.0
    source = write(plant / "tar.parquet", values, fuel, first=2 * WEEK)
    result = pipeline.score(source, plant / "with", plant / "scores.parquet")
    assert any("'fuel' gas, oil" in note and "200 of 598" in note for note in result.quality.notes)
    policy = Policy(limits={"advisory": DAY_US, "warning": 30 * DAY_US})
    found = pipeline.alert(plant / "scores.parquet", plant / "with", None, policy=policy).alerts
    (alert,) = [a for a in found if a.peak_us >= START + (2 * WEEK + 450) * MINUTE]
    assert (alert.severity, alert.unseen) == ("advisory", True)
    assert "fuel tar, training saw gas, oil: an unseen regime, told as advisory at most" in alert.reason


def test_what_a_strange_mode_did_is_not_held_against_the_rows_after_it(plant: Path, tmp_path: Path) -> None:
    fuel = fuels(1500, 41, visit=1500)
    values = burner(fuel, 41)
    strange, foreign = values.copy(), fuel.copy()
    strange[600:900, 0] += 30.0
    foreign[600:900] = TAR
    scores = []
    for name, (cells, kind) in {"calm": (values, fuel), "strange": (strange, foreign)}.items():
        source = write(tmp_path / f"{name}.parquet", cells, kind, first=2 * WEEK)
        pipeline.score(source, plant / "with", tmp_path / f"{name}.scores.parquet")
        scores.append(pq.read_table(tmp_path / f"{name}.scores.parquet")["score"].to_numpy())
    calm, after = scores
    assert after[650:900].min() > np.nanmax(calm)
    assert np.median(np.abs(after - calm)[1000:1300]) < 0.5


def test_words_and_numbers_name_the_same_modes(plant: Path, tmp_path: Path) -> None:
    fuel = fuels(1200, 41)
    values = burner(fuel, 41)
    tables = []
    namings: tuple[Named, ...] = (FUELS, (1, 2, 7), (1.0, 2.0, 7.0), ("1", "2", "7"))
    for i, named in enumerate(namings):
        source = write(tmp_path / f"{i}.parquet", values, fuel, named=named)
        pipeline.train(source, tmp_path / f"m{i}", mode="fuel", options=LINE)
        foreign = np.where(np.arange(1200) < 1150, fuel, TAR)
        pipeline.score(write(tmp_path / "f.parquet", values, foreign, named=named), tmp_path / f"m{i}", tmp_path / "s")
        tables.append(pq.read_table(tmp_path / "s").drop_columns(["model_id"]))
    for table in tables[1:]:
        assert table.column("value.fuel").to_pylist()[-1] == "7"
        assert table.drop_columns(["value.fuel"]).equals(tables[0].drop_columns(["value.fuel"]))


def test_many_assets_have_modes_too(tmp_path: Path) -> None:
    for i in range(MANY_ASSETS):
        fuel = fuels(400, i)
        write(tmp_path / "fleet" / f"b{i}.parquet", burner(fuel, i), fuel)
    trained = pipeline.train(tmp_path / "fleet", tmp_path / "m", mode="fuel", options=LINE).trained
    assert trained.roles.mode is not None
    assert len(trained.roles.mode.own) == len(trained.curves.own) == 2


def test_words_of_a_csv_are_modes_and_blank_cells_are_none(tmp_path: Path) -> None:
    fuel, values = fuels(800, 1), burner(fuels(800, 1), 1)
    lines = ["time,fuel,a,b"]
    for row in range(800):
        word = "" if row % 3 == 1 else " gas" if fuel[row] == GAS else "oil"
        lines.append(f"{np.datetime64(int(minutes(800)[row]), 'us')},{word},{values[row, 0]:.4f},{values[row, 1]:.4f}")
    (tmp_path / "burner.csv").write_text("\n".join(lines))
    result = pipeline.train(tmp_path / "burner.csv", tmp_path / "m", mode="fuel", options=LINE)
    assert result.trained.roles.scored == ("a", "b")
    assert result.trained.roles.mode is not None
    assert set(result.trained.roles.mode.rows) == {"gas", "oil"}
    assert sum(result.trained.roles.mode.rows.values()) == 800


def test_an_ingested_folder_keeps_the_mode(tmp_path: Path) -> None:
    fuel = fuels(800, 1)
    source = write(tmp_path / "b.parquet", burner(fuel, 1), fuel)
    pipeline.ingest(source, tmp_path / "in", read=ReadOptions(mode="fuel"))
    pipeline.train(source, tmp_path / "direct", mode="fuel", options=LINE)
    trained = pipeline.train(tmp_path / "in", tmp_path / "m", mode="fuel", options=LINE).trained
    assert trained.roles.mode == pipeline.load(tmp_path / "direct")[0].roles.mode


# ---------------------------------------------------------------- what is no mode


@pytest.mark.parametrize(
    ("values", "words"),
    [
        ([1.5, 2.0], "'fuel' holds 1.5; a mode is a whole number or a word.*--context fuel"),
        (range(25), "'fuel' has 25 distinct values in the training rows; a mode has 20 at most"),
        ([np.nan], "'fuel' has no value in the training rows"),
    ],
)
def test_what_is_no_mode_is_refused_with_the_next_step(tmp_path: Path, values: list[float], words: str) -> None:
    named = tuple(float(v) for v in values)
    source = write(tmp_path / "b.parquet", burner(np.zeros(500, int), 1), np.arange(500) % len(named), named=named)
    with pytest.raises(UsageError, match=words):
        pipeline.train(source, tmp_path / "m", mode="fuel", options=LINE)


def test_a_mode_is_no_context_and_is_not_left_out(tmp_path: Path) -> None:
    source = write(tmp_path / "b.parquet", burner(fuels(500, 1), 1), fuels(500, 1))
    with pytest.raises(UsageError, match=r"'fuel' is named in --mode and in --context.*Leave it out of --context"):
        pipeline.train(source, tmp_path / "m", mode="fuel", context=["fuel"], options=LINE)
    with pytest.raises(UsageError, match=r"'fuel' is named in --mode and in --exclude"):
        pipeline.train(source, tmp_path / "m", mode="fuel", read=ReadOptions(exclude=["fuel"]), options=LINE)
    with pytest.raises(UsageError, match=r"--mode: there is no sensor 'laod'.*Did you mean 'load'"):
        pipeline.train(source, tmp_path / "m", mode="laod", options=LINE)


def test_a_condition_compares_a_mode_in_numbers_as_a_number_and_one_in_words_as_a_word(tmp_path: Path) -> None:
    fuel = fuels(800, 1)
    grid = pipeline.GridOptions(running="fuel > 1")
    source = write(tmp_path / "b.parquet", burner(fuel, 1), fuel, named=(1, 2, 7))
    trained = pipeline.train(source, tmp_path / "m", mode="fuel", grid=grid, options=LINE).trained
    assert trained.report["rows"] == (fuel == OIL).sum()
    write(source, burner(fuel, 1), fuel)
    with pytest.raises(UsageError, match=r"'fuel' holds words \(gas, oil\).*Compare it with a word"):
        pipeline.train(source, tmp_path / "m", mode="fuel", grid=grid, options=LINE)
    by_word = pipeline.GridOptions(running="fuel == 'oil'")
    trained = pipeline.train(source, tmp_path / "m", mode="fuel", grid=by_word, options=LINE).trained
    assert trained.report["rows"] == (fuel == OIL).sum()


def test_a_source_without_the_mode_is_not_scored(plant: Path, tmp_path: Path) -> None:
    source = write(tmp_path / "b.parquet", burner(fuels(500, 1), 1), fuels(500, 1))
    pq.write_table(pq.read_table(source).drop_columns(["fuel"]), source)
    with pytest.raises(DataError, match="sensor 'fuel' is missing"):
        pipeline.score(source, plant / "with", tmp_path / "s.parquet")


def test_a_model_with_modes_forecasts_and_says_what_the_mode_was_taken_to_be(plant: Path) -> None:
    fuel = fuels(5000, 31, visit=300)
    source = write(plant / "ahead.parquet", burner(fuel, 31), fuel, first=2 * WEEK)
    (one,) = pipeline.forecast(source, plant / "with", horizon_us=120 * MINUTE).forecasts
    assert np.isfinite(one.p50).all()
    assert set(one.context) == {"load", "fuel"}
    assert one.context["fuel"] == "held"
