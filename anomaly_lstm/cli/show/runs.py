"""Runs, and what folders hold, in words."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from anomaly_lstm.cli.show import glance
from anomaly_lstm.cli.show.data import dropped, graded, notes, oddities, states
from anomaly_lstm.cli.show.judged import evaluated
from anomaly_lstm.cli.show.learned import model_words
from anomaly_lstm.cli.show.screen import Screen, command, next_step, say, table
from anomaly_lstm.cli.show.told import alerts, is_standing, rising, seconds
from anomaly_lstm.words import brief, counted, moment, span

if TYPE_CHECKING:  # these load NumPy and Arrow, which --help must not
    from anomaly_lstm.pipeline import RunResult


def ran(screen: Screen, result: RunResult, model: Mapping[str, Any], pipeline: Path) -> None:
    """A run in short: the model, the rows that are new, the alerts that changed or stand, the events, the files."""
    notes(screen, result.quality.notes)
    if result.trained:
        dropped(screen, result.trained.quality)
        graded(screen, result.trained.quality.grades)
        model_words(screen, model)
    oddities(screen, result.quality)
    say(screen, _news(result))
    if sum(result.states.values()):
        states(screen, result.states)
    changed = {change.alert_id for change in result.changes}
    shown = [one for one in result.report.alerts if is_standing(one) or one["alert_id"] in changed]
    alerts(screen, result.report.run, shown)
    rising(screen, result.report.indicators)
    if len(shown) < len(result.report.alerts):
        before = len(result.report.alerts) - len(shown)
        say(screen, f"{counted(before, 'alert')} of before {'is' if before == 1 else 'are'} over or closed.")
    if result.evaluation and (result.trained or result.changes):
        say(screen, "After the training, against the events:")
        evaluated(screen, result.evaluation)
    if result.glances:
        glance.assets(screen, result.glances.document())
    say(screen, f"Done in {span(result.seconds)}. Alerts: {result.folder / 'alerts.json'} and alerts.parquet")
    say(screen, f"Scores: {result.folder / 'scores'}   Model: {result.model}")
    next_step(screen, command("report", pipeline) if result.report.run["assets"] else command("inspect", pipeline))


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
    if found["kind"] != "asset":
        say(screen, f"{found['path']} is {_KINDS[found['kind']]}.", style="bold")
    if found["kind"] == "model":
        say(
            screen, f"Model {found['model_id']}, {found['network']['name']}, threshold {found['options']['threshold']}."
        )
        model_words(screen, found)
    elif found["kind"] == "run":
        _inspected_run(screen, found)
    elif found["kind"] == "asset":
        glance.asset(screen, found)
    elif found["kind"] == "ingested":
        _inspected_quality(screen, found)
    else:
        alerts(screen, found["run"], found["alerts"])
        rising(screen, found["indicators"])


_KINDS = {"model": "a model", "run": "a run folder", "ingested": "an ingested folder", "alerts": "an alerts file"}


def _inspected_run(screen: Screen, found: Mapping[str, Any]) -> None:
    say(screen, _model_line(found["model"]) if found["model"] else "It has no model yet.")
    if found["run"]:
        span_words = f"{moment(found['run']['start'])} to {moment(found['run']['end'])} UTC"
        say(screen, f"Watched {counted(len(found['run']['assets']), 'asset')}, {span_words}.")
        alerts(screen, found["run"], found["alerts"])
        rising(screen, found["indicators"])
    if found["fleet"]:
        glance.assets(screen, found["fleet"])
    if found["load"]:
        load_words(screen, found["load"])


def _model_line(model: Mapping[str, Any]) -> str:
    """The model of a run in short; who inspects its folder is told more."""
    from anomaly_lstm.clock import iso

    told = model["report"]
    rows = f"{counted(told['rows'], 'normal row')} of {counted(len(told['assets']), 'asset')}"
    more = command("inspect", model["path"])
    return (
        f"Model {model['model_id']}: {model['network']['name']} on {counted(len(model['scored']), 'sensor')}, learned "
        f"from {rows} up to {moment(iso(told['end_us']))} UTC. What it knows: {more}"
    )


def load_words(screen: Screen, load: Mapping[str, Any]) -> None:
    """What the alerts ask of people (ISA-18.2)."""
    days = span(seconds(load["start"], load["end"]))
    rate = load["per_asset_day"]
    often = f"{rate:.2g} per asset and day" if rate else "none"
    say(screen, f"Alarm load of the last {days}: {counted(load['calls'], 'call')}, {often}.")
    if load["busiest"] and load["calls"] > 1:
        busiest = ", ".join(f"{brief(one['asset'])} {one['calls']}" for one in load["busiest"])
        flood = " (a flood)" if load["flood"] else ""
        most = f"most in ten minutes {load['most_in_ten_minutes']}{flood}, at {moment(load['most_at'])} UTC"
        say(screen, f"Busiest: {busiest}; {most}.")
    for one in load["chattering"][:3]:
        say(
            screen, f"Alert {one['alert_id'][:4]} of {brief(one['asset'])} chatters: {one['calls']} calls within a day."
        )
    if load["longest_standing"]:
        one = load["longest_standing"]
        say(
            screen,
            f"Longest standing: {one['alert_id'][:4]} of {brief(one['asset'])}, since {moment(one['since'])} UTC.",
        )


def _inspected_quality(screen: Screen, found: Mapping[str, Any]) -> None:
    from anomaly_lstm.clock import format_duration
    from anomaly_lstm.grades import grade_from

    notes(screen, found["notes"])
    columns = ("asset", "rows", "holes", "gaps", "from (UTC)", "to (UTC)")
    rows = [
        (a["asset"], f"{a['rows']:,}", f"{a['holes']:,}", f"{a['gaps']:,}", moment(a["start"]), moment(a["end"]))
        for a in found["assets"]
    ]
    table(screen, columns, rows, columns[1:4])
    say(screen, f"One row every {format_duration(found['period_us'])}.")
    graded(screen, [grade_from(grade) for grade in found.get("grades", ())])  # older ones have none
