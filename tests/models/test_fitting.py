from __future__ import annotations

import subprocess
import sys

import pytest

from anomaly_lstm.errors import MissingExtraError
from anomaly_lstm.models import lstm_predictor
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
