"""The engine: an ordered log of ticket events and the passing of time in, SLA events out.

One engine serves one partition: a single writer, no clock of its own, no I/O. Log time (the highest record timestamp,
or what `advance` was told) drives timers; event time judges them. An event in order is folded once. One that comes
late, or undoes a merge, makes the ticket's recent past fold again, and the difference between what holds now and what
was said goes out: new SLA events, retractions, corrected outcomes. Duplicates, any order of arrival, reopening and
un-merging all go through these two paths.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from enum import Enum
from typing import Final

import msgspec

from sla_stream.core import ticket as stored
from sla_stream.core.cycle import PAUSED
from sla_stream.core.events import ENDED, TicketEvent
from sla_stream.core.facts import Facts
from sla_stream.core.fold import UNDOES, VOIDS, Folder, without_undone
from sla_stream.core.policy import PolicySet
from sla_stream.core.schedule import FAR
from sla_stream.core.sla_events import OUTCOME, SlaEvent
from sla_stream.core.ticket import FORM, NEVER, Fold, Ticket
from sla_stream.core.timeline import Timeline
from sla_stream.core.timers import TimerIndex
from sla_stream.core.views import TicketView, view_ticket
from sla_stream.core.voice import Voice

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


class Meta(msgspec.Struct, array_like=True):
    """What a partition's engine knows beside its tickets."""

    form: int
    log_time: int
    digest: str


TRIM_AT: Final = 64
"""A ticket with so many recent events has those folded that can no longer be overtaken."""

_KEEP_AT_LEAST: Final = 16


