"""What people see (standard error) and what programs see (standard output).

Names come from data: they are never read as markup, and control characters in them are shown, not obeyed.
"""

from __future__ import annotations

import json
import math
import os
import shlex
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn
from rich.table import Table
from rich.text import Text

from anomaly_lstm.words import DAY_S, beyond_record, clean, counted, day, expected, listed, moment, span

if TYPE_CHECKING:  # these load NumPy and Arrow, which --help must not
    from anomaly_lstm.actions import Action
    from anomaly_lstm.evaluation import Evaluation, Outcome
    from anomaly_lstm.measures import Measures
    from anomaly_lstm.pipeline import (
        AlertResult,
        ForecastResult,
        Ingested,
        Quality,
        RunResult,
        ScoreResult,
        TrainResult,
    )
    from anomaly_lstm.pipeline.cases import Desk
    from anomaly_lstm.replaying import Replay, Trial
    from anomaly_lstm.training import Stage
    from anomaly_lstm.verdicts import Precision

AT_MOST = 20
"""Rows of a table, and sentences of a kind, that a terminal gets; the files have all of them."""

REASONS = 10
"""Alerts whose reason a terminal gets."""

RECONSTRUCTS = "lstm_autoencoder"
"""It gives back what it was shown; an error of that kind compares with no prediction."""

ASKED_FOR = "outside --start/--end"
"""The one reason to drop a row that needs no telling, when it is the only one."""

STYLES = {"advisory": "cyan", "warning": "yellow", "critical": "bold red"}


@dataclass(frozen=True)
class Screen:
    """Where a verb speaks: to people on ``console``, to programs where ``json`` is asked for."""

    console: Console
    json: bool = False


def screen(*, json: bool = False, quiet: bool = False) -> Screen:
    """The screen of one command. Colours obey ``NO_COLOR``."""
    return Screen(Console(stderr=True, markup=False, highlight=False, emoji=False, quiet=quiet), json)


def say(screen: Screen, text: str, style: str = "") -> None:
    """Say one sentence to people; where nobody watches (a log) it stays on one line. Nothing to say is no line."""
    if text:
        screen.console.print(Text(clean(text), style=style), soft_wrap=not screen.console.is_terminal)


def error(text: str) -> None:
    """Say on standard error why a command ends."""
    lines = "\n".join(map(clean, text.split("\n")))
    Console(stderr=True, highlight=False).print(
        Text.assemble(("Error:", "bold red"), " ", lines), soft_wrap=not sys.stderr.isatty()
    )


def warn(text: str) -> None:
    """Say on standard error what must not go unheard, though nobody may watch."""
    Console(stderr=True, highlight=False).print(
        Text.assemble(("Warning:", "bold yellow"), " ", clean(text)), soft_wrap=not sys.stderr.isatty()
    )


def interrupted() -> None:
    """Say on standard error that a person ended the command."""
    print("Interrupted: nothing was written half.", file=sys.stderr)


def document(screen: Screen, command: str, content: Mapping[str, Any]) -> None:
    """Print one JSON document to standard output, if it is asked for; a reader that has gone away is no error."""
    if not screen.json:
        return
    try:
        print(json.dumps({"command": command, **content}, indent=1, ensure_ascii=False, default=_plain), flush=True)
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())  # or the interpreter complains as it ends


def _plain(value: Any) -> Any:
    """What JSON does not know: paths, and scalars of NumPy."""
    return str(value) if isinstance(value, Path) else value.item()


# ---------------------------------------------------------------- words


def command(*words: str | Path) -> str:
    """A command line that can be copied."""
    return shlex.join(["anomaly-lstm", *map(str, words)])


def _next(screen: Screen, text: str) -> None:
    say(screen, f"Next: {text}", style="bold")


def table(
    screen: Screen, columns: Sequence[str], rows: Sequence[Sequence[str | Text]], numbers: Sequence[str] = ()
) -> None:
    """A table without lines; columns in ``numbers`` are set to the right."""
    out = Table(box=None, padding=(0, 2, 0, 0), header_style="bold", pad_edge=False)
    for name in columns:
        out.add_column(name, justify="right" if name in numbers else "left", overflow="fold")
    for row in rows[:AT_MOST]:
        out.add_row(*(Text(clean(cell)) if isinstance(cell, str) else cell for cell in row))
    screen.console.print(out)
    if len(rows) > AT_MOST:
        say(screen, f"… and {len(rows) - AT_MOST:,} more.")


# ---------------------------------------------------------------- progress


@contextmanager
def learning(screen: Screen) -> Iterator[Callable[[Stage], None]]:
    """A bar over all stages of a training, with the loss and the remaining time."""
    columns = (
        TextColumn("{task.description}"),
        BarColumn(20),
        TextColumn("{task.fields[loss]}"),
        TimeRemainingColumn(),
    )
    with _bar(screen, *columns) as bar:
        task = bar.add_task("reading the data", total=None, loss="")

        def told(stage: Stage) -> None:
            progress = stage.progress
            done = stage.number - 1 + (progress.step / progress.of if progress.of else 1.0)
            loss = f"loss {progress.loss:.3g}" if progress.of else ""
            words = f"learning {stage.name} {stage.number}/{stage.of}"
            bar.update(task, total=stage.of, completed=done, description=words, loss=loss)

        yield told


@contextmanager
def scoring(screen: Screen) -> Iterator[Callable[[int], None]]:
    """A pulsing bar with the rows scored so far; how many will come is not known before they are read."""
    with _bar(screen, TextColumn("scoring"), BarColumn(20), TextColumn("{task.fields[rows]:,} rows")) as bar:
        task = bar.add_task("scoring", total=None, rows=0)

        def told(rows: int) -> None:
            bar.update(task, rows=bar.tasks[0].fields["rows"] + rows)

        yield told


