"""Explanations as stories: what a ticket went through, and the intervals it leaves."""

from __future__ import annotations

from datetime import date, datetime

from sla_stream.core.closed_hours import why_closed
from sla_stream.core.explain import ClockStory, Story, explain_ticket
from sla_stream.core.metrics import BUILT_IN, when
from sla_stream.core.policy import PolicySet, Rules
from sla_stream.core.schedule import Schedule
from sla_stream.core.schedule_rules import ScheduleRules
from sla_stream.core.timeline import BEGINNING, Timeline
from tests import builders
from tests.builders import DAY, HOUR, MONDAY, NINE_TO_FIVE, after, policies, target, warn
from tests.stories import at, by_priority, for_customer, one, single

PAUSING = Rules(
    start=BUILT_IN["resolution"].start,
    stop=BUILT_IN["resolution"].stop,
    pause=when(status=("pending", "on_hold")),
    cycles="reopen",
)


def story(rules: PolicySet, text: str, until: str) -> Story:
    events = sorted((one(line)[0] for line in filter(None, map(str.strip, text.splitlines()))), key=lambda e: e.key)
    return explain_ticket(Timeline([(BEGINNING, rules)]), "T-1", events, at(until))


def intervals(clock: ClockStory) -> list[str]:
    assert clock.adds_up
    return [
        f"{builders.when(each.start)} - {builders.when(each.end)} {each.what}: {each.reason} [{each.event_id or ''}]"
        for each in clock.intervals
    ]


def moments(clock: ClockStory) -> list[str]:
    return [f"{builders.when(each.at)} {each.what}" for each in clock.moments]


def test_running_paused_and_closed() -> None:
    rules = single(duration=8 * HOUR, rules=PAUSING, schedule=NINE_TO_FIVE)
    found = story(
        rules,
        """
        Mon 10:00 created id=a
        Mon 16:00 updated status=pending reason=logs id=b
        Tue 10:00 updated status=on_hold id=c
        Tue 11:00 customer_replied status=open id=d
        """,
        "Tue 12:00",
    )
    (clock,) = found.clocks
    assert intervals(clock) == [
        "Mon 10:00 - Mon 16:00 running: created [a]",
        "Mon 16:00 - Mon 17:00 paused: status pending: logs [b]",
        "Mon 17:00 - Tue 09:00 closed_hours: outside the hours of office []",
        "Tue 09:00 - Tue 10:00 paused: status pending: logs [b]",
        "Tue 10:00 - Tue 11:00 paused: status on_hold [c]",
        "Tue 11:00 - Tue 12:00 running: status open [d]",
    ]
    assert clock.total("running") == 7 * HOUR == clock.state.elapsed
    assert clock.total("paused") == 3 * HOUR == clock.state.paused
    assert clock.wall == 26 * HOUR


def test_created_paused() -> None:
    (clock,) = story(single(rules=PAUSING), "Mon 10:00 created status=pending id=a", "Mon 11:00").clocks
    assert intervals(clock) == ["Mon 10:00 - Mon 11:00 paused: created pending [a]"]


def test_solved_time_is_paused_or_counts_as_the_policy_says() -> None:
    text = """
    Mon 10:00 created id=a
    Mon 10:30 resolved id=b
    Mon 12:00 reopened reason=still-broken id=c
    """
    (resume,) = story(single(rules=PAUSING, reopen="resume"), text, "Mon 12:10").clocks
    assert intervals(resume) == [
        "Mon 10:00 - Mon 10:30 running: created [a]",
        "Mon 10:30 - Mon 12:00 paused: status resolved; solved time does not count [b]",
        "Mon 12:00 - Mon 12:10 running: status open: still-broken [c]",
    ]
    assert moments(resume) == ["Mon 10:00 started", "Mon 10:30 met", "Mon 12:00 reopened"]
    (goes_on,) = story(single(rules=PAUSING, reopen="continue"), text, "Mon 12:10").clocks
    assert intervals(goes_on)[1] == "Mon 10:30 - Mon 12:00 running: status resolved; solved time counts [b]"
    first, second = story(single(rules=PAUSING, reopen="new_cycle"), text, "Mon 12:10").clocks
    assert intervals(first) == ["Mon 10:00 - Mon 10:30 running: created [a]"]
    assert intervals(second) == ["Mon 12:00 - Mon 12:10 running: status open: still-broken [c]"]


def test_moments_name_warnings_breach_and_end() -> None:
    rules = single(warnings=warn("50%"), escalations=after("1h"))
    (clock,) = story(rules, "Mon 10:00 created\nMon 13:00 resolved", "Mon 14:00").clocks
    assert moments(clock) == [
        "Mon 10:00 started",
        "Mon 10:30 warning 50%",
        "Mon 11:00 breached",
        "Mon 12:00 escalation +1h",
        "Mon 13:00 missed",
    ]


