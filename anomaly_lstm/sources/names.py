"""The names of the columns of a file: cleaned, and which of them only index its rows."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from anomaly_lstm.errors import DataError
from anomaly_lstm.sources.words import listed


def clean_names(names: Sequence[str], path: Path) -> list[str]:
    """Strip blanks around column names and name the nameless by position; raise `DataError` when two are the same."""
    cleaned = [name.strip() or f"column {number}" for number, name in enumerate(names, start=1)]
    twice = [name for name, count in Counter(cleaned).items() if count > 1]
    if twice:
        raise DataError(
            f"{path}: {len(twice)} column name(s) stand more than once: {listed(twice)}. "
            "Every column needs a name of its own: rename or remove the second one."
        )
    return cleaned


def pandas_indexes(table: Any) -> tuple[str, ...]:
    """The columns that pandas stored as the index of a table; they may be time or asset, never a sensor."""
    metadata = (table.schema.metadata or {}).get(b"pandas")
    stored = json.loads(metadata).get("index_columns", []) if metadata else []
    return tuple(name.strip() for name in stored if isinstance(name, str))
