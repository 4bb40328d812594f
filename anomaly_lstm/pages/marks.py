"""How a page marks a severity: by a sign and a word, never by colour alone."""

from __future__ import annotations

from anomaly_lstm.pages.page import Html, element
from anomaly_lstm.pages.report import Alert
from anomaly_lstm.pages.texts import Tongue

SIGNS = {"advisory": "●", "warning": "◆", "critical": "■"}
"""The same marks as in the pictures."""


def mark(alert: Alert, tongue: Tongue) -> Html:
    """Its severity as a sign and a word: colour alone tells nothing."""
    severity = alert["severity_now"] or alert["severity"]
    return element("b", f"{SIGNS[severity]} {tongue.say(severity)}", class_=f"{severity} whole")
