"""The progress line: how many events, how fast, how far behind, what time it is in the history."""

from __future__ import annotations

import time
from collections import Counter, deque
from collections.abc import Callable
from typing import Final

from sla_stream.demo.gauges import Gauges
from sla_stream.demo.line import short_instant
from sla_stream.formats.instants import format_instant

WINDOW_S: Final = 5.0

COUNTED: Final = {
    "warning": "warned",
    "breach": "breached",
    "escalation": "escalated",
    "outcome": "ended",
    "retraction": "withdrawn",
}
"""The kinds of SLA events, and the words that count them in any number."""


class Progress:
    """Counts what was said and measures the rate over the last few seconds."""

    def __init__(self, seconds: Callable[[], float] = time.monotonic) -> None:
        self.said: Counter[str] = Counter()
        self._seconds = seconds
        self._seen: deque[tuple[float, int]] = deque()

    def text(self, gauges: Gauges, appended: int, now: int) -> str:
        """`gauges` as the worker has them now, `appended` events in the topic, `now` in ms on the demo's clock."""
        rate = self._rate(gauges.events)
        parts = [
            short_instant(format_instant(now)),
            f"{gauges.events:,} events",
            f"{rate:,.0f}/s",
            f"lag {max(0, appended - gauges.events):,}",
            f"{gauges.open_timers:,} timers open",
            *(f"{self.said[kind]:,} {word}" for kind, word in COUNTED.items()),
        ]
        return " · ".join(parts)

    def _rate(self, events: int) -> float:
        now = self._seconds()
        self._seen.append((now, events))
        while now - self._seen[0][0] > WINDOW_S:
            self._seen.popleft()
        since, before = self._seen[0]
        return (events - before) / (now - since) if now > since else 0.0
