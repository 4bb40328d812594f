"""What was found about a new source, and what a person should look at, in words."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from anomaly_lstm.cli.show.data import dropped, graded, notes, oddities, quality_table, stops
from anomaly_lstm.cli.show.screen import Screen, command, next_step, say

if TYPE_CHECKING:  # these load NumPy and Arrow, which --help must not
    from anomaly_lstm.pipeline import Begun


def begun(screen: Screen, result: Begun) -> None:
    """What `init` found, what is guessed, and how it goes on."""
    notes(screen, result.draft.found)
    if result.looked_at < result.rows:
        say(screen, f"Looked at {result.looked_at:,} of {result.rows:,} rows, in stretches from all of them.")
    else:
        quality_table(screen, result.quality)
    oddities(screen, result.quality)
    stops(screen, result.quality)
    graded(screen, result.quality.grades)
    dropped(screen, result.quality)
    for sentence in result.draft.unsure:
        say(screen, f"Look at {sentence}", style="yellow")
    for sentence in result.draft.promise:
        say(screen, sentence)
    for path in result.also:
        say(screen, f"Written beside it: {path}.")
    say(screen, f"The pipeline file is {result.path}: read it, it says why everything is as it is.")
    next_step(screen, command("run", result.path))


def begun_document(result: Begun) -> dict[str, Any]:
    """The same for programs."""
    draft = result.draft
    return {
        "pipeline": result.path,
        "also": list(result.also),
        "rows": result.rows,
        "looked_at": result.looked_at,
        "found": list(draft.found),
        "assets": list(result.assets),
        "source": {"paths": list(draft.paths), **draft.source},
        "context": dict(draft.context),
        "exclude": dict(draft.exclude),
        "running": draft.running,
        "until": draft.until,
        "model": draft.model,
        "unsure": list(draft.unsure),
        "promise": list(draft.promise),
        "quality": result.quality.document(),
    }
