"""The files of docs/operations are what they say, as far as this machine can tell."""

from __future__ import annotations

import re
import shlex
import shutil
import subprocess
import sys
import xml.etree.ElementTree as ET
from pathlib import Path

import pytest

from anomaly_lstm.channels import CHANNELS
from anomaly_lstm.config import read_pipeline
from anomaly_lstm.sinks import LIVE_SINKS
from anomaly_lstm.sinks.contract import AlertReport, Seen, Standing
from tests.told import NOON, alert_of

DOCS = Path(__file__).parent.parent / "docs"
FILES = DOCS / "operations"
PAGE = (DOCS / "operations.md").read_text(encoding="utf-8")


def needs(program: str) -> pytest.MarkDecorator:
    return pytest.mark.skipif(shutil.which(program) is None, reason=f"{program} is not installed")


def options_of_run() -> set[str]:
    command = [sys.executable, "-m", "anomaly_lstm", "run", "--help"]
    said = subprocess.run(command, capture_output=True, text=True, check=True, env={"COLUMNS": "200", "NO_COLOR": "1"})
    return set(re.findall(r"--[a-z-]+", said.stdout))


def test_every_file_is_named_on_the_page() -> None:
    assert {path.name for path in FILES.iterdir()} == set(re.findall(r"\]\(operations/([^)]+)\)", PAGE))


def test_every_call_of_the_program_has_options_that_it_knows() -> None:
    calls = [
        call for path in FILES.iterdir() for call in re.findall(r"anomaly-lstm run [^\n&|]+", path.read_text("utf-8"))
    ]
    assert len(calls) >= 5
    known = options_of_run()
    assert {word for call in calls for word in re.findall(r"--[a-z-]+", call)} <= known


def test_the_pipeline_tables_on_the_page_are_right_and_show_every_kind(tmp_path: Path) -> None:
    blocks = re.findall(r"^```toml\n(.*?)^```", PAGE, re.MULTILINE | re.DOTALL)
    path = tmp_path / "p.toml"
    path.write_text('[source]\npaths = ["x.csv"]\n[run]\nfolder = "run"\n' + "\n".join(blocks), encoding="utf-8")
    found = read_pipeline(path)
    assert {recipient.kind for recipient in found.notify} == set(CHANNELS)
    assert {target.kind for target in found.sinks} == set(LIVE_SINKS)


def metrics(folder: Path) -> set[str]:
    """The names of all metrics that a run writes."""
    run = {"budget": [{"severity": "warning", "expected_false": 1.0, "raised": 1}]}
    report = AlertReport(run, [alert_of("a", "p1")], [{"asset": "p1", "sensor": "vibration", "p50_s": 3600.0}])
    standing = Standing(
        "pump",
        folder / "h",
        NOON,
        1,
        1.0,
        report,
        {"p1": Seen(NOON, 1.0)},
        {"p2": "x"},
        ["p3"],
        {"mail": "x"},
        1.0,
        1,
    )
    LIVE_SINKS["prometheus"].show(standing, str(folder / "m.prom"), {})
    return set(re.findall(r"^(\w+)\{", (folder / "m.prom").read_text(), re.MULTILINE))


def test_the_page_names_every_metric_and_the_rules_only_such(tmp_path: Path) -> None:
    written = metrics(tmp_path)
    assert set(re.findall(r"\banomaly_lstm_[a-z_]+", PAGE)) - written == {"anomaly_lstm_alerts", "anomaly_lstm_changes"}
    assert written <= set(re.findall(r"\banomaly_lstm_[a-z_]+", PAGE))
    rules = (FILES / "prometheus-rules.yml").read_text()
    assert set(re.findall(r"\banomaly_lstm_[a-z_]+", rules)) <= written


SIMULATED = """
rule_files: [{rules}]
evaluation_interval: 1m
tests:
  - interval: 1m
    input_series:
      - series: anomaly_lstm_last_run_timestamp_seconds{{pipeline="stopped"}}
        values: 0x120
      - series: anomaly_lstm_newest_row_timestamp_seconds{{pipeline="stopped", asset="p1"}}
        values: 0x120
      - series: anomaly_lstm_alerts_active{{pipeline="stopped", asset="p1", kind="deviation", severity="warning"}}
        values: 1x120
      - series: anomaly_lstm_alerts_active{{pipeline="stopped", asset="p1", kind="deviation", severity="critical"}}
        values: 2x120
    alert_rule_test:
      - eval_time: 20m
        alertname: AnomalyLstmDoesNotRun
        exp_alerts: []
      - eval_time: 100m
        alertname: AnomalyLstmDoesNotRun
        exp_alerts:
          - exp_labels: {{pipeline: stopped, severity: critical}}
            exp_annotations: {{summary: "No run of pipeline stopped for 1h 40m 0s: nobody watches."}}
      - eval_time: 100m
        alertname: AnomalyLstmDataIsStale
        exp_alerts:
          - exp_labels: {{pipeline: stopped, asset: p1, severity: warning}}
            exp_annotations: {{summary: "p1: no new row for 1h 40m 0s."}}
      - eval_time: 10m
        alertname: AnomalyLstmAlertStands
        exp_alerts:
          - exp_labels: {{pipeline: stopped, asset: p1, kind: deviation, severity: warning}}
            exp_annotations: {{summary: "p1: 1 warning alert(s) of kind deviation stand."}}
          - exp_labels: {{pipeline: stopped, asset: p1, kind: deviation, severity: critical}}
            exp_annotations: {{summary: "p1: 2 critical alert(s) of kind deviation stand."}}
  - interval: 1m
    input_series: []
    alert_rule_test:
      - eval_time: 60m
        alertname: AnomalyLstmNeverRan
        exp_alerts:
          - exp_labels: {{severity: critical}}
            exp_annotations:
              summary: "There are no metrics of anomaly-lstm: it never ran here, or its file is not read."
"""


