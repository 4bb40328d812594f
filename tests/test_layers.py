"""Who may import whom, read from the source files: downwards only, and never from one alternative to another."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

import anomaly_lstm

PACKAGE = Path(anomaly_lstm.__file__).parent

ORDER: tuple[str | set[str], ...] = (
    "errors",
    "arrow",
    "clock",
    "words",
    "sparklines",
    "stretches",
    "tables",
    "store",
    "following",
    "journal",
    "sensor_rules",
    "telemetry",
    "grades",
    "conditions",
    "events",
    "simulation",
    "scaling",
    "windows",
    "blocks",
    "cells",
    "linear",
    "level",
    "models.contract",
    "models.fitting",
    {"models.lstm_predictor", "models.lstm_autoencoder", "models.linear_predictor"},
    "models",
    "inference",
    "tails",
    "evidence",
    "deviations",
    "delays",
    "thresholds.contract",
    {"thresholds.return_period", "thresholds.quantile", "thresholds.dynamic"},
    "thresholds",
    "drifts",
    "folds",
    "modes",
    "learning",
    "calibration",
    "screening",
    "trained",
    "training",
    "scoring",
    "interventions",
    "combination",
    "ahead",
    "forecasts",
    "changes",
    "messages",
    "actions",
    "limits",
    "policy",
    "scored_rows",
    "bounds",
    "courses",
    "alerts",
    "rising",
    "silence",
    "alarm_load",
    "evaluation",
    "budgets",
    "measures",
    "replaying",
    "cases",
    "verdicts",
    "pages",
    "pages.replay_texts",
    "pages.fleet_texts",
    "pages.texts",
    "pages.replay_words",
    "pages.sentences",
    "pages.thinning",
    "pages.colours",
    "pages.page",
    "pages.report",
    "pages.marks",
    "pages.histories",
    "pages.panels",
    "pages.report_tables",
    "pages.report_page",
    "pages.alerts_page",
    "pages.timelines",
    "pages.trade_offs",
    "pages.replay_page",
    "pages.worsening",
    "pages.fleet",
    "glances",
    "pages.fleet_words",
    "pages.fleet_list",
    {"pages.fleet_page", "pages.fleet_table"},
    "sources.words",
    "sources.contract",
    "sources.names",
    "sources.stores",
    "sources.remote",
    "sources.drivers",
    "sources.packing",
    "sources.decoding",
    "sources.vocabulary",
    "sources.units",
    "sources.pairs",
    "sources.decimals",
    "sources.layout",
    "sources.strays",
    "sources.text",
    "sources.cells",
    "sources.qualities",
    "sources.calendar",
    "sources.counts",
    "sources.times",
    "sources.clocks",
    "sources.zones",
    "sources.resets",
    "sources.orders",
    "sources.halves",
    "sources.formats",
    "sources.moments",
    "sources.apart",
    "sources.roles",
    "sources.remarks",
    "sources.values",
    "sources.origins",
    "sources.rows",
    "sources.assembly",
    "sources.reading",
    {"sources.csv", "sources.parquet", "sources.sql"},
    "sources",
    "arrivals",
    "pieces",
    "sinks.contract",
    "sinks.documents",
    {"sinks.html", "sinks.json", "sinks.parquet", "sinks.prometheus", "sinks.sql", "sinks.cmms"},
    "sinks",
    "channels.contract",
    "channels.posting",
    {"channels.apprise", "channels.webhook", "channels.alertmanager"},
    "channels",
    "telling",
    "toml_tables",
    "config",
    "moving.contract",
    "moving.leftovers",
    {"moving.lookout", "moving.azure"},
    "moving",
    "guesses",
    "habits",
    "drafting",
    "pipeline.grids",
    "pipeline.ingesting",
    "pipeline.looking",
    "pipeline.beginning",
    "pipeline.moving_in",
    "pipeline.training",
    "pipeline.scoring",
    {"pipeline.forecasting", "pipeline.alerting", "pipeline.evaluation"},
    "pipeline.folder",
    "pipeline.glancing",
    "pipeline.collecting",
    "pipeline.watching",
    "pipeline.missing",
    "pipeline.plans",
    "pipeline.standing",
    "pipeline.actions",
    "pipeline.cases",
    "pipeline.reporting",
    "pipeline.replaying",
    "pipeline.fleet",
    "pipeline.publishing",
    {"pipeline.differing", "pipeline.retraining"},
    "pipeline.running",
    "pipeline.inspection",
    "pipeline",
    "cli.show.screen",
    "cli.show.data",
    {"cli.show.learned", "cli.show.ahead", "cli.show.told", "cli.show.begun"},
    {"cli.show.judged", "cli.show.people"},
    "cli.show.glance",
    "cli.show.runs",
    "cli.show",
    "cli.logs",
    "cli.options",
    "cli.given",
    {"cli.init", "cli.ingest", "cli.train", "cli.score", "cli.alert", "cli.evaluate", "cli.forecast", "cli.inspect"},
    {"cli.run", "cli.replay", "cli.case", "cli.report"},
    "cli",
    "",
    "__main__",
)
"""Every module, low ones first; those in braces are alternatives, of one height. The package itself is ''."""

HEIGHT = {name: height for height, place in enumerate(ORDER) for name in ([place] if isinstance(place, str) else place)}
ROOMS = ("models", "thresholds", "sources", "sinks", "channels", "moving")
NETWORKS = {"keras", "tensorflow"}
HEAVY = {"keras", "tensorflow", "pandas", "scipy", "sklearn"}


def name_of(path: Path) -> str:
    return ".".join(path.relative_to(PACKAGE).with_suffix("").parts).removesuffix("__init__").removesuffix(".")


MODULES = {name_of(path): path for path in sorted(PACKAGE.rglob("*.py"))}


def imports_of(tree: ast.AST) -> Iterator[tuple[ast.stmt, str]]:
    """Every import in a tree, at any depth, as (statement, full dotted name)."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from ((node, alias.name) for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, "imports are written in full"
            yield from ((node, f"{node.module}.{alias.name}") for alias in node.names)


