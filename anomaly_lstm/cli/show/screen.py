"""Where a verb speaks: sentences, tables and progress to people, documents to programs."""

from __future__ import annotations

import codecs
import json
import os
import shlex
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rich.console import Console
from rich.progress import BarColumn, Progress, TaskID, TextColumn, TimeRemainingColumn
from rich.table import Table
from rich.text import Text

from anomaly_lstm.words import brief, clean

if TYPE_CHECKING:  # these load NumPy and Arrow, which --help must not
    from anomaly_lstm.pipeline.ingesting import Progress as Progressed
    from anomaly_lstm.training import Stage

AT_MOST = 20
"""Rows of a table, and sentences of a kind, that a terminal gets; the files have all of them."""

PLAIN = str.maketrans(dict(zip("●◆■△▁▂▃▄▅▆▇█▒░…–−×·", "o*#^_.:-+xX#=~~--x.", strict=True)))
"""What stands for our own signs where a stream cannot write them."""


@dataclass(frozen=True)
class Screen:
    """Where a verb speaks: to people on ``console``, to programs where ``json`` is asked for."""

    console: Console
    json: bool = False


def screen(*, json: bool = False, quiet: bool = False) -> Screen:
    """The screen of one command. Colours obey ``NO_COLOR``."""
    return Screen(Console(stderr=True, markup=False, highlight=False, emoji=False, quiet=quiet), json)


def say(screen: Screen, text: str | Text, style: str = "") -> None:
    """Say one sentence to people; where nobody watches (a log) it stays on one line. Nothing to say is no line."""
    if text:
        shown = _writable(screen.console, text)
        shown.stylize_before(style)
        screen.console.print(shown, soft_wrap=not screen.console.is_terminal)


def _writable(console: Console, text: str | Text) -> Text:
    """A text as data has it, of which nothing is obeyed, or one of ours, in letters that the stream can write."""
    shown = Text(clean(text)) if isinstance(text, str) else text.copy()
    try:
        "".join(map(chr, PLAIN)).encode(console.encoding)
    except (UnicodeEncodeError, LookupError):
        plain = shown.plain.translate(PLAIN)  # letter by letter, so the styles stay where they are
        shown.plain = plain.encode(_encoding(console), "backslashreplace").decode(_encoding(console))
    return shown


def _encoding(console: Console) -> str:
    try:
        return codecs.lookup(console.encoding).name
    except LookupError:
        return "ascii"


def error(text: str) -> None:
    """Say on standard error why a command ends."""
    lines = "\n".join(map(clean, text.split("\n")))
    Console(stderr=True, highlight=False).print(
        Text.assemble(("Error:", "bold red"), " ", lines), soft_wrap=not sys.stderr.isatty()
    )


def warn(text: str) -> None:
    """Say on standard error what must not go unheard, though nobody may watch."""
    Console(stderr=True, highlight=False).print(
        Text.assemble(("Warning:", "bold yellow"), " ", clean(text)), soft_wrap=not sys.stderr.isatty()
    )


def interrupted() -> None:
    """Say on standard error that a person ended the command."""
    print("Interrupted: nothing was written half.", file=sys.stderr)


def document(screen: Screen, command: str, content: Mapping[str, Any]) -> None:
    """Print one JSON document to standard output, if it is asked for; a reader that has gone away is no error."""
    if not screen.json:
        return
    try:
        print(json.dumps({"command": command, **content}, indent=1, ensure_ascii=False, default=_plain), flush=True)
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())  # or the interpreter complains as it ends


def _plain(value: Any) -> Any:
    """What JSON does not know: paths, and scalars of NumPy."""
    return str(value) if isinstance(value, Path) else value.item()


def command(*words: str | Path) -> str:
    """A command line that can be copied."""
    return shlex.join(["anomaly-lstm", *map(str, words)])


def next_step(screen: Screen, text: str) -> None:
    say(screen, f"Next: {text}", style="bold")


NAMES = frozenset({"asset", "sensor", "led by", "about"})
"""Columns that hold names from data."""

FOLDED = 12
"""Letters that a column wants at least which may be folded."""


def _cell(console: Console, text: str | Text, *, is_name: bool) -> Text:
    """A cell in letters that the stream can write, a name in few of them."""
    shown = _writable(console, text)
    return _writable(console, brief(shown.plain)) if is_name and isinstance(text, str) else shown


