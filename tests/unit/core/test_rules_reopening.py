"""Rule 5: what reopening does to a cycle that ended (contract §5)."""

from __future__ import annotations

from typing import Any

import pytest

from sla_stream.core.policy import PolicySet
from tests.builders import DAY, HOUR, NINE_TO_FIVE, Run, after, policies, policy, target, warn
from tests.stories import at, for_customer, lines, single, state, tell

SOLVED = "Mon 09:00 created\nMon 10:00 resolved\n"
MET = "outcome met resolution#1 Mon 10:00"
TAKEN_BACK = "retract outcome met resolution#1 Mon 10:00"


def four_hours(reopen: str = "resume", **rest: Any) -> PolicySet:
    return single("resolution", 4 * HOUR, reopen=reopen, **rest)


@pytest.mark.parametrize(
    ("reopen", "story", "said"),
    [
        ("resume", "Mon 12:00 reopened\nMon 15:01", [MET, TAKEN_BACK, "breach resolution#1 Mon 15:00"]),
        ("resume", "Mon 12:00 reopened\nMon 15:00 resolved", [MET, TAKEN_BACK, "outcome met resolution#1 Mon 15:00"]),
        ("continue", "Mon 12:00 reopened\nMon 13:01", [MET, TAKEN_BACK, "breach resolution#1 Mon 13:00"]),
        ("continue", "Mon 12:00 reopened\nMon 13:00 resolved", [MET, TAKEN_BACK, "outcome met resolution#1 Mon 13:00"]),
        ("new_cycle", "Mon 12:00 reopened\nMon 16:01", [MET, "breach resolution#2 Mon 16:00"]),
        ("new_cycle", "Mon 12:00 reopened\nMon 16:00 resolved", [MET, "outcome met resolution#2 Mon 16:00"]),
    ],
)
def test_reopened_cycle(reopen: str, story: str, said: list[str]) -> None:
    assert lines(four_hours(reopen), SOLVED + story) == said


@pytest.mark.parametrize(
    "told",
    [
        "reopened",
        "updated status=open",
        "updated status=new",
        "customer_replied status=open",
        "agent_replied status=open",
    ],
)
def test_leaving_resolved_reopens_whatever_the_kind(told: str) -> None:
    assert lines(four_hours(), f"{SOLVED}Mon 12:00 {told}\nMon 15:01") == [
        MET,
        TAKEN_BACK,
        "breach resolution#1 Mon 15:00",
    ]


@pytest.mark.parametrize("told", ["closed", "updated status=resolved", "customer_replied", "updated priority=high"])
def test_staying_resolved_or_closed_is_no_reopening(told: str) -> None:
    assert lines(four_hours(), f"{SOLVED}Mon 12:00 {told}\nTue 12:00") == [MET]


def test_from_closed_to_resolved_and_open() -> None:
    said = lines(four_hours(), "Mon 09:00 created\nMon 10:00 closed\nMon 11:00 resolved\nMon 12:00 reopened\nMon 15:01")
    assert said == [MET, TAKEN_BACK, "breach resolution#1 Mon 15:00"]


@pytest.mark.parametrize("reopen", ["resume", "continue", "new_cycle"])
@pytest.mark.parametrize(("back", "kept"), [("Mon 10:59", True), ("Mon 11:00", True), ("Mon 11:00:00.001", False)])
def test_within_the_grace_it_never_ended(reopen: str, back: str, kept: bool) -> None:
    """The grace is wall time; solved time counts, as the cycle had not ended."""
    run = tell(Run(four_hours(reopen, reopen_grace=HOUR)), f"{SOLVED}{back} reopened\nMon 13:00:01")
    as_if_never_ended = [MET, TAKEN_BACK, "breach resolution#1 Mon 13:00"]
    assert (run.lines == as_if_never_ended) is (kept or reopen == "continue")


def test_grace_is_wall_time_also_on_a_business_schedule() -> None:
    rules = single("resolution", 4 * HOUR, schedule=NINE_TO_FIVE, reopen="new_cycle", reopen_grace=HOUR)
    story = "Mon 16:00 created\nMon 16:30 resolved\nTue 09:00 reopened\nTue 13:01"
    assert lines(rules, story) == ["outcome met resolution#1 Mon 16:30", "breach resolution#2 Tue 13:00"]


@pytest.mark.parametrize("reopen", ["resume", "continue"])
def test_a_missed_cycle_stays_breached(reopen: str) -> None:
    said = lines(four_hours(reopen), "Mon 09:00 created\nMon 14:00 resolved\nMon 15:00 reopened\nTue 09:00 resolved")
    assert said == [
        "breach resolution#1 Mon 13:00",
        "outcome missed resolution#1 Mon 14:00",
        "retract outcome missed resolution#1 Mon 14:00",
        "outcome missed resolution#1 Tue 09:00",
    ]


def test_continue_may_find_its_time_used_up() -> None:
    """Solved time counts, so the deadline lay in it; still it is a breach of that deadline."""
    said = lines(four_hours("continue", warnings=warn("50%")), SOLVED + "Tue 09:00 reopened\nTue 09:00:06")
    assert said == [MET, TAKEN_BACK, "warning 50% resolution#1 Mon 11:00", "breach resolution#1 Mon 13:00"]


