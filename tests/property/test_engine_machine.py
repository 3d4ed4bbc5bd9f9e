"""The engine as a machine: events, late ones, time, crashes and policy sets in any order; each step keeps the rules.

After every step: what stands breaks no rule, nothing was said before its instant, and the fold that was built step by
step is the fold of the whole history. In the end the net set is that of the sorted log.
"""

from __future__ import annotations

from collections import defaultdict
from itertools import pairwise
from typing import Any

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from sla_stream.core import past
from sla_stream.core import ticket as stored
from sla_stream.core.events import TicketEvent
from sla_stream.core.fold import VOIDS, without_undone
from sla_stream.core.moves import merge
from sla_stream.core.policy import PolicySet
from sla_stream.core.sla_events import BREACH, OUTCOME, RETRACTION, SlaEvent
from tests.builders import DAY, HOUR, MINUTE, MONDAY, Run, event, net_set
from tests.property.test_engine import ATTRIBUTES, KINDS, SETS
from tests.property.test_policies_in_time import amended, as_first

TICKETS = st.sampled_from(("T-1", "T-1", "T-2"))
ALL_KINDS = st.sampled_from(("created", *KINDS))
MINUTES = st.one_of(st.integers(0, 90), st.integers(60, 12 * 60)).map(lambda minutes: minutes * MINUTE)


def standing(said: list[SlaEvent]) -> list[SlaEvent]:
    """What was said and neither taken back nor replaced."""
    found: dict[str, SlaEvent] = {}
    for fact in said:
        if fact.type == RETRACTION:
            del found[fact.retracts or ""]
            continue
        if fact.supersedes:
            del found[fact.supersedes]
        found[fact.id] = fact
    return list(found.values())


def pauses(history: list[TicketEvent]) -> list[tuple[int, int]]:
    """When the ticket waited, told from its events alone: [from, to)."""
    attributes: dict[str, Any] = {}
    changes: list[tuple[int, bool]] = []
    for each in without_undone(history):
        attributes = merge(attributes, each)
        changes.append((each.at, attributes.get("status") in ("pending", "on_hold")))
    changes.append((2**62, False))
    return [(at, until) for (at, waits), (until, _) in pairwise(changes) if waits and at < until]


def told(fact: SlaEvent) -> tuple[str, str, int]:
    return fact.ticket_id, fact.clock, fact.cycle


