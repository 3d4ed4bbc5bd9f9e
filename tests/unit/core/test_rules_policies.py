"""Rules 13, 14 and 16: unknown tickets, targets that come and go, and which policy decides (contract §4, §5)."""

from __future__ import annotations

import pytest

from sla_stream.core.metrics import when
from sla_stream.core.policy import Match, PolicySet, PolicyTarget, Rules
from tests.builders import DAY, HOUR, NINE_TO_FIVE, Run, net_set, policies, policy, target, warn
from tests.builders import when as clock
from tests.stories import at, by_priority, for_customer, lines, single, state, states, tell
from tests.unit.core.test_rules_deadlines import PAUSING

TWO = policies(policy(target("first_response", HOUR), target("next_response", HOUR), target("resolution", 4 * HOUR)))


# -- rule 13: tickets first seen in mid-life --------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("story", "shown"),
    [
        ("Mon 09:00 updated", []),
        ("Mon 09:00 agent_replied", []),
        ("Mon 09:00 reopened", ["resolution#1 Mon 09:00"]),
        ("Mon 09:00 customer_replied", ["next_response#1 Mon 09:00"]),
        ("Mon 09:00 updated created_at=Mon-08:30", ["first_response#1 Mon 08:30", "resolution#1 Mon 08:30"]),
        ("Mon 09:00 customer_replied created_at=Mon-08:30", ["first_response#1 Mon 08:30", "resolution#1 Mon 08:30"]),
        ("Mon 09:00 created created_at=Mon-08:30", ["first_response#1 Mon 09:00", "resolution#1 Mon 09:00"]),
        ("Mon 09:00 updated\nMon 09:10 updated created_at=Mon-08:30", []),
        ("Mon 09:00 updated\nMon 09:10 customer_replied", ["next_response#1 Mon 09:10"]),
    ],
)
def test_clocks_of_an_unknown_ticket(story: str, shown: list[str]) -> None:
    run = tell(Run(TWO), story)
    assert [f"{name} {clock(each.started_at)}" for name, each in states(run, "Mon 09:15").items()] == shown


@pytest.mark.parametrize(
    ("story", "said"),
    [
        ("Mon 09:00 agent_replied created_at=Mon-08:30", ["outcome met first_response#1 Mon 09:00"]),
        (
            "Mon 10:00 agent_replied created_at=Mon-08:30\nMon 10:01",
            ["breach first_response#1 Mon 09:30", "outcome missed first_response#1 Mon 10:00"],
        ),
        (
            "Mon 09:00 resolved created_at=Mon-08:30",
            ["outcome met first_response#1 Mon 09:00", "outcome met resolution#1 Mon 09:00"],
        ),
        ("Mon 09:00 updated created_at=Mon-07:30\nMon 09:00:06", ["breach first_response#1 Mon 08:30"]),
    ],
)
def test_unknown_ticket_with_created_at(story: str, said: list[str]) -> None:
    assert sorted(lines(TWO, story)) == sorted(said)


@pytest.mark.parametrize(("kind", "count"), [("created", 0), ("updated", 1), ("updated created_at=Mon-08:00", 1)])
def test_unknown_tickets_are_counted(kind: str, count: int) -> None:
    run = tell(Run(TWO), f"Mon 09:00 {kind}\nMon 09:10 updated")
    assert run.engine.counters.unknown_ticket == count


def test_first_status_of_an_unknown_ticket_counts_from_its_event() -> None:
    rules = single("resolution", 4 * HOUR, rules=PAUSING)
    run = tell(Run(rules), "Mon 09:00 updated status=pending created_at=Mon-08:00\nMon 12:00")
    assert state(run, "Mon 12:00") == "resolution#1 paused due - elapsed 60m left 180m paused 180m"


# -- rule 14: targets that come to apply later, change, and cease -----------------------------------------------------

ACME = policies(for_customer("acme", target("resolution", 2 * HOUR, policy="acme", warnings=warn("50%"))))
PAUSED_ACME = policies(for_customer("acme", target("resolution", 2 * HOUR, policy="acme", rules=PAUSING)))
SHARED = policies(
    for_customer("acme", target("resolution", 2 * HOUR, policy="acme")),
    for_customer("globex", target("resolution", 5 * HOUR, policy="globex")),
)


