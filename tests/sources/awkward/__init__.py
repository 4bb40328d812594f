"""Awkward files, one `Case` each, and what must come of them.

Every case holds the same few rows of two sensors (`reference`), written as some plant writes them. It is *accepted*
(the rows are those of the reference), *warned* (so too, and a sentence names what was unsure), or *refused* (one
message that names file, line and column where there is one, and the option that helps). The modules beside this file
hold the cases by theme; `test_awkward.py` runs all of them through the command line.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

import numpy as np
from numpy.typing import NDArray

START_US = 1_772_445_600_000_000
"""2026-03-02 10:00:00 UTC; the rows lie a minute apart."""
MINUTE_US = 60_000_000
FLOW = (1234.5, 1235.0, 1233.25, 1236.0, 1234.0, 1237.5, 1238.0, 1236.75)
TEMP = (40.5, 40.6, 40.4, 41.0, 40.9, 41.2, 41.5, 41.1)

Rows = dict[int, dict[str, float]]
"""Time [µs since 1970 UTC] → sensor → value, without the missing ones."""


@dataclass(frozen=True)
class Case:
    """One awkward file or several, and what must come of it.

    ``options`` are words of the command line; ``says`` regular expressions that what is said must match, each;
    ``rows`` what must come out where it is not `reference`; ``assets`` their names where there are several.
    """

    name: str
    files: Mapping[str, bytes]
    outcome: Literal["accepted", "warned", "refused"]
    says: tuple[str, ...] = ()
    options: tuple[str, ...] = ()
    rows: Mapping[str, Rows] | Rows | None = None
    """By asset where there are several; None = `reference`."""
    pipeline: str = field(default="")
    """Keys of a pipeline file beside the files, its ``[source] paths`` and ``[run] folder`` left out."""


def times() -> NDArray[np.int64]:
    """The times of the reference [µs since 1970 UTC]."""
    return START_US + MINUTE_US * np.arange(len(FLOW))


def reference() -> Rows:
    """The rows that every case holds."""
    return {int(t): {"flow": f, "temp": c} for t, f, c in zip(times(), FLOW, TEMP, strict=True)}


def table(
    *,
    separator: str = ",",
    header: str = "time{s}flow{s}temp",
    stamp: str = "%Y-%m-%dT%H:%M:%SZ",
    number: str = "{:g}",
    row: str = "{time}{s}{flow}{s}{temp}",
    end: str = "\n",
) -> str:
    """The reference as text, in a form of one's own."""
    from datetime import UTC, datetime

    lines = [header.format(s=separator)] if header else []
    for t, f, c in zip(times(), FLOW, TEMP, strict=True):
        time = datetime.fromtimestamp(int(t) / 1e6, UTC).strftime(stamp)
        lines.append(row.format(s=separator, time=time, flow=number.format(f), temp=number.format(c)))
    return end.join(lines) + end
