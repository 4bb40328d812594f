"""When the alerts of an asset stood, and how severe they were: from scored rows and a policy alone."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from anomaly_lstm import arrow
from anomaly_lstm.blocks import smooth
from anomaly_lstm.bounds import Nearing, bound_is_near, bounds_crossed
from anomaly_lstm.delays import OFF_ROWS, Standing, ran_out, standings
from anomaly_lstm.policy import Policy, reopens_within_us
from anomaly_lstm.scored_rows import Rows
from anomaly_lstm.tables import SEVERITIES, State, scored_sensors

Bool = NDArray[np.bool_]

FORGETS, REMEMBERED = 128.0, 1 / 6
"""Half-life [rows] and share of a mean of unseen rows: above it, what follows them is held for a guess as they are."""


@dataclass(frozen=True)
class Course:
    """An alert without its words: when it stood, and which severity it came to when."""

    alert_id: str
    asset: str
    severity: str
    capped: bool
    """An unseen regime kept it from a higher one."""
    stand: Standing
    reached_us: Mapping[str, int]
    """Severity → when it had come to at least that [µs UTC]: the lowest when it was raised."""
    stood_us: tuple[tuple[int, int | None], ...]
    """When it stood: from raised, or opened again, to cleared; None = still standing [µs UTC]."""
    levels_us: tuple[tuple[int, str], ...]
    """Which severity it had from when on while it stood [µs UTC]: it falls where its limit was passed for the
    off-delay."""
    nearing: Nearing | None = None


def courses_of(rows: Rows, policy: Policy, period_us: int, since: int = 0) -> list[Course]:
    """When the alerts of one asset stood, in time order, and how severe they were; see `alerts_of` for ``since``.

    The lowest severity that is on, or a crossed bound, opens an alert; every severity whose own on-delay runs out while
    it stands raises it, above advisory on seen rows only.
    """
    on_rows = -(-policy.on_delay_us // period_us)
    off_us = policy.off_delay_us if policy.off_delay_us is not None else OFF_ROWS * period_us
    crossed = bounds_crossed(rows, policy)
    opening = next((severity for severity in SEVERITIES if severity in policy.limits), "critical")
    above = {s: _above(rows, policy, s) | (crossed & (s in {opening, "critical"})) for s in SEVERITIES}
    for rising in above.values():
        rising[:since] = False
    below = ~_above(rows, policy, opening, policy.deadband) & ~crossed
    foreign = rows.unseen | _remembering(rows)
    reached = {s: ran_out(above[s], rows.state, on_rows) for s in SEVERITIES}
    alone = {s: ran_out(above[s], _without(rows.state, foreign & above[s] & ~crossed), on_rows) for s in SEVERITIES}
    off_rows = -(-off_us // period_us)
    stands = standings(above[opening], below, rows.state, on_rows, off_rows)
    higher: dict[str, list[Standing]] = {}
    for severity in SEVERITIES[SEVERITIES.index(opening) + 1 :] if stands else ():
        state = _without(rows.state, foreign & above[severity] & ~crossed)
        under = ~_above(rows, policy, severity, policy.deadband) & ~(crossed & (severity == "critical"))
        higher[severity] = standings(above[severity], under, state, on_rows, off_rows)
    out = []
    for stand in _reopened(stands, rows, reopens_within_us(policy)):
        near = bound_is_near(rows, policy, stand, off_rows, period_us)
        counted = _with_bound(alone, near)
        severity = _severity(counted, stand)
        own_id = alert_id(rows.asset, "deviation", int(rows.time_us[stand.begun]))
        capped = near is None and severity != _severity(reached, stand)
        reached_us, stood_us = _reached_us(rows, counted, stand), _stood_us(rows, stand, stands)
        levels_us = _levels_us(rows, higher, reached_us, stood_us, near)
        out.append(Course(own_id, rows.asset, severity, capped, stand, reached_us, stood_us, levels_us, near))
    return out


def _levels_us(
    rows: Rows,
    higher: Mapping[str, Sequence[Standing]],
    reached_us: Mapping[str, int],
    stood_us: Sequence[tuple[int, int | None]],
    near: Nearing | None,
) -> tuple[tuple[int, str], ...]:
    """Which severity an alert had from when on while it stood; one whose bound is near stays critical."""
    end = len(rows.time_us)
    raised_us = stood_us[0][0]
    lowest = max((s for s, at_us in reached_us.items() if at_us <= raised_us and s not in higher), key=SEVERITIES.index)
    spans = [(s, one.raised, end if one.cleared is None else one.cleared) for s in higher for one in higher[s]]
    spans += [("critical", near.row, end)] if near else []
    levels: list[tuple[int, str]] = []
    for begin_us, end_us in stood_us:
        begin = int(np.searchsorted(rows.time_us, begin_us))
        last = end if end_us is None else int(np.searchsorted(rows.time_us, end_us))
        edges = {begin, *(edge for _, start, stop in spans for edge in (start, stop) if begin < edge < last)}
        for row in sorted(edges):
            having = [s for s, start, stop in spans if start <= row < stop]
            severity = max([lowest, *having], key=SEVERITIES.index)
            if row == begin or severity != levels[-1][1]:
                levels.append((int(rows.time_us[row]), severity))
    return tuple(levels)


def _reached_us(rows: Rows, alone: Mapping[str, Bool], stand: Standing) -> dict[str, int]:
    """Severity → when the alert came to at least that [µs]; those it never came to are left out."""
    end = len(rows.time_us) if stand.cleared is None else stand.cleared + 1
    since = end
    reached: dict[str, int] = {}
    for severity in reversed(SEVERITIES):
        own = np.flatnonzero(alone[severity][stand.begun : end])
        first = stand.begun + int(own[0]) if len(own) else end
        since = min(since, max(stand.raised, first)) if severity != SEVERITIES[0] else stand.raised
        reached |= {severity: int(rows.time_us[since])} if since < end else {}
    return reached


def _stood_us(rows: Rows, alert: Standing, stands: Sequence[Standing]) -> tuple[tuple[int, int | None], ...]:
    """The stretches of an alert that was opened again: those parts of what stood that belong to it."""
    end = len(rows.time_us)
    ends = [(s.raised, end if s.cleared is None else s.cleared) for s in (alert, *stands)]
    (first, last), *others = ends
    parts = [(max(first, raised), min(last, cleared)) for raised, cleared in others]
    time_us = rows.time_us
    return tuple(
        (int(time_us[raised]), None if cleared == end else int(time_us[cleared]))
        for raised, cleared in parts
        if raised < cleared
    )


def _reopened(stands: Sequence[Standing], rows: Rows, within_us: float) -> list[Standing]:
    """A deviation of the same sensor that comes again soon and no stranger than it was told is the same alert, open
    once more.

    Of two alerts closer than a tenth of the limit's return period, the second is with nine chances in ten no new event
    (Poisson). From the row on which it is stranger than all before, it is news: the old alert ends, a new one begins.
    """
    out: list[Standing] = []
    for stand in stands:
        last = out[-1] if out else None
        if last is None or last.cleared is None or not _comes_again(rows, last, stand, within_us):
            out.append(stand)
            continue
        told = np.nanmax(rows.score[last.begun : last.cleared + 1])
        end = len(rows.score) if stand.cleared is None else stand.cleared + 1
        stranger = np.flatnonzero(rows.score[stand.begun : end] > told)
        news = int(stand.begun + stranger[0]) if len(stranger) else None
        if news is None:
            out[-1] = Standing(last.begun, last.raised, stand.cleared)
        elif news <= stand.raised:
            out.append(stand)
        else:
            out[-1] = Standing(last.begun, last.raised, news)
            out.append(Standing(news, news, stand.cleared))
    return out


def _comes_again(rows: Rows, last: Standing, stand: Standing, within_us: float) -> bool:
    """Soon, and led by the sensor that led before; judged by what was known when it was raised."""
    assert last.cleared is not None
    if rows.time_us[stand.raised] - rows.time_us[last.cleared] > within_us:
        return False
    return _leading(rows, last.begun, last.cleared) == _leading(rows, stand.begun, stand.raised)


def _leading(rows: Rows, first: int, last: int) -> str | None:
    """The sensor with the largest share of the evidence on some rows; None in a table without shares."""
    own = rows.table.slice(first, last - first + 1)
    share = {s: np.nansum(arrow.to_numpy(own.column(f"share.{s}"), np.float64)) for s in scored_sensors(own)}
    return max(share, key=lambda s: share[s], default=None)


def rests_at(rows: Rows, policy: Policy) -> Bool:
    """Scored rows (n_rows,) under the lowest limit and within all bounds: on them no alert begins, and one that stands
    counts towards its end.
    """
    opening = next((severity for severity in SEVERITIES if severity in policy.limits), "critical")
    over = _above(rows, policy, opening) | bounds_crossed(rows, policy)
    return np.asarray((rows.state == State.SCORED) & ~over)


def _above(rows: Rows, policy: Policy, severity: str, deadband: float = 0.0) -> Bool:
    """Rows (n_rows,) over the limit of a severity, or not under it by the deadband; none where it is off."""
    limit_us = policy.limits.get(severity, np.inf)
    return np.asarray(np.nan_to_num(rows.return_period_s) >= limit_us / 1e6 * 10**-deadband)


def _severity(reached: Mapping[str, Bool], stand: Standing) -> str:
    """The highest severity whose own on-delay ran out while the alert stood; the least that is told, advisory."""
    end = None if stand.cleared is None else stand.cleared + 1
    return next((s for s in reversed(SEVERITIES) if reached[s][stand.begun : end].any()), SEVERITIES[0])


def _without(state: NDArray[np.uint8], rows: Bool) -> NDArray[np.uint8]:
    """States in which some rows hold what stands and count neither way, as rows without data do."""
    return np.where(rows, np.uint8(State.NO_DATA), state)


def _remembering(rows: Rows) -> Bool:
    """Rows (n_rows,) that follow an unseen regime so closely that the network may still expect it to go on: those with
    a share of unseen rows, in a mean that forgets, of more than `REMEMBERED`. That is up to 331 rows after a long
    regime, none after a few rows. A network starts anew at each stretch, which begins with WARM_UP.
    """
    share = np.zeros((len(rows.time_us), 1))
    if rows.unseen.any():
        scored = np.flatnonzero(rows.state == State.SCORED)
        starts = np.unique(np.searchsorted(scored, np.flatnonzero(rows.state == State.WARM_UP)))
        for part in np.split(scored, starts):
            share[part] = smooth(rows.unseen[part, None].astype(np.float64), FORGETS, np.zeros(1))
    return np.asarray(share[:, 0] > REMEMBERED)


def alert_id(asset: str, kind: str, begun_us: int) -> str:
    """A stable id from the asset, the kind and the time at which the on-delay first began to count."""
    return hashlib.sha256(f"{asset}\x1f{kind}\x1f{begun_us}".encode()).hexdigest()[:16]


def _with_bound(reached: Mapping[str, Bool], near: Nearing | None) -> Mapping[str, Bool]:
    """The rows on which each severity is reached, critical also where a bound is near."""
    if near is None:
        return reached
    critical = reached["critical"].copy()
    critical[near.row] = True
    return {**reached, "critical": critical}
