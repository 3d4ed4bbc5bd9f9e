"""Records that cannot be applied: what is added to them, and when a partition has had too many."""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence
from typing import Final

from sla_stream.errors import Reason

Headers = Sequence[tuple[str, bytes]]

WINDOW: Final = 1_000
"""The records over which the share of dead letters is taken (contract rule 17)."""

MAX_DETAIL: Final = 2_000
"""Characters of explanation kept; the record itself is kept whole."""


def with_reason(
    headers: Headers, reason: Reason, detail: str, topic: str, partition: int, offset: int
) -> list[tuple[str, bytes]]:
    """The record's own headers, unchanged, and where it came from and why it is here."""
    return [
        *headers,
        ("sla-reason", reason.encode()),
        ("sla-detail", detail[:MAX_DETAIL].encode("utf-8", "replace")),
        ("sla-topic", topic.encode()),
        ("sla-partition", b"%d" % partition),
        ("sla-offset", b"%d" % offset),
    ]


class PoisonLimit:
    """Stops a partition that reads nothing but rubbish: `in_a_row`, or half of the last WINDOW. 0: no limit."""

    def __init__(self, in_a_row: int) -> None:
        self._limit = in_a_row
        self._streak = 0
        self._recent: deque[bool] = deque(maxlen=WINDOW)
        self._bad = 0

    def good(self, count: int = 1) -> None:
        """So many records in a row were well; none changes nothing."""
        if count:
            self._streak = 0
        recent = self._recent
        for _ in range(min(count, WINDOW)):
            if len(recent) == WINDOW:
                self._bad -= recent[0]
            recent.append(False)

    def bad(self) -> None:
        self._streak += 1
        self._note(True)

    @property
    def exceeded(self) -> str | None:
        """Why the partition must stop, or None."""
        if not self._limit:
            return None
        if self._streak >= self._limit:
            return f"{self._streak} dead letters in a row"
        if len(self._recent) == WINDOW and self._bad * 2 >= WINDOW:
            return f"{self._bad} of the last {WINDOW} records are dead letters"
        return None

    def _note(self, bad: bool) -> None:
        if len(self._recent) == WINDOW:
            self._bad -= self._recent[0]
        self._recent.append(bad)
        self._bad += bad
