"""Rule 10: what is held back, for how long, and what is not published (contract §5)."""

from __future__ import annotations

import pytest

from sla_stream.core.sla_events import OUTCOME
from tests.builders import HOUR, MINUTE, SECOND, Run, after, line, warn
from tests.stories import at, by_priority, single, state, tell

RULES = single(warnings=warn("80%"))
MISSED = ["warning 80% resolution#1 Mon 09:48", "breach resolution#1 Mon 10:00"]


def test_bulk_import_with_its_own_resolution_raises_no_false_alarm() -> None:
    run = tell(Run(RULES), "Mon 09:00 created @ Tue 09:00\nMon 09:30 resolved @ Tue 09:00:04\nTue 10:00")
    assert run.lines == ["outcome met resolution#1 Mon 09:30"]


@pytest.mark.parametrize(
    ("moment", "said"), [("Tue 09:00", []), ("Tue 09:00:05", []), ("Tue 09:00:05.001", MISSED), ("Tue 12:00", MISSED)]
)
def test_threshold_past_when_read_is_held_to_settle(moment: str, said: list[str]) -> None:
    run = tell(Run(RULES), f"Mon 09:00 created @ Tue 09:00\n{moment}")
    assert run.lines == said
    assert all(fact.late_attach for fact in run.said)
    assert [fact.decided_at for fact in run.said] == [at(moment)] * len(said)


def test_only_what_is_already_past_is_late_attach() -> None:
    run = tell(Run(RULES), "Mon 09:00 created @ Mon 09:50\nMon 09:51\nMon 10:01")
    assert [(line(fact), fact.late_attach) for fact in run.said] == [(MISSED[0], True), (MISSED[1], False)]


def test_held_alarms_also_count_in_the_state() -> None:
    run = tell(Run(RULES), "Mon 09:00 created @ Mon 12:00")
    assert run.lines == []
    shown = "resolution#1 running breached Mon 10:00 due Mon 10:00 elapsed 180m left -120m paused 0m"
    assert state(run, "Mon 12:00") == shown


def test_end_of_a_replay_releases_what_is_held() -> None:
    assert tell(Run(RULES), "Mon 09:00 created @ Tue 09:00").settle().lines == MISSED


def test_settle_for_nothing_says_it_at_once() -> None:
    run = tell(Run(RULES, settle_for=0), "Mon 09:00 created @ Tue 09:00")
    assert run.lines == MISSED
    assert all(fact.late_attach for fact in run.said)


def test_outcome_of_a_held_breach_stands_with_it() -> None:
    run = tell(Run(RULES), "Mon 09:00 created @ Tue 09:00\nMon 11:00 resolved @ Tue 09:00:01\nTue 09:01")
    assert sorted(run.lines) == sorted([*MISSED, "outcome missed resolution#1 Mon 11:00"])


def test_held_alarm_survives_a_crash() -> None:
    run = tell(Run(RULES), "Mon 09:00 created @ Tue 09:00").crash()
    assert tell(run, "Tue 09:00:06").lines == MISSED


def test_deadline_set_into_the_past_by_a_late_event_is_held_too() -> None:
    """A late start moves everything ahead; what is thereby already past is held."""
    story = "Mon 11:00 updated @ Mon 11:00\nMon 09:00 created @ Mon 11:30\n"
    assert tell(Run(RULES), story + "Mon 11:30:05").lines == []
    assert tell(Run(RULES), story + "Mon 11:30:06").lines == MISSED


# -- hold_for ---------------------------------------------------------------------------------------------------------

HOLD = {"hold_for": MINUTE}


@pytest.mark.parametrize(
    ("moment", "said"),
    [
        ("Mon 09:48:30", []),
        ("Mon 09:49", []),
        ("Mon 09:49:00.001", MISSED[:1]),
        ("Mon 10:01", MISSED[:1]),
        ("Mon 10:01:00.001", MISSED),
    ],
)
def test_hold_for_holds_every_alarm(moment: str, said: list[str]) -> None:
    run = tell(Run(RULES, **HOLD), f"Mon 09:00 created\n{moment}")
    assert run.lines == said
    assert not any(fact.late_attach for fact in run.said)


