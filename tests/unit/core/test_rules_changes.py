"""Rules 6 and 7: changed targets, frozen breaches, thresholds that fire once (contract §5)."""

from __future__ import annotations

import pytest

from sla_stream.core.metrics import when
from sla_stream.core.policy import PolicySet, PolicyTarget, Rules
from tests.builders import DAY, HOUR, MINUTE, Run, after, policies, policy, target, warn
from tests.stories import at, by_priority, for_customer, lines, state, tell
from tests.unit.core.test_rules_deadlines import PAUSING

KEEP = by_priority(warnings=warn("80%", "30m"))
PLAIN = by_priority()
RESTART = by_priority(retarget="restart")
OPENED = "Mon 09:00 created\n"


@pytest.mark.parametrize(
    ("story", "said"),
    [
        ("Mon 09:20 updated priority=high\nMon 10:01", ["breach resolution#1 Mon 10:00"]),
        ("Mon 09:20 updated priority=high\nMon 10:00 resolved", ["outcome met resolution#1 Mon 10:00"]),
        ("Mon 10:00 updated priority=high\nMon 10:00", []),
        ("Mon 10:00 updated priority=high\nMon 10:00:00.001", ["breach resolution#1 Mon 10:00"]),
        ("Mon 11:00 updated priority=high\nMon 11:01", ["breach resolution#1 Mon 11:00"]),
        ("Mon 11:00 updated priority=low\nMon 17:01", ["breach resolution#1 Mon 17:00"]),
        ("Mon 11:00 resolved priority=high", ["outcome met resolution#1 Mon 11:00"]),
        (
            "Mon 11:00 updated priority=high\nMon 11:00 resolved",
            ["outcome met resolution#1 Mon 11:00"],
        ),
        (
            "Mon 11:00 updated priority=high\nMon 11:00:00.001 resolved",
            ["breach resolution#1 Mon 11:00", "outcome missed resolution#1 Mon 11:00:00.001"],
        ),
        ("Mon 11:00 updated priority=high id=a\nMon 11:00 updated priority=low id=b\nMon 12:00", []),
    ],
)
def test_changed_target_moves_the_deadline(story: str, said: list[str]) -> None:
    """What a change uses up is due at the change, unless that very event ends the cycle."""
    assert lines(PLAIN, OPENED + story) == said


def test_used_up_target_breaches_with_its_new_target() -> None:
    run = tell(Run(PLAIN), OPENED + "Mon 11:00 updated priority=high\nMon 11:01")
    breach = run.said[0]
    assert (breach.due_at, breach.at, breach.target_ms, breach.elapsed) == (
        at("Mon 11:00"),
        at("Mon 11:00"),
        HOUR,
        2 * HOUR,
    )


def test_outcome_of_the_change_that_ends_the_cycle() -> None:
    outcome = tell(Run(PLAIN), OPENED + "Mon 11:00 resolved priority=high").said[0]
    assert (outcome.target_ms, outcome.due_at, outcome.ticket["priority"]) == (HOUR, at("Mon 11:00"), "high")


@pytest.mark.parametrize(
    ("story", "said"),
    [
        (
            "Mon 09:55 updated priority=high\nMon 09:56",
            ["warning -30m resolution#1 Mon 09:55", "warning 80% resolution#1 Mon 09:55"],
        ),
        (
            "Mon 09:40 updated priority=high\nMon 09:49",
            ["warning -30m resolution#1 Mon 09:40", "warning 80% resolution#1 Mon 09:48"],
        ),
        (
            "Mon 11:00 updated priority=high\nMon 11:01",
            [
                "warning -30m resolution#1 Mon 11:00",
                "warning 80% resolution#1 Mon 11:00",
                "breach resolution#1 Mon 11:00",
            ],
        ),
        ("Mon 12:30 updated priority=low\nMon 14:00", ["warning 80% resolution#1 Mon 12:12"]),
    ],
)
def test_thresholds_passed_by_a_change_fire_at_the_change(story: str, said: list[str]) -> None:
    assert lines(KEEP, OPENED + story) == said


def test_threshold_fires_again_when_a_moved_target_made_it_unreached() -> None:
    run = tell(Run(KEEP), OPENED + "Mon 12:31 updated priority=low\nMon 17:00")
    assert run.lines == [
        "warning 80% resolution#1 Mon 12:12",
        "warning -30m resolution#1 Mon 12:30",
        "warning 80% resolution#1 Mon 15:24",
        "warning -30m resolution#1 Mon 16:30",
    ]
    assert [each.revision for each in run.said] == [0, 0, 1, 1]


