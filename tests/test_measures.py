"""Against scikit-learn, the authors' own packages (their figures are written down here), theory, and hand."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.metrics import f1_score, precision_score, recall_score, roc_auc_score

from anomaly_lstm.evaluation import Raised
from anomaly_lstm.events import Event
from anomaly_lstm.measures import (
    CRITICAL_ROWS,
    FALSE_WEIGHT,
    MAX_BUFFER,
    NAMES,
    THRESHOLDS,
    Bool,
    Float64,
    Track,
    affiliation,
    buffer_rows,
    care,
    measure,
    nab,
    pointwise,
    roc_auc,
    track_of,
    vus_pr,
)

PERIOD = 60_000_000


def rows_in(rows: int, *spans: tuple[int, int]) -> Bool:
    """A mask that is True in half-open row spans."""
    mask = np.zeros(rows, bool)
    for start, end in spans:
        mask[start:end] = True
    return mask


def track(wanted: Bool, alarm: Bool | None = None, score: Float64 | None = None, raised: tuple[int, ...] = ()) -> Track:
    alarm = np.zeros(len(wanted), bool) if alarm is None else alarm
    return Track(alarm.astype(float) if score is None else score, wanted, alarm, np.array(raised, np.int64))


def perfect(wanted: Bool) -> Track:
    return track(wanted, wanted, raised=tuple(np.flatnonzero(wanted & ~np.r_[False, wanted[:-1]])))


def known() -> tuple[Bool, Float64]:
    """What was also given to the authors' packages."""
    row = np.arange(120)
    wanted = rows_in(120, (20, 30), (33, 36), (70, 90), (118, 120))
    return wanted, (row * 37 % 101) / 101 + 0.4 * wanted


@st.composite
def tracks(draw: st.DrawFn) -> Track:
    """An asset with rows of both kinds, ties in its scores, alarms as they come."""
    rows = draw(st.integers(20, 120))
    rng = np.random.default_rng(draw(st.integers(0, 2**32)))
    wanted = rows_in(rows, *((a, a + int(rng.integers(1, 9))) for a in rng.integers(0, rows, draw(st.integers(1, 4)))))
    wanted[int(rng.integers(rows))] = False
    if not wanted.any():
        wanted[0] = True
        wanted[1] = False
    score = np.round(
        rng.normal(size=rows) + draw(st.sampled_from([0.0, 1.0, 3.0])) * wanted.astype(float), draw(st.integers(0, 3))
    )
    alarm = score > draw(st.sampled_from([-1, 0, 1, 2]))
    return Track(score, wanted, alarm, np.flatnonzero(alarm & ~np.r_[False, alarm[:-1]]))


# ---------------------------------------------------------------- what is looked at


def event(start: int, end: int, kind: str = "failure", asset: str = "a") -> Event:
    return Event(asset, start * PERIOD, end * PERIOD, kind, None, None, "", 2)


def alert(raised: int, cleared: int | None, asset: str = "a") -> Raised:
    return Raised(f"{asset}@{raised}", asset, "warning", raised * PERIOD, None if cleared is None else cleared * PERIOD)


def test_a_row_is_positive_inside_an_event_and_in_alarm_until_the_alert_clears() -> None:
    time = np.arange(10) * PERIOD
    found = track_of("a", time, np.zeros(10), [alert(3, 5), alert(8, None)], [event(4, 7), event(9, 12, "anomaly")])
    np.testing.assert_array_equal(found.wanted, rows_in(10, (4, 7), (9, 10)))
    np.testing.assert_array_equal(found.alarm, rows_in(10, (3, 5), (8, 10)))
    assert found.raised.tolist() == [3, 8]


def test_rows_in_excused_events_are_left_out_and_alerts_raised_there_too() -> None:
    time = np.arange(10) * PERIOD
    events = [event(2, 4, "maintenance"), event(3, 6), event(8, 9, "normal")]
    found = track_of("a", time, np.arange(10.0), [alert(3, 5), alert(7, 8)], events)
    assert found.score.tolist() == [0, 1, 4, 5, 6, 7, 8, 9]
    np.testing.assert_array_equal(found.wanted, rows_in(8, (2, 4)))
    np.testing.assert_array_equal(found.alarm, rows_in(8, (2, 3), (5, 6)))
    assert found.raised.tolist() == [5]


def test_another_assets_alerts_and_events_are_not_its_own() -> None:
    found = track_of("a", np.arange(5) * PERIOD, np.zeros(5), [alert(1, 2, "b")], [event(1, 2, asset="b")])
    assert not found.alarm.any() | found.wanted.any()
    assert track_of("a", np.arange(5) * PERIOD, np.zeros(5), [], [event(1, 2, asset="")]).wanted.sum() == 1


# ---------------------------------------------------------------- row by row


