"""Lives that once ended wrongly: each was found by comparing arrival orders."""

from __future__ import annotations

from sla_stream.core.policy import Match, PolicySet
from sla_stream.core.sla_events import SlaEvent
from tests.builders import HOUR, Run, at, event, net_set, policies, policy, target, warn
from tests.stories import tell
from tests.unit.core.test_rules_versions import version


def both(rules: PolicySet, story: str, late: str) -> tuple[list[SlaEvent], list[SlaEvent]]:
    return tell(Run(rules), story).said, tell(Run(rules, settle_for=0), late).said


def test_group_handed_on_after_the_metric_was_dropped() -> None:
    """What starts with the event that ends a pinned cycle belongs to the policies in force then."""
    rules = policies(
        version(1, target("group_ownership", HOUR)),
        version(2, target("next_response", HOUR), since="Mon 16:30"),
    )
    run = tell(Run(rules), "Mon 12:00 created group=h\nMon 18:00 updated group=g\nMon 19:00 updated group=i\nMon 20:00")
    assert run.lines == ["breach group_ownership#1 Mon 13:00", "outcome missed group_ownership#1 Mon 18:00"]


def test_late_event_from_before_a_change_of_policies() -> None:
    """The change was crossed already; the event still has its place before it."""
    rules = policies(
        version(1, target("resolution", HOUR)),
        version(2, target("next_response", HOUR), since="Mon 16:30", migrate=True),
    )
    story = "Mon 10:00 created\nMon 12:44 resolved"
    early, late = both(rules, story + "\nMon 20:00", "Mon 10:00 created\nMon 12:44 resolved @ Mon 17:00\nMon 20:00")
    assert net_set(early) == net_set(late)


def test_warning_after_a_detour_has_its_own_id() -> None:
    """A target without the threshold lay between: what is said again says so."""
    gold = policy(
        target("resolution", 8 * HOUR, policy="gold", warnings=warn("1h")),
        name="gold",
        match=Match((("plan", "any", ("gold",)),)),
    )
    run = Run(policies(gold, policy(target("resolution", 4 * HOUR, warnings=warn("50%")))))
    tell(run, "Mon 10:00 created\nMon 12:30 updated plan=gold\nMon 12:40 updated plan=silver\nMon 13:00 resolved")
    warnings = [fact for fact in run.said if fact.threshold == "50%"]
    assert [fact.revision for fact in warnings] == [0, 1]
    assert len({fact.id for fact in run.said}) == len(run.said)


def test_ticket_from_ahead_of_the_clock_has_used_no_time() -> None:
    run = Run(policies(policy(target("resolution", HOUR)))).read(event("Mon 10:04", "created"), recorded_at="Mon 10:00")
    view = run.engine.view("T-1", at("Mon 10:01"))
    assert view is not None
    assert [(state.elapsed, state.as_of) for state in view.cycles] == [(0, at("Mon 10:04"))]


def test_restarted_cycle_keeps_the_policies_of_its_start() -> None:
    """A restart is the same cycle: a change of policies since then does not judge it."""
    old = version(1, target("resolution", 4 * HOUR, ref=1, retarget="restart"))
    high = policy(
        target("resolution", 2 * HOUR, ref=2, retarget="restart"),
        name="high",
        match=Match((("priority", "any", ("high",)),)),
    )
    rules = policies(high, old, version(2, target("resolution", 9 * HOUR, ref=3), since="Mon 10:00"))
    story = "Mon 09:00 created\nMon 11:00 updated priority=high\nMon 12:00 updated priority=low\nMon 13:00 resolved"
    run = tell(Run(rules), story)
    assert [(fact.target.ref, fact.outcome) for fact in run.said] == [(1, "met")]


def test_what_another_clock_holds_back_delays_nothing() -> None:
    rules = policies(policy(target("first_response", HOUR), target("resolution", HOUR + HOUR // 2 + 2_000)))
    run = Run(rules).read(event("Mon 09:00", "created"), recorded_at="Mon 10:30").until("Mon 10:30:04")
    assert run.lines == ["breach resolution#1 Mon 10:30:02"]
    assert run.until("Mon 10:31").lines[1:] == ["breach first_response#1 Mon 10:00"]
