"""How a partition comes to life: fence, changelog, committed offset. In this order, or it is not exact.

Fencing (InitProducerId) returns only when the previous owner's transaction is decided, so the changelog's end asked
for afterwards is final, and so is the committed input offset.
"""

from __future__ import annotations

from dataclasses import dataclass

from aiokafka import AIOKafkaConsumer, AIOKafkaProducer
from aiokafka.structs import TopicPartition

from sla_stream.core.engine import Engine
from sla_stream.core.meta import log_time_of
from sla_stream.errors import SlaStreamError
from sla_stream.observe.logs import get_logger
from sla_stream.worker.policy_record import Adopted
from sla_stream.worker.shared import Shared
from sla_stream.worker.table import Table, read_table

log = get_logger(__name__)


class InputShrunk(SlaStreamError):
    """The input topic ends before the committed offset: it was deleted and made anew."""


@dataclass(slots=True)
class Recovered:
    engine: Engine
    table: Table
    position: int
    """Input offset from which to go on."""
    adopted: Adopted


async def fence(shared: Shared, partition: int) -> AIOKafkaProducer:
    """The partition's producer; from here on no earlier owner can commit."""
    producer: AIOKafkaProducer = shared.connections.producer(partition)
    try:
        await producer.start()
        for topic in shared.settings.topics.values():
            await producer.partitions_for(topic)
    except BaseException:
        await producer.stop()
        raise
    return producer


async def recover(shared: Shared, partition: int) -> Recovered:
    """State and position of a fenced partition."""
    settings = shared.settings
    consumer = shared.connections.reader(partition)
    await consumer.start()
    try:
        changelog = TopicPartition(settings.topic("changelog"), partition)
        table = await read_table(consumer, changelog, want_dirty=settings.timers_topic)
        position = await _position(shared, consumer, partition)
    finally:
        await consumer.stop()
    states, table.states = table.states, {}
    meta = table.meta.engine if table.meta is not None else None
    adopted = _policies(shared, partition, table, states, log_time_of(meta))
    engine = Engine(adopted.timeline(), shared.engine_settings)
    engine.restore(states.items(), meta)
    return Recovered(engine, table, position, adopted)


def _policies(shared: Shared, partition: int, table: Table, states: dict[str, bytes], log_time: int) -> Adopted:
    """What the partition has lived under, and what is new since."""
    feed = shared.policies
    adopted = Adopted(table.policies, feed.published)
    if feed.published:
        adopted.check(feed.published, feed.topic)
        changed = bool(adopted.take(feed.published) and table.policies)
    else:
        assert feed.file is not None, "a worker starts with a file or with published sets"
        adopted.prune(states)
        changed = adopted.take_file(feed.file, log_time)
    if changed:
        log.info("policies.changed", partition=partition, number=adopted.number)
    return adopted


async def _position(shared: Shared, consumer: AIOKafkaConsumer, partition: int) -> int:
    source = TopicPartition(shared.settings.topic("ticket_events"), partition)
    begin = (await consumer.beginning_offsets([source]))[source]
    end = (await consumer.end_offsets([source]))[source]
    committed = await shared.read_committed(partition)
    if committed is None:
        return int(begin)
    if committed < begin:
        log.error(
            "input.records_lost", partition=partition, lost=begin - committed, committed=committed, begin=begin,
            why="retention removed records that were never read",
        )  # fmt: skip
        return int(begin)
    if committed > end:
        raise InputShrunk(
            f"{source.topic}[{partition}] ends at {end}, but {committed} is committed: was the topic made anew? "
            f"Expected the topic that group {shared.settings.group_id!r} has read, or another `app_id`"
        )
    return committed
