"""What people see (standard error) and what programs see (standard output).

Names come from data: they are never read as markup, and control characters in them are shown, not obeyed.
"""

from anomaly_lstm.cli.show.ahead import forecast
from anomaly_lstm.cli.show.begun import begun, begun_document
from anomaly_lstm.cli.show.data import ingested, scored
from anomaly_lstm.cli.show.judged import (
    evaluated,
    judged_document,
    measured,
    measured_document,
    outcome_words,
    replayed,
)
from anomaly_lstm.cli.show.learned import (
    calibration_words,
    looked,
    loss_words,
    promised,
    set_aside_words,
    trained,
    unlike_words,
)
from anomaly_lstm.cli.show.people import acted, cases, is_open, precision
from anomaly_lstm.cli.show.runs import inspected, ran
from anomaly_lstm.cli.show.screen import (
    Screen,
    command,
    document,
    error,
    forecasting,
    ingesting,
    interrupted,
    learning,
    say,
    scoring,
    screen,
    table,
    warn,
)
from anomaly_lstm.cli.show.told import alerts, rising, stands, strangest

__all__ = [
    "Screen",
    "acted",
    "alerts",
    "begun",
    "begun_document",
    "calibration_words",
    "cases",
    "command",
    "document",
    "error",
    "evaluated",
    "forecast",
    "forecasting",
    "ingested",
    "ingesting",
    "inspected",
    "interrupted",
    "is_open",
    "judged_document",
    "learning",
    "looked",
    "loss_words",
    "measured",
    "measured_document",
    "outcome_words",
    "precision",
    "promised",
    "ran",
    "replayed",
    "rising",
    "say",
    "scored",
    "scoring",
    "screen",
    "set_aside_words",
    "stands",
    "strangest",
    "table",
    "trained",
    "unlike_words",
    "warn",
]
