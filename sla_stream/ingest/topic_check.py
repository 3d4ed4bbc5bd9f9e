"""Before anything starts: may we, are the topics there, and is it the right cluster."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Final

from aiokafka.structs import TopicPartition

from sla_stream.errors import ConfigError, RetryableError
from sla_stream.formats.settings import Settings
from sla_stream.ingest.shared import Targets, group_id, transactional_id
from sla_stream.kafka.admin import Admin, FoundTopic
from sla_stream.kafka.keys import partition_by_key
from sla_stream.kafka.reach import obstacle
from sla_stream.kafka.rights import Right

_USUAL_LARGEST: Final = 1_048_588
"""Kafka's own default of max.message.bytes."""


async def check_topics(settings: Settings, sources: Collection[str]) -> Targets:
    """Where the results go.

    ConfigError when the cluster is the wrong one or does not let us in, when a right or a topic is missing.
    RetryableError when the cluster does not answer: that passes, so the supervisor should try again.
    """
    events, letters = settings.topic("ticket_events"), settings.topic("dead_letters")
    _check_names(settings, sources)
    reason = await obstacle(settings)
    if reason is not None:
        text = f"kafka: cannot use the cluster: {reason}"
        raise ConfigError(text) if reason.lasting else RetryableError(text)
    async with Admin(settings) as admin:
        found = await admin.describe([events, letters, *sources], configs=False)
        await admin.require(ingest_rights(settings, sources, found))
        _check_presence(settings, (events, letters), sources, found)
        configs = await admin.describe([letters])
    return Targets(
        events,
        letters,
        partition_by_key(found[events].partitions),
        partition_by_key(found[letters].partitions),
        int(configs[letters].config.get("max.message.bytes", _USUAL_LARGEST)),
    )


def ingest_rights(settings: Settings, sources: Collection[str], found: Mapping[str, FoundTopic]) -> list[Right]:
    """The least that `ingest` needs (docs/ingest.md shows it to people)."""
    events, letters = settings.topic("ticket_events"), settings.topic("dead_letters")
    ids = tuple(
        transactional_id(settings, TopicPartition(topic, number))
        for topic in sources
        if topic in found
        for number in range(found[topic].partitions)
    )
    return [
        *(Right("Read", "topic", topic) for topic in sources),
        Right("Write", "topic", events),
        Right("Write", "topic", letters),
        Right("DescribeConfigs", "topic", letters),
        Right("Read", "group", group_id(settings)),
        Right("Write", "transactional-id", f"{group_id(settings)}-", ids),
    ]


def _check_names(settings: Settings, sources: Collection[str]) -> None:
    ours = {*settings.topics.values(), settings.topic("clock"), settings.topic("policies")}
    for topic in sources:
        if topic in ours:
            raise ConfigError(f"sources: {topic} is a topic of ours; expected topics that something else writes to")


def _check_presence(
    settings: Settings, ours: Collection[str], sources: Collection[str], found: Mapping[str, FoundTopic]
) -> None:
    lines = []
    if missing := [topic for topic in ours if topic not in found]:
        lines.append(
            f"kafka: {settings.kafka} has no topic {', '.join(missing)}; expected all topics to exist: "
            "`sla-stream topics create` makes them"
        )
    if missing := [topic for topic in sources if topic not in found]:
        lines.append(
            f"sources: {settings.kafka} has no topic {', '.join(missing)}; expected every source's topic to exist "
            "(names of sources are full names, without topic_prefix)"
        )
    if lines:
        raise ConfigError("\n".join(lines))
