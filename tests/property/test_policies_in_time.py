"""One truth through changes of policy: when a worker learns of a set changes nothing that stands in the end.

The reference knows every set from the beginning and reads the sorted log. The engine under test learns of each set
early, in time or late (before its publication in log time, or days after it, with the past judged already), while
events come late, twice and with crashes between. Sets pin or migrate, are valid from their publication, from before it
or later, add and drop policies, and bring relaxations.
"""

from __future__ import annotations

import random
from dataclasses import replace

from hypothesis import given, settings
from hypothesis import strategies as st

from sla_stream.core.events import TicketEvent
from sla_stream.core.policy import Match, Policy, PolicySet, PolicyTarget, Relaxation, Target
from tests.builders import DAY, HOUR, MINUTE, MONDAY, Run, net_set, policy, target, warn
from tests.property.test_engine import END, SETS, histories

Published = list[tuple[int, PolicySet]]


def next_version(old: Policy, number: int, valid_from: int | None, migrate: bool) -> Policy:
    """The policy under another version, with targets of that version's own."""
    version = f"v{number}"

    def renewed(one: Target) -> Target:
        return replace(one, ref=one.ref + 1_000 * number, policy=old.name, policy_version=version)

    targets = tuple(
        PolicyTarget(
            each.metric,
            {priority: renewed(one) for priority, one in each.by_priority.items()},
            renewed(each.default) if each.default else None,
        )
        for each in old.targets
    )
    on_change = "migrate" if migrate else "pin"
    return replace(old, version=version, targets=targets, valid_from=valid_from, on_change=on_change)


def as_first(rules: PolicySet) -> PolicySet:
    """The set with the names of its policies in its targets, as a policy file makes it."""
    return replace(rules, policies=tuple(next_version(each, 1, None, False) for each in rules.policies))


@st.composite
def relaxations(draw: st.DrawFn) -> tuple[Relaxation, ...]:
    start = MONDAY + draw(st.integers(0, 3 * 24)) * HOUR
    match = draw(st.sampled_from((Match(), Match((("priority", "any", ("high",)),)))))
    factor = draw(st.sampled_from((1.0, 2.0)))
    storm = Relaxation("storm", start, start + DAY, match, factor, 30 * MINUTE, reason="storm", approved_by="boss")
    return (storm,)


@st.composite
def amended(draw: st.DrawFn, before: PolicySet, number: int, published: int) -> PolicySet:
    """What an operator may publish after `before`."""
    change = draw(st.sampled_from(("replace", "dated", "dated", "drop", "add", "relax")))
    migrate = draw(st.booleans())
    known = before.policies
    rest = before.relaxations
    if change == "replace":
        known = tuple(next_version(each, number, None, migrate) for each in draw(SETS).policies)
    elif change == "dated":
        # From three days before the publication to two days after it.
        since = published + draw(st.integers(-3 * 24, 2 * 24)) * HOUR
        changed = draw(st.sampled_from((0, 1, 2)))
        fresh = draw(SETS).policies
        chosen = fresh if changed == 2 else fresh[changed : changed + 1]
        known = (*known, *(next_version(each, number, since, migrate) for each in chosen))
    elif change == "drop":
        known = tuple(each for each in known if each.name != "vip")
    elif change == "add":
        aim = target("resolution", 3 * HOUR, ref=31, warnings=warn("50%"))
        waiting = target("requester_wait", 6 * HOUR, ref=32)
        since = draw(st.sampled_from((None, published - DAY, published + DAY)))
        extra = policy(aim, waiting, name="extra", match=Match((("customer", "any", ("other",)),)))
        if all(each.name != "extra" for each in known):
            known = (next_version(extra, number, since, migrate), *known)
    if change == "relax" or draw(st.booleans()):
        rest = draw(relaxations())
    return replace(before, policies=known, relaxations=rest, digest=f"set {number}")


@st.composite
def timelines(draw: st.DrawFn) -> Published:
    """One to three sets, and when each was published."""
    sets: Published = [(0, as_first(draw(SETS)))]
    published = MONDAY
    for number in range(2, 2 + draw(st.integers(1, 2))):
        published += draw(st.integers(1, 40)) * HOUR
        sets.append((published, draw(amended(sets[-1][1], number, published))))
    return sets


Step = tuple[str, int, TicketEvent | tuple[int, PolicySet] | None]
"""(what, log time, with what): `read` an event, `learn` of a policy set, `until`, `slice`, `crash`."""


def steps(sets: Published, history: list[TicketEvent], chance: random.Random) -> list[Step]:
    """What happens to the engine: events late by up to two days, some twice, and sets early, in time or late."""
    delayed = [(e.at + chance.choice((0, 0, MINUTE, 3 * HOUR, 2 * DAY)), e) for e in history]
    delayed += [(at + chance.randrange(DAY), e) for at, e in delayed if chance.random() < 0.2]
    found: list[Step] = [("read", at, e) for at, e in delayed]
    known = 0
    for published, rules in sets[1:]:  # they are read in the order of their publication
        known = max(known + 1, published + chance.choice((-2 * DAY, -HOUR, 0, 1, HOUR, 2 * DAY)))
        found += [("learn", known, (published, rules)), ("slice", known, None)]
    found += [("until", at - chance.randrange(HOUR), None) for at, _ in delayed if chance.random() < 0.3]
    found += [("crash", at, None) for _, at, _ in found if chance.random() < 0.15]
    return sorted(found, key=lambda step: step[1])


def live_through(sets: Published, plan: list[Step], settle: int = 0) -> Run:
    """An engine that knows the first set only, and what it made of the plan."""
    run = Run(sets[:1], retain_closed=None, settle_for=settle)
    for what, logged, about in plan:
        now = max(run.engine.log_time, logged)
        if what == "read":
            assert isinstance(about, TicketEvent)
            run.read(about, recorded_at=logged)
        elif what == "learn":
            assert isinstance(about, tuple)
            run.until(now).engine.adopt(*about)
            run.policies = [*run.policies, about]
        elif what == "until":
            run.until(now)
        elif what == "slice":
            run.engine.advance(now, limit=1)
            run.said += run.engine.take_outputs()
        else:
            run.crash()
    return run.crash().until(END).settle()


def knowing_all(sets: Published, history: list[TicketEvent]) -> Run:
    """The sorted log under policies known from the beginning."""
    return Run(sets, retain_closed=None).read(*history).until(END).settle()


@settings(max_examples=500)
@given(timelines(), histories(), st.integers(0, 2**32), st.sampled_from((0, 5_000)))
def test_any_order_of_events_and_policies_gives_the_same_net_set(
    sets: Published, history: list[TicketEvent], seed: int, settle: int
) -> None:
    run = live_through(sets, steps(sets, history, random.Random(seed)), settle)
    assert net_set(knowing_all(sets, history).said) == net_set(run.said)


@settings(max_examples=150)
@given(timelines(), histories())
def test_what_is_said_through_changes_of_policy_keeps_the_rules(sets: Published, history: list[TicketEvent]) -> None:
    """Nothing early, and with every set known from the beginning no policy takes back what was said."""
    run = knowing_all(sets, history)
    net_set(run.said)
    assert all(fact.at <= fact.decided_at for fact in run.said)
    assert all(fact.reason != "policy_amended" for fact in run.said if fact.retracts)
