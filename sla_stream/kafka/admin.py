"""Making, looking at, comparing and deleting topics."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from types import TracebackType
from typing import Any, Final, Self

from aiokafka.admin import AIOKafkaAdminClient
from aiokafka.admin.config_resource import ConfigResource, ConfigResourceType
from aiokafka.errors import (
    IncompatibleBrokerVersion,
    KafkaError,
    TopicAlreadyExistsError,
    TopicAuthorizationFailedError,
    for_code,
)
from aiokafka.protocol.admin import CreateTopicsRequest, DeleteTopicsRequest
from aiokafka.protocol.metadata import MetadataRequest

from sla_stream.errors import ConfigError, RetryableError
from sla_stream.formats.settings import Settings
from sla_stream.kafka.authorized import group_topics, missing_rights
from sla_stream.kafka.clients import connection
from sla_stream.kafka.reach import obstacle
from sla_stream.kafka.rights import Operation, Right, denied
from sla_stream.kafka.topics import WantedTopic

log = logging.getLogger(__name__)

PATIENCE_S: Final = 10.0
_POLL_S: Final = 0.05
_LEADERLESS: Final = -1
_SET_ON_TOPIC: Final = 1
"""Kafka's mark of a topic config that was set for this topic, not inherited."""


@dataclass(frozen=True, slots=True)
class FoundTopic:
    """A topic as it is. `leaders` by partition, -1 where none is elected; `config` with inherited values."""

    name: str
    leaders: dict[int, int]
    replication: int
    config: dict[str, str]

    @property
    def partitions(self) -> int:
        return len(self.leaders)


