"""A series as one line of text."""

from __future__ import annotations

import numpy as np
import pytest

from anomaly_lstm.sparklines import sparkline


def test_a_step_is_an_eighth_of_the_scale_and_what_is_outside_has_the_block_of_its_edge() -> None:
    assert sparkline(np.array([-9.0, 0, 1, 2, 3, 4, 5, 6, 7, 99]), 10, 0, 8) == "▁▁▂▃▄▅▆▇██"


def test_a_letter_shows_the_highest_of_its_bin_so_no_peak_is_lost() -> None:
    values = np.zeros(1000)
    values[637] = 7.5
    line = sparkline(values, 10, 0, 8)
    assert line == "▁▁▁▁▁▁█▁▁▁"


def test_a_gap_is_blank_and_a_value_beside_it_still_counts() -> None:
    nothing = np.nan
    assert sparkline(np.array([1, 1, nothing, nothing, nothing, 1]), 3, 0, 1) == "█ █"


@pytest.mark.parametrize("n", [0, 1, 3])
def test_few_values_give_no_more_letters_than_there_are(n: int) -> None:
    assert len(sparkline(np.ones(n), 10, 0, 1)) == n


def test_a_scale_without_height_is_a_low_line() -> None:
    assert sparkline(np.full(3, 5.0), 3, 5, 5) == "▁▁▁"
