"""A budget of false warnings for a team, shared among its assets, and whether it was kept.

**The rule.** An asset's share of the budget is proportional to what its failure costs: high twice as much as medium,
medium twice as much as low. The reason: a shorter return period warns earlier, but only by its logarithm, as a
deviation that grows by a constant factor per hour passes a limit half as rare a constant time sooner. The sum of
cost × time of warning, Σ cᵢ log rᵢ over rates rᵢ with a given sum R, is greatest at rᵢ = R cᵢ / Σ c. As each step is a
factor of two, an asset that is in the wrong class has a limit wrong by a factor of two, not more.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from anomaly_lstm.clock import DAY
from anomaly_lstm.errors import UsageError
from anomaly_lstm.evaluation import poisson_interval
from anomaly_lstm.events import CRITICALITY

WEIGHTS = {"high": 4, "medium": 2, "low": 1}
"""What a failure costs, by criticality."""

WORDS = CRITICALITY
"""What may stand in ``criticality`` of an ``assets.csv``, in capitals or not; empty is medium."""

MONTH_US = round(365.25 / 12 * 86_400_000_000)


@dataclass(frozen=True)
class Kept:
    """False alerts per month, all assets together: promised, and observed with its 95 % interval."""

    promised: float
    observed: float
    interval: tuple[float, float]
    """Of the observed rate, from the Poisson distribution of the count; 0 to inf without any scored time."""
    count: int
    expected: float
    """How many were to be expected in the scored time."""

    @property
    def fits(self) -> bool:
        """Does the observed rate agree with at most what was promised?"""
        return self.interval[0] <= self.promised


def split_budget(budget_us: int, criticality: Mapping[str, str]) -> dict[str, int]:
    """Asset → return period of its warnings [µs], so that all together raise one false warning per ``budget_us``.

    ``criticality`` asset → high, medium or low, A, B or C, or 1, 2 or 3; empty is medium. Where all are alike the
    budget is split evenly. Raises UsageError naming each asset with another word.
    """
    wrong = [f"{asset}: '{word}'" for asset, word in criticality.items() if word.strip().lower() not in WORDS]
    if wrong:
        raise UsageError(
            f"criticality must be high, medium or low (or A, B, C, or 1, 2, 3, or empty); it is not for "
            f"{', '.join(wrong)}. Correct it in assets.csv."
        )
    weight = {asset: WEIGHTS[WORDS[word.strip().lower()]] for asset, word in criticality.items()}
    total = sum(weight.values())
    return {asset: -(-budget_us * total // own) for asset, own in weight.items()}


def limits_of(warning_us: int) -> dict[str, int]:
    """The return periods [µs] of an asset whose warnings come once in ``warning_us``: an advisory at a third of it, at
    most once in 30 days.
    """
    return {"advisory": min(30 * DAY, warning_us // 3), "warning": warning_us}


def promised_per_month(return_period_us: Mapping[str, int]) -> float:
    """False alerts per month of all assets together, by asset → return period [µs]."""
    return sum(MONTH_US / period_us for period_us in return_period_us.values())


def kept(return_period_us: Mapping[str, int], scored_us: Mapping[str, int], false: int) -> Kept:
    """Whether the promise was kept: ``false`` alerts of all assets in their scored time, asset → [µs].

    The time is that of each asset, so one that was down for half of it promised half as much.
    """
    expected = sum(scored_us.get(asset, 0) / period_us for asset, period_us in return_period_us.items())
    promised = promised_per_month(return_period_us)
    months = expected / promised if promised else 0.0
    if not months:
        return Kept(promised, 0.0, (0.0, float("inf")), false, 0.0)
    low, high = poisson_interval(false)
    return Kept(promised, false / months, (low / months, high / months), false, expected)
