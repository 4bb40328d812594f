"""The verbs, and the only place that knows the order of the stages.

Every verb is a plain function: it reads files, calls the pure stages, writes files in one step, and returns a dataclass
that says what happened. The command line shows it; a notebook can use it as it is.
"""

from anomaly_lstm.pipeline.alerting import AlertResult, alert, limits_for_budget
from anomaly_lstm.pipeline.beginning import Begun, Known, init
from anomaly_lstm.pipeline.evaluation import evaluate, measure
from anomaly_lstm.pipeline.folder import current_model, is_run, policy_of
from anomaly_lstm.pipeline.forecasting import ForecastResult, forecast
from anomaly_lstm.pipeline.grids import GridOptions, Quality
from anomaly_lstm.pipeline.ingesting import Ingested, ingest
from anomaly_lstm.pipeline.inspection import failures, inspect
from anomaly_lstm.pipeline.moving_in import move_in
from anomaly_lstm.pipeline.plans import RunPlan, RunResult
from anomaly_lstm.pipeline.publishing import FleetReported, fleet
from anomaly_lstm.pipeline.replaying import replay
from anomaly_lstm.pipeline.reporting import Reported, report
from anomaly_lstm.pipeline.retraining import train_into
from anomaly_lstm.pipeline.running import run
from anomaly_lstm.pipeline.scoring import ScoreResult, load, read_scores, score
from anomaly_lstm.pipeline.standing import standing
from anomaly_lstm.pipeline.training import TrainResult, train

__all__ = [
    "AlertResult",
    "Begun",
    "FleetReported",
    "ForecastResult",
    "GridOptions",
    "Ingested",
    "Known",
    "Quality",
    "Reported",
    "RunPlan",
    "RunResult",
    "ScoreResult",
    "TrainResult",
    "alert",
    "current_model",
    "evaluate",
    "failures",
    "fleet",
    "forecast",
    "ingest",
    "init",
    "inspect",
    "is_run",
    "limits_for_budget",
    "load",
    "measure",
    "move_in",
    "policy_of",
    "read_scores",
    "replay",
    "report",
    "run",
    "score",
    "standing",
    "train",
    "train_into",
]