@contextmanager
def forecasting(screen: Screen) -> Iterator[Callable[[int, int], None]]:
    """A bar over the assets that are forecast."""
    with _bar(screen, TextColumn("forecasting"), BarColumn(20), TimeRemainingColumn()) as bar:
        task = bar.add_task("forecasting", total=None)

        def told(done: int, of: int) -> None:
            bar.update(task, completed=done, total=of)

        yield told


def _bar(screen: Screen, *columns: TextColumn | BarColumn | TimeRemainingColumn) -> Progress:
    silent = screen.console.quiet or not screen.console.is_terminal
    return Progress(*columns, console=screen.console, transient=True, disable=silent)


# ---------------------------------------------------------------- what was read


def notes(screen: Screen, found: Sequence[str]) -> None:
    """What was detected about the source."""
    for note in found:
        say(screen, note)


def dropped(screen: Screen, quality: Quality) -> None:
    """Files that lost rows or cells, and why."""
    lost = [file for file in quality.files if {*file.dropped} - {ASKED_FOR} or file.cells_not_numeric]
    for file in lost[:AT_MOST]:
        rows = [f"{count:,} {reason}" for reason, count in file.dropped.items()]
        cells = [f"{count:,} cells of {name} not numeric" for name, count in file.cells_not_numeric.items()]
        kept = f"{file.rows_kept:,} of {file.rows_read:,} rows kept"
        say(screen, f"{file.file}: {kept}; {listed([*rows, *cells])}.", style="yellow")
    if len(lost) > AT_MOST:
        say(screen, f"… and {counted(len(lost) - AT_MOST, 'file')} more.")


def oddities(screen: Screen, quality: Quality) -> None:
    """Rows without any value, sensors that never move, sensors that stood still for a while."""
    said = []
    for asset in quality.assets:
        empty = asset.without_value
        said += [f"{asset.asset}: {counted(empty, 'row')} without a value in any sensor."] if empty else []
        said += [f"{asset.asset}: '{s.sensor}' is constant." for s in asset.sensors if s.constant]
        said += [
            f"{asset.asset}: '{s.sensor}' is stuck at one value for {counted(s.stuck_rows, 'row')}"
            f" in {counted(s.stuck_stretches, 'stretch').replace('stretchs', 'stretches')}."
            for s in asset.sensors
            if s.stuck_stretches and not s.constant
        ]
    for text in said[:AT_MOST]:
        say(screen, text, style="yellow")
    if len(said) > AT_MOST:
        say(screen, f"… and {len(said) - AT_MOST:,} more.")


def quality_table(screen: Screen, quality: Quality) -> None:
    """The data-quality report, a line per asset."""
    columns = ("asset", "rows", "merged", "duplicates", "disorder", "holes", "gaps", "longest gap")
    rows = [
        (
            a.asset,
            *(f"{n:,}" for n in (a.rows, a.merged, a.duplicate_times, a.out_of_order, a.holes, a.gaps)),
            span(a.longest_gap_us / 1e6) if a.gaps else "",
        )
        for a in quality.assets
    ]
    table(screen, columns, rows, columns[1:])


def ingested(screen: Screen, result: Ingested) -> None:
    """What `ingest` found, what became of it, and where it is."""
    notes(screen, result.quality.notes)
    quality_table(screen, result.quality)
    oddities(screen, result.quality)
    dropped(screen, result.quality)
    report = result.folder / "quality.json"
    say(screen, f"{counted(result.rows, 'row')} in {result.folder}/data, the data-quality report in {report}.")
    _next(screen, command("train", result.folder, "--model", "model"))


# ---------------------------------------------------------------- what was learned


def trained(screen: Screen, result: TrainResult, model: Mapping[str, Any], hint: str) -> None:
    """What `train` learned; ``model`` is the document of its folder, ``hint`` the next step."""
    notes(screen, result.quality.notes)
    dropped(screen, result.quality)
    oddities(screen, result.quality)
    if result.excluded_rows:
        say(screen, f"{counted(result.excluded_rows, 'row')} lie in events and were left out of normal.")
    model_words(screen, model)
    say(screen, f"The model is in {result.folder} (id {result.model_id}).")
    _next(screen, hint)


def model_words(screen: Screen, model: Mapping[str, Any]) -> None:
    """A model folder in sentences."""
    from anomaly_lstm.clock import format_duration, iso

    report = model["report"]
    sensors = f"Scores {counted(len(model['scored']), 'sensor')}: {listed(model['scored'])}"
    context = f"; explained by {listed(model['context'])}" if model["context"] else ""
    say(screen, f"{sensors}{context}.")
    mode_words(screen, model.get("mode"))
    if model["running"]:
        say(screen, f"The asset runs when {model['running']}; other rows are not scored.")
    from_, to = moment(iso(report["start_us"])), moment(iso(report["end_us"]))
    rows = f"{counted(report['rows'], 'normal row')} of {counted(len(report['assets']), 'asset')}"
    say(screen, f"Learned from {rows}, one every {format_duration(model['period_us'])}, {from_} to {to} UTC.")
    few = [
        f"{asset} ({counted(n, 'row')})"
        for asset, n in report["assets"].items()
        if n < report["rows"] / len(report["assets"]) / 4
    ]
    if few:
        say(screen, f"Much less than the others gave: {listed(few)}.", style="yellow")
    if report["short_stretches"]:
        say(screen, f"{counted(report['short_stretches'], 'run')} of at most 2 rows taught nothing.", style="yellow")
    for stretch in report["set_aside"]:
        say(screen, set_aside_words(stretch), style="yellow")
    say(screen, f"{100 * report['scored_share']:.1f} % of running time gets a score.")
    say(screen, loss_words(report["loss"], model["options"]["network"], report["carried_by"]))
    say(screen, unlike_words(report["loss"][report["carried_by"]], len(report["assets"])), style="yellow")
    say(screen, memory_words(report["warm_up"], model["period_us"] / 1e6))
    say(screen, calibration_words(report["calibration"]))
    say(screen, record_words(report["calibration"]["normal_s"], 90 * DAY_S), style="yellow")


