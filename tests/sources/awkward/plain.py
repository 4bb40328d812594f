"""Files as a textbook has them: what the awkward ones are compared with."""

from __future__ import annotations

from tests.sources.awkward import Case, table

CASES = (
    Case("plain", {"pump.csv": table().encode()}, "accepted"),
    Case("semicolons", {"pump.csv": table(separator=";").encode()}, "accepted"),
    Case("no rows", {"pump.csv": b"time,flow,temp\n"}, "refused", (r"pump\.csv", "no rows")),
)
