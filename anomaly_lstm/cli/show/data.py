"""What was read, dropped and scored, in words."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from anomaly_lstm.cli.show.screen import AT_MOST, Screen, command, next_step, say, table
from anomaly_lstm.words import brief, counted, listed, span

if TYPE_CHECKING:  # these load NumPy and Arrow, which --help must not
    from anomaly_lstm.grades import Grade
    from anomaly_lstm.pipeline import Ingested, Quality, ScoreResult

ASKED_FOR = "outside --start/--end"
"""The one reason to drop a row that needs no telling, when it is the only one."""


def notes(screen: Screen, found: Sequence[str]) -> None:
    """What was detected about the source."""
    for note in found:
        say(screen, note)


def dropped(screen: Screen, quality: Quality) -> None:
    """Files that lost rows or cells, and why."""
    lost = [file for file in quality.files if {*file.dropped} - {ASKED_FOR} or file.cells_not_numeric]
    for file in lost[:AT_MOST]:
        rows = [f"{count:,} {reason}" for reason, count in file.dropped.items()]
        cells = [
            f"{sum(words.values()):,} cells of {name} not numeric ({listed(list(words), 3)})"
            for name, words in file.cells_not_numeric.items()
        ]
        kept = f"{file.rows_kept:,} of {file.rows_read:,} rows kept"
        say(screen, f"{file.file}: {kept}; {listed([*rows, *cells])}.", style="yellow")
    if len(lost) > AT_MOST:
        say(screen, f"… and {counted(len(lost) - AT_MOST, 'file')} more.")


def oddities(screen: Screen, quality: Quality) -> None:
    """Rows without any value, sensors that never move, sensors that stood still for a while."""
    said = []
    for asset in quality.assets:
        empty = asset.without_value
        said += [f"{brief(asset.asset)}: {counted(empty, 'row')} without a value in any sensor."] if empty else []
        many = asset.conflicting
        said += [f"{asset.asset}: {counted(many, 'time')} with several values of a sensor: the mean."] if many else []
        if quality.grades:
            continue  # they say the same of the sensors, and what helps
        said += [f"{asset.asset}: '{s.sensor}' is constant." for s in asset.sensors if s.constant]
        said += [
            f"{asset.asset}: '{s.sensor}' is stuck at one value for {counted(s.stuck_rows, 'row')}"
            f" in {counted(s.stuck_stretches, 'stretch')}."
            for s in asset.sensors
            if s.stuck_stretches and not s.constant
        ]
    for text in said[:AT_MOST]:
        say(screen, text, style="yellow")
    if len(said) > AT_MOST:
        say(screen, f"… and {len(said) - AT_MOST:,} more.")


def graded(screen: Screen, grades: Sequence[Grade]) -> None:
    """The sensors that are not High, a line each, and how many are."""
    from anomaly_lstm.grades import not_high

    told = not_high(grades)
    n_sensors = len({grade.sensor for grade in grades})
    for one in told[:AT_MOST]:
        say(screen, one.words, style="yellow")
    if len(told) > AT_MOST:
        say(screen, f"… and {len(told) - AT_MOST:,} more.")
    if n_sensors:
        others = "the others" if told else "all"
        high = n_sensors - len(told)
        say(screen, f"Sensors graded High: {others}, {high} of {n_sensors}." if high else "No sensor is graded High.")


def quality_table(screen: Screen, quality: Quality) -> None:
    """The data-quality report, a line per asset."""
    columns = ["asset", "rows", "merged", "duplicates", "disorder", "holes", "gaps", "longest gap"]
    rows = [
        [
            a.asset,
            *(f"{n:,}" for n in (a.rows, a.merged, a.duplicate_times, a.out_of_order, a.holes, a.gaps)),
            span(a.longest_gap_us / 1e6) if a.gaps else "",
        ]
        for a in quality.assets
    ]
    if any(a.held for a in quality.assets):
        columns.append("held")
        rows = [[*row, f"{a.held:,}"] for row, a in zip(rows, quality.assets, strict=True)]
    table(screen, columns, rows, columns[1:])


def stops(screen: Screen, quality: Quality) -> None:
    """How many rows of each asset do not count, for it did not run or had not settled."""
    told = [a for a in quality.assets if a.out_of_state]
    for a in told[:AT_MOST]:
        settling = f" ({a.settling:,} of them: not settled since its start)" if a.settling else ""
        share = 100 * a.out_of_state / max(1, a.rows + a.held)
        say(screen, f"{a.asset}: {counted(a.out_of_state, 'row')} out of state, {share:.1f} %{settling}.")
    if len(told) > AT_MOST:
        say(screen, f"… and {counted(len(told) - AT_MOST, 'asset')} more.")


def ingested(screen: Screen, result: Ingested) -> None:
    """What `ingest` found, what became of it, and where it is."""
    notes(screen, result.quality.notes)
    quality_table(screen, result.quality)
    oddities(screen, result.quality)
    stops(screen, result.quality)
    graded(screen, result.quality.grades)
    dropped(screen, result.quality)
    report = result.folder / "quality.json"
    say(screen, f"{counted(result.rows, 'row')} in {result.folder}/data, the data-quality report in {report}.")
    next_step(screen, command("train", result.folder, "--model", "model"))


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
    next_step(screen, hint)


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
