"""Words that every message about columns needs: names in quotes, and names near one that is wrong."""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Sequence


def near(name: str, names: Iterable[str]) -> str:
    """Return " Did you mean …?" when some name is near, else nothing."""
    folded = {other.casefold(): other for other in names}
    close = difflib.get_close_matches(name.casefold(), folded, n=3)
    return f" Did you mean {listed([folded[other] for other in close])}?" if close else ""


def listed(names: Sequence[str], limit: int = 12) -> str:
    """Names in quotes, the first dozen of them."""
    shown = ", ".join(f"'{name}'" for name in names[:limit])
    return f"{shown} and {len(names) - limit} more" if len(names) > limit else shown


def columns_named(names: Sequence[str]) -> str:
    return ("column " if len(names) == 1 else "columns ") + listed(names)