def test_event_that_comes_while_held_prevents_the_alarm() -> None:
    run = tell(Run(RULES, **HOLD), "Mon 09:00 created\nMon 10:00:10\nMon 09:59 resolved @ Mon 10:00:30\nMon 11:00")
    assert run.lines == [MISSED[0], "outcome met resolution#1 Mon 09:59"]


def test_hold_for_applies_to_steps_after_the_deadline() -> None:
    run = tell(Run(single(escalations=after("1h")), **HOLD), "Mon 09:00 created\nMon 11:01")
    assert run.lines == MISSED[1:]
    assert run.until(at("Mon 11:01:01")).lines == [*MISSED[1:], "escalation +1h resolution#1 Mon 11:00"]


def test_the_longer_of_both_holds() -> None:
    run = Run(RULES, hold_for=MINUTE, settle_for=10 * SECOND)
    tell(run, "Mon 09:00 created @ Mon 09:48:20\nMon 09:48:40")
    assert run.lines == []
    assert tell(run, "Mon 09:49:01").lines == MISSED[:1]


def test_outcomes_are_not_alarms() -> None:
    run = tell(Run(RULES, **HOLD), "Mon 09:00 created\nMon 09:30 resolved")
    assert [fact.type for fact in run.said] == [OUTCOME]


# -- publish_from -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("publish_from", "said"),
    [
        ("Mon 09:00", [*MISSED, "outcome missed resolution#1 Mon 11:00"]),
        ("Mon 09:48", [*MISSED, "outcome missed resolution#1 Mon 11:00"]),
        ("Mon 09:48:00.001", [MISSED[1], "outcome missed resolution#1 Mon 11:00"]),
        ("Mon 10:30", ["outcome missed resolution#1 Mon 11:00"]),
        ("Mon 11:00:00.001", []),
    ],
)
def test_decisions_dated_before_publish_from_are_not_published(publish_from: str, said: list[str]) -> None:
    run = tell(Run(RULES, publish_from=at(publish_from)), "Mon 09:00 created\nMon 11:00 resolved")
    assert run.lines == said


def test_unpublished_decisions_change_the_state() -> None:
    run = tell(Run(RULES, publish_from=at("Tue 00:00")), "Mon 09:00 created\nMon 10:30")
    assert run.lines == []
    assert "running breached Mon 10:00 due Mon 10:00" in state(run, "Mon 10:30")
    assert tell(run, "Tue 09:00 resolved").lines == ["outcome missed resolution#1 Tue 09:00"]


def test_warning_held_while_its_target_moves_is_counted_right() -> None:
    """Reached, held, unreached by a longer target, and reached again: said twice, in this order."""
    run = Run(by_priority(warnings=warn("80%")), **HOLD)
    tell(run, "Mon 09:00 created\nMon 12:12:10\nMon 12:12:30 updated priority=low\nMon 12:14\nMon 16:00")
    assert [(line(fact), fact.revision) for fact in run.said] == [
        ("warning 80% resolution#1 Mon 12:12", 0),
        ("warning 80% resolution#1 Mon 15:24", 1),
    ]


def test_old_history_is_not_forgotten_before_its_held_alarms_are_said() -> None:
    """Resolved for longer than retain_closed when it is read."""
    run = Run(RULES, retain_closed=HOUR)
    tell(run, "Mon 09:00 created @ Fri 09:00\nMon 11:00 resolved @ Fri 09:00:01\nFri 09:00:03\nFri 09:00:10")
    assert sorted(run.lines) == sorted([*MISSED, "outcome missed resolution#1 Mon 11:00"])
    run.until(at("Fri 09:00:20"))
    assert list(run.engine.ticket_ids()) == []
