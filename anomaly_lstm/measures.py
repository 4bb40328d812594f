"""The measures of the literature, to compare with published figures; `evaluation` says what matters to a plant.

All of them look at the same rows: rows with a score, in the watched time, outside excused events (maintenance …).
A row is positive inside a failure or anomaly, and in alarm while an alert stands (raised ≤ time < cleared). Events are
runs of positive rows, so time without a score has no length, and events that touch are one.

Nothing is point-adjusted: a hit somewhere in an event never turns its other rows into hits. That adjustment lets a
random detector look good (Kim et al., "Towards a Rigorous Evaluation of Time-series Anomaly Detection", AAAI 2022).
Beside every figure stands what a random detector and an alarm that is always on get, for the same reason.

A figure that is not defined is None, with the reason in words, never NaN.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from anomaly_lstm.evaluation import EXCUSED, WANTED, Raised
from anomaly_lstm.events import Event, touching

Bool = NDArray[np.bool_]
Float64 = NDArray[np.float64]
Int64 = NDArray[np.int64]

NAMES = (
    "precision",
    "recall",
    "f1",
    "far_pct",
    "mar_pct",
    "roc_auc",
    "vus_pr",
    "nab",
    "affiliation_precision",
    "affiliation_recall",
    "affiliation_f1",
    "care",
)
"""Every measure, in the order in which they are shown."""

RANDOM_RUNS = 10
"""Random detectors that are averaged."""

MAX_BUFFER = 500
"""Longest buffer of VUS-PR [rows]."""

THRESHOLDS = 250
"""Points on a precision-recall curve of VUS-PR, as many as its authors take."""

FALSE_WEIGHT = 0.11
"""What a false alert costs in NAB's standard profile; a found and a missed event weigh 1."""

CRITICAL_ROWS = 72
"""So many more rows in alarm than out of it are an alarm to CARE [rows]."""

QUARTERS = np.array([0.125, 0.375, 0.625, 0.875])
"""Middles of the quarters of a row: all that affiliation integrates is linear within them."""


@dataclass(frozen=True)
class Track:
    """One asset's rows as the measures see them, in time order; the arrays are (n_rows,) but for ``raised``."""

    score: Float64
    """High = strange; only its order matters."""
    wanted: Bool
    """The row lies in a failure or anomaly."""
    alarm: Bool
    """An alert stands."""
    raised: Int64
    """Rows at which alerts were raised, in time order (n_alerts,)."""


@dataclass(frozen=True)
class Figure:
    """One measure: of these alerts and scores, of the mean of `RANDOM_RUNS` random detectors, of an alarm always on.

    ``reason`` says why ``value`` is None, and is None where it is not.
    """

    value: float | None
    random: float | None
    always_on: float | None
    reason: str | None


@dataclass(frozen=True)
class Measures:
    """All figures by name (see `NAMES`), and what they were counted on."""

    figures: Mapping[str, Figure]
    assets: int
    events: int
    rows: int
    positive_rows: int
    alarm_rows: int
    vus_buffer_rows: int
    """Longest buffer of VUS-PR; 0 without an event."""


def track_of(asset: str, time_us: Int64, score: Float64, alerts: Sequence[Raised], events: Sequence[Event]) -> Track:
    """What the measures see of one asset.

    ``time_us`` and ``score`` (n_rows,) are its scored rows in the watched time, in time order [µs UTC]; ``alerts`` and
    ``events`` may be of any asset. Rows in excused events are left out, and so are alerts raised there.
    """
    mine = touching(events, asset)
    excused = _within(time_us, [(e.start_us, e.end_us) for e in mine if e.kind in EXCUSED])
    time_us, score = time_us[~excused], score[~excused]
    theirs = [a for a in alerts if a.asset == asset]
    forever = int(time_us[-1]) + 1 if len(time_us) else 0
    standing = [(a.raised_us, forever if a.cleared_us is None else a.cleared_us) for a in theirs]
    return Track(
        score=score,
        wanted=_within(time_us, [(e.start_us, e.end_us) for e in mine if e.kind in WANTED]),
        alarm=_within(time_us, standing),
        raised=np.flatnonzero(np.isin(time_us, np.array([a.raised_us for a in theirs], np.int64))),
    )