@pytest.mark.parametrize(
    ("story", "said"),
    [
        (
            "Mon 09:30 updated customer=acme\nMon 11:01",
            ["warning 50% resolution#1 Mon 10:00", "breach resolution#1 Mon 11:00"],
        ),
        ("Mon 09:30 updated customer=acme\nMon 10:00 resolved", ["outcome met resolution#1 Mon 10:00"]),
        (
            "Mon 09:30 updated customer=acme\nMon 09:40 updated customer=\nMon 12:00",
            ["outcome cancelled resolution#1 Mon 09:40"],
        ),
        ("Mon 10:00 resolved\nMon 12:00 updated customer=acme\nTue 09:00", []),
        ("Mon 12:00", []),
    ],
)
def test_target_that_comes_later_times_from_the_start(story: str, said: list[str]) -> None:
    assert lines(ACME, f"Mon 09:00 created\n{story}") == said


def test_late_attach_with_the_pauses_there_were() -> None:
    story = """
        Mon 09:00 created
        Mon 09:15 updated status=pending
        Mon 10:00 updated status=open
        Mon 10:30 updated customer=acme
    """
    run = tell(Run(PAUSED_ACME), story)
    assert state(run, "Mon 11:00") == "resolution#1 running due Mon 11:45 elapsed 75m left 45m paused 45m"


def test_late_attach_while_paused() -> None:
    story = "Mon 09:00 created\nMon 09:15 updated status=pending\nMon 10:00 updated customer=acme"
    run = tell(Run(PAUSED_ACME), story)
    assert state(run, "Mon 11:00") == "resolution#1 paused due - elapsed 15m left 105m paused 105m"


def test_late_attach_with_the_reopening_there_was() -> None:
    story = "Mon 09:00 created\nMon 09:30 resolved\nMon 10:30 reopened\nMon 10:40 updated customer=acme\nMon 12:01"
    assert lines(ACME, story)[-1] == "breach resolution#1 Mon 12:00"


def test_late_attach_with_the_grace_of_its_reopening() -> None:
    """Reopened within the grace it never ended, whenever the target came."""
    rules = policies(for_customer("acme", target("resolution", 2 * HOUR, policy="acme", reopen_grace=HOUR)))
    story = "Mon 09:00 created\nMon 09:30 resolved\nMon 09:40 reopened\nMon 10:00 updated customer=acme\nMon 11:01"
    assert lines(rules, story) == ["breach resolution#1 Mon 11:00"]


def test_late_attach_with_the_reset_there_was() -> None:
    rules = Rules(start=when(kind="created"), stop=when(kind="resolved"), reset=when(kind="customer_replied"))
    own = target("own", 2 * HOUR, policy="acme", rules=rules)
    story = "Mon 09:00 created\nMon 09:30 customer_replied\nMon 10:00 updated customer=acme\nMon 11:31"
    said = lines(policies(for_customer("acme", own), metrics={"own": rules}), story)
    assert said == ["breach own#1 Mon 11:30"]


def test_first_response_given_before_the_target_applies() -> None:
    rules = policies(for_customer("acme", target("first_response", HOUR, policy="acme")))
    assert lines(rules, "Mon 09:00 created\nMon 09:30 agent_replied\nMon 12:00 updated customer=acme\nTue 09:00") == []


def test_late_attach_far_in_the_history() -> None:
    """The start is older than the allowed lateness; its pauses still count."""
    rules = policies(for_customer("acme", target("resolution", 30 * DAY, policy="acme", rules=PAUSING)))
    story = "Mon 09:00 created\nTue 09:00 updated status=pending\nThu 09:00 updated status=open\n"
    run = tell(Run(rules), story + "Mon+2 09:00 updated group=a\nMon+2 10:00 updated customer=acme")
    shown = states(run, "Mon+2 10:00")["resolution#1"]
    assert (shown.elapsed, shown.paused) == (12 * DAY + HOUR, 2 * DAY)


def test_ceasing_ends_cancelled() -> None:
    run = tell(Run(ACME), "Mon 09:00 created customer=acme\nMon 09:30 updated customer=other\nMon 18:00")
    outcome = run.said[-1]
    assert run.lines == ["outcome cancelled resolution#1 Mon 09:30"]
    assert (outcome.reason, outcome.due_at, outcome.target.policy) == ("no_policy", at("Mon 11:00"), "acme")


def test_ceasing_after_the_breach_leaves_the_breach() -> None:
    said = lines(ACME, "Mon 09:00 created customer=acme\nMon 11:30 updated customer=\nMon 12:00 resolved")
    assert said[1:] == ["breach resolution#1 Mon 11:00", "outcome cancelled resolution#1 Mon 11:30"]


def test_other_policy_takes_over_the_running_cycle() -> None:
    run = tell(Run(SHARED), "Mon 09:00 created customer=acme\nMon 10:00 updated customer=globex\nMon 14:01")
    assert run.lines == ["breach resolution#1 Mon 14:00"]
    assert (run.said[0].target.policy, run.said[0].target_ms) == ("globex", 5 * HOUR)
    assert tell(Run(SHARED), "Mon 09:00 created customer=globex\nMon 12:00 updated customer=acme\nMon 12:01").lines == [
        "breach resolution#1 Mon 12:00"
    ]


