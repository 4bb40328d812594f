"""The networks, by the name a pipeline file gives them. A new one is one file here and one line below."""

from __future__ import annotations

from anomaly_lstm.models import linear_predictor, lstm_autoencoder, lstm_predictor
from anomaly_lstm.models.contract import Forecaster, Model

MODELS: dict[str, Model] = {
    "lstm_predictor": lstm_predictor,
    "lstm_autoencoder": lstm_autoencoder,
    "linear_predictor": linear_predictor,
}

FORECASTERS: dict[str, Forecaster] = {
    "lstm_predictor": lstm_predictor,
    "linear_predictor": linear_predictor,
}
"""Those that also run ahead of what was measured."""
