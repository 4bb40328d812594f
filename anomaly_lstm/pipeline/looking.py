"""A look at a source of any size: all of it where it is small, else stretches spread over the whole."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import numpy as np

from anomaly_lstm import sources
from anomaly_lstm.errors import DataError
from anomaly_lstm.pipeline.ingesting import Progress
from anomaly_lstm.sources.contract import FileQuality, RawAsset, Reading, ReadOptions, together
from anomaly_lstm.sources.reading import summary_words

LOOKED_CELLS = 4_000_000
"""So many cells are kept to look at: 32 MB of them, and as much again for every step."""


@dataclass(frozen=True)
class Looked:
    """What was kept of a source, ``kept`` of its ``rows``."""

    reading: Reading
    kept: int
    rows: int

    @property
    def is_whole(self) -> bool:
        return self.kept == self.rows


def look(
    source: sources.Place,
    read: ReadOptions,
    *,
    progress: Callable[[Progress], None] = lambda _: None,
    cells: int = LOOKED_CELLS,
    part_bytes: int = sources.PART_BYTES,
) -> Looked:
    """Read all of a source, and keep rows that follow each other from all parts of it, about so many ``cells``.

    Raises DataError where it holds no row.
    """
    kept: dict[str, list[RawAsset]] = defaultdict(list)
    files: dict[str, FileQuality] = {}
    notes: dict[str, None] = {}
    units: dict[str, str] = {}
    edges: list[int] = []
    first: Reading | None = None
    rows = seen = 0
    for reading in sources.stream(source, read, part_bytes):
        first = first or reading
        seen += sum(raw.values.size for raw in reading.assets)
        rows += sum(len(raw.time_us) for raw in reading.assets)
        share = min(1.0, cells * reading.done / max(1, seen))  # of as many cells as there will be by then
        for raw in reading.assets:
            kept[raw.asset].append(_first_rows(raw, share))
            edges += [int(raw.time_us.min()), int(raw.time_us.max())]
        for file in reading.files:
            files[file.file] = together(files[file.file], file) if file.file in files else file
        notes |= dict.fromkeys(reading.notes)
        units |= reading.units
        progress(Progress("reading", reading.done, rows))
    if first is None or not rows:
        raise DataError("no row is left to look at. Give a source, or a span, that holds data.")
    assets = _with_all_sensors([_together(parts) for _, parts in sorted(kept.items())])
    said = summary_words(len(assets), rows, (min(edges), max(edges)), assets[0].sensors)
    whole = replace(first, assets=assets, notes=[*notes, said], files=list(files.values()), units=units)
    return Looked(whole, sum(len(asset.time_us) for asset in assets), rows)


def _first_rows(raw: RawAsset, share: float) -> RawAsset:
    """Rows that follow each other, one at least."""
    if share == 1:
        return raw
    n_rows = max(1, int(share * len(raw.time_us)))
    return replace(raw, time_us=raw.time_us[:n_rows].copy(), values=raw.values[:n_rows].copy())


def _together(parts: Sequence[RawAsset]) -> RawAsset:
    """The rows of one asset, with the sensors of all parts."""
    if len(parts) == 1:
        return parts[0]
    wide = _with_all_sensors(parts)
    times, values = [part.time_us for part in wide], [part.values for part in wide]
    return replace(wide[0], time_us=np.concatenate(times), values=np.concatenate(values))


def _with_all_sensors(parts: Sequence[RawAsset]) -> list[RawAsset]:
    """The same with the sensors of all of them, missing where a part has none."""
    sensors = tuple(dict.fromkeys(name for part in parts for name in part.sensors))
    return [part if part.sensors == sensors else _widened(part, sensors) for part in parts]


def _widened(part: RawAsset, sensors: tuple[str, ...]) -> RawAsset:
    values = np.full((len(part.time_us), len(sensors)), np.nan)
    values[:, [sensors.index(name) for name in part.sensors]] = part.values
    return replace(part, sensors=sensors, values=values)
