"""What an event of one kind means to every clock of tickets with one plan: worked out once, then looked up.

Most events move no clock of their ticket. A row tells so after a glance at each cycle's stage, before anything is
set up to move it.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final, NamedTuple

from sla_stream.core.conditions import CANCEL, HOLDS, PAUSE, RESET, RESUME, START, STOP, Attributes
from sla_stream.core.cycle import PAUSED, Cycle
from sla_stream.core.events import ENDED, TicketEvent
from sla_stream.core.metrics import FIRST_RESPONSE
from sla_stream.core.policy import Target

Plan = tuple[Target | None, ...]
"""The target of each clock of a planner, in the order of `Planner.metrics`."""
Bits = tuple[int, ...]
"""What an event means under each distinct set of rules of a planner (conditions.ActionTable)."""
EventClass = tuple[Any, ...]
"""All that conditions can see of an event (ActionTable.class_of)."""


def reopens(event: TicketEvent, before: Attributes, after: Attributes, first: bool) -> bool:
    """Whether the event makes its ticket leave resolved and closed."""
    was, status = before.get("status"), after.get("status")
    return status not in ENDED and (was in ENDED or (first and event.kind == "reopened"))


ACTS: Final = (CANCEL | STOP | RESET | PAUSE, CANCEL | STOP | RESET | HOLDS | PAUSE | RESUME)
"""Bits that matter to a running and to a paused clock. (Those in RESTS, and no others: nothing happens.)"""
RESTS: Final = (0, HOLDS | PAUSE)


class Place(NamedTuple):
    """One clock: its place among the planner's, the target that the plan has for it, and the bits of that target.

    `rests`: whether nothing happens to it while running and while paused. `stirs`: an ended clock has to look.
    """

    metric: str
    number: int
    ref: int
    rests: tuple[bool, bool]
    stirs: bool


class Row:
    """`plan` and `bits` as they were looked up, and what follows from them for each clock.

    `reopening`: the event makes its ticket leave resolved and closed.
    """

    __slots__ = ("bits", "places", "plan", "reopening")

    def __init__(self, plan: Plan, bits: Bits, reopening: bool, metrics: Sequence[str], rules: Sequence[int]) -> None:
        """`rules`: of each clock, the index of its rules in `bits`."""
        self.plan = plan
        self.bits = bits
        self.reopening = reopening
        self.places = tuple(
            _place(metric, number, target.ref if target is not None else 0, bits[rule], reopening)
            for number, (metric, target, rule) in enumerate(zip(metrics, plan, rules, strict=True))
        )


def _place(metric: str, number: int, ref: int, bits: int, reopening: bool) -> Place:
    running, paused = (bits & ACTS[stage] == RESTS[stage] for stage in range(PAUSED + 1))
    # The first response counts as given whether or not its clock runs.
    stirs = reopening or bool(bits & START) or (metric == FIRST_RESPONSE and bool(bits & STOP))
    return Place(metric, number, ref, (running, paused), stirs)


def moved(row: Row, clocks: dict[str, list[Cycle]]) -> list[tuple[str, int]]:
    """(metric, number) of the clocks that the row's event may do something to."""
    found = []
    for metric, number, ref, rests, stirs in row.places:
        cycles = clocks.get(metric)
        if cycles is not None and (cycle := cycles[-1]).stage <= PAUSED:
            if cycle.ref != ref or cycle.promised is not None or not rests[cycle.stage]:
                found.append((metric, number))
        elif stirs:
            found.append((metric, number))
    return found
