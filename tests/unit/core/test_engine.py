"""The engine's verbs: bounded advance, timers from state, what is stored and what a restart finds again."""

from __future__ import annotations

import pytest

from sla_stream.core.engine import Applied, Engine, EngineSettings
from sla_stream.core.ticket import pack_ticket, unpack_ticket
from tests.builders import DAY, HOUR, MINUTE, Run, after, event, net_set, policies, policy, target, warn
from tests.stories import at, by_priority, for_customer, single, state, states, tell
from tests.unit.core.test_rules_deadlines import PAUSING

RULES = single(warnings=warn("80%"), escalations=after("1h"))


def many(count: int) -> Run:
    """Tickets of one instant: all due at Monday 10:00."""
    run = Run(single())
    for i in range(count):
        run.read(event("Mon 09:00", "created", ticket=f"T-{i:03}"))
    return run


def test_advance_is_bounded_and_loses_nothing() -> None:
    run = many(10)
    more = [run.engine.advance(at("Mon 11:00"), limit=3) for _ in range(4)]
    assert more == [True, True, True, False]
    assert [fact.ticket_id for fact in run.engine.take_outputs()] == [f"T-{i:03}" for i in range(10)]


def test_advance_tells_exactly_whether_more_is_due() -> None:
    run = many(3)
    run.read(event("Mon 09:30", "created", ticket="later"))
    assert run.engine.advance(at("Mon 10:01"), limit=3) is False
    assert run.engine.advance(at("Mon 10:01")) is False
    assert run.engine.next_due() == at("Mon 10:30")


@pytest.mark.parametrize(
    ("story", "due"),
    [
        ("Mon 09:00 created", "Mon 09:48"),
        ("Mon 09:00 created\nMon 09:49", "Mon 10:00"),
        ("Mon 09:00 created\nMon 10:01", "Mon 11:00"),
        ("Mon 09:00 created\nMon 11:01", None),
        ("Mon 09:00 created @ Mon 09:59", "Mon 09:59:05"),
    ],
)
def test_next_due(story: str, due: str | None) -> None:
    engine = tell(Run(RULES), story).engine
    assert engine.next_due() == (at(due) if due else None)
    assert engine.open_timers == (due is not None)


def test_jumping_from_deadline_to_deadline_says_the_same() -> None:
    story = "Mon 09:00 created\nMon 09:10 created ticket=T-2\nMon 09:20 created ticket=T-3"
    run = tell(Run(RULES), story)
    while (due := run.engine.next_due()) is not None:
        run.until(due + 1)
    at_once = tell(Run(RULES), story + "\nTue 09:00")
    assert sorted(fact.id for fact in run.said) == sorted(fact.id for fact in at_once.said)
    assert [fact.at for fact in run.said] == sorted(fact.at for fact in run.said)
    assert all(fact.decided_at == fact.at + 1 for fact in run.said)


def test_outputs_are_taken_once() -> None:
    engine = tell(Run(RULES), "Mon 09:00 created").engine
    engine.advance(at("Mon 10:30"))
    assert len(engine.take_outputs()) == 2
    assert engine.take_outputs() == []


def test_stale_timers_fire_nothing() -> None:
    """The deadline moved away; its old entry is still in the index."""
    run = tell(Run(by_priority()), "Mon 09:00 created priority=high\nMon 09:30 updated priority=low\nMon 10:30")
    assert run.lines == []
    assert run.engine.next_due() == at("Mon 17:00")


def test_flush_returns_each_changed_ticket_once() -> None:
    run = tell(Run(RULES), "Mon 09:00 created\nMon 09:10 updated\nMon 09:20 created ticket=T-2")
    assert sorted(ticket for ticket, packed in run.engine.flush() if packed) == ["T-1", "T-2"]
    assert run.engine.flush() == []
    assert [ticket for ticket, _ in run.until(at("Mon 09:50")).engine.flush()] == ["T-1"]


def test_looking_changes_nothing() -> None:
    run = tell(Run(RULES), "Mon 09:00 created")
    run.engine.flush()
    assert run.engine.view("T-1", at("Mon 09:30")) is not None
    assert run.engine.view("nobody", at("Mon 09:30")) is None
    assert run.engine.flush() == []


def test_view_of_stored_and_loaded_tickets_is_the_same() -> None:
    run = tell(Run(RULES), "Mon 09:00 created")
    loaded = run.engine.view("T-1", at("Mon 09:30"))
    run.engine.flush()
    assert run.engine.view("T-1", at("Mon 09:30")) == loaded


def test_refused_events_are_not_state_changes() -> None:
    run = tell(Run(RULES), "Mon 09:00 created id=a")
    run.engine.flush()
    tell(run, "Mon 09:00 created id=a")
    assert run.applied[-1] is Applied.DUPLICATE
    assert run.engine.flush() == []


STORY = """
    Mon 09:00 created
    Mon 09:20 customer_replied
    Mon 09:55 updated status=pending
    Mon 10:30 updated status=open
    Mon 10:40 resolved
    Mon 11:00 reopened
    Mon 11:20 merged merged_into=T-2
    Mon 11:50 unmerged
    Mon 09:50 agent_replied @ Mon 12:00
    Mon 13:00 resolved
    Mon 14:00
""".strip().splitlines()


