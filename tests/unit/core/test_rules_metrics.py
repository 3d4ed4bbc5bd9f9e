"""The built-in metrics of contract §4, one life each."""

from __future__ import annotations

import pytest

from tests.builders import HOUR, Run, policies, target, warn
from tests.stories import at, for_customer, lines, single, state, tell


@pytest.mark.parametrize(
    ("metric", "story", "said"),
    [
        (
            "periodic_update",
            "Mon 09:00 created\nMon 10:00 agent_replied\nMon 10:30 agent_replied\nMon 12:00 resolved",
            [
                "outcome met periodic_update#1 Mon 10:30",
                "breach periodic_update#2 Mon 11:30",
                "outcome missed periodic_update#2 Mon 12:00",
            ],
        ),
        ("periodic_update", "Mon 09:00 created\nMon 18:00", []),
        ("periodic_update", "Mon 09:00 created\nMon 10:00 agent_replied status=resolved\nMon 18:00", []),
        ("periodic_update", "Mon 09:00 created\nMon 09:30 resolved\nMon 10:00 agent_replied\nMon 18:00", []),
        (
            "periodic_update",
            "Mon 09:00 created\nMon 10:00 agent_replied\nMon 10:10 agent_replied public=no\nMon 11:01",
            ["breach periodic_update#1 Mon 11:00"],
        ),
        (
            "periodic_update",
            "Mon 09:00 created\nMon 10:00 agent_replied\nMon 10:10 updated status=pending\nMon 11:01",
            ["breach periodic_update#1 Mon 11:00"],
        ),
        (
            "pausable_update",
            "Mon 09:00 created\nMon 10:00 agent_replied status=pending\nMon 12:00 updated status=open\nMon 13:01",
            ["breach pausable_update#1 Mon 13:00"],
        ),
        (
            "pausable_update",
            "Mon 09:00 created\nMon 10:00 agent_replied\nMon 10:10 updated status=on_hold\nMon 11:01",
            ["breach pausable_update#1 Mon 11:00"],
        ),
        (
            "requester_wait",
            "Mon 09:00 created\nMon 09:30 updated status=pending\nMon 11:00 updated status=on_hold\nMon 11:31",
            ["breach requester_wait#1 Mon 11:30"],
        ),
        (
            "agent_work",
            "Mon 09:00 created\nMon 09:30 updated status=on_hold\nMon 11:00 updated status=pending\n"
            "Mon 12:00 updated status=open\nMon 12:31",
            ["breach agent_work#1 Mon 12:30"],
        ),
        (
            "agent_work",
            "Mon 09:00 created\nMon 09:30 resolved\nMon 12:00 reopened\nMon 12:31",
            [
                "outcome met agent_work#1 Mon 09:30",
                "retract outcome met agent_work#1 Mon 09:30",
                "breach agent_work#1 Mon 12:30",
            ],
        ),
        (
            "resolution",
            "Mon 09:00 created\nMon 09:10 updated status=pending\nMon 10:01",
            ["breach resolution#1 Mon 10:00"],
        ),
        (
            "assignment",
            "Mon 09:00 created\nMon 09:30 updated assignee=ann\nMon 09:40 updated assignee=\nMon 12:00",
            ["outcome met assignment#1 Mon 09:30"],
        ),
        ("assignment", "Mon 09:00 created\nMon 10:30 updated group=a\nMon 10:31", ["breach assignment#1 Mon 10:00"]),
        ("pickup", "Mon 09:00 created channel=chat\nMon 09:10 answered", ["outcome met pickup#1 Mon 09:10"]),
        ("pickup", "Mon 09:00 created channel=call\nMon 10:01", ["breach pickup#1 Mon 10:00"]),
        ("pickup", "Mon 09:00 created channel=chat\nMon 09:10 agent_replied", ["outcome met pickup#1 Mon 09:10"]),
        ("pickup", "Mon 09:00 created channel=mail\nMon 18:00", []),
        ("pickup", "Mon 09:00 created\nMon 18:00", []),
        (
            "group_ownership",
            "Mon 09:00 created group=a\nMon 09:30 updated group=b\nMon 10:00 updated group=\nMon 12:00",
            ["outcome met group_ownership#1 Mon 09:30", "outcome met group_ownership#2 Mon 10:00"],
        ),
        (
            "group_ownership",
            "Mon 09:00 created\nMon 09:10 updated group=a\nMon 09:20 resolved\nMon 12:00 reopened\nMon 13:01",
            ["outcome met group_ownership#1 Mon 09:20", "breach group_ownership#2 Mon 13:00"],
        ),
        ("group_ownership", "Mon 09:00 created\nMon 09:10 resolved\nMon 09:20 reopened\nMon 12:00", []),
    ],
)
def test_built_in_metric(metric: str, story: str, said: list[str]) -> None:
    assert lines(single(metric), story) == said


def due(story: str, **rest: object) -> list[str]:
    return lines(single("due_date", 0, warnings=warn("30m"), **rest), story)


