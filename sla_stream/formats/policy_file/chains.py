"""Internal agreements against the promise: do the ownership targets of a chain of groups fit inside it?

A ticket that goes through the groups of a chain, each taking all the time it has, must still be resolved in time.
Where groups and promise share one schedule, that is a sum. Where they work at different hours it depends on when the
ticket starts, so it is tried for a start in every hour of two weeks, and the worst one is told.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

from sla_stream.core.conditions import Attributes
from sla_stream.core.cycle import duration_of
from sla_stream.core.planner import Planner, compile_match
from sla_stream.core.policy import Match, PolicySet, Target
from sla_stream.core.schedule import HorizonError

OWNERSHIP: Final = "group_ownership"
RESOLUTION: Final = "resolution"
_FIRST: Final = 1_767_571_200_000
"""Monday 2026-01-05T00:00Z."""
_HOUR: Final = 3_600_000
_STARTS: Final = range(_FIRST, _FIRST + 14 * 24 * _HOUR, _HOUR)


@dataclass(frozen=True, slots=True)
class Overlong:
    """A chain that does not fit. `over`: ms of the promise's own schedule time beyond its target.

    Where schedules differ: their names, and the worst start found, where the chain then ends, and the deadline it
    breaks. `over` may then be 0: the chain ends when the schedule opens again, and an end after the deadline is late.
    """

    resolution: Target
    priority: str | None
    over: int
    schedules: tuple[str, ...] = ()
    started_at: int = 0
    ends_at: int = 0
    due_at: int = 0


@dataclass(frozen=True, slots=True)
class Unowned:
    """A group of the chain without an ownership target, where there is a resolution target."""

    resolution: Target
    priority: str | None
    group: str


def check_chain(policies: PolicySet, groups: Sequence[str]) -> list[Overlong | Unowned]:
    """What is wrong with the chain under each resolution target of the policies."""
    planner = Planner(policies)
    found: list[Overlong | Unowned] = []
    seen: set[tuple[int, ...]] = set()
    for attributes in _situations(policies):
        first = _targets(planner, {**attributes, "group": groups[0]})
        resolution = first.get(RESOLUTION)
        if resolution is None:
            continue
        owners = [_targets(planner, {**attributes, "group": group}).get(OWNERSHIP) for group in groups]
        key = (resolution.ref, *(owner.ref if owner is not None else 0 for owner in owners))
        if key in seen:
            continue
        seen.add(key)
        missing = [group for group, owner in zip(groups, owners, strict=True) if owner is None]
        found += [Unowned(resolution, attributes.get("priority"), group) for group in missing]
        if not missing:
            problem = _judge(resolution, [owner for owner in owners if owner], attributes.get("priority"))
            found += [problem] if problem is not None else []
    return found


def _targets(planner: Planner, attributes: Attributes) -> dict[str, Target | None]:
    return dict(zip(planner.metrics, planner.plan(attributes), strict=True))


def _situations(policies: PolicySet) -> list[Attributes]:
    """Attributes of a ticket for each policy with a resolution target and each of its priorities."""
    found: list[Attributes] = []
    for policy in policies.policies:
        attributes = _example(policy.match)
        if not compile_match(policy.match)(attributes):
            continue
        for target in policy.targets:
            if target.metric == RESOLUTION:
                found += [{**attributes, "priority": priority} for priority in target.by_priority]
                found += [attributes] if target.default is not None else []
    return found


def _example(match: Match) -> Attributes:
    """Attributes that fulfil the terms."""
    attributes: dict[str, Any] = {}
    for name, mode, values in match.terms:
        if name == "tags":
            attributes.setdefault(name, []).extend(values if mode == "all" else values[:1])
        else:
            attributes[name] = values[0]
    return attributes


def _judge(resolution: Target, owners: Sequence[Target], priority: str | None) -> Overlong | None:
    schedule = resolution.schedule
    spent, allowed = _sum([owner for owner in owners if owner.schedule.rules == schedule.rules]), resolution.duration
    if spent is None or allowed is None or any(owner.schedule.rules != schedule.rules for owner in owners):
        return _worst(resolution, owners, priority)
    return Overlong(resolution, priority, spent - allowed) if spent > allowed else None


def _sum(owners: Sequence[Target]) -> int | None:
    """Schedule time of all of them; None if business days have to be turned into it, which depends on the start."""
    durations = [owner.duration for owner in owners if owner.duration is not None]
    return sum(durations) if len(durations) == len(owners) else None


def _worst(resolution: Target, owners: Sequence[Target], priority: str | None) -> Overlong | None:
    names = tuple(dict.fromkeys(each.schedule.name for each in (resolution, *owners)))
    worst: Overlong | None = None
    for start in _STARTS:
        try:
            due_at, ends_at = _due(resolution, start), start
            for owner in owners:
                ends_at = _due(owner, ends_at)
        except HorizonError:
            continue
        over, late = resolution.schedule.elapsed(due_at, ends_at), ends_at - due_at
        if late > 0 and (worst is None or (over, late) > (worst.over, worst.ends_at - worst.due_at)):
            worst = Overlong(resolution, priority, over, names, start, ends_at, due_at)
    return worst


def _due(target: Target, start: int) -> int:
    return target.schedule.due(start, duration_of(target, start))
