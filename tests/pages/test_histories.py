"""Years of scores thinned to what a page shows: nothing that matters is lost, months join as one."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pytest

from anomaly_lstm import arrow
from anomaly_lstm.pages.histories import POINTS, History, Scene, chosen, gathered, month_of
from anomaly_lstm.tables import STATE_NAMES, State, scores_schema
from tests.reports import alert
from tests.toys import MINUTE, START, minutes

pytest.importorskip("tsdownsample", reason="tsdownsample is missing: pip install 'anomaly-lstm[report]'")

ROWS = 20_000
PEAK = 12_345
SCENE = Scene(START, START + ROWS * MINUTE, (START + 15_000 * MINUTE, START + 16_000 * MINUTE), MINUTE, 10, 3600.0)


def scores(first: int = 0, last: int = ROWS) -> pa.Table:
    """Two sensors; the second leads from row 15,500 on; rows 5,000 to 6,000 hold nothing, and one row is the peak."""
    row = np.arange(ROWS)
    state = np.where((row >= 5000) & (row < 6000), State.NO_DATA, State.SCORED)
    scored = state == State.SCORED
    value = {"a": np.sin(row / 300), "b": np.cos(row / 500)}
    value["a"][PEAK] = 99.0
    once = np.where(row >= 15_500, 1e7, 60.0)
    lead = np.where(row >= 15_500, 0.1, 0.8)
    columns = {
        "asset": arrow.repeat_text("pump", ROWS),
        "time": arrow.from_times(minutes(ROWS)),
        "state": arrow.from_codes(STATE_NAMES, state),
        "score": arrow.from_floats(np.where(scored, 1.0, np.nan), pa.float32()),
        "return_period_s": arrow.from_floats(np.where(scored, once, np.nan)),
        "share.a": arrow.from_floats(np.where(scored, lead, np.nan), pa.float32()),
        "share.b": arrow.from_floats(np.where(scored, 1 - lead, np.nan), pa.float32()),
        **{f"value.{n}": arrow.from_floats(np.where(scored, v, np.nan), pa.float32()) for n, v in value.items()},
        "value.load": arrow.from_floats(np.where(scored, 5.0, np.nan), pa.float32()),
        **{
            f"expected.{n}": arrow.from_floats(np.where(scored, v - 0.1, np.nan), pa.float32())
            for n, v in value.items()
        },
        "unseen": arrow.from_bools(np.zeros(ROWS, bool)),
        "model_id": arrow.repeat_text("m", ROWS),
    }
    table = pa.table(columns, schema=scores_schema(["a", "b"], ["load"], detail=True))
    return table.slice(first, last - first)


@pytest.fixture(scope="module")
def whole() -> History:
    return gathered(SCENE, [month_of(SCENE, scores())])


def test_a_line_keeps_its_peak_and_has_more_points_where_it_is_shown_first(whole: History) -> None:
    times, measured, expected = whole.lines["a"]
    assert np.nanmax(measured) == 99.0
    assert len(times) <= 4.2 * POINTS
    near = SCENE.inside(times).sum()
    assert near > (len(times) - near) / 19 * 3, "the focus is a twentieth of the rows"
    assert (np.diff(times) >= 0).all()
    assert np.nanmedian(measured - expected) == pytest.approx(0.1, abs=1e-6)


def test_a_line_breaks_once_where_nothing_was_measured(whole: History) -> None:
    times, measured, _ = whole.lines["a"]
    (place,) = np.flatnonzero(np.isnan(measured))
    assert START + 4_900 * MINUTE < times[place] <= START + 5_001 * MINUTE


def test_every_row_is_counted_in_one_state(whole: History) -> None:
    assert whole.states.sum() == ROWS
    assert whole.states[State.NO_DATA].sum() == 1000


def test_the_strangest_row_of_each_stretch_tells_who_led(whole: History) -> None:
    assert whole.ranked == ["b", "a"]
    assert list(whole.parts.sensors) == ["b", "a"]
    late = whole.parts.edges_us[:-1] >= START + 15_500 * MINUTE
    assert np.nanmin(whole.parts.share[0, late]) == pytest.approx(0.9)
    assert np.nanmax(whole.parts.return_period_s[~late]) < 1e7 + 1


def test_months_read_one_by_one_join_as_one(whole: History) -> None:
    parts = gathered(SCENE, [month_of(SCENE, scores(a, b)) for a, b in ((0, 4000), (4000, 13_000), (13_000, ROWS))])
    assert (parts.states == whole.states).all()
    assert np.allclose(parts.parts.share, whole.parts.share, equal_nan=True)
    assert parts.kept == whole.kept
    assert np.nanmax(parts.lines["a"][1]) == 99.0
    assert np.isnan(parts.lines["a"][1]).sum() == 1


def test_a_gap_between_two_months_breaks_the_line() -> None:
    apart = gathered(SCENE, [month_of(SCENE, scores(0, 2000)), month_of(SCENE, scores(4000, 4900))])
    assert np.isnan(apart.lines["a"][1]).sum() == 1
    assert np.isnan(apart.rarity.return_period_s).sum() == 1


def test_what_was_missing_is_counted_of_the_rows_that_were_measured(whole: History) -> None:
    kept = {one.sensor: one for one in whole.kept}
    assert set(kept) == {"a", "b", "load"}
    assert kept["a"].missing == 0.0
    assert kept["a"].highest == 99.0
    assert kept["a"].last_us == START + (ROWS - 1) * MINUTE


def test_the_sensors_of_the_alert_are_drawn_first_and_the_context_last(whole: History) -> None:
    named = alert(sensors=[{**alert()["sensors"][0], "sensor": "a"}], reaches=[])
    assert chosen(whole, named, ["load", "gone"]) == ["a", "b", "load"]
    assert chosen(whole, None, ["load"]) == ["b", "a", "load"]


def test_scores_without_their_sensors_still_tell_how_rare() -> None:
    plain = scores().select(["asset", "time", "state", "score", "return_period_s", "unseen", "model_id"])
    found = gathered(SCENE, [month_of(SCENE, plain)])
    assert found.lines == {}
    assert np.isfinite(found.rarity.return_period_s).any()
