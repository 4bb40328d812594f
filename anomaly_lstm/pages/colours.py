"""The colours of all pages: on a light screen, on a dark one and on paper.

`tests/pages/test_colours.py` holds them to the contrast of WCAG 2.2 and to colour-blind eyes.
"""

from __future__ import annotations

from collections.abc import Mapping

LIGHT = {
    "paper": "#ffffff", "ink": "#1d2530", "faint": "#5d6875", "line": "#d8dde3", "wash": "#f3f5f8",
    "advisory": "#1a6396", "warning": "#8a5200", "critical": "#a0153e", "good": "#24794a", "bad": "#b3261e",
    "failure": "#c0392b", "anomaly": "#7a53a8", "quiet": "#8a94a0", "heat": "214, 120, 20", "heat-full": "#8c3a00",
    "scored": "#79b8a4", "measured": "#1f5fa8", "band": "rgba(110, 122, 136, 0.24)", "fan": "rgba(160, 21, 62, 0.16)",
}  # fmt: skip
DARK = {
    "paper": "#14181d", "ink": "#e6eaef", "faint": "#9aa5b1", "line": "#333b45", "wash": "#1d232a",
    "advisory": "#5aa9e0", "warning": "#e6a23c", "critical": "#ff7a90", "good": "#5fc08a", "bad": "#f2877d",
    "failure": "#ef6b5e", "anomaly": "#ad8bd6", "quiet": "#77828e", "heat": "230, 150, 50", "heat-full": "#ffb060",
    "scored": "#3f7d6a", "measured": "#79b8f3", "band": "rgba(150, 160, 172, 0.28)",
    "fan": "rgba(255, 122, 144, 0.22)",
}  # fmt: skip
PRINTED = {**LIGHT, "ink": "#000000", "faint": "#444c55", "line": "#c4cad1"}


def _said(colours: Mapping[str, str]) -> str:
    return " ".join(f"--{name}: {value};" for name, value in colours.items())


STYLE = f"""
:root {{ color-scheme: light dark; {_said(LIGHT)} }}
@media (prefers-color-scheme: dark) {{ :root {{ {_said(DARK)} }} }}
@media print {{ :root {{ color-scheme: light; {_said(PRINTED)} }} }}
:root.on-paper {{ color-scheme: light; {_said(PRINTED)} }}
"""
"""Each colour as ``var(--name)``; ``on-paper`` is set while a script draws for the printer."""
