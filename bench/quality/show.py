"""What was measured, as a table for people and as a document for programs."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

from rich.table import Table

from bench.quality.contract import Budget, DataSet, Figures, Measured

ALWAYS_ON = "always on"


def table(data: DataSet, n_series: int, by_network: Mapping[str, Measured]) -> Table:
    """A row per figure, a column per network, beside them an alarm that is always on where it has the figure."""
    out = Table(title=f"{data.NAME}: {n_series} series, a warning = once in {data.WARNING_ROWS:,} rows")
    baseline = next((m.always_on for m in by_network.values()), {})
    for name in ("", *by_network, *([ALWAYS_ON] if baseline else [])):
        out.add_column(name, justify="right" if name else "left")
    for key in dict.fromkeys(key for m in by_network.values() for key in m.figures):
        cells = [number(m.figures.get(key, math.nan)) for m in by_network.values()]
        out.add_row(words(key), *cells, *([number(baseline[key])] if key in baseline else []))
    out.add_section()
    for name, cells in budget_rows([m.budget for m in by_network.values()]):
        out.add_row(name, *cells)
    return out


def budget_rows(budgets: Sequence[Budget]) -> list[tuple[str, list[str]]]:
    """The lines on false alerts, a cell per network."""
    return [
        ("false alerts / expected", [f"{b.observed} / {b.expected:.1f}" for b in budgets]),
        ("95 % interval of the ratio", [f"{b.interval[0]:.2f}–{b.interval[1]:.2f}" for b in budgets]),
        ("healthy rows in alarm", [f"{100 * b.share_in_alarm:.1f} %" for b in budgets]),
    ]


def total_table(by_network: Mapping[str, Budget]) -> Table:
    """False alerts of all sets together."""
    out = Table(title="all sets")
    for name in ("", *by_network):
        out.add_column(name, justify="right" if name else "left")
    for name, cells in budget_rows(list(by_network.values())):
        out.add_row(name, *cells)
    return out


def words(key: str) -> str:
    """``far_pct`` → ``far [%]``."""
    return f"{key.removesuffix('_pct')} [%]".replace("_", " ") if key.endswith("_pct") else key.replace("_", " ")


def number(value: float) -> str:
    """Whole numbers as they are, others with three figures or to a tenth, nothing as a dash."""
    if math.isnan(value):
        return "–"
    if value == int(value):
        return f"{int(value):,}"
    return f"{value:.3f}" if abs(value) < 1 else f"{value:.1f}"


def document(measured: Measured) -> dict[str, Any]:
    """As JSON has it; None where there is nothing to measure."""
    return {
        "figures": plain(measured.figures),
        "always_on": plain(measured.always_on),
        "false_alerts": budget_document(measured.budget),
        "each": {name: plain(figures) for name, figures in measured.each.items()},
    }


def budget_document(budget: Budget) -> dict[str, Any]:
    """Counts, their 95 % interval as a ratio, the share of healthy rows in alarm."""
    known = budget.expected > 0
    return {
        "observed": budget.observed,
        "expected": round(budget.expected, 3),
        "interval_95": [round(bound, 3) for bound in budget.interval] if known else None,
        "healthy_rows": budget.healthy,
        "healthy_in_alarm_pct": round(100 * budget.share_in_alarm, 3),
    }


def plain(figures: Figures) -> dict[str, float | None]:
    """Figures rounded to what they carry."""
    return {name: None if math.isnan(value) else round(float(value), 4) for name, value in figures.items()}
