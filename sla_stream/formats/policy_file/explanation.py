"""Why a ticket gets the targets it gets: of every policy that could give one, whether it did, and why not."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from sla_stream.core.conditions import Attributes
from sla_stream.core.metrics import KPI, metric_of
from sla_stream.core.planner import Planner, choose, compile_match
from sla_stream.core.policy import Match, Policy, PolicySet, PolicyTarget, Target
from sla_stream.core.timeline import Timeline
from sla_stream.formats.instants import format_instant
from sla_stream.formats.policy_file.findings import one_of, printable


@dataclass(frozen=True, slots=True)
class Candidate:
    """A policy that has a target for the metric. `why`: half a sentence."""

    policy: Policy
    taken: bool
    why: str


@dataclass(frozen=True, slots=True)
class Choice:
    """What one clock of a ticket gets. `kind`: sla or kpi. `candidates` stand in the order in which they are asked."""

    metric: str
    kind: str
    target: Target | None
    priority: str | None
    """Under which priority the target stands; None: `default`."""
    candidates: tuple[Candidate, ...]


def explain_choices(policies: PolicySet, attributes: Attributes, at: int) -> list[Choice]:
    """One for each clock that the policies know, by metric, at the instant `at` (ms)."""
    planner = Timeline([(0, policies)]).at(at)
    names = Planner(policies).metrics
    plan = dict(zip(planner.metrics, planner.plan(attributes), strict=True))
    return [
        choice
        for name in names
        if (choice := _choice(name, plan.get(name), planner.policies, policies, attributes, at)).candidates
    ]


def _choice(
    name: str, target: Target | None, in_force: PolicySet, policies: PolicySet, attributes: Attributes, at: int
) -> Choice:
    metric, kind = metric_of(name), "kpi" if name.endswith(KPI) else "sla"
    priority = attributes.get("priority")
    found: list[Candidate] = []
    taker: Policy | None = None
    under: str | None = None
    for policy in policies.policies:
        offered = _offer(policy, metric, kind)
        if offered is None:
            continue
        if policy not in in_force.policies:
            found.append(Candidate(policy, False, _not_in_force(policy, at)))
            continue
        reasons = unmet(policy.match, attributes)
        if reasons:
            found.append(Candidate(policy, False, "; ".join(reasons)))
            continue
        chosen = choose(offered, priority)
        if chosen is None or chosen.kind != kind:
            why = f"matches, but has no target for {_priority(priority)} and no default"
            found.append(Candidate(policy, False, why))
        elif taker is not None:
            found.append(
                Candidate(policy, False, f"matches too, but {taker.name} is asked first ({_first(taker, policy)})")
            )
        else:
            taker = policy
            assert target is not None and target.ref == chosen.ref, "the planner chooses the same"
            under = priority if priority in offered.by_priority else None
            why = "its default target" if under is None else f"its target for {_priority(under)}"
            found.append(Candidate(policy, True, f"{_matches(policy.match, attributes)}; {why}"))
    return Choice(metric, kind, target, under, tuple(found))


def _offer(policy: Policy, metric: str, kind: str) -> PolicyTarget | None:
    for target in policy.targets:
        some = target.default or next(iter(target.by_priority.values()))
        if target.metric == metric and some.kind == kind:
            return target
    return None


def _not_in_force(policy: Policy, at: int) -> str:
    if policy.valid_from is not None and policy.valid_from > at:
        return f"not in force yet: valid from {format_instant(policy.valid_from)}"
    return "no longer in force: a later version of it is"


def _first(taker: Policy, policy: Policy) -> str:
    if taker.level != policy.level:
        return f"level {taker.level} comes before {policy.level}"
    return "both have this level, and it stands first in the file"


def _priority(priority: str | None) -> str:
    return "a ticket without priority" if priority is None else f"priority {printable(priority)}"


def _matches(match: Match, attributes: Attributes) -> str:
    if not match.terms and match.negated is None:
        return "matches every ticket"
    held = [_has(name, attributes) for name, _, _ in match.terms]
    if match.negated is not None:
        held.append("`not` does not hold")
    return "matches: " + ", ".join(dict.fromkeys(held))


def unmet(match: Match, attributes: Attributes) -> list[str]:
    """What keeps a ticket with these attributes from matching; nothing if it matches."""
    found = [
        _unmet_term(name, mode, values, attributes)
        for name, mode, values in match.terms
        if not compile_match(Match(((name, mode, values),)))(attributes)
    ]
    if match.negated is not None and compile_match(match.negated)(attributes):
        held = ", ".join(_has(name, attributes) for name, _, _ in match.negated.terms)
        found.append(f"`not` holds: {held}")
    return found


def _unmet_term(name: str, mode: str, values: tuple[Any, ...], attributes: Attributes) -> str:
    wanted = [plain(value) for value in values]
    if mode == "all":
        missing = [value for value in wanted if value not in (attributes.get(name) or ())]
        return f"tag {' and '.join(missing)} is missing"
    if name == "tags":
        return f"{_has(name, attributes)}, none of them {one_of(wanted)}"
    return f"{_has(name, attributes)}, not {one_of(wanted)}"


def _has(name: str, attributes: Attributes) -> str:
    value = attributes.get(name)
    if name == "tags":
        return f"tags are {plain(value)}" if value else "there are no tags"
    return f"{name} is not set" if value is None else f"{name} is {plain(value)}"


def plain(value: Any) -> str:
    """An attribute's value as a policy file writes it: true, [a, b], text without quotes."""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, (list, tuple)):
        return f"[{', '.join(map(plain, value))}]"
    return printable(str(value))