def set_aside_words(stretch: Mapping[str, Any]) -> str:
    """One stretch of training rows that was taken for trouble nobody dated, and what to do if it was none."""
    from anomaly_lstm.clock import iso

    start, end = (iso(stretch[when]) for when in ("start_us", "end_us"))
    return (
        f"Set aside: {stretch['asset']} from {moment(start)} to {moment(end)} UTC ({counted(stretch['rows'], 'row')}) "
        f"is unlike the rest of the training rows, {stretch['sensor']} most of all. If it was normal operation, say so "
        f"in the events: {stretch['asset']},{start},{end},normal."
    )


def mode_words(screen: Screen, mode: Mapping[str, Any] | None) -> None:
    """Which modes there are, with their rows, and which share the common calibration because they have too few."""
    from anomaly_lstm.evidence import LEAST_OF_MODE, LEAST_VISITS

    if mode is None:
        return
    rows = {name: f"{name} ({counted(n, 'row')})" for name, n in mode["rows"].items()}
    own = [rows[name] for name in mode["own"]]
    few = [rows[name] for name in mode["rows"] if name not in mode["own"]]
    if own:
        say(screen, f"'{mode['sensor']}' has modes with their own centre, spread and calibration: {', '.join(own)}.")
    if few:
        least = f"{LEAST_OF_MODE} rows of a mode in {LEAST_VISITS} visits"
        why = f"{least} must be left whichever part of the history is held out to test on"
        say(
            screen, f"'{mode['sensor']}' has modes that share the common ones: {', '.join(few)}; {why}.", style="yellow"
        )


def loss_words(loss: Mapping[str, float], network: str, carried_by: str) -> str:
    """Network against linear challenger, on normal rows neither learned from; plain when the LSTM adds nothing.

    An autoencoder sees the rows it gives back: its error is told alone.
    """
    mine, line = loss[network], loss["linear_predictor"]
    one = "1 is each sensor's own variance"
    unseen = f"on normal rows it did not learn from; {one}"
    if network == RECONSTRUCTS:
        return (
            f"{network} gives back normal rows it did not learn from with a mean squared error of {mine:.3g} ({one})."
        )
    if network == "linear_predictor":
        return f"The linear model has a mean squared error of {mine:.3g} ({unseen})."
    figures = f"(mean squared error {mine:.3g} against {line:.3g} {unseen})"
    if carried_by == network:
        return f"{network} expects normal rows better than the linear challenger and carries the evidence {figures}."
    return (
        f"{network} adds nothing here: it expects normal rows no better than the linear challenger, which carries the "
        f"evidence in its place {figures}."
    )


def unlike_words(loss: float, n_assets: int) -> str:
    """Says so when a network knows less of the rows held out than their average would; empty when it does not."""
    from anomaly_lstm.folds import MANY_ASSETS

    if loss <= 1:
        return ""
    held_out_assets = n_assets >= MANY_ASSETS
    why = (
        "the assets it learned from do not stand for the others"
        if held_out_assets
        else "the span it learned from does not stand for the rows after it"
    )
    return (
        f"A mean squared error of {loss:.3g} is worse than each sensor's own average: {why}. "
        "Train on a longer or steadier span."
    )


def memory_words(warm_up: int, period_s: float) -> str:
    """How far back the network looks."""
    return f"Its memory is {counted(warm_up, 'row')} ({span(warm_up * period_s)}): so much history decides a score."


def calibration_words(calibration: Mapping[str, float]) -> str:
    """The promise, in words one can check; plain when more was raised than chance explains."""
    from anomaly_lstm.evaluation import poisson_interval

    c = calibration
    low, high = (bound / c["expected"] for bound in poisson_interval(int(c["observed"])))
    said = (
        f"Calibration: {c['observed']:.0f} of {c['expected']:.1f} expected false alerts at a return period of "
        f"{span(c['at_s'])}, on the {span(c['normal_s'])} of normal rows that calibrated it "
        f"(95 % interval of observed/expected {low:.2g} to {high:.2g})."
    )
    more = " More than chance explains: expect more false alerts than the budget says, and train on a longer span."
    return said + (more if low > 1 else "")


def record_words(normal_s: float, return_period_s: float) -> str:
    """Says so when a return period lies far beyond what was seen; empty when it does not."""
    if not beyond_record(normal_s, return_period_s):
        return ""
    return (
        f"Beyond record: a return period of {span(return_period_s)} is extrapolated from {span(normal_s)} "
        "of normal time; train on a longer span to make it sure."
    )


# ---------------------------------------------------------------- what was scored


def scored(screen: Screen, result: ScoreResult, hint: str) -> None:
    """Rows by state, assets, and where the scores are."""
    notes(screen, result.quality.notes)
    dropped(screen, result.quality)
    states(screen, result.states)
    say(
        screen,
        f"{counted(len(result.assets), 'asset')}: {listed(list(result.assets))}. Each starts afresh at its first row.",
    )
    say(screen, f"The scores are in {result.out} (model {result.model_id}).")
    _next(screen, hint)


MEANING = {
    "SCORED": "has a score",
    "WARM_UP": "too early in a stretch to say anything",
    "NO_DATA": "nothing was measured",
    "SENSOR_BAD": "too few sensors were measured",
    "OUT_OF_STATE": "the asset was not running, or people told not to judge it",
}


