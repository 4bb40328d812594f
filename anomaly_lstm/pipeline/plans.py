"""What a scheduled run is asked for, and what it gives back."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from anomaly_lstm.cases import Rules
from anomaly_lstm.cases import Told as CaseTold
from anomaly_lstm.changes import Change
from anomaly_lstm.config import Pages
from anomaly_lstm.evaluation import Evaluation
from anomaly_lstm.events import Asset
from anomaly_lstm.glances import Glances
from anomaly_lstm.learning import TrainOptions
from anomaly_lstm.pipeline.grids import GridOptions, Quality
from anomaly_lstm.pipeline.training import TrainResult
from anomaly_lstm.policy import Policy
from anomaly_lstm.sinks.contract import AlertReport, Seen, Standing
from anomaly_lstm.sources import Place
from anomaly_lstm.sources.contract import ReadOptions
from anomaly_lstm.telling import Delivery, Recipient, Target


@dataclass(frozen=True)
class RunPlan:
    """All that a scheduled run needs, as a pipeline file says it."""

    source: Place
    folder: Path
    read: ReadOptions = field(default_factory=ReadOptions)
    grid: GridOptions = field(default_factory=GridOptions)
    context: Sequence[str] = ()
    mode: str | None = None
    events: Path | None = None
    units: Mapping[str, str] = field(default_factory=dict)
    train_until_us: int | None = None
    train: TrainOptions = field(default_factory=TrainOptions)
    policy: Policy = field(default_factory=Policy)
    delay_us: int = 0
    """How long a row may take to arrive [µs], counted from the newest row of its asset."""
    budget_us: int | None = None
    """Mean time between false alerts of the whole pipeline; sets the limits of ``policy`` once the assets are known."""
    disabled: Sequence[str] = ()
    """Assets that are not watched."""
    criticality: Mapping[str, str] = field(default_factory=dict)
    """Asset → what its failure costs, by which it shares in the budget (`budgets`)."""
    rules: Rules = field(default_factory=Rules)
    no_data_after_us: int | None = None
    sensor_bad_after_us: int | None = None
    """How long an asset, or a sensor, may be silent before it is told [µs]; 0 = never, None = by what is usual."""
    name: str = "anomaly-lstm"
    """Under which name programs are told of it."""
    sites: Mapping[str, str] = field(default_factory=dict)
    notify: Sequence[Recipient] = ()
    sinks: Sequence[Target] = ()
    pages: Pages | None = None
    """Where every run leaves pages, which show the ``table`` of assets and name the pipeline file at ``path``."""
    table: Sequence[Asset] = ()
    path: Path | None = None


@dataclass(frozen=True)
class RunResult:
    """Result of `run`. ``trained`` is None when a model stood already.

    ``report`` all alerts as they stand; ``changes`` what became of them in this run, ``told`` the same with whether
    people are told of it and why; ``states`` state → rows that were scored in it; ``new`` asset → rows that came in;
    ``waiting`` files that are still being written; ``failed`` file or asset → why nothing became of it; ``strangest``
    the rarest new row: asset, time [µs UTC], return period [s].
    """

    folder: Path
    model: Path
    trained: TrainResult | None
    quality: Quality
    report: AlertReport
    changes: Sequence[Change]
    told: Sequence[CaseTold]
    states: Mapping[str, int]
    new: Mapping[str, int]
    waiting: Sequence[str]
    strangest: tuple[str, int, float] | None
    evaluation: Evaluation | None
    failed: Mapping[str, str]
    unread: Sequence[str]
    """Those of ``failed`` that are files."""
    seconds: float
    seen: Mapping[str, Seen] = field(default_factory=dict)
    """How far each asset is that is watched and did not fail."""
    glances: Glances | None = None
    """The assets at a glance, those of which there is something to tell; None where nothing was scored."""
    standing: Standing | None = None
    """How things stand after it; None after a dry run, which tells nobody."""
    delivery: Delivery | None = None
    outages: Sequence[str] = ()
    """Notes on channels and sinks that fail since this run, or work again."""
