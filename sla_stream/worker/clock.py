"""What time it is, as a component that is handed in.

The worker asks a `Clock` and nothing else. Live it is the broker's time (kafka.broker_time); a demo or a test that
replays history brings a `SharedClock`, whose instant another process moves.
"""

from __future__ import annotations

import mmap
import os
import struct
import time
from pathlib import Path
from typing import Final, Protocol, runtime_checkable

_INSTANT: Final = struct.Struct("<q")

POLL_VIRTUAL: Final = 0.02
"""Seconds between two looks at a virtual clock, which nobody can sleep on."""


@runtime_checkable
class Clock(Protocol):
    """An instant that never goes back."""

    virtual: bool
    """True when sleeping until a deadline makes no sense, because time jumps."""

    def now(self) -> int:
        """Milliseconds since 1970-01-01T00:00:00Z."""
        ...


class SystemClock:
    """This machine's clock."""

    virtual = False

    def now(self) -> int:
        return time.time_ns() // 1_000_000


class SharedClock:
    """A virtual instant in a small file that one process moves and others read.

    >>> clock = SharedClock.create(path, start_ms)   # the feeder
    >>> clock.set(start_ms + 1000)
    >>> SharedClock(path).now()                      # a worker in another process
    """

    virtual = True

    def __init__(self, path: str | os.PathLike[str], *, writable: bool = False) -> None:
        """Open an existing clock file. OSError when there is none, ValueError when it is no clock."""
        self.path = Path(path)
        with self.path.open("r+b" if writable else "rb") as file:
            access = mmap.ACCESS_WRITE if writable else mmap.ACCESS_READ
            if self.path.stat().st_size != _INSTANT.size:
                raise ValueError(f"{path}: not a clock file")
            self._memory = mmap.mmap(file.fileno(), _INSTANT.size, access=access)

    @classmethod
    def create(cls, path: str | os.PathLike[str], start: int) -> SharedClock:
        """Make the file at `start` (ms) and open it for moving."""
        Path(path).write_bytes(_INSTANT.pack(start))
        return cls(path, writable=True)

    def now(self) -> int:
        instant: int = _INSTANT.unpack(self._memory[: _INSTANT.size])[0]
        return instant

    def set(self, instant: int) -> None:
        """Move the clock forward. Going back is a bug of the caller."""
        assert instant >= self.now(), "a clock never goes back"
        self._memory[: _INSTANT.size] = _INSTANT.pack(instant)

    def close(self) -> None:
        self._memory.close()
