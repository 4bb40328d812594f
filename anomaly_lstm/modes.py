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
from anomaly_lstm.evidence import LEAST_OF_MODE
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
    def listed(self) -> str:
        """All names in a sentence: ``1, 2, 3``."""
        return ", ".join(sorted(self.rows, key=lambda name: (0.0, name) if self.words else (float(name), name)))

    def on(self, asset: Telemetry) -> Telemetry:
        """The asset with a context of 0 and 1 for each mode that stands on its own, after its other sensors."""
        track = asset.mode
        assert track is not None
        names = (*self.own, *(name for name in track.names if name not in self.own))
        place = np.array([*(names.index(name) for name in track.names), -1])
        code = place[track.code]
        columns = (code[:, None] == np.arange(len(self.own))).astype(np.float64)
        return replace(
            asset,
            sensors=(*asset.sensors, *(f"{self.sensor}={name}" for name in self.own)),
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

    A mode does when `LEAST_OF_MODE` of its rows are left whichever part of the history is held out to calibrate on: one
    that came once has shown nothing yet that can be tested on other rows. Raises UsageError when the sensor is none
    that names modes.
    """
    teach = [
        keep & (a.state == State.SCORED) & np.isfinite(a.values).any(axis=1)
        for a, keep in zip(assets, normal, strict=True)
    ]
    rows = _count(assets, teach)
    _check(sensor, rows, words)
    if sum(rows.values()) < LEAST_OF_MODE:
        return Modes(sensor, words, rows, ())
    left = [
        _count(assets, [mask & own for mask, own in zip(teach, fold.learn, strict=True)])
        for fold in plan(assets, normal).network
    ]
    own = tuple(name for name in rows if min(some.get(name, 0) for some in left) >= LEAST_OF_MODE)
    return Modes(sensor, words, rows, own)


def _count(assets: Sequence[Telemetry], keep: Sequence[Bool]) -> dict[str, int]:
    """Mode → rows that are kept, most rows first."""
    count: dict[str, int] = {}
    for asset, mask in zip(assets, keep, strict=True):
        assert asset.mode is not None
        code = asset.mode.code[mask]
        for name, n in zip(
            asset.mode.names, np.bincount(code[code >= 0], minlength=len(asset.mode.names)), strict=True
        ):
            count |= {name: count.get(name, 0) + int(n)} if n else {}
    return dict(sorted(count.items(), key=lambda item: (-item[1], item[0])))


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
