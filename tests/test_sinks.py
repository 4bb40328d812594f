"""What every sink promises, run over the whole room; and that alerts are what their JSON Schema says."""

from __future__ import annotations

import json
from dataclasses import replace
from importlib.resources import files
from pathlib import Path
from typing import Any

import jsonschema
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from anomaly_lstm import pipeline
from anomaly_lstm.bounds import Reach
from anomaly_lstm.errors import DataError, UsageError
from anomaly_lstm.learning import TrainOptions
from anomaly_lstm.limits import ESTIMATE, Passage
from anomaly_lstm.policy import Bound, Policy
from anomaly_lstm.rising import Indicator, as_document
from anomaly_lstm.sinks import SINKS, sink_for
from anomaly_lstm.sinks.contract import AlertReport, Sink
from anomaly_lstm.sources.contract import ReadOptions
from anomaly_lstm.tables import ALERTS_VERSION, flat_alerts_schema
from tests.toys import MINUTE, START, healthy, write_history

every_sink = pytest.mark.parametrize("sink", SINKS.values(), ids=SINKS)
SCHEMA: dict[str, Any] = json.loads((files("anomaly_lstm") / "schemas" / "alerts.schema.json").read_text("utf-8"))


@pytest.fixture(scope="module")
def report(tmp_path_factory: pytest.TempPathFactory) -> AlertReport:
    """What the pipeline really tells: an alert that cleared, one that stands, one of a bound."""
    folder = tmp_path_factory.mktemp("sinks")
    history = healthy(1500, seed=1)
    history[1100:1130, 0] += 20
    history[1300, 1] = 500
    history[1480:, 2] -= 30
    source = write_history(folder / "pump 1.parquet", history)
    read = ReadOptions(end_us=int(MINUTE * 1000 + 1_767_225_600_000_000))
    options = TrainOptions(network="linear_predictor")
    pipeline.train(source, folder / "m", read=read, context=["c0"], units={"s0": "°C"}, options=options)
    pipeline.score(source, folder / "m", folder / "scores.parquet")
    policy = Policy(bounds={"s1": Bound(high=400)}, on_delay_us=0)
    return pipeline.alert(folder / "scores.parquet", folder / "m", None, policy=policy).report


@pytest.fixture
def empty() -> AlertReport:
    return AlertReport({"version": "0", "start": None, "budget": [], "assets": {}}, [])


def test_the_report_used_here_has_an_alert_of_each_kind(report: AlertReport) -> None:
    assert {alert["active"] for alert in report.alerts} == {True, False}
    assert "critical" in {alert["severity"] for alert in report.alerts}
    assert {"°C", None} <= {s["unit"] for alert in report.alerts for s in alert["sensors"]}


# ---------------------------------------------------------------- the contract


@every_sink
def test_what_is_written_can_be_read(sink: Sink, report: AlertReport, tmp_path: Path) -> None:
    path = tmp_path / f"alerts{sink.SUFFIX}"
    sink.write(path, report)
    again = sink.read(path)
    assert again.run == report.run
    assert list(again.alerts) == list(report.alerts)


INDICATOR = as_document(
    Indicator(
        asset="pump 1",
        sensor="s1",
        onset_us=START,
        updated_us=START + 500 * MINUTE,
        value=21.5,
        expected=20.0,
        return_period_s=4e6,
        reach=Reach("s1", None, 30.0, None, Passage(ESTIMATE, None, 10.0, 20.0, 30.0)),
        period_us=MINUTE,
    )
)


@every_sink
def test_sensors_that_rise_are_kept_and_an_older_file_has_none(
    sink: Sink, report: AlertReport, empty: AlertReport, tmp_path: Path
) -> None:
    path = tmp_path / f"alerts{sink.SUFFIX}"
    sink.write(path, replace(report, indicators=[INDICATOR]))
    assert list(sink.read(path).indicators) == [INDICATOR]
    sink.write(path, empty)
    assert list(sink.read(path).indicators) == []


@every_sink
@pytest.mark.parametrize("fraction", ["", ".500", ".000001", ".123456"])
def test_a_time_is_read_as_it_was_written(sink: Sink, fraction: str, report: AlertReport, tmp_path: Path) -> None:
    moment = f"2026-03-04T02:10:00{fraction}Z"
    path = tmp_path / f"alerts{sink.SUFFIX}"
    sink.write(path, AlertReport(report.run, [{**report.alerts[0], "onset": moment}]))
    assert sink.read(path).alerts[0]["onset"] == moment


@every_sink
def test_no_alert_is_something_to_tell_too(sink: Sink, empty: AlertReport, tmp_path: Path) -> None:
    path = tmp_path / f"alerts{sink.SUFFIX}"
    sink.write(path, empty)
    assert list(sink.read(path).alerts) == []
    assert sink.read(path).run == empty.run


@every_sink
def test_the_same_report_is_the_same_bytes(sink: Sink, report: AlertReport, tmp_path: Path) -> None:
    for name in ("a", "b"):
        sink.write(tmp_path / name / f"alerts{sink.SUFFIX}", report)
    assert len({p.read_bytes() for p in tmp_path.rglob("alerts*")}) == 1


