"""Fair shares of the one event loop: partitions work in turns, and none gathers for a transaction for ever."""

from __future__ import annotations

import asyncio
import time
from typing import Final

MAX_WORK: Final = 0.5
"""Seconds of gathering for one transaction at most: an import of old history makes every event expensive."""

TURN: Final = 0.01
"""Seconds of work before the other partitions and the health endpoint get their turn."""


class Turns:
    """Gives way every TURN, and says when it is enough for one transaction."""

    def __init__(self, longest: float = MAX_WORK) -> None:
        """`longest`: seconds of work until it is enough."""
        self._longest = longest
        self._began = self._turn = time.monotonic()

    async def go_on(self) -> bool:
        """False once it is enough."""
        now = time.monotonic()
        if now - self._turn > TURN:
            await asyncio.sleep(0)
            self._turn = time.monotonic()
        return now - self._began < self._longest