def table(
    screen: Screen,
    columns: Sequence[str],
    rows: Sequence[Sequence[str | Text]],
    numbers: Sequence[str] = (),
    whole: Sequence[str] = (),
    most: int = AT_MOST,
    spare: Sequence[str] = (),
) -> None:
    """A table without lines; columns in ``numbers`` are set to the right, those in ``whole`` are never folded. Those in
    ``spare`` go, the first of them first, where a terminal is too narrow for all. Long names lose their middle.
    """
    out = Table(box=None, padding=(0, 2, 0, 0), header_style="bold", pad_edge=False)
    shown = [
        [_cell(screen.console, cell, is_name=name in NAMES) for name, cell in zip(columns, row, strict=True)]
        for row in rows[:most]
    ]
    widths = {
        name: max(len(name), *(cell.cell_len for cell in cells)) if name in whole else max(len(name), FOLDED)
        for name, *cells in zip(columns, *shown, strict=True)
    }
    left = dict.fromkeys(columns)
    for name in spare:
        if sum(widths[kept] + 2 for kept in left) - 2 > screen.console.width:
            del left[name]
    for name in left:
        out.add_column(name, justify="right" if name in numbers else "left", overflow="fold", no_wrap=name in whole)
    for row_shown in shown:
        out.add_row(*(cell for name, cell in zip(columns, row_shown, strict=True) if name in left))
    screen.console.print(out)
    if len(rows) > most:
        say(screen, f"… and {len(rows) - most:,} more.")


PATIENCE_S = 20.0
"""A step of training that took so long makes it worth a line what comes next."""
MANY_SENSORS = 500


@contextmanager
def learning(screen: Screen) -> Iterator[Callable[[Stage], None]]:
    """A bar over all stages of a training, with the loss and the remaining time; where nobody watches, a line whenever
    one of them took longer than `PATIENCE_S`. Many sensors are told beforehand.
    """
    columns = (
        TextColumn("{task.description}"),
        BarColumn(20),
        TextColumn("{task.fields[loss]}"),
        TimeRemainingColumn(),
    )
    with _bar(screen, *columns) as bar:
        task = bar.add_task("reading the data", total=None, loss="")
        begun = time.monotonic()
        many = False

        def told(stage: Stage) -> None:
            nonlocal begun, many
            if stage.sensors >= MANY_SENSORS and not many:
                many = True
                say(
                    screen,
                    f"{stage.sensors:,} sensors are scored together: training takes memory by the square and time by "
                    "the cube of their number, minutes from 1,000 on. Name those that matter with --sensors, or "
                    "include in [sensors].",
                )
            progress = stage.progress
            done = stage.number - 1 + (progress.step / progress.of if progress.of else 1.0)
            loss = f"loss {progress.loss:.3g}" if progress.of else ""
            words = f"learning {stage.name}{f' {stage.number}/{stage.of}' if stage.of else ''}"
            if bar.disable and time.monotonic() - begun > PATIENCE_S:
                say(screen, f"{words} …")
            begun = time.monotonic()
            bar.update(task, description=words, loss=loss)
            if stage.of:
                bar.update(task, total=stage.of, completed=done)

        yield told


@contextmanager
def ingesting(screen: Screen) -> Iterator[Callable[[Progressed], None]]:
    """A bar over what is read, then over what is put on the grid: rows so far, rows per second, time left."""
    columns = (
        TextColumn("{task.description}"),
        BarColumn(20),
        TextColumn("{task.fields[rows]:,} rows, {task.fields[rate]:,}/s"),
        TimeRemainingColumn(),
    )
    with _bar(screen, *columns) as bar:
        tasks: dict[str, TaskID] = {}
        begun: dict[str, float] = {}

        def told(now: Progressed) -> None:
            if now.stage not in tasks:
                tasks[now.stage] = bar.add_task(now.stage, total=1.0, rows=0, rate=0)
                begun[now.stage] = time.monotonic()
            rate = int(now.rows / max(1e-3, time.monotonic() - begun[now.stage]))
            bar.update(tasks[now.stage], completed=now.done, rows=now.rows, rate=rate)

        yield told


@contextmanager
def scoring(screen: Screen) -> Iterator[Callable[[int], None]]:
    """A pulsing bar with the rows scored so far; how many will come is not known before they are read."""
    with _bar(screen, TextColumn("scoring"), BarColumn(20), TextColumn("{task.fields[rows]:,} rows")) as bar:
        task = bar.add_task("scoring", total=None, rows=0)

        def told(rows: int) -> None:
            bar.update(task, rows=bar.tasks[0].fields["rows"] + rows)

        yield told


@contextmanager
def forecasting(screen: Screen) -> Iterator[Callable[[int, int], None]]:
    """A bar over the assets that are forecast."""
    with _bar(screen, TextColumn("forecasting"), BarColumn(20), TimeRemainingColumn()) as bar:
        task = bar.add_task("forecasting", total=None)

        def told(done: int, of: int) -> None:
            bar.update(task, completed=done, total=of)

        yield told


def _bar(screen: Screen, *columns: TextColumn | BarColumn | TimeRemainingColumn) -> Progress:
    silent = screen.console.quiet or not screen.console.is_terminal
    return Progress(*columns, console=screen.console, transient=True, disable=silent)
