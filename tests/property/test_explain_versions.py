"""Explanations add up at any instant, and through changes of policy."""

from __future__ import annotations

from dataclasses import replace

from hypothesis import given, settings
from hypothesis import strategies as st

from sla_stream.core.events import TicketEvent
from sla_stream.core.explain import explain_ticket
from sla_stream.core.policy import PolicySet
from sla_stream.core.timeline import Timeline
from tests.builders import DAY, HOUR, MINUTE, MONDAY, Run
from tests.property.test_engine import SETS, histories


def check(timeline_of: PolicySet | list[tuple[int, PolicySet]], history: list[TicketEvent], as_of: int) -> None:
    run = Run(timeline_of, retain_closed=None)
    for each in history:
        if each.at <= as_of:
            run.read(each)
    run.until(as_of)
    sets = [(-(2**62), timeline_of)] if isinstance(timeline_of, PolicySet) else timeline_of
    for ticket_id in run.engine.ticket_ids():
        mine = [each for each in history if each.ticket_id == ticket_id and each.at <= as_of]
        story = explain_ticket(Timeline(sets), ticket_id, mine, as_of)
        assert story.view == run.engine.view(ticket_id, as_of)
        known = {each.event_id for each in mine}
        for clock in story.clocks:
            assert clock.adds_up, (clock.state, clock.intervals)
            for before, after in zip(clock.intervals, clock.intervals[1:], strict=False):
                assert before.end == after.start
            for each in clock.intervals:
                assert each.start < each.end
                assert each.what == "closed_hours" or each.event_id in known or each.reason == "policies changed"


@settings(max_examples=300, deadline=None)
@given(SETS, histories(), st.integers(0, 6 * 24 * 60))
def test_sums_and_state_are_the_engines(rules: PolicySet, history: list[TicketEvent], minutes: int) -> None:
    check(rules, history, MONDAY + minutes * MINUTE)


@settings(max_examples=200, deadline=None)
@given(SETS, SETS, histories(), st.integers(0, 4 * 24), st.booleans())
def test_through_changes_of_policy(
    old: PolicySet, new: PolicySet, history: list[TicketEvent], hours: int, migrate: bool
) -> None:
    """A second set replaces the first in the middle of it all."""
    versions = [replace(each, version="v2", on_change="migrate" if migrate else "pin") for each in new.policies]
    refs = iter(range(1_000, 2_000))
    later = [
        replace(
            each,
            targets=tuple(
                replace(
                    target,
                    by_priority={name: replace(one, ref=next(refs)) for name, one in target.by_priority.items()},
                    default=replace(target.default, ref=next(refs)) if target.default else None,
                )
                for target in each.targets
            ),
        )
        for each in versions
    ]
    check([(0, old), (MONDAY + hours * HOUR, replace(new, policies=tuple(later)))], history, MONDAY + 5 * DAY)
