from __future__ import annotations

import tomllib
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from anomaly_lstm.config import read_pipeline
from anomaly_lstm.drafting import Draft, Sensor, key, string, text_of

ANY_TEXT = st.text(st.characters(exclude_categories=["Cs"]), min_size=1)
"""Everything but lone halves of characters, which no file name in UTF-8 holds."""

HOSTILE = [
    'a"b',
    "a'b",
    "a\\b",
    "a\nb",
    'x"\n[run]\nfolder = "/"',
    "# no",
    "a = 1",
    "\x1b[31m",
    "\x7f",
    "°C",
    "a]b",
    "",
]


def draft(name: str = "flow") -> Draft:
    return Draft(
        title=f"{name}, watched.",
        command=f"anomaly-lstm run {name}",
        folder="runs/pump",
        paths=[name or "pump.csv"],
        source={"time": name or "time", "period": "1min"},
        sensors=[Sensor(name, "bar", "", f"{name} to {name}", f"Low: '{name}'"), Sensor("flow", "m³/h", "a guess")],
        context={name or "load": f"{name}, by its name"},
        maybe_context={"valve": name},
        exclude={"dead": f"it equals '{name}'"},
        running="flow > 5",
        running_why=name,
        until="2026-03-01",
        until_why=name,
        promise=[name],
        found=[f"Column '{name}'"],
        unsure=[f"units: '{name}'"],
    )


@given(ANY_TEXT)
def test_a_string_and_a_key_hold_exactly_their_text(text: str) -> None:
    assert tomllib.loads(f"{key(text)} = {string(text)}") == {text: text}


@pytest.mark.parametrize("name", HOSTILE)
def test_a_hostile_name_stays_a_name(name: str) -> None:
    content = tomllib.loads(text_of(draft(name)))
    assert content["sensors"]["units"] == {name: "bar"}
    assert set(content) == {"source", "run", "sensors", "train", "alarm"}
    assert content["run"] == {"folder": "runs/pump"}


@given(ANY_TEXT)
def test_no_name_whatever_it_holds_gets_out_of_its_place(name: str) -> None:
    content = tomllib.loads(text_of(draft(name)))
    assert set(content) == {"source", "run", "sensors", "train", "alarm"}
    assert content["source"]["paths"] == [name]
    assert list(content["sensors"]["context"]) == [name]


def test_what_is_written_is_a_pipeline_file_without_mistakes(tmp_path: Path) -> None:
    path = tmp_path / "pump.toml"
    path.write_text(text_of(draft()), encoding="utf-8")
    read = read_pipeline(path)
    assert read.folder == tmp_path / "runs" / "pump"
    assert read.sensors.running == "flow > 5"
    assert read.source.read.exclude == ("dead",)


def test_every_key_that_is_only_proposed_is_a_key_that_exists(tmp_path: Path) -> None:
    """Whoever takes the # away gets no mistake for it."""
    proposed = text_of(draft())
    for line in (
        'delay = "5min"',
        "max_hole = 10",
        'on_delay = "5min"',
        'off_delay = "15min"',
        'respond_within = "8h"',
    ):
        assert f"# {line}" in proposed
        proposed = proposed.replace(f"# {line}", line)
    path = tmp_path / "pump.toml"
    path.write_text(proposed, encoding="utf-8")
    read_pipeline(path)


def test_a_guessed_unit_stands_there_but_is_not_told() -> None:
    text = text_of(draft("load"))
    assert '# flow = "m³/h"' in text
    assert "flow" not in tomllib.loads(text)["sensors"]["units"]


def test_of_thousands_of_sensors_some_are_listed_and_the_others_counted() -> None:
    many = Draft("", "", paths=["a"], sensors=[Sensor(f"s{i}", "bar") for i in range(3000)])
    text = text_of(many)
    assert "2,800 more sensors" in text
    assert len(text.splitlines()) < 300


def test_lines_are_short_enough_to_read() -> None:
    assert max(map(len, text_of(draft("a rather long name of a sensor " * 3)).splitlines())) <= 150
