"""How far a long look back has come: one line on a terminal, rewritten a few times a second."""

from __future__ import annotations

import sys
import time
from collections.abc import Iterable, Iterator
from typing import Final, Protocol, TypeVar

Each = TypeVar("Each")

_EVERY: Final = 5_000
_SECONDS: Final = 0.2


class Line(Protocol):
    """What commands report to."""

    def watch(self, log: Iterable[Each]) -> Iterable[Each]: ...

    def say(self, count: int) -> None: ...

    def clear(self) -> None: ...


class Progress:
    """`label` says what is being worked out, where it is not plain."""

    def __init__(self, label: str = "") -> None:
        self._label = f"{label}: " if label else ""
        self._start = time.monotonic()
        self._shown = 0.0
        self._read = 0
        self._said = 0

    def watch(self, log: Iterable[Each]) -> Iterator[Each]:
        """Pass the log through, counting."""
        for self._read, record in enumerate(log, 1):
            if self._read % _EVERY == 0:
                self._show()
            yield record

    def say(self, count: int) -> None:
        """So many SLA events more."""
        self._said += count
        self._show()

    def clear(self) -> None:
        """Take the line away."""
        sys.stderr.write("\r\x1b[K")
        sys.stderr.flush()

    def _show(self) -> None:
        now = time.monotonic()
        if now - self._shown >= _SECONDS:
            self._shown = now
            line = f"{self._label}{self._read:,} events read, {self._said:,} SLA events, {now - self._start:.0f} s"
            sys.stderr.write(f"\r\x1b[K{line}")
            sys.stderr.flush()


class Silence:
    """Where there is no terminal."""

    def watch(self, log: Iterable[Each]) -> Iterable[Each]:
        """The log as it is."""
        return log

    def say(self, count: int) -> None:
        """Nothing."""

    def clear(self) -> None:
        """Nothing."""


def progress(label: str = "") -> Line:
    """A line if standard error is a terminal."""
    return Progress(label) if sys.stderr.isatty() else Silence()
