"""Is the worker alive, is it ready, and if not, why."""

from __future__ import annotations

import time
from typing import Final, Protocol

from sla_stream.worker.assignment import Assignment

MAX_SKEW_S: Final = 5.0
"""Clock difference to the broker beyond which a worker is not ready."""

MAX_SILENCE_S: Final = 15.0
"""Seconds without an answer of the broker, which is asked every 10, after which a worker is not ready."""

STALL_S: Final = 30.0
"""Seconds without a round of the fetch loop after which a worker counts as dead."""


class Heart(Protocol):
    """What beats."""

    last_beat: float
    stopping: bool


class Skewed(Protocol):
    """A clock that knows how far this machine's is off."""

    @property
    def skew_ms(self) -> int | None:
        """Local clock minus the broker's."""

    @property
    def silent_s(self) -> float:
        """Seconds since the broker last answered."""


class Readiness:
    """The reasons behind /livez and /readyz. Without a `clock` (a virtual one) skew is no reason."""

    def __init__(self, heart: Heart, assignment: Assignment, clock: Skewed | None = None) -> None:
        self._heart = heart
        self._assignment = assignment
        self._born = time.monotonic()
        self._clock = clock

    @property
    def skew_s(self) -> float | None:
        skew = self._clock.skew_ms if self._clock is not None else None
        return None if skew is None else skew / 1000

    def not_live(self) -> list[str]:
        silent = time.monotonic() - max(self._heart.last_beat, self._born)
        if silent > STALL_S:
            return [f"the fetch loop has not gone round for {silent:.0f} s"]
        return []

    def not_ready(self) -> list[str]:
        reasons = [f"it is not live: {reason}" for reason in self.not_live()]
        if self._heart.stopping:
            reasons.append("it is stopping")
        if not self._assignment.assigned_once:
            reasons.append("the group has not assigned partitions yet")
        for one in self._assignment.partitions.values():
            if one.paused is not None:
                reasons.append(one.paused)
            elif not one.ready:
                reasons.append(f"partition {one.number} is recovering")
        if self._clock is not None and self._clock.silent_s > MAX_SILENCE_S:
            reasons.append(f"the broker has not answered for {self._clock.silent_s:.0f} s")
        skew = self.skew_s
        if skew is not None and abs(skew) > MAX_SKEW_S:
            reasons.append(f"the local clock is {skew:+.1f} s off the broker's")
        return reasons
