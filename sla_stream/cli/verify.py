"""`sla-stream verify`: published SLA events against the ticket events they came from."""

from __future__ import annotations

import argparse
import sys
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from sla_stream.cli.progress import Line
    from sla_stream.core.policy import PolicySet
    from sla_stream.formats.settings import Settings
    from sla_stream.history.log import Log
    from sla_stream.history.published import Published, Snapshot
    from sla_stream.history.ticket_history import Policies
    from sla_stream.history.verify import Verdict, Verification

EXAMPLES: Final = """\
examples:
  did the worker say exactly what it should have?
    sla-stream verify --kafka localhost:9092 --topic
  the same where no policies are published
    sla-stream verify --policies policies.yaml --kafka localhost:9092 --topic
  of last week's tickets only (tickets that began earlier are left out)
    sla-stream verify --kafka localhost:9092 --topic --from 2026-03-02T00:00:00Z
  the same without Kafka, for instance on an archive
    sla-stream verify --policies policies.yaml --events march.jsonl.xz --published breaches.jsonl
  every difference for a program
    sla-stream verify ... --json | jq 'select(.difference == "missing")'

The ticket events are read again by the same engine; what stands in the end (neither taken back nor replaced) is
compared by ticket, metric, cycle, type, threshold, due_at, target_s, elapsed_s, outcome, policy, policy_version and
actions. With --topic only what the worker has committed is judged, and decisions of the last seconds (--grace) are not.
Tickets that a policy set of the last ten minutes has yet to come to are counted apart.
exit codes: 0 everything agrees, 1 something differs, 2 wrong usage or configuration
"""

