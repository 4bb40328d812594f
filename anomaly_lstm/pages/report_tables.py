"""The tables of the page of an asset: what pictures show, alerts, data quality, what the model knows, the budget."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import numpy as np

from anomaly_lstm.clock import parse_time
from anomaly_lstm.pages import panels
from anomaly_lstm.pages.marks import mark
from anomaly_lstm.pages.page import Html, element, table, whole
from anomaly_lstm.pages.report import AssetReport, Course, weight
from anomaly_lstm.pages.sentences import case_words
from anomaly_lstm.pages.texts import Tongue, round_step
from anomaly_lstm.tables import STATE_NAMES
from anomaly_lstm.words import beyond_record, clean, listed

ROWS = 40
"""Rows of a table beside a picture, at most."""


def _grouped(report: AssetReport, tongue: Tongue) -> tuple[list[tuple[int, int]], Callable[[int], str]]:
    """Round stretches of what is shown first, on the plant's clock, and how their begins are told."""
    start_us, end_us = (
        tongue.wall(us) for us in (max(report.focus_us[0], report.start_us), min(report.focus_us[1], report.end_us))
    )
    step = round_step(max(end_us - start_us, 1), ROWS - 1)
    begins = range(start_us // step * step, max(end_us, start_us + 1), step)
    return [(us, us + step) for us in begins], lambda us: _wall_words(us)


def _wall_words(wall_us: int) -> str:
    return str(np.datetime64(wall_us, "us").astype("datetime64[m]")).replace("T", " ")


def rarity_table(report: AssetReport, tongue: Tongue) -> Html:
    spans, words = _grouped(report, tongue)
    times, once_s = tongue.wall_us(report.rarity.time_us), report.rarity.return_period_s
    rows: list[list[str | Html]] = []
    for begin, end in spans:
        inside = np.flatnonzero((times >= begin) & (times < end) & np.isfinite(once_s))
        if len(inside):
            top = inside[np.argmax(once_s[inside])]
            rows.append([words(begin), tongue.rarity(float(once_s[top])), words(int(times[top]))])
    columns = (tongue.say("from"), tongue.say("strangest row: once in"), tongue.say("at"))
    return table(columns, rows, empty=tongue.say("Nothing was scored in that time."))


def states_table(report: AssetReport, tongue: Tongue) -> Html:
    counts = report.states.rows.sum(axis=1)
    total = max(int(counts.sum()), 1)
    rows = [[tongue.say(name), tongue.number(f"{n:,}"), tongue.percent(n / total), tongue.say(f"why {name}")]
            for name, n in zip(STATE_NAMES, counts.tolist(), strict=True)]  # fmt: skip
    columns = (tongue.say("state"), tongue.say("rows"), tongue.say("share"), tongue.say("means"))
    return table(columns, rows, columns[1:3])


def parts_table(report: AssetReport, tongue: Tongue) -> Html:
    made = np.nan_to_num(panels.contributions(report), nan=-1.0)
    rows: list[list[str | Html]] = []
    for place, name in enumerate(report.parts.sensors):
        top = int(np.argmax(made[place])) if made.shape[1] else 0
        if not made.shape[1] or made[place, top] < 0:
            continue
        rows.append([
            name, tongue.percent(float(report.parts.share[place, top])),
            tongue.rarity(float(report.parts.return_period_s[top])),
            tongue.short_moment(int(report.parts.edges_us[top])),
        ])  # fmt: skip
    say = tongue.say
    columns = (say("sensor"), say("share when it added most"), say("once in"), say("from"))
    return table(columns, rows, columns[1:2], say("Nothing was scored in that time."))


def course_table(course: Course, report: AssetReport, tongue: Tongue) -> Html:
    spans, words = _grouped(report, tongue)
    times = tongue.wall_us(course.time_us)
    rows: list[list[str | Html]] = []
    for begin, end in spans:
        inside = (times >= begin) & (times < end)
        measured = course.measured[inside & np.isfinite(course.measured)]
        if not len(measured):
            continue
        cells: list[str | Html] = [
            words(begin),
            tongue.figure(float(measured.min())),
            tongue.figure(float(measured.max())),
        ]
        if course.expected is not None:
            expected = course.expected[inside & np.isfinite(course.expected)]
            cells += (
                [tongue.figure(float(one)) for one in (expected.min(), expected.max())] if len(expected) else ["–", "–"]
            )
        rows.append(cells)
    say = tongue.say
    columns = [say("from"), say("lowest"), say("highest")]
    columns += [say("expected, lowest"), say("expected, highest")] if course.expected is not None else []
    return table(columns, rows, columns[1:], say("Nothing was measured in that time."))


def alerts_table(report: AssetReport, tongue: Tongue) -> Html:
    say = tongue.say
    rows: list[list[str | Html]] = []
    for alert in sorted(report.alerts, key=weight, reverse=True)[:ROWS]:
        cleared = alert["cleared_at"]
        end = tongue.short_moment(parse_time(cleared)) if cleared else say("stands")
        once_s = alert["peak"]["return_period_s"]
        led = listed([one["sensor"] for one in alert["sensors"][:2]], 2)
        rows.append([
            mark(alert, tongue), whole(tongue.short_moment(parse_time(alert["onset"]))),
            whole(tongue.short_moment(parse_time(alert["raised_at"]))), whole(end),
            "–" if once_s is None else tongue.rarity(once_s), led or say(alert["kind"]),
            case_words(alert, tongue, report.acts),
            whole(alert["alert_id"][:4]),
        ])  # fmt: skip
    columns = tuple(map(say, ("severity", "onset", "raised", "cleared", "once in", "led by", "case", "id")))
    return table(columns, rows, empty=say("No alert was raised in this time."))


def quality_tables(report: AssetReport, tongue: Tongue) -> Iterator[Html]:
    say = tongue.say
    rows: list[list[str | Html]] = []
    for one in report.kept:
        last = "–" if one.last_us is None else tongue.short_moment(one.last_us)
        cells = (tongue.percent(one.missing), tongue.figure(one.lowest), tongue.figure(one.highest))
        rows.append([one.sensor, one.unit or "", *cells, whole(last)])
    columns = tuple(map(say, ("sensor", "unit", "missing", "lowest", "highest", "last value")))
    yield states_table(report, tongue)
    yield table(columns, rows, columns[2:5], say("The scores hold no sensors (they were written with --detail score)."))
    drawn = {course.sensor for course in report.courses}
    left_out = [one.sensor for one in report.kept if one.sensor not in drawn]
    if left_out:
        yield element("p", say("Not drawn: {sensors}.", sensors=listed(left_out, 30)), class_="faint")
    if report.notes:
        yield element("p", say("Noted when the rows were read and scored:"), class_="faint")
        yield element("ul", *(element("li", clean(note), lang="en") for note in report.notes[:ROWS]), class_="faint")


def knowledge_tables(report: AssetReport, tongue: Tongue) -> Iterator[Html]:
    say, known = tongue.say, report.knowledge
    if known is None:
        yield element("p", say("The model of this asset is no longer in the run folder."))
        return
    learned = say(
        "{rows} of {assets}, {start} to {end}; {own} of this asset",
        rows=tongue.counted(known.rows, "normal row", "normal rows"),
        assets=tongue.counted(known.assets, "asset", "assets"),
        start=tongue.day(known.start_us), end=tongue.day(known.end_us), own=tongue.number(f"{known.own_rows:,}"),
    )  # fmt: skip
    memory_s = known.memory_rows * report.period_us / 1e6
    memory = f"{tongue.counted(known.memory_rows, 'row', 'rows')} ({tongue.span(memory_s)})"
    calibration = say(
        "{observed} of {expected} expected false alerts at once in {time}, on {normal} of normal rows",
        observed=tongue.number(f"{known.observed:.0f}"), expected=tongue.number(f"{known.expected:.1f}"),
        time=tongue.span(known.at_s), normal=tongue.span(known.normal_s),
    )  # fmt: skip
    rows: list[list[str | Html]] = [
        [say("scored sensors"), listed(known.scored, 30)],
        [say("context"), listed(known.context, 30) or "–"],
        [say("learned from"), learned],
        [say("network"), known.network],
        [say("memory of its gates"), memory],
        [say("error of {network}", network="linear_predictor"), tongue.figure(known.losses.get("linear_predictor"))],
    ]
    if known.network != "linear_predictor":
        rows.append([say("error of {network}", network=known.network), tongue.figure(known.losses.get(known.network))])
        rows.append([say("carries the evidence"), known.carried_by])
    rows += [[say("calibration"), calibration], [say("model"), known.model_id]]
    yield table((say("what"), say("value")), rows)
    yield element(
        "p",
        say("Errors: mean squared, on normal rows it did not learn from; 1 is each sensor's own variance."),
        class_="faint",
    )


def budget_tables(report: AssetReport, tongue: Tongue) -> Iterator[Html]:
    say = tongue.say
    normal_s = report.knowledge.normal_s if report.knowledge else float("inf")
    rows: list[list[str | Html]] = []
    for one in report.promises:
        far = f" ({say('beyond record')})" if beyond_record(normal_s, one.return_period_s) else ""
        rows.append([
            say(one.severity), tongue.span(one.return_period_s) + far, tongue.number(f"{one.expected:.1f}"),
            tongue.number(f"{one.raised:,}"), tongue.number(f"{one.expected_of_all:.1f}"),
            tongue.number(f"{one.raised_of_all:,}"),
        ])  # fmt: skip
    columns = tuple(
        map(say, ("severity", "once in", "expected by chance", "raised", "all assets: expected", "all assets: raised"))
    )
    yield table(columns, rows, columns[2:], say("No severity is on."))
    yield element(
        "p",
        say(
            "Expected: if all of the scored time had been normal. Raised: true or false, this severity or a higher one."
        ),
        class_="faint",
    )