@given(st.lists(tracks(), min_size=1, max_size=3))
def test_pointwise_measures_and_auc_are_those_of_scikit_learn_over_all_rows(assets: list[Track]) -> None:
    wanted, alarm, score = (np.concatenate([getattr(t, f) for t in assets]) for f in ("wanted", "alarm", "score"))
    found = pointwise(assets)
    assert found["recall"] == pytest.approx(recall_score(wanted, alarm))
    assert found["f1"] == pytest.approx(f1_score(wanted, alarm, zero_division=0))
    if alarm.any():
        assert found["precision"] == pytest.approx(precision_score(wanted, alarm))
    assert found["far_pct"] == pytest.approx(100 - 100 * recall_score(~wanted, ~alarm))
    assert found["mar_pct"] == pytest.approx(100 - 100 * recall_score(wanted, alarm))
    assert roc_auc(assets) == pytest.approx(roc_auc_score(wanted, score))


def test_one_row_found_in_a_long_event_stays_one_row() -> None:
    assert pointwise([track(rows_in(200, (50, 150)), rows_in(200, (60, 61)))])["recall"] == 0.01


# ---------------------------------------------------------------- VUS-PR


def test_vus_pr_is_what_its_authors_package_gives() -> None:
    """Figures of the package ``vus`` 0.0.6."""
    wanted, score = known()
    for buffer, theirs in (
        (0, 0.7106655567567782),
        (1, 0.7106655567567782),
        (4, 0.7548336885231837),
        (9, 0.7906627697786405),
        (16, 0.8191124199135817),
    ):
        assert vus_pr([track(wanted, score=score)], buffer) == pytest.approx(theirs, abs=1e-12)


