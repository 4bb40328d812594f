from __future__ import annotations

import numpy as np
import pytest

from anomaly_lstm.pages.thinning import thinned

pytest.importorskip("tsdownsample", reason="tsdownsample is missing: pip install 'anomaly-lstm[report]'")


def test_a_peak_of_a_single_row_is_never_lost() -> None:
    values = np.random.default_rng(0).normal(0, 1, 500_000)
    values[123_456], values[400_001] = 50.0, -50.0
    kept = thinned(values, 1000)
    assert {123_456, 400_001} <= set(kept.tolist())
    assert len(kept) <= 1000
    assert (np.diff(kept) > 0).all()


def test_a_short_series_is_kept_whole_without_what_is_no_number() -> None:
    assert thinned(np.array([1.0, np.nan, 3.0]), 10).tolist() == [0, 2]
    assert thinned(np.full(5, np.nan), 10).tolist() == []
    assert thinned(np.empty(0), 10).tolist() == []


def test_rows_without_a_value_are_never_chosen() -> None:
    values = np.where(np.arange(10_000) % 3 == 0, np.sin(np.arange(10_000) / 100), np.nan)
    assert np.isfinite(values[thinned(values, 100)]).all()
