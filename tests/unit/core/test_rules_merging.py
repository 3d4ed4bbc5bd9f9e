"""Rule 11: merged and deleted tickets, and what undoes that (contract §5)."""

from __future__ import annotations

import pytest

from sla_stream.core.engine import Applied
from tests.builders import DAY, HOUR, Run, event, net_set, policies, policy, target, warn
from tests.stories import at, for_customer, lines, single, state, tell

RULES = single(warnings=warn("80%"))
BOTH = pytest.mark.parametrize(("ends", "undoes"), [("merged", "unmerged"), ("deleted", "restored")])
TWO = policies(policy(target("first_response", HOUR), target("next_response", HOUR), target("resolution", 4 * HOUR)))


def told(kind: str) -> str:
    return f"{kind} merged_into=T-2" if kind == "merged" else kind


@BOTH
def test_running_cycles_end_cancelled(ends: str, undoes: str) -> None:
    run = tell(Run(RULES), f"Mon 09:00 created\nMon 09:30 {told(ends)}\nMon 18:00")
    assert run.lines == ["outcome cancelled resolution#1 Mon 09:30"]
    outcome = run.said[0]
    assert (outcome.reason, outcome.due_at) == (ends, at("Mon 10:00"))
    assert state(run, "Mon 18:00") == "resolution#1 cancelled due - elapsed 30m left 30m paused 0m"


@BOTH
def test_what_was_said_before_stands(ends: str, undoes: str) -> None:
    said = lines(RULES, f"Mon 09:00 created\nMon 10:30 {told(ends)}\nMon 18:00")
    assert said == [
        "warning 80% resolution#1 Mon 09:48",
        "breach resolution#1 Mon 10:00",
        "outcome cancelled resolution#1 Mon 10:30",
    ]


@BOTH
def test_undone_it_had_never_happened(ends: str, undoes: str) -> None:
    """Its time counts, the outcome is retracted, thresholds passed meanwhile are said with their own instants."""
    run = tell(Run(RULES), f"Mon 09:00 created\nMon 09:30 {told(ends)}\nMon 12:00 {undoes}\nMon 12:01")
    assert run.lines == [
        "outcome cancelled resolution#1 Mon 09:30",
        "retract outcome cancelled resolution#1 Mon 09:30",
        "warning 80% resolution#1 Mon 09:48",
        "breach resolution#1 Mon 10:00",
    ]
    assert "running breached Mon 10:00 due Mon 10:00 elapsed 181m" in state(run, "Mon 12:01")


@BOTH
@pytest.mark.parametrize(
    "meanwhile",
    [
        "Mon 09:40 agent_replied",
        "Mon 09:40 agent_replied\nMon 10:00 customer_replied",
        "Mon 09:40 resolved",
        "Mon 09:40 resolved\nMon 10:00 reopened",
        "Mon 09:40 updated priority=low\nMon 10:10 note_added",
    ],
)
def test_undone_equals_a_life_without_it(ends: str, undoes: str, meanwhile: str) -> None:
    never = f"Mon 09:00 created\n{meanwhile}\nMon 12:00 updated\nTue 09:00"
    undone = f"Mon 09:00 created\nMon 09:30 {told(ends)}\n{meanwhile}\nMon 12:00 {undoes}\nTue 09:00"
    first, second = tell(Run(TWO), never), tell(Run(TWO), undone)
    assert net_set(first.said) == net_set(second.said)
    assert state(first, "Tue 09:00") == state(second, "Tue 09:00")


@BOTH
@pytest.mark.parametrize(
    "meanwhile", ["agent_replied", "customer_replied", "resolved", "reopened", "updated status=open"]
)
def test_events_meanwhile_time_nothing(ends: str, undoes: str, meanwhile: str) -> None:
    said = lines(
        TWO, f"Mon 09:00 created\nMon 09:10 agent_replied\nMon 09:30 {told(ends)}\nMon 09:40 {meanwhile}\nTue 09:00"
    )
    assert said == ["outcome met first_response#1 Mon 09:10", "outcome cancelled resolution#1 Mon 09:30"]


@BOTH
def test_ended_cycles_are_not_cancelled(ends: str, undoes: str) -> None:
    assert lines(RULES, f"Mon 09:00 created\nMon 09:30 resolved\nMon 09:40 {told(ends)}\nMon 18:00") == [
        "outcome met resolution#1 Mon 09:30"
    ]


def test_the_other_one_does_not_undo() -> None:
    story = "Mon 09:00 created\nMon 09:30 merged merged_into=T-2\nMon 09:40 restored\nMon 12:00"
    assert lines(RULES, story) == ["outcome cancelled resolution#1 Mon 09:30"]


def test_merged_and_deleted_needs_both_undone() -> None:
    story = "Mon 09:00 created\nMon 09:30 merged merged_into=T-2\nMon 09:40 deleted\nMon 12:00 restored\nMon 12:01"
    cancelled = ["outcome cancelled resolution#1 Mon 09:30"]
    assert lines(RULES, story) == cancelled
    assert lines(RULES, story + "\nMon 13:00 unmerged\nMon 13:01")[-1] == "breach resolution#1 Mon 10:00"


def test_the_ticket_merged_into_is_not_touched() -> None:
    story = "Mon 09:00 created ticket=T-1\nMon 09:00 created ticket=T-2\nMon 09:30 merged merged_into=T-2\nMon 10:01"
    run = tell(Run(RULES), story)
    assert [(fact.ticket_id, fact.type) for fact in run.said] == [
        ("T-1", "sla.outcome.v1"),
        ("T-2", "sla.warning.v1"),
        ("T-2", "sla.breach.v1"),
    ]


