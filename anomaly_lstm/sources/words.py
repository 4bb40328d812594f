"""Words that every message about columns needs: names in quotes, names near one that is wrong, words with counts."""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Mapping, Sequence

WORDS_MOST = 8
OTHER = "other"


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


def capped(words: Mapping[str, int]) -> dict[str, int]:
    """The commonest words with their counts, and all others together."""
    ranked = sorted(words.items(), key=lambda item: (item[0] == OTHER, -item[1], item[0]))
    rest = sum(count for _, count in ranked[WORDS_MOST:]) + dict(ranked[:WORDS_MOST]).get(OTHER, 0)
    most = {word: count for word, count in ranked[:WORDS_MOST] if word != OTHER}
    return most | ({OTHER: rest} if rest else {})
