"""What the documents say is what the program does."""

from __future__ import annotations

import json
import re
import shlex
import shutil
import subprocess
import sys
from pathlib import Path

import pyarrow.compute as pc
import pyarrow.parquet as pq
import pytest

from anomaly_lstm.cli.case import app as case
from tests.cli.conftest import anomaly_lstm
from tests.sources.places import filled, put

ROOT = Path(__file__).parent.parent
DOCUMENTS = [
    ROOT / "README.md",
    ROOT / "CONTRIBUTING.md",
    *sorted((ROOT / "docs").glob("*.md")),
    ROOT / "sample_data" / "README.md",
]


def blocks(document: Path, language: str) -> list[str]:
    return re.findall(rf"^```{language}\n(.*?)^```", document.read_text(encoding="utf-8"), re.MULTILINE | re.DOTALL)


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder that looks like a fresh clone to a user."""
    folder = tmp_path_factory.mktemp("clone")
    shutil.copytree(ROOT / "sample_data", folder / "sample_data")
    shutil.copytree(ROOT / "pipelines", folder / "pipelines")
    return folder


def test_every_command_in_the_readme_and_on_forecasts_runs_as_it_stands(place: Path) -> None:
    beginning, forecasts = ROOT / "docs" / "init.md", ROOT / "docs" / "forecast.md"
    (plan,) = blocks(forecasts, "csv")
    (place / "plan.csv").write_text(plan)
    shown = [block for document in (ROOT / "README.md", beginning, forecasts) for block in blocks(document, "sh")]
    commands = [line for block in shown for line in block.splitlines() if line.strip()]
    assert len(commands) >= 9
    for command in commands:
        words = shlex.split(command)
        assert words[0] == "anomaly-lstm"
        done = subprocess.run(
            [sys.executable, "-m", "anomaly_lstm", *words[1:]], cwd=place, capture_output=True, text=True, check=False
        )
        assert done.returncode == 0, f"{command}\n{done.stderr}"


def test_every_command_on_ingesting_runs_as_it_stands(place: Path, s3: str, monkeypatch: pytest.MonkeyPatch) -> None:
    file = place / "sample_data" / "pump" / "pump-01.parquet"
    put(s3, "plant-history/pump/pump-01.parquet", file)
    pump = pq.read_table(file).slice(0, 3000)
    times = pc.strftime(pump.column("timestamp"), "%Y-%m-%d %H:%M:%S")
    address = f"sqlite:///{place / 'plant.db'}"
    monkeypatch.setenv("PLANT_DB", address)
    filled(address, "readings", pump.set_column(pump.column_names.index("timestamp"), "time", times))
    page = ROOT / "docs" / "ingest.md"
    text = page.read_text(encoding="utf-8")
    for name, content in re.findall(r"^```(?:csv|toml) (\S+)\n(.*?)^```", text, re.MULTILINE | re.DOTALL):
        (place / name).parent.mkdir(parents=True, exist_ok=True)
        (place / name).write_text(content)
    commands = [line for block in blocks(page, "sh") for line in block.splitlines() if line.strip()]
    for command in commands:
        done = subprocess.run(
            [sys.executable, "-m", *shlex.split(command.replace("anomaly-lstm", "anomaly_lstm", 1))],
            cwd=place,
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, f"{command}\n{done.stderr}"
    (local,) = json.loads((place / "times" / "in-utc" / "quality.json").read_text())["assets"]
    assert (local["start"], local["end"], local["rows"]) == ("2026-10-25T00:20:00Z", "2026-10-25T01:20:00Z", 4)
    (asset,) = json.loads((place / "clean" / "quality.json").read_text())["assets"]
    assert (asset["asset"], asset["held"], asset["out_of_state"], asset["settling"]) == ("pump-07", 0, 3, 1)


def test_every_command_on_runs_replays_and_reports_runs_as_it_stands(
    place: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pytest.importorskip("plotly", reason="plotly is missing: pip install 'anomaly-lstm[report]'")
    pipeline = place / "pipelines" / "pump.toml"
    text = pipeline.read_text(encoding="utf-8")
    pipeline.write_text(text.replace('model = "lstm_predictor"', 'model = "linear_predictor"'))  # learns in seconds
    monkeypatch.chdir(place)
    pages = [ROOT / "docs" / name for name in ("run.md", "replay.md", "report.md")]
    shown = "".join(block for page in pages for block in blocks(page, "sh"))
    commands = [line for line in shown.splitlines() if line.strip()]
    assert len(commands) == 10
    for command in commands:
        said = anomaly_lstm(*shlex.split(command)[1:])
        assert said.code == 0, f"{command}\n{said.err}"
    drawn = {page.name for page in (place / "runs" / "pump" / "reports").iterdir()}
    assert drawn == {"fleet.html", *(f"pump-0{n}.html" for n in (1, 2, 3, 4))}
    shutil.rmtree(place / "runs")


def test_every_command_on_cases_runs_as_it_stands(place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    page = ROOT / "docs" / "cases.md"
    (acts,) = blocks(page, "csv")
    (place / "acts.csv").write_text(acts)
    at = {"onset": "2026-03-03T06:00:00Z", "raised_at": "2026-03-03T06:07:00Z", "updated_at": "2026-03-06T00:00:00Z"}
    own = {"kind": "deviation", "severity": "warning", "active": True, "cleared_at": None, **at}
    named = {"5150": "pump-03", "78db": "pump-02", "f0c1": "pump-04", "8ab3": "pump-01"}
    alerts = [
        {
            **own,
            "alert_id": f"{start}{'0' * 12}",
            "asset": asset,
            "reason": "vibration",
            "sensors": [{"sensor": "vibration"}],
        }
        for start, asset in named.items()
    ]
    (place / "runs" / "pump").mkdir(parents=True)
    run = {"assets": {asset: {} for asset in named.values()}, "period_s": 60, "end": at["updated_at"]}
    (place / "runs" / "pump" / "alerts.json").write_text(json.dumps({"run": run, "alerts": alerts}))
    commands = [line for block in blocks(page, "sh") for line in block.splitlines() if line.strip()]
    assert {shlex.split(command)[2] for command in commands} == {
        one.name or one.callback.__name__ for one in case.registered_commands if one.callback
    }
    monkeypatch.chdir(place)
    for command in commands:
        said = anomaly_lstm(*shlex.split(command)[1:])
        assert said.code == 0, f"{command}\n{said.err}"


def test_the_python_example_in_the_readme_runs_as_it_stands(place: Path) -> None:
    (example,) = blocks(ROOT / "README.md", "python")
    done = subprocess.run([sys.executable, "-c", example], cwd=place, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


def test_every_make_target_that_a_document_names_exists() -> None:
    targets = set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(), re.MULTILINE))
    named = {
        name
        for document in DOCUMENTS
        for name in re.findall(r"(?:`|^)make ([a-z-]+)", document.read_text(), re.MULTILINE)
    }
    assert named
    assert named <= targets


def test_every_link_to_a_file_leads_somewhere() -> None:
    for document in DOCUMENTS:
        for link in re.findall(r"\]\(([^)#:]+)\)", document.read_text(encoding="utf-8")):
            assert (document.parent / link).exists(), f"{document.name}: {link}"


def test_every_option_that_a_document_names_is_an_option_of_some_command(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "200")
    known = set()
    verbs = ["init", "ingest", "train", "score", "alert", "evaluate", "replay", "forecast", "run", "inspect", "report"]
    for verb in (*([one] for one in verbs), *(["case", one] for one in ("list", "ack", "shelve", "verdict"))):
        shown = anomaly_lstm(*verb, "--help")
        assert shown.code == 0
        known |= set(re.findall(r"--[a-z][a-z-]+", shown.out))
    own = {
        "--assets",
        "--days",
        "--period",
        "--seed",
        "--start",
        "--out",
        "--healthy",
        "--strict",
        "--now",
    }  # the simulation's, mypy's and systemctl's
    for document in DOCUMENTS:
        named = set(re.findall(r"(?<![\w-])--[a-z][a-z-]+", document.read_text(encoding="utf-8")))
        assert named <= known | own, f"{document.name}: {sorted(named - known - own)}"
