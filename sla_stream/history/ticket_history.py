"""One ticket out of a log: its events as the engine took them, each with its place, and what was left out and why."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from typing import Final

from sla_stream.core.engine import Applied, Engine, EngineSettings
from sla_stream.core.events import TicketEvent
from sla_stream.core.explain import Story, explain_ticket
from sla_stream.core.policy import PolicySet
from sla_stream.core.sla_events import SlaEvent
from sla_stream.errors import InvalidRecord
from sla_stream.formats.codec import check_not_future
from sla_stream.history.log import BadRecord, Log, Record
from sla_stream.history.replay import Clock

Policies = PolicySet | Sequence[tuple[int, PolicySet]]
"""One policy set, or several with the instant (ms) since when each is published."""

WHY_NOT: Final = {
    Applied.DUPLICATE: "duplicate: the same event was there before",
    Applied.CONFLICT: "conflict: this event_id was there before with other content, which stands",
    Applied.TOO_LATE: "too late: its place lies further back than allowed_lateness",
}


@dataclass(frozen=True, slots=True)
class LeftOut:
    """An event of the ticket that changed nothing, with its place in the log."""

    place: str
    event_id: str
    why: str


@dataclass(slots=True)
class TicketHistory:
    """What a log tells of one ticket.

    `events` in their order, `places` by event id. `as_of`: the instant of the question, by default the last one in the
    log; None if the log was empty. `unreadable` counts the lines of the log that are no ticket events, whosever.
    """

    ticket_id: str
    events: list[TicketEvent] = field(default_factory=list)
    places: dict[str, str] = field(default_factory=dict)
    left_out: list[LeftOut] = field(default_factory=list)
    said: list[SlaEvent] = field(default_factory=list)
    as_of: int | None = None
    unreadable: int = 0
    story: Story | None = None
    agrees: bool = True
    """Whether the engine itself, fed with the same records, is in the state that the story ends in."""

    @property
    def adds_up(self) -> bool:
        """Whether the engine agrees and the intervals of every clock are its amounts."""
        return self.agrees and self.story is not None and all(clock.adds_up for clock in self.story.clocks)


@dataclass(frozen=True, slots=True)
class _Mine:
    line: int
    event: TicketEvent
    log_time: int


def ticket_history(
    log: Log,
    ticket_id: str,
    policies: Policies,
    settings: EngineSettings,
    clock: Clock = "occurred",
    as_of: int | None = None,
    max_skew: int = 300_000,
    records: Iterable[Record | BadRecord] | None = None,
) -> TicketHistory:
    """Read the whole log and explain one ticket of it. `records` (default: the log's) may be watched on their way."""
    found = TicketHistory(ticket_id)
    mine, last = _gather(found, log, log if records is None else records, clock, max_skew)
    found.as_of = last if as_of is None else as_of
    if found.as_of is not None:
        _live(found, log, mine, Engine(policies, replace(settings, retain_closed=None)), found.as_of)
    return found


def _gather(
    found: TicketHistory, log: Log, records: Iterable[Record | BadRecord], clock: Clock, max_skew: int
) -> tuple[list[_Mine], int | None]:
    """The ticket's records in the order in which the engine reads them, and the last instant of the whole log."""
    mine: list[_Mine] = []
    highest: dict[int, int] = {}
    for record in records:
        if isinstance(record, BadRecord):
            found.unreadable += 1
            continue
        event, log_time = record.event, record.log_time
        at = event.at if clock == "occurred" or log_time is None else log_time
        if clock == "recorded":
            try:
                check_not_future(event, at, max_skew)
            except InvalidRecord as error:
                if event.ticket_id == found.ticket_id:
                    found.left_out.append(LeftOut(log.where(record.line), event.event_id, f"future: {error.detail}"))
                continue
        partition = log.partition(record.line)
        highest[partition] = max(at, highest.get(partition, at))
        if event.ticket_id == found.ticket_id:
            mine.append(_Mine(record.line, event, at if clock == "occurred" else highest[partition]))
    if clock == "occurred":
        mine = _in_their_order(found, log, mine)
    return mine, max(highest.values(), default=None)


def _in_their_order(found: TicketHistory, log: Log, mine: list[_Mine]) -> list[_Mine]:
    """By event time; of two with the same id the first in the log stands (contract §1)."""
    first: dict[str, TicketEvent] = {}
    kept: list[_Mine] = []
    for each in mine:
        known = first.setdefault(each.event.event_id, each.event)
        if known is each.event:
            kept.append(each)
        else:
            why = WHY_NOT[Applied.DUPLICATE if known == each.event else Applied.CONFLICT]
            found.left_out.append(LeftOut(log.where(each.line), each.event.event_id, why))
    return sorted(kept, key=lambda each: each.event.key)


def _live(found: TicketHistory, log: Log, mine: Iterable[_Mine], engine: Engine, as_of: int) -> None:
    """Let an engine read the records, then ask for the story of those it applied."""
    for each in mine:
        place = log.where(each.line)
        if each.log_time > as_of:
            found.left_out.append(LeftOut(place, each.event.event_id, "after the instant of the question"))
            continue
        _advance(engine, each.log_time)
        applied = engine.apply(each.event, each.log_time, each.line)
        if applied is Applied.APPLIED:
            found.events.append(each.event)
            found.places[each.event.event_id] = place
        else:
            found.left_out.append(LeftOut(place, each.event.event_id, WHY_NOT[applied]))
    _advance(engine, as_of)
    engine.advance(as_of)
    engine.release_held()
    found.said = engine.take_outputs()
    found.events.sort(key=lambda event: event.key)
    if found.events:
        found.story = explain_ticket(engine.timeline, found.ticket_id, found.events, as_of)
        found.agrees = found.story.view == engine.view(found.ticket_id, as_of)


def _advance(engine: Engine, now: int) -> None:
    """Stop at each deadline on the way, as a worker that is up to date does."""
    due = engine.next_due()
    while due is not None and due < now:
        engine.advance(due + 1)
        due = engine.next_due()
