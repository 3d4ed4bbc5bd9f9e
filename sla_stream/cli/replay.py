"""`sla-stream replay`: the engine over a log of ticket events, without side effects."""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from sla_stream.core.engine import Engine
    from sla_stream.formats.settings import Settings
    from sla_stream.history.explain import Stories
    from sla_stream.history.log import Log

SETTINGS: Final = (
    "policies", "allowed_lateness", "settle_for", "hold_for", "publish_from", "max_skew", "app_id",
)  # fmt: skip
TOPIC: Final = ""
"""`--topic` without a name: the configured input topic."""

EXAMPLES: Final = """\
examples:
  what would these policies have said about last month's tickets?
    sla-stream replay --policies policies.yaml --events march.jsonl.xz
  only the breaches
    sla-stream replay --policies policies.yaml --events t.jsonl | jq 'select(.type == "sla.breach.v1")'
  every clock as it stood at noon, as a table
    sla-stream replay --policies policies.yaml --events t.jsonl --as-of 2026-03-02T12:00:00Z --out state --format csv
  the same with every interval of every clock, and why
    sla-stream replay --policies policies.yaml --events t.jsonl --out state --explain
  numbers by policy and metric
    sla-stream replay --policies policies.yaml --events t.jsonl --out summary
  as a worker met it, late arrivals late: file order, the clock follows the field `recorded_at`
    sla-stream replay --policies policies.yaml --events - --clock recorded < t.jsonl
  the worker's input topic of one day, as its offsets come
    sla-stream replay --policies policies.yaml --kafka localhost:9092 --topic --clock recorded \\
        --from 2026-03-02T00:00:00Z --to 2026-03-03T00:00:00Z

With --topic and without --policies the published policy sets apply, each since its time (`policy push`).
Events are JSON Lines, plain or .xz or .gz; `-` is standard input. A bad line is reported on standard error as
FILE:LINE: reason, and left out. SLA events come in the order of log time, ticket, metric and cycle.
exit codes: 0 ok, 1 there were bad lines, 2 wrong usage or policy file or unreadable events, 3 unexpected
"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Flags of `replay`."""
    from sla_stream.formats.settings import KAFKA_SETTINGS, add_settings_arguments

    parser.usage = "%(prog)s (--policies FILE --events FILE | --topic [NAME] [--policies FILE]) [flags]"
    parser.epilog = EXAMPLES
    add = parser.add_argument
    source = parser.add_mutually_exclusive_group(required=True)
    source.add_argument("--events", metavar="FILE", help="ticket events, one JSON object a line; - = standard input")
    source.add_argument(
        "--topic",
        nargs="?",
        const=TOPIC,
        metavar="NAME",
        help="ticket events from Kafka, committed records only; without a NAME: the configured input topic",
    )
    add(
        "--from",
        dest="start",
        metavar="AT",
        help="with --topic: the first offset (1200), offsets by partition "
        "(0:1200,1:1180) or an instant (default: the beginning)",
    )
    add(
        "--to",
        dest="end",
        metavar="AT",
        help="with --topic: where to stop, itself left out (default: the end as it is now)",
    )
    add("--as-of", metavar="T", help="where the clock stops (default: the last instant read)")
    add(
        "--clock",
        choices=("occurred", "recorded"),
        default="occurred",
        help="log time: when events happened, sorted (default), or when they were recorded, in file order: the "
        "field recorded_at, on a topic the timestamp",
    )
    add("--out", choices=("events", "state", "summary"), default="events", help="what to write (default: events)")
    add("--explain", action="store_true", help="with --out state: add `history`, every interval of each clock and why")
    add("--format", choices=("jsonl", "csv"), default="jsonl", help="how to write it (default: jsonl)")
    add("--strict", action="store_true", help="stop at the first bad line")
    add("--retain", metavar="TIME", help="forget tickets resolved or closed for so long, as in 30d (default: never)")
    add_settings_arguments(
        parser, (*SETTINGS, "topic_prefix", "topic_ticket_events", "topic_policies", *KAFKA_SETTINGS)
    )


def run(args: argparse.Namespace) -> int:
    """Replay; 0, or 1 if there were bad lines."""
    from sla_stream.cli.replay_output import Output, StopAtFirst, quiet_collector
    from sla_stream.formats.settings import settings_from_arguments
    from sla_stream.history.replay import Replay

    settings = settings_from_arguments(args)
    as_of = _as_of(args.as_of)
    stories = _stories(args)
    engine = _engine(args, settings)
    log = _log(args, settings)
    output = Output(args.out, args.format, log, settings.app_id, strict=args.strict, stories=stories)
    keep = None if stories is None else stories.keep
    replay = Replay(engine, log, output.report, args.clock, as_of, settings.max_skew, output.watch, keep)
    quiet_collector()
    try:
        for events in replay.run():
            output.events(events)
        output.end(replay, log.unknown.total)
    except StopAtFirst:
        pass
    finally:
        output.close()
    return 1 if replay.tally.bad_total else 0


def _stories(args: argparse.Namespace) -> Stories | None:
    from sla_stream.errors import ConfigError
    from sla_stream.history.explain import Stories

    if not args.explain:
        return None
    if args.out != "state":
        raise ConfigError(f"--explain: has a meaning only with --out state, found --out {args.out}")
    if args.retain is not None:
        raise ConfigError("--explain: does not go with --retain, which forgets what would have to be explained")
    return Stories()


def _log(args: argparse.Namespace, settings: Settings) -> Log:
    from sla_stream.errors import ConfigError

    if args.topic is None:
        from sla_stream.history.log import LogFile

        for flag, value in (("--from", args.start), ("--to", args.end)):
            if value is not None:
                raise ConfigError(f"{flag}: has a meaning only with --topic")
        return LogFile(args.events, timed=args.clock == "recorded")
    from sla_stream.history.topic_log import TopicLog, parse_bound

    topic = settings.topic("ticket_events") if args.topic == TOPIC else args.topic
    return TopicLog(settings, topic, parse_bound("--from", args.start), parse_bound("--to", args.end))


def _engine(args: argparse.Namespace, settings: Settings) -> Engine:
    from sla_stream.cli.history_arguments import policies_in_force
    from sla_stream.core.engine import Engine, EngineSettings

    return Engine(
        policies_in_force(args, settings),
        EngineSettings(
            allowed_lateness=settings.allowed_lateness,
            settle_for=settings.settle_for,
            hold_for=settings.hold_for,
            publish_from=settings.publish_from,
            retain_closed=None if args.retain is None else _retain(args.retain, settings.allowed_lateness),
        ),
    )


def _as_of(text: str | None) -> int | None:
    from sla_stream.errors import ConfigError
    from sla_stream.formats.instants import parse_instant

    if text is None:
        return None
    try:
        return parse_instant(text)
    except ValueError as error:
        raise ConfigError(f"--as-of: {error}") from None


def _retain(text: str, allowed_lateness: int) -> int:
    from sla_stream.errors import ConfigError
    from sla_stream.formats.durations import parse_setting_duration
    from sla_stream.formats.setting_values import duration_text

    try:
        retain = parse_setting_duration(text)
    except ValueError as error:
        raise ConfigError(f"--retain: {error}") from None
    if retain < allowed_lateness:
        raise ConfigError(
            f"--retain: found {text}; expected at least allowed_lateness, {duration_text(allowed_lateness)}"
        )
    return retain
