"""What one event does to one clock: cancel, stop, reset, pause, resume, start, in this order (contract §4).

First the ticket's new attributes decide the target (a changed one moves the deadline, one that is gone cancels), then
the conditions are asked; so an event that shortens a target and resolves the ticket in one still meets it (rule 6).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from sla_stream.core import cycle as clock
from sla_stream.core.conditions import CANCEL, HOLDS, PAUSE, RESET, RESUME, START, STOP, Attributes
from sla_stream.core.cycle import CANCELLED, MET, MISSED, PAUSED, RUNNING, Cycle
from sla_stream.core.events import ENDED, TicketEvent
from sla_stream.core.facts import Sink, outcome
from sla_stream.core.metrics import AFTER_RESPONSE, DUE_DATE, FIRST_RESPONSE, OWNERSHIP, metric_of
from sla_stream.core.planner import Planner
from sla_stream.core.policy import Relaxation, Target
from sla_stream.core.rows import ACTS, RESTS, Bits, Plan, Row
from sla_stream.core.ticket import Fold
from sla_stream.core.timeline import follows

if TYPE_CHECKING:
    from sla_stream.core.fold import Folder


def merge(before: Attributes, event: TicketEvent) -> Attributes:
    """The attributes after an event; the same object if nothing changes. Never changes `before`."""
    after = before | event.attributes
    if None in event.attributes.values():
        after = {name: value for name, value in after.items() if value is not None}
    if after == before:
        after = before
    if event.kind == "created" and "status" not in after:
        after = {**after, "status": "new"}
    return after


class Step:
    """One event on its way through the clocks of its ticket. `answered`: it gives the first response."""

    __slots__ = (
        "after", "answered", "before", "bits", "event", "first", "fold", "folder", "history", "plan", "planner",
        "reopening", "sink",
    )  # fmt: skip

    planner: Planner
    plan: Plan
    bits: Bits
    reopening: bool

    def __init__(
        self,
        folder: Folder,
        fold: Fold,
        event: TicketEvent,
        before: Attributes,
        first: bool,
        sink: Sink,
        history: Callable[[], tuple[Fold, Sequence[TicketEvent]]],
    ) -> None:
        self.folder = folder
        self.fold = fold
        self.event = event
        self.before = before
        self.after = fold.attributes
        self.first = first
        self.sink = sink
        self.history = history
        self.answered = False

    def look_at(self, planner: Planner) -> None:
        """Judge by the policies of `planner` from here on."""
        self.take(planner, planner.row(self.event, self.before, self.after, self.first))

    def take(self, planner: Planner, row: Row) -> None:
        """The same, with what the planner said of the event."""
        self.planner = planner
        self.plan = row.plan
        self.bits = row.bits
        self.reopening = row.reopening

    def migrate(self, before: Planner, after: Planner) -> None:
        """Policies change at the step's instant: running cycles follow, or keep what they have."""
        self.look_at(after)
        for i, metric in enumerate(after.metrics):
            cycles, target = self.fold.clocks.get(metric), self.plan[i]
            if not cycles or (cycle := cycles[-1]).stage > PAUSED or cycle.started >= self.event.at:
                continue
            current = self.folder.targets.get(cycle.ref)
            if cycle.breached and target is not None:
                continue
            if follows(before.policies, after.policies, current, target):
                cycle.law = self.event.at
                if self._follow_plan(metric, cycle, target):
                    self._pause_by_state(cycles[-1])

    def _pause_by_state(self, cycle: Cycle) -> None:
        """Pause or resume as the new policy's conditions say of the ticket as it is; no event was there to ask."""
        bits = self.bits[self.planner.rule_index[cycle.ref]]
        if bits & HOLDS:
            move_clock(cycle, self.folder.targets[cycle.ref], bits, self.event.at)

    def move(self, metric: str, i: int) -> None:
        """Move the clock of `metric`, the planner's metric number `i`."""
        planner, target = self.planner, self.plan[i]
        cycles = self.fold.clocks.get(metric)
        ref = target.ref if target is not None else 0
        if cycles is not None and (cycle := cycles[-1]).stage <= PAUSED:
            if cycle.ref != ref and not self._passes_on(metric):
                if not self._follow_plan(metric, cycle, target):
                    return self._go_on(metric, i)
                cycle = self.fold.clocks[metric][-1]
            if cycle.promised is not None:
                self._follow_promise(metric, cycle)
            bits = self.bits[planner.rule_index[cycle.ref] if cycle.ref else planner.default_index[i]]
            if bits & STOP and metric == FIRST_RESPONSE:
                self.answered = True
            if bits & ACTS[cycle.stage] != RESTS[cycle.stage] and not self._move_running(metric, cycle, bits):
                self._go_on(metric, i)
            return None
        return self._move_ended(metric, i, target, ref)

    def _passes_on(self, metric: str) -> bool:
        """Whether the event hands the ticket to another group: that ends the old group's cycle, as it was."""
        return metric_of(metric) == OWNERSHIP and self.before.get("group") != self.after.get("group")

    def _go_on(self, metric: str, i: int) -> None:
        """After the event ended a cycle: whatever it starts belongs to the policies in force now."""
        present = self.folder.timeline.at(self.event.at)
        if present is not self.planner:
            self.look_at(present)
        target = self.plan[i]
        self._move_ended(metric, i, target, target.ref if target is not None else 0)

    def _move_ended(self, metric: str, i: int, target: Target | None, ref: int) -> None:
        """Start or reopen the clock, if the event says so."""
        planner = self.planner
        bits = self.bits[planner.rule_index[ref] if ref else planner.default_index[i]]
        if bits & STOP and metric == FIRST_RESPONSE:
            self.answered = True
        if bits & START or self.reopening:
            self._begin(metric, i, target, bits)

    def _begin(self, metric: str, i: int, target: Target | None, bits: int) -> None:
        cycles = self.fold.clocks.get(metric, [])
        kind = self.planner.defaults[i].cycles
        if self.reopening and kind == "reopen":
            if cycles:
                self._reopen(metric, cycles, target, bits)
            else:
                self._start(metric, cycles, target, bits)
        elif bits & START and self._may_start(metric, kind, cycles):
            self._start(metric, cycles, target, bits)

    def _may_start(self, metric: str, kind: str, cycles: list[Cycle]) -> bool:
        if self.event.kind == "created" and self.after.get("status") in ENDED:
            return False
        timed = metric_of(metric)
        if timed == FIRST_RESPONSE and self.fold.responded:
            return False
        if timed == AFTER_RESPONSE and not self.fold.responded:
            return False
        return kind == "each" or not cycles

    def _start(self, metric: str, cycles: list[Cycle], target: Target | None, bits: int) -> None:
        paused = bits & (HOLDS | PAUSE) == HOLDS | PAUSE
        promised = self.after.get("due_at") if metric_of(metric) == DUE_DATE else None
        at = self.event.at
        begun = clock.begin(len(cycles) + 1, target, at, paused, promised, self._relaxation(at))
        self.fold.clocks[metric] = [*cycles, begun]

    def _relaxation(self, started: int) -> Relaxation | None:
        return self.planner.relaxation(self.after, started)

    def _move_running(self, metric: str, cycle: Cycle, bits: int) -> bool:
        """Cancel, stop, reset, pause, resume; whether the cycle still runs."""
        target = self.folder.targets.get(cycle.ref)
        if bits & CANCEL and not cycle.breached:
            reason = "withdrawn" if metric_of(metric) == DUE_DATE else self.event.reason or "cancelled"
            self._end(metric, cycle, target, CANCELLED, reason)
            return False
        if bits & (STOP | CANCEL):
            self._end(metric, cycle, target, MISSED if cycle.breached else MET, None)
            return False
        if target is None:
            return True
        if bits & RESET and not cycle.breached:
            self._tell_again(
                metric, cycle, clock.restart(cycle, target, self.event.at, self._relaxation(self.event.at))
            )
        move_clock(cycle, target, bits, self.event.at)
        return True

    def _end(self, metric: str, cycle: Cycle, target: Target | None, stage: int, reason: str | None) -> None:
        clock.end(cycle, target, self.event.at, stage, reason)
        if target is not None:
            self.sink.say(outcome(self.event.ticket_id, metric, cycle, target, self.after))

    def _tell_again(self, metric: str, cycle: Cycle, thresholds: list[str]) -> None:
        for name in thresholds:
            self.sink.again(metric, cycle.number, name)

    def _follow_plan(self, metric: str, cycle: Cycle, target: Target | None) -> bool:
        """Give a running cycle the target its ticket has now; whether it still runs."""
        current = self.folder.targets.get(cycle.ref)
        if target is None:
            if current is not None:
                self._end(metric, cycle, current, CANCELLED, "no_policy")
                return False
        elif current is None:
            self._attach(metric, cycle, target)
        elif current.ref != target.ref and not cycle.breached:
            started = self.event.at if target.retarget == "restart" else cycle.started
            relaxation = self._relaxation(started)
            self._tell_again(metric, cycle, clock.retarget(cycle, current, target, self.event.at, relaxation))
        return True

    def _follow_promise(self, metric: str, cycle: Cycle) -> None:
        """Move the deadline of a `due_date` cycle with the date promised (a date withdrawn cancels by its rules)."""
        due_at = self.after.get("due_at")
        if due_at is None or due_at == cycle.promised or cycle.breached:
            return
        target = self.folder.targets.get(cycle.ref)
        if target is None:
            cycle.promised = due_at
        else:
            self._tell_again(metric, cycle, clock.promise(cycle, target, due_at, self.event.at))

    def _attach(self, metric: str, cycle: Cycle, target: Target) -> None:
        """Rule 14: time a running cycle from its own start event, with the pauses there were."""
        cycles = self.fold.clocks[metric]
        if target.starts_from == "application":
            relaxation = self._relaxation(self.event.at)
            cycles[-1] = clock.begin(cycle.number, target, self.event.at, False, cycle.promised, relaxation)
            return
        relaxation = self._relaxation(cycle.started)
        fresh = cycles[-1] = clock.begin(cycle.number, target, cycle.started, False, cycle.promised, relaxation)
        fresh.law = cycle.law
        planner = self.planner
        base, events = self.history()
        before = base.attributes
        first = not base.known
        rule = planner.rule_index[target.ref]
        for event in events:
            after = merge(before, event)
            if event.at >= cycle.started:
                self._fire_until(metric, fresh, event.at, before)
                bits = planner.actions.look_up(event, before, after, first)[rule]
                self._relive(fresh, target, event, bits, (before, after))
                if self.folder.observer is not None:
                    self.folder.observer(metric, fresh, event)
            before, first = after, False
        if fresh.stage > PAUSED:
            clock.revive(fresh, target, self.event.at, self._solved_time_counts(fresh, target, self.event.at))
        self._fire_until(metric, fresh, self.event.at, before)

    def _relive(
        self, cycle: Cycle, target: Target, event: TicketEvent, bits: int, around: tuple[Attributes, Attributes]
    ) -> None:
        """Let a past event move a clock whose target came later. Its ends were undone since; nothing is said."""
        was, status = (attributes.get("status") for attributes in around)
        if cycle.stage > PAUSED:
            if was not in ENDED or status in ENDED:
                return
            clock.revive(cycle, target, event.at, self._solved_time_counts(cycle, target, event.at))
        elif event.at > cycle.started:
            if bits & STOP:
                clock.end(cycle, target, event.at, MISSED if cycle.breached else MET)
                return
            if bits & RESET and not cycle.breached:
                clock.restart(cycle, target, event.at, self._relaxation(event.at))
        move_clock(cycle, target, bits, event.at)

    def _solved_time_counts(self, cycle: Cycle, target: Target, at: int) -> bool:
        """Whether the time since an ended cycle's end counts, now that it runs again (rule 5)."""
        if at - cycle.since <= target.reopen_grace:
            return cycle.ended_from == RUNNING
        return target.reopen == "continue"

    def _fire_until(self, metric: str, cycle: Cycle, now: int, attributes: Attributes) -> None:
        while cycle.next_at < now:
            self.folder.fire(metric, cycle, self.event.ticket_id, attributes, self.sink)

    def _reopen(self, metric: str, cycles: list[Cycle], target: Target | None, bits: int) -> None:
        """Rule 5: the ticket leaves resolved and closed."""
        cycle = cycles[-1]
        if cycle.stage == CANCELLED:
            return
        current = self.folder.targets.get(cycle.ref)
        at = self.event.at
        if current is not None and current.reopen == "new_cycle" and at - cycle.since > current.reopen_grace:
            self._start_anew(metric, cycles)
            return
        if current is not None:
            self.sink.withdraw(outcome(self.event.ticket_id, metric, cycle, current, cycle.ticket or self.before))
        counts = current is not None and self._solved_time_counts(cycle, current, at)
        clock.revive(cycle, current, at, counts)
        self._fire_until(metric, cycle, at, self.before)
        if self._follow_plan(metric, cycle, target):
            cycle = cycles[-1]
            now = self.folder.targets.get(cycle.ref)
            if now is not None:
                move_clock(cycle, now, bits, at)

    def _start_anew(self, metric: str, cycles: list[Cycle]) -> None:
        """The next cycle of a reopened clock, under the policies in force now."""
        planner = self.folder.timeline.at(self.event.at)
        self.look_at(planner)
        i = planner.metrics.index(metric)
        target = self.plan[i]
        rule = planner.rule_index[target.ref] if target is not None else planner.default_index[i]
        self._start(metric, cycles, target, self.bits[rule])


def move_clock(cycle: Cycle, target: Target, bits: int, at: int) -> None:
    """Pause or resume a clock as an event's bits say."""
    if bits & HOLDS:
        if bits & PAUSE:
            if cycle.stage == RUNNING:
                clock.pause(cycle, target, at)
        elif cycle.stage == PAUSED:
            clock.resume(cycle, target, at)
        return
    if bits & PAUSE and cycle.stage == RUNNING:
        clock.pause(cycle, target, at)
    if bits & RESUME and cycle.stage == PAUSED:
        clock.resume(cycle, target, at)