def ours(dotted: str) -> str | None:
    """The module of this package that an import means, by its longest name; None for another package."""
    head, _, rest = dotted.partition(".")
    if head != "anomaly_lstm":
        return None
    while rest and rest not in MODULES:
        rest = rest.rpartition(".")[0]
    return rest


def parsed(name: str) -> ast.Module:
    return ast.parse(MODULES[name].read_text(encoding="utf-8"))


def in_functions(tree: ast.AST) -> set[ast.stmt]:
    functions = [n for n in ast.walk(tree) if isinstance(n, ast.FunctionDef | ast.AsyncFunctionDef)]
    return {statement for function in functions for statement, _ in imports_of(function)}


def for_types_only(tree: ast.AST) -> set[ast.stmt]:
    guards = [n for n in ast.walk(tree) if isinstance(n, ast.If) and "TYPE_CHECKING" in ast.unparse(n.test)]
    return {statement for guard in guards for statement, _ in imports_of(guard)}


def test_every_module_has_its_place_and_every_place_its_module() -> None:
    assert set(MODULES) == set(HEIGHT)


@pytest.mark.parametrize("name", MODULES)
def test_a_module_imports_from_below_only(name: str) -> None:
    wrong = {used for _, dotted in imports_of(parsed(name)) if (used := ours(dotted)) is not None}
    wrong = {used for used in wrong if HEIGHT.get(used, len(ORDER)) >= HEIGHT[name]}
    assert not wrong, f"{name or 'the package'} stands below or beside {', '.join(sorted(wrong))}"


@pytest.mark.parametrize("room", ROOMS)
def test_nobody_outside_a_room_knows_its_alternatives(room: str) -> None:
    alternatives = {n for place in ORDER if isinstance(place, set) for n in place if n.startswith(f"{room}.")}
    assert len(alternatives) >= 2
    for name in MODULES:
        if name != room:
            used = {ours(dotted) for _, dotted in imports_of(parsed(name))}
            assert not used & alternatives, name


@pytest.mark.parametrize("name", MODULES)
def test_tensorflow_is_imported_in_functions_only(name: str) -> None:
    tree = parsed(name)
    inside = in_functions(tree)
    assert not [d for statement, d in imports_of(tree) if d.split(".")[0] in NETWORKS and statement not in inside]


@pytest.mark.parametrize("name", MODULES)
def test_what_is_slow_to_import_waits_in_a_function_or_says_why(name: str) -> None:
    tree = parsed(name)
    lines = MODULES[name].read_text(encoding="utf-8").splitlines()
    later = in_functions(tree) | for_types_only(tree)
    for statement, dotted in imports_of(tree):
        if dotted.split(".")[0] in HEAVY and statement not in later:
            assert "#" in lines[statement.lineno - 1], f"{name}: {dotted}"


def test_keras_has_one_door() -> None:
    users = {name for name in MODULES for _, d in imports_of(parsed(name)) if d.split(".")[0] in NETWORKS}
    assert "models.fitting" in users
    assert users <= {"models.fitting", "models.lstm_predictor", "models.lstm_autoencoder"}


FILES = {"open", "write_text", "write_bytes", "mkdir", "unlink", "rmtree"}
PURE = [n for n in MODULES if HEIGHT.get(n, 0) >= HEIGHT["scaling"] and HEIGHT.get(n, 99) < HEIGHT["sources.contract"]]


@pytest.mark.parametrize("name", PURE)
def test_the_stages_in_the_middle_know_no_files_no_clock_and_no_chance(name: str) -> None:
    tree = parsed(name)
    used = {d.split(".")[0] for _, d in imports_of(tree)}
    assert not used & {"time", "random", "logging", "pathlib", "shutil", "tempfile", "warnings"}
    called = {
        n.func.attr if isinstance(n.func, ast.Attribute) else n.func.id
        for n in ast.walk(tree)
        if isinstance(n, ast.Call) and isinstance(n.func, ast.Attribute | ast.Name)
    }
    assert not called & FILES - ({"open"} if name == "models.fitting" else set())
    assert "now" not in called
