"""Before anything starts: may we, are the topics there, do they fit together, and are they ours alone."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from sla_stream.errors import ConfigError, RetryableError
from sla_stream.formats.settings import TOPIC_ROLES, Settings, TopicRole
from sla_stream.kafka.admin import Admin, FoundTopic
from sla_stream.kafka.reach import obstacle
from sla_stream.kafka.rights import worker_rights
from sla_stream.kafka.topics import wanted_topic

Names = Mapping[TopicRole, str]


@dataclass(frozen=True, slots=True)
class TopicFacts:
    """What the cluster says of our topics."""

    partitions: dict[TopicRole, int]
    replication: int
    """Copies of the input topic's partitions."""


async def check_topics(settings: Settings) -> TopicFacts:
    """Facts of the topics this worker uses.

    ConfigError when the cluster is the wrong one or does not let us in, when a right or a topic is missing, when
    topics do not fit, and when another application uses our group. RetryableError when the cluster does not answer:
    that passes, so the supervisor should try again.
    """
    reason = await obstacle(settings)
    if reason is not None:
        text = f"kafka: cannot use the cluster: {reason}"
        raise ConfigError(text) if reason.lasting else RetryableError(text)
    roles: list[TopicRole] = [role for role in TOPIC_ROLES if role != "timers" or settings.timers_topic]
    names: dict[TopicRole, str] = {role: settings.topic(role) for role in (*roles, "policies")}
    async with Admin(settings) as admin:
        found = await admin.describe(list(names.values()), configs=False)
        source = found.get(names["ticket_events"])
        await admin.require(worker_rights(settings, source.partitions if source is not None else settings.partitions))
        _check_presence(settings, names, found)
        partitions = {role: found[names[role]].partitions for role in roles}
        _check_partitions(names, partitions)
        _check_cleanup(settings, names, await admin.describe(list(names.values())))
        _check_group(settings, await admin.group_topics(settings.group_id))
    return TopicFacts(partitions, found[names["ticket_events"]].replication)


def _check_presence(settings: Settings, names: Names, found: Mapping[str, FoundTopic]) -> None:
    missing = [name for name in names.values() if name not in found]
    if not missing:
        return
    where = "" if found else " (it has none of them: is it the right cluster, and the right topic_prefix?)"
    raise ConfigError(
        f"kafka: {settings.kafka} has no topic {', '.join(missing)}{where}; expected all topics to exist: "
        "`sla-stream topics create` makes them"
    )


def _check_partitions(names: Names, partitions: Mapping[TopicRole, int]) -> None:
    if partitions["ticket_events"] != partitions["changelog"]:
        raise ConfigError(
            f"topics: {names['ticket_events']} has {partitions['ticket_events']} partitions and "
            f"{names['changelog']} has {partitions['changelog']}; expected the same number "
            "(`sla-stream topics check` shows every difference)"
        )


def _check_cleanup(settings: Settings, names: Names, found: Mapping[str, FoundTopic]) -> None:
    """Deletion by age would eat state, and compaction would eat events: neither shows before it is too late."""
    lines: list[str] = []
    for role, name in names.items():
        wanted = wanted_topic(settings, role).config["cleanup.policy"]
        has = {part.strip() for part in found[name].config.get("cleanup.policy", wanted).split(",")}
        if has - {wanted} and ("compact" in (has | {wanted})):
            lines.append(
                f"topic {name}: cleanup.policy: found {','.join(sorted(has))}, expected {wanted}: records would be "
                "lost (`sla-stream topics create --alter` puts it right)"
            )
    if lines:
        raise ConfigError("\n".join(lines))


def _check_group(settings: Settings, topics: Mapping[str, str]) -> None:
    """One group, one input: another application with our app_id would take our partitions and fence our producers."""
    source = settings.topic("ticket_events")
    for topic, member in sorted(topics.items()):
        if topic != source:
            proof = f"{member} reads it now" if member else "it has committed offsets there"
            raise ConfigError(
                f"app_id: group {settings.group_id} belongs to topic {topic} ({proof}), and not to {source}; two "
                "applications must not share an app_id: expected another app_id, or the input topic of this one. "
                f"Should the topic have been renamed: kafka-consumer-groups.sh --bootstrap-server {settings.kafka} "
                f"--delete-offsets --group {settings.group_id} --topic {topic}"
            )
