"""Pages that stand alone: one HTML file without fonts or links, that opens offline, prints, and follows the reader's
light or dark screen. What draws in it stands in it.

Names come from data: every text that is not `Html` already is escaped, so no name can become markup.
"""

from __future__ import annotations

import base64
import hashlib
import re
from collections.abc import Sequence
from html import escape
from urllib.parse import quote

from anomaly_lstm.pages import colours
from anomaly_lstm.words import clean

BEFORE_UNIT = re.compile(r"(?<=\d) (?=[%°])")


class Html(str):
    """Text that is markup already; it comes out of `element` and `together` only."""

    __slots__ = ()


def element(tag: str, *inside: str | Html, **attributes: str | float) -> Html:
    """``<tag attribute="…">inside</tag>``. ``class_`` means class, ``stroke_width`` means stroke-width."""
    names = {name.rstrip("_").replace("_", "-"): value for name, value in attributes.items()}
    set_ = "".join(f' {name}="{_text(_plain(value))}"' for name, value in names.items())
    return Html(f"<{tag}{set_}>{together(*inside)}</{tag}>")


def together(*parts: str | Html) -> Html:
    """Parts one after the other; what is not markup is escaped."""
    return Html("".join(part if isinstance(part, Html) else _text(part) for part in parts))


def _text(text: str) -> str:
    """Text as markup shows it; a figure and its % or ° stay in one line."""
    return escape(BEFORE_UNIT.sub("\u00a0", clean(text)), quote=True)


def _plain(value: str | float) -> str:
    """A number as SVG reads it, to a hundredth of a pixel."""
    return value if isinstance(value, str) else f"{value:.2f}".rstrip("0").rstrip(".")


def table(
    columns: Sequence[str], rows: Sequence[Sequence[str | Html]], numbers: Sequence[str] = (), empty: str = ""
) -> Html:
    """A table; columns in ``numbers`` are set to the right. Without rows it is the sentence ``empty``."""
    if not rows:
        return element("p", empty)
    sides = ["number" if name in numbers else "word" for name in columns]
    head = element("tr", *(element("th", name, class_=side) for name, side in zip(columns, sides, strict=True)))
    body = [
        element("tr", *(element("td", cell, class_=side) for cell, side in zip(row, sides, strict=True)))
        for row in rows
    ]
    return element("div", element("table", element("thead", head), element("tbody", *body)), class_="wide")


def whole(words: str) -> Html:
    """Words that stay on one line."""
    return element("span", words, class_="whole")


def section(title: str, *inside: str | Html, **attributes: str | float) -> Html:
    return element("section", element("h2", title), *inside, **attributes)


def link(file: str, words: str | Html) -> Html:
    """A link to a file beside the page, whatever its name: never an address elsewhere."""
    return element("a", words, href=quote(file, safe=""))


def page(title: str, *inside: str | Html, language: str = "en", head: str | Html = "", style: str = "") -> str:
    """A whole document; nothing in it depends on when or where it was written. ``head`` and ``style`` add to its
    own.
    """
    heading = together(
        Html('<meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1">'),
        head,
        element("title", title),
        Html(f"<style>{colours.STYLE}{STYLE}{style}</style>"),
    )
    body = element("body", element("main", *inside))
    return f'<!DOCTYPE html>\n<html lang="{language}"><head>{heading}</head>{body}</html>\n'


def meta(name: str, content: str) -> Html:
    """Something that a page says of itself to programs."""
    return Html(f'<meta name="{_text(name)}" content="{_text(content)}">')


def script(text: str) -> Html:
    """A script of ours. Raises ValueError for one that would end its element early."""
    if "</script" in text or "\r" in text:
        raise ValueError("a script in a page may hold neither its own end nor a carriage return")
    return Html(f"<script>{text}</script>")


def data_block(name: str, content: bytes) -> Html:
    """Data that a script finds by name: base64 text, which runs nowhere and ends no element."""
    return Html(f'<script type="text/plain" id="{name}">{base64.b64encode(content).decode()}</script>')


def content_policy(*scripts: str) -> Html:
    """What the browser is told to allow: these very scripts, styles, pictures made in the page, and no request."""
    digests = [base64.b64encode(hashlib.sha256(text.encode()).digest()).decode() for text in scripts]
    sums = " ".join(f"'sha256-{digest}'" for digest in digests)
    allowed = f"default-src 'none'; script-src {sums}; style-src 'unsafe-inline'; img-src data: blob:; base-uri 'none'"
    return Html(f'<meta http-equiv="Content-Security-Policy" content="{allowed}; form-action \'none\'">')


STYLE = """
* { box-sizing: border-box; }
body { margin: 0; background: var(--paper); color: var(--ink);
  font: 15px/1.5 system-ui, "Segoe UI", Roboto, "Helvetica Neue", Arial, sans-serif; }
main { max-width: 1020px; margin: 0 auto; padding: 32px 28px 48px; }
h1 { font-size: 27px; line-height: 1.25; margin: 0 0 10px; letter-spacing: -0.01em; text-wrap: balance;
  overflow-wrap: anywhere; }
h2 { font-size: 18px; margin: 36px 0 8px; }
p { margin: 6px 0; max-width: 78ch; overflow-wrap: anywhere; }
.faint, .faint * { color: var(--faint); }
.over { text-transform: uppercase; letter-spacing: 0.08em; font-size: 12px; color: var(--faint); margin-bottom: 8px; }
.tiles { display: grid; grid-template-columns: repeat(4, 1fr); gap: 12px; margin: 22px 0 6px; }
.tile { background: var(--wash); border-radius: 8px; padding: 12px 14px; }
.tile b { display: block; font-size: 25px; line-height: 1.2; font-weight: 650; overflow-wrap: anywhere; }
.tile span { display: block; font-size: 13px; color: var(--faint); }
.wide { overflow-x: auto; }
table { border-collapse: collapse; width: 100%; font-size: 14px; margin: 10px 0; }
th { text-align: left; font-weight: 600; color: var(--faint); border-bottom: 1px solid var(--line); padding: 6px 10px; }
td { border-bottom: 1px solid var(--line); padding: 6px 10px; vertical-align: top; overflow-wrap: break-word;
  max-width: 26ch; }
.whole { white-space: nowrap; }
th.number, td.number { text-align: right; font-variant-numeric: tabular-nums; white-space: nowrap; }
.good { color: var(--good); font-weight: 600; } .bad { color: var(--bad); font-weight: 600; }
.advisory { color: var(--advisory); } .warning { color: var(--warning); } .critical { color: var(--critical); }
ul { padding-left: 20px; margin: 8px 0; } li { margin: 4px 0; max-width: 78ch; overflow-wrap: anywhere; }
svg { display: block; width: 100%; height: auto; break-inside: avoid; }
svg text { fill: var(--ink); font-size: 12px; } svg text.faint { fill: var(--faint); font-size: 11px; }
section { break-inside: auto; } h2 { break-after: avoid; } tr, .tile { break-inside: avoid; }
@media (max-width: 700px) { .tiles { grid-template-columns: repeat(2, 1fr); } main { padding: 18px 14px; } }
@media print {
  * { print-color-adjust: exact; -webkit-print-color-adjust: exact; } main { padding: 0; max-width: none; }
  body, table { font-size: 12px; } .wide { overflow: visible; } th, td { padding: 5px 7px; }
  td { overflow-wrap: anywhere; } @page { margin: 14mm; } }
"""