_GRACE_ON_TOPICS: Final = 10_000
_FRESH: Final = 600_000
"""For so long (ms) after its publication a policy set may still be on its way to tickets whose past it changes."""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Flags of `verify`."""
    from sla_stream.cli.history_arguments import ENGINE_SETTINGS, TOPIC_NAMES, add_source_arguments
    from sla_stream.formats.settings import add_settings_arguments

    parser.usage = (
        "%(prog)s (--policies FILE --events FILE --published FILE | --topic [NAME] [--policies FILE]) [flags]"
    )
    parser.epilog = EXAMPLES
    add = parser.add_argument
    add("--published", metavar="FILE", help="published SLA events, JSON Lines; - = standard input (default with "
        "--topic: the configured output topics)")  # fmt: skip
    add("--grace", metavar="TIME", help="leave out clocks of which something was decided less than this before the "
        "end (default: 10s with --topic, 0s without)")  # fmt: skip
    add("--json", action="store_true", help="one JSON object for each difference")
    add_source_arguments(parser)
    outputs = ("app_id", "topic_warnings", "topic_breaches", "topic_outcomes")
    add_settings_arguments(parser, (*ENGINE_SETTINGS, *outputs, *TOPIC_NAMES))


def run(args: argparse.Namespace) -> int:
    """0 if everything agrees, else 1."""
    from sla_stream.cli.history_arguments import policies_in_force
    from sla_stream.formats.settings import settings_from_arguments

    settings = settings_from_arguments(args)
    _check_usage(args)
    taken = _snapshot(args, settings) if args.topic is not None and args.published is None else None
    policies = policies_in_force(args, settings)
    verdict = _judge(args, settings, policies, taken)
    if taken is not None and verdict.differences:
        for before in _without_fresh_sets(policies):
            verdict.leave_out_waiting(_judge(args, settings, before, taken, again=True))
    _write(args, verdict, taken)
    return 0 if verdict.good else 1


def _check_usage(args: argparse.Namespace) -> None:
    from sla_stream.errors import ConfigError

    if args.topic is None and args.published is None:
        raise ConfigError("--published: missing; expected a file of SLA events (or --topic, to read all from Kafka)")
    if args.events == "-" and args.published == "-":
        raise ConfigError("--published: found -, which --events reads already; expected a file")


def _snapshot(args: argparse.Namespace, settings: Settings) -> Snapshot:
    from sla_stream.history.published import snapshot

    return snapshot(settings, args.topic or settings.topic("ticket_events"))


def _without_fresh_sets(policies: Policies) -> Iterator[list[tuple[int, PolicySet]]]:
    """The published sets without the newest, the two newest ... as far as they are fresh. Never without the first."""
    import time

    from sla_stream.core.policy import PolicySet

    sets = [] if isinstance(policies, PolicySet) else list(policies)
    while len(sets) > 1 and sets[-1][0] > time.time() * 1_000 - _FRESH:
        sets = sets[:-1]
        yield sets


def _judge(
    args: argparse.Namespace, settings: Settings, policies: Policies, taken: Snapshot | None, again: bool = False
) -> Verdict:
    """What is published against what these policies say. `again`: bad records were reported before."""
    from sla_stream.cli.history_arguments import log_of
    from sla_stream.cli.progress import progress
    from sla_stream.history.topic_log import TopicLog

    log = log_of(args, settings)
    if taken is not None and isinstance(log, TopicLog) and args.end is None:
        log.stop_at(taken.applied)
    line = progress("without fresh policy sets" if again else "")
    verification = _verification(args, settings, policies, log, taken, line, again)
    verification.expect()
    line.clear()
    verification.take(_published(args, settings, taken))
    return verification.verdict()


def _verification(
    args: argparse.Namespace, settings: Settings, policies: Policies, log: Log, taken: Snapshot | None, line: Line,
    again: bool,
) -> Verification:  # fmt: skip
    from sla_stream.cli.history_arguments import clock_of, engine_settings_of, ignore, instant_of, reporter
    from sla_stream.core.engine import Engine
    from sla_stream.history.verify import Verification

    return Verification(
        Engine(policies, engine_settings_of(settings)),
        log,
        ignore if again else reporter(log, line),
        clock_of(args),
        instant_of("--as-of", args.as_of),
        settings.max_skew,
        _grace(args),
        behind=taken.behind if taken is not None else (),
        whole=args.start is None,
        line=line,
    )


def _grace(args: argparse.Namespace) -> int:
    from sla_stream.errors import ConfigError
    from sla_stream.formats.durations import parse_setting_duration

    if args.grace is None:
        return 0 if args.topic is None else _GRACE_ON_TOPICS
    try:
        return parse_setting_duration(args.grace)
    except ValueError as error:
        raise ConfigError(f"--grace: {error}") from None


def _published(args: argparse.Namespace, settings: Settings, taken: Snapshot | None) -> Iterable[Published]:
    from sla_stream.history.published import read_outputs, read_published

    if taken is None:
        return read_published(args.published)
    return read_outputs(settings, taken)


def _write(args: argparse.Namespace, verdict: Verdict, taken: Snapshot | None) -> None:
    import orjson

    from sla_stream.formats.instants import format_instant
    from sla_stream.history.verify import difference_json, difference_line

    for each in verdict.differences:
        if args.json:
            sys.stdout.write(orjson.dumps(difference_json(each)).decode() + "\n")
        else:
            sys.stdout.write(difference_line(each) + "\n")
    tickets = len({each.name.ticket_id for each in verdict.differences})
    until = "" if verdict.until is None else f" as of {format_instant(verdict.until)}"
    parts = [f"{verdict.published} published, {verdict.expected} expected{until}"]
    count = len(verdict.differences)
    where = f" in {tickets} ticket{'' if tickets == 1 else 's'}" if count else ""
    parts.append(f"{count} difference{'' if count == 1 else 's'}{where}")
    if verdict.in_flight:
        parts.append(f"{verdict.in_flight} in flight, not judged")
    if verdict.waiting:
        parts.append(f"{verdict.waiting} wait for a policy set published in the last {_FRESH // 60_000} minutes")
    if verdict.started_before:
        parts.append(f"{len(verdict.started_before)} tickets that began before the range, left out")
    if taken is not None and taken.behind:
        parts.append(f"the worker is {sum(taken.behind.values())} records behind")
    sys.stderr.write("; ".join(parts) + "\n")
