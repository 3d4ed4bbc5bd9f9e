"""Before anything is received: does the cluster let us in, are the topics there, and may we write to them."""

from __future__ import annotations

from collections.abc import Iterable

from sla_stream.errors import ConfigError, RetryableError
from sla_stream.formats.settings import Settings
from sla_stream.gateway.config import Gateway
from sla_stream.kafka.admin import Admin
from sla_stream.kafka.reach import obstacle
from sla_stream.kafka.rights import Right


def gateway_rights(topics: Iterable[str]) -> list[Right]:
    """The least that `gateway` needs."""
    return [Right("Write", "topic", topic) for topic in topics]


async def check_topics(settings: Settings, gateway: Gateway) -> None:
    """ConfigError for what the operator has to put right, RetryableError when the cluster does not answer."""
    topics = sorted({hook.topic for hook in gateway.hooks})
    _check_names(settings, gateway)
    reason = await obstacle(settings)
    if reason is not None:
        text = f"kafka: cannot use the cluster: {reason}"
        raise ConfigError(text) if reason.lasting else RetryableError(text)
    async with Admin(settings) as admin:
        found = await admin.describe(topics, configs=False)
        await admin.require(gateway_rights(topics))
    if missing := [topic for topic in topics if topic not in found]:
        raise ConfigError(
            f"hooks: {settings.kafka} has no topic {', '.join(missing)}; expected every hook's topic to exist (full "
            "names, without topic_prefix): kafka-topics.sh --create --partitions 8 --topic NAME makes one"
        )


def _check_names(settings: Settings, gateway: Gateway) -> None:
    ours = {*settings.topics.values(), settings.topic("clock"), settings.topic("policies"), settings.topic("retries")}
    for hook in gateway.hooks:
        if hook.topic in ours:
            raise ConfigError(
                f"hooks.{hook.name}.topic: {hook.topic} is a topic of ours; expected one for payloads as they come, "
                "which `sla-stream ingest` turns into ticket events"
            )
