from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from anomaly_lstm import pipeline
from anomaly_lstm.errors import DataError, UsageError
from anomaly_lstm.folds import MANY_ASSETS, Fold, plan
from anomaly_lstm.learning import TrainOptions
from anomaly_lstm.sources.contract import ReadOptions
from anomaly_lstm.telemetry import Telemetry, to_grid
from anomaly_lstm.trained import Roles, Trained, to_folder
from anomaly_lstm.training import LEAST_ROWS, Float64, Stage, train
from tests.toys import GRID, MINUTE, START, healthy, minutes, names, telemetry, write_history

LINE = TrainOptions(network="linear_predictor")
LSTM = TrainOptions(network="lstm_predictor", max_steps=10)
ROLES = Roles(("s0", "s1", "s2"), ("c0",))


def trained_on(*assets: Telemetry, options: TrainOptions = LINE, roles: Roles = ROLES) -> Trained:
    normal = [np.ones(len(a), bool) for a in assets]
    return train(assets, normal, roles, options, max_hole=10, running=None, units={}, reading={})


def files_of(folder: Path) -> dict[str, bytes]:
    return {str(p.relative_to(folder)): p.read_bytes() for p in sorted(folder.rglob("*")) if p.is_file()}


# ---------------------------------------------------------------- repeats itself


@pytest.mark.parametrize("options", [LINE, LSTM], ids=["line", "lstm"])
def test_training_until_a_time_looks_at_no_row_after_it(options: TrainOptions, tmp_path: Path) -> None:
    until = 700
    calm = healthy(1000, seed=1)
    wild = calm.copy()
    wild[until:] = 1e6 * np.random.default_rng(0).standard_normal(wild[until:].shape)
    wild[until + 40 :, 1] = np.nan
    sources = {
        "calm": write_history(tmp_path / "calm" / "pump.parquet", calm),
        "wild": write_history(tmp_path / "wild" / "pump.parquet", wild),
        "gone": write_history(tmp_path / "gone" / "pump.parquet", calm[:until]),
        "late": write_history(tmp_path / "late" / "pump.parquet", calm, left_out=range(until, 950)),
    }
    read = ReadOptions(end_us=START + until * MINUTE)
    if options is LSTM:
        sources = {name: sources[name] for name in ("calm", "wild")}  # each costs seconds
    for name, source in sources.items():
        pipeline.train(source, tmp_path / f"m-{name}", read=read, context=["c0"], options=options)
    models = {name: files_of(tmp_path / f"m-{name}") for name in sources}
    assert [name for name in sources if models[name] != models["calm"]] == []


def test_the_same_seed_gives_the_same_model_and_another_seed_another(tmp_path: Path) -> None:
    source = write_history(tmp_path / "pump.parquet", healthy(500, seed=1))
    ids = [
        pipeline.train(source, tmp_path / f"m{i}", context=["c0"], options=replace(LSTM, seed=seed)).model_id
        for i, seed in enumerate([3, 3, 4])
    ]
    assert ids[0] == ids[1]
    assert ids[0] != ids[2]
    assert files_of(tmp_path / "m0") == files_of(tmp_path / "m1")


def test_training_changes_nothing_it_was_given() -> None:
    asset = telemetry(healthy(400, seed=1), left_out=range(100, 110))
    kept = asset.values.copy(), asset.state.copy()
    normal = np.ones(len(asset), bool)
    train([asset], [normal], ROLES, LINE, max_hole=10, running=None, units={}, reading={})
    np.testing.assert_array_equal(asset.values, kept[0])
    np.testing.assert_array_equal(asset.state, kept[1])
    assert normal.all()


@pytest.mark.parametrize("options", [LINE, LSTM], ids=["line", "lstm"])
def test_progress_is_told_stage_by_stage(options: TrainOptions) -> None:
    asset = telemetry(healthy(400, seed=1))
    normal = [np.ones(len(asset), bool)]
    said: list[Stage] = []
    train([asset], normal, ROLES, options, told=said.append, max_hole=10, running=None, units={}, reading={})
    stages, between = [s for s in said if s.of], [s for s in said if not s.of]
    assert [s.name for s in between] == ["lines", "which rows are unlike the rest", "how rare errors are"]
    assert all(s.sensors == len(ROLES.scored) for s in between)
    assert [s.number for s in stages] == sorted(s.number for s in stages)
    numbers = {s.number for s in stages}
    assert {1, stages[0].of} <= numbers, "an LSTM that adds nothing is not tested to the end"
    assert options is LSTM or numbers == set(range(1, stages[0].of + 1))
    assert all(s.progress.step <= s.progress.of for s in stages)


