"""Before anything starts: are the topics there, and do input and changelog fit together."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from typing import Any, Final

from aiokafka.admin import AIOKafkaAdminClient
from aiokafka.errors import KafkaError

from sla_stream.errors import ConfigError, RetryableError
from sla_stream.formats.setting_model import Settings, TopicRole
from sla_stream.kafka.clients import connection

PATIENCE: Final = 10.0
"""Seconds for the cluster to answer."""


@dataclass(frozen=True, slots=True)
class TopicFacts:
    """What the cluster says of our topics."""

    partitions: dict[TopicRole, int]
    replication: int
    """Copies of the input topic's partitions."""


async def check_topics(settings: Settings) -> TopicFacts:
    """Facts of the topics this worker uses.

    ConfigError when some are missing or do not fit; RetryableError when the cluster does not answer.
    """
    found = await _describe(settings, [settings.topic(role) for role in _roles(settings)])
    missing = [name for name in (settings.topic(role) for role in _roles(settings)) if name not in found]
    if missing:
        raise ConfigError(
            f"kafka: {settings.kafka} has no topic {', '.join(missing)}; expected all topics to exist: "
            "`sla-stream topics create` makes them"
        )
    partitions = {role: len(found[settings.topic(role)]) for role in _roles(settings)}
    if partitions["ticket_events"] != partitions["changelog"]:
        raise ConfigError(
            f"topics: {settings.topic('ticket_events')} has {partitions['ticket_events']} partitions and "
            f"{settings.topic('changelog')} has {partitions['changelog']}; expected the same number "
            "(`sla-stream topics check` shows every difference)"
        )
    copies = max(len(one["replicas"]) for one in found[settings.topic("ticket_events")])
    return TopicFacts(partitions, copies)


def _roles(settings: Settings) -> list[TopicRole]:
    return [role for role in settings.topics if role != "timers" or settings.timers_topic]


async def _describe(settings: Settings, names: list[str]) -> dict[str, list[dict[str, Any]]]:
    """Partitions by topic, without the topics that do not exist."""
    admin = AIOKafkaAdminClient(**connection(settings, "check"))
    try:
        async with asyncio.timeout(PATIENCE):
            await admin.start()
            try:
                topics = await admin.describe_topics(names)
            finally:
                await admin.close()
    except (KafkaError, OSError, TimeoutError) as error:
        raise RetryableError(f"kafka: no answer from {settings.kafka}: {error!r}") from error
    return {one["topic"]: one["partitions"] for one in topics if one["error_code"] == 0}
