"""`policy explain EVENT`: which target each metric of a ticket gets, and why."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from typing import Any, Final

import orjson

from sla_stream.core.conditions import Attributes
from sla_stream.core.cycle import duration_of
from sla_stream.core.events import TicketEvent
from sla_stream.core.moves import merge
from sla_stream.core.policy import Target
from sla_stream.core.schedule import FAR, HorizonError
from sla_stream.errors import ConfigError, InvalidRecord
from sla_stream.formats.attributes import ticket_json
from sla_stream.formats.codec import decode_ticket_event
from sla_stream.formats.instants import format_instant
from sla_stream.formats.policy_file import load_policies
from sla_stream.formats.policy_file.explanation import Candidate, Choice, explain_choices, plain
from sla_stream.formats.policy_file.findings import printable
from sla_stream.formats.sentences import plain_duration

_MARKS: Final = {True: "*", False: "-"}


def run(args: argparse.Namespace) -> int:
    """0. ConfigError if the policies or the event cannot be used."""
    policies = load_policies(args.policies)
    events = _events(args.event)
    attributes: Attributes = {}
    for event in events:
        attributes = merge(attributes, event)
    last = events[-1]
    choices = explain_choices(policies, attributes, last.at)
    if args.format == "json":
        sys.stdout.write(orjson.dumps(_as_json(last, attributes, choices)).decode() + "\n")
    else:
        sys.stdout.write(_as_text(last, attributes, choices))
    return 0


def _events(path: str) -> list[TicketEvent]:
    """One JSON object, or one a line; in the order in which they happened."""
    try:
        content = sys.stdin.buffer.read() if path == "-" else Path(path).read_bytes()
    except OSError as error:
        raise ConfigError(f"{path}: cannot be read: {error.strerror}; expected a file with a ticket event") from None
    found = _decode(content, path)
    strangers = sorted({event.ticket_id for event in found} - {found[0].ticket_id})
    if strangers:
        raise ConfigError(
            f"{path}: events of several tickets, {printable(found[0].ticket_id)} and {printable(strangers[0])}; "
            "expected one ticket"
        )
    return sorted(found, key=lambda event: event.key)


def _decode(content: bytes, path: str) -> list[TicketEvent]:
    lines = [(number, line) for number, line in enumerate(content.splitlines(), 1) if line.strip()]
    if not lines:
        raise ConfigError(f"{path}: empty; expected a ticket event, JSON")
    try:
        orjson.loads(content)
    except orjson.JSONDecodeError:
        entries = lines  # not one value, so one a line
    else:
        entries = [(lines[0][0], content)]
    found = []
    for number, text in entries:
        try:
            found.append(decode_ticket_event(text))
        except InvalidRecord as error:
            raise ConfigError(f"{path}:{number}: {error.detail}") from None
    return found


def _as_text(event: TicketEvent, attributes: Attributes, choices: list[Choice]) -> str:
    known = ", ".join(f"{name} {_value(name, value)}" for name, value in sorted(attributes.items())) or "no attributes"
    lines = [f"ticket {printable(event.ticket_id)} at {format_instant(event.at)}: {known}"]
    if not choices:
        lines.append("the policy file has no targets: nothing is timed")
    for choice in choices:
        kind = " (stretch goal)" if choice.kind == "kpi" else ""
        lines += ["", f"{choice.metric}{kind}: {_target_text(choice.target, event.at)}"]
        lines += [f"  {_MARKS[each.taken]} {_name(each)}: {each.why}" for each in choice.candidates]
    return "\n".join(lines) + "\n"


def _value(name: str, value: Any) -> str:
    return format_instant(value) if name == "due_at" else plain(value)


def _name(candidate: Candidate) -> str:
    policy = candidate.policy
    since = "" if policy.valid_from is None else f", valid from {format_instant(policy.valid_from)}"
    return f"{printable(policy.name)} ({policy.level}, version {policy.version}{since})"


def _target_text(target: Target | None, at: int) -> str:
    if target is None:
        return "no target, not timed"
    parts = [f"{_time(target)} on schedule {printable(target.schedule.name)}, by policy {printable(target.policy)}"]
    due_at = _due(target, at)
    if due_at is not None:
        parts.append(f"started at this event it would be due {format_instant(due_at)}")
    if target.warnings:
        parts.append(f"warns at {', '.join(threshold.name for threshold in target.warnings)}")
    return "; ".join(parts)


def _time(target: Target) -> str:
    if target.business_days is not None:
        return f"{target.business_days} business days"
    return "the ticket's due_at" if target.duration is None else plain_duration(target.duration)


def _due(target: Target, at: int) -> int | None:
    """Deadline of a clock that starts at `at`; None where none can be said."""
    if target.duration is None and target.business_days is None:
        return None
    try:
        due_at = target.schedule.due(at, duration_of(target, at))
    except HorizonError:
        return None
    return None if due_at >= FAR else due_at


def _as_json(event: TicketEvent, attributes: Attributes, choices: list[Choice]) -> dict[str, Any]:
    return {
        "ticket_id": event.ticket_id,
        "at": format_instant(event.at),
        "ticket": orjson.loads(ticket_json(attributes)),
        "metrics": [_choice_json(choice, event.at) for choice in choices],
    }


def _choice_json(choice: Choice, at: int) -> dict[str, Any]:
    target = choice.target
    due_at = None if target is None else _due(target, at)
    return {
        "metric": choice.metric,
        "kind": choice.kind,
        "policy": target and target.policy,
        "policy_version": target and target.policy_version,
        "schedule": target and target.schedule.name,
        "priority": choice.priority,
        "target_s": None if target is None or target.duration is None else target.duration / 1000,
        "business_days": target and target.business_days,
        "due_at_if_started_now": None if due_at is None else format_instant(due_at),
        "candidates": [
            {
                "policy": each.policy.name,
                "policy_version": each.policy.version,
                "level": each.policy.level,
                "valid_from": None if each.policy.valid_from is None else format_instant(each.policy.valid_from),
                "taken": each.taken,
                "why": each.why,
            }
            for each in choice.candidates
        ],
    }
