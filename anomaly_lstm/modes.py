"""Modes an asset runs in, such as fuel, product, grade or ore: which there are, and which stand on their own.

A mode explains the other sensors as a context does, one column of 0 and 1 for each mode with enough rows. Such a mode
also has a centre of its own for the level, a spread of its own for the deviations, and a calibration of its own; all
other modes share the common ones. A mode is held from its last value to the next, however long that takes: many logs
hold nothing but its changes.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from anomaly_lstm.errors import UsageError
from anomaly_lstm.evidence import LEAST_OF_MODE, enough_of_mode
from anomaly_lstm.folds import plan
from anomaly_lstm.tables import State
from anomaly_lstm.telemetry import Grid, ModeTrack, Telemetry, last_known

Float64 = NDArray[np.float64]
Int64 = NDArray[np.int64]
Bool = NDArray[np.bool_]

MOST = 20
"""More distinct values than this are no modes but a quantity, a batch or an order."""


@dataclass(frozen=True)
class Modes:
    """The modes that training saw in ``sensor``: name → normal rows, those with most rows first.

    ``own`` are those with a centre, spread and calibration of their own; ``words`` says that the sensor holds words and
    not whole numbers.
    """

    sensor: str
    words: bool
    rows: Mapping[str, int]
    own: tuple[str, ...]

    @property
    def few(self) -> tuple[str, ...]:
        """The modes that share the common centre, spread and calibration."""
        return tuple(name for name in self.rows if name not in self.own)

    @property
    def columns(self) -> tuple[str, ...]:
        """Names of the columns of 0 and 1, one for each mode that stands on its own."""
        return tuple(f"{self.sensor}={name}" for name in self.own)

    @property
    def listed(self) -> str:
        """All names in a sentence: ``1, 2, 3``."""
        return ", ".join(sorted(self.rows, key=lambda name: (0.0, name) if self.words else (float(name), name)))

    def on(self, asset: Telemetry) -> Telemetry:
        """The asset with a context of 0 and 1 for each mode that stands on its own, after its other sensors."""
        track = asset.mode
        assert track is not None
        names = tuple(dict.fromkeys((*self.own, *track.names)))
        code = _among(names, track)
        columns = (code[:, None] == np.arange(len(self.own))).astype(np.float64)
        return replace(
            asset,
            sensors=(*asset.sensors, *self.columns),
            values=np.hstack([asset.values, columns]),
            mode=ModeTrack(names, code, len(self.own)),
        )

    def unseen(self, track: ModeTrack) -> Bool:
        """Rows (n_rows,) in a mode that training never saw."""
        known = np.array([*(name in self.rows for name in track.names), True])
        return np.asarray(~known[track.code])


def track(time_us: Int64, values: Float64, words: Sequence[str], grid: Grid, index: Int64) -> ModeTrack:
    """The modes on grid rows ``index`` (n_rows,) from what was measured: ``values`` (n_measured,) at ``time_us``.

    With ``words`` values are places among them, else they are the modes themselves.
    """
    held = last_known(time_us, values, grid, index)
    known = np.isfinite(held)
    distinct, place = np.unique(held[known], return_inverse=True)
    code = np.full(len(held), -1, np.int64)
    code[known] = place
    return ModeTrack(tuple(words[int(v)] if words else _number(v) for v in distinct), code)


def _number(value: float) -> str:
    return f"{value:.0f}" if value == round(value) else f"{value:.7g}"


def find(sensor: str, assets: Sequence[Telemetry], normal: Sequence[Bool], *, words: bool) -> Modes:
    """The modes of the ``normal`` rows (one mask per asset), and which of them stand on their own.

    A mode does when enough of it is left (`evidence.enough_of_mode`) whichever part of the history is held out to
    calibrate on. Raises UsageError when the sensor is none that names modes.
    """
    names, codes = _common_codes(assets)

    def stretches(keep: Sequence[Bool]) -> list[Int64]:
        return [
            _taught(a, code, rows)
            for a, code, own in zip(assets, codes, keep, strict=True)
            for rows in a.stretches(own)
        ]

    every = np.concatenate([np.empty(0, np.int64), *stretches(normal)])
    count = np.bincount(every[every >= 0], minlength=len(names)).tolist()
    rows = {name: n for n, name in sorted(zip(count, names, strict=True), key=lambda item: -item[0]) if n}
    _check(sensor, rows, words)
    if len(every) < LEAST_OF_MODE:
        return Modes(sensor, words, rows, ())
    left = [stretches(fold.learn) for fold in plan(assets, normal).network]
    own = [name for name in rows if all(enough_of_mode([c == names.index(name) for c in some]) for some in left)]
    return Modes(sensor, words, rows, tuple(own))


def _common_codes(assets: Sequence[Telemetry]) -> tuple[list[str], list[Int64]]:
    """All names, and each asset's rows (n_rows,) as places among them, −1 before the first."""
    tracks = [asset.mode for asset in assets if asset.mode is not None]
    names = sorted({name for track in tracks for name in track.names})
    return names, [_among(names, track) for track in tracks]


def _among(names: Sequence[str], track: ModeTrack) -> Int64:
    """The places (n_rows,) of a track's modes among other names, −1 before the first."""
    place = {name: number for number, name in enumerate(names)}
    return np.array([*(place[name] for name in track.names), -1])[track.code]


def _taught(asset: Telemetry, code: Int64, rows: slice) -> Int64:
    """The modes of the rows of a stretch that teach: fit to be scored, with something measured."""
    measured = np.isfinite(asset.values[rows]).any(axis=1)
    return np.asarray(code[rows][measured & (asset.state[rows] == State.SCORED)])


def _check(sensor: str, rows: Mapping[str, int], words: bool) -> None:
    if not words:
        odd = next((name for name in rows if not float(name).is_integer()), None)
        if odd is not None:
            raise UsageError(
                f"--mode: '{sensor}' holds {odd}; a mode is a whole number or a word. "
                f"A quantity is a context: --context {sensor}."
            )
    if len(rows) > MOST:
        raise UsageError(
            f"--mode: '{sensor}' has {len(rows):,} distinct values in the training rows; a mode has {MOST} at most. "
            f"Group them in a column of fewer values, or give a quantity as --context {sensor}."
        )
    if not rows:
        raise UsageError(f"--mode: '{sensor}' has no value in the training rows. Name another sensor, or none.")


def from_document(document: Mapping[str, object] | None) -> Modes | None:
    """The reverse of `as_document`."""
    if document is None:
        return None
    sensor, words, rows, own = (document[name] for name in ("sensor", "words", "rows", "own"))
    return Modes(sensor, words, rows, tuple(own))  # type: ignore[arg-type]  # as written by as_document


def as_document(modes: Modes) -> dict[str, object]:
    """For ``model.json``."""
    return {"sensor": modes.sensor, "words": modes.words, "rows": dict(modes.rows), "own": list(modes.own)}
