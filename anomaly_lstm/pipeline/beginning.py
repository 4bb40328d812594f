"""`init`: any source → a commented pipeline file that runs as it is."""

from __future__ import annotations

import importlib.util
import os
import shlex
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from anomaly_lstm import conditions, habits, sources, store
from anomaly_lstm.budgets import promised_per_month, split_budget
from anomaly_lstm.clock import DAY, UNITS, format_duration, iso
from anomaly_lstm.config import parse_budget
from anomaly_lstm.drafting import Draft, Sensor, text_of
from anomaly_lstm.errors import DataError, UsageError
from anomaly_lstm.events import read_assets, read_events
from anomaly_lstm.grades import LOW, Grade, by_sensor, grade_sensors, not_high
from anomaly_lstm.guesses import (
    Guess,
    comparison,
    context_of,
    is_label,
    is_status,
    moves_in_steps,
    running_when,
    unit_of,
)
from anomaly_lstm.learning import CHALLENGER, TrainOptions
from anomaly_lstm.pipeline.grids import GridOptions, Quality, on_grid, sensors_of
from anomaly_lstm.pipeline.ingesting import Progress
from anomaly_lstm.pipeline.looking import Looked, look
from anomaly_lstm.sensor_rules import SensorRule, SensorRules
from anomaly_lstm.sources.contract import RawAsset, Reading, ReadOptions
from anomaly_lstm.tables import State
from anomaly_lstm.telemetry import Telemetry, estimate_period
from anomaly_lstm.training import LEAST_ROWS
from anomaly_lstm.words import BEYOND_RECORD, beyond_record, counted, expected, listed, span

Float64 = NDArray[np.float64]

TAUGHT = 2 / 3
"""Of a history of which nobody said what was normal, the older two thirds teach; the newest third shows what would have
been told."""

NEARLY = 0.9
"""A round day or hour may leave out so much of that; it is easier to read and to move."""

MOST_ASSETS = 5
"""How sensors move is looked at on the assets with the most rows: a fleet is of one kind."""

WARNING_US = 90 * DAY
OFTEN_US = 7 * DAY
BUDGET = "1 per week"
"""A team hears of at most one false warning a week; where 90 days per asset would give more, the whole pipeline gets a
budget."""


@dataclass(frozen=True)
class Known:
    """What is known beforehand, and not guessed: by flags, or by what another service left."""

    period_us: int | None = None
    network: str | None = None
    events: Path | None = None
    until_us: int | None = None
    running: str | None = None
    source: Mapping[str, str] = field(default_factory=dict)
    """Further keys of ``[source]`` …"""
    source_why: Mapping[str, str] = field(default_factory=dict)
    """… and what they are."""
    every: str = ""
    """The line of a crontab, where it is known how often it is to run."""
    told: Sequence[str] = ()
    """Where all this is from, in sentences."""
    unsure: Sequence[str] = ()
    """What of it is a guess that a person should look at."""


@dataclass(frozen=True)
class Begun:
    """Result of `init`: the pipeline file at ``path``, what stands in it, and what was read."""

    path: Path
    draft: Draft
    quality: Quality
    assets: tuple[str, ...]
    rows: int
    looked_at: int
    """So many of the ``rows``; fewer where the source is large, and then the quality is that of stretches."""
    also: tuple[Path, ...] = ()
    """Other files that were written beside it."""


