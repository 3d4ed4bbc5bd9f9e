"""Rules 1 to 3: when a cycle is met, missed, breached; pauses; the first status (contract §5)."""

from __future__ import annotations

import pytest

from sla_stream.core.metrics import BUILT_IN, when
from sla_stream.core.policy import Rules
from tests.builders import HOUR, MINUTE, NINE_TO_FIVE, Run, after, policies, policy, target, warn
from tests.stories import at, lines, single, state, states, tell

PAUSING = Rules(
    start=BUILT_IN["resolution"].start,
    stop=BUILT_IN["resolution"].stop,
    pause=when(status=("pending", "on_hold")),
    cycles="reopen",
)
HOUR_ALWAYS = single(warnings=warn("80%"))
HOUR_OFFICE = single(schedule=NINE_TO_FIVE)
PAUSED_HOUR = single(rules=PAUSING, warnings=warn("80%", "5m"), escalations=after("1h"))
OFFICE_STEPS = single(rules=PAUSING, schedule=NINE_TO_FIVE, escalations=after("2h"))


@pytest.mark.parametrize(
    ("ending", "said"),
    [
        ("Mon 09:30 resolved", ["outcome met resolution#1 Mon 09:30"]),
        ("Mon 09:48 resolved", ["outcome met resolution#1 Mon 09:48"]),
        ("Mon 10:00 resolved", ["warning 80% resolution#1 Mon 09:48", "outcome met resolution#1 Mon 10:00"]),
        ("Mon 10:00 closed", ["warning 80% resolution#1 Mon 09:48", "outcome met resolution#1 Mon 10:00"]),
        ("Mon 10:00", ["warning 80% resolution#1 Mon 09:48"]),
        (
            "Mon 10:00:00.001",
            ["warning 80% resolution#1 Mon 09:48", "breach resolution#1 Mon 10:00"],
        ),
        (
            "Mon 10:00:00.001 resolved",
            [
                "warning 80% resolution#1 Mon 09:48",
                "breach resolution#1 Mon 10:00",
                "outcome missed resolution#1 Mon 10:00:00.001",
            ],
        ),
    ],
)
def test_deadline_is_exact_to_the_millisecond(ending: str, said: list[str]) -> None:
    assert lines(HOUR_ALWAYS, f"Mon 09:00 created\n{ending}") == said


@pytest.mark.parametrize(
    ("story", "said"),
    [
        ("Mon 16:00 created\nMon 17:00 resolved", ["outcome met resolution#1 Mon 17:00"]),
        (
            "Mon 16:00 created\nMon 20:00 resolved",
            ["breach resolution#1 Mon 17:00", "outcome missed resolution#1 Mon 20:00"],
        ),
        ("Mon 16:30 created\nTue 09:30 resolved", ["outcome met resolution#1 Tue 09:30"]),
        ("Mon 16:30 created\nTue 09:30\nTue 09:31", ["breach resolution#1 Tue 09:30"]),
        ("Sat 11:00 created\nMon+1 10:01", ["breach resolution#1 Mon+1 10:00"]),
        ("Sat 11:00 created\nSun 11:00 resolved", ["outcome met resolution#1 Sun 11:00"]),
        ("Mon 17:00 created\nTue 10:00:00.001", ["breach resolution#1 Tue 10:00"]),
    ],
)
def test_only_opening_hours_count(story: str, said: list[str]) -> None:
    """A closing instant stays the deadline: after it is late, even if nothing was open in between (rule 1)."""
    assert lines(HOUR_OFFICE, story) == said


@pytest.mark.parametrize(
    ("story", "said"),
    [
        ("Mon 09:30 updated status=pending\nMon 18:00", []),
        (
            "Mon 09:30 updated status=pending\nMon 12:00 updated status=open\nMon 12:31",
            [
                "warning 80% resolution#1 Mon 12:18",
                "warning -5m resolution#1 Mon 12:25",
                "breach resolution#1 Mon 12:30",
            ],
        ),
        ("Mon 09:30 updated status=pending\nMon 12:00 updated status=on_hold\nMon 18:00", []),
        ("Mon 09:30 updated status=pending\nMon 18:00 resolved", ["outcome met resolution#1 Mon 18:00"]),
        ("Mon 09:48 updated status=pending\nMon 18:00", []),
        (
            "Mon 09:48:00.001 updated status=pending\nMon 18:00",
            ["warning 80% resolution#1 Mon 09:48"],
        ),
        (
            "Mon 09:48 updated status=pending\nMon 12:00 updated status=open\nMon 12:01",
            ["warning 80% resolution#1 Mon 12:00"],
        ),
    ],
)
def test_nothing_is_due_while_paused(story: str, said: list[str]) -> None:
    assert lines(PAUSED_HOUR, f"Mon 09:00 created\n{story}") == said


def test_paused_at_the_very_deadline_is_not_breached() -> None:
    """No time is left; it breaches as soon as it runs again."""
    run = tell(Run(single(rules=PAUSING)), "Mon 09:00 created\nMon 10:00 updated status=pending\nMon 12:00")
    assert run.lines == []
    tell(run, "Mon 13:00 updated status=open\nMon 13:00:01")
    assert run.lines == ["breach resolution#1 Mon 13:00"]


def test_paused_at_a_closing_deadline_is_due_when_it_runs_again() -> None:
    run = Run(single(rules=PAUSING, schedule=NINE_TO_FIVE))
    tell(run, "Mon 16:00 created\nMon 17:00 updated status=pending\nTue 08:00 updated status=open\nTue 08:00:01")
    assert run.lines == ["breach resolution#1 Tue 08:00"]


