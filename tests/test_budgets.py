"""A budget of false warnings and its shares."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from anomaly_lstm.budgets import MONTH_US, WEIGHTS, WORDS, kept, promised_per_month, split_budget
from anomaly_lstm.errors import UsageError

WEEK = 7 * 86_400_000_000


@given(st.dictionaries(st.text(min_size=1), st.sampled_from(sorted(WORDS)), min_size=1), st.integers(WEEK // 7, WEEK))
def test_all_assets_together_keep_to_the_budget(criticality: dict[str, str], budget_us: int) -> None:
    shares = split_budget(budget_us, criticality)
    assert promised_per_month(shares) == pytest.approx(MONTH_US / budget_us, rel=1e-9)
    assert sum(1 / period_us for period_us in shares.values()) <= (1 + 1e-12) / budget_us


def test_assets_that_are_alike_share_evenly() -> None:
    assert split_budget(WEEK, {"a": "", "b": "medium"}) == {"a": 2 * WEEK, "b": 2 * WEEK}


def test_the_share_is_the_one_that_gives_most_warning_for_its_cost() -> None:
    criticality = {"a": "A", "b": "2", "c": "Low", "d": ""}
    rates = {asset: 1 / period_us for asset, period_us in split_budget(WEEK, criticality).items()}
    cost = {asset: WEIGHTS[WORDS[word.lower()]] for asset, word in criticality.items()}

    def gain(rates: dict[str, float]) -> float:
        return sum(cost[asset] * math.log(rate) for asset, rate in rates.items())

    for giver in rates:
        for taker in rates:
            moved = 0.05 * rates[giver]
            other = {**rates, giver: rates[giver] - moved}
            other[taker] += moved
            assert gain(other) <= gain(rates)


def test_a_criticality_nobody_knows_is_refused_with_its_asset() -> None:
    with pytest.raises(UsageError, match="pump-07: 'huge'"):
        split_budget(WEEK, {"pump-07": "huge", "pump-08": "high"})


def test_the_observed_rate_stands_beside_the_promise_with_its_interval() -> None:
    periods = {"a": MONTH_US, "b": 2 * MONTH_US}
    found = kept(periods, {"a": 6 * MONTH_US, "b": 6 * MONTH_US}, 3)
    assert (found.promised, found.expected, found.observed) == (1.5, 9.0, 0.5)
    assert found.interval == pytest.approx((0.619 / 6, 8.767 / 6), rel=1e-3)
    assert found.fits
    assert not kept(periods, {"a": 6 * MONTH_US, "b": 6 * MONTH_US}, 30).fits


def test_an_asset_that_was_never_scored_promises_nothing_yet() -> None:
    found = kept({"a": MONTH_US}, {}, 0)
    assert (found.expected, found.interval) == (0.0, (0.0, float("inf")))
    half = kept({"a": MONTH_US, "b": MONTH_US}, {"a": 2 * MONTH_US}, 1)
    assert half.expected == 2.0
