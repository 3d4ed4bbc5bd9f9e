"""What an engine is told about its limits, and what it counts."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum

DAY_MS = 86_400_000


@dataclass(frozen=True, slots=True)
class EngineSettings:
    """Limits of the engine, ms (contract §5 and §6). `retain_closed` None: nothing is ever forgotten."""

    allowed_lateness: int = 7 * DAY_MS
    settle_for: int = 5_000
    hold_for: int = 0
    publish_from: int | None = None
    retain_closed: int | None = 30 * DAY_MS
    max_recent_events: int = 1_000


class Applied(Enum):
    """What became of a ticket event."""

    APPLIED = "applied"
    DUPLICATE = "duplicate"
    CONFLICT = "conflict"
    """The id was seen with other content: the caller sends the record to the dead letters."""
    TOO_LATE = "too_late"
    """The caller sends the record to the late topic."""


@dataclass(slots=True)
class Counters:
    applied: int = 0
    duplicates: int = 0
    conflicts: int = 0
    too_late: int = 0
    late: int = 0
    """Applied, but after something that sorts behind it."""
    folded: int = 0
    unknown_ticket: int = 0
    no_policy: int = 0
    """Tickets' first events that matched no policy."""
