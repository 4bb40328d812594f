"""Scheduled runs: late, repeated and re-ordered rows, files that are read once, and what people are told of it."""

from __future__ import annotations

import json
import shutil
import zipfile
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from numpy.typing import NDArray

from anomaly_lstm import pipeline
from anomaly_lstm.actions import NOTHING
from anomaly_lstm.changes import BY_LATE_ROWS, BY_ROWS
from anomaly_lstm.clock import iso
from anomaly_lstm.config import Pages
from anomaly_lstm.errors import DataError
from anomaly_lstm.events import Asset
from anomaly_lstm.learning import TrainOptions
from anomaly_lstm.pipeline.cases import Wish, desk, note, on_alert
from anomaly_lstm.policy import DAY_US, Policy
from anomaly_lstm.telling import Recipient, Target
from tests.told import http_server
from tests.toys import MINUTE, START, files_of, healthy, names

PERIOD = 10 * MINUTE
TAUGHT = 1_440
N_ROWS = TAUGHT + 1_008
"""Ten days that taught, and a week."""
FAULT = slice(TAUGHT + 300, TAUGHT + 420)


def plan(folder: Path, **changes: Any) -> pipeline.RunPlan:
    first = pipeline.RunPlan(
        source=folder / "source",
        folder=folder / "run",
        context=["c0"],
        train_until_us=START + TAUGHT * PERIOD,
        train=TrainOptions(network="linear_predictor", seed=5),
        policy=Policy(limits={"advisory": 2 * DAY_US, "warning": 20 * DAY_US}),
    )
    return replace(first, **changes)


def history(seed: int = 1) -> NDArray[np.float64]:
    values = healthy(N_ROWS, seed=seed)
    values[FAULT, 1] += 12.0
    return values


def write(folder: Path, name: str, rows: NDArray[np.int64] | Sequence[int], asset: str = "pump") -> Path:
    index = np.asarray(rows, np.int64)
    times = pa.array(START + PERIOD * index).cast(pa.timestamp("us", "UTC"))
    columns = {sensor: history()[index, i] for i, sensor in enumerate(names())}
    path = folder / "source" / name
    path.parent.mkdir(parents=True, exist_ok=True)
    pq.write_table(pa.table({"time": times, "asset": [asset] * len(index), **columns}), path)
    return path


def scores(folder: Path) -> pa.Table:
    return pipeline.read_scores(folder / "run" / "scores")


def alerts(folder: Path) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = json.loads((folder / "run" / "alerts.json").read_text())["alerts"]
    return found


def lines(folder: Path) -> list[dict[str, Any]]:
    text = (folder / "run" / "history.jsonl").read_text(encoding="utf-8")
    return [json.loads(line) for line in text.splitlines()]