def init(
    source: sources.Files,
    out: Path,
    *,
    read: ReadOptions | None = None,
    known: Known | None = None,
    progress: Callable[[Progress], None] = lambda _: None,
) -> Begun:
    """Look at a source and write a commented pipeline file that runs as it is. A file that stands there is left."""
    read, known = read or ReadOptions(), known or Known()
    check_free(out)
    for place in [source] if isinstance(source, str | Path) else source:
        relative(place, out)  # a mistake is told before a long reading
    if known.events:
        read_events(known.events, read.zone)
    looked = look(source, read, progress=progress)
    reading = looked.reading
    options, holds = _habits(reading, known)
    assets, quality = on_grid(reading, options)
    running, unused = _running(assets, known)
    if running:  # grades and spans are those of running time
        assets, quality = on_grid(reading, replace(options, running=running.value))
    context = [name for name in assets[0].sensors if context_of(name)]
    quality = replace(quality, grades=grade_sensors(assets, context=context))
    draft = _draft(source, out, read, known, looked, assets, quality)
    draft = replace(draft, holds={name: hold for name, hold in holds.items() if name not in draft.exclude})
    if running:
        draft = _with_sensors_of(running.value, draft)
        guess = "" if running.sure else "a guess: "
        draft = replace(draft, running=running.value, running_why=f"{guess}{running.why}; other rows are not judged")
    unsure = (*known.unsure, *unused, *_unsure(draft, read, known, reading))
    draft = replace(draft, unsure=unsure)
    store.write_text(make_room(out), text_of(draft))
    return Begun(out, draft, quality, tuple(asset.asset for asset in assets), looked.rows, looked.kept)


def _with_sensors_of(running: str, draft: Draft) -> Draft:
    """The sensors that say when the asset runs must be read; one that is the same while it does explains the others."""
    needed = conditions.sensors_in(conditions.parse(running))
    context = {**draft.context, **{name: "it says when the asset runs" for name in needed if name in draft.exclude}}
    exclude = {name: why for name, why in draft.exclude.items() if name not in needed}
    maybe = {name: why for name, why in draft.maybe_context.items() if name not in context}
    return replace(draft, context=context, exclude=exclude, maybe_context=maybe)


def check_free(out: Path) -> None:
    """Raise UsageError where a file stands in the way: what a person may have edited is never overwritten."""
    if out.exists():
        raise UsageError(f"{out} exists already and is left as it is. Give another name with --out.")


def make_room(out: Path) -> Path:
    """The same path, with the folders that it needs."""
    try:
        out.parent.mkdir(parents=True, exist_ok=True)
    except OSError as problem:
        raise DataError(f"{out.parent} cannot be made: {problem.strerror}. Give another place with --out.") from problem
    return out


def _draft(
    source: sources.Files,
    out: Path,
    read: ReadOptions,
    known: Known,
    looked: Looked,
    assets: Sequence[Telemetry],
    quality: Quality,
) -> Draft:
    reading = looked.reading
    exclude = {**dict.fromkeys(read.exclude, "as you said"), **_worthless(quality.grades)}
    context, maybe = _context(assets, quality.grades, exclude)
    names = [asset.asset for asset in assets]
    model, model_why = (known.network, "as you said") if known.network else _model()
    until_us, until_why = _until(assets) if known.until_us is None else (known.until_us, "up to there it was trained")
    teaching = sum(int(((a.state == State.SCORED) & (a.time_us < (until_us or 2**62))).sum()) for a in assets)
    record_us = round(teaching * looked.rows / looked.kept) * quality.grid.period_us
    events, table = known.events or _beside_data(source, "events.csv", names), _beside_data(source, "assets.csv", names)
    budget, promise = _promise(names, table, record_us)
    return Draft(
        title=f"{_subject(names)}, watched: written by init from what it found.",
        command=f"anomaly-lstm run {shlex.quote(str(out))}",
        every=known.every,
        folder=f"../runs/{out.stem}" if out.parent.name == "pipelines" else f"runs/{out.stem}",
        paths=[relative(place, out) for place in ([source] if isinstance(source, str | Path) else source)],
        source=_source_keys(read, reading, quality) | dict(known.source),
        source_why=_source_reasons(read, known, reading) | dict(known.source_why),
        sensors=_sensors(quality.grades, exclude, reading),
        include=read.sensors or (),
        context=context,
        maybe_context=maybe,
        exclude=exclude,
        assets=relative(table, out) if table else None,
        until=_day_or_time(until_us, reading) if until_us else None,
        until_why=until_why,
        events=relative(events, out) if events else None,
        events_why="" if known.events or not events else "found beside the data; its trouble is left out of normal",
        model=model,
        model_why=model_why,
        budget=budget,
        promise=promise,
        found=[*known.told, *reading.notes],
    )