class Machine(RuleBasedStateMachine):
    """One engine, its log, and every policy set published so far."""

    def __init__(self) -> None:
        super().__init__()
        self.now = MONDAY + 9 * HOUR
        self.history: list[TicketEvent] = []
        self.sets: list[tuple[int, PolicySet]] = []

    @initialize(rules=SETS, priority=st.sampled_from(("high", "low", None)))
    def start(self, rules: PolicySet, priority: str | None) -> None:
        self.sets = [(0, as_first(rules))]
        self.run = Run(self.sets[:1], retain_closed=None, settle_for=0)
        self.read(self.now, "created", "T-1", {"priority": priority})

    def read(self, at: int, kind: str, ticket: str, attributes: dict[str, Any]) -> None:
        rest = {"merged_into": "T-9"} if kind == "merged" else {}
        number = len(self.history)
        made = event(at, kind, ticket=ticket, id=f"e{number}", sequence=number, **attributes, **rest)
        self.history.append(made)
        self.run.read(made, recorded_at=self.now)

    @rule(later=MINUTES, kind=ALL_KINDS, ticket=TICKETS, attributes=ATTRIBUTES)
    def event_in_time(self, later: int, kind: str, ticket: str, attributes: dict[str, Any]) -> None:
        self.now += later
        self.read(self.now, kind, ticket, attributes)

    @rule(late=st.integers(1, 2 * 24 * 60), kind=ALL_KINDS, ticket=TICKETS, attributes=ATTRIBUTES)
    def event_that_comes_late(self, late: int, kind: str, ticket: str, attributes: dict[str, Any]) -> None:
        self.read(self.now - late * MINUTE, kind, ticket, attributes)

    @precondition(lambda self: self.history)
    @rule(data=st.data())
    def event_again(self, data: st.DataObject) -> None:
        said = len(self.run.said)
        self.run.read(data.draw(st.sampled_from(self.history)), recorded_at=self.now)
        assert len(self.run.said) == said

    @rule(later=MINUTES)
    def time_passes(self, later: int) -> None:
        said = len(self.run.said)
        self.now += later
        self.run.until(self.now)
        if len(self.sets) == 1:  # a change of policies may say what had been due before it
            self.check_order(self.run.said[said:])

    @rule()
    def crash(self) -> None:
        self.run.crash()

    @precondition(lambda self: len(self.sets) < 3)
    @rule(data=st.data(), ago=st.sampled_from((0, MINUTE, 5 * HOUR)))
    def policies_change(self, data: st.DataObject, ago: int) -> None:
        published = max(self.now - ago, self.sets[-1][0] + 1)
        number = len(self.sets) + 1
        entry = published, data.draw(amended(self.sets[-1][1], number, published))
        self.sets.append(entry)
        self.run.engine.adopt(*entry)
        self.run.policies = list(self.sets)

    # -- what holds after every step -------------------------------------------------------------------------------

    def check_order(self, said: list[SlaEvent]) -> None:
        """What the passing of time brings comes in the order of its instants."""
        last: dict[str, int] = defaultdict(lambda: -(2**62))
        for fact in said:
            assert fact.at >= last[fact.ticket_id]
            last[fact.ticket_id] = fact.at

    @invariant()
    def nothing_is_said_before_its_instant(self) -> None:
        for fact in self.run.said if self.sets else ():
            if (fact.retracts_type or fact.type) == OUTCOME:
                assert fact.at <= fact.decided_at
            else:
                assert fact.at < fact.decided_at

    @invariant()
    def what_stands_keeps_the_rules(self) -> None:
        facts = standing(self.run.said) if self.sets else []
        breached = [told(fact) for fact in facts if fact.type == BREACH]
        assert len(breached) == len(set(breached)), "one breach a cycle"
        ended = [told(fact) for fact in facts if fact.type == OUTCOME]
        assert len(ended) == len(set(ended)), "one outcome a cycle"
        cancelled = {told(fact): fact.at for fact in facts if fact.outcome == "cancelled"}
        for fact in facts:
            assert fact.at <= cancelled.get(told(fact), fact.at), "nothing after a cancellation"

    @invariant()
    def nothing_is_dated_inside_a_pause(self) -> None:
        waits = {
            ticket: pauses(sorted((e for e in self.history if e.ticket_id == ticket), key=lambda e: e.key))
            for ticket in ("T-1", "T-2")
        }
        for fact in standing(self.run.said) if self.sets else ():
            if fact.type != OUTCOME and fact.target.rules.pause and fact.metric == "resolution":
                assert not any(begin <= fact.at < end for begin, end in waits[fact.ticket_id])

    @invariant()
    def merged_and_deleted_tickets_are_silent(self) -> None:
        for ticket in ("T-1", "T-2"):
            mine = sorted((e for e in self.history if e.ticket_id == ticket), key=lambda e: e.key)
            gone = [each.at for each in without_undone(mine) if each.kind in VOIDS]
            for fact in standing(self.run.said) if self.sets and gone else ():
                assert fact.ticket_id != ticket or fact.at <= gone[0]

    @invariant()
    def step_by_step_is_the_whole_history(self) -> None:
        if not self.sets:
            return
        self.run.until(self.now)  # what a new policy set left to look at
        engine = self.run.engine
        for ticket_id in engine.ticket_ids():
            ticket = engine._load(ticket_id)
            assert ticket is not None
            fold, _, _ = past.derive(engine._folders.newest, ticket, stored.tail_events(ticket.tail), engine.log_time)
            assert (fold.attributes, fold.clocks, fold.void) == (
                ticket.fold.attributes, ticket.fold.clocks, ticket.fold.void,
            )  # fmt: skip

    def teardown(self) -> None:
        if not self.sets:
            return
        end = self.now + 20 * DAY
        ordered = sorted(self.history, key=lambda e: e.key)
        expected = Run(self.sets, retain_closed=None).read(*ordered).until(end).settle()
        assert net_set(expected.said) == net_set(self.run.crash().until(end).settle().said)


TestEngine = Machine.TestCase
TestEngine.settings = settings(max_examples=250, stateful_step_count=20)
