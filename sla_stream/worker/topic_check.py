"""Before anything starts: are the topics there, and do input and changelog fit together."""

from __future__ import annotations

from dataclasses import dataclass

from sla_stream.errors import ConfigError, RetryableError
from sla_stream.formats.settings import TOPIC_ROLES, Settings, TopicRole
from sla_stream.kafka.admin import Admin
from sla_stream.kafka.clients import reachable


@dataclass(frozen=True, slots=True)
class TopicFacts:
    """What the cluster says of our topics."""

    partitions: dict[TopicRole, int]
    replication: int
    """Copies of the input topic's partitions."""


async def check_topics(settings: Settings) -> TopicFacts:
    """Facts of the topics this worker uses.

    ConfigError when some are missing or do not fit. RetryableError when the cluster does not answer: that passes,
    so the supervisor should try again.
    """
    reason = await reachable(settings)
    if reason is not None:
        raise RetryableError(f"kafka: cannot use the cluster: {reason}")
    roles: list[TopicRole] = [role for role in TOPIC_ROLES if role != "timers" or settings.timers_topic]
    names = {role: settings.topic(role) for role in (*roles, "policies")}
    async with Admin(settings) as admin:
        found = await admin.describe(list(names.values()))
    missing = [name for name in names.values() if name not in found]
    if missing:
        raise ConfigError(
            f"kafka: {settings.kafka} has no topic {', '.join(missing)}; expected all topics to exist: "
            "`sla-stream topics create` makes them"
        )
    partitions = {role: found[names[role]].partitions for role in roles}
    if partitions["ticket_events"] != partitions["changelog"]:
        raise ConfigError(
            f"topics: {names['ticket_events']} has {partitions['ticket_events']} partitions and "
            f"{names['changelog']} has {partitions['changelog']}; expected the same number "
            "(`sla-stream topics check` shows every difference)"
        )
    return TopicFacts(partitions, found[names["ticket_events"]].replication)
