"""The model of a policy file, compiled to what the engine works with."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path as FilePath

from sla_stream.core.policy import LEVELS, Policy, PolicySet, PolicyTarget, Target
from sla_stream.formats.instants import parse_instant
from sla_stream.formats.policy_file.calendars import Calendars
from sla_stream.formats.policy_file.conditions import compile_match
from sla_stream.formats.policy_file.findings import Findings, Path, quote
from sla_stream.formats.policy_file.model import PolicyFile, PolicyText
from sla_stream.formats.policy_file.relaxations import compile_relaxations
from sla_stream.formats.policy_file.shape import Shaped
from sla_stream.formats.policy_file.targets import DEFAULT, Targets, compile_metrics
from sla_stream.formats.policy_file.versions import digest, policy_version, target_ref


@dataclass(frozen=True, slots=True)
class Compiled:
    """`placed`: each policy with its index in the file, in the order in which they are asked."""

    file: PolicyFile
    policies: PolicySet
    placed: tuple[tuple[int, Policy], ...]


def compile_file(shaped: Shaped, base: FilePath, findings: Findings) -> Compiled:
    """Everything the file says. Usable only if `findings` holds no error afterwards."""
    file = shaped.file
    calendars = Calendars(shaped, base, findings)
    metrics = compile_metrics(shaped, findings)
    _check_names(file.policies, findings)
    relaxations = compile_relaxations(file.relaxations, findings)
    targets = Targets(metrics, calendars, findings, metrics_lost=shaped.lost("metrics"))
    taken: set[int] = set()
    policies = [_policy(index, policy, targets, taken, findings) for index, policy in enumerate(file.policies)]
    placed = tuple(sorted(enumerate(policies), key=lambda item: -LEVELS.index(item[1].level)))
    asked = tuple(policy for _, policy in placed)
    content = PolicySet(
        policies=asked,
        schedules=calendars.compiled,
        metrics=metrics,
        digest=digest(asked, relaxations),
        relaxations=relaxations,
    )
    return Compiled(file, content, placed)


def _check_names(policies: list[PolicyText], findings: Findings) -> None:
    """Policies of one name are versions of one policy: each needs its own `valid_from`."""
    first: dict[tuple[str, int | None], int] = {}
    for index, policy in enumerate(policies):
        path: Path = ("policies", index, "name")
        since = _valid_from(policy)
        if (policy.name, since) in first:
            line = findings.places.of(("policies", first[policy.name, since], "name")).line
            expected = "another name, or another valid_from"
            findings.error(
                path, f"policy {quote(policy.name)} a second time, first on line {line}; expected {expected}"
            )
        first.setdefault((policy.name, since), index)


def _valid_from(policy: PolicyText) -> int | None:
    return None if policy.valid_from is None else parse_instant(policy.valid_from)


def _policy(index: int, written: PolicyText, targets: Targets, taken: set[int], findings: Findings) -> Policy:
    path: Path = ("policies", index)
    since = _valid_from(written)
    match = compile_match(written.match, (*path, "match"), findings)
    compiled = []
    for metric, target in written.targets.items():
        exists = targets.check_metric(metric, (*path, "targets", metric))
        built = targets.compile(written, path, metric, target, metric_exists=exists)
        if built is not None:
            compiled.append(built)
    if not written.targets and ("policies", index, "targets") in findings.places.values:
        findings.error((*path, "targets"), "an empty mapping; expected at least one metric")
    version = policy_version(written.name, written.level, match, compiled, since, written.on_change)
    numbered = tuple(_number(target, version, taken) for target in compiled)
    return Policy(written.name, version, written.level, match, numbered, since, written.on_change)


def _number(target: PolicyTarget, version: str, taken: set[int]) -> PolicyTarget:
    def numbered(entry: str, built: Target) -> Target:
        return replace(built, policy_version=version, ref=target_ref(version, target.metric, entry, taken))

    return PolicyTarget(
        target.metric,
        {priority: numbered(priority, built) for priority, built in target.by_priority.items()},
        None if target.default is None else numbered(DEFAULT, target.default),
    )