@pytest.mark.parametrize("cut", range(len(STORY)))
def test_restart_anywhere_changes_nothing_that_is_said(cut: int) -> None:
    rules = policies(
        policy(
            target("resolution", HOUR, rules=PAUSING, warnings=warn("80%", "5m"), escalations=after("30m")),
            target("first_response", HOUR, warnings=warn("50%")),
            target("next_response", HOUR),
        )
    )
    whole = tell(Run(rules), "\n".join(STORY))
    run = tell(Run(rules), "\n".join(STORY[:cut])).crash()
    tell(run, "\n".join(STORY[cut:]))
    assert [fact.id for fact in run.said] == [fact.id for fact in whole.said]
    assert state(run, "Mon 14:00") == state(whole, "Mon 14:00")


def test_restart_keeps_log_time_and_timers() -> None:
    run = tell(Run(RULES), "Mon 09:00 created\nMon 09:10\n").crash()
    assert run.engine.log_time == at("Mon 09:10")
    assert (run.engine.next_due(), run.engine.open_timers) == (at("Mon 09:48"), 1)


def test_restore_without_meta() -> None:
    run = tell(Run(RULES), "Mon 09:00 created")
    states_ = [(ticket, packed) for ticket, packed in run.engine.flush() if packed is not None]
    engine = Engine(RULES)
    engine.restore(states_, None)
    assert (engine.log_time, engine.next_due()) == (0, at("Mon 09:48"))


def test_restored_ticket_without_a_timer_waits_for_nothing() -> None:
    run = tell(Run(RULES, retain_closed=None), "Mon 09:00 created\nMon 09:10 resolved\nMon 10:00").crash()
    assert run.engine.open_timers == 0
    assert list(run.engine.ticket_ids()) == ["T-1"]


def test_unknown_form_is_refused() -> None:
    ((_, packed),) = tell(Run(RULES), "Mon 09:00 created").engine.flush()
    assert packed is not None
    strange = unpack_ticket(packed)
    strange.form = 99
    with pytest.raises(AssertionError, match="stored form 99 of ticket 'T-1'"):
        Engine(RULES).restore([("T-1", pack_ticket(strange))], None)


def test_release_of_held_alarms_skips_the_others() -> None:
    run = tell(Run(RULES), "Mon 09:00 created\nMon 08:00 created ticket=T-2 @ Mon 09:00:01").settle()
    assert {fact.ticket_id for fact in run.said} == {"T-2"}


def test_defaults() -> None:
    settings = EngineSettings()
    assert (settings.allowed_lateness, settings.retain_closed) == (7 * DAY, 30 * DAY)
    assert (settings.settle_for, settings.hold_for, settings.publish_from) == (5_000, 0, None)
    assert settings.max_recent_events == 1_000


# -- the recent past is folded without a trace ---------------------------------------------------------------------


def busy(run: Run, days: int, **rest: object) -> Run:
    """Ten notes a day."""
    for i in range(days * 10):
        run.read(event(at("Mon 09:00") + 1 + i * (DAY // 10), "note_added", id=f"n{i}"))
    return run


def test_old_events_of_a_busy_ticket_are_folded_in_passing() -> None:
    run = busy(tell(Run(single("resolution", 60 * DAY)), "Mon 09:00 created"), 20)
    ticket = run.engine._load("T-1")
    assert ticket is not None
    assert ticket.tail_count < 100
    assert run.engine.counters.folded == 0
    late = run.engine.log_time - 6 * DAY
    run.read(event(late, "resolved"), recorded_at=run.engine.log_time)
    assert run.applied[-1] is Applied.APPLIED
    assert run.said[-1].at == late


def test_a_merge_that_may_be_undone_is_never_folded_away() -> None:
    never = busy(tell(Run(single("resolution", 60 * DAY)), "Mon 09:00 created"), 20)
    merged = busy(tell(Run(single("resolution", 60 * DAY)), "Mon 09:00 created\nMon 09:00 merged merged_into=X"), 20)
    moment = merged.engine.log_time
    merged.read(event(moment, "unmerged")).until(moment + 60 * DAY)
    never.until(moment + 60 * DAY)
    assert net_set(merged.said) == net_set(never.said)


def test_a_clock_that_may_yet_be_timed_keeps_its_history() -> None:
    acme = target("resolution", 60 * DAY, policy="acme", rules=PAUSING)
    start = "Mon 09:00 created\nMon 10:00 updated status=pending\nMon 12:00 updated status=open"
    run = busy(tell(Run(policies(for_customer("acme", acme))), start), 20)
    run.read(event(run.engine.log_time + MINUTE, "updated", customer="acme"))
    assert states(run, "Mon+3 09:00")["resolution#1"].paused == 2 * HOUR


def test_a_merge_undone_since_does_not_hold_the_fold_up_for_ever() -> None:
    run = tell(
        Run(single("resolution", 60 * DAY)), "Mon 09:00 created\nMon 10:00 merged merged_into=X\nMon 11:00 unmerged"
    )
    run = tell(run, "Mon+2 09:00 updated\nMon+2 10:00 updated")
    ticket = run.engine._load("T-1")
    assert ticket is not None
    assert ticket.tail_count == 2
