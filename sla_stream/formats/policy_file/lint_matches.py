"""Which policies stand in each other's way: equal, shadowed and overlapping ones, priorities that nobody takes."""

from __future__ import annotations

from typing import Any

from sla_stream.core.policy import Match, Policy, PolicyTarget
from sla_stream.core.schedule import FAR
from sla_stream.formats.policy_file.compile import Compiled
from sla_stream.formats.policy_file.findings import Findings, Path, quote

Period = tuple[int, int]


class Others:
    """The policies of a file, each compared with those that are asked before and after it."""

    def __init__(self, compiled: Compiled, findings: Findings) -> None:
        self.placed = compiled.placed
        self.findings = findings
        policies = [policy for _, policy in compiled.placed]
        self.periods = [_period(policy, policies) for policy in policies]

    def check_reached(self, position: int, target: PolicyTarget, path: Path) -> None:
        """Whether an earlier policy takes every ticket that this target could have, or some of them."""
        policy = self.placed[position][1]
        overlapping: tuple[int, Policy] | None = None
        for other, (index, earlier) in enumerate(self.placed[:position]):
            taken = target_of(earlier, target)
            if taken is None or not _meet(self.periods[other], self.periods[position]):
                continue
            if self._takes_all(other, position, taken, target):
                self.findings.warning(path, self._shadowed(index, earlier, policy), key=True)
                return
            if overlapping is None and earlier.level == policy.level and _overlap(earlier.match, policy.match):
                overlapping = (index, earlier)
        if overlapping is not None:
            name = self._name(*overlapping)
            self.findings.note(
                path, f"overlaps {name}: a ticket that matches both gets the target of that one", key=True
            )

    def _takes_all(self, other: int, position: int, taken: PolicyTarget, target: PolicyTarget) -> bool:
        earlier, policy = self.placed[other][1], self.placed[position][1]
        (since, until), (from_, to) = self.periods[other], self.periods[position]
        if since > from_ or until < to or not covers(earlier.match, policy.match):
            return False
        return taken.default is not None or (
            target.default is None and target.by_priority.keys() <= taken.by_priority.keys()
        )

    def _shadowed(self, index: int, earlier: Policy, policy: Policy) -> str:
        other = self._name(index, earlier)
        if earlier.level == policy.level and earlier.match == policy.match:
            return f"equal to {other} in match and level: the first in the file wins"
        return f"never reached: {other} is asked first and takes every such ticket"

    def _name(self, index: int, policy: Policy) -> str:
        return f"policy {quote(policy.name)} (line {self.findings.places.of(('policies', index)).line})"

    def check_default(self, position: int, target: PolicyTarget, path: Path) -> None:
        """Whether tickets of another priority are left without a target by everybody."""
        if target.default is not None:
            return
        policy = self.placed[position][1]
        if any(name == "priority" and target.by_priority.keys() >= set(asked) for name, _, asked in policy.match.terms):
            return
        for _, later in self.placed[position + 1 :]:
            other = target_of(later, target)
            if other is not None and other.default is not None and covers(later.match, policy.match):
                return
        known = ", ".join(quote(priority) for priority in target.by_priority)
        self.findings.warning(
            (*path, "target"),
            f"no `default`: tickets of a priority other than {known} may have no {target.metric} target",
        )


def _period(policy: Policy, policies: list[Policy]) -> Period:
    """When this version is in force, ms."""
    since = -FAR if policy.valid_from is None else policy.valid_from
    starts = [-FAR if each.valid_from is None else each.valid_from for each in policies if each.name == policy.name]
    return since, min((start for start in starts if start > since), default=FAR)


def _meet(one: Period, other: Period) -> bool:
    return one[0] < other[1] and other[0] < one[1]


def _overlap(one: Match, other: Match) -> bool:
    """Neither is a part of the other, and nothing plain keeps a ticket from matching both."""
    if covers(one, other) or covers(other, one):
        return False
    for given in one.terms:
        for wanted in other.terms:
            if given[0] == wanted[0] and given[0] != "tags" and set(given[2]).isdisjoint(wanted[2]):
                return False
    return not (_excludes(one, other) or _excludes(other, one))


def _excludes(one: Match, other: Match) -> bool:
    return one.negated is not None and covers(Match(one.negated.terms), Match(other.terms))


def covers(wide: Match, narrow: Match) -> bool:
    """Whether every ticket that matches `narrow` surely matches `wide`; plain cases only."""
    if wide.negated is not None and wide.negated != narrow.negated:
        return False
    return all(any(_implies(given, wanted) for given in narrow.terms) for wanted in wide.terms)


def _implies(given: tuple[str, str, tuple[Any, ...]], wanted: tuple[str, str, tuple[Any, ...]]) -> bool:
    if given[0] != wanted[0]:
        return False
    mode, values, needed = given[1], set(given[2]), set(wanted[2])
    if wanted[1] == "all":
        return mode == "all" and values >= needed
    return bool(values & needed) if mode == "all" else values <= needed


def target_of(policy: Policy, like: PolicyTarget) -> PolicyTarget | None:
    """The policy's target for the same metric and kind."""
    wanted = (like.metric, kind_of(like))
    return next((each for each in policy.targets if (each.metric, kind_of(each)) == wanted), None)


def kind_of(target: PolicyTarget) -> str:
    """`sla` or `kpi`; all entries of a target have the same."""
    some = target.default if target.default is not None else next(iter(target.by_priority.values()))
    return some.kind