class Admin:
    """`async with Admin(settings) as admin`. ConfigError when the cluster cannot be reached in 10 s."""

    def __init__(self, settings: Settings, patience_s: float = PATIENCE_S) -> None:
        self._settings = settings
        self._patience_s = patience_s

    async def __aenter__(self) -> Self:
        where = "kafka: cannot use the cluster"
        request_timeout_ms = int(self._patience_s * 1000)
        try:
            async with asyncio.timeout(self._patience_s):
                reason = await obstacle(self._settings, request_timeout_ms)
                if reason is not None:
                    raise ConfigError(f"{where}: {reason}")
                await self._start(request_timeout_ms)
        except TimeoutError:
            raise ConfigError(f"{where}: {self._settings.kafka}: no answer within {self._patience_s:g} s") from None
        except KafkaError as error:
            raise ConfigError(f"{where}: {error}") from None
        return self

    async def _start(self, request_timeout_ms: int) -> None:
        self._client = AIOKafkaAdminClient(**connection(self._settings, "admin"), request_timeout_ms=request_timeout_ms)
        try:
            await self._client.start()
        except BaseException:
            await self._client.close()
            raise

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._client.close()

    async def topic_names(self) -> set[str]:
        """Every topic that we may see."""
        return {topic["topic"] for topic in await self._metadata(None)}

    async def describe(self, names: Collection[str], *, configs: bool = True) -> dict[str, FoundTopic]:
        """Those of the topics that exist, with their configs. ConfigError when we may not see one.

        `configs` False: without them, which a reader needs no right to see, and without topics we may not see.
        """
        answered = await self._metadata(names)
        for topic in answered if configs else ():
            if for_code(topic["error_code"]) is TopicAuthorizationFailedError:
                raise self._may_not("Describe", topic["topic"])
        described = [topic for topic in answered if topic["error_code"] == 0]
        values = await self._configs([topic["topic"] for topic in described] if configs else [])
        return {
            topic["topic"]: FoundTopic(
                topic["topic"],
                {one["partition"]: one["leader"] for one in topic["partitions"]},
                min(len(one["replicas"]) for one in topic["partitions"]),
                {name: value for name, (value, _) in values.get(topic["topic"], {}).items()},
            )
            for topic in described
        }

    async def require(self, rights: Collection[Right]) -> None:
        """ConfigError that names every right we lack. None of them is used; topics that are missing are passed over."""
        try:
            missing = await missing_rights(self._client._client, rights)
        except KafkaError as error:
            raise RetryableError(f"kafka: our rights could not be asked for: {error}") from error
        if missing:
            raise denied(self._settings, missing)

    async def group_offsets(self, group: str) -> dict[tuple[str, int], int]:
        """The next offset that a group will read, by (topic, partition); of topics that we may see."""
        try:
            committed = await self._client.list_consumer_group_offsets(group)
        except KafkaError as error:
            raise RetryableError(f"group {group}: its offsets cannot be read: {error}") from error
        return {(one.topic, one.partition): at.offset for one, at in committed.items() if at.offset >= 0}

    async def group_topics(self, group: str) -> dict[str, str]:
        """Topics that a group has offsets of (to ""), and those that its members read now (to one member each)."""
        try:
            members = await group_topics(self._client._client, group)
            return {topic: "" for topic, _ in await self.group_offsets(group)} | members
        except IncompatibleBrokerVersion:  # the embedded broker
            return {}
        except KafkaError as error:
            raise RetryableError(f"group {group}: its members cannot be asked for: {error}") from error

    async def default_replication(self) -> int:
        """How many copies the brokers make of a topic that does not say. ConfigError when we may not ask."""
        if self._settings.replication is not None:
            return self._settings.replication
        resources = [ConfigResource(ConfigResourceType.BROKER, str(self._any_broker()))]
        try:
            responses = await self._client.describe_configs(resources)
        except IncompatibleBrokerVersion:  # the embedded broker
            return 1
        for response in responses:
            for resource in response.resources:
                if resource[0] != 0:
                    raise denied(self._settings, [Right("DescribeConfigs", "cluster")])
                for name, value, *_ in resource[4]:
                    if name == "default.replication.factor" and value:
                        return int(value)
        return 1

    async def create(self, topics: Iterable[WantedTopic]) -> list[str]:
        """Makes those that do not exist; their names. ConfigError with the broker's reasons, all at once."""
        wanted = list(topics)
        await self.require([Right("Describe", "topic", topic.name) for topic in wanted])
        existing = await self.topic_names()
        missing = [topic for topic in wanted if topic.name not in existing]
        if not missing:
            return []
        default = await self.default_replication()
        entries = [_creation(topic.on(default)) for topic in missing]
        timeout = int(self._patience_s * 1000)
        try:
            response = await self._to_controller(CreateTopicsRequest(entries, timeout, False))
        except IncompatibleBrokerVersion:
            return await self._create_by_mention(missing)
        made: list[str] = []
        refused: list[str] = []
        for name, code, *more in response.topic_errors:
            if code == 0:
                made.append(name)
            elif for_code(code) is TopicAuthorizationFailedError:
                refused.append(str(self._may_not("Create", name)))
            elif for_code(code) is not TopicAlreadyExistsError:  # somebody else was faster: all the same
                why = (more[0] if more else None) or for_code(code).__name__
                refused.append(f"topic {name}: the broker refuses to make it: {why}")
        if refused:
            raise ConfigError("\n".join(refused))
        return made

    async def _create_by_mention(self, topics: Collection[WantedTopic]) -> list[str]:
        """On the embedded broker, which makes topics at their first mention and knows no configs."""
        await self._send(MetadataRequest([topic.name for topic in topics], allow_auto_topic_creation=True))
        for topic in await self._metadata([topic.name for topic in topics]):
            wanted = next(one for one in topics if one.name == topic["topic"])
            if len(topic["partitions"]) < wanted.partitions:
                raise ConfigError(
                    f"topic {wanted.name}: the embedded broker makes topics with {len(topic['partitions'])} "
                    f"partitions, expected {wanted.partitions}"
                )
        return [topic.name for topic in topics]

    async def wait_for_leaders(self, partitions: Mapping[str, int], patience_s: float = 30.0) -> None:
        """Until every partition of the topics (name to number) has a leader: making a topic returns before that.

        RetryableError when it takes longer than `patience_s`.
        """
        deadline = asyncio.get_running_loop().time() + patience_s
        while waiting := await self._leaderless(partitions):
            if asyncio.get_running_loop().time() > deadline:
                raise RetryableError(f"no leader after {patience_s:g} s: {', '.join(sorted(waiting))}")
            await asyncio.sleep(_POLL_S)

    async def set_config(self, name: str, changes: Mapping[str, str]) -> None:
        """Changes configs of a topic and keeps the others that were set on it."""
        configs = (await self._configs([name]))[name]
        kept = {key: value for key, (value, source) in configs.items() if source == _SET_ON_TOPIC}
        resource = ConfigResource(ConfigResourceType.TOPIC, name, configs=kept | dict(changes))
        try:
            # aiokafka sends it anywhere; with one request for it alone that is enough
            responses = await self._client.alter_configs([resource])
        except KafkaError as error:
            raise ConfigError(f"topic {name}: its configs could not be changed: {error}") from None
        for response in responses:
            for code, why, *_ in response.resources:
                if for_code(code) is TopicAuthorizationFailedError:
                    raise self._may_not("AlterConfigs", name)
                if code != 0:
                    raise ConfigError(f"topic {name}: its configs could not be changed: {why or for_code(code)}")

    async def delete(self, names: Collection[str]) -> None:
        """Deletes topics and waits until they are gone. Those that do not exist are gone already."""
        if not names:
            return
        try:
            answer = await self._to_controller(DeleteTopicsRequest(list(names), int(self._patience_s * 1000)))
        except IncompatibleBrokerVersion:  # the embedded broker: they go when it goes
            return
        for name, code in answer.topic_error_codes:
            if for_code(code) is TopicAuthorizationFailedError:
                raise self._may_not("Delete", name)
        deadline = asyncio.get_running_loop().time() + self._patience_s
        while left := set(names) & await self.topic_names():
            if asyncio.get_running_loop().time() > deadline:
                raise RetryableError(f"still there after {self._patience_s:g} s: {', '.join(sorted(left))}")
            await asyncio.sleep(_POLL_S)

    def _may_not(self, operation: Operation, topic: str) -> ConfigError:
        return denied(self._settings, [Right(operation, "topic", topic)])

    def _any_broker(self) -> int:
        node: int | None = self._client._client.get_random_node()
        if node is None:
            raise RetryableError("the cluster names no broker")
        return node

    async def _metadata(self, names: Collection[str] | None) -> list[dict[str, Any]]:
        """Asked so that asking about a topic never makes it, whatever the broker's auto.create.topics.enable."""
        request = MetadataRequest(None if names is None else list(names), allow_auto_topic_creation=False)
        topics: list[dict[str, Any]] = (await self._send(request)).to_object()["topics"]
        return topics

    async def _configs(self, names: Collection[str]) -> dict[str, dict[str, tuple[str, int]]]:
        """Topic to config to (value, source)."""
        if not names:
            return {}
        resources = [ConfigResource(ConfigResourceType.TOPIC, name) for name in names]
        found: dict[str, dict[str, tuple[str, int]]] = {name: {} for name in names}
        try:
            responses = await self._client.describe_configs(resources)
        except IncompatibleBrokerVersion:  # the embedded broker knows none
            return found
        for response in responses:
            for code, why, _, name, entries in response.resources:
                if for_code(code) is TopicAuthorizationFailedError:
                    raise self._may_not("DescribeConfigs", name)
                if code != 0:
                    raise ConfigError(f"topic {name}: its configs cannot be read: {why or for_code(code).__name__}")
                found[name] = {entry[0]: (entry[1], entry[3]) for entry in entries}
        return found

    async def _leaderless(self, partitions: Mapping[str, int]) -> set[str]:
        waiting = set(partitions)
        for topic in await self._metadata(list(partitions)):
            led = [one for one in topic["partitions"] if one["error_code"] == 0 and one["leader"] != _LEADERLESS]
            if topic["error_code"] == 0 and len(led) >= partitions[topic["topic"]]:
                waiting.discard(topic["topic"])
        return waiting

    async def _send(self, request: Any) -> Any:
        return await self._client._send_request(request)

    async def _to_controller(self, request: Any) -> Any:
        if not self._client._client.cluster.controller:
            await self._client._client.force_metadata_update()
        if not self._client._client.cluster.controller:
            raise IncompatibleBrokerVersion("the cluster names no controller")
        return await self._client._send_to_controller(request)


