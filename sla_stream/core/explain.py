"""Why a ticket's clocks stand where they stand: its events folded once more, every step looked at.

Each cycle becomes a chain of intervals without a gap from its start to its end (or to the instant of the question):

    running        schedule time that counts:            together `elapsed`
    paused         schedule time that does not count:    together `paused`
    closed_hours   the schedule is closed:               with both others together the wall-clock time

The fold decides; here its decisions are only read off the cycles before and after each step. So an explanation cannot
disagree with the engine without `adds_up` noticing.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Final, Literal, NamedTuple

from sla_stream.core.closed_hours import why_closed
from sla_stream.core.cycle import PAUSED, RUNNING, STAGES, Cycle
from sla_stream.core.events import TicketEvent
from sla_stream.core.facts import Facts
from sla_stream.core.fold import Folder, without_undone
from sla_stream.core.moves import merge
from sla_stream.core.policy import Target
from sla_stream.core.schedule import Schedule
from sla_stream.core.sla_events import BREACH, OUTCOME, WARNING, SlaEvent
from sla_stream.core.ticket import Fold, new_fold
from sla_stream.core.timeline import Timeline
from sla_stream.core.views import TicketView, TimerState, view_fold

What = Literal["running", "paused", "closed_hours"]
_CREATED_AT: Final = "created, as created_at says"
_WHAT: Final[tuple[What, What]] = ("running", "paused")


class Interval(NamedTuple):
    """One stretch of one cycle, ms, [start, end). `event_id` is None where no event but the schedule is the cause."""

    start: int
    end: int
    what: What
    reason: str | None
    event_id: str | None


class Moment(NamedTuple):
    """Something that happened to a cycle at an instant (ms).

    `what`: started, attached (timed from here back to its start), retargeted, restarted, reopened, met, missed,
    cancelled, or as the policy names it: `warning 80%`, `breached`, `escalation +1h`. `policy` and `target` (ms) are
    those in force afterwards.
    """

    at: int
    what: str
    reason: str | None
    event_id: str | None
    policy: str
    target: int


@dataclass(slots=True)
class ClockStory:
    """One cycle: its state, and how it came to be."""

    state: TimerState
    intervals: list[Interval]
    moments: list[Moment]

    def total(self, what: What) -> int:
        """Ms of all intervals of a sort."""
        return sum(each.end - each.start for each in self.intervals if each.what == what)

    @property
    def wall(self) -> int:
        """Ms of all intervals."""
        return sum(each.end - each.start for each in self.intervals)

    @property
    def adds_up(self) -> bool:
        """Whether the intervals are what the engine says, to the ms."""
        state = self.state
        end = state.as_of if state.ended_at is None else state.ended_at
        sums = (self.total("running"), self.total("paused"), self.wall)
        return sums == (state.elapsed, state.paused, end - state.started_at)


@dataclass(slots=True)
class Story:
    """One ticket: its state, and the story of each of its cycles, in the order of `view.cycles`."""

    view: TicketView
    clocks: list[ClockStory]


class _Seen(NamedTuple):
    """What is remembered of a cycle between two looks."""

    stage: int
    ref: int
    started: int
    since: int
    paused: int
    target: int


class _Stretch(NamedTuple):
    """A stretch of time in one stage on one schedule."""

    start: int
    end: int
    stage: int
    schedule: Schedule
    reason: str | None
    event_id: str | None


@dataclass(slots=True)
class _Line:
    """A cycle's story as it grows; the last stretch is open from `since` while the cycle is."""

    last: _Seen
    stretches: list[_Stretch] = field(default_factory=list)
    moments: list[Moment] = field(default_factory=list)
    since: int = 0
    stage: int = RUNNING
    schedule: Schedule = field(default_factory=Schedule.always)
    reason: str | None = None
    event_id: str | None = None

    def open(self, at: int, stage: int, schedule: Schedule, reason: str | None, event_id: str | None) -> None:
        self.since, self.stage, self.schedule, self.reason, self.event_id = at, stage, schedule, reason, event_id

    def close(self, at: int) -> None:
        self.stretches.append(_Stretch(self.since, at, self.stage, self.schedule, self.reason, self.event_id))


def explain_ticket(timeline: Timeline, ticket_id: str, events: Sequence[TicketEvent], as_of: int) -> Story:
    """The story of a ticket at `as_of` (ms). `events`: those that were applied, in their order, none twice."""
    return _Tracer(timeline, ticket_id, events).story(as_of)


