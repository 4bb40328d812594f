"""A trained model: everything a model folder holds, and the way to it and back."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from anomaly_lstm.deviations import Learned
from anomaly_lstm.drifts import Drifts, drifts_from
from anomaly_lstm.errors import ModelError
from anomaly_lstm.evidence import Evidence, evidence_from
from anomaly_lstm.level import level_from
from anomaly_lstm.models import MODELS
from anomaly_lstm.models.contract import Fitted
from anomaly_lstm.modes import Modes, as_document, from_document
from anomaly_lstm.scaling import Scaler
from anomaly_lstm.sensor_rules import SensorRules, rules_from
from anomaly_lstm.telemetry import DEFAULT, Grid
from anomaly_lstm.thresholds.contract import Curves, curves_from


@dataclass(frozen=True)
class Roles:
    """Which sensors are scored and which are context, in this order in every array; then come the columns of 0 and 1
    of the ``mode``, where a sensor was named as one.
    """

    scored: tuple[str, ...]
    context: tuple[str, ...] = ()
    mode: Modes | None = None

    @property
    def all(self) -> tuple[str, ...]:
        """The sensors that are measured quantities: all but the mode."""
        return (*self.scored, *self.context)

    @property
    def explaining(self) -> tuple[str, ...]:
        """Every column that is given to the network and not scored: the context, then those of the mode."""
        return (*self.context, *(self.mode.columns if self.mode else ()))


@dataclass(frozen=True)
class Trained:
    """Everything a model folder holds: enough to score and explain rows of assets of this type."""

    roles: Roles
    grid: Grid
    max_hole: int
    running: str | None
    units: Mapping[str, str]
    reading: Mapping[str, Any]
    """How the source was read, for data of the same shape."""
    learned: Learned
    evidence: Evidence
    curves: Curves
    options: Mapping[str, Any]
    report: Mapping[str, Any]
    """What `train` has to say about it, for people and for ``inspect``."""
    rules: SensorRules = DEFAULT
    """How the values of each sensor come to the grid."""
    settle_us: int = 0
    """How long after its start an asset has not settled [µs]."""
    drifts: Drifts | None = None
    """How rare slow drifts of each sensor are; None in a model that was trained before they were learned."""


def to_folder(trained: Trained) -> tuple[dict[str, Any], dict[str, NDArray[Any]]]:
    """The document and the arrays of a model folder."""
    learned = trained.learned
    document = {
        "scored": list(trained.roles.scored),
        "context": list(trained.roles.context),
        "period_us": trained.grid.period_us,
        "phase_us": trained.grid.phase_us,
        "max_hole": trained.max_hole,
        "running": trained.running,
        "units": dict(trained.units),
        "reading": dict(trained.reading),
        "network": {
            "name": learned.fitted.network,
            "sizes": dict(learned.fitted.sizes),
            "steps": learned.fitted.steps,
            "warm_up": learned.warm_up,
        },
        "options": dict(trained.options),
        "report": dict(trained.report),
    }
    if trained.roles.mode:
        document["mode"] = as_document(trained.roles.mode)
    if trained.settle_us:
        document["settle_us"] = trained.settle_us
    if not trained.rules.are_default:
        document["sensor_rules"] = trained.rules.document()
    arrays: dict[str, NDArray[Any]] = {f"network.{name}": array for name, array in learned.fitted.arrays.items()}
    arrays["needed"] = learned.needed
    if len(learned.mode_centre) > 1:
        arrays |= {"mode_centre": learned.mode_centre, "mode_spread": learned.mode_spread}
    arrays |= {f"scaler.{name}": array for name, array in asdict(learned.scaler).items()}
    arrays |= {f"level.{name}": array for name, array in learned.level.arrays().items()}
    arrays |= {f"evidence.{name}": array for name, array in trained.evidence.arrays().items()}
    arrays |= {f"curve.{name}": array for name, array in trained.curves.arrays().items()}
    if trained.drifts:
        arrays |= {f"drifts.{name}": array for name, array in trained.drifts.arrays().items()}
    return document, arrays


def from_folder(document: Mapping[str, Any], arrays: Mapping[str, NDArray[Any]], where: str) -> Trained:
    """The reverse of `to_folder`. Raises ModelError when something is missing."""

    def part(prefix: str) -> dict[str, NDArray[Any]]:
        return {name.removeprefix(prefix): array for name, array in arrays.items() if name.startswith(prefix)}

    try:
        network = document["network"]
        if network["name"] not in MODELS:
            raise ModelError(
                f"{where}: this program has no network '{network['name']}'; it has {', '.join(MODELS)}. "
                "Update anomaly-lstm."
            )
        fitted = Fitted(network["name"], part("network."), network["sizes"], network["steps"])
        scaler, level = Scaler(**part("scaler.")), level_from(part("level."))
        n_scored = len(level.centre)
        learned = Learned(
            scaler,
            level,
            arrays["needed"],
            fitted,
            network["warm_up"],
            arrays.get("mode_centre", np.zeros((1, n_scored))),
            arrays.get("mode_spread", scaler.spread[None, :n_scored]),
        )
        return Trained(
            roles=Roles(tuple(document["scored"]), tuple(document["context"]), from_document(document.get("mode"))),
            grid=Grid(document["period_us"], document["phase_us"]),
            max_hole=document["max_hole"],
            running=document["running"],
            units=document["units"],
            reading=document["reading"],
            learned=learned,
            evidence=evidence_from(part("evidence.")),
            curves=curves_from(part("curve.")),
            options=document["options"],
            report=document["report"],
            rules=rules_from(document.get("sensor_rules", {})),
            settle_us=document.get("settle_us", 0),
            drifts=drifts_from(part("drifts.")),
        )
    except (KeyError, TypeError) as problem:
        raise ModelError(
            f"{where}: the model is incomplete ({problem}). Train again or restore the folder from a copy."
        ) from problem
