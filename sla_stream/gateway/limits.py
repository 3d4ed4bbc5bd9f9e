"""How much at once: requests in a second, and bytes in memory."""

from __future__ import annotations

from typing import Final

_ROUNDING: Final = 1e-9


class Rate:
    """A token bucket: `per_second` on average, as many at once as came together in a second of silence."""

    def __init__(self, per_second: float) -> None:
        self._per_second = per_second
        self._most = max(1.0, per_second)
        self._tokens = self._most
        self._at: float | None = None

    def wait(self, now: float) -> float:
        """Takes one and returns 0, or takes none and returns the seconds until there is one."""
        if self._at is not None:
            self._tokens = min(self._most, self._tokens + max(0.0, now - self._at) * self._per_second)
        self._at = now
        if self._tokens > 1 - _ROUNDING:
            self._tokens -= 1
            return 0.0
        return (1 - self._tokens) / self._per_second


class Room:
    """Bytes that may be held at once."""

    def __init__(self, size: int) -> None:
        self.size = size
        self.used = 0

    def take(self, size: int) -> bool:
        """False, and nothing taken, when there is no room. An empty room takes anything."""
        if self.used and self.used + size > self.size:
            return False
        self.used += size
        return True

    def give_back(self, size: int) -> None:
        """What was taken."""
        self.used -= size