class _Tracer:
    """Folds the events of one ticket and writes down what each does to each cycle."""

    def __init__(self, timeline: Timeline, ticket_id: str, events: Sequence[TicketEvent]) -> None:
        self._timeline = timeline
        self._targets: dict[int, Target] = timeline.targets
        self._ticket_id = ticket_id
        self._events = without_undone(events)
        self._causes, self._turns = _causes(self._events)
        self._lines: dict[tuple[str, int], _Line] = {}

    def story(self, as_of: int) -> Story:
        fold, facts = self._fold(as_of)
        view = view_fold(self._ticket_id, fold, self._targets, as_of)
        lines = [
            self._lines[clock, cycle.number]
            for clock in sorted(fold.clocks)
            for cycle in fold.clocks[clock]
            if cycle.ref
        ]
        for said in facts.standing:
            if said.type != OUTCOME:
                self._lines[said.clock, said.cycle].moments.append(_moment_of(said))
        clocks = [_clock_story(state, line) for state, line in zip(view.cycles, lines, strict=True)]
        return Story(view, clocks)

    def _fold(self, as_of: int) -> tuple[Fold, Facts]:
        folder, fold, facts = Folder(self._timeline), new_fold(), Facts()
        folder.observer = self._look
        seen: list[TicketEvent] = []

        def history() -> tuple[Fold, Sequence[TicketEvent]]:
            return new_fold(), seen

        for event in self._events:
            folder.fire_before(fold, self._ticket_id, event.at, facts, history)
            untimed = {(clock, cycles[-1].number) for clock, cycles in fold.clocks.items() if not cycles[-1].ref}
            folder.apply(fold, event, facts, history)
            self._look_at_all(fold, event, untimed)
            seen.append(event)
        folder.fire_before(fold, self._ticket_id, as_of, facts, history)
        return fold, facts

    def _look_at_all(self, fold: Fold, event: TicketEvent, untimed: set[tuple[str, int]]) -> None:
        for clock, cycles in fold.clocks.items():
            for cycle in cycles[-2:]:
                self._look(clock, cycle, event)
                if cycle.ref and (clock, cycle.number) in untimed:
                    self._note(self._lines[clock, cycle.number], "attached", cycle, event)

    def _look(self, clock: str, cycle: Cycle, event: TicketEvent) -> None:
        """Compare a cycle after a step with what was seen of it before."""
        if not cycle.ref:
            return
        line = self._lines.get((clock, cycle.number))
        if line is None:
            line = self._lines[clock, cycle.number] = _Line(_seen(cycle))
            self._start(line, cycle, event)
        else:
            self._follow(line, cycle, event)
        line.last = _seen(cycle)

    def _start(self, line: _Line, cycle: Cycle, event: TicketEvent) -> None:
        stage, (reason, event_id) = cycle.stage, self._cause(event)
        if cycle.started < event.at:
            reason = _CREATED_AT
            waited = cycle.paused or (cycle.stage == PAUSED and cycle.since == cycle.started)
            stage = PAUSED if waited else RUNNING
        line.open(cycle.started, stage, self._targets[cycle.ref].schedule, reason, event_id)
        line.moments.append(self._moment("started", cycle, event, cycle.started)._replace(reason=reason))
        if cycle.stage > PAUSED:
            self._end(line, cycle, event)
        elif cycle.stage != stage:
            self._turn(line, cycle, event)

    def _follow(self, line: _Line, cycle: Cycle, event: TicketEvent) -> None:
        was = line.last
        if cycle.started != was.started:
            line.stretches.clear()
            line.open(cycle.started, min(cycle.stage, PAUSED), self._targets[cycle.ref].schedule, *self._cause(event))
            self._note(line, "restarted", cycle, event)
            if cycle.stage > PAUSED:
                self._end(line, cycle, event)
            return
        if was.stage > PAUSED:
            if (cycle.stage, cycle.since) == (was.stage, was.since):
                return
            self._reopen(line, cycle, event)
        elif cycle.stage > PAUSED:
            self._end(line, cycle, event)
        elif (cycle.stage, cycle.ref) != (was.stage, was.ref) or (
            cycle.stage == PAUSED and event.event_id in self._turns and event.at > line.since
        ):
            self._turn(line, cycle, event)
        if (cycle.ref, cycle.target) != (was.ref, was.target):
            self._note(line, "retargeted", cycle, event)

    def _turn(self, line: _Line, cycle: Cycle, event: TicketEvent) -> None:
        line.close(event.at)
        line.open(event.at, cycle.stage, self._targets[cycle.ref].schedule, *self._cause(event))

    def _end(self, line: _Line, cycle: Cycle, event: TicketEvent) -> None:
        line.close(cycle.since)
        line.reason, line.event_id = self._cause(event)
        self._note(line, STAGES[cycle.stage], cycle, event)

    def _reopen(self, line: _Line, cycle: Cycle, event: TicketEvent) -> None:
        """The time since the end counts as running or as paused, as `reopen` says: read off the amounts."""
        was = line.last
        schedule = self._targets[was.ref].schedule
        counts = cycle.paused - was.paused < schedule.elapsed(was.since, event.at)
        reason = f"{line.reason}; solved time {'counts' if counts else 'does not count'}"
        line.open(was.since, RUNNING if counts else PAUSED, schedule, reason, line.event_id)
        line.close(event.at)
        self._note(line, "reopened", cycle, event)
        if cycle.stage > PAUSED:
            line.open(event.at, RUNNING, schedule, *self._cause(event))
            self._end(line, cycle, event)
        else:
            line.open(event.at, cycle.stage, self._targets[cycle.ref].schedule, *self._cause(event))

    def _note(self, line: _Line, what: str, cycle: Cycle, event: TicketEvent) -> None:
        line.moments.append(self._moment(what, cycle, event, event.at))

    def _moment(self, what: str, cycle: Cycle, event: TicketEvent, at: int) -> Moment:
        reason, event_id = self._cause(event)
        return Moment(at, what, reason, event_id, self._targets[cycle.ref].policy, cycle.target)

    def _cause(self, event: TicketEvent) -> tuple[str, str | None]:
        if not event.event_id:
            return "policies changed", None
        return self._causes.get((event.event_id, event.kind), _CREATED_AT), event.event_id


