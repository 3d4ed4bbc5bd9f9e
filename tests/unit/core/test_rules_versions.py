"""Rules 14 and 15 and §4: versions of policies, relaxations, stretch goals, business days, `from: application`."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from sla_stream.core.metrics import when
from sla_stream.core.policy import Match, Policy, PolicySet, Relaxation, Rules
from tests.builders import DAY, HOUR, MINUTE, NINE_TO_FIVE, Run, after, line, net_set, policies, policy, target, warn
from tests.stories import at, for_customer, lines, single, state, states, tell
from tests.unit.core.test_rules_deadlines import PAUSING


def version(number: int, *targets: Any, since: str | None = None, migrate: bool = False, name: str = "base") -> Policy:
    return replace(
        policy(*(replace(each, policy=name, policy_version=f"v{number}") for each in targets), name=name),
        version=f"v{number}",
        valid_from=at(since) if since else None,
        on_change="migrate" if migrate else "pin",
    )


def changing(hours: int, migrate: bool, **rest: Any) -> PolicySet:
    """Four hours, and from Tuesday on another number of them."""
    return policies(
        version(1, target("resolution", 4 * HOUR, **rest)),
        version(2, target("resolution", hours * HOUR, **rest), since="Tue 00:00", migrate=migrate),
    )


@pytest.mark.parametrize(
    ("hours", "migrate", "story", "said"),
    [
        (8, False, "Mon 22:00 created\nTue 12:00", ["breach resolution#1 Tue 02:00"]),
        (8, True, "Mon 22:00 created\nTue 12:00", ["breach resolution#1 Tue 06:00"]),
        (3, True, "Mon 22:00 created\nTue 12:00", ["breach resolution#1 Tue 01:00"]),
        (1, True, "Mon 22:00 created\nTue 12:00", ["breach resolution#1 Tue 00:00"]),
        (1, True, "Mon 22:00 created\nTue 00:00 resolved", ["outcome met resolution#1 Tue 00:00"]),
        (1, True, "Mon 22:00 created\nTue 00:00 updated group=a\nTue 00:01", ["breach resolution#1 Tue 00:00"]),
        (8, True, "Mon 12:00 created\nTue 00:00 updated group=a\nTue 12:00", ["breach resolution#1 Mon 16:00"]),
        (1, True, "Mon 22:00 created\nMon 23:59 resolved\nTue 12:00", ["outcome met resolution#1 Mon 23:59"]),
        (8, True, "Mon 12:00 created\nTue 12:00", ["breach resolution#1 Mon 16:00"]),
        (8, True, "Mon 22:00 created\nTue 00:30 updated group=a\nTue 12:00", ["breach resolution#1 Tue 06:00"]),
        (8, False, "Mon 22:00 created\nTue 00:30 updated group=a\nTue 12:00", ["breach resolution#1 Tue 02:00"]),
        (8, False, "Tue 00:00 created\nTue 12:00", ["breach resolution#1 Tue 08:00"]),
        (8, False, "Mon 20:00 created\nTue 00:00 resolved", ["outcome met resolution#1 Tue 00:00"]),
    ],
)
def test_next_version_of_a_policy(hours: int, migrate: bool, story: str, said: list[str]) -> None:
    """Pinned cycles keep their version; under `migrate` they take the new target at valid_from, elapsed kept."""
    assert lines(changing(hours, migrate), story) == said


def test_version_in_what_is_said() -> None:
    pinned = tell(Run(changing(8, False)), "Mon 22:00 created\nTue 12:00").said[0]
    moved = tell(Run(changing(8, True)), "Mon 22:00 created\nTue 12:00").said[0]
    assert (pinned.target.policy_version, moved.target.policy_version) == ("v1", "v2")


def test_migration_while_paused_counts_when_it_runs_again() -> None:
    story = "Mon 22:00 created\nMon 23:00 updated status=pending\nTue 03:00 updated status=open\nTue 12:00"
    assert lines(changing(8, True, rules=PAUSING), story) == ["breach resolution#1 Tue 10:00"]


def test_merged_ticket_migrates_when_the_merge_is_undone() -> None:
    story = "Mon 22:00 created\nMon 23:00 merged merged_into=X\nTue 01:00 unmerged\nTue 12:00"
    assert lines(changing(8, True), story)[-1] == "breach resolution#1 Tue 06:00"


def test_first_event_of_all_after_the_change() -> None:
    assert lines(changing(8, True), "Tue 03:00 created\nTue 12:00") == ["breach resolution#1 Tue 11:00"]


def test_migration_seen_by_a_late_event_is_the_same() -> None:
    rules = changing(8, True, warnings=warn("50%"))
    early = tell(Run(rules), "Mon 22:00 created\nMon 23:00 updated\nTue 12:00")
    late = tell(Run(rules), "Mon 23:00 updated @ Tue 01:00\nMon 22:00 created @ Tue 01:10\nTue 12:00")
    assert net_set(early.said) == net_set(late.said)


def test_warnings_move_with_the_migration() -> None:
    said = lines(changing(8, True, warnings=warn("50%")), "Mon 21:00 created\nTue 12:00")
    assert said == [
        "warning 50% resolution#1 Mon 23:00",
        "warning 50% resolution#1 Tue 01:00",
        "breach resolution#1 Tue 05:00",
    ]


@pytest.mark.parametrize(
    ("migrate", "metrics"),
    [
        (False, ["resolution#1"]),
        (True, ["first_response#1", "resolution#1"]),
    ],
)
def test_metric_that_a_later_version_adds(migrate: bool, metrics: list[str]) -> None:
    four = target("resolution", 4 * HOUR)
    two = version(2, four, target("first_response", 9 * HOUR), since="Tue 00:00", migrate=migrate)
    run = tell(Run(policies(version(1, four), two)), "Mon 22:00 created\nTue 00:30 updated group=a")
    found = states(run, "Tue 00:30")
    assert list(found) == metrics
    assert all(each.started_at == at("Mon 22:00") for each in found.values())


def test_policy_that_becomes_valid_later_times_from_the_start() -> None:
    """Rule 14: the ticket was open, and nobody timed it."""
    rules = policies(
        for_customer("other", target("resolution", HOUR, policy="other")),
        version(1, target("resolution", 4 * HOUR), since="Tue 00:00", name="later"),
    )
    assert lines(rules, "Mon 22:00 created\nTue 12:00") == ["breach resolution#1 Tue 02:00"]


def test_first_policy_of_a_metric_that_becomes_valid_later() -> None:
    rules = policies(
        version(1, target("first_response", DAY), name="replies"),
        version(1, target("resolution", 4 * HOUR), since="Tue 00:00", name="later"),
    )
    assert lines(rules, "Mon 22:00 created\nTue 12:00") == ["breach resolution#1 Tue 02:00"]


def test_version_dropped_by_a_migration_ends_cancelled() -> None:
    rules = policies(
        version(1, target("resolution", 4 * HOUR)),
        version(2, target("first_response", 9 * HOUR), since="Tue 00:00", migrate=True),
    )
    run = tell(Run(rules), "Mon 22:00 created\nTue 00:30 updated group=a\nTue 03:00")
    assert run.lines == ["outcome cancelled resolution#1 Tue 00:00"]
    assert run.said[0].reason == "no_policy"


def test_versions_survive_a_crash_at_the_change() -> None:
    whole = tell(Run(changing(8, True)), "Mon 22:00 created\nTue 12:00")
    cut = tell(Run(changing(8, True)), "Mon 22:00 created\nMon 23:00").crash()
    assert [fact.id for fact in tell(cut, "Tue 12:00").said] == [fact.id for fact in whole.said]


# -- relaxations -------------------------------------------------------------------------------------------------------


def relaxed(factor: float = 2.0, extra: int = 0, match: Match | None = None, **rest: Any) -> PolicySet:
    storm = Relaxation(
        "storm", at("Mon 09:00"), at("Mon 12:00"), match or Match(), factor, extra, reason="storm", approved_by="boss"
    )
    return replace(single(**rest), relaxations=(storm,))


@pytest.mark.parametrize(
    ("created", "due"),
    [
        ("Mon 08:59:59.999", "Mon 09:59:59.999"),
        ("Mon 09:00", "Mon 11:00"),
        ("Mon 11:59:59.999", "Mon 13:59:59.999"),
        ("Mon 12:00", "Mon 13:00"),
    ],
)
def test_relaxation_applies_to_cycles_that_start_in_its_window(created: str, due: str) -> None:
    run = tell(Run(relaxed()), f"{created} created\nMon 18:00")
    assert [(fact.due_at, fact.raw) for fact in run.said] == [(at(due), None)]


@pytest.mark.parametrize(
    ("resolved", "outcome", "raw"),
    [
        ("Mon 09:30", "met", "met"),
        ("Mon 10:00", "met", "met"),
        ("Mon 10:30", "met", "missed"),
        ("Mon 11:30", "missed", "missed"),
    ],
)
def test_both_results_are_reported(resolved: str, outcome: str, raw: str) -> None:
    said = tell(Run(relaxed()), f"Mon 09:00 created\n{resolved} resolved").said[-1]
    assert (said.outcome, said.raw) == (outcome, (at("Mon 10:00"), raw))


@pytest.mark.parametrize(("factor", "extra", "due"), [(1.0, 15 * MINUTE, "10:15"), (1.5, 15 * MINUTE, "10:45")])
def test_factor_and_extra(factor: float, extra: int, due: str) -> None:
    assert lines(relaxed(factor, extra), "Mon 09:00 created\nMon 18:00") == [f"breach resolution#1 Mon {due}"]


def test_relaxation_has_a_scope() -> None:
    rules = relaxed(match=Match((("service", "any", ("billing",)),)))
    assert lines(rules, "Mon 09:00 created service=billing\nMon 18:00") == ["breach resolution#1 Mon 11:00"]
    assert lines(rules, "Mon 09:00 created service=mail\nMon 18:00") == ["breach resolution#1 Mon 10:00"]


@pytest.mark.parametrize(
    ("story", "raw"),
    [
        ("Mon 09:30 updated status=pending\nMon 12:00 updated status=open\nMon 12:30 resolved", ("Mon 12:30", "met")),
        (
            "Mon 09:30 updated status=pending\nMon 12:00 updated status=open\nMon 12:31 resolved",
            ("Mon 12:30", "missed"),
        ),
        ("Mon 10:30 updated status=pending\nMon 18:00 resolved", ("Mon 10:00", "missed")),
    ],
)
def test_raw_result_knows_the_pauses(story: str, raw: tuple[str, str]) -> None:
    said = tell(Run(relaxed(rules=PAUSING)), f"Mon 09:00 created\n{story}").said[-1]
    assert said.raw == (at(raw[0]), raw[1])


def test_cancelled_is_cancelled_in_both() -> None:
    said = tell(Run(relaxed()), "Mon 09:00 created\nMon 10:30 deleted").said[-1]
    assert (said.outcome, said.raw and said.raw[1]) == ("cancelled", "cancelled")


def test_not_relaxed_outcomes_have_no_raw_result() -> None:
    assert tell(Run(single()), "Mon 09:00 created\nMon 09:30 resolved").said[-1].raw is None


# -- stretch goals, application, business days -------------------------------------------------------------------------


def with_goal(goal: int = 30 * MINUTE) -> PolicySet:
    """A promise of one hour and beside it a stretch goal of the same metric."""
    aim = target("resolution", goal, policy="goal", kind="kpi", warnings=warn("50%"))
    return policies(policy(aim, name="goal"), policy(target("resolution", HOUR, warnings=warn("50%"))))


def test_goal_and_promise_run_side_by_side() -> None:
    run = tell(Run(with_goal()), "Mon 09:00 created\nMon 09:40 resolved")
    assert sorted((line(fact), fact.target.kind) for fact in run.said) == [
        ("breach resolution#1 Mon 09:30", "kpi"),
        ("outcome met resolution#1 Mon 09:40", "sla"),
        ("outcome missed resolution#1 Mon 09:40", "kpi"),
        ("warning 50% resolution#1 Mon 09:15", "kpi"),
        ("warning 50% resolution#1 Mon 09:30", "sla"),
    ]


def test_goal_of_the_same_time_has_ids_of_its_own() -> None:
    run = tell(Run(with_goal(HOUR)), "Mon 09:00 created\nMon 10:30 resolved\nMon 11:00 reopened\nMon 12:00 resolved")
    ids = [fact.id for fact in run.said]
    assert len(ids) == 10
    assert len(set(ids)) == len(ids)


@pytest.mark.parametrize(
    ("starts_from", "story", "due"),
    [
        ("start", "Mon 09:00 created\nMon 10:00 updated customer=acme", "Mon 11:00"),
        ("application", "Mon 09:00 created\nMon 10:00 updated customer=acme", "Mon 12:00"),
        ("application", "Mon 09:00 created customer=acme", "Mon 11:00"),
    ],
)
def test_clock_from_application(starts_from: str, story: str, due: str) -> None:
    acme = target("resolution", 2 * HOUR, policy="acme", starts_from=starts_from)
    assert lines(policies(for_customer("acme", acme)), f"{story}\nMon 18:00") == [f"breach resolution#1 {due}"]


def test_application_while_paused_starts_paused() -> None:
    acme = target("resolution", 2 * HOUR, policy="acme", starts_from="application", rules=PAUSING)
    story = "Mon 09:00 created status=pending\nMon 10:00 updated customer=acme\nMon 12:00 updated status=open"
    run = tell(Run(policies(for_customer("acme", acme))), story)
    assert state(run, "Mon 12:00") == "resolution#1 running due Mon 14:00 elapsed 0m left 120m paused 120m"


@pytest.mark.parametrize(
    ("created", "days", "due"),
    [
        ("Mon 10:00", 2, "Wed 10:00"),
        ("Fri 10:00", 1, "Mon+1 10:00"),
        ("Thu 16:30", 2, "Mon+1 16:30"),
    ],
)
def test_business_days(created: str, days: int, due: str) -> None:
    """The same local time on the n-th working day."""
    rules = policies(policy(target("resolution", None, schedule=NINE_TO_FIVE, business_days=days)))
    run = tell(Run(rules), f"{created} created\nMon+2 00:00")
    assert run.lines == [f"breach resolution#1 {due}"]
    assert run.said[0].target_ms == days * 8 * HOUR


def test_business_days_turn_into_schedule_time_at_the_start() -> None:
    """A pause of half a day moves the deadline by half a day's opening hours."""
    day = target("resolution", None, schedule=NINE_TO_FIVE, business_days=1, rules=PAUSING)
    story = "Mon 10:00 created\nMon 12:00 updated status=pending\nMon 16:00 updated status=open\nTue 14:01"
    assert lines(policies(policy(day)), story) == ["breach resolution#1 Tue 14:00"]


