"""What a run folder keeps of all assets, as facts: pictures, silence, sensors without values, what was never scored."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from anomaly_lstm.clock import iso, parse_time
from anomaly_lstm.events import Asset
from anomaly_lstm.pages.fleet import Fleet, Shown
from anomaly_lstm.pipeline.cases import desk
from anomaly_lstm.pipeline.fleet import empty_sensors, fleet_facts
from bench.report import DAY_S, MINUTE_US, START_US, lay

ROWS = 6 * 1440
"""Six days: the fault of `bench.report` begins after three."""


def told(folder: Path, *table: Asset, since: str = "yesterday", zone: str | None = None) -> Fleet:
    return fleet_facts(folder, desk(folder, 0), since, table, zone, "pump", "anomaly-lstm report pump.toml")


def shown(made: Fleet, name: str) -> Shown:
    return made.shown(name)


def change(folder: Path, asset: str, **columns: Any) -> None:
    """Other columns in the stored scores of an asset: name → a function of the table."""
    for month in (folder / "scores" / asset).glob("*.parquet"):
        table = pq.read_table(month)
        for name, made in columns.items():
            place = table.column_names.index(name)
            own = pa.array(made(table), table.schema.field(place).type)
            table = table.set_column(place, table.schema.field(place), own)
        pq.write_table(table, month, compression="zstd")


def state_of(folder: Path, **more: Any) -> None:
    path = folder / "state.json"
    state = json.loads(path.read_text())
    path.write_text(json.dumps({**state, **more}))


def test_an_alert_that_stood_is_worse_where_its_rows_became_rarer_and_its_sensor_further_off(tmp_path: Path) -> None:
    lay(tmp_path, ROWS, 2, 2)
    (found,) = told(tmp_path, since="2d").changed
    assert (found.change, found.alert["asset"]) == ("worse", "pump")
    further, rarer = found.worse
    assert (further.what, further.sensor, further.unit, further.side) == ("deviation", "sensor_00", "bar", "above")
    assert further.then == pytest.approx(5 / 3, abs=1.0), "a third of the way to 5 bar, and noise"
    assert (further.now, rarer.what) == (5.0, "return_period")
    assert [one.change for one in told(tmp_path, since="4d").changed] == ["new"]
    change(tmp_path, "pump", return_period_s=lambda table: [3600.0] * len(table))
    change(tmp_path, "pump", **{"value.sensor_00": lambda table: [65.0] * len(table)})
    change(tmp_path, "pump", **{"expected.sensor_00": lambda table: [60.0] * len(table)})
    assert [one.change for one in told(tmp_path, since="2d").changed] == ["unchanged"]


def test_the_picture_is_of_the_scores_and_reaches_back_to_the_first(tmp_path: Path) -> None:
    lay(tmp_path, ROWS, 2, 2)
    made = told(tmp_path)
    assert made.edges_us[0] == START_US
    once_s = shown(made, "pump").once_s
    assert np.isfinite(once_s).all()
    assert once_s[-1] > 100 * once_s[0]
    assert shown(made, "pump").last_us == START_US + (ROWS - 1) * MINUTE_US
    assert shown(made, "pump").limits_s == {"advisory": 30 * DAY_S, "warning": 90 * DAY_S}


def test_an_asset_without_rows_for_a_day_is_not_watched(tmp_path: Path) -> None:
    lay(tmp_path, ROWS, 2, 2)
    last = START_US + (ROWS - 2000) * MINUTE_US
    times = START_US + MINUTE_US * np.arange(ROWS)
    states = np.where(times > last, "NO_DATA", "SCORED").tolist()
    change(tmp_path, "pump-0001", state=lambda table: states)
    (why,) = shown(told(tmp_path), "pump-0001").unwatched
    assert (why.why, why.since_us) == ("silent", last + MINUTE_US), "from the end of its last row on"


def test_a_sensor_without_a_value_is_dead_and_one_that_is_seldom_measured_is_not(tmp_path: Path) -> None:
    lay(tmp_path, ROWS, 3, 1)
    change(tmp_path, "pump", **{"value.sensor_01": lambda table: [None] * len(table)})
    change(tmp_path, "pump", **{"value.sensor_02": lambda table: [1.0, *[None] * (len(table) - 1)]})
    (dead,) = shown(told(tmp_path), "pump").dead
    assert (dead.sensor, dead.at_least, iso(dead.since_us)) == ("sensor_01", True, "2025-01-01T00:00:00Z")
    months = sorted((tmp_path / "scores" / "pump").glob("*.parquet"))
    assert empty_sensors(months, ROWS + 1) == [], "a young month tells nothing yet"
    months[0].write_bytes(b"PAR1")
    assert empty_sensors(months, 1) == []


def test_an_old_month_that_is_damaged_stops_no_other_asset_from_being_told(tmp_path: Path) -> None:
    lay(tmp_path, 70 * 1440, 2, 3)
    watches = json.loads((tmp_path / "state.json").read_text())["assets"]
    watches["pump-0001"]["n_scored"] = 0
    state_of(tmp_path, assets=watches)
    change(tmp_path, "pump-0001", state=lambda table: ["WARM_UP"] * len(table))
    change(tmp_path, "pump-0002", state=lambda table: ["NO_DATA"] * len(table))
    for name in ("pump-0001", "pump-0002"):
        (tmp_path / "scores" / name / "2025-01.parquet").write_bytes(b"PAR1 damaged")
    made = told(tmp_path)
    assert [why.why for name in ("pump-0001", "pump-0002") for why in shown(made, name).unwatched] == ["failed"] * 2
    assert not shown(made, "pump").unwatched


def test_what_was_never_scored_says_what_it_lacks(tmp_path: Path) -> None:
    lay(tmp_path, ROWS, 2, 5)
    watches = json.loads((tmp_path / "state.json").read_text())["assets"]
    for name, state in (("pump-0001", "OUT_OF_STATE"), ("pump-0002", "WARM_UP"), ("pump-0003", "SENSOR_BAD")):
        change(tmp_path, name, state=lambda table, state=state: [state] * len(table))
        watches[name]["n_scored"] = 0
    watches["pump-0004"] |= {"next": None, "n_scored": 0}
    state_of(tmp_path, assets=watches, failed={"pump": "pump: sensor 'x' is missing.", "a.csv": "a.csv: torn"})
    made = told(tmp_path, Asset("new", "", "", "", enabled=True), Asset("off", "", "", "", enabled=False))
    whys = {one.name: [why.why for why in one.unwatched] for one in made.assets}
    assert whys == {
        "pump": ["failed"], "pump-0001": ["off"], "pump-0002": ["warm_up"], "pump-0003": ["sensors"],
        "pump-0004": ["empty"],
        "new": ["never"], "off": ["disabled"],
    }  # fmt: skip
    assert shown(made, "pump").unwatched[0].told == "sensor 'x' is missing."
    assert made.unread == {"a.csv": "a.csv: torn"}


def test_the_plants_clock_is_that_of_all_assets_where_they_share_one(tmp_path: Path) -> None:
    lay(tmp_path, ROWS, 2, 1)
    own = Asset("pump", "", "", "", enabled=True, zone="America/Santiago")
    made = told(tmp_path, own, zone="Asia/Tokyo")
    assert str(made.zone) == "America/Santiago"
    assert made.since_us == parse_time("2025-01-05T03:00:00Z")
    other = Asset("other", "", "", "", enabled=True)
    assert str(told(tmp_path, own, other, zone="Asia/Tokyo").zone) == "Asia/Tokyo"
