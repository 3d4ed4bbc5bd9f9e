"""Saying things once: revisions, supersessions, holding back, and taking back (contract §2, rules 7, 8, 10).

A `Voice` turns facts into SLA events in the name of one ticket. What was said plainly (first time, not late) leaves no
trace in the ticket: the fold tells it. Only what differs is noted.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from sla_stream.core.facts import Facts, Identity, identity
from sla_stream.core.ids import retraction_id
from sla_stream.core.policy import Target
from sla_stream.core.sla_events import OUTCOME, RETRACTION, WARNING, SlaEvent
from sla_stream.core.ticket import Held, Note, Ticket

PLAIN = Note(at=0, revision=0, late_attach=False, supersedes=None)


class Voice:
    """Speaks for one ticket at one log time; a `Sink` for what a single in-order event or the clock brings.

    `of` says for whom and when. `live`: facts come from the passing of time, so nothing about them is late. Otherwise
    an event was just read, and a threshold of it that is already past is held for `settle_for`.
    """

    __slots__ = ("_hold", "_live", "_now", "_out", "_publish_from", "_settle", "_ticket")

    _ticket: Ticket
    _now: int
    _live: bool

    def __init__(self, settle_for: int, hold_for: int, publish_from: int | None) -> None:
        self._out: list[SlaEvent] = []
        self._settle = settle_for
        self._hold = hold_for
        self._publish_from = publish_from

    def of(self, ticket: Ticket, now: int, live: bool) -> Voice:
        """Speak for `ticket` at log time `now` from here on."""
        self._ticket = ticket
        self._now = now
        self._live = live
        return self

    def take(self) -> list[SlaEvent]:
        """What was said since the last call."""
        taken, self._out = self._out, []
        return taken

    # -- the Sink of the fold ------------------------------------------------------------------------------------

    def say(self, fact: SlaEvent) -> None:
        """Say it, or hold it back until its time; behind what the same cycle still holds back."""
        if fact.type == OUTCOME:
            if fact.at <= self._now:
                self._speak(fact)
            else:
                self._ticket.held.append(_held(fact, fact.at - 1))
            return
        late = not self._live and fact.at < self._now
        release = fact.at + self._hold
        if late and self._settle:
            release = max(release, self._now + self._settle)
        fact.late_attach = late
        for held in self._ticket.held:
            if held.metric == fact.clock and held.cycle == fact.cycle:
                release = max(release, held.release)
        if release < self._now:
            self._speak(fact)
        else:
            self._ticket.held.append(_held(fact, release))

    def withdraw(self, fact: SlaEvent) -> None:
        """Take an outcome back: its cycle runs again."""
        unsaid = [held for held in self._ticket.held if _held_identity(held) == identity(fact)]
        if unsaid:
            self._ticket.held.remove(unsaid[0])
            return
        self._recall(fact)
        self._retract(fact, "reopened")

    def again(self, metric: str, number: int, threshold: str) -> None:
        """Count what was said of a threshold that may come again."""
        key = _key(metric, number, WARNING, threshold)
        waiting = any(_key(h.metric, h.cycle, h.type, h.threshold) == key for h in self._ticket.held)
        self._ticket.times.setdefault(key, 0 if waiting else 1)

    # -- the rest ------------------------------------------------------------------------------------------------

    def release(self, targets: dict[int, Target], until: int) -> None:
        """Say what was held back for an instant before `until`."""
        due = [held for held in self._ticket.held if held.release < until]
        if not due:
            return
        self._ticket.held = [held for held in self._ticket.held if held.release >= until]
        for held in sorted(due, key=lambda held: (held.release, held.at)):
            self._speak(_unheld(held, self._ticket.ticket_id, targets))

    def change(self, before: Facts, after: Facts, reason: str) -> None:
        """The ticket's facts were `before` and are `after`: say the difference to what was said."""
        old, new = before.standing, after.standing
        waiting = {_held_identity(held): held for held in self._ticket.held}
        said = [fact for fact in old if identity(fact) not in waiting]
        gone = Counter(map(identity, old)) - Counter(map(identity, new))
        come = Counter(map(identity, new)) - Counter(map(identity, old))
        removed = _take(said, gone)
        added = _take(new, come)
        self._ticket.held = [held for who, held in waiting.items() if who not in gone]
        self._count(said, removed, added)
        replaced = {(fact.clock, fact.cycle): fact for fact in removed if fact.type == OUTCOME}
        successors = [(fact.clock, fact.cycle) for fact in added if fact.type == OUTCOME and fact.at <= self._now]
        for fact in removed:
            self._recall(fact)
            if fact.type != OUTCOME or (fact.clock, fact.cycle) not in successors:
                self._retract(fact, reason)
        for fact in added:
            if fact.type == OUTCOME and fact.at <= self._now and (fact.clock, fact.cycle) in replaced:
                fact.supersedes = replaced[fact.clock, fact.cycle].id
            self.say(fact)
        for metric, number, threshold in after.repeatable:
            self.again(metric, number, threshold)

    def _count(self, said: list[SlaEvent], removed: list[SlaEvent], added: list[SlaEvent]) -> None:
        """Start to count what will have been said more than once."""
        before = Counter(map(_key_of, said))
        for key in {_key_of(fact) for fact in removed}:
            self._ticket.times.setdefault(key, before[key])
        for key, count in Counter(map(_key_of, added)).items():
            if before[key] or count > 1:
                self._ticket.times.setdefault(key, before[key])

    def _speak(self, fact: SlaEvent) -> None:
        ticket = self._ticket
        if ticket.times:
            key = _key_of(fact)
            times = ticket.times.get(key)
            if times is not None:
                fact.revision = times
                ticket.times[key] = times + 1
        if fact.revision or fact.late_attach or fact.supersedes:
            ticket.notes[_note_key(fact)] = Note(fact.at, fact.revision, fact.late_attach, fact.supersedes)
        if fact.type != OUTCOME and fact.at > ticket.said_at:
            ticket.said_at = fact.at
        self._publish(fact)

    def _recall(self, fact: SlaEvent) -> None:
        """Give a standing fact back what its id was made with, and forget its note."""
        note = self._ticket.notes.pop(_note_key(fact), PLAIN)
        fact.revision = note.revision
        fact.late_attach = note.late_attach
        fact.supersedes = note.supersedes

    def _retract(self, fact: SlaEvent, reason: str) -> None:
        self._ticket.times.setdefault(_key_of(fact), 1)
        fact.retracts = fact.id
        fact.retracts_type = fact.type
        fact.own_id = retraction_id(fact.retracts)
        fact.type = RETRACTION
        fact.reason = reason
        self._publish(fact)

    def _publish(self, fact: SlaEvent) -> None:
        fact.decided_at = self._now
        fact.evidence = (self._ticket.offset, self._ticket.recorded_at)
        if self._publish_from is None or fact.at >= self._publish_from:
            self._out.append(fact)


