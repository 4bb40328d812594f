"""The verbs on files: what is said of data that are not quite those of training."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from anomaly_lstm import pipeline
from anomaly_lstm.errors import DataError, UsageError
from anomaly_lstm.learning import TrainOptions
from anomaly_lstm.policy import Bound, Policy
from anomaly_lstm.scored_rows import rows_of
from anomaly_lstm.sinks import parquet as parquet_sink
from anomaly_lstm.sources import ReadOptions
from anomaly_lstm.tables import State

SENSORS = ("flow", "pressure", "temp")
N = 900
START_US = 1_583_712_000_000_000


def columns(seed: int, n: int = N, names: Sequence[str] = SENSORS) -> dict[str, Any]:
    rng = np.random.default_rng(seed)
    walk = rng.normal(size=(n, len(names))).cumsum(axis=0) * 0.05
    values = walk + rng.normal(size=walk.shape)
    times = pa.array(START_US + 60_000_000 * np.arange(n)).cast(pa.timestamp("us", "UTC"))
    return {"time": times, **{name: values[:, i] for i, name in enumerate(names)}}


def write(path: Path, cells: Mapping[str, Any]) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    pq.write_table(pa.table(dict(cells)), path)
    return path


def train(tmp_path: Path, cells: Mapping[str, Any], **how: Any) -> Path:
    source = write(tmp_path / "train" / "pump.parquet", cells)
    options = TrainOptions(network="linear_predictor")
    return pipeline.train(source, tmp_path / "model", options=options, **how).folder


def scores(path: Path) -> Any:
    with pq.ParquetFile(path) as file:
        return file.read()


@pytest.fixture
def model(tmp_path: Path) -> Path:
    return train(tmp_path, columns(1))


def test_an_asset_that_lacks_a_sensor_is_named_and_the_other_is_scored(tmp_path: Path, model: Path) -> None:
    write(tmp_path / "data" / "good.parquet", columns(2))
    write(tmp_path / "data" / "poor.parquet", columns(3, names=("flow", "temp")))

    result = pipeline.score(tmp_path / "data", model, tmp_path / "scores.parquet")

    assert result.assets == ["good"]
    assert list(result.failed) == ["poor"]
    assert "'pressure' is missing" in result.failed["poor"]
    assert "the file has 2: flow, temp" in result.failed["poor"]
    assert set(scores(tmp_path / "scores.parquet")["asset"].to_pylist()) == {"good"}


@pytest.mark.parametrize("names", [("flow", "temp"), ("other",), ("flow", "temp", "PRESSURE")])
def test_when_all_assets_lack_a_sensor_nothing_is_written_and_it_is_named(
    tmp_path: Path, model: Path, names: tuple[str, ...]
) -> None:
    source = write(tmp_path / "poor.parquet", columns(3, names=names))

    with pytest.raises(DataError) as error:
        pipeline.score(source, model, tmp_path / "scores.parquet")

    assert "poor: sensor" in str(error.value)
    assert "'pressure'" in str(error.value)
    assert ", ".join(names) in str(error.value)
    assert not (tmp_path / "scores.parquet").exists()


def test_a_column_excluded_in_training_may_be_absent_or_anything_when_scoring(tmp_path: Path) -> None:
    model = train(tmp_path, columns(1, names=(*SENSORS, "junk")), read=ReadOptions(exclude=["junk"]))
    bare = columns(2)
    outs = []
    for name, cells in {
        "bare": bare,
        "with": bare | {"junk": np.arange(N)},
        "text": bare | {"junk": ["x"] * N},
    }.items():
        source = write(tmp_path / name / "pump.parquet", cells)
        pipeline.score(source, model, tmp_path / f"{name}.out.parquet")
        outs.append((tmp_path / f"{name}.out.parquet").read_bytes())
        read = ReadOptions(exclude=["junk"])  # as a pipeline file says it
        pipeline.score(source, model, tmp_path / "same.parquet", read=read)
        outs.append((tmp_path / "same.parquet").read_bytes())

    assert len(set(outs)) == 1


@pytest.mark.parametrize("cells", [["Bad"] * 60, pa.nulls(60), [None] * 59 + ["Bad"]], ids=["text", "null", "mixed"])
def test_a_slice_with_no_number_in_one_sensor_is_scored_on_the_rest(tmp_path: Path, model: Path, cells: Any) -> None:
    source = write(tmp_path / "pump.parquet", columns(2, n=60) | {"pressure": cells})

    result = pipeline.score(source, model, tmp_path / "scores.parquet")

    table = scores(tmp_path / "scores.parquet")
    assert result.failed == {}
    assert result.states["SCORED"] > 50
    assert table["value.pressure"].null_count == 60
    assert max(share or 0.0 for share in table["share.pressure"].to_pylist()) < 0.01


def test_a_csv_slice_of_bad_is_scored_with_the_sensor_missing(tmp_path: Path, model: Path) -> None:
    cells = columns(2, n=60)
    lines = [f"2020-03-09 {i // 60:02}:{i % 60:02}:00,{cells['flow'][i]},Bad,{cells['temp'][i]}" for i in range(60)]
    source = tmp_path / "pump.csv"
    source.write_text("time,flow,pressure,temp\n" + "\n".join(lines) + "\n")

    result = pipeline.score(source, model, tmp_path / "scores.parquet")

    assert result.states["SCORED"] > 50
    assert result.quality.files[0].cells_not_numeric == {"pressure": {"Bad": 60}}


def test_the_sensor_that_says_whether_an_asset_runs_is_needed_and_known(tmp_path: Path) -> None:
    cells = columns(1) | {"motor": np.full(N, 9.0)}
    running = pipeline.GridOptions(running="motor > 5")
    model = train(tmp_path, cells, read=ReadOptions(), grid=running)
    source = write(tmp_path / "pump.parquet", columns(2))

    with pytest.raises(DataError, match="'motor' is missing"):
        pipeline.score(source, model, tmp_path / "scores.parquet")


def test_renamed_columns_are_known_by_their_new_names(tmp_path: Path) -> None:
    renames = {"F-1": "flow"}
    names = ("F-1", "pressure", "temp")
    model = train(tmp_path, columns(1, names=names), read=ReadOptions(columns=renames))

    for source_names in (names, SENSORS):  # the plant may have taken over our names since
        source = write(tmp_path / "pump.parquet", columns(2, names=source_names))
        assert pipeline.score(source, model, tmp_path / "scores.parquet").failed == {}


def test_what_is_ingested_can_be_scored_and_read_back(tmp_path: Path, model: Path) -> None:
    source = write(tmp_path / "data" / "pump.parquet", columns(2))
    pipeline.ingest(source, tmp_path / "ingested")

    for place, name in ((source, "a"), (tmp_path / "ingested", "b")):
        pipeline.score(place, model, tmp_path / f"{name}.parquet")

    assert (tmp_path / "a.parquet").read_bytes() == (tmp_path / "b.parquet").read_bytes()


def test_scores_in_any_row_order_give_the_same_rows(tmp_path: Path, model: Path) -> None:
    for seed, name in enumerate(("b", "a")):
        write(tmp_path / "data" / f"{name}.parquet", columns(seed, n=50))
    pipeline.score(tmp_path / "data", model, tmp_path / "scores.parquet")
    table = scores(tmp_path / "scores.parquet")
    mixed = table.take(pa.array(np.random.default_rng(0).permutation(len(table))))
    twice = pa.concat_tables([table.slice(7, 60), mixed])

    for other in (table, mixed, twice):
        found = list(rows_of(other))
        assert [rows.asset for rows in found] == ["a", "b"]
        for rows in found:
            wanted = table.filter(pa.array([asset == rows.asset for asset in table["asset"].to_pylist()]))
            assert rows.table.combine_chunks().equals(wanted.combine_chunks())
            np.testing.assert_array_equal(rows.score, wanted["score"].to_numpy())
            np.testing.assert_array_equal(rows.return_period_s, wanted["return_period_s"].to_numpy())
            assert [State(code).name for code in rows.state] == wanted["state"].to_pylist()
            assert rows.unseen.tolist() == wanted["unseen"].to_pylist()


def test_scores_without_an_asset_are_refused(tmp_path: Path, model: Path) -> None:
    pipeline.score(write(tmp_path / "p.parquet", columns(2, n=9)), model, tmp_path / "scores.parquet")
    table = scores(tmp_path / "scores.parquet")
    nameless = table.set_column(0, "asset", pa.nulls(9, pa.string()))

    with pytest.raises(DataError, match="without an asset"):
        list(rows_of(nameless))


def test_nothing_is_written_into_the_model_folder(tmp_path: Path, model: Path) -> None:
    source = write(tmp_path / "pump.parquet", columns(2))
    pipeline.score(source, model, tmp_path / "scores.parquet")
    before = {path: path.read_bytes() for path in model.rglob("*") if path.is_file()}
    inside = model / "model.json"
    tries = (
        lambda: pipeline.score(source, model, model / "scores.parquet"),
        lambda: pipeline.alert(tmp_path / "scores.parquet", model, inside),
        lambda: pipeline.forecast(source, model, inside, horizon_us=600_000_000),
        lambda: pipeline.replay(tmp_path / "scores.parquet", model, [], [inside]),
    )
    for attempt in tries:
        with pytest.raises(UsageError, match="lies in the model folder"):
            attempt()
    assert {path: path.read_bytes() for path in model.rglob("*") if path.is_file()} == before


def test_alerts_in_parquet_and_json_say_the_same(tmp_path: Path, model: Path) -> None:
    cells = columns(2)
    cells["temp"][600:660] += 30
    pipeline.score(write(tmp_path / "pump.parquet", cells), model, tmp_path / "scores" / "all.parquet")
    policy = Policy(limits={"advisory": 86_400_000_000}, units={"temp": "°C"})

    result = pipeline.alert(tmp_path / "scores", model, tmp_path / "alerts.parquet", policy=policy)
    back = parquet_sink.read(tmp_path / "alerts.parquet")

    assert result.alerts
    assert "temp" in {alert.sensors[0].sensor for alert in result.alerts}
    assert back.run == result.report.run
    assert list(back.alerts) == list(result.report.alerts)


def plan(tmp_path: Path, source: Path, **more: Any) -> pipeline.RunPlan:
    return pipeline.RunPlan(source, tmp_path / "run", train=TrainOptions(network="linear_predictor"), **more)


def sliced(cells: Mapping[str, Any], rows: slice) -> dict[str, Any]:
    return {name: column[rows] for name, column in cells.items()}


def test_a_result_never_takes_the_place_of_what_it_is_made_from(tmp_path: Path, model: Path) -> None:
    source = write(tmp_path / "data.parquet", columns(2))
    before = source.read_bytes()
    with pytest.raises(UsageError, match="one of the files that are read"):
        pipeline.score(source, model, source)
    assert source.read_bytes() == before
    made = pipeline.score(source, model, tmp_path / "scores.parquet").out
    before = made.read_bytes()
    with pytest.raises(UsageError, match="the scores table that is read"):
        pipeline.alert(made, model, made)
    assert made.read_bytes() == before


def test_scores_are_only_judged_by_the_model_that_made_them(tmp_path: Path, model: Path) -> None:
    made = pipeline.score(write(tmp_path / "data.parquet", columns(2)), model, tmp_path / "scores.parquet").out
    other = train(tmp_path / "other", columns(9))
    with pytest.raises(UsageError, match="Give the --model they were made with"):
        pipeline.alert(made, other, None)


def test_a_bound_on_a_sensor_the_model_does_not_know_is_refused_with_the_near_name(tmp_path: Path, model: Path) -> None:
    made = pipeline.score(write(tmp_path / "data.parquet", columns(2)), model, tmp_path / "scores.parquet").out
    with pytest.raises(UsageError, match=r"no sensor .presure.*pressure"):
        pipeline.alert(made, model, None, policy=Policy(bounds={"presure": Bound(high=9.0)}))


def test_an_export_that_only_holds_the_last_days_keeps_the_history_of_a_run(tmp_path: Path) -> None:
    whole = columns(2, n=3000)
    source = write(tmp_path / "data" / "pump.parquet", sliced(whole, slice(0, 2000)))
    pipeline.run(plan(tmp_path, source))
    first = pipeline.read_scores(tmp_path / "run" / "scores")
    write(source, sliced(whole, slice(1500, 3000)))
    pipeline.run(plan(tmp_path, source))
    both = pipeline.read_scores(tmp_path / "run" / "scores")
    assert both.num_rows == 3000
    assert both.slice(0, 2000).equals(first)


def test_a_pipeline_that_asks_for_another_model_than_the_one_in_use_is_told_so(tmp_path: Path) -> None:
    source = write(tmp_path / "data" / "pump.parquet", columns(2))
    assert not any("stays in use" in note for note in pipeline.run(plan(tmp_path, source)).quality.notes)
    changed = replace(plan(tmp_path, source, context=["flow"]), train=TrainOptions(network="lstm_predictor"))
    told = [note for note in pipeline.run(changed).quality.notes if "stays in use" in note]
    assert [note.split(" is ")[0] for note in told] == ["[train] model", "[sensors] context"]


def test_a_sensor_that_fell_silent_and_rows_too_seldom_for_the_model_are_told(tmp_path: Path, model: Path) -> None:
    cells = columns(2)
    silent = {**cells, "flow": np.where(np.arange(N) < N - 200, cells["flow"], np.nan)}
    notes = pipeline.score(write(tmp_path / "a.parquet", silent), model, tmp_path / "a.out.parquet").quality.notes
    assert any("'flow' has had no value in its last 200 rows" in note for note in notes)
    seldom = sliced(cells, slice(None, None, 5))
    notes = pipeline.score(write(tmp_path / "b.parquet", seldom), model, tmp_path / "b.out.parquet").quality.notes
    assert any("rows come every 5min, the model was trained on one every 1min" in note for note in notes)


def test_a_span_without_rows_says_so(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="900 rows lie outside --start/--end"):
        train(tmp_path, columns(1), read=ReadOptions(end_us=START_US - 1))


def test_without_an_alert_the_strangest_row_is_known(tmp_path: Path, model: Path) -> None:
    made = pipeline.score(write(tmp_path / "data.parquet", columns(2)), model, tmp_path / "scores.parquet").out
    result = pipeline.alert(made, model, None)
    table = scores(made)
    assert result.strangest is not None
    assert result.strangest[0] == "data"
    assert result.strangest[2] == max(r for r in table["return_period_s"].to_pylist() if r is not None)


def test_rows_without_a_context_that_was_always_there_are_not_scored(tmp_path: Path) -> None:
    model = train(tmp_path, columns(1), context=["flow"])
    cells = columns(2)
    dead = {**cells, "flow": np.where(np.arange(N) < 600, cells["flow"], np.nan)}
    result = pipeline.score(write(tmp_path / "data.parquet", dead), model, tmp_path / "scores.parquet")
    assert result.states[State.SENSOR_BAD.name] == N - 600
    assert any("'flow' has had no value in its last 300 rows" in note for note in result.quality.notes)


def test_a_context_that_comes_seldom_is_held_between_its_values(tmp_path: Path) -> None:
    seldom = np.arange(N) % 10 == 0
    hourly = {**columns(1), "flow": np.where(seldom, columns(1)["flow"], np.nan)}
    model = train(tmp_path, hourly, context=["flow"])
    result = pipeline.score(write(tmp_path / "data.parquet", hourly), model, tmp_path / "scores.parquet")
    assert result.states[State.SENSOR_BAD.name] == 0


# ---------------------------------------------------------------- an unseen regime


def weather(seed: int, *, warmer: float = 0.0) -> dict[str, Any]:
    """Two sensors that follow the weather up to 25 °C, and bend away above."""
    rng = np.random.default_rng(seed)
    ambient = 15 + 5 * np.sin(np.arange(N) / 40) + rng.normal(0, 0.3, N) + warmer * (np.arange(N) >= 500)
    bend = np.maximum(ambient - 25, 0) ** 2
    return columns(seed, names=("flow",)) | {
        "temp": 40 + ambient + bend + rng.normal(0, 0.5, N),
        "ambient": ambient,
    }


def test_a_first_summer_is_scored_told_in_one_note_and_alerted_as_advisory_at_most(tmp_path: Path) -> None:
    model = train(tmp_path, weather(1), context=["ambient"], units={"ambient": "°C"})
    source = write(tmp_path / "pump-03.parquet", weather(2, warmer=20))
    result = pipeline.score(source, model, tmp_path / "scores.parquet")

    table = scores(tmp_path / "scores.parquet")
    unseen = np.array(table["unseen"].to_pylist())
    assert not unseen[:500].any()
    assert unseen[500:].all()
    assert np.isfinite(table["score"].to_numpy()[500:]).all()
    (note,) = [note for note in result.quality.notes if "training saw" in note]
    assert "'ambient' 9" in note
    assert "°C): pump-03 400 of 898 scored rows by 'ambient'." in note
    policy = Policy(limits={"advisory": 3_600_000_000, "warning": 7_200_000_000})
    (alert,) = [a for a in pipeline.alert(result.out, model, None, policy=policy).alerts if a.unseen]
    assert (alert.severity, alert.sensors[0].sensor) == ("advisory", "temp")
    assert "°C, training saw at most 2" in alert.reason
    assert alert.reason.endswith("°C: an unseen regime, told as advisory at most.")


def test_a_history_like_the_one_that_taught_is_not_unseen(tmp_path: Path) -> None:
    model = train(tmp_path, weather(1), context=["ambient"])
    result = pipeline.score(write(tmp_path / "a.parquet", weather(2)), model, tmp_path / "scores.parquet")
    assert not any("training saw" in note for note in result.quality.notes)
    assert not any(scores(tmp_path / "scores.parquet")["unseen"].to_pylist())


def test_a_run_tells_an_unseen_regime_of_many_assets_in_one_note(tmp_path: Path) -> None:
    data = tmp_path / "data"
    write(data / "pump-0.parquet", weather(1))
    before_summer = plan(tmp_path, data, context=["ambient"], train_until_us=START_US + 500 * 60_000_000)
    assert not any("training saw" in note for note in pipeline.run(before_summer).quality.notes)
    for number in range(7):
        write(data / f"pump-{number}.parquet", weather(number, warmer=20 if number else 0))
    result = pipeline.run(before_summer)
    (note,) = [note for note in result.quality.notes if "training saw" in note]
    assert note.count("scored rows by 'ambient'") == 5
    assert "; 1 more asset." in note
    assert {a["severity"] for a in result.report.alerts if a["unseen"]} <= {"advisory"}


def test_a_context_is_unseen_while_it_is_held(tmp_path: Path) -> None:
    seldom = np.arange(N) % 10 == 0

    def hourly(cells: Mapping[str, Any]) -> dict[str, Any]:
        return {**cells, "ambient": np.where(seldom, cells["ambient"], np.nan)}

    model = train(tmp_path, hourly(weather(1)), context=["ambient"])
    source = write(tmp_path / "data.parquet", hourly(weather(2, warmer=20)))
    pipeline.score(source, model, tmp_path / "scores.parquet")
    assert all(scores(tmp_path / "scores.parquet")["unseen"].to_pylist()[500:])


def test_a_context_that_was_constant_in_training_is_unseen_once_it_changes(tmp_path: Path) -> None:
    ore = np.ones(N)
    model = train(tmp_path, columns(1) | {"ore": ore}, context=["ore"])
    source = write(tmp_path / "data.parquet", columns(2) | {"ore": np.where(np.arange(N) < 600, 1.0, 2.0)})
    result = pipeline.score(source, model, tmp_path / "scores.parquet")
    unseen = scores(tmp_path / "scores.parquet")["unseen"].to_pylist()
    assert not any(unseen[:600])
    assert all(unseen[600:])
    assert any("('ore' 1): data 300 of 898" in note for note in result.quality.notes)


def test_what_only_excluded_rows_had_of_a_context_was_not_seen(tmp_path: Path) -> None:
    hot = np.where(np.arange(N) < 850, weather(1)["ambient"], 90.0)
    (tmp_path / "events.csv").write_text(
        "asset,start,end,kind\npump,2020-03-09T14:00:00Z,2020-03-09T16:00:00Z,maintenance\n"
    )
    cells = weather(1) | {"ambient": hot}
    model = train(tmp_path, cells, context=["ambient"], events=tmp_path / "events.csv")
    pipeline.score(write(tmp_path / "data.parquet", cells), model, tmp_path / "scores.parquet")
    assert np.flatnonzero(scores(tmp_path / "scores.parquet")["unseen"].to_pylist()).tolist() == list(range(850, N))


def test_a_context_of_which_training_saw_no_value_is_never_unseen(tmp_path: Path) -> None:
    late = np.where(np.arange(N) < 850, np.nan, weather(1)["ambient"])
    (tmp_path / "events.csv").write_text(
        "asset,start,end,kind\npump,2020-03-09T14:00:00Z,2020-03-09T16:00:00Z,maintenance\n"
    )
    cells = weather(1) | {"ambient": late}
    model = train(tmp_path, cells, context=["ambient"], events=tmp_path / "events.csv")
    pipeline.score(write(tmp_path / "data.parquet", weather(2)), model, tmp_path / "scores.parquet")
    assert not any(scores(tmp_path / "scores.parquet")["unseen"].to_pylist())
