"""When each ticket of a partition is to be looked at again: at its next deadline or alarm, and to be forgotten."""

from __future__ import annotations

from sla_stream.core import past
from sla_stream.core.engine_settings import EngineSettings
from sla_stream.core.schedule import FAR
from sla_stream.core.ticket import Head, Ticket
from sla_stream.core.timers import Entry, TimerIndex


class Agenda:
    """Two timer indexes. A ticket says itself (`armed`, `forgets`) which entry in each is the live one.

    `earliest`: the first instant in either, stale ones included; FAR: there is none. Asked at every event.
    """

    __slots__ = ("_forgets", "_settings", "_timers", "earliest", "follows")

    def __init__(self, settings: EngineSettings) -> None:
        self._settings = settings
        self._timers = TimerIndex()
        self._forgets = TimerIndex()
        self.earliest = FAR
        self.follows = False
        """One ticket is followed on its own: it is entered when that is over."""

    def __len__(self) -> int:
        """Tickets with a deadline or an alarm to wait for (some of them may have got ahead of it meanwhile)."""
        return len(self._timers)

    def tickets(self) -> set[str]:
        """Every ticket with a deadline or an alarm to wait for, and some others."""
        return self._timers.tickets()

    def arm(self, ticket: Ticket, at: int) -> None:
        """Have the ticket looked at when something of it is due (at `at`), and when it may be forgotten."""
        if at < ticket.armed:
            ticket.armed = at
            if not self.follows:
                self._push(self._timers, at, ticket.ticket_id)
        if self._settings.retain_closed is not None:
            forget = past.forget_at(ticket, self._settings)
            if forget < ticket.forgets:
                ticket.forgets = forget
                self._push(self._forgets, forget, ticket.ticket_id)

    def enter(self, ticket: Ticket, before: int) -> None:
        """Take up a ticket that was followed on its own and was armed for `before` when that began."""
        if ticket.armed < FAR and ticket.armed != before:
            self._push(self._timers, ticket.armed, ticket.ticket_id)

    def restore(self, ticket_id: str, head: Head) -> None:
        """Take over the entries that a stored ticket says it has."""
        if head.armed < FAR:
            self._push(self._timers, head.armed, ticket_id)
        if head.forgets < FAR:
            self._push(self._forgets, head.forgets, ticket_id)

    def pop_timer(self, now: int) -> Entry | None:
        """Take the earliest deadline or alarm that lies strictly before `now`."""
        return self._pop(self._timers, now)

    def pop_forget(self, now: int) -> Entry | None:
        """Take the earliest ticket whose time to be forgotten lies strictly before `now`."""
        return self._pop(self._forgets, now)

    def _push(self, index: TimerIndex, at: int, ticket_id: str) -> None:
        index.push(at, ticket_id)
        if at < self.earliest:
            self.earliest = at

    def _pop(self, index: TimerIndex, now: int) -> Entry | None:
        entry = index.pop_before(now)
        if entry is not None:
            self.earliest = min(self._timers.earliest, self._forgets.earliest)
        return entry
