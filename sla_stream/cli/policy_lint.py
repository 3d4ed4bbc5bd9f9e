"""`policy lint FILE`: every error, or every warning and note; with a history and chains of groups, more of them."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterator

from sla_stream.core.conditions import Attributes
from sla_stream.core.policy import PolicySet, Target
from sla_stream.errors import ConfigError
from sla_stream.formats.instants import format_instant
from sla_stream.formats.policy_file import lint_policies, parse_policies, read_policy_text
from sla_stream.formats.policy_file.calendars import ALWAYS
from sla_stream.formats.policy_file.chains import Overlong, Unowned, check_chain
from sla_stream.formats.policy_file.explanation import plain
from sla_stream.formats.policy_file.findings import printable, quote
from sla_stream.formats.sentences import plain_duration


def run(args: argparse.Namespace) -> int:
    """0 without errors and warnings, 1 with. ConfigError if a file cannot be read."""
    chains = [_groups(chain) for chain in args.chain]
    text = read_policy_text(args.file)
    findings = lint_policies(text, args.file)
    lines = [finding.render(args.file, with_severity=True) for finding in findings]
    found = any(finding.severity != "note" for finding in findings)
    if (chains or args.events) and not any(finding.severity == "error" for finding in findings):
        policies = parse_policies(text, args.file)
        more = [*(line for chain in chains for line in _chain(policies, chain)), *_history(policies, args.events)]
        lines += [f"{args.file}: {severity}: {sentence}" for severity, sentence in more]
        found = found or any(severity != "note" for severity, _ in more)
    sys.stdout.write("".join(f"{line}\n" for line in lines))
    if not lines:
        sys.stderr.write(f"{args.file}: {_size(parse_policies(text, args.file))}: nothing to report\n")
    return int(found)


def _size(policies: PolicySet) -> str:
    schedules = len(policies.schedules.keys() - {ALWAYS})
    return f"{_count(len(policies.policies), 'policy', 'policies')}, {_count(schedules, 'schedule', 'schedules')}"


def _count(number: int, one: str, many: str) -> str:
    return f"{number} {one if number == 1 else many}"


def _groups(chain: str) -> list[str]:
    groups = [group.strip() for group in chain.split(",")]
    if not all(groups):
        raise ConfigError(f"--chain: found {quote(chain)}; expected names of groups such as first-line,network")
    return groups


def _chain(policies: PolicySet, groups: list[str]) -> Iterator[tuple[str, str]]:
    name = " > ".join(map(printable, groups))
    for problem in check_chain(policies, groups):
        promise = _promise(problem.resolution, problem.priority)
        if isinstance(problem, Unowned):
            yield "warning", f"chain {name}: group {quote(problem.group)} has no ownership target beside {promise}"
        else:
            yield "warning", f"chain {name}: {_overlong(problem)}, against {promise}"


def _overlong(problem: Overlong) -> str:
    schedule = quote(problem.resolution.schedule.name)
    if not problem.schedules:
        return f"the ownership targets together are {plain_duration(problem.over)} too long on schedule {schedule}"
    over = f"end {plain_duration(problem.over)} of schedule {schedule} after the deadline"
    if not problem.over:
        over = f"end after the deadline, though no time of schedule {schedule} passes in between,"
    reason = "business days" if len(problem.schedules) == 1 else f"other hours: {', '.join(problem.schedules)}"
    return (
        f"the ownership targets, one after the other, {over} for a ticket of "
        f"{format_instant(problem.started_at)} (due {format_instant(problem.due_at)}, ends "
        f"{format_instant(problem.ends_at)}; they count {reason})"
    )


def _promise(target: Target, priority: str | None) -> str:
    if target.business_days is not None:
        time = f"{target.business_days}bd"
    else:
        time = plain_duration(target.duration or 0)
    of = "" if priority is None else f", priority {printable(priority)}"
    return f"resolution {time} of policy {quote(target.policy)} (schedule {printable(target.schedule.name)}{of})"


def _history(policies: PolicySet, path: str | None) -> Iterator[tuple[str, str]]:
    if path is None:
        return
    from sla_stream.history.coverage import cover
    from sla_stream.history.log import LogFile

    coverage = cover(policies, LogFile(path))
    for record in coverage.bad:
        sys.stderr.write(f"{path}:{record.line}: {record.reason}: {record.detail}\n")
    if coverage.bad:
        yield "warning", f"{len(coverage.bad)} lines of {path} cannot be used"
    if coverage.unmatched:
        examples = "; ".join(f"{printable(name)} ({_attributes(attributes)})" for name, attributes in coverage.examples)
        more = "; ..." if coverage.unmatched > len(coverage.examples) else ""
        yield (
            "warning",
            (f"{coverage.unmatched} of {coverage.tickets} tickets of {path} match no policy: {examples}{more}"),
        )
    if coverage.unused:
        names = ", ".join(map(quote, coverage.unused))
        yield "note", f"no ticket of {path} takes a target from {names}"


def _attributes(attributes: Attributes) -> str:
    shown = [
        f"{name} {plain(value)}"
        for name, value in sorted(attributes.items())
        if name not in ("status", "url", "due_at", "assignee")
    ]
    return ", ".join(shown) or "no attributes"