def _within(time_us: Int64, spans: Sequence[tuple[int, int]]) -> Bool:
    """Which times (n,) lie in any of the half-open spans."""
    change = np.zeros(len(time_us) + 1, np.int64)
    for start, end in spans:
        if end > start:
            first, last = np.searchsorted(time_us, (start, end))
            change[first] += 1
            change[last] -= 1
    return np.cumsum(change[:-1]) > 0


def measure(tracks: Sequence[Track], seed: int = 0) -> Measures:
    """Every measure of `NAMES`, with two detectors beside it that know nothing.

    The random ones draw a score per row and are in alarm on their highest scores, on as many rows as the real one, and
    raise as many alerts, at random rows; the mean of `RANDOM_RUNS` is given. The alarm that is always on is raised once
    per asset, on its first row, has one score, and never clears. ``seed`` draws the random ones.
    """
    tracks = [t for t in tracks if len(t.score)]
    buffer = buffer_rows(tracks)
    own = _figures(tracks, buffer)
    drawn = [_figures(_random(tracks, seed, number), buffer) for number in range(RANDOM_RUNS)]
    on = _figures([_always_on(t) for t in tracks], buffer)
    return Measures(
        figures={
            name: Figure(
                own[name],
                _mean([run[name] for run in drawn]),
                on[name],
                _reason(name, tracks) if own[name] is None else None,
            )
            for name in NAMES
        },
        assets=len(tracks),
        events=sum(len(_runs(t.wanted)) for t in tracks),
        rows=sum(len(t.score) for t in tracks),
        positive_rows=sum(int(t.wanted.sum()) for t in tracks),
        alarm_rows=sum(int(t.alarm.sum()) for t in tracks),
        vus_buffer_rows=buffer,
    )


def _figures(tracks: Sequence[Track], buffer: int) -> dict[str, float | None]:
    return {
        **pointwise(tracks),
        "roc_auc": roc_auc(tracks),
        "vus_pr": vus_pr(tracks, buffer),
        "nab": nab(tracks),
        **affiliation(tracks),
        "care": care(tracks),
    }


def _random(tracks: Sequence[Track], seed: int, number: int) -> list[Track]:
    """A detector that knows nothing but how often to be in alarm, drawn over the rows of all assets together."""
    rng = np.random.default_rng([seed, number])
    ends = np.cumsum([0, *(len(t.score) for t in tracks)])
    rows = int(ends[-1])
    score = rng.random(rows)
    alarm = np.zeros(rows, bool)
    alarm[np.argsort(-score)[: sum(int(t.alarm.sum()) for t in tracks)]] = True
    raised = np.zeros(rows, bool)
    raised[rng.permutation(rows)[: sum(len(t.raised) for t in tracks)]] = True
    return [
        Track(score[a:b], t.wanted, alarm[a:b], np.flatnonzero(raised[a:b]))
        for t, a, b in zip(tracks, ends[:-1], ends[1:], strict=True)
    ]


def _always_on(track: Track) -> Track:
    rows = len(track.score)
    return replace(track, score=np.zeros(rows), alarm=np.ones(rows, bool), raised=np.zeros(1, np.int64))


def _reason(name: str, tracks: Sequence[Track]) -> str:
    """Why a measure is not defined on these rows."""
    if not tracks:
        return "no row with a score lies in the watched time"
    if name == "far_pct" or (name == "roc_auc" and any(t.wanted.any() for t in tracks)):
        return "every row lies in a failure or anomaly"
    if name == "precision":
        return "no row is in alarm"
    if not any(t.wanted.any() for t in tracks):
        return "no row lies in a failure or anomaly"
    if name == "care":
        return f"it compares events with normal stretches of an asset, and needs one of each of {CRITICAL_ROWS} rows"
    return "no asset with a failure or anomaly has a row in alarm"


def _mean(values: Sequence[float | None]) -> float | None:
    known = [v for v in values if v is not None]
    return sum(known) / len(known) if known else None


def _runs(mask: Bool) -> Int64:
    """The runs of True as half-open row spans (n_runs, 2)."""
    return np.flatnonzero(np.diff(np.r_[False, mask, False])).reshape(-1, 2)


# ---------------------------------------------------------------- row by row


