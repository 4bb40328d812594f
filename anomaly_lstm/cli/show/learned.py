"""What a model learned, in words."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from anomaly_lstm.cli.show.data import dropped, graded, notes, oddities, stops
from anomaly_lstm.cli.show.screen import Screen, next_step, say
from anomaly_lstm.words import DAY_S, beyond_record, counted, expected, listed, moment, span

if TYPE_CHECKING:  # these load NumPy and Arrow, which --help must not
    from anomaly_lstm.pipeline import Quality, TrainResult

RECONSTRUCTS = "lstm_autoencoder"
"""It gives back what it was shown; an error of that kind compares with no prediction."""


def looked(screen: Screen, quality: Quality) -> None:
    """What `train` read, before it learns from it."""
    notes(screen, quality.notes)
    dropped(screen, quality)
    oddities(screen, quality)
    stops(screen, quality)
    graded(screen, quality.grades)


def trained(screen: Screen, result: TrainResult, model: Mapping[str, Any], hint: str) -> None:
    """What `train` learned; ``model`` is the document of its folder, ``hint`` the next step."""
    if result.excluded_rows:
        say(screen, f"{counted(result.excluded_rows, 'row')} lie in events and were left out of normal.")
    model_words(screen, model)
    say(screen, f"The model is in {result.folder} (id {result.model_id}).")
    next_step(screen, hint)


def promised(screen: Screen, return_period_us: Mapping[str, int]) -> None:
    """How many false warnings the policy promises, by asset → return period of its warnings [µs]; none where off."""
    from anomaly_lstm.budgets import promised_per_month

    if return_period_us:
        rate = expected(promised_per_month(return_period_us))
        say(screen, f"The policy promises {rate} false warnings a month on {counted(len(return_period_us), 'asset')}.")


def model_words(screen: Screen, model: Mapping[str, Any]) -> None:
    """A model folder in sentences."""
    from anomaly_lstm.clock import format_duration, iso

    report = model["report"]
    sensors = f"Scores {counted(len(model['scored']), 'sensor')}: {listed(model['scored'])}"
    context = f"; explained by {listed(model['context'])}" if model["context"] else ""
    say(screen, f"{sensors}{context}.")
    mode_words(screen, model.get("mode"))
    if model["running"]:
        settle_us = model.get("settle_us", 0)
        settling = f", nor are those of the first {format_duration(settle_us)} after a stop" if settle_us else ""
        say(screen, f"The asset runs when {model['running']}; other rows are not scored{settling}.")
    for text in rule_words(model.get("sensor_rules", {})):
        say(screen, text)
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


def rule_words(rules: Mapping[str, Mapping[str, Any]]) -> list[str]:
    """How values come to the grid, as ``model.json`` tells it, a sentence for each rule that is not usual."""
    from anomaly_lstm.clock import format_duration

    said = []
    for name, rule in rules.items():
        kind, whose = rule.get("type"), "every other sensor" if name == "*" else f"'{name}'"
        words = [f"becomes its rate per {rule.get('per', 'h')}"] if kind == "counter" else []
        words += ["becomes its cosine and sine"] if kind == "angle" else []
        words += [f"is the {rule['aggregate']} of several values"] if "aggregate" in rule else []
        if "hold_us" in rule and rule.get("interpolate") == "linear":
            words.append(f"is taken {format_duration(rule['hold_us'])} late, on the line between two values")
        elif "hold_us" in rule:
            words.append(f"counts on for {format_duration(rule['hold_us'])} where no new value comes")
        said += [f"{whose[0].upper()}{whose[1:]} {' and '.join(words)}."] if words else []
    return said


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