def test_a_change_of_target_is_a_moment_and_a_cut() -> None:
    (clock,) = story(by_priority(), "Mon 10:00 created id=a\nMon 10:20 updated priority=low id=b", "Mon 11:00").clocks
    assert intervals(clock) == [
        "Mon 10:00 - Mon 10:20 running: created [a]",
        "Mon 10:20 - Mon 11:00 running: updated [b]",
    ]
    assert moments(clock)[1] == "Mon 10:20 retargeted"
    assert clock.moments[1].target == 8 * HOUR


def test_a_restart_forgets_what_was_before() -> None:
    rules = by_priority(retarget="restart")
    (clock,) = story(rules, "Mon 10:00 created id=a\nMon 10:20 updated priority=low id=b", "Mon 11:00").clocks
    assert intervals(clock) == ["Mon 10:20 - Mon 11:00 running: updated [b]"]
    assert "Mon 10:20 restarted" in moments(clock)


def test_a_target_that_comes_later_times_from_the_start_with_the_pauses_there_were() -> None:
    rules = policies(for_customer("acme", target("resolution", 8 * HOUR, rules=PAUSING)))
    text = """
    Mon 10:00 created id=a
    Mon 10:30 updated status=pending id=b
    Mon 11:00 updated status=open id=c
    Mon 12:00 updated customer=acme id=d
    """
    (clock,) = story(rules, text, "Mon 13:00").clocks
    assert intervals(clock) == [
        "Mon 10:00 - Mon 10:30 running: created [a]",
        "Mon 10:30 - Mon 11:00 paused: status pending [b]",
        "Mon 11:00 - Mon 13:00 running: status open [c]",
    ]
    assert moments(clock)[-1] == "Mon 12:00 attached"


def test_first_seen_in_mid_life() -> None:
    text = "Mon 12:00 updated status=pending created_at=Mon-10:00 id=a"
    (clock,) = story(single(rules=PAUSING, duration=8 * HOUR), text, "Mon 13:00").clocks
    assert intervals(clock) == [
        "Mon 10:00 - Mon 12:00 running: created, as created_at says [a]",
        "Mon 12:00 - Mon 13:00 paused: status pending [a]",
    ]


def test_an_undone_merge_never_happened() -> None:
    text = "Mon 10:00 created id=a\nMon 10:10 merged merged_into=T-2 id=b\nMon 10:20 unmerged id=c"
    (clock,) = story(single(), text, "Mon 10:30").clocks
    assert intervals(clock) == ["Mon 10:00 - Mon 10:30 running: created [a]"]


def test_no_clock_no_story() -> None:
    assert (
        story(policies(for_customer("acme", target("resolution", HOUR))), "Mon 10:00 created", "Mon 11:00").clocks == []
    )


def test_a_story_that_does_not_add_up_says_so() -> None:
    (clock,) = story(single(), "Mon 10:00 created", "Mon 10:30").clocks
    assert clock.adds_up
    clock.intervals[0] = clock.intervals[0]._replace(end=clock.intervals[0].end - 1)
    assert not clock.adds_up


def test_why_a_schedule_is_closed() -> None:
    schedule = Schedule(
        ScheduleRules(
            name="berlin",
            timezone="Europe/Berlin",
            hours=(((9 * 3600, 17 * 3600),),) * 5 + ((), ()),
            holidays=frozenset({date(2026, 1, 6)}),
            dates={date(2026, 1, 7): ()},
            closed=((datetime(2026, 1, 8, 10), datetime(2026, 1, 8, 11)),),
        )
    )
    assert why_closed(schedule, MONDAY, MONDAY + HOUR) == "outside the hours of berlin"
    assert why_closed(schedule, MONDAY + DAY, MONDAY + DAY + HOUR) == "outside the hours of berlin (holiday 2026-01-06)"
    two = why_closed(schedule, MONDAY + DAY, MONDAY + 2 * DAY + HOUR)
    assert two == "outside the hours of berlin (holiday 2026-01-06, 2026-01-07 has hours of its own)"
    ten = MONDAY + 3 * DAY + 9 * HOUR
    assert why_closed(schedule, ten, ten + HOUR) == "outside the hours of berlin (closed by exception)"
    assert why_closed(schedule, ten + HOUR, ten + 2 * HOUR) == "outside the hours of berlin"
    long = why_closed(Schedule(ScheduleRules("x", "UTC", ((),) * 7, frozenset(), {}, ())), MONDAY, MONDAY + DAY)
    assert long == "outside the hours of x"
