"""Targets that the policy's own `match` keeps from ever being used."""

from __future__ import annotations

from typing import Any

from sla_stream.core.policy import Condition, Policy, PolicyTarget, Rules
from sla_stream.formats.policy_file.findings import Findings, Path, quote


def check_reach(policy: Policy, target: PolicyTarget, rules: Rules, path: Path, findings: Findings) -> None:
    """Warn of a clock that no ticket starts while it is the policy's, and of priorities that none of them has."""
    wanted = {name: values for name, mode, values in policy.match.terms if mode == "any" and name != "tags"}
    against = [_contradiction(condition, wanted) for condition in rules.start]
    if against and all(against):
        findings.warning(path, f"{target.metric} does not start for any ticket of this policy: {against[0]}", key=True)
    if "priority" in wanted:
        for priority in target.by_priority:
            if priority not in wanted["priority"]:
                known = _shown("priority", wanted["priority"])
                findings.warning(
                    (*path, "target", priority), f"never used: the policy matches only tickets with {known}", key=True
                )


def _contradiction(condition: Condition, wanted: dict[str, tuple[Any, ...]]) -> str | None:
    """What `match` asks of an attribute of which the condition asks another thing; None if both can hold."""
    for name, values in condition.terms:
        if name in wanted and set(values).isdisjoint(wanted[name]):
            return f"it matches {_shown(name, wanted[name])}, and the start asks for {_shown(name, values)}"
    return None


def _shown(name: str, values: tuple[Any, ...]) -> str:
    return f"{name} {' or '.join(quote(str(value)) for value in values)}"
