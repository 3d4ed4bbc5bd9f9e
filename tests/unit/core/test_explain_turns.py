"""Explanations of lives with a twist: several things in one step, and clocks that were timed long after their start."""

from __future__ import annotations

import pytest

from sla_stream.core.explain import ClockStory, explain_ticket
from sla_stream.core.policy import PolicySet
from sla_stream.core.timeline import BEGINNING, Timeline
from tests import builders
from tests.builders import HOUR, NINE_TO_FIVE, policies, target
from tests.stories import at, by_priority, for_customer, one, single
from tests.unit.core.test_rules_deadlines import PAUSING
from tests.unit.core.test_rules_versions import changing

ACME = policies(for_customer("acme", target("resolution", 2 * HOUR, policy="acme", rules=PAUSING)))
GRACED = policies(for_customer("acme", target("resolution", 2 * HOUR, policy="acme", rules=PAUSING, reopen="continue")))


def explained(rules: PolicySet, story: str, until: str) -> list[ClockStory]:
    events = [one(text)[0] for text in filter(None, map(str.strip, story.splitlines()))]
    return explain_ticket(Timeline([(BEGINNING, rules)]), "T-1", events, at(until)).clocks


def brief(clock: ClockStory) -> list[str]:
    """`running 09:00-10:00` for each interval."""
    assert clock.adds_up
    return [f"{each.what} {_time(each.start)}-{_time(each.end)}" for each in clock.intervals]


def _time(instant: int) -> str:
    return builders.when(instant).removeprefix("Mon ")


@pytest.mark.parametrize(
    ("first", "intervals"),
    [
        ("updated", ["running 08:00-12:00"]),
        ("updated status=pending", ["running 08:00-09:00", "paused 09:00-12:00"]),
        (
            "resolved",
            ["running 08:00-09:00", "paused 09:00-10:00", "running 10:00-12:00"],
        ),
    ],
)
def test_timed_later_and_first_seen_in_mid_life(first: str, intervals: list[str]) -> None:
    """Nobody timed it at first; its clock starts at created_at all the same."""
    status = "" if first == "updated status=pending" else "Mon 10:00 updated status=open"
    story = f"Mon 09:00 {first} created_at=Mon-08:00\n{status}\nMon 10:30 updated customer=acme"
    (clock,) = explained(ACME, story, "Mon 12:00")
    assert brief(clock) == intervals
    assert clock.intervals[0].reason == "created, as created_at says"
    assert "attached" in [moment.what for moment in clock.moments]


def test_timed_later_after_solved_time_that_counts() -> None:
    story = "Mon 08:00 created\nMon 09:00 resolved\nMon 10:00 reopened\nMon 10:30 updated customer=acme"
    (clock,) = explained(GRACED, story, "Mon 12:00")
    assert brief(clock) == ["running 08:00-09:00", "running 09:00-10:00", "running 10:00-12:00"]


def test_restarted_and_resolved_in_one() -> None:
    rules = by_priority(retarget="restart")
    (clock,) = explained(rules, "Mon 09:00 created\nMon 10:00 resolved priority=high", "Mon 12:00")
    assert brief(clock) == []
    assert (clock.state.stage, clock.state.elapsed) == ("met", 0)


def test_reopened_and_ceased_in_one() -> None:
    story = "Mon 09:00 created customer=acme\nMon 10:00 resolved\nMon 11:00 reopened customer=other"
    (clock,) = explained(ACME, story, "Mon 12:00")
    assert brief(clock) == ["running 09:00-10:00", "paused 10:00-11:00"]
    assert [moment.what for moment in clock.moments] == ["started", "met", "reopened", "cancelled"]


def test_changed_policies_are_a_cause() -> None:
    (clock,) = explained(changing(8, True), "Mon 22:00 created id=a", "Tue 01:00")
    assert [(each.reason, each.event_id) for each in clock.intervals] == [("created", "a"), ("policies changed", None)]
    retargeted = clock.moments[-1]
    assert (retargeted.what, retargeted.at, retargeted.target) == ("retargeted", at("Tue 00:00"), 8 * HOUR)


def test_closed_at_the_end() -> None:
    (clock,) = explained(single("resolution", 8 * HOUR, schedule=NINE_TO_FIVE), "Mon 16:00 created", "Mon 20:00")
    assert brief(clock) == ["running 16:00-17:00", "closed_hours 17:00-20:00"]


def test_started_and_asked_in_the_same_instant() -> None:
    (clock,) = explained(single(), "Mon 09:00 created", "Mon 09:00")
    assert brief(clock) == []