def test_threshold_still_reached_is_not_said_again() -> None:
    said = lines(KEEP, OPENED + "Mon 12:13 updated priority=high\nMon 12:14")
    assert said.count("warning 80% resolution#1 Mon 12:12") == 1
    assert not [each for each in said if each == "warning 80% resolution#1 Mon 12:13"]


@pytest.mark.parametrize(
    ("warnings", "said"),
    [
        (("1h",), []),
        (("2h",), []),
        (("61m",), []),
        (("59m",), ["warning -59m resolution#1 Mon 09:01"]),
        (("10m", "50%", "20m"), ["50% 09:30", "-20m 09:40", "-10m 09:50"]),
    ],
)
def test_thresholds_at_or_before_the_start_never_fire(warnings: tuple[str, ...], said: list[str]) -> None:
    rules = policies(policy(target("resolution", HOUR, warnings=warn(*warnings))))
    if len(said) > 1:
        said = [f"warning {name} resolution#1 Mon {time}" for name, time in map(str.split, said)]
    assert lines(rules, OPENED + "Mon 10:00") == said


def test_threshold_before_the_start_can_come_when_the_target_grows() -> None:
    rules = by_priority(warnings=warn("2h"))
    said = lines(rules, "Mon 09:00 created priority=high\nMon 09:30 updated priority=low\nMon 17:00")
    assert said == ["warning -2h resolution#1 Mon 15:00"]


def test_threshold_before_the_start_does_not_fire_when_the_target_shrinks() -> None:
    assert lines(by_priority(warnings=warn("2h")), OPENED + "Mon 09:30 updated priority=high\nMon 10:00") == []


@pytest.mark.parametrize(
    ("story", "said"),
    [
        ("Mon 11:00 updated priority=high\nMon 12:01", ["breach resolution#1 Mon 12:00"]),
        ("Mon 11:00 updated priority=low\nMon 19:01", ["breach resolution#1 Mon 19:00"]),
        ("Mon 11:00 updated priority=none\nMon 13:01", ["breach resolution#1 Mon 13:00"]),
        ("Mon 11:00 updated customer=acme\nMon 13:01", ["breach resolution#1 Mon 13:00"]),
    ],
)
def test_restart_counts_from_the_change(story: str, said: list[str]) -> None:
    """A change that keeps the target is no change."""
    assert lines(RESTART, OPENED + story) == said


def test_restart_of_a_paused_cycle() -> None:
    rules = by_priority(retarget="restart", rules=PAUSING)
    story = "Mon 10:00 updated status=pending\nMon 11:00 updated priority=high\nMon 12:00 updated status=open\n"
    assert lines(rules, OPENED + story + "Mon 13:01") == ["breach resolution#1 Mon 13:00"]


def test_keep_elapsed_of_a_paused_cycle() -> None:
    rules = by_priority(rules=PAUSING)
    story = "Mon 09:15 updated status=pending\nMon 11:00 updated priority=high\nMon 12:00 updated status=open\n"
    assert lines(rules, OPENED + story + "Mon 12:46") == ["breach resolution#1 Mon 12:45"]


def test_target_used_up_while_paused_is_due_when_it_runs_again() -> None:
    rules = by_priority(rules=PAUSING)
    story = "Mon 11:00 updated status=pending\nMon 12:00 updated priority=high\n"
    assert lines(rules, OPENED + story + "Mon 18:00") == []
    assert lines(rules, OPENED + story + "Mon 18:00 updated status=open\nMon 18:01") == [
        "breach resolution#1 Mon 18:00"
    ]
    assert lines(rules, OPENED + story + "Mon 18:00 resolved") == ["outcome met resolution#1 Mon 18:00"]


@pytest.mark.parametrize(
    "change", ["updated priority=low", "updated priority=low customer=acme", "updated status=pending priority=low"]
)
def test_standing_breach_freezes_target_and_deadline(change: str) -> None:
    run = tell(
        Run(by_priority(rules=PAUSING)), f"Mon 09:00 created priority=high\nMon 10:30 {change}\nMon 11:00 resolved"
    )
    assert run.lines == ["breach resolution#1 Mon 10:00", "outcome missed resolution#1 Mon 11:00"]
    outcome = run.said[-1]
    assert (outcome.target_ms, outcome.due_at) == (HOUR, at("Mon 10:00"))


