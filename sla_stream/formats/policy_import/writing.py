"""An imported draft as the text of a policy file, with what needs a person as comments beside it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final

import yaml

from sla_stream.formats.policy_file.findings import printable
from sla_stream.formats.policy_import.draft import Clock, Draft, PolicyDraft

ATTENTION: Final = "ATTENTION"
WORKING_HOURS: Final = "working-hours"


def write_policies(draft: Draft) -> str:
    """A policy file v1 in YAML."""
    return "".join(f"{line}".rstrip() + "\n" for line in _lines(draft))


def _lines(draft: Draft) -> Iterator[str]:
    yield from map(_comment, draft.head)
    yield from (_comment(f"{ATTENTION}: {sentence}") for sentence in draft.attention)
    yield "apiVersion: sla-stream/v1"
    if draft.needs_hours:
        yield from _schedule(draft)
    if all(policy.lost for policy in draft.policies):
        yield "policies: []"
    else:
        yield "policies:"
    for policy in draft.policies:
        yield from _policy(policy)


def _schedule(draft: Draft) -> Iterator[str]:
    hours = draft.hours
    yield "schedules:"
    if not hours.given:
        yield "  " + _comment(
            f"{ATTENTION}: these hours are a placeholder. Write your working hours, time zone and holidays."
        )
    yield f"  {WORKING_HOURS}: {_flow({'timezone': hours.timezone, 'hours': {hours.days: [hours.window]}})}"


def _policy(policy: PolicyDraft) -> Iterator[str]:
    for sentence in policy.about:
        yield "  " + _comment(sentence)
    for sentence in policy.attention:
        yield "  " + _comment(f"{ATTENTION}: {sentence}")
    for sentence in policy.lost:
        yield "  " + _comment(f"{ATTENTION}: not carried over: {sentence}")
    if policy.lost:
        yield "  " + _comment("What can be said of it, for you to complete:")
    prefix = "  # " if policy.lost else "  "
    yield from (prefix + line for line in _body(policy))


def _body(policy: PolicyDraft) -> Iterator[str]:
    yield f"- name: {_flow(policy.name)}"
    if policy.match:
        yield f"  match: {_flow(policy.match)}"
    yield "  targets:" if policy.clocks else "  targets: {}"
    for clock in policy.clocks:
        yield f"    {clock.metric}: {_flow(_target(clock))}"


def _target(clock: Clock) -> dict[str, Any]:
    target: dict[str, Any] = {"target": {name: duration(seconds) for name, seconds in clock.seconds.items()}}
    if clock.working_hours:
        target["schedule"] = WORKING_HOURS
    return target


def duration(seconds: int) -> str:
    """`1h30m`, exactly; at least one unit."""
    hours, rest = divmod(seconds, 3600)
    minutes, rest = divmod(rest, 60)
    parts = [f"{number}{unit}" for number, unit in ((hours, "h"), (minutes, "m"), (rest, "s")) if number]
    return "".join(parts) or "0s"


def _comment(text: str) -> str:
    return f"# {printable(text)}" if text else "#"


def _flow(value: Any) -> str:
    """A value on one line, as YAML 1.2 and 1.1 both read it."""
    text: str = yaml.safe_dump(value, default_flow_style=True, allow_unicode=True, sort_keys=False, width=float("inf"))
    return text.removesuffix("\n").removesuffix("\n...").strip()
