"""Detection and false alerts on public data, the default network beside the linear one: `make bench-quality DATA=…`.

Data are read as they are downloaded, nothing is fetched. Settings are the defaults, the seed is one, the limit is the
return period that each data set names in rows. A set that fails does not hide the others; the exit code is then 1.
"""

from __future__ import annotations

import argparse
import os
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.progress import track

from anomaly_lstm import TrainOptions
from anomaly_lstm.learning import CHALLENGER
from anomaly_lstm.store import write_json
from bench.quality import SETS, measures, show, verbs
from bench.quality.contract import Budget, DataSet, Measured, Series

RESULT = Path(__file__).parent.parent / "results" / "quality.json"
NETWORKS = (TrainOptions().network, CHALLENGER)
SEED = 0


def main(arguments: Sequence[str] | None = None, out: Path = RESULT) -> int:
    """Measure, print, write ``out`` after every set; 0 when all that was found could be measured."""
    asked = _arguments(arguments)
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    console = Console(markup=False, highlight=False)
    sets: dict[str, Any] = {}
    budgets: dict[str, list[Budget]] = {network: [] for network in asked.networks}
    result = {"seed": SEED, "networks": asked.networks, "at_most": asked.at_most, "sets": sets}
    for name in asked.only:
        sets[name] = _one_set(SETS[name], asked, budgets, console)
        write_json(out, result | {"all": _totals(budgets)})
    if any(budgets.values()):
        console.print(show.total_table({network: measures.total(b) for network, b in budgets.items()}))
        console.print(f"The figures are in {out}.")
    else:
        console.print(f"Nothing was measured: {asked.folder} holds none of {', '.join(asked.only)} that can be read.")
    return int(any(failures(document) for document in sets.values()) or not any(budgets.values()))


def _arguments(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m bench.quality", description=__doc__)
    parser.add_argument("folder", type=Path, help="folder below which the downloaded sets lie")
    parser.add_argument("--only", type=_names, default=list(SETS), help=f"sets, of {','.join(SETS)}")
    parser.add_argument("--networks", type=_names, default=list(NETWORKS), help=f"default {','.join(NETWORKS)}")
    parser.add_argument(
        "--at-most", type=int, metavar="N", help="only the first N series of each set; for a quick look"
    )
    asked = parser.parse_args(arguments)
    unknown = [name for name in asked.only if name not in SETS]
    if unknown:
        parser.error(f"there is no set {', '.join(unknown)}; there are {', '.join(SETS)}.")
    if not asked.folder.is_dir():
        parser.error(f"{asked.folder} is no folder; name the one below which the downloaded sets lie.")
    return asked


def _names(text: str) -> list[str]:
    return [name.strip() for name in text.split(",") if name.strip()]


def _one_set(
    data: DataSet, asked: argparse.Namespace, budgets: dict[str, list[Budget]], console: Console
) -> dict[str, Any]:
    """One entry of the document, shown as a table on the way; adds to ``budgets``."""
    try:
        series = data.find(asked.folder)[: asked.at_most]
    except Exception as problem:  # one set that fails must not hide the others
        return {"failed": _told(console, data.NAME, problem)}
    if not series:
        console.print(f"{data.NAME}: not below {asked.folder}, skipped. It is {data.SOURCE}.")
        return {"skipped": data.SOURCE}
    document: dict[str, Any] = {"series": len(series), "warning_rows": data.WARNING_ROWS}
    by_network = {}
    for network in asked.networks:
        begun = time.perf_counter()
        try:
            by_network[network] = measured(data, series, network)
        except Exception as problem:  # nor may one network hide the other
            document[network] = {"failed": _told(console, f"{data.NAME}, {network}", problem)}
            continue
        budgets[network].append(by_network[network].budget)
        seconds = {"seconds": round(time.perf_counter() - begun, 1)}
        document[network] = show.document(by_network[network]) | seconds
    if by_network:
        console.print(show.table(data, len(series), by_network))
    return document


def measured(data: DataSet, series: Sequence[Series], network: str) -> Measured:
    """Every series through the verbs with a network, and what the set makes of it."""
    judged = []
    screen = Console(stderr=True)
    for one in track(series, f"{data.NAME}, {network}", console=screen, transient=True, disable=not screen.is_terminal):
        with tempfile.TemporaryDirectory() as place:
            judged.append(
                verbs.judge(one, network=network, warning_rows=data.WARNING_ROWS, seed=SEED, place=Path(place))
            )
    return data.measure(series, judged)


def _told(console: Console, what: str, problem: Exception) -> str:
    text = f"{type(problem).__name__}: {problem}"
    console.print(f"{what}: failed. {text}")
    return text


def failures(document: dict[str, Any]) -> list[str]:
    """What failed of a set's entry in the document: the reading of it, or networks."""
    parts = [document, *(part for part in document.values() if isinstance(part, dict))]
    return [part["failed"] for part in parts if "failed" in part]


def _totals(budgets: dict[str, list[Budget]]) -> dict[str, Any]:
    return {network: show.budget_document(measures.total(b)) for network, b in budgets.items() if b}


if __name__ == "__main__":
    raise SystemExit(main())
