"""Policies published while the engine runs: what they change from then on, and what they change in the past."""

from __future__ import annotations

from dataclasses import replace

import pytest

from sla_stream.core.policy import Match, PolicySet, Relaxation
from sla_stream.core.schedule import Schedule
from tests.builders import HOUR, MINUTE, Run, event, line, net_set, policies, target, warn
from tests.stories import at, tell
from tests.unit.core.test_rules_versions import version


def first(**rest: object) -> PolicySet:
    return replace(policies(version(1, target("resolution", HOUR, warnings=warn("80%")))), digest="one")


def second(hours: int = 4, since: str | None = None, migrate: bool = False) -> PolicySet:
    """The next version, valid since some instant or from its publication."""
    known = first().policies
    aim = version(2, target("resolution", hours * HOUR, warnings=warn("80%")), since=since, migrate=migrate)
    return replace(first(), policies=(*known, aim) if since else (aim,), digest=f"two {hours} {since} {migrate}")


def relieved(factor: float = 4.0) -> PolicySet:
    storm = Relaxation("storm", at("Mon 08:00"), at("Mon 09:30"), Match(), factor, 0, "storm", "boss")
    return replace(first(), relaxations=(storm,), digest=f"relieved {factor}")


def adopt(run: Run, published: str, rules: PolicySet) -> Run:
    """Publish `rules` to a running engine."""
    run.until(at(published))
    run.engine.adopt(at(published), rules)
    earlier = [(0, run.policies)] if isinstance(run.policies, PolicySet) else list(run.policies)
    run.policies = [*earlier, (at(published), rules)]
    return run.until(at(published) + 1)


SAID = ["warning 80% resolution#1 Mon 09:48", "breach resolution#1 Mon 10:00"]
AT_ONE = ["warning 80% resolution#1 Mon 12:12", "breach resolution#1 Mon 13:00"]
TAKEN_BACK = ["retract " + each for each in SAID]


@pytest.mark.parametrize(
    ("rules", "now", "later"),
    [
        (first(), [], []),
        (second(), [], []),
        (second(since="Mon 12:00"), [], []),
        (second(since="Mon 09:00:00.001"), [], []),
        (
            second(since="Mon 09:00"),
            TAKEN_BACK,
            AT_ONE,
        ),
        (
            second(since="Mon 08:00"),
            TAKEN_BACK,
            AT_ONE,
        ),
        (
            second(since="Mon 09:30", migrate=True),
            TAKEN_BACK,
            AT_ONE,
        ),
        (second(since="Mon 10:30", migrate=True), [], []),
        (relieved(), TAKEN_BACK, AT_ONE),
        (relieved(1.0), [], []),
    ],
)
def test_what_an_amendment_does_to_a_breached_ticket(rules: PolicySet, now: list[str], later: list[str]) -> None:
    run = adopt(tell(Run(first()), "Mon 09:00 created"), "Mon 11:00", rules)
    assert run.lines[:2] == SAID
    assert run.lines[2:] == now
    assert tell(run, "Mon 18:00").lines[2 + len(now) :] == later


def test_retraction_says_why() -> None:
    run = adopt(tell(Run(first()), "Mon 09:00 created"), "Mon 11:00", relieved())
    assert {fact.reason for fact in run.said[2:]} == {"policy_amended"}
    assert [fact.retracts for fact in run.said[2:]] == [fact.id for fact in run.said[:2]]


@pytest.mark.parametrize(
    "rules", [second(), second(since="Mon 08:00"), second(since="Mon 08:00", migrate=True), relieved()]
)
def test_amended_while_running_equals_known_from_the_beginning(rules: PolicySet) -> None:
    story = "Mon 09:00 created\nMon 09:10 created ticket=T-2\nMon 10:30 resolved ticket=T-2"
    more = "Mon 12:00 created ticket=T-3\nMon 12:30 resolved\nTue 12:00"
    running = tell(adopt(tell(Run(first()), story), "Mon 11:00", rules), more)
    known = tell(Run([(0, first()), (at("Mon 11:00"), rules)]), f"{story}\nMon 11:00:01\n{more}")
    assert net_set(running.said) == net_set(known.said)


def test_outcome_is_corrected() -> None:
    run = adopt(tell(Run(first()), "Mon 09:00 created\nMon 10:30 resolved"), "Mon 11:00", relieved())
    corrected = run.said[-1]
    assert (corrected.outcome, corrected.supersedes, corrected.raw) == (
        "met",
        run.said[2].id,
        (at("Mon 10:00"), "missed"),
    )
    assert len(net_set(run.said)) == 1


