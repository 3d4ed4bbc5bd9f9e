"""Which target a ticket's clock has, and which policies are in force when."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from sla_stream.core.planner import Planner, choose, compile_match
from sla_stream.core.policy import Match, PolicyTarget
from sla_stream.core.timeline import Timeline
from tests.builders import HOUR, policies, policy, target
from tests.stories import for_customer

HIGH, REST = target("resolution", HOUR), target("resolution", 4 * HOUR)


@pytest.mark.parametrize(("priority", "chosen"), [("high", HIGH), ("low", REST), (None, REST)])
def test_target_by_priority(priority: str | None, chosen: Any) -> None:
    assert choose(PolicyTarget("resolution", {"high": HIGH}, REST), priority) is chosen


@pytest.mark.parametrize(("priority", "chosen"), [("high", HIGH), ("low", None), (None, None)])
def test_priority_without_default(priority: str | None, chosen: Any) -> None:
    assert choose(PolicyTarget("resolution", {"high": HIGH}, None), priority) is chosen


@pytest.mark.parametrize(
    ("attributes", "matches"),
    [
        ({"plan": "gold"}, True),
        ({"plan": "gold", "channel": "chat"}, False),
        ({"plan": "silver"}, False),
        ({"plan": "gold", "channel": "chat", "group": "night"}, True),
    ],
)
def test_negation_may_itself_have_exceptions(attributes: dict[str, Any], matches: bool) -> None:
    not_chat = Match((("channel", "any", ("chat",)),), negated=Match((("group", "any", ("night",)),)))
    assert compile_match(Match((("plan", "any", ("gold",)),), negated=not_chat))(attributes) is matches


def test_plan_follows_every_attribute_it_depends_on(monkeypatch: pytest.MonkeyPatch) -> None:
    """Also when its memory is full."""
    monkeypatch.setattr(Planner, "LIMIT", 2)
    acme = for_customer("acme", target("resolution", HOUR, policy="acme"))
    vip = policy(target("resolution", 2 * HOUR, policy="vip"), name="vip", match=Match((("tags", "any", ("vip",)),)))
    planner = Planner(policies(acme, vip, policy(target("resolution", 3 * HOUR))))
    asked: list[tuple[dict[str, Any], str]] = [
        ({}, "base"),
        ({"customer": "acme"}, "acme"),
        ({"tags": ["vip"]}, "vip"),
        ({"tags": ["vip"], "customer": "acme"}, "acme"),
        ({"tags": ["other"], "customer": "x"}, "base"),
    ]
    for _ in range(2):
        for attributes, name in asked:
            (found,) = planner.plan(attributes)
            assert found is not None
            assert found.policy == name


def test_metrics_in_order_with_the_first_response_that_others_need() -> None:
    planner = Planner(policies(policy(target("resolution", HOUR), target("next_response", HOUR))))
    assert planner.metrics == ("first_response", "next_response", "resolution")
    assert [each is not None for each in planner.plan({})] == [False, True, True]


def test_timeline() -> None:
    old, new = policies(policy(target("resolution", HOUR))), policies(policy(target("resolution", 2 * HOUR)))
    new = replace(new, digest="new")
    timeline = Timeline([(100, new), (0, old)])
    in_force = [timeline.at(instant).policies.policies == new.policies for instant in (-5, 0, 99, 100, 10**15)]
    assert in_force == [False, False, False, True, True]
    assert timeline.newest.digest == "new"
    assert not timeline.single
    assert len(timeline.targets) == 2


def test_timeline_of_one() -> None:
    """The first set holds from the beginning."""
    only = policies(policy(target("resolution", HOUR)))
    timeline = Timeline([(100, only)])
    assert timeline.single
    assert timeline.at(0).policies.policies == only.policies
    assert timeline.newest.policies == only.policies