@every_sink
def test_writing_replaces_what_stood_there_and_leaves_nothing_beside_it(
    sink: Sink, report: AlertReport, empty: AlertReport, tmp_path: Path
) -> None:
    path = tmp_path / f"alerts{sink.SUFFIX}"
    sink.write(path, report)
    sink.write(path, empty)
    assert list(sink.read(path).alerts) == []
    assert list(tmp_path.iterdir()) == [path]


@every_sink
@pytest.mark.parametrize("content", [b"", b"{}", b"[1]", b"asset,time\n", b"\xff\xfe"])
def test_a_file_that_is_no_alerts_file_is_named(sink: Sink, content: bytes, tmp_path: Path) -> None:
    path = tmp_path / f"alerts{sink.SUFFIX}"
    path.write_bytes(content)
    with pytest.raises(DataError, match=path.name):
        sink.read(path)


@every_sink
def test_a_missing_file_is_named(sink: Sink, tmp_path: Path) -> None:
    with pytest.raises(DataError, match="none"):
        sink.read(tmp_path / f"none{sink.SUFFIX}")


@every_sink
def test_a_place_that_cannot_be_written_is_named(sink: Sink, empty: AlertReport, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(DataError, match="cannot be written"):
        sink.write(tmp_path / "file" / f"alerts{sink.SUFFIX}", empty)


def test_the_ending_chooses_the_sink() -> None:
    assert sink_for(Path("a/ALERTS.JSON")) is SINKS["json"]
    assert sink_for(Path("alerts.parquet")) is SINKS["parquet"]
    with pytest.raises(UsageError, match=r"\.json or \.parquet"):
        sink_for(Path("alerts.xlsx"))


# ---------------------------------------------------------------- the JSON Schema


def valid(document: Any) -> bool:
    return bool(jsonschema.Draft202012Validator(SCHEMA).is_valid(document))


def written(report: AlertReport, folder: Path) -> dict[str, Any]:
    SINKS["json"].write(folder / "alerts.json", report)
    document: dict[str, Any] = json.loads((folder / "alerts.json").read_text("utf-8"))
    return document


def test_the_schema_is_a_schema() -> None:
    jsonschema.Draft202012Validator.check_schema(SCHEMA)
    assert SCHEMA["properties"]["schema_version"]["const"] == ALERTS_VERSION


def test_alerts_are_what_their_schema_says(report: AlertReport, tmp_path: Path) -> None:
    jsonschema.Draft202012Validator(SCHEMA).validate(written(report, tmp_path))


def test_the_alerts_of_no_data_are_what_their_schema_says(report: AlertReport, tmp_path: Path) -> None:
    nothing = {**report.run, "start": None, "end": None, "assets": {}, "budget": []}
    assert valid(written(AlertReport(nothing, []), tmp_path))


def objects_in(schema: Any) -> list[dict[str, Any]]:
    if isinstance(schema, list):
        return [found for item in schema for found in objects_in(item)]
    if not isinstance(schema, dict):
        return []
    own = [schema] if "properties" in schema else []
    return own + [found for value in schema.values() for found in objects_in(value)]


def test_the_schema_requires_every_key_and_allows_no_other() -> None:
    assert len(objects_in(SCHEMA)) == 11
    for found in objects_in(SCHEMA):
        assert found["required"] == list(found["properties"])
        assert found["additionalProperties"] is False


def test_the_schema_describes_every_key() -> None:
    for found in objects_in(SCHEMA):
        for name, field in found["properties"].items():
            assert field.keys() & {"description", "$ref"}, name


def test_a_document_that_lacks_a_key_or_breaks_its_word_is_no_alerts_file(report: AlertReport, tmp_path: Path) -> None:
    document = written(report, tmp_path)
    first, *others = document["alerts"]
    for key in first:
        assert not valid({**document, "alerts": [{k: v for k, v in first.items() if k != key}, *others]})
    for wrong in ({"severity": "urgent"}, {"onset": "2026-01-01 00:00"}, {"active": "yes"}, {"score": 1}):
        assert not valid({**document, "alerts": [{**first, **wrong}]})


def test_what_rises_is_what_the_schema_says(report: AlertReport, tmp_path: Path) -> None:
    document = written(replace(report, indicators=[INDICATOR]), tmp_path)
    assert valid(document)
    for wrong in ({"state": "failing"}, {"reason": "no trend"}, {"onset": None}):
        assert not valid({**document, "indicators": [{**INDICATOR, **wrong}]})


def test_the_schema_ships_with_the_package() -> None:
    import tomllib

    settings = tomllib.loads(Path("pyproject.toml").read_text("utf-8")) if Path("pyproject.toml").is_file() else None
    if settings is None:
        pytest.skip("not in the work tree")
    assert "schemas/*.json" in settings["tool"]["setuptools"]["package-data"]["anomaly_lstm"]


# ---------------------------------------------------------------- flat Parquet


def test_flat_alerts_have_real_times_and_nested_sensors(report: AlertReport, tmp_path: Path) -> None:
    SINKS["parquet"].write(tmp_path / "alerts.parquet", report)
    table = pq.read_table(tmp_path / "alerts.parquet")
    assert table.schema.equals(flat_alerts_schema())
    assert table.num_rows == len(report.alerts)
    assert pa.types.is_timestamp(table.schema.field("peak.time").type)
    raised = table.column("raised_at").to_numpy()
    assert (np.diff(raised) >= np.timedelta64(0)).all()
