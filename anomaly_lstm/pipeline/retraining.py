"""Training into a run folder: the first time within a run, later because somebody asks for it."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from dataclasses import replace

from anomaly_lstm import store
from anomaly_lstm.pipeline.folder import RunFolder
from anomaly_lstm.pipeline.grids import Quality
from anomaly_lstm.pipeline.plans import RunPlan
from anomaly_lstm.pipeline.training import TrainResult, train
from anomaly_lstm.training import Stage


def train_into(
    plan: RunPlan,
    *,
    looked: Callable[[Quality], None] = lambda quality: None,
    told: Callable[[Stage], None] = lambda stage: None,
) -> TrainResult:
    """Train anew into the run folder: the model is the run's from now on."""
    with store.locked(plan.folder):
        return train_before(plan, None, told, looked)


def train_before(
    plan: RunPlan,
    until_us: int | None,
    told: Callable[[Stage], None],
    looked: Callable[[Quality], None] = lambda quality: None,
) -> TrainResult:
    """Train on rows before the end that the plan gives, and before ``until_us``."""
    ends = [us for us in (plan.train_until_us, plan.read.end_us, until_us) if us is not None]
    read = replace(plan.read, end_us=min(ends, default=None))
    new = plan.folder / "models" / "new"
    shutil.rmtree(new, ignore_errors=True)  # left by a run that was killed
    result = train(
        plan.source,
        new,
        read=read,
        grid=plan.grid,
        context=plan.context,
        mode=plan.mode,
        events=plan.events,
        units=plan.units,
        options=plan.train,
        looked=looked,
        told=told,
    )
    home = new.with_name(result.model_id)
    if store.is_model(home):  # the same model, which a run may be working with
        shutil.rmtree(new)
    else:
        new.rename(home)
    folder = RunFolder(plan.folder)
    folder.commit(replace(folder.state(), model_id=result.model_id))
    return replace(result, folder=home)
