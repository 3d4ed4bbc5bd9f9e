"""The state of a ticket as the outside sees it (contract §3)."""

from __future__ import annotations

import pytest

from tests.builders import HOUR, MINUTE, NINE_TO_FIVE, Run, policies, policy, target
from tests.stories import at, for_customer, single, states, tell
from tests.unit.core.test_rules_deadlines import PAUSING

OFFICE = single("resolution", 4 * HOUR, schedule=NINE_TO_FIVE, rules=PAUSING, reopen="new_cycle")


def test_every_field_of_a_running_cycle() -> None:
    run = tell(Run(OFFICE), "Mon 16:00 created\nMon 16:15 updated status=pending\nMon 16:45 updated status=open")
    shown = states(run, "Tue 09:30")["resolution#1"]
    assert (shown.ticket_id, shown.metric, shown.cycle) == ("T-1", "resolution", 1)
    assert (shown.policy, shown.policy_version, shown.schedule) == ("base", "v1", "office")
    assert (shown.stage, shown.breached, shown.breached_at, shown.ended_at) == ("running", False, None, None)
    assert (shown.started_at, shown.due_at, shown.as_of) == (at("Mon 16:00"), at("Tue 12:30"), at("Tue 09:30"))
    assert (shown.target, shown.elapsed, shown.paused) == (4 * HOUR, HOUR, 30 * MINUTE)
    assert shown.open_hours is True


def test_the_end_stops_every_count() -> None:
    run = tell(Run(OFFICE), "Mon 09:00 created\nMon 10:00 updated status=pending\nMon 11:00 resolved")
    shown = states(run, "Fri 12:00")["resolution#1"]
    assert (shown.stage, shown.due_at, shown.ended_at) == ("met", None, at("Mon 11:00"))
    assert (shown.elapsed, shown.paused) == (HOUR, HOUR)


def test_cycles_by_metric_and_number() -> None:
    rules = policies(policy(target("resolution", HOUR, reopen="new_cycle"), target("first_response", HOUR)))
    run = tell(Run(rules), "Mon 09:00 created\nMon 09:10 resolved\nMon 09:20 reopened")
    assert list(states(run, "Mon 09:30")) == ["first_response#1", "resolution#1", "resolution#2"]


def test_clocks_without_a_target_are_not_shown() -> None:
    rules = policies(for_customer("acme", target("resolution", HOUR)))
    assert states(tell(Run(rules), "Mon 09:00 created"), "Mon 09:30") == {}


def test_attributes_of_the_ticket() -> None:
    run = tell(Run(single()), "Mon 09:00 created group=a\nMon 09:10 updated group= priority=high status=open")
    view = run.engine.view("T-1", at("Mon 09:20"))
    assert view is not None
    assert (view.ticket_id, view.as_of) == ("T-1", at("Mon 09:20"))
    assert view.ticket == {"status": "open", "priority": "high"}


@pytest.mark.parametrize(("moment", "breached"), [("Mon 10:00", False), ("Mon 10:00:00.001", True)])
def test_a_view_ahead_of_the_clock_knows_what_is_overdue(moment: str, breached: bool) -> None:
    run = tell(Run(single()), "Mon 09:00 created")
    shown = states(run, moment)["resolution#1"]
    assert (shown.breached, shown.due_at) == (breached, at("Mon 10:00"))
    assert shown.breached_at == (at("Mon 10:00") if breached else None)