class Engine:
    """The engine of one partition.

    After `apply` or `advance` the SLA events decided so far wait, in the order of their decision, to be fetched with
    `take_outputs`. `flush` returns the changed ticket states for the changelog.

    `policies` is one policy set, or several with the instant (ms) since when each is in force.
    """

    __slots__ = (
        "_folder", "_hot", "_rest", "_settings", "_timers", "_touched", "_voice", "counters", "log_time", "timeline",
    )  # fmt: skip

    def __init__(
        self,
        policies: PolicySet | Sequence[tuple[int, PolicySet]],
        settings: EngineSettings | None = None,
    ) -> None:
        sets = [(NEVER, policies)] if isinstance(policies, PolicySet) else policies
        self.timeline = Timeline(sets)
        self.counters = Counters()
        self.log_time = 0
        self._settings = settings or EngineSettings()
        self._folder = Folder(self.timeline)
        self._timers = TimerIndex()
        self._voice = Voice(self._settings.settle_for, self._settings.hold_for, self._settings.publish_from)
        self._rest: dict[str, bytes] = {}
        self._hot: dict[str, Ticket | None] = {}
        self._touched: set[str] = set()

    # -- the log -------------------------------------------------------------------------------------------------

    def apply(self, event: TicketEvent, recorded_at: int, offset: int) -> Applied:
        """Fire everything due before the record's log time, then apply the event.

        `recorded_at` (ms) below `log_time` counts as `log_time`. `offset` becomes evidence.
        """
        now = max(self.log_time, recorded_at)
        self.advance(now)
        ticket = self._load(event.ticket_id)
        if ticket is None:
            ticket = self._hot[event.ticket_id] = stored.new_ticket(event.ticket_id)
            self._count_first(event)
        else:
            refused = self._refuse(ticket, event, now)
            if refused is not None:
                return refused
        ticket.offset = offset
        ticket.recorded_at = recorded_at
        if event.key > ticket.last and event.at > ticket.fired_at and event.kind not in UNDOES:
            self._fold_in(ticket, event, now)
        else:
            self._refold(ticket, event, now)
        self.counters.applied += 1
        self._touched.add(event.ticket_id)
        self._rearm(ticket)
        return Applied.APPLIED

    def _count_first(self, event: TicketEvent) -> None:
        if event.kind != "created":
            self.counters.unknown_ticket += 1
        planned = self.timeline.at(event.at).plan(event.attributes)
        if all(target is None for target in planned):
            self.counters.no_policy += 1

    def _refuse(self, ticket: Ticket, event: TicketEvent, now: int) -> Applied | None:
        """Duplicate, conflict or too late; None if the event is to be applied."""
        known = self._seen_before(ticket, event)
        if known is not None:
            if known:
                self.counters.duplicates += 1
                return Applied.DUPLICATE
            self.counters.conflicts += 1
            return Applied.CONFLICT
        if event.key < ticket.last or event.at <= ticket.said_at:
            if now - event.at > self._settings.allowed_lateness or event.key < ticket.base_last:
                self.counters.too_late += 1
                return Applied.TOO_LATE
            self.counters.late += 1
        return None

    def _seen_before(self, ticket: Ticket, event: TicketEvent) -> bool | None:
        """None: a new id. Else whether the content is the same, too."""
        if event.event_id.encode() in ticket.tail:
            for known in stored.tail_events(ticket.tail):
                if known.event_id == event.event_id:
                    return known == event
        if ticket.ids:
            wanted = stored.fingerprint(event)
            found = stored.find_fingerprint(ticket.ids, wanted)
            if found is not None:
                return found == wanted
        return None

    def _fold_in(self, ticket: Ticket, event: TicketEvent, now: int) -> None:
        """An event in order: one step. What is due before `now` has fired already."""
        self._trim(ticket, now)
        fold, voice = ticket.fold, self._voice.of(ticket, now, live=False)

        def history() -> tuple[Fold, Sequence[TicketEvent]]:
            return self._history(ticket)

        if event.at > now:
            self._note_fired(ticket, self._folder.fire_before(fold, ticket.ticket_id, event.at, voice, history))
        self._folder.apply(fold, event, voice, history)
        ticket.last = event.key
        ticket.tail = stored.append_event(ticket.tail, stored.pack_event(event))
        ticket.tail_count += 1
        if min(_next_threshold(fold), self.timeline.next_boundary(fold.lawful_to)) < now:
            self._note_fired(ticket, self._folder.fire_before(fold, ticket.ticket_id, now, voice, history))

    def _note_fired(self, ticket: Ticket, fired: int) -> None:
        ticket.fired_at = max(ticket.fired_at, fired)

    def _history(self, ticket: Ticket) -> tuple[Fold, Sequence[TicketEvent]]:
        return stored.unpack_fold(ticket.base), without_undone(stored.tail_events(ticket.tail))

    def _refold(self, ticket: Ticket, event: TicketEvent, now: int) -> None:
        """An event out of order: fold the recent past again, and say the difference."""
        before = stored.tail_events(ticket.tail)
        after = sorted([*before, event], key=lambda each: each.key)
        _, old, _ = self._derive(ticket, before, now)
        ticket.fold, new, fired = self._derive(ticket, after, now)
        reason = event.kind if event.kind in UNDOES else "late_event"
        self._voice.of(ticket, now, live=False).change(old, new, reason)
        ticket.last = after[-1].key
        ticket.fired_at = fired
        ticket.tail = b""
        for each in after:
            ticket.tail = stored.append_event(ticket.tail, stored.pack_event(each))
        ticket.tail_count = len(after)

    def _derive(self, ticket: Ticket, events: list[TicketEvent], now: int) -> tuple[Fold, Facts, int]:
        """(fold, facts, last threshold passed) of the ticket's recent events, seen at log time `now`."""
        fold = stored.unpack_fold(ticket.base)
        facts = Facts()
        fired = NEVER
        seen: list[TicketEvent] = []

        def history() -> tuple[Fold, Sequence[TicketEvent]]:
            return stored.unpack_fold(ticket.base), seen

        for event in without_undone(events):
            fired = max(fired, self._folder.fire_before(fold, ticket.ticket_id, event.at, facts, history))
            self._folder.apply(fold, event, facts, history)
            seen.append(event)
        fired = max(fired, self._folder.fire_before(fold, ticket.ticket_id, now, facts, history))
        return fold, facts, fired

    # -- forgetting the past -------------------------------------------------------------------------------------

    def _trim(self, ticket: Ticket, now: int) -> None:
        """Fold events that nothing acceptable can sort before any more."""
        if not ticket.tail_count:
            return
        if ticket.tail_count >= self._settings.max_recent_events:
            self.counters.folded += self._fold_oldest(ticket, 1 + ticket.tail_count // 8)
            return
        horizon = now - self._settings.allowed_lateness
        if ticket.position < horizon:
            if not ticket.held and not self._needs_history(ticket):
                self._fold_all(ticket)
        elif ticket.tail_count >= TRIM_AT and not self._needs_history(ticket):
            events = stored.tail_events(ticket.tail)
            old = sum(event.at < horizon for event in events)
            voided = any(event.kind in VOIDS for event in events)
            if old >= _KEEP_AT_LEAST and not voided:
                self._fold_oldest(ticket, old)

    def _needs_history(self, ticket: Ticket) -> bool:
        """A merge that may be undone, or a running clock that a policy may come to time, needs the events."""
        if ticket.fold.void is not None:
            return True
        return any(not cycles[-1].ref and cycles[-1].stage <= PAUSED for cycles in ticket.fold.clocks.values())

    def _fold_all(self, ticket: Ticket) -> None:
        self._remember(ticket, stored.tail_events(ticket.tail))
        ticket.base = stored.pack_fold(ticket.fold)
        ticket.base_last = ticket.last
        ticket.tail = b""
        ticket.tail_count = 0
        ticket.notes = {key: note for key, note in ticket.notes.items() if OUTCOME in key}

    def _fold_oldest(self, ticket: Ticket, count: int) -> int:
        events = stored.tail_events(ticket.tail)
        oldest, rest = events[:count], events[count:]
        fold, _, _ = self._derive(ticket, oldest, NEVER)
        self._remember(ticket, oldest)
        ticket.base = stored.pack_fold(fold)
        ticket.base_last = oldest[-1].key
        ticket.tail = b""
        for each in rest:
            ticket.tail = stored.append_event(ticket.tail, stored.pack_event(each))
        ticket.tail_count = len(rest)
        return count

    def _remember(self, ticket: Ticket, events: Iterable[TicketEvent]) -> None:
        ids = ticket.ids + b"".join(stored.fingerprint(event) for event in events)
        ticket.ids = ids[-stored.FINGERPRINT_BYTES * self._settings.max_recent_events :]

    # -- time ----------------------------------------------------------------------------------------------------

    def advance(self, now: int, limit: int | None = None) -> bool:
        """Fire what is due before `now` (strictly), at most `limit` tickets of it; True if more remains."""
        self.log_time = max(self.log_time, now)
        left = limit
        while (entry := self._timers.pop_before(now)) is not None:
            self._wake(*entry, now)
            if left is not None:
                left -= 1
                if left <= 0:
                    first = self._timers.first()
                    return first is not None and first < now
        return False

    def _wake(self, at: int, ticket_id: str, now: int) -> None:
        ticket = self._load(ticket_id)
        if ticket is None or ticket.armed != at:
            return
        ticket.armed = FAR
        if self._next_at(ticket) < now:
            self._touched.add(ticket_id)
            voice = self._voice.of(ticket, now, live=True)
            fired = self._folder.fire_before(ticket.fold, ticket_id, now, voice, lambda: self._history(ticket))
            self._note_fired(ticket, fired)
            voice.release(self.timeline.targets)
            if self._forget_at(ticket) < now:
                self._hot[ticket_id] = None
                return
        self._rearm(ticket)

    def release_held(self) -> None:
        """Say everything that is still held back by settle_for or hold_for (the end of a replay)."""
        for ticket_id in sorted(self.ticket_ids()):
            ticket = self._load(ticket_id)
            if ticket is not None and ticket.held:
                self._touched.add(ticket_id)
                self._voice.of(ticket, self.log_time, live=True).release(self.timeline.targets, everything=True)

    def next_due(self) -> int | None:
        """Earliest instant (ms) after which `advance` has something to look at, or None."""
        return self._timers.first()

    @property
    def open_timers(self) -> int:
        """Entries of the timer index: tickets with something to wait for."""
        return len(self._timers)

    def _next_at(self, ticket: Ticket) -> int:
        """When the ticket next has something to fire, to release or to be forgotten for."""
        at = min(self._forget_at(ticket), _next_threshold(ticket.fold), self._next_change(ticket.fold))
        for held in ticket.held:
            at = min(at, held.release)
        return at

    def _next_change(self, fold: Fold) -> int:
        """When running cycles have to be taken over a change of policies."""
        at = self.timeline.next_boundary(fold.lawful_to)
        if at < FAR and not any(cycles[-1].stage <= PAUSED for cycles in fold.clocks.values()):
            return FAR
        return at

    def _forget_at(self, ticket: Ticket) -> int:
        fold, retain = ticket.fold, self._settings.retain_closed
        if retain is None or ticket.held:
            return FAR
        if fold.void == "deleted":
            return ticket.position + self._settings.allowed_lateness
        if fold.void is None and fold.attributes.get("status") not in ENDED:
            return FAR
        if any(cycles[-1].stage <= PAUSED for cycles in fold.clocks.values()):
            return FAR
        return ticket.position + retain

    def _rearm(self, ticket: Ticket) -> None:
        at = self._next_at(ticket)
        if at < ticket.armed:
            ticket.armed = at
            self._timers.push(at, ticket.ticket_id)

    # -- outputs and state ---------------------------------------------------------------------------------------

    def take_outputs(self) -> list[SlaEvent]:
        """The SLA events decided since the last call."""
        return self._voice.take()

    def _load(self, ticket_id: str) -> Ticket | None:
        if ticket_id in self._hot:
            return self._hot[ticket_id]
        packed = self._rest.get(ticket_id)
        if packed is None:
            return None
        ticket = self._hot[ticket_id] = stored.unpack_ticket(packed)
        return ticket

    def flush(self) -> list[tuple[str, bytes | None]]:
        """(ticket id, packed state) of each ticket changed since the last flush; None: forgotten (tombstone)."""
        changed: list[tuple[str, bytes | None]] = []
        for ticket_id, ticket in self._hot.items():
            if ticket is None:
                self._rest.pop(ticket_id, None)
                packed = None
            else:
                packed = self._rest[ticket_id] = stored.pack_ticket(ticket)
            if ticket_id in self._touched:
                changed.append((ticket_id, packed))
        self._hot = {}
        self._touched = set()
        return changed

    def meta(self) -> bytes:
        """Small packed record with what is not per ticket."""
        return msgspec.msgpack.encode(Meta(FORM, self.log_time, self.timeline.newest.digest))

    def restore(self, states: Iterable[tuple[str, bytes]], meta: bytes | None) -> None:
        """Take over packed states (of the newest form or older); timers are derived from them."""
        if meta is not None:
            self.log_time = max(self.log_time, msgspec.msgpack.decode(meta, type=Meta).log_time)
        for ticket_id, packed in states:
            self._rest[ticket_id] = packed
            head = stored.decode_head(packed)
            assert head.form == FORM, f"stored form {head.form} of ticket {ticket_id!r} is not known"
            if head.armed < FAR:
                self._timers.push(head.armed, ticket_id)

    def ticket_ids(self) -> Iterator[str]:
        """Every ticket known, in no order."""
        for ticket_id in list(self._rest):
            if ticket_id not in self._hot:
                yield ticket_id
        for ticket_id, ticket in list(self._hot.items()):
            if ticket is not None:
                yield ticket_id

    def view(self, ticket_id: str, as_of: int) -> TicketView | None:
        """State of one ticket at `as_of` (not before `log_time`); None if unknown."""
        ticket = self._hot.get(ticket_id)
        if ticket is None:
            if ticket_id in self._hot or ticket_id not in self._rest:
                return None
            ticket = stored.unpack_ticket(self._rest[ticket_id])
        return view_ticket(ticket, self.timeline.targets, as_of)


def _next_threshold(fold: Fold) -> int:
    at = FAR
    for cycles in fold.clocks.values():
        next_at = cycles[-1].next_at
        if next_at < at:
            at = next_at
    return at