def states(screen: Screen, rows: Mapping[str, int]) -> None:
    """Rows by state; states without rows are left out."""
    total = max(1, sum(rows.values()))
    lines = [(name, f"{n:,}", f"{100 * n / total:.1f} %", MEANING[name]) for name, n in rows.items() if n]
    table(screen, ("state", "rows", "share", "meaning"), lines, ("rows", "share"))


# ---------------------------------------------------------------- what is forecast


WAYS = {
    "held": "is held at its last value",
    "repeated": "is taken as on the day before",
    "planned": "goes as planned as far as the plan reaches",
}


def forecast(screen: Screen, result: ForecastResult, document: Mapping[str, Any]) -> None:
    """Every sensor now and ahead, what such forecasts were worth on the history, and what they rest on."""
    notes(screen, result.quality.notes)
    dropped(screen, result.quality)
    notes(screen, result.notes)
    assets = document["assets"]
    rows = [_forecast_row(asset, sensor) for asset in assets for sensor in asset["sensors"]]
    spans = [span(ahead["horizon"]) for ahead in assets[0]["sensors"][0]["ahead"]]
    columns = ("asset", "sensor", "now", *(f"in {words}" for words in spans), "p10…p90", "÷ last", "÷ day", "inside")
    table(screen, columns, rows, columns[2:])
    say(
        screen,
        f"Median, and at {spans[-1]} the interval for 80 % of what comes. ÷ last, ÷ day (MASE): mean absolute error "
        "over that of the last value, and of the value a day before, on the same past rows up to the horizon; below 1 "
        "the forecast is better. Inside: share of what came that lay in the interval.",
    )
    for text in (*_not_beating(assets), *_records(assets)):
        say(screen, text, style="yellow")
    for text in _context_words(assets):
        say(screen, text)
    if result.out:
        say(screen, f"The forecast is in {result.out} (model {result.model_id}).")


def _forecast_row(asset: Mapping[str, Any], sensor: Mapping[str, Any]) -> tuple[str, ...]:
    def share(value: float | None) -> str:
        return "–" if value is None else f"{value:.2f}"

    unit = f" {sensor['unit']}" if sensor["unit"] else ""
    end = sensor["ahead"][-1]
    interval = "–" if end["p10"] is None else f"{_figure(end['p10'])}…{_figure(end['p90'])}"
    ahead = [*(_figure(at["p50"]) for at in sensor["ahead"]), interval]
    inside = "–" if sensor["coverage"] is None else f"{100 * sensor['coverage']:.0f} %"
    now = _figure(sensor["now"]) + unit
    rules = [share(sensor["mase_persistence"]), share(sensor["mase_seasonal"])]
    return (asset["asset"], sensor["sensor"], now, *ahead, *rules, inside)


def _figure(value: float | None) -> str:
    return "–" if value is None else f"{value:,.3f}".rstrip("0").rstrip(".") if abs(value) < 1 else f"{value:.3g}"


def _not_beating(assets: Sequence[Mapping[str, Any]]) -> list[str]:
    """Which sensors are forecast no better than by their last value, or by no means at all."""
    each = [(f"{asset['asset']} {one['sensor']}", one) for asset in assets for one in asset["sensors"]]
    worse = [f"{name} ({one['mase_persistence']:.2f})" for name, one in each if one["beats_persistence"] is False]
    blind = [name for name, one in each if one["ahead"][-1]["p50"] is None]
    unjudged = [name for name, one in each if one["beats_persistence"] is None and name not in blind]
    said = []
    if worse:
        said.append(
            f"Does not beat the last value: {listed(worse)}. There, what the sensor reads now is as good or better."
        )
    if blind:
        said.append(f"No forecast, for want of a value before the end or of a record: {listed(blind)}.")
    if unjudged:
        said.append(
            f"Nothing to beat: the last value never erred, or nothing came to compare with: {listed(unjudged)}."
        )
    return said


def _records(assets: Sequence[Mapping[str, Any]]) -> list[str]:
    """Where the record is less than it looks, or lacks a season."""
    flattered = [asset["asset"] for asset in assets if asset["judged_on_training_rows"]]
    seasonless = [asset["asset"] for asset in assets if asset["season_s"] is None]
    said = []
    if flattered:
        said.append(
            f"The model learned from the rows that judge it ({listed(flattered)}): MASE and interval may flatter. "
            "Give rows that are newer than its training."
        )
    if seasonless:
        said.append(
            f"No season is used ({listed(seasonless)}): that takes 3 days of history and a period that divides a day."
        )
    return said


def _context_words(assets: Sequence[Mapping[str, Any]]) -> list[str]:
    """What each context is taken to be ahead, and for which assets where they differ."""
    ways: dict[tuple[str, str], list[str]] = {}
    for asset in assets:
        for name, way in asset["context_ahead"].items():
            ways.setdefault((name, way), []).append(asset["asset"])
    return [
        f"Ahead, '{name}' {WAYS[way]}{'' if len(mine) == len(assets) else f' ({listed(mine)})'}."
        for (name, way), mine in ways.items()
    ]


# ---------------------------------------------------------------- alerts


def alerts(screen: Screen, run: Mapping[str, Any], found: Sequence[Mapping[str, Any]]) -> None:
    """The alerts of ``alerts.json`` that matter most (newest last), their reasons (weightiest last), and the budget."""
    if found:
        shown = sorted(sorted(found, key=_weight)[-AT_MOST:], key=lambda alert: str(alert["raised_at"]))
        if len(found) > len(shown):
            say(screen, f"The {len(shown)} that matter most of {len(found):,} alerts:")
        columns = ("asset", "severity", "raised (UTC)", "lasted", "once in", "leading sensors")
        table(screen, columns, [_alert_row(alert) for alert in shown])
        for alert in sorted(shown, key=_weight)[-REASONS:]:
            say(screen, f"{alert['severity']}: {alert['reason']}")
            if alert.get("forecast"):
                say(screen, f"  {alert['forecast']}")
    else:
        say(screen, "No alert.")
    budget(screen, run, found)