@pytest.mark.parametrize(
    ("story", "said"),
    [
        (
            "Mon 09:00 created due_at=Mon-12:00\nMon 12:01",
            ["warning -30m due_date#1 Mon 11:30", "breach due_date#1 Mon 12:00"],
        ),
        ("Mon 09:00 created due_at=Mon-12:00\nMon 11:00 resolved", ["outcome met due_date#1 Mon 11:00"]),
        (
            "Mon 09:00 created\nMon 10:00 updated due_at=Mon-11:30\nMon 11:00 resolved",
            ["outcome met due_date#1 Mon 11:00"],
        ),
        (
            "Mon 09:00 created due_at=Mon-12:00\nMon 10:00 updated due_at=Tue-12:00\nTue 11:00\nTue 12:01",
            ["warning -30m due_date#1 Tue 11:30", "breach due_date#1 Tue 12:00"],
        ),
        (
            "Mon 09:00 created due_at=Mon-12:00\nMon 10:00 updated due_at=\nTue 11:00",
            ["outcome cancelled due_date#1 Mon 10:00"],
        ),
        (
            "Mon 09:00 created due_at=Mon-12:00\nMon 10:00 updated due_at=\n"
            "Mon 10:30 updated due_at=Mon-12:00\nMon 11:00 resolved",
            ["outcome cancelled due_date#1 Mon 10:00", "outcome met due_date#2 Mon 11:00"],
        ),
        (
            "Mon 09:00 created due_at=Mon-12:00\nMon 09:30 updated status=pending\nMon 12:01",
            ["warning -30m due_date#1 Mon 11:30", "breach due_date#1 Mon 12:00"],
        ),
        ("Mon 09:00 created\nMon 18:00", []),
    ],
)
def test_promised_date(story: str, said: list[str]) -> None:
    """It never pauses, moves with `due_at`, and null withdraws it."""
    assert due(story) == said


def test_withdrawn_date_tells_its_reason() -> None:
    run = tell(Run(single("due_date", 0)), "Mon 09:00 created due_at=Mon-12:00\nMon 10:00 updated due_at=")
    assert (run.said[0].reason, run.said[0].due_at) == ("withdrawn", at("Mon 12:00"))


def test_date_in_the_past_is_due_when_it_is_set() -> None:
    run = tell(Run(single("due_date", 0)), "Mon 09:00 created\nMon 10:00 updated due_at=Mon-09:30\nMon 10:01")
    assert [(fact.at, fact.due_at) for fact in run.said] == [(at("Mon 10:00"), at("Mon 10:00"))]


def test_moved_date_makes_a_warning_unreached() -> None:
    story = "Mon 09:00 created due_at=Mon-12:00\nMon 11:45 updated due_at=Mon-18:00\nMon 17:31"
    assert due(story) == ["warning -30m due_date#1 Mon 11:30", "warning -30m due_date#1 Mon 17:30"]


def test_breached_date_does_not_move() -> None:
    run = tell(Run(single("due_date", 0)), "Mon 09:00 created due_at=Mon-12:00\nMon 13:00 updated due_at=Tue-12:00")
    assert state(run, "Mon 14:00").startswith("due_date#1 running breached Mon 12:00 due Mon 12:00 ")
    assert tell(run, "Mon 15:00 resolved").lines[-1] == "outcome missed due_date#1 Mon 15:00"


def test_promised_time_counts_from_the_promise() -> None:
    run = tell(Run(single("due_date", 0)), "Mon 09:00 created\nMon 10:00 updated due_at=Mon-12:00\nMon 11:00 resolved")
    outcome = run.said[0]
    assert (outcome.started_at, outcome.target_ms, outcome.elapsed) == (at("Mon 10:00"), 2 * HOUR, HOUR)


def test_dates_of_a_clock_that_nobody_times_yet() -> None:
    """The date moves meanwhile; the target that comes later takes the last one."""
    rules = policies(for_customer("acme", target("due_date", 0, policy="acme")))
    story = "Mon 09:00 created due_at=Mon-12:00\nMon 10:00 updated due_at=Mon-14:00\nMon 11:00 updated customer=acme"
    assert lines(rules, story + "\nMon 18:00") == ["breach due_date#1 Mon 14:00"]


def test_group_of_a_ticket_created_resolved_is_owned_by_nobody() -> None:
    assert lines(single("group_ownership"), "Mon 09:00 created group=a status=resolved\nMon 18:00") == []


def test_next_response_to_a_resolved_ticket() -> None:
    """Somebody waits, whatever the status; resolving again ends it."""
    story = "Mon 09:00 created\nMon 09:10 agent_replied\nMon 09:20 resolved\nMon 10:00 customer_replied\n"
    assert lines(single("next_response"), story + "Mon 11:01") == ["breach next_response#1 Mon 11:00"]
    assert lines(single("next_response"), story + "Mon 10:30 closed") == ["outcome met next_response#1 Mon 10:30"]


def test_breached_date_keeps_its_target() -> None:
    run = tell(Run(single("due_date", 0)), "Mon 09:00 created due_at=Mon-12:00\nMon 13:00 updated due_at=Tue-12:00")
    outcome = tell(run, "Mon 15:00 resolved").said[-1]
    assert (outcome.target_ms, outcome.due_at, outcome.overrun) == (3 * HOUR, at("Mon 12:00"), 3 * HOUR)
