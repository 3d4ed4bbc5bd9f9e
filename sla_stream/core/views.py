"""A ticket as the outside sees it: the state of each of its cycles at an instant (contract §3)."""

from __future__ import annotations

import msgspec

from sla_stream.core import cycle as clock
from sla_stream.core.cycle import PAUSED, RUNNING, STAGES, Cycle
from sla_stream.core.metrics import metric_of
from sla_stream.core.policy import Target
from sla_stream.core.schedule import FAR
from sla_stream.core.ticket import Fold, Ticket


class TimerState(msgspec.Struct):
    """Contract §3, one (ticket, metric, cycle); instants and durations in ms. Codec renders it."""

    ticket_id: str
    metric: str
    policy: str
    policy_version: str
    schedule: str
    cycle: int
    stage: str
    breached: bool
    breached_at: int | None
    started_at: int
    due_at: int | None
    ended_at: int | None
    target: int
    elapsed: int
    paused: int
    as_of: int
    open_hours: bool
    kind: str = "sla"
    relaxation: str | None = None


class TicketView(msgspec.Struct):
    """Everything known of one ticket, for the timers topic, the API and `replay --out state`."""

    ticket_id: str
    ticket: dict[str, object]
    cycles: list[TimerState]
    as_of: int


def view_ticket(ticket: Ticket, targets: dict[int, Target], as_of: int, ended: bool = True) -> TicketView:
    """The ticket at `as_of` (ms): every cycle that has a target, by metric and number; `ended`: also ended ones."""
    return view_fold(ticket.ticket_id, ticket.fold, targets, as_of, ended)


def view_fold(ticket_id: str, fold: Fold, targets: dict[int, Target], as_of: int, ended: bool = True) -> TicketView:
    """The same of a fold."""
    cycles = [
        _view_cycle(ticket_id, metric, cycle, targets[cycle.ref], as_of)
        for metric in sorted(fold.clocks)
        for cycle in fold.clocks[metric]
        if cycle.ref and (ended or cycle.stage <= PAUSED)
    ]
    return TicketView(ticket_id, dict(fold.attributes), cycles, as_of)


def _view_cycle(ticket_id: str, metric: str, cycle: Cycle, target: Target, as_of: int) -> TimerState:
    ended = cycle.stage > PAUSED
    as_of = max(as_of, cycle.since)  # an event from ahead of the clock has used no time yet
    at = cycle.since if ended else as_of
    breached = cycle.breached or (cycle.stage == RUNNING and cycle.due < as_of)
    shown = breached or cycle.stage == RUNNING
    return TimerState(
        ticket_id=ticket_id,
        metric=metric_of(metric),
        policy=target.policy,
        policy_version=target.policy_version,
        schedule=target.schedule.name,
        cycle=cycle.number,
        stage=STAGES[cycle.stage],
        breached=breached,
        breached_at=cycle.due if breached else None,
        started_at=cycle.started,
        due_at=cycle.due if shown and not ended and cycle.due < FAR else None,
        ended_at=cycle.since if ended else None,
        target=cycle.target,
        elapsed=clock.elapsed(cycle, target, at),
        paused=clock.paused_for(cycle, target, at),
        as_of=as_of,
        open_hours=target.schedule.is_open(as_of),
        kind=target.kind,
        relaxation=cycle.relaxed,
    )
