"""The engine: an ordered log of ticket events and the passing of time in, SLA events out.

One engine serves one partition: a single writer, no clock of its own, no I/O. Log time (the highest record timestamp,
or what `advance` was told) drives timers; event time judges them. An event in order is folded once. One that comes
late, or undoes a merge, makes the ticket's recent past fold again, and the difference between what holds now and what
was said goes out: new SLA events, retractions, corrected outcomes. Duplicates, any order of arrival, reopening and
un-merging all go through these two paths.
"""

from __future__ import annotations

from collections.abc import Sequence

from sla_stream.core import past
from sla_stream.core import ticket as stored
from sla_stream.core.engine_settings import Applied, Counters, EngineSettings
from sla_stream.core.engine_state import EngineState
from sla_stream.core.events import EventKey, Logged, TicketEvent
from sla_stream.core.fold import UNDOES, Folder
from sla_stream.core.policy import PolicySet
from sla_stream.core.schedule import FAR
from sla_stream.core.sla_events import SlaEvent
from sla_stream.core.ticket import Ticket

__all__ = ["Applied", "Counters", "Engine", "EngineSettings"]


class Engine(EngineState):
    """The engine of one partition.

    `unjudged`: tickets whose past could not be judged by the newest set, and why; they go on under the sets before.
    After `apply` or `advance` the SLA events decided so far wait, in the order of their decision, to be fetched with
    `take_outputs`. `flush` returns the changed ticket states for the changelog.

    `policies` is one policy set, or several with the instant (ms) at which each was published.
    """

    __slots__ = ()

    def apply(self, event: TicketEvent, recorded_at: int, offset: int, packed: bytes | None = None) -> Applied:
        """Fire everything due before the record's log time, then apply the event.

        `recorded_at` (ms) below `log_time` counts as `log_time`. `offset` becomes evidence. `packed` is the event's
        packed form (ticket.pack_event), where the caller has it.
        """
        now = recorded_at if recorded_at > self.log_time else self.log_time
        if self._agenda.earliest < now:
            self.fire(now)
        self.log_time = now
        return self._apply(event, now, recorded_at, offset, packed)

    def follow(self, ticket_id: str, records: Sequence[Logged], until: int) -> list[Applied]:
        """Apply records of one ticket, in the order of their log times, and let its time pass until `until`.

        The same is said at the same log times as if `apply` met them among those of other tickets and time stopped at
        each deadline; only the order between tickets is the caller's. Log time itself stays; `advance` to `until` when
        all tickets have been followed. Wants `follows`; the states it changes are not told by `flush`.
        """
        assert self.follows
        began, agenda = self.log_time, self._agenda
        ticket = self._load(ticket_id)
        armed = FAR if ticket is None else ticket.armed
        agenda.follows = True
        applied = []
        for log_time, offset, event, packed in records:
            self._let_pass(ticket_id, log_time)
            self.log_time = log_time
            applied.append(self._apply(event, log_time, log_time, offset, packed))
        self._let_pass(ticket_id, until)
        agenda.follows, self.log_time = False, began
        agenda.enter(self._tickets.put_away(ticket_id), armed)
        return applied

    @property
    def follows(self) -> bool:
        """Whether `follow` can be used: nothing is forgotten, no past waits to be judged anew."""
        return self._settings.retain_closed is None and not self._outdated

    def _let_pass(self, ticket_id: str, until: int) -> None:
        ticket = self._tickets.hot.get(ticket_id)
        while ticket is not None and (at := ticket.armed) < until:
            self.log_time = at + 1
            self._wake(at, ticket_id, at + 1)

    def _apply(self, event: TicketEvent, now: int, recorded_at: int, offset: int, packed: bytes | None) -> Applied:
        ticket_id, key = event.ticket_id, (event.at, event.sequence, event.event_id)
        ticket = self._tickets.hot.get(ticket_id)
        if ticket is None or ticket.published < self.timeline.published:
            ticket = self._load(ticket_id)
        if ticket is None:
            ticket = self._tickets.add(stored.new_ticket(ticket_id, self.timeline.published))
            self._count_first(event)
        elif (refused := past.refuse(ticket, event, key, now, self._settings, self.counters)) is not None:
            return refused
        ticket.offset = offset
        ticket.recorded_at = recorded_at
        folders = self._folders
        folder = folders.newest if ticket.published >= self.timeline.published else folders.of(ticket)
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
        for ticket_id in sorted(self._agenda.tickets()):
            ticket = self._load(ticket_id)
            if ticket is not None and ticket.held:
                self._tickets.touched.add(ticket_id)
                self._voice.of(ticket, self.log_time, live=True).release(self.timeline.targets, FAR)

    def next_due(self) -> int | None:
        """Earliest instant (ms) after which `advance` has something to look at, or None."""
        if self._outdated:
            return self.log_time - 1
        return self.next_timer()

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
        plain = self.timeline.single and not ticket.held
        self._agenda.arm(ticket, threshold if plain else self._next_at(ticket, threshold))

    def take_outputs(self) -> list[SlaEvent]:
        """The SLA events decided since the last call."""
        return self._voice.take()

    def _load(self, ticket_id: str) -> Ticket | None:
        ticket = self._tickets.get(ticket_id)
        if ticket is not None and ticket.published < self.timeline.published and ticket_id not in self.unjudged:
            self._revise(ticket)
        return ticket
