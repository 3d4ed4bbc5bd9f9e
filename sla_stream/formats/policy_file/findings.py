"""What is wrong with a file and where: one line for each problem, in the order of the file."""

from __future__ import annotations

import difflib
import json
import re
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any, Final, Literal, NamedTuple

from sla_stream.errors import ConfigError

Path = tuple[str | int, ...]
"""Where a value stands: keys of mappings and indices of lists, from the top."""

Severity = Literal["error", "warning", "note"]

_PLAIN_KEY: Final = re.compile(r"[A-Za-z_][A-Za-z0-9_-]*", re.ASCII)
_LONGEST_SHOWN: Final = 60


class Mark(NamedTuple):
    """A place in the text; both count from 1, columns in characters."""

    line: int
    column: int


@dataclass(frozen=True, slots=True, order=True)
class Finding:
    """One sentence about one place. `path` is empty where the text itself is broken."""

    line: int
    column: int
    path: str
    text: str
    severity: Severity = "error"

    def render(self, name: str, *, with_severity: bool = False) -> str:
        """`FILE:LINE:COL: [severity: ][path: ]text`."""
        severity = f"{self.severity}: " if with_severity else ""
        path = f"{self.path}: " if self.path else ""
        return f"{name}:{self.line}:{self.column}: {severity}{path}{self.text}"


@dataclass(slots=True)
class Places:
    """Where each key and each value of a document stands."""

    keys: dict[Path, Mark] = field(default_factory=dict)
    values: dict[Path, Mark] = field(default_factory=dict)

    def resolve(self, path: Path) -> Path:
        """The part of `path` that exists in the text; steps that were never written are left out."""
        found: Path = ()
        for step in path:
            if (*found, step) in self.values:
                found = (*found, step)
        return found

    def of(self, path: Path, *, key: bool = False) -> Mark:
        found = self.resolve(path)
        if key and found in self.keys:
            return self.keys[found]
        return self.values.get(found, Mark(1, 1))


@dataclass(slots=True)
class Findings:
    """Collects findings of one file."""

    places: Places = field(default_factory=Places)
    found: set[Finding] = field(default_factory=set)
    unread: set[Path] = field(default_factory=set)
    """Paths whose value could not be read and stands as None; that was reported."""

    def add_at(self, mark: Mark, text: str, path: Path = (), severity: Severity = "error") -> None:
        shown = printable(show_path(path)), printable(text)
        self.found.add(Finding(mark.line, mark.column, *shown, severity))

    def error(self, path: Path, text: str, *, key: bool = False) -> None:
        """`key`: point at the key instead of the value."""
        self._add(path, text, "error", key)

    def warning(self, path: Path, text: str, *, key: bool = False) -> None:
        self._add(path, text, "warning", key)

    def note(self, path: Path, text: str, *, key: bool = False) -> None:
        self._add(path, text, "note", key)

    def _add(self, path: Path, text: str, severity: Severity, key: bool) -> None:
        self.add_at(self.places.of(path, key=key), text, self.places.resolve(path), severity)

    @property
    def sorted(self) -> list[Finding]:
        return sorted(self.found)

    @property
    def errors(self) -> list[Finding]:
        return [finding for finding in self.sorted if finding.severity == "error"]

    def raise_errors(self, name: str) -> None:
        """ConfigError with every error, one a line; nothing if there is none."""
        if errors := self.errors:
            raise ConfigError("\n".join(finding.render(name) for finding in errors))


def show_path(path: Path) -> str:
    """`policies[0].targets.resolution.target["1 - Critical"]`."""
    shown = ""
    for step in path:
        if isinstance(step, int):
            shown += f"[{step}]"
        elif _PLAIN_KEY.fullmatch(step):
            shown += f".{step}" if shown else step
        else:
            shown += f"[{json.dumps(step, ensure_ascii=False)}]"
    return shown


def show(value: Any) -> str:
    """A found value, short enough for a sentence."""
    if value is None:
        return "nothing"
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, (int, float)):
        return f"the number {value}"
    if isinstance(value, str):
        return quote(value)
    return "a list" if isinstance(value, list) else "a mapping"


def quote(text: str) -> str:
    shown = text if len(text) <= _LONGEST_SHOWN else text[:_LONGEST_SHOWN] + "..."
    return f"'{printable(shown)}'"


def printable(text: str) -> str:
    """On one line, and nothing a terminal would obey: names from a file may hold anything."""
    if text.isprintable():
        return text
    return "".join(char if char.isprintable() else repr(char)[1:-1] for char in text)


def did_you_mean(found: str, known: Iterable[str]) -> str:
    """` (did you mean 'x'?)` with the nearest known word, or nothing."""
    by_small = {word.lower(): word for word in known}
    near = difflib.get_close_matches(found.lower(), by_small, n=1, cutoff=0.6)
    return f" (did you mean {by_small[near[0]]!r}?)" if near else ""


def one_of(words: Iterable[str]) -> str:
    """`a, b or c`, for what was expected."""
    *most, last = words
    return f"{', '.join(most)} or {last}" if most else last
