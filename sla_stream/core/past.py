"""A ticket's recent past: looking at it again, and forgetting what nothing can change any more.

Only events older than the allowed lateness are folded into the base, so whatever may still come in its place sorts
behind it. The exception is the cap on a ticket's recent events: then the oldest go, and are counted.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Final

from sla_stream.core import ticket as stored
from sla_stream.core.cycle import PAUSED
from sla_stream.core.engine_settings import Applied, Counters, EngineSettings
from sla_stream.core.events import ENDED, EventKey, TicketEvent
from sla_stream.core.facts import Facts
from sla_stream.core.fold import UNDOES, VOIDS, Folder, without_undone
from sla_stream.core.schedule import FAR
from sla_stream.core.sla_events import OUTCOME
from sla_stream.core.ticket import NEVER, Fold, Ticket
from sla_stream.core.timeline import Timeline

TRIM_AT: Final = 64
"""A ticket with so many recent events has those folded that can no longer be overtaken."""
_WORTH_FOLDING: Final = 16
MAX_TAIL_BYTES: Final = 2 << 20
"""More than this of recent events goes the same way as too many of them: a state must fit into a record."""


def seen_before(ticket: Ticket, event: TicketEvent) -> bool | None:
    """None: a new id. Else whether the content is the same, too."""
    if event.event_id.encode() in ticket.tail:
        for known in stored.tail_events(ticket.tail):
            if known.event_id == event.event_id:
                return stored.canonical(known) == stored.canonical(event)
    if ticket.ids:
        wanted = stored.fingerprint(event)
        found = stored.find_fingerprint(ticket.ids, wanted)
        if found is not None:
            return found == wanted
    return None


def refuse(
    ticket: Ticket, event: TicketEvent, key: EventKey, now: int, settings: EngineSettings, counters: Counters
) -> Applied | None:
    """Duplicate, conflict or too late, and counted; None if the event is to be applied."""
    if ticket.ids or event.event_id.encode() in ticket.tail:
        known = seen_before(ticket, event)
        if known is not None:
            if known:
                counters.duplicates += 1
                return Applied.DUPLICATE
            counters.conflicts += 1
            return Applied.CONFLICT
    if key < ticket.last or event.at <= ticket.said_at:
        if now - event.at > settings.allowed_lateness or key < ticket.base_last:
            counters.too_late += 1
            return Applied.TOO_LATE
        counters.late += 1
    return None


def in_order(ticket: Ticket, event: TicketEvent, key: EventKey) -> bool:
    """Whether one step folds the event: nothing that was applied, fired or changed sorts behind it."""
    if event.at <= ticket.fired_at or event.at < ticket.fold.lawful_to:
        return False
    return key > ticket.last and event.kind not in UNDOES


class History:
    """Tells, when asked, what is kept of one ticket: the oldest fold, and the events since. `of` says of which."""

    __slots__ = ("_ticket",)

    _ticket: Ticket

    def of(self, ticket: Ticket) -> History:
        """Speak of `ticket` from here on."""
        self._ticket = ticket
        return self

    def __call__(self) -> tuple[Fold, Sequence[TicketEvent]]:
        return stored.unpack_fold(self._ticket.base), without_undone(stored.tail_events(self._ticket.tail))


def derive(folder: Folder, ticket: Ticket, events: list[TicketEvent], now: int) -> tuple[Fold, Facts, int]:
    """(fold, facts, last threshold passed) of these recent events of a ticket, seen at log time `now`."""
    fold = stored.unpack_fold(ticket.base)
    facts = Facts()
    fired = NEVER
    seen: list[TicketEvent] = []

    def until_now() -> tuple[Fold, Sequence[TicketEvent]]:
        return stored.unpack_fold(ticket.base), seen

    for event in without_undone(events):
        fired = max(fired, folder.fire_before(fold, ticket.ticket_id, event.at, facts, until_now))
        folder.apply(fold, event, facts, until_now)
        seen.append(event)
    fired = max(fired, folder.fire_before(fold, ticket.ticket_id, now, facts, until_now))
    return fold, facts, fired


def judge_again(earlier: Folder, folder: Folder, ticket: Ticket, now: int) -> tuple[Facts, Facts]:
    """(what followed from the recent past under the earlier policies, what follows now); the fold is the new one's."""
    events = stored.tail_events(ticket.tail)
    _, old, _ = derive(earlier, ticket, events, now)
    fold, new, fired = derive(folder, ticket, events, now)
    ticket.fold, ticket.fired_at = fold, fired
    return old, new


