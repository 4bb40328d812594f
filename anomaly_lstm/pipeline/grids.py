"""Any source → telemetry of every asset on one regular UTC grid."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from anomaly_lstm import conditions, modes, sources
from anomaly_lstm.clock import iso
from anomaly_lstm.errors import UsageError
from anomaly_lstm.sources import Place
from anomaly_lstm.sources.contract import FileQuality, RawAsset, Reading
from anomaly_lstm.sources.words import near
from anomaly_lstm.telemetry import MAX_HOLE, AssetQuality, Grid, Telemetry, estimate_period, estimate_phase, to_grid


@dataclass(frozen=True)
class GridOptions:
    """How rows become a grid. ``period_us`` None = found from the rows."""

    period_us: int | None = None
    max_hole: int = MAX_HOLE
    running: str | None = None
    """Condition over sensors; rows on which it does not hold are OUT_OF_STATE."""


@dataclass(frozen=True)
class Quality:
    """What was read, dropped and changed, per file, asset and sensor."""

    files: Sequence[FileQuality]
    assets: Sequence[AssetQuality]
    notes: Sequence[str]
    grid: Grid

    def document(self) -> dict[str, Any]:
        """As in ``quality.json``; times as ISO 8601."""
        assets = [asdict(a) | {"start": iso(a.start_us), "end": iso(a.end_us)} for a in self.assets]
        return {
            "period_us": self.grid.period_us,
            "phase_us": self.grid.phase_us,
            "notes": list(self.notes),
            "files": [asdict(f) for f in self.files],
            "assets": assets,
        }


def on_grid(
    reading: Reading,
    options: GridOptions,
    grid: Grid | None = None,
    sensors: Sequence[str] | None = None,
    mode: str | None = None,
) -> tuple[list[Telemetry], Quality]:
    """All assets of a reading on one grid, their sensors in the same order; ``mode`` is none of them."""
    names = list(sensors) if sensors is not None else [s for s in sensors_of(reading) if s != mode]
    grid = grid or grid_for([raw.time_us for raw in reading.assets], options)
    check_running(options, reading.words, mode)
    placed = [place_on(raw, names, grid, options) for raw in reading.assets]
    telemetry = [t for t, _ in placed]
    if mode is not None:
        telemetry = [with_mode(t, raw, mode, reading.words) for t, raw in zip(telemetry, reading.assets, strict=True)]
    return telemetry, Quality(reading.files, [q for _, q in placed], reading.notes, grid)


def grid_for(times_us: Sequence[NDArray[np.int64]], options: GridOptions) -> Grid:
    """The grid that the rows of some assets lie on, by when they were measured [µs since 1970 UTC]."""
    period = options.period_us if options.period_us is not None else estimate_period(times_us)
    return Grid(period, estimate_phase(times_us, period))


def check_running(options: GridOptions, words: Sequence[str], mode: str | None) -> None:
    """Raise UsageError where the condition for an asset to run compares words with numbers."""
    if options.running and words and mode in conditions.sensors_in(conditions.parse(options.running)):
        raise UsageError(
            f"condition {options.running!r}: '{mode}' holds words ({', '.join(words[:5])}), and only numbers "
            "can be compared. Say by another sensor when the asset runs."
        )


def with_mode(asset: Telemetry, raw: RawAsset, mode: str, words: Sequence[str]) -> Telemetry:
    measured = raw.values[:, raw.sensors.index(mode)]
    return replace(asset, mode=modes.track(raw.time_us, measured, words, asset.grid, asset.index))


def place_on(raw: RawAsset, names: Sequence[str], grid: Grid, options: GridOptions) -> tuple[Telemetry, AssetQuality]:
    have = {name: raw.values[:, i] for i, name in enumerate(raw.sensors)}
    values = (
        np.column_stack([have.get(name, np.full(len(raw.time_us), np.nan)) for name in names])
        if names
        else np.empty((len(raw.time_us), 0))
    )
    running = conditions.holds(options.running, have) if options.running else None
    return to_grid(raw.asset, raw.time_us, names, values, grid, running=running, max_hole=options.max_hole)


def sensors_of(reading: Reading) -> list[str]:
    return list(dict.fromkeys(s for a in reading.assets for s in a.sensors))


def check_names(wanted: Sequence[str], known: Sequence[str], option: str) -> None:
    for name in wanted:
        if name not in known:
            raise UsageError(
                f"{option}: there is no sensor '{name}'."
                f"{near(name, known) or ' There are: ' + ', '.join(known[:12]) + '.'}"
            )


def check_not_an_input(out: Path, source: Place) -> None:
    """Raise UsageError where a result would take the place of what it is made from."""
    if out.exists() and any(out.resolve() == file.resolve() for file in sources.resolve(source)[1]):
        raise UsageError(f"--out {out} is one of the files that are read; it is left as it is. Give another --out.")
