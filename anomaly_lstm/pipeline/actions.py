"""What people did, as a run and the verb `case` both read it."""

from __future__ import annotations

from itertools import takewhile
from pathlib import Path

from anomaly_lstm import journal
from anomaly_lstm.actions import Action, action_of
from anomaly_lstm.errors import DataError, UsageError

ACTIONS, STATE_KEY = "actions.jsonl", "cases"
"""The file in the run folder, and the key of ``state.json`` under which a run keeps its cases."""


def read_actions(folder: Path, until_us: int | None = None) -> list[Action]:
    """What people did, in the order of ``actions.jsonl``; up to the first act after ``until_us`` [µs UTC], for a run
    that acts as if it were then. Raises DataError naming the line that is none.
    """
    out: list[Action] = []
    for line in journal.read(folder / ACTIONS, "action_id"):
        try:
            out.append(action_of(line))
        except (KeyError, TypeError, ValueError, UsageError) as problem:
            raise DataError(
                f"{folder / ACTIONS}: action {line['action_id']} cannot be read ({problem}). Restore its line from a "
                "copy, or remove it."
            ) from problem
    return out if until_us is None else list(takewhile(lambda act: act.at_us <= until_us, out))