def test_priority_change_of_a_promised_date_keeps_the_date() -> None:
    promised = replace(target("due_date", 0, policy="acme"), escalations=after("1h"))
    rules = policies(for_customer("acme", promised), policy(target("due_date", 0)))
    story = "Mon 09:00 created due_at=Tue-12:00\nMon 10:00 updated customer=acme\nTue 13:01"
    assert lines(rules, story) == ["breach due_date#1 Tue 12:00", "escalation +1h due_date#1 Tue 13:00"]


def test_ended_cycles_do_not_migrate() -> None:
    run = tell(Run(changing(8, True)), "Mon 22:00 created\nMon 23:00 resolved\nTue 00:30 note_added\nTue 12:00")
    assert run.lines == ["outcome met resolution#1 Mon 23:00"]
    assert states(run, "Tue 12:00")["resolution#1"].policy_version == "v1"


def test_order_of_versions_in_the_file_does_not_matter() -> None:
    rules = changing(8, True)
    turned = replace(rules, policies=rules.policies[::-1])
    story = "Mon 22:00 created\nTue 01:00 created ticket=T-2\nTue 12:00"
    assert [fact.id for fact in tell(Run(turned), story).said] == [fact.id for fact in tell(Run(rules), story).said]


@pytest.mark.parametrize(("before", "after_", "stage"), [({}, PAUSING, "paused"), (PAUSING, {}, "running")])
def test_migration_asks_whether_the_ticket_is_paused(before: Any, after_: Any, stage: str) -> None:
    """No event is there to ask; the ticket was pending all the time."""
    old = {"rules": before} if before else {}
    new = {"rules": after_} if after_ else {}
    rules = policies(
        version(1, target("resolution", 4 * HOUR, **old)),
        version(2, target("resolution", 9 * HOUR, **new), since="Tue 00:00", migrate=True),
    )
    run = tell(Run(rules), "Mon 22:00 created status=pending\nTue 00:30")
    (found,) = states(run, "Tue 00:30").values()
    assert found.stage == stage
    assert found.elapsed == (2 * HOUR if stage == "paused" else HOUR // 2)


def test_migration_to_pauses_that_events_begin_and_end_pauses_nothing() -> None:
    """Such a pause begins with an event, and none was there."""
    rules = Rules(start=when(kind="created"), stop=when(kind="resolved"), pause=when(status="pending"),
                  resume=when(kind="customer_replied"))  # fmt: skip
    found = policies(
        version(1, target("resolution", 4 * HOUR)),
        version(2, target("resolution", 9 * HOUR, rules=rules), since="Tue 00:00", migrate=True),
    )
    run = tell(Run(found), "Mon 22:00 created status=pending\nTue 00:30")
    (state_,) = states(run, "Tue 00:30").values()
    assert (state_.stage, state_.policy_version) == ("running", "v2")
