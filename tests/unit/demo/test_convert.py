"""A row of the incident log becomes the ticket event that the mapping says."""

from __future__ import annotations

from sla_stream.demo.convert import Event, Row, convert, instant, render


def row(count: int, state: str, minute: int, **columns: str) -> Row:
    known = dict.fromkeys(("priority", "contact_type", "caller_id", "category", "assignment_group", "assigned_to"), "?")
    return {
        "number": "INC1",
        "sys_mod_count": str(count),
        "incident_state": state,
        "sys_updated_at": f"1/3/2016 10:{minute:02}",
        **known,
        **columns,
    }


def kinds(*states: str) -> list[str]:
    """Kinds of the events of one incident that goes through these states."""
    return [event["kind"] for event in convert(row(n, state, n) for n, state in enumerate(states))]


def test_first_row_creates_whatever_its_state() -> None:
    assert kinds("New") == kinds("Resolved") == kinds("Awaiting Problem") == ["created"]


def test_first_work_after_creation_is_the_response() -> None:
    assert kinds("New", "New", "Active", "Active") == ["created", "updated", "agent_replied", "updated"]
    assert kinds("Active", "Active") == ["created", "agent_replied"]


def test_asking_the_customer_replies_and_the_answer_is_theirs() -> None:
    assert kinds("New", "Awaiting User Info", "Active", "Awaiting User Info") == [
        "created",
        "agent_replied",
        "customer_replied",
        "agent_replied",
    ]


def test_end_and_reopening() -> None:
    assert kinds("New", "Resolved", "Resolved", "Active", "Resolved", "Closed") == [
        "created",
        "resolved",
        "updated",
        "reopened",
        "resolved",
        "closed",
    ]


def test_reopening_into_another_state_keeps_that_state() -> None:
    """`reopened` would set the status to open, so only the status says it here."""
    events = convert([row(0, "New", 0), row(1, "Resolved", 1), row(2, "New", 2)])
    assert (events[2]["kind"], events[2]["status"]) == ("updated", "new")


def test_no_state_leaves_the_status() -> None:
    events = convert([row(0, "Active", 0), row(1, "-100", 1), row(2, "Active", 2)])
    assert "status" not in events[1]
    assert events[1]["status_label"] == "-100"
    assert events[2]["status_label"] == "Active"
    assert "status" not in events[2]


def test_only_changes_are_sent_and_a_lost_value_is_null() -> None:
    first, second, third = convert(
        [
            row(0, "New", 0, assigned_to="Resolver 1", priority="3 - Moderate"),
            row(1, "New", 1, assigned_to="?", priority="3 - Moderate"),
            row(2, "New", 2, assigned_to="?", priority="3 - Moderate"),
        ]
    )
    assert first["assignee"] == "Resolver 1"
    assert "group" not in first
    assert second["assignee"] is None
    assert "priority" not in second
    assert set(third) == {"event_id", "ticket_id", "kind", "occurred_at", "sequence"}


def test_repeated_count_gets_an_id_of_its_own() -> None:
    events = convert([row(2, "New", 0), row(1, "New", 5), row(2, "Active", 9)])
    assert [event["event_id"] for event in events] == ["INC1-2", "INC1-1", "INC1-2b"]


def test_events_are_in_order_of_time_then_count() -> None:
    events = convert([row(0, "New", 7), row(2, "Active", 7), row(1, "New", 7) | {"number": "INC0"}])
    assert [(event["ticket_id"], event["sequence"]) for event in events] == [
        ("INC1", 0),
        ("INC0", 1),
        ("INC1", 2),
    ]


def test_instant_is_utc() -> None:
    assert instant("29/2/2016 01:16") == "2016-02-29T01:16:00.000Z"


def test_rendering_is_one_line_an_event() -> None:
    event: Event = {"event_id": "a", "assignee": None}
    assert render([event, event]) == b'{"event_id":"a","assignee":null}\n' * 2
