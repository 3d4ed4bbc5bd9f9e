"""Policies against a history: which tickets match none, and which policies no ticket ever takes."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Final

from sla_stream.core.conditions import Attributes
from sla_stream.core.moves import merge
from sla_stream.core.policy import PolicySet
from sla_stream.core.timeline import Timeline
from sla_stream.history.log import BadRecord, Record
from sla_stream.history.order import OrderedEvents

MOST_EXAMPLES: Final = 5


@dataclass(slots=True)
class Coverage:
    """`examples`: the first tickets that match nothing, with their attributes at the end."""

    tickets: int = 0
    unmatched: int = 0
    examples: list[tuple[str, Attributes]] = field(default_factory=list)
    unused: list[str] = field(default_factory=list)
    """Names of policies that no ticket takes a target from, in the order in which they are asked."""
    bad: list[BadRecord] = field(default_factory=list)


def cover(policies: PolicySet, log: Iterable[Record | BadRecord]) -> Coverage:
    """Each ticket is looked at after each of its events; one target at one of them is enough."""
    timeline = Timeline([(0, policies)])
    coverage = Coverage()
    tickets: dict[str, Attributes] = {}
    matched: set[str] = set()
    taken: set[str] = set()
    with OrderedEvents() as events:
        for record in log:
            if isinstance(record, Record):
                events.add(record.line, record.event)
            else:
                coverage.bad.append(record)
        for _, _, event, _ in events:
            attributes = tickets[event.ticket_id] = merge(tickets.get(event.ticket_id, {}), event)
            targets = [target for target in timeline.at(event.at).plan(attributes) if target is not None]
            if targets:
                matched.add(event.ticket_id)
                taken.update(target.policy for target in targets)
    coverage.tickets = len(tickets)
    missed = [name for name in tickets if name not in matched]
    coverage.unmatched = len(missed)
    coverage.examples = [(name, tickets[name]) for name in missed[:MOST_EXAMPLES]]
    coverage.unused = [name for name in dict.fromkeys(each.name for each in policies.policies) if name not in taken]
    return coverage