def test_other_policy_may_have_another_schedule() -> None:
    """Elapsed time is kept as an amount."""
    office = target("resolution", 4 * HOUR, policy="office", schedule=NINE_TO_FIVE)
    rules = policies(for_customer("acme", office), for_customer("globex", target("resolution", 4 * HOUR, policy="g")))
    story = "Mon 07:00 created customer=globex\nMon 08:00 updated customer=acme\nMon 12:01"
    assert lines(rules, story) == ["breach resolution#1 Mon 12:00"]


# -- rule 16 and §4: which policy ---------------------------------------------------------------------------------


def test_no_policy_times_nothing_and_is_counted() -> None:
    run = tell(Run(ACME), "Mon 09:00 created\nMon 09:10 updated\nTue 09:00 resolved\nTue 10:00 created ticket=T-2")
    assert run.lines == []
    assert state(run, "Tue 10:00") == ""
    assert run.engine.counters.no_policy == 2


def test_first_of_two_equal_candidates() -> None:
    rules = policies(
        policy(target("resolution", HOUR, policy="a"), name="a"),
        policy(target("resolution", DAY, policy="b"), name="b"),
    )
    run = tell(Run(rules), "Mon 09:00 created\nMon 10:01")
    assert [fact.target.policy for fact in run.said] == ["a"]


def test_each_metric_finds_its_own_policy() -> None:
    rules = policies(
        for_customer("acme", target("resolution", HOUR, policy="acme")),
        policy(target("resolution", DAY), target("first_response", 2 * HOUR)),
    )
    run = tell(Run(rules), "Mon 09:00 created customer=acme")
    assert [each.policy for each in states(run, "Mon 09:00").values()] == ["base", "acme"]


def test_priority_without_entry_and_default_searches_on() -> None:
    gold = policy(PolicyTarget("resolution", {"high": target("resolution", HOUR, policy="gold")}, None), name="gold")
    rules = policies(gold, policy(target("resolution", DAY)))
    for told, name in (("priority=high", "gold"), ("priority=low", "base"), ("", "base")):
        run = tell(Run(rules), f"Mon 09:00 created {told}")
        assert states(run, "Mon 09:00")["resolution#1"].policy == name


@pytest.mark.parametrize(
    ("match", "told", "matches"),
    [
        (Match(), "", True),
        (Match((("plan", "any", ("gold", "silver")),)), "plan=silver", True),
        (Match((("plan", "any", ("gold",)),)), "plan=silver", False),
        (Match((("plan", "any", ("gold",)),)), "", False),
        (Match((("tags", "any", ("a", "b")),)), "tags=b,c", True),
        (Match((("tags", "any", ("a", "b")),)), "tags=c", False),
        (Match((("tags", "any", ("a", "b")),)), "", False),
        (Match((("tags", "all", ("a", "b")),)), "tags=a,b,c", True),
        (Match((("tags", "all", ("a", "b")),)), "tags=a", False),
        (Match((("plan", "any", ("gold",)), ("group", "any", ("x",)))), "plan=gold group=x", True),
        (Match((("plan", "any", ("gold",)), ("group", "any", ("x",)))), "plan=gold group=y", False),
        (Match(negated=Match((("channel", "any", ("chat",)),))), "channel=chat", False),
        (Match(negated=Match((("channel", "any", ("chat",)),))), "channel=mail", True),
        (Match((("custom.site", "any", ("north",)),)), "custom.site=north", True),
    ],
)
def test_match(match: Match, told: str, matches: bool) -> None:
    run = tell(Run(policies(policy(target("resolution", HOUR), match=match))), f"Mon 09:00 created {told}")
    assert bool(states(run, "Mon 09:00")) is matches


# -- policies on a timeline: a running cycle keeps what was in force at its start --------------------------------------


def timeline(new: PolicySet, since: str = "Tue 00:00") -> list[tuple[int, PolicySet]]:
    return [(0, by_priority(policy="old")), (at(since), new)]


def test_running_cycles_keep_their_policies() -> None:
    run = tell(Run(timeline(by_priority(default=HOUR, policy="new"))), "Mon 23:00 created\nTue 03:01")
    assert run.lines == ["breach resolution#1 Tue 03:00"]
    assert run.said[0].target.policy == "old"


