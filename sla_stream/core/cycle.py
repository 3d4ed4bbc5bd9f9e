"""One run of one clock: how time is used, when something is due, and how a cycle begins, pauses and ends.

The rules of this file (contract §5):

- A running cycle keeps one number, `base`, with  elapsed(t) = schedule.used(t) - base.  While paused and after the
  end `base` is the elapsed time itself. So pausing, resuming and changing the target are additions.
- Something is due at the earliest instant at which its mark is used up, but never before `since`, the instant of the
  last change: what a change uses up is due at the change.
- A breach freezes target and due_at. There is one breach a cycle; steps after it count unpaused schedule time.
- A cycle without a target (`ref` 0) only remembers that it was started.

    stage      running <-> paused
                  \\          /
               met / missed / cancelled   -- revive (reopen) --> running

All instants and durations are ms.
"""

from __future__ import annotations

from typing import Final, NamedTuple

from sla_stream.core.cycle_state import CANCELLED, MET, MISSED, PAUSED, RUNNING, STAGES, Cycle
from sla_stream.core.policy import Relaxation, Target, Threshold
from sla_stream.core.schedule import FAR

__all__ = ["CANCELLED", "MET", "MISSED", "PAUSED", "RUNNING", "STAGES", "Cycle"]


class Mark(NamedTuple):
    """A threshold as schedule time: since the start for a warning, since due_at for an escalation."""

    used: int
    bit: int
    threshold: Threshold


_MARKS_LIMIT: Final = 100_000  # promised dates make any number of durations
_marks: dict[tuple[int, int], tuple[tuple[Mark, ...], tuple[Mark, ...]]] = {}


def marks(target: Target, duration: int) -> tuple[tuple[Mark, ...], tuple[Mark, ...]]:
    """(warnings, escalations) in the order in which they come. A mark at or before the start never fires."""
    key = (target.ref, duration)
    found = _marks.get(key)
    if found is None:
        if len(_marks) >= _MARKS_LIMIT:
            _marks.clear()
        warnings = []
        for i, threshold in enumerate(target.warnings):
            used = _before_due(threshold, duration)
            if used > 0:
                warnings.append(Mark(used, 1 << i, threshold))
        first = len(target.warnings)
        escalations = [Mark(step.after or 0, 1 << (first + i), step) for i, step in enumerate(target.escalations)]
        found = _marks[key] = (
            tuple(sorted(warnings, key=lambda mark: mark.used)),
            tuple(sorted(escalations, key=lambda mark: mark.used)),
        )
    return found


def _before_due(threshold: Threshold, duration: int) -> int:
    if threshold.percent is not None:
        return round(duration * threshold.percent / 100)
    return duration - (threshold.before or 0)


def duration_of(target: Target, started: int) -> int:
    """Schedule time the target allows; business days become schedule time at the start (contract §4)."""
    if target.duration is not None:
        return target.duration
    schedule = target.schedule
    end = schedule.business_days_later(started, target.business_days or 0)
    return schedule.used(end) - schedule.used(started)


def begin(
    number: int,
    target: Target | None,
    at: int,
    paused: bool = False,
    promised: int | None = None,
    relaxation: Relaxation | None = None,
) -> Cycle:
    """A cycle that starts at `at`, paused at once if the pause already holds."""
    cycle = Cycle(number=number, started=at, since=at, law=at, promised=promised)
    if target is not None:
        cycle.ref = target.ref
        if promised is not None:
            promise(cycle, target, promised, at)
            return cycle
        allow(cycle, target, relaxation)
        if paused:
            cycle.stage = PAUSED
        else:
            cycle.base = target.schedule.used(at)
            arm(cycle, target)
    return cycle


def allow(cycle: Cycle, target: Target, relaxation: Relaxation | None) -> None:
    """Set the time a cycle is allowed, stretched by a relaxation."""
    cycle.target = duration_of(target, cycle.started)
    cycle.relaxed = None
    if relaxation is not None:
        cycle.relaxed = relaxation.name
        cycle.raw = cycle.target
        cycle.target = round(cycle.target * relaxation.factor) + relaxation.extra


def note_raw(cycle: Cycle, target: Target, at: int) -> None:
    """Before the clock of a relaxed cycle changes: whether its raw target has run out, and when."""
    if cycle.relaxed and not cycle.raw_missed and cycle.stage == RUNNING:
        due = max(target.schedule.instant(cycle.base + cycle.raw), cycle.since)
        cycle.raw_due = due
        cycle.raw_missed = due < at


def promise(cycle: Cycle, target: Target, due_at: int, at: int) -> list[str]:
    """Set or move the promised date of a cycle; returns the names of the warnings that can come again."""
    used = target.schedule.used
    if cycle.since == at and not cycle.base:
        cycle.base = used(cycle.started)
    said = {mark.threshold.name for mark in marks(target, cycle.target)[0] if cycle.fired & mark.bit}
    cycle.promised = due_at
    cycle.target = max(0, used(due_at) - cycle.base)
    cycle.since = at
    again = _refire(cycle, target, used(at) - cycle.base, said)
    arm(cycle, target)
    return again


def _refire(cycle: Cycle, target: Target, spent: int, said: set[str]) -> list[str]:
    """Mark as fired what was said and is still reached; the names of what was said and is not reached, or not there."""
    cycle.fired = 0
    again = set(said)
    for mark in marks(target, cycle.target)[0]:
        if mark.threshold.name in said and mark.used <= spent:
            cycle.fired |= mark.bit
            again.discard(mark.threshold.name)
    return sorted(again)


