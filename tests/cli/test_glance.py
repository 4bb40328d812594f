"""What a terminal shows of a fleet: the same in every terminal, in a pipe, and to programs."""

from __future__ import annotations

import io
import json
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
import pytest
from rich.console import Console

from anomaly_lstm.actions import NOTHING
from anomaly_lstm.cli.show import glance
from anomaly_lstm.cli.show.screen import Screen, table
from anomaly_lstm.cli.show.told import alerts
from tests.cli.conftest import anomaly_lstm, pipeline_text, plant, row_time
from tests.told import alert_of

HOSTILE = "[red]P2[/red]\x1b[31m\u202e"


@pytest.fixture(scope="module")
def ran(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A pipeline file that has run up to the middle of a fault; the asset at fault has a hostile name."""
    folder = tmp_path_factory.mktemp("glance")
    table = plant()
    names = pc.if_else(pc.equal(table["asset"], pa.scalar("P2")), pa.scalar(HOSTILE), table["asset"])
    pq.write_table(table.set_column(0, "asset", names), folder / "plant.parquet")
    (folder / "events.csv").write_text("asset,start,end,kind\n")
    (folder / "p.toml").write_text(pipeline_text(folder))
    said = anomaly_lstm("run", folder / "p.toml", "--until", row_time(850))
    assert said.code == 0, said.err
    return folder / "p.toml"


def again(pipeline: Path, *more: str) -> Any:
    return anomaly_lstm("run", pipeline, "--until", row_time(850), *more)


def test_a_run_ends_with_a_line_per_asset_the_worst_first(ran: Path) -> None:
    lines = again(ran).err.splitlines()
    (head,) = [at for at, line in enumerate(lines) if line.startswith("asset") and "last 14 h" in line]
    worst, best = lines[head + 1], next(line for line in lines[head + 2 :] if line.startswith("P1"))
    assert "◆ warning" in worst
    assert "█" in worst
    assert row_time(800)[:13].replace("T", " ") in worst
    assert best.startswith("P1")
    assert "quiet" in best
    assert "█" not in best
    assert max(map(len, lines[head : head + 3])) <= 80


def test_a_pipe_gets_no_escape_code_and_names_are_shown_never_obeyed(ran: Path) -> None:
    for words in (("inspect", ran), ("inspect", ran, "--asset", HOSTILE), ("case", "list", ran)):
        said = anomaly_lstm(*words)
        assert said.code == 0, said.err
        assert "\x1b" not in said.err
        assert "\u202e" not in said.err
        assert "[red]" in said.err
        assert "\\x1b" in said.err.replace("\n", "")


def test_programs_get_the_facts_of_the_table(ran: Path) -> None:
    found = json.loads(again(ran, "--json").out)["fleet"]
    worst, best = found["assets"]
    assert (worst["asset"], worst["severity"], best["asset"], best["severity"]) == (HOSTILE, "warning", "P1", None)
    assert worst["once_in_s"] > worst["limit_s"] > best["once_in_s"]
    assert worst["onset"] == row_time(800)
    assert len(worst["rarest_s"]) == 28
    assert max(one for one in worst["rarest_s"] if one) > worst["limit_s"]
    assert json.loads(anomaly_lstm("inspect", ran, "--json").out)["fleet"] == found


def test_one_asset_shows_the_sensors_that_say_so_the_states_and_the_budget(ran: Path) -> None:
    said = anomaly_lstm("inspect", ran, "--asset", HOSTILE, "--json")
    found = json.loads(said.out)
    assert found["states"]["SCORED"]
    assert sum(found["states"].values()) == 850
    first = found["sensors"][0]
    assert first["sensor"] == "vibration"
    assert first["measured"][-1] - first["expected"][-1] > 5
    (warning,) = found["budget"]
    assert warning["severity"] == "warning"
    assert warning["raised"] == 1
    assert "vibration" in said.err
    assert "█ SCORED" in said.err
    assert "1 raised" in said.err


def test_an_asset_that_is_not_there_is_named_with_the_nearest(ran: Path) -> None:
    said = anomaly_lstm("inspect", ran, "--asset", "p1")
    assert said.code == 2
    assert "Did you mean 'P1'?" in said.err


def test_an_asset_of_what_is_no_run_folder_is_wrong_usage(made: Path) -> None:
    said = anomaly_lstm("inspect", made / "model", "--asset", "P1")
    assert said.code == 2
    assert "no run folder" in said.err


def test_a_damaged_file_takes_the_blocks_of_its_asset_and_nothing_else(ran: Path, tmp_path: Path) -> None:
    folder = Path(shutil.copytree(ran.parent / "run", tmp_path / "run"))
    (folder / "scores" / "P1" / "2026-01.parquet").write_bytes(b"PAR1 damaged")
    worst, best = json.loads(anomaly_lstm("inspect", folder, "--json").out)["fleet"]["assets"]
    assert best["asset"] == "P1"
    assert set(best["rarest_s"]) == {None}
    assert worst["once_in_s"] > worst["limit_s"]
    said = anomaly_lstm("inspect", folder, "--asset", "P1")
    assert said.code == 1
    assert "2026-01.parquet" in said.err.replace("\n", "")


def test_a_stream_without_blocks_gets_plain_letters(ran: Path) -> None:
    environment = {**os.environ, "PYTHONIOENCODING": "ascii", "COLUMNS": "80"}
    words = [sys.executable, "-m", "anomaly_lstm", "inspect", str(ran)]
    said = subprocess.run(words, capture_output=True, env=environment, check=True).stderr.decode("ascii")
    assert "* warning" in said
    assert "\\u" not in said.replace("\\u202e", "")
    assert "+ and higher beyond the lowest limit" in said


def document(n: int, **more: Any) -> dict[str, Any]:
    quiet = {"severity": None, "kind": None, "rising": None, "once_in_s": 60.0, "onset": None, "left": None}
    quiet |= {"handled": None, "unwatched": None, "closed": False}
    assets = [{"asset": f"P{i}", **quiet, "limit_s": 1e6, "rarest_s": [60.0, None] * 14} for i in range(n)]
    return {"start": "2026-01-01T00:00:00Z", "end": "2026-01-08T00:00:00Z", "assets": assets, "unwatched": 0, **more}


def shown(found: dict[str, Any], width: int) -> str:
    stream = io.StringIO()
    glance.assets(Screen(Console(file=stream, width=width, markup=False, highlight=False)), found)
    return stream.getvalue()


def test_of_a_large_fleet_the_rest_is_counted() -> None:
    text = shown(document(2, others=3, quiet=1088), 80)
    assert "… and 3 more with something to tell and 1,088 more quiet." in text
    assert shown(document(0, others=0, quiet=40), 80) == "40 quiet.\n"
    text = shown(document(2, others=3, quiet=1088, unwatched=4), 80)
    assert "… and 3 more with something to tell, 1,088 more quiet and 4 more not watched." in text


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        ({"severity": "warning", "handled": "acknowledged"}, "◆ warning, acknowledged"),
        ({"severity": "warning", "handled": "out of service", "unwatched": "disabled"}, "◆ warning, switched off"),
        ({"unwatched": "never"}, "not watched"),
        ({"closed": True}, "closed"),
        ({}, "quiet"),
    ],
)
def test_the_line_of_an_asset_says_what_people_made_of_it_and_whether_it_is_watched(
    changes: dict[str, Any], told: str
) -> None:
    found = document(1, others=0, quiet=0)
    found["assets"][0] |= changes
    assert told in shown(found, 120)


def test_a_wide_terminal_shows_every_stretch_and_gaps_stay_blank() -> None:
    assert "▁ ▁ ▁ ▁ ▁ ▁ ▁ ▁ ▁ ▁ ▁ ▁ ▁ ▁" in shown(document(1, others=0, quiet=0), 120)
    assert "▁" * 14 in shown(document(1, others=0, quiet=0), 80)


def test_a_severity_is_told_by_a_sign_and_a_word_not_by_colour_alone() -> None:
    from anomaly_lstm.cli.show.told import SIGNS, STYLES, severity

    assert set(SIGNS) == set(STYLES)
    assert len(set(SIGNS.values())) == 3
    assert severity("critical").plain == "■ critical"


def test_a_long_name_loses_its_middle_and_keeps_to_its_line() -> None:
    found = document(1, others=0, quiet=0)
    found["assets"][0]["asset"] = f"begin{'L' * 200}end"
    lines = shown(found, 120).splitlines()
    assert lines[1].startswith("beginLLLLLLLLLL…")
    assert "LLLend " in lines[1]
    assert len(lines) == 3


def test_a_narrow_table_keeps_the_columns_that_nobody_can_spare() -> None:
    stream = io.StringIO()
    screen = Screen(Console(file=stream, width=30, markup=False, highlight=False))
    columns = ("id", "asset", "when", "state")
    table(screen, columns, [("78db", "pump", "2026-03-04 09:31", "acknowledged")], whole=columns[2:], spare=("when",))
    assert stream.getvalue().splitlines()[0].split() == ["id", "asset", "state"]
    assert "78db" in stream.getvalue()
    assert "acknowledged" in stream.getvalue()


def test_letters_that_a_stream_cannot_write_shift_no_column() -> None:
    raw = io.BytesIO()
    stream = io.TextIOWrapper(raw, encoding="ascii", errors="backslashreplace")
    screen = Screen(Console(file=stream, width=80, markup=False, highlight=False))
    table(screen, ("asset", "state"), [("pump \N{FIRE}", "a"), ("p", "b")], whole=("asset", "state"))
    stream.flush()
    first, second = raw.getvalue().decode().splitlines()[1:]
    assert first.startswith("pump \\U0001f525")
    assert first.rstrip().index(" a") + 1 == second.rindex("b")


def test_what_people_handled_stands_apart_and_without_its_reason() -> None:
    stream = io.StringIO()
    screen = Screen(Console(file=stream, width=120, markup=False, highlight=False))
    untouched, off, closed = (
        {**NOTHING, **alert_of(name, name), **changes}
        for name, changes in (("calm", {}), ("off", {"out_of_service": True}), ("shut", {"closed": True}))
    )
    alerts(screen, {"assets": {}, "budget": []}, [untouched, closed, off])
    said = stream.getvalue()
    rows = [line.split()[0] for line in said.splitlines()[1:4]]
    assert rows == ["shut", "off", "calm"]
    assert "warning: calm: " in said
    assert "warning: off: " not in said
    assert "2 alerts still stand, 1 of them acknowledged or put aside." in said