def strangest(screen: Screen, run: Mapping[str, Any], result: AlertResult) -> None:
    """Without an alert: the rarest row, and limits that the record can show, where those that are on lie beyond it."""
    from anomaly_lstm.alerts import rarity_words
    from anomaly_lstm.clock import format_duration, iso

    if result.alerts or result.strangest is None:
        return
    asset, time_us, rarity_s = result.strangest
    say(screen, f"The strangest row is {asset} at {moment(iso(time_us))} UTC: once in {rarity_words(rarity_s)}.")
    lowest_s = min((budget["return_period_s"] for budget in run["budget"]), default=0.0)
    record_s = 10 ** math.floor(math.log10(run["normal_s"]))
    if beyond_record(run["normal_s"], lowest_s):
        advisory, warning = (format_duration(round(record_s * factor * 1e6)) for factor in (1, 3))
        say(
            screen,
            f"The limits lie far beyond the {span(run['normal_s'])} of normal rows that calibrated them. Train on a "
            f"longer span, or ask for what these rows can show: --advisory {advisory} --warning {warning}.",
        )


def _weight(alert: Mapping[str, Any]) -> tuple[int, bool, float, str]:
    """What a person should see first has the greatest weight: severe, then standing, then rare, then new."""
    severity = list(STYLES).index(alert["severity"])
    return severity, alert["active"], alert["peak"]["return_period_s"] or 0.0, alert["raised_at"]


def _alert_row(alert: Mapping[str, Any]) -> tuple[str | Text, ...]:
    from anomaly_lstm.alerts import rarity_words

    severity = Text(alert["severity"], style=STYLES.get(alert["severity"], ""))
    lasted = "standing" if alert["active"] else span(_seconds(alert["raised_at"], alert["cleared_at"]))
    leading = ", ".join(sensor["sensor"] for sensor in alert["sensors"][:2])
    rarity_s = alert["peak"]["return_period_s"]
    rare = alert["kind"].replace("_", " ") if rarity_s is None else rarity_words(rarity_s)
    return alert["asset"], severity, moment(alert["raised_at"]), lasted, rare, leading


def _seconds(start: str, end: str) -> float:
    return (datetime.fromisoformat(end) - datetime.fromisoformat(start)).total_seconds()


def budget(screen: Screen, run: Mapping[str, Any], found: Sequence[Mapping[str, Any]]) -> None:
    """What was promised against what was raised."""
    scored_s = sum(asset["scored_s"] for asset in run["assets"].values())
    for line in run["budget"]:
        once = span(line["return_period_s"])
        far = " (beyond record)" if beyond_record(run["normal_s"], line["return_period_s"]) else ""
        say(
            screen,
            f"{line['severity'].capitalize()}, once in {once}{far}: {line['raised']} raised, "
            f"{expected(line['expected_false'])} expected by chance in {span(scored_s)} of scored time "
            f"({expected(line.get('per_month', 0.0))} a month on {counted(len(run['assets']), 'asset')}).",
        )
    standing = sum(bool(alert["active"]) for alert in found)
    if standing:
        say(screen, f"{counted(standing, 'alert')} still {'stands' if standing == 1 else 'stand'}.", style="bold")


def stands(found: Sequence[Mapping[str, Any]]) -> bool:
    """Does a warning or critical alert stand that nobody acknowledged, closed or keeps from being told?"""
    handled = ("acked", "shelved_until", "suppressed", "out_of_service", "closed")
    return any(
        a["active"] and a["severity"] in ("warning", "critical") and not any(a.get(key) for key in handled)
        for a in found
    )


# ---------------------------------------------------------------- evaluation


def evaluated(screen: Screen, judged: Evaluation) -> None:
    """Event by event what was found; then the false alerts against the budget."""
    for outcome in judged.outcomes[:AT_MOST]:
        say(screen, outcome_words(outcome), style="green" if outcome.alert else "red")
    if len(judged.outcomes) > AT_MOST:
        say(screen, f"… and {len(judged.outcomes) - AT_MOST:,} more events.")
    if not judged.outcomes:
        say(screen, "No failure or anomaly lies in the watched time.")
    for alert in judged.false[:AT_MOST]:
        say(screen, f"{alert.asset}: false {alert.severity} of {day(alert.raised_us)}.")
    if judged.excused:
        say(screen, f"{counted(len(judged.excused), 'alert')} during maintenance or alike count neither way.")
    say(screen, false_words(judged), style="bold")


def outcome_words(outcome: Outcome) -> str:
    """One event in a sentence. Without the severity: what the alert came to is not what it was when it was raised."""
    event, alert = outcome.event, outcome.alert
    asset = alert.asset if alert else event.asset or "all assets"
    if alert is None:
        return f"{asset}: {event.kind} of {day(event.failure_us or event.start_us)} missed."
    if event.kind == "failure" and outcome.lead_us is not None:
        side = "before" if outcome.lead_us >= 0 else "after"
        return f"{asset} warned {span(abs(outcome.lead_us) / 1e6)} {side} its failure."
    late_s = (alert.raised_us - event.start_us) / 1e6
    when = f"found {span(late_s)} after it began" if late_s > 0 else "found at once" if late_s == 0 else "already told"
    return f"{asset}: {event.kind} of {day(event.start_us)} {when}."


