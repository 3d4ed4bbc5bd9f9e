"""The engine: an ordered log of ticket events and the passing of time in, SLA events out.

INTERFACE while it is being written; names and meanings hold.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from enum import Enum

import msgspec

from sla_stream.core.events import TicketEvent
from sla_stream.core.policy import PolicySet
from sla_stream.core.sla_events import SlaEvent

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


class TimerState(msgspec.Struct):
    """Contract §3, one (ticket, metric, cycle); instants and durations in ms. Codec renders it."""

    ticket_id: str
    metric: str
    policy: str
    policy_version: str
    schedule: str
    cycle: int
    stage: str
    breached: bool
    breached_at: int | None
    started_at: int
    due_at: int | None
    ended_at: int | None
    target: int
    elapsed: int
    paused: int
    as_of: int
    open_hours: bool


class TicketView(msgspec.Struct):
    """Everything known of one ticket, for the timers topic, the API and `replay --out state`."""

    ticket_id: str
    ticket: dict[str, object]
    cycles: list[TimerState]
    as_of: int


@dataclass(slots=True)
class Engine:
    """One partition's engine: single writer, no clock of its own.

    After `apply` or `advance` the SLA events decided so far wait in `outputs` (in order of decision); the caller
    takes them with `take_outputs()`. `flush()` returns the changed ticket states for the changelog.
    """

    policies: PolicySet
    settings: EngineSettings = field(default_factory=EngineSettings)

    counters: Counters = field(default_factory=Counters)
    log_time: int = 0
    """Highest record timestamp or `advance` seen, ms. Never goes back."""

    def apply(self, event: TicketEvent, recorded_at: int, offset: int) -> Applied:
        """Fire everything due before the record's log time, then apply the event.

        `recorded_at` below `log_time` counts as `log_time`. `offset` becomes evidence.
        """
        raise NotImplementedError

    def advance(self, now: int, limit: int | None = None) -> bool:
        """Fire what is due before `now` (strictly), at most `limit` timers; True if more remains."""
        raise NotImplementedError

    def release_held(self) -> None:
        """Say everything that is still held back by settle_for or hold_for (the end of a replay)."""
        raise NotImplementedError

    def next_due(self) -> int | None:
        """Earliest instant at which `advance(instant + 1)` would do something, or None."""
        raise NotImplementedError

    def take_outputs(self) -> list[SlaEvent]:
        raise NotImplementedError

    def flush(self) -> list[tuple[str, bytes | None]]:
        """(ticket id, packed state) of each ticket touched since the last flush; None: forgotten (tombstone)."""
        raise NotImplementedError

    def meta(self) -> bytes:
        """Small packed record with what is not per ticket (log time, policy digest, version of the stored form)."""
        raise NotImplementedError

    def restore(self, states: Iterable[tuple[str, bytes]], meta: bytes | None) -> None:
        """Take over packed states; timers are derived from them."""
        raise NotImplementedError

    def ticket_ids(self) -> Iterator[str]:
        raise NotImplementedError

    def view(self, ticket_id: str, as_of: int) -> TicketView | None:
        """State of one ticket at `as_of` (>= log_time); None if unknown."""
        raise NotImplementedError

    @property
    def open_timers(self) -> int:
        """Tickets with something to wait for."""
        raise NotImplementedError
