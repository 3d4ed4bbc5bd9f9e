"""One truth: any order of arrival, duplication and crash ends in the same net set (contract §2, rule 8)."""

from __future__ import annotations

import random
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from sla_stream.core import past
from sla_stream.core import ticket as stored
from sla_stream.core.events import TicketEvent
from sla_stream.core.metrics import BUILT_IN, when
from sla_stream.core.policy import Match, PolicySet, PolicyTarget, Rules, Target
from sla_stream.core.sla_events import BREACH, OUTCOME
from tests.builders import (
    DAY,
    HOUR,
    MINUTE,
    MONDAY,
    NINE_TO_FIVE,
    Run,
    after,
    event,
    net_set,
    policies,
    policy,
    target,
    warn,
)

PAUSE = when(status=("pending", "on_hold"))


def resolution(duration: int, reopen: str, ref: int, **rest: Any) -> Target:
    rules = Rules(start=BUILT_IN["resolution"].start, stop=BUILT_IN["resolution"].stop, pause=PAUSE, cycles="reopen")
    return target(
        "resolution",
        duration,
        ref=ref,
        rules=rules,
        reopen=reopen,
        warnings=warn("50%", "90%", "30m"),
        escalations=after("1h"),
        **rest,
    )


def policy_set(reopen: str, grace: int, retarget: str, office: bool) -> PolicySet:
    rest: dict[str, Any] = {"reopen_grace": grace, "retarget": retarget}
    if office:
        rest["schedule"] = NINE_TO_FIVE
    by_priority = PolicyTarget(
        "resolution",
        {"high": resolution(2 * HOUR, reopen, 11, **rest), "low": resolution(9 * HOUR, reopen, 12, **rest)},
        resolution(5 * HOUR, reopen, 13, **rest),
    )
    first = target("first_response", HOUR, ref=14, warnings=warn("80%"), escalations=after("30m"))
    following = target("next_response", 40 * MINUTE, ref=15, warnings=warn("10m"))
    vip = policy(
        PolicyTarget("resolution", {}, resolution(HOUR, reopen, 21)),
        name="vip",
        match=Match((("customer", "any", ("acme",)),)),
    )
    everyone = Match(negated=Match((("channel", "any", ("chat",)),)))
    return policies(vip, policy(by_priority, first, following, match=everyone))


KINDS = (
    "updated", "updated", "customer_replied", "agent_replied", "agent_replied", "note_added", "resolved", "closed",
    "reopened", "merged", "unmerged", "deleted", "restored",
)  # fmt: skip
ATTRIBUTES = st.fixed_dictionaries(
    {},
    optional={
        "status": st.sampled_from(("new", "open", "pending", "on_hold", "resolved", "closed")),
        "priority": st.sampled_from(("high", "low", None)),
        "customer": st.sampled_from(("acme", "other", None)),
        "channel": st.sampled_from(("chat", "mail")),
        "tags": st.lists(st.sampled_from(("a", "b")), unique=True).map(sorted),
    },
)


@st.composite
def histories(draw: st.DrawFn) -> list[TicketEvent]:
    """The life of one or two tickets within four days, in event order."""
    found = []
    for ticket in draw(st.sampled_from((("T-1",), ("T-1", "T-2")))):
        first = draw(st.sampled_from(("created", "created", "created", "updated", "customer_replied")))
        kinds = [first, *draw(st.lists(st.sampled_from(KINDS), max_size=9))]
        instants = sorted(
            MONDAY + minute * MINUTE
            for minute in draw(
                st.lists(st.integers(0, 4 * 24 * 4).map(lambda q: q * 15), min_size=len(kinds), max_size=len(kinds))
            )
        )
        for i, (kind, instant) in enumerate(zip(kinds, instants, strict=True)):
            rest: dict[str, Any] = dict(draw(ATTRIBUTES))
            if first != "created" and i == 0 and draw(st.booleans()):
                rest["created_at"] = instant - 2 * HOUR
            if kind == "merged":
                rest["merged_into"] = "T-9"
            found.append(event(instant, kind, ticket=ticket, id=f"e{i}", sequence=i, **rest))
    return sorted(found, key=lambda e: e.key)


SETS = st.builds(
    policy_set,
    st.sampled_from(("resume", "continue", "new_cycle")),
    st.sampled_from((0, 30 * MINUTE)),
    st.sampled_from(("keep_elapsed", "restart")),
    st.booleans(),
)
END = MONDAY + 20 * DAY


def sorted_run(rules: PolicySet, history: list[TicketEvent], **rest: Any) -> Run:
    return Run(rules, retain_closed=None, **rest).read(*history).until(END).settle()


@settings(max_examples=400, deadline=None)
@given(SETS, histories(), st.randoms(use_true_random=False), st.integers(0, 3), st.sampled_from((0, 5_000)))
def test_any_order_duplication_and_crash_gives_the_same_net_set(
    rules: PolicySet, history: list[TicketEvent], chance: random.Random, crashes: int, settle: int
) -> None:
    """Late, shuffled, repeated, and with crashes between: what stands in the end is what the sorted log says."""
    expected = sorted_run(rules, history)
    # Log times lie up to two days after the events; all within the allowed lateness of seven days.
    delayed = [(e.at + chance.choice((0, 0, MINUTE, 3 * HOUR, 2 * DAY)), i, e) for i, e in enumerate(history)]
    delayed += [(arrival + chance.randrange(DAY), i, e) for arrival, i, e in delayed if chance.random() < 0.2]
    delayed.sort(key=lambda entry: entry[:2])
    run = Run(rules, retain_closed=None, settle_for=settle)
    crash_at = {chance.randrange(len(delayed) + 1) for _ in range(crashes)}
    for i, (arrival, _, each) in enumerate(delayed):
        if i in crash_at:
            run.crash()
        if chance.random() < 0.3:
            run.until(max(run.engine.log_time, arrival - chance.randrange(HOUR)))
        run.read(each, recorded_at=arrival)
    run.crash().until(END).settle()
    assert net_set(expected.said) == net_set(run.said)


@settings(max_examples=400, deadline=None)
@given(SETS, histories())
def test_what_is_said_keeps_the_rules(rules: PolicySet, history: list[TicketEvent]) -> None:
    """Nothing early, one standing breach a cycle, nothing after the end, an outcome's verdict fits its breach."""
    run = sorted_run(rules, history)
    for fact in run.said:
        if (fact.retracts_type or fact.type) != OUTCOME:
            assert fact.at < fact.decided_at
        assert fact.at <= fact.decided_at
    ids = [fact.id for fact in run.said]
    assert len(ids) == len(set(ids))
    breaches = [(entry[0], entry[1], entry[2]) for entry in net_set(run.said) if entry[3] == BREACH]
    assert len(breaches) == len(set(breaches))


@settings(max_examples=200, deadline=None)
@given(SETS, histories())
def test_folding_one_by_one_equals_folding_at_once(rules: PolicySet, history: list[TicketEvent]) -> None:
    """The incremental fold and a full refold end in the same state."""
    run = sorted_run(rules, history)
    engine = run.engine
    for ticket_id in engine.ticket_ids():
        ticket = engine._load(ticket_id)
        assert ticket is not None
        fold, _, _ = past.derive(engine._folders.newest, ticket, stored.tail_events(ticket.tail), END)
        assert fold == ticket.fold
