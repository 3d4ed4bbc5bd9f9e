"""Both ends of a pipeline from outside: append records with timestamps of our own, follow topics, clean up after.

What the demo and tests stand on; the worker uses none of it.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterable, Sequence
from dataclasses import dataclass

from aiokafka import AIOKafkaConsumer, AIOKafkaProducer
from aiokafka.admin import AIOKafkaAdminClient
from aiokafka.errors import NonEmptyGroup
from aiokafka.protocol.admin import DeleteGroupsRequest
from aiokafka.structs import TopicPartition

from sla_stream.formats.settings import Settings
from sla_stream.kafka.clients import connection


class Feed:
    """Appends to one topic. Keys go to the partition that Java's default partitioner gives them (murmur2)."""

    def __init__(self, settings: Settings, topic: str) -> None:
        self._topic = topic
        self._producer = AIOKafkaProducer(
            **connection(settings, "feed"), enable_idempotence=True, acks="all", linger_ms=2
        )

    async def __aenter__(self) -> Feed:
        await self._producer.start()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._producer.stop()

    async def append(self, records: Sequence[tuple[str, bytes, int]]) -> None:
        """Append (key, value, timestamp in ms) records; returns when the broker has acknowledged every one."""
        sent = [
            await self._producer.send(self._topic, value, key=key.encode(), timestamp_ms=timestamp)
            for key, value, timestamp in records
        ]
        for one in sent:
            await one


@dataclass(frozen=True, slots=True)
class Followed:
    """A record of a followed topic."""

    topic: str
    partition: int
    offset: int
    timestamp: int
    value: bytes | None


class Follower:
    """Reads topics from their beginning and stays with them, without a group: it leaves nothing behind."""

    def __init__(self, settings: Settings, topics: Iterable[str]) -> None:
        self._topics = tuple(topics)
        self._consumer = AIOKafkaConsumer(
            **connection(settings, "follower"),
            isolation_level="read_committed",
            auto_offset_reset="earliest",
            enable_auto_commit=False,
            fetch_max_wait_ms=100,
            check_crcs=False,  # the embedded broker writes commit markers without one
        )

    async def __aenter__(self) -> Follower:
        await self._consumer.start()
        partitions = [
            TopicPartition(topic, number)
            for topic in self._topics
            for number in await self._consumer._client._wait_on_metadata(topic) or ()
        ]
        self._consumer.assign(partitions)
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._consumer.stop()

    async def records(self) -> AsyncIterator[Followed]:
        """What is committed, as it comes, for ever; in order within a partition."""
        while True:
            for fetched in (await self._consumer.getmany(timeout_ms=200)).values():
                for one in fetched:
                    yield Followed(one.topic, one.partition, one.offset, one.timestamp, one.value)

    async def caught_up(self) -> bool:
        """Everything committed by now was handed out."""
        assigned = sorted(self._consumer.assignment())
        ends = await self._consumer.end_offsets(assigned)
        for partition in assigned:
            if await self._consumer.position(partition) < ends[partition]:
                return False
        return True


async def delete_group(settings: Settings, group_id: str, patience_s: float = 15.0) -> None:
    """Forget a consumer group and its offsets; one that never was is no error.

    A member that died keeps the group until its session has timed out: `patience_s` is for that.
    """
    admin = AIOKafkaAdminClient(**connection(settings, "cleanup"))
    await admin.start()
    deadline = asyncio.get_running_loop().time() + patience_s
    try:
        coordinator = await admin.find_coordinator(group_id)
        while True:
            answer = await admin._send_request(DeleteGroupsRequest([group_id]), coordinator)
            still_used = any(code == NonEmptyGroup.errno for _, code in answer.results)
            if not still_used or asyncio.get_running_loop().time() > deadline:
                return
            await asyncio.sleep(0.2)
    finally:
        await admin.close()
