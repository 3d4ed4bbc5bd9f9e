"""An explanation adds up, whatever the history, and tells the state that the engine has."""

from __future__ import annotations

from hypothesis import given, settings

from sla_stream.core.events import TicketEvent
from sla_stream.core.explain import explain_ticket
from sla_stream.core.policy import PolicySet
from sla_stream.core.timeline import BEGINNING, Timeline
from tests.builders import DAY, MONDAY, Run
from tests.property.test_engine import SETS, histories

END = MONDAY + 5 * DAY


@settings(max_examples=300, deadline=None)
@given(SETS, histories())
def test_explanation_adds_up_and_agrees_with_the_engine(rules: PolicySet, history: list[TicketEvent]) -> None:
    run = Run(rules, retain_closed=None).read(*history).until(END)
    timeline = Timeline([(BEGINNING, rules)])
    for ticket in sorted({event.ticket_id for event in history}):
        story = explain_ticket(timeline, ticket, [event for event in history if event.ticket_id == ticket], END)
        assert story.view == run.engine.view(ticket, END)
        for clock in story.clocks:
            assert clock.adds_up
            ends = [clock.state.started_at, *(each.end for each in clock.intervals)]
            assert [each.start for each in clock.intervals] == ends[:-1]
            assert all(each.start < each.end for each in clock.intervals)
