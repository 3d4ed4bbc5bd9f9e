"""Zendesk SLA policies as a draft of ours.

One policy there becomes one here where all its priorities promise the same metrics by the same kind of hours, and
several where they differ: a target has one schedule, and each policy here has a target for every ticket it takes.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from typing import Any, Final

from sla_stream.formats.policy_file.findings import quote
from sla_stream.formats.policy_import.draft import Clock, Draft, Hours, PolicyDraft
from sla_stream.formats.policy_import.selection import Term, Unsayable, alternatives
from sla_stream.formats.policy_import.writing import duration
from sla_stream.formats.policy_import.zendesk_filter import say
from sla_stream.formats.policy_import.zendesk_shape import (
    ZendeskCondition,
    ZendeskMetric,
    ZendeskPolicy,
    read_export,
)

METRICS: Final = {
    "first_reply_time": "first_response",
    "next_reply_time": "next_response",
    "periodic_update_time": "periodic_update",
    "pausable_update_time": "pausable_update",
    "requester_wait_time": "requester_wait",
    "agent_work_time": "agent_work",
    "total_resolution_time": "resolution",
    "group_ownership_time": "group_ownership",
}
PRIORITIES: Final = ("urgent", "high", "normal", "low")
HEAD: Final = (
    "Imported from Zendesk SLA policies. Lines with ATTENTION need a person.",
    "What is different here, for all of them (docs/coming-from.md):",
    "- The first policy with a target decides for each metric, not the first that matches for all of them.",
    "- A ticket that an agent opens has a first_response target too. Where your events say who opened it, write",
    "  `start: [{kind: created, actor: customer}]` into the target.",
    "- Only people answer; `stop` may admit `actor: bot`. One breach a cycle, ever.",
    '- Zendesk has no warnings in a policy; here `warn: ["80%", "30m"]` says them in time.',
    "- A ticket without a priority has no target, there as here.",
)
LONGEST_NAME: Final = 200

Signature = frozenset[tuple[str, bool]]
"""Metrics and whether they count working hours."""


def import_zendesk(files: Iterable[tuple[str, str]], hours: Hours | None = None) -> Draft:
    """(name, text) of each file of JSON -> a draft. ConfigError with every problem and its place."""
    export = read_export(files)
    draft = Draft(list(HEAD), hours=hours or Hours())
    for name in export.unfinished:
        draft.attention.append(f"{name} has a next page, which is missing here unless it is another of the files")
    names: set[str] = set()
    drafts = [list(_drafts(policy, names)) for policy in export.policies]
    _note_fallbacks(export.policies, drafts)
    draft.policies = [one for several in drafts for one in several]
    if not draft.policies:
        draft.attention.append("there are no policies in this export")
    return draft


def _drafts(policy: ZendeskPolicy, names: set[str]) -> Iterator[PolicyDraft]:
    attention = list(_unknown_settings(policy))
    lost: list[str] = []
    matches: list[dict[str, Any]] = []
    required, optional = (_terms(part, attention, lost) for part in (policy.all, policy.any))
    try:
        matches = alternatives(required, [] if lost else optional)
        if not matches:
            lost.append("its conditions contradict each other: no ticket fits")
    except Unsayable as error:
        lost.append(str(error))
    parts = _by_priorities(policy, attention)
    if not parts:
        lost.append("it has no target that could be carried over")
    pieces = [(match, part) for match in matches or [{}] for part in parts or [{}]]
    for number, (match, part) in enumerate(pieces):
        label = [f"{matches.index(match) + 1} of {len(matches)}"] if len(matches) > 1 else []
        label += [", ".join(_priorities(part))] if len(parts) > 1 else []
        name = _unique(policy.title + (f" ({'; '.join(label)})" if label else ""), names)
        piece = PolicyDraft(name, match | _priority_match(part), list(part.values()), lost=lost)
        if number == 0:
            piece.about, piece.attention = list(_about(policy, len(pieces))), attention
        yield piece


def _terms(conditions: Iterable[ZendeskCondition], attention: list[str], lost: list[str]) -> list[Term]:
    terms = []
    for condition in conditions:
        try:
            said = say(condition)
        except Unsayable as error:
            lost.append(str(error))
        else:
            terms.append(said.term)
            if said.attention:
                attention.append(said.attention)
    return terms


def _by_priorities(policy: ZendeskPolicy, attention: list[str]) -> list[dict[str, Clock]]:
    """Clocks by metric, for each set of priorities with the same metrics and kinds of hours."""
    times = _times(policy, attention)
    by_signature: dict[Signature, list[str]] = {}
    for priority in sorted(times, key=_rank):
        metrics = times[priority].values()
        signature = frozenset((METRICS[metric.metric], metric.business_hours) for metric in metrics)
        by_signature.setdefault(signature, []).append(priority)
    return [_clocks([times[priority] for priority in priorities]) for priorities in by_signature.values()]


def _times(policy: ZendeskPolicy, attention: list[str]) -> dict[str, dict[str, ZendeskMetric]]:
    """Priority -> metric -> target, for all that can be carried over."""
    times: dict[str, dict[str, ZendeskMetric]] = {}
    for metric in policy.metrics:
        what = f"{metric.metric} of priority {quote(metric.priority)}"
        if metric.seconds is None:
            attention.append(f"not carried over: {what} has no time")
        elif metric.metric not in METRICS:
            attention.append(f"not carried over: {what}, {duration(metric.seconds)}: no such metric is known")
        elif metric.metric in times.setdefault(metric.priority, {}):
            attention.append(f"not carried over: {what} a second time, {duration(metric.seconds)}")
        else:
            times[metric.priority][metric.metric] = metric
            if policy.group and metric.by_minutes:
                time = duration(metric.seconds)
                attention.append(f"{what}: read as minutes, {time}; Zendesk's own examples seem to mean seconds")
    return {priority: metrics for priority, metrics in times.items() if metrics}


def _clocks(targets: list[dict[str, ZendeskMetric]]) -> dict[str, Clock]:
    clocks: dict[str, Clock] = {}
    for name, ours in METRICS.items():
        for metrics in targets:
            if (metric := metrics.get(name)) is not None:
                clock = clocks.setdefault(ours, Clock(ours, {}, metric.business_hours))
                clock.seconds[metric.priority] = metric.seconds or 0
    return clocks


def _priority_match(part: dict[str, Clock]) -> dict[str, Any]:
    return {"priority": _priorities(part)} if part else {}


def _priorities(part: dict[str, Clock]) -> list[str]:
    """All clocks of a part have the same ones."""
    return list(next(iter(part.values())).seconds) if part else []


def _rank(priority: str) -> tuple[int, str]:
    return (PRIORITIES.index(priority) if priority in PRIORITIES else len(PRIORITIES), priority)


def _about(policy: ZendeskPolicy, pieces: int) -> Iterator[str]:
    where = [f"id {policy.ident}"] if policy.ident else []
    where += [f"position {policy.position}"] if policy.position is not None else []
    what = "group SLA policy" if policy.group else "SLA policy"
    split = f", as {pieces} policies" if pieces > 1 else ""
    yield f"{what} {quote(policy.title)}" + (f" ({', '.join(where)})" if where else "") + split
    if policy.description:
        yield policy.description


def _unknown_settings(policy: ZendeskPolicy) -> Iterator[str]:
    for path, value in policy.other:
        yield f"not carried over: {path}: {json.dumps(value, ensure_ascii=False)}"


def _unique(name: str, names: set[str]) -> str:
    """Two policies of one name would be two versions of one policy."""
    shortened = name if len(name) <= LONGEST_NAME else name[: LONGEST_NAME - 10] + "..."
    found, number = shortened, 2
    while found in names:
        found, number = f"{shortened[: LONGEST_NAME - 10]} #{number}", number + 1
    names.add(found)
    return found


def _note_fallbacks(policies: list[ZendeskPolicy], drafts: list[list[PolicyDraft]]) -> None:
    """Where a later policy would add a metric that the first matching one does not promise."""
    for index, several in enumerate(drafts):
        for policy, later in list(zip(policies, drafts, strict=True))[index + 1 :]:
            metrics = sorted(_added(several, later)) if policy.group == policies[index].group else []
            if metrics:
                several[0].attention.append(
                    f"a ticket that also matches {quote(policy.title)} gets {', '.join(metrics)} from there; "
                    f"in Zendesk it has no such target"
                )


def _added(first: list[PolicyDraft], later: list[PolicyDraft]) -> set[str]:
    """Metrics that a ticket of `first` may get from `later` and not from `first`."""
    promised = _promises(first)
    return {
        metric
        for own in first
        for other in later
        if not own.lost and not other.lost and _may_meet(own.match, other.match)
        for metric, priority in _promises([other]) - promised
        if priority in own.match["priority"]
    }


def _promises(drafts: Iterable[PolicyDraft]) -> set[tuple[str, str]]:
    return {(clock.metric, priority) for one in drafts for clock in one.clocks for priority in clock.seconds}


def _may_meet(one: dict[str, Any], other: dict[str, Any]) -> bool:
    """False if some attribute surely keeps a ticket from matching both."""
    for name in one.keys() & other.keys() - {"tags", "not"}:
        values = [value if isinstance(value, list) else [value] for value in (one[name], other[name])]
        if set(values[0]).isdisjoint(values[1]):
            return False
    return True
