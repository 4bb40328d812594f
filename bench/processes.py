"""What a whole process costs: wall-clock time, CPU time and peak memory."""

from __future__ import annotations

import json
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

_PROBE = """
import json, resource, subprocess, sys, time
begun = time.perf_counter()
subprocess.run(json.loads(sys.argv[1]), check=True)
wall = time.perf_counter() - begun
used = resource.getrusage(resource.RUSAGE_CHILDREN)
print(json.dumps([wall, used.ru_utime + used.ru_stime, used.ru_maxrss / 1024]))
"""


@dataclass(frozen=True)
class Cost:
    """Of one process: wall-clock time [s], CPU time [s], peak memory [MB]."""

    wall_s: float
    cpu_s: float
    peak_mb: float


def cost(command: list[str], folder: Path) -> Cost:
    """What a finished command cost, by a small parent of its own; what it says is told where it fails."""
    probe = [sys.executable, "-c", _PROBE, json.dumps(command)]
    done = subprocess.run(probe, cwd=folder, capture_output=True, text=True)
    if done.returncode:
        raise RuntimeError(f"{command[:6]} failed:\n{done.stderr[-2000:]}")
    return Cost(*json.loads(done.stdout.splitlines()[-1]))
