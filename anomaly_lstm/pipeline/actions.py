"""What people did, as a run and the verb `case` both read it."""

from __future__ import annotations

from pathlib import Path

from anomaly_lstm import journal
from anomaly_lstm.actions import Action, action_of
from anomaly_lstm.errors import DataError, UsageError

ACTIONS, STATE_KEY = "actions.jsonl", "cases"
"""The file in the run folder, and the key of ``state.json`` under which a run keeps its cases."""


def read_actions(folder: Path) -> list[Action]:
    """What people did, in the order of ``actions.jsonl``. Raises DataError naming the line that is none."""
    out = []
    for line in journal.read(folder / ACTIONS, "action_id"):
        try:
            out.append(action_of(line))
        except (KeyError, TypeError, ValueError, UsageError) as problem:
            raise DataError(
                f"{folder / ACTIONS}: action {line['action_id']} cannot be read ({problem}). Restore its line from a "
                "copy, or remove it."
            ) from problem
    return out
