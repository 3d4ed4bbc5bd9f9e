"""Policies through time: which of them are in force when, and which running cycles follow a change.

A policy set holds from its publication on (the first one from the beginning). A policy with `valid_from` holds from
that instant, until the next version of the same name; one with a `valid_from` before its set's publication reaches
back. A cycle keeps the policies of its start (`on_change: pin`). At a change it moves to the new version only if that
says `migrate`; a running clock that nobody times also moves to a policy that is new by name (rule 14).
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import replace

from sla_stream.core.metrics import metric_of
from sla_stream.core.planner import Planner, all_targets, clocks_of
from sla_stream.core.policy import LEVELS, Policy, PolicySet, Target
from sla_stream.core.schedule import FAR

BEGINNING = -(2**62)


class Timeline:
    """Policy sets and since when (ms) each is published, as planners in force between boundaries."""

    __slots__ = (
        "_boundaries", "_laws", "_only", "_planners", "_rules", "_since", "clocks", "published", "reach", "reopening",
        "sets", "single", "targets",
    )  # fmt: skip

    def __init__(self, sets: Sequence[tuple[int, PolicySet]], reach: int = FAR) -> None:
        self.reach = reach
        """How far (ms) a set published later can reach back."""
        ordered = sorted(sets, key=lambda entry: entry[0])
        self.sets = [ordered[0], *((since, _reaching(policies, since - reach)) for since, policies in ordered[1:])]
        self.published = self.sets[-1][0]
        """When (ms) the newest set was published."""
        self._since = _instants(self.sets)
        rules = {name: each for _, policies in reversed(self.sets) for name, each in policies.metrics.items()}
        known = [target for _, policies in self.sets for target in all_targets(policies)]
        self.targets: dict[int, Target] = {target.ref: target for target in known}
        self.clocks = clocks_of(known)
        """Every clock that is run, from the beginning: a policy that comes later may time it (rule 14)."""
        self._rules = rules
        self._laws = [_in_force(self.sets, at) for at in self._since]
        self._planners: list[Planner | None] = [None] * len(self._laws)
        self._only = self._planner(0) if len(self._laws) == 1 else None
        self.single = self._only is not None
        """Whether the same policies hold for all time."""
        self._boundaries = [
            at
            for at, before, after in zip(self._since[1:], self._laws, self._laws[1:], strict=False)
            if _moves_cycles(before, after)
        ]
        names = {name for name, each in rules.items() if each.cycles == "reopen"}
        self.reopening = frozenset(clock for clock in self.clocks if metric_of(clock) in names)

    def followed_by(self, published: int, policies: PolicySet) -> Timeline:
        """The timeline with one more set."""
        return Timeline([*self.sets, (published, policies)], self.reach)

    def _planner(self, index: int) -> Planner:
        """Made when first asked for: of many sets a log lives under, few are ever asked again."""
        planner = self._planners[index]
        if planner is None:
            planner = self._planners[index] = Planner(self._laws[index], self.clocks, self._rules)
        return planner

    def at(self, instant: int) -> Planner:
        """The planner in force at `instant`."""
        if self._only is not None:
            return self._only
        return self._planner(max(0, bisect_right(self._since, instant) - 1))

    def before(self, boundary: int) -> Planner:
        """The planner in force until `boundary`."""
        return self.at(boundary - 1)

    def next_boundary(self, after: int) -> int:
        """The next instant later than `after` at which running cycles may follow a change; FAR: none."""
        if not self._boundaries:
            return FAR
        i = bisect_right(self._boundaries, after)
        return self._boundaries[i] if i < len(self._boundaries) else FAR

    def known(self, published: int) -> int:
        """How many of the sets were published by then, the first one always."""
        return max(1, sum(since <= published for since, _ in self.sets))

    def changed_since(self, count: int) -> int:
        """From which instant on the policies differ from those of the first `count` sets; FAR: nowhere."""
        known = {policy.version for _, policies in self.sets[:count] for policy in policies.policies}
        relieved = [set(policies.relaxations) for _, policies in self.sets[:count]][-1]
        since = FAR
        for published, policies in self.sets[count:]:
            since = min(since, published)
            for policy in policies.policies:
                if policy.valid_from is not None and policy.version not in known:
                    since = min(since, policy.valid_from)
            for relaxation in relieved ^ set(policies.relaxations):
                since = min(since, max(relaxation.start, published - self.reach))
        return since

    def began(self, instant: int) -> int:
        """Since when the policies in force at `instant` are."""
        return self._since[max(0, bisect_right(self._since, instant) - 1)]

    @property
    def newest(self) -> PolicySet:
        """The set published last."""
        return self.sets[-1][1]


def _reaching(policies: PolicySet, earliest: int) -> PolicySet:
    """The set with no `valid_from` before `earliest`."""
    if all(policy.valid_from is None or policy.valid_from >= earliest for policy in policies.policies):
        return policies
    dated = tuple(
        policy if policy.valid_from is None else replace(policy, valid_from=max(policy.valid_from, earliest))
        for policy in policies.policies
    )
    return replace(policies, policies=dated)


def follows(before: PolicySet, after: PolicySet, current: Target | None, target: Target | None) -> bool:
    """Whether a running cycle leaves `current` for `target` when `after` comes into force; None: nobody times it."""
    if target is None:
        return current is not None and any(
            policy.name == current.policy and policy.version != current.policy_version and policy.on_change == "migrate"
            for policy in after.policies
        )
    policy = next(policy for policy in after.policies if policy.name == target.policy)
    if policy.on_change == "migrate":
        return True
    return current is None and all(earlier.name != policy.name for earlier in before.policies)


def _moves_cycles(before: PolicySet, after: PolicySet) -> bool:
    versions = {policy.name: policy.version for policy in before.policies}
    changed = [policy for policy in after.policies if versions.get(policy.name) != policy.version]
    return any(policy.on_change == "migrate" or policy.name not in versions for policy in changed)


def _instants(sets: Sequence[tuple[int, PolicySet]]) -> list[int]:
    found = {BEGINNING} | {published for published, _ in sets[1:]}
    for _, policies in sets:
        found |= {policy.valid_from for policy in policies.policies if policy.valid_from is not None}
    return sorted(found)


def _in_force(sets: Sequence[tuple[int, PolicySet]], at: int) -> PolicySet:
    """The policies in force at `at`: those of the set published then, and later ones that reach back."""
    current = max((i for i, (published, _) in enumerate(sets) if published <= at), default=0)
    _, base = sets[current]
    chosen: dict[str, Policy] = _valid(base.policies, at, dated=False)
    schedules, metrics, relaxations = dict(base.schedules), dict(base.metrics), base.relaxations
    for _, later in sets[current + 1 :]:
        back = _valid(later.policies, at, dated=True)
        chosen.update(back)
        relaxations = later.relaxations
        metrics = {**later.metrics, **metrics}
        schedules = {**later.schedules, **schedules}
    ordered = sorted(chosen.values(), key=lambda policy: -LEVELS.index(policy.level))
    return replace(base, policies=tuple(ordered), schedules=schedules, metrics=metrics, relaxations=relaxations)


def _valid(policies: Sequence[Policy], at: int, dated: bool) -> dict[str, Policy]:
    """By name, the version valid at `at`; only those with a date, if `dated`."""
    found: dict[str, Policy] = {}
    for policy in policies:
        since = BEGINNING if policy.valid_from is None else policy.valid_from
        if since > at or (dated and policy.valid_from is None):
            continue
        known = found.get(policy.name)
        if known is None or (known.valid_from or BEGINNING) <= since:
            found[policy.name] = policy
    return found