def vus_pr_by_its_definition(wanted: Bool, score: Float64, buffer: int) -> float:
    """Loop by loop, for one asset with fewer rows than thresholds."""
    edges = np.flatnonzero(np.diff(np.r_[False, wanted, False])).reshape(-1, 2)
    areas = []
    for size in range(buffer + 1):
        label, wide = wanted.astype(float), list[tuple[int, int]]()
        for start, end in edges:
            first, last = max(start - size // 2, 0), end + size // 2
            if wide and first < wide[-1][1]:  # two events with a buffer row in common are one
                first, _ = wide.pop()
            wide.append((first, last))
            for away in range(1, size // 2 + 1):
                for row in (start - away, end - 1 + away):
                    if 0 <= row < len(label):
                        label[row] += math.sqrt(1 - away / size)
        label = np.minimum(label, 1)
        area, before = 0.0, 0.0
        for level in np.unique(score)[::-1]:
            told = score >= level
            hit = label[told].sum()
            met = np.mean([told[a:b].any() for a, b in wide])
            recall = min(hit / (wanted.sum() + label[told & ~wanted].sum() / 2), 1) * met
            area += (recall - before) * hit / told.sum()
            before = recall
        areas.append(area)
    return float(np.mean(areas))


@settings(max_examples=40, deadline=None)
@given(tracks(), st.integers(0, 12))
def test_vus_pr_is_what_its_definition_says(asset: Track, buffer: int) -> None:
    assert len(asset.score) < THRESHOLDS
    theirs = vus_pr_by_its_definition(asset.wanted, asset.score, buffer)
    assert vus_pr([asset], buffer) == pytest.approx(theirs, abs=1e-9)


def test_vus_pr_of_a_constant_score_is_the_mean_label() -> None:
    wanted = rows_in(100, (40, 50))
    labels = [10.0, 10.0, *(10 + 2 * sum(math.sqrt(1 - d / size) for d in range(1, size // 2 + 1)) for size in (2, 3))]
    assert vus_pr([track(wanted)], 0) == pytest.approx(0.1)
    assert vus_pr([track(wanted)], 3) == pytest.approx(np.mean(labels) / 100)


def test_no_buffer_reaches_over_to_another_asset() -> None:
    wanted, score = known()
    quiet = track(np.zeros(40, bool), score=np.linspace(1, 0, 40))
    apart = [track(wanted[:100], score=score[:100]), quiet]
    joined = track(np.r_[wanted[:100], quiet.wanted], score=np.r_[score[:100], quiet.score])
    assert vus_pr(apart, 8) == pytest.approx(vus_pr([joined], 8))  # the event lies far from the joint
    at_the_end = [track(wanted, score=score), quiet]
    joined = track(np.r_[wanted, quiet.wanted], score=np.r_[score, quiet.score])
    assert vus_pr(at_the_end, 8) != pytest.approx(vus_pr([joined], 8))


def test_the_buffer_is_the_median_event_but_never_endless() -> None:
    assert buffer_rows([track(rows_in(100, (0, 4), (10, 16))), track(rows_in(100, (0, 50)))]) == 6
    assert buffer_rows([track(rows_in(9000, (0, 8000)))]) == MAX_BUFFER
    assert buffer_rows([track(rows_in(5))]) == 0


# ---------------------------------------------------------------- NAB


def sigmoid(position: float) -> float:
    return 2 / (1 + math.exp(5 * position)) - 1


def test_nab_gives_the_sigmoid_of_how_early_the_first_alert_is() -> None:
    """The paper's −1 (first row) is worth 0.98661 and −0.5 (half-way) 0.84828, before scaling to the best."""
    assert sigmoid(-1) == pytest.approx(0.98661, abs=1e-5)
    assert sigmoid(-0.5) == pytest.approx(0.84828, abs=1e-5)
    wanted = rows_in(100, (40, 60))
    assert nab([track(wanted, raised=(40,))]) == pytest.approx(100)
    assert nab([track(wanted, raised=(50, 55, 59))]) == pytest.approx(50 + 50 * 0.84828 / 0.98661, abs=1e-3)


def test_nab_charges_a_false_alert_by_its_distance_from_the_last_event() -> None:
    wanted = rows_in(200, (40, 60))
    for row, cost in ((10, 1.0), (60, -sigmoid(1 / 19)), (78, -sigmoid(1)), (150, 1.0)):
        assert nab([track(wanted, raised=(row,))]) == pytest.approx(-50 * FALSE_WEIGHT * cost)


def test_nab_is_0_for_silence_and_an_alert_before_the_event_finds_nothing() -> None:
    wanted = rows_in(100, (40, 60), (80, 81))
    assert nab([track(wanted), track(wanted)]) == 0
    standing = track(wanted, rows_in(100, (30, 100)), raised=(30,))
    assert nab([standing]) == pytest.approx(-25 * FALSE_WEIGHT)


def test_nab_pools_assets_before_scaling() -> None:
    found, missed = perfect(rows_in(50, (10, 20))), track(rows_in(50, (10, 20), (30, 40)))
    assert nab([found, missed]) == pytest.approx(100 / 3)
    assert nab([found, track(rows_in(50), raised=(5,))]) == pytest.approx(100 - 50 * FALSE_WEIGHT)


# ---------------------------------------------------------------- affiliation


def test_affiliation_is_what_its_authors_code_gives() -> None:
    """Figures of the authors' code as the package ``vus`` 0.0.6 carries it."""
    wanted, score = known()
    for alarm, precision, recall in (
        (score > 0.8, 0.6833625215332693, 0.9894049892243719),
        (np.arange(120) // 7 % 3 == 1, 0.5761354576030139, 0.9172837969974812),
    ):
        found = affiliation([track(wanted, alarm)])
        assert found["affiliation_precision"] == pytest.approx(precision, abs=1e-12)
        assert found["affiliation_recall"] == pytest.approx(recall, abs=1e-12)


@pytest.mark.parametrize(("start", "end"), [(45, 55), (0, 30), (70, 71)])
def test_affiliation_of_an_alarm_always_on_is_that_of_chance(start: int, end: int) -> None:
    """The chance of being nearer is uniform where it is not sure: (1 + share²) / 2."""
    found = affiliation([track(rows_in(100, (start, end)), np.ones(100, bool))])
    assert found["affiliation_precision"] == pytest.approx((1 + ((end - start) / 100) ** 2) / 2)
    assert found["affiliation_recall"] == 1


def test_affiliation_by_hand() -> None:
    """Event [4, 6) of [0, 10), alarm [7, 8): at 7.5, 1.5 away, 2 + 1.5 + 1.5 of 10 rows are as near."""
    found = affiliation([track(rows_in(10, (4, 6)), rows_in(10, (7, 8)))])
    assert found["affiliation_precision"] == pytest.approx(0.5)
    # from y in [4, 5] the alarm is 7 − y away, min(7 − y, y) + 7 − y are as near; from y in [5, 6] 2 (7 − y)
    sure = 1 - (np.mean([min(7 - y, y) + 7 - y for y in np.linspace(4, 6, 100_001)])) / 10
    assert found["affiliation_recall"] == pytest.approx(sure, abs=1e-4)


def test_an_alarm_near_one_event_leaves_the_other_missed() -> None:
    found = affiliation([track(rows_in(100, (10, 20), (80, 90)), rows_in(100, (10, 20)))])
    assert (found["affiliation_precision"], found["affiliation_recall"]) == (1, 0.5)
    assert found["affiliation_f1"] == pytest.approx(2 / 3)


# ---------------------------------------------------------------- CARE


def test_care_is_what_its_authors_package_gives() -> None:
    """A figure of the package ``energy-fault-detector`` 0.8.1, told to descend from the middle as in the paper."""
    row = np.arange(1000)
    alarms = [(row >= 650) & (row % 5 > 0), (row >= 900) | (row % 50 == 0), row % 10 == 0, (row > 300) & (row < 400)]
    alarms.append(row < 0)
    assets = [track((row >= 600) & (number < 2), alarm) for number, alarm in enumerate(alarms)]
    assert care(assets) == pytest.approx(0.7460028841912957, abs=1e-3)  # its weights start half a row later


def test_care_is_1_for_perfect_and_0_for_silent_and_always_on() -> None:
    event, normal = rows_in(300, (150, 250)), rows_in(300)
    assert care([perfect(event), track(normal)]) == pytest.approx(1)
    assert care([track(event), track(normal)]) == 0
    assert care([track(event, np.ones(300, bool)), track(normal, np.ones(300, bool))]) == 0


def test_what_follows_the_last_event_is_a_normal_stretch_if_it_is_long_enough() -> None:
    wanted = rows_in(300, (100, 300 - CRITICAL_ROWS))
    assert care([perfect(wanted)]) == pytest.approx(1)
    assert care([perfect(wanted[:-1])]) is None
    assert care([perfect(rows_in(300, (100, 100 + CRITICAL_ROWS - 1)))]) is None


# ---------------------------------------------------------------- all of them


BEST = {**dict.fromkeys(NAMES, 1.0), "far_pct": 0.0, "mar_pct": 0.0, "nab": 100.0}


def test_a_perfect_detector_gets_the_best_of_everything() -> None:
    found = measure([perfect(rows_in(600, (100, 200), (400, 500))), track(rows_in(300))])
    assert {name: f.value for name, f in found.figures.items()} == pytest.approx(BEST)
    assert tuple(found.figures) == NAMES
    assert all(f.reason is None for f in found.figures.values())
    assert (found.assets, found.events, found.rows, found.positive_rows, found.alarm_rows) == (2, 2, 900, 200, 200)
    assert found.vus_buffer_rows == 100


def test_random_and_always_on_stand_beside_and_are_what_theory_says() -> None:
    wanted = rows_in(20_000, (5_000, 9_000))
    found = measure([perfect(wanted)]).figures
    random = {name: figure.random for name, figure in found.items()}
    on = {name: figure.always_on for name, figure in found.items()}
    for name, theory in (("precision", 0.2), ("recall", 0.2), ("far_pct", 20), ("mar_pct", 80), ("roc_auc", 0.5)):
        assert random[name] == pytest.approx(theory, rel=0.05)
    assert random["vus_pr"] == pytest.approx(on["vus_pr"], rel=0.1)
    assert random["affiliation_precision"] == pytest.approx((1 + 0.2**2) / 2, rel=0.05)
    assert on["precision"] == pytest.approx(0.2)
    assert (on["recall"], on["far_pct"], on["mar_pct"], on["roc_auc"]) == (1, 100, 0, 0.5)
    assert on["nab"] == pytest.approx(-50 * FALSE_WEIGHT)


def test_the_random_detectors_are_drawn_by_the_seed() -> None:
    wanted, score = known()
    asset = track(wanted, score > 1, score, (3, 50))
    assert measure([asset], seed=1) == measure([asset], seed=1)
    assert measure([asset], seed=1) != measure([asset], seed=2)


@settings(max_examples=25, deadline=None)
@given(st.lists(tracks(), min_size=1, max_size=3))
def test_every_figure_is_within_its_bounds_or_has_a_reason(assets: list[Track]) -> None:
    found = measure(assets)
    for name, figure in found.figures.items():
        assert (figure.value is None) == (figure.reason is not None)
        top = 100 if name in ("far_pct", "mar_pct", "nab") else 1
        for value in (figure.value, figure.random, figure.always_on):
            assert value is None or (math.isfinite(value) and value <= top + 1e-9 and (value >= 0 or name == "nab"))


@settings(max_examples=25, deadline=None)
@given(tracks())
def test_only_the_order_of_scores_matters(asset: Track) -> None:
    stretched = replace(asset, score=np.exp(asset.score / 3) - 7)
    assert measure([asset]).figures == measure([stretched]).figures


@pytest.mark.parametrize(
    ("assets", "undefined"),
    [
        ([], set(NAMES)),
        ([track(rows_in(0))], set(NAMES)),
        ([track(rows_in(90), rows_in(90, (3, 5)))], set(NAMES) - {"precision", "far_pct"}),
        ([track(np.ones(90, bool), rows_in(90, (3, 5)))], {"far_pct", "roc_auc", "care"}),
        ([track(rows_in(90, (3, 5)))], {"precision", "affiliation_precision", "affiliation_f1", "care"}),
    ],
)
def test_what_is_not_defined_is_none_with_the_reason_in_words(assets: list[Track], undefined: set[str]) -> None:
    found = measure(assets).figures
    assert {name for name, figure in found.items() if figure.value is None} == undefined
    assert all(len((found[name].reason or "").split()) > 3 for name in undefined)
