"""What is allowed and probably not meant."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from typing import Any, Final

from sla_stream.core.policy import Match, Policy, PolicyTarget, Target
from sla_stream.core.zones import load_zone
from sla_stream.formats.policy_file.compile import Compiled
from sla_stream.formats.policy_file.findings import Findings, Path, quote
from sla_stream.formats.policy_file.scalars import read_window

_NIGHT_END_S: Final = 3 * 3600
_YEARS_SEEN: Final = (2024, 2030)


def lint_compiled(compiled: Compiled, findings: Findings) -> None:
    """Adds warnings and notes for a file without errors."""
    _check_schedules(compiled, findings)
    for position, (index, policy) in enumerate(compiled.placed):
        for target in policy.targets:
            path: Path = ("policies", index, "targets", target.metric)
            _check_target(target, path, findings)
            _check_reopen(compiled, target, path, findings)
            _check_reached(compiled, position, target, path, findings)
            _check_default(compiled, position, target, path, findings)


def _check_target(target: PolicyTarget, path: Path, findings: Findings) -> None:
    some = _some(target)
    if some.rules.start == some.rules.stop:
        findings.warning(path, f"{target.metric} starts and stops on the same conditions: it times nothing", key=True)
    for entry, built in _entries(target):
        for threshold in built.warnings:
            if built.duration is not None and threshold.before is not None and threshold.before >= built.duration:
                findings.warning(
                    (*path, "target", entry),
                    f"the warning {quote(threshold.name[1:])} lies at or before the start of this target: "
                    f"it never fires",
                )


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


def _check_reached(compiled: Compiled, position: int, target: PolicyTarget, path: Path, findings: Findings) -> None:
    """Whether an earlier policy takes every ticket that this target could have."""
    policy = compiled.placed[position][1]
    for index, earlier in compiled.placed[:position]:
        taken = _target(earlier, target.metric)
        if taken is None or not _covers(earlier.match, policy.match):
            continue
        if taken.default is None and not (
            target.default is None and target.by_priority.keys() <= taken.by_priority.keys()
        ):
            continue
        line = findings.places.of(("policies", index)).line
        other = f"policy {quote(earlier.name)} (line {line})"
        if earlier.level == policy.level and earlier.match == policy.match:
            text = f"equal to {other} in match and level: the first in the file wins"
        else:
            text = f"never reached: {other} is asked first and takes every such ticket"
        findings.warning(path, text, key=True)
        return


def _check_default(compiled: Compiled, position: int, target: PolicyTarget, path: Path, findings: Findings) -> None:
    """Whether tickets of another priority are left without a target by everybody."""
    if target.default is not None:
        return
    policy = compiled.placed[position][1]
    for _, later in compiled.placed[position + 1 :]:
        other = _target(later, target.metric)
        if other is not None and other.default is not None and _covers(later.match, policy.match):
            return
    known = ", ".join(quote(priority) for priority in target.by_priority)
    findings.warning(
        (*path, "target"),
        f"no `default`: tickets of a priority other than {known} may have no {target.metric} target",
    )


def _covers(wide: Match, narrow: Match) -> bool:
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


def _target(policy: Policy, metric: str) -> PolicyTarget | None:
    return next((target for target in policy.targets if target.metric == metric), None)


def _entries(target: PolicyTarget) -> Iterable[tuple[str, Target]]:
    yield from target.by_priority.items()
    if target.default is not None:
        yield "default", target.default


def _some(target: PolicyTarget) -> Target:
    return next(built for _, built in _entries(target))


def _check_schedules(compiled: Compiled, findings: Findings) -> None:
    used = {_some(target).schedule.name for _, policy in compiled.placed for target in policy.targets}
    for name, written in compiled.file.schedules.items():
        if name not in used and compiled.policies.schedules[name].never_open:
            findings.warning(("schedules", name), f"schedule {quote(name)} is never open", key=True)
        changes = _clock_changes(written.timezone)
        places = [(("hours", days), windows) for days, windows in written.hours.items()]
        for place, windows in places:
            for index, window in enumerate(windows):
                if changes and any(0 < edge % 86_400 <= _NIGHT_END_S for edge in read_window(window)):
                    findings.note(
                        ("schedules", name, *place, index),
                        f"{quote(window)} begins or ends where the clocks of {written.timezone} change: "
                        f"on those nights it is shorter or longer",
                    )


def _clock_changes(timezone: str) -> bool:
    zone = load_zone(timezone)
    first = datetime(_YEARS_SEEN[0], 1, 1, tzinfo=UTC)
    offsets = {(first + timedelta(days=30 * month)).astimezone(zone).utcoffset() for month in range(73)}
    return len(offsets) > 1