def next_change(timeline: Timeline, fold: Fold) -> int:
    """When the ticket's running cycles have to be taken over a change of policies; FAR: never."""
    at = timeline.next_boundary(fold.lawful_to)
    if at < FAR and not any(cycles[-1].stage <= PAUSED for cycles in fold.clocks.values()):
        return FAR
    return at


def forget_at(ticket: Ticket, settings: EngineSettings) -> int:
    """After which instant nothing needs the ticket any more; FAR: it is not known yet."""
    fold, retain = ticket.fold, settings.retain_closed
    if retain is None or ticket.held:
        return FAR
    if fold.void == "deleted":
        return ticket.position + settings.allowed_lateness
    if fold.void is None and fold.attributes.get("status") not in ENDED:
        return FAR
    if any(cycles[-1].stage <= PAUSED for cycles in fold.clocks.values()):
        return FAR
    return ticket.position + retain


def may_trim(ticket: Ticket, now: int, settings: EngineSettings) -> bool:
    """Whether `trim` has anything to look at: mostly not."""
    count = ticket.tail_count
    return (
        count >= TRIM_AT
        or count >= settings.max_recent_events
        or ticket.last[0] < now - settings.allowed_lateness
        or len(ticket.tail) > MAX_TAIL_BYTES
    )


def trim(folder: Folder, ticket: Ticket, now: int, settings: EngineSettings) -> int:
    """Fold events that nothing acceptable can sort before any more; the number folded because of the cap."""
    if not ticket.tail_count:
        return 0
    if ticket.tail_count >= settings.max_recent_events or len(ticket.tail) > MAX_TAIL_BYTES:
        count = 1 + ticket.tail_count // 8
        _fold_oldest(folder, ticket, count, settings.max_recent_events)
        return count
    horizon = now - settings.allowed_lateness
    if ticket.position < horizon:
        if not ticket.held and not _needs_history(ticket):
            _fold_all(ticket, settings.max_recent_events)
    elif ticket.tail_count >= TRIM_AT and not _needs_history(ticket):
        events = stored.tail_events(ticket.tail)
        old = sum(event.at < horizon for event in events)
        if old >= _WORTH_FOLDING and not any(event.kind in VOIDS for event in events):
            _fold_oldest(folder, ticket, old, settings.max_recent_events)
    return 0


def _needs_history(ticket: Ticket) -> bool:
    """A merge that may be undone, or a running clock that a policy may come to time, needs the events."""
    if ticket.fold.void is not None:
        return True
    return any(not cycles[-1].ref and cycles[-1].stage <= PAUSED for cycles in ticket.fold.clocks.values())


def _fold_all(ticket: Ticket, keep: int) -> None:
    _remember(ticket, stored.tail_events(ticket.tail), keep)
    ticket.base = stored.pack_fold(ticket.fold)
    ticket.base_last = ticket.last
    ticket.tail = b""
    ticket.tail_count = 0
    ticket.notes = {key: note for key, note in ticket.notes.items() if OUTCOME in key}


def _fold_oldest(folder: Folder, ticket: Ticket, count: int, keep: int) -> None:
    events = stored.tail_events(ticket.tail)
    oldest, rest = events[:count], events[count:]
    fold, _, _ = derive(folder, ticket, oldest, NEVER)
    _remember(ticket, oldest, keep)
    ticket.base = stored.pack_fold(fold)
    ticket.base_last = oldest[-1].key
    set_tail(ticket, rest)


def set_tail(ticket: Ticket, events: list[TicketEvent]) -> None:
    """Keep these events as the ticket's recent ones."""
    ticket.tail = b""
    for event in events:
        ticket.tail = stored.append_event(ticket.tail, stored.pack_event(event))
    ticket.tail_count = len(events)


def _remember(ticket: Ticket, events: Iterable[TicketEvent], keep: int) -> None:
    ids = ticket.ids + b"".join(stored.fingerprint(event) for event in events)
    ticket.ids = ids[-stored.FINGERPRINT_BYTES * keep :]