@pytest.fixture(scope="module")
def clean(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder in which one run saw everything."""
    folder = tmp_path_factory.mktemp("clean")
    write(folder, "all.parquet", range(N_ROWS))
    pipeline.run(plan(folder))
    assert alerts(folder)
    return folder


def begun(folder: Path) -> Path:
    """A folder in which a run saw what taught."""
    write(folder, "0000.parquet", range(TAUGHT))
    pipeline.run(plan(folder))
    return folder


# ---------------------------------------------------------------- late, repeated, re-ordered


@pytest.mark.parametrize("seed", range(3))
def test_every_row_of_a_week_late_twice_and_out_of_order_ends_in_the_same_scores_and_alerts(
    seed: int, clean: Path, tmp_path: Path
) -> None:
    chance = np.random.default_rng(seed)
    begun(tmp_path)
    rows = np.arange(TAUGHT, N_ROWS)
    lateness = chance.exponential(60, len(rows)) * (chance.random(len(rows)) < 0.5)
    delivered = rows[np.argsort(rows + lateness, kind="stable")]
    for number, part in enumerate(np.array_split(delivered, 8)):
        again = chance.choice(rows[: len(rows) * (number + 1) // 8], 30)
        write(tmp_path, f"{number + 1:04d}.parquet", chance.permutation(np.r_[part, again]))
        pipeline.run(plan(tmp_path))
    assert scores(tmp_path).equals(scores(clean))
    assert [_but_for_its_id(a) for a in alerts(tmp_path)] == [_but_for_its_id(a) for a in alerts(clean)]


def _but_for_its_id(alert: Mapping[str, Any]) -> dict[str, Any]:
    """An alert keeps the id it was told by, though late rows may show that it began at another time; and what the clock
    made of its case is as it was known then.
    """
    return {key: value for key, value in alert.items() if key != "alert_id" and key not in NOTHING}


def test_rows_that_come_late_within_the_delay_revise_nothing(clean: Path, tmp_path: Path) -> None:
    begun(tmp_path)
    patient = plan(tmp_path, delay_us=30 * PERIOD)
    rows = np.arange(TAUGHT, N_ROWS)
    delivered = rows[np.argsort(rows + np.random.default_rng(4).integers(0, 25, len(rows)), kind="stable")]
    for number, part in enumerate(np.array_split(delivered, 10)):
        write(tmp_path, f"{number + 1:04d}.parquet", part)
        pipeline.run(patient)
    done = scores(tmp_path)
    assert done.equals(scores(clean).slice(0, len(done)))
    assert N_ROWS - 60 < len(done) < N_ROWS, "the last rows wait"
    assert not {line["change"] for line in lines(tmp_path)} & set(BY_LATE_ROWS)
    assert [a["alert_id"] for a in alerts(tmp_path)] == [a["alert_id"] for a in alerts(clean)]


def in_the_fault(folder: Path) -> dict[str, Any]:
    """The alert of the fault that was put into the history."""
    start, end = (iso(START + edge * PERIOD) for edge in (FAULT.start, FAULT.stop))
    (found,) = [
        a
        for a in alerts(folder)
        if start <= a["raised_at"] < end and (a["kind"], a["severity"]) == ("deviation", "warning")
    ]
    return found


def test_late_rows_revise_an_alert_that_was_told_under_its_id(tmp_path: Path) -> None:
    begun(tmp_path)
    late = range(FAULT.start, FAULT.start + 40)
    write(tmp_path, "0001.parquet", [row for row in range(TAUGHT, N_ROWS) if row not in late])
    pipeline.run(plan(tmp_path))
    before = in_the_fault(tmp_path)
    write(tmp_path, "0002.parquet", late)
    result = pipeline.run(plan(tmp_path))
    after = in_the_fault(tmp_path)
    assert after["alert_id"] == before["alert_id"]
    assert after["raised_at"] < before["raised_at"]
    assert ("revised", before["alert_id"]) in [(c.change, c.alert_id) for c in result.changes]


def test_a_corrected_file_takes_back_what_was_wrong_and_its_alert(clean: Path, tmp_path: Path) -> None:
    begun(tmp_path)
    path = write(tmp_path, "0001.parquet", range(TAUGHT, N_ROWS))
    right = pq.read_table(path)
    row = 200
    value = pa.array([history()[TAUGHT + row, 1] + 60.0])
    wrong = right.slice(row, 1).set_column(right.column_names.index("s1"), "s1", value)
    pq.write_table(pa.concat_tables([right.slice(0, row), wrong, right.slice(row + 1)]), path)
    pipeline.run(plan(tmp_path))
    known = {a["alert_id"] for a in alerts(tmp_path)}
    pq.write_table(right, path)
    result = pipeline.run(plan(tmp_path))
    assert result.new == {"pump": 1}
    left = {a["alert_id"] for a in alerts(tmp_path)}
    assert {c.alert_id for c in result.changes if c.change == "retracted"} == known - left != set()
    assert scores(tmp_path).equals(scores(clean))
    assert [_but_for_its_id(a) for a in alerts(tmp_path)] == [_but_for_its_id(a) for a in alerts(clean)]


# ---------------------------------------------------------------- files


def test_a_file_that_was_read_is_not_read_again_and_may_go(clean: Path, tmp_path: Path) -> None:
    begun(tmp_path)
    write(tmp_path, "0001.parquet", range(TAUGHT, TAUGHT + 500))
    first = pipeline.run(plan(tmp_path))
    (tmp_path / "source" / "0000.parquet").unlink()
    (tmp_path / "source" / "0001.parquet").write_bytes((tmp_path / "source" / "0001.parquet").read_bytes())
    write(tmp_path, "0002.parquet", range(TAUGHT + 500, N_ROWS))
    second = pipeline.run(plan(tmp_path))
    assert [Path(f.file).name for f in first.quality.files] == ["0001.parquet"]
    assert [Path(f.file).name for f in second.quality.files] == ["0002.parquet"]
    assert scores(tmp_path).equals(scores(clean))


def test_a_run_without_news_changes_no_byte(tmp_path: Path) -> None:
    begun(tmp_path)
    before = {path: (path.read_bytes(), path.stat().st_mtime_ns) for path in _files(tmp_path / "run")}
    result = pipeline.run(plan(tmp_path))
    after = {path: (path.read_bytes(), path.stat().st_mtime_ns) for path in _files(tmp_path / "run")}
    assert after == before
    assert (result.new, result.changes, sum(result.states.values())) == ({}, [], 0)


def _files(folder: Path) -> Iterator[Path]:
    return (path for path in folder.rglob("*") if path.is_file() and path.name != "run.lock")


def of_pump(rows: range) -> str:
    """The same with a column that names the asset."""
    return csv_text(rows).replace("time,", "asset,time,").replace("\n20", "\npump,20")


def csv_text(rows: range) -> str:
    cells = history()
    body = "".join(
        f"2026-01-{1 + row // 144:02d} {row // 6 % 24:02d}:{row % 6}0:00,{','.join(f'{v:.6f}' for v in cells[row])}\n"
        for row in rows
    )
    return f"time,{','.join(names())}\n{body}"


def test_a_growing_file_waits_while_its_last_line_is_torn(tmp_path: Path) -> None:
    source = tmp_path / "source" / "pump.csv"
    source.parent.mkdir()
    text = csv_text(range(TAUGHT + 300))
    source.write_text(text)
    pipeline.run(plan(tmp_path))
    whole = csv_text(range(TAUGHT + 600))
    source.write_text(whole[: len(text) + 10_000])  # within a line
    torn = pipeline.run(plan(tmp_path))
    assert torn.waiting == [str(source)]
    assert not torn.new
    source.write_text(whole)
    done = pipeline.run(plan(tmp_path))
    assert done.new == {"pump": 300}
    assert not done.waiting


def test_of_a_growing_text_only_the_new_lines_are_read(tmp_path: Path) -> None:
    source = tmp_path / "source" / "pump.csv"
    source.parent.mkdir()
    for mark in ("", "\ufeff"):
        source.write_text(mark + csv_text(range(TAUGHT + 300)), encoding="utf-8")
        pipeline.run(plan(tmp_path))
        with source.open("a", encoding="utf-8") as file:
            file.write(
                csv_text(range(TAUGHT + 300, TAUGHT + 310)).partition("\n")[2] + "2026-01-13 04:40:00,Bad,1,2,3\n"
            )
        result = pipeline.run(plan(tmp_path))
        assert [(f.rows_read, dict(f.cells_not_numeric)) for f in result.quality.files] == [(11, {"s0": {"Bad": 1}})]
        assert result.new == {"pump": 11}
        (seen,) = json.loads((tmp_path / "run" / "state.json").read_text())["files"].values()
        assert (seen["quality"]["rows_read"], seen["quality"]["cells_not_numeric"]) == (
            TAUGHT + 311,
            {"s0": {"Bad": 1}},
        )
        shutil.rmtree(tmp_path / "run")


def test_the_tables_of_a_zip_are_read_once_and_count_as_the_zip(tmp_path: Path) -> None:
    (tmp_path / "source").mkdir()
    (tmp_path / "source" / "0.csv").write_text(of_pump(range(TAUGHT)))
    pipeline.run(plan(tmp_path))
    with zipfile.ZipFile(tmp_path / "source" / "new.zip", "w") as archive:
        for name, rows in (("1.csv", range(TAUGHT, TAUGHT + 10)), ("2.csv", range(TAUGHT + 10, TAUGHT + 30))):
            archive.writestr(name, of_pump(rows))
    assert pipeline.run(plan(tmp_path)).new == {"pump": 30}
    assert pipeline.run(plan(tmp_path)).new == {}
    files = json.loads((tmp_path / "run" / "state.json").read_text())["files"]
    assert {Path(name).name: seen["quality"]["rows_read"] for name, seen in files.items()} == {
        "0.csv": TAUGHT,
        "new.zip": 30,
    }


def test_a_text_that_was_changed_before_its_end_is_read_whole(tmp_path: Path) -> None:
    source = tmp_path / "source" / "pump.csv"
    source.parent.mkdir()
    source.write_text(csv_text(range(TAUGHT + 300)))
    pipeline.run(plan(tmp_path))
    source.write_text(csv_text(range(1, TAUGHT + 310)))
    result = pipeline.run(plan(tmp_path))
    assert [f.rows_read for f in result.quality.files] == [TAUGHT + 309]
    assert result.new == {"pump": 10}


def test_a_torn_file_that_grows_no_more_is_read_as_it_is(tmp_path: Path) -> None:
    source = tmp_path / "source" / "pump.csv"
    source.parent.mkdir()
    source.write_text(csv_text(range(TAUGHT + 300)))
    pipeline.run(plan(tmp_path))
    source.write_text(csv_text(range(TAUGHT + 400)).removesuffix("\n"))
    assert pipeline.run(plan(tmp_path)).waiting
    assert pipeline.run(plan(tmp_path)).new == {"pump": 100}


def test_a_file_that_cannot_be_read_is_named_and_the_others_are_done(tmp_path: Path) -> None:
    begun(tmp_path)
    write(tmp_path, "0001.parquet", range(TAUGHT, TAUGHT + 100))
    bad = tmp_path / "source" / "0002.parquet"
    bad.write_bytes(b"PAR1 this is no table PAR1")
    result = pipeline.run(plan(tmp_path))
    assert result.new == {"pump": 100}
    assert list(result.failed) == [str(bad)]
    write(tmp_path, "0002.parquet", range(TAUGHT + 100, TAUGHT + 150))
    assert not pipeline.run(plan(tmp_path)).failed


def test_a_source_that_is_gone_is_an_error_and_the_folder_stays(tmp_path: Path) -> None:
    begun(tmp_path)
    before = files_of(tmp_path / "run")
    (tmp_path / "source").rename(tmp_path / "elsewhere")
    with pytest.raises(DataError, match="there is no such file or folder"):
        pipeline.run(plan(tmp_path))
    (tmp_path / "elsewhere").rename(tmp_path / "source")
    assert files_of(tmp_path / "run") == before


def test_one_sick_asset_is_named_and_the_others_are_watched(tmp_path: Path) -> None:
    begun(tmp_path)
    path = write(tmp_path, "0001.parquet", range(TAUGHT, TAUGHT + 100), asset="sick")
    pq.write_table(pq.read_table(path).drop_columns(["s1"]), path)
    write(tmp_path, "0002.parquet", range(TAUGHT, TAUGHT + 100))
    result = pipeline.run(plan(tmp_path))
    assert list(result.failed) == ["sick"]
    assert "'s1'" in result.failed["sick"]
    assert sum(result.states.values()) == 100
    whole = tmp_path / "mended"
    write(whole, "0003.parquet", range(TAUGHT, TAUGHT + 100), asset="sick").rename(tmp_path / "source" / "0003.parquet")
    mended = pipeline.run(plan(tmp_path))
    assert not mended.failed
    assert sum(mended.states.values()) == 100


def test_rows_of_a_wrong_clock_are_set_aside_and_told(tmp_path: Path) -> None:
    begun(tmp_path)
    path = write(tmp_path, "0001.parquet", range(TAUGHT, TAUGHT + 100))
    table = pq.read_table(path)
    times = table.column("time").cast(pa.int64()).to_pylist()
    times[40:43] = [us + 100 * 365 * DAY_US for us in times[40:43]]
    pq.write_table(table.set_column(0, "time", pa.array(times).cast(pa.timestamp("us", "UTC"))), path)
    result = pipeline.run(plan(tmp_path))
    assert result.new == {"pump": 97}
    assert any("3 row(s) lie in the future" in note for note in result.quality.notes)
    assert not [a for a in alerts(tmp_path) if a["kind"] == "no_data"]


def test_a_filler_that_no_sensor_measures_is_missing(tmp_path: Path) -> None:
    begun(tmp_path)
    path = write(tmp_path, "0001.parquet", range(TAUGHT, TAUGHT + 100))
    table = pq.read_table(path)
    place = table.column_names.index("s0")
    filled = np.where(np.arange(100) % 10 == 3, 1.7976931348623157e308, np.asarray(table.column("s0")))
    pq.write_table(table.set_column(place, "s0", pa.array(filled)), path)
    result = pipeline.run(plan(tmp_path))
    assert [dict(f.cells_not_numeric) for f in result.quality.files] == [{"s0": {"1.7976931348623157e+308": 10}}]
    assert np.isfinite(scores(tmp_path).column("score").to_numpy()[-100:]).all()


# ---------------------------------------------------------------- spans, trials, anew


def test_a_run_until_a_time_acts_as_if_it_were_that_time(clean: Path, tmp_path: Path) -> None:
    write(tmp_path, "all.parquet", range(N_ROWS))
    for end in (TAUGHT, FAULT.start + 5, TAUGHT + 333, TAUGHT + 334, N_ROWS):
        pipeline.run(plan(tmp_path), until_us=START + end * PERIOD)
        assert len(scores(tmp_path)) == end
    assert scores(tmp_path).equals(scores(clean))
    assert alerts(tmp_path) == alerts(clean)
    ours, theirs = ([{**x, "processing_time": ""} for x in lines(f)] for f in (tmp_path, clean))
    assert ours == theirs


def test_a_dry_run_tells_what_would_happen_and_leaves_no_trace(tmp_path: Path) -> None:
    begun(tmp_path)
    before = files_of(tmp_path / "run")
    write(tmp_path, "0001.parquet", range(TAUGHT, N_ROWS))
    tried = pipeline.run(plan(tmp_path), dry=True)
    assert "raised" in [c.change for c in tried.changes]
    assert files_of(tmp_path / "run") == before
    assert sorted(path.name for path in tmp_path.iterdir()) == ["run", "source"]
    done = pipeline.run(plan(tmp_path))
    assert [c.change_id for c in done.changes] == [c.change_id for c in tried.changes]


def test_reprocessing_ends_in_what_stands(clean: Path, tmp_path: Path) -> None:
    begun(tmp_path)
    write(tmp_path, "0001.parquet", range(TAUGHT, N_ROWS))
    pipeline.run(plan(tmp_path))
    before = files_of(tmp_path / "run")
    result = pipeline.run(plan(tmp_path), reprocess=True)
    assert not result.changes
    assert files_of(tmp_path / "run") == before


def test_another_policy_rules_from_now_on_and_all_rows_when_reprocessed(tmp_path: Path) -> None:
    begun(tmp_path)
    write(tmp_path, "0001.parquet", range(TAUGHT, N_ROWS - 200))
    pipeline.run(plan(tmp_path))
    assert alerts(tmp_path)
    silent = plan(tmp_path, policy=Policy(limits={"advisory": 10**6 * DAY_US}))
    write(tmp_path, "0002.parquet", range(N_ROWS - 200, N_ROWS))
    result = pipeline.run(silent)
    assert alerts(tmp_path), "what was told stays told"
    assert any("policy has changed" in note for note in pipeline.run(plan(tmp_path)).quality.notes) or result
    gone = pipeline.run(silent, reprocess=True)
    assert {c.change for c in gone.changes} == {"retracted"}
    assert not alerts(tmp_path)


def test_an_open_alert_keeps_the_policy_it_was_raised_by(tmp_path: Path) -> None:
    begun(tmp_path)
    write(tmp_path, "0001.parquet", range(TAUGHT, FAULT.start + 30))
    pipeline.run(plan(tmp_path))
    (standing,) = [a for a in alerts(tmp_path) if a["active"]]
    silent = plan(tmp_path, policy=Policy(limits={"advisory": 10**6 * DAY_US}))
    write(tmp_path, "0002.parquet", range(FAULT.start + 30, FAULT.start + 60))
    result = pipeline.run(silent)
    (still,) = [a for a in alerts(tmp_path) if a["active"]]
    assert still["alert_id"] == standing["alert_id"]
    assert any("policy has changed" in note for note in result.quality.notes)


def test_a_new_model_judges_rows_from_the_first_one_on_that_the_old_one_did_not(tmp_path: Path) -> None:
    begun(tmp_path)
    write(tmp_path, "0001.parquet", range(TAUGHT, TAUGHT + 200))
    pipeline.run(plan(tmp_path))
    old = scores(tmp_path)
    trained = pipeline.train_into(
        plan(tmp_path, train=TrainOptions(network="linear_predictor", seed=6, threshold="quantile"))
    )
    write(tmp_path, "0002.parquet", range(TAUGHT + 200, TAUGHT + 280))
    for _ in range(2):
        pipeline.run(plan(tmp_path))
        assert scores(tmp_path).slice(0, len(old)).equals(old)
        assert set(scores(tmp_path).slice(len(old)).column("model_id").to_pylist()) == {trained.model_id}


def test_slices_end_alike_under_a_new_model_too(tmp_path: Path) -> None:
    for name, cuts in (("once", [N_ROWS]), ("sliced", [*range(TAUGHT + 230, N_ROWS, 170), N_ROWS])):
        begun(tmp_path / name)
        write(tmp_path / name, "0001.parquet", range(TAUGHT, TAUGHT + 200))
        pipeline.run(plan(tmp_path / name))
        pipeline.train_into(plan(tmp_path / name, train=TrainOptions(network="linear_predictor", threshold="quantile")))
        start = TAUGHT + 200
        for end in cuts:
            write(tmp_path / name, f"{end}.parquet", range(start, end))
            pipeline.run(plan(tmp_path / name))
            start = end
    once, sliced = (files_of(tmp_path / name / "run") for name in ("once", "sliced"))
    assert once == sliced


def test_the_history_tells_each_change_as_it_was_known_then(clean: Path) -> None:
    told = lines(clean)
    assert {line["change"] for line in told} >= {"raised", "severity_up", "cleared"}
    for line in told:
        assert line["because"]
    for line in (one for one in told if one["change"] in BY_ROWS):
        assert line["event_time"] == line["alert"]["updated_at"]
        assert line["alert"]["active"] == (line["change"] != "cleared")
        assert line["severity"] == (line["alert"]["severity_now"] or line["alert"]["severity"])
    assert len({line["change_id"] for line in told}) == len(told)


# ---------------------------------------------------------------- what people tell


EVENTS = (
    (TAUGHT + 40, TAUGHT + 52, "sensor_change", "s2"),
    (TAUGHT + 100, TAUGHT + 110, "calibration", "s0"),
    (FAULT.stop + 20, FAULT.stop + 44, "maintenance", ""),
    (FAULT.stop + 300, FAULT.stop + 310, "ignore", ""),
    (FAULT.stop + 400, FAULT.stop + 404, "sensor_change", "s0"),
)


def events_file(folder: Path, n: int) -> Path:
    path = folder / "events.csv"
    rows = [
        f",{iso(START + a * PERIOD)},{iso(START + b * PERIOD)},{kind},{sensor}" for a, b, kind, sensor in EVENTS[:n]
    ]
    path.write_text("\n".join(["asset,start,end,kind,sensor", *rows]), encoding="utf-8")
    return path


def test_events_act_alike_in_any_slices(tmp_path: Path) -> None:
    for name, cuts in (("once", [N_ROWS]), ("sliced", [*range(TAUGHT + 30, N_ROWS, 90), N_ROWS])):
        under = plan(begun(tmp_path / name), events=events_file(tmp_path / name, len(EVENTS)))
        start = TAUGHT
        for end in cuts:
            write(tmp_path / name, f"{end}.parquet", range(start, end))
            pipeline.run(under)
            start = end
    once, sliced = (files_of(tmp_path / name / "run") for name in ("once", "sliced"))
    assert once == sliced
    assert (np.array(scores(tmp_path / "once").column("state").to_pylist()) == "OUT_OF_STATE").sum() > 30


def test_events_told_afterwards_end_in_the_scores_of_events_told_in_time(tmp_path: Path) -> None:
    for name in ("before", "after"):
        begun(tmp_path / name)
        write(tmp_path / name, "0001.parquet", range(TAUGHT, N_ROWS))
    pipeline.run(plan(tmp_path / "before", events=events_file(tmp_path / "before", len(EVENTS))))
    for n in (0, 2, 4, len(EVENTS)):
        pipeline.run(plan(tmp_path / "after", events=events_file(tmp_path / "after", n)))
    assert scores(tmp_path / "after").equals(scores(tmp_path / "before"))
    assert [_but_for_its_id(a) for a in alerts(tmp_path / "after")] == [
        _but_for_its_id(a) for a in alerts(tmp_path / "before")
    ]


# ---------------------------------------------------------------- what is missing


SILENT = range(TAUGHT + 200, TAUGHT + 260)
DEAD = range(TAUGHT + 500, TAUGHT + 700)


def with_holes(folder: Path, name: str, rows: range) -> None:
    """Two pumps, of which the second sends nothing for ten hours, and later lacks a sensor for more than a day."""
    write(folder, f"{name}-1.parquet", rows, "pump")
    path = write(folder, f"{name}-2.parquet", [row for row in rows if row not in SILENT], "quiet")
    table = pq.read_table(path)
    index = (np.asarray(table.column("time").cast(pa.int64())) - START) // PERIOD
    dead = np.isin(index, DEAD)
    value = np.asarray(table.column("s0"), float)
    place = table.column_names.index("s0")
    column = pa.array(np.where(dead, np.nan, value), from_pandas=True)
    pq.write_table(table.set_column(place, "s0", column), path)


def test_an_asset_that_is_silent_and_a_sensor_that_is_dead_are_alerts_alike_in_any_slices(tmp_path: Path) -> None:
    cuts = {
        "once": [N_ROWS],
        "sliced": [*range(TAUGHT + 60, N_ROWS, 130), N_ROWS],
        "cut in the silence": [SILENT.start + 3, SILENT.start + 30, SILENT.stop + 1, DEAD.start + 90, N_ROWS],
    }
    for name, ends in cuts.items():
        with_holes(tmp_path / name, "0000", range(TAUGHT))
        pipeline.run(plan(tmp_path / name))
        for start, end in pairwise([TAUGHT, *ends]):
            with_holes(tmp_path / name, f"{end}", range(start, end))
            pipeline.run(plan(tmp_path / name))
    once, *others = (files_of(tmp_path / name / "run") for name in cuts)
    missing = [a for a in alerts(tmp_path / "once") if a["kind"] != "deviation"]
    assert [(a["kind"], a["asset"], a["begun_at"], a["active"]) for a in missing] == [
        ("no_data", "quiet", iso(START + SILENT.start * PERIOD), False),
        ("sensor_bad", "quiet", iso(START + DEAD.start * PERIOD), False),
    ]
    assert missing[0]["cleared_at"] == iso(START + SILENT.stop * PERIOD)
    for other in others:
        assert other == once


def test_a_silent_asset_is_told_by_the_clock_of_the_others(tmp_path: Path) -> None:
    with_holes(tmp_path, "0000", range(TAUGHT))
    pipeline.run(plan(tmp_path))
    with_holes(tmp_path, "0001", range(TAUGHT, SILENT.start + 30))
    result = pipeline.run(plan(tmp_path))
    (standing,) = [a for a in alerts(tmp_path) if a["kind"] == "no_data"]
    assert (standing["asset"], standing["active"]) == ("quiet", True)
    assert [(c.change.change, c.tell) for c in result.told if c.change.kind == "no_data"] == [("raised", True)]
    again = pipeline.run(plan(tmp_path))
    assert not again.changes


def test_an_asset_may_be_silent_while_it_is_worked_on(tmp_path: Path) -> None:
    events = tmp_path / "events.csv"
    during = [iso(START + (SILENT.start + edge) * PERIOD) for edge in (-2, 40)]
    events.write_text(f"asset,start,end,kind\nquiet,{during[0]},{during[1]},maintenance\n", encoding="utf-8")
    with_holes(tmp_path, "0000", range(TAUGHT))
    pipeline.run(plan(tmp_path, events=events))
    for start, end in pairwise([TAUGHT, SILENT.start + 20, SILENT.start + 45, SILENT.start + 52, N_ROWS]):
        with_holes(tmp_path, f"{end}", range(start, end))
        pipeline.run(plan(tmp_path, events=events))
    (told,) = [a for a in alerts(tmp_path) if a["kind"] == "no_data"]
    assert told["begun_at"] == iso(START + (SILENT.start + 41) * PERIOD), "it counts from the end of the work"
    changes = {(line["change"], line["kind"]) for line in lines(tmp_path)}
    assert not {("revised", "no_data"), ("retracted", "no_data")} & changes


# ---------------------------------------------------------------- people, budgets


def test_what_a_person_does_is_folded_in_by_the_next_run(tmp_path: Path) -> None:
    begun(tmp_path)
    write(tmp_path, "0001.parquet", range(TAUGHT, FAULT.start + 60))
    pipeline.run(plan(tmp_path))
    (standing,) = [a for a in alerts(tmp_path) if a["active"]]
    now = desk(tmp_path / "run", START + 10**15)
    note(tmp_path / "run", [on_alert(now, Wish("acknowledge", "ada"), standing["alert_id"][:6])], now.now_us)
    result = pipeline.run(plan(tmp_path))
    assert [(c.change.change, c.change.by, c.tell) for c in result.told] == [("acknowledged", "ada", False)]
    (acked,) = [a for a in alerts(tmp_path) if a["active"]]
    assert (acked["acked"], acked["acked_by"]) == (True, "ada")
    assert not pipeline.run(plan(tmp_path)).told
    write(tmp_path, "0002.parquet", range(FAULT.start + 60, N_ROWS))
    after = pipeline.run(plan(tmp_path))
    cleared = next(c for c in after.told if c.change.change == "cleared")
    assert (cleared.change.alert_id, cleared.tell) == (standing["alert_id"], True)


def test_a_budget_is_shared_by_criticality_and_its_sum_is_kept(tmp_path: Path) -> None:
    with_holes(tmp_path, "0000", range(N_ROWS))
    shared = plan(tmp_path, budget_us=30 * DAY_US, policy=Policy(), criticality={"pump": "high", "quiet": "low"})
    run = pipeline.run(shared).report.run
    (warning,) = [line for line in run["budget"] if line["severity"] == "warning"]
    own_s = {"pump": 30 * 86400 * 5 / 4, "quiet": 30 * 86400 * 5}
    expected = sum(watched["scored_s"] / own_s[asset] for asset, watched in run["assets"].items())
    assert warning["expected_false"] == pytest.approx(expected)


def test_a_run_tells_people_and_programs_after_its_commit(tmp_path: Path) -> None:
    begun(tmp_path)
    write(tmp_path, "0001.parquet", range(TAUGHT, FAULT.start + 60))
    metrics = tmp_path / "pump.prom"
    with http_server() as heard:
        watched = plan(
            tmp_path,
            name="pumps",
            notify=[Recipient("hook", "webhook", "HOOK")],
            sinks=[Target("metrics", "prometheus", path=metrics)],
        )
        environment = {"HOOK": heard.address}
        result = pipeline.run(watched, environment=environment)
        assert result.delivery is not None
        assert result.delivery.sent["hook"] == len(heard.posts) > 0
        assert not pipeline.run(watched, environment=environment).delivery.sent["hook"]  # type: ignore[union-attr]  # as above
        assert not pipeline.run(watched, environment=environment, dry=True).delivery
    (standing,) = [a for a in alerts(tmp_path) if a["active"]]
    assert any(standing["alert_id"].encode() in content for _, _, content in heard.posts)
    assert 'severity="warning"' in metrics.read_text()


# ---------------------------------------------------------------- damage


def watched(folder: Path) -> pipeline.RunPlan:
    """A folder with two assets, alerts that are over and one that stands on each."""
    for asset in ("pump", "sound"):
        write(folder, f"{asset}-0.parquet", range(TAUGHT), asset)
        write(folder, f"{asset}-1.parquet", range(TAUGHT, FAULT.start + 60), asset)
    pipeline.run(plan(folder))
    return plan(folder)


@pytest.mark.parametrize("what", ["gone", "torn", "an older one"])
def test_alerts_that_are_not_as_they_were_left_are_made_anew_from_the_history(what: str, tmp_path: Path) -> None:
    again = watched(tmp_path)
    path = tmp_path / "run" / "alerts.json"
    before, text = alerts(tmp_path), path.read_text()
    path.unlink()
    if what != "gone":
        path.write_text(text[:200] if what == "torn" else text.replace('"active": true', '"active": false'))
    result = pipeline.run(again)
    assert any("made anew from the history" in note for note in result.quality.notes)
    assert not result.changes
    assert {a["alert_id"]: (a["raised_at"], a["active"]) for a in alerts(tmp_path)} == {
        a["alert_id"]: (a["raised_at"], a["active"]) for a in before
    }
    write(tmp_path, "2.parquet", range(FAULT.start + 60, FAULT.start + 61))
    result = pipeline.run(again)
    assert not result.changes
    assert [a["alert_id"] for a in alerts(tmp_path)] == [a["alert_id"] for a in before]


def test_a_damaged_checkpoint_costs_time_and_nothing_else(clean: Path, tmp_path: Path) -> None:
    begun(tmp_path)
    for path in (tmp_path / "run" / "checkpoints").rglob("*.npz"):
        path.write_bytes(path.read_bytes()[:50])
    write(tmp_path, "0001.parquet", range(TAUGHT, N_ROWS))
    assert not pipeline.run(plan(tmp_path)).failed
    assert scores(tmp_path).equals(scores(clean))


@pytest.mark.parametrize("part", ["rows", "scores"])
def test_a_damaged_file_of_one_asset_stops_that_asset_alone_and_loses_nothing(part: str, tmp_path: Path) -> None:
    again = watched(tmp_path)
    damaged = sorted((tmp_path / "run" / part / "pump").iterdir())[-1]
    whole = damaged.read_bytes()
    damaged.write_bytes(whole[:100])
    for asset in ("pump", "sound"):
        write(tmp_path, f"{asset}-2.parquet", range(FAULT.start + 60, N_ROWS), asset)
    result = pipeline.run(again)
    assert list(result.failed) == ["pump"]
    assert str(damaged) in result.failed["pump"]
    assert result.report.run["assets"]["sound"]["end"] == iso(START + N_ROWS * PERIOD)
    damaged.write_bytes(whole)
    mended = pipeline.run(again)
    assert not mended.failed
    assert mended.report.run["assets"]["pump"]["end"] == iso(START + N_ROWS * PERIOD)
    one, two = (
        [(a["raised_at"], a["cleared_at"], a["severity"]) for a in alerts(tmp_path) if (a["asset"], a["kind"]) == mine]
        for mine in (("pump", "deviation"), ("sound", "deviation"))
    )
    assert one == two, "both pumps have the same rows"


def test_damaged_scores_of_an_asset_without_news_keep_nothing_of_the_others_from_being_told(tmp_path: Path) -> None:
    for asset in ("pump", "sound"):
        write(tmp_path, f"{asset}-0.parquet", range(TAUGHT), asset)
    metrics, pages = tmp_path / "plant.prom", Pages(tmp_path / "pages")
    with http_server() as heard:
        again = plan(
            tmp_path,
            notify=[Recipient("hook", "webhook", "HOOK")],
            sinks=[Target("metrics", "prometheus", path=metrics)],
            pages=pages,
        )
        pipeline.run(again, environment={"HOOK": heard.address})
        damaged = sorted((tmp_path / "run" / "scores" / "pump").iterdir())[-1]
        damaged.write_bytes(damaged.read_bytes()[:100])
        write(tmp_path, "sound-1.parquet", range(TAUGHT, FAULT.start + 60), "sound")
        result = pipeline.run(again, environment={"HOOK": heard.address})
        told = [content for _, _, content in heard.posts]
        following = pipeline.run(again, environment={"HOOK": heard.address})
    standing = next(a for a in alerts(tmp_path) if (a["asset"], a["kind"], a["active"]) == ("sound", "deviation", True))
    assert any(standing["alert_id"].encode() in content for content in told)
    assert list(result.failed) == list(following.failed) == ["pump"]
    assert str(damaged) in result.failed["pump"]
    assert "the next run makes it anew" in result.failed["pump"]
    assert not result.outages
    assert 'asset_failed{asset="pump"' in metrics.read_text()
    assert standing["asset"] in (pages.folder / "fleet.html").read_text(encoding="utf-8")
    shutil.rmtree(damaged.parent)
    assert not pipeline.run(again, environment={}).failed


def test_scores_that_somebody_removed_are_made_again(tmp_path: Path) -> None:
    again = watched(tmp_path)
    before = scores(tmp_path)
    shutil.rmtree(tmp_path / "run" / "scores" / "pump")
    result = pipeline.run(again)
    assert scores(tmp_path).equals(before)
    assert not result.changes


def test_a_history_that_is_there_is_never_written_over(tmp_path: Path) -> None:
    again = watched(tmp_path)
    before = (tmp_path / "run" / "history.jsonl").read_bytes()
    (tmp_path / "run" / "state.json").unlink()
    pipeline.run(again)
    assert (tmp_path / "run" / "history.jsonl").read_bytes().startswith(before)


def test_an_asset_that_is_not_watched_any_more_holds_no_alarm(tmp_path: Path) -> None:
    again = watched(tmp_path)
    assert [a["out_of_service"] for a in alerts(tmp_path) if a["active"]] == [False, False]
    result = pipeline.run(replace(again, disabled=["pump"]))
    assert {a["asset"]: a["out_of_service"] for a in alerts(tmp_path) if a["active"]} == {"pump": True, "sound": False}
    assert not result.told
    inspected = pipeline.inspect(tmp_path / "run")["fleet"]
    assert result.glances is not None
    for assets in (result.glances.document()["assets"], inspected["assets"]):
        assert [(one["asset"], one["unwatched"]) for one in assets] == [("sound", None), ("pump", "disabled")]
        assert assets[1]["severity"], "its alert is listed, apart from those of others"


def test_an_asset_that_never_had_a_value_or_never_came_is_told_as_not_watched(tmp_path: Path) -> None:
    path = write(tmp_path, "mute.parquet", range(TAUGHT), asset="mute")
    table = pq.read_table(path)
    nothing = pa.nulls(len(table), pa.float64())
    for at, name in enumerate(table.column_names):
        table = table if name in ("time", "asset") else table.set_column(at, name, nothing)
    pq.write_table(table, path)
    begun(tmp_path)
    never_came = Asset("absent", "", "", "", enabled=True)
    for _ in range(2):
        result = pipeline.run(plan(tmp_path, table=[never_came]))
        assert "Not watched, for not one sensor of theirs ever had a value: mute." in result.quality.notes
        assert result.glances is not None
        found = {one.asset: one.unwatched for one in result.glances.glances}
        assert found == {"pump": None, "absent": "never", "mute": "empty"}
    fleet = pipeline.inspect(tmp_path / "run")["fleet"]
    assert {one["asset"]: one["unwatched"] for one in fleet["assets"]} == found


def test_judging_the_past_anew_tells_nobody_of_what_is_over(tmp_path: Path) -> None:
    again = watched(tmp_path)
    standing = {a["alert_id"] for a in alerts(tmp_path) if a["active"]}
    strict = replace(again, policy=Policy(limits={"advisory": DAY_US // 4, "warning": 20 * DAY_US}))
    result = pipeline.run(strict, reprocess=True)
    assert len(result.told) > 10
    told = {one.change.alert_id for one in result.told if one.tell}
    assert told <= {a["alert_id"] for a in alerts(tmp_path) if a["active"]} | {
        one.change.alert_id for one in result.told if one.change.change in BY_LATE_ROWS
    }
    assert standing <= {a["alert_id"] for a in alerts(tmp_path) if a["active"] and not a["closed"]}
