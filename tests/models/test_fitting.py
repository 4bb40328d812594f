from __future__ import annotations

import subprocess
import sys

import numpy as np
import pytest
from numpy.typing import NDArray

from anomaly_lstm.errors import MissingExtraError
from anomaly_lstm.models import fitting, lstm_predictor
from anomaly_lstm.models.contract import Fitted
from tests.models.toys import quick_fit, stretch


def test_a_missing_tensorflow_is_told_with_the_way_round(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "tensorflow", None)
    with pytest.raises(MissingExtraError) as told:
        quick_fit(lstm_predictor, [stretch(77, 3)])  # sizes no other test uses: nothing is compiled yet
    assert "anomaly-lstm[train]" in str(told.value)
    assert "--network linear_predictor" in str(told.value)


def test_training_writes_nothing_to_the_terminal() -> None:
    pytest.importorskip("tensorflow", reason="its noise is what is tested")
    code = (
        "from tests.models.toys import *; from anomaly_lstm.models import lstm_predictor;"
        "quick_fit(lstm_predictor, [stretch(60)])"
    )
    done = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True)
    assert (done.stdout, done.stderr) == ("", "")


def test_a_judge_with_a_spread_counts_sensors_alike_and_gives_errors_of_that_size_the_same_loss() -> None:
    one, spread = stretch(200), np.array([1.0, 0.01], np.float32)[:, None].T

    def erring(by: NDArray[np.float32]) -> float:
        judge = fitting.judge_on(lambda fitted, values, context, present: values - by, [one], spread[0])
        assert judge is not None
        return judge(Fitted("none", {}, {}))

    plain = fitting.judge_on(lambda fitted, values, context, present: values - spread, [one])
    assert plain is not None
    usual = erring(spread)
    assert usual == pytest.approx(plain(Fitted("none", {}, {})))
    noisy, quiet = (erring(spread * np.array(better, np.float32)) for better in ([0.5, 1], [1, 0.5]))
    assert noisy == pytest.approx(quiet)
    assert quiet == pytest.approx(0.625 * usual)