def _seen(cycle: Cycle) -> _Seen:
    return _Seen(cycle.stage, cycle.ref, cycle.started, cycle.since, cycle.paused, cycle.target)


def _causes(events: Sequence[TicketEvent]) -> tuple[dict[tuple[str, str], str], set[str]]:
    """What each event is to a person, by its id and kind; and the ids of those that change the status."""
    causes: dict[tuple[str, str], str] = {}
    turns: set[str] = set()
    before: dict[str, object] = {}
    for event in events:
        after = merge(before, event)
        words = event.kind.replace("_", " ")
        if after.get("status") != before.get("status"):
            turns.add(event.event_id)
            words = words if event.kind == "created" else f"status {after.get('status')}"
            if event.kind == "created" and after.get("status") != "new":
                words = f"created {after.get('status')}"
        causes[event.event_id, event.kind] = f"{words}: {event.reason}" if event.reason else words
        before = after
    return causes, turns


def _moment_of(said: SlaEvent) -> Moment:
    kind = "warning" if said.type == WARNING else "breached" if said.type == BREACH else "escalation"
    what = f"{kind} {said.threshold}" if said.threshold else kind
    return Moment(said.at, what, None, None, said.target.policy, said.target_ms)


def _clock_story(state: TimerState, line: _Line) -> ClockStory:
    if state.ended_at is None:
        line.close(max(state.as_of, line.since))
    intervals = [each for stretch in line.stretches for each in _split(stretch)]
    return ClockStory(state, intervals, sorted(line.moments, key=lambda moment: moment.at))


def _split(stretch: _Stretch) -> list[Interval]:
    """A stretch as time on the schedule and closed hours, in order."""
    found: list[Interval] = []
    at = stretch.start
    for start, end in stretch.schedule.open_periods(stretch.start, stretch.end):
        if at < start:
            found.append(_closed(stretch.schedule, at, start))
        found.append(Interval(start, end, _WHAT[stretch.stage], stretch.reason, stretch.event_id))
        at = end
    if at < stretch.end:
        found.append(_closed(stretch.schedule, at, stretch.end))
    return found


def _closed(schedule: Schedule, start: int, end: int) -> Interval:
    return Interval(start, end, "closed_hours", why_closed(schedule, start, end), None)
