"""What the commands that look back have in common: where ticket events come from, and the engine to read them."""

from __future__ import annotations

import argparse
import sys
from typing import TYPE_CHECKING, Final

from sla_stream.errors import ConfigError
from sla_stream.formats.settings import KAFKA_SETTINGS, Settings, add_settings_arguments

if TYPE_CHECKING:
    from collections.abc import Callable

    from sla_stream.cli.progress import Line
    from sla_stream.core.engine import EngineSettings
    from sla_stream.core.policy import PolicySet
    from sla_stream.history.log import BadRecord, Log
    from sla_stream.history.replay import Clock, Replay
    from sla_stream.history.ticket_history import Policies, TicketHistory

CONFIGURED: Final = ""
"""`--topic` without a name: the configured input topic."""

ENGINE_SETTINGS: Final = ("policies", "allowed_lateness", "settle_for", "hold_for", "publish_from", "max_skew")
TOPIC_NAMES: Final = ("topic_prefix", "topic_ticket_events", "topic_policies", *KAFKA_SETTINGS)


def add_log_arguments(parser: argparse.ArgumentParser) -> None:
    """`--events` or `--topic` with `--from` and `--to`, `--clock`, `--as-of`, and the settings that matter."""
    add_source_arguments(parser)
    add_settings_arguments(parser, (*ENGINE_SETTINGS, *TOPIC_NAMES))


def add_source_arguments(parser: argparse.ArgumentParser, published: str | None = None) -> None:
    """The same without the settings. `published`: the help of a third source, `--published`."""
    add = parser.add_argument
    source = parser.add_mutually_exclusive_group(required=True)
    if published is not None:
        source.add_argument("--published", metavar="FILE", help=f"{published}; - = standard input")
    source.add_argument("--events", metavar="FILE", help="ticket events, one JSON object a line; - = standard input")
    source.add_argument(
        "--topic",
        nargs="?",
        const=CONFIGURED,
        metavar="NAME",
        help="ticket events from Kafka, committed records only; without a NAME: the configured input topic",
    )
    add("--from", dest="start", metavar="AT", help="with --topic: first offset (1200), offsets by partition (0:12,1:9) "
        "or an instant (default: the beginning)")  # fmt: skip
    add("--to", dest="end", metavar="AT", help="with --topic: where to stop, itself left out (default: the end)")
    add("--as-of", metavar="T", help="where the clock stops (default: the last instant read)")
    add(
        "--clock",
        choices=("occurred", "recorded"),
        help="log time: when events happened, sorted, or when they were recorded, in their order (default: occurred "
        "for a file, recorded for a topic)",
    )


def clock_of(args: argparse.Namespace) -> Clock:
    """As asked, else what suits the source."""
    asked: Clock | None = args.clock
    return asked or ("occurred" if args.topic is None else "recorded")


def log_of(args: argparse.Namespace, settings: Settings) -> Log:
    """The log that the flags name."""
    if args.topic is None:
        for flag, value in (("--from", args.start), ("--to", args.end)):
            if value is not None:
                raise ConfigError(f"{flag}: has a meaning only with --topic")
        from sla_stream.history.log import LogFile

        return LogFile(args.events, timed=args.clock == "recorded")
    from sla_stream.history.topic_log import TopicLog, parse_bound

    quiet_clients()
    topic = settings.topic("ticket_events") if args.topic == CONFIGURED else args.topic
    return TopicLog(settings, topic, parse_bound("--from", args.start), parse_bound("--to", args.end))


def quiet_clients() -> None:
    """What goes wrong with a cluster is in our own sentences."""
    import logging

    logging.getLogger("aiokafka").addHandler(logging.NullHandler())


def policies_of(settings: Settings) -> PolicySet:
    """The policies of the configured file."""
    from sla_stream.formats.policy_file import load_policies

    if settings.policies is None:
        raise ConfigError("--policies: missing; expected a policy file (YAML or JSON)")
    return load_policies(settings.policies)


def policies_in_force(args: argparse.Namespace, settings: Settings) -> Policies:
    """The configured file's; without a file and with --topic the published sets, each since its publication."""
    if settings.policies is not None or args.topic is None:
        return policies_of(settings)
    return published_policies(settings)


def published_policies(settings: Settings) -> list[tuple[int, PolicySet]]:
    """The sets of the policies topic, each since its publication. ConfigError if there is none."""
    import asyncio

    from sla_stream.kafka.policy_log import read_policy_history

    quiet_clients()
    topic, found = settings.topic("policies"), asyncio.run(read_policy_history(settings))
    for bad in found.refused:
        sys.stderr.write(f"{topic}/0/{bad.offset}: not usable: {bad.detail}\n")
    if not found.sets:
        raise ConfigError(
            f"--policies: missing, and {topic} holds no policy set; expected a policy file, or a set published with "
            "`sla-stream policy push`"
        )
    return found.timeline()


def engine_settings_of(settings: Settings) -> EngineSettings:
    """For a look back: nothing is forgotten."""
    from sla_stream.core.engine import EngineSettings

    return EngineSettings(
        allowed_lateness=settings.allowed_lateness,
        settle_for=settings.settle_for,
        hold_for=settings.hold_for,
        publish_from=settings.publish_from,
        retain_closed=None,
    )


def instant_of(flag: str, text: str | None) -> int | None:
    """The instant of a flag, ms; None where it was not given."""
    from sla_stream.formats.instants import parse_instant

    if text is None:
        return None
    try:
        return parse_instant(text)
    except ValueError as error:
        raise ConfigError(f"{flag}: {error}") from None


def replay_of(
    args: argparse.Namespace,
    settings: Settings,
    policies: Policies,
    log: Log,
    as_of: int | None,
    say: bool = True,
    line: Line | None = None,
) -> Replay:
    """A replay of the log that forgets nothing. `say`: report bad records on standard error. `line`: sees the log."""
    from sla_stream.core.engine import Engine
    from sla_stream.history.replay import Replay

    engine = Engine(policies, engine_settings_of(settings))
    report = reporter(log, line) if say else ignore
    return Replay(engine, log, report, clock_of(args), as_of, settings.max_skew, line.watch if line else iter)


def reporter(log: Log, line: Line | None = None) -> Callable[[BadRecord], None]:
    """Reports a bad record on standard error: PLACE: reason: detail. `line` makes room."""

    def report(record: BadRecord) -> None:
        if line is not None:
            line.clear()
        sys.stderr.write(f"{log.where(record.line)}: {record.reason}: {record.detail}\n")

    return report


def ignore(record: BadRecord) -> None:
    """The other pass over the same log reports it."""


def one_ticket(
    log: Log, ticket_id: str, policies: Policies, settings: Settings, clock: Clock, as_of: int | None
) -> TicketHistory:
    """The history of a ticket. Of a topic only its key's partition is read, if it is there."""
    from sla_stream.history.ticket_history import ticket_history
    from sla_stream.history.topic_log import TopicLog

    engine = engine_settings_of(settings)
    if isinstance(log, TopicLog):
        log.only_key(ticket_id)
    found = ticket_history(log, ticket_id, policies, engine, clock, as_of, settings.max_skew)
    if found.story is None and isinstance(log, TopicLog):
        log.only_key(None)
        found = ticket_history(log, ticket_id, policies, engine, clock, as_of, settings.max_skew)
    return found
