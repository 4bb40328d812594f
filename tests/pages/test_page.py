from __future__ import annotations

import re
from html.parser import HTMLParser

import pytest

from anomaly_lstm.pages.page import element, page, section, table, together

HOSTILE = '</title><script>alert("1")</script>\x1b[2J\u202e'
VOID = {"meta", "br"}


class Balanced(HTMLParser):
    """Reads a page and holds its open tags, and every tag and attribute that came."""

    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []
        self.tags: set[str] = set()
        self.attributes: set[str] = set()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.add(tag)
        self.attributes |= {name for name, _ in attrs}
        if tag not in VOID:
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag


def read(text: str) -> Balanced:
    parser = Balanced()
    parser.feed(text)
    parser.close()
    assert parser.open == []
    return parser


@pytest.mark.parametrize(
    "drawn",
    [
        page(HOSTILE, HOSTILE),
        page("t", element("p", HOSTILE, title=HOSTILE)),
        page("t", table((HOSTILE,), [(HOSTILE,)]), section(HOSTILE, HOSTILE), together(HOSTILE)),
    ],
)
def test_a_name_never_becomes_markup_nor_an_order(drawn: str) -> None:
    found = read(drawn)
    assert "script" not in found.tags
    assert not {"\x1b", "\u202e"} & set(drawn)
    assert "&lt;/title&gt;" in drawn


def test_an_attribute_cannot_be_left_by_a_quote() -> None:
    assert element("p", title='" onclick="x') == '<p title="&quot; onclick=&quot;x"></p>'


def test_markup_is_not_escaped_twice() -> None:
    assert element("p", element("b", "a & b"), " < c") == "<p><b>a &amp; b</b> &lt; c</p>"


def test_attributes_are_named_as_html_and_svg_name_them() -> None:
    assert element("rect", class_="a", stroke_width=1.0, x=2.346) == '<rect class="a" stroke-width="1" x="2.35"></rect>'


def test_a_page_needs_nothing_beside_it() -> None:
    drawn = page("t", element("p", "x"))
    assert not re.search(r"(?:src|href)=|url\(|@import|<script|<link", drawn)
    assert drawn.startswith("<!DOCTYPE html>")
    assert '<meta charset="utf-8">' in drawn


def test_a_page_follows_a_dark_screen_and_prints_light() -> None:
    drawn = page("t")
    assert "prefers-color-scheme: dark" in drawn
    assert "@media print" in drawn


def test_a_table_without_rows_is_a_sentence() -> None:
    assert table(("a",), [], empty="None.") == "<p>None.</p>"


def test_a_figure_and_its_unit_stay_in_one_line() -> None:
    assert str(element("p", "85 °C, 91.7 % of 3 % x")) == "<p>85\u00a0°C, 91.7\u00a0% of 3\u00a0% x</p>"