# ---------------------------------------------------------------- too little, or odd


@pytest.mark.parametrize("n_rows", [0, 1, 2, LEAST_ROWS - 1])
def test_too_few_rows_are_refused_with_both_numbers(n_rows: int) -> None:
    with pytest.raises(DataError, match=rf"only {n_rows} normal rows.*at least {LEAST_ROWS}"):
        trained_on(telemetry(healthy(max(n_rows, 1), seed=1)[:n_rows]))


def test_rows_of_an_asset_that_does_not_run_do_not_count_and_are_told() -> None:
    asset, _ = to_grid("a", minutes(200), names(), healthy(200, seed=1), GRID, running=np.arange(200) < 30)
    with pytest.raises(DataError, match=r"only 30 normal rows.*170 more do not count.*--running"):
        trained_on(asset)


def test_rows_in_events_do_not_count() -> None:
    asset = telemetry(healthy(200, seed=1))
    normal = np.arange(200) < 30
    with pytest.raises(DataError, match="only 30 normal rows"):
        train([asset], [normal], ROLES, LINE, max_hole=10, running=None, units={}, reading={})


def test_nothing_to_score_is_refused() -> None:
    with pytest.raises(DataError, match="no sensor is left to score"):
        trained_on(telemetry(healthy(200, seed=1)), roles=Roles((), ("s0", "s1", "s2", "c0")))


@pytest.mark.parametrize(
    "options", [TrainOptions(network="lstm_predicter"), TrainOptions(network="linear_predictor", threshold="pot")]
)
def test_an_unknown_part_is_named_with_those_there_are(options: TrainOptions) -> None:
    with pytest.raises(UsageError, match=r"there is no (network 'lstm_predicter'|threshold 'pot'); there are: "):
        trained_on(telemetry(healthy(200, seed=1)), options=options)


def odd(kind: str) -> Float64:
    history = healthy(600, seed=1)
    if kind == "constant sensor":
        history[:, 0] = 7.0
    elif kind == "constant context":
        history[:, 3] = 7.0
    elif kind == "sensor that begins late":
        history[:450, 1] = np.nan
    elif kind == "sensor that ends early":
        history[150:, 1] = np.nan
    elif kind == "sensor seldom measured":
        history[np.arange(600) % 20 != 0, 1] = np.nan
    elif kind == "context that is missing":
        history[:, 3] = np.nan
    elif kind == "every other row":
        history[1::2, :] = np.nan
    elif kind == "switch":
        history[:, 2] = np.arange(600) // 200 % 2
    elif kind == "huge":
        history[:, 1] *= 1e15
    elif kind == "few":
        history = history[:80]
    return history


@pytest.mark.parametrize(
    "kind",
    [
        "constant sensor",
        "constant context",
        "sensor that begins late",
        "sensor that ends early",
        "sensor seldom measured",
        "context that is missing",
        "every other row",
        "switch",
        "huge",
        "few",
    ],
)
def test_an_odd_history_trains_and_every_number_learned_is_finite(kind: str) -> None:
    _, arrays = to_folder(trained_on(telemetry(odd(kind))))
    for name, array in arrays.items():
        assert np.isfinite(array).all(), name


def test_a_history_in_many_short_stretches_trains() -> None:
    history = healthy(900, seed=1)
    left_out = [row for row in range(900) if row % 45 >= 25]
    trained = trained_on(telemetry(history, left_out=left_out))
    assert trained.report["rows"] == 900 - len(left_out)


def test_a_machine_that_stood_still_for_the_first_half_trains() -> None:
    history = healthy(800, seed=1)
    running = np.arange(800) >= 400
    asset, _ = to_grid("pump", minutes(800), names(), history, GRID, running=running)
    assert trained_on(asset).report["rows"] == 400