def test_warnings_are_not_said_again_after_reopening() -> None:
    rules = four_hours(warnings=warn("50%", "90%"))
    story = "Mon 09:00 created\nMon 11:30 resolved\nMon 12:00 reopened\nMon 13:07"
    assert lines(rules, story) == [
        "warning 50% resolution#1 Mon 11:00",
        "outcome met resolution#1 Mon 11:30",
        "retract outcome met resolution#1 Mon 11:30",
        "warning 90% resolution#1 Mon 13:06",
    ]


def test_solved_time_does_not_count_for_steps_after_the_deadline() -> None:
    rules = four_hours(escalations=after("2h"))
    story = "Mon 09:00 created\nMon 14:00 resolved\nMon 18:00 reopened\nMon 19:01"
    assert lines(rules, story)[-1] == "escalation +2h resolution#1 Mon 19:00"


def test_new_cycle_keeps_the_old_one() -> None:
    run = tell(Run(four_hours("new_cycle")), SOLVED + "Mon 12:00 reopened")
    assert state(run, "Mon 13:00") == (
        "resolution#1 met due - elapsed 60m left 180m paused 0m; "
        "resolution#2 running due Mon 16:00 elapsed 60m left 180m paused 0m"
    )


def test_reopened_pending_resumes_paused() -> None:
    from tests.unit.core.test_rules_deadlines import PAUSING

    run = tell(Run(four_hours(rules=PAUSING)), SOLVED + "Mon 12:00 updated status=pending\nMon 20:00")
    assert run.lines == [MET, TAKEN_BACK]
    tell(run, "Tue 09:00 updated status=open\nTue 12:00:01")
    assert run.lines[2:] == ["breach resolution#1 Tue 12:00"]


def test_reopened_many_times_is_one_cycle_and_one_standing_outcome() -> None:
    story = "".join(f"{day} 10:00 resolved\n{day} 11:00 reopened\n" for day in ("Mon", "Tue", "Wed"))
    run = tell(Run(single("resolution", 30 * DAY)), f"Mon 09:00 created\n{story}Thu 11:00 resolved")
    assert run.lines[-1] == "outcome met resolution#1 Thu 11:00"
    assert len(run.lines) == 7
    assert run.said[-1].revision == 3
    assert run.said[-1].elapsed == 74 * HOUR - 3 * HOUR


def test_other_metrics_of_a_reopened_ticket_do_not_restart() -> None:
    rules = policies(policy(target("first_response", HOUR), target("resolution", 4 * HOUR)))
    said = lines(rules, SOLVED + "Mon 12:00 reopened\nMon 14:59")
    assert [each for each in said if "first" in each] == ["outcome met first_response#1 Mon 10:00"]


def test_cancelled_cycle_does_not_run_again() -> None:
    """Its policy ceased to apply before the ticket was resolved and reopened."""
    acme = policies(for_customer("acme", target("resolution", HOUR, policy="acme")))
    story = "Mon 09:00 created customer=acme\nMon 09:30 updated customer=other\nMon 09:40 resolved\n"
    assert lines(acme, story + "Mon 09:50 reopened\nMon 18:00") == ["outcome cancelled resolution#1 Mon 09:30"]


def test_policy_that_ceases_with_the_reopening() -> None:
    acme = policies(for_customer("acme", target("resolution", HOUR, policy="acme")))
    story = "Mon 09:00 created customer=acme\nMon 09:30 resolved\nMon 12:00 reopened customer=other\nMon 18:00"
    assert lines(acme, story) == [
        "outcome met resolution#1 Mon 09:30",
        "retract outcome met resolution#1 Mon 09:30",
        "outcome cancelled resolution#1 Mon 12:00",
    ]


def test_policy_that_comes_with_the_reopening() -> None:
    acme = policies(for_customer("acme", target("resolution", HOUR, policy="acme")))
    story = "Mon 09:00 created\nMon 09:30 resolved\nMon 12:00 reopened customer=acme\nMon 12:31"
    assert lines(acme, story) == ["breach resolution#1 Mon 12:30"]


def test_nobody_times_before_and_after_the_reopening() -> None:
    acme = policies(for_customer("acme", target("resolution", HOUR, policy="acme")))
    assert lines(acme, "Mon 09:00 created\nMon 09:30 resolved\nMon 12:00 reopened\nMon 18:00") == []


def test_created_resolved_then_reopened_starts_the_first_cycle() -> None:
    said = lines(four_hours(), "Mon 09:00 created status=resolved\nMon 12:00 reopened\nMon 16:01")
    assert said == ["breach resolution#1 Mon 16:00"]


def test_new_cycle_of_a_metric_that_the_policies_dropped() -> None:
    """A new cycle belongs to the policies in force now, and they time it no more."""
    dropped = policies(policy(target("first_response", HOUR)))
    run = Run([(0, four_hours("new_cycle")), (at("Tue 00:00"), dropped)])
    assert tell(run, SOLVED + "Tue 09:00 reopened\nTue 18:00").lines == [MET]


def test_new_cycle_that_nobody_times() -> None:
    acme = policies(for_customer("acme", target("resolution", 4 * HOUR, policy="acme", reopen="new_cycle")))
    story = "Mon 09:00 created customer=acme\nMon 10:00 resolved\nMon 12:00 reopened customer=other\n"
    assert lines(acme, story + "Mon 18:00") == [MET]
    assert lines(acme, story + "Mon 13:00 updated customer=acme\nMon 16:01") == [MET, "breach resolution#2 Mon 16:00"]
