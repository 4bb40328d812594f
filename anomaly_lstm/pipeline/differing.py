"""What a pipeline file asks for now and the model in use, or the alerts that stand, were made without: notes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from anomaly_lstm.clock import format_duration
from anomaly_lstm.pipeline.folder import RunState
from anomaly_lstm.pipeline.plans import RunPlan
from anomaly_lstm.pipeline.watching import policy_document
from anomaly_lstm.policy import Policy
from anomaly_lstm.trained import Trained


def _apart_from(keys: Sequence[str], document: Mapping[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in document.items() if key not in keys}


def rules_from_now(state: RunState, policies: Mapping[str, Policy], shared: Sequence[str]) -> list[str]:
    """A note where the policy is another than the one by which alerts were raised, but for what is ``shared`` among the
    assets and changes with their number.
    """
    wanted = {asset: _apart_from(shared, policy_document(policy)) for asset, policy in policies.items()}
    others = [
        asset
        for asset, watch in state.assets.items()
        if watch.terms.policy and asset in wanted and _apart_from(shared, watch.terms.policy) != wanted[asset]
    ]
    if not others:
        return []
    return [
        "The alarm policy has changed: it rules rows from now on, and open alerts keep the one they were raised by. "
        "Judge all stored rows by it with --reprocess, or try it first with `anomaly-lstm replay`."
    ]


def changed_since(plan: RunPlan, trained: Trained) -> list[str]:
    """Notes on what the pipeline file asks of training that the model in use was not trained with."""
    asked = {
        "[train] model": (plan.train.network, trained.options["network"]),
        "[train] threshold": (plan.train.threshold, trained.options["threshold"]),
        "[train] seed": (plan.train.seed, trained.options["seed"]),
        "[sensors] context": (list(plan.grid.rules.made_of(plan.context)), list(trained.roles.context)),
        "[sensors] mode": (plan.mode, trained.roles.mode.sensor if trained.roles.mode else None),
        "[sensors] running": (plan.grid.running, trained.running),
        "[sensors] settle": (format_duration(plan.grid.settle_us), format_duration(trained.settle_us)),
        "[sensors.grid]": (plan.grid.rules.document(), trained.rules.document()),
        "[source] period": (
            format_duration(plan.grid.period_us or trained.grid.period_us),
            format_duration(trained.grid.period_us),
        ),
    }
    return [
        f"{key} is {wanted} in the pipeline file, but the model in use was trained with {have}; it stays in use. "
        "Train anew with `anomaly-lstm train --pipeline FILE`."
        for key, (wanted, have) in asked.items()
        if wanted != have
    ]