def false_words(judged: Evaluation) -> str:
    """``1 false alert, budget 1.4``, with the interval that so few can give."""
    false = f"{counted(len(judged.false), 'false alert')}, budget {expected(judged.expected_false)}"
    healthy = f"in {span(judged.healthy_us / 1e6)} of healthy time"
    if not judged.expected_false:
        return f"{false} {healthy}."
    ratio = len(judged.false) / judged.expected_false
    low, high = judged.interval
    return f"{false} {healthy} (observed/expected {ratio:.2g}, 95 % interval {low:.2g} to {high:.2g})."


def judged_document(judged: Evaluation) -> dict[str, Any]:
    """An evaluation as a document; times ISO 8601. ``lead_h`` is a failure's, ``delay_h`` any other event's."""
    from anomaly_lstm.clock import iso

    def told(alert: Any) -> dict[str, Any]:
        return {
            "alert_id": alert.alert_id,
            "asset": alert.asset,
            "severity": alert.severity,
            "raised_at": iso(alert.raised_us),
        }

    events = [
        {
            "asset": o.event.asset,
            "kind": o.event.kind,
            "start": iso(o.event.start_us),
            "end": iso(o.event.end_us),
            "failure_time": None if o.event.failure_us is None else iso(o.event.failure_us),
            "found": o.alert is not None,
            "alert": told(o.alert) if o.alert else None,
            "lead_h": None if o.lead_us is None else o.lead_us / 3.6e9,
            "delay_h": None if o.delay_us is None else o.delay_us / 3.6e9,
        }
        for o in judged.outcomes
    ]
    return {
        "found": judged.found,
        "missed": len(judged.outcomes) - judged.found,
        "events": events,
        "false_alerts": [told(alert) for alert in judged.false],
        "excused_alerts": [told(alert) for alert in judged.excused],
        "expected_false": judged.expected_false,
        "observed_over_expected_95": list(judged.interval),
        "healthy_h": judged.healthy_us / 3.6e9,
    }


MEASURES = {
    "precision": "precision of rows in alarm",
    "recall": "recall",
    "f1": "F1",
    "far_pct": "FAR, normal rows in alarm [%]",
    "mar_pct": "MAR, event rows out of alarm [%]",
    "roc_auc": "ROC-AUC of the return period",
    "vus_pr": "VUS-PR",
    "nab": "NAB, standard (0 silent, 100 perfect)",
    "affiliation_precision": "affiliation precision",
    "affiliation_recall": "affiliation recall",
    "affiliation_f1": "affiliation F1",
    "care": "CARE",
}
"""What a table calls the measures."""


def measured(screen: Screen, full: Measures) -> None:
    """The measures of the literature as a table, what they were counted on, and why one is missing."""
    say(
        screen,
        f"On {counted(full.rows, 'scored row')} of {counted(full.assets, 'asset')}, {full.positive_rows:,} of them in "
        f"{counted(full.events, 'event')}, {full.alarm_rows:,} in alarm; no point adjustment:",
    )
    columns = ("measure", "here", "random", "always on")
    rows = [
        (MEASURES[name], *("–" if value is None else f"{value:.3f}" for value in (f.value, f.random, f.always_on)))
        for name, f in full.figures.items()
    ]
    table(screen, columns, rows, columns[1:])
    if full.vus_buffer_rows:
        say(screen, f"VUS-PR over buffers up to {counted(full.vus_buffer_rows, 'row')}.")
    why: dict[str, list[str]] = {}
    for name, figure in full.figures.items():
        if figure.reason:
            why.setdefault(figure.reason, []).append(MEASURES[name].partition(",")[0])
    for reason, names in why.items():
        say(screen, f"No {listed(names, len(names))}: {reason}.")


def measured_document(full: Measures) -> dict[str, Any]:
    """The measures as a document: shares in [0, 1], ``…_pct`` in percent; null where not defined, with a reason."""
    return asdict(full)


# ---------------------------------------------------------------- replay


def replayed(screen: Screen, result: Replay, out: Sequence[Path]) -> None:
    """The headline, event by event what was told, what it cost, and what other policies would have told."""
    from anomaly_lstm import replaying

    now = result.present
    for note in result.notes:
        say(screen, note, style="yellow")
    say(screen, replaying.policy_words(now.terms))
    events = [*now.failures, *now.anomalies]
    if events:
        columns = ("asset", "failed (UTC)", "told (UTC)", "warning", "severity", "led by")
        table(screen, columns, [_replayed_row(result, outcome) for outcome in events])
    say(screen, replaying.headline(result), style="bold")
    say(screen, replaying.false_words(now))
    say(screen, replaying.load_words(now))
    if result.grid:
        say(
            screen,
            "What if it were once in … with an on-delay of …: warned, how early, false alerts per asset-year "
            "(* is the present policy):",
        )
        _what_if(screen, result)
    for text in replaying.trade_words(result):
        say(screen, text)
    if out:
        say(screen, f"The replay is in {listed([str(path) for path in out])}.")


def _replayed_row(result: Replay, outcome: Outcome) -> tuple[str | Text, ...]:
    from anomaly_lstm.clock import iso
    from anomaly_lstm.evaluation import failed_at
    from anomaly_lstm.replaying import outcome_word, warning_words

    failed_us = failed_at(outcome.event)
    failed = outcome.event.kind if failed_us is None else moment(iso(failed_us))
    good = outcome_word(outcome) in ("warned", "found")
    words = Text(warning_words(outcome), style="green" if good else "red")
    if outcome.alert is None:
        return (outcome.event.asset, failed, "", words, "", "")
    alert = result.told[outcome.alert]
    severity = Text(alert.severity, style=STYLES[alert.severity])
    led = alert.sensors[0].sensor if alert.sensors else ""
    return (outcome.event.asset, failed, moment(iso(outcome.alert.raised_us)), words, severity, led)


