"""Which target a ticket's clock has: policies projected on attributes, remembered.

Per metric the first policy that matches and has a target for the ticket's priority wins; policies are asked in the
order of the policy set (highest level first, then the order of the file; contract §4).
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Callable, Sequence
from typing import Any, Final

from sla_stream.core.conditions import ActionTable, Attributes
from sla_stream.core.metrics import AFTER_RESPONSE
from sla_stream.core.policy import Match, Policy, PolicySet, PolicyTarget, Rules, Target

Plan = tuple[Target | None, ...]
"""The target of each metric of a planner, in the order of `Planner.metrics`."""


class Planner:
    """One policy set, ready to be asked."""

    __slots__ = (
        "_matches", "_memo", "_names", "actions", "default_index", "defaults", "metrics", "policies", "rule_index",
        "targets",
    )  # fmt: skip

    LIMIT: Final = 50_000

    def __init__(self, policies: PolicySet) -> None:
        self.policies = policies
        named = {target.metric for policy in policies.policies for target in policy.targets}
        if AFTER_RESPONSE in named:
            named.add("first_response")
        self.metrics: tuple[str, ...] = tuple(sorted(named))
        self.defaults: tuple[Rules, ...] = tuple(policies.metrics[name] for name in self.metrics)
        self.targets = {target.ref: target for target in _all_targets(policies)}
        every_rule = [*self.defaults, *(target.rules for target in self.targets.values())]
        self.actions = ActionTable(every_rule)
        self.default_index = tuple(self.actions.index(rules) for rules in self.defaults)
        self.rule_index = {ref: self.actions.index(target.rules) for ref, target in self.targets.items()}
        self._matches = [(policy, compile_match(policy.match)) for policy in policies.policies]
        names = {"priority"}
        for policy in policies.policies:
            _names_of(policy.match, names)
        self._names = tuple(sorted(names))
        self._memo: dict[tuple[Any, ...], Plan] = {}

    def plan(self, attributes: Attributes) -> Plan:
        """The target of each metric for a ticket with these attributes."""
        get = attributes.get
        key = tuple([get(name) if name != "tags" else tuple(get("tags") or ()) for name in self._names])
        plan = self._memo.get(key)
        if plan is None:
            if len(self._memo) >= self.LIMIT:
                self._memo.clear()
            plan = self._memo[key] = self._ask(attributes)
        return plan

    def _ask(self, attributes: Attributes) -> Plan:
        matching = [policy for policy, matches in self._matches if matches(attributes)]
        priority = attributes.get("priority")
        return tuple(_first_target(matching, metric, priority) for metric in self.metrics)


def _first_target(policies: Sequence[Policy], metric: str, priority: str | None) -> Target | None:
    for policy in policies:
        for target in policy.targets:
            if target.metric == metric and (found := choose(target, priority)) is not None:
                return found
    return None


def choose(target: PolicyTarget, priority: str | None) -> Target | None:
    """The target for this priority, else the default one, else None (the search goes on)."""
    if priority is not None and priority in target.by_priority:
        return target.by_priority[priority]
    return target.default


def compile_match(match: Match) -> Callable[[Attributes], bool]:
    """Whether a ticket's attributes match."""
    tests = [_term(name, mode, values) for name, mode, values in match.terms]
    negated = None if match.negated is None else compile_match(match.negated)

    def matches(attributes: Attributes) -> bool:
        if negated is not None and negated(attributes):
            return False
        return all(test(attributes) for test in tests)

    return matches


def _term(name: str, mode: str, values: tuple[Any, ...]) -> Callable[[Attributes], bool]:
    wanted = frozenset(values)
    if name != "tags":
        return lambda attributes: attributes.get(name) in wanted
    if mode == "all":
        return lambda attributes: wanted.issubset(attributes.get("tags") or ())
    return lambda attributes: not wanted.isdisjoint(attributes.get("tags") or ())


def _names_of(match: Match, names: set[str]) -> None:
    names.update(name for name, _, _ in match.terms)
    if match.negated is not None:
        _names_of(match.negated, names)


def _all_targets(policies: PolicySet) -> list[Target]:
    found: list[Target] = []
    for policy in policies.policies:
        for target in policy.targets:
            found.extend(target.by_priority.values())
            if target.default is not None:
                found.append(target.default)
    return found


class Timeline:
    """Policy sets and since when each is in force.

    A cycle belongs to the set in force at its start, and keeps it (`on_change: pin`), so an edited policy file does
    not rewrite what is running.
    """

    __slots__ = ("_only", "_planners", "_since", "reopening", "targets")

    def __init__(self, sets: Sequence[tuple[int, PolicySet]]) -> None:
        ordered = sorted(sets, key=lambda entry: entry[0])
        self._planners = [Planner(policies) for _, policies in ordered]
        self._since = [since for since, _ in ordered]
        self._only = self._planners[0] if len(self._planners) == 1 else None
        self.reopening = frozenset(
            name for _, policies in ordered for name, rules in policies.metrics.items() if rules.cycles == "reopen"
        )
        self.targets: dict[int, Target] = {}
        for planner in self._planners:
            self.targets.update(planner.targets)

    def at(self, instant: int) -> Planner:
        """The planner in force at `instant`; the first set holds from the beginning."""
        if self._only is not None:
            return self._only
        return self._planners[max(0, bisect_right(self._since, instant) - 1)]

    @property
    def single(self) -> bool:
        """Whether one set holds for all time."""
        return self._only is not None

    @property
    def newest(self) -> Planner:
        """The set in force from now on."""
        return self._planners[-1]