def test_change_at_the_deadline_is_before_the_breach() -> None:
    said = lines(PLAIN, "Mon 09:00 created priority=high\nMon 10:00 updated priority=low\nMon 16:00")
    assert said == []


def test_never_a_second_breach_in_a_cycle() -> None:
    story = """
        Mon 09:00 created priority=high
        Mon 10:30 updated priority=low
        Mon 11:00 resolved
        Mon 12:00 reopened
        Mon 12:30 updated priority=high
        Tue 12:00
    """
    assert lines(PLAIN, story) == [
        "breach resolution#1 Mon 10:00",
        "outcome missed resolution#1 Mon 11:00",
        "retract outcome missed resolution#1 Mon 11:00",
    ]


def levels() -> PolicySet:
    """Warnings of the target replace those of the policy; each priority has its own."""
    high = target("resolution", HOUR, warnings=warn("50%"))
    return policies(policy(PolicyTarget("resolution", {"high": high}, target("resolution", DAY, warnings=warn("90%")))))


def test_each_target_has_its_own_thresholds() -> None:
    assert lines(levels(), "Mon 09:00 created priority=high\nMon 09:59") == ["warning 50% resolution#1 Mon 09:30"]
    assert lines(levels(), "Mon 09:00 created\nTue 06:37") == ["warning 90% resolution#1 Tue 06:36"]


def test_state_after_a_change_tells_the_new_deadline() -> None:
    run = tell(Run(PLAIN), OPENED + "Mon 09:30 updated priority=high")
    assert state(run, "Mon 09:45") == "resolution#1 running due Mon 10:00 elapsed 45m left 15m paused 0m"


def test_steps_and_overrun_count_from_the_deadline_that_a_change_set() -> None:
    """More than the target was used already; what comes after counts from the breach."""
    rules = by_priority(escalations=after("1h"))
    run = tell(Run(rules), OPENED + "Mon 11:00 updated priority=high\nMon 12:30 resolved")
    assert run.lines == [
        "breach resolution#1 Mon 11:00",
        "escalation +1h resolution#1 Mon 12:00",
        "outcome missed resolution#1 Mon 12:30",
    ]
    assert [fact.overrun for fact in run.said] == [0, HOUR, 90 * MINUTE]


@pytest.mark.parametrize("twist", ["customer_replied", "note_added"])
def test_reset_and_cancel_conditions_after_the_breach(twist: str) -> None:
    """Only a retraction takes a breach back: a reset leaves it, a condition that cancels ends it missed."""
    rules = Rules(
        start=when(kind="created"),
        stop=when(kind="resolved"),
        reset=when(kind="customer_replied"),
        cancel=when(kind="note_added"),
    )
    own = policies(policy(target("own", HOUR, rules=rules)), metrics={"own": rules})
    run = tell(Run(own), f"Mon 09:00 created\nMon 10:30 {twist}\nMon 12:00 resolved\nMon 18:00")
    end = "Mon 12:00" if twist == "customer_replied" else "Mon 10:30"
    assert run.lines == ["breach own#1 Mon 10:00", f"outcome missed own#1 {end}"]
    assert (run.said[-1].due_at, run.said[-1].started_at) == (at("Mon 10:00"), at("Mon 09:00"))


def test_reset_after_the_breach_of_a_clock_timed_later() -> None:
    rules = Rules(start=when(kind="created"), stop=when(kind="resolved"), reset=when(kind="customer_replied"))
    acme = for_customer("acme", target("own", HOUR, policy="acme", rules=rules))
    story = "Mon 09:00 created\nMon 10:30 customer_replied\nMon 10:40 updated customer=acme\nMon 12:00 resolved"
    run = tell(Run(policies(acme, metrics={"own": rules})), story)
    assert sorted(run.lines) == ["breach own#1 Mon 10:00", "outcome missed own#1 Mon 12:00"]
    assert (run.said[-1].started_at, run.said[-1].elapsed) == (at("Mon 09:00"), 3 * HOUR)


def test_threshold_exactly_reached_by_the_new_target_is_not_said_again() -> None:
    """80 % of the new target are used in this very instant, and 80 % were said before."""
    longer = target("resolution", 262 * MINUTE + 30_000, warnings=warn("80%"))
    rules = policies(
        policy(PolicyTarget("resolution", {"x": longer}, target("resolution", 4 * HOUR, warnings=warn("80%"))))
    )
    said = lines(rules, OPENED + "Mon 12:30 updated priority=x\nMon 13:00")
    assert said == ["warning 80% resolution#1 Mon 12:12"]
