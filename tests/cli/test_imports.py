"""What a command may load: a scheduled run pays for every import."""

import subprocess
import sys
from pathlib import Path

import pytest

LEARNING = {"tensorflow", "keras", "sklearn", "scipy", "pandas"}


def loaded(*words: str | Path) -> set[str]:
    """The top-level modules a process has loaded when the command ends."""
    code = "import atexit, sys; atexit.register(lambda: print(*{m.partition('.')[0] for m in sys.modules})); "
    code += "from anomaly_lstm.cli import main; main(sys.argv[1:])"
    found = subprocess.run([sys.executable, "-c", code, *map(str, words)], capture_output=True, text=True, check=False)
    assert found.returncode == 0, found.stderr
    return set(found.stdout.splitlines()[-1].split())


@pytest.mark.parametrize("words", [("--help",), ("train", "--help"), ("--version",)])
def test_help_loads_nothing_that_computes(words: tuple[str, ...]) -> None:
    assert not loaded(*words) & {"numpy", "pyarrow", *LEARNING}


def test_score_on_parquet_loads_nothing_that_learns(made: Path, tmp_path: Path) -> None:
    words = ("score", made / "plant.parquet", "--model", made / "model", "--out", tmp_path / "s.parquet")
    assert not loaded(*words) & LEARNING


def test_alert_loads_nothing_that_learns(made: Path, tmp_path: Path) -> None:
    words = ("alert", made / "scores.parquet", "--model", made / "model", "--out", tmp_path / "a.json")
    assert not loaded(*words) & LEARNING
    assert not loaded(*words[:-1], tmp_path / "a.parquet") & LEARNING
