"""What is allowed and probably not meant."""

from __future__ import annotations

from collections.abc import Iterable

from sla_stream.core.policy import PolicyTarget, Target
from sla_stream.core.schedule import Schedule
from sla_stream.formats.policy_file.compile import Compiled
from sla_stream.formats.policy_file.findings import Findings, Path, quote
from sla_stream.formats.policy_file.lint_conditions import endless_pause, lint_written_conditions
from sla_stream.formats.policy_file.lint_matches import Others
from sla_stream.formats.policy_file.lint_reach import check_reach
from sla_stream.formats.policy_file.lint_schedules import lint_schedules


def lint_compiled(compiled: Compiled, findings: Findings) -> None:
    """Adds warnings and notes for a file without errors."""
    lint_schedules(compiled, findings)
    lint_written_conditions(compiled, findings)
    others = Others(compiled, findings)
    for position, (index, policy) in enumerate(compiled.placed):
        for target in policy.targets:
            path: Path = ("policies", index, "targets", target.metric)
            _check_target(target, path, findings)
            _check_pause(target, path, findings)
            check_reach(policy, target, _some(target).rules, path, findings)
            _check_reopen(compiled, target, path, findings)
            others.check_reached(position, target, path)
            others.check_default(position, target, path)


def _check_target(target: PolicyTarget, path: Path, findings: Findings) -> None:
    some = _some(target)
    if some.rules.start == some.rules.stop:
        if some.rules.cycles == "each":
            result = "every such event ends a cycle and starts the next"
        else:
            result = "only a second such event ends what the first one starts"
        findings.warning(path, f"{target.metric} starts and stops on the same conditions: {result}", key=True)
    for entry, built in _entries(target):
        longest = _longest(built)
        for threshold in built.warnings:
            if longest is not None and threshold.before is not None and threshold.before >= longest:
                findings.warning(
                    (*path, "target", entry),
                    f"the warning {quote(threshold.name[1:])} lies at or before the start of this target: "
                    f"it never fires",
                )


def _longest(target: Target) -> int | None:
    """The most schedule time the target can be, ms; None for a promised date."""
    if target.business_days is None:
        return target.duration
    return (target.business_days + 1) * _longest_day(target.schedule)


def _longest_day(schedule: Schedule) -> int:
    days = [*schedule.rules.hours, *schedule.rules.dates.values()]
    return max(sum(end - start for start, end in windows) for windows in days) * 1000


def _check_pause(target: PolicyTarget, path: Path, findings: Findings) -> None:
    reason = endless_pause(_some(target).rules)
    if reason is None:
        return
    places = (*path, "pause"), (*path[:2], "pause"), ("metrics", target.metric, "pause")
    place = next((place for place in places if place in findings.places.values), path)
    findings.warning(place, f"the pause of {target.metric}: {reason}", key=True)


def _check_reopen(compiled: Compiled, target: PolicyTarget, path: Path, findings: Findings) -> None:
    written = compiled.file.policies[int(path[1])].targets[target.metric]
    if _some(target).rules.cycles == "reopen":
        return
    for name in ("reopen", "reopen_grace"):
        if getattr(written, name) is not None:
            findings.warning(
                (*path, name),
                f"`{name}` has no effect: {target.metric} does not go on after a reopening",
                key=True,
            )


def _entries(target: PolicyTarget) -> Iterable[tuple[str, Target]]:
    yield from target.by_priority.items()
    if target.default is not None:
        yield "default", target.default


def _some(target: PolicyTarget) -> Target:
    return next(built for _, built in _entries(target))