def test_new_cycles_take_the_new_policies_at_once() -> None:
    run = adopt(tell(Run(first()), "Mon 09:00 created\nMon 09:10 resolved"), "Mon 11:00", second(2))
    tell(run, "Mon 11:30 created ticket=T-2\nMon 14:00")
    assert [(fact.ticket_id, fact.at) for fact in run.said[1:]] == [("T-2", at("Mon 13:06")), ("T-2", at("Mon 13:30"))]


def test_amendments_are_said_in_slices() -> None:
    run = Run(first())
    run.read(*(event("Mon 09:00", "created", ticket=f"T-{i}") for i in range(6)))
    run.until(at("Mon 11:00"))
    run.engine.take_outputs()
    run.engine.adopt(at("Mon 11:00"), relieved())
    more = [run.engine.advance(at("Mon 11:00"), limit=2) for _ in range(4)]
    assert more == [True, True, True, False]
    assert len(run.engine.take_outputs()) == 12


@pytest.mark.parametrize("when_", ["before it is said", "after it was said"])
def test_restart_after_an_amendment(when_: str) -> None:
    """The tickets that were not looked at yet are looked at after the restart, the others not again."""
    run = tell(Run(first()), "Mon 09:00 created\nMon 11:00")
    run.engine.flush()
    run.policies = [(0, first()), (at("Mon 11:00"), relieved())]
    if when_ == "after it was said":
        run.engine.adopt(at("Mon 11:00"), relieved())
        run.until(at("Mon 11:00:01"))
    run.crash().until(at("Mon 11:00:02")).until(at("Mon 18:00"))
    assert run.lines == [*SAID, *TAKEN_BACK, *AT_ONE]


def test_amendments_reach_back_no_further_than_the_allowed_lateness() -> None:
    """A version back-dated by a month is valid since the allowed lateness before its publication."""
    run = Run(first(), allowed_lateness=HOUR)
    adopt(tell(run, "Mon 09:00 created\nMon 10:30 created ticket=T-2"), "Mon 11:15", second(since="Mon 08:00"))
    assert run.lines == SAID
    tell(run, "Mon 15:00")
    assert [(fact.ticket_id, fact.at) for fact in run.said[2:]] == [("T-2", at("Mon 13:42")), ("T-2", at("Mon 14:30"))]


def test_resolved_tickets_that_were_forgotten_stay_so() -> None:
    run = tell(Run(first(), retain_closed=HOUR), "Mon 09:00 created\nMon 09:10 resolved\nMon 10:30")
    adopt(run, "Mon 11:00", relieved())
    assert run.lines == ["outcome met resolution#1 Mon 09:10"]
    assert list(run.engine.ticket_ids()) == []


@pytest.mark.parametrize("ahead", ["Mon 09:10", "Mon 09:05"])
@pytest.mark.parametrize("restart", [False, True])
@pytest.mark.parametrize("since", [None, "Mon 09:20"])
def test_set_learnt_of_before_the_log_gets_there(ahead: str, restart: bool, since: str | None) -> None:
    """A running cycle that moves to a nearer deadline is woken for it, although nothing of its past is different.

    The log time is behind the publication (nothing was read since), or ahead of it but not of a ticket's own place.
    """
    known, aim = first().policies, version(2, target("resolution", 30 * MINUTE), since=since, migrate=True)
    rules = replace(first(), policies=(*known, aim) if since else (aim,), digest="shorter")
    run = tell(Run(first()), "Mon 09:00 created")
    if ahead == "Mon 09:10":
        tell(run, "Mon 09:10 created ticket=T-2\nMon 09:10 deleted ticket=T-2")
    run.engine.adopt(at("Mon 09:05"), rules)
    run.policies = [(0, first()), (at("Mon 09:05"), rules)]
    if restart:
        run.crash()
    run.until(run.engine.log_time).until(at("Mon 09:40"))
    assert [line(fact) for fact in run.said if fact.ticket_id == "T-1"] == ["breach resolution#1 Mon 09:30"]


@pytest.mark.parametrize(
    ("hours", "said"),
    [
        (1, ["breach resolution#1 Mon 12:00"]),
        (4, ["breach resolution#1 Mon 13:00"]),
        (9, ["breach resolution#1 Mon 18:00"]),
    ],
)
def test_change_announced_for_later_comes_in_time(hours: int, said: list[str]) -> None:
    """Nothing else happens to the ticket: the announced change alone must wake it."""
    long = policies(version(1, target("resolution", 8 * HOUR)))
    coming = version(2, target("resolution", hours * HOUR), since="Mon 12:00", migrate=True)
    run = adopt(tell(Run(long), "Mon 09:00 created"), "Mon 10:00", replace(long, policies=(*long.policies, coming)))
    while (due := run.engine.next_due()) is not None:
        run.until(due + 1)
    assert run.lines == said
    assert all(fact.decided_at == fact.at + 1 for fact in run.said)