def pointwise(tracks: Sequence[Track]) -> dict[str, float | None]:
    """Precision, recall and F1 of rows in alarm, in [0, 1]; FAR and MAR in percent. Rows of all assets are pooled.

    FAR, the false-alarm rate, is the share of normal rows in alarm; MAR, the missed-alarm rate, the share of positive
    rows out of alarm (as in Katser & Kozitsin, "Skoltech Anomaly Benchmark", 2020).
    """
    hit = sum(int((t.wanted & t.alarm).sum()) for t in tracks)
    false = sum(int((~t.wanted & t.alarm).sum()) for t in tracks)
    missed = sum(int((t.wanted & ~t.alarm).sum()) for t in tracks)
    normal = sum(int((~t.wanted).sum()) for t in tracks)
    return {
        "precision": _ratio(hit, hit + false),
        "recall": _ratio(hit, hit + missed),
        "f1": _ratio(2 * hit, 2 * hit + false + missed) if hit + missed else None,
        "far_pct": _ratio(100 * false, normal),
        "mar_pct": _ratio(100 * missed, hit + missed),
    }


def _ratio(part: float, whole: float) -> float | None:
    return part / whole if whole else None


def roc_auc(tracks: Sequence[Track]) -> float | None:
    """Chance that a positive row has a higher score than a normal one, a tie counting half; all assets pooled.

    None unless there are rows of both kinds. (Mann & Whitney, 1947; Hanley & McNeil, 1982.)
    """
    wanted = np.concatenate([np.zeros(0, bool), *(t.wanted for t in tracks)])
    positive = int(wanted.sum())
    normal = len(wanted) - positive
    if not positive or not normal:
        return None
    _, place, count = np.unique(np.concatenate([t.score for t in tracks]), return_inverse=True, return_counts=True)
    rank = (np.cumsum(count) - (count - 1) / 2)[place]
    return float((rank[wanted].sum() - positive * (positive + 1) / 2) / (positive * normal))


# ---------------------------------------------------------------- VUS-PR


def buffer_rows(tracks: Sequence[Track]) -> int:
    """The longest buffer that VUS-PR takes: the median length of the events, at most `MAX_BUFFER` [rows]."""
    lengths = np.concatenate([np.zeros(0, np.int64), *(np.diff(_runs(t.wanted), axis=1)[:, 0] for t in tracks)])
    return min(int(np.median(lengths)), MAX_BUFFER) if len(lengths) else 0


def vus_pr(tracks: Sequence[Track], buffer: int) -> float | None:
    """Volume under the precision-recall surface, in [0, 1]: the mean over buffers of 0, 1 … ``buffer`` rows of the area
    under a curve whose labels fade out over half a buffer before and after every event.

    A row d rows away from an event, d ≤ l/2, has the label √(1 − d/l) at a buffer of l rows. Recall is weighted by the
    share of events of which any row is found. Thresholds are scores at `THRESHOLDS` evenly spaced ranks. As in the
    authors' own current code, buffer rows count into recall only where they are found, so that a perfect score gets
    1, and the area is a sum of steps, so that a constant score gets the mean label. Assets are pooled: one threshold
    for all, no buffer across assets. None without an event. Time and memory grow with rows + events × buffer.

    Source: Paparrizos et al., "Volume Under the Surface", PVLDB 15(11), 2022, with the later corrections of its
    authors' package ``vus``.
    """
    if not any(t.wanted.any() for t in tracks):
        return None
    pooled = np.sort(np.concatenate([t.score for t in tracks]))[::-1]
    levels = pooled[np.linspace(0, len(pooled) - 1, THRESHOLDS).astype(int)]
    apart = np.full(buffer + 1, THRESHOLDS)  # rows that are never found: no buffer reaches over them
    found_at = [apart]
    wanted = [apart < 0]
    for track in tracks:  # the first threshold at which each row is found
        found_at += [np.searchsorted(-levels, -track.score), apart]
        wanted += [track.wanted, apart < 0]
    return _volume(np.concatenate(found_at), np.concatenate(wanted), buffer)


