"""`policy push`: publish a policy file as the next set of the policies topic, after showing what it changes."""

from __future__ import annotations

import argparse
import sys
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from sla_stream.core.policy import PolicySet
    from sla_stream.formats.policy_history import PolicyHistory
    from sla_stream.formats.policy_set_record import PushedSet
    from sla_stream.formats.settings import Settings
    from sla_stream.kafka.policy_log import PolicyPusher

HELP: Final = """\
Shows what the file says differently from the newest published set, asks, and publishes it. Every worker takes it up
without a restart, on every partition from the same instant on: that of the publication. Published sets never change;
to go back, push the earlier file again.
"""
EXAMPLES: Final = """\
examples:
  sla-stream policy push --policies policies.yaml --kafka localhost:9092
    -> differs from set 3 of sla.policies.v1, published 2026-03-02T08:00:00.000Z:
       ~ policy desk (base, pin), version 1f0c7d2a9b41, before 88a1cf0d3e52
           resolution: 8h on berlin, now 4h on berlin
       new cycles of desk: from the publication on; running ones keep their target (pin)
       nothing of the past is judged again
       publish this as set 4? [y/N]
  sla-stream policy push --policies policies.yaml --yes --by "ops, change 4711"     in a pipeline
  sla-stream policy push --policies policies.yaml < /dev/null                       only look: exit code 1 if it differs

Of two pushes at the same time only the one that began later can write. The first set ever holds from the beginning:
push the file that the workers run with, then change it.
exit codes: 0 published, or nothing to publish; 1 it differs and was not published; 2 wrong usage, file or cluster
"""
SETTINGS: Final = ("policies", "topic_prefix", "topic_policies", "allowed_lateness")
_OK: Final = 0
_NOT_PUBLISHED: Final = 1


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Flags of `policy push`."""
    from sla_stream.formats.settings import KAFKA_SETTINGS, add_settings_arguments

    parser.add_argument("--yes", action="store_true", help="publish without asking")
    parser.add_argument("--by", metavar="WHO", help="who says so; kept with the set")
    parser.add_argument("--reason", metavar="TEXT", help="why; kept with the set")
    add_settings_arguments(parser, (*SETTINGS, *KAFKA_SETTINGS))


def run(args: argparse.Namespace) -> int:
    """0 if the file is what is published now, 1 if it is not."""
    import asyncio

    from sla_stream.cli.history_arguments import quiet_clients
    from sla_stream.errors import ConfigError
    from sla_stream.formats.policy_file import parse_policies, read_policy_text
    from sla_stream.formats.settings import settings_from_arguments

    settings = settings_from_arguments(args)
    if settings.policies is None:
        raise ConfigError("--policies: missing; expected the policy file to publish")
    text = read_policy_text(settings.policies)
    policies = parse_policies(text, settings.policies)
    quiet_clients()
    return asyncio.run(_push(args, settings, text, policies))


async def _push(args: argparse.Namespace, settings: Settings, text: str, policies: PolicySet) -> int:
    from sla_stream.kafka.policy_log import PolicyPusher, PushOvertaken

    async with PolicyPusher(settings) as pusher:
        for bad in pusher.history.refused:
            sys.stderr.write(f"{pusher.topic}/0/{bad.offset}: not usable: {bad.detail}\n")
        lines = difference_lines(pusher.history, policies, pusher.topic, settings.allowed_lateness)
        sys.stdout.write("\n".join(lines) + "\n")
        sys.stdout.flush()
        newest = pusher.history.newest
        if newest is not None and newest.pushed.policies.digest == policies.digest:
            return _OK
        number = pusher.history.next_number
        if not args.yes and not await _confirmed(number):
            sys.stderr.write("not published\n")
            return _NOT_PUBLISHED
        try:
            await _publish(args, settings, pusher, text, policies)
        except PushOvertaken as overtaken:
            sys.stderr.write(f"{overtaken}\n")
            return _NOT_PUBLISHED
        return _OK


async def _publish(
    args: argparse.Namespace, settings: Settings, pusher: PolicyPusher, text: str, policies: PolicySet
) -> None:
    from sla_stream.formats.instants import format_instant

    pushed = _as_set(args, settings, pusher.history.next_number, text, policies)
    published = await pusher.push(pushed)
    since = "from the beginning" if pusher.history.newest is None else f"since {format_instant(published)}"
    sys.stdout.write(f"published set {pushed.number} of {pusher.topic}, in force {since}\n")


def _as_set(args: argparse.Namespace, settings: Settings, number: int, text: str, policies: PolicySet) -> PushedSet:
    from dataclasses import replace
    from pathlib import Path

    from sla_stream.formats.policy_set_record import pushed_set

    file = None if settings.policies in (None, "-") else Path(str(settings.policies)).name
    return replace(pushed_set(number, policies, text, file), pushed_by=args.by, reason=args.reason)


async def _confirmed(number: int) -> bool:
    """Ask on a terminal; without one the answer is no. Ctrl-C ends the waiting as anything else."""
    import asyncio

    if not (sys.stdin.isatty() and sys.stdout.isatty()):
        sys.stderr.write("expected --yes, or a terminal to ask on; ")
        return False
    sys.stdout.write(f"publish this as set {number}? [y/N] ")
    sys.stdout.flush()
    answered = asyncio.Event()
    loop = asyncio.get_running_loop()
    loop.add_reader(sys.stdin, answered.set)
    try:
        await answered.wait()
    finally:
        loop.remove_reader(sys.stdin)
    return sys.stdin.readline().strip().lower() in ("y", "yes")


def _now() -> int:
    import time

    return time.time_ns() // 1_000_000


def difference_lines(history: PolicyHistory, policies: PolicySet, topic: str, allowed_lateness: int) -> list[str]:
    """What publishing the set now would change, for a person."""
    from sla_stream.formats.instants import format_instant
    from sla_stream.formats.policy_difference import consequences, policy_differences

    newest = history.newest
    if newest is None:
        first = policy_differences(None, policies) or ["no policies: nothing is timed"]
        return [f"{topic} holds no set yet:", *first, "in force from the beginning, as the first set"]
    before = newest.pushed.policies
    named = f"set {newest.pushed.number} of {topic}, published {format_instant(newest.published)}"
    lines = policy_differences(before, policies)
    if not lines:
        return [f"nothing changed: the file says what {named} says"]
    return [f"differs from {named}:", *lines, *consequences(history.timeline(), policies, allowed_lateness, _now())]
