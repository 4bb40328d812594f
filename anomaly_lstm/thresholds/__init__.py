"""One way to tell how rare a score is per file; this dict is the whole registration."""

from anomaly_lstm.thresholds import dynamic, quantile, return_period
from anomaly_lstm.thresholds.contract import Threshold

THRESHOLDS: dict[str, Threshold] = {module.NAME: module for module in (return_period, quantile, dynamic)}
