"""Which target a ticket's clock has: policies projected on attributes, remembered.

Per metric the first policy that matches and has a target for the ticket's priority wins; policies are asked in the
order of the policy set (highest level first, then the order of the file; contract §4). Promises (`kind: sla`) and
stretch goals (`kind: kpi`) are chosen apart, each for a clock of its own.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from typing import Any, Final

from sla_stream.core.conditions import ActionTable, Attributes
from sla_stream.core.events import TicketEvent
from sla_stream.core.metrics import AFTER_RESPONSE, FIRST_RESPONSE, KPI, metric_of
from sla_stream.core.policy import Match, Policy, PolicySet, PolicyTarget, Relaxation, Rules, Target
from sla_stream.core.rows import EventClass, Plan, Row, reopens


class Planned:
    """A plan, and the rows looked up for it so far."""

    __slots__ = ("plan", "rows", "rules")

    def __init__(self, plan: Plan, rules: tuple[int, ...]) -> None:
        self.plan = plan
        self.rules = rules
        self.rows: dict[EventClass, Row] = {}


class Planner:
    """One policy set, ready to be asked."""

    __slots__ = (
        "_matches", "_memo", "_names", "_plans", "_relaxations", "_tagged", "actions", "default_index", "defaults",
        "metrics", "policies", "rule_index", "targets",
    )  # fmt: skip

    LIMIT: Final = 50_000

    def __init__(
        self, policies: PolicySet, clocks: Collection[str] = (), rules: Mapping[str, Rules] | None = None
    ) -> None:
        """`clocks` to run beside those of the set's own targets, with the `rules` of metrics that the set lacks."""
        self.policies = policies
        self.targets = {target.ref: target for target in all_targets(policies)}
        self.metrics: tuple[str, ...] = tuple(sorted({*clocks_of(self.targets.values()), *clocks}))
        """The clocks to run: metrics, and metrics with KPI behind their name."""
        known = {**(rules or {}), **policies.metrics}
        self.defaults: tuple[Rules, ...] = tuple(known[metric_of(name)] for name in self.metrics)
        every_rule = [*self.defaults, *(target.rules for target in self.targets.values())]
        self.actions = ActionTable(every_rule)
        self.default_index = tuple(self.actions.index(rules) for rules in self.defaults)
        self.rule_index = {ref: self.actions.index(target.rules) for ref, target in self.targets.items()}
        self._matches = [(policy, compile_match(policy.match)) for policy in policies.policies]
        self._relaxations = [(each, compile_match(each.match)) for each in policies.relaxations]
        names = {"priority"}
        for policy in policies.policies:
            _names_of(policy.match, names)
        self._tagged = "tags" in names
        self._names = tuple(sorted(names - {"tags"}))
        self._memo: dict[tuple[Any, ...], Planned] = {}
        self._plans: dict[tuple[int, ...], Planned] = {}
        """By the numbers of the targets: different attributes have the same plan, which shares its rows."""

    def plan(self, attributes: Attributes) -> Plan:
        """The target of each metric for a ticket with these attributes."""
        return self._planned(attributes).plan

    def row(self, event: TicketEvent, before: Attributes, after: Attributes, first: bool) -> Row:
        """What an event means to each clock of a ticket that had the attributes `before` and now has `after`."""
        planned = self._planned(after)
        key = self.actions.class_of(event, before, after, first)
        row = planned.rows.get(key)
        if row is None:
            if len(planned.rows) >= self.LIMIT:
                planned.rows.clear()
            bits, reopening = self.actions.look_up(event, before, after, first), reopens(event, before, after, first)
            row = planned.rows[key] = Row(planned.plan, bits, reopening, self.metrics, planned.rules)
        return row

    def _planned(self, attributes: Attributes) -> Planned:
        get = attributes.get
        key = tuple([get(name) for name in self._names])
        if self._tagged:
            key += tuple(get("tags") or ())
        planned = self._memo.get(key)
        if planned is None:
            if len(self._memo) >= self.LIMIT:
                self._memo.clear()
            planned = self._memo[key] = self._ask(attributes)
        return planned

    def _ask(self, attributes: Attributes) -> Planned:
        matching = [policy for policy, matches in self._matches if matches(attributes)]
        priority = attributes.get("priority")
        plan = tuple(_first_target(matching, name, priority) for name in self.metrics)
        refs = tuple(target.ref if target is not None else 0 for target in plan)
        planned = self._plans.get(refs)
        if planned is None:
            rules = [self.rule_index[ref] if ref else self.default_index[i] for i, ref in enumerate(refs)]
            planned = self._plans[refs] = Planned(plan, tuple(rules))
        return planned

    def relaxation(self, attributes: Attributes, started: int) -> Relaxation | None:
        """The first relaxation of the file whose window a cycle started at `started` lies in."""
        for relaxation, matches in self._relaxations:
            if relaxation.start <= started < relaxation.end and matches(attributes):
                return relaxation
        return None


def clocks_of(targets: Collection[Target]) -> set[str]:
    """The clocks that these targets need."""
    named = {target.metric + KPI if target.kind == "kpi" else target.metric for target in targets}
    if named & {AFTER_RESPONSE, AFTER_RESPONSE + KPI, FIRST_RESPONSE + KPI}:
        named.add(FIRST_RESPONSE)
    return named


def _first_target(policies: Sequence[Policy], name: str, priority: str | None) -> Target | None:
    metric, kind = metric_of(name), "kpi" if name.endswith(KPI) else "sla"
    for policy in policies:
        for target in policy.targets:
            if target.metric == metric:
                found = choose(target, priority)
                if found is not None and found.kind == kind:
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


def all_targets(policies: PolicySet) -> list[Target]:
    """Every target of a set, of all priorities."""
    found: list[Target] = []
    for policy in policies.policies:
        for target in policy.targets:
            found.extend(target.by_priority.values())
            if target.default is not None:
                found.append(target.default)
    return found