def relative(place: str | Path, out: Path) -> str:
    """A path as it is written in a pipeline file at ``out``: from the file's own folder. An address stays as it is."""
    if sources.is_remote(place):
        return str(place)
    folder = os.path.realpath(out.absolute().parent)
    try:
        str(place).encode()
    except UnicodeEncodeError:
        raise DataError(
            f"{place!r}: its name is no UTF-8 text, and cannot stand in a pipeline file. Rename it."
        ) from None
    return Path(os.path.relpath(Path(place).expanduser().absolute(), folder)).as_posix()


def _subject(names: Sequence[str]) -> str:
    return names[0] if len(names) == 1 else f"{counted(len(names), 'asset')} ({listed(names, 3)})"


def _model() -> tuple[str, str]:
    """The model that this installation can train, and why: the file is to run as it is."""
    others = "lstm_predictor, lstm_autoencoder, linear_predictor"
    default = TrainOptions().network
    if importlib.util.find_spec("tensorflow"):
        return default, f"{others} (no TensorFlow)"
    return CHALLENGER, f"TensorFlow is not installed here; with it (pip install '.[train]'): {default}"


# ---------------------------------------------------------------- [source]


_KEYS = (
    *("name", "asset_from", "sensor_prefix", "time", "time_format", "zone"),
    *("asset", "layout", "sensor", "value", "separator", "decimal"),
)
"""Options of a reading that are keys of ``[source]``."""


def _source_keys(read: ReadOptions, reading: Reading, quality: Quality) -> dict[str, str | Sequence[str]]:
    """What was found about the source, so that the next export is read the same way, whatever it looks like."""
    how = reading.how
    found = {name: getattr(how, name) for name in _KEYS}
    usual = {"layout": "wide", "separator": ",", "decimal": "."}
    keys: dict[str, str | Sequence[str]] = {
        name: value for name, value in found.items() if value is not None and value != usual.get(name)
    }
    keys |= {"missing": list(how.missing)} if how.missing else {}
    keys |= {name: iso(us) for name, us in (("start", read.start_us), ("end", read.end_us)) if us is not None}
    return keys | {"period": format_duration(quality.grid.period_us)}


def _source_reasons(read: ReadOptions, known: Known, reading: Reading) -> dict[str, str]:
    why = {
        "name": "all files are of this asset",
        "asset_from": "what an asset is named after",
        "sensor_prefix": "what stands before the names of its sensors",
        "time": "the column with the time",
        "time_format": "kept, so that no later export is read another way",
        "missing": "what stands for no value in a cell",
        "zone": "of times without an offset, here and in [train] until",
        "asset": "the column that names the asset",
        "period": "spacing of the grid" if known.period_us else "spacing of the grid, found from the rows",
    }
    if read.zone is None and _is_naive(reading):
        why["zone"] = "a guess: the times carry no offset; such as America/Santiago"
    return why


def _is_naive(reading: Reading) -> bool:
    """Do times carry no offset? The reading says so."""
    return any("no offset" in note for note in reading.notes)


def _habits(reading: Reading, known: Known) -> tuple[GridOptions, dict[str, tuple[str, str]]]:
    """The grid for sensors that come as they do, and for how long each that comes seldom holds, and why."""
    most = sorted(reading.assets, key=lambda asset: len(asset.time_us))[-MOST_ASSETS:]
    steps = {
        name: habits.together(
            [habits.steps_of(a.time_us, a.values[:, a.sensors.index(name)]) for a in most if name in a.sensors]
        )
        for name in sensors_of(reading)
        if name not in reading.words
    }
    rows_us = known.period_us or estimate_period([asset.time_us for asset in reading.assets])
    period_us = known.period_us or habits.period_of(steps, rows_us) or rows_us
    span_us = max(int(asset.time_us.max() - asset.time_us.min()) for asset in most)
    holds = {name: _hold(name, own, most, period_us, span_us) for name, own in steps.items()}
    told = {name: hold for name, hold in holds.items() if hold}
    rules = SensorRules({name: SensorRule(hold_us=hold_us) for name, (hold_us, _) in told.items()})
    return GridOptions(period_us=period_us, rules=rules), {
        name: (format_duration(hold_us), why) for name, (hold_us, why) in told.items()
    }


