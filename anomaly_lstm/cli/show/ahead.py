"""What is ahead, in words."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from anomaly_lstm.cli.show.data import dropped, notes
from anomaly_lstm.cli.show.screen import Screen, say, table
from anomaly_lstm.words import listed, span

if TYPE_CHECKING:  # these load NumPy and Arrow, which --help must not
    from anomaly_lstm.pipeline import ForecastResult

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
