"""Successive policy sets share what they have in common: of many sets in memory, each costs what it changed."""

from __future__ import annotations

from dataclasses import replace

from sla_stream.core.policy import Policy, PolicySet


def share(policies: PolicySet, earlier: PolicySet) -> PolicySet:
    """The same set, with the policies and schedules of `earlier` where they are equal.

    A version is the hash of a policy with its schedules and holidays, so equal ones are told by name, version and
    references without being compared.
    """
    known = {_key(policy): policy for policy in earlier.policies}
    schedules = {
        name: before if (before := earlier.schedules.get(name)) is not None and before.rules == one.rules else one
        for name, one in policies.schedules.items()
    }
    shared = tuple(known.get(_key(policy), policy) for policy in policies.policies)
    return replace(policies, policies=shared, schedules=schedules)


def _key(policy: Policy) -> tuple[str, str, tuple[int, ...]]:
    refs = [
        target.ref
        for each in policy.targets
        for target in (*each.by_priority.values(), *([each.default] if each.default else []))
    ]
    return policy.name, policy.version, tuple(refs)
