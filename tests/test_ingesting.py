"""Ingesting in bounded memory: what comes in parts and slices ends as what was read at once."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from anomaly_lstm import pipeline as verbs
from anomaly_lstm.errors import UsageError
from anomaly_lstm.pipeline import GridOptions
from anomaly_lstm.sensor_rules import SensorRule, SensorRules, rules_from
from anomaly_lstm.sources import ReadOptions

MINUTE = 60_000_000
Rows = list[tuple[str, int, str, str, str]]
"""Asset, minute, flow, temp, fuel: as text."""


def rows_of_three_assets(seed: int = 0) -> Rows:
    """A few hundred rows with duplicates, holes, gaps, missing values and a mode that is told when it changes."""
    random = np.random.default_rng(seed)
    rows: Rows = []
    for asset in ("P1", "P2", "P3"):
        minute = 0
        for number in range(random.integers(60, 120)):
            minute += int(random.choice([0, 1, 1, 1, 1, 1, 3, 40], p=[0.1, 0.3, 0.2, 0.1, 0.1, 0.1, 0.07, 0.03]))
            flow = "" if random.random() < 0.1 else f"{random.normal(10, 1):.3f}"
            temp = "bad" if random.random() < 0.05 else f"{random.normal(40, 1):.2f}"
            fuel = ("gas", "oil")[number // 40 % 2] if number % 40 == 0 else ""
            rows.append((asset, minute, flow, temp, fuel))
    return rows


def stamp(minute: int) -> str:
    return str(np.datetime64("2026-03-02T00:00", "s") + np.timedelta64(minute, "m"))


def wide(rows: Rows) -> str:
    lines = [f"{stamp(minute)},{asset},{flow},{temp},{fuel}" for asset, minute, flow, temp, fuel in rows]
    return "\n".join(["time,asset,flow,temp,fuel", *lines]) + "\n"


def long(rows: Rows) -> str:
    cells = [
        (sensor, asset, minute, value)
        for asset, minute, *values in rows
        for sensor, value in zip(("flow", "temp"), values[:2], strict=True)
    ]
    lines = [f"{stamp(minute)},{asset},{sensor},{value}" for sensor, asset, minute, value in sorted(cells)]
    return "\n".join(["time,asset,tag,value", *lines]) + "\n"


def shuffled(rows: Rows) -> Rows:
    return [rows[place] for place in np.random.default_rng(1).permutation(len(rows))]


SHAPES: dict[str, Callable[[], str]] = {
    "asset by asset": lambda: wide(rows_of_three_assets()),
    "by time": lambda: wide(sorted(rows_of_three_assets(), key=lambda row: row[1])),
    "new to old": lambda: wide(rows_of_three_assets()[::-1]),
    "in any order": lambda: wide(shuffled(rows_of_three_assets())),
    "long, sensor by sensor": lambda: long(rows_of_three_assets()),
}


def ingested(source: Path, out: Path, part_bytes: int, slice_cells: int, mode: str | None) -> tuple[Any, pa.Table]:
    """The report and the rows of all assets."""
    read = ReadOptions(mode=mode, exclude=() if mode else ("fuel",)) if source.name == "wide.csv" else ReadOptions()
    verbs.ingest(source, out, read=read, grid=GridOptions(max_hole=5), part_bytes=part_bytes, slice_cells=slice_cells)
    tables = [pq.ParquetFile(path).read() for path in sorted((out / "data").rglob("*.parquet"))]
    return json.loads((out / "quality.json").read_text()), pa.concat_tables(tables)


@pytest.mark.parametrize(("part_bytes", "slice_cells"), [(300, 60), (900, 40), (2000, 100_000), (100_000, 10)])
@pytest.mark.parametrize(
    ("shape", "mode"),
    [(shape, mode) for shape in SHAPES for mode in (None, "fuel") if not (mode and shape.startswith("long"))],
)
def test_parts_and_slices_end_as_what_was_read_at_once(
    shape: str, part_bytes: int, slice_cells: int, mode: str | None, tmp_path: Path
) -> None:
    source = tmp_path / ("long.csv" if shape.startswith("long") else "wide.csv")
    source.write_text(SHAPES[shape]())
    report, rows = ingested(source, tmp_path / "once", 1 << 26, 1 << 24, mode)
    parted, same = ingested(source, tmp_path / "parts", part_bytes, slice_cells, mode)
    assert same.column_names == rows.column_names
    for name in rows.column_names:
        if pa.types.is_floating(rows.schema.field(name).type):
            wanted, came = (table.column(name).to_numpy(zero_copy_only=False) for table in (rows, same))
            np.testing.assert_allclose(came, wanted, rtol=1e-15)  # the mean of several rows may be summed differently
        else:
            assert same.column(name).to_pylist() == rows.column(name).to_pylist()
    assert parted["files"] == report["files"]
    assert (parted["period_us"], parted["phase_us"]) == (report["period_us"], report["phase_us"])
    for one, whole in zip(parted["assets"], report["assets"], strict=True):
        # Cells without a value that stand apart in a long table cannot be told from rows that were never there.
        parts = {"rows_in", "without_value", "merged", "duplicate_times", "joined"}
        uncertain = parts if shape.startswith("long") else set()
        assert {key: one[key] for key in one if key not in uncertain} == {
            key: whole[key] for key in whole if key not in uncertain
        }
        assert one["rows_in"] == one["rows"] + one["merged"] + one["without_value"]
        assert one["rows_in"] + one["joined"] == whole["rows_in"] + whole["joined"]
    if not shape.startswith("long"):
        assert sorted(parted["notes"]) == sorted(report["notes"])
    assert sorted(path.name for path in (tmp_path / "parts").iterdir()) == ["data", "quality.json"]


def test_days_that_could_be_months_are_read_as_a_later_part_tells(tmp_path: Path) -> None:
    days = [f"{day:02d}/03/2026 {hour:02d}:00,{day}" for day in range(1, 25) for hour in range(24)]
    (tmp_path / "pump.csv").write_text("\n".join(["time,flow", *days]) + "\n")
    verbs.ingest(tmp_path / "pump.csv", tmp_path / "out", part_bytes=500)
    (asset,) = json.loads((tmp_path / "out" / "quality.json").read_text())["assets"]
    assert (asset["start"], asset["end"]) == ("2026-03-01T00:00:00Z", "2026-03-24T23:00:00Z")


def test_numbers_that_begin_late_in_a_column_of_words_are_not_lost_in_silence(tmp_path: Path) -> None:
    words = [f"{stamp(minute)},{minute},off" for minute in range(100)]
    numbers = [f"{stamp(minute)},{minute},{minute}.5" for minute in range(100, 300)]
    (tmp_path / "pump.csv").write_text("\n".join(["time,flow,speed", *words, *numbers]) + "\n")
    result = verbs.ingest(tmp_path / "pump.csv", tmp_path / "out", part_bytes=800)
    assert any(
        "'speed' holds numbers" in note and re.search(r"line (8|9|10)\d:", note) for note in result.quality.notes
    )


def test_a_slip_in_a_name_is_told_whatever_the_size(tmp_path: Path) -> None:
    (tmp_path / "pump.csv").write_text(wide(rows_of_three_assets()))
    for part_bytes in (300, 1 << 26):
        with pytest.raises(UsageError, match="flwo"):
            verbs.ingest(
                tmp_path / "pump.csv", tmp_path / "out", read=ReadOptions(sensors=["flwo"]), part_bytes=part_bytes
            )
    assert not (tmp_path / "out").exists()


def test_progress_goes_on_to_the_end(tmp_path: Path) -> None:
    (tmp_path / "pump.csv").write_text(wide(rows_of_three_assets()))
    told: list[tuple[str, float, int]] = []
    verbs.ingest(
        tmp_path / "pump.csv",
        tmp_path / "out",
        part_bytes=500,
        progress=lambda now: told.append((now.stage, now.done, now.rows)),
    )
    reading = [done for stage, done, _ in told if stage == "reading"]
    assert reading == sorted(reading)
    assert reading[-1] == told[-1][1] == 1.0
    assert len(reading) > 5


RULES = SensorRules(
    {
        "flow": SensorRule(aggregate="last", hold_us=7 * MINUTE),
        "temp": SensorRule(hold_us=4 * MINUTE, interpolate="linear"),
        "fuel": SensorRule(hold_us=50 * MINUTE),
    }
)


@pytest.mark.parametrize(("part_bytes", "slice_cells"), [(300, 60), (900, 40), (2000, 100_000), (100_000, 10)])
@pytest.mark.parametrize("shape", [shape for shape in SHAPES if not shape.startswith("long")])
def test_rules_and_the_words_of_a_status_do_not_depend_on_parts_and_slices(
    shape: str, part_bytes: int, slice_cells: int, tmp_path: Path
) -> None:
    source = tmp_path / "wide.csv"
    source.write_text(SHAPES[shape]())
    options = GridOptions(max_hole=5, rules=RULES, running="fuel == 'gas' and flow > 9", settle_us=3 * MINUTE)
    for out, sizes in (("once", (1 << 26, 1 << 24)), ("parts", (part_bytes, slice_cells))):
        verbs.ingest(source, tmp_path / out, grid=options, part_bytes=sizes[0], slice_cells=sizes[1])
    once, parts = (
        [pq.ParquetFile(path).read() for path in sorted((tmp_path / out / "data").rglob("*.parquet"))]
        for out in ("once", "parts")
    )
    for one, same in zip(once, parts, strict=True):
        assert same.column_names == ["asset", "time", "flow", "temp", "fuel"]
        for name in ("asset", "time", "fuel"):
            assert same.column(name).to_pylist() == one.column(name).to_pylist(), name
        for name in ("flow", "temp"):
            wanted, came = (table.column(name).to_numpy(zero_copy_only=False) for table in (one, same))
            np.testing.assert_allclose(came, wanted, rtol=1e-12)
    told, whole = (json.loads((tmp_path / out / "quality.json").read_text()) for out in ("parts", "once"))
    for one, same in zip(told["assets"], whole["assets"], strict=True):
        assert {**one, "sensors": None} == {**same, "sensors": None}  # where one sticks, slices count it twice
        assert one["rows_in"] == one["rows"] + one["merged"] + one["without_value"]
        assert one["held"] > 0
        assert one["out_of_state"] > one["settling"] > 0
    assert rules_from(told["sensor_rules"]) == RULES