def _hold(
    name: str, steps: habits.Int64, assets: Sequence[RawAsset], period_us: int, span_us: int
) -> tuple[int, str] | None:
    """For how long the last value of a sensor counts on [µs], and why; None where it comes as the grid asks."""
    habit = habits.habit_of(steps, period_us)
    if habit is None or steps.max() <= habits.SPARSE * period_us:
        return None
    own = [(a.time_us, a.values[:, a.sensors.index(name)]) for a in assets if name in a.sensors]
    if all(habits.is_written_on_change(*one) for one in own if np.isfinite(one[1]).any()):
        rest = span(int(steps.max()) / 1e6)
        return habits.rest_of(steps), f"a guess: it is written when it changes only, and rests for {rest} at most"
    hold_us = habits.hold_of(habit, period_us, span_us)
    usual, longest = span(habit.usual_us / 1e6), span(habit.longest_us / 1e6)
    return (hold_us, f"a guess: it comes about every {usual}, 99 of 100 within {longest}") if hold_us else None


# ---------------------------------------------------------------- [sensors]


def _worthless(grades: Sequence[Grade]) -> dict[str, str]:
    """Sensors from which no asset can learn anything, or would learn what it is to find, and why."""
    found = {}
    for sensor, own in by_sensor(grades).items():
        if is_label(sensor, max(g.values for g in own)):
            found[sensor] = "a label by its name, which would tell the model what it is to find"
        elif all(g.grade == LOW and (not g.coverage or g.values == 1 or g.twin_is_equal) for g in own):
            found[sensor] = own[0].remarks[0].reason
    return found


def _context(
    assets: Sequence[Telemetry], grades: Sequence[Grade], exclude: Mapping[str, str]
) -> tuple[dict[str, str], dict[str, str]]:
    """Which sensors explain the others, by name or by how they move, and which may do so; never all of them."""
    most, graded = sorted(assets, key=len)[-MOST_ASSETS:], by_sensor(grades)
    context: dict[str, str] = {}
    maybe: dict[str, str] = {}
    for place, name in enumerate(assets[0].sensors):
        if name in exclude:
            continue
        what = context_of(name)
        stepping = [moves_in_steps(asset.values[asset.state == State.SCORED, place]) for asset in most]
        if what:
            context[name] = f"{what}, by its name"
        elif 2 * sum(stepping) > len(stepping):
            context[name] = "a guess: it rests and jumps as a set-point does"
        elif max(g.values for g in graded[name]) == 2:
            maybe[name] = "it has two values, like a switch; if people or a control system set it, add it"
    if len(context) + len(exclude) >= len(assets[0].sensors):
        return {}, {name: f"{why}; something must be left to score" for name, why in context.items()} | maybe
    return context, maybe


def _sensors(grades: Sequence[Grade], exclude: Mapping[str, str], reading: Reading) -> list[Sensor]:
    told = {one.sensor: f"{one.grade}: {one.reason}" for one in not_high(grades)}
    sensors = []
    for name, all_of_it in by_sensor(grades).items():
        own = [g for g in all_of_it if g.low is not None and g.high is not None]
        lowest, highest = min((g.low or 0.0 for g in own), default=0.0), max((g.high or 0.0 for g in own), default=0.0)
        unit = Guess(reading.units[name], "in the file", sure=True) if name in reading.units else unit_of(name)
        why = "" if unit is None or unit.sure else f"a guess: {unit.why}"
        seen = f"{lowest:.4g} to {highest:.4g}" if own else ""
        sensors.append(Sensor(name, unit.value if unit else None, why, seen, told.get(name, "")))
    return sensors


