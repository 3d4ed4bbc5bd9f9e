"""`sla-stream verify`: published SLA events against the ticket events they came from."""

from __future__ import annotations

import argparse
import sys
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Iterable

    from sla_stream.formats.settings import Settings
    from sla_stream.history.log import Log
    from sla_stream.history.published import Published, Snapshot
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
exit codes: 0 everything agrees, 1 something differs, 2 wrong usage or configuration
"""

_GRACE_ON_TOPICS: Final = 10_000


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
    from sla_stream.cli.history_arguments import log_of
    from sla_stream.formats.settings import settings_from_arguments

    settings = settings_from_arguments(args)
    _check_usage(args)
    log = log_of(args, settings)
    taken = _snapshot(args, settings) if args.topic is not None and args.published is None else None
    verification = _verification(args, settings, log, taken)
    verification.expect()
    verification.take(_published(args, settings, taken))
    verdict = verification.verdict()
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


def _verification(args: argparse.Namespace, settings: Settings, log: Log, taken: Snapshot | None) -> Verification:
    from sla_stream.cli.history_arguments import clock_of, engine_settings_of, instant_of, policies_in_force, reporter
    from sla_stream.core.engine import Engine
    from sla_stream.history.topic_log import TopicLog
    from sla_stream.history.verify import Verification

    if taken is not None and isinstance(log, TopicLog) and args.end is None:
        log.stop_at(taken.applied)
    return Verification(
        Engine(policies_in_force(args, settings), engine_settings_of(settings)),
        log,
        reporter(log),
        clock_of(args),
        instant_of("--as-of", args.as_of),
        settings.max_skew,
        _grace(args),
        behind=taken.behind if taken is not None else (),
        whole=args.start is None,
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
    parts.append(f"{count} difference{'' if count == 1 else 's'}" + (f" in {tickets} tickets" if count else ""))
    if verdict.in_flight:
        parts.append(f"{verdict.in_flight} in flight, not judged")
    if verdict.started_before:
        parts.append(f"{len(verdict.started_before)} tickets that began before the range, left out")
    if taken is not None and taken.behind:
        parts.append(f"the worker is {sum(taken.behind.values())} records behind")
    sys.stderr.write("; ".join(parts) + "\n")
