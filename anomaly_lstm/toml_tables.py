"""A TOML file read key by key: every mistake is kept, with its key path, what came, what is needed, and the nearest
name that would do.
"""

from __future__ import annotations

import datetime
import difflib
import os
import re
import tomllib
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar

from anomaly_lstm.clock import parse_duration, parse_time
from anomaly_lstm.errors import ConfigError, UsageError

T = TypeVar("T")

DURATION = 'a duration such as "5min", "36h" or "90d"'
TIME = 'a time such as "2026-03-01" or "2026-03-01T06:00:00Z"'


def load(path: Path) -> dict[str, Any]:
    try:
        return tomllib.loads(path.read_text(encoding="utf-8"))
    except OSError as problem:
        raise ConfigError(
            f"{path} cannot be read: {problem.strerror}. Check the name of the pipeline file."
        ) from problem
    except UnicodeDecodeError as problem:
        raise ConfigError(
            f"{path} is not UTF-8 text (byte {problem.start}). Save the pipeline file as UTF-8."
        ) from problem
    except tomllib.TOMLDecodeError as problem:
        raise ConfigError(
            f"{path} is not TOML: {problem}. Text stands in quotes, lists in brackets, one key = value per line."
        ) from problem


@dataclass
class Table:
    """One table of the file while it is read: what was asked for, and the mistakes so far (shared by all tables)."""

    where: str
    content: Mapping[str, Any]
    folder: Path
    mistakes: list[str]
    asked: dict[str, None] = field(default_factory=dict)

    def take(self, key: str) -> Any:
        """The raw value, or None; remembers that the key exists."""
        self.asked[key] = None
        return self.content.get(key)

    def path_of(self, key: str) -> str:
        quoted = key if re.fullmatch(r"[A-Za-z0-9_-]+", key) else f'"{key}"'
        return f"{self.where}.{quoted}" if self.where else quoted

    def wrong(self, key: str, text: str) -> None:
        """Note a mistake in the value of a key."""
        self.mistakes.append(f"{self.path_of(key)} = {shown(self.content.get(key))}: {text}")

    def missing(self, key: str, text: str) -> None:
        """Note that a key is absent which must be there."""
        self.mistakes.append(f"{self.path_of(key)} is missing: {text}")

    def close(self) -> None:
        """Note every key that nobody asked for, with the nearest of those that exist."""
        for key in self.content:
            if key not in self.asked:
                what = "table" if isinstance(self.content[key], dict) else "key"
                place = f"in [{self.where}]" if self.where else "in a pipeline file"
                there = f"there is no such {what} {place}.{nearest(key, self.asked)}"
                self.mistakes.append(f"{self.path_of(key)} = {shown(self.content[key])}: {there}")

    def parsed(self, key: str, parse: Callable[[str], T], need: str, *, why: bool = False) -> T | None:
        """A text value read by ``parse``; with ``why`` the parser's own words are told, else only what is needed."""
        value = self.take(key)
        if value is None:
            return None
        if isinstance(value, datetime.date | datetime.datetime):
            value = value.isoformat()  # TOML has dates of its own, without quotes
        if not isinstance(value, str):
            self.wrong(key, f"expected {need}.")
            return None
        try:
            return parse(value)
        except UsageError as problem:
            self.wrong(key, str(problem) if why else f"expected {need}.")
            return None

    def text(self, key: str, need: str = "text in quotes") -> str | None:
        value = self.take(key)
        if value is None or (isinstance(value, str) and value):
            return value
        self.wrong(key, f"expected {need}.")
        return None

    def texts(self, key: str) -> tuple[str, ...] | None:
        """A list of texts; a single text counts as a list of one."""
        value = self.take(key)
        if value is None:
            return None
        several = [value] if isinstance(value, str) else value
        if isinstance(several, list) and all(isinstance(item, str) and item for item in several):
            return tuple(several)
        self.wrong(key, 'expected a list of texts such as ["a", "b"].')
        return None

    def choice(self, key: str, names: Sequence[str]) -> str | None:
        value = self.take(key)
        if value is None or value in names:
            return value  # type: ignore[no-any-return]  # one of names
        hint = nearest(value, names) if isinstance(value, str) else ""
        self.wrong(key, f"expected one of {', '.join(names)}." + (hint if "Did you mean" in hint else ""))
        return None

    def whole(self, key: str, least: int) -> int | None:
        value = self.take(key)
        if value is None or (isinstance(value, int) and not isinstance(value, bool) and value >= least):
            return value
        self.wrong(key, f"expected a whole number of at least {least}.")
        return None

    def number(self, key: str, least: float | None = None) -> float | None:
        value = self.take(key)
        if value is None:
            return None
        fits = isinstance(value, int | float) and not isinstance(value, bool) and abs(value) < float("inf")
        if fits and (least is None or value >= least):
            return float(value)
        self.wrong(key, "expected a number" + ("." if least is None else f" of at least {least:g}."))
        return None

    def file(self, key: str) -> Path | None:
        """A path that counts from the pipeline file's folder."""
        value = self.text(key, "a path in quotes")
        return None if value is None else beside(self.folder, value)

    def existing(self, key: str) -> Path | None:
        """A file that must be there already."""
        path = self.file(key)
        if path is not None and not path.exists():
            self.wrong(key, f"there is no file {path}; a relative path counts from the pipeline file's folder.")
        elif path is not None and path.is_dir():
            self.wrong(key, f"{path} is a folder; a file is needed here.")
        return path

    def inner(self, key: str) -> Table:
        """A table inside, empty where there is none."""
        value = self.take(key)
        if value is not None and not isinstance(value, dict):
            self.wrong(key, f"expected a table [{self.path_of(key)}].")
        content = value if isinstance(value, dict) else {}
        return Table(self.path_of(key), content, self.folder, self.mistakes)

    def inner_tables(self, key: str) -> list[Table]:
        """The tables ``[[key]]``; in mistakes the first of them is ``key[1]``."""
        value = self.take(key)
        if value is not None and not (isinstance(value, list) and all(isinstance(item, dict) for item in value)):
            self.wrong(key, f"expected one table [[{key}]] or several.")
            return []
        return [
            Table(f"{self.path_of(key)}[{place}]", item, self.folder, self.mistakes)
            for place, item in enumerate(value or (), 1)
        ]

    def entries(self) -> Iterator[str]:
        """The keys of a table whose keys the user chooses."""
        for key in self.content:
            self.asked[key] = None
            yield key

    def duration(self, key: str, least: int = 0) -> int | None:
        us = self.parsed(key, parse_duration, DURATION)
        if us is not None and us < least:
            self.wrong(key, f"expected {DURATION}, longer than nothing.")
            return None
        return us

    def moment(self, key: str, zone: str | None) -> int | None:
        return self.parsed(key, lambda text: parse_time(text, zone), TIME)

    def choices(self, key: str, names: Sequence[str]) -> tuple[str, ...]:
        found = self.texts(key) or ()
        for name in found:
            if name not in names:
                self.wrong(key, f"there is no {name!r}.{nearest(name, names)}")
        return found


def nearest(name: str, known: Iterable[str]) -> str:
    """ " Did you mean …?", or what there is."""
    known = list(known)
    folded = {other.casefold(): other for other in known}
    near = difflib.get_close_matches(name.casefold(), folded, n=1, cutoff=0.6)
    return f" Did you mean {folded[near[0]]!r}?" if near else f" There are: {', '.join(known)}."


def shown(value: Any) -> str:
    """A value as it stands in the file, shortened."""
    if isinstance(value, str):
        text = f'"{value}"'
    elif isinstance(value, bool):
        text = str(value).lower()
    elif isinstance(value, dict):
        text = "{ " + ", ".join(value) + " }"
    elif isinstance(value, list):
        text = "[" + ", ".join(map(shown, value)) + "]"
    else:
        text = str(value)
    return text if len(text) <= 60 else text[:59] + "…"


def beside(folder: Path, text: str) -> Path:
    """A path that counts from ``folder``, without needless dots unless a symbolic link gives them a meaning."""
    path = folder / Path(text).expanduser()
    tidy = Path(os.path.normpath(path))
    return tidy if tidy.resolve() == path.resolve() else path
