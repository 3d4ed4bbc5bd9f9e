"""Working time: when a schedule is open, how much of it lies between two instants, and when so much is used up."""

from __future__ import annotations

from typing import Final

FAR: Final = 2**62
"""An instant that never comes: the answer when a deadline lies beyond the horizon."""


class Schedule:
    """PLACEHOLDER - being written."""

    name: str

    def used(self, at: int) -> int:
        """Open time in ms between the schedule's fixed zero and `at` (negative before it); non-decreasing."""
        raise NotImplementedError

    def instant(self, used: int) -> int:
        """Earliest instant at which `used` ms of open time are used; FAR beyond the horizon."""
        raise NotImplementedError

    def is_open(self, at: int) -> bool:
        raise NotImplementedError
