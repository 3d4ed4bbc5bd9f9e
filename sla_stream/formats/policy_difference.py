"""What a policy set says differently from another one, in lines for a person.

`+` is new, `-` is gone, `~` says something else; lines that belong to the one above are indented.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Iterator, Mapping
from typing import Any, Final

from sla_stream.core.policy import Policy, PolicySet, PolicyTarget, Relaxation, Target
from sla_stream.core.schedule import Schedule
from sla_stream.core.timeline import Timeline
from sla_stream.formats.instants import format_instant
from sla_stream.formats.policy_file.findings import printable
from sla_stream.formats.policy_file.versions import canonical
from sla_stream.formats.sentences import plain_duration

_NAMES: Final = ("ref", "policy", "policy_version", "metric")
"""Fields of a target that say whose it is, not what it is."""
_SHOWN: Final = 5

PolicyKey = tuple[str, int | None]


def policy_differences(before: PolicySet | None, after: PolicySet) -> list[str]:
    """Empty: nothing that decides anything is different (`digest` is the same then)."""
    if before is not None and before.digest == after.digest:
        return []
    lines = [*_policies(before, after), *_schedules(before, after), *_relaxations(before, after)]
    if not lines:
        lines = ["~ the order of the policies"]
    return lines


def consequences(sets: list[tuple[int, PolicySet]], after: PolicySet, allowed_lateness: int, now: int) -> list[str]:
    """What `after`, published at `now` behind `sets`, does to running cycles and to the past. Instants in ms."""
    published = max(sets[-1][0] + 1, now)
    timeline = Timeline([*sets, (published, after)], allowed_lateness)
    changed = timeline.changed_since(len(sets))
    known = {policy.version for policy in sets[-1][1].policies}
    lines = [_moves(policy, published) for policy in after.policies if policy.version not in known]
    if changed >= published:
        return [*lines, "nothing of the past is judged again"]
    back = plain_duration(allowed_lateness)
    return [
        *lines,
        f"judges the past again from {format_instant(changed)} on, at most {back} (allowed_lateness) before the "
        "publication; what no longer holds is retracted or corrected",
    ]


def _moves(policy: Policy, published: int) -> str:
    since = "the publication" if policy.valid_from is None else format_instant(policy.valid_from)
    if policy.on_change == "migrate":
        running = "running ones take the new target then, their elapsed time kept (migrate)"
    else:
        running = "running ones keep their target (pin)"
    past = ", which is past," if policy.valid_from is not None and policy.valid_from < published else ""
    return f"new cycles of {printable(policy.name)}: from {since}{past} on; {running}"


def _policies(before: PolicySet | None, after: PolicySet) -> Iterator[str]:
    old, new = _by_name(before), _by_name(after)
    for key, policy in old.items():
        if key not in new:
            yield f"- {_title(policy)}"
    for key, policy in new.items():
        earlier = old.get(key)
        if earlier is None:
            yield f"+ {_title(policy)}"
            yield from (f"    {target.metric}: {_times(target)}" for target in policy.targets)
        elif earlier.version != policy.version:
            yield f"~ {_title(policy)}, before {earlier.version}"
            yield from (f"    {line}" for line in _changes(earlier, policy))


def _by_name(policies: PolicySet | None) -> dict[PolicyKey, Policy]:
    return {(policy.name, policy.valid_from): policy for policy in policies.policies} if policies is not None else {}


def _title(policy: Policy) -> str:
    since = "" if policy.valid_from is None else f", valid from {format_instant(policy.valid_from)}"
    return f"policy {printable(policy.name)} ({policy.level}{since}, {policy.on_change}), version {policy.version}"


def _changes(before: Policy, after: Policy) -> Iterator[str]:
    for name in ("level", "on_change"):
        if getattr(before, name) != getattr(after, name):
            yield f"{name}: {getattr(before, name)}, now {getattr(after, name)}"
    if before.match != after.match:
        yield "match: other tickets"
    old = {target.metric: target for target in before.targets}
    new = {target.metric: target for target in after.targets}
    yield from (f"{metric}: no target any more" for metric in old if metric not in new)
    for metric, target in new.items():
        if metric not in old:
            yield f"{metric}: new, {_times(target)}"
        else:
            yield from _target_changes(old[metric], target)


def _target_changes(before: PolicyTarget, after: PolicyTarget) -> Iterator[str]:
    if _times(before) != _times(after):
        yield f"{after.metric}: {_times(before)}, now {_times(after)}"
    old, new = _entries(before), _entries(after)
    others = {
        field.name.replace("_", " ")
        for entry in old.keys() & new.keys()
        for field in dataclasses.fields(Target)
        if field.name not in (*_NAMES, "duration", "business_days")
        and canonical(getattr(old[entry], field.name)) != canonical(getattr(new[entry], field.name))
    }
    if others:
        yield f"{after.metric}: other {', '.join(sorted(others))}"


def _entries(target: PolicyTarget) -> dict[str, Target]:
    """By priority, the default last."""
    found = dict(target.by_priority)
    if target.default is not None:
        found["default"] = target.default
    return found


def _times(target: PolicyTarget) -> str:
    entries = _entries(target)
    if list(entries) == ["default"]:
        return _time(entries["default"])
    return ", ".join(f"{printable(name)} {_time(entry)}" for name, entry in entries.items())


def _time(target: Target) -> str:
    if target.business_days is not None:
        length = f"{target.business_days}bd"
    else:
        length = "due_at" if target.duration is None else plain_duration(target.duration)
    return f"{length} on {printable(target.schedule.name)}"


def _schedules(before: PolicySet | None, after: PolicySet) -> Iterator[str]:
    old, new = _rules(before), _rules(after)
    yield from (f"- schedule {printable(name)}" for name in old if name not in new)
    for name, rules in new.items():
        if name not in old:
            yield f"+ schedule {printable(name)}"
        elif rules != old[name]:
            yield f"~ schedule {printable(name)}"
            yield from (f"    {line}" for line in _rule_changes(old[name], rules))


def _rules(policies: PolicySet | None) -> Mapping[str, Mapping[str, Any]]:
    """By schedule: hours, holidays and so on as plain values."""
    if policies is None:
        return {}
    return {name: _plain(schedule) for name, schedule in policies.schedules.items() if not schedule.always_open}


def _plain(schedule: Schedule) -> Mapping[str, Any]:
    plain: dict[str, Any] = canonical(schedule.rules)
    return plain


def _rule_changes(before: Mapping[str, Any], after: Mapping[str, Any]) -> Iterator[str]:
    for name in sorted(before.keys() | after.keys()):
        old, new = before.get(name), after.get(name)
        if old == new:
            continue
        if name in ("timezone", "hours"):
            yield f"{name}: other than before"
            continue
        added, gone = _minus(new, old), _minus(old, new)
        parts = [f"new {_some(added)}"] * bool(added) + [f"gone {_some(gone)}"] * bool(gone)
        yield f"{name}: {'; '.join(parts)}"


def _minus(left: Any, right: Any) -> list[str]:
    """What only `left` holds: entries of a list, keys of a mapping whose values differ too."""
    if isinstance(left, dict):
        others = right or {}
        return sorted(key for key, value in left.items() if others.get(key) != value)
    others = right or []
    return sorted(_shown(one) for one in left or [] if one not in others)


def _shown(one: Any) -> str:
    return "/".join(map(str, one)) if isinstance(one, list) else str(one)


def _some(names: list[str]) -> str:
    more = len(names) - _SHOWN
    return ", ".join(names[:_SHOWN]) + (f" and {more} more" if more > 0 else "")


def _relaxations(before: PolicySet | None, after: PolicySet) -> Iterator[str]:
    old = _named(before.relaxations if before is not None else ())
    new = _named(after.relaxations)
    yield from (f"- {_relaxation(each)}" for name, each in old.items() if name not in new)
    for name, each in new.items():
        if old.get(name) != each:
            yield f"{'~' if name in old else '+'} {_relaxation(each)}"


def _named(relaxations: Iterable[Relaxation]) -> dict[str, Relaxation]:
    return {each.name: each for each in relaxations}


def _relaxation(each: Relaxation) -> str:
    relief = f"times {each.factor:g}" if not each.extra else f"plus {plain_duration(each.extra)}"
    return (
        f"relaxation {printable(each.name)}: cycles that start from {format_instant(each.start)} to "
        f"{format_instant(each.end)}, {relief} ({printable(each.reason)}; approved by {printable(each.approved_by)})"
    )
