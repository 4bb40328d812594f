from __future__ import annotations

from datetime import UTC
from typing import Any

from anomaly_lstm.pages.alerts_page import AT_MOST, draw
from anomaly_lstm.pages.texts import Tongue
from tests.pages.test_page import HOSTILE, read
from tests.reports import alert, over

RUN: dict[str, Any] = {
    "version": "1", "model_id": "m", "start": "2026-01-01T00:00:00Z", "end": "2026-02-01T00:00:00Z",
    "assets": {"p1": {}}, "normal_s": 1e6, "policy": {"bounds": {"vibration": {"low": None, "high": 4.5}}},
    "budget": [{"severity": "warning", "return_period_s": 7.776e6, "expected_false": 0.4, "raised": 1}],
}  # fmt: skip


def drawn(*alerts: dict[str, Any]) -> str:
    return draw(RUN, alerts, [], Tongue("en", UTC), b"{}")


def test_what_stands_comes_first_and_names_its_asset() -> None:
    page = drawn(over(asset="p1", severity="critical"), alert(asset="p2"))
    assert "<h1>1 alert stands: p2</h1>" in page
    assert page.index("<b>p2</b>") < page.index("<b>p1</b>")
    assert "beyond record" in page


def test_without_alerts_it_says_so() -> None:
    assert "<h1>No alert was raised</h1>" in drawn()


def test_of_very_many_alerts_some_are_shown_and_the_rest_is_counted() -> None:
    page = drawn(*(alert(alert_id=f"{place:016x}") for place in range(AT_MOST + 3)))
    assert page.count("<article>") == AT_MOST
    assert "… and 3 more" in page


def test_no_name_becomes_markup() -> None:
    own = {"sensor": HOSTILE, "share": 1.0, "direction": "above", "value": 1.0, "expected": 0.5, "unit": HOSTILE}
    found = read(drawn(alert(asset=HOSTILE, sensors=[own], reason=HOSTILE)))
    assert found.tags <= {
        "html", "head", "meta", "title", "style", "body", "main", "p", "h1", "h2", "section", "article", "b", "ul",
        "li", "details", "summary", "div", "table", "thead", "tbody", "tr", "th", "td", "script", "span",
    }  # fmt: skip
    assert "onerror" not in found.attributes