@pytest.mark.parametrize(
    ("created", "due"),
    [("Mon 23:59:59.999", "Tue 03:59:59.999"), ("Tue 00:00", "Tue 01:00"), ("Tue 08:00", "Tue 09:00")],
)
def test_cycles_take_the_policies_in_force_at_their_start(created: str, due: str) -> None:
    run = tell(Run(timeline(by_priority(default=HOUR, policy="new"))), f"{created} created\nTue 12:00")
    assert [fact.due_at for fact in run.said] == [at(due)]


def test_change_of_priority_asks_the_policies_of_the_start() -> None:
    """`high` is one hour in the old policies and two in the new ones."""
    new = policies(policy(target("resolution", 2 * HOUR, policy="new")))
    run = tell(Run(timeline(new)), "Mon 23:50 created\nTue 00:10 updated priority=high\nTue 00:51")
    assert run.lines == ["breach resolution#1 Tue 00:50"]
    assert run.said[0].target.policy == "old"


def test_next_cycle_takes_the_new_policies() -> None:
    old = single("resolution", 4 * HOUR, reopen="new_cycle", policy="old")
    new = single("resolution", HOUR, reopen="new_cycle", policy="new")
    run = Run([(0, old), (at("Tue 00:00"), new)])
    tell(run, "Mon 09:00 created\nMon 10:00 resolved\nTue 10:00 reopened\nTue 11:01")
    assert run.lines == ["outcome met resolution#1 Mon 10:00", "breach resolution#2 Tue 11:00"]
    assert [fact.target.policy for fact in run.said] == ["old", "new"]


def test_reopened_cycle_keeps_the_policies_of_its_start() -> None:
    run = Run(timeline(by_priority(default=HOUR, policy="new")))
    tell(run, "Mon 09:00 created\nMon 10:00 resolved\nTue 10:00 reopened\nTue 13:01")
    assert run.lines[-1] == "breach resolution#1 Tue 13:00"
    assert run.said[-1].target.policy == "old"


def test_metric_that_the_new_policies_add_does_not_attach_to_running_tickets() -> None:
    new = policies(policy(target("resolution", HOUR), target("first_response", 9 * HOUR)))
    story = "Mon 23:00 created\nTue 00:10 updated group=a\nTue 00:20 updated priority=low"
    run = tell(Run([(0, single("resolution", 4 * HOUR)), (at("Tue 00:00"), new)]), story)
    assert list(states(run, "Tue 00:20")) == ["resolution#1"]


def test_metric_that_the_new_policies_drop_runs_to_its_end() -> None:
    new = policies(policy(target("first_response", HOUR)))
    run = Run([(0, single("resolution", 4 * HOUR)), (at("Tue 00:00"), new)])
    tell(run, "Mon 23:00 created\nTue 00:10 updated group=a\nTue 01:00 resolved\nTue 02:00 note_added")
    assert run.lines == ["outcome met resolution#1 Tue 01:00"]


def test_creation_read_as_the_second_event() -> None:
    """First response counts as given, since the ticket was first seen otherwise; the rest starts with the creation."""
    run = tell(Run(TWO), "Mon 09:00 updated\nMon 09:30 created")
    assert list(states(run, "Mon 09:45")) == ["resolution#1"]


def test_late_attach_of_a_life_with_notes_while_resolved() -> None:
    """What happens while it is solved does not move the clock."""
    story = """
        Mon 09:00 created
        Mon 09:30 resolved
        Mon 09:40 note_added
        Mon 09:50 closed
        Mon 10:30 reopened
        Mon 10:45 updated customer=acme
    """
    run = tell(Run(ACME), story)
    assert state(run, "Mon 11:00") == "resolution#1 running due Mon 12:00 elapsed 60m left 60m paused 60m"


@pytest.mark.parametrize(
    "late", ["Mon 09:20 note_added", "Mon 09:40 updated status=open", "Mon 09:05 updated priority=low"]
)
def test_late_event_before_a_late_attach(late: str) -> None:
    """The attachment is judged again with the history as it is now known."""
    story = "Mon 09:00 created\nMon 09:15 updated status=pending\nMon 10:00 updated status=open\n"
    story += "Mon 10:30 updated customer=acme"
    in_order = tell(Run(PAUSED_ACME), "\n".join(sorted([*story.splitlines(), late])) + "\nMon 18:00")
    out_of_order = tell(Run(PAUSED_ACME), f"{story}\n{late} @ Mon 10:40\nMon 18:00")
    assert net_set(out_of_order.said) == net_set(in_order.said)


def test_created_at_after_the_event_is_not_believed() -> None:
    run = tell(Run(TWO), "Mon 09:00 updated created_at=Mon-09:30")
    assert {clock(each.started_at) for each in states(run, "Mon 09:00").values()} == {"Mon 09:00"}