def test_outcome_that_ends_paused_has_no_deadline() -> None:
    run = tell(Run(single(rules=PAUSING)), "Mon 09:00 created status=pending\nTue 09:00 resolved")
    outcome = run.said[-1]
    assert (outcome.outcome, outcome.due_at, outcome.elapsed, outcome.paused) == ("met", None, 0, 24 * HOUR)


@pytest.mark.parametrize(
    ("story", "escalated"),
    [
        ("Mon 11:00\nMon 11:01", ["escalation +1h resolution#1 Mon 11:00"]),
        ("Mon 11:00 updated status=pending\nMon 18:00", []),
        (
            "Mon 10:30 updated status=pending\nMon 12:30 updated status=open\nMon 13:00:01",
            ["escalation +1h resolution#1 Mon 13:00"],
        ),
        ("Mon 10:30 resolved\nMon 18:00", []),
    ],
)
def test_steps_after_the_deadline_count_unpaused_time(story: str, escalated: list[str]) -> None:
    said = lines(PAUSED_HOUR, f"Mon 09:00 created\n{story}")
    assert [each for each in said if each.startswith("escalation")] == escalated
    assert "breach resolution#1 Mon 10:00" in said


def test_steps_after_the_deadline_count_opening_hours() -> None:
    said = lines(OFFICE_STEPS, "Mon 15:00 created\nTue 10:00:01")
    assert said == ["breach resolution#1 Mon 16:00", "escalation +2h resolution#1 Tue 10:00"]


def test_overrun_counts_unpaused_opening_hours() -> None:
    run = tell(
        Run(OFFICE_STEPS),
        """
        Mon 15:00 created
        Mon 16:30 updated status=pending
        Tue 09:30 updated status=open
        Tue 10:00 resolved
        """,
    )
    outcome = run.said[-1]
    assert outcome.outcome == "missed"
    assert outcome.due_at == at("Mon 16:00")
    assert (outcome.elapsed, outcome.overrun, outcome.paused) == (2 * HOUR, HOUR, HOUR)
    assert (outcome.remaining, outcome.wall_elapsed) == (-HOUR, 19 * HOUR)


def test_pausing_after_the_breach_keeps_the_frozen_deadline() -> None:
    run = tell(Run(PAUSED_HOUR), "Mon 09:00 created\nMon 10:30 updated status=pending\nMon 12:00")
    paused = "resolution#1 paused breached Mon 10:00 due Mon 10:00 elapsed 90m left -30m paused 90m"
    assert state(run, "Mon 12:00") == paused
    tell(run, "Mon 13:00 resolved")
    assert run.lines[-1] == "outcome missed resolution#1 Mon 13:00"


@pytest.mark.parametrize(
    ("story", "shown"),
    [
        ("Mon 09:00 created", "resolution#1 running due Mon 10:00 elapsed 30m left 30m paused 0m"),
        ("Mon 09:00 created status=pending", "resolution#1 paused due - elapsed 0m left 60m paused 30m"),
        ("Mon 09:00 created status=resolved", ""),
        ("Mon 09:00 created status=closed", ""),
        ("Mon 09:00 created status=new", "resolution#1 running due Mon 10:00 elapsed 30m left 30m paused 0m"),
    ],
)
def test_first_status_counts_like_any_other(story: str, shown: str) -> None:
    run = tell(Run(PAUSED_HOUR), f"{story}\nMon 09:30")
    assert state(run, "Mon 09:30") == shown
    assert run.lines == []


def test_created_resolved_says_nothing_ever() -> None:
    rules = policies(policy(target("resolution", HOUR), target("first_response", HOUR), target("next_response", HOUR)))
    assert lines(rules, "Mon 09:00 created status=resolved\nMon 09:10 closed\nTue 09:00") == []


@pytest.mark.parametrize(
    ("moment", "shown"),
    [
        ("Mon 10:00", "resolution#1 running due Mon 10:00 elapsed 60m left 0m paused 0m"),
        ("Mon 10:30", "resolution#1 running breached Mon 10:00 due Mon 10:00 elapsed 90m left -30m paused 0m"),
    ],
)
def test_state_at_and_after_the_deadline(moment: str, shown: str) -> None:
    assert state(tell(Run(HOUR_ALWAYS), f"Mon 09:00 created\n{moment}"), moment) == shown


@pytest.mark.parametrize(
    ("ending", "shown"),
    [
        ("Mon 09:30 resolved", "resolution#1 met due - elapsed 30m left 30m paused 0m"),
        ("Mon 10:30 resolved", "resolution#1 missed breached Mon 10:00 due - elapsed 90m left -30m paused 0m"),
        ("Mon 09:30 deleted", "resolution#1 cancelled due - elapsed 30m left 30m paused 0m"),
    ],
)
def test_state_after_the_end_is_kept(ending: str, shown: str) -> None:
    run = tell(Run(HOUR_ALWAYS), f"Mon 09:00 created\n{ending}\nMon 18:00")
    assert state(run, "Mon 18:00") == shown
    assert states(run, "Mon 18:00")["resolution#1"].ended_at == at(ending[:9])


def test_state_tells_whether_the_schedule_is_open() -> None:
    run = tell(Run(HOUR_OFFICE), "Mon 16:30 created")
    assert [states(run, moment)["resolution#1"].open_hours for moment in ("Mon 16:59", "Mon 17:00", "Tue 09:00")] == [
        True,
        False,
        True,
    ]
    shown = states(run, "Mon 20:00")["resolution#1"]
    assert (shown.elapsed, shown.due_at) == (30 * MINUTE, at("Tue 09:30"))