def test_what_was_learned_from_is_told(tmp_path: Path) -> None:
    assets = [telemetry(healthy(300, seed=1), asset="a"), telemetry(healthy(200, seed=2), asset="b", first=300)]
    report = trained_on(*assets).report
    assert report["assets"] == {"a": 300, "b": 200}
    assert (report["start_us"], report["end_us"]) == (START, START + 500 * MINUTE)
    calibration = report["calibration"]
    assert 0 < calibration["normal_s"] <= 500 * 60
    assert calibration["expected"] == pytest.approx(5)


def test_an_lstm_is_reported_beside_its_linear_challenger() -> None:
    trained = trained_on(telemetry(healthy(400, seed=1)), options=LSTM)
    assert set(trained.report["loss"]) == {"lstm_predictor", "linear_predictor"}
    assert all(0 < loss < 5 for loss in trained.report["loss"].values())


# ---------------------------------------------------------------- folds


def some_assets(lengths: list[int], starts: list[int]) -> list[Telemetry]:
    return [
        telemetry(healthy(n, seed=i), asset=f"a{i}", first=first)
        for i, (n, first) in enumerate(zip(lengths, starts, strict=True))
    ]


def rows_of(masks: tuple[np.ndarray[tuple[int], np.dtype[np.bool_]], ...], assets: list[Telemetry]) -> list[set[int]]:
    return [set(a.index[mask].tolist()) for a, mask in zip(assets, masks, strict=True)]


def check_no_leak(folds: tuple[Fold, ...], assets: list[Telemetry]) -> None:
    held = [rows_of(f.held, assets) for f in folds]
    for a in range(len(assets)):
        of_asset = [h[a] for h in held]
        assert sum(map(len, of_asset)) == len(set().union(*of_asset)), "a row is held out twice"
    for fold in folds:
        for learn, own in zip(rows_of(fold.learn, assets), rows_of(fold.held, assets), strict=True):
            assert not learn & own, "a row teaches what it judges"


@given(st.lists(st.tuples(st.integers(60, 400), st.integers(0, 300)), min_size=1, max_size=MANY_ASSETS - 1), st.data())
@settings(max_examples=40, deadline=None)
def test_few_assets_are_cut_in_time_with_a_gap(shapes: list[tuple[int, int]], data: st.DataObject) -> None:
    assets = some_assets([n for n, _ in shapes], [first for _, first in shapes])
    cut = data.draw(st.integers(0, 59))
    normal = [np.arange(len(a)) >= cut for a in assets]
    folds = plan(assets, normal)
    for some in (folds.network, folds.level, folds.scores):
        check_no_leak(some, assets)
    for fold in (*folds.network, *folds.level, *folds.scores):
        for keep, learn, own in zip(normal, fold.learn, fold.held, strict=True):
            assert not (learn & ~keep).any()
            assert not (own & ~keep).any()
        taught, held = (set().union(*rows_of(side, assets)) for side in (fold.learn, fold.held))
        assert held
        assert all(row + 10 < min(held) or row > max(held) + 9 for row in taught), "no gap around what is held out"
    for fold in folds.level:
        taught, held = (set().union(*rows_of(side, assets)) for side in (fold.learn, fold.held))
        assert max(taught, default=-1) < min(held), "learned from the future"
    every = np.sum([np.concatenate(f.held) for f in folds.network], axis=0)
    np.testing.assert_array_equal(every, np.concatenate(normal).astype(int))


def test_of_many_assets_whole_ones_are_left_out() -> None:
    assets = some_assets([80] * MANY_ASSETS, [0] * MANY_ASSETS)
    folds = plan(assets, [np.ones(80, bool)] * MANY_ASSETS)
    for some in (folds.network, folds.level, folds.scores):
        check_no_leak(some, assets)
        assert (np.sum([np.concatenate(f.held) for f in some], axis=0) == 1).all(), "every row is held out once"
        for fold in some:
            assert all(own.all() or not own.any() for own in fold.held)
            assert all(learn.any() != own.any() for learn, own in zip(fold.learn, fold.held, strict=True))


def test_many_assets_train_too() -> None:
    assets = some_assets([80] * MANY_ASSETS, [0] * MANY_ASSETS)
    trained = trained_on(*assets)
    assert trained.report["calibration"]["normal_s"] > 0.9 * 60 * 80 * MANY_ASSETS
