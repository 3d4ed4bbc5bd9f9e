"""What an engine holds: how it is stored and restored, and how it is looked at from outside."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

import msgspec

from sla_stream.core import past
from sla_stream.core import ticket as stored
from sla_stream.core.agenda import Agenda
from sla_stream.core.engine_settings import Counters, EngineSettings
from sla_stream.core.folders import Folders
from sla_stream.core.meta import Meta, log_time_of
from sla_stream.core.policy import PolicySet
from sla_stream.core.schedule import FAR
from sla_stream.core.store import TicketStore
from sla_stream.core.ticket import FORM, NEVER
from sla_stream.core.timeline import Timeline
from sla_stream.core.views import TicketView, view_ticket
from sla_stream.core.voice import Voice


class EngineState:
    """The tickets of one partition, the policies they are under, and when to look at each again."""

    __slots__ = (
        "_agenda", "_folders", "_history", "_outdated", "_settings", "_tickets", "_voice", "counters",
        "log_time", "timeline", "unjudged",
    )  # fmt: skip

    def __init__(
        self,
        policies: PolicySet | Sequence[tuple[int, PolicySet]],
        settings: EngineSettings | None = None,
    ) -> None:
        self._settings = settings or EngineSettings()
        sets = [(NEVER, policies)] if isinstance(policies, PolicySet) else policies
        self.timeline = Timeline(sets, self._settings.allowed_lateness)
        self.counters = Counters()
        self.log_time = 0
        self.unjudged: dict[str, Exception] = {}
        self._folders = Folders(self.timeline)
        self._history = past.History()
        self._outdated: list[str] = []
        self._agenda = Agenda(self._settings)
        self._voice = Voice(self._settings.settle_for, self._settings.hold_for, self._settings.publish_from)
        self._tickets = TicketStore()

    @property
    def open_timers(self) -> int:
        """Tickets with a deadline or an alarm to wait for (some of them may have got ahead of it meanwhile)."""
        return len(self._agenda)

    def next_timer(self) -> int | None:
        """Earliest instant (ms) after which `fire` has something to look at, or None."""
        due = self._agenda.earliest
        return due if due < FAR else None

    def flush(self) -> list[tuple[str, bytes | None]]:
        """(ticket id, packed state) of each ticket changed since the last flush; None: forgotten (tombstone)."""
        return self._tickets.flush()

    def states(self) -> list[tuple[str, bytes]]:
        """Every packed state, as of the last flush."""
        return self._tickets.packed()

    def meta(self) -> bytes:
        """Small packed record with what is not per ticket."""
        return msgspec.msgpack.encode(Meta(FORM, self.log_time, self.timeline.newest.digest))

    def restore(self, states: Iterable[tuple[str, bytes]], meta: bytes | None) -> None:
        """Take over packed states (of the newest form or older); timers are derived from them."""
        published = self.timeline.published
        self.log_time = max(self.log_time, log_time_of(meta))
        counts = range(1, len(self.timeline.sets) + 1)
        concerned = {count: self._concerns_tickets(count) for count in counts}
        for ticket_id, packed in states:
            self._tickets.put_packed(ticket_id, packed)
            head = stored.decode_head(packed)
            assert head.form == FORM, f"stored form {head.form} of ticket {ticket_id!r} is not known"
            self._agenda.restore(ticket_id, head)
            if head.published < published and concerned[self.timeline.known(head.published)]:
                self._outdated.append(ticket_id)

    def ticket_ids(self) -> Iterator[str]:
        """Every ticket known, in no order."""
        return iter(self._tickets)

    def view(self, ticket_id: str, as_of: int, ended: bool = True) -> TicketView | None:
        """State of one ticket at `as_of` (not before `log_time`); None if unknown. `ended`: with ended cycles."""
        ticket = self._tickets.peek(ticket_id)
        return None if ticket is None else view_ticket(ticket, self.timeline.targets, as_of, ended)

    def _concerns_tickets(self, known: int) -> bool:
        """Whether tickets known under the first `known` sets need a look: at their past, or to be armed anew."""
        return self.timeline.changed_since(known) <= self.log_time or self.timeline.next_boundary(self.log_time) < FAR
