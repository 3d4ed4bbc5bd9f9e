"""The engine: an ordered log of ticket events and the passing of time in, SLA events out.

One engine serves one partition: a single writer, no clock of its own, no I/O. Log time (the highest record timestamp,
or what `advance` was told) drives timers; event time judges them. An event in order is folded once. One that comes
late, or undoes a merge, makes the ticket's recent past fold again, and the difference between what holds now and what
was said goes out: new SLA events, retractions, corrected outcomes. Duplicates, any order of arrival, reopening and
un-merging all go through these two paths.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

import msgspec

from sla_stream.core import past
from sla_stream.core import ticket as stored
from sla_stream.core.agenda import Agenda
from sla_stream.core.engine_settings import Applied, Counters, EngineSettings
from sla_stream.core.events import EventKey, TicketEvent
from sla_stream.core.fold import UNDOES, Folder
from sla_stream.core.folders import Folders
from sla_stream.core.meta import Meta, log_time_of
from sla_stream.core.policy import PolicySet
from sla_stream.core.schedule import FAR
from sla_stream.core.sla_events import SlaEvent
from sla_stream.core.store import TicketStore
from sla_stream.core.ticket import FORM, NEVER, Ticket
from sla_stream.core.timeline import Timeline
from sla_stream.core.views import TicketView, view_ticket
from sla_stream.core.voice import Voice

__all__ = ["Applied", "Counters", "Engine", "EngineSettings"]


class Engine:
    """The engine of one partition.

    `unjudged`: tickets whose past could not be judged by the newest set, and why; they go on under the sets before.
    After `apply` or `advance` the SLA events decided so far wait, in the order of their decision, to be fetched with
    `take_outputs`. `flush` returns the changed ticket states for the changelog.

    `policies` is one policy set, or several with the instant (ms) at which each was published.
    """

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

    def apply(self, event: TicketEvent, recorded_at: int, offset: int, packed: bytes | None = None) -> Applied:
        """Fire everything due before the record's log time, then apply the event.

        `recorded_at` (ms) below `log_time` counts as `log_time`. `offset` becomes evidence. `packed` is the event's
        packed form (ticket.pack_event), where the caller has it.
        """
        now = recorded_at if recorded_at > self.log_time else self.log_time
        if self._agenda.earliest < now:
            self.fire(now)
        self.log_time = now
        ticket_id, key = event.ticket_id, event.key
        ticket = self._tickets.hot.get(ticket_id)
        if ticket is None or ticket.published < self.timeline.published:
            ticket = self._load(ticket_id)
        if ticket is None:
            ticket = self._tickets.add(stored.new_ticket(ticket_id, self.timeline.published))
            self._count_first(event)
        elif (refused := self._refuse(ticket, event, key, now)) is not None:
            return refused
        ticket.offset = offset
        ticket.recorded_at = recorded_at
        folder = self._folders.of(ticket)
        if past.in_order(ticket, event, key):
            at = self._fold_in(folder, ticket, event, key, now, packed)
        else:
            self._refold(folder, ticket, event, now)
            at = stored.next_threshold(ticket.fold)
        self.counters.applied += 1
        self._tickets.touched.add(ticket_id)
        self._arm(ticket, at)
        return Applied.APPLIED

    def _count_first(self, event: TicketEvent) -> None:
        if event.kind != "created":
            self.counters.unknown_ticket += 1
        planned = self.timeline.at(event.at).plan(event.attributes)
        if all(target is None for target in planned):
            self.counters.no_policy += 1

    def _refuse(self, ticket: Ticket, event: TicketEvent, key: EventKey, now: int) -> Applied | None:
        """Duplicate, conflict or too late; None if the event is to be applied."""
        if ticket.ids or event.event_id.encode() in ticket.tail:
            known = past.seen_before(ticket, event)
            if known is not None:
                if known:
                    self.counters.duplicates += 1
                    return Applied.DUPLICATE
                self.counters.conflicts += 1
                return Applied.CONFLICT
        if key < ticket.last or event.at <= ticket.said_at:
            if now - event.at > self._settings.allowed_lateness or key < ticket.base_last:
                self.counters.too_late += 1
                return Applied.TOO_LATE
            self.counters.late += 1
        return None

    def _fold_in(
        self, folder: Folder, ticket: Ticket, event: TicketEvent, key: EventKey, now: int, packed: bytes | None
    ) -> int:
        """An event in order: one step. What is due before `now` has fired already. Returns the next threshold."""
        if past.may_trim(ticket, now, self._settings):
            self.counters.folded += past.trim(folder, ticket, now, self._settings)
        fold, voice, history = ticket.fold, self._voice.of(ticket, now, live=False), self._history.of(ticket)
        if event.at > now:
            self._note_fired(ticket, folder.fire_before(fold, ticket.ticket_id, event.at, voice, history))
        folder.apply(fold, event, voice, history)
        ticket.last = key
        ticket.tail = stored.append_event(ticket.tail, stored.pack_event(event) if packed is None else packed)
        ticket.tail_count += 1
        at = stored.next_threshold(fold)
        if at < now or (not folder.timeline.single and folder.timeline.next_boundary(fold.lawful_to) < now):
            self._note_fired(ticket, folder.fire_before(fold, ticket.ticket_id, now, voice, history))
            at = stored.next_threshold(fold)
        return at

    def _note_fired(self, ticket: Ticket, fired: int) -> None:
        if fired > ticket.fired_at:
            ticket.fired_at = fired

    def _refold(self, folder: Folder, ticket: Ticket, event: TicketEvent, now: int) -> None:
        """An event out of order: fold the recent past again, and say the difference."""
        before = stored.tail_events(ticket.tail)
        after = sorted([*before, event], key=lambda each: each.key)
        _, old, _ = past.derive(folder, ticket, before, now)
        ticket.fold, new, fired = past.derive(folder, ticket, after, now)
        reason = event.kind if event.kind in UNDOES else "late_event"
        self._voice.of(ticket, now, live=False).change(old, new, reason)
        ticket.last = after[-1].key
        ticket.fired_at = fired
        past.set_tail(ticket, after)

    def adopt(self, published: int, policies: PolicySet) -> None:
        """Take up a new policy set, published at `published` (ms).

        What it changes in the part of the past that was judged already (it is learnt of later than published, or
        holds policies with an earlier `valid_from`, or relaxations) is said by `look_back` or the next calls of
        `advance`, in slices; it reaches back at most `allowed_lateness` before its publication.
        """
        self.timeline = self.timeline.followed_by(published, policies)
        self._folders.adopt(self.timeline)
        self.unjudged.clear()
        if self._concerns_tickets(len(self.timeline.sets) - 1):
            self._outdated = sorted(self.ticket_ids(), reverse=True)

    def _concerns_tickets(self, known: int) -> bool:
        """Whether tickets known under the first `known` sets need a look: at their past, or to be armed anew."""
        return self.timeline.changed_since(known) <= self.log_time or self.timeline.next_boundary(self.log_time) < FAR

    def _revise(self, ticket: Ticket) -> None:
        """Judge a ticket's recent past by the policies that were published since it was last looked at."""
        known = self.timeline.known(ticket.published)
        earlier, newest = self._folders.knowing(known), self._folders.newest
        reached = max(ticket.position, ticket.fold.lawful_to)
        if reached < self.timeline.changed_since(known) and self.timeline.clocks == earlier.timeline.clocks:
            armed, ticket.published = ticket.armed, self.timeline.published
            self._rearm(ticket)  # nothing judged so far is different, but a change to come may be due first
            if ticket.armed < armed:
                self._tickets.touched.add(ticket.ticket_id)
            return
        done = min(self.log_time, ticket.armed)  # what was due before has fired, and nothing since
        try:
            old, new = past.judge_again(earlier, newest, ticket, done)
        except Exception as error:  # such a set has come by itself, and one ticket must not bring down all others
            self.unjudged[ticket.ticket_id] = error
            return
        ticket.published = self.timeline.published
        self._tickets.touched.add(ticket.ticket_id)
        self._voice.of(ticket, self.log_time, live=False).change(old, new, "policy_amended")
        self._rearm(ticket)

    def advance(self, now: int, limit: int | None = None) -> bool:
        """`look_back`, then `fire`, at most `limit` tickets together; True if more remains."""
        self.log_time = max(self.log_time, now)
        seen = self.look_back(limit)
        if limit is None:
            return self.fire(now)
        return seen >= limit or self.fire(now, limit - seen)

    def look_back(self, limit: int | None = None) -> int:
        """Judge up to `limit` tickets by the policy sets adopted since; returns how many were looked at.

        Events and timers need not wait for it: a ticket whose turn comes before is judged anew then.
        """
        seen = 0
        while self._outdated and (limit is None or seen < limit):
            self._load(self._outdated.pop())
            seen += 1
        return seen

    @property
    def looks_back(self) -> bool:
        """Whether `look_back` has tickets left to look at."""
        return bool(self._outdated)

    def fire(self, now: int, limit: int | None = None) -> bool:
        """Fire what is due before `now` (strictly), at most `limit` tickets of it; True if more remains."""
        self.log_time = max(self.log_time, now)
        left = limit
        while (entry := self._agenda.pop_timer(now)) is not None:
            self._wake(*entry, min(now, entry[0] + 1))
            if left is not None:
                left -= 1
                if left <= 0:
                    break
        while (left is None or left > 0) and (entry := self._agenda.pop_forget(now)) is not None:
            self._forget(*entry, now)
            left = None if left is None else left - 1
        return self._agenda.earliest < now

    def _wake(self, at: int, ticket_id: str, until: int) -> None:
        """Fire what one ticket has due before `until`; the rest waits its turn, so that tickets come in order."""
        ticket = self._load(ticket_id)
        if ticket is None or ticket.armed != at:
            return None
        ticket.armed = FAR
        next_at = self._next_at(ticket, stored.next_threshold(ticket.fold))
        if next_at >= until:
            return self._agenda.arm(ticket, next_at)
        self._tickets.touched.add(ticket_id)
        voice = self._voice.of(ticket, self.log_time, live=True)
        folder = self._folders.of(ticket)
        fired = folder.fire_before(ticket.fold, ticket_id, until, voice, self._history.of(ticket))
        self._note_fired(ticket, fired)
        voice.release(self.timeline.targets, until)
        self._rearm(ticket)
        return None

    def _forget(self, at: int, ticket_id: str, now: int) -> None:
        ticket = self._load(ticket_id)
        if ticket is None or ticket.forgets != at:
            return
        ticket.forgets = FAR
        if past.forget_at(ticket, self._settings) < now:
            self._tickets.forget(ticket_id)
        else:
            self._rearm(ticket)

    def release_held(self) -> None:
        """Say everything that is still held back by settle_for or hold_for (the end of a replay)."""
        for ticket_id in sorted(self.ticket_ids()):
            ticket = self._load(ticket_id)
            if ticket is not None and ticket.held:
                self._tickets.touched.add(ticket_id)
                self._voice.of(ticket, self.log_time, live=True).release(self.timeline.targets, FAR)

    def next_due(self) -> int | None:
        """Earliest instant (ms) after which `advance` has something to look at, or None."""
        if self._outdated:
            return self.log_time - 1
        return self.next_timer()

    def next_timer(self) -> int | None:
        """Earliest instant (ms) after which `fire` has something to look at, or None."""
        due = self._agenda.earliest
        return due if due < FAR else None

    @property
    def open_timers(self) -> int:
        """Tickets with a deadline or an alarm to wait for (some of them may have got ahead of it meanwhile)."""
        return len(self._agenda)

    def _next_at(self, ticket: Ticket, threshold: int) -> int:
        """When the ticket next has something to fire or to release, its next threshold being this."""
        at = threshold
        if not self.timeline.single:
            at = min(at, past.next_change(self._folders.of(ticket).timeline, ticket.fold))
        for held in ticket.held:
            at = min(at, held.release)
        return at

    def _rearm(self, ticket: Ticket) -> None:
        self._arm(ticket, stored.next_threshold(ticket.fold))

    def _arm(self, ticket: Ticket, threshold: int) -> None:
        self._agenda.arm(ticket, self._next_at(ticket, threshold))

    def take_outputs(self) -> list[SlaEvent]:
        """The SLA events decided since the last call."""
        return self._voice.take()

    def _load(self, ticket_id: str) -> Ticket | None:
        ticket = self._tickets.get(ticket_id)
        if ticket is not None and ticket.published < self.timeline.published and ticket_id not in self.unjudged:
            self._revise(ticket)
        return ticket

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

    def view(self, ticket_id: str, as_of: int) -> TicketView | None:
        """State of one ticket at `as_of` (not before `log_time`); None if unknown."""
        ticket = self._tickets.peek(ticket_id)
        return None if ticket is None else view_ticket(ticket, self.timeline.targets, as_of)