def _running(assets: Sequence[Telemetry], known: Known) -> tuple[Guess | None, list[str]]:
    """When the asset runs, as it is known or by the numbers; and why what is known cannot be used, if it cannot."""
    sensors = assets[0].sensors
    unused = []
    if known.running:
        lacking = [name for name in conditions.sensors_in(conditions.parse(known.running)) if name not in sensors]
        if not lacking:
            return Guess(known.running, "as it was there", sure=True), []
        unused = [f"running: {known.running!r} was the rule there, but there is no sensor {listed(lacking)}."]
    columns = (np.concatenate([asset.values[:, place] for asset in assets]) for place in range(len(sensors)))
    return running_when(zip(sensors, columns, strict=True)), unused


# ---------------------------------------------------------------- [train]


def _until(assets: Sequence[Telemetry]) -> tuple[int | None, str]:
    """Up to when rows teach [µs UTC], and why; None where there is too little to leave any of it out."""
    times = np.sort(np.concatenate([asset.time_us[asset.state == State.SCORED] for asset in assets]))
    if len(times) * TAUGHT < 2 * LEAST_ROWS:
        return None, (
            f"until: there are only {counted(len(times), 'row')}, and all of them teach. A week or more is sensible; "
            f"{LEAST_ROWS} rows are the least."
        )
    cut = int(times[int(TAUGHT * len(times))])
    whole = [cut // unit * unit for unit in (DAY, UNITS["h"], UNITS["min"], UNITS["s"], 1)]
    until_us = next(us for us in whole if np.searchsorted(times, us) >= NEARLY * TAUGHT * len(times) - 1)
    share = 100 * np.searchsorted(times, until_us) / len(times)
    return until_us, f"a guess: the older {share:.0f} % of the rows teach, the rest is judged only"


def _day_or_time(us: int, reading: Reading) -> str:
    """A moment as the file says it: a plain day where that means midnight UTC."""
    text = iso(us)
    return text[:10] if us % DAY == 0 and reading.how.zone in (None, "UTC") else text


def _beside_data(source: sources.Files, name: str, assets: Sequence[str]) -> Path | None:
    """A table that people keep, in the folder of the data or the one above, if it names one of the assets."""
    first = source if isinstance(source, str | Path) else source[0]
    if sources.is_remote(first):
        return None
    place = Path(first).expanduser()
    for folder in ([place] if place.is_dir() else []) + list(place.absolute().parents)[:1]:
        path = folder / name
        if not path.is_file():
            continue
        try:
            named = (
                {e.asset for e in read_events(path)} if name == "events.csv" else {a.asset for a in read_assets(path)}
            )
        except DataError:
            continue  # another table of that name
        if named & set(assets):
            return path
    return None


# ---------------------------------------------------------------- [alarm]


def _promise(names: Sequence[str], table: Path | None, record_us: int) -> tuple[str | None, list[str]]:
    """The budget, if the assets need one together, and what is promised, in sentences."""
    by_asset = dict.fromkeys(names, WARNING_US)
    rate = expected(promised_per_month(by_asset))
    at = f"{counted(len(names), 'asset')} at {WARNING_US // DAY} d{' each' if len(names) > 1 else ''}"
    each = f"{at}: about {rate} false warnings a month"
    budget = None
    if promised_per_month(by_asset) <= promised_per_month({"": OFTEN_US}):
        advisories = expected(promised_per_month(dict.fromkeys(names, 30 * DAY)))
        said = [f"{each}, and {advisories} advisories."]
    else:
        budget, costs = BUDGET, {a.asset: a.criticality for a in read_assets(table)} if table else {}
        by_asset = split_budget(parse_budget(budget), {name: costs.get(name, "") for name in names})
        often = span(float(np.median(list(by_asset.values()))) / 1e6)
        rate = expected(promised_per_month(by_asset))
        said = [
            f"{each}, more than a team answers.",
            f"{budget} for all of them is {rate} a month: each asset gives a false warning about once in {often}.",
        ]
    longest_s = max(by_asset.values()) / 1e6
    if beyond_record(record_us / 1e6, longest_s):
        unit = DAY if record_us * BEYOND_RECORD >= DAY else UNITS["h"]
        least_us = max(unit, record_us * BEYOND_RECORD // unit * unit)
        rate = expected(promised_per_month(dict.fromkeys(names, least_us)))
        said.append(
            f"{span(longest_s)} are far more than the {span(record_us / 1e6)} that teach: an extrapolation, and hardly "
            f"anything is that rare by it. Until more is known, warning = {format_duration(least_us)!r} is what the "
            f"record can show (about {rate} false ones a month)."
        )
    return budget, said


# ---------------------------------------------------------------- what a person should look at


def _unsure(draft: Draft, read: ReadOptions, known: Known, reading: Reading) -> list[str]:
    """What is guessed, in the order of how much hangs on it."""
    said = []
    if len(reading.assets) > 1 and len(draft.sensors) == 1 and reading.how.asset is None:
        said.append(
            f"assets: each file is an asset with the one sensor '{draft.sensors[0].name}'. If the files are sensors of "
            "one asset, begin anew with --name pump-07; if those of a folder are, with --asset-from folder."
        )
    if read.zone is None and _is_naive(reading):
        said.append("zone: the times carry no offset and are read as UTC. Write the zone of the plant's clocks.")
    if reading.day_or_month:
        said.append("time_format: day and month could be either way round in every date that was read.")
    if draft.until and known.until_us is None:
        said.append(f"until: {_UNTIL_BY_EVENTS if draft.events else _UNTIL_BY_NOTHING}")
    if draft.running != known.running:
        why = draft.running_why.removeprefix("a guess: ").partition(";")[0]
        said.append(f"running: {draft.running!r} is taken from the numbers alone ({why}).")
    elif draft.running is None:
        said.append("running: no sensor shows that the asset is ever off. If it is, say by which sensor one sees it.")
        said += [
            f"running: '{name}' holds words. If one says that the asset runs, write {comparison(name, '==', 'RUN')!r}."
            for name in _status_columns(reading)
        ]
    return said + _unsure_sensors(draft)


def _status_columns(reading: Reading) -> list[str]:
    """Columns that by their names say whether something runs, and are no sensors: they hold words."""
    roles = {reading.how.time, reading.how.asset, reading.how.sensor, reading.how.value, *sensors_of(reading)}
    return [name for name in reading.columns if name not in roles and is_status(name)]


_UNTIL_BY_EVENTS = "a guess. Trouble in the events is left out; what is not told there should come later."
_UNTIL_BY_NOTHING = "nobody said what was normal. It should end before known trouble, or name it in events."


def _unsure_sensors(draft: Draft) -> list[str]:
    said = []
    if draft.holds:
        names = listed(list(draft.holds))
        said.append(f"grid: {names} come seldom, or when they change only; their last value counts on for a while.")
    if draft.context:
        explain, are = ("explain", "are") if len(draft.context) > 1 else ("explains", "is")
        said.append(f"context: {listed(list(draft.context))} {explain} the others and {are} never scored.")
    if draft.maybe_context:
        said.append(f"context, too? {listed(list(draft.maybe_context))}.")
    if draft.exclude:
        said.append(f"exclude: {listed([f'{name} ({why})' for name, why in draft.exclude.items()])}.")
    guessed = [sensor.name for sensor in draft.sensors if sensor.unit and sensor.unit_why]
    if guessed:
        said.append(f"units: those of {listed(guessed)} are guessed from their names, and not used before you say so.")
    return said
