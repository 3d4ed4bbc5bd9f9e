"""Facts the fold finds, and whom it tells: SLA events without what only the saying of them decides.

Id, revision, supersession and time of decision belong to the engine (`engine.py`): they depend on what was said
before, while a fact depends on a ticket's events alone.
"""

from __future__ import annotations

from typing import Protocol

from sla_stream.core import cycle as clock
from sla_stream.core.conditions import Attributes
from sla_stream.core.cycle import CANCELLED, MET, MISSED, STAGES, Cycle
from sla_stream.core.policy import Target
from sla_stream.core.schedule import FAR
from sla_stream.core.sla_events import OUTCOME, SlaEvent, Type

Identity = tuple[object, ...]


class Sink(Protocol):
    """Who is told what the fold finds."""

    def say(self, fact: SlaEvent) -> None:
        """A warning, breach, escalation or outcome holds."""

    def withdraw(self, fact: SlaEvent) -> None:
        """An outcome found before no longer holds: its cycle runs again."""

    def again(self, metric: str, number: int, threshold: str) -> None:
        """A warning found before can come again: a moved target made it unreached."""


class Facts:
    """A sink that collects: in the end, `standing` holds what is true.

    `repeatable`: (metric, cycle, threshold) of warnings that came and can come again.
    """

    __slots__ = ("repeatable", "standing")

    def __init__(self) -> None:
        self.standing: list[SlaEvent] = []
        self.repeatable: set[tuple[str, int, str]] = set()

    def say(self, fact: SlaEvent) -> None:
        self.standing.append(fact)

    def withdraw(self, fact: SlaEvent) -> None:
        gone = identity(fact)
        for i in range(len(self.standing) - 1, -1, -1):
            if identity(self.standing[i]) == gone:
                del self.standing[i]
                return

    def again(self, metric: str, number: int, threshold: str) -> None:
        """What was said stands, and may be said a second time."""
        self.repeatable.add((metric, number, threshold))


def fact(
    type_: Type,
    ticket_id: str,
    metric: str,
    cycle: Cycle,
    target: Target,
    at: int,
    attributes: Attributes,
    threshold: str | None = None,
) -> SlaEvent:
    """What can be said of `cycle` at `at`."""
    elapsed, due = clock.elapsed(cycle, target, at), cycle.due
    # By position, in the order of SlaEvent's fields: this is made for every threshold and outcome of a log.
    return SlaEvent(
        type_,
        ticket_id,
        metric,
        target.metric,
        cycle.number,
        threshold,
        target,
        cycle.target,
        cycle.started,
        due if due < FAR else None,
        at,
        elapsed,
        cycle.paused,
        elapsed - cycle.at_due if cycle.breached else 0,
        attributes,
    )


def outcome(ticket_id: str, metric: str, cycle: Cycle, target: Target, attributes: Attributes) -> SlaEvent:
    """How an ended cycle ended."""
    event = fact(OUTCOME, ticket_id, metric, cycle, target, cycle.since, attributes)
    event.outcome = STAGES[cycle.stage]
    event.reason = cycle.reason
    if cycle.relaxed:
        due = cycle.raw_due if cycle.raw_due < FAR else None
        event.raw = (due, event.outcome if cycle.stage == CANCELLED else STAGES[MISSED if cycle.raw_missed else MET])
    return event


def identity(event: SlaEvent) -> Identity:
    """Two facts with the same identity are the same fact; what else they carry may differ by what was known."""
    return (
        event.type,
        event.clock,
        event.cycle,
        event.threshold,
        event.due_at,
        event.at,
        event.started_at,
        event.target_ms,
        event.elapsed,
        event.target.ref,
        event.outcome,
        event.reason,
    )
