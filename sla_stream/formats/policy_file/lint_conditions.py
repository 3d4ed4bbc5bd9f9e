"""Conditions that can never hold, and pauses that can never end."""

from __future__ import annotations

from typing import Any, Final

from sla_stream.core.events import ENDED, STATUSES
from sla_stream.core.policy import Condition, Conditions, Rules
from sla_stream.formats.policy_file.compile import Compiled
from sla_stream.formats.policy_file.conditions import compile_conditions
from sla_stream.formats.policy_file.findings import Findings, Path
from sla_stream.formats.policy_file.model import MetricText, PolicyText, TargetText

_SETS: Final = {"resolved": "resolved", "closed": "closed", "reopened": "open"}
"""Kinds that say the status themselves."""
_VOID: Final = frozenset({"merged", "deleted"})
_LISTS: Final = ("start", "stop", "pause", "resume", "reset", "cancel")
_ACTIVE: Final = frozenset(STATUSES) - ENDED


def lint_written_conditions(compiled: Compiled, findings: Findings) -> None:
    """Warn of every condition of the file that can never hold."""
    for name, metric in compiled.file.metrics.items():
        _check_lists(metric, ("metrics", name), findings)
    for index, policy in enumerate(compiled.file.policies):
        _check_lists(policy, ("policies", index), findings)
        for name, target in policy.targets.items():
            _check_lists(target, ("policies", index, "targets", name), findings)


def _check_lists(written: MetricText | PolicyText | TargetText, path: Path, findings: Findings) -> None:
    for name in _LISTS:
        entries = getattr(written, name, None) or ()
        for index, condition in enumerate(compile_conditions(list(entries), (*path, name), findings)):
            reason = impossible(condition)
            if reason is None and name != "cancel":
                reason = _void(condition)
            if reason is not None:
                findings.warning((*path, name, index), f"this can never hold: {reason}")


def impossible(condition: Condition) -> str | None:
    """Why no event can fulfil it, in plain cases; None if some can."""
    terms: dict[str, tuple[Any, ...]] = dict(condition.terms)
    kinds, statuses, left = terms.get("kind"), terms.get("status"), terms.get("left_status")
    if kinds and statuses and all(kind in _SETS and _SETS[kind] not in statuses for kind in kinds):
        return f"`{kinds[0]}` sets the status to {_SETS[kinds[0]]}"
    if statuses and left and set(statuses) <= set(left):
        return "an event cannot leave the status that it sets"
    if kinds == ("created",) and left:
        return "a ticket that is being created had no status before"
    if kinds and left and all(kind in _SETS and _SETS[kind] in left for kind in kinds):
        return f"`{kinds[0]}` sets the status to {_SETS[kinds[0]]}"
    return None


def _void(condition: Condition) -> str | None:
    kinds = dict(condition.terms).get("kind")
    if kinds and _VOID.issuperset(kinds):
        return f"a ticket that is {kinds[0]} times nothing (its cycles end cancelled)"
    return None


def endless_pause(rules: Rules) -> str | None:
    """Why the pause of these rules cannot end, or holds as long as the clock could run; None if all is well."""
    if not rules.pause:
        return None
    if rules.resume:
        return _endless_until_event(rules)
    statuses = _only_statuses(rules.pause)
    if statuses >= _ACTIVE:
        return "it holds in every status of an open ticket: the clock never runs"
    started = _only_statuses(rules.start)
    stops = [term for condition in rules.stop for term in condition.terms]
    left = {status for key, values in stops if key == "left_status" for status in values}
    if started and started <= statuses and started <= left:
        return "it holds from the start until the stop: the clock never runs"
    return None


def _endless_until_event(rules: Rules) -> str | None:
    if all(impossible(condition) is not None for condition in rules.resume):
        return "no condition of `resume` can ever hold: the pause never ends"
    if set(rules.pause) == set(rules.resume):
        return "`pause` and `resume` are the same: the pause ends at the event that begins it"
    ends = (*rules.stop, *rules.cancel)
    if all(any(implies(condition, end) for end in ends) for condition in rules.resume):
        return "every event of `resume` ends the clock as well: the pause never ends before that"
    return None


def implies(given: Condition, wanted: Condition) -> bool:
    """Whether every event that fulfils `given` surely fulfils `wanted`."""

    def holds(name: str, allowed: tuple[Any, ...]) -> bool:
        return any(key == name and set(values) <= set(allowed) for key, values in given.terms)

    return all(holds(name, allowed) for name, allowed in wanted.terms)


def _only_statuses(conditions: Conditions) -> set[str]:
    """Statuses for which nothing but the status is asked."""
    return {
        status
        for condition in conditions
        if len(condition.terms) == 1 and condition.terms[0][0] == "status"
        for status in condition.terms[0][1]
    }
