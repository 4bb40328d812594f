"""What each idea of the evidence and the return periods is worth: `make bench-ablation DATA=folder`.

The linear network on the public sets of `bench.quality`, as it is, and again with one idea taken out at a time. The
ideas are constants of the product and are replaced from here; the product itself knows nothing of it.
"""

from __future__ import annotations

import argparse
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import Any
from unittest.mock import patch

from rich.console import Console
from rich.table import Table

from anomaly_lstm import evidence, policy, training
from anomaly_lstm.evidence import LEVEL, MEAN, POWER, PREDICTION
from anomaly_lstm.learning import CHALLENGER
from anomaly_lstm.store import write_json
from anomaly_lstm.thresholds import contract, return_period
from bench.quality import SETS, measures, show
from bench.quality.__main__ import measured
from bench.quality.contract import Measured, Series

RESULT = Path(__file__).parent / "results" / "ablation.json"

Patches = Sequence[tuple[Any, str, Any]]
"""Module, name in it, what stands there instead."""

WHOLE = "everything"


def _only(**kept: tuple[float, ...]) -> dict[tuple[int, int], tuple[float, ...]]:
    """Half-lives of the statistics that are kept: of the prediction, of the level, of the power of the errors."""
    keys = {"prediction": (PREDICTION, MEAN), "level": (LEVEL, MEAN), "power": (PREDICTION, POWER)}
    return {keys[name]: half_lives for name, half_lives in kept.items()}


ERRORS, LEVELS, POWERS = (evidence.HALF_LIVES[of] for of in ((PREDICTION, MEAN), (LEVEL, MEAN), (PREDICTION, POWER)))

WITHOUT: Mapping[str, Patches] = {
    WHOLE: (),
    "one step of the prediction alone": [(evidence, "HALF_LIVES", _only(prediction=(0.0,)))],
    "no half-lives": [(evidence, "HALF_LIVES", _only(prediction=(0.0,), level=(0.0,)))],
    "no level": [(evidence, "HALF_LIVES", _only(prediction=ERRORS, power=POWERS))],
    "no power of the errors": [(evidence, "HALF_LIVES", _only(prediction=ERRORS, level=LEVELS))],
    "every half-life, however short the record": [(evidence, "MEMORIES", 0)],
    "wild rows smoothed as they are": [(evidence, "SLOW_REACH", evidence.REACH)],
    "rarer than a normal law allows": [(evidence, "_capped", lambda rarity, n: (rarity.value, rarity.minus_log_p))],
    "trouble nobody dated kept": [(training, "unlike_the_rest", lambda *arguments: [])],
    "alerts never open again": [(policy, "REOPENS", 0.0), (return_period, "REOPENS", 0.0)],
    "alerts not counted": [(return_period, "FEW", 10**9)],
    "outbursts forgotten beyond the tail": [(return_period, "DOUBT", 1e-9)],
    "beyond the record believed": [(contract, "UNLIKE", 0.0)],
}
"""Name of what is taken out → how."""

HEADLINES = {
    "skab": ("roc_auc", "f1"),
    "tep": ("detection_without_3_9_15_pct", "delay_rows_without_3_9_15"),
    "nab": ("caught",),
    "smap_msl": ("f1_sequences",),
    "cmapss": ("lead_cycles_median", "lead_cycles_p10"),
    "ims": ("lead_hours",),
}
"""Figures shown of each set; all are in the document."""


def main(arguments: Sequence[str] | None = None, out: Path = RESULT) -> int:
    """Measure every set without each idea, print a table, write ``out`` as it goes; 1 when no set was found."""
    parser = argparse.ArgumentParser(prog="python -m bench.ablation", description=__doc__)
    parser.add_argument("folder", type=Path, help="folder below which the downloaded sets lie")
    parser.add_argument("--only", default=",".join(SETS), help="sets, with commas")
    asked = parser.parse_args(arguments)
    console = Console(markup=False, highlight=False)
    found = {name: SETS[name].find(asked.folder) for name in asked.only.split(",")}
    found = {name: series for name, series in found.items() if series}
    if not found:
        console.print(f"Nothing was measured: {asked.folder} holds none of {asked.only} that can be read.")
        return 1
    table = Table("without", *found, "false / expected", title="What each idea is worth, linear network")
    document: dict[str, Any] = {}
    for name, patches in WITHOUT.items():
        one = _without(found, patches)
        document[name] = {key: show.document(figures) for key, figures in one.items()}
        write_json(out, document)
        table.add_row(name, *(_cell(key, figures) for key, figures in one.items()), _false(one))
    console.print(table)
    console.print(f"The figures are in {out}.")
    return 0


def _without(found: Mapping[str, Sequence[Series]], patches: Patches) -> dict[str, Measured]:
    with ExitStack() as stack:
        for module, name, instead in patches:
            stack.enter_context(patch.object(module, name, instead))
        return {name: measured(SETS[name], series, CHALLENGER) for name, series in found.items()}


def _cell(name: str, of: Measured) -> str:
    return " / ".join(show.number(of.figures[key]) for key in HEADLINES[name])


def _false(of: Mapping[str, Measured]) -> str:
    budget = measures.total([m.budget for m in of.values()])
    return f"{budget.observed} / {budget.expected:.1f}"


if __name__ == "__main__":
    raise SystemExit(main())
