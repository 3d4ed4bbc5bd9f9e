"""`sla-stream topics`: make every topic with its settings, or compare what is there with what should be."""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Mapping

    from sla_stream.formats.settings import Settings
    from sla_stream.kafka.admin import Admin, FoundTopic
    from sla_stream.kafka.topics import WantedTopic

_OK: Final = 0
_FOUND: Final = 1

_EXAMPLES: Final = """\
examples:
  sla-stream topics create --kafka localhost:9092              make what is missing, wait for leaders
  sla-stream topics check --kafka localhost:9092               is every topic as it should be?
  sla-stream topics create --config sla.yaml --partitions 12   settings from a file, one of them overridden
`sla-stream topics create --help` and `sla-stream topics check --help` say more.
"""

_CREATE: Final = """\
examples:
  sla-stream topics create --kafka localhost:9092
    -> created sla.ticket-events.v1   (8 partitions, 1 copy)
       ...
  sla-stream topics create --kafka localhost:9092 --topic-prefix eu- --partitions 24 --replication 3
  sla-stream topics create --kafka localhost:9092 --alter      also put the configs of existing topics right

May be repeated: a topic that exists is left as it is. Where one differs the difference is printed and the exit
code is 1. Number of partitions and copies are never changed: partition n of the changelog belongs to partition n
of the input. Needs the rights Create, Describe, DescribeConfigs (and AlterConfigs for --alter).
"""

_CHECK: Final = """\
examples:
  sla-stream topics check --kafka localhost:9092
    -> sla.breaches.v1: retention.ms: found 604800000, expected 34560000000
       1 difference in 11 topics

Compares partitions, copies, min.insync.replicas, cleanup.policy, retention.ms, message.timestamp.type and the
sizes. Exit code 0: all as expected, 1: something differs or is missing, 2: the cluster cannot be reached.
"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Flags of `topics create` and `topics check`."""
    from sla_stream.formats.settings import KAFKA_SETTINGS, TOPIC_SETTINGS, add_settings_arguments

    parser.epilog = _EXAMPLES
    verbs = parser.add_subparsers(dest="verb", metavar="create|check", required=True)
    create = verbs.add_parser("create", help="make what is missing", epilog=_CREATE)
    create.add_argument("--alter", action="store_true", help="also put the configs of existing topics right")
    check = verbs.add_parser("check", help="compare with what should be", epilog=_CHECK)
    for verb in (create, check):
        add_settings_arguments(verb, (*KAFKA_SETTINGS, *TOPIC_SETTINGS, "timers_topic"))


def run(args: argparse.Namespace) -> int:
    """0: all as it should be; 1: differences, one a line on standard output."""
    import asyncio
    import logging

    from sla_stream.formats.settings import settings_from_arguments

    logging.getLogger("aiokafka").addHandler(logging.NullHandler())  # what goes wrong is in our own sentences
    settings = settings_from_arguments(args)
    if args.verb == "create":
        return asyncio.run(_create(settings, alter=args.alter))
    return asyncio.run(_check(settings))


async def _create(settings: Settings, *, alter: bool) -> int:
    from sla_stream.kafka.admin import Admin, config_differences
    from sla_stream.kafka.topics import wanted_topics

    wanted = wanted_topics(settings)
    async with Admin(settings) as admin:
        default = await admin.default_replication()
        made = await admin.create(wanted)
        found = await admin.describe([topic.name for topic in wanted])
        for topic in wanted:
            target = topic.on(default)
            changes = config_differences(target, found[topic.name]) if topic.name in found else {}
            if alter and changes:
                await admin.set_config(topic.name, changes)
            _say(target, "created" if topic.name in made else "altered" if alter and changes else "exists")
        partitions = {name: one.partitions for name, one in found.items()}
        await admin.wait_for_leaders({topic.name: partitions.get(topic.name, topic.partitions) for topic in wanted})
        return await _report(admin, wanted, default, quiet=True)


async def _check(settings: Settings) -> int:
    from sla_stream.kafka.admin import Admin
    from sla_stream.kafka.topics import wanted_topics

    async with Admin(settings) as admin:
        return await _report(admin, wanted_topics(settings), await admin.default_replication(), quiet=False)


async def _report(admin: Admin, wanted: list[WantedTopic], default: int, *, quiet: bool) -> int:
    found = await admin.describe([topic.name for topic in wanted])
    lines = [f"{topic.name}: {line}" for topic in wanted for line in _lines(topic, found, default)]
    for line in lines:
        print(line)
    if not quiet or lines:
        count = "no difference" if not lines else f"{len(lines)} difference{'s' if len(lines) > 1 else ''}"
        print(f"{count} in {len(wanted)} topics")
    return _FOUND if lines else _OK


def _lines(topic: WantedTopic, found: Mapping[str, FoundTopic], default: int) -> list[str]:
    from sla_stream.kafka.admin import differences

    if topic.name not in found:
        return ["missing (`sla-stream topics create` makes it)"]
    return differences(topic, found[topic.name], default)


def _say(topic: WantedTopic, what: str) -> None:
    partitions = f"{topic.partitions} partition{'s' if topic.partitions > 1 else ''}"
    copies = f"{topic.replication} {'copies' if topic.replication != 1 else 'copy'}"
    print(f"{what} {topic.name}" + (f" ({partitions}, {copies})" if what == "created" else ""))