def _creation(topic: WantedTopic) -> tuple[str, int, int, list[Any], list[tuple[str, str]]]:
    assert topic.replication is not None
    return topic.name, topic.partitions, topic.replication, [], list(topic.config.items())


def differences(wanted: WantedTopic, found: FoundTopic, default_replication: int) -> list[str]:
    """How a topic differs from what we want, one sentence each. More copies than wanted are no difference."""
    target = wanted.on(default_replication)
    assert target.replication is not None
    lines: list[str] = []
    if found.partitions != target.partitions:
        lines.append(f"partitions: found {found.partitions}, expected {target.partitions}")
    if found.replication < target.replication:
        lines.append(f"replication: found {found.replication}, expected {target.replication}")
    for name, value in config_differences(target, found).items():
        lines.append(f"{name}: found {found.config.get(name, 'nothing')}, expected {value}")
    leaderless = [number for number, leader in found.leaders.items() if leader == _LEADERLESS]
    if leaderless:
        lines.append(f"partitions without a leader: {', '.join(map(str, sorted(leaderless)))}")
    return lines


def config_differences(target: WantedTopic, found: FoundTopic) -> dict[str, str]:
    """The configs that would have to be set on the topic. `target`: after `WantedTopic.on`."""
    return {name: value for name, value in target.config.items() if not _same(found.config.get(name, ""), value)}


def _same(left: str, right: str) -> bool:
    """Numbers by value (0.1 is 0.10), lists in any order, text as it is."""
    try:
        return float(left) == float(right)
    except ValueError:
        return sorted(left.split(",")) == sorted(right.split(","))