def test_undoing_what_never_was_changes_nothing() -> None:
    assert lines(RULES, "Mon 09:00 created\nMon 09:30 unmerged\nMon 09:31 restored\nMon 10:00 resolved") == [
        "warning 80% resolution#1 Mon 09:48",
        "outcome met resolution#1 Mon 10:00",
    ]


def test_at_the_very_deadline_there_is_no_breach() -> None:
    said = lines(single(), "Mon 09:00 created\nMon 10:00 deleted\nMon 12:00")
    assert said == ["outcome cancelled resolution#1 Mon 10:00"]


def test_back_dated_merge_takes_back_what_it_forestalls() -> None:
    run = tell(Run(RULES), "Mon 09:00 created\nMon 11:00\nMon 09:50 merged merged_into=T-2 @ Mon 11:00\nMon 12:00")
    assert run.lines == [
        "warning 80% resolution#1 Mon 09:48",
        "breach resolution#1 Mon 10:00",
        "retract breach resolution#1 Mon 10:00",
        "outcome cancelled resolution#1 Mon 09:50",
    ]


def test_merge_twice_and_undo_twice() -> None:
    story = """
        Mon 09:00 created
        Mon 09:10 merged merged_into=T-2
        Mon 09:20 unmerged
        Mon 09:30 merged merged_into=T-3
        Mon 09:40 unmerged
        Mon 10:01
    """
    assert net_set(tell(Run(RULES), story).said) == net_set(tell(Run(RULES), "Mon 09:00 created\nMon 10:01").said)


@pytest.mark.parametrize(("moment", "known"), [("Mon+1 09:30", True), ("Mon+1 09:30:00.001", False)])
def test_deleted_state_goes_after_the_allowed_lateness(moment: str, known: bool) -> None:
    run = tell(Run(RULES), f"Mon 09:00 created\nMon 09:30 deleted\n{moment}")
    assert (run.engine.view("T-1", at(moment)) is not None) is known


def test_merged_state_stays_as_long_as_a_resolved_one() -> None:
    run = tell(Run(RULES), "Mon 09:00 created\nMon 09:30 merged merged_into=T-2")
    assert run.until(at("Mon 09:30") + 30 * DAY).engine.view("T-1", run.engine.log_time) is not None


@BOTH
def test_undone_weeks_later(ends: str, undoes: str) -> None:
    """Also when everything else of the ticket has become history."""
    run = Run(RULES, allowed_lateness=20 * DAY)
    tell(run, f"Mon 09:00 created\nMon 09:30 {told(ends)}\nMon+2 09:00 {undoes}\nMon+2 09:01")
    assert run.lines[-1] == "breach resolution#1 Mon 10:00"


def test_unmerged_after_more_than_the_allowed_lateness() -> None:
    run = tell(Run(RULES), "Mon 09:00 created\nMon 09:30 merged merged_into=T-2\nMon+2 09:00 unmerged\nMon+2 09:01")
    assert run.lines[-1] == "breach resolution#1 Mon 10:00"


def test_clock_that_nobody_times_ends_in_silence() -> None:
    rules = policies(for_customer("acme", target("resolution", HOUR, policy="acme")))
    story = "Mon 09:00 created\nMon 09:30 merged merged_into=X\nMon 09:40 updated customer=acme\nMon 18:00"
    assert lines(rules, story) == []


def test_merge_folded_away_by_the_cap_cannot_be_undone_but_ends() -> None:
    """Too many events for a memory of the merge: its cycles stay cancelled, later ones run."""
    start = "Mon 09:00 created\nMon 09:10 agent_replied\nMon 09:20 merged merged_into=X"
    run = tell(Run(TWO, max_recent_events=5), start)
    run.read(*(event(at("Mon 09:30") + i * 60_000, "note_added", id=f"n{i}") for i in range(20)))
    tell(run, "Mon 12:00 unmerged\nMon 12:10 customer_replied\nMon 13:11")
    assert run.lines == [
        "outcome met first_response#1 Mon 09:10",
        "outcome cancelled resolution#1 Mon 09:20",
        "breach next_response#1 Mon 13:10",
    ]


@BOTH
def test_undone_after_news_of_a_later_week(ends: str, undoes: str) -> None:
    """More than the allowed lateness lies between, with an event that might have folded the past away."""
    run = Run(RULES, retain_closed=None)
    tell(run, f"Mon 09:00 created\nMon 09:30 {told(ends)}\nWed+1 09:00 note_added\nMon+2 09:00 {undoes}\nMon+2 09:01")
    assert run.lines[-2:] == ["warning 80% resolution#1 Mon 09:48", "breach resolution#1 Mon 10:00"]


def test_a_busy_life_is_not_folded_between_a_merge_and_its_undoing() -> None:
    """The merge is older than the allowed lateness, what undoes it is not."""
    month = single("resolution", 30 * DAY)
    run = tell(Run(month), "Mon 09:00 created\nMon 09:30 merged merged_into=X")
    notes = [event(at("Mon 10:00") + i * HOUR, "note_added", id=f"n{i}") for i in range(9 * 24)]
    run.read(*notes[: 6 * 24], event(at("Sun 12:30"), "unmerged"), *notes[6 * 24 :])
    run.read(event(at("Mon+1 12:30"), "updated"), recorded_at=run.engine.log_time)
    assert run.applied[-1] is Applied.APPLIED
    assert " running " in state(run, "Wed+1 12:00")
    assert net_set(run.said) == []