def _volume(found_at: Int64, wanted: Bool, buffer: int) -> float:
    """Mean area over the buffers, from the first threshold at which each row is found (`THRESHOLDS` = never)."""
    events = _runs(wanted)
    predicted = _risen(found_at)
    in_event = _risen(found_at[wanted])
    in_buffer = _buffer_labels(found_at, wanted, events, buffer)
    hit = in_event + in_buffer
    recall = np.minimum(hit / (in_event[-1] + in_buffer / 2), 1) * _share_met(found_at, events, buffer)
    return float((np.diff(recall, prepend=0.0, axis=1) * hit / predicted).sum(axis=1).mean())


def _risen(found_at: Int64, weights: Float64 | None = None) -> Float64:
    """How many rows, or what weight of them, is found at each threshold (`THRESHOLDS`,)."""
    count = np.bincount(found_at, weights, THRESHOLDS + 1).astype(np.float64)
    return np.cumsum(count[:THRESHOLDS])


def _buffer_labels(found_at: Int64, wanted: Bool, events: Int64, buffer: int) -> Float64:
    """Sum of the labels of buffer rows found, per buffer and threshold (buffer + 1, `THRESHOLDS`).

    A row in reach of two events has the label 1 (each adds at least √½), so its two nearest events say all.
    """
    reach, far = buffer // 2, len(wanted) + buffer
    rows = np.flatnonzero(~wanted & (found_at < THRESHOLDS))
    after = np.searchsorted(events[:, 1], rows, side="right")  # events that ended before the row
    last = np.r_[-far, -far, events[:, 1] - 1]
    first = np.r_[events[:, 0], 2 * far, 2 * far]
    away = np.sort([rows - last[after + 1], rows - last[after], first[after] - rows, first[after + 1] - rows], axis=0)
    near = away[0] <= reach
    at, nearest, second = found_at[rows[near]], away[0, near], away[1, near]
    d = np.arange(reach + 1)
    length = np.arange(buffer + 1)[:, None]
    label = np.where((d > 0) & (d <= length // 2), np.sqrt(1 - d / np.maximum(length, 2 * d).clip(1)), 0.0)
    count = np.bincount(nearest * THRESHOLDS + at, minlength=(reach + 1) * THRESHOLDS).reshape(-1, THRESHOLDS)
    total: Float64 = np.cumsum(label @ count, axis=1)
    for size in range(2 * int(second.min(initial=far)), buffer + 1):
        both = second <= size // 2
        total[size] += _risen(at[both], 1 - label[size, nearest[both]])
    return total


def _share_met(found_at: Int64, events: Int64, buffer: int) -> Float64:
    """Share of the events, each with its buffer, of which any row is found, per buffer and threshold
    (buffer + 1, `THRESHOLDS`). Events with a buffer row in common are one.
    """
    first, last = events[:, 0], events[:, 1] - 1
    steps = np.arange(buffer // 2 + 1)
    core = np.minimum.reduceat(np.r_[found_at, THRESHOLDS], events.ravel())[::2]
    before = np.minimum.accumulate(found_at[first[:, None] - steps], axis=1)
    behind = np.minimum.accumulate(found_at[last[:, None] + steps], axis=1)
    share = np.empty((buffer + 1, THRESHOLDS))
    for size in range(buffer + 1):
        half = size // 2
        met_at = np.minimum(core, np.minimum(before[:, half], behind[:, half]))
        own = np.flatnonzero(np.r_[True, last[:-1] + half < first[1:] - half])
        share[size] = _risen(np.minimum.reduceat(met_at, own)) / len(own)
    return share


# ---------------------------------------------------------------- NAB


def nab(tracks: Sequence[Track]) -> float | None:
    """The score of the Numenta Anomaly Benchmark, standard profile: 0 for a detector that is silent, 100 for one alert
    on the first row of every event and none elsewhere; below 0 where false alerts cost more than was found.

    A detection is an alert being raised; the events are the windows. In an event the first alert earns a scaled
    sigmoid of how early it is, later ones nothing; one outside costs up to `FALSE_WEIGHT`, less just after an event.
    An alert that stands before an event begins finds nothing. Assets are pooled before scaling; None without an event.

    Source: Lavin & Ahmad, "Evaluating Real-time Anomaly Detection Algorithms – the Numenta Anomaly Benchmark", ICMLA
    2015. Its windows are drawn around a moment, ours are what people told, and its probation is our warm-up.
    """
    events = sum(len(_runs(t.wanted)) for t in tracks)
    if not events:
        return None
    raw = sum(_nab_of(t) for t in tracks)
    return 100 * (raw + events) / (2 * events)


def _nab_of(track: Track) -> float:
    """Unscaled: + for events found, − for events missed and false alerts."""
    events = _runs(track.wanted)
    which = np.searchsorted(events[:, 0], track.raised, side="right") - 1
    start, end = np.vstack([events, [0, 0]])[which].T  # the last row is for alerts before any event
    inside = (which >= 0) & (track.raised < end)
    found, first = np.unique(which[inside], return_index=True)
    early = (track.raised[inside][first] - events[found, 1]) / (events[found, 1] - events[found, 0])
    past = (track.raised - (end - 1)) / np.maximum(end - start - 1, 1)
    cost = np.where((which < 0) | (past >= 3), -1.0, _sigmoid(np.clip(past, -3, 3)))[~inside]
    gain = _sigmoid(early) / _sigmoid(np.array(-1.0))
    return float(gain.sum() - (len(events) - len(found)) + FALSE_WEIGHT * cost.sum())


def _sigmoid(position: Float64) -> Float64:
    """1 early, 0 at the end of the event (position 0), −1 late."""
    scaled: Float64 = 2 / (1 + np.exp(5 * position)) - 1
    return scaled


# ---------------------------------------------------------------- affiliation


def affiliation(tracks: Sequence[Track]) -> dict[str, float | None]:
    """Affiliation precision, recall and F1, in [0, 1]: how near rows in alarm are to events and events to alarms, each
    distance told as the chance that a random row would be farther away. A random detector gets about ½, not 0.

    Every row belongs to the event nearest in rows, on its own asset; precision and recall are found per event and
    averaged over the events of all assets, precision over those that have rows in alarm nearby. Alarms on an asset
    without an event count nowhere: see FAR. Recall and F1 are None without an event, precision and F1 without an alarm.

    Source: Huet, Navarro & Rossi, "Local Evaluation of Time Series Anomaly Detection Algorithms", KDD 2022.
    """
    both = [_affiliation_of(t) for t in tracks if t.wanted.any()]
    precision = _mean([p for precisions, _ in both for p in precisions])
    recall = _mean([r for _, recalls in both for r in recalls])
    f1 = None
    if precision is not None and recall is not None:
        f1 = 2 * precision * recall / (precision + recall) if precision + recall else 0.0
    return {"affiliation_precision": precision, "affiliation_recall": recall, "affiliation_f1": f1}


def _affiliation_of(track: Track) -> tuple[list[float], list[float]]:
    """Precision of each event with an alarm nearby, and recall of each event, of one asset."""
    events = _runs(track.wanted)
    middles = (events[:-1, 1] + events[1:, 0]) / 2
    zones = np.c_[np.r_[0, middles], np.r_[middles, len(track.wanted)]]
    at = _quarters(track.alarm)
    zone = np.searchsorted(middles, at)
    n = len(events)
    sure = np.bincount(zone, _surer_than_chance(at, events[zone], zones[zone]), n)
    alarmed = np.bincount(zone, minlength=n)
    precision = (sure[alarmed > 0] / alarmed[alarmed > 0]).tolist()
    at = _quarters(track.wanted)
    event = np.searchsorted(events[:, 0], at, side="right") - 1
    met = np.bincount(event, _nearer_than_chance(at, _runs(track.alarm), zones[event]), n)
    return precision, (met / np.bincount(event, minlength=n)).tolist()


def _quarters(mask: Bool) -> Float64:
    """The middles of all quarters of the rows in a mask, as positions [rows]."""
    middles: Float64 = (np.flatnonzero(mask)[:, None] + QUARTERS).ravel()
    return middles


def _surer_than_chance(at: Float64, event: Int64, zone: Float64) -> Float64:
    """For positions in alarm (n,): the chance that a random position of its zone is farther from the event."""
    (start, end), (low, high) = event.T, zone.T
    away = np.maximum(np.maximum(start - at, at - end), 0)
    nearer = (end - start) + np.minimum(away, np.minimum(start - low, high - end)) + away
    return np.where(away > 0, 1 - nearer / (high - low), 1.0)


def _nearer_than_chance(at: Float64, alarms: Int64, zone: Float64) -> Float64:
    """For positions in an event (n,): the chance that a random position of the zone is farther from it than the
    nearest alarm within the zone; 0 without one.
    """
    low, high = zone.T
    after = np.searchsorted(alarms[:, 0], at, side="right")  # alarms that began before
    end = np.r_[-np.inf, alarms[:, 1]][after]
    start = np.r_[alarms[:, 0], np.inf][after]
    before = np.where(end > low, np.maximum(at - end, 0), np.inf)
    behind = np.where(start < high, start - at, np.inf)
    away = np.minimum(before, behind)
    nearer = np.minimum(away, at - low) + np.minimum(away, high - at)
    return np.where(away > 0, 1 - nearer / (high - low), 1.0)


# ---------------------------------------------------------------- CARE


def care(tracks: Sequence[Track]) -> float | None:
    """The CARE score, in [0, 1]: coverage, accuracy (twice), reliability and earliness, over events and normal
    stretches.

    An event stretch runs from the end of the event before it, or the first row, to its own end; a normal stretch is
    what follows an asset's last event, or all of an asset without one, if it has `CRITICAL_ROWS` rows. Coverage is the
    mean F½ of rows over event stretches; earliness the mean share of an event in alarm, its first half weighted 1, then
    falling to 0; accuracy the mean share out of alarm of normal stretches; reliability the F½ of stretches, alarmed
    where rows in alarm outnumber others by `CRITICAL_ROWS` in a count that never falls below 0. 0 where no stretch is
    alarmed; accuracy alone where that is below ½. None without a normal stretch, or an event of `CRITICAL_ROWS` rows.

    Source: Gück, Roelofs & Faulstich, "CARE to Compare", Data 9(12), 138, 2024, whose stretches are cut by hand and
    whose rows are 10 min apart.
    """
    stretches = [s for t in tracks for s in _stretches(t)]
    events = [s for s in stretches if s.wanted.any()]
    normal = [s for s in stretches if not s.wanted.any()]
    if not normal or not any(s.wanted.sum() >= CRITICAL_ROWS for s in events):
        return None
    alarmed = [_alarmed(s.alarm) for s in events]
    false = [_alarmed(s.alarm) for s in normal]
    accuracy = float(np.mean([1 - s.alarm.mean() for s in normal]))
    if not any(alarmed) and not any(false):
        return 0.0
    if accuracy < 0.5:
        return accuracy
    coverage = float(np.mean([_f_half(s.wanted, s.alarm) for s in events]))
    earliness = float(np.mean([_earliness(s.alarm[s.wanted]) for s in events]))
    truth = np.r_[np.ones(len(events), bool), np.zeros(len(normal), bool)]
    return (coverage + earliness + _f_half(truth, np.array(alarmed + false)) + 2 * accuracy) / 5


def _stretches(track: Track) -> list[Track]:
    """One per event, and what follows the last if it is long enough. Alerts raised are left out: CARE counts rows."""
    ends = [0, *_runs(track.wanted)[:, 1].tolist()]
    if len(track.wanted) - ends[-1] >= CRITICAL_ROWS:
        ends.append(len(track.wanted))
    none = np.zeros(0, np.int64)
    return [Track(track.score[a:b], track.wanted[a:b], track.alarm[a:b], none) for a, b in pairwise(ends)]


def _alarmed(alarm: Bool) -> bool:
    """Does a count that goes up on a row in alarm and down on others, never below 0, reach `CRITICAL_ROWS`?"""
    walk = np.cumsum(np.where(alarm, 1, -1))
    return bool((walk - np.minimum.accumulate(np.minimum(walk, 0))).max(initial=0) >= CRITICAL_ROWS)


def _f_half(truth: Bool, told: Bool) -> float:
    """F-score that weighs precision twice as much as recall; ``truth`` holds at least one True."""
    hit = int((truth & told).sum())
    return 1.25 * hit / (0.25 * int(truth.sum()) + int(told.sum()))


def _earliness(alarm: Bool) -> float:
    """Weighted share of an event's rows in alarm: 1 in its first half, then falling to 0 at its end."""
    weight = np.minimum(1.0, 2 - 2 * np.linspace(0, 1, len(alarm)))
    return float(weight[alarm].sum() / weight.sum())
