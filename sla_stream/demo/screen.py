"""What the reader sees: lines as they come, and one line that tells how far things are."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable
from types import TracebackType
from typing import TYPE_CHECKING, Final, Protocol

from sla_stream.demo.line import STYLES, Line

if TYPE_CHECKING:
    from rich.console import Console

LINES_A_SECOND: Final = 15
"""More than that nobody reads; on a terminal the rest is counted instead."""

PROGRESS_EVERY_S: Final = 5.0


class Screen(Protocol):
    """Where the demo talks to. Used as a context manager."""

    def __enter__(self) -> Screen: ...

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None: ...

    def say(self, text: str) -> None:
        """A sentence about what is going on."""

    def event(self, line: Line) -> None:
        """An SLA event."""

    def progress(self, text: str) -> None:
        """How far things are; replaces what it said before."""


class PlainScreen:
    """For files and pipes: every SLA event on standard output, the rest on standard error."""

    def __init__(self, seconds: Callable[[], float] = time.monotonic) -> None:
        self._seconds = seconds
        self._told = -PROGRESS_EVERY_S

    def __enter__(self) -> PlainScreen:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        sys.stdout.flush()

    def say(self, text: str) -> None:
        print(text, file=sys.stderr, flush=True)

    def event(self, line: Line) -> None:
        print(line.text, flush=True)

    def progress(self, text: str) -> None:
        now = self._seconds()
        if now - self._told >= PROGRESS_EVERY_S:
            self._told = now
            print(text, file=sys.stderr, flush=True)


class TerminalScreen:
    """Colours, the progress line at the bottom, and no more lines a second than a person can follow."""

    def __init__(self, console: Console | None = None) -> None:
        from rich.console import Console
        from rich.live import Live
        from rich.text import Text

        self._text = Text
        self._console = console or Console(highlight=False)
        self._live = Live(console=self._console, refresh_per_second=8, transient=True)
        self._allowance = Allowance(LINES_A_SECOND)
        self._left_out = 0

    def __enter__(self) -> TerminalScreen:
        self._live.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._live.stop()

    def say(self, text: str) -> None:
        self._console.print(self._text(text))

    def event(self, line: Line) -> None:
        if self._allowance.take(important=line.kind != "outcome"):
            text = self._text(line.text, style=STYLES[line.style])
            self._console.print(text, no_wrap=True, overflow="ellipsis", crop=True)
        else:
            self._left_out += 1

    def progress(self, text: str) -> None:
        left_out = f" · {self._left_out:,} lines not shown" if self._left_out else ""
        self._live.update(self._text(text + left_out, style="reverse", no_wrap=True, overflow="ellipsis"))


class Allowance:
    """So many a second; the last third only for what matters."""

    def __init__(self, per_second: int, seconds: Callable[[], float] = time.monotonic) -> None:
        self._per_second = per_second
        self._seconds = seconds
        self._left = float(per_second)
        self._at = seconds()

    def take(self, *, important: bool) -> bool:
        """True if one more may be shown now."""
        now = self._seconds()
        self._left = min(self._per_second, self._left + (now - self._at) * self._per_second)
        self._at = now
        if self._left < (1 if important else 1 + self._per_second / 3):
            return False
        self._left -= 1
        return True


def make_screen() -> Screen:
    """The one that fits standard output."""
    return TerminalScreen() if sys.stdout.isatty() else PlainScreen()