def _take(facts: Sequence[SlaEvent], wanted: Counter[Identity]) -> list[SlaEvent]:
    left = Counter(wanted)
    taken = []
    for fact in facts:
        who = identity(fact)
        if left[who] > 0:
            left[who] -= 1
            taken.append(fact)
    return taken


def _key(metric: str, cycle: int, type_: str, threshold: str | None) -> str:
    return f"{metric}/{cycle}/{type_}/{threshold or ''}"


def _key_of(fact: SlaEvent) -> str:
    return _key(fact.clock, fact.cycle, fact.type, fact.threshold)


def _note_key(fact: SlaEvent) -> str:
    return f"{_key_of(fact)}/{fact.due_at}/{fact.at}"


def _held(fact: SlaEvent, release: int) -> Held:
    return Held(
        release=release,
        late_attach=fact.late_attach,
        type=fact.type,
        metric=fact.clock,
        cycle=fact.cycle,
        threshold=fact.threshold,
        ref=fact.target.ref,
        target_ms=fact.target_ms,
        started_at=fact.started_at,
        due_at=fact.due_at,
        at=fact.at,
        elapsed=fact.elapsed,
        paused=fact.paused,
        overrun=fact.overrun,
        ticket=fact.ticket,
        outcome=fact.outcome,
        reason=fact.reason,
        raw=fact.raw,
    )


def _unheld(held: Held, ticket_id: str, targets: dict[int, Target]) -> SlaEvent:
    target = targets[held.ref]
    return SlaEvent(
        type=held.type,  # type: ignore[arg-type]  # stored as text, written from a Type
        ticket_id=ticket_id,
        clock=held.metric,
        metric=target.metric,
        cycle=held.cycle,
        threshold=held.threshold,
        target=target,
        target_ms=held.target_ms,
        started_at=held.started_at,
        due_at=held.due_at,
        at=held.at,
        elapsed=held.elapsed,
        paused=held.paused,
        overrun=held.overrun,
        ticket=held.ticket,
        outcome=held.outcome,
        reason=held.reason,
        raw=held.raw,
        late_attach=held.late_attach,
    )


def _held_identity(held: Held) -> Identity:
    return (
        held.type,
        held.metric,
        held.cycle,
        held.threshold,
        held.due_at,
        held.at,
        held.started_at,
        held.target_ms,
        held.elapsed,
        held.ref,
        held.outcome,
        held.reason,
    )
