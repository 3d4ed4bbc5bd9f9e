"""One transaction: records by topic and partition, offsets, and nothing half done.

aiokafka commits a transaction even if one of its batches failed, so every send is awaited before the commit; after
the first error a producer is beyond repair, so whatever goes wrong here ends the process.
"""

from __future__ import annotations

import asyncio
from typing import Any, Final

from aiokafka import AIOKafkaProducer
from aiokafka.structs import OffsetAndMetadata, TopicPartition

from sla_stream.kafka.dead_letters import Headers

_NO_HEADERS: Final[list[tuple[str, bytes]]] = []


class Batches:
    """The records of one transaction, in order within each (topic, partition)."""

    def __init__(self, producer: AIOKafkaProducer) -> None:
        self._producer = producer
        self._open: dict[tuple[str, int], Any] = {}
        self._full: list[tuple[tuple[str, int], Any]] = []

    def add(
        self,
        topic: str,
        partition: int,
        key: bytes | None,
        value: bytes | None,
        timestamp: int | None = None,
        headers: Headers = _NO_HEADERS,
    ) -> None:
        """Append one record; `timestamp` in ms, None: now."""
        place = (topic, partition)
        batch = self._open.get(place)
        if batch is None:
            batch = self._open[place] = self._producer.create_batch()
        if batch.append(timestamp=timestamp, key=key, value=value, headers=headers) is None:
            self._full.append((place, batch))
            batch = self._open[place] = self._producer.create_batch()
            took = batch.append(timestamp=timestamp, key=key, value=value, headers=headers)
            assert took is not None, "an empty batch takes a record of any size"

    def __bool__(self) -> bool:
        return bool(self._open)

    def drain(self) -> list[tuple[tuple[str, int], Any]]:
        """All batches, closed, in the order in which they must be sent."""
        batches = [*self._full, *self._open.items()]
        for _, batch in batches:
            batch.close()
        return batches


async def commit(
    producer: AIOKafkaProducer,
    batches: Batches,
    offset: tuple[TopicPartition, int] | None,
    group: str,
    changelog: TopicPartition | None = None,
) -> int | None:
    """Send everything and commit it with the input offset.

    Returns the offset after the last changelog record, None if there was none. Any exception means that the
    outcome is unknown: the caller must end the process and let the log decide.
    """
    await producer.begin_transaction()
    sends: list[asyncio.Future[Any]] = []
    logged: list[tuple[asyncio.Future[Any], int]] = []
    for (topic, partition), batch in batches.drain():
        future = await producer.send_batch(batch, topic, partition=partition)
        sends.append(future)
        if (topic, partition) == changelog:
            logged.append((future, batch.record_count()))
    if offset is not None:
        at, position = offset
        offsets = {at: OffsetAndMetadata(position, "")}
        sends.append(asyncio.ensure_future(producer.send_offsets_to_transaction(offsets, group)))
    await asyncio.gather(*sends)
    await producer.commit_transaction()
    return max((future.result().offset + count for future, count in logged), default=None)
