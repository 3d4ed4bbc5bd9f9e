"""Rules 12 and 17: what is forgotten, what is folded, and what stays true all the same (contract §5)."""

from __future__ import annotations

import pytest

from sla_stream.core.engine import Applied
from tests.builders import DAY, HOUR, MINUTE, Run, event, net_set
from tests.stories import at, single, state, tell

RULES = single("resolution", 30 * DAY)


@pytest.mark.parametrize("ending", ["resolved", "closed"])
@pytest.mark.parametrize(("after", "known"), [(30 * DAY, True), (30 * DAY + 1, False)])
def test_resolved_ticket_is_forgotten_after_retain_closed(ending: str, after: int, known: bool) -> None:
    run = tell(Run(RULES), f"Mon 09:00 created\nMon 10:00 {ending}")
    run.engine.flush()
    moment = at("Mon 10:00") + after
    run.until(moment)
    assert (run.engine.view("T-1", moment) is not None) is known
    assert list(run.engine.ticket_ids()) == (["T-1"] if known else [])
    assert run.engine.flush() == ([] if known else [("T-1", None)])
    assert run.engine.next_due() == (at("Mon 10:00") + 30 * DAY if known else None)


def test_later_events_put_the_forgetting_off() -> None:
    run = tell(Run(RULES), "Mon 09:00 created\nMon 10:00 resolved\nMon+1 10:00 note_added")
    moment = at("Mon 10:00") + 30 * DAY + HOUR
    assert run.until(moment).engine.view("T-1", moment) is not None


def test_running_and_open_tickets_are_never_forgotten() -> None:
    run = tell(
        Run(RULES), "Mon 09:00 created\nMon 10:00 created ticket=T-2\nMon 11:00 updated status=pending ticket=T-2"
    )
    moment = at("Mon 09:00") + 400 * DAY
    run.until(moment)
    assert sorted(run.engine.ticket_ids()) == ["T-1", "T-2"]


def test_reopened_ticket_is_not_forgotten() -> None:
    run = tell(Run(RULES), "Mon 09:00 created\nMon 10:00 resolved\nMon 11:00 reopened")
    moment = at("Mon 09:00") + 100 * DAY
    assert run.until(moment).engine.view("T-1", moment) is not None


def test_retain_nothing_set_forgets_nothing() -> None:
    run = tell(Run(RULES, retain_closed=None), "Mon 09:00 created\nMon 10:00 resolved")
    moment = at("Mon 09:00") + 4_000 * DAY
    assert run.until(moment).engine.view("T-1", moment) is not None
    assert run.engine.next_due() is None


def test_event_of_a_forgotten_ticket_is_of_an_unknown_one() -> None:
    run = tell(Run(RULES), "Mon 09:00 created id=a\nMon 10:00 resolved")
    run.until(at("Mon 09:00") + 40 * DAY)
    run.engine.flush()
    run.read(event(run.engine.log_time, "reopened"))
    assert run.applied[-1] is Applied.APPLIED
    assert run.engine.counters.unknown_ticket == 1
    assert run.lines == ["outcome met resolution#1 Mon 10:00"]


def test_forgotten_survives_a_crash() -> None:
    run = tell(Run(RULES), "Mon 09:00 created\nMon 10:00 resolved").crash()
    run.until(at("Mon 09:00") + 40 * DAY)
    assert run.engine.flush() == [("T-1", None)]


# -- the cap on recent events -------------------------------------------------------------------------------------


def long_life(**settings: int) -> Run:
    """A ticket with a hundred notes, one a minute."""
    run = tell(Run(RULES, **settings), "Mon 09:00 created id=first")
    return run.read(*(event(at("Mon 09:00") + i * MINUTE, "note_added", id=f"n{i}") for i in range(1, 101)))


def test_older_events_than_the_cap_are_folded_and_counted() -> None:
    run = long_life(max_recent_events=10)
    assert run.engine.counters.folded >= 91 - 10
    assert run.engine.counters.applied == 101
    assert long_life().engine.counters.folded == 0


def test_event_behind_the_folded_ones_is_too_late() -> None:
    run = tell(long_life(max_recent_events=10), "Mon 09:00:30 resolved @ Mon 12:00")
    assert run.applied[-1] is Applied.TOO_LATE
    assert " running " in state(run, "Mon 12:00")
    run = tell(long_life(max_recent_events=10), "Mon 10:39:30 resolved @ Mon 12:00")
    assert run.applied[-1] is Applied.APPLIED
    assert run.lines == ["outcome met resolution#1 Mon 10:39:30"]


def test_folded_events_are_still_known() -> None:
    run = long_life(max_recent_events=60)
    run.read(event(at("Mon 09:50"), "note_added", id="n50"), recorded_at="Mon 12:00")
    assert run.applied[-1] is Applied.DUPLICATE
    run.read(event(at("Mon 09:50"), "updated", id="n50"), recorded_at="Mon 12:00")
    assert run.applied[-1] is Applied.CONFLICT


def test_folding_changes_nothing_that_is_said() -> None:
    few, many = (tell(long_life(max_recent_events=cap), "Tue 09:00 resolved") for cap in (5, 1_000))
    assert [fact.id for fact in few.said] == [fact.id for fact in many.said]
    assert state(few, "Tue 09:00") == state(many, "Tue 09:00")


def test_what_was_folded_long_ago_is_still_known() -> None:
    """A duplicate of an event older than the allowed lateness is a duplicate, not a late event."""
    run = tell(Run(RULES), "Mon 09:00 created id=a\nMon+1 10:00 updated id=b\nMon+1 11:00 updated id=c")
    tell(run, "Mon 09:00 created id=a @ Mon+1 12:00")
    assert run.applied[-1] is Applied.DUPLICATE
    tell(run, "Mon 09:00 created id=a priority=low @ Mon+1 12:00")
    assert run.applied[-1] is Applied.CONFLICT


def test_outcome_said_before_the_past_was_folded_is_retracted_by_its_own_id() -> None:
    """Its revision is not 0, and more than the allowed lateness lies between it and the reopening."""
    story = """
        Mon 09:00 created
        Mon 10:00 resolved
        Mon 11:00 reopened
        Mon 12:00 resolved
        Mon+2 11:00 updated group=x
        Mon+2 12:00 reopened
        Mon+2 13:00 resolved
    """
    run = tell(Run(RULES), story)
    assert [entry[8] for entry in net_set(run.said)] == ["met"]
    assert run.said[3].retracts == run.said[2].id


def test_deleted_after_it_was_resolved_is_forgotten_once() -> None:
    """Sooner than a resolved one; the later appointment finds nobody, or a new ticket that it leaves alone."""
    run = tell(Run(RULES), "Mon 09:00 created\nMon 10:00 resolved\nMon 11:00 deleted\nMon+1 11:00:01")
    assert run.engine.flush() == [("T-1", None)]
    tell(run, "Mon+1 12:00 created")
    run.until(at("Mon 10:00") + 31 * DAY)
    assert list(run.engine.ticket_ids()) == ["T-1"]
    run = tell(Run(RULES), "Mon 09:00 created\nMon 10:00 resolved\nMon 11:00 deleted\nMon+1 11:00:01")
    run.engine.flush()
    assert run.until(at("Mon 10:00") + 31 * DAY).engine.flush() == []