@needs("promtool")
def test_the_dead_mans_switch_fires_when_runs_stop_and_not_before(tmp_path: Path) -> None:
    rules = tmp_path / "rules.yml"
    shutil.copy(FILES / "prometheus-rules.yml", rules)
    (tmp_path / "test.yml").write_text(SIMULATED.format(rules=rules))
    for command in (["check", "rules", str(rules)], ["test", "rules", str(tmp_path / "test.yml")]):
        done = subprocess.run(["promtool", *command], capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stdout + done.stderr


@needs("promtool")
def test_the_metrics_pass_the_linter_of_prometheus(tmp_path: Path) -> None:
    metrics(tmp_path)
    with (tmp_path / "m.prom").open() as content:
        done = subprocess.run(
            ["promtool", "check", "metrics"], stdin=content, capture_output=True, text=True, check=False
        )
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


@needs("systemd-analyze")
def test_systemd_takes_the_units_and_finds_the_service_well_confined(tmp_path: Path) -> None:
    service = (FILES / "anomaly-lstm@.service").read_text().replace("/opt/anomaly-lstm/bin/anomaly-lstm", "/bin/true")
    (tmp_path / "anomaly-lstm@.service").write_text(service)
    (tmp_path / "anomaly-lstm.service").write_text(service)
    shutil.copy(FILES / "anomaly-lstm@.timer", tmp_path)
    for words in (
        ["verify", "./anomaly-lstm@pump.service", "./anomaly-lstm@pump.timer"],
        ["security", "--offline=true", "--threshold=20", "--no-pager", "./anomaly-lstm.service"],
    ):
        done = subprocess.run(["systemd-analyze", *words], capture_output=True, text=True, cwd=tmp_path, check=False)
        if "Failed to connect" in done.stderr or "unrecognized option" in done.stderr:
            pytest.skip(f"systemd-analyze cannot work here: {done.stderr}")
        assert done.returncode == 0, done.stdout + done.stderr
        assert "anomaly-lstm" not in done.stderr  # what it says of other units of this machine is not ours


def test_the_crontab_has_five_fields_and_a_command_without_a_bare_percent_sign() -> None:
    lines = [line for line in (FILES / "crontab").read_text().splitlines() if line and not line.startswith("#")]
    jobs = [line for line in lines if not re.match(r"[A-Z]+=", line)]
    assert len(jobs) == 1
    *fields, command = jobs[0].split(maxsplit=5)
    assert all(re.fullmatch(r"[\d*/,-]+", field) for field in fields)
    assert not re.search(r"(?<!\\)%", command)
    assert subprocess.run(["sh", "-n", "-c", command], check=False).returncode == 0


def test_the_makefile_runs_every_pipeline_and_takes_a_busy_one_for_no_failure(tmp_path: Path) -> None:
    (tmp_path / "pipelines").mkdir()
    for name, code in (("busy", 75), ("good", 0), ("wrong", 2)):
        (tmp_path / "pipelines" / f"{name}.toml").write_text(str(code))
    program = tmp_path / "anomaly-lstm"
    program.write_text('#!/bin/sh\necho "$2" >> calls\nexit "$(cat "$2")"\n')
    program.chmod(0o755)
    command = ["make", "-k", "-f", str(FILES / "Makefile")]
    environment = {"PATH": f"{tmp_path}:/usr/bin:/bin"}
    done = subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, text=True, check=False)
    assert sorted((tmp_path / "calls").read_text().split()) == [
        f"pipelines/{n}.toml" for n in ("busy", "good", "wrong")
    ]
    assert re.findall(r"run-(\w+)\] Error", done.stderr) == ["wrong"]


def test_the_task_of_windows_is_xml_that_calls_wsl() -> None:
    space = "{http://schemas.microsoft.com/windows/2004/02/mit/task}"
    task = ET.parse(FILES / "task.xml").getroot()
    assert task.findtext(f"{space}Actions/{space}Exec/{space}Command") == "wsl.exe"
    words = shlex.split(task.findtext(f"{space}Actions/{space}Exec/{space}Arguments") or "")
    assert subprocess.run(["sh", "-n", "-c", words[-1]], check=False).returncode == 0


def test_the_container_is_made_of_known_instructions_and_does_not_run_as_root() -> None:
    text = re.sub(r"\\\n", " ", (FILES / "Containerfile").read_text())
    lines = [line.split(maxsplit=1) for line in text.splitlines() if line and not line.startswith("#")]
    assert {name for name, _ in lines} <= {"FROM", "COPY", "RUN", "USER", "VOLUME", "ENV", "ENTRYPOINT", "CMD"}
    assert ["USER", "anomaly-lstm"] in lines
    for name, rest in lines:
        if name == "RUN":
            assert subprocess.run(["sh", "-n", "-c", rest], check=False).returncode == 0
