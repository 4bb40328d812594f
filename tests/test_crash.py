"""A run that is killed anywhere, or started twice, ends as one that was left in peace.

The slices of a fleet arrive one after the other; after each a scheduled run is started and, more often than not,
killed: after a random time, or just before or just after one of its writes takes the place of a file. At the end there
is one run in peace, and everything must be as after a single clean run over all that came.
"""

from __future__ import annotations

import json
import random
import signal
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from anomaly_lstm import pipeline
from anomaly_lstm.learning import TrainOptions
from anomaly_lstm.policy import DAY_US, Policy
from tests.toys import MINUTE, START, files_of, healthy, names

PERIOD = 10 * MINUTE
ASSETS = ("pump-1", "pump-2", "pump=3")
N_ROWS = 4_320
"""A month."""
TAUGHT = 1_440

RUN = """
import os, signal, sys
from pathlib import Path
from tests.test_crash import plan
from anomaly_lstm import pipeline

folder, at = Path(sys.argv[1]), int(sys.argv[2])
done, replace = 0, os.replace

def dying(*names, **options):
    global done
    done += 1
    if done == at:
        os.kill(os.getpid(), signal.SIGKILL)
    replace(*names, **options)
    if done == -at:
        os.kill(os.getpid(), signal.SIGKILL)

if at:  # pathlib moves files with these
    os.replace = os.rename = dying
print("begun", flush=True)
pipeline.run(plan(folder))
"""
"""A run that kills itself before its ``at``-th file takes its place, or after its −``at``-th; 0 = never."""


def plan(folder: Path) -> pipeline.RunPlan:
    return pipeline.RunPlan(
        source=folder.parent / "source",
        folder=folder,
        context=["c0"],
        train_until_us=START + TAUGHT * PERIOD,
        train=TrainOptions(network="linear_predictor", seed=5),
        policy=Policy(limits={"advisory": 2 * DAY_US, "warning": 20 * DAY_US}),
    )


def history(number: int) -> np.ndarray[tuple[int, int], np.dtype[np.float64]]:
    values = healthy(N_ROWS, seed=number)
    values[2000 + 300 * number : 2100 + 350 * number, number % 3] += 9.0
    values[3300 : 3300 + 20 * number, 0] = np.nan
    return values


def deliver(folder: Path, number: int, rows: slice, piece: int) -> None:
    index = np.arange(N_ROWS)[rows]
    if number == 1:
        index = index[(index < 2500) | (index >= 2560)]  # a gap
    if len(index):
        time_us = pa.array(START + PERIOD * index).cast(pa.timestamp("us", "UTC"))
        columns = {name: history(number)[index, i] for i, name in enumerate(names())}
        home = folder / "source"
        home.mkdir(parents=True, exist_ok=True)
        table = pa.table({"time": time_us, "asset": [ASSETS[number]] * len(index), **columns})
        pq.write_table(table, home / f"{piece:04d}-{number}.parquet")


@dataclass
class Tally:
    """What happened to the runs."""

    in_peace: int = 0
    killed: int = 0
    killed_in_training: int = 0
    refused: int = 0


def start(folder: Path, at: int = 0) -> subprocess.Popen[str]:
    command = [sys.executable, "-c", RUN, str(folder), str(at)]
    return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


def run_and_kill(folder: Path, chance: random.Random, tally: Tally) -> None:
    """One scheduled run: left in peace, or killed at a moment by the clock, or at one of its writes; or two at once."""
    trained = (folder / "state.json").is_file()
    how = chance.choice(("peace", "write", "write", "write", "clock", "clock", "twice"))
    at = chance.randint(1, 14) * chance.choice((1, -1)) if how == "write" else 0
    runs = [start(folder, at)] + ([start(folder)] if how == "twice" else [])
    if how == "clock":
        assert runs[0].stdout is not None
        runs[0].stdout.readline()
        time.sleep(chance.random() * 0.3)
        runs[0].kill()
    for one in runs:
        _, said = one.communicate(timeout=120)
        assert one.returncode in (0, -signal.SIGKILL) or "LockedError" in said, said
        tally.killed += one.returncode == -signal.SIGKILL
        tally.killed_in_training += one.returncode == -signal.SIGKILL and not trained
        tally.in_peace += one.returncode == 0
        tally.refused += "LockedError" in said


def without_run(files: dict[str, bytes]) -> dict[str, object]:
    """The files with the alerts but for what they say of the run."""
    alerts = json.loads(files["alerts.json"])["alerts"]
    return {**files, "alerts.json": alerts, "alerts.parquet": b""}


@pytest.mark.parametrize(
    "kills", [8, pytest.param(220, marks=pytest.mark.slow)], ids=["a few kills", "two hundred kills"]
)
def test_runs_that_are_killed_anywhere_end_as_one_clean_run(
    kills: int, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    chance = random.Random(20260101 + kills)
    for name in ("killed", "clean"):
        deliver(tmp_path / name, 0, slice(0, TAUGHT), 0)
        deliver(tmp_path / name, 1, slice(0, TAUGHT), 0)
        deliver(tmp_path / name, 2, slice(0, TAUGHT), 0)
    ends = [*sorted(chance.sample(range(TAUGHT + 1, N_ROWS), kills)), N_ROWS]
    tally, begun = Tally(), TAUGHT
    for piece, end in enumerate(ends, start=1):
        for number in range(len(ASSETS)):
            for name in ("killed", "clean"):
                deliver(tmp_path / name, number, slice(begun, end), piece)
        begun = end
        before = tally.killed + tally.in_peace
        while tally.killed < piece and tally.killed + tally.in_peace < before + 3:
            run_and_kill(tmp_path / "killed" / "run", chance, tally)
    pipeline.run(plan(tmp_path / "killed" / "run"))
    pipeline.run(plan(tmp_path / "clean" / "run"))

    killed, clean = (without_run(files_of(tmp_path / name / "run")) for name in ("killed", "clean"))
    different = [name for name in {*killed, *clean} if killed.get(name) != clean.get(name)]
    with capsys.disabled():
        print(
            f"\n{tally.killed} runs killed ({tally.killed_in_training} of them before there was a model), "
            f"{tally.in_peace} left in peace, {tally.refused} refused by the lock; {len(different)} differences."
        )
    assert not different
    assert json.loads((tmp_path / "clean" / "run" / "alerts.json").read_text())["alerts"], "nothing to compare"
    assert tally.killed - tally.killed_in_training >= 0.8 * kills
    left = list((tmp_path / "killed" / "run").rglob(".*"))
    assert not left, "a killed run's side files are removed"
