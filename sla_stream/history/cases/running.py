"""Running a case: the replay of what is given, up to each instant that is asked for."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from difflib import SequenceMatcher
from typing import Final

from sla_stream.core.engine import Engine
from sla_stream.core.sla_events import RETRACTION, SlaEvent
from sla_stream.core.views import TimerState
from sla_stream.formats.sla_event import SlaEventRenderer
from sla_stream.formats.wire import UnknownFields
from sla_stream.history.cases.file import Case, CaseFile
from sla_stream.history.cases.given import TICKET
from sla_stream.history.cases.said import Head, Line, head_of, show
from sla_stream.history.cases.states import ExpectedState, clock_of
from sla_stream.history.cases.times import Times
from sla_stream.history.log import BadRecord, Record, Renderer
from sla_stream.history.replay import Replay

NOT_SAID: Final = "-"
NOT_EXPECTED: Final = "+"


@dataclass(slots=True)
class Result:
    """`differences`: lines for a person; none if all is as expected."""

    case: Case
    differences: list[str] = field(default_factory=list)

    @property
    def passed(self) -> bool:
        """As expected, or as expected of a case with a known gap: that it fails."""
        return bool(self.differences) == (self.case.known_gap is not None)


def run_case(file: CaseFile, case: Case) -> Result:
    """Replay the case and compare."""
    replay, said = _replay(file, case, _until(case))
    result = Result(case)
    if case.says is not None:
        result.differences += _compare("says", case.says, said, file.times)
    if case.stands is not None:
        standing = sorted(_standing(said), key=lambda event: (event.at, event.ticket_id, event.metric))
        expected = sorted(case.stands, key=lambda line: (line.head[5], line.head[6], line.head[3]))
        result.differences += _compare("stands", expected, standing, file.times)
    for at in sorted({state.at for state in case.states}):
        result.differences += _compare_states(file, case, at)
    result.differences += _compare_counts(case, replay)
    return result


class _Given:
    """The records of a case as a log."""

    merged = False

    def __init__(self, case: Case) -> None:
        self.unknown = UnknownFields()
        self._given = sorted(case.given, key=lambda given: given.log_time)

    def __iter__(self) -> Iterator[Record | BadRecord]:
        for number, given in enumerate(self._given, 1):
            yield Record(number, given.event, given.log_time)

    def where(self, line: int) -> str:
        return f"event {line}"

    def spot(self, line: int) -> str:
        return f"event {line}"

    def partition(self, line: int) -> int:
        return 0

    def renderer(self, source: str) -> Renderer:
        return SlaEventRenderer(source, None, None)


def _replay(file: CaseFile, case: Case, as_of: int) -> tuple[Replay, list[SlaEvent]]:
    engine = Engine(file.policies, file.settings)
    replay = Replay(engine, _Given(case), _ignore, "recorded", as_of, file.max_skew)
    return replay, [event for events in replay.run() for event in events]


def _ignore(record: BadRecord) -> None:
    """Counted by the replay, and asked for under `counts`."""


def _until(case: Case) -> int:
    """Just after the last instant that the case names, if it does not say."""
    if case.until is not None:
        return case.until
    named = [max(given.log_time, given.event.at) for given in case.given]
    named += [state.at for state in case.states]
    for line in (*(case.says or ()), *(case.stands or ())):
        named.append(line.head[5])
    return max(named) + 1


def _standing(said: Sequence[SlaEvent]) -> list[SlaEvent]:
    """What is neither retracted nor superseded."""
    standing: dict[str, SlaEvent] = {}
    for event in said:
        gone = event.retracts if event.type == RETRACTION else event.supersedes
        if gone is not None:
            standing.pop(gone, None)
        if event.type != RETRACTION:
            standing[event.id] = event
    return list(standing.values())


def _compare(name: str, expected: Sequence[Line], said: Sequence[SlaEvent], times: Times) -> list[str]:
    """A difference line by line: `-` expected and not said, `+` said and not expected, `!` said otherwise."""
    wanted: list[Head] = [line.head for line in expected]
    heads: list[Head] = [head_of(event) for event in said]
    shown: list[str] = []
    same = True
    for what, a, b, c, d in SequenceMatcher(None, wanted, heads, autojunk=False).get_opcodes():
        if what == "equal":
            for line, event in zip(expected[a:b], said[c:d], strict=True):
                wrong = line.differences(event, times)
                same = same and not wrong
                shown.append(f"    ! {line.text}: {'; '.join(wrong)}" if wrong else f"      {line.text}")
            continue
        same = False
        shown += [f"    {NOT_SAID} {line.text}" for line in expected[a:b]]
        shown += [f"    {NOT_EXPECTED} {show(event, times)}" for event in said[c:d]]
    legend = "(- expected and not said, + said and not expected, ! said otherwise)"
    return [] if same else [f"  {name} {legend}", *shown]


def _compare_states(file: CaseFile, case: Case, at: int) -> list[str]:
    replay, _ = _replay(file, case, at)
    found: list[str] = []
    for expected in (state for state in case.states if state.at == at):
        for difference in expected.differences(_state(replay, expected), file.times):
            ticket = "" if expected.ticket == TICKET else f"{expected.ticket} "
            clock = expected.metric if expected.cycle == 1 else f"{expected.metric}#{expected.cycle}"
            found.append(f"  state at {file.times.show(at)}: {ticket}{clock}: {difference}")
    return found


def _state(replay: Replay, expected: ExpectedState) -> TimerState | None:
    view = replay.engine.view(expected.ticket, expected.at)
    if view is None:
        return None
    return next(
        (state for state in view.cycles if (clock_of(state), state.cycle) == (expected.metric, expected.cycle)), None
    )


def _compare_counts(case: Case, replay: Replay) -> list[str]:
    counters = replay.engine.counters
    found = {
        "duplicates": counters.duplicates,
        "late": counters.late,
        "too_late": counters.too_late,
        "unknown_ticket": counters.unknown_ticket,
        "no_policy": counters.no_policy,
        "conflict": replay.tally.bad.get("conflict", 0),
        "future": replay.tally.bad.get("future", 0),
    }
    return [
        f"  counts: {name}: expected {expected}, is {found[name]}"
        for name, expected in case.counts.items()
        if found[name] != expected
    ]