def arm(cycle: Cycle, target: Target) -> None:
    """Work out `due` and `next_at` of a running cycle."""
    if not cycle.breached:
        whole = target.schedule.instant(cycle.base + cycle.target) if cycle.promised is None else cycle.promised
        cycle.due = max(whole, cycle.since)
    _await(cycle, target, marks(target, cycle.target))


def _await(cycle: Cycle, target: Target, thresholds: tuple[tuple[Mark, ...], tuple[Mark, ...]]) -> None:
    """Work out `next_at`: the first warning not passed yet, else `due`; after a breach the first escalation."""
    warnings, escalations = thresholds
    if cycle.breached:
        cycle.next_at = FAR
        for mark in escalations:
            if not cycle.fired & mark.bit:
                cycle.next_at = max(target.schedule.instant(cycle.base + cycle.at_due + mark.used), cycle.since)
                return
        return
    for mark in warnings:
        if not cycle.fired & mark.bit:
            cycle.next_at = max(target.schedule.instant(cycle.base + mark.used), cycle.since)
            return
    cycle.next_at = cycle.due


def fire(cycle: Cycle, target: Target) -> Threshold | None:
    """Pass the next threshold, whose instant is `next_at`; None means it is the deadline: the cycle is breached."""
    thresholds = marks(target, cycle.target)
    warnings, escalations = thresholds
    for mark in escalations if cycle.breached else warnings:
        if not cycle.fired & mark.bit:
            cycle.fired |= mark.bit
            _await(cycle, target, thresholds)
            return mark.threshold
    cycle.breached = True
    cycle.at_due = target.schedule.used(cycle.due) - cycle.base
    _await(cycle, target, thresholds)
    return None


def elapsed(cycle: Cycle, target: Target, at: int) -> int:
    """Schedule time used at `at`."""
    return target.schedule.used(at) - cycle.base if cycle.stage == RUNNING else cycle.base


def paused_for(cycle: Cycle, target: Target, at: int) -> int:
    """Schedule time paused until `at`."""
    if cycle.stage != PAUSED:
        return cycle.paused
    used = target.schedule.used
    return cycle.paused + used(at) - used(cycle.since)


def pause(cycle: Cycle, target: Target, at: int) -> None:
    """Stop the clock of a running cycle."""
    note_raw(cycle, target, at)
    cycle.base = target.schedule.used(at) - cycle.base
    cycle.stage = PAUSED
    cycle.since = at
    cycle.next_at = FAR


def resume(cycle: Cycle, target: Target, at: int) -> None:
    """Let the clock of a paused cycle go on: what remained, remains from now."""
    cycle.paused = paused_for(cycle, target, at)
    cycle.base = target.schedule.used(at) - cycle.base
    cycle.stage = RUNNING
    cycle.since = at
    arm(cycle, target)


def end(cycle: Cycle, target: Target | None, at: int, stage: int, reason: str | None = None) -> None:
    """End a running or paused cycle. A deadline still open then is forgotten if the cycle was paused."""
    cycle.ended_from = cycle.stage
    if target is not None:
        note_raw(cycle, target, at)
        spent = elapsed(cycle, target, at)
        cycle.paused = paused_for(cycle, target, at)
        cycle.base = spent
        if cycle.stage == PAUSED and not cycle.breached:
            cycle.due = FAR
            cycle.raw_due = cycle.raw_due if cycle.raw_missed else FAR
    cycle.stage = stage
    cycle.since = at
    cycle.next_at = FAR
    cycle.reason = reason


def revive(cycle: Cycle, target: Target | None, at: int, counts: bool) -> None:
    """Let an ended cycle run again. `counts`: the time since its end counts as running, else as paused."""
    cycle.reason = None
    cycle.ticket = None
    if target is None:
        cycle.stage = RUNNING
        cycle.since = at
        return
    used = target.schedule.used
    spent = cycle.base
    if counts:
        cycle.base = used(cycle.since) - spent
    else:
        cycle.paused += used(at) - used(cycle.since)
        cycle.base = used(at) - spent
        cycle.since = at
    cycle.stage = RUNNING
    arm(cycle, target)


def restart(cycle: Cycle, target: Target, at: int, relaxation: Relaxation | None) -> list[str]:
    """Start the same cycle from zero; returns the names of the warnings that can come again."""
    again = [mark.threshold.name for mark in marks(target, cycle.target)[0] if cycle.fired & mark.bit]
    cycle.started = cycle.since = at
    allow(cycle, target, relaxation)
    cycle.paused = cycle.fired = 0
    if cycle.stage == RUNNING:
        cycle.base = target.schedule.used(at)
        arm(cycle, target)
    else:
        cycle.base = 0
    return again


def retarget(cycle: Cycle, old: Target, new: Target, at: int, relaxation: Relaxation | None) -> list[str]:
    """Move a cycle that is not breached to another target; returns the names of warnings that can come again.

    Elapsed time is kept as an amount, whatever the schedules; a threshold that was said and is still reached is not
    said again; one that is no longer reached can come again (rule 7).
    """
    note_raw(cycle, old, at)
    if new.retarget == "restart":
        spent = cycle.paused = 0
        cycle.started = at
    else:
        spent = elapsed(cycle, old, at)
        cycle.paused = paused_for(cycle, old, at)
    said = {mark.threshold.name for mark in marks(old, cycle.target)[0] if cycle.fired & mark.bit}
    cycle.ref = new.ref
    cycle.since = at
    if cycle.promised is not None:
        cycle.base = new.schedule.used(at) - spent
        cycle.target = max(0, new.schedule.used(cycle.promised) - cycle.base)
    else:
        allow(cycle, new, relaxation)
        cycle.base = new.schedule.used(at) - spent if cycle.stage == RUNNING else spent
    again = _refire(cycle, new, spent, said)
    if cycle.stage == RUNNING:
        arm(cycle, new)
    return again
