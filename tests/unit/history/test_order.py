"""Putting a log in order, in memory and beyond it."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sla_stream.core.events import TicketEvent
from sla_stream.history.identities import Identities
from sla_stream.history.order import OrderedEvents


def ticket_event(at: int, event_id: str, ticket: str = "t", sequence: int = 0, **attributes: str) -> TicketEvent:
    return TicketEvent(at, sequence, event_id, ticket, "updated", "system", False, attributes)


def put_in_order(events: list[TicketEvent], run_length: int = 1000) -> list[tuple[int, TicketEvent, int | None]]:
    """(line, event, standing) in order."""
    with OrderedEvents(run_length) as ordered:
        for line, event in enumerate(events, 1):
            ordered.add(line, event)
        found = list(ordered)
    assert all(time == event.at for time, _, event, _ in found)
    return [(line, event, standing) for _, line, event, standing in found]


def test_order_is_time_sequence_id() -> None:
    events = [
        ticket_event(5, "b"),
        ticket_event(5, "a"),
        ticket_event(5, "z", sequence=-1),
        ticket_event(1, "y"),
        ticket_event(5, "0", sequence=1),
    ]
    assert [event.event_id for _, event, _ in put_in_order(events)] == ["y", "z", "a", "b", "0"]


def test_equal_events_keep_the_order_of_their_lines() -> None:
    found = put_in_order([ticket_event(5, "a"), ticket_event(5, "a"), ticket_event(5, "a")])
    assert [(line, standing) for line, _, standing in found] == [(1, None), (2, None), (3, None)]


def test_the_first_line_stands_whenever_it_happened() -> None:
    found = put_in_order([ticket_event(9, "a"), ticket_event(3, "a"), ticket_event(9, "a"), ticket_event(9, "b")])
    assert [(line, standing) for line, _, standing in found] == [(2, 1), (1, None), (3, None), (4, None)]


def test_other_content_is_a_conflict_and_other_tickets_are_none() -> None:
    found = put_in_order(
        [ticket_event(1, "a", group="x"), ticket_event(1, "a", group="y"), ticket_event(1, "a", ticket="u", group="y")]
    )
    assert {line: standing for line, _, standing in found} == {1: None, 2: 1, 3: None}


@pytest.mark.parametrize("run_length", [1, 3, 7])
@given(st.lists(st.tuples(st.integers(0, 5), st.sampled_from("abcdef"), st.sampled_from("tu")), max_size=25))
def test_runs_on_disk_change_nothing(run_length: int, places: list[tuple[int, str, str]]) -> None:
    events = [ticket_event(at, event_id, ticket) for at, event_id, ticket in places]
    assert put_in_order(events, run_length) == put_in_order(events)


def test_runs_larger_than_a_chunk() -> None:
    events = [ticket_event(at, f"e{at}", note="x" * 3000) for at in range(400)]
    found = put_in_order(events[::-1], run_length=150)
    assert [event for _, event, _ in found] == events


@pytest.mark.parametrize("limit", [1, 2, 5, 1000])
def test_identities_beyond_memory(limit: int) -> None:
    identities = Identities(limit)
    for line in range(1, 101):
        identities.add("t", f"e{line % 30}", b"old" if line <= 40 else b"new", line)
    wanted = {line: (line - 30 if line <= 60 else line - 60 if line <= 90 else line - 90) for line in range(41, 101)}
    found = identities.conflicts()
    identities.close()
    assert found == {line: standing for line, standing in wanted.items() if standing <= 30}


@pytest.mark.parametrize("run_length", [1, 3, 100])
def test_by_log_time_lines_decide_and_nothing_conflicts(run_length: int) -> None:
    with OrderedEvents(run_length, by_log_time=True) as ordered:
        for log_time, line in ((5, 3), (1, 9), (5, 1), (1, 2), (4, 4)):
            ordered.add(line, ticket_event(100 - line, "same", note=str(line)), log_time)
        found = [(log_time, line, standing) for log_time, line, _, standing in ordered]
    assert found == [(1, 2, None), (1, 9, None), (4, 4, None), (5, 1, None), (5, 3, None)]
