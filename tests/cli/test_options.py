"""Flags over file: what is given wins, what is not stays as it was."""

from pathlib import Path
from typing import Any

import pytest

from anomaly_lstm.cli import given
from anomaly_lstm.clock import DAY
from anomaly_lstm.config import Pipeline, read_pipeline
from anomaly_lstm.errors import UsageError
from anomaly_lstm.learning import TrainOptions
from anomaly_lstm.policy import Policy
from anomaly_lstm.sources import layout

PIPELINE = '[source]\npaths = ["data.csv"]\nzone = "Asia/Tokyo"\nend = "2026-03-01"\n[run]\nfolder = "run"\n'


def pipeline(folder: Path, more: str = "") -> Pipeline:
    (folder / "p.toml").write_text(PIPELINE + more)
    return read_pipeline(folder / "p.toml")


def policy(config: Pipeline | None, **flags: str) -> tuple[Policy, int | None]:
    severities: dict[str, Any] = {name: flags.get(name) for name in ("advisory", "warning", "critical")}
    return given.policy(config, **severities, on_delay=flags.get("on_delay"), off_delay=None, deadband=None)


def learning(config: Pipeline | None, time_budget: str | None = None, network: str | None = None) -> TrainOptions:
    return given.learning(config, network=network, threshold=None, seed=None, max_steps=None, time_budget=time_budget)


@pytest.mark.parametrize(
    ("text", "names"),
    [
        (None, None),
        ("flow", ("flow",)),
        ("flow, pressure", ("flow", "pressure")),
        ('"a,b",PIT-3101A.PV', ("a,b", "PIT-3101A.PV")),
        (r"\\srv\Área 2:TT%", (r"\\srv\Área 2:TT%",)),
    ],
)
def test_lists_of_sensors_take_the_names_of_the_plant(text: str | None, names: tuple[str, ...] | None) -> None:
    assert given.names(text) == names


@pytest.mark.parametrize(("text", "mark"), [(None, None), (";", ";"), ("tab", "\t"), (r"\t", "\t"), ("\t", "\t")])
def test_a_tab_between_columns_may_be_called_tab(text: str | None, mark: str | None) -> None:
    assert given.separator_mark(text) == mark


def test_the_separators_are_those_a_csv_is_read_by() -> None:
    assert set(given.SEPARATORS) == {*layout.SEPARATORS, *layout.BLANKS}


def test_an_empty_list_of_sensors_is_refused() -> None:
    for text in ("", "a,,b", ","):
        with pytest.raises(UsageError):
            given.names(text)


def test_without_flags_or_file_the_defaults_stand() -> None:
    assert policy(None) == (Policy(), None)
    assert learning(None) == TrainOptions()


def test_off_and_durations_overrule_the_defaults_one_by_one() -> None:
    assert policy(None, advisory="off")[0].limits == {"warning": 90 * DAY}
    assert policy(None, critical="1w", advisory="off", warning="off")[0].limits == {"critical": 7 * DAY}
    with pytest.raises(UsageError, match="--advisory"):
        policy(None, advisory="often")


def test_a_severity_that_the_file_switched_off_stays_off(tmp_path: Path) -> None:
    config = pipeline(tmp_path, '[alarm]\nadvisory = "off"\nwarning = "7d"\non_delay = "5min"')
    found, _ = policy(config, critical="30d")
    assert found.limits == {"warning": 7 * DAY, "critical": 30 * DAY}
    assert found.on_delay_us == config.alarm.policy.on_delay_us > 0


def test_a_severity_given_as_a_flag_puts_the_budget_out_of_force(tmp_path: Path) -> None:
    config = pipeline(tmp_path, '[alarm]\nbudget = "1 per week"')
    assert policy(config, on_delay="1h")[1] == 7 * DAY
    assert policy(config, warning="60d") == (Policy({"advisory": 30 * DAY, "warning": 60 * DAY}), None)


def test_start_and_end_are_read_in_the_zone_of_the_flag_or_of_the_file(tmp_path: Path) -> None:
    config = pipeline(tmp_path)
    rest: dict[str, Any] = dict.fromkeys(("time", "time_format", "separator", "decimal", "asset", "sensors", "exclude"))
    in_tokyo = given.reading(config, zone=None, start="2026-01-01", end=None, **rest)
    in_utc = given.reading(config, zone="UTC", start="2026-01-01", end=None, **rest)
    assert in_tokyo.start_us is not None
    assert in_utc.start_us is not None
    assert in_utc.start_us - in_tokyo.start_us == DAY * 9 // 24
    assert in_tokyo.end_us == config.source.read.end_us is not None


def test_the_time_budget_runs_out(tmp_path: Path) -> None:
    assert learning(None, time_budget="1us").expired()
    assert not learning(None, time_budget="1h").expired()
    assert learning(pipeline(tmp_path, '[train]\ntime_budget = "1us"')).expired()
    assert not learning(pipeline(tmp_path, '[train]\ntime_budget = "1us"'), time_budget="1h").expired()


def test_a_network_that_does_not_exist_is_told_with_the_nearest() -> None:
    with pytest.raises(UsageError, match=r"Did you mean 'lstm_predictor'"):
        learning(None, network="lstm_predicter")


def test_assets_that_are_not_enabled_are_not_watched(tmp_path: Path) -> None:
    (tmp_path / "assets.csv").write_text("asset,enabled\nP1,true\nP2,false\nP3,\n")
    plan = given.plan_from(pipeline(tmp_path, '[assets]\ntable = "assets.csv"'))
    assert list(plan.disabled) == ["P2"]


def test_the_time_to_respond_is_an_option_and_off_without_it() -> None:
    none = dict.fromkeys(("advisory", "warning", "critical", "on_delay", "off_delay"))
    asked, _ = given.policy(None, **none, deadband=None, respond_within="8h")
    usual, _ = given.policy(None, **none, deadband=None)
    assert (asked.respond_within_us, usual.respond_within_us) == (8 * 3_600_000_000, 0)