def _what_if(screen: Screen, result: Replay) -> None:
    """The grid: a line per return period, a column per on-delay."""
    from anomaly_lstm.clock import format_duration
    from anomaly_lstm.replaying import figure

    delays = [format_duration(trial.terms.policy.on_delay_us) for trial in result.grid[0]]
    rows: list[tuple[str | Text, ...]] = [
        (
            format_duration(row[0].terms.return_period_us),
            f"{figure(row[0].promised_per_year or 0.0)}/y",
            *(_what_if_cell(trial, now=trial is result.present) for trial in row),
        )
        for row in result.grid
    ]
    table(screen, ("once in", "promised", *delays), rows, ("promised",))


def _what_if_cell(trial: Trial, *, now: bool) -> Text:
    """``3/3 41 h 2.1/y``."""
    from anomaly_lstm.replaying import figure

    (found, total), lead_us, rate = trial.told_of, trial.median_lead_us, trial.false_per_year
    parts = (
        f"{found}/{total}" if total else "",
        "" if lead_us is None else span(lead_us / 1e6).replace(" ", " "),
        "" if rate is None else f"{figure(rate)}/y",
    )
    return Text(" ".join(part for part in parts if part) + (" *" if now else ""), style="bold" if now else "")


# ---------------------------------------------------------------- run and inspect


def ran(screen: Screen, result: RunResult, model: Mapping[str, Any], pipeline: Path) -> None:
    """A run in short: the model, the rows that are new, the alerts that changed or stand, the events, the files."""
    notes(screen, result.quality.notes)
    if result.trained:
        dropped(screen, result.trained.quality)
        model_words(screen, model)
    oddities(screen, result.quality)
    say(screen, _news(result))
    if sum(result.states.values()):
        states(screen, result.states)
    changed = {change.alert_id for change in result.changes}
    shown = [one for one in result.report.alerts if one["active"] or one["alert_id"] in changed]
    alerts(screen, result.report.run, shown)
    if len(shown) < len(result.report.alerts):
        before = len(result.report.alerts) - len(shown)
        say(screen, f"{counted(before, 'alert')} of before {'is' if before == 1 else 'are'} over.")
    if result.evaluation and (result.trained or result.changes):
        say(screen, "After the training, against the events:")
        evaluated(screen, result.evaluation)
    say(screen, f"Done in {span(result.seconds)}. Alerts: {result.folder / 'alerts.json'} and alerts.parquet")
    say(screen, f"Scores: {result.folder / 'scores'}   Model: {result.model}")
    _next(screen, command("inspect", pipeline))


def _news(result: RunResult) -> str:
    """How much came in, and up to when everything is scored."""
    ends = [asset["end"] for asset in result.report.run["assets"].values()]
    upto = f"scored up to {moment(max(ends))} UTC" if ends else "nothing is scored yet"
    if not result.new:
        return f"Nothing new: {upto}."
    rows = sum(result.new.values())
    return f"{counted(rows, 'new row')} of {counted(len(result.new), 'asset')}, {upto}."


def inspected(screen: Screen, found: Mapping[str, Any]) -> None:
    """What a folder or file holds, by its kind."""
    say(screen, f"{found['path']} is {_KINDS[found['kind']]}.", style="bold")
    if found["kind"] == "model":
        say(
            screen, f"Model {found['model_id']}, {found['network']['name']}, threshold {found['options']['threshold']}."
        )
        model_words(screen, found)
    elif found["kind"] == "run":
        _inspected_run(screen, found)
    elif found["kind"] == "ingested":
        _inspected_quality(screen, found)
    else:
        alerts(screen, found["run"], found["alerts"])


_KINDS = {"model": "a model", "run": "a run folder", "ingested": "an ingested folder", "alerts": "an alerts file"}


def _inspected_run(screen: Screen, found: Mapping[str, Any]) -> None:
    if found["model"]:
        inspected(screen, found["model"])
    else:
        say(screen, "It has no model yet.")
    if found["run"]:
        span_words = f"{moment(found['run']['start'])} to {moment(found['run']['end'])} UTC"
        say(screen, f"Watched {counted(len(found['run']['assets']), 'asset')}, {span_words}.")
        alerts(screen, found["run"], found["alerts"])
    if found["load"]:
        load_words(screen, found["load"])


def load_words(screen: Screen, load: Mapping[str, Any]) -> None:
    """What the alerts ask of people (ISA-18.2)."""
    days = span(_seconds(load["start"], load["end"]))
    rate = load["per_asset_day"]
    often = f"{rate:.2g} per asset and day" if rate else "none"
    say(screen, f"Alarm load of the last {days}: {counted(load['calls'], 'call')}, {often}.")
    if load["busiest"] and load["calls"] > 1:
        busiest = ", ".join(f"{one['asset']} {one['calls']}" for one in load["busiest"])
        flood = " (a flood)" if load["flood"] else ""
        most = f"most in ten minutes {load['most_in_ten_minutes']}{flood}, at {moment(load['most_at'])} UTC"
        say(screen, f"Busiest: {busiest}; {most}.")
    for one in load["chattering"][:3]:
        say(screen, f"Alert {one['alert_id'][:4]} of {one['asset']} chatters: {one['calls']} calls within a day.")
    if load["longest_standing"]:
        one = load["longest_standing"]
        say(screen, f"Longest standing: {one['alert_id'][:4]} of {one['asset']}, since {moment(one['since'])} UTC.")