def test_next_due_says_that_an_amendment_waits() -> None:
    run = tell(Run(first()), "Mon 09:00 created\nMon 11:00")
    assert run.engine.next_due() is None
    run.engine.adopt(at("Mon 11:00"), relieved())
    due = run.engine.next_due()
    assert due is not None
    assert due < at("Mon 11:00")
    assert run.until(at("Mon 11:00")).lines[2:] == TAKEN_BACK
    assert run.engine.next_due() == at("Mon 12:12")


def test_set_that_is_published_later_concerns_nobody_yet() -> None:
    run = tell(Run(first()), "Mon 09:00 created\nMon 11:00")
    run.engine.adopt(at("Mon 12:00"), second(2))
    assert run.engine.next_due() is None
    tell(run, "Mon 11:30 created ticket=T-2\nMon 12:00 created ticket=T-3\nMon 18:00")
    breaches = [(fact.ticket_id, fact.at) for fact in run.said if fact.threshold is None]
    assert breaches == [("T-1", at("Mon 10:00")), ("T-2", at("Mon 12:30")), ("T-3", at("Mon 14:00"))]


def test_events_and_timers_do_not_wait_for_an_amendment() -> None:
    """Tickets that an amendment concerns are judged anew before their own next event, others in slices."""
    run = Run(first())
    run.read(*(event("Mon 09:00", "created", ticket=f"T-{i}") for i in range(4)))
    run.until(at("Mon 11:00"))
    run.engine.take_outputs()
    run.engine.adopt(at("Mon 11:00"), relieved())
    run.said = []
    run.read(event("Mon 11:05", "updated", ticket="T-2"))
    assert {fact.ticket_id for fact in run.said} == {"T-2"}
    assert not run.engine.fire(at("Mon 11:10"))
    assert run.engine.take_outputs() == []
    assert run.engine.looks_back
    assert [run.engine.look_back(2), run.engine.look_back(2), run.engine.look_back()] == [2, 2, 0]
    assert not run.engine.looks_back
    assert {fact.ticket_id for fact in run.engine.take_outputs()} == {"T-0", "T-1", "T-3"}


class _Broken(Schedule):
    """A schedule that cannot answer: what no policy file gives, and an engine has to live through all the same."""

    def used(self, instant: int) -> int:
        raise OverflowError("no such instant")


def test_ticket_that_a_set_cannot_judge_goes_on_under_the_sets_before() -> None:
    """The others are judged by the new set; a start tries it again, and so does the next set."""
    broken = version(
        7, target("resolution", 4 * HOUR, ref=77, schedule=_Broken(Schedule.always().rules)), since="Mon 09:00"
    )
    chosen = replace(broken, match=Match((("customer", "any", ("acme",)),)))
    rest = version(3, target("resolution", 4 * HOUR), since="Mon 09:00", name="rest")
    rules = replace(first(), policies=(chosen, rest), digest="broken")
    run = tell(Run(first()), "Mon 09:00 created customer=acme\nMon 09:01 created ticket=T-2\nMon 11:00")
    run.engine.adopt(at("Mon 11:00"), rules)
    run.policies = [(0, first()), (at("Mon 11:00"), rules)]
    run.said = []
    run.engine.look_back()
    assert [(ticket_id, type(error)) for ticket_id, error in run.engine.unjudged.items()] == [("T-1", OverflowError)]
    assert {fact.ticket_id for fact in run.engine.take_outputs()} == {"T-2"}
    run.crash().engine.look_back()
    assert run.engine.unjudged.keys() == {"T-1"}
    run.read(event("Mon 11:01", "resolved", ticket="T-1"), event("Mon 09:30", "updated", ticket="T-1", priority="low"))
    run.engine.fire(at("Mon 18:00"))
    run.said += run.engine.take_outputs()
    assert run.lines == ["outcome missed resolution#1 Mon 11:01", "breach resolution#1 Mon 13:01"]
    run.said = []
    run.engine.adopt(at("Mon 18:00"), second(since="Mon 09:00"))
    assert run.until(at("Mon 18:01")).engine.unjudged == {}
    assert [each for each in run.lines if "missed" in each or "met" in each] == ["outcome met resolution#1 Mon 11:01"]
