"""The fold: what a ticket's events, in their order, mean for its clocks (contract §5).

`Folder.apply` folds one event; `Folder.fire_before` lets time pass. Both tell a `Sink` what they find; neither knows
when anything is read or published, so the same code serves the live path, a late event's second look, and a replay.
Before an event at `t` is applied, everything due strictly before `t` has fired: a reply in the very millisecond of
the deadline is in time.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Final

from sla_stream.core import cycle as clock
from sla_stream.core.conditions import Attributes
from sla_stream.core.cycle import CANCELLED, MET, PAUSED, Cycle
from sla_stream.core.events import TicketEvent
from sla_stream.core.facts import Sink, fact, outcome
from sla_stream.core.moves import Step, merge
from sla_stream.core.planner import Planner
from sla_stream.core.rows import moved
from sla_stream.core.sla_events import BREACH, ESCALATION, WARNING, Type
from sla_stream.core.ticket import NEVER, Fold
from sla_stream.core.timeline import Timeline

UNDOES: Final = {"unmerged": "merged", "restored": "deleted"}
"""Kinds that make a merge or a deletion as if it had never happened (rule 11)."""
VOIDS: Final = frozenset(UNDOES.values())

History = Callable[[], tuple[Fold, Sequence[TicketEvent]]]
"""The oldest fold that is kept of a ticket, and the events since, without the one being applied."""

Observer = Callable[[str, Cycle, TicketEvent], None]
"""(name of the clock, its cycle after the step, the event of the step)."""


class Folder:
    """Folds the events of tickets under a timeline of policies."""

    __slots__ = ("observer", "targets", "timeline")

    def __init__(self, timeline: Timeline) -> None:
        self.timeline = timeline
        self.targets = timeline.targets
        self.observer: Observer | None = None
        """Shown each cycle after a step that lies inside another (explain wants to see every one)."""

    def fire_before(self, fold: Fold, ticket_id: str, now: int, sink: Sink, history: History) -> int:
        """Let time pass until `now`; the instant of the last threshold told, or NEVER.

        Tells every threshold whose instant lies before `now`, in their order, and takes running cycles over changes
        of policy on the way.
        """
        last = NEVER
        while (boundary := self.timeline.next_boundary(fold.lawful_to)) < now:
            last = max(last, self._fire_all(fold, ticket_id, boundary, sink))
            self._cross(fold, ticket_id, boundary, sink, history)
        return max(last, self._fire_all(fold, ticket_id, now, sink))

    def _cross(self, fold: Fold, ticket_id: str, boundary: int, sink: Sink, history: History) -> None:
        fold.lawful_to = boundary
        if fold.void is None and fold.clocks:
            change = TicketEvent(boundary, 0, "", ticket_id, "policy", "system", False, {})
            step = Step(self, fold, change, fold.attributes, False, sink, history)
            step.migrate(self.timeline.before(boundary), self.timeline.at(boundary))
            self._show(fold, change)

    def _show(self, fold: Fold, event: TicketEvent) -> None:
        if self.observer is not None:
            for clock_name, cycles in fold.clocks.items():
                self.observer(clock_name, cycles[-1], event)

    def _fire_all(self, fold: Fold, ticket_id: str, now: int, sink: Sink) -> int:
        last = NEVER
        while True:
            next_at, found = now, ""
            for metric, cycles in fold.clocks.items():
                at = cycles[-1].next_at
                if at < next_at or (at == next_at < now and metric < found):
                    next_at, found = at, metric
            if not found:
                return last
            last = max(last, next_at)
            self.fire(found, fold.clocks[found][-1], ticket_id, fold.attributes, sink)

    def fire(self, metric: str, cycle: Cycle, ticket_id: str, attributes: Attributes, sink: Sink) -> None:
        """Pass the next threshold of one cycle."""
        target = self.targets[cycle.ref]
        at = cycle.next_at
        was_breached = cycle.breached
        threshold = clock.fire(cycle, target)
        kind: Type = ESCALATION if was_breached else WARNING if threshold else BREACH
        name = threshold.name if threshold else None
        sink.say(fact(kind, ticket_id, metric, cycle, target, at, attributes, name))

    def apply(self, fold: Fold, event: TicketEvent, sink: Sink, history: History) -> None:
        """Fold the next event of a ticket in."""
        first = not fold.known
        fold.known = True
        if not self.timeline.single:
            while (boundary := self.timeline.next_boundary(fold.lawful_to)) <= event.at:
                self._cross(fold, event.ticket_id, boundary, sink, history)
        if first and event.kind != "created":
            first = self._first_seen(fold, event, sink, history)
        before = fold.attributes
        after = fold.attributes = merge(before, event)
        if before is not after:
            self._keep_ended_attributes(fold, before)
        if event.kind in VOIDS:
            self._cancel_all(fold, event, sink)
            return
        if fold.void is not None and fold.void == UNDOES.get(event.kind):
            fold.void = None
        if fold.void is None:
            self._move_clocks(fold, event, before, first, sink, history)

    def _first_seen(self, fold: Fold, event: TicketEvent, sink: Sink, history: History) -> bool:
        """Rule 13: a ticket first seen in mid-life. Returns whether `event` still is its first event."""
        if event.created_at is None:
            fold.responded = True
            return True
        created = TicketEvent(
            at=min(event.created_at, event.at),
            sequence=event.sequence,
            event_id=event.event_id,
            ticket_id=event.ticket_id,
            kind="created",
            actor="system",
            public=True,
            attributes={name: value for name, value in event.attributes.items() if name != "status"},
        )
        fold.attributes = merge({}, created)
        self._move_clocks(fold, created, {}, True, sink, history)
        self._show(fold, created)
        self.fire_before(fold, event.ticket_id, event.at, sink, history)
        return False

    def _keep_ended_attributes(self, fold: Fold, before: Attributes) -> None:
        """An ended cycle that may run again remembers what its outcome said of the ticket."""
        for metric in self.timeline.reopening:
            cycles = fold.clocks.get(metric)
            if cycles is not None and (cycle := cycles[-1]).stage >= MET and cycle.ticket is None:
                cycle.ticket = before

    def _cancel_all(self, fold: Fold, event: TicketEvent, sink: Sink) -> None:
        fold.void = event.kind
        for metric in sorted(fold.clocks):
            cycle = fold.clocks[metric][-1]
            if cycle.stage <= PAUSED:
                target = self.targets.get(cycle.ref)
                clock.end(cycle, target, event.at, CANCELLED, event.kind)
                if target is not None:
                    sink.say(outcome(event.ticket_id, metric, cycle, target, fold.attributes))

    def _move_clocks(
        self, fold: Fold, event: TicketEvent, before: Attributes, first: bool, sink: Sink, history: History
    ) -> None:
        timeline = self.timeline
        planner = timeline.at(event.at)
        row = planner.row(event, before, fold.attributes, first)
        of_now = timeline.single or _judged_since(fold, timeline.began(event.at))
        places = moved(row, fold.clocks) if of_now else None
        if places == []:
            return
        step = Step(self, fold, event, before, first, sink, history)
        step.take(planner, row)
        if places is None:
            self._move_through_time(step, fold, planner)
        else:
            for metric, number in places:
                step.move(metric, number)
        if step.answered:
            fold.responded = True

    def _move_through_time(self, step: Step, fold: Fold, now: Planner) -> None:
        """A running or reopened cycle is moved by its own policies, everything else by those in force now."""
        for i, metric in enumerate(now.metrics):
            cycles = fold.clocks.get(metric)
            planner = now
            if cycles and (cycles[-1].stage <= PAUSED or (step.reopening and metric in self.timeline.reopening)):
                planner = self.timeline.at(cycles[-1].law)
            step.look_at(planner)
            step.move(metric, i)


def _judged_since(fold: Fold, instant: int) -> bool:
    """Whether the policies of no earlier time than this judge the last cycle of each clock."""
    return all(cycles[-1].law >= instant for cycles in fold.clocks.values())


def without_undone(events: Sequence[TicketEvent]) -> Sequence[TicketEvent]:
    """The events as if each merge or deletion that was undone later had never happened.

    The event that undoes stays (it may change attributes); what it undoes goes whole.
    """
    if not any(event.kind in UNDOES for event in events):
        return events
    kept: list[TicketEvent] = []
    for event in events:
        undone = UNDOES.get(event.kind)
        if undone is not None:
            kept = [earlier for earlier in kept if earlier.kind != undone]
        kept.append(event)
    return kept