def _inspected_quality(screen: Screen, found: Mapping[str, Any]) -> None:
    from anomaly_lstm.clock import format_duration

    notes(screen, found["notes"])
    columns = ("asset", "rows", "holes", "gaps", "from (UTC)", "to (UTC)")
    rows = [
        (a["asset"], f"{a['rows']:,}", f"{a['holes']:,}", f"{a['gaps']:,}", moment(a["start"]), moment(a["end"]))
        for a in found["assets"]
    ]
    table(screen, columns, rows, columns[1:4])
    say(screen, f"One row every {format_duration(found['period_us'])}.")


# ---------------------------------------------------------------- cases


def is_open(alert: Mapping[str, Any]) -> bool:
    """Does a case stand, or has it cleared without anybody saying anything of it?"""
    return not alert["closed"] and (alert["active"] or not (alert["acked"] or alert["verdict"]))


def cases(screen: Screen, now: Desk, found: Sequence[Mapping[str, Any]], target: Path) -> None:
    """The cases, newest last, the reasons of those that wait for an answer, and what keeps others from being told."""
    digits = _digits([alert["alert_id"] for alert in now.alerts])
    if found:
        rows = [_case_row(alert, digits) for alert in found[-AT_MOST:]]
        if len(found) > len(rows):
            say(screen, f"The newest {len(rows)} of {counted(len(found), 'case')}:")
        table(screen, ("id", "asset", "severity", "raised (UTC)", "state", "about"), rows)
    else:
        say(screen, "No open case.")
    for hold in now.holds:
        if not hold.alert_id:
            about = f"{hold.asset}{': ' + listed(hold.sensors) if hold.sensors else ''}"
            say(screen, f"{about} {_hold_words(hold)} by {hold.by}: {hold.why}", style="yellow")
    waiting = [alert for alert in found[-AT_MOST:] if stands([alert])]
    for alert in waiting[-REASONS:]:
        say(screen, f"{alert['alert_id'][:digits]} {alert['severity']}: {alert['reason']}")
    if len(found) < len(now.alerts):
        over = counted(len(now.alerts) - len(found), "case")
        say(screen, f"{over} more {'is' if len(now.alerts) - len(found) == 1 else 'are'} over: --all.")
    if waiting:
        _next(screen, command("case", "ack", target, waiting[-1]["alert_id"][:digits]))


def _hold_words(hold: Action) -> str:
    from anomaly_lstm.clock import iso

    done = {"shelve": "shelved", "suppress": "suppressed"}.get(hold.do, "out of service")
    until = f"until {moment(iso(hold.until_us))} UTC" if hold.until_us is not None else "without an end"
    return f"{done} since {moment(iso(hold.at_us))} UTC {until}"


def _digits(ids: Sequence[str]) -> int:
    """How many digits of the ids tell them apart, four at least."""
    return next((n for n in range(4, 16) if len({one[:n] for one in ids}) == len(set(ids))), 16)


def _case_row(alert: Mapping[str, Any], digits: int) -> tuple[str | Text, ...]:
    leading = alert["sensors"][0]["sensor"] if alert["sensors"] else ""
    about = leading if alert["kind"] == "deviation" else f"{alert['kind'].replace('_', ' ')} {leading}".strip()
    severity = Text(alert["severity"], style=STYLES.get(alert["severity"], ""))
    return alert["alert_id"][:digits], alert["asset"], severity, moment(alert["raised_at"]), _state(alert), about


def _state(alert: Mapping[str, Any]) -> str:
    """The state of a case in a few words, the one that matters most first."""
    if alert["closed"]:
        state = "closed"
    elif not alert["active"]:
        state = "cleared"
    elif alert["out_of_service"]:
        state = "out of service"
    elif alert["suppressed"]:
        state = "suppressed"
    elif alert["shelved_until"]:
        state = f"shelved to {moment(alert['shelved_until'])[5:]}"
    else:
        state = "acknowledged" if alert["acked"] else "stands"
    more = ["stale"] if alert["stale"] else []
    more += [alert["verdict"]] if alert["verdict"] else []
    return ", ".join([state, *more])


def acted(screen: Screen, fresh: Sequence[Action], of: int, folder: Path) -> None:
    """What was noted, and when it counts."""
    for act in fresh[:AT_MOST]:
        about = f"alert {act.alert_id} of {act.asset}" if act.alert_id else act.asset
        sensors = f" ({listed(act.sensors)})" if act.sensors and not act.alert_id else ""
        say(screen, f"Noted: {act.do.replace('_', ' ')} {about}{sensors}{_as_words(act)}, by {act.by}.")
    if len(fresh) < of:
        say(screen, f"{counted(of - len(fresh), 'act')} had been noted before.")
    if any(act.verdict for act in fresh):
        say(screen, f"What the verdicts propose for your events.csv is in {folder / 'proposed_events.csv'}.")


def _as_words(act: Action) -> str:
    from anomaly_lstm.clock import iso

    until = f" until {moment(iso(act.until_us))} UTC" if act.until_us is not None else ""
    return f"{until}{' or until it clears' if act.one_shot else ''}{' as ' + act.verdict if act.verdict else ''}"


def precision(screen: Screen, judged: Sequence[Precision]) -> None:
    """How many alerts were real, by the verdicts of people."""
    if not judged:
        say(screen, "No alert was judged real or false yet: `anomaly-lstm case verdict TARGET ID --as real`.")
        return
    columns = ("asset", "month", "real", "false", "precision", "95 % interval")
    rows = [
        (
            one.asset,
            one.month,
            str(one.real),
            str(one.false),
            f"{100 * one.share:.0f} %",
            f"{100 * one.interval[0]:.0f}–{100 * one.interval[1]:.0f} %",
        )
        for one in judged
    ]
    table(screen, columns, rows, columns[2:])
